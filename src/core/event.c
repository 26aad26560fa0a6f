/* Events: names of types, and the two stored records. */
#include "base/base.h"
#include "core/event.h"

enum { EVENT_FORMAT = 1, SEALED_TEXT_BYTES_MAX = 4 * 1024 * 1024 };

static const struct kind {
    enum event_kind kind;
    const char *type;
    enum event_class class;
    bool is_public;
} KINDS[] = {
    [EVENT_CUSTOM] = {EVENT_CUSTOM, "", EVENT_CLASS_PLAIN, true},
#define KIND(name, number, type, class, is_public)                                                 \
    [EVENT_##name] = {EVENT_##name, type, EVENT_CLASS_##class, is_public},
#include "core/event_kinds.def"
#undef KIND
};

/* A kind is its own index; numbers that are not given have no type. */
static const struct kind *kind_of(enum event_kind kind)
{
    ensure((size_t)kind < ARRAY_N(KINDS));
    ensure(KINDS[kind].kind == kind);
    return &KINDS[kind];
}

struct str event_kind_type(enum event_kind kind)
{
    return str_c(kind_of(kind)->type);
}

enum event_class event_kind_class(enum event_kind kind)
{
    return kind_of(kind)->class;
}

bool event_kind_known(uint64_t number)
{
    return number < ARRAY_N(KINDS) && KINDS[number].type != NULL;
}

bool event_kind_is_public(enum event_kind kind)
{
    return kind_of(kind)->is_public;
}

bool event_kind_is_moment(enum event_kind kind)
{
    return kind == EVENT_BIRTHDAY || kind == EVENT_ANNIVERSARY || kind == EVENT_INACTIVE ||
           kind == EVENT_MONTH_KEPT;
}

bool event_kind_is_subscription(enum event_kind kind)
{
    return kind >= EVENT_SUBSCRIPTION_STARTED && kind <= EVENT_MONTH_KEPT;
}

bool event_kind_is_review(enum event_kind kind)
{
    return kind == EVENT_REVIEW_SUBMITTED || kind == EVENT_REVIEW_PUBLISHED ||
           kind == EVENT_REVIEW_REJECTED;
}

bool event_kind_can_be_undone(enum event_kind kind)
{
    return kind == EVENT_REFERRAL_REWARDED || kind == EVENT_PURCHASE_COMPLETED ||
           kind == EVENT_REVIEW_SUBMITTED || kind == EVENT_REVIEW_PUBLISHED;
}

bool event_is_of_clock(const struct event *event)
{
    return event_kind_class(event->kind) == EVENT_CLASS_CLOCK ||
           str_eq(event->source, STR("loyald/clock"));
}

enum event_kind event_kind_of(struct str type)
{
    for (size_t i = 1; i < ARRAY_N(KINDS); i++) {
        if (KINDS[i].type != NULL && str_eq(str_c(KINDS[i].type), type)) {
            return KINDS[i].kind;
        }
    }
    return EVENT_CUSTOM;
}

static void pack_lines_clear(struct buf *out, const struct event *event)
{
    pack_u(out, event->lines_n);
    for (size_t i = 0; i < event->lines_n; i++) {
        const struct line *line = &event->lines[i];
        pack_str(out, line->sku);
        pack_str(out, line->category);
        pack_u(out, (uint64_t)line->kind);
        pack_i(out, line->quantity_milli);
        pack_i(out, line->amount);
        pack_i(out, line->tax);
    }
}

static bool is_content(const struct event *event)
{
    return event->kind == EVENT_PURCHASE || event->kind == EVENT_PURCHASE_CHANGED;
}

static bool names_rewards(const struct event *event)
{
    return event->named_rewards || (is_content(event) && event->rewards_n > 0);
}

bool event_asks_at_once(const struct event *event)
{
    bool pays = names_rewards(event);
    for (size_t i = 0; i < event->payments_n; i++) {
        pays |= str_eq(event->payments[i].method, STR("points")) ||
                str_eq(event->payments[i].method, STR("reward"));
    }
    return event->kind == EVENT_CODE_ENTERED || (is_content(event) && pays);
}

/* Flags have grown since format 1 was frozen: its readers look at those that they know. */
void event_pack_clear(struct buf *out, const struct event *event)
{
    pack_u(out, EVENT_FORMAT);
    pack_u(out, (uint64_t)event->kind);
    pack_str(out, event->kind == EVENT_CUSTOM ? event->type : (struct str){0});
    pack_i(out, event->amount);
    pack_str(out, event->currency);
    pack_str(out, event->store);
    pack_str(out, event->channel);
    pack_u(out, (uint64_t)event->is_placed | (uint64_t)event->has_refund_amount << 1 |
                    (uint64_t)event->is_import << 2 | (uint64_t)names_rewards(event) << 3);
    pack_lines_clear(out, event);
    pack_u(out, event->payments_n);
    for (size_t i = 0; i < event->payments_n; i++) {
        pack_str(out, event->payments[i].wallet);
        pack_i(out, event->payments[i].points);
        pack_i(out, event->payments[i].amount);
    }
    pack_i(out, event->refund_amount);
    pack_u(out, event->refund_lines_n);
    for (size_t i = 0; i < event->refund_lines_n; i++) {
        pack_i(out, event->refund_lines[i].quantity_milli);
    }
    pack_str(out, event->wallet);
    pack_i(out, event->points);
}

static void pack_json(struct buf *out, const struct json *value)
{
    if (value == NULL) {
        pack_str(out, (struct str){0});
        return;
    }
    struct buf text;
    buf_open(&text, out->arena, SEALED_TEXT_BYTES_MAX);
    json_write_canonical(&text, value);
    ensure(!text.is_full);
    pack_str(out, buf_view(&text));
}

void event_pack_sealed(struct buf *out, const struct event *event)
{
    pack_u(out, EVENT_FORMAT);
    pack_str(out, event->source);
    pack_str(out, event->external_id);
    pack_str(out, event->subject);
    pack_u(out, event->lines_n);
    for (size_t i = 0; i < event->lines_n; i++) {
        pack_str(out, event->lines[i].id);
        pack_str(out, event->lines[i].name);
        pack_json(out, event->lines[i].attributes);
    }
    pack_u(out, event->payments_n);
    for (size_t i = 0; i < event->payments_n; i++) {
        pack_str(out, event->payments[i].method);
    }
    pack_str(out, event->original.source);
    pack_str(out, event->original.id);
    pack_u(out, event->refund_lines_n);
    for (size_t i = 0; i < event->refund_lines_n; i++) {
        pack_str(out, event->refund_lines[i].id);
        pack_str(out, event->refund_lines[i].sku);
    }
    pack_str(out, event->reason);
    pack_str(out, event->actor);
    pack_json(out, event->data);
}

/* What was checked before it was written is checked again: a turned bit must not reach the
 * arithmetic. */
static int64_t unpack_natural(struct unpack *in)
{
    const int64_t value = unpack_i(in);
    in->is_bad |= value < 0;
    return in->is_bad ? 0 : value;
}

static void unpack_lines_clear(struct arena *arena, struct unpack *in, struct event *event)
{
    event->lines_n = unpack_count(in, EVENT_LINES_MAX + 1);
    event->lines = arena_new(arena, struct line, event->lines_n);
    for (size_t i = 0; i < event->lines_n; i++) {
        struct line *line = &event->lines[i];
        line->sku = unpack_str(in);
        line->category = unpack_str(in);
        const uint64_t kind = unpack_u(in);
        in->is_bad |= kind >= LINE_KINDS_N;
        line->kind = in->is_bad ? LINE_GOODS : (enum line_kind)kind;
        line->quantity_milli = unpack_natural(in);
        line->amount = unpack_natural(in);
        line->tax = unpack_natural(in);
    }
}

static void unpack_clear(struct arena *arena, struct unpack *in, struct event *event)
{
    in->is_bad |= unpack_u(in) != EVENT_FORMAT;
    const uint64_t kind = unpack_u(in);
    in->is_bad |= !event_kind_known(kind);
    event->kind = in->is_bad ? EVENT_CUSTOM : (enum event_kind)kind;
    event->type = unpack_str(in);
    if (event->kind != EVENT_CUSTOM) {
        event->type = event_kind_type(event->kind);
    }
    event->amount = unpack_natural(in);
    event->currency = unpack_str(in);
    event->store = unpack_str(in);
    event->channel = unpack_str(in);
    const uint64_t flags = unpack_u(in);
    event->is_placed = (flags & 1) != 0;
    event->has_refund_amount = (flags & 2) != 0;
    event->is_import = (flags & 4) != 0;
    event->named_rewards = (flags & 8) != 0;
    unpack_lines_clear(arena, in, event);
    event->payments_n = unpack_count(in, EVENT_PAYMENTS_MAX);
    event->payments = arena_new(arena, struct payment, event->payments_n);
    for (size_t i = 0; i < event->payments_n; i++) {
        event->payments[i].wallet = unpack_str(in);
        event->payments[i].points = unpack_natural(in);
        event->payments[i].amount = unpack_natural(in);
    }
    event->refund_amount = unpack_natural(in);
    event->refund_lines_n = unpack_count(in, EVENT_LINES_MAX);
    event->refund_lines = arena_new(arena, struct refund_line, event->refund_lines_n);
    for (size_t i = 0; i < event->refund_lines_n; i++) {
        event->refund_lines[i].quantity_milli = unpack_natural(in);
    }
    event->wallet = unpack_str(in);
    event->points = unpack_i(in);
}

static enum err unpack_json(struct arena *arena, struct unpack *in, const struct json **out)
{
    const struct str text = unpack_str(in);
    const struct json *value = NULL;
    if (text.n > 0 && json_read(arena, text, NULL, &value) != ERR_OK) {
        return ERR_INTEGRITY;
    }
    *out = value;
    return ERR_OK;
}

static enum err unpack_sealed(struct arena *arena, struct unpack *in, struct event *event)
{
    in->is_bad |= unpack_u(in) != EVENT_FORMAT;
    event->source = unpack_str(in);
    event->external_id = unpack_str(in);
    event->subject = unpack_str(in);
    in->is_bad |= unpack_u(in) != event->lines_n;
    for (size_t i = 0; i < event->lines_n && !in->is_bad; i++) {
        event->lines[i].id = unpack_str(in);
        event->lines[i].name = unpack_str(in);
        try(unpack_json(arena, in, &event->lines[i].attributes));
    }
    in->is_bad |= unpack_u(in) != event->payments_n;
    for (size_t i = 0; i < event->payments_n && !in->is_bad; i++) {
        event->payments[i].method = unpack_str(in);
    }
    event->original.source = unpack_str(in);
    event->original.id = unpack_str(in);
    in->is_bad |= unpack_u(in) != event->refund_lines_n;
    for (size_t i = 0; i < event->refund_lines_n && !in->is_bad; i++) {
        event->refund_lines[i].id = unpack_str(in);
        event->refund_lines[i].sku = unpack_str(in);
    }
    event->reason = unpack_str(in);
    event->actor = unpack_str(in);
    return unpack_json(arena, in, &event->data);
}

enum err event_unpack(struct arena *arena, int64_t time, struct str clear, struct str sealed,
                      struct event *out)
{
    struct event event = {.time = time};
    struct unpack in = unpack_open(clear);
    unpack_clear(arena, &in, &event);
    if (!unpack_done(&in)) {
        return ERR_INTEGRITY;
    }
    in = unpack_open(sealed);
    try(unpack_sealed(arena, &in, &event));
    if (!unpack_done(&in)) {
        return ERR_INTEGRITY;
    }
    *out = event;
    return ERR_OK;
}
