/* What a member has: balances, lots. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/answer_write.h"
#include "api/member.h"

enum { HISTORY_PAGE = 1000 };

/* ?as_of= as an instant; AT_NEVER when it was not given. */
static enum err read_as_of(struct api_call *call, int64_t *out)
{
    struct str text;
    *out = AT_NEVER;
    if (http_query(call->request, "as_of", &text) && !instant_read(text, out)) {
        return fail(&call->fail, ERR_INVALID, "",
                    "The parameter \"as_of\" is an instant like 2026-11-21T10:00:00Z.");
    }
    return ERR_OK;
}

static enum err refuse_as_of(struct api_call *call)
{
    struct str text;
    return http_query(call->request, "as_of", &text)
               ? fail(&call->fail, ERR_NOT_SUPPORTED, "",
                      "This release knows \"as_of\" for balances and tiers only.")
               : ERR_OK;
}

static struct answer_balance *balance_of(struct answer *answer, int32_t wallet)
{
    for (size_t i = 0; i < answer->balances_n; i++) {
        if (answer->balances[i].wallet == wallet) {
            return &answer->balances[i];
        }
    }
    return NULL;
}

static void undo_side(struct answer_balance *balance, enum account account, int64_t points)
{
    if (account == ACCOUNT_ACTIVE) {
        balance->active -= points;
    } else if (account == ACCOUNT_PENDING) {
        balance->pending -= points;
    } else if (account == ACCOUNT_DEBT) {
        balance->debt += points; // debt counts what is owed
    }
}

/* Balances as they were at an instant: today's less what was booked since. */
static enum err rewind_balances(struct api_call *call, struct store *store,
                                const struct state *state, int64_t as_of, struct answer *answer)
{
    int64_t from = state->last_transfer;
    while (from > 0) {
        struct transfer *list = NULL;
        size_t n = 0;
        try(store_transfers_list(store, call->arena, state->member, from, HISTORY_PAGE, &list, &n));
        for (size_t i = 0; i < n; i++) {
            struct answer_balance *balance = balance_of(answer, list[i].wallet);
            if (list[i].booked_at <= as_of) {
                return ERR_OK;
            }
            if (balance != NULL) {
                undo_side(balance, list[i].to, list[i].points);
                undo_side(balance, list[i].from, -list[i].points);
            }
        }
        from = n == 0 ? 0 : list[n - 1].previous;
    }
    return ERR_OK;
}

enum err api_balances_get(struct api_call *call, struct store *store, struct json_out *w)
{
    int64_t member = 0;
    int64_t as_of = 0;
    struct member_facts facts;
    struct answer answer = {0};
    const struct program *program = NULL;
    try(read_as_of(call, &as_of));
    try(member_find(call, store, call->params[0], &member));
    try(member_facts_read(call, store, member, &facts));
    try(store_program_at(store, call->now, &program));
    answer_open(call->arena, program, NULL, facts.state, call->now, &answer);
    if (as_of != AT_NEVER) {
        try(rewind_balances(call, store, facts.state, as_of, &answer));
        for (size_t i = 0; i < answer.balances_n; i++) {
            answer.balances[i].next_expiry_at = AT_NEVER; // which lots there were is not told here
        }
    }
    json_open(w, '{');
    json_key(w, "data");
    balances_write(w, store, &answer);
    json_close(w, '}');
    return ERR_OK;
}

/* ---- lots ---- */

static const char *lot_state(const struct lot *lot)
{
    if (lot->active > 0) {
        return "active";
    }
    if (lot->pending > 0) {
        return "pending";
    }
    return lot->expired > 0 ? "expired" : "spent";
}

static int newest_first(const void *a, const void *b)
{
    const struct lot *x = a;
    const struct lot *y = b;
    return (x->id < y->id) - (x->id > y->id);
}

static void lot_write(struct json_out *w, const struct store *store, const struct state *state,
                      const struct zone *zone, const struct lot *lot)
{
    json_open(w, '{');
    json_key(w, "id");
    json_put_id(w, "lot_", lot->id);
    json_key(w, "wallet");
    json_put_str(w, store_symbol_slug(store, lot->wallet));
    json_key(w, "state");
    json_put_str(w, str_c(lot_state(lot)));
    json_key(w, "active");
    json_put_int(w, lot->active);
    json_key(w, "pending");
    json_put_int(w, lot->pending);
    json_key(w, "expired");
    json_put_int(w, lot->expired);
    json_key(w, "earned_at");
    json_put_instant(w, lot->earned_at);
    json_key(w, "activates_at");
    json_put_instant(w, lot->pending > 0 ? lot->activates_at : AT_NEVER);
    json_key(w, "expires_at");
    json_put_instant(w, lot_expires_at(state, zone, lot));
    json_key(w, "event");
    json_put_id(w, "evt_", lot->event);
    json_close(w, '}');
}

enum err api_lots_get(struct api_call *call, struct store *store, struct json_out *w)
{
    int64_t member = 0;
    int64_t before = 0;
    int64_t limit = 0;
    int64_t shown = 0;
    int64_t last = 0;
    bool has_more = false;
    struct member_facts facts;
    const struct program *program = NULL;
    try(refuse_as_of(call));
    try(call_page(call, "lot_", &before, &limit));
    try(member_find(call, store, call->params[0], &member));
    try(member_facts_read(call, store, member, &facts));
    try(store_program_at(store, call->now, &program));
    struct lot *lots = facts.state->lots;
    if (facts.state->lots_n > 1) {
        qsort(lots, facts.state->lots_n, sizeof *lots, newest_first);
    }
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = 0; i < facts.state->lots_n; i++) {
        if (lots[i].id >= before) {
            continue;
        }
        has_more = shown == limit;
        if (has_more) {
            break;
        }
        lot_write(w, store, facts.state, program->zone, &lots[i]);
        last = lots[i].id;
        shown++;
    }
    json_close(w, ']');
    call_page_end(w, "lot_", has_more ? last : 0);
    json_close(w, '}');
    return ERR_OK;
}
