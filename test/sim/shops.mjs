// The shops that are simulated: their programs, and what happens in them. Everything follows from seeds.
import { DAY, HOUR } from './calendar.mjs';

export const START = Date.UTC(2026, 0, 1);
const LATE_HOURS = 60 * 24; // at most

// xorshift32.
export function dice(seed) {
    let state = (Math.imul(seed, 2654435761) >>> 0) || 1;
    const real = () => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        return (state >>> 0) / 4294967296;
    };
    const below = (n) => Math.floor(real() * n);
    return { real, below, one: (list) => list[below(list.length)], chance: (p) => real() < p };
}

// ---- programs ----

const coffee = { '==': [{ var: 'line.category' }, 'coffee'] };
const base = { slug: 'base', trigger: 'purchase', effects: [{ kind: 'earn', wallet: 'points', points: 3, per_amount: 700 }] };
const twice = { slug: 'twice', trigger: 'purchase', effects: [{ kind: 'multiply', wallet: 'points', by: '2', mode: 'additive', lines: coffee }] };
const more = { slug: 'more', trigger: 'purchase', when: { '==': [{ var: 'member.tier.main' }, 'gold'] }, effects: [{ kind: 'multiply', wallet: 'points', by: '1.3', mode: 'additive' }] };
const large = { slug: 'large', trigger: 'purchase', when: { '>=': [{ var: 'event.amount' }, 5000] }, effects: [{ kind: 'earn', wallet: 'points', points: 7 }] };
const each = { slug: 'each', trigger: 'purchase', effects: [{ kind: 'earn', wallet: 'stars', points: 2, lines: coffee }] };
const often = { slug: 'often', trigger: 'purchase', when: { '>=': [{ var: 'member.stats.purchases_30d' }, 4] }, effects: [{ kind: 'earn', wallet: 'stars', points: 1 }] };
const visit = { slug: 'visit', trigger: 'visit', effects: [{ kind: 'earn', wallet: 'points', points: 4 }], caps: [{ per: 'member', period: 'day', points: 6 }] };

const tiers = (metric, silver, gold, set = {}) => [{
    slug: 'main', metrics: { m: metric }, period: { kind: 'lifetime' }, on_refund: 'revert',
    tiers: [{ slug: 'bronze' }, { slug: 'silver', enter: { any_of: [{ m: silver }] } }, { slug: 'gold', enter: { any_of: [{ m: gold }] } }], ...set,
}];
const spend = { kind: 'spend' };
const credits = { kind: 'points_earned', wallet: 'points' };

const achievements = [
    { slug: 'cups', trigger: 'purchase', count: { of: 'lines.quantity', lines: coffee, target: 6, repeat: true }, effects: [{ kind: 'earn', wallet: 'stars', points: 5 }] },
    { slug: 'visits', trigger: 'visit', count: { target: 3, repeat: true }, effects: [{ kind: 'earn', wallet: 'points', points: 2 }] },
];
const rewards = [
    { slug: 'mug', kind: 'physical', price: [{ wallet: 'points', points: 20 }], valid_days: 15, available: { stock: { total: 60 } } },
    { slug: 'coffee', kind: 'code', price: [{ wallet: 'points', points: 9 }], valid_days: 6, available: { per_member: { period: 'month', count: 2 } } },
    { slug: 'off', kind: 'money_off', value: { amount: 500, currency: 'EUR' }, price: [{ wallet: 'points', points: 8 }], min_spend: 1000, combines: false, valid_days: 9 },
    { slug: 'cup', kind: 'free_product', lines: coffee, price: [{ wallet: 'points', points: 6 }], valid_days: 20 },
    { slug: 'third', kind: 'percent_off', percent: '33.3', max_amount: 700, price: [{ wallet: 'points', points: 7 }] },
    { slug: 'card', kind: 'gift_card', value: { amount: 2000, currency: 'EUR' }, price: [{ wallet: 'points', points: 10 }], valid_days: 12 },
];

const program = (points, rules, rest = {}) => ({
    format: 'loyald.program/1', name: 'Shop', currency: 'EUR', timezone: 'Europe/Amsterdam', unknown_members: 'hold',
    wallets: [{ slug: 'points', pay: { points: 1, amount: 10, min_points: 1, max_share: '1' }, ...points }, { slug: 'stars' }],
    earning_rules: rules, achievements, rewards, order_days: 10, ...rest,
});

export const SHOPS = {
    debt: program({ returns: 'debt' }, [base, large, visit, often], { tier_sets: tiers(spend, 20000, 60000) }),
    expiring: program({ returns: 'to_zero', expiry: { kind: 'days', days: 20 }, returned_min_days: 5 }, [base, twice, each], { tier_sets: tiers(credits, 80, 250, { on_refund: 'keep' }) }),
    pending: program({ returns: 'debt', pending: { kind: 'days', days: 5 }, expiry: { kind: 'months', months: 1, round: 'month_end' } }, [base, twice, large, more],
        { tier_sets: tiers(credits, 80, 250) }),
    forgiving: program({ returns: 'pending_only', pending: { kind: 'days', days: 9 } }, [base, large, each, visit], { tier_sets: tiers(spend, 15000, 50000) }),
    capped: program({ returns: 'debt', caps: [{ per: 'member', period: 'day', points: 60 }] },
        [{ ...base, caps: [{ per: 'member', period: 'month', points: 200 }] }, { ...twice, caps: [{ per: 'transaction', points: 9 }] }, large, visit], { tier_sets: tiers(spend, 15000, 90000) }),
    rolling: program({ returns: 'debt', expiry: { kind: 'days', days: 40 } }, [base, more, visit],
        { tier_sets: tiers(spend, 9000, 22000, { period: { kind: 'rolling_months', months: 1 }, downgrade: { kind: 'one_step' } }) }),
    falling: program({ returns: 'to_zero', pending: { kind: 'days', days: 2 } }, [base, twice, more],
        { tier_sets: tiers(credits, 40, 120, { period: { kind: 'rolling_months', months: 1 }, downgrade: { kind: 'full' }, on_refund: 'keep' }) }),
    shared: program({ returns: 'to_zero', pending: { kind: 'days', days: 3 } }, [{ ...base, caps: [{ per: 'rule', period: 'week', points: 900 }] }, twice, large, each],
        { campaigns: [{ slug: 'beans', budget: { points: 1500 }, rules: ['twice', 'large'] }], tier_sets: tiers(credits, 60, 150) }),
};

// The next version: other rates, another policy.
export function changed(document, { one, chance }) {
    const next = structuredClone(document);
    const [effect] = next.earning_rules.find((r) => r.slug === 'base').effects;
    Object.assign(effect, one([{ points: 3, per_amount: 700 }, { points: 1, per_amount: 100 }, { points: 5, per_amount: 1300 }]));
    if (chance(0.3)) {
        next.wallets[0].returns = one(['debt', 'to_zero', 'pending_only']);
    }
    return next;
}

// ---- lives ----

function content({ below, one, chance }) {
    const lines = Array.from({ length: 1 + below(4) }, (_, i) => ({
        id: `${i}`, sku: one(['A', 'B', 'C']), category: one(['coffee', 'food']), quantity: 1 + below(3), amount: below(2500),
        ...(chance(0.1) ? { kind: one(['gift_card', 'tip', 'service']) } : {}),
    }));
    const total = lines.reduce((a, l) => a + l.amount, 0);
    return { amount: chance(0.8) ? total : Math.max(0, total + below(1000) - 500), currency: 'EUR', ...(chance(0.9) ? { lines } : {}) };
}

const ACTIONS = [
    ...Array(8).fill('purchase'), ...Array(4).fill('refund'), 'visit', 'visit', 'order', 'order', 'change', 'change', 'early', 'adjust', ...Array(5).fill('buy'), 'use', 'giveBack',
    'again', 'other', 'nothing',
];

const STRANGERS = ['purchase', 'purchase', 'purchase', 'refund', 'early', 'visit', 'again', 'nothing', 'join'];

// What a till would let a reward pay, more or less.
const WORTH = { mug: () => 0, coffee: (amount) => amount, off: () => 500, cup: () => 900, third: (amount) => Math.floor(amount / 3), card: () => 1500 };

// One member's life: what they do next, as {kind, event} or {kind, body}. Chosen from their own dice and from what they did.
export class Life {
    constructor(seed) {
        Object.assign(this, { seed, name: `M-${seed}`, dice: dice(seed), next: 0, bought: [], sent: [], rewards: [], promised: null, points: 0 });
        // Who joins later: what they do before waits for them, and is late then.
        this.isStranger = this.dice.chance(0.15);
    }

    id() { return `${this.seed}-${this.next++}`; }

    event(type, time, data, id = this.id()) {
        const event = { specversion: '1.0', id, source: 'sim', type, time: new Date(time).toISOString(), subject: `ext:${this.name}`, data };
        this.sent.push(event);
        return event;
    }

    late(now) {
        const { below, chance } = this.dice;
        return chance(0.2) ? now - below(LATE_HOURS) * HOUR : now;
    }

    step(now) {
        return this[this.dice.one(this.isStranger ? STRANGERS : ACTIONS)](now);
    }

    nothing() { return null; }

    join() { return { kind: 'join' }; }

    visit(now) { return { kind: 'visit', event: this.event('visit', this.late(now), {}) }; }

    purchase(now) {
        const { chance } = this.dice;
        const data = content(this.dice);
        const id = this.promised ?? this.id();
        const named = this.promised ? [] : this.pay(data);
        if (chance(0.15)) {
            data.status = 'placed';
        }
        const event = this.event('purchase', this.late(now), data, id);
        this.bought.push({ id, data, named });
        this.promised = null;
        return { kind: 'purchase', event, named };
    }

    // Some of it is paid in points, by a reward or two; other content often by those that paid before. Says which of the member's rewards,
    // and what they pay.
    pay(data, before = []) {
        const { below, one, chance } = this.dice;
        const payments = [];
        const named = [];
        let rest = data.amount;
        for (let i = 0; i < 2 && this.rewards.length > 0 && chance(0.55); i += 1) {
            const fresh = this.rewards.flatMap((r, at) => (r.isNamed ? [] : [at]));
            const index = before.length > 0 && chance(0.6) ? one(before).index : fresh.length > 0 && chance(0.8) ? one(fresh) : below(this.rewards.length);
            const { id, slug } = this.rewards[index];
            this.rewards[index].isNamed = slug !== 'card';
            const most = Math.min(rest, WORTH[slug](data.amount));
            const paid = chance(0.15) ? null : one([most, most, below(most + 1), below(most + 1), most + 1]);
            if (!named.some((n) => n.index === index)) {
                named.push({ index, paid });
                rest = Math.max(0, rest - (paid ?? 0));
                if (paid === null) {
                    data.rewards = [...(data.rewards ?? []), id];
                } else {
                    payments.push({ method: 'reward', reward: id, amount: paid });
                }
            }
        }
        const points = chance(0.4) ? Math.min(Math.floor(rest / 10), below(Math.floor(this.points * 1.1) + 2)) : 0; // as far as they have some
        if (points) {
            payments.push({ method: 'points', wallet: 'points', points, amount: points * 10 });
        }
        if (payments.length > 0) {
            data.payments = payments;
        }
        return named;
    }

    // Other content, of whatever has become of the purchase so far.
    change(now) {
        const { below, one, chance } = this.dice;
        if (this.bought.length === 0) {
            return null;
        }
        const bought = chance(0.7) ? this.bought.at(-1 - below(Math.min(4, this.bought.length))) : one(this.bought);
        const data = { ...content(this.dice), ...(bought.data.status ? { status: bought.data.status } : {}) };
        const named = this.pay(data, bought.named);
        Object.assign(bought, { data, named });
        return { kind: 'change', original: bought.id, named, event: this.event('purchase.changed', now, { original: { source: 'sim', id: bought.id }, ...data }) };
    }

    refund(now) {
        const { below, one, chance } = this.dice;
        if (this.bought.length === 0) {
            return null;
        }
        const bought = chance(0.7) ? this.bought.at(-1 - below(Math.min(4, this.bought.length))) : one(this.bought);
        const { id, data } = bought;
        const refund = {};
        if (data.lines && chance(0.4)) {
            refund.lines = data.lines.filter(() => chance(0.5)).map((l) => ({ id: l.id, ...(chance(0.7) ? { quantity: 1 + below(l.quantity) } : {}) }));
            if (refund.lines.length === 0) {
                delete refund.lines;
            }
        } else if (chance(0.6)) {
            refund.amount = 1 + below(Math.max(1, Math.floor(data.amount * (chance(0.1) ? 1.2 : 0.6))));
        }
        return { kind: 'refund', original: id, refund, event: this.event('refund', now, { original: { source: 'sim', id }, ...refund }) };
    }

    // A refund that comes before its purchase.
    early(now) {
        if (this.promised) {
            return null;
        }
        this.promised = this.id();
        const refund = this.dice.chance(0.5) ? {} : { amount: 1 + this.dice.below(900) };
        return { kind: 'refund', original: this.promised, refund, event: this.event('refund', now, { original: { source: 'sim', id: this.promised }, ...refund }) };
    }

    // What becomes of an order: its completion, its cancellation.
    order(now) {
        const { one } = this.dice;
        const placed = this.bought.filter((b) => b.data.status === 'placed' && !b.isOver);
        if (placed.length === 0) {
            return null;
        }
        const order = one(placed);
        const original = { source: 'sim', id: order.id };
        order.isOver = true;
        const kind = one(['complete', 'complete', 'cancel']);
        return { kind, original: order.id, event: this.event(kind === 'complete' ? 'purchase.completed' : 'purchase.cancelled', now, { original }) };
    }

    buy() { return { kind: 'buy', key: this.id(), path: `members/ext%3A${this.name}/rewards`, body: { reward: this.dice.one([...Object.keys(WORTH), 'card']) } }; }

    // One of the rewards that they were given, whatever became of it.
    ofOne(kind, verb) {
        const index = this.dice.below(this.rewards.length);
        return this.rewards.length ? { kind, key: this.id(), path: `rewards/issued/${this.rewards[index].id}/${verb}`, body: {}, index } : null;
    }

    use() { return this.ofOne('useReward', 'use'); }

    giveBack() { return this.ofOne('cancelReward', 'cancel'); }

    adjust() {
        const points = this.dice.below(60) - 25 || 1;
        return { kind: 'adjust', key: this.id(), path: `members/ext%3A${this.name}/adjustments`, body: { wallet: 'points', points, reason: 'simulated' } };
    }

    // Something sent before: the stored answer.
    again() {
        return this.sent.length ? { kind: 'again', event: this.dice.one(this.sent) } : null;
    }

    // The key of something sent before, with other content.
    other() {
        const event = this.sent.length ? this.dice.one(this.sent) : null;
        return event && { kind: 'other', event: { ...event, time: new Date(START - DAY - this.dice.below(1000)).toISOString() } };
    }
}
