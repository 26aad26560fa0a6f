/* Events about rewards: buying, using, reserving, cancelling, sending; and rewards that pay in a purchase. */
#include "base/base.h"
#include "core/decide.h"

#include "core/decide_internal.h"
#include "core/reward.h"

enum { AUTO_MAX = 100 };

static const struct issued *loaded(const struct deciding *d, int64_t id)
{
    for (size_t i = 0; i < d->facts->issued_n; i++) {
        if (d->facts->issued[i]->id == id) {
            return d->facts->issued[i];
        }
    }
    return NULL;
}

/* All rewards that the event names, loaded; ERR_RETRY asks for those that are missing. */
static enum err load_named(struct deciding *d, enum reason *reason)
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
        if (loaded(d, id) == NULL) {
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
    return issued->expires_at <= int64_max(d->event->time, AT_MIN) ? REASON_REWARD_EXPIRED : REASON_NONE;
}

/* Tickets of a draw are nothing that a till takes. */
static enum reason till_refusal(const struct deciding *d, const struct issued *issued)
{
    const enum reason reason = use_refusal(d, issued);
    return reason == REASON_NONE && issued->kind == REWARD_CONTEST_ENTRY ? REASON_ONLY_CANCELLED : reason;
}

/* ---- in a purchase ---- */

/* The part of a purchase that a reward may pay for. */
static int64_t eligible_amount(struct award_env *env, const struct reward *reward, int64_t *largest)
{
    const struct content *content = env->view->content;
    int64_t sum = 0;
    *largest = 0;
    for (size_t i = 0; i < content->lines_n; i++) {
        const struct content_line *line = &content->lines[i];
        if (award_line_holds(env, line, reward ? reward->lines : NULL)) {
            sum += line->line.amount;
            *largest = int64_max(*largest, line->line.amount);
        }
    }
    return sum;
}

/* The most that a reward pays of this purchase. */
static int64_t worth(struct award_env *env, const struct issued *issued, int64_t *eligible)
{
    const struct reward *reward = program_reward_by_symbol(env->view->program, issued->reward);
    int64_t largest = 0;
    int64_t most = 0;
    *eligible = eligible_amount(env, reward, &largest);
    switch (issued->kind) {
    case REWARD_PERCENT_OFF:
        most = mul_ratio_half_up(*eligible, issued->percent_basis_points, 10000, &most) ? most : 0;
        return issued->value > 0 ? int64_min(most, issued->value) : most;
    case REWARD_MONEY_OFF:
        return int64_min(issued->value, *eligible);
    case REWARD_GIFT_CARD:
        return int64_min(issued->left, *eligible);
    case REWARD_FREE_PRODUCT:
        return largest;
    case REWARD_COUPON:
    case REWARD_CODE:
        return issued->value > 0 ? int64_min(issued->value, *eligible) : *eligible;
    case REWARD_PHYSICAL:
    case REWARD_CASHBACK:
    case REWARD_WEBHOOK:
    case REWARD_CONTEST_ENTRY:
    case REWARD_KINDS_N:
        break;
    }
    return 0; // nothing that a till takes
}

/* What the payments say that a reward pays; -1: it pays nothing by itself, the amount is after its discount. One reward may be
 * named in several ways, by its id and by its code: all its payments count together. */
static int64_t paid_by(const struct event *event, size_t reward)
{
    int64_t amount = -1;
    for (size_t i = 0; i < event->payments_n; i++) {
        const int named = event->payments[i].reward;
        if (str_eq(event->payments[i].method, STR("reward")) && named >= 0 && event->rewards[named].id == event->rewards[reward].id) {
            amount = int64_max(amount, 0) + event->payments[i].amount;
        }
    }
    return amount;
}

/* Whether the event names the reward here first, and not by another of its names before. */
static bool is_first(const struct event *event, size_t reward)
{
    for (size_t i = 0; i < reward; i++) {
        if (event->rewards[i].id == event->rewards[reward].id) {
            return false;
        }
    }
    return true;
}

static bool is_alone(const struct event *event)
{
    for (size_t i = 1; i < event->rewards_n; i++) {
        if (is_first(event, i)) {
            return false;
        }
    }
    return true;
}

static enum reason check_use(struct deciding *d, struct award_env *env, size_t index)
{
    const struct issued *issued = loaded(d, d->event->rewards[index].id);
    const int64_t paid = paid_by(d->event, index);
    int64_t eligible = 0;
    const enum reason reason = till_refusal(d, issued);
    if (reason != REASON_NONE) {
        return reason;
    }
    const int64_t most = worth(env, issued, &eligible);
    if (d->event->amount < issued->min_spend) {
        return REASON_BELOW_MIN_SPEND;
    }
    if (!issued->combines && !is_alone(d->event)) {
        return REASON_NOT_COMBINABLE;
    }
    if (eligible == 0 && d->event->amount > 0) {
        return REASON_NO_ELIGIBLE_LINE;
    }
    if (paid > most || (issued->kind == REWARD_GIFT_CARD && paid < 0)) {
        return REASON_ABOVE_VALUE;
    }
    return REASON_NONE;
}

/* Marks it used; a gift card by the amount, until nothing is left. */
static void use(struct deciding *d, struct issued *issued, int64_t amount)
{
    issued->used_at = d->facts->booked_at;
    issued->used_event = d->booking.event;
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

enum err deciding_use_rewards(struct deciding *d, const struct content *content, enum reason *reason)
{
    *reason = REASON_NONE;
    if (d->event->rewards_n == 0) {
        return ERR_OK;
    }
    try(load_named(d, reason));
    struct inputs inputs;
    const struct occasion occasion = {.type = d->event->type, .times = 1};
    inputs_open(d->arena, d->program, &inputs);
    const struct award_view view = {.program = d->program, .content = content, .inputs = &inputs, .facts = d->facts};
    struct award_env env;
    award_env_open(d->arena, &view, &env);
    env.occasion = &occasion;
    for (size_t i = 0; i < d->event->rewards_n && *reason == REASON_NONE; i++) {
        *reason = check_use(d, &env, i);
    }
    for (size_t i = 0; i < d->event->rewards_n && *reason == REASON_NONE; i++) {
        if (is_first(d->event, i)) {
            use(d, reward_change(&d->booking, loaded(d, d->event->rewards[i].id)), paid_by(d->event, i));
        }
    }
    return ERR_OK;
}

static bool is_card_of(const struct purchase *purchase, const struct issued *issued, int64_t amount)
{
    return issued->kind == REWARD_GIFT_CARD && amount > 0 && issued->event != purchase->id;
}

/* What all gift cards together are to have back when `left` of the amount sold stays. */
static enum err due_to_cards(const struct deciding *d, const struct purchase *purchase, const struct content *left, int64_t *due)
{
    const int64_t sold = purchase->content.amount;
    int64_t keep = 0;
    *due = 0;
    for (size_t i = 0; i < purchase->rewards_n; i++) {
        const struct answer_reward *then = &purchase->rewards[i];
        *due += is_card_of(purchase, loaded(d, then->id), then->amount) ? then->amount : 0;
    }
    if (!left->is_empty && sold > 0 && !mul_ratio_half_up(*due, left->amount, sold, &keep)) {
        return ERR_OVERFLOW;
    }
    *due -= keep;
    return ERR_OK;
}

/* Cards are filled one after the other, so that the sum that the purchase gave back tells how far each of them is. */
static enum err return_to_cards(struct deciding *d, struct purchase *purchase, const struct content *left)
{
    int64_t due = 0;
    int64_t first = 0; // what the cards before this one paid
    try(due_to_cards(d, purchase, left, &due));
    for (size_t i = 0; i < purchase->rewards_n; i++) {
        const struct answer_reward *then = &purchase->rewards[i];
        const struct issued *known = loaded(d, then->id);
        if (!is_card_of(purchase, known, then->amount)) {
            continue;
        }
        const int64_t had = int64_max(0, int64_min(then->amount, purchase->returned_value - first));
        const int64_t back = int64_max(0, int64_min(then->amount, due - first)) - had;
        first += then->amount;
        if (back > 0 && reward_may_reopen(&d->booking, known)) {
            struct issued *issued = reward_change(&d->booking, known);
            // What had expired stays so: only what comes back lives on.
            issued->left = back + (issued->state == ISSUED_EXPIRED ? 0 : issued->left);
            reward_reopen(&d->booking, issued, REWARD_RETURNED_MIN_DAYS);
        }
    }
    purchase->returned_value = int64_max(purchase->returned_value, due);
    return ERR_OK;
}

enum err deciding_return_rewards(struct deciding *d, struct purchase *purchase, const struct content *left)
{
    for (size_t i = 0; i < purchase->rewards_n; i++) {
        const struct issued *known = loaded(d, purchase->rewards[i].id);
        ensure(known != NULL);
        const bool is_whole = known->kind != REWARD_GIFT_CARD && known->state == ISSUED_USED;
        if (is_whole && left->is_empty && known->used_event == purchase->id && known->event != purchase->id &&
            reward_may_reopen(&d->booking, known)) {
            reward_reopen(&d->booking, reward_change(&d->booking, known), REWARD_RETURNED_MIN_DAYS);
        }
    }
    return return_to_cards(d, purchase, left);
}

/* ---- buying ---- */

static enum err buy(struct deciding *d, struct award_env *env, const struct reward *reward, enum reason *reason)
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
    if (reward_room(env->view, state, d->out->shared, d->out->shared_n, reward, &why) < d->event->count) {
        *reason = why;
        return ERR_OK;
    }
    const struct balance *balance = state_balance_find(state, env->view->program->wallets[price->wallet].symbol);
    int64_t total = 0;
    if (__builtin_mul_overflow(price->points, d->event->count, &total) || (balance ? balance->active : 0) < total) {
        *reason = REASON_NOT_ENOUGH_POINTS;
        return ERR_OK;
    }
    const struct issue issue = {
        .view = env->view, .reward = reward, .market = reward_market(env, reward), .price = price, .event = d->booking.event};
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
        return deciding_refuse(d, REASON_NOT_AVAILABLE); // the version in force at the event's time has none of it
    }
    try(buy(d, env, reward, &reason));
    return reason == REASON_NONE ? ERR_OK : deciding_refuse(d, reason);
}

/* ---- what becomes of one ---- */

static enum err decide_used(struct deciding *d, struct issued *issued)
{
    const enum reason reason = till_refusal(d, issued);
    const int64_t value = issued->kind == REWARD_GIFT_CARD ? issued->left : issued->value;
    if (reason != REASON_NONE) {
        return deciding_refuse(d, reason);
    }
    if (d->event->amount > value && value > 0) {
        return deciding_refuse(d, REASON_ABOVE_VALUE);
    }
    use(d, issued, d->event->amount > 0 ? d->event->amount : value);
    return ERR_OK;
}

static enum err decide_reserved(struct deciding *d, struct issued *issued)
{
    const struct reward *reward = program_reward_by_symbol(d->now, issued->reward);
    const enum reason reason = till_refusal(d, issued);
    if (reason != REASON_NONE) {
        return deciding_refuse(d, reason);
    }
    if (reward_state_at(issued, d->facts->booked_at) == ISSUED_RESERVED) {
        return deciding_refuse(d, REASON_REWARD_RESERVED);
    }
    const int minutes = d->event->count > 0 ? (int)d->event->count : reward ? reward->reserve_minutes : 15;
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

/* Goods go one way: ordered, packed, shipped, delivered; what comes back is cancelled, and its points with it. */
static enum err decide_fulfilled(struct deciding *d, struct issued *issued)
{
    const enum fulfilment to = (enum fulfilment)d->event->fulfilment;
    if (issued->member != d->facts->state->member) {
        return deciding_refuse(d, REASON_UNKNOWN_REWARD);
    }
    if (issued->fulfilment == FULFIL_NONE) {
        return deciding_refuse(d, issued->kind == REWARD_CONTEST_ENTRY ? REASON_ONLY_CANCELLED : REASON_NOT_SENT);
    }
    if (issued->state == ISSUED_CANCELLED || issued->state == ISSUED_EXPIRED) {
        return deciding_refuse(d, issued->state == ISSUED_CANCELLED ? REASON_REWARD_CANCELLED : REASON_REWARD_EXPIRED);
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
    const struct award_view view = {.program = d->program, .content = &content, .inputs = &inputs, .facts = d->facts};
    award_env_open(d->arena, &view, &env);
    env.occasion = &occasion;
    if (d->event->kind == EVENT_REWARD_BOUGHT) {
        try(decide_bought(d, &env));
        about_text(&about, "reward", d->event->reward);
        return d->out->answer.outcome == OUTCOME_REFUSED ? ERR_OK : deciding_award(d, &content, &about);
    }
    try(load_named(d, &reason));
    if (reason != REASON_NONE) {
        return deciding_refuse(d, reason);
    }
    struct issued *issued = reward_change(&d->booking, loaded(d, d->event->rewards[0].id));
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

static enum err buy_by_itself(struct deciding *d, struct award_env *env, const struct reward *reward)
{
    const struct reward_price *price = reward_price(env, reward);
    for (int i = 0; i < AUTO_MAX && price != NULL; i++) {
        const struct balance *balance = state_balance_find(d->out->state, env->view->program->wallets[price->wallet].symbol);
        const int64_t active = balance ? balance->active : 0;
        enum reason why = REASON_NONE;
        if (active < reward->auto_at || active < price->points || (!reward->auto_repeats && was_bought(d->out->state, reward)) ||
            reward_refusal(env, reward) != REASON_NONE ||
            reward_room(env->view, d->out->state, d->out->shared, d->out->shared_n, reward, &why) < 1) {
            return ERR_OK;
        }
        if (!d->out->state->lots_loaded) {
            d->needs->lots = true;
            return ERR_RETRY;
        }
        const struct issue issue = {.view = env->view, .reward = reward, .market = reward_market(env, reward),
                                    .origin = reward->symbol, .price = price, .event = d->booking.event};
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
    const struct event seen = {.kind = EVENT_REWARD_BOUGHT, .type = event_kind_type(EVENT_REWARD_BOUGHT),
                               .time = d->facts->booked_at, .store = d->event->store};
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
    const struct award_view view = {.program = program, .content = &content, .inputs = &inputs, .facts = d->facts};
    award_env_open(d->arena, &view, &env);
    env.occasion = &occasion;
    for (size_t i = 0; i < program->rewards_n; i++) {
        if (program->rewards[i].auto_at > 0) {
            try(buy_by_itself(d, &env, &program->rewards[i]));
        }
    }
    return ERR_OK;
}
