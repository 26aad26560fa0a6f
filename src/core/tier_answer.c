/* What is told about a member's tiers. */
#include "base/base.h"
#include "core/tier.h"

#include "core/tier_internal.h"

enum { SHARE_FULL = 1000000 };

/* How far a goal is reached, in millionths. */
static int64_t share(const struct tier_set *set, const struct tier_goal *goal,
                     const struct state *state, int32_t from, int32_t today)
{
    int64_t millionths = SHARE_FULL;
    const int64_t sum = int64_max(0, tier_sum(&set->metrics[goal->metric], state, from, today));
    return goal->value > 0 && mul_ratio_down(sum, SHARE_FULL, goal->value, &millionths)
               ? millionths
               : SHARE_FULL;
}

/* The goal that decides about the next tier: the nearest of any, the furthest of all. */
static const struct tier_goal *leading_goal(const struct tier_set *set,
                                            const struct tier_condition *condition,
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

void tier_answer(const struct program *program, const struct tier_set *set,
                 const struct state *before, const struct state *state, int32_t today,
                 struct answer_tier *out)
{
    const size_t rank = tier_rank(set, state);
    const int32_t from = tier_window_from(program, set, state, today);
    *out = (struct answer_tier){
        .set = set->symbol,
        .tier = set->tiers[rank].symbol,
        .is_changed = before != NULL && tier_rank(set, before) != rank,
        .valid_until = tier_valid_until(set, state),
    };
    if (rank + 1 == set->tiers_n) {
        return;
    }
    const struct tier_goal *goal =
        leading_goal(set, &set->tiers[rank + 1].enter, state, from, today);
    if (goal != NULL) {
        out->metric = set->metrics[goal->metric].name_symbol;
        out->value = int64_max(0, tier_sum(&set->metrics[goal->metric], state, from, today));
        out->next = set->tiers[rank + 1].symbol;
        out->needed = int64_max(0, goal->value - out->value);
    }
}
