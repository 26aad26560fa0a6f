// A disk that begins to fail under load: nothing is acknowledged any more, the server ends with an error, and a new one
// serves all that was acknowledged. What a failed sync left is unknown, so going on would be a lie.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Instance, purchase } from './server.mjs';

const here = new URL('.', import.meta.url).pathname;
const writers = 8;

const MEMBERS = 20;

async function make() {
    const instance = await Instance.make();
    const shim = join(instance.dir, 'fsync.so');
    execFileSync('cc', ['-D_GNU_SOURCE', '-shared', '-fPIC', '-O1', '-o', shim, join(here, 'fsync.c'), '-ldl']);
    return { instance, shim, flag: join(instance.dir, 'fails') };
}

async function enrol(instance) {
    for (let m = 0; m < MEMBERS; m += 1) {
        assert.equal((await instance.send('POST', '/v1/members', { external_id: `T-${m}` })).status, 201);
    }
}

// A new server on a disk that is well again has all that was acknowledged, goes on, and its books are sound.
async function check(instance, acknowledged) {
    await instance.start();
    for (const { event, text } of acknowledged) {
        const again = await instance.send('POST', '/v1/events', event);
        assert.deepEqual([again.status, again.text], [200, text]);
    }
    assert.equal((await instance.send('POST', '/v1/events', purchase('after', 'ext:T-1', 500))).status, 201);
    await instance.kill('SIGTERM');
    instance.run('verify', '--json'); // exits 1 on damage, which throws
}

test('a failed sync ends the server before it acknowledges anything more', async () => {
    const { instance, shim, flag } = await make();
    const acknowledged = [];
    try {
        for (let round = 0; round < 3; round += 1) {
            await instance.start({ LD_PRELOAD: shim, LOYALD_FSYNC_FAILS: flag });
            if (round === 0) {
                await enrol(instance);
            }
            await failSyncs(instance, round, flag, acknowledged);
        }
        await check(instance, acknowledged);
        console.log(`${acknowledged.length} acknowledged over three failures`);
    } finally {
        instance.child?.kill('SIGKILL');
    }
    instance.remove();
});

test('pages that a checkpoint cannot write back end the server, and the log still has them', async () => {
    const { instance, shim, flag } = await make();
    const acknowledged = [];
    try {
        await instance.start({ LD_PRELOAD: shim, LOYALD_WRITE_BACK_FAILS: flag });
        await enrol(instance);
        writeFileSync(flag, '');
        const load = begin(instance, 'w', () => false, acknowledged);
        const timer = setTimeout(() => instance.child.kill('SIGKILL'), 120000); // the log has to pass its limit
        const end = await instance.exited;
        clearTimeout(timer);
        await load.end();
        assert.ok(end.signal === null && end.code > 0, `ended with ${JSON.stringify(end)}: ${instance.log}`);
        assert.match(instance.log, /statement=checkpoint .*lost=1/);
        rmSync(flag);
        await check(instance, acknowledged);
        console.log(`${acknowledged.length} acknowledged before the checkpoint`);
    } finally {
        instance.child?.kill('SIGKILL');
    }
    instance.remove();
});

// Clients that go on until they are told to end; late() says whether nothing may be acknowledged any more.
function begin(instance, prefix, late, acknowledged) {
    let next = 0;
    let ended = false;
    const write = async () => {
        while (!ended) {
            const isLate = late(); // asked before the event is sent
            const event = purchase(`${prefix}-${next += 1}`, `ext:T-${next % MEMBERS}`, 100 + next % 900);
            const answer = await instance.send('POST', '/v1/events', event).catch(() => null);
            if (answer?.status === 201) {
                assert.ok(!isLate, 'acknowledged on a disk that fails');
                acknowledged.push({ event, text: answer.text });
            } else if (answer) {
                assert.ok(answer.status >= 500, answer.text);
            } else {
                await new Promise((resolve) => setTimeout(resolve, 10)); // the server is gone
            }
        }
    };
    const running = Array.from({ length: writers }, write);
    return { end: () => { ended = true; return Promise.all(running); } };
}

async function failSyncs(instance, round, flag, acknowledged) {
    let failing = false;
    const load = begin(instance, `e-${round}`, () => failing, acknowledged);
    await new Promise((resolve) => setTimeout(resolve, 300));
    writeFileSync(flag, '');
    failing = true;
    const timer = setTimeout(() => instance.child.kill('SIGKILL'), 10000);
    const end = await instance.exited;
    clearTimeout(timer);
    await load.end();
    rmSync(flag);
    assert.ok(end.signal === null && end.code > 0, `ended with ${JSON.stringify(end)}: ${instance.log}`);
}
