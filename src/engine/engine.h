/* The engine: the one door to changing anything, and the lane behind it.
 *
 * Callers hand over tickets: a list of submissions (events, enrolments, timers), or a job
 * (everything else that writes). One thread, the lane, takes what is waiting without delay, merges
 * submissions of many tickets into one batch, commits once and answers all. A job has a transaction
 * of its own, in its turn. Answers go out once the disk has what they tell of (settle.h).
 *
 * PostgreSQL books for two lanes at once; a ticket is one lane's, whole and in its order, but two
 * tickets that both wait may be booked in either order, or beside each other: as from two
 * processes.
 *
 * Owns:    the lanes' threads and stores, the clock's thread, the checkpointer's, the settler's.
 * Threads: engine_submit() any thread; done() is called on the lane's thread or the settler's, on
 *          one at a time.
 * Memory:  a ticket and what it points to belong to the caller until done() is called.
 * Errors:  ERR_BUSY when QUEUE_MAX submissions wait; ERR_STOPPING while the engine drains. An fsync
 *          error ends the process: it is not known what is on disk.
 * Limits:  QUEUE_MAX waiting, BATCH_MAX per batch: some 30 ms of work. A larger one would gain
 *          nothing, and the lane would have nothing to do while all wait for its one answer.
 */
#ifndef LOYALD_ENGINE_H
#define LOYALD_ENGINE_H

#include "engine/submission.h"

enum { QUEUE_MAX = 8192, BATCH_MAX = 512, TIMERS_PER_ROUND = 1000 };

struct engine;

struct ticket {
    // Either a list of submissions …
    struct submission *list;
    size_t n;
    // … or a job; what it returns becomes `err`, and ERR_OK commits. It may run again after
    // ERR_RETRY.
    enum err (*job)(struct store *store, struct arena *arena, void *self);
    void *job_self;
    bool job_is_bare;                    // the job begins and commits by itself
    void (*done)(struct ticket *ticket); // on a thread of the engine's; NULL only for engine_run()
    void *owner;                         // the caller's
    enum err err;                        // of a job, or of what concerns the whole ticket
    // The engine's:
    struct ticket *next;
    size_t taken;
};

struct engine_config {
    struct store_base *base;
    bool with_clock; // runs timers as they come due (not on instances with a test clock)
    bool
        with_relays; // does what another process has left for other members; with_clock does so too
};

enum err engine_open(const struct engine_config *config, struct fail *f,
                     struct engine **out) MUST_USE;

/* Refuses new tickets, finishes those that wait, checkpoints, stops the threads. */
void engine_close(struct engine *engine);

/* Hands a ticket over. On an error it was not taken and done() is not called. */
enum err engine_submit(struct engine *engine, struct ticket *ticket) MUST_USE;

/* The same and waits for the answer: for the command line and tests. Returns ticket->err. */
enum err engine_run(struct engine *engine, struct ticket *ticket) MUST_USE;

/* Books one event inside a job's transaction, so that what the job writes and the event that says
 * so become true together. From a ticket's job only, on the lane's thread. Returns the submission's
 * error too; then the job must not commit. */
enum err engine_book(struct store *store, struct arena *arena,
                     struct submission *submission) MUST_USE;

/* Forgets a member inside a job's transaction: books that their points are void, once, then
 * store_member_erase(). */
enum err engine_forget(struct store *store, struct arena *arena, int64_t member, int64_t credential,
                       int64_t now, bool *is_final) MUST_USE;

/* Decides without writing, from a read snapshot of the caller's store. */
enum err engine_dry_run(struct store *reader, struct arena *arena, struct submission *list,
                        size_t n) MUST_USE;

/* Answers with what was read: calls ticket->done() when the disk has all that a reader can have
 * seen by now, at once or on a thread of the engine's. Of the ticket only done and owner matter. */
void engine_answer(struct engine *engine, struct ticket *ticket);

/* Runs every timer due by now; *ran is how many members had one. */
enum err engine_timers_run(struct engine *engine, size_t *ran) MUST_USE;

/* Moves the test clock, in steps of a year at most, and runs every timer due by then; an entry in
 * the audit log once it is there. Where it fails on the way, `f` says where the clock stands; the
 * same again goes on. `actor` as in struct audit_entry. */
enum err engine_clock_set(struct engine *engine, struct str actor, int64_t now,
                          struct fail *f) MUST_USE;

/* For metrics. */
struct engine_stats {
    int64_t batches;
    int64_t submissions;
    int64_t retries;
    int64_t parked;        // submissions that failed by themselves
    int64_t waiting;       // now
    int64_t pages_written; // SQLite: dirty pages
    int64_t wal_pages;     // SQLite: pages in the write-ahead log now
    int64_t batch_us_max;
};
void engine_stats_read(const struct engine *engine, struct engine_stats *out);

#endif
