/* Answers as stored beside an event. Format 1 is frozen; format 2 is format 1 and sections after
 * it, written only where there is one. */
#include "base/base.h"
#include "core/decide.h"

#include "base/pack.h"

enum { RECORD_FORMAT = 1, SECTIONS_FORMAT = 2, LIST_MAX = 100000 };
// Tags of sections: append only.
enum {
    SECTION_END = 0,
    SECTION_ACHIEVEMENTS = 1,
    SECTION_REWARDS = 2,
    SECTION_NOT_RECOVERED = 3,
    SECTION_TIERS = 10,
    SECTION_REFERRAL = 20,
    SECTION_REVIEW = 30,
    SECTION_CLOSED = 40,
};

static void pack_at(struct buf *out, int64_t at)
{
    pack_u(out, at == AT_NEVER);
    pack_i(out, at == AT_NEVER ? 0 : at);
}

static int64_t unpack_at(struct unpack *in)
{
    const bool never = unpack_u(in) != 0;
    const int64_t at = unpack_i(in);
    return never ? AT_NEVER : at;
}

static void pack_achievements(struct buf *out, const struct answer *answer)
{
    pack_u(out, SECTION_ACHIEVEMENTS);
    pack_u(out, answer->achievements_n);
    for (size_t i = 0; i < answer->achievements_n; i++) {
        const struct answer_achievement *a = &answer->achievements[i];
        pack_u(out, (uint64_t)a->achievement);
        pack_i(out, a->value);
        pack_i(out, a->target);
        pack_i(out, a->completed);
    }
}

static void pack_rewards(struct buf *out, const struct answer *answer)
{
    pack_u(out, SECTION_REWARDS);
    pack_u(out, answer->rewards_n);
    for (size_t i = 0; i < answer->rewards_n; i++) {
        const struct answer_reward *r = &answer->rewards[i];
        pack_i(out, r->id);
        pack_u(out, (uint64_t)r->reward);
        pack_u(out, (uint64_t)r->origin);
        pack_u(out, (uint64_t)r->kind);
        pack_u(out, (uint64_t)r->state);
        pack_at(out, r->expires_at);
        pack_i(out, r->amount);
    }
}

static void pack_not_recovered(struct buf *out, const struct answer *answer)
{
    pack_u(out, SECTION_NOT_RECOVERED);
    pack_u(out, answer->not_recovered_n);
    for (size_t i = 0; i < answer->not_recovered_n; i++) {
        pack_i(out, answer->not_recovered[i]);
    }
}

static void pack_tier_changes(struct buf *out, const struct answer *answer)
{
    pack_u(out, SECTION_TIERS);
    pack_i(out, answer->tier_event_before);
    pack_u(out, answer->tier_changes_n);
    for (size_t i = 0; i < answer->tier_changes_n; i++) {
        const struct tier_change *c = &answer->tier_changes[i];
        pack_u(out, (uint64_t)c->set);
        pack_u(out, (uint64_t)c->from);
        pack_u(out, (uint64_t)c->to);
        pack_u(out, (uint64_t)c->why);
        pack_at(out, c->valid_until);
    }
}

static void pack_referral(struct buf *out, const struct answer *answer)
{
    pack_u(out, SECTION_REFERRAL);
    pack_u(out, (uint64_t)answer->referral.definition);
    pack_u(out, (uint64_t)answer->referral.state);
    pack_i(out, answer->referral.held_until);
}

static void pack_closed(struct buf *out, const struct answer *answer)
{
    pack_u(out, SECTION_CLOSED);
    pack_u(out, answer->closed_n);
    for (size_t i = 0; i < answer->closed_n; i++) {
        pack_u(out, (uint64_t)answer->closed[i]);
    }
}

static size_t sections_n(const struct answer *answer)
{
    return answer->achievements_n + answer->rewards_n + answer->not_recovered_n +
           answer->tier_changes_n + (answer->referral.state != REFERRAL_NONE) +
           (answer->review.id != 0) + answer->closed_n;
}

static void pack_sections(struct buf *out, const struct answer *answer)
{
    if (answer->achievements_n > 0) {
        pack_achievements(out, answer);
    }
    if (answer->rewards_n > 0) {
        pack_rewards(out, answer);
    }
    if (answer->not_recovered_n > 0) {
        pack_not_recovered(out, answer);
    }
    if (answer->tier_changes_n > 0) {
        pack_tier_changes(out, answer);
    }
    if (answer->referral.state != REFERRAL_NONE) {
        pack_referral(out, answer);
    }
    if (answer->review.id != 0) {
        pack_u(out, SECTION_REVIEW);
        pack_i(out, answer->review.id);
        pack_u(out, (uint64_t)answer->review.state);
    }
    if (answer->closed_n > 0) {
        pack_closed(out, answer);
    }
    pack_u(out, SECTION_END);
}

void answer_pack(struct buf *out, const struct answer *answer)
{
    pack_u(out, sections_n(answer) > 0 ? SECTIONS_FORMAT : RECORD_FORMAT);
    pack_u(out, (uint64_t)answer->outcome);
    pack_u(out, (uint64_t)answer->reason);
    pack_u(out, (uint64_t)answer->version);
    pack_u(out, answer->points_n);
    for (size_t i = 0; i < answer->points_n; i++) {
        const struct answer_points *p = &answer->points[i];
        pack_u(out, (uint64_t)p->wallet);
        pack_i(out, p->earned);
        pack_i(out, p->pending);
        pack_i(out, p->spent);
        pack_i(out, p->revoked);
    }
    pack_u(out, answer->balances_n);
    for (size_t i = 0; i < answer->balances_n; i++) {
        const struct answer_balance *b = &answer->balances[i];
        pack_u(out, (uint64_t)b->wallet);
        pack_i(out, b->active);
        pack_i(out, b->pending);
        pack_i(out, b->debt);
        pack_at(out, b->next_expiry_at);
        pack_i(out, b->next_expiry_points);
    }
    pack_u(out, answer->tiers_n);
    for (size_t i = 0; i < answer->tiers_n; i++) {
        const struct answer_tier *t = &answer->tiers[i];
        pack_u(out, (uint64_t)t->set);
        pack_u(out, (uint64_t)t->tier);
        pack_u(out, t->is_changed);
        pack_at(out, t->valid_until);
        pack_u(out, (uint64_t)t->metric);
        pack_i(out, t->value);
        pack_u(out, (uint64_t)t->next);
        pack_i(out, t->needed);
    }
    if (sections_n(answer) > 0) {
        pack_sections(out, answer);
    }
}

static void unpack_answer_lists(struct arena *arena, struct unpack *in, struct answer *answer)
{
    answer->points_n = unpack_count(in, LIST_MAX);
    answer->points = arena_new(arena, struct answer_points, answer->points_n);
    for (size_t i = 0; i < answer->points_n; i++) {
        struct answer_points *p = &answer->points[i];
        p->wallet = (int32_t)unpack_u(in);
        p->earned = unpack_i(in);
        p->pending = unpack_i(in);
        p->spent = unpack_i(in);
        p->revoked = unpack_i(in);
    }
    answer->balances_n = unpack_count(in, LIST_MAX);
    answer->balances = arena_new(arena, struct answer_balance, answer->balances_n);
    for (size_t i = 0; i < answer->balances_n; i++) {
        struct answer_balance *b = &answer->balances[i];
        b->wallet = (int32_t)unpack_u(in);
        b->active = unpack_i(in);
        b->pending = unpack_i(in);
        b->debt = unpack_i(in);
        b->next_expiry_at = unpack_at(in);
        b->next_expiry_points = unpack_i(in);
    }
    answer->tiers_n = unpack_count(in, LIST_MAX);
    answer->tiers = arena_new(arena, struct answer_tier, answer->tiers_n);
    for (size_t i = 0; i < answer->tiers_n; i++) {
        struct answer_tier *t = &answer->tiers[i];
        t->set = (int32_t)unpack_u(in);
        t->tier = (int32_t)unpack_u(in);
        t->is_changed = unpack_u(in) != 0;
        t->valid_until = unpack_at(in);
        t->metric = (int32_t)unpack_u(in);
        t->value = unpack_i(in);
        t->next = (int32_t)unpack_u(in);
        t->needed = unpack_i(in);
    }
}

static void unpack_achievements(struct arena *arena, struct unpack *in, struct answer *answer)
{
    answer->achievements_n = unpack_count(in, LIST_MAX);
    answer->achievements = arena_new(arena, struct answer_achievement, answer->achievements_n);
    for (size_t i = 0; i < answer->achievements_n; i++) {
        struct answer_achievement *a = &answer->achievements[i];
        a->achievement = (int32_t)unpack_u(in);
        a->value = unpack_i(in);
        a->target = unpack_i(in);
        a->completed = unpack_i(in);
    }
}

static void unpack_rewards(struct arena *arena, struct unpack *in, struct answer *answer)
{
    answer->rewards_n = answer->rewards_max = unpack_count(in, LIST_MAX);
    answer->rewards = arena_new(arena, struct answer_reward, answer->rewards_n);
    for (size_t i = 0; i < answer->rewards_n; i++) {
        struct answer_reward *r = &answer->rewards[i];
        r->id = unpack_i(in);
        r->reward = (int32_t)unpack_u(in);
        r->origin = (int32_t)unpack_u(in);
        const uint64_t kind = unpack_u(in);
        const uint64_t state = unpack_u(in);
        in->is_bad |= kind == 0 || kind >= REWARD_KINDS_N || state == 0 || state >= ISSUED_STATES_N;
        r->kind = in->is_bad ? REWARD_CODE : (enum reward_kind)kind;
        r->state = in->is_bad ? ISSUED_OPEN : (enum issued_state)state;
        r->expires_at = unpack_at(in);
        r->amount = unpack_i(in);
    }
}

static void unpack_not_recovered(struct arena *arena, struct unpack *in, struct answer *answer)
{
    answer->not_recovered_n = answer->not_recovered_max = unpack_count(in, LIST_MAX);
    answer->not_recovered = arena_new(arena, int64_t, answer->not_recovered_n);
    for (size_t i = 0; i < answer->not_recovered_n; i++) {
        answer->not_recovered[i] = unpack_i(in);
    }
}

static void unpack_tier_changes(struct arena *arena, struct unpack *in, struct answer *answer)
{
    answer->tier_event_before = unpack_i(in);
    answer->tier_changes_n = unpack_count(in, LIST_MAX);
    answer->tier_changes = arena_new(arena, struct tier_change, answer->tier_changes_n);
    for (size_t i = 0; i < answer->tier_changes_n && !in->is_bad; i++) {
        struct tier_change *c = &answer->tier_changes[i];
        c->set = (int32_t)unpack_u(in);
        c->from = (int32_t)unpack_u(in);
        c->to = (int32_t)unpack_u(in);
        const uint64_t why = unpack_u(in);
        in->is_bad |= why == WHY_UNCHANGED || why >= WHYS_N;
        c->why = in->is_bad ? WHY_ENTERED : (enum tier_why)why;
        c->valid_until = unpack_at(in);
    }
}

static void unpack_referral(struct unpack *in, struct answer *answer)
{
    answer->referral.definition = (int32_t)unpack_u(in);
    const uint64_t state = unpack_u(in);
    in->is_bad |= state == REFERRAL_NONE || state >= REFERRAL_STATES_N;
    answer->referral.state = in->is_bad ? REFERRAL_NONE : (enum referral_state)state;
    answer->referral.held_until = unpack_i(in);
}

static void unpack_review(struct unpack *in, struct answer *answer)
{
    answer->review.id = unpack_i(in);
    const uint64_t state = unpack_u(in);
    in->is_bad |= answer->review.id == 0 || state == REVIEW_NONE || state >= REVIEW_STATES_N;
    answer->review.state = in->is_bad ? REVIEW_NONE : (enum review_state)state;
}

static void unpack_closed(struct arena *arena, struct unpack *in, struct answer *answer)
{
    answer->closed_n = unpack_count(in, LIST_MAX);
    answer->closed = arena_new(arena, int32_t, answer->closed_n);
    for (size_t i = 0; i < answer->closed_n; i++) {
        answer->closed[i] = (int32_t)unpack_u(in);
    }
}

static void unpack_sections(struct arena *arena, struct unpack *in, struct answer *answer)
{
    for (uint64_t tag = unpack_u(in); tag != SECTION_END && !in->is_bad; tag = unpack_u(in)) {
        if (tag == SECTION_ACHIEVEMENTS) {
            unpack_achievements(arena, in, answer);
        } else if (tag == SECTION_REWARDS) {
            unpack_rewards(arena, in, answer);
        } else if (tag == SECTION_NOT_RECOVERED) {
            unpack_not_recovered(arena, in, answer);
        } else if (tag == SECTION_TIERS) {
            unpack_tier_changes(arena, in, answer);
        } else if (tag == SECTION_REFERRAL) {
            unpack_referral(in, answer);
        } else if (tag == SECTION_REVIEW) {
            unpack_review(in, answer);
        } else if (tag == SECTION_CLOSED) {
            unpack_closed(arena, in, answer);
        } else {
            in->is_bad = true; // of a newer release
        }
    }
}

enum err answer_unpack(struct arena *arena, struct str bytes, struct answer *out)
{
    struct answer answer = {0};
    struct unpack in = unpack_open(bytes);
    const uint64_t format = unpack_u(&in);
    in.is_bad |= format != RECORD_FORMAT && format != SECTIONS_FORMAT;
    const uint64_t outcome = unpack_u(&in);
    const uint64_t reason = unpack_u(&in);
    in.is_bad |= outcome > OUTCOME_HELD || reason >= REASONS_N;
    answer.outcome = in.is_bad ? OUTCOME_APPLIED : (enum outcome)outcome;
    answer.reason = in.is_bad ? REASON_NONE : (enum reason)reason;
    answer.version = (int)unpack_u(&in);
    unpack_answer_lists(arena, &in, &answer);
    if (format == SECTIONS_FORMAT) {
        unpack_sections(arena, &in, &answer);
    }
    if (!unpack_done(&in)) {
        return ERR_INTEGRITY;
    }
    *out = answer;
    return ERR_OK;
}
