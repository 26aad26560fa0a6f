/* When a program's own schedules are due. Private to core/moment*.c.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  the arena given.
 * Errors:  none.
 * Limits:  nothing is due after the year YEAR_LAST.
 */
#ifndef LOYALD_MOMENT_SCHEDULE_H
#define LOYALD_MOMENT_SCHEDULE_H

#include "core/moment.h"

/* What its instants are computed from: a day, or for the enrolment its instant. False: the member
 * has no such date. */
bool schedule_base(const struct schedule *schedule, const struct facts *facts,
                   const struct state *state, int64_t *base);

/* The first instant after another, by the moment's base; AT_NEVER where there is none, or where it
 * has come for this date. */
int64_t schedule_due(const struct schedule *schedule, const struct zone *zone,
                     const struct moment *moment, int64_t after);

/* Which step of a schedule that repeats is due at due_at. */
int schedule_step(const struct schedule *schedule, const struct zone *zone,
                  const struct moment *moment);

/* Sets "schedule", "date" and "number" in data: its slug, the date, and of one that repeats which
 * time it is. */
void schedule_data(struct arena *arena, const struct schedule *schedule, const struct zone *zone,
                   const struct moment *moment, struct json *data);

#endif
