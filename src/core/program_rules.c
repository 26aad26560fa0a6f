/* Compiling segments and earning rules. */
#include "base/base.h"
#include "core/program.h"

#include "core/event.h"
#include "core/program_internal.h"

enum { MULTIPLIER_SCALE_MAX = 4 };

enum err compile_segments(struct compile *c, const struct json *document)
{
    const struct json *list = json_at(document, "segments");
    struct program *p = c->program;
    p->segments_n = json_array_size(list);
    p->segments = arena_new(c->arena, struct segment, p->segments_n);
    for (size_t i = 0; i < p->segments_n; i++) {
        const struct json *json = json_array_get(list, i);
        const struct str pointer = pointer_index(c->arena, STR("/segments"), i);
        try(check_unique(c, list, i, pointer));
        p->segments[i].slug = read_str(json, "slug");
        try(compile_rule(c, json_at(json, "when"), pointer_key(c->arena, pointer, STR("when")),
                         SCOPE_MEMBER, (struct str){0}, RULE_BOOL, &p->segments[i].when));
    }
    return ERR_OK;
}

static int find_segment(const struct program *program, struct str slug)
{
    for (size_t i = 0; i < program->segments_n; i++) {
        if (str_eq(program->segments[i].slug, slug)) {
            return (int)i;
        }
    }
    return -1;
}

enum err compile_audience(struct compile *c, const struct json *json, struct str pointer,
                          int *audience)
{
    *audience = -1;
    if (json_at(json, "audience") == NULL) {
        return ERR_OK;
    }
    *audience = find_segment(c->program, read_str(json, "audience"));
    return *audience >= 0
               ? ERR_OK
               : fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("audience")),
                         "There is no segment \"%.*s\".", STR_ARG(read_str(json, "audience")));
}

/* A rule's place in a group; a multiplier's "best_of_group" says the same. */
static void compile_stack(const struct json *json, struct earning_rule *rule)
{
    static const char *const MODES[] = {"all", "best", "stop"};
    const struct json *stack = json_at(json, "stack");
    const struct json *effects = json_at(json, "effects");
    rule->stack_group = read_str(stack, "group");
    rule->stack =
        (enum stack_mode)read_choice(read_str(stack, "mode"), MODES, ARRAY_N(MODES), STACK_ALL);
    for (size_t i = 0; i < json_array_size(effects) && stack == NULL; i++) {
        const struct json *effect = json_array_get(effects, i);
        if (str_eq(read_str(effect, "mode"), STR("best_of_group"))) {
            rule->stack_group = read_str(effect, "group");
            rule->stack = STACK_BEST;
        }
    }
}

static uint32_t read_kinds(const struct json *list)
{
    static const char *const KINDS[] = {"goods", "service",   "shipping", "fee",
                                        "tip",   "gift_card", "deposit",  "donation"};
    _Static_assert(ARRAY_N(KINDS) == LINE_KINDS_N, "one name per kind");
    uint32_t kinds = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        kinds |=
            1u << read_choice(json_str(json_array_get(list, i)), KINDS, ARRAY_N(KINDS), LINE_GOODS);
    }
    return kinds != 0 ? kinds : 1u << LINE_GOODS | 1u << LINE_SERVICE;
}

static enum err compile_earn(struct compile *c, const struct json *json, struct str pointer,
                             const struct earning_rule *rule, size_t index, struct effect *effect)
{
    const struct json *of = json_at(json, "of");
    effect->kind = EFFECT_EARN;
    effect->points = read_int(json, "points", 0);
    effect->per_amount = read_int(json, "per_amount", 0);
    effect->kinds = read_kinds(json_at(of, "kinds"));
    effect->with_tax = read_bool(of, "tax", true);
    effect->with_points_paid = read_bool(of, "paid_with_points", false);
    effect->is_qualifying = read_bool(json, "qualifying", effect->per_amount > 0);
    effect->base_index = -1;
    try(compile_formula_of(c, json, pointer, rule, effect));
    if (effect->per_amount > 0) {
        if (!str_eq(rule->trigger, STR("purchase"))) {
            return fail_at(
                c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("per_amount")),
                "Only a purchase has an amount: give fixed points, or trigger on \"purchase\".");
        }
        effect->base_index = c->program->base_effects_n++;
        effect->remainder_symbol =
            take_symbol(c, "remainder", str_fmt(c->arena, "%.*s/%zu", STR_ARG(rule->slug), index));
    } else if (of != NULL) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("of")),
                       "\"of\" describes the base of \"per_amount\": add that, or remove \"of\".");
    }
    return ERR_OK;
}

static enum err compile_multiply(struct compile *c, const struct json *json, struct str pointer,
                                 struct effect *effect)
{
    struct decimal by = {0};
    const struct json *value = json_at(json, "by");
    const bool is_read = json_is_integer(value)
                             ? (by.digits = json_integer_value(value), true)
                             : decimal_read(json_str(value), MULTIPLIER_SCALE_MAX, &by);
    effect->kind = EFFECT_MULTIPLY;
    effect->by_over = power_of_ten(by.scale);
    effect->by_extra = by.digits - effect->by_over;
    effect->is_qualifying = read_bool(json, "qualifying", true);
    effect->base_index = -1;
    if (!is_read || effect->by_extra <= 0 || effect->by_extra > 999 * effect->by_over) {
        return fail_at(
            c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("by")),
            "A multiplier is a decimal above 1 and at most 1000, such as \"2\" or \"1.5\".");
    }
    return ERR_OK;
}

static enum err compile_reward_effect(struct compile *c, const struct json *json,
                                      struct str pointer, struct effect *effect)
{
    const struct str slug = read_str(json, "reward");
    const struct reward *reward = program_reward(c->program, slug);
    effect->kind = EFFECT_REWARD;
    effect->wallet = -1;
    effect->base_index = -1;
    if (reward == NULL) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("reward")),
                       "There is no reward \"%.*s\".", STR_ARG(slug));
    }
    effect->reward = (int)(reward - c->program->rewards);
    return ERR_OK;
}

/* Names are looked up when the tier sets are known. */
static void compile_tier_effect(const struct json *json, struct str pointer, struct effect *effect)
{
    effect->kind = EFFECT_TIER;
    effect->wallet = -1;
    effect->base_index = -1;
    effect->tier.set = read_str(json, "set");
    effect->tier.tier = read_str(json, "tier");
    effect->tier.days = (int)read_int(json, "days", 0);
    effect->tier.months = (int)read_int(json, "months", 0);
    effect->tier.pointer = pointer;
}

static enum err compile_effect(struct compile *c, const struct json *json, struct str pointer,
                               const struct earning_rule *rule, size_t index, struct effect *effect)
{
    if (str_eq(read_str(json, "kind"), STR("tier"))) {
        compile_tier_effect(json, pointer, effect);
        return ERR_OK;
    }
    if (str_eq(read_str(json, "kind"), STR("reward"))) {
        return compile_reward_effect(c, json, pointer, effect);
    }
    if (str_eq(read_str(json, "kind"), STR("contest_entry"))) {
        return compile_entry_effect(c, json, pointer, rule->trigger, effect);
    }
    effect->wallet = program_wallet(c->program, read_str(json, "wallet"));
    if (effect->wallet < 0) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("wallet")),
                       "There is no wallet \"%.*s\".", STR_ARG(read_str(json, "wallet")));
    }
    const bool is_earn = str_eq(read_str(json, "kind"), STR("earn"));
    if (!is_earn && !str_eq(rule->trigger, STR("purchase"))) {
        return fail_at(c->f, ERR_INVALID, pointer,
                       "A multiplier works on a purchase's base points only.");
    }
    try(is_earn ? compile_earn(c, json, pointer, rule, index, effect)
                : compile_multiply(c, json, pointer, effect));
    if (json_at(json, "lines") != NULL && !str_eq(rule->trigger, STR("purchase"))) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("lines")),
                       "Only a purchase has lines.");
    }
    return compile_rule(c, json_at(json, "lines"), pointer_key(c->arena, pointer, STR("lines")),
                        SCOPE_LINE, rule->trigger, RULE_BOOL, &effect->lines);
}

enum err compile_trigger(struct compile *c, const struct json *json, struct str pointer,
                         struct earning_rule *rule)
{
    const struct json *trigger = json_at(json, "trigger");
    rule->trigger = json_is_object(trigger) ? read_str(trigger, "type") : json_str(trigger);
    rule->silence_days = (int)read_int(trigger, "days", 0);
    if (str_eq(rule->trigger, event_kind_type(EVENT_INACTIVE)) && rule->silence_days == 0) {
        return fail_at(
            c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("trigger")),
            "Say after how many days of silence: {\"type\": \"inactive\", \"days\": 60}.");
    }
    if (program_is_trigger(c->program, rule->trigger)) {
        return ERR_OK;
    }
    const struct str at = pointer_key(c->arena, pointer, STR("trigger"));
    if (event_kind_of(rule->trigger) != EVENT_CUSTOM) {
        return fail_at(c->f, ERR_NOT_SUPPORTED, at, "Rules cannot be triggered by \"%.*s\" yet.",
                       STR_ARG(rule->trigger));
    }
    return fail_at(c->f, ERR_INVALID, at,
                   "\"%.*s\" is neither a built-in type nor declared in \"event_types\".",
                   STR_ARG(rule->trigger));
}

static enum err compile_effects(struct compile *c, const struct json *json, struct str pointer,
                                struct earning_rule *rule)
{
    const struct json *effects = json_at(json, "effects");
    const struct str at = pointer_key(c->arena, pointer, STR("effects"));
    rule->effects_n = json_array_size(effects);
    rule->effects = arena_new(c->arena, struct effect, rule->effects_n);
    for (size_t i = 0; i < rule->effects_n; i++) {
        try(compile_effect(c, json_array_get(effects, i), pointer_index(c->arena, at, i), rule, i,
                           &rule->effects[i]));
        collect_member_slots(c, rule->effects[i].lines, &rule->member_slots, &rule->member_slots_n);
        collect_member_slots(c, rule->effects[i].who, &rule->member_slots, &rule->member_slots_n);
        collect_member_slots(c, rule->effects[i].formula, &rule->member_slots,
                             &rule->member_slots_n);
    }
    return ERR_OK;
}

static enum err compile_one_rule(struct compile *c, const struct json *json, struct str pointer,
                                 struct earning_rule *rule)
{
    rule->slug = read_str(json, "slug");
    rule->pointer = pointer;
    rule->symbol = take_symbol(c, "rule", rule->slug);
    rule->priority = (int)read_int(json, "priority", 0);
    try(compile_trigger(c, json, pointer, rule));
    try(compile_rule(c, json_at(json, "when"), pointer_key(c->arena, pointer, STR("when")),
                     SCOPE_EVENT, rule->trigger, RULE_BOOL, &rule->when));
    rule->campaign = -1;
    compile_stack(json, rule);
    try(compile_window(c, json_at(json, "window"), pointer, &rule->window));
    try(compile_audience(c, json, pointer, &rule->audience));
    try(compile_effects(c, json, pointer, rule));
    collect_member_slots(c, rule->when, &rule->member_slots, &rule->member_slots_n);
    return compile_caps(c, json, pointer, "rule", rule->slug, &rule->caps, &rule->caps_n);
}

/* By priority, highest first; stable, so that equals stay as in the document. */
static void sort_rules(struct earning_rule *rules, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const struct earning_rule rule = rules[i];
        size_t at = i;
        for (; at > 0 && rules[at - 1].priority < rule.priority; at--) {
            rules[at] = rules[at - 1];
        }
        rules[at] = rule;
    }
}

/* Each multiplying effect has a remainder of its own with each base effect of its wallet. */
static void link_multipliers(struct compile *c)
{
    struct program *p = c->program;
    for (size_t r = 0; r < p->rules_n; r++) {
        for (size_t e = 0; e < p->rules[r].effects_n; e++) {
            struct effect *effect = &p->rules[r].effects[e];
            if (effect->kind != EFFECT_MULTIPLY) {
                continue;
            }
            effect->multiplied_symbols = arena_new(c->arena, int32_t, (size_t)p->base_effects_n);
            for (size_t b = 0; b < p->rules_n; b++) {
                for (size_t i = 0; i < p->rules[b].effects_n; i++) {
                    const struct effect *base = &p->rules[b].effects[i];
                    if (base->base_index < 0 || base->wallet != effect->wallet) {
                        continue;
                    }
                    const struct str name =
                        str_fmt(c->arena, "%.*s/%zu/%.*s/%zu", STR_ARG(p->rules[r].slug), e,
                                STR_ARG(p->rules[b].slug), i);
                    effect->multiplied_symbols[base->base_index] =
                        take_symbol(c, "multiplied", name);
                }
            }
        }
    }
}

/* Room for one more; sections add theirs after the document's own. */
struct earning_rule *compile_add_rule(struct compile *c)
{
    struct program *p = c->program;
    arena_room(c->arena, p->rules, p->rules_n, c->rules_max);
    p->rules[p->rules_n] = (struct earning_rule){.audience = -1, .closes_at = AT_NEVER};
    return &p->rules[p->rules_n++];
}

enum err compile_section_rule(struct compile *c, const struct json *json,
                              const struct section_rule *from)
{
    if (json_array_size(json_at(json, "effects")) == 0) {
        return ERR_OK;
    }
    struct earning_rule *rule = compile_add_rule(c);
    rule->slug = str_fmt(c->arena, "%s/%.*s", from->section, STR_ARG(from->slug));
    rule->symbol = take_symbol(c, "rule", rule->slug);
    rule->pointer = from->pointer;
    rule->trigger = from->trigger;
    memcpy(rule->matches, from->matches, sizeof rule->matches);
    rule->matches_n = from->matches_n;
    window_open(&rule->window);
    rule->campaign = -1;
    try(compile_effects(c, json, from->pointer, rule));
    return compile_caps(c, json, from->pointer, "rule", rule->slug, &rule->caps, &rule->caps_n);
}

enum err compile_rules(struct compile *c, const struct json *document)
{
    const struct json *list = json_at(document, "earning_rules");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const struct str pointer = pointer_index(c->arena, STR("/earning_rules"), i);
        try(check_unique(c, list, i, pointer));
        try(compile_one_rule(c, json_array_get(list, i), pointer, compile_add_rule(c)));
    }
    return ERR_OK;
}

static enum err link_tier(struct compile *c, struct effect *effect)
{
    const struct tier_set *set = program_tier_set(c->program, effect->tier.set);
    if (set == NULL) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, effect->tier.pointer, STR("set")),
                       "There is no tier set \"%.*s\".", STR_ARG(effect->tier.set));
    }
    effect->tier.set_index = (int)(set - c->program->tier_sets);
    effect->tier.rank = tier_set_rank(set, effect->tier.tier);
    if (effect->tier.rank <= 0) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, effect->tier.pointer, STR("tier")),
                       "A rule gives a tier above the lowest of its set: \"%.*s\" is none.",
                       STR_ARG(effect->tier.tier));
    }
    if (effect->tier.days > 0 && effect->tier.months > 0) {
        return fail_at(c->f, ERR_INVALID,
                       pointer_key(c->arena, effect->tier.pointer, STR("months")),
                       "A tier is given for days or for months.");
    }
    return ERR_OK;
}

static enum err link_tiers(struct compile *c)
{
    struct program *p = c->program;
    for (size_t r = 0; r < p->rules_n; r++) {
        for (size_t e = 0; e < p->rules[r].effects_n; e++) {
            if (p->rules[r].effects[e].kind == EFFECT_TIER) {
                try(link_tier(c, &p->rules[r].effects[e]));
            }
        }
    }
    return ERR_OK;
}

enum err finish_rules(struct compile *c)
{
    try(link_tiers(c));
    sort_rules(c->program->rules, c->program->rules_n);
    link_multipliers(c);
    return ERR_OK;
}
