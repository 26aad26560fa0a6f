/* JSON: values in an arena, a strict reader, and a writer into a buf.
 *
 * Owns:    nothing; values and their texts live in the arena given.
 * Threads: any thread; a value that nobody builds any more may be read by many.
 * Memory:  the arena given. Reading takes 2 to 3 bytes for each byte of an ordinary text, at most
 *          42 of a hostile one.
 * Errors:  ERR_NOT_JSON or ERR_OVERFLOW with what is wrong and where; ERR_TOO_LARGE.
 * Limits:  JSON_DEPTH_MAX nested arrays and objects, JSON_BYTES_MAX of text.
 */
#ifndef LOYALD_JSON_H
#define LOYALD_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include "base/num.h"

enum { JSON_DEPTH_MAX = 32, JSON_BYTES_MAX = 1 << 30 };

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_INTEGER, // any spelling of a whole number within WHOLE_MAX, and what has neither point nor
                  // exponent within int64
    JSON_REAL,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_field;

/* One value, to be asked by the functions below. A zeroed one is null. */
struct json {
    uint8_t type;    // enum json_type
    uint8_t room;    // while it is built: 2^room items or fields fit; 0: was read, just what it has
    bool is_indexed; // an object whose fields are followed by an index: json_internal.h
    uint32_t n;      // bytes of a text, items of an array, fields of an object
    union {
        const char *text; // never NULL; a zero byte follows, which n does not count
        int64_t whole;
        double real;
        struct json *items;        // NULL when there are none
        struct json_field *fields; // in the order of the text; NULL when there are none
    };
};
_Static_assert(sizeof(struct json) == 16, "events have hundreds of them");

struct json_field {
    struct json name; // JSON_STRING
    struct json value;
};

/* Reads one JSON text (RFC 8259), strictly: well-formed UTF-8 without NUL, not even as \u0000, no
 * half surrogate pairs, no name twice in an object, nothing before or after but blanks, at most
 * JSON_DEPTH_MAX levels. A whole number beyond int64 or one that no double can hold is
 * ERR_OVERFLOW. 1000.0 and 1e3 are the integer 1000, exactly: JSON does not tell them apart. Any
 * value may stand at the top. The value borrows from the arena only. */
enum err json_read(struct arena *arena, struct str text, struct fail *f,
                   const struct json **out) MUST_USE;

/* Asking. Each of these takes NULL, the value that is not there, and says no, none or 0. */

static inline enum json_type json_typeof(const struct json *value) // not NULL
{
    return (enum json_type)value->type;
}

static inline bool json_is(const struct json *value, enum json_type type)
{
    return value != NULL && value->type == type;
}

static inline bool json_is_object(const struct json *value)
{
    return json_is(value, JSON_OBJECT);
}

static inline bool json_is_array(const struct json *value)
{
    return json_is(value, JSON_ARRAY);
}

static inline bool json_is_string(const struct json *value)
{
    return json_is(value, JSON_STRING);
}

static inline bool json_is_integer(const struct json *value)
{
    return json_is(value, JSON_INTEGER);
}

static inline bool json_is_real(const struct json *value)
{
    return json_is(value, JSON_REAL);
}

/* A number beyond WHOLE_MAX, however it is spelled: an overflow where a whole one belongs. */
static inline bool json_is_beyond_whole(const struct json *value)
{
    return (json_is_integer(value) && (value->whole > WHOLE_MAX || value->whole < -WHOLE_MAX)) ||
           (json_is_real(value) &&
            (value->real > (double)WHOLE_MAX || value->real < (double)-WHOLE_MAX));
}

static inline bool json_is_number(const struct json *value)
{
    return json_is_integer(value) || json_is_real(value);
}

static inline bool json_is_true(const struct json *value)
{
    return json_is(value, JSON_TRUE);
}

static inline bool json_is_false(const struct json *value)
{
    return json_is(value, JSON_FALSE);
}

static inline bool json_is_boolean(const struct json *value)
{
    return json_is(value, JSON_TRUE) || json_is(value, JSON_FALSE);
}

static inline bool json_is_null(const struct json *value)
{
    return json_is(value, JSON_NULL);
}

/* The text of a JSON string, borrowed and followed by a zero byte; {0} of anything else. */
static inline struct str json_str(const struct json *value)
{
    return json_is_string(value) ? (struct str){.p = value->text, .n = value->n} : (struct str){0};
}

static inline int64_t json_integer_value(const struct json *value)
{
    return json_is_integer(value) ? value->whole : 0;
}

/* Whole numbers beyond ±2^53 are the nearest double. */
static inline double json_number_value(const struct json *value)
{
    return json_is_real(value) ? value->real : (double)json_integer_value(value);
}

static inline size_t json_array_size(const struct json *array)
{
    return json_is_array(array) ? array->n : 0;
}

/* NULL beyond the end. */
static inline const struct json *json_array_get(const struct json *array, size_t index)
{
    return index < json_array_size(array) ? &array->items[index] : NULL;
}

static inline size_t json_object_size(const struct json *object)
{
    return json_is_object(object) ? object->n : 0;
}

/* The field of that name, or NULL. */
const struct json *json_find(const struct json *object, struct str name);

static inline const struct json *json_at(const struct json *object, const char *name)
{
    return json_find(object, str_c(name));
}

/* Takes the field at *at and goes on; false at the end. */
static inline bool json_object_next(const struct json *object, size_t *at, struct str *name,
                                    const struct json **value)
{
    if (*at >= json_object_size(object)) {
        return false;
    }
    const struct json_field *field = &object->fields[(*at)++];
    *name = json_str(&field->name);
    *value = &field->value;
    return true;
}

/* Each field in the order of the text, in `struct str name` and `const struct json *value`. */
#define json_object_foreach(object, name, value)                                                   \
    for (size_t at_ = 0; json_object_next((object), &at_, &(name), &(value));)

/* The same value: how a number is spelled and the order of fields do not matter. */
bool json_is_same(const struct json *a, const struct json *b);

/* What a value is, in the words of a complaint: "a list", "a whole number". */
const char *json_kind_text(const struct json *value);

/* Building. What is set or appended is taken as it is then: its items, fields and texts are shared,
 * so they must live as long, and an inner value is finished before it goes into an outer one. */

struct json *json_object_new(struct arena *arena);
struct json *json_array_new(struct arena *arena);
const struct json *json_text_new(struct arena *arena, struct str text); // copied

/* An object of the same fields, to be changed by itself. */
struct json *json_object_copy(struct arena *arena, const struct json *object);

/* Sets a field, in place of what has that name. The name is shared too. */
void json_set(struct arena *arena, struct json *object, const char *name, const struct json *value);
void json_set_text(struct arena *arena, struct json *object, const char *name,
                   struct str text); // copied
void json_set_int(struct arena *arena, struct json *object, const char *name, int64_t whole);

/* Takes a field out; nothing happens when there is none. */
void json_remove(struct json *object, struct str name);

void json_append(struct arena *arena, struct json *array, const struct json *value);

/* An object with this one field: {"var": "event.amount"}. */
struct json *json_object_of(struct arena *arena, const char *name, const struct json *value);

/* Compact text of a value with sorted names; numbers in their shortest form, 1.0 as 1: two values
 * that are the same as JSON values have the same bytes. */
void json_write_canonical(struct buf *out, const struct json *value);

/* The writer: commas are its business.
 *     json_open(&w, '{'); json_key(&w, "id"); json_put_int(&w, 7); json_close(&w, '}');  */
struct json_out {
    struct buf *buf;
    bool needs_comma;
};

static inline struct json_out json_out(struct buf *buf)
{
    return (struct json_out){.buf = buf};
}

void json_open(struct json_out *w, char bracket);  // '{' or '['
void json_close(struct json_out *w, char bracket); // '}' or ']'
void json_key(struct json_out *w, const char *name);
void json_key_str(struct json_out *w, struct str name);
void json_put_str(struct json_out *w, struct str s);
void json_put_int(struct json_out *w, int64_t value);
void json_put_real(struct json_out *w, double value); // finite
void json_put_bool(struct json_out *w, bool value);
void json_put_null(struct json_out *w);
void json_put_instant(struct json_out *w, int64_t at);                // AT_NEVER is null
void json_put_id(struct json_out *w, const char *prefix, int64_t id); // 0 is null
void json_put_value(struct json_out *w, const struct json *value);
void json_put_raw(struct json_out *w, struct str json); // JSON text, as it is

/* RFC 6901: "/lines/3/amount" from parts; the name is escaped. */
struct str pointer_key(struct arena *arena, struct str base, struct str name);
struct str pointer_index(struct arena *arena, struct str base, size_t index);

#endif
