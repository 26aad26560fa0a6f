/* The schema of programs: it compiles, documents every field, and accepts and refuses what it
 * should. */
#include "base/base.h"
#include "base/assets.h"
#include "core/schema.h"

#include <setjmp.h>
#include <cmocka.h>

static struct arena arena;
static const struct json *document;
static const struct schema *schema;

static int setup(void **state)
{
    (void)state;
    arena_open(&arena, 64 * 1024 * 1024);
    struct fail f = {.arena = &arena};
    const struct str text = asset_find(STR("schema/program.schema.json"));
    const bool is_fine = json_read(&arena, text, &f, &document) == ERR_OK &&
                         schema_compile(&arena, document, STR(""), &f, &schema) == ERR_OK;
    if (!is_fine) {
        (void)fprintf(stderr, "%s: %s\n", f.items[0].pointer.p, f.items[0].detail.p);
    }
    return is_fine ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static const char *faults_of(const struct json *program)
{
    struct fail f = {.arena = &arena};
    (void)(schema_check(schema, program, STR(""), &f) ==
           ERR_OK); // the faults themselves are looked at
    struct buf buf;
    buf_open(&buf, &arena, 1 << 16);
    for (size_t i = 0; i < f.items_n; i++) {
        buf_printf(&buf, "%s%s %.*s", i > 0 ? "; " : "", err_code(f.items[i].err),
                   STR_ARG(f.items[i].pointer));
    }
    return str_z(&arena, buf_view(&buf));
}

/* The faults of a small program with more fields. */
static const char *faults(const char *more)
{
    const struct json *program = NULL;
    struct fail f = {.arena = &arena};
    const struct str text = str_fmt(
        &arena, "{\"name\":\"Shop\",\"currency\":\"EUR\",\"wallets\":[{\"slug\":\"points\"}]%s%s}",
        more[0] ? "," : "", more);
    if (json_read(&arena, text, &f, &program) != ERR_OK) {
        fail_msg("%s: %s", text.p, f.items[0].detail.p);
    }
    return faults_of(program);
}

/* Faults of one rule with that one effect. */
static const char *effect_faults(const char *effect)
{
    return faults(
        str_fmt(&arena,
                "\"earning_rules\":[{\"slug\":\"r\",\"trigger\":\"purchase\",\"effects\":[%s]}]",
                effect)
            .p);
}

static void every_field_has_a_description_and_an_example(void **state)
{
    (void)state;
    const struct json *stack[4096] = {document};
    size_t n = 1;
    size_t fields_n = 0;
    while (n > 0) {
        const struct json *node = stack[--n];
        struct str key = {0};
        const struct json *value = NULL;
        json_object_foreach(json_at(node, "properties"), key, value)
        {
            fields_n++;
            const bool is_described = json_is_string(json_at(value, "description"));
            const bool has_example =
                json_array_size(json_at(value, "examples")) > 0 || json_at(value, "const") != NULL;
            if (!is_described || !has_example) {
                fail_msg("\"%s\" lacks a description or an example", key.p);
            }
        }
        json_object_foreach(node, key, value)
        {
            const bool is_list = str_eq(key, STR("oneOf"));
            for (size_t i = 0; is_list && i < json_array_size(value) && n < ARRAY_N(stack); i++) {
                stack[n++] = json_array_get(value, i);
            }
            if (json_is_object(value) && n < ARRAY_N(stack) && !str_eq(key, STR("default"))) {
                stack[n++] = value;
            }
        }
    }
    assert_true(fields_n > 150);
}

/* Checks each "examples" against the schema beside it, where that stands on its own. */
static void every_example_of_the_top_level_fits(void **state)
{
    (void)state;
    struct str key = {0};
    const struct json *field = NULL;
    json_object_foreach(json_at(document, "properties"), key, field)
    {
        const struct json *example = json_array_get(json_at(field, "examples"), 0);
        if (example == NULL || json_is_true(json_at(field, "x-not-supported"))) {
            continue;
        }
        struct buf buf;
        buf_open(&buf, &arena, 1 << 16);
        json_write_canonical(&buf, example);
        const struct str whole = str_fmt(&arena, "{\"%s\":%.*s}", key.p, STR_ARG(buf_view(&buf)));
        const struct json *program = NULL;
        assert_int_equal(json_read(&arena, whole, NULL, &program), ERR_OK);
        struct fail f = {.arena = &arena};
        (void)(schema_check(schema, program, STR(""), &f) == ERR_OK);
        for (size_t i = 0; i < f.items_n; i++) {
            if (strstr(f.items[i].detail.p, "is missing") == NULL ||
                str_find(str_after(f.items[i].pointer, 1), '/', 0) < f.items[i].pointer.n - 1) {
                fail_msg("%s: %s %s", whole.p, f.items[i].pointer.p, f.items[i].detail.p);
            }
        }
    }
    assert_string_equal(faults_of(json_array_get(json_at(document, "examples"), 0)), "");
}

static void the_smallest_program_is_a_name_a_currency_and_a_wallet(void **state)
{
    (void)state;
    assert_string_equal(faults(""), "");
    const struct json *program = NULL;
    assert_int_equal(json_read(&arena, STR("{}"), NULL, &program), ERR_OK);
    assert_string_equal(faults_of(program), "invalid /name; invalid /currency; invalid /wallets");
}

static void a_full_program_of_this_release_fits(void **state)
{
    (void)state;
    assert_string_equal(
        faults("\"format\":\"loyald.program/1\",\"timezone\":\"Europe/"
               "Amsterdam\",\"languages\":[\"en\",\"pl\"],"
               "\"stores\":[{\"slug\":\"ams-1\",\"name\":\"A\",\"timezone\":\"Europe/"
               "Amsterdam\",\"country\":\"NL\",\"currency\":\"EUR\"}],"
               "\"sets\":{\"quasi-cash\":[\"6011\"]},\"attributes\":[{\"name\":\"contract_end\","
               "\"type\":\"date\",\"segment\":true}],"
               "\"unknown_members\":\"enrol\",\"hold_days\":90,\"claim_days\":30,\"order_days\":60,"
               "\"enrolment\":{\"required\":[\"email\"],\"terms\":\"1\"},"
               "\"activity\":[\"purchase\",\"reward.used\"],\"economics\":{\"margin\":\"0.35\","
               "\"fixed_monthly\":20000,\"message_cost\":{\"sms\":7},\"holdout_percent\":5},"
               "\"event_types\":[{\"type\":\"app.checkin\",\"schema\":{\"type\":\"object\"}}],"
               "\"segments\":[{\"slug\":\"regulars\",\"name\":{\"en\":\"R\"},\"when\":{\">=\":[{"
               "\"var\":\"member.stats.purchases_90d\"},4]}}],"
               "\"earning_rules\":[{\"slug\":\"x\",\"name\":{\"en\":\"X\"},\"trigger\":"
               "\"purchase\",\"when\":true,\"audience\":\"regulars\",\"priority\":10,"
               "\"window\":{\"from\":\"2026-11-01\",\"until\":\"2026-12-01T00:00:00+01:00\","
               "\"days\":[\"sat\"],\"hours\":[\"22:00\",\"02:00\"]},"
               "\"caps\":[{\"per\":\"member\",\"period\":\"day\",\"points\":100},{\"per\":"
               "\"transaction\",\"points\":1},{\"per\":\"rule\",\"points\":1}],"
               "\"effects\":[{\"kind\":\"earn\",\"wallet\":\"points\",\"points\":1,\"per_amount\":"
               "100,\"of\":{\"kinds\":[\"goods\"],\"tax\":true,\"paid_with_points\":false},"
               "\"round\":\"down\",\"qualifying\":true},"
               "{\"kind\":\"multiply\",\"wallet\":\"points\",\"by\":\"1.5\",\"mode\":\"additive\","
               "\"lines\":{\"==\":[{\"var\":\"line.category\"},\"coffee\"]}}]}],"
               "\"tier_sets\":[{\"slug\":\"main\",\"metrics\":{\"credits\":{\"kind\":\"points_"
               "earned\",\"wallet\":\"points\"},\"nights\":{\"kind\":\"sum\",\"trigger\":\"app."
               "checkin\",\"of\":\"event.nights\"},"
               "\"stays\":{\"kind\":\"count\",\"trigger\":\"app.checkin\"},\"spend\":{\"kind\":"
               "\"spend\"}},\"period\":{\"kind\":\"calendar_year\",\"starts\":\"04-01\",\"keep_"
               "through\":\"this\"},"
               "\"downgrade\":{\"kind\":\"one_step\",\"grace_days\":30},\"on_refund\":\"keep\","
               "\"tiers\":[{\"slug\":\"bronze\",\"name\":{\"en\":\"B\"},\"benefits\":{\"en\":["
               "\"x\"]}},"
               "{\"slug\":\"silver\",\"enter\":{\"any_of\":[{\"credits\":500},{\"nights\":10}]},"
               "\"keep\":{\"all_of\":[{\"credits\":400}]}}]}],"
               "\"quizzes\":[],\"tables\":{}"),
        "");
}

static void every_kind_of_pending_and_expiry_is_accepted(void **state)
{
    (void)state;
    static const char *const TERMS[] = {
        "\"pending\":{\"kind\":\"none\"}",
        "\"pending\":{\"kind\":\"days\",\"days\":14}",
        "\"pending\":{\"kind\":\"date\",\"date\":\"2026-12-01\"}",
        "\"pending\":{\"kind\":\"event\",\"type\":\"stay.completed\",\"match\":\"booking\",\"after_"
        "days\":60,\"then\":\"void\"}",
        "\"expiry\":{\"kind\":\"never\"}",
        "\"expiry\":{\"kind\":\"days\",\"days\":30,\"round\":\"quarter_end\"}",
        "\"expiry\":{\"kind\":\"months\",\"months\":12,\"round\":\"year_end\"}",
        "\"expiry\":{\"kind\":\"dates\",\"dates\":[\"06-30\",\"12-31\"]}",
        "\"expiry\":{\"kind\":\"inactivity\",\"months\":18}",
        "\"returns\":\"debt\",\"returned_min_days\":0",
        "\"pay\":{\"points\":100,\"amount\":100,\"min_points\":100,\"max_share\":\"0.5\"}",
        "\"unit_cost\":{\"points\":100,\"amount\":80},\"unit\":{\"en\":{\"one\":\"point\","
        "\"other\":\"points\"}}",
        "\"caps\":[{\"per\":\"member\",\"period\":\"year\",\"points\":9}]",
    };
    for (size_t i = 0; i < ARRAY_N(TERMS); i++) {
        const struct json *program = NULL;
        const struct str text = str_fmt(
            &arena, "{\"name\":\"S\",\"currency\":\"EUR\",\"wallets\":[{\"slug\":\"p\",%s}]}",
            TERMS[i]);
        assert_int_equal(json_read(&arena, text, NULL, &program), ERR_OK);
        const char *found = faults_of(program);
        if (found[0] != 0) {
            fail_msg("%s: %s", TERMS[i], found);
        }
    }
}

static void what_later_releases_do_is_not_supported(void **state)
{
    (void)state;
    static const char *const SECTIONS[] = {"exchange", "partners", "templates", "journeys"};
    for (size_t i = 0; i < ARRAY_N(SECTIONS); i++) {
        assert_string_equal(faults(str_fmt(&arena, "\"%s\":[{\"slug\":\"x\"}]", SECTIONS[i]).p),
                            str_fmt(&arena, "not_supported /%s", SECTIONS[i]).p);
    }
    assert_string_equal(faults("\"messaging\":{\"quiet\":[]}"), "not_supported /messaging");
}

static void mistakes_are_named_where_they_are(void **state)
{
    (void)state;
    assert_string_equal(effect_faults("{\"kind\":\"earn\",\"wallet\":\"points\",\"points\":0}"),
                        "invalid /earning_rules/0/effects/0/points");
    assert_string_equal(effect_faults("{\"kind\":\"earn\",\"wallet\":\"points\",\"points\":1.5}"),
                        "invalid /earning_rules/0/effects/0/points");
    assert_string_equal(effect_faults("{\"kind\":\"ern\",\"wallet\":\"points\",\"points\":1}"),
                        "invalid /earning_rules/0/effects/0/kind");
    assert_string_equal(
        effect_faults("{\"kind\":\"earn\",\"wallet\":\"points\",\"points\":1,\"pro_amount\":1}"),
        "unknown_field /earning_rules/0/effects/0/pro_amount");
    assert_string_equal(faults("\"hold_day\":3"), "unknown_field /hold_day");
    assert_string_equal(faults("\"hold_days\":0"), "invalid /hold_days");
    assert_string_equal(faults("\"hold_days\":\"3\""), "invalid /hold_days");
    assert_string_equal(faults("\"tier_sets\":[{},{},{},{},{},{},{},{},{}]"), "invalid /tier_sets");
    assert_string_equal(faults("\"segments\":[{\"slug\":\"A\",\"when\":true}]"),
                        "invalid /segments/0/slug");
    assert_string_equal(faults("\"sets\":{\"Bad Name\":[]}"), "invalid /sets/Bad Name");
    assert_string_equal(faults("\"tables\":{\"a\":{\"keys\":[\"k\"],\"rows\":[[\"x\",1.5]]}}"),
                        "invalid /tables/a/rows/0/1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_has_a_description_and_an_example),
        cmocka_unit_test(every_example_of_the_top_level_fits),
        cmocka_unit_test(the_smallest_program_is_a_name_a_currency_and_a_wallet),
        cmocka_unit_test(a_full_program_of_this_release_fits),
        cmocka_unit_test(every_kind_of_pending_and_expiry_is_accepted),
        cmocka_unit_test(what_later_releases_do_is_not_supported),
        cmocka_unit_test(mistakes_are_named_where_they_are),
    };
    return cmocka_run_group_tests_name("program schema", tests, setup, teardown);
}
