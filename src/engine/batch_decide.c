/* One submission of a batch: known? due timers; decide; note the effects in memory. */
#include "base/base.h"
#include "engine/batch.h"

#include "engine/batch_internal.h"

#include "engine/relay.h"
#include "vault/code.h"
#include "store/frozen.h"

static void fail_one(struct submission *s, enum err err, const char *pointer, const char *text)
{
    s->err = fail(&s->fail, err, pointer, "%s", text);
}

/* ---- answers ---- */

void batch_answer(struct batch *b, struct submission *s, const struct decision *decision)
{
    struct buf packed;
    buf_open(&packed, s->arena, 16 * 1024 * 1024);
    answer_pack(&packed, &decision->answer);
    const enum err err = answer_unpack(s->arena, buf_view(&packed), &s->answer);
    ensure(err == ERR_OK);
    for (size_t i = 0; i < s->answer.rewards_n; i++) {
        s->answer.rewards[i].code =
            str_dup(s->arena, decision->answer.rewards[i].code); // sealed, not packed
    }
    s->has_answer = true;
    s->epoch = b->epoch;
    s->event_id = decision->event_id;
    s->member = decision->member;
    s->rules_version =
        decision->has_inputs ? decision->inputs.program->version : decision->answer.version;
    if (s->wants_explain) {
        explain_copy(s->arena, decision->explain, decision->explain_n, s);
    }
}

/* An answer without a member: held for an unknown person, or a sale without subject. */
static void plain_answer(struct batch *b, struct submission *s, int64_t id, enum outcome outcome,
                         enum reason reason)
{
    s->answer =
        (struct answer){.outcome = outcome, .reason = reason, .version = b->program_now->version};
    s->has_answer = true;
    s->epoch = b->epoch;
    s->event_id = id;
    s->member = 0;
}

static enum err replay(struct batch *b, struct submission *s, const struct known_event *known)
{
    if (memcmp(known->fingerprint, s->fingerprint, VAULT_FINGERPRINT_BYTES) != 0) {
        fail_one(s, ERR_EVENT_CONFLICT, "",
                 "An event with this source and id was sent before with other content: give the "
                 "new event its own id.");
        return ERR_OK;
    }
    s->is_replay = true;
    if (known->member <= 0) {
        plain_answer(b, s, known->event,
                     known->member == EVENT_OF_HELD ? OUTCOME_HELD : OUTCOME_APPLIED,
                     known->member == EVENT_OF_HELD ? REASON_UNKNOWN_MEMBER : REASON_NONE);
        return ERR_OK;
    }
    // Sent twice in this batch: the first one's decision is the answer.
    for (size_t i = 0; i < b->effects.events_n; i++) {
        if (b->effects.events[i].decision->event_id == known->event) {
            batch_answer(b, s, b->effects.events[i].decision);
            return ERR_OK;
        }
    }
    const struct event_row *row = map_find_int(&b->replays, known->event);
    ensure(row != NULL);
    if (!event_kind_is_public(s->event.kind)) {
        s->event.time =
            row->event
                .time; // of the first booking: the server's own events are not sent with a time
    }
    struct decision stored = {.event_id = row->id, .member = row->member, .answer = row->answer};
    const bool wants_explain = s->wants_explain;
    s->wants_explain = false;
    batch_answer(b, s, &stored);
    s->rules_version = row->version;
    s->wants_explain = wants_explain;
    return wants_explain ? batch_explain_again(b, s, row) : ERR_OK;
}

/* ---- kinds of submission ---- */

static void note_sale(struct batch *b, struct submission *s)
{
    const int64_t id = id_next(store_ids(b->store), b->now);
    arena_room(b->arena, b->effects.sales, b->effects.sales_n, b->effects.sales_max);
    struct applied_sale *sale = &b->effects.sales[b->effects.sales_n++];
    *sale = (struct applied_sale){
        .id = id, .event = &s->event, .booked_at = b->now, .credential = s->credential};
    memcpy(sale->hash, s->hash, VAULT_HASH_BYTES);
    memcpy(sale->fingerprint, s->fingerprint, VAULT_FINGERPRINT_BYTES);
    batch_note_known(b, s, EVENT_OF_SALE, id);
    plain_answer(b, s, id, OUTCOME_APPLIED, REASON_NONE);
}

static enum err add_member(struct batch *b, size_t index, const struct enrolment *enrolment,
                           int64_t enrolled_at, struct member_facts **out)
{
    struct member_facts *facts = arena_new(b->arena, struct member_facts, 1);
    struct state *state = arena_new(b->arena, struct state, 1);
    struct profile *profile = arena_new(b->arena, struct profile, 1);
    state_open(b->arena, b->new_ids[index], enrolled_at, state);
    *profile = (struct profile){
        .birth_on = enrolment->clear.birth_on,
        .birth_entered_at = enrolment->clear.birth_entered_at,
        .gender = enrolment->clear.gender,
        .country = enrolment->clear.country,
        .city = enrolment->clear.city,
        .language = enrolment->clear.language,
    };
    try(store_profile_lists(b->arena, enrolment->clear.tags, enrolment->clear.attributes, profile));
    *facts = (struct member_facts){
        .member = b->new_ids[index],
        .exists = true,
        .is_new = true,
        .key = b->new_keys[index],
        .state = state,
        .profile = profile,
    };
    map_set_int(&b->members, facts->member, facts);
    for (size_t i = 0; i < enrolment->identifiers_n; i++) {
        map_set(&b->identifiers, enrolment->identifiers[i].hash, facts);
    }
    arena_room(b->arena, b->effects.enrolments, b->effects.enrolments_n, b->effects.enrolments_max);
    struct enrolment *added = &b->effects.enrolments[b->effects.enrolments_n++];
    *added = *enrolment;
    added->member = facts->member;
    added->facts = facts;
    added->enrolled_at = enrolled_at;
    if (b->program_now->referrals_n > 0 && b->mode != BATCH_DRY_RUN) {
        added->referral_code = code_draw(b->arena);
    }
    *out = facts;
    return ERR_OK;
}

static enum err enrol(struct batch *b, size_t index)
{
    struct submission *s = b->list[index];
    bool is_taken = s->member != 0 && b->new_ids[index] == 0;
    for (size_t i = 0; i < s->enrolment.identifiers_n; i++) {
        is_taken |= map_find(&b->identifiers, s->enrolment.identifiers[i].hash) != NULL;
    }
    if (is_taken) {
        fail_one(s, ERR_IDENTIFIER_TAKEN, "",
                 "A member with one of these identifiers exists already: look them up instead.");
        return ERR_OK;
    }
    if (!batch_may_be_brought(b, s)) {
        return ERR_OK;
    }
    struct member_facts *member = NULL;
    try(add_member(b, index, &s->enrolment,
                   s->may_import ? int64_min(s->event.time, b->now) : b->now, &member));
    struct decision *decision = arena_new(b->arena, struct decision, 1);
    s->event.time = member->state->enrolled_at;
    try(batch_decide_event(b, member, &s->event, s->original_hash, s->wants_explain, decision));
    try(batch_note_decision(b, member, decision, s, s->credential));
    for (size_t i = 0; i < s->enrolment.identifiers_n; i++) {
        try(batch_release(b, member, s->enrolment.identifiers[i].hash));
    }
    batch_answer(b, s, decision);
    if (member->state != decision->state) {
        // Held events were decided with the enrolment: the answer shows the balances after them.
        answer_open(s->arena, b->program_now, NULL, member->state, b->now, &s->answer);
    }
    return ERR_OK;
}

/* The program's policy for events of unknown people. */
static enum err meet_stranger(struct batch *b, size_t index, struct member_facts **member)
{
    struct submission *s = b->list[index];
    *member = s->subject.kind == IDENT_MEMBER ? NULL : map_find(&b->identifiers, s->subject.hash);
    if (*member != NULL) {
        return ERR_OK;
    }
    const bool has_name = s->subject.kind != IDENT_MEMBER;
    if (!has_name || b->program_now->unknown_members == UNKNOWN_REFUSE ||
        !event_kind_is_public(s->event.kind)) {
        fail_one(s, ERR_UNKNOWN_MEMBER, "/subject",
                 "No member has this identifier: enrol them first, then send the event again.");
        return ERR_OK;
    }
    if (b->program_now->unknown_members == UNKNOWN_HOLD) {
        batch_hold(b, index, false, s->subject.hash, 0, true);
        batch_note_known(b, s, EVENT_OF_HELD, b->new_ids[index]);
        plain_answer(b, s, b->new_ids[index], OUTCOME_HELD, REASON_UNKNOWN_MEMBER);
        return ERR_OK;
    }
    static const char *const FIELDS[] = {"", "external_id", "email", "phone", "card"};
    struct buf profile;
    buf_open(&profile, b->arena, 4096);
    struct json_out w = json_out(&profile);
    json_open(&w, '{');
    json_key(&w, FIELDS[s->subject.kind]);
    json_put_str(&w, s->subject.normal);
    json_close(&w, '}');
    const struct enrolment enrolment = {
        .identifiers = &s->subject,
        .identifiers_n = 1,
        .sealed_profile = buf_view(&profile),
        .clear = {.birth_on = INT32_MIN, .tags = STR("[]"), .attributes = STR("{}")},
    };
    try(add_member(b, index, &enrolment, b->now, member));
    char id[ID_TEXT_BYTES + 1];
    id_write("mbr_", (*member)->member, id);
    const struct event event = {
        .kind = EVENT_ENROLLED,
        .type = STR("member.enrolled"),
        .source = STR("loyald/enrolment"),
        .external_id = str_dup(b->arena, str_c(id)),
        .time = b->now,
    };
    struct decision *decision = arena_new(b->arena, struct decision, 1);
    try(batch_decide_event(b, *member, &event, s->original_hash, false, decision));
    return batch_note_decision(b, *member, decision, NULL, s->credential);
}

/* The forgotten member whom an event about a purchase is about: the purchase says so where the
 * subject, whose identifiers are gone, cannot. NULL: none. */
static struct member_facts *forgotten_of(struct batch *b, const struct submission *s,
                                         struct member_facts *subject)
{
    if (event_kind_class(s->event.kind) != EVENT_CLASS_AFTER_PURCHASE ||
        event_kind_is_review(s->event.kind)) {
        return NULL;
    }
    const struct known_event *original = map_find(&b->known, s->original_hash);
    struct member_facts *owner = original != NULL ? batch_member(b, known_owner(original)) : NULL;
    if (owner != NULL && batch_is_forgotten(owner)) {
        return owner;
    }
    return subject != NULL && batch_is_forgotten(subject) ? subject : NULL;
}

/* Accepted without effect (domain.md 8): an event in the forgotten member's timeline, nothing else.
 */
static enum err submit_forgotten(struct batch *b, struct submission *s, struct member_facts *member)
{
    struct decision *decision = arena_new(b->arena, struct decision, 1);
    try(batch_decide_event(b, member, &s->event, s->original_hash, s->wants_explain, decision));
    try(batch_note_decision(b, member, decision, s, s->credential));
    batch_answer(b, s, decision);
    return ERR_OK;
}

/* What has waited for this purchase was applied with it: its answer, which is stored with it, shows
 * the member as they are now. */
static enum err release_for(struct batch *b, const struct submission *s,
                            struct member_facts *member, const struct state *before,
                            struct decision *decision)
{
    if (decision->releases == 0) {
        return ERR_OK;
    }
    try(batch_release(b, member, s->hash));
    if (member->state != decision->state) {
        answer_open(b->arena, b->program_now, before, member->state, b->now, &decision->answer);
    }
    return ERR_OK;
}

static enum err submit_event(struct batch *b, size_t index)
{
    struct submission *s = b->list[index];
    const struct program *program = NULL;
    struct member_facts *member = batch_member(b, s->member);
    bool more = false;
    try(store_program_at(b->store, s->event.time, &program));
    s->err = event_check(program, &s->event, b->now, s->may_import, &s->fail);
    if (s->err != ERR_OK) {
        return ERR_OK;
    }
    if (s->subject.kind == IDENT_NONE) {
        note_sale(b, s);
        return ERR_OK;
    }
    struct member_facts *forgotten = forgotten_of(b, s, member);
    const struct member_facts *whose = forgotten != NULL ? forgotten : member;
    if (whose != NULL && store_member_is_frozen(b->store, whose->member)) {
        fail_one(s, ERR_MEMBER_FROZEN, "",
                 "The self-check has found this member's books damaged: see docs/verify.md for how "
                 "they are released, then send it "
                 "again (where there is an Idempotency-Key, with a new one).");
        return ERR_OK;
    }
    if (forgotten != NULL) {
        return submit_forgotten(b, s, forgotten);
    }
    if (member == NULL && s->member != 0 && s->subject.kind != IDENT_MEMBER) {
        fail_one(s, ERR_INTEGRITY, "/subject",
                 "The index names a member who is not there: run loyald verify.");
        return ERR_OK;
    }
    if (member == NULL) {
        try(meet_stranger(b, index, &member));
        if (member == NULL) {
            return ERR_OK; // refused or held
        }
    }
    if (batch_is_forgotten(member) && s->event.kind != EVENT_MEMBER_ERASED) {
        fail_one(s, ERR_UNKNOWN_MEMBER, "/subject", "This member was erased.");
        return ERR_OK;
    }
    if (b->refused_is_beyond) {
        fail_one(s, ERR_NOT_SUPPORTED, "/decide_refused",
                 "More than 100,000 events were booked since the suspension: resume without "
                 "decide_refused, and adjust the points by hand.");
        return ERR_OK;
    }
    try(batch_timers_run(b, member, b->now, &more));
    if (s->decides_refused) {
        s->event.reason = b->refused.left > 0 ? STR("decide_refused") : STR("resume");
    }
    const struct state *before = member->state;
    struct decision *decision = arena_new(b->arena, struct decision, 1);
    const enum err err =
        batch_decide_event(b, member, &s->event, s->original_hash, s->wants_explain, decision);
    if (err == ERR_NOT_FOUND || err == ERR_INTEGRITY) {
        fail_one(s, ERR_INTEGRITY, "", "The original of this event cannot be read.");
        return ERR_OK;
    }
    try(err);
    if (decision->answer.outcome == OUTCOME_REFUSED && s->refusal_is_error) {
        batch_note_wrong_code(b, member, decision);
        batch_fail_refusal(s, decision->answer.reason);
        return ERR_OK;
    }
    if (!relay_may_be_booked(b, s, decision)) {
        return ERR_OK;
    }
    try(batch_note_decision(b, member, decision, s, s->credential));
    if (s->event.kind == EVENT_PURCHASE) {
        batch_note_purchase(b, decision, program);
    }
    if (decision->answer.outcome == OUTCOME_HELD) {
        batch_hold(b, index, true, s->original_hash, member->member, false);
    }
    try(release_for(b, s, member, before, decision));
    for (size_t i = 0; i < s->found_by_n; i++) {
        try(batch_release(b, member, s->found_by[i].hash));
    }
    if (s->decides_refused) {
        try(batch_lift(b, member, s));
    }
    batch_answer(b, s, decision);
    if (s->decides_refused) { // the answer shows the balances after them
        answer_open(s->arena, b->program_now, NULL, member->state, b->now, &s->answer);
    }
    return ERR_OK;
}

static enum err submit_timers(struct batch *b, struct submission *s)
{
    struct member_facts *member = batch_member(b, s->member);
    if (member == NULL || member->key.version == 0 || store_member_is_frozen(b->store, s->member)) {
        return ERR_OK; // forgotten meanwhile, or not to be written
    }
    s->more_is_due = b->timers_n >= TIMERS_PER_BATCH_MAX;
    if (!s->more_is_due) {
        try(batch_timers_run(b, member, b->now, &s->more_is_due));
    }
    try(batch_arm(b, member));
    if (member->state->timer_at <= b->now) {
        batch_mark_dirty(b, member); // fired: the row is armed again or goes
    }
    return ERR_OK;
}

static enum err decide_one(struct batch *b, size_t index)
{
    struct submission *s = b->list[index];
    if (s->kind == SUBMIT_TIMERS) {
        return submit_timers(b, s);
    }
    const struct known_event *known = map_find(&b->known, s->hash);
    if (known != NULL) {
        return replay(b, s, known);
    }
    return s->kind == SUBMIT_ENROL ? enrol(b, index) : submit_event(b, index);
}

enum err batch_decide(struct batch *b, size_t index)
{
    try(decide_one(b, index));
    relay_settle(b, b->list[index]);
    return ERR_OK;
}
