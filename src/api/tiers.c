/* A member's tiers: what they have and have earned, giving one by hand, how it came. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/answer_write.h"
#include "api/event_call.h"
#include "api/member.h"
#include "core/pan.h"
#include "core/tier.h"

enum { REASON_BYTES_MAX = 1000, SLUG_MAX = 64, CURSOR_BYTES_MAX = ID_TEXT_BYTES + 8 };

/* ---- history ---- */

/* A member's way back through the events that changed a tier, step by step. */
struct walk {
    struct store *store;
    struct arena *arena;
    const struct member_facts *facts;
    struct event_row row; // of the step
    size_t at;            // steps of that event that are left
    int64_t next;         // event to go on with, 0: the end
};

/* The step before; NULL at the beginning. */
static enum err step_back(struct walk *w, const struct tier_change **out)
{
    *out = NULL;
    if (w->at == 0 && w->next != 0) {
        try(store_events_read(w->store, w->arena, &w->facts->member, &w->next, 1, &w->facts->key,
                              &w->row));
        w->at = w->row.answer.tier_changes_n;
        w->next = w->row.answer.tier_event_before;
        if (w->at == 0) {
            return ERR_INTEGRITY; // the one after it, or the state, says that it has one
        }
    }
    *out = w->at > 0 ? &w->row.answer.tier_changes[--w->at] : NULL;
    return ERR_OK;
}

/* What the clock does counts from when it was due, everything else from when it was booked. */
static int64_t changed_at(const struct event_row *row)
{
    return event_is_of_clock(&row->event) ? row->event.time : row->booked_at;
}

static void text_or_null(struct json_out *w, struct str text)
{
    if (text.n == 0) {
        json_put_null(w);
    } else {
        json_put_str(w, text);
    }
}

static void change_write(struct json_out *w, const struct store *store, const struct event_row *row,
                         const struct tier_change *c)
{
    json_open(w, '{');
    json_key(w, "set");
    json_put_str(w, store_symbol_slug(store, c->set));
    json_key(w, "from");
    json_put_str(w, store_symbol_slug(store, c->from));
    json_key(w, "to");
    json_put_str(w, store_symbol_slug(store, c->to));
    json_key(w, "why");
    json_put_str(w, tier_why_slug(c->why));
    json_key(w, "at");
    json_put_instant(w, changed_at(row));
    json_key(w, "valid_until");
    json_put_instant(w, c->valid_until);
    json_key(w, "event");
    json_put_id(w, "evt_", row->id);
    json_key(w, "reason");
    text_or_null(w, c->why == WHY_MANUAL ? row->event.reason : (struct str){0});
    json_key(w, "actor");
    text_or_null(w, c->why == WHY_MANUAL ? row->event.actor : (struct str){0});
    json_close(w, '}');
}

/* A cursor is the event that the next page begins with, and how many of its steps were shown:
 * "evt_….2". */
static enum err read_cursor(struct api_call *call, struct walk *w)
{
    struct str text;
    int64_t event = 0;
    int64_t left = 0;
    if (!http_query(call->request, "cursor", &text)) {
        return ERR_OK;
    }
    const size_t dot = str_find(text, '.', 0);
    if (dot >= text.n || !id_read("evt_", (struct str){.p = text.p, .n = dot}, &event) ||
        !str_int64(str_after(text, dot + 1), &left) || left < 1) {
        return fail(&call->fail, ERR_INVALID, "",
                    "The parameter \"cursor\" is the next_cursor of an answer to the same list.");
    }
    const enum err err = store_events_read(w->store, w->arena, &w->facts->member, &event, 1,
                                           &w->facts->key, &w->row);
    if (err == ERR_INTEGRITY || (err == ERR_OK && (size_t)left > w->row.answer.tier_changes_n)) {
        return fail(&call->fail, ERR_INVALID, "",
                    "The parameter \"cursor\" is the next_cursor of an answer to the same list.");
    }
    w->at = (size_t)left;
    w->next = w->row.answer.tier_event_before;
    return err;
}

static void cursor_write(struct json_out *out, int64_t event, size_t left)
{
    char id[ID_TEXT_BYTES + 1];
    char text[CURSOR_BYTES_MAX + 1];
    json_key(out, "next_cursor");
    if (event == 0) {
        json_put_null(out);
        return;
    }
    id_write("evt_", event, id);
    (void)snprintf(text, sizeof text, "%s.%zu", id, left); // an id and at most a few digits
    json_put_str(out, str_c(text));
}

enum err api_tier_history_get(struct api_call *call, struct store *store, struct json_out *w)
{
    int64_t member = 0;
    int64_t limit = 0;
    struct member_facts facts;
    const struct tier_change *change = NULL;
    try(call_limit(call, &limit));
    try(member_find(call, store, call->params[0], &member));
    try(member_facts_read(call, store, member, &facts));
    struct walk walk = {.store = store,
                        .arena = call->arena,
                        .facts = &facts,
                        .next = facts.state->last_tier_event};
    try(read_cursor(call, &walk));
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (int64_t i = 0; i < limit; i++) {
        try(step_back(&walk, &change));
        if (change == NULL) {
            break;
        }
        change_write(w, store, &walk.row, change);
    }
    json_close(w, ']');
    const int64_t here = walk.row.id;
    const size_t left = walk.at;
    try(step_back(&walk, &change)); // a page that ends with the last step is the last
    cursor_write(w,
                 change == NULL ? 0
                 : left > 0     ? here
                                : walk.row.id,
                 left > 0 ? left : walk.at + 1);
    json_close(w, '}');
    return ERR_OK;
}

/* ---- as they are, as they were ---- */

static void floors_write(struct json_out *w, const struct store *store, const struct state *state,
                         int32_t set)
{
    static const char *const KINDS[] = {
        [FLOOR_MANUAL] = "manual", [FLOOR_GIFT] = "gift", [FLOOR_LIFETIME] = "lifetime"};
    json_key(w, "floors");
    json_open(w, '[');
    for (size_t i = 0; i < state->floors_n; i++) {
        const struct tier_floor *floor = &state->floors[i];
        if (floor->set != set) {
            continue;
        }
        json_open(w, '{');
        json_key(w, "tier");
        json_put_str(w, store_symbol_slug(store, floor->tier));
        json_key(w, "kind");
        json_put_str(w, str_c(KINDS[floor->kind]));
        json_key(w, "until");
        json_put_instant(w, floor->until);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void earned_write(struct json_out *w, const struct tier_set *set, const struct state *state)
{
    int64_t valid_until = AT_NEVER;
    const size_t rank = tier_earned(set, state, &valid_until);
    json_key(w, "earned");
    json_open(w, '{');
    json_key(w, "tier");
    json_put_str(w, set->tiers[rank].slug);
    json_key(w, "valid_until");
    json_put_instant(w, valid_until);
    json_close(w, '}');
}

static void tiers_now_write(struct json_out *w, const struct store *store,
                            const struct program *program, const struct state *state,
                            const struct answer *answer)
{
    for (size_t i = 0; i < answer->tiers_n; i++) {
        json_open(w, '{');
        tier_fields_write(w, store, &answer->tiers[i], false);
        earned_write(w, &program->tier_sets[i], state);
        floors_write(w, store, state, program->tier_sets[i].symbol);
        json_close(w, '}');
    }
}

/* Takes what changed since an instant back; progress is of today and is not told. */
static enum err rewind_tiers(struct api_call *call, struct store *store,
                             const struct member_facts *facts, int64_t as_of, struct answer *answer)
{
    struct walk walk = {.store = store,
                        .arena = call->arena,
                        .facts = facts,
                        .next = facts->state->last_tier_event};
    const struct tier_change *change = NULL;
    bool *is_known = arena_new(call->arena, bool, answer->tiers_n);
    size_t unknown = answer->tiers_n;
    for (size_t i = 0; i < answer->tiers_n; i++) {
        answer->tiers[i].metric = 0;
        answer->tiers[i].valid_until = AT_NEVER;
    }
    try(step_back(&walk, &change));
    while (change != NULL && unknown > 0) {
        for (size_t i = 0; i < answer->tiers_n; i++) {
            struct answer_tier *tier = &answer->tiers[i];
            if (tier->set != change->set || is_known[i]) {
                continue;
            }
            is_known[i] = changed_at(&walk.row) <= as_of;
            tier->tier = is_known[i] ? change->to : change->from;
            tier->valid_until = is_known[i] ? change->valid_until : AT_NEVER;
            unknown -= is_known[i];
        }
        try(step_back(&walk, &change));
    }
    return ERR_OK;
}

enum err api_tiers_get(struct api_call *call, struct store *store, struct json_out *w)
{
    int64_t member = 0;
    int64_t as_of = AT_NEVER;
    struct str text;
    struct member_facts facts;
    struct answer answer = {0};
    const struct program *program = NULL;
    if (http_query(call->request, "as_of", &text) && !instant_read(text, &as_of)) {
        return fail(&call->fail, ERR_INVALID, "",
                    "The parameter \"as_of\" is an instant like 2026-11-21T10:00:00Z.");
    }
    try(member_find(call, store, call->params[0], &member));
    try(member_facts_read(call, store, member, &facts));
    try(store_program_at(store, call->now, &program));
    answer_open(call->arena, program, NULL, facts.state, call->now, &answer);
    json_open(w, '{');
    json_key(w, "data");
    if (as_of == AT_NEVER) {
        json_open(w, '[');
        tiers_now_write(w, store, program, facts.state, &answer);
        json_close(w, ']');
    } else {
        try(rewind_tiers(call, store, &facts, as_of, &answer));
        tiers_write(w, store, &answer, false);
    }
    json_close(w, '}');
    return ERR_OK;
}

/* ---- by hand ---- */

/* A day or an instant; a day ends what is given where it begins. */
static void read_until(struct reader *r, const struct json *body, const struct program *program,
                       int64_t *until)
{
    static const struct place UNTIL = {.name = "until"};
    const struct str text = json_str(json_at(body, "until"));
    int32_t day = 0;
    if (json_at(body, "until") == NULL || json_is_null(json_at(body, "until"))) {
        return;
    }
    if (day_read(text, &day)) {
        *until = zone_midnight(program->zone, day);
    } else if (!instant_read(text, until)) {
        read_fault(r, ERR_INVALID, &UNTIL,
                   "This is a day like 2027-01-31 or an instant like 2027-01-31T00:00:00Z.");
    }
}

static enum err read_grant(struct api_call *call, const struct program *program,
                           struct event *event)
{
    static const char *const FIELDS[] = {"set", "tier", "until", "reason"};
    static const struct place REASON = {.name = "reason"};
    static const struct place SET = {.name = "set"};
    struct reader r = {.arena = call->arena, .f = &call->fail};
    struct str set = program->tier_sets_n == 1 ? program->tier_sets[0].slug : (struct str){0};
    struct str tier = {0};
    int64_t until = AT_NEVER;
    if (read_object(&r, call->body, NULL, FIELDS, ARRAY_N(FIELDS))) {
        read_text(&r, call->body, NULL, "set", READ_OPTIONAL, SLUG_MAX, &set);
        read_text(&r, call->body, NULL, "tier", READ_REQUIRED, SLUG_MAX, &tier);
        read_text(&r, call->body, NULL, "reason", READ_REQUIRED, REASON_BYTES_MAX, &event->reason);
        read_until(&r, call->body, program, &until);
        if (set.n == 0) {
            read_fault(&r, ERR_INVALID, &SET,
                       "Name the tier set: the program has several, or none.");
        }
        if (pan_is_in(event->reason)) {
            read_fault(&r, ERR_INVALID, &REASON,
                       "This looks like the number of a payment card, which is not kept here.");
        }
    }
    try(read_done(&r));
    struct json *data = json_object_new(call->arena);
    json_set_text(call->arena, data, "set", set);
    json_set_text(call->arena, data, "tier", tier);
    if (until != AT_NEVER) {
        char at[INSTANT_BYTES + 1];
        instant_write(until, at);
        json_set_text(call->arena, data, "until", str_c(at));
    }
    event->data = data;
    return ERR_OK;
}

static enum err prepare(struct api_call *call, struct store *store, struct submission *s)
{
    int64_t member = 0;
    const struct program *program = NULL;
    try(member_find(call, store, call->params[0], &member));
    try(store_program_at(store, call->now, &program));
    api_event_open(call, s, EVENT_TIER_GRANTED, member);
    try(read_grant(call, program, &s->event));
    event_call_ready(call, store, s);
    return ERR_OK;
}

void api_tiers_post(struct api_call *call)
{
    event_call(call, prepare);
}
