/* The clock's thread: what is due, what waits for other members, what has expired. */
#include "base/base.h"
#include "engine/ticker.h"

#include <pthread.h>

#include "base/log.h"
#include "engine/arming.h"
#include "engine/contest.h"
#include "engine/pause.h"
#include "engine/relay.h"
#include "store/audit.h"
#include "store/credentials.h"
#include "store/members.h"

enum { TICK_MS = 500, SWEEP_EVERY_MS = 60000, HELD_PER_SWEEP = 1000 };

struct ticker {
    struct engine *engine;
    pthread_t thread;
    bool runs_timers;
    struct pause pause;
};

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

/* ---- the thread ---- */

static void *thread_main(void *self)
{
    struct ticker *t = self;
    pause_begin("clock", 0);
    int64_t swept_at = clock_monotonic_us() / 1000;
    bool is_armed = true;
    while (pause_ms(&t->pause, is_armed ? TICK_MS : 0)) {
        size_t ran = 0;
        struct ticket relays = {.job = relays_claim};
        (void)!engine_run(t->engine, &relays); // tried again at the next turn
        enum err err = t->runs_timers ? engine_timers_run(t->engine, &ran) : ERR_OK;
        if (err == ERR_OK && t->runs_timers) {
            err = arming_run(t->engine, &is_armed);
        }
        is_armed |= err != ERR_OK; // tried again at the next tick
        if (err != ERR_OK && err != ERR_STOPPING && err != ERR_NO_PROGRAM) {
            log_line(LOG_WARN, "clock", "error=%s", err_code(err));
        }
        if (t->runs_timers && clock_monotonic_us() / 1000 - swept_at >= SWEEP_EVERY_MS) {
            struct ticket sweep = {.job = sweep_expired};
            swept_at = clock_monotonic_us() / 1000;
            (void)!engine_run(t->engine, &sweep); // tried again at the next sweep
        }
    }
    return NULL;
}

struct ticker *ticker_open(struct engine *engine, bool runs_timers)
{
    struct ticker *t = calloc(1, sizeof *t); // start-up code
    ensure(t != NULL);
    t->engine = engine;
    t->runs_timers = runs_timers;
    pause_open(&t->pause);
    ensure(pthread_create(&t->thread, NULL, thread_main, t) == 0);
    return t;
}

void ticker_close(struct ticker *t)
{
    if (t == NULL) {
        return;
    }
    pause_end(&t->pause);
    ensure(pthread_join(t->thread, NULL) == 0);
    free(t); // made at start-up, released at the close
}
