/* Reading JSON strictly: every field is known, of its type and within its range, and every fault is
 * noted with its pointer. A place is a chain of names on the stack, so that a pointer costs nothing
 * until something is wrong.
 *
 *     static const char *const FIELDS[] = {"id", "amount"};
 *     if (read_object(&r, json, &at, FIELDS, ARRAY_N(FIELDS))) {
 *         read_text(&r, json, &at, "id", READ_REQUIRED, 64, &out->id);
 *     }
 *     try(read_done(&r));
 *
 * Owns:    nothing; texts borrow from the JSON value.
 * Threads: one thread at a time.
 * Memory:  the arena of the reader, for pointers of faults.
 * Errors:  collected in the struct fail; read_done() returns the first.
 * Limits:  JSON_DEPTH_MAX, FAIL_ITEMS_MAX.
 */
#ifndef LOYALD_API_READ_H
#define LOYALD_API_READ_H

#include "base/json.h"

struct reader {
    struct arena *arena;
    struct fail *f;
};

/* Where a value stands: a field of its parent (`name`), or an item of it (`name` NULL). */
struct place {
    const struct place *parent; // NULL: directly in the document
    const char *name;           // NULL: `index` counts
    size_t index;
};

enum read_need { READ_OPTIONAL, READ_REQUIRED };

/* The pointer of a place; NULL is the whole document. */
struct str place_pointer(struct arena *arena, const struct place *at);

/* Notes a fault. */
void read_fault(struct reader *r, enum err err, const struct place *at, const char *fmt, ...)
    PRINTF(4, 5);

/* ERR_OK, or the first fault's. */
enum err read_done(const struct reader *r) MUST_USE;

/* True when the value is an object; fields that are not listed are faults. */
bool read_object(struct reader *r, const struct json *value, const struct place *at,
                 const char *const *fields, size_t fields_n);

/* The named field as an object; NULL when it is missing or something else (a fault, unless optional
 * and missing). */
const struct json *read_child(struct reader *r, const struct json *object, const struct place *at,
                              const char *name, enum read_need need);

/* The named field as an array of at most max items; NULL as above. */
const struct json *read_array(struct reader *r, const struct json *object, const struct place *at,
                              const char *name, enum read_need need, size_t max);

/* Text of 1 to bytes_max bytes without control characters; an optional text may be missing, and
 * then *out stays. */
void read_text(struct reader *r, const struct json *object, const struct place *at,
               const char *name, enum read_need need, size_t bytes_max, struct str *out);

/* A whole number from min to max. Beyond ±(2^53-1) it is `overflow`. */
void read_whole(struct reader *r, const struct json *object, const struct place *at,
                const char *name, enum read_need need, int64_t min, int64_t max, int64_t *out);

void read_bool(struct reader *r, const struct json *object, const struct place *at,
               const char *name, bool *out);

/* RFC 3339. */
void read_instant(struct reader *r, const struct json *object, const struct place *at,
                  const char *name, enum read_need need, int64_t *out);

/* A quantity: a decimal text of at most three places or a whole number, above zero, in thousandths.
 */
void read_quantity(struct reader *r, const struct json *object, const struct place *at,
                   const char *name, int64_t *out_milli);

/* Three capital letters. */
void read_currency(struct reader *r, const struct json *object, const struct place *at,
                   const char *name, struct str *out);

/* Free content: whole numbers within ±(2^53-1) everywhere. */
void read_free(struct reader *r, const struct json *value, const struct place *at);

#endif
