/* The lives of a group of hotels and of an airline. */
#include "base/base.h"
#include "cli/demo.h"

/* ---- hotels ---- */

static void day_text(int32_t day, char text[DAY_BYTES + 1])
{
    day_write(day, text);
    text[DAY_BYTES] = 0;
}

static enum err post_stay(struct demo *demo, const struct demo_day *today, const char *prefix,
                          int32_t in, int32_t out, const char *store, const char *rate,
                          const char *channel)
{
    char in_text[DAY_BYTES + 1];
    char out_text[DAY_BYTES + 1];
    day_text(in, in_text);
    day_text(out, out_text);
    return demo_post(demo, today, "stay.completed",
                     demo_id(demo, prefix, today->member, today->day),
                     out * MS_PER_DAY + 10 * MS_PER_HOUR,
                     "{\"nights\":%d,\"store\":\"%s\",\"check_in\":\"%s\",\"check_out\":\"%s\","
                     "\"rate\":\"%s\",\"channel\":\"%s\"}",
                     out - in, store, in_text, out_text, rate, channel);
}

/* Today they check out: the folio is paid, the stay is done; a long one is told of as two in a row.
 */
static enum err live_hospitality(struct demo *demo, const struct demo_day *today)
{
    static const char *const STORES[] = {"bcn", "ams", "gdn", "dps", "tfs"};
    static const char *const RATES[] = {"flex", "flex", "advance", "corporate", "wholesale"};
    struct demo_day day = *today;
    if (!day.is_there || day.day - 5 < day.joined) {
        return ERR_OK;
    }
    const char *store = STORES[demo_roll_below(&day.dice, ARRAY_N(STORES))];
    const char *rate = RATES[demo_roll_below(&day.dice, ARRAY_N(RATES))];
    const char *channel = demo_roll(&day.dice) < 0.45 ? "direct" : "agency";
    const int nights = 1 + (int)demo_roll_below(&day.dice, day.kind == 0 ? 3 : 5);
    const int64_t room = nights * (9000 + demo_roll_below(&day.dice, 9000));
    const int64_t meals = demo_roll(&day.dice) < 0.6 ? 1500 + demo_roll_below(&day.dice, 7000) : 0;
    const int64_t spa = demo_roll(&day.dice) < 0.15 ? 6500 : 0;
    try(demo_post(demo, &day, "purchase", demo_id(demo, "f", day.member, day.day),
                  day.day * MS_PER_DAY + 9 * MS_PER_HOUR,
                  "{\"amount\":%" PRId64 ",\"currency\":\"EUR\",\"store\":\"%s\",\"lines\":["
                  "{\"id\":\"1\",\"category\":\"room\",\"kind\":\"service\",\"quantity\":\"%d\","
                  "\"amount\":%" PRId64 "},"
                  "{\"id\":\"2\",\"category\":\"restaurant\",\"kind\":\"goods\",\"quantity\":\"1\","
                  "\"amount\":%" PRId64 "},"
                  "{\"id\":\"3\",\"category\":\"spa\",\"kind\":\"service\",\"quantity\":\"1\","
                  "\"amount\":%" PRId64 "}]}",
                  room + meals + spa, store, nights, room, meals, spa));
    if (nights > 2 && demo_roll(&day.dice) < 0.3) {
        try(post_stay(demo, &day, "s", day.day - nights, day.day - 1, store, rate, channel));
        return post_stay(demo, &day, "t", day.day - 1, day.day, store, rate, channel);
    }
    return post_stay(demo, &day, "s", day.day - nights, day.day, store, rate, channel);
}

const struct life LIFE_HOSPITALITY = {
    .name = "hospitality",
    .pace = 0.13,
    .months = {0.7, 0.75, 0.9, 1.1, 1.15, 1.25, 1.4, 1.45, 1.15, 1.0, 0.7, 0.85},
    .wants = {{"breakfast", 4, true}, {"late-checkout", 7, false}},
    .survey = "after-the-stay",
    .survey_csat = "room",
    .survey_days = 30,
    .complaints = {"The air conditioning hums.", "We waited an hour for our room.",
                   "Breakfast ends too early.", "The bathroom was not clean."},
    .live = live_hospitality,
};

/* ---- an airline ---- */

enum { TOPIC_EXTRAS = -1000000 };

struct route {
    const char *to;
    const char *country;
    int miles;
};
static const struct route ROUTES[] = {
    {"BCN", "ES", 770},  {"WAW", "PL", 680},  {"LIS", "PT", 1150}, {"CDG", "FR", 260},
    {"FCO", "IT", 805},  {"ATH", "GR", 1350}, {"JFK", "US", 3640}, {"CGK", "ID", 7060},
    {"GRU", "BR", 6050}, {"NRT", "JP", 5840}, {"CPT", "ZA", 5990}, {"IST", "TR", 1370},
};

struct trip {
    const struct route *route;
    const char *cabin;
    char booking_class;
    bool has_extras;
};

static void draw_trip(struct demo_day *day, struct trip *out)
{
    static const char CLASSES[] = "QTLKHMBYXW";
    const double r = demo_roll(&day->dice);
    const double front = demo_roll(&day->dice);
    out->route = &ROUTES[(size_t)(r * r * (double)ARRAY_N(ROUTES))];
    out->cabin = front < (day->kind == 0 ? 0.2 : 0.05) ? "business"
                 : front < 0.02                        ? "first"
                                                       : "economy";
    out->booking_class = strcmp(out->cabin, "business") == 0 ? 'J'
                         : strcmp(out->cabin, "first") == 0
                             ? 'F'
                             : CLASSES[demo_roll_below(&day->dice, 10)];
    out->cabin = out->booking_class == 'W' ? "premium" : out->cabin;
    out->has_extras = demo_roll(&day->dice) < 0.4;
}

static enum err post_flight(struct demo *demo, const struct demo_day *today, const char *prefix,
                            int32_t of_day, const struct trip *trip, bool is_back)
{
    return demo_post(demo, today, "flight.flown", demo_id(demo, prefix, today->member, of_day),
                     today->day * MS_PER_DAY + 17 * MS_PER_HOUR,
                     "{\"flight\":\"MR%d\",\"booking_class\":\"%c\",\"cabin\":\"%s\",\"miles\":%d,"
                     "\"from\":\"%s\",\"to\":\"%s\",\"to_country\":\"%s\"}",
                     100 + (int)(trip->route - ROUTES) * 2 + is_back, trip->booking_class,
                     trip->cabin, trip->route->miles, is_back ? trip->route->to : "AMS",
                     is_back ? "AMS" : trip->route->to, is_back ? "NL" : trip->route->country);
}

/* A seat or a bag on the way out, or both: drawn from dice of its own. */
static enum err buy_extras(struct demo *demo, const struct demo_day *day, const char *extra)
{
    static const char LINE[] = "{\"id\":\"%d\",\"category\":\"%s\",\"kind\":\"service\","
                               "\"quantity\":\"1\",\"amount\":2900}";
    struct dice dice = demo_dice(demo, day->member, TOPIC_EXTRAS - (int64_t)day->day);
    const bool is_both = demo_roll(&dice) < 0.3;
    const struct str first = str_fmt(demo_arena(demo), LINE, 1, extra);
    const struct str second =
        is_both ? str_fmt(demo_arena(demo), LINE, 2, strcmp(extra, "bag") == 0 ? "seat" : "bag")
                : STR("");
    return demo_post(
        demo, day, "purchase", demo_id(demo, "x", day->member, day->day),
        day->day * MS_PER_DAY + 6 * MS_PER_HOUR,
        "{\"amount\":%d,\"currency\":\"EUR\",\"channel\":\"web\",\"lines\":[%.*s%s%.*s]}",
        is_both ? 5800 : 2900, STR_ARG(first), is_both ? "," : "", STR_ARG(second));
}

/* Out today, back four days later. */
static enum err live_airline(struct demo *demo, const struct demo_day *today)
{
    struct demo_day day = *today;
    struct trip trip;
    if (day.is_there) {
        draw_trip(&day, &trip);
        if (trip.has_extras) {
            try(buy_extras(demo, &day, demo_roll(&day.dice) < 0.5 ? "seat" : "bag"));
        }
        try(post_flight(demo, &day, "out", day.day, &trip, false));
    }
    struct demo_day before = demo_day_of(demo, day.member, day.day - 4);
    if (before.is_there) {
        draw_trip(&before, &trip);
        return post_flight(demo, &day, "back", before.day, &trip, true);
    }
    return ERR_OK;
}

const struct life LIFE_AIRLINE = {
    .name = "airline",
    .pace = 0.16,
    .months = {0.8, 0.75, 0.9, 1.05, 1.1, 1.2, 1.4, 1.35, 1.1, 1.0, 0.8, 1.05},
    .wants = {{"lounge", 6, true}, {"seat", 9, true}},
    .survey = "after-the-flight",
    .survey_csat = "crew",
    .survey_days = 30,
    .complaints = {"We left three hours late.", "My bag came a day after me.",
                   "There was no meal left for me.", "The gate changed twice."},
    .codes = {"missing-flight", "MISSED", 0.2, NULL},
    .live = live_airline,
};
