/* The stored form of floors, periods kept, warnings and gifts: section 3 of a member's state; of
 * standings that a refund may bring back: section 40. */
#include "base/base.h"
#include "core/state_pack.h"

size_t state_tiers_n(const struct state *state)
{
    return state->floors_n + state->kept_n + state->warned_n + state->gifts_n +
           (state->last_tier_event != 0);
}

/* "Never" is 0 and takes one byte. */
static void pack_at(struct buf *out, int64_t at)
{
    pack_u(out, at == AT_NEVER ? 0 : (uint64_t)at + 1);
}

static int64_t unpack_at(struct unpack *in)
{
    const uint64_t value = unpack_u(in);
    in->is_bad |= value > (uint64_t)AT_MAX + 1;
    return value == 0 || in->is_bad ? AT_NEVER : (int64_t)(value - 1);
}

/* A day since 1970, 0 for DAY_TOTAL. */
static void pack_day(struct buf *out, int32_t day)
{
    pack_u(out, day == DAY_TOTAL ? 0 : (uint64_t)((int64_t)day + 1000000));
}

static int32_t unpack_day(struct unpack *in)
{
    const uint64_t day = unpack_u(in);
    in->is_bad |= day > 10000000;
    return day == 0 || in->is_bad ? DAY_TOTAL : (int32_t)((int64_t)day - 1000000);
}

void state_tiers_pack(struct buf *out, const struct state *state)
{
    pack_i(out, state->last_tier_event);
    pack_u(out, state->floors_n);
    for (size_t i = 0; i < state->floors_n; i++) {
        const struct tier_floor *f = &state->floors[i];
        pack_u(out, (uint64_t)f->set);
        pack_u(out, (uint64_t)f->tier);
        pack_u(out, (uint64_t)f->kind);
        pack_day(out, f->from_on);
        pack_at(out, f->until);
        pack_i(out, f->event);
        pack_u(out, (uint64_t)f->rule);
    }
    pack_u(out, state->kept_n);
    for (size_t i = 0; i < state->kept_n; i++) {
        pack_u(out, (uint64_t)state->kept[i].set);
        pack_u(out, (uint64_t)state->kept[i].tier);
        pack_u(out, (uint64_t)state->kept[i].periods);
    }
    pack_u(out, state->warned_n);
    for (size_t i = 0; i < state->warned_n; i++) {
        pack_u(out, (uint64_t)state->warned[i].set);
        pack_at(out, state->warned[i].valid_until);
    }
    pack_u(out, state->gifts_n);
    for (size_t i = 0; i < state->gifts_n; i++) {
        const struct tier_gift *g = &state->gifts[i];
        pack_u(out, (uint64_t)g->set);
        pack_u(out, (uint64_t)g->tier);
        pack_i(out, g->event);
        pack_u(out, (uint64_t)g->kind);
        pack_u(out, (uint64_t)g->symbol);
        pack_day(out, g->day);
        pack_i(out, g->value);
    }
}

static void unpack_floors(struct arena *arena, struct unpack *in, struct state *state)
{
    const size_t n = unpack_count(in, STATE_FLOORS_MAX);
    for (size_t i = 0; i < n && !in->is_bad; i++) {
        struct tier_floor f = {.set = (int32_t)unpack_u(in)};
        f.tier = (int32_t)unpack_u(in);
        const uint64_t kind = unpack_u(in);
        in->is_bad |= kind < FLOOR_MANUAL || kind > FLOOR_LIFETIME || f.set <= 0 || f.tier <= 0;
        f.kind = in->is_bad ? FLOOR_MANUAL : (enum tier_floor_kind)kind;
        f.from_on = unpack_day(in);
        f.until = unpack_at(in);
        f.event = unpack_i(in);
        f.rule = (int32_t)unpack_u(in);
        arena_room(arena, state->floors, state->floors_n, state->floors_max);
        state->floors[state->floors_n++] = f;
    }
}

static void unpack_gifts(struct arena *arena, struct unpack *in, struct state *state)
{
    const size_t n = unpack_count(in, STATE_GIFTS_MAX);
    for (size_t i = 0; i < n && !in->is_bad; i++) {
        struct tier_gift g = {.set = (int32_t)unpack_u(in)};
        g.tier = (int32_t)unpack_u(in);
        g.event = unpack_i(in);
        const uint64_t kind = unpack_u(in);
        in->is_bad |=
            kind < TIER_GIFT_POINTS || kind > TIER_GIFT_REWARD || g.set <= 0 || g.tier <= 0;
        g.kind = in->is_bad ? TIER_GIFT_POINTS : (enum tier_gift_kind)kind;
        g.symbol = (int32_t)unpack_u(in);
        g.day = unpack_day(in);
        g.value = unpack_i(in);
        arena_room(arena, state->gifts, state->gifts_n, state->gifts_max);
        state->gifts[state->gifts_n++] = g;
    }
}

void state_tiers_unpack(struct arena *arena, struct unpack *in, struct state *state)
{
    state->last_tier_event = unpack_i(in);
    unpack_floors(arena, in, state);
    size_t n = unpack_count(in, STATE_KEPT_MAX);
    for (size_t i = 0; i < n && !in->is_bad; i++) {
        struct tier_kept k = {.set = (int32_t)unpack_u(in)};
        k.tier = (int32_t)unpack_u(in);
        k.periods = (int32_t)unpack_u(in);
        in->is_bad |= k.set <= 0 || k.tier <= 0 || k.periods <= 0;
        arena_room(arena, state->kept, state->kept_n, state->kept_max);
        state->kept[state->kept_n++] = k;
    }
    n = unpack_count(in, STATE_KEPT_MAX);
    for (size_t i = 0; i < n && !in->is_bad; i++) {
        struct tier_warned w = {.set = (int32_t)unpack_u(in)};
        w.valid_until = unpack_at(in);
        arena_room(arena, state->warned, state->warned_n, state->warned_max);
        state->warned[state->warned_n++] = w;
    }
    unpack_gifts(arena, in, state);
}

size_t state_tiers_before_n(const struct state *state)
{
    return state->tiers_before_n;
}

void state_tiers_before_pack(struct buf *out, const struct state *state)
{
    pack_u(out, state->tiers_before_n);
    for (size_t i = 0; i < state->tiers_before_n; i++) {
        const struct tier_state *t = &state->tiers_before[i];
        pack_u(out, (uint64_t)t->set);
        pack_u(out, (uint64_t)t->tier);
        pack_day(out, t->reached_on);
        pack_day(out, t->valid_from);
        pack_day(out, t->met_on);
        pack_at(out, t->valid_until);
        pack_u(out, t->is_renewed);
        pack_u(out, (uint64_t)t->before_tier);
        pack_at(out, t->before_valid_until);
    }
}

void state_tiers_before_unpack(struct arena *arena, struct unpack *in, struct state *state)
{
    const size_t n = unpack_count(in, STATE_TIERS_BEFORE_MAX);
    for (size_t i = 0; i < n && !in->is_bad; i++) {
        struct tier_state t = {.set = (int32_t)unpack_u(in), .lost_valid_until = AT_NEVER};
        t.tier = (int32_t)unpack_u(in);
        t.reached_on = unpack_day(in);
        t.valid_from = unpack_day(in);
        t.met_on = unpack_day(in);
        t.valid_until = unpack_at(in);
        t.is_renewed = unpack_u(in) != 0;
        t.before_tier = (int32_t)unpack_u(in);
        t.before_valid_until = unpack_at(in);
        in->is_bad |= t.set <= 0 || t.tier <= 0 || t.before_tier < 0;
        arena_room(arena, state->tiers_before, state->tiers_before_n, state->tiers_before_max);
        state->tiers_before[state->tiers_before_n++] = t;
    }
}
