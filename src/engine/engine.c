/* The lane: queue, batch, commit. */
#include "base/base.h"
#include "engine/engine.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/log.h"
#include "engine/arming.h"
#include "engine/batch.h"
#include "engine/checkpoint.h"
#include "engine/contest.h"
#include "engine/relay.h"
#include "store/audit.h"
#include "store/credentials.h"
#include "store/members.h"

enum {
    RETRIES_MAX = 5,
    RETRY_WAIT_US = 2000,
    CLOCK_WAIT_MS = 500,
    SWEEP_EVERY_MS = 60000,
    HELD_PER_SWEEP = 1000,
};
#define BATCH_BYTES_MAX ((size_t)4 * 1024 * 1024 * 1024)
#define RELAY_BYTES_MAX ((size_t)256 * 1024 * 1024)

struct engine {
    struct store_base *base;
    struct store *store;       // the lane's
    struct arena arena;        // the lane's
    struct arena relay_arena;  // the lane's, for what a batch has left to others
    struct submission **batch; // BATCH_MAX
    pthread_t lane;
    pthread_t clock;
    struct checkpointer *checkpointer;
    bool has_clock;
    bool runs_timers;
    atomic_bool is_stopping; // the clock looks at it
    pthread_mutex_t mutex;   // guards what follows
    pthread_cond_t filled;   // the lane sleeps on it
    pthread_cond_t ticked;   // the clock sleeps on it
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

/* Answers tickets whose submissions are all done; returns the first that is not. */
static struct ticket *answer(struct ticket *first, struct ticket *end)
{
    while (first != end && first->taken == first->n) {
        struct ticket *next = first->next;
        first->done(first); // the ticket is gone now
        first = next;
    }
    return first;
}

static void run_submissions(struct engine *engine, struct ticket *first, struct ticket *end)
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
        first = answer(first, end);
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
    ticket->done(ticket);
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
            run_submissions(engine, list, end);
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

/* ---- the clock ---- */

struct due_job {
    struct arena *arena; // the caller's
    struct due_timer *list;
    size_t n;
    int64_t now;
};

/* Attempts are counted in a transaction of their own first, so that what kills a process is given
 * up in the end. */
static enum err claim_due(struct store *store, struct arena *arena, void *self)
{
    struct due_job *job = self;
    struct instance instance;
    (void)arena; // the list outlives the lane's arena
    try(store_instance_read(store, job->arena, &instance));
    job->now = store_now(&instance);
    try(store_programs_refresh(store, instance.epoch));
    try(contests_close(store, job->arena, job->now));
    try(store_timers_due(store, job->arena, job->now, TIMERS_PER_ROUND, &job->list, &job->n));
    return job->n == 0 ? ERR_OK : store_timers_attempt(store, job->arena, job->list, job->n);
}

enum err engine_timers_run(struct engine *engine, size_t *ran)
{
    *ran = 0;
    for (;;) {
        struct arena arena;
        arena_open(&arena, 256 * 1024 * 1024);
        struct due_job job = {.arena = &arena};
        struct ticket claim = {.job = claim_due, .job_self = &job};
        enum err err = engine_run(engine, &claim);
        if (err == ERR_OK && job.n > 0) {
            struct submission *list = arena_new(&arena, struct submission, job.n);
            for (size_t i = 0; i < job.n; i++) {
                list[i] = (struct submission){
                    .kind = SUBMIT_TIMERS, .arena = &arena, .member = job.list[i].member};
            }
            struct ticket ticket = {.list = list, .n = job.n};
            err = engine_run(engine, &ticket);
            *ran += job.n;
        }
        arena_close(&arena);
        if (err != ERR_OK || job.n == 0) {
            return err;
        }
    }
}

enum { CLOCK_STEP_DAYS = 366, CLOCK_JUMP_DAYS_MAX = 36525 };

struct clock_job {
    struct str actor;
    int64_t now;
    int64_t from;   // where the clock stood, AT_MIN: not read yet
    int64_t to;     // where this step goes
    int64_t stands; // where it stands now, AT_MIN: it has not moved
    bool is_there;
    struct fail *f;
};

static struct str clock_text(struct arena *arena, int64_t now)
{
    char text[INSTANT_BYTES + 1];
    instant_write(now, text);
    return str_fmt(arena, "{\"now\":\"%s\"}", text);
}

static enum err set_clock(struct store *store, struct arena *arena, void *self)
{
    struct clock_job *job = self;
    struct instance instance;
    try(store_instance_read(store, arena, &instance));
    if (instance.has_test_clock &&
        job->now - instance.test_now > CLOCK_JUMP_DAYS_MAX * MS_PER_DAY) {
        return fail(job->f, ERR_CLOCK, "/now", "The test clock moves at most 100 years at a time.");
    }
    job->from = job->from == AT_MIN ? instance.test_now : job->from;
    job->to = int64_min(job->now, instance.test_now + CLOCK_STEP_DAYS * MS_PER_DAY);
    try(store_clock_set(store, job->now < instance.test_now ? job->now : job->to,
                        job->f)); // back: refused there
    job->is_there = job->to == job->now;
    if (!job->is_there) {
        return ERR_OK;
    }
    const struct audit_entry entry = {
        .actor = job->actor,
        .action = STR("clock.set"),
        .object = str_fmt(arena, "instance/%.*s", STR_ARG(instance.instance_id)),
        .before = clock_text(arena, job->from),
        .after = clock_text(arena, job->now),
        .at = job->now,
    };
    return store_audit_write(store, arena, &entry);
}

static enum err clock_step(struct engine *engine, struct clock_job *job)
{
    struct ticket ticket = {.job = set_clock, .job_self = job};
    size_t ran = 0;
    bool is_armed = false;
    try(engine_run(engine, &ticket));
    job->stands = job->to;
    while (!is_armed) {
        try(arming_run(engine, &is_armed)); // a version may have come into force on the way
    }
    return engine_timers_run(engine, &ran);
}

enum err engine_clock_set(struct engine *engine, struct str actor, int64_t now, struct fail *f)
{
    struct clock_job job = {.actor = actor, .now = now, .from = AT_MIN, .stands = AT_MIN, .f = f};
    while (!job.is_there) { // what is due in a member's step is decided in one arena, so that steps
                            // are short
        const enum err err = clock_step(engine, &job);
        if (err != ERR_OK && job.stands != AT_MIN) {
            char stands[INSTANT_BYTES + 1];
            instant_write(job.stands, stands);
            return fail(f, err, "",
                        "The clock stands at %s, and not everything that was due by then has run: "
                        "send the same again, it goes on.",
                        stands);
        }
        try(err);
    }
    return ERR_OK;
}

/* Held events that waited too long: row and key go. Stored answers that are over go too. */
static enum err sweep_expired(struct store *store, struct arena *arena, void *self)
{
    struct instance instance;
    int64_t *ids = NULL;
    size_t n = 0;
    (void)self; // the store says all
    try(store_instance_read(store, arena, &instance));
    try(store_idempotency_expire(store, store_now(&instance), NULL));
    try(store_held_expired(store, arena, store_now(&instance), HELD_PER_SWEEP, &ids, &n));
    return n == 0 ? ERR_OK : store_held_forget(store, arena, ids, n);
}

/* Sleeps, or wakes early because the engine stops. Returns false then. */
static bool sleep_ms(struct engine *engine, int64_t ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until); // cannot fail for this clock
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    ensure(pthread_mutex_lock(&engine->mutex) == 0);
    while (!atomic_load(&engine->is_stopping)) {
        if (pthread_cond_timedwait(&engine->ticked, &engine->mutex, &until) == ETIMEDOUT) {
            break;
        }
    }
    ensure(pthread_mutex_unlock(&engine->mutex) == 0);
    return !atomic_load(&engine->is_stopping);
}

static void *clock_main(void *self)
{
    struct engine *engine = self;
    (void)pthread_setname_np(pthread_self(), "clock"); // for top and perf
    int64_t swept_at = clock_monotonic_us() / 1000;
    bool is_armed = true;
    while (sleep_ms(engine, is_armed ? CLOCK_WAIT_MS : 0)) {
        size_t ran = 0;
        struct ticket relays = {.job = relays_claim};
        (void)!engine_run(engine, &relays); // tried again at the next turn
        enum err err = engine->runs_timers ? engine_timers_run(engine, &ran) : ERR_OK;
        if (err == ERR_OK && engine->runs_timers) {
            err = arming_run(engine, &is_armed);
        }
        is_armed |= err != ERR_OK; // tried again at the next tick
        if (err != ERR_OK && err != ERR_STOPPING && err != ERR_NO_PROGRAM) {
            log_line(LOG_WARN, "clock", "error=%s", err_code(err));
        }
        if (engine->runs_timers && clock_monotonic_us() / 1000 - swept_at >= SWEEP_EVERY_MS) {
            struct ticket sweep = {.job = sweep_expired};
            swept_at = clock_monotonic_us() / 1000;
            (void)!engine_run(engine, &sweep); // tried again at the next sweep
        }
    }
    return NULL;
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
    if (err != ERR_OK) {
        store_close(engine->store);
        free(engine);
        return err;
    }
    engine->batch = calloc(BATCH_MAX, sizeof *engine->batch); // start-up code
    ensure(engine->batch != NULL);
    ensure(pthread_mutex_init(&engine->mutex, NULL) == 0);
    ensure(pthread_cond_init(&engine->filled, NULL) == 0);
    ensure(pthread_cond_init(&engine->ticked, NULL) == 0);
    engine->checkpointer = checkpointer_open(engine->base, engine->store);
    ensure(pthread_create(&engine->lane, NULL, lane_main, engine) == 0);
    engine->runs_timers = config->with_clock;
    if (config->with_clock || config->with_relays) {
        engine->has_clock = true;
        ensure(pthread_create(&engine->clock, NULL, clock_main, engine) == 0);
    }
    *out = engine;
    return ERR_OK;
}

void engine_close(struct engine *engine)
{
    if (engine == NULL) {
        return;
    }
    ensure(pthread_mutex_lock(&engine->mutex) == 0);
    atomic_store(&engine->is_stopping, true);
    ensure(pthread_cond_broadcast(&engine->ticked) == 0);
    ensure(pthread_mutex_unlock(&engine->mutex) == 0);
    if (engine->has_clock) {
        ensure(pthread_join(engine->clock, NULL) == 0);
    }
    ensure(pthread_mutex_lock(&engine->mutex) == 0);
    engine->is_closed = true;
    ensure(pthread_cond_signal(&engine->filled) == 0);
    ensure(pthread_mutex_unlock(&engine->mutex) == 0);
    ensure(pthread_join(engine->lane, NULL) == 0);
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
