/* Holding a program document against an earlier version. */
#include "base/base.h"
#include "core/keep.h"

static const struct json *wallet_of(const struct json *document, struct str slug, size_t *index)
{
    const struct json *list = json_at(document, "wallets");
    for (*index = 0; *index < json_array_size(list); (*index)++) {
        const struct json *wallet = json_array_get(list, *index);
        if (str_eq(json_str(json_at(wallet, "slug")), slug)) {
            return wallet;
        }
    }
    return NULL;
}

static enum err wallet_check(struct arena *arena, const struct json *wallet, int version,
                             const struct json *after, struct fail *f)
{
    const struct str slug = json_str(json_at(wallet, "slug"));
    const int64_t scale = json_integer_value(json_at(wallet, "scale")); // 0 where left out
    size_t index = 0;
    const struct json *now = wallet_of(after, slug, &index);
    if (now == NULL) {
        return fail(f, ERR_IN_USE, "/wallets",
                    "The wallet \"%.*s\" of version %d is missing, and members may hold points in "
                    "it: keep it. To end it, let no rule earn in it and, when nothing shall be "
                    "paid with it either, set its \"spendable\" to false.",
                    STR_ARG(slug), version);
    }
    if (json_integer_value(json_at(now, "scale")) != scale) {
        return fail_at(f, ERR_IN_USE, str_fmt(arena, "/wallets/%zu/scale", index),
                       "The points of \"%.*s\" have %" PRId64
                       " decimals in version %d, and those that members hold would change their "
                       "worth: keep the scale. For points with another scale add a wallet with "
                       "another slug.",
                       STR_ARG(slug), scale, version);
    }
    return ERR_OK;
}

enum err program_keeps(struct arena *arena, const struct json *before, int version,
                       const struct json *after, struct fail *f)
{
    const struct str currency = json_str(json_at(before, "currency"));
    const struct json *wallets = json_at(before, "wallets");
    enum err err = ERR_OK;
    if (!str_eq(json_str(json_at(after, "currency")), currency)) {
        err = fail(f, ERR_IN_USE, "/currency",
                   "What was booked so far is in %.*s (version %d), and spend, caps, budgets and "
                   "gift cards would be read as another money: keep the currency. For another one "
                   "make an instance of its own.",
                   STR_ARG(currency), version);
    }
    for (size_t i = 0; i < json_array_size(wallets); i++) { // all faults are named
        const enum err one = wallet_check(arena, json_array_get(wallets, i), version, after, f);
        err = err == ERR_OK ? one : err;
    }
    return err;
}
