/* Compact binary records: variable-length integers and byte strings, for what is stored.
 *
 * Unsigned integers are LEB128; signed ones zigzag first, so that small negatives stay small.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  the writer's buf; a reader borrows.
 * Errors:  a reader that meets bad bytes sets is_bad and from then on returns zeros: check once, at
 *          the end.
 * Limits:  those of the buf.
 */
#ifndef LOYALD_PACK_H
#define LOYALD_PACK_H

#include "base/buf.h"

void pack_u(struct buf *out, uint64_t value);
void pack_i(struct buf *out, int64_t value);
void pack_str(struct buf *out, struct str s);

struct unpack {
    const unsigned char *p;
    const unsigned char *end;
    bool is_bad;
};

static inline struct unpack unpack_open(struct str bytes)
{
    return (struct unpack){.p = (const unsigned char *)bytes.p,
                           .end = (const unsigned char *)bytes.p + bytes.n};
}

uint64_t unpack_u(struct unpack *in);
int64_t unpack_i(struct unpack *in);

/* Borrowed from the input. */
struct str unpack_str(struct unpack *in);

/* n raw bytes, borrowed; NULL when there are fewer. */
const unsigned char *unpack_bytes(struct unpack *in, size_t n);

/* A count read before a list: bad when above max or above the bytes left. */
size_t unpack_count(struct unpack *in, size_t max);

/* All was read and nothing was bad. */
static inline bool unpack_done(const struct unpack *in)
{
    return !in->is_bad && in->p == in->end;
}

#endif
