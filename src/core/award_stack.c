/* Groups of rules: the best of a group, or none after one that stops it. */
#include "base/base.h"
#include "core/award_vars.h"

static bool same_group(const struct earning_rule *a, const struct earning_rule *b)
{
    return a->stack_group.n > 0 && str_eq(a->stack_group, b->stack_group);
}

bool award_is_stopped(const struct program *program, const bool *fired, size_t rule)
{
    for (size_t r = 0; r < rule; r++) {
        if (fired[r] && program->rules[r].stack == STACK_STOP &&
            same_group(&program->rules[r], &program->rules[rule])) {
            return true;
        }
    }
    return false;
}

/* All that a rule is due, wallets of different scales alike. */
static int64_t worth(const struct program *program, const struct award_list *list, size_t rule)
{
    int64_t sum = 0;
    for (size_t i = list->first; i < list->n; i++) {
        const struct award *award = &list->awards[i];
        int64_t scaled = 0;
        if (award->rule == (int)rule &&
            !__builtin_mul_overflow(
                award->raw, power_of_ten(WALLET_SCALE_MAX - program->wallets[award->wallet].scale),
                &scaled)) {
            sum += scaled;
        }
    }
    return sum;
}

/* Takes out what the rule is due, and what multiplies it. */
static void drop(struct award_list *list, size_t rule)
{
    size_t kept = list->first;
    for (size_t i = list->first; i < list->n; i++) {
        if (list->awards[i].rule != (int)rule && list->awards[i].multiplies != (int)rule) {
            list->awards[kept++] = list->awards[i];
        }
    }
    list->n = kept;
    for (size_t i = 0; i < list->explain_n; i++) {
        if (list->explain[i].rule == (int)rule && list->explain[i].fired) {
            list->explain[i].fired = false;
            list->explain[i].stage = STR("stack");
        }
    }
}

static bool in_best(const struct program *program, const bool *fired, size_t rule)
{
    return fired[rule] && program->rules[rule].stack == STACK_BEST &&
           program->rules[rule].stack_group.n > 0;
}

void award_stack(const struct program *program, struct award_list *list, bool *fired)
{
    for (size_t r = 0; r < program->rules_n; r++) {
        if (!in_best(program, fired, r)) {
            continue;
        }
        size_t best = r;
        for (size_t k = r + 1; k < program->rules_n; k++) {
            if (!in_best(program, fired, k) ||
                !same_group(&program->rules[r], &program->rules[k])) {
                continue;
            }
            const bool is_better =
                worth(program, list, k) > worth(program, list, best); // equals: the earlier one
            const size_t loser = is_better ? best : k;
            best = is_better ? k : best;
            fired[loser] = false;
            drop(list, loser);
        }
    }
}
