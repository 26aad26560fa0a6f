/* Whether a rule fires: its trigger, its window, its audience, its condition; and why not. */
#include "base/base.h"
#include "core/award_vars.h"

enum { EXPLAIN_TEXT_BYTES_MAX = 64 * 1024 };

static bool in_hours(const struct window *window, int minute)
{
    const int from = window->hours_from;
    const int until = window->hours_until;
    if (from < 0) {
        return true;
    }
    return from < until ? minute >= from && minute < until : minute >= from || minute < until;
}

/* NULL when the instant lies in the window, else which part of it does not. Hours over midnight
 * belong to the day they begin on. */
static const char *window_failure(const struct window *window, const struct zone *zone, int64_t at)
{
    const int minute = zone_minute_of_day(zone, at);
    int32_t day = zone_day(zone, at);
    if (!in_hours(window, minute)) {
        return "hours";
    }
    if (window->hours_from > window->hours_until && minute < window->hours_until) {
        day -= 1;
    }
    if (day < window->from_day || day >= window->until_day || at < window->from_at ||
        at >= window->until_at) {
        return "window";
    }
    if (window->weekdays != 0 && (window->weekdays >> weekday_of_day(day) & 1) == 0) {
        return "days";
    }
    return NULL;
}

bool award_in_window(const struct window *window, const struct zone *zone, int64_t at)
{
    return window_failure(window, zone, at) == NULL;
}

bool award_is_triggered(const struct award_env *env, const struct earning_rule *rule)
{
    if (!str_eq(rule->trigger, env->occasion->type)) {
        return false;
    }
    if (rule->silence_days > 0 &&
        json_integer_value(event_data_at(env->view->content->event, STR("days"))) !=
            rule->silence_days) {
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

static void explain_condition(struct award_env *env, const struct rule *rule, struct str prefix,
                              struct explain_rule *out)
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

/* Whether the member has accepted the offer. */
static bool has_accepted(struct award_env *env, struct str offer)
{
    const struct value *offers = rule_slot(&env->rule, env->view->program->offers_slot);
    for (size_t i = 0; offers->kind == VALUE_ARRAY && i < offers->array.n; i++) {
        if (str_eq(offers->array.items[i].str, offer)) {
            return true;
        }
    }
    return false;
}

static bool is_in_audience(struct award_env *env, int audience, struct explain_rule *note)
{
    if (audience < 0 || award_in_segment(env, audience)) {
        return true;
    }
    const struct rule *when = env->view->program->segments[audience].when;
    if (note != NULL && when != NULL) {
        explain_condition(env, when, (struct str){0}, note);
    }
    return false;
}

/* A rule of a campaign must satisfy both: here what the campaign asks. */
static const char *campaign_failure(struct award_env *env, const struct campaign *campaign,
                                    const struct zone *zone, struct explain_rule *note)
{
    const struct program *program = env->view->program;
    const struct offer *offer = campaign->offer >= 0 ? &program->offers[campaign->offer] : NULL;
    if (window_failure(&campaign->window, zone, env->view->content->event->time) != NULL) {
        return "campaign_window";
    }
    if (!is_in_audience(env, campaign->audience, note)) {
        return "campaign_audience";
    }
    return offer != NULL && offer->is_opt_in && !has_accepted(env, offer->slug) ? "offer" : NULL;
}

bool award_fires(struct award_env *env, const struct earning_rule *rule, struct explain_rule *note)
{
    const struct award_view *view = env->view;
    const struct event *event = view->content->event;
    const struct zone *zone = event_zone(view->program, event);
    const char *failure = window_failure(&rule->window, zone, event->time);
    if (failure == NULL && view->booked_at >= rule->closes_at) {
        failure = "closed";
    }
    if (failure == NULL && rule->campaign >= 0) {
        failure = campaign_failure(env, &view->program->campaigns[rule->campaign], zone, note);
    }
    if (failure == NULL && !is_in_audience(env, rule->audience, note)) {
        failure = "audience";
    }
    if (failure == NULL && rule->when != NULL && !rule_holds(rule->when, &env->rule)) {
        failure = "when";
        if (note != NULL) {
            explain_condition(env, rule->when, (struct str){0}, note);
        }
    }
    if (failure == NULL && rule->heeds_refusal && award_field(env, STR("refused")).n > 0) {
        failure = "cap";
    }
    if (failure == NULL && rule->heeds_refusal &&
        str_eq(award_field(env, STR("returned")), STR("yes"))) {
        failure = "returned";
    }
    if (note != NULL) {
        note->fired = failure == NULL;
        note->stage = str_c(failure);
    }
    return failure == NULL;
}

enum offer_standing award_offer_standing(struct arena *arena, const struct award_view *view,
                                         const struct offer *offer)
{
    const struct occasion occasion = {.type = view->content->event->type, .times = 1};
    const struct campaign *campaign = &view->program->campaigns[offer->campaign];
    const struct zone *zone = event_zone(view->program, view->content->event);
    struct award_env env;
    award_env_open(arena, view, &occasion, &env);
    if (window_failure(&campaign->window, zone, view->content->event->time) != NULL) {
        return OFFER_CLOSED;
    }
    if (!is_in_audience(&env, campaign->audience, NULL)) {
        return OFFER_NOT_FOR_MEMBER;
    }
    return state_counter(view->facts->state, offer->symbol, DAY_TOTAL) > 0 ? OFFER_ACCEPTED
                                                                           : OFFER_OPEN;
}
