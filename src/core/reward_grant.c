/* Rewards that rules give, and what becomes of them when their purchase is refunded. */
#include "base/base.h"
#include "core/reward.h"

static enum err issue_more(struct booking *b, const struct award_view *view,
                           const struct grant *grant, int64_t event)
{
    const struct award_env env = {.view = view};
    const struct earning_rule *rule = &view->program->rules[grant->rule];
    const struct reward *reward = &view->program->rewards[grant->reward];
    const struct issue issue = {
        .view = view,
        .reward = reward,
        .market = reward_market(&env, reward),
        .origin = rule->symbol,
        .event = event,
    };
    for (int64_t i = 0; i < grant->more; i++) {
        try(reward_issue(b, &issue));
    }
    return ERR_OK;
}

enum err reward_book_grants(struct booking *b, const struct award_view *view,
                            const struct award_list *list, int64_t event)
{
    for (size_t i = 0; i < list->grants_n; i++) {
        try(issue_more(b, view, &list->grants[i], event));
    }
    return ERR_OK;
}

/* ---- refunds ---- */

static const struct issued *loaded(const struct facts *facts, int64_t id)
{
    for (size_t i = 0; i < facts->issued_n; i++) {
        if (facts->issued[i]->id == id) {
            return facts->issued[i];
        }
    }
    return NULL;
}

/* An open reward of a kind that is bought by itself: a refund may need the points that it took. */
static bool may_be_automatic(const struct facts *facts, const struct open_reward *open)
{
    const struct reward *reward = program_reward_by_symbol(facts->program_now, open->reward);
    return reward != NULL && reward->auto_at > 0;
}

bool reward_lacks(struct arena *arena, const struct facts *facts, const struct purchase *purchase,
                  struct needs *needs)
{
    int64_t *ids = arena_new(arena, int64_t, purchase->rewards_n + facts->state->rewards_n);
    size_t n = 0;
    for (size_t i = 0; i < facts->state->rewards_n; i++) {
        const struct open_reward *open = &facts->state->rewards[i];
        if (open->event != purchase->id && may_be_automatic(facts, open) &&
            loaded(facts, open->id) == NULL) {
            ids[n++] = open->id;
        }
    }
    for (size_t i = 0; i < purchase->rewards_n; i++) {
        if (loaded(facts, purchase->rewards[i].id) == NULL) {
            ids[n++] = purchase->rewards[i].id;
        }
    }
    needs->issued = ids;
    needs->issued_n = n;
    return n > 0;
}

/* An effect may have fired several times, for different things that followed. */
static bool is_first_of(const struct award_list *list, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (grant_is_same(&list->grants[i], &list->grants[at])) {
            return false;
        }
    }
    return true;
}

/* When the purchase is decided again, the effect gives what it gives now. `lost` of them were given
 * and could not be taken back: a new content that is due them has them. */
static void note_given(struct booking *b, struct purchase *purchase, const struct grant *grant,
                       const struct award_list *is, int64_t lost)
{
    inputs_note_grant(b->arena, &purchase->inputs, grant, award_grants_of(is, grant).count + lost);
    purchase->has_own_rewards = true;
}

static void note_not_recovered(struct booking *b, int64_t id)
{
    struct answer *answer = &b->decision->answer;
    arena_room(b->arena, answer->not_recovered, answer->not_recovered_n, answer->not_recovered_max);
    answer->not_recovered[answer->not_recovered_n++] = id;
}

static bool is_open(const struct issued *issued)
{
    return issued->state == ISSUED_OPEN || issued->state == ISSUED_RESERVED;
}

enum err reward_take_back(struct booking *b, const struct issued *issued,
                          const struct program *policy)
{
    const struct issued *now = reward_now(b, issued);
    if (is_open(now)) {
        return reward_cancel(b, reward_change(b, issued), policy);
    }
    if (now->state == ISSUED_USED) {
        note_not_recovered(b, now->id);
    }
    return ERR_OK;
}

/* Takes n rewards of a rule back: open ones first, the newest first; what was used cannot come
 * back. *lost: how many did not. */
static enum err take_back(struct booking *b, const struct facts *facts,
                          const struct purchase *purchase, int32_t origin, int32_t reward,
                          int64_t n, int64_t *lost)
{
    *lost = n;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = purchase->rewards_n; i-- > 0 && n > 0;) {
            const struct issued *known = loaded(facts, purchase->rewards[i].id);
            ensure(known != NULL);
            if (known->event != purchase->id || known->origin != origin ||
                known->reward != reward) {
                continue;
            }
            const struct issued *now = reward_now(b, known);
            if (pass == 0 && is_open(now)) {
                try(reward_cancel(b, reward_change(b, known), facts->program_now));
                n--;
                --*lost;
            } else if (pass == 1 && now->state == ISSUED_USED) {
                note_not_recovered(b, now->id);
                n--;
            }
        }
    }
    return ERR_OK;
}

enum err reward_book_less(struct booking *b, const struct facts *facts, struct purchase *purchase,
                          const struct award_list *was, const struct award_list *is)
{
    const struct program *program = purchase->program;
    for (size_t i = 0; i < was->grants_n; i++) {
        const struct grant *grant = &was->grants[i];
        const int64_t less = is_first_of(was, i) ? award_grants_of(was, grant).count -
                                                       award_grants_of(is, grant).count
                                                 : 0;
        if (less > 0) {
            int64_t lost = 0;
            try(take_back(b, facts, purchase, program->rules[grant->rule].symbol,
                          program->rewards[grant->reward].symbol, less, &lost));
            note_given(b, purchase, grant, is, lost);
        }
    }
    return ERR_OK;
}

/* The rewards that this decision has issued for the purchase, added to those that it has. */
static void note_issued(struct booking *b, struct purchase *purchase, size_t first)
{
    const struct decision *d = b->decision;
    struct answer_reward *list =
        arena_new(b->arena, struct answer_reward, purchase->rewards_n + d->issued_n - first);
    size_t n = purchase->rewards_n;
    if (n > 0) {
        memcpy(list, purchase->rewards, n * sizeof *list);
    }
    for (size_t i = first; i < d->issued_n; i++) {
        list[n++] = (struct answer_reward){.id = d->issued[i].id};
    }
    purchase->rewards = list;
    purchase->rewards_n = n;
    purchase->has_own_rewards = true;
}

enum err reward_book_more(struct booking *b, struct purchase *purchase,
                          const struct award_view *now, const struct award_list *is)
{
    const size_t first = b->decision->issued_n;
    for (size_t i = 0; i < is->grants_n; i++) {
        if (is->grants[i].more > 0) {
            try(issue_more(b, now, &is->grants[i], purchase->id));
            note_given(b, purchase, &is->grants[i], is, 0);
        }
    }
    if (b->decision->issued_n > first) {
        note_issued(b, purchase, first);
    }
    return ERR_OK;
}

/* What can be taken back from a purchase: what is active, and what is pending of it alone. */
static int64_t within_reach(const struct state *state, int64_t purchase, int32_t wallet)
{
    const struct balance *balance = state_balance_find(state, wallet);
    int64_t points = balance != NULL ? balance->active : 0;
    for (size_t i = 0; i < state->lots_n; i++) {
        const struct lot *lot = &state->lots[i];
        points += lot->wallet == wallet && lot->event == purchase ? lot->pending : 0;
    }
    return points;
}

enum err reward_make_room(struct booking *b, const struct facts *facts,
                          const struct purchase *purchase, int32_t wallet, int64_t points)
{
    for (;;) {
        const int64_t held = within_reach(b->state, purchase->id, wallet);
        const struct issued *newest = NULL; // the purchase's own first
        for (size_t i = 0; i < facts->issued_n; i++) {
            const struct issued *known = facts->issued[i];
            const bool is_by_itself = known->origin == known->reward &&
                                      known->price_wallet == wallet &&
                                      is_open(reward_now(b, known));
            const bool is_own = known->event == purchase->id;
            const bool is_newest_own = newest != NULL && newest->event == purchase->id;
            if (is_by_itself && (newest == NULL || (is_own && !is_newest_own) ||
                                 (is_own == is_newest_own && known->id > newest->id))) {
                newest = known;
            }
        }
        if (held >= points || newest == NULL) {
            return ERR_OK;
        }
        try(reward_cancel(b, reward_change(b, newest), facts->program_now));
    }
}
