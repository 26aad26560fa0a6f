/* Tiers: who enters, who keeps, and until when (domain.md 5 and 11). A member stands in each tier set by itself.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  the arena given.
 * Errors:  none; a lack of cold counters is told by tier_needs_counters().
 * Limits:  -
 */
#ifndef LOYALD_TIER_H
#define LOYALD_TIER_H

#include "core/decide.h"

/* True when judging an event of that local day would look at counters that are not loaded. */
bool tier_needs_counters(const struct program *program, const struct state *state, int32_t day);

/* After an event's counters were added: upgrades at once; a late event may also upgrade by a day gone by, or restore
 * a tier that it would have kept. `before` is the state without the event. */
void tier_after_event(struct arena *arena, const struct program *program, const struct tier_set *set,
                      const struct state *before, struct state *state, int32_t event_day, int32_t today);

/* After a refund's counters were taken off: takes the tier back where its entry is no longer met on any day since it
 * was reached. */
void tier_after_refund(const struct program *program, const struct tier_set *set, const struct state *before,
                       struct state *state, int32_t today);

/* The instant at which the tier is judged again, AT_NEVER for none: the end of its validity plus grace. */
int64_t tier_due(const struct program *program, const struct tier_set *set, const struct state *state);

/* Judges the tier whose validity (and grace) is over: renewal or downgrade. */
void tier_end_period(const struct program *program, const struct tier_set *set, struct state *state);

/* Puts a member into a tier as if they had reached it on a day: where a test of a program begins. */
void tier_begin_at(struct arena *arena, const struct program *program, const struct tier_set *set, struct state *state, size_t rank,
                   int32_t day);

/* The rank of the tier that the member has in a set. */
size_t tier_rank(const struct tier_set *set, const struct state *state);

/* Tier and progress for the answer. */
void tier_answer(const struct program *program, const struct tier_set *set, const struct state *before,
                 const struct state *state, int32_t today, struct answer_tier *out);

#endif
