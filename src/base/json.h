/* JSON: a strict reader over jansson whose values live in an arena, and a writer into a buf.
 *
 * Owns:    nothing; jansson's allocator is process-wide and hands out pieces of the calling
 *          thread's arena.
 * Threads: any thread after json_start(); a value stays with the thread that read it.
 * Memory:  the arena given to json_read(). Values are never freed one by one; json_decref is not
 *          called.
 * Errors:  ERR_NOT_JSON with what is wrong and where.
 * Limits:  JSON_DEPTH_MAX nested arrays and objects.
 */
#ifndef LOYALD_JSON_H
#define LOYALD_JSON_H

#include "base/buf.h"
#include "base/err.h"

#include <jansson.h>

enum { JSON_DEPTH_MAX = 32 };

/* Once, at start, before any other use of jansson. */
void json_start(void);

/* Makes the arena the one that jansson allocates from on this thread; returns the one before, to be
 * put back. json_read() does this by itself; code that builds or copies values does it around that.
 */
struct arena *json_arena_set(struct arena *arena);

/* Reads one JSON text: well-formed UTF-8, no duplicate keys, no NUL, integers within int64, depth
 * checked before parsing; a number beyond that is ERR_OVERFLOW. The value borrows from the arena
 * only. */
enum err json_read(struct arena *arena, struct str text, struct fail *f, json_t **out) MUST_USE;

/* The bytes of a JSON string value, borrowed. */
static inline struct str json_str(const json_t *value)
{
    return json_is_string(value)
               ? (struct str){.p = json_string_value(value), .n = json_string_length(value)}
               : (struct str){0};
}

/* A member of an object by name, or NULL. */
static inline json_t *json_at(const json_t *object, const char *name)
{
    return json_object_get(object, name);
}

/* Compact text of a value with sorted keys; numbers in their shortest form, 1.0 as 1: two values
 * that are the same as JSON values have the same bytes. */
void json_write_canonical(struct buf *out, const json_t *value);

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
void json_put_bool(struct json_out *w, bool value);
void json_put_null(struct json_out *w);
void json_put_instant(struct json_out *w, int64_t at);                // AT_NEVER is null
void json_put_id(struct json_out *w, const char *prefix, int64_t id); // 0 is null
void json_put_value(struct json_out *w, const json_t *value);
void json_put_raw(struct json_out *w, struct str json); // JSON text, as it is

/* RFC 6901: "/lines/3/amount" from parts; the name is escaped. */
struct str pointer_key(struct arena *arena, struct str base, struct str name);
struct str pointer_index(struct arena *arena, struct str base, size_t index);

/* What a value is, in the words of a complaint: "a list", "a whole number". */
const char *json_kind_text(const json_t *value);

#endif
