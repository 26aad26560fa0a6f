/* A member's subscriptions. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/member.h"
#include "core/subscription.h"

/* As it is at an instant: what nobody asks for is judged when it is looked at. */
static void subscription_write(struct json_out *w, const struct program *program,
                               const struct subscription *stored, struct str id, int64_t now)
{
    struct subscription s = *stored;
    char start[DAY_BYTES + 1];
    subscription_advance(program, &s, now);
    day_write(s.start_on, start);
    json_open(w, '{');
    json_key(w, "subscription");
    json_put_str(w, id);
    json_key(w, "plan");
    if (s.plan.n > 0) {
        json_put_str(w, s.plan);
    } else {
        json_put_null(w);
    }
    json_key(w, "state");
    json_put_str(w, subscription_state_slug(s.state));
    json_key(w, "start");
    if (s.is_started) {
        json_put_str(w, str_c(start));
    } else {
        json_put_null(w); // what came after its start has come before it
    }
    json_key(w, "months_kept");
    json_put_int(w, s.kept);
    json_key(w, "months_owed");
    json_put_int(w, s.owed);
    json_key(w, "months_paid_ahead");
    json_put_int(w, s.credit);
    json_key(w, "month_ends_at");
    json_put_instant(w, subscription_runs(&s) ? subscription_due(program, &s, 0) : AT_NEVER);
    json_close(w, '}');
}

/* Newest first; what they are called stands sealed in the events that opened them. */
enum err api_subscriptions_get(struct api_call *call, struct store *store, struct json_out *w)
{
    int64_t member = 0;
    int64_t from = 0;
    int64_t limit = 0;
    struct member_facts facts;
    const struct program *program = NULL;
    const struct subscription *shown[STATE_SUBSCRIPTIONS_MAX];
    int64_t next = 0;
    size_t n = 0;
    try(call_page(call, "evt_", &from, &limit));
    try(member_find(call, store, call->params[0], &member));
    try(member_facts_read(call, store, member, &facts));
    try(store_program_at(store, call->now, &program));
    for (size_t i = facts.state->subscriptions_n; i-- > 0 && next == 0;) {
        const struct subscription *s = &facts.state->subscriptions[i];
        if (s->opened_by <= from && n == (size_t)limit) {
            next = s->opened_by;
        } else if (s->opened_by <= from) {
            shown[n++] = s;
        }
    }
    struct event_row *rows = arena_new(call->arena, struct event_row, n);
    int64_t *members = arena_new(call->arena, int64_t, n);
    int64_t *events = arena_new(call->arena, int64_t, n);
    struct vault_key *keys = arena_new(call->arena, struct vault_key, n);
    for (size_t i = 0; i < n; i++) {
        members[i] = member;
        events[i] = shown[i]->opened_by;
        keys[i] = facts.key;
    }
    try(store_events_read(store, call->arena, members, events, n, keys, rows));
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        subscription_write(w, program, shown[i],
                           json_str(json_at(rows[i].event.data, "subscription")), call->now);
    }
    json_close(w, ']');
    call_page_end(w, "evt_", next);
    json_close(w, '}');
    return ERR_OK;
}
