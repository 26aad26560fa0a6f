/* Booking what awards are due: first decisions, differences after refunds and changes, counters.
 * Private to core/.
 *
 * Owns:    nothing.
 * Threads: one thread at a time.
 * Memory:  the booking's arena.
 * Errors:  ERR_OVERFLOW.
 * Limits:  those of the ledger.
 */
#ifndef LOYALD_BOOK_H
#define LOYALD_BOOK_H

#include "core/award.h"
#include "core/ledger.h"

/* Books all awards of a first decision: one lot per wallet, a transfer per rule; remainders, caps,
 * qualifying. */
enum err book_awards(struct booking *b, const struct award_view *view,
                     const struct award_list *list, bool is_order) MUST_USE;

/* Books what a purchase is due now against what it was due before. `policy` is the program whose
 * return policy holds. Transfers count from the purchase's terms. `facts` holds all of the
 * purchase's rewards. */
enum err book_difference(struct booking *b, const struct facts *facts, struct purchase *purchase,
                         const struct program *policy, const struct content *before,
                         const struct content *after) MUST_USE;

/* The same for a new content, which may be due rewards that the one before was not. */
enum err book_change(struct booking *b, const struct facts *facts, struct purchase *purchase,
                     const struct program *policy, const struct content *before,
                     const struct content *after) MUST_USE;

/* The same for an event without content, of which nothing is left: what it gave goes. */
enum err book_undone(struct booking *b, const struct facts *facts, const struct purchase *event,
                     const struct program *policy) MUST_USE;

/* Adds to the counters of purchases and spend on the purchase's local day. */
void book_sales(struct booking *b, const struct program *program, const struct event *purchase,
                int64_t purchases, int64_t spend);

/* The wallet by which points that paid for the purchase come back: that of `policy`, else of the
 * purchase's version; NULL where neither has it, and nothing can come back. */
const struct wallet *book_wallet_back(const struct purchase *purchase, const struct program *policy,
                                      int32_t symbol);

/* Gives back the points paid so that only the share of what is left stays paid. */
enum err book_restore(struct booking *b, struct purchase *purchase, const struct program *policy,
                      int64_t keep_points) MUST_USE;

#endif
