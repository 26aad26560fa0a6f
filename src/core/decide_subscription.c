/* Events about subscriptions: started, changed, paused, resumed, cancelled, paid. */
#include "base/base.h"
#include "core/decide.h"

#include "core/decide_internal.h"
#include "core/subscription.h"

/* The one cancelled longest ago, or NULL: it makes room. */
static struct subscription *oldest_cancelled(struct state *state)
{
    struct subscription *oldest = NULL;
    for (size_t i = 0; i < state->subscriptions_n; i++) {
        struct subscription *s = &state->subscriptions[i];
        if (s->state == SUBSCRIPTION_CANCELLED &&
            (oldest == NULL || s->changed_at < oldest->changed_at)) {
            oldest = s;
        }
    }
    return oldest;
}

/* Whatever comes first opens it, so that events may arrive in any order; its months count once it
 * has started. */
static struct subscription *open_one(struct deciding *d, int32_t day)
{
    struct state *state = d->out->state;
    int32_t number = 0;
    for (size_t i = 0; i < state->subscriptions_n; i++) {
        number = state->subscriptions[i].number > number ? state->subscriptions[i].number : number;
    }
    if (state->subscriptions_n >= STATE_SUBSCRIPTIONS_MAX) {
        struct subscription *oldest = oldest_cancelled(state);
        if (oldest == NULL) {
            return NULL;
        }
        memmove(oldest, oldest + 1,
                (size_t)(state->subscriptions + state->subscriptions_n - oldest - 1) *
                    sizeof *oldest);
        state->subscriptions_n--;
    }
    arena_room(d->arena, state->subscriptions, state->subscriptions_n, state->subscriptions_max);
    struct subscription *s = &state->subscriptions[state->subscriptions_n++];
    *s = (struct subscription){
        .key = d->facts->subscription_key,
        .number = number + 1,
        .opened_by = d->booking.event,
        .changed_at = AT_MIN,
        .state = SUBSCRIPTION_ACTIVE,
        .start_on = day,
        .ready_at = AT_MIN,
    };
    return s;
}

/* Counting begins; one that was cancelled begins anew. Months that are over by the event's time
 * count as kept: they lie before anything that is known here. What came late is known already, and
 * stays. */
static void start(struct deciding *d, struct subscription *s, int32_t day)
{
    const bool is_late = d->event->time < s->changed_at;
    const struct subscription known = *s;
    int32_t start_on = day;
    if (!day_read(json_str(json_at(d->event->data, "start")), &start_on)) {
        start_on = day; // where none is given
    }
    *s = (struct subscription){
        .key = known.key,
        .number = known.number,
        .opened_by = known.opened_by,
        .changed_at = known.changed_at,
        .plan = known.plan,
        .state = is_late ? known.state : SUBSCRIPTION_ACTIVE,
        .is_started = true,
        .start_on = start_on,
        .paused_on = known.paused_on,
        .credit = known.credit,
        .ready_at = AT_MIN,
    };
    while (s->kept < SUBSCRIPTION_MONTHS_MAX && subscription_month_end(s, s->kept) <= day) {
        s->kept++;
    }
    s->judged = s->kept;
}

/* A pause takes the months that it touches; one that ends on the day it began touches none. */
static void resume(struct subscription *s, int32_t day)
{
    int32_t n = s->judged;
    s->state = SUBSCRIPTION_ACTIVE;
    if (day <= s->paused_on || subscription_month_end(s, n) <= s->paused_on) {
        return;
    }
    while (n < SUBSCRIPTION_MONTHS_MAX &&
           (n == 0 ? s->start_on : subscription_month_end(s, n - 1)) < day) {
        n++; // it began before the pause was over
    }
    s->lost_from = s->judged;
    s->lost_through = n;
}

static void pay(struct deciding *d, struct subscription *s)
{
    const struct json *months = json_at(d->event->data, "months");
    const int64_t n = months != NULL ? json_integer_value(months) : 1;
    for (int64_t i = 0; i < n; i++) {
        if (s->owed > 0) {
            s->owed--;
            s->ready++;
            s->ready_at = d->event->time;
        } else if (s->credit < SUBSCRIPTION_MONTHS_MAX) {
            s->credit++;
        }
    }
}

/* What the event says of the plan and the state, unless something later was said before. */
static void change(struct deciding *d, struct subscription *s, int32_t day)
{
    const struct str plan = json_str(json_at(d->event->data, "plan"));
    s->plan = plan.n > 0 ? plan : s->plan;
    s->changed_at = d->event->time;
    switch ((int)d->event->kind) {
    case EVENT_SUBSCRIPTION_PAUSED:
        s->paused_on = s->state == SUBSCRIPTION_ACTIVE ? day : s->paused_on;
        s->state = s->state == SUBSCRIPTION_CANCELLED ? s->state : SUBSCRIPTION_PAUSED;
        break;
    case EVENT_SUBSCRIPTION_RESUMED:
        if (s->state == SUBSCRIPTION_PAUSED) {
            resume(s, day);
        }
        break;
    case EVENT_SUBSCRIPTION_CANCELLED:
        s->state = SUBSCRIPTION_CANCELLED;
        break;
    default:
        break;
    }
}

void decide_subscription(struct deciding *d, struct about *about)
{
    const enum event_kind kind = d->event->kind;
    const int32_t day = zone_day(d->now->zone, d->event->time);
    struct subscription *s = subscription_find(d->out->state, d->facts->subscription_key);
    const bool is_start = kind == EVENT_SUBSCRIPTION_STARTED;
    if (s != NULL && is_start && s->is_started && s->state != SUBSCRIPTION_CANCELLED) {
        (void)deciding_refuse(d, REASON_SUBSCRIPTION_RUNS); // always ERR_OK
        return;
    }
    s = s != NULL ? s : open_one(d, day);
    if (s == NULL) {
        (void)deciding_refuse(d, REASON_TOO_MANY_SUBSCRIPTIONS);
        return;
    }
    const struct str plan_before = s->plan;
    const bool is_late = d->event->time < s->changed_at;
    subscription_advance(d->now, s, d->event->time);
    if (is_start && !(is_late && s->is_started)) {
        start(d, s, day);
    }
    if (kind == EVENT_SUBSCRIPTION_PAID) {
        pay(d, s);
    } else if (!is_late) {
        change(d, s, day);
    }
    subscription_about(d->arena, d->now, s, json_str(json_at(d->event->data, "subscription")),
                       d->event->time, about);
    if (kind == EVENT_SUBSCRIPTION_CHANGED && plan_before.n > 0) {
        about_text(about, "plan_before", plan_before);
    }
}
