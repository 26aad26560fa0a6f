/* Compiling schedules: events of the program's own at dates of members. */
#include "base/base.h"
#include "core/program.h"

#include "core/event.h"
#include "core/moment.h"
#include "core/program_internal.h"

static enum err compile_length(struct compile *c, const struct json *json, struct str pointer,
                               struct schedule *schedule)
{
    static const char *const KINDS[] = {"every", "before", "after"};
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_N(KINDS); i++) {
        const struct json *length = json_at(json, KINDS[i]);
        if (length != NULL) {
            n++;
            schedule->kind = (enum schedule_kind)i;
            schedule->days = (int)read_int(length, "days", 0);
            schedule->months = (int)read_int(length, "months", 0);
        }
    }
    if (n != 1) {
        return fail_at(c->f, ERR_INVALID, pointer,
                       "A schedule has just one of \"every\", \"before\" and \"after\".");
    }
    if ((schedule->days > 0) == (schedule->months > 0)) {
        return fail_at(c->f, ERR_INVALID,
                       pointer_key(c->arena, pointer, str_c(KINDS[schedule->kind])),
                       "Say either how many \"days\" or how many \"months\".");
    }
    return ERR_OK;
}

static enum err compile_attribute(struct compile *c, struct str name, struct str pointer,
                                  struct schedule *schedule)
{
    const struct program *p = c->program;
    schedule->date = DATE_ATTRIBUTE;
    for (size_t i = 0; i < p->attributes_n; i++) {
        if (str_eq(p->attributes[i].name, name)) {
            schedule->attribute = str_z(c->arena, name);
            return p->attributes[i].type == ATTRIBUTE_DATE && p->attributes[i].is_segment
                       ? ERR_OK
                       : fail_at(c->f, ERR_INVALID, pointer,
                                 "Declare the attribute with \"type\": \"date\" and \"segment\": "
                                 "true.");
        }
    }
    return fail_at(c->f, ERR_INVALID, pointer,
                   "There is no attribute \"%.*s\": declare it in \"attributes\".", STR_ARG(name));
}

static enum err compile_date(struct compile *c, const struct json *json, struct str pointer,
                             struct schedule *schedule)
{
    const bool is_every = schedule->kind == SCHEDULE_EVERY;
    const char *field = is_every ? "from" : "date";
    const struct str at = pointer_key(c->arena, pointer, str_c(field));
    const struct str name = read_str(json, field);
    const struct str attributes = STR("member.attributes.");
    if (name.n == 0 || json_at(json, is_every ? "date" : "from") != NULL) {
        return fail_at(c->f, ERR_INVALID, pointer,
                       "\"every\" goes with \"from\"; \"before\" and \"after\" go with \"date\".");
    }
    if (str_starts(name, attributes)) {
        return compile_attribute(c, str_after(name, attributes.n), at, schedule);
    }
    if (str_eq(name, STR("member.enrolled_on"))) {
        schedule->date = DATE_ENROLLED;
        return ERR_OK;
    }
    if (str_eq(name, STR("member.birth_date"))) {
        schedule->date = DATE_BIRTH;
        return ERR_OK;
    }
    if (str_eq(name, STR("subscription.start"))) {
        schedule->date = DATE_SUBSCRIPTION;
        return ERR_OK;
    }
    return fail_at(c->f, ERR_INVALID, at,
                   "A date is member.attributes.NAME, member.enrolled_on, member.birth_date or "
                   "subscription.start.");
}

static enum err compile_emits(struct compile *c, const struct json *json, struct str pointer,
                              struct schedule *schedule)
{
    schedule->emits = read_str(json, "emits");
    if (str_eq(schedule->emits, event_kind_type(EVENT_MONTH_KEPT))) {
        return schedule->kind == SCHEDULE_EVERY && schedule->months == 1 &&
                       schedule->date == DATE_SUBSCRIPTION
                   ? ERR_OK
                   : fail_at(c->f, ERR_INVALID, pointer,
                             "Months are kept every month from subscription.start.");
    }
    if (event_kind_of(schedule->emits) != EVENT_CUSTOM || program_is_occasion(schedule->emits)) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("emits")),
                       "\"%.*s\" is a built-in event type: choose another name.",
                       STR_ARG(schedule->emits));
    }
    return ERR_OK;
}

static enum err compile_schedule(struct compile *c, const struct json *json, struct str pointer,
                                 struct schedule *schedule)
{
    schedule->slug = read_str(json, "slug");
    // A month is complete with its last day.
    schedule->minute =
        str_eq(read_str(json, "emits"), event_kind_type(EVENT_MONTH_KEPT)) ? 0 : MOMENT_MINUTE;
    if (json_at(json, "at") != NULL &&
        (!clock_read(read_str(json, "at"), &schedule->minute) || schedule->minute >= 24 * 60)) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("at")),
                       "A time of the day is 00:00 to 23:59.");
    }
    try(compile_length(c, json, pointer, schedule));
    try(compile_date(c, json, pointer, schedule));
    return compile_emits(c, json, pointer, schedule);
}

enum err compile_schedules(struct compile *c, const struct json *document)
{
    const struct json *list = json_at(document, "schedules");
    struct program *p = c->program;
    p->schedules = arena_new(c->arena, struct schedule, json_array_size(list));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const struct json *json = json_array_get(list, i);
        const struct str pointer = pointer_index(c->arena, STR("/schedules"), i);
        struct schedule *schedule = &p->schedules[p->schedules_n++];
        try(check_unique(c, list, i, pointer));
        try(compile_schedule(c, json, pointer, schedule));
        try(compile_rule(c, json_at(json, "while"), pointer_key(c->arena, pointer, STR("while")),
                         SCOPE_EVENT, schedule->emits, RULE_BOOL, &schedule->when));
    }
    return ERR_OK;
}
