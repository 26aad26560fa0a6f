/* Windows, sums and validities: what judging a tier counts with. */
#include "base/base.h"
#include "core/tier.h"

#include "core/tier_internal.h"

/* First local day of the (calendar or membership) year that a day lies in. */
static int32_t year_start(const struct civil start, int32_t day)
{
    struct civil c = civil_of_day(day);
    for (int back = 0; back < 2; back++) {
        const int last = days_in_month(c.year - back, start.month);
        const int32_t first =
            day_of_civil((struct civil){.year = c.year - back,
                                        .month = start.month,
                                        .day = start.day < last ? start.day : last});
        if (first <= day) {
            return first;
        }
    }
    return day;
}

static int32_t next_year_start(const struct civil start, int32_t day)
{
    // 366 days on lies in the next year, or on its first days.
    const int32_t here = year_start(start, day);
    const int32_t next = year_start(start, here + 366);
    return next > here ? next : year_start(start, here + 367);
}

static struct civil year_anchor(const struct program *program, const struct tier_set *set,
                                const struct state *state)
{
    return set->period == TIER_MEMBERSHIP_YEAR
               ? civil_of_day(zone_day(program->zone, state->enrolled_at))
               : set->starts;
}

int32_t tier_window_from(const struct program *program, const struct tier_set *set,
                         const struct state *state, int32_t day)
{
    switch (set->period) {
    case TIER_ROLLING_MONTHS:
        return day_add_months(day, -set->months) + 1;
    case TIER_CALENDAR_YEAR:
    case TIER_MEMBERSHIP_YEAR:
        return year_start(year_anchor(program, set, state), day);
    case TIER_LIFETIME:
        break;
    }
    return DAY_TOTAL;
}

int64_t tier_sum(const struct metric *metric, const struct state *state, int32_t from,
                 int32_t through)
{
    return from == DAY_TOTAL ? state_counter(state, metric->symbol, DAY_TOTAL)
                             : state_counter_sum(state, metric->symbol, from, through);
}

bool tier_is_met(const struct tier_set *set, const struct tier_condition *condition,
                 const struct state *state, int32_t from, int32_t through)
{
    size_t met = 0;
    for (size_t i = 0; i < condition->goals_n; i++) {
        const struct tier_goal *goal = &condition->goals[i];
        met += tier_sum(&set->metrics[goal->metric], state, from, through) >= goal->value;
    }
    return condition->needs_all ? met == condition->goals_n : met > 0;
}

bool tier_enters_on(const struct program *program, const struct tier_set *set,
                    const struct state *state, size_t rank, int32_t day)
{
    return rank == 0 || tier_is_met(set, &set->tiers[rank].enter, state,
                                    tier_window_from(program, set, state, day), day);
}

int64_t tier_validity(const struct program *program, const struct tier_set *set,
                      const struct state *state, size_t rank, int32_t day)
{
    if (rank == 0) {
        return AT_NEVER; // nothing is below the lowest
    }
    switch (set->period) {
    case TIER_ROLLING_MONTHS:
        return zone_midnight(program->zone, day_add_months(day, set->months) + 1);
    case TIER_CALENDAR_YEAR:
    case TIER_MEMBERSHIP_YEAR: {
        const struct civil anchor = year_anchor(program, set, state);
        const int32_t end = next_year_start(anchor, day);
        return zone_midnight(program->zone,
                             set->keep_through_next ? next_year_start(anchor, end) : end);
    }
    case TIER_LIFETIME:
        break;
    }
    return AT_NEVER;
}

int64_t tier_validity_again(const struct program *program, const struct tier_set *set,
                            const struct state *state, size_t rank, int32_t last)
{
    if (rank == 0 || set->period == TIER_LIFETIME) {
        return AT_NEVER;
    }
    if (set->period == TIER_ROLLING_MONTHS) {
        return zone_midnight(program->zone, day_add_months(last, set->months) + 1);
    }
    return zone_midnight(program->zone,
                         next_year_start(year_anchor(program, set, state), last + 1));
}

int32_t tier_judged_from(const struct program *program, const struct tier_set *set,
                         const struct state *state, const struct tier_state *tier, int32_t last)
{
    return set->period == TIER_ROLLING_MONTHS ? tier->valid_from + 1
                                              : tier_window_from(program, set, state, last);
}

struct tier_state *tier_find(const struct state *state, const struct tier_set *set)
{
    for (size_t i = 0; i < state->tiers_n; i++) {
        if (state->tiers[i].set == set->symbol) {
            return &state->tiers[i];
        }
    }
    return NULL;
}

size_t tier_rank_earned(const struct tier_set *set, const struct state *state)
{
    const struct tier_state *known = tier_find(state, set);
    return known ? tier_set_rank_of(set, known->tier) : 0;
}
