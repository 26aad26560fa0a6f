/* Tiers that rules give, and gifts on coming to a tier. */
#include "base/base.h"
#include "core/tier_gift.h"

#include "core/book.h"
#include "core/reward.h"
#include "core/tier.h"

/* ---- tiers that rules give ---- */

static int64_t floor_until(const struct zone *zone, const struct effect *effect, int32_t today)
{
    if (effect->tier.days > 0) {
        return zone_midnight(zone, today + effect->tier.days + 1);
    }
    return effect->tier.months > 0
               ? zone_midnight(zone, day_add_months(today, effect->tier.months) + 1)
               : AT_NEVER;
}

static enum err give(struct booking *b, const struct program *now, const struct program *program,
                     const struct tier_grant *grant, int64_t event)
{
    const struct effect *effect = &program->rules[grant->rule].effects[grant->effect];
    const struct tier_set *set = &program->tier_sets[effect->tier.set_index];
    const int32_t today = zone_day(now->zone, b->booked_at);
    const struct tier_floor floor = {
        .set = set->symbol,
        .tier = set->tiers[effect->tier.rank].symbol,
        .kind = FLOOR_GIFT,
        .from_on = today,
        .until = floor_until(now->zone, effect, today),
        .event = event,
        .rule = program->rules[grant->rule].symbol,
    };
    return tier_floor_add(b->arena, b->state, floor);
}

enum err tier_gift_floors(struct booking *b, const struct program *now,
                          const struct award_view *view, const struct award_list *list, size_t from,
                          int64_t event)
{
    for (size_t i = from; i < list->tiers_n; i++) {
        try(give(b, now, view->program, &list->tiers[i], event));
    }
    return ERR_OK;
}

static bool gives(const struct award_list *list, const struct tier_grant *like)
{
    for (size_t i = 0; i < list->tiers_n; i++) {
        if (list->tiers[i].rule == like->rule && list->tiers[i].effect == like->effect) {
            return true;
        }
    }
    return false;
}

enum err tier_gift_difference(struct booking *b, const struct facts *facts,
                              const struct purchase *purchase, const struct award_list *was,
                              const struct award_list *is)
{
    for (size_t i = 0; i < was->tiers_n; i++) {
        if (!gives(is, &was->tiers[i])) {
            tier_floor_take_back(b->state, purchase->id,
                                 purchase->program->rules[was->tiers[i].rule].symbol);
        }
    }
    for (size_t i = 0; i < is->tiers_n; i++) {
        if (!gives(was, &is->tiers[i])) {
            try(give(b, facts->program_now, purchase->program, &is->tiers[i], purchase->id));
        }
    }
    return ERR_OK;
}

/* ---- what a tier gives ---- */

void tier_gift_mark(struct arena *arena, const struct program *program,
                    const struct award_list *list, const struct decision *d,
                    struct tier_gift_mark *out)
{
    *out = (struct tier_gift_mark){
        .awards = list->n,
        .grants = list->grants_n,
        .progress = list->progress_n,
        .tiers = list->tiers_n,
        .issued = d->issued_n,
        .caps_used = arena_new(arena, int64_t, program->caps_n),
    };
    if (program->caps_n > 0) {
        memcpy(out->caps_used, list->caps_used, program->caps_n * sizeof *list->caps_used);
    }
}

enum err tier_gift_book(struct booking *b, const struct program *now, const struct award_view *view,
                        const struct award_list *list, const struct tier_gift_mark *since)
{
    struct award_list part;
    award_list_open(b->arena, view->program, &part);
    part.awards = list->awards + since->awards;
    part.n = list->n - since->awards;
    part.grants = list->grants + since->grants;
    part.grants_n = list->grants_n - since->grants;
    part.progress = list->progress + since->progress;
    part.progress_n = list->progress_n - since->progress;
    for (size_t i = 0; i < view->program->caps_n; i++) {
        part.caps_used[i] = list->caps_used[i] - since->caps_used[i];
    }
    try(book_awards(b, view, &part,
                    false)); // an order's own points wait for it, a tier's gift does not
    try(reward_book_grants(b, view, &part, b->event));
    return tier_gift_floors(b, now, view, list, since->tiers, b->event);
}

static enum err add(struct booking *b, struct tier_gift gift)
{
    struct state *state = b->state;
    if (gift.value == 0) {
        return ERR_OK;
    }
    if (state->gifts_n >= STATE_GIFTS_MAX) {
        return ERR_OVERFLOW;
    }
    arena_room(b->arena, state->gifts, state->gifts_n, state->gifts_max);
    state->gifts[state->gifts_n++] = gift;
    return ERR_OK;
}

static enum err note_points(struct booking *b, const struct award_view *view,
                            const struct award *award, struct tier_gift gift)
{
    const struct wallet *wallet = &view->program->wallets[award->wallet];
    gift.kind = TIER_GIFT_POINTS;
    gift.symbol = wallet->symbol;
    gift.day = DAY_TOTAL;
    gift.value = award->points;
    try(add(b, gift));
    if (!award->is_qualifying) {
        return ERR_OK;
    }
    gift.kind = TIER_GIFT_COUNTER;
    gift.symbol = wallet->qualifying_symbol;
    try(add(b, gift));
    gift.day = zone_day(b->program->zone, view->content->event->time);
    return add(b, gift);
}

static enum err note_caps(struct booking *b, const struct award_view *view,
                          const struct award_list *list, const struct tier_gift_mark *since,
                          struct tier_gift gift)
{
    const struct program *program = view->program;
    for (size_t i = 0; i < program->caps_n; i++) {
        const struct cap *cap = program->caps[i];
        if (cap->per == CAP_TRANSACTION) {
            continue;
        }
        gift.kind = cap->per == CAP_MEMBER ? TIER_GIFT_COUNTER : TIER_GIFT_SHARED;
        gift.symbol = cap->symbol;
        gift.day = cap_day(program, cap, view->content->event->time);
        gift.value = list->caps_used[i] - since->caps_used[i];
        try(add(b, gift));
    }
    return ERR_OK;
}

enum err tier_gift_note(struct booking *b, const struct award_view *view,
                        const struct award_list *list, const struct tier_gift_mark *since,
                        const struct tier_change *change)
{
    const struct tier_gift gift = {
        .set = change->set, .tier = change->to, .event = b->event, .day = DAY_TOTAL};
    for (size_t i = since->awards; i < list->n; i++) {
        try(note_points(b, view, &list->awards[i], gift));
    }
    try(note_caps(b, view, list, since, gift));
    for (size_t i = since->issued; i < b->decision->issued_n; i++) {
        struct tier_gift reward = gift;
        reward.kind = TIER_GIFT_REWARD;
        reward.value = b->decision->issued[i].id;
        try(add(b, reward));
    }
    return ERR_OK;
}

/* ---- taking back ---- */

static bool is_of(const struct tier_gift *gift, const struct tier_set *set, size_t above,
                  size_t through)
{
    const size_t rank = tier_set_rank_of(set, gift->tier);
    return gift->set == set->symbol && rank > above && rank <= through;
}

static const struct issued *loaded(const struct facts *facts, int64_t id)
{
    for (size_t i = 0; i < facts->issued_n; i++) {
        if (facts->issued[i]->id == id) {
            return facts->issued[i];
        }
    }
    return NULL;
}

static bool lacks_rewards(struct booking *b, const struct facts *facts, struct needs *needs,
                          const struct tier_set *set, size_t to, size_t from)
{
    const struct state *state = b->state;
    int64_t *ids = arena_new(b->arena, int64_t, state->gifts_n);
    size_t n = 0;
    for (size_t i = 0; i < state->gifts_n; i++) {
        const struct tier_gift *gift = &state->gifts[i];
        if (gift->kind == TIER_GIFT_REWARD && is_of(gift, set, to, from) &&
            loaded(facts, gift->value) == NULL) {
            ids[n++] = gift->value;
        }
    }
    needs->issued = ids;
    needs->issued_n = n;
    return n > 0;
}

static enum err undo(struct booking *b, const struct facts *facts, const struct tier_gift *gift)
{
    const struct program *policy = facts->program_now;
    const int wallet =
        gift->kind == TIER_GIFT_POINTS ? program_wallet_by_symbol(policy, gift->symbol) : -1;
    int64_t forgiven = 0; // stays forgiven, as with any refund
    switch (gift->kind) {
    case TIER_GIFT_POINTS: // of a wallet that is no more nothing can be taken
        return wallet < 0 ? ERR_OK
                          : ledger_revoke(b, &policy->wallets[wallet], gift->event, gift->value,
                                          &forgiven);
    case TIER_GIFT_COUNTER:
        state_counter_add(b->arena, b->state, gift->symbol, gift->day, -gift->value);
        return ERR_OK;
    case TIER_GIFT_SHARED:
        booking_share(b, gift->symbol, gift->day, -gift->value);
        return ERR_OK;
    case TIER_GIFT_REWARD:
        return reward_take_back(b, loaded(facts, gift->value), policy);
    }
    return ERR_OK;
}

enum err tier_gift_undo(struct booking *b, const struct facts *facts, struct needs *needs,
                        const struct tier_set *set, size_t to, size_t from)
{
    if (lacks_rewards(b, facts, needs, set, to, from)) {
        return ERR_RETRY;
    }
    for (size_t i = 0; i < b->state->gifts_n; i++) {
        if (is_of(&b->state->gifts[i], set, to, from)) {
            try(undo(b, facts, &b->state->gifts[i]));
        }
    }
    tier_gift_forget(b->state, set, to);
    return ERR_OK;
}

void tier_gift_forget(struct state *state, const struct tier_set *set, size_t above)
{
    size_t kept = 0;
    for (size_t i = 0; i < state->gifts_n; i++) {
        if (!is_of(&state->gifts[i], set, above, set->tiers_n)) {
            state->gifts[kept++] = state->gifts[i];
        }
    }
    state->gifts_n = kept;
}
