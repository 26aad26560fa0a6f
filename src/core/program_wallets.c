/* Compiling wallets: pending, expiry, returns, payment and caps. */
#include "base/base.h"
#include "core/program.h"

#include "core/program_internal.h"

enum { RETURNED_MIN_DAYS_DEFAULT = 30, DAYS_PER_MONTH_MIN = 28 };

static int civil_order(const void *a, const void *b)
{
    const struct civil *x = a;
    const struct civil *y = b;
    return x->month != y->month ? x->month - y->month : x->day - y->day;
}

static void compile_dates(struct compile *c, const struct json *list, struct wallet *wallet)
{
    const size_t n = json_array_size(list);
    wallet->expiry.dates = arena_new(c->arena, struct civil, n);
    wallet->expiry.dates_n = n;
    for (size_t i = 0; i < n; i++) {
        const struct str text = json_str(json_array_get(list, i)); // MM-DD, held by the schema
        int64_t month = 1;
        int64_t day = 1;
        (void)str_int64((struct str){.p = text.p, .n = 2},
                        &month); // two digits, held by the schema
        (void)str_int64(str_after(text, 3), &day);
        wallet->expiry.dates[i] = (struct civil){.month = (int)month, .day = (int)day};
    }
    if (n > 1) {
        qsort(wallet->expiry.dates, n, sizeof *wallet->expiry.dates, civil_order);
    }
}

static void compile_pending(const struct json *json, struct wallet *wallet)
{
    static const char *const KINDS[] = {"none", "days", "date", "event"};
    wallet->pending.kind =
        (enum pending_kind)read_choice(read_str(json, "kind"), KINDS, ARRAY_N(KINDS), PENDING_NONE);
    wallet->pending.days =
        (int)read_int(json, wallet->pending.kind == PENDING_EVENT ? "after_days" : "days", 0);
    wallet->pending.type = read_str(json, "type");
    wallet->pending.match = read_str(json, "match");
    wallet->pending.then_activate = str_eq(read_str(json, "then"), STR("activate"));
    if (!day_read(read_str(json, "date"), &wallet->pending.date)) {
        wallet->pending.date =
            INT32_MIN; // only PENDING_DATE has one, and the schema holds its form
    }
}

static void compile_expiry(struct compile *c, const struct json *json, struct wallet *wallet)
{
    static const char *const KINDS[] = {"never", "days", "months", "dates", "inactivity"};
    static const char *const ROUNDS[] = {"none", "month_end", "quarter_end", "year_end"};
    wallet->expiry.kind =
        (enum expiry_kind)read_choice(read_str(json, "kind"), KINDS, ARRAY_N(KINDS), EXPIRY_NEVER);
    wallet->expiry.round = (enum expiry_round)read_choice(read_str(json, "round"), ROUNDS,
                                                          ARRAY_N(ROUNDS), ROUND_NONE);
    wallet->expiry.n =
        (int)read_int(json, wallet->expiry.kind == EXPIRY_DAYS ? "days" : "months", 0);
    if (wallet->expiry.kind == EXPIRY_DATES) {
        compile_dates(c, json_at(json, "dates"), wallet);
    }
}

/* The least number of days that points of this wallet live. */
static int64_t life_days_min(const struct wallet *wallet)
{
    switch (wallet->expiry.kind) {
    case EXPIRY_NEVER:
        return INT64_MAX;
    case EXPIRY_DAYS:
        return wallet->expiry.n;
    case EXPIRY_MONTHS:
    case EXPIRY_INACTIVITY:
        return (int64_t)wallet->expiry.n * DAYS_PER_MONTH_MIN;
    case EXPIRY_DATES:
    case EXPIRY_AT:
        return 0;
    }
    return 0;
}

/* "Validation refuses a pending that can outlast the expiry" (domain.md 11). */
static enum err check_pending(struct compile *c, const struct wallet *wallet, struct str pointer)
{
    const bool is_forever = wallet->expiry.kind == EXPIRY_NEVER;
    bool can_outlast = false;
    switch (wallet->pending.kind) {
    case PENDING_NONE:
        break;
    case PENDING_DAYS:
    case PENDING_EVENT:
        can_outlast = wallet->pending.days >= life_days_min(wallet);
        break;
    case PENDING_DATE:
        can_outlast = !is_forever;
        break;
    }
    if (can_outlast) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("pending")),
                       "Points could still be pending when they expire: shorten the pending time "
                       "or lengthen the expiry.");
    }
    return ERR_OK;
}

static enum err compile_pay(struct compile *c, const struct json *json, struct str pointer,
                            struct wallet *wallet)
{
    if (json == NULL) {
        return ERR_OK;
    }
    if (!wallet->is_spendable) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("pay")),
                       "A wallet that is not spendable cannot pay: remove \"pay\" or set "
                       "\"spendable\" to true.");
    }
    wallet->pay.points = read_int(json, "points", 1);
    wallet->pay.amount = read_int(json, "amount", 1);
    wallet->pay.min_points = read_int(json, "min_points", 0);
    wallet->pay.max_share = (struct decimal){.digits = 1};
    const struct json *share = json_at(json, "max_share");
    if (json_is_string(share) && !decimal_read(json_str(share), 4, &wallet->pay.max_share)) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("pay")),
                       "\"max_share\" is a decimal from 0 to 1.");
    }
    return ERR_OK;
}

enum err add_cap(struct compile *c, struct cap *cap, struct str name)
{
    struct program *p = c->program;
    if (p->caps_n == PROGRAM_CAPS_MAX) {
        return fail_at(c->f, ERR_INVALID, cap->pointer,
                       "A program may have %d caps and budgets in all.", PROGRAM_CAPS_MAX);
    }
    cap->index = (int)p->caps_n;
    cap->symbol = name.n > 0 ? take_symbol(c, "cap", name) : 0;
    p->shared_caps_n += cap->per == CAP_RULE;
    arena_room(c->arena, p->caps, p->caps_n, c->caps_max);
    p->caps[p->caps_n++] = cap;
    return ERR_OK;
}

enum err compile_caps(struct compile *c, const struct json *owner, struct str pointer,
                      const char *kind, struct str slug, struct cap **caps, size_t *caps_n)
{
    static const char *const PER[] = {"member", "transaction", "rule"};
    static const char *const PERIODS[] = {"day", "week", "month", "year", "lifetime"};
    const struct json *list = json_at(owner, "caps");
    *caps_n = json_array_size(list);
    *caps = arena_new(c->arena, struct cap, *caps_n);
    for (size_t i = 0; i < *caps_n; i++) {
        const struct json *json = json_array_get(list, i);
        struct cap *cap = &(*caps)[i];
        cap->per = (enum cap_per)read_choice(read_str(json, "per"), PER, ARRAY_N(PER), CAP_MEMBER);
        cap->period = (enum period_kind)read_choice(read_str(json, "period"), PERIODS,
                                                    ARRAY_N(PERIODS), PERIOD_LIFETIME);
        cap->limit = read_int(json, "points", 0);
        cap->pointer = pointer_index(c->arena, pointer_key(c->arena, pointer, STR("caps")), i);
        const struct str name = cap->per == CAP_TRANSACTION
                                    ? (struct str){0}
                                    : str_fmt(c->arena, "%s/%.*s/%s/%s", kind, STR_ARG(slug),
                                              PER[cap->per], PERIODS[cap->period]);
        try(add_cap(c, cap, name));
    }
    return ERR_OK;
}

enum err compile_wallets(struct compile *c, const struct json *document)
{
    static const char *const RETURNS[] = {"pending_only", "to_zero", "debt"};
    const struct json *list = json_at(document, "wallets");
    struct program *p = c->program;
    p->wallets_n = json_array_size(list);
    p->wallets = arena_new(c->arena, struct wallet,
                           p->wallets_n + json_array_size(json_at(document, "contests")));
    for (size_t i = 0; i < p->wallets_n; i++) {
        const struct json *json = json_array_get(list, i);
        const struct str pointer = pointer_index(c->arena, STR("/wallets"), i);
        try(check_unique(c, list, i, pointer));
        struct wallet *wallet = &p->wallets[i];
        wallet->slug = read_str(json, "slug");
        wallet->symbol = take_symbol(c, "wallet", wallet->slug);
        wallet->qualifying_symbol = take_symbol(c, "qualifying", wallet->slug);
        wallet->scale = (int)read_int(json, "scale", 0);
        wallet->is_spendable = read_bool(json, "spendable", true);
        wallet->returns = (enum returns_policy)read_choice(read_str(json, "returns"), RETURNS,
                                                           ARRAY_N(RETURNS), RETURNS_TO_ZERO);
        wallet->returned_min_days =
            (int)read_int(json, "returned_min_days", RETURNED_MIN_DAYS_DEFAULT);
        compile_pending(json_at(json, "pending"), wallet);
        if (wallet->pending.kind == PENDING_EVENT) {
            wallet->pending_type_symbol = take_symbol(c, "type", wallet->pending.type);
        }
        compile_expiry(c, json_at(json, "expiry"), wallet);
        try(check_pending(c, wallet, pointer));
        try(compile_pay(c, json_at(json, "pay"), pointer, wallet));
        wallet->unit_cost.points = read_int(json_at(json, "unit_cost"), "points", 1);
        wallet->unit_cost.amount = read_int(json_at(json, "unit_cost"), "amount", 0);
        try(compile_caps(c, json, pointer, "wallet", wallet->slug, &wallet->caps, &wallet->caps_n));
    }
    return ERR_OK;
}
