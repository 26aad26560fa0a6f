/* The catalogue, and buying from it. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/answer_write.h"
#include "api/event_call.h"
#include "api/member.h"
#include "core/reward.h"

enum { SLUG_BYTES_MAX = 64 };

/* ---- the catalogue ---- */

/* Who looks at it, or nobody. */
struct viewer {
    const struct program *program;
    struct award_view view;
    struct award_env env;
    const struct state *state; // NULL: nobody
};

static void viewer_open(struct api_call *call, const struct program *program,
                        const struct member_facts *member, const struct shared_use *shared,
                        size_t shared_n, struct viewer *out)
{
    struct event *event = arena_new(call->arena, struct event, 1);
    struct facts *facts = arena_new(call->arena, struct facts, 1);
    struct content *content = arena_new(call->arena, struct content, 1);
    struct inputs *inputs = arena_new(call->arena, struct inputs, 1);
    struct occasion *occasion = arena_new(call->arena, struct occasion, 1);
    *event = (struct event){.kind = EVENT_REWARD_BOUGHT,
                            .type = event_kind_type(EVENT_REWARD_BOUGHT),
                            .time = call->now};
    *facts = (struct facts){.state = member->state,
                            .profile = member->profile,
                            .shared = shared,
                            .shared_n = shared_n,
                            .booked_at = call->now,
                            .program_now = program};
    *occasion = (struct occasion){.type = event->type, .times = 1};
    content_open(call->arena, event, content);
    inputs_open(call->arena, program, inputs);
    *out = (struct viewer){
        .program = program,
        .view = {.program = program, .content = content, .inputs = inputs, .facts = facts},
        .state = member->state,
    };
}

static void price_write(struct json_out *w, const struct program *program,
                        const struct reward_price *price)
{
    if (price == NULL) {
        json_put_null(w);
        return;
    }
    json_open(w, '{');
    json_key(w, "wallet");
    json_put_str(w, program->wallets[price->wallet].slug);
    json_key(w, "points");
    json_put_int(w, price->points);
    json_close(w, '}');
}

/* Why the member cannot buy it now; REASON_NONE: they can. */
static enum reason refusal(struct viewer *v, const struct reward *reward,
                           const struct reward_price *price)
{
    enum reason why = REASON_NONE;
    const enum reason reason = reward_refusal(&v->env, reward);
    if (reason != REASON_NONE) {
        return reason;
    }
    if (price == NULL) {
        return REASON_NO_PRICE;
    }
    if (reward_room(&v->view, v->state, NULL, 0, reward, &why) < 1) {
        return why;
    }
    const struct balance *balance =
        state_balance_find(v->state, v->program->wallets[price->wallet].symbol);
    return (balance ? balance->active : 0) < price->points ? REASON_NOT_ENOUGH_POINTS : REASON_NONE;
}

static void money_write(struct json_out *w, int64_t amount, struct str currency)
{
    json_open(w, '{');
    json_key(w, "amount");
    json_put_int(w, amount);
    json_key(w, "currency");
    json_put_str(w, currency);
    json_close(w, '}');
}

static void worth_write(struct json_out *w, struct viewer *v, const struct reward *reward)
{
    const struct reward_market *market = v->state ? reward_market(&v->env, reward) : NULL;
    json_key(w, "value");
    if (market != NULL) {
        money_write(w, market->value, market->currency);
    } else if (reward->value > 0) {
        money_write(w, reward->value, reward->currency);
    } else {
        json_put_null(w);
    }
}

static void reward_write(struct json_out *w, struct viewer *v, const struct reward *reward)
{
    static const char *const TEXTS[] = {"name", "description", "terms", "image", "category"};
    const struct reward_price *price = v->state ? reward_price(&v->env, reward)
                                       : reward->prices_n > 0
                                           ? &reward->prices[reward->prices_n - 1]
                                           : NULL;
    json_open(w, '{');
    json_key(w, "slug");
    json_put_str(w, reward->slug);
    json_key(w, "kind");
    json_put_str(w, reward_kind_text(reward->kind));
    for (size_t i = 0; i < ARRAY_N(TEXTS); i++) {
        part_write(w, reward->json, TEXTS[i]);
    }
    json_key(w, "price");
    price_write(w, v->program, price);
    worth_write(w, v, reward);
    json_key(w, "min_spend");
    json_put_int(w, reward->min_spend);
    json_key(w, "combines");
    json_put_bool(w, reward->combines);
    json_key(w, "valid_days");
    if (reward->valid_days > 0) {
        json_put_int(w, reward->valid_days);
    } else {
        json_put_null(w);
    }
    json_key(w, "refusal");
    const enum reason reason = v->state ? refusal(v, reward, price) : REASON_NONE;
    if (reason != REASON_NONE) {
        json_put_str(w, reason_slug(reason));
    } else {
        json_put_null(w);
    }
    json_close(w, '}');
}

/* To a member are shown the rewards of their country, tier, age and segment, at this time; what
 * they cannot buy says why. */
static bool is_shown(struct viewer *v, const struct reward *reward)
{
    return v->state == NULL || reward_refusal(&v->env, reward) == REASON_NONE;
}

enum err api_rewards_get(struct api_call *call, struct store *store, struct json_out *w)
{
    struct str name;
    int64_t member = 0;
    struct member_facts facts = {0};
    struct shared_use *shared = NULL;
    size_t shared_n = 0;
    struct viewer viewer;
    const struct program *program = NULL;
    try(store_program_at(store, call->now, &program));
    if (http_query(call->request, "member", &name)) {
        try(member_find(call, store, name, &member));
        try(member_eligibility_read(call, store, member, &facts));
        try(store_shared_list(store, call->arena, &shared, &shared_n));
    }
    viewer_open(call, program, &facts, shared, shared_n, &viewer);
    const struct occasion occasion = {.type = viewer.view.content->event->type, .times = 1};
    award_env_open(call->arena, &viewer.view, &occasion, &viewer.env);
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = 0; i < program->rewards_n; i++) {
        if (is_shown(&viewer, &program->rewards[i])) {
            reward_write(w, &viewer, &program->rewards[i]);
        }
    }
    json_close(w, ']');
    json_close(w, '}');
    return ERR_OK;
}

/* ---- buying ---- */

static enum err prepare_buy(struct api_call *call, struct store *store, struct submission *s)
{
    static const char *const FIELDS[] = {"reward", "quantity", "expected_price", "store"};
    static const struct place REWARD = {.name = "reward"};
    struct reader r = {.arena = call->arena, .f = &call->fail};
    const struct program *program = NULL;
    int64_t member = 0;
    try(member_find(call, store, call->params[0], &member));
    try(store_program_at(store, call->now, &program));
    api_event_open(call, s, EVENT_REWARD_BOUGHT, member);
    if (str_starts(call->params[0], STR("card:")) || str_starts(call->params[0], STR("code:"))) {
        s->event.subject = call->params[0]; // what they prove is judged with the purchase
    }
    s->event.count = 1;
    s->event.expected_price = -1;
    if (read_object(&r, call->body, NULL, FIELDS, ARRAY_N(FIELDS))) {
        read_text(&r, call->body, NULL, "reward", READ_REQUIRED, SLUG_BYTES_MAX, &s->event.reward);
        read_text(&r, call->body, NULL, "store", READ_OPTIONAL, SLUG_BYTES_MAX, &s->event.store);
        read_whole(&r, call->body, NULL, "quantity", READ_OPTIONAL, 1, REWARD_QUANTITY_MAX,
                   &s->event.count);
        read_whole(&r, call->body, NULL, "expected_price", READ_OPTIONAL, 0, TRANSFER_POINTS_MAX,
                   &s->event.expected_price);
        if (s->event.reward.n > 0 && program_reward(program, s->event.reward) == NULL) {
            read_fault(&r, ERR_INVALID, &REWARD, "The program has no reward \"%.*s\".",
                       STR_ARG(s->event.reward));
        }
    }
    try(read_done(&r));
    s->event.data = call->body;
    event_call_ready(call, store, s);
    return ERR_OK;
}

void api_member_rewards_post(struct api_call *call)
{
    event_call(call, prepare_buy);
}
