/* Rewards that pay for a purchase: what they are worth there, their use, and what comes back when
 * it is undone or changed. */
#include "base/base.h"
#include "core/decide.h"

#include "core/decide_internal.h"
#include "core/reward.h"

/* The part of a purchase that a reward may pay for. */
static int64_t eligible_amount(struct award_env *env, const struct reward *reward, int64_t *largest)
{
    const struct content *content = env->view->content;
    int64_t sum = 0;
    *largest = 0;
    for (size_t i = 0; i < content->lines_n; i++) {
        const struct content_line *line = &content->lines[i];
        if (award_line_holds(env, line, reward ? reward->lines : NULL)) {
            sum += line->line.amount;
            *largest = int64_max(*largest, line->line.amount);
        }
    }
    return sum;
}

/* The most that a reward pays of this purchase, which holds `held` of it already. */
static int64_t worth(struct award_env *env, const struct issued *issued, int64_t held,
                     int64_t *eligible)
{
    const struct reward *reward = program_reward_by_symbol(env->view->program, issued->reward);
    int64_t largest = 0;
    int64_t most = 0;
    *eligible = eligible_amount(env, reward, &largest);
    switch (issued->kind) {
    case REWARD_PERCENT_OFF:
        most = mul_ratio_half_up(*eligible, issued->percent_basis_points, 10000, &most) ? most : 0;
        return issued->value > 0 ? int64_min(most, issued->value) : most;
    case REWARD_MONEY_OFF:
        return int64_min(issued->value, *eligible);
    case REWARD_GIFT_CARD:
        return int64_min(issued->left + held, *eligible);
    case REWARD_FREE_PRODUCT:
        return largest;
    case REWARD_COUPON:
    case REWARD_CODE:
        return issued->value > 0 ? int64_min(issued->value, *eligible) : *eligible;
    case REWARD_PHYSICAL:
    case REWARD_CASHBACK:
    case REWARD_WEBHOOK:
    case REWARD_CONTEST_ENTRY:
    case REWARD_KINDS_N:
        break;
    }
    return 0; // nothing that a till takes
}

/* What the payments say that a reward pays; -1: it pays nothing by itself, the amount is after its
 * discount. One reward may be named in several ways, by its id and by its code: all its payments
 * count together. */
static int64_t paid_by(const struct event *event, size_t reward)
{
    int64_t amount = -1;
    for (size_t i = 0; i < event->payments_n; i++) {
        const int named = event->payments[i].reward;
        if (str_eq(event->payments[i].method, STR("reward")) && named >= 0 &&
            event->rewards[named].id == event->rewards[reward].id) {
            amount = int64_max(amount, 0) + event->payments[i].amount;
        }
    }
    return amount;
}

/* Whether the event names the reward here first, and not by another of its names before. */
static bool is_first(const struct event *event, size_t reward)
{
    for (size_t i = 0; i < reward; i++) {
        if (event->rewards[i].id == event->rewards[reward].id) {
            return false;
        }
    }
    return true;
}

static bool is_alone(const struct event *event)
{
    for (size_t i = 1; i < event->rewards_n; i++) {
        if (is_first(event, i)) {
            return false;
        }
    }
    return true;
}

static bool is_card_of(const struct purchase *purchase, const struct issued *issued, int64_t amount)
{
    return issued->kind == REWARD_GIFT_CARD && amount > 0 && issued->event != purchase->id;
}

static bool is_whole_of(const struct purchase *purchase, const struct issued *issued)
{
    return issued->kind != REWARD_GIFT_CARD && issued->state == ISSUED_USED &&
           issued->used_event == purchase->id && issued->event != purchase->id;
}

/* What a card has back of what it paid, where `returned` of all cards together came back. Cards are
 * filled one after the other, so that this sum tells how far each of them is; `first` is what those
 * before it paid. */
static int64_t card_has_back(int64_t paid, int64_t returned, int64_t first)
{
    return int64_max(0, int64_min(paid, returned - first));
}

/* What the purchase holds of a reward that it used before: of a gift card the amount, of another
 * one 1; 0: nothing. */
static int64_t held_by(const struct deciding *d, const struct purchase *purchase, int64_t id)
{
    int64_t first = 0;
    for (size_t i = 0; purchase != NULL && i < purchase->rewards_n; i++) {
        const struct answer_reward *then = &purchase->rewards[i];
        const struct issued *known = deciding_issued(d, then->id);
        const bool is_card = is_card_of(purchase, known, then->amount);
        if (then->id == id) {
            return is_card
                       ? then->amount - card_has_back(then->amount, purchase->returned_value, first)
                       : is_whole_of(purchase, known);
        }
        first += is_card ? then->amount : 0;
    }
    return 0;
}

static enum reason check_use(struct deciding *d, struct award_env *env,
                             const struct purchase *purchase, size_t index)
{
    const struct issued *issued = deciding_issued(d, d->event->rewards[index].id);
    const int64_t held = held_by(d, purchase, issued->id);
    const int64_t paid = paid_by(d->event, index);
    const bool is_card = issued->kind == REWARD_GIFT_CARD;
    int64_t eligible = 0;
    if (purchase != NULL && issued->event == purchase->id) {
        return REASON_NOT_AVAILABLE; // what a purchase gave cannot pay for it
    }
    const enum reason reason =
        held == 0 || (is_card && paid > held) ? deciding_till_refusal(d, issued) : REASON_NONE;
    if (reason != REASON_NONE) {
        return reason;
    }
    const int64_t most = worth(env, issued, is_card ? held : 0, &eligible);
    if (d->event->amount < issued->min_spend) {
        return REASON_BELOW_MIN_SPEND;
    }
    if (!issued->combines && !is_alone(d->event)) {
        return REASON_NOT_COMBINABLE;
    }
    if (eligible == 0 && d->event->amount > 0) {
        return REASON_NO_ELIGIBLE_LINE;
    }
    if (paid > most || (is_card && paid < 0)) {
        return REASON_ABOVE_VALUE;
    }
    return REASON_NONE;
}

static void fill_card(struct deciding *d, const struct issued *known, int64_t back)
{
    if (back > 0 && reward_may_reopen(&d->booking, known)) {
        struct issued *issued = reward_change(&d->booking, known);
        // What had expired stays so: only what comes back lives on.
        issued->left = back + (issued->state == ISSUED_EXPIRED ? 0 : issued->left);
        reward_reopen(&d->booking, issued, REWARD_RETURNED_MIN_DAYS);
    }
}

static void use_one(struct deciding *d, const struct purchase *purchase, const struct issued *known,
                    int64_t paid)
{
    const int64_t held = held_by(d, purchase, known->id);
    const int64_t by = purchase != NULL ? purchase->id : d->booking.event;
    if (known->kind != REWARD_GIFT_CARD) {
        if (held == 0) {
            deciding_use(d, reward_change(&d->booking, known), paid, by);
        }
        return;
    }
    if (paid > held) {
        deciding_use(d, reward_change(&d->booking, known), paid - held, by);
    }
    fill_card(d, known, held - paid);
    reward_change(&d->booking, known)->amount = paid;
}

/* Uses what the event names; `purchase` is what it changes, or NULL. */
static enum err use_named(struct deciding *d, const struct content *content,
                          const struct purchase *purchase, enum reason *reason)
{
    struct inputs inputs;
    struct award_env env;
    const struct occasion occasion = {.type = d->event->type, .times = 1};
    const struct award_view view = {
        .program = d->program, .content = content, .inputs = &inputs, .facts = d->facts};
    *reason = REASON_NONE;
    if (d->event->rewards_n == 0) {
        return ERR_OK;
    }
    try(deciding_load_named(d, reason));
    inputs_open(d->arena, d->program, &inputs);
    award_env_open(d->arena, &view, &occasion, &env);
    for (size_t i = 0; i < d->event->rewards_n && *reason == REASON_NONE; i++) {
        *reason = check_use(d, &env, purchase, i);
    }
    for (size_t i = 0; i < d->event->rewards_n && *reason == REASON_NONE; i++) {
        if (is_first(d->event, i)) {
            use_one(d, purchase, deciding_issued(d, d->event->rewards[i].id), paid_by(d->event, i));
        }
    }
    return ERR_OK;
}

enum err deciding_use_rewards(struct deciding *d, const struct content *content,
                              enum reason *reason)
{
    return use_named(d, content, NULL, reason);
}

/* ---- the purchase is undone or changed ---- */

/* What all gift cards together are to have back when `left` of the amount sold stays. */
static enum err due_to_cards(const struct deciding *d, const struct purchase *purchase,
                             const struct content *left, int64_t *due)
{
    const int64_t sold = purchase->content.amount;
    int64_t keep = 0;
    *due = 0;
    for (size_t i = 0; i < purchase->rewards_n; i++) {
        const struct answer_reward *then = &purchase->rewards[i];
        *due += is_card_of(purchase, deciding_issued(d, then->id), then->amount) ? then->amount : 0;
    }
    if (!left->is_empty && sold > 0 && !mul_ratio_half_up(*due, left->amount, sold, &keep)) {
        return ERR_OVERFLOW;
    }
    *due -= keep;
    return ERR_OK;
}

static enum err return_to_cards(struct deciding *d, struct purchase *purchase,
                                const struct content *left)
{
    int64_t due = 0;
    int64_t first = 0; // what the cards before this one paid
    try(due_to_cards(d, purchase, left, &due));
    for (size_t i = 0; i < purchase->rewards_n; i++) {
        const struct answer_reward *then = &purchase->rewards[i];
        const struct issued *known = deciding_issued(d, then->id);
        if (is_card_of(purchase, known, then->amount)) {
            const int64_t had = card_has_back(then->amount, purchase->returned_value, first);
            fill_card(d, known, card_has_back(then->amount, due, first) - had);
            first += then->amount;
        }
    }
    purchase->returned_value = int64_max(purchase->returned_value, due);
    return ERR_OK;
}

/* Opens a reward that was used as a whole again. */
static void reopen_whole(struct deciding *d, const struct issued *known)
{
    if (reward_may_reopen(&d->booking, known)) {
        reward_reopen(&d->booking, reward_change(&d->booking, known), REWARD_RETURNED_MIN_DAYS);
    }
}

enum err deciding_return_rewards(struct deciding *d, struct purchase *purchase,
                                 const struct content *left)
{
    for (size_t i = 0; i < purchase->rewards_n; i++) {
        const struct issued *known = deciding_issued(d, purchase->rewards[i].id);
        ensure(known != NULL);
        if (is_whole_of(purchase, known) && left->is_empty) {
            reopen_whole(d, known);
        }
    }
    return return_to_cards(d, purchase, left);
}

static bool is_named(const struct event *event, int64_t id)
{
    for (size_t i = 0; i < event->rewards_n; i++) {
        if (event->rewards[i].id == id) {
            return true;
        }
    }
    return false;
}

/* From here on the purchase has what it gave and what its new content names. */
static void note_named(struct deciding *d, struct purchase *purchase)
{
    struct answer_reward *list =
        arena_new(d->arena, struct answer_reward, purchase->rewards_n + d->event->rewards_n);
    size_t n = 0;
    for (size_t i = 0; i < purchase->rewards_n; i++) {
        if (deciding_issued(d, purchase->rewards[i].id)->event == purchase->id) {
            list[n++] = purchase->rewards[i];
        }
    }
    for (size_t i = 0; i < d->event->rewards_n; i++) {
        if (is_first(d->event, i)) { // never one that it gave: check_use()
            list[n++] = (struct answer_reward){.id = d->event->rewards[i].id,
                                               .amount = int64_max(0, paid_by(d->event, i))};
        }
    }
    purchase->rewards = list;
    purchase->rewards_n = n;
    purchase->has_own_rewards = true;
    purchase->returned_value = 0;
}

enum err deciding_change_rewards(struct deciding *d, struct purchase *purchase,
                                 const struct content *content, enum reason *reason)
{
    bool is_touched = d->event->rewards_n > 0;
    try(use_named(d, content, purchase, reason));
    if (*reason != REASON_NONE) {
        return ERR_OK;
    }
    for (size_t i = 0; i < purchase->rewards_n; i++) {
        const struct issued *known = deciding_issued(d, purchase->rewards[i].id);
        const int64_t held = held_by(d, purchase, known->id);
        if (held == 0 || is_named(d->event, known->id)) {
            continue;
        }
        is_touched = true;
        if (known->kind == REWARD_GIFT_CARD) {
            fill_card(d, known, held);
        } else {
            reopen_whole(d, known);
        }
    }
    if (is_touched) {
        note_named(d, purchase);
    }
    return ERR_OK;
}
