/* Running rules: variables, logic, comparison. Recursion follows the compiled tree, whose depth was
 * checked. */
#include "base/base.h"
#include "core/rule_internal.h"

static void (*const EVALUATE[])(struct rule_run *run, const struct rule_node *node,
                                struct value *out) = {
#define RULE_OP(id, name, fewest, most, evaluate, check) [id] = evaluate,
#include "core/rule.def"
#undef RULE_OP
};
_Static_assert(ARRAY_N(EVALUATE) == RULE_OP_N, "one evaluator per operator");

static const struct value NOTHING = {.kind = VALUE_NULL};

struct rule_run rule_run_start(const struct rule_env *env)
{
    return (struct rule_run){
        .env = env,
        .data = env->data != NULL ? env->data : &NOTHING,
        .arena = env->arena,
        .used_max = env->arena->used + RULE_BYTES_MAX,
        .steps_left = RULE_STEPS_MAX,
    };
}

void rule_run(const struct rule *rule, const struct rule_env *env, struct value *out)
{
    struct rule_run run = rule_run_start(env);
    rule_node_run(&run, &rule->nodes[0], out);
    if (run.steps_left < 0) {
        *out = value_null();
    }
}

bool rule_holds(const struct rule *rule, const struct rule_env *env)
{
    struct value result;
    rule_run(rule, env, &result);
    return value_is_true(&result);
}

static void slot_or_fallback(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    run->env->get(run->env, node->slot, out);
    if (out->kind == VALUE_NULL && node->path->fallback != NULL) {
        rule_node_run(run, node->path->fallback, out);
    }
}

static void data_or_fallback(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    if (rule_path_find(run, node->path, run->data, out)) {
        return;
    }
    *out = value_null();
    if (node->path->fallback != NULL) {
        rule_node_run(run, node->path->fallback, out);
    }
}

static void list_make(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    struct value *items = arena_new(run->arena, struct value, node->args_n);
    for (size_t i = 0; i < node->args_n; i++) {
        rule_node_run(run, &node->args[i], &items[i]);
    }
    *out = value_array(items, node->args_n);
}

void rule_node_evaluate(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    ensure(node->op < RULE_OP_N);
    if (!rule_charge(run, 1)) {
        run->steps_left = -1;
        *out = value_null();
        return;
    }
    if (node->op == RULE_NODE_DATA) {
        data_or_fallback(run, node, out);
    } else if (node->op == RULE_NODE_SLOT) {
        slot_or_fallback(run, node, out);
    } else if (node->op == RULE_NODE_LIST) {
        list_make(run, node, out);
    } else {
        EVALUATE[node->op](run, node, out);
    }
}

bool rule_path_find(struct rule_run *run, const struct rule_path *path, const struct value *data,
                    struct value *out)
{
    struct value at = *data;
    for (size_t i = 0; i < path->parts_n; i++) {
        struct value next = value_null();
        const size_t bytes_n =
            at.kind == VALUE_STR ? at.str.n / 64 : 0; // looking into a text walks it
        if (!rule_charge(run, 1 + bytes_n) ||
            !value_field(&at, path->parts[i], run->arena, &next)) {
            return false;
        }
        at = next;
    }
    *out = at;
    return true;
}

struct rule_path rule_path_of(struct arena *arena, struct str text)
{
    struct rule_path path = {.text = text};
    if (text.n == 0) {
        return path;
    }
    size_t dots_n = 0;
    for (size_t i = 0; i < text.n; i++) {
        dots_n += text.p[i] == '.';
    }
    struct str *parts = arena_new(arena, struct str, dots_n + 1);
    struct str rest = text;
    bool is_done = false;
    while (str_split(&rest, '.', &parts[path.parts_n], &is_done)) {
        path.parts_n++;
    }
    path.parts = parts;
    return path;
}

void op_if(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    size_t i = 0;
    for (; i + 1 < node->args_n; i += 2) {
        struct value condition;
        rule_node_run(run, &node->args[i], &condition);
        if (value_is_true(&condition)) {
            rule_node_run(run, &node->args[i + 1], out);
            return;
        }
    }
    rule_arg_run(run, node, i, out);
}

void op_and(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    *out = value_null();
    for (size_t i = 0; i < node->args_n; i++) {
        rule_node_run(run, &node->args[i], out);
        if (!value_is_true(out)) {
            return;
        }
    }
}

void op_or(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    *out = value_null();
    for (size_t i = 0; i < node->args_n; i++) {
        rule_node_run(run, &node->args[i], out);
        if (value_is_true(out)) {
            return;
        }
    }
}

void op_not(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    struct value operand;
    rule_arg_run(run, node, 0, &operand);
    *out = value_bool(!value_is_true(&operand));
}

void op_truth(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    struct value operand;
    rule_arg_run(run, node, 0, &operand);
    *out = value_bool(value_is_true(&operand));
}

/* An operand of a comparison, whose bytes cost steps. */
static void operand_run(struct rule_run *run, const struct rule_node *node, size_t index,
                        struct value *out)
{
    rule_arg_run(run, node, index, out);
    if (out->kind == VALUE_STR && out->str.n >= 64) {
        (void)rule_charge(run, out->str.n / 64); // the next node sees what is left
    }
}

typedef bool compare(const struct value *a, const struct value *b, struct arena *arena);

static bool pair_compare(struct rule_run *run, const struct rule_node *node, compare *is_met)
{
    struct value a;
    struct value b;
    operand_run(run, node, 0, &a);
    operand_run(run, node, 1, &b);
    return is_met(&a, &b, run->arena);
}

void op_equal(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    *out = value_bool(pair_compare(run, node, value_equal));
}

void op_not_equal(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    *out = value_bool(!pair_compare(run, node, value_equal));
}

static bool is_same(const struct value *a, const struct value *b, struct arena *arena)
{
    (void)arena; // nothing is converted
    return value_same(a, b);
}

void op_same(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    *out = value_bool(pair_compare(run, node, is_same));
}

void op_not_same(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    *out = value_bool(!pair_compare(run, node, is_same));
}

static inline bool is_less(const struct value *a, const struct value *b, struct arena *arena)
{
    const bool are_numbers = a->kind == VALUE_NUMBER && b->kind == VALUE_NUMBER;
    return are_numbers ? a->number < b->number : value_less(a, b, arena);
}

static inline bool is_less_or_equal(const struct value *a, const struct value *b,
                                    struct arena *arena)
{
    const bool are_numbers = a->kind == VALUE_NUMBER && b->kind == VALUE_NUMBER;
    return are_numbers ? a->number <= b->number : value_less_or_equal(a, b, arena);
}

/* a < b, or a < b < c. */
static bool chain_compare(struct rule_run *run, const struct rule_node *node, compare *is_met)
{
    struct value a;
    struct value b;
    operand_run(run, node, 0, &a);
    operand_run(run, node, 1, &b);
    if (!is_met(&a, &b, run->arena)) {
        return false;
    }
    if (node->args_n < 3) {
        return true;
    }
    operand_run(run, node, 2, &a);
    return is_met(&b, &a, run->arena);
}

void op_less(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    *out = value_bool(chain_compare(run, node, is_less));
}

void op_less_equal(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    *out = value_bool(chain_compare(run, node, is_less_or_equal));
}

void op_more(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    struct value a;
    struct value b;
    operand_run(run, node, 0, &a);
    operand_run(run, node, 1, &b);
    *out = value_bool(is_less(&b, &a, run->arena));
}

void op_more_equal(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    struct value a;
    struct value b;
    operand_run(run, node, 0, &a);
    operand_run(run, node, 1, &b);
    *out = value_bool(is_less_or_equal(&b, &a, run->arena));
}

void op_log(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    rule_arg_run(run, node, 0,
                 out); // a rule has no log to write to: it gives its argument, as in JavaScript
}
