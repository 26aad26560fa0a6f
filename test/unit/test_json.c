/* Reading, finding, building and writing JSON. */
#include "base/base.h"
#include "base/json.h"

#include <math.h>
#include <setjmp.h>
#include <cmocka.h>

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_open(&arena, (size_t)256 * 1024 * 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static const struct json *read_str(struct str text)
{
    const struct json *json = NULL;
    struct fail f = {.arena = &arena};
    if (json_read(&arena, text, &f, &json) != ERR_OK) {
        fail_msg("%.*s: %s", STR_ARG(text), f.items[0].detail.p);
    }
    return json;
}

static const struct json *json_of(const char *text)
{
    return read_str(str_c(text));
}

static const char *canonical(const struct json *json)
{
    struct buf buf;
    buf_open(&buf, &arena, 1 << 24);
    json_write_canonical(&buf, json);
    assert_false(buf.is_full);
    return str_z(&arena, buf_view(&buf));
}

/* "code: detail" of a text that is refused, "" of one that is read. */
static const char *fault(struct str text)
{
    const struct json *json = NULL;
    struct fail f = {.arena = &arena};
    const enum err err = json_read(&arena, text, &f, &json);
    assert_true((err == ERR_OK) == (json != NULL));
    return err == ERR_OK ? "" : str_fmt(&arena, "%s: %s", err_code(err), f.items[0].detail.p).p;
}

static bool is_read(struct str text)
{
    const struct json *json = NULL;
    return json_read(&arena, text, NULL, &json) == ERR_OK;
}

/* ---- what is read ---- */

static void values_are_read_as_they_stand(void **state)
{
    (void)state;
    const struct json *json = json_of(" {\"a\" : [ 1 ,-2.5,true , false,null],\r\n"
                                      "\t\"b\":{} ,\"c\":\"\", \"d\": []} ");
    const struct json *list = json_at(json, "a");
    assert_int_equal(json_object_size(json), 4);
    assert_int_equal(json_array_size(list), 5);
    assert_int_equal(json_integer_value(json_array_get(list, 0)), 1);
    assert_true(json_number_value(json_array_get(list, 1)) == -2.5);
    assert_true(json_is_true(json_array_get(list, 2)));
    assert_true(json_is_false(json_array_get(list, 3)));
    assert_true(json_is_null(json_array_get(list, 4)));
    assert_null(json_array_get(list, 5));
    assert_true(json_is_object(json_at(json, "b")));
    assert_true(json_is_string(json_at(json, "c")));
    assert_int_equal(json_str(json_at(json, "c")).n, 0);
    assert_true(json_is_array(json_at(json, "d")));
    assert_null(json_at(json, "e"));
}

static void any_value_may_stand_at_the_top(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"1", "-0.5", "\"x\"", "true", "null", "false", "[]", "{}"};
    for (size_t i = 0; i < ARRAY_N(TEXTS); i++) {
        assert_string_equal(canonical(json_of(TEXTS[i])), TEXTS[i]);
    }
}

static void what_is_not_there_is_no_value(void **state)
{
    (void)state;
    const struct json *number = json_of("7");
    assert_null(json_at(NULL, "a"));
    assert_null(json_at(number, "a"));
    assert_null(json_array_get(number, 0));
    assert_int_equal(json_array_size(NULL), 0);
    assert_int_equal(json_object_size(number), 0);
    assert_int_equal(json_integer_value(NULL), 0);
    assert_null(json_str(number).p);
    assert_false(json_is_null(NULL));
}

static void whole_numbers_are_held_within_int64(void **state)
{
    (void)state;
    assert_true(json_integer_value(json_of("9223372036854775807")) == INT64_MAX);
    assert_true(json_integer_value(json_of("-9223372036854775808")) == INT64_MIN);
    assert_true(json_is_integer(json_of("-0")));
    assert_int_equal(json_integer_value(json_of("-0")), 0);
    static const char *const TOO_LARGE[] = {"9223372036854775808",  "-9223372036854775809",
                                            "9999999999999999999",  "18446744073709551616",
                                            "18446744073709551617", "100000000000000000000"};
    for (size_t i = 0; i < ARRAY_N(TOO_LARGE); i++) {
        assert_string_equal(fault(str_c(TOO_LARGE[i])),
                            "overflow: Line 1, column 1: this number is too large.");
    }
}

static void decimals_are_the_nearest_double(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {"0.1",
                                        "1.5",
                                        "-1.5",
                                        "1e-5",
                                        "1e16",
                                        "1e22",
                                        "1e23",
                                        "9.5e-22",
                                        "1e-23",
                                        "123456789012345.678",
                                        "1e-400",
                                        "2.2250738585072011e-308",
                                        "4.9e-324",
                                        "0.30000000000000004",
                                        "1.7976931348623157e308",
                                        "999999999999999e22",
                                        "999999999999999.9e-22",
                                        "0.000000000000000000000000000000000000001",
                                        "9007199254740993.0",
                                        "12345678901234567890123.5"};
    for (size_t i = 0; i < ARRAY_N(TEXTS); i++) {
        const struct json *json = json_of(TEXTS[i]);
        const double wanted = strtod(TEXTS[i], NULL);
        const double is = json_number_value(json);
        assert_true(json_is_real(json));
        assert_memory_equal(&is, &wanted, sizeof is);
    }
    assert_string_equal(fault(STR("[1e309]")),
                        "overflow: Line 1, column 2: this number is too large.");
    assert_string_equal(fault(STR("-1e99999999999999999999")),
                        "overflow: Line 1, column 1: this number is too large.");
}

static void a_whole_number_is_one_however_it_is_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t whole;
    } CASES[] = {{"1000.0", 1000},
                 {"1e3", 1000},
                 {"1E+3", 1000},
                 {"-1e3", -1000},
                 {"1.5e1", 15},
                 {"0.1e1", 1},
                 {"1000e-3", 1},
                 {"10.00e-1", 1},
                 {"-0.0", 0},
                 {"0.000", 0},
                 {"0e999999999999999999999", 0},
                 {"0.0e-999999999999999999999", 0},
                 {"9007199254740991.0", INT64_C(9007199254740991)},
                 {"-9007199254740991.000", -INT64_C(9007199254740991)},
                 {"9007199254740.991e3", INT64_C(9007199254740991)},
                 {"9007199254740991000000000000000e-15", INT64_C(9007199254740991)},
                 {"0.00000000000000000000000000000000000000042e41", 42}};
    for (size_t i = 0; i < ARRAY_N(CASES); i++) {
        const struct json *json = json_of(CASES[i].text);
        assert_true(json_is_integer(json));
        assert_true(json_integer_value(json) == CASES[i].whole);
    }
    static const char *const REALS[] = {"9007199254740992.0",
                                        "9007199254740993.0",
                                        "-9007199254740993.0",
                                        "9.007199254740993e15",
                                        "18446744073709551617.0", // 1 in 64 bits
                                        "1e300",
                                        "1.5",
                                        "1e-1",
                                        "15e-1",
                                        "1.00000000000000000000000000000001",
                                        "0.99999999999999999999999999999999",
                                        "1e-999999999999999999999"};
    for (size_t i = 0; i < ARRAY_N(REALS); i++) {
        assert_true(json_is_real(json_of(REALS[i])));
    }
}

/* Many zeros that the exponent takes back, beyond a million of them. */
static void a_whole_number_is_one_however_long_it_is(void **state)
{
    (void)state;
    enum { ZEROS = 2000000 };
    char zeros[16];
    (void)snprintf(zeros, sizeof zeros, "%d", ZEROS);
    char *text = arena_bytes(&arena, ZEROS + 64);
    memset(text, '0', ZEROS + 64);
    (void)snprintf(text + 1 + ZEROS, 32, "e-%s", zeros);
    text[0] = '7';
    assert_int_equal(json_integer_value(json_of(text)), 7);
    memset(text, '0', ZEROS + 64);
    (void)snprintf(text + 1 + ZEROS, 32, "7e%s", zeros);
    text[1] = '.';
    assert_int_equal(json_integer_value(json_of(text)), 7);
}

static void random_decimals_are_the_nearest_double(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < 200000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        char text[64];
        const int digits = 1 + (int)(random % 17);
        const int64_t mantissa = (int64_t)(random >> 8) % (int64_t)1000000000000000;
        (void)snprintf(text, sizeof text, "%" PRId64 ".%0*de%d", mantissa >> (random & 31), digits,
                       (int)(random >> 40) % 1000000000, (int)(random >> 20) % 61 - 30);
        const double wanted = strtod(text, NULL);
        const double is = json_number_value(json_of(text));
        assert_memory_equal(&is, &wanted, sizeof is);
        if (i % 1000 == 0) {
            arena_reset(&arena);
        }
    }
}

static void escapes_stand_for_their_characters(void **state)
{
    (void)state;
    const struct str text =
        json_str(json_of("\"\\\"\\\\\\/\\b\\f\\n\\r\\t \\u0041\\u00e9\\u20AC\\ud83d\\uDE00\\uffff"
                         "-\\u007f\\u0080\\u07ff\\u0800\""));
    assert_string_equal(text.p, "\"\\/\b\f\n\r\t A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xEF\xBF\xBF"
                                "-\x7f\xC2\x80\xDF\xBF\xE0\xA0\x80");
    assert_int_equal(text.n, strlen(text.p));
    assert_int_equal(json_integer_value(json_at(json_of("{\"\\u0061\\n\":5}"), "a\n")), 5);
}

/* Whatever stands at whatever distance from the eight bytes that are looked at together. */
static void texts_of_every_length_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *written, *meant;
    } PARTS[] = {{"", ""}, {"\\n", "\n"}, {"\xC3\xA9", "\xC3\xA9"}, {"\\u00e9", "\xC3\xA9"}};
    for (int n = 0; n < 40; n++) {
        for (int at = 0; at <= n; at++) {
            for (size_t p = 0; p < ARRAY_N(PARTS); p++) {
                char plain[64];
                memset(plain, 'x', sizeof plain);
                const struct str text =
                    str_fmt(&arena, "\"%.*s%s%.*s\"", at, plain, PARTS[p].written, n - at, plain);
                const struct str wanted =
                    str_fmt(&arena, "%.*s%s%.*s", at, plain, PARTS[p].meant, n - at, plain);
                const struct str is = json_str(read_str(text));
                assert_true(str_eq(is, wanted));
                assert_int_equal(is.p[is.n], 0);
                for (size_t cut = 0; cut < text.n; cut++) {
                    assert_false(is_read((struct str){.p = text.p, .n = cut}));
                }
            }
        }
        arena_reset(&arena);
    }
}

static void a_value_keeps_nothing_of_the_text(void **state)
{
    (void)state;
    char text[] = "{\"name\":[\"value\",{\"in\":\"side\"}],\"escaped\":\"\\u0041\"}";
    const struct json *json = json_of(text);
    memset(text, '#', sizeof text - 1);
    assert_string_equal(canonical(json),
                        "{\"escaped\":\"A\",\"name\":[\"value\",{\"in\":\"side\"}]}");
}

/* ---- what is refused ---- */

static void every_refusal_says_what_and_where(void **state)
{
    (void)state;
    static const struct {
        const char *text, *fault;
    } CASES[] = {
        {"", "1, column 1: the text ends where a value is expected."},
        {" \n ", "2, column 2: the text ends where a value is expected."},
        {"{", "1, column 2: the text ends where a name in quotes is expected."},
        {"[1", "1, column 3: the text ends where a comma or ] is expected."},
        {"[1,", "1, column 4: the text ends where a value is expected."},
        {"{\"a\":1", "1, column 7: the text ends where a comma or } is expected."},
        {"{\"a\"", "1, column 5: the text ends where a colon is expected."},
        {"\"abc", "1, column 5: the text ends where the quote that closes a text is expected."},
        {"[1,]", "1, column 4: a value is expected."},
        {"[,1]", "1, column 2: a value is expected."},
        {"[1 2]", "1, column 4: a comma or ] is expected."},
        {"[1}", "1, column 3: a comma or ] is expected."},
        {"{\"a\":1,}", "1, column 8: a name in quotes is expected."},
        {"{a:1}", "1, column 2: a name in quotes is expected."},
        {"{1:1}", "1, column 2: a name in quotes is expected."},
        {"{\"a\" 1}", "1, column 6: a colon is expected."},
        {"{\"a\":}", "1, column 6: a value is expected."},
        {"{\"a\":1]", "1, column 7: a comma or } is expected."},
        {"{}{}", "1, column 3: nothing may follow the value."},
        {"[] x", "1, column 4: nothing may follow the value."},
        {"1 2", "1, column 3: nothing may follow the value."},
        {"]", "1, column 1: a value is expected."},
        {"True", "1, column 1: a value is expected."},
        {"tru", "1, column 1: a value is expected."},
        {"nul", "1, column 1: a value is expected."},
        {"truex", "1, column 5: nothing may follow the value."},
        {"NaN", "1, column 1: a value is expected."},
        {"-Infinity", "1, column 1: a digit is expected behind the minus."},
        {"'a'", "1, column 1: a value is expected."},
        {"// 1\n1", "1, column 1: a value is expected."},
        {"\xEF\xBB\xBF{}", "1, column 1: a value is expected."},
        {"\xC2\xA0{}", "1, column 1: a value is expected."},
        {"\f1", "1, column 1: a value is expected."},
        {"+1", "1, column 1: a value is expected."},
        {".5", "1, column 1: a value is expected."},
        {"-", "1, column 1: a digit is expected behind the minus."},
        {"-x", "1, column 1: a digit is expected behind the minus."},
        {"01", "1, column 1: a number does not begin with 0."},
        {"-012.5", "1, column 1: a number does not begin with 0."},
        {"1.", "1, column 3: a digit is expected behind the point."},
        {"1.e5", "1, column 3: a digit is expected behind the point."},
        {"[1e]", "1, column 2: the exponent of this number has no digits."},
        {"1e+", "1, column 1: the exponent of this number has no digits."},
        {"1.5E-x", "1, column 1: the exponent of this number has no digits."},
        {"0x10", "1, column 2: nothing may follow the value."},
        {"1.2.3", "1, column 4: nothing may follow the value."},
        {"\"\\x\"", "1, column 2: there is no such escape."},
        {"\"\\", "1, column 2: there is no such escape."},
        {"\"\\u12\"", "1, column 2: four hexadecimal digits belong behind \\u."},
        {"\"\\u12G4\"", "1, column 2: four hexadecimal digits belong behind \\u."},
        {"\"\\u", "1, column 2: four hexadecimal digits belong behind \\u."},
        {"\"a\\u0000\"", "1, column 3: a text cannot hold a NUL."},
        {"{\"\\u0000\":1}", "1, column 3: a text cannot hold a NUL."},
        {"\"\\ud800\"", "1, column 2: this is half of a surrogate pair."},
        {"\"\\ud800x\"", "1, column 2: this is half of a surrogate pair."},
        {"\"\\ud800\\n\"", "1, column 2: this is half of a surrogate pair."},
        {"\"\\ud800\\ud800\"", "1, column 2: this is half of a surrogate pair."},
        {"\"\\ud800\\u0041\"", "1, column 2: this is half of a surrogate pair."},
        {"\"\\udc00\\ud800\"", "1, column 2: this is half of a surrogate pair."},
        {"\"a\nb\"", "1, column 3: a control character must be escaped."},
        {"\"\x1f\"", "1, column 2: a control character must be escaped."},
        {"\"\x80\"", "1, column 2: this is not UTF-8."},
        {"\"\xC3\"", "1, column 2: this is not UTF-8."},
        {"{\n \"\xC3\xA9\": \"\xC3\xA9\xFF\"}", "2, column 9: this is not UTF-8."},
        {"{\"a\":1,\"b\":2,\"a\":3}", "1, column 14: this name stands twice in its object."},
        {"[{\"a\":1,\n\"\\u0061\":3}]", "2, column 1: this name stands twice in its object."},
        {"{\"\":1,\"\":1}", "1, column 7: this name stands twice in its object."},
    };
    for (size_t i = 0; i < ARRAY_N(CASES); i++) {
        const struct str wanted = str_fmt(&arena, "not_json: Line %s", CASES[i].fault);
        assert_string_equal(fault(str_c(CASES[i].text)), wanted.p);
    }
    assert_string_equal(fault((struct str){.p = "", .n = (size_t)JSON_BYTES_MAX + 1}),
                        "too_large: The text has more than 1073741824 bytes: send less at once.");
    assert_string_equal(fault((struct str){0}),
                        "not_json: Line 1, column 1: the text ends where a value is expected.");
}

static void a_nul_is_refused_wherever_it_stands(void **state)
{
    (void)state;
    static const char TEXT[] = "{ \"ab\" : [ 12.5e1 , true ] }";
    for (size_t at = 0; at <= sizeof TEXT - 1; at++) {
        char text[sizeof TEXT + 1];
        memcpy(text, TEXT, at);
        text[at] = 0;
        memcpy(text + at + 1, TEXT + at, sizeof TEXT - 1 - at);
        assert_false(is_read((struct str){.p = text, .n = sizeof TEXT}));
    }
    assert_true(is_read((struct str){.p = TEXT, .n = sizeof TEXT - 1}));
}

/* Texts hold the UTF-8 that str_is_utf8() knows, and nothing else. */
static void malformed_utf8_is_refused(void **state)
{
    (void)state;
    static const unsigned char TAILS[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90,
                                          0x9F, 0xA0, 0xBF, 0xC0, 0xED, 0xFF};
    for (int first = 0x80; first < 0x100; first++) {
        for (size_t i = 0; i < ARRAY_N(TAILS) * ARRAY_N(TAILS) * ARRAY_N(TAILS); i++) {
            const char text[] = {'"',
                                 (char)first,
                                 (char)TAILS[i % ARRAY_N(TAILS)],
                                 (char)TAILS[i / ARRAY_N(TAILS) % ARRAY_N(TAILS)],
                                 (char)TAILS[i / ARRAY_N(TAILS) / ARRAY_N(TAILS)],
                                 '"'};
            const struct str whole = {.p = text, .n = sizeof text};
            assert_int_equal(is_read(whole), str_is_utf8(whole));
        }
        arena_reset(&arena);
    }
}

static void every_part_of_a_document_is_no_document(void **state)
{
    (void)state;
    const struct str text =
        STR("{\"specversion\":\"1.0\",\"data\":{\"amount\":1250,\"lines\":[{\"id\":\"1\",\"q\":"
            "\"0.5\"},{\"t\":true,\"n\":null,\"r\":-1.5e-3}],\"name\":\"Zo\\u00eb \xC3\xAB\"}}");
    assert_true(is_read(text));
    for (size_t n = 0; n < text.n; n++) {
        assert_false(is_read((struct str){.p = text.p, .n = n}));
    }
}

static void thirty_two_levels_are_read_and_no_more(void **state)
{
    (void)state;
    char text[JSON_DEPTH_MAX * 6 + 8];
    for (int depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX + 1; depth++) {
        size_t n = 0;
        for (int i = 0; i < depth; i++) {
            n += (size_t)snprintf(text + n, sizeof text - n, i % 2 ? "{\"a\":" : "[");
        }
        text[n++] = '1';
        for (int i = depth - 1; i >= 0; i--) {
            text[n++] = i % 2 ? '}' : ']';
        }
        assert_int_equal(is_read((struct str){.p = text, .n = n}), depth <= JSON_DEPTH_MAX);
    }
    memset(text, '[', sizeof text);
    assert_string_equal(fault((struct str){.p = text, .n = sizeof text}),
                        "not_json: Line 1, column 33: nested deeper than 32 levels: flatten the "
                        "document.");
    char flat[202];
    for (size_t i = 0; i < sizeof flat; i++) { // brackets that close again do not add up
        flat[i] = i == 0 ? '[' : i == sizeof flat - 1 ? ']' : "[],"[(i - 1) % 3];
    }
    assert_true(is_read((struct str){.p = flat, .n = sizeof flat}));
}

/* A caller's text is limited in bytes; what it can make the reader take must be too. */
static void a_hostile_text_takes_at_most_42_times_its_bytes(void **state)
{
    (void)state;
    static const char *const ITEMS[] = {"1,",    "{},",       "[],",  "[1],",    "[[1]],",
                                        "\"\",", "{\"\":1},", "1.5,", "[1,[1]],"};
    for (size_t i = 0; i < ARRAY_N(ITEMS); i++) {
        for (size_t n = 65000; n < 66000; n += 536) { // just below and above 2^16 items
            struct arena own;
            struct buf text;
            const struct json *json = NULL;
            buf_open(&text, &arena, 1 << 20);
            buf_char(&text, '[');
            for (size_t k = 0; k < n; k++) {
                buf_str(&text, str_c(ITEMS[i]));
            }
            buf_str(&text, STR("1]"));
            arena_open(&own, (size_t)256 * 1024 * 1024);
            assert_int_equal(json_read(&own, buf_view(&text), NULL, &json), ERR_OK);
            assert_true(own.used <= text.n * 42);
            arena_close(&own);
            arena_reset(&arena);
        }
    }
}

/* ---- large objects ---- */

/* Names in an order that is neither sorted nor random: "k7", "k14", … */
static struct str large_object(int n, int twice)
{
    struct buf buf;
    buf_open(&buf, &arena, (size_t)64 << 20);
    buf_char(&buf, '{');
    for (int i = 0; i < n; i++) {
        const int64_t name = (int64_t)(i == twice ? i / 2 : i) * 7919 % n;
        buf_printf(&buf, "%s\"a name of some length %" PRId64 "\":%d", i > 0 ? "," : "", name, i);
    }
    buf_char(&buf, '}');
    return buf_view(&buf);
}

static void every_name_of_a_large_object_is_found(void **state)
{
    (void)state;
    static const int SIZES[] = {1, 15, 16, 17, 18, 100, 100000};
    for (size_t s = 0; s < ARRAY_N(SIZES); s++) {
        const int n = SIZES[s];
        const struct json *json = read_str(large_object(n, -1));
        assert_int_equal(json_object_size(json), n);
        struct str name = {0};
        const struct json *value = NULL;
        int64_t i = 0;
        json_object_foreach(json, name, value)
        {
            assert_int_equal(json_integer_value(value), i++); // the order of the text
            assert_ptr_equal(json_find(json, name), value);
        }
        assert_int_equal(i, n);
        assert_null(json_at(json, ""));
        assert_null(json_at(json, "a name of some length"));
        assert_null(json_at(json, "a name of some length 00"));
        assert_null(json_at(json, "z"));
        arena_reset(&arena);
    }
}

static void a_name_that_stands_twice_in_a_large_object_is_refused(void **state)
{
    (void)state;
    static const int SIZES[] = {2, 16, 17, 100, 100000};
    for (size_t s = 0; s < ARRAY_N(SIZES); s++) {
        const char *is = fault(large_object(SIZES[s], SIZES[s] - 1));
        assert_non_null(strstr(is, "this name stands twice in its object."));
        arena_reset(&arena);
    }
}

static void names_are_written_in_their_order(void **state)
{
    (void)state;
    assert_string_equal(canonical(json_of("{\"b\":1,\"\":2,\"aa\":3,\"a\":4,\"\xC3\xA9\":5}")),
                        "{\"\":2,\"a\":4,\"aa\":3,\"b\":1,\"\xC3\xA9\":5}");
    struct buf wanted;
    struct buf text;
    buf_open(&wanted, &arena, 4096);
    buf_open(&text, &arena, 4096);
    for (int i = 0; i < 60; i++) {
        buf_printf(&wanted, "%s\"%02d\":%d", i > 0 ? "," : "{", i, i);
        buf_printf(&text, "%s\"%02d\":%d", i > 0 ? "," : "{", 59 - i, 59 - i);
    }
    buf_char(&wanted, '}');
    buf_char(&text, '}');
    assert_string_equal(canonical(read_str(buf_view(&text))), str_z(&arena, buf_view(&wanted)));
}

/* Names that begin alike, that are others' beginnings, and of bytes on both sides of 0x80. */
static void many_names_are_ordered_as_bytes(void **state)
{
    (void)state;
    static const char *const PARTS[] = {"a",       "b", "aaaa", "\xC3\xA9", "\xEF\xBF\xBF",
                                        "\\u0001", "-"};
    uint32_t random = 7;
    for (int round = 0; round < 50; round++) {
        struct buf text;
        buf_open(&text, &arena, 1 << 20);
        for (int i = 0; i < 300; i++) {
            buf_str(&text, i == 0 ? STR("{\"") : STR(",\""));
            for (int n = i % 7 + 1; n > 0; n--) {
                random = random * 1664525u + 1013904223u;
                buf_str(&text, str_c(PARTS[(random >> 16) % ARRAY_N(PARTS)]));
            }
            buf_printf(&text, "%d\":%d", i * 7919 % 300, i); // so that none stands twice
        }
        buf_char(&text, '}');
        const struct json *json = read_str(buf_view(&text));
        struct str name = {0};
        struct str before = {0};
        const struct json *value = NULL;
        json_object_foreach(json_of(canonical(json)), name, value)
        {
            assert_true(str_cmp(before, name) < 0 || before.p == NULL);
            assert_true(json_is_same(json_find(json, name), value));
            before = name;
        }
        assert_int_equal(json_object_size(json), 300);
        arena_reset(&arena);
    }
}

/* ---- comparing, building, writing ---- */

static void values_are_the_same_whatever_their_order(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool are_same;
    } CASES[] = {
        {"{\"a\":1,\"b\":[true,null]}", "{\"b\":[true,null],\"a\":1}", true},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {"{\"a\":1}", "{\"b\":1}", false},
        {"[1,2]", "[2,1]", false},
        {"[1]", "[1,2]", false},
        {"1", "1.0", true},
        {"1", "1.00000000000000000000000000000001", true}, // the same double
        {"1", "1.5", false},
        {"9007199254740993", "9007199254740993.0", false}, // beyond what a double holds
        {"9007199254740992", "9007199254740992.0", true},
        {"9223372036854775807", "9223372036854775807.0", false},
        {"1.5", "15e-1", true},
        {"\"a\"", "\"\\u0061\"", true},
        {"\"a\"", "\"b\"", false},
        {"null", "false", false},
    };
    for (size_t i = 0; i < ARRAY_N(CASES); i++) {
        assert_int_equal(json_is_same(json_of(CASES[i].a), json_of(CASES[i].b)), CASES[i].are_same);
    }
    assert_false(json_is_same(json_of("null"), NULL));
}

static void what_is_built_has_what_was_set(void **state)
{
    (void)state;
    struct json *list = json_array_new(&arena);
    struct json *object = json_object_new(&arena);
    for (int i = 0; i < 20; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", i);
        json_append(&arena, list, json_of(name));
        json_set_int(&arena, object, str_fmt(&arena, "n%d", i % 10).p, i);
    }
    json_set(&arena, object, "list", list);
    json_set_text(&arena, object, "text", STR("x\"y"));
    json_remove(object, STR("n3"));
    json_remove(object, STR("n33"));
    for (int i = 4; i < 9; i++) {
        json_remove(object, str_fmt(&arena, "n%d", i));
    }
    assert_string_equal(canonical(object),
                        "{\"list\":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19],"
                        "\"n0\":10,\"n1\":11,\"n2\":12,\"n9\":19,\"text\":\"x\\\"y\"}");
    assert_string_equal(canonical(json_object_of(&arena, "var", json_text_new(&arena, STR("a")))),
                        "{\"var\":\"a\"}");
}

static void a_copy_leaves_the_original_alone(void **state)
{
    (void)state;
    static const int SIZES[] = {1, 2, 3, 4, 5, 15, 16, 17, 40};
    for (size_t s = 0; s < ARRAY_N(SIZES); s++) {
        const struct json *json = read_str(large_object(SIZES[s], -1));
        const char *before = canonical(json);
        struct json *copy = json_object_copy(&arena, json);
        assert_true(json_is_same(json, copy));
        json_set_int(&arena, copy, "a name of some length 0", -1);
        json_set_int(&arena, copy, "more", 1);
        json_set_int(&arena, copy, "and more", 1);
        json_remove(copy, STR("more"));
        assert_string_equal(canonical(json), before);
        assert_int_equal(json_object_size(copy), SIZES[s] + 1);
        assert_int_equal(json_integer_value(json_at(copy, "a name of some length 0")), -1);
    }
    struct json *empty = json_object_copy(&arena, json_of("{}"));
    json_set_int(&arena, empty, "a", 1);
    assert_string_equal(canonical(empty), "{\"a\":1}");
}

static void numbers_are_written_in_their_shortest_form(void **state)
{
    (void)state;
    assert_string_equal(
        canonical(
            json_of("[1.0,-0.0,0.1,1e2,1e300,-9223372036854775808,1.5e-7,0.30000000000000004]")),
        "[1,0,0.1,100,1e+300,-9223372036854775808,1.5e-07,0.30000000000000004]");
}

/* Fewest digits first, as it is meant. */
static void shortest(double value, char text[32])
{
    for (int digits = 1; digits <= 17; digits++) {
        (void)snprintf(text, 32, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            return;
        }
    }
}

static void a_real_is_written_in_the_shortest_text_that_reads_back(void **state)
{
    uint64_t random = 88172645463325252u;
    size_t compared_n = 0;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        char wanted[32];
        double value = 0;
        random ^= random << 13; // xorshift64 (Marsaglia)
        random ^= random >> 7;
        random ^= random << 17;
        if (i % 2 == 0) { // what people send
            value = (double)(random >> 40) / (i % 3 == 0 ? 1000.0 : 7.0);
        } else { // any bits, subnormal ones too
            const uint64_t bits = i % 4 == 1 ? random >> 12 : random;
            memcpy(&value, &bits, sizeof value);
        }
        if (!isfinite(value) || (value == floor(value) && fabs(value) < 9007199254740992.0)) {
            continue; // whole numbers are written as such
        }
        shortest(value, wanted);
        assert_string_equal(canonical(json_of(wanted)), wanted);
        compared_n++;
        arena_reset(&arena);
    }
    assert_true(compared_n > 150000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_real_is_written_in_the_shortest_text_that_reads_back),
        cmocka_unit_test(values_are_read_as_they_stand),
        cmocka_unit_test(any_value_may_stand_at_the_top),
        cmocka_unit_test(what_is_not_there_is_no_value),
        cmocka_unit_test(whole_numbers_are_held_within_int64),
        cmocka_unit_test(decimals_are_the_nearest_double),
        cmocka_unit_test(a_whole_number_is_one_however_it_is_written),
        cmocka_unit_test(a_whole_number_is_one_however_long_it_is),
        cmocka_unit_test(random_decimals_are_the_nearest_double),
        cmocka_unit_test(escapes_stand_for_their_characters),
        cmocka_unit_test(texts_of_every_length_are_read),
        cmocka_unit_test(a_value_keeps_nothing_of_the_text),
        cmocka_unit_test(every_refusal_says_what_and_where),
        cmocka_unit_test(a_nul_is_refused_wherever_it_stands),
        cmocka_unit_test(malformed_utf8_is_refused),
        cmocka_unit_test(every_part_of_a_document_is_no_document),
        cmocka_unit_test(thirty_two_levels_are_read_and_no_more),
        cmocka_unit_test(a_hostile_text_takes_at_most_42_times_its_bytes),
        cmocka_unit_test(every_name_of_a_large_object_is_found),
        cmocka_unit_test(a_name_that_stands_twice_in_a_large_object_is_refused),
        cmocka_unit_test(names_are_written_in_their_order),
        cmocka_unit_test(many_names_are_ordered_as_bytes),
        cmocka_unit_test(values_are_the_same_whatever_their_order),
        cmocka_unit_test(what_is_built_has_what_was_set),
        cmocka_unit_test(a_copy_leaves_the_original_alone),
        cmocka_unit_test(numbers_are_written_in_their_shortest_form),
    };
    return cmocka_run_group_tests_name("json", tests, setup, teardown);
}
