/* Compiling a program document: the head, the stores, and the order of the sections. */
#include "base/base.h"
#include "core/program.h"

#include "core/event.h"
#include "core/program_internal.h"
#include "core/schema.h"

enum { HOLD_DAYS_DEFAULT = 90, CLAIM_DAYS_DEFAULT = 30, ORDER_DAYS_DEFAULT = 60 };

int read_choice(struct str text, const char *const *names, size_t n, int missing)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(text, str_c(names[i]))) {
            return (int)i;
        }
    }
    return missing;
}

int32_t take_symbol(struct compile *c, const char *prefix, struct str name)
{
    return symbol_take(c->symbols, str_fmt(c->arena, "%s:%.*s", prefix, STR_ARG(name)));
}

enum err check_unique(struct compile *c, const struct json *list, size_t index, struct str pointer)
{
    const struct str slug = read_str(json_array_get(list, index), "slug");
    for (size_t i = 0; i < index; i++) {
        if (str_eq(read_str(json_array_get(list, i), "slug"), slug)) {
            return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("slug")),
                           "\"%.*s\" is used twice: slugs of one list must differ.", STR_ARG(slug));
        }
    }
    return ERR_OK;
}

static enum err compile_zone(struct compile *c, struct str name, struct str pointer,
                             const struct zone **out)
{
    const struct zone *zone = c->zones->find(c->zones->self, c->arena, name);
    if (zone == NULL) {
        return fail_at(c->f, ERR_INVALID, pointer,
                       "\"%.*s\" is no time zone: use an IANA name such as Europe/Amsterdam.",
                       STR_ARG(name));
    }
    *out = zone;
    return ERR_OK;
}

static enum err compile_stores(struct compile *c, const struct json *document)
{
    const struct json *list = json_at(document, "stores");
    struct program *p = c->program;
    p->stores_n = json_array_size(list);
    p->stores = arena_new(c->arena, struct sales_store, p->stores_n);
    for (size_t i = 0; i < p->stores_n; i++) {
        const struct json *json = json_array_get(list, i);
        const struct str pointer = pointer_index(c->arena, STR("/stores"), i);
        try(check_unique(c, list, i, pointer));
        struct sales_store *store = &p->stores[i];
        store->slug = read_str(json, "slug");
        store->currency = read_str(json, "currency");
        store->zone = p->zone;
        if (json_at(json, "timezone") != NULL) {
            try(compile_zone(c, read_str(json, "timezone"),
                             pointer_key(c->arena, pointer, STR("timezone")), &store->zone));
        }
        store->purchases_symbol = take_symbol(c, "store", store->slug);
    }
    return ERR_OK;
}

static void read_strings(struct compile *c, const struct json *list, struct str **out, size_t *n)
{
    *n = json_array_size(list);
    *out = arena_new(c->arena, struct str, *n);
    for (size_t i = 0; i < *n; i++) {
        (*out)[i] = json_str(json_array_get(list, i));
    }
}

/* Types that are no events of their own: what follows inside a decision. */
bool program_is_occasion(struct str type)
{
    return str_eq(type, STR("tier.changed")) || str_eq(type, STR("achievement.completed")) ||
           str_eq(type, STR("reward.issued")) || str_eq(type, STR("quiz.scored")) ||
           str_eq(type, STR("quiz.passed")) || str_eq(type, STR("referral.rewarded")) ||
           str_eq(type, STR("review.published"));
}

static enum err compile_event_types(struct compile *c, const struct json *document)
{
    const struct json *list = json_at(document, "event_types");
    struct program *p = c->program;
    p->event_types_n = json_array_size(list);
    p->event_types = arena_new(c->arena, struct event_type, p->event_types_n);
    for (size_t i = 0; i < p->event_types_n; i++) {
        const struct json *json = json_array_get(list, i);
        const struct str pointer = pointer_index(c->arena, STR("/event_types"), i);
        struct event_type *type = &p->event_types[i];
        type->type = read_str(json, "type");
        if (event_kind_of(type->type) != EVENT_CUSTOM || program_is_occasion(type->type)) {
            return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("type")),
                           "\"%.*s\" is a built-in event type: choose another name.",
                           STR_ARG(type->type));
        }
        if (json_at(json, "schema") != NULL) {
            try(schema_compile(c->arena, json_at(json, "schema"),
                               pointer_key(c->arena, pointer, STR("schema")), c->f, &type->schema));
        }
    }
    return ERR_OK;
}

static void compile_attributes(struct compile *c, const struct json *document)
{
    static const char *const TYPES[] = {"text", "number", "date", "boolean"};
    const struct json *list = json_at(document, "attributes");
    struct program *p = c->program;
    p->attributes_n = json_array_size(list);
    p->attributes = arena_new(c->arena, struct attribute, p->attributes_n);
    for (size_t i = 0; i < p->attributes_n; i++) {
        const struct json *json = json_array_get(list, i);
        p->attributes[i] = (struct attribute){
            .name = read_str(json, "name"),
            .is_segment = read_bool(json, "segment", false),
            .type = (enum attribute_type)read_choice(read_str(json, "type"), TYPES, ARRAY_N(TYPES),
                                                     ATTRIBUTE_TEXT),
        };
    }
}

static void compile_head(struct compile *c, const struct json *document)
{
    static const char *const UNKNOWN[] = {"hold", "refuse", "enrol"};
    struct program *p = c->program;
    p->document = document;
    p->name = read_str(document, "name");
    p->currency = read_str(document, "currency");
    p->unknown_members = (enum unknown_members)read_choice(read_str(document, "unknown_members"),
                                                           UNKNOWN, ARRAY_N(UNKNOWN), UNKNOWN_HOLD);
    p->hold_days = (int)read_int(document, "hold_days", HOLD_DAYS_DEFAULT);
    p->claim_days = (int)read_int(document, "claim_days", CLAIM_DAYS_DEFAULT);
    p->must_pay_subscriptions = read_bool(json_at(document, "subscriptions"), "paid", false);
    p->order_days = (int)read_int(document, "order_days", ORDER_DAYS_DEFAULT);
    p->standard = (struct standard_symbols){
        .purchases = take_symbol(c, "stat", STR("purchases")),
        .spend = take_symbol(c, "stat", STR("spend")),
        .visits = take_symbol(c, "stat", STR("visits")),
    };
    if (json_at(document, "activity") != NULL) {
        read_strings(c, json_at(document, "activity"), &p->activity, &p->activity_n);
    } else {
        static struct str usual[] = {{.p = "purchase", .n = 8}, {.p = "visit", .n = 5}};
        p->activity = usual;
        p->activity_n = ARRAY_N(usual);
    }
    read_strings(c, json_at(json_at(document, "enrolment"), "required"), &p->required,
                 &p->required_n);
}

enum err program_compile(struct arena *arena, const struct json *document, struct symbols *symbols,
                         const struct zone_finder *zones, struct fail *f,
                         const struct program **out)
{
    struct program *program = arena_new(arena, struct program, 1);
    program->offers_slot = -1;
    struct compile c = {
        .arena = arena, .symbols = symbols, .zones = zones, .f = f, .program = program};
    compile_head(&c, document);
    const struct str zone = read_str(document, "timezone");
    try(compile_zone(&c, zone.n > 0 ? zone : STR("UTC"), STR("/timezone"), &program->zone));
    try(compile_stores(&c, document));
    try(compile_event_types(&c, document));
    compile_attributes(&c, document);
    try(compile_wallets(&c, document));
    try(name_contests(&c, document));
    try(compile_lookups(&c, document));
    try(compile_segments(&c, document));
    try(compile_schedules(&c, document));
    name_rewards(&c, document);
    try(compile_rules(&c, document));
    try(compile_campaigns(&c, document));
    try(compile_tiers(&c, document));
    try(compile_rewards(&c, document));
    try(compile_achievements(&c, document));
    try(compile_codes(&c, document));
    try(compile_referrals(&c, document));
    try(compile_reviews(&c, document));
    try(compile_quizzes(&c, document));
    try(compile_surveys(&c, document));
    try(compile_contests(&c, document));
    try(finish_rules(&c));
    try(compile_plans(&c));
    program->has_shared |= program->shared_caps_n > 0;
    for (size_t i = 0; i < program->rules_n; i++) {
        program->has_occasions |= program_is_occasion(program->rules[i].trigger);
    }
    *out = program;
    return ERR_OK;
}

int program_wallet(const struct program *program, struct str slug)
{
    for (size_t i = 0; i < program->wallets_n; i++) {
        if (str_eq(program->wallets[i].slug, slug)) {
            return (int)i;
        }
    }
    return -1;
}

int program_wallet_by_symbol(const struct program *program, int32_t symbol)
{
    for (size_t i = 0; i < program->wallets_n; i++) {
        if (program->wallets[i].symbol == symbol) {
            return (int)i;
        }
    }
    return -1;
}

const struct sales_store *program_store(const struct program *program, struct str slug)
{
    for (size_t i = 0; i < program->stores_n; i++) {
        if (str_eq(program->stores[i].slug, slug)) {
            return &program->stores[i];
        }
    }
    return NULL;
}

const struct event_type *program_event_type(const struct program *program, struct str type)
{
    for (size_t i = 0; i < program->event_types_n; i++) {
        if (str_eq(program->event_types[i].type, type)) {
            return &program->event_types[i];
        }
    }
    return NULL;
}

bool program_is_activity(const struct program *program, struct str type)
{
    for (size_t i = 0; i < program->activity_n; i++) {
        if (str_eq(program->activity[i], type)) {
            return true;
        }
    }
    return false;
}

const struct reward *program_reward(const struct program *program, struct str slug)
{
    for (size_t i = 0; i < program->rewards_n; i++) {
        if (str_eq(program->rewards[i].slug, slug)) {
            return &program->rewards[i];
        }
    }
    return NULL;
}

const struct reward *program_reward_by_symbol(const struct program *program, int32_t symbol)
{
    for (size_t i = 0; i < program->rewards_n; i++) {
        if (program->rewards[i].symbol == symbol) {
            return &program->rewards[i];
        }
    }
    return NULL;
}

const struct redemption_code *program_redemption_code(const struct program *program,
                                                      struct str slug)
{
    for (size_t i = 0; i < program->redemption_codes_n; i++) {
        if (str_eq(program->redemption_codes[i].slug, slug)) {
            return &program->redemption_codes[i];
        }
    }
    return NULL;
}

const struct redemption_code *program_redemption_code_by_symbol(const struct program *program,
                                                                int32_t symbol)
{
    for (size_t i = 0; i < program->redemption_codes_n; i++) {
        if (program->redemption_codes[i].symbol == symbol) {
            return &program->redemption_codes[i];
        }
    }
    return NULL;
}

const struct quiz *program_quiz(const struct program *program, struct str slug)
{
    for (size_t i = 0; i < program->quizzes_n; i++) {
        if (str_eq(program->quizzes[i].slug, slug)) {
            return &program->quizzes[i];
        }
    }
    return NULL;
}

const struct survey *program_survey(const struct program *program, struct str slug)
{
    for (size_t i = 0; i < program->surveys_n; i++) {
        if (str_eq(program->surveys[i].slug, slug)) {
            return &program->surveys[i];
        }
    }
    return NULL;
}

const struct contest *program_contest(const struct program *program, struct str slug)
{
    for (size_t i = 0; i < program->contests_n; i++) {
        if (str_eq(program->contests[i].slug, slug)) {
            return &program->contests[i];
        }
    }
    return NULL;
}

const struct offer *program_offer(const struct program *program, struct str slug)
{
    for (size_t i = 0; i < program->offers_n; i++) {
        if (str_eq(program->offers[i].slug, slug)) {
            return &program->offers[i];
        }
    }
    return NULL;
}

const struct achievement *program_achievement(const struct program *program, struct str slug)
{
    for (size_t i = 0; i < program->achievements_n; i++) {
        if (str_eq(program->achievements[i].slug, slug)) {
            return &program->achievements[i];
        }
    }
    return NULL;
}

bool program_is_trigger(const struct program *program, struct str type)
{
    const enum event_kind kind = event_kind_of(type);
    if (kind == EVENT_CUSTOM) {
        return program_is_occasion(type) || program_event_type(program, type) != NULL ||
               program_emits(program, type);
    }
    const enum event_class class = event_kind_class(kind);
    return class == EVENT_CLASS_PURCHASE || class == EVENT_CLASS_PLAIN ||
           kind == EVENT_REWARD_BOUGHT || kind == EVENT_REWARD_USED || kind == EVENT_TIER_WARNED ||
           kind == EVENT_REVIEW_SUBMITTED || kind == EVENT_REVIEW_PUBLISHED ||
           event_kind_is_moment(kind);
}

bool program_emits(const struct program *program, struct str type)
{
    for (size_t i = 0; i < program->schedules_n; i++) {
        if (str_eq(program->schedules[i].emits, type)) {
            return true;
        }
    }
    return false;
}

bool program_is_about_subscription(const struct program *program, struct str type)
{
    for (size_t i = 0; i < program->schedules_n; i++) {
        if (str_eq(program->schedules[i].emits, type) &&
            program->schedules[i].date == DATE_SUBSCRIPTION) {
            return true;
        }
    }
    return event_kind_is_subscription(event_kind_of(type));
}

bool program_is_counted(const struct program *program, struct str type)
{
    // A silence is told by its days, which only a rule names.
    return program_is_trigger(program, type) && !str_eq(type, STR("tier.changed")) &&
           event_kind_of(type) != EVENT_INACTIVE;
}

int32_t period_first_day(enum period_kind period, int32_t day)
{
    struct civil c = civil_of_day(day);
    switch (period) {
    case PERIOD_DAY:
        return day;
    case PERIOD_WEEK:
        return day - weekday_of_day(day);
    case PERIOD_MONTH:
        c.day = 1;
        return day_of_civil(c);
    case PERIOD_YEAR:
        c.month = 1;
        c.day = 1;
        return day_of_civil(c);
    case PERIOD_LIFETIME:
        return DAY_TOTAL;
    }
    return day;
}
