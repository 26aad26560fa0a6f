/* Compiling referrals. */
#include "base/base.h"
#include "core/program.h"

#include "core/program_internal.h"

enum { REFERRAL_HOLD_DAYS_DEFAULT = 14 };

static bool has_place_for_code(struct str link)
{
    for (size_t i = 0; i < link.n; i++) {
        if (str_starts(str_after(link, i), STR("{{code}}"))) {
            return true;
        }
    }
    return false;
}

/* What one side gets is a rule on the occasion of the reward. */
static enum err compile_side(struct compile *c, const struct json *json, struct str pointer,
                             struct str slug, const char *side)
{
    const struct section_rule rule = {
        .section = "referral",
        .slug = str_fmt(c->arena, "%.*s/%s", STR_ARG(slug), side),
        .trigger = STR("referral.rewarded"),
        .matches = {{.field = STR("referral"), .value = slug},
                    {.field = STR("side"), .value = str_c(side)}},
        .matches_n = 2,
        .pointer = pointer_key(c->arena, pointer, str_c(side)),
    };
    const size_t before = c->program->rules_n;
    try(compile_section_rule(c, json_at(json, side), &rule));
    for (size_t i = before; i < c->program->rules_n; i++) {
        c->program->rules[i].heeds_refusal = true;
    }
    return ERR_OK;
}

static enum err compile_one(struct compile *c, const struct json *json, struct str pointer,
                            struct referral_program *referral)
{
    static const char *const PERIODS[] = {"day", "week", "month", "year", "lifetime"};
    const struct json *qualifies = json_at(json, "qualifies");
    const struct json *cap = json_at(json, "cap");
    referral->slug = read_str(json, "slug");
    referral->symbol = take_symbol(c, "referral", referral->slug);
    referral->on_enrolment = str_eq(read_str(qualifies, "on"), STR("enrolment"));
    referral->min_amount = read_int(qualifies, "min_amount", 0);
    referral->hold_days = (int)read_int(json, "hold_days", REFERRAL_HOLD_DAYS_DEFAULT);
    referral->link = read_str(json, "link");
    referral->cap = read_int(cap, "count", 0);
    referral->cap_period = (enum period_kind)read_choice(read_str(cap, "period"), PERIODS,
                                                         ARRAY_N(PERIODS), PERIOD_LIFETIME);
    if (referral->cap > 0) {
        referral->cap_symbol = take_symbol(c, "referred", referral->slug);
    }
    if (referral->on_enrolment && referral->min_amount > 0) {
        return fail_at(c->f, ERR_INVALID,
                       pointer_key(c->arena, pointer_key(c->arena, pointer, STR("qualifies")),
                                   STR("min_amount")),
                       "Nothing is paid at enrolment: leave the amount out, or qualify at the "
                       "first purchase.");
    }
    if (referral->link.n > 0 && !has_place_for_code(referral->link)) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("link")),
                       "Say where the code goes: https://shop.example/join?code={{code}}");
    }
    try(compile_side(c, json, pointer, referral->slug, "advocate"));
    return compile_side(c, json, pointer, referral->slug, "referee");
}

enum err compile_referrals(struct compile *c, const struct json *document)
{
    const struct json *list = json_at(document, "referrals");
    struct program *p = c->program;
    p->referrals_n = json_array_size(list);
    p->referrals = arena_new(c->arena, struct referral_program, p->referrals_n);
    for (size_t i = 0; i < p->referrals_n; i++) {
        const struct str pointer = pointer_index(c->arena, STR("/referrals"), i);
        try(check_unique(c, list, i, pointer));
        try(compile_one(c, json_array_get(list, i), pointer, &p->referrals[i]));
    }
    return ERR_OK;
}

const struct referral_program *program_referral(const struct program *program, struct str slug)
{
    for (size_t i = 0; i < program->referrals_n; i++) {
        if (str_eq(program->referrals[i].slug, slug)) {
            return &program->referrals[i];
        }
    }
    return NULL;
}

const struct referral_program *program_referral_by_symbol(const struct program *program,
                                                          int32_t symbol)
{
    for (size_t i = 0; i < program->referrals_n; i++) {
        if (program->referrals[i].symbol == symbol) {
            return &program->referrals[i];
        }
    }
    return NULL;
}
