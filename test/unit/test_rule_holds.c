/* Conditions are run as tests and jumps; what they come to is the truth of the rule's value. */
#include "base/base.h"
#include "core/rule.h"

#include <math.h>
#include <setjmp.h>
#include <cmocka.h>

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_open(&arena, 64 * 1024 * 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

/* Two variables of which nothing is known, each with a value. */
struct world {
    struct rule_env env;
    const struct value *known[2];
    const struct value *values[2];
    size_t asked_n;
};

static bool world_find(void *self, struct str path, struct rule_var *out)
{
    (void)self;
    *out = (struct rule_var){.slot = str_eq(path, STR("b")), .type = RULE_ANY};
    return path.n == 1;
}

static const struct value *world_get(const struct rule_env *env, int slot)
{
    struct world *world = (struct world *)env; // embedded as the first field
    world->asked_n++;
    return env->known[slot] = world->values[slot];
}

static struct world world_of(const struct value *a, const struct value *b)
{
    return (struct world){.env = {.get = world_get, .arena = &arena}, .values = {a, b}};
}

static const struct rule *compile(const char *text)
{
    static const struct rule_vars VARS = {.find = world_find};
    const struct rule *rule = NULL;
    const struct json *json = NULL;
    struct fail f = {.arena = &arena};
    assert_int_equal(json_read(&arena, str_c(text), &f, &json), ERR_OK);
    return rule_compile(&arena, json, STR(""), &VARS, RULE_ANY, &f, &rule) == ERR_OK ? rule : NULL;
}

static void assert_same_truth(const char *text, const struct rule *rule, struct world *world)
{
    struct value result;
    world->env.known = world->known;
    rule_run(rule, &world->env, &result);
    if (rule_holds(rule, &world->env) != value_is_true(&result)) {
        fail_msg("%s", text);
    }
}

/* A pair compared, and what it is part of. */
static const char *const WHOLES[] = {
    "%s",
    "{\"!\":%s}",
    "{\"!!\":%s}",
    "{\"and\":[%s,{\"var\":\"b\"}]}",
    "{\"or\":[{\"var\":\"b\"},{\"!\":%s}]}",
    "{\"!\":{\"or\":[{\"and\":[{\"var\":\"b\"},%s]},{\"and\":[true,{\"!\":{\"var\":\"b\"}}]}]}}",
    "{\"if\":[%s,{\"var\":\"b\"},{\"!\":{\"var\":\"b\"}}]}",
};

#define LONG "a text that is longer than sixty-three bytes, so that its bytes cost"

static void assert_whole(const char *whole, const char *pair)
{
    static const struct value ITEMS[] = {{.kind = VALUE_STR, .str = {.p = "gold", .n = 4}},
                                         {.kind = VALUE_NUMBER, .number = 5}};
    const struct value values[] = {
        value_null(),
        value_bool(true),
        value_bool(false),
        value_number(NAN),
        value_number(INFINITY),
        value_number(-INFINITY),
        value_number(0),
        value_number(-0.0),
        value_number(5),
        value_number(nextafter(5, 6)),
        value_number(nextafter(5, 4)),
        value_number(7),
        value_str(STR("")),
        value_str(STR("5")),
        value_str(STR("gold")),
        value_str(STR("old")),
        value_str(STR(LONG)),
        value_array(ITEMS, 2),
        value_array(ITEMS, 1),
        value_array(NULL, 0),
    };
    static const struct value TRUTHS[] = {{.kind = VALUE_BOOL, .boolean = false},
                                          {.kind = VALUE_BOOL, .boolean = true}};
    const char *text = str_fmt(&arena, whole, pair).p;
    const struct rule *rule = compile(text);
    assert_non_null(rule);
    for (size_t i = 0; i < ARRAY_N(values); i++) {
        for (size_t b = 0; b < ARRAY_N(TRUTHS); b++) {
            struct world world = world_of(&values[i], &TRUTHS[b]);
            assert_same_truth(text, rule, &world);
        }
    }
}

static void a_condition_holds_when_its_value_is_true(void **state)
{
    (void)state;
    static const char *const OPERATORS[] = {"==", "!=", "===", "!==", "<", "<=", ">", ">=", "in"};
    static const char *const CONSTANTS[] = {
        "5",
        "5.0",
        "0",
        "-0.0",
        "1e308",
        "{\"/\":[1,0]}",
        "\"gold\"",
        "\"" LONG "\"",
        "\"\"",
        "null",
        "true",
        "{\"/\":[0,0]}",
        "[\"gold\"]",
        "[5,\"gold\",0]",
        "[]",
        "\"5\"",
        "{\"var\":\"b\"}",
        "{\"+\":[{\"var\":\"b\"},4]}",
    };
    size_t pairs_n = 0;
    for (size_t o = 0; o < ARRAY_N(OPERATORS); o++) {
        for (size_t c = 0; c < ARRAY_N(CONSTANTS); c++) {
            const char *pairs[] = {
                str_fmt(&arena, "{\"%s\":[{\"var\":\"a\"},%s]}", OPERATORS[o], CONSTANTS[c]).p,
                str_fmt(&arena, "{\"%s\":[%s,{\"var\":\"a\"}]}", OPERATORS[o], CONSTANTS[c]).p,
                str_fmt(&arena, "{\"%s\":[%s,{\"var\":\"a\"},7]}", OPERATORS[o], CONSTANTS[c]).p,
                str_fmt(&arena, "{\"%s\":[{\"var\":\"a\"},%s,7]}", OPERATORS[o], CONSTANTS[c]).p,
            };
            for (size_t p = 0; p < ARRAY_N(pairs); p++) {
                const bool is_possible = compile(pairs[p]) != NULL; // a list has no order
                for (size_t w = 0; is_possible && w < ARRAY_N(WHOLES); w++) {
                    assert_whole(WHOLES[w], pairs[p]);
                }
                pairs_n += is_possible;
            }
            arena_reset(&arena);
        }
    }
    assert_true(pairs_n > 250);
}

static void what_is_known_is_not_asked_for_again(void **state)
{
    (void)state;
    const struct value number = value_int(900);
    const struct value truth = value_bool(true);
    struct world world = world_of(&number, &truth);
    const struct rule *rule =
        compile("{\"and\":[{\">\":[{\"var\":\"a\"},1]},{\"<\":[{\"var\":\"a\"},1000]},"
                "{\"or\":[{\"==\":[{\"var\":\"a\"},900]},{\"var\":\"b\"}]}]}");
    world.env.known = world.known;
    assert_true(rule_holds(rule, &world.env));
    assert_int_equal(world.asked_n, 1); // `b` decides nothing
    assert_true(rule_holds(rule, &world.env));
    assert_int_equal(world.asked_n, 1);
}

static void a_condition_that_uses_up_its_steps_does_not_hold(void **state)
{
    (void)state;
    // Four operators; eight items or 64 bytes are one step more.
    enum { BYTES_N = 128, ITEMS_N = (RULE_STEPS_MAX - 4 - BYTES_N / 64) * 8 };
    const struct rule *rule = compile("{\"!\":{\"or\":[{\"in\":[\"x\",{\"var\":\"a\"}]},"
                                      "{\"==\":[\"x\",{\"var\":\"b\"}]}]}}");
    const struct value *items = arena_new(&arena, struct value, ITEMS_N + 8);
    const char *bytes = arena_bytes(&arena, BYTES_N + 64);
    for (size_t more_items = 0; more_items <= 8; more_items += 8) {
        for (size_t more_bytes = 0; more_bytes <= 64; more_bytes += 64) {
            const struct value list = value_array(items, ITEMS_N + more_items);
            const struct value text =
                value_str((struct str){.p = bytes, .n = BYTES_N + more_bytes});
            struct world world = world_of(&list, &text);
            assert_same_truth("steps", rule, &world);
            assert_int_equal(rule_holds(rule, &world.env), more_items + more_bytes == 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_condition_holds_when_its_value_is_true),
        cmocka_unit_test(what_is_known_is_not_asked_for_again),
        cmocka_unit_test(a_condition_that_uses_up_its_steps_does_not_hold),
    };
    return cmocka_run_group_tests_name("rule_holds", tests, setup, teardown);
}
