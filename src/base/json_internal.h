/* What reading and writing JSON share: the fields of an object in the order of their names. */
#ifndef LOYALD_JSON_INTERNAL_H
#define LOYALD_JSON_INTERNAL_H

#include "base/json.h"

/* Up to so many fields are looked through one by one; a larger object that was read has an index,
 * so that finding a name, or a name that stands twice, stays far below the square of what a caller
 * sends. */
enum { JSON_FEW_MAX = 16 };

/* The fields sorted by name, of an object that was read and has more than JSON_FEW_MAX; otherwise
 * NULL. The index follows the fields in the same piece. */
static inline const struct json_field *const *json_fields_index(const struct json *object)
{
    return object->is_indexed ? (const struct json_field *const *)(object->fields + object->n)
                              : NULL;
}

/* Sorts by name, bytewise. Names that are the same come to stand side by side. */
void json_fields_sort(const struct json_field **fields, size_t n);

#endif
