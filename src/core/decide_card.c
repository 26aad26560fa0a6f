/* The member's card: a static one may earn, only a fresh code may spend, and each code once
 * (domain.md 6). */
#include "base/base.h"
#include "core/decide.h"

#include "core/decide_internal.h"

/* Who guesses gets so many wrong codes a day, and then no right one either. */
enum { WRONG_CARD_CODES_PER_DAY_MAX = 10 };

static bool spends(const struct event *event)
{
    const enum event_kind kind = event->kind;
    if (kind == EVENT_PURCHASE || kind == EVENT_PURCHASE_CHANGED) {
        return event->rewards_n > 0 || deciding_pays_points(event);
    }
    return kind == EVENT_REWARD_BOUGHT || kind == EVENT_REWARD_USED ||
           kind == EVENT_REWARD_RESERVED;
}

enum reason deciding_spend_code(struct deciding *d)
{
    struct card_state *card = &d->out->state->card;
    if (!spends(d->event) || d->facts->proof == PROOF_NOT_NEEDED) {
        return REASON_NONE;
    }
    if (d->facts->proof == PROOF_STATIC || card->generation == 0) {
        return REASON_FRESH_CODE_NEEDED;
    }
    if (card->wrong_on == deciding_today(d) && card->wrong_n >= WRONG_CARD_CODES_PER_DAY_MAX) {
        return REASON_TOO_MANY_ATTEMPTS;
    }
    if (d->facts->proof == PROOF_WRONG) {
        return REASON_FRESH_CODE_NEEDED;
    }
    if (d->facts->proof_step <= card->step) {
        return REASON_CODE_USED;
    }
    card->step = d->facts->proof_step;
    return REASON_NONE;
}

void deciding_count_wrong_code(struct deciding *d)
{
    struct card_state *card = &d->out->state->card;
    const int32_t today = deciding_today(d);
    if (d->out->answer.reason != REASON_FRESH_CODE_NEEDED || d->facts->proof != PROOF_WRONG ||
        card->generation == 0) {
        return;
    }
    card->wrong_n = card->wrong_on == today ? card->wrong_n + 1 : 1;
    card->wrong_on = today;
}
