// A full disk and a database that goes away: the right answer at once, reads go on, nothing lost or doubled after.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Instance, purchase } from './server.mjs';

const root = new URL('../..', import.meta.url).pathname;
const asRoot = (...words) => (process.getuid() === 0 ? execFileSync(words[0], words.slice(1)) : execFileSync('sudo', ['-n', ...words]));

async function enrol(instance, n) {
    for (let m = 0; m < n; m += 1) {
        const answer = await instance.send('POST', '/v1/members', { external_id: `T-${m}` });
        assert.equal(answer.status, 201, answer.text);
    }
}

test('a full disk answers 507, reads go on, and writes resume by themselves when space returns', async () => {
    const dir = mkdtempSync(join(root, 'build/full-'));
    asRoot('mount', '-t', 'tmpfs', '-o', 'size=12m,mode=0777', 'tmpfs', dir);
    let instance;
    try {
        instance = await Instance.make({ dir });
        await instance.start();
        await enrol(instance, 5);
        const acknowledged = [];
        const ballast = join(dir, 'ballast');
        writeFileSync(ballast, Buffer.alloc(6 * 1024 * 1024));
        let full = null;
        for (let i = 0; i < 20000 && full === null; i += 1) {
            const event = purchase(`e-${i}`, `ext:T-${i % 5}`, 1000, { attributes: { note: 'x'.repeat(2000) } });
            const answer = await instance.send('POST', '/v1/events', event);
            if (answer.status === 201) {
                acknowledged.push({ event, text: answer.text });
            } else {
                full = { answer, event };
            }
        }
        assert.equal(full?.answer.status, 507, full?.answer.text);
        assert.equal(JSON.parse(full.answer.text).code, 'disk_full');
        const read = await instance.send('GET', '/v1/members/ext%3AT-0/balances');
        assert.equal(read.status, 200, 'reads go on');
        rmSync(ballast);
        let resumed = null;
        for (let i = 0; i < 100 && resumed?.status !== 201; i += 1) {
            resumed = await instance.send('POST', '/v1/events', full.event);
            await new Promise((resolve) => setTimeout(resolve, 50));
        }
        assert.equal(resumed.status, 201, resumed.text);
        for (const { event, text } of acknowledged) {
            const again = await instance.send('POST', '/v1/events', event);
            assert.deepEqual([again.status, again.text], [200, text]);
        }
        await instance.kill('SIGTERM');
        instance.run('verify', '--json'); // exits 1 on damage, which throws
        console.log(`full after ${acknowledged.length} events`);
    } finally {
        instance?.child?.kill('SIGKILL');
        await new Promise((resolve) => setTimeout(resolve, 200));
        asRoot('umount', dir);
        rmSync(dir, { recursive: true, force: true });
    }
});

test('PostgreSQL restarted under load: 503 at worst, nothing lost or doubled', { skip: !process.env.LOYALD_TEST_PG && 'LOYALD_TEST_PG names no server' }, async () => {
    const url = process.env.LOYALD_TEST_PG;
    const name = `restart_${process.pid}`;
    execFileSync('psql', [url, '-qc', `CREATE DATABASE ${name}`]);
    const instance = await Instance.make({ database: url.replace(/\/[^/]*$/, `/${name}`) });
    try {
        await instance.start();
        await enrol(instance, 50);
        const acknowledged = new Map();
        const statuses = new Map();
        let stop = false;
        let next = 0;
        const write = async () => {
            while (!stop) {
                const event = purchase(`e-${next += 1}`, `ext:T-${next % 50}`, 100 + (next % 900));
                for (let tries = 0; tries < 200; tries += 1) {
                    const answer = await instance.send('POST', '/v1/events', event);
                    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
                    if (answer.status === 201 || answer.status === 200) {
                        acknowledged.set(event.id, { event, text: answer.text });
                        break;
                    }
                    assert.equal(answer.status, 503, answer.text);
                    await new Promise((resolve) => setTimeout(resolve, 100));
                }
            }
        };
        const running = Array.from({ length: 16 }, write);
        for (let round = 0; round < 3; round += 1) {
            await new Promise((resolve) => setTimeout(resolve, 1000));
            execFileSync(join(root, 'test/pg.sh'), ['restart']);
        }
        await new Promise((resolve) => setTimeout(resolve, 1000));
        stop = true;
        await Promise.all(running);
        for (const { event, text } of acknowledged.values()) {
            const again = await instance.send('POST', '/v1/events', event);
            assert.deepEqual([again.status, again.text], [200, text]);
        }
        await instance.kill('SIGTERM');
        instance.run('verify', '--json');
        console.log(`${acknowledged.size} events over three restarts, answers by status: ${JSON.stringify([...statuses])}`);
    } finally {
        instance.child?.kill('SIGKILL');
    }
    instance.remove();
    execFileSync('psql', [url, '-qc', `DROP DATABASE ${name} WITH (FORCE)`]);
});
