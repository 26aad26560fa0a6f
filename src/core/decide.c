/* decide(): one event, in a fixed order. */
#include "base/base.h"
#include "core/decide.h"

#include "core/achievement.h"
#include "core/decide_internal.h"
#include "core/moment.h"
#include "core/reward.h"
#include "core/tier.h"
#include "core/tier_gift.h"

static const char *const REASONS[] = {
    "",
    "not_enough_points",
    "refund_exceeds",
    "unknown_line",
    "original_not_a_purchase",
    "original_cancelled",
    "original_other_member",
    "not_placed",
    "suspended",
    "below_minimum",
    "above_share",
    "wallet_does_not_pay",
    "overflow",
    "unknown_member",
    "unknown_original",
    "currency_differs",
    "chain_too_long",
    "offer_closed",
    "not_eligible",
    "offer_accepted",
    "not_available",
    "sold_out",
    "limit_reached",
    "price_changed",
    "no_price",
    "unknown_reward",
    "reward_used",
    "reward_cancelled",
    "reward_expired",
    "reward_reserved",
    "below_min_spend",
    "not_combinable",
    "no_eligible_line",
    "above_value",
    "too_many_rewards",
    "closed",
    "no_attempts_left",
    "too_soon",
    "unknown_tier",
    "unknown_code",
    "code_used",
    "too_many_attempts",
    "self_referral",
    "circular_referral",
    "already_referred",
    "too_late",
    "subscription_runs",
    "too_many_subscriptions",
    "fresh_code_needed",
    "already_reviewed",
    "other_store",
    "review_decided",
    "not_completed",
    "only_cancelled",
    "not_sent",
    "payment_differs",
};
_Static_assert(ARRAY_N(REASONS) == REASONS_N, "one slug per reason");

struct str reason_slug(enum reason reason)
{
    ensure((size_t)reason < ARRAY_N(REASONS));
    return str_c(REASONS[reason]);
}

enum err deciding_refuse(struct deciding *d, enum reason reason)
{
    d->out->answer.outcome = OUTCOME_REFUSED;
    d->out->answer.reason = reason;
    return ERR_OK;
}

int32_t deciding_today(const struct deciding *d)
{
    return zone_day(d->now->zone, d->facts->booked_at);
}

const struct purchase *deciding_purchase(const struct facts *facts, int64_t id)
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
    switch (event_kind_class(event->kind)) {
    case EVENT_CLASS_PURCHASE:
    case EVENT_CLASS_PLAIN:
        return has_tricky_wallet || deciding_pays_points(event);
    case EVENT_CLASS_AFTER_PURCHASE:
    case EVENT_CLASS_ADJUSTMENT:
    case EVENT_CLASS_CLOCK:
    case EVENT_CLASS_REWARD:
    case EVENT_CLASS_ERASURE:
        return true;
    case EVENT_CLASS_TIER:
    case EVENT_CLASS_MEMBER:
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
        if (var->source == VAR_MEMBER_STAT && deciding_today(d) - var->days < oldest) {
            oldest = deciding_today(d) - var->days;
        }
    }
    const bool has_caps = d->program->caps_n > d->program->shared_caps_n;
    oldest = has_caps ? oldest - 366 : oldest;
    return oldest <= state->cold_through_day ||
           achievement_needs_counters(d->program, state, d->event) ||
           tier_needs_counters(d->now, state, oldest);
}

enum err deciding_note_activity(struct deciding *d)
{
    struct state *state = d->out->state;
    if (program_is_activity(d->now, d->event->type)) {
        state->activity_at = int64_max(state->activity_at, d->event->time);
    }
    return deciding_release(d);
}

enum err deciding_release(struct deciding *d)
{
    struct state *state = d->out->state;
    for (size_t w = 0; w < d->now->wallets_n; w++) {
        const struct wallet *wallet = &d->now->wallets[w];
        if (wallet->pending.kind != PENDING_EVENT ||
            !str_eq(wallet->pending.type, d->event->type)) {
            continue;
        }
        struct buf text;
        buf_open(&text, d->arena, 64 * 1024);
        const struct json *value =
            wallet->pending.match.n > 0 ? event_match_at(d->event, wallet->pending.match) : NULL;
        if (value != NULL) {
            json_write_canonical(&text, value);
        }
        const uint64_t match = wallet->pending.match.n > 0 ? match_hash(buf_view(&text)) : 0;
        for (size_t i = 0; i < state->lots_n; i++) {
            struct lot *lot = &state->lots[i];
            if (lot->pending > 0 && !lot->is_order &&
                lot->match_type == wallet->pending_type_symbol && lot->match == match &&
                lot->wallet == wallet->symbol && lot->event != d->booking.event) {
                try(ledger_activate(&d->booking, lot));
            }
        }
    }
    return ERR_OK;
}

/* Rules on an event that earns: purchases, visits, custom events, enrolment. */
void about_text(struct about *about, const char *name, struct str text)
{
    ensure(about->fields_n < OCCASION_FIELDS_MAX);
    about->fields[about->fields_n++] = (struct occasion_field){.name = str_c(name), .text = text};
}

void about_number(struct about *about, const char *name, int64_t number)
{
    ensure(about->fields_n < OCCASION_FIELDS_MAX);
    about->fields[about->fields_n++] =
        (struct occasion_field){.name = str_c(name), .is_number = true, .number = number};
}

void about_follow(struct about *about, const char *type, struct str quiz, int64_t times)
{
    ensure(about->follows_n < ARRAY_N(about->follows));
    about->follows[about->follows_n++] =
        (struct occasion){.type = str_c(type),
                          .level = 1,
                          .times = times,
                          .fields = {{.name = STR("quiz"), .text = quiz}},
                          .fields_n = 1};
}

enum err deciding_award(struct deciding *d, const struct content *content,
                        const struct about *about)
{
    struct decision *out = d->out;
    inputs_open(d->arena, d->program, &out->inputs);
    out->inputs.about = *about;
    out->has_inputs = d->has_awards = true;
    d->content = *content;
    d->view = (struct award_view){
        .program = d->program,
        .content = &d->content,
        .inputs = &out->inputs,
        .facts = d->facts,
        .booked_at = d->facts->booked_at,
        .wants_explain = d->facts->wants_explain,
    };
    try(award_run(d->arena, &d->view, &d->awards));
    out->explain = d->awards.explain;
    out->explain_n = d->awards.explain_n;
    try(book_awards(&d->booking, &d->view, &d->awards, d->event->is_placed));
    try(tier_gift_floors(&d->booking, d->now, &d->view, &d->awards, 0, d->booking.event));
    return reward_book_grants(&d->booking, &d->view, &d->awards, d->booking.event);
}

static enum err decide_purchase(struct deciding *d)
{
    enum reason reason = REASON_NONE;
    int64_t paid_before[PROGRAM_WALLETS_MAX] = {0};
    struct content content;
    try(deciding_pay(d, NULL, paid_before, &reason));
    if (reason != REASON_NONE) {
        return deciding_refuse(d, reason);
    }
    struct about about = {0};
    content_open(d->arena, d->event, &content);
    try(deciding_use_rewards(d, &content, &reason));
    if (reason != REASON_NONE) {
        return deciding_refuse(d, reason);
    }
    try(deciding_note_activity(d));
    try(decide_referral_purchase(d, &about));
    try(deciding_award(d, &content, &about));
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

/* An offer is accepted once; it must be open to the member. */
static enum err accept_offer(struct deciding *d, const struct content *content)
{
    const struct offer *offer =
        program_offer(d->program, json_str(event_data_at(d->event, STR("offer"))));
    if (offer == NULL) {
        return deciding_refuse(
            d, REASON_OFFER_CLOSED); // the version in force at the event's time has no such offer
    }
    struct inputs inputs;
    inputs_open(d->arena, d->program, &inputs);
    const struct award_view view = {
        .program = d->program, .content = content, .inputs = &inputs, .facts = d->facts};
    switch (award_offer_standing(d->arena, &view, offer)) {
    case OFFER_CLOSED:
        return deciding_refuse(d, REASON_OFFER_CLOSED);
    case OFFER_NOT_FOR_MEMBER:
        return deciding_refuse(d, REASON_NOT_ELIGIBLE);
    case OFFER_OPEN:
        state_counter_add(d->arena, d->out->state, offer->symbol, DAY_TOTAL, 1);
        break;
    case OFFER_ACCEPTED:
        return deciding_refuse(d, REASON_OFFER_ACCEPTED);
    }
    return ERR_OK;
}

/* What kinds that have a section of the document do before rules look at them. */
static void decide_about(struct deciding *d, struct about *about)
{
    const enum event_kind kind = d->event->kind;
    if (kind == EVENT_QUIZ_COMPLETED) {
        decide_quiz(d, about);
    } else if (kind == EVENT_SURVEY_COMPLETED) {
        decide_survey(d);
    } else if (kind == EVENT_CODE_ENTERED) {
        decide_code(d, about);
    } else if (kind == EVENT_CONTEST_ENTERED) {
        decide_contest(d);
    } else if (kind == EVENT_REFERRAL || (kind == EVENT_ENROLLED && d->facts->advocate.is_named)) {
        decide_referral_named(d, about);
    } else if (kind == EVENT_REFERRAL_NAMED || kind == EVENT_REFERRAL_QUALIFIED ||
               kind == EVENT_REFERRAL_REWARDED) {
        decide_referral_told(d, about);
    } else if (event_kind_is_subscription(kind)) {
        decide_subscription(d, about);
    } else if (kind == EVENT_STAY_COMPLETED) {
        decide_stay(d, about);
    }
}

/* Visits, custom events, enrolment: no lines, no amount. */
static enum err decide_plain(struct deciding *d)
{
    struct content content;
    content_open(d->arena, d->event, &content);
    if (d->event->kind == EVENT_OFFER_ACCEPTED) {
        try(accept_offer(d, &content));
    }
    if (d->event->kind == EVENT_ENROLLED &&
        json_is_false(json_at(d->event->data, "auto_rewards"))) {
        d->out->state->is_auto_off = true; // chosen before there is anything to buy
    }
    struct about about = {0};
    decide_about(d, &about);
    if (d->out->answer.outcome == OUTCOME_REFUSED) {
        return ERR_OK;
    }
    try(deciding_note_activity(d));
    if (d->event->kind == EVENT_VISIT) {
        const int32_t day = zone_day(d->program->zone, d->event->time);
        state_counter_add(d->arena, d->out->state, d->program->standard.visits, day, 1);
        state_counter_add(d->arena, d->out->state, d->program->standard.visits, DAY_TOTAL, 1);
    }
    return deciding_award(d, &content, &about);
}

static enum err decide_adjusted(struct deciding *d)
{
    const int index = program_wallet(d->program, d->event->wallet);
    if (index < 0) {
        return deciding_refuse(
            d, REASON_NOT_AVAILABLE); // a version without it was published meanwhile
    }
    const struct wallet *wallet = &d->program->wallets[index];
    const struct balance *balance = state_balance_find(d->out->state, wallet->symbol);
    if (d->event->points < 0 && (balance ? balance->active : 0) < -d->event->points) {
        return deciding_refuse(d, REASON_NOT_ENOUGH_POINTS);
    }
    return ledger_adjust(&d->booking, wallet, d->event->points);
}

/* What a change does to the state, by its name; every other one only stands in the timeline. */
static enum err decide_member_changed(struct deciding *d)
{
    struct state *state = d->out->state;
    const struct str what = d->event->reason;
    if (str_eq(what, STR("suspend")) || str_eq(what, STR("resume"))) {
        state->is_suspended = str_eq(what, STR("suspend"));
    } else if (str_eq(what, STR("auto_rewards_off")) || str_eq(what, STR("auto_rewards_on"))) {
        state->is_auto_off = str_eq(what, STR("auto_rewards_off"));
    } else if (str_eq(what, STR("card"))) {
        state->card.generation++; // the device that had the one before is told nothing any more
    }
    return ERR_OK;
}

/* Nobody is left to have points, to owe any, or to wait for an order. */
static enum err decide_member_erased(struct deciding *d)
{
    d->out->state->orders_n = 0;
    d->out->state->moments_n = d->out->state->subscriptions_n = 0;
    deciding_forget_referral(d);
    return ledger_void_all(&d->booking);
}

/* What becomes of a purchase. */
static enum err decide_after_purchase(struct deciding *d)
{
    const enum event_kind kind = d->event->kind;
    return kind == EVENT_REFUND               ? decide_refund(d)
           : kind == EVENT_PURCHASE_CHANGED   ? decide_changed(d)
           : kind == EVENT_PURCHASE_COMPLETED ? decide_completed(d)
           : kind == EVENT_REFERRAL_REVOKED   ? decide_referral_revoked(d)
           : kind == EVENT_REVIEW_SUBMITTED   ? decide_review_submitted(d)
           : event_kind_is_review(kind)       ? decide_review_judged(d)
                                              : decide_cancelled(d);
}

static enum err decide_class(struct deciding *d)
{
    switch (event_kind_class(d->event->kind)) {
    case EVENT_CLASS_PURCHASE:
        return decide_purchase(d);
    case EVENT_CLASS_PLAIN:
        return decide_plain(d);
    case EVENT_CLASS_AFTER_PURCHASE:
        return decide_after_purchase(d);
    case EVENT_CLASS_ADJUSTMENT:
        return decide_adjusted(d);
    case EVENT_CLASS_MEMBER:
        return decide_member_changed(d);
    case EVENT_CLASS_REWARD:
        return decide_reward(d);
    case EVENT_CLASS_TIER:
        return decide_tier_granted(d);
    case EVENT_CLASS_ERASURE:
        return decide_member_erased(d);
    case EVENT_CLASS_CLOCK:
        break;
    }
    ensure(!"the clock's events go through decide_timer()");
    return ERR_INTERNAL;
}

void deciding_open(struct deciding *d, struct id_source *ids)
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

/* Of a forgotten member: noted, so that it is known when it is sent again, and nothing moves
 * (domain.md 8). */
static enum err decide_nothing(struct deciding *d, struct id_source *ids)
{
    deciding_open(d, ids);
    deciding_finish(d);
    ensure(d->out->transfers_n == 0);
    return ERR_OK;
}

enum err deciding_arm(struct deciding *d, bool afresh)
{
    bool is_changed = false;
    if (d->facts->is_forgotten || d->event->kind == EVENT_MEMBER_ERASED) {
        return ERR_OK;
    }
    return moments_arm(d->arena, d->now, d->facts, afresh, d->out->state, d->needs, &is_changed);
}

/* Guessing codes is counted, though it is refused: that is what stops it. */
static void count_wrong_code(struct deciding *d)
{
    if (d->out->answer.reason == REASON_UNKNOWN_CODE && d->program->wrong_codes_symbol != 0) {
        state_counter_add(d->arena, d->out->state, d->program->wrong_codes_symbol,
                          deciding_today(d), 1);
    }
}

enum err decide(struct arena *arena, const struct program *program, const struct facts *facts,
                const struct event *event, struct id_source *ids, struct needs *needs,
                struct decision *out)
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
    *needs = (struct needs){0};
    if (facts->is_forgotten && event->kind != EVENT_MEMBER_ERASED) {
        return decide_nothing(&d, ids);
    }
    *needs = (struct needs){.lots = lacks_lots(&d), .counters = lacks_counters(&d)};
    if (needs->lots || needs->counters) {
        return ERR_RETRY;
    }
    deciding_open(&d, ids);
    d.booking.reason_commitment = facts->reason_commitment;
    const enum event_class class = event_kind_class(event->kind);
    enum reason reason = REASON_NONE;
    enum err err = ERR_OK;
    const bool is_staffs = class == EVENT_CLASS_MEMBER || class == EVENT_CLASS_ERASURE ||
                           event->kind == EVENT_REVIEW_REJECTED;
    if (facts->state->is_suspended && !is_staffs) {
        err = deciding_refuse(&d, REASON_SUSPENDED);
    } else if (class == EVENT_CLASS_AFTER_PURCHASE && event->original.id.n > 0 &&
               facts->original == 0) {
        out->answer.outcome = OUTCOME_HELD;
        out->answer.reason = REASON_UNKNOWN_ORIGINAL;
    } else if ((reason = deciding_spend_code(&d)) != REASON_NONE) {
        err = deciding_refuse(&d, reason);
    } else {
        err = decide_class(&d);
        const bool is_applied = err == ERR_OK && out->answer.outcome == OUTCOME_APPLIED;
        if (is_applied) {
            err = deciding_judge_tiers(&d);
        }
        if (is_applied && err == ERR_OK && class != EVENT_CLASS_REWARD &&
            class != EVENT_CLASS_ERASURE && !d.out->state->is_suspended) {
            err = deciding_auto_rewards(&d);
        }
    }
    if (err == ERR_OVERFLOW) {
        err = deciding_refuse(&d, REASON_OVERFLOW);
    } else if (err == ERR_CHAIN) {
        err = deciding_refuse(&d, REASON_CHAIN_TOO_LONG);
    }
    if (err != ERR_OK) {
        return err;
    }
    if (out->answer.outcome == OUTCOME_REFUSED) {
        undo(&d);
        count_wrong_code(&d);
        deciding_count_wrong_code(&d);
    }
    try(deciding_arm(&d, event->kind == EVENT_MEMBER_CHANGED ||
                             event_kind_is_subscription(event->kind)));
    deciding_finish(&d);
    return ERR_OK;
}
