/* What the clock needs of the store: members' time zones, and how far the arming pass is
 * (engine/arming.h).
 *
 * Owns:    nothing; zones live in the store.
 * Threads: one thread at a time per struct store.
 * Memory:  the arena given; zones as long as the store.
 * Errors:  those of db/; ERR_INTEGRITY where stored bytes are not what was written.
 * Limits:  STORE_ZONES_MAX zones are kept; beyond, a member's zone counts as unknown.
 */
#ifndef LOYALD_STORE_CLOCK_H
#define LOYALD_STORE_CLOCK_H

#include "store/store.h"

enum { STORE_ZONES_MAX = 1000 };

/* The zone of that name by the machine's own data, NULL where there is none. Only what lies ahead
 * may be computed with it: its rules may be others tomorrow. */
const struct zone *store_zone(struct store *store, struct str name);

/* The time zone that a stored member has named, empty where they have not. */
enum err store_member_timezone(struct store *store, struct arena *arena, int64_t member,
                               struct str *out) MUST_USE;

/* The pass of a version over all members, oldest first. version 0: there was none yet. */
struct arming {
    int version;
    int64_t through; // member it is behind
    int64_t members; // seen so far
    int64_t begun_at;
    int64_t finished_at; // AT_NEVER: it goes on
};
enum err store_arming_read(struct store *store, struct arena *arena, struct arming *out) MUST_USE;

/* Begins a pass for another version than the last; where nobody has to be armed it is finished at
 * once. */
enum err store_arming_begin(struct store *store, int version, int64_t now, bool is_needed) MUST_USE;

/* The next members of a pass, at most `max`. */
enum err store_arming_members(struct store *store, struct arena *arena, const struct arming *arming,
                              size_t max, int64_t **out, size_t *n) MUST_USE;

/* Notes that n members through one were seen; without effect where another process was faster. */
enum err store_arming_advance(struct store *store, const struct arming *arming, int64_t through,
                              size_t n) MUST_USE;
enum err store_arming_finish(struct store *store, const struct arming *arming,
                             int64_t now) MUST_USE;

#endif
