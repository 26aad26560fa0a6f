/* The sentence of a rule: what sets it off, when, for whom, what it gives, at most how much. */
#include "base/base.h"
#include "words/words_internal.h"

enum { PARTS_MAX = 100 };

/* ---- what sets it off ---- */

static enum phrase trigger_phrase(struct str type)
{
    static const struct {
        const char *type;
        enum phrase phrase;
    } TRIGGERS[] = {
        {"purchase", P_T_PURCHASE},
        {"visit", P_T_VISIT},
        {"member.enrolled", P_T_ENROLLED},
        {"stay.completed", P_T_STAY},
        {"offer.accepted", P_T_OFFER},
        {"reward.bought", P_T_REWARD_BOUGHT},
        {"reward.used", P_T_REWARD_USED},
        {"reward.issued", P_T_REWARD_ISSUED},
        {"achievement.completed", P_T_ACHIEVEMENT},
        {"quiz.completed", P_T_QUIZ},
        {"quiz.scored", P_T_QUIZ_SCORED},
        {"quiz.passed", P_T_QUIZ_PASSED},
        {"survey.completed", P_T_SURVEY},
        {"tier.changed", P_T_TIER_CHANGED},
        {"tier.warned", P_T_TIER_WARNED},
        {"code.entered", P_T_CODE},
        {"contest.entered", P_T_CONTEST},
        {"contest.won", P_T_CONTEST_WON},
        {"referral.rewarded", P_T_REFERRAL_REWARDED},
        {"referral.qualified", P_T_REFERRAL_QUALIFIED},
        {"referral", P_T_REFERRAL},
        {"referral.named", P_T_REFERRAL_NAMED},
        {"review.submitted", P_T_REVIEW},
        {"review.published", P_T_REVIEW_PUBLISHED},
        {"birthday", P_T_BIRTHDAY},
        {"anniversary", P_T_ANNIVERSARY},
        {"subscription.started", P_T_SUB_STARTED},
        {"subscription.changed", P_T_SUB_CHANGED},
        {"subscription.paused", P_T_SUB_PAUSED},
        {"subscription.resumed", P_T_SUB_RESUMED},
        {"subscription.cancelled", P_T_SUB_CANCELLED},
        {"subscription.paid", P_T_SUB_PAID},
        {"subscription.month_kept", P_T_SUB_MONTH},
    };
    for (size_t i = 0; i < ARRAY_N(TRIGGERS); i++) {
        if (str_eq(type, str_c(TRIGGERS[i].type))) {
            return TRIGGERS[i].phrase;
        }
    }
    return P_T_CUSTOM;
}

static struct str match_name(const struct words *w, const struct rule_match *match)
{
    static const struct {
        const char *field;
        const char *section;
        const char *name;
    } SECTIONS[] = {{"achievement", "achievements", "name"},
                    {"reward", "rewards", "name"},
                    {"offer", "offers", "title"},
                    {"quiz", "quizzes", "title"},
                    {"survey", "surveys", "title"},
                    {"redemption_code", "redemption_codes", "name"},
                    {"contest", "contests", "name"},
                    {"referral", "referrals", "name"}};
    if (str_eq(match->field, STR("side"))) {
        return phrase_form(w, str_eq(match->value, STR("advocate")) ? P_S_ADVOCATE : P_S_REFEREE,
                           false);
    }
    for (size_t i = 0; i < ARRAY_N(SECTIONS); i++) {
        if (str_eq(match->field, str_c(SECTIONS[i].field))) {
            return named(w, SECTIONS[i].section, match->value, SECTIONS[i].name);
        }
    }
    return text_quoted(w, match->value);
}

static struct str trigger_text(const struct words *w, const struct earning_rule *rule)
{
    struct str text =
        rule->silence_days > 0
            ? phrase_1(w, P_T_INACTIVE, counted_text(w, P_DAYS_ONE, rule->silence_days))
            : phrase_1(w, trigger_phrase(rule->trigger), text_quoted(w, rule->trigger));
    for (size_t i = 0; i < rule->matches_n; i++) {
        text = phrase_2(w, P_T_NAMED, text, match_name(w, &rule->matches[i]));
    }
    return text;
}

/* ---- what it asks ---- */

/* The variable that an expression is, or empty. */
static struct str variable_name(const struct words *w, const struct json *json)
{
    const struct json *args = NULL;
    return op_of(w, json, &args) == W_RULE_OP_VAR ? json_str(json_array_get(args, 0)) : STR("");
}

static bool amount_adjunct(const struct words *w, const struct json *condition, struct str *head)
{
    struct comparison c;
    const struct noun money = {.kind = KIND_MONEY};
    if (!comparison_read(w, condition, &c) ||
        !str_eq(variable_name(w, c.thing), STR("event.amount"))) {
        return false;
    }
    const bool is_strict = c.until != NULL && c.op != W_RULE_OP_LESS_EQUAL;
    const enum phrase id = c.until != NULL                ? P_A_RANGE
                           : c.op == W_RULE_OP_MORE_EQUAL ? P_A_GE
                           : c.op == W_RULE_OP_MORE       ? P_A_GT
                           : c.op == W_RULE_OP_LESS_EQUAL ? P_A_LE
                           : c.op == W_RULE_OP_LESS       ? P_A_LT
                                                          : P_A_EQ;
    if (is_strict || c.op == W_RULE_OP_NOT_EQUAL || c.op == W_RULE_OP_NOT_SAME) {
        return false;
    }
    const struct noun until =
        c.until != NULL ? expression_noun(w, c.until, &money) : noun_of(w, STR(""));
    const struct noun nouns[] = {noun_of(w, *head), expression_noun(w, c.from, &money), until};
    *head = phrase_of(w, id, nouns, 3);
    return true;
}

static bool category_adjunct(const struct words *w, const struct json *condition, struct str *head)
{
    const struct json *args = NULL;
    const struct json *what = NULL;
    if (op_of(w, condition, &args) == W_RULE_OP_IN) {
        what = json_array_get(args, 0);
    }
    if (!json_is_string(what) ||
        !str_eq(variable_name(w, json_array_get(args, 1)), STR("event.categories"))) {
        return false;
    }
    *head = phrase_2(w, P_A_CATEGORY, *head, text_quoted(w, json_str(what)));
    return true;
}

static bool store_adjunct(const struct words *w, const struct json *condition, struct str *head)
{
    struct comparison c;
    const bool is_equal =
        comparison_read(w, condition, &c) && (c.op == W_RULE_OP_EQUAL || c.op == W_RULE_OP_SAME);
    if (!is_equal || !json_is_string(c.from) ||
        !str_eq(variable_name(w, c.thing), STR("event.store"))) {
        return false;
    }
    *head = phrase_2(w, P_A_STORE, *head, store_name(w, json_str(c.from)));
    return true;
}

/* Puts what can stand beside the purchase there, each once; what is left over becomes clauses. */
static void ask(const struct words *w, const struct json *when, struct str *head,
                struct str *clauses, size_t *n)
{
    const struct json *args = NULL;
    const bool is_and = op_of(w, when, &args) == W_RULE_OP_AND;
    bool has_amount = false;
    bool has_category = false;
    bool has_store = false;
    const size_t conditions_n = when == NULL || json_is_true(when) ? 0
                                : is_and                           ? json_array_size(args)
                                                                   : 1;
    for (size_t i = 0; i < conditions_n && *n < PARTS_MAX; i++) {
        const struct json *condition = is_and ? json_array_get(args, i) : when;
        if (!has_amount && amount_adjunct(w, condition, head)) {
            has_amount = true;
        } else if (!has_category && category_adjunct(w, condition, head)) {
            has_category = true;
        } else if (!has_store && store_adjunct(w, condition, head)) {
            has_store = true;
        } else {
            clauses[*n] = clause_of(w, condition, false);
            *n += 1;
        }
    }
}

/* ---- when ---- */

/* The last local day before an instant or a day excluded. */
static bool window_days(const struct words *w, const struct window *window, int32_t *from,
                        int32_t *last)
{
    const struct zone *zone = w->program->zone;
    *from = window->from_at > AT_MIN ? zone_day(zone, window->from_at) : window->from_day;
    *last = window->until_at < AT_MAX       ? zone_day(zone, window->until_at - 1)
            : window->until_day < INT32_MAX ? window->until_day - 1
                                            : INT32_MAX;
    return *from > INT32_MIN || *last < INT32_MAX;
}

static struct str window_dates(const struct words *w, const struct window *window)
{
    int32_t from = 0;
    int32_t last = 0;
    if (!window_days(w, window, &from, &last)) {
        return STR("");
    }
    if (last == INT32_MAX) {
        return phrase_1(w, P_W_FROM, date_text(w, from));
    }
    return from == INT32_MIN
               ? phrase_1(w, P_W_THROUGH, date_text(w, last))
               : phrase_2(w, P_W_FROM_THROUGH, date_text(w, from), date_text(w, last));
}

static struct str clock_text(const struct words *w, int minutes)
{
    return str_fmt(w->arena, "%02d:%02d", minutes / 60, minutes % 60);
}

/* "on Saturdays and Sundays from 08:00 to 12:00" */
static struct str window_hours(const struct words *w, const struct window *window)
{
    struct str days[7];
    size_t n = 0;
    for (int i = 0; i < 7; i++) {
        if ((window->weekdays >> i & 1) != 0 && window->weekdays != 0x7F) {
            days[n++] = phrase_form(w, (enum phrase)(P_D_MON + i), false);
        }
    }
    const struct str on = n > 0 ? phrase_1(w, P_W_DAYS, text_list(w, days, n, false)) : STR("");
    if (window->hours_from < 0) {
        return on;
    }
    const struct str hours = phrase_2(w, P_W_HOURS, clock_text(w, window->hours_from),
                                      clock_text(w, window->hours_until));
    return n > 0 ? str_fmt(w->arena, "%.*s %.*s", STR_ARG(on), STR_ARG(hours)) : hours;
}

/* ---- what it gives ---- */

static bool is_every_line(const struct effect *effect)
{
    return effect->lines == NULL || json_is_true(rule_json(effect->lines));
}

static struct str base_text(const struct words *w, const struct effect *effect)
{
    const struct noun nouns[] = {
        {.text = points_text(w, effect->wallet, effect->points)},
        {.text = money_text(w, effect->per_amount)},
        {.text = is_every_line(effect) ? STR("") : clause_of(w, rule_json(effect->lines), false)}};
    return phrase_of(w, is_every_line(effect) ? P_E_PER_AMOUNT : P_E_PER_AMOUNT_LINES, nouns, 3);
}

static struct str multiplier_text(const struct words *w, const struct effect *effect)
{
    struct decimal by = {.digits = effect->by_extra + effect->by_over};
    while (power_of_ten(by.scale) < effect->by_over) {
        by.scale++;
    }
    const int64_t whole = by.digits % effect->by_over == 0 ? by.digits / effect->by_over : 0;
    const struct str times = whole == 2   ? phrase_form(w, P_E_TWICE, false)
                             : whole == 3 ? phrase_form(w, P_E_THRICE, false)
                                          : phrase_1(w, P_E_TIMES, number_text(w, by));
    return is_every_line(effect)
               ? times
               : phrase_2(w, P_E_TIMES_LINES, times, clause_of(w, rule_json(effect->lines), false));
}

/* {"table": ["fares", …]} as it was made of {"table": "fares"} has the table's name first. */
static struct str computed_text(const struct words *w, const struct effect *effect)
{
    const struct json *args = NULL;
    const struct json *formula = rule_json(effect->formula);
    if (op_of(w, formula, &args) == W_RULE_OP_TABLE) {
        return phrase_2(w, P_E_TABLE, unit_text(w, effect->wallet),
                        text_quoted(w, json_str(json_array_get(args, 0))));
    }
    return phrase_2(w, P_E_FORMULA, unit_text(w, effect->wallet),
                    expression_noun(w, formula, NULL).text);
}

static struct str earned_text(const struct words *w, const struct effect *effect)
{
    const struct str points = effect->formula != NULL
                                  ? computed_text(w, effect)
                                  : points_text(w, effect->wallet, effect->points);
    if (effect->lines == NULL) {
        return points;
    }
    return is_every_line(effect) ? phrase_1(w, P_E_EACH_LINE, points)
                                 : phrase_2(w, P_E_EACH_LINE_IF, points,
                                            clause_of(w, rule_json(effect->lines), false));
}

struct str words_effect(const struct words *w, const struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_EARN:
        return effect->base_index >= 0 ? base_text(w, effect) : earned_text(w, effect);
    case EFFECT_MULTIPLY:
        return multiplier_text(w, effect);
    case EFFECT_REWARD:
        return phrase_1(w, P_E_REWARD,
                        named(w, "rewards", w->program->rewards[effect->reward].slug, "name"));
    case EFFECT_TIER:
        return phrase_1(w, P_E_TIER, tier_name(w, effect->tier.set, effect->tier.tier));
    }
    return STR("");
}

static enum phrase period_phrase(const struct cap *cap)
{
    if (cap->per == CAP_TRANSACTION) {
        return P_K_TRANSACTION;
    }
    switch (cap->period) {
    case PERIOD_DAY:
        return P_K_DAY;
    case PERIOD_WEEK:
        return P_K_WEEK;
    case PERIOD_MONTH:
        return P_K_MONTH;
    case PERIOD_YEAR:
        return P_K_YEAR;
    case PERIOD_LIFETIME:
        return P_K_LIFETIME;
    }
    return P_K_LIFETIME;
}

static int wallet_of(const struct earning_rule *rule)
{
    for (size_t i = 0; i < rule->effects_n; i++) {
        if (rule->effects[i].wallet >= 0) {
            return rule->effects[i].wallet;
        }
    }
    return -1;
}

/* "at most 100 points a day and 5,000 points in all"; only caps in points are said. */
static struct str caps_text(const struct words *w, const struct earning_rule *rule)
{
    struct str caps[CAPS_MAX];
    size_t n = 0;
    const int wallet = wallet_of(rule);
    for (size_t i = 0; i < rule->caps_n && wallet >= 0; i++) {
        const struct cap *cap = &rule->caps[i];
        if (cap->unit != CAP_POINTS) {
            continue;
        }
        caps[n] = phrase_1(w, period_phrase(cap), points_text(w, wallet, cap->limit));
        caps[n] = cap->per == CAP_RULE ? phrase_1(w, P_K_ALL_MEMBERS, caps[n]) : caps[n];
        n++;
    }
    return n > 0 ? phrase_1(w, P_K_MOST, text_list(w, caps, n, false)) : STR("");
}

/* ---- the whole ---- */

static struct str with_comma(const struct words *w, struct str text, struct str part)
{
    return part.n > 0 ? phrase_2(w, P_M_COMMA, text, part) : text;
}

/* What else must be known of it, as sentences of their own. */
static struct str remarks(const struct words *w, const struct earning_rule *rule)
{
    const struct program *p = w->program;
    struct buf out;
    buf_open(&out, w->arena, WORDS_BYTES_MAX);
    if (rule->campaign >= 0) {
        const struct campaign *campaign = &p->campaigns[rule->campaign];
        buf_printf(&out, " %s",
                   str_z(w->arena,
                         phrase_1(w, P_X_CAMPAIGN, named(w, "campaigns", campaign->slug, "name"))));
        if (campaign->offer >= 0 && p->offers[campaign->offer].is_opt_in) {
            buf_printf(&out, " %s",
                       str_z(w->arena, phrase_1(w, P_X_OFFER,
                                                named(w, "offers", p->offers[campaign->offer].slug,
                                                      "title"))));
        }
    }
    if (rule->stack_group.n > 0 && rule->stack != STACK_ALL) {
        const enum phrase id = rule->stack == STACK_BEST ? P_X_BEST : P_X_STOP;
        buf_printf(&out, " %s",
                   str_z(w->arena, phrase_1(w, id, text_quoted(w, rule->stack_group))));
    }
    return buf_view(&out);
}

static struct str subject_text(const struct words *w, const struct earning_rule *rule)
{
    return rule->audience < 0
               ? phrase_form(w, P_S_MEMBERS, false)
               : phrase_1(w, P_S_AUDIENCE,
                          segment_name(w, w->program->segments[rule->audience].slug));
}

struct str words_rule(struct words *w, int index)
{
    const struct earning_rule *rule = &w->program->rules[index];
    sentence_begin(w);
    struct str clauses[PARTS_MAX];
    struct str effects[EFFECTS_MAX];
    size_t clauses_n = 0;
    struct str head = trigger_text(w, rule);
    ask(w, rule->when != NULL ? rule_json(rule->when) : NULL, &head, clauses, &clauses_n);
    const struct str dates = window_dates(w, &rule->window);
    const struct str hours = window_hours(w, &rule->window);
    struct str start = with_comma(w, with_comma(w, head, dates), hours);
    if (clauses_n > 0) {
        start = with_comma(w, start, phrase_1(w, P_M_IF, text_list(w, clauses, clauses_n, false)));
    }
    if (dates.n + hours.n + clauses_n > 0) {
        start = phrase_1(w, P_M_BEFORE_VERB, start);
    }
    for (size_t i = 0; i < rule->effects_n; i++) {
        effects[i] = words_effect(w, &rule->effects[i]);
    }
    const struct noun nouns[] = {
        {.text = start},
        {.text = subject_text(w, rule)},
        {.text = with_comma(w, text_list(w, effects, rule->effects_n, false), caps_text(w, rule))}};
    const struct str sentence = capitalised(w, phrase_of(w, P_M_MAIN, nouns, 3));
    return sentence_keep(
        w, str_fmt(w->arena, "%.*s.%.*s", STR_ARG(sentence), STR_ARG(remarks(w, rule))));
}
