/* The arming pass. */
#include "base/base.h"
#include "engine/arming.h"

#include "base/log.h"
#include "store/clock.h"

#define RUN_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct arming_job {
    struct arena *arena; // the caller's: the lane's own ends with the job
    struct arming arming;
    int64_t *members;
    size_t n;
    bool is_done;
};

/* A version with nothing to wait for needs no pass, unless the one before had something: then what
 * is left of it goes at its due. */
static enum err claim(struct store *store, struct arena *arena, void *self)
{
    struct arming_job *job = self;
    struct instance instance;
    const struct program *program = NULL;
    (void)arena; // the list outlives the lane's arena
    job->n = 0;
    try(store_instance_read(store, job->arena, &instance));
    try(store_programs_refresh(store, instance.epoch));
    const enum err err = store_program_at(store, store_now(&instance), &program);
    if (err != ERR_OK) {
        job->is_done = true;
        return err == ERR_NO_PROGRAM ? ERR_OK : err;
    }
    try(store_arming_read(store, job->arena, &job->arming));
    if (job->arming.version != program->version) {
        try(store_arming_begin(store, program->version, store_now(&instance),
                               program->plans_n > 0));
        try(store_arming_read(store, job->arena, &job->arming));
    }
    job->is_done = job->arming.finished_at != AT_NEVER;
    if (job->is_done) {
        return ERR_OK;
    }
    try(store_arming_members(store, job->arena, &job->arming, ARMING_RUN, &job->members, &job->n));
    if (job->n == 0) {
        job->is_done = true;
        log_line(LOG_INFO, "clock", "armed=%" PRId64 " version=%d", job->arming.members,
                 job->arming.version);
        return store_arming_finish(store, &job->arming, store_now(&instance));
    }
    return ERR_OK;
}

static enum err advance(struct store *store, struct arena *arena, void *self)
{
    const struct arming_job *job = self;
    (void)arena; // one statement
    return store_arming_advance(store, &job->arming, job->members[job->n - 1], job->n);
}

enum err arming_run(struct engine *engine, bool *is_done)
{
    struct arena arena;
    arena_open(&arena, RUN_BYTES_MAX);
    struct arming_job job = {.arena = &arena};
    struct ticket first = {.job = claim, .job_self = &job};
    enum err err = engine_run(engine, &first);
    if (err == ERR_OK && job.n > 0) {
        struct submission *list = arena_new(&arena, struct submission, job.n);
        for (size_t i = 0; i < job.n; i++) {
            list[i] = (struct submission){
                .kind = SUBMIT_TIMERS, .arena = &arena, .member = job.members[i]};
        }
        struct ticket ticket = {.list = list, .n = job.n};
        err = engine_run(engine, &ticket);
        if (err == ERR_OK) {
            for (size_t i = 0; i < job.n && err == ERR_OK; i++) {
                err = list[i].err;
            }
        }
        if (err == ERR_OK) {
            struct ticket last = {.job = advance, .job_self = &job};
            err = engine_run(engine, &last);
        }
    }
    *is_done = err == ERR_OK && job.is_done;
    arena_close(&arena);
    return err;
}
