/* Which rules fire and what they are due: base points, multipliers, bonuses, caps, in this order.
 */
#include "base/base.h"
#include "core/award.h"

#include "core/achievement.h"
#include "core/award_vars.h"
#include "core/reward.h"

static bool line_matches(struct award_env *env, const struct effect *effect,
                         const struct content_line *line)
{
    const bool is_base = effect->kind == EFFECT_EARN && effect->per_amount > 0;
    return (!is_base || (effect->kinds >> line->line.kind & 1) != 0) &&
           award_line_holds(env, line, effect->lines);
}

/* The part of a line that counts for a base effect. */
static int64_t line_base(const struct effect *base, const struct content_line *line)
{
    const int64_t amount = base->with_points_paid ? line->line.amount : line->unpaid_amount;
    if (base->with_tax || line->line.amount == 0) {
        return amount;
    }
    int64_t tax = 0;
    const bool fits = mul_ratio_half_up(line->line.tax, amount, line->line.amount, &tax);
    return fits ? int64_max(amount - tax, 0) : 0;
}

/* The earning base of a base effect, restricted by a multiplier's lines where one is given. */
static int64_t earning_base(struct award_env *env, const struct effect *base,
                            const struct effect *multiplier)
{
    const struct content *content = env->view->content;
    int64_t sum = 0;
    for (size_t i = 0; i < content->lines_n; i++) {
        const struct content_line *line = &content->lines[i];
        if (line_matches(env, base, line) &&
            (multiplier == NULL || line_matches(env, multiplier, line))) {
            sum += line_base(base, line);
        }
    }
    return sum;
}

static int64_t input_remainder(struct arena *arena, const struct award_view *view, int32_t symbol,
                               int64_t points, int64_t per)
{
    struct inputs *inputs = view->inputs;
    for (size_t i = 0; i < inputs->remainders_n; i++) {
        if (inputs->remainders[i].symbol == symbol) {
            return inputs->remainders[i].value;
        }
    }
    const int64_t value =
        view->facts ? state_remainder(view->facts->state, symbol, points, per) : 0;
    arena_room(arena, inputs->remainders, inputs->remainders_n, inputs->remainders_max);
    inputs->remainders[inputs->remainders_n++] =
        (struct remainder){.symbol = symbol, .value = value, .points = points, .per_amount = per};
    return value;
}

/* Whole points from the numerator and the remainder carried so far. */
static enum err award_ratio(struct arena *arena, const struct award_view *view, struct award *award)
{
    const int64_t carried = input_remainder(arena, view, award->remainder_symbol,
                                            award->ratio_points, award->ratio_per);
    int64_t total = 0;
    if (__builtin_add_overflow(carried, award->numerator, &total)) {
        return ERR_OVERFLOW;
    }
    award->raw = award->points = total / award->ratio_per;
    return award->raw > TRANSFER_POINTS_MAX ? ERR_OVERFLOW : ERR_OK;
}

static struct award *award_add(struct arena *arena, struct award_list *list, int rule, int effect,
                               const struct effect *of)
{
    arena_room(arena, list->awards, list->n, list->max);
    list->awards[list->n] = (struct award){.rule = rule,
                                           .effect = effect,
                                           .wallet = of->wallet,
                                           .is_qualifying = of->is_qualifying,
                                           .multiplies = -1};
    return &list->awards[list->n++];
}

static enum err add_base(struct arena *arena, struct award_env *env, int r, int e,
                         struct award_list *list)
{
    const struct effect *effect = &env->view->program->rules[r].effects[e];
    struct award *award = award_add(arena, list, r, e, effect);
    award->base = earning_base(env, effect, NULL);
    award->ratio_points = effect->points;
    award->ratio_per = effect->per_amount;
    award->remainder_symbol = effect->remainder_symbol;
    if (__builtin_mul_overflow(award->base, effect->points, &award->numerator)) {
        return ERR_OVERFLOW;
    }
    return award_ratio(arena, env->view, award);
}

/* (by - 1) × the matching part of each base's earning base, at that base's ratio (domain.md 11). */
static enum err add_multiplied(struct arena *arena, struct award_env *env, int r, int e,
                               size_t bases_n, struct award_list *list)
{
    const struct program *program = env->view->program;
    const struct effect *effect = &program->rules[r].effects[e];
    for (size_t i = 0; i < bases_n; i++) {
        const struct award base = list->awards[i];
        const struct effect *base_effect = &program->rules[base.rule].effects[base.effect];
        if (base.wallet != effect->wallet) {
            continue;
        }
        const int64_t matching = earning_base(env, base_effect, effect);
        struct award *award = award_add(arena, list, r, e, effect);
        award->base = matching;
        award->multiplies = base.rule;
        award->is_qualifying = effect->is_qualifying && base.is_qualifying;
        award->remainder_symbol = effect->multiplied_symbols[base_effect->base_index];
        if (__builtin_mul_overflow(base_effect->points, effect->by_extra, &award->ratio_points) ||
            __builtin_mul_overflow(base_effect->per_amount, effect->by_over, &award->ratio_per) ||
            __builtin_mul_overflow(matching, award->ratio_points, &award->numerator)) {
            return ERR_OVERFLOW;
        }
        try(award_ratio(arena, env->view, award));
    }
    return ERR_OK;
}

/* Fixed points or those of a formula, or once per matching line. */
static enum err add_fixed(struct arena *arena, struct award_env *env, int r, int e,
                          struct award_list *list)
{
    const struct effect *effect = &env->view->program->rules[r].effects[e];
    const struct content *content = env->view->content;
    struct award *award = award_add(arena, list, r, e, effect);
    if (effect->formula != NULL) {
        try(award_formula(env, effect, r, list, &award->raw));
    } else {
        int64_t times = effect->lines == NULL ? env->occasion->times : 0;
        for (size_t i = 0; effect->lines != NULL && i < content->lines_n; i++) {
            times += line_matches(env, effect, &content->lines[i]);
        }
        if (__builtin_mul_overflow(effect->points, times, &award->raw)) {
            return ERR_OVERFLOW;
        }
    }
    if (award->raw > TRANSFER_POINTS_MAX) {
        return ERR_OVERFLOW;
    }
    award->points = award->raw;
    return ERR_OK;
}

enum stage { STAGE_BASE, STAGE_MULTIPLY, STAGE_BONUS, STAGES_N };

static bool in_stage(const struct effect *effect, enum stage stage)
{
    switch (stage) {
    case STAGE_BASE:
        return effect->base_index >= 0;
    case STAGE_MULTIPLY:
        return effect->kind == EFFECT_MULTIPLY;
    case STAGE_BONUS:
        return effect->kind == EFFECT_EARN && effect->base_index < 0;
    case STAGES_N:
        break;
    }
    return false;
}

bool award_is_over(const struct award_view *view, const struct contest *contest)
{
    const int64_t at = view->content->event->time;
    return at < contest->opens_at || at >= contest->closes_at ||
           view->booked_at >= contest->closes_at;
}

/* An entry in a contest that is over, or not for this member. */
static bool is_closed(struct award_env *env, const struct effect *effect)
{
    return effect->contest != NULL &&
           (award_is_over(env->view, effect->contest) ||
            (effect->who != NULL && !rule_holds(effect->who, &env->rule)));
}

static enum err run_stage(struct arena *arena, struct award_env *env, enum stage stage,
                          const bool *fired, struct award_list *list)
{
    const struct program *program = env->view->program;
    const size_t bases_n = list->n; // before the second stage these are just the base awards
    for (size_t r = 0; r < program->rules_n; r++) {
        for (size_t e = 0; fired[r] && e < program->rules[r].effects_n; e++) {
            if (!in_stage(&program->rules[r].effects[e], stage) ||
                is_closed(env, &program->rules[r].effects[e])) {
                continue;
            }
            if (list->n + program->rules_n > AWARDS_MAX) {
                return ERR_OVERFLOW;
            }
            switch (stage) {
            case STAGE_BASE:
                try(add_base(arena, env, (int)r, (int)e, list));
                break;
            case STAGE_MULTIPLY:
                try(add_multiplied(arena, env, (int)r, (int)e, bases_n, list));
                break;
            case STAGE_BONUS:
                try(add_fixed(arena, env, (int)r, (int)e, list));
                break;
            case STAGES_N:
                break;
            }
        }
    }
    return ERR_OK;
}

enum err award_follow(struct arena *arena, const struct award_env *env, struct award_list *list,
                      struct str type, struct str field, struct str text, int64_t times)
{
    if (env->occasion->level >= CHAIN_LEVELS_MAX) {
        return ERR_CHAIN;
    }
    const int level = env->occasion->level + 1;
    arena_room(arena, list->occasions, list->occasions_n, list->occasions_max);
    list->occasions[list->occasions_n++] =
        (struct occasion){.type = type,
                          .level = level,
                          .times = times,
                          .fields = {{.name = field, .text = text}},
                          .fields_n = 1};
    return ERR_OK;
}

/* What the content adds to a tier set's own sum or count. */
static int64_t run_metric(struct award_env *env, const struct metric *metric)
{
    struct value value;
    if ((metric->kind != METRIC_SUM && metric->kind != METRIC_COUNT) ||
        !str_eq(metric->trigger, env->occasion->type) ||
        (metric->when != NULL && !rule_holds(metric->when, &env->rule))) {
        return 0;
    }
    if (metric->kind == METRIC_COUNT) {
        return 1;
    }
    rule_run(metric->of, &env->rule, &value);
    const bool is_usable = value.kind == VALUE_NUMBER && value.number >= 0 &&
                           value.number <= (double)TRANSFER_POINTS_MAX;
    return is_usable ? (int64_t)value.number : 0;
}

static void run_metrics(struct award_env *env, struct award_list *list)
{
    const struct program *program = env->view->program;
    for (size_t s = 0; s < program->tier_sets_n; s++) {
        const struct tier_set *set = &program->tier_sets[s];
        for (size_t i = 0; i < set->metrics_n; i++) {
            list->metrics[set->metrics[i].index] = run_metric(env, &set->metrics[i]);
        }
    }
}

static void finish_explain(struct award_list *list)
{
    for (size_t r = 0; r < list->explain_n; r++) {
        list->explain[r].points = list->explain[r].points_before_caps =
            0; // summed anew when something follows
    }
    for (size_t i = 0; i < list->n; i++) {
        for (size_t r = 0; r < list->explain_n; r++) {
            if (list->explain[r].rule == list->awards[i].rule) {
                list->explain[r].points += list->awards[i].points;
                list->explain[r].points_before_caps += list->awards[i].raw;
                list->explain[r].base = int64_max(list->explain[r].base, list->awards[i].base);
                if (list->awards[i].clipped_by.n > 0) {
                    list->explain[r].clipped_by = list->awards[i].clipped_by;
                }
            }
        }
    }
}

/* The ratio at which a multiplier adds to a base effect; false where it does not. */
static bool extra_ratio(const struct effect *effect, const struct effect *base, int64_t *points,
                        int64_t *per)
{
    return effect->kind == EFFECT_MULTIPLY && base->base_index >= 0 &&
           base->wallet == effect->wallet &&
           !__builtin_mul_overflow(base->points, effect->by_extra, points) &&
           !__builtin_mul_overflow(base->per_amount, effect->by_over, per);
}

/* The same for the remainder with a symbol: of the effect itself or of what it adds to a base. */
static bool effect_ratio(const struct program *program, const struct effect *effect, int32_t symbol,
                         int64_t *points, int64_t *per)
{
    if (effect->base_index >= 0 && effect->remainder_symbol == symbol) {
        *points = effect->points;
        *per = effect->per_amount;
        return true;
    }
    for (size_t r = 0; effect->kind == EFFECT_MULTIPLY && r < program->rules_n; r++) {
        for (size_t e = 0; e < program->rules[r].effects_n; e++) {
            const struct effect *base = &program->rules[r].effects[e];
            if (extra_ratio(effect, base, points, per) &&
                effect->multiplied_symbols[base->base_index] == symbol) {
                return true;
            }
        }
    }
    return false;
}

bool award_remainder_ratio(const struct program *program, int32_t symbol, int64_t *points,
                           int64_t *per)
{
    for (size_t r = 0; r < program->rules_n; r++) {
        for (size_t e = 0; e < program->rules[r].effects_n; e++) {
            if (effect_ratio(program, &program->rules[r].effects[e], symbol, points, per)) {
                return true;
            }
        }
    }
    return false;
}

static void record_effect(struct arena *arena, const struct award_view *view,
                          const struct effect *effect)
{
    const struct program *program = view->program;
    if (effect->base_index >= 0) {
        (void)input_remainder(arena, view, effect->remainder_symbol, effect->points,
                              effect->per_amount);
    }
    for (size_t r = 0; effect->kind == EFFECT_MULTIPLY && r < program->rules_n; r++) {
        for (size_t e = 0; e < program->rules[r].effects_n; e++) {
            const struct effect *base = &program->rules[r].effects[e];
            int64_t points = 0;
            int64_t per = 0;
            if (extra_ratio(effect, base, &points, &per)) {
                (void)input_remainder(arena, view, effect->multiplied_symbols[base->base_index],
                                      points, per);
            }
        }
    }
}

static void record_campaign(struct award_env *env, const struct campaign *campaign)
{
    const struct program *program = env->view->program;
    if (campaign->audience >= 0) {
        (void)award_in_segment(env, campaign->audience);
    }
    if (campaign->offer >= 0 && program->offers[campaign->offer].is_opt_in) {
        award_record_slots(env, &program->offers_slot, 1);
    }
    for (size_t i = 0; i < campaign->caps_n; i++) {
        (void)award_cap_used(env->view, &campaign->caps[i]);
    }
}

/* Records all that a triggered rule could read, read or not: with less content its conditions may
 * go another way, and then must find what held at this instant. */
static void record_inputs(struct arena *arena, struct award_env *env,
                          const struct earning_rule *rule)
{
    const struct award_view *view = env->view;
    award_record_slots(env, rule->member_slots, rule->member_slots_n);
    if (rule->audience >= 0) {
        (void)award_in_segment(env, rule->audience);
    }
    if (rule->campaign >= 0) {
        record_campaign(env, &view->program->campaigns[rule->campaign]);
    }
    for (size_t e = 0; e < rule->effects_n; e++) {
        if (rule->effects[e].wallet < 0) {
            continue; // how many rewards it gave is recorded when it is known
        }
        const struct wallet *wallet = &view->program->wallets[rule->effects[e].wallet];
        record_effect(arena, view, &rule->effects[e]);
        for (size_t i = 0; i < wallet->caps_n; i++) {
            (void)award_cap_used(view, &wallet->caps[i]);
        }
    }
    for (size_t i = 0; i < rule->caps_n; i++) {
        (void)award_cap_used(view, &rule->caps[i]);
    }
}

/* The rules that fire for the occasion at hand. */
static void fire(struct arena *arena, struct award_env *env, struct award_list *list, bool *fired)
{
    const struct award_view *view = env->view;
    for (size_t r = 0; r < view->program->rules_n; r++) {
        const struct earning_rule *rule = &view->program->rules[r];
        fired[r] = false;
        if (!award_is_triggered(env, rule)) {
            continue;
        }
        struct explain_rule *note = NULL;
        if (view->wants_explain) {
            arena_room(arena, list->explain, list->explain_n, list->explain_max);
            note = &list->explain[list->explain_n++];
            *note = (struct explain_rule){.rule = (int)r};
        }
        if (view->facts != NULL) {
            record_inputs(arena, env, rule);
        }
        const bool is_stopped = award_is_stopped(view->program, fired, r);
        fired[r] = award_fires(env, rule, note) && !is_stopped;
        if (is_stopped && note != NULL && note->fired) {
            note->fired = false;
            note->stage = STR("stack");
        }
    }
}

/* What follows from the event may not happen with less content, or only then: what its rules read
 * is recorded before anybody knows. */
static void record_chained(struct arena *arena, struct award_env *env)
{
    const struct program *program = env->view->program;
    for (size_t r = 0; r < program->rules_n; r++) {
        // What follows from a change of a tier is not judged again with less content.
        if (program_is_occasion(program->rules[r].trigger) &&
            !str_eq(program->rules[r].trigger, STR("tier.changed"))) {
            record_inputs(arena, env, &program->rules[r]);
        }
    }
}

static enum err count_chained(const struct program *program, const bool *fired,
                              struct award_list *list)
{
    for (size_t r = 0; r < program->rules_n; r++) {
        list->chained_effects_n += fired[r] ? program->rules[r].effects_n : 0;
    }
    return list->chained_effects_n > CHAIN_EFFECTS_MAX ? ERR_CHAIN : ERR_OK;
}

static void run_tier_grants(struct arena *arena, const struct program *program, const bool *fired,
                            struct award_list *list)
{
    for (size_t r = 0; r < program->rules_n; r++) {
        for (size_t e = 0; fired[r] && e < program->rules[r].effects_n; e++) {
            if (program->rules[r].effects[e].kind == EFFECT_TIER) {
                arena_room(arena, list->tiers, list->tiers_n, list->tiers_max);
                list->tiers[list->tiers_n++] =
                    (struct tier_grant){.rule = (int)r, .effect = (int)e};
            }
        }
    }
}

/* The event first, then one by one what follows from it. */
static enum err run_occasions(struct arena *arena, struct award_env *env, size_t first,
                              struct award_list *list)
{
    const struct program *program = env->view->program;
    bool *fired = arena_new(arena, bool, program->rules_n);
    for (size_t i = first; i < list->occasions_n; i++) {
        const struct occasion occasion = list->occasions[i]; // a copy: the list grows
        award_env_turn(env, &occasion);
        list->first = list->n;
        fire(arena, env, list, fired);
        if (occasion.level == 0) {
            try(run_stage(arena, env, STAGE_BASE, fired, list));
            try(run_stage(arena, env, STAGE_MULTIPLY, fired, list));
        } else {
            try(count_chained(program, fired, list));
        }
        try(run_stage(arena, env, STAGE_BONUS, fired, list));
        award_stack(program, list, fired);
        try(award_grants(arena, env, fired, list));
        run_tier_grants(arena, program, fired, list);
        try(achievement_run(arena, env, list));
    }
    return ERR_OK;
}

void award_list_open(struct arena *arena, const struct program *program, struct award_list *out)
{
    *out = (struct award_list){
        .caps_used = arena_new(arena, int64_t, program->caps_n),
        .metrics = arena_new(arena, int64_t, program->metrics_n),
    };
}

static void add_field(struct occasion *occasion, struct str name, struct str text)
{
    ensure(occasion->fields_n < OCCASION_FIELDS_MAX);
    occasion->fields[occasion->fields_n++] = (struct occasion_field){.name = name, .text = text};
}

enum err award_follow_tier(struct arena *arena, const struct award_view *view,
                           struct award_list *list, const struct tier_follow *follow)
{
    struct award_env env;
    struct occasion changed = {.type = STR("tier.changed"), .level = follow->level, .times = 1};
    const size_t first = list->occasions_n;
    const size_t from = list->n;
    if (follow->level > CHAIN_LEVELS_MAX) {
        return ERR_CHAIN;
    }
    award_env_open(arena, view, &changed, &env);
    add_field(&changed, STR("set"), follow->set);
    add_field(&changed, STR("tier"), follow->to);
    add_field(&changed, STR("from"), follow->from);
    add_field(&changed, STR("direction"), follow->is_up ? STR("up") : STR("down"));
    add_field(&changed, STR("why"), tier_why_slug(follow->why));
    if (follow->is_up && follow->why != WHY_RESTORED) {
        add_field(&changed, STR("reached"),
                  follow->to); // what a tier's own effects wait for: a restored one was never lost
    }
    arena_room(arena, list->occasions, list->occasions_n, list->occasions_max);
    list->occasions[list->occasions_n++] = changed;
    try(run_occasions(arena, &env, first, list));
    award_clip(view, list, from);
    finish_explain(list);
    return ERR_OK;
}

/* What follows from a purchase of some amount follows no more when less than that is left of it. */
static bool is_enough_left(const struct content *content, const struct occasion *follow)
{
    for (size_t i = 0; i < follow->fields_n; i++) {
        if (str_eq(follow->fields[i].name, STR("min_amount")) &&
            follow->fields[i].number > content->amount) {
            return false;
        }
    }
    return true;
}

enum err award_run(struct arena *arena, const struct award_view *view, struct award_list *out)
{
    const struct program *program = view->program;
    const bool is_changed = view->content->event->kind == EVENT_PURCHASE_CHANGED;
    struct occasion event = {.type = is_changed ? STR("purchase") : view->content->event->type,
                             .times = 1};
    award_list_open(arena, program, out);
    const struct about *about = &view->inputs->about;
    memcpy(event.fields, about->fields, sizeof event.fields);
    event.fields_n = about->fields_n;
    if (view->content->is_empty) {
        return ERR_OK; // nothing left, nothing due, fixed points included
    }
    struct award_env env;
    award_env_open(arena, view, &event, &env);
    for (size_t i = 0; view->facts != NULL && i < program->tier_sets_n; i++) {
        award_record_slots(&env, program->tier_sets[i].member_slots,
                           program->tier_sets[i].member_slots_n);
    }
    if (view->facts != NULL && program->has_occasions) {
        record_chained(arena, &env);
    }
    arena_room(arena, out->occasions, out->occasions_n, out->occasions_max);
    out->occasions[out->occasions_n++] = event;
    for (size_t i = 0; i < about->follows_n; i++) {
        if (!is_enough_left(view->content, &about->follows[i])) {
            continue;
        }
        arena_room(arena, out->occasions, out->occasions_n, out->occasions_max);
        out->occasions[out->occasions_n++] = about->follows[i];
    }
    try(run_occasions(arena, &env, 0, out));
    award_env_turn(&env, &event);
    award_clip(view, out, 0);
    run_metrics(&env, out);
    finish_explain(out);
    for (size_t i = 0; i < view->inputs->tier_follows_n && !view->without_tiers; i++) {
        try(award_follow_tier(arena, view, out, &view->inputs->tier_follows[i]));
    }
    return ERR_OK;
}
