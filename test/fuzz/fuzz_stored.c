/* Stored records in: states, events, answers, inputs of whoever flipped bits. A refusal, never a
 * crash; what is read is written back the same. */
#include "base/base.h"
#include "core/decide.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct arena arena;
    if (arena.bytes_max == 0) {
        arena_open(&arena, (size_t)512 << 20);
    }
    if (n < 2) {
        return 0;
    }
    const size_t half = data[0] * (n - 1) / 255;
    const struct str first = {.p = (const char *)data + 1, .n = half};
    const struct str second = {.p = (const char *)data + 1 + half, .n = n - 1 - half};
    struct state state;
    struct event event;
    struct answer answer;
    struct purchase purchase = {0};
    struct buf buf;
    buf_open(&buf, &arena, 1 << 24);
    if (state_unpack(&arena, 1, 1, first, &state) == ERR_OK) {
        struct state again;
        state_pack(&buf, &state);
        const enum err err = state_unpack(&arena, 1, 1, buf_view(&buf), &again);
        ensure(err == ERR_OK);
        ensure(again.lots_n == state.lots_n && again.counters_n == state.counters_n);
    }
    (void)!event_unpack(&arena, 0, first, second, &event);
    (void)!answer_unpack(&arena, first, &answer);
    (void)!purchase_unpack(&arena, first, &purchase);
    arena_reset(&arena);
    return 0;
}
