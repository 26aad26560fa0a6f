/* The two impure parts of time: ICU's zone data and the machine's clocks. */
#include "base/base.h"
#include "base/time.h"

#include <unicode/ucal.h>
#include <unicode/ustring.h>

enum { ZONE_TRANSITIONS_MAX = 1024, ZONE_YEAR_LAST = 2100, ZONE_NAME_BYTES_MAX = 64 };

static int32_t calendar_offset_s(UCalendar *calendar, int64_t at_ms)
{
    UErrorCode status = U_ZERO_ERROR;
    ucal_setMillis(calendar, (UDate)at_ms, &status);
    const int32_t zone_ms = ucal_get(calendar, UCAL_ZONE_OFFSET, &status);
    const int32_t saving_ms = ucal_get(calendar, UCAL_DST_OFFSET, &status);
    return U_FAILURE(status) ? 0 : (zone_ms + saving_ms) / 1000;
}

static bool zone_is_known(const UChar *wide)
{
    UChar canonical[ZONE_NAME_BYTES_MAX + 1];
    UBool is_system = false;
    UErrorCode status = U_ZERO_ERROR;
    (void)ucal_getCanonicalTimeZoneID(wide, -1, canonical, ZONE_NAME_BYTES_MAX, &is_system,
                                      &status);
    return U_SUCCESS(status) && is_system;
}

bool zone_load(struct arena *arena, struct str name, struct zone *out)
{
    UChar wide[ZONE_NAME_BYTES_MAX + 1];
    if (name.n == 0 || name.n > ZONE_NAME_BYTES_MAX || !str_is_utf8(name)) {
        return false;
    }
    UErrorCode status = U_ZERO_ERROR;
    (void)u_strFromUTF8(wide, ZONE_NAME_BYTES_MAX + 1, NULL, name.p, (int32_t)name.n, &status);
    if (U_FAILURE(status) || !zone_is_known(wide)) {
        return false;
    }
    UCalendar *calendar = ucal_open(wide, -1, "en", UCAL_GREGORIAN, &status);
    if (U_FAILURE(status)) {
        return false;
    }
    struct zone_transition *list = arena_new(arena, struct zone_transition, ZONE_TRANSITIONS_MAX);
    size_t n = 0;
    const int32_t first_s = calendar_offset_s(calendar, 0);
    const int64_t last_at =
        day_of_civil((struct civil){.year = ZONE_YEAR_LAST, .month = 1, .day = 1}) * MS_PER_DAY;
    int64_t at = 0;
    while (n < ZONE_TRANSITIONS_MAX) {
        UDate next = 0;
        status = U_ZERO_ERROR;
        ucal_setMillis(calendar, (UDate)at, &status);
        if (!ucal_getTimeZoneTransitionDate(calendar, UCAL_TZ_TRANSITION_NEXT, &next, &status) ||
            U_FAILURE(status) || (int64_t)next > last_at) {
            break;
        }
        at = (int64_t)next;
        const int32_t offset_s = calendar_offset_s(calendar, at);
        const int32_t before_s = n == 0 ? first_s : list[n - 1].offset_s;
        if (offset_s != before_s) {
            list[n++] = (struct zone_transition){.at_s = at / 1000, .offset_s = offset_s};
        }
    }
    ucal_close(calendar);
    *out = (struct zone){
        .name = str_dup(arena, name),
        .offset_first_s = first_s,
        .transitions = list,
        .transitions_n = n,
    };
    return true;
}

int64_t clock_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now); // cannot fail for this clock
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_monotonic_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); // cannot fail for this clock
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
