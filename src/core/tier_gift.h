/* What rules give of tiers, and what coming to a tier gives. Private to core/.
 *
 * What a tier gave is written down piece by piece in the member's state for as long as a refund can
 * take the tier back: with the tier go its points, counts and unused rewards.
 *
 * Owns:    nothing.
 * Threads: one thread at a time.
 * Memory:  the booking's arena.
 * Errors:  ERR_OVERFLOW; ERR_RETRY where rewards have to be loaded.
 * Limits:  STATE_FLOORS_MAX, STATE_GIFTS_MAX.
 */
#ifndef LOYALD_TIER_GIFT_H
#define LOYALD_TIER_GIFT_H

#include "core/award.h"
#include "core/ledger.h"

/* Gives the tiers of a list's effects, from one on, as floors of the event. `now` is the program at
 * booking. */
enum err tier_gift_floors(struct booking *b, const struct program *now,
                          const struct award_view *view, const struct award_list *list, size_t from,
                          int64_t event) MUST_USE;

/* Ends the floors that a purchase gave and that are not due any more, and gives those that are. */
enum err tier_gift_difference(struct booking *b, const struct facts *facts,
                              const struct purchase *purchase, const struct award_list *was,
                              const struct award_list *is) MUST_USE;

/* Books what follows from a change of a tier: the part of a list since a mark. */
struct tier_gift_mark {
    size_t awards, grants, progress, tiers, issued;
    int64_t *caps_used;
};
void tier_gift_mark(struct arena *arena, const struct program *program,
                    const struct award_list *list, const struct decision *d,
                    struct tier_gift_mark *out);
enum err tier_gift_book(struct booking *b, const struct program *now, const struct award_view *view,
                        const struct award_list *list, const struct tier_gift_mark *since) MUST_USE;

/* Writes down what was booked since the mark as the gift of a change that a refund can undo. */
enum err tier_gift_note(struct booking *b, const struct award_view *view,
                        const struct award_list *list, const struct tier_gift_mark *since,
                        const struct tier_change *change) MUST_USE;

/* Takes back what the tiers of a set above `to` through `from` gave. */
enum err tier_gift_undo(struct booking *b, const struct facts *facts, struct needs *needs,
                        const struct tier_set *set, size_t to, size_t from) MUST_USE;

/* Forgets what they gave: no refund takes those tiers back any more. */
void tier_gift_forget(struct state *state, const struct tier_set *set, size_t above);

#endif
