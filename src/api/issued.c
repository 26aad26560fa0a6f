/* Issued rewards: a member's, one by one, and what becomes of them. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/answer_write.h"
#include "api/event_call.h"
#include "api/member.h"
#include "core/pan.h"
#include "core/reward.h"
#include "store/rewards.h"
#include "vault/code.h"

enum {
    SLUG_BYTES_MAX = 64,
    REFERENCE_BYTES_MAX = 200,
    REASON_BYTES_MAX = 1000,
    RESERVE_MINUTES_MAX = 24 * 60
};

/* ---- writing one ---- */

static void money_write(struct json_out *w, int64_t amount, struct str currency)
{
    json_open(w, '{');
    json_key(w, "amount");
    json_put_int(w, amount);
    json_key(w, "currency");
    json_put_str(w, currency);
    json_close(w, '}');
}

static void price_write(struct json_out *w, const struct store *store, const struct issued *issued)
{
    if (issued->price_points == 0) {
        json_put_null(w);
        return;
    }
    json_open(w, '{');
    json_key(w, "wallet");
    json_put_str(w, store_symbol_slug(store, issued->price_wallet));
    json_key(w, "points");
    json_put_int(w, issued->price_points);
    json_close(w, '}');
}

static bool is_money(enum reward_kind kind)
{
    return kind == REWARD_MONEY_OFF || kind == REWARD_GIFT_CARD || kind == REWARD_CASHBACK;
}

static void worth_write(struct json_out *w, const struct issued *issued)
{
    json_key(w, "value");
    if (is_money(issued->kind) || (issued->value > 0 && issued->kind != REWARD_CONTEST_ENTRY)) {
        money_write(w, issued->value, issued->currency);
    } else {
        json_put_null(w);
    }
    json_key(w, "percent");
    if (issued->kind == REWARD_PERCENT_OFF) {
        char text[16];
        const int n = snprintf(text, sizeof text, "%d.%02d", issued->percent_basis_points / 100,
                               issued->percent_basis_points % 100);
        json_put_str(w, (struct str){.p = text, .n = (size_t)n});
    } else {
        json_put_null(w);
    }
    json_key(w, "entries");
    if (issued->kind == REWARD_CONTEST_ENTRY) {
        json_put_int(w, issued->value);
    } else {
        json_put_null(w);
    }
    json_key(w, "left");
    if (issued->kind == REWARD_GIFT_CARD) {
        money_write(w, issued->left, issued->currency);
    } else {
        json_put_null(w);
    }
}

static void issued_write(struct json_out *w, const struct store *store, const struct issued *issued,
                         int64_t now)
{
    static const char *const FULFILMENTS[] = {"",        "ordered",   "packed",
                                              "shipped", "delivered", "returned"};
    _Static_assert(ARRAY_N(FULFILMENTS) == FULFILMENTS_N, "one name per step");
    const enum issued_state state = reward_state_at(issued, now);
    json_open(w, '{');
    json_key(w, "id");
    json_put_id(w, "rwd_", issued->id);
    json_key(w, "member");
    json_put_id(w, "mbr_", issued->member);
    json_key(w, "reward");
    json_put_str(w, store_symbol_slug(store, issued->reward));
    json_key(w, "kind");
    json_put_str(w, reward_kind_text(issued->kind));
    json_key(w, "state");
    json_put_str(w, issued_state_text(state));
    json_key(w, "code");
    if (issued->code.n > 0) {
        json_put_str(w, issued->code);
    } else {
        json_put_null(w);
    }
    json_key(w, "issued_at");
    json_put_instant(w, issued->issued_at);
    json_key(w, "expires_at");
    json_put_instant(w, issued->expires_at);
    json_key(w, "reserved_until");
    json_put_instant(w, state == ISSUED_RESERVED ? issued->reserved_until : AT_NEVER);
    json_key(w, "used_at");
    json_put_instant(w, issued->used_at > 0 ? issued->used_at : AT_NEVER);
    json_key(w, "price");
    price_write(w, store, issued);
    worth_write(w, issued);
    json_key(w, "min_spend");
    json_put_int(w, issued->min_spend);
    json_key(w, "combines");
    json_put_bool(w, issued->combines);
    json_key(w, "fulfilment");
    if (issued->fulfilment != FULFIL_NONE) {
        json_put_str(w, str_c(FULFILMENTS[issued->fulfilment]));
    } else {
        json_put_null(w);
    }
    json_key(w, "event");
    json_put_id(w, "evt_", issued->event);
    json_key(w, "program_version");
    json_put_int(w, issued->version);
    json_close(w, '}');
}

/* ---- reading ---- */

enum err api_member_rewards_get(struct api_call *call, struct store *store, struct json_out *w)
{
    int64_t member = 0;
    int64_t cursor = 0;
    int64_t limit = 0;
    struct issued *list = NULL;
    size_t n = 0;
    try(call_page(call, "rwd_", &cursor, &limit));
    try(member_find(call, store, call->params[0], &member));
    struct member_facts facts = {.member = member};
    try(store_facts_load(store, call->arena, &facts, 1, false));
    const int64_t from = cursor == INT64_MAX ? facts.state->last_reward : cursor;
    try(store_issued_list(store, call->arena, &facts, from, (size_t)limit, &list, &n));
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        issued_write(w, store, &list[i], call->now);
    }
    json_close(w, ']');
    call_page_end(w, "rwd_", n == 0 || n < (size_t)limit ? 0 : list[n - 1].previous);
    json_close(w, '}');
    return ERR_OK;
}

/* The reward that a path names, by id or code, and whose it is. */
static enum err issued_find(struct api_call *call, struct store *store, int64_t *id,
                            int64_t *member)
{
    const struct str text = call->params[0];
    *id = *member = 0;
    if (id_read("rwd_", text, id)) {
        try(store_issued_owner(store, call->arena, *id, member));
    } else if (text.n <= CODE_BYTES_MAX && code_is_plausible(code_normal(call->arena, text))) {
        try(store_codes_find(store, call->arena, &text, 1, id, member));
    }
    call->member = *member;
    return *member != 0
               ? ERR_OK
               : fail(&call->fail, ERR_NOT_FOUND, "", "No issued reward has this id or code.");
}

static enum err issued_read(struct api_call *call, struct store *store, struct issued *out)
{
    int64_t id = 0;
    int64_t member = 0;
    struct issued *list = NULL;
    size_t n = 0;
    try(issued_find(call, store, &id, &member));
    struct member_facts facts = {.member = member};
    try(store_facts_load(store, call->arena, &facts, 1, false));
    try(store_issued_load(store, call->arena, &facts, &id, 1, &list, &n));
    if (n == 0) {
        return fail(&call->fail, ERR_NOT_FOUND, "", "No issued reward has this id or code.");
    }
    *out = list[0];
    return ERR_OK;
}

enum err api_issued_get(struct api_call *call, struct store *store, struct json_out *w)
{
    struct issued issued;
    try(issued_read(call, store, &issued));
    issued_write(w, store, &issued, call->now);
    return ERR_OK;
}

/* ---- events about one ---- */

/* Begins the event; its data is the body, so that the timeline tells what was said. */
static enum err open_event(struct api_call *call, struct store *store, struct submission *s,
                           enum event_kind kind)
{
    int64_t id = 0;
    int64_t member = 0;
    try(issued_find(call, store, &id, &member));
    api_event_open(call, s, kind, member);
    s->event.rewards = arena_new(call->arena, struct reward_ref, 1);
    s->event.rewards[0] = (struct reward_ref){.text = call->params[0], .id = id};
    s->event.rewards_n = 1;
    s->event.data = call->body;
    return ERR_OK;
}

static enum err ready(struct api_call *call, struct store *store, struct submission *s,
                      const struct reader *r)
{
    try(read_done(r));
    if (pan_is_in(s->event.reason)) {
        return fail(&call->fail, ERR_INVALID, "/reason",
                    "This looks like the number of a payment card, which is not kept here.");
    }
    event_call_ready(call, store, s);
    return ERR_OK;
}

static enum err prepare_use(struct api_call *call, struct store *store, struct submission *s)
{
    static const char *const FIELDS[] = {"amount", "reference", "store"};
    struct reader r = {.arena = call->arena, .f = &call->fail};
    try(open_event(call, store, s, EVENT_REWARD_USED));
    if (call->body != NULL && read_object(&r, call->body, NULL, FIELDS, ARRAY_N(FIELDS))) {
        read_whole(&r, call->body, NULL, "amount", READ_OPTIONAL, 1, WHOLE_MAX, &s->event.amount);
        read_text(&r, call->body, NULL, "reference", READ_OPTIONAL, REFERENCE_BYTES_MAX,
                  &s->event.reason);
        read_text(&r, call->body, NULL, "store", READ_OPTIONAL, SLUG_BYTES_MAX, &s->event.store);
    }
    return ready(call, store, s, &r);
}

static enum err prepare_reserve(struct api_call *call, struct store *store, struct submission *s)
{
    static const char *const FIELDS[] = {"minutes", "reference"};
    struct reader r = {.arena = call->arena, .f = &call->fail};
    try(open_event(call, store, s, EVENT_REWARD_RESERVED));
    if (call->body != NULL && read_object(&r, call->body, NULL, FIELDS, ARRAY_N(FIELDS))) {
        read_whole(&r, call->body, NULL, "minutes", READ_OPTIONAL, 1, RESERVE_MINUTES_MAX,
                   &s->event.count);
        read_text(&r, call->body, NULL, "reference", READ_OPTIONAL, REFERENCE_BYTES_MAX,
                  &s->event.reason);
    }
    return ready(call, store, s, &r);
}

/* Releasing and cancelling only say why. */
static enum err prepare_plain(struct api_call *call, struct store *store, struct submission *s,
                              enum event_kind kind)
{
    static const char *const FIELDS[] = {"reason"};
    struct reader r = {.arena = call->arena, .f = &call->fail};
    try(open_event(call, store, s, kind));
    if (call->body != NULL && read_object(&r, call->body, NULL, FIELDS, ARRAY_N(FIELDS))) {
        read_text(&r, call->body, NULL, "reason", READ_OPTIONAL, REASON_BYTES_MAX,
                  &s->event.reason);
    }
    return ready(call, store, s, &r);
}

static enum err prepare_release(struct api_call *call, struct store *store, struct submission *s)
{
    return prepare_plain(call, store, s, EVENT_REWARD_RELEASED);
}

static enum err prepare_cancel(struct api_call *call, struct store *store, struct submission *s)
{
    return prepare_plain(call, store, s, EVENT_REWARD_CANCELLED);
}

static enum err prepare_fulfil(struct api_call *call, struct store *store, struct submission *s)
{
    static const char *const FIELDS[] = {"status", "reference"};
    static const char *const STEPS[] = {"",        "ordered",   "packed",
                                        "shipped", "delivered", "returned"};
    static const struct place STATUS = {.name = "status"};
    struct reader r = {.arena = call->arena, .f = &call->fail};
    struct str status = {0};
    try(open_event(call, store, s, EVENT_REWARD_FULFILLED));
    if (read_object(&r, call->body, NULL, FIELDS, ARRAY_N(FIELDS))) {
        read_text(&r, call->body, NULL, "status", READ_REQUIRED, SLUG_BYTES_MAX, &status);
        read_text(&r, call->body, NULL, "reference", READ_OPTIONAL, REFERENCE_BYTES_MAX,
                  &s->event.reason);
        for (size_t i = FULFIL_PACKED; i < ARRAY_N(STEPS); i++) {
            s->event.fulfilment = str_eq(status, str_c(STEPS[i])) ? (int)i : s->event.fulfilment;
        }
        if (status.n > 0 && s->event.fulfilment == FULFIL_NONE) {
            read_fault(&r, ERR_INVALID, &STATUS,
                       "The status is packed, shipped, delivered or returned.");
        }
    }
    return ready(call, store, s, &r);
}

void api_issued_use_post(struct api_call *call)
{
    event_call(call, prepare_use);
}

void api_issued_reserve_post(struct api_call *call)
{
    event_call(call, prepare_reserve);
}

void api_issued_release_post(struct api_call *call)
{
    event_call(call, prepare_release);
}

void api_issued_cancel_post(struct api_call *call)
{
    event_call(call, prepare_cancel);
}

void api_issued_fulfil_post(struct api_call *call)
{
    event_call(call, prepare_fulfil);
}
