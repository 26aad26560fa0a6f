/* POST /v1/members/{id}/adjustments: points booked by hand, an event like all others. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/event_call.h"
#include "api/member.h"
#include "base/num.h"
#include "core/pan.h"

enum { REASON_BYTES_MAX = 1000, WALLET_BYTES_MAX = 64 };

static enum err read_adjustment(struct api_call *call, struct event *event)
{
    static const char *const FIELDS[] = {"wallet", "points", "reason"};
    static const struct place REASON = {.name = "reason"};
    static const struct place POINTS = {.name = "points"};
    struct reader r = {.arena = call->arena, .f = &call->fail};
    event->points = 1; // where it is missing that is the fault
    if (read_object(&r, call->body, NULL, FIELDS, ARRAY_N(FIELDS))) {
        read_text(&r, call->body, NULL, "wallet", READ_REQUIRED, WALLET_BYTES_MAX, &event->wallet);
        read_whole(&r, call->body, NULL, "points", READ_REQUIRED, -TRANSFER_POINTS_MAX,
                   TRANSFER_POINTS_MAX, &event->points);
        read_text(&r, call->body, NULL, "reason", READ_REQUIRED, REASON_BYTES_MAX, &event->reason);
        if (event->points == 0) {
            read_fault(&r, ERR_INVALID, &POINTS,
                       "An adjustment moves points: more or less than 0.");
        }
        if (pan_is_in(event->reason)) {
            read_fault(&r, ERR_INVALID, &REASON,
                       "This looks like the number of a payment card, which is not kept here.");
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
    event_call_ready(call, store, s);
    return ERR_OK;
}

void api_adjustments_post(struct api_call *call)
{
    event_call(call, prepare);
}
