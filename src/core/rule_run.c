/* Running rules: variables, logic, comparison. Recursion follows the compiled tree, whose depth was
 * checked. */
#include "base/base.h"
#include "core/rule_internal.h"

static void set_value(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    (void)run; // a set is at hand
    *out = value_array(node->set->items, node->set->n);
}

static void table_value(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    (void)run; // a table is looked into by "table" alone
    (void)node;
    *out = value_null();
}

static void (*const EVALUATE[])(struct rule_run *run, const struct rule_node *node,
                                struct value *out) = {
    [RULE_NODE_SET] = set_value,
    [RULE_NODE_TABLE] = table_value,
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

static void slot_or_fallback(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    *out = *rule_slot(run->env, node->slot);
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
    rule_arg_run(run, node, 0, out);
    *out = value_bool(!value_is_true(out));
}

void op_truth(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    rule_arg_run(run, node, 0, out);
    *out = value_bool(value_is_true(out));
}

/* The index-th argument where it is, or in `space`; null when there are fewer. */
static inline const struct value *operand(struct rule_run *run, const struct rule_node *node,
                                          size_t index, struct value *space)
{
    if (index >= node->args_n) {
        return &NOTHING;
    }
    const struct rule_node *arg = &node->args[index];
    if (arg->op == RULE_NODE_CONST) {
        return arg->constant;
    }
    rule_node_run(run, arg, space);
    return space;
}

/* The same for a comparison, where the bytes of a text cost steps. */
static inline const struct value *compared(struct rule_run *run, const struct rule_node *node,
                                           size_t index, struct value *space)
{
    const struct value *value = operand(run, node, index, space);
    if (value->kind == VALUE_STR && value->str.n >= 64) {
        (void)rule_charge(run, value->str.n / 64); // the next node sees what is left
    }
    return value;
}

static inline bool is_equal(const struct value *a, const struct value *b, struct arena *arena)
{
    if (a->kind == VALUE_NUMBER && b->kind == VALUE_NUMBER) {
        return a->number == b->number;
    }
    return a->kind == VALUE_STR && b->kind == VALUE_STR ? str_eq(a->str, b->str)
                                                        : value_equal(a, b, arena);
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

/* `middle` is below the third argument, where there is one: a < b < c. */
static bool is_below_third(struct rule_run *run, const struct rule_node *node,
                           const struct value *middle)
{
    struct value space;
    if (node->args_n < 3) {
        return true;
    }
    const struct value *third = compared(run, node, 2, &space);
    return node->op == RULE_OP_LESS ? is_less(middle, third, run->arena)
                                    : is_less_or_equal(middle, third, run->arena);
}

/* Operators from == to >=. */
static bool comparison_holds(struct rule_run *run, const struct rule_node *node)
{
    struct value space[2];
    const struct value *a = compared(run, node, 0, &space[0]);
    const struct value *b = compared(run, node, 1, &space[1]);
    switch ((int)node->op) {
    case RULE_OP_EQUAL:
        return is_equal(a, b, run->arena);
    case RULE_OP_NOT_EQUAL:
        return !is_equal(a, b, run->arena);
    case RULE_OP_SAME:
        return value_same(a, b);
    case RULE_OP_NOT_SAME:
        return !value_same(a, b);
    case RULE_OP_LESS:
        return is_less(a, b, run->arena) && is_below_third(run, node, b);
    case RULE_OP_LESS_EQUAL:
        return is_less_or_equal(a, b, run->arena) && is_below_third(run, node, b);
    case RULE_OP_MORE:
        return is_less(b, a, run->arena);
    case RULE_OP_MORE_EQUAL:
        return is_less_or_equal(b, a, run->arena);
    }
    ensure(false);
    return false;
}

void op_compare(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    *out = value_bool(comparison_holds(run, node));
}

static bool str_holds(struct str text, struct str part)
{
    return part.n == 0 || (text.n >= part.n && memmem(text.p, text.n, part.p, part.n) != NULL);
}

static bool array_holds(const struct value *array, const struct value *wanted)
{
    if (wanted->kind == VALUE_STR) {
        return rule_array_has_text(array, wanted->str);
    }
    for (size_t i = 0; i < array->array.n; i++) {
        if (value_same(&array->array.items[i], wanted)) {
            return true;
        }
    }
    return false;
}

bool rule_list_has(struct rule_run *run, const struct rule_node *node, const struct value *list,
                   const struct value *wanted)
{
    if (node->op == RULE_NODE_SET) {
        return wanted->kind == VALUE_STR && rule_charge(run, 1) &&
               text_set_has(node->set, wanted->str);
    }
    return list->kind == VALUE_ARRAY && rule_charge(run, list->array.n / 8 + 1) &&
           array_holds(list, wanted);
}

static bool in_holds(struct rule_run *run, const struct rule_node *node)
{
    struct value space[2];
    const struct value *wanted = operand(run, node, 0, &space[0]);
    const struct value *where = operand(run, node, 1, &space[1]);
    if (where->kind == VALUE_ARRAY) {
        return rule_charge(run, where->array.n / 8) && array_holds(where, wanted);
    }
    return where->kind == VALUE_STR && rule_charge(run, where->str.n / 16) &&
           str_holds(where->str, value_to_str(wanted, run->arena));
}

void op_in(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    *out = value_bool(in_holds(run, node));
}

bool rule_pair_holds(struct rule_run *run, const struct rule_node *node)
{
    return node->op == RULE_OP_IN ? in_holds(run, node) : comparison_holds(run, node);
}

void op_log(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    rule_arg_run(run, node, 0,
                 out); // a rule has no log to write to: it gives its argument, as in JavaScript
}
