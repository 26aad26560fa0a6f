// Tiers: domain.md 5 and 11, for periods of rolling months and of a lifetime. A standing is {rank, start, last, reached, before}: validity
// counts from the day `start` through the day `last`; `reached` is the day the tier was reached by an event, `before` what was before.
import { addMonths, midnight } from './calendar.mjs';

const LOWEST = { rank: 0 };

export const standing = (m, set) => m.tiers.get(set.slug) ?? LOWEST;

// A member's totals over days, and whether they meet a list of goals.
const meets = (goals, total) => goals.any_of.some((goal) => Object.entries(goal).every(([metric, n]) => total(metric) >= n));
const highest = (set, total, below = set.tiers.length) => set.tiers.findLastIndex((t, i) => i < below && (!t.enter || meets(t.enter, total)));

const months = (set) => (set.period.kind === 'rolling_months' ? set.period.months : null);
const window = (set, total, day) => (metric) => (months(set) ? total(metric, addMonths(day, -months(set)) + 1, day) : total(metric));
const from = (set, rank, day, more) => (rank === 0 ? LOWEST : { rank, start: day, last: months(set) ? addMonths(day, months(set)) : null, ...more });

// When the tier is judged again.
export const judgedAt = (set, s) => (s.last ? midnight(s.last + 1 + (set.downgrade?.grace_days ?? 0)) : Infinity);

export const validUntil = (s) => (s.last ? new Date(midnight(s.last + 1)).toISOString() : null);

// At the end of the validity exactly the days after its start are looked at; what follows counts from its last day.
export function atTheEnd(set, s, total) {
    const tier = set.tiers[s.rank];
    const inside = (metric) => total(metric, s.start + 1, s.last);
    const kind = set.downgrade?.kind ?? 'one_step';
    const rank = kind === 'never' || meets(tier.keep ?? tier.enter, inside) ? s.rank : kind === 'full' ? highest(set, inside, s.rank) : s.rank - 1;
    const lost = rank < s.rank ? { rank: s.rank, first: s.start + 1, through: s.last } : undefined;
    return { ...from(set, rank, s.last), lost };
}

// A late event is judged on each day from its own through today, and only where it makes the difference to what was without it. One
// that would have kept the tier restores it as renewal would have set it.
export function late(set, s, total, without, day, today) {
    let now = s;
    const kept = (sums) => meets(set.tiers[s.lost.rank].keep ?? set.tiers[s.lost.rank].enter, (metric) => sums(metric, s.lost.first, s.lost.through));
    if (s.lost && s.lost.rank > s.rank && day >= s.lost.first && day <= s.lost.through && kept(total) && !kept(without)) {
        now = { ...from(set, s.lost.rank, s.lost.through), lost: s.lost, restored: s };
    }
    let up = { rank: now.rank };
    for (let d = day; d <= today; d += 1) {
        for (let rank = set.tiers.length - 1; rank > up.rank; rank -= 1) {
            const enter = (sums) => meets(set.tiers[rank].enter, window(set, sums, d));
            if (enter(total) && !enter(without)) {
                up = { rank, met: d };
            }
        }
    }
    return up.rank > now.rank ? { ...from(set, up.rank, today, { reached: up.met, before: now }), lost: now.lost } : now;
}

// After an event: up at once; after a refund perhaps back.
export function after(set, s, total, today, isRefund) {
    if (isRefund && set.on_refund !== 'keep' && s.restored) {
        const { rank, first, through } = s.lost;
        if (!meets(set.tiers[rank].keep ?? set.tiers[rank].enter, (metric) => total(metric, first, through))) {
            return s.restored; // without that event it was not kept
        }
    }
    const rank = highest(set, window(set, total, today));
    if (rank > s.rank) {
        return { ...from(set, rank, today, { reached: today, before: s }), lost: s.lost };
    }
    if (!isRefund || set.on_refund === 'keep' || s.before === undefined) {
        return s;
    }
    let met = 0;
    for (let day = s.reached; day <= today; day += 1) {
        met = Math.max(met, highest(set, window(set, total, day)));
    }
    if (met >= s.rank) {
        return s;
    }
    const back = met > s.before.rank ? from(set, met, s.start, { reached: s.reached, before: s.before }) : s.before;
    return after(set, back, total, today, true); // which may have lost its own entry too
}
