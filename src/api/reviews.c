/* Reviews: the list, what it adds up to, and what staff say of one. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/event_call.h"
#include "api/member.h"
#include "base/num.h"
#include "core/pan.h"
#include "store/reviews.h"

enum { REASON_BYTES_MAX = 1000, TEXT_BYTES_MAX = 256, AVERAGE_BYTES = 32 };

static void text_or_null(struct json_out *w, const char *name, struct str text)
{
    json_key(w, name);
    if (text.n > 0) {
        json_put_str(w, text);
    } else {
        json_put_null(w);
    }
}

/* ---- the list ---- */

/* The words are in the events, each under its member's key; of who was forgotten there are none. */
static enum err read_words(struct api_call *call, struct store *store,
                           const struct review_row *rows, size_t n, struct event_row **out)
{
    struct vault_key *keys = arena_new(call->arena, struct vault_key, n);
    int64_t *members = arena_new(call->arena, int64_t, n);
    int64_t *events = arena_new(call->arena, int64_t, n);
    *out = arena_new(call->arena, struct event_row, n);
    for (size_t i = 0; i < n; i++) {
        members[i] = rows[i].member;
        events[i] = rows[i].id;
    }
    try(store_member_keys(store, members, n, keys));
    const enum err err = store_events_read(store, call->arena, members, events, n, keys, *out);
    vault_wipe(keys, n * sizeof *keys);
    return err;
}

static void review_write(const struct review_row *row, const struct event_row *event,
                         struct json_out *w)
{
    json_open(w, '{');
    json_key(w, "id");
    json_put_id(w, "rvw_", row->id);
    json_key(w, "member");
    json_put_id(w, "mbr_", row->member);
    text_or_null(w, "sku", row->sku);
    text_or_null(w, "store", row->store);
    json_key(w, "stars");
    json_put_int(w, row->stars);
    text_or_null(w, "text", json_str(json_at(event->event.data, "text")));
    json_key(w, "state");
    json_put_str(w, review_state_slug(row->state));
    json_key(w, "purchase");
    json_put_id(w, "evt_", row->purchase);
    json_key(w, "submitted_at");
    json_put_instant(w, row->submitted_at);
    json_key(w, "decided_at");
    json_put_instant(w, row->decided_at == 0 ? AT_NEVER : row->decided_at);
    json_close(w, '}');
}

static enum err query_text(struct api_call *call, const char *name, struct str *out)
{
    if (http_query(call->request, name, out) && (out->n == 0 || out->n > TEXT_BYTES_MAX)) {
        return fail(&call->fail, ERR_INVALID, "", "The parameter \"%s\" has 1 to %d bytes.", name,
                    TEXT_BYTES_MAX);
    }
    return ERR_OK;
}

static enum err read_filter(struct api_call *call, struct store *store,
                            struct review_filter *filter)
{
    struct str text;
    int64_t stars = 0;
    try(query_text(call, "sku", &filter->sku));
    try(query_text(call, "store", &filter->store));
    if (http_query(call->request, "stars", &text)) {
        if (!str_int64(text, &stars) || stars < 1 || stars > REVIEW_STARS_MAX) {
            return fail(&call->fail, ERR_INVALID, "", "The parameter \"stars\" is 1 to %d.",
                        REVIEW_STARS_MAX);
        }
        filter->stars = (int)stars;
    }
    if (http_query(call->request, "state", &text) && !review_state_read(text, &filter->state)) {
        return fail(&call->fail, ERR_INVALID, "",
                    "The parameter \"state\" is pending, published or rejected.");
    }
    return http_query(call->request, "member", &text)
               ? member_find(call, store, text, &filter->member)
               : ERR_OK;
}

enum err api_reviews_get(struct api_call *call, struct store *store, struct json_out *w)
{
    struct review_filter filter = {0};
    struct review_row *rows = NULL;
    struct event_row *events = NULL;
    int64_t limit = 0;
    size_t n = 0;
    try(call_page(call, "rvw_", &filter.before, &limit));
    try(read_filter(call, store, &filter));
    filter.n = (size_t)limit + 1;
    try(store_reviews_list(store, call->arena, &filter, &rows, &n));
    const size_t shown = n > (size_t)limit ? (size_t)limit : n;
    try(read_words(call, store, rows, shown, &events));
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = 0; i < shown; i++) {
        review_write(&rows[i], &events[i], w);
    }
    json_close(w, ']');
    call_page_end(w, "rvw_", n > shown ? rows[shown - 1].id : 0);
    json_close(w, '}');
    return ERR_OK;
}

static enum err review_find(struct api_call *call, struct store *store, struct review_row *row)
{
    int64_t id = 0;
    const enum err err = id_read("rvw_", call->params[0], &id)
                             ? store_review_read(store, call->arena, id, row)
                             : ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND) {
        return fail(&call->fail, ERR_NOT_FOUND, "", "There is no such review.");
    }
    return err;
}

enum err api_review_get(struct api_call *call, struct store *store, struct json_out *w)
{
    struct review_row row;
    struct event_row *event = NULL;
    try(review_find(call, store, &row));
    try(read_words(call, store, &row, 1, &event));
    review_write(&row, event, w);
    return ERR_OK;
}

/* ---- what it adds up to ---- */

/* "4.67": hundredths, half up. */
static void average_write(struct json_out *w, const struct review_sum *sum)
{
    char text[AVERAGE_BYTES];
    ensure(sum->count > 0);
    const int64_t hundredths = (sum->stars_total * 200 + sum->count) / (2 * sum->count);
    (void)snprintf(text, sizeof text, "%" PRId64 ".%02" PRId64, hundredths / 100, hundredths % 100);
    json_key(w, "average");
    json_put_str(w, str_c(text));
}

static void sum_write(struct json_out *w, const struct review_sum *sum, const char *of)
{
    json_open(w, '{');
    json_key(w, of);
    json_put_str(w, sum->of);
    json_key(w, "count");
    json_put_int(w, sum->count);
    average_write(w, sum);
    json_key(w, "stars");
    json_open(w, '[');
    for (size_t i = 0; i < REVIEW_STARS_MAX; i++) {
        json_put_int(w, sum->by_stars[i]);
    }
    json_close(w, ']');
    json_close(w, '}');
}

static enum err sums_write(struct api_call *call, struct store *store, bool of_stores,
                           struct json_out *w)
{
    const char *const of = of_stores ? "store" : "sku";
    struct review_sum *sums = NULL;
    struct str one = {0};
    struct str after = {0};
    int64_t limit = 0;
    size_t n = 0;
    try(call_limit(call, &limit));
    try(query_text(call, of, &one));
    try(query_text(call, "cursor", &after));
    try(store_review_sums(store, call->arena, of_stores, one, after, (size_t)limit + 1, &sums, &n));
    const size_t shown = n > (size_t)limit ? (size_t)limit : n;
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = 0; i < shown; i++) {
        sum_write(w, &sums[i], of);
    }
    json_close(w, ']');
    text_or_null(w, "next_cursor", n > shown ? sums[shown - 1].of : (struct str){0});
    json_close(w, '}');
    return ERR_OK;
}

enum err api_review_products_get(struct api_call *call, struct store *store, struct json_out *w)
{
    return sums_write(call, store, false, w);
}

enum err api_review_stores_get(struct api_call *call, struct store *store, struct json_out *w)
{
    return sums_write(call, store, true, w);
}

/* ---- staff ---- */

static enum err prepare(struct api_call *call, struct store *store, struct submission *s,
                        enum event_kind kind)
{
    static const char *const FIELDS[] = {"reason"};
    struct reader r = {.arena = call->arena, .f = &call->fail};
    struct review_row row;
    char review[ID_TEXT_BYTES + 1];
    char purchase[ID_TEXT_BYTES + 1];
    struct vault_key key;
    try(review_find(call, store, &row));
    try(store_member_key(store, row.member, &key));
    const bool is_forgotten = key.version == 0;
    vault_wipe(&key, sizeof key);
    if (is_forgotten) {
        return fail(&call->fail, ERR_NOT_FOUND, "",
                    "The member was erased: their words are gone, their stars are nobody's.");
    }
    api_event_open(call, s, kind, row.member);
    if (call->body != NULL && read_object(&r, call->body, NULL, FIELDS, ARRAY_N(FIELDS))) {
        read_text(&r, call->body, NULL, "reason", READ_OPTIONAL, REASON_BYTES_MAX,
                  &s->event.reason);
    }
    try(read_done(&r));
    if (pan_is_in(s->event.reason)) {
        return fail(&call->fail, ERR_INVALID, "/reason",
                    "This looks like the number of a payment card, which is not kept here.");
    }
    id_write("rvw_", row.id, review);
    id_write("evt_", row.purchase, purchase);
    struct json *data = json_object_new(call->arena);
    json_set_text(call->arena, data, "review", str_c(review));
    json_set_text(call->arena, data, "purchase", str_c(purchase));
    s->event.data = data;
    event_call_ready(call, store, s);
    return ERR_OK;
}

static enum err prepare_approve(struct api_call *call, struct store *store, struct submission *s)
{
    return prepare(call, store, s, EVENT_REVIEW_PUBLISHED);
}

static enum err prepare_reject(struct api_call *call, struct store *store, struct submission *s)
{
    return prepare(call, store, s, EVENT_REVIEW_REJECTED);
}

void api_review_approve_post(struct api_call *call)
{
    event_call(call, prepare_approve);
}

void api_review_reject_post(struct api_call *call)
{
    event_call(call, prepare_reject);
}
