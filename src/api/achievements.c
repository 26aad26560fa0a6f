/* A member's achievements: how far they are, what was completed. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/member.h"
#include "core/achievement.h"

static void achievement_write(struct json_out *w, const struct achievement *a,
                              const struct achievement_standing *standing)
{
    static const char *const KINDS[] = {"count", "distinct", "streak"};
    static const char *const PERIODS[] = {"day", "week", "month", "year", "lifetime"};
    json_open(w, '{');
    json_key(w, "slug");
    json_put_str(w, a->slug);
    json_key(w, "kind");
    json_put_str(w, str_c(KINDS[a->kind]));
    json_key(w, "period");
    json_put_str(w, str_c(PERIODS[a->period]));
    json_key(w, "value");
    json_put_int(w, standing->value);
    json_key(w, "target");
    json_put_int(w, standing->target);
    json_key(w, "completed");
    json_put_int(w, standing->completed);
    json_key(w, "completed_at");
    json_put_instant(w, standing->completed_at > 0 ? standing->completed_at : AT_NEVER);
    json_key(w, "repeats");
    json_put_bool(w, a->repeats);
    json_key(w, "badge");
    json_put_bool(w, a->is_badge && standing->completed > 0);
    json_close(w, '}');
}

enum err api_achievements_get(struct api_call *call, struct store *store, struct json_out *w)
{
    int64_t member = 0;
    struct member_facts facts;
    const struct program *program = NULL;
    try(member_find(call, store, call->params[0], &member));
    try(member_facts_read(call, store, member, &facts));
    try(store_state_load_counters(store, call->arena, facts.state));
    try(store_program_at(store, call->now, &program));
    const int32_t today = zone_day(program->zone, call->now);
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = 0; i < program->achievements_n; i++) {
        const struct achievement_standing standing =
            achievement_standing(facts.state, &program->achievements[i], today);
        achievement_write(w, &program->achievements[i], &standing);
    }
    json_close(w, ']');
    json_close(w, '}');
    return ERR_OK;
}
