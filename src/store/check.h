/* What the self-check (engine/verify) asks of the store: slices of rows as they stand, damaged ones
 * too, and the checks that compare one table with another.
 *
 * Owns:    nothing.
 * Threads: that of the store; a reading one of its own, so that nobody waits.
 * Memory:  the arena given; it may be reset after every slice, but for what struct chain_pass says.
 * Errors:  ERR_INTEGRITY where the database itself cannot read on; what is wrong with a row goes to
 *          the listener instead.
 * Limits:  CHECK_SLICE rows per slice, which bounds how long a snapshot lives.
 */
#ifndef LOYALD_STORE_CHECK_H
#define LOYALD_STORE_CHECK_H

#include "store/store.h"

#include "base/map.h"

enum {
    CHECK_SLICE = 2048,
    CHECK_MEMBERS = 256,
    CHECK_PAGE = 256,
    CHECK_CHAIN_MEMBERS_MAX = 2000000
};

/* The ten invariants, by the numbers that they have everywhere. */
enum invariant {
    INV_DOUBLE_ENTRY = 1,
    INV_BALANCES = 2,
    INV_LOTS = 3,
    INV_NEGATIVE = 4,
    INV_REDEMPTIONS = 5,
    INV_NATURAL_KEYS = 6,
    INV_CHAINS = 7,
    INV_SEALED = 8,
    INV_INDEXES = 9,
    INV_DATABASE = 10,
    INVARIANTS_N = 11
};

/* Told of every violation. `row` names the row as people do: "evt_…", "mbr_…", a number, or hex. */
struct check_listener {
    void *self;
    void (*fault)(void *self, enum invariant invariant, const char *table, struct str row,
                  const char *text);
    bool (*pause)(void *self); // between two pages of one member's history; false: stop
};

/* The name of a row by its id: "trf_…". */
struct str check_row(struct arena *arena, const char prefix[ID_PREFIX_CHARS], int64_t id);

/* ---- members, one snapshot per slice ---- */

struct check_chunk {
    int64_t kind;
    int64_t number;
    struct str data;
};

struct check_member {
    int64_t id;
    int64_t status;       // enum member_status
    struct vault_key key; // version 0: none
    bool has_state;
    int64_t state_version;
    struct str state;
    struct check_chunk *chunks;
    size_t chunks_n;
    bool has_timer;
    int64_t timer_at;
};

struct check_slice {
    struct check_member *members;
    size_t n;
    int64_t last; // where to go on
    bool is_end;
};

/* The next CHECK_MEMBERS members above an id. What can be seen without the books goes to the
 * listener: rows of nobody, profiles that do not open, keys that are missing without an erasure,
 * indexes that are missing, what is left of the forgotten. Keys are in the slice: wipe it with
 * store_check_wipe(). */
enum err store_check_members(struct store *store, struct arena *arena, int64_t after,
                             const struct check_listener *listener,
                             struct check_slice *out) MUST_USE;
void store_check_wipe(struct check_slice *slice);

/* One page of a member's history, newest first from an id on. */
struct check_event {
    struct event_row row;
    bool is_readable; // false: a fault was told, only row.id and row.previous hold
    int64_t outcome;  // the column
    int64_t kind;     // the column
};
enum err store_check_events(struct store *store, struct arena *arena,
                            const struct check_member *member, int64_t from_id,
                            const struct check_listener *listener, struct check_event **out,
                            size_t *n) MUST_USE;
enum err store_check_transfers(struct store *store, struct arena *arena,
                               const struct check_member *member, int64_t from_id,
                               const struct check_listener *listener, struct transfer **out,
                               size_t *n) MUST_USE;

/* ---- tables, one snapshot per slice ---- */

struct check_cursor {
    int64_t member;
    int64_t id;
    int64_t kind;
    unsigned char hash[VAULT_HASH_BYTES];
    int64_t now;    // the booking instant
    int64_t rows_n; // looked at so far
    bool is_end;
};

/* Each looks at one slice and moves the cursor, which begins as zeros but for `now`. */
enum err store_check_identifiers(struct store *store, struct arena *arena,
                                 struct check_cursor *cursor,
                                 const struct check_listener *listener) MUST_USE;
enum err store_check_words(struct store *store, struct arena *arena, struct check_cursor *cursor,
                           const struct check_listener *listener) MUST_USE;
enum err store_check_keys(struct store *store, struct arena *arena, struct check_cursor *cursor,
                          const struct check_listener *listener) MUST_USE;
enum err store_check_sales(struct store *store, struct arena *arena, struct check_cursor *cursor,
                           const struct check_listener *listener) MUST_USE;
enum err store_check_held(struct store *store, struct arena *arena, struct check_cursor *cursor,
                          const struct check_listener *listener) MUST_USE;
enum err store_check_released(struct store *store, struct arena *arena, struct check_cursor *cursor,
                              const struct check_listener *listener) MUST_USE;
enum err store_check_relays(struct store *store, struct arena *arena, struct check_cursor *cursor,
                            const struct check_listener *listener) MUST_USE;
enum err store_check_contests(struct store *store, struct arena *arena, struct check_cursor *cursor,
                              const struct check_listener *listener) MUST_USE;
enum err store_check_referral_codes(struct store *store, struct arena *arena,
                                    struct check_cursor *cursor,
                                    const struct check_listener *listener) MUST_USE;
enum err store_check_referral_hashes(struct store *store, struct arena *arena,
                                     struct check_cursor *cursor,
                                     const struct check_listener *listener) MUST_USE;
enum err store_check_referrals(struct store *store, struct arena *arena,
                               struct check_cursor *cursor,
                               const struct check_listener *listener) MUST_USE;
enum err store_check_reviews(struct store *store, struct arena *arena, struct check_cursor *cursor,
                             const struct check_listener *listener) MUST_USE;
enum err store_check_rewards(struct store *store, struct arena *arena, struct check_cursor *cursor,
                             const struct check_listener *listener) MUST_USE;
enum err store_check_purchases(struct store *store, struct arena *arena,
                               struct check_cursor *cursor,
                               const struct check_listener *listener) MUST_USE;

/* What the database finds wrong with a table by itself; the index-th of them, *is_end after the
 * last. */
enum err store_check_database(struct store *store, struct arena *arena, size_t index,
                              const struct check_listener *listener, bool *is_end) MUST_USE;

/* ---- chains: every row is on its member's chain ---- */

enum chain_kind { CHAIN_EVENTS, CHAIN_TRANSFERS };

struct chain_pass {
    enum chain_kind kind;
    struct arena
        arena; // the last row seen of each member; opened and closed by the functions below
    struct map last;
    int64_t part, parts; // members are looked at in parts, so that memory stays bounded
    bool rows_done;
    struct check_cursor cursor;
};
void store_check_chain_open(struct chain_pass *pass, enum chain_kind kind, int64_t part,
                            int64_t parts);
/* One slice: first of the rows, then of the heads. */
enum err store_check_chain(struct store *store, struct arena *arena, struct chain_pass *pass,
                           const struct check_listener *listener, bool *is_end) MUST_USE;
void store_check_chain_close(struct chain_pass *pass);

/* How many bytes the database's own check would have to read in one go; 0 where it checks itself.
 */
enum err store_check_bytes(struct store *store, struct arena *arena, int64_t *bytes) MUST_USE;

/* At most max members whose books were written last. */
enum err store_check_newest(struct store *store, struct arena *arena, size_t max, int64_t *members,
                            size_t *n) MUST_USE;

enum err store_members_count(struct store *store, struct arena *arena, int64_t *n) MUST_USE;

#endif
