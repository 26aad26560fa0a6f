/* Tiers inside a decision: judged once its counters are booked; given by hand; ended and warned of by the clock. */
#include "base/base.h"
#include "core/decide.h"

#include "core/decide_internal.h"
#include "core/tier.h"

static const char *const WHYS[] = {
    "", "entered", "renewed", "downgraded", "refund", "restored", "manual", "gift", "lifetime", "ended",
};
_Static_assert(ARRAY_N(WHYS) == WHYS_N, "one slug per reason");

struct str tier_why_slug(enum tier_why why)
{
    ensure((size_t)why < ARRAY_N(WHYS));
    return str_c(WHYS[why]);
}

/* One more step of the member's history in a set, from the rank they had. */
static void note_change(struct deciding *d, const struct tier_set *set, size_t from, enum tier_why why)
{
    struct answer *answer = &d->out->answer;
    ensure(why != WHY_UNCHANGED);
    arena_room(d->arena, answer->tier_changes, answer->tier_changes_n, answer->tier_changes_max);
    answer->tier_changes[answer->tier_changes_n++] = (struct tier_change){
        .set = set->symbol,
        .from = set->tiers[from].symbol,
        .to = set->tiers[tier_rank(set, d->out->state)].symbol,
        .why = why,
        .valid_until = tier_valid_until(set, d->out->state),
    };
}

static struct tier_judging judging_of(const struct deciding *d, const struct tier_set *set)
{
    return (struct tier_judging){
        .arena = d->arena,
        .program = d->now,
        .set = set,
        .before = d->facts->state,
        .state = d->out->state,
        .today = deciding_today(d),
    };
}

static void note_lifetime(struct deciding *d, const struct tier_set *set)
{
    note_change(d, set, tier_rank(set, d->out->state), WHY_LIFETIME);
}

/* ---- after an event ---- */

static enum err judge_event(struct deciding *d, const struct tier_set *set, int32_t day)
{
    const struct tier_judging judging = judging_of(d, set);
    const size_t from = tier_rank(set, d->out->state);
    struct tier_judged judged;
    try(tier_after_event(&judging, day, &judged));
    if (tier_rank(set, d->out->state) != from) {
        note_change(d, set, from, judged.why);
    }
    if (judged.is_lifetime) {
        note_lifetime(d, set);
    }
    return ERR_OK;
}

static enum err judge_refund(struct deciding *d, const struct tier_set *set)
{
    const struct tier_judging judging = judging_of(d, set);
    const size_t from = tier_rank(set, d->out->state);
    try(tier_after_refund(&judging));
    if (tier_rank(set, d->out->state) != from) {
        note_change(d, set, from, WHY_REFUNDED);
    }
    // More content than before may also raise, on the purchase's own day or since.
    return judge_event(d, set, zone_day(d->now->zone, d->out->purchase->content.time));
}

static enum err judge_set(struct deciding *d, const struct tier_set *set)
{
    const enum event_class class = event_kind_class(d->event->kind);
    if (class == EVENT_CLASS_PURCHASE || class == EVENT_CLASS_PLAIN) {
        return judge_event(d, set, zone_day(d->now->zone, d->event->time));
    }
    const bool is_refund = d->out->purchase != NULL && d->event->kind != EVENT_PURCHASE_COMPLETED;
    return is_refund ? judge_refund(d, set) : ERR_OK;
}

enum err deciding_judge_tiers(struct deciding *d)
{
    for (size_t i = 0; i < d->now->tier_sets_n; i++) {
        try(judge_set(d, &d->now->tier_sets[i]));
    }
    return ERR_OK;
}

/* ---- by hand ---- */

enum err decide_tier_granted(struct deciding *d)
{
    const json_t *data = d->event->data;
    const struct tier_set *set = program_tier_set(d->now, json_str(json_at(data, "set")));
    const int rank = set != NULL ? tier_set_rank(set, json_str(json_at(data, "tier"))) : -1;
    int64_t until = AT_NEVER;
    if (rank < 0 || (json_at(data, "until") != NULL && !instant_read(json_str(json_at(data, "until")), &until))) {
        return deciding_refuse(d, REASON_UNKNOWN_TIER);
    }
    const size_t from = tier_rank(set, d->out->state);
    const struct tier_floor floor = {
        .set = set->symbol,
        .tier = rank > 0 ? set->tiers[rank].symbol : 0, // the lowest is nobody's floor: it takes back what was given
        .kind = FLOOR_MANUAL,
        .from_on = deciding_today(d),
        .until = until,
        .event = d->booking.event,
    };
    try(tier_floor_add(d->arena, d->out->state, floor));
    note_change(d, set, from, WHY_MANUAL);
    return ERR_OK;
}

/* ---- by the clock ---- */

int64_t deciding_tiers_due(const struct program *program, const struct state *state)
{
    int64_t due = AT_NEVER;
    for (size_t i = 0; i < program->tier_sets_n; i++) {
        const struct tier_set *set = &program->tier_sets[i];
        due = int64_min(due, int64_min(tier_due(program, set, state), tier_floor_due(set, state)));
        due = int64_min(due, tier_warn_due(program, set, state));
    }
    return due;
}

/* What the clock's event says: the set, the tier at stake, and for a warning what would be left and when. */
static const json_t *clock_data(struct deciding *d, const struct tier_set *set, bool is_warning)
{
    const struct state *state = d->out->state;
    const struct str tier = set->tiers[tier_rank(set, state)].slug;
    struct arena *before = json_arena_set(d->arena);
    json_t *data = json_pack("{s:s%, s:s%}", "set", set->slug.p, (int)set->slug.n, "tier", tier.p, (int)tier.n);
    if (is_warning) {
        const struct str next = set->tiers[tier_rank_at_end(d->now, set, state)].slug;
        char at[INSTANT_BYTES + 1];
        instant_write(tier_valid_until(set, state), at);
        const int err = json_object_update_new(data, json_pack("{s:s%, s:s}", "next", next.p, (int)next.n, "valid_until", at));
        ensure(err == 0);
    }
    (void)json_arena_set(before);
    return data;
}

static enum err end_period(struct deciding *d, const struct tier_set *set, int64_t due)
{
    const struct tier_judging judging = judging_of(d, set);
    const size_t from = tier_rank(set, d->out->state);
    struct tier_judged judged = {.why = WHY_ENDED};
    const bool is_judged = tier_due(d->now, set, d->out->state) <= due;
    tier_floor_end(set, d->out->state, due);
    if (is_judged) {
        try(tier_end_period(&judging, &judged));
    }
    int64_t until = AT_NEVER;
    const bool is_theirs = tier_earned(set, d->out->state, &until) == from; // below a floor a renewal is no news
    if (tier_rank(set, d->out->state) != from || (judged.why == WHY_RENEWED && is_theirs)) {
        note_change(d, set, from, judged.why);
    }
    if (judged.is_lifetime) {
        note_lifetime(d, set);
    }
    return ERR_OK;
}

enum err deciding_run_tiers(struct deciding *d, struct event *event, int64_t due)
{
    for (size_t i = 0; i < d->now->tier_sets_n; i++) {
        const struct tier_set *set = &d->now->tier_sets[i];
        const struct state *state = d->out->state;
        if (tier_due(d->now, set, state) <= due || tier_floor_due(set, state) <= due) {
            event->kind = EVENT_TIER_PERIOD_ENDED;
            event->data = clock_data(d, set, false);
            return end_period(d, set, due);
        }
        if (tier_warn_due(d->now, set, state) <= due) {
            event->kind = EVENT_TIER_WARNED;
            event->data = clock_data(d, set, true);
            tier_warn(d->arena, set, d->out->state);
            return ERR_OK;
        }
    }
    ensure(!"nothing was due");
    return ERR_INTERNAL;
}
