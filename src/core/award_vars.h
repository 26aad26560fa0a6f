/* The values of variables while awards are computed. Private to core/award*.c. */
#ifndef LOYALD_AWARD_VARS_H
#define LOYALD_AWARD_VARS_H

#include "core/award.h"

/* Embeds the evaluator's environment. */
struct award_env {
    struct rule_env rule;
    const struct award_view *view;
    struct value *event_values;   // by slot, once known
    bool *event_known;
    const struct content_line *line; // while a line condition runs
};

void award_env_open(struct arena *arena, const struct award_view *view, struct award_env *out);

/* Whether the member is in a segment, asked once and recorded. */
bool award_in_segment(struct award_env *env, int segment);

#endif
