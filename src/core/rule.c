/* Compiling rules: JSON to a tree of nodes in one array. Recursion is bounded by RULE_DEPTH_MAX. */
#include "base/base.h"
#include "core/rule_internal.h"

static const struct {
    struct str name;
    size_t fewest;
    size_t most;
} OPERATORS[] = {
#define RULE_OP(id, text, fewest_n, most_n, evaluate, check)                                       \
    [id] = {.name = {.p = (text), .n = sizeof(text) - 1}, .fewest = (fewest_n), .most = (most_n)},
#include "core/rule.def"
#undef RULE_OP
};

/* What `var` means at a place of the rule. */
struct scope {
    const struct rule_vars *vars; // declared variables or fields; NULL: not checked
    enum rule_type item;          // type of {"var": ""}
    bool is_item;                 // inside some, all, none, filter, map or reduce
};

static void node_compile(struct rule_compile *c, struct rule_node *node, const struct json *json,
                         struct str pointer, int depth, struct scope scope);

/* Every node comes from one JSON value, so this many nodes are enough. Stops counting beyond the
 * limits. */
static size_t values_count(const struct json *json, int depth, bool *is_too_deep)
{
    if (depth > RULE_DEPTH_MAX * 2) { // an operator takes two levels of JSON
        *is_too_deep = true;
        return 0;
    }
    size_t n = 1;
    if (json_is_array(json)) {
        for (size_t i = 0; i < json_array_size(json) && n <= RULE_NODES_MAX; i++) {
            n += values_count(json_array_get(json, i), depth + 1, is_too_deep);
        }
    } else if (json_is_object(json)) {
        struct str key = {0};
        const struct json *value = NULL;
        json_object_foreach(json, key, value)
        {
            n += n <= RULE_NODES_MAX ? values_count(value, depth + 1, is_too_deep) : 0;
        }
    }
    return n;
}

size_t rule_node_index(const struct rule_compile *c, const struct rule_node *node)
{
    ensure(node >= c->nodes && node < c->nodes + c->nodes_max);
    return (size_t)(node - c->nodes);
}

void rule_fail(struct rule_compile *c, const struct rule_node *node, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args); // a longer text is cut
    va_end(args);
    const struct str at = c->places[rule_node_index(c, node)].pointer;
    const struct str pointer = str_fmt(c->arena, "%.*s%.*s", STR_ARG(c->base), STR_ARG(at));
    const enum err err = fail_at(c->f, ERR_INVALID, pointer, "%s", text);
    c->err = c->err == ERR_OK ? err : c->err;
}

static struct rule_node *nodes_take(struct rule_compile *c, size_t n)
{
    ensure(c->nodes_n + n <= c->nodes_max);
    struct rule_node *nodes = c->nodes + c->nodes_n;
    c->nodes_n += n;
    return nodes;
}

static void node_constant(struct rule_compile *c, struct rule_node *node, struct value value)
{
    struct value *constant = arena_new(c->arena, struct value, 1);
    *constant = value;
    node->op = RULE_NODE_CONST;
    node->args_n = 0;
    node->type = (uint8_t)rule_type_of(&value);
    node->constant = constant;
}

static bool args_are_constant(const struct rule_node *node)
{
    for (size_t i = 0; i < node->args_n; i++) {
        if (node->args[i].op != RULE_NODE_CONST) {
            return false;
        }
    }
    return true;
}

/* Replaces an operator over constants by its result. */
static void node_fold(struct rule_compile *c, struct rule_node *node)
{
    const bool is_exact =
        c->is_exact && node->op != RULE_NODE_LIST; // computed when it is run, and not with doubles
    if (c->err != ERR_OK || is_exact || !args_are_constant(node)) {
        return;
    }
    const struct rule_env env = {.arena = c->arena, .zone = c->vars != NULL ? c->vars->zone : NULL};
    struct rule_run run = rule_run_start(&env);
    struct value result;
    rule_node_run(&run, node, &result);
    const uint8_t type = node->type;
    if (run.steps_left >= 0) {
        node_constant(c, node, result);
        node->type = type == RULE_ANY ? node->type : type;
    }
}

static enum rule_op operator_find(struct str name)
{
    for (size_t i = RULE_NODE_TABLE + 1; i < RULE_OP_N; i++) {
        if (str_eq(OPERATORS[i].name, name)) {
            return (enum rule_op)i;
        }
    }
    return RULE_NODE_CONST;
}

/* A variable known by name: a slot or a path into the data in scope. */
static void variable_compile(struct rule_compile *c, struct rule_node *node, struct str name,
                             const struct rule_node *fallback, struct scope scope)
{
    struct rule_path *path = arena_new(c->arena, struct rule_path, 1);
    *path = rule_path_of(c->arena, name);
    path->fallback = fallback;
    node->op = RULE_NODE_DATA;
    node->args_n = 0;
    node->path = path;
    node->type = (uint8_t)(name.n == 0 ? scope.item : RULE_ANY);
    if (scope.vars == NULL || (scope.is_item && name.n == 0)) {
        return;
    }
    struct rule_var var = {0};
    if (!scope.vars->find(scope.vars->self, name, &var)) {
        rule_fail(c, node,
                  name.n == 0 ? "Name a variable: the whole of the data is not available here."
                              : "There is no variable \"%.*s\" here.",
                  STR_ARG(name));
        return;
    }
    ensure(var.slot >= 0);
    node->type = (uint8_t)var.type;
    c->notes[rule_node_index(c, node)] =
        (struct rule_note){.item = var.item, .is_money = var.is_money};
    if (!scope.is_item) {
        node->op = RULE_NODE_SLOT;
        node->slot = var.slot;
    }
    if (fallback != NULL && !rule_type_fits(var.type, fallback)) {
        rule_fail(c, fallback, "The default of \"%.*s\" must be %s.", STR_ARG(name),
                  rule_type_text(var.type));
    }
}

/* {"var": "a.b"}, {"var": ["a.b", default]}, {"var": 1}, {"var": ""}, or a name that is computed.
 */
static void var_compile(struct rule_compile *c, struct rule_node *node, struct scope scope)
{
    const struct rule_node *name = node->args_n > 0 ? &node->args[0] : NULL;
    const struct rule_node *fallback = node->args_n > 1 ? &node->args[1] : NULL;
    if (name == NULL) {
        variable_compile(c, node, STR(""), NULL, scope);
    } else if (name->op == RULE_NODE_CONST) {
        const bool is_null = name->constant->kind == VALUE_NULL;
        const struct str text = is_null ? STR("") : value_to_str(name->constant, c->arena);
        variable_compile(c, node, text, fallback, scope);
    } else if (c->vars != NULL) {
        rule_fail(c, node, "Write the variable's name out: it cannot be computed.");
    }
}

static bool is_array_of_texts(const struct json *json)
{
    bool is = json_is_array(json) && json_array_size(json) > 0;
    for (size_t i = 0; is && i < json_array_size(json); i++) {
        is = json_is_string(json_array_get(json, i));
    }
    return is;
}

/* The names that a `missing` or `missing_some` tests, when they are written out: the array of them
 * (or one text) and where it stands; NULL when they are computed. */
static const struct json *names_written(enum rule_op op, const struct json *args,
                                        struct str *pointer, struct arena *arena)
{
    const size_t at = op == RULE_OP_MISSING ? 0 : 1;
    const struct json *inner = json_array_get(args, at);
    if (op == RULE_OP_MISSING && (json_is_string(args) || is_array_of_texts(args))) {
        return args;
    }
    const bool is_fixed = op == RULE_OP_MISSING || json_is_number(json_array_get(args, 0));
    if (!is_fixed || !is_array_of_texts(inner) || json_array_size(args) != at + 1) {
        return NULL;
    }
    *pointer = pointer_index(arena, *pointer, at);
    return inner;
}

/* `missing` over names written out: each becomes a variable, so that it is checked and resolved
 * like others. */
static bool missing_compile(struct rule_compile *c, struct rule_node *node, const struct json *args,
                            struct str pointer, struct scope scope)
{
    const enum rule_op op = (enum rule_op)node->op;
    struct str at = pointer;
    const struct json *names = names_written(op, args, &at, c->arena);
    if (names == NULL) {
        return false;
    }
    const size_t fixed = op == RULE_OP_MISSING_SOME ? 1 : 0;
    const size_t names_n = json_is_array(names) ? json_array_size(names) : 1;
    node->args = nodes_take(c, fixed + names_n);
    node->args_n = (uint16_t)(fixed + names_n);
    node->slot = 1;
    node->type = RULE_TEXTS;
    if (fixed == 1) {
        c->places[rule_node_index(c, node->args)] = (struct rule_place){
            .pointer = pointer_index(c->arena, pointer, 0), .json = json_array_get(args, 0)};
        node_constant(c, node->args, value_of_json(json_array_get(args, 0), c->arena));
    }
    for (size_t i = 0; i < names_n; i++) {
        struct rule_node *variable = &node->args[fixed + i];
        const struct json *name = json_is_array(names) ? json_array_get(names, i) : names;
        const struct str place = json_is_array(names) ? pointer_index(c->arena, at, i) : at;
        c->places[rule_node_index(c, variable)] =
            (struct rule_place){.pointer = place, .json = name};
        variable_compile(c, variable, json_str(name), NULL, scope);
    }
    return true;
}

static bool walks_items(enum rule_op op)
{
    return op >= RULE_OP_SOME && op <= RULE_OP_REDUCE;
}

/* What `var` means in an operator's index-th argument; the arguments before it are compiled. */
static struct scope scope_of_arg(const struct rule_compile *c, const struct rule_node *node,
                                 size_t index, struct scope outside)
{
    if (index != 1 || !walks_items((enum rule_op)node->op)) {
        return outside;
    }
    struct scope inside = {.is_item = true, .item = RULE_ANY};
    if (node->op == RULE_OP_REDUCE || c->vars == NULL) {
        return inside;
    }
    const enum rule_type list = (enum rule_type)node->args[0].type;
    inside.item = list == RULE_TEXTS ? RULE_TEXT : list == RULE_NUMBERS ? RULE_NUMBER : RULE_ANY;
    inside.vars = c->notes[rule_node_index(c, node->args)].item;
    return inside;
}

static void args_compile(struct rule_compile *c, struct rule_node *node, const struct json *args,
                         struct str pointer, int depth, struct scope scope)
{
    const bool is_single = !json_is_array(args); // {"!": x} says {"!": [x]}
    const size_t n = is_single ? 1 : json_array_size(args);
    node->args = nodes_take(c, n);
    node->args_n = (uint16_t)n;
    for (size_t i = 0; i < n; i++) {
        const struct json *arg = is_single ? args : json_array_get(args, i);
        const struct str at = is_single ? pointer : pointer_index(c->arena, pointer, i);
        node_compile(c, &node->args[i], arg, at, depth + 1, scope_of_arg(c, node, i, scope));
    }
}

static void arity_check(struct rule_compile *c, const struct rule_node *node)
{
    const size_t fewest = OPERATORS[node->op].fewest;
    const size_t most = OPERATORS[node->op].most;
    const struct str name = OPERATORS[node->op].name;
    if (node->args_n < fewest) {
        rule_fail(c, node, "\"%.*s\" needs at least %zu argument%s.", STR_ARG(name), fewest,
                  fewest == 1 ? "" : "s");
    } else if (node->args_n > most) {
        rule_fail(c, node, "\"%.*s\" takes at most %zu argument%s.", STR_ARG(name), most,
                  most == 1 ? "" : "s");
    }
}

/* {"date_add": [date, {"years": 1, "months": 2, "days": 3}]}: its four arguments are the date and
 * the three numbers. */
static void date_add_compile(struct rule_compile *c, struct rule_node *node,
                             const struct json *args, struct str pointer, int depth,
                             struct scope scope)
{
    static const char *const UNITS[] = {"years", "months", "days"};
    const struct json *by = json_array_get(args, 1);
    const struct str at = pointer_index(c->arena, pointer, 1);
    if (json_array_size(args) != 2 || !json_is_object(by) || json_object_size(by) == 0) {
        rule_fail(c, node, "\"date_add\" takes a date and what to add: [date, {\"months\": 3}].");
        return;
    }
    node->args = nodes_take(c, 1 + ARRAY_N(UNITS));
    node->args_n = 1 + ARRAY_N(UNITS);
    node_compile(c, &node->args[0], json_array_get(args, 0), pointer_index(c->arena, pointer, 0),
                 depth + 1, scope);
    size_t known_n = 0;
    for (size_t i = 0; i < ARRAY_N(UNITS); i++) {
        const struct json *number = json_at(by, UNITS[i]);
        known_n += number != NULL;
        if (number != NULL) {
            node_compile(c, &node->args[i + 1], number, pointer_key(c->arena, at, str_c(UNITS[i])),
                         depth + 1, scope);
        } else {
            c->places[rule_node_index(c, &node->args[i + 1])] =
                (struct rule_place){.pointer = at, .json = by};
            node_constant(c, &node->args[i + 1], value_number(0));
        }
    }
    if (known_n != json_object_size(by)) {
        rule_fail(c, node, "\"date_add\" adds \"years\", \"months\" and \"days\", nothing else.");
    }
    node->type = c->vars != NULL ? (uint8_t)rule_check(c, node) : (uint8_t)RULE_DATE;
    node_fold(c, node);
}

/* Brings the name of a set or table to what it names. False when there is none. */
static bool name_resolve(struct rule_compile *c, struct rule_node *name, bool is_table)
{
    const struct str text = name->constant->str;
    const struct text_set *set = NULL;
    const struct table *table = NULL;
    if (is_table) {
        table =
            c->vars != NULL && c->vars->table != NULL ? c->vars->table(c->vars->self, text) : NULL;
    } else {
        set = c->vars != NULL && c->vars->set != NULL ? c->vars->set(c->vars->self, text) : NULL;
    }
    if (set == NULL && table == NULL) {
        rule_fail(c, name, "There is no %s \"%.*s\" in the program's \"%s\".",
                  is_table ? "table" : "set", STR_ARG(text), is_table ? "tables" : "sets");
        return false;
    }
    name->op = is_table ? RULE_NODE_TABLE : RULE_NODE_SET;
    name->type = is_table ? RULE_ANY : RULE_TEXTS;
    if (is_table) {
        name->table = table;
    } else {
        name->set = set;
    }
    return true;
}

static bool is_written_text(const struct rule_node *node)
{
    return node->op == RULE_NODE_CONST && node->constant->kind == VALUE_STR;
}

/* The set or table that an operator names: the only argument of "set", the first of "table", the
 * second of the others, where a list may stand as well. */
static bool names_resolve(struct rule_compile *c, struct rule_node *node)
{
    const size_t at = node->op == RULE_OP_SET || node->op == RULE_OP_TABLE ? 0 : 1;
    const bool needs_name = at == 0;
    if (at >= node->args_n) {
        return c->vars == NULL && !needs_name; // too few were noted
    }
    if (is_written_text(&node->args[at])) {
        if (!name_resolve(c, &node->args[at], node->op == RULE_OP_TABLE)) {
            return false;
        }
    } else if (needs_name) {
        rule_fail(c, node, "Write the name of the %s out: it cannot be computed.",
                  node->op == RULE_OP_SET ? "set" : "table");
        return false;
    }
    if (node->op == RULE_OP_SET) {
        const struct text_set *set = node->args[0].set;
        node->op = RULE_NODE_SET;
        node->type = RULE_TEXTS;
        node->args_n = 0;
        node->set = set;
        return false; // a set has nothing to check
    }
    return true;
}

static void operator_compile(struct rule_compile *c, struct rule_node *node,
                             const struct json *json, struct str pointer, int depth,
                             struct scope scope)
{
    size_t at = 0;
    struct str name = {0};
    const struct json *args = NULL;
    const bool has_one = json_object_next(json, &at, &name, &args);
    ensure(has_one);
    const enum rule_op op = operator_find(name);
    if (op == RULE_NODE_CONST) {
        rule_fail(c, node, "There is no operator \"%.*s\".", STR_ARG(name));
        return;
    }
    node->op = (uint8_t)op;
    const struct str inside = pointer_key(c->arena, pointer, name);
    const bool is_missing = op == RULE_OP_MISSING || op == RULE_OP_MISSING_SOME;
    if (op == RULE_OP_DATE_ADD) {
        date_add_compile(c, node, args, inside, depth, scope);
        return;
    }
    if (is_missing && missing_compile(c, node, args, inside, scope)) {
        return;
    }
    args_compile(c, node, args, inside, depth, scope);
    if (c->vars != NULL) {
        arity_check(c, node);
    }
    if (op >= RULE_OP_SET && op <= RULE_OP_TABLE && !names_resolve(c, node)) {
        return;
    }
    if (op == RULE_OP_VAR) {
        var_compile(c, node, scope);
    } else if (is_missing && c->vars != NULL) {
        rule_fail(c, node, "Write the names out: they cannot be computed.");
    } else if (!is_missing) {
        node->type = c->vars != NULL ? (uint8_t)rule_check(c, node) : (uint8_t)RULE_ANY;
        node_fold(c, node);
    }
}

static void list_compile(struct rule_compile *c, struct rule_node *node, const struct json *json,
                         struct str pointer, int depth, struct scope scope)
{
    node->op = RULE_NODE_LIST;
    args_compile(c, node, json, pointer, depth, scope);
    node->type = (uint8_t)(node->args_n > 0 ? rule_type_of_list(node) : RULE_LIST);
    node_fold(c, node);
}

static void node_compile(struct rule_compile *c, struct rule_node *node, const struct json *json,
                         struct str pointer, int depth, struct scope scope)
{
    c->places[rule_node_index(c, node)] = (struct rule_place){.pointer = pointer, .json = json};
    node_constant(c, node, value_null()); // what a part that fails is
    node->type = RULE_ANY;
    if (c->is_exact && json_is_real(json)) {
        rule_fail(c, node,
                  "Write the decimal as a text, such as \"0.5\": formulas are computed exactly.");
    } else if (depth > RULE_DEPTH_MAX) {
        rule_fail(c, node, "Nested deeper than %d levels: simplify the rule.", RULE_DEPTH_MAX);
    } else if (json_is_array(json)) {
        list_compile(c, node, json, pointer, depth, scope);
    } else if (!json_is_object(json)) {
        node_constant(c, node, value_of_json(json, c->arena));
    } else if (json_object_size(json) == 1) {
        operator_compile(c, node, json, pointer, depth, scope);
    } else if (c->vars == NULL) {
        node_constant(c, node, value_of_json(json, c->arena));
    } else {
        rule_fail(c, node, "An operation is an object with exactly one key, the operator.");
    }
}

/* Collects the slots of all nodes, ascending, each once. */
static void slots_collect(struct arena *arena, struct rule *rule)
{
    int *slots = arena_new(arena, int, rule->nodes_n);
    size_t n = 0;
    for (size_t i = 0; i < rule->nodes_n; i++) {
        const struct rule_node *node = &rule->nodes[i];
        if (node->op != RULE_NODE_SLOT) {
            continue;
        }
        size_t at = n;
        while (at > 0 && slots[at - 1] > node->slot) {
            at--;
        }
        if (at > 0 && slots[at - 1] == node->slot) {
            continue;
        }
        memmove(slots + at + 1, slots + at, (n - at) * sizeof *slots);
        slots[at] = node->slot;
        n++;
    }
    rule->slots = slots;
    rule->slots_n = n;
}

struct wish {
    enum rule_type type;
    bool is_exact;
};

static enum err compile(struct arena *arena, const struct json *json, struct str pointer,
                        const struct rule_vars *vars, struct wish wish, struct fail *f,
                        const struct rule **out)
{
    ensure(json != NULL);
    bool is_too_deep = false;
    const size_t values_n = values_count(json, 0, &is_too_deep);
    if (is_too_deep) {
        return fail_at(f, ERR_INVALID, pointer, "Nested deeper than %d levels: simplify the rule.",
                       RULE_DEPTH_MAX);
    }
    if (values_n > RULE_NODES_MAX) {
        return fail_at(f, ERR_INVALID, pointer,
                       "A rule has at most %d parts: move long lists into the program's sets.",
                       RULE_NODES_MAX);
    }
    struct rule_compile c = {
        .arena = arena,
        .base = pointer,
        .vars = vars,
        .f = f,
        .is_exact = wish.is_exact,
        .nodes_max = values_n,
        .nodes = arena_new(arena, struct rule_node, values_n),
        .places = arena_new(arena, struct rule_place, values_n),
        .notes = arena_new(arena, struct rule_note, values_n),
    };
    struct rule_node *root = nodes_take(&c, 1);
    node_compile(&c, root, json, STR(""), 1, (struct scope){.vars = vars});
    if (vars != NULL && c.err == ERR_OK) {
        if (wish.is_exact) {
            rule_exact_check(&c, root);
        } else {
            rule_check_wanted(&c, root, wish.type);
        }
    }
    if (c.err != ERR_OK) {
        return c.err;
    }
    struct rule *rule = arena_new(arena, struct rule, 1);
    *rule = (struct rule){.json = json, .nodes = c.nodes, .places = c.places, .nodes_n = c.nodes_n};
    slots_collect(arena, rule);
    rule_tests_make(arena, rule);
    ensure(rule->nodes_n > 0);
    *out = rule;
    return ERR_OK;
}

enum err rule_compile(struct arena *arena, const struct json *json, struct str pointer,
                      const struct rule_vars *vars, enum rule_type wanted, struct fail *f,
                      const struct rule **out)
{
    return compile(arena, json, pointer, vars, (struct wish){.type = wanted}, f, out);
}

enum err rule_compile_formula(struct arena *arena, const struct json *json, struct str pointer,
                              const struct rule_vars *vars, struct fail *f, const struct rule **out)
{
    ensure(vars != NULL);
    return compile(arena, json, pointer, vars, (struct wish){.type = RULE_NUMBER, .is_exact = true},
                   f, out);
}

const int *rule_slots(const struct rule *rule, size_t *n)
{
    *n = rule->slots_n;
    return rule->slots;
}

enum rule_type rule_result_type(const struct rule *rule)
{
    return (enum rule_type)rule->nodes[0].type;
}

const struct json *rule_json(const struct rule *rule)
{
    return rule->json;
}
