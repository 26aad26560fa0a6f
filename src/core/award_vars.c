/* The values of variables: of the event from its content, of the member from the facts, recorded as
 * inputs. */
#include "base/base.h"
#include "core/award.h"

#include "core/award_vars.h"
#include "core/tier.h"

static const char *const LINE_KINDS[] = {"goods", "service",   "shipping", "fee",
                                         "tip",   "gift_card", "deposit",  "donation"};
_Static_assert(ARRAY_N(LINE_KINDS) == LINE_KINDS_N, "one name per kind");

static struct value text(struct str s)
{
    return s.n == 0 ? value_null() : value_str(s);
}

static struct value line_value(const struct line *line, int index)
{
    switch ((enum line_var)index) {
    case LV_ID:
        return text(line->id);
    case LV_SKU:
        return text(line->sku);
    case LV_NAME:
        return text(line->name);
    case LV_CATEGORY:
        return text(line->category);
    case LV_KIND:
        return value_str(str_c(LINE_KINDS[line->kind]));
    case LV_QUANTITY:
        return value_number((double)line->quantity_milli / 1000);
    case LV_AMOUNT:
        return value_int(line->amount);
    case LV_TAX:
        return value_int(line->tax);
    }
    return value_null();
}

static bool line_get(const void *self, struct str name, struct arena *arena, struct value *out)
{
    static const char *const NAMES[] = {"id",   "sku",      "name",   "category",
                                        "kind", "quantity", "amount", "tax"};
    const struct line *line = self;
    for (size_t i = 0; i < ARRAY_N(NAMES); i++) {
        if (str_eq(name, str_c(NAMES[i]))) {
            *out = line_value(line, (int)i);
            return true;
        }
    }
    if (str_eq(name, STR("attributes")) && line->attributes != NULL) {
        *out = value_of_json(line->attributes, arena);
        return true;
    }
    return false;
}

static const struct value_class LINE_CLASS = {.get = line_get};

/* The lines, skus or categories that are left, as an array. */
static struct value lines_value(struct arena *arena, const struct content *content, int index)
{
    struct value *items = arena_new(arena, struct value, content->lines_n);
    size_t n = 0;
    for (size_t i = 0; i < content->lines_n; i++) {
        const struct content_line *line = &content->lines[i];
        if (!line->is_left) {
            continue;
        }
        if (index == EV_LINES) {
            items[n++] = value_object(&LINE_CLASS, &line->line);
            continue;
        }
        const struct str name = index == EV_SKUS ? line->line.sku : line->line.category;
        if (name.n > 0) {
            items[n++] = value_str(name);
        }
    }
    return value_array(items, n);
}

static struct value quantity_value(const struct content *content)
{
    int64_t milli = 0;
    for (size_t i = 0; i < content->lines_n; i++) {
        milli += content->lines[i].is_left ? content->lines[i].line.quantity_milli : 0;
    }
    return value_number((double)milli / 1000);
}

static struct value instant_value(struct arena *arena, int64_t at)
{
    char *written = arena_bytes(arena, INSTANT_BYTES + 1);
    instant_write(at, written);
    return value_str((struct str){.p = written, .n = INSTANT_BYTES});
}

static struct value day_value(struct arena *arena, int32_t day)
{
    char *written = arena_bytes(arena, DAY_BYTES + 1);
    day_write(day, written);
    return value_str((struct str){.p = written, .n = DAY_BYTES});
}

static struct value event_value(struct arena *arena, const struct award_view *view, int index)
{
    static const char *const DAYS[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    const struct event *event = view->content->event;
    const struct zone *zone = event_zone(view->program, event);
    switch ((enum event_var)index) {
    case EV_TYPE:
        return value_str(event->type);
    case EV_TIME:
        return instant_value(arena, event->time);
    case EV_SOURCE:
        return text(event->source);
    case EV_LOCAL_DATE:
        return day_value(arena, zone_day(zone, event->time));
    case EV_LOCAL_WEEKDAY:
        return value_str(str_c(DAYS[weekday_of_day(zone_day(zone, event->time))]));
    case EV_LOCAL_HOUR:
        return value_int(zone_minute_of_day(zone, event->time) / 60);
    case EV_AMOUNT:
        return value_int(view->content->amount);
    case EV_CURRENCY:
        return text(event->currency);
    case EV_STORE:
        return text(event->store);
    case EV_CHANNEL:
        return text(event->channel);
    case EV_LINES:
    case EV_SKUS:
    case EV_CATEGORIES:
        return lines_value(arena, view->content, index);
    case EV_QUANTITY:
        return quantity_value(view->content);
    case EV_STATUS:
        return event->is_placed ? value_str(STR("placed")) : value_null();
    }
    return value_null();
}

const struct json *event_data_at(const struct event *event, struct str path)
{
    const struct json *value = event->data;
    struct str part;
    bool done = false;
    while (value != NULL && str_split(&path, '.', &part, &done)) {
        value = json_find(value, part);
    }
    return value;
}

const struct json *event_match_at(const struct event *event, struct str name)
{
    struct str attributes = STR("attributes.");
    char path[EVENT_TEXT_BYTES_MAX];
    const struct json *value = event_data_at(event, name);
    if (value != NULL || attributes.n + name.n > sizeof path) {
        return value;
    }
    memcpy(path, attributes.p, attributes.n);
    memcpy(path + attributes.n, name.p, name.n);
    return event_data_at(event, (struct str){.p = path, .n = attributes.n + name.n});
}

/* Years completed on a day. */
static struct value age_value(const struct award_view *view)
{
    const int32_t birth_on = view->facts->profile->birth_on;
    if (birth_on == INT32_MIN) {
        return value_null();
    }
    const struct civil birth = civil_of_day(birth_on);
    const struct civil now =
        civil_of_day(zone_day(view->program->zone, view->content->event->time));
    const bool is_before =
        now.month < birth.month || (now.month == birth.month && now.day < birth.day);
    return value_int(now.year - birth.year - is_before);
}

static struct value segments_value(struct award_env *env)
{
    const struct program *program = env->view->program;
    struct value *items = arena_new(env->rule.arena, struct value, program->segments_n);
    size_t n = 0;
    for (size_t i = 0; i < program->segments_n; i++) {
        if (award_in_segment(env, (int)i)) {
            items[n++] = value_str(program->segments[i].slug);
        }
    }
    return value_array(items, n);
}

static struct value offers_value(struct award_env *env)
{
    const struct program *program = env->view->program;
    struct value *items = arena_new(env->rule.arena, struct value, program->offers_n);
    size_t n = 0;
    for (size_t i = 0; i < program->offers_n; i++) {
        if (state_counter(env->view->facts->state, program->offers[i].symbol, DAY_TOTAL) > 0) {
            items[n++] = value_str(program->offers[i].slug);
        }
    }
    return value_array(items, n);
}

static struct value member_value(struct award_env *env, int index)
{
    const struct profile *profile = env->view->facts->profile;
    const struct state *state = env->view->facts->state;
    const struct zone *zone = env->view->program->zone;
    if (index == MV_DAYS_SINCE_ENROLMENT) {
        return value_int(zone_day(zone, env->view->facts->booked_at) -
                         zone_day(zone, state->enrolled_at));
    }
    if (index == MV_SEGMENTS) {
        return segments_value(env);
    }
    if (index == MV_OFFERS) {
        return offers_value(env);
    }
    if (profile == NULL) {
        return value_null();
    }
    struct value *tags = NULL;
    switch ((enum member_var)index) {
    case MV_AGE:
        return age_value(env->view);
    case MV_TAGS:
        tags = arena_new(env->rule.arena, struct value, profile->tags_n);
        for (size_t i = 0; i < profile->tags_n; i++) {
            tags[i] = value_str(profile->tags[i]);
        }
        return value_array(tags, profile->tags_n);
    case MV_COUNTRY:
        return text(profile->country);
    case MV_CITY:
        return text(profile->city);
    case MV_LANGUAGE:
        return text(profile->language);
    case MV_GENDER:
        return text(profile->gender);
    case MV_SEGMENTS:
    case MV_OFFERS:
    case MV_DAYS_SINCE_ENROLMENT:
        break;
    }
    return value_null();
}

/* Stats are those at booking: a window of N days ends on the local day of booking. */
static struct value stat_value(const struct award_view *view, const struct var *var)
{
    const struct program *program = view->program;
    const struct state *state = view->facts->state;
    const int32_t today = zone_day(program->zone, view->facts->booked_at);
    const int64_t purchases = state_counter(state, program->standard.purchases, DAY_TOTAL);
    int32_t symbol = program->standard.purchases;
    int days = var->days;
    switch ((enum member_stat)var->index) {
    case STAT_PURCHASES:
        break;
    case STAT_SPEND:
        symbol = program->standard.spend;
        break;
    case STAT_VISITS:
        symbol = program->standard.visits;
        break;
    case STAT_AVERAGE_BASKET:
        return purchases > 0
                   ? value_int(state_counter(state, program->standard.spend, DAY_TOTAL) / purchases)
                   : value_int(0);
    case STAT_PURCHASES_STORE: {
        const struct sales_store *store = program_store(program, view->content->event->store);
        if (store == NULL) {
            return value_int(0);
        }
        symbol = store->purchases_symbol;
        days = 1;
        break;
    }
    }
    return value_int(days == 0 ? state_counter(state, symbol, DAY_TOTAL)
                               : state_counter_sum(state, symbol, today - days + 1, today));
}

static struct value tier_value(const struct award_view *view, const struct var *var)
{
    const struct tier_set *set = program_tier_set(view->program, var->path);
    return set != NULL ? value_str(set->tiers[tier_rank(set, view->facts->state)].slug)
                       : value_null();
}

static struct value facts_value(struct award_env *env, const struct var *var)
{
    const struct award_view *view = env->view;
    switch (var->source) {
    case VAR_MEMBER:
        return member_value(env, var->index);
    case VAR_MEMBER_STAT:
        return stat_value(view, var);
    case VAR_MEMBER_TIER:
        return tier_value(view, var);
    case VAR_MEMBER_BALANCE: {
        const struct balance *balance =
            state_balance_find(view->facts->state, view->program->wallets[var->index].symbol);
        return value_int(balance ? balance->active : 0);
    }
    case VAR_MEMBER_ATTRIBUTE: {
        const struct profile *profile = view->facts->profile;
        const struct json *value = profile ? json_find(profile->attributes, var->path) : NULL;
        return value_of_json(value, env->rule.arena);
    }
    case VAR_EVENT:
    case VAR_EVENT_DATA:
    case VAR_LINE:
        break;
    }
    return value_null();
}

static const struct occasion_field *occasion_field(const struct occasion *occasion, struct str name)
{
    for (size_t i = 0; i < occasion->fields_n; i++) {
        if (str_eq(occasion->fields[i].name, name)) {
            return &occasion->fields[i];
        }
    }
    return NULL;
}

/* An occasion has the event's time and place, and fields of its own. */
static struct value occasion_value(struct award_env *env, const struct var *var)
{
    const struct occasion *occasion = env->occasion;
    if (var->source == VAR_EVENT) {
        return var->index == EV_TYPE ? value_str(occasion->type)
                                     : event_value(env->rule.arena, env->view, var->index);
    }
    if (str_eq(var->path, STR("times"))) {
        return value_int(occasion->times);
    }
    const struct occasion_field *field = occasion_field(occasion, var->path);
    if (field == NULL) {
        // Of the event itself the rest of its data can be read too.
        return occasion->level > 0
                   ? value_null()
                   : value_of_json(event_data_at(env->view->content->event, var->path),
                                   env->rule.arena);
    }
    return field->is_number ? value_int(field->number) : value_str(field->text);
}

struct str award_field(const struct award_env *env, struct str name)
{
    if (env->occasion->level > 0 || env->occasion->fields_n > 0) {
        const struct occasion_field *field = occasion_field(env->occasion, name);
        if (field != NULL || env->occasion->level > 0) {
            return field ? field->text : (struct str){0};
        }
    }
    return json_str(event_data_at(env->view->content->event, name));
}

bool award_line_holds(struct award_env *env, const struct content_line *line,
                      const struct rule *lines)
{
    if (!line->is_left) {
        return false;
    }
    env->line = line;
    const bool holds = lines == NULL || rule_holds(lines, &env->rule);
    env->line = NULL;
    return holds;
}

void award_record_slots(struct award_env *env, const int *slots, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        (void)rule_slot(&env->rule, slots[i]); // asked, it is recorded
    }
}

/* Of the event itself, or of what follows from it. */
static struct value content_value(struct award_env *env, const struct var *var)
{
    if (env->occasion->level > 0 || env->occasion->fields_n > 0) {
        return occasion_value(env, var);
    }
    return var->source == VAR_EVENT
               ? event_value(env->rule.arena, env->view, var->index)
               : value_of_json(event_data_at(env->view->content->event, var->path),
                               env->rule.arena);
}

static const struct value *award_get(const struct rule_env *rule_env, int slot)
{
    struct award_env *env = (struct award_env *)rule_env; // embedded as the first field
    const struct var *var = &env->view->program->vars[slot];
    struct input_var *input = &env->view->inputs->vars[slot];
    struct value *value = NULL;
    switch (var->source) {
    case VAR_LINE:
        env->line_value = env->line ? line_value(&env->line->line, var->index) : value_null();
        return &env->line_value; // not known for longer: the next line has another
    case VAR_EVENT:
    case VAR_EVENT_DATA:
        value = arena_new(env->rule.arena, struct value, 1);
        *value = content_value(env, var);
        return env->rule.known[slot] = value;
    case VAR_MEMBER:
    case VAR_MEMBER_STAT:
    case VAR_MEMBER_TIER:
    case VAR_MEMBER_BALANCE:
    case VAR_MEMBER_ATTRIBUTE:
        break;
    }
    if (!input->is_known) {
        // An input that was not recorded was not read then: it is null for ever.
        input->value = env->view->facts ? facts_value(env, var) : value_null();
        input->is_known = true;
    }
    return env->rule.known[slot] = &input->value;
}

void award_env_open(struct arena *arena, const struct award_view *view,
                    const struct occasion *occasion, struct award_env *out)
{
    *out = (struct award_env){
        .rule = {.known = arena_new(arena, const struct value *, view->program->vars_n),
                 .get = award_get,
                 .arena = arena,
                 .zone = view->program->zone},
        .view = view,
        .occasion = occasion,
    };
}

void award_env_turn(struct award_env *env, const struct occasion *occasion)
{
    const size_t vars_n = env->view->program->vars_n;
    env->occasion = occasion;
    memset(env->rule.known, 0, vars_n * sizeof *env->rule.known);
}

bool award_in_segment(struct award_env *env, int segment)
{
    int8_t *known = &env->view->inputs->audiences[segment];
    if (*known < 0) {
        const struct rule *when = env->view->program->segments[segment].when;
        const int8_t *given = env->view->facts ? env->view->facts->segments : NULL;
        if (given != NULL) {
            *known = given[segment] != 0;
            return *known == 1;
        }
        const bool is_member =
            env->view->facts != NULL && (when == NULL || rule_holds(when, &env->rule));
        *known = is_member;
    }
    return *known == 1;
}

const struct zone *event_zone(const struct program *program, const struct event *event)
{
    const struct sales_store *store =
        event->store.n > 0 ? program_store(program, event->store) : NULL;
    return store ? store->zone : program->zone;
}
