/* What the files that compile a program share. Private to core/program*.c. */
#ifndef LOYALD_PROGRAM_INTERNAL_H
#define LOYALD_PROGRAM_INTERNAL_H

#include "core/program.h"

/* The work in progress. */
struct compile {
    struct arena *arena;
    struct symbols *symbols;
    const struct zone_finder *zones;
    struct fail *f;
    struct program *program;
    size_t vars_max;
    size_t caps_max;
    size_t rules_max;
    size_t plans_max;
};

/* Where a condition stands decides which variables it may read. */
enum scope { SCOPE_EVENT, SCOPE_LINE, SCOPE_MEMBER };

/* Compiles a condition (or, for wanted = RULE_NUMBER, an expression) in a scope. `trigger` is the
 * event type, for SCOPE_EVENT and SCOPE_LINE. A missing one (NULL) gives *out = NULL. */
enum err compile_rule(struct compile *c, const struct json *json, struct str pointer,
                      enum scope scope, struct str trigger, enum rule_type wanted,
                      const struct rule **out) MUST_USE;

/* Compiles a formula: an expression that gives a number, computed exactly. */
enum err compile_formula(struct compile *c, const struct json *json, struct str pointer,
                         enum scope scope, struct str trigger, const struct rule **out) MUST_USE;

/* Whether a variable of that name may be read in the scope. */
bool program_has_var(struct compile *c, enum scope scope, struct str trigger, struct str path);

/* Compiles the name of a variable as the expression that reads it. */
enum err compile_named(struct compile *c, struct str name, struct str pointer, struct str trigger,
                       enum rule_type wanted, const struct rule **out) MUST_USE;

/* The effects of another section (an achievement, a quiz, a tier) as a rule of their own, so that
 * there is one way only in which effects come about, are capped, explained and undone. Without
 * "effects" in `json` nothing is added. */
struct section_rule {
    const char *section; // "achievement": its rule is named "achievement/SLUG"
    struct str slug;
    struct str trigger;
    struct rule_match matches[RULE_MATCHES_MAX];
    size_t matches_n;
    struct str pointer; // of `json`
};
enum err compile_section_rule(struct compile *c, const struct json *json,
                              const struct section_rule *from) MUST_USE;

/* Room for one more rule; sections add theirs after the document's own. */
struct earning_rule *compile_add_rule(struct compile *c);

/* "trigger": a type of events, or of what follows from them. */
enum err compile_trigger(struct compile *c, const struct json *json, struct str pointer,
                         struct earning_rule *rule) MUST_USE;

/* A window that is always open, and the document's. `pointer` is that of the owner. */
void window_open(struct window *window);
enum err compile_window(struct compile *c, const struct json *json, struct str pointer,
                        struct window *window) MUST_USE;

/* The points of an "earn": fixed, by formula or by table; program_earn.c. */
enum err compile_formula_of(struct compile *c, const struct json *json, struct str pointer,
                            const struct earning_rule *rule, struct effect *effect) MUST_USE;

/* The segment named by "audience", or -1 without one. */
enum err compile_audience(struct compile *c, const struct json *json, struct str pointer,
                          int *audience) MUST_USE;

/* A list of texts of the document. */
void read_texts(struct compile *c, const struct json *list, struct str **out, size_t *n);

/* Adds the member's slots that a rule can read to a list without duplicates. NULL adds nothing. */
void collect_member_slots(struct compile *c, const struct rule *rule, int **slots, size_t *n);

/* Reading helpers: the schema has checked types and ranges, so these only supply defaults. */
static inline int64_t read_int(const struct json *object, const char *name, int64_t missing)
{
    const struct json *value = json_at(object, name);
    return json_is_integer(value) ? json_integer_value(value) : missing;
}
static inline struct str read_str(const struct json *object, const char *name)
{
    return json_str(json_at(object, name));
}
static inline bool read_bool(const struct json *object, const char *name, bool missing)
{
    const struct json *value = json_at(object, name);
    return json_is_boolean(value) ? json_is_true(value) : missing;
}

/* The index of a text in a list of names, or `missing`. */
int read_choice(struct str text, const char *const *names, size_t n, int missing);

/* "prefix:name" as a symbol. */
int32_t take_symbol(struct compile *c, const char *prefix, struct str name);

/* Marks a slug as used; fails where the list already has it. */
enum err check_unique(struct compile *c, const struct json *list, size_t index,
                      struct str pointer) MUST_USE;

/* Notes a cap of the program; `name` is its counter's, empty for one that is not counted. */
enum err add_cap(struct compile *c, struct cap *cap, struct str name) MUST_USE;
enum err compile_caps(struct compile *c, const struct json *owner, struct str pointer,
                      const char *kind, struct str slug, struct cap **caps,
                      size_t *caps_n) MUST_USE;

/* The sections, in the order in which they refer to each other. */
enum err compile_wallets(struct compile *c, const struct json *document) MUST_USE;
enum err compile_lookups(struct compile *c, const struct json *document) MUST_USE;
enum err compile_segments(struct compile *c, const struct json *document) MUST_USE;
enum err compile_rules(struct compile *c, const struct json *document) MUST_USE;
enum err compile_campaigns(struct compile *c, const struct json *document) MUST_USE;
enum err compile_tiers(struct compile *c, const struct json *document) MUST_USE;
enum err compile_achievements(struct compile *c, const struct json *document) MUST_USE;

enum err compile_referrals(struct compile *c, const struct json *document) MUST_USE;
enum err compile_reviews(struct compile *c, const struct json *document) MUST_USE;
enum err compile_codes(struct compile *c, const struct json *document) MUST_USE;
/* The effect "contest_entry". */
enum err compile_entry_effect(struct compile *c, const struct json *json, struct str pointer,
                              struct str trigger, struct effect *effect) MUST_USE;

/* Contests have their wallets before any rule is compiled, and their rules after the document's
 * own. */
enum err name_contests(struct compile *c, const struct json *document) MUST_USE;
enum err compile_contests(struct compile *c, const struct json *document) MUST_USE;
enum err compile_quizzes(struct compile *c, const struct json *document) MUST_USE;
enum err compile_surveys(struct compile *c, const struct json *document) MUST_USE;

/* Rewards are named before anything refers to them, and compiled once tiers are there. */
void name_rewards(struct compile *c, const struct json *document);
enum err compile_rewards(struct compile *c, const struct json *document) MUST_USE;

/* Links and sorts the rules, once every section has added its own. */
enum err finish_rules(struct compile *c) MUST_USE;

/* What the clock waits for, once all that may ask for it is compiled; program_moments.c. */
enum err compile_plans(struct compile *c) MUST_USE;

/* The program's own schedules, before the rules that wait for what they emit; program_schedules.c.
 */
enum err compile_schedules(struct compile *c, const struct json *document) MUST_USE;

#endif
