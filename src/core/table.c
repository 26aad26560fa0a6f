/* Sets and look-up tables. */
#include "base/base.h"
#include "core/table.h"

#include <math.h>

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++) {
        hash = (hash ^ p[i]) *
               1099511628211u; // FNV-1a; the document's author chooses the keys, nobody else
    }
    return hash ^ hash >> 29;
}

#define HASH_START ((uint64_t)14695981039346656037u)

/* A power of two with room for twice as many. */
static size_t slots_for(size_t n)
{
    size_t slots = 4;
    while (slots < 2 * n) {
        slots *= 2;
    }
    return slots;
}

void text_set_make(struct arena *arena, struct str name, const struct json *list,
                   struct text_set *out)
{
    const size_t n = json_array_size(list);
    const size_t slots_n = slots_for(n);
    uint32_t *slots = arena_new(arena, uint32_t, slots_n);
    struct value *items = arena_new(arena, struct value, n);
    for (size_t i = 0; i < n; i++) {
        const struct str text = json_str(json_array_get(list, i));
        size_t at = hash_bytes(HASH_START, text.p, text.n) & (slots_n - 1);
        items[i] = value_str(text);
        while (slots[at] != 0) {
            at = (at + 1) & (slots_n - 1);
        }
        slots[at] = (uint32_t)i + 1;
    }
    *out = (struct text_set){
        .name = name, .items = items, .n = n, .slots = slots, .slots_mask = slots_n - 1};
}

bool text_set_has(const struct text_set *set, struct str text)
{
    size_t at = hash_bytes(HASH_START, text.p, text.n) & set->slots_mask;
    for (; set->slots[at] != 0; at = (at + 1) & set->slots_mask) {
        if (str_eq(set->items[set->slots[at] - 1].str, text)) {
            return true;
        }
    }
    return false;
}

static struct decimal decimal_shortest(struct decimal d)
{
    while (d.scale > 0 && d.digits % 10 == 0) {
        d.digits /= 10;
        d.scale--;
    }
    return d;
}

bool decimal_of_value(const struct value *value, struct arena *arena, struct decimal *out)
{
    struct decimal d = {0};
    if (value->kind == VALUE_NUMBER && value->number == trunc(value->number) &&
        fabs(value->number) <= (double)WHOLE_MAX) {
        *out = (struct decimal){.digits = (int64_t)value->number};
        return true;
    }
    const bool may_be =
        (value->kind == VALUE_NUMBER && isfinite(value->number)) || value->kind == VALUE_STR;
    // The shortest text that reads back as the same double is the decimal that somebody wrote.
    if (!may_be || !decimal_read(value_to_str(value, arena), DECIMAL_SCALE_MAX, &d)) {
        return false;
    }
    *out = decimal_shortest(d);
    return true;
}

/* ---- compiling ---- */

/* Rows whose plain keys stand in the same columns, hashed by these. */
struct table_pattern {
    uint32_t exact;        // bits of columns
    const uint32_t *slots; // 0: free, else row + 1 of the first with these keys
    const uint32_t *next;  // by row: row + 1 of the next with these keys, 0: none
    size_t mask;
};

struct work {
    struct arena *arena;
    struct fail *f;
    struct table *table;
    struct str pointer;
};

static struct str cell_pointer(const struct work *w, size_t row, size_t column)
{
    const struct str rows = pointer_key(w->arena, w->pointer, STR("rows"));
    return pointer_index(w->arena, pointer_index(w->arena, rows, row), column);
}

static bool read_number(const struct json *json, struct decimal *out)
{
    if (json_is_integer(json)) {
        *out = (struct decimal){.digits = json_integer_value(json)};
        return true;
    }
    struct decimal d = {0};
    if (!json_is_string(json) || json_str(json).n == 0 ||
        !decimal_read(json_str(json), DECIMAL_SCALE_MAX, &d)) {
        return false;
    }
    *out = decimal_shortest(d);
    return true;
}

/* ["<=", 500] */
static bool read_limit(const struct json *json, struct cell *out)
{
    static const char *const LIMITS[] = {"<", "<=", ">", ">="};
    const struct str sign = json_str(json_array_get(json, 0));
    for (size_t i = 0; i < ARRAY_N(LIMITS) && json_array_size(json) == 2; i++) {
        if (str_eq(sign, str_c(LIMITS[i]))) {
            *out = (struct cell){.kind = CELL_LIMIT, .limit = (enum cell_limit)i};
            return read_number(json_array_get(json, 1), &out->number);
        }
    }
    return false;
}

/* A column is of numbers when a cell is a number or a limit; every other cell must then be one,
 * written as text or not. The value column is of numbers when all of its cells are. */
static void find_types(struct work *w, const struct json *rows)
{
    struct table *t = w->table;
    t->value_is_number = true;
    for (size_t r = 0; r < t->rows_n; r++) {
        const struct json *row = json_array_get(rows, r);
        struct decimal number;
        for (size_t c = 0; c < t->keys_n; c++) {
            const struct json *cell = json_array_get(row, c);
            t->key_is_number[c] |= json_is_integer(cell) || json_is_array(cell);
        }
        t->value_is_number &= read_number(json_array_get(row, t->keys_n), &number);
    }
}

static enum err read_key(struct work *w, const struct json *json, size_t row, size_t column,
                         struct cell *out)
{
    const bool is_number = w->table->key_is_number[column];
    if (json_is_string(json) && str_eq(json_str(json), STR("*"))) {
        *out = (struct cell){.kind = CELL_ANY};
        return ERR_OK;
    }
    if (!is_number && json_is_string(json)) {
        *out = (struct cell){.kind = CELL_TEXT, .text = json_str(json)};
        return ERR_OK;
    }
    if (is_number && json_is_array(json)) {
        return read_limit(json, out)
                   ? ERR_OK
                   : fail_at(w->f, ERR_INVALID, cell_pointer(w, row, column),
                             "A limit is a sign and a number: [\"<=\", 500], with <, <=, > or >=.");
    }
    *out = (struct cell){.kind = CELL_NUMBER};
    return is_number && read_number(json, &out->number)
               ? ERR_OK
               : fail_at(w->f, ERR_INVALID, cell_pointer(w, row, column),
                         "This column holds numbers, as whole numbers or texts such as \"1.5\"; "
                         "\"*\" is any.");
}

static enum err read_value(struct work *w, const struct json *json, size_t row, struct cell *out)
{
    if (w->table->value_is_number) {
        *out = (struct cell){.kind = CELL_NUMBER};
        ensure(read_number(json, &out->number));
        return ERR_OK;
    }
    *out = (struct cell){.kind = CELL_TEXT, .text = json_str(json)};
    return json_is_string(json)
               ? ERR_OK
               : fail_at(w->f, ERR_INVALID, cell_pointer(w, row, w->table->keys_n),
                         "The last column holds numbers in every row, or texts in every row.");
}

static enum err read_rows(struct work *w, const struct json *rows)
{
    struct table *t = w->table;
    const size_t columns_n = t->keys_n + 1;
    for (size_t r = 0; r < t->rows_n; r++) {
        if (json_array_size(json_array_get(rows, r)) != columns_n) {
            return fail_at(
                w->f, ERR_INVALID,
                pointer_index(w->arena, pointer_key(w->arena, w->pointer, STR("rows")), r),
                "A row has a cell for each of the %zu keys and one for the value.", t->keys_n);
        }
    }
    find_types(w, rows);
    struct cell *cells = arena_new(w->arena, struct cell, t->rows_n * columns_n);
    for (size_t r = 0; r < t->rows_n; r++) {
        const struct json *row = json_array_get(rows, r);
        for (size_t c = 0; c < t->keys_n; c++) {
            try(read_key(w, json_array_get(row, c), r, c, &cells[r * columns_n + c]));
        }
        try(read_value(w, json_array_get(row, t->keys_n), r, &cells[r * columns_n + t->keys_n]));
    }
    t->cells = cells;
    return ERR_OK;
}

static const struct cell *row_of(const struct table *t, size_t row)
{
    return t->cells + row * (t->keys_n + 1);
}

static uint32_t exact_columns(const struct table *t, size_t row)
{
    uint32_t exact = 0;
    for (size_t c = 0; c < t->keys_n; c++) {
        const enum cell_kind kind = row_of(t, row)[c].kind;
        exact |= (uint32_t)(kind == CELL_TEXT || kind == CELL_NUMBER) << c;
    }
    return exact;
}

static uint64_t hash_cells(const struct table *t, const struct cell *cells, uint32_t exact)
{
    uint64_t hash = HASH_START;
    for (size_t c = 0; c < t->keys_n; c++) {
        if ((exact >> c & 1) == 0) {
            continue;
        }
        if (cells[c].kind == CELL_TEXT) {
            hash = hash_bytes(hash, cells[c].text.p, cells[c].text.n);
        } else {
            hash = hash_bytes(hash, &cells[c].number.digits, sizeof cells[c].number.digits);
        }
        hash = hash_bytes(hash, "/", 1);
    }
    return hash;
}

static bool is_number_equal(struct decimal a, struct decimal b)
{
    return a.digits == b.digits && a.scale == b.scale; // both in their shortest form
}

static bool cells_equal(const struct table *t, const struct cell *a, const struct cell *b,
                        uint32_t exact)
{
    for (size_t c = 0; c < t->keys_n; c++) {
        const bool is_equal =
            (exact >> c & 1) == 0 ||
            (a[c].kind == b[c].kind &&
             (a[c].kind == CELL_TEXT ? str_eq(a[c].text, b[c].text)
                                     : is_number_equal(a[c].number, b[c].number)));
        if (!is_equal) {
            return false;
        }
    }
    return true;
}

/* Hashes the rows of one pattern; rows with the same plain keys hang together in their order. */
static void pattern_make(struct work *w, uint32_t exact, struct table_pattern *out)
{
    const struct table *t = w->table;
    size_t n = 0;
    for (size_t r = 0; r < t->rows_n; r++) {
        n += exact_columns(t, r) == exact;
    }
    const size_t slots_n = slots_for(n);
    uint32_t *slots = arena_new(w->arena, uint32_t, slots_n);
    uint32_t *next = arena_new(w->arena, uint32_t, t->rows_n);
    for (size_t r = t->rows_n; r-- > 0;) { // from the end, so that the first comes to stand first
        if (exact_columns(t, r) != exact) {
            continue;
        }
        const struct cell *row = row_of(t, r);
        size_t at = hash_cells(t, row, exact) & (slots_n - 1);
        while (slots[at] != 0 && !cells_equal(t, row_of(t, slots[at] - 1), row, exact)) {
            at = (at + 1) & (slots_n - 1);
        }
        next[r] = slots[at];
        slots[at] = (uint32_t)r + 1;
    }
    *out =
        (struct table_pattern){.exact = exact, .slots = slots, .next = next, .mask = slots_n - 1};
}

static enum err make_patterns(struct work *w)
{
    struct table *t = w->table;
    uint32_t known[TABLE_PATTERNS_MAX];
    for (size_t r = 0; r < t->rows_n; r++) {
        const uint32_t exact = exact_columns(t, r);
        size_t i = 0;
        while (i < t->patterns_n && known[i] != exact) {
            i++;
        }
        if (i == TABLE_PATTERNS_MAX) {
            return fail_at(w->f, ERR_INVALID, w->pointer,
                           "Limits and \"*\" stand in more than %d combinations of columns: make "
                           "two tables of this one.",
                           TABLE_PATTERNS_MAX);
        }
        if (i == t->patterns_n) {
            known[t->patterns_n++] = exact;
        }
    }
    struct table_pattern *patterns = arena_new(w->arena, struct table_pattern, t->patterns_n);
    for (size_t i = 0; i < t->patterns_n; i++) {
        pattern_make(w, known[i], &patterns[i]);
    }
    t->patterns = patterns;
    return ERR_OK;
}

enum err table_compile(struct arena *arena, struct str name, const struct json *json,
                       struct str pointer, struct fail *f, struct table *out)
{
    const struct json *keys = json_at(json, "keys");
    const struct json *rows = json_at(json, "rows");
    struct table table = {
        .name = name, .keys_n = json_array_size(keys), .rows_n = json_array_size(rows)};
    struct work w = {.arena = arena, .f = f, .table = &table, .pointer = pointer};
    ensure(table.keys_n >= 1 && table.keys_n <= TABLE_KEYS_MAX);
    ensure(table.rows_n <= TABLE_ROWS_MAX);
    struct str *names = arena_new(arena, struct str, table.keys_n);
    for (size_t i = 0; i < table.keys_n; i++) {
        names[i] = json_str(json_array_get(keys, i));
    }
    table.keys = names;
    try(read_rows(&w, rows));
    try(make_patterns(&w));
    *out = table;
    return ERR_OK;
}

/* ---- looking up ---- */

static int number_compare(struct decimal a, struct decimal b)
{
    const __int128 left = (__int128)a.digits * power_of_ten(b.scale);
    const __int128 right = (__int128)b.digits * power_of_ten(a.scale);
    return (left > right) - (left < right);
}

static bool limit_holds(const struct cell *limit, const struct cell *key)
{
    if (key->kind != CELL_NUMBER) {
        return false;
    }
    const int order = number_compare(key->number, limit->number);
    switch (limit->limit) {
    case LIMIT_LESS:
        return order < 0;
    case LIMIT_LESS_EQUAL:
        return order <= 0;
    case LIMIT_MORE:
        return order > 0;
    case LIMIT_MORE_EQUAL:
        return order >= 0;
    }
    return false;
}

/* A key that is missing or of the other kind is CELL_ANY, which equals no plain key and meets no
 * limit. */
static struct cell key_cell(const struct table *t, size_t column, const struct value *key,
                            struct arena *arena)
{
    struct cell cell = {.kind = CELL_ANY};
    if (t->key_is_number[column]) {
        cell.kind = decimal_of_value(key, arena, &cell.number) ? CELL_NUMBER : CELL_ANY;
    } else if (key->kind == VALUE_STR) {
        cell = (struct cell){.kind = CELL_TEXT, .text = key->str};
    } else if (key->kind == VALUE_NUMBER || key->kind == VALUE_BOOL) {
        cell = (struct cell){.kind = CELL_TEXT, .text = value_to_str(key, arena)};
    }
    return cell;
}

static bool limits_hold(const struct table *t, const struct cell *row, const struct cell *keys)
{
    for (size_t c = 0; c < t->keys_n; c++) {
        if (row[c].kind == CELL_LIMIT && !limit_holds(&row[c], &keys[c])) {
            return false;
        }
    }
    return true;
}

/* The first row of a pattern that fits, below `best`; else `best`. */
static size_t pattern_find(const struct table *t, const struct table_pattern *p,
                           const struct cell *keys, size_t best, size_t *looked)
{
    size_t at = hash_cells(t, keys, p->exact) & p->mask;
    while (p->slots[at] != 0 && !cells_equal(t, row_of(t, p->slots[at] - 1), keys, p->exact)) {
        at = (at + 1) & p->mask;
        *looked += 1;
    }
    for (uint32_t row = p->slots[at]; row != 0 && row - 1 < best; row = p->next[row - 1]) {
        *looked += 1;
        if (limits_hold(t, row_of(t, row - 1), keys)) {
            return row - 1;
        }
    }
    return best;
}

const struct cell *table_find(const struct table *t, const struct value *keys, struct arena *arena,
                              size_t *looked)
{
    struct cell cells[TABLE_KEYS_MAX];
    size_t best = t->rows_n;
    *looked = 1;
    for (size_t c = 0; c < t->keys_n; c++) {
        cells[c] = key_cell(t, c, &keys[c], arena);
    }
    for (size_t i = 0; i < t->patterns_n; i++) {
        best = pattern_find(t, &t->patterns[i], cells, best, looked);
    }
    return best < t->rows_n ? row_of(t, best) + t->keys_n : NULL;
}
