/* Decision -> JSON, in the order that the contract gives. */
#include "base/base.h"
#include "api/answer_write.h"

#include "words/words.h"

static const char *const OUTCOMES[] = {
    [OUTCOME_APPLIED] = "applied", [OUTCOME_REFUSED] = "refused", [OUTCOME_HELD] = "held"};

enum err programs_follow(struct store *store, int64_t epoch)
{
    struct db *db = store_db(store);
    if (db_in_transaction(db)) {
        return store_programs_refresh(store, epoch);
    }
    // One snapshot for the several reads of a refresh; nothing is read while the epoch is known.
    if (store_programs_are_of(store, epoch)) {
        return ERR_OK;
    }
    try(db_begin(db, DB_READ));
    const enum err err = store_programs_refresh(store, epoch);
    db_rollback(db);
    return err;
}

static void event_write(struct json_out *w, const struct submission *s, bool is_dry)
{
    json_open(w, '{');
    json_key(w, "id");
    json_put_id(w, "evt_", is_dry ? 0 : s->event_id);
    json_key(w, "source");
    json_put_str(w, s->event.source);
    json_key(w, "external_id");
    json_put_str(w, s->event.external_id);
    json_key(w, "type");
    json_put_str(w, s->event.type);
    json_key(w, "time");
    json_put_instant(w, s->event.time);
    json_close(w, '}');
}

/* Entries of contests are points of wallets of their own, and shown apart. */
static bool is_contest(const struct store *store, int32_t wallet)
{
    return str_starts(store_symbol_slug(store, wallet), STR(CONTEST_WALLET));
}

static void points_write(struct json_out *w, const struct store *store, const struct answer *answer)
{
    json_open(w, '[');
    for (size_t i = 0; i < answer->balances_n; i++) {
        struct answer_points points = {.wallet = answer->balances[i].wallet};
        for (size_t k = 0; k < answer->points_n; k++) {
            if (answer->points[k].wallet == points.wallet) {
                points = answer->points[k];
            }
        }
        if (is_contest(store, points.wallet)) {
            continue;
        }
        json_open(w, '{');
        json_key(w, "wallet");
        json_put_str(w, store_symbol_slug(store, points.wallet));
        json_key(w, "earned");
        json_put_int(w, points.earned);
        json_key(w, "pending");
        json_put_int(w, points.pending);
        json_key(w, "spent");
        json_put_int(w, points.spent);
        json_key(w, "revoked");
        json_put_int(w, points.revoked);
        json_close(w, '}');
    }
    json_close(w, ']');
}

void balances_write(struct json_out *w, const struct store *store, const struct answer *answer)
{
    json_open(w, '[');
    for (size_t i = 0; i < answer->balances_n; i++) {
        const struct answer_balance *b = &answer->balances[i];
        if (is_contest(store, b->wallet)) {
            continue;
        }
        json_open(w, '{');
        json_key(w, "wallet");
        json_put_str(w, store_symbol_slug(store, b->wallet));
        json_key(w, "active");
        json_put_int(w, b->active);
        json_key(w, "pending");
        json_put_int(w, b->pending);
        json_key(w, "debt");
        json_put_int(w, b->debt);
        json_key(w, "next_expiry");
        if (b->next_expiry_at == AT_NEVER || b->next_expiry_points == 0) {
            json_put_null(w);
        } else {
            json_open(w, '{');
            json_key(w, "at");
            json_put_instant(w, b->next_expiry_at);
            json_key(w, "points");
            json_put_int(w, b->next_expiry_points);
            json_close(w, '}');
        }
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void slug_or_null(struct json_out *w, const struct store *store, int32_t symbol)
{
    if (symbol == 0) {
        json_put_null(w);
    } else {
        json_put_str(w, store_symbol_slug(store, symbol));
    }
}

static void progress_write(struct json_out *w, const struct store *store,
                           const struct answer_tier *tier)
{
    if (tier->metric == 0) {
        json_put_null(w); // the highest tier, or one that nothing leads to
        return;
    }
    json_open(w, '{');
    json_key(w, "metric");
    json_put_str(w, store_symbol_slug(store, tier->metric));
    json_key(w, "value");
    json_put_int(w, tier->value);
    json_key(w, "next");
    slug_or_null(w, store, tier->next);
    json_key(w, "needed");
    json_put_int(w, tier->needed);
    json_close(w, '}');
}

void tier_fields_write(struct json_out *w, const struct store *store,
                       const struct answer_tier *tier, bool with_change)
{
    json_key(w, "set");
    json_put_str(w, store_symbol_slug(store, tier->set));
    json_key(w, "tier");
    slug_or_null(w, store, tier->tier);
    if (with_change) {
        json_key(w, "changed");
        json_put_bool(w, tier->is_changed);
    }
    json_key(w, "valid_until");
    json_put_instant(w, tier->valid_until);
    json_key(w, "progress");
    progress_write(w, store, tier);
}

void tiers_write(struct json_out *w, const struct store *store, const struct answer *answer,
                 bool with_change)
{
    json_open(w, '[');
    for (size_t i = 0; i < answer->tiers_n; i++) {
        json_open(w, '{');
        tier_fields_write(w, store, &answer->tiers[i], with_change);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void achievements_write(struct json_out *w, const struct store *store,
                               const struct answer *answer)
{
    json_open(w, '[');
    for (size_t i = 0; i < answer->achievements_n; i++) {
        const struct answer_achievement *a = &answer->achievements[i];
        json_open(w, '{');
        json_key(w, "slug");
        json_put_str(w, store_symbol_slug(store, a->achievement));
        json_key(w, "value");
        json_put_int(w, a->value);
        json_key(w, "target");
        json_put_int(w, a->target);
        json_key(w, "completed");
        json_put_int(w, a->completed);
        json_close(w, '}');
    }
    json_close(w, ']');
}

struct str reward_kind_text(enum reward_kind kind)
{
    static const char *const KINDS[] = {"",          "money_off", "percent_off",  "free_product",
                                        "gift_card", "coupon",    "code",         "physical",
                                        "cashback",  "webhook",   "contest_entry"};
    _Static_assert(ARRAY_N(KINDS) == REWARD_KINDS_N, "one name per kind");
    return str_c(KINDS[kind]);
}

struct str issued_state_text(enum issued_state state)
{
    static const char *const STATES[] = {"", "issued", "reserved", "used", "cancelled", "expired"};
    _Static_assert(ARRAY_N(STATES) == ISSUED_STATES_N, "one name per state");
    return str_c(STATES[state]);
}

static void answer_rewards_write(struct json_out *w, const struct store *store,
                                 const struct answer *answer, bool is_dry)
{
    json_open(w, '[');
    for (size_t i = 0; i < answer->rewards_n; i++) {
        const struct answer_reward *r = &answer->rewards[i];
        json_open(w, '{');
        json_key(w, "id");
        json_put_id(w, "rwd_", is_dry ? 0 : r->id);
        json_key(w, "reward");
        json_put_str(w, store_symbol_slug(store, r->reward));
        json_key(w, "kind");
        json_put_str(w, reward_kind_text(r->kind));
        json_key(w, "state");
        json_put_str(w, issued_state_text(r->state));
        json_key(w, "code");
        if (r->code.n > 0) {
            json_put_str(w, r->code);
        } else {
            json_put_null(w);
        }
        json_key(w, "expires_at");
        json_put_instant(w, r->expires_at);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void referral_moved_write(struct json_out *w, const struct store *store,
                                 const struct answer_referral *referral)
{
    json_key(w, "referral");
    json_open(w, '{');
    json_key(w, "referral");
    slug_or_null(w, store, referral->definition);
    json_key(w, "state");
    json_put_str(w, referral_state_slug(referral->state));
    json_key(w, "held_until");
    json_put_instant(w, referral->held_until == 0 ? AT_NEVER : referral->held_until);
    json_close(w, '}');
}

static void answer_review_write(struct json_out *w, const struct answer_review *review)
{
    json_key(w, "review");
    json_open(w, '{');
    json_key(w, "id");
    json_put_id(w, "rvw_", review->id);
    json_key(w, "state");
    json_put_str(w, review_state_slug(review->state));
    json_close(w, '}');
}

/* ---- explain ---- */

static void explain_rule_write(struct json_out *w, struct words *words,
                               const struct program *program, const struct explain_rule *e)
{
    json_open(w, '{');
    json_key(w, "rule");
    json_put_str(w, program->rules[e->rule].slug);
    json_key(w, "version");
    json_put_int(w, program->version);
    json_key(w, "fired");
    json_put_bool(w, e->fired);
    json_key(w, "inputs");
    json_open(w, '{');
    json_key(w, "base");
    json_put_int(w, e->base);
    json_key(w, "points_before_caps");
    json_put_int(w, e->points_before_caps);
    json_key(w, "points");
    json_put_int(w, e->points);
    json_key(w, "clipped_by");
    if (e->clipped_by.n > 0) {
        json_put_str(w, e->clipped_by);
    } else {
        json_put_null(w);
    }
    json_key(w, "missing");
    if (e->gap.n > 0) {
        json_put_str(w, e->gap);
    } else {
        json_put_null(w);
    }
    json_close(w, '}');
    json_key(w, "failed");
    if (e->fired) {
        json_put_null(w);
    } else {
        json_open(w, '{');
        json_key(w, "stage");
        json_put_str(w, e->stage);
        json_key(w, "pointer");
        json_put_str(w, e->pointer);
        json_key(w, "condition");
        json_put_raw(w, e->condition.n ? e->condition : STR("null"));
        json_key(w, "actual");
        json_put_raw(w, e->actual.n ? e->actual : STR("null"));
        json_close(w, '}');
    }
    json_key(w, "text");
    json_put_str(w, words_explain(words, e));
    json_close(w, '}');
}

static enum err explain_write(struct json_out *w, struct store *store, const struct submission *s)
{
    const struct program *program = NULL;
    struct arena *arena = w->buf->arena;
    struct words *words = NULL;
    struct str language = {0};
    json_key(w, "explain");
    json_open(w, '[');
    if (s->explain_n > 0) {
        try(store_program_version(store, s->rules_version, &program));
        try(store_member_language(store, arena, s->member, &language));
        words = words_open(arena, program, language);
        if (words == NULL) {
            return ERR_INTERNAL;
        }
    }
    for (size_t i = 0; i < s->explain_n; i++) {
        explain_rule_write(w, words, program, &s->explain[i]);
    }
    words_close(words);
    json_close(w, ']');
    return ERR_OK;
}

static bool has_closed(const struct answer *answer, int32_t wallet)
{
    for (size_t i = 0; i < answer->closed_n; i++) {
        if (answer->closed[i] == wallet) {
            return true;
        }
    }
    return false;
}

/* The open contests that the event has moved: entries given and taken, and those in all. */
static void contests_write(struct json_out *w, const struct store *store,
                           const struct answer *answer)
{
    json_key(w, "contests");
    json_open(w, '[');
    for (size_t i = 0; i < answer->points_n; i++) {
        const struct answer_points *p = &answer->points[i];
        if (!is_contest(store, p->wallet) || has_closed(answer, p->wallet) ||
            (p->earned == 0 && p->revoked == 0)) {
            continue;
        }
        json_open(w, '{');
        json_key(w, "contest");
        json_put_str(w, str_after(store_symbol_slug(store, p->wallet), sizeof CONTEST_WALLET - 1));
        json_key(w, "earned");
        json_put_int(w, p->earned);
        json_key(w, "pending");
        json_put_int(w, p->pending);
        json_key(w, "revoked");
        json_put_int(w, p->revoked);
        for (size_t k = 0; k < answer->balances_n; k++) {
            if (answer->balances[k].wallet == p->wallet) {
                json_key(w, "tickets");
                json_put_int(w, answer->balances[k].active);
            }
        }
        json_close(w, '}');
    }
    json_close(w, ']');
}

enum err answer_write(struct json_out *w, struct store *store, const struct submission *s,
                      bool is_dry)
{
    const struct answer *answer = &s->answer;
    ensure(s->has_answer);
    ensure(s->err == ERR_OK);
    try(programs_follow(store, s->epoch));
    json_open(w, '{');
    json_key(w, "event");
    event_write(w, s, is_dry);
    json_key(w, "member");
    json_put_id(w, "mbr_", s->member);
    json_key(w, "outcome");
    json_put_str(w, str_c(OUTCOMES[answer->outcome]));
    if (answer->outcome != OUTCOME_APPLIED) {
        json_key(w, "reason");
        json_put_str(w, reason_slug(answer->reason));
    }
    json_key(w, "points");
    points_write(w, store, answer);
    json_key(w, "balances");
    balances_write(w, store, answer);
    json_key(w, "tiers");
    tiers_write(w, store, answer, true);
    json_key(w, "rewards");
    answer_rewards_write(w, store, answer, is_dry);
    json_key(w, "achievements");
    achievements_write(w, store, answer);
    contests_write(w, store, answer);
    json_key(w, "messages");
    json_put_int(w, 0);
    json_key(w, "not_recovered");
    json_open(w, '[');
    for (size_t i = 0; i < answer->not_recovered_n; i++) {
        json_put_id(w, "rwd_", answer->not_recovered[i]);
    }
    json_close(w, ']');
    if (answer->referral.state != REFERRAL_NONE) {
        referral_moved_write(w, store, &answer->referral);
    }
    if (answer->review.id != 0) {
        answer_review_write(w, &answer->review);
    }
    if (s->wants_explain) {
        try(explain_write(w, store, s));
    }
    json_close(w, '}');
    return ERR_OK;
}
