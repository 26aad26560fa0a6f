// kill -9 at random moments under 16 concurrent writers: no acknowledged event lost, none applied twice, books balance,
// ready again in seconds. On SQLite, and on PostgreSQL where LOYALD_TEST_PG names a server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { execFileSync } from 'node:child_process';
import { Instance, purchase } from './server.mjs';

const rounds = Number(process.env.ROUNDS ?? 20);
const writers = 16;
const members = 200;
const seed = Number(process.env.SEED ?? Date.now() % 1000000);

// xorshift32: the moments can be repeated by SEED.
function dice(state) {
    return () => {
        state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
        return (state >>> 0) / 4294967296;
    };
}

// Each key that is there, acknowledged or not, has its one entry, and each entry its key.
async function everyChangeIsAudited(instance, acknowledged) {
    const made = [];
    for (let cursor = ''; cursor !== null;) {
        const page = JSON.parse((await instance.send('GET', `/v1/keys?limit=1000${cursor && `&cursor=${cursor}`}`)).text);
        made.push(...page.data.map((key) => key.id));
        cursor = page.next_cursor;
    }
    const audited = instance.run('audit', 'export').trim().split('\n').map((line) => JSON.parse(line))
        .filter((entry) => entry.action === 'key.create').map((entry) => entry.object);
    assert.deepEqual(audited.toSorted(), made.toSorted());
    for (const id of acknowledged) {
        assert.ok(made.includes(id), `${id} was acknowledged and is gone`);
    }
    assert.ok(acknowledged.size > 0);
}

async function torture(instance) {
    const roll = dice(seed || 1);
    const acknowledged = new Map(); // id -> { event, text }
    await instance.start();
    for (let m = 0; m < members; m += 1) {
        const answer = await instance.send('POST', '/v1/members', { external_id: `T-${m}` });
        assert.equal(answer.status, 201, answer.text);
    }
    const keys = new Set(); // acknowledged
    let slowest = 0;
    let next = 0;
    for (let round = 0; round < rounds; round += 1) {
        let stop = false;
        const write = async () => {
            while (!stop) {
                const id = `e-${next += 1}`;
                const event = purchase(id, `ext:T-${Math.floor(roll() * members)}`, Math.floor(roll() * 5000));
                const answer = await instance.send('POST', '/v1/events', event).catch(() => null);
                if (answer?.status === 201) {
                    acknowledged.set(id, { event, text: answer.text });
                }
            }
        };
        const manage = async () => {
            while (!stop) {
                const made = await instance.send('POST', '/v1/keys', { name: `k-${next += 1}`, scopes: ['members:read'] }).catch(() => null);
                if (made?.status === 201) keys.add(JSON.parse(made.text).id);
                await instance.send('PATCH', `/v1/members/ext%3AT-${Math.floor(roll() * members)}`, { city: `C-${next += 1}` }).catch(() => null);
            }
        };
        const running = [...Array.from({ length: writers }, write), manage()];
        await new Promise((resolve) => setTimeout(resolve, 50 + roll() * 400));
        await instance.kill('SIGKILL');
        stop = true;
        await Promise.all(running);
        slowest = Math.max(slowest, await instance.start());
    }
    assert.ok(slowest < 15000, `ready after ${slowest} ms`);
    let lost = 0;
    for (const [id, { event, text }] of acknowledged) {
        const answer = await instance.send('POST', '/v1/events', event);
        if (answer.status !== 200 || answer.text !== text || answer.headers['idempotency-replayed'] !== 'true') {
            lost += 1;
            console.log(`${id}: ${answer.status} ${answer.text}\n  was ${text}`);
        }
    }
    assert.equal(lost, 0, `seed ${seed}: acknowledged events lost or changed`);
    await everyChangeIsAudited(instance, keys);
    await instance.kill('SIGTERM');
    const report = JSON.parse(instance.run('verify', '--json')); // exits 1 on damage, which throws
    assert.ok(report, 'verify answers');
    console.log(`seed ${seed}: ${acknowledged.size} acknowledged in ${rounds} rounds, ready again within ${slowest} ms`);
}

test('kill -9 on SQLite loses and doubles nothing', async () => {
    const instance = await Instance.make();
    try {
        await torture(instance);
    } finally {
        instance.child?.kill('SIGKILL');
    }
    instance.remove();
});

test('kill -9 on PostgreSQL loses and doubles nothing', { skip: !process.env.LOYALD_TEST_PG && 'LOYALD_TEST_PG names no server' }, async () => {
    const url = process.env.LOYALD_TEST_PG;
    const name = `torture_${process.pid}`;
    execFileSync('psql', [url, '-qc', `CREATE DATABASE ${name}`]);
    const instance = await Instance.make({ database: url.replace(/\/[^/]*$/, `/${name}`) });
    try {
        await torture(instance);
    } finally {
        instance.child?.kill('SIGKILL');
    }
    instance.remove();
    execFileSync('psql', [url, '-qc', `DROP DATABASE ${name} WITH (FORCE)`]);
});
