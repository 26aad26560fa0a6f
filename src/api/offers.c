/* Offers: the public faces of campaigns, as a member sees them. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/member.h"
#include "core/award.h"

/* A day, an instant, or null where the window is open. */
static void bound_write(struct json_out *w, int32_t day, int32_t open_day, int64_t at,
                        int64_t open_at)
{
    if (day != open_day) {
        char text[DAY_BYTES + 1];
        day_write(day, text);
        json_put_str(w, (struct str){.p = text, .n = DAY_BYTES});
    } else {
        json_put_instant(w, at == open_at ? AT_NEVER : at);
    }
}

static void offer_write(struct json_out *w, const struct program *program,
                        const struct offer *offer)
{
    const struct campaign *campaign = &program->campaigns[offer->campaign];
    json_key(w, "slug");
    json_put_str(w, offer->slug);
    json_key(w, "campaign");
    json_put_str(w, campaign->slug);
    part_write(w, offer->json, "title");
    part_write(w, offer->json, "description");
    part_write(w, offer->json, "terms");
    part_write(w, offer->json, "image");
    json_key(w, "opt_in");
    json_put_bool(w, offer->is_opt_in);
    json_key(w, "from");
    bound_write(w, campaign->window.from_day, INT32_MIN, campaign->window.from_at, INT64_MIN);
    json_key(w, "until");
    bound_write(w, campaign->window.until_day, INT32_MAX, campaign->window.until_at, INT64_MAX);
}

/* What the member may do with it, now. */
static enum offer_standing standing_of(struct api_call *call, const struct program *program,
                                       const struct member_facts *facts, const struct offer *offer)
{
    const struct event event = {.kind = EVENT_OFFER_ACCEPTED,
                                .type = event_kind_type(EVENT_OFFER_ACCEPTED),
                                .time = call->now};
    const struct facts seen = {.state = facts->state,
                               .profile = facts->profile,
                               .booked_at = call->now,
                               .program_now = program};
    struct content content;
    struct inputs inputs;
    content_open(call->arena, &event, &content);
    inputs_open(call->arena, program, &inputs);
    const struct award_view view = {
        .program = program, .content = &content, .inputs = &inputs, .facts = &seen};
    return award_offer_standing(call->arena, &view, offer);
}

enum err api_offers_get(struct api_call *call, struct store *store, struct json_out *w)
{
    static const char *const STANDINGS[] = {"open", "accepted", "closed", "not_eligible"};
    struct str name;
    int64_t member = 0;
    struct member_facts facts;
    const struct program *program = NULL;
    const bool has_member = http_query(call->request, "member", &name);
    if (has_member) {
        try(member_find(call, store, name, &member));
        try(member_eligibility_read(call, store, member, &facts));
    }
    try(store_program_at(store, call->now, &program));
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = 0; i < program->offers_n; i++) {
        json_open(w, '{');
        offer_write(w, program, &program->offers[i]);
        json_key(w, "standing");
        if (has_member) {
            json_put_str(w,
                         str_c(STANDINGS[standing_of(call, program, &facts, &program->offers[i])]));
        } else {
            json_put_null(w);
        }
        json_close(w, '}');
    }
    json_close(w, ']');
    json_close(w, '}');
    return ERR_OK;
}
