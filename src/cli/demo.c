/* `loyald demo`: the generated life of a trade, the same for the same seed, however large. What
 * each trade's customers do is in demo_*.c; here is who they are, when they come, and the way into
 * the engine. */
#include "base/base.h"
#include "cli/cli.h"

#include <stdarg.h>
#include <unistd.h>

#include "api/event_read.h"
#include "base/log.h"
#include "cli/config.h"
#include "cli/demo_internal.h"
#include "engine/engine.h"
#include "store/versions.h"
#include "vault/normal.h"

enum {
    DEMO_MEMBERS_MAX = 10000000,
    DEMO_DAYS_MAX = 3650,
    REHEARSED_MAX = 40,
    CONTROL_EVERY = 20,
    NAMES_N = 20
};
#define TICKET_BYTES_MAX ((size_t)4 * 1024 * 1024 * 1024)
#define PLANTED_EFFECT   1.15

static const char HELP[] =
    "Usage: loyald demo [--life NAME] [--members N] [--days N] [--seed S] [--forward]\n\n"
    "Enrols N members (default 2000) and books what they do in the last N days (default 365) that "
    "the seed (default 1)\n"
    "gives. The life of a trade goes with the preset of its name: retail (the default), "
    "e-commerce, hospitality,\n"
    "airline, banking, telecom. Running it twice changes nothing.\n"
    "With --forward, on an instance made with --test-clock, the N days begin now and the clock "
    "goes along: birthdays,\n"
    "silences, months of subscriptions and what expires come about as they would.\n";

static const struct life *const LIVES[] = {&LIFE_RETAIL,  &LIFE_COMMERCE, &LIFE_HOSPITALITY,
                                           &LIFE_AIRLINE, &LIFE_BANKING,  &LIFE_TELECOM};

struct kind {
    double per_day;      // comes
    int share;           // of a hundred members
    int lost_after_days; // 0: stays
};
static const struct kind KINDS[DEMO_KINDS_N] = {
    {0.22, 15, 0}, {0.06, 40, 0}, {0.015, 25, 0}, {0.09, 20, 90}};

/* ---- chance ---- */

/* splitmix64 (Steele, Lea, Flood): one well-mixed number from a counter. */
static uint64_t mix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

struct dice demo_dice(const struct demo *demo, int64_t member, int64_t topic)
{
    return (struct dice){mix((uint64_t)demo->seed ^ mix((uint64_t)member ^ mix((uint64_t)topic)))};
}

double demo_roll(struct dice *dice)
{
    dice->state = mix(dice->state);
    return (double)(dice->state >> 11) / 9007199254740992.0;
}

int64_t demo_roll_below(struct dice *dice, int64_t n)
{
    return (int64_t)(demo_roll(dice) * (double)n);
}

int demo_kind_of(const struct demo *demo, int64_t member)
{
    struct dice dice = demo_dice(demo, member, TOPIC_KIND);
    int percent = (int)(demo_roll(&dice) * 100);
    size_t i = 0;
    while (i + 1 < ARRAY_N(KINDS) && percent >= KINDS[i].share) {
        percent -= KINDS[i].share;
        i++;
    }
    return (int)i;
}

double demo_kind_per_day(int kind)
{
    return KINDS[kind].per_day;
}

int32_t demo_joined_on(const struct demo *demo, int64_t member)
{
    struct dice dice = demo_dice(demo, member, TOPIC_JOINED);
    return demo->first +
           (int32_t)(demo_roll(&dice) * demo_roll(&dice) * (demo->today - demo->first) * 0.9);
}

static double season(const struct demo *demo, int32_t day)
{
    static const double WEEKDAYS[] = {0.9, 0.9, 0.95, 1.0, 1.1, 1.35, 0.8};
    return demo->life->months[civil_of_day(day).month - 1] * WEEKDAYS[weekday_of_day(day)];
}

struct demo_day demo_day_of(const struct demo *demo, int64_t member, int32_t day)
{
    static const int HOURS[] = {8, 8, 9, 9, 10, 11, 12, 12, 13, 15, 16, 17};
    struct demo_day out = {.member = member,
                           .day = day,
                           .joined = demo_joined_on(demo, member),
                           .kind = demo_kind_of(demo, member)};
    const struct kind *kind = &KINDS[out.kind];
    const double effect = member % CONTROL_EVERY == 0 ? 1.0 : PLANTED_EFFECT;
    out.dice = demo_dice(demo, member, day);
    out.is_lost = kind->lost_after_days > 0 && day > out.joined + kind->lost_after_days;
    out.is_there =
        day >= out.joined && !out.is_lost &&
        demo_roll(&out.dice) < kind->per_day * demo->life->pace * season(demo, day) * effect;
    out.at = day * MS_PER_DAY + HOURS[demo_roll_below(&out.dice, ARRAY_N(HOURS))] * MS_PER_HOUR +
             demo_roll_below(&out.dice, 3600) * MS_PER_S;
    return out;
}

/* ---- submissions ---- */

struct arena *demo_arena(struct demo *demo)
{
    return &demo->arena;
}

bool demo_is_history(const struct demo *demo, int32_t day)
{
    return (day + 1) * MS_PER_DAY <= demo->published_at;
}

struct str demo_id(struct demo *demo, const char *prefix, int64_t member, int32_t day)
{
    return str_fmt(&demo->arena, "%s-%" PRId64 "-%d", prefix, member, day);
}

enum err demo_misfit(struct demo *demo, const char *type, enum err err, struct str why)
{
    const char *booked =
        demo->is_rehearsal ? "Nothing was booked." : "What was booked before stays.";
    if (err == ERR_EVENT_CONFLICT) {
        return fail(&demo->cli->fail, err, "",
                    "%s: another life of these people was booked here. %s Give the same --life, "
                    "--members, --days and "
                    "--seed on the same day to book nothing twice, another --seed for more of "
                    "their life, or use an instance of its own.",
                    type, booked);
    }
    return fail(&demo->cli->fail, err, "",
                "%s: %.*s %s The life \"%s\" goes with the preset of its name: name the life of "
                "the program that is published, or "
                "make an instance with \"loyald init --preset %s\".",
                type, STR_ARG(why), booked, demo->life->name, demo->life->name);
}

static enum err complain(struct demo *demo, const char *type, enum err err, const struct fail *f)
{
    return demo_misfit(demo, type, err, f->items_n > 0 ? f->items[0].detail : STR(""));
}

/* What went wrong with the submissions of a ticket, if anything: who is a member already is no
 * harm. */
static enum err check_answers(struct demo *demo)
{
    for (size_t i = 0; i < demo->n; i++) {
        const struct submission *s = &demo->list[i];
        if (s->err != ERR_OK && s->err != ERR_IDENTIFIER_TAKEN) {
            return complain(demo, s->event.type.p, s->err, &s->fail);
        }
    }
    return ERR_OK;
}

static void drop(struct demo *demo)
{
    arena_reset(&demo->arena);
    demo->n = 0;
    demo->list = NULL;
}

enum err demo_flush(struct demo *demo)
{
    struct ticket ticket = {.list = demo->list, .n = demo->n};
    demo->booked = demo->day;
    if (demo->n == 0) {
        return ERR_OK;
    }
    try(engine_run(demo->engine, &ticket));
    try(check_answers(demo));
    for (size_t i = 0; i < demo->n; i++) {
        const struct submission *s = &demo->list[i];
        demo->replayed += s->is_replay || s->err != ERR_OK;
        demo->refused += s->has_answer && s->answer.outcome == OUTCOME_REFUSED;
        demo->applied += s->has_answer && !s->is_replay;
        demo_follow_note(demo, s);
    }
    drop(demo);
    return ERR_OK;
}

struct submission *demo_next(struct demo *demo)
{
    if (demo->list == NULL) {
        demo->list = arena_new(&demo->arena, struct submission, DEMO_PER_TICKET);
    }
    ensure(demo->n < DEMO_PER_TICKET);
    struct submission *s = &demo->list[demo->n++];
    *s = (struct submission){.arena = &demo->arena, .may_import = true};
    return s;
}

/* Whether a member's day fits into the ticket. */
static bool has_room(const struct demo *demo)
{
    enum { PER_MEMBER_MAX = 32 };
    return demo->n + PER_MEMBER_MAX <= DEMO_PER_TICKET;
}

enum err demo_make_room(struct demo *demo)
{
    return has_room(demo) ? ERR_OK : demo_flush(demo);
}

enum err demo_post(struct demo *demo, const struct demo_day *day, const char *type, struct str id,
                   int64_t at, const char *data, ...)
{
    char body[DEMO_DATA_BYTES_MAX];
    char time[INSTANT_BYTES + 1];
    struct fail f = {.arena = &demo->arena};
    struct submission *s = NULL;
    const struct json *json = NULL;
    va_list args;
    if (at >= demo->now || day->day < day->joined) {
        return ERR_OK;
    }
    va_start(args, data);
    const int n = vsnprintf(body, sizeof body, data, args);
    va_end(args);
    ensure(n > 0 && n < (int)sizeof body);
    instant_write(at, time);
    const struct str text =
        str_fmt(&demo->arena,
                "{\"specversion\":\"1.0\",\"source\":\"demo/%" PRId64
                "\",\"id\":\"%.*s\",\"type\":\"%s\",\"subject\":\"ext:C-%" PRId64
                "\",\"time\":\"%.*s\",\"data\":%s}",
                demo->seed, STR_ARG(id), type, day->member, (int)INSTANT_BYTES, time, body);
    s = demo_next(demo);
    enum err err = json_read(&demo->arena, text, &f, &json);
    if (err == ERR_OK) {
        err = event_read(&demo->arena, demo->vault, json, NULL, &f, s);
    }
    s->arena = &demo->arena;
    s->may_import = true;
    return err == ERR_OK ? ERR_OK : complain(demo, type, err, &f);
}

/* ---- what all trades have ---- */

/* `code`: of who has brought them, empty: nobody. */
static enum err add_enrolment(struct demo *demo, int64_t member, int32_t joined, struct str code)
{
    static const char *const GIVEN[NAMES_N] = {
        "Ann",   "Bram", "Carla", "Dewi", "Eva",  "Finn",  "Gosia", "Hugo", "Iris", "Jan",
        "Kasia", "Luis", "Marta", "Noor", "Olek", "Putri", "Rosa",  "Sam",  "Tess", "Wim"};
    static const char *const LANGUAGES[] = {"en", "es", "nl", "id", "pl"};
    struct dice dice = demo_dice(demo, member, TOPIC_PERSON);
    struct submission *s = NULL;
    struct arena *arena = &demo->arena;
    const struct str id = str_fmt(arena, "C-%" PRId64, member);
    const struct str given = str_c(GIVEN[demo_roll_below(&dice, NAMES_N)]);
    s = demo_next(demo);
    s->kind = SUBMIT_ENROL;
    s->event.kind = EVENT_ENROLLED;
    s->event.type = event_kind_type(EVENT_ENROLLED);
    s->event.source = str_fmt(arena, "demo/%" PRId64, demo->seed);
    s->event.subject = str_fmt(arena, "ext:%.*s", STR_ARG(id));
    s->event.external_id = str_fmt(arena, "enrol-%" PRId64, member);
    s->event.time = int64_min(joined * MS_PER_DAY + 7 * MS_PER_HOUR, demo->now);
    try(identifier_make(arena, demo->vault, IDENT_EXTERNAL, id, &demo->cli->fail, "", &s->subject));
    s->enrolment = (struct enrolment){
        .identifiers = &s->subject,
        .identifiers_n = 1,
        .sealed_profile = str_fmt(arena, "{\"external_id\":\"%.*s\",\"name\":{\"given\":\"%.*s\"}}",
                                  STR_ARG(id), STR_ARG(given)),
        .clear =
            {
                .birth_on =
                    day_of_civil((struct civil){.year = 1950 + (int)demo_roll_below(&dice, 55),
                                                .month = 1 + (int)demo_roll_below(&dice, 12),
                                                .day = 1 + (int)demo_roll_below(&dice, 28)}),
                .country = STR("NL"),
                .language = str_c(LANGUAGES[demo_roll_below(&dice, ARRAY_N(LANGUAGES))]),
                .tags = STR("[]"),
                .attributes = demo->life->attributes != NULL
                                  ? demo->life->attributes(demo, member, joined)
                                  : STR("{}"),
            },
    };
    ensure(normal_name(arena, given, s->enrolment.name_words, &s->enrolment.name_words_n));
    if (code.n > 0) {
        s->event.data = json_object_of(arena, "referral_code", json_text_new(arena, code));
    }
    submission_hash(s, demo->vault, s->event.data);
    return ERR_OK;
}

/* ---- the life ---- */

static enum err join(struct demo *demo, const struct demo_day *day)
{
    struct str code;
    try(demo_friend_code(demo, day->member, &code));
    const bool is_now = demo_names_at_enrolment(demo, day->member);
    try(add_enrolment(demo, day->member, day->day, is_now ? code : (struct str){0}));
    return is_now || code.n == 0 ? ERR_OK : demo_name_later(demo, day, code);
}

static enum err live_member_day(struct demo *demo, int64_t member, int32_t day)
{
    const struct demo_day today = demo_day_of(demo, member, day);
    if (day == today.joined) {
        try(join(demo, &today));
    }
    try(demo->life->live(demo, &today));
    try(demo_live_beside(demo, &today));
    return demo_buy(demo, &today);
}

static enum err live_day(struct demo *demo, int32_t day)
{
    for (int64_t member = 1; member <= demo->members; member++) {
        if (day >= demo_joined_on(demo, member)) {
            try(demo_make_room(demo));
            try(live_member_day(demo, member, day));
        }
    }
    return ERR_OK;
}

/* The lives of the first members whom nobody has brought, as if they ended now, by dry run: a life
 * that does not fit the program is found before anything is booked. */
static enum err rehearse(struct demo *demo, struct store *reader)
{
    const int32_t days = demo->today - demo->first;
    const int32_t first = demo->first;
    demo->is_rehearsal = true;
    demo->today = (int32_t)(demo->now / MS_PER_DAY);
    demo->first = demo->today - days;
    for (int64_t member = 1; member <= int64_min(demo->members, REHEARSED_MAX); member++) {
        const bool is_brought = demo_is_brought(
            demo, member); // their friend's code is drawn when it is first asked for
        for (int32_t day = demo_joined_on(demo, member);
             !is_brought && day < demo->today && has_room(demo); day++) {
            try(live_member_day(demo, member, day));
        }
    }
    if (demo->n > 0) {
        try(engine_dry_run(reader, &demo->arena, demo->list, demo->n));
    }
    try(check_answers(demo));
    drop(demo);
    demo->is_rehearsal = false;
    demo->first = first;
    demo->today = first + days;
    return ERR_OK;
}

static enum err live(struct demo *demo)
{
    try(demo_codes_upload(demo));
    for (int32_t day = demo->first; day < demo->today; day++) {
        demo->day = day;
        if (demo->is_forward) {
            try(demo_flush(demo));
            demo->now = (day + 1) * MS_PER_DAY;
            try(engine_clock_set(demo->engine, STR("cli"), demo->now, &demo->cli->fail));
        }
        try(demo_follow(demo));
        try(live_day(demo, day));
        if (isatty(STDERR_FILENO)) {
            (void)fprintf(stderr, "\r%d of %d days ", day - demo->first + 1,
                          demo->today - demo->first);
        }
    }
    try(demo_flush(demo));
    try(demo_follow(demo));
    try(demo_flush(demo));
    if (isatty(STDERR_FILENO)) {
        (void)fputc('\n', stderr);
    }
    return ERR_OK;
}

static const struct life *find_life(struct str name)
{
    for (size_t i = 0; i < ARRAY_N(LIVES); i++) {
        if (str_eq(name, str_c(LIVES[i]->name))) {
            return LIVES[i];
        }
    }
    return NULL;
}

/* Forward, the days begin where the clock stands; else they end there. */
static enum err set_days(struct demo *demo, const struct instance *instance, int64_t days)
{
    if (demo->is_forward && !instance->has_test_clock) {
        return fail(&demo->cli->fail, ERR_CONFIG, "",
                    "--forward moves the clock: it needs an instance made with --test-clock.");
    }
    demo->now = store_now(instance);
    const int32_t now_on = (int32_t)(demo->now / MS_PER_DAY);
    demo->first = demo->is_forward ? now_on : now_on - (int32_t)days;
    demo->today = demo->first + (int32_t)days;
    return ERR_OK;
}

static enum err read_publishing(struct demo *demo, struct store *reader)
{
    struct program_version first = {0};
    const enum err err = store_version_read(reader, &demo->cli->arena, 1, &first);
    demo->published_at = first.published_at;
    return err == ERR_NOT_FOUND ? ERR_OK : err; // the first event says that there is none
}

int cli_demo(int argc, char **argv)
{
    static struct demo demo; // large
    struct cli cli;
    struct store_base *base = NULL;
    struct store *reader = NULL;
    struct instance instance;
    struct str name = STR("retail");
    const int opened = cli_open(&cli, argc, argv, HELP);
    if (opened != 0) {
        return opened == CLI_HELP ? 0 : opened;
    }
    demo = (struct demo){.cli = &cli};
    demo.members = cli_option_int(&cli, "--members", 2000, 1, DEMO_MEMBERS_MAX);
    const int64_t days = cli_option_int(&cli, "--days", 365, 1, DEMO_DAYS_MAX);
    demo.seed = cli_option_int(&cli, "--seed", 1, 0, INT64_MAX);
    demo.is_forward = cli_switch(&cli, "--forward");
    (void)cli_option(&cli, "--life", &name);
    if (cli_done(&cli, 0) != 0) {
        return 2;
    }
    log_level_set(LOG_WARN);
    arena_open(&demo.arena, TICKET_BYTES_MAX);
    demo.life = find_life(name);
    enum err err = demo.life != NULL ? ERR_OK
                                     : fail(&cli.fail, ERR_CONFIG, "",
                                            "There is no life \"%.*s\"; there are: retail, "
                                            "e-commerce, hospitality, airline, banking, telecom.",
                                            STR_ARG(name));
    if (err == ERR_OK) {
        err = store_base_open(&cli.store, &cli.fail, &base);
    }
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
        err = set_days(&demo, &instance, days);
    }
    if (err == ERR_OK) {
        err = read_publishing(&demo, reader);
    }
    if (err == ERR_OK) {
        err = rehearse(&demo, reader);
    }
    if (err == ERR_OK) {
        err = live(&demo);
    }
    if (err == ERR_OK) {
        (void)printf("{\"members\":%" PRId64 ",\"booked\":%" PRId64 ",\"refused\":%" PRId64
                     ",\"known\":%" PRId64 "}\n",
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
