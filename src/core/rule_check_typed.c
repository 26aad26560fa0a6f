/* The type checks of our own operators: dates, money, sets, tables and texts. */
#include "base/base.h"
#include "core/rule_internal.h"

#include "base/currency.h"
#include "base/num.h"

static enum rule_type type_of(const struct rule_node *node)
{
    return (enum rule_type)node->type;
}

static bool is_list(enum rule_type type)
{
    return type == RULE_TEXTS || type == RULE_NUMBERS || type == RULE_LIST || type == RULE_ANY;
}

static bool is_text_like(enum rule_type type)
{
    return type == RULE_TEXT || type == RULE_DATE || type == RULE_INSTANT || type == RULE_ANY ||
           type == RULE_NULL;
}

enum rule_type check_set(struct rule_compile *c, struct rule_node *node)
{
    (void)c; // a set is resolved before it is checked
    (void)node;
    return RULE_TEXTS;
}

static bool is_at(const struct rule_node *node, size_t index)
{
    return index < node->args_n; // too few were noted by the caller
}

/* Where items are looked for: a set or a list. */
static void where_check(struct rule_compile *c, const struct rule_node *node)
{
    if (is_at(node, 1) && !is_list(type_of(&node->args[1]))) {
        rule_fail(c, &node->args[1], "This must be the name of a set, or a list, but is %s.",
                  rule_type_text(type_of(&node->args[1])));
    }
}

enum rule_type check_in_set(struct rule_compile *c, struct rule_node *node)
{
    where_check(c, node);
    const bool is_set = is_at(node, 1) && node->args[1].op == RULE_NODE_SET;
    if (is_set && !is_text_like(type_of(&node->args[0]))) {
        rule_fail(c, &node->args[0], "A set holds texts, but this is %s%s.",
                  rule_type_text(type_of(&node->args[0])),
                  is_list(type_of(&node->args[0])) ? ": use \"any_in\" or \"all_in\"" : "");
    }
    return RULE_BOOL;
}

static void items_check(struct rule_compile *c, const struct rule_node *node)
{
    where_check(c, node);
    if (is_at(node, 0) && !is_list(type_of(&node->args[0]))) {
        rule_fail(c, &node->args[0], "This must be a list, but is %s%s.",
                  rule_type_text(type_of(&node->args[0])),
                  is_text_like(type_of(&node->args[0])) ? ": use \"in_set\"" : "");
    }
    const bool are_numbers = is_at(node, 1) && type_of(&node->args[0]) == RULE_NUMBERS &&
                             type_of(&node->args[1]) == RULE_TEXTS;
    if (are_numbers) {
        rule_fail(c, &node->args[0],
                  "This looks for numbers among texts: both sides must be of one kind.");
    }
}

enum rule_type check_items_in(struct rule_compile *c, struct rule_node *node)
{
    items_check(c, node);
    return RULE_BOOL;
}

enum rule_type check_count_in(struct rule_compile *c, struct rule_node *node)
{
    items_check(c, node);
    return RULE_NUMBER;
}

enum rule_type check_intersect(struct rule_compile *c, struct rule_node *node)
{
    items_check(c, node);
    if (!is_at(node, 0)) {
        return RULE_LIST;
    }
    c->notes[rule_node_index(c, node)].item = c->notes[rule_node_index(c, node->args)].item;
    return type_of(&node->args[0]) == RULE_ANY ? RULE_LIST : type_of(&node->args[0]);
}

static void key_check(struct rule_compile *c, const struct table *table, size_t column,
                      struct rule_node *key)
{
    const enum rule_type type = type_of(key);
    if (table->key_is_number[column]) {
        rule_number_wanted(c, key);
        if (!rule_type_fits(RULE_NUMBER, key)) {
            rule_fail(c, key, "The column \"%.*s\" of \"%.*s\" holds numbers, but this is %s.",
                      STR_ARG(table->keys[column]), STR_ARG(table->name), rule_type_text(type));
        }
    } else if (!is_text_like(type)) {
        rule_fail(c, key, "The column \"%.*s\" of \"%.*s\" holds texts, but this is %s.",
                  STR_ARG(table->keys[column]), STR_ARG(table->name), rule_type_text(type));
    }
}

enum rule_type check_table(struct rule_compile *c, struct rule_node *node)
{
    const struct table *table = node->args[0].table; // resolved before
    if (node->args_n != table->keys_n + 1) {
        rule_fail(c, node, "\"%.*s\" is looked up by %zu key%s, but %zu %s given.",
                  STR_ARG(table->name), table->keys_n, table->keys_n == 1 ? "" : "s",
                  (size_t)node->args_n - 1, node->args_n == 2 ? "is" : "are");
        return RULE_ANY;
    }
    for (size_t i = 0; i < table->keys_n; i++) {
        key_check(c, table, i, &node->args[i + 1]);
    }
    return table->value_is_number ? RULE_NUMBER : RULE_TEXT;
}

static bool is_constant_text(const struct rule_node *node)
{
    return node->op == RULE_NODE_CONST && node->constant->kind == VALUE_STR;
}

enum rule_type check_money(struct rule_compile *c, struct rule_node *node)
{
    struct decimal amount;
    int64_t minor = 0;
    c->notes[rule_node_index(c, node)].is_written_money = true;
    if (!is_at(node, 1)) {
        return RULE_NUMBER;
    }
    if (!is_constant_text(&node->args[0]) || !is_constant_text(&node->args[1])) {
        rule_fail(c, node,
                  "Write the amount and the currency as texts: {\"money\": [\"12.50\", \"EUR\"]}.");
        return RULE_NUMBER;
    }
    const struct str currency = node->args[1].constant->str;
    const int decimals = currency_decimals(currency);
    if (c->vars->currency.n > 0 && !str_eq(currency, c->vars->currency)) {
        rule_fail(c, &node->args[1], "Amounts are in the program's currency, %.*s.",
                  STR_ARG(c->vars->currency));
    } else if (!decimal_read(node->args[0].constant->str, DECIMAL_SCALE_MAX, &amount) ||
               !decimal_rescale(amount, decimals, &minor) || minor > WHOLE_MAX ||
               minor < -WHOLE_MAX) {
        rule_fail(c, &node->args[0],
                  "This must be an amount with at most %d decimals, such as \"%s\".", decimals,
                  decimals == 0   ? "1250"
                  : decimals == 3 ? "12.500"
                                  : "12.50");
    }
    return RULE_NUMBER;
}

/* A date or an instant; a text must be written as one of them. */
static void moment_check(struct rule_compile *c, const struct rule_node *node, size_t index)
{
    if (!is_at(node, index)) {
        return;
    }
    const struct rule_node *arg = &node->args[index];
    if (!rule_type_fits(RULE_DATE, arg) && !rule_type_fits(RULE_INSTANT, arg)) {
        rule_fail(c, arg,
                  is_constant_text(arg)
                      ? "This must be a date, such as \"2026-11-21\", or an instant, such as "
                        "\"2026-11-21T10:00:00Z\"."
                      : "This must be a date or an instant, but is %s.",
                  rule_type_text(type_of(arg)));
    }
}

enum rule_type check_moments(struct rule_compile *c, struct rule_node *node)
{
    for (size_t i = 0; i < node->args_n; i++) {
        moment_check(c, node, i);
    }
    return RULE_BOOL;
}

enum rule_type check_days_between(struct rule_compile *c, struct rule_node *node)
{
    moment_check(c, node, 0);
    moment_check(c, node, 1);
    return RULE_NUMBER;
}

enum rule_type check_date_add(struct rule_compile *c, struct rule_node *node)
{
    moment_check(c, node, 0);
    for (size_t i = 1; i < node->args_n; i++) {
        rule_arg_check(c, node, i, RULE_NUMBER);
    }
    return RULE_DATE;
}

enum rule_type check_part_of_date(struct rule_compile *c, struct rule_node *node)
{
    moment_check(c, node, 0);
    return RULE_NUMBER;
}

enum rule_type check_weekday(struct rule_compile *c, struct rule_node *node)
{
    moment_check(c, node, 0);
    return RULE_TEXT;
}

static void text_check(struct rule_compile *c, const struct rule_node *node, size_t index)
{
    if (is_at(node, index) && !is_text_like(type_of(&node->args[index]))) {
        rule_fail(c, &node->args[index], "This must be a text, but is %s%s.",
                  rule_type_text(type_of(&node->args[index])),
                  is_list(type_of(&node->args[index])) ? ": use \"in\" or \"some\"" : "");
    }
}

enum rule_type check_text_test(struct rule_compile *c, struct rule_node *node)
{
    text_check(c, node, 0);
    text_check(c, node, 1);
    return RULE_BOOL;
}

enum rule_type check_lower(struct rule_compile *c, struct rule_node *node)
{
    text_check(c, node, 0);
    return RULE_TEXT;
}
