/* From rows to events by a small mapping document: templates of columns, baskets from lines,
 * cancellations. */
#include "base/base.h"
#include "cli/import.h"

#include "cli/import_internal.h"

enum { HEX_CHARS = 32 };

struct str map_text_at(const struct json *object, const char *name)
{
    return json_str(json_at(object, name));
}

enum err import_map_read(struct arena *memory, const struct json *document,
                         const struct vault *vault, struct fail *f, struct import_map **out)
{
    struct import_map *map = arena_new(memory, struct import_map, 1);
    const struct str format = map_text_at(document, "format");
    map->memory = memory;
    map->vault = vault;
    map->format = str_eq(format, STR("blanks"))   ? IMPORT_BLANKS
                  : str_eq(format, STR("ndjson")) ? IMPORT_NDJSON
                                                  : IMPORT_CSV;
    map->event = json_at(document, "event");
    map->data = json_at(document, "data");
    map->line = json_at(document, "line");
    map->group_by = map_text_at(document, "group_by");
    map->cancel_column = map_text_at(json_at(document, "cancel"), "column");
    map->cancel_prefix = map_text_at(json_at(document, "cancel"), "prefix");
    map->keeps_sales = str_eq(map_text_at(document, "no_subject"), STR("sale"));
    const struct json *columns = json_at(document, "columns");
    map->columns_n = json_array_size(columns);
    if (map->format != IMPORT_NDJSON && !json_is_object(map->event)) {
        return fail(f, ERR_INVALID, "/event",
                    "The mapping needs \"event\": how type, source, subject and time are made.");
    }
    if (map->columns_n > IMPORT_COLUMNS_MAX) {
        return fail(f, ERR_INVALID, "/columns", "At most %d columns.", IMPORT_COLUMNS_MAX);
    }
    for (size_t i = 0; i < map->columns_n; i++) {
        map->columns[i] = json_str(json_array_get(columns, i));
    }
    map->has_header = map->columns_n == 0 && map->format == IMPORT_CSV;
    const struct str zone = map_text_at(document, "timezone");
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

struct str map_column(const struct import_map *map, const struct import_row *row, struct str name)
{
    for (size_t i = 0; i < map->columns_n && i < row->fields_n; i++) {
        if (str_eq(map->columns[i], name)) {
            return str_trim(row->fields[i]);
        }
    }
    return (struct str){0};
}

/* "ext:{CustomerID}" with the columns filled in; empty when any of them is. */
struct str map_filled(const struct import_map *map, struct arena *arena,
                      const struct import_row *row, struct str text)
{
    struct buf out;
    buf_open(&out, arena, IMPORT_LINE_BYTES_MAX);
    for (size_t i = 0; i < text.n; i++) {
        const size_t end = text.p[i] == '{' ? str_find(text, '}', i) : text.n;
        if (end == text.n) {
            buf_char(&out, text.p[i]);
            continue;
        }
        const struct str value =
            map_column(map, row, (struct str){.p = text.p + i + 1, .n = end - i - 1});
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

/* Digits at the places of the format's letters: YYYY MM DD HH mm SS; anything else must be equal.
 */
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
        const bool is_place = letter == 'Y' || letter == 'M' || letter == 'D' || letter == 'H' ||
                              letter == 'm' || letter == 'S';
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
    if (c.year < 1 || c.month < 1 || c.month > 12 || c.day < 1 ||
        c.day > days_in_month(c.year, c.month) || values['H'] > 23 || values['m'] > 59 ||
        values['S'] > 59) {
        return false;
    }
    const int64_t local = day_of_civil(c) * MS_PER_DAY + values['H'] * MS_PER_HOUR +
                          values['m'] * MS_PER_MIN + values['S'] * MS_PER_S;
    // A local time: the offset of the instant that it would be by the offset around it.
    const int64_t guess = local - zone_offset_s(zone, local) * MS_PER_S;
    *out = local - zone_offset_s(zone, guess) * MS_PER_S;
    return true;
}

static bool row_time(const struct import_map *map, struct arena *arena,
                     const struct import_row *row, int64_t *out)
{
    const struct json *time = json_at(map->event, "time");
    if (json_is_string(time)) {
        return instant_read(map_filled(map, arena, row, json_str(time)), out);
    }
    return read_time(&map->zone, map_column(map, row, map_text_at(time, "column")),
                     map_text_at(time, "format"), out);
}

/* A number of a column ({"column", "decimals"}), or a constant. */
static bool map_row_money(const struct import_map *map, const struct import_row *row,
                          const struct json *spec, int64_t *out)
{
    if (json_is_integer(spec)) {
        *out = json_integer_value(spec);
        return true;
    }
    const struct json *decimals = json_at(spec, "decimals");
    const int64_t places = json_is_integer(decimals) ? json_integer_value(decimals) : 0;
    return places >= 0 && places <= 4 &&
           read_money(map_column(map, row, map_text_at(spec, "column")), (int)places, out);
}

bool map_row_quantity(const struct import_map *map, const struct import_row *row, int64_t *milli)
{
    struct decimal d = {0};
    const struct str text =
        map_column(map, row, map_text_at(json_at(map->line, "quantity"), "column"));
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

int64_t map_count_up(struct import_map *map, struct map *counts,
                     const unsigned char hash[VAULT_HASH_BYTES])
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
    const struct str given = map_text_at(map->event, "id");
    if (given.n > 0) {
        return map_filled(map, arena, row, given);
    }
    unsigned char hash[VAULT_HASH_BYTES];
    vault_hash(map->vault, VAULT_FINGERPRINT, row->fields, row->fields_n, hash);
    const int64_t ordinal = map_count_up(map, &map->ordinals, hash);
    return str_fmt(arena, "%.*s-%" PRId64, STR_ARG(hex(arena, hash)), ordinal);
}

/* ---- events ---- */

struct import_event *map_event_add(struct arena *arena, struct import_event **events, size_t *n,
                                   size_t *max, const int64_t *numbers, size_t numbers_n)
{
    arena_room(arena, *events, *n, *max);
    struct import_event *event = &(*events)[(*n)++];
    *event = (struct import_event){.numbers = arena_new(arena, int64_t, numbers_n),
                                   .numbers_n = numbers_n};
    memcpy(event->numbers, numbers, numbers_n * sizeof *numbers);
    return event;
}

/* The envelope up to "data":{ ; false when a part is missing, with the code. */
bool map_put_envelope(const struct import_map *map, struct arena *arena,
                      const struct import_row *row, struct str id, struct str type,
                      struct json_out *w, const char **code)
{
    int64_t time = 0;
    const struct str subject = map_filled(map, arena, row, map_text_at(map->event, "subject"));
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
    json_put_str(w, map_text_at(map->event, "source"));
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

/* Fields of data that are columns: texts by template, money by {"column","decimals"}, constants as
 * they are. */
bool map_put_data(const struct import_map *map, struct arena *arena, const struct import_row *row,
                  struct json_out *w)
{
    struct str name = {0};
    const struct json *spec = NULL;
    json_object_foreach(map->data, name, spec)
    {
        if (json_is_string(spec)) {
            const struct str text = map_filled(map, arena, row, json_str(spec));
            if (text.n > 0) {
                json_key_str(w, name);
                json_put_str(w, text);
            }
        } else if (json_is_object(spec) && json_at(spec, "column") != NULL) {
            int64_t amount = 0;
            if (!map_row_money(map, row, spec, &amount)) {
                return false;
            }
            json_key_str(w, name);
            json_put_int(w, amount);
        } else {
            json_key_str(w, name);
            json_put_value(w, spec);
        }
    }
    return true;
}

static void plain_event(struct import_map *map, struct arena *arena, const struct import_row *row,
                        struct import_event *out)
{
    struct buf text;
    buf_open(&text, arena, EVENT_TEXT_MAX);
    struct json_out w = json_out(&text);
    const struct str type = map_filled(map, arena, row, map_text_at(map->event, "type"));
    if (!map_put_envelope(map, arena, row, row_id(map, arena, row), type, &w, &out->code)) {
        return;
    }
    if (!map_put_data(map, arena, row, &w)) {
        out->code = "bad_number";
        return;
    }
    json_close(&w, '}');
    json_close(&w, '}');
    out->json = buf_view(&text);
}

enum err import_map_row(struct import_map *map, struct arena *arena, const struct import_row *row,
                        struct import_event **events, size_t *n, size_t *max, struct fail *f)
{
    if (row == NULL) {
        basket_close(map, arena, events, n, max);
        return ERR_OK;
    }
    if (row->is_bad) {
        map_event_add(arena, events, n, max, &row->number, 1)->code = "malformed";
        return ERR_OK;
    }
    if (map->format == IMPORT_NDJSON) {
        map_event_add(arena, events, n, max, &row->number, 1)->json = row->text;
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
        map_event_add(arena, events, n, max, &row->number, 1)->code = "wrong_columns";
        return ERR_OK;
    }
    if (map->group_by.n == 0) {
        plain_event(map, arena, row, map_event_add(arena, events, n, max, &row->number, 1));
        return ERR_OK;
    }
    const struct str key = map_column(map, row, map->group_by);
    if (key.n == 0) {
        return fail(f, ERR_INVALID, "/group_by", "Line %" PRId64 " has no column \"%.*s\".",
                    row->number, STR_ARG(map->group_by));
    }
    if (!str_eq(key, map->basket.key) || map->basket.n == IMPORT_GROUP_LINES_MAX) {
        basket_close(map, arena, events, n, max);
        map->basket.key = str_dup(&map->basket_arena, key);
    }
    basket_keep(map, row);
    return ERR_OK;
}
