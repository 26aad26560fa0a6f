/* Checkpoints beside the lane: SQLite's log moves into the database file without the lane waiting
 * for it.
 *
 * A thread of its own moves the log's pages into the file and writes them back while the lane goes
 * on appending. Each pass leaves fewer pages behind, namely those that the lane has added
 * meanwhile. The last few are the lane's: between two batches nobody appends, so it can finish the
 * checkpoint in milliseconds, and its next batch begins the log anew, over the old one.
 *
 * Owns:    one thread and its store.
 * Threads: checkpointer_turn() the lane's; the rest whoever owns the engine.
 * Memory:  -
 * Errors:  a failed sync ends the process (engine.h). All else is logged by db/ and tried again.
 * Limits:  WAL_PAGES_* in checkpoint.c; above WAL_PAGES_SLOW the lane waits while pages move, the
 *          longer the longer the log has grown, up to a second a batch at WAL_PAGES_FULL.
 */
#ifndef LOYALD_CHECKPOINT_H
#define LOYALD_CHECKPOINT_H

#include "store/store.h"

struct checkpointer;

/* Starts the thread. `lane` is the connection whose log it looks after. On PostgreSQL, which has a
 * checkpointer of its own, it returns NULL, as good as one. */
struct checkpointer *checkpointer_open(struct store_base *base, struct db *lane);

/* Between two batches: finishes a checkpoint that is nearly done; waits where the log has grown far
 * beyond its limit, in proportion to `batch_us`, the time that the last batch took. */
void checkpointer_turn(struct checkpointer *checkpointer, int64_t batch_us);

/* How long that is, in microseconds, where pages move: at 70,000 pages as long as the last batch
 * took, at 75,000 three times as long. So the lane slows down to what the disk can move, and
 * everybody waits a little instead of some for a second. */
int64_t checkpointer_wait_us(int64_t pages, int64_t batch_us);

/* Stops the thread; before the lane's connection is closed. NULL does nothing. */
void checkpointer_close(struct checkpointer *checkpointer);

/* Ends the process if the error is a failed sync: it is not known what is on disk. */
void stop_if_lost(enum err err);

#endif
