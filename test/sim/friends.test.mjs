// Members who bring members and review what they buy: random lives of a shop against a naive model, on SQLite, and on PostgreSQL
// where LOYALD_TEST_PG names a server. Beside sim.test.mjs, whose members know nothing of each other: here it is what one does that
// another gets points for, and a third takes back.
//
//   make sim SEEDS=1-1000       one shop for each fifty seeds; without it a few
//
// Each act is answered as the model says. In between all are resumed, and balances, advocates' lists and reviews must be the model's.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { Instance } from '../torture/server.mjs';
import { dayOf, HOUR, midnight } from './calendar.mjs';
import { dice, START } from './shops.mjs';

const url = process.env.LOYALD_TEST_PG;
const acts = Number(process.env.ACTS ?? 250);
const LINE = 1000; // what each line costs
const ENOUGH = 1500; // what a first purchase must come to
const END = START + 50 * 24 * HOUR; // before any order is void
const WAIT_MS = 20000; // what a process that was killed had left to do is done when its lease is over

const document = (holdDays, moderated) => ({
    name: 'Shop', currency: 'EUR', timezone: 'Europe/Amsterdam', wallets: [{ slug: 'points', returns: 'debt' }],
    reviews: { moderated, effects: [{ kind: 'earn', wallet: 'points', points: 20 }] },
    referrals: [{
        slug: 'friend', qualifies: { on: 'first_purchase', min_amount: ENOUGH }, hold_days: holdDays,
        advocate: { effects: [{ kind: 'earn', wallet: 'points', points: 100 }] }, referee: { effects: [{ kind: 'earn', wallet: 'points', points: 10 }] },
    }],
});

const left = (order) => (order.isCancelled ? [] : order.lines.filter((line) => !line.isReturned));
const amount = (order) => left(order).length * LINE;

class Shop {
    constructor(instance, seed, holdDays, moderated) {
        Object.assign(this, { instance, holdDays, moderated, now: START, made: 0, members: [], orders: [], reviews: [], deaths: 0, ...dice(seed) });
    }

    // ---- asking the server ----

    async ask(method, path, body, status = [200, 201]) {
        const answer = await this.instance.send(method, path, body);
        assert.ok(status.includes(answer.status), `${method} ${path} ${JSON.stringify(body)}: ${answer.text}`);
        return JSON.parse(answer.text);
    }

    path(member) { return `/v1/members/ext%3A${member.name}`; }

    // Sends an event; the answer's reason, or null where it was applied. Once in a life the server dies over it, and it is sent again.
    async event(type, member, data, why, id = `e-${this.made += 1}`) {
        const event = { specversion: '1.0', id, source: 'till', type, time: new Date(this.now).toISOString(), subject: `ext:${member.name}`, data };
        if (this.deaths === 0 && this.chance(0.01)) {
            this.deaths += 1;
            const lost = this.instance.send('POST', '/v1/events', event).catch(() => null);
            await new Promise((resolve) => setTimeout(resolve, this.below(6)));
            await this.instance.kill('SIGKILL');
            await lost;
            await this.instance.start();
        }
        const body = await this.ask('POST', '/v1/events', event);
        assert.equal(body.reason ?? null, why, `${JSON.stringify(event)}: ${JSON.stringify(body)}`);
        return body;
    }

    // ---- what members do ----

    async join() {
        const advocate = this.chance(0.7) && this.members.length > 0 ? this.one(this.members) : null;
        const member = { name: `M-${this.made += 1}`, lines: [], referral: null, isSuspended: false };
        const { referral_code: code } = await this.ask('POST', '/v1/members', { external_id: member.name, ...(advocate && { referral_code: advocate.code }) });
        member.code = code;
        this.members.push(member);
        if (advocate) this.bring(member, advocate);
    }

    bring(member, advocate) {
        member.referral = { advocate, state: 'named' };
        advocate.lines.push(member.referral);
    }

    // Whether the member has brought another, or whoever has brought them.
    isAbove(member, other) {
        for (let at = other; at; at = at.referral?.advocate) {
            if (at.referral?.advocate === member) return true;
        }
        return false;
    }

    async name() {
        const [member, advocate] = [this.one(this.members), this.one(this.members)];
        const hasBought = this.orders.some((order) => order.member === member && left(order).length > 0);
        const why = member.isSuspended ? 'suspended' : member.referral ? 'already_referred' : member === advocate ? 'self_referral'
            : this.isAbove(member, advocate) ? 'circular_referral' : hasBought ? 'too_late' : null;
        await this.event('referral', member, { code: advocate.code }, why);
        if (!why) this.bring(member, advocate);
    }

    async buy() {
        const member = this.one(this.members);
        const lines = Array.from({ length: 1 + this.below(3) }, (_, i) => ({ id: `${i + 1}`, isReturned: false }));
        const isPlaced = this.chance(0.3);
        const order = { id: `o-${this.made += 1}`, member, lines, isOpen: isPlaced, isCancelled: false };
        const data = { amount: lines.length * LINE, currency: 'EUR', lines: lines.map(({ id }) => ({ id, sku: `S-${id}`, amount: LINE })) };
        await this.event('purchase', member, { ...data, ...(isPlaced && { status: 'placed' }) }, member.isSuspended ? 'suspended' : null, order.id);
        if (member.isSuspended) return;
        this.orders.push(order);
        if (member.referral?.state === 'named' && amount(order) >= ENOUGH) {
            Object.assign(member.referral, { state: 'qualified', order, until: Infinity });
            if (!isPlaced) this.hold(order);
        }
    }

    // The hold begins, and may end at once.
    hold(order) {
        const { referral } = order.member;
        if (referral?.order !== order || referral.state !== 'qualified') return;
        referral.until = this.holdDays > 0 ? midnight(dayOf(this.now) + this.holdDays + 1) : this.now;
        if (this.holdDays === 0) referral.state = 'rewarded';
    }

    async complete() {
        const order = this.one(this.orders);
        const why = order.member.isSuspended ? 'suspended' : order.isCancelled ? 'original_cancelled' : order.isOpen ? null : 'not_placed';
        await this.event('purchase.completed', order.member, { original: { id: order.id } }, why);
        if (why) return;
        order.isOpen = false;
        this.hold(order);
    }

    async cancel() {
        const order = this.one(this.orders);
        const why = order.member.isSuspended ? 'suspended' : order.isCancelled ? 'original_cancelled' : null;
        await this.event('purchase.cancelled', order.member, { original: { id: order.id } }, why);
        if (!why) this.after(Object.assign(order, { isCancelled: true }));
    }

    async giveBack() {
        const order = this.one(this.orders);
        const lines = this.chance(0.5) ? left(order) : left(order).slice(0, 1);
        if (lines.length === 0) return;
        const why = order.member.isSuspended ? 'suspended' : null;
        await this.event('refund', order.member, { original: { id: order.id }, lines: lines.map(({ id }) => ({ id })) }, why);
        if (why) return;
        for (const line of lines) line.isReturned = true;
        this.after(order);
    }

    // Less is left of an order: who lives by it loses it.
    after(order) {
        const { referral } = order.member;
        if (left(order).length === 0) order.isOpen = false;
        if (referral?.order === order && ['qualified', 'rewarded'].includes(referral.state) && amount(order) < ENOUGH) referral.state = 'revoked';
        for (const review of this.reviews) {
            review.gives &&= review.order !== order || left(order).includes(review.line);
        }
    }

    async review() {
        const order = this.one(this.orders);
        const line = this.one(order.lines);
        const why = order.member.isSuspended ? 'suspended' : order.isOpen ? 'not_completed'
            : this.reviews.some((review) => review.line === line) ? 'already_reviewed' : null;
        const body = await this.event('review.submitted', order.member, { original: { id: order.id }, line: line.id, stars: 1 + this.below(5), text: 'So so.' }, why);
        if (why) return;
        this.reviews.push({ id: body.review.id, order, line, state: this.moderated ? 'pending' : 'published', gives: !this.moderated && left(order).includes(line) });
    }

    async judge() {
        const review = this.one(this.reviews);
        const approves = this.chance(0.7);
        const isBarred = approves && review.order.member.isSuspended;
        const isOpen = approves ? review.state === 'pending' : review.state !== 'rejected';
        const path = `/v1/reviews/${review.id}/${approves ? 'approve' : 'reject'}`;
        await this.ask('POST', path, {}, [isBarred ? 422 : isOpen ? 201 : 409]);
        if (isBarred || !isOpen) return;
        review.state = approves ? 'published' : 'rejected';
        review.gives = approves && left(review.order).includes(review.line);
    }

    async suspend() {
        const member = this.one(this.members);
        await this.ask('POST', `${this.path(member)}/${member.isSuspended ? 'resume' : 'suspend'}`, {});
        member.isSuspended = !member.isSuspended;
        this.run();
    }

    // What they brought stays; what they had not brought yet, they never will.
    async forget() {
        const member = this.one(this.members);
        await this.ask('DELETE', this.path(member));
        if (['named', 'qualified'].includes(member.referral?.state)) member.referral.state = 'revoked';
        this.members = this.members.filter((other) => other !== member);
        this.orders = this.orders.filter((order) => order.member !== member);
        this.reviews = this.reviews.filter((review) => review.order.member !== member);
    }

    // ---- time ----

    async wait() {
        this.now = Math.min(this.now + this.one([1, 24, 48]) * HOUR, END + this.made);
        await this.ask('POST', '/v1/test/clock', { now: new Date(this.now).toISOString() });
        this.run();
    }

    // Holds end; those of suspended members when they are resumed.
    run() {
        for (const { referral, isSuspended } of this.members) {
            if (referral?.state === 'qualified' && referral.until <= this.now && !isSuspended) referral.state = 'rewarded';
        }
    }

    // ---- comparing ----

    points(member) {
        const rewarded = (referral) => referral?.state === 'rewarded';
        return 100 * member.lines.filter(rewarded).length + (rewarded(member.referral) ? 10 : 0)
            + 20 * this.reviews.filter((review) => review.gives && review.order.member === member).length;
    }

    async states(path) {
        return (await this.ask('GET', `${path}limit=1000`)).data.map(({ state }) => state).toSorted();
    }

    async standing(member) {
        const { data: [balance] } = await this.ask('GET', `${this.path(member)}/balances`);
        const brought = await this.states(`${this.path(member)}/referrals?`);
        return { points: balance.active - balance.debt, brought, reviews: await this.states(`/v1/reviews?member=ext%3A${member.name}&`) };
    }

    async compare() {
        for (const member of this.members.filter((one) => one.isSuspended)) {
            await this.ask('POST', `${this.path(member)}/resume`, {});
            member.isSuspended = false;
        }
        await this.wait(); // whoever was suspended is due now
        const sorted = (list) => list.map(({ state }) => state).toSorted();
        for (const member of this.members) {
            const should = { points: this.points(member), brought: sorted(member.lines), reviews: sorted(this.reviews.filter((r) => r.order.member === member)) };
            const patience = Date.now() + (this.deaths > 0 ? WAIT_MS : 1000);
            let is = await this.standing(member);
            while (!isDeepStrictEqual(is, should) && Date.now() < patience) {
                await new Promise((resolve) => setTimeout(resolve, 100));
                is = await this.standing(member);
            }
            assert.deepEqual(is, should, member.name);
        }
    }

    async act() {
        const few = this.members.length < 4;
        const what = few ? 0 : this.below(100);
        if (what < 8) return this.join();
        if (what < 15) return this.name();
        if (what < 36 || this.orders.length === 0) return this.buy();
        if (what < 45) return this.giveBack();
        if (what < 53) return this.complete();
        if (what < 57) return this.cancel();
        if (what < 75) return this.review();
        if (what < 87 && this.reviews.length > 0) return this.judge();
        if (what < 90) return this.suspend();
        if (what < 91) return this.forget();
        return what < 97 ? this.wait() : this.compare();
    }

    async live() {
        for (let i = 0; i < acts; i += 1) await this.act();
        await this.compare();
        this.instance.run('verify', '--json'); // fails on damage
    }
}

async function run(kind, seed) {
    const papers = mkdtempSync(join(tmpdir(), 'sim-'));
    const [holdDays, moderated] = [[0, false], [3, true], [0, true], [3, false]][seed % 4];
    const database = kind === 'PostgreSQL' ? `friends_${process.pid}_${seed}` : null;
    writeFileSync(join(papers, 'program.json'), JSON.stringify(document(holdDays, moderated)));
    if (database) {
        execFileSync('psql', [url, '-qc', `CREATE DATABASE ${database}`]);
    }
    const instance = await Instance.make({ program: join(papers, 'program.json'), testClock: true, ...(database ? { database: url.replace(/\/[^/]*$/, `/${database}`) } : {}) });
    try {
        await instance.start();
        await new Shop(instance, seed, holdDays, moderated).live();
    } finally {
        await instance.kill('SIGKILL');
        if (database) {
            execFileSync('psql', [url, '-qc', `DROP DATABASE ${database} WITH (FORCE)`]);
        }
        instance.remove();
        rmSync(papers, { recursive: true, force: true });
    }
}

// One shop for each fifty seeds, of the number of the first of them.
function shops() {
    if (!process.env.SEEDS) return [1, 2, 3, 4];
    const [from, to = from] = process.env.SEEDS.split(',')[0].split('-').map(Number);
    return Array.from({ length: Math.floor((to - from) / 50) + 1 }, (_, i) => from + i);
}

for (const kind of url ? ['SQLite', 'PostgreSQL'] : ['SQLite']) {
    for (const seed of shops()) {
        test(`friends ${seed} on ${kind}`, async () => {
            try {
                await run(kind, seed);
            } catch (error) {
                error.message = `make sim SEEDS=${seed} # fails on ${kind}\n${error.message}`;
                throw error;
            }
        });
    }
}
