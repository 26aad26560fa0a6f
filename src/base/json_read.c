/* The JSON reader: one pass over a copy of the text, in which texts are unescaped and ended by a
 * zero byte where they stand.
 *
 * Items of the arrays and objects that are still open lie on one stack and move to a piece of their
 * own, of just their size, when their bracket closes. */
#include "base/base.h"
#include "base/json.h"

#include <endian.h>
#include <errno.h>
#include <math.h>

#include "base/json_internal.h"
#include "base/num.h"

enum {
    ITEMS_FIRST = 64,        // of the stack, before it moves to the arena
    WORD_BYTES = 8,          // are looked at together
    DIGITS_MAX = 19,         // of a whole number within uint64
    EXACT_DIGITS_MAX = 15,   // so many digits are a double without rounding
    EXACT_EXPONENT_MAX = 22, // and so is ten to the power of this
};

/* A longer exponent counts as this, which the zeros of no text take back: zero or too large. */
static const int64_t EXPONENT_MAX = INT64_C(1) << 40;
_Static_assert(JSON_BYTES_MAX <= 1 << 30, "digits and exponents add up within 64 bits");

struct reader {
    struct arena *arena;
    struct fail *f;
    struct str text;    // as it was given: to say where a fault is
    char *copy;         // of the text, with WORD_BYTES zero bytes behind it
    char *p;            // the next byte of the copy
    struct json *items; // the stack; a field takes two, its name and its value
    size_t items_n;
    size_t items_max;
    int depth;
};

static enum err fault(const struct reader *r, enum err err, const char *at, const char *what)
{
    const size_t offset = (size_t)(at - r->copy);
    size_t line = 1;
    size_t start = 0; // of the line
    for (size_t i = 0; i < offset; i++) {
        if (r->text.p[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    const struct str before = {.p = r->text.p + start, .n = offset - start};
    return fail(r->f, err, "", "Line %zu, column %zu: %s.", line, str_characters(before) + 1, what);
}

/* What stands here is not what belongs here. */
static enum err stray(const struct reader *r, const char *expected)
{
    const bool is_end = r->p == r->copy + r->text.n;
    char what[160];
    (void)snprintf(what, sizeof what,
                   is_end ? "the text ends where %s is expected" : "%s is expected",
                   expected); // both fit
    return fault(r, ERR_NOT_JSON, r->p, what);
}

static inline void blanks_skip(struct reader *r)
{
    while (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t') {
        r->p++;
    }
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Where the run of bytes that stand for themselves ends: at a quote, a backslash, a control
 * character or a byte beyond ASCII. The copy ends with zero bytes, so there is always one. */
static inline char *plain_end(char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    for (;; p += WORD_BYTES) {
        uint64_t word = 0;
        memcpy(&word, p, WORD_BYTES);
        word = le64toh(word);
        // A byte's high bit is set where it is one of those: below 0x80 a subtraction borrows only
        // from it. What lies behind the first such byte may be wrong, and is not asked for.
        const uint64_t stops = (word | (word - ones * ' ') | ((word ^ (ones * '"')) - ones) |
                                ((word ^ (ones * '\\')) - ones)) &
                               (ones * 0x80);
        if (stops != 0) {
            return p + __builtin_ctzll(stops) / 8;
        }
    }
}

/* Four hexadecimal digits, or -1. */
static int32_t unit_read(const char *p)
{
    int32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        const char c = p[i];
        const char lower = (char)(c | 0x20);
        if (!is_digit(c) && (lower < 'a' || lower > 'f')) {
            return -1;
        }
        unit = unit * 16 + (is_digit(c) ? c - '0' : lower - 'a' + 10);
    }
    return unit;
}

static char *character_write(char *to, int32_t c)
{
    if (c < 0x80) {
        *to++ = (char)c;
        return to;
    }
    const int more_n = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const int HEADS[] = {0, 0xC0, 0xE0, 0xF0};
    *to++ = (char)(HEADS[more_n] | c >> (6 * more_n));
    for (int i = more_n - 1; i >= 0; i--) {
        *to++ = (char)(0x80 | (c >> (6 * i) & 0x3F));
    }
    return to;
}

/* \uXXXX, or the two of a pair. */
static enum err unicode_read(struct reader *r, char **to)
{
    const char *at = r->p;
    int32_t c = unit_read(at + 2);
    if (c < 0) {
        return fault(r, ERR_NOT_JSON, at, "four hexadecimal digits belong behind \\u");
    }
    r->p += 6;
    const bool is_high = c >= 0xD800 && c <= 0xDBFF;
    if (is_high && r->p[0] == '\\' && r->p[1] == 'u') {
        const int32_t low = unit_read(r->p + 2);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
            r->p += 6;
        }
    }
    if (c >= 0xD800 && c <= 0xDFFF) {
        return fault(r, ERR_NOT_JSON, at, "this is half of a surrogate pair");
    }
    if (c == 0) {
        return fault(r, ERR_NOT_JSON, at, "a text cannot hold a NUL");
    }
    *to = character_write(*to, c);
    return ERR_OK;
}

static enum err escape_read(struct reader *r, char **to)
{
    static const char NAMES[] = "\"\\/bfnrt";
    static const char MEANT[] = "\"\\/\b\f\n\r\t";
    const char name = r->p[1];
    if (name == 'u') {
        return unicode_read(r, to);
    }
    const char *known = name != 0 ? strchr(NAMES, name) : NULL;
    if (known == NULL) {
        return fault(r, ERR_NOT_JSON, r->p, "there is no such escape");
    }
    *(*to)++ = MEANT[known - NAMES];
    r->p += 2;
    return ERR_OK;
}

/* The byte at r->p ends a plain run and is not the quote. */
static enum err special_read(struct reader *r, char **to)
{
    const unsigned char c = (unsigned char)*r->p;
    const char *end = r->copy + r->text.n;
    if (c == '\\') {
        return escape_read(r, to);
    }
    if (c < 0x20) {
        return r->p == end ? stray(r, "the quote that closes a text")
                           : fault(r, ERR_NOT_JSON, r->p, "a control character must be escaped");
    }
    const size_t n = utf8_length((const unsigned char *)r->p, (size_t)(end - r->p));
    if (n == 0) {
        return fault(r, ERR_NOT_JSON, r->p, "this is not UTF-8");
    }
    memmove(*to, r->p, n);
    *to += n;
    r->p += n;
    return ERR_OK;
}

static enum err string_read(struct reader *r, struct json *out)
{
    char *start = ++r->p;
    char *to = r->p = plain_end(r->p);
    while (*r->p != '"') {
        try(special_read(r, &to));
        char *end = plain_end(r->p);
        memmove(to, r->p, (size_t)(end - r->p)); // an escape is longer than what it stands for
        to += end - r->p;
        r->p = end;
    }
    r->p++;
    *to = 0;
    *out = (struct json){.type = JSON_STRING, .n = (uint32_t)(to - start), .text = start};
    return ERR_OK;
}

/* A short decimal is one exact double times or through another, rounded once: what strtod would
 * give. False for a longer one. */
static bool real_of_few_digits(uint64_t digits, size_t digits_n, int64_t exponent, double *out)
{
    static const double TENS[EXACT_EXPONENT_MAX + 1] = {
        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (digits_n > EXACT_DIGITS_MAX || exponent > EXACT_EXPONENT_MAX ||
        exponent < -EXACT_EXPONENT_MAX) {
        return false;
    }
    *out = exponent < 0 ? (double)digits / TENS[-exponent] : (double)digits * TENS[exponent];
    return true;
}

/* The exponent at p, which is an e; *end becomes what follows it, NULL where digits are missing. */
static int64_t exponent_read(const char *p, const char **end)
{
    p++;
    const bool is_negative = *p == '-';
    p += *p == '-' || *p == '+';
    int64_t exponent = 0;
    *end = is_digit(*p) ? p : NULL;
    for (; is_digit(*p); p++) {
        exponent = exponent < EXPONENT_MAX ? exponent * 10 + (*p - '0') : EXPONENT_MAX;
    }
    *end = *end != NULL ? p : NULL;
    return is_negative ? -exponent : exponent;
}

/* Digits with or without a point, times ten to the power given, where that is exactly a whole
 * number within WHOLE_MAX: 1000.0 and 1e3 are 1000. A zero has no sign. */
static bool whole_of(const char *p, const char *end, int64_t exponent, uint64_t *out)
{
    for (; end > p && (end[-1] == '0' || end[-1] == '.'); end--) {
        exponent += end[-1] == '0';
    }
    uint64_t whole = 0;
    for (; p < end; p++) {
        whole = *p != '.' ? whole * 10 + (uint64_t)(*p - '0') : whole;
        if (whole > WHOLE_MAX) {
            return false;
        }
    }
    if (whole > 0 && exponent < 0) { // its last digit is no zero
        return false;
    }
    for (; whole > 0 && exponent > 0; exponent--) { // at most as often as WHOLE_MAX has digits
        whole *= 10;
        if (whole > WHOLE_MAX) {
            return false;
        }
    }
    *out = whole;
    return true;
}

static struct json integer_of(bool is_negative, uint64_t digits)
{
    return (struct json){.type = JSON_INTEGER, .whole = (int64_t)(is_negative ? -digits : digits)};
}

/* The rest of a number with a point or an exponent; its whole digits are known. */
static enum err real_read(struct reader *r, const char *p, uint64_t digits, size_t digits_n,
                          struct json *out)
{
    const char *start = r->p;
    const bool is_negative = *start == '-';
    int64_t exponent = 0;
    if (*p == '.') {
        const char *point = p++;
        for (; is_digit(*p); p++) {
            digits = digits * 10 + (uint64_t)(*p - '0'); // beyond DIGITS_MAX strtod reads it again
            digits_n++;
        }
        if (p == point + 1) {
            return fault(r, ERR_NOT_JSON, p, "a digit is expected behind the point");
        }
        exponent = point + 1 - p; // a text has at most JSON_BYTES_MAX
    }
    const char *digits_end = p;
    if (*p == 'e' || *p == 'E') {
        exponent += exponent_read(p, &p);
        if (p == NULL) {
            return fault(r, ERR_NOT_JSON, start, "the exponent of this number has no digits");
        }
    }
    uint64_t whole = 0;
    if (whole_of(start + is_negative, digits_end, exponent, &whole)) {
        r->p += p - start;
        *out = integer_of(is_negative, whole);
        return ERR_OK;
    }
    double real = 0;
    if (!real_of_few_digits(digits, digits_n, exponent, &real)) {
        char *end = NULL;
        real = fabs(strtod(start, &end)); // the process stays in the C locale
        ensure(end == p);
    }
    if (isinf(real)) {
        return fault(r, ERR_OVERFLOW, start, "this number is too large");
    }
    r->p += p - start;
    *out = (struct json){.type = JSON_REAL, .real = is_negative ? -real : real};
    return ERR_OK;
}

static enum err number_read(struct reader *r, struct json *out)
{
    const bool is_negative = *r->p == '-';
    const char *first = r->p + is_negative;
    const char *p = first;
    uint64_t digits = 0;
    for (; is_digit(*p); p++) {
        digits = digits * 10 + (uint64_t)(*p - '0'); // beyond DIGITS_MAX it is not used
    }
    const size_t digits_n = (size_t)(p - first);
    if (digits_n == 0) {
        return fault(r, ERR_NOT_JSON, r->p, "a digit is expected behind the minus");
    }
    if (*first == '0' && digits_n > 1) {
        return fault(r, ERR_NOT_JSON, r->p, "a number does not begin with 0");
    }
    if (*p == '.' || *p == 'e' || *p == 'E') {
        return real_read(r, p, digits, digits_n, out);
    }
    if (digits_n > DIGITS_MAX || digits > (uint64_t)INT64_MAX + is_negative) {
        return fault(r, ERR_OVERFLOW, r->p, "this number is too large");
    }
    r->p += p - r->p;
    *out = integer_of(is_negative, digits);
    return ERR_OK;
}

static enum err word_read(struct reader *r, struct str word, enum json_type type, struct json *out)
{
    if (memcmp(r->p, word.p, word.n) != 0) { // the copy goes on behind the end
        return stray(r, "a value");
    }
    r->p += word.n;
    *out = (struct json){.type = (uint8_t)type};
    return ERR_OK;
}

static inline void item_push(struct reader *r, struct json item)
{
    if (r->items_n == r->items_max) {
        r->items = arena_grow(r->arena, r->items, arena_size(sizeof item, r->items_max),
                              arena_size(sizeof item, r->items_max * 2));
        r->items_max *= 2;
    }
    r->items[r->items_n++] = item;
}

/* Takes what lies on the stack from `first` on into a piece with `more` bytes behind it. */
static void *items_take(struct reader *r, size_t first, size_t more)
{
    const size_t bytes = (r->items_n - first) * sizeof *r->items;
    void *piece = arena_bytes(r->arena, bytes + more);
    memcpy(piece, r->items + first, bytes);
    r->items_n = first;
    return piece;
}

/* Opens a bracket; *is_empty when it closes at once. */
static enum err bracket_open(struct reader *r, char close, bool *is_empty)
{
    if (++r->depth > JSON_DEPTH_MAX) {
        char what[80];
        (void)snprintf(what, sizeof what, "nested deeper than %d levels: flatten the document",
                       JSON_DEPTH_MAX);
        return fault(r, ERR_NOT_JSON, r->p, what);
    }
    r->p++;
    blanks_skip(r);
    *is_empty = *r->p == close;
    if (*is_empty) {
        r->p++;
        r->depth--;
    }
    return ERR_OK;
}

/* Behind an item: a comma, and *is_last is false, or the bracket. */
static enum err item_end(struct reader *r, char close, bool *is_last)
{
    blanks_skip(r);
    *is_last = *r->p == close;
    if (!*is_last && *r->p != ',') {
        return stray(r, close == ']' ? "a comma or ]" : "a comma or }");
    }
    r->p++;
    if (*is_last) {
        r->depth--;
    } else {
        blanks_skip(r);
    }
    return ERR_OK;
}

static enum err value_read(struct reader *r, struct json *out);

static enum err array_read(struct reader *r, struct json *out)
{
    const size_t first = r->items_n;
    bool is_last = false;
    *out = (struct json){.type = JSON_ARRAY};
    try(bracket_open(r, ']', &is_last));
    if (is_last) {
        return ERR_OK;
    }
    while (!is_last) {
        struct json item;
        try(value_read(r, &item));
        item_push(r, item);
        try(item_end(r, ']', &is_last));
    }
    out->n = (uint32_t)(r->items_n - first);
    out->items = items_take(r, first, 0);
    return ERR_OK;
}

static enum err name_twice(const struct reader *r, const struct json_field *field)
{
    return fault(r, ERR_NOT_JSON, field->name.text - 1, "this name stands twice in its object");
}

/* Sorts the names of a large object, for finding them and those that stand twice: a table by hashes
 * would have to be kept from callers who choose names that collide. */
static enum err index_make(struct reader *r, struct json *object)
{
    struct json_entry *index = (struct json_entry *)(object->fields + object->n);
    json_fields_sort(object, index);
    for (size_t i = 1; i < object->n; i++) {
        const struct json_field *one = index[i - 1].field;
        const struct json_field *other = index[i].field;
        if (str_eq(json_str(&one->name), json_str(&other->name))) {
            return name_twice(r, other > one ? other : one);
        }
    }
    object->is_indexed = true;
    return ERR_OK;
}

static enum err names_check(const struct reader *r, const struct json *object)
{
    for (size_t i = 1; i < object->n; i++) {
        const struct str name = json_str(&object->fields[i].name);
        for (size_t j = 0; j < i; j++) {
            if (str_eq(name, json_str(&object->fields[j].name))) {
                return name_twice(r, &object->fields[i]);
            }
        }
    }
    return ERR_OK;
}

static enum err object_read(struct reader *r, struct json *out)
{
    const size_t first = r->items_n;
    bool is_last = false;
    *out = (struct json){.type = JSON_OBJECT};
    try(bracket_open(r, '}', &is_last));
    if (is_last) {
        return ERR_OK;
    }
    while (!is_last) {
        struct json_field field;
        if (*r->p != '"') {
            return stray(r, "a name in quotes");
        }
        try(string_read(r, &field.name));
        blanks_skip(r);
        if (*r->p != ':') {
            return stray(r, "a colon");
        }
        r->p++;
        blanks_skip(r);
        item_push(r, field.name);
        try(value_read(r, &field.value));
        item_push(r, field.value);
        try(item_end(r, '}', &is_last));
    }
    _Static_assert(sizeof(struct json_field) == 2 * sizeof(struct json), "two items are a field");
    out->n = (uint32_t)((r->items_n - first) / 2);
    const bool is_large = out->n > JSON_FEW_MAX;
    out->fields = items_take(r, first, is_large ? out->n * sizeof(struct json_entry) : 0);
    return is_large ? index_make(r, out) : names_check(r, out);
}

/* Recursion is bounded by bracket_open(). */
static enum err value_read(struct reader *r, struct json *out)
{
    switch (*r->p) {
    case '"':
        return string_read(r, out);
    case '{':
        return object_read(r, out);
    case '[':
        return array_read(r, out);
    case 't':
        return word_read(r, STR("true"), JSON_TRUE, out);
    case 'f':
        return word_read(r, STR("false"), JSON_FALSE, out);
    case 'n':
        return word_read(r, STR("null"), JSON_NULL, out);
    default:
        return is_digit(*r->p) || *r->p == '-' ? number_read(r, out) : stray(r, "a value");
    }
}

enum err json_read(struct arena *arena, struct str text, struct fail *f, const struct json **out)
{
    if (text.n > JSON_BYTES_MAX) {
        return fail(f, ERR_TOO_LARGE, "", "The text has more than %d bytes: send less at once.",
                    JSON_BYTES_MAX);
    }
    struct json first[ITEMS_FIRST];
    struct json *value = arena_bytes(arena, sizeof *value + text.n + WORD_BYTES);
    struct reader r = {.arena = arena,
                       .f = f,
                       .text = text,
                       .copy = (char *)(value + 1),
                       .p = (char *)(value + 1),
                       .items = first,
                       .items_max = ITEMS_FIRST};
    if (text.n > 0) {
        memcpy(r.copy, text.p, text.n);
    }
    blanks_skip(&r);
    try(value_read(&r, value));
    blanks_skip(&r);
    if (r.p != r.copy + text.n) {
        return fault(&r, ERR_NOT_JSON, r.p, "nothing may follow the value");
    }
    *out = value;
    return ERR_OK;
}
