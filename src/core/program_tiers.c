/* Compiling tier sets: metrics, period, tiers; and a rule for what coming to a tier brings. */
#include "base/base.h"
#include "core/program.h"

#include "core/program_internal.h"

static enum err compile_metric(struct compile *c, const struct json *json, struct str pointer,
                               const struct tier_set *set, struct metric *metric)
{
    static const char *const KINDS[] = {"points_earned", "spend", "sum", "count"};
    metric->kind =
        (enum metric_kind)read_choice(read_str(json, "kind"), KINDS, ARRAY_N(KINDS), METRIC_SPEND);
    metric->trigger = read_str(json, "trigger");
    metric->name_symbol = take_symbol(
        c, "metric", str_fmt(c->arena, "%.*s/%.*s", STR_ARG(set->slug), STR_ARG(metric->slug)));
    metric->symbol = metric->name_symbol;
    if (metric->kind == METRIC_SPEND) {
        metric->symbol = c->program->standard.spend;
        return ERR_OK;
    }
    if (metric->kind == METRIC_POINTS_EARNED) {
        metric->wallet = program_wallet(c->program, read_str(json, "wallet"));
        if (metric->wallet < 0) {
            return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("wallet")),
                           "There is no wallet \"%.*s\".", STR_ARG(read_str(json, "wallet")));
        }
        metric->symbol = c->program->wallets[metric->wallet].qualifying_symbol;
        return ERR_OK;
    }
    if (!program_is_counted(c->program, metric->trigger)) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("trigger")),
                       "\"%.*s\" is no event type that can be counted.", STR_ARG(metric->trigger));
    }
    try(compile_rule(c, json_at(json, "when"), pointer_key(c->arena, pointer, STR("when")),
                     SCOPE_EVENT, metric->trigger, RULE_BOOL, &metric->when));
    if (metric->kind == METRIC_SUM) {
        return compile_named(c, read_str(json, "of"), pointer_key(c->arena, pointer, STR("of")),
                             metric->trigger, RULE_NUMBER, &metric->of);
    }
    return ERR_OK;
}

static enum err compile_metrics(struct compile *c, const struct json *json, struct str of_set,
                                struct tier_set *set)
{
    const struct str at = pointer_key(c->arena, of_set, STR("metrics"));
    const struct json *metrics = json_at(json, "metrics");
    set->metrics = arena_new(c->arena, struct metric, json_object_size(metrics));
    struct str name = {0};
    const struct json *value = NULL;
    json_object_foreach(metrics, name, value)
    {
        struct metric *metric = &set->metrics[set->metrics_n++];
        metric->slug = str_dup(c->arena, name);
        metric->index = c->program->metrics_n++;
        const struct str pointer = pointer_key(c->arena, at, metric->slug);
        try(compile_metric(c, value, pointer, set, metric));
        collect_member_slots(c, metric->when, &set->member_slots, &set->member_slots_n);
        collect_member_slots(c, metric->of, &set->member_slots, &set->member_slots_n);
    }
    return ERR_OK;
}

static enum err compile_goals(struct compile *c, const struct json *json, struct str pointer,
                              const struct tier_set *set, struct tier_condition *out)
{
    out->needs_all = json_at(json, "all_of") != NULL;
    const struct json *list = json_at(json, out->needs_all ? "all_of" : "any_of");
    out->goals = arena_new(c->arena, struct tier_goal, METRICS_MAX);
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct str name = {0};
        const struct json *value = NULL;
        json_object_foreach(json_array_get(list, i), name, value)
        {
            size_t metric = 0;
            while (metric < set->metrics_n && !str_eq(set->metrics[metric].slug, name)) {
                metric++;
            }
            if (metric == set->metrics_n || out->goals_n == METRICS_MAX) {
                return fail_at(c->f, ERR_INVALID, pointer,
                               "\"%.*s\" is no metric of this tier set.", STR_ARG(name));
            }
            out->goals[out->goals_n++] =
                (struct tier_goal){.metric = (int)metric, .value = json_integer_value(value)};
        }
    }
    return ERR_OK;
}

/* A tier's effects are a rule on coming to it. */
static enum err compile_gift(struct compile *c, const struct json *json, struct str pointer,
                             const struct tier_set *set, const struct tier *tier)
{
    const struct section_rule rule = {
        .section = "tier",
        .slug = str_fmt(c->arena, "%.*s/%.*s", STR_ARG(set->slug), STR_ARG(tier->slug)),
        .trigger = STR("tier.changed"),
        .matches = {{.field = STR("set"), .value = set->slug},
                    {.field = STR("reached"), .value = tier->slug}},
        .matches_n = 2,
        .pointer = pointer,
    };
    return compile_section_rule(c, json, &rule);
}

static enum err compile_tier(struct compile *c, const struct json *list, struct str at, size_t i,
                             struct tier_set *set)
{
    const struct json *json = json_array_get(list, i);
    const struct str pointer = pointer_index(c->arena, at, i);
    struct tier *tier = &set->tiers[i];
    try(check_unique(c, list, i, pointer));
    tier->slug = read_str(json, "slug");
    tier->symbol = take_symbol(
        c, "tier", str_fmt(c->arena, "%.*s/%.*s", STR_ARG(set->slug), STR_ARG(tier->slug)));
    const struct json *enter = json_at(json, "enter");
    if ((enter == NULL) != (i == 0)) {
        return fail_at(c->f, ERR_INVALID, pointer,
                       i == 0 ? "The lowest tier has no \"enter\": every member starts there."
                              : "This tier needs \"enter\": only the lowest has none.");
    }
    tier->lifetime_after = (int)read_int(json, "lifetime_after", 0);
    if (tier->lifetime_after > 0 && (i == 0 || set->period == TIER_LIFETIME)) {
        return fail_at(
            c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("lifetime_after")),
            i == 0 ? "The lowest tier is everybody's: nothing makes it lifetime."
                   : "Tiers of this set never end, so there are no periods to keep one for.");
    }
    try(compile_goals(c, enter, pointer_key(c->arena, pointer, STR("enter")), set, &tier->enter));
    tier->keep = tier->enter;
    if (json_at(json, "keep") != NULL) {
        tier->keep = (struct tier_condition){0};
        try(compile_goals(c, json_at(json, "keep"), pointer_key(c->arena, pointer, STR("keep")),
                          set, &tier->keep));
    }
    return compile_gift(c, json, pointer, set, tier);
}

static void compile_period(const struct json *json, struct tier_set *set)
{
    static const char *const KINDS[] = {"rolling_months", "calendar_year", "membership_year",
                                        "lifetime"};
    const struct json *period = json_at(json, "period");
    set->period = (enum tier_period)read_choice(read_str(period, "kind"), KINDS, ARRAY_N(KINDS),
                                                TIER_ROLLING_MONTHS);
    set->months = (int)read_int(period, "months", 12);
    set->keep_through_next = !str_eq(read_str(period, "keep_through"), STR("this"));
    set->starts = (struct civil){.month = 1, .day = 1};
    const struct str starts = read_str(period, "starts");
    int64_t month = 1;
    int64_t day = 1;
    if (starts.n == 5 && str_int64((struct str){.p = starts.p, .n = 2}, &month) &&
        str_int64(str_after(starts, 3), &day)) {
        set->starts = (struct civil){.month = (int)month, .day = (int)day};
    }
}

static enum err compile_set(struct compile *c, const struct json *json, struct str pointer,
                            struct tier_set *set)
{
    static const char *const DOWNGRADES[] = {"never", "one_step", "full"};
    const struct json *downgrade = json_at(json, "downgrade");
    const struct json *tiers = json_at(json, "tiers");
    set->slug = read_str(json, "slug");
    set->symbol = take_symbol(c, "tier_set", set->slug);
    set->downgrade = (enum tier_downgrade)read_choice(read_str(downgrade, "kind"), DOWNGRADES,
                                                      ARRAY_N(DOWNGRADES), DOWNGRADE_FULL);
    set->grace_days = (int)read_int(downgrade, "grace_days", 0);
    set->warn_days = (int)read_int(downgrade, "warn_days", 0);
    set->refund_reverts = !str_eq(read_str(json, "on_refund"), STR("keep"));
    compile_period(json, set);
    try(compile_metrics(c, json, pointer, set));
    set->tiers_n = json_array_size(tiers);
    set->tiers = arena_new(c->arena, struct tier, set->tiers_n);
    for (size_t i = 0; i < set->tiers_n; i++) {
        try(compile_tier(c, tiers, pointer_key(c->arena, pointer, STR("tiers")), i, set));
    }
    return ERR_OK;
}

enum err compile_tiers(struct compile *c, const struct json *document)
{
    const struct json *list = json_at(document, "tier_sets");
    struct program *p = c->program;
    p->tier_sets = arena_new(c->arena, struct tier_set, json_array_size(list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const struct str pointer = pointer_index(c->arena, STR("/tier_sets"), i);
        try(check_unique(c, list, i, pointer));
        try(compile_set(c, json_array_get(list, i), pointer, &p->tier_sets[i]));
        p->tier_sets_n++;
    }
    return ERR_OK;
}

const struct tier_set *program_tier_set(const struct program *program, struct str slug)
{
    for (size_t i = 0; i < program->tier_sets_n; i++) {
        if (str_eq(program->tier_sets[i].slug, slug)) {
            return &program->tier_sets[i];
        }
    }
    return NULL;
}

int tier_set_rank(const struct tier_set *set, struct str tier)
{
    for (size_t i = 0; i < set->tiers_n; i++) {
        if (str_eq(set->tiers[i].slug, tier)) {
            return (int)i;
        }
    }
    return -1;
}

size_t tier_set_rank_of(const struct tier_set *set, int32_t tier)
{
    for (size_t i = 0; i < set->tiers_n; i++) {
        if (set->tiers[i].symbol == tier) {
            return i;
        }
    }
    return 0;
}
