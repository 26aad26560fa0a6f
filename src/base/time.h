/* Instants, calendar days and time zones, without a clock: everything here is a pure function.
 *
 * An instant is milliseconds since 1970-01-01T00:00:00Z (int64_t, names end in _at or _at_ms).
 * A day is the number of days since 1970-01-01 of a calendar (int32_t, names end in _on or _day).
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  none, but for what takes an arena.
 * Errors:  reading functions return false and leave *out alone.
 * Limits:  years 1 to 9999.
 */
#ifndef LOYALD_TIME_H
#define LOYALD_TIME_H

#include "base/str.h"

#define MS_PER_S    ((int64_t)1000)
#define MS_PER_MIN  ((int64_t)60000)
#define MS_PER_HOUR ((int64_t)3600000)
#define MS_PER_DAY  ((int64_t)86400000)

/* No instant: never expires, not yet due. Larger than every real instant. */
#define AT_NEVER INT64_MAX
#define AT_MIN   ((int64_t)-62135596800000) // 0001-01-01T00:00:00.000Z
#define AT_MAX   ((int64_t)253402300799999) // 9999-12-31T23:59:59.999Z

struct civil {
    int year;  // 1..9999
    int month; // 1..12
    int day;   // 1..31
};

/* Proleptic Gregorian calendar, after Howard Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms". */
int32_t day_of_civil(struct civil civil);
struct civil civil_of_day(int32_t day);
int days_in_month(int year, int month);

/* 0 = Monday … 6 = Sunday. */
int weekday_of_day(int32_t day);

/* The day n months later (n may be negative); the day of the month is clamped to the month's
 * length. */
int32_t day_add_months(int32_t day, int n);

/* RFC 3339 with any offset and up to nine decimals of a second, cut to milliseconds; a leap second
 * ":60" is refused, as are year 0 and lower-case letters. */
MUST_USE bool instant_read(struct str s, int64_t *out);

/* "2026-11-21T10:00:00.000Z", always 24 bytes and a zero byte. */
enum { INSTANT_BYTES = 24 };
void instant_write(int64_t at, char out[INSTANT_BYTES + 1]);

/* "YYYY-MM-DD". */
MUST_USE bool day_read(struct str s, int32_t *out);
enum { DAY_BYTES = 10 };
void day_write(int32_t day, char out[DAY_BYTES + 1]);

/* "HH:MM" as minutes since midnight, 0..1439; "24:00" is 1440. */
MUST_USE bool clock_read(struct str s, int *minutes);

/* A time zone as a frozen list of its transitions: new time zone data never changes a replay. */
struct zone_transition {
    int64_t at_s;     // from this instant on, seconds since 1970
    int32_t offset_s; // local minus UTC
};
struct zone {
    struct str name;                           // IANA name
    int32_t offset_first_s;                    // before the first transition
    const struct zone_transition *transitions; // ascending
    size_t transitions_n;
};

extern const struct zone ZONE_UTC;

/* Local offset in seconds at an instant. */
int32_t zone_offset_s(const struct zone *zone, int64_t at);

/* The local calendar day of an instant. */
int32_t zone_day(const struct zone *zone, int64_t at);

/* Minutes since local midnight by the wall clock, 0..1439. */
int zone_minute_of_day(const struct zone *zone, int64_t at);

/* The first instant of a local day: where clocks are set forward over midnight, the instant of the
 * change. */
int64_t zone_midnight(const struct zone *zone, int32_t day);

/* The first instant of a local day at which its wall clock shows so many minutes since midnight
 * (0..1439) or more: where the clock is set forward over them, the instant of the change. */
int64_t zone_instant(const struct zone *zone, int32_t day, int minute);

/* The transitions of an IANA zone between 1970 and 2100 from ICU's data, in the arena; false when
 * ICU does not know the name. Not pure: called when a program is published, never in a decision. */
MUST_USE bool zone_load(struct arena *arena, struct str name, struct zone *out);

/* Wall clock and monotonic clock in milliseconds. Not pure. */
int64_t clock_now_ms(void);
int64_t clock_monotonic_us(void);

#endif
