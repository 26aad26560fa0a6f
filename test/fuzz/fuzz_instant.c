/* Texts of times and numbers in: what is read and written is read as the same again. */
#include "base/base.h"
#include "base/num.h"
#include "base/time.h"
#include "core/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void instant_try(struct str text)
{
    int64_t at = 0;
    int64_t again = 0;
    char written[INSTANT_BYTES + 1];
    if (instant_read(text, &at)) {
        ensure(at >= AT_MIN && at <= AT_MAX);
        instant_write(at, written);
        ensure(instant_read((struct str){.p = written, .n = INSTANT_BYTES}, &again) && again == at);
    }
}

static void day_try(struct str text)
{
    int32_t day = 0;
    char written[DAY_BYTES + 1];
    if (day_read(text, &day)) {
        day_write(day, written);
        ensure(str_eq((struct str){.p = written, .n = DAY_BYTES}, text));
        ensure(day_of_civil(civil_of_day(day)) == day);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const FORMATS[] = {"slug",     "month-day",  "time-of-day", "timezone",
                                          "language", "event-type", "name",        "variable"};
    const struct str text = {.p = (const char *)data, .n = n};
    struct decimal decimal;
    int minutes = 0;
    int64_t whole = 0;
    instant_try(text);
    day_try(text);
    if (decimal_read(text, DECIMAL_SCALE_MAX, &decimal)) {
        ensure(decimal.scale >= 0 && decimal.scale <= DECIMAL_SCALE_MAX);
    }
    if (clock_read(text, &minutes)) {
        ensure(minutes >= 0 && minutes <= 1440);
    }
    if (str_int64(text, &whole)) {
        ensure(n > 0 && n <= 20);
    }
    for (size_t i = 0; i < ARRAY_N(FORMATS); i++) {
        (void)schema_format_fits(str_c(FORMATS[i]), text); // must not read beyond the text
    }
    return 0;
}
