/* The stored form of a member's referral: section 20 of their state. */
#include "base/base.h"
#include "core/state_pack.h"

size_t state_referral_n(const struct state *state)
{
    return state->referral.state != REFERRAL_NONE;
}

void state_referral_pack(struct buf *out, const struct state *state)
{
    const struct referral *r = &state->referral;
    ensure(r->state != REFERRAL_NONE);
    pack_u(out, (uint64_t)r->state);
    pack_u(out, (uint64_t)r->definition);
    pack_i(out, r->id);
    pack_i(out, r->advocate);
    pack_i(out, r->named_at);
    pack_i(out, r->qualified_at);
    pack_i(out, r->purchase);
    pack_i(out, r->min_amount);
    pack_i(out, r->held_until);
    pack_i(out, r->rewarded_at);
    pack_i(out, r->rewarded);
    pack_i(out, r->rewarded_position);
    pack_i(out, r->revoked_at);
}

void state_referral_unpack(struct arena *arena, struct unpack *in, struct state *state)
{
    (void)arena; // nothing is listed
    const uint64_t is = unpack_u(in);
    in->is_bad |= is == REFERRAL_NONE || is >= REFERRAL_STATES_N;
    struct referral r = {.state = in->is_bad ? REFERRAL_NAMED : (enum referral_state)is};
    r.definition = (int32_t)unpack_u(in);
    r.id = unpack_i(in);
    r.advocate = unpack_i(in);
    r.named_at = unpack_i(in);
    r.qualified_at = unpack_i(in);
    r.purchase = unpack_i(in);
    r.min_amount = unpack_i(in);
    r.held_until = unpack_i(in);
    r.rewarded_at = unpack_i(in);
    r.rewarded = unpack_i(in);
    r.rewarded_position = unpack_i(in);
    r.revoked_at = unpack_i(in);
    in->is_bad |= r.id <= 0 || r.advocate <= 0 || r.advocate == state->member || r.definition < 0;
    state->referral = r;
}
