/* Achievements: what an event adds to them, how often it completes them, and the books of both.
 *
 * Progress is a counter per period; a streak is a run of periods whose counters are above zero;
 * different values stand in the state one by one. What an event completes is judged from its
 * recorded inputs, so that a refund takes back just that.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  the arena given.
 * Errors:  ERR_OVERFLOW; ERR_CHAIN when completions follow each other too far.
 * Limits:  STATE_DISTINCTS_MAX, CHAIN_LEVELS_MAX.
 */
#ifndef LOYALD_ACHIEVEMENT_H
#define LOYALD_ACHIEVEMENT_H

#include "core/award_vars.h"
#include "core/ledger.h"

/* Adds to list->progress what the occasion brings, and to list->occasions what it completes. */
enum err achievement_run(struct arena *arena, struct award_env *env,
                         struct award_list *list) MUST_USE;

/* True when judging achievements needs counters that may be cold: streaks look back as far as they
 * go, periods to their first day. */
bool achievement_needs_counters(const struct program *program, const struct state *state,
                                const struct event *event);

/* Books (sign 1) or takes back (sign -1) what a list counted. */
enum err achievement_book(struct booking *b, const struct program *program,
                          const struct award_list *list, int sign) MUST_USE;

/* Sets or clears the instants of first completion, once all is booked. */
void achievement_book_first(struct booking *b, const struct program *program,
                            const struct award_list *list);

/* How an achievement stands in a period that a day lies in. */
struct achievement_standing {
    int64_t value; // towards the next completion, in units of the target
    int64_t target;
    int64_t completed;    // times, in all
    int64_t completed_at; // when first, in ms; 0: never
};
struct achievement_standing achievement_standing(const struct state *state,
                                                 const struct achievement *a, int32_t day);

#endif
