// A disk that becomes read-only, and files that may not be opened: a clear word at the start, 503 at run time, nothing lost.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Instance, binary, purchase } from './server.mjs';

const here = new URL('.', import.meta.url).pathname;
const root = join(here, '../..');
const isRoot = process.getuid() === 0;
const asRoot = (...words) => (isRoot ? execFileSync(words[0], words.slice(1)) : execFileSync('sudo', ['-n', ...words]));

test('a disk that becomes read-only answers 503, reads go on, and what was acknowledged stays', async () => {
    const instance = await Instance.make();
    const shim = join(instance.dir, 'readonly.so');
    const flag = join(instance.dir, 'is-read-only');
    execFileSync('cc', ['-D_GNU_SOURCE', '-shared', '-fPIC', '-O1', '-o', shim, join(here, 'readonly.c'), '-ldl']);
    try {
        await instance.start({ LD_PRELOAD: shim, LOYALD_READ_ONLY: flag });
        assert.equal((await instance.send('POST', '/v1/members', { external_id: 'T-1' })).status, 201);
        const first = purchase('e-1', 'ext:T-1', 1000);
        const kept = await instance.send('POST', '/v1/events', first);
        assert.equal(kept.status, 201);
        writeFileSync(flag, '');
        for (let i = 0; i < 20; i += 1) {
            const refused = await instance.send('POST', '/v1/events', purchase(`r-${i}`, 'ext:T-1', 1000));
            assert.equal(refused.status, 503, refused.text);
            assert.equal(JSON.parse(refused.text).code, 'database');
            assert.ok(Number(refused.headers['retry-after']) > 0);
        }
        assert.equal((await instance.send('GET', '/v1/members/ext%3AT-1/balances')).status, 200, 'reads go on');
        assert.equal((await instance.send('GET', '/healthz')).status, 200);
        rmSync(flag);
        const again = await instance.send('POST', '/v1/events', first);
        assert.deepEqual([again.status, again.text], [200, kept.text]);
        assert.equal((await instance.send('POST', '/v1/events', purchase('r-0', 'ext:T-1', 1000))).status, 201, 'writes resume');
        await instance.kill('SIGTERM');
        instance.run('verify', '--json'); // exits 1 on damage, which throws
    } finally {
        instance.child?.kill('SIGKILL');
    }
    instance.remove();
});

// `loyald serve` that must not come up; returns what it said.
function fails(instance, options = {}) {
    const end = spawnSync(binary, ['serve'], { env: instance.env, cwd: '/', encoding: 'utf8', timeout: 10000, ...options });
    assert.ok(end.status !== null && end.status !== 0, `ended with ${end.status} ${end.signal}: ${end.stderr}`);
    return end.stderr;
}

test('on a disk mounted for reading only the server says so and does not start', async () => {
    const dir = mkdtempSync(join(root, 'build/readonly-'));
    asRoot('mount', '-t', 'tmpfs', '-o', 'size=32m,mode=0777', 'tmpfs', dir);
    try {
        const instance = await Instance.make({ dir });
        asRoot('mount', '-o', 'remount,ro', dir);
        assert.match(fails(instance), /loyald\.db.*read-only|read-only.*loyald\.db/i);
        asRoot('mount', '-o', 'remount,rw', dir);
        await instance.start();
        assert.equal((await instance.send('POST', '/v1/members', { external_id: 'T-1' })).status, 201);
        await instance.kill('SIGTERM');
    } finally {
        asRoot('umount', dir);
        rmSync(dir, { recursive: true, force: true });
    }
});

test('files that the user may not open are named, and not changed', async () => {
    const instance = await Instance.make();
    const user = isRoot ? { uid: 65534, gid: 65534 } : {};
    chmodSync(instance.dir, 0o755);
    for (const name of readdirSync(instance.dir)) {
        if (isRoot) chownSync(join(instance.dir, name), user.uid, user.gid);
    }
    if (isRoot) chownSync(instance.dir, user.uid, user.gid);
    for (const name of ['loyald.db', 'keys.db', 'master.key']) {
        const path = join(instance.dir, name);
        const before = statSync(path).mtimeMs;
        chmodSync(path, 0);
        const said = fails(instance, user);
        assert.match(said, new RegExp(name.replace('.', '\\.')), said);
        assert.match(said, /permission|may not|cannot|open/i, said);
        chmodSync(path, 0o600);
        assert.equal(statSync(path).mtimeMs, before);
    }
    instance.remove();
});
