/* Issued rewards, their codes, coupon pools and redemption codes, as the batch and the API read
 * them.
 *
 * Owns:    nothing.
 * Threads: that of the store.
 * Memory:  the arena given.
 * Errors:  those of the store.
 * Limits:  POOL_CODES_MAX codes in a pool.
 */
#ifndef LOYALD_STORE_REWARDS_H
#define LOYALD_STORE_REWARDS_H

#include "store/store.h"

enum { POOL_CODES_MAX = 100000000, COUPONS_PER_WRITE = 5000 };

/* Rewards of one member by id, with their codes; ids that are not there are left out. */
enum err store_issued_load(struct store *store, struct arena *arena,
                           const struct member_facts *member, const int64_t *ids, size_t n,
                           struct issued **out, size_t *out_n) MUST_USE;

/* At most n rewards of a member, newest first from one on (0: none). */
enum err store_issued_list(struct store *store, struct arena *arena,
                           const struct member_facts *member, int64_t from_id, size_t n,
                           struct issued **out, size_t *out_n) MUST_USE;

/* Whose an issued reward is; 0: nobody's. */
enum err store_issued_owner(struct store *store, struct arena *arena, int64_t id,
                            int64_t *member) MUST_USE;

/* Issued rewards by code: ids[i] and members[i] are 0 where there is none. */
enum err store_codes_find(struct store *store, struct arena *arena, const struct str *codes,
                          size_t n, int64_t *ids, int64_t *members) MUST_USE;

/* Codes of a pool by number, opened: what a reward is issued with. ERR_INTEGRITY where one is
 * missing. */
enum err store_coupon_read(struct store *store, struct arena *arena, int32_t pool, int64_t number,
                           struct str *code) MUST_USE;

/* Adds codes to a pool after the `uploaded` ones it has, in a transaction of the caller's. Those
 * that it has already, or that come twice, are left out: *added and *duplicates count,
 * is_duplicate[i] says which. */
enum err store_coupons_add(struct store *store, struct arena *arena, int32_t pool, int64_t uploaded,
                           const struct str *codes, size_t n, bool *is_duplicate,
                           int64_t *added) MUST_USE;

/* Redemption codes by hash: definition (symbol, 0: none) and uses of each. */
struct redemption {
    unsigned char hash[VAULT_HASH_BYTES];
    int32_t definition;
    int64_t used;
};
enum err store_redemptions_find(struct store *store, struct arena *arena, struct redemption *list,
                                size_t n) MUST_USE;

/* Adds codes of a definition in a transaction of the caller's; is_known[i] tells those that are
 * there already. */
enum err store_redemptions_add(struct store *store, struct arena *arena, int32_t definition,
                               const struct str *codes, size_t n, bool *is_known,
                               int64_t *added) MUST_USE;

/* Counters for all members together, by symbol; read, and set in a transaction of the caller's. */
enum err store_shared_value(struct store *store, struct arena *arena, int32_t symbol,
                            int64_t *out) MUST_USE;
enum err store_shared_set(struct store *store, struct arena *arena, int32_t symbol,
                          int64_t value) MUST_USE;

/* How many of each reward (symbol) were issued and not cancelled. */
struct issued_count {
    int32_t reward;
    int64_t n;
};
enum err store_issued_counts(struct store *store, struct arena *arena, struct issued_count **out,
                             size_t *n) MUST_USE;

/* Writes what a batch has issued and changed. */
enum err store_rewards_apply(struct store *store, struct arena *arena,
                             const struct batch_effects *effects) MUST_USE;

#endif
