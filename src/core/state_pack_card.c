/* The section of a member's changing card. */
#include "base/base.h"
#include "core/state_pack.h"

size_t state_card_n(const struct state *state)
{
    return state->card.generation > 0;
}

void state_card_pack(struct buf *out, const struct state *state)
{
    pack_i(out, state->card.generation);
    pack_i(out, state->card.step);
    pack_i(out, state->card.wrong_on);
    pack_i(out, state->card.wrong_n);
}

void state_card_unpack(struct arena *arena, struct unpack *in, struct state *state)
{
    (void)arena;
    state->card.generation = unpack_i(in);
    state->card.step = unpack_i(in);
    state->card.wrong_on = (int32_t)unpack_i(in);
    state->card.wrong_n = unpack_i(in);
    in->is_bad |= state->card.generation <= 0 || state->card.step < 0 || state->card.wrong_n < 0;
}
