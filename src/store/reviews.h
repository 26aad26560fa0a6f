/* The list of reviews and what it adds up to.
 *
 * Owns:    nothing.
 * Threads: that of the store.
 * Memory:  the arena given.
 * Errors:  those of the store.
 * Limits:  the caller's page.
 */
#ifndef LOYALD_STORE_REVIEWS_H
#define LOYALD_STORE_REVIEWS_H

#include "store/store.h"

struct review_row {
    int64_t member;
    int64_t id;
    int64_t purchase; // event id
    struct str sku;   // empty: the store is reviewed
    struct str store; // where it was bought, empty: unknown
    int stars;
    enum review_state state;
    int64_t submitted_at;
    int64_t decided_at; // 0: not by staff
};

/* What is asked for; zeros and empty texts: everything. */
struct review_filter {
    int64_t member;
    struct str sku, store;
    int stars;
    enum review_state state;
    int64_t before; // reviews with smaller ids, INT64_MAX: from the newest on
    size_t n;
};
enum err store_reviews_list(struct store *store, struct arena *arena,
                            const struct review_filter *filter, struct review_row **out,
                            size_t *n) MUST_USE;

/* Those of all members in the order of their ids, after one: for the self-check. */
enum err store_reviews_after(struct store *store, struct arena *arena, int64_t after, size_t n,
                             struct review_row **out, size_t *out_n) MUST_USE;

/* ERR_NOT_FOUND: there is none. */
enum err store_review_read(struct store *store, struct arena *arena, int64_t id,
                           struct review_row *out) MUST_USE;

/* What is published of a product, or of a store itself. */
struct review_sum {
    struct str of; // sku or store
    int64_t count;
    int64_t stars_total;
    int64_t by_stars[REVIEW_STARS_MAX];
};

/* Of the one that is named, else of all after `after`, in their order, n at most. */
enum err store_review_sums(struct store *store, struct arena *arena, bool of_stores, struct str one,
                           struct str after, size_t n, struct review_sum **out,
                           size_t *out_n) MUST_USE;

/* Writes what a batch has noted. */
enum err store_reviews_apply(struct store *store, struct arena *arena,
                             const struct batch_effects *effects) MUST_USE;

/* At erasure. */
enum err store_reviews_forget(struct store *store, int64_t member) MUST_USE;

#endif
