/* JSON in: our reader accepts what jansson accepts and reads the same values, numbers by value: of
 * 1e3 jansson's text is 1000.0. Whatever is accepted has a canonical text that is accepted again
 * and stays the same. */
#include "base/base.h"
#include "base/json.h"

#include "json_reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct str canonical(struct arena *arena, const struct json *json)
{
    struct buf buf;
    buf_open(&buf, arena, 1 << 22);
    json_write_canonical(&buf, json);
    ensure(!buf.is_full);
    return buf_view(&buf);
}

/* Every field of every object is found by its name. */
static void check_found(const struct json *json)
{
    struct str name = {0};
    const struct json *value = NULL;
    json_object_foreach(json, name, value)
    {
        ensure(json_find(json, name) == value);
        ensure(name.p[name.n] == 0);
        check_found(value);
    }
    for (size_t i = 0; i < json_array_size(json); i++) {
        check_found(json_array_get(json, i));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct arena arena;
    if (arena.bytes_max == 0) {
        arena_open(&arena, (size_t)256 << 20);
    }
    struct fail f = {.arena = &arena};
    const struct json *json = NULL;
    const struct json *again = NULL;
    const struct str text = {.p = (const char *)data, .n = n};
    struct buf reference;
    buf_open(&reference, &arena, 1 << 22);
    const bool is_fine = json_read(&arena, text, &f, &json) == ERR_OK;
    ensure(is_fine == json_reference_read(text, &reference));
    if (is_fine) {
        ensure(str_is_utf8(text));
        ensure(!reference.is_full);
        ensure(json_read(&arena, buf_view(&reference), &f, &again) == ERR_OK);
        ensure(json_is_same(json, again));
        check_found(json);
        const struct str first = canonical(&arena, json);
        ensure(str_eq(first, canonical(&arena, again)));
        ensure(json_read(&arena, first, &f, &again) == ERR_OK);
        ensure(str_eq(first, canonical(&arena, again)));
    } else {
        ensure(f.items_n == 1);
    }
    arena_reset(&arena);
    return 0;
}
