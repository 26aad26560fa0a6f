// Rewards that pay in a purchase, and what becomes of them with it: domain.md 6 and docs/rewards.md. `purchase.used` is what its newest
// content was paid by: {reward, paid, back}, the amounts that it paid and of a gift card has back. A reward has its state and, of
// a gift card, what is `left`.
import { dayOf, midnight } from './calendar.mjs';
import { halfUp } from './content.mjs';
import { holds, ratio, sum } from './logic.mjs';

const RETURNED_DAYS = 30; // what comes back lives so long at least
const isCard = (reward) => reward.is.kind === 'gift_card';

export function issued(reward, now) {
    const value = reward.kind === 'gift_card' ? reward.value.amount : 0;
    return {
        slug: reward.slug, is: reward, at: now, state: 'issued', value, left: value,
        expiresAt: reward.valid_days ? midnight(dayOf(now) + reward.valid_days + 1) : Infinity,
    };
}

export const refusal = (reward) => (reward.state === 'issued' ? null : `reward_${reward.state}`);

// ---- paying ----

// What a purchase holds of a reward that has paid in it: of a gift card the amount, else whether it does.
function held(purchase, reward) {
    const used = purchase.used.find((u) => u.reward === reward);
    return used && isCard(reward) ? used.paid - used.back : Number(used !== undefined && reward.state === 'used' && reward.usedBy === purchase.id);
}

// What lines a reward is for, and how much of them it pays at most.
function worth({ is, left }, lines, has) {
    const amounts = lines.filter((line) => holds(is.lines, (name) => line[name.slice(5)])).map((line) => line.sold);
    const eligible = sum(amounts);
    switch (is.kind) {
    case 'money_off': return { eligible, most: Math.min(is.value.amount, eligible) };
    case 'percent_off': {
        const [digits, one] = ratio(is.percent);
        return { eligible, most: Math.min(halfUp(eligible, digits, 100 * one), is.max_amount) };
    }
    case 'gift_card': return { eligible, most: Math.min(left + has, eligible) };
    case 'free_product': return { eligible, most: Math.max(0, ...amounts) };
    case 'code': return { eligible, most: eligible };
    default: return { eligible, most: 0 }; // nothing that a till takes
    }
}

// Whether one of those that are named speaks against the content.
export function refuses(purchase, amount, lines, named) {
    return named.some(({ reward, paid }) => {
        const has = held(purchase, reward);
        const { eligible, most } = worth(reward, lines, isCard(reward) ? has : 0);
        const needsMore = has === 0 || (isCard(reward) && paid > has);
        return (needsMore && refusal(reward)) || amount < (reward.is.min_spend ?? 0) || (reward.is.combines === false && named.length > 1)
            || (eligible === 0 && amount > 0) || paid > most || (isCard(reward) && paid === null);
    });
}

// The purchase is paid by these from now on; what it is no longer paid by comes back.
export function use(purchase, named, today) {
    for (const { reward } of purchase.used.filter((u) => !named.some((n) => n.reward === u.reward))) {
        comeBack(reward, held(purchase, reward), today);
    }
    for (const { reward, paid } of named) {
        const has = held(purchase, reward);
        if (isCard(reward)) {
            reward.left -= Math.max(0, paid - has);
            reward.state = reward.left === 0 && paid > has ? 'used' : reward.state;
            comeBack(reward, has - paid, today);
        } else {
            Object.assign(reward, { state: 'used', usedBy: purchase.id });
        }
    }
    purchase.used = named.map(({ reward, paid }) => ({ reward, paid: paid ?? 0, back: 0 }));
}

// ---- coming back ----

// n: of a gift card the amount. Of one that has expired only this lives on.
function comeBack(reward, n, today) {
    if (n <= 0) {
        return;
    }
    if (isCard(reward)) {
        reward.left = n + (reward.state === 'expired' ? 0 : reward.left);
    }
    Object.assign(reward, { state: 'issued', usedBy: null, expiresAt: Math.max(reward.expiresAt, midnight(today + RETURNED_DAYS + 1)) });
}

// With a refund gift cards have their share back, one after the other; others when nothing is left of the purchase.
export function giveBack(purchase, now, today) {
    const cards = purchase.used.filter((u) => isCard(u.reward));
    const paid = sum(cards, (u) => u.paid);
    let due = now.lines.length === 0 || purchase.amount === 0 ? paid : paid - halfUp(paid, now.amount, purchase.amount);
    for (const used of cards) {
        const back = Math.max(used.back, Math.min(due, used.paid));
        due -= Math.min(due, used.paid);
        comeBack(used.reward, back - used.back, today);
        used.back = back;
    }
    for (const { reward } of purchase.used.filter((u) => !isCard(u.reward) && now.lines.length === 0)) {
        comeBack(reward, held(purchase, reward), today);
    }
}
