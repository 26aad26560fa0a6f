/* What becomes of a purchase: payment in points, refund, completion, cancellation. */
#include "base/base.h"
#include "core/decide.h"

#include "core/decide_internal.h"
#include "core/reward.h"

/* The sender names the points that the member has agreed to: what the amount costs, rounded either
 * way. Anything else is another rate than the program's. */
static bool is_price(const struct payment *payment, const struct wallet *wallet)
{
    const __int128 named = (__int128)payment->points * wallet->pay.amount;
    const __int128 exact = (__int128)payment->amount * wallet->pay.points;
    return named - exact < wallet->pay.amount && exact - named < wallet->pay.amount;
}

/* Whether the wallet of the version at hand may pay so, and the points that it takes. */
static enum reason check_terms(const struct deciding *d, const struct payment *payment,
                               const struct wallet *wallet, int64_t *points)
{
    int64_t share = 0;
    if (wallet == NULL || wallet->pay.amount == 0) {
        return REASON_WALLET_DOES_NOT_PAY;
    }
    if (!mul_ratio_half_up(payment->amount, wallet->pay.points, wallet->pay.amount, points) ||
        !mul_ratio_down(d->event->amount, wallet->pay.max_share.digits,
                        power_of_ten(wallet->pay.max_share.scale), &share)) {
        return REASON_OVERFLOW;
    }
    if (payment->points != 0 && !is_price(payment, wallet)) {
        return REASON_PAYMENT_DIFFERS;
    }
    *points = payment->points != 0 ? payment->points : *points;
    if (payment->amount > share) {
        return REASON_ABOVE_SHARE;
    }
    return *points < wallet->pay.min_points ? REASON_BELOW_MINIMUM : REASON_NONE;
}

static size_t count_same(const struct payment *list, size_t n, const struct payment *payment)
{
    size_t same = 0;
    for (size_t i = 0; i < n; i++) {
        same += str_eq(list[i].method, payment->method) &&
                str_eq(list[i].wallet, payment->wallet) && list[i].points == payment->points &&
                list[i].amount == payment->amount;
    }
    return same;
}

/* What was paid so already stays paid so, as often as it was, whatever the rate has become since.
 */
static bool is_paid_so(const struct deciding *d, const struct event *before, size_t i)
{
    const struct payment *payment = &d->event->payments[i];
    return before != NULL && payment->points > 0 &&
           count_same(d->event->payments, i + 1, payment) <=
               count_same(before->payments, before->payments_n, payment);
}

/* Points used as payment: all or nothing. `held` are those that the purchase has had before. */
static enum reason check_payment(const struct deciding *d, const struct event *before, size_t i,
                                 int64_t held, int64_t *points)
{
    const struct payment *payment = &d->event->payments[i];
    const int index = program_wallet(d->program, payment->wallet);
    const struct wallet *wallet = index >= 0 ? &d->program->wallets[index] : NULL;
    enum reason reason = REASON_NONE;
    *points = payment->points;
    if (wallet == NULL || !is_paid_so(d, before, i)) {
        reason = check_terms(d, payment, wallet, points);
    } else if (payment->amount > d->event->amount) {
        reason = REASON_ABOVE_SHARE;
    }
    if (reason != REASON_NONE) {
        return reason;
    }
    const struct balance *balance = state_balance_find(d->out->state, wallet->symbol);
    return *points - held > (balance ? balance->active : 0) ? REASON_NOT_ENOUGH_POINTS
                                                            : REASON_NONE;
}

static bool is_points_payment(const struct payment *payment)
{
    return str_eq(payment->method, STR("points"));
}

bool deciding_pays_points(const struct event *event)
{
    for (size_t i = 0; i < event->payments_n; i++) {
        if (is_points_payment(&event->payments[i])) {
            return true;
        }
    }
    return false;
}

enum err deciding_pay(struct deciding *d, const struct event *before,
                      int64_t already[PROGRAM_WALLETS_MAX], enum reason *reason)
{
    *reason = REASON_NONE;
    for (size_t i = 0; i < d->event->payments_n; i++) {
        const struct payment *payment = &d->event->payments[i];
        int64_t points = 0;
        if (!is_points_payment(payment)) {
            continue;
        }
        const int index = program_wallet(d->program, payment->wallet);
        const int64_t held = index >= 0 ? already[index] : 0;
        *reason = check_payment(d, before, i, held, &points);
        if (*reason != REASON_NONE) {
            return ERR_OK;
        }
        already[index] = int64_max(0, held - points);
        if (points > held) {
            try(ledger_spend(&d->booking, d->program->wallets[index].symbol, points - held));
        }
    }
    return ERR_OK;
}

void deciding_close_order(struct state *state, int64_t event)
{
    size_t kept = 0;
    for (size_t i = 0; i < state->orders_n; i++) {
        if (state->orders[i].event != event) {
            state->orders[kept++] = state->orders[i];
        }
    }
    state->orders_n = kept;
}

enum err deciding_take_original(struct deciding *d, struct purchase **out, enum reason *reason)
{
    *reason = REASON_NONE;
    if (d->facts->original_member != d->facts->state->member) {
        *reason = REASON_ORIGINAL_OTHER_MEMBER;
        return ERR_OK;
    }
    const struct purchase *original = deciding_purchase(d->facts, d->facts->original);
    if (original == NULL) {
        d->needs->purchase = d->facts->original;
        return ERR_RETRY;
    }
    if (original->content.kind != EVENT_PURCHASE &&
        original->content.kind != EVENT_PURCHASE_CHANGED) {
        *reason = REASON_ORIGINAL_NOT_A_PURCHASE;
    } else if (original->outcome != OUTCOME_APPLIED) {
        *reason = REASON_ORIGINAL_CANCELLED; // it was refused: there is nothing to undo
    }
    *out = purchase_copy(d->arena, original);
    return ERR_OK;
}

/* How many of the points paid stay paid when `left` of the amount sold stays. */
static enum err keep_points(const struct purchase *purchase, const struct content *left,
                            int64_t *keep)
{
    int64_t spent = 0;
    for (size_t i = 0; i < purchase->spent_n; i++) {
        spent += purchase->spent[i].points;
    }
    const int64_t sold = purchase->content.amount;
    *keep = 0;
    if (left->is_empty || sold == 0) {
        return ERR_OK;
    }
    return mul_ratio_half_up(spent, left->amount, sold, keep) ? ERR_OK : ERR_OVERFLOW;
}

/* The order waits no more: its points are active at the later of now and the wallet's own pending
 * end. */
static enum err release_order(struct deciding *d, int64_t purchase)
{
    struct state *state = d->out->state;
    for (size_t i = 0; i < state->lots_n; i++) {
        struct lot *lot = &state->lots[i];
        if (lot->event != purchase || !lot->is_order || lot->pending == 0) {
            continue;
        }
        state_lot_touch(d->arena, state, lot);
        lot->is_order = false;
        lot->activates_at =
            lot->own_end_at == AT_NEVER ? AT_NEVER : int64_max(d->event->time, lot->own_end_at);
        if (lot->activates_at <= d->facts->booked_at) {
            try(ledger_activate(&d->booking, lot));
        }
    }
    return ERR_OK;
}

/* Books the way from `before` to what is left of the purchase now. */
enum err deciding_book_way(struct deciding *d, struct purchase *purchase,
                           const struct content *before)
{
    struct content after;
    int64_t keep = 0;
    if (reward_lacks(d->arena, d->facts, purchase, d->needs)) {
        return ERR_RETRY;
    }
    content_left(d->arena, purchase, &after);
    if (after.is_empty) {
        deciding_close_order(
            d->out->state, purchase->id); // first: what its remainders give back waits for no order
    }
    try(deciding_return_rewards(d, purchase, &after));
    try(keep_points(purchase, &after, &keep));
    // What was paid in points comes back first: then there is as much to take from as when all is
    // refunded at once.
    try(book_restore(&d->booking, purchase, d->program, keep));
    try(book_difference(&d->booking, d->facts, purchase, d->program, before, &after));
    if (after.is_empty) {
        try(release_order(d, purchase->id)); // what its remainders have left to other purchases
    }
    try(deciding_revoke_referral(d, purchase, &after));
    try(deciding_return_reviews(d, purchase, &after));
    d->out->purchase = purchase;
    return ERR_OK;
}

enum err decide_refund(struct deciding *d)
{
    struct purchase *purchase = NULL;
    enum reason reason = REASON_NONE;
    struct content before;
    try(deciding_take_original(d, &purchase, &reason));
    if (reason == REASON_NONE) {
        content_left(d->arena, purchase, &before);
        reason = content_refund(d->arena, purchase, d->event);
    }
    return reason != REASON_NONE ? deciding_refuse(d, reason)
                                 : deciding_book_way(d, purchase, &before);
}

enum err decide_cancelled(struct deciding *d)
{
    struct purchase *purchase = NULL;
    enum reason reason = REASON_NONE;
    struct content before;
    try(deciding_take_original(d, &purchase, &reason));
    if (reason == REASON_NONE && purchase->is_cancelled) {
        reason = REASON_ORIGINAL_CANCELLED;
    }
    if (reason != REASON_NONE) {
        return deciding_refuse(d, reason);
    }
    content_left(d->arena, purchase, &before);
    purchase->is_cancelled = true;
    return deciding_book_way(d, purchase, &before);
}

/* Points are active at the later of completion and the wallet's own pending end. */
enum err decide_completed(struct deciding *d)
{
    struct purchase *purchase = NULL;
    enum reason reason = REASON_NONE;
    struct state *state = d->out->state;
    try(deciding_take_original(d, &purchase, &reason));
    if (reason == REASON_NONE && purchase->is_cancelled) {
        reason = REASON_ORIGINAL_CANCELLED;
    }
    bool is_open = false;
    for (size_t i = 0; i < state->orders_n; i++) {
        is_open |= reason == REASON_NONE && state->orders[i].event == purchase->id;
    }
    if (reason != REASON_NONE || !is_open) {
        return deciding_refuse(d, reason != REASON_NONE ? reason : REASON_NOT_PLACED);
    }
    deciding_close_order(state, purchase->id);
    try(release_order(d, purchase->id));
    purchase->is_completed = true;
    d->out->purchase = purchase;
    struct about about = {0};
    bool gives = false;
    try(deciding_complete_referral(d, purchase, &about, &gives));
    if (gives) {
        struct content content;
        content_open(d->arena, d->event, &content);
        try(deciding_award(d, &content, &about));
    }
    return ERR_OK;
}
