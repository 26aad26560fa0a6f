/* What the files of the rule module share: the compiled form and its parts.
 *
 * Owns:    nothing.
 * Threads: as rule.h.
 * Memory:  as rule.h.
 * Errors:  as rule.h.
 * Limits:  as rule.h; RULE_BYTES_MAX of arena in one run.
 */
#ifndef LOYALD_RULE_INTERNAL_H
#define LOYALD_RULE_INTERNAL_H

#include "core/rule.h"

enum { RULE_BYTES_MAX = RULE_STEPS_MAX * 16 };

enum rule_op {
    RULE_NODE_CONST, // .constant
    RULE_NODE_SLOT,  // .slot, .path for its name and fallback
    RULE_NODE_DATA,  // .path into the data in scope: free data, or the item of a list
    RULE_NODE_LIST,  // an array with parts to evaluate
    RULE_NODE_SET,   // .set of the program
    RULE_NODE_TABLE, // .table of the program, as the first argument of "table"
#define RULE_OP(id, name, fewest, most, evaluate, check) id,
#include "core/rule.def"
#undef RULE_OP
    RULE_OP_N
};

struct rule_node;

/* Where a variable is found. */
struct rule_path {
    struct str text;         // "current.quantity"
    const struct str *parts; // split at the dots; none for ""
    size_t parts_n;
    const struct rule_node *fallback; // the default, NULL: null
};

/* One step of a rule: 16 bytes, arguments side by side. */
struct rule_node {
    uint8_t op;      // enum rule_op
    uint8_t type;    // enum rule_type of its result
    uint16_t args_n; // of operators and lists
    int32_t slot; // of RULE_NODE_SLOT; 1 in `missing` and `missing_some` whose names are constants
    union {
        struct rule_node *args;
        const struct value *constant;
        const struct rule_path *path;
        const struct text_set *set;
        const struct table *table;
    };
};
_Static_assert(sizeof(struct rule_node) == 16, "four nodes share a cache line");
_Static_assert(RULE_OP_N < 256, "an operator fits its byte");

/* Where a node stands in the document; kept apart, since running needs none of it. */
struct rule_place {
    struct str pointer; // from the rule's root
    const struct json *json;
};

/* What a test of a condition looks at: all but the last two compare a slot with constants. */
enum rule_test_kind {
    RULE_TEST_NUMBER, // the slot's number is from .low to .high
    RULE_TEST_TEXT,   // the slot's text is .text
    RULE_TEST_LISTED, // the slot's text is in .list
    RULE_TEST_LISTS,  // the slot's list has .text
    RULE_TEST_PAIR,   // any comparison or "in", whatever its arguments are
    RULE_TEST_VALUE,  // the truth of any other value
};

/* One test of a condition. All of a rule's stand in one array in the order in which they are made,
 * "and", "or" and "!" have become jumps, all of them forward. */
struct rule_test {
    uint8_t kind;       // enum rule_test_kind
    bool is_negated;    // a test for what is not equal asks whether it is, and jumps the other way
    uint16_t steps;     // it takes: operators entered with it, and its own
    uint16_t then;      // the test after this one when it holds
    uint16_t otherwise; // and when not
    uint16_t node;      // the part that it tests, for values of another kind than it expects
    int32_t slot;
    union {
        struct {
            double low, high;
        };
        struct str text;
        const struct value *list;
    };
};
_Static_assert(sizeof(struct rule_test) == 32, "two tests share a cache line");

enum {
    RULE_TEST_HOLDS = UINT16_MAX, // in the place of a test: the condition holds
    RULE_TEST_FAILS = UINT16_MAX - 1,
};
_Static_assert((int)RULE_NODES_MAX < (int)RULE_TEST_FAILS, "every test has a number");

struct rule {
    const struct json *json;
    const struct rule_node *nodes;   // nodes[0] is the root
    const struct rule_place *places; // places[i] belongs to nodes[i]
    size_t nodes_n;
    const int *slots;
    size_t slots_n;
    const struct rule_test *tests; // the condition that the rule is, as tests
    uint16_t first_test;
};

/* One run. */
struct rule_run {
    const struct rule_env *env;
    const struct value *data; // what `var` looks into: free data or the item; never NULL
    struct arena *arena;
    size_t used_max;    // the arena may grow to this
    int64_t steps_left; // below zero: the run is over and its result null
};

/* A run that starts. */
struct rule_run rule_run_start(const struct rule_env *env);

/* Makes the tests of a compiled rule. */
void rule_tests_make(struct arena *arena, struct rule *rule);

/* Whether an operator from == to "in" holds; takes no step for itself. */
bool rule_pair_holds(struct rule_run *run, const struct rule_node *node);

/* Evaluates an operator or a path: what rule_node_run() does not do itself. */
void rule_node_evaluate(struct rule_run *run, const struct rule_node *node, struct value *out);

/* Takes n steps off; false when none are left. */
static inline bool rule_charge(struct rule_run *run, size_t n)
{
    run->steps_left -= (int64_t)n;
    return run->steps_left >= 0 && run->arena->used <= run->used_max;
}

/* True when an item of the array is the text. */
static inline bool rule_array_has_text(const struct value *array, struct str text)
{
    for (size_t i = 0; i < array->array.n; i++) {
        const struct value *item = &array->array.items[i];
        if (item->kind == VALUE_STR && str_eq(item->str, text)) {
            return true;
        }
    }
    return false;
}

/* True when the list, or set, that a node stands for has the value. */
bool rule_list_has(struct rule_run *run, const struct rule_node *node, const struct value *list,
                   const struct value *wanted);

/* Evaluates a node; null once the run has used up its steps. */
static inline void rule_node_run(struct rule_run *run, const struct rule_node *node,
                                 struct value *out)
{
    if (node->op == RULE_NODE_CONST) {
        *out = *node->constant;
    } else if (node->op == RULE_NODE_SLOT && node->path->fallback == NULL) {
        *out = *rule_slot(run->env, node->slot);
    } else {
        rule_node_evaluate(run, node, out);
    }
}

/* Evaluates the index-th argument; null when there are fewer. */
static inline void rule_arg_run(struct rule_run *run, const struct rule_node *node, size_t index,
                                struct value *out)
{
    if (index < node->args_n) {
        rule_node_run(run, &node->args[index], out);
    } else {
        *out = value_null();
    }
}

/* The evaluators named in rule.def. */
#define RULE_OP(id, name, fewest, most, evaluate, check)                                           \
    void evaluate(struct rule_run *run, const struct rule_node *node, struct value *out);
#include "core/rule.def"
#undef RULE_OP

/* Looks a path up in data; false when there is nothing. */
bool rule_path_find(struct rule_run *run, const struct rule_path *path, const struct value *data,
                    struct value *out);

/* Splits "a.b" in the arena; "" has no parts. */
struct rule_path rule_path_of(struct arena *arena, struct str text);

/* What compiling knows about a node besides the node. */
struct rule_note {
    const struct rule_vars *item; // fields of the list's items, when known
    bool is_money;                // a variable in minor units
    bool is_written_money;        // {"money": …}
};

/* A rule being compiled. */
struct rule_compile {
    struct arena *arena;
    struct str base; // goes before every pointer of a failure
    const struct rule_vars *vars;
    struct fail *f;
    enum err err; // the first failure
    struct rule_node *nodes;
    struct rule_place *places;
    struct rule_note *notes;
    size_t nodes_n;
    size_t nodes_max;
    bool is_exact; // a formula: decimals are texts, constants are not computed ahead
};

/* Notes a failure at a node. */
void rule_fail(struct rule_compile *c, const struct rule_node *node, const char *fmt, ...)
    PRINTF(3, 4);

/* The type of an operator's result from the types of its arguments; notes what does not fit. */
enum rule_type rule_check(struct rule_compile *c, struct rule_node *node);

/* Notes what keeps the rule from giving what is wanted, at the part to blame. */
void rule_check_wanted(struct rule_compile *c, const struct rule_node *node, enum rule_type wanted);

/* True when a value of type `given` (of that node, for constants) can stand where `wanted` is
 * expected. */
bool rule_type_fits(enum rule_type wanted, const struct rule_node *given);

/* What a formula may not compute, noted at its place: rule_exact.c. */
void rule_exact_check(struct rule_compile *c, const struct rule_node *root);

/* In a formula, makes a decimal written as text the number that is wanted there. */
void rule_number_wanted(const struct rule_compile *c, struct rule_node *node);

/* Notes an argument that is not of the type wanted. */
void rule_arg_check(struct rule_compile *c, const struct rule_node *node, size_t index,
                    enum rule_type wanted);

/* The index of a node among its rule's. */
size_t rule_node_index(const struct rule_compile *c, const struct rule_node *node);

/* The type checks of our own operators: rule_check_typed.c. */
enum rule_type check_set(struct rule_compile *c, struct rule_node *node);
enum rule_type check_in_set(struct rule_compile *c, struct rule_node *node);
enum rule_type check_items_in(struct rule_compile *c, struct rule_node *node);
enum rule_type check_count_in(struct rule_compile *c, struct rule_node *node);
enum rule_type check_intersect(struct rule_compile *c, struct rule_node *node);
enum rule_type check_table(struct rule_compile *c, struct rule_node *node);
enum rule_type check_money(struct rule_compile *c, struct rule_node *node);
enum rule_type check_days_between(struct rule_compile *c, struct rule_node *node);
enum rule_type check_date_add(struct rule_compile *c, struct rule_node *node);
enum rule_type check_part_of_date(struct rule_compile *c, struct rule_node *node);
enum rule_type check_weekday(struct rule_compile *c, struct rule_node *node);
enum rule_type check_moments(struct rule_compile *c, struct rule_node *node);
enum rule_type check_text_test(struct rule_compile *c, struct rule_node *node);
enum rule_type check_lower(struct rule_compile *c, struct rule_node *node);

/* The type of an array with parts to evaluate. */
enum rule_type rule_type_of_list(const struct rule_node *list);

/* The type of a constant. */
enum rule_type rule_type_of(const struct value *value);

#endif
