/* Tiers. Every judgement is a sum of day counters over a window of local days. */
#include "base/base.h"
#include "core/tier.h"

/* First local day of the (calendar or membership) year that a day lies in. */
static int32_t year_start(const struct civil start, int32_t day)
{
    struct civil c = civil_of_day(day);
    for (int back = 0; back < 2; back++) {
        const int last = days_in_month(c.year - back, start.month);
        const int32_t first = day_of_civil(
            (struct civil){.year = c.year - back, .month = start.month, .day = start.day < last ? start.day : last});
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

static struct civil year_anchor(const struct program *program, const struct state *state)
{
    const struct tier_set *set = program->tier_set;
    return set->period == TIER_MEMBERSHIP_YEAR ? civil_of_day(zone_day(program->zone, state->enrolled_at)) : set->starts;
}

/* First day of the window that ends on a day; DAY_TOTAL: all time. */
static int32_t window_from(const struct program *program, const struct state *state, int32_t day)
{
    const struct tier_set *set = program->tier_set;
    switch (set->period) {
    case TIER_ROLLING_MONTHS:
        return day_add_months(day, -set->months) + 1;
    case TIER_CALENDAR_YEAR:
    case TIER_MEMBERSHIP_YEAR:
        return year_start(year_anchor(program, state), day);
    case TIER_LIFETIME:
        break;
    }
    return DAY_TOTAL;
}

static int64_t metric_sum(const struct metric *metric, const struct state *state, int32_t from, int32_t through)
{
    return from == DAY_TOTAL ? state_counter(state, metric->symbol, DAY_TOTAL)
                             : state_counter_sum(state, metric->symbol, from, through);
}

static bool is_met(const struct tier_set *set, const struct tier_condition *condition, const struct state *state,
                   int32_t from, int32_t through)
{
    size_t met = 0;
    for (size_t i = 0; i < condition->goals_n; i++) {
        const struct tier_goal *goal = &condition->goals[i];
        met += metric_sum(&set->metrics[goal->metric], state, from, through) >= goal->value;
    }
    return condition->needs_all ? met == condition->goals_n : met > 0;
}

static bool enters_on(const struct program *program, const struct state *state, size_t rank, int32_t day)
{
    const struct tier_set *set = program->tier_set;
    return rank == 0 || is_met(set, &set->tiers[rank].enter, state, window_from(program, state, day), day);
}

static struct tier_state *find(const struct state *state, int32_t set)
{
    for (size_t i = 0; i < state->tiers_n; i++) {
        if (state->tiers[i].set == set) {
            return &state->tiers[i];
        }
    }
    return NULL;
}

static struct tier_state *find_or_add(struct arena *arena, struct state *state, const struct tier_set *set)
{
    struct tier_state *known = find(state, set->symbol);
    if (known != NULL) {
        return known;
    }
    arena_room(arena, state->tiers, state->tiers_n, state->tiers_max);
    state->tiers[state->tiers_n] = (struct tier_state){
        .set = set->symbol,
        .tier = set->tiers[0].symbol,
        .valid_until = AT_NEVER,
        .before_valid_until = AT_NEVER,
        .lost_valid_until = AT_NEVER,
    };
    return &state->tiers[state->tiers_n++];
}

/* The rank of a tier by symbol; a tier that the set no longer has counts as the lowest. */
static size_t rank_of(const struct tier_set *set, int32_t tier)
{
    for (size_t i = 0; i < set->tiers_n; i++) {
        if (set->tiers[i].symbol == tier) {
            return i;
        }
    }
    return 0;
}

static size_t rank_now(const struct tier_set *set, const struct state *state)
{
    const struct tier_state *known = find(state, set->symbol);
    return known ? rank_of(set, known->tier) : 0;
}

/* The end of a validity that counts from a day. */
static int64_t validity(const struct program *program, const struct state *state, size_t rank, int32_t day)
{
    const struct tier_set *set = program->tier_set;
    if (rank == 0) {
        return AT_NEVER; // nothing is below the lowest
    }
    switch (set->period) {
    case TIER_ROLLING_MONTHS:
        return zone_midnight(program->zone, day_add_months(day, set->months) + 1);
    case TIER_CALENDAR_YEAR:
    case TIER_MEMBERSHIP_YEAR: {
        const struct civil anchor = year_anchor(program, state);
        const int32_t end = next_year_start(anchor, day);
        return zone_midnight(program->zone, set->keep_through_next ? next_year_start(anchor, end) : end);
    }
    case TIER_LIFETIME:
        break;
    }
    return AT_NEVER;
}

/* The end of the validity after one that ended with the local day `last`. */
static int64_t validity_again(const struct program *program, const struct state *state, size_t rank, int32_t last)
{
    const struct tier_set *set = program->tier_set;
    if (rank == 0 || set->period == TIER_LIFETIME) {
        return AT_NEVER;
    }
    if (set->period == TIER_ROLLING_MONTHS) {
        return zone_midnight(program->zone, day_add_months(last, set->months) + 1);
    }
    return zone_midnight(program->zone, next_year_start(year_anchor(program, state), last + 1));
}

bool tier_needs_counters(const struct program *program, const struct state *state, int32_t day)
{
    if (program->tier_set == NULL || state->counters_loaded || program->tier_set->period == TIER_LIFETIME) {
        return false;
    }
    const struct tier_state *known = find(state, program->tier_set->symbol);
    int32_t first = day;
    if (known != NULL && known->tier != 0) {
        first = known->valid_from < first ? known->valid_from : first;
        first = known->met_on < first ? known->met_on : first;
        first = known->lost_tier != 0 && known->lost_from < first ? known->lost_from : first;
    }
    return window_from(program, state, first) <= state->cold_through_day;
}

static void raise_to(struct arena *arena, const struct program *program, struct state *state, size_t rank, int32_t met_on,
                     int32_t today)
{
    const struct tier_set *set = program->tier_set;
    struct tier_state *tier = find_or_add(arena, state, set);
    tier->before_tier = tier->tier;
    tier->before_valid_until = tier->valid_until;
    tier->tier = set->tiers[rank].symbol;
    tier->reached_on = tier->valid_from = today;
    tier->met_on = met_on;
    tier->valid_until = validity(program, state, rank, today);
    tier->is_renewed = false;
}

/* The highest tier above `rank` whose entry the event brings about on a day. */
static size_t highest_entered(const struct program *program, const struct state *before, const struct state *state,
                              size_t rank, int32_t day, bool is_late)
{
    for (size_t t = program->tier_set->tiers_n; t-- > rank + 1;) {
        if (enters_on(program, state, t, day) && !(is_late && enters_on(program, before, t, day))) {
            return t;
        }
    }
    return rank;
}

/* A late event is judged on its own day and each later day on which something was counted: between those, sums over
 * windows only fall. */
static void judge_late(const struct program *program, const struct state *before, const struct state *state,
                       int32_t event_day, int32_t today, size_t *rank, int32_t *met_on)
{
    for (size_t i = 0; i <= state->counters_n; i++) {
        const int32_t day = i == state->counters_n ? event_day : state->counters[i].day;
        if (day == DAY_TOTAL || day < event_day || day > today) {
            continue;
        }
        const size_t entered = highest_entered(program, before, state, *rank, day, true);
        if (entered > *rank) {
            *rank = entered;
            *met_on = day;
        }
    }
}

static void restore_lost(const struct program *program, const struct state *before, struct state *state,
                         int32_t event_day, int32_t today)
{
    const struct tier_set *set = program->tier_set;
    struct tier_state *tier = find(state, set->symbol);
    if (tier == NULL || tier->lost_tier == 0 || event_day < tier->lost_from || event_day > tier->lost_through) {
        return;
    }
    const size_t rank = rank_of(set, tier->lost_tier);
    const struct tier_condition *keep = &set->tiers[rank].keep;
    if (rank <= rank_of(set, tier->tier) || !is_met(set, keep, state, tier->lost_from, tier->lost_through) ||
        is_met(set, keep, before, tier->lost_from, tier->lost_through)) {
        return;
    }
    tier->before_tier = tier->tier;
    tier->before_valid_until = tier->valid_until;
    tier->tier = tier->lost_tier;
    tier->reached_on = tier->met_on = today;
    tier->valid_from = tier->lost_through;
    tier->valid_until = tier->lost_valid_until;
    tier->is_renewed = true; // lost_tier stays: a refund of this event asks by it
}

/* The refund of the late event that restored a tier: without it the tier was not kept. */
static bool lose_restored(const struct program *program, const struct state *before, const struct state *state,
                          struct tier_state *tier)
{
    const struct tier_set *set = program->tier_set;
    const bool is_restored = tier->lost_tier != 0 && tier->lost_tier == tier->tier && tier->before_tier != 0;
    const struct tier_condition *keep = &set->tiers[rank_of(set, tier->tier)].keep;
    if (!is_restored || is_met(set, keep, state, tier->lost_from, tier->lost_through) ||
        !is_met(set, keep, before, tier->lost_from, tier->lost_through)) {
        return false;
    }
    tier->tier = tier->before_tier;
    tier->valid_until = tier->before_valid_until;
    tier->before_tier = 0;
    tier->before_valid_until = AT_NEVER;
    return true;
}

void tier_after_event(struct arena *arena, const struct program *program, const struct state *before,
                      struct state *state, int32_t event_day, int32_t today)
{
    if (program->tier_set == NULL) {
        return;
    }
    const size_t rank = rank_now(program->tier_set, state);
    size_t entered = rank;
    int32_t met_on = today;
    if (event_day < today) {
        restore_lost(program, before, state, event_day, today);
        entered = rank_now(program->tier_set, state);
        judge_late(program, before, state, event_day, today, &entered, &met_on);
    } else {
        entered = highest_entered(program, before, state, rank, today, false);
    }
    if (entered > rank_now(program->tier_set, state)) {
        raise_to(arena, program, state, entered, met_on, today);
    }
}

/* The highest rank up to `rank` whose entry is met on a day from..today on which something was counted. */
static size_t highest_met_since(const struct program *program, const struct state *state, size_t rank, int32_t from,
                                int32_t today)
{
    size_t best = 0;
    for (size_t i = 0; i <= state->counters_n && best < rank; i++) {
        const int32_t day = i == state->counters_n ? from : state->counters[i].day;
        if (day == DAY_TOTAL || day < from || day > today) {
            continue;
        }
        for (size_t t = rank; t > best; t--) {
            if (enters_on(program, state, t, day)) {
                best = t;
            }
        }
    }
    return best;
}

void tier_after_refund(struct arena *arena, const struct program *program, const struct state *before,
                       struct state *state, int32_t today)
{
    const struct tier_set *set = program->tier_set;
    struct tier_state *tier = set ? find(state, set->symbol) : NULL;
    (void)arena; // symmetrical with tier_after_event
    if (tier == NULL || !set->refund_reverts || lose_restored(program, before, state, tier) || tier->is_renewed) {
        return;
    }
    const size_t rank = rank_of(set, tier->tier);
    const size_t still = highest_met_since(program, state, rank, tier->met_on, today);
    if (rank == 0 || still == rank || highest_met_since(program, before, rank, tier->met_on, today) < rank) {
        return;
    }
    const size_t earlier = rank_of(set, tier->before_tier);
    if (earlier >= still) {
        tier->tier = set->tiers[earlier].symbol;
        tier->valid_until = tier->before_valid_until;
        tier->before_tier = 0;
        tier->before_valid_until = AT_NEVER;
        return;
    }
    tier->tier = set->tiers[still].symbol;
    tier->valid_until = validity(program, state, still, tier->reached_on);
}

int64_t tier_due(const struct program *program, const struct state *state)
{
    const struct tier_state *tier = program->tier_set ? find(state, program->tier_set->symbol) : NULL;
    if (tier == NULL || tier->valid_until == AT_NEVER) {
        return AT_NEVER;
    }
    const int grace = program->tier_set->grace_days;
    return grace == 0 ? tier->valid_until
                      : zone_midnight(program->zone, zone_day(program->zone, tier->valid_until) + grace);
}

static size_t rank_after_end(const struct program *program, const struct state *state, size_t rank, int32_t from,
                             int32_t last)
{
    const struct tier_set *set = program->tier_set;
    if (is_met(set, &set->tiers[rank].keep, state, from, last)) {
        return rank;
    }
    switch (set->downgrade) {
    case DOWNGRADE_NEVER:
        return rank;
    case DOWNGRADE_ONE_STEP:
        return rank - 1;
    case DOWNGRADE_FULL:
        break;
    }
    size_t lower = rank - 1;
    while (lower > 0 && !is_met(set, &set->tiers[lower].enter, state, from, last)) {
        lower--;
    }
    return lower;
}

void tier_end_period(struct arena *arena, const struct program *program, struct state *state)
{
    const struct tier_set *set = program->tier_set;
    ensure(set != NULL);
    struct tier_state *tier = find_or_add(arena, state, set);
    ensure(tier->valid_until != AT_NEVER);
    const size_t rank = rank_of(set, tier->tier);
    const int32_t last = zone_day(program->zone, tier->valid_until) - 1;
    if (rank == 0) {
        tier->valid_until = AT_NEVER; // a tier that the set no longer has
        return;
    }
    // Exactly the days after the starting day through the last valid day; of years, the year that has ended.
    const int32_t from = set->period == TIER_ROLLING_MONTHS ? tier->valid_from + 1 : window_from(program, state, last);
    const size_t next = rank_after_end(program, state, rank, from, last);
    if (next == rank) {
        tier->is_renewed = true;
        tier->lost_tier = 0; // a tier since renewed stays
    } else {
        tier->lost_tier = tier->tier;
        tier->lost_from = from;
        tier->lost_through = last;
        tier->lost_valid_until = validity_again(program, state, rank, last);
        tier->before_tier = 0;
        tier->before_valid_until = AT_NEVER;
        tier->tier = set->tiers[next].symbol;
        tier->is_renewed = true; // not reached by a purchase, so no refund takes it back
    }
    tier->valid_from = last;
    tier->valid_until = validity_again(program, state, next, last);
}

/* How far a goal is reached, in millionths. */
static int64_t share(const struct tier_set *set, const struct tier_goal *goal, const struct state *state, int32_t from,
                     int32_t today)
{
    int64_t millionths = 1000000;
    const int64_t sum = int64_max(0, metric_sum(&set->metrics[goal->metric], state, from, today));
    return goal->value > 0 && mul_ratio_down(sum, 1000000, goal->value, &millionths) ? millionths : 1000000;
}

/* The goal that decides about the next tier: the nearest of any, the furthest of all. */
static const struct tier_goal *leading_goal(const struct tier_set *set, const struct tier_condition *condition,
                                            const struct state *state, int32_t from, int32_t today)
{
    const struct tier_goal *best = NULL;
    int64_t best_share = 0;
    for (size_t i = 0; i < condition->goals_n; i++) {
        const int64_t part = share(set, &condition->goals[i], state, from, today);
        if (best == NULL || (condition->needs_all ? part < best_share : part > best_share)) {
            best = &condition->goals[i];
            best_share = part;
        }
    }
    return best;
}

void tier_answer(const struct program *program, const struct state *before, const struct state *state, int32_t today,
                 struct answer_tier *out)
{
    const struct tier_set *set = program->tier_set;
    const size_t rank = rank_now(set, state);
    const struct tier_state *known = find(state, set->symbol);
    const int32_t from = window_from(program, state, today);
    *out = (struct answer_tier){
        .set = set->symbol,
        .tier = set->tiers[rank].symbol,
        .is_changed = before != NULL && rank_now(set, before) != rank,
        .valid_until = known ? known->valid_until : AT_NEVER,
    };
    if (rank + 1 == set->tiers_n) {
        return;
    }
    const struct tier_goal *goal = leading_goal(set, &set->tiers[rank + 1].enter, state, from, today);
    if (goal != NULL) {
        out->metric = set->metrics[goal->metric].name_symbol;
        out->value = int64_max(0, metric_sum(&set->metrics[goal->metric], state, from, today));
        out->next = set->tiers[rank + 1].symbol;
        out->needed = int64_max(0, goal->value - out->value);
    }
}
