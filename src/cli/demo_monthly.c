/* The lives of a bank and of a telephone company: what comes by the month, and what comes between.
 */
#include "base/base.h"
#include "cli/demo.h"

#include <math.h>

/* ---- a bank ---- */

struct merchant {
    const char *code; // of its category (ISO 18245)
    int typical;      // minor units
};
static const struct merchant MERCHANTS[] = {
    {"5411", 4200},  {"5411", 2600},  {"5812", 3400},  {"5814", 1200}, {"5541", 5200},
    {"5732", 12900}, {"5651", 4900},  {"4111", 900},   {"5912", 1500}, {"6011", 8000},
    {"4814", 3500},  {"7011", 18000}, {"4511", 21000}, {"7995", 4000}, {"9311", 30000},
};
enum { SALARY_DAY = 25, SAVINGS_DAY = 28, TOPIC_MONEY = -20, TOPIC_PHONE = -30 };

static struct str bank_attributes(struct demo *demo, int64_t member, int32_t joined)
{
    static const char *const PRODUCTS[] = {"debit", "debit", "credit", "credit", "infinite"};
    struct dice dice = demo_dice(demo, member, TOPIC_MONEY - 1);
    (void)joined;
    return str_fmt(demo_arena(demo), "{\"product\":\"%s\"}",
                   PRODUCTS[demo_roll_below(&dice, ARRAY_N(PRODUCTS))]);
}

static enum err live_monthly_money(struct demo *demo, const struct demo_day *day)
{
    struct dice habits = demo_dice(demo, day->member, TOPIC_MONEY);
    const bool has_salary = demo_roll(&habits) < 0.6;
    const int64_t salary = 140000 + demo_roll_below(&habits, 260000);
    const bool saves = demo_roll(&habits) < 0.3;
    const int of_month = civil_of_day(day->day).day;
    if (day->is_lost) {
        return ERR_OK;
    }
    if (has_salary && of_month == SALARY_DAY) {
        try(demo_post(demo, day, "salary.received", demo_id(demo, "salary", day->member, day->day),
                      day->day * MS_PER_DAY + 5 * MS_PER_HOUR, "{\"amount\":%" PRId64 "}", salary));
    }
    if (saves && of_month == SAVINGS_DAY) {
        try(demo_post(demo, day, "savings.deposited", demo_id(demo, "save", day->member, day->day),
                      day->day * MS_PER_DAY + 5 * MS_PER_HOUR, "{\"amount\":%" PRId64 "}",
                      salary / 12));
    }
    if (day->day == day->joined + 10 && has_salary) {
        return demo_post(demo, day, "bill.domiciled", demo_id(demo, "bill", day->member, day->day),
                         day->day * MS_PER_DAY + 9 * MS_PER_HOUR, "{\"biller\":\"energy\"}");
    }
    return ERR_OK;
}

/* Authorised today, posted tomorrow; few are charged back after three weeks. */
static enum err live_banking(struct demo *demo, const struct demo_day *today)
{
    struct demo_day day = *today;
    if (day.is_there) {
        const double r = demo_roll(&day.dice);
        const struct merchant *merchant =
            &MERCHANTS[(size_t)(r * sqrt(r) * (double)ARRAY_N(MERCHANTS))];
        const int64_t amount =
            merchant->typical / 2 + demo_roll_below(&day.dice, merchant->typical);
        try(demo_post(demo, &day, "purchase", demo_id(demo, "card", day.member, day.day), day.at,
                      "{\"amount\":%" PRId64
                      ",\"currency\":\"EUR\",\"status\":\"%s\",\"attributes\":{\"mcc\":\"%s\"}}",
                      amount, demo_is_history(demo, day.day + 1) ? "completed" : "placed",
                      merchant->code));
    }
    const struct demo_day before = demo_day_of(demo, day.member, day.day - 1);
    if (before.is_there && !demo_is_history(demo, day.day)) {
        try(demo_post(demo, &day, "purchase.completed",
                      demo_id(demo, "post", day.member, before.day),
                      day.day * MS_PER_DAY + 4 * MS_PER_HOUR,
                      "{\"original\":{\"id\":\"card-%" PRId64 "-%d\"}}", day.member, before.day));
    }
    struct demo_day disputed = demo_day_of(demo, day.member, day.day - 21);
    if (disputed.is_there && demo_roll_below(&disputed.dice, 200) == 0) {
        try(demo_post(demo, &day, "refund", demo_id(demo, "back", day.member, disputed.day),
                      day.day * MS_PER_DAY + 12 * MS_PER_HOUR,
                      "{\"original\":{\"id\":\"card-%" PRId64 "-%d\"}}", day.member, disputed.day));
    }
    return live_monthly_money(demo, today);
}

const struct life LIFE_BANKING = {
    .name = "banking",
    .pace = 1.6,
    .months = {0.95, 0.9, 0.95, 1.0, 1.0, 1.05, 1.1, 1.0, 0.95, 1.0, 1.1, 1.3},
    .wants = {{"cashback-10", 60, true}, {"food-bank", 80, false}},
    .survey = "relationship",
    .survey_days = 180,
    .complaints = {"The app logs me out all the time.", "The fees went up again.",
                   "My branch was closed.", "I waited forty minutes on the phone."},
    .quiz = {"safe-banking",
             2,
             3,
             {{"password", "nobody", "bank"},
              {"link", "delete", "click"},
              {"lost", "block", "wait"}}},
    .attributes = bank_attributes,
    .live = live_banking,
};

/* ---- a telephone company ---- */

static struct str phone_attributes(struct demo *demo, int64_t member, int32_t joined)
{
    char end[DAY_BYTES + 1];
    struct dice dice = demo_dice(demo, member, TOPIC_PHONE - 1);
    day_write(joined + 180 + (int32_t)demo_roll_below(&dice, 365), end);
    return str_fmt(demo_arena(demo), "{\"contract_end\":\"%.*s\"}", (int)DAY_BYTES, end);
}

static enum err post_line(struct demo *demo, const struct demo_day *day, const char *what,
                          const char *prefix, const char *more)
{
    const char *type = str_z(demo_arena(demo), str_fmt(demo_arena(demo), "subscription.%s", what));
    return demo_post(demo, day, type, demo_id(demo, prefix, day->member, day->day),
                     day->day * MS_PER_DAY + 10 * MS_PER_HOUR,
                     "{\"subscription\":\"L-%" PRId64 "\"%s}", day->member, more);
}

/* A line from the first day on: paid by the month, by most; upgraded, paused or given up by some.
 */
static enum err live_line(struct demo *demo, const struct demo_day *day)
{
    static const char *const PLANS[] = {",\"plan\":\"basic\"", ",\"plan\":\"basic\"",
                                        ",\"plan\":\"plus\"", ",\"plan\":\"unlimited\""};
    struct dice habits = demo_dice(demo, day->member, TOPIC_PHONE);
    const char *plan = PLANS[demo_roll_below(&habits, ARRAY_N(PLANS))];
    const bool upgrades = demo_roll(&habits) < 0.12;
    const bool pauses = demo_roll(&habits) < 0.04;
    const bool pays_by_itself = demo_roll(&habits) < 0.4;
    const int age = day->day - day->joined;
    const int lost_after = day->kind == 3 ? 90 : INT32_MAX;
    struct dice this_month = demo_dice(demo, day->member, -2000000 - age / 30);
    if (age > lost_after) {
        return ERR_OK;
    }
    if (age == 0) {
        try(post_line(demo, day, "started", "start", plan));
    } else if (age == lost_after) {
        return post_line(demo, day, "cancelled", "cancel", "");
    }
    if (age % 30 == 0 && demo_roll(&this_month) < 0.97) {
        try(post_line(demo, day, "paid", "paid", ""));
    }
    if (age == 75 && upgrades) {
        try(post_line(demo, day, "changed", "change", ",\"plan\":\"unlimited\""));
    }
    if (pauses && (age == 40 || age == 55)) {
        try(post_line(demo, day, age == 40 ? "paused" : "resumed", "pause", ""));
    }
    if (age == 5 && pays_by_itself) {
        return demo_post(demo, day, "autopay.enabled", demo_id(demo, "auto", day->member, day->day),
                         day->day * MS_PER_DAY + 12 * MS_PER_HOUR, "{}");
    }
    return ERR_OK;
}

/* Every third member has a prepaid card, which is topped up; all others a line. */
static enum err live_telecom(struct demo *demo, const struct demo_day *today)
{
    struct demo_day day = *today;
    const bool is_prepaid = day.member % 3 == 0;
    struct dice app = demo_dice(demo, day.member, -1000000 - day.day);
    if (!is_prepaid) {
        try(live_line(demo, today));
    }
    if (!day.is_lost && demo_roll(&app) < 0.08) {
        try(demo_post(demo, &day, "app.opened", demo_id(demo, "app", day.member, day.day),
                      day.day * MS_PER_DAY + 8 * MS_PER_HOUR, "{}"));
    }
    if (!day.is_there) {
        return ERR_OK;
    }
    const bool is_phone = demo_roll(&day.dice) < 0.03;
    if (!is_prepaid && !is_phone && demo_roll(&day.dice) > 0.1) {
        return ERR_OK;
    }
    const int64_t amount = is_phone     ? 29900
                           : is_prepaid ? 1000 + 500 * demo_roll_below(&day.dice, 4)
                                        : 2490;
    const char *category = is_phone ? "phones" : is_prepaid ? "top-up" : "accessories";
    return demo_post(demo, &day, "purchase", demo_id(demo, "p", day.member, day.day), day.at,
                     "{\"amount\":%" PRId64 ",\"currency\":\"EUR\",\"channel\":\"app\",\"lines\":[{"
                     "\"id\":\"1\",\"category\":\"%s\",\"kind\":\"goods\","
                     "\"quantity\":\"1\",\"amount\":%" PRId64 "}]}",
                     amount, category, amount);
}

const struct life LIFE_TELECOM = {
    .name = "telecom",
    .pace = 0.5,
    .months = {1.0, 0.95, 1.0, 1.0, 1.0, 1.05, 1.1, 1.1, 1.0, 1.0, 1.1, 1.3},
    .wants = {{"data-5", 15, false}, {"trees", 24, false}},
    .survey = "network",
    .survey_days = 90,
    .complaints = {"There is no signal in my street.", "The bill is hard to read.",
                   "Roaming was dear.", "The hotline hung up on me."},
    .codes = {"starter-pack", "START", 0.3, NULL},
    .attributes = phone_attributes,
    .live = live_telecom,
};
