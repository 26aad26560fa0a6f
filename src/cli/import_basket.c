/* Baskets: rows that follow each other become one purchase, or cancellations of earlier ones. */
#include "base/base.h"
#include "cli/import.h"

#include "cli/import_internal.h"

static void article_hash(const struct import_map *map, struct str subject, struct str sku,
                         unsigned char out[VAULT_HASH_BYTES])
{
    const struct str parts[] = {subject, sku};
    vault_hash(map->vault, VAULT_FINGERPRINT, parts, ARRAY_N(parts), out);
}

static void remember_bought(struct import_map *map, struct str subject, struct str sku,
                            struct str invoice, int64_t line, int64_t milli)
{
    unsigned char hash[VAULT_HASH_BYTES];
    struct bought *bought = arena_new(map->memory, struct bought, 1);
    article_hash(map, subject, sku, hash);
    *bought = (struct bought){
        .older = map_find(&map->bought, hash),
        .invoice = str_dup(map->memory, invoice),
        .line = line,
        .left_milli = milli,
    };
    map_set(&map->bought, hash, bought);
}

static struct str quantity_text(struct arena *arena, int64_t milli)
{
    return str_fmt(arena, "%" PRId64 ".%03" PRId64, milli / 1000, milli % 1000);
}

/* One line of a basket as JSON; false with the code when it is none. */
static bool put_line(const struct import_map *map, struct arena *arena,
                     const struct import_row *row, int64_t ordinal, struct json_out *w,
                     int64_t *amount, int64_t *milli, const char **code)
{
    struct decimal price = {0};
    const struct json *price_spec = json_at(map->line, "price");
    const struct json *decimals = json_at(price_spec, "decimals");
    const int places = json_is_integer(decimals) ? (int)json_integer_value(decimals) : 2;
    if (!map_row_quantity(map, row, milli) ||
        !decimal_read(map_column(map, row, map_text_at(price_spec, "column")), 6, &price)) {
        *code = "bad_number";
        return false;
    }
    if (*milli <= 0) {
        *code = "negative_quantity";
        return false;
    }
    // Price × quantity, rounded half up per line.
    int64_t over = power_of_ten(price.scale) * 1000;
    int64_t scaled = 0;
    if (price.digits < 0 || __builtin_mul_overflow(price.digits, power_of_ten(places), &scaled) ||
        !mul_ratio_half_up(scaled, *milli, over, amount)) {
        *code = "negative_amount";
        return false;
    }
    json_open(w, '{');
    json_key(w, "id");
    json_put_str(w, str_fmt(arena, "%" PRId64, ordinal));
    const struct str sku = map_filled(map, arena, row, map_text_at(map->line, "sku"));
    const struct str name = map_filled(map, arena, row, map_text_at(map->line, "name"));
    if (sku.n > 0) {
        json_key(w, "sku");
        json_put_str(w, sku);
    }
    if (name.n > 0) {
        json_key(w, "name");
        json_put_str(w, name);
    }
    json_key(w, "quantity");
    json_put_str(w, quantity_text(arena, *milli));
    json_key(w, "amount");
    json_put_int(w, *amount);
    json_close(w, '}');
    return true;
}

/* The purchase of a basket; its bad rows are rejected one by one. */
static void basket_purchase(struct import_map *map, struct arena *arena,
                            struct import_event **events, size_t *n, size_t *max)
{
    struct basket *basket = &map->basket;
    struct buf lines;
    struct buf text;
    int64_t *numbers = arena_new(arena, int64_t, basket->n);
    size_t numbers_n = 0;
    int64_t total = 0;
    unsigned char hash[VAULT_HASH_BYTES];
    const struct str subject =
        map_filled(map, arena, &basket->rows[0], map_text_at(map->event, "subject"));
    vault_hash(map->vault, VAULT_FINGERPRINT, &basket->key, 1, hash);
    const int64_t again = map_count_up(map, &map->invoices, hash);
    // An invoice that goes on further down the file is a purchase of its own.
    const struct str id =
        again == 1 ? basket->key : str_fmt(arena, "%.*s/%" PRId64, STR_ARG(basket->key), again);
    if (subject.n == 0 && !map->keeps_sales) {
        for (size_t i = 0; i < basket->n; i++) {
            map_event_add(arena, events, n, max, &basket->rows[i].number, 1)->code = "no_subject";
        }
        return;
    }
    buf_open(&lines, arena, EVENT_TEXT_MAX);
    buf_open(&text, arena, EVENT_TEXT_MAX);
    struct json_out lw = json_out(&lines);
    json_open(&lw, '[');
    for (size_t i = 0; i < basket->n; i++) {
        const struct import_row *row = &basket->rows[i];
        int64_t amount = 0;
        int64_t milli = 0;
        const char *code = NULL;
        if (!put_line(map, arena, row, (int64_t)i + 1, &lw, &amount, &milli, &code)) {
            map_event_add(arena, events, n, max, &row->number, 1)->code = code;
            continue;
        }
        total += amount;
        numbers[numbers_n++] = row->number;
        if (subject.n > 0) {
            remember_bought(map, subject,
                            map_filled(map, arena, row, map_text_at(map->line, "sku")), id,
                            (int64_t)i + 1, milli);
        }
    }
    json_close(&lw, ']');
    if (numbers_n == 0) {
        return;
    }
    struct import_event *event = map_event_add(arena, events, n, max, numbers, numbers_n);
    struct json_out w = json_out(&text);
    if (!map_put_envelope(map, arena, &basket->rows[0], id, STR("purchase"), &w, &event->code)) {
        return;
    }
    if (!map_put_data(map, arena, &basket->rows[0], &w)) {
        event->code = "bad_number";
        return;
    }
    json_key(&w, "amount");
    json_put_int(&w, total);
    buf_str(&text, STR(",\"lines\":"));
    buf_str(&text, buf_view(&lines));
    buf_str(&text, STR("}}"));
    event->json = buf_view(&text);
    event->code = text.is_full || lines.is_full ? "too_large" : event->code;
    event->json = event->code != NULL ? (struct str){0} : event->json;
}

/* One refund of a part of one purchase's line. */
static void put_refund(struct import_map *map, struct arena *arena, const struct import_row *row,
                       struct str id, const struct bought *bought, int64_t milli,
                       struct import_event *out)
{
    struct buf text;
    buf_open(&text, arena, EVENT_TEXT_MAX);
    struct json_out w = json_out(&text);
    if (!map_put_envelope(map, arena, row, id, STR("refund"), &w, &out->code)) {
        return;
    }
    json_key(&w, "original");
    json_open(&w, '{');
    json_key(&w, "source");
    json_put_str(&w, map_text_at(map->event, "source"));
    json_key(&w, "id");
    json_put_str(&w, bought->invoice);
    json_close(&w, '}');
    json_key(&w, "lines");
    json_open(&w, '[');
    json_open(&w, '{');
    json_key(&w, "id");
    json_put_str(&w, str_fmt(arena, "%" PRId64, bought->line));
    json_key(&w, "quantity");
    json_put_str(&w, quantity_text(arena, milli));
    json_close(&w, '}');
    json_close(&w, ']');
    json_close(&w, '}');
    json_close(&w, '}');
    out->json = buf_view(&text);
}

/* A cancellation refunds the latest purchases of that customer and article with quantity left,
 * split where needed. */
static void cancel_row(struct import_map *map, struct arena *arena, const struct import_row *row,
                       int64_t ordinal, struct import_event **events, size_t *n, size_t *max)
{
    const struct str subject = map_filled(map, arena, row, map_text_at(map->event, "subject"));
    const struct str sku = map_filled(map, arena, row, map_text_at(map->line, "sku"));
    unsigned char hash[VAULT_HASH_BYTES];
    int64_t milli = 0;
    const char *code = NULL;
    if (subject.n == 0) {
        code = "no_subject";
    } else if (!map_row_quantity(map, row, &milli) || milli >= 0) {
        code = "bad_quantity";
    }
    int64_t rest = -milli;
    int64_t part = 0;
    struct bought *bought = NULL;
    if (code == NULL) {
        article_hash(map, subject, sku, hash);
        bought = map_find(&map->bought, hash);
        int64_t there = 0;
        for (const struct bought *b = bought; b != NULL; b = b->older) {
            there += b->left_milli;
        }
        code = there < rest ? "original_unknown" : NULL; // never half a line
    }
    if (code != NULL) {
        map_event_add(arena, events, n, max, &row->number, 1)->code = code;
        return;
    }
    for (; rest > 0; bought = bought->older) {
        const int64_t take = int64_min(rest, bought->left_milli);
        if (take == 0) {
            continue;
        }
        const struct str id =
            str_fmt(arena, "%.*s:%" PRId64 ":%" PRId64, STR_ARG(map->basket.key), ordinal, ++part);
        struct import_event *event =
            map_event_add(arena, events, n, max, &row->number, part == 1 ? 1 : 0);
        put_refund(map, arena, row, id, bought, take, event);
        bought->left_milli -= take;
        rest -= take;
    }
}

void basket_close(struct import_map *map, struct arena *arena, struct import_event **events,
                  size_t *n, size_t *max)
{
    struct basket *basket = &map->basket;
    if (basket->n == 0) {
        return;
    }
    const struct str cancel = map->cancel_column.n > 0
                                  ? map_column(map, &basket->rows[0], map->cancel_column)
                                  : (struct str){0};
    if (map->cancel_prefix.n > 0 && str_starts(cancel, map->cancel_prefix)) {
        for (size_t i = 0; i < basket->n; i++) {
            cancel_row(map, arena, &basket->rows[i], (int64_t)i + 1, events, n, max);
        }
    } else {
        basket_purchase(map, arena, events, n, max);
    }
    arena_reset(&map->basket_arena);
    *basket = (struct basket){0};
}

void basket_keep(struct import_map *map, const struct import_row *row)
{
    struct basket *basket = &map->basket;
    arena_room(&map->basket_arena, basket->rows, basket->n, basket->max);
    struct import_row *copy = &basket->rows[basket->n++];
    *copy = *row;
    for (size_t i = 0; i < row->fields_n; i++) {
        copy->fields[i] = str_dup(&map->basket_arena, row->fields[i]);
    }
}
