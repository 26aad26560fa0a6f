/* Local times of day: the instants at which a wall clock shows them. */
#include "base/base.h"
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct arena arena;

static int64_t at(const char *text)
{
    int64_t instant = 0;
    assert_true(instant_read(str_c(text), &instant));
    return instant;
}

static void assert_shown(const char *zone_name, const char *date, int minute, const char *wanted)
{
    struct zone zone;
    int32_t day = 0;
    char text[INSTANT_BYTES + 1];
    assert_true(zone_load(&arena, str_c(zone_name), &zone));
    assert_true(day_read(str_c(date), &day));
    const int64_t is = zone_instant(&zone, day, minute);
    instant_write(is, text);
    assert_string_equal(text, wanted);
    assert_true(zone_day(&zone, is) == day);
    assert_true(zone_minute_of_day(&zone, is) >= minute);
}

static void nine_in_the_morning_is_nine_on_the_wall(void **state)
{
    (void)state;
    assert_shown("Europe/Amsterdam", "2026-01-15", 540, "2026-01-15T08:00:00.000Z");
    assert_shown("Europe/Amsterdam", "2026-07-15", 540, "2026-07-15T07:00:00.000Z");
    assert_shown("Europe/Amsterdam", "2026-03-29", 540,
                 "2026-03-29T07:00:00.000Z"); // clocks went forward that night
    assert_shown("Europe/Amsterdam", "2026-10-25", 540, "2026-10-25T08:00:00.000Z"); // and back
    assert_shown("America/New_York", "2026-03-08", 540, "2026-03-08T13:00:00.000Z");
    assert_shown("Pacific/Kiritimati", "2026-06-10", 540, "2026-06-09T19:00:00.000Z");
    assert_shown("Asia/Kathmandu", "2026-06-10", 540, "2026-06-10T03:15:00.000Z");
}

static void a_time_that_does_not_exist_is_the_instant_that_jumps_over_it(void **state)
{
    (void)state;
    assert_shown("Europe/Amsterdam", "2026-03-29", 150, "2026-03-29T01:00:00.000Z"); // 02:30
    assert_shown("Europe/Amsterdam", "2026-03-29", 119, "2026-03-29T00:59:00.000Z");
    assert_shown("Europe/Amsterdam", "2026-03-29", 180, "2026-03-29T01:00:00.000Z");
}

static void a_time_that_comes_twice_is_the_first_of_the_two(void **state)
{
    (void)state;
    assert_shown("Europe/Amsterdam", "2026-10-25", 150, "2026-10-25T00:30:00.000Z");
}

static void midnight_is_midnight(void **state)
{
    (void)state;
    struct zone zone;
    assert_true(zone_load(&arena, STR("America/Sao_Paulo"), &zone));
    const int32_t day = day_of_civil(
        (struct civil){.year = 2018, .month = 11, .day = 4}); // clocks went forward at midnight
    assert_true(zone_instant(&zone, day, 0) == at("2018-11-04T03:00:00Z"));
    assert_true(zone_instant(&zone, day, 0) == zone_midnight(&zone, day));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nine_in_the_morning_is_nine_on_the_wall),
        cmocka_unit_test(a_time_that_does_not_exist_is_the_instant_that_jumps_over_it),
        cmocka_unit_test(a_time_that_comes_twice_is_the_first_of_the_two),
        cmocka_unit_test(midnight_is_midnight),
    };
    arena_open(&arena, 16 << 20);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
