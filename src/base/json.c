/* JSON reading by jansson in arenas, writing by hand. */
#include "base/base.h"
#include "base/json.h"

#include "base/id.h"
#include "base/time.h"

#include <math.h>

static _Thread_local struct arena *json_arena; // per thread, so not shared state

static void *json_alloc(size_t n)
{
    ensure(json_arena != NULL); // json_arena_set() was forgotten
    return arena_bytes(json_arena, n);
}

static void json_release(void *piece)
{
    (void)piece; // belongs to the arena
}

void json_start(void)
{
    json_set_alloc_funcs(json_alloc, json_release);
}

struct arena *json_arena_set(struct arena *arena)
{
    struct arena *before = json_arena;
    json_arena = arena;
    return before;
}

/* Depth is counted before parsing, so that a hostile text costs one pass and no recursion. */
static bool depth_is_fine(struct str text)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.n; i++) {
        const char c = text.p[i];
        if (in_string) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > JSON_DEPTH_MAX) {
                return false;
            }
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return true;
}

enum err json_read(struct arena *arena, struct str text, struct fail *f, json_t **out)
{
    if (!str_is_utf8(text)) {
        return fail(f, ERR_NOT_JSON, "", "The text is not UTF-8, or holds a NUL byte.");
    }
    if (!depth_is_fine(text)) {
        return fail(f, ERR_NOT_JSON, "", "Nested deeper than %d levels: flatten the document.",
                    JSON_DEPTH_MAX);
    }
    struct arena *before = json_arena_set(arena);
    json_error_t error;
    json_t *value =
        json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    (void)json_arena_set(before);
    if (value == NULL && json_error_code(&error) == json_error_numeric_overflow) {
        return fail(f, ERR_OVERFLOW, "", "Line %d, column %d: this number is too large.",
                    error.line, error.column);
    }
    if (value == NULL) {
        return fail(f, ERR_NOT_JSON, "", "Line %d, column %d: %s.", error.line, error.column,
                    error.text);
    }
    *out = value;
    return ERR_OK;
}

static void put_escaped(struct buf *out, struct str s)
{
    size_t from = 0;
    buf_char(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        const unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        buf_add(out, s.p + from, i - from);
        from = i + 1;
        if (c == '"' || c == '\\') {
            buf_char(out, '\\');
            buf_char(out, (char)c);
        } else if (c == '\n') {
            buf_str(out, STR("\\n"));
        } else {
            buf_printf(out, "\\u%04x", c);
        }
    }
    if (from < s.n) {
        buf_add(out, s.p + from, s.n - from);
    }
    buf_char(out, '"');
}

static int key_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void write_object(struct buf *out, const json_t *object)
{
    const size_t n = json_object_size(object);
    const char **keys = arena_new(out->arena, const char *, n);
    size_t at = 0;
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)object, key, value)
    {
        keys[at++] = key;
    }
    ensure(at == n);
    if (n > 1) {
        qsort(keys, n, sizeof *keys, key_order);
    }
    buf_char(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (i > 0) {
            buf_char(out, ',');
        }
        put_escaped(out, str_c(keys[i]));
        buf_char(out, ':');
        json_write_canonical(out, json_object_get(object, keys[i]));
    }
    buf_char(out, '}');
}

static void write_real(struct buf *out, double value)
{
    if (value == floor(value) && fabs(value) < 9007199254740992.0) {
        buf_int(out, (int64_t)value);
        return;
    }
    char text[32];
    for (int digits = 1; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    buf_str(out, str_c(text));
}

void json_write_canonical(struct buf *out, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        write_object(out, value);
        break;
    case JSON_ARRAY:
        buf_char(out, '[');
        for (size_t i = 0; i < json_array_size(value); i++) {
            if (i > 0) {
                buf_char(out, ',');
            }
            json_write_canonical(out, json_array_get(value, i));
        }
        buf_char(out, ']');
        break;
    case JSON_STRING:
        put_escaped(out, json_str(value));
        break;
    case JSON_INTEGER:
        buf_int(out, json_integer_value(value));
        break;
    case JSON_REAL:
        write_real(out, json_real_value(value));
        break;
    case JSON_TRUE:
        buf_str(out, STR("true"));
        break;
    case JSON_FALSE:
        buf_str(out, STR("false"));
        break;
    case JSON_NULL:
        buf_str(out, STR("null"));
        break;
    }
}

static void comma(struct json_out *w)
{
    if (w->needs_comma) {
        buf_char(w->buf, ',');
    }
    w->needs_comma = true;
}

void json_open(struct json_out *w, char bracket)
{
    comma(w);
    buf_char(w->buf, bracket);
    w->needs_comma = false;
}

void json_close(struct json_out *w, char bracket)
{
    buf_char(w->buf, bracket);
    w->needs_comma = true;
}

void json_key_str(struct json_out *w, struct str name)
{
    comma(w);
    put_escaped(w->buf, name);
    buf_char(w->buf, ':');
    w->needs_comma = false;
}

void json_key(struct json_out *w, const char *name)
{
    json_key_str(w, str_c(name));
}

void json_put_str(struct json_out *w, struct str s)
{
    comma(w);
    put_escaped(w->buf, s);
}

void json_put_int(struct json_out *w, int64_t value)
{
    comma(w);
    buf_int(w->buf, value);
}

void json_put_bool(struct json_out *w, bool value)
{
    comma(w);
    buf_str(w->buf, value ? STR("true") : STR("false"));
}

void json_put_null(struct json_out *w)
{
    comma(w);
    buf_str(w->buf, STR("null"));
}

void json_put_instant(struct json_out *w, int64_t at)
{
    if (at == AT_NEVER) {
        json_put_null(w);
        return;
    }
    char text[INSTANT_BYTES + 1];
    instant_write(at, text);
    json_put_str(w, (struct str){.p = text, .n = INSTANT_BYTES});
}

void json_put_id(struct json_out *w, const char *prefix, int64_t id)
{
    if (id == 0) {
        json_put_null(w);
        return;
    }
    char text[ID_TEXT_BYTES + 1];
    id_write(prefix, id, text);
    json_put_str(w, (struct str){.p = text, .n = ID_TEXT_BYTES});
}

void json_put_value(struct json_out *w, const json_t *value)
{
    comma(w);
    json_write_canonical(w->buf, value);
}

void json_put_raw(struct json_out *w, struct str json)
{
    comma(w);
    buf_str(w->buf, json);
}

struct str pointer_key(struct arena *arena, struct str base, struct str name)
{
    struct buf buf;
    buf_open(&buf, arena, base.n + name.n * 2 + 1);
    buf_str(&buf, base);
    buf_char(&buf, '/');
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '~') {
            buf_str(&buf, STR("~0"));
        } else if (name.p[i] == '/') {
            buf_str(&buf, STR("~1"));
        } else {
            buf_char(&buf, name.p[i]);
        }
    }
    return buf_view(&buf);
}

struct str pointer_index(struct arena *arena, struct str base, size_t index)
{
    return str_fmt(arena, "%.*s/%zu", STR_ARG(base), index);
}

const char *json_kind_text(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
        return "a whole number";
    case JSON_REAL:
        return "a number with decimals";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    case JSON_NULL:
        return "null";
    }
    return "nothing";
}
