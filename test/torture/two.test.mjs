// Two servers on one PostgreSQL database, with the same key store: the same events sent to both at once, members' last points
// spent from both sides, the same person enrolled twice, the last one of a reward and the same code of a card wanted on both.
// Nothing is doubled, both answer alike.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { totp } from '../totp.mjs';
import { Instance, purchase } from './server.mjs';

const url = process.env.LOYALD_TEST_PG;
const writers = 16;

// A second server of an instance, on another port.
async function beside(instance) {
    const other = Object.assign(new Instance(), { dir: instance.dir, key: instance.key, port: await Instance.freePort() });
    other.env = { ...instance.env, LOYALD_LISTEN: `127.0.0.1:${other.port}` };
    return other;
}

async function many(n, work) {
    let next = 0;
    const one = async () => {
        while (next < n) {
            const i = next;
            next += 1;
            await work(i);
        }
    };
    await Promise.all(Array.from({ length: writers }, one));
}

const active = async (server, who) => JSON.parse((await server.send('GET', `/v1/members/ext%3A${who}/balances`)).text).data[0].active;

async function sameEvents(both) {
    const events = Array.from({ length: 1500 }, (_, i) => purchase(`same-${i}`, `ext:T-${i % 20}`, 100 + (i % 700)));
    const answers = [new Map(), new Map()];
    const run = (server, side) => many(events.length, async (n) => {
        const i = (n + 20 * side) % events.length; // now one is ahead, now the other
        answers[side].set(i, await server.send('POST', '/v1/events', events[i]));
    });
    await Promise.all(both.map(run));
    let first = 0;
    for (let i = 0; i < events.length; i += 1) {
        const [a, b] = [answers[0].get(i), answers[1].get(i)];
        assert.deepEqual([a.status, b.status].sort(), [200, 201], `${a.text}\n${b.text}`);
        assert.equal(a.text, b.text);
        first += a.status === 201;
    }
    for (const server of both) {
        await many(events.length, async (i) => {
            const again = await server.send('POST', '/v1/events', events[i]);
            assert.deepEqual([again.status, again.text], [200, answers[0].get(i).text]);
        });
    }
    return first;
}

async function lastPoints(both, round) {
    const who = `poor-${round}`;
    assert.equal((await both[0].send('POST', '/v1/members', { external_id: who })).status, 201);
    const have = await active(both[1], who) + 1000;
    assert.equal((await both[1].send('POST', `/v1/members/ext%3A${who}/adjustments`, { wallet: 'points', points: 1000, reason: 'a start' }, { 'idempotency-key': who })).status, 201);
    // Half is paid in points, the most that the program admits; the rest may earn some, which count.
    const spends = Array.from({ length: 64 }, (_, i) => {
        const pay = { method: 'points', wallet: 'points', points: 100, amount: 100 };
        return both[i % 2].send('POST', '/v1/events', purchase(`spend-${round}-${i}`, `ext:${who}`, 200, { payments: [pay, { method: 'card', amount: 100 }] }));
    });
    let spent = 0;
    let earned = 0;
    for (const answer of await Promise.all(spends)) {
        assert.equal(answer.status, 201, answer.text);
        const body = JSON.parse(answer.text);
        assert.ok(body.outcome === 'applied' || body.reason === 'not_enough_points', answer.text);
        spent += body.outcome === 'applied' ? body.points[0].spent : 0;
        earned += body.outcome === 'applied' ? body.points[0].earned : 0;
        assert.ok(body.balances.every((b) => b.active >= 0 && b.debt === 0), answer.text);
    }
    assert.ok(spent <= have + earned, `spent ${spent} of ${have} and ${earned} earned`);
    assert.equal(await active(both[0], who), have + earned - spent);
    assert.ok(have + earned - spent < 100, 'all that could be spent was spent');
}

async function samePerson(both, round) {
    const body = { external_id: `P-${round}`, email: `p${round}@example.org`, phone: `+3161234${1000 + round}` };
    const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => both[i % 2].send('POST', '/v1/members', { ...body, ...(i % 4 === 1 ? { external_id: `Q-${round}` } : {}) })));
    const statuses = answers.map((a) => a.status).sort();
    assert.deepEqual(statuses, [201, ...Array(7).fill(409)], answers.map((a) => a.text).join('\n'));
    const { id } = JSON.parse(answers.find((a) => a.status === 201).text);
    for (const server of both) {
        const found = await server.send('GET', `/v1/members/${encodeURIComponent(`email:${body.email}`)}`);
        assert.equal(JSON.parse(found.text).id, id, found.text);
    }
}

const rounds = 3;
const codes = 40;

// The café's program, with rewards of which there is one each, and one that gives out codes of a pool.
function scarce(dir) {
    const document = JSON.parse(readFileSync(new URL('../../presets/retail.json', import.meta.url), 'utf8'));
    const price = [{ wallet: 'points', points: 1 }];
    for (let round = 0; round < rounds; round += 1) {
        document.rewards.push({ slug: `last-${round}`, kind: 'free_product', price, available: { stock: { total: 1 } } });
    }
    document.rewards.push({ slug: 'cinema', kind: 'coupon', price });
    const path = join(dir, 'scarce.json');
    writeFileSync(path, JSON.stringify(document));
    return path;
}

const buy = (server, who, reward) => server.send('POST', `/v1/members/ext%3A${who}/rewards`, { reward }, { 'idempotency-key': `${reward}-${who}` });

// Of 64 buyers, half of them at each server, as many win as there are, and no two have the same code.
async function lastOnes(both) {
    await many(64, async (i) => assert.equal((await both[i % 2].send('POST', '/v1/members', { external_id: `crowd-${i}` })).status, 201));
    const list = Array.from({ length: codes }, (_, i) => `CINEMA-${1000 + i}`).join('\n');
    const uploaded = await both[0].send('POST', '/v1/rewards/cinema/codes', list, { 'content-type': 'text/plain' });
    assert.equal(uploaded.status, 201, uploaded.text);
    const wanted = [...Array.from({ length: rounds }, (_, round) => [`last-${round}`, 1]), ['cinema', codes]];
    for (const [reward, there] of wanted) {
        const answers = await Promise.all(Array.from({ length: 64 }, (_, i) => buy(both[i % 2], `crowd-${i}`, reward)));
        const won = answers.filter((a) => a.status === 201);
        assert.equal(won.length, there, answers.map((a) => `${a.status} ${a.text}`).join('\n'));
        assert.ok(answers.every((a) => a.status === 201 || JSON.parse(a.text).code === 'sold_out'));
        assert.equal(new Set(won.map((a) => JSON.parse(a.text).rewards[0].code)).size, there);
        const again = await Promise.all(Array.from({ length: 64 }, (_, i) => buy(both[1 - (i % 2)], `crowd-${i}`, reward)));
        assert.equal(again.filter((a) => a.status === 201 || a.status === 200).length, there, 'the same winners, whichever server is asked');
    }
}

async function sameCode(both) {
    const card = JSON.parse((await both[0].send('POST', '/v1/members/ext%3Acrowd-0/card', {})).text);
    const subject = `code:${card.member}.${totp(card.secret, Date.now())}`;
    await both[0].send('POST', '/v1/members/ext%3Acrowd-0/adjustments', { wallet: 'points', points: 5000, reason: 'a start' }, { 'idempotency-key': 'code' });
    const pay = { method: 'points', wallet: 'points', points: 100, amount: 100 };
    const answers = await Promise.all(Array.from({ length: 16 }, (_, i) => both[i % 2].send('POST', '/v1/events', purchase(`code-${i}`, subject, 200, { payments: [pay, { method: 'card', amount: 100 }] }))));
    const said = answers.map((a) => JSON.parse(a.text));
    assert.equal(said.filter((a) => a.outcome === 'applied').length, 1, JSON.stringify(said));
    assert.equal(said.filter((a) => a.reason === 'code_used').length, 15);
}

test('two servers on one database double nothing and answer alike', { skip: !url && 'LOYALD_TEST_PG names no server' }, async () => {
    const name = `two_${process.pid}`;
    execFileSync('psql', [url, '-qc', `CREATE DATABASE ${name}`]);
    const instance = await Instance.make({ database: url.replace(/\/[^/]*$/, `/${name}`) });
    const both = [instance, await beside(instance)];
    try {
        instance.run('program', 'publish', scarce(instance.dir));
        await Promise.all(both.map((server) => server.start()));
        for (let m = 0; m < 20; m += 1) {
            assert.equal((await both[m % 2].send('POST', '/v1/members', { external_id: `T-${m}` })).status, 201);
        }
        const first = await sameEvents(both);
        for (let round = 0; round < 5; round += 1) {
            await lastPoints(both, round);
        }
        for (let round = 0; round < 25; round += 1) {
            await samePerson(both, round);
        }
        await lastOnes(both);
        await sameCode(both);
        instance.run('verify', '--json'); // exits 1 on damage, which throws
        console.log(`${first} of 1500 events were first at the first server`);
    } catch (error) {
        error.message += `\n${error.stdout ?? ''}\n${both.map((s) => s.log).join('\n--\n')}`;
        throw error;
    } finally {
        for (const server of both) {
            server.child?.kill('SIGKILL');
        }
    }
    instance.remove();
    execFileSync('psql', [url, '-qc', `DROP DATABASE ${name} WITH (FORCE)`]);
});
