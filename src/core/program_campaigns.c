/* Compiling campaigns and offers. */
#include "base/base.h"
#include "core/program.h"

#include "core/program_internal.h"

enum { BUDGETS_MAX = 3 };

/* A budget is a cap for all members together, over the campaign's whole life. */
static enum err compile_budget(struct compile *c, const struct json *json, struct str pointer,
                               struct campaign *campaign)
{
    static const char *const NAMES[] = {"points", "money", "uses"};
    static const enum cap_unit UNITS[] = {CAP_POINTS, CAP_MONEY, CAP_USES};
    const struct str at = pointer_key(c->arena, pointer, STR("budget"));
    const size_t own_n = campaign->caps_n;
    struct cap *caps = arena_new(c->arena, struct cap, own_n + BUDGETS_MAX);
    for (size_t i = 0; i < own_n; i++) {
        caps[i] = campaign->caps[i];
        c->program->caps[caps[i].index] = &caps[i];
    }
    campaign->caps = caps;
    for (size_t i = 0; i < ARRAY_N(NAMES); i++) {
        const int64_t limit = read_int(json, NAMES[i], -1);
        if (limit < 0) {
            continue;
        }
        struct cap *cap = &caps[campaign->caps_n++];
        *cap = (struct cap){
            .per = CAP_RULE,
            .unit = UNITS[i],
            .period = PERIOD_LIFETIME,
            .limit = UNITS[i] == CAP_MONEY ? limit * COST_MICRO : limit,
            .pointer = pointer_key(c->arena, at, str_c(NAMES[i])),
        };
        try(add_cap(
            c, cap,
            str_fmt(c->arena, "campaign/%.*s/budget/%s", STR_ARG(campaign->slug), NAMES[i])));
    }
    return ERR_OK;
}

static struct earning_rule *find_rule(struct program *p, struct str slug)
{
    for (size_t i = 0; i < p->rules_n; i++) {
        if (str_eq(p->rules[i].slug, slug)) {
            return &p->rules[i];
        }
    }
    return NULL;
}

static enum err take_rules(struct compile *c, const struct json *json, struct str pointer,
                           int campaign)
{
    const struct json *list = json_at(json, "rules");
    const struct str at = pointer_key(c->arena, pointer, STR("rules"));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const struct str slug = json_str(json_array_get(list, i));
        struct earning_rule *rule = find_rule(c->program, slug);
        if (rule == NULL) {
            return fail_at(c->f, ERR_INVALID, pointer_index(c->arena, at, i),
                           "There is no earning rule \"%.*s\".", STR_ARG(slug));
        }
        if (rule->campaign >= 0) {
            return fail_at(c->f, ERR_INVALID, pointer_index(c->arena, at, i),
                           "\"%.*s\" belongs to a campaign already: a rule has one at most.",
                           STR_ARG(slug));
        }
        rule->campaign = campaign;
    }
    return ERR_OK;
}

static enum err compile_one(struct compile *c, const struct json *json, struct str pointer,
                            int index)
{
    struct campaign *campaign = &c->program->campaigns[index];
    campaign->slug = read_str(json, "slug");
    campaign->offer = -1;
    try(compile_window(c, json_at(json, "window"), pointer, &campaign->window));
    try(compile_audience(c, json, pointer, &campaign->audience));
    try(compile_caps(c, json, pointer, "campaign", campaign->slug, &campaign->caps,
                     &campaign->caps_n));
    try(compile_budget(c, json_at(json, "budget"), pointer, campaign));
    return take_rules(c, json, pointer, index);
}

static enum err compile_offer(struct compile *c, const struct json *json, struct str pointer,
                              int index)
{
    struct program *p = c->program;
    struct offer *offer = &p->offers[index];
    const struct str slug = read_str(json, "campaign");
    offer->slug = read_str(json, "slug");
    offer->symbol = take_symbol(c, "offer", offer->slug);
    offer->json = json;
    offer->is_opt_in = read_bool(json, "opt_in", false);
    offer->campaign = -1;
    for (size_t i = 0; i < p->campaigns_n; i++) {
        if (str_eq(p->campaigns[i].slug, slug)) {
            offer->campaign = (int)i;
        }
    }
    if (offer->campaign < 0) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("campaign")),
                       "There is no campaign \"%.*s\".", STR_ARG(slug));
    }
    struct campaign *campaign = &p->campaigns[offer->campaign];
    if (campaign->offer >= 0) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("campaign")),
                       "\"%.*s\" has an offer already: a campaign has one public face.",
                       STR_ARG(slug));
    }
    campaign->offer = index;
    if (offer->is_opt_in && p->offers_slot < 0) {
        const struct rule *offers = NULL;
        size_t n = 0;
        try(compile_named(c, STR("member.offers"), pointer, (struct str){0}, RULE_TEXTS, &offers));
        p->offers_slot = rule_slots(offers, &n)[0];
    }
    return ERR_OK;
}

enum err compile_campaigns(struct compile *c, const struct json *document)
{
    const struct json *list = json_at(document, "campaigns");
    const struct json *offers = json_at(document, "offers");
    struct program *p = c->program;
    p->campaigns_n = json_array_size(list);
    p->campaigns = arena_new(c->arena, struct campaign, p->campaigns_n);
    for (size_t i = 0; i < p->campaigns_n; i++) {
        const struct str pointer = pointer_index(c->arena, STR("/campaigns"), i);
        try(check_unique(c, list, i, pointer));
        try(compile_one(c, json_array_get(list, i), pointer, (int)i));
    }
    p->offers_n = json_array_size(offers);
    p->offers = arena_new(c->arena, struct offer, p->offers_n);
    for (size_t i = 0; i < p->offers_n; i++) {
        const struct str pointer = pointer_index(c->arena, STR("/offers"), i);
        try(check_unique(c, offers, i, pointer));
        try(compile_offer(c, json_array_get(offers, i), pointer, (int)i));
    }
    return ERR_OK;
}
