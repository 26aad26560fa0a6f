/* The formats of texts: each a function of a few lines, so that no pattern can run away. */
#include "base/base.h"
#include "core/schema.h"

#include "base/currency.h"
#include "base/num.h"
#include "base/time.h"

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_instant(struct str s)
{
    int64_t at = 0;
    return instant_read(s, &at);
}

static bool is_date(struct str s)
{
    int32_t day = 0;
    return day_read(s, &day);
}

static bool is_date_or_instant(struct str s)
{
    return is_date(s) || is_instant(s);
}

static bool is_month_day(struct str s)
{
    char text[DAY_BYTES + 1];
    if (s.n != 5) {
        return false;
    }
    memcpy(text, "2024-", 5); // a leap year: 02-29 is a day
    memcpy(text + 5, s.p, 5);
    return is_date((struct str){.p = text, .n = DAY_BYTES});
}

static bool is_time_of_day(struct str s)
{
    int minutes = 0;
    return clock_read(s, &minutes);
}

static bool is_decimal(struct str s)
{
    struct decimal decimal;
    return decimal_read(s, DECIMAL_SCALE_MAX, &decimal);
}

static bool is_capitals(struct str s, size_t n)
{
    bool is = s.n == n;
    for (size_t i = 0; is && i < n; i++) {
        is = is_upper(s.p[i]);
    }
    return is;
}

static bool is_country(struct str s)
{
    return is_capitals(s, 2);
}

/* The shape only: whether the zone exists is known where zones are loaded. */
static bool is_timezone(struct str s)
{
    bool is = s.n > 0 && s.n <= 64 && (is_upper(s.p[0]) || is_lower(s.p[0]));
    for (size_t i = 0; is && i < s.n; i++) {
        const char c = s.p[i];
        is = is_lower(c) || is_upper(c) || is_digit(c) || c == '/' || c == '_' || c == '-' ||
             c == '+';
    }
    return is;
}

/* BCP 47 as far as it is used: language, then subtags of 2 to 8 letters or digits. */
static bool is_language(struct str s)
{
    struct str rest = s;
    struct str part = {0};
    bool is_done = false;
    for (size_t i = 0; str_split(&rest, '-', &part, &is_done); i++) {
        if (part.n < 2 || part.n > (i == 0 ? 3u : 8u)) {
            return false;
        }
        for (size_t at = 0; at < part.n; at++) {
            const char c = part.p[at];
            if (!(is_lower(c) || (i > 0 && (is_upper(c) || is_digit(c))))) {
                return false;
            }
        }
    }
    return s.n <= 35;
}

static bool is_event_type(struct str s)
{
    bool is = s.n > 0 && s.n <= 64 && s.p[0] != '.' && s.p[s.n - 1] != '.';
    for (size_t i = 0; is && i < s.n; i++) {
        const char c = s.p[i];
        is = is_lower(c) || is_digit(c) || c == '-' || c == '_' || (c == '.' && s.p[i - 1] != '.');
    }
    return is;
}

static bool is_name(struct str s)
{
    bool is = s.n > 0 && s.n <= 64 && is_lower(s.p[0]);
    for (size_t i = 0; is && i < s.n; i++) {
        is = is_lower(s.p[i]) || is_digit(s.p[i]) || s.p[i] == '_';
    }
    return is;
}

static bool is_variable(struct str s)
{
    bool is = s.n > 0 && s.n <= 200;
    for (size_t i = 0; is && i < s.n; i++) {
        is = (unsigned char)s.p[i] > ' ';
    }
    return is && s.p[0] != '.' && s.p[s.n - 1] != '.';
}

static const struct {
    struct str name;
    bool (*fits)(struct str text);
    const char *looks;
} FORMATS[] = {
#define SCHEMA_FORMAT(text, test, looks_like)                                                      \
    {{.p = (text), .n = sizeof(text) - 1}, test, looks_like},
#include "core/schema.def"
#undef SCHEMA_FORMAT
};

bool schema_format_fits(struct str format, struct str text)
{
    for (size_t i = 0; i < ARRAY_N(FORMATS); i++) {
        if (str_eq(FORMATS[i].name, format)) {
            return FORMATS[i].fits(text);
        }
    }
    return false;
}

const char *schema_format_text(struct str format)
{
    for (size_t i = 0; i < ARRAY_N(FORMATS); i++) {
        if (str_eq(FORMATS[i].name, format)) {
            return FORMATS[i].looks;
        }
    }
    return NULL;
}
