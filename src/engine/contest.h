/* Closing and drawing contests.
 *
 * At its close a contest's entries get their hash, in the books and in the audit log; from then on
 * nothing changes them. The draw writes who has won and leaves each winner a row of work
 * (core/relay.h), which becomes their event contest.won right after.
 *
 * Owns:    nothing.
 * Threads: the lane's: both are jobs in a transaction of the lane.
 * Memory:  the arena given.
 * Errors:  those of the store; of a draw also ERR_NOT_FOUND, ERR_CLOSED (the contest is still
 *          open).
 * Limits:  CONTEST_ENTRIES_ALL_MAX.
 */
#ifndef LOYALD_ENGINE_CONTEST_H
#define LOYALD_ENGINE_CONTEST_H

#include "store/contests.h"

/* Closes what the program in force has and what is over at `now`. */
enum err contests_close(struct store *store, struct arena *arena, int64_t now) MUST_USE;

/* A draw as the lane does it. */
struct contest_job {
    struct str slug;  // which
    struct str actor; // who asks, for the audit log
    struct fail *f;
    struct contest_row
        row; // as it stands afterwards; its texts in the lane's arena: read again for an answer
    bool is_first; // drawn by this job; false: it had been
};
enum err contest_draw_job(struct store *store, struct arena *arena, void *self) MUST_USE;

#endif
