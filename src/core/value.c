/* Values and JavaScript's coercions between them. */
#include "base/base.h"
#include "core/value.h"

#include <math.h>

enum {
    NUMBER_TEXT_BYTES_MAX =
        400, // a longer text is no number: the longest exact double has fewer digits that count
    TEXT_BYTES_MAX = 64 * 1024, // the text of an array is cut here
};

static bool json_class_get(const void *self, struct str name, struct arena *arena,
                           struct value *out)
{
    const struct json *field = json_find(self, name);
    if (field == NULL) {
        return false;
    }
    *out = value_of_json(field, arena);
    return true;
}

static void json_class_write(const void *self, struct json_out *w)
{
    json_put_value(w, self);
}

static const struct value_class JSON_CLASS = {.get = json_class_get, .write = json_class_write};

/* Recursion is bounded by json_read(), which refuses more than JSON_DEPTH_MAX levels. */
static struct value array_of_json(const struct json *json, struct arena *arena)
{
    const size_t n = json_array_size(json);
    struct value *items = arena_new(arena, struct value, n);
    for (size_t i = 0; i < n; i++) {
        items[i] = value_of_json(json_array_get(json, i), arena);
    }
    return value_array(items, n);
}

struct value value_of_json(const struct json *json, struct arena *arena)
{
    if (json == NULL) {
        return value_null();
    }
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return value_object(&JSON_CLASS, json);
    case JSON_ARRAY:
        return array_of_json(json, arena);
    case JSON_STRING:
        return value_str(json_str(json));
    case JSON_INTEGER:
        return value_int(json_integer_value(json));
    case JSON_REAL:
        return value_number(json_number_value(json));
    case JSON_TRUE:
        return value_bool(true);
    case JSON_FALSE:
        return value_bool(false);
    case JSON_NULL:
        return value_null();
    }
    return value_null();
}

/* The shortest decimal that reads back as the same double: digits without a dot, and the exponent
 * of 0.DIGITS. `number` is finite and positive. */
static size_t shortest_digits(double number, char digits[20], int *exponent)
{
    char text[40];
    for (int precision = 0; precision < 17; precision++) {
        (void)snprintf(text, sizeof text, "%.*e", precision, number);
        if (strtod(text, NULL) == number) {
            break;
        }
    }
    size_t n = 0;
    const char *p = text;
    for (; *p != 'e'; p++) {
        if (*p != '.') {
            digits[n++] = *p;
        }
    }
    *exponent = atoi(p + 1) + 1;
    while (n > 1 && digits[n - 1] == '0') {
        n--;
    }
    ensure(n > 0 && n < 20);
    return n;
}

/* ECMAScript's Number::toString for base 10. */
static void put_number(struct buf *buf, double number)
{
    if (number == floor(number) && fabs(number) < 9007199254740992.0) {
        buf_int(buf, (int64_t)number);
        return;
    }
    if (number < 0) {
        buf_char(buf, '-');
    }
    char digits[20];
    int exponent = 0;
    const size_t n = shortest_digits(fabs(number), digits, &exponent);
    const int digits_n = (int)n;
    if (exponent > 21 || exponent < -5) {
        buf_char(buf, digits[0]);
        if (n > 1) {
            buf_char(buf, '.');
            buf_add(buf, digits + 1, n - 1);
        }
        buf_printf(buf, "e%+d", exponent - 1);
        return;
    }
    if (exponent <= 0) {
        buf_str(buf, STR("0."));
    }
    for (int i = exponent < 0 ? exponent : 0; i < (exponent > digits_n ? exponent : digits_n);
         i++) {
        if (i == exponent && exponent > 0) {
            buf_char(buf, '.');
        }
        buf_char(buf, i < 0 || i >= digits_n ? '0' : digits[i]);
    }
}

static void put_json(const struct value *value, struct json_out *w, int depth)
{
    if (depth > VALUE_DEPTH_MAX) {
        json_put_null(w);
        return;
    }
    switch (value->kind) {
    case VALUE_NULL:
        json_put_null(w);
        break;
    case VALUE_BOOL:
        json_put_bool(w, value->boolean);
        break;
    case VALUE_NUMBER:
        if (isfinite(value->number)) {
            json_put_real(w, value->number);
        } else {
            json_put_null(w);
        }
        break;
    case VALUE_STR:
        json_put_str(w, value->str);
        break;
    case VALUE_ARRAY:
        json_open(w, '[');
        for (size_t i = 0; i < value->array.n; i++) {
            put_json(&value->array.items[i], w, depth + 1);
        }
        json_close(w, ']');
        break;
    case VALUE_OBJECT:
        if (value->object.cls->write != NULL) {
            value->object.cls->write(value->object.self, w);
        } else {
            json_open(w, '{');
            json_close(w, '}');
        }
        break;
    }
}

void value_write(const struct value *value, struct json_out *w)
{
    put_json(value, w, 0);
}

bool value_is_true(const struct value *value)
{
    switch (value->kind) {
    case VALUE_NULL:
        return false;
    case VALUE_BOOL:
        return value->boolean;
    case VALUE_NUMBER:
        return value->number != 0 && !isnan(value->number);
    case VALUE_STR:
        return value->str.n > 0;
    case VALUE_ARRAY:
        return value->array.n > 0;
    case VALUE_OBJECT:
        return true;
    }
    return false;
}

static void put_text(struct buf *buf, const struct value *value, int depth)
{
    if (depth > VALUE_DEPTH_MAX || buf->is_full) {
        return;
    }
    switch (value->kind) {
    case VALUE_NULL:
        buf_str(buf, depth > 0 ? STR("")
                               : STR("null")); // JavaScript leaves null out of the text of an array
        break;
    case VALUE_BOOL:
        buf_str(buf, value->boolean ? STR("true") : STR("false"));
        break;
    case VALUE_NUMBER:
        if (isnan(value->number)) {
            buf_str(buf, STR("NaN"));
        } else if (isinf(value->number)) {
            buf_str(buf, value->number > 0 ? STR("Infinity") : STR("-Infinity"));
        } else {
            put_number(buf, value->number);
        }
        break;
    case VALUE_STR:
        buf_str(buf, value->str);
        break;
    case VALUE_ARRAY:
        for (size_t i = 0; i < value->array.n; i++) {
            if (i > 0) {
                buf_char(buf, ',');
            }
            put_text(buf, &value->array.items[i], depth + 1);
        }
        break;
    case VALUE_OBJECT:
        buf_str(buf, STR("[object Object]"));
        break;
    }
}

struct str value_to_str(const struct value *value, struct arena *arena)
{
    if (value->kind == VALUE_STR) {
        return value->str;
    }
    struct buf buf;
    buf_open(&buf, arena, TEXT_BYTES_MAX);
    put_text(&buf, value, 0);
    return buf_view(&buf);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* How many bytes at the start of s form a JavaScript decimal literal with optional sign; 0 when
 * none. */
static size_t decimal_length(struct str s)
{
    size_t i = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+') ? 1 : 0;
    const size_t start = i;
    size_t digits_n = 0;
    for (; i < s.n && is_digit(s.p[i]); i++) {
        digits_n++;
    }
    if (i < s.n && s.p[i] == '.') {
        i++;
        for (; i < s.n && is_digit(s.p[i]); i++) {
            digits_n++;
        }
    }
    if (digits_n == 0) {
        return s.n >= start + 8 && memcmp(s.p + start, "Infinity", 8) == 0 ? start + 8 : 0;
    }
    size_t end = i;
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        i += i < s.n && (s.p[i] == '-' || s.p[i] == '+') ? 1 : 0;
        if (i < s.n && is_digit(s.p[i])) {
            for (; i < s.n && is_digit(s.p[i]); i++) {
            }
            end = i;
        }
    }
    return end;
}

static double read_decimal(struct str s)
{
    if (s.n >= NUMBER_TEXT_BYTES_MAX) {
        return NAN;
    }
    char text[NUMBER_TEXT_BYTES_MAX];
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    return strtod(text, NULL); // reads "Infinity" too; the process stays in the C locale
}

/* "0x1F", "0b1", "0o7": NaN when a digit does not fit. */
static double read_radix(struct str digits, int radix)
{
    double number = 0;
    for (size_t i = 0; i < digits.n; i++) {
        const char c = digits.p[i];
        const int digit = is_digit(c)            ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : 99;
        if (digit >= radix) {
            return NAN;
        }
        number = number * radix + digit;
    }
    return digits.n > 0 ? number : NAN;
}

static double number_of_str(struct str s)
{
    const struct str text = str_trim(s);
    if (text.n == 0) {
        return 0;
    }
    if (text.n > 2 && text.p[0] == '0' && !is_digit(text.p[1]) && text.p[1] != '.') {
        const char c = (char)(text.p[1] | 0x20);
        if (c == 'x' || c == 'b' || c == 'o') {
            return read_radix(str_after(text, 2), c == 'x' ? 16 : c == 'b' ? 2 : 8);
        }
    }
    return decimal_length(text) == text.n ? read_decimal(text) : NAN;
}

double value_to_number(const struct value *value, struct arena *arena)
{
    switch (value->kind) {
    case VALUE_NULL:
        return 0;
    case VALUE_BOOL:
        return value->boolean ? 1 : 0;
    case VALUE_NUMBER:
        return value->number;
    case VALUE_STR:
        return number_of_str(value->str);
    case VALUE_ARRAY:
        return number_of_str(value_to_str(value, arena));
    case VALUE_OBJECT:
        return NAN;
    }
    return NAN;
}

double value_parse_number(const struct value *value, struct arena *arena)
{
    if (value->kind == VALUE_NUMBER) {
        return value->number;
    }
    const struct str text = str_trim(value_to_str(value, arena));
    const size_t n = decimal_length(text);
    return n == 0 ? NAN : read_decimal((struct str){.p = text.p, .n = n});
}

bool value_same(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    switch (a->kind) {
    case VALUE_NULL:
        return true;
    case VALUE_BOOL:
        return a->boolean == b->boolean;
    case VALUE_NUMBER:
        return a->number == b->number;
    case VALUE_STR:
        return str_eq(a->str, b->str);
    case VALUE_ARRAY:
        return a->array.items == b->array.items && a->array.n == b->array.n && a->array.n > 0;
    case VALUE_OBJECT:
        return a->object.self == b->object.self && a->object.cls == b->object.cls;
    }
    return false;
}

/* An array or object as the text that JavaScript compares instead of it. */
static struct value primitive(const struct value *value, struct arena *arena)
{
    const bool is_composite = value->kind == VALUE_ARRAY || value->kind == VALUE_OBJECT;
    return is_composite ? value_str(value_to_str(value, arena)) : *value;
}

bool value_equal(const struct value *a, const struct value *b, struct arena *arena)
{
    if (a->kind == b->kind) {
        return value_same(a, b);
    }
    const bool is_null = a->kind == VALUE_NULL || b->kind == VALUE_NULL; // null equals null only
    const bool are_composite =
        a->kind >= VALUE_ARRAY && b->kind >= VALUE_ARRAY; // these only themselves
    if (is_null || are_composite) {
        return false;
    }
    const struct value left = primitive(a, arena);
    const struct value right = primitive(b, arena);
    if (left.kind == VALUE_STR && right.kind == VALUE_STR) {
        return str_eq(left.str, right.str);
    }
    return value_to_number(&left, arena) == value_to_number(&right, arena);
}

bool value_less(const struct value *a, const struct value *b, struct arena *arena)
{
    const struct value left = primitive(a, arena);
    const struct value right = primitive(b, arena);
    if (left.kind == VALUE_STR && right.kind == VALUE_STR) {
        return str_cmp(left.str, right.str) < 0;
    }
    return value_to_number(&left, arena) < value_to_number(&right, arena);
}

bool value_less_or_equal(const struct value *a, const struct value *b, struct arena *arena)
{
    const struct value left = primitive(a, arena);
    const struct value right = primitive(b, arena);
    if (left.kind == VALUE_STR && right.kind == VALUE_STR) {
        return str_cmp(left.str, right.str) <= 0;
    }
    return value_to_number(&left, arena) <= value_to_number(&right, arena);
}

/* "0", "7", "12": a decimal index as JavaScript spells it, or `missing`. */
static size_t index_of(struct str name, size_t missing)
{
    int64_t index = 0;
    const bool is_plain = name.n > 0 && is_digit(name.p[0]) && (name.n == 1 || name.p[0] != '0');
    return is_plain && str_int64(name, &index) ? (size_t)index : missing;
}

/* The index-th character of a UTF-8 text. */
static bool character_at(struct str s, size_t index, struct value *out)
{
    size_t seen = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (((unsigned char)s.p[i] & 0xC0) == 0x80) {
            continue;
        }
        if (seen++ == index) {
            size_t end = i + 1;
            while (end < s.n && ((unsigned char)s.p[end] & 0xC0) == 0x80) {
                end++;
            }
            *out = value_str((struct str){.p = s.p + i, .n = end - i});
            return true;
        }
    }
    return false;
}

bool value_field(const struct value *value, struct str name, struct arena *arena, struct value *out)
{
    const bool is_length = str_eq(name, STR("length"));
    if (value->kind == VALUE_OBJECT) {
        return value->object.cls->get(value->object.self, name, arena, out);
    }
    if (value->kind == VALUE_ARRAY) {
        const size_t index = index_of(name, value->array.n);
        if (is_length || index >= value->array.n) {
            *out = is_length ? value_int((int64_t)value->array.n) : *out;
            return is_length;
        }
        *out = value->array.items[index];
        return true;
    }
    if (value->kind == VALUE_STR) {
        if (is_length) {
            *out = value_int((int64_t)str_characters(value->str));
            return true;
        }
        const size_t index = index_of(name, SIZE_MAX);
        return index != SIZE_MAX && character_at(value->str, index, out);
    }
    return false;
}
