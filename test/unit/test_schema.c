/* The subset of JSON Schema: what fits, what is refused and where. */
#include "base/base.h"
#include "core/schema.h"

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
    if (json_read(&arena, str_c(text), &f, &json) != ERR_OK) {
        fail_msg("%s: %s", text, f.items[0].detail.p);
    }
    return json;
}

static const struct schema *compile(const char *text)
{
    struct fail f = {.arena = &arena};
    const struct schema *schema = NULL;
    if (schema_compile(&arena, json_of(text), STR(""), &f, &schema) != ERR_OK) {
        fail_msg("%s: %s %s", text, f.items[0].pointer.p, f.items[0].detail.p);
    }
    return schema;
}

/* "" when the value fits, else "code pointer" of every fault, one after the other. */
static const char *faults(const char *schema, const char *value)
{
    struct fail f = {.arena = &arena};
    const enum err err = schema_check(compile(schema), json_of(value), STR("/p"), &f);
    struct buf buf;
    buf_open(&buf, &arena, 1 << 16);
    for (size_t i = 0; i < f.items_n; i++) {
        buf_printf(&buf, "%s%s %.*s", i > 0 ? "; " : "", err_code(f.items[i].err),
                   STR_ARG(f.items[i].pointer));
    }
    assert_int_equal(err, f.items_n > 0 ? f.items[0].err : ERR_OK);
    return str_z(&arena, buf_view(&buf));
}

static void types_are_held(void **state)
{
    (void)state;
    assert_string_equal(faults("{\"type\":\"integer\"}", "1"), "");
    assert_string_equal(faults("{\"type\":\"integer\"}", "1.0"), "");
    assert_string_equal(faults("{\"type\":\"integer\"}", "1e3"), "");
    assert_string_equal(faults("{\"type\":\"integer\"}", "1.5"), "invalid /p");
    assert_string_equal(faults("{\"type\":\"integer\"}", "9007199254740993.0"), "overflow /p");
    assert_string_equal(faults("{\"type\":\"integer\"}", "-1e300"), "overflow /p");
    assert_string_equal(faults("{\"type\":\"number\"}", "1e300"), "");
    assert_string_equal(faults("{\"type\":\"number\"}", "1"), "");
    assert_string_equal(faults("{\"type\":[\"string\",\"null\"]}", "null"), "");
    assert_string_equal(faults("{\"type\":[\"string\",\"null\"]}", "[]"), "invalid /p");
    assert_string_equal(faults("true", "[1]"), "");
    assert_string_equal(faults("false", "[1]"), "invalid /p");
}

static void numbers_and_lengths_are_held_at_their_limits(void **state)
{
    (void)state;
    const char *range = "{\"minimum\":1,\"maximum\":9}";
    assert_string_equal(faults(range, "1"), "");
    assert_string_equal(faults(range, "9"), "");
    assert_string_equal(faults(range, "0"), "invalid /p");
    assert_string_equal(faults(range, "10"), "invalid /p");
    assert_string_equal(faults("{\"exclusiveMinimum\":1}", "1"), "invalid /p");
    assert_string_equal(faults("{\"exclusiveMaximum\":2}", "1.9"), "");
    assert_string_equal(faults("{\"type\":\"integer\"}", "9007199254740991"), "");
    assert_string_equal(faults("{\"type\":\"integer\"}", "9007199254740992"), "overflow /p");
    assert_string_equal(faults("{\"minLength\":2,\"maxLength\":3}", "\"\\u00e9\""), "invalid /p");
    assert_string_equal(faults("{\"minLength\":2,\"maxLength\":3}", "\"\\u00e9\\u00e9\\u00e9\""),
                        "");
    assert_string_equal(faults("{\"minItems\":1,\"maxItems\":2}", "[]"), "invalid /p");
    assert_string_equal(faults("{\"minItems\":1,\"maxItems\":2}", "[1,2]"), "");
    assert_string_equal(faults("{\"maxProperties\":1}", "{\"a\":1,\"b\":2}"), "invalid /p");
}

static void every_fault_has_its_pointer(void **state)
{
    (void)state;
    const char *schema =
        "{\"type\":\"object\",\"required\":[\"id\",\"a/"
        "b\"],\"additionalProperties\":false,\"properties\":{\"id\":{\"type\":\"string\"},"
        "\"a/"
        "b\":true,\"lines\":{\"items\":{\"type\":\"object\",\"properties\":{\"amount\":{\"type\":"
        "\"integer\"}}}}}}";
    assert_string_equal(
        faults(schema, "{\"id\":1,\"x~\":1,\"lines\":[{},{\"amount\":\"1\"}]}"),
        "invalid /p/a~1b; invalid /p/id; unknown_field /p/x~0; invalid /p/lines/1/amount");
}

static void additional_properties_and_their_names_follow_their_schema(void **state)
{
    (void)state;
    const char *schema = "{\"additionalProperties\":{\"type\":\"string\"},\"propertyNames\":{"
                         "\"format\":\"language\"}}";
    assert_string_equal(faults(schema, "{\"en\":\"a\",\"pt-BR\":\"b\"}"), "");
    assert_string_equal(faults(schema, "{\"en\":1,\"English\":\"b\"}"),
                        "invalid /p/en; invalid /p/English");
}

static void enums_and_constants_are_compared_as_values(void **state)
{
    (void)state;
    assert_string_equal(faults("{\"enum\":[\"a\",1,null]}", "null"), "");
    assert_string_equal(faults("{\"enum\":[\"a\",1,null]}", "\"b\""), "invalid /p");
    assert_string_equal(faults("{\"const\":{\"a\":[1]}}", "{\"a\":[1]}"), "");
    assert_string_equal(faults("{\"const\":\"x\"}", "\"y\""), "invalid /p");
}

static const char *const KINDS =
    "{\"oneOf\":[{\"$ref\":\"#/$defs/"
    "days\"},{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"kind\":{"
    "\"const\":\"never\"}}},"
    "{\"properties\":{\"kind\":{\"const\":\"moon\",\"x-not-supported\":true}}}],"
    "\"$defs\":{\"days\":{\"required\":[\"days\"],\"properties\":{\"kind\":{\"const\":\"days\"},"
    "\"days\":{\"type\":\"integer\"}}}}}";

static void a_kind_chooses_the_form_that_is_meant(void **state)
{
    (void)state;
    assert_string_equal(faults(KINDS, "{\"kind\":\"days\",\"days\":3}"), "");
    assert_string_equal(faults(KINDS, "{\"kind\":\"days\"}"), "invalid /p/days");
    assert_string_equal(faults(KINDS, "{\"kind\":\"never\",\"days\":3}"), "unknown_field /p/days");
    assert_string_equal(faults(KINDS, "{\"kind\":\"weeks\"}"), "invalid /p/kind");
    assert_string_equal(faults(KINDS, "{}"), "invalid /p/kind");
    assert_string_equal(faults(KINDS, "7"), "invalid /p");
    assert_string_equal(faults(KINDS, "{\"kind\":\"moon\"}"), "not_supported /p/kind");
}

static void choices_without_a_kind_are_tried(void **state)
{
    (void)state;
    const char *any = "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":5},{\"type\":\"string\"}]}";
    assert_string_equal(faults(any, "\"x\""), "");
    assert_string_equal(faults(any, "4"), "invalid /p");
    assert_string_equal(faults(any, "null"), "invalid /p");
    const char *one = "{\"oneOf\":[{\"minimum\":5},{\"maximum\":7}]}";
    assert_string_equal(faults(one, "4"), "");
    assert_string_equal(faults(one, "6"), "invalid /p");
}

static void what_is_not_supported_is_refused_unless_empty(void **state)
{
    (void)state;
    const char *schema = "{\"additionalProperties\":false,\"properties\":{\"quizzes\":{\"type\":"
                         "\"array\",\"x-not-supported\":true}}}";
    assert_string_equal(faults(schema, "{\"quizzes\":[{}]}"), "not_supported /p/quizzes");
    assert_string_equal(faults(schema, "{\"quizzes\":[]}"), "");
    assert_string_equal(faults(schema, "{}"), "");
}

static void formats_are_held(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        const char *good;
        const char *bad;
    } CASES[] = {
        {"slug", "a-1", "A"},
        {"slug", "x", ""},
        {"instant", "2026-11-21T10:00:00+01:00", "2026-11-21"},
        {"date", "2024-02-29", "2023-02-29"},
        {"date-or-instant", "2026-11-21", "soon"},
        {"month-day", "02-29", "02-30"},
        {"month-day", "12-31", "1-1"},
        {"time-of-day", "24:00", "24:01"},
        {"decimal", "-1.25", "1e3"},
        {"decimal", "2", ".5"},
        {"currency", "EUR", "eur"},
        {"currency", "JPY", "ZZZ"},
        {"currency", "KWD", "XXX"},
        {"currency", "CLF", "XTS"},
        {"currency", "HRK", "XAU"}, // of before 2023; gold has no minor unit
        {"currency", "AED", "ED "}, // a part of a list
        {"currency", "ZWG", "EURO"},
        {"country", "NL", "NLD"},
        {"timezone", "America/Argentina/Buenos_Aires", "Bad Zone"},
        {"language", "pt-BR", "english"},
        {"language", "id", "e"},
        {"event-type", "app.check_in", "app..x"},
        {"event-type", "x", ".x"},
        {"name", "contract_end", "1st"},
        {"variable", "event.nights", "a b"},
    };
    for (size_t i = 0; i < ARRAY_N(CASES); i++) {
        const bool is_good = schema_format_fits(str_c(CASES[i].format), str_c(CASES[i].good));
        const bool is_bad = schema_format_fits(str_c(CASES[i].format), str_c(CASES[i].bad));
        if (!is_good || is_bad) {
            fail_msg("%s: \"%s\" %d, \"%s\" %d", CASES[i].format, CASES[i].good, is_good,
                     CASES[i].bad, is_bad);
        }
    }
    assert_string_equal(faults("{\"format\":\"slug\"}", "\"No\""), "invalid /p");
    assert_string_equal(faults("{\"format\":\"slug\"}", "7"), ""); // a format speaks of texts only
}

static void assert_schema_refused(const char *text, const char *pointer)
{
    struct fail f = {.arena = &arena};
    const struct schema *schema = NULL;
    assert_int_equal(schema_compile(&arena, json_of(text), STR("/s"), &f, &schema), ERR_INVALID);
    assert_string_equal(f.items[0].pointer.p, pointer);
}

static void a_schema_outside_the_subset_is_refused(void **state)
{
    (void)state;
    assert_schema_refused("{\"pattern\":\"a*\"}", "/s/pattern");
    assert_schema_refused("{\"properties\":{\"a\":{\"uniqueItems\":true}}}",
                          "/s/properties/a/uniqueItems");
    assert_schema_refused("{\"type\":\"text\"}", "/s/type");
    assert_schema_refused("{\"format\":\"email\"}", "/s/format");
    assert_schema_refused("{\"$ref\":\"#/$defs/x\"}", "/s/$ref");
    assert_schema_refused("{\"properties\":{\"a\":{\"$defs\":{}}}}", "/s/properties/a/$defs");
    assert_schema_refused("{\"minLength\":-1}", "/s/minLength");
    assert_schema_refused("{\"minimum\":\"1\"}", "/s/minimum");
    assert_schema_refused("{\"required\":[1]}", "/s/required");
    assert_schema_refused("7", "/s");
}

static void a_schema_that_refers_to_itself_ends(void **state)
{
    (void)state;
    const char *tree =
        "{\"$ref\":\"#/$defs/t\",\"$defs\":{\"t\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/"
        "$defs/t\"}}}}";
    assert_string_equal(faults(tree, "[[],[[]]]"), "");
    assert_string_equal(faults(tree, "[[],[7]]"), "invalid /p/1/0");
    const char *loop = "{\"$ref\":\"#/$defs/t\",\"$defs\":{\"t\":{\"$ref\":\"#/$defs/t\"}}}";
    assert_string_equal(faults(loop, "1"), "invalid /p");
    const char *bomb =
        "{\"$ref\":\"#/$defs/t\",\"$defs\":{\"t\":{\"anyOf\":[{\"items\":{\"$ref\":\"#/$defs/"
        "t\"}},{\"$ref\":\"#/$defs/t\"},{\"$ref\":\"#/$defs/t\"}]}}}";
    assert_string_equal(faults(bomb, "[[[[1]]]]"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_held),
        cmocka_unit_test(numbers_and_lengths_are_held_at_their_limits),
        cmocka_unit_test(every_fault_has_its_pointer),
        cmocka_unit_test(additional_properties_and_their_names_follow_their_schema),
        cmocka_unit_test(enums_and_constants_are_compared_as_values),
        cmocka_unit_test(a_kind_chooses_the_form_that_is_meant),
        cmocka_unit_test(choices_without_a_kind_are_tried),
        cmocka_unit_test(what_is_not_supported_is_refused_unless_empty),
        cmocka_unit_test(formats_are_held),
        cmocka_unit_test(a_schema_outside_the_subset_is_refused),
        cmocka_unit_test(a_schema_that_refers_to_itself_ends),
    };
    return cmocka_run_group_tests_name("schema", tests, setup, teardown);
}
