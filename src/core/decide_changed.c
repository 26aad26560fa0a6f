/* A purchase's whole new content: what it is due, what it pays in points and by rewards, and what
 * it no longer does. */
#include "base/base.h"
#include "core/decide.h"

#include "core/decide_internal.h"
#include "core/reward.h"

static enum err take_original(struct deciding *d, struct purchase **out, enum reason *reason)
{
    try(deciding_take_original(d, out, reason));
    if (*reason == REASON_NONE && (*out)->is_cancelled) {
        *reason = REASON_ORIGINAL_CANCELLED;
    } else if (*reason == REASON_NONE && !str_eq((*out)->content.currency, d->event->currency)) {
        *reason = REASON_CURRENCY_DIFFERS;
    }
    return *reason == REASON_NONE && reward_lacks(d->arena, d->facts, *out, d->needs) ? ERR_RETRY
                                                                                      : ERR_OK;
}

/* What came back is paid no more: the lots are those whose points are still in the purchase. */
static void forget_restored(struct deciding *d, struct purchase *purchase)
{
    struct spent_lot *spent = arena_new(d->arena, struct spent_lot, purchase->spent_n);
    size_t n = 0;
    for (size_t i = 0; i < purchase->spent_n; i++) {
        const int64_t back = int64_min(purchase->spent[i].points, purchase->restored_points);
        purchase->restored_points -= back;
        if (back < purchase->spent[i].points) {
            spent[n] = purchase->spent[i];
            spent[n++].points -= back;
        }
    }
    ensure(purchase->restored_points == 0);
    purchase->spent = spent;
    purchase->spent_n = n;
}

static void count_paid(const struct deciding *d, const struct purchase *purchase,
                       int64_t paid[PROGRAM_WALLETS_MAX])
{
    for (size_t i = 0; i < purchase->spent_n; i++) {
        const int index = program_wallet_by_symbol(d->program, purchase->spent[i].wallet);
        if (index >= 0) {
            paid[index] += purchase->spent[i].points;
        }
    }
}

/* Gives back what the new content does not pay, by wallet; of wallets that the program no longer
 * has, all. */
static enum err restore_rest(struct deciding *d, struct purchase *purchase,
                             int64_t rest[PROGRAM_WALLETS_MAX])
{
    for (size_t i = 0; i < purchase->spent_n; i++) {
        struct spent_lot *lot = &purchase->spent[i];
        const int now = program_wallet_by_symbol(d->program, lot->wallet);
        const int64_t points = now >= 0 ? int64_min(lot->points, rest[now]) : lot->points;
        const struct wallet *wallet = book_wallet_back(purchase, d->program, lot->wallet);
        if (points == 0 || wallet == NULL) {
            continue;
        }
        try(ledger_restore(&d->booking, wallet, lot, points));
        lot->points -= points;
        if (now >= 0) {
            rest[now] -= points;
        }
    }
    return ERR_OK;
}

/* What the new content pays in points and by rewards beyond the one before; `rest` is what it pays
 * less. */
static enum err change_payment(struct deciding *d, struct purchase *purchase,
                               int64_t rest[PROGRAM_WALLETS_MAX], enum reason *reason)
{
    struct content content;
    count_paid(d, purchase, rest);
    try(deciding_pay(d, &purchase->content, rest, reason));
    if (*reason != REASON_NONE) {
        return ERR_OK;
    }
    content_open(d->arena, d->event, &content);
    return deciding_change_rewards(d, purchase, &content, reason);
}

/* What was refunded before is part of the new content. */
static void take_content(struct deciding *d, struct purchase *purchase)
{
    const struct event sold = purchase->content;
    purchase->content = *d->event;
    purchase->content.time = sold.time; // its terms stay those of the purchase
    purchase->content.is_placed = false;
    purchase->content_event = d->booking.event;
    purchase->refunded_milli = NULL;
    purchase->refunded_amount = NULL;
    purchase->refunded_total = 0;
    deciding_follow_reviews(d, purchase, &sold);
}

/* From here on the points paid for the new content are what a refund gives its share of back: those
 * of before that have not come back, and those it has spent. */
static void note_spent(struct deciding *d, struct purchase *purchase)
{
    struct spent_lot *spent =
        arena_new(d->arena, struct spent_lot, purchase->spent_n + d->out->spent_n);
    size_t n = 0;
    for (size_t i = 0; i < purchase->spent_n; i++) {
        if (purchase->spent[i].points > 0) {
            spent[n++] = purchase->spent[i];
        }
    }
    for (size_t i = 0; i < d->out->spent_n; i++) {
        spent[n++] = d->out->spent[i];
    }
    purchase->spent = spent;
    purchase->spent_n = n;
}

enum err decide_changed(struct deciding *d)
{
    struct purchase *purchase = NULL;
    enum reason reason = REASON_NONE;
    struct content before;
    struct content after;
    int64_t rest[PROGRAM_WALLETS_MAX] = {0};
    try(take_original(d, &purchase, &reason));
    if (reason != REASON_NONE) {
        return deciding_refuse(d, reason);
    }
    content_left(d->arena, purchase, &before);
    forget_restored(d, purchase);
    try(change_payment(d, purchase, rest, &reason));
    if (reason != REASON_NONE) {
        return deciding_refuse(d, reason);
    }
    take_content(d, purchase);
    content_left(d->arena, purchase, &after);
    try(restore_rest(d, purchase, rest));
    try(book_change(&d->booking, d->facts, purchase, d->program, &before, &after));
    try(deciding_revoke_referral(d, purchase, &after));
    try(deciding_return_reviews(d, purchase, &after));
    note_spent(d, purchase);
    d->out->purchase = purchase;
    return ERR_OK;
}
