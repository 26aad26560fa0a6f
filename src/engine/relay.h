/* The relay: work that a decision has left for other members becomes events of theirs, right after
 * the batch.
 *
 * Owns:    nothing.
 * Threads: the lane's.
 * Memory:  the arena given, which must live until the submissions are answered.
 * Errors:  those of the store. What concerns one row stays with it: it waits and is tried again, it
 *          is never lost.
 * Limits:  RELAYS_PER_ROUND, RELAY_ROUNDS_MAX rounds after one batch; the clock does what is left.
 */
#ifndef LOYALD_ENGINE_RELAY_H
#define LOYALD_ENGINE_RELAY_H

#include "engine/batch.h"
#include "store/relays.h"

enum { RELAY_ROUNDS_MAX = 64 };

/* What this process has leased, as submissions. */
enum err relays_take(struct store *store, struct arena *arena, struct submission ***list,
                     size_t *n) MUST_USE;

/* A job: leases what another process has left undone. */
enum err relays_claim(struct store *store, struct arena *arena, void *self) MUST_USE;

struct batch;

/* False where the event cannot be booked yet: the member is suspended, or what it is about is not
 * in the books. Then it waits, and nothing of it is noted. */
bool relay_may_be_booked(struct batch *b, struct submission *submission,
                         const struct decision *decision);

/* What becomes of the row when its submission is through: it goes, or waits. */
void relay_settle(struct batch *b, struct submission *submission);

#endif
