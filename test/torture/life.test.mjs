// Random lives over HTTP under several programs, and the laws that must hold whatever happens: four twins live alike but for
// purchases refunded at once and refunds cut in two, and must stay alike; everything replays to the byte; the books balance.
// SEEDS=1,2,3 repeats lives; without it a few are drawn. On SQLite, and on PostgreSQL where LOYALD_TEST_PG names a server.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Instance } from './server.mjs';

const steps = Number(process.env.STEPS ?? 45);
const start = Date.UTC(2026, 0, 1);
const hour = 3600 * 1000;
const day = 24 * hour;

function dice(seed) {
    let state = seed || 1;
    const roll = () => {
        state ^= state << 13; state ^= state >>> 17; state ^= state << 5;
        return (state >>> 0) / 4294967296;
    };
    for (let i = 0; i < 8; i += 1) roll();
    return { real: roll, below: (n) => Math.floor(roll() * n), one: (list) => list[Math.floor(roll() * list.length)], chance: (p) => roll() < p };
}

const base = { slug: 'base', trigger: 'purchase', effects: [{ kind: 'earn', wallet: 'points', points: 3, per_amount: 700 }] };
const coffee = { '==': [{ var: 'line.category' }, 'coffee'] };
const twice = { slug: 'twice', trigger: 'purchase', effects: [{ kind: 'multiply', wallet: 'points', by: '2', mode: 'additive', lines: coffee }] };
const large = { slug: 'large', trigger: 'purchase', when: { '>=': [{ var: 'event.amount' }, 5000] }, effects: [{ kind: 'earn', wallet: 'points', points: 7 }] };
const each = { slug: 'each', trigger: 'purchase', effects: [{ kind: 'earn', wallet: 'stars', points: 2, lines: coffee }] };
const visit = { slug: 'visit', trigger: 'visit', effects: [{ kind: 'earn', wallet: 'points', points: 4 }], caps: [{ per: 'member', period: 'day', points: 6 }] };
const gold = { slug: 'gold', trigger: 'purchase', when: { '==': [{ var: 'member.tier.main' }, 'gold'] }, effects: [{ kind: 'multiply', wallet: 'points', by: '1.3', mode: 'additive' }] };
const often = { slug: 'often', trigger: 'purchase', when: { '>=': [{ var: 'member.stats.purchases_30d' }, 4] }, effects: [{ kind: 'earn', wallet: 'stars', points: 1 }] };
const tiers = (metric, a, b, more = {}) => [{
    slug: 'main', metrics: { m: metric }, period: { kind: 'rolling_months', months: 2 }, downgrade: { kind: 'one_step', grace_days: 3 }, on_refund: 'revert',
    tiers: [{ slug: 'bronze' }, { slug: 'silver', enter: { any_of: [{ m: a }] } }, { slug: 'gold', enter: { any_of: [{ m: b }] } }], ...more,
}];
const program = (points, rules, tier_sets) => ({
    name: 'Life', currency: 'EUR', timezone: 'Europe/Amsterdam', unknown_members: 'hold', order_days: 10,
    wallets: [{ slug: 'points', returned_min_days: 0, pay: { points: 1, amount: 10, min_points: 1, max_share: '1' }, ...points }, { slug: 'stars' }],
    earning_rules: rules, ...(tier_sets ? { tier_sets } : {}),
});
const spend = { kind: 'spend' };
const credits = { kind: 'points_earned', wallet: 'points' };
const variants = {
    debt: program({ returns: 'debt' }, [base, large, visit, often], tiers(spend, 20000, 60000, { downgrade: { kind: 'never' } })),
    'to zero, expiring': program({ returns: 'to_zero', expiry: { kind: 'days', days: 20 } }, [base, twice, each], tiers(credits, 80, 250)),
    pending: program({ returns: 'debt', pending: { kind: 'days', days: 5 }, expiry: { kind: 'days', days: 40 } }, [base, twice, large, gold], tiers(credits, 80, 250)),
    'capped by day': program({ returns: 'debt', caps: [{ per: 'member', period: 'day', points: 60 }] },
        [{ ...base, caps: [{ per: 'member', period: 'month', points: 200 }] }, { ...twice, caps: [{ per: 'transaction', points: 9 }] }, large, visit], tiers(spend, 15000, 90000, { downgrade: { kind: 'full' } })),
    // A cap of all members together is shared by the twins, who therefore differ.
    'capped by rule': program({ returns: 'to_zero', pending: { kind: 'days', days: 3 } }, [{ ...base, caps: [{ per: 'rule', points: 900 }] }, twice, each], tiers(credits, 80, 250)),
};
const alike = (name) => name !== 'capped by rule';
const twins = ['plain', 'undone', 'halves', 'swapped'];

class Life {
    constructor(instance, name, seed) {
        Object.assign(this, { instance, name, seed, now: start, next: 0, sent: [], dice: dice(seed), purchases: [] });
    }

    // Sends what was not sent before, first as a dry run; its answer must say the same.
    async event(who, type, data, { time = this.now, key, dry = true, subject = `ext:${who}` } = {}) {
        const event = { specversion: '1.0', id: key ?? `${who}-${this.next += 1}`, source: 'life', type, time: new Date(time).toISOString(), subject, data };
        const rehearsed = dry && await this.instance.send('POST', '/v1/events?dry_run=true', event);
        const answer = await this.instance.send('POST', '/v1/events', event);
        assert.equal(answer.status, 201, `${JSON.stringify(event)} ${answer.text}`);
        const body = JSON.parse(answer.text);
        if (dry) {
            assert.equal(rehearsed.status, 200, `${JSON.stringify(event)} ${rehearsed.text}`);
            const wanted = JSON.parse(rehearsed.text);
            for (const part of ['outcome', 'reason', 'points', 'balances', 'tiers']) {
                assert.deepEqual(wanted[part], body[part], `the dry run of ${JSON.stringify(event)} said other ${part}`);
            }
        }
        for (const b of body.balances) {
            assert.ok(b.active >= 0 && b.pending >= 0 && b.debt >= 0 && (b.active === 0 || b.debt === 0), `${answer.text}`);
        }
        this.sent.push({ event, text: answer.text });
        return { event, body };
    }

    // The same for all twins; what they get must be the same.
    async all(step) {
        const points = [];
        for (const who of twins) {
            const { body } = await step(who);
            points.push({ outcome: body.outcome, reason: body.reason, points: body.points });
        }
        this.agree(points, 'earned');
    }

    agree(values, what) {
        for (let i = 1; alike(this.name) && i < values.length; i += 1) {
            assert.deepEqual(values[i], values[0], `${twins[i]} differs from ${twins[0]} in ${what}`);
        }
    }

    content() {
        const { below, one, chance } = this.dice;
        const lines = Array.from({ length: 1 + below(4) }, (_, i) => ({
            id: `${i}`, sku: one(['A', 'B', 'C']), category: one(['coffee', 'food']), quantity: 1 + below(3), amount: below(2500),
            ...(chance(0.1) ? { kind: one(['gift_card', 'tip', 'service']) } : {}),
        }));
        const total = lines.reduce((sum, line) => sum + line.amount, 0);
        return { amount: chance(0.8) ? total : Math.max(0, total + below(1000) - 500), currency: 'EUR', ...(chance(0.9) ? { lines } : {}) };
    }

    late() {
        const { below, chance } = this.dice;
        return chance(0.25) ? this.now - below(70 * 24) * hour : this.now;
    }

    async purchase() {
        const { below, chance } = this.dice;
        const data = this.content();
        const n = this.next += 1;
        const pay = chance(0.3) ? below(Math.floor(data.amount / 10) + 1) : 0;
        if (pay) {
            data.payments = [{ method: 'points', wallet: 'points', points: pay, amount: pay * 10 }];
        }
        if (chance(0.1)) {
            data.status = 'placed';
        }
        const time = this.late();
        await this.all((who) => this.event(who, 'purchase', data, { time, key: `p${n}-${who}` }));
        this.purchases.push({ n, data });
        await this.tick(); // an order of long ago is given up at once, for all of them together
    }

    // Bought and given back at once by one of them: as if it had not been. Long ago only where no tier is ever lost: one that
    // a late purchase restored stays as it was renewed.
    async undone() {
        const data = this.content();
        const time = variants[this.name].tier_sets[0].downgrade.kind === 'never' ? this.late() : this.now;
        const key = `undone-${this.next += 1}`;
        await this.event('undone', 'purchase', data, { time, key });
        await this.event('undone', 'refund', { original: { source: 'life', id: key } });
    }

    // What two of them give back in halves, one in either order, the others give back in one.
    async refund() {
        const { below, one, chance } = this.dice;
        const bought = this.purchases.length && one(this.purchases);
        if (!bought || bought.gone) {
            return;
        }
        bought.gone = true;
        const refund = (who, what) => this.event(who, 'refund', { original: { source: 'life', id: `p${bought.n}-${who}` }, ...what });
        const lines = bought.data.lines ?? [];
        let a = {};
        let b = null;
        let both = {};
        // Points that come back are restored after what was earned is taken, so a second half may take what the first gave back.
        if (bought.data.payments) {
            both = {};
        } else if (lines.length > 1 && chance(0.6)) {
            const part = () => lines.filter(() => chance(0.5)).map((l) => ({ id: l.id, quantity: 1 + below(l.quantity) }));
            const [x, y] = [part(), part()];
            const sum = lines.map((l) => ({ id: l.id, quantity: [...x, ...y].filter((p) => p.id === l.id).reduce((s, p) => s + p.quantity, 0) })).filter((l) => l.quantity > 0);
            if (x.length === 0 || y.length === 0 || sum.some((s) => s.quantity > lines.find((l) => l.id === s.id).quantity)) {
                return;
            }
            [a, b, both] = [{ lines: x }, { lines: y }, { lines: sum }];
        } else if (chance(0.7) && bought.data.amount > 2) {
            const x = 1 + below(Math.floor(bought.data.amount / 2));
            const y = 1 + below(Math.floor(bought.data.amount / 2));
            [a, b, both] = [{ amount: x }, { amount: y }, { amount: x + y }];
        }
        await refund('plain', both);
        await refund('undone', both);
        await refund('halves', b ? a : both);
        await refund('swapped', b ?? both);
        if (b) {
            await refund('halves', b);
            await refund('swapped', a);
        }
    }

    async order() {
        const { one, chance } = this.dice;
        const placed = this.purchases.filter((p) => p.data.status === 'placed' && !p.ended && !p.gone);
        if (placed.length === 0) {
            return;
        }
        const order = one(placed);
        const changed = chance(0.4) ? { ...this.content() } : null;
        order.ended = !changed;
        const type = changed ? 'purchase.changed' : one(['purchase.completed', 'purchase.cancelled']);
        await this.all((who) => this.event(who, type, { original: { source: 'life', id: `p${order.n}-${who}` }, ...changed }));
        if (changed) {
            order.data = { ...changed, status: 'placed' };
        }
    }

    async adjust() {
        const points = this.dice.below(60) - 25;
        if (points === 0) {
            return;
        }
        const statuses = [];
        for (const who of twins) {
            const key = `a-${this.next += 1}`;
            const body = { wallet: 'points', points, reason: 'life' };
            const answer = await this.instance.send('POST', `/v1/members/ext%3A${who}/adjustments`, body, { 'idempotency-key': key });
            assert.ok([201, 422].includes(answer.status), answer.text);
            const again = await this.instance.send('POST', `/v1/members/ext%3A${who}/adjustments`, body, { 'idempotency-key': key });
            if (answer.status === 201) {
                assert.equal(again.text, answer.text);
            }
            statuses.push(answer.status);
        }
        this.agree(statuses, 'adjustments');
    }

    async jump() {
        const { below, chance } = this.dice;
        this.now += chance(0.6) ? below(30) * hour : below(25) * day;
        await this.tick();
    }

    // What is due by now is run.
    async tick() {
        const answer = await this.instance.send('POST', '/v1/test/clock', { now: new Date(this.now).toISOString() });
        assert.equal(answer.status, 200, answer.text);
    }

    // Odd ones: known keys with other content, refunds of what nobody bought, of too much, held people.
    async odd() {
        const { one, below } = this.dice;
        const old = this.sent.length && one(this.sent);
        if (old) {
            const answer = await this.instance.send('POST', '/v1/events', { ...old.event, time: new Date(start - day - below(1000)).toISOString() });
            assert.equal(answer.status, 409, answer.text);
        }
        await this.event('nobody', 'refund', { original: { source: 'life', id: `x-${below(20)}` } });
        await this.event('nobody', 'purchase', this.content(), { time: this.late() });
        if (this.purchases.length) {
            const { n, data } = one(this.purchases);
            const original = { source: 'life', id: `p${n}-plain` };
            const { body } = await this.event('plain', 'refund', { original, amount: data.amount + 100000 });
            assert.equal(body.outcome, 'refused');
        }
    }

    async state(who) {
        const get = async (what) => {
            const answer = await this.instance.send('GET', `/v1/members/ext%3A${who}/${what}`);
            assert.equal(answer.status, 200, answer.text);
            return JSON.parse(answer.text);
        };
        const { data: balances } = await get('balances');
        const tiers = await get('tiers');
        const sums = new Map(balances.map((b) => [b.wallet, { active: 0, pending: 0, debt: 0 }]));
        for (let cursor = ''; cursor !== null;) {
            const page = await get(`transfers?limit=300${cursor && `&cursor=${cursor}`}`);
            for (const t of page.data) {
                const sum = sums.get(t.wallet);
                sum.active += t.active; sum.pending += t.pending; sum.debt += t.debt;
            }
            cursor = page.next_cursor;
        }
        for (const { wallet, active, pending, debt } of balances) {
            assert.deepEqual(sums.get(wallet), { active, pending, debt }, `${who}: transfers do not add up in ${wallet}`);
        }
        return { balances, tiers };
    }

    async check() {
        const states = [];
        for (const who of twins) {
            states.push(await this.state(who));
        }
        this.agree(states, 'state');
    }

    async live() {
        const actions = [...Array(8).fill('purchase'), ...Array(4).fill('refund'), ...Array(3).fill('undone'), 'order', 'order', 'adjust', 'jump', 'jump', 'jump', 'odd', 'visit'];
        this.visit = async () => {
            const time = this.late();
            await this.all((who) => this.event(who, 'visit', {}, { time }));
        };
        for (const who of twins) {
            const answer = await this.instance.send('POST', '/v1/members', { external_id: who });
            assert.equal(answer.status, 201, answer.text);
        }
        for (let i = 0; i < steps; i += 1) {
            const action = this.dice.one(actions);
            try {
                await this[action]();
                await this.check();
            } catch (error) {
                error.message = `step ${i} (${action}) at ${new Date(this.now).toISOString()}: ${error.message}`;
                throw error;
            }
        }
        const enrolled = await this.instance.send('POST', '/v1/members', { external_id: 'nobody' });
        assert.equal(enrolled.status, 201, enrolled.text);
        await this.state('nobody');
        for (const { event, text } of this.sent) {
            const again = await this.instance.send('POST', '/v1/events', event);
            assert.deepEqual([again.status, again.text], [200, text], `replay of ${event.id}`);
        }
        this.instance.run('verify', '--json'); // exits 1 on damage, which throws
    }
}

const seeds = process.env.SEEDS ? process.env.SEEDS.split(',').map(Number) : [1, Date.now() % 1000000];
const only = process.env.VARIANT;
const url = process.env.LOYALD_TEST_PG;
for (const kind of url ? ['SQLite', 'PostgreSQL'] : ['SQLite']) {
    for (const [name, document] of Object.entries(variants).filter(([n]) => !only || n === only)) {
        test(`lives on ${kind}: ${name}`, async () => {
            const papers = mkdtempSync(join(tmpdir(), 'life-'));
            writeFileSync(join(papers, 'program.json'), JSON.stringify(document));
            for (const seed of seeds) {
                const database = kind === 'PostgreSQL' ? `life_${process.pid}_${seed}` : null;
                if (database) {
                    execFileSync('psql', [url, '-qc', `CREATE DATABASE ${database}`]);
                }
                const instance = await Instance.make({ program: join(papers, 'program.json'), testClock: true, ...(database ? { database: url.replace(/\/[^/]*$/, `/${database}`) } : {}) });
                try {
                    await instance.start();
                    await new Life(instance, name, seed).live();
                } catch (error) {
                    error.message = `SEEDS=${seed} VARIANT='${name}' on ${kind}: ${error.message}\n${error.stdout ?? ''}\n${instance.log}`;
                    throw error;
                } finally {
                    await instance.kill('SIGKILL');
                    if (database) {
                        execFileSync('psql', [url, '-qc', `DROP DATABASE ${database} WITH (FORCE)`]);
                    }
                    instance.remove();
                }
            }
            rmSync(papers, { recursive: true, force: true });
        });
    }
}
