/* JSON in: whatever is accepted has a canonical text that is accepted again and stays the same. */
#include "base/base.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct str canonical(struct arena *arena, const json_t *json)
{
    struct buf buf;
    buf_open(&buf, arena, 1 << 22);
    json_write_canonical(&buf, json);
    ensure(!buf.is_full);
    return buf_view(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct arena arena;
    if (arena.bytes_max == 0) {
        json_start();
        arena_open(&arena, (size_t)256 << 20);
    }
    struct fail f = {.arena = &arena};
    json_t *json = NULL;
    const struct str text = {.p = (const char *)data, .n = n};
    if (json_read(&arena, text, &f, &json) == ERR_OK) {
        ensure(str_is_utf8(text));
        const struct str first = canonical(&arena, json);
        json_t *again = NULL;
        ensure(json_read(&arena, first, &f, &again) == ERR_OK);
        ensure(str_eq(first, canonical(&arena, again)));
    } else {
        ensure(f.items_n == 1);
    }
    arena_reset(&arena);
    return 0;
}
