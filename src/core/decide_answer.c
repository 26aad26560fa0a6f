/* The answer of a decision, and the laws that every decision keeps. */
#include "base/base.h"
#include "core/decide.h"

#include "core/achievement.h"
#include "core/decide_internal.h"
#include "core/tier.h"

/* Earned, spent and revoked are what the event's own transfers moved. */
static void answer_points(struct deciding *d)
{
    struct answer *answer = &d->out->answer;
    const struct program *program = d->now;
    answer->points = arena_new(d->arena, struct answer_points, program->wallets_n);
    answer->points_n = program->wallets_n;
    for (size_t w = 0; w < program->wallets_n; w++) {
        struct answer_points *p = &answer->points[w];
        p->wallet = program->wallets[w].symbol;
        for (size_t i = 0; i < d->out->transfers_n; i++) {
            const struct transfer *t = &d->out->transfers[i];
            if (t->wallet != p->wallet) {
                continue;
            }
            p->earned += t->kind == TRANSFER_EARN ? t->points : 0;
            p->pending += t->kind == TRANSFER_EARN && t->to == ACCOUNT_PENDING ? t->points : 0;
            p->spent += t->kind == TRANSFER_SPEND ? t->points : 0;
            p->revoked += t->kind == TRANSFER_REVOKE ? t->points : 0;
        }
    }
}

/* Contests that had closed: what moved among their entries moves no ticket any more. */
static void answer_closed(struct deciding *d)
{
    struct answer *answer = &d->out->answer;
    answer->closed = arena_new(d->arena, int32_t, d->now->contests_n);
    for (size_t i = 0; i < d->now->contests_n; i++) {
        const struct contest *contest = &d->now->contests[i];
        const struct answer_points *p = &answer->points[contest->wallet];
        if (d->facts->booked_at >= contest->closes_at && (p->earned != 0 || p->revoked != 0)) {
            answer->closed[answer->closed_n++] = p->wallet;
        }
    }
}

static void answer_balances(struct arena *arena, const struct program *program,
                            const struct state *state, struct answer *answer)
{
    answer->balances = arena_new(arena, struct answer_balance, program->wallets_n);
    answer->balances_n = program->wallets_n;
    for (size_t w = 0; w < program->wallets_n; w++) {
        struct answer_balance *b = &answer->balances[w];
        const struct balance *balance = state_balance_find(state, program->wallets[w].symbol);
        *b = (struct answer_balance){.wallet = program->wallets[w].symbol,
                                     .next_expiry_at = AT_NEVER};
        if (balance != NULL) {
            b->active = balance->active;
            b->pending = balance->pending;
            b->debt = balance->debt;
        }
        for (size_t i = 0; i < state->next_expiries_n; i++) {
            if (state->next_expiries[i].wallet == b->wallet && state->next_expiries[i].points > 0) {
                b->next_expiry_at = state->next_expiries[i].at;
                b->next_expiry_points = state->next_expiries[i].points;
            }
        }
    }
}

void answer_open(struct arena *arena, const struct program *program, const struct state *before,
                 const struct state *state, int64_t booked_at, struct answer *answer)
{
    answer->version = program->version;
    answer_balances(arena, program, state, answer);
    answer->tiers = arena_new(arena, struct answer_tier, program->tier_sets_n);
    answer->tiers_n = program->tier_sets_n;
    for (size_t i = 0; i < program->tier_sets_n; i++) {
        tier_answer(program, &program->tier_sets[i], before, state,
                    zone_day(program->zone, booked_at), &answer->tiers[i]);
    }
}

/* The achievements that the decision moved. */
static void answer_achievements(struct deciding *d)
{
    struct answer *answer = &d->out->answer;
    const struct program *program = d->now;
    const int32_t today = deciding_today(d);
    answer->achievements = arena_new(d->arena, struct answer_achievement, program->achievements_n);
    for (size_t i = 0; i < program->achievements_n; i++) {
        const struct achievement *a = &program->achievements[i];
        const struct achievement_standing was = achievement_standing(d->facts->state, a, today);
        const struct achievement_standing is = achievement_standing(d->out->state, a, today);
        if (was.value != is.value || was.completed != is.completed) {
            answer->achievements[answer->achievements_n++] =
                (struct answer_achievement){.achievement = a->symbol,
                                            .value = is.value,
                                            .target = is.target,
                                            .completed = is.completed};
        }
    }
}

/* The rewards that the decision issued or changed. */
static void answer_rewards(struct deciding *d)
{
    struct answer *answer = &d->out->answer;
    answer->rewards = arena_new(d->arena, struct answer_reward, d->out->issued_n);
    answer->rewards_n = answer->rewards_max = d->out->issued_n;
    for (size_t i = 0; i < d->out->issued_n; i++) {
        const struct issued *issued = &d->out->issued[i];
        answer->rewards[i] = (struct answer_reward){
            .id = issued->id,
            .reward = issued->reward,
            .origin = issued->origin,
            .kind = issued->kind,
            .state = issued->state,
            .expires_at = issued->expires_at,
            .amount = issued->amount,
        };
    }
}

/* Derived figures, the answer, and the split into hot and cold. */
void deciding_finish(struct deciding *d)
{
    struct state *state = d->out->state;
    if (state->lots_loaded) {
        ledger_next_expiries(d->arena, state, d->now->zone);
    }
    answer_points(d);
    answer_closed(d);
    answer_achievements(d);
    answer_rewards(d);
    answer_open(d->arena, d->now, d->facts->state, state, d->facts->booked_at, &d->out->answer);
    if (d->out->answer.tier_changes_n > 0) {
        d->out->answer.tier_event_before = state->last_tier_event;
        state->last_tier_event = d->booking.event;
    }
    if (state->referral.state != d->facts->state->referral.state) {
        d->out->answer.referral =
            (struct answer_referral){.definition = state->referral.definition,
                                     .state = state->referral.state,
                                     .held_until = state->referral.held_until};
    }
    state->last_event = d->out->is_silent ? state->last_event : d->booking.event;
    state_spill(d->arena, state, d->now->zone);
}

const char *decision_check(const struct state *before, const struct decision *decision)
{
    const struct state *after = decision->state;
    for (size_t i = 0; i < after->balances_n; i++) {
        const struct balance *is = &after->balances[i];
        const struct balance *was = state_balance_find(before, is->wallet);
        int64_t active = was ? was->active : 0;
        int64_t pending = was ? was->pending : 0;
        int64_t debt = was ? was->debt : 0;
        for (size_t t = 0; t < decision->transfers_n; t++) {
            const struct transfer *transfer = &decision->transfers[t];
            if (transfer->wallet != is->wallet) {
                continue;
            }
            active += transfer->points *
                      ((transfer->to == ACCOUNT_ACTIVE) - (transfer->from == ACCOUNT_ACTIVE));
            pending += transfer->points *
                       ((transfer->to == ACCOUNT_PENDING) - (transfer->from == ACCOUNT_PENDING));
            debt += transfer->points *
                    ((transfer->from == ACCOUNT_DEBT) - (transfer->to == ACCOUNT_DEBT));
        }
        if (active != is->active || pending != is->pending || debt != is->debt) {
            return "a balance does not equal its transfers";
        }
        if (is->active < 0 || is->pending < 0 || is->debt < 0) {
            return "a balance is below zero";
        }
        int64_t lots_active = 0;
        int64_t lots_pending = 0;
        for (size_t k = 0; k < after->lots_n; k++) {
            lots_active += after->lots[k].wallet == is->wallet ? after->lots[k].active : 0;
            lots_pending += after->lots[k].wallet == is->wallet ? after->lots[k].pending : 0;
        }
        if (after->lots_loaded && (lots_active != is->active || lots_pending != is->pending)) {
            return "a balance does not equal its lots";
        }
        if (is->debt > 0 && is->active > 0) {
            return "points are active while there is debt";
        }
    }
    return NULL;
}
