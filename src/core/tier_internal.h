/* What the files of tiers share. Private to core/tier*.c. */
#ifndef LOYALD_TIER_INTERNAL_H
#define LOYALD_TIER_INTERNAL_H

#include "core/tier.h"

/* First day of the window that ends on a day; DAY_TOTAL: all time. */
int32_t tier_window_from(const struct program *program, const struct tier_set *set,
                         const struct state *state, int32_t day);

/* A metric's sum over days from..through; `from` DAY_TOTAL: over all time. */
int64_t tier_sum(const struct metric *metric, const struct state *state, int32_t from,
                 int32_t through);

/* Whether the window's sums meet a condition. */
bool tier_is_met(const struct tier_set *set, const struct tier_condition *condition,
                 const struct state *state, int32_t from, int32_t through);

/* Whether the entry of a rank is met by the window that ends on a day. */
bool tier_enters_on(const struct program *program, const struct tier_set *set,
                    const struct state *state, size_t rank, int32_t day);

/* The end of a validity that counts from a day; AT_NEVER: none. */
int64_t tier_validity(const struct program *program, const struct tier_set *set,
                      const struct state *state, size_t rank, int32_t day);

/* The end of the validity after one that ended with the local day `last`. */
int64_t tier_validity_again(const struct program *program, const struct tier_set *set,
                            const struct state *state, size_t rank, int32_t last);

/* The first day that is judged at the end of a validity whose last day is `last`: exactly the days
 * after the starting day; of years, the year that has ended. */
int32_t tier_judged_from(const struct program *program, const struct tier_set *set,
                         const struct state *state, const struct tier_state *tier, int32_t last);

/* The member's own standing in a set, NULL before they have reached anything. */
struct tier_state *tier_find(const struct state *state, const struct tier_set *set);

/* What becomes of a rank when the days from..last are judged at the end of its validity. */
size_t tier_rank_judged(const struct tier_set *set, const struct state *state, size_t rank,
                        int32_t from, int32_t last);

/* Counts a period (periods 1) kept at each rank above one and through another, or takes it back
 * (-1); *is_lifetime where that makes one of them lifetime. */
enum err tier_count_period(const struct tier_judging *j, size_t above, size_t through, int periods,
                           bool *is_lifetime) MUST_USE;

/* The rank that the member has earned by themselves. */
size_t tier_rank_earned(const struct tier_set *set, const struct state *state);

#endif
