/* Contests: their entries, what was published of them, what they are called.
 *
 * `contest` is the symbol of the wallet that holds a contest's entries.
 *
 * Owns:    nothing.
 * Threads: that of the store.
 * Memory:  the arena given.
 * Errors:  those of the store.
 * Limits:  CONTEST_ENTRIES_ALL_MAX entries in one contest.
 */
#ifndef LOYALD_STORE_CONTESTS_H
#define LOYALD_STORE_CONTESTS_H

#include "core/contest.h"
#include "store/store.h"

enum { CONTEST_ENTRIES_ALL_MAX = 5000000 };

/* What was published when the contest closed, and at the draw. */
struct contest_row {
    bool exists; // closed
    struct str slug;
    int64_t closes_at;
    int64_t entries, tickets;
    unsigned char entries_hash[CONTEST_HASH_BYTES];
    int64_t drawn_at;  // 0: not drawn
    struct str result; // JSON text: {"winners":[…],"withdrawn":[…]}
};
enum err store_contest_read(struct store *store, struct arena *arena, int32_t contest,
                            struct contest_row *out) MUST_USE;

/* Entries as they stood when the contest closed, in their order, those after a lot (0: from the
 * first), at most `max`. */
enum err store_contest_entries(struct store *store, struct arena *arena,
                               const struct contest *contest, int32_t symbol, int64_t after,
                               size_t max, struct contest_entry **out, size_t *n) MUST_USE;

/* A member's tickets as they stood when the contest closed: what the list and the draw have of
 * them. */
enum err store_contest_tickets(struct store *store, struct arena *arena,
                               const struct contest *contest, int32_t symbol, int64_t member,
                               int64_t *out) MUST_USE;

/* Writes what is published; in a transaction of the caller's. False in *is_first: another process
 * was faster. */
enum err store_contest_close(struct store *store, int32_t contest, const struct contest_row *row,
                             bool *is_first) MUST_USE;
enum err store_contest_drawn(struct store *store, int32_t contest, int64_t now, struct str result,
                             bool *is_first) MUST_USE;

/* The contest's secret, and what a member is called in its list. Both follow from keys of the
 * instance and the contest's name. */
void store_contest_seed(const struct store *store, struct str slug,
                        unsigned char out[CONTEST_HASH_BYTES]);
void store_contest_alias(const struct store *store, struct str slug, int64_t member,
                         unsigned char out[CONTEST_ALIAS_BYTES]);

/* Writes the entries that a batch has given and taken. */
enum err store_contests_apply(struct store *store, struct arena *arena,
                              const struct batch_effects *effects) MUST_USE;

#endif
