/* Tiers: who enters, who keeps, and until when (domain.md 5 and 11). A member stands in each tier
 * set by itself.
 *
 * What a member has earned is their own standing (struct tier_state); beside it there may be
 * floors: tiers given by hand or by a rule until a date, and tiers kept so often that they are for
 * life. The member has the highest of them.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  the arena given.
 * Errors:  ERR_OVERFLOW beyond the limits; a lack of cold counters is told by
 *          tier_needs_counters().
 * Limits:  STATE_FLOORS_MAX, STATE_KEPT_MAX, STATE_GIFTS_MAX.
 */
#ifndef LOYALD_TIER_H
#define LOYALD_TIER_H

#include "core/decide.h"

/* The rank of the tier that the member has in a set, and until when they surely have it (AT_NEVER:
 * no end). */
size_t tier_rank(const struct tier_set *set, const struct state *state);
int64_t tier_valid_until(const struct tier_set *set, const struct state *state);

/* The same of what they have earned by themselves. */
size_t tier_earned(const struct tier_set *set, const struct state *state, int64_t *valid_until);

/* True when judging an event of that local day would look at counters that are not loaded. */
bool tier_needs_counters(const struct program *program, const struct state *state, int32_t day);

/* One set of a program being judged for one member. */
struct tier_judging {
    struct arena *arena;
    const struct program *program;
    const struct tier_set *set;
    const struct state *before; // without the event
    struct state *state;        // changed
    int32_t today;              // local day of booking
};
struct tier_judged {
    enum tier_why why;
    bool is_lifetime; // a tier became lifetime
};

/* After an event's counters were added: upgrades at once (WHY_ENTERED); a late event may also
 * upgrade by a day gone by, or restore a tier that it would have kept (WHY_RESTORED). */
enum err tier_after_event(const struct tier_judging *j, int32_t event_day,
                          struct tier_judged *out) MUST_USE;

/* After a refund's counters were taken off: takes the tier back where its entry is no longer met on
 * any day since it was reached. */
enum err tier_after_refund(const struct tier_judging *j) MUST_USE;

/* The instant at which what the member has earned is judged again, AT_NEVER for none: the end of
 * its validity plus grace. */
int64_t tier_due(const struct program *program, const struct tier_set *set,
                 const struct state *state);

/* Judges the tier whose validity (and grace) is over: WHY_RENEWED or WHY_DOWNGRADED. */
enum err tier_end_period(const struct tier_judging *j, struct tier_judged *out) MUST_USE;

/* Puts a member into a tier as if they had reached it on a day: where a test of a program begins.
 */
void tier_begin_at(struct arena *arena, const struct program *program, const struct tier_set *set,
                   struct state *state, size_t rank, int32_t day);

/* Floors. One given by hand takes the place of the one before; without a tier (0) it only ends that
 * one. */
enum err tier_floor_add(struct arena *arena, struct state *state, struct tier_floor floor) MUST_USE;

/* Ends what a rule gave with an event. */
void tier_floor_take_back(struct state *state, int64_t event, int32_t rule);

/* When the set's next floor ends, AT_NEVER: none does; and the end of those whose time has come. */
int64_t tier_floor_due(const struct tier_set *set, const struct state *state);
void tier_floor_end(const struct tier_set *set, struct state *state, int64_t at);

/* When the member is to be warned that they would lose their tier as things stand, AT_NEVER: not,
 * or not again. A lower bound while counters are not loaded. */
int64_t tier_warn_due(const struct program *program, const struct tier_set *set,
                      const struct state *state);

/* The rank that they would be left with at the end of their tier's validity, as things stand. */
size_t tier_rank_at_end(const struct program *program, const struct tier_set *set,
                        const struct state *state);

/* Notes that they were warned of the end of this validity. */
void tier_warn(struct arena *arena, const struct tier_set *set, struct state *state);

/* Tier and progress for the answer. */
void tier_answer(const struct program *program, const struct tier_set *set,
                 const struct state *before, const struct state *state, int32_t today,
                 struct answer_tier *out);

#endif
