/* What the files of the schema module share: the compiled form.
 *
 * Owns:    nothing.
 * Threads: as schema.h.
 * Memory:  as schema.h.
 * Errors:  as schema.h.
 * Limits:  as schema.h.
 */
#ifndef LOYALD_SCHEMA_INTERNAL_H
#define LOYALD_SCHEMA_INTERNAL_H

#include "core/schema.h"

/* Bits of schema_node.types. */
enum schema_type {
    SCHEMA_NULL = 1,
    SCHEMA_BOOLEAN = 2,
    SCHEMA_INTEGER = 4, // written without a dot or exponent: "1.0" is no integer here
    SCHEMA_NUMBER = 8,  // any number
    SCHEMA_STRING = 16,
    SCHEMA_ARRAY = 32,
    SCHEMA_OBJECT = 64,
};

struct schema_node;

struct schema_property {
    struct str name;
    const struct schema_node *node;
};

/* One schema. Zeroed, it accepts everything. */
struct schema_node {
    uint32_t types;        // of enum schema_type; 0: all
    bool is_never;         // the schema `false`
    bool is_not_supported; // "x-not-supported": true
    bool is_closed;        // "additionalProperties": false
    bool has_minimum;
    bool has_maximum;
    bool has_exclusive_minimum;
    bool has_exclusive_maximum;
    double minimum;
    double maximum;
    double exclusive_minimum;
    double exclusive_maximum;
    int64_t length_min; // of texts, in characters
    int64_t length_max; // -1: none
    int64_t items_min;
    int64_t items_max; // -1: none
    int64_t properties_min;
    int64_t properties_max; // -1: none
    struct str format;
    const struct json *values;          // "enum", or NULL
    const struct json *constant;        // "const", or NULL
    struct schema_property *properties; // as in the document
    size_t properties_n;
    const struct json *required; // array of names, or NULL
    const struct schema_node
        *additional;         // of properties not listed; NULL: anything unless is_closed
    struct str names_format; // "propertyNames": {"format": …}
    const struct schema_node *items;
    const struct schema_node *target;         // "$ref"
    const struct schema_node *const *choices; // "anyOf" or "oneOf"
    size_t choices_n;
    bool is_one_of;
};

struct schema {
    const struct schema_node *root;
};

#endif
