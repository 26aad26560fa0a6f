/* The type check of rules: what fits what, said where it does not. */
#include "base/base.h"
#include "core/rule_internal.h"

#include "base/time.h"

static const char *const TYPE_TEXT[] = {
    [RULE_ANY] = "anything",
    [RULE_NULL] = "nothing",
    [RULE_BOOL] = "true or false",
    [RULE_NUMBER] = "a number",
    [RULE_TEXT] = "a text",
    [RULE_DATE] = "a date",
    [RULE_INSTANT] = "an instant",
    [RULE_TEXTS] = "a list of texts",
    [RULE_NUMBERS] = "a list of numbers",
    [RULE_LIST] = "a list",
    [RULE_OBJECT] = "an object",
};
_Static_assert(ARRAY_N(TYPE_TEXT) == RULE_TYPE_N, "one text per type");

const char *rule_type_text(enum rule_type type)
{
    ensure((size_t)type < RULE_TYPE_N);
    return TYPE_TEXT[type];
}

static enum rule_type type_of(const struct rule_node *node)
{
    return (enum rule_type)node->type;
}

static enum rule_type list_of(enum rule_type item)
{
    return item == RULE_TEXT ? RULE_TEXTS : item == RULE_NUMBER ? RULE_NUMBERS : RULE_LIST;
}

static enum rule_type item_of(enum rule_type list)
{
    return list == RULE_TEXTS ? RULE_TEXT : list == RULE_NUMBERS ? RULE_NUMBER : RULE_ANY;
}

static bool is_list(enum rule_type type)
{
    return type == RULE_TEXTS || type == RULE_NUMBERS || type == RULE_LIST || type == RULE_ANY;
}

enum rule_type rule_type_of(const struct value *value)
{
    switch (value->kind) {
    case VALUE_NULL:
        return RULE_NULL;
    case VALUE_BOOL:
        return RULE_BOOL;
    case VALUE_NUMBER:
        return RULE_NUMBER;
    case VALUE_STR:
        return RULE_TEXT;
    case VALUE_ARRAY:
        break;
    case VALUE_OBJECT:
        return RULE_OBJECT;
    }
    enum rule_type item = RULE_ANY;
    for (size_t i = 0; i < value->array.n; i++) {
        const enum value_kind kind = value->array.items[i].kind;
        const enum rule_type type = kind == VALUE_STR      ? RULE_TEXT
                                    : kind == VALUE_NUMBER ? RULE_NUMBER
                                                           : RULE_ANY;
        item = i == 0 || item == type ? type : RULE_ANY;
        if (item == RULE_ANY) {
            break;
        }
    }
    return list_of(item);
}

/* The one type that all of the nodes have, RULE_ANY when they differ. */
static enum rule_type common_type(const struct rule_node *nodes, size_t n)
{
    enum rule_type common = n > 0 ? type_of(&nodes[0]) : RULE_ANY;
    for (size_t i = 1; i < n; i++) {
        common = type_of(&nodes[i]) == common ? common : RULE_ANY;
    }
    return common;
}

enum rule_type rule_type_of_list(const struct rule_node *list)
{
    return list_of(common_type(list->args, list->args_n));
}

static bool is_constant_text(const struct rule_node *node)
{
    return node->op == RULE_NODE_CONST && node->constant->kind == VALUE_STR;
}

bool rule_type_fits(enum rule_type wanted, const struct rule_node *given)
{
    const enum rule_type type = type_of(given);
    if (wanted == RULE_ANY || type == RULE_ANY || type == RULE_NULL || type == wanted) {
        return true;
    }
    int32_t day = 0;
    int64_t at = 0;
    if (wanted == RULE_DATE && is_constant_text(given)) {
        return day_read(given->constant->str, &day);
    }
    if (wanted == RULE_INSTANT && is_constant_text(given)) {
        return instant_read(given->constant->str, &at);
    }
    return wanted == RULE_LIST ? is_list(type) : type == RULE_LIST && is_list(wanted);
}

/* Brings an instant written in a rule into the form that instants have when it is run. */
static void instant_normalise(struct rule_compile *c, struct rule_node *node)
{
    int64_t at = 0;
    if (!is_constant_text(node) || !instant_read(node->constant->str, &at)) {
        return;
    }
    char text[INSTANT_BYTES + 1];
    instant_write(at, text);
    struct value *constant = arena_new(c->arena, struct value, 1);
    *constant = value_str(str_dup(c->arena, (struct str){.p = text, .n = INSTANT_BYTES}));
    node->constant = constant;
}

/* An amount of money is compared with one only: what it is in minor units says nothing about pieces
 * or nights. */
static void money_check(struct rule_compile *c, const struct rule_node *money,
                        const struct rule_node *other)
{
    const struct rule_note *note = &c->notes[rule_node_index(c, other)];
    if (c->notes[rule_node_index(c, money)].is_written_money && other->op == RULE_NODE_SLOT &&
        !note->is_money) {
        rule_fail(c, other, "This is no amount of money: \"%.*s\" is compared with a plain number.",
                  STR_ARG(other->path->text));
    }
}

/* Two operands that are compared; says which of them is in the wrong. */
static void pair_check(struct rule_compile *c, struct rule_node *a, struct rule_node *b)
{
    const bool swap = type_of(a) == RULE_TEXT &&
                      a->op == RULE_NODE_CONST; // the constant is to follow the other side
    struct rule_node *given = swap ? a : b;
    struct rule_node *other = swap ? b : a;
    const enum rule_type wanted = type_of(other);
    if (wanted == RULE_NUMBER) {
        rule_number_wanted(c, given);
    }
    money_check(c, given, other);
    money_check(c, other, given);
    if (!rule_type_fits(wanted, given)) {
        const bool is_spelling =
            is_constant_text(given) && (wanted == RULE_DATE || wanted == RULE_INSTANT);
        rule_fail(c, given,
                  is_spelling ? "This must be %s%s."
                              : "This compares %s with %s: both sides must be of one kind.",
                  rule_type_text(wanted),
                  is_spelling ? (wanted == RULE_DATE ? ", such as \"2026-11-21\""
                                                     : ", such as \"2026-11-21T10:00:00Z\"")
                              : rule_type_text(type_of(given)));
    } else if (wanted == RULE_INSTANT) {
        instant_normalise(c, given);
    }
}

static bool has_arity(const struct rule_node *node, size_t n)
{
    return node->args_n >= n; // too few were noted by the caller
}

static enum rule_type check_equality(struct rule_compile *c, struct rule_node *node)
{
    for (size_t i = 0; i < node->args_n; i++) {
        const enum rule_type type = type_of(&node->args[i]);
        if ((is_list(type) && type != RULE_ANY) || type == RULE_OBJECT) {
            rule_fail(c, &node->args[i], "%s equals only itself: use \"in\", \"some\" or \"all\".",
                      type == RULE_OBJECT ? "An object" : "A list");
            return RULE_BOOL;
        }
    }
    if (has_arity(node, 2)) {
        pair_check(c, &node->args[0], &node->args[1]);
    }
    return RULE_BOOL;
}

static enum rule_type check_order(struct rule_compile *c, struct rule_node *node)
{
    for (size_t i = 0; i < node->args_n; i++) {
        const enum rule_type type = type_of(&node->args[i]);
        const bool has_order = type == RULE_ANY || type == RULE_NUMBER || type == RULE_TEXT ||
                               type == RULE_DATE || type == RULE_INSTANT;
        if (!has_order) {
            rule_fail(c, &node->args[i],
                      "This is %s, which is neither less nor more than anything.",
                      rule_type_text(type));
            return RULE_BOOL;
        }
    }
    for (size_t i = 0; i + 1 < node->args_n; i++) {
        pair_check(c, &node->args[i], &node->args[i + 1]);
    }
    return RULE_BOOL;
}

/* The type of an "if": that of its results, where they have one in common. */
static enum rule_type result_type_of_choice(const struct rule_node *node)
{
    enum rule_type common = RULE_ANY;
    bool is_first = true;
    for (size_t i = 0; i < node->args_n; i++) {
        const bool is_result = i % 2 == 1 || i + 1 == node->args_n;
        const enum rule_type type = type_of(&node->args[i]);
        if (is_result && type != RULE_NULL) {
            common = is_first || type == common ? type : RULE_ANY;
            is_first = false;
        }
    }
    return common;
}

void rule_number_wanted(const struct rule_compile *c, struct rule_node *node)
{
    struct decimal number;
    const bool is_choice = c->is_exact && (node->op == RULE_OP_IF || node->op == RULE_OP_TERNARY);
    for (size_t i = 0; is_choice && i < node->args_n; i++) {
        if (i % 2 == 1 || i + 1 == node->args_n) {
            rule_number_wanted(c, &node->args[i]);
        }
    }
    if (is_choice) {
        node->type = (uint8_t)result_type_of_choice(node);
        return;
    }
    if (c->is_exact && is_constant_text(node) &&
        decimal_read(node->constant->str, DECIMAL_SCALE_MAX, &number)) {
        node->type = RULE_NUMBER;
    }
}

void rule_arg_check(struct rule_compile *c, const struct rule_node *node, size_t index,
                    enum rule_type wanted)
{
    if (wanted == RULE_NUMBER && index < node->args_n) {
        rule_number_wanted(c, &node->args[index]);
    }
    if (index < node->args_n && !rule_type_fits(wanted, &node->args[index])) {
        rule_fail(c, &node->args[index], "This must be %s, but is %s.", rule_type_text(wanted),
                  rule_type_text(type_of(&node->args[index])));
    }
}

static enum rule_type check_arithmetic(struct rule_compile *c, struct rule_node *node)
{
    for (size_t i = 0; i < node->args_n; i++) {
        rule_arg_check(c, node, i, RULE_NUMBER);
    }
    return RULE_NUMBER;
}

static enum rule_type check_add(struct rule_compile *c, struct rule_node *node)
{
    const bool is_cast =
        node->args_n == 1 && type_of(&node->args[0]) == RULE_TEXT; // {"+": "12"} reads a number
    return is_cast ? RULE_NUMBER : check_arithmetic(c, node);
}

static enum rule_type check_if(struct rule_compile *c, struct rule_node *node)
{
    (void)c; // every condition has a truth
    return result_type_of_choice(node);
}

static enum rule_type check_and_or(struct rule_compile *c, struct rule_node *node)
{
    (void)c; // every argument has a truth
    return common_type(node->args, node->args_n);
}

static enum rule_type check_truth(struct rule_compile *c, struct rule_node *node)
{
    (void)c; // everything has a truth
    (void)node;
    return RULE_BOOL;
}

static enum rule_type check_in(struct rule_compile *c, struct rule_node *node)
{
    if (!has_arity(node, 2)) {
        return RULE_BOOL;
    }
    const enum rule_type where = type_of(&node->args[1]);
    if (node->args[1].op == RULE_NODE_SET) {
        node->op = RULE_OP_IN_SET; // the same, by hash
        return check_in_set(c, node);
    }
    if (where == RULE_TEXT) {
        rule_arg_check(c, node, 0, RULE_TEXT);
    } else if (!is_list(where)) {
        rule_fail(c, &node->args[1], "\"in\" looks into a list or a text, but this is %s.",
                  rule_type_text(where));
    } else {
        const enum rule_type needle = type_of(&node->args[0]);
        const bool is_text_like =
            item_of(where) == RULE_TEXT && (needle == RULE_DATE || needle == RULE_INSTANT);
        if (!is_text_like) {
            rule_arg_check(c, node, 0, item_of(where));
        }
    }
    return RULE_BOOL;
}

static enum rule_type check_cat(struct rule_compile *c, struct rule_node *node)
{
    for (size_t i = 0; i < node->args_n; i++) {
        if (type_of(&node->args[i]) == RULE_OBJECT) {
            rule_fail(c, &node->args[i], "An object has no text: name one of its fields.");
        }
    }
    return RULE_TEXT;
}

static enum rule_type check_substr(struct rule_compile *c, struct rule_node *node)
{
    const enum rule_type source = node->args_n > 0 ? type_of(&node->args[0]) : RULE_ANY;
    if (source != RULE_DATE && source != RULE_INSTANT) {
        rule_arg_check(c, node, 0, RULE_TEXT);
    }
    rule_arg_check(c, node, 1, RULE_NUMBER);
    rule_arg_check(c, node, 2, RULE_NUMBER);
    return RULE_TEXT;
}

static enum rule_type check_merge(struct rule_compile *c, struct rule_node *node)
{
    (void)c; // merges what it is given
    const enum rule_type common = common_type(node->args, node->args_n);
    return common == RULE_TEXTS || common == RULE_NUMBERS ? common : list_of(common);
}

static void list_check(struct rule_compile *c, const struct rule_node *node)
{
    if (node->args_n > 0 && !is_list(type_of(&node->args[0]))) {
        rule_fail(c, &node->args[0], "This must be a list, but is %s.",
                  rule_type_text(type_of(&node->args[0])));
    }
}

static enum rule_type check_each(struct rule_compile *c, struct rule_node *node)
{
    list_check(c, node);
    return RULE_BOOL;
}

static enum rule_type check_filter(struct rule_compile *c, struct rule_node *node)
{
    list_check(c, node);
    if (node->args_n == 0) {
        return RULE_LIST;
    }
    c->notes[node - c->nodes].item = c->notes[node->args - c->nodes].item;
    return type_of(&node->args[0]);
}

static enum rule_type check_map(struct rule_compile *c, struct rule_node *node)
{
    list_check(c, node);
    return node->args_n > 1 ? list_of(type_of(&node->args[1])) : RULE_LIST;
}

static enum rule_type check_reduce(struct rule_compile *c, struct rule_node *node)
{
    list_check(c, node);
    return RULE_ANY;
}

static enum rule_type check_log(struct rule_compile *c, struct rule_node *node)
{
    (void)c; // gives its argument back
    return node->args_n > 0 ? type_of(&node->args[0]) : RULE_NULL;
}

static enum rule_type check_never(struct rule_compile *c, struct rule_node *node)
{
    (void)c; // variables are checked where they are resolved
    (void)node;
    return RULE_ANY;
}

static enum rule_type (*const CHECK[])(struct rule_compile *c, struct rule_node *node) = {
#define RULE_OP(id, name, fewest, most, evaluate, check) [id] = check,
#include "core/rule.def"
#undef RULE_OP
};
_Static_assert(ARRAY_N(CHECK) == RULE_OP_N, "one check per operator");

enum rule_type rule_check(struct rule_compile *c, struct rule_node *node)
{
    ensure(node->op < RULE_OP_N && CHECK[node->op] != NULL);
    return CHECK[node->op](c, node);
}

void rule_check_wanted(struct rule_compile *c, const struct rule_node *node, enum rule_type wanted)
{
    const bool is_choice = node->op == RULE_OP_IF || node->op == RULE_OP_TERNARY;
    const bool is_logic = node->op == RULE_OP_AND || node->op == RULE_OP_OR;
    if (wanted == RULE_ANY) {
        return;
    }
    if (!is_choice && !is_logic) {
        if (!rule_type_fits(wanted, node) || type_of(node) == RULE_NULL) {
            rule_fail(c, node, "This must be %s, but is %s.", rule_type_text(wanted),
                      rule_type_text(type_of(node)));
        }
        return;
    }
    for (size_t i = 0; i < node->args_n; i++) {
        if (is_logic || i % 2 == 1 || i + 1 == node->args_n) {
            rule_check_wanted(c, &node->args[i], wanted);
        }
    }
}
