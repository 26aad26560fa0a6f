/* Calendar, RFC 3339 and frozen time zones. */
#include "base/base.h"
#include "base/time.h"

#include "base/num.h"

const struct zone ZONE_UTC = {.name = {.p = "UTC", .n = 3}};

static int64_t floor_div(int64_t n, int64_t d)
{
    return n / d - (n % d < 0);
}

int32_t day_of_civil(struct civil civil)
{
    const int y = civil.year - (civil.month <= 2);
    const int era = y / 400;
    const int year_of_era = y - era * 400;
    const int day_of_year =
        (153 * (civil.month + (civil.month > 2 ? -3 : 9)) + 2) / 5 + civil.day - 1;
    const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int32_t)(era * 146097 + day_of_era - 719468);
}

struct civil civil_of_day(int32_t day)
{
    const int64_t z = (int64_t)day + 719468;
    const int64_t era = floor_div(z, 146097);
    const int day_of_era = (int)(z - era * 146097);
    const int year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int month_from_march = (5 * day_of_year + 2) / 153;
    const int month = month_from_march + (month_from_march < 10 ? 3 : -9);
    return (struct civil){
        .year = (int)(year_of_era + era * 400) + (month <= 2),
        .month = month,
        .day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
    };
}

int days_in_month(int year, int month)
{
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && is_leap ? 29 : DAYS[month - 1];
}

int weekday_of_day(int32_t day)
{
    const int64_t since_thursday = ((int64_t)day % 7 + 7) % 7; // 1970-01-01 was a Thursday
    return (int)((since_thursday + 3) % 7);
}

int32_t day_add_months(int32_t day, int n)
{
    struct civil c = civil_of_day(day);
    const int64_t months = (int64_t)c.year * 12 + (c.month - 1) + n;
    c.year = (int)floor_div(months, 12);
    c.month = (int)(months - (int64_t)c.year * 12) + 1;
    const int last = days_in_month(c.year, c.month);
    c.day = c.day < last ? c.day : last;
    return day_of_civil(c);
}

/* Reads exactly n digits at *at and moves it. */
static bool read_digits(struct str s, size_t *at, int n, int *out)
{
    int value = 0;
    for (int i = 0; i < n; i++, (*at)++) {
        if (*at >= s.n || s.p[*at] < '0' || s.p[*at] > '9') {
            return false;
        }
        value = value * 10 + (s.p[*at] - '0');
    }
    *out = value;
    return true;
}

static bool read_char(struct str s, size_t *at, char c)
{
    if (*at >= s.n || s.p[*at] != c) {
        return false;
    }
    (*at)++;
    return true;
}

static bool read_date(struct str s, size_t *at, int32_t *out)
{
    struct civil c = {0};
    if (!read_digits(s, at, 4, &c.year) || !read_char(s, at, '-') ||
        !read_digits(s, at, 2, &c.month) || !read_char(s, at, '-') ||
        !read_digits(s, at, 2, &c.day)) {
        return false;
    }
    if (c.year < 1 || c.month < 1 || c.month > 12 || c.day < 1 ||
        c.day > days_in_month(c.year, c.month)) {
        return false;
    }
    *out = day_of_civil(c);
    return true;
}

static bool read_fraction_ms(struct str s, size_t *at, int *ms)
{
    *ms = 0;
    if (!read_char(s, at, '.')) {
        return true;
    }
    int digits = 0;
    for (; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9'; (*at)++, digits++) {
        static const int WORTH[] = {100, 10, 1};
        if (digits < 3) {
            *ms += (s.p[*at] - '0') * WORTH[digits];
        }
    }
    return digits >= 1 && digits <= 9;
}

static bool read_offset_s(struct str s, size_t *at, int *offset_s)
{
    if (read_char(s, at, 'Z')) {
        *offset_s = 0;
        return true;
    }
    const bool is_west = *at < s.n && s.p[*at] == '-';
    int hours = 0;
    int minutes = 0;
    if (!(read_char(s, at, '+') || read_char(s, at, '-')) || !read_digits(s, at, 2, &hours) ||
        !read_char(s, at, ':') || !read_digits(s, at, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *offset_s = (is_west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

bool instant_read(struct str s, int64_t *out)
{
    size_t at = 0;
    int32_t day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int ms = 0;
    int offset_s = 0;
    if (!read_date(s, &at, &day) || !read_char(s, &at, 'T') || !read_digits(s, &at, 2, &hour) ||
        !read_char(s, &at, ':') || !read_digits(s, &at, 2, &minute) || !read_char(s, &at, ':') ||
        !read_digits(s, &at, 2, &second) || !read_fraction_ms(s, &at, &ms) ||
        !read_offset_s(s, &at, &offset_s) || at != s.n) {
        return false;
    }
    if (hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    const int64_t value = (int64_t)day * MS_PER_DAY + hour * MS_PER_HOUR + minute * MS_PER_MIN +
                          second * MS_PER_S + ms - offset_s * MS_PER_S;
    if (value < AT_MIN || value > AT_MAX) {
        return false;
    }
    *out = value;
    return true;
}

static void put_digits(char *out, int n, int64_t value)
{
    for (int i = n - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

void day_write(int32_t day, char out[DAY_BYTES + 1])
{
    const struct civil c = civil_of_day(day);
    put_digits(out, 4, c.year);
    out[4] = '-';
    put_digits(out + 5, 2, c.month);
    out[7] = '-';
    put_digits(out + 8, 2, c.day);
    out[10] = 0;
}

void instant_write(int64_t at, char out[INSTANT_BYTES + 1])
{
    ensure(at >= AT_MIN && at <= AT_MAX);
    const int64_t day = floor_div(at, MS_PER_DAY);
    const int64_t ms = at - day * MS_PER_DAY;
    day_write((int32_t)day, out);
    out[10] = 'T';
    put_digits(out + 11, 2, ms / MS_PER_HOUR);
    out[13] = ':';
    put_digits(out + 14, 2, ms / MS_PER_MIN % 60);
    out[16] = ':';
    put_digits(out + 17, 2, ms / MS_PER_S % 60);
    out[19] = '.';
    put_digits(out + 20, 3, ms % MS_PER_S);
    out[23] = 'Z';
    out[24] = 0;
}

bool day_read(struct str s, int32_t *out)
{
    size_t at = 0;
    int32_t day = 0;
    if (!read_date(s, &at, &day) || at != s.n) {
        return false;
    }
    *out = day;
    return true;
}

bool clock_read(struct str s, int *minutes)
{
    size_t at = 0;
    int hour = 0;
    int minute = 0;
    if (!read_digits(s, &at, 2, &hour) || !read_char(s, &at, ':') ||
        !read_digits(s, &at, 2, &minute) || at != s.n) {
        return false;
    }
    if (minute > 59 || hour > 24 || (hour == 24 && minute != 0)) {
        return false;
    }
    *minutes = hour * 60 + minute;
    return true;
}

int32_t zone_offset_s(const struct zone *zone, int64_t at)
{
    const int64_t at_s = floor_div(at, MS_PER_S);
    size_t low = 0; // transitions before `low` are at or before at_s
    size_t high = zone->transitions_n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (zone->transitions[middle].at_s <= at_s) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? zone->offset_first_s : zone->transitions[low - 1].offset_s;
}

int32_t zone_day(const struct zone *zone, int64_t at)
{
    return (int32_t)floor_div(at + zone_offset_s(zone, at) * MS_PER_S, MS_PER_DAY);
}

int zone_minute_of_day(const struct zone *zone, int64_t at)
{
    const int64_t local = at + zone_offset_s(zone, at) * MS_PER_S;
    return (int)((local - floor_div(local, MS_PER_DAY) * MS_PER_DAY) / MS_PER_MIN);
}

int64_t zone_midnight(const struct zone *zone, int32_t day)
{
    const int64_t local = (int64_t)day * MS_PER_DAY;
    // Offsets lie within a day of UTC, so the midnight is one of the two guesses from the offsets
    // around it, or the transition that jumped over it.
    const int32_t before_s = zone_offset_s(zone, local - MS_PER_DAY);
    const int64_t early = local - before_s * MS_PER_S;
    if (zone_day(zone, early) == day && zone_day(zone, early - 1) < day) {
        return early;
    }
    const int32_t after_s = zone_offset_s(zone, local + MS_PER_DAY);
    const int64_t late = local - after_s * MS_PER_S;
    if (zone_day(zone, late) == day && zone_day(zone, late - 1) < day) {
        return late;
    }
    for (size_t i = 0; i < zone->transitions_n; i++) {
        const int64_t at = zone->transitions[i].at_s * MS_PER_S;
        if (at >= local - 2 * MS_PER_DAY && zone_day(zone, at) >= day &&
            zone_day(zone, at - 1) < day) {
            return at;
        }
    }
    return late; // a day that does not exist in this zone (skipped whole): the next one's first
                 // instant
}

int64_t zone_instant(const struct zone *zone, int32_t day, int minute)
{
    ensure(minute >= 0 && minute < 24 * 60);
    const int64_t local = (int64_t)day * MS_PER_DAY + minute * MS_PER_MIN;
    const int64_t before_s = zone_offset_s(zone, local - MS_PER_DAY);
    const int64_t after_s = zone_offset_s(zone, local + MS_PER_DAY);
    // Before a change of the day the one offset holds, after it the other; in a gap neither, and
    // the later guess lies before it.
    const int64_t early = local - int64_max(before_s, after_s) * MS_PER_S;
    const int64_t late = local - int64_min(before_s, after_s) * MS_PER_S;
    if (early + zone_offset_s(zone, early) * MS_PER_S == local) {
        return early;
    }
    if (late + zone_offset_s(zone, late) * MS_PER_S == local) {
        return late;
    }
    for (size_t i = 0; i < zone->transitions_n; i++) {
        const int64_t at = zone->transitions[i].at_s * MS_PER_S;
        if (at >= early - MS_PER_DAY && at <= late + MS_PER_DAY &&
            at + zone->transitions[i].offset_s * MS_PER_S >= local) {
            return at;
        }
    }
    return late;
}
