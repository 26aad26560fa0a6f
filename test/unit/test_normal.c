/* Normal forms: one person is found however the value is spelled. */
#include "base/base.h"

#include "vault/normal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct arena arena;

static int arena_setup(void **state)
{
    (void)state;
    arena_open(&arena, (size_t)64 * 1024 * 1024);
    return 0;
}

static int arena_teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static void email_is(const char *value, const char *expected)
{
    struct str out = {0};
    const bool is_email = normal_email(&arena, str_c(value), &out);
    if (expected == NULL) {
        assert_false(is_email);
        return;
    }
    assert_true(is_email);
    assert_string_equal(str_z(&arena, out), expected);
}

static void an_email_is_found_in_any_spelling(void **state)
{
    (void)state;
    email_is(" Ann@EXAMPLE.org\t", "ann@example.org");
    email_is("ann@example.org", "ann@example.org");
    email_is("ANN.O'Neil+Shop@Mail.Example.ORG", "ann.o'neil+shop@mail.example.org");
    email_is("\xC3\x85sa@example.org", "\xC3\xA5sa@example.org");  // Å composed
    email_is("A\xCC\x8Asa@example.org", "\xC3\xA5sa@example.org"); // A and a ring
    email_is("ann@B\xC3\xBC"
             "cher.example",
             "ann@xn--bcher-kva.example");
    email_is("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example");
    email_is("ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example");
}

static void what_is_no_email_is_refused(void **state)
{
    (void)state;
    static const char *const VALUES[] = {"",
                                         "@",
                                         "ann",
                                         "ann@",
                                         "@example.org",
                                         "ann@@example.org",
                                         "a@b@example.org",
                                         "ann@example",
                                         "ann@example.",
                                         "ann@.org",
                                         "a nn@example.org",
                                         "ann@example.org\r\nBcc: eve@example.org",
                                         "ann@exa mple.org",
                                         "ann@-example.org",
                                         "ann@exam_ple.org",
                                         "ann@\xFF.org",
                                         "\x01@example.org",
                                         "ann@a..b.org"};
    for (size_t i = 0; i < ARRAY_N(VALUES); i++) {
        email_is(VALUES[i], NULL);
    }
    char longest[300];
    memset(longest, 'a', sizeof longest);
    memcpy(longest + 64, "@example.org", 13);
    email_is(longest, longest);
    memset(longest, 'a', sizeof longest);
    memcpy(longest + 65, "@example.org", 13);
    email_is(longest, NULL);
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = 0;
    email_is(longest, NULL);
}

static void phone_is(const char *value, const char *expected)
{
    struct str out = {0};
    const bool is_phone = normal_phone(&arena, str_c(value), &out);
    if (expected == NULL) {
        assert_false(is_phone);
        return;
    }
    assert_true(is_phone);
    assert_string_equal(str_z(&arena, out), expected);
}

static void a_phone_is_found_in_any_spelling(void **state)
{
    (void)state;
    phone_is("+48 601-234.567", "+48601234567");
    phone_is("0048601234567", "+48601234567");
    phone_is(" +48 (601) 234/567 ", "+48601234567");
    phone_is("+1234567", "+1234567");
    phone_is("+123456789012345", "+123456789012345");
}

static void what_is_no_phone_is_refused(void **state)
{
    (void)state;
    static const char *const VALUES[] = {"",
                                         "+",
                                         "601234567",
                                         "+123456",
                                         "+1234567890123456",
                                         "+0601234567",
                                         "+48601234567x1",
                                         "++48601234567",
                                         "+48 601 234 567;",
                                         "000601234567"};
    for (size_t i = 0; i < ARRAY_N(VALUES); i++) {
        phone_is(VALUES[i], NULL);
    }
    struct str out = {0};
    assert_false(normal_phone(&arena,
                              (struct str){.p = "+4860\0"
                                                "1234567",
                                           .n = 13},
                              &out));
}

static void a_card_is_trimmed_and_an_external_id_is_not(void **state)
{
    (void)state;
    struct str out = {0};
    assert_true(normal_card(&arena, STR("  Ab 12 \n"), &out));
    assert_true(str_eq(out, STR("Ab 12")));
    assert_false(normal_card(&arena, STR("  "), &out));
    assert_false(normal_card(&arena, STR("a\tb"), &out));
    assert_true(normal_external_id(STR(" x "), &out));
    assert_true(str_eq(out, STR(" x ")));
    assert_false(normal_external_id(STR(""), &out));
    assert_false(normal_external_id(STR("\xC3\x28"), &out));
}

static void name_is(const char *value, const char *expected)
{
    struct str words[NORMAL_WORDS_MAX];
    size_t n = 0;
    assert_true(normal_name(&arena, str_c(value), words, &n));
    char joined[512] = "";
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        at += (size_t)snprintf(joined + at, sizeof joined - at, "%s%.*s", i ? "|" : "",
                               STR_ARG(words[i]));
    }
    assert_string_equal(joined, expected);
}

static void a_name_is_its_words_without_case_and_accents(void **state)
{
    (void)state;
    name_is("\xC5\x81ukasz  S\xC3\x98RENSEN-Gro\xC3\x9F", "lukasz|sorensen|gross");
    name_is("Jos\xC3\xA9 Garc\xC3\xAD"
            "a",
            "jose|garcia");
    name_is("Jose\xCC\x81 GARCIA", "jose|garcia");
    name_is("O'Brien O\xE2\x80\x99"
            "Brien",
            "obrien");
    name_is("  ,.;  ", "");
    name_is("", "");
    name_is("Ng\xE1\xBB\x8D"
            "c Tr\xE1\xBA\xA7n",
            "ngoc|tran");
    name_is("\xEA\xB9\x80\xEB\xAF\xBC\xEC\xA4\x80",
            "\xEA\xB9\x80\xEB\xAF\xBC\xEC\xA4\x80");        // Korean stays whole
    name_is("\xEF\xBC\xA1\xEF\xBD\x8E\xEF\xBD\x8E", "ann"); // full width
    name_is("a b c d e f g h i j k l m n o p q r", "a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p");
}

static void a_name_that_is_no_text_is_refused(void **state)
{
    (void)state;
    struct str words[NORMAL_WORDS_MAX];
    size_t n = 0;
    char longest[NORMAL_BYTES_MAX + 2];
    memset(longest, 'a', sizeof longest);
    assert_false(normal_name(&arena, STR("\xFF"), words, &n));
    assert_true(normal_name(&arena, (struct str){.p = longest, .n = NORMAL_BYTES_MAX}, words, &n));
    assert_false(
        normal_name(&arena, (struct str){.p = longest, .n = NORMAL_BYTES_MAX + 1}, words, &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_email_is_found_in_any_spelling),
        cmocka_unit_test(what_is_no_email_is_refused),
        cmocka_unit_test(a_phone_is_found_in_any_spelling),
        cmocka_unit_test(what_is_no_phone_is_refused),
        cmocka_unit_test(a_card_is_trimmed_and_an_external_id_is_not),
        cmocka_unit_test(a_name_is_its_words_without_case_and_accents),
        cmocka_unit_test(a_name_that_is_no_text_is_refused),
    };
    return cmocka_run_group_tests_name("normal", tests, arena_setup, arena_teardown);
}
