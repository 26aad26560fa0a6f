/* `loyald demo`: the generated life of a shop, the same for the same seed, however large.
 *
 * Every member has a kind (regular, occasional, rare, lost) drawn from the seed. A day of a member is drawn from
 * (seed, member, day) alone, so nothing is kept between days and a return finds its purchase by drawing it again.
 * Planted effect: members whose number is no multiple of 20 buy 15 % more often than the others, who stand for people
 * without a program (docs/demo.md). */
#include "base/base.h"
#include "cli/cli.h"

#include <math.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/config.h"
#include "engine/engine.h"
#include "vault/normal.h"

enum { DEMO_PER_TICKET = 2048, DEMO_MEMBERS_MAX = 10000000, DEMO_DAYS_MAX = 3650, CONTROL_EVERY = 20, LINES_MAX = 5 };
#define TICKET_BYTES_MAX ((size_t)4 * 1024 * 1024 * 1024)
#define PLANTED_EFFECT   1.15

static const char HELP[] =
    "Usage: loyald demo [--members N] [--days N] [--seed S]\n\n"
    "Enrols N members (default 2000) and books the purchases, returns and visits of the last N days\n"
    "(default 365) that the seed (default 1) gives. Running it twice changes nothing.\n";

struct product {
    const char *sku;
    const char *name;
    const char *category;
    int price; // minor units
};
static const struct product PRODUCTS[] = {
    {"ESP-1", "Espresso", "coffee", 240},          {"CAP-1", "Cappuccino", "coffee", 340},
    {"LAT-1", "Latte", "coffee", 390},             {"FLT-1", "Filter coffee", "coffee", 290},
    {"TEA-1", "Mint tea", "tea", 310},             {"TEA-2", "Earl Grey", "tea", 280},
    {"CHO-1", "Hot chocolate", "drinks", 380},     {"JUI-1", "Orange juice", "drinks", 420},
    {"WAT-1", "Sparkling water", "drinks", 250},   {"CRO-1", "Croissant", "breakfast", 260},
    {"PAN-1", "Pancakes", "breakfast", 780},       {"EGG-1", "Eggs on toast", "breakfast", 890},
    {"YOG-1", "Yoghurt and granola", "breakfast", 640}, {"SAN-1", "Goat cheese sandwich", "lunch", 760},
    {"SAN-2", "Salmon bagel", "lunch", 980},       {"SOU-1", "Soup of the day", "lunch", 690},
    {"SAL-1", "Big salad", "lunch", 1150},         {"APP-1", "Apple pie", "cake", 480},
    {"CHE-1", "Cheesecake", "cake", 520},          {"BRO-1", "Brownie", "cake", 390},
    {"BEA-1", "Beans 250 g", "beans", 895},        {"BEA-2", "Beans 1 kg", "beans", 2890},
    {"MUG-1", "Mug", "gifts", 1450},               {"POT-1", "French press", "gifts", 3490},
    {"VOU-1", "Gift card", "gift_card", 2500},
};

struct kind {
    double per_day;      // purchases
    double lines;        // mean lines in a basket
    int share;           // of a hundred members
    int lost_after_days; // 0: stays
};
static const struct kind KINDS[] = {{0.22, 2.2, 15, 0}, {0.06, 2.0, 40, 0}, {0.015, 2.6, 25, 0}, {0.09, 1.8, 20, 90}};

struct demo {
    struct cli *cli;
    struct engine *engine;
    const struct vault *vault;
    struct arena arena;
    struct submission *list;
    size_t n;
    int64_t members;
    int64_t seed;
    int64_t now;
    int64_t applied, replayed, refused;
};

/* splitmix64 (Steele, Lea, Flood): one well-mixed number from a counter. */
static uint64_t mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

struct dice {
    uint64_t state;
};

static struct dice dice_for(const struct demo *demo, int64_t member, int64_t day)
{
    return (struct dice){mix((uint64_t)demo->seed ^ mix((uint64_t)member ^ mix((uint64_t)day)))};
}

static double roll(struct dice *dice)
{
    dice->state = mix(dice->state);
    return (double)(dice->state >> 11) / 9007199254740992.0;
}

static const struct kind *kind_of(const struct demo *demo, int64_t member)
{
    struct dice dice = dice_for(demo, member, -1);
    int percent = (int)(roll(&dice) * 100);
    size_t i = 0;
    while (i + 1 < ARRAY_N(KINDS) && percent >= KINDS[i].share) {
        percent -= KINDS[i].share;
        i++;
    }
    return &KINDS[i];
}

/* Busy before Christmas, quiet in January and August, fuller on Saturdays. */
static double season(int32_t day)
{
    static const double MONTHS[] = {0.85, 0.9, 1.0, 1.0, 1.05, 1.0, 0.95, 0.85, 1.0, 1.05, 1.1, 1.45};
    static const double WEEKDAYS[] = {0.9, 0.9, 0.95, 1.0, 1.1, 1.35, 0.8};
    return MONTHS[civil_of_day(day).month - 1] * WEEKDAYS[weekday_of_day(day)];
}

/* The day on which a member joined, within the first nine tenths of the time shown. */
static int32_t joined_on(const struct demo *demo, int64_t member, int32_t first, int32_t today)
{
    struct dice dice = dice_for(demo, member, -2);
    return first + (int32_t)(roll(&dice) * roll(&dice) * (today - first) * 0.9);
}

struct basket {
    bool is_there;
    bool is_returned;       // five days later
    int64_t at;
    int64_t amount;
    struct line lines[LINES_MAX];
    size_t lines_n;
    int store;
};

static void draw_lines(struct dice *dice, const struct kind *kind, struct basket *basket)
{
    basket->lines_n = 1 + (size_t)(roll(dice) * kind->lines * 1.4);
    basket->lines_n = basket->lines_n > LINES_MAX ? (size_t)LINES_MAX : basket->lines_n;
    for (size_t i = 0; i < basket->lines_n; i++) {
        const double r = roll(dice);
        const struct product *product = &PRODUCTS[(size_t)(r * r * (double)ARRAY_N(PRODUCTS))]; // the first sell best
        const int64_t quantity = roll(dice) < 0.2 ? 2 : 1;
        basket->lines[i] = (struct line){
            .sku = str_c(product->sku),
            .name = str_c(product->name),
            .category = str_c(product->category),
            .kind = strcmp(product->category, "gift_card") == 0 ? LINE_GIFT_CARD : LINE_GOODS,
            .quantity_milli = quantity * 1000,
            .amount = quantity * product->price,
            .tax = quantity * product->price * 9 / 109,
        };
        basket->amount += basket->lines[i].amount;
    }
}

/* What a member does on a day: drawn from (seed, member, day) alone. */
static void draw_day(const struct demo *demo, int64_t member, int32_t day, int32_t joined, struct basket *out)
{
    static const int HOURS[] = {8, 8, 9, 9, 10, 11, 12, 12, 13, 15, 16, 17};
    struct dice dice = dice_for(demo, member, day);
    const struct kind *kind = kind_of(demo, member);
    const bool is_lost = kind->lost_after_days > 0 && day > joined + kind->lost_after_days;
    const double effect = member % CONTROL_EVERY == 0 ? 1.0 : PLANTED_EFFECT;
    *out = (struct basket){0};
    if (day < joined || is_lost || roll(&dice) >= kind->per_day * season(day) * effect) {
        return;
    }
    out->is_there = true;
    out->at = day * MS_PER_DAY + HOURS[(size_t)(roll(&dice) * ARRAY_N(HOURS))] * MS_PER_HOUR + (int64_t)(roll(&dice) * 3600) * 1000;
    out->is_returned = roll(&dice) < 0.03;
    out->store = (int)(roll(&dice) * 3);
    draw_lines(&dice, kind, out);
}

/* ---- submissions ---- */

static enum err flush(struct demo *demo)
{
    struct ticket ticket = {.list = demo->list, .n = demo->n};
    if (demo->n == 0) {
        return ERR_OK;
    }
    try(engine_run(demo->engine, &ticket));
    for (size_t i = 0; i < demo->n; i++) {
        const struct submission *s = &demo->list[i];
        if (s->err != ERR_OK && s->err != ERR_IDENTIFIER_TAKEN) {
            return fail(&demo->cli->fail, s->err, "", "%s: %.*s", event_kind_type(s->event.kind).p,
                        s->fail.items_n > 0 ? (int)s->fail.items[0].detail.n : 0, s->fail.items_n > 0 ? s->fail.items[0].detail.p : "");
        }
        demo->replayed += s->is_replay || s->err != ERR_OK;
        demo->refused += s->has_answer && s->answer.outcome == OUTCOME_REFUSED;
        demo->applied += s->has_answer && !s->is_replay;
    }
    arena_reset(&demo->arena);
    demo->n = 0;
    demo->list = NULL;
    return ERR_OK;
}

/* A place for one more submission of a member; flushes a full ticket. */
static enum err next(struct demo *demo, int64_t member, struct submission **out)
{
    if (demo->n == DEMO_PER_TICKET) {
        try(flush(demo));
    }
    if (demo->list == NULL) {
        demo->list = arena_new(&demo->arena, struct submission, DEMO_PER_TICKET);
    }
    struct submission *s = &demo->list[demo->n++];
    s->arena = &demo->arena;
    s->may_import = true;
    s->event.source = str_fmt(&demo->arena, "demo/%" PRId64, demo->seed);
    s->event.subject = str_fmt(&demo->arena, "ext:C-%" PRId64, member);
    *out = s;
    return identifier_make(&demo->arena, demo->vault, IDENT_EXTERNAL, str_after(s->event.subject, 4), &demo->cli->fail,
                           "", &s->subject);
}

static enum err add_enrolment(struct demo *demo, int64_t member, int32_t joined)
{
    static const char *const GIVEN[] = {"Ann", "Bram", "Carla", "Dewi", "Eva", "Finn", "Gosia", "Hugo", "Iris", "Jan",
                                        "Kasia", "Luis", "Marta", "Noor", "Olek", "Putri", "Rosa", "Sam", "Tess", "Wim"};
    static const char *const LANGUAGES[] = {"en", "es", "nl", "id", "pl"};
    struct dice dice = dice_for(demo, member, -3);
    struct submission *s = NULL;
    struct buf profile;
    try(next(demo, member, &s));
    const char *given = GIVEN[(size_t)(roll(&dice) * ARRAY_N(GIVEN))];
    const int64_t at = int64_min(joined * MS_PER_DAY + 7 * MS_PER_HOUR, demo->now);
    const struct str id = str_after(s->event.subject, 4);
    buf_open(&profile, &demo->arena, 4096);
    struct json_out w = json_out(&profile);
    json_open(&w, '{');
    json_key(&w, "external_id");
    json_put_str(&w, id);
    json_key(&w, "name");
    json_open(&w, '{');
    json_key(&w, "given");
    json_put_str(&w, str_c(given));
    json_close(&w, '}');
    json_close(&w, '}');
    s->kind = SUBMIT_ENROL;
    s->event.kind = EVENT_ENROLLED;
    s->event.type = event_kind_type(EVENT_ENROLLED);
    s->event.external_id = str_fmt(&demo->arena, "enrol-%" PRId64, member);
    s->event.time = at;
    s->enrolment = (struct enrolment){
        .identifiers = &s->subject,
        .identifiers_n = 1,
        .sealed_profile = buf_view(&profile),
        .clear = {
            .birth_on = day_of_civil((struct civil){.year = 1950 + (int)(roll(&dice) * 55), .month = 1 + (int)(roll(&dice) * 12), .day = 1 + (int)(roll(&dice) * 28)}),
            .country = STR("NL"),
            .language = str_c(LANGUAGES[(size_t)(roll(&dice) * ARRAY_N(LANGUAGES))]),
            .tags = STR("[]"),
            .attributes = STR("{}"),
        },
    };
    ensure(normal_name(&demo->arena, str_c(given), s->enrolment.name_words, &s->enrolment.name_words_n));
    submission_hash(s, demo->vault, NULL);
    return ERR_OK;
}

static enum err add_purchase(struct demo *demo, int64_t member, int32_t day, const struct basket *basket)
{
    static const char *const STORES[] = {"ams-1", "utr-1", "web"};
    struct submission *s = NULL;
    try(next(demo, member, &s));
    struct arena *arena = &demo->arena;
    s->event.kind = EVENT_PURCHASE;
    s->event.type = event_kind_type(EVENT_PURCHASE);
    s->event.external_id = str_fmt(arena, "p-%" PRId64 "-%d", member, day);
    s->event.time = basket->at;
    s->event.amount = basket->amount;
    s->event.currency = STR("EUR");
    s->event.store = str_c(STORES[basket->store]);
    s->event.channel = basket->store == 2 ? STR("web") : STR("store");
    s->event.lines_n = basket->lines_n;
    s->event.lines = arena_new(arena, struct line, basket->lines_n);
    for (size_t i = 0; i < basket->lines_n; i++) {
        s->event.lines[i] = basket->lines[i];
        s->event.lines[i].id = str_fmt(arena, "%zu", i + 1);
    }
    submission_hash(s, demo->vault, NULL);
    return ERR_OK;
}

static enum err add_return(struct demo *demo, int64_t member, int32_t bought_on)
{
    struct submission *s = NULL;
    try(next(demo, member, &s));
    s->event.kind = EVENT_REFUND;
    s->event.type = event_kind_type(EVENT_REFUND);
    s->event.external_id = str_fmt(&demo->arena, "r-%" PRId64 "-%d", member, bought_on);
    s->event.original.id = str_fmt(&demo->arena, "p-%" PRId64 "-%d", member, bought_on);
    s->event.time = (bought_on + 5) * MS_PER_DAY + 14 * MS_PER_HOUR;
    submission_hash(s, demo->vault, NULL);
    return ERR_OK;
}

static enum err live_day(struct demo *demo, int32_t day, int32_t first, int32_t today)
{
    for (int64_t member = 1; member <= demo->members; member++) {
        const int32_t joined = joined_on(demo, member, first, today);
        struct basket basket;
        if (day == joined) {
            try(add_enrolment(demo, member, joined));
        }
        if (day < joined) {
            continue;
        }
        draw_day(demo, member, day, joined, &basket);
        if (basket.is_there && basket.at < demo->now) {
            try(add_purchase(demo, member, day, &basket));
        }
        if (day - 5 >= joined) {
            draw_day(demo, member, day - 5, joined, &basket);
            if (basket.is_there && basket.is_returned) {
                try(add_return(demo, member, day - 5));
            }
        }
    }
    return ERR_OK;
}

static enum err live(struct demo *demo, int64_t days)
{
    const int32_t today = (int32_t)(demo->now / MS_PER_DAY);
    const int32_t first = today - (int32_t)days;
    for (int32_t day = first; day < today; day++) {
        try(live_day(demo, day, first, today));
        if (isatty(STDERR_FILENO)) {
            (void)fprintf(stderr, "\r%d of %d days ", day - first + 1, today - first);
        }
    }
    try(flush(demo));
    if (isatty(STDERR_FILENO)) {
        (void)fputc('\n', stderr);
    }
    return ERR_OK;
}

int cli_demo(int argc, char **argv)
{
    struct cli cli;
    struct store_base *base = NULL;
    struct store *reader = NULL;
    struct instance instance;
    struct demo demo = {.cli = &cli};
    const int opened = cli_open(&cli, argc, argv, HELP);
    if (opened != 0) {
        return opened == CLI_HELP ? 0 : opened;
    }
    demo.members = cli_option_int(&cli, "--members", 2000, 1, DEMO_MEMBERS_MAX);
    const int64_t days = cli_option_int(&cli, "--days", 365, 1, DEMO_DAYS_MAX);
    demo.seed = cli_option_int(&cli, "--seed", 1, 0, INT64_MAX);
    if (cli_done(&cli, 0) != 0) {
        return 2;
    }
    log_level_set(LOG_WARN);
    arena_open(&demo.arena, TICKET_BYTES_MAX);
    enum err err = store_base_open(&cli.store, &cli.fail, &base);
    if (err == ERR_OK) {
        demo.vault = store_base_vault(base);
        err = engine_open(&(struct engine_config){.base = base}, &cli.fail, &demo.engine);
    }
    if (err == ERR_OK) {
        err = store_open(base, DB_READER, &cli.fail, &reader);
    }
    if (err == ERR_OK) {
        err = store_instance_read(reader, &cli.arena, &instance);
    }
    if (err == ERR_OK) {
        demo.now = store_now(&instance);
        err = live(&demo, days);
    }
    if (err == ERR_OK) {
        (void)printf("{\"members\":%" PRId64 ",\"booked\":%" PRId64 ",\"refused\":%" PRId64 ",\"known\":%" PRId64 "}\n",
                     demo.members, demo.applied, demo.refused, demo.replayed);
    }
    store_close(reader);
    engine_close(demo.engine);
    store_base_close(base);
    const int code = err == ERR_OK ? 0 : cli_complain(&cli, err);
    arena_close(&demo.arena);
    cli_close(&cli);
    return code;
}
