/* Conditions: the tests that a compiled rule becomes, and running them. A condition is asked for
 * its truth alone, so the values of its operators are not made. Recursion follows the compiled
 * tree, whose depth was checked. */
#include "base/base.h"
#include "core/rule_internal.h"

#include <math.h>

enum { TEXT_BYTES_MAX = 63 }; // longer texts cost steps: a comparison counts them

/* ---- making ---- */

/* The tests are made from the last to the first, so that whatever a test jumps to has a number. */
struct making {
    const struct rule *rule;
    struct rule_test *tests; // as many as nodes; those from `first` on are made
    size_t first;
};

/* Where the parts of a condition lead. */
struct ways {
    uint16_t then, otherwise;
};

static bool is_slot(const struct rule_node *node)
{
    return node->op == RULE_NODE_SLOT && node->path->fallback == NULL;
}

static bool is_constant(const struct rule_node *node, enum value_kind kind)
{
    return node->op == RULE_NODE_CONST && node->constant->kind == kind;
}

static bool is_number(const struct rule_node *node)
{
    return is_constant(node, VALUE_NUMBER) && isfinite(node->constant->number);
}

static bool is_short_text(const struct rule_node *node)
{
    return is_constant(node, VALUE_STR) && node->constant->str.n <= TEXT_BYTES_MAX;
}

/* Every comparison of a number with constants asks whether it is in an interval: below 12 is up to
 * the greatest number below 12. */
static bool interval_make(const struct rule_node *node, struct rule_test *out)
{
    const bool is_swapped = !is_slot(&node->args[0]);       // 100 < slot
    const bool is_within = is_swapped && node->args_n == 3; // 100 < slot < 200
    const struct rule_node *slot = &node->args[is_swapped];
    const struct rule_node *other = &node->args[!is_swapped];
    const bool is_order = node->op >= RULE_OP_LESS;
    const bool is_strict = node->op == RULE_OP_LESS || node->op == RULE_OP_MORE;
    const bool is_up = node->op >= RULE_OP_MORE;
    if (!is_slot(slot) || !is_number(other) || (is_within && !is_number(&node->args[2])) ||
        (node->args_n != 2 && !(is_within && is_order && !is_up))) {
        return false;
    }
    const double number = other->constant->number;
    const double above = is_strict ? nextafter(number, INFINITY) : number;
    const double below = is_strict ? nextafter(number, -INFINITY) : number;
    const bool has_low = !is_order || is_up != is_swapped;
    out->kind = RULE_TEST_NUMBER;
    out->slot = slot->slot;
    out->low = has_low ? above : -INFINITY;
    out->high = is_order && has_low ? INFINITY : below;
    if (is_within) {
        const double most = node->args[2].constant->number;
        out->high = is_strict ? nextafter(most, -INFINITY) : most;
    }
    return true;
}

static bool text_make(const struct rule_node *node, struct rule_test *out)
{
    const bool is_swapped = !is_slot(&node->args[0]);
    const struct rule_node *slot = &node->args[is_swapped];
    const struct rule_node *other = &node->args[!is_swapped];
    if (node->args_n != 2 || node->op >= RULE_OP_LESS || !is_slot(slot) || !is_short_text(other)) {
        return false;
    }
    out->kind = RULE_TEST_TEXT;
    out->slot = slot->slot;
    out->text = other->constant->str;
    return true;
}

static bool list_make(const struct rule_node *node, struct rule_test *out)
{
    const struct rule_node *wanted = &node->args[0];
    const struct rule_node *where = &node->args[1];
    if (is_slot(wanted) && is_constant(where, VALUE_ARRAY)) {
        out->kind = RULE_TEST_LISTED;
        out->slot = wanted->slot;
        out->list = where->constant;
        return true;
    }
    if (is_constant(wanted, VALUE_STR) && is_slot(where)) {
        out->kind = RULE_TEST_LISTS;
        out->slot = where->slot;
        out->text = wanted->constant->str;
        return true;
    }
    return false;
}

/* What kind of test a part of a condition takes, and what it looks at. */
static struct rule_test test_of(const struct rule_node *node)
{
    struct rule_test test = {.kind = RULE_TEST_VALUE};
    if (node->op < RULE_OP_EQUAL || node->op > RULE_OP_IN) {
        return test; // evaluating it counts its step
    }
    test.kind = RULE_TEST_PAIR;
    test.steps = 1;
    if (node->args_n < 2) {
        return test;
    }
    const bool is_made = node->op == RULE_OP_IN
                             ? list_make(node, &test)
                             : interval_make(node, &test) || text_make(node, &test);
    test.is_negated = is_made && (node->op == RULE_OP_NOT_EQUAL || node->op == RULE_OP_NOT_SAME);
    return test;
}

static void test_make(struct making *m, const struct rule_node *node, struct ways to)
{
    ensure(to.then >= m->first); // forward, so that a run ends
    ensure(to.otherwise >= m->first);
    struct rule_test *test = &m->tests[--m->first];
    *test = test_of(node);
    test->node = (uint16_t)(node - m->rule->nodes);
    test->then = test->is_negated ? to.otherwise : to.then;
    test->otherwise = test->is_negated ? to.then : to.otherwise;
}

/* Makes the tests of a part. The first of them is then the first of all that are made. */
static void tests_make(struct making *m, const struct rule_node *node, struct ways to)
{
    const bool is_and = node->op == RULE_OP_AND;
    const bool is_not = node->op == RULE_OP_NOT;
    const bool is_logic = node->op >= RULE_OP_AND && node->op <= RULE_OP_TRUTH;
    if (!is_logic || node->args_n == 0) {
        test_make(m, node, to);
        return;
    }
    if (is_and || node->op == RULE_OP_OR) {
        for (size_t i = node->args_n; i > 0; i--) {
            tests_make(m, &node->args[i - 1], to);
            *(is_and ? &to.then : &to.otherwise) = (uint16_t)m->first;
        }
    } else {
        const struct ways swapped = {.then = to.otherwise, .otherwise = to.then};
        tests_make(m, &node->args[0], is_not ? swapped : to);
    }
    m->tests[m->first].steps++; // for the operator, entered with its first test
}

void rule_tests_make(struct arena *arena, struct rule *rule)
{
    struct making m = {
        .rule = rule,
        .tests = arena_new(arena, struct rule_test, rule->nodes_n),
        .first = rule->nodes_n,
    };
    const struct ways ends = {.then = RULE_TEST_HOLDS, .otherwise = RULE_TEST_FAILS};
    tests_make(&m, &rule->nodes[0], ends);
    rule->tests = m.tests;
    rule->first_test = (uint16_t)m.first;
    ensure(rule->first_test < rule->nodes_n);
}

/* ---- running ---- */

/* A slot whose value is of another kind than the test expects, or anything else that takes the
 * whole of a node. */
static bool node_holds(struct rule_run *run, const struct rule *rule, const struct rule_test *test)
{
    const struct rule_node *node = &rule->nodes[test->node];
    struct value value;
    if (test->kind != RULE_TEST_VALUE) {
        return rule_pair_holds(run, node) != test->is_negated;
    }
    rule_node_run(run, node, &value);
    return value_is_true(&value);
}

static inline bool test_holds(struct rule_run *run, const struct rule *rule,
                              const struct rule_test *test)
{
    if (test->kind >= RULE_TEST_PAIR) {
        return node_holds(run, rule, test);
    }
    const struct value *value = rule_slot(run->env, test->slot);
    switch ((enum rule_test_kind)test->kind) {
    case RULE_TEST_NUMBER:
        if (value->kind == VALUE_NUMBER) {
            return value->number >= test->low && value->number <= test->high;
        }
        break;
    case RULE_TEST_TEXT:
        if (value->kind == VALUE_STR && value->str.n <= TEXT_BYTES_MAX) {
            return str_eq(value->str, test->text);
        }
        break;
    case RULE_TEST_LISTED:
        if (value->kind == VALUE_STR) {
            return rule_charge(run, test->list->array.n / 8) &&
                   rule_array_has_text(test->list, value->str);
        }
        break;
    case RULE_TEST_LISTS:
        if (value->kind == VALUE_ARRAY) {
            return rule_charge(run, value->array.n / 8) && rule_array_has_text(value, test->text);
        }
        break;
    case RULE_TEST_PAIR:
    case RULE_TEST_VALUE:
        break;
    }
    return node_holds(run, rule, test);
}

bool rule_holds(const struct rule *rule, const struct rule_env *env)
{
    struct rule_run run = rule_run_start(env);
    uint16_t at = rule->first_test;
    while (at < RULE_TEST_FAILS) {
        const struct rule_test *test = &rule->tests[at];
        run.steps_left -= test->steps;
        at = test_holds(&run, rule, test) ? test->then : test->otherwise;
    }
    return at == RULE_TEST_HOLDS && run.steps_left >= 0;
}
