/* Rules in: {"rule", "data"}. Nothing crashes, running is repeatable, an explanation comes exactly
 * when the rule does not hold. */
#include "base/base.h"
#include "core/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { SLOTS_N = 32 };

struct world {
    struct rule_env env;
    const struct value *known[SLOTS_N]; // nothing stays: every use asks
    struct value asked;
    const struct json *data;
};

/* Every name is a variable; its last letter makes its type. */
static bool find(void *self, struct str path, struct rule_var *out)
{
    (void)self;
    const char last = path.n > 0 ? path.p[path.n - 1] : 'z';
    *out = (struct rule_var){.slot = last & 0x1F,
                             .type = (enum rule_type)((unsigned char)last % RULE_TYPE_N)};
    return path.n > 0 && path.p[0] != '!';
}

/* One set and one table, under every name. */
static const struct text_set *find_set(void *self, struct str name)
{
    static struct text_set set;
    (void)self;
    if (set.n == 0) {
        static struct arena arena;
        arena_open(&arena, 1 << 20);
        const struct json *list = NULL;
        ensure(json_read(&arena, STR("[\"a\",\"b\",\"\"]"), NULL, &list) == ERR_OK);
        text_set_make(&arena, STR("s"), list, &set);
    }
    return name.n > 0 ? &set : NULL;
}

static const struct table *find_table(void *self, struct str name)
{
    static struct table table;
    (void)self;
    if (table.rows_n == 0) {
        static struct arena arena;
        arena_open(&arena, 1 << 20);
        const struct json *json = NULL;
        ensure(json_read(&arena,
                         STR("{\"keys\":[\"k\",\"n\"],\"rows\":[[\"a\",[\"<=\",5],1],[\"*\",3,\"2."
                             "5\"],[\"b\",\"*\",7]]}"),
                         NULL, &json) == ERR_OK);
        ensure(table_compile(&arena, STR("t"), json, STR(""), NULL, &table) == ERR_OK);
    }
    return name.n > 0 ? &table : NULL;
}

static const struct value *get(const struct rule_env *env, int slot)
{
    struct world *world = (struct world *)env;
    const char name[2] = {(char)('`' + slot), 0};
    world->asked = value_of_json(json_at(world->data, name), env->arena);
    return &world->asked;
}

static struct str text_of(struct arena *arena, const struct value *value)
{
    struct buf buf;
    buf_open(&buf, arena, 1 << 22);
    struct json_out w = json_out(&buf);
    value_write(value, &w);
    return buf_view(&buf);
}

static void rule_try(struct arena *arena, const struct json *json, const struct json *data,
                     const struct rule_vars *vars)
{
    const struct rule *rule = NULL;
    struct fail f = {.arena = arena};
    if (rule_compile(arena, json, STR("/rule"), vars, vars != NULL ? RULE_BOOL : RULE_ANY, &f,
                     &rule) != ERR_OK) {
        ensure(f.items_n > 0);
        return;
    }
    const struct value free_data = value_of_json(data, arena);
    struct world world = {
        .env = {.get = vars != NULL ? get : NULL, .data = &free_data, .arena = arena},
        .data = data};
    world.env.known = world.known;
    struct value first;
    struct value second;
    struct rule_reason reason;
    rule_run(rule, &world.env, &first);
    const struct str text = text_of(arena, &first);
    rule_run(rule, &world.env, &second);
    ensure(str_eq(text, text_of(arena, &second)));
    ensure(rule_holds(rule, &world.env) == value_is_true(&first)); // evaluated by another way
    // A rule that used up its steps is null, and may have no reason.
    const bool is_explained = rule_explain(rule, &world.env, arena, &reason);
    ensure(first.kind == VALUE_NULL || is_explained == !value_is_true(&first));
    size_t slots_n = 0;
    const int *slots = rule_slots(rule, &slots_n);
    for (size_t i = 1; i < slots_n; i++) {
        ensure(slots[i - 1] < slots[i]);
    }
}

/* The same as a formula: computed twice alike, and a number in lowest terms. */
static void formula_try(struct arena *arena, const struct json *json, const struct json *data,
                        const struct rule_vars *vars)
{
    const struct rule *rule = NULL;
    struct fail f = {.arena = arena};
    if (rule_compile_formula(arena, json, STR("/formula"), vars, &f, &rule) != ERR_OK) {
        ensure(f.items_n > 0);
        return;
    }
    const struct value free_data = value_of_json(data, arena);
    struct world world = {.env = {.get = get, .data = &free_data, .arena = arena}, .data = data};
    world.env.known = world.known;
    struct ratio first = {0};
    struct ratio second = {0};
    struct str gap;
    int64_t whole = 0;
    const enum rule_exact result = rule_run_exact(rule, &world.env, &first, &gap);
    ensure(rule_run_exact(rule, &world.env, &second, &gap) == result);
    ensure(first.n == second.n);
    ensure(result != RULE_EXACT_OK || first.d > 0);
    ensure(result != RULE_EXACT_OK || first.d > 1 || !ratio_round(first, RATIO_UP, &whole) ||
           whole == first.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct arena arena;
    if (arena.bytes_max == 0) {
        arena_open(&arena, (size_t)512 << 20);
    }
    const struct json *json = NULL;
    static const struct rule_vars VARS = {
        .find = find, .set = find_set, .table = find_table, .currency = {.p = "EUR", .n = 3}};
    if (json_read(&arena, (struct str){.p = (const char *)bytes, .n = n}, NULL, &json) == ERR_OK) {
        const struct json *rule = json_at(json, "rule");
        const struct json *data = json_at(json, "data");
        rule_try(&arena, rule != NULL ? rule : json, data, NULL);
        rule_try(&arena, rule != NULL ? rule : json, data, &VARS);
        formula_try(&arena, rule != NULL ? rule : json, data, &VARS);
    }
    arena_reset(&arena);
    return 0;
}
