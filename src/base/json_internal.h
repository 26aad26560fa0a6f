/* What reading and writing JSON share: the fields of an object in the order of their names. */
#ifndef LOYALD_JSON_INTERNAL_H
#define LOYALD_JSON_INTERNAL_H

#include "base/json.h"

/* Up to so many fields are looked through one by one; a larger object that was read has an index,
 * so that finding a name, or a name that stands twice, stays far below the square of what a caller
 * sends. */
enum { JSON_FEW_MAX = 16 };

/* A field in the order of names. */
struct json_entry {
    uint64_t head; // the first eight bytes of the name as a number: most comparisons end with it
    const struct json_field *field;
};

/* The fields sorted by name, of an object that was read and has more than JSON_FEW_MAX; otherwise
 * NULL. The index follows the fields in the same piece. */
static inline const struct json_entry *json_fields_index(const struct json *object)
{
    return object->is_indexed ? (const struct json_entry *)(object->fields + object->n) : NULL;
}

/* Fills `entries` with the fields of the object, sorted by name, bytewise: names that are the same
 * come to stand side by side. */
void json_fields_sort(const struct json *object, struct json_entry *entries);

#endif
