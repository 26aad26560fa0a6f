/* From rows to events by a small mapping document: templates of columns, baskets from lines, cancellations. */
#include "base/base.h"
#include "cli/import.h"

enum { EVENT_TEXT_MAX = 4 * 1024 * 1024, HEX_CHARS = 32 };

/* Quantity left of an article that a customer bought, newest first: what a cancellation refunds. */
struct bought {
    struct bought *older;
    struct str invoice;
    int64_t line;              // ordinal in the invoice
    int64_t left_milli;
};

/* The rows of one basket. */
struct basket {
    struct str key;
    struct import_row *rows;
    size_t n, max;
};

struct import_map {
    struct arena *memory;
    const struct vault *vault;
    enum import_format format;
    const json_t *event;
    const json_t *data;
    const json_t *line;
    struct str group_by;       // column; empty: a row is an event
    struct str cancel_column;
    struct str cancel_prefix;
    bool keeps_sales;          // rows without a subject become sales
    struct str columns[IMPORT_COLUMNS_MAX];
    size_t columns_n;
    bool has_header;
    struct zone zone;
    struct basket basket;
    struct arena basket_arena;
    struct map ordinals;       // hash of a row -> how many there were
    struct map invoices;       // hash of a basket's key -> how many there were
    struct map bought;         // hash of customer and article -> struct bought
};

static struct str text_at(const json_t *object, const char *name)
{
    return json_str(json_at(object, name));
}

enum err import_map_read(struct arena *memory, const json_t *document, const struct vault *vault, struct fail *f,
                         struct import_map **out)
{
    struct import_map *map = arena_new(memory, struct import_map, 1);
    const struct str format = text_at(document, "format");
    map->memory = memory;
    map->vault = vault;
    map->format = str_eq(format, STR("blanks")) ? IMPORT_BLANKS : str_eq(format, STR("ndjson")) ? IMPORT_NDJSON : IMPORT_CSV;
    map->event = json_at(document, "event");
    map->data = json_at(document, "data");
    map->line = json_at(document, "line");
    map->group_by = text_at(document, "group_by");
    map->cancel_column = text_at(json_at(document, "cancel"), "column");
    map->cancel_prefix = text_at(json_at(document, "cancel"), "prefix");
    map->keeps_sales = str_eq(text_at(document, "no_subject"), STR("sale"));
    const json_t *columns = json_at(document, "columns");
    map->columns_n = json_array_size(columns);
    if (map->format != IMPORT_NDJSON && !json_is_object(map->event)) {
        return fail(f, ERR_INVALID, "/event", "The mapping needs \"event\": how type, source, subject and time are made.");
    }
    if (map->columns_n > IMPORT_COLUMNS_MAX) {
        return fail(f, ERR_INVALID, "/columns", "At most %d columns.", IMPORT_COLUMNS_MAX);
    }
    for (size_t i = 0; i < map->columns_n; i++) {
        map->columns[i] = json_str(json_array_get(columns, i));
    }
    map->has_header = map->columns_n == 0 && map->format == IMPORT_CSV;
    const struct str zone = text_at(document, "timezone");
    if (!zone_load(memory, zone.n > 0 ? zone : STR("UTC"), &map->zone)) {
        return fail(f, ERR_INVALID, "/timezone", "\"%.*s\" is no time zone.", STR_ARG(zone));
    }
    arena_open(&map->basket_arena, (size_t)256 * 1024 * 1024);
    map_open(&map->ordinals, memory);
    map_open(&map->invoices, memory);
    map_open(&map->bought, memory);
    *out = map;
    return ERR_OK;
}

void import_map_close(struct import_map *map)
{
    if (map != NULL) {
        arena_close(&map->basket_arena);
    }
}

enum import_format import_map_format(const struct import_map *map)
{
    return map->format;
}

bool import_map_wants_header(const struct import_map *map)
{
    return map->has_header;
}

static struct str column(const struct import_map *map, const struct import_row *row, struct str name)
{
    for (size_t i = 0; i < map->columns_n && i < row->fields_n; i++) {
        if (str_eq(map->columns[i], name)) {
            return str_trim(row->fields[i]);
        }
    }
    return (struct str){0};
}

/* "ext:{CustomerID}" with the columns filled in; empty when any of them is. */
static struct str filled(const struct import_map *map, struct arena *arena, const struct import_row *row, struct str text)
{
    struct buf out;
    buf_open(&out, arena, IMPORT_LINE_BYTES_MAX);
    for (size_t i = 0; i < text.n; i++) {
        const size_t end = text.p[i] == '{' ? str_find(text, '}', i) : text.n;
        if (end == text.n) {
            buf_char(&out, text.p[i]);
            continue;
        }
        const struct str value = column(map, row, (struct str){.p = text.p + i + 1, .n = end - i - 1});
        if (value.n == 0) {
            return (struct str){0};
        }
        buf_str(&out, value);
        i = end;
    }
    return buf_view(&out);
}

/* ---- values ---- */

/* "29.33" in minor units of `decimals` decimals, half up. */
static bool read_money(struct str text, int decimals, int64_t *out)
{
    struct decimal d = {0};
    return decimal_read(text, DECIMAL_SCALE_MAX, &d) &&
           mul_ratio_half_up(d.digits, power_of_ten(decimals), power_of_ten(d.scale), out);
}

/* Digits at the places of the format's letters: YYYY MM DD HH mm SS; anything else must be equal. */
static bool read_time(const struct zone *zone, struct str text, struct str format, int64_t *out)
{
    if (format.n == 0) {
        return instant_read(text, out);
    }
    if (text.n != format.n) {
        return false;
    }
    int values[128] = {0};
    for (size_t i = 0; i < text.n; i++) {
        const unsigned char letter = (unsigned char)format.p[i];
        const bool is_place = letter == 'Y' || letter == 'M' || letter == 'D' || letter == 'H' || letter == 'm' || letter == 'S';
        if (is_place && (text.p[i] < '0' || text.p[i] > '9')) {
            return false;
        }
        if (is_place) {
            values[letter] = values[letter] * 10 + (text.p[i] - '0');
        } else if (text.p[i] != format.p[i]) {
            return false;
        }
    }
    const struct civil c = {.year = values['Y'], .month = values['M'], .day = values['D']};
    if (c.year < 1 || c.month < 1 || c.month > 12 || c.day < 1 || c.day > days_in_month(c.year, c.month) ||
        values['H'] > 23 || values['m'] > 59 || values['S'] > 59) {
        return false;
    }
    const int64_t local = day_of_civil(c) * MS_PER_DAY + values['H'] * MS_PER_HOUR + values['m'] * MS_PER_MIN + values['S'] * MS_PER_S;
    // A local time: the offset of the instant that it would be by the offset around it.
    const int64_t guess = local - zone_offset_s(zone, local) * MS_PER_S;
    *out = local - zone_offset_s(zone, guess) * MS_PER_S;
    return true;
}

static bool row_time(const struct import_map *map, struct arena *arena, const struct import_row *row, int64_t *out)
{
    const json_t *time = json_at(map->event, "time");
    if (json_is_string(time)) {
        return instant_read(filled(map, arena, row, json_str(time)), out);
    }
    return read_time(&map->zone, column(map, row, text_at(time, "column")), text_at(time, "format"), out);
}

/* A number of a column ({"column", "decimals"}), or a constant. */
static bool row_money(const struct import_map *map, const struct import_row *row, const json_t *spec, int64_t *out)
{
    if (json_is_integer(spec)) {
        *out = json_integer_value(spec);
        return true;
    }
    const json_t *decimals = json_at(spec, "decimals");
    const int64_t places = json_is_integer(decimals) ? json_integer_value(decimals) : 0;
    return places >= 0 && places <= 4 && read_money(column(map, row, text_at(spec, "column")), (int)places, out);
}

static bool row_quantity(const struct import_map *map, const struct import_row *row, int64_t *milli)
{
    struct decimal d = {0};
    const struct str text = column(map, row, text_at(json_at(map->line, "quantity"), "column"));
    return decimal_read(text, 3, &d) && decimal_rescale(d, 3, milli);
}

/* ---- identity ---- */

static struct str hex(struct arena *arena, const unsigned char hash[VAULT_HASH_BYTES])
{
    struct buf text;
    buf_open(&text, arena, HEX_CHARS + 1);
    for (size_t i = 0; i < VAULT_HASH_BYTES; i++) {
        buf_printf(&text, "%02x", hash[i]);
    }
    return buf_view(&text);
}

static int64_t count_up(struct import_map *map, struct map *counts, const unsigned char hash[VAULT_HASH_BYTES])
{
    int64_t *count = map_find(counts, hash);
    if (count == NULL) {
        count = arena_new(map->memory, int64_t, 1);
        map_set(counts, hash, count);
    }
    return ++*count;
}

/* A row without an id gets a keyed hash of its fields and its ordinal among identical ones. */
static struct str row_id(struct import_map *map, struct arena *arena, const struct import_row *row)
{
    const struct str given = text_at(map->event, "id");
    if (given.n > 0) {
        return filled(map, arena, row, given);
    }
    unsigned char hash[VAULT_HASH_BYTES];
    vault_hash(map->vault, VAULT_FINGERPRINT, row->fields, row->fields_n, hash);
    const int64_t ordinal = count_up(map, &map->ordinals, hash);
    return str_fmt(arena, "%.*s-%" PRId64, STR_ARG(hex(arena, hash)), ordinal);
}

/* ---- events ---- */

static struct import_event *event_add(struct arena *arena, struct import_event **events, size_t *n, size_t *max,
                                      const int64_t *numbers, size_t numbers_n)
{
    arena_room(arena, *events, *n, *max);
    struct import_event *event = &(*events)[(*n)++];
    *event = (struct import_event){.numbers = arena_new(arena, int64_t, numbers_n), .numbers_n = numbers_n};
    memcpy(event->numbers, numbers, numbers_n * sizeof *numbers);
    return event;
}

/* The envelope up to "data":{ ; false when a part is missing, with the code. */
static bool put_envelope(const struct import_map *map, struct arena *arena, const struct import_row *row, struct str id,
                         struct str type, struct json_out *w, const char **code)
{
    int64_t time = 0;
    const struct str subject = filled(map, arena, row, text_at(map->event, "subject"));
    if (!row_time(map, arena, row, &time)) {
        *code = "bad_time";
        return false;
    }
    if (subject.n == 0 && (!map->keeps_sales || !str_eq(type, STR("purchase")))) {
        *code = "no_subject";
        return false;
    }
    if (id.n == 0) {
        *code = "no_id";
        return false;
    }
    json_open(w, '{');
    json_key(w, "specversion");
    json_put_str(w, STR("1.0"));
    json_key(w, "id");
    json_put_str(w, id);
    json_key(w, "source");
    json_put_str(w, text_at(map->event, "source"));
    json_key(w, "type");
    json_put_str(w, type);
    json_key(w, "time");
    json_put_instant(w, time);
    if (subject.n > 0) {
        json_key(w, "subject");
        json_put_str(w, subject);
    }
    json_key(w, "data");
    json_open(w, '{');
    return true;
}

/* Fields of data that are columns: texts by template, money by {"column","decimals"}, constants as they are. */
static bool put_data(const struct import_map *map, struct arena *arena, const struct import_row *row, struct json_out *w)
{
    const char *name = NULL;
    json_t *spec = NULL;
    json_object_foreach((json_t *)map->data, name, spec)
    {
        if (json_is_string(spec)) {
            const struct str text = filled(map, arena, row, json_str(spec));
            if (text.n > 0) {
                json_key(w, name);
                json_put_str(w, text);
            }
        } else if (json_is_object(spec) && json_at(spec, "column") != NULL) {
            int64_t amount = 0;
            if (!row_money(map, row, spec, &amount)) {
                return false;
            }
            json_key(w, name);
            json_put_int(w, amount);
        } else {
            json_key(w, name);
            json_put_value(w, spec);
        }
    }
    return true;
}

static void plain_event(struct import_map *map, struct arena *arena, const struct import_row *row, struct import_event *out)
{
    struct buf text;
    buf_open(&text, arena, EVENT_TEXT_MAX);
    struct json_out w = json_out(&text);
    const struct str type = filled(map, arena, row, text_at(map->event, "type"));
    if (!put_envelope(map, arena, row, row_id(map, arena, row), type, &w, &out->code)) {
        return;
    }
    if (!put_data(map, arena, row, &w)) {
        out->code = "bad_number";
        return;
    }
    json_close(&w, '}');
    json_close(&w, '}');
    out->json = buf_view(&text);
}

/* ---- baskets ---- */

static void article_hash(const struct import_map *map, struct str subject, struct str sku, unsigned char out[VAULT_HASH_BYTES])
{
    const struct str parts[] = {subject, sku};
    vault_hash(map->vault, VAULT_FINGERPRINT, parts, ARRAY_N(parts), out);
}

static void remember_bought(struct import_map *map, struct str subject, struct str sku, struct str invoice, int64_t line,
                            int64_t milli)
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
static bool put_line(const struct import_map *map, struct arena *arena, const struct import_row *row, int64_t ordinal,
                     struct json_out *w, int64_t *amount, int64_t *milli, const char **code)
{
    struct decimal price = {0};
    const json_t *price_spec = json_at(map->line, "price");
    const json_t *decimals = json_at(price_spec, "decimals");
    const int places = json_is_integer(decimals) ? (int)json_integer_value(decimals) : 2;
    if (!row_quantity(map, row, milli) || !decimal_read(column(map, row, text_at(price_spec, "column")), 6, &price)) {
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
    const struct str sku = filled(map, arena, row, text_at(map->line, "sku"));
    const struct str name = filled(map, arena, row, text_at(map->line, "name"));
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
static void basket_purchase(struct import_map *map, struct arena *arena, struct import_event **events, size_t *n, size_t *max)
{
    struct basket *basket = &map->basket;
    struct buf lines;
    struct buf text;
    int64_t *numbers = arena_new(arena, int64_t, basket->n);
    size_t numbers_n = 0;
    int64_t total = 0;
    unsigned char hash[VAULT_HASH_BYTES];
    const struct str subject = filled(map, arena, &basket->rows[0], text_at(map->event, "subject"));
    vault_hash(map->vault, VAULT_FINGERPRINT, &basket->key, 1, hash);
    const int64_t again = count_up(map, &map->invoices, hash);
    // An invoice that goes on further down the file is a purchase of its own.
    const struct str id = again == 1 ? basket->key : str_fmt(arena, "%.*s/%" PRId64, STR_ARG(basket->key), again);
    if (subject.n == 0 && !map->keeps_sales) {
        for (size_t i = 0; i < basket->n; i++) {
            event_add(arena, events, n, max, &basket->rows[i].number, 1)->code = "no_subject";
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
            event_add(arena, events, n, max, &row->number, 1)->code = code;
            continue;
        }
        total += amount;
        numbers[numbers_n++] = row->number;
        if (subject.n > 0) {
            remember_bought(map, subject, filled(map, arena, row, text_at(map->line, "sku")), id, (int64_t)i + 1, milli);
        }
    }
    json_close(&lw, ']');
    if (numbers_n == 0) {
        return;
    }
    struct import_event *event = event_add(arena, events, n, max, numbers, numbers_n);
    struct json_out w = json_out(&text);
    if (!put_envelope(map, arena, &basket->rows[0], id, STR("purchase"), &w, &event->code)) {
        return;
    }
    if (!put_data(map, arena, &basket->rows[0], &w)) {
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
static void put_refund(struct import_map *map, struct arena *arena, const struct import_row *row, struct str id,
                       const struct bought *bought, int64_t milli, struct import_event *out)
{
    struct buf text;
    buf_open(&text, arena, EVENT_TEXT_MAX);
    struct json_out w = json_out(&text);
    if (!put_envelope(map, arena, row, id, STR("refund"), &w, &out->code)) {
        return;
    }
    json_key(&w, "original");
    json_open(&w, '{');
    json_key(&w, "source");
    json_put_str(&w, text_at(map->event, "source"));
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

/* A cancellation refunds the latest purchases of that customer and article with quantity left, split where needed. */
static void cancel_row(struct import_map *map, struct arena *arena, const struct import_row *row, int64_t ordinal,
                       struct import_event **events, size_t *n, size_t *max)
{
    const struct str subject = filled(map, arena, row, text_at(map->event, "subject"));
    const struct str sku = filled(map, arena, row, text_at(map->line, "sku"));
    unsigned char hash[VAULT_HASH_BYTES];
    int64_t milli = 0;
    const char *code = NULL;
    if (subject.n == 0) {
        code = "no_subject";
    } else if (!row_quantity(map, row, &milli) || milli >= 0) {
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
        event_add(arena, events, n, max, &row->number, 1)->code = code;
        return;
    }
    for (; rest > 0; bought = bought->older) {
        const int64_t take = int64_min(rest, bought->left_milli);
        if (take == 0) {
            continue;
        }
        const struct str id = str_fmt(arena, "%.*s:%" PRId64 ":%" PRId64, STR_ARG(map->basket.key), ordinal, ++part);
        struct import_event *event = event_add(arena, events, n, max, &row->number, part == 1 ? 1 : 0);
        put_refund(map, arena, row, id, bought, take, event);
        bought->left_milli -= take;
        rest -= take;
    }
}

static void close_basket(struct import_map *map, struct arena *arena, struct import_event **events, size_t *n, size_t *max)
{
    struct basket *basket = &map->basket;
    if (basket->n == 0) {
        return;
    }
    const struct str cancel = map->cancel_column.n > 0 ? column(map, &basket->rows[0], map->cancel_column) : (struct str){0};
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

static void keep_row(struct import_map *map, const struct import_row *row)
{
    struct basket *basket = &map->basket;
    arena_room(&map->basket_arena, basket->rows, basket->n, basket->max);
    struct import_row *copy = &basket->rows[basket->n++];
    *copy = *row;
    for (size_t i = 0; i < row->fields_n; i++) {
        copy->fields[i] = str_dup(&map->basket_arena, row->fields[i]);
    }
}

enum err import_map_row(struct import_map *map, struct arena *arena, const struct import_row *row,
                        struct import_event **events, size_t *n, size_t *max, struct fail *f)
{
    if (row == NULL) {
        close_basket(map, arena, events, n, max);
        return ERR_OK;
    }
    if (row->is_bad) {
        event_add(arena, events, n, max, &row->number, 1)->code = "malformed";
        return ERR_OK;
    }
    if (map->format == IMPORT_NDJSON) {
        event_add(arena, events, n, max, &row->number, 1)->json = row->text;
        return ERR_OK;
    }
    if (map->has_header) {
        map->has_header = false;
        map->columns_n = row->fields_n;
        for (size_t i = 0; i < row->fields_n; i++) {
            map->columns[i] = str_dup(map->memory, str_trim(row->fields[i]));
        }
        return ERR_OK;
    }
    if (row->fields_n != map->columns_n) {
        event_add(arena, events, n, max, &row->number, 1)->code = "wrong_columns";
        return ERR_OK;
    }
    if (map->group_by.n == 0) {
        plain_event(map, arena, row, event_add(arena, events, n, max, &row->number, 1));
        return ERR_OK;
    }
    const struct str key = column(map, row, map->group_by);
    if (key.n == 0) {
        return fail(f, ERR_INVALID, "/group_by", "Line %" PRId64 " has no column \"%.*s\".", row->number, STR_ARG(map->group_by));
    }
    if (!str_eq(key, map->basket.key) || map->basket.n == IMPORT_GROUP_LINES_MAX) {
        close_basket(map, arena, events, n, max);
        map->basket.key = str_dup(&map->basket_arena, key);
    }
    keep_row(map, row);
    return ERR_OK;
}
