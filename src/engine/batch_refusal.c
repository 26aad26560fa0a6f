/* Refused decisions as errors of their requests. */
#include "base/base.h"
#include "engine/batch.h"

#include "engine/batch_internal.h"

/* Refusals as errors: nothing is stored, and the caller is told what to do. */
static const struct {
    enum reason reason;
    enum err err;
    const char *pointer;
    const char *text;
} REFUSALS[] = {
    {REASON_SUSPENDED, ERR_SUSPENDED, "", "The member is suspended: resume them first."},
    {REASON_OVERFLOW, ERR_OVERFLOW, "/points", "The balance would leave its range."},
    {REASON_CHAIN_TOO_LONG, ERR_CHAIN, "",
     "Too much follows from this: look for rules and achievements that set each other off."},
    {REASON_NOT_AVAILABLE, ERR_NOT_AVAILABLE, "/reward",
     "The reward is not given out at this time: see its window."},
    {REASON_NOT_ELIGIBLE, ERR_NOT_ELIGIBLE, "/reward",
     "The reward is for other members: see for whom it is available."},
    {REASON_SOLD_OUT, ERR_SOLD_OUT, "/reward",
     "There are not as many left: raise the stock, upload codes, or take another reward."},
    {REASON_LIMIT_REACHED, ERR_LIMIT_REACHED, "/reward",
     "The member has had as many as they may have in this period."},
    {REASON_PRICE_CHANGED, ERR_PRICE_CHANGED, "/expected_price",
     "The price is another one now: read the catalogue and ask the member again."},
    {REASON_NO_PRICE, ERR_NO_PRICE, "/reward",
     "The reward has no price for this member: it is only given."},
    {REASON_UNKNOWN_REWARD, ERR_NOT_FOUND, "", "The member has no such reward."},
    {REASON_REWARD_USED, ERR_REWARD_USED, "", "The reward was used already."},
    {REASON_REWARD_CANCELLED, ERR_REWARD_CANCELLED, "", "The reward was cancelled."},
    {REASON_REWARD_EXPIRED, ERR_REWARD_EXPIRED, "", "The reward has expired."},
    {REASON_REWARD_RESERVED, ERR_REWARD_RESERVED, "",
     "The reward is reserved: wait until that ends, or release it."},
    {REASON_ONLY_CANCELLED, ERR_ONLY_CANCELLED, "",
     "An entry is a ticket in the draw and nothing that a till takes: it takes part by itself, and "
     "can only be cancelled."},
    {REASON_NOT_SENT, ERR_NOT_SENT, "",
     "Only rewards of the kinds physical and webhook are sent: use or cancel this one."},
    {REASON_ABOVE_VALUE, ERR_ABOVE_VALUE, "/amount", "That is more than the reward is worth."},
    {REASON_TOO_MANY_REWARDS, ERR_TOO_MANY_REWARDS, "",
     "The member has 1,000 open rewards: let them use some first."},
    {REASON_CLOSED, ERR_CLOSED, "", "This is outside its window: nothing can be answered now."},
    {REASON_NO_ATTEMPTS_LEFT, ERR_NO_ATTEMPTS_LEFT, "",
     "The member has had all attempts at this quiz."},
    {REASON_REVIEW_DECIDED, ERR_REVIEW_DECIDED, "",
     "Staff have judged this review already: read it again."},
    {REASON_TOO_SOON, ERR_TOO_SOON, "",
     "The member has answered this survey: ask again when its once_per has passed."},
    {REASON_FRESH_CODE_NEEDED, ERR_FRESH_CODE_NEEDED, "",
     "Only the code that the member's card shows now may spend: scan it again. A card's number may "
     "only earn."},
    {REASON_CODE_USED, ERR_CODE_USED, "",
     "This code was spent with already: wait for the next one, half a minute at most."},
    {REASON_TOO_MANY_ATTEMPTS, ERR_TOO_MANY_ATTEMPTS, "",
     "Too many wrong codes today: name the member in another way, or wait for tomorrow."},
    {REASON_NOT_ENOUGH_POINTS, ERR_NOT_ENOUGH_POINTS, "/points",
     "The balance is smaller than what would be taken."},
};

void batch_fail_refusal(struct submission *s, enum reason reason)
{
    for (size_t i = 0; i < ARRAY_N(REFUSALS); i++) {
        if (REFUSALS[i].reason == reason) {
            s->err = fail(&s->fail, REFUSALS[i].err, REFUSALS[i].pointer, "%s", REFUSALS[i].text);
            return;
        }
    }
    s->err = fail(&s->fail, ERR_INVALID, "", "Refused: %.*s.", STR_ARG(reason_slug(reason)));
}
