/* POST /v1/members/{id}/adjustments: points booked by hand, an event like all others. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/answer_write.h"
#include "api/member.h"
#include "base/num.h"
#include "core/pan.h"

enum { REASON_BYTES_MAX = 1000, WALLET_BYTES_MAX = 64 };

static void answer(struct api_call *call, struct store *store, const struct submission *s, bool is_dry)
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

static enum err read_adjustment(struct api_call *call, struct event *event)
{
    static const char *const FIELDS[] = {"wallet", "points", "reason"};
    static const struct place REASON = {.name = "reason"};
    static const struct place POINTS = {.name = "points"};
    struct reader r = {.arena = call->arena, .f = &call->fail};
    event->points = 1; // where it is missing that is the fault
    if (read_object(&r, call->body, NULL, FIELDS, ARRAY_N(FIELDS))) {
        read_text(&r, call->body, NULL, "wallet", READ_REQUIRED, WALLET_BYTES_MAX, &event->wallet);
        read_whole(&r, call->body, NULL, "points", READ_REQUIRED, -TRANSFER_POINTS_MAX, TRANSFER_POINTS_MAX, &event->points);
        read_text(&r, call->body, NULL, "reason", READ_REQUIRED, REASON_BYTES_MAX, &event->reason);
        if (event->points == 0) {
            read_fault(&r, ERR_INVALID, &POINTS, "An adjustment moves points: more or less than 0.");
        }
        if (pan_is_in(event->reason)) {
            read_fault(&r, ERR_INVALID, &REASON, "This looks like the number of a payment card, which is not kept here.");
        }
    }
    return read_done(&r);
}

static enum err prepare(struct api_call *call, struct store *store, struct submission *s)
{
    int64_t member = 0;
    try(member_find(call, store, call->params[0], &member));
    api_event_open(call, s, EVENT_ADJUSTED, member);
    try(read_adjustment(call, &s->event));
    s->event.actor = call_actor(call);
    s->refusal_is_error = true;
    // The fingerprint is that of what was sent; the instant is the server's and no part of it.
    submission_hash(s, store_vault(store), call->body);
    s->event.time = call->now;
    return ERR_OK;
}

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
        err = prepare(call, store, s);
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

void api_adjustments_post(struct api_call *call)
{
    call_work(call, work);
}
