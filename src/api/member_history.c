/* What happened to a member: points transfers and the timeline. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/member.h"

static const char *const KINDS[] = {
    [TRANSFER_EARN] = "earn",       [TRANSFER_ACTIVATE] = "activate", [TRANSFER_SPEND] = "spend",
    [TRANSFER_RESTORE] = "restore", [TRANSFER_EXPIRE] = "expire",     [TRANSFER_REVOKE] = "revoke",
    [TRANSFER_REPAY] = "repay",     [TRANSFER_ADJUST] = "adjust",     [TRANSFER_MOVE] = "move",
};
static const char *const ACCOUNTS[] = {
    [ACCOUNT_ISSUED] = "issued",     [ACCOUNT_PENDING] = "pending", [ACCOUNT_ACTIVE] = "active",
    [ACCOUNT_SPENT] = "spent",       [ACCOUNT_EXPIRED] = "expired", [ACCOUNT_REVOKED] = "revoked",
    [ACCOUNT_ADJUSTED] = "adjusted", [ACCOUNT_DEBT] = "debt",
};
static const char *const OUTCOMES[] = {
    [OUTCOME_APPLIED] = "applied", [OUTCOME_REFUSED] = "refused", [OUTCOME_HELD] = "held"};

/* A page of a member's history: where it begins and how much is shown. */
struct page {
    struct member_facts facts;
    int64_t from; // the newest to show
    int64_t limit;
};

/* The cursor of a history is the id of the first row of the next page. */
static enum err page_open(struct api_call *call, struct store *store, const char *prefix,
                          int64_t (*head)(const struct state *), struct page *out)
{
    int64_t member = 0;
    int64_t cursor = 0;
    try(call_page(call, prefix, &cursor, &out->limit));
    try(member_find(call, store, call->params[0], &member));
    out->facts = (struct member_facts){.member = member};
    try(store_facts_load(store, call->arena, &out->facts, 1, false));
    out->from = cursor == INT64_MAX ? head(out->facts.state) : cursor;
    return ERR_OK;
}

static int64_t transfers_head(const struct state *state)
{
    return state->last_transfer;
}

static int64_t events_head(const struct state *state)
{
    return state->last_event;
}

/* ---- transfers ---- */

static int64_t change(const struct transfer *t, enum account account)
{
    return t->to == account ? t->points : t->from == account ? -t->points : 0;
}

static void hash_write(struct json_out *w, const unsigned char hash[HASH_BYTES])
{
    char text[HASH_BYTES * 2 + 1];
    for (size_t i = 0; i < HASH_BYTES; i++) {
        (void)snprintf(text + i * 2, 3, "%02x", hash[i]); // two digits and a zero
    }
    json_put_str(w, str_c(text));
}

static void text_or_null(struct json_out *w, struct str text)
{
    if (text.n == 0) {
        json_put_null(w);
    } else {
        json_put_str(w, text);
    }
}

/* `event` is the adjustment that holds reason and actor, NULL for others. */
static void transfer_write(struct json_out *w, const struct store *store, const struct transfer *t,
                           const struct event *event)
{
    json_open(w, '{');
    json_key(w, "id");
    json_put_id(w, "trf_", t->id);
    json_key(w, "at");
    json_put_instant(w, t->at);
    json_key(w, "booked_at");
    json_put_instant(w, t->booked_at);
    json_key(w, "wallet");
    json_put_str(w, store_symbol_slug(store, t->wallet));
    json_key(w, "kind");
    json_put_str(w, str_c(KINDS[t->kind]));
    json_key(w, "active");
    json_put_int(w, change(t, ACCOUNT_ACTIVE));
    json_key(w, "pending");
    json_put_int(w, change(t, ACCOUNT_PENDING));
    json_key(w, "debt");
    json_put_int(
        w, -change(t, ACCOUNT_DEBT)); // what is owed grows when points come out of the account
    json_key(w, "from");
    json_put_str(w, str_c(ACCOUNTS[t->from]));
    json_key(w, "to");
    json_put_str(w, str_c(ACCOUNTS[t->to]));
    json_key(w, "lot");
    json_put_id(w, "lot_", t->lot);
    json_key(w, "event");
    json_put_id(w, "evt_", t->event);
    json_key(w, "rule");
    text_or_null(w, t->rule != 0 ? store_symbol_slug(store, t->rule) : (struct str){0});
    json_key(w, "program_version");
    json_put_int(w, t->version);
    json_key(w, "reason");
    text_or_null(w, event != NULL ? event->reason : (struct str){0});
    json_key(w, "actor");
    text_or_null(w, event != NULL ? event->actor : (struct str){0});
    json_key(w, "hash");
    hash_write(w, t->hash);
    json_close(w, '}');
}

/* The adjustments behind transfers, whose reasons are sealed in their events. */
static enum err read_adjustments(struct api_call *call, struct store *store,
                                 const struct page *page, const struct transfer *list, size_t n,
                                 const struct event **out)
{
    int64_t *members = arena_new(call->arena, int64_t, n);
    int64_t *events = arena_new(call->arena, int64_t, n);
    size_t *at = arena_new(call->arena, size_t, n);
    struct vault_key *keys = arena_new(call->arena, struct vault_key, n);
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        if (list[i].kind == TRANSFER_ADJUST) {
            members[found] = page->facts.member;
            events[found] = list[i].event;
            keys[found] = page->facts.key;
            at[found++] = i;
        }
    }
    struct event_row *rows = arena_new(call->arena, struct event_row, found);
    try(store_events_read(store, call->arena, members, events, found, keys, rows));
    for (size_t i = 0; i < found; i++) {
        out[at[i]] = rows[i].is_sealed ? NULL : &rows[i].event;
    }
    return ERR_OK;
}

enum err api_transfers_get(struct api_call *call, struct store *store, struct json_out *w)
{
    struct page page;
    struct transfer *list = NULL;
    size_t n = 0;
    try(page_open(call, store, "trf_", transfers_head, &page));
    if (page.from > 0) {
        try(store_transfers_list(store, call->arena, page.facts.member, page.from,
                                 (size_t)page.limit, &list, &n));
    }
    const struct event **events = arena_new(call->arena, const struct event *, n);
    try(read_adjustments(call, store, &page, list, n, events));
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        transfer_write(w, store, &list[i], events[i]);
    }
    json_close(w, ']');
    call_page_end(w, "trf_", n > 0 ? list[n - 1].previous : 0);
    json_close(w, '}');
    return ERR_OK;
}

/* ---- timeline ---- */

static void points_write(struct json_out *w, const struct store *store, const struct answer *answer)
{
    json_open(w, '[');
    for (size_t i = 0; i < answer->points_n; i++) {
        const struct answer_points *p = &answer->points[i];
        if (p->earned == 0 && p->spent == 0 && p->revoked == 0) {
            continue; // the timeline shows what moved
        }
        json_open(w, '{');
        json_key(w, "wallet");
        json_put_str(w, store_symbol_slug(store, p->wallet));
        json_key(w, "earned");
        json_put_int(w, p->earned);
        json_key(w, "pending");
        json_put_int(w, p->pending);
        json_key(w, "spent");
        json_put_int(w, p->spent);
        json_key(w, "revoked");
        json_put_int(w, p->revoked);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void purchase_write(struct json_out *w, const struct event *event)
{
    if (event->currency.n > 0) {
        json_key(w, "amount");
        json_put_int(w, event->amount);
        json_key(w, "currency");
        json_put_str(w, event->currency);
    }
    if (event->store.n > 0) {
        json_key(w, "store");
        json_put_str(w, event->store);
    }
    if (event->channel.n > 0) {
        json_key(w, "channel");
        json_put_str(w, event->channel);
    }
}

/* Which of the member's subscriptions it is about. */
static void subscription_write(struct json_out *w, const struct event *event)
{
    const struct str id = json_str(json_at(event->data, "subscription"));
    const bool is_about_one = event_kind_is_subscription(event->kind) || event_is_of_clock(event);
    if (is_about_one && id.n > 0) {
        json_key(w, "subscription");
        json_put_str(w, id);
    }
}

/* `decided_as`: what a refused event has become when the suspension was lifted, 0: nothing. */
static void event_row_write(struct json_out *w, const struct store *store,
                            const struct event_row *row, int64_t decided_as)
{
    json_open(w, '{');
    json_key(w, "id");
    json_put_id(w, "evt_", row->id);
    json_key(w, "type");
    json_put_str(w, row->event.type);
    json_key(w, "time");
    json_put_instant(w, row->event.time);
    json_key(w, "booked_at");
    json_put_instant(w, row->booked_at);
    json_key(w, "source");
    text_or_null(w, row->event.source);
    json_key(w, "external_id");
    text_or_null(w, row->event.external_id);
    json_key(w, "outcome");
    json_put_str(w, str_c(OUTCOMES[row->answer.outcome]));
    json_key(w, "refusal");
    text_or_null(w, row->answer.outcome == OUTCOME_APPLIED ? (struct str){0}
                                                           : reason_slug(row->answer.reason));
    if (decided_as != 0) {
        json_key(w, "decided_as");
        json_put_id(w, "evt_", decided_as);
    }
    json_key(w, "program_version");
    json_put_int(w, row->version);
    json_key(w, "credential");
    json_put_id(w, "key_", row->credential);
    purchase_write(w, &row->event);
    subscription_write(w, &row->event);
    json_key(w, "reason");
    text_or_null(w, row->event.reason);
    json_key(w, "points");
    points_write(w, store, &row->answer);
    json_close(w, '}');
}

/* As which events those were decided that a suspension had refused. */
static enum err read_decided(struct api_call *call, struct store *store,
                             const struct event_row *list, size_t n, int64_t *out)
{
    int64_t *ids = arena_new(call->arena, int64_t, n);
    int64_t *decided = arena_new(call->arena, int64_t, n);
    size_t *at = arena_new(call->arena, size_t, n);
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        if (list[i].answer.reason == REASON_SUSPENDED) {
            ids[found] = list[i].id;
            at[found++] = i;
        }
    }
    try(store_released_read(store, call->arena, ids, found, decided));
    for (size_t i = 0; i < found; i++) {
        out[at[i]] = decided[i];
    }
    return ERR_OK;
}

enum err api_timeline_get(struct api_call *call, struct store *store, struct json_out *w)
{
    struct page page;
    struct event_row *list = NULL;
    size_t n = 0;
    try(page_open(call, store, "evt_", events_head, &page));
    if (page.from > 0) {
        try(store_events_list(store, call->arena, &page.facts, page.from, (size_t)page.limit, &list,
                              &n));
    }
    int64_t *decided = arena_new(call->arena, int64_t, n);
    try(read_decided(call, store, list, n, decided));
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        event_row_write(w, store, &list[i], decided[i]);
    }
    json_close(w, ']');
    call_page_end(w, "evt_", n > 0 ? list[n - 1].previous : 0);
    json_close(w, '}');
    return ERR_OK;
}
