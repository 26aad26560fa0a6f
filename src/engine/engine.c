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

enum {
    LANES_MAX = 2,
    SHARE_MIN = 64, // so few are not worth another lane's transaction
    // Two lanes with long batches meet at some member nearly always, and one waits for the other.
    SHARED_BATCH_MAX = 128,
    RETRIES_MAX = 5,
    LOOKS_N = 64, // batches
    RETRY_WAIT_US = 2000
};
#define BATCH_BYTES_MAX ((size_t)4 * 1024 * 1024 * 1024)
#define RELAY_BYTES_MAX ((size_t)256 * 1024 * 1024)

/* One thread that books: the only one on SQLite, which has one writer; on PostgreSQL one of two, so
 * that one decides while the database works for the other. Members' rows are locked in their order,
 * as between two processes. */
struct lane {
    struct engine *engine;
    struct store *store;
    struct arena arena;
    struct arena relay_arena;  // for what a batch has left to others
    struct submission **batch; // BATCH_MAX
    int64_t batch_us;          // what the last one took
    int looks_n;               // batches that still look up whether their events are known
    pthread_t thread;
};

struct engine {
    struct store_base *base;
    struct lane lanes[LANES_MAX];
    size_t lanes_n;
    _Atomic int64_t newest_id; // of all lanes
    struct checkpointer *checkpointer;
    struct settler *settler;
    struct ticker *ticker; // or NULL
    pthread_mutex_t mutex; // guards what follows
    pthread_cond_t filled; // lanes sleep on it
    struct ticket *first;
    struct ticket *last;
    size_t waiting; // submissions and jobs in the queue
    bool is_closed; // no new tickets
    // Counters, read by anyone.
    atomic_llong batches, submissions, retries, parked, pages, batch_us_max;
};

static size_t weight_of(const struct ticket *ticket)
{
    return ticket->job != NULL ? 1 : ticket->n;
}

/* ---- the queue ---- */

enum err engine_submit(struct engine *engine, struct ticket *ticket)
{
    const size_t weight = weight_of(ticket);
    // A large batch request enters a queue that is half full at most, whatever its size.
    const size_t room = weight > QUEUE_MAX / 2 ? QUEUE_MAX / 2 : weight;
    ticket->next = NULL;
    ticket->taken = 0;
    ticket->err = ERR_OK;
    enum err err = ERR_OK;
    ensure(pthread_mutex_lock(&engine->mutex) == 0);
    if (engine->is_closed) {
        err = ERR_STOPPING;
    } else if (engine->waiting + room > QUEUE_MAX) {
        err = ERR_BUSY;
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

/* Takes what waits, or about half of it where another lane can take the rest; waits for it. Returns
 * NULL when the engine is closed and nothing is left. */
static struct ticket *take_queue(struct engine *engine)
{
    ensure(pthread_mutex_lock(&engine->mutex) == 0);
    while (engine->first == NULL && !engine->is_closed) {
        ensure(pthread_cond_wait(&engine->filled, &engine->mutex) == 0);
    }
    struct ticket *list = engine->first;
    const size_t enough = engine->lanes_n == 1 ? SIZE_MAX : SHARE_MIN + engine->waiting / 2;
    struct ticket *last = list;
    size_t n = list != NULL ? weight_of(list) : 0;
    while (last != NULL && last->next != NULL && n + weight_of(last->next) <= enough) {
        last = last->next;
        n += weight_of(last);
    }
    engine->first = last != NULL ? last->next : NULL;
    engine->waiting -= n;
    if (engine->first == NULL) {
        engine->last = NULL;
    } else {
        last->next = NULL;
        ensure(pthread_cond_signal(&engine->filled) == 0);
    }
    ensure(pthread_mutex_unlock(&engine->mutex) == 0);
    return list;
}

/* Does nothing wait for the only lane? Then it may answer by itself. */
static bool is_idle(struct engine *engine)
{
    ensure(pthread_mutex_lock(&engine->mutex) == 0);
    const bool is_idle = engine->lanes_n == 1 && engine->first == NULL;
    ensure(pthread_mutex_unlock(&engine->mutex) == 0);
    return is_idle;
}

/* ---- batches ---- */

static bool is_transient(enum err err)
{
    return err == ERR_RETRY || err == ERR_DATABASE;
}

/* Events are new until one was not, which seldom comes alone: then the next batches look first. */
static enum err run_once(struct lane *lane, struct submission **list, size_t n)
{
    enum err err = ERR_RETRY;
    if (lane->looks_n == 0) {
        arena_reset(&lane->arena);
        err = batch_run(lane->store, &lane->arena, list, n, BATCH_APPLY_NEW);
        lane->looks_n = err == ERR_OK ? 0 : LOOKS_N;
        stop_if_lost(err);
    }
    if (err != ERR_OK) {
        arena_reset(&lane->arena);
        lane->looks_n--;
        err = batch_run(lane->store, &lane->arena, list, n, BATCH_APPLY);
        stop_if_lost(err);
    }
    return err;
}

static enum err run_with_retries(struct lane *lane, struct submission **list, size_t n)
{
    enum err err = ERR_OK;
    for (int attempt = 0; attempt <= RETRIES_MAX; attempt++) {
        err = run_once(lane, list, n);
        if (!is_transient(err)) {
            return err;
        }
        atomic_fetch_add(&lane->engine->retries, 1);
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
static void run_batch(struct lane *lane, struct submission **list, size_t n)
{
    const enum err err = run_with_retries(lane, list, n);
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
        run_batch(lane, list, n / 2);
        run_batch(lane, list + n / 2, n - n / 2);
        return;
    }
    atomic_fetch_add(&lane->engine->parked, 1);
    log_line(LOG_ERROR, "engine", "parked=1 error=%s kind=%d member=%" PRId64, err_code(err),
             (int)list[0]->event.kind, list[0]->member);
    fail_all(list, n, ERR_INTERNAL,
             "This event could not be booked. It was not lost on your side: send it again later.");
}

/* What the batch has left for other members is done before anybody is answered. What fails here, or
 * is too much, stays a row: the clock comes back to it. */
static void run_relays(struct lane *lane)
{
    for (int round = 0; round < RELAY_ROUNDS_MAX && store_relays_leased(lane->store); round++) {
        struct submission **list = NULL;
        size_t n = 0;
        arena_reset(&lane->relay_arena);
        const enum err err = relays_take(lane->store, &lane->relay_arena, &list, &n);
        stop_if_lost(err);
        if (err != ERR_OK || n == 0) {
            return;
        }
        run_batch(lane, list, n);
    }
}

/* Fills a batch from a row of submission tickets. Returns how many submissions it holds. */
static size_t fill_batch(struct lane *lane, struct ticket *first, struct ticket *end)
{
    const size_t max = lane->engine->lanes_n == 1 ? BATCH_MAX : SHARED_BATCH_MAX;
    size_t n = 0;
    for (struct ticket *t = first; t != end && n < max; t = t->next) {
        while (t->taken < t->n && n < max) {
            lane->batch[n++] = &t->list[t->taken++];
        }
    }
    return n;
}

/* Hands on tickets whose submissions are all done, to be answered once the disk has them; returns
 * the first that is not. */
static struct ticket *hand_over(struct lane *lane, struct ticket *first, struct ticket *end,
                                bool is_last)
{
    struct ticket *rest = first;
    size_t n = 0;
    while (rest != end && rest->taken == rest->n) {
        n += rest->n;
        rest = rest->next;
    }
    if (rest != first) {
        store_ids_tell(lane->store);
        settler_hand_over(lane->engine->settler, first, rest, n,
                          is_last && rest == end && is_idle(lane->engine));
    }
    return rest;
}

static void run_submissions(struct lane *lane, struct ticket *first, struct ticket *end,
                            bool is_last)
{
    while (first != end) {
        const int64_t start = clock_monotonic_us();
        const size_t n = fill_batch(lane, first, end);
        checkpointer_turn(lane->engine->checkpointer, lane->batch_us);
        const int64_t turned = clock_monotonic_us();
        if (n > 0) {
            run_batch(lane, lane->batch, n);
            run_relays(lane);
        }
        const int64_t ended = clock_monotonic_us();
        const int64_t us = ended - start;
        lane->batch_us = ended - turned;
        atomic_fetch_add(&lane->engine->batches, 1);
        atomic_fetch_add(&lane->engine->submissions, (long long)n);
        atomic_store(&lane->engine->pages, (long long)db_pages_written(store_db(lane->store)));
        if (us > atomic_load(&lane->engine->batch_us_max)) {
            atomic_store(&lane->engine->batch_us_max, us);
        }
        first = hand_over(lane, first, end, is_last);
    }
}

static enum err run_job_once(struct lane *lane, struct ticket *ticket)
{
    struct db *db = store_db(lane->store);
    arena_reset(&lane->arena);
    if (ticket->job_is_bare) {
        return ticket->job(lane->store, &lane->arena, ticket->job_self);
    }
    try(db_begin(db, DB_WRITE));
    enum err err = store_ids_sync(lane->store, &lane->arena);
    if (err == ERR_OK) {
        err = ticket->job(lane->store, &lane->arena, ticket->job_self);
    }
    if (err == ERR_OK) {
        err = db_commit(db);
    }
    if (err != ERR_OK) {
        db_rollback(db);
    }
    return err;
}

static void run_job(struct lane *lane, struct ticket *ticket)
{
    for (int attempt = 0; attempt <= RETRIES_MAX; attempt++) {
        ticket->err = run_job_once(lane, ticket);
        stop_if_lost(ticket->err);
        if (!is_transient(ticket->err)) {
            break;
        }
        (void)usleep((useconds_t)RETRY_WAIT_US << attempt);
    }
    run_relays(lane);
    store_ids_tell(lane->store);
    settler_hand_over(lane->engine->settler, ticket, ticket->next, 1,
                      ticket->next == NULL && is_idle(lane->engine));
}

static void *lane_main(void *self)
{
    struct lane *lane = self;
    (void)pthread_setname_np(pthread_self(), "lane"); // for top and perf
    for (struct ticket *list = take_queue(lane->engine); list != NULL;
         list = take_queue(lane->engine)) {
        while (list != NULL) {
            if (list->job != NULL) {
                struct ticket *next = list->next;
                run_job(lane, list);
                list = next;
                continue;
            }
            struct ticket *end = list;
            while (end != NULL && end->job == NULL) {
                end = end->next;
            }
            run_submissions(lane, list, end, end == NULL);
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

static enum err lane_open(struct engine *engine, struct fail *f)
{
    struct lane *lane = &engine->lanes[engine->lanes_n];
    try(store_open(engine->base, DB_WRITER, f, &lane->store));
    lane->engine = engine;
    store_ids_share(lane->store, &engine->newest_id);
    arena_open(&lane->arena, BATCH_BYTES_MAX);
    arena_open(&lane->relay_arena, RELAY_BYTES_MAX);
    lane->batch = calloc(BATCH_MAX, sizeof *lane->batch); // start-up code
    ensure(lane->batch != NULL);
    engine->lanes_n++;
    return ERR_OK;
}

static void lanes_close(struct engine *engine)
{
    for (size_t i = 0; i < engine->lanes_n; i++) {
        struct lane *lane = &engine->lanes[i];
        store_close(lane->store);
        arena_close(&lane->arena);
        arena_close(&lane->relay_arena);
        free(lane->batch); // made by start-up code
    }
}

static enum err lanes_open(struct engine *engine, struct fail *f)
{
    size_t forgotten_n = 0;
    try(lane_open(engine, f));
    struct store *store = engine->lanes[0].store;
    // Nobody is served who was forgotten.
    try(store_erasures_finish(store, forget_again, f, &forgotten_n));
    if (forgotten_n > 0) {
        log_line(LOG_WARN, "engine", "erasures_finished=%zu", forgotten_n);
    }
    while (db_dialect(store_db(store)) == DB_POSTGRES && engine->lanes_n < LANES_MAX) {
        try(lane_open(engine, f));
    }
    return settler_open(engine->base, store, f, &engine->settler);
}

enum err engine_open(const struct engine_config *config, struct fail *f, struct engine **out)
{
    struct engine *engine = calloc(1, sizeof *engine); // start-up code
    ensure(engine != NULL);
    engine->base = config->base;
    const enum err err = lanes_open(engine, f);
    if (err != ERR_OK) {
        lanes_close(engine);
        free(engine);
        return err;
    }
    ensure(pthread_mutex_init(&engine->mutex, NULL) == 0);
    ensure(pthread_cond_init(&engine->filled, NULL) == 0);
    engine->checkpointer = checkpointer_open(engine->base, store_db(engine->lanes[0].store));
    for (size_t i = 0; i < engine->lanes_n; i++) {
        ensure(pthread_create(&engine->lanes[i].thread, NULL, lane_main, &engine->lanes[i]) == 0);
    }
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
    ensure(pthread_cond_broadcast(&engine->filled) == 0);
    ensure(pthread_mutex_unlock(&engine->mutex) == 0);
    for (size_t i = 0; i < engine->lanes_n; i++) {
        ensure(pthread_join(engine->lanes[i].thread, NULL) == 0);
    }
    settler_close(engine->settler);
    checkpointer_close(engine->checkpointer);
    int64_t left = 0;
    (void)!db_checkpoint(store_db(engine->lanes[0].store), DB_CHECKPOINT_TRUNCATE,
                         &left); // the next start does without
    lanes_close(engine);
    free(engine);
}

void engine_answer(struct engine *engine, struct ticket *ticket)
{
    settler_answer(engine->settler, ticket);
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
        .wal_pages = db_wal_pages(store_db(e->lanes[0].store)),
        .batch_us_max = atomic_load(&e->batch_us_max),
    };
    ensure(pthread_mutex_lock(&e->mutex) == 0);
    out->waiting = (int64_t)e->waiting;
    ensure(pthread_mutex_unlock(&e->mutex) == 0);
}
