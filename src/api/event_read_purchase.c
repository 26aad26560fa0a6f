/* The data of purchases, of what becomes of them, and of refunds. */
#include "base/base.h"
#include "api/event_read.h"

#include "api/event_read_internal.h"
#include "base/id.h"
#include "vault/code.h"

enum { METHOD_BYTES_MAX = 64 };

static const char *const LINE_KINDS[] = {"goods", "service",   "shipping", "fee",
                                         "tip",   "gift_card", "deposit",  "donation"};
_Static_assert(ARRAY_N(LINE_KINDS) == LINE_KINDS_N,
               "one name per kind, in the order of enum line_kind");

/* ---- lines ---- */

static void read_kind(struct reader *r, const struct json *json, const struct place *at,
                      struct line *out)
{
    const struct place here = {.parent = at, .name = "kind"};
    const struct json *value = json_at(json, "kind");
    if (value == NULL) {
        out->kind = LINE_GOODS;
        return;
    }
    for (size_t i = 0; i < ARRAY_N(LINE_KINDS); i++) {
        if (str_eq(json_str(value), str_c(LINE_KINDS[i]))) {
            out->kind = (enum line_kind)i;
            return;
        }
    }
    read_fault(
        r, ERR_INVALID, &here,
        "A line's kind is goods, service, shipping, fee, tip, gift_card, deposit or donation.");
}

static void read_line(struct reader *r, const struct json *json, const struct place *at,
                      struct line *out)
{
    static const char *const FIELDS[] = {"id",     "sku",      "name", "category",  "kind",
                                         "amount", "quantity", "tax",  "attributes"};
    if (!read_object(r, json, at, FIELDS, ARRAY_N(FIELDS))) {
        return;
    }
    out->quantity_milli = 1000;
    read_text(r, json, at, "id", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &out->id);
    read_text(r, json, at, "sku", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &out->sku);
    read_text(r, json, at, "name", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &out->name);
    read_text(r, json, at, "category", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &out->category);
    read_kind(r, json, at, out);
    read_whole(r, json, at, "amount", READ_REQUIRED, 0, WHOLE_MAX, &out->amount);
    read_whole(r, json, at, "tax", READ_OPTIONAL, 0, WHOLE_MAX, &out->tax);
    read_quantity(r, json, at, "quantity", &out->quantity_milli);
    out->attributes = read_child(r, json, at, "attributes", READ_OPTIONAL);
    if (out->attributes != NULL) {
        const struct place here = {.parent = at, .name = "attributes"};
        read_free(r, out->attributes, &here);
    }
    if (out->tax > out->amount) {
        const struct place here = {.parent = at, .name = "tax"};
        read_fault(r, ERR_INVALID, &here,
                   "The tax is a part of the line's amount and cannot be larger.");
    }
}

static int id_order(const void *a, const void *b)
{
    const struct line *x = *(const struct line *const *)a;
    const struct line *y = *(const struct line *const *)b;
    const int order = str_cmp(x->id, y->id);
    return order != 0 ? order : (x > y) - (x < y);
}

/* Refunds name lines by id, so an id may come once. Sorted, so that a hostile list costs no square.
 */
static void check_ids(struct reader *r, const struct place *at, const struct line *lines, size_t n)
{
    const struct line **sorted = arena_new(r->arena, const struct line *, n);
    for (size_t i = 0; i < n; i++) {
        sorted[i] = &lines[i];
    }
    if (n > 1) {
        qsort(sorted, n, sizeof *sorted, id_order);
    }
    for (size_t i = 1; i < n; i++) {
        if (sorted[i]->id.n > 0 && str_eq(sorted[i - 1]->id, sorted[i]->id)) {
            const struct place line = {.parent = at, .index = (size_t)(sorted[i] - lines)};
            const struct place here = {.parent = &line, .name = "id"};
            read_fault(r, ERR_INVALID, &here,
                       "Another line has this id: ids are unique within a purchase.");
        }
    }
}

static void read_lines(struct work *w, const struct json *data, const struct place *at)
{
    struct reader *r = w->r;
    struct event *event = w->event;
    const struct place here = {.parent = at, .name = "lines"};
    const struct json *list = read_array(r, data, at, "lines", READ_OPTIONAL, EVENT_LINES_MAX);
    int64_t amount = 0;
    int64_t milli = 0;
    if (list == NULL) {
        return;
    }
    event->lines_n = json_array_size(list);
    event->lines = arena_new(r->arena, struct line, event->lines_n);
    for (size_t i = 0; i < event->lines_n; i++) {
        const struct place item = {.parent = &here, .index = i};
        read_line(r, json_array_get(list, i), &item, &event->lines[i]);
        if (!whole_add(amount, event->lines[i].amount, &amount) ||
            !whole_add(milli, event->lines[i].quantity_milli, &milli)) {
            read_fault(r, ERR_OVERFLOW, &item,
                       "The lines up to this one add up to more than 9007199254740991.");
            return;
        }
    }
    check_ids(r, &here, event->lines, event->lines_n);
}

/* ---- payments ---- */

/* The event's list of rewards names each once, whether it is listed, pays, or both. */
static int add_reward(struct arena *arena, struct event *event, struct str text)
{
    for (size_t i = 0; i < event->rewards_n; i++) {
        if (str_eq(event->rewards[i].text, text)) {
            return (int)i;
        }
    }
    event->rewards = arena_grow(arena, event->rewards, event->rewards_n * sizeof *event->rewards,
                                (event->rewards_n + 1) * sizeof *event->rewards);
    struct reward_ref *ref = &event->rewards[event->rewards_n];
    *ref = (struct reward_ref){.text = text};
    if (!id_read("rwd_", text, &ref->id)) {
        ref->id = 0; // a code, looked up where the members are
    }
    return (int)event->rewards_n++;
}

static void read_payment(struct reader *r, struct event *event, const struct json *json,
                         const struct place *at, struct payment *out)
{
    static const char *const FIELDS[] = {"method", "wallet", "points", "amount", "reward"};
    const struct place method = {.parent = at, .name = "method"};
    if (!read_object(r, json, at, FIELDS, ARRAY_N(FIELDS))) {
        return;
    }
    read_text(r, json, at, "method", READ_REQUIRED, METHOD_BYTES_MAX, &out->method);
    read_whole(r, json, at, "amount", READ_REQUIRED, 0, WHOLE_MAX, &out->amount);
    const bool by_points = str_eq(out->method, STR("points"));
    if (str_eq(out->method, STR("reward"))) {
        struct str text = {0};
        read_text(r, json, at, "reward", READ_REQUIRED, CODE_BYTES_MAX, &text);
        out->reward = add_reward(r->arena, event, text);
    } else if (json_at(json, "reward") != NULL) {
        read_fault(r, ERR_INVALID, &method,
                   "A reward belongs to a payment whose method is \"reward\".");
    }
    if (by_points) {
        read_text(r, json, at, "wallet", READ_REQUIRED, SLUG_BYTES_MAX, &out->wallet);
        read_whole(r, json, at, "points", READ_REQUIRED, 1, TRANSFER_POINTS_MAX, &out->points);
    } else if (json_at(json, "wallet") != NULL || json_at(json, "points") != NULL) {
        read_fault(r, ERR_INVALID, &method,
                   "A wallet and points belong to a payment whose method is \"points\".");
    }
}

static void read_payments(struct work *w, const struct json *data, const struct place *at)
{
    const struct place here = {.parent = at, .name = "payments"};
    const struct json *list =
        read_array(w->r, data, at, "payments", READ_OPTIONAL, EVENT_PAYMENTS_MAX);
    int64_t amount = 0;
    if (list == NULL) {
        return;
    }
    w->event->payments_n = json_array_size(list);
    w->event->payments = arena_new(w->r->arena, struct payment, w->event->payments_n);
    for (size_t i = 0; i < w->event->payments_n; i++) {
        const struct place item = {.parent = &here, .index = i};
        read_payment(w->r, w->event, json_array_get(list, i), &item, &w->event->payments[i]);
        if (!whole_add(amount, w->event->payments[i].amount, &amount)) {
            read_fault(w->r, ERR_OVERFLOW, &item,
                       "The payments up to this one add up to more than 9007199254740991.");
            return;
        }
    }
}

/* ---- purchases and what becomes of them ---- */

static void read_status(struct work *w, const struct json *data, const struct place *at)
{
    const struct place here = {.parent = at, .name = "status"};
    const struct json *value = json_at(data, "status");
    w->event->is_placed = str_eq(json_str(value), STR("placed"));
    if (value != NULL && !w->event->is_placed && !str_eq(json_str(value), STR("completed"))) {
        read_fault(w->r, ERR_INVALID, &here, "A purchase's status is \"placed\" or \"completed\".");
    }
}

/* Issued rewards that the purchase uses, by id or by code. */
static void read_rewards(struct work *w, const struct json *data, const struct place *at)
{
    const struct place here = {.parent = at, .name = "rewards"};
    const struct json *list =
        read_array(w->r, data, at, "rewards", READ_OPTIONAL, EVENT_REWARDS_MAX);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const struct place item = {.parent = &here, .index = i};
        const struct str text = json_str(json_array_get(list, i));
        if (text.n == 0 || text.n > CODE_BYTES_MAX) {
            read_fault(w->r, ERR_INVALID, &item,
                       "A reward is named by its id (rwd_…) or its code.");
            return;
        }
        (void)add_reward(w->r->arena, w->event, text);
    }
    if (w->event->rewards_n > EVENT_REWARDS_MAX) {
        read_fault(w->r, ERR_INVALID, &here, "A purchase uses at most %d rewards.",
                   EVENT_REWARDS_MAX);
    }
}

static void read_content(struct work *w, const struct json *data, const struct place *at)
{
    const struct place rate = {.parent = at, .name = "rate"};
    if (json_at(data, "rate") != NULL) {
        read_fault(w->r, ERR_NOT_SUPPORTED, &rate,
                   "This release takes purchases in the program's currency only.");
    }
    read_whole(w->r, data, at, "amount", READ_REQUIRED, 0, WHOLE_MAX, &w->event->amount);
    read_currency(w->r, data, at, "currency", &w->event->currency);
    read_text(w->r, data, at, "store", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &w->event->store);
    read_text(w->r, data, at, "channel", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &w->event->channel);
    read_status(w, data, at);
    read_lines(w, data, at);
    read_payments(w, data, at);
    read_rewards(w, data, at);
    event_read_attributes(w, data, at);
}

void event_read_purchase(struct work *w, const struct json *data, const struct place *at)
{
    static const char *const FIELDS[] = {"amount", "currency", "store",   "channel", "status",
                                         "lines",  "payments", "rewards", "rate",    "attributes"};
    if (read_object(w->r, data, at, FIELDS, ARRAY_N(FIELDS))) {
        read_content(w, data, at);
    }
}

void event_read_purchase_changed(struct work *w, const struct json *data, const struct place *at)
{
    static const char *const FIELDS[] = {"original", "amount", "currency",  "store",
                                         "channel",  "status", "lines",     "payments",
                                         "rewards",  "rate",   "attributes"};
    if (read_object(w->r, data, at, FIELDS, ARRAY_N(FIELDS))) {
        event_read_original(w, data, at);
        read_content(w, data, at);
    }
}

void event_read_order(struct work *w, const struct json *data, const struct place *at)
{
    static const char *const FIELDS[] = {"original", "attributes"};
    if (read_object(w->r, data, at, FIELDS, ARRAY_N(FIELDS))) {
        event_read_original(w, data, at);
        event_read_attributes(w, data, at);
    }
}

static void read_refund_line(struct reader *r, const struct json *json, const struct place *at,
                             struct refund_line *out)
{
    static const char *const FIELDS[] = {"id", "sku", "quantity"};
    if (!read_object(r, json, at, FIELDS, ARRAY_N(FIELDS))) {
        return;
    }
    read_text(r, json, at, "id", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &out->id);
    read_text(r, json, at, "sku", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &out->sku);
    read_quantity(r, json, at, "quantity", &out->quantity_milli);
    if ((json_at(json, "id") != NULL) == (json_at(json, "sku") != NULL)) {
        read_fault(r, ERR_INVALID, at, "A line to refund is named by either its id or its sku.");
    }
}

void event_read_refund(struct work *w, const struct json *data, const struct place *at)
{
    static const char *const FIELDS[] = {"original", "lines", "amount", "attributes"};
    const struct place amount = {.parent = at, .name = "amount"};
    const struct place lines = {.parent = at, .name = "lines"};
    struct event *event = w->event;
    if (!read_object(w->r, data, at, FIELDS, ARRAY_N(FIELDS))) {
        return;
    }
    event_read_original(w, data, at);
    event->has_refund_amount = json_at(data, "amount") != NULL;
    read_whole(w->r, data, at, "amount", READ_OPTIONAL, 0, WHOLE_MAX, &event->refund_amount);
    const struct json *list = read_array(w->r, data, at, "lines", READ_OPTIONAL, EVENT_LINES_MAX);
    event->refund_lines_n = json_array_size(list);
    event->refund_lines = arena_new(w->r->arena, struct refund_line, event->refund_lines_n);
    for (size_t i = 0; i < event->refund_lines_n; i++) {
        const struct place item = {.parent = &lines, .index = i};
        read_refund_line(w->r, json_array_get(list, i), &item, &event->refund_lines[i]);
    }
    if (event->has_refund_amount && list != NULL) {
        read_fault(w->r, ERR_INVALID, &amount,
                   "A refund names lines or an amount, or neither for everything.");
    } else if (list != NULL && event->refund_lines_n == 0) {
        read_fault(w->r, ERR_INVALID, &lines,
                   "Name the lines to refund, or leave the field out to refund everything.");
    }
    event_read_attributes(w, data, at);
}
