// A naive model of the program: what domain.md says of earning, refunds, expiry, tiers, rewards and budgets, written from that page
// alone and meant to be read beside it. It keeps everything in plain lists, counts by adding up, and is not fast.
//
// It reads the same program document as the product, as far as test/sim/shops.mjs uses it. Times are milliseconds, days are numbers
// (calendar.mjs), points and money are whole numbers far below 2^53.
import { addMonths, DAY, dayOf, midnight, monthEnd, periodOf } from './calendar.mjs';
import { halfUp, left, sold, takeBack } from './content.mjs';
import { Counter, counterOf, holds, ratio, sum } from './logic.mjs';
import { giveBack, issued, refusal, refuses, use } from './rewards.mjs';
import { after, atTheEnd, judgedAt, late, standing, validUntil } from './tiers.mjs';

const NEVER = Infinity;
const HELD_DAYS = 90;
export class Model {
    constructor(document, now) {
        Object.assign(this, { now, versions: [], members: new Map(), strangers: new Map(), shared: new Map(), stock: new Map(), booked: 0 });
        this.publish(document, -Infinity);
    }

    // ---- the program: domain.md 11, "Versions" ----

    publish(document, effectiveAt) { this.versions.push({ document, effectiveAt }); }

    // The last published of those in force at an instant; before the first, the first.
    at(time) { return (this.versions.findLast((v) => v.effectiveAt <= time) ?? this.versions[0]).document; }
    get today() { return dayOf(this.now); }
    get program() { return this.at(this.now); }
    get sets() { return this.program.tier_sets ?? []; }

    wallet(slug, program = this.program) { return program.wallets.find((w) => w.slug === slug); }

    enrol(name) {
        const debts = new Map(this.program.wallets.map((w) => [w.slug, 0]));
        this.members.set(name, {
            name, debts, lots: [], rests: new Map(), caps: new Map(), stats: new Map(), purchases: new Map(), rewards: [],
            achievements: new Map(), tiers: new Map(), metrics: new Map(), held: new Map(), refused: new Set(),
        });
    }

    // What somebody did before they were a member is decided when they join, in the order of arrival.
    hold(name, kind, what) {
        this.strangers.set(name, [...(this.strangers.get(name) ?? []), { kind, what, until: this.now + HELD_DAYS * DAY }]);
        return 'held';
    }

    join(name) {
        const waiting = (this.strangers.get(name) ?? []).filter((h) => h.until > this.now);
        this.strangers.delete(name);
        this.enrol(name);
        for (const { kind, what } of waiting) {
            this[kind](name, what);
            this.release(name, what.id);
        }
    }

    // ---- time ----

    // What is due comes first, in order.
    advance(now) {
        this.now = now;
        for (const member of this.members.values()) {
            this.settle(member);
        }
    }

    settle(m) {
        for (;;) {
            const due = [
                ...m.lots.map((l) => ({ at: l.pending + l.active > 0 ? l.expiresAt : NEVER, run: () => this.expire(l) })),
                ...m.lots.map((l) => ({ at: l.pending > 0 ? l.activatesAt : NEVER, run: () => this.activate(m, l) })),
                ...[...m.purchases.values()].map((p) => ({ at: p.isPlaced ? p.voidsAt : NEVER, run: () => this.undo(m, p, p.voidsAt) })),
                ...m.rewards.map((r) => ({ at: r.state === 'issued' ? r.expiresAt : NEVER, run: () => { r.state = 'expired'; } })),
                ...this.sets.map((set) => ({ at: judgedAt(set, standing(m, set)), run: () => this.endOfValidity(m, set) })),
            ];
            const next = due.filter((d) => d.at <= this.now).sort((a, b) => a.at - b.at)[0];
            if (!next) {
                return;
            }
            next.run();
        }
    }

    // ---- lots: domain.md 4 and 11 ----

    // Into active goes what is left of it after debt is repaid.
    enter(m, lot, points) {
        const repaid = Math.min(points, m.debts.get(lot.wallet));
        m.debts.set(lot.wallet, m.debts.get(lot.wallet) - repaid);
        lot.active += points - repaid;
    }

    activate(m, lot) {
        const points = lot.pending;
        lot.pending = 0;
        this.enter(m, lot, points);
    }

    expire(lot) {
        lot.expired += lot.pending + lot.active;
        lot.pending = lot.active = 0;
    }

    // The terms are the wallet's in the version of the earning event's time, counted from that time.
    lot(m, { wallet, origin, time, points, terms, isPlaced = false }) {
        const day = dayOf(time);
        const { pending = { kind: 'none' }, expiry = { kind: 'never' } } = terms;
        const end = expiry.kind === 'days' ? day + expiry.days : expiry.kind === 'months' ? addMonths(day, expiry.months) : null;
        const lot = {
            wallet, origin, time, seq: this.booked++, pending: 0, active: 0, expired: 0,
            activatesAt: pending.kind === 'days' ? midnight(day + pending.days + 1) : -Infinity, isPlaced,
            expiresAt: end === null ? NEVER : midnight((expiry.round === 'month_end' ? monthEnd(end) : end) + 1),
        };
        m.lots.push(lot);
        if (lot.expiresAt <= this.now) {
            lot.expired = points; // booked and expired together
        } else if (lot.activatesAt <= this.now && !isPlaced) {
            this.enter(m, lot, points);
        } else {
            lot.pending = points;
        }
        if (isPlaced) { // until the order is completed
            [lot.ownEnd, lot.activatesAt] = [lot.activatesAt, NEVER];
        }
    }

    // Active lots in the order in which they are spent.
    spendable(m, wallet) {
        return m.lots.filter((l) => l.wallet === wallet && l.active > 0)
            .sort((a, b) => (a.expiresAt === b.expiresAt ? 0 : a.expiresAt - b.expiresAt) || a.time - b.time || a.seq - b.seq);
    }

    active(m, wallet) { return sum(m.lots.filter((l) => l.wallet === wallet), (l) => l.active); }

    // Takes active points; says of which lots.
    spend(m, wallet, points) {
        const spent = [];
        for (const lot of this.spendable(m, wallet)) {
            const n = Math.min(lot.active, points - sum(spent, (s) => s.points));
            if (n > 0) {
                lot.active -= n;
                spent.push({ lot, points: n, back: 0 });
            }
        }
        return spent;
    }

    // Gives spent points back, those that were spent first at first: a lot of the same origin that lives at least so many days more.
    restore(m, spent, points) {
        for (const part of spent) {
            const n = Math.min(part.points - part.back, points);
            if (n > 0) {
                points -= n;
                part.back += n;
                const days = this.wallet(part.lot.wallet).returned_min_days ?? 30;
                const lot = { ...part.lot, seq: this.booked++, pending: 0, active: 0, expired: 0 };
                lot.expiresAt = lot.expiresAt === NEVER ? NEVER : Math.max(lot.expiresAt, midnight(this.today + days + 1));
                m.lots.push(lot);
                this.enter(m, lot, n);
            }
        }
    }

    // Takes points back: the purchase's own pending, active and expired ones, then others', then by the wallet's policy.
    revoke(m, wallet, origin, points, policy) {
        const own = m.lots.filter((l) => l.wallet === wallet && l.origin === origin);
        const take = (lots, part) => {
            for (const lot of lots) {
                const n = Math.min(lot[part], points);
                lot[part] -= n;
                points -= n;
            }
        };
        take(own, 'pending');
        if (policy === 'pending_only') {
            return;
        }
        take(own, 'active');
        take(own, 'expired');
        take(this.spendable(m, wallet), 'active');
        if (policy === 'debt') {
            m.debts.set(wallet, m.debts.get(wallet) + points);
        }
    }

    // ---- what an event is due: domain.md 3, 5 and 11 ----

    // What the decision reads beside the event, as it is now; kept with a purchase, so that a refund decides from it.
    inputs(m, time) {
        const program = this.at(time);
        const counters = (map) => new Map([...map].map(([name, counter]) => [name, new Map(counter.days)]));
        return {
            program, time, rests: new Map(m.rests), caps: counters(m.caps), shared: counters(this.shared),
            tier: Object.fromEntries((program.tier_sets ?? []).map((s) => [s.slug, this.tierOf(m, s)])),
            purchases30: counterOf(m.stats, 'purchases').total(this.today - 29, this.today),
            progress: new Map([...m.achievements].map(([slug, a]) => [slug, { ...a }])),
        };
    }

    // Every award that the content gets, before anything is booked.
    awards(inputs, type, content) {
        const { program } = inputs;
        if (content.lines !== undefined && content.lines.length === 0) {
            return []; // nothing is left, so nothing is due
        }
        const get = (name) => (name === 'event.amount' ? content.amount
            : name === 'member.stats.purchases_30d' ? inputs.purchases30
                : name.startsWith('member.tier.') ? inputs.tier[name.slice(12)] : undefined);
        const rules = program.earning_rules.filter((r) => r.trigger === type && holds(r.when, get));
        const matching = (effect) => (content.lines ?? []).filter((l) => holds(effect.lines, (name) => l[name.slice(5)]));
        const effects = rules.flatMap((rule) => rule.effects.map((effect) => ({ rule, effect })));
        const list = [];
        // A remainder belongs to the ratio that made it; under another it starts at zero.
        const carried = (key, ratio, per, amount) => {
            const before = inputs.rests.get(key)?.ratio === ratio ? inputs.rests.get(key).value : 0;
            const points = Math.floor((before + amount) / per);
            return { points, rest: { key, ratio, per, change: amount - points * per } };
        };
        const bases = [];
        for (const { rule, effect } of effects.filter(({ effect: e }) => e.kind === 'earn' && e.per_amount)) {
            const lines = matching(effect).filter((l) => ['goods', 'service'].includes(l.kind));
            bases.push({ rule, effect, lines });
            const { points, per_amount: per } = effect;
            list.push({ rule, wallet: effect.wallet, qualifies: true, ...carried(rule.slug, `${points}/${per}`, per, sum(lines, (l) => l.earns) * points) });
        }
        for (const { rule, effect } of effects.filter(({ effect: e }) => e.kind === 'multiply')) {
            const [by, one] = ratio(effect.by);
            for (const base of bases.filter((b) => b.effect.wallet === effect.wallet)) {
                const { points, per_amount: per } = base.effect;
                const part = sum(base.lines.filter((l) => matching(effect).includes(l)), (l) => l.earns);
                const key = `${rule.slug} ${base.rule.slug}`;
                list.push({ rule, wallet: effect.wallet, qualifies: true, ...carried(key, `${points}/${per}*${effect.by}`, per * one, part * points * (by - one)) });
            }
        }
        for (const { rule, effect } of effects.filter(({ effect: e }) => e.kind === 'earn' && !e.per_amount)) {
            const times = effect.lines ? matching(effect).length : 1;
            list.push({ rule, wallet: effect.wallet, qualifies: false, points: effect.points * times });
        }
        for (const achievement of (program.achievements ?? []).filter((a) => a.trigger === type)) {
            const { of, target, lines } = achievement.count;
            const counted = of === 'lines.quantity' ? sum(matching({ lines }), (l) => l.quantity) : 1;
            const { total, completed } = inputs.progress.get(achievement.slug) ?? { total: 0, completed: 0 };
            const times = counted > 0 ? Math.max(0, Math.floor((total + counted) / target) - completed) : 0; // what counts nothing completes nothing
            const rule = { slug: `achievement/${achievement.slug}` };
            list.push({ rule, achievement: achievement.slug, counted, times, wallet: achievement.effects[0].wallet, qualifies: false, points: achievement.effects[0].points * times });
        }
        return this.clip(inputs, list);
    }

    // Caps and budgets clip an award to what is left of them.
    clip(inputs, list) {
        const used = new Map();
        for (const award of list) {
            award.counts = this.limits(inputs, award);
            for (const limit of award.counts) {
                const before = limit.map ? inputs[limit.map].get(limit.name)?.get(limit.day) ?? 0 : 0;
                const room = limit.points - before - (used.get(`${limit.name} ${limit.day}`) ?? 0);
                award.points = Math.min(award.points, Math.max(0, room));
            }
            for (const limit of award.counts) {
                const key = `${limit.name} ${limit.day}`;
                used.set(key, (used.get(key) ?? 0) + award.points);
            }
        }
        return list;
    }

    // The limits that an award counts for: of its rule, of a campaign that has the rule, of its wallet.
    limits({ program, time }, { rule, wallet }) {
        const day = dayOf(time);
        const of = (owner, caps = []) => caps.map((cap, i) => ({
            name: `${owner} ${i}`, points: cap.points, map: { member: 'caps', rule: 'shared', transaction: null }[cap.per],
            day: cap.per === 'transaction' ? 'once' : periodOf(day, cap.period ?? 'lifetime'),
        }));
        const campaigns = (program.campaigns ?? []).filter((c) => c.rules.includes(rule.slug));
        return [
            ...of(`rule ${rule.slug}`, rule.caps),
            ...campaigns.flatMap((c) => [...of(`campaign ${c.slug}`, c.caps), ...(c.budget ? [{ name: `budget ${c.slug}`, points: c.budget.points, map: 'shared', day: 'lifetime' }] : [])]),
            ...of(`wallet ${wallet}`, this.wallet(wallet, program).caps),
        ];
    }

    // Brings a remainder into its range; the units so moved are the rule's and count in no cap. Under another ratio a new event
    // starts it anew, and a refund leaves it alone.
    carry(m, { key, ratio, per }, change, program) {
        const rest = m.rests.get(key) ?? { ratio, value: 0 };
        const current = rest.value > 0 ? rest.ratio : this.ratioNow(program, key) ?? ratio; // nothing has the ratio that the rule has now
        if (program && current !== ratio) {
            return 0;
        }
        const value = (rest.ratio === ratio ? rest.value : 0) + change;
        const units = Math.floor(value / per);
        m.rests.set(key, { ratio, value: value - units * per });
        return units;
    }

    ratioNow(program, key) {
        const [slug, of] = key.split(' ');
        const rule = (name) => program?.earning_rules.find((r) => r.slug === name);
        const earns = rule(of ?? slug)?.effects.find((e) => e.per_amount);
        const by = rule(slug)?.effects.find((e) => e.kind === 'multiply' && e.wallet === earns?.wallet)?.by;
        return earns && (!of || by) ? `${earns.points}/${earns.per_amount}${of ? `*${by}` : ''}` : undefined;
    }

    // Books the way from what was due to what is due now: caps, remainders, progress, points.
    book(m, origin, time, inputs, before, after, { policy, program, isPlaced } = {}) {
        const points = new Map();
        const change = (award, sign) => {
            points.set(award.wallet, (points.get(award.wallet) ?? 0) + sign * award.points);
            for (const limit of award.counts.filter((l) => l.map)) {
                counterOf(limit.map === 'caps' ? m.caps : this.shared, limit.name).add(limit.day, sign * award.points);
            }
            if (award.achievement) {
                const progress = m.achievements.get(award.achievement) ?? { total: 0, completed: 0 };
                m.achievements.set(award.achievement, { total: progress.total + sign * award.counted, completed: progress.completed + sign * award.times });
            }
            if (award.qualifies) {
                counterOf(m.metrics, `points_earned ${award.wallet}`).add(dayOf(time), sign * award.points);
            }
        };
        before.forEach((a) => change(a, -1));
        after.forEach((a) => change(a, 1));
        for (const award of new Map([...before, ...after].filter((a) => a.rest).map((a) => [a.rest.key, a])).values()) {
            const of = (list) => sum(list.filter((a) => a.rest?.key === award.rest.key), (a) => a.rest.change);
            const units = this.carry(m, award.rest, of(after) - of(before), program);
            points.set(award.wallet, points.get(award.wallet) + units);
            counterOf(m.metrics, `points_earned ${award.wallet}`).add(dayOf(time), units);
        }
        for (const [wallet, n] of points) {
            const terms = this.wallet(wallet, inputs.program);
            if (n > 0) {
                this.lot(m, { wallet, origin, time, points: n, terms, isPlaced });
            } else if (n < 0) {
                this.revoke(m, wallet, origin, -n, policy(wallet));
            }
        }
    }

    // ---- events ----

    begin(name) {
        const m = this.members.get(name);
        this.settle(m);
        m.was = new Map([...m.metrics].map(([metric, counter]) => [metric, counter.copy()]));
        return m;
    }

    visit(name, { time }) {
        const m = this.begin(name);
        const inputs = this.inputs(m, time);
        this.book(m, `visit ${this.booked++}`, time, inputs, [], this.awards(inputs, 'visit', {}));
        this.judge(m, false, dayOf(time));
        return 'applied';
    }

    purchase(name, { id, time, data, named }) {
        const m = this.begin(name);
        const purchase = {
            id, time, inputs: this.inputs(m, time), due: [], isPlaced: data.status === 'placed', voidsAt: midnight(dayOf(time) + this.at(time).order_days + 1),
            lines: [], amount: 0, amountBack: 0, paid: 0, spent: [], used: [],
        };
        const content = this.content(m, purchase, data, named);
        if (!content) {
            m.refused.add(id);
            return 'refused';
        }
        m.purchases.set(id, purchase);
        this.become(m, purchase, content);
        this.judge(m, false, dayOf(time));
        return 'applied';
    }

    // What is bought and how it is paid: in points, by rewards that the member has (`named`: index, and what it pays, null where the
    // amount is after its discount). null where not all of it can be paid so.
    content(m, purchase, data, named = []) {
        const points = (data.payments ?? []).find((p) => p.method === 'points');
        const paid = points?.points ?? 0;
        const rewards = named.map(({ index, paid: amount }) => ({ reward: m.rewards[index], paid: amount }));
        const lines = sold(data);
        if (this.active(m, 'points') < paid - this.paidBy(purchase) || refuses(purchase, data.amount, lines, rewards)) {
            return null;
        }
        const notEarning = (points?.amount ?? 0) + sum(rewards, (r) => r.paid ?? 0);
        return { lines, amount: data.amount, amountBack: 0, paid, pointsAmount: Math.min(notEarning, data.amount), rewards };
    }

    // The points that a purchase costs now, after its refunds.
    paidBy(purchase) { return purchase.amount > 0 ? halfUp(purchase.paid, left(purchase).amount, purchase.amount) : 0; }

    // Refunds that came before their purchase are applied with it, in the order of arrival.
    release(name, id) {
        const m = this.members.get(name);
        const waiting = (m.held.get(id) ?? []).filter((refund) => refund.heldUntil > this.now);
        m.held.delete(id);
        waiting.forEach((refund) => this.refundOf(m, refund));
    }

    refund(name, what) { return this.refundOf(this.begin(name), what); }

    refundOf(m, what) {
        const purchase = m.purchases.get(what.original);
        if (!purchase && !m.refused.has(what.original)) {
            m.held.set(what.original, [...(m.held.get(what.original) ?? []), { ...what, heldUntil: this.now + HELD_DAYS * DAY }]);
            return 'held';
        }
        const rest = purchase && takeBack(purchase, what.refund);
        if (!rest) {
            return 'refused';
        }
        this.become(m, purchase, rest, what.time);
        this.judge(m, true);
        return 'applied';
    }

    // The whole new content of a purchase, and how it is paid now; what was refunded before is part of it.
    change(name, { time, original, data, named }) {
        const m = this.begin(name);
        const purchase = m.purchases.get(original);
        if (!purchase && !m.refused.has(original)) {
            return 'held'; // for good: who was held for so long that they were given up is not sent again
        }
        const content = purchase && !purchase.isUndone ? this.content(m, purchase, data, named) : null;
        if (!content) {
            return 'refused';
        }
        this.become(m, purchase, content, time);
        this.judge(m, true, dayOf(purchase.time)); // what it has more counts since then
        return 'applied';
    }

    // Points of a placed order are active at the later of now and the wallet's own pending end.
    complete(name, { original }) {
        const m = this.begin(name);
        const purchase = m.purchases.get(original);
        if (!purchase?.isPlaced) {
            return 'refused';
        }
        purchase.isPlaced = false;
        this.endOrder(m, original);
        this.judge(m);
        return 'applied';
    }

    // Nothing of the order waits any more.
    endOrder(m, original) {
        for (const lot of m.lots.filter((l) => l.origin === original && l.isPlaced)) {
            lot.isPlaced = false;
            lot.activatesAt = lot.ownEnd;
            if (lot.pending > 0 && lot.activatesAt <= this.now) {
                this.activate(m, lot);
            }
        }
    }

    cancel(name, { time, original }) {
        const m = this.begin(name);
        const purchase = m.purchases.get(original);
        if (!purchase || purchase.isUndone) {
            return 'refused';
        }
        this.undo(m, purchase, time);
        return 'applied';
    }

    // As if it had not been.
    undo(m, purchase, time) {
        this.become(m, purchase, { isUndone: true }, time);
        this.judge(m, true);
    }

    // A purchase becomes other content: booked is the difference between what it was due and what it is due now, both decided from
    // the same inputs. What was paid in points comes back first, and may be taken then.
    become(m, purchase, { rewards, ...content }, time = purchase.time) {
        const before = left(purchase);
        const paid = this.paidBy(purchase);
        const isNew = purchase.lines.length === 0;
        Object.assign(purchase, content);
        const now = left(purchase);
        if (rewards) {
            use(purchase, rewards, this.today);
        } else {
            giveBack(purchase, now, this.today);
        }
        purchase.isPlaced &&= now.lines.length > 0; // of an order that is refunded whole nothing is left to complete
        const due = this.awards(purchase.inputs, 'purchase', now);
        const more = this.paidBy(purchase) - paid;
        if (more > 0) {
            purchase.spent.push(...this.spend(m, 'points', more));
        } else {
            this.restore(m, purchase.spent, -more);
        }
        const program = isNew ? undefined : this.at(time);
        const policy = (wallet) => this.wallet(wallet, program).returns ?? 'to_zero';
        this.book(m, purchase.id, purchase.time, purchase.inputs, purchase.due, due, { policy, program, isPlaced: purchase.isPlaced });
        purchase.due = due;
        if (now.lines.length === 0) {
            this.endOrder(m, purchase.id); // what its remainders have left to other purchases
        }
        counterOf(m.metrics, 'spend').add(dayOf(purchase.time), now.amount - before.amount);
        counterOf(m.stats, 'purchases').add(dayOf(purchase.time), Math.sign(now.lines.length) - Math.sign(before.lines.length));
    }

    // A manual adjustment: what is given is active at once, with the wallet's expiry from now on.
    adjust(name, { wallet, points }) {
        const m = this.begin(name);
        if (this.active(m, wallet) < -points) {
            return ['not_enough_points'];
        }
        if (points > 0) {
            this.lot(m, { wallet, origin: `adjustment ${this.booked++}`, time: this.now, points, terms: { ...this.wallet(wallet), pending: undefined } });
        } else {
            this.spend(m, wallet, -points);
        }
        return [];
    }

    // ---- tiers ----

    tierOf(m, set) { return set.tiers[standing(m, set).rank].slug; }

    totals(m, set, metrics = m.metrics) {
        return (metric, first, last) => {
            const { kind, wallet } = set.metrics[metric];
            return counterOf(metrics, kind === 'spend' ? 'spend' : `points_earned ${wallet}`).total(first, last);
        };
    }

    judge(m, isRefund = false, day = this.today) {
        for (const set of this.sets) {
            const isLate = day < this.today;
            const now = isRefund || !isLate ? after(set, standing(m, set), this.totals(m, set), this.today, isRefund) : standing(m, set);
            m.tiers.set(set.slug, isLate ? late(set, now, this.totals(m, set), this.totals(m, set, m.was), day, this.today) : now);
        }
    }

    endOfValidity(m, set) { m.tiers.set(set.slug, atTheEnd(set, standing(m, set), this.totals(m, set))); }

    // ---- rewards: domain.md 6 ----

    // All reasons that speak against it.
    refusals(m, reward, at) {
        const price = reward.price[0];
        const { stock, per_member: limit } = reward.available ?? {};
        const period = limit && periodOf(dayOf(at), limit.period ?? 'lifetime');
        const had = m.rewards.filter((r) => r.slug === reward.slug && r.state !== 'cancelled' && limit && periodOf(dayOf(r.at), limit.period ?? 'lifetime') === period);
        return [
            ...(this.active(m, price.wallet) < price.points ? ['not_enough_points'] : []),
            ...(stock && (this.stock.get(reward.slug) ?? 0) >= stock.total ? ['sold_out'] : []),
            ...(limit && had.length >= limit.count ? ['limit_reached'] : []),
        ];
    }

    buy(name, { reward: slug }) {
        const m = this.begin(name);
        const reward = this.program.rewards.find((r) => r.slug === slug);
        const refusals = this.refusals(m, reward, this.now);
        if (refusals.length > 0) {
            return refusals;
        }
        const [{ wallet, points }] = reward.price;
        this.stock.set(slug, (this.stock.get(slug) ?? 0) + 1);
        m.rewards.push({ ...issued(reward, this.now), spent: this.spend(m, wallet, points), points });
        return [];
    }

    // index: which of the member's rewards.
    useReward(name, { index }) {
        const reward = this.begin(name).rewards[index];
        const refused = refusal(reward);
        if (!refused) {
            Object.assign(reward, { state: 'used', left: 0 });
        }
        return refused ? [refused] : [];
    }

    cancelReward(name, { index }) {
        const m = this.begin(name);
        const reward = m.rewards[index];
        const refusals = [refusal(reward), reward.left < reward.value ? 'reward_used' : null].filter((r) => r);
        if (refusals.length > 0) {
            return refusals;
        }
        reward.state = 'cancelled';
        this.stock.set(reward.slug, this.stock.get(reward.slug) - 1);
        this.restore(m, reward.spent, reward.points);
        return [];
    }

    // ---- what a member has ----

    balances(name) {
        const m = this.members.get(name);
        return this.program.wallets.map(({ slug }) => {
            const lots = m.lots.filter((l) => l.wallet === slug);
            const ends = lots.filter((l) => l.active > 0 && l.expiresAt < NEVER).map((l) => l.expiresAt);
            const at = Math.min(...ends);
            return {
                wallet: slug, active: sum(lots, (l) => l.active), pending: sum(lots, (l) => l.pending), debt: m.debts.get(slug),
                next_expiry: ends.length === 0 ? null : { at: new Date(at).toISOString(), points: sum(lots.filter((l) => l.expiresAt === at), (l) => l.active) },
            };
        });
    }

    // How far achievements are; what was completed with what went back since counts no less than nothing.
    achievements(name) {
        const m = this.members.get(name);
        return Object.fromEntries((this.program.achievements ?? []).map(({ slug, count }) => {
            const { total, completed } = m.achievements.get(slug) ?? { total: 0, completed: 0 };
            return [slug, { value: Math.max(0, total - completed * count.target), completed }];
        }));
    }

    rewards(name) {
        return this.members.get(name).rewards.map(({ slug, state, left: rest, expiresAt }) => (
            { reward: slug, state, left: rest, expires_at: expiresAt === NEVER ? null : new Date(expiresAt).toISOString() }));
    }

    // Points by wallet, and by when they become active and expire: what lots there are is no matter.
    lots(name) {
        const lots = new Map();
        for (const l of this.members.get(name).lots.filter((lot) => lot.pending + lot.active > 0)) {
            const key = [l.wallet, l.pending > 0 ? 'pending' : 'active', l.expiresAt === NEVER ? null : new Date(l.expiresAt).toISOString()].join(' ');
            lots.set(key, (lots.get(key) ?? 0) + l.pending + l.active);
        }
        return Object.fromEntries([...lots].sort());
    }

    tiers(name) {
        const m = this.members.get(name);
        return Object.fromEntries(this.sets.map((set) => [set.slug, { tier: this.tierOf(m, set), valid_until: validUntil(standing(m, set)) }]));
    }
}
