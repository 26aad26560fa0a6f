/* What of the clock a version asks for. */
#include "base/base.h"
#include "core/program.h"

#include "core/event.h"
#include "core/program_internal.h"

static enum err add_plan(struct compile *c, struct moment_plan plan, struct str name)
{
    struct program *p = c->program;
    plan.symbol = take_symbol(c, "moment", name);
    for (size_t i = 0; i < p->plans_n; i++) {
        if (p->plans[i].symbol == plan.symbol) {
            return ERR_OK;
        }
    }
    if (p->plans_n >= PLANS_MAX) {
        return fail_at(c->f, ERR_INVALID, STR("/earning_rules"),
                       "Rules and schedules may wait for at most %d different moments.", PLANS_MAX);
    }
    arena_room(c->arena, p->plans, p->plans_n, c->plans_max);
    p->plans[p->plans_n++] = plan;
    // The profile tells the birth date and the attributes.
    p->reads_profile |= plan.kind == MOMENT_BIRTHDAY ||
                        (plan.kind == MOMENT_SCHEDULE && plan.schedule->date != DATE_ENROLLED &&
                         plan.schedule->date != DATE_SUBSCRIPTION);
    return ERR_OK;
}

/* Whatever looks at an event of the clock asks for it. */
static enum err ask(struct compile *c, struct str trigger)
{
    if (str_eq(trigger, event_kind_type(EVENT_BIRTHDAY))) {
        return add_plan(c, (struct moment_plan){.kind = MOMENT_BIRTHDAY}, trigger);
    }
    if (str_eq(trigger, event_kind_type(EVENT_ANNIVERSARY))) {
        return add_plan(c, (struct moment_plan){.kind = MOMENT_ANNIVERSARY}, trigger);
    }
    if (str_eq(trigger, event_kind_type(EVENT_MONTH_KEPT))) {
        return add_plan(c, (struct moment_plan){.kind = MOMENT_MONTH}, trigger);
    }
    return ERR_OK;
}

/* One that says when months are kept is the plan of months itself: there is one way only in which
 * they are. */
static enum err add_schedule(struct compile *c, const struct schedule *schedule)
{
    if (str_eq(schedule->emits, event_kind_type(EVENT_MONTH_KEPT))) {
        return add_plan(c, (struct moment_plan){.kind = MOMENT_MONTH, .schedule = schedule},
                        schedule->emits);
    }
    const struct str name = str_fmt(c->arena, "schedule/%.*s", STR_ARG(schedule->slug));
    return add_plan(c, (struct moment_plan){.kind = MOMENT_SCHEDULE, .schedule = schedule}, name);
}

enum err compile_plans(struct compile *c)
{
    const struct program *p = c->program;
    for (size_t i = 0; i < p->schedules_n; i++) {
        try(add_schedule(c, &p->schedules[i])); // first: what rules ask for is then there already
    }
    for (size_t i = 0; i < p->rules_n; i++) {
        const int days = p->rules[i].silence_days;
        try(ask(c, p->rules[i].trigger));
        if (days > 0) {
            const struct str name = str_fmt(c->arena, "inactive/%d", days);
            try(add_plan(c, (struct moment_plan){.kind = MOMENT_INACTIVE, .days = days}, name));
        }
    }
    for (size_t i = 0; i < p->achievements_n; i++) {
        try(ask(c, p->achievements[i].trigger));
    }
    for (size_t s = 0; s < p->tier_sets_n; s++) {
        for (size_t i = 0; i < p->tier_sets[s].metrics_n; i++) {
            try(ask(c, p->tier_sets[s].metrics[i].trigger));
        }
    }
    return ERR_OK;
}
