/* JSON written by hand: canonical texts of values, and the writer. */
#include "base/base.h"
#include "base/json.h"

#include "base/id.h"
#include "base/json_internal.h"
#include "base/time.h"

#include <float.h>
#include <math.h>

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

/* The fields by name: a large object that was read has them in order already. */
static const struct json_entry *fields_sorted(struct arena *arena, const struct json *object,
                                              struct json_entry *few)
{
    if (json_fields_index(object) != NULL) {
        return json_fields_index(object);
    }
    struct json_entry *entries =
        object->n <= JSON_FEW_MAX ? few : arena_new(arena, struct json_entry, object->n);
    json_fields_sort(object, entries);
    return entries;
}

static void write_object(struct buf *out, const struct json *object)
{
    struct json_entry few[JSON_FEW_MAX];
    const struct json_entry *entries = fields_sorted(out->arena, object, few);
    buf_char(out, '{');
    for (size_t i = 0; i < object->n; i++) {
        if (i > 0) {
            buf_char(out, ',');
        }
        put_escaped(out, json_str(&entries[i].field->name));
        buf_char(out, ':');
        json_write_canonical(out, &entries[i].field->value); // as deep as the value
    }
    buf_char(out, '}');
}

static void write_real(struct buf *out, double value)
{
    if (value == floor(value) && fabs(value) < 9007199254740992.0) {
        buf_int(out, (int64_t)value);
        return;
    }
    // The shortest text that reads back. Up to DBL_DIG digits come back from the nearest double,
    // and %g drops the zeros behind, so where so many are enough this is it; not so close to zero.
    char text[48];
    for (int digits = fabs(value) < DBL_MIN ? 1 : DBL_DIG; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    buf_str(out, str_c(text));
}

void json_write_canonical(struct buf *out, const struct json *value)
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
        write_real(out, value->real);
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

void json_put_real(struct json_out *w, double value)
{
    ensure(isfinite(value));
    comma(w);
    write_real(w->buf, value);
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

void json_put_value(struct json_out *w, const struct json *value)
{
    comma(w);
    json_write_canonical(w->buf, value);
}

void json_put_raw(struct json_out *w, struct str json)
{
    comma(w);
    buf_str(w->buf, json);
}
