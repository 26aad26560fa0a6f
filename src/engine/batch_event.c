/* One event of a member: what the core lacks, its decision, and what the batch keeps of that. */
#include "base/base.h"
#include "engine/batch.h"

#include "engine/batch_internal.h"

#include "base/log.h"
#include "store/rewards.h"
#include "vault/code.h"

/* ---- effects ---- */

void batch_mark_dirty(struct batch *b, struct member_facts *facts)
{
    if (!facts->is_dirty) {
        facts->is_dirty = true;
        arena_room(b->arena, b->effects.members, b->effects.members_n, b->effects.members_max);
        b->effects.members[b->effects.members_n++] = facts;
    }
}

void batch_note_known(struct batch *b, const struct submission *s, int64_t member, int64_t event)
{
    struct known_event *known = arena_new(b->arena, struct known_event, 1);
    memcpy(known->hash, s->hash, VAULT_HASH_BYTES);
    memcpy(known->fingerprint, s->fingerprint, VAULT_FINGERPRINT_BYTES);
    known->member = member;
    known->event = event;
    map_set(&b->known, known->hash, known);
}

static void note_shared(struct batch *b, const struct shared_use *use)
{
    for (size_t i = 0; i < b->shared_n; i++) {
        if (b->shared[i].symbol == use->symbol && b->shared[i].day == use->day) {
            b->shared[i].points = int64_max(0, b->shared[i].points + use->points);
            return;
        }
    }
    arena_room(b->arena, b->shared, b->shared_n, b->shared_max);
    b->shared[b->shared_n++] = (struct shared_use){
        .symbol = use->symbol, .day = use->day, .points = int64_max(0, use->points)};
}

void batch_code_hash(const struct batch *b, const struct event *event,
                     unsigned char hash[VAULT_HASH_BYTES])
{
    code_hash(b->arena, store_vault(b->store), json_str(json_at(event->data, "code")), hash);
}

/* What is known of a code that was entered: a fixed one of the program, or one of those uploaded
 * and generated. */
static void know_code(const struct batch *b, const struct program *program,
                      const struct event *event, struct facts *facts)
{
    unsigned char hash[VAULT_HASH_BYTES];
    if (event->kind != EVENT_CODE_ENTERED) {
        return;
    }
    const struct str entered = code_normal(b->arena, json_str(json_at(event->data, "code")));
    for (size_t i = 0; i < program->redemption_codes_n; i++) {
        const struct redemption_code *code = &program->redemption_codes[i];
        if (code->fixed.n > 0 && str_eq(code_normal(b->arena, code->fixed), entered)) {
            facts->redemption_code = code->symbol;
            return;
        }
    }
    batch_code_hash(b, event, hash);
    const struct redemption *known = map_find(&b->codes, hash);
    if (known != NULL) {
        facts->redemption_code = known->definition;
        facts->code_used = known->used;
    }
}

/* Who a subscription is, without its name: that is sealed. */
static uint64_t subscription_key(const struct batch *b, const struct event *event)
{
    unsigned char hash[VAULT_HASH_BYTES];
    uint64_t key = 0;
    if (event_kind_is_subscription(event->kind)) {
        vault_natural_key(store_vault(b->store), STR("subscription"),
                          json_str(json_at(event->data, "subscription")), hash);
        memcpy(&key, hash, sizeof key);
    }
    return key;
}

/* The next who enters the code in this batch finds it used. */
static void note_code(struct batch *b, const struct decision *decision)
{
    unsigned char hash[VAULT_HASH_BYTES];
    if (!decision->uses_code) {
        return;
    }
    batch_code_hash(b, &decision->event, hash);
    struct redemption *known = map_find(&b->codes, hash);
    ensure(known != NULL);
    arena_room(b->arena, b->effects.codes, b->effects.codes_n, b->effects.codes_max);
    struct code_use *use = &b->effects.codes[b->effects.codes_n++];
    memcpy(use->hash, hash, VAULT_HASH_BYTES);
    use->used = known->used++;
}

/* Codes are drawn when a decision is applied, and stored with it. */
static enum err take_code(struct batch *b, struct issued *issued)
{
    if (b->mode == BATCH_DRY_RUN) {
        return ERR_OK; // what is only tried has no code
    }
    if (issued->pool != 0) {
        return store_coupon_read(b->store, b->arena, issued->pool, issued->pool_n, &issued->code);
    }
    issued->code = code_draw(b->arena);
    return ERR_OK;
}

/* Later events of the batch see the rewards as this one leaves them. */
static enum err note_rewards(struct batch *b, struct decision *decision)
{
    for (size_t i = 0; i < decision->issued_n; i++) {
        struct issued *issued = &decision->issued[i];
        if (issued->event == decision->event_id && issued->row_version == 0 &&
            issued->code.n == 0) {
            try(take_code(b, issued));
        }
        decision->answer.rewards[i].code = issued->code;
        map_set_int(&b->issued, issued->id, issued);
    }
    return ERR_OK;
}

/* Takes a decision over into the batch: the member's next event sees it. `s` NULL: the clock's or a
 * released one. */
enum err batch_note_decision(struct batch *b, struct member_facts *facts, struct decision *decision,
                             const struct submission *s, int64_t credential)
{
    const char *broken = decision_check(facts->state, decision);
    if (broken != NULL) {
        log_line(LOG_ERROR, "engine", "decision_check=\"%s\" member=%" PRId64, broken,
                 facts->member);
        return ERR_INTERNAL;
    }
    try(note_rewards(b, decision));
    note_code(b, decision);
    decision->state->version = facts->state->version;
    facts->state = decision->state;
    batch_mark_dirty(b, facts);
    for (size_t i = 0; i < decision->shared_n; i++) {
        note_shared(b, &decision->shared[i]);
    }
    if (decision->purchase != NULL) {
        map_set_int(&b->purchases, decision->purchase->id, decision->purchase);
    }
    if (event_kind_can_be_undone(decision->event.kind) && decision->has_inputs) {
        batch_note_purchase(b, decision, decision->inputs.program);
    }
    arena_room(b->arena, b->effects.events, b->effects.events_n, b->effects.events_max);
    struct applied_event *applied = &b->effects.events[b->effects.events_n++];
    *applied = (struct applied_event){
        .decision = decision, .member = facts, .credential = credential, .has_key = s != NULL};
    if (s != NULL) {
        memcpy(applied->hash, s->hash, VAULT_HASH_BYTES);
        memcpy(applied->fingerprint, s->fingerprint, VAULT_FINGERPRINT_BYTES);
        batch_note_known(b, s, facts->member, decision->event_id);
    }
    return ERR_OK;
}

/* A purchase decided in this batch can be refunded in it, and what a referral or a review has given
 * taken back. */
void batch_note_purchase(struct batch *b, const struct decision *decision,
                         const struct program *program)
{
    struct purchase *purchase = arena_new(b->arena, struct purchase, 1);
    *purchase = (struct purchase){
        .id = decision->event_id,
        .program = program,
        .content = decision->event,
        .inputs = decision->inputs,
        .booked_at = b->now,
        .outcome = decision->answer.outcome,
        .spent = decision->spent,
        .spent_n = decision->spent_n,
        .rewards = decision->answer.rewards,
        .rewards_n = decision->answer.rewards_n,
        .content_event = decision->event_id,
    };
    map_set_int(&b->purchases, purchase->id, purchase);
}

/* ---- deciding ---- */

/* Issued rewards that a decision asks for: as this batch has left them, else from the database. */
static enum err supply_issued(struct batch *b, const struct member_facts *member,
                              struct facts *facts, const struct needs *needs)
{
    const struct issued **list =
        arena_new(b->arena, const struct issued *, facts->issued_n + needs->issued_n);
    int64_t *missing = arena_new(b->arena, int64_t, needs->issued_n);
    size_t missing_n = 0;
    struct issued *read = NULL;
    size_t read_n = 0;
    for (size_t i = 0; i < needs->issued_n; i++) {
        if (map_find_int(&b->issued, needs->issued[i]) == NULL) {
            missing[missing_n++] = needs->issued[i];
        }
    }
    try(store_issued_load(b->store, b->arena, member, missing, missing_n, &read, &read_n));
    for (size_t i = 0; i < read_n; i++) {
        map_set_int(&b->issued, read[i].id, &read[i]);
    }
    for (size_t i = 0; i < facts->issued_n; i++) {
        list[i] = facts->issued[i];
    }
    for (size_t i = 0; i < needs->issued_n; i++) {
        static const struct issued NOBODYS;
        struct issued *known = map_find_int(&b->issued, needs->issued[i]);
        if (known == NULL) { // another member's, or none: an issued reward of nobody
            known = arena_new(b->arena, struct issued, 1);
            *known = NOBODYS;
            known->id = needs->issued[i];
            known->state = ISSUED_CANCELLED;
        }
        list[facts->issued_n++] = known;
    }
    facts->issued = list;
    return ERR_OK;
}

enum err batch_supply(struct batch *b, struct member_facts *member, struct facts *facts,
                      const struct needs *needs)
{
    if (needs->issued_n > 0) {
        try(supply_issued(b, member, facts, needs));
    }
    if (needs->zone) {
        try(batch_supply_zone(b, member, facts));
    }
    if (needs->likeness) {
        try(batch_supply_likeness(b, member, facts));
    }
    if (needs->opening != 0) {
        try(batch_supply_opening(b, member, facts, needs->opening));
    }
    if (needs->lots) {
        try(store_state_load_lots(b->store, b->arena, member->state));
    }
    if (needs->counters) {
        try(store_state_load_counters(b->store, b->arena, member->state));
    }
    if (needs->purchase != 0) {
        struct purchase *purchase = map_find_int(&b->purchases, needs->purchase);
        if (purchase == NULL) {
            purchase = arena_new(b->arena, struct purchase, 1);
            try(store_purchase_load(b->store, b->arena, member, needs->purchase, purchase));
            map_set_int(&b->purchases, purchase->id, purchase);
        }
        const struct purchase **list =
            arena_new(b->arena, const struct purchase *, facts->purchases_n + 1);
        for (size_t i = 0; i < facts->purchases_n; i++) {
            list[i] = facts->purchases[i];
        }
        list[facts->purchases_n++] = purchase;
        facts->purchases = list;
    }
    facts->state = member->state;
    return ERR_OK;
}

/* A member's events and transfers are numbered in the order of booking, whichever process booked
 * the ones before. */
void batch_follow_ids(struct batch *b, const struct member_facts *member)
{
    id_beyond(store_ids(b->store),
              int64_max(member->state->last_event, member->state->last_transfer));
}

enum err batch_decide_event(struct batch *b, struct member_facts *member, const struct event *event,
                            const unsigned char original_hash[VAULT_HASH_BYTES], bool wants_explain,
                            struct decision *out)
{
    const struct program *program = NULL;
    struct needs needs;
    unsigned char commitment[VAULT_COMMITMENT_BYTES];
    try(store_program_at(b->store, event->time, &program));
    const struct known_event *original =
        event->original.id.n > 0 ? map_find(&b->known, original_hash) : NULL;
    struct facts facts = {
        .state = member->state,
        .profile = member->profile,
        .original = original != NULL ? known_id(original) : 0,
        .original_member = original != NULL ? known_owner(original) : 0,
        .shared = b->shared,
        .shared_n = b->shared_n,
        .booked_at = b->now,
        .is_forgotten = batch_is_forgotten(member),
        .wants_explain = wants_explain,
        .program_now = b->program_now,
    };
    if (event->reason.n > 0 && member->key.version != 0) {
        vault_commit(&member->key, (struct vault_place){"transfer", "reason", member->member},
                     event->reason, commitment);
        facts.reason_commitment = commitment;
    }
    know_code(b, program, event, &facts);
    try(batch_know_advocate(b, member, event, &facts));
    facts.subscription_key = subscription_key(b, event);
    try(batch_know_proof(b, member, event->subject, &facts));
    batch_follow_ids(b, member);
    for (int round = 0; round < NEEDS_ROUNDS_MAX; round++) {
        const enum err err =
            decide(b->arena, program, &facts, event, store_ids(b->store), &needs, out);
        if (err != ERR_RETRY) {
            return err;
        }
        try(batch_supply(b, member, &facts, &needs));
    }
    return ERR_INTERNAL;
}
