/* A member's state: everything about the member that changes with events, in one small record.
 *
 * Balances, lots, remainders, counters by day, tier. The hot part is one row; lots and counters
 * that do not fit go into chunk rows that are read only when a decision asks for them.
 *
 * Owns:    nothing beyond its arena.
 * Threads: one thread at a time.
 * Memory:  the arena given; the lists grow in it.
 * Errors:  state_unpack() returns ERR_INTEGRITY on bytes it did not write.
 * Limits:  STATE_LOTS_INLINE, STATE_COUNTERS_INLINE, chunks of CHUNK_ITEMS.
 */
#ifndef LOYALD_STATE_H
#define LOYALD_STATE_H

#include "core/program.h"
#include "core/referral.h"

enum {
    STATE_LOTS_INLINE = 16,
    STATE_COUNTERS_INLINE = 96,
    CHUNK_ITEMS = 64,
    STATE_ORDERS_MAX = 1000,
    STATE_DISTINCTS_MAX = 10000,
    STATE_FLOORS_MAX = 100,
    STATE_KEPT_MAX = 1000,
    STATE_GIFTS_MAX = 1000,
    STATE_TIERS_BEFORE_MAX = 1000,
    STATE_MOMENTS_MAX = 10000,
    STATE_STAYS_MAX = 8, // those that another one may go on from
    STATE_SUBSCRIPTIONS_MAX = 200,
    SUBSCRIPTION_MONTHS_MAX = 12 * 1000,
    STATE_REWARDS_MAX = 1000,       // open at once; beyond, none is issued
    STATE_REWARDS_HELD_MAX = 10000, // with those that refunds gave back
    HASH_BYTES = 32,
};

/* One credit of points with terms of its own. */
struct lot {
    int64_t id;             // of the transfer that made it
    int64_t event;          // the event that earned it: a refund of that event takes it first
    int64_t earned_at;      // that event's time: second in spending order
    int32_t wallet;         // symbol
    int32_t version;        // program version whose unit cost holds
    int64_t pending;        // points not yet active
    int64_t active;         // points that can be spent
    int64_t expired;        // points that expired and that no refund has counted as returned yet
    int64_t activates_at;   // while pending; AT_NEVER: waits for an event
    int64_t voids_at;       // while pending: then the pending points are revoked; AT_NEVER: no
    int64_t own_end_at;     // of an order's lot: end of the wallet's own pending
    int64_t expires_at;     // AT_NEVER: never, or sliding
    int32_t sliding_months; // > 0: expires so many months after the member's last activity
    bool is_order;          // waits for purchase.completed
    uint64_t match;         // pending until an event: hash of the matched field, else 0
    int32_t match_type;     // symbol of the awaited event type
    int32_t chunk;          // where it is stored: 0 inline, else the chunk's number; not packed
};

struct remainder {
    int32_t symbol;
    int64_t value;  // 0 <= value < per_amount (times the multiplier's scale)
    int64_t points; // the ratio it belongs to: another ratio starts at zero
    int64_t per_amount;
};

struct counter {
    int32_t symbol;
    int32_t day; // first local day of the period, or DAY_TOTAL
    int64_t value;
    int32_t chunk; // as in struct lot
};

/* A value that an achievement of different values has counted. */
struct distinct {
    int32_t symbol; // the achievement's
    int32_t day;    // first day of the period, or DAY_TOTAL
    uint64_t value; // hash of the value
    int64_t n;      // events that brought it, > 0
};

/* A reward that was issued and is neither used up, cancelled nor expired; its row has the rest. */
struct open_reward {
    int64_t id;
    int64_t event;      // the event that issued it: its refund takes the reward back
    int32_t reward;     // symbol
    int64_t expires_at; // AT_NEVER: never
};

/* A night or more at one house, as long as another one may follow it. */
struct stay {
    uint64_t store; // hash of its slug
    int32_t in_on;  // local days
    int32_t out_on;
};

struct balance {
    int32_t wallet; // symbol
    int64_t active;
    int64_t pending;
    int64_t debt;
};

struct tier_state {
    int32_t set;         // symbol
    int32_t tier;        // symbol
    int32_t reached_on;  // local day of booking
    int32_t valid_from;  // the day its validity counts from: reached_on, or the last valid day
                         // before renewal
    int32_t met_on;      // local day on which its entry was first met
    int64_t valid_until; // AT_NEVER: no end
    bool is_renewed;
    // What a refund of the winning purchase brings back.
    int32_t before_tier;
    int64_t before_valid_until;
    // The last downgrade, for late events that would have kept the tier.
    int32_t lost_tier;
    int32_t lost_from; // first day of the judged window
    int32_t lost_through;
    int64_t lost_valid_until; // what renewal would have set
};

/* A tier that the member has at least, whatever they earn. Numbers of kinds are stored: append
 * only. */
enum tier_floor_kind {
    FLOOR_MANUAL = 1,   // given by hand
    FLOOR_GIFT = 2,     // given by a rule
    FLOOR_LIFETIME = 3, // kept for so many periods that it is for life
};
struct tier_floor {
    int32_t set, tier; // symbols
    enum tier_floor_kind kind;
    int32_t from_on; // local day of booking
    int64_t until;   // AT_NEVER: no end
    int64_t event;   // that gave it: the refund of a purchase takes its gifts back
    int32_t rule;    // symbol, 0: none
};

/* How many periods a tier was kept at or above: counted for tiers that can become lifetime. */
struct tier_kept {
    int32_t set, tier; // symbols
    int32_t periods;   // > 0
};

/* The end of a validity that the member was warned of. */
struct tier_warned {
    int32_t set; // symbol
    int64_t valid_until;
};

/* What coming to a tier brought, piece by piece, as long as a refund can take the tier back.
 * Numbers are stored. */
enum tier_gift_kind {
    TIER_GIFT_POINTS = 1,  // symbol: wallet
    TIER_GIFT_COUNTER = 2, // symbol: a counter of the member: qualifying points, a cap
    TIER_GIFT_SHARED = 3,  // symbol: a counter for all members together
    TIER_GIFT_REWARD = 4,  // value: id of the issued reward
};
struct tier_gift {
    int32_t set, tier; // symbols
    int64_t event;     // that brought the tier
    enum tier_gift_kind kind;
    int32_t symbol;
    int32_t day; // of a counter
    int64_t value;
};

/* An instant that the clock waits for: the next birthday, the end of a silence (moment.h). */
struct moment {
    int32_t symbol;   // of its plan: struct moment_plan
    int64_t object;   // what of the member's it is about; 0: the member
    int64_t due_at;   // AT_NEVER: nothing is due as things stand
    int64_t fired_at; // due_at of the last time, AT_MIN: none yet
    int64_t base;     // what due_at was computed from: a day, an instant
    int32_t fired_n;  // of a schedule that repeats: which step of this base came last, 0: none
};

/* Numbers are stored: append only. */
enum subscription_state {
    SUBSCRIPTION_ACTIVE = 1,
    SUBSCRIPTION_PAUSED = 2,
    SUBSCRIPTION_CANCELLED = 3
};

/* What goes on by the month (subscription.h). Who it is to others is sealed with the event that
 * opened it. */
struct subscription {
    uint64_t key;       // keyed hash of its id
    int32_t number;     // among the member's
    int64_t opened_by;  // event
    int64_t changed_at; // time of the event that plan and state are from
    struct str plan;    // empty: none was named
    enum subscription_state state;
    bool is_started;   // false: what came after its start has arrived before it
    int32_t start_on;  // local day; its months are counted from here, 0 being the first
    int32_t paused_on; // of PAUSED: since this day
    int32_t judged;    // months that are over
    int32_t kept;      // those of them that were kept
    int32_t lost_from, lost_through; // months from .. through - 1 were touched by a pause
    int32_t credit;                  // months paid ahead
    int32_t owed;                    // months that wait for their payment
    int32_t ready;                   // months paid afterwards: kept at ready_at
    int64_t ready_at;
};

struct order {
    int64_t event; // a placed purchase that is not completed yet
    int64_t voids_at;
};

/* Rows of cold lots or counters. */
enum chunk_kind { CHUNK_LOTS = 1, CHUNK_COUNTERS = 2 };
struct chunk_note {
    int32_t number; // >= 1
    bool is_dirty;  // to be written
    bool is_new;
};

struct state {
    int64_t member;
    int64_t version; // of the row; 0: not stored yet
    int64_t enrolled_at;
    int64_t last_event;    // newest event id of this member: head of the timeline
    int64_t last_transfer; // newest transfer id
    int64_t transfers_n;
    unsigned char chain[HASH_BYTES]; // hash of the newest transfer
    int64_t activity_at;             // latest activity event by its time; AT_MIN: none
    int64_t timer_at;                // due of the member's row in the timer table; AT_NEVER: none
    bool is_suspended;
    struct balance *balances;
    size_t balances_n, balances_max;
    struct lot *lots; // inline ones, and loaded chunks after them
    size_t lots_n, lots_max;
    struct remainder *remainders;
    size_t remainders_n, remainders_max;
    struct counter *counters;
    size_t counters_n, counters_max;
    struct tier_state *tiers;
    size_t tiers_n, tiers_max;
    struct tier_state *tiers_before; // standings above the lowest that a refund may bring back, by
                                     // set the newest last
    size_t tiers_before_n, tiers_before_max;
    struct tier_floor *floors;
    size_t floors_n, floors_max;
    struct tier_kept *kept;
    size_t kept_n, kept_max;
    struct tier_warned *warned;
    size_t warned_n, warned_max;
    struct tier_gift *gifts;
    size_t gifts_n, gifts_max;
    int64_t last_tier_event; // newest event with a change of tiers: head of their history, 0: none
    struct moment *moments;
    size_t moments_n, moments_max;
    struct referral referral; // whom the member has named as their advocate
    struct stay *stays;
    size_t stays_n, stays_max;
    struct subscription *subscriptions;
    size_t subscriptions_n, subscriptions_max;
    struct order *orders;
    size_t orders_n, orders_max;
    struct distinct *distincts;
    size_t distincts_n, distincts_max;
    struct open_reward *rewards;
    size_t rewards_n, rewards_max;
    int64_t last_reward; // newest issued reward: head of their list, 0: none
    bool is_auto_off;    // the member wants no rewards bought by themselves
    // The member's changing card (vault/card.h).
    struct card_state {
        int64_t generation; // of its secret, 0: no card
        int64_t step;       // the latest one whose code was spent with
        int32_t wrong_on;   // local day of the latest wrong code
        int64_t wrong_n;    // wrong codes on that day
    } card;
    // Cold storage.
    int32_t lot_chunks_n; // chunks of lots that exist
    int64_t cold_due_at;  // earliest activation, voiding or expiry among cold lots (a lower bound)
    int32_t counter_chunks_n;      // chunks of counters that exist
    int32_t cold_through_day;      // latest day among cold counters; DAY_TOTAL: none
    bool lots_loaded;              // every lot is in `lots`
    bool counters_loaded;          // every counter is in `counters`
    struct chunk_note *lot_chunks; // of the chunks that were touched
    size_t lot_chunks_touched_n, lot_chunks_max;
    struct chunk_note *counter_chunks;
    size_t counter_chunks_touched_n, counter_chunks_max;
    // Next expiry of active points by wallet is derived when all lots are at hand, else kept here.
    struct next_expiry {
        int32_t wallet;
        int64_t at;
        int64_t points;
    } * next_expiries;
    size_t next_expiries_n, next_expiries_max;
};

/* A new member's state. */
void state_open(struct arena *arena, int64_t member, int64_t enrolled_at, struct state *out);

/* A copy that shares nothing with the original: a decision works on it. */
void state_copy(struct arena *arena, const struct state *from, struct state *out);

/* The balance of a wallet; made when missing. */
struct balance *state_balance(struct arena *arena, struct state *state, int32_t wallet);
const struct balance *state_balance_find(const struct state *state, int32_t wallet);

/* The counter's value on one day (DAY_TOTAL: over all time), inline and loaded ones together. */
int64_t state_counter(const struct state *state, int32_t symbol, int32_t day);

/* Sum over days from..through, both included. */
int64_t state_counter_sum(const struct state *state, int32_t symbol, int32_t from, int32_t through);

/* Adds to a counter; an entry that comes to zero is dropped. */
void state_counter_add(struct arena *arena, struct state *state, int32_t symbol, int32_t day,
                       int64_t value);

/* The remainder under a ratio: zero when the stored one belongs to another ratio. */
int64_t state_remainder(const struct state *state, int32_t symbol, int64_t points,
                        int64_t per_amount);
void state_remainder_set(struct arena *arena, struct state *state, int32_t symbol, int64_t value,
                         int64_t points, int64_t per_amount);

/* How many events brought a value to an achievement in a period. */
int64_t state_distinct(const struct state *state, int32_t symbol, int32_t day, uint64_t value);

/* How many values an achievement has counted in a period. */
int64_t state_distincts(const struct state *state, int32_t symbol, int32_t day);

/* Adds n (+-) to a value's events; at zero the value goes. False when there would be more than
 * STATE_DISTINCTS_MAX. */
bool state_distinct_add(struct arena *arena, struct state *state, struct distinct added) MUST_USE;

/* What every stored state keeps: nothing is below zero, and each balance is what its lots hold (of
 * cold lots only as much as can be told without them). False: the bytes are not those that were
 * written. */
bool state_is_balanced(const struct state *state);

/* When a lot's points expire. */
int64_t lot_expires_at(const struct state *state, const struct zone *zone, const struct lot *lot);

/* Appends a lot and returns it (valid until the next append). */
struct lot *state_lot_add(struct arena *arena, struct state *state, struct lot lot);

/* The lot of that id among the loaded ones, or NULL. */
struct lot *state_lot_find(struct state *state, int64_t id);

/* Note that a lot has changed, so that its chunk is written again. */
void state_lot_touch(struct arena *arena, struct state *state, const struct lot *lot);

/* Moves what is too much for the hot row into chunks, and forgets inline lots that hold nothing any
 * more and that no refund can ask about. Called once, before the state is stored. */
void state_spill(struct arena *arena, struct state *state, const struct zone *zone);

/* Records. Format 1 is frozen; format 2 is format 1 and sections after it, written only where there
 * is one. */
void state_pack(struct buf *out, const struct state *state);
enum err state_unpack(struct arena *arena, int64_t member, int64_t version, struct str bytes,
                      struct state *out) MUST_USE;

/* A chunk's record from the state's lists, and back into them. */
void state_chunk_pack(struct buf *out, const struct state *state, enum chunk_kind kind,
                      int32_t number);
enum err state_chunk_unpack(struct arena *arena, struct state *state, enum chunk_kind kind,
                            int32_t number, struct str bytes) MUST_USE;

#endif
