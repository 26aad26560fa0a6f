/* Profiles and payment card numbers. */
#include "base/base.h"

#include "core/pan.h"
#include "core/profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW ((int64_t)1767225600000) // 2026-01-01

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_open(&arena, (size_t)64 * 1024 * 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static void payment_cards_are_known_from_other_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_card;
    } TABLE[] = {
        {"4111111111111111", true},
        {"4111 1111 1111 1111", true},
        {"4111-1111-1111-1111", true},
        {"4111.1111.1111.1111", true},
        {"4111\xc2\xa0"
         "1111\xc2\xa0"
         "1111\xc2\xa0"
         "1111",
         true},
        {"call 4111111111111111 now", true},
        {"order 12 4111 1111 1111 1111 7", true},
        {"x4111111111111111x", true},
        {"4222222222222", true},    // Visa of 13
        {"5555555555554444", true}, // Mastercard
        {"2223003122003222", true}, // Mastercard, new range
        {"378282246310005", true},  // American Express
        {"3782 822463 10005", true},
        {"6011111111111117", true},      // Discover
        {"30569309025904", true},        // Diners Club
        {"3530111333300000", true},      // JCB
        {"6200000000000005", true},      // UnionPay
        {"6759649826438453", true},      // Maestro
        {"2200000000000004", true},      // Mir
        {"4111111111111112", false},     // check digit
        {"41111111111111", false},       // 14 digits are no Visa
        {"411111111111", false},         // 12
        {"41111111111111111111", false}, // 20
        {"1111111111117", false},        // no network
        {"9780306406157", false},        // an ISBN
        {"5901234123457", false},        // an EAN-13
        {"8711234567892", false},
        {"+31 6 1234 5678", false},
        {"2026-11-21 10:00", false},
        {"NL91ABNA0417164300", false}, // an IBAN
        {"", false},
        {"4", false},
        {"no digits at all", false},
        {"4111 1111\n1111 1111", false}, // two lines are two numbers
    };
    for (size_t i = 0; i < ARRAY_N(TABLE); i++) {
        if (pan_is_in(str_c(TABLE[i].text)) != TABLE[i].is_card) {
            print_error("%s\n", TABLE[i].text);
        }
        assert_int_equal(pan_is_in(str_c(TABLE[i].text)), TABLE[i].is_card);
    }
}

static enum err read(const char *json, struct fail *f, struct member_profile *out)
{
    const struct json *value = NULL;
    *f = (struct fail){.arena = &arena};
    assert_int_equal(json_read(&arena, str_c(json), f, &value), ERR_OK);
    return profile_read(&arena, value, NULL, (const char *const[]){"referral_code", NULL}, NOW, f,
                        out);
}

static void bad_fields_are_refused_with_their_pointers(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *pointer; // NULL: fine
    } TABLE[] = {
        {"{}", NULL},
        {"{\"email\":null,\"name\":null,\"tags\":null,\"attributes\":null,\"birth_date\":null}",
         NULL},
        {"{\"referral_code\":\"X\"}", NULL},
        {"{\"balance\":5}", "/balance"},
        {"{\"status\":\"active\"}", "/status"},
        {"{\"email\":5}", "/email"},
        {"{\"email\":\"\"}", "/email"},
        {"{\"city\":\"a\\u0007b\"}", "/city"},
        {"{\"city\":\"4111 1111 1111 1111\"}", "/city"},
        {"{\"external_id\":\"4111111111111111\"}", NULL}, // an id may look like anything
        {"{\"card\":\"4111111111111111\"}", NULL},        // the program's own card format decides
        {"{\"name\":{\"given\":\"4111111111111111\"}}", "/name/given"},
        {"{\"name\":{\"middle\":\"x\"}}", "/name/middle"},
        {"{\"name\":\"Ann\"}", "/name"},
        {"{\"country\":\"nl\"}", "/country"},
        {"{\"language\":\"Dutch\"}", "/language"},
        {"{\"timezone\":\"no zone\"}", "/timezone"},
        {"{\"gender\":\"Very Free Text\"}", "/gender"},
        {"{\"birth_date\":\"1990-02-30\"}", "/birth_date"},
        {"{\"birth_date\":\"2026-01-02\"}", "/birth_date"},
        {"{\"birth_date\":\"2026-01-01\"}", NULL},
        {"{\"birth_date\":\"1899-12-31\"}", "/birth_date"},
        {"{\"tags\":[\"ok\",\"Not Ok\"]}", "/tags/1"},
        {"{\"tags\":{}}", "/tags"},
        {"{\"attributes\":{\"a\":{}}}", "/attributes/a"},
        {"{\"attributes\":{\"A\":1}}", "/attributes/A"},
        {"{\"attributes\":{\"note\":\"my card 4111111111111111\"}}", "/attributes/note"},
        {"{\"attributes\":{\"a\":1,\"b\":1.5,\"c\":true,\"d\":\"x\"}}", NULL},
        {"{\"consents\":[{\"purpose\":\"marketing\",\"channel\":\"email\"}]}",
         "/consents/0/granted"},
        {"{\"consents\":[{\"purpose\":\"service\",\"channel\":\"email\",\"granted\":true}]}",
         "/consents/0/purpose"},
        {"{\"consents\":[{\"purpose\":\"marketing\",\"channel\":\"pigeon\",\"granted\":true}]}",
         "/consents/0/channel"},
        {"{\"consents\":[{\"purpose\":\"marketing\",\"channel\":\"sms\",\"granted\":true,\"x\":1}]"
         "}",
         "/consents/0/x"},
        {"{\"consents\":{}}", "/consents"},
    };
    for (size_t i = 0; i < ARRAY_N(TABLE); i++) {
        struct fail f;
        struct member_profile profile;
        const enum err err = read(TABLE[i].json, &f, &profile);
        if ((err == ERR_OK) != (TABLE[i].pointer == NULL)) {
            print_error("%s\n", TABLE[i].json);
        }
        assert_int_equal(err == ERR_OK, TABLE[i].pointer == NULL);
        if (err != ERR_OK) {
            assert_true(str_eq(f.items[0].pointer, str_c(TABLE[i].pointer)));
        }
    }
}

/* "PREFIX0":VALUE,… */
static void put_attributes(struct buf *buf, const char *prefix, int n, const char *value)
{
    for (int i = 0; i < n; i++) {
        buf_printf(buf, "%s\"%s%d\":%s", buf->n > 0 && buf->p[buf->n - 1] != '{' ? "," : "", prefix,
                   i, value);
    }
}

static enum err change_attributes(const struct member_profile *base, int new_n, int gone_n,
                                  struct member_profile *out)
{
    struct buf buf;
    struct fail f = {.arena = &arena};
    const struct json *json = NULL;
    buf_open(&buf, &arena, 1 << 20);
    buf_str(&buf, STR("{\"attributes\":{"));
    put_attributes(&buf, "new", new_n, "2");
    put_attributes(&buf, "old", gone_n, "null");
    buf_str(&buf, STR("}}"));
    assert_int_equal(json_read(&arena, buf_view(&buf), &f, &json), ERR_OK);
    return profile_read(&arena, json, base, NULL, NOW, &f, out);
}

static void a_hundred_attributes_may_be_exchanged_at_once_and_no_more(void **state)
{
    (void)state;
    struct fail f;
    struct buf buf;
    struct member_profile base;
    struct member_profile is;
    buf_open(&buf, &arena, 1 << 20);
    buf_str(&buf, STR("{\"attributes\":{"));
    put_attributes(&buf, "old", 100, "1");
    buf_str(&buf, STR("}}"));
    assert_int_equal(read(str_z(&arena, buf_view(&buf)), &f, &base), ERR_OK);
    assert_int_equal(change_attributes(&base, 100, 100, &is), ERR_OK);
    assert_int_equal(json_object_size(is.attributes), 100);
    assert_int_equal(json_integer_value(json_at(is.attributes, "new99")), 2);
    assert_null(json_at(is.attributes, "old0"));
    assert_int_equal(json_object_size(base.attributes), 100); // the original is left alone
    assert_int_equal(change_attributes(&base, 100, 99, &is), ERR_INVALID);
    assert_int_equal(change_attributes(&base, 101, 100, &is), ERR_INVALID);
    assert_int_equal(change_attributes(&base, 20000, 100, &is), ERR_INVALID);
    assert_int_equal(change_attributes(NULL, 100, 5, &is), ERR_OK);
    assert_int_equal(change_attributes(NULL, 101, 0, &is), ERR_INVALID);
}

static void a_consent_withdrawn_keeps_its_line_and_takes_a_new_instant(void **state)
{
    (void)state;
    struct fail f;
    struct member_profile before;
    struct member_profile after;
    const struct json *json = NULL;
    assert_int_equal(
        read("{\"consents\":[{\"purpose\":\"marketing\",\"channel\":\"email\",\"granted\":true}]}",
             &f, &before),
        ERR_OK);
    assert_int_equal(json_read(&arena,
                               STR("{\"consents\":[{\"purpose\":\"marketing\",\"channel\":"
                                   "\"email\",\"granted\":false}]}"),
                               &f, &json),
                     ERR_OK);
    assert_int_equal(profile_read(&arena, json, &before, NULL, NOW + 5, &f, &after), ERR_OK);
    assert_int_equal(after.consents_n, 1);
    assert_false(after.consents[0].is_granted);
    assert_int_equal(after.consents[0].at, NOW + 5);
    assert_true(before.consents[0].is_granted); // the original is left alone
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payment_cards_are_known_from_other_numbers),
        cmocka_unit_test(bad_fields_are_refused_with_their_pointers),
        cmocka_unit_test(a_hundred_attributes_may_be_exchanged_at_once_and_no_more),
        cmocka_unit_test(a_consent_withdrawn_keeps_its_line_and_takes_a_new_instant),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
