/* Booking what awards are due. */
#include "base/base.h"
#include "core/book.h"

#include "core/achievement.h"
#include "core/reward.h"
#include "core/tier_gift.h"

static int32_t event_day(const struct booking *b, int64_t at)
{
    return zone_day(b->program->zone, at);
}

static void count(struct booking *b, int32_t symbol, int64_t at, int64_t value)
{
    state_counter_add(b->arena, b->state, symbol, event_day(b, at), value);
    state_counter_add(b->arena, b->state, symbol, DAY_TOTAL, value);
}

void booking_share(struct booking *b, int32_t symbol, int32_t day, int64_t n)
{
    struct decision *d = b->decision;
    arena_room(b->arena, d->shared, d->shared_n, d->shared_max);
    d->shared[d->shared_n++] = (struct shared_use){.symbol = symbol, .day = day, .points = n};
}

/* Caps count what they let through; `sign` -1 takes a former count back. */
static void count_caps(struct booking *b, const struct program *program,
                       const struct award_list *list, int64_t at, int sign)
{
    for (size_t i = 0; i < program->caps_n; i++) {
        const struct cap *cap = program->caps[i];
        const int64_t points = sign * list->caps_used[i];
        if (points == 0 || cap->per == CAP_TRANSACTION) {
            continue;
        }
        const int32_t day = cap_day(program, cap, at);
        if (cap->per == CAP_MEMBER) {
            state_counter_add(b->arena, b->state, cap->symbol, day, points);
        } else {
            booking_share(b, cap->symbol, day, points);
        }
    }
}

static void count_metrics(struct booking *b, const struct program *program,
                          const struct award_list *list, int64_t at, int sign)
{
    for (size_t s = 0; s < program->tier_sets_n; s++) {
        const struct tier_set *set = &program->tier_sets[s];
        for (size_t i = 0; i < set->metrics_n; i++) {
            const int64_t added = list->metrics[set->metrics[i].index];
            if (added != 0) {
                count(b, set->metrics[i].symbol, at, sign * added);
            }
        }
    }
}

void book_sales(struct booking *b, const struct program *program, const struct event *purchase,
                int64_t purchases, int64_t spend)
{
    count(b, program->standard.purchases, purchase->time, purchases);
    count(b, program->standard.spend, purchase->time, spend);
    const struct sales_store *store = program_store(program, purchase->store);
    if (program->counts_stores && store != NULL) {
        state_counter_add(b->arena, b->state, store->purchases_symbol, event_day(b, purchase->time),
                          purchases);
    }
}

static enum err carry(struct booking *b, const struct award *award)
{
    if (award->ratio_per == 0) {
        return ERR_OK;
    }
    const int64_t before =
        state_remainder(b->state, award->remainder_symbol, award->ratio_points, award->ratio_per);
    // Whole points went out with the award; what is left is below one by award_ratio().
    int64_t total = 0;
    int64_t out = 0;
    if (__builtin_add_overflow(before, award->numerator, &total) ||
        __builtin_mul_overflow(award->raw, award->ratio_per, &out)) {
        return ERR_OVERFLOW;
    }
    state_remainder_set(b->arena, b->state, award->remainder_symbol, total - out,
                        award->ratio_points, award->ratio_per);
    return ERR_OK;
}

/* A wallet that waits for an event remembers which field must be equal. */
static void match_terms(struct arena *arena, const struct wallet *wallet, const struct event *event,
                        int32_t type_symbol, struct lot_terms *terms)
{
    if (wallet->pending.kind != PENDING_EVENT) {
        return;
    }
    terms->match_type = type_symbol;
    if (wallet->pending.match.n > 0) {
        struct buf text;
        buf_open(&text, arena, 64 * 1024);
        const struct json *value = event_match_at(event, wallet->pending.match);
        if (value != NULL) {
            json_write_canonical(&text, value);
        }
        terms->match = match_hash(buf_view(&text));
    }
}

enum err book_awards(struct booking *b, const struct award_view *view,
                     const struct award_list *list, bool is_order)
{
    const struct program *program = view->program;
    const struct event *event = view->content->event;
    int64_t lots[PROGRAM_WALLETS_MAX] = {0};
    for (size_t i = 0; i < list->n; i++) {
        const struct award *award = &list->awards[i];
        const struct wallet *wallet = &program->wallets[award->wallet];
        try(carry(b, award));
        if (award->points == 0) {
            continue;
        }
        struct lot_terms terms;
        ledger_terms(program, wallet, event->time, is_order, &terms);
        match_terms(b->arena, wallet, event, wallet->pending_type_symbol, &terms);
        b->rule = program->rules[award->rule].symbol;
        try(ledger_earn(b, wallet, &terms, b->event, event->time, program->version, award->points,
                        &lots[award->wallet]));
        if (award->is_qualifying) {
            count(b, wallet->qualifying_symbol, event->time, award->points);
        }
    }
    b->rule = 0;
    count_caps(b, program, list, event->time, 1);
    count_metrics(b, program, list, event->time, 1);
    try(achievement_book(b, program, list, 1));
    achievement_book_first(b, program, list);
    return ERR_OK;
}

/* Sums of what awards with one remainder are due, before and after. */
struct carried {
    int32_t symbol;
    int wallet;
    int64_t points, per;    // the ratio
    int64_t numerator, raw; // after less before
    bool is_qualifying;
};

static struct carried *carried_of(struct carried *list, size_t *n, const struct award *award)
{
    for (size_t i = 0; i < *n; i++) {
        if (list[i].symbol == award->remainder_symbol) {
            return &list[i];
        }
    }
    list[*n] = (struct carried){
        .symbol = award->remainder_symbol,
        .wallet = award->wallet,
        .points = award->ratio_points,
        .per = award->ratio_per,
        .is_qualifying = award->is_qualifying,
    };
    return &list[(*n)++];
}

/* What has changed between two computations of the same purchase. */
struct difference {
    int64_t points[PROGRAM_WALLETS_MAX];
    int64_t qualifying[PROGRAM_WALLETS_MAX];
    struct carried *carried;
    size_t carried_n;
};

static void add_list(struct difference *d, const struct award_list *list, int sign)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct award *award = &list->awards[i];
        d->points[award->wallet] += sign * award->points;
        d->qualifying[award->wallet] += award->is_qualifying ? sign * award->points : 0;
        if (award->ratio_per > 0) {
            struct carried *carried = carried_of(d->carried, &d->carried_n, award);
            carried->numerator += sign * award->numerator;
            carried->raw += sign * award->raw;
        }
    }
}

/* A remainder of zero has the ratio that its rule has now, and where it has none, whichever comes.
 */
static bool ratio_is_current(const struct state *state, const struct program *now,
                             const struct carried *carried)
{
    int64_t points = 0;
    int64_t per = 0;
    for (size_t i = 0; i < state->remainders_n; i++) {
        const struct remainder *r = &state->remainders[i];
        if (r->symbol == carried->symbol && r->value > 0) {
            return r->points == carried->points && r->per_amount == carried->per;
        }
    }
    return !award_remainder_ratio(now, carried->symbol, &points, &per) ||
           (points == carried->points && per == carried->per);
}

/* Remainders follow: below zero one unit at a time is revoked, at or above per_amount given back
 * (domain.md 11). */
static enum err follow_remainders(struct booking *b, const struct program *now,
                                  struct difference *d)
{
    for (size_t i = 0; i < d->carried_n; i++) {
        const struct carried *carried = &d->carried[i];
        int64_t out = 0;
        int64_t value = state_remainder(b->state, carried->symbol, carried->points, carried->per);
        if (!ratio_is_current(b->state, now, carried)) {
            continue; // the rule was changed since: its new remainder knows nothing of this
                      // purchase
        }
        if (__builtin_mul_overflow(carried->raw, carried->per, &out) ||
            __builtin_add_overflow(value, carried->numerator, &value) ||
            __builtin_sub_overflow(value, out, &value)) {
            return ERR_OVERFLOW;
        }
        const int64_t units = div_floor(value, carried->per);
        state_remainder_set(b->arena, b->state, carried->symbol, value - units * carried->per,
                            carried->points, carried->per);
        d->points[carried->wallet] += units;
        d->qualifying[carried->wallet] += carried->is_qualifying ? units : 0;
    }
    return ERR_OK;
}

static bool has_open_order(const struct state *state, int64_t event)
{
    for (size_t i = 0; i < state->orders_n; i++) {
        if (state->orders[i].event == event) {
            return true;
        }
    }
    return false;
}

static enum err book_wallet(struct booking *b, const struct purchase *purchase,
                            const struct program *policy, int wallet_index, int64_t points)
{
    const struct wallet *earned = &purchase->program->wallets[wallet_index];
    if (points > 0) {
        struct lot_terms terms;
        int64_t lot = 0;
        ledger_terms(purchase->program, earned, purchase->content.time,
                     has_open_order(b->state, purchase->id), &terms);
        match_terms(b->arena, earned, &purchase->content, earned->pending_type_symbol, &terms);
        return ledger_earn(b, earned, &terms, purchase->id, purchase->content.time,
                           purchase->program->version, points, &lot);
    }
    const int now = program_wallet_by_symbol(policy, earned->symbol);
    int64_t forgiven = 0; // stays forgiven: due and booked are kept apart
    return points == 0 ? ERR_OK
                       : ledger_revoke(b, now >= 0 ? &policy->wallets[now] : earned, purchase->id,
                                       -points, &forgiven);
}

/* `now` and `was` as in the view. */
static enum err run_again(struct booking *b, const struct purchase *purchase,
                          const struct content *content, const struct award_view *now,
                          const struct award_list *was, struct award_list *out)
{
    struct inputs inputs = purchase->inputs;
    const struct award_view view = {.program = purchase->program,
                                    .content = content,
                                    .inputs = &inputs,
                                    .booked_at = purchase->booked_at,
                                    .without_tiers = true,
                                    .now = now,
                                    .was = was};
    return award_run(b->arena, &view, out);
}

/* All but the counters of purchases and spend. `now` of a new content, else NULL. */
static enum err book_due(struct booking *b, const struct facts *facts, struct purchase *purchase,
                         const struct program *policy, const struct content *before,
                         const struct content *after, const struct award_view *now)
{
    struct award_list was;
    struct award_list is;
    const int64_t at = purchase->content.time;
    try(run_again(b, purchase, before, NULL, NULL, &was));
    try(run_again(b, purchase, after, now, now != NULL ? &was : NULL, &is));
    struct difference d = {.carried = arena_new(b->arena, struct carried, was.n + is.n)};
    add_list(&d, &was, -1);
    add_list(&d, &is, 1);
    try(follow_remainders(b, policy, &d));
    count_caps(b, purchase->program, &was, at, -1);
    count_caps(b, purchase->program, &is, at, 1);
    count_metrics(b, purchase->program, &was, at, -1);
    count_metrics(b, purchase->program, &is, at, 1);
    try(achievement_book(b, purchase->program, &is, 1));
    try(achievement_book(b, purchase->program, &was, -1));
    achievement_book_first(b, purchase->program, &was);
    achievement_book_first(b, purchase->program, &is);
    try(reward_book_less(b, facts, purchase, &was, &is));
    if (now != NULL) {
        try(reward_book_more(b, purchase, now, &is));
    }
    try(tier_gift_difference(b, facts, purchase, &was, &is));
    for (size_t i = 0; i < purchase->program->wallets_n; i++) {
        if (d.qualifying[i] != 0) {
            count(b, purchase->program->wallets[i].qualifying_symbol, at, d.qualifying[i]);
        }
        if (d.points[i] < 0) {
            try(reward_make_room(b, facts, purchase, purchase->program->wallets[i].symbol,
                                 -d.points[i]));
        }
        try(book_wallet(b, purchase, policy, (int)i, d.points[i]));
    }
    return ERR_OK;
}

enum err book_undone(struct booking *b, const struct facts *facts, const struct purchase *event,
                     const struct program *policy)
{
    struct content before;
    content_open(b->arena, &event->content, &before);
    struct content after = before;
    after.is_empty = true;
    return book_due(b, facts, purchase_copy(b->arena, event), policy, &before, &after, NULL);
}

static void count_sales(struct booking *b, const struct purchase *purchase,
                        const struct content *before, const struct content *after)
{
    book_sales(b, purchase->program, &purchase->content,
               (int64_t)before->is_empty - (int64_t)after->is_empty,
               (after->is_empty ? 0 : after->amount) - (before->is_empty ? 0 : before->amount));
}

enum err book_difference(struct booking *b, const struct facts *facts, struct purchase *purchase,
                         const struct program *policy, const struct content *before,
                         const struct content *after)
{
    try(book_due(b, facts, purchase, policy, before, after, NULL));
    count_sales(b, purchase, before, after);
    return ERR_OK;
}

/* A reward that the new content is due is issued now, if the member may have it now and there are
 * any: by the version that judged the purchase, on what the content is now. Its tickets wait where
 * the order still does. */
enum err book_change(struct booking *b, const struct facts *facts, struct purchase *purchase,
                     const struct program *policy, const struct content *before,
                     const struct content *after)
{
    struct inputs inputs;
    struct event event = *after->event;
    struct content content = *after;
    const struct award_view now = {.program = purchase->program,
                                   .content = &content,
                                   .inputs = &inputs,
                                   .facts = facts,
                                   .booked_at = facts->booked_at};
    inputs_open(b->arena, purchase->program, &inputs);
    event.is_placed = has_open_order(b->state, purchase->id);
    content.event = &event;
    try(book_due(b, facts, purchase, policy, before, after, &now));
    count_sales(b, purchase, before, after);
    return ERR_OK;
}

const struct wallet *book_wallet_back(const struct purchase *purchase, const struct program *policy,
                                      int32_t symbol)
{
    const int now = program_wallet_by_symbol(policy, symbol);
    const int then = program_wallet_by_symbol(purchase->program, symbol);
    return now >= 0 ? &policy->wallets[now] : then >= 0 ? &purchase->program->wallets[then] : NULL;
}

enum err book_restore(struct booking *b, struct purchase *purchase, const struct program *policy,
                      int64_t keep_points)
{
    int64_t spent = 0;
    for (size_t i = 0; i < purchase->spent_n; i++) {
        spent += purchase->spent[i].points;
    }
    int64_t from = 0; // position in the row of spent points
    int64_t to_restore = spent - keep_points - purchase->restored_points;
    for (size_t i = 0; i < purchase->spent_n && to_restore > 0; i++) {
        const struct spent_lot *lot = &purchase->spent[i];
        const int64_t skip = int64_min(lot->points, int64_max(0, purchase->restored_points - from));
        const int64_t points = int64_min(lot->points - skip, to_restore);
        from += lot->points;
        if (points == 0) {
            continue;
        }
        const struct wallet *wallet = book_wallet_back(purchase, policy, lot->wallet);
        if (wallet != NULL) {
            try(ledger_restore(b, wallet, lot, points));
        }
        purchase->restored_points += points;
        to_restore -= points;
    }
    return ERR_OK;
}
