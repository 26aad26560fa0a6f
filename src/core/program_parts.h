/* The parts of a compiled program: wallets, rules, campaigns, rewards, tiers and the rest, as the
 * document has them.
 *
 * Owns:    nothing.
 * Threads: as program.h.
 * Memory:  as program.h.
 * Errors:  none.
 * Limits:  the constants below.
 */
#ifndef LOYALD_PROGRAM_PARTS_H
#define LOYALD_PROGRAM_PARTS_H

#include "base/err.h"
#include "base/json.h"
#include "base/num.h"
#include "base/time.h"
#include "core/rule.h"
#include "core/symbol.h"

enum {
    WALLETS_MAX = 16, // in the document
    CONTESTS_MAX = 50,
    PROGRAM_WALLETS_MAX =
        WALLETS_MAX + CONTESTS_MAX, // with those that hold the entries of contests
    CONTEST_ENTRIES_MAX = 20,       // ways into one contest
    CONTEST_WINNERS_MAX = 1000,
    WALLET_SCALE_MAX = 4,
    RULES_MAX = 500,
    EFFECTS_MAX = 20,
    CAPS_MAX = 8, // per rule or wallet
    PROGRAM_CAPS_MAX = 2000,
    STORES_MAX = 20000,
    SEGMENTS_MAX = 500,
    TIER_SETS_MAX = 8,
    METRICS_MAX = 16, // per tier set
    TIERS_MAX = 32,
    VARS_MAX = 1000,
    EVENT_TYPES_MAX = 200,
    ACHIEVEMENTS_MAX = 200,
    RULE_MATCHES_MAX = 2,
    CAMPAIGNS_MAX = 500,
    REWARDS_MAX = 1000,
    QUESTIONS_MAX = 50,
    REWARD_QUANTITY_MAX = 100,
    OFFERS_MAX = 500,
    SCHEDULES_MAX = 100,
    PLANS_MAX = 200, // different moments that the clock waits for
};

/* Days are numbered from 1970; a counter's total over all time stands under this day. */
#define DAY_TOTAL INT32_MIN

enum pending_kind { PENDING_NONE, PENDING_DAYS, PENDING_DATE, PENDING_EVENT };
enum expiry_kind {
    EXPIRY_NEVER,
    EXPIRY_DAYS,
    EXPIRY_MONTHS,
    EXPIRY_DATES,
    EXPIRY_INACTIVITY,
    EXPIRY_AT, // of a contest's entries: an instant
};
enum expiry_round { ROUND_NONE, ROUND_MONTH_END, ROUND_QUARTER_END, ROUND_YEAR_END };
enum returns_policy { RETURNS_PENDING_ONLY, RETURNS_TO_ZERO, RETURNS_DEBT };
enum period_kind { PERIOD_DAY, PERIOD_WEEK, PERIOD_MONTH, PERIOD_YEAR, PERIOD_LIFETIME };
enum cap_per { CAP_MEMBER, CAP_TRANSACTION, CAP_RULE };
enum cap_unit {
    CAP_POINTS,
    CAP_MONEY, // what the points cost the merchant by the wallet's unit_cost, in millionths of a
               // minor unit
    CAP_USES,  // events that got something
};

/* A limit on what a rule, a campaign or a wallet gives; a campaign's budget is one for all members
 * together. */
struct cap {
    enum cap_per per;
    enum cap_unit unit;
    enum period_kind period; // of CAP_MEMBER, and of CAP_RULE
    int64_t limit;           // in units
    int32_t symbol;          // the counter; 0 for CAP_TRANSACTION
    int index;               // position in the program's list of all caps
    struct str pointer;      // where it stands in the document
};

struct wallet {
    struct str slug;
    int32_t symbol;
    int32_t qualifying_symbol;   // counter of qualifying points by day
    int32_t pending_type_symbol; // PENDING_EVENT: "type:TYPE"
    int scale;
    bool is_spendable;
    struct {
        enum pending_kind kind;
        int days;           // PENDING_DAYS, and after_days of PENDING_EVENT
        int32_t date;       // PENDING_DATE: active from that local day on
        struct str type;    // PENDING_EVENT
        struct str match;   // PENDING_EVENT: the field of data equal in both events, or empty
        bool then_activate; // PENDING_EVENT: at the end of after_days activate, else void
    } pending;
    struct {
        enum expiry_kind kind;
        int n; // days or months
        enum expiry_round round;
        struct civil *dates; // EXPIRY_DATES: month and day, ascending
        size_t dates_n;
        int64_t at; // EXPIRY_AT
    } expiry;
    enum returns_policy returns;
    int returned_min_days;
    struct {
        int64_t points; // so many points pay …
        int64_t amount; // … so much money; 0: the wallet does not pay
        int64_t min_points;
        struct decimal max_share; // of the purchase's amount
    } pay;
    struct {
        int64_t points; // so many points cost the merchant …
        int64_t amount; // … so much money; 0: nothing is known
    } unit_cost;
    struct cap *caps;
    size_t caps_n;
};

enum { COST_MICRO = 1000000 };

/* When something applies. */
struct window {
    int32_t from_day;  // first local day, INT32_MIN: open
    int32_t until_day; // first local day after, INT32_MAX: open
    int64_t from_at;   // where the document gives instants
    int64_t until_at;
    uint8_t weekdays; // bit 0 = Monday; 0: every day
    int hours_from;   // minutes since midnight; -1: all day
    int hours_until;
};

enum line_kind {
    LINE_GOODS,
    LINE_SERVICE,
    LINE_SHIPPING,
    LINE_FEE,
    LINE_TIP,
    LINE_GIFT_CARD,
    LINE_DEPOSIT,
    LINE_DONATION,
    LINE_KINDS_N
};

enum effect_kind { EFFECT_EARN, EFFECT_MULTIPLY, EFFECT_REWARD, EFFECT_TIER };

struct effect {
    enum effect_kind kind;
    int wallet;                    // index; -1 of effects without points
    int reward;                    // REWARD: index
    const struct contest *contest; // EARN of entries in a contest, else NULL
    const struct rule *who;        // EARN of entries: who may take part; NULL: all
    struct {
        struct str set, tier; // slugs
        int set_index, rank;
        int days, months;       // how long; neither: no end
        struct str pointer;     // of the effect
    } tier;                     // TIER
    int64_t points;             // EARN, unless by formula
    const struct rule *formula; // EARN by formula or table, else NULL
    enum ratio_round round;     // of a formula
    int64_t per_amount;         // EARN: minor units; 0: fixed points (a bonus)
    uint32_t kinds;             // EARN per amount: bits of enum line_kind in the earning base
    bool with_tax;              // EARN per amount: tax included
    bool with_points_paid;      // EARN per amount: the part paid in points counts too
    bool is_qualifying;
    int64_t by_extra; // MULTIPLY: (by - 1) = by_extra / by_over
    int64_t by_over;
    const struct rule *lines;    // NULL: all lines
    int32_t remainder_symbol;    // EARN per amount; for MULTIPLY see struct multiplied
    int32_t *multiplied_symbols; // MULTIPLY: the remainder of each base effect, by its base_index
    int base_index; // EARN per amount: its number among the program's base effects, else -1
};

/* A field of the event that must hold this text: how rules made from other sections (an
 * achievement's effects, say) find their occasion. */
struct rule_match {
    struct str field;
    struct str value;
};

/* How the rules of a group go together. */
enum stack_mode {
    STACK_ALL,
    STACK_BEST, // only the one that gives most
    STACK_STOP, // none of lower priority after this one
};

struct earning_rule {
    struct str slug;
    int32_t symbol;
    struct str trigger; // event type, or the type of an occasion
    int silence_days;   // of the trigger "inactive": after so many days; else 0
    struct rule_match matches[RULE_MATCHES_MAX];
    size_t matches_n;
    bool heeds_refusal; // gives nothing on an occasion that says why not: a referral beyond its
                        // cap, a review of what was returned
    const struct rule *when; // NULL: always
    int audience;            // index of a segment, or -1
    struct window window;
    int64_t closes_at;      // booked from then on, it gives nothing; AT_NEVER: no such time
    int campaign;           // index, or -1
    struct str stack_group; // empty: stands alone
    enum stack_mode stack;
    struct effect *effects;
    size_t effects_n;
    struct cap *caps;
    size_t caps_n;
    int priority;
    int *member_slots; // what its conditions can read of the member: recorded whether read or not,
                       // since less
    size_t member_slots_n; // content may take another way through them
    struct str pointer;    // "/earning_rules/3"
};

struct segment {
    struct str slug;
    const struct rule *when;
};

/* A time-boxed set of rules: they fire only where both they and their campaign may. */
struct campaign {
    struct str slug;
    struct window window;
    int audience;     // index of a segment, or -1
    int offer;        // index of an offer that members must have accepted, or -1
    struct cap *caps; // its own, then its budget
    size_t caps_n;
};

/* The public face of a campaign. */
struct offer {
    struct str slug;
    int32_t symbol; // a member's counter under it is above zero once the offer is accepted
    int campaign;   // index
    bool is_opt_in;
    const struct json *json; // its texts
};

/* Numbers are stored: append only. */
enum reward_kind {
    REWARD_MONEY_OFF = 1,
    REWARD_PERCENT_OFF = 2,
    REWARD_FREE_PRODUCT = 3,
    REWARD_GIFT_CARD = 4,      // a stored value, used in parts
    REWARD_COUPON = 5,         // a code from a coupon pool
    REWARD_CODE = 6,           // a generated code
    REWARD_PHYSICAL = 7,       // goods that are sent
    REWARD_CASHBACK = 8,       // money that is paid out
    REWARD_WEBHOOK = 9,        // fulfilled by somebody else
    REWARD_CONTEST_ENTRY = 10, // tickets in a draw
    REWARD_KINDS_N
};

/* What members of these tiers (none: all) pay. */
struct reward_price {
    struct str *tiers;
    size_t tiers_n;
    int wallet;
    int64_t points;
};

/* What the reward is worth in these countries. */
struct reward_market {
    struct str *countries;
    size_t countries_n;
    int64_t value;
    struct str currency;
    struct str pool; // "SLUG" of the coupon pool, empty: the reward's own
};

/* How many there are, in all or in one store. */
struct reward_stock {
    struct str store; // empty: all stores together
    int64_t count;
    int32_t symbol; // its shared counter: how many are given out
};

struct reward {
    struct str slug;
    int32_t symbol;
    enum reward_kind kind;
    const struct json *json; // its texts
    struct reward_price *prices;
    size_t prices_n;
    struct reward_market *markets;
    size_t markets_n;
    int64_t value;                 // minor units; of contest_entry: how many; of percent_off unused
    const struct contest *contest; // contest_entry
    struct str currency;
    int percent_basis_points; // percent_off
    int64_t max_value;        // percent_off: 0: no maximum
    int64_t cost;             // what one costs the merchant, minor units of the program's currency
    struct str pool;          // coupon: the pool's name
    int64_t min_spend;        // of the purchase that it is used in
    const struct rule *lines; // which lines it may pay for, NULL: all
    bool combines;
    int64_t auto_at; // > 0: bought by itself once active points reach this
    bool auto_repeats;
    struct {
        struct str *tiers;
        size_t tiers_n;
        struct str *countries;
        size_t countries_n;
        int audience; // index of a segment, or -1
        int min_age;
        struct window window;
        struct reward_stock *stocks;
        size_t stocks_n;
        int64_t per_member; // -1: no limit
        enum period_kind period;
    } available;
    int32_t count_symbol; // a member's counter of those received
    int valid_days;       // 0: for ever
    int reserve_minutes;
    struct pool_symbols {
        struct str pool;
        int32_t uploaded; // shared counters of the pool
        int32_t taken;
    } * pools; // of all its markets
    size_t pools_n;
};

/* Questions, of quizzes and of surveys. */
enum question_kind { QUESTION_QUIZ, QUESTION_NPS, QUESTION_CSAT, QUESTION_CHOICE, QUESTION_TEXT };

struct question {
    struct str slug;
    enum question_kind kind;
    struct option {
        struct str slug;
        bool is_right; // of a quiz
    } * options;
    size_t options_n;
    bool has_many;    // several options may be chosen
    int64_t points;   // of a quiz: for the right answer
    bool is_required; // of a survey
    const struct rule
        *when; // of a survey: asked only where this holds of the answers; NULL: always
};

struct quiz {
    struct str slug;
    struct question *questions;
    size_t questions_n;
    int pass;         // so many right answers
    int64_t attempts; // 0: as many as one likes
    struct window window;
    int32_t attempts_symbol; // a member's counter of attempts
    int32_t right_symbol;    // … of the questions answered right so far, a bit each
    int32_t passed_symbol;   // … above zero once passed
    const struct json *json;
};

struct survey {
    struct str slug;
    struct question *questions;
    size_t questions_n;
    int once_days;   // not again within so many days; 0: once and for all
    bool may_repeat; // "once_per" was given
    struct window window;
    int32_t answered_symbol; // a member's counter that holds the local day of the last response,
                             // from 1970
    const struct json *json;
};

/* Codes that earn: from packs, events, partners. */
struct redemption_code {
    struct str slug;
    int32_t symbol;        // of its codes; for a fixed one also the shared counter of its uses
    struct str fixed;      // the code itself, empty: generated or uploaded ones
    int64_t uses;          // of each code; 0: as many as one likes
    int64_t per_member;    // of all its codes together; 0: as many as one likes
    int32_t member_symbol; // a member's counter
    struct window window;
};

/* A draw among those who entered. Entries are points of a wallet of its own, "contest.SLUG": earned
 * by rules, taken back by refunds, unspendable; an active one takes part in the draw. */
#define CONTEST_WALLET "contest." // no slug has a dot
struct contest {
    struct str slug;
    int wallet; // index
    struct window window;
    int64_t opens_at, closes_at; // its window as instants
    int winners;
    struct str *countries; // of members who may take part; none: all
    size_t countries_n;
    int min_age;             // on the day of entering; 0: any
    const struct json *json; // its texts
};

/* Members who bring members. */
struct referral_program {
    struct str slug;
    int32_t symbol;
    bool on_enrolment;  // qualifies when the advocate is named; else at the first purchase of
                        // min_amount
    int64_t min_amount; // minor units
    int hold_days;      // from then until both sides get theirs
    int64_t cap;        // so many count for an advocate in a period; 0: no limit
    enum period_kind cap_period;
    int32_t cap_symbol; // the advocate's counter
    struct str link;    // with {{code}}; empty: none
};

struct sales_store {
    struct str slug;
    const struct zone *zone;
    struct str currency;      // empty: the program's
    int32_t purchases_symbol; // counter of purchases here by day
};

enum metric_kind { METRIC_POINTS_EARNED, METRIC_SPEND, METRIC_SUM, METRIC_COUNT };

struct metric {
    struct str slug;
    enum metric_kind kind;
    int wallet;              // POINTS_EARNED
    struct str trigger;      // SUM, COUNT
    const struct rule *when; // COUNT, SUM: condition, or NULL
    const struct rule *of;   // SUM: the number summed up
    int32_t symbol;          // its counter by day
    int32_t name_symbol;     // "metric:SET/SLUG", for answers
    size_t index;            // among the metrics of all tier sets
};

struct tier_goal {
    int metric;
    int64_t value;
};

/* "any_of": at least one goal is met; "all_of": every one. No goals: never met (or always, for the
 * lowest tier). */
struct tier_condition {
    bool needs_all;
    struct tier_goal *goals;
    size_t goals_n;
};

struct tier {
    struct str slug;
    int32_t symbol;
    struct tier_condition enter;
    struct tier_condition keep; // a copy of `enter` where the document has none
    int lifetime_after;         // periods kept at or above it; 0: never for life
};

enum tier_period { TIER_ROLLING_MONTHS, TIER_CALENDAR_YEAR, TIER_MEMBERSHIP_YEAR, TIER_LIFETIME };
enum tier_downgrade { DOWNGRADE_NEVER, DOWNGRADE_ONE_STEP, DOWNGRADE_FULL };

struct tier_set {
    struct str slug;
    int32_t symbol;
    struct metric *metrics;
    size_t metrics_n;
    enum tier_period period;
    int months;             // ROLLING_MONTHS
    struct civil starts;    // CALENDAR_YEAR: month and day
    bool keep_through_next; // CALENDAR_YEAR
    enum tier_downgrade downgrade;
    int grace_days;
    int warn_days; // 0: no warning
    bool refund_reverts;
    int *member_slots; // what its metrics can read of the member
    size_t member_slots_n;
    struct tier *tiers; // lowest first
    size_t tiers_n;
};

/* What the clock can wait for. */
enum moment_kind {
    MOMENT_BIRTHDAY,
    MOMENT_ANNIVERSARY,
    MOMENT_INACTIVE,
    MOMENT_SCHEDULE,
    MOMENT_MONTH
};

/* An event of the program's own: every so often from a date, or so long before or after it. */
enum schedule_kind { SCHEDULE_EVERY, SCHEDULE_BEFORE, SCHEDULE_AFTER };
enum schedule_date { DATE_ATTRIBUTE, DATE_ENROLLED, DATE_BIRTH, DATE_SUBSCRIPTION };
struct schedule {
    struct str slug;
    enum schedule_kind kind;
    int days, months; // one of them; the other 0
    enum schedule_date date;
    const char *attribute;   // DATE_ATTRIBUTE: its name
    int minute;              // of the member's local day
    struct str emits;        // the event's type
    const struct rule *when; // "while"; NULL: always
};

/* Something that the clock waits for, for every member: only what a rule, an achievement or a
 * metric of the version asks for. */
struct moment_plan {
    enum moment_kind kind;
    int32_t symbol;                  // members' moments are found by it
    int days;                        // INACTIVE: so many days of silence
    const struct schedule *schedule; // SCHEDULE; of MONTH the one that says when, or NULL
};

/* What an achievement counts. */
enum achievement_kind {
    ACHIEVEMENT_COUNT,    // events, or a number of each
    ACHIEVEMENT_DISTINCT, // different values, such as stores
    ACHIEVEMENT_STREAK,   // periods in a row with at least one event
};
enum achievement_of { OF_EVENTS, OF_QUANTITY, OF_AMOUNT, OF_VALUE };

struct achievement {
    struct str slug;
    int32_t symbol;           // its counter, under the first day of each period
    int32_t completed_symbol; // how often completed: in all, and per period where it repeats within
                              // periods
    int32_t first_symbol;     // when it was first completed, in ms
    struct str trigger;
    const struct rule *when; // NULL: always
    enum achievement_kind kind;
    enum achievement_of of;
    const struct rule *value; // OF_VALUE and DISTINCT: what is added up, or told apart
    const struct rule *lines; // OF_QUANTITY, OF_AMOUNT: NULL: all lines
    int64_t unit;             // how many of the counter make one of the target: 1000 for quantities
    int64_t target;
    enum period_kind period; // of a streak: the length of one step
    bool repeats;
    bool is_badge;
    const struct json *json; // its texts
    int *member_slots;       // what its conditions can read of the member
    size_t member_slots_n;
};

/* A variable that conditions of this version read. */
enum var_source {
    VAR_EVENT,            // a built-in field of the event: `index` is enum event_var
    VAR_EVENT_DATA,       // a path into data: `path`
    VAR_LINE,             // a built-in field of a line
    VAR_MEMBER,           // a built-in field of the member: `index` is enum member_var
    VAR_MEMBER_STAT,      // `index` is enum member_stat, `days` its window (0: all time)
    VAR_MEMBER_TIER,      // `index` is the tier set
    VAR_MEMBER_BALANCE,   // `index` is the wallet
    VAR_MEMBER_ATTRIBUTE, // `path` is its name
};
enum event_var {
    EV_TYPE,
    EV_TIME,
    EV_SOURCE,
    EV_LOCAL_DATE,
    EV_LOCAL_WEEKDAY,
    EV_LOCAL_HOUR,
    EV_AMOUNT,
    EV_CURRENCY,
    EV_STORE,
    EV_CHANNEL,
    EV_LINES,
    EV_SKUS,
    EV_CATEGORIES,
    EV_QUANTITY,
    EV_STATUS
};
enum line_var { LV_ID, LV_SKU, LV_NAME, LV_CATEGORY, LV_KIND, LV_QUANTITY, LV_AMOUNT, LV_TAX };
enum member_var {
    MV_AGE,
    MV_TAGS,
    MV_SEGMENTS,
    MV_DAYS_SINCE_ENROLMENT,
    MV_COUNTRY,
    MV_CITY,
    MV_LANGUAGE,
    MV_GENDER,
    MV_OFFERS
};
enum member_stat {
    STAT_PURCHASES,
    STAT_SPEND,
    STAT_VISITS,
    STAT_PURCHASES_STORE,
    STAT_AVERAGE_BASKET
};

struct var {
    enum var_source source;
    int index;
    int days;
    struct str path;
};

enum attribute_type { ATTRIBUTE_TEXT, ATTRIBUTE_NUMBER, ATTRIBUTE_DATE, ATTRIBUTE_BOOLEAN };

struct attribute {
    struct str name;
    bool is_segment; // kept in clear, may be used in conditions
    enum attribute_type type;
};

struct event_type {
    struct str type;
    const struct schema *schema; // NULL: any object
};

enum unknown_members { UNKNOWN_HOLD, UNKNOWN_REFUSE, UNKNOWN_ENROL };

/* Counters every program keeps. */
struct standard_symbols {
    int32_t purchases; // number of purchases, by day and in total
    int32_t spend;     // minor units paid less refunds, by day and in total
    int32_t visits;
};

#endif
