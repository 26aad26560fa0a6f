/* Points by a formula or a table: computed exactly, once for the event or once for each matching
 * line. */
#include "base/base.h"
#include "core/award_vars.h"

/* Where explain says what a formula lacked. */
static void note_gap(struct award_list *list, int rule, struct str gap)
{
    for (size_t i = 0; i < list->explain_n; i++) {
        if (list->explain[i].rule == rule) {
            list->explain[i].gap = gap;
        }
    }
}

/* The points of one computation: nothing where a number is missing, and never less than nothing. */
static enum err compute(struct award_env *env, const struct effect *effect, int rule,
                        struct award_list *list, int64_t *out)
{
    struct ratio number = {0};
    struct str gap;
    *out = 0;
    switch (rule_run_exact(effect->formula, &env->rule, &number, &gap)) {
    case RULE_EXACT_OK:
        break;
    case RULE_EXACT_GAP:
        note_gap(list, rule, gap);
        return ERR_OK;
    case RULE_EXACT_OVERFLOW:
        return ERR_OVERFLOW;
    }
    if (!ratio_round(number, effect->round, out)) {
        return ERR_OVERFLOW;
    }
    *out = int64_max(*out, 0);
    return *out > TRANSFER_POINTS_MAX ? ERR_OVERFLOW : ERR_OK;
}

enum err award_formula(struct award_env *env, const struct effect *effect, int rule,
                       struct award_list *list, int64_t *points)
{
    const struct content *content = env->view->content;
    ensure(effect->formula != NULL);
    if (effect->lines == NULL) {
        int64_t once = 0;
        try(compute(env, effect, rule, list, &once));
        return __builtin_mul_overflow(once, env->occasion->times, points) ? ERR_OVERFLOW : ERR_OK;
    }
    int64_t sum = 0;
    for (size_t i = 0; i < content->lines_n; i++) {
        int64_t once = 0;
        if (!award_line_holds(env, &content->lines[i], effect->lines)) {
            continue;
        }
        env->line = &content->lines[i];
        const enum err err = compute(env, effect, rule, list, &once);
        env->line = NULL;
        try(err);
        if (__builtin_add_overflow(sum, once, &sum)) {
            return ERR_OVERFLOW;
        }
    }
    *points = sum;
    return ERR_OK;
}
