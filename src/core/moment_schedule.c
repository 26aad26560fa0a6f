/* When a program's own schedules are due. */
#include "base/base.h"
#include "core/moment_schedule.h"

/* The n-th day of a schedule from its date on; the day of the month is clamped to the month, from
 * the date each time. */
static int32_t nth_day(const struct schedule *schedule, int32_t date, int n)
{
    const int step = schedule->kind == SCHEDULE_BEFORE ? -n : n;
    return schedule->months > 0 ? day_add_months(date, step * schedule->months)
                                : date + step * schedule->days;
}

/* How many steps are certainly over by a day: the search begins there. */
static int steps_by(const struct schedule *schedule, int32_t date, int32_t day)
{
    if (day <= date) {
        return 0;
    }
    const struct civil from = civil_of_day(date);
    const struct civil to = civil_of_day(day);
    const int steps = schedule->months > 0
                          ? ((to.year - from.year) * 12 + to.month - from.month) / schedule->months
                          : (day - date) / schedule->days;
    return steps > 2 ? steps - 2 : 0;
}

/* The first instant after another, of a step after `fired_n`; *n: which step it is. */
static int64_t first_after(const struct schedule *schedule, const struct zone *zone, int32_t date,
                           int64_t after, int fired_n, int *n)
{
    const int steps_max = schedule->kind == SCHEDULE_EVERY ? INT_MAX : 1;
    const int over =
        schedule->kind == SCHEDULE_EVERY ? steps_by(schedule, date, zone_day(zone, after)) : 0;
    const int from = 1 + (over > fired_n ? over : fired_n); // another zone brings no step twice
    for (*n = from; *n <= steps_max; ++*n) {
        const int32_t day = nth_day(schedule, date, *n);
        if (civil_of_day(day).year > YEAR_LAST) {
            return AT_NEVER;
        }
        const int64_t at = zone_instant(zone, day, schedule->minute);
        if (at > after) {
            return at;
        }
    }
    return AT_NEVER;
}

bool schedule_base(const struct schedule *schedule, const struct facts *facts,
                   const struct state *state, int64_t *base)
{
    int32_t day = INT32_MIN;
    switch (schedule->date) {
    case DATE_ENROLLED:
        *base = state->enrolled_at;
        return true;
    case DATE_SUBSCRIPTION:
        return false; // of a subscription, not of the member
    case DATE_BIRTH:
        *base = facts->profile != NULL ? facts->profile->birth_on : INT32_MIN;
        return *base != INT32_MIN;
    case DATE_ATTRIBUTE:
        if (facts->profile == NULL ||
            !day_read(json_str(json_at(facts->profile->attributes, schedule->attribute)), &day)) {
            return false;
        }
        *base = day;
        return true;
    }
    return false;
}

static int32_t date_of(const struct schedule *schedule, const struct zone *zone, int64_t base)
{
    return schedule->date == DATE_ENROLLED ? zone_day(zone, base) : (int32_t)base;
}

int64_t schedule_due(const struct schedule *schedule, const struct zone *zone,
                     const struct moment *moment, int64_t after)
{
    int n = 0;
    const bool is_over = schedule->kind != SCHEDULE_EVERY && moment->fired_at != AT_MIN;
    return is_over ? AT_NEVER
                   : first_after(schedule, zone, date_of(schedule, zone, moment->base), after,
                                 moment->fired_n, &n);
}

int schedule_step(const struct schedule *schedule, const struct zone *zone,
                  const struct moment *moment)
{
    int n = 0;
    (void)first_after(schedule, zone, date_of(schedule, zone, moment->base), moment->due_at - 1,
                      moment->fired_n, &n);
    return n;
}

void schedule_data(struct arena *arena, const struct schedule *schedule, const struct zone *zone,
                   const struct moment *moment, struct json *data)
{
    char day[DAY_BYTES + 1];
    const int32_t date = date_of(schedule, zone, moment->base);
    day_write(date, day);
    json_set_text(arena, data, "schedule", schedule->slug);
    json_set_text(arena, data, "date", str_c(day));
    if (schedule->kind == SCHEDULE_EVERY) {
        json_set_int(arena, data, "number", schedule_step(schedule, zone, moment));
    }
}
