/* What the clock waits for on behalf of a member. */
#include "base/base.h"
#include "core/moment.h"

#include "core/moment_schedule.h"
#include "core/subscription.h"

enum { YEARS_AHEAD_MAX = 5 };

/* ---- when ---- */

/* The zone that the member's own dates are in. */
static const struct zone *member_zone(const struct program *program, const struct facts *facts)
{
    return facts->zone != NULL ? facts->zone : program->zone;
}

/* The day of a year that a date is kept on: 29 February on 28 February where there is none. */
static int32_t yearly_day(struct civil date, int year)
{
    const int days = days_in_month(year, date.month);
    return day_of_civil((struct civil){
        .year = year, .month = date.month, .day = date.day < days ? date.day : days});
}

/* The first yearly return of a date after an instant, on `from` or later, and not too near to the
 * last one. */
static int64_t yearly_after(const struct zone *zone, int32_t date, int32_t from, int64_t fired_at,
                            int64_t after)
{
    const struct civil civil = civil_of_day(date);
    const int first = civil_of_day(zone_day(zone, after)).year;
    for (int year = first; year <= first + YEARS_AHEAD_MAX && year <= YEAR_LAST; year++) {
        const int32_t day = yearly_day(civil, year);
        const int64_t at = zone_instant(zone, day, MOMENT_MINUTE);
        const bool is_far =
            fired_at == AT_MIN || day - zone_day(zone, fired_at) >= MOMENT_YEAR_DAYS_MIN;
        if (at > after && day > date && day >= from && is_far) {
            return at;
        }
    }
    return AT_NEVER;
}

/* So many days later, at the same time of the local day. */
static int64_t days_later(const struct zone *zone, int64_t at, int days)
{
    const int minute = zone_minute_of_day(zone, at);
    const int64_t rest = ((at % MS_PER_MIN) + MS_PER_MIN) % MS_PER_MIN;
    return zone_instant(zone, zone_day(zone, at) + days, minute) + rest;
}

/* True where each of the member's subscriptions has a moment of its own: the object is its number.
 */
static bool is_of_subscription(const struct moment_plan *plan)
{
    return plan->kind == MOMENT_MONTH ||
           (plan->kind == MOMENT_SCHEDULE && plan->schedule->date == DATE_SUBSCRIPTION);
}

/* What a moment's instant is computed from; false where there is nothing. */
static bool base_of(const struct moment_plan *plan, const struct facts *facts,
                    const struct state *state, const struct subscription *subscription,
                    int64_t *base)
{
    if (is_of_subscription(plan)) {
        *base = subscription->start_on;
        return subscription_runs(subscription);
    }
    switch (plan->kind) {
    case MOMENT_MONTH:
        return false; // of a subscription
    case MOMENT_BIRTHDAY:
        *base = facts->profile != NULL ? facts->profile->birth_on : INT32_MIN;
        return *base != INT32_MIN;
    case MOMENT_ANNIVERSARY:
        *base = state->enrolled_at;
        return true;
    case MOMENT_INACTIVE:
        *base = int64_max(state->activity_at, state->enrolled_at);
        return true;
    case MOMENT_SCHEDULE:
        return schedule_base(plan->schedule, facts, state, base);
    }
    return false;
}

static int64_t due_of(const struct program *program, const struct moment_plan *plan,
                      const struct facts *facts, const struct subscription *subscription,
                      const struct moment *moment, int64_t after)
{
    const struct zone *zone = member_zone(program, facts);
    switch (plan->kind) {
    case MOMENT_BIRTHDAY: {
        const int64_t entered_at = facts->profile->birth_entered_at;
        const int32_t from =
            entered_at == AT_MIN ? INT32_MIN : zone_day(zone, entered_at) + BIRTH_NOTICE_DAYS;
        return yearly_after(zone, (int32_t)moment->base, from, moment->fired_at, after);
    }
    case MOMENT_ANNIVERSARY:
        return yearly_after(zone, zone_day(zone, moment->base), INT32_MIN, moment->fired_at, after);
    case MOMENT_INACTIVE: {
        const int64_t at = days_later(program->zone, moment->base, plan->days);
        return at > after ? at : AT_NEVER;
    }
    case MOMENT_SCHEDULE:
        return schedule_due(plan->schedule, zone, moment, after);
    case MOMENT_MONTH:
        return subscription_due(program, subscription,
                                plan->schedule != NULL ? plan->schedule->minute : 0);
    }
    return AT_NEVER;
}

static bool needs_zone(const struct moment_plan *plan)
{
    return plan->kind != MOMENT_INACTIVE && plan->kind != MOMENT_MONTH; // those go by the program's
}

/* ---- arming ---- */

static struct moment *find(struct state *state, int32_t symbol, int64_t object)
{
    for (size_t i = 0; i < state->moments_n; i++) {
        if (state->moments[i].symbol == symbol && state->moments[i].object == object) {
            return &state->moments[i];
        }
    }
    return NULL;
}

static const struct moment_plan *plan_of(const struct program *program, const struct moment *moment)
{
    for (size_t i = 0; i < program->plans_n; i++) {
        if (program->plans[i].symbol == moment->symbol) {
            return &program->plans[i];
        }
    }
    return NULL;
}

static void drop(struct state *state, struct moment *moment)
{
    const size_t index = (size_t)(moment - state->moments);
    memmove(moment, moment + 1, (state->moments_n - index - 1) * sizeof *moment);
    state->moments_n--;
}

/* A birthday that was kept lately is remembered, so that it is not kept again within the year
 * whatever happens to the date. */
static bool is_lately(const struct moment *moment, int64_t now)
{
    return moment->fired_at != AT_MIN &&
           now - moment->fired_at < (MOMENT_YEAR_DAYS_MIN + 1) * MS_PER_DAY;
}

/* Moments that nobody asks for any more, or whose date is gone. */
static void retire(struct state *state, struct moment *moment, int64_t now, bool *is_changed)
{
    if (!is_lately(moment, now)) {
        drop(state, moment);
        *is_changed = true;
    } else if (moment->due_at != AT_NEVER) {
        moment->due_at = AT_NEVER;
        *is_changed = true;
    }
}

/* What arming needs to know. */
struct arming_work {
    struct arena *arena;
    const struct program *program;
    const struct facts *facts;
    struct state *state;
    bool afresh;
    bool *is_changed;
};

/* The instant from which on a moment counts. */
static int64_t counts_after(const struct arming_work *w, const struct moment_plan *plan,
                            const struct moment *armed, bool is_moved)
{
    const int64_t after =
        int64_max(int64_max(w->program->starts_at, w->state->enrolled_at), armed->fired_at);
    const bool is_entered = plan->kind == MOMENT_SCHEDULE && is_moved && w->afresh;
    return is_entered ? int64_max(after, w->facts->booked_at)
                      : after; // what would have come before its date was entered does not
}

static enum err arm(struct arming_work *w, const struct moment_plan *plan,
                    struct subscription *subscription, struct needs *needs)
{
    struct state *state = w->state;
    const int64_t object = subscription != NULL ? subscription->number : 0;
    struct moment *moment = find(state, plan->symbol, object);
    int64_t base = 0;
    if (!base_of(plan, w->facts, state, subscription, &base)) {
        if (moment != NULL && plan->kind == MOMENT_MONTH) {
            drop(state, moment); // how far it was stands with the subscription
            *w->is_changed = true;
        } else if (moment != NULL) {
            retire(state, moment, w->facts->booked_at, w->is_changed);
        }
        return ERR_OK;
    }
    const bool is_settled =
        moment != NULL && moment->base == base && moment->due_at != AT_NEVER && !w->afresh;
    if ((is_settled && plan->kind != MOMENT_MONTH) ||
        (moment == NULL && state->moments_n >= STATE_MOMENTS_MAX)) {
        return ERR_OK;
    }
    if (needs_zone(plan) && !w->facts->knows_zone) {
        needs->zone = true;
        return ERR_RETRY;
    }
    struct moment armed = {.symbol = plan->symbol,
                           .object = object,
                           .fired_at = moment ? moment->fired_at : AT_MIN,
                           .base = base};
    armed.fired_n = moment != NULL && moment->base == base ? moment->fired_n : 0;
    const bool is_moved = moment == NULL || moment->base != base;
    const int64_t after = counts_after(w, plan, &armed, is_moved);
    if (plan->kind == MOMENT_SCHEDULE && is_moved && plan->schedule->kind != SCHEDULE_EVERY) {
        armed.fired_at = AT_MIN; // once for each date
    }
    if (plan->kind == MOMENT_MONTH && moment == NULL) {
        subscription_advance(w->program, subscription,
                             w->program->starts_at); // nobody asked for the months before
    }
    armed.due_at = due_of(w->program, plan, w->facts, subscription, &armed, after);
    if (moment == NULL) {
        arena_room(w->arena, state->moments, state->moments_n, state->moments_max);
        state->moments[state->moments_n++] = armed;
        *w->is_changed = true;
    } else if (moment->due_at != armed.due_at || moment->base != armed.base) {
        *moment = armed;
        *w->is_changed = true;
    }
    return ERR_OK;
}

enum err moments_arm(struct arena *arena, const struct program *program, const struct facts *facts,
                     bool afresh, struct state *state, struct needs *needs, bool *is_changed)
{
    struct arming_work work = {.arena = arena,
                               .program = program,
                               .facts = facts,
                               .state = state,
                               .afresh = afresh,
                               .is_changed = is_changed};
    for (size_t i = state->moments_n; i-- > 0;) {
        struct moment *moment = &state->moments[i];
        const struct moment_plan *plan = plan_of(program, moment);
        if (plan == NULL) {
            retire(state, moment, facts->booked_at, is_changed);
        } else if (is_of_subscription(plan) &&
                   subscription_numbered(state, moment->object) == NULL) {
            drop(state, moment); // it made room for another
            *is_changed = true;
        }
    }
    for (size_t i = 0; i < program->plans_n; i++) {
        const struct moment_plan *plan = &program->plans[i];
        for (size_t k = 0; k < state->subscriptions_n && is_of_subscription(plan); k++) {
            try(arm(&work, plan, &state->subscriptions[k], needs));
        }
        if (!is_of_subscription(plan)) {
            try(arm(&work, plan, NULL, needs));
        }
    }
    return ERR_OK;
}

/* ---- what is due ---- */

int64_t moments_due(const struct state *state)
{
    int64_t due = AT_NEVER;
    for (size_t i = 0; i < state->moments_n; i++) {
        due = int64_min(due, state->moments[i].due_at);
    }
    return due;
}

bool moments_forget(struct state *state, const struct program *program, int64_t due)
{
    bool is_changed = false;
    for (size_t i = state->moments_n; i-- > 0;) {
        if (state->moments[i].due_at <= due && plan_of(program, &state->moments[i]) == NULL) {
            retire(state, &state->moments[i], due, &is_changed);
        }
    }
    return is_changed;
}

struct moment *moments_first(struct state *state, const struct program *program, int64_t due,
                             const struct moment_plan **plan)
{
    for (size_t i = 0; i < state->moments_n; i++) {
        if (state->moments[i].due_at <= due) {
            *plan = plan_of(program, &state->moments[i]);
            return *plan != NULL ? &state->moments[i] : NULL;
        }
    }
    return NULL;
}

/* Years from a date to the local day of an instant. */
static int years_to(const struct zone *zone, int32_t date, int64_t at)
{
    return civil_of_day(zone_day(zone, at)).year - civil_of_day(date).year;
}

static struct json *data_of(struct arena *arena, const struct moment_plan *plan,
                            const struct zone *zone, const struct moment *moment)
{
    struct json *data = json_object_new(arena);
    char since[INSTANT_BYTES + 1];
    switch (plan->kind) {
    case MOMENT_BIRTHDAY:
        json_set_int(arena, data, "age", years_to(zone, (int32_t)moment->base, moment->due_at));
        return data;
    case MOMENT_ANNIVERSARY:
        json_set_int(arena, data, "years",
                     years_to(zone, zone_day(zone, moment->base), moment->due_at));
        return data;
    case MOMENT_INACTIVE:
        instant_write(moment->base, since);
        json_set_int(arena, data, "days", plan->days);
        json_set_text(arena, data, "since", str_c(since));
        return data;
    case MOMENT_SCHEDULE:
        schedule_data(arena, plan->schedule, zone, moment, data);
        return data;
    case MOMENT_MONTH:
        return data; // what the subscription says: decide_timer.c
    }
    return NULL;
}

void moment_fire(struct arena *arena, const struct moment_plan *plan, const struct facts *facts,
                 struct moment *moment, struct event *event)
{
    static const enum event_kind KINDS[] = {EVENT_BIRTHDAY, EVENT_ANNIVERSARY, EVENT_INACTIVE,
                                            EVENT_CUSTOM, EVENT_MONTH_KEPT};
    ensure(moment->due_at != AT_NEVER);
    event->kind =
        plan->kind == MOMENT_SCHEDULE ? event_kind_of(plan->schedule->emits) : KINDS[plan->kind];
    event->type =
        plan->kind == MOMENT_SCHEDULE ? plan->schedule->emits : event_kind_type(event->kind);
    event->data = data_of(arena, plan, member_zone(facts->program_now, facts), moment);
    if (plan->kind == MOMENT_SCHEDULE && plan->schedule->kind == SCHEDULE_EVERY) {
        moment->fired_n =
            schedule_step(plan->schedule, member_zone(facts->program_now, facts), moment);
    }
    moment->fired_at = moment->due_at;
    moment->due_at = AT_NEVER;
}
