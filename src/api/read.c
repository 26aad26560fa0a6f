/* Strict reading of JSON. */
#include "base/base.h"
#include "api/read.h"

#include "base/num.h"
#include "base/time.h"

enum { QUANTITY_PLACES = 3, DETAIL_BYTES = 512, POINTER_BYTES_MAX = 1024 };

struct str place_pointer(struct arena *arena, const struct place *at)
{
    if (at == NULL) {
        return STR("");
    }
    const struct str base =
        place_pointer(arena, at->parent); // as deep as our own nesting, or JSON_DEPTH_MAX
    return at->name != NULL ? pointer_key(arena, base, str_c(at->name))
                            : pointer_index(arena, base, at->index);
}

void read_fault(struct reader *r, enum err err, const struct place *at, const char *fmt, ...)
{
    char detail[DETAIL_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(detail, sizeof detail, fmt, args); // a longer text is cut
    va_end(args);
    struct str pointer = place_pointer(r->arena, at);
    while (pointer.n >
           POINTER_BYTES_MAX) { // names come from the caller and may be as long as the body
        at = at->parent;
        pointer = place_pointer(r->arena, at);
    }
    (void)!fail_at(r->f, err, pointer, "%s", detail); // read_done() returns it
}

enum err read_done(const struct reader *r)
{
    return r->f->items_n == 0 ? ERR_OK : r->f->err;
}

bool read_object(struct reader *r, const struct json *value, const struct place *at,
                 const char *const *fields, size_t fields_n)
{
    struct str key = {0};
    const struct json *field = NULL;
    if (!json_is_object(value)) {
        read_fault(r, ERR_INVALID, at, "This must be an object, not %s.",
                   value ? json_kind_text(value) : "missing");
        return false;
    }
    json_object_foreach(value, key, field)
    {
        bool is_known = false;
        for (size_t i = 0; i < fields_n && !is_known; i++) {
            is_known = strcmp(fields[i], key.p) == 0;
        }
        if (!is_known) {
            const struct place unknown = {.parent = at, .name = key.p};
            read_fault(r, ERR_UNKNOWN_FIELD, &unknown,
                       "This field is not known here: leave it out.");
        }
    }
    return true;
}

/* The named field, or NULL with a fault where it is needed. */
static const struct json *field_of(struct reader *r, const struct json *object,
                                   const struct place *here, enum read_need need)
{
    const struct json *value = json_at(object, here->name);
    if (value == NULL && need == READ_REQUIRED) {
        read_fault(r, ERR_INVALID, here, "This field is missing.");
    }
    return value;
}

const struct json *read_child(struct reader *r, const struct json *object, const struct place *at,
                              const char *name, enum read_need need)
{
    const struct place here = {.parent = at, .name = name};
    const struct json *value = field_of(r, object, &here, need);
    if (value != NULL && !json_is_object(value)) {
        read_fault(r, ERR_INVALID, &here, "This must be an object, not %s.", json_kind_text(value));
        return NULL;
    }
    return value;
}

const struct json *read_array(struct reader *r, const struct json *object, const struct place *at,
                              const char *name, enum read_need need, size_t max)
{
    const struct place here = {.parent = at, .name = name};
    const struct json *value = field_of(r, object, &here, need);
    if (value != NULL && !json_is_array(value)) {
        read_fault(r, ERR_INVALID, &here, "This must be an array, not %s.", json_kind_text(value));
        return NULL;
    }
    if (value != NULL && json_array_size(value) > max) {
        read_fault(r, ERR_INVALID, &here, "At most %zu items are taken here.", max);
        return NULL;
    }
    return value;
}

static bool has_control(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        const unsigned char c = (unsigned char)text.p[i];
        if (c < 0x20 || c == 0x7F) {
            return true;
        }
    }
    return false;
}

void read_text(struct reader *r, const struct json *object, const struct place *at,
               const char *name, enum read_need need, size_t bytes_max, struct str *out)
{
    const struct place here = {.parent = at, .name = name};
    const struct json *value = field_of(r, object, &here, need);
    if (value == NULL) {
        return;
    }
    const struct str text = json_str(value);
    if (!json_is_string(value)) {
        read_fault(r, ERR_INVALID, &here, "This must be a text, not %s.", json_kind_text(value));
    } else if (text.n == 0) {
        read_fault(r, ERR_INVALID, &here,
                   "This text is empty: give it content or leave the field out.");
    } else if (text.n > bytes_max) {
        read_fault(r, ERR_INVALID, &here, "This text is longer than %zu bytes.", bytes_max);
    } else if (has_control(text)) {
        read_fault(r, ERR_INVALID, &here, "This text holds a control character.");
    } else {
        *out = text;
    }
}

void read_whole(struct reader *r, const struct json *object, const struct place *at,
                const char *name, enum read_need need, int64_t min, int64_t max, int64_t *out)
{
    const struct place here = {.parent = at, .name = name};
    const struct json *value = field_of(r, object, &here, need);
    if (value == NULL) {
        return;
    }
    const int64_t whole = json_integer_value(value);
    if (json_is_beyond_whole(value)) {
        read_fault(r, ERR_OVERFLOW, &here, "Numbers stay within 9007199254740991 here.");
    } else if (!json_is_integer(value)) {
        read_fault(r, ERR_INVALID, &here, "This must be a whole number, not %s.",
                   json_kind_text(value));
    } else if (whole < min || whole > max) {
        read_fault(r, ERR_INVALID, &here, "This must be from %" PRId64 " to %" PRId64 ".", min,
                   max);
    } else {
        *out = whole;
    }
}

void read_bool(struct reader *r, const struct json *object, const struct place *at,
               const char *name, bool *out)
{
    const struct place here = {.parent = at, .name = name};
    const struct json *value = json_at(object, name);
    if (value != NULL && !json_is_boolean(value)) {
        read_fault(r, ERR_INVALID, &here, "This must be true or false, not %s.",
                   json_kind_text(value));
    } else if (value != NULL) {
        *out = json_is_true(value);
    }
}

void read_instant(struct reader *r, const struct json *object, const struct place *at,
                  const char *name, enum read_need need, int64_t *out)
{
    const struct place here = {.parent = at, .name = name};
    const struct json *value = field_of(r, object, &here, need);
    if (value != NULL && !instant_read(json_str(value), out)) {
        read_fault(r, ERR_INVALID, &here, "This must be an instant like \"2026-11-21T10:00:00Z\".");
    }
}

void read_quantity(struct reader *r, const struct json *object, const struct place *at,
                   const char *name, int64_t *out_milli)
{
    const struct place here = {.parent = at, .name = name};
    const struct json *value = json_at(object, name);
    struct decimal decimal;
    int64_t milli = 0;
    if (value == NULL) {
        return;
    }
    if (json_is_integer(value)) {
        const int64_t whole = json_integer_value(value);
        if (whole > WHOLE_MAX / 1000) {
            read_fault(r, ERR_OVERFLOW, &here, "This quantity is too large.");
            return;
        }
        milli = whole > 0 ? whole * 1000 : 0;
    } else if (!json_is_string(value) ||
               !decimal_read(json_str(value), QUANTITY_PLACES, &decimal)) {
        read_fault(
            r, ERR_INVALID, &here,
            "A quantity is a text like \"1.5\" with at most three decimals, or a whole number.");
        return;
    } else if (!decimal_rescale(decimal, QUANTITY_PLACES, &milli) || milli > WHOLE_MAX) {
        read_fault(r, ERR_OVERFLOW, &here, "This quantity is too large.");
        return;
    }
    if (milli <= 0) {
        read_fault(r, ERR_INVALID, &here, "A quantity is larger than zero.");
        return;
    }
    *out_milli = milli;
}

void read_currency(struct reader *r, const struct json *object, const struct place *at,
                   const char *name, struct str *out)
{
    const struct place here = {.parent = at, .name = name};
    const struct json *value = field_of(r, object, &here, READ_REQUIRED);
    const struct str text = json_str(value);
    bool is_code = text.n == 3;
    for (size_t i = 0; i < text.n; i++) {
        is_code = is_code && text.p[i] >= 'A' && text.p[i] <= 'Z';
    }
    if (value != NULL && !is_code) {
        read_fault(r, ERR_INVALID, &here,
                   "A currency is a code of three capital letters, like \"EUR\".");
    } else if (value != NULL) {
        *out = text;
    }
}

void read_free(struct reader *r, const struct json *value, const struct place *at)
{
    struct str key = {0};
    const struct json *item = NULL;
    if (json_is_integer(value)) {
        const int64_t whole = json_integer_value(value);
        if (whole > WHOLE_MAX || whole < -WHOLE_MAX) {
            read_fault(r, ERR_OVERFLOW, at,
                       "Numbers stay within 9007199254740991 here: send larger ones as text.");
        }
    } else if (json_is_object(value)) {
        json_object_foreach(value, key, item)
        {
            const struct place here = {.parent = at, .name = key.p};
            read_free(r, item, &here); // at most JSON_DEPTH_MAX deep
        }
    } else if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            const struct place here = {.parent = at, .index = i};
            read_free(r, json_array_get(value, i), &here);
        }
    }
}
