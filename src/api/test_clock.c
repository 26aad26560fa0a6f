/* POST /v1/test/clock: moves the clock of an instance made with --test-clock, and runs what is due
 * by then. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/handlers.h"

/* On a worker: every timer due on the way runs before the answer. */
static void move(struct api_task *task, struct store *reader)
{
    struct api_call *call = task->call;
    static const char *const FIELDS[] = {"now"};
    struct reader r = {.arena = call->arena, .f = &call->fail};
    int64_t now = 0;
    (void)reader; // the engine does all of it
    if (read_object(&r, call->body, NULL, FIELDS, ARRAY_N(FIELDS))) {
        read_instant(&r, call->body, NULL, "now", READ_REQUIRED, &now);
    }
    enum err err = read_done(&r);
    if (err == ERR_OK) {
        err = engine_clock_set(call->api->config.engine, call_actor(call), now, &call->fail);
    }
    if (err != ERR_OK) {
        call_refuse(call, err, NULL);
        return;
    }
    atomic_store(&call->api->test_now, now);
    json_open(&call->w, '{');
    json_key(&call->w, "now");
    json_put_instant(&call->w, now);
    json_close(&call->w, '}');
    call_answer(call);
}

void api_test_clock_post(struct api_call *call)
{
    if (!call->api->config.has_test_clock) {
        call_refuse(
            call,
            fail(&call->fail, ERR_NOT_FOUND, "", "This instance was made without --test-clock."),
            NULL);
        return;
    }
    call_work(call, move);
}
