/* The program's sets and look-up tables: named lists and tables that conditions and formulas look
 * into.
 *
 * A set is a list of texts. A table has key columns, of texts or of numbers, and a value column, of
 * texts or of numbers; a key cell may be "any", and one of numbers a limit such as "up to 500". The
 * first row that fits wins. Rows are found by hash over the columns that hold plain keys, so that a
 * table of 10,000 fares costs as much as one of ten.
 *
 * Owns:    nothing.
 * Threads: any thread once made.
 * Memory:  the arena given; texts are borrowed from the document.
 * Errors:  table_compile(): ERR_INVALID with the pointer of the cell at fault.
 * Limits:  the constants below; the JSON Schema has those of sets.
 */
#ifndef LOYALD_TABLE_H
#define LOYALD_TABLE_H

#include "base/err.h"
#include "base/num.h"
#include "core/value.h"

enum {
    TABLE_KEYS_MAX = 8,
    TABLE_ROWS_MAX = 10000,
    TABLES_MAX = 100,
    TABLE_PATTERNS_MAX = 64, // different combinations of columns that hold plain keys
};

/* A set of texts, hashed. */
struct text_set {
    struct str name;
    const struct value *items; // as in the document
    size_t n;
    const uint32_t *slots; // 0: free, else item + 1
    size_t slots_mask;
};

/* Makes a set of a JSON array of texts. */
void text_set_make(struct arena *arena, struct str name, const struct json *list,
                   struct text_set *out);

bool text_set_has(const struct text_set *set, struct str text);

enum cell_kind {
    CELL_ANY, // "*"
    CELL_TEXT,
    CELL_NUMBER,
    CELL_LIMIT, // a number and on which side of it
};
enum cell_limit { LIMIT_LESS, LIMIT_LESS_EQUAL, LIMIT_MORE, LIMIT_MORE_EQUAL };

struct cell {
    enum cell_kind kind;
    enum cell_limit limit;
    struct str text;
    struct decimal number; // without zeros at the end: equal numbers have equal digits
};

struct table_pattern;

struct table {
    struct str name;
    const struct str *keys; // names of the key columns
    size_t keys_n;
    bool key_is_number[TABLE_KEYS_MAX];
    bool value_is_number;
    const struct cell *cells; // keys_n + 1 to a row
    size_t rows_n;
    const struct table_pattern *patterns;
    size_t patterns_n;
};

/* Compiles {"keys": […], "rows": [[…]]}; the schema has accepted it. */
enum err table_compile(struct arena *arena, struct str name, const struct json *json,
                       struct str pointer, struct fail *f, struct table *out) MUST_USE;

/* The value in the first row that fits the keys (table->keys_n of them), or NULL. *looked counts
 * the rows compared. */
const struct cell *table_find(const struct table *table, const struct value *keys,
                              struct arena *arena, size_t *looked);

/* The number that a value holds exactly: whole numbers, and decimals as they are written. False for
 * all else. */
MUST_USE bool decimal_of_value(const struct value *value, struct arena *arena, struct decimal *out);

#endif
