// A disk whose syncs begin to fail under load: nothing is acknowledged any more, the server ends with an error, and a new one
// serves all that was acknowledged. What a failed sync left is unknown, so going on would be a lie.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Instance, purchase } from './server.mjs';

const here = new URL('.', import.meta.url).pathname;
const writers = 8;

test('a failed sync ends the server before it acknowledges anything more', async () => {
    const instance = await Instance.make();
    try {
        const shim = join(instance.dir, 'fsync.so');
        execFileSync('cc', ['-D_GNU_SOURCE', '-shared', '-fPIC', '-O1', '-o', shim, join(here, 'fsync.c'), '-ldl']);
        const flag = join(instance.dir, 'fails');
        for (let round = 0; round < 3; round += 1) {
            await instance.start({ LD_PRELOAD: shim, LOYALD_FSYNC_FAILS: flag });
            if (round === 0) {
                for (let m = 0; m < 20; m += 1) {
                    assert.equal((await instance.send('POST', '/v1/members', { external_id: `T-${m}` })).status, 201);
                }
            }
            await fail(instance, round, flag);
        }
        await instance.start();
        for (const { event, text } of acknowledged) {
            const again = await instance.send('POST', '/v1/events', event);
            assert.deepEqual([again.status, again.text], [200, text]);
        }
        assert.equal((await instance.send('POST', '/v1/events', purchase('after', 'ext:T-1', 500))).status, 201);
        await instance.kill('SIGTERM');
        instance.run('verify', '--json'); // exits 1 on damage, which throws
        console.log(`${acknowledged.length} acknowledged over three failures`);
    } finally {
        instance.child?.kill('SIGKILL');
    }
    instance.remove();
});

const acknowledged = [];

async function fail(instance, round, flag) {
    let failing = false;
    let next = 0;
    let ended = false;
    const write = async () => {
        while (!ended) {
            const late = failing; // asked after the disk began to fail
            const event = purchase(`e-${round}-${next += 1}`, `ext:T-${next % 20}`, 100 + next % 900);
            const answer = await instance.send('POST', '/v1/events', event).catch(() => null);
            if (answer?.status === 201) {
                assert.ok(!late, 'acknowledged on a disk that fails');
                acknowledged.push({ event, text: answer.text });
            } else if (answer) {
                assert.ok(answer.status >= 500, answer.text);
            }
        }
    };
    const running = Array.from({ length: writers }, write);
    await new Promise((resolve) => setTimeout(resolve, 300));
    writeFileSync(flag, '');
    failing = true;
    const timer = setTimeout(() => { ended = true; instance.child.kill('SIGKILL'); }, 10000);
    const end = await instance.exited;
    clearTimeout(timer);
    ended = true;
    await Promise.all(running);
    rmSync(flag);
    assert.ok(end.signal === null && end.code > 0, `ended with ${JSON.stringify(end)}: ${instance.log}`);
}
