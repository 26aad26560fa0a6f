/* Rows of work for other members (core/relay.h), as the engine finds them.
 *
 * A row is leased to the process that writes it, which does it right after its batch. Where that
 * process ends in between, the lease runs out and another one claims the row: nothing is lost. The
 * row goes with the decision that does the work, whose natural key is made of the cause: nothing is
 * done twice. Leases go by the machine's clock, also where there is a test clock.
 *
 * Owns:    nothing.
 * Threads: that of the store.
 * Memory:  the arena given.
 * Errors:  those of the store.
 * Limits:  RELAYS_PER_ROUND rows at once; a failing row is tried again after RELAY_LEASE_MS, twice
 * as long every time, at most RELAY_WAIT_MS_MAX.
 */
#ifndef LOYALD_STORE_RELAYS_H
#define LOYALD_STORE_RELAYS_H

#include "store/store.h"

enum { RELAYS_PER_ROUND = 1000, RELAY_LEASE_MS = 5000, RELAY_WAIT_MS_MAX = 3600000 };

struct relay_row {
    int64_t id;
    int64_t cause;    // the event whose decision left it
    size_t position;  // among what that decision left
    int64_t attempts; // claims so far; the writer's own try is not one
    struct relay relay;
};

/* How long a row waits after so many attempts. */
int64_t relay_wait_ms(int64_t attempts);

/* Adds rows, leased to this store until an instant; in a transaction of the caller's. Their ids are
 * drawn at `now`. */
enum err store_relays_add(struct store *store, struct arena *arena, struct relay_row *rows,
                          size_t n, int64_t now, int64_t lease_until) MUST_USE;

/* Writes what a batch leaves for others, ends what it has done, and wakes what waited for members
 * it resumes. */
enum err store_relays_apply(struct store *store, struct arena *arena,
                            const struct batch_effects *effects) MUST_USE;

/* Whether this store has leased rows since it was asked last. */
bool store_relays_leased(struct store *store);

/* Rows that this store has leased, in the order in which they came up, at most RELAYS_PER_ROUND. */
enum err store_relays_read(struct store *store, struct arena *arena, struct relay_row **out,
                           size_t *n) MUST_USE;

/* Leases rows whose lease has run out at `now` (the machine's clock); in a transaction of the
 * caller's. */
enum err store_relays_claim(struct store *store, struct arena *arena, int64_t now) MUST_USE;

#endif
