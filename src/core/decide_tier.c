/* Tiers inside a decision: judged once its counters are booked; given by hand; ended and warned of
 * by the clock. */
#include "base/base.h"
#include "core/decide.h"

#include "core/decide_internal.h"
#include "core/tier.h"
#include "core/tier_gift.h"

static const char *const WHYS[] = {
    "",         "entered", "renewed", "downgraded", "refund",
    "restored", "manual",  "gift",    "lifetime",   "ended",
};
_Static_assert(ARRAY_N(WHYS) == WHYS_N, "one slug per reason");

struct str tier_why_slug(enum tier_why why)
{
    ensure((size_t)why < ARRAY_N(WHYS));
    return str_c(WHYS[why]);
}

/* One more step of the member's history in a set, from the rank they had. */
static void note_change(struct deciding *d, const struct tier_set *set, size_t from,
                        enum tier_why why)
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

/* What the event's rules gave, and what its counters bring. */
static enum err judge_event(struct deciding *d, const struct tier_set *set, int32_t day,
                            size_t from)
{
    const struct tier_judging judging = judging_of(d, set);
    struct tier_judged judged;
    if (tier_rank(set, d->out->state) > from) {
        note_change(d, set, from, WHY_GIFT);
        from = tier_rank(set, d->out->state);
    }
    try(tier_after_event(&judging, day, &judged));
    if (tier_rank(set, d->out->state) != from) {
        note_change(d, set, from, judged.why);
    }
    if (judged.is_lifetime) {
        note_lifetime(d, set);
    }
    return ERR_OK;
}

static enum err judge_refund(struct deciding *d, const struct tier_set *set, size_t from)
{
    const struct tier_judging judging = judging_of(d, set);
    try(tier_after_refund(&judging));
    if (tier_rank(set, d->out->state) < from) {
        note_change(d, set, from, WHY_REFUNDED);
        from = tier_rank(set, d->out->state);
    }
    // More content than before may also raise, on the purchase's own day or since.
    const struct purchase *undone = d->undone != NULL ? d->undone : d->out->purchase;
    return judge_event(d, set, zone_day(d->now->zone, undone->content.time), from);
}

/* The rank that the last step left, or the one from before the event. */
static size_t rank_noted(const struct deciding *d, const struct tier_set *set)
{
    const struct answer *answer = &d->out->answer;
    for (size_t i = answer->tier_changes_n; i-- > 0;) {
        if (answer->tier_changes[i].set == set->symbol) {
            return tier_set_rank_of(set, answer->tier_changes[i].to);
        }
    }
    return tier_rank(set, d->facts->state);
}

static enum err judge_set(struct deciding *d, const struct tier_set *set, bool is_first)
{
    const enum event_class class = event_kind_class(d->event->kind);
    const size_t from = rank_noted(d, set);
    const bool is_review = event_kind_is_review(d->event->kind);
    if (d->undone != NULL ||
        (d->out->purchase != NULL && d->event->kind != EVENT_PURCHASE_COMPLETED && !is_review)) {
        return judge_refund(d, set, from);
    }
    // What the clock or people do is done already; only what followed from it may raise.
    const bool counts =
        class == EVENT_CLASS_PURCHASE || class == EVENT_CLASS_PLAIN ||
        d->event->kind == EVENT_TIER_WARNED || event_kind_is_moment(d->event->kind) ||
        class == EVENT_CLASS_REWARD || is_review ||
        (d->event->kind == EVENT_PURCHASE_COMPLETED && d->out->has_inputs) || !is_first;
    return counts ? judge_event(d, set, zone_day(d->now->zone, d->event->time), from) : ERR_OK;
}

/* ---- what follows ---- */

/* Events whose own occasion no rule waits for: what follows from their changes is all that they
 * earn, and is recorded so. A refund books differences of its purchase too, which are decided from
 * that one's inputs. */
static void open_awards(struct deciding *d)
{
    struct inputs *inputs = &d->out->inputs;
    if (d->has_awards) {
        return;
    }
    if (d->out->purchase != NULL) {
        inputs = arena_new(d->arena, struct inputs, 1);
    }
    inputs_open(d->arena, d->program, inputs);
    content_open(d->arena, d->event, &d->content);
    award_list_open(d->arena, d->program, &d->awards);
    d->view = (struct award_view){
        .program = d->program,
        .content = &d->content,
        .inputs = inputs,
        .facts = d->facts,
        .booked_at = d->facts->booked_at,
        .wants_explain = d->facts->wants_explain && d->out->purchase == NULL,
    };
    d->has_awards = true;
    d->out->has_inputs = d->out->purchase == NULL;
}

static bool has_followers(const struct program *program)
{
    for (size_t i = 0; i < program->rules_n; i++) {
        if (str_eq(program->rules[i].trigger, STR("tier.changed"))) {
            return true;
        }
    }
    return false;
}

static enum err follow(struct deciding *d, const struct tier_set *set,
                       const struct tier_change *change, int level)
{
    struct tier_gift_mark mark;
    const size_t from = tier_set_rank_of(set, change->from);
    const size_t to = tier_set_rank_of(set, change->to);
    open_awards(d);
    struct inputs *inputs = d->view.inputs;
    arena_room(d->arena, inputs->tier_follows, inputs->tier_follows_n, inputs->tier_follows_max);
    struct tier_follow *step = &inputs->tier_follows[inputs->tier_follows_n++];
    *step = (struct tier_follow){
        .set = set->slug,
        .from = set->tiers[from].slug,
        .to = set->tiers[to].slug,
        .why = change->why,
        .is_up = to > from,
        .level = level,
    };
    tier_gift_mark(d->arena, d->program, &d->awards, d->out, &mark);
    try(award_follow_tier(d->arena, &d->view, &d->awards, step));
    d->out->explain = d->awards.explain;
    d->out->explain_n = d->awards.explain_n;
    try(tier_gift_book(&d->booking, d->now, &d->view, &d->awards, &mark));
    const bool can_be_undone =
        change->why == WHY_ENTERED || change->why == WHY_RESTORED || change->why == WHY_GIFT;
    return to > from && can_be_undone
               ? tier_gift_note(&d->booking, &d->view, &d->awards, &mark, change)
               : ERR_OK;
}

/* One step of the history, and what it means for gifts: those of tiers that a refund took go with
 * them; of tiers that ended otherwise, or that are renewed, no refund can take them any more. */
static enum err follow_change(struct deciding *d, const struct tier_change *change, int level)
{
    const struct tier_set *set = NULL;
    for (size_t i = 0; i < d->now->tier_sets_n; i++) {
        set = d->now->tier_sets[i].symbol == change->set ? &d->now->tier_sets[i] : set;
    }
    ensure(set != NULL);
    const size_t from = tier_set_rank_of(set, change->from);
    const size_t to = tier_set_rank_of(set, change->to);
    if (change->why == WHY_REFUNDED) {
        try(tier_gift_undo(&d->booking, d->facts, d->needs, set, to, from));
    } else if (change->why == WHY_RENEWED) {
        tier_gift_forget(d->out->state, set, 0);
    } else if (to < from) {
        tier_gift_forget(d->out->state, set, to);
    }
    return to != from && !d->is_quiet && has_followers(d->program) ? follow(d, set, change, level)
                                                                   : ERR_OK;
}

enum err deciding_judge_tiers(struct deciding *d)
{
    size_t followed = 0;
    for (int level = 1;; level++) {
        for (size_t i = 0; i < d->now->tier_sets_n; i++) {
            try(judge_set(d, &d->now->tier_sets[i], level == 1));
        }
        const size_t n = d->out->answer.tier_changes_n;
        if (followed == n) {
            return ERR_OK;
        }
        for (; followed < n; followed++) {
            const struct tier_change change =
                d->out->answer.tier_changes[followed]; // a copy: the list may grow
            try(follow_change(d, &change, level));
        }
    }
}

/* ---- by hand ---- */

enum err decide_tier_granted(struct deciding *d)
{
    const struct json *data = d->event->data;
    const struct tier_set *set = program_tier_set(d->now, json_str(json_at(data, "set")));
    const int rank = set != NULL ? tier_set_rank(set, json_str(json_at(data, "tier"))) : -1;
    int64_t until = AT_NEVER;
    if (rank < 0 || (json_at(data, "until") != NULL &&
                     !instant_read(json_str(json_at(data, "until")), &until))) {
        return deciding_refuse(d, REASON_UNKNOWN_TIER);
    }
    const size_t from = tier_rank(set, d->out->state);
    const struct tier_floor floor = {
        .set = set->symbol,
        .tier = rank > 0 ? set->tiers[rank].symbol
                         : 0, // the lowest is nobody's floor: it takes back what was given
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

/* What the clock's event says: the set, the tier at stake, and for a warning what would be left and
 * when. */
static const struct json *clock_data(struct deciding *d, const struct tier_set *set,
                                     bool is_warning)
{
    const struct state *state = d->out->state;
    const struct str tier = set->tiers[tier_rank(set, state)].slug;
    struct json *data = json_object_new(d->arena);
    json_set_text(d->arena, data, "set", set->slug);
    json_set_text(d->arena, data, "tier", tier);
    if (is_warning) {
        const struct str next = set->tiers[tier_rank_at_end(d->now, set, state)].slug;
        char at[INSTANT_BYTES + 1];
        instant_write(tier_valid_until(set, state), at);
        json_set_text(d->arena, data, "next", next);
        json_set_text(d->arena, data, "valid_until", str_c(at));
    }
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
    const bool is_theirs =
        tier_earned(set, d->out->state, &until) == from; // below a floor a renewal is no news
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
