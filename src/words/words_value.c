/* Numbers, money, dates and names as a language writes them. */
#include "base/base.h"
#include "words/words_internal.h"

#include "base/currency.h"

#include <unicode/ustring.h>

enum { VALUE_CHARACTERS_MAX = 200, NAMES_MAX = 200 };

static struct str utf8(const struct words *w, const UChar *wide, int32_t n)
{
    char *out = arena_bytes(w->arena, (size_t)n * 3 + 1);
    int32_t out_n = 0;
    UErrorCode status = U_ZERO_ERROR;
    (void)u_strToUTF8(out, n * 3 + 1, &out_n, wide, n, &status);
    return U_FAILURE(status) ? STR("") : (struct str){.p = out, .n = (size_t)out_n};
}

static struct str decimal_text(const struct words *w, struct decimal number, int decimals_min)
{
    UChar wide[VALUE_CHARACTERS_MAX];
    UErrorCode status = U_ZERO_ERROR;
    struct buf digits;
    buf_open(&digits, w->arena, 64);
    buf_printf(&digits, "%" PRId64 "E-%d", number.digits, number.scale);
    const struct str text = buf_view(&digits);
    unum_setAttribute(w->number, UNUM_MIN_FRACTION_DIGITS, decimals_min);
    unum_setAttribute(w->number, UNUM_MAX_FRACTION_DIGITS, DECIMAL_SCALE_MAX);
    const int32_t n = unum_formatDecimal(w->number, text.p, (int32_t)text.n, wide,
                                         VALUE_CHARACTERS_MAX, NULL, &status);
    return U_FAILURE(status) ? text : utf8(w, wide, n);
}

struct str number_text(const struct words *w, struct decimal number)
{
    return decimal_text(w, number, 0);
}

struct str money_text(const struct words *w, int64_t minor)
{
    const int decimals = currency_decimals(w->program->currency);
    const struct str amount =
        decimal_text(w, (struct decimal){.digits = minor, .scale = decimals}, decimals);
    return str_fmt(w->arena, "%.*s %.*s", STR_ARG(amount), STR_ARG(w->program->currency));
}

static struct str format_day(const struct words *w, UDateFormat *format, int32_t day)
{
    UChar wide[VALUE_CHARACTERS_MAX];
    UErrorCode status = U_ZERO_ERROR;
    const int32_t n = udat_format(format, (UDate)((int64_t)day * MS_PER_DAY), wide,
                                  VALUE_CHARACTERS_MAX, NULL, &status);
    return U_FAILURE(status) ? STR("") : utf8(w, wide, n);
}

struct str date_text(const struct words *w, int32_t day)
{
    return format_day(w, w->date, day);
}

struct str weekday_text(const struct words *w, int weekday)
{
    const int32_t monday = 4; // 1970-01-05
    return format_day(w, w->weekday, monday + weekday);
}

static struct str instant_text(const struct words *w, int64_t at)
{
    const int minute = zone_minute_of_day(w->program->zone, at);
    return str_fmt(w->arena, "%.*s, %02d:%02d",
                   STR_ARG(date_text(w, zone_day(w->program->zone, at))), minute / 60, minute % 60);
}

/* ---- plurals ---- */

/* The CLDR category of a number: "one", "few", …; ASCII. */
static const char *category_of(const struct words *w, double number, char out[16])
{
    UChar wide[16];
    UErrorCode status = U_ZERO_ERROR;
    const int32_t n = uplrules_select(w->plural, number, wide, ARRAY_N(wide) - 1, &status);
    for (int32_t i = 0; i < n && U_SUCCESS(status); i++) {
        out[i] = (char)wide[i];
    }
    out[U_SUCCESS(status) ? n : 0] = 0;
    return out;
}

/* `one` is followed by the phrases for few, many and other. */
static enum phrase phrase_of_category(enum phrase one, const char *category)
{
    static const char *const CATEGORIES[] = {"one", "few", "many"};
    for (size_t i = 0; i < ARRAY_N(CATEGORIES); i++) {
        if (strcmp(category, CATEGORIES[i]) == 0) {
            return (enum phrase)(one + (int)i);
        }
    }
    return (enum phrase)(one + 3);
}

struct str counted_text(const struct words *w, enum phrase one, int64_t n)
{
    char category[16];
    const struct str number = number_text(w, (struct decimal){.digits = n});
    return phrase_1(w, phrase_of_category(one, category_of(w, (double)n, category)), number);
}

static const struct json *wallet_units(const struct words *w, int wallet)
{
    const struct json *unit =
        json_at(json_array_get(json_at(w->program->document, "wallets"), (size_t)wallet), "unit");
    const struct json *forms = json_at(unit, words_tag(w->language).p);
    return forms != NULL ? forms : json_find(unit, w->fallback);
}

static struct str unit_of(const struct words *w, int wallet, double number)
{
    char category[16];
    (void)category_of(w, number, category);
    const struct json *forms = wallet_units(w, wallet);
    if (forms == NULL) {
        const bool is_contest =
            wallet >= (int)json_array_size(json_at(w->program->document, "wallets"));
        return phrase_form(w, phrase_of_category(is_contest ? P_ENTRY_ONE : P_UNIT_ONE, category),
                           false);
    }
    const struct str form = json_str(json_at(forms, category));
    return form.n > 0 ? form : json_str(json_at(forms, "other"));
}

struct str points_text(const struct words *w, int wallet, int64_t points)
{
    const int scale = w->program->wallets[wallet].scale;
    const struct str number = number_text(w, (struct decimal){.digits = points, .scale = scale});
    const struct str unit = unit_of(w, wallet, (double)points / (double)power_of_ten(scale));
    return str_fmt(w->arena, "%.*s %.*s", STR_ARG(number), STR_ARG(unit));
}

struct str unit_text(const struct words *w, int wallet)
{
    return unit_of(w, wallet, 5); // many of them, as in "five points"
}

/* ---- names ---- */

struct str named(const struct words *w, const char *section, struct str slug, const char *field)
{
    const struct json *list = json_at(w->program->document, section);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const struct json *item = json_array_get(list, i);
        if (str_eq(json_str(json_at(item, "slug")), slug)) {
            return text_quoted(w, words_text(w, json_at(item, field), slug));
        }
    }
    return text_quoted(w, slug);
}

struct str segment_name(const struct words *w, struct str slug)
{
    const struct json *list = json_at(w->program->document, "segments");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const struct json *item = json_array_get(list, i);
        if (str_eq(json_str(json_at(item, "slug")), slug)) {
            return words_text(w, json_at(item, "name"), slug);
        }
    }
    return slug;
}

struct str store_name(const struct words *w, struct str slug)
{
    const struct json *list = json_at(w->program->document, "stores");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const struct json *item = json_array_get(list, i);
        const struct str name = json_str(json_at(item, "name"));
        if (name.n > 0 && str_eq(json_str(json_at(item, "slug")), slug)) {
            return name;
        }
    }
    return text_quoted(w, slug);
}

struct str tier_name(const struct words *w, struct str set, struct str slug)
{
    const struct json *sets = json_at(w->program->document, "tier_sets");
    for (size_t i = 0; i < json_array_size(sets); i++) {
        const struct json *tiers = json_at(json_array_get(sets, i), "tiers");
        const bool is_set = str_eq(json_str(json_at(json_array_get(sets, i), "slug")), set);
        for (size_t k = 0; k < json_array_size(tiers) && is_set; k++) {
            const struct json *tier = json_array_get(tiers, k);
            if (str_eq(json_str(json_at(tier, "slug")), slug)) {
                return words_text(w, json_at(tier, "name"), slug);
            }
        }
    }
    return text_quoted(w, slug);
}

struct str text_quoted(const struct words *w, struct str text)
{
    bool is_word = text.n > 0;
    for (size_t i = 0; i < text.n; i++) {
        const unsigned char c = (unsigned char)text.p[i];
        is_word = is_word && (c >= 0x80 || (c >= '0' && c <= '9') ||
                              ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_' ||
                              c == '.' || c == '/');
    }
    return is_word ? text : phrase_1(w, P_QUOTED, text);
}

/* ---- values ---- */

static struct str number_value(const struct words *w, const struct json *value, enum noun_kind kind)
{
    struct decimal number = {0};
    const struct value read = value_of_json(value, w->arena);
    if (!decimal_of_value(&read, w->arena, &number)) {
        return text_quoted(w, value_to_str(&read, w->arena));
    }
    if (kind == KIND_YEAR && number.scale == 0) {
        return str_fmt(w->arena, "%" PRId64, number.digits); // 2026, not 2,026
    }
    return kind == KIND_MONEY && number.scale == 0 ? money_text(w, number.digits)
                                                   : number_text(w, number);
}

static struct str text_value(const struct words *w, struct str text, const struct noun *of)
{
    static const char *const DAYS[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    const enum noun_kind kind = of != NULL ? of->kind : KIND_ANY;
    for (size_t i = 0; i < ARRAY_N(DAYS); i++) {
        if (kind == KIND_WEEKDAY && str_eq(text, str_c(DAYS[i]))) {
            return weekday_text(w, (int)i);
        }
    }
    struct decimal number;
    if ((kind == KIND_NUMBER || kind == KIND_MONEY) &&
        decimal_read(text, DECIMAL_SCALE_MAX, &number)) {
        return number_text(w, number); // decimals are written as texts
    }
    if (kind == KIND_STORE) {
        return store_name(w, text);
    }
    if (kind == KIND_SEGMENTS) {
        return segment_name(w, text);
    }
    if (kind == KIND_TIER) {
        return tier_name(w, of->tier_set, text);
    }
    return text_quoted(w, text);
}

static struct noun list_value(const struct words *w, const struct json *list, const struct noun *of)
{
    const size_t n = json_array_size(list) < NAMES_MAX ? json_array_size(list) : NAMES_MAX;
    struct noun *items = arena_new(w->arena, struct noun, n);
    for (size_t i = 0; i < n; i++) {
        items[i] = value_noun(w, json_array_get(list, i), of);
    }
    return n == 0 ? noun_of(w, phrase_form(w, P_F_NONE, false)) : noun_list(w, items, n, false);
}

/* A date or an instant, which some languages give an article; false for any other text. */
static bool date_value(const struct words *w, struct str text, struct noun *out)
{
    int32_t day = 0;
    int64_t at = 0;
    struct str date = {0};
    if (day_read(text, &day)) {
        date = date_text(w, day);
    } else if (instant_read(text, &at)) {
        date = instant_text(w, at);
    }
    const struct noun plain = {.text = date, .genitive = date};
    *out = phrase_noun(w, P_DATE, &plain, 1);
    return date.n > 0;
}

struct noun value_noun(const struct words *w, const struct json *value, const struct noun *of)
{
    struct str text = STR("…"); // an object
    struct noun date;
    if (date_value(w, json_str(value), &date)) {
        return date;
    }
    switch (json_typeof(value)) {
    case JSON_ARRAY:
        return list_value(w, value, of);
    case JSON_STRING:
        text = text_value(w, json_str(value), of);
        break;
    case JSON_INTEGER:
    case JSON_REAL:
        text = number_value(w, value, of != NULL ? of->kind : KIND_ANY);
        break;
    case JSON_TRUE:
        text = phrase_form(w, P_YES, false);
        break;
    case JSON_FALSE:
        text = phrase_form(w, P_NO, false);
        break;
    case JSON_NULL:
        text = phrase_form(w, P_F_NONE, false);
        break;
    case JSON_OBJECT:
        break;
    }
    return noun_of(w, text);
}
