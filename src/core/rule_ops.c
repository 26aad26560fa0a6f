/* Running rules: arithmetic, texts, lists and what is missing. */
#include "base/base.h"
#include "core/rule_internal.h"

#include "base/num.h"

#include <math.h>

enum { CAT_BYTES_MAX = 64 * 1024 };

void op_add(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    double sum = 0;
    for (size_t i = 0; i < node->args_n; i++) {
        struct value term;
        rule_node_run(run, &node->args[i], &term);
        sum += value_parse_number(&term, run->arena);
    }
    *out = value_number(sum);
}

void op_multiply(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    rule_arg_run(run, node, 0, out);
    if (node->args_n < 2) {
        return; // JavaScript's reduce gives a single element back as it is
    }
    double product = value_parse_number(out, run->arena);
    for (size_t i = 1; i < node->args_n; i++) {
        struct value factor;
        rule_node_run(run, &node->args[i], &factor);
        product *= value_parse_number(&factor, run->arena);
    }
    *out = value_number(product);
}

static double number_arg(struct rule_run *run, const struct rule_node *node, size_t index)
{
    struct value value;
    rule_arg_run(run, node, index, &value);
    return value_to_number(&value, run->arena);
}

void op_subtract(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    const double a = number_arg(run, node, 0);
    *out = value_number(node->args_n < 2 ? -a : a - number_arg(run, node, 1));
}

void op_divide(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    const double a = number_arg(run, node, 0);
    const double b = number_arg(run, node, 1);
    // The three cases are written out: dividing by zero is defined, but a sanitizer reports it.
    *out = value_number(b != 0                           ? a / b
                        : a == 0 || isnan(a) || isnan(b) ? NAN
                        : (a < 0) != signbit(b)          ? -INFINITY
                                                         : INFINITY);
}

void op_rest(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    const double a = number_arg(run, node, 0);
    *out = value_number(fmod(a, number_arg(run, node, 1)));
}

void op_min(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    double least = INFINITY;
    for (size_t i = 0; i < node->args_n; i++) {
        const double number = number_arg(run, node, i);
        least = number < least || isnan(number) ? number : least;
    }
    *out = value_number(least);
}

void op_max(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    double most = -INFINITY;
    for (size_t i = 0; i < node->args_n; i++) {
        const double number = number_arg(run, node, i);
        most = number > most || isnan(number) ? number : most;
    }
    *out = value_number(most);
}

void op_cat(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    struct buf buf;
    buf_open(&buf, run->arena, CAT_BYTES_MAX);
    for (size_t i = 0; i < node->args_n && rule_charge(run, 1); i++) {
        struct value part;
        rule_node_run(run, &node->args[i], &part);
        if (part.kind != VALUE_NULL) {
            buf_str(&buf, value_to_str(&part, run->arena));
        }
    }
    *out = value_str(buf_view(&buf));
}

/* The byte where the index-th character begins; s.n when there are fewer. */
static size_t byte_of_character(struct str s, size_t index)
{
    size_t seen = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (((unsigned char)s.p[i] & 0xC0) != 0x80 && seen++ == index) {
            return i;
        }
    }
    return s.n;
}

/* A number as an index: cut to whole, NaN is 0. */
static int64_t index_arg(struct rule_run *run, const struct rule_node *node, size_t index)
{
    const double number = number_arg(run, node, index);
    return isnan(number) ? 0 : (int64_t)fmax(-1e15, fmin(1e15, trunc(number)));
}

void op_substr(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    struct value source;
    rule_arg_run(run, node, 0, &source);
    const struct str text = value_to_str(&source, run->arena);
    (void)rule_charge(run,
                      text.n / 16); // three walks over the text; the next node sees what is left
    const int64_t length = (int64_t)str_characters(text);
    int64_t from = index_arg(run, node, 1);
    from = from < 0 ? int64_max(length + from, 0) : int64_min(from, length);
    int64_t until = length;
    if (node->args_n > 2) {
        const int64_t take = index_arg(run, node, 2);
        until = take < 0 ? length + take : int64_min(from + take, length);
    }
    if (until <= from) {
        *out = value_str(STR(""));
        return;
    }
    const size_t start = byte_of_character(text, (size_t)from);
    const size_t end = byte_of_character(text, (size_t)until);
    *out = value_str((struct str){.p = text.p + start, .n = end - start});
}

/* Room for n items, or NULL when the run may not use that much. */
static struct value *items_make(struct rule_run *run, size_t n)
{
    return rule_charge(run, n) ? arena_new(run->arena, struct value, n) : NULL;
}

void op_merge(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    struct value *parts = arena_new(run->arena, struct value, node->args_n);
    size_t n = 0;
    for (size_t i = 0; i < node->args_n; i++) {
        rule_node_run(run, &node->args[i], &parts[i]);
        n += parts[i].kind == VALUE_ARRAY ? parts[i].array.n : 1;
    }
    struct value *items = items_make(run, n);
    *out = value_null();
    if (items == NULL) {
        return;
    }
    size_t at = 0;
    for (size_t i = 0; i < node->args_n; i++) {
        if (parts[i].kind != VALUE_ARRAY) {
            items[at++] = parts[i];
        } else if (parts[i].array.n > 0) {
            memcpy(items + at, parts[i].array.items, parts[i].array.n * sizeof *items);
            at += parts[i].array.n;
        }
    }
    ensure(at == n);
    *out = value_array(items, n);
}

/* The list that an operator walks; an empty one when its first argument is no array. */
static struct value list_arg(struct rule_run *run, const struct rule_node *node)
{
    struct value list;
    rule_arg_run(run, node, 0, &list);
    return list.kind == VALUE_ARRAY ? list : value_array(NULL, 0);
}

/* The second argument with one item in scope. */
static void body_run(struct rule_run *run, const struct rule_node *node, const struct value *item,
                     struct value *out)
{
    const struct value *outside = run->data;
    run->data = item;
    rule_arg_run(run, node, 1, out);
    run->data = outside;
}

/* How many items of the list meet the body, counting up to `enough`. */
static size_t items_met(struct rule_run *run, const struct rule_node *node,
                        const struct value *list, bool is_met, size_t enough)
{
    size_t n = 0;
    for (size_t i = 0; i < list->array.n && n < enough && rule_charge(run, 1); i++) {
        struct value result;
        body_run(run, node, &list->array.items[i], &result);
        n += value_is_true(&result) == is_met;
    }
    return n;
}

void op_some(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    const struct value list = list_arg(run, node);
    *out = value_bool(items_met(run, node, &list, true, 1) > 0);
}

void op_all(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    const struct value list = list_arg(run, node);
    *out = value_bool(list.array.n > 0 && items_met(run, node, &list, false, 1) == 0);
}

void op_none(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    const struct value list = list_arg(run, node);
    *out = value_bool(items_met(run, node, &list, true, 1) == 0);
}

void op_filter(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    const struct value list = list_arg(run, node);
    struct value *items = items_make(run, list.array.n);
    size_t n = 0;
    for (size_t i = 0; items != NULL && i < list.array.n && rule_charge(run, 1); i++) {
        struct value result;
        body_run(run, node, &list.array.items[i], &result);
        if (value_is_true(&result)) {
            items[n++] = list.array.items[i];
        }
    }
    *out = value_array(items, n);
}

void op_map(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    const struct value list = list_arg(run, node);
    struct value *items = items_make(run, list.array.n);
    size_t n = 0;
    for (; items != NULL && n < list.array.n && rule_charge(run, 1); n++) {
        body_run(run, node, &list.array.items[n], &items[n]);
    }
    *out = value_array(items, n);
}

/* What the body of a reduce sees. */
struct reduce_scope {
    struct value current;
    struct value accumulator;
};

static bool reduce_scope_get(const void *self, struct str name, struct arena *arena,
                             struct value *out)
{
    (void)arena; // both are at hand
    const struct reduce_scope *scope = self;
    const bool is_current = str_eq(name, STR("current"));
    if (!is_current && !str_eq(name, STR("accumulator"))) {
        return false;
    }
    *out = is_current ? scope->current : scope->accumulator;
    return true;
}

static const struct value_class REDUCE_SCOPE = {.get = reduce_scope_get};

void op_reduce(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    const struct value list = list_arg(run, node);
    struct value accumulator;
    rule_arg_run(run, node, 2, &accumulator);
    for (size_t i = 0; i < list.array.n && rule_charge(run, 4); i++) {
        struct reduce_scope *scope =
            arena_new(run->arena, struct reduce_scope, 1); // {"var": ""} may keep it
        *scope = (struct reduce_scope){.current = list.array.items[i], .accumulator = accumulator};
        const struct value data = value_object(&REDUCE_SCOPE, scope);
        body_run(run, node, &data, &accumulator);
    }
    *out = accumulator;
}

void op_var(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    struct value name;
    rule_arg_run(run, node, 0, &name);
    const struct str text = name.kind == VALUE_NULL ? STR("") : value_to_str(&name, run->arena);
    const struct rule_path path = rule_path_of(run->arena, text);
    if (!rule_path_find(run, &path, run->data, out)) {
        rule_arg_run(run, node, 1, out);
    }
}

static bool is_absent(const struct value *value)
{
    return value->kind == VALUE_NULL || (value->kind == VALUE_STR && value->str.n == 0);
}

/* The names among nodes `from` and after that have no value; these nodes are variables. */
static size_t absent_variables(struct rule_run *run, const struct rule_node *node, size_t from,
                               struct value *names)
{
    size_t n = 0;
    for (size_t i = from; i < node->args_n; i++) {
        struct value value;
        rule_node_run(run, &node->args[i], &value);
        if (is_absent(&value)) {
            names[n++] = value_str(node->args[i].path->text);
        }
    }
    return n;
}

/* The names among keys that were evaluated. */
static size_t absent_keys(struct rule_run *run, const struct value *keys, size_t keys_n,
                          struct value *names)
{
    size_t n = 0;
    for (size_t i = 0; i < keys_n && rule_charge(run, 1); i++) {
        const struct str text = value_to_str(&keys[i], run->arena);
        const struct rule_path path = rule_path_of(run->arena, text);
        struct value value;
        if (!rule_path_find(run, &path, run->data, &value) || is_absent(&value)) {
            names[n++] = keys[i];
        }
    }
    return n;
}

/* slot 1 marks operators whose keys are variables known when the rule was compiled. */
void op_missing(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    if (node->slot == 1) {
        struct value *names = arena_new(run->arena, struct value, node->args_n);
        *out = value_array(names, absent_variables(run, node, 0, names));
        return;
    }
    struct value *keys = arena_new(run->arena, struct value, node->args_n);
    for (size_t i = 0; i < node->args_n; i++) {
        rule_node_run(run, &node->args[i], &keys[i]);
    }
    const bool is_list = node->args_n > 0 && keys[0].kind == VALUE_ARRAY;
    const struct value all = is_list ? keys[0] : value_array(keys, node->args_n);
    struct value *names = items_make(run, all.array.n);
    *out = value_array(names,
                       names == NULL ? 0 : absent_keys(run, all.array.items, all.array.n, names));
}

void op_missing_some(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    const double needed = number_arg(run, node, 0);
    struct value keys = value_array(NULL, 0);
    size_t keys_n = 0;
    struct value *names = NULL;
    size_t absent_n = 0;
    if (node->slot == 1) {
        keys_n = node->args_n - 1;
        names = arena_new(run->arena, struct value, keys_n);
        absent_n = absent_variables(run, node, 1, names);
    } else {
        rule_arg_run(run, node, 1, &keys);
        keys_n = keys.kind == VALUE_ARRAY ? keys.array.n : 0;
        names = items_make(run, keys_n);
        absent_n = names == NULL ? 0 : absent_keys(run, keys.array.items, keys_n, names);
    }
    const bool is_enough = (double)(keys_n - absent_n) >= needed;
    *out = value_array(names, is_enough ? 0 : absent_n);
}
