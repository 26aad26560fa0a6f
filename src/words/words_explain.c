/* What became of a rule: what it gave, or which condition failed, with what was found and what is
 * needed. */
#include "base/base.h"
#include "words/words_internal.h"

static struct str sentence_of(const struct words *w, enum phrase id, struct str a)
{
    return capitalised(w, phrase_1(w, id, a));
}

/* Whether the failing part stands under an odd number of "!": it held, and should not have. */
static bool is_negated(struct str pointer)
{
    bool negated = false;
    struct str part;
    bool done = false;
    while (str_split(&pointer, '/', &part, &done)) {
        negated ^= str_eq(part, STR("!"));
    }
    return negated;
}

static enum phrase need_phrase(enum words_op op)
{
    switch ((int)op) {
    case W_RULE_OP_LESS:
        return P_G_LT;
    case W_RULE_OP_LESS_EQUAL:
        return P_G_LE;
    case W_RULE_OP_MORE:
        return P_G_GT;
    case W_RULE_OP_MORE_EQUAL:
        return P_G_GE;
    case W_RULE_OP_EQUAL:
    case W_RULE_OP_SAME:
        return P_G_EQ;
    default:
        return P_G_NE;
    }
}

/* What a comparison needs: "10.00 EUR or more is needed". */
static bool comparison_need(const struct words *w, const struct json *condition, bool negated,
                            const struct json **thing, struct str *need)
{
    struct comparison c;
    if (!comparison_read(w, condition, &c) || json_is_null(c.from) || json_is_boolean(c.from)) {
        return false;
    }
    const struct noun noun = expression_noun(w, c.thing, NULL);
    const bool is_range = c.until != NULL;
    int32_t day = 0;
    if (noun.kind == KIND_DATE || noun.kind == KIND_INSTANT || day_read(json_str(c.from), &day) ||
        (is_range && (negated || c.op == W_RULE_OP_LESS))) {
        return false; // said as a whole
    }
    const struct noun until = is_range ? expression_noun(w, c.until, &noun) : noun_of(w, STR(""));
    const struct noun nouns[] = {expression_noun(w, c.from, &noun), until};
    *thing = c.thing;
    *need = phrase_of(
        w, is_range ? P_G_RANGE : need_phrase(negated ? comparison_negated(c.op) : c.op), nouns, 2);
    return true;
}

/* What "in" needs: a value among a list, or one of several values. */
static bool membership_need(const struct words *w, const struct json *condition, bool negated,
                            const struct json **thing, struct str *need)
{
    const struct json *args = NULL;
    if (op_of(w, condition, &args) != W_RULE_OP_IN) {
        return false;
    }
    const struct json *what = json_array_get(args, 0);
    const struct json *where = json_array_get(args, 1);
    if (json_is_array(where) && is_constant(w, where) && !is_constant(w, what)) {
        const struct noun noun = expression_noun(w, what, NULL);
        struct noun items[100];
        size_t n = 0;
        for (size_t i = 0; i < json_array_size(where) && n < ARRAY_N(items); i++) {
            items[n++] = value_noun(w, json_array_get(where, i), &noun);
        }
        const struct noun list = noun_list(w, items, n, !negated);
        *thing = what;
        *need = phrase_of(w, negated ? P_G_NOT_IN : P_G_IN, &list, 1);
        return n > 0;
    }
    const struct noun list = expression_noun(w, where, NULL);
    if (!is_constant(w, what) || !list.is_plural) {
        return false;
    }
    const struct noun wanted = value_noun(w, what, &list);
    *thing = where;
    *need = phrase_of(w, negated ? P_G_HAS_NOT : P_G_HAS, &wanted, 1);
    return true;
}

/* "The purchase's amount was 9.00 EUR, but 10.00 EUR or more is needed." */
static struct str condition_text(const struct words *w, const struct explain_rule *e)
{
    const struct json *condition = NULL;
    const struct json *actual = NULL;
    const struct json *thing = NULL;
    struct str need = {0};
    if (json_read(w->arena, e->condition, NULL, &condition) != ERR_OK ||
        json_read(w->arena, e->actual, NULL, &actual) != ERR_OK) {
        return phrase_form(w, P_R_OTHER, false);
    }
    const bool negated = is_negated(e->pointer);
    if (!comparison_need(w, condition, negated, &thing, &need) &&
        !membership_need(w, condition, negated, &thing, &need)) {
        return sentence_of(w, P_F_OTHER, clause_of(w, condition, negated));
    }
    const struct noun noun = expression_noun(w, thing, NULL);
    if (json_is_null(actual)) {
        const struct noun nouns[] = {noun, {.text = need}};
        return capitalised(w, phrase_of(w, P_F_UNKNOWN, nouns, 2));
    }
    if (json_is_array(actual) && json_array_size(actual) == 0) {
        const struct noun both[] = {noun, {.text = need}};
        return capitalised(w, phrase_of(w, P_F_EMPTY, both, 2));
    }
    const struct noun nouns[] = {noun, value_noun(w, actual, &noun), {.text = need}};
    return capitalised(w, phrase_of(w, P_F_ACTUAL, nouns, 3));
}

static struct str audience_text(const struct words *w, const struct explain_rule *e, enum phrase id,
                                int audience)
{
    const struct str who = phrase_1(
        w, id, audience >= 0 ? segment_name(w, w->program->segments[audience].slug) : STR(""));
    return e->condition.n == 0
               ? who
               : str_fmt(w->arena, "%.*s %.*s", STR_ARG(who), STR_ARG(condition_text(w, e)));
}

/* Points of a rule over wallets with units of their own are counted in those of the first. */
static struct str gave_text(const struct words *w, const struct earning_rule *rule, int64_t points)
{
    for (size_t i = 0; i < rule->effects_n; i++) {
        if (rule->effects[i].wallet >= 0) {
            return points_text(w, rule->effects[i].wallet, points);
        }
    }
    return number_text(w, (struct decimal){.digits = points});
}

static bool gives_points(const struct earning_rule *rule)
{
    for (size_t i = 0; i < rule->effects_n; i++) {
        if (rule->effects[i].wallet >= 0) {
            return true;
        }
    }
    return false;
}

/* What a formula lacked: a variable, or the table that had no row. */
static struct str gap_text(const struct words *w, struct str gap)
{
    const struct json *var = json_object_of(w->arena, "var", json_text_new(w->arena, gap));
    return str_find(gap, '.', 0) < gap.n ? expression_noun(w, var, NULL).text : text_quoted(w, gap);
}

static struct str fired_text(const struct words *w, const struct earning_rule *rule,
                             const struct explain_rule *e)
{
    if (e->gap.n > 0 && e->points == 0) {
        return sentence_of(w, P_R_GAP, gap_text(w, e->gap));
    }
    if (e->points != e->points_before_caps) {
        return capitalised(w, phrase_2(w, P_R_CLIPPED, gave_text(w, rule, e->points),
                                       gave_text(w, rule, e->points_before_caps)));
    }
    if (!gives_points(rule)) {
        return sentence_of(w, P_R_FIRED, words_effect(w, &rule->effects[0]));
    }
    return e->points == 0 ? phrase_form(w, P_R_NOTHING, false)
                          : sentence_of(w, P_R_FIRED, gave_text(w, rule, e->points));
}

static struct str explained(const struct words *w, const struct explain_rule *e)
{
    static const struct {
        const char *stage;
        enum phrase phrase;
    } STAGES[] = {
        {"window", P_R_WINDOW},
        {"closed", P_R_CLOSED},
        {"days", P_R_DAYS},
        {"hours", P_R_HOURS},
        {"campaign_window", P_R_CAMPAIGN_WINDOW},
        {"offer", P_R_OFFER},
        {"stack", P_R_STACK},
        {"cap", P_R_CAP},
        {"returned", P_R_RETURNED},
    };
    const struct earning_rule *rule = &w->program->rules[e->rule];
    const int of_campaign =
        rule->campaign >= 0 ? w->program->campaigns[rule->campaign].audience : -1;
    if (e->fired) {
        return fired_text(w, rule, e);
    }
    if (str_eq(e->stage, STR("when")) && e->condition.n > 0) {
        return condition_text(w, e);
    }
    if (str_eq(e->stage, STR("audience"))) {
        return audience_text(w, e, P_R_AUDIENCE, rule->audience);
    }
    if (str_eq(e->stage, STR("campaign_audience"))) {
        return audience_text(w, e, P_R_CAMPAIGN_AUDIENCE, of_campaign);
    }
    for (size_t i = 0; i < ARRAY_N(STAGES); i++) {
        if (str_eq(e->stage, str_c(STAGES[i].stage))) {
            return phrase_form(w, STAGES[i].phrase, false);
        }
    }
    return phrase_form(w, P_R_OTHER, false);
}

struct str words_explain(struct words *w, const struct explain_rule *e)
{
    sentence_begin(w);
    return sentence_keep(w, explained(w, e));
}
