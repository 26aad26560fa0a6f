/* The way of a write that is an event. */
#include "base/base.h"
#include "api/event_call.h"

#include "api/answer_write.h"
#include "api/member.h"

static void answer(struct api_call *call, struct store *store, const struct submission *s,
                   bool is_dry)
{
    enum err err = s->err;
    if (err != ERR_OK) {
        call_refuse(call, api_event_error(err), &s->fail);
        return;
    }
    err = answer_write(&call->w, store, s, is_dry);
    if (err != ERR_OK) {
        call_refuse(call, err, NULL);
        return;
    }
    if (s->is_replay) {
        call_header(call, STR("Idempotency-Replayed"), STR("true"));
    }
    call->status = is_dry ? 200 : 201;
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

/* What a call carries on its way. */
struct event_work {
    event_prepare *prepare;
};

static void work(struct api_task *task, struct store *store)
{
    struct api_call *call = task->call;
    struct submission *s = arena_new(call->arena, struct submission, 1);
    bool is_dry = false;
    enum err err = call_flag(call, "dry_run", &is_dry);
    if (err == ERR_OK) {
        err = call_snapshot(call, store);
    }
    if (err == ERR_OK) {
        err = ((struct event_work *)call->work)->prepare(call, store, s);
    }
    db_rollback(store_db(store));
    if (err == ERR_OK && is_dry) {
        err = call_dry_run(call, store, s, 1);
    }
    if (err != ERR_OK) {
        call_refuse(call, err, NULL);
    } else if (is_dry) {
        answer(call, store, s, true);
    } else {
        call->ticket = (struct ticket){.list = s, .n = 1, .done = decided, .owner = call};
        call_submit(call);
    }
}

void event_call_ready(struct api_call *call, struct store *store, struct submission *s)
{
    s->event.actor = call_actor(call);
    s->refusal_is_error = true;
    submission_hash(s, store_vault(store), call->body);
    s->event.time = call->now;
}

void event_call(struct api_call *call, event_prepare *prepare)
{
    struct event_work *carried = arena_new(call->arena, struct event_work, 1);
    carried->prepare = prepare;
    call->work = carried;
    call_work(call, work);
}
