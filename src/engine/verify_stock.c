/* Stock: what its counter says was given out is what was issued and not cancelled. */
#include "base/base.h"
#include "engine/verify.h"

#include "engine/verify_internal.h"
#include "store/rewards.h"

static const struct reward_stock *total_of(const struct reward *reward)
{
    for (size_t i = 0; reward != NULL && i < reward->available.stocks_n; i++) {
        if (reward->available.stocks[i].store.n == 0) {
            return &reward->available.stocks[i];
        }
    }
    return NULL;
}

/* Counted are those that a version with this stock has issued; so it can be told only where each
 * version, from the first that has the reward on, has its stock too. */
static enum err is_always_counted(struct store *store, struct str slug, bool *out)
{
    bool is_there = false;
    *out = true;
    for (size_t v = 0; v < store_programs_n(store) && *out; v++) {
        const struct program *program = NULL;
        const enum err err = store_program_version(store, (int)v + 1, &program);
        if (err == ERR_NOT_FOUND || err == ERR_INTEGRITY) {
            *out = false; // told with the versions
            return ERR_OK;
        }
        try(err);
        const struct reward *reward = program_reward(program, slug);
        *out = total_of(reward) != NULL || (reward == NULL && !is_there);
        is_there |= reward != NULL;
    }
    return ERR_OK;
}

static enum err check(struct store *store, struct arena *arena,
                      const struct check_listener *listener)
{
    const struct program *program = NULL;
    struct issued_count *counts = NULL;
    size_t n = 0;
    const enum err err = store_program_version(store, (int)store_programs_n(store), &program);
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND || err == ERR_INTEGRITY ? ERR_OK
                                                            : err; // told with the versions
    }
    try(store_issued_counts(store, arena, &counts, &n));
    for (size_t i = 0; i < program->rewards_n; i++) {
        const struct reward *reward = &program->rewards[i];
        const struct reward_stock *stock = total_of(reward);
        bool is_counted = stock != NULL;
        int64_t given = 0;
        int64_t issued = 0;
        if (is_counted) {
            try(is_always_counted(store, reward->slug, &is_counted));
        }
        if (!is_counted) {
            continue;
        }
        try(store_shared_value(store, arena, stock->symbol, &given));
        for (size_t k = 0; k < n; k++) {
            issued += counts[k].reward == reward->symbol ? counts[k].n : 0;
        }
        if (given != issued) {
            listener->fault(
                listener->self, INV_REDEMPTIONS, "shared_counter", reward->slug,
                "the stock that was given out is not what was issued and not cancelled");
        }
    }
    return ERR_OK;
}

enum err verify_stock(struct store *store, struct arena *arena,
                      const struct check_listener *listener)
{
    if (store_programs_n(store) == 0) {
        return ERR_OK;
    }
    try(db_begin(store_db(store), DB_READ)); // counters and rewards of one instant
    const enum err err = check(store, arena, listener);
    db_rollback(store_db(store));
    return err;
}
