/* Compiling contests: the wallet that holds the entries, a rule for each way in, a rule for what
 * winners get. */
#include "base/base.h"
#include "core/program.h"

#include "core/program_internal.h"

enum { KEPT_AFTER_CLOSE_DAYS = 366 };

/* The window as instants in the program's zone. */
static enum err compile_times(struct compile *c, const struct json *json, struct str pointer,
                              struct contest *contest)
{
    const struct zone *zone = c->program->zone;
    const struct window *window = &contest->window;
    try(compile_window(c, json_at(json, "window"), pointer, &contest->window));
    contest->opens_at =
        window->from_day != INT32_MIN ? zone_midnight(zone, window->from_day) : window->from_at;
    contest->closes_at =
        window->until_day != INT32_MAX ? zone_midnight(zone, window->until_day) : window->until_at;
    if (contest->closes_at == INT64_MAX || contest->closes_at <= contest->opens_at) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("window")),
                       "A contest closes: its window needs an \"until\", after its \"from\".");
    }
    return ERR_OK;
}

enum err name_contests(struct compile *c, const struct json *document)
{
    const struct json *list = json_at(document, "contests");
    struct program *p = c->program;
    p->contests_n = json_array_size(list);
    p->contests = arena_new(c->arena, struct contest, p->contests_n);
    for (size_t i = 0; i < p->contests_n; i++) {
        const struct json *json = json_array_get(list, i);
        const struct str pointer = pointer_index(c->arena, STR("/contests"), i);
        struct contest *contest = &p->contests[i];
        try(check_unique(c, list, i, pointer));
        contest->slug = read_str(json, "slug");
        contest->json = json;
        contest->winners = (int)read_int(json, "winners", 1);
        contest->min_age = (int)read_int(json, "min_age", 0);
        read_texts(c, json_at(json, "countries"), &contest->countries, &contest->countries_n);
        p->reads_profile |= contest->min_age > 0 || contest->countries_n > 0;
        contest->wallet = (int)p->wallets_n;
        try(compile_times(c, json, pointer, contest));
        struct wallet *wallet = &p->wallets[p->wallets_n++];
        wallet->slug = str_fmt(c->arena, CONTEST_WALLET "%.*s", STR_ARG(contest->slug));
        wallet->symbol = take_symbol(c, "wallet", wallet->slug);
        wallet->qualifying_symbol = take_symbol(c, "qualifying", wallet->slug);
        wallet->expiry.kind = EXPIRY_AT;
        wallet->expiry.at = contest->closes_at + KEPT_AFTER_CLOSE_DAYS * MS_PER_DAY;
        wallet->returns = RETURNS_TO_ZERO;
        wallet->unit_cost.points = 1;
    }
    return ERR_OK;
}

/* {">=": [{"var": "member.age"}, 18]} */
static const struct json *comparison(struct arena *arena, const char *operator, struct str var,
                                     const struct json *with)
{
    struct json *both = json_array_new(arena);
    json_append(arena, both, json_object_of(arena, "var", json_text_new(arena, var)));
    json_append(arena, both, with);
    return json_object_of(arena, operator, both);
}

/* The condition of a way in, if it has one, and who may take part at all, as one condition: so that
 * it is explained like any other. NULL: everybody, always. */
static const struct json *condition(struct compile *c, const struct contest *contest,
                                    const struct json *entry)
{
    struct json *parts = json_array_new(c->arena);
    const struct json *json = contest->json;
    if (contest->countries_n > 0) {
        json_append(c->arena, parts,
                    comparison(c->arena, "in", STR("member.country"), json_at(json, "countries")));
    }
    if (contest->min_age > 0) {
        json_append(c->arena, parts,
                    comparison(c->arena, ">=", STR("member.age"), json_at(json, "min_age")));
    }
    if (json_at(entry, "when") != NULL) {
        json_append(c->arena, parts, json_at(entry, "when"));
    }
    return json_array_size(parts) > 1 ? json_object_of(c->arena, "and", parts)
                                      : json_array_get(parts, 0);
}

enum err compile_entry_effect(struct compile *c, const struct json *json, struct str pointer,
                              struct str trigger, struct effect *effect)
{
    const struct str slug = read_str(json, "contest");
    const struct contest *contest = program_contest(c->program, slug);
    if (contest == NULL) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("contest")),
                       "There is no contest \"%.*s\".", STR_ARG(slug));
    }
    *effect = (struct effect){.kind = EFFECT_EARN,
                              .wallet = contest->wallet,
                              .points = read_int(json, "entries", 1),
                              .base_index = -1,
                              .contest = contest};
    return compile_rule(c, condition(c, contest, NULL), pointer, SCOPE_EVENT, trigger, RULE_BOOL,
                        &effect->who);
}

/* So many entries, of which a member has at most "max" by this way. */
static enum err compile_entry(struct compile *c, const struct contest *contest,
                              const struct json *json, struct str pointer, size_t index)
{
    struct earning_rule *rule = compile_add_rule(c);
    struct effect *effect = arena_new(c->arena, struct effect, 1);
    const int64_t max = read_int(json, "max", 0);
    rule->slug = str_fmt(c->arena, "contest/%.*s/%zu", STR_ARG(contest->slug), index);
    rule->symbol = take_symbol(c, "rule", rule->slug);
    rule->pointer = pointer;
    rule->campaign = -1;
    rule->window = contest->window;
    rule->closes_at = contest->closes_at;
    try(compile_trigger(c, json, pointer, rule));
    if (str_eq(rule->trigger, STR("contest.entered"))) {
        rule->matches[rule->matches_n++] =
            (struct rule_match){.field = STR("contest"), .value = contest->slug};
    }
    try(compile_rule(c, condition(c, contest, json), pointer_key(c->arena, pointer, STR("when")),
                     SCOPE_EVENT, rule->trigger, RULE_BOOL, &rule->when));
    collect_member_slots(c, rule->when, &rule->member_slots, &rule->member_slots_n);
    *effect = (struct effect){.kind = EFFECT_EARN,
                              .wallet = contest->wallet,
                              .points = read_int(json, "count", 1),
                              .base_index = -1,
                              .contest = contest};
    rule->effects = effect;
    rule->effects_n = 1;
    if (max > 0) {
        rule->caps = arena_new(c->arena, struct cap, 1);
        rule->caps_n = 1;
        rule->caps[0] = (struct cap){.per = CAP_MEMBER,
                                     .period = PERIOD_LIFETIME,
                                     .limit = max,
                                     .pointer = pointer_key(c->arena, pointer, STR("max"))};
        try(add_cap(c, &rule->caps[0],
                    str_fmt(c->arena, "rule/%.*s/member/lifetime", STR_ARG(rule->slug))));
    }
    return ERR_OK;
}

enum err compile_contests(struct compile *c, const struct json *document)
{
    const struct json *list = json_at(document, "contests");
    for (size_t i = 0; i < c->program->contests_n; i++) {
        const struct contest *contest = &c->program->contests[i];
        const struct str pointer = pointer_index(c->arena, STR("/contests"), i);
        const struct json *entries = json_at(json_array_get(list, i), "entries");
        for (size_t k = 0; k < json_array_size(entries); k++) {
            const struct str at =
                pointer_index(c->arena, pointer_key(c->arena, pointer, STR("entries")), k);
            try(compile_entry(c, contest, json_array_get(entries, k), at, k));
        }
        const struct section_rule won = {
            .section = "contest",
            .slug = contest->slug,
            .trigger = STR("contest.won"),
            .matches = {{.field = STR("contest"), .value = contest->slug}},
            .matches_n = 1,
            .pointer = pointer,
        };
        try(compile_section_rule(c, contest->json, &won));
    }
    return ERR_OK;
}
