/* Growing byte buffers. */
#include "base/base.h"
#include "base/buf.h"

enum { BUF_ROOM_FIRST = 256 };

void buf_open(struct buf *buf, struct arena *arena, size_t bytes_max)
{
    *buf = (struct buf){.arena = arena, .bytes_max = bytes_max};
}

static bool buf_reserve(struct buf *buf, size_t n)
{
    if (buf->is_full || n > buf->bytes_max - buf->n) {
        buf->is_full = true;
        return false;
    }
    if (buf->n + n > buf->room) {
        size_t room = buf->room ? buf->room * 2 : (size_t)BUF_ROOM_FIRST;
        while (room < buf->n + n) {
            room *= 2;
        }
        buf->p = arena_grow(buf->arena, buf->p, buf->n, room);
        buf->room = room;
    }
    return true;
}

void buf_add_growing(struct buf *buf, const void *bytes, size_t n)
{
    if (n > 0 && buf_reserve(buf, n)) {
        memcpy(buf->p + buf->n, bytes, n);
        buf->n += n;
    }
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list args;
    va_list again;
    va_start(args, fmt);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    ensure(n >= 0);
    if (buf_reserve(buf, (size_t)n + 1)) {
        (void)vsnprintf(buf->p + buf->n, (size_t)n + 1, fmt, again); // reserved above
        buf->n += (size_t)n;
    }
    va_end(again);
}

void buf_int(struct buf *buf, int64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        buf_char(buf, '-');
    }
    buf_add(buf, digits + at, sizeof digits - at);
}
