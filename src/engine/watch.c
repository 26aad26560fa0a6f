/* Passes of the self-check beside the server's work. */
#include "base/base.h"
#include "engine/watch.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "engine/pause.h"
#include "engine/verify.h"
#include "store/audit.h"
#include "store/frozen.h"

#define PASS_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct watch {
    struct watch_config config;
    struct store *store;
    pthread_t thread;
    bool has_thread;
    struct pause pause;
    // Of the running pass, the thread's own.
    size_t told; // violations that were acted on
    int64_t worked_from_us;
    int64_t submissions; // the lane's, when it was last looked at
    atomic_llong passes, violations, members, last_ms;
};

/* ---- what becomes of a violation ---- */

struct freeze_job {
    const struct violation *list;
    size_t n;
};

static struct str reason_text(struct arena *arena, const struct violation *v)
{
    struct buf text;
    buf_open(&text, arena, 64 * 1024);
    struct json_out w = json_out(&text);
    json_open(&w, '{');
    json_key(&w, "invariant");
    json_put_str(&w, str_c(invariant_name(v->invariant)));
    json_key(&w, "table");
    json_put_str(&w, v->table);
    json_key(&w, "row");
    json_put_str(&w, v->row);
    json_key(&w, "detail");
    json_put_str(&w, v->detail);
    json_close(&w, '}');
    return buf_view(&text);
}

static enum err freeze_one(struct store *store, struct arena *arena, const struct violation *v,
                           int64_t now)
{
    char member[ID_TEXT_BYTES + 1];
    bool is_new = false;
    const struct frozen_member frozen = {
        .member = v->member,
        .at = now,
        .invariant = v->invariant,
        .place = str_fmt(arena, "%.*s %.*s", STR_ARG(v->table), STR_ARG(v->row)),
        .detail = v->detail,
    };
    try(store_member_freeze(store, &frozen, &is_new));
    if (!is_new) {
        return ERR_OK;
    }
    id_write("mbr_", v->member, member);
    const struct audit_entry entry = {
        .actor = STR("loyald/verify"),
        .action = STR("member.freeze"),
        .object = str_dup(arena, str_c(member)),
        .after = reason_text(arena, v),
        .at = now,
    };
    return store_audit_write(store, arena, &entry);
}

static enum err freeze(struct store *store, struct arena *arena, void *self)
{
    const struct freeze_job *job = self;
    struct instance instance;
    try(store_instance_read(store, arena, &instance));
    for (size_t i = 0; i < job->n; i++) {
        if (job->list[i].member > 0) {
            try(freeze_one(store, arena, &job->list[i], store_now(&instance)));
        }
    }
    return ERR_OK;
}

/* Acts on violations that were found since the last time. */
static void act(struct watch *watch, const struct verify_report *report)
{
    struct freeze_job job = {.list = report->list + watch->told, .n = report->n - watch->told};
    if (job.n == 0) {
        return;
    }
    for (size_t i = 0; i < job.n; i++) {
        const struct violation *v = &job.list[i];
        log_line(LOG_ERROR, "verify",
                 "invariant=%s table=%.*s row=\"%.*s\" member=%" PRId64
                 " detail=\"%.*s\" action=%s",
                 invariant_name(v->invariant), STR_ARG(v->table), STR_ARG(v->row), v->member,
                 STR_ARG(v->detail), v->member > 0 ? "freeze" : "none");
    }
    struct ticket ticket = {.job = freeze, .job_self = &job};
    const enum err err = engine_run(watch->config.engine, &ticket);
    if (err != ERR_OK) {
        log_line(LOG_ERROR, "verify", "freeze=failed error=%s",
                 err_code(err)); // found again with the next pass
    }
    atomic_fetch_add(&watch->violations, (long long)job.n);
    watch->told = report->n;
}

/* ---- a pass ---- */

/* Leaves the machine to others for a multiple of the time that was worked. */
static bool rest(void *self)
{
    struct watch *watch = self;
    struct engine_stats stats;
    if (!watch->has_thread) {
        return true;
    }
    const int64_t worked_ms = (clock_monotonic_us() - watch->worked_from_us) / 1000 + 1;
    engine_stats_read(watch->config.engine, &stats);
    const bool is_busy = stats.waiting > 0 || stats.submissions != watch->submissions;
    watch->submissions = stats.submissions;
    const bool goes_on = pause_ms(
        &watch->pause, int64_min(worked_ms * (is_busy ? WATCH_BUSY_FACTOR : WATCH_SLEEP_FACTOR),
                                 WATCH_SLEEP_MS_MAX));
    watch->worked_from_us = clock_monotonic_us();
    return goes_on;
}

/* Between two slices. */
static bool pace(void *self, const struct verify_report *so_far, int64_t members_all)
{
    struct watch *watch = self;
    (void)members_all; // a pass takes as long as it takes
    act(watch, so_far);
    atomic_store(&watch->members, (long long)so_far->members);
    return rest(watch);
}

enum err watch_pass(struct watch *watch)
{
    struct arena arena;
    const int64_t from_us = clock_monotonic_us();
    const struct verify_options options = {
        .self = watch, .progress = pace, .pause = rest, .is_light = true};
    arena_open(&arena, PASS_BYTES_MAX);
    struct verify_report *report = arena_new(&arena, struct verify_report, 1);
    report->arena = &arena;
    watch->told = 0;
    watch->worked_from_us = from_us;
    const enum err err = verify_run(watch->store, &options, report);
    act(watch, report);
    if (err == ERR_OK && !report->is_cancelled) {
        atomic_fetch_add(&watch->passes, 1);
        atomic_store(&watch->last_ms, (clock_monotonic_us() - from_us) / 1000);
        log_line(report->violations == 0 ? LOG_INFO : LOG_ERROR, "verify",
                 "members=%" PRId64 " events=%" PRId64 " transfers=%" PRId64 " violations=%" PRId64,
                 report->members, report->events, report->transfers, report->violations);
    }
    arena_close(&arena);
    return err;
}

static void *watch_main(void *self)
{
    struct watch *watch = self;
    pause_begin("verify", WATCH_NICE);
    int64_t wait_ms = WATCH_BEGIN_MS;
    while (pause_ms(&watch->pause, wait_ms)) {
        const enum err err = watch_pass(watch);
        if (err != ERR_OK) {
            log_line(LOG_WARN, "verify", "pass=unfinished error=%s", err_code(err));
        }
        wait_ms = watch->config.every_ms;
    }
    return NULL;
}

/* ---- opening and closing ---- */

static enum err look_at_heads(struct watch *watch)
{
    struct arena arena;
    arena_open(&arena, PASS_BYTES_MAX);
    struct verify_report *report = arena_new(&arena, struct verify_report, 1);
    report->arena = &arena;
    const enum err err = verify_heads(watch->store, report);
    act(watch, report);
    arena_close(&arena);
    return err;
}

enum err watch_open(const struct watch_config *config, struct fail *f, struct watch **out)
{
    struct watch *watch = calloc(1, sizeof *watch); // start-up code
    ensure(watch != NULL);
    watch->config = *config;
    enum err err = store_open(config->base, DB_READER, f, &watch->store);
    if (err == ERR_OK) {
        err = look_at_heads(watch);
    }
    if (err != ERR_OK) {
        store_close(watch->store);
        free(watch); // start-up code
        return err;
    }
    pause_open(&watch->pause);
    if (config->every_ms > 0) {
        watch->has_thread = true;
        ensure(pthread_create(&watch->thread, NULL, watch_main, watch) == 0);
    }
    *out = watch;
    return ERR_OK;
}

void watch_close(struct watch *watch)
{
    if (watch == NULL) {
        return;
    }
    pause_end(&watch->pause);
    if (watch->has_thread) {
        ensure(pthread_join(watch->thread, NULL) == 0);
    }
    store_close(watch->store);
    free(watch); // start-up code
}

void watch_stats_read(const struct watch *watch, struct watch_stats *out)
{
    struct watch *w = (struct watch *)watch; // atomics are read only
    *out = (struct watch_stats){
        .passes = atomic_load(&w->passes),
        .violations = atomic_load(&w->violations),
        .members = atomic_load(&w->members),
        .last_ms = atomic_load(&w->last_ms),
    };
}
