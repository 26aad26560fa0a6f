/* Growing byte buffers with a compulsory maximum.
 *
 * Owns:    its bytes, in the arena given.
 * Threads: one thread at a time per buffer.
 * Memory:  the arena; growing doubles, the old piece stays in the arena until it is reset.
 * Errors:  a write beyond bytes_max sets is_full and is dropped whole; the caller checks once, at
 *          the end.
 * Limits:  bytes_max, given at opening.
 */
#ifndef LOYALD_BUF_H
#define LOYALD_BUF_H

#include "base/str.h"

struct buf {
    struct arena *arena;
    char *p;          // bytes written so far; not zero-terminated
    size_t n;         // bytes written
    size_t room;      // bytes allocated
    size_t bytes_max; // limit of n
    bool is_full;     // a write was dropped: the content is not to be used
};

void buf_open(struct buf *buf, struct arena *arena, size_t bytes_max);

/* Appends n bytes; the way of buf_add() when there is no room for them. */
void buf_add_growing(struct buf *buf, const void *bytes, size_t n);

/* Appends n bytes. */
static inline void buf_add(struct buf *buf, const void *bytes, size_t n)
{
    if (n > 0 && !buf->is_full && n <= buf->room - buf->n && n <= buf->bytes_max - buf->n) {
        memcpy(buf->p + buf->n, bytes, n);
        buf->n += n;
    } else {
        buf_add_growing(buf, bytes, n);
    }
}

static inline void buf_str(struct buf *buf, struct str s)
{
    buf_add(buf, s.p, s.n);
}

static inline void buf_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF(2, 3);

/* Decimal digits of the value: much faster than printf. */
void buf_int(struct buf *buf, int64_t value);

/* The content as a str, borrowed from the buffer. */
static inline struct str buf_view(const struct buf *buf)
{
    return (struct str){.p = buf->p, .n = buf->n};
}

#endif
