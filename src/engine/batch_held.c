/* Events that wait: for a person, or for a purchase; and those that a suspension has refused. */
#include "base/base.h"
#include "engine/batch.h"

#include "engine/batch_internal.h"

static struct applied_held *hold(struct batch *b, const struct held_event *held,
                                 const struct vault_key *key,
                                 const unsigned char wait_hash[VAULT_HASH_BYTES])
{
    arena_room(b->arena, b->effects.held, b->effects.held_n, b->effects.held_max);
    struct applied_held *applied = &b->effects.held[b->effects.held_n++];
    *applied = (struct applied_held){.held = *held, .key = *key};
    applied->held.received_at = b->now;
    applied->held.expires_at = b->now + b->program_now->hold_days * MS_PER_DAY;
    memcpy(applied->held.wait_hash, wait_hash, VAULT_HASH_BYTES);
    return applied;
}

void batch_hold(struct batch *b, size_t index, bool waits_for_purchase,
                const unsigned char wait_hash[VAULT_HASH_BYTES], int64_t member, bool has_key)
{
    const struct submission *s = b->list[index];
    const struct held_event held = {
        .id = b->new_ids[index],
        .waits_for_purchase = waits_for_purchase,
        .member = member,
        .credential = s->credential,
        .event = s->event,
    };
    struct applied_held *applied = hold(b, &held, &b->new_keys[index], wait_hash);
    applied->has_key = has_key;
    memcpy(applied->hash, s->hash, VAULT_HASH_BYTES);
    memcpy(applied->fingerprint, s->fingerprint, VAULT_FINGERPRINT_BYTES);
}

/* The natural key stays with the event that was held or refused, whose replay says so for ever;
 * what is said of the purchase from now on finds what it has become. */
static void note_released(struct batch *b, const struct held_event *held, bool was_refused,
                          const struct decision *decision)
{
    unsigned char hash[VAULT_HASH_BYTES];
    const bool is_named =
        held->event.kind == EVENT_PURCHASE && (was_refused || !held->waits_for_purchase);
    arena_room(b->arena, b->effects.released, b->effects.released_n, b->effects.released_max);
    b->effects.released[b->effects.released_n++] =
        (struct released_event){.held = held->id,
                                .member = decision->member,
                                .event = decision->event_id,
                                .is_named = is_named,
                                .was_refused = was_refused};
    if (!is_named) {
        return;
    }
    vault_natural_key(store_vault(b->store), held->event.source, held->event.external_id, hash);
    struct known_event *known = map_find(&b->known, hash);
    if (known == NULL) {
        known = arena_new(b->arena, struct known_event, 1);
        *known = (struct known_event){.member = was_refused ? decision->member : EVENT_OF_HELD,
                                      .event = held->id};
        memcpy(known->hash, hash, VAULT_HASH_BYTES);
        map_set(&b->known, known->hash, known);
    }
    known->decided_member = decision->member;
    known->decided_event = decision->event_id;
}

/* The natural key of the purchase that a held event is about. */
static void original_of(const struct batch *b, const struct event *event,
                        unsigned char hash[VAULT_HASH_BYTES])
{
    const struct str source = event->original.source.n > 0 ? event->original.source : event->source;
    vault_natural_key(store_vault(b->store), source, event->original.id, hash);
}

/* By its own time, like an event that came late. */
static enum err decide_waiting(struct batch *b, struct member_facts *member,
                               const struct held_event *held,
                               const unsigned char original[VAULT_HASH_BYTES],
                               struct decision *decision)
{
    const struct program *program = NULL;
    try(batch_decide_event(b, member, &held->event, original, false, decision));
    try(batch_note_decision(b, member, decision, NULL, held->credential));
    try(store_program_at(b->store, held->event.time, &program));
    if (held->event.kind == EVENT_PURCHASE) {
        batch_note_purchase(b, decision, program);
    }
    return ERR_OK;
}

/* What is due comes first, as before any event; but what is applied with its purchase is one with
 * it. */
static enum err release_one(struct batch *b, struct member_facts *member,
                            const struct held_event *held, bool is_with_purchase)
{
    struct decision *decision = arena_new(b->arena, struct decision, 1);
    unsigned char original[VAULT_HASH_BYTES] = {0};
    bool more = false;
    if (!is_with_purchase) {
        try(batch_timers_run(b, member, b->now, &more));
    }
    if (held->event.original.id.n > 0) {
        original_of(b, &held->event, original);
    }
    try(decide_waiting(b, member, held, original, decision));
    note_released(b, held, false, decision);
    return ERR_OK;
}

static bool can_be_decided(const struct batch *b, const struct event *event)
{
    unsigned char hash[VAULT_HASH_BYTES];
    if (event_kind_class(event->kind) != EVENT_CLASS_AFTER_PURCHASE) {
        return true;
    }
    original_of(b, event, hash);
    const struct known_event *original = map_find(&b->known, hash);
    return original != NULL && known_id(original) != 0;
}

static bool waits_for(const struct held_event *held, const unsigned char hash[VAULT_HASH_BYTES],
                      int64_t member)
{
    return held->id != 0 && memcmp(held->wait_hash, hash, VAULT_HASH_BYTES) == 0 &&
           (!held->waits_for_purchase || held->member == member);
}

/* The person is known now, the purchase still is not: it waits for that. */
static void wait_on(struct batch *b, struct held_event *held, int64_t member)
{
    held->waits_for_purchase = true;
    held->member = member;
    original_of(b, &held->event, held->wait_hash);
}

/* The events that wait in this batch or in the database, in the order of arrival. */
static struct held_event *waiting_at(struct batch *b, size_t i, bool *is_stored)
{
    *is_stored = i < b->waiting_n;
    return *is_stored ? &b->waiting[i] : &b->effects.held[i - b->waiting_n].held;
}

static bool is_released(const struct batch *b, const struct held_event *held)
{
    for (size_t i = 0; i < b->effects.released_n; i++) {
        if (b->effects.released[i].held == held->id) {
            return true;
        }
    }
    return false;
}

static bool is_about(const struct event *event, const struct event *purchase)
{
    const struct str source = event->original.source.n > 0 ? event->original.source : event->source;
    return str_eq(event->original.id, purchase->external_id) && str_eq(source, purchase->source);
}

/* What has arrived before its purchase is applied with it, not after all that has arrived since. */
static enum err release_with(struct batch *b, struct member_facts *member,
                             const unsigned char hash[VAULT_HASH_BYTES],
                             const struct event *purchase, size_t before)
{
    bool is_stored = false;
    for (size_t i = 0; i < before; i++) {
        const struct held_event held = *waiting_at(b, i, &is_stored);
        if (is_about(&held.event, purchase) && waits_for(&held, hash, member->member) &&
            !is_released(b, &held) && can_be_decided(b, &held.event)) {
            try(release_one(b, member, &held, true));
        }
    }
    return ERR_OK;
}

/* One way through all that waits; *any is set when something was decided, which may make more
 * decidable. */
static enum err release_round(struct batch *b, struct member_facts *member,
                              const unsigned char hash[VAULT_HASH_BYTES], bool *any)
{
    bool is_stored = false;
    for (size_t i = 0; i < b->waiting_n + b->effects.held_n; i++) {
        const struct held_event held = *waiting_at(b, i, &is_stored);
        if (!waits_for(&held, hash, member->member) || is_released(b, &held) ||
            !can_be_decided(b, &held.event)) {
            continue;
        }
        try(release_one(b, member, &held, held.waits_for_purchase));
        *any = true;
        if (held.event.kind == EVENT_PURCHASE) {
            try(release_with(b, member, hash, &held.event, i));
        }
    }
    return ERR_OK;
}

enum err batch_release(struct batch *b, struct member_facts *member,
                       const unsigned char hash[VAULT_HASH_BYTES])
{
    bool is_stored = false;
    for (bool any = true; any;) {
        any = false;
        try(release_round(b, member, hash, &any));
    }
    for (size_t i = 0; i < b->waiting_n + b->effects.held_n; i++) {
        struct held_event *held = waiting_at(b, i, &is_stored);
        if (!waits_for(held, hash, member->member) || is_released(b, held)) {
            continue;
        }
        wait_on(b, held, member->member);
        if (is_stored) {
            arena_room(b->arena, b->effects.waiting, b->effects.waiting_n, b->effects.waiting_max);
            b->effects.waiting[b->effects.waiting_n++] = *held;
        }
    }
    return ERR_OK;
}

/* ---- what a suspension has refused ---- */

bool batch_is_early(const struct batch *b, const struct event_row *row)
{
    unsigned char hash[VAULT_HASH_BYTES];
    if (event_kind_class(row->event.kind) != EVENT_CLASS_AFTER_PURCHASE ||
        row->event.original.id.n == 0) {
        return false;
    }
    original_of(b, &row->event, hash);
    const struct known_event *original = map_find(&b->known, hash);
    return original == NULL || known_id(original) == 0 ||
           (original->member == row->member && original->decided_event == 0 &&
            original->event > row->id);
}

/* The clock's own events of the suspension were refused, and those that lifted events bring about
 * within it are too; balances, orders and tiers go their way by it, each in its time. */
static enum err run_suspended(struct batch *b, struct member_facts *member, int64_t until)
{
    bool more = false;
    member->state->is_suspended = true;
    try(batch_timers_run(b, member, int64_min(until, b->now), &more));
    member->state->is_suspended = false;
    return ERR_OK;
}

/* What waited for a purchase is decided with it. */
static enum err lift_one(struct batch *b, struct member_facts *member, size_t i)
{
    static const unsigned char UNKNOWN[VAULT_HASH_BYTES];
    const struct event_row *row = &b->refused.rows[i];
    struct held_event refused = {.id = row->id,
                                 .waits_for_purchase = true,
                                 .member = member->member,
                                 .credential = row->credential,
                                 .event = row->event};
    struct decision *decision = arena_new(b->arena, struct decision, 1);
    unsigned char hash[VAULT_HASH_BYTES] = {0};
    const bool is_early = batch_is_early(b, row);
    try(run_suspended(b, member, row->event.time));
    if (row->event.original.id.n > 0) {
        original_of(b, &row->event, hash);
    }
    try(decide_waiting(b, member, &refused, is_early ? UNKNOWN : hash, decision));
    note_released(b, &refused, true, decision);
    ensure(is_early == (decision->answer.outcome == OUTCOME_HELD));
    if (is_early) {
        ensure(b->refused_ids[i] != 0);
        refused.id = b->refused_ids[i];
        (void)hold(b, &refused, &b->refused_keys[i], hash); // under the natural key that it has
    }
    if (decision->releases != 0) {
        vault_natural_key(store_vault(b->store), row->event.source, row->event.external_id, hash);
        try(batch_release(b, member, hash));
    }
    return ERR_OK;
}

enum err batch_lift(struct batch *b, struct member_facts *member, struct submission *s)
{
    ensure(s->decides_refused);
    ensure(b->n == 1);
    const bool stays = b->refused.left > 0;
    member->state->is_suspended = false;
    for (size_t i = 0; i < b->refused.n; i++) {
        try(lift_one(b, member, i));
    }
    if (!stays) {
        try(run_suspended(b, member, b->now));
    }
    member->state->is_suspended = stays;
    s->lifted.decided_n = (int64_t)b->refused.n;
    s->lifted.passed_n = b->refused.passed;
    s->lifted.left_n = b->refused.left;
    return ERR_OK;
}
