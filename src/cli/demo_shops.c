/* The lives of a café with two shops and a web shop, and of a web shop for the home. */
#include "base/base.h"
#include "cli/demo.h"

enum { LINES_MAX = 5, LINE_BYTES = 300, SENT_AFTER_DAYS = 2 };

struct product {
    const char *sku;
    const char *name;
    const char *category;
    int price; // minor units
};
static const struct product CAFE[] = {
    {"ESP-1", "Espresso", "coffee", 240},
    {"CAP-1", "Cappuccino", "coffee", 340},
    {"LAT-1", "Latte", "coffee", 390},
    {"FLT-1", "Filter coffee", "coffee", 290},
    {"TEA-1", "Mint tea", "tea", 310},
    {"TEA-2", "Earl Grey", "tea", 280},
    {"CHO-1", "Hot chocolate", "drinks", 380},
    {"JUI-1", "Orange juice", "drinks", 420},
    {"WAT-1", "Sparkling water", "drinks", 250},
    {"CRO-1", "Croissant", "breakfast", 260},
    {"PAN-1", "Pancakes", "breakfast", 780},
    {"EGG-1", "Eggs on toast", "breakfast", 890},
    {"YOG-1", "Yoghurt and granola", "breakfast", 640},
    {"SAN-1", "Goat cheese sandwich", "lunch", 760},
    {"SAN-2", "Salmon bagel", "lunch", 980},
    {"SOU-1", "Soup of the day", "lunch", 690},
    {"SAL-1", "Big salad", "lunch", 1150},
    {"APP-1", "Apple pie", "cake", 480},
    {"CHE-1", "Cheesecake", "cake", 520},
    {"BRO-1", "Brownie", "cake", 390},
    {"BEA-1", "Beans 250 g", "beans", 895},
    {"BEA-2", "Beans 1 kg", "beans", 2890},
    {"MUG-1", "Mug", "gifts", 1450},
    {"POT-1", "French press", "gifts", 3490},
    {"VOU-1", "Gift card", "gift_card", 2500},
};
static const struct product HOME[] = {
    {"NAP-4", "Napkins, set of four", "linen", 2400},
    {"SHE-1", "Linen sheet", "linen", 7900},
    {"TOW-2", "Towels, pair", "linen", 3200},
    {"CUP-6", "Cups, set of six", "tableware", 4200},
    {"BOW-4", "Bowls, set of four", "tableware", 3600},
    {"NEW-GLO", "Glow table lamp", "lamps", 5900},
    {"LAM-2", "Reading lamp", "lamps", 8900},
    {"CAN-1", "Candle", "decoration", 1800},
    {"VAS-1", "Vase", "decoration", 3900},
    {"PLA-8", "Plates, set of eight", "tableware", 6800},
    {"NEW-ARC", "Arc floor lamp", "lamps", 18900},
    {"OUT-1", "Last year's cushion", "outlet", 1500},
    {"DUV-1", "Duvet cover", "linen", 12900},
    {"TAB-1", "Side table", "furniture", 15900},
};

struct basket {
    char lines[LINES_MAX * LINE_BYTES]; // JSON
    int64_t amount;
    int lines_n;
    const char *first_sku;
};

/* The first articles of a list sell best. */
static void draw_basket(struct dice *dice, const struct product *products, size_t products_n,
                        double mean_lines, struct basket *out)
{
    size_t used = 0;
    *out = (struct basket){.lines_n = 1 + (int)(demo_roll(dice) * mean_lines * 1.4)};
    out->lines_n = out->lines_n > LINES_MAX ? (int)LINES_MAX : out->lines_n;
    for (int i = 0; i < out->lines_n; i++) {
        const double r = demo_roll(dice);
        const struct product *product = &products[(size_t)(r * r * (double)products_n)];
        const int quantity = demo_roll(dice) < 0.2 ? 2 : 1;
        const int amount = quantity * product->price;
        const char *kind = strcmp(product->category, "gift_card") == 0 ? "gift_card" : "goods";
        const int n = snprintf(out->lines + used, sizeof out->lines - used,
                               "%s{\"id\":\"%d\",\"sku\":\"%s\",\"name\":\"%s\",\"category\":\"%"
                               "s\",\"kind\":\"%s\",\"quantity\":\"%d\","
                               "\"amount\":%d,\"tax\":%d}",
                               i > 0 ? "," : "", i + 1, product->sku, product->name,
                               product->category, kind, quantity, amount, amount * 9 / 109);
        used += (size_t)n;
        ensure(used < sizeof out->lines);
        out->amount += amount;
        out->first_sku = i == 0 ? product->sku : out->first_sku;
    }
}

/* ---- the café ---- */

static const double CAFE_LINES[] = {2.2, 2.0, 2.6, 1.8};

static bool draw_cafe(struct demo_day *day, struct basket *basket, int *store)
{
    const bool is_returned = demo_roll(&day->dice) < 0.03;
    *store = (int)demo_roll_below(&day->dice, 3);
    draw_basket(&day->dice, CAFE, ARRAY_N(CAFE), CAFE_LINES[day->kind], basket);
    return is_returned;
}

static enum err live_retail(struct demo *demo, const struct demo_day *today)
{
    static const char *const STORES[] = {"ams-1", "utr-1", "web"};
    struct demo_day day = *today;
    struct basket basket;
    int store = 0;
    if (day.is_there) {
        (void)draw_cafe(&day, &basket, &store);
        try(demo_post(demo, &day, "purchase", demo_id(demo, "p", day.member, day.day), day.at,
                      "{\"amount\":%" PRId64
                      ",\"currency\":\"EUR\",\"store\":\"%s\",\"channel\":\"%s\",\"lines\":[%s]}",
                      basket.amount, STORES[store], store == 2 ? "web" : "store", basket.lines));
    }
    struct demo_day before = demo_day_of(demo, day.member, day.day - 5);
    if (before.is_there && draw_cafe(&before, &basket, &store)) {
        return demo_post(demo, &day, "refund", demo_id(demo, "r", day.member, before.day),
                         day.day * MS_PER_DAY + 14 * MS_PER_HOUR,
                         "{\"original\":{\"id\":\"p-%" PRId64 "-%d\"}}", day.member, before.day);
    }
    return ERR_OK;
}

const struct life LIFE_RETAIL = {
    .name = "retail",
    .pace = 1.0,
    .months = {0.85, 0.9, 1.0, 1.0, 1.05, 1.0, 0.95, 0.85, 1.0, 1.05, 1.1, 1.45},
    .wants = {{"free-coffee", 30, true}, {"five-off", 70, true}},
    .survey = "nps",
    .survey_days = 90,
    .complaints = {"The queue was long.", "My coffee was cold.", "It is too loud in there.",
                   "They had run out of cake again."},
    .quiz = {"beans", 1, 1, {{"origin", "ethiopia", "italy"}, {"crema", "foam", "cream"}}},
    .live = live_retail,
};

/* ---- the web shop ---- */

enum fate { FATE_KEPT, FATE_CANCELLED, FATE_RETURNED };

static enum fate draw_order(struct demo_day *day, struct basket *basket)
{
    const double r = demo_roll(&day->dice);
    draw_basket(&day->dice, HOME, ARRAY_N(HOME), 1.8, basket);
    return r < 0.03 ? FATE_CANCELLED : r < 0.13 ? FATE_RETURNED : FATE_KEPT;
}

/* An order is sent after two days, or cancelled; some of it comes back after twelve; of what stays
 * some is reviewed. */
static enum err follow_orders(struct demo *demo, const struct demo_day *today)
{
    struct basket basket;
    struct demo_day before = demo_day_of(demo, today->member, today->day - SENT_AFTER_DAYS);
    const bool goes = before.is_there && draw_order(&before, &basket) != FATE_CANCELLED;
    if (before.is_there && !(goes && demo_is_history(demo, today->day))) {
        try(demo_post(demo, today, goes ? "purchase.completed" : "purchase.cancelled",
                      demo_id(demo, "c", today->member, before.day),
                      before.at + SENT_AFTER_DAYS * MS_PER_DAY,
                      "{\"original\":{\"id\":\"o-%" PRId64 "-%d\"}}", today->member, before.day));
    }
    before = demo_day_of(demo, today->member, today->day - 12);
    if (before.is_there && draw_order(&before, &basket) == FATE_RETURNED) {
        return demo_post(demo, today, "refund", demo_id(demo, "r", today->member, before.day),
                         before.at + 12 * MS_PER_DAY,
                         "{\"original\":{\"id\":\"o-%" PRId64
                         "-%d\"},\"lines\":[{\"id\":\"1\",\"quantity\":\"1\"}]}",
                         today->member, before.day);
    }
    before = demo_day_of(demo, today->member, today->day - 15);
    if (before.is_there && draw_order(&before, &basket) == FATE_KEPT &&
        demo_roll(&before.dice) < 0.12) {
        static const char *const WORDS[] = {
            "Just as in the picture.", "Well made, and it came quickly.",
            "Nice, but smaller than I thought.", "A present, and it was liked."};
        const int64_t stars =
            5 - demo_roll_below(&before.dice, 3) * demo_roll_below(&before.dice, 2);
        const char *words = WORDS[demo_roll_below(&before.dice, ARRAY_N(WORDS))];
        return demo_post(demo, today, "review.submitted",
                         demo_id(demo, "v", today->member, before.day), before.at + 15 * MS_PER_DAY,
                         "{\"original\":{\"id\":\"o-%" PRId64
                         "-%d\"},\"line\":\"1\",\"stars\":%" PRId64 ",\"text\":\"%s\"}",
                         today->member, before.day, stars, words);
    }
    return ERR_OK;
}

static enum err live_commerce(struct demo *demo, const struct demo_day *today)
{
    struct demo_day day = *today;
    struct basket basket;
    struct dice app = demo_dice(demo, day.member, -1000000 - day.day);
    if (day.kind < 2 && !day.is_lost && demo_roll(&app) < 0.15) {
        try(demo_post(demo, &day, "app.opened", demo_id(demo, "a", day.member, day.day),
                      day.day * MS_PER_DAY + 8 * MS_PER_HOUR, "{\"version\":\"4.2\"}"));
    }
    if (day.is_there) {
        const bool is_done = demo_is_history(demo, day.day + SENT_AFTER_DAYS);
        (void)draw_order(&day, &basket);
        const bool is_app = day.kind == 0 && demo_roll(&day.dice) < 0.5;
        try(demo_post(demo, &day, "purchase", demo_id(demo, "o", day.member, day.day), day.at,
                      "{\"amount\":%" PRId64 ",\"currency\":\"EUR\",\"channel\":\"%s\",\"status\":"
                      "\"%s\",\"lines\":[%s,{\"id\":\"d\",\"category\":"
                      "\"delivery\",\"kind\":\"service\",\"quantity\":\"1\",\"amount\":395}]}",
                      basket.amount + 395, is_app ? "app" : "web", is_done ? "completed" : "placed",
                      basket.lines));
    }
    return follow_orders(demo, today);
}

const struct life LIFE_COMMERCE = {
    .name = "e-commerce",
    .pace = 0.18,
    .months = {1.1, 0.9, 0.9, 0.95, 0.95, 0.9, 0.85, 0.8, 1.0, 1.05, 1.4, 1.5},
    .wants = {{"off-5", 8, true}, {"candle", 16, false}, {"charity", 12, false}},
    .survey = "after-delivery",
    .survey_days = 60,
    .complaints = {"It came two days late.", "The box was open.",
                   "The colour is not the one in the picture.", "Nobody answers the phone."},
    .codes = {"in-the-box", "BOX", 0.2, "LUMEN-CAST"},
    .live = live_commerce,
};
