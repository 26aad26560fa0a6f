/* The self-check of issued rewards: each member's chain is whole, and those that are open are the
 * ones that the member's state lists. */
#include "base/base.h"
#include "store/check.h"

#include "base/map.h"
#include "core/state_pack.h"
#include "store/check_internal.h"
#include "store/rewards.h"
#include "store/store_internal.h"

enum { CHAIN_PAGE = 256 };

struct rewards_walk {
    struct store *store;
    struct arena *arena;
    const struct check_listener *listener;
    struct member_facts member;
    struct map open; // id -> struct open_reward of the state, those not met yet
    size_t met;
};

static void tell_reward(const struct rewards_walk *w, enum invariant invariant, int64_t id,
                        const char *text)
{
    TELL(w->listener, invariant, "issued_reward", check_row(w->arena, "rwd_", id), text);
}

static void check_issued(struct rewards_walk *w, const struct issued *issued)
{
    const bool is_open = issued->state == ISSUED_OPEN || issued->state == ISSUED_RESERVED;
    const struct open_reward *listed = map_find_int(&w->open, issued->id);
    if (is_open != (listed != NULL)) {
        tell_reward(w, INV_REDEMPTIONS, issued->id,
                    is_open ? "the reward is open, and not among those of the member's state"
                            : "the reward is open by the member's state, and not by its row");
    } else if (is_open && (listed->reward != issued->reward || listed->event != issued->event ||
                           listed->expires_at != issued->expires_at)) {
        tell_reward(w, INV_REDEMPTIONS, issued->id,
                    "the reward is another one, or expires at another time, than in the member's "
                    "state");
    }
    w->met += listed != NULL;
}

/* From the newest to the first; each names the one before. */
static enum err walk_chain(struct rewards_walk *w, int64_t newest)
{
    int64_t next = newest;
    while (next > 0) {
        struct issued *list = NULL;
        size_t n = 0;
        try(store_issued_list(w->store, w->arena, &w->member, next, CHAIN_PAGE, &list, &n));
        if (n == 0 || list[0].id != next) {
            tell_reward(w, INV_CHAINS, next,
                        "the reward that the next one (or the state) names is missing");
            return ERR_OK;
        }
        for (size_t i = 0; i < n && list[i].id == next; i++) {
            check_issued(w, &list[i]);
            next = list[i].previous;
            if (next >= list[i].id) {
                tell_reward(w, INV_CHAINS, list[i].id,
                            "the reward names a later one as the one before it");
                return ERR_OK;
            }
        }
    }
    return ERR_OK;
}

static enum err check_rewards(struct rewards_walk *w, const struct state *state)
{
    map_open(&w->open, w->arena);
    for (size_t i = 0; i < state->rewards_n; i++) {
        map_set_int(&w->open, state->rewards[i].id, &state->rewards[i]);
    }
    const enum err err = walk_chain(w, state->last_reward);
    if (err == ERR_OK && w->met < state->rewards_n) {
        TELL(w->listener, INV_REDEMPTIONS, "member_state",
             check_row(w->arena, "mbr_", w->member.member),
             "the state lists an open reward that was never issued");
    }
    return err;
}

static enum err rewards_slice(struct store *store, struct arena *arena, struct check_cursor *cursor,
                              const struct check_listener *listener)
{
    struct db_result rows;
    const struct db_value params[] = {db_int(cursor->member), db_int(CHECK_MEMBERS)};
    try(db_query(store->db, arena, Q_VERIFY_HEADS, params, ARRAY_N(params), &rows));
    for (size_t i = 0; i < rows.rows_n; i++) {
        struct state state;
        struct rewards_walk w = {.store = store, .arena = arena, .listener = listener};
        w.member.member = cursor->member = db_at_int(&rows, i, 0);
        if (state_unpack(arena, cursor->member, 1, db_at_str(&rows, i, 1), &state) != ERR_OK ||
            (state.rewards_n == 0 && state.last_reward == 0)) {
            continue; // what cannot be read was told with the member
        }
        enum err err = vault_keys_load(store->keys, &w.member.member, 1, &w.member.key);
        if (err == ERR_OK && w.member.key.version != 0) { // nothing is open of the forgotten
            err = check_rewards(&w, &state);
        }
        vault_wipe(&w.member.key, sizeof w.member.key);
        if (err == ERR_INTEGRITY) {
            TELL(listener, INV_DATABASE, "issued_reward", check_row(arena, "mbr_", cursor->member),
                 "a reward of this member cannot be read");
        } else {
            try(err);
        }
    }
    cursor->rows_n += (int64_t)rows.rows_n;
    cursor->is_end = rows.rows_n < CHECK_MEMBERS;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_check_rewards(struct store *store, struct arena *arena, struct check_cursor *cursor,
                             const struct check_listener *listener)
{
    return check_in_snapshot(store, arena, cursor, listener, rewards_slice);
}
