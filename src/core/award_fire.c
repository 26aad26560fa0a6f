/* Whether a rule fires: its trigger, its window, its audience, its condition; and why not. */
#include "base/base.h"
#include "core/award_vars.h"

enum { EXPLAIN_TEXT_BYTES_MAX = 64 * 1024 };

static bool in_hours(const struct earning_rule *rule, int minute)
{
    const int from = rule->window.hours_from;
    const int until = rule->window.hours_until;
    if (from < 0) {
        return true;
    }
    return from < until ? minute >= from && minute < until : minute >= from || minute < until;
}

/* NULL when the instant lies in the rule's window, else which part of it does not. Hours over midnight belong to the
 * day they begin on. */
static const char *window_failure(const struct earning_rule *rule, const struct zone *zone, int64_t at)
{
    const int minute = zone_minute_of_day(zone, at);
    int32_t day = zone_day(zone, at);
    if (!in_hours(rule, minute)) {
        return "hours";
    }
    if (rule->window.hours_from > rule->window.hours_until && minute < rule->window.hours_until) {
        day -= 1;
    }
    if (day < rule->window.from_day || day >= rule->window.until_day || at < rule->window.from_at ||
        at >= rule->window.until_at) {
        return "window";
    }
    if (rule->window.weekdays != 0 && (rule->window.weekdays >> weekday_of_day(day) & 1) == 0) {
        return "days";
    }
    return NULL;
}

bool award_is_triggered(const struct award_env *env, const struct earning_rule *rule)
{
    if (!str_eq(rule->trigger, env->occasion->type)) {
        return false;
    }
    for (size_t i = 0; i < rule->matches_n; i++) {
        if (!str_eq(award_field(env, rule->matches[i].field), rule->matches[i].value)) {
            return false;
        }
    }
    return true;
}

static struct str written(struct arena *arena, const struct value *value)
{
    struct buf buf;
    buf_open(&buf, arena, EXPLAIN_TEXT_BYTES_MAX);
    struct json_out w = json_out(&buf);
    value_write(value, &w);
    return buf.is_full ? STR("null") : buf_view(&buf);
}

static void explain_condition(struct award_env *env, const struct rule *rule, struct str prefix, struct explain_rule *out)
{
    struct rule_reason reason;
    if (!rule_explain(rule, &env->rule, env->rule.arena, &reason)) {
        return;
    }
    struct buf buf;
    buf_open(&buf, env->rule.arena, EXPLAIN_TEXT_BYTES_MAX);
    json_write_canonical(&buf, reason.condition);
    out->pointer = str_fmt(env->rule.arena, "%.*s%.*s", STR_ARG(prefix), STR_ARG(reason.pointer));
    out->condition = buf.is_full ? STR("null") : buf_view(&buf);
    out->actual = written(env->rule.arena, &reason.actual);
}

bool award_fires(struct award_env *env, const struct earning_rule *rule, struct explain_rule *note)
{
    const struct award_view *view = env->view;
    const struct event *event = view->content->event;
    const char *failure = window_failure(rule, event_zone(view->program, event), event->time);
    if (failure == NULL && rule->audience >= 0 && !award_in_segment(env, rule->audience)) {
        failure = "audience";
        const struct rule *when = view->program->segments[rule->audience].when;
        if (note != NULL && when != NULL) {
            explain_condition(env, when, (struct str){0}, note);
        }
    }
    if (failure == NULL && rule->when != NULL && !rule_holds(rule->when, &env->rule)) {
        failure = "when";
        if (note != NULL) {
            explain_condition(env, rule->when, (struct str){0}, note);
        }
    }
    if (note != NULL) {
        note->fired = failure == NULL;
        note->stage = str_c(failure);
    }
    return failure == NULL;
}
