/* Rewards: who may have one, issuing, closing. */
#include "base/base.h"
#include "core/reward.h"

#include "core/tier.h"

/* ---- who may have one ---- */

static bool has_text(const struct str *list, size_t n, struct str text)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(list[i], text)) {
            return true;
        }
    }
    return false;
}

/* Whether the member has one of these tiers, in whichever set. */
static bool has_tier(const struct award_env *env, const struct str *tiers, size_t n)
{
    const struct program *program = env->view->program;
    for (size_t i = 0; i < program->tier_sets_n; i++) {
        const struct tier_set *set = &program->tier_sets[i];
        if (has_text(tiers, n, set->tiers[tier_rank(set, env->view->facts->state)].slug)) {
            return true;
        }
    }
    return false;
}

static struct str country_of(const struct award_env *env)
{
    const struct profile *profile = env->view->facts->profile;
    return profile ? profile->country : (struct str){0};
}

static bool is_old_enough(const struct award_env *env, int years)
{
    const struct profile *profile = env->view->facts->profile;
    if (years == 0) {
        return true;
    }
    if (profile == NULL || profile->birth_on == INT32_MIN) {
        return false;
    }
    const int32_t day = zone_day(env->view->program->zone, env->view->content->event->time);
    return day_add_months(profile->birth_on, years * 12) <= day;
}

const struct reward_market *reward_market(const struct award_env *env, const struct reward *reward)
{
    const struct str country = country_of(env);
    if (reward->markets_n == 1 && country.n == 0) {
        return &reward->markets[0]; // nothing is known, and there is one choice only
    }
    for (size_t i = 0; i < reward->markets_n; i++) {
        if (has_text(reward->markets[i].countries, reward->markets[i].countries_n, country)) {
            return &reward->markets[i];
        }
    }
    return NULL;
}

/* Members of these countries (none: of all) and at least so old. */
static bool is_for(const struct award_env *env, const struct str *countries, size_t countries_n,
                   int min_age)
{
    return (countries_n == 0 || has_text(countries, countries_n, country_of(env))) &&
           is_old_enough(env, min_age);
}

enum reason reward_refusal(struct award_env *env, const struct reward *reward)
{
    const struct event *event = env->view->content->event;
    const struct zone *zone = event_zone(env->view->program, event);
    const struct contest *contest = reward->contest;
    if (!award_in_window(&reward->available.window, zone, event->time) ||
        (contest != NULL && award_is_over(env->view, contest))) {
        return REASON_NOT_AVAILABLE;
    }
    const bool is_barred = !is_for(env, reward->available.countries, reward->available.countries_n,
                                   reward->available.min_age) ||
                           (contest != NULL && !is_for(env, contest->countries,
                                                       contest->countries_n, contest->min_age));
    const bool has_no_market = reward->markets_n > 0 && reward_market(env, reward) == NULL;
    const bool is_lower = reward->available.tiers_n > 0 &&
                          !has_tier(env, reward->available.tiers, reward->available.tiers_n);
    const bool is_other =
        reward->available.audience >= 0 && !award_in_segment(env, reward->available.audience);
    return is_barred || has_no_market || is_lower || is_other ? REASON_NOT_ELIGIBLE : REASON_NONE;
}

const struct reward_price *reward_price(struct award_env *env, const struct reward *reward)
{
    for (size_t i = 0; i < reward->prices_n; i++) {
        const struct reward_price *price = &reward->prices[i];
        if (price->tiers_n == 0 || has_tier(env, price->tiers, price->tiers_n)) {
            return price;
        }
    }
    return NULL;
}

/* ---- how many there are ---- */

static int64_t counted(const struct facts *facts, const struct shared_use *added, size_t added_n,
                       int32_t symbol)
{
    int64_t n = shared_value(facts, symbol, DAY_TOTAL);
    for (size_t i = 0; i < added_n; i++) {
        n += added[i].symbol == symbol ? added[i].points : 0;
    }
    return n;
}

static const struct pool_symbols *pool_of(const struct award_env *env, const struct reward *reward)
{
    const struct reward_market *market = reward_market(env, reward);
    const struct str name = market ? market->pool : reward->pool;
    for (size_t i = 0; i < reward->pools_n; i++) {
        if (str_eq(reward->pools[i].pool, name)) {
            return &reward->pools[i];
        }
    }
    return NULL;
}

static void lower(int64_t *room, int64_t to, enum reason *why, enum reason reason)
{
    if (to < *room) {
        *room = int64_max(0, to);
        *why = reason;
    }
}

int64_t reward_room(const struct award_view *view, const struct state *state,
                    const struct shared_use *added, size_t added_n, const struct reward *reward,
                    enum reason *why)
{
    const struct event *event = view->content->event;
    const struct award_env env = {.view = view};
    int64_t room = REWARD_QUANTITY_MAX;
    *why = REASON_LIMIT_REACHED;
    lower(&room, STATE_REWARDS_MAX - (int64_t)state->rewards_n, why, REASON_TOO_MANY_REWARDS);
    if (reward->available.per_member >= 0) {
        const int32_t day = period_first_day(reward->available.period,
                                             zone_day(view->program->zone, view->facts->booked_at));
        lower(&room, reward->available.per_member - state_counter(state, reward->count_symbol, day),
              why, REASON_LIMIT_REACHED);
    }
    for (size_t i = 0; i < reward->available.stocks_n; i++) {
        const struct reward_stock *stock = &reward->available.stocks[i];
        if (stock->store.n == 0 || str_eq(stock->store, event->store)) {
            lower(&room, stock->count - counted(view->facts, added, added_n, stock->symbol), why,
                  REASON_SOLD_OUT);
        }
    }
    if (reward->kind == REWARD_COUPON) {
        const struct pool_symbols *pool = pool_of(&env, reward);
        lower(&room,
              pool ? counted(view->facts, added, added_n, pool->uploaded) -
                         counted(view->facts, added, added_n, pool->taken)
                   : 0,
              why, REASON_SOLD_OUT);
    }
    return room;
}

/* ---- issuing ---- */

struct issued *reward_change(struct booking *b, const struct issued *issued)
{
    struct decision *d = b->decision;
    for (size_t i = 0; i < d->issued_n; i++) {
        if (d->issued[i].id == issued->id) {
            return &d->issued[i];
        }
    }
    arena_room(b->arena, d->issued, d->issued_n, d->issued_max);
    d->issued[d->issued_n] = *issued;
    return &d->issued[d->issued_n++];
}

const struct issued *reward_now(const struct booking *b, const struct issued *issued)
{
    for (size_t i = 0; i < b->decision->issued_n; i++) {
        if (b->decision->issued[i].id == issued->id) {
            return &b->decision->issued[i];
        }
    }
    return issued;
}

static int64_t valid_until(const struct program *program, const struct reward *reward, int64_t at)
{
    if (reward->contest != NULL) {
        return reward->contest->closes_at;
    }
    return reward->valid_days == 0
               ? AT_NEVER
               : zone_midnight(program->zone, zone_day(program->zone, at) + reward->valid_days + 1);
}

/* Stock and the member's own count, up or down. */
static void count_one(struct booking *b, const struct program *program, const struct reward *reward,
                      struct str store, int64_t at, int sign)
{
    const int32_t day = period_first_day(reward->available.period, zone_day(program->zone, at));
    if (reward->available.per_member >= 0) {
        state_counter_add(b->arena, b->state, reward->count_symbol, day, sign);
    }
    for (size_t i = 0; i < reward->available.stocks_n; i++) {
        const struct reward_stock *stock = &reward->available.stocks[i];
        if (stock->store.n == 0 || str_eq(stock->store, store)) {
            booking_share(b, stock->symbol, DAY_TOTAL, sign);
        }
    }
}

/* Pays the price; what was spent goes with the reward, not with the event. */
static enum err pay(struct booking *b, const struct issue *issue, struct issued *out)
{
    struct decision *d = b->decision;
    const size_t before = d->spent_n;
    if (issue->price == NULL || issue->price->points == 0) {
        return ERR_OK;
    }
    out->price_wallet = issue->view->program->wallets[issue->price->wallet].symbol;
    out->price_points = issue->price->points;
    b->rule = issue->reward->symbol;
    try(ledger_spend(b, out->price_wallet, out->price_points));
    b->rule = 0;
    out->spent_n = d->spent_n - before;
    out->spent = arena_new(b->arena, struct spent_lot, out->spent_n);
    memcpy(out->spent, d->spent + before, out->spent_n * sizeof *out->spent);
    d->spent_n = before;
    return ERR_OK;
}

static void take_code(struct booking *b, const struct issue *issue, struct issued *out)
{
    const struct award_env env = {.view = issue->view};
    const struct pool_symbols *pool =
        issue->reward->kind == REWARD_COUPON ? pool_of(&env, issue->reward) : NULL;
    if (pool != NULL) {
        out->pool = pool->taken;
        out->pool_n = 1 + counted(issue->view->facts, b->decision->shared, b->decision->shared_n,
                                  pool->taken);
        booking_share(b, pool->taken, DAY_TOTAL, 1);
    }
}

/* Entries are points of the contest's wallet. */
static enum err give_entries(struct booking *b, const struct issue *issue, int64_t entries)
{
    const struct program *program = issue->view->program;
    const struct wallet *wallet = &program->wallets[issue->reward->contest->wallet];
    struct lot_terms terms;
    int64_t lot = 0;
    ledger_terms(program, wallet, b->booked_at, issue->view->content->event->is_placed, &terms);
    b->rule = issue->reward->symbol;
    try(ledger_earn(b, wallet, &terms, issue->event, b->booked_at, program->version, entries,
                    &lot));
    b->rule = 0;
    return ERR_OK;
}

static enum err take_entries(struct booking *b, const struct issued *issued,
                             const struct reward *reward, const struct program *policy)
{
    int64_t forgiven = 0; // they are not spent, so nothing is
    b->rule = issued->reward;
    try(ledger_revoke(b, &policy->wallets[reward->contest->wallet], issued->event, issued->value,
                      &forgiven));
    b->rule = 0;
    return ERR_OK;
}

enum err reward_issue(struct booking *b, const struct issue *issue)
{
    const struct reward *reward = issue->reward;
    const struct program *program = issue->view->program;
    const struct event *event = issue->view->content->event;
    struct state *state = b->state;
    if (state->rewards_n >= STATE_REWARDS_MAX) {
        return ERR_OVERFLOW;
    }
    struct issued out = {
        .id = id_next(b->ids, b->booked_at),
        .previous = state->last_reward,
        .member = state->member,
        .event = issue->event,
        .origin = issue->origin,
        .reward = reward->symbol,
        .version = program->version,
        .kind = reward->kind,
        .state = ISSUED_OPEN,
        .fulfilment = reward->kind == REWARD_PHYSICAL || reward->kind == REWARD_WEBHOOK
                          ? FULFIL_ORDERED
                          : FULFIL_NONE,
        .issued_at = b->booked_at,
        .expires_at = valid_until(program, reward, b->booked_at),
        .value = issue->market                        ? issue->market->value
                 : reward->kind == REWARD_PERCENT_OFF ? reward->max_value
                                                      : reward->value,
        .currency = issue->market ? issue->market->currency : reward->currency,
        .percent_basis_points = reward->percent_basis_points,
        .min_spend = reward->min_spend,
        .combines = reward->combines,
    };
    out.left = reward->kind == REWARD_GIFT_CARD ? out.value : 0;
    out.store = event->store;
    try(pay(b, issue, &out));
    if (reward->contest != NULL) {
        try(give_entries(b, issue, out.value));
    }
    take_code(b, issue, &out);
    count_one(b, program, reward, event->store, b->booked_at, 1);
    arena_room(b->arena, state->rewards, state->rewards_n, state->rewards_max);
    state->rewards[state->rewards_n++] = (struct open_reward){
        .id = out.id, .event = out.event, .reward = out.reward, .expires_at = out.expires_at};
    state->last_reward = out.id;
    (void)reward_change(b, &out); // notes it
    return ERR_OK;
}

/* ---- closing ---- */

enum issued_state reward_state_at(const struct issued *issued, int64_t at)
{
    const bool is_over = issued->state == ISSUED_RESERVED && issued->reserved_until <= at;
    return is_over ? ISSUED_OPEN : issued->state;
}

void reward_close(struct booking *b, struct issued *issued, enum issued_state state)
{
    struct state *s = b->state;
    size_t kept = 0;
    issued->state = state;
    for (size_t i = 0; i < s->rewards_n; i++) {
        if (s->rewards[i].id != issued->id) {
            s->rewards[kept++] = s->rewards[i];
        }
    }
    s->rewards_n = kept;
}

enum err reward_cancel(struct booking *b, struct issued *issued, const struct program *policy)
{
    const struct reward *reward = program_reward_by_symbol(policy, issued->reward);
    ensure(issued->state == ISSUED_OPEN || issued->state == ISSUED_RESERVED ||
           issued->fulfilment == FULFIL_RETURNED);
    reward_close(b, issued, ISSUED_CANCELLED);
    b->rule = issued->price_points > 0 ? issued->reward : 0;
    for (size_t i = 0; i < issued->spent_n; i++) {
        const int wallet = program_wallet_by_symbol(policy, issued->spent[i].wallet);
        if (wallet >= 0) { // of a wallet that the program no longer has nothing can come back
            try(ledger_restore(b, &policy->wallets[wallet], &issued->spent[i],
                               issued->spent[i].points));
        }
    }
    b->rule = 0;
    if (reward == NULL) {
        return ERR_OK;
    }
    if (reward->contest != NULL) {
        try(take_entries(b, issued, reward, policy));
    }
    count_one(b, policy, reward, issued->store, issued->issued_at, -1);
    return ERR_OK;
}

bool reward_may_reopen(const struct booking *b, const struct issued *issued)
{
    const struct state *state = b->state;
    bool is_open = false;
    for (size_t i = 0; i < state->rewards_n; i++) {
        is_open |= state->rewards[i].id == issued->id;
    }
    return is_open || state->rewards_n < STATE_REWARDS_HELD_MAX;
}

void reward_reopen(struct booking *b, struct issued *issued, int min_days)
{
    struct state *state = b->state;
    const struct zone *zone = b->program->zone;
    issued->state = ISSUED_OPEN;
    issued->used_at = issued->used_event = 0;
    if (issued->expires_at != AT_NEVER) {
        const int64_t least = zone_midnight(zone, zone_day(zone, b->booked_at) + min_days + 1);
        issued->expires_at = int64_max(issued->expires_at, least);
    }
    for (size_t i = 0; i < state->rewards_n; i++) {
        if (state->rewards[i].id == issued->id) {
            state->rewards[i].expires_at = issued->expires_at;
            return;
        }
    }
    arena_room(b->arena, state->rewards, state->rewards_n, state->rewards_max);
    state->rewards[state->rewards_n++] = (struct open_reward){.id = issued->id,
                                                              .event = issued->event,
                                                              .reward = issued->reward,
                                                              .expires_at = issued->expires_at};
}
