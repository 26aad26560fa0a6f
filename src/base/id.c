/* Ids. */
#include "base/base.h"
#include "base/id.h"

static const char ALPHABET[] = "0123456789abcdefghjkmnpqrstvwxyz"; // Crockford base32, lower case

int64_t id_next(struct id_source *source, int64_t now_ms)
{
    ensure(source->process >= 0 && source->process < (1 << ID_PROCESS_BITS));
    const int64_t ms = now_ms > ID_EPOCH_MS ? now_ms - ID_EPOCH_MS : 0;
    const int64_t first = (ms << (ID_PROCESS_BITS + ID_COUNTER_BITS)) |
                          ((int64_t)source->process << ID_COUNTER_BITS) | 1;
    int64_t next = source->last + 1;
    if ((next & ((1 << ID_COUNTER_BITS) - 1)) == 0) {
        // The counter ran over into the process bits: borrow the next millisecond instead.
        const int64_t borrowed = (source->last >> (ID_PROCESS_BITS + ID_COUNTER_BITS)) + 1;
        next = (borrowed << (ID_PROCESS_BITS + ID_COUNTER_BITS)) |
               ((int64_t)source->process << ID_COUNTER_BITS) | 1;
    }
    source->last = first > next ? first : next;
    return source->last;
}

void id_beyond(struct id_source *source, int64_t floor)
{
    if (source->last >= floor) {
        return;
    }
    const int bits = ID_PROCESS_BITS + ID_COUNTER_BITS;
    const int64_t own = (int64_t)source->process << ID_COUNTER_BITS;
    int64_t first = ((floor >> bits) << bits) | own; // this process's first of that millisecond
    if (first < floor) {
        first = ((floor >> bits) + 1) << bits | own;
    }
    source->last = first; // the next is one more, so above the floor
}

void id_write(const char prefix[ID_PREFIX_CHARS], int64_t id, char out[ID_TEXT_BYTES + 1])
{
    memcpy(out, prefix, ID_PREFIX_CHARS);
    uint64_t rest = (uint64_t)id;
    for (int i = ID_TEXT_BYTES - 1; i >= ID_PREFIX_CHARS; i--) {
        out[i] = ALPHABET[rest & 31];
        rest >>= 5;
    }
    out[ID_TEXT_BYTES] = 0;
}

bool id_read(const char prefix[ID_PREFIX_CHARS], struct str text, int64_t *out)
{
    if (text.n != ID_TEXT_BYTES || memcmp(text.p, prefix, ID_PREFIX_CHARS) != 0) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = ID_PREFIX_CHARS; i < ID_TEXT_BYTES; i++) {
        const char c = (char)(text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] + 32 : text.p[i]);
        const char *hit = c == 0 ? NULL : strchr(ALPHABET, c);
        if (hit == NULL || (value >> 59) != 0) {
            return false;
        }
        value = value << 5 | (uint64_t)(hit - ALPHABET);
    }
    if (value > INT64_MAX) {
        return false;
    }
    *out = (int64_t)value;
    return true;
}
