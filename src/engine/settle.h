/* Settling: what the lane has committed reaches the disk, and only then is anybody told of it.
 *
 * The lane commits early (db.h) and goes on with its next batch while a thread of its own syncs
 * the log and answers the tickets of the batches before. One sync serves all that was committed by
 * then. Where nothing else waits for the lane it settles by itself, without another thread's
 * awakening.
 *
 * On PostgreSQL commits are durable by themselves; answering beside the lanes is left.
 *
 * Readers see a commit before the disk has it: their answers go by settler_answer(), and the reader
 * goes on.
 *
 * Owns:    one thread and its store.
 * Threads: settler_hand_over() the lanes', settler_answer() any; done() of the lanes' tickets is
 *          called on one thread at a time, the lane's or the settler's.
 * Memory:  tickets belong to their callers and are gone once done() was called.
 * Errors:  a failed sync ends the process: it is not known what is on disk.
 * Limits:  UNSETTLED_MAX submissions: the lane waits beyond it.
 */
#ifndef LOYALD_SETTLE_H
#define LOYALD_SETTLE_H

#include "engine/engine.h"

enum { UNSETTLED_MAX = 8192 };

struct settler;

/* `lane` is the lane's store; its commits are early from here on. */
enum err settler_open(struct store_base *base, struct store *lane, struct fail *f,
                      struct settler **out) MUST_USE;

/* Takes a list of tickets whose commits are done, `n` submissions in all, from `first` to before
 * `end`. `is_idle`: nothing else waits, and there is no other lane. */
void settler_hand_over(struct settler *settler, struct ticket *first, struct ticket *end, size_t n,
                       bool is_idle);

/* Calls ticket->done() when the disk has all that a reader can have seen by now: at once on the
 * caller's thread, or soon on the settler's. Of the ticket only done and owner matter. */
void settler_answer(struct settler *settler, struct ticket *ticket);

/* Settles and answers what is left and ends the thread; after the lane's thread and the last
 * reader, before the lane's store. NULL does nothing. */
void settler_close(struct settler *settler);

#endif
