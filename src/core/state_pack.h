/* Sections of a stored state that have a file of their own. Private to core/state_pack*.c.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  the arena given.
 * Errors:  in->is_bad on bytes that were not written here.
 * Limits:  STATE_FLOORS_MAX, STATE_KEPT_MAX, STATE_GIFTS_MAX, STATE_TIERS_BEFORE_MAX,
 * STATE_MOMENTS_MAX, STATE_SUBSCRIPTIONS_MAX, STATE_STAYS_MAX.
 */
#ifndef LOYALD_STATE_PACK_H
#define LOYALD_STATE_PACK_H

#include "base/pack.h"
#include "core/state.h"

/* What is kept of tiers beyond those reached: floors, periods kept, warnings, gifts. */
size_t state_tiers_n(const struct state *state);
void state_tiers_pack(struct buf *out, const struct state *state);
void state_tiers_unpack(struct arena *arena, struct unpack *in, struct state *state);

/* The latest stays. */
size_t state_stays_n(const struct state *state);
void state_stays_pack(struct buf *out, const struct state *state);
void state_stays_unpack(struct arena *arena, struct unpack *in, struct state *state);

/* Standings that a refund may bring back. */
size_t state_tiers_before_n(const struct state *state);
void state_tiers_before_pack(struct buf *out, const struct state *state);
void state_tiers_before_unpack(struct arena *arena, struct unpack *in, struct state *state);

/* The member's changing card. */
size_t state_card_n(const struct state *state);
void state_card_pack(struct buf *out, const struct state *state);
void state_card_unpack(struct arena *arena, struct unpack *in, struct state *state);

/* The instants that the clock waits for. */
size_t state_moments_n(const struct state *state);
void state_moments_pack(struct buf *out, const struct state *state);
void state_moments_unpack(struct arena *arena, struct unpack *in, struct state *state);
size_t state_moments_old_n(const struct state *state);
void state_moments_old_unpack(struct arena *arena, struct unpack *in, struct state *state);

/* Subscriptions. */
size_t state_subscriptions_n(const struct state *state);
void state_subscriptions_pack(struct buf *out, const struct state *state);
void state_subscriptions_unpack(struct arena *arena, struct unpack *in, struct state *state);

/* The referral that a member came by. */
size_t state_referral_n(const struct state *state);
void state_referral_pack(struct buf *out, const struct state *state);
void state_referral_unpack(struct arena *arena, struct unpack *in, struct state *state);

#endif
