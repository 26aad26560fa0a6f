/* Referrals: a member (the advocate) brings another one (the referee).
 *
 * The referee's state holds the referral and decides what becomes of it; the advocate hears of it
 * by rows of work (relay.h) and keeps a list. States: named, qualified (held until an instant),
 * rewarded, revoked; for the advocate also capped.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  -
 * Errors:  none.
 * Limits:  one referral per referee, for ever.
 */
#ifndef LOYALD_REFERRAL_H
#define LOYALD_REFERRAL_H

#include "base/str.h"

/* Numbers are stored: append only. */
enum referral_state {
    REFERRAL_NONE = 0,
    REFERRAL_NAMED = 1,     // the referee has named the advocate
    REFERRAL_QUALIFIED = 2, // has done what it takes; the effects wait
    REFERRAL_REWARDED = 3,  // both sides have got theirs
    REFERRAL_REVOKED =
        4, // the purchase that qualified it was taken back, or the referee is forgotten
    REFERRAL_CAPPED = 5, // the advocate has brought as many as count; the referee got theirs
    REFERRAL_STATES_N
};
struct str referral_state_slug(enum referral_state state);

struct referral {
    enum referral_state state;
    int32_t definition; // symbol, 0: the program has it no more
    int64_t id;         // the event that named the advocate
    int64_t advocate;   // member id
    int64_t named_at;
    int64_t qualified_at;      // 0: not yet
    int64_t purchase;          // the event that qualified it, 0: none yet
    int64_t min_amount;        // what must be left of that one
    int64_t held_until;        // 0: not held
    int64_t rewarded_at;       // 0: not yet
    int64_t rewarded;          // the referee's event that brought their effects, 0: none yet
    int64_t rewarded_position; // of the row of work by which it brought the advocate's
    int64_t revoked_at;        // 0: not
};

/* A line of the advocate's list. */
struct referral_note {
    int64_t referee; // member id
    struct referral referral;
};

#endif
