// A loyald instance for a test: made in a directory, started, killed, started again. No packages.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import http from 'node:http';
import { join } from 'node:path';

const root = new URL('../..', import.meta.url).pathname;
export const binary = process.env.LOYALD_BIN ?? join(root, `build/${process.env.FLAVOUR ?? 'release'}/loyald`);

export class Instance {
    static freePort() {
        return new Promise((resolve) => {
            const server = createServer().listen(0, '127.0.0.1', () => {
                const { port } = server.address();
                server.close(() => resolve(port));
            });
        });
    }

    static async make({ database, dir, preset = 'retail', program, testClock = false } = {}) {
        const instance = await Instance.open({ database, dir });
        instance.run('init', ...(program ? [] : ['--preset', preset]), ...(testClock ? ['--test-clock'] : []));
        if (program) {
            instance.run('program', 'publish', program);
        }
        instance.key = JSON.parse(instance.run('key', 'create', '--name', 'torture', '--scopes', 'all', '--json')).key;
        return instance;
    }

    // An instance that is there already.
    static async open({ database, dir, key } = {}) {
        const instance = new Instance();
        instance.key = key;
        instance.dir = dir ?? mkdtempSync(join(root, 'build/torture-'));
        instance.port = await Instance.freePort();
        instance.env = {
            ...process.env,
            LOYALD_DATABASE: database ?? join(instance.dir, 'loyald.db'),
            LOYALD_KEYS: join(instance.dir, 'keys.db'),
            LOYALD_KEY_FILE: join(instance.dir, 'master.key'),
            LOYALD_LISTEN: `127.0.0.1:${instance.port}`,
        };
        return instance;
    }

    run(...words) {
        return execFileSync(binary, words, { env: this.env, cwd: this.dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    }

    // Starts the server and waits until it can serve; returns the milliseconds that took.
    async start(env = {}) {
        const started = Date.now();
        this.child = spawn(binary, ['serve'], { env: { ...this.env, ...env }, cwd: this.dir, stdio: ['ignore', 'ignore', 'pipe'] });
        this.log = '';
        this.child.stderr.on('data', (piece) => { this.log = (this.log + piece).slice(-4000); });
        this.exited = new Promise((resolve) => this.child.on('exit', (code, signal) => resolve({ code, signal })));
        this.agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
        for (;;) {
            const answer = await this.send('GET', '/readyz').catch(() => null);
            if (answer?.status === 200) {
                return Date.now() - started;
            }
            if (this.child.exitCode !== null || Date.now() - started > 30000) {
                throw new Error(`loyald did not start: ${this.log}`);
            }
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
    }

    async kill(signal = 'SIGKILL') {
        this.child.kill(signal);
        const end = await this.exited;
        this.agent.destroy();
        return end;
    }

    send(method, path, body, headers = {}) {
        return new Promise((resolve, reject) => {
            const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
            const request = http.request({
                host: '127.0.0.1', port: this.port, method, path, agent: this.agent,
                headers: {
                    authorization: `Bearer ${this.key}`,
                    ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
                    ...headers,
                },
            }, (response) => {
                let data = '';
                response.setEncoding('utf8');
                response.on('data', (piece) => { data += piece; });
                response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text: data }));
                response.on('error', reject);
            });
            request.on('error', reject);
            request.end(text);
        });
    }

    remove() {
        rmSync(this.dir, { recursive: true, force: true });
    }
}

export function purchase(id, subject, amount, extra = {}) {
    return {
        specversion: '1.0', id, source: 'torture', type: 'purchase', time: new Date(Date.now() - 1000).toISOString(), subject,
        data: { amount, currency: 'EUR', ...extra },
    };
}
