/* The stored form of subscriptions: section 6 of a member's state. */
#include "base/base.h"
#include "core/state_pack.h"

size_t state_subscriptions_n(const struct state *state)
{
    return state->subscriptions_n;
}

void state_subscriptions_pack(struct buf *out, const struct state *state)
{
    pack_u(out, state->subscriptions_n);
    for (size_t i = 0; i < state->subscriptions_n; i++) {
        const struct subscription *s = &state->subscriptions[i];
        buf_add(out, &s->key, sizeof s->key);
        pack_u(out, (uint64_t)s->number);
        pack_i(out, s->opened_by);
        pack_i(out, s->changed_at);
        pack_str(out, s->plan);
        pack_u(out, (uint64_t)s->state);
        pack_u(out, s->is_started);
        pack_i(out, s->start_on);
        pack_i(out, s->paused_on);
        const int32_t counts[] = {s->judged, s->kept, s->lost_from, s->lost_through,
                                  s->credit, s->owed, s->ready};
        for (size_t k = 0; k < ARRAY_N(counts); k++) {
            pack_u(out, (uint64_t)counts[k]);
        }
        pack_i(out, s->ready_at);
    }
}

static int32_t unpack_months(struct unpack *in)
{
    const uint64_t n = unpack_u(in);
    in->is_bad |= n > SUBSCRIPTION_MONTHS_MAX * 2;
    return in->is_bad ? 0 : (int32_t)n;
}

static int32_t unpack_day(struct unpack *in)
{
    const int64_t day = unpack_i(in);
    in->is_bad |= day < AT_MIN / MS_PER_DAY || day > AT_MAX / MS_PER_DAY;
    return in->is_bad ? 0 : (int32_t)day;
}

static int64_t unpack_instant(struct unpack *in)
{
    const int64_t at = unpack_i(in);
    in->is_bad |= at < AT_MIN || at > AT_MAX;
    return in->is_bad ? 0 : at;
}

void state_subscriptions_unpack(struct arena *arena, struct unpack *in, struct state *state)
{
    const size_t n = unpack_count(in, STATE_SUBSCRIPTIONS_MAX);
    for (size_t i = 0; i < n && !in->is_bad; i++) {
        struct subscription s = {0};
        const unsigned char *key = unpack_bytes(in, sizeof s.key);
        if (key != NULL) {
            memcpy(&s.key, key, sizeof s.key);
        }
        s.number = (int32_t)unpack_u(in);
        s.opened_by = unpack_i(in);
        s.changed_at = unpack_instant(in);
        s.plan = unpack_str(in);
        const uint64_t kind = unpack_u(in);
        in->is_bad |= kind < SUBSCRIPTION_ACTIVE || kind > SUBSCRIPTION_CANCELLED || s.number <= 0;
        s.state = in->is_bad ? SUBSCRIPTION_CANCELLED : (enum subscription_state)kind;
        s.is_started = unpack_u(in) != 0;
        s.start_on = unpack_day(in);
        s.paused_on = unpack_day(in);
        int32_t *const counts[] = {&s.judged, &s.kept, &s.lost_from, &s.lost_through,
                                   &s.credit, &s.owed, &s.ready};
        for (size_t k = 0; k < ARRAY_N(counts); k++) {
            *counts[k] = unpack_months(in);
        }
        s.ready_at = unpack_instant(in);
        arena_room(arena, state->subscriptions, state->subscriptions_n, state->subscriptions_max);
        state->subscriptions[state->subscriptions_n++] = s;
    }
}
