/* JSON Schema: the subset of 2020-12 that docs/schema.md lists, compiled once and checked with
 * exact pointers.
 *
 * Owns:    nothing.
 * Threads: a compiled schema may be used by any number of threads.
 * Memory:  the schema lives in the arena given and borrows from its JSON, which must live as long.
 *          Checking uses the arena of the struct fail, and only when something is wrong.
 * Errors:  compiling: ERR_INVALID at the keyword at fault. Checking: ERR_UNKNOWN_FIELD,
 *          ERR_NOT_SUPPORTED (x-not-supported), ERR_OVERFLOW (integers beyond ±(2^53−1)),
 *          ERR_INVALID for all else.
 * Limits:  SCHEMA_NODES_MAX parts, SCHEMA_STEPS_MAX parts looked at in one check.
 */
#ifndef LOYALD_SCHEMA_H
#define LOYALD_SCHEMA_H

#include "base/err.h"
#include "base/json.h"

enum {
    SCHEMA_NODES_MAX = 5000,
    SCHEMA_STEPS_MAX = 2000000,
};

struct schema;

/* Compiles a schema. `pointer` is where it stands in its document and goes before the pointers of
 * failures. A keyword outside the subset is refused; names that begin with "x-" are annotations. */
enum err schema_compile(struct arena *arena, const struct json *json, struct str pointer,
                        struct fail *f, const struct schema **out) MUST_USE;

/* Checks a value; `pointer` is where it stands and goes before the pointers of failures. All faults
 * are noted in *f (not NULL), the first is returned. */
enum err schema_check(const struct schema *schema, const struct json *value, struct str pointer,
                      struct fail *f) MUST_USE;

/* True when the text has the form that a "format" of that name asks for; false for an unknown
 * format too. */
bool schema_format_fits(struct str format, struct str text);

/* What a text of that format looks like: "a date, such as 2026-11-21"; NULL for an unknown format.
 */
const char *schema_format_text(struct str format);

#endif
