/* Tiers inside a decision: judged once its counters are booked. */
#include "base/base.h"
#include "core/decide.h"

#include "core/decide_internal.h"
#include "core/tier.h"

static void judge_set(struct deciding *d, const struct tier_set *set)
{
    const struct state *before = d->facts->state;
    const int32_t today = deciding_today(d);
    const enum event_class class = event_kind_class(d->event->kind);
    if (class == EVENT_CLASS_PURCHASE || class == EVENT_CLASS_PLAIN) {
        tier_after_event(d->arena, d->now, set, before, d->out->state, zone_day(d->now->zone, d->event->time), today);
    } else if (d->out->purchase != NULL && d->event->kind != EVENT_PURCHASE_COMPLETED) {
        tier_after_refund(d->now, set, before, d->out->state, today);
        // More content than before may also raise, on the purchase's own day or since.
        tier_after_event(d->arena, d->now, set, before, d->out->state,
                         zone_day(d->now->zone, d->out->purchase->content.time), today);
    }
}

void deciding_judge_tiers(struct deciding *d)
{
    for (size_t i = 0; i < d->now->tier_sets_n; i++) {
        judge_set(d, &d->now->tier_sets[i]);
    }
}
