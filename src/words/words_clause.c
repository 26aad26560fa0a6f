/* Conditions as clauses, and their opposites. Opposites are said directly ("less than 5"), never as
 * "it is not true that". */
#include "base/base.h"
#include "words/words_internal.h"

enum { CLAUSES_MAX = 100 };

enum words_op comparison_negated(enum words_op op)
{
    switch ((int)op) {
    case W_RULE_OP_LESS:
        return W_RULE_OP_MORE_EQUAL;
    case W_RULE_OP_LESS_EQUAL:
        return W_RULE_OP_MORE;
    case W_RULE_OP_MORE:
        return W_RULE_OP_LESS_EQUAL;
    case W_RULE_OP_MORE_EQUAL:
        return W_RULE_OP_LESS;
    case W_RULE_OP_EQUAL:
    case W_RULE_OP_SAME:
        return W_RULE_OP_NOT_EQUAL;
    default:
        return W_RULE_OP_EQUAL;
    }
}

/* The operator with its sides changed over. */
static enum words_op turned(enum words_op op)
{
    switch ((int)op) {
    case W_RULE_OP_LESS:
        return W_RULE_OP_MORE;
    case W_RULE_OP_LESS_EQUAL:
        return W_RULE_OP_MORE_EQUAL;
    case W_RULE_OP_MORE:
        return W_RULE_OP_LESS;
    case W_RULE_OP_MORE_EQUAL:
        return W_RULE_OP_LESS_EQUAL;
    default:
        return op;
    }
}

bool comparison_read(const struct words *w, const struct json *condition, struct comparison *out)
{
    const struct json *args = NULL;
    const enum words_op op = op_of(w, condition, &args);
    const struct json *a = json_array_get(args, 0);
    const struct json *b = json_array_get(args, 1);
    const struct json *c = json_array_get(args, 2);
    if (op < W_RULE_OP_EQUAL || op > W_RULE_OP_MORE_EQUAL || b == NULL) {
        return false;
    }
    if (c != NULL) {
        *out = (struct comparison){.op = op, .thing = b, .from = a, .until = c};
        return is_constant(w, a) && is_constant(w, c);
    }
    if (is_constant(w, a) && !is_constant(w, b)) {
        *out = (struct comparison){.op = turned(op), .thing = b, .from = a};
        return true;
    }
    *out = (struct comparison){.op = op, .thing = a, .from = b};
    return is_constant(w, b);
}

static bool is_date(const struct words *w, const struct noun *thing, const struct json *other)
{
    int32_t day = 0;
    int64_t at = 0;
    (void)w; // a constant says what it is
    return thing->kind == KIND_DATE || thing->kind == KIND_INSTANT ||
           day_read(json_str(other), &day) || instant_read(json_str(other), &at);
}

static enum phrase order_phrase(enum words_op op, bool is_date)
{
    switch ((int)op) {
    case W_RULE_OP_LESS:
        return is_date ? P_C_BEFORE : P_C_LT;
    case W_RULE_OP_LESS_EQUAL:
        return is_date ? P_C_UNTIL : P_C_LE;
    case W_RULE_OP_MORE:
        return is_date ? P_C_AFTER : P_C_GT;
    default:
        return is_date ? P_C_FROM : P_C_GE;
    }
}

static bool is_measure(const struct noun *thing, const struct json *other)
{
    return thing->kind == KIND_NUMBER || thing->kind == KIND_MONEY || json_is_number(other);
}

static enum phrase equal_phrase(bool is_negated, bool is_measure)
{
    if (is_negated) {
        return is_measure ? P_C_NE : P_C_NE_TEXT;
    }
    return is_measure ? P_C_EQ : P_C_EQ_TEXT;
}

static struct str known_clause(const struct words *w, const struct json *thing, bool is_negated)
{
    const struct noun noun = expression_noun(w, thing, NULL);
    if (noun.kind == KIND_BOOL) {
        return phrase_of(w, is_negated ? P_C_FALSE : P_C_TRUE, &noun, 1);
    }
    return phrase_of(w, is_negated ? P_C_UNKNOWN : P_C_KNOWN, &noun, 1);
}

/* a <= x <= b, and without its ends a < x < b; the opposite has two sides where the ends are left
 * out. */
static struct str range_clause(const struct words *w, const struct comparison *c,
                               const struct noun *thing, bool is_negated)
{
    const bool of_date = is_date(w, thing, c->from);
    const bool with_ends = c->op == W_RULE_OP_LESS_EQUAL;
    const struct noun nouns[] = {*thing, expression_noun(w, c->from, thing),
                                 expression_noun(w, c->until, thing)};
    if (with_ends || (!of_date && !is_negated)) {
        const enum phrase holds = of_date ? P_C_BETWEEN : with_ends ? P_C_RANGE : P_C_RANGE_INSIDE;
        return phrase_of(w, is_negated ? (of_date ? P_C_NOT_BETWEEN : P_C_NOT_RANGE) : holds, nouns,
                         3);
    }
    const struct noun upper[] = {*thing, nouns[2]};
    const struct str sides[] = {
        phrase_of(w, order_phrase(is_negated ? W_RULE_OP_LESS_EQUAL : W_RULE_OP_MORE, of_date),
                  nouns, 2),
        phrase_of(w, order_phrase(is_negated ? W_RULE_OP_MORE_EQUAL : W_RULE_OP_LESS, of_date),
                  upper, 2),
    };
    return text_list(w, sides, 2, is_negated);
}

static struct str comparison_clause(const struct words *w, const struct json *condition,
                                    const struct json *args, bool is_negated)
{
    struct comparison c;
    const struct json *args_of = args;
    (void)comparison_read(w, condition, &c); // two things compared are read in their order
    if (json_array_size(args_of) < 2) {
        return phrase_form(w, is_negated ? P_C_ALWAYS : P_C_NEVER, false);
    }
    const struct noun thing = expression_noun(w, c.thing, NULL);
    if (c.until != NULL) {
        return range_clause(w, &c, &thing, is_negated);
    }
    const bool is_equality = c.op == W_RULE_OP_EQUAL || c.op == W_RULE_OP_SAME ||
                             c.op == W_RULE_OP_NOT_EQUAL || c.op == W_RULE_OP_NOT_SAME;
    const bool is_different =
        (c.op == W_RULE_OP_NOT_EQUAL || c.op == W_RULE_OP_NOT_SAME) != is_negated;
    if (is_equality && json_is_null(c.from)) {
        return known_clause(w, c.thing, !is_different);
    }
    if (is_equality && json_is_boolean(c.from) && thing.kind == KIND_BOOL) {
        return known_clause(w, c.thing, json_is_true(c.from) == is_different);
    }
    const struct noun nouns[] = {thing, expression_noun(w, c.from, &thing)};
    const enum phrase id = is_equality ? equal_phrase(is_different, is_measure(&thing, c.from))
                                       : order_phrase(is_negated ? comparison_negated(c.op) : c.op,
                                                      is_date(w, &thing, c.from));
    return phrase_of(w, id, nouns, 2);
}

/* "a, b or c" of a written list; a single item alone. */
static struct noun choices(const struct words *w, const struct json *list, const struct noun *thing,
                           bool is_or)
{
    struct noun items[CLAUSES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(list) && n < CLAUSES_MAX; i++) {
        items[n++] = expression_noun(w, json_array_get(list, i), thing);
    }
    return n == 0 ? noun_of(w, phrase_form(w, P_F_NONE, false)) : noun_list(w, items, n, is_or);
}

static struct str set_clause(const struct words *w, enum phrase id, const struct json *args)
{
    const struct json *where = json_array_get(args, 1);
    const struct json *args_of = NULL;
    const struct noun thing = expression_noun(w, json_array_get(args, 0), NULL);
    const bool is_set = json_is_string(where) || op_of(w, where, &args_of) == W_RULE_OP_SET;
    struct noun list =
        json_is_array(where) ? choices(w, where, &thing, true) : expression_noun(w, where, &thing);
    if (is_set) {
        const struct str name =
            json_is_string(where) ? json_str(where) : json_str(json_array_get(args_of, 0));
        const struct noun quoted = noun_of(w, text_quoted(w, name));
        list = phrase_noun(w, P_N_SET, &quoted, 1);
    }
    const struct noun nouns[] = {thing, list};
    return phrase_of(w, id, nouns, 2);
}

static struct str in_clause(const struct words *w, const struct json *args, bool is_negated)
{
    const struct json *what = json_array_get(args, 0);
    const struct json *where = json_array_get(args, 1);
    const struct json *args_of = NULL;
    if (op_of(w, where, &args_of) == W_RULE_OP_SET) {
        return set_clause(w, is_negated ? P_C_NOT_IN_SET : P_C_IN_SET, args);
    }
    if (json_is_array(where)) {
        const struct noun thing = expression_noun(w, what, NULL);
        const bool is_one = json_array_size(where) == 1;
        const struct noun nouns[] = {thing, choices(w, where, &thing, !is_negated)};
        return phrase_of(w, !is_negated ? P_C_IN : is_one ? P_C_NE_TEXT : P_C_NOT_IN, nouns, 2);
    }
    const struct noun list = expression_noun(w, where, NULL);
    const struct noun nouns[] = {list, expression_noun(w, what, &list)};
    const bool is_list = list.kind == KIND_LIST || list.kind == KIND_SEGMENTS || list.is_plural;
    return phrase_of(w,
                     is_list ? (is_negated ? P_C_HAS_NOT : P_C_HAS)
                             : (is_negated ? P_C_CONTAINS_NOT : P_C_CONTAINS),
                     nouns, 2);
}

/* Two or three arguments put into one of two phrases. */
static struct str pair_clause(const struct words *w, enum phrase holds, enum phrase fails,
                              const struct json *args, bool is_negated)
{
    struct noun nouns[3];
    const size_t n = json_array_size(args) < 3 ? json_array_size(args) : 3;
    for (size_t i = 0; i < n; i++) {
        nouns[i] = expression_noun(w, json_array_get(args, i), i > 0 ? &nouns[0] : NULL);
    }
    return phrase_of(w, is_negated ? fails : holds, nouns, n);
}

static struct str each_clause(const struct words *w, enum phrase holds, enum phrase fails,
                              const struct json *args, bool is_negated)
{
    const struct noun nouns[] = {expression_noun(w, json_array_get(args, 0), NULL),
                                 {.text = clause_of(w, json_array_get(args, 1), false)}};
    return phrase_of(w, is_negated ? fails : holds, nouns, 2);
}

/* Several conditions joined; those joined otherwise inside are set apart. */
static struct str joined_clause(const struct words *w, enum words_op op, const struct json *args,
                                bool is_negated)
{
    const bool is_or = (op == W_RULE_OP_OR) != is_negated; // not (a and b) is not a or not b
    struct str clauses[CLAUSES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(args) && n < CLAUSES_MAX; i++) {
        const struct json *inner_args = NULL;
        const struct json *inner = json_array_get(args, i);
        const enum words_op inner_op = op_of(w, inner, &inner_args);
        const bool is_inner_or =
            json_array_size(inner_args) > 1 && ((inner_op == W_RULE_OP_OR && !is_negated) ||
                                                (inner_op == W_RULE_OP_AND && is_negated));
        clauses[n] = clause_of(w, inner, is_negated);
        clauses[n] = !is_or && is_inner_or ? phrase_1(w, P_GROUPED, clauses[n]) : clauses[n];
        n++;
    }
    return n > 0 ? text_list(w, clauses, n, is_or)
                 : phrase_form(w, is_negated ? P_C_ALWAYS : P_C_NEVER, false);
}

static struct str choice_clause(const struct words *w, const struct json *args, size_t from,
                                bool is_negated)
{
    const size_t left = json_array_size(args) - from;
    if (left <= 1) {
        return left == 1 ? clause_of(w, json_array_get(args, from), is_negated)
                         : phrase_form(w, is_negated ? P_C_ALWAYS : P_C_NEVER, false);
    }
    const struct noun nouns[] = {
        {.text = clause_of(w, json_array_get(args, from), false)},
        {.text = clause_of(w, json_array_get(args, from + 1), is_negated)},
        {.text = left > 2 ? choice_clause(w, args, from + 2, is_negated) : STR("")}};
    return phrase_of(w, left > 2 ? P_C_IF_ELSE : P_C_IF, nouns, 3);
}

/* `missing` holds where something is missing. */
static struct str missing_clause(const struct words *w, enum words_op op, const struct json *args,
                                 bool is_negated)
{
    const bool is_some = op == W_RULE_OP_MISSING_SOME;
    const struct json *list = is_some                                  ? json_array_get(args, 1)
                              : json_is_array(json_array_get(args, 0)) ? json_array_get(args, 0)
                                                                       : args;
    struct noun names[CLAUSES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(list) && n < CLAUSES_MAX; i++) {
        const struct json *var = json_object_of(w->arena, "var", json_array_get(list, i));
        names[n++] = expression_noun(w, var, NULL);
    }
    const struct noun least =
        is_some ? expression_noun(w, json_array_get(args, 0), NULL) : noun_of(w, STR(""));
    const struct noun nouns[] = {noun_list(w, names, n, false), least};
    const enum phrase holds = is_some ? P_C_FEW_KNOWN : P_C_MISSING;
    const enum phrase fails = is_some ? P_C_ENOUGH_KNOWN : P_C_NOT_MISSING;
    return phrase_of(w, is_negated ? fails : holds, nouns, 2);
}

static struct str operator_clause(const struct words *w, const struct json *json, enum words_op op,
                                  const struct json *args, bool is_negated)
{
    switch (op) {
    case W_RULE_OP_IF:
    case W_RULE_OP_TERNARY:
        return choice_clause(w, args, 0, is_negated);
    case W_RULE_OP_AND:
    case W_RULE_OP_OR:
        return joined_clause(w, op, args, is_negated);
    case W_RULE_OP_NOT:
        return clause_of(w, json_array_get(args, 0), !is_negated);
    case W_RULE_OP_TRUTH:
    case W_RULE_OP_LOG:
        return clause_of(w, json_array_get(args, 0), is_negated);
    case W_RULE_OP_EQUAL:
    case W_RULE_OP_NOT_EQUAL:
    case W_RULE_OP_SAME:
    case W_RULE_OP_NOT_SAME:
    case W_RULE_OP_LESS:
    case W_RULE_OP_LESS_EQUAL:
    case W_RULE_OP_MORE:
    case W_RULE_OP_MORE_EQUAL:
        return comparison_clause(w, json, args, is_negated);
    case W_RULE_OP_IN:
        return in_clause(w, args, is_negated);
    case W_RULE_OP_SOME:
        return each_clause(w, P_C_SOME, P_C_NONE, args, is_negated);
    case W_RULE_OP_ALL:
        return each_clause(w, P_C_EVERY, P_C_NOT_EVERY, args, is_negated);
    case W_RULE_OP_NONE:
        return each_clause(w, P_C_NONE, P_C_SOME, args, is_negated);
    case W_RULE_OP_MISSING:
    case W_RULE_OP_MISSING_SOME:
        return missing_clause(w, op, args, is_negated);
    case W_RULE_OP_IN_SET:
        return set_clause(w, is_negated ? P_C_NOT_IN_SET : P_C_IN_SET, args);
    case W_RULE_OP_ANY_IN:
        return set_clause(w, is_negated ? P_C_NONE_IN : P_C_ANY_IN, args);
    case W_RULE_OP_ALL_IN:
        return set_clause(w, is_negated ? P_C_NOT_ALL_IN : P_C_ALL_IN, args);
    case W_RULE_OP_NONE_IN:
        return set_clause(w, is_negated ? P_C_ANY_IN : P_C_NONE_IN, args);
    case W_RULE_OP_BEFORE:
        return pair_clause(w, P_C_BEFORE, P_C_FROM, args, is_negated);
    case W_RULE_OP_AFTER:
        return pair_clause(w, P_C_AFTER, P_C_UNTIL, args, is_negated);
    case W_RULE_OP_BETWEEN:
        return pair_clause(w, P_C_BETWEEN, P_C_NOT_BETWEEN, args, is_negated);
    case W_RULE_OP_STARTS_WITH:
        return pair_clause(w, P_C_STARTS, P_C_STARTS_NOT, args, is_negated);
    case W_RULE_OP_ENDS_WITH:
        return pair_clause(w, P_C_ENDS, P_C_ENDS_NOT, args, is_negated);
    case W_RULE_OP_CONTAINS:
        return pair_clause(w, P_C_CONTAINS, P_C_CONTAINS_NOT, args, is_negated);
    case W_RULE_OP_ADD:
    case W_RULE_OP_SUBTRACT:
    case W_RULE_OP_MULTIPLY:
    case W_RULE_OP_DIVIDE:
    case W_RULE_OP_REST:
    case W_RULE_OP_MIN:
    case W_RULE_OP_MAX:
    case W_RULE_OP_CAT:
    case W_RULE_OP_SUBSTR:
    case W_RULE_OP_MERGE:
    case W_RULE_OP_FILTER:
    case W_RULE_OP_MAP:
    case W_RULE_OP_REDUCE:
    case W_RULE_OP_VAR:
    case W_RULE_OP_SET:
    case W_RULE_OP_COUNT_IN:
    case W_RULE_OP_INTERSECT:
    case W_RULE_OP_TABLE:
    case W_RULE_OP_MONEY:
    case W_RULE_OP_DAYS_BETWEEN:
    case W_RULE_OP_MONTHS_BETWEEN:
    case W_RULE_OP_DATE_ADD:
    case W_RULE_OP_YEAR:
    case W_RULE_OP_MONTH:
    case W_RULE_OP_DAY:
    case W_RULE_OP_WEEKDAY:
    case W_RULE_OP_LOWER:
    case W_RULE_OP_ROUND:
    case W_RULE_OP_FLOOR:
    case W_RULE_OP_CEIL:
    case W_RULE_OP_ABS:
    case W_OPS_N:
        break;
    }
    return known_clause(w, json, is_negated); // a value taken for a condition: whether there is any
}

struct str clause_of(const struct words *w, const struct json *condition, bool is_negated)
{
    const struct json *args = NULL;
    if (!has_room(w)) {
        return STR("…");
    }
    const enum words_op op = op_of(w, condition, &args);
    if (op == W_OPS_N) {
        const struct value value =
            condition != NULL ? value_of_json(condition, w->arena) : value_null();
        return phrase_form(w, value_is_true(&value) != is_negated ? P_C_ALWAYS : P_C_NEVER, false);
    }
    return operator_clause(w, condition, op, args, is_negated);
}

struct str words_condition(struct words *words, const struct json *condition)
{
    sentence_begin(words);
    return sentence_keep(words, clause_of(words, condition, false));
}
