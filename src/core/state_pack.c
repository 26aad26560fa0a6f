/* A member's state as stored: format 1; format 2 with sections after it; format 3, which is
 * written, with a sum at the end, so that bytes that were turned over on the disk are found when
 * they are read. */
#include "base/base.h"
#include "core/state.h"

#include "core/state_pack.h"

#include "base/id.h"
#include "base/pack.h"

#include <sodium.h>

enum {
    STATE_FORMAT = 1,          // also of chunks
    STATE_FORMAT_SECTIONS = 2, // the same, then sections
    STATE_FORMAT_SUMMED = 3,   // the same (of a chunk: as format 1), then SUM_BYTES; also of chunks
    SUM_BYTES = 8,
    LIST_MAX = 1000000,
    LOT_IS_ORDER = 1,
    LOT_HAS_DATES = 2, // activates_at, voids_at or own_end_at are set
    LOT_HAS_MATCH = 4,
    LOT_IS_SLIDING = 8,
    LOT_NEVER_EXPIRES = 16,
};

/* Instants are stored as one more than themselves, so that "never" is 0 and takes one byte. */
static void pack_at(struct buf *out, int64_t at)
{
    pack_u(out, at == AT_NEVER ? 0 : ((uint64_t)at << 1 ^ (uint64_t)(at >> 63)) + 1);
}

static int64_t unpack_at(struct unpack *in)
{
    const uint64_t value = unpack_u(in);
    if (value == 0) {
        return AT_NEVER;
    }
    return (int64_t)((value - 1) >> 1) ^ -(int64_t)((value - 1) & 1);
}

static void pack_lot(struct buf *out, const struct lot *lot)
{
    const bool has_dates =
        lot->activates_at != AT_NEVER || lot->voids_at != AT_NEVER || lot->own_end_at != AT_NEVER;
    const bool never = lot->expires_at == AT_NEVER;
    pack_u(out, (lot->is_order ? LOT_IS_ORDER : 0u) | (has_dates ? LOT_HAS_DATES : 0u) |
                    (lot->match_type != 0 ? LOT_HAS_MATCH : 0u) |
                    (lot->sliding_months > 0 ? LOT_IS_SLIDING : 0u) |
                    (never ? LOT_NEVER_EXPIRES : 0u));
    pack_i(out, lot->event);
    pack_i(out, lot->id - lot->event); // drawn together, so small
    pack_i(out, (lot->event >> (ID_PROCESS_BITS + ID_COUNTER_BITS)) + ID_EPOCH_MS - lot->earned_at);
    pack_u(out, (uint64_t)lot->wallet);
    pack_u(out, (uint64_t)lot->version);
    pack_u(out, (uint64_t)lot->pending);
    pack_u(out, (uint64_t)lot->active);
    pack_u(out, (uint64_t)lot->expired);
    if (!never) {
        pack_i(out, lot->expires_at / MS_PER_MIN - lot->earned_at / MS_PER_MIN);
        pack_u(out, (uint64_t)(lot->expires_at % MS_PER_MIN + MS_PER_MIN) % MS_PER_MIN);
    }
    if (has_dates) {
        pack_at(out, lot->activates_at);
        pack_at(out, lot->voids_at);
        pack_at(out, lot->own_end_at);
    }
    if (lot->match_type != 0) {
        pack_u(out, (uint64_t)lot->match_type);
        pack_u(out, lot->match);
    }
    if (lot->sliding_months > 0) {
        pack_u(out, (uint64_t)lot->sliding_months);
    }
}

/* Bytes that we did not write may say anything; sums of it must not be undefined. */
static int64_t sum(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static bool is_instant(int64_t at)
{
    return at >= AT_MIN && at <= AT_MAX;
}

static void unpack_lot(struct unpack *in, struct lot *lot)
{
    const uint64_t flags = unpack_u(in);
    lot->is_order = (flags & LOT_IS_ORDER) != 0;
    lot->event = unpack_i(in);
    lot->id = sum(lot->event, unpack_i(in));
    const int64_t drawn_at = (lot->event >> (ID_PROCESS_BITS + ID_COUNTER_BITS)) + ID_EPOCH_MS;
    lot->earned_at = (int64_t)((uint64_t)drawn_at - (uint64_t)unpack_i(in));
    lot->wallet = (int32_t)unpack_u(in);
    lot->version = (int32_t)unpack_u(in);
    lot->pending = (int64_t)unpack_u(in);
    lot->active = (int64_t)unpack_u(in);
    lot->expired = (int64_t)unpack_u(in);
    lot->expires_at = lot->activates_at = lot->voids_at = lot->own_end_at = AT_NEVER;
    if ((flags & LOT_NEVER_EXPIRES) == 0) {
        const int64_t minute = sum(unpack_i(in), lot->earned_at / MS_PER_MIN);
        const int64_t rest = (int64_t)unpack_u(in);
        if (!is_instant(lot->earned_at) || minute > AT_MAX / MS_PER_MIN ||
            minute < AT_MIN / MS_PER_MIN || rest < 0 || rest >= MS_PER_MIN) {
            in->is_bad = true;
            return;
        }
        // C's division truncates: a negative instant's minute was rounded up, and its rest is taken
        // off again.
        lot->expires_at = minute * MS_PER_MIN + rest - (minute < 0 && rest > 0 ? MS_PER_MIN : 0);
    }
    if ((flags & LOT_HAS_DATES) != 0) {
        lot->activates_at = unpack_at(in);
        lot->voids_at = unpack_at(in);
        lot->own_end_at = unpack_at(in);
    }
    if ((flags & LOT_HAS_MATCH) != 0) {
        lot->match_type = (int32_t)unpack_u(in);
        lot->match = unpack_u(in);
    }
    if ((flags & LOT_IS_SLIDING) != 0) {
        lot->sliding_months = (int32_t)unpack_u(in);
    }
    in->is_bad |=
        lot->id <= 0 || lot->wallet <= 0 || lot->pending < 0 || lot->active < 0 || lot->expired < 0;
}

static void pack_counter(struct buf *out, const struct counter *counter)
{
    pack_u(out, (uint64_t)counter->symbol);
    pack_u(out, counter->day == DAY_TOTAL ? 0 : ((uint64_t)((int64_t)counter->day + 1000000)));
    pack_i(out, counter->value);
}

static void unpack_counter(struct unpack *in, struct counter *counter)
{
    counter->symbol = (int32_t)unpack_u(in);
    const uint64_t day = unpack_u(in);
    in->is_bad |= day > 10000000 || counter->symbol <= 0;
    counter->day = day == 0 ? DAY_TOTAL : (int32_t)((int64_t)day - 1000000);
    counter->value = unpack_i(in);
}

static void pack_tier(struct buf *out, const struct tier_state *tier)
{
    pack_u(out, (uint64_t)tier->set);
    pack_u(out, (uint64_t)tier->tier);
    pack_i(out, tier->reached_on);
    pack_i(out, tier->valid_from);
    pack_i(out, tier->met_on);
    pack_at(out, tier->valid_until);
    pack_u(out, tier->is_renewed);
    pack_u(out, (uint64_t)tier->before_tier);
    pack_at(out, tier->before_valid_until);
    pack_u(out, (uint64_t)tier->lost_tier);
    if (tier->lost_tier != 0) {
        pack_i(out, tier->lost_from);
        pack_i(out, tier->lost_through);
        pack_at(out, tier->lost_valid_until);
    }
}

static void unpack_tier(struct unpack *in, struct tier_state *tier)
{
    tier->set = (int32_t)unpack_u(in);
    tier->tier = (int32_t)unpack_u(in);
    tier->reached_on = (int32_t)unpack_i(in);
    tier->valid_from = (int32_t)unpack_i(in);
    tier->met_on = (int32_t)unpack_i(in);
    tier->valid_until = unpack_at(in);
    tier->is_renewed = unpack_u(in) != 0;
    tier->before_tier = (int32_t)unpack_u(in);
    tier->before_valid_until = unpack_at(in);
    tier->lost_tier = (int32_t)unpack_u(in);
    tier->lost_valid_until = AT_NEVER;
    if (tier->lost_tier != 0) {
        tier->lost_from = (int32_t)unpack_i(in);
        tier->lost_through = (int32_t)unpack_i(in);
        tier->lost_valid_until = unpack_at(in);
    }
}

static void pack_distincts(struct buf *out, const struct state *state)
{
    pack_u(out, state->distincts_n);
    for (size_t i = 0; i < state->distincts_n; i++) {
        const struct distinct *d = &state->distincts[i];
        pack_u(out, (uint64_t)d->symbol);
        pack_u(out, d->day == DAY_TOTAL ? 0 : ((uint64_t)((int64_t)d->day + 1000000)));
        buf_add(out, &d->value, sizeof d->value);
        pack_u(out, (uint64_t)d->n);
    }
}

static void unpack_distincts(struct arena *arena, struct unpack *in, struct state *state)
{
    const size_t n = unpack_count(in, STATE_DISTINCTS_MAX);
    for (size_t i = 0; i < n && !in->is_bad; i++) {
        struct distinct d = {.symbol = (int32_t)unpack_u(in)};
        const uint64_t day = unpack_u(in);
        const unsigned char *value = unpack_bytes(in, sizeof d.value);
        d.n = (int64_t)unpack_u(in);
        in->is_bad |= day > 10000000 || value == NULL || d.n <= 0;
        if (!in->is_bad) {
            d.day = day == 0 ? DAY_TOTAL : (int32_t)((int64_t)day - 1000000);
            memcpy(&d.value, value, sizeof d.value);
            arena_room(arena, state->distincts, state->distincts_n, state->distincts_max);
            state->distincts[state->distincts_n++] = d;
        }
    }
}

static void pack_rewards(struct buf *out, const struct state *state)
{
    pack_i(out, state->last_reward);
    pack_u(out, state->is_auto_off);
    pack_u(out, state->rewards_n);
    for (size_t i = 0; i < state->rewards_n; i++) {
        const struct open_reward *r = &state->rewards[i];
        pack_i(out, r->id);
        pack_i(out, r->event);
        pack_u(out, (uint64_t)r->reward);
        pack_at(out, r->expires_at);
    }
}

static void unpack_rewards(struct arena *arena, struct unpack *in, struct state *state)
{
    state->last_reward = unpack_i(in);
    state->is_auto_off = unpack_u(in) != 0;
    const size_t n = unpack_count(in, STATE_REWARDS_HELD_MAX);
    for (size_t i = 0; i < n && !in->is_bad; i++) {
        struct open_reward r = {.id = unpack_i(in)};
        r.event = unpack_i(in);
        r.reward = (int32_t)unpack_u(in);
        r.expires_at = unpack_at(in);
        in->is_bad |= r.id <= 0 || r.reward <= 0;
        arena_room(arena, state->rewards, state->rewards_n, state->rewards_max);
        state->rewards[state->rewards_n++] = r;
    }
}

static size_t has_rewards(const struct state *state)
{
    return state->rewards_n > 0 || state->last_reward != 0 || state->is_auto_off;
}

static size_t distincts_n(const struct state *state)
{
    return state->distincts_n;
}

/* What format 1 does not have: a tag and a list each, then the tag 0. Tags are stored: append only.
 */
static const struct section {
    uint64_t tag;
    size_t (*count)(const struct state *state);
    void (*pack)(struct buf *out, const struct state *state);
    void (*unpack)(struct arena *arena, struct unpack *in, struct state *state);
} SECTIONS[] = {
    {1, distincts_n, pack_distincts, unpack_distincts},
    {2, has_rewards, pack_rewards, unpack_rewards},
    {3, state_tiers_n, state_tiers_pack, state_tiers_unpack},
    {5, state_moments_old_n, state_moments_pack, state_moments_old_unpack},
    {8, state_moments_n, state_moments_pack, state_moments_unpack},
    {6, state_subscriptions_n, state_subscriptions_pack, state_subscriptions_unpack},
    {7, state_stays_n, state_stays_pack, state_stays_unpack},
    {20, state_referral_n, state_referral_pack, state_referral_unpack},
    {30, state_card_n, state_card_pack, state_card_unpack},
    {40, state_tiers_before_n, state_tiers_before_pack, state_tiers_before_unpack},
};

static void pack_sections(struct buf *out, const struct state *state)
{
    for (size_t i = 0; i < ARRAY_N(SECTIONS); i++) {
        if (SECTIONS[i].count(state) > 0) {
            pack_u(out, SECTIONS[i].tag);
            SECTIONS[i].pack(out, state);
        }
    }
    pack_u(out, 0);
}

static void unpack_sections(struct arena *arena, struct unpack *in, struct state *state)
{
    bool is_read[ARRAY_N(SECTIONS)] = {false};
    for (uint64_t tag = unpack_u(in); tag != 0 && !in->is_bad; tag = unpack_u(in)) {
        size_t i = 0;
        while (i < ARRAY_N(SECTIONS) && SECTIONS[i].tag != tag) {
            i++;
        }
        if (i == ARRAY_N(SECTIONS) || is_read[i]) {
            in->is_bad = true; // of a newer release, or twice
            return;
        }
        is_read[i] = true;
        SECTIONS[i].unpack(arena, in, state);
    }
}

/* Of the record's place too, so that a record does not pass for another's. It guards against
 * accidents; against people there are the chains. */
static void sum_of(int64_t member, int64_t place, struct str record, unsigned char out[SUM_BYTES])
{
    unsigned char key[crypto_shorthash_KEYBYTES];
    _Static_assert(crypto_shorthash_BYTES == SUM_BYTES && sizeof key == 2 * sizeof member,
                   "SipHash-2-4");
    memcpy(key, &member, sizeof member);
    memcpy(key + sizeof member, &place, sizeof place);
    (void)crypto_shorthash(out, (const unsigned char *)record.p, record.n, key); // always 0
}

static void pack_sum(struct buf *out, size_t from, int64_t member, int64_t place)
{
    unsigned char sum[SUM_BYTES];
    if (!out->is_full) {
        sum_of(member, place, (struct str){.p = out->p + from, .n = out->n - from}, sum);
        buf_add(out, sum, SUM_BYTES);
    }
}

/* The record without its sum; false where it is not the one that was written. */
static bool unpack_sum(int64_t member, int64_t place, struct str bytes, struct str *record)
{
    unsigned char sum[SUM_BYTES];
    *record = bytes;
    if (bytes.n == 0 || bytes.p[0] != STATE_FORMAT_SUMMED) {
        return true; // written before there were sums
    }
    if (bytes.n <= SUM_BYTES) {
        return false;
    }
    record->n -= SUM_BYTES;
    sum_of(member, place, *record, sum);
    return memcmp(sum, bytes.p + record->n, SUM_BYTES) == 0;
}

static int64_t place_of_chunk(enum chunk_kind kind, int32_t number)
{
    return (int64_t)number * 4 + kind;
}

static void pack_head(struct buf *out, const struct state *state)
{
    pack_u(out, STATE_FORMAT_SUMMED);
    pack_i(out, state->enrolled_at);
    pack_i(out, state->last_event);
    pack_i(out, state->last_transfer);
    pack_u(out, (uint64_t)state->transfers_n);
    if (state->transfers_n > 0) {
        buf_add(out, state->chain, HASH_BYTES);
    }
    pack_at(out, state->activity_at == AT_MIN ? AT_NEVER : state->activity_at);
    pack_at(out, state->timer_at);
    pack_u(out, state->is_suspended);
    pack_u(out, (uint64_t)state->lot_chunks_n);
    pack_at(out, state->cold_due_at);
    pack_u(out, (uint64_t)state->counter_chunks_n);
    if (state->counter_chunks_n > 0) {
        pack_i(out, state->cold_through_day);
    }
}

static void unpack_head(struct unpack *in, struct state *state, bool *has_more)
{
    const uint64_t format = unpack_u(in);
    in->is_bad |= format < STATE_FORMAT || format > STATE_FORMAT_SUMMED;
    *has_more = format >= STATE_FORMAT_SECTIONS;
    state->enrolled_at = unpack_i(in);
    state->last_event = unpack_i(in);
    state->last_transfer = unpack_i(in);
    state->transfers_n = (int64_t)unpack_u(in);
    if (state->transfers_n > 0) {
        const unsigned char *hash = unpack_bytes(in, HASH_BYTES);
        if (hash != NULL) {
            memcpy(state->chain, hash, HASH_BYTES);
        }
    }
    state->activity_at = unpack_at(in);
    state->activity_at = state->activity_at == AT_NEVER ? AT_MIN : state->activity_at;
    state->timer_at = unpack_at(in);
    state->is_suspended = unpack_u(in) != 0;
    state->lot_chunks_n = (int32_t)unpack_u(in);
    state->cold_due_at = unpack_at(in);
    state->counter_chunks_n = (int32_t)unpack_u(in);
    state->cold_through_day = state->counter_chunks_n > 0 ? (int32_t)unpack_i(in) : DAY_TOTAL;
    state->lots_loaded = state->lot_chunks_n == 0;
    state->counters_loaded = state->counter_chunks_n == 0;
}

static size_t lots_in(const struct state *state, int32_t chunk)
{
    size_t n = 0;
    for (size_t i = 0; i < state->lots_n; i++) {
        n += state->lots[i].chunk == chunk;
    }
    return n;
}

static size_t counters_in(const struct state *state, int32_t chunk)
{
    size_t n = 0;
    for (size_t i = 0; i < state->counters_n; i++) {
        n += state->counters[i].chunk == chunk;
    }
    return n;
}

static void pack_lots(struct buf *out, const struct state *state, int32_t chunk)
{
    pack_u(out, lots_in(state, chunk));
    for (size_t i = 0; i < state->lots_n; i++) {
        if (state->lots[i].chunk == chunk) {
            pack_lot(out, &state->lots[i]);
        }
    }
}

static void pack_counters(struct buf *out, const struct state *state, int32_t chunk)
{
    pack_u(out, counters_in(state, chunk));
    for (size_t i = 0; i < state->counters_n; i++) {
        if (state->counters[i].chunk == chunk) {
            pack_counter(out, &state->counters[i]);
        }
    }
}

void state_pack(struct buf *out, const struct state *state)
{
    const size_t from = out->n;
    pack_head(out, state);
    pack_u(out, state->balances_n);
    for (size_t i = 0; i < state->balances_n; i++) {
        pack_u(out, (uint64_t)state->balances[i].wallet);
        pack_u(out, (uint64_t)state->balances[i].active);
        pack_u(out, (uint64_t)state->balances[i].pending);
        pack_u(out, (uint64_t)state->balances[i].debt);
    }
    pack_lots(out, state, 0);
    pack_u(out, state->remainders_n);
    for (size_t i = 0; i < state->remainders_n; i++) {
        pack_u(out, (uint64_t)state->remainders[i].symbol);
        pack_u(out, (uint64_t)state->remainders[i].value);
        pack_u(out, (uint64_t)state->remainders[i].points);
        pack_u(out, (uint64_t)state->remainders[i].per_amount);
    }
    pack_counters(out, state, 0);
    pack_u(out, state->tiers_n);
    for (size_t i = 0; i < state->tiers_n; i++) {
        pack_tier(out, &state->tiers[i]);
    }
    pack_u(out, state->orders_n);
    for (size_t i = 0; i < state->orders_n; i++) {
        pack_i(out, state->orders[i].event);
        pack_at(out, state->orders[i].voids_at);
    }
    pack_u(out, state->next_expiries_n);
    for (size_t i = 0; i < state->next_expiries_n; i++) {
        pack_u(out, (uint64_t)state->next_expiries[i].wallet);
        pack_at(out, state->next_expiries[i].at);
        pack_u(out, (uint64_t)state->next_expiries[i].points);
    }
    pack_sections(out, state);
    pack_sum(out, from, state->member, 0);
}

static void unpack_lots(struct arena *arena, struct unpack *in, struct state *state, int32_t chunk)
{
    const size_t n = unpack_count(in, LIST_MAX);
    for (size_t i = 0; i < n && !in->is_bad; i++) {
        struct lot lot = {.chunk = chunk};
        unpack_lot(in, &lot);
        if (!in->is_bad) {
            (void)state_lot_add(arena, state,
                                lot); // returns where it stands, which nobody needs here
        }
    }
}

static void unpack_counters(struct arena *arena, struct unpack *in, struct state *state,
                            int32_t chunk)
{
    const size_t n = unpack_count(in, LIST_MAX);
    for (size_t i = 0; i < n && !in->is_bad; i++) {
        struct counter counter = {.chunk = chunk};
        unpack_counter(in, &counter);
        arena_room(arena, state->counters, state->counters_n, state->counters_max);
        state->counters[state->counters_n++] = counter;
    }
}

static void unpack_balances(struct arena *arena, struct unpack *in, struct state *state)
{
    const size_t n = unpack_count(in, LIST_MAX);
    for (size_t i = 0; i < n && !in->is_bad; i++) {
        struct balance b = {.wallet = (int32_t)unpack_u(in)};
        b.active = (int64_t)unpack_u(in);
        b.pending = (int64_t)unpack_u(in);
        b.debt = (int64_t)unpack_u(in);
        in->is_bad |= b.wallet <= 0 || b.active < 0 || b.pending < 0 || b.debt < 0;
        arena_room(arena, state->balances, state->balances_n, state->balances_max);
        state->balances[state->balances_n++] = b;
    }
}

static void unpack_remainders(struct arena *arena, struct unpack *in, struct state *state)
{
    const size_t n = unpack_count(in, LIST_MAX);
    for (size_t i = 0; i < n && !in->is_bad; i++) {
        struct remainder r = {.symbol = (int32_t)unpack_u(in)};
        r.value = (int64_t)unpack_u(in);
        r.points = (int64_t)unpack_u(in);
        r.per_amount = (int64_t)unpack_u(in);
        in->is_bad |= r.value < 0 || r.value >= r.per_amount;
        arena_room(arena, state->remainders, state->remainders_n, state->remainders_max);
        state->remainders[state->remainders_n++] = r;
    }
}

static void unpack_rest(struct arena *arena, struct unpack *in, struct state *state)
{
    size_t n = unpack_count(in, LIST_MAX);
    for (size_t i = 0; i < n && !in->is_bad; i++) {
        arena_room(arena, state->tiers, state->tiers_n, state->tiers_max);
        unpack_tier(in, &state->tiers[state->tiers_n++]);
    }
    n = unpack_count(in, STATE_ORDERS_MAX);
    for (size_t i = 0; i < n && !in->is_bad; i++) {
        arena_room(arena, state->orders, state->orders_n, state->orders_max);
        struct order *order = &state->orders[state->orders_n++];
        order->event = unpack_i(in);
        order->voids_at = unpack_at(in);
    }
    n = unpack_count(in, LIST_MAX);
    for (size_t i = 0; i < n && !in->is_bad; i++) {
        arena_room(arena, state->next_expiries, state->next_expiries_n, state->next_expiries_max);
        struct next_expiry *next = &state->next_expiries[state->next_expiries_n++];
        next->wallet = (int32_t)unpack_u(in);
        next->at = unpack_at(in);
        next->points = (int64_t)unpack_u(in);
    }
}

enum err state_unpack(struct arena *arena, int64_t member, int64_t version, struct str bytes,
                      struct state *out)
{
    struct state state;
    struct str record;
    if (!unpack_sum(member, 0, bytes, &record)) {
        return ERR_INTEGRITY;
    }
    struct unpack in = unpack_open(record);
    state_open(arena, member, 0, &state);
    state.version = version;
    bool has_more = false;
    unpack_head(&in, &state, &has_more);
    unpack_balances(arena, &in, &state);
    unpack_lots(arena, &in, &state, 0);
    unpack_remainders(arena, &in, &state);
    unpack_counters(arena, &in, &state, 0);
    unpack_rest(arena, &in, &state);
    if (has_more) {
        unpack_sections(arena, &in, &state);
    }
    if (!unpack_done(&in)) {
        return ERR_INTEGRITY;
    }
    *out = state;
    return ERR_OK;
}

void state_chunk_pack(struct buf *out, const struct state *state, enum chunk_kind kind,
                      int32_t number)
{
    ensure(number > 0);
    const size_t from = out->n;
    pack_u(out, STATE_FORMAT_SUMMED);
    switch (kind) {
    case CHUNK_LOTS:
        pack_lots(out, state, number);
        break;
    case CHUNK_COUNTERS:
        pack_counters(out, state, number);
        break;
    }
    pack_sum(out, from, state->member, place_of_chunk(kind, number));
}

enum err state_chunk_unpack(struct arena *arena, struct state *state, enum chunk_kind kind,
                            int32_t number, struct str bytes)
{
    struct str record;
    if (!unpack_sum(state->member, place_of_chunk(kind, number), bytes, &record)) {
        return ERR_INTEGRITY;
    }
    struct unpack in = unpack_open(record);
    const uint64_t format = unpack_u(&in);
    in.is_bad |= format != STATE_FORMAT && format != STATE_FORMAT_SUMMED;
    switch (kind) {
    case CHUNK_LOTS:
        unpack_lots(arena, &in, state, number);
        break;
    case CHUNK_COUNTERS:
        unpack_counters(arena, &in, state, number);
        break;
    }
    return unpack_done(&in) ? ERR_OK : ERR_INTEGRITY;
}
