/* decide(): one event, in a fixed order. */
#include "base/base.h"
#include "core/decide.h"

#include "core/book.h"
#include "core/tier.h"

/* What every step of one decision needs. */
struct deciding {
    struct arena *arena;
    const struct program *program; // in force at the event's time
    const struct program *now;     // in force at the booking instant
    const struct facts *facts;
    const struct event *event;
    struct needs *needs;
    struct booking booking;
    struct decision *out;
};

static const char *const REASONS[] = {
    "", "not_enough_points", "refund_exceeds", "unknown_line", "original_not_a_purchase", "original_cancelled",
    "original_other_member", "not_placed", "suspended", "below_minimum", "above_share", "wallet_does_not_pay",
    "overflow", "unknown_member", "unknown_original", "currency_differs",
};

struct str reason_slug(enum reason reason)
{
    ensure((size_t)reason < ARRAY_N(REASONS));
    return str_c(REASONS[reason]);
}

static enum err refuse(struct deciding *d, enum reason reason)
{
    d->out->answer.outcome = OUTCOME_REFUSED;
    d->out->answer.reason = reason;
    return ERR_OK;
}

static int32_t today(const struct deciding *d)
{
    return zone_day(d->now->zone, d->facts->booked_at);
}

static const struct purchase *loaded_purchase(const struct facts *facts, int64_t id)
{
    for (size_t i = 0; i < facts->purchases_n; i++) {
        if (facts->purchases[i]->id == id) {
            return facts->purchases[i];
        }
    }
    return NULL;
}

/* Which cold parts the event will look at. */
static bool lacks_lots(const struct deciding *d)
{
    const struct event *event = d->event;
    if (d->facts->state->lots_loaded) {
        return false;
    }
    bool has_tricky_wallet = false; // lots that move together or wait for any event
    for (size_t i = 0; i < d->now->wallets_n; i++) {
        has_tricky_wallet |= d->now->wallets[i].expiry.kind == EXPIRY_INACTIVITY ||
                             d->now->wallets[i].pending.kind == PENDING_EVENT;
    }
    switch (event->kind) {
    case EVENT_PURCHASE:
    case EVENT_VISIT:
    case EVENT_CUSTOM:
    case EVENT_ENROLLED:
        return has_tricky_wallet || event->payments_n > 0;
    case EVENT_PURCHASE_CHANGED:
    case EVENT_PURCHASE_COMPLETED:
    case EVENT_PURCHASE_CANCELLED:
    case EVENT_REFUND:
    case EVENT_ADJUSTED:
    case EVENT_POINTS_ACTIVATED:
    case EVENT_POINTS_EXPIRED:
    case EVENT_ORDER_VOIDED:
    case EVENT_TIER_PERIOD_ENDED:
        return true;
    case EVENT_MEMBER_CHANGED:
        break;
    }
    return has_tricky_wallet;
}

/* Windows of stats reach at most 730 days back. */
static bool lacks_counters(const struct deciding *d)
{
    const struct state *state = d->facts->state;
    if (state->counters_loaded) {
        return false;
    }
    int32_t oldest = zone_day(d->now->zone, d->event->time); // caps of a late event's period
    for (size_t i = 0; i < d->program->vars_n; i++) {
        const struct var *var = &d->program->vars[i];
        if (var->source == VAR_MEMBER_STAT && today(d) - var->days < oldest) {
            oldest = today(d) - var->days;
        }
    }
    const bool has_caps = d->program->caps_n > d->program->shared_caps_n;
    oldest = has_caps ? oldest - 366 : oldest;
    return oldest <= state->cold_through_day ||
           tier_needs_counters(d->now, state, oldest);
}

/* Points used as payment: all or nothing. */
static enum reason check_payment(const struct deciding *d, const struct payment *payment, int64_t spent_before,
                                 int64_t *points)
{
    const int index = program_wallet(d->program, payment->wallet);
    if (index < 0 || d->program->wallets[index].pay.amount == 0) {
        return REASON_WALLET_DOES_NOT_PAY;
    }
    const struct wallet *wallet = &d->program->wallets[index];
    int64_t needed = 0;
    if (!mul_ratio_half_up(payment->amount, wallet->pay.points, wallet->pay.amount, &needed)) {
        return REASON_OVERFLOW;
    }
    // Where the sender names points, they must be worth at least the amount that they pay.
    needed = int64_max(needed, payment->points);
    const struct balance *balance = state_balance_find(d->out->state, wallet->symbol);
    int64_t share = 0;
    if (!mul_ratio_down(d->event->amount, wallet->pay.max_share.digits, power_of_ten(wallet->pay.max_share.scale), &share)) {
        return REASON_OVERFLOW;
    }
    if (payment->amount > share) {
        return REASON_ABOVE_SHARE;
    }
    if (needed < wallet->pay.min_points) {
        return REASON_BELOW_MINIMUM;
    }
    if (needed + spent_before > (balance ? balance->active : 0)) {
        return REASON_NOT_ENOUGH_POINTS;
    }
    *points = needed;
    return REASON_NONE;
}

static bool is_points_payment(const struct payment *payment)
{
    return str_eq(payment->method, STR("points"));
}

/* Spends what the event pays in points beyond `already` points; *total is what it pays in all. */
static enum err pay(struct deciding *d, int64_t already, int64_t *total, enum reason *reason)
{
    *reason = REASON_NONE;
    *total = 0;
    for (size_t i = 0; i < d->event->payments_n; i++) {
        const struct payment *payment = &d->event->payments[i];
        int64_t points = 0;
        if (!is_points_payment(payment) || payment->amount == 0) {
            continue;
        }
        *reason = check_payment(d, payment, -already, &points);
        if (*reason != REASON_NONE) {
            return ERR_OK;
        }
        const int64_t spend = int64_max(0, points - already);
        already = int64_max(0, already - points);
        *total += points;
        if (spend > 0) {
            const int index = program_wallet(d->program, payment->wallet);
            try(ledger_spend(&d->booking, d->program->wallets[index].symbol, spend));
        }
    }
    return ERR_OK;
}

/* The member did something: sliding expiries move, what waited for this type is released. */
static enum err note_activity(struct deciding *d)
{
    struct state *state = d->out->state;
    if (program_is_activity(d->now, d->event->type)) {
        state->activity_at = int64_max(state->activity_at, d->event->time);
    }
    for (size_t w = 0; w < d->now->wallets_n; w++) {
        const struct wallet *wallet = &d->now->wallets[w];
        if (wallet->pending.kind != PENDING_EVENT || !str_eq(wallet->pending.type, d->event->type)) {
            continue;
        }
        struct buf text;
        buf_open(&text, d->arena, 64 * 1024);
        const json_t *value = wallet->pending.match.n > 0 ? event_match_at(d->event, wallet->pending.match) : NULL;
        if (value != NULL) {
            json_write_canonical(&text, value);
        }
        const uint64_t match = wallet->pending.match.n > 0 ? match_hash(buf_view(&text)) : 0;
        for (size_t i = 0; i < state->lots_n; i++) {
            struct lot *lot = &state->lots[i];
            if (lot->pending > 0 && !lot->is_order && lot->match_type == wallet->pending_type_symbol &&
                lot->match == match && lot->wallet == wallet->symbol && lot->event != d->booking.event) {
                try(ledger_activate(&d->booking, lot));
            }
        }
    }
    return ERR_OK;
}

/* Rules on an event that earns: purchases, visits, custom events, enrolment. */
static enum err decide_awards(struct deciding *d, const struct content *content)
{
    struct award_list list;
    const struct award_view view = {
        .program = d->program,
        .content = content,
        .inputs = &d->out->inputs,
        .facts = d->facts,
        .wants_explain = d->facts->wants_explain,
    };
    inputs_open(d->arena, d->program, &d->out->inputs);
    d->out->has_inputs = true;
    try(award_run(d->arena, &view, &list));
    d->out->explain = list.explain;
    d->out->explain_n = list.explain_n;
    return book_awards(&d->booking, &view, &list, d->event->is_placed);
}

static enum err decide_purchase(struct deciding *d)
{
    enum reason reason = REASON_NONE;
    int64_t paid_points = 0;
    struct content content;
    try(pay(d, 0, &paid_points, &reason));
    if (reason != REASON_NONE) {
        return refuse(d, reason);
    }
    content_open(d->arena, d->event, &content);
    try(note_activity(d));
    try(decide_awards(d, &content));
    book_sales(&d->booking, d->program, d->event, 1, d->event->amount);
    if (d->event->is_placed) {
        struct state *state = d->out->state;
        const int32_t last = zone_day(d->program->zone, d->event->time) + d->program->order_days;
        if (state->orders_n >= STATE_ORDERS_MAX) {
            return ERR_OVERFLOW;
        }
        arena_room(d->arena, state->orders, state->orders_n, state->orders_max);
        state->orders[state->orders_n++] = (struct order){
            .event = d->booking.event,
            .voids_at = zone_midnight(d->program->zone, last + 1),
        };
    }
    d->out->releases = d->booking.event;
    return ERR_OK;
}

/* Visits, custom events, enrolment: no lines, no amount. */
static enum err decide_plain(struct deciding *d)
{
    struct content content;
    content_open(d->arena, d->event, &content);
    try(note_activity(d));
    if (d->event->kind == EVENT_VISIT) {
        const int32_t day = zone_day(d->program->zone, d->event->time);
        state_counter_add(d->arena, d->out->state, d->program->standard.visits, day, 1);
        state_counter_add(d->arena, d->out->state, d->program->standard.visits, DAY_TOTAL, 1);
    }
    return decide_awards(d, &content);
}

static void close_order(struct state *state, int64_t event)
{
    size_t kept = 0;
    for (size_t i = 0; i < state->orders_n; i++) {
        if (state->orders[i].event != event) {
            state->orders[kept++] = state->orders[i];
        }
    }
    state->orders_n = kept;
}

/* The original of a refund, change, completion or cancellation, as a copy to work on. */
static enum err take_original(struct deciding *d, struct purchase **out, enum reason *reason)
{
    *reason = REASON_NONE;
    if (d->facts->original_member != d->facts->state->member) {
        *reason = REASON_ORIGINAL_OTHER_MEMBER;
        return ERR_OK;
    }
    const struct purchase *original = loaded_purchase(d->facts, d->facts->original);
    if (original == NULL) {
        d->needs->purchase = d->facts->original;
        return ERR_RETRY;
    }
    if (original->content.kind != EVENT_PURCHASE && original->content.kind != EVENT_PURCHASE_CHANGED) {
        *reason = REASON_ORIGINAL_NOT_A_PURCHASE;
    } else if (original->outcome != OUTCOME_APPLIED) {
        *reason = REASON_ORIGINAL_CANCELLED; // it was refused: there is nothing to undo
    }
    struct purchase *copy = arena_new(d->arena, struct purchase, 1);
    *copy = *original;
    *out = copy;
    return ERR_OK;
}

/* How many of the points paid stay paid when `left` of the amount sold stays. */
static enum err keep_points(const struct purchase *purchase, const struct content *left, int64_t *keep)
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

/* Books the way from `before` to what is left of the purchase now. */
static enum err book_way(struct deciding *d, struct purchase *purchase, const struct content *before)
{
    struct content after;
    int64_t keep = 0;
    content_left(d->arena, purchase, &after);
    try(keep_points(purchase, &after, &keep));
    try(book_difference(&d->booking, purchase, d->program, before, &after));
    try(book_restore(&d->booking, purchase, d->program, keep));
    if (after.is_empty) {
        close_order(d->out->state, purchase->id);
    }
    d->out->purchase = purchase;
    return ERR_OK;
}

static enum err decide_refund(struct deciding *d)
{
    struct purchase *purchase = NULL;
    enum reason reason = REASON_NONE;
    struct content before;
    try(take_original(d, &purchase, &reason));
    if (reason == REASON_NONE) {
        content_left(d->arena, purchase, &before);
        reason = content_refund(d->arena, purchase, d->event);
    }
    return reason != REASON_NONE ? refuse(d, reason) : book_way(d, purchase, &before);
}

static enum err decide_cancelled(struct deciding *d)
{
    struct purchase *purchase = NULL;
    enum reason reason = REASON_NONE;
    struct content before;
    try(take_original(d, &purchase, &reason));
    if (reason == REASON_NONE && purchase->is_cancelled) {
        reason = REASON_ORIGINAL_CANCELLED;
    }
    if (reason != REASON_NONE) {
        return refuse(d, reason);
    }
    content_left(d->arena, purchase, &before);
    purchase->is_cancelled = true;
    return book_way(d, purchase, &before);
}

/* The whole new content; what was refunded before is part of it. */
static enum err decide_changed(struct deciding *d)
{
    struct purchase *purchase = NULL;
    enum reason reason = REASON_NONE;
    struct content before;
    struct content after;
    int64_t paid_points = 0;
    int64_t paid_before = 0;
    try(take_original(d, &purchase, &reason));
    if (reason == REASON_NONE && purchase->is_cancelled) {
        reason = REASON_ORIGINAL_CANCELLED;
    }
    if (reason == REASON_NONE && !str_eq(purchase->content.currency, d->event->currency)) {
        reason = REASON_CURRENCY_DIFFERS;
    }
    if (reason != REASON_NONE) {
        return refuse(d, reason);
    }
    for (size_t i = 0; i < purchase->spent_n; i++) {
        paid_before += purchase->spent[i].points;
    }
    paid_before -= purchase->restored_points;
    try(pay(d, paid_before, &paid_points, &reason));
    if (reason != REASON_NONE) {
        return refuse(d, reason);
    }
    content_left(d->arena, purchase, &before);
    const int64_t time = purchase->content.time;
    purchase->content = *d->event;
    purchase->content.time = time; // its terms stay those of the purchase
    purchase->content.is_placed = false;
    purchase->content_event = d->booking.event;
    purchase->refunded_milli = NULL;
    purchase->refunded_amount = NULL;
    purchase->refunded_total = 0;
    content_left(d->arena, purchase, &after);
    try(book_difference(&d->booking, purchase, d->program, &before, &after));
    if (paid_points < paid_before) {
        try(book_restore(&d->booking, purchase, d->program, paid_points));
    }
    // From here on the points paid for the new content are what a refund gives back.
    const size_t n = purchase->spent_n + d->out->spent_n;
    struct spent_lot *spent = arena_new(d->arena, struct spent_lot, n);
    if (purchase->spent_n > 0) {
        memcpy(spent, purchase->spent, purchase->spent_n * sizeof *spent);
    }
    if (d->out->spent_n > 0) {
        memcpy(spent + purchase->spent_n, d->out->spent, d->out->spent_n * sizeof *spent);
    }
    purchase->spent = spent;
    purchase->spent_n = n;
    d->out->purchase = purchase;
    return ERR_OK;
}

/* Points are active at the later of completion and the wallet's own pending end. */
static enum err decide_completed(struct deciding *d)
{
    struct purchase *purchase = NULL;
    enum reason reason = REASON_NONE;
    struct state *state = d->out->state;
    try(take_original(d, &purchase, &reason));
    if (reason == REASON_NONE && purchase->is_cancelled) {
        reason = REASON_ORIGINAL_CANCELLED;
    }
    bool is_open = false;
    for (size_t i = 0; i < state->orders_n; i++) {
        is_open |= reason == REASON_NONE && state->orders[i].event == purchase->id;
    }
    if (reason != REASON_NONE || !is_open) {
        return refuse(d, reason != REASON_NONE ? reason : REASON_NOT_PLACED);
    }
    close_order(state, purchase->id);
    for (size_t i = 0; i < state->lots_n; i++) {
        struct lot *lot = &state->lots[i];
        if (lot->event != purchase->id || !lot->is_order || lot->pending == 0) {
            continue;
        }
        state_lot_touch(d->arena, state, lot);
        lot->is_order = false;
        lot->activates_at = lot->own_end_at == AT_NEVER ? AT_NEVER : int64_max(d->event->time, lot->own_end_at);
        if (lot->activates_at <= d->facts->booked_at) {
            try(ledger_activate(&d->booking, lot));
        }
    }
    purchase->is_completed = true;
    d->out->purchase = purchase;
    return ERR_OK;
}

static enum err decide_adjusted(struct deciding *d)
{
    const int index = program_wallet(d->program, d->event->wallet);
    ensure(index >= 0);
    const struct wallet *wallet = &d->program->wallets[index];
    const struct balance *balance = state_balance_find(d->out->state, wallet->symbol);
    if (d->event->points < 0 && (balance ? balance->active : 0) < -d->event->points) {
        return refuse(d, REASON_NOT_ENOUGH_POINTS);
    }
    return ledger_adjust(&d->booking, wallet, d->event->points);
}

static enum err decide_kind(struct deciding *d)
{
    switch (d->event->kind) {
    case EVENT_PURCHASE:
        return decide_purchase(d);
    case EVENT_VISIT:
    case EVENT_CUSTOM:
    case EVENT_ENROLLED:
        return decide_plain(d);
    case EVENT_REFUND:
        return decide_refund(d);
    case EVENT_PURCHASE_CHANGED:
        return decide_changed(d);
    case EVENT_PURCHASE_COMPLETED:
        return decide_completed(d);
    case EVENT_PURCHASE_CANCELLED:
        return decide_cancelled(d);
    case EVENT_ADJUSTED:
        return decide_adjusted(d);
    case EVENT_MEMBER_CHANGED:
        return ERR_OK;
    case EVENT_POINTS_ACTIVATED:
    case EVENT_POINTS_EXPIRED:
    case EVENT_ORDER_VOIDED:
    case EVENT_TIER_PERIOD_ENDED:
        break;
    }
    ensure(!"the clock's events go through decide_timer()");
    return ERR_INTERNAL;
}

/* Earned, spent and revoked are what the event's own transfers moved. */
static void answer_points(struct deciding *d)
{
    struct answer *answer = &d->out->answer;
    const struct program *program = d->now;
    answer->points = arena_new(d->arena, struct answer_points, program->wallets_n);
    answer->points_n = program->wallets_n;
    for (size_t w = 0; w < program->wallets_n; w++) {
        struct answer_points *p = &answer->points[w];
        p->wallet = program->wallets[w].symbol;
        for (size_t i = 0; i < d->out->transfers_n; i++) {
            const struct transfer *t = &d->out->transfers[i];
            if (t->wallet != p->wallet) {
                continue;
            }
            p->earned += t->kind == TRANSFER_EARN ? t->points : 0;
            p->pending += t->kind == TRANSFER_EARN && t->to == ACCOUNT_PENDING ? t->points : 0;
            p->spent += t->kind == TRANSFER_SPEND ? t->points : 0;
            p->revoked += t->kind == TRANSFER_REVOKE ? t->points : 0;
        }
    }
}

static void answer_balances(struct arena *arena, const struct program *program, const struct state *state,
                            struct answer *answer)
{
    answer->balances = arena_new(arena, struct answer_balance, program->wallets_n);
    answer->balances_n = program->wallets_n;
    for (size_t w = 0; w < program->wallets_n; w++) {
        struct answer_balance *b = &answer->balances[w];
        const struct balance *balance = state_balance_find(state, program->wallets[w].symbol);
        *b = (struct answer_balance){.wallet = program->wallets[w].symbol, .next_expiry_at = AT_NEVER};
        if (balance != NULL) {
            b->active = balance->active;
            b->pending = balance->pending;
            b->debt = balance->debt;
        }
        for (size_t i = 0; i < state->next_expiries_n; i++) {
            if (state->next_expiries[i].wallet == b->wallet && state->next_expiries[i].points > 0) {
                b->next_expiry_at = state->next_expiries[i].at;
                b->next_expiry_points = state->next_expiries[i].points;
            }
        }
    }
}

void answer_open(struct arena *arena, const struct program *program, const struct state *before,
                 const struct state *state, int64_t booked_at, struct answer *answer)
{
    answer->version = program->version;
    answer_balances(arena, program, state, answer);
    if (program->tier_set != NULL) {
        answer->tiers = arena_new(arena, struct answer_tier, 1);
        answer->tiers_n = 1;
        tier_answer(program, before, state, zone_day(program->zone, booked_at), &answer->tiers[0]);
    }
}

/* Derived figures, the answer, and the split into hot and cold. */
static void finish(struct deciding *d)
{
    struct state *state = d->out->state;
    if (state->lots_loaded) {
        ledger_next_expiries(d->arena, state, d->now->zone);
    }
    answer_points(d);
    answer_open(d->arena, d->now, d->facts->state, state, d->facts->booked_at, &d->out->answer);
    state->last_event = d->booking.event;
    state_spill(d->arena, state, d->now->zone);
}

static void open(struct deciding *d, struct id_source *ids)
{
    struct state *state = arena_new(d->arena, struct state, 1);
    state_copy(d->arena, d->facts->state, state);
    *d->out = (struct decision){
        .event_id = id_next(ids, d->facts->booked_at),
        .event = *d->event,
        .member = state->member,
        .previous_event = state->last_event,
        .state = state,
    };
    d->booking = (struct booking){
        .arena = d->arena,
        .program = d->program,
        .state = state,
        .decision = d->out,
        .ids = ids,
        .event = d->out->event_id,
        .at = d->event->time,
        .booked_at = d->facts->booked_at,
    };
}

/* A refusal leaves nothing behind but itself. */
static void undo(struct deciding *d)
{
    struct decision *out = d->out;
    state_copy(d->arena, d->facts->state, out->state);
    *out = (struct decision){
        .event_id = out->event_id,
        .event = out->event,
        .member = out->member,
        .previous_event = out->previous_event,
        .state = out->state,
        .answer = {.outcome = out->answer.outcome, .reason = out->answer.reason},
    };
}

static void judge_tier(struct deciding *d)
{
    const int32_t day = zone_day(d->now->zone, d->event->time);
    switch (d->event->kind) {
    case EVENT_PURCHASE:
    case EVENT_VISIT:
    case EVENT_CUSTOM:
    case EVENT_ENROLLED:
        tier_after_event(d->arena, d->now, d->facts->state, d->out->state, day, today(d));
        break;
    case EVENT_REFUND:
    case EVENT_PURCHASE_CHANGED:
    case EVENT_PURCHASE_CANCELLED:
    case EVENT_ORDER_VOIDED:
        tier_after_refund(d->arena, d->now, d->facts->state, d->out->state, today(d));
        if (d->out->purchase != NULL) {
            // More content than before may also raise, on the purchase's own day or since.
            tier_after_event(d->arena, d->now, d->facts->state, d->out->state,
                             zone_day(d->now->zone, d->out->purchase->content.time), today(d));
        }
        break;
    case EVENT_PURCHASE_COMPLETED:
    case EVENT_ADJUSTED:
    case EVENT_POINTS_ACTIVATED:
    case EVENT_POINTS_EXPIRED:
    case EVENT_TIER_PERIOD_ENDED:
    case EVENT_MEMBER_CHANGED:
        break;
    }
}

enum err decide(struct arena *arena, const struct program *program, const struct facts *facts,
                const struct event *event, struct id_source *ids, struct needs *needs, struct decision *out)
{
    struct deciding d = {
        .arena = arena,
        .program = program,
        .now = facts->program_now,
        .facts = facts,
        .event = event,
        .needs = needs,
        .out = out,
    };
    *needs = (struct needs){.lots = lacks_lots(&d), .counters = lacks_counters(&d)};
    if (needs->lots || needs->counters) {
        return ERR_RETRY;
    }
    open(&d, ids);
    d.booking.reason_commitment = facts->reason_commitment;
    const bool is_refund_like = event->kind == EVENT_REFUND || event->kind == EVENT_PURCHASE_CHANGED ||
                                event->kind == EVENT_PURCHASE_COMPLETED || event->kind == EVENT_PURCHASE_CANCELLED;
    enum err err = ERR_OK;
    if (facts->state->is_suspended && event->kind != EVENT_MEMBER_CHANGED) {
        err = refuse(&d, REASON_SUSPENDED);
    } else if (is_refund_like && facts->original == 0) {
        out->answer.outcome = OUTCOME_HELD;
        out->answer.reason = REASON_UNKNOWN_ORIGINAL;
    } else {
        err = decide_kind(&d);
    }
    if (err == ERR_OVERFLOW) {
        err = refuse(&d, REASON_OVERFLOW);
    }
    if (err != ERR_OK) {
        return err;
    }
    if (out->answer.outcome == OUTCOME_REFUSED) {
        undo(&d);
    } else if (out->answer.outcome == OUTCOME_APPLIED) {
        judge_tier(&d);
    }
    finish(&d);
    return ERR_OK;
}

int64_t state_next_due(const struct state *state, const struct program *program)
{
    int64_t due = state->lots_loaded ? AT_NEVER : state->cold_due_at;
    for (size_t i = 0; i < state->lots_n; i++) {
        const struct lot *lot = &state->lots[i];
        if (lot->pending > 0) {
            due = int64_min(due, int64_min(lot->activates_at, lot->voids_at));
        }
        if (lot->pending > 0 || lot->active > 0) {
            due = int64_min(due, lot_expires_at(state, program->zone, lot));
        }
    }
    for (size_t i = 0; i < state->orders_n; i++) {
        due = int64_min(due, state->orders[i].voids_at);
    }
    return int64_min(due, tier_due(program, state));
}

/* The first lot for which something is due at an instant, in the order activation, expiry, voiding. */
static struct lot *due_lot(struct state *state, const struct zone *zone, int64_t due, enum event_kind *kind)
{
    static const enum event_kind ORDER[] = {EVENT_POINTS_EXPIRED, EVENT_POINTS_ACTIVATED, EVENT_ORDER_VOIDED};
    for (size_t k = 0; k < ARRAY_N(ORDER); k++) {
        for (size_t i = 0; i < state->lots_n; i++) {
            struct lot *lot = &state->lots[i];
            const bool expires = (lot->pending > 0 || lot->active > 0) && lot_expires_at(state, zone, lot) <= due;
            const bool activates = lot->pending > 0 && lot->activates_at <= due;
            const bool is_void = lot->pending > 0 && lot->voids_at <= due;
            if (k == 0 ? expires : k == 1 ? activates : is_void) {
                *kind = ORDER[k];
                return lot;
            }
        }
    }
    return NULL;
}

/* All lots of one wallet for which the same is due together. */
static enum err run_lots(struct deciding *d, enum event_kind kind, int32_t wallet, int64_t due)
{
    struct state *state = d->out->state;
    for (size_t i = 0; i < state->lots_n; i++) {
        struct lot *lot = &state->lots[i];
        if (lot->wallet != wallet) {
            continue;
        }
        const bool expires = (lot->pending > 0 || lot->active > 0) &&
                             lot_expires_at(state, d->now->zone, lot) <= due;
        if (kind == EVENT_POINTS_EXPIRED && expires) {
            try(ledger_expire(&d->booking, lot));
        } else if (kind == EVENT_POINTS_ACTIVATED && lot->pending > 0 && lot->activates_at <= due) {
            try(ledger_activate(&d->booking, lot));
        } else if (kind == EVENT_ORDER_VOIDED && lot->pending > 0 && lot->voids_at <= due) {
            try(ledger_void(&d->booking, lot));
        }
    }
    return ERR_OK;
}

static enum err void_order(struct deciding *d, int64_t due)
{
    struct state *state = d->out->state;
    int64_t event = 0;
    for (size_t i = 0; i < state->orders_n && event == 0; i++) {
        event = state->orders[i].voids_at <= due ? state->orders[i].event : 0;
    }
    if (event == 0) {
        return ERR_OK;
    }
    const struct purchase *original = loaded_purchase(d->facts, event);
    if (original == NULL) {
        d->needs->purchase = event;
        return ERR_RETRY;
    }
    struct purchase *purchase = arena_new(d->arena, struct purchase, 1);
    struct content before;
    *purchase = *original;
    content_left(d->arena, purchase, &before);
    purchase->is_cancelled = true;
    close_order(state, event);
    return book_way(d, purchase, &before);
}

static enum err run_due(struct deciding *d, struct event *event, int64_t due)
{
    struct state *state = d->out->state;
    struct lot *lot = due_lot(state, d->now->zone, due, &event->kind);
    if (lot != NULL) {
        const int index = program_wallet_by_symbol(d->now, lot->wallet);
        event->wallet = index >= 0 ? d->now->wallets[index].slug : STR("retired");
        return run_lots(d, event->kind, lot->wallet, due);
    }
    for (size_t i = 0; i < state->orders_n; i++) {
        if (state->orders[i].voids_at <= due) {
            event->kind = EVENT_ORDER_VOIDED;
            return void_order(d, due);
        }
    }
    event->kind = EVENT_TIER_PERIOD_ENDED;
    ensure(tier_due(d->now, state) <= due);
    tier_end_period(d->arena, d->now, state);
    return ERR_OK;
}

enum err decide_timer(struct arena *arena, const struct facts *facts, struct id_source *ids, struct needs *needs,
                      struct decision *out)
{
    const int64_t due = state_next_due(facts->state, facts->program_now);
    ensure(due <= facts->booked_at);
    *needs = (struct needs){
        .lots = !facts->state->lots_loaded,
        .counters = !facts->state->counters_loaded,
    };
    if (needs->lots || needs->counters) {
        return ERR_RETRY;
    }
    struct event event = {.kind = EVENT_POINTS_EXPIRED, .source = STR("loyald/clock"), .time = due};
    struct deciding d = {
        .arena = arena,
        .program = facts->program_now,
        .now = facts->program_now,
        .facts = facts,
        .event = &event,
        .needs = needs,
        .out = out,
    };
    open(&d, ids);
    try(run_due(&d, &event, due));
    event.type = event_kind_type(event.kind);
    char at[INSTANT_BYTES + 1];
    char member[ID_TEXT_BYTES + 1];
    instant_write(due, at);
    id_write("mbr_", facts->state->member, member);
    event.external_id = str_fmt(arena, "%.*s/%s/%.*s/%s", STR_ARG(event.type), member, STR_ARG(event.wallet), at);
    out->event = event;
    if (event.kind == EVENT_ORDER_VOIDED) {
        judge_tier(&d);
    }
    finish(&d);
    return ERR_OK;
}

const char *decision_check(const struct state *before, const struct decision *decision)
{
    const struct state *after = decision->state;
    for (size_t i = 0; i < after->balances_n; i++) {
        const struct balance *is = &after->balances[i];
        const struct balance *was = state_balance_find(before, is->wallet);
        int64_t active = was ? was->active : 0;
        int64_t pending = was ? was->pending : 0;
        int64_t debt = was ? was->debt : 0;
        for (size_t t = 0; t < decision->transfers_n; t++) {
            const struct transfer *transfer = &decision->transfers[t];
            if (transfer->wallet != is->wallet) {
                continue;
            }
            active += transfer->points * ((transfer->to == ACCOUNT_ACTIVE) - (transfer->from == ACCOUNT_ACTIVE));
            pending += transfer->points * ((transfer->to == ACCOUNT_PENDING) - (transfer->from == ACCOUNT_PENDING));
            debt += transfer->points * ((transfer->from == ACCOUNT_DEBT) - (transfer->to == ACCOUNT_DEBT));
        }
        if (active != is->active || pending != is->pending || debt != is->debt) {
            return "a balance does not equal its transfers";
        }
        if (is->active < 0 || is->pending < 0 || is->debt < 0) {
            return "a balance is below zero";
        }
        int64_t lots_active = 0;
        int64_t lots_pending = 0;
        for (size_t k = 0; k < after->lots_n; k++) {
            lots_active += after->lots[k].wallet == is->wallet ? after->lots[k].active : 0;
            lots_pending += after->lots[k].wallet == is->wallet ? after->lots[k].pending : 0;
        }
        if (after->lots_loaded && (lots_active != is->active || lots_pending != is->pending)) {
            return "a balance does not equal its lots";
        }
        if (is->debt > 0 && is->active > 0) {
            return "points are active while there is debt";
        }
    }
    return NULL;
}
