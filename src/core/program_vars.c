/* The variables that conditions may read, resolved to slots when a program compiles. */
#include "base/base.h"
#include "core/program.h"

#include "core/program_internal.h"

struct finder {
    struct compile *c;
    enum scope scope;
    struct str trigger;
};

static const struct fixed_var {
    const char *path;
    enum var_source source;
    int index;
    enum rule_type type;
} FIXED[] = {
    {"event.type", VAR_EVENT, EV_TYPE, RULE_TEXT},
    {"event.time", VAR_EVENT, EV_TIME, RULE_INSTANT},
    {"event.source", VAR_EVENT, EV_SOURCE, RULE_TEXT},
    {"event.local.date", VAR_EVENT, EV_LOCAL_DATE, RULE_DATE},
    {"event.local.weekday", VAR_EVENT, EV_LOCAL_WEEKDAY, RULE_TEXT},
    {"event.local.hour", VAR_EVENT, EV_LOCAL_HOUR, RULE_NUMBER},
    {"event.store", VAR_EVENT, EV_STORE, RULE_TEXT},
    {"event.channel", VAR_EVENT, EV_CHANNEL, RULE_TEXT},
    {"event.amount", VAR_EVENT, EV_AMOUNT, RULE_NUMBER},
    {"event.currency", VAR_EVENT, EV_CURRENCY, RULE_TEXT},
    {"event.lines", VAR_EVENT, EV_LINES, RULE_LIST},
    {"event.skus", VAR_EVENT, EV_SKUS, RULE_TEXTS},
    {"event.categories", VAR_EVENT, EV_CATEGORIES, RULE_TEXTS},
    {"event.quantity", VAR_EVENT, EV_QUANTITY, RULE_NUMBER},
    {"event.status", VAR_EVENT, EV_STATUS, RULE_TEXT},
    {"line.id", VAR_LINE, LV_ID, RULE_TEXT},
    {"line.sku", VAR_LINE, LV_SKU, RULE_TEXT},
    {"line.name", VAR_LINE, LV_NAME, RULE_TEXT},
    {"line.category", VAR_LINE, LV_CATEGORY, RULE_TEXT},
    {"line.kind", VAR_LINE, LV_KIND, RULE_TEXT},
    {"line.quantity", VAR_LINE, LV_QUANTITY, RULE_NUMBER},
    {"line.amount", VAR_LINE, LV_AMOUNT, RULE_NUMBER},
    {"line.tax", VAR_LINE, LV_TAX, RULE_NUMBER},
    {"member.age", VAR_MEMBER, MV_AGE, RULE_NUMBER},
    {"member.tags", VAR_MEMBER, MV_TAGS, RULE_TEXTS},
    {"member.segments", VAR_MEMBER, MV_SEGMENTS, RULE_TEXTS},
    {"member.days_since_enrolment", VAR_MEMBER, MV_DAYS_SINCE_ENROLMENT, RULE_NUMBER},
    {"member.country", VAR_MEMBER, MV_COUNTRY, RULE_TEXT},
    {"member.city", VAR_MEMBER, MV_CITY, RULE_TEXT},
    {"member.language", VAR_MEMBER, MV_LANGUAGE, RULE_TEXT},
    {"member.gender", VAR_MEMBER, MV_GENDER, RULE_TEXT},
    {"member.offers", VAR_MEMBER, MV_OFFERS, RULE_TEXTS},
    {"member.stats.purchases_today_store", VAR_MEMBER_STAT, STAT_PURCHASES_STORE, RULE_NUMBER},
    {"member.stats.average_basket", VAR_MEMBER_STAT, STAT_AVERAGE_BASKET, RULE_NUMBER},
};

struct str program_fixed_variable(size_t index)
{
    return index < ARRAY_N(FIXED) ? str_c(FIXED[index].path) : (struct str){0};
}

/* The fields of built-in events that only purchases have. */
static bool is_purchase_only(int index)
{
    return index >= EV_AMOUNT && index != EV_STORE && index != EV_CHANNEL;
}

static bool is_money(const struct fixed_var *fixed)
{
    switch ((int)fixed->source) {
    case VAR_EVENT:
        return fixed->index == EV_AMOUNT;
    case VAR_LINE:
        return fixed->index == LV_AMOUNT || fixed->index == LV_TAX;
    default:
        return fixed->source == VAR_MEMBER_STAT && fixed->index == STAT_AVERAGE_BASKET;
    }
}

static int take_slot(struct compile *c, struct var var)
{
    struct program *p = c->program;
    for (size_t i = 0; i < p->vars_n; i++) {
        const struct var *known = &p->vars[i];
        if (known->source == var.source && known->index == var.index && known->days == var.days &&
            str_eq(known->path, var.path)) {
            return (int)i;
        }
    }
    arena_room(c->arena, p->vars, p->vars_n, c->vars_max);
    p->vars[p->vars_n] = var;
    return (int)p->vars_n++;
}

static bool in_scope(const struct finder *finder, enum var_source source)
{
    switch (source) {
    case VAR_EVENT:
    case VAR_EVENT_DATA:
        return finder->scope != SCOPE_MEMBER;
    case VAR_LINE:
        return finder->scope == SCOPE_LINE;
    case VAR_MEMBER:
    case VAR_MEMBER_STAT:
    case VAR_MEMBER_TIER:
    case VAR_MEMBER_BALANCE:
    case VAR_MEMBER_ATTRIBUTE:
        return true;
    }
    return false;
}

static bool found(struct finder *finder, struct var var, enum rule_type type, struct rule_var *out)
{
    if (!in_scope(finder, var.source) || finder->c->program->vars_n >= VARS_MAX) {
        return false;
    }
    *out = (struct rule_var){.slot = take_slot(finder->c, var), .type = type};
    return true;
}

static bool find_fixed(struct finder *finder, struct str path, struct rule_var *out)
{
    const bool is_purchase = str_eq(finder->trigger, STR("purchase"));
    for (size_t i = 0; i < ARRAY_N(FIXED); i++) {
        const struct fixed_var *fixed = &FIXED[i];
        if (!str_eq(path, str_c(fixed->path))) {
            continue;
        }
        if (fixed->source == VAR_EVENT && is_purchase_only(fixed->index) && !is_purchase) {
            return false;
        }
        if (fixed->index == MV_SEGMENTS && fixed->source == VAR_MEMBER &&
            finder->scope == SCOPE_MEMBER) {
            return false; // a segment cannot be made of segments
        }
        finder->c->program->reads_profile |=
            fixed->source == VAR_MEMBER && fixed->index != MV_OFFERS;
        finder->c->program->counts_stores |=
            fixed->source == VAR_MEMBER_STAT && fixed->index == STAT_PURCHASES_STORE;
        const bool is_found = found(
            finder, (struct var){.source = fixed->source, .index = fixed->index}, fixed->type, out);
        out->is_money = is_money(fixed);
        return is_found;
    }
    return false;
}

/* member.stats.purchases, …_today, …_90d and the same for spend and visits. */
static bool find_stat(struct finder *finder, struct str name, struct rule_var *out)
{
    static const char *const STATS[] = {"purchases", "spend", "visits"};
    for (size_t i = 0; i < ARRAY_N(STATS); i++) {
        const struct str stat = str_c(STATS[i]);
        if (!str_starts(name, stat)) {
            continue;
        }
        const struct str rest = str_after(name, stat.n);
        int64_t days = 0;
        if (str_eq(rest, STR("_today"))) {
            days = 1;
        } else if (rest.n > 0) {
            const bool is_window = rest.n >= 3 && rest.p[0] == '_' && rest.p[rest.n - 1] == 'd' &&
                                   str_int64((struct str){.p = rest.p + 1, .n = rest.n - 2}, &days);
            if (!is_window || days < 1 || days > 730) {
                return false;
            }
        }
        const struct var var = {.source = VAR_MEMBER_STAT, .index = (int)i, .days = (int)days};
        const bool is_found = found(finder, var, RULE_NUMBER, out);
        out->is_money = i == STAT_SPEND;
        return is_found;
    }
    return false;
}

static bool find_attribute(struct finder *finder, struct str name, struct rule_var *out)
{
    static const enum rule_type TYPES[] = {RULE_TEXT, RULE_NUMBER, RULE_DATE, RULE_BOOL};
    const struct program *p = finder->c->program;
    for (size_t i = 0; i < p->attributes_n; i++) {
        if (str_eq(p->attributes[i].name, name) && p->attributes[i].is_segment) {
            finder->c->program->reads_profile = true;
            return found(
                finder, (struct var){.source = VAR_MEMBER_ATTRIBUTE, .path = p->attributes[i].name},
                TYPES[p->attributes[i].type], out);
        }
    }
    return false;
}

static bool find_member(struct finder *finder, struct str name, struct rule_var *out)
{
    if (str_starts(name, STR("stats."))) {
        return find_stat(finder, str_after(name, 6), out);
    }
    if (str_starts(name, STR("attributes."))) {
        return find_attribute(finder, str_after(name, 11), out);
    }
    if (str_starts(name, STR("tier."))) {
        // Tier sets compile after rules: the slug is checked when they do.
        return found(finder,
                     (struct var){.source = VAR_MEMBER_TIER,
                                  .path = str_dup(finder->c->arena, str_after(name, 5))},
                     RULE_TEXT, out);
    }
    if (str_starts(name, STR("balance."))) {
        const int wallet = program_wallet(finder->c->program, str_after(name, 8));
        return wallet >= 0 &&
               found(finder, (struct var){.source = VAR_MEMBER_BALANCE, .index = wallet},
                     RULE_NUMBER, out);
    }
    return false;
}

/* The fields of built-in types, and of occasions. */
static bool find_field(struct finder *finder, struct str path, struct rule_var *out)
{
    static const struct {
        const char *type;
        const char *field;
        enum rule_type value;
    } FIELDS[] = {
#define FIELD(type, field, value) {type, field, value},
#include "core/event_fields.def"
#undef FIELD
    };
    for (size_t i = 0; i < ARRAY_N(FIELDS); i++) {
        if (str_eq(finder->trigger, str_c(FIELDS[i].type)) &&
            str_eq(path, str_c(FIELDS[i].field))) {
            return found(finder,
                         (struct var){.source = VAR_EVENT_DATA, .path = str_c(FIELDS[i].field)},
                         FIELDS[i].value, out);
        }
    }
    return false;
}

/* subscription.*, of events about one. */
static bool find_subscription(struct finder *finder, struct str path, struct rule_var *out)
{
    static const struct {
        const char *path;
        enum rule_type type;
    } FIELDS[] = {
        {"subscription.id", RULE_TEXT},
        {"subscription.plan", RULE_TEXT},
        {"subscription.state", RULE_TEXT},
        {"subscription.start", RULE_DATE},
        {"subscription.months_kept", RULE_NUMBER},
        {"subscription.days", RULE_NUMBER},
    };
    for (size_t i = 0; i < ARRAY_N(FIELDS); i++) {
        if (str_eq(path, str_c(FIELDS[i].path)) &&
            program_is_about_subscription(finder->c->program, finder->trigger)) {
            return found(finder,
                         (struct var){.source = VAR_EVENT_DATA, .path = str_c(FIELDS[i].path)},
                         FIELDS[i].type, out);
        }
    }
    return false;
}

static bool find_var(void *self, struct str path, struct rule_var *out)
{
    struct finder *finder = self;
    if (find_fixed(finder, path, out)) {
        return true;
    }
    if (str_starts(path, STR("member."))) {
        return find_member(finder, str_after(path, 7), out);
    }
    if (str_starts(path, STR("subscription."))) {
        return find_subscription(finder, path, out);
    }
    if (str_starts(path, STR("event.")) && find_field(finder, str_after(path, 6), out)) {
        return true;
    }
    const bool is_custom = program_event_type(finder->c->program, finder->trigger) != NULL ||
                           program_emits(finder->c->program, finder->trigger);
    if (str_starts(path, STR("event.attributes.")) ||
        (is_custom && str_starts(path, STR("event.")))) {
        const struct str rest = str_dup(finder->c->arena, str_after(path, 6));
        return found(finder, (struct var){.source = VAR_EVENT_DATA, .path = rest}, RULE_ANY, out);
    }
    return false;
}

static const struct text_set *find_set(void *self, struct str name)
{
    return program_set(((struct finder *)self)->c->program, name);
}

static const struct table *find_table(void *self, struct str name)
{
    return program_table(((struct finder *)self)->c->program, name);
}

static struct rule_vars vars_of(struct finder *finder)
{
    const struct program *p = finder->c->program;
    return (struct rule_vars){.self = finder,
                              .find = find_var,
                              .set = find_set,
                              .table = find_table,
                              .zone = p->zone,
                              .currency = p->currency};
}

enum err compile_rule(struct compile *c, const struct json *json, struct str pointer,
                      enum scope scope, struct str trigger, enum rule_type wanted,
                      const struct rule **out)
{
    *out = NULL;
    if (json == NULL) {
        return ERR_OK;
    }
    struct finder finder = {.c = c, .scope = scope, .trigger = trigger};
    const struct rule_vars vars = vars_of(&finder);
    return rule_compile(c->arena, json, pointer, &vars, wanted, c->f, out);
}

enum err compile_formula(struct compile *c, const struct json *json, struct str pointer,
                         enum scope scope, struct str trigger, const struct rule **out)
{
    struct finder finder = {.c = c, .scope = scope, .trigger = trigger};
    const struct rule_vars vars = vars_of(&finder);
    return rule_compile_formula(c->arena, json, pointer, &vars, c->f, out);
}

bool program_has_var(struct compile *c, enum scope scope, struct str trigger, struct str path)
{
    const size_t vars_before = c->program->vars_n;
    struct finder finder = {.c = c, .scope = scope, .trigger = trigger};
    struct rule_var var;
    const bool has = find_var(&finder, path, &var);
    c->program->vars_n = vars_before; // a slot is taken by who reads it
    return has;
}

enum err compile_named(struct compile *c, struct str name, struct str pointer, struct str trigger,
                       enum rule_type wanted, const struct rule **out)
{
    const struct json *var = json_object_of(c->arena, "var", json_text_new(c->arena, name));
    return compile_rule(c, var, pointer, SCOPE_EVENT, trigger, wanted, out);
}

static bool is_member_slot(const struct program *program, int slot)
{
    const enum var_source source = program->vars[slot].source;
    return source != VAR_EVENT && source != VAR_EVENT_DATA && source != VAR_LINE;
}

void collect_member_slots(struct compile *c, const struct rule *rule, int **slots, size_t *n)
{
    size_t read_n = 0;
    const int *read = rule ? rule_slots(rule, &read_n) : NULL;
    for (size_t i = 0; i < read_n; i++) {
        bool is_known = !is_member_slot(c->program, read[i]);
        for (size_t k = 0; k < *n && !is_known; k++) {
            is_known = (*slots)[k] == read[i];
        }
        if (!is_known) {
            *slots = arena_grow(c->arena, *slots, *n * sizeof(int), (*n + 1) * sizeof(int));
            (*slots)[(*n)++] = read[i];
        }
    }
}
