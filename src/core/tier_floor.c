/* The tier that a member has: what they have earned, or more where a floor holds; and until when.
 */
#include "base/base.h"
#include "core/tier.h"

#include "core/tier_internal.h"

size_t tier_rank(const struct tier_set *set, const struct state *state)
{
    size_t rank = tier_rank_earned(set, state);
    for (size_t i = 0; i < state->floors_n; i++) {
        const struct tier_floor *floor = &state->floors[i];
        const size_t least = floor->set == set->symbol ? tier_set_rank_of(set, floor->tier) : 0;
        rank = least > rank ? least : rank;
    }
    return rank;
}

/* What holds the member's tier the longest: its end, and the day it counts from. */
struct hold {
    int64_t until; // AT_NEVER: no end
    int32_t from_on;
};

static struct hold longest(const struct tier_set *set, const struct state *state)
{
    const size_t rank = tier_rank(set, state);
    const struct tier_state *own = tier_find(state, set);
    struct hold hold = {.until = rank == 0 ? AT_NEVER : AT_MIN};
    if (own != NULL && tier_set_rank_of(set, own->tier) == rank) {
        hold = (struct hold){.until = own->valid_until, .from_on = own->valid_from};
    }
    for (size_t i = 0; i < state->floors_n && rank > 0; i++) {
        const struct tier_floor *floor = &state->floors[i];
        if (floor->set == set->symbol && tier_set_rank_of(set, floor->tier) == rank &&
            floor->until > hold.until) {
            hold = (struct hold){.until = floor->until, .from_on = floor->from_on};
        }
    }
    return hold;
}

int64_t tier_valid_until(const struct tier_set *set, const struct state *state)
{
    return longest(set, state).until;
}

size_t tier_earned(const struct tier_set *set, const struct state *state, int64_t *valid_until)
{
    const struct tier_state *own = tier_find(state, set);
    *valid_until = own != NULL ? own->valid_until : AT_NEVER;
    return tier_rank_earned(set, state);
}

/* ---- floors ---- */

static void drop_floor(struct state *state, size_t i)
{
    memmove(&state->floors[i], &state->floors[i + 1],
            (state->floors_n - i - 1) * sizeof *state->floors);
    state->floors_n--;
}

enum err tier_floor_add(struct arena *arena, struct state *state, struct tier_floor floor)
{
    if (floor.kind != FLOOR_GIFT) { // the last word holds; gifts each have an event to go with
        for (size_t i = state->floors_n; i-- > 0;) {
            if (state->floors[i].set == floor.set && state->floors[i].kind == floor.kind) {
                drop_floor(state, i);
            }
        }
    }
    if (floor.tier == 0) {
        return ERR_OK;
    }
    if (state->floors_n >= STATE_FLOORS_MAX) {
        return ERR_OVERFLOW;
    }
    arena_room(arena, state->floors, state->floors_n, state->floors_max);
    state->floors[state->floors_n++] = floor;
    return ERR_OK;
}

void tier_floor_take_back(struct state *state, int64_t event, int32_t rule)
{
    for (size_t i = state->floors_n; i-- > 0;) {
        if (state->floors[i].kind == FLOOR_GIFT && state->floors[i].event == event &&
            state->floors[i].rule == rule) {
            drop_floor(state, i);
        }
    }
}

int64_t tier_floor_due(const struct tier_set *set, const struct state *state)
{
    int64_t due = AT_NEVER;
    for (size_t i = 0; i < state->floors_n; i++) {
        due = state->floors[i].set == set->symbol ? int64_min(due, state->floors[i].until) : due;
    }
    return due;
}

void tier_floor_end(const struct tier_set *set, struct state *state, int64_t at)
{
    for (size_t i = state->floors_n; i-- > 0;) {
        if (state->floors[i].set == set->symbol && state->floors[i].until <= at) {
            drop_floor(state, i);
        }
    }
}

/* ---- for life ---- */

static struct tier_kept *kept_of(const struct state *state, int32_t set, int32_t tier)
{
    for (size_t i = 0; i < state->kept_n; i++) {
        if (state->kept[i].set == set && state->kept[i].tier == tier) {
            return &state->kept[i];
        }
    }
    return NULL;
}

static void count_kept(struct arena *arena, struct state *state, int32_t set, int32_t tier,
                       int periods)
{
    struct tier_kept *kept = kept_of(state, set, tier);
    if (kept == NULL && periods > 0 && state->kept_n < STATE_KEPT_MAX) {
        arena_room(arena, state->kept, state->kept_n, state->kept_max);
        kept = &state->kept[state->kept_n++];
        *kept = (struct tier_kept){.set = set, .tier = tier};
    }
    if (kept != NULL) {
        kept->periods += periods;
        if (kept->periods <= 0) {
            *kept = state->kept[--state->kept_n];
        }
    }
}

static size_t lifetime_rank(const struct tier_set *set, const struct state *state)
{
    size_t rank = 0;
    for (size_t i = 0; i < state->floors_n; i++) {
        if (state->floors[i].set == set->symbol && state->floors[i].kind == FLOOR_LIFETIME) {
            rank = tier_set_rank_of(set, state->floors[i].tier);
        }
    }
    return rank;
}

/* The highest rank whose count makes it lifetime. */
static size_t highest_kept(const struct tier_set *set, const struct state *state)
{
    for (size_t t = set->tiers_n; t-- > 1;) {
        const struct tier_kept *kept = kept_of(state, set->symbol, set->tiers[t].symbol);
        if (set->tiers[t].lifetime_after > 0 && kept != NULL &&
            kept->periods >= set->tiers[t].lifetime_after) {
            return t;
        }
    }
    return 0;
}

enum err tier_count_period(const struct tier_judging *j, size_t above, size_t through, int periods,
                           bool *is_lifetime)
{
    const struct tier_set *set = j->set;
    const size_t before = lifetime_rank(set, j->state);
    for (size_t t = above + 1; t <= through; t++) {
        if (set->tiers[t].lifetime_after > 0) {
            count_kept(j->arena, j->state, set->symbol, set->tiers[t].symbol, periods);
        }
    }
    const size_t counted = highest_kept(set, j->state);
    // What is for life stays so when the program asks for more periods later; it goes with what had
    // made it so.
    const bool is_undone = periods < 0 && before > above && before <= through;
    const size_t rank = is_undone || counted > before ? counted : before;
    *is_lifetime = rank > before;
    const struct tier_floor floor = {
        .set = set->symbol,
        .tier = rank > 0 ? set->tiers[rank].symbol : 0,
        .kind = FLOOR_LIFETIME,
        .from_on = j->today,
        .until = AT_NEVER,
    };
    return rank == before ? ERR_OK : tier_floor_add(j->arena, j->state, floor);
}

/* ---- warnings ---- */

static bool was_warned(const struct tier_set *set, const struct state *state, int64_t valid_until)
{
    for (size_t i = 0; i < state->warned_n; i++) {
        if (state->warned[i].set == set->symbol) {
            return state->warned[i].valid_until == valid_until;
        }
    }
    return false;
}

size_t tier_rank_at_end(const struct program *program, const struct tier_set *set,
                        const struct state *state)
{
    const struct tier_state *own = tier_find(state, set);
    const int64_t end = tier_valid_until(set, state);
    size_t rank = tier_rank_earned(set, state);
    if (own != NULL && own->valid_until <= end && rank > 0) {
        const int32_t last = zone_day(program->zone, own->valid_until) - 1;
        rank = tier_rank_judged(set, state, rank, tier_judged_from(program, set, state, own, last),
                                last);
    }
    for (size_t i = 0; i < state->floors_n; i++) {
        const struct tier_floor *floor = &state->floors[i];
        const size_t least = floor->set == set->symbol && floor->until > end
                                 ? tier_set_rank_of(set, floor->tier)
                                 : 0;
        rank = least > rank ? least : rank;
    }
    return rank;
}

int64_t tier_warn_due(const struct program *program, const struct tier_set *set,
                      const struct state *state)
{
    const struct hold hold = longest(set, state);
    if (set->warn_days == 0 || hold.until == AT_NEVER || was_warned(set, state, hold.until)) {
        return AT_NEVER;
    }
    const int32_t day = zone_day(program->zone, hold.until) - set->warn_days;
    if (day <= hold.from_on) {
        return AT_NEVER; // shorter than the warning would be ahead
    }
    // Without the cold counters nobody can say whether it would be lost: then this is a lower
    // bound.
    const bool is_known =
        state->counters_loaded || !tier_needs_counters(program, state, hold.from_on);
    return is_known && tier_rank_at_end(program, set, state) >= tier_rank(set, state)
               ? AT_NEVER
               : zone_midnight(program->zone, day);
}

void tier_warn(struct arena *arena, const struct tier_set *set, struct state *state)
{
    const int64_t until = tier_valid_until(set, state);
    for (size_t i = 0; i < state->warned_n; i++) {
        if (state->warned[i].set == set->symbol) {
            state->warned[i].valid_until = until;
            return;
        }
    }
    arena_room(arena, state->warned, state->warned_n, state->warned_max);
    state->warned[state->warned_n++] =
        (struct tier_warned){.set = set->symbol, .valid_until = until};
}
