/* Compact binary records. */
#include "base/base.h"
#include "base/pack.h"

void pack_u(struct buf *out, uint64_t value)
{
    unsigned char bytes[10];
    size_t n = 0;
    while (value >= 0x80) {
        bytes[n++] = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    bytes[n++] = (unsigned char)value;
    buf_add(out, bytes, n);
}

void pack_i(struct buf *out, int64_t value)
{
    pack_u(out, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

void pack_str(struct buf *out, struct str s)
{
    pack_u(out, s.n);
    buf_str(out, s);
}

uint64_t unpack_u(struct unpack *in)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        if (in->is_bad || in->p == in->end) {
            break;
        }
        const unsigned char c = *in->p++;
        value |= (uint64_t)(c & 0x7F) << shift;
        if (c < 0x80) {
            return value;
        }
    }
    in->is_bad = true;
    return 0;
}

int64_t unpack_i(struct unpack *in)
{
    const uint64_t value = unpack_u(in);
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

const unsigned char *unpack_bytes(struct unpack *in, size_t n)
{
    if (in->is_bad || (size_t)(in->end - in->p) < n) {
        in->is_bad = true;
        return NULL;
    }
    const unsigned char *bytes = in->p;
    in->p += n;
    return bytes;
}

struct str unpack_str(struct unpack *in)
{
    const uint64_t n = unpack_u(in);
    const unsigned char *bytes = n > SIZE_MAX / 2 ? NULL : unpack_bytes(in, (size_t)n);
    if (bytes == NULL) {
        in->is_bad = true;
        return (struct str){0};
    }
    return (struct str){.p = (const char *)bytes, .n = (size_t)n};
}

size_t unpack_count(struct unpack *in, size_t max)
{
    const uint64_t n = unpack_u(in);
    if (n > max || n > (uint64_t)(in->end - in->p)) {
        in->is_bad = true;
        return 0;
    }
    return (size_t)n;
}
