/* What the files of decide() share. Private to core/decide*.c. */
#ifndef LOYALD_DECIDE_INTERNAL_H
#define LOYALD_DECIDE_INTERNAL_H

#include "core/book.h"

enum { REWARD_RETURNED_MIN_DAYS = 30 }; // what comes back with a refund lives at least so long

/* What every step of one decision needs. */
struct deciding {
    struct arena *arena;
    const struct program *program; // in force at the event's time
    const struct program *now;     // in force at the booking instant
    const struct facts *facts;
    const struct event *event;
    struct needs *needs;
    struct booking booking;
    struct decision *out;
    struct content content; // with has_awards: what rules were run on, and what came of it
    struct award_view view;
    struct award_list awards;
    bool has_awards;
    const struct moment_plan
        *plan; // of the moment that the clock's event comes from; NULL: of another
    const struct purchase *undone;     // an event without content that was taken back whole
    struct subscription *subscription; // that the moment is of, or NULL
    struct about about;                // what there is to know of it
    bool passes;                       // without an event: a month that was not kept
    bool is_quiet;                     // nothing follows from what the clock does: it was too much
};

/* Begins a decision: a copy of the state to work on, an id, a booking. */
void deciding_open(struct deciding *d, struct id_source *ids);

/* Makes the outcome a refusal. */
enum err deciding_refuse(struct deciding *d, enum reason reason);

/* The local day of booking. */
int32_t deciding_today(const struct deciding *d);

/* The loaded purchase of that event id, or NULL. */
const struct purchase *deciding_purchase(const struct facts *facts, int64_t id);

/* A payment in points takes lots, and so needs all of them. */
bool deciding_pays_points(const struct event *event);

/* Spends what the event pays in points beyond `already`, by wallet, of which it leaves what the
 * event does not pay. `before`: the content whose payments were made already, NULL: none. */
enum err deciding_pay(struct deciding *d, const struct event *before,
                      int64_t already[PROGRAM_WALLETS_MAX], enum reason *reason) MUST_USE;

/* What becomes of a purchase: decide_purchase.c, decide_changed.c. */
enum err decide_refund(struct deciding *d) MUST_USE;
enum err decide_cancelled(struct deciding *d) MUST_USE;
enum err decide_changed(struct deciding *d) MUST_USE;
enum err decide_completed(struct deciding *d) MUST_USE;

/* Books the way from `before` to what is left of the purchase now. */
enum err deciding_book_way(struct deciding *d, struct purchase *purchase,
                           const struct content *before) MUST_USE;

void about_follow(struct about *about, const char *type, struct str quiz, int64_t times);
void about_text(struct about *about, const char *name, struct str text);
void about_number(struct about *about, const char *name, int64_t number);

/* Rules and achievements on the event, booked. */
enum err deciding_award(struct deciding *d, const struct content *content,
                        const struct about *about) MUST_USE;

/* Quizzes and surveys: decide_answers.c. Refuses, or counts the attempt and says what is to be
 * known of it. */
void decide_quiz(struct deciding *d, struct about *about);
void decide_survey(struct deciding *d);

/* Spending with a card: decide_card.c. A fresh code is used up, unless the event is refused for
 * something else. */
enum reason deciding_spend_code(struct deciding *d);
void deciding_count_wrong_code(struct deciding *d);

/* Entering contests: decide_contest.c. */
void decide_contest(struct deciding *d);

/* Stays: whether one goes on where another was: decide_stay.c. */
void decide_stay(struct deciding *d, struct about *about);

/* Subscriptions: decide_subscription.c. */
void decide_subscription(struct deciding *d, struct about *about);

/* Redemption codes: decide_code.c. */
void decide_code(struct deciding *d, struct about *about);

/* The member did something: sliding expiries move, what waited for this type is released. */
enum err deciding_note_activity(struct deciding *d) MUST_USE;

/* Reviews: decide_review.c. The member says it, staff judge it. */
enum err decide_review_submitted(struct deciding *d) MUST_USE;
enum err decide_review_judged(struct deciding *d) MUST_USE;

/* Takes back what reviews of lines of which nothing is left have given. */
enum err deciding_return_reviews(struct deciding *d, struct purchase *purchase,
                                 const struct content *left) MUST_USE;

/* Reviews stay with their lines when the purchase's content is another one. */
void deciding_follow_reviews(struct deciding *d, struct purchase *purchase,
                             const struct event *before);

/* The original of an event about a purchase, as a copy to work on. */
enum err deciding_take_original(struct deciding *d, struct purchase **out,
                                enum reason *reason) MUST_USE;

/* Referrals: decide_referral.c. The referee names an advocate, buys for the first time; the
 * advocate is told. */
void decide_referral_named(struct deciding *d, struct about *about);
enum err decide_referral_purchase(struct deciding *d, struct about *about) MUST_USE;
void decide_referral_told(struct deciding *d, struct about *about);
enum err decide_referral_revoked(struct deciding *d) MUST_USE;

/* When the hold of a referral ends, and ending it. */
int64_t deciding_referral_due(const struct state *state);
enum err deciding_run_referral(struct deciding *d, struct event *event) MUST_USE;

/* An order that has qualified a referral is completed: the hold begins. *gives where there is none,
 * and what follows in *about is to be awarded with this event. */
enum err deciding_complete_referral(struct deciding *d, const struct purchase *purchase,
                                    struct about *about, bool *gives) MUST_USE;

/* A referee who is forgotten brings nothing any more; what was given stays. */
void deciding_forget_referral(struct deciding *d);

/* Takes the referral back that a purchase has qualified, where too little of it is left. */
enum err deciding_revoke_referral(struct deciding *d, const struct purchase *purchase,
                                  const struct content *left) MUST_USE;

/* Rewards: decide_reward.c. */
enum err decide_reward(struct deciding *d) MUST_USE;

/* The loaded reward of that id, or NULL. */
const struct issued *deciding_issued(const struct deciding *d, int64_t id);

/* All rewards that the event names, loaded; ERR_RETRY asks for those that are missing. */
enum err deciding_load_named(struct deciding *d, enum reason *reason) MUST_USE;

/* Why a till cannot take a reward now: tickets of a draw it never takes. */
enum reason deciding_till_refusal(const struct deciding *d, const struct issued *issued);

/* Marks it used by an event; a gift card by the amount, until nothing is left. */
void deciding_use(struct deciding *d, struct issued *issued, int64_t amount, int64_t by);

/* Uses the rewards that a purchase names; all or none: decide_reward_paid.c. */
enum err deciding_use_rewards(struct deciding *d, const struct content *content,
                              enum reason *reason) MUST_USE;

/* The same for a purchase's new content: what it used before and no longer names comes back. */
enum err deciding_change_rewards(struct deciding *d, struct purchase *purchase,
                                 const struct content *content, enum reason *reason) MUST_USE;

/* Opens rewards again that a purchase used, as far as it is undone. */
enum err deciding_return_rewards(struct deciding *d, struct purchase *purchase,
                                 const struct content *left) MUST_USE;

/* Buys what members have bought by itself, once they have the points. */
enum err deciding_auto_rewards(struct deciding *d) MUST_USE;

/* A placed purchase waits no more. */
void deciding_close_order(struct state *state, int64_t event);

/* Tiers after the counters of this event: decide_tier.c. */
enum err deciding_judge_tiers(struct deciding *d) MUST_USE;

/* A tier given by hand. */
enum err decide_tier_granted(struct deciding *d) MUST_USE;

/* When the clock has something to do about tiers, and doing the first of it: a warning, the end of
 * a validity or a floor. */
int64_t deciding_tiers_due(const struct program *program, const struct state *state);
enum err deciding_run_tiers(struct deciding *d, struct event *event, int64_t due) MUST_USE;

/* What waited for an event of this type is released. */
enum err deciding_release(struct deciding *d) MUST_USE;

/* What the clock waits for from now on; ERR_RETRY where the member's zone is needed. */
enum err deciding_arm(struct deciding *d, bool afresh) MUST_USE;

/* Derived figures, the answer, and the split into hot and cold. */
void deciding_finish(struct deciding *d);

#endif
