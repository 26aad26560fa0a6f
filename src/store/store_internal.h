/* What the files of store/ share. Private to store/. */
#ifndef LOYALD_STORE_INTERNAL_H
#define LOYALD_STORE_INTERNAL_H

#include "store/clock.h"
#include "store/store.h"

#include "base/recent.h"
#include "queries.h"

struct program_entry {
    int version;
    int64_t effective_at;
    int64_t published_at;
    struct str document;
    struct str zones;
    const struct program *program; // NULL: not compiled yet
    bool is_damaged;               // its sum is another: it decides nothing
};

struct store_base {
    struct arena arena;
    struct store_config config; // with defaults filled in
    struct vault_config vault_config;
    struct vault *vault;
};

struct store {
    struct store_base *base;
    struct db *db;
    struct vault_keys *keys;
    struct id_source ids;
    int64_t relay_owner; // this store's name in leases of rows of work; drawn when it is opened
    bool has_relays;     // rows of work were leased since store_relays_leased() was asked
    _Atomic int64_t *ids_floor; // of the lanes together, or NULL
    bool ids_are_synced;        // the newest ids were looked at under this process number
    int64_t *frozen; // members, ascending; under the epoch of the programs, in their arena
    size_t frozen_n;
    // programs, under their epoch
    struct arena programs_arena;
    int64_t programs_epoch; // 0: none loaded
    struct symbols symbols;
    bool symbols_are_damaged;
    struct program_entry *programs;
    size_t programs_n;
    bool remembers;           // identifiers, on SQLite
    struct recent members;    // by their identifiers' hashes
    struct arena zones_arena; // members' time zones
    const struct zone *zones[STORE_ZONES_MAX];
    size_t zones_n;
};

/* store_audit_write() without a store: while there is none yet. `vault` may be NULL for an entry
 * without texts. */
struct audit_entry;
enum err audit_append(struct db *db, const struct vault *vault, struct arena *arena,
                      const struct audit_entry *entry) MUST_USE;

/* Whether a fingerprint has the bytes that one has. Earlier releases kept all of its hash's, which
 * begin with ours. */
static inline bool fingerprint_is_whole(struct str stored)
{
    return stored.n == VAULT_FINGERPRINT_BYTES || stored.n == VAULT_HASH_BYTES;
}

/* ERR_IN_USE for each contest of `before`, the version in force until `at`, that has opened by then
 * and was not drawn where `after` has it no more, has it open later, or closed by then: members may
 * have entered, may be entering, or have orders that enter on completion. */
enum err contests_keep(struct store *store, struct arena *arena, const struct program *before,
                       const struct program *after, int64_t at, struct fail *f) MUST_USE;

/* Deletes identifiers: rows of kind, hash and member; or all of a member, which walks over the
 * table. */
enum { IDENTIFIER_COLS = 3 };
enum err identifiers_delete(struct store *store, const struct db_value *rows, size_t n) MUST_USE;
enum err identifiers_delete_of(struct store *store, int64_t member) MUST_USE;

/* Where a member's sealed profile lives. */
#define PROFILE_PLACE(owner)                                                                       \
    ((struct vault_place){.table = "member", .column = "sealed", .owner_id = (owner)})

/* A row of the clear profile as the statement member_clears_write takes it. */
enum { CLEAR_COLS = 12 };
void clear_row(int64_t member, const struct clear_profile *clear, struct db_value row[CLEAR_COLS]);

enum { STORE_PROGRAMS_BYTES_MAX = 512 * 1024 * 1024, STORE_ZONES_BYTES_MAX = 64 * 1024 * 1024 };

/* Fills in the paths that a configuration leaves open. */
enum err store_config_resolve(struct arena *arena, const struct store_config *config,
                              struct store_config *out, struct vault_config *vault_config) MUST_USE;

/* The sealed and clear records of an event row. */
struct str event_row_content(struct arena *arena, const struct decision *decision);
struct str event_row_sealed(struct arena *arena, const struct vault_key *key,
                            const struct decision *decision);

struct str held_row_sealed(struct arena *arena, const struct vault_key *key, int64_t held_id,
                           const struct event *event);

/* Reads row i of a result with the columns of events_read: ERR_INTEGRITY where it is damaged;
 * *opens false where its sealed part does not open (a key of version 0 opens nothing and is no
 * fault). */
enum err event_row_check(struct arena *arena, struct db_result *rows, size_t i,
                         const struct vault_key *key, bool *opens, struct event_row *out) MUST_USE;

/* The same for held_find's columns. */
enum err held_row_check(struct arena *arena, struct db_result *rows, size_t i,
                        const struct vault_key *key, struct held_event *out) MUST_USE;

/* Reads row i of transfers_of_member; false where it is damaged: then kind and accounts are those
 * of no legal transfer. */
bool transfer_row_read(struct db_result *rows, size_t i, struct transfer *out);

enum { EVENT_RECORD_BYTES_MAX = 32 * 1024 * 1024, STATE_BYTES_MAX = 64 * 1024 * 1024 };

#endif
