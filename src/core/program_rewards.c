/* Compiling rewards: what they are, what they cost, who may have them. */
#include "base/base.h"
#include "core/program.h"

#include "core/program_internal.h"

enum { RESERVE_MINUTES_DEFAULT = 15, PERCENT_SCALE = 2, PERCENT_MAX = 10000 };

void read_texts(struct compile *c, const struct json *list, struct str **out, size_t *n)
{
    *n = json_array_size(list);
    *out = arena_new(c->arena, struct str, *n);
    for (size_t i = 0; i < *n; i++) {
        (*out)[i] = json_str(json_array_get(list, i));
    }
}

static bool is_tier(const struct program *p, struct str slug)
{
    for (size_t i = 0; i < p->tier_sets_n; i++) {
        if (tier_set_rank(&p->tier_sets[i], slug) >= 0) {
            return true;
        }
    }
    return false;
}

static enum err read_tiers(struct compile *c, const struct json *owner, struct str pointer,
                           struct str **out, size_t *n)
{
    const struct str at = pointer_key(c->arena, pointer, STR("tiers"));
    read_texts(c, json_at(owner, "tiers"), out, n);
    for (size_t i = 0; i < *n; i++) {
        if (!is_tier(c->program, (*out)[i])) {
            return fail_at(c->f, ERR_INVALID, pointer_index(c->arena, at, i),
                           "There is no tier \"%.*s\".", STR_ARG((*out)[i]));
        }
    }
    return ERR_OK;
}

static enum err compile_prices(struct compile *c, const struct json *json, struct str pointer,
                               struct reward *reward)
{
    const struct json *list = json_at(json, "price");
    const struct str at = pointer_key(c->arena, pointer, STR("price"));
    reward->prices_n = json_array_size(list);
    reward->prices = arena_new(c->arena, struct reward_price, reward->prices_n);
    for (size_t i = 0; i < reward->prices_n; i++) {
        const struct json *price = json_array_get(list, i);
        const struct str here = pointer_index(c->arena, at, i);
        struct reward_price *out = &reward->prices[i];
        out->wallet = program_wallet(c->program, read_str(price, "wallet"));
        out->points = read_int(price, "points", 0);
        if (out->wallet < 0 || !c->program->wallets[out->wallet].is_spendable) {
            return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, here, STR("wallet")),
                           "There is no spendable wallet \"%.*s\".",
                           STR_ARG(read_str(price, "wallet")));
        }
        try(read_tiers(c, price, here, &out->tiers, &out->tiers_n));
    }
    return ERR_OK;
}

/* Each pool is known by two counters for all members together: codes uploaded, codes taken. */
static void take_pool(struct compile *c, struct reward *reward, struct str pool)
{
    for (size_t i = 0; i < reward->pools_n; i++) {
        if (str_eq(reward->pools[i].pool, pool)) {
            return;
        }
    }
    reward->pools = arena_grow(c->arena, reward->pools, reward->pools_n * sizeof *reward->pools,
                               (reward->pools_n + 1) * sizeof *reward->pools);
    reward->pools[reward->pools_n++] = (struct pool_symbols){
        .pool = pool,
        .uploaded = take_symbol(c, "uploaded", pool),
        .taken = take_symbol(c, "taken", pool),
    };
}

/* A pool is named after the reward, so that each reward has its own: "REWARD" or "REWARD/NAME". */
static struct str pool_name(struct compile *c, const struct reward *reward, struct str name)
{
    return name.n == 0 ? reward->slug
                       : str_fmt(c->arena, "%.*s/%.*s", STR_ARG(reward->slug), STR_ARG(name));
}

static void compile_markets(struct compile *c, const struct json *json, struct reward *reward)
{
    const struct json *list = json_at(json, "markets");
    reward->markets_n = json_array_size(list);
    reward->markets = arena_new(c->arena, struct reward_market, reward->markets_n);
    for (size_t i = 0; i < reward->markets_n; i++) {
        const struct json *market = json_array_get(list, i);
        struct reward_market *out = &reward->markets[i];
        read_texts(c, json_at(market, "countries"), &out->countries, &out->countries_n);
        out->value = read_int(json_at(market, "value"), "amount", reward->value);
        out->currency = read_str(json_at(market, "value"), "currency");
        out->currency = out->currency.n > 0 ? out->currency : reward->currency;
        out->pool = pool_name(c, reward, read_str(market, "pool"));
        if (reward->kind == REWARD_COUPON) {
            take_pool(c, reward, out->pool);
        }
    }
}

static enum err compile_stock(struct compile *c, const struct json *json, struct str pointer,
                              struct reward *reward)
{
    const struct json *stores = json_at(json, "stores");
    const int64_t total = read_int(json, "total", -1);
    struct reward_stock *stocks =
        arena_new(c->arena, struct reward_stock, 1 + json_object_size(stores));
    size_t n = 0;
    struct str slug = {0};
    const struct json *count = NULL;
    if (total >= 0) {
        stocks[n++] =
            (struct reward_stock){.count = total, .symbol = take_symbol(c, "stock", reward->slug)};
    }
    json_object_foreach(stores, slug, count)
    {
        const struct str store = str_dup(c->arena, slug);
        if (c->program->stores_n > 0 && program_store(c->program, store) == NULL) {
            return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, store),
                           "There is no store \"%.*s\".", STR_ARG(slug));
        }
        const struct str name =
            str_fmt(c->arena, "%.*s/%.*s", STR_ARG(reward->slug), STR_ARG(slug));
        stocks[n++] = (struct reward_stock){.store = store,
                                            .count = json_integer_value(count),
                                            .symbol = take_symbol(c, "stock", name)};
    }
    reward->available.stocks = stocks;
    reward->available.stocks_n = n;
    c->program->has_shared |= n > 0;
    return ERR_OK;
}

static enum err compile_available(struct compile *c, const struct json *json, struct str pointer,
                                  struct reward *reward)
{
    static const char *const PERIODS[] = {"day", "week", "month", "year", "lifetime"};
    const struct str at = pointer_key(c->arena, pointer, STR("available"));
    const struct json *per_member = json_at(json, "per_member");
    try(read_tiers(c, json, at, &reward->available.tiers, &reward->available.tiers_n));
    read_texts(c, json_at(json, "countries"), &reward->available.countries,
               &reward->available.countries_n);
    try(compile_audience(c, json, at, &reward->available.audience));
    try(compile_window(c, json_at(json, "window"), at, &reward->available.window));
    reward->available.min_age = (int)read_int(json, "min_age", 0);
    reward->available.per_member = read_int(per_member, "count", -1);
    reward->available.period = (enum period_kind)read_choice(
        read_str(per_member, "period"), PERIODS, ARRAY_N(PERIODS), PERIOD_LIFETIME);
    c->program->reads_profile |=
        reward->available.min_age > 0 || reward->available.countries_n > 0 || reward->markets_n > 0;
    return compile_stock(c, json_at(json, "stock"), pointer_key(c->arena, at, STR("stock")),
                         reward);
}

static enum err compile_value(struct compile *c, const struct json *json, struct str pointer,
                              struct reward *reward)
{
    const struct json *value = json_at(json, "value");
    const struct json *percent = json_at(json, "percent");
    struct decimal decimal = {0};
    int64_t basis_points = 0;
    reward->value = read_int(value, "amount", 0);
    reward->currency = read_str(value, "currency");
    reward->currency = reward->currency.n > 0 ? reward->currency : c->program->currency;
    reward->max_value = read_int(json, "max_amount", 0);
    const bool is_money = reward->kind == REWARD_MONEY_OFF || reward->kind == REWARD_GIFT_CARD ||
                          reward->kind == REWARD_CASHBACK;
    if (is_money && reward->value == 0 && json_array_size(json_at(json, "markets")) == 0) {
        return fail_at(c->f, ERR_INVALID, pointer,
                       "This kind of reward is worth money: give \"value\", or one for each of its "
                       "\"markets\".");
    }
    if ((percent != NULL) != (reward->kind == REWARD_PERCENT_OFF)) {
        return fail_at(c->f, ERR_INVALID, pointer,
                       "\"percent\" belongs to the kind \"percent_off\", and that kind needs it.");
    }
    if (percent != NULL) {
        const bool is_read = json_is_integer(percent)
                                 ? (decimal.digits = json_integer_value(percent), true)
                                 : decimal_read(json_str(percent), PERCENT_SCALE, &decimal);
        if (!is_read || !decimal_rescale(decimal, PERCENT_SCALE, &basis_points) ||
            basis_points < 1 || basis_points > PERCENT_MAX) {
            return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("percent")),
                           "A percentage is above 0 and at most 100, with two decimals, such as 10 "
                           "or \"12.5\".");
        }
        reward->percent_basis_points = (int)basis_points;
    }
    return ERR_OK;
}

/* Tickets are a value of their own, which no market changes. */
static enum err compile_tickets(struct compile *c, const struct json *json, struct str pointer,
                                struct reward *reward)
{
    const bool is_entry = reward->kind == REWARD_CONTEST_ENTRY;
    const struct str slug = read_str(json, "contest");
    if (!is_entry) {
        return json_at(json, "contest") == NULL && json_at(json, "entries") == NULL
                   ? ERR_OK
                   : fail_at(c->f, ERR_INVALID, pointer,
                             "\"contest\" and \"entries\" belong to the kind \"contest_entry\".");
    }
    reward->contest = program_contest(c->program, slug);
    reward->value = read_int(json, "entries", 1);
    if (reward->contest == NULL) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("contest")),
                       "There is no contest \"%.*s\".", STR_ARG(slug));
    }
    if (json_at(json, "value") != NULL || json_at(json, "markets") != NULL ||
        json_at(json, "valid_days") != NULL) {
        return fail_at(c->f, ERR_INVALID, pointer,
                       "Entries are worth the same everywhere and hold until the draw: leave out "
                       "\"value\", \"markets\" and \"valid_days\".");
    }
    return ERR_OK;
}

static enum err compile_one(struct compile *c, const struct json *json, struct str pointer,
                            struct reward *reward)
{
    static const char *const KINDS[] = {"money_off", "percent_off",  "free_product", "gift_card",
                                        "coupon",    "code",         "physical",     "cashback",
                                        "webhook",   "contest_entry"};
    _Static_assert(ARRAY_N(KINDS) + 1 == REWARD_KINDS_N, "one name per kind");
    reward->json = json;
    reward->kind =
        (enum reward_kind)(1 + read_choice(read_str(json, "kind"), KINDS, ARRAY_N(KINDS), 0));
    reward->count_symbol = take_symbol(c, "received", reward->slug);
    reward->cost = read_int(json_at(json, "unit_cost"), "amount", 0);
    reward->min_spend = read_int(json, "min_spend", 0);
    reward->combines = read_bool(json, "combines", true);
    reward->valid_days = (int)read_int(json, "valid_days", 0);
    reward->reserve_minutes = (int)read_int(json, "reserve_minutes", RESERVE_MINUTES_DEFAULT);
    try(compile_value(c, json, pointer, reward));
    try(compile_tickets(c, json, pointer, reward));
    try(compile_prices(c, json, pointer, reward));
    reward->pool = pool_name(c, reward, read_str(json, "pool"));
    if (reward->kind == REWARD_COUPON) {
        take_pool(c, reward, reward->pool);
        c->program->has_shared = true;
    }
    compile_markets(c, json, reward);
    try(compile_rule(c, json_at(json, "lines"), pointer_key(c->arena, pointer, STR("lines")),
                     SCOPE_LINE, STR("purchase"), RULE_BOOL, &reward->lines));
    const struct json *by_itself = json_at(json, "auto");
    reward->auto_at = read_int(by_itself, "at", 0);
    reward->auto_repeats = read_bool(by_itself, "repeat", true);
    if (by_itself != NULL && reward->prices_n == 0) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("auto")),
                       "A reward that is bought by itself needs a \"price\".");
    }
    return compile_available(c, json_at(json, "available"), pointer, reward);
}

void name_rewards(struct compile *c, const struct json *document)
{
    const struct json *list = json_at(document, "rewards");
    struct program *p = c->program;
    p->rewards_n = json_array_size(list);
    p->rewards = arena_new(c->arena, struct reward, p->rewards_n);
    for (size_t i = 0; i < p->rewards_n; i++) {
        p->rewards[i].slug = read_str(json_array_get(list, i), "slug");
        p->rewards[i].symbol = take_symbol(c, "reward", p->rewards[i].slug);
    }
}

enum err compile_rewards(struct compile *c, const struct json *document)
{
    const struct json *list = json_at(document, "rewards");
    struct program *p = c->program;
    for (size_t i = 0; i < p->rewards_n; i++) {
        const struct str pointer = pointer_index(c->arena, STR("/rewards"), i);
        try(check_unique(c, list, i, pointer));
        try(compile_one(c, json_array_get(list, i), pointer, &p->rewards[i]));
    }
    return ERR_OK;
}
