/* Running our own operators: sets, tables, money, dates, texts, rounding. What is missing gives
 * null where a text is wanted, false where a condition is, and no number (NaN, which no comparison
 * holds for) where a number is. */
#include "base/base.h"
#include "core/rule_internal.h"

#include "base/currency.h"
#include "base/num.h"

#include <math.h>

void op_never(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    (void)run; // resolved when it was compiled
    (void)node;
    *out = value_null();
}

/* ---- sets and tables ---- */

/* The list that the index-th argument gives; that of a set is not needed. */
static struct value list_arg(struct rule_run *run, const struct rule_node *node, size_t index)
{
    struct value list = value_null();
    if (index < node->args_n && (index == 0 || node->args[index].op != RULE_NODE_SET)) {
        rule_node_run(run, &node->args[index], &list);
    }
    return list;
}

static const struct rule_node *where_arg(const struct rule_node *node)
{
    return node->args_n > 1 ? &node->args[1] : node;
}

void op_in_set(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    struct value wanted;
    rule_arg_run(run, node, 0, &wanted);
    const struct value list = list_arg(run, node, 1);
    *out = value_bool(wanted.kind != VALUE_NULL &&
                      rule_list_has(run, where_arg(node), &list, &wanted));
}

/* How many items of the first list are in the second; *items_n is how many there are. */
static size_t items_in(struct rule_run *run, const struct rule_node *node, size_t *items_n)
{
    const struct value items = list_arg(run, node, 0);
    const struct value list = list_arg(run, node, 1);
    size_t n = 0;
    *items_n = items.kind == VALUE_ARRAY ? items.array.n : 0;
    for (size_t i = 0; i < *items_n; i++) {
        n += rule_list_has(run, where_arg(node), &list, &items.array.items[i]);
    }
    return n;
}

void op_items_in(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    size_t items_n = 0;
    const size_t n = items_in(run, node, &items_n);
    *out = value_bool(node->op == RULE_OP_ANY_IN   ? n > 0
                      : node->op == RULE_OP_ALL_IN ? n > 0 && n == items_n
                                                   : n == 0);
}

void op_count_in(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    size_t items_n = 0;
    *out = value_int((int64_t)items_in(run, node, &items_n));
}

void op_intersect(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    const struct value items = list_arg(run, node, 0);
    const struct value list = list_arg(run, node, 1);
    const size_t items_n = items.kind == VALUE_ARRAY ? items.array.n : 0;
    *out = value_array(NULL, 0);
    if (!rule_charge(run, items_n)) {
        return;
    }
    struct value *both = arena_new(run->arena, struct value, items_n);
    size_t n = 0;
    for (size_t i = 0; i < items_n; i++) {
        if (rule_list_has(run, where_arg(node), &list, &items.array.items[i])) {
            both[n++] = items.array.items[i];
        }
    }
    *out = value_array(both, n);
}

void op_table(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    *out = value_null();
    if (node->args_n < 2 || node->args[0].op != RULE_NODE_TABLE) {
        return;
    }
    const struct table *table = node->args[0].table;
    struct value keys[TABLE_KEYS_MAX];
    size_t looked = 0;
    for (size_t i = 0; i < table->keys_n; i++) {
        rule_arg_run(run, node, i + 1, &keys[i]);
    }
    const struct cell *cell = table_find(table, keys, run->arena, &looked);
    if (!rule_charge(run, looked / 4) || cell == NULL) {
        return;
    }
    *out =
        cell->kind == CELL_TEXT
            ? value_str(cell->text)
            : value_number((double)cell->number.digits / (double)power_of_ten(cell->number.scale));
}

/* ---- money ---- */

void op_money(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    struct value amount;
    struct value currency;
    struct decimal decimal;
    int64_t minor = 0;
    rule_arg_run(run, node, 0, &amount);
    rule_arg_run(run, node, 1, &currency);
    const bool is_read = decimal_of_value(&amount, run->arena, &decimal) &&
                         currency.kind == VALUE_STR &&
                         decimal_rescale(decimal, currency_decimals(currency.str), &minor);
    *out = is_read ? value_int(minor) : value_number(NAN);
}

/* ---- dates ---- */

/* A date, or an instant and its date in the program's zone. */
struct moment {
    int32_t day;
    int64_t at;
    bool is_instant;
};

static bool moment_read(const struct rule_run *run, const struct value *value, struct moment *out)
{
    if (value->kind != VALUE_STR) {
        return false;
    }
    *out = (struct moment){0};
    if (day_read(value->str, &out->day)) {
        return true;
    }
    out->is_instant = instant_read(value->str, &out->at);
    if (out->is_instant) {
        out->day = zone_day(run->env->zone != NULL ? run->env->zone : &ZONE_UTC, out->at);
    }
    return out->is_instant;
}

static bool moment_arg(struct rule_run *run, const struct rule_node *node, size_t index,
                       struct moment *out)
{
    struct value value;
    rule_arg_run(run, node, index, &value);
    return moment_read(run, &value, out);
}

/* Two instants by the instant, else by the day: negative, zero, positive. */
static int moment_compare(const struct moment *a, const struct moment *b)
{
    if (a->is_instant && b->is_instant) {
        return (a->at > b->at) - (a->at < b->at);
    }
    return (a->day > b->day) - (a->day < b->day);
}

void op_days_between(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    struct moment a;
    struct moment b;
    const bool are_known = moment_arg(run, node, 0, &a) && moment_arg(run, node, 1, &b);
    *out = are_known ? value_int((int64_t)b.day - a.day) : value_number(NAN);
}

/* Months completed from one day to a later one; the end of a month completes one begun on a day
 * that it lacks. */
static int64_t months_completed(int32_t from, int32_t to)
{
    const struct civil a = civil_of_day(from);
    const struct civil b = civil_of_day(to);
    const int months = (b.year - a.year) * 12 + b.month - a.month;
    return months - (months > 0 && day_add_months(from, months) > to);
}

void op_months_between(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    struct moment a;
    struct moment b;
    if (!moment_arg(run, node, 0, &a) || !moment_arg(run, node, 1, &b)) {
        *out = value_number(NAN);
        return;
    }
    *out = value_int(a.day <= b.day ? months_completed(a.day, b.day)
                                    : -months_completed(b.day, a.day));
}

static struct value day_value(struct rule_run *run, int32_t day)
{
    char *text = arena_bytes(run->arena, DAY_BYTES + 1);
    day_write(day, text);
    return value_str((struct str){.p = text, .n = DAY_BYTES});
}

/* A whole number of days, months or years within what dates can hold; false for anything else. */
static bool step_arg(struct rule_run *run, const struct rule_node *node, size_t index, int *out)
{
    enum { STEP_MAX = 4000000 }; // days in more than ten thousand years
    struct value value;
    rule_arg_run(run, node, index, &value);
    const bool is_fine = value.kind == VALUE_NUMBER && fabs(value.number) <= STEP_MAX &&
                         value.number == trunc(value.number);
    *out = is_fine ? (int)value.number : 0;
    return is_fine;
}

static bool is_year(int64_t year)
{
    return year >= 1 && year <= 9999;
}

void op_date_add(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    struct moment from;
    int years = 0;
    int months = 0;
    int days = 0;
    *out = value_null();
    if (!moment_arg(run, node, 0, &from) || !step_arg(run, node, 1, &years) ||
        !step_arg(run, node, 2, &months) || !step_arg(run, node, 3, &days)) {
        return;
    }
    const int64_t steps = (int64_t)years * 12 + months;
    const struct civil start = civil_of_day(from.day);
    const int64_t month = (int64_t)start.year * 12 + start.month - 1 + steps;
    if (month < 12 || !is_year(month / 12)) {
        return;
    }
    const int64_t day = (int64_t)day_add_months(from.day, (int)steps) + days;
    const int64_t first = day_of_civil((struct civil){.year = 1, .month = 1, .day = 1});
    const int64_t last = day_of_civil((struct civil){.year = 9999, .month = 12, .day = 31});
    if (day >= first && day <= last) {
        *out = day_value(run, (int32_t)day);
    }
}

void op_part_of_date(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    struct moment moment;
    if (!moment_arg(run, node, 0, &moment)) {
        *out = value_number(NAN);
        return;
    }
    const struct civil civil = civil_of_day(moment.day);
    *out = value_int(node->op == RULE_OP_YEAR    ? civil.year
                     : node->op == RULE_OP_MONTH ? civil.month
                                                 : civil.day);
}

void op_weekday(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    static const char *const DAYS[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    struct moment moment;
    const bool is_known = moment_arg(run, node, 0, &moment);
    *out = is_known ? value_str(str_c(DAYS[weekday_of_day(moment.day)])) : value_null();
}

void op_before(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    struct moment a;
    struct moment b;
    const bool are_known = moment_arg(run, node, 0, &a) && moment_arg(run, node, 1, &b);
    const int order = are_known ? moment_compare(&a, &b) : 0;
    *out = value_bool(node->op == RULE_OP_BEFORE ? order < 0 : order > 0);
}

/* Both ends belong to it. */
void op_between(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    struct moment at;
    struct moment from;
    struct moment until;
    const bool are_known = moment_arg(run, node, 0, &at) && moment_arg(run, node, 1, &from) &&
                           moment_arg(run, node, 2, &until);
    *out = value_bool(are_known && moment_compare(&from, &at) <= 0 &&
                      moment_compare(&at, &until) <= 0);
}

/* ---- texts ---- */

void op_text_test(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    struct value text;
    struct value part;
    rule_arg_run(run, node, 0, &text);
    rule_arg_run(run, node, 1, &part);
    *out = value_bool(false);
    if (text.kind != VALUE_STR || part.kind != VALUE_STR || !rule_charge(run, text.str.n / 16) ||
        part.str.n > text.str.n) {
        return;
    }
    const struct str tail = str_after(text.str, text.str.n - part.str.n);
    switch ((int)node->op) {
    case RULE_OP_STARTS_WITH:
        *out = value_bool(str_starts(text.str, part.str));
        break;
    case RULE_OP_ENDS_WITH:
        *out = value_bool(part.str.n == 0 || str_eq(tail, part.str));
        break;
    default: // "contains"
        *out = value_bool(part.str.n == 0 ||
                          memmem(text.str.p, text.str.n, part.str.p, part.str.n) != NULL);
        break;
    }
}

/* The small letter of a character in Latin, Greek and Cyrillic; every other is its own. Only
 * letters whose small form takes as many bytes in UTF-8 are here, so that a text keeps its length.
 */
static uint32_t small_letter(uint32_t c)
{
    const bool is_paired = (c >= 0x100 && c <= 0x137 && c != 0x130) || (c >= 0x14A && c <= 0x177) ||
                           (c >= 0x460 && c <= 0x481) || (c >= 0x48A && c <= 0x4BF) ||
                           (c >= 0x4D0 && c <= 0x52F); // capitals are even
    const bool is_odd_paired =
        (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E) || (c >= 0x4C1 && c <= 0x4CE);
    if ((c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7) ||
        (c >= 0x391 && c <= 0x3AB) || (c >= 0x410 && c <= 0x42F)) {
        return c + 0x20;
    }
    if (c >= 0x400 && c <= 0x40F) {
        return c + 0x50;
    }
    if (c == 0x178) {
        return 0xFF;
    }
    return (is_paired && c % 2 == 0) || (is_odd_paired && c % 2 == 1) ? c + 1 : c;
}

void op_lower(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    struct value source;
    rule_arg_run(run, node, 0, &source);
    *out = value_null();
    if (source.kind != VALUE_STR || !rule_charge(run, source.str.n / 8)) {
        return;
    }
    char *text = arena_bytes(run->arena, source.str.n + 1);
    memcpy(text, source.str.p != NULL ? source.str.p : "", source.str.n);
    for (size_t i = 0; i < source.str.n; i++) {
        const unsigned char c = (unsigned char)text[i];
        const bool is_two = c >= 0xC3 && c <= 0xDF && i + 1 < source.str.n;
        if (c < 0x80) {
            text[i] = (char)small_letter(c);
        } else if (is_two) {
            const uint32_t small =
                small_letter((uint32_t)(c & 0x1F) << 6 | ((unsigned char)text[i + 1] & 0x3F));
            text[i] = (char)(0xC0 | small >> 6);
            text[i + 1] = (char)(0x80 | (small & 0x3F));
            i++;
        }
    }
    *out = value_str((struct str){.p = text, .n = source.str.n});
}

/* ---- rounding ---- */

void op_round(struct rule_run *run, const struct rule_node *node, struct value *out)
{
    struct value value;
    rule_arg_run(run, node, 0, &value);
    const double number = value.kind == VALUE_NULL ? NAN : value_to_number(&value, run->arena);
    switch ((int)node->op) {
    case RULE_OP_ROUND:
        *out = value_number(floor(number + 0.5)); // halves go up, as in JavaScript
        break;
    case RULE_OP_FLOOR:
        *out = value_number(floor(number));
        break;
    case RULE_OP_CEIL:
        *out = value_number(ceil(number));
        break;
    default: // "abs"
        *out = value_number(fabs(number));
        break;
    }
}
