/* The stored form of what the clock waits for: section 8 of a member's state. Section 5 was the
 * same without the steps. */
#include "base/base.h"
#include "core/state_pack.h"

size_t state_moments_n(const struct state *state)
{
    return state->moments_n;
}

/* Signed, since a silence may begin before 1970; "never" is 0 and takes one byte. */
static void pack_at(struct buf *out, int64_t at)
{
    const bool is_known = at != AT_NEVER && at != AT_MIN;
    pack_u(out, is_known ? ((uint64_t)at << 1 ^ (uint64_t)(at >> 63)) + 1 : 0);
}

static int64_t unpack_at(struct unpack *in, int64_t otherwise)
{
    const uint64_t value = unpack_u(in);
    const int64_t at = (int64_t)((value - 1) >> 1) ^ -(int64_t)((value - 1) & 1);
    in->is_bad |= value != 0 && (at < AT_MIN || at > AT_MAX);
    return value == 0 || in->is_bad ? otherwise : at;
}

void state_moments_pack(struct buf *out, const struct state *state)
{
    pack_u(out, state->moments_n);
    for (size_t i = 0; i < state->moments_n; i++) {
        const struct moment *m = &state->moments[i];
        pack_u(out, (uint64_t)m->symbol);
        pack_i(out, m->object);
        pack_at(out, m->due_at);
        pack_at(out, m->fired_at);
        pack_i(out, m->base);
        pack_i(out, m->fired_n);
    }
}

size_t state_moments_old_n(const struct state *state)
{
    (void)state;
    return 0; // read only
}

static void unpack_all(struct arena *arena, struct unpack *in, struct state *state, bool with_steps)
{
    const size_t n = unpack_count(in, STATE_MOMENTS_MAX);
    in->is_bad |= state->moments_n > 0; // both sections: nobody wrote that
    for (size_t i = 0; i < n && !in->is_bad; i++) {
        struct moment m = {.symbol = (int32_t)unpack_u(in)};
        m.object = unpack_i(in);
        m.due_at = unpack_at(in, AT_NEVER);
        m.fired_at = unpack_at(in, AT_MIN);
        m.base = unpack_i(in);
        const int64_t step = with_steps ? unpack_i(in) : 0;
        in->is_bad |= m.symbol <= 0 || step < 0 || step > INT32_MAX;
        m.fired_n = (int32_t)step;
        arena_room(arena, state->moments, state->moments_n, state->moments_max);
        state->moments[state->moments_n++] = m;
    }
}

void state_moments_unpack(struct arena *arena, struct unpack *in, struct state *state)
{
    unpack_all(arena, in, state, true);
}

void state_moments_old_unpack(struct arena *arena, struct unpack *in, struct state *state)
{
    unpack_all(arena, in, state, false);
}
