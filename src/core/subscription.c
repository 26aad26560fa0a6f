/* How the months of subscriptions are counted. */
#include "base/base.h"
#include "core/subscription.h"

#include "core/decide_internal.h"
#include "core/moment.h"

struct str subscription_state_slug(enum subscription_state state)
{
    static const char *const SLUGS[] = {"", "active", "paused", "cancelled"};
    ensure((size_t)state < ARRAY_N(SLUGS));
    return str_c(SLUGS[state]);
}

struct subscription *subscription_find(struct state *state, uint64_t key)
{
    for (size_t i = 0; i < state->subscriptions_n; i++) {
        if (state->subscriptions[i].key == key) {
            return &state->subscriptions[i];
        }
    }
    return NULL;
}

struct subscription *subscription_numbered(struct state *state, int64_t number)
{
    for (size_t i = 0; i < state->subscriptions_n; i++) {
        if (state->subscriptions[i].number == number) {
            return &state->subscriptions[i];
        }
    }
    return NULL;
}

int32_t subscription_month_end(const struct subscription *s, int32_t n)
{
    ensure(n >= 0);
    return day_add_months(s->start_on, n + 1);
}

bool subscription_runs(const struct subscription *s)
{
    return s->is_started && s->state != SUBSCRIPTION_CANCELLED;
}

int64_t subscription_due(const struct program *program, const struct subscription *s, int minute)
{
    ensure(subscription_runs(s));
    if (s->ready > 0) {
        return s->ready_at;
    }
    const int32_t day = subscription_month_end(s, s->judged);
    const bool is_over = s->judged >= SUBSCRIPTION_MONTHS_MAX || civil_of_day(day).year > YEAR_LAST;
    return is_over ? AT_NEVER : zone_instant(program->zone, day, minute);
}

static bool is_lost(const struct subscription *s)
{
    const bool was_paused = s->judged >= s->lost_from && s->judged < s->lost_through;
    return was_paused ||
           (s->state == SUBSCRIPTION_PAUSED && s->paused_on < subscription_month_end(s, s->judged));
}

bool subscription_judge(const struct program *program, struct subscription *s)
{
    ensure(s->kept <= s->judged);
    if (s->ready > 0) {
        s->ready--;
        s->kept++;
        return true;
    }
    const bool is_kept = !is_lost(s);
    s->judged++;
    if (!is_kept) {
        return false;
    }
    if (program->must_pay_subscriptions && s->credit == 0) {
        s->owed++;
        return false;
    }
    s->credit -= program->must_pay_subscriptions;
    s->kept++;
    return true;
}

void subscription_advance(const struct program *program, struct subscription *s, int64_t at)
{
    while (subscription_runs(s) && subscription_due(program, s, 0) <= at) {
        (void)subscription_judge(program, s); // counted, and nothing comes of it
    }
}

void subscription_about(struct arena *arena, const struct program *program,
                        const struct subscription *s, struct str id, int64_t at,
                        struct about *about)
{
    char *start = arena_bytes(arena, DAY_BYTES + 1);
    day_write(s->start_on, start);
    about_text(about, "subscription.id", id);
    about_text(about, "subscription.state", subscription_state_slug(s->state));
    about_text(about, "subscription.start", (struct str){.p = start, .n = DAY_BYTES});
    about_number(about, "subscription.months_kept", s->kept);
    about_number(about, "subscription.days", zone_day(program->zone, at) - s->start_on);
    if (s->plan.n > 0) {
        about_text(about, "subscription.plan", s->plan);
    }
}

bool subscription_id(const struct facts *facts, const struct subscription *s, struct str *id)
{
    for (size_t i = 0; i < facts->openings_n; i++) {
        if (facts->openings[i].event == s->opened_by) {
            *id = facts->openings[i].id;
            return true;
        }
    }
    return false;
}
