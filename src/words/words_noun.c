/* Expressions as nouns: variables by their names, operators by what they give. */
#include "base/base.h"
#include "words/words_internal.h"

#include "base/currency.h"

enum { ARGS_MAX = 100 };

enum number { SINGULAR, PLURAL };

static const char *const OPERATORS[] = {
#define RULE_OP(id, name, fewest, most, evaluate, check) [W_##id] = (name),
#include "core/rule.def"
#undef RULE_OP
};

static const struct {
    const char *path;
    enum phrase phrase;
    enum number number;
    enum noun_kind kind;
} VARIABLES[] = {
#define VARIABLE(path, phrase, number, kind) {path, P_##phrase, number, kind},
#include "words/variables.def"
#undef VARIABLE
};

enum words_op op_of(const struct words *w, const struct json *json, const struct json **args)
{
    if (!json_is_object(json) || json_object_size(json) != 1) {
        return W_OPS_N;
    }
    size_t at = 0;
    struct str name = {0};
    const struct json *given = NULL;
    const bool has_one = json_object_next(json, &at, &name, &given);
    ensure(has_one);
    for (int i = 0; i < W_OPS_N; i++) {
        if (!str_eq(name, str_c(OPERATORS[i]))) {
            continue;
        }
        *args = given;
        if (!json_is_array(given)) {
            struct json *one = json_array_new(w->arena);
            json_append(w->arena, one, given);
            *args = one;
        }
        return (enum words_op)i;
    }
    return W_OPS_N;
}

bool is_constant(const struct words *w, const struct json *json)
{
    const struct json *args = NULL;
    if (json_is_array(json)) {
        for (size_t i = 0; i < json_array_size(json); i++) {
            if (!is_constant(w, json_array_get(json, i))) {
                return false;
            }
        }
        return true;
    }
    return !json_is_object(json) || op_of(w, json, &args) == W_RULE_OP_MONEY;
}

/* ---- variables ---- */

static struct noun stat_noun(const struct words *w, struct str name)
{
    static const struct {
        const char *name;
        enum phrase phrase;
        enum noun_kind kind;
    } STATS[] = {{"purchases", P_N_PURCHASES, KIND_NUMBER},
                 {"spend", P_N_SPEND, KIND_MONEY},
                 {"visits", P_N_VISITS, KIND_NUMBER}};
    for (size_t i = 0; i < ARRAY_N(STATS); i++) {
        const struct str stat = str_c(STATS[i].name);
        const struct str rest = str_after(name, stat.n + 1);
        int64_t days = 1;
        if (!str_starts(name, stat)) {
            continue;
        }
        struct noun noun = phrase_noun(w, STATS[i].phrase, NULL, 0);
        if (rest.n > 0) {
            (void)str_int64((struct str){.p = rest.p, .n = rest.n - 1},
                            &days); // "_today" is no number: one day
            const struct noun both[] = {noun, noun_of(w, counted_text(w, P_DAYS_ONE, days))};
            noun = phrase_noun(w, days == 1 ? P_N_TODAY : P_N_LAST_DAYS, both, 2);
        }
        noun.kind = STATS[i].kind;
        return noun;
    }
    const struct noun field = noun_of(w, text_quoted(w, name));
    return phrase_noun(w, P_N_FIELD, &field, 1);
}

static enum noun_kind attribute_kind(const struct words *w, struct str name)
{
    for (size_t i = 0; i < w->program->attributes_n; i++) {
        const struct attribute *attribute = &w->program->attributes[i];
        if (str_eq(attribute->name, name)) {
            return attribute->type == ATTRIBUTE_BOOLEAN ? KIND_BOOL
                   : attribute->type == ATTRIBUTE_DATE  ? KIND_DATE
                                                        : KIND_ANY;
        }
    }
    return KIND_ANY;
}

static struct noun member_noun(const struct words *w, struct str name)
{
    if (str_starts(name, STR("stats."))) {
        return stat_noun(w, str_after(name, 6));
    }
    if (str_starts(name, STR("tier."))) {
        struct noun tier = phrase_noun(w, P_N_TIER, NULL, 0);
        tier.kind = KIND_TIER;
        tier.tier_set = str_after(name, 5);
        return tier;
    }
    if (str_starts(name, STR("balance."))) {
        const int wallet = program_wallet(w->program, str_after(name, 8));
        const struct noun unit =
            noun_of(w, wallet >= 0 ? unit_text(w, wallet) : str_after(name, 8));
        struct noun balance = phrase_noun(w, P_N_BALANCE, &unit, 1);
        balance.kind = KIND_NUMBER;
        return balance;
    }
    const struct str attribute = str_starts(name, STR("attributes.")) ? str_after(name, 11) : name;
    const struct noun field = noun_of(w, text_quoted(w, attribute));
    struct noun noun = phrase_noun(w, P_N_ATTRIBUTE, &field, 1);
    noun.kind = attribute_kind(w, attribute);
    return noun;
}

/* A variable; inside a list "sku" is that of the line, and "" the item itself. */
static struct noun variable_noun(const struct words *w, struct str path)
{
    const struct str of_line = str_fmt(w->arena, "line.%.*s", STR_ARG(path));
    if (path.n == 0) {
        return phrase_noun(w, P_N_ITEM, NULL, 0);
    }
    for (size_t i = 0; i < ARRAY_N(VARIABLES); i++) {
        if (str_eq(path, str_c(VARIABLES[i].path)) || str_eq(of_line, str_c(VARIABLES[i].path))) {
            struct noun noun = phrase_noun(w, VARIABLES[i].phrase, NULL, 0);
            noun.is_plural = VARIABLES[i].number == PLURAL;
            noun.kind = VARIABLES[i].kind;
            return noun;
        }
    }
    if (str_starts(path, STR("member."))) {
        return member_noun(w, str_after(path, 7));
    }
    struct str name = str_starts(path, STR("event.")) ? str_after(path, 6) : path;
    name = str_starts(name, STR("attributes.")) ? str_after(name, 11) : name;
    const struct noun field = noun_of(w, text_quoted(w, name));
    return phrase_noun(w, P_N_FIELD, &field, 1);
}

/* ---- operators ---- */

static struct noun arg_noun(const struct words *w, const struct json *args, size_t index,
                            const struct noun *of)
{
    const struct json *arg = json_array_get(args, index);
    return arg != NULL ? expression_noun(w, arg, of) : noun_of(w, phrase_form(w, P_F_NONE, false));
}

/* The kind of an expression without saying it: that of the first thing in it. Only the way to it is
 * walked. */
static enum noun_kind kind_of(const struct words *w, const struct json *json)
{
    const struct json *args = NULL;
    const enum words_op op = op_of(w, json, &args);
    switch ((int)op) {
    case W_RULE_OP_VAR:
        return variable_noun(w, json_str(json_array_get(args, 0))).kind;
    case W_RULE_OP_DATE_ADD:
        return KIND_DATE;
    case W_RULE_OP_YEAR:
        return KIND_YEAR;
    case W_RULE_OP_WEEKDAY:
        return KIND_WEEKDAY;
    case W_RULE_OP_ADD:
    case W_RULE_OP_SUBTRACT:
    case W_RULE_OP_MIN:
    case W_RULE_OP_MAX:
    case W_RULE_OP_ROUND:
    case W_RULE_OP_FLOOR:
    case W_RULE_OP_CEIL:
    case W_RULE_OP_ABS:
    case W_RULE_OP_LOG:
        break;
    default:
        return KIND_ANY;
    }
    for (size_t i = 0; i < json_array_size(args); i++) {
        if (!is_constant(w, json_array_get(args, i))) {
            return kind_of(w, json_array_get(args, i));
        }
    }
    return KIND_ANY;
}

/* What constants among the arguments are written like: the first thing that is none. */
static struct noun thing_among(const struct words *w, const struct json *args)
{
    for (size_t i = 0; i < json_array_size(args); i++) {
        if (!is_constant(w, json_array_get(args, i))) {
            return (struct noun){.kind = kind_of(w, json_array_get(args, i))};
        }
    }
    return (struct noun){0};
}

static struct noun list_noun(const struct words *w, const struct json *args, size_t from,
                             const struct noun *of)
{
    const size_t n = json_array_size(args) < ARGS_MAX ? json_array_size(args) : ARGS_MAX;
    struct noun items[ARGS_MAX];
    size_t items_n = 0;
    for (size_t i = from; i < n; i++) {
        items[items_n++] = arg_noun(w, args, i, of);
    }
    return noun_list(w, items, items_n, false);
}

/* A phrase with all the arguments as one list; the result is of their kind. */
static struct noun of_list(const struct words *w, enum phrase id, const struct json *args,
                           bool keeps_kind)
{
    const struct noun thing = thing_among(w, args);
    const struct noun plain = {.kind = id == P_N_CAT ? KIND_TEXT : KIND_NUMBER};
    const struct noun list = list_noun(w, args, 0, keeps_kind ? &thing : &plain);
    struct noun noun = phrase_noun(w, id, &list, 1);
    noun.kind = keeps_kind ? thing.kind : KIND_ANY;
    return noun;
}

/* A phrase with the arguments one by one; `kind` KIND_ANY keeps that of the first. */
static struct noun of_args(const struct words *w, enum phrase id, const struct json *args,
                           enum noun_kind kind)
{
    const bool is_plain =
        id == P_N_DIVIDED || id == P_N_REST; // money divided by 100 is not divided by money
    const struct noun thing = is_plain ? (struct noun){.kind = KIND_NUMBER} : thing_among(w, args);
    const struct noun nouns[] = {arg_noun(w, args, 0, &thing), arg_noun(w, args, 1, &thing)};
    struct noun noun = phrase_noun(w, id, nouns, json_array_size(args) > 1 ? 2 : 1);
    noun.kind = kind == KIND_ANY ? nouns[0].kind : kind;
    return noun;
}

static struct noun set_noun(const struct words *w, const struct json *where)
{
    const struct json *args = NULL;
    const bool is_set = op_of(w, where, &args) == W_RULE_OP_SET;
    const struct str name = is_set ? json_str(json_array_get(args, 0)) : json_str(where);
    if (name.n == 0) {
        return expression_noun(w, where, NULL);
    }
    const struct noun named_list = noun_of(w, text_quoted(w, name));
    return phrase_noun(w, P_N_SET, &named_list, 1);
}

static struct noun in_set_noun(const struct words *w, enum phrase id, const struct json *args)
{
    const struct noun nouns[] = {arg_noun(w, args, 0, NULL), set_noun(w, json_array_get(args, 1))};
    struct noun noun = phrase_noun(w, id, nouns, 2);
    noun.kind = id == P_N_COUNT_IN ? KIND_NUMBER : nouns[0].kind;
    noun.is_plural = id == P_N_INTERSECT;
    return noun;
}

static struct noun choice_noun(const struct words *w, const struct json *args, size_t from)
{
    const size_t left = json_array_size(args) - from;
    if (left <= 1) {
        return arg_noun(w, args, from, NULL);
    }
    const struct noun condition = noun_of(w, clause_of(w, json_array_get(args, from), false));
    const struct noun nouns[] = {condition, arg_noun(w, args, from + 1, NULL),
                                 left > 2 ? choice_noun(w, args, from + 2) : condition};
    struct noun noun = phrase_noun(w, left > 2 ? P_N_IF_ELSE : P_N_IF, nouns, 3);
    noun.kind = nouns[1].kind;
    return noun;
}

static struct noun date_add_noun(const struct words *w, const struct json *args)
{
    static const struct {
        const char *unit;
        enum phrase one;
    } UNITS[] = {{"years", P_YEARS_ONE}, {"months", P_MONTHS_ONE}, {"days", P_DAYS_ONE}};
    struct noun parts[ARRAY_N(UNITS)];
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_N(UNITS); i++) {
        const struct json *by = json_at(json_array_get(args, 1), UNITS[i].unit);
        if (json_is_integer(by)) {
            parts[n++] = noun_of(w, counted_text(w, UNITS[i].one, json_integer_value(by)));
        } else if (by != NULL) {
            parts[n++] =
                noun_of(w, phrase_of(w, (enum phrase)(UNITS[i].one + 3),
                                     &(struct noun){.text = expression_noun(w, by, NULL).text}, 1));
        }
    }
    const struct noun nouns[] = {arg_noun(w, args, 0, NULL), noun_list(w, parts, n, false)};
    struct noun noun = phrase_noun(w, P_N_DATE_ADD, nouns, 2);
    noun.kind = KIND_DATE;
    return noun;
}

static struct noun money_noun(const struct words *w, const struct json *args)
{
    const struct value amount = value_of_json(json_array_get(args, 0), w->arena);
    struct decimal number = {0};
    if (!decimal_of_value(&amount, w->arena, &number)) {
        return list_noun(w, args, 0, NULL);
    }
    const struct str currency = json_str(json_array_get(args, 1));
    int64_t minor = 0;
    const bool fits = decimal_rescale(number, currency_decimals(currency), &minor) &&
                      str_eq(currency, w->program->currency);
    struct noun noun =
        noun_of(w, fits ? money_text(w, minor)
                        : str_fmt(w->arena, "%.*s %.*s", STR_ARG(number_text(w, number)),
                                  STR_ARG(currency)));
    noun.kind = KIND_MONEY;
    return noun;
}

static struct noun table_noun(const struct words *w, const struct json *args)
{
    const struct noun nouns[] = {noun_of(w, text_quoted(w, json_str(json_array_get(args, 0)))),
                                 list_noun(w, args, 1, NULL)};
    return phrase_noun(w, P_N_TABLE, nouns, 2);
}

static struct noun names_noun(const struct words *w, enum phrase id, const struct json *args)
{
    const struct json *list = json_is_array(json_array_get(args, json_array_size(args) - 1))
                                  ? json_array_get(args, json_array_size(args) - 1)
                                  : args;
    struct noun names[ARGS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(list) && n < ARGS_MAX; i++) {
        names[n++] = variable_noun(w, json_str(json_array_get(list, i)));
    }
    const struct noun all = noun_list(w, names, n, false);
    return phrase_noun(w, id, &all, 1);
}

static struct noun filter_noun(const struct words *w, const struct json *args)
{
    const struct noun nouns[] = {arg_noun(w, args, 0, NULL),
                                 noun_of(w, clause_of(w, json_array_get(args, 1), false))};
    struct noun noun = phrase_noun(w, P_N_FILTER, nouns, 2);
    noun.is_plural = true;
    noun.kind = KIND_LIST;
    return noun;
}

/* What map and reduce give; what they do with each item is not said. */
static struct noun computed_noun(const struct words *w, enum phrase id, const struct json *args)
{
    const struct noun list = arg_noun(w, args, 0, NULL);
    struct noun noun = phrase_noun(w, id, &list, 1);
    noun.is_plural = id == P_N_VALUES;
    return noun;
}

static struct noun whether_noun(const struct words *w, const struct json *json)
{
    const struct noun clause = noun_of(w, clause_of(w, json, false));
    return phrase_noun(w, P_N_WHETHER, &clause, 1);
}

static struct noun operator_noun(const struct words *w, const struct json *json, enum words_op op,
                                 const struct json *args)
{
    switch (op) {
    case W_RULE_OP_VAR:
        return variable_noun(w, json_str(json_array_get(args, 0)));
    case W_RULE_OP_IF:
    case W_RULE_OP_TERNARY:
        return choice_noun(w, args, 0);
    case W_RULE_OP_ADD:
        return json_array_size(args) == 1 ? arg_noun(w, args, 0, NULL)
                                          : of_list(w, P_N_SUM, args, true);
    case W_RULE_OP_SUBTRACT:
        return of_args(w, json_array_size(args) == 1 ? P_N_NEGATIVE : P_N_MINUS, args, KIND_ANY);
    case W_RULE_OP_MULTIPLY:
        return of_list(w, P_N_TIMES, args, false);
    case W_RULE_OP_DIVIDE:
        return of_args(w, P_N_DIVIDED, args, KIND_NUMBER);
    case W_RULE_OP_REST:
        return of_args(w, P_N_REST, args, KIND_ANY);
    case W_RULE_OP_MIN:
        return of_list(w, P_N_LEAST, args, true);
    case W_RULE_OP_MAX:
        return of_list(w, P_N_MOST, args, true);
    case W_RULE_OP_CAT:
        return of_list(w, P_N_CAT, args, false);
    case W_RULE_OP_SUBSTR:
        return of_args(w, P_N_SUBSTR, args, KIND_TEXT);
    case W_RULE_OP_MERGE:
        return list_noun(w, args, 0, NULL);
    case W_RULE_OP_FILTER:
        return filter_noun(w, args);
    case W_RULE_OP_MAP:
        return computed_noun(w, P_N_VALUES, args);
    case W_RULE_OP_REDUCE:
        return computed_noun(w, P_N_COMPUTED, args);
    case W_RULE_OP_LOG:
        return arg_noun(w, args, 0, NULL);
    case W_RULE_OP_MISSING:
    case W_RULE_OP_MISSING_SOME:
        return names_noun(w, P_N_MISSING, args);
    case W_RULE_OP_SET:
        return set_noun(w, json);
    case W_RULE_OP_COUNT_IN:
        return in_set_noun(w, P_N_COUNT_IN, args);
    case W_RULE_OP_INTERSECT:
        return in_set_noun(w, P_N_INTERSECT, args);
    case W_RULE_OP_TABLE:
        return table_noun(w, args);
    case W_RULE_OP_MONEY:
        return money_noun(w, args);
    case W_RULE_OP_DAYS_BETWEEN:
        return of_args(w, P_N_DAYS_BETWEEN, args, KIND_NUMBER);
    case W_RULE_OP_MONTHS_BETWEEN:
        return of_args(w, P_N_MONTHS_BETWEEN, args, KIND_NUMBER);
    case W_RULE_OP_DATE_ADD:
        return date_add_noun(w, args);
    case W_RULE_OP_YEAR:
        return of_args(w, P_N_YEAR, args, KIND_YEAR);
    case W_RULE_OP_MONTH:
        return of_args(w, P_N_MONTH, args, KIND_NUMBER);
    case W_RULE_OP_DAY:
        return of_args(w, P_N_DAY, args, KIND_NUMBER);
    case W_RULE_OP_WEEKDAY:
        return of_args(w, P_N_WEEKDAY, args, KIND_WEEKDAY);
    case W_RULE_OP_LOWER:
        return of_args(w, P_N_LOWER, args, KIND_TEXT);
    case W_RULE_OP_ROUND:
        return of_args(w, P_N_ROUND, args, KIND_ANY);
    case W_RULE_OP_FLOOR:
        return of_args(w, P_N_FLOOR, args, KIND_ANY);
    case W_RULE_OP_CEIL:
        return of_args(w, P_N_CEIL, args, KIND_ANY);
    case W_RULE_OP_ABS:
        return of_args(w, P_N_ABS, args, KIND_ANY);
    case W_RULE_OP_AND:
    case W_RULE_OP_OR:
    case W_RULE_OP_NOT:
    case W_RULE_OP_TRUTH:
    case W_RULE_OP_EQUAL:
    case W_RULE_OP_NOT_EQUAL:
    case W_RULE_OP_SAME:
    case W_RULE_OP_NOT_SAME:
    case W_RULE_OP_LESS:
    case W_RULE_OP_LESS_EQUAL:
    case W_RULE_OP_MORE:
    case W_RULE_OP_MORE_EQUAL:
    case W_RULE_OP_IN:
    case W_RULE_OP_SOME:
    case W_RULE_OP_ALL:
    case W_RULE_OP_NONE:
    case W_RULE_OP_IN_SET:
    case W_RULE_OP_ANY_IN:
    case W_RULE_OP_ALL_IN:
    case W_RULE_OP_NONE_IN:
    case W_RULE_OP_BEFORE:
    case W_RULE_OP_AFTER:
    case W_RULE_OP_BETWEEN:
    case W_RULE_OP_STARTS_WITH:
    case W_RULE_OP_ENDS_WITH:
    case W_RULE_OP_CONTAINS:
        return whether_noun(w, json);
    case W_OPS_N:
        break;
    }
    return noun_of(w, STR("…"));
}

struct noun expression_noun(const struct words *w, const struct json *json, const struct noun *of)
{
    const struct json *args = NULL;
    if (!has_room(w)) {
        return noun_of(w, STR("…"));
    }
    const enum words_op op = op_of(w, json, &args);
    if (op != W_OPS_N) {
        return operator_noun(w, json, op, args);
    }
    if (json_is_array(json) && !is_constant(w, json)) {
        return list_noun(w, json, 0, of);
    }
    return value_noun(w, json, of);
}
