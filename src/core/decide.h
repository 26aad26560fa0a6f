/* decide(): the one pure function from (program, facts, event) to a decision.
 *
 * No clock, no I/O, no randomness, no globals: same inputs, same bytes. Dry run, replay, explain,
 * refunds and the self-check are this function.
 *
 * Owns:    nothing.
 * Threads: any thread; everything is reached by argument.
 * Memory:  the arena given.
 * Errors:  business refusals are outcomes; an error is ours or a lack of facts (see struct needs).
 * Limits:  TIMERS_PER_EVENT_MAX; TRANSFER_POINTS_MAX per transfer.
 */
#ifndef LOYALD_DECIDE_H
#define LOYALD_DECIDE_H

#include "base/id.h"
#include "core/event.h"
#include "core/relay.h"
#include "core/review.h"
#include "core/state.h"

enum { TIMERS_PER_EVENT_MAX = 1000 };

/* Numbers of all enums below are stored: append only. */
enum outcome { OUTCOME_APPLIED = 0, OUTCOME_REFUSED = 1, OUTCOME_HELD = 2 };
enum reason {
    REASON_NONE = 0,
    REASON_NOT_ENOUGH_POINTS = 1,
    REASON_REFUND_EXCEEDS = 2,
    REASON_UNKNOWN_LINE = 3,
    REASON_ORIGINAL_NOT_A_PURCHASE = 4,
    REASON_ORIGINAL_CANCELLED = 5,
    REASON_ORIGINAL_OTHER_MEMBER = 6,
    REASON_NOT_PLACED = 7,
    REASON_SUSPENDED = 8,
    REASON_BELOW_MINIMUM = 9,
    REASON_ABOVE_SHARE = 10,
    REASON_WALLET_DOES_NOT_PAY = 11,
    REASON_OVERFLOW = 12,
    REASON_UNKNOWN_MEMBER = 13,   // held
    REASON_UNKNOWN_ORIGINAL = 14, // held
    REASON_CURRENCY_DIFFERS = 15,
    REASON_CHAIN_TOO_LONG = 16,
    REASON_OFFER_CLOSED = 17,
    REASON_NOT_ELIGIBLE = 18,
    REASON_OFFER_ACCEPTED = 19,
    REASON_NOT_AVAILABLE = 20, // the reward is not given out at this time
    REASON_SOLD_OUT = 21,
    REASON_LIMIT_REACHED = 22, // so many a member may have
    REASON_PRICE_CHANGED = 23,
    REASON_NO_PRICE = 24,       // the reward cannot be bought
    REASON_UNKNOWN_REWARD = 25, // none of the member's
    REASON_REWARD_USED = 26,
    REASON_REWARD_CANCELLED = 27,
    REASON_REWARD_EXPIRED = 28,
    REASON_REWARD_RESERVED = 29,
    REASON_BELOW_MIN_SPEND = 30,
    REASON_NOT_COMBINABLE = 31,
    REASON_NO_ELIGIBLE_LINE = 32,
    REASON_ABOVE_VALUE = 33, // more than the reward is worth
    REASON_TOO_MANY_REWARDS = 34,
    REASON_CLOSED = 35, // a quiz, survey or contest outside its window
    REASON_NO_ATTEMPTS_LEFT = 36,
    REASON_TOO_SOON = 37, // answered within the survey's once_per
    REASON_UNKNOWN_TIER = 38,
    REASON_UNKNOWN_CODE = 39,
    REASON_CODE_USED = 40,         // as often as it may be
    REASON_TOO_MANY_ATTEMPTS = 41, // at codes that nobody knows
    REASON_SELF_REFERRAL = 42,
    REASON_CIRCULAR_REFERRAL = 43, // the advocate was brought by the referee
    REASON_ALREADY_REFERRED = 44,
    REASON_TOO_LATE = 45,          // after the first purchase
    REASON_SUBSCRIPTION_RUNS = 46, // it was started already
    REASON_TOO_MANY_SUBSCRIPTIONS = 47,
    REASON_FRESH_CODE_NEEDED = 48, // only a code of the changing card may spend
    REASON_ALREADY_REVIEWED = 49,  // this line, or the store of this purchase
    REASON_OTHER_STORE = 50,       // the purchase was made elsewhere
    REASON_REVIEW_DECIDED = 51,    // staff have judged it before
    REASON_NOT_COMPLETED = 52,     // it is only ordered
    REASON_ONLY_CANCELLED = 53,    // an entry is a ticket in a draw
    REASON_NOT_SENT = 54,          // a reward of another kind than goods
    REASON_PAYMENT_DIFFERS = 55,   // the points named are not what the amount costs
    REASONS_N
};
struct str reason_slug(enum reason reason);

enum transfer_kind {
    TRANSFER_EARN = 1,
    TRANSFER_ACTIVATE = 2,
    TRANSFER_SPEND = 3,
    TRANSFER_RESTORE = 4,
    TRANSFER_EXPIRE = 5,
    TRANSFER_REVOKE = 6,
    TRANSFER_REPAY = 7,
    TRANSFER_ADJUST = 8,
    TRANSFER_MOVE = 9,
};
enum account {
    ACCOUNT_ISSUED = 1,
    ACCOUNT_PENDING = 2,
    ACCOUNT_ACTIVE = 3,
    ACCOUNT_SPENT = 4,
    ACCOUNT_EXPIRED = 5,
    ACCOUNT_REVOKED = 6,
    ACCOUNT_ADJUSTED = 7,
    ACCOUNT_DEBT = 8,
};

/* One movement of points of one lot between two accounts. */
struct transfer {
    int64_t id;
    int64_t previous; // the member's transfer before, 0: none
    int64_t event;
    int64_t lot; // 0: none (a debt)
    int64_t at;  // the event's time
    int64_t booked_at;
    int32_t wallet;  // symbol
    int32_t rule;    // symbol, 0: none
    int32_t version; // program version
    enum transfer_kind kind;
    enum account from;
    enum account to;
    int64_t points;                              // > 0
    unsigned char reason_commitment[HASH_BYTES]; // zero: no reason
    unsigned char hash[HASH_BYTES];
};

/* The hash of a transfer from the one before it: docs/ledger.md has the bytes. */
void transfer_hash(const struct transfer *transfer, int64_t member,
                   const unsigned char before[HASH_BYTES], unsigned char out[HASH_BYTES]);

/* What the answer says of a wallet, a tier set. */
struct answer_points {
    int32_t wallet;
    int64_t earned, pending, spent, revoked;
};
struct answer_balance {
    int32_t wallet;
    int64_t active, pending, debt;
    int64_t next_expiry_at; // AT_NEVER: none
    int64_t next_expiry_points;
};
struct answer_tier {
    int32_t set, tier; // symbols; tier 0: none
    bool is_changed;
    int64_t valid_until;
    int32_t metric; // symbol of the metric nearest to the next tier, 0: none
    int64_t value;
    int32_t next; // symbol of the next tier, 0: none
    int64_t needed;
};
/* One lot taken by a payment in points: what a refund brings back. */
struct spent_lot {
    int64_t lot;
    int64_t event;
    int64_t earned_at;
    int32_t wallet;
    int32_t version;
    int64_t expires_at;
    int32_t sliding_months;
    int64_t points;
};

/* States of an issued reward. Numbers are stored: append only. */
enum issued_state {
    ISSUED_OPEN = 1, // "issued"
    ISSUED_RESERVED = 2,
    ISSUED_USED = 3,
    ISSUED_CANCELLED = 4,
    ISSUED_EXPIRED = 5,
    ISSUED_STATES_N
};
/* How far goods that are sent are. */
enum fulfilment {
    FULFIL_NONE = 0, // nothing is sent
    FULFIL_ORDERED = 1,
    FULFIL_PACKED = 2,
    FULFIL_SHIPPED = 3,
    FULFIL_DELIVERED = 4,
    FULFIL_RETURNED = 5,
    FULFILMENTS_N
};

/* A reward that a member was given: price, terms and value are frozen when it is issued. */
struct issued {
    int64_t id;
    int64_t previous; // the member's reward issued before, 0: none
    int64_t member;
    int64_t event;   // that issued it
    int32_t origin;  // symbol of the rule that gave it; 0: bought
    int32_t reward;  // symbol
    int32_t version; // of the program
    enum reward_kind kind;
    enum issued_state state;
    enum fulfilment fulfilment;
    int64_t issued_at;
    int64_t expires_at;     // AT_NEVER: never
    int64_t reserved_until; // of ISSUED_RESERVED
    int32_t price_wallet;   // symbol, 0: free
    int64_t price_points;
    struct spent_lot *spent; // what a cancellation gives back
    size_t spent_n;
    int64_t value; // minor units; of percent_off the maximum, 0: none
    struct str currency;
    int percent_basis_points;
    int64_t left; // of a gift card: what can still be used
    int64_t min_spend;
    bool combines;
    int64_t used_at;     // 0: not used
    int64_t used_event;  // the last event that used it
    int32_t pool;        // symbol of the pool's counter of taken codes, 0: the code is generated
    int64_t pool_n;      // number of the code in its pool
    int64_t row_version; // 0: not stored yet
    struct str store;    // where it was given out, of stock that is counted by store
    struct str code;     // filled in where codes are: not by decisions
    int64_t amount;      // what it pays of the purchase at hand; not stored
};
void issued_pack(struct buf *out, const struct issued *issued);
enum err issued_unpack(struct arena *arena, struct str bytes, struct issued *out) MUST_USE;

/* A reward that an event issued, used or changed, as it stood then. */
struct answer_reward {
    int64_t id;
    int32_t reward, origin;
    enum reward_kind kind;
    enum issued_state state;
    int64_t expires_at;
    int64_t amount;  // minor units that it paid of the purchase
    struct str code; // not stored with the answer
};

/* An achievement that the event moved, as it stands afterwards. */
struct answer_achievement {
    int32_t achievement; // symbol
    int64_t value, target;
    int64_t completed; // times, in all
};
/* Why a member's tier changed or went on. Numbers are stored: append only. */
enum tier_why {
    WHY_UNCHANGED = 0,
    WHY_ENTERED = 1,    // its entry was reached
    WHY_RENEWED = 2,    // kept at the end of its validity
    WHY_DOWNGRADED = 3, // not kept
    WHY_REFUNDED = 4,   // a refund took back what had brought it
    WHY_RESTORED = 5,   // a late event would have kept it
    WHY_MANUAL = 6,     // given, or taken, by hand
    WHY_GIFT = 7,       // given by a rule
    WHY_LIFETIME = 8,   // kept for so many periods that it is for life
    WHY_ENDED = 9,      // what was given has ended
    WHYS_N
};
struct str tier_why_slug(enum tier_why why);

/* One step of a member's history in a tier set; `from` and `to` are the same where a tier goes on.
 */
struct tier_change {
    int32_t set, from, to; // symbols
    enum tier_why why;
    int64_t valid_until;
};
struct answer {
    enum outcome outcome;
    enum reason reason;
    int version; // of the program
    struct answer_points *points;
    size_t points_n;
    struct answer_balance *balances;
    size_t balances_n;
    struct answer_tier *tiers;
    size_t tiers_n;
    struct answer_achievement *achievements; // those that moved
    size_t achievements_n;
    struct answer_reward *rewards;
    size_t rewards_n, rewards_max;
    struct tier_change *tier_changes;
    size_t tier_changes_n, tier_changes_max;
    int64_t tier_event_before; // the member's event with changes of tiers before this one, 0: none;
                               // only with changes
    struct answer_referral {   // the referral that the member came by, where the event has moved it
        int32_t definition;    // symbol
        enum referral_state state; // NONE: it has not
        int64_t held_until;        // 0: not held
    } referral;
    struct answer_review { // the review that the event has brought or judged
        int64_t id;        // 0: none
        enum review_state state;
    } review;
    int32_t *closed; // wallets of contests whose entries the event moved after the close: no ticket
                     // in the draw has moved
    size_t closed_n;
    int64_t *not_recovered; // issued rewards that a refund could not take back: they were used
    size_t not_recovered_n, not_recovered_max;
};
void answer_pack(struct buf *out, const struct answer *answer);
enum err answer_unpack(struct arena *arena, struct str bytes, struct answer *out) MUST_USE;

enum { OCCASION_FIELDS_MAX = 8, FOLLOWS_MAX = 2 };

/* What rules are run for: the event itself, or something that follows from it inside the same
 * decision, such as a completed achievement. */
struct occasion {
    struct str type;
    int level;     // 0: the event itself
    int64_t times; // how often at once
    struct occasion_field {
        struct str name;
        struct str text;
        bool is_number;
        int64_t number;
    } fields[OCCASION_FIELDS_MAX];
    size_t fields_n;
};

/* What conditions may know of an event beside its data, and what follows from it in any case: how a
 * quiz went, say. */
struct about {
    struct occasion_field fields[OCCASION_FIELDS_MAX];
    size_t fields_n;
    struct occasion follows[FOLLOWS_MAX];
    size_t follows_n;
};

/* What a decision read beyond the event: stored, so that refunds, explain and verify decide again
 * from it. */
struct input_var {
    struct value value;
    bool is_known;
};
/* Of an achievement that the event could count for: how far it was before. */
struct progress_input {
    int achievement; // index
    int64_t value; // counted in this period; DISTINCT: how many values; STREAK: events in this step
    int64_t completed;   // times completed, in all or in this period (see struct achievement)
    int64_t left, right; // STREAK: steps in a row just before and just after this one
    uint64_t *present;   // DISTINCT: those of the event's values that were counted already
    size_t present_n;
};
/* A change of a tier that rules may follow on. */
struct tier_follow {
    struct str set, from, to; // slugs
    enum tier_why why;
    bool is_up;
    int level; // of its occasion
};
struct inputs {
    const struct program *program;
    struct about about;
    struct tier_follow *tier_follows; // changes of tiers that followed, in their order
    size_t tier_follows_n, tier_follows_max;
    struct input_var *vars;       // by slot
    int8_t *audiences;            // by segment: -1 not asked, 0, 1
    int64_t *caps_used;           // by cap index, before the event; -1: not asked
    struct remainder *remainders; // those asked, by symbol
    size_t remainders_n, remainders_max;
    struct grant_input {      // how many of a reward a rule's effect gave
        int32_t rule, effect; // indexes
        int64_t count;
    } * grants;
    size_t grants_n, grants_max;
    struct progress_input *progress; // of the achievements that the event could count for
    size_t progress_n, progress_max;
};
void inputs_open(struct arena *arena, const struct program *program, struct inputs *out);
void inputs_pack(struct buf *out, const struct inputs *inputs);
enum err inputs_unpack(struct arena *arena, const struct program *program, struct str bytes,
                       struct inputs *out) MUST_USE;

/* A purchase as it stands after its refunds and changes. */
struct purchase {
    int64_t id;                    // event id
    const struct program *program; // the version it was decided by
    struct event content;          // as sold, or as last changed
    struct inputs inputs;
    int64_t booked_at;
    enum outcome outcome;
    struct spent_lot *spent;
    size_t spent_n;
    const struct answer_reward *rewards; // those it issued and used, as they were then
    size_t rewards_n;
    bool has_own_rewards; // the list is the record's: a change of the content made it another one
    // From the purchase's own small state row, all zero while nothing has touched it:
    int64_t row_version;      // 0: no row yet
    int64_t *refunded_milli;  // by line: cumulative quantity refunded by line
    int64_t *refunded_amount; // by line: cumulative amount refunded by line
    int64_t refunded_total;   // cumulative amount refunded without naming lines
    int64_t restored_points;  // points of payments given back so far
    int64_t returned_value;   // of a gift card's payment given back so far
    bool is_cancelled;
    bool is_completed;
    int64_t content_event; // the event whose content holds: `id`, or the last purchase.changed (a
                           // column of the row)
    const struct review *reviews; // of its lines and its store
    size_t reviews_n;
};
/* A copy to work on: what a decision changes in it is the copy's own. */
struct purchase *purchase_copy(struct arena *arena, const struct purchase *purchase);
void purchase_pack(struct buf *out, const struct purchase *purchase);
enum err purchase_unpack(struct arena *arena, struct str bytes, struct purchase *purchase) MUST_USE;
void spent_pack(struct buf *out, const struct spent_lot *spent, size_t n);
void spent_unpack(struct arena *arena, struct unpack *in, struct spent_lot **out, size_t *n);

/* A member's clear profile, for conditions. */
struct profile {
    int32_t birth_on;         // INT32_MIN: unknown
    int64_t birth_entered_at; // when that date was entered, AT_MIN: before that was written down
    struct str country, city, language, gender;
    struct str *tags;
    size_t tags_n;
    const struct json *attributes; // the clear ones
};

/* A counter for all members together: its value, or what is added to it. */
struct shared_use {
    int32_t symbol;
    int32_t day;
    int64_t points; // in the counter's unit; +- where it is added
};

/* What the event's subject proves: a card's number can be copied, the code of the changing card
 * cannot. */
enum proof {
    PROOF_NOT_NEEDED, // named by somebody who may name whom they want
    PROOF_STATIC,     // by the number of a card
    PROOF_WRONG,      // by a code of the changing card that is not, or no longer, right
    PROOF_FRESH,      // by a right one
};

struct facts {
    const struct state *state;
    const struct profile *profile;
    const struct zone *zone; // the member's own, NULL: the program's; only where knows_zone
    bool knows_zone;
    uint64_t subscription_key; // of subscription.*: keyed hash of the id that the event names
    struct opening {           // what subscriptions are called
        int64_t event;         // that opened it
        struct str id;
    } * openings;
    size_t openings_n;
    // Of code.entered: the redemption code that the code belongs to (symbol, 0: none), and how
    // often this code was used.
    int32_t redemption_code;
    int64_t code_used;
    // Of an event that names an advocate: who that is, 0: nobody has the code.
    struct advocate_facts {
        int64_t member;
        bool is_named;    // the event names one at all
        bool is_self;     // they have an e-mail, phone, card, address or device in common
        bool is_circular; // the member has brought them, or somebody who has
    } advocate;
    bool knows_likeness; // whether is_alike says anything
    bool is_alike; // by what both have by now, the member and who has brought them are one person
    const int8_t *segments; // by segment: whether the member is in it; NULL: judged by its
                            // condition (tests of programs)
    const struct purchase **purchases; // loaded originals
    size_t purchases_n;
    int64_t original; // event id of the event's original, 0: not known here
    int64_t original_member;
    const struct shared_use *shared; // what is counted for all members together
    size_t shared_n;
    const struct issued **issued; // loaded rewards of this member
    size_t issued_n;
    enum proof proof;
    int64_t proof_step; // PROOF_FRESH: the step of its code
    int64_t booked_at;  // the booking instant
    const unsigned char *
        reason_commitment; // HASH_BYTES that stand for the event's reason in its transfers, or NULL
    bool is_forgotten;     // the member was erased: what is still said of them is noted and moves
                           // nothing
    bool wants_explain;    // notes of every rule are made
    const struct program
        *program_now; // the version in force at the booking instant (timers, returns policy)
};

/* What a decision lacks: the engine loads it and decides again. */
struct needs {
    bool lots;             // all chunks of lots
    bool counters;         // all chunks of counters
    int64_t purchase;      // event id of a purchase, 0: none
    const int64_t *issued; // ids of issued rewards
    size_t issued_n;
    bool zone;       // the member's time zone
    int64_t opening; // what the subscription opened by this event is called, 0: none
    bool likeness;   // what the member and who has brought them have in common
};

/* One rule as explain shows it. */
struct explain_rule {
    int rule; // index
    bool fired;
    struct str stage; // why it did not fire: when, window, days, hours, audience, cap, or empty
    struct str pointer;
    struct str condition; // JSON text of the failing part
    struct str actual;    // JSON text
    int64_t points;       // awarded in all, after caps
    int64_t points_before_caps;
    int64_t base;          // the earning base it saw
    struct str clipped_by; // where the cap or budget stands that clipped it, or empty
    struct str gap;        // what a formula lacked: a variable, a table; or empty
};

/* Something the clock did on the way, before the event: a row of the timeline by itself. */
struct decision {
    bool is_silent;   // nothing happened but that the clock goes on: no event, only the state
    int64_t event_id; // drawn from the id source; also of timer decisions
    struct event event;
    int64_t member;
    int64_t previous_event; // the member's event before this one, 0: none
    struct state *state;    // the member afterwards
    struct answer answer;
    struct transfer *transfers;
    size_t transfers_n, transfers_max;
    struct inputs inputs; // of purchases, visits and custom events
    bool has_inputs;
    struct spent_lot *spent;
    size_t spent_n, spent_max;
    struct purchase *purchase; // the original, changed by this event; NULL: none
    struct shared_use *shared;
    size_t shared_n, shared_max;
    bool uses_code;                // the code that was entered counts as used once more
    struct referral_note referral; // a line of the member's own list of referrals; state NONE: none
    struct review_note review;     // of the list of reviews; state NONE: nothing
    struct relay *relays;          // what follows for other members
    size_t relays_n, relays_max;
    struct issued *issued; // rewards issued or changed, each once
    size_t issued_n, issued_max;
    struct explain_rule *explain;
    size_t explain_n;
    int64_t releases; // > 0: events held for this purchase may be decided now
};

/* Decides one event. `program` is the version in force at the event's time. Draws ids from *ids.
 * ERR_RETRY: *needs says what to load; nothing else was touched but *ids. ERR_OVERFLOW: the books
 * would overflow: the caller refuses. Timers due at or before facts->booked_at must have run (see
 * decide_timer). */
enum err decide(struct arena *arena, const struct program *program, const struct facts *facts,
                const struct event *event, struct id_source *ids, struct needs *needs,
                struct decision *out) MUST_USE;

/* Fills in version, balances and tiers of an answer from a state; `before` NULL: no change of tier.
 */
void answer_open(struct arena *arena, const struct program *program, const struct state *before,
                 const struct state *state, int64_t booked_at, struct answer *answer);

/* The instant of the member's next timer, AT_NEVER when nothing waits. */
int64_t state_next_due(const struct state *state, const struct program *program);

/* Runs what is due at state_next_due(), which is at or before facts->booked_at: one clock event. */
enum err decide_timer(struct arena *arena, const struct facts *facts, struct id_source *ids,
                      struct needs *needs, struct decision *out) MUST_USE;

/* What must hold for any decision against the state before it: balances equal lots and transfers,
 * nothing below zero. Returns NULL, or the broken law in English. */
const char *decision_check(const struct state *before, const struct decision *decision);

#endif
