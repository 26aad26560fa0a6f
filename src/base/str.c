/* Strings. */
#include "base/base.h"
#include "base/str.h"

int str_cmp(struct str a, struct str b)
{
    const size_t n = a.n < b.n ? a.n : b.n;
    const int order = n ? memcmp(a.p, b.p, n) : 0;
    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

struct str str_dup(struct arena *arena, struct str s)
{
    char *copy = arena_bytes(arena, s.n + 1);
    if (s.n > 0) {
        memcpy(copy, s.p, s.n);
    }
    return (struct str){.p = copy, .n = s.n};
}

const char *str_z(struct arena *arena, struct str s)
{
    return str_dup(arena, s).p;
}

struct str str_percent(struct arena *arena, struct str s)
{
    static const char HEX[] = "0123456789ABCDEF";
    char *out = arena_new(arena, char, s.n * 3 + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        const unsigned char c = (unsigned char)s.p[i];
        const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
                              c == '~';
        if (is_plain) {
            out[n++] = (char)c;
        } else {
            out[n++] = '%';
            out[n++] = HEX[c >> 4];
            out[n++] = HEX[c & 15];
        }
    }
    return (struct str){.p = out, .n = n};
}

struct str str_fmt(struct arena *arena, const char *fmt, ...)
{
    va_list args;
    va_list again;
    va_start(args, fmt);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    ensure(n >= 0);
    char *text = arena_bytes(arena, (size_t)n + 1);
    (void)vsnprintf(text, (size_t)n + 1, fmt, again); // the length is known from above
    va_end(again);
    return (struct str){.p = text, .n = (size_t)n};
}

size_t str_find(struct str s, char c, size_t from)
{
    if (from >= s.n) {
        return s.n;
    }
    const char *hit = memchr(s.p + from, c, s.n - from);
    return hit ? (size_t)(hit - s.p) : s.n;
}

bool str_split(struct str *rest, char c, struct str *part, bool *done)
{
    if (*done) {
        return false;
    }
    const size_t at = str_find(*rest, c, 0);
    *part = (struct str){.p = rest->p, .n = at};
    *done = at == rest->n;
    *rest = *done ? (struct str){0} : (struct str){.p = rest->p + at + 1, .n = rest->n - at - 1};
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
    while (s.n > 0 && is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && is_blank(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

bool str_int64(struct str s, int64_t *out)
{
    const bool is_negative = s.n > 0 && s.p[0] == '-';
    const size_t start = is_negative ? 1 : 0;
    if (s.n == start || s.n > start + 19) {
        return false;
    }
    int64_t value = 0;
    for (size_t i = start; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return false;
        }
        // Built up negative, since INT64_MIN has no positive twin.
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, (int64_t)(s.p[i] - '0'), &value)) {
            return false;
        }
    }
    if (!is_negative && value == INT64_MIN) {
        return false;
    }
    *out = is_negative ? value : -value;
    return true;
}

/* By table 3-7 of Unicode. */
size_t utf8_length(const unsigned char *p, size_t left)
{
    const unsigned char c = p[0];
    if (c < 0x80) {
        return c != 0;
    }
    const size_t n = c >= 0xC2 && c <= 0xDF   ? 2
                     : (c & 0xF0) == 0xE0     ? 3
                     : c >= 0xF0 && c <= 0xF4 ? 4
                                              : 0;
    if (n == 0 || left < n) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    const bool is_overlong = (c == 0xE0 && p[1] < 0xA0) || (c == 0xF0 && p[1] < 0x90);
    const bool is_outside = (c == 0xED && p[1] > 0x9F) || (c == 0xF4 && p[1] > 0x8F);
    return is_overlong || is_outside ? 0 : n;
}

bool str_is_utf8(struct str s)
{
    size_t at = 0;
    while (at < s.n) {
        const size_t n = utf8_length((const unsigned char *)s.p + at, s.n - at);
        if (n == 0) {
            return false;
        }
        at += n;
    }
    return true;
}

size_t str_characters(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    }
    return n;
}

bool str_is_slug(struct str s)
{
    if (s.n == 0 || s.n > 64) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        const char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            return false;
        }
    }
    return true;
}
