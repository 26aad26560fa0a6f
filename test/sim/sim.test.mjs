// Random lives of shops against the naive model (model.mjs), on SQLite, and on PostgreSQL where LOYALD_TEST_PG names a server.
//
//   make sim SEEDS=1-1000       which lives; without it a few of each shop
//   make sim SEEDS=17           one of them again
//
// A seed is the life of one member. Fifty of them share a shop: one server, one history of versions, one clock, and what all members
// share, budgets and stock. What they do goes to the server in batches, through the whole product (reading, deciding, both
// databases, answering): a batch of fifty costs little more than one event, so that a thousand lives take minutes without a driver
// inside the process. The server is killed (SIGKILL) in between and while it works, and everything of that round is sent again.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Instance } from '../torture/server.mjs';
import { DAY, HOUR } from './calendar.mjs';
import { Model } from './model.mjs';
import { changed, dice, Life, SHOPS, START } from './shops.mjs';

const TOGETHER = 50;
const FEW = 4; // of each shop, where no seeds are given
const rounds = Number(process.env.ROUNDS ?? 40);
const url = process.env.LOYALD_TEST_PG;
const names = Object.keys(SHOPS);

const range = (text) => text.split(',').flatMap((part) => {
    const [from, to = from] = part.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
});

class Shop {
    constructor(instance, group, seeds) {
        const shop = names[group % names.length];
        Object.assign(this, { instance, now: START, lives: seeds.map((s) => new Life(s)), dice: dice(1000003 + group), answers: new Map() });
        this.document = SHOPS[shop];
        this.model = new Model(this.document, START);
    }

    async ask(method, path, body, status, headers) {
        const answer = await this.instance.send(method, path, body, headers);
        assert.equal(answer.status, status, `${method} ${path} ${JSON.stringify(body)}: ${answer.text}`);
        return answer.text === '' ? null : JSON.parse(answer.text);
    }

    // The draft as it is.
    async match() {
        const { headers } = await this.instance.send('GET', '/v1/program/draft');
        return headers.etag ? { 'if-match': headers.etag } : {};
    }

    // Only what was told is compared; the model need not know more.
    compare(life, step, body, outcome) {
        const is = { outcome: body.outcome, balances: body.balances, tiers: Object.fromEntries(body.tiers.map((t) => [t.set, { tier: t.tier, valid_until: t.valid_until }])) };
        const should = { outcome, balances: this.model.balances(life.name), tiers: this.model.tiers(life.name) };
        assert.deepEqual(is, should, `${life.name}: ${JSON.stringify(step)}`);
        life.points = is.balances[0]?.active ?? 0;
    }

    // What the model says of a step, and the server's answer held against it.
    check(life, step, { status, replayed, body }) {
        const { kind, event } = step;
        if (kind === 'other') {
            assert.equal(status, 409, JSON.stringify(body));
            return;
        }
        if (this.answers.has(event.id)) {
            assert.ok(replayed, `${event.id} was not known`);
            assert.equal(JSON.stringify(body), this.answers.get(event.id), `another answer to ${event.id}`);
            return;
        }
        assert.equal(Math.floor(status / 100), 2, `${life.name}: ${JSON.stringify(event)}: ${JSON.stringify(body)}`);
        this.answers.set(event.id, JSON.stringify(body));
        const what = { id: event.id, time: Date.parse(event.time), data: event.data, original: step.original, refund: step.refund, named: step.named };
        if (life.isStranger) {
            assert.equal(body.outcome, this.model.hold(life.name, kind, what), `${life.name}: ${JSON.stringify(event)}`);
            return;
        }
        const outcome = this.model[kind](life.name, what);
        this.model.release(life.name, event.id);
        this.compare(life, step, body, outcome);
    }

    // Writes that are no events: refused with one of the reasons that the model knows, or done.
    async write(life, { kind, key, path, body, index }) {
        if (kind === 'join') {
            life.isStranger = false;
            await this.ask('POST', '/v1/members', { external_id: life.name }, 201);
            this.model.join(life.name);
            return;
        }
        const refusals = this.model[kind](life.name, { ...body, index });
        const { status, text } = await this.instance.send('POST', `/v1/${path}`, body, { 'idempotency-key': key });
        const answer = JSON.parse(text);
        if (refusals.length > 0) {
            assert.ok(status >= 400 && refusals.includes(answer.code), `${life.name}: ${kind} is refused because of ${refusals}: ${text}`);
            return;
        }
        assert.equal(status, 201, `${life.name}: ${kind} ${text}`);
        this.compare(life, { kind, body }, answer, 'applied');
        if (kind === 'buy') {
            life.rewards.push({ id: answer.rewards[0].id, slug: body.reward });
        }
    }

    async restart() {
        await this.instance.kill('SIGKILL');
        await this.instance.start();
    }

    // All events of a round in one request; perhaps the server dies meanwhile, and it is sent again.
    async send(events) {
        const once = (query = '') => this.instance.send('POST', `/v1/events/batch${query}`, events);
        const tried = this.isTried ? JSON.parse((await once('?dry_run=true')).text).results : null;
        if (this.dies) {
            const lost = once().catch(() => null);
            await new Promise((resolve) => setTimeout(resolve, this.dies));
            await this.restart();
            await lost;
        }
        const { status, text } = await once();
        assert.equal(status, 200, text);
        const { results } = JSON.parse(text);
        tried?.forEach((dry, i) => {
            for (const part of results[i].replayed ? [] : ['outcome', 'reason', 'points', 'balances', 'tiers', 'achievements']) {
                assert.deepEqual(dry.body[part], results[i].body[part], `tried, ${part} of ${JSON.stringify(events[i])} was another`);
            }
        });
        return results;
    }

    async round() {
        const steps = this.lives.map((life) => [life, life.step(this.now)]).filter(([, step]) => step);
        const events = steps.filter(([, step]) => step.event);
        if (events.length > 0) {
            const results = await this.send(events.map(([, step]) => step.event));
            events.forEach(([life, step], i) => this.check(life, step, results[i]));
        }
        for (const [life, step] of steps.filter(([, step]) => !step.event)) {
            await this.write(life, step);
        }
    }

    // What the whole shop goes through: time, new versions, deaths.
    async world() {
        const { below, chance } = this.dice;
        if (chance(0.5)) {
            this.now += chance(0.7) ? below(40) * HOUR : below(25) * DAY;
            await this.ask('POST', '/v1/test/clock', { now: new Date(this.now).toISOString() }, 200);
            this.model.advance(this.now);
            await this.look();
        }
        if (chance(0.1)) {
            this.document = changed(this.document, this.dice);
            const at = this.now + (below(20) - 12) * DAY;
            await this.ask('PUT', '/v1/program/draft', this.document, 200, await this.match());
            await this.ask('POST', '/v1/program/publish', { effective_at: new Date(at).toISOString() }, 201, await this.match());
            this.model.publish(this.document, at);
        }
        if (chance(0.03)) {
            await this.restart();
        }
        this.isTried = chance(0.2);
        this.dies = chance(0.05) ? 1 + below(12) : 0; // so many milliseconds after the round was sent
    }

    // Everybody's balances as they are read.
    async look() {
        for (const life of this.lives.filter((l) => !l.isStranger)) {
            const { data } = await this.ask('GET', `/v1/members/ext%3A${life.name}/balances`, undefined, 200);
            assert.deepEqual(data, this.model.balances(life.name), `${life.name}: balances at ${new Date(this.now).toISOString()}`);
        }
    }

    // Lots, rewards, progress: once, at the end.
    async lookClosely() {
        for (const { name } of this.lives) {
            const list = async (what) => (await this.ask('GET', `/v1/members/ext%3A${name}/${what}?limit=1000`, undefined, 200)).data;
            const lots = {};
            for (const l of (await list('lots')).filter((lot) => lot.pending + lot.active > 0)) {
                const key = [l.wallet, l.pending > 0 ? 'pending' : 'active', l.expires_at].join(' ');
                lots[key] = (lots[key] ?? 0) + l.pending + l.active;
            }
            assert.deepEqual(lots, this.model.lots(name), `${name}: lots at the end`);
            const rewards = (await list('rewards')).map((r) => ({ reward: r.reward, state: r.state, left: r.left?.amount ?? 0, expires_at: r.expires_at })).reverse();
            assert.deepEqual(rewards, this.model.rewards(name), `${name}: rewards at the end`);
            const { data } = await this.ask('GET', `/v1/members/ext%3A${name}/achievements`, undefined, 200);
            const progress = Object.fromEntries(data.map((a) => [a.slug, { value: a.value, completed: a.completed }]));
            assert.deepEqual(progress, this.model.achievements(name), `${name}: achievements at the end`);
        }
    }

    // Whatever was ever sent gets the same answer.
    async sendAllAgain() {
        const events = this.lives.flatMap((life) => life.sent);
        const { results } = await this.ask('POST', '/v1/events/batch', events, 200);
        results.forEach(({ body }, i) => assert.equal(JSON.stringify(body), this.answers.get(events[i].id), `another answer to ${events[i].id}`));
    }

    async live() {
        for (const { name } of this.lives.filter((l) => !l.isStranger)) {
            await this.ask('POST', '/v1/members', { external_id: name }, 201);
            this.model.enrol(name);
        }
        for (let i = 0; i < rounds; i += 1) {
            await this.world();
            await this.round();
        }
        for (const life of this.lives.filter((l) => l.isStranger)) {
            await this.write(life, { kind: 'join' });
        }
        await this.look();
        await this.lookClosely();
        await this.sendAllAgain();
        this.instance.run('verify', '--json'); // fails on damage
    }
}

async function run(kind, group, seeds) {
    const papers = mkdtempSync(join(tmpdir(), 'sim-'));
    const database = kind === 'PostgreSQL' ? `sim_${process.pid}_${seeds[0]}` : null;
    writeFileSync(join(papers, 'program.json'), JSON.stringify(SHOPS[names[group % names.length]]));
    if (database) {
        execFileSync('psql', [url, '-qc', `CREATE DATABASE ${database}`]);
    }
    const instance = await Instance.make({ program: join(papers, 'program.json'), testClock: true, ...(database ? { database: url.replace(/\/[^/]*$/, `/${database}`) } : {}) });
    try {
        await instance.start();
        await new Shop(instance, group, seeds).live();
    } catch (error) {
        error.message += `\n${error.stdout ?? ''}${instance.log}`;
        throw error;
    } finally {
        await instance.kill('SIGKILL');
        if (database) {
            execFileSync('psql', [url, '-qc', `DROP DATABASE ${database} WITH (FORCE)`]);
        }
        instance.remove();
        rmSync(papers, { recursive: true, force: true });
    }
}

const groupOf = (seed) => Math.floor((seed - 1) / TOGETHER);
const FOUND = [3038]; // lives beyond those of the long run in which something was wrong once
const seeds = process.env.SEEDS ? range(process.env.SEEDS) : [...names.flatMap((_, i) => range(`${i * TOGETHER + 1}-${i * TOGETHER + FEW}`)), ...FOUND];
const groups = [...new Set(seeds.map(groupOf))].map((group) => [group, seeds.filter((s) => groupOf(s) === group)]);
const written = (list) => (list.length > 1 ? `${list[0]}-${list.at(-1)}` : `${list[0]}`);

// A member whose life comes out otherwise than the model says, alone where they can be told alone.
async function smaller(kind, group, members, error) {
    const seed = members.find((s) => error.message.includes(`M-${s}:`));
    const failed = seed && members.length > 1 && await run(kind, group, [seed]).then(() => null, (e) => e);
    return failed ? [[seed], failed] : [members, error];
}

for (const kind of url ? ['SQLite', 'PostgreSQL'] : ['SQLite']) {
    for (const [group, members] of groups) {
        test(`seeds ${written(members)} on ${kind}: ${names[group % names.length]}`, async () => {
            try {
                await run(kind, group, members);
            } catch (error) {
                const [which, told] = await smaller(kind, group, members, error);
                told.message = `make sim SEEDS=${written(which)} # fails on ${kind}\n${told.message}`;
                throw told;
            }
        });
    }
}
