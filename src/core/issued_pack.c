/* Issued rewards as stored. Format 1, frozen. */
#include "base/base.h"
#include "core/decide.h"

#include "base/pack.h"

enum { RECORD_FORMAT = 1 };

static void pack_at(struct buf *out, int64_t at)
{
    pack_u(out, at == AT_NEVER);
    pack_i(out, at == AT_NEVER ? 0 : at);
}

static int64_t unpack_at(struct unpack *in)
{
    const bool never = unpack_u(in) != 0;
    const int64_t at = unpack_i(in);
    return never ? AT_NEVER : at;
}

void issued_pack(struct buf *out, const struct issued *i)
{
    pack_u(out, RECORD_FORMAT);
    pack_i(out, i->event);
    pack_u(out, (uint64_t)i->origin);
    pack_u(out, (uint64_t)i->version);
    pack_u(out, (uint64_t)i->kind);
    pack_u(out, (uint64_t)i->fulfilment);
    pack_i(out, i->issued_at);
    pack_i(out, i->reserved_until);
    pack_u(out, (uint64_t)i->price_wallet);
    pack_i(out, i->price_points);
    spent_pack(out, i->spent, i->spent_n);
    pack_i(out, i->value);
    pack_str(out, i->currency);
    pack_u(out, (uint64_t)i->percent_basis_points);
    pack_i(out, i->left);
    pack_i(out, i->min_spend);
    pack_u(out, i->combines);
    pack_i(out, i->used_at);
    pack_i(out, i->used_event);
    pack_u(out, (uint64_t)i->pool);
    pack_i(out, i->pool_n);
    pack_str(out, i->store);
    pack_at(out, i->expires_at);
}

enum err issued_unpack(struct arena *arena, struct str bytes, struct issued *out)
{
    struct issued i = *out;
    struct unpack in = unpack_open(bytes);
    in.is_bad |= unpack_u(&in) != RECORD_FORMAT;
    i.event = unpack_i(&in);
    i.origin = (int32_t)unpack_u(&in);
    i.version = (int32_t)unpack_u(&in);
    const uint64_t kind = unpack_u(&in);
    const uint64_t fulfilment = unpack_u(&in);
    in.is_bad |= kind == 0 || kind >= REWARD_KINDS_N || fulfilment >= FULFILMENTS_N;
    i.kind = in.is_bad ? REWARD_CODE : (enum reward_kind)kind;
    i.fulfilment = in.is_bad ? FULFIL_NONE : (enum fulfilment)fulfilment;
    i.issued_at = unpack_i(&in);
    i.reserved_until = unpack_i(&in);
    i.price_wallet = (int32_t)unpack_u(&in);
    i.price_points = unpack_i(&in);
    spent_unpack(arena, &in, &i.spent, &i.spent_n);
    i.value = unpack_i(&in);
    i.currency = unpack_str(&in);
    i.percent_basis_points = (int)unpack_u(&in);
    i.left = unpack_i(&in);
    i.min_spend = unpack_i(&in);
    i.combines = unpack_u(&in) != 0;
    i.used_at = unpack_i(&in);
    i.used_event = unpack_i(&in);
    i.pool = (int32_t)unpack_u(&in);
    i.pool_n = unpack_i(&in);
    i.store = unpack_str(&in);
    i.expires_at = unpack_at(&in);
    if (!unpack_done(&in)) {
        return ERR_INTEGRITY;
    }
    *out = i;
    return ERR_OK;
}
