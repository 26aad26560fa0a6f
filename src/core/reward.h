/* Rewards: who may have one, issuing, using, taking back. Private to core/.
 *
 * A member's state knows the open ones by id and expiry; everything else stands in the reward's own
 * row, which is loaded when an event names it. Stock and pools are counters for all members
 * together.
 *
 * Owns:    nothing.
 * Threads: one thread at a time.
 * Memory:  the booking's arena.
 * Errors:  ERR_OVERFLOW; refusals are reasons.
 * Limits:  STATE_REWARDS_MAX, STATE_REWARDS_HELD_MAX, REWARD_QUANTITY_MAX.
 */
#ifndef LOYALD_REWARD_H
#define LOYALD_REWARD_H

#include "core/award_vars.h"
#include "core/ledger.h"

/* Why the member may not have the reward at the event's time, stock and limits aside. */
enum reason reward_refusal(struct award_env *env, const struct reward *reward);

/* How many more there may be, REWARD_QUANTITY_MAX at most; *why is what limits it. `state` counts
 * the member's own. */
int64_t reward_room(const struct award_view *view, const struct state *state,
                    const struct shared_use *added, size_t added_n, const struct reward *reward,
                    enum reason *why);

/* What the member pays: NULL where there is no price for them. */
const struct reward_price *reward_price(struct award_env *env, const struct reward *reward);

/* What the reward is worth where the member lives; NULL: it has no markets, or none of them is the
 * member's. */
const struct reward_market *reward_market(const struct award_env *env, const struct reward *reward);

/* Issues one: pays its price, counts it, notes it. */
struct issue {
    const struct award_view *view;
    const struct reward *reward;
    const struct reward_market *market; // NULL: no markets
    int32_t origin; // symbol of the rule that gives it, 0: bought, the reward's own: by itself
    const struct reward_price *price; // NULL: free
    int64_t event;                    // that it belongs to
};
enum err reward_issue(struct booking *b, const struct issue *issue) MUST_USE;

/* A copy of a loaded reward to change; the same one for each further change in this decision. */
struct issued *reward_change(struct booking *b, const struct issued *issued);

/* The reward as this decision has left it so far. */
const struct issued *reward_now(const struct booking *b, const struct issued *issued);

/* Closes: used up, cancelled, expired. */
void reward_close(struct booking *b, struct issued *issued, enum issued_state state);

/* Cancels: points, stock and the member's count come back. `policy` is the program whose wallets
 * hold. */
enum err reward_cancel(struct booking *b, struct issued *issued,
                       const struct program *policy) MUST_USE;

/* Whether there is room for a used one to be open again; beyond it stays used. */
bool reward_may_reopen(const struct booking *b, const struct issued *issued);

/* Opens a used one again; it lives at least `min_days` more. */
void reward_reopen(struct booking *b, struct issued *issued, int min_days);

/* The state as of an instant: a reservation ends by itself. */
enum issued_state reward_state_at(const struct issued *issued, int64_t at);

/* Issues what the rules of a list give. */
enum err reward_book_grants(struct booking *b, const struct award_view *view,
                            const struct award_list *list, int64_t event) MUST_USE;

/* Takes back what a purchase gave and is not due any more; what was used is noted as not recovered.
 * `facts` holds all of the purchase's rewards. */
enum err reward_book_less(struct booking *b, const struct facts *facts, struct purchase *purchase,
                          const struct award_list *was, const struct award_list *is) MUST_USE;

/* Gives what a new content has more of; from then on it is the purchase's. `now` as in the list's
 * view. */
enum err reward_book_more(struct booking *b, struct purchase *purchase,
                          const struct award_view *now, const struct award_list *is) MUST_USE;

/* Takes one back, or notes that it was used. */
enum err reward_take_back(struct booking *b, const struct issued *issued,
                          const struct program *policy) MUST_USE;

/* Before points of a wallet are taken back from a purchase: what was bought by itself goes first,
 * as far as needed. */
enum err reward_make_room(struct booking *b, const struct facts *facts,
                          const struct purchase *purchase, int32_t wallet, int64_t points) MUST_USE;

/* Loaded rewards of the purchase that are missing from the facts are asked for in *needs. */
bool reward_lacks(struct arena *arena, const struct facts *facts, const struct purchase *purchase,
                  struct needs *needs);

#endif
