/* Values of rules: what a variable holds and what an expression gives, with JavaScript's coercions.
 *
 * Owns:    nothing; values borrow strings, items and objects from whoever made them.
 * Threads: any thread; a value is read only once it is made.
 * Memory:  the arena given.
 * Errors:  none; every conversion is total.
 * Limits:  VALUE_DEPTH_MAX nested arrays in what is converted to text or written.
 */
#ifndef LOYALD_VALUE_H
#define LOYALD_VALUE_H

#include "base/json.h"

enum { VALUE_DEPTH_MAX = 32 };

enum value_kind { VALUE_NULL, VALUE_BOOL, VALUE_NUMBER, VALUE_STR, VALUE_ARRAY, VALUE_OBJECT };

struct value_class;

/* A zeroed struct value is null. */
struct value {
    enum value_kind kind;
    union {
        bool boolean;
        double number; // may be NaN or infinite as the result of arithmetic
        struct str str;
        struct {
            const struct value *items;
            size_t n;
        } array;
        struct {
            const struct value_class *cls; // not NULL
            const void *self;              // handed to the functions of cls
        } object;
    };
};

/* What makes something an object: JSON objects have a class of their own; a typed struct, such as
 * the line of a purchase, becomes one by another. */
struct value_class {
    /* The field of that name; false when there is none. May use the arena, for arrays above all. */
    bool (*get)(const void *self, struct str name, struct arena *arena, struct value *out);
    /* Writes the object as JSON, for explain; NULL writes {}. */
    void (*write)(const void *self, struct json_out *w);
};

static inline struct value value_null(void)
{
    return (struct value){.kind = VALUE_NULL};
}

static inline struct value value_bool(bool boolean)
{
    return (struct value){.kind = VALUE_BOOL, .boolean = boolean};
}

static inline struct value value_number(double number)
{
    return (struct value){.kind = VALUE_NUMBER, .number = number};
}

/* A whole number; beyond ±2^53 it is the nearest double. */
static inline struct value value_int(int64_t whole)
{
    return (struct value){.kind = VALUE_NUMBER, .number = (double)whole};
}

static inline struct value value_str(struct str str)
{
    return (struct value){.kind = VALUE_STR, .str = str};
}

static inline struct value value_array(const struct value *items, size_t n)
{
    return (struct value){.kind = VALUE_ARRAY, .array = {.items = items, .n = n}};
}

static inline struct value value_object(const struct value_class *cls, const void *self)
{
    return (struct value){.kind = VALUE_OBJECT, .object = {.cls = cls, .self = self}};
}

/* The value of a JSON value, which must outlive it. Arrays are copied (their strings are not),
 * objects are looked into when a field is asked for. NULL gives null. */
struct value value_of_json(const struct json *json, struct arena *arena);

/* Appends the value as JSON: whole numbers without a dot, NaN and infinities as null. */
void value_write(const struct value *value, struct json_out *w);

/* JsonLogic's truth: false, null, 0, NaN, "" and [] are false, all else is true. */
bool value_is_true(const struct value *value);

/* JavaScript's Number(value): "" is 0, " 12 " is 12, "12x" is NaN, null is 0, [7] is 7. */
double value_to_number(const struct value *value, struct arena *arena);

/* JavaScript's parseFloat(value): "12x" is 12, "" is NaN, true is NaN. */
double value_parse_number(const struct value *value, struct arena *arena);

/* JavaScript's String(value). */
struct str value_to_str(const struct value *value, struct arena *arena);

/* JavaScript's == and ===. Arrays and objects are equal only to themselves under ===; under == an
 * array is compared with a text or number by its text. */
bool value_equal(const struct value *a, const struct value *b, struct arena *arena);
bool value_same(const struct value *a, const struct value *b);

/* JavaScript's <: texts by code point (RFC 3629 bytes), otherwise as numbers; false with NaN. */
bool value_less(const struct value *a, const struct value *b, struct arena *arena);

/* The same for <=, which is not the negation of > because of NaN. */
bool value_less_or_equal(const struct value *a, const struct value *b, struct arena *arena);

/* The field (of an object), item (of an array, by decimal index) or character (of a text); also
 * "length" of the latter two. False when there is none. */
bool value_field(const struct value *value, struct str name, struct arena *arena,
                 struct value *out);

#endif
