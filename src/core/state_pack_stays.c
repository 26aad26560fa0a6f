/* The stored form of the latest stays: section 7 of a member's state. */
#include "base/base.h"
#include "core/state_pack.h"

size_t state_stays_n(const struct state *state)
{
    return state->stays_n;
}

void state_stays_pack(struct buf *out, const struct state *state)
{
    pack_u(out, state->stays_n);
    for (size_t i = 0; i < state->stays_n; i++) {
        buf_add(out, &state->stays[i].store, sizeof state->stays[i].store);
        pack_i(out, state->stays[i].in_on);
        pack_i(out, state->stays[i].out_on);
    }
}

void state_stays_unpack(struct arena *arena, struct unpack *in, struct state *state)
{
    const size_t n = unpack_count(in, STATE_STAYS_MAX);
    for (size_t i = 0; i < n && !in->is_bad; i++) {
        struct stay stay = {0};
        const unsigned char *store = unpack_bytes(in, sizeof stay.store);
        const int64_t in_on = unpack_i(in);
        const int64_t out_on = unpack_i(in);
        in->is_bad |= store == NULL || in_on < INT32_MIN || out_on > INT32_MAX || in_on > out_on;
        if (!in->is_bad) {
            memcpy(&stay.store, store, sizeof stay.store);
            stay.in_on = (int32_t)in_on;
            stay.out_on = (int32_t)out_on;
            arena_room(arena, state->stays, state->stays_n, state->stays_max);
            state->stays[state->stays_n++] = stay;
        }
    }
}
