/* Entering a contest by an event of its own. */
#include "base/base.h"
#include "core/decide.h"

#include "core/award_vars.h"
#include "core/decide_internal.h"

void decide_contest(struct deciding *d)
{
    const struct contest *contest =
        program_contest(d->program, json_str(json_at(d->event->data, "contest")));
    const struct zone *zone = event_zone(d->program, d->event);
    if (contest == NULL || !award_in_window(&contest->window, zone, d->event->time) ||
        d->facts->booked_at >= contest->closes_at) {
        (void)deciding_refuse(d, REASON_CLOSED); // always ERR_OK
    }
}
