/* Caps and budgets: what awards are clipped to, in the order of booking. */
#include "base/base.h"
#include "core/award_vars.h"

int32_t cap_day(const struct program *program, const struct cap *cap, int64_t at)
{
    return period_first_day(cap->period, zone_day(program->zone, at));
}

int64_t shared_value(const struct facts *facts, int32_t symbol, int32_t day)
{
    for (size_t i = 0; i < facts->shared_n; i++) {
        if (facts->shared[i].symbol == symbol && facts->shared[i].day == day) {
            return int64_max(0, facts->shared[i].points);
        }
    }
    return 0;
}

int64_t award_cap_used(const struct award_view *view, const struct cap *cap)
{
    int64_t *used = &view->inputs->caps_used[cap->index];
    if (*used < 0) {
        *used = 0;
        if (view->facts != NULL && cap->per == CAP_MEMBER) {
            *used = int64_max(
                0, state_counter(view->facts->state, cap->symbol,
                                 cap_day(view->program, cap, view->content->event->time)));
        } else if (view->facts != NULL && cap->per == CAP_RULE) {
            *used = shared_value(view->facts, cap->symbol,
                                 cap_day(view->program, cap, view->content->event->time));
        }
    }
    return *used;
}

/* What is left of a cap for this event. */
static int64_t room_of(const struct award_view *view, const struct cap *cap,
                       const int64_t *caps_used)
{
    const int64_t before = cap->per == CAP_TRANSACTION ? 0 : award_cap_used(view, cap);
    return int64_max(0, cap->limit - before - caps_used[cap->index]);
}

/* The most points that money in millionths can pay for; what costs nothing is not limited. */
static int64_t points_for(const struct wallet *wallet, int64_t micro)
{
    const __int128 each = (__int128)wallet->unit_cost.amount * COST_MICRO;
    if (each == 0) {
        return INT64_MAX;
    }
    const __int128 points = (__int128)micro * wallet->unit_cost.points / each;
    return points > INT64_MAX ? INT64_MAX : (int64_t)points;
}

/* What points cost, in millionths of a minor unit, rounded up: a budget is never passed. */
static int64_t cost_of(const struct wallet *wallet, int64_t points)
{
    const __int128 cost = (__int128)points * wallet->unit_cost.amount * COST_MICRO;
    const __int128 rounded = (cost + wallet->unit_cost.points - 1) / wallet->unit_cost.points;
    return rounded > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)rounded;
}

static int64_t points_left(const struct award_view *view, const struct cap *cap,
                           const struct wallet *wallet, const int64_t *caps_used)
{
    switch (cap->unit) {
    case CAP_POINTS:
        return room_of(view, cap, caps_used);
    case CAP_MONEY:
        return points_for(wallet, room_of(view, cap, caps_used));
    case CAP_USES: // an event that has got something may go on
        return caps_used[cap->index] > 0 || room_of(view, cap, caps_used) > 0 ? INT64_MAX : 0;
    }
    return 0;
}

static void clip(const struct award_view *view, const struct cap *caps, size_t caps_n,
                 const struct wallet *wallet, struct award *award, const int64_t *caps_used)
{
    for (size_t i = 0; i < caps_n; i++) {
        const int64_t left = points_left(view, &caps[i], wallet, caps_used);
        if (left < award->points) {
            award->points = left;
            award->clipped_by = caps[i].pointer;
        }
    }
}

static void count(const struct cap *caps, size_t caps_n, const struct wallet *wallet,
                  int64_t points, int64_t *caps_used)
{
    for (size_t i = 0; i < caps_n && points > 0; i++) {
        int64_t *used = &caps_used[caps[i].index];
        switch (caps[i].unit) {
        case CAP_POINTS:
            *used += points;
            break;
        case CAP_MONEY:
            *used += cost_of(wallet, points);
            break;
        case CAP_USES:
            *used = 1;
            break;
        }
    }
}

void award_clip(const struct award_view *view, struct award_list *list, size_t from)
{
    const struct program *program = view->program;
    for (size_t i = from; i < list->n; i++) {
        struct award *award = &list->awards[i];
        const struct earning_rule *rule = &program->rules[award->rule];
        const struct wallet *wallet = &program->wallets[award->wallet];
        const struct campaign *campaign =
            rule->campaign >= 0 ? &program->campaigns[rule->campaign] : NULL;
        if (award->raw == 0) {
            continue;
        }
        clip(view, rule->caps, rule->caps_n, wallet, award, list->caps_used);
        clip(view, wallet->caps, wallet->caps_n, wallet, award, list->caps_used);
        if (campaign != NULL) {
            clip(view, campaign->caps, campaign->caps_n, wallet, award, list->caps_used);
            count(campaign->caps, campaign->caps_n, wallet, award->points, list->caps_used);
        }
        count(rule->caps, rule->caps_n, wallet, award->points, list->caps_used);
        count(wallet->caps, wallet->caps_n, wallet, award->points, list->caps_used);
    }
}
