/* Expectations of a program's tests. */
#include "base/base.h"
#include "api/program_tests_internal.h"

#include "core/achievement.h"
#include "core/award.h"
#include "core/tier.h"

/* Notes an expectation that does not hold; the test goes on, so that all are seen. */
static void PRINTF(4, 5) red(struct trial *t, const char *at, struct str name, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const struct str pointer =
        name.n > 0
            ? str_fmt(t->arena, "%.*s/expect/%s/%.*s", STR_ARG(t->pointer), at, STR_ARG(name))
            : str_fmt(t->arena, "%.*s/expect/%s", STR_ARG(t->pointer), at);
    const enum err noted = fail_at(t->f, ERR_TESTS_FAILED, pointer, "%s", text);
    ensure(noted == ERR_TESTS_FAILED);
}

static void expect_number(struct trial *t, const char *at, struct str name,
                          const struct json *wanted, const char *field, int64_t is)
{
    const struct json *value = json_at(wanted, field);
    if (json_is_integer(value) && json_integer_value(value) != is) {
        red(t, at, str_fmt(t->arena, "%.*s/%s", STR_ARG(name), field),
            "%" PRId64 " was expected, it is %" PRId64 ".", (int64_t)json_integer_value(value), is);
    }
}

static void expect_balances(struct trial *t, const struct json *wanted)
{
    struct str slug = {0};
    const struct json *value = NULL;
    json_object_foreach(wanted, slug, value)
    {
        const int index = program_wallet(t->program, slug);
        if (index < 0) {
            red(t, "balances", slug, "The program has no such wallet.");
            continue;
        }
        const struct balance *balance =
            state_balance_find(t->state, t->program->wallets[index].symbol);
        expect_number(t, "balances", slug, value, "active", balance ? balance->active : 0);
        expect_number(t, "balances", slug, value, "pending", balance ? balance->pending : 0);
        expect_number(t, "balances", slug, value, "debt", balance ? balance->debt : 0);
    }
}

static void expect_points(struct trial *t, const struct json *wanted)
{
    struct str slug = {0};
    const struct json *value = NULL;
    json_object_foreach(wanted, slug, value)
    {
        const int index = program_wallet(t->program, slug);
        struct answer_points is = {0};
        for (size_t i = 0; t->last != NULL && index >= 0 && i < t->last->answer.points_n; i++) {
            is = t->last->answer.points[i].wallet == t->program->wallets[index].symbol
                     ? t->last->answer.points[i]
                     : is;
        }
        expect_number(t, "points", slug, value, "earned", is.earned);
        expect_number(t, "points", slug, value, "spent", is.spent);
        expect_number(t, "points", slug, value, "revoked", is.revoked);
    }
}

static void expect_tiers(struct trial *t, const struct json *wanted)
{
    struct str slug = {0};
    const struct json *value = NULL;
    json_object_foreach(wanted, slug, value)
    {
        const struct tier_set *set = program_tier_set(t->program, slug);
        const struct str is =
            set ? set->tiers[tier_rank(set, t->state)].slug : STR("(no such set)");
        if (!str_eq(is, json_str(value))) {
            red(t, "tiers", slug, "The member is %.*s.", STR_ARG(is));
        }
    }
}

/* The member's open rewards, by slug, in any order. */
static void expect_rewards(struct trial *t, const struct json *wanted)
{
    size_t missing = 0;
    struct buf open;
    buf_open(&open, t->arena, 64 * 1024);
    for (size_t i = 0; i < t->state->rewards_n; i++) {
        const struct reward *reward =
            program_reward_by_symbol(t->program, t->state->rewards[i].reward);
        buf_printf(&open, "%s%.*s", i > 0 ? ", " : "", STR_ARG(reward ? reward->slug : STR("?")));
    }
    for (size_t i = 0; i < json_array_size(wanted); i++) {
        const struct reward *reward =
            program_reward(t->program, json_str(json_array_get(wanted, i)));
        size_t asked = 0;
        size_t has = 0;
        for (size_t k = 0; k <= i; k++) {
            asked +=
                str_eq(json_str(json_array_get(wanted, k)), json_str(json_array_get(wanted, i)));
        }
        for (size_t k = 0; reward != NULL && k < t->state->rewards_n; k++) {
            has += t->state->rewards[k].reward == reward->symbol;
        }
        missing += has < asked;
    }
    if (missing > 0 || json_array_size(wanted) != t->state->rewards_n) {
        red(t, "rewards", (struct str){0}, "The member's open rewards are: %.*s.",
            STR_ARG(open.n > 0 ? buf_view(&open) : STR("none")));
    }
}

static void expect_achievements(struct trial *t, const struct json *wanted)
{
    struct str slug = {0};
    const struct json *value = NULL;
    json_object_foreach(wanted, slug, value)
    {
        const struct achievement *a = program_achievement(t->program, slug);
        if (a == NULL) {
            red(t, "achievements", slug, "The program has no such achievement.");
            continue;
        }
        const struct achievement_standing is =
            achievement_standing(t->state, a, zone_day(t->program->zone, t->now));
        expect_number(t, "achievements", slug, value, "value", is.value);
        expect_number(t, "achievements", slug, value, "completed", is.completed);
    }
}

static const struct explain_rule *explained(const struct trial *t, struct str slug)
{
    for (size_t i = 0; t->last != NULL && i < t->last->explain_n; i++) {
        if (str_eq(t->program->rules[t->last->explain[i].rule].slug, slug)) {
            return &t->last->explain[i];
        }
    }
    return NULL;
}

static void expect_rules(struct trial *t, const struct json *fired, const struct json *not_fired)
{
    struct str rule = {0};
    const struct json *value = NULL;
    for (size_t i = 0; i < json_array_size(fired); i++) {
        const struct str slug = json_str(json_array_get(fired, i));
        const struct explain_rule *e = explained(t, slug);
        if (e == NULL || !e->fired) {
            red(t, "fired", str_fmt(t->arena, "%zu", i), "It did not fire%s%.*s.", e ? ": " : "",
                STR_ARG(e ? e->stage : STR("")));
        }
    }
    json_object_foreach(not_fired, rule, value)
    {
        const struct explain_rule *e = explained(t, rule);
        if (e != NULL && (e->fired || !str_eq(e->stage, json_str(value)))) {
            red(t, "not_fired", rule,
                e->fired ? "It fired." : "It did not fire for another reason: %.*s.",
                STR_ARG(e->stage));
        }
    }
}

static void expect_outcome(struct trial *t, const struct json *wanted)
{
    static const char *const OUTCOMES[] = {"applied", "refused", "held"};
    const struct str outcome = json_str(json_at(wanted, "outcome"));
    const struct str reason = json_str(json_at(wanted, "reason"));
    if (t->last == NULL) {
        return;
    }
    if (outcome.n > 0 && !str_eq(outcome, str_c(OUTCOMES[t->last->answer.outcome]))) {
        red(t, "outcome", (struct str){0}, "The outcome was %s, %.*s.",
            OUTCOMES[t->last->answer.outcome], STR_ARG(reason_slug(t->last->answer.reason)));
    }
    if (reason.n > 0 && !str_eq(reason, reason_slug(t->last->answer.reason))) {
        red(t, "reason", (struct str){0}, "The reason was \"%.*s\".",
            STR_ARG(reason_slug(t->last->answer.reason)));
    }
}

static void expect_referral(struct trial *t, struct str wanted)
{
    const struct str is = referral_state_slug(t->state->referral.state);
    if (wanted.n > 0 && !str_eq(is, wanted)) {
        red(t, "referral", (struct str){0}, "The referral that the member came by is %.*s.",
            STR_ARG(is));
    }
}

enum err trial_expect(struct trial *t, const struct json *wanted)
{
    expect_outcome(t, wanted);
    expect_balances(t, json_at(wanted, "balances"));
    expect_points(t, json_at(wanted, "points"));
    expect_tiers(t, json_at(wanted, "tiers"));
    expect_achievements(t, json_at(wanted, "achievements"));
    expect_referral(t, json_str(json_at(wanted, "referral")));
    expect_rules(t, json_at(wanted, "fired"), json_at(wanted, "not_fired"));
    if (json_at(wanted, "rewards") != NULL) {
        expect_rewards(t, json_at(wanted, "rewards"));
    }
    return ERR_OK;
}
