/* Why a condition does not hold: the innermost part that decided. Follows the compiled tree
 * downward. */
#include "base/base.h"
#include "core/rule_internal.h"

/* The argument that made an `and` or `or` what it is, or NULL for one without arguments. `is_true`
 * is what the node came to. */
static const struct rule_node *deciding_arg(struct rule_run *run, const struct rule_node *node,
                                            bool is_true)
{
    for (size_t i = 0; i < node->args_n; i++) {
        struct value result;
        rule_node_run(run, &node->args[i], &result);
        if (value_is_true(&result) == is_true) {
            return &node->args[i];
        }
    }
    return NULL;
}

/* The branch that an `if` took. */
static const struct rule_node *branch_taken(struct rule_run *run, const struct rule_node *node)
{
    size_t i = 0;
    for (; i + 1 < node->args_n; i += 2) {
        struct value condition;
        rule_node_run(run, &node->args[i], &condition);
        if (value_is_true(&condition)) {
            return &node->args[i + 1];
        }
    }
    return i < node->args_n ? &node->args[i] : NULL;
}

/* One step inward, or NULL at the innermost part. *is_true is what the node came to, and is changed
 * by `!`. */
static const struct rule_node *step_inward(struct rule_run *run, const struct rule_node *node,
                                           bool *is_true)
{
    switch (node->op) {
    case RULE_OP_AND:
    case RULE_OP_OR:
        return deciding_arg(run, node, *is_true);
    case RULE_OP_NOT:
        *is_true = node->args_n > 0 ? !*is_true : *is_true;
        return node->args_n > 0 ? &node->args[0] : NULL;
    case RULE_OP_TRUTH:
        return node->args_n > 0 ? &node->args[0] : NULL;
    case RULE_OP_IF:
    case RULE_OP_TERNARY:
        return branch_taken(run, node);
    default: // not a plain switch over an enum: the other operators are leaves here
        return NULL;
    }
}

/* What a part found: its own value for a variable, else that of its operands. */
static struct value actual_of(struct rule_run *run, const struct rule_node *node,
                              struct arena *arena)
{
    struct value out = value_null();
    const bool has_args = node->op > RULE_NODE_LIST && node->args_n > 0;
    if (!has_args) {
        rule_node_run(run, node, &out);
        return out;
    }
    const bool walks_items = node->op >= RULE_OP_SOME && node->op <= RULE_OP_REDUCE;
    const struct rule_node *only = NULL;
    size_t open_n = 0;
    for (size_t i = 0; i < node->args_n && !walks_items; i++) {
        const uint8_t op = node->args[i].op;
        const bool is_open = op != RULE_NODE_CONST && op != RULE_NODE_SET && op != RULE_NODE_TABLE;
        only = is_open ? &node->args[i] : only;
        open_n += is_open;
    }
    if (walks_items || open_n == 1) {
        rule_node_run(run, walks_items ? &node->args[0] : only, &out);
        return out;
    }
    struct value *items = arena_new(arena, struct value, node->args_n);
    for (size_t i = 0; i < node->args_n; i++) {
        rule_node_run(run, &node->args[i], &items[i]);
    }
    return value_array(items, node->args_n);
}

bool rule_explain(const struct rule *rule, const struct rule_env *env, struct arena *arena,
                  struct rule_reason *out)
{
    struct rule_run run = rule_run_start(env);
    const struct rule_node *node = &rule->nodes[0];
    struct value result;
    rule_node_run(&run, node, &result);
    bool is_true = value_is_true(&result);
    if (is_true) {
        return false;
    }
    for (const struct rule_node *inner = node; inner != NULL;
         inner = step_inward(&run, inner, &is_true)) {
        node = inner;
    }
    const struct rule_place *place = &rule->places[node - rule->nodes];
    *out = (struct rule_reason){.pointer = place->pointer,
                                .condition = place->json,
                                .actual = actual_of(&run, node, arena)};
    return true;
}
