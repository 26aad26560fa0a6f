/* The program: one version of the document that says everything a loyalty program does, compiled.
 *
 * Owns:    nothing beyond its arena.
 * Threads: any thread once compiled: it never changes.
 * Memory:  the arena given to program_compile(); lives as long as that.
 * Errors:  program_compile() collects every fault with its pointer in the struct fail.
 * Limits:  those of program_parts.h; the JSON Schema (schema/program.schema.json) holds the rest.
 */
#ifndef LOYALD_PROGRAM_H
#define LOYALD_PROGRAM_H

#include "core/program_parts.h"

struct program {
    int version; // 0: a draft
    int64_t effective_at;
    int64_t starts_at; // published and effective: what the clock waits for counts from then on
    const struct json *document; // as compiled: names and texts that sentences need
    struct str name;
    struct str currency;
    const struct zone *zone;
    struct standard_symbols standard;
    struct sales_store *stores;
    size_t stores_n;
    struct wallet *wallets;
    size_t wallets_n;
    struct earning_rule *rules; // by stage order: priority descending, then as in the document
    size_t rules_n;
    int base_effects_n;
    const struct text_set *sets;
    size_t sets_n;
    const struct table *tables;
    size_t tables_n;
    struct segment *segments;
    size_t segments_n;
    struct campaign *campaigns;
    size_t campaigns_n;
    struct offer *offers;
    size_t offers_n;
    struct reward *rewards;
    size_t rewards_n;
    struct redemption_code *redemption_codes;
    size_t redemption_codes_n;
    int32_t wrong_codes_symbol; // a member's counter of unknown codes entered, by day
    struct quiz *quizzes;
    size_t quizzes_n;
    struct survey *surveys;
    size_t surveys_n;
    struct contest *contests;
    size_t contests_n;
    struct referral_program *referrals;
    size_t referrals_n;
    struct review_program {
        bool is_there;     // the document has reviews
        bool is_moderated; // staff publish them
    } reviews;
    bool has_occasions; // a rule waits for what follows from events
    bool has_shared;    // anything is counted for all members together
    int offers_slot;    // of the variable member.offers where an offer has to be accepted, else -1
    struct tier_set *tier_sets;
    size_t tier_sets_n;
    size_t metrics_n; // of all tier sets
    struct achievement *achievements;
    size_t achievements_n;
    struct schedule *schedules;
    size_t schedules_n;
    struct moment_plan *plans;
    size_t plans_n;
    struct event_type *event_types;
    size_t event_types_n;
    struct attribute *attributes;
    size_t attributes_n;
    struct str *activity; // event types that count as activity
    size_t activity_n;
    enum unknown_members unknown_members;
    int hold_days;
    int claim_days;
    int order_days;
    bool must_pay_subscriptions; // a month of a subscription is kept once it is paid
    struct str *required;        // enrolment: fields a member must give
    size_t required_n;
    struct cap **caps; // all, by cap.index
    size_t caps_n;
    size_t shared_caps_n; // how many of them are CAP_RULE: kept for all members together
    struct var *vars;     // by slot
    size_t vars_n;
    bool reads_profile; // a condition reads tags, age, country or attributes
    bool counts_stores; // a condition reads purchases_today_store
};

/* Finds time zones by name while compiling: zone_load() when a version is published, the zones
 * frozen in the version when it is read back. Returns NULL for an unknown zone. */
struct zone_finder {
    void *self;
    const struct zone *(*find)(void *self, struct arena *arena, struct str name);
};

/* Types that are no events of their own: what follows inside a decision. */
bool program_is_occasion(struct str type);

/* Whether a type may trigger an earning rule in this release. */
bool program_is_trigger(const struct program *program, struct str type);

/* Whether a schedule emits events of a type. */
bool program_emits(const struct program *program, struct str type);

/* Whether events of a type are about one subscription. */
bool program_is_about_subscription(const struct program *program, struct str type);

/* Whether events of a type can be counted by achievements and metrics. */
bool program_is_counted(const struct program *program, struct str type);

/* Compiles a document that the JSON Schema has accepted. Adds names to *symbols. On failure every
 * fault found is in *f and *out is untouched. */
enum err program_compile(struct arena *arena, const struct json *document, struct symbols *symbols,
                         const struct zone_finder *zones, struct fail *f,
                         const struct program **out) MUST_USE;

/* The index of a wallet by slug or symbol, or -1. */
int program_wallet(const struct program *program, struct str slug);
int program_wallet_by_symbol(const struct program *program, int32_t symbol);

/* The store of that slug, or NULL. */
const struct sales_store *program_store(const struct program *program, struct str slug);

/* The declared custom event type, or NULL. */
const struct event_type *program_event_type(const struct program *program, struct str type);

/* The reward of that slug or symbol, or NULL. */
const struct reward *program_reward(const struct program *program, struct str slug);
const struct reward *program_reward_by_symbol(const struct program *program, int32_t symbol);

/* The tier set of that slug, or NULL; a set's tier by slug, its rank or -1. */
const struct tier_set *program_tier_set(const struct program *program, struct str slug);
int tier_set_rank(const struct tier_set *set, struct str tier);

/* The rank of a tier by symbol; one that the set no longer has counts as the lowest. */
size_t tier_set_rank_of(const struct tier_set *set, int32_t tier);

/* The redemption code of that slug or symbol, or NULL. */
const struct redemption_code *program_redemption_code(const struct program *program,
                                                      struct str slug);
const struct redemption_code *program_redemption_code_by_symbol(const struct program *program,
                                                                int32_t symbol);

/* The referral program of that slug or symbol, or NULL. */
const struct referral_program *program_referral(const struct program *program, struct str slug);
const struct referral_program *program_referral_by_symbol(const struct program *program,
                                                          int32_t symbol);

/* The quiz or survey of that slug, or NULL. */
const struct quiz *program_quiz(const struct program *program, struct str slug);
const struct survey *program_survey(const struct program *program, struct str slug);
const struct contest *program_contest(const struct program *program, struct str slug);

/* The offer of that slug, or NULL. */
const struct offer *program_offer(const struct program *program, struct str slug);

/* The set and the look-up table of that name, or NULL. */
const struct text_set *program_set(const struct program *program, struct str name);
const struct table *program_table(const struct program *program, struct str name);

/* The achievement of that slug, or NULL. */
const struct achievement *program_achievement(const struct program *program, struct str slug);

/* The variables with names of their own, by index: "event.amount"; empty beyond the last. */
struct str program_fixed_variable(size_t index);

/* True when events of this type count as activity. */
bool program_is_activity(const struct program *program, struct str type);

/* First local day of the period that a day lies in (DAY_TOTAL for a lifetime). */
int32_t period_first_day(enum period_kind period, int32_t day);

#endif
