/* What members do beside buying: they name who has brought them, answer surveys and quizzes, enter
 * codes. Each is drawn from dice of its own, so that none of it changes who comes and what they
 * buy. */
#include "base/base.h"
#include "cli/demo_internal.h"

#include "store/audit.h"
#include "store/referrals.h"
#include "store/rewards.h"

#define IS_BROUGHT   0.18
#define ANSWERS      0.25
#define TAKES_A_QUIZ 0.35
#define KNOWS        0.7 // a right answer
#define TRIES_AGAIN  0.2 // a code that was used
#define GUESSES      0.06

enum { ADVOCATES_TRIED_MAX = 12, BROUGHT_AFTER_DAYS = 10 };

/* ---- friends ---- */

/* Who has been there for a while and comes often tells others. */
static int64_t advocate_of(const struct demo *demo, int64_t member, int32_t joined)
{
    struct dice dice = demo_dice(demo, member, TOPIC_FRIEND);
    if (demo_roll(&dice) >= IS_BROUGHT) {
        return 0;
    }
    for (int i = 0; i < ADVOCATES_TRIED_MAX; i++) {
        const int64_t other = 1 + demo_roll_below(&dice, demo->members);
        if (demo_kind_of(demo, other) < 2 &&
            demo_joined_on(demo, other) + BROUGHT_AFTER_DAYS <= joined) {
            return other;
        }
    }
    return 0;
}

bool demo_is_brought(const struct demo *demo, int64_t member)
{
    return advocate_of(demo, member, demo_joined_on(demo, member)) != 0;
}

struct code_read {
    struct demo *demo;
    int64_t advocate;
    struct str code;
};

/* As `GET /v1/members/{id}/referral` does: the code is made where there is none yet. */
static enum err read_code(struct store *store, struct arena *arena, void *self)
{
    struct code_read *read = self;
    struct arena *kept = &read->demo->arena;
    struct fail f = {.arena = arena};
    struct identifier identifier;
    struct member_facts facts = {0};
    try(identifier_make(arena, store_vault(store), IDENT_EXTERNAL,
                        str_fmt(kept, "C-%" PRId64, read->advocate), &f, "", &identifier));
    try(store_members_find(store, arena, &identifier, 1, &facts.member));
    if (facts.member == 0) {
        return ERR_NOT_FOUND;
    }
    try(store_members_lock(store, arena, &facts.member, 1));
    try(store_facts_load(store, arena, &facts, 1, false));
    return store_referral_code_make(store, kept, &facts, &read->code);
}

enum err demo_friend_code(struct demo *demo, int64_t member, struct str *code)
{
    struct code_read read = {.demo = demo,
                             .advocate = advocate_of(demo, member, demo_joined_on(demo, member))};
    struct ticket ticket = {.job = read_code, .job_self = &read};
    *code = (struct str){0};
    if (read.advocate == 0) {
        return ERR_OK;
    }
    if (demo_joined_on(demo, read.advocate) >= demo->booked) {
        try(demo_flush(demo));
    }
    try(engine_run(demo->engine, &ticket));
    *code = read.code;
    return ERR_OK;
}

bool demo_names_at_enrolment(const struct demo *demo, int64_t member)
{
    struct dice dice = demo_dice(demo, member, TOPIC_FRIEND - 100);
    return demo_roll(&dice) < 0.7;
}

/* One in six leaves the last character out. */
enum err demo_name_later(struct demo *demo, const struct demo_day *day, struct str code)
{
    struct dice dice = demo_dice(demo, day->member, TOPIC_FRIEND - 200);
    const size_t n = demo_roll_below(&dice, 6) == 0 ? code.n - 1 : code.n;
    return demo_post(demo, day, "referral", demo_id(demo, "friend", day->member, day->day),
                     day->day * MS_PER_DAY + 7 * MS_PER_HOUR + MS_PER_HOUR / 2,
                     "{\"code\":\"%.*s\"}", (int)n, code.p);
}

/* ---- surveys and quizzes ---- */

/* Who comes is asked what they think, once in each stretch of twice the survey's pause. Most who
 * give a low mark say why. */
static enum err answer_survey(struct demo *demo, const struct demo_day *day)
{
    const struct life *life = demo->life;
    const int32_t stretch = day->day / (2 * life->survey_days);
    struct dice dice = demo_dice(demo, day->member, TOPIC_SURVEY - 100 * (int64_t)stretch);
    const int32_t on = (int32_t)demo_roll_below(&dice, life->survey_days);
    if (day->is_lost || day->day != stretch * 2 * life->survey_days + on ||
        demo_roll(&dice) > ANSWERS) {
        return ERR_OK;
    }
    const int64_t score = day->kind == 3
                              ? demo_roll_below(&dice, 7)
                              : 10 - demo_roll_below(&dice, 4) * demo_roll_below(&dice, 3);
    const bool says_why = score <= 6 && demo_roll(&dice) < 0.6;
    const struct str csat =
        life->survey_csat == NULL
            ? STR("")
            : str_fmt(&demo->arena, ",\"%s\":%" PRId64, life->survey_csat, 1 + score * 4 / 10);
    const struct str why =
        says_why ? str_fmt(&demo->arena, ",\"why\":\"%s\"",
                           life->complaints[demo_roll_below(&dice, DEMO_COMPLAINTS_N)])
                 : STR("");
    return demo_post(demo, day, "survey.completed", demo_id(demo, "nps", day->member, day->day),
                     day->day * MS_PER_DAY + 19 * MS_PER_HOUR,
                     "{\"survey\":\"%s\",\"answers\":{\"score\":%" PRId64 "%.*s%.*s}}",
                     life->survey, score, STR_ARG(csat), STR_ARG(why));
}

/* Draws the answers of one attempt as JSON; returns how many are right. */
static int draw_attempt(struct demo *demo, const struct demo_quiz *quiz, struct dice *dice,
                        struct str *answers)
{
    int right = 0;
    *answers = STR("");
    for (size_t i = 0; i < DEMO_QUESTIONS_MAX && quiz->questions[i].slug != NULL; i++) {
        const bool knows = demo_roll(dice) < KNOWS;
        right += knows;
        *answers = str_fmt(&demo->arena, "%.*s%s\"%s\":\"%s\"", STR_ARG(*answers), i > 0 ? "," : "",
                           quiz->questions[i].slug,
                           knows ? quiz->questions[i].right : quiz->questions[i].wrong);
    }
    return right;
}

/* In the first weeks, by some; who fails tries again on the next days while they may. */
static enum err take_quiz(struct demo *demo, const struct demo_day *day)
{
    const struct demo_quiz *quiz = &demo->life->quiz;
    struct dice dice = demo_dice(demo, day->member, TOPIC_QUIZ);
    const bool takes_it = demo_roll(&dice) < TAKES_A_QUIZ;
    const int attempt = day->day - day->joined - 3 - (int)demo_roll_below(&dice, 30);
    struct str answers;
    if (quiz->slug == NULL || !takes_it || attempt < 0 || attempt >= quiz->attempts) {
        return ERR_OK;
    }
    int right = draw_attempt(demo, quiz, &dice, &answers);
    for (int i = 0; i < attempt; i++) {
        if (right >= quiz->pass) {
            return ERR_OK;
        }
        right = draw_attempt(demo, quiz, &dice, &answers);
    }
    return demo_post(demo, day, "quiz.completed", demo_id(demo, "quiz", day->member, day->day),
                     day->day * MS_PER_DAY + 20 * MS_PER_HOUR,
                     "{\"quiz\":\"%s\",\"answers\":{%.*s}}", quiz->slug, STR_ARG(answers));
}

/* ---- codes ---- */

static bool has_code(const struct demo *demo, int64_t member, struct dice *dice)
{
    *dice = demo_dice(demo, member, TOPIC_CODE);
    return demo_roll(dice) < demo->life->codes.share;
}

static struct str code_text(const struct demo *demo, struct arena *arena, int64_t member)
{
    return str_fmt(arena, "%s-%" PRId64 "-%" PRId64, demo->life->codes.prefix, demo->seed, member);
}

static enum err enter(struct demo *demo, const struct demo_day *day, const char *prefix, int hour,
                      struct str code)
{
    return demo_post(demo, day, "code.entered", demo_id(demo, prefix, day->member, day->day),
                     day->day * MS_PER_DAY + hour * MS_PER_HOUR, "{\"code\":\"%.*s\"}",
                     STR_ARG(code));
}

/* Their own, some of them twice; one that is nobody's; the one for everybody. */
static enum err enter_codes(struct demo *demo, const struct demo_day *day)
{
    const struct demo_codes *codes = &demo->life->codes;
    struct dice dice;
    if (codes->slug == NULL) {
        return ERR_OK;
    }
    const bool has_own = has_code(demo, day->member, &dice);
    const int age = day->day - day->joined;
    const int on = 1 + (int)demo_roll_below(&dice, 40);
    const bool tries_again = demo_roll(&dice) < TRIES_AGAIN;
    const bool guesses = demo_roll(&dice) < GUESSES;
    const bool listens = demo_roll(&dice) < codes->share;
    if (has_own && (age == on || (age == on + 1 && tries_again))) {
        try(enter(demo, day, "code", 18, code_text(demo, &demo->arena, day->member)));
    }
    if (guesses && age == on + 2) {
        try(enter(demo, day, "guess", 18,
                  str_fmt(&demo->arena, "%s-%" PRId64 "-0", codes->prefix, demo->seed)));
    }
    if (codes->fixed != NULL && listens && (age == on + 3 || (age == on + 4 && tries_again))) {
        try(enter(demo, day, "cast", 21, str_c(codes->fixed)));
    }
    return ERR_OK;
}

struct codes_add {
    const struct demo *demo;
    int64_t member; // the next to be looked at
    struct str codes[COUPONS_PER_WRITE];
    bool is_known[COUPONS_PER_WRITE];
};

/* As an upload by the API: the codes, and what the audit log says of them. */
static enum err add_codes(struct store *store, struct arena *arena, void *self)
{
    struct codes_add *add = self;
    struct instance instance;
    struct dice dice;
    const struct program *program = NULL;
    int64_t added = 0;
    size_t n = 0;
    const struct str slug = str_c(add->demo->life->codes.slug);
    try(store_instance_read(store, arena, &instance));
    try(store_programs_refresh(store, instance.epoch));
    try(store_program_at(store, store_now(&instance), &program));
    const struct redemption_code *definition = program_redemption_code(program, slug);
    if (definition == NULL) {
        return ERR_NOT_FOUND;
    }
    int64_t member = add->member; // a transaction that failed runs again
    for (; member <= add->demo->members && n < ARRAY_N(add->codes); member++) {
        if (has_code(add->demo, member, &dice)) {
            add->codes[n++] = code_text(add->demo, arena, member);
        }
    }
    try(store_redemptions_add(store, arena, definition->symbol, add->codes, n, add->is_known,
                              &added));
    add->member = member;
    const struct audit_entry entry = {
        .actor = STR("cli"),
        .action = STR("codes.upload"),
        .object = str_fmt(arena, "redemption_code/%.*s", STR_ARG(slug)),
        .after = str_fmt(arena, "{\"added\":%" PRId64 "}", added),
        .at = store_now(&instance),
    };
    return added > 0 ? store_audit_write(store, arena, &entry) : ERR_OK;
}

enum err demo_codes_upload(struct demo *demo)
{
    if (demo->life->codes.slug == NULL) {
        return ERR_OK;
    }
    struct codes_add *add = arena_new(&demo->arena, struct codes_add, 1);
    *add = (struct codes_add){.demo = demo, .member = 1};
    while (add->member <= demo->members) {
        struct ticket ticket = {.job = add_codes, .job_self = add};
        const enum err err = engine_run(demo->engine, &ticket);
        if (err == ERR_NOT_FOUND) {
            return demo_misfit(
                demo, "code.entered", ERR_CONFIG,
                str_fmt(&demo->arena, "The program has no codes \"%s\".", demo->life->codes.slug));
        }
        try(err);
    }
    arena_reset(&demo->arena);
    return ERR_OK;
}

/* ---- a day ---- */

enum err demo_live_beside(struct demo *demo, const struct demo_day *day)
{
    try(answer_survey(demo, day));
    try(take_quiz(demo, day));
    return enter_codes(demo, day);
}
