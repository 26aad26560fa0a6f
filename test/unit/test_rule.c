/* Rules: the classic suite, types, limits, slots and explanations. */
#include "base/base.h"
#include "core/rule.h"

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

static const struct json *json_of(const char *text)
{
    const struct json *json = NULL;
    struct fail f = {.arena = &arena};
    const enum err err = json_read(&arena, str_c(text), &f, &json);
    if (err != ERR_OK) {
        fail_msg("%s: %s", text, f.items[0].detail.p);
    }
    return json;
}

static const char *text_of(const struct value *value)
{
    struct buf buf;
    buf_open(&buf, &arena, 1 << 20);
    struct json_out w = json_out(&buf);
    value_write(value, &w);
    return str_z(&arena, buf_view(&buf));
}

static const char *eval(const char *rule_text, const char *data_text)
{
    struct fail f = {.arena = &arena};
    const struct rule *rule = NULL;
    if (rule_compile(&arena, json_of(rule_text), STR(""), NULL, RULE_ANY, &f, &rule) != ERR_OK) {
        return str_fmt(&arena, "error at %.*s: %.*s", STR_ARG(f.items[0].pointer),
                       STR_ARG(f.items[0].detail))
            .p;
    }
    const struct value data = value_of_json(json_of(data_text), &arena);
    const struct rule_env env = {.data = &data, .arena = &arena};
    struct value result;
    rule_run(rule, &env, &result);
    assert_int_equal(rule_holds(rule, &env), value_is_true(&result)); // evaluated by another way
    return text_of(&result);
}

static struct str file_read(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("%s is missing: set LOYALD_SHARED to the folder of the shared test data", path);
    }
    struct buf buf;
    buf_open(&buf, &arena, 16 << 20);
    char piece[4096];
    for (size_t n = fread(piece, 1, sizeof piece, file); n > 0;
         n = fread(piece, 1, sizeof piece, file)) {
        buf_add(&buf, piece, n);
    }
    (void)fclose(file);
    return buf_view(&buf);
}

static const char *canonical(const struct json *json)
{
    struct buf buf;
    buf_open(&buf, &arena, 1 << 20);
    json_write_canonical(&buf, json);
    return str_z(&arena, buf_view(&buf));
}

static void all_cases_of_the_classic_suite_pass(void **state)
{
    (void)state;
    const char *folder = getenv("LOYALD_SHARED");
    const struct str path =
        str_fmt(&arena, "%s/data/jsonlogic/classic.json", folder ? folder : "../shared");
    const struct json *suite = NULL;
    assert_int_equal(json_read(&arena, file_read(path.p), NULL, &suite), ERR_OK);
    size_t cases_n = 0;
    for (size_t i = 0; i < json_array_size(suite); i++) {
        const struct json *item = json_array_get(suite, i);
        if (!json_is_object(item)) {
            continue;
        }
        struct fail f = {.arena = &arena};
        const struct rule *rule = NULL;
        const char *name = canonical(item);
        if (rule_compile(&arena, json_at(item, "rule"), STR(""), NULL, RULE_ANY, &f, &rule) !=
            ERR_OK) {
            fail_msg("%s: %s", name, f.items[0].detail.p);
        }
        const struct value data = value_of_json(json_at(item, "data"), &arena);
        const struct rule_env env = {.data = &data, .arena = &arena};
        struct value result;
        rule_run(rule, &env, &result);
        const char *got = text_of(&result);
        if (strcmp(got, canonical(json_at(item, "result"))) != 0) {
            fail_msg("%s gave %s", name, got);
        }
        if (rule_holds(rule, &env) != value_is_true(&result)) {
            fail_msg("%s gave %s and is taken for the opposite", name, got);
        }
        cases_n++;
    }
    assert_int_equal(cases_n, 278);
}

static void javascript_coercions_are_kept(void **state)
{
    (void)state;
    assert_string_equal(eval("{\"==\":[null,0]}", "null"), "false");
    assert_string_equal(eval("{\">=\":[null,0]}", "null"), "true");
    assert_string_equal(eval("{\"==\":[\"\",0]}", "null"), "true");
    assert_string_equal(eval("{\"==\":[[7],7]}", "null"), "true");
    assert_string_equal(eval("{\"==\":[[1,2],\"1,2\"]}", "null"), "true");
    assert_string_equal(eval("{\"==\":[[],[]]}", "null"), "false");
    assert_string_equal(eval("{\"==\":[true,\"1\"]}", "null"), "true");
    assert_string_equal(eval("{\"<\":[\"10\",\"9\"]}", "null"), "true");
    assert_string_equal(eval("{\"<\":[\"10\",9]}", "null"), "false");
    assert_string_equal(eval("{\"<\":[\"x\",9]}", "null"), "false");
    assert_string_equal(eval("{\"+\":[\"3.5kg\",1]}", "null"), "4.5");
    assert_string_equal(eval("{\"-\":[\"0x10\",\" 1 \"]}", "null"), "15");
    assert_string_equal(eval("{\"/\":[1,0]}", "null"), "null");
    assert_string_equal(eval("{\"%\":[-7,3]}", "null"), "-1");
    assert_string_equal(eval("{\"max\":[]}", "null"), "null");
    assert_string_equal(eval("{\"in\":[1,\"213\"]}", "null"), "true");
    assert_string_equal(eval("{\"in\":[\"a\",null]}", "null"), "false");
}

static void numbers_turn_into_the_text_that_javascript_makes(void **state)
{
    (void)state;
    assert_string_equal(eval("{\"cat\":[0.1]}", "null"), "\"0.1\"");
    assert_string_equal(eval("{\"cat\":[{\"+\":[0.1,0.2]}]}", "null"), "\"0.30000000000000004\"");
    assert_string_equal(eval("{\"cat\":[123.456]}", "null"), "\"123.456\"");
    assert_string_equal(eval("{\"cat\":[-0.000001]}", "null"), "\"-0.000001\"");
    assert_string_equal(eval("{\"cat\":[0.0000001]}", "null"), "\"1e-7\"");
    assert_string_equal(eval("{\"cat\":[1e21]}", "null"), "\"1e+21\"");
    assert_string_equal(eval("{\"cat\":[1.5e300]}", "null"), "\"1.5e+300\"");
    assert_string_equal(eval("{\"cat\":[1e20]}", "null"), "\"100000000000000000000\"");
    assert_string_equal(eval("{\"cat\":[[1,null,[2,\"x\"]],true,{\"/\":[0,0]}]}", "null"),
                        "\"1,,2,xtrueNaN\"");
}

static void texts_are_cut_by_character_not_by_byte(void **state)
{
    (void)state;
    assert_string_equal(eval("{\"substr\":[\"\\u0142\\u00f3d\\u017a\",-2]}", "null"),
                        "\"d\xC5\xBA\"");
    assert_string_equal(eval("{\"substr\":[\"abc\",5]}", "null"), "\"\"");
    assert_string_equal(eval("{\"substr\":[\"abc\",0,-9]}", "null"), "\"\"");
    assert_string_equal(eval("{\"var\":\"a.length\"}", "{\"a\":\"\\u0142\\u00f3\"}"), "2");
    assert_string_equal(eval("{\"var\":\"a.1\"}", "{\"a\":\"\\u0142\\u00f3\"}"), "\"\xC3\xB3\"");
}

static void an_unknown_operator_is_refused_at_its_place(void **state)
{
    (void)state;
    assert_string_equal(eval("{\"and\":[true,{\"nand\":[1,2]}]}", "null"),
                        "error at /and/1: There is no operator \"nand\".");
}

static void a_rule_with_too_many_parts_is_refused(void **state)
{
    (void)state;
    for (size_t n = 498; n <= 499; n++) { // the operator, its list and n constants
        struct buf buf;
        buf_open(&buf, &arena, 1 << 16);
        buf_str(&buf, STR("{\"+\":["));
        for (size_t i = 0; i < n; i++) {
            buf_str(&buf, i > 0 ? STR(",1") : STR("1"));
        }
        buf_str(&buf, STR("]}"));
        const char *got = eval(str_z(&arena, buf_view(&buf)), "null");
        assert_int_equal(strncmp(got, "error", 5) == 0, n == 499);
    }
}

static void a_rule_that_grows_without_end_gives_null(void **state)
{
    (void)state;
    struct buf buf;
    buf_open(&buf, &arena, 1 << 16);
    buf_str(&buf, STR("{\"l\":[0"));
    for (size_t i = 0; i < 100; i++) {
        buf_str(&buf, STR(",1"));
    }
    buf_str(&buf, STR("]}"));
    const char *data = str_z(&arena, buf_view(&buf));
    const char *acc = "{\"var\":\"accumulator\"}";
    const char *merge =
        str_fmt(&arena, "{\"reduce\":[{\"var\":\"l\"},{\"merge\":[%s,%s]},[1]]}", acc, acc).p;
    const char *cat =
        str_fmt(&arena,
                "{\"reduce\":[{\"var\":\"l\"},{\"cat\":[%s,%s,\"x\"]},\"xxxxxxxxxxxxxxxx\"]}", acc,
                acc)
            .p;
    const char *nest = str_fmt(&arena, "{\"cat\":[{\"reduce\":[{\"var\":\"l\"},[%s],1]}]}", acc).p;
    assert_string_equal(eval(merge, data), "null");
    assert_true(strlen(eval(cat, data)) <= 2 * 65536);
    assert_string_equal(eval(nest, data), "\"\"");
}

/* A small world of typed variables. */
enum { AMOUNT, CATEGORIES, BORN, TIME, FLAG, LINES, NAME };

static bool line_find(void *self, struct str path, struct rule_var *out)
{
    (void)self;
    *out = (struct rule_var){.type = str_eq(path, STR("sku")) ? RULE_TEXT : RULE_NUMBER};
    return str_eq(path, STR("sku")) || str_eq(path, STR("quantity"));
}

static const struct rule_vars LINE_VARS = {.find = line_find};

static bool world_find(void *self, struct str path, struct rule_var *out)
{
    (void)self;
    static const struct {
        const char *name;
        struct rule_var var;
    } VARS[] = {
        {"event.amount", {.slot = AMOUNT, .type = RULE_NUMBER}},
        {"event.categories", {.slot = CATEGORIES, .type = RULE_TEXTS}},
        {"member.born", {.slot = BORN, .type = RULE_DATE}},
        {"event.time", {.slot = TIME, .type = RULE_INSTANT}},
        {"member.flag", {.slot = FLAG, .type = RULE_BOOL}},
        {"event.lines", {.slot = LINES, .type = RULE_LIST, .item = &LINE_VARS}},
        {"member.name", {.slot = NAME, .type = RULE_TEXT}},
    };
    for (size_t i = 0; i < ARRAY_N(VARS); i++) {
        if (str_eq(path, str_c(VARS[i].name))) {
            *out = VARS[i].var;
            return true;
        }
    }
    return false;
}

static const struct rule_vars WORLD = {.find = world_find};

struct line {
    const char *sku;
    int quantity;
};

static bool line_get(const void *self, struct str name, struct arena *memory, struct value *out)
{
    (void)memory;
    const struct line *line = self;
    if (str_eq(name, STR("sku"))) {
        *out = value_str(str_c(line->sku));
        return true;
    }
    *out = value_int(line->quantity);
    return str_eq(name, STR("quantity"));
}

static const struct value_class LINE_CLASS = {.get = line_get};

static const struct value *world_get(const struct rule_env *env, int slot)
{
    (void)env;
    static struct value out;
    static const struct line LINES_OF_EVENT[] = {{"LATTE", 3}, {"BEANS", 1}};
    static struct value lines[2];
    static struct value categories[2];
    lines[0] = value_object(&LINE_CLASS, &LINES_OF_EVENT[0]);
    lines[1] = value_object(&LINE_CLASS, &LINES_OF_EVENT[1]);
    categories[0] = value_str(STR("coffee"));
    categories[1] = value_str(STR("tea"));
    out = slot == AMOUNT       ? value_int(900)
          : slot == CATEGORIES ? value_array(categories, 2)
          : slot == BORN       ? value_str(STR("1990-05-01"))
          : slot == TIME       ? value_str(STR("2026-11-21T10:00:00.000Z"))
          : slot == LINES      ? value_array(lines, 2)
                               : value_null();
    return &out;
}

static struct rule_env world_env(void)
{
    static const struct value *known[NAME + 1]; // nothing stays: every use asks
    return (struct rule_env){.known = known, .get = world_get, .arena = &arena};
}

static const struct rule *compile(const char *text, enum rule_type wanted, struct fail *f)
{
    const struct rule *rule = NULL;
    *f = (struct fail){.arena = &arena};
    return rule_compile(&arena, json_of(text), STR("/when"), &WORLD, wanted, f, &rule) == ERR_OK
               ? rule
               : NULL;
}

static bool holds(const char *text)
{
    struct fail f;
    const struct rule *rule = compile(text, RULE_BOOL, &f);
    if (rule == NULL) {
        fail_msg("%s at %s: %s", text, f.items[0].pointer.p, f.items[0].detail.p);
        return false;
    }
    const struct rule_env env = world_env();
    return rule_holds(rule, &env);
}

static void typed_rules_read_slots_and_typed_items(void **state)
{
    (void)state;
    assert_true(holds("{\"in\":[\"tea\",{\"var\":\"event.categories\"}]}"));
    assert_false(holds("{\">=\":[{\"var\":\"event.amount\"},1000]}"));
    assert_true(holds("{\"some\":[{\"var\":\"event.lines\"},{\">\":[{\"var\":\"quantity\"},2]}]}"));
    assert_true(holds("{\"all\":[{\"var\":\"event.categories\"},{\"in\":[{\"var\":\"\"},[\"tea\","
                      "\"coffee\"]]}]}"));
    assert_true(holds("{\"==\":[{\"var\":[\"member.name\",\"nobody\"]},\"nobody\"]}"));
}

static void dates_and_instants_compare_in_calendar_order(void **state)
{
    (void)state;
    assert_true(holds("{\"<\":[{\"var\":\"member.born\"},\"2000-01-01\"]}"));
    assert_true(holds("{\"<=\":[\"2026-11-21T11:00:00+01:00\",{\"var\":\"event.time\"},\"2026-11-"
                      "21T10:00:00Z\"]}"));
}

static void assert_refused(const char *text, const char *pointer, const char *says)
{
    struct fail f;
    assert_null(compile(text, RULE_BOOL, &f));
    assert_string_equal(f.items[0].pointer.p, pointer);
    if (strstr(f.items[0].detail.p, says) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", f.items[0].detail.p, says);
    }
}

static void typed_rules_are_refused_where_they_are_wrong(void **state)
{
    (void)state;
    assert_refused("{\"==\":[{\"var\":\"event.amuont\"},1]}", "/when/==/0",
                   "There is no variable \"event.amuont\"");
    assert_refused("{\"and\":[true,{\">\":[{\"var\":\"event.amount\"},\"10\"]}]}",
                   "/when/and/1/>/1", "compares a number with a text");
    assert_refused("{\">\":[{\"var\":\"member.born\"},\"21-11-2026\"]}", "/when/>/1",
                   "must be a date, such as");
    assert_refused("{\"var\":\"event.amount\"}", "/when", "must be true or false, but is a number");
    assert_refused("{\"and\":[{\"var\":\"member.flag\"},{\"+\":[1,{\"var\":\"event.amount\"}]}]}",
                   "/when/and/1", "but is a number");
    assert_refused("{\"some\":[{\"var\":\"event.lines\"},{\"==\":[{\"var\":\"colour\"},\"red\"]}]}",
                   "/when/some/1/==/0", "\"colour\"");
    assert_refused("{\"some\":[{\"var\":\"event.lines\"},{\"==\":[{\"var\":\"quantity\"},\"2\"]}]}",
                   "/when/some/1/==/1", "a number with a text");
    assert_refused("{\"in\":[1,{\"var\":\"event.categories\"}]}", "/when/in/0", "must be a text");
    assert_refused("{\"==\":[1]}", "/when", "at least 2");
    assert_refused("{\"!\":[true,false]}", "/when", "at most 1");
    assert_refused("{}", "/when", "exactly one key");
    assert_refused("{\"==\":[{\"var\":{\"cat\":[{\"var\":\"member.name\"}]}},1]}", "/when/==/0",
                   "cannot be computed");
    assert_refused("{\"<\":[{\"var\":\"member.flag\"},true]}", "/when/</0",
                   "neither less nor more");
    assert_refused("{\"missing\":[\"member.nmae\"]}", "/when/missing/0", "member.nmae");
}

static void all_faults_of_a_rule_are_named(void **state)
{
    (void)state;
    struct fail f;
    assert_null(compile("{\"or\":[{\"var\":\"x\"},{\"nope\":1},{\"var\":\"y\"}]}", RULE_BOOL, &f));
    assert_int_equal(f.items_n, 3);
    assert_string_equal(f.items[1].pointer.p, "/when/or/1");
}

static void the_slots_that_a_rule_reads_are_listed_once(void **state)
{
    (void)state;
    struct fail f;
    const struct rule *rule = compile("{\"and\":[{\"in\":[\"tea\",{\"var\":\"event.categories\"}]},"
                                      "{\">\":[{\"var\":\"event.amount\"},1]},"
                                      "{\"<\":[{\"var\":\"event.amount\"},9]}]}",
                                      RULE_BOOL, &f);
    size_t n = 0;
    const int *slots = rule_slots(rule, &n);
    assert_int_equal(n, 2);
    assert_int_equal(slots[0], AMOUNT);
    assert_int_equal(slots[1], CATEGORIES);
}

static void assert_reason(const char *text, const char *pointer, const char *condition,
                          const char *actual)
{
    struct fail f;
    const struct rule *rule = compile(text, RULE_BOOL, &f);
    assert_non_null(rule);
    const struct rule_env env = world_env();
    struct rule_reason reason;
    assert_true(rule_explain(rule, &env, &arena, &reason));
    assert_string_equal(str_z(&arena, reason.pointer), pointer);
    assert_string_equal(canonical(reason.condition), condition);
    assert_string_equal(text_of(&reason.actual), actual);
}

static void the_innermost_failing_part_is_explained(void **state)
{
    (void)state;
    assert_reason("{\"and\":[{\">=\":[{\"var\":\"event.amount\"},1000]},{\"in\":[\"coffee\",{"
                  "\"var\":\"event.categories\"}]}]}",
                  "/and/0", "{\">=\":[{\"var\":\"event.amount\"},1000]}", "900");
    assert_reason("{\"!\":{\"or\":[{\"<\":[{\"var\":\"event.amount\"},5]},{\"in\":[\"tea\",{"
                  "\"var\":\"event.categories\"}]}]}}",
                  "/!/or/1", "{\"in\":[\"tea\",{\"var\":\"event.categories\"}]}",
                  "[\"coffee\",\"tea\"]");
    assert_reason("{\"var\":\"member.flag\"}", "", "{\"var\":\"member.flag\"}", "null");
    assert_reason("{\"if\":[{\"in\":[\"tea\",{\"var\":\"event.categories\"}]},{\"<\":[{\"var\":"
                  "\"event.amount\"},{\"*\":[2,{\"var\":\"event.amount\"},0]}]},true]}",
                  "/if/1",
                  "{\"<\":[{\"var\":\"event.amount\"},{\"*\":[2,{\"var\":\"event.amount\"},0]}]}",
                  "[900,0]");
}

static void a_rule_that_holds_has_no_reason(void **state)
{
    (void)state;
    struct fail f;
    const struct rule *rule = compile("{\">\":[{\"var\":\"event.amount\"},1]}", RULE_BOOL, &f);
    const struct rule_env env = world_env();
    struct rule_reason reason;
    assert_false(rule_explain(rule, &env, &arena, &reason));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_cases_of_the_classic_suite_pass),
        cmocka_unit_test(javascript_coercions_are_kept),
        cmocka_unit_test(numbers_turn_into_the_text_that_javascript_makes),
        cmocka_unit_test(texts_are_cut_by_character_not_by_byte),
        cmocka_unit_test(an_unknown_operator_is_refused_at_its_place),
        cmocka_unit_test(a_rule_with_too_many_parts_is_refused),
        cmocka_unit_test(a_rule_that_grows_without_end_gives_null),
        cmocka_unit_test(typed_rules_read_slots_and_typed_items),
        cmocka_unit_test(dates_and_instants_compare_in_calendar_order),
        cmocka_unit_test(typed_rules_are_refused_where_they_are_wrong),
        cmocka_unit_test(all_faults_of_a_rule_are_named),
        cmocka_unit_test(the_slots_that_a_rule_reads_are_listed_once),
        cmocka_unit_test(the_innermost_failing_part_is_explained),
        cmocka_unit_test(a_rule_that_holds_has_no_reason),
    };
    return cmocka_run_group_tests_name("rule", tests, setup, teardown);
}
