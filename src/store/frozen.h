/* Members whose books are damaged: nothing more is written of them until somebody has looked
 * (docs/verify.md).
 *
 * Owns:    the list of frozen members that a store has read, under the instance's epoch.
 * Threads: that of the store.
 * Memory:  the arena given; the list lives in the store.
 * Errors:  the database's.
 * Limits:  FROZEN_MAX are known at once.
 */
#ifndef LOYALD_STORE_FROZEN_H
#define LOYALD_STORE_FROZEN_H

#include "store/store.h"

enum { FROZEN_MAX = 100000 };

struct frozen_member {
    int64_t member;
    int64_t at;
    int invariant;    // enum invariant, 1 … 10
    struct str place; // the table and row that are wrong
    struct str detail;
};

/* Reads the list anew: store_programs_refresh() calls it when the epoch has changed. */
enum err store_frozen_refresh(struct store *store, struct arena *scratch) MUST_USE;

/* True when nothing may be written of that member. Holds for the epoch that was last refreshed. */
bool store_member_is_frozen(const struct store *store, int64_t member);

/* Freezes in the running transaction, for every process from its next batch on. *is_new false: they
 * were frozen before, and the first reason stays. */
enum err store_member_freeze(struct store *store, const struct frozen_member *frozen,
                             bool *is_new) MUST_USE;

/* The other way; timers that were given up meanwhile run again. *was_frozen false: they were not.
 */
enum err store_member_unfreeze(struct store *store, int64_t member, bool *was_frozen) MUST_USE;

/* How many there are. */
enum err store_frozen_count(struct store *store, struct arena *arena, int64_t *n) MUST_USE;

/* At most n of them, by id. */
enum err store_frozen_list(struct store *store, struct arena *arena, size_t max,
                           struct frozen_member **out, size_t *n) MUST_USE;

#endif
