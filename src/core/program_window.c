/* Compiling windows: dates, days of the week, hours. */
#include "base/base.h"
#include "core/program.h"

#include "core/program_internal.h"

/* A date is a local day; an instant with an offset is exact. */
static enum err compile_bound(struct compile *c, const struct json *window, const char *name,
                              struct str pointer, int32_t *day, int64_t *at)
{
    const struct str text = read_str(window, name);
    if (text.n == 0 || day_read(text, day) || instant_read(text, at)) {
        return ERR_OK;
    }
    return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, str_c(name)),
                   "\"%.*s\" is neither a date such as 2026-11-01 nor an instant with its offset.",
                   STR_ARG(text));
}

void window_open(struct window *window)
{
    window->from_day = INT32_MIN;
    window->until_day = INT32_MAX;
    window->from_at = INT64_MIN;
    window->until_at = INT64_MAX;
    window->hours_from = -1;
}

enum err compile_window(struct compile *c, const struct json *json, struct str pointer,
                        struct window *window)
{
    static const char *const DAYS[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    window_open(window);
    const struct str at = pointer_key(c->arena, pointer, STR("window"));
    try(compile_bound(c, json, "from", at, &window->from_day, &window->from_at));
    try(compile_bound(c, json, "until", at, &window->until_day, &window->until_at));
    const struct json *days = json_at(json, "days");
    for (size_t i = 0; i < json_array_size(days); i++) {
        const int day = read_choice(json_str(json_array_get(days, i)), DAYS, ARRAY_N(DAYS), 0);
        window->weekdays = (uint8_t)(window->weekdays | 1u << day);
    }
    const struct json *hours = json_at(json, "hours");
    if (hours != NULL) {
        const bool is_right = clock_read(json_str(json_array_get(hours, 0)), &window->hours_from) &&
                              clock_read(json_str(json_array_get(hours, 1)), &window->hours_until);
        if (!is_right || window->hours_from == window->hours_until) {
            return fail_at(
                c->f, ERR_INVALID, pointer_key(c->arena, at, STR("hours")),
                "Two different times of day are needed, such as [\"08:00\", \"12:00\"].");
        }
    }
    return ERR_OK;
}
