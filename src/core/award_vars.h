/* The values of variables while awards are computed. Private to core/award*.c. */
#ifndef LOYALD_AWARD_VARS_H
#define LOYALD_AWARD_VARS_H

#include "core/award.h"

/* Embeds the evaluator's environment. */
struct award_env {
    struct rule_env rule;
    const struct award_view *view;
    const struct content_line *line; // while a line condition runs
    struct value line_value;         // the last that was asked for
    const struct occasion *occasion; // what rules are run for
};

/* The environment of rules run for an occasion, which it borrows. */
void award_env_open(struct arena *arena, const struct award_view *view,
                    const struct occasion *occasion, struct award_env *out);

/* Turns to another occasion: what was known of the one before is forgotten. */
void award_env_turn(struct award_env *env, const struct occasion *occasion);

/* The text of a field of the occasion, or of the event's data; empty where there is none. */
struct str award_field(const struct award_env *env, struct str name);

/* Whether a line is left and a line condition (NULL: any) holds for it. */
bool award_line_holds(struct award_env *env, const struct content_line *line,
                      const struct rule *lines);

/* Reads the member's slots, so that they are recorded whether a condition asks or not. */
void award_record_slots(struct award_env *env, const int *slots, size_t n);

/* Adds an occasion that follows from the one at hand; ERR_CHAIN beyond CHAIN_LEVELS_MAX. */
enum err award_follow(struct arena *arena, const struct award_env *env, struct award_list *list,
                      struct str type, struct str field, struct str text, int64_t times) MUST_USE;

/* Whether a contest takes no entries: before, after, or booked after its close. */
bool award_is_over(const struct award_view *view, const struct contest *contest);

/* Whether an instant lies in a window. */
bool award_in_window(const struct window *window, const struct zone *zone, int64_t at);

/* Whether the occasion is the rule's: award_fire.c. */
bool award_is_triggered(const struct award_env *env, const struct earning_rule *rule);

/* Whether a triggered rule fires; notes why not where `note` is not NULL. */
bool award_fires(struct award_env *env, const struct earning_rule *rule, struct explain_rule *note);

/* What a cap had counted before this event, in its unit: award_caps.c. */
int64_t award_cap_used(const struct award_view *view, const struct cap *cap);

/* Clips each award from one on by the caps of its rule, its wallet and its campaign, in the order
 * of booking. */
void award_clip(const struct award_view *view, struct award_list *list, size_t from);

/* The points of an effect by formula; what it lacked is noted in the list's explain. ERR_OVERFLOW
 * where they do not fit: award_formula.c. */
enum err award_formula(struct award_env *env, const struct effect *effect, int rule,
                       struct award_list *list, int64_t *points) MUST_USE;

/* The rewards that the fired rules give: award_grant.c. */
enum err award_grants(struct arena *arena, struct award_env *env, const bool *fired,
                      struct award_list *list) MUST_USE;

/* Whether a rule before this one has stopped its group: award_stack.c. */
bool award_is_stopped(const struct program *program, const bool *fired, size_t rule);

/* Keeps only the best of each group whose rules say so. */
void award_stack(const struct program *program, struct award_list *list, bool *fired);

/* Whether the member is in a segment, asked once and recorded. */
bool award_in_segment(struct award_env *env, int segment);

#endif
