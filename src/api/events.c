/* POST /v1/events. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/answer_write.h"
#include "api/event_read.h"
#include "api/handlers.h"

/* Sends what became of a submission. */
static void answer(struct api_call *call, struct store *store, const struct submission *s,
                   bool is_dry)
{
    enum err err = s->err;
    if (err != ERR_OK) {
        call_refuse(call, err, &s->fail);
        return;
    }
    err = answer_write(&call->w, store, s, is_dry);
    if (err != ERR_OK) {
        call_refuse(call, err, NULL);
        return;
    }
    call->status = s->is_replay || is_dry ? 200 : 201;
    if (s->is_replay && !is_dry) {
        call_header(call, STR("Idempotency-Replayed"), STR("true"));
    }
    call_answer(call);
}

static void decided(struct ticket *ticket)
{
    struct api_call *call = ticket->owner;
    if (ticket->err != ERR_OK) {
        call_refuse(call, ticket->err, NULL);
        return;
    }
    answer(call, call->api->lane_store, &ticket->list[0], false);
}

static void dry_run(struct api_task *task, struct store *reader)
{
    struct api_call *call = task->call;
    struct submission *s = call->work;
    const enum err err = call_dry_run(call, reader, s, 1);
    if (err != ERR_OK) {
        call_refuse(call, err, NULL);
        return;
    }
    answer(call, reader, s, true);
}

enum err call_dry_run(struct api_call *call, struct store *reader, struct submission *list,
                      size_t n)
{
    // Members whom only this dry run would enrol have no id to show.
    struct identifier *subjects = arena_new(call->arena, struct identifier, n);
    int64_t *members = arena_new(call->arena, int64_t, n);
    for (size_t i = 0; i < n; i++) {
        subjects[i] = list[i].subject;
    }
    try(store_members_find(reader, call->arena, subjects, n, members));
    try(engine_dry_run(reader, call->arena, list, n));
    for (size_t i = 0; i < n; i++) {
        list[i].member = members[i] == 0 ? 0 : list[i].member;
    }
    return ERR_OK;
}

void api_events_post(struct api_call *call)
{
    struct submission *s = arena_new(call->arena, struct submission, 1);
    bool is_dry = false;
    bool wants_explain = false;
    enum err err = call_flag(call, "dry_run", &is_dry);
    if (err == ERR_OK) {
        err = call_flag(call, "explain", &wants_explain);
    }
    if (err == ERR_OK) {
        err = call->body == NULL
                  ? fail(&call->fail, ERR_NOT_JSON, "", "The body is empty: send one event.")
                  : event_read(call->arena, store_base_vault(call->api->config.base), call->body,
                               NULL, &call->fail, s);
    }
    if (err != ERR_OK) {
        call_refuse(call, err, NULL);
        return;
    }
    s->credential = call->credential.id;
    s->may_import = scope_is_in(call->credential.scopes, SCOPE_IMPORT);
    s->wants_explain = wants_explain;
    if (is_dry) {
        call->work = s;
        call_work(call, dry_run);
        return;
    }
    call->ticket = (struct ticket){.list = s, .n = 1, .done = decided, .owner = call};
    call_submit(call);
}
