/* Strings: a pointer and a length, never zero-terminated unless a name says so.
 *
 * Owns:    nothing; a str borrows its bytes.
 * Threads: any thread.
 * Memory:  from the arena given.
 * Errors:  none.
 * Limits:  those of the arena.
 */
#ifndef LOYALD_STR_H
#define LOYALD_STR_H

#include "base/arena.h"

struct str {
    const char *p; // not NULL when n > 0
    size_t n;      // bytes
};

#define STR(literal) ((struct str){.p = (literal), .n = sizeof(literal) - 1})
#define STR_ARG(s)   (int)(s).n, (s).p // for "%.*s"

static inline struct str str_c(const char *zero_terminated)
{
    return (struct str){.p = zero_terminated, .n = zero_terminated ? strlen(zero_terminated) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is_empty(struct str s)
{
    return s.n == 0;
}

static inline bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

/* The rest of s after its first n bytes; empty when s is shorter. */
static inline struct str str_after(struct str s, size_t n)
{
    if (n >= s.n) {
        return (struct str){0};
    }
    return (struct str){.p = s.p + n, .n = s.n - n};
}

/* Bytewise order: negative, zero or positive. */
int str_cmp(struct str a, struct str b);

/* A copy in the arena; the copy is followed by a zero byte that n does not count. */
struct str str_dup(struct arena *arena, struct str s);

/* A zero-terminated copy for system calls. */
const char *str_z(struct arena *arena, struct str s);

/* Percent-encodes all but the unreserved characters of RFC 3986. */
struct str str_percent(struct arena *arena, struct str s);

/* Formats as printf does, into the arena. */
struct str str_fmt(struct arena *arena, const char *fmt, ...) PRINTF(2, 3);

/* Index of the first c at or after `from`, or s.n. */
size_t str_find(struct str s, char c, size_t from);

/* Cuts the part before the first c off *rest and returns it; *rest becomes what follows c (empty at
 * the end). Returns false once everything was returned. Start with *done = false. */
bool str_split(struct str *rest, char c, struct str *part, bool *done);

/* Without ASCII blanks at both ends. */
struct str str_trim(struct str s);

/* Strict decimal integer, optional leading '-'; false on anything else, overflow included. */
bool str_int64(struct str s, int64_t *out);

/* How many of the `left` bytes at p, at least one, form a character of well-formed UTF-8 that is
 * not NUL; 0 when they form none. */
size_t utf8_length(const unsigned char *p, size_t left);

/* True when the bytes are well-formed UTF-8 (no surrogates, no overlong forms) without NUL. */
bool str_is_utf8(struct str s);

/* Number of characters (code points) of well-formed UTF-8. */
size_t str_characters(struct str s);

/* True for 1 to 64 characters of [a-z0-9-]. */
bool str_is_slug(struct str s);

#endif
