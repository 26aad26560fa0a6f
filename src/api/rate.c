/* Rate limits: a token bucket per credential and class of routes. The HTTP thread's own. */
#include "base/base.h"
#include "api/api_internal.h"

enum { SLOTS = 4096, PROBES = 16, BURST_SECONDS = 2 };

/* Requests per second. Generous: they stop a runaway client, not a busy shop. */
static const int64_t PER_SECOND[RATE_CLASS_N] = {
    [RATE_OPEN] = 0, // not limited
    [RATE_EVENTS] = 50000, [RATE_READS] = 5000, [RATE_WRITES] = 5000, [RATE_HEAVY] = 100,
};

struct slot {
    int64_t credential; // 0: free
    int64_t at_us;      // of the last request
    struct {
        int64_t tokens; // millionths
        int64_t at_us;
    } buckets[RATE_CLASS_N];
};

struct api_rates {
    int64_t percent;
    struct slot slots[SLOTS];
};

struct api_rates *rates_open(struct arena *arena, int64_t percent)
{
    struct api_rates *rates = arena_new(arena, struct api_rates, 1);
    rates->percent = percent > 0 ? percent : 100;
    return rates;
}

/* The slot of a credential; where all are taken the one that was quiet the longest. */
static struct slot *slot_of(struct api_rates *rates, int64_t credential)
{
    const uint64_t hash = (uint64_t)credential * 0x9E3779B97F4A7C15u >> 40;
    struct slot *oldest = &rates->slots[hash % SLOTS];
    for (size_t i = 0; i < PROBES; i++) {
        struct slot *slot = &rates->slots[(hash + i) % SLOTS];
        if (slot->credential == credential || slot->credential == 0) {
            slot->credential = credential;
            return slot;
        }
        oldest = slot->at_us < oldest->at_us ? slot : oldest;
    }
    *oldest = (struct slot){.credential = credential};
    return oldest;
}

enum err rate_take(struct api_call *call)
{
    const enum rate_class class = call->route->rate;
    const int64_t rate = PER_SECOND[class] * call->api->rates->percent / 100;
    if (PER_SECOND[class] == 0) {
        return ERR_OK;
    }
    const int64_t per_second = int64_max(rate, 1);
    const int64_t full = per_second * BURST_SECONDS * 1000000;
    const int64_t now = call_us();
    struct slot *slot = slot_of(call->api->rates, call->credential.id);
    int64_t *tokens = &slot->buckets[class].tokens;
    int64_t *at = &slot->buckets[class].at_us;
    const int64_t passed = int64_min(now - *at, (int64_t)BURST_SECONDS * 1000000);
    *tokens = *at == 0 ? full : int64_min(full, *tokens + passed * per_second);
    *at = slot->at_us = now;
    if (*tokens >= 1000000) {
        *tokens -= 1000000;
        return ERR_OK;
    }
    call_header(call, STR("Retry-After"), STR("1"));
    call_header(call, STR("RateLimit-Limit"), str_fmt(call->arena, "%" PRId64, per_second));
    call_header(call, STR("RateLimit-Remaining"), STR("0"));
    call_header(call, STR("RateLimit-Reset"), STR("1"));
    return fail(&call->fail, ERR_RATE_LIMIT, "",
                "This key may send %" PRId64 " such requests a second: send them slower.",
                per_second);
}
