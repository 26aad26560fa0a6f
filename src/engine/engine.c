/* The lane: queue, batch, commit. */
#include "base/base.h"
#include "engine/engine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/log.h"
#include "engine/batch.h"
#include "engine/checkpoint.h"
#include "engine/relay.h"
#include "engine/settle.h"
#include "engine/ticker.h"
#include "store/members.h"

enum { RETRIES_MAX = 5, RETRY_WAIT_US = 2000 };
#define BATCH_BYTES_MAX ((size_t)4 * 1024 * 1024 * 1024)
#define RELAY_BYTES_MAX ((size_t)256 * 1024 * 1024)

struct engine {
    struct store_base *base;
    struct store *store;       // the lane's
    struct arena arena;        // the lane's
    struct arena relay_arena;  // the lane's, for what a batch has left to others
    struct submission **batch; // BATCH_MAX
    pthread_t lane;
    struct checkpointer *checkpointer;
    struct settler *settler;
    struct ticker *ticker; // or NULL
    pthread_mutex_t mutex; // guards what follows
    pthread_cond_t filled; // the lane sleeps on it
    struct ticket *first;
    struct ticket *last;
    size_t waiting; // submissions and jobs in the queue
    bool is_closed; // no new tickets
    // Counters, read by anyone.
    atomic_llong batches, submissions, retries, parked, pages, batch_us_max;
};

/* ---- the queue ---- */

enum err engine_submit(struct engine *engine, struct ticket *ticket)
{
    const size_t weight = ticket->job != NULL ? 1 : ticket->n;
    ticket->next = NULL;
    ticket->taken = ticket->answered = 0;
    ticket->err = ERR_OK;
    enum err err = ERR_OK;
    ensure(pthread_mutex_lock(&engine->mutex) == 0);
    if (engine->is_closed) {
        err = ERR_STOPPING;
    } else if (engine->waiting > 0 && engine->waiting + weight > QUEUE_MAX) {
        err = ERR_BUSY; // a large batch request enters an empty queue, whatever its size
    } else {
        if (engine->last == NULL) {
            engine->first = ticket;
            ensure(pthread_cond_signal(&engine->filled) == 0);
        } else {
            engine->last->next = ticket;
        }
        engine->last = ticket;
        engine->waiting += weight;
    }
    ensure(pthread_mutex_unlock(&engine->mutex) == 0);
    return err;
}

/* Takes the whole queue at once; waits for it. Returns NULL when the engine is closed and nothing
 * is left. */
static struct ticket *take_queue(struct engine *engine)
{
    ensure(pthread_mutex_lock(&engine->mutex) == 0);
    while (engine->first == NULL && !engine->is_closed) {
        ensure(pthread_cond_wait(&engine->filled, &engine->mutex) == 0);
    }
    struct ticket *list = engine->first;
    engine->first = engine->last = NULL;
    engine->waiting = 0;
    ensure(pthread_mutex_unlock(&engine->mutex) == 0);
    return list;
}

/* Does nothing wait? */
static bool is_idle(struct engine *engine)
{
    ensure(pthread_mutex_lock(&engine->mutex) == 0);
    const bool is_idle = engine->first == NULL;
    ensure(pthread_mutex_unlock(&engine->mutex) == 0);
    return is_idle;
}

/* ---- batches ---- */

static bool is_transient(enum err err)
{
    return err == ERR_RETRY || err == ERR_DATABASE;
}

static enum err run_with_retries(struct engine *engine, struct submission **list, size_t n)
{
    enum err err = ERR_OK;
    for (int attempt = 0; attempt <= RETRIES_MAX; attempt++) {
        arena_reset(&engine->arena);
        err = batch_run(engine->store, &engine->arena, list, n, BATCH_APPLY);
        stop_if_lost(err);
        if (!is_transient(err)) {
            return err;
        }
        atomic_fetch_add(&engine->retries, 1);
        (void)usleep((useconds_t)RETRY_WAIT_US << attempt); // an interrupted wait is a shorter one
    }
    return err;
}

static void fail_all(struct submission **list, size_t n, enum err err, const char *text)
{
    for (size_t i = 0; i < n; i++) {
        list[i]->has_answer = false;
        list[i]->fail = (struct fail){.arena = list[i]->arena};
        list[i]->err = fail(&list[i]->fail, err, "", "%s", text);
    }
}

/* Runs a batch; where it fails for a reason of its own it runs again in halves, down to the
 * culprit. */
static void run_batch(struct engine *engine, struct submission **list, size_t n)
{
    const enum err err = run_with_retries(engine, list, n);
    switch ((int)err) {
    case ERR_OK:
        return;
    case ERR_RETRY:
    case ERR_DATABASE:
        fail_all(list, n, ERR_DATABASE,
                 "Send the same request again in a moment: nothing was lost or doubled.");
        return;
    case ERR_DISK_FULL:
        fail_all(list, n, err,
                 "The server's disk is full. Nothing was changed; send it again later.");
        return;
    case ERR_NO_PROGRAM:
        fail_all(list, n, err,
                 "Publish a program first: PUT /v1/program/draft, then POST /v1/program/publish.");
        return;
    default:
        break;
    }
    if (n > 1) {
        run_batch(engine, list, n / 2);
        run_batch(engine, list + n / 2, n - n / 2);
        return;
    }
    atomic_fetch_add(&engine->parked, 1);
    log_line(LOG_ERROR, "engine", "parked=1 error=%s kind=%d member=%" PRId64, err_code(err),
             (int)list[0]->event.kind, list[0]->member);
    fail_all(list, n, ERR_INTERNAL,
             "This event could not be booked. It was not lost on your side: send it again later.");
}

/* What the batch has left for other members is done before anybody is answered. What fails here, or
 * is too much, stays a row: the clock comes back to it. */
static void run_relays(struct engine *engine)
{
    for (int round = 0; round < RELAY_ROUNDS_MAX && store_relays_leased(engine->store); round++) {
        struct submission **list = NULL;
        size_t n = 0;
        arena_reset(&engine->relay_arena);
        const enum err err = relays_take(engine->store, &engine->relay_arena, &list, &n);
        stop_if_lost(err);
        if (err != ERR_OK || n == 0) {
            return;
        }
        run_batch(engine, list, n);
    }
}

/* Fills a batch from a row of submission tickets. Returns how many submissions it holds. */
static size_t fill_batch(struct engine *engine, struct ticket *first, struct ticket *end)
{
    size_t n = 0;
    for (struct ticket *t = first; t != end && n < BATCH_MAX; t = t->next) {
        while (t->taken < t->n && n < BATCH_MAX) {
            engine->batch[n++] = &t->list[t->taken++];
        }
    }
    return n;
}

/* Hands on tickets whose submissions are all done, to be answered once the disk has them; returns
 * the first that is not. */
static struct ticket *hand_over(struct engine *engine, struct ticket *first, struct ticket *end,
                                bool is_last)
{
    struct ticket *rest = first;
    size_t n = 0;
    while (rest != end && rest->taken == rest->n) {
        n += rest->n;
        rest = rest->next;
    }
    if (rest != first) {
        settler_hand_over(engine->settler, first, rest, n,
                          is_last && rest == end && is_idle(engine));
    }
    return rest;
}

static void run_submissions(struct engine *engine, struct ticket *first, struct ticket *end,
                            bool is_last)
{
    while (first != end) {
        const int64_t start = clock_monotonic_us();
        const size_t n = fill_batch(engine, first, end);
        checkpointer_turn(engine->checkpointer);
        if (n > 0) {
            run_batch(engine, engine->batch, n);
            run_relays(engine);
        }
        const int64_t us = clock_monotonic_us() - start;
        atomic_fetch_add(&engine->batches, 1);
        atomic_fetch_add(&engine->submissions, (long long)n);
        atomic_store(&engine->pages, (long long)db_pages_written(store_db(engine->store)));
        if (us > atomic_load(&engine->batch_us_max)) {
            atomic_store(&engine->batch_us_max, us);
        }
        first = hand_over(engine, first, end, is_last);
    }
}

static enum err run_job_once(struct engine *engine, struct ticket *ticket)
{
    struct db *db = store_db(engine->store);
    arena_reset(&engine->arena);
    if (ticket->job_is_bare) {
        return ticket->job(engine->store, &engine->arena, ticket->job_self);
    }
    try(db_begin(db, DB_WRITE));
    enum err err = store_ids_sync(engine->store, &engine->arena);
    if (err == ERR_OK) {
        err = ticket->job(engine->store, &engine->arena, ticket->job_self);
    }
    if (err == ERR_OK) {
        err = db_commit(db);
    }
    if (err != ERR_OK) {
        db_rollback(db);
    }
    return err;
}

static void run_job(struct engine *engine, struct ticket *ticket)
{
    for (int attempt = 0; attempt <= RETRIES_MAX; attempt++) {
        ticket->err = run_job_once(engine, ticket);
        stop_if_lost(ticket->err);
        if (!is_transient(ticket->err)) {
            break;
        }
        (void)usleep((useconds_t)RETRY_WAIT_US << attempt);
    }
    run_relays(engine);
    settler_hand_over(engine->settler, ticket, ticket->next, 1,
                      ticket->next == NULL && is_idle(engine));
}

static void *lane_main(void *self)
{
    struct engine *engine = self;
    (void)pthread_setname_np(pthread_self(), "lane"); // for top and perf
    for (struct ticket *list = take_queue(engine); list != NULL; list = take_queue(engine)) {
        while (list != NULL) {
            if (list->job != NULL) {
                struct ticket *next = list->next;
                run_job(engine, list);
                list = next;
                continue;
            }
            struct ticket *end = list;
            while (end != NULL && end->job == NULL) {
                end = end->next;
            }
            run_submissions(engine, list, end, end == NULL);
            list = end;
        }
    }
    return NULL;
}

/* ---- waiting for an answer ---- */

struct waiter {
    pthread_mutex_t mutex;
    pthread_cond_t answered;
    bool is_done;
};

static void wake(struct ticket *ticket)
{
    struct waiter *waiter = ticket->owner;
    ensure(pthread_mutex_lock(&waiter->mutex) == 0);
    waiter->is_done = true;
    ensure(pthread_cond_signal(&waiter->answered) == 0);
    ensure(pthread_mutex_unlock(&waiter->mutex) == 0);
}

enum err engine_run(struct engine *engine, struct ticket *ticket)
{
    struct waiter waiter = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                            .answered = PTHREAD_COND_INITIALIZER};
    ticket->owner = &waiter;
    ticket->done = wake;
    try(engine_submit(engine, ticket));
    ensure(pthread_mutex_lock(&waiter.mutex) == 0);
    while (!waiter.is_done) {
        ensure(pthread_cond_wait(&waiter.answered, &waiter.mutex) == 0);
    }
    ensure(pthread_mutex_unlock(&waiter.mutex) == 0);
    return ticket->err;
}

enum err engine_dry_run(struct store *reader, struct arena *arena, struct submission *list,
                        size_t n)
{
    struct submission **pointers = arena_new(arena, struct submission *, n);
    for (size_t i = 0; i < n; i++) {
        pointers[i] = &list[i];
    }
    return batch_run(reader, arena, pointers, n, BATCH_DRY_RUN);
}

/* ---- opening and closing ---- */

/* An erasure that was cut short after its key was gone. */
static enum err forget_again(struct store *store, struct arena *arena, int64_t member,
                             int64_t erased_at)
{
    struct instance instance;
    bool is_final = false;
    try(store_instance_read(store, arena, &instance));
    try(store_programs_refresh(store, instance.epoch));
    return engine_forget(store, arena, member, 0, erased_at, &is_final);
}

enum err engine_open(const struct engine_config *config, struct fail *f, struct engine **out)
{
    struct engine *engine = calloc(1, sizeof *engine); // start-up code
    ensure(engine != NULL);
    engine->base = config->base;
    arena_open(&engine->arena, BATCH_BYTES_MAX);
    arena_open(&engine->relay_arena, RELAY_BYTES_MAX);
    size_t forgotten_n = 0;
    enum err err = store_open(config->base, DB_WRITER, f, &engine->store);
    if (err == ERR_OK) {
        err = store_erasures_finish(engine->store, forget_again, f,
                                    &forgotten_n); // nobody is served who was forgotten
    }
    if (forgotten_n > 0) {
        log_line(LOG_WARN, "engine", "erasures_finished=%zu", forgotten_n);
    }
    if (err == ERR_OK) {
        err = settler_open(config->base, engine->store, f, &engine->settler);
    }
    if (err != ERR_OK) {
        store_close(engine->store);
        free(engine);
        return err;
    }
    engine->batch = calloc(BATCH_MAX, sizeof *engine->batch); // start-up code
    ensure(engine->batch != NULL);
    ensure(pthread_mutex_init(&engine->mutex, NULL) == 0);
    ensure(pthread_cond_init(&engine->filled, NULL) == 0);
    engine->checkpointer = checkpointer_open(engine->base, store_db(engine->store));
    ensure(pthread_create(&engine->lane, NULL, lane_main, engine) == 0);
    if (config->with_clock || config->with_relays) {
        engine->ticker = ticker_open(engine, config->with_clock);
    }
    *out = engine;
    return ERR_OK;
}

void engine_close(struct engine *engine)
{
    if (engine == NULL) {
        return;
    }
    ticker_close(engine->ticker);
    ensure(pthread_mutex_lock(&engine->mutex) == 0);
    engine->is_closed = true;
    ensure(pthread_cond_signal(&engine->filled) == 0);
    ensure(pthread_mutex_unlock(&engine->mutex) == 0);
    ensure(pthread_join(engine->lane, NULL) == 0);
    settler_close(engine->settler);
    checkpointer_close(engine->checkpointer);
    int64_t left = 0;
    (void)!db_checkpoint(store_db(engine->store), DB_CHECKPOINT_TRUNCATE,
                         &left); // the next start does without
    store_close(engine->store);
    arena_close(&engine->arena);
    arena_close(&engine->relay_arena);
    free(engine->batch);
    free(engine);
}

void engine_settle(struct engine *engine)
{
    settler_wait(engine->settler);
}

void engine_stats_read(const struct engine *engine, struct engine_stats *out)
{
    struct engine *e = (struct engine *)engine; // atomics are read only
    *out = (struct engine_stats){
        .batches = atomic_load(&e->batches),
        .submissions = atomic_load(&e->submissions),
        .retries = atomic_load(&e->retries),
        .parked = atomic_load(&e->parked),
        .pages_written = atomic_load(&e->pages),
        .wal_pages = db_wal_pages(store_db(e->store)),
        .batch_us_max = atomic_load(&e->batch_us_max),
    };
    ensure(pthread_mutex_lock(&e->mutex) == 0);
    out->waiting = (int64_t)e->waiting;
    ensure(pthread_mutex_unlock(&e->mutex) == 0);
}
