/* What waited and is due: activation, expiry, voiding, the end of a tier's period. */
#include "base/base.h"
#include "core/decide.h"

#include "core/award_vars.h"
#include "core/decide_internal.h"
#include "core/moment.h"
#include "core/reward.h"
#include "core/subscription.h"

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
    for (size_t i = 0; i < state->rewards_n; i++) {
        due = int64_min(due, state->rewards[i].expires_at);
    }
    due = int64_min(due, deciding_referral_due(state));
    return int64_min(due, int64_min(moments_due(state), deciding_tiers_due(program, state)));
}

/* The first lot for which something is due at an instant, in the order activation, expiry, voiding.
 */
static struct lot *due_lot(struct state *state, const struct zone *zone, int64_t due,
                           enum event_kind *kind)
{
    static const enum event_kind ORDER[] = {EVENT_POINTS_EXPIRED, EVENT_POINTS_ACTIVATED,
                                            EVENT_ORDER_VOIDED};
    for (size_t k = 0; k < ARRAY_N(ORDER); k++) {
        for (size_t i = 0; i < state->lots_n; i++) {
            struct lot *lot = &state->lots[i];
            const bool expires =
                (lot->pending > 0 || lot->active > 0) && lot_expires_at(state, zone, lot) <= due;
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
    const struct purchase *original = deciding_purchase(d->facts, event);
    if (original == NULL) {
        d->needs->purchase = event;
        return ERR_RETRY;
    }
    struct purchase *purchase = arena_new(d->arena, struct purchase, 1);
    struct content before;
    *purchase = *original;
    content_left(d->arena, purchase, &before);
    purchase->is_cancelled = true;
    deciding_close_order(state, event);
    return deciding_book_way(d, purchase, &before);
}

/* One reward whose validity has ended. */
static enum err expire_reward(struct deciding *d, struct event *event,
                              const struct open_reward *open)
{
    const struct issued *issued = NULL;
    for (size_t i = 0; i < d->facts->issued_n; i++) {
        issued = d->facts->issued[i]->id == open->id ? d->facts->issued[i] : issued;
    }
    if (issued == NULL) {
        int64_t *id = arena_new(d->arena, int64_t, 1);
        *id = open->id;
        d->needs->issued = id;
        d->needs->issued_n = 1;
        return ERR_RETRY;
    }
    char text[ID_TEXT_BYTES + 1];
    id_write("rwd_", open->id, text);
    event->kind = EVENT_REWARD_EXPIRED;
    event->reward = str_dup(d->arena, str_c(text));
    struct issued *closed = reward_change(&d->booking, issued);
    const bool is_drawn = closed->kind == REWARD_CONTEST_ENTRY; // its tickets take part now
    closed->used_at = is_drawn ? open->expires_at : closed->used_at;
    reward_close(&d->booking, closed, is_drawn ? ISSUED_USED : ISSUED_EXPIRED);
    return ERR_OK;
}

/* What a moment of a subscription says of it; a month that was not kept passes in silence. */
static enum err tell_subscription(struct deciding *d, struct event *event)
{
    struct subscription *s = d->subscription;
    const bool is_month = d->plan->kind == MOMENT_MONTH;
    struct str id;
    if (is_month && !subscription_judge(d->now, s)) {
        d->passes = true;
        return ERR_OK;
    }
    if (!subscription_id(d->facts, s, &id)) {
        d->needs->opening = s->opened_by;
        return ERR_RETRY;
    }
    struct json *data = json_object_copy(d->arena, event->data);
    json_set_text(d->arena, data, "subscription", id);
    if (is_month) {
        json_set_int(d->arena, data, "months_kept", s->kept);
    }
    event->data = data;
    subscription_about(d->arena, d->now, s, id, event->time, &d->about);
    return ERR_OK;
}

static enum err fire(struct deciding *d, struct event *event, struct moment *moment)
{
    moment_fire(d->arena, d->plan, d->facts, moment, event);
    d->subscription =
        moment->object != 0 ? subscription_numbered(d->out->state, moment->object) : NULL;
    ensure(moment->object == 0 || d->subscription != NULL);
    return d->subscription != NULL ? tell_subscription(d, event) : ERR_OK;
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
    for (size_t i = 0; i < state->rewards_n; i++) {
        if (state->rewards[i].expires_at <= due) {
            const struct open_reward open = state->rewards[i];
            return expire_reward(d, event, &open);
        }
    }
    if (deciding_referral_due(state) <= due) {
        return deciding_run_referral(d, event);
    }
    struct moment *moment = moments_first(state, d->now, due, &d->plan);
    if (moment != NULL) {
        return fire(d, event, moment);
    }
    return deciding_run_tiers(d, event, due);
}

/* What a clock event is about: two of one kind and instant differ in it. */
static struct str clock_object(const struct deciding *d, const struct event *event)
{
    const struct str schedule = json_str(json_at(event->data, "schedule"));
    if (d->subscription != NULL) {
        return str_fmt(d->arena, "%.*s%s%d/%d", STR_ARG(schedule), schedule.n > 0 ? "/" : "",
                       d->subscription->number, d->subscription->kept);
    }
    if (event->kind == EVENT_INACTIVE) {
        return str_fmt(d->arena, "%" PRId64, json_integer_value(json_at(event->data, "days")));
    }
    return event->kind == EVENT_REWARD_EXPIRED      ? event->reward
           : event->wallet.n > 0                    ? event->wallet
           : schedule.n > 0                         ? schedule
           : event->kind == EVENT_REFERRAL_REWARDED ? json_str(json_at(event->data, "referral"))
                                                    : json_str(json_at(event->data, "set"));
}

/* "kind/member/object/due". */
static struct str clock_id(const struct deciding *d, const struct event *event)
{
    char at[INSTANT_BYTES + 1];
    char id[ID_TEXT_BYTES + 1];
    instant_write(event->time, at);
    id_write("mbr_", d->facts->state->member, id);
    return str_fmt(d->arena, "%.*s/%s/%.*s/%s", STR_ARG(event->type), id,
                   STR_ARG(clock_object(d, event)), at);
}

/* Whether a schedule's "while" holds; what it reads is no input of what the event earns. */
static bool is_wanted(struct deciding *d, const struct event *event)
{
    const struct rule *when =
        d->plan != NULL && d->plan->schedule != NULL ? d->plan->schedule->when : NULL;
    if (when == NULL) {
        return true;
    }
    struct occasion occasion = {.type = event->type, .times = 1, .fields_n = d->about.fields_n};
    memcpy(occasion.fields, d->about.fields, sizeof occasion.fields);
    struct inputs inputs;
    struct content content;
    struct award_env env;
    inputs_open(d->arena, d->now, &inputs);
    content_open(d->arena, event, &content);
    const struct award_view view = {
        .program = d->now, .content = &content, .inputs = &inputs, .facts = d->facts};
    award_env_open(d->arena, &view, &occasion, &env);
    return rule_holds(when, &env.rule);
}

/* What rules make of it; of a suspended member's birthday nothing, and it stands in the timeline as
 * refused. */
static enum err follow(struct deciding *d, const struct event *event)
{
    const bool is_moment = d->plan != NULL;
    if (d->passes) {
        d->out->is_silent = true;
        return ERR_OK;
    }
    if (d->out->answer.outcome == OUTCOME_REFUSED) {
        return ERR_OK; // what was due is no more: it stands in the timeline
    }
    if (!is_wanted(d, event)) {
        if (event->kind == EVENT_MONTH_KEPT) {
            d->subscription->kept--; // it did not count
        }
        d->out->is_silent = true;
        return ERR_OK;
    }
    if (is_moment && d->facts->state->is_suspended) {
        return deciding_refuse(d, REASON_SUSPENDED);
    }
    const bool earns =
        is_moment || event->kind == EVENT_TIER_WARNED || event->kind == EVENT_REFERRAL_REWARDED;
    if (earns && !d->is_quiet) {
        struct content content;
        content_open(d->arena, event, &content);
        try(deciding_award(d, &content, &d->about));
    }
    if (is_moment || event->kind == EVENT_REFERRAL_REWARDED) {
        try(deciding_release(d));
        try(deciding_judge_tiers(d));
        return deciding_auto_rewards(d);
    }
    const bool is_about_tiers =
        event->kind == EVENT_TIER_WARNED || event->kind == EVENT_TIER_PERIOD_ENDED;
    return event->kind == EVENT_ORDER_VOIDED || is_about_tiers ? deciding_judge_tiers(d) : ERR_OK;
}

static enum err run(struct deciding *d, struct id_source *ids, struct event *event)
{
    d->has_awards = false;
    d->plan = NULL;
    d->subscription = NULL;
    d->about = (struct about){0};
    d->passes = false;
    deciding_open(d, ids);
    try(run_due(d, event, event->time));
    if (event->kind == EVENT_POINTS_ACTIVATED) {
        try(deciding_auto_rewards(d));
    }
    event->type = event->kind == EVENT_CUSTOM ? event->type : event_kind_type(event->kind);
    event->external_id = clock_id(d, event);
    d->out->event = *event;
    return follow(d, event);
}

enum err decide_timer(struct arena *arena, const struct facts *facts, struct id_source *ids,
                      struct needs *needs, struct decision *out)
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
    enum err err = run(&d, ids, &event);
    if (err == ERR_CHAIN || err == ERR_OVERFLOW) {
        // Nobody can be refused here, and what is due must not wait for a better program: it
        // happens, and nothing follows.
        event = (struct event){
            .kind = EVENT_POINTS_EXPIRED, .source = STR("loyald/clock"), .time = due};
        d.is_quiet = true;
        err = run(&d, ids, &event);
    }
    try(err);
    try(deciding_arm(&d, false));
    deciding_finish(&d);
    return ERR_OK;
}
