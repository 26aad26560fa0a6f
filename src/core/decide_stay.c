/* Stays back to back: nights in a row at one house are one stay, however often the guest checks out
 * in between. */
#include "base/base.h"
#include "core/decide.h"

#include "core/award_vars.h"
#include "core/decide_internal.h"
#include "core/ledger.h"

enum { STAY_DAYS_MAX = 366 }; // what is longer, or ends in the future, joins nothing

/* Out on one day and in again on the same or the next; also where the earlier stay is told of
 * later. */
static bool are_joined(const struct stay *a, const struct stay *b)
{
    return a->store == b->store && a->in_on <= b->out_on + 1 && b->in_on <= a->out_on + 1;
}

/* Whether the guest is known to have stayed at this house in the night that begins on a day. */
static bool is_known_night(const struct state *state, uint64_t store, int32_t day)
{
    for (size_t i = 0; i < state->stays_n; i++) {
        const struct stay *known = &state->stays[i];
        if (known->store == store && known->in_on <= day && day < known->out_on) {
            return true;
        }
    }
    return false;
}

/* Nothing but nights that were told of before: a second room, or the same stay under another id. It
 * goes on from nothing, and is no other stay either. By day only: where exactly that was told of.
 */
static bool is_told_again(const struct state *state, const struct stay *stay)
{
    bool is_same_day = false;
    for (size_t i = 0; i < state->stays_n; i++) {
        const struct stay *known = &state->stays[i];
        is_same_day |= known->store == stay->store && known->in_on == stay->in_on &&
                       known->out_on == stay->out_on;
    }
    for (int32_t day = stay->in_on; day < stay->out_on; day++) {
        if (!is_known_night(state, stay->store, day)) {
            return false;
        }
    }
    return stay->in_on < stay->out_on || is_same_day;
}

/* Keeps the latest ones: those that end first go. */
static void keep(struct arena *arena, struct state *state, const struct stay *stay)
{
    size_t oldest = 0;
    if (state->stays_n < STATE_STAYS_MAX) {
        arena_room(arena, state->stays, state->stays_n, state->stays_max);
        state->stays[state->stays_n++] = *stay;
        return;
    }
    for (size_t i = 1; i < state->stays_n; i++) {
        oldest = state->stays[i].out_on < state->stays[oldest].out_on ? i : oldest;
    }
    if (state->stays[oldest].out_on < stay->out_on) {
        state->stays[oldest] = *stay;
    }
}

void decide_stay(struct deciding *d, struct about *about)
{
    struct state *state = d->out->state;
    struct stay stay = {.store = match_hash(d->event->store)};
    const bool is_dated = day_read(json_str(json_at(d->event->data, "check_in")), &stay.in_on) &&
                          day_read(json_str(json_at(d->event->data, "check_out")), &stay.out_on);
    const bool is_credible =
        is_dated && stay.out_on - stay.in_on <= STAY_DAYS_MAX &&
        stay.out_on <= zone_day(event_zone(d->program, d->event), d->event->time) + 1;
    bool goes_on = false;
    for (size_t i = 0; is_credible && i < state->stays_n; i++) {
        goes_on |= are_joined(&state->stays[i], &stay);
    }
    const bool is_again = is_credible && is_told_again(state, &stay);
    about_text(about, "back_to_back", is_again ? STR("same") : goes_on ? STR("yes") : STR("no"));
    if (is_credible && !is_again) {
        keep(d->arena, state, &stay);
    }
}
