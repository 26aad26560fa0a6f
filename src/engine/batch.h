/* A batch: submissions decided one by one in memory and applied together.
 *
 * Owns:    nothing.
 * Threads: that of the store.
 * Memory:  an arena of the caller, reset between batches.
 * Errors:  batch_run() returns what concerns all (the database's); what concerns one stands in its
 *          submission.
 * Limits:  TIMERS_PER_EVENT_MAX per member and submission.
 */
#ifndef LOYALD_BATCH_H
#define LOYALD_BATCH_H

#include "engine/submission.h"

enum batch_mode {
    BATCH_APPLY, // in a write transaction that batch_run() begins and commits
    // The same, but for events of members it is supposed that they were never sent before, and
    // inserting their natural keys tells: one way down a large table less for each. ERR_RETRY where
    // one was, or where nothing was inserted that could tell: then BATCH_APPLY looks.
    BATCH_APPLY_NEW,
    BATCH_WITHIN,  // in the caller's write transaction, which the caller ends whatever comes of it
    BATCH_DRY_RUN, // from a read snapshot, nothing written, ids are not real
};

/* Runs a batch. On an error nothing is applied, and the submissions may be run again. */
enum err batch_run(struct store *store, struct arena *arena, struct submission **list, size_t n,
                   enum batch_mode mode) MUST_USE;

/* Checks an event's envelope against the program: type, data of custom types, currency, store,
 * time. */
enum err event_check(const struct program *program, const struct event *event, int64_t now,
                     bool may_import, struct fail *f) MUST_USE;

#endif
