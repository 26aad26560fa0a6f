/* Tiers: who enters, who loses, who is judged again. Every judgement is a sum of day counters over
 * a window of local days. */
#include "base/base.h"
#include "core/tier.h"

#include "core/tier_internal.h"

enum { MONTH_CLAMP_DAYS = 4 };

static struct tier_state *find_or_add(const struct tier_judging *j)
{
    struct state *state = j->state;
    struct tier_state *known = tier_find(state, j->set);
    if (known != NULL) {
        return known;
    }
    arena_room(j->arena, state->tiers, state->tiers_n, state->tiers_max);
    state->tiers[state->tiers_n] = (struct tier_state){
        .set = j->set->symbol,
        .tier = j->set->tiers[0].symbol,
        .valid_until = AT_NEVER,
        .before_valid_until = AT_NEVER,
        .lost_valid_until = AT_NEVER,
    };
    return &state->tiers[state->tiers_n++];
}

static bool set_needs_counters(const struct program *program, const struct tier_set *set,
                               const struct state *state, int32_t day)
{
    const struct tier_state *known = tier_find(state, set);
    int32_t first = day;
    if (known != NULL && known->tier != 0) {
        first = known->valid_from < first ? known->valid_from : first;
        first = known->met_on < first ? known->met_on : first;
        first = known->lost_tier != 0 && known->lost_from < first ? known->lost_from : first;
    }
    return set->period != TIER_LIFETIME &&
           tier_window_from(program, set, state, first) <= state->cold_through_day;
}

bool tier_needs_counters(const struct program *program, const struct state *state, int32_t day)
{
    for (size_t i = 0; i < program->tier_sets_n && !state->counters_loaded; i++) {
        if (set_needs_counters(program, &program->tier_sets[i], state, day)) {
            return true;
        }
    }
    return false;
}

/* ---- after an event ---- */

/* What a refund may bring back is kept whole: the days that its validity will be judged by, and
 * what was before it in turn. */
static void remember(const struct tier_judging *j, struct tier_state *tier)
{
    struct state *state = j->state;
    if (tier_set_rank_of(j->set, tier->tier) > 0 &&
        state->tiers_before_n < STATE_TIERS_BEFORE_MAX) {
        arena_room(j->arena, state->tiers_before, state->tiers_before_n, state->tiers_before_max);
        state->tiers_before[state->tiers_before_n++] = *tier;
    }
    tier->before_tier = tier->tier;
    tier->before_valid_until = tier->valid_until;
}

/* Nothing can bring back what was before. */
static void forget(const struct tier_judging *j, struct tier_state *tier)
{
    struct state *state = j->state;
    size_t kept = 0;
    for (size_t i = 0; i < state->tiers_before_n; i++) {
        if (state->tiers_before[i].set != tier->set) {
            state->tiers_before[kept++] = state->tiers_before[i];
        }
    }
    state->tiers_before_n = kept;
    tier->before_tier = 0;
    tier->before_valid_until = AT_NEVER;
}

/* The newest standing of the set that was remembered, or NULL. */
static struct tier_state *remembered(const struct tier_judging *j)
{
    for (size_t i = j->state->tiers_before_n; i-- > 0;) {
        if (j->state->tiers_before[i].set == j->set->symbol) {
            return &j->state->tiers_before[i];
        }
    }
    return NULL;
}

static void raise_to(const struct tier_judging *j, size_t rank, int32_t met_on)
{
    struct tier_state *tier = find_or_add(j);
    remember(j, tier);
    tier->tier = j->set->tiers[rank].symbol;
    tier->reached_on = tier->valid_from = j->today;
    tier->met_on = met_on;
    tier->valid_until = tier_validity(j->program, j->set, j->state, rank, j->today);
    tier->is_renewed = false;
}

void tier_begin_at(struct arena *arena, const struct program *program, const struct tier_set *set,
                   struct state *state, size_t rank, int32_t day)
{
    const struct tier_judging j = {.arena = arena,
                                   .program = program,
                                   .set = set,
                                   .before = state,
                                   .state = state,
                                   .today = day};
    ensure(rank < set->tiers_n);
    raise_to(&j, rank, day);
    find_or_add(&j)->is_renewed = true; // no refund takes it back
    forget(&j, find_or_add(&j));
}

/* The highest tier above `rank` whose entry the event brings about on a day. */
static size_t highest_entered(const struct tier_judging *j, size_t rank, int32_t day, bool is_late)
{
    for (size_t t = j->set->tiers_n; t-- > rank + 1;) {
        if (tier_enters_on(j->program, j->set, j->state, t, day) &&
            !(is_late && tier_enters_on(j->program, j->set, j->before, t, day))) {
            return t;
        }
    }
    return rank;
}

static void judge_late_on(const struct tier_judging *j, int32_t event_day, int32_t day,
                          size_t *rank, int32_t *met_on)
{
    if (day < event_day || day > j->today) {
        return;
    }
    const size_t entered = highest_entered(j, *rank, day, true);
    if (entered > *rank) {
        *rank = entered;
        *met_on = day;
    }
}

/* A late event is judged on its own day and on each later day on which something was counted, or
 * has left the window: on the days between, sums are what they were. What leaves may bring the
 * total without the event below the entry, so that the event makes the difference. */
static void judge_late(const struct tier_judging *j, int32_t event_day, size_t *rank,
                       int32_t *met_on)
{
    const bool is_rolling = j->set->period == TIER_ROLLING_MONTHS;
    judge_late_on(j, event_day, event_day, rank, met_on);
    for (size_t i = 0; i < j->state->counters_n; i++) {
        const int32_t day = j->state->counters[i].day;
        if (day == DAY_TOTAL) {
            continue;
        }
        judge_late_on(j, event_day, day, rank, met_on);
        // The day of the month is clamped, so the first day without it is one of a few.
        for (int32_t k = 0; is_rolling && k < MONTH_CLAMP_DAYS; k++) {
            judge_late_on(j, event_day, day_add_months(day, j->set->months) + k, rank, met_on);
        }
    }
}

/* As renewal would have left it, the period that counts towards a lifetime included. */
static enum err restore_lost(const struct tier_judging *j, int32_t event_day,
                             struct tier_judged *out)
{
    struct tier_state *tier = tier_find(j->state, j->set);
    if (tier == NULL || tier->lost_tier == 0 || event_day < tier->lost_from ||
        event_day > tier->lost_through) {
        return ERR_OK;
    }
    const size_t rank = tier_set_rank_of(j->set, tier->lost_tier);
    const size_t below = tier_set_rank_of(j->set, tier->tier);
    const struct tier_condition *keep = &j->set->tiers[rank].keep;
    if (rank <= below ||
        !tier_is_met(j->set, keep, j->state, tier->lost_from, tier->lost_through) ||
        tier_is_met(j->set, keep, j->before, tier->lost_from, tier->lost_through)) {
        return ERR_OK;
    }
    remember(j, tier);
    tier->tier = tier->lost_tier;
    tier->reached_on = tier->met_on = j->today;
    tier->valid_from = tier->lost_through;
    tier->valid_until = tier->lost_valid_until;
    tier->is_renewed = true; // lost_tier stays: a refund of this event asks by it
    out->why = WHY_RESTORED;
    return tier_count_period(j, below, rank, 1, &out->is_lifetime);
}

enum err tier_after_event(const struct tier_judging *j, int32_t event_day, struct tier_judged *out)
{
    int32_t met_on = j->today;
    *out = (struct tier_judged){0};
    if (event_day < j->today) {
        try(restore_lost(j, event_day, out));
    }
    const size_t rank = tier_rank_earned(j->set, j->state);
    size_t entered = rank;
    if (event_day < j->today) {
        judge_late(j, event_day, &entered, &met_on);
    } else {
        entered = highest_entered(j, rank, j->today, false);
    }
    if (entered > rank) {
        raise_to(j, entered, met_on);
        out->why = WHY_ENTERED;
    }
    return ERR_OK;
}

/* ---- after a refund ---- */

/* The highest rank up to `rank` whose entry is met on a day from..today on which something was
 * counted. */
static size_t highest_met_since(const struct tier_judging *j, const struct state *state,
                                size_t rank, int32_t from)
{
    size_t best = 0;
    for (size_t i = 0; i <= state->counters_n && best < rank; i++) {
        const int32_t day = i == state->counters_n ? from : state->counters[i].day;
        if (day == DAY_TOTAL || day < from || day > j->today) {
            continue;
        }
        for (size_t t = rank; t > best; t--) {
            if (tier_enters_on(j->program, j->set, state, t, day)) {
                best = t;
            }
        }
    }
    return best;
}

/* The tier from before, as it was. One that an earlier release has left has its tier and its end
 * only. */
static void return_to_before(const struct tier_judging *j, struct tier_state *tier)
{
    struct tier_state *before = remembered(j);
    tier->tier = j->set->tiers[tier_set_rank_of(j->set, tier->before_tier)].symbol;
    tier->valid_until = tier->before_valid_until;
    if (before == NULL || before->tier != tier->tier) {
        forget(j, tier);
        return;
    }
    tier->reached_on = before->reached_on;
    tier->valid_from = before->valid_from;
    tier->met_on = before->met_on;
    tier->is_renewed = before->is_renewed;
    tier->before_tier = before->before_tier;
    tier->before_valid_until = before->before_valid_until;
    const size_t index = (size_t)(before - j->state->tiers_before);
    memmove(before, before + 1, (j->state->tiers_before_n - index - 1) * sizeof *before);
    j->state->tiers_before_n--;
}

/* The refund of the late event that restored a tier: without it the tier was not kept. */
static enum err lose_restored(const struct tier_judging *j, struct tier_state *tier, bool *is_lost)
{
    bool is_lifetime = false;
    const bool is_restored =
        tier->lost_tier != 0 && tier->lost_tier == tier->tier && tier->before_tier != 0;
    const struct tier_condition *keep = &j->set->tiers[tier_set_rank_of(j->set, tier->tier)].keep;
    if (!is_restored || tier_is_met(j->set, keep, j->state, tier->lost_from, tier->lost_through) ||
        !tier_is_met(j->set, keep, j->before, tier->lost_from, tier->lost_through)) {
        *is_lost = false;
        return ERR_OK;
    }
    const size_t rank = tier_set_rank_of(j->set, tier->tier);
    *is_lost = true;
    return_to_before(j, tier);
    return tier_count_period(j, tier_set_rank_of(j->set, tier->tier), rank, -1, &is_lifetime);
}

enum err tier_after_refund(const struct tier_judging *j)
{
    const struct tier_set *set = j->set;
    struct tier_state *tier = tier_find(j->state, set);
    bool is_lost = false;
    if (tier == NULL || !set->refund_reverts) {
        return ERR_OK;
    }
    try(lose_restored(j, tier, &is_lost));
    if (is_lost || tier->is_renewed) {
        return ERR_OK;
    }
    const size_t rank = tier_set_rank_of(set, tier->tier);
    const size_t still = highest_met_since(j, j->state, rank, tier->met_on);
    if (rank == 0 || still == rank || highest_met_since(j, j->before, rank, tier->met_on) < rank) {
        return ERR_OK;
    }
    const size_t earlier = tier_set_rank_of(set, tier->before_tier);
    if (earlier >= still) {
        return_to_before(j, tier);
        return ERR_OK;
    }
    tier->tier = set->tiers[still].symbol;
    tier->valid_until = tier_validity(j->program, set, j->state, still, tier->reached_on);
    return ERR_OK;
}

/* ---- the end of a validity ---- */

int64_t tier_due(const struct program *program, const struct tier_set *set,
                 const struct state *state)
{
    const struct tier_state *tier = tier_find(state, set);
    if (tier == NULL || tier->valid_until == AT_NEVER) {
        return AT_NEVER;
    }
    return set->grace_days == 0
               ? tier->valid_until
               : zone_midnight(program->zone,
                               zone_day(program->zone, tier->valid_until) + set->grace_days);
}

size_t tier_rank_judged(const struct tier_set *set, const struct state *state, size_t rank,
                        int32_t from, int32_t last)
{
    if (tier_is_met(set, &set->tiers[rank].keep, state, from, last)) {
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
    while (lower > 0 && !tier_is_met(set, &set->tiers[lower].enter, state, from, last)) {
        lower--;
    }
    return lower;
}

enum err tier_end_period(const struct tier_judging *j, struct tier_judged *out)
{
    const struct tier_set *set = j->set;
    struct tier_state *tier = tier_find(j->state, set);
    ensure(tier != NULL);
    ensure(tier->valid_until != AT_NEVER);
    const size_t rank = tier_set_rank_of(set, tier->tier);
    const int32_t last = zone_day(j->program->zone, tier->valid_until) - 1;
    *out = (struct tier_judged){.why = WHY_DOWNGRADED};
    if (rank == 0) {
        tier->valid_until = AT_NEVER; // a tier that the set no longer has
        return ERR_OK;
    }
    const int32_t from = tier_judged_from(j->program, set, j->state, tier, last);
    const size_t next = tier_rank_judged(set, j->state, rank, from, last);
    if (next == rank) {
        out->why = WHY_RENEWED;
        tier->lost_tier = 0; // a tier since renewed stays
    } else {
        tier->lost_tier = tier->tier;
        tier->lost_from = from;
        tier->lost_through = last;
        tier->lost_valid_until = tier_validity_again(j->program, set, j->state, rank, last);
        tier->tier = set->tiers[next].symbol;
    }
    forget(j, tier);
    tier->is_renewed = true; // not reached by a purchase any more, so no refund takes it back
    tier->valid_from = last;
    tier->valid_until = tier_validity_again(j->program, set, j->state, next, last);
    return tier_count_period(j, 0, next, 1, &out->is_lifetime);
}
