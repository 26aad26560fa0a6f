/* Loading what a batch needs: members by identifier, locks, known events, facts, held events. */
#include "base/base.h"
#include "engine/batch.h"

#include "engine/batch_internal.h"
#include "store/frozen.h"
#include "store/rewards.h"

/* Members named by subjects. Enrolments' identifiers are looked up too: a taken one is a conflict.
 */
static enum err find_members(struct batch *b, int64_t **found)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        n += b->list[i]->kind == SUBMIT_ENROL ? b->list[i]->enrolment.identifiers_n : 1;
    }
    struct identifier *identifiers = arena_new(b->arena, struct identifier, n);
    int64_t *members = arena_new(b->arena, int64_t, n);
    size_t at = 0;
    for (size_t i = 0; i < b->n; i++) {
        const struct submission *s = b->list[i];
        for (size_t k = 0; s->kind == SUBMIT_ENROL && k < s->enrolment.identifiers_n; k++) {
            identifiers[at++] = s->enrolment.identifiers[k];
        }
        if (s->kind == SUBMIT_EVENT) {
            identifiers[at++] = s->subject;
        } else if (s->kind == SUBMIT_TIMERS) {
            identifiers[at++] = (struct identifier){.kind = IDENT_MEMBER, .member = s->member};
        }
    }
    try(b->mode == BATCH_APPLY ? store_members_meet(b->store, b->arena, identifiers, at, members)
                               : store_members_find(b->store, b->arena, identifiers, at, members));
    *found = arena_new(b->arena, int64_t, b->n);
    at = 0;
    for (size_t i = 0; i < b->n; i++) {
        struct submission *s = b->list[i];
        if (s->kind != SUBMIT_ENROL) {
            (*found)[i] = members[at++];
            continue;
        }
        for (size_t k = 0; k < s->enrolment.identifiers_n; k++) {
            (*found)[i] = members[at] != 0 ? members[at] : (*found)[i];
            at++;
        }
    }
    return ERR_OK;
}

static bool names_by_value(const struct submission *s)
{
    return s->kind == SUBMIT_EVENT && identifier_is_natural(&s->subject);
}

/* Hashes of the identifiers that this batch's members take; returns how many. */
static size_t taken_hashes(const struct batch *b, unsigned char (*out)[VAULT_HASH_BYTES])
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        const struct submission *s = b->list[i];
        for (size_t k = 0; s->kind == SUBMIT_ENROL && k < s->enrolment.identifiers_n; k++) {
            memcpy(out[n++], s->enrolment.identifiers[k].hash, VAULT_HASH_BYTES);
        }
        for (size_t k = 0; k < s->found_by_n; k++) {
            memcpy(out[n++], s->found_by[k].hash, VAULT_HASH_BYTES);
        }
    }
    return n;
}

/* Somebody may be about to take an identifier that nobody has: then their enrolment sees what is
 * held for it here, or this batch sees them. */
static enum err lock_strangers(struct batch *b, int64_t *found)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        const struct submission *s = b->list[i];
        n += (names_by_value(s) && found[i] == 0) + s->enrolment.identifiers_n + s->found_by_n;
    }
    if (n == 0) {
        return ERR_OK; // everybody is known, and nobody comes
    }
    unsigned char(*hashes)[VAULT_HASH_BYTES] =
        arena_bytes(b->arena, arena_size(VAULT_HASH_BYTES, n));
    struct identifier *strangers = arena_new(b->arena, struct identifier, b->n);
    size_t *places = arena_new(b->arena, size_t, b->n);
    size_t strangers_n = 0;
    bool may_have_come = false;
    n = taken_hashes(b, hashes);
    for (size_t i = 0; i < b->n; i++) {
        const struct submission *s = b->list[i];
        if (names_by_value(s) && found[i] == 0) {
            memcpy(hashes[n++], s->subject.hash, VAULT_HASH_BYTES);
            strangers[strangers_n] = s->subject;
            places[strangers_n++] = i;
        }
    }
    try(store_strangers_lock(b->store, b->arena, (const unsigned char(*)[VAULT_HASH_BYTES])hashes,
                             n, &may_have_come));
    if (!may_have_come || strangers_n == 0) {
        return ERR_OK;
    }
    int64_t *members = arena_new(b->arena, int64_t, strangers_n);
    try(store_members_find(b->store, b->arena, strangers, strangers_n, members));
    for (size_t i = 0; i < strangers_n; i++) {
        found[places[i]] = members[i];
    }
    return ERR_OK;
}

/* While this batch waited for a member's lock they were forgotten: whoever their identifier leads
 * to now, or nobody, is found by the next run. */
static enum err check_forgotten(struct batch *b, const int64_t *found)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct submission *s = b->list[i];
        const struct member_facts *member =
            names_by_value(s) && found[i] != 0 ? batch_member(b, found[i]) : NULL;
        int64_t now = 0;
        if (member == NULL || !batch_is_forgotten(member)) {
            continue;
        }
        try(store_members_find(b->store, b->arena, &s->subject, 1, &now));
        if (now != found[i]) {
            return ERR_RETRY;
        }
    }
    return ERR_OK;
}

static int id_order(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static size_t sort_unique(int64_t *ids, size_t n)
{
    size_t kept = 0;
    if (n > 1) {
        qsort(ids, n, sizeof *ids, id_order);
    }
    for (size_t i = 0; i < n; i++) {
        if (ids[i] > 0 && (kept == 0 || ids[kept - 1] != ids[i])) {
            ids[kept++] = ids[i];
        }
    }
    return kept;
}

static bool is_zero(const unsigned char hash[VAULT_HASH_BYTES])
{
    static const unsigned char ZERO[VAULT_HASH_BYTES];
    return memcmp(hash, ZERO, VAULT_HASH_BYTES) == 0;
}

/* An event of a member that names no other. What is sent by strangers is looked up, so that no key
 * is made for what is known. */
static bool is_supposed_new(const struct batch *b, const struct submission *s, int64_t member)
{
    return b->supposes_new && s->kind == SUBMIT_EVENT && member != 0 && s->relay == NULL &&
           is_zero(s->original_hash);
}

bool batch_will_tell(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        if (b->is_supposed[i] && map_find(&b->known, b->list[i]->hash) == NULL) {
            return false;
        }
    }
    return true;
}

/* Events that are known already, and originals that refunds and changes name. */
static enum err find_known(struct batch *b, const int64_t *found)
{
    unsigned char(*hashes)[VAULT_HASH_BYTES] =
        arena_bytes(b->arena, arena_size(VAULT_HASH_BYTES, b->n * 2));
    size_t n = 0;
    struct known_event *known = NULL;
    size_t known_n = 0;
    b->is_supposed = arena_new(b->arena, bool, b->n);
    for (size_t i = 0; i < b->n; i++) {
        const struct submission *s = b->list[i];
        b->is_supposed[i] = is_supposed_new(b, s, found[i]);
        if (s->kind == SUBMIT_TIMERS || b->is_supposed[i]) {
            continue;
        }
        memcpy(hashes[n++], s->hash, VAULT_HASH_BYTES);
        if (!is_zero(s->original_hash)) {
            memcpy(hashes[n++], s->original_hash, VAULT_HASH_BYTES);
        }
    }
    try(store_events_known(b->store, b->arena, (const unsigned char(*)[VAULT_HASH_BYTES])hashes, n,
                           &known, &known_n));
    for (size_t i = 0; i < known_n; i++) {
        map_set(&b->known, known[i].hash, &known[i]);
    }
    return ERR_OK;
}

/* Whoever the originals belong to is loaded too: a refund is accepted without effect where its
 * purchase is that of a forgotten member, whose identifiers are gone. Returns how many ids there
 * are then. */
static size_t add_owners(struct batch *b, int64_t *ids, size_t n)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct submission *s = b->list[i];
        const struct known_event *original =
            is_zero(s->original_hash) ? NULL : map_find(&b->known, s->original_hash);
        if (original != NULL && known_owner(original) > 0) {
            ids[n++] = known_owner(original);
        }
    }
    return sort_unique(ids, n);
}

static enum err load_members(struct batch *b, int64_t *ids, size_t n)
{
    struct member_facts *facts = arena_new(b->arena, struct member_facts, n);
    for (size_t i = 0; i < n; i++) {
        facts[i].member = ids[i];
    }
    try(store_facts_load(b->store, b->arena, facts, n, store_programs_read_profiles(b->store)));
    for (size_t i = 0; i < n; i++) {
        if (facts[i].exists) {
            map_set_int(&b->members, facts[i].member, &facts[i]);
        }
    }
    return ERR_OK;
}

/* Answers of events that were sent before: their rows, opened with their member's key. */
static enum err load_replays(struct batch *b)
{
    int64_t *members = arena_new(b->arena, int64_t, b->n);
    int64_t *events = arena_new(b->arena, int64_t, b->n);
    struct vault_key *keys = arena_new(b->arena, struct vault_key, b->n);
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        const struct submission *s = b->list[i];
        const struct known_event *known =
            s->kind == SUBMIT_TIMERS ? NULL : map_find(&b->known, s->hash);
        if (known == NULL || known->member <= 0 ||
            map_find_int(&b->replays, known->event) != NULL) {
            continue;
        }
        const struct member_facts *facts = batch_member(b, known->member);
        members[n] = known->member;
        events[n] = known->event;
        keys[n++] = facts ? facts->key : (struct vault_key){0};
        map_set_int(&b->replays, known->event, b); // marked; the row follows
    }
    struct event_row *rows = arena_new(b->arena, struct event_row, n);
    try(store_events_read(b->store, b->arena, members, events, n, keys, rows));
    for (size_t i = 0; i < n; i++) {
        map_set_int(&b->replays, rows[i].id, &rows[i]);
    }
    return ERR_OK;
}

/* Is it known of one that was supposed to be new? */
static bool is_mistaken(const struct batch *b, const struct known_event *known)
{
    for (size_t i = 0; i < b->n; i++) {
        if (b->is_supposed[i] && memcmp(b->list[i]->hash, known->hash, VAULT_HASH_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

/* Purchases that waiting and refused events are about, where they are known. */
static enum err find_originals(struct batch *b)
{
    unsigned char(*hashes)[VAULT_HASH_BYTES] =
        arena_bytes(b->arena, arena_size(VAULT_HASH_BYTES, b->waiting_n + b->refused.n));
    struct known_event *known = NULL;
    size_t n = 0;
    for (size_t i = 0; i < b->waiting_n + b->refused.n; i++) {
        const struct event *event =
            i < b->waiting_n ? &b->waiting[i].event : &b->refused.rows[i - b->waiting_n].event;
        if (event->original.id.n > 0) {
            const struct str source =
                event->original.source.n > 0 ? event->original.source : event->source;
            vault_natural_key(store_vault(b->store), source, event->original.id, hashes[n++]);
        }
    }
    try(store_events_known(b->store, b->arena, (const unsigned char(*)[VAULT_HASH_BYTES])hashes, n,
                           &known, &n));
    for (size_t i = 0; i < n; i++) {
        if (is_mistaken(b, &known[i])) {
            return ERR_RETRY; // its answer was not loaded
        }
        if (map_find(&b->known, known[i].hash) == NULL) {
            map_set(&b->known, known[i].hash, &known[i]);
        }
    }
    return ERR_OK;
}

/* What a suspension has refused, where it ends by this batch and that is to be decided. */
static enum err load_refused(struct batch *b)
{
    struct submission *s = b->list[0];
    const struct member_facts *member = NULL;
    if (b->n != 1 || s->kind != SUBMIT_EVENT || !s->decides_refused ||
        map_find(&b->known, s->hash) != NULL) {
        return ERR_OK;
    }
    member = batch_member(b, s->subject.member);
    if (member == NULL || member->key.version == 0 || !member->state->is_suspended ||
        store_member_is_frozen(b->store, member->member)) {
        return ERR_OK; // nobody, no suspension to end, or books that are not to be written
    }
    const enum err err = store_refused_load(b->store, b->arena, member, &b->refused);
    if (err == ERR_TOO_LARGE) {
        b->refused_is_beyond = true;
        return ERR_OK;
    }
    return err;
}

/* Events that wait for a person of this batch's enrolments, or for one of its purchases. */
static enum err load_waiting(struct batch *b)
{
    size_t n = b->refused.n;
    for (size_t i = 0; i < b->n; i++) {
        n += 1 + b->list[i]->enrolment.identifiers_n + b->list[i]->found_by_n;
    }
    unsigned char(*hashes)[VAULT_HASH_BYTES] =
        arena_bytes(b->arena, arena_size(VAULT_HASH_BYTES, n));
    n = taken_hashes(b, hashes);
    for (size_t i = 0; i < b->n; i++) {
        const struct submission *s = b->list[i];
        if (s->kind == SUBMIT_EVENT && s->event.kind == EVENT_PURCHASE) {
            memcpy(hashes[n++], s->hash, VAULT_HASH_BYTES);
        }
    }
    for (size_t i = 0; i < b->refused.n; i++) {
        const struct event *event = &b->refused.rows[i].event;
        if (event->kind == EVENT_PURCHASE) {
            vault_natural_key(store_vault(b->store), event->source, event->external_id,
                              hashes[n++]);
        }
    }
    try(store_held_find(b->store, b->arena, (const unsigned char(*)[VAULT_HASH_BYTES])hashes, n,
                        &b->waiting, &b->waiting_n));
    for (size_t i = 0; i < b->waiting_n; i++) {
        if (b->waiting[i].expires_at <= b->now) {
            b->waiting[i].id = 0; // waited longer than the program allows, and not swept yet
        }
    }
    return find_originals(b);
}

/* Keys of members that this batch enrols, committed before their rows are (security.md 3). */
static enum err make_keys(struct batch *b, const int64_t *found)
{
    b->new_ids = arena_new(b->arena, int64_t, b->n);
    b->new_keys = arena_new(b->arena, struct vault_key, b->n);
    b->refused_ids = arena_new(b->arena, int64_t, b->refused.n);
    b->refused_keys = arena_new(b->arena, struct vault_key, b->refused.n);
    int64_t *ids = arena_new(b->arena, int64_t, b->n + b->refused.n);
    struct vault_key *keys = arena_new(b->arena, struct vault_key, b->n + b->refused.n);
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        const struct submission *s = b->list[i];
        // An event of an unknown person may enrol them, or be held under a key of its own: one key
        // serves either.
        const bool needs_key = s->kind == SUBMIT_ENROL || (names_by_value(s) && found[i] == 0) ||
                               (s->kind == SUBMIT_EVENT && s->event.original.id.n > 0);
        if (needs_key && (s->kind == SUBMIT_ENROL ? found[i] == 0 : true)) {
            b->new_ids[i] = id_next(store_ids(b->store), b->now);
            ids[n++] = b->new_ids[i];
        }
    }
    for (size_t i = 0; i < b->refused.n; i++) {
        if (batch_is_early(b, &b->refused.rows[i])) {
            b->refused_ids[i] = id_next(store_ids(b->store), b->now);
            ids[n++] = b->refused_ids[i];
        }
    }
    if (b->mode != BATCH_DRY_RUN) {
        try(store_keys_make(b->store, ids, n, b->now, keys));
    }
    size_t k = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (b->new_ids[i] != 0) {
            b->new_keys[i] = keys[k++];
        }
    }
    for (size_t i = 0; i < b->refused.n; i++) {
        if (b->refused_ids[i] != 0) {
            b->refused_keys[i] = keys[k++];
        }
    }
    return ERR_OK;
}

/* Rewards that events name by their codes. */
static enum err find_rewards(struct batch *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        n += b->list[i]->event.rewards_n;
    }
    if (n == 0) {
        return ERR_OK;
    }
    struct str *codes = arena_new(b->arena, struct str, n);
    int64_t *ids = arena_new(b->arena, int64_t, n);
    int64_t *members = arena_new(b->arena, int64_t, n);
    n = 0;
    for (size_t i = 0; i < b->n; i++) {
        for (size_t k = 0; k < b->list[i]->event.rewards_n; k++) {
            codes[n++] = b->list[i]->event.rewards[k].text;
        }
    }
    try(store_codes_find(b->store, b->arena, codes, n, ids, members));
    n = 0;
    for (size_t i = 0; i < b->n; i++) {
        for (size_t k = 0; k < b->list[i]->event.rewards_n; k++, n++) {
            struct reward_ref *ref = &b->list[i]->event.rewards[k];
            ref->id = ref->id != 0 ? ref->id : ids[n]; // an id was read where it was sent
        }
    }
    return ERR_OK;
}

/* Redemption codes that were entered. */
static enum err find_codes(struct batch *b)
{
    struct redemption *list = arena_new(b->arena, struct redemption, b->n);
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (b->list[i]->event.kind == EVENT_CODE_ENTERED) {
            batch_code_hash(b, &b->list[i]->event, list[n++].hash);
        }
    }
    try(store_redemptions_find(b->store, b->arena, list, n));
    for (size_t i = 0; i < n; i++) {
        if (map_find(&b->codes, list[i].hash) == NULL) {
            map_set(&b->codes, list[i].hash, &list[i]);
        }
    }
    return ERR_OK;
}

enum err batch_load(struct batch *b)
{
    int64_t *found = NULL;
    try(find_members(b, &found));
    if (b->mode != BATCH_DRY_RUN) {
        try(lock_strangers(b, found));
    }
    int64_t *ids = arena_new(b->arena, int64_t, b->n * 2); // subjects, and owners of originals
    for (size_t i = 0; i < b->n; i++) {
        ids[i] = found[i];
    }
    const size_t n = sort_unique(ids, b->n);
    if (b->mode != BATCH_DRY_RUN) {
        try(store_members_lock(b->store, b->arena, ids, n));
    }
    try(find_known(b, found));
    try(load_members(b, ids, add_owners(b, ids, n)));
    if (b->mode != BATCH_DRY_RUN) {
        try(check_forgotten(b, found));
    }
    try(load_replays(b));
    try(load_refused(b));
    try(load_waiting(b));
    try(find_rewards(b));
    try(find_codes(b));
    try(batch_load_advocates(b));
    try(make_keys(b, found));
    for (size_t i = 0; i < b->n; i++) {
        b->list[i]->member = found[i];
    }
    if (b->program_now->has_shared) {
        b->has_shared = true;
        try(store_shared_read(b->store, b->arena, &b->shared, &b->shared_n));
        b->shared_max = b->shared_n;
    }
    return ERR_OK;
}
