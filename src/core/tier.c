/* Tiers: who enters, who loses, who is judged again. Every judgement is a sum of day counters over a window of local days. */
#include "base/base.h"
#include "core/tier.h"

#include "core/tier_internal.h"

/* One set of a program being judged for one member. */
struct judging {
    struct arena *arena;
    const struct program *program;
    const struct tier_set *set;
    const struct state *before; // without the event
    struct state *state;
    int32_t today;
};

static struct tier_state *find_or_add(const struct judging *j)
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

static bool set_needs_counters(const struct program *program, const struct tier_set *set, const struct state *state,
                               int32_t day)
{
    const struct tier_state *known = tier_find(state, set);
    int32_t first = day;
    if (known != NULL && known->tier != 0) {
        first = known->valid_from < first ? known->valid_from : first;
        first = known->met_on < first ? known->met_on : first;
        first = known->lost_tier != 0 && known->lost_from < first ? known->lost_from : first;
    }
    return set->period != TIER_LIFETIME && tier_window_from(program, set, state, first) <= state->cold_through_day;
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

static void raise_to(const struct judging *j, size_t rank, int32_t met_on)
{
    struct tier_state *tier = find_or_add(j);
    tier->before_tier = tier->tier;
    tier->before_valid_until = tier->valid_until;
    tier->tier = j->set->tiers[rank].symbol;
    tier->reached_on = tier->valid_from = j->today;
    tier->met_on = met_on;
    tier->valid_until = tier_validity(j->program, j->set, j->state, rank, j->today);
    tier->is_renewed = false;
}

void tier_begin_at(struct arena *arena, const struct program *program, const struct tier_set *set, struct state *state, size_t rank,
                   int32_t day)
{
    const struct judging j = {.arena = arena, .program = program, .set = set, .before = state, .state = state, .today = day};
    ensure(rank < set->tiers_n);
    raise_to(&j, rank, day);
    find_or_add(&j)->is_renewed = true; // no refund takes it back
}

/* The highest tier above `rank` whose entry the event brings about on a day. */
static size_t highest_entered(const struct judging *j, size_t rank, int32_t day, bool is_late)
{
    for (size_t t = j->set->tiers_n; t-- > rank + 1;) {
        if (tier_enters_on(j->program, j->set, j->state, t, day) &&
            !(is_late && tier_enters_on(j->program, j->set, j->before, t, day))) {
            return t;
        }
    }
    return rank;
}

/* A late event is judged on its own day and each later day on which something was counted: between those, sums over
 * windows only fall. */
static void judge_late(const struct judging *j, int32_t event_day, size_t *rank, int32_t *met_on)
{
    for (size_t i = 0; i <= j->state->counters_n; i++) {
        const int32_t day = i == j->state->counters_n ? event_day : j->state->counters[i].day;
        if (day == DAY_TOTAL || day < event_day || day > j->today) {
            continue;
        }
        const size_t entered = highest_entered(j, *rank, day, true);
        if (entered > *rank) {
            *rank = entered;
            *met_on = day;
        }
    }
}

static void restore_lost(const struct judging *j, int32_t event_day)
{
    struct tier_state *tier = tier_find(j->state, j->set);
    if (tier == NULL || tier->lost_tier == 0 || event_day < tier->lost_from || event_day > tier->lost_through) {
        return;
    }
    const size_t rank = tier_rank_of(j->set, tier->lost_tier);
    const struct tier_condition *keep = &j->set->tiers[rank].keep;
    if (rank <= tier_rank_of(j->set, tier->tier) ||
        !tier_is_met(j->set, keep, j->state, tier->lost_from, tier->lost_through) ||
        tier_is_met(j->set, keep, j->before, tier->lost_from, tier->lost_through)) {
        return;
    }
    tier->before_tier = tier->tier;
    tier->before_valid_until = tier->valid_until;
    tier->tier = tier->lost_tier;
    tier->reached_on = tier->met_on = j->today;
    tier->valid_from = tier->lost_through;
    tier->valid_until = tier->lost_valid_until;
    tier->is_renewed = true; // lost_tier stays: a refund of this event asks by it
}

void tier_after_event(struct arena *arena, const struct program *program, const struct tier_set *set,
                      const struct state *before, struct state *state, int32_t event_day, int32_t today)
{
    const struct judging j = {
        .arena = arena, .program = program, .set = set, .before = before, .state = state, .today = today};
    int32_t met_on = today;
    if (event_day < today) {
        restore_lost(&j, event_day);
    }
    size_t entered = tier_rank_earned(set, state);
    if (event_day < today) {
        judge_late(&j, event_day, &entered, &met_on);
    } else {
        entered = highest_entered(&j, entered, today, false);
    }
    if (entered > tier_rank_earned(set, state)) {
        raise_to(&j, entered, met_on);
    }
}

/* ---- after a refund ---- */

/* The highest rank up to `rank` whose entry is met on a day from..today on which something was counted. */
static size_t highest_met_since(const struct judging *j, const struct state *state, size_t rank, int32_t from)
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

static void return_to_before(struct tier_state *tier)
{
    tier->valid_until = tier->before_valid_until;
    tier->before_tier = 0;
    tier->before_valid_until = AT_NEVER;
}

/* The refund of the late event that restored a tier: without it the tier was not kept. */
static bool lose_restored(const struct judging *j, struct tier_state *tier)
{
    const bool is_restored = tier->lost_tier != 0 && tier->lost_tier == tier->tier && tier->before_tier != 0;
    const struct tier_condition *keep = &j->set->tiers[tier_rank_of(j->set, tier->tier)].keep;
    if (!is_restored || tier_is_met(j->set, keep, j->state, tier->lost_from, tier->lost_through) ||
        !tier_is_met(j->set, keep, j->before, tier->lost_from, tier->lost_through)) {
        return false;
    }
    tier->tier = tier->before_tier;
    return_to_before(tier);
    return true;
}

void tier_after_refund(const struct program *program, const struct tier_set *set, const struct state *before,
                       struct state *state, int32_t today)
{
    const struct judging j = {.program = program, .set = set, .before = before, .state = state, .today = today};
    struct tier_state *tier = tier_find(state, set);
    if (tier == NULL || !set->refund_reverts || lose_restored(&j, tier) || tier->is_renewed) {
        return;
    }
    const size_t rank = tier_rank_of(set, tier->tier);
    const size_t still = highest_met_since(&j, state, rank, tier->met_on);
    if (rank == 0 || still == rank || highest_met_since(&j, before, rank, tier->met_on) < rank) {
        return;
    }
    const size_t earlier = tier_rank_of(set, tier->before_tier);
    if (earlier >= still) {
        tier->tier = set->tiers[earlier].symbol;
        return_to_before(tier);
        return;
    }
    tier->tier = set->tiers[still].symbol;
    tier->valid_until = tier_validity(program, set, state, still, tier->reached_on);
}

/* ---- the end of a validity ---- */

int64_t tier_due(const struct program *program, const struct tier_set *set, const struct state *state)
{
    const struct tier_state *tier = tier_find(state, set);
    if (tier == NULL || tier->valid_until == AT_NEVER) {
        return AT_NEVER;
    }
    return set->grace_days == 0
               ? tier->valid_until
               : zone_midnight(program->zone, zone_day(program->zone, tier->valid_until) + set->grace_days);
}

static size_t rank_after_end(const struct tier_set *set, const struct state *state, size_t rank, int32_t from, int32_t last)
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

void tier_end_period(const struct program *program, const struct tier_set *set, struct state *state)
{
    struct tier_state *tier = tier_find(state, set);
    ensure(tier != NULL);
    ensure(tier->valid_until != AT_NEVER);
    const size_t rank = tier_rank_of(set, tier->tier);
    const int32_t last = zone_day(program->zone, tier->valid_until) - 1;
    if (rank == 0) {
        tier->valid_until = AT_NEVER; // a tier that the set no longer has
        return;
    }
    const int32_t from = tier_judged_from(program, set, state, tier, last);
    const size_t next = rank_after_end(set, state, rank, from, last);
    if (next == rank) {
        tier->is_renewed = true;
        tier->lost_tier = 0; // a tier since renewed stays
    } else {
        tier->lost_tier = tier->tier;
        tier->lost_from = from;
        tier->lost_through = last;
        tier->lost_valid_until = tier_validity_again(program, set, state, rank, last);
        tier->before_tier = 0;
        tier->before_valid_until = AT_NEVER;
        tier->tier = set->tiers[next].symbol;
        tier->is_renewed = true; // not reached by a purchase, so no refund takes it back
    }
    tier->valid_from = last;
    tier->valid_until = tier_validity_again(program, set, state, next, last);
}
