/* Moments: what the clock waits for on behalf of a member, beside what points, rewards and tiers
 * wait for: birthdays, anniversaries, the end of a silence, schedules, months of subscriptions.
 * docs/clock.md and docs/subscriptions.md say when each is due.
 *
 * Each stands in the member's state with the instant it is due at, computed anew ("armed") when it
 * has happened or when what it is computed from has changed. Members have none that no version in
 * force asks for.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  the arena given.
 * Errors:  ERR_RETRY where the member's time zone has to be loaded.
 * Limits:  STATE_MOMENTS_MAX per member: beyond, no more are armed.
 */
#ifndef LOYALD_MOMENT_H
#define LOYALD_MOMENT_H

#include "core/decide.h"

enum {
    MOMENT_MINUTE = 9 * 60,     // local time of birthdays and anniversaries
    MOMENT_YEAR_DAYS_MIN = 330, // a birthday is never nearer to the last
    YEAR_LAST = 9999,
    BIRTH_NOTICE_DAYS =
        30, // a birth date entered later than so many days before counts from next year
};

/* Brings the member's moments up to what the program and the facts say; keeps those that nothing
 * has changed for, unless `afresh`. Counts only what is due after the version's start, the
 * enrolment and the last time. *is_changed is set where anything has changed. ERR_RETRY with
 * needs->zone: what was done so far may stay, call again with the zone. */
enum err moments_arm(struct arena *arena, const struct program *program, const struct facts *facts,
                     bool afresh, struct state *state, struct needs *needs,
                     bool *is_changed) MUST_USE;

/* The earliest instant that a moment is due at, AT_NEVER: none. Whatever the version:
 * moments_forget() drops what nobody asks for. */
int64_t moments_due(const struct state *state);

/* Drops moments due at or before an instant that this version, in force at it, does not know. True
 * where there was one. */
bool moments_forget(struct state *state, const struct program *program, int64_t due);

/* The first moment due at or before an instant, or NULL; its plan (which the program must have). */
struct moment *moments_first(struct state *state, const struct program *program, int64_t due,
                             const struct moment_plan **plan);

/* Makes the event of a moment and notes that it has happened. */
void moment_fire(struct arena *arena, const struct moment_plan *plan, const struct facts *facts,
                 struct moment *moment, struct event *event);

#endif
