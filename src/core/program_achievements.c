/* Compiling achievements: what they count, and a rule for what completing one brings. */
#include "base/base.h"
#include "core/program.h"

#include "core/program_internal.h"

enum { QUANTITY_UNIT = 1000 };

static const char *const PERIODS[] = {"day", "week", "month", "year", "lifetime"};

/* "of" names a number of the event, or of its lines. */
static enum err compile_count(struct compile *c, const struct json *json, struct str pointer,
                              struct achievement *a)
{
    const struct str of = read_str(json, "of");
    const bool is_purchase = str_eq(a->trigger, STR("purchase"));
    a->kind = ACHIEVEMENT_COUNT;
    a->target = read_int(json, "target", 1);
    a->period = (enum period_kind)read_choice(read_str(json, "period"), PERIODS, ARRAY_N(PERIODS),
                                              PERIOD_LIFETIME);
    a->repeats = read_bool(json, "repeat", false);
    if (of.n == 0 || str_eq(of, STR("events"))) {
        a->of = OF_EVENTS;
    } else if (is_purchase && str_eq(of, STR("lines.quantity"))) {
        a->of = OF_QUANTITY;
        a->unit = QUANTITY_UNIT;
    } else if (is_purchase && str_eq(of, STR("lines.amount"))) {
        a->of = OF_AMOUNT;
    } else {
        a->of = OF_VALUE;
        try(compile_named(c, of, pointer_key(c->arena, pointer, STR("of")), a->trigger, RULE_NUMBER,
                          &a->value));
    }
    if (json_at(json, "lines") != NULL && a->of != OF_QUANTITY && a->of != OF_AMOUNT) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("lines")),
                       "\"lines\" chooses among the lines of \"lines.quantity\" or "
                       "\"lines.amount\": count one of these.");
    }
    return compile_rule(c, json_at(json, "lines"), pointer_key(c->arena, pointer, STR("lines")),
                        SCOPE_LINE, a->trigger, RULE_BOOL, &a->lines);
}

static enum err compile_distinct(struct compile *c, const struct json *json, struct str pointer,
                                 struct achievement *a)
{
    a->kind = ACHIEVEMENT_DISTINCT;
    a->of = OF_VALUE;
    a->target = read_int(json, "target", 1);
    a->period = (enum period_kind)read_choice(read_str(json, "period"), PERIODS, ARRAY_N(PERIODS),
                                              PERIOD_LIFETIME);
    a->repeats = read_bool(json, "repeat", false);
    return compile_named(c, read_str(json, "of"), pointer_key(c->arena, pointer, STR("of")),
                         a->trigger, RULE_ANY, &a->value);
}

static void compile_streak(const struct json *json, struct achievement *a)
{
    a->kind = ACHIEVEMENT_STREAK;
    a->target = read_int(json, "target", 2);
    a->period =
        (enum period_kind)read_choice(read_str(json, "of"), PERIODS, ARRAY_N(PERIODS), PERIOD_DAY);
    a->repeats = read_bool(json, "repeat", false);
}

static enum err compile_one(struct compile *c, const struct json *json, struct str pointer,
                            struct achievement *a)
{
    const struct json *count = json_at(json, "count");
    const struct json *distinct = json_at(json, "distinct");
    const struct json *streak = json_at(json, "streak");
    a->slug = read_str(json, "slug");
    a->symbol = take_symbol(c, "achievement", a->slug);
    a->completed_symbol = take_symbol(c, "completed", a->slug);
    a->first_symbol = take_symbol(c, "first", a->slug);
    a->trigger = read_str(json, "trigger");
    a->unit = 1;
    a->json = json;
    a->is_badge = json_at(json, "badge") != NULL;
    if ((count != NULL) + (distinct != NULL) + (streak != NULL) != 1) {
        return fail_at(c->f, ERR_INVALID, pointer,
                       "An achievement has just one of \"count\", \"distinct\" and \"streak\".");
    }
    if (!program_is_counted(c->program, a->trigger)) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("trigger")),
                       "\"%.*s\" is no event type that can be counted.", STR_ARG(a->trigger));
    }
    try(compile_rule(c, json_at(json, "when"), pointer_key(c->arena, pointer, STR("when")),
                     SCOPE_EVENT, a->trigger, RULE_BOOL, &a->when));
    if (count != NULL) {
        try(compile_count(c, count, pointer_key(c->arena, pointer, STR("count")), a));
    } else if (distinct != NULL) {
        try(compile_distinct(c, distinct, pointer_key(c->arena, pointer, STR("distinct")), a));
    } else {
        compile_streak(streak, a);
    }
    collect_member_slots(c, a->when, &a->member_slots, &a->member_slots_n);
    collect_member_slots(c, a->value, &a->member_slots, &a->member_slots_n);
    collect_member_slots(c, a->lines, &a->member_slots, &a->member_slots_n);
    return ERR_OK;
}

enum err compile_achievements(struct compile *c, const struct json *document)
{
    const struct json *list = json_at(document, "achievements");
    struct program *p = c->program;
    p->achievements_n = json_array_size(list);
    p->achievements = arena_new(c->arena, struct achievement, p->achievements_n);
    for (size_t i = 0; i < p->achievements_n; i++) {
        const struct json *json = json_array_get(list, i);
        const struct str pointer = pointer_index(c->arena, STR("/achievements"), i);
        try(check_unique(c, list, i, pointer));
        try(compile_one(c, json, pointer, &p->achievements[i]));
        const struct section_rule rule = {
            .section = "achievement",
            .slug = p->achievements[i].slug,
            .trigger = STR("achievement.completed"),
            .matches = {{.field = STR("achievement"), .value = p->achievements[i].slug}},
            .matches_n = 1,
            .pointer = pointer,
        };
        try(compile_section_rule(c, json, &rule));
    }
    return ERR_OK;
}
