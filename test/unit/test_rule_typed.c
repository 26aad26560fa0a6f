/* Our own operators, tables and formulas. Every example of docs/rules.md is run; here is what they
 * refuse. */
#include "base/base.h"
#include "core/rule.h"

#include <setjmp.h>
#include <cmocka.h>

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_open(&arena, 256 * 1024 * 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static const struct json *json_of(struct str text)
{
    const struct json *json = NULL;
    struct fail f = {.arena = &arena};
    if (json_read(&arena, text, &f, &json) != ERR_OK) {
        fail_msg("%.*s: %s", STR_ARG(text), f.items[0].detail.p);
    }
    return json;
}

/* ---- a world made of JSON: each path of `data` is a variable ---- */

enum { PATHS_MAX = 50, LOOKUPS_MAX = 10 };

struct world {
    struct rule_env env;
    const struct value *known[PATHS_MAX]; // nothing stays: every use asks
    struct value asked;
    const struct json *data;
    struct str paths[PATHS_MAX];
    size_t paths_n;
    struct text_set sets[LOOKUPS_MAX];
    size_t sets_n;
    struct table tables[LOOKUPS_MAX];
    size_t tables_n;
};

static const struct json *data_at(const struct json *data, struct str path)
{
    struct str part;
    bool done = false;
    while (data != NULL && str_split(&path, '.', &part, &done)) {
        data = json_at(data, str_z(&arena, part));
    }
    return data;
}

static enum rule_type type_of(const struct json *json)
{
    int32_t day = 0;
    int64_t at = 0;
    if (json_is_string(json)) {
        return day_read(json_str(json), &day)      ? RULE_DATE
               : instant_read(json_str(json), &at) ? RULE_INSTANT
                                                   : RULE_TEXT;
    }
    if (json_is_array(json)) {
        return json_is_string(json_array_get(json, 0)) ? RULE_TEXTS : RULE_NUMBERS;
    }
    return json_is_number(json) ? RULE_NUMBER : json_is_boolean(json) ? RULE_BOOL : RULE_ANY;
}

static bool world_find(void *self, struct str path, struct rule_var *out)
{
    struct world *world = self;
    const struct json *json = data_at(world->data, path);
    const bool is_known = json != NULL && path.n > 0;
    if (is_known) {
        assert_true(world->paths_n < PATHS_MAX);
        *out = (struct rule_var){.slot = (int)world->paths_n,
                                 .type = type_of(json),
                                 .is_money = str_eq(path, STR("event.amount"))};
        world->paths[world->paths_n++] = str_dup(&arena, path);
    }
    return is_known;
}

static const struct text_set *world_set(void *self, struct str name)
{
    struct world *world = self;
    for (size_t i = 0; i < world->sets_n; i++) {
        if (str_eq(world->sets[i].name, name)) {
            return &world->sets[i];
        }
    }
    return NULL;
}

static const struct table *world_table(void *self, struct str name)
{
    struct world *world = self;
    for (size_t i = 0; i < world->tables_n; i++) {
        if (str_eq(world->tables[i].name, name)) {
            return &world->tables[i];
        }
    }
    return NULL;
}

static const struct value *world_get(const struct rule_env *env, int slot)
{
    struct world *world = (struct world *)env; // embedded as the first field
    world->asked = value_of_json(data_at(world->data, world->paths[slot]), &arena);
    return &world->asked;
}

static void world_lookups(struct world *world, const struct json *json)
{
    struct str name = {0};
    const struct json *item = NULL;
    struct fail f = {.arena = &arena};
    world->sets_n = 0;
    world->tables_n = 0;
    json_object_foreach(json_at(json, "sets"), name, item)
    {
        text_set_make(&arena, name, item, &world->sets[world->sets_n++]);
    }
    json_object_foreach(json_at(json, "tables"), name, item)
    {
        if (table_compile(&arena, name, item, STR("/tables"), &f,
                          &world->tables[world->tables_n++]) != ERR_OK) {
            fail_msg("%s: %s", f.items[0].pointer.p, f.items[0].detail.p);
        }
    }
}

static struct rule_vars world_vars(struct world *world)
{
    static struct zone zone;
    if (zone.name.n == 0) {
        assert_true(zone_load(&arena, STR("Europe/Amsterdam"), &zone));
    }
    world->paths_n = 0;
    world->env =
        (struct rule_env){.known = world->known, .get = world_get, .arena = &arena, .zone = &zone};
    return (struct rule_vars){.self = world,
                              .find = world_find,
                              .set = world_set,
                              .table = world_table,
                              .zone = &zone,
                              .currency = STR("EUR")};
}

static const char *text_of(const struct value *value)
{
    struct buf buf;
    buf_open(&buf, &arena, 1 << 20);
    struct json_out w = json_out(&buf);
    value_write(value, &w);
    return str_z(&arena, buf_view(&buf));
}

static const char *canonical(const struct json *json)
{
    struct buf buf;
    buf_open(&buf, &arena, 1 << 20);
    json_write_canonical(&buf, json);
    return str_z(&arena, buf_view(&buf));
}

/* ---- the examples of the documentation ---- */

static void rule_example(struct world *world, const struct json *example, struct str line)
{
    struct fail f = {.arena = &arena};
    const struct rule *rule = NULL;
    struct value result;
    const struct rule_vars vars = world_vars(world);
    if (rule_compile(&arena, json_at(example, "rule"), STR("/rule"), &vars, RULE_ANY, &f, &rule) !=
        ERR_OK) {
        fail_msg("%.*s: %s %s", STR_ARG(line), f.items[0].pointer.p, f.items[0].detail.p);
    }
    rule_run(rule, &world->env, &result);
    if (strcmp(text_of(&result), canonical(json_at(example, "result"))) != 0) {
        fail_msg("%.*s gave %s", STR_ARG(line), text_of(&result));
    }
    assert_int_equal(rule_holds(rule, &world->env), value_is_true(&result));
}

static void formula_example(struct world *world, const struct json *example, struct str line)
{
    struct fail f = {.arena = &arena};
    const struct rule *rule = NULL;
    struct ratio number = {0};
    struct str gap;
    int64_t points = 0;
    const struct rule_vars vars = world_vars(world);
    if (rule_compile_formula(&arena, json_at(example, "formula"), STR("/formula"), &vars, &f,
                             &rule) != ERR_OK) {
        fail_msg("%.*s: %s %s", STR_ARG(line), f.items[0].pointer.p, f.items[0].detail.p);
    }
    const enum rule_exact result = rule_run_exact(rule, &world->env, &number, &gap);
    if (json_at(example, "missing") != NULL) {
        assert_int_equal(result, RULE_EXACT_GAP);
        assert_string_equal(str_z(&arena, gap), json_str(json_at(example, "missing")).p);
        return;
    }
    assert_int_equal(result, RULE_EXACT_OK);
    assert_true(ratio_round(number, RATIO_DOWN, &points));
    if (number.d != 1 || points != json_integer_value(json_at(example, "result"))) {
        fail_msg("%.*s gave %" PRId64, STR_ARG(line), points);
    }
}

static struct str file_read(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = arena_bytes(&arena, 1 << 20);
    const size_t n = fread(text, 1, 1 << 20, file);
    (void)fclose(file);
    return (struct str){.p = text, .n = n};
}

static void the_examples_of_the_documentation_are_true(void **state)
{
    (void)state;
    struct str rest = file_read("docs/rules.md");
    struct str line;
    struct world *world = arena_new(&arena, struct world, 1);
    bool done = false;
    bool is_inside = false;
    size_t examples_n = 0;
    while (str_split(&rest, '\n', &line, &done)) {
        if (str_starts(line, STR("```"))) {
            is_inside = str_eq(line, STR("```json rules"));
            continue;
        }
        if (!is_inside) {
            continue;
        }
        const struct json *example = json_of(line);
        world->data = json_at(example, "data");
        if (json_at(example, "rule") != NULL) {
            rule_example(world, example, line);
        } else if (json_at(example, "formula") != NULL) {
            formula_example(world, example, line);
        } else {
            world_lookups(world, example);
            continue;
        }
        examples_n++;
    }
    assert_in_range(examples_n, 40, 100);
}

static void every_operator_of_ours_has_an_example(void **state)
{
    (void)state;
    static const char *const NAMES[] = {
#define RULE_OP(id, name, fewest, most, evaluate, check) name,
#include "core/rule.def"
#undef RULE_OP
    };
    const struct str docs = file_read("docs/rules.md");
    bool is_ours = false;
    for (size_t i = 0; i < ARRAY_N(NAMES); i++) {
        is_ours |= strcmp(NAMES[i], "set") == 0;
        const struct str used = str_fmt(&arena, "{\"%s\": ", NAMES[i]);
        if (is_ours && memmem(docs.p, docs.n, used.p, used.n) == NULL) {
            fail_msg("docs/rules.md has no example of \"%s\"", NAMES[i]);
        }
    }
}

/* ---- refusals ---- */

static const char LOOKUPS[] = "{\"sets\":{\"drinks\":[\"coffee\",\"tea\"]},"
                              "\"tables\":{\"fares\":{\"keys\":[\"fare\",\"km\"],\"rows\":[[\"Y\",["
                              "\"<=\",500],20],[\"*\",\"*\",\"2.5\"]]},"
                              "\"zones\":{\"keys\":[\"code\"],\"rows\":[[\"1\",\"a\"]]}}}";
static const char DATA[] = "{\"event\":{\"amount\":1000},\"n\":3,\"t\":\"x\",\"d\":\"2026-01-01\","
                           "\"list\":[\"a\"],\"numbers\":[1],"
                           "\"any\":null,\"half\":0.5}";

static struct world *usual_world(void)
{
    struct world *world = arena_new(&arena, struct world, 1);
    world_lookups(world, json_of(str_c(LOOKUPS)));
    world->data = json_of(str_c(DATA));
    return world;
}

static void refused(bool is_formula, const char *text, const char *pointer, const char *says)
{
    struct world *world = usual_world();
    struct fail f = {.arena = &arena};
    const struct rule *rule = NULL;
    const struct rule_vars vars = world_vars(world);
    const struct json *json = json_of(str_c(text));
    const enum err err = is_formula
                             ? rule_compile_formula(&arena, json, STR(""), &vars, &f, &rule)
                             : rule_compile(&arena, json, STR(""), &vars, RULE_BOOL, &f, &rule);
    if (err != ERR_INVALID) {
        fail_msg("%s is accepted", text);
    }
    if (strcmp(f.items[0].pointer.p, pointer) != 0 || strstr(f.items[0].detail.p, says) == NULL) {
        fail_msg("%s: \"%s\": %s", text, f.items[0].pointer.p, f.items[0].detail.p);
    }
}

static void what_does_not_fit_is_refused_at_its_place(void **state)
{
    (void)state;
    refused(false, "{\"in_set\":[{\"var\":\"t\"},\"drinsk\"]}", "/in_set/1",
            "There is no set \"drinsk\"");
    refused(false, "{\"in_set\":[{\"var\":\"list\"},\"drinks\"]}", "/in_set/0", "use \"any_in\"");
    refused(false, "{\"any_in\":[{\"var\":\"t\"},\"drinks\"]}", "/any_in/0", "use \"in_set\"");
    refused(false, "{\"any_in\":[{\"var\":\"numbers\"},\"drinks\"]}", "/any_in/0",
            "numbers among texts");
    refused(false, "{\"in\":[{\"var\":\"n\"},{\"set\":\"drinks\"}]}", "/in/0", "A set holds texts");
    refused(false, "{\"in\":[\"a\",{\"set\":{\"var\":\"t\"}}]}", "/in/1",
            "Write the name of the set out");
    refused(false, "{\"==\":[{\"table\":[\"fears\",\"Y\",1]},1]}", "/==/0/table/0",
            "There is no table \"fears\"");
    refused(false, "{\"==\":[{\"table\":[\"fares\",\"Y\"]},1]}", "/==/0",
            "looked up by 2 keys, but 1 is given");
    refused(false, "{\"==\":[{\"table\":[\"fares\",\"Y\",\"far\"]},1]}", "/==/0/table/2",
            "\"km\" of \"fares\" holds numbers");
    refused(false, "{\"==\":[{\"table\":[\"fares\",{\"var\":\"n\"},1]},1]}", "/==/0/table/1",
            "\"fare\" of \"fares\" holds texts");
    refused(false, "{\"==\":[{\"table\":[\"zones\",\"1\"]},1]}", "/==/1", "one kind");
    refused(false, "{\">\":[{\"var\":\"event.amount\"},{\"money\":[\"12.505\",\"EUR\"]}]}",
            "/>/1/money/0", "at most 2 decimals");
    refused(false, "{\">\":[{\"var\":\"event.amount\"},{\"money\":[\"12.50\",\"USD\"]}]}",
            "/>/1/money/1", "currency, EUR");
    refused(false, "{\">\":[{\"var\":\"event.amount\"},{\"money\":[12,\"EUR\"]}]}", "/>/1",
            "as texts");
    refused(false, "{\">\":[{\"var\":\"n\"},{\"money\":[\"12\",\"EUR\"]}]}", "/>/0",
            "no amount of money: \"n\"");
    refused(false, "{\"before\":[{\"var\":\"d\"},\"21-11-2026\"]}", "/before/1",
            "such as \"2026-11-21\"");
    refused(false, "{\"before\":[{\"var\":\"n\"},\"2026-11-21\"]}", "/before/0",
            "a date or an instant, but is a number");
    refused(false, "{\"==\":[{\"date_add\":[{\"var\":\"d\"},{\"weeks\":1}]},\"2026-01-01\"]}",
            "/==/0", "nothing else");
    refused(false, "{\"==\":[{\"date_add\":[{\"var\":\"d\"}]},\"2026-01-01\"]}", "/==/0",
            "takes a date and what to add");
    refused(false, "{\"==\":[{\"date_add\":[{\"var\":\"d\"},{\"days\":\"1\"}]},\"2026-01-01\"]}",
            "/==/0/date_add/1/days", "a number");
    refused(false, "{\"starts_with\":[{\"var\":\"list\"},\"a\"]}", "/starts_with/0",
            "use \"in\" or \"some\"");
    refused(false, "{\">\":[{\"round\":{\"var\":\"t\"}},1]}", "/>/0/round", "must be a number");
}

static void a_formula_refuses_what_is_not_exact(void **state)
{
    (void)state;
    refused(true, "{\"*\":[{\"var\":\"n\"},0.5]}", "/*/1", "Write the decimal as a text");
    refused(true, "{\"var\":\"t\"}", "", "but this is a text");
    refused(true, "{\">\":[{\"var\":\"n\"},1]}", "", "cannot take its number");
    refused(true,
            "{\"reduce\":[{\"var\":\"numbers\"},{\"+\":[{\"var\":\"current\"},{\"var\":"
            "\"accumulator\"}]},0]}",
            "", "cannot take its number");
    refused(true, "{\"or\":[{\"var\":\"n\"},1]}", "", "cannot take its number");
    refused(true, "{\"table\":[\"zones\",\"1\"]}", "", "holds texts");
    refused(true, "{\"if\":[true,{\"var\":\"d\"},1]}", "/if/1", "but this is a date");
    refused(true, "{\"*\":[{\"var\":\"n\"},\"many\"]}", "/*/1", "must be a number");
}

static enum rule_exact run_formula(const char *text, struct ratio *out)
{
    struct world *world = usual_world();
    struct fail f = {.arena = &arena};
    const struct rule *rule = NULL;
    struct str gap;
    const struct rule_vars vars = world_vars(world);
    if (rule_compile_formula(&arena, json_of(str_c(text)), STR(""), &vars, &f, &rule) != ERR_OK) {
        fail_msg("%s: %s", text, f.items[0].detail.p);
    }
    return rule_run_exact(rule, &world->env, out, &gap);
}

static void a_formula_that_does_not_fit_says_so(void **state)
{
    (void)state;
    struct ratio number = {0};
    const char *big = "9007199254740991";
    const struct str square = str_fmt(&arena, "{\"*\":[%s,%s]}", big, big);
    assert_int_equal(run_formula(square.p, &number), RULE_EXACT_OK); // 106 bits
    const struct str cube = str_fmt(&arena, "{\"*\":[%s,%s,%s]}", big, big, big);
    assert_int_equal(run_formula(cube.p, &number), RULE_EXACT_OVERFLOW);
    int64_t whole = 0;
    assert_int_equal(run_formula(square.p, &number), RULE_EXACT_OK);
    assert_false(ratio_round(number, RATIO_DOWN, &whole));
    assert_int_equal(
        run_formula("{\"floor\":{\"*\":[9007199254740991,9007199254740991]}}", &number),
        RULE_EXACT_OVERFLOW);
}

static void ratios_round_as_named(void **state)
{
    (void)state;
    static const struct {
        int64_t n, d;
        int64_t down, half_up, up;
    } CASES[] = {{5, 2, 2, 3, 3},     {-5, 2, -3, -2, -2}, {7, 3, 2, 2, 3},
                 {-7, 3, -3, -2, -2}, {8, 4, 2, 2, 2},     {0, 9, 0, 0, 0}};
    for (size_t i = 0; i < ARRAY_N(CASES); i++) {
        struct ratio ratio;
        int64_t whole = 0;
        assert_true(ratio_divide(ratio_whole(CASES[i].n), ratio_whole(CASES[i].d), &ratio));
        assert_true(ratio_round(ratio, RATIO_DOWN, &whole));
        assert_int_equal(whole, CASES[i].down);
        assert_true(ratio_round(ratio, RATIO_HALF_UP, &whole));
        assert_int_equal(whole, CASES[i].half_up);
        assert_true(ratio_round(ratio, RATIO_UP, &whole));
        assert_int_equal(whole, CASES[i].up);
    }
}

/* ---- tables ---- */

static struct str table_fault(const char *text)
{
    struct table table;
    struct fail f = {.arena = &arena};
    assert_int_equal(
        table_compile(&arena, STR("t"), json_of(str_c(text)), STR("/tables/t"), &f, &table),
        ERR_INVALID);
    return str_fmt(&arena, "%.*s %.*s", STR_ARG(f.items[0].pointer), STR_ARG(f.items[0].detail));
}

static void a_table_names_the_cell_at_fault(void **state)
{
    (void)state;
    assert_true(str_starts(table_fault("{\"keys\":[\"a\"],\"rows\":[[\"x\",1],[\"y\"]]}"),
                           STR("/tables/t/rows/1 A row has")));
    assert_true(str_starts(table_fault("{\"keys\":[\"a\"],\"rows\":[[1,1],[\"y\",2]]}"),
                           STR("/tables/t/rows/1/0 This column")));
    assert_true(str_starts(table_fault("{\"keys\":[\"a\"],\"rows\":[[[\"=\",1],1]]}"),
                           STR("/tables/t/rows/0/0 A limit")));
    assert_true(str_starts(table_fault("{\"keys\":[\"a\"],\"rows\":[[\"x\",1],[\"y\",\"two\"]]}"),
                           STR("/tables/t/rows/0/1 The last")));
}

/* A large table gives what a walk over its rows gives. */
static void a_large_table_is_looked_up_as_it_reads(void **state)
{
    (void)state;
    enum { ROWS = 10000 };
    struct buf text;
    buf_open(&text, &arena, 1 << 20);
    buf_str(&text, STR("{\"keys\":[\"a\",\"b\",\"c\"],\"rows\":["));
    uint32_t random = 7;
    static int a[ROWS], b[ROWS], c[ROWS]; // 0 is any; c is a limit
    for (int i = 0; i < ROWS; i++) {
        random = random * 1664525u + 1013904223u;
        a[i] = (int)(random >> 8) % 60;
        b[i] = (int)(random >> 16) % 40;
        c[i] = (int)(random >> 12) % 10;
        const char *any = "\"*\"";
        const struct str first = str_fmt(&arena, "\"k%d\"", a[i]);
        const struct str second = str_fmt(&arena, "%d", b[i]);
        const struct str third = str_fmt(&arena, "[\"<=\",%d]", c[i] * 10);
        buf_printf(&text, "%s[%s,%s,%s,%d]", i > 0 ? "," : "", a[i] == 0 ? any : first.p,
                   b[i] == 0 ? any : second.p, c[i] == 0 ? any : third.p, i);
    }
    buf_str(&text, STR("]}"));
    struct table table;
    struct fail f = {.arena = &arena};
    const struct json *json = json_of(buf_view(&text));
    assert_int_equal(table_compile(&arena, STR("t"), json, STR(""), &f, &table), ERR_OK);
    size_t looked_most = 0;
    for (int i = 0; i < 5000; i++) {
        random = random * 1664525u + 1013904223u;
        const int x = 1 + (int)(random >> 8) % 70, y = 1 + (int)(random >> 16) % 45,
                  z = (int)(random >> 12) % 120;
        int wanted = -1;
        for (int r = 0; r < ROWS && wanted < 0; r++) {
            wanted = (a[r] == 0 || a[r] == x) && (b[r] == 0 || b[r] == y) &&
                             (c[r] == 0 || z <= c[r] * 10)
                         ? r
                         : -1;
        }
        const struct value keys[] = {value_str(str_fmt(&arena, "k%d", x)), value_int(y),
                                     value_int(z)};
        size_t looked = 0;
        const struct cell *cell = table_find(&table, keys, &arena, &looked);
        assert_int_equal(cell == NULL ? -1 : (int)cell->number.digits, wanted);
        looked_most = looked > looked_most ? looked : looked_most;
    }
    assert_in_range(looked_most, 1, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_documentation_are_true),
        cmocka_unit_test(every_operator_of_ours_has_an_example),
        cmocka_unit_test(what_does_not_fit_is_refused_at_its_place),
        cmocka_unit_test(a_formula_refuses_what_is_not_exact),
        cmocka_unit_test(a_formula_that_does_not_fit_says_so),
        cmocka_unit_test(ratios_round_as_named),
        cmocka_unit_test(a_table_names_the_cell_at_fault),
        cmocka_unit_test(a_large_table_is_looked_up_as_it_reads),
    };
    return cmocka_run_group_tests_name("rule_typed", tests, setup, teardown);
}
