/* Passes of the checkpointer, and the lane's part in them. */
#include "base/base.h"
#include "engine/checkpoint.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/log.h"
#include "engine/pause.h"

enum {
    BESIDE_NICE = 5, // the lane goes first; it waits itself where the log has grown too long
    LOOK_EVERY_MS = 50,
    PASSES_MAX = 8,
    TRIES_MAX = 16,
    WAIT_STEP_US = 5000,
    SLOW_WAIT_US_MAX = 100 * 1000,
    FULL_WAIT_US = 1000 * 1000,
    EXIT_FSYNC = 4,
};
#define WAL_PAGES_PASSIVE 20000 // begin above
#define WAL_PAGES_LAST    1000  // so few are the lane's to finish
#define WAL_PAGES_STEP                                                                             \
    4000 // readers kept the log from beginning anew: try again after so many more
#define WAL_PAGES_WAIT 40000 // from here on wait for readers
#define WAL_PAGES_SLOW 60000 // from here on the lane waits between batches
#define WAL_PAGES_FULL 80000 // from here on as long as it may

struct checkpointer {
    struct store_base *base;
    struct db *lane; // db_wal_pages() from any thread, all else the lane's thread
    pthread_t thread;
    atomic_bool is_moving;     // the thread is in a round
    atomic_bool is_lanes_turn; // set by the thread, cleared by the lane
    int tries_n;               // the lane's, of this turn
    struct pause pause;
};

void stop_if_lost(enum err err)
{
    if (err == ERR_FSYNC) {
        log_line(LOG_ERROR, "engine", "fsync=failed action=exit");
        _exit(EXIT_FSYNC);
    }
}

/* ---- the lane's part ---- */

int64_t checkpointer_wait_us(int64_t pages, int64_t batch_us)
{
    const int64_t over = pages - WAL_PAGES_SLOW;
    const int64_t left = WAL_PAGES_FULL - pages;
    if (left <= 0) {
        return FULL_WAIT_US;
    }
    return over <= 0 ? 0 : int64_min(batch_us * over / left, SLOW_WAIT_US_MAX);
}

/* Where nothing moves, waiting would bring nothing: the lane's next commit may begin the log anew.
 */
static void wait_for_pages(struct checkpointer *c, int64_t batch_us)
{
    int64_t left = checkpointer_wait_us(db_wal_pages(c->lane), batch_us);
    const int64_t until = clock_monotonic_us() + left;
    while (left > 0 && atomic_load(&c->is_moving)) {
        (void)usleep((useconds_t)int64_min(left, WAIT_STEP_US)); // or less
        left = until - clock_monotonic_us();
    }
}

void checkpointer_turn(struct checkpointer *c, int64_t batch_us)
{
    if (c == NULL) {
        return;
    }
    // A reader that is in its snapshot at the next commit keeps the log as it is; most are gone a
    // batch later.
    if (atomic_load(&c->is_lanes_turn) && db_wal_pages(c->lane) > WAL_PAGES_PASSIVE &&
        c->tries_n < TRIES_MAX) {
        c->tries_n++;
        stop_if_lost(
            db_checkpoint(c->lane, DB_CHECKPOINT_PASSIVE, NULL)); // other errors: at the next turn
    } else if (atomic_load(&c->is_lanes_turn)) {
        c->tries_n = 0;
        atomic_store(&c->is_lanes_turn, false);
    }
    wait_for_pages(c, batch_us);
}

/* ---- the thread's ---- */

/* Moves pages and writes them back until so few are left that the lane can finish in no time. */
static enum err run_passes(struct checkpointer *c, struct db *db)
{
    for (int i = 0; i < PASSES_MAX && !pause_is_over(&c->pause); i++) {
        const int64_t before = db_wal_pages(c->lane);
        try(db_checkpoint(db, DB_CHECKPOINT_PASSIVE, NULL));
        try(db_file_sync(db));
        if (db_wal_pages(c->lane) - before <= WAL_PAGES_LAST) {
            break;
        }
    }
    return ERR_OK;
}

/* The rest is the lane's, which takes it before its next batch. Where readers keep the log from
 * beginning anew for long, the lane is held up instead: with little left to move, for as long as
 * the readers take. */
static void run_round(struct checkpointer *c, struct db *db)
{
    const bool waits_for_readers = db_wal_pages(c->lane) > WAL_PAGES_WAIT;
    enum err err = run_passes(c, db);
    if (err == ERR_OK && waits_for_readers) {
        int64_t left = 0;
        err = db_checkpoint(db, DB_CHECKPOINT_RESTART, &left);
        if (err == ERR_OK && left == 0) {
            db_wal_pages_set(c->lane, 0);
        }
    } else if (err == ERR_OK) {
        atomic_store(&c->is_lanes_turn, true);
    }
    stop_if_lost(err);
}

static void *thread_main(void *self)
{
    struct checkpointer *c = self;
    struct store *store = NULL;
    pause_begin("checkpoint", BESIDE_NICE);
    int64_t due_pages = WAL_PAGES_PASSIVE;
    if (store_open(c->base, DB_MAINTAINER, NULL, &store) != ERR_OK) {
        log_line(LOG_ERROR, "checkpoint", "open=failed");
        return NULL;
    }
    while (pause_ms(&c->pause, LOOK_EVERY_MS)) {
        const int64_t pages = db_wal_pages(c->lane);
        if (pages <= WAL_PAGES_PASSIVE) {
            due_pages = WAL_PAGES_PASSIVE;
        } else if (pages > due_pages && !atomic_load(&c->is_lanes_turn)) {
            atomic_store(&c->is_moving, true);
            run_round(c, store_db(store));
            atomic_store(&c->is_moving, false);
            due_pages = pages + WAL_PAGES_STEP;
        }
    }
    store_close(store);
    return NULL;
}

/* ---- opening and closing ---- */

struct checkpointer *checkpointer_open(struct store_base *base, struct db *lane)
{
    if (db_dialect(lane) != DB_SQLITE) {
        return NULL;
    }
    struct checkpointer *c = calloc(1, sizeof *c); // start-up code
    ensure(c != NULL);
    c->base = base;
    c->lane = lane;
    pause_open(&c->pause);
    ensure(pthread_create(&c->thread, NULL, thread_main, c) == 0);
    return c;
}

void checkpointer_close(struct checkpointer *c)
{
    if (c == NULL) {
        return;
    }
    pause_end(&c->pause);
    ensure(pthread_join(c->thread, NULL) == 0);
    free(c); // made at start-up, released at the close
}
