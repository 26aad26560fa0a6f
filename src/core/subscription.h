/* Subscriptions: what a member has that goes on by the month; how their months are counted.
 * docs/subscriptions.md.
 *
 * A month runs from the day of the start to the day before the same day of the next month, clamped
 * to its length. It is kept where the subscription was not paused on any of its days and, where the
 * program asks for it, was paid.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  the arena given.
 * Errors:  none; refusals are outcomes.
 * Limits:  STATE_SUBSCRIPTIONS_MAX per member; the one cancelled longest ago makes room.
 */
#ifndef LOYALD_SUBSCRIPTION_H
#define LOYALD_SUBSCRIPTION_H

#include "core/decide.h"

/* "active", "paused", "cancelled". */
struct str subscription_state_slug(enum subscription_state state);

/* The member's subscription of that key, or number, or NULL. */
struct subscription *subscription_find(struct state *state, uint64_t key);
struct subscription *subscription_numbered(struct state *state, int64_t number);

/* The day after the n-th month from the start, n >= 0. */
int32_t subscription_month_end(const struct subscription *s, int32_t n);

/* True for one that has started and was not cancelled: time counts. */
bool subscription_runs(const struct subscription *s);

/* When the next month of one that runs is judged: at a minute of the day after it, in the program's
 * zone, or at once where a month was paid afterwards. AT_NEVER: none is left to judge. */
int64_t subscription_due(const struct program *program, const struct subscription *s, int minute);

/* Judges what is due: the month at hand, or one that was paid afterwards. True where it was kept.
 */
bool subscription_judge(const struct program *program, struct subscription *s);

/* Judges whatever is complete at an instant; no events come of it. */
void subscription_advance(const struct program *program, struct subscription *s, int64_t at);

/* What conditions may read: subscription.id, .plan (where one is known), .state, .start,
 * .months_kept, .days. */
void subscription_about(struct arena *arena, const struct program *program,
                        const struct subscription *s, struct str id, int64_t at,
                        struct about *about);

/* The id that a subscription's event has given it, from the facts' openings; false where it has to
 * be loaded first. */
bool subscription_id(const struct facts *facts, const struct subscription *s, struct str *id);

#endif
