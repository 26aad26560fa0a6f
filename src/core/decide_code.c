/* Redemption codes: codes that earn. */
#include "base/base.h"
#include "core/decide.h"

#include "core/award_vars.h"
#include "core/decide_internal.h"

/* A guesser gets so many wrong codes a day, and then no right one either (security.md FRD-1). */
enum { WRONG_CODES_PER_DAY_MAX = 10 };

static enum reason refusal(const struct deciding *d, const struct redemption_code *code)
{
    const struct state *state = d->out->state;
    const struct zone *zone = event_zone(d->program, d->event);
    if (d->program->redemption_codes_n == 0) {
        return REASON_UNKNOWN_CODE; // and nothing to guess
    }
    if (state_counter(state, d->program->wrong_codes_symbol, deciding_today(d)) >=
        WRONG_CODES_PER_DAY_MAX) {
        return REASON_TOO_MANY_ATTEMPTS;
    }
    if (code == NULL) {
        return REASON_UNKNOWN_CODE;
    }
    if (!award_in_window(&code->window, zone, d->event->time)) {
        return REASON_CLOSED;
    }
    const int64_t used =
        code->fixed.n > 0 ? shared_value(d->facts, code->symbol, DAY_TOTAL) : d->facts->code_used;
    if (code->uses > 0 && used >= code->uses) {
        return REASON_CODE_USED;
    }
    const bool is_at_limit = code->per_member > 0 && state_counter(state, code->member_symbol,
                                                                   DAY_TOTAL) >= code->per_member;
    return is_at_limit ? REASON_LIMIT_REACHED : REASON_NONE;
}

void decide_code(struct deciding *d, struct about *about)
{
    const struct redemption_code *code =
        program_redemption_code_by_symbol(d->program, d->facts->redemption_code);
    const enum reason reason = refusal(d, code);
    if (reason != REASON_NONE) {
        (void)deciding_refuse(d, reason); // always ERR_OK
        return;
    }
    state_counter_add(d->arena, d->out->state, code->member_symbol, DAY_TOTAL, 1);
    if (code->fixed.n > 0 && code->uses > 0) {
        booking_share(&d->booking, code->symbol, DAY_TOTAL, 1);
    }
    d->out->uses_code = code->fixed.n == 0;
    about_text(about, "redemption_code", code->slug);
}
