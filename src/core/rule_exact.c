/* Formulas: expressions computed with ratios. What is compared inside is compared exactly where
 * both sides are numbers; every other condition is the evaluator's. */
#include "base/base.h"
#include "core/rule_internal.h"

struct exact_run {
    struct rule_run run;
    struct str gap; // what had no number, once something had none
};

static enum rule_exact number_of(struct exact_run *e, const struct rule_node *node,
                                 struct ratio *out);

/* ---- checking ---- */

static void number_check(struct rule_compile *c, const struct rule_node *node);

static void args_check(struct rule_compile *c, const struct rule_node *node)
{
    for (size_t i = 0; i < node->args_n; i++) {
        number_check(c, &node->args[i]);
    }
}

static void leaf_check(struct rule_compile *c, const struct rule_node *node)
{
    struct rule_node *leaf = (struct rule_node *)node; // of the rule being compiled
    rule_number_wanted(c, leaf);
    if (leaf->type != RULE_NUMBER && leaf->type != RULE_ANY) {
        rule_fail(c, node, "A formula computes a number, but this is %s.",
                  rule_type_text((enum rule_type)node->type));
    } else if (node->op == RULE_NODE_SLOT && node->path->fallback != NULL) {
        number_check(c, node->path->fallback);
    }
}

/* Walks what computes the number; conditions have been checked already. */
static void number_check(struct rule_compile *c, const struct rule_node *node)
{
    switch ((int)node->op) {
    case RULE_NODE_CONST:
    case RULE_NODE_SLOT:
        leaf_check(c, node);
        return;
    case RULE_OP_IF:
    case RULE_OP_TERNARY:
        for (size_t i = 0; i < node->args_n; i++) {
            if (i % 2 == 1 || i + 1 == node->args_n) {
                number_check(c, &node->args[i]);
            }
        }
        return;
    case RULE_OP_ADD:
    case RULE_OP_SUBTRACT:
    case RULE_OP_MULTIPLY:
    case RULE_OP_DIVIDE:
    case RULE_OP_REST:
    case RULE_OP_MIN:
    case RULE_OP_MAX:
    case RULE_OP_ROUND:
    case RULE_OP_FLOOR:
    case RULE_OP_CEIL:
    case RULE_OP_ABS:
    case RULE_OP_LOG:
        args_check(c, node);
        return;
    case RULE_OP_TABLE:
        if (node->type != RULE_NUMBER) {
            rule_fail(
                c, node,
                "A formula computes a number, but the last column of this table holds texts.");
        }
        return;
    case RULE_OP_MONEY:
    case RULE_OP_DAYS_BETWEEN:
    case RULE_OP_MONTHS_BETWEEN:
    case RULE_OP_YEAR:
    case RULE_OP_MONTH:
    case RULE_OP_DAY:
    case RULE_OP_COUNT_IN: // whole numbers, and so exact
        return;
    default:
        rule_fail(c, node,
                  "A formula is computed exactly and cannot take its number from this: use + - * / "
                  "%% min max if, "
                  "round, floor, ceil, abs, table, dates and variables.");
    }
}

void rule_exact_check(struct rule_compile *c, const struct rule_node *root)
{
    number_check(c, root);
}

/* ---- running ---- */

static enum rule_exact gap(struct exact_run *e, struct str what)
{
    e->gap = what;
    return RULE_EXACT_GAP;
}

static enum rule_exact value_number_of(struct exact_run *e, const struct value *value,
                                       struct str name, struct ratio *out)
{
    struct decimal decimal;
    if (!decimal_of_value(value, e->run.arena, &decimal)) {
        return gap(e, name);
    }
    *out = ratio_decimal(decimal);
    return RULE_EXACT_OK;
}

static enum rule_exact variable_of(struct exact_run *e, const struct rule_node *node,
                                   struct ratio *out)
{
    const struct value value = *rule_slot(e->run.env, node->slot);
    if (value.kind == VALUE_NULL && node->path->fallback != NULL) {
        return number_of(e, node->path->fallback, out);
    }
    return value_number_of(e, &value, node->path->text, out);
}

static enum rule_exact table_of(struct exact_run *e, const struct rule_node *node,
                                struct ratio *out)
{
    const struct table *table = node->args[0].table;
    struct value keys[TABLE_KEYS_MAX];
    size_t looked = 0;
    for (size_t i = 0; i < table->keys_n; i++) {
        rule_arg_run(&e->run, node, i + 1, &keys[i]);
    }
    const struct cell *cell = table_find(table, keys, e->run.arena, &looked);
    if (!rule_charge(&e->run, looked / 4) || cell == NULL) {
        return gap(e, table->name);
    }
    ensure(cell->kind == CELL_NUMBER);
    *out = ratio_decimal(cell->number);
    return RULE_EXACT_OK;
}

static bool apply(enum rule_op op, struct ratio a, struct ratio b, struct ratio *out)
{
    int order = 0;
    switch ((int)op) {
    case RULE_OP_ADD:
        return ratio_add(a, b, out);
    case RULE_OP_SUBTRACT:
        return ratio_subtract(a, b, out);
    case RULE_OP_MULTIPLY:
        return ratio_multiply(a, b, out);
    case RULE_OP_DIVIDE:
        return ratio_divide(a, b, out);
    case RULE_OP_REST:
        return ratio_rest(a, b, out);
    default: // min and max
        if (!ratio_compare(a, b, &order)) {
            return false;
        }
        *out = (order < 0) == (op == RULE_OP_MIN) ? a : b;
        return true;
    }
}

/* The arguments one after the other: a + b + c. */
static enum rule_exact arithmetic(struct exact_run *e, const struct rule_node *node,
                                  struct ratio *out)
{
    const enum rule_op op = (enum rule_op)node->op;
    struct ratio sum;
    enum rule_exact result = number_of(e, &node->args[0], &sum);
    for (size_t i = 1; i < node->args_n && result == RULE_EXACT_OK; i++) {
        struct ratio next;
        result = number_of(e, &node->args[i], &next);
        if (result != RULE_EXACT_OK) {
            return result;
        }
        if ((op == RULE_OP_DIVIDE || op == RULE_OP_REST) && next.n == 0) {
            return gap(e, op == RULE_OP_DIVIDE ? STR("/") : STR("%"));
        }
        if (!apply(op, sum, next, &sum)) {
            return RULE_EXACT_OVERFLOW;
        }
    }
    if (result == RULE_EXACT_OK && op == RULE_OP_SUBTRACT && node->args_n == 1 &&
        !ratio_subtract(ratio_whole(0), sum, &sum)) {
        return RULE_EXACT_OVERFLOW;
    }
    *out = result == RULE_EXACT_OK ? sum : *out;
    return result;
}

static enum rule_exact rounded(struct exact_run *e, const struct rule_node *node, struct ratio *out)
{
    struct ratio number;
    int64_t whole = 0;
    const enum rule_exact result = number_of(e, &node->args[0], &number);
    if (result != RULE_EXACT_OK) {
        return result;
    }
    if (node->op == RULE_OP_ABS) {
        if (number.n < 0 && !ratio_subtract(ratio_whole(0), number, &number)) {
            return RULE_EXACT_OVERFLOW;
        }
        *out = number;
        return RULE_EXACT_OK;
    }
    const enum ratio_round how = node->op == RULE_OP_ROUND   ? RATIO_HALF_UP
                                 : node->op == RULE_OP_FLOOR ? RATIO_DOWN
                                                             : RATIO_UP;
    if (!ratio_round(number, how, &whole)) {
        return RULE_EXACT_OVERFLOW;
    }
    *out = ratio_whole(whole);
    return RULE_EXACT_OK;
}

static bool order_holds(enum rule_op op, int order)
{
    switch ((int)op) {
    case RULE_OP_EQUAL:
    case RULE_OP_SAME:
        return order == 0;
    case RULE_OP_NOT_EQUAL:
    case RULE_OP_NOT_SAME:
        return order != 0;
    case RULE_OP_LESS:
        return order < 0;
    case RULE_OP_LESS_EQUAL:
        return order <= 0;
    case RULE_OP_MORE:
        return order > 0;
    default:
        return order >= 0;
    }
}

static bool are_numbers(const struct rule_node *node)
{
    for (size_t i = 0; i < node->args_n; i++) {
        if (node->args[i].type == RULE_NUMBER) {
            return true; // then the others are numbers too, as far as they are known
        }
    }
    return false;
}

static bool truth_of(struct exact_run *e, const struct rule_node *node)
{
    struct value value;
    rule_node_run(&e->run, node, &value);
    return value_is_true(&value);
}

/* A comparison of numbers; one with a side that has none is the evaluator's. */
static enum rule_exact comparison(struct exact_run *e, const struct rule_node *node, bool *out)
{
    const struct str gap_before = e->gap;
    struct ratio left;
    enum rule_exact result = number_of(e, &node->args[0], &left);
    *out = true;
    for (size_t i = 1; i < node->args_n && result == RULE_EXACT_OK; i++) {
        struct ratio right;
        int order = 0;
        result = number_of(e, &node->args[i], &right);
        if (result == RULE_EXACT_OK && !ratio_compare(left, right, &order)) {
            return RULE_EXACT_OVERFLOW;
        }
        *out = *out && result == RULE_EXACT_OK && order_holds((enum rule_op)node->op, order);
        left = right;
    }
    if (result == RULE_EXACT_GAP) {
        e->gap = gap_before;
        *out = truth_of(e, node);
        return RULE_EXACT_OK;
    }
    return result;
}

static enum rule_exact condition(struct exact_run *e, const struct rule_node *node, bool *out)
{
    enum rule_exact result = RULE_EXACT_OK;
    switch ((int)node->op) {
    case RULE_OP_AND:
    case RULE_OP_OR:
        *out = node->op == RULE_OP_AND && node->args_n > 0;
        for (size_t i = 0; i < node->args_n && result == RULE_EXACT_OK; i++) {
            result = condition(e, &node->args[i], out);
            if (*out == (node->op == RULE_OP_OR)) {
                break;
            }
        }
        return result;
    case RULE_OP_NOT:
    case RULE_OP_TRUTH:
        result = condition(e, &node->args[0], out);
        *out = *out != (node->op == RULE_OP_NOT);
        return result;
    case RULE_OP_EQUAL:
    case RULE_OP_NOT_EQUAL:
    case RULE_OP_SAME:
    case RULE_OP_NOT_SAME:
    case RULE_OP_LESS:
    case RULE_OP_LESS_EQUAL:
    case RULE_OP_MORE:
    case RULE_OP_MORE_EQUAL:
        if (are_numbers(node)) {
            return comparison(e, node, out);
        }
        break;
    default:
        break;
    }
    *out = truth_of(e, node);
    return RULE_EXACT_OK;
}

static enum rule_exact choice(struct exact_run *e, const struct rule_node *node, struct ratio *out)
{
    size_t i = 0;
    for (; i + 1 < node->args_n; i += 2) {
        bool holds = false;
        const enum rule_exact result = condition(e, &node->args[i], &holds);
        if (result != RULE_EXACT_OK) {
            return result;
        }
        if (holds) {
            return number_of(e, &node->args[i + 1], out);
        }
    }
    return i < node->args_n ? number_of(e, &node->args[i], out) : gap(e, STR("if"));
}

static enum rule_exact number_of(struct exact_run *e, const struct rule_node *node,
                                 struct ratio *out)
{
    struct value value;
    if (!rule_charge(&e->run, 1)) {
        return RULE_EXACT_OVERFLOW;
    }
    switch ((int)node->op) {
    case RULE_NODE_SLOT:
        return variable_of(e, node, out);
    case RULE_OP_IF:
    case RULE_OP_TERNARY:
        return choice(e, node, out);
    case RULE_OP_ADD:
    case RULE_OP_SUBTRACT:
    case RULE_OP_MULTIPLY:
    case RULE_OP_DIVIDE:
    case RULE_OP_REST:
    case RULE_OP_MIN:
    case RULE_OP_MAX:
    case RULE_OP_LOG:
        return arithmetic(e, node, out);
    case RULE_OP_ROUND:
    case RULE_OP_FLOOR:
    case RULE_OP_CEIL:
    case RULE_OP_ABS:
        return rounded(e, node, out);
    case RULE_OP_TABLE:
        return table_of(e, node, out);
    default: // constants, and operators that give whole numbers
        rule_node_run(&e->run, node, &value);
        return value_number_of(e, &value, STR("date"), out);
    }
}

enum rule_exact rule_run_exact(const struct rule *rule, const struct rule_env *env,
                               struct ratio *out, struct str *gap_out)
{
    struct exact_run e = {.run = rule_run_start(env)};
    struct ratio number;
    const enum rule_exact result = number_of(&e, &rule->nodes[0], &number);
    if (result == RULE_EXACT_OK) {
        ensure(number.d > 0);
        *out = number;
    }
    *gap_out = result == RULE_EXACT_GAP ? e.gap : (struct str){0};
    return e.run.steps_left < 0 ? RULE_EXACT_OVERFLOW : result;
}
