/* The watch: `loyald verify` in the background of the server, slice by slice, and what becomes of
 * what it finds.
 *
 * A violation is logged and counted, and freezes the member whose row it is: nothing more is
 * written of them until `loyald verify --release` has found them sound. Nothing is ever repaired.
 *
 * Owns:    a reading store and a thread.
 * Threads: watch_open(), watch_pass(), watch_close() one thread; watch_stats_read() any thread.
 * Memory:  an arena for each pass.
 * Errors:  a pass that could not be finished is logged and begun again with the next.
 * Limits:  it sleeps WATCH_SLEEP_FACTOR times as long as it works, WATCH_BUSY_FACTOR times while
 * the lane has work.
 */
#ifndef LOYALD_ENGINE_WATCH_H
#define LOYALD_ENGINE_WATCH_H

#include "engine/engine.h"

enum {
    WATCH_SLEEP_FACTOR = 4,
    WATCH_BUSY_FACTOR = 20,
    WATCH_SLEEP_MS_MAX = 2000,
    WATCH_BEGIN_MS = 1000,
    WATCH_NICE = 10, // everybody goes first
};

struct watch;

struct watch_config {
    struct store_base *base;
    struct engine *engine;
    int64_t every_ms; // from the end of one pass to the beginning of the next; 0: no thread, only
                      // watch_pass()
};

/* Looks at the heads of the newest chains, then starts the thread. After engine_open(). */
enum err watch_open(const struct watch_config *config, struct fail *f, struct watch **out) MUST_USE;

/* Before engine_close(). NULL is allowed. */
void watch_close(struct watch *watch);

/* One pass in the caller's thread. */
enum err watch_pass(struct watch *watch) MUST_USE;

struct watch_stats {
    int64_t passes;     // finished
    int64_t violations; // found since the start
    int64_t members;    // looked at in the running pass
    int64_t last_ms;    // how long the last pass took
};
void watch_stats_read(const struct watch *watch, struct watch_stats *out);

#endif
