/* Events about rewards: buying, using, reserving, cancelling, sending. */
#include "base/base.h"
#include "core/decide.h"

#include "core/decide_internal.h"
#include "core/reward.h"

enum { AUTO_MAX = 100 };

const struct issued *deciding_issued(const struct deciding *d, int64_t id)
{
    for (size_t i = 0; i < d->facts->issued_n; i++) {
        if (d->facts->issued[i]->id == id) {
            return d->facts->issued[i];
        }
    }
    return NULL;
}

enum err deciding_load_named(struct deciding *d, enum reason *reason)
{
    int64_t *ids = arena_new(d->arena, int64_t, d->event->rewards_n);
    size_t n = 0;
    *reason = REASON_NONE;
    for (size_t i = 0; i < d->event->rewards_n; i++) {
        const int64_t id = d->event->rewards[i].id;
        if (id == 0) {
            *reason = REASON_UNKNOWN_REWARD;
            return ERR_OK;
        }
        if (deciding_issued(d, id) == NULL) {
            ids[n++] = id;
        }
    }
    d->needs->issued = ids;
    d->needs->issued_n = n;
    return n > 0 ? ERR_RETRY : ERR_OK;
}

/* Why a reward cannot be used now. */
static enum reason use_refusal(const struct deciding *d, const struct issued *issued)
{
    const int64_t now = d->facts->booked_at;
    if (issued->member != d->facts->state->member) {
        return REASON_UNKNOWN_REWARD;
    }
    switch (reward_state_at(issued, now)) {
    case ISSUED_OPEN:
    case ISSUED_RESERVED: // by the till that uses it now
        break;
    case ISSUED_USED:
        return REASON_REWARD_USED;
    case ISSUED_CANCELLED:
        return REASON_REWARD_CANCELLED;
    case ISSUED_EXPIRED:
        return REASON_REWARD_EXPIRED;
    case ISSUED_STATES_N:
        break;
    }
    return issued->expires_at <= int64_max(d->event->time, AT_MIN) ? REASON_REWARD_EXPIRED
                                                                   : REASON_NONE;
}

enum reason deciding_till_refusal(const struct deciding *d, const struct issued *issued)
{
    const enum reason reason = use_refusal(d, issued);
    return reason == REASON_NONE && issued->kind == REWARD_CONTEST_ENTRY ? REASON_ONLY_CANCELLED
                                                                         : reason;
}

void deciding_use(struct deciding *d, struct issued *issued, int64_t amount, int64_t by)
{
    issued->used_at = d->facts->booked_at;
    issued->used_event = by;
    issued->amount = int64_max(amount, 0);
    if (issued->kind == REWARD_GIFT_CARD) {
        issued->left -= issued->amount;
        issued->state = ISSUED_OPEN;
        ensure(issued->left >= 0);
    }
    if (issued->kind != REWARD_GIFT_CARD || issued->left == 0) {
        reward_close(&d->booking, issued, ISSUED_USED);
    }
}

/* ---- buying ---- */

static enum err buy(struct deciding *d, struct award_env *env, const struct reward *reward,
                    enum reason *reason)
{
    const struct reward_price *price = reward_price(env, reward);
    struct state *state = d->out->state;
    enum reason why = REASON_NONE;
    *reason = reward_refusal(env, reward);
    if (*reason != REASON_NONE) {
        return ERR_OK;
    }
    if (price == NULL) {
        *reason = REASON_NO_PRICE;
        return ERR_OK;
    }
    if (d->event->expected_price >= 0 && d->event->expected_price != price->points) {
        *reason = REASON_PRICE_CHANGED;
        return ERR_OK;
    }
    if (reward_room(env->view, state, d->out->shared, d->out->shared_n, reward, &why) <
        d->event->count) {
        *reason = why;
        return ERR_OK;
    }
    const struct balance *balance =
        state_balance_find(state, env->view->program->wallets[price->wallet].symbol);
    int64_t total = 0;
    if (__builtin_mul_overflow(price->points, d->event->count, &total) ||
        (balance ? balance->active : 0) < total) {
        *reason = REASON_NOT_ENOUGH_POINTS;
        return ERR_OK;
    }
    const struct issue issue = {.view = env->view,
                                .reward = reward,
                                .market = reward_market(env, reward),
                                .price = price,
                                .event = d->booking.event};
    for (int64_t i = 0; i < d->event->count; i++) {
        try(reward_issue(&d->booking, &issue));
    }
    return ERR_OK;
}

static enum err decide_bought(struct deciding *d, struct award_env *env)
{
    const struct reward *reward = program_reward(d->program, d->event->reward);
    enum reason reason = REASON_NONE;
    if (reward == NULL) {
        return deciding_refuse(
            d, REASON_NOT_AVAILABLE); // the version in force at the event's time has none of it
    }
    try(buy(d, env, reward, &reason));
    return reason == REASON_NONE ? ERR_OK : deciding_refuse(d, reason);
}

/* ---- what becomes of one ---- */

static enum err decide_used(struct deciding *d, struct issued *issued)
{
    const enum reason reason = deciding_till_refusal(d, issued);
    const int64_t value = issued->kind == REWARD_GIFT_CARD ? issued->left : issued->value;
    if (reason != REASON_NONE) {
        return deciding_refuse(d, reason);
    }
    if (d->event->amount > value && value > 0) {
        return deciding_refuse(d, REASON_ABOVE_VALUE);
    }
    deciding_use(d, issued, d->event->amount > 0 ? d->event->amount : value, d->booking.event);
    return ERR_OK;
}

static enum err decide_reserved(struct deciding *d, struct issued *issued)
{
    const struct reward *reward = program_reward_by_symbol(d->now, issued->reward);
    const enum reason reason = deciding_till_refusal(d, issued);
    if (reason != REASON_NONE) {
        return deciding_refuse(d, reason);
    }
    if (reward_state_at(issued, d->facts->booked_at) == ISSUED_RESERVED) {
        return deciding_refuse(d, REASON_REWARD_RESERVED);
    }
    const int minutes = d->event->count > 0 ? (int)d->event->count
                        : reward            ? reward->reserve_minutes
                                            : 15;
    issued->state = ISSUED_RESERVED;
    issued->reserved_until = d->facts->booked_at + (int64_t)minutes * MS_PER_MIN;
    return ERR_OK;
}

static enum err decide_released(struct deciding *d, struct issued *issued)
{
    const enum reason reason = use_refusal(d, issued);
    if (reason != REASON_NONE) {
        return deciding_refuse(d, reason);
    }
    issued->state = ISSUED_OPEN;
    issued->reserved_until = 0;
    return ERR_OK;
}

static enum err decide_cancelled_reward(struct deciding *d, struct issued *issued)
{
    const enum reason reason = use_refusal(d, issued);
    const bool is_part_used = issued->kind == REWARD_GIFT_CARD && issued->left < issued->value;
    if (reason != REASON_NONE && reason != REASON_REWARD_EXPIRED) {
        return deciding_refuse(d, reason);
    }
    if (issued->state == ISSUED_EXPIRED || is_part_used) {
        return deciding_refuse(d, is_part_used ? REASON_REWARD_USED : REASON_REWARD_EXPIRED);
    }
    return reward_cancel(&d->booking, issued, d->now);
}

/* Goods go one way: ordered, packed, shipped, delivered; what comes back is cancelled, and its
 * points with it. */
static enum err decide_fulfilled(struct deciding *d, struct issued *issued)
{
    const enum fulfilment to = (enum fulfilment)d->event->fulfilment;
    if (issued->member != d->facts->state->member) {
        return deciding_refuse(d, REASON_UNKNOWN_REWARD);
    }
    if (issued->fulfilment == FULFIL_NONE) {
        return deciding_refuse(d, issued->kind == REWARD_CONTEST_ENTRY ? REASON_ONLY_CANCELLED
                                                                       : REASON_NOT_SENT);
    }
    if (issued->state == ISSUED_CANCELLED || issued->state == ISSUED_EXPIRED) {
        return deciding_refuse(d, issued->state == ISSUED_CANCELLED ? REASON_REWARD_CANCELLED
                                                                    : REASON_REWARD_EXPIRED);
    }
    if (to <= issued->fulfilment) {
        return deciding_refuse(d, REASON_REWARD_USED);
    }
    issued->fulfilment = to;
    if (to == FULFIL_SHIPPED || to == FULFIL_DELIVERED) {
        issued->used_at = d->facts->booked_at;
        issued->used_event = d->booking.event;
        reward_close(&d->booking, issued, ISSUED_USED);
    }
    return to == FULFIL_RETURNED ? reward_cancel(&d->booking, issued, d->now) : ERR_OK;
}

static enum err decide_change(struct deciding *d, struct issued *issued)
{
    const enum event_kind kind = d->event->kind;
    return kind == EVENT_REWARD_USED        ? decide_used(d, issued)
           : kind == EVENT_REWARD_RESERVED  ? decide_reserved(d, issued)
           : kind == EVENT_REWARD_RELEASED  ? decide_released(d, issued)
           : kind == EVENT_REWARD_FULFILLED ? decide_fulfilled(d, issued)
                                            : decide_cancelled_reward(d, issued);
}

enum err decide_reward(struct deciding *d)
{
    struct content content;
    struct inputs inputs;
    struct award_env env;
    struct about about = {0};
    enum reason reason = REASON_NONE;
    const struct occasion occasion = {.type = d->event->type, .times = 1};
    content_open(d->arena, d->event, &content);
    inputs_open(d->arena, d->program, &inputs);
    const struct award_view view = {
        .program = d->program, .content = &content, .inputs = &inputs, .facts = d->facts};
    award_env_open(d->arena, &view, &occasion, &env);
    if (d->event->kind == EVENT_REWARD_BOUGHT) {
        try(decide_bought(d, &env));
        about_text(&about, "reward", d->event->reward);
        return d->out->answer.outcome == OUTCOME_REFUSED ? ERR_OK
                                                         : deciding_award(d, &content, &about);
    }
    try(deciding_load_named(d, &reason));
    if (reason != REASON_NONE) {
        return deciding_refuse(d, reason);
    }
    struct issued *issued = reward_change(&d->booking, deciding_issued(d, d->event->rewards[0].id));
    const struct reward *reward = program_reward_by_symbol(d->program, issued->reward);
    try(decide_change(d, issued));
    if (d->out->answer.outcome == OUTCOME_REFUSED || d->event->kind != EVENT_REWARD_USED) {
        return ERR_OK;
    }
    about_text(&about, "reward", reward ? reward->slug : (struct str){0});
    return deciding_award(d, &content, &about);
}

/* ---- by themselves ---- */

static bool was_bought(const struct state *state, const struct reward *reward)
{
    for (size_t i = 0; i < state->rewards_n; i++) {
        if (state->rewards[i].reward == reward->symbol) {
            return true;
        }
    }
    return false;
}

static enum err buy_by_itself(struct deciding *d, struct award_env *env,
                              const struct reward *reward)
{
    const struct reward_price *price = reward_price(env, reward);
    for (int i = 0; i < AUTO_MAX && price != NULL; i++) {
        const struct balance *balance =
            state_balance_find(d->out->state, env->view->program->wallets[price->wallet].symbol);
        const int64_t active = balance ? balance->active : 0;
        enum reason why = REASON_NONE;
        if (active < reward->auto_at || active < price->points ||
            (!reward->auto_repeats && was_bought(d->out->state, reward)) ||
            reward_refusal(env, reward) != REASON_NONE ||
            reward_room(env->view, d->out->state, d->out->shared, d->out->shared_n, reward, &why) <
                1) {
            return ERR_OK;
        }
        if (!d->out->state->lots_loaded) {
            d->needs->lots = true;
            return ERR_RETRY;
        }
        const struct issue issue = {.view = env->view,
                                    .reward = reward,
                                    .market = reward_market(env, reward),
                                    .origin = reward->symbol,
                                    .price = price,
                                    .event = d->booking.event};
        try(reward_issue(&d->booking, &issue));
    }
    return ERR_OK;
}

enum err deciding_auto_rewards(struct deciding *d)
{
    const struct program *program = d->now;
    struct content content;
    struct inputs inputs;
    struct award_env env;
    const struct event seen = {.kind = EVENT_REWARD_BOUGHT,
                               .type = event_kind_type(EVENT_REWARD_BOUGHT),
                               .time = d->facts->booked_at,
                               .store = d->event->store};
    const struct occasion occasion = {.type = seen.type, .times = 1};
    bool has_auto = false;
    for (size_t i = 0; i < program->rewards_n; i++) {
        has_auto |= program->rewards[i].auto_at > 0;
    }
    if (!has_auto || d->out->state->is_auto_off) {
        return ERR_OK;
    }
    content_open(d->arena, &seen, &content);
    inputs_open(d->arena, program, &inputs);
    const struct award_view view = {
        .program = program, .content = &content, .inputs = &inputs, .facts = d->facts};
    award_env_open(d->arena, &view, &occasion, &env);
    for (size_t i = 0; i < program->rewards_n; i++) {
        if (program->rewards[i].auto_at > 0) {
            try(buy_by_itself(d, &env, &program->rewards[i]));
        }
    }
    return ERR_OK;
}
