/* Writing what a batch has decided: one statement per table, however large the batch. */
#include "base/base.h"
#include "store/store.h"

#include "store/contests.h"
#include "store/referrals.h"
#include "store/relays.h"
#include "store/reviews.h"
#include "store/rewards.h"
#include "store/store_internal.h"

enum { TIMER_LEDGER = 0 };

static struct db_value text_or_null(struct str s)
{
    return s.n > 0 ? db_text(s) : db_null();
}

static enum err apply_identifiers(struct store *store, struct arena *arena,
                                  const struct batch_effects *effects)
{
    size_t n = 0;
    for (size_t i = 0; i < effects->enrolments_n; i++) {
        n += effects->enrolments[i].identifiers_n;
    }
    struct db_value *rows = arena_new(arena, struct db_value, n * 3);
    size_t at = 0;
    int64_t inserted = 0;
    for (size_t i = 0; i < effects->enrolments_n; i++) {
        const struct enrolment *enrolment = &effects->enrolments[i];
        for (size_t k = 0; k < enrolment->identifiers_n; k++) {
            rows[at++] = db_int(enrolment->identifiers[k].kind);
            rows[at++] = db_blob(enrolment->identifiers[k].hash, VAULT_HASH_BYTES);
            rows[at++] = db_int(enrolment->member);
        }
    }
    try(db_exec_rows(store->db, Q_IDENTIFIERS_INSERT, rows, n, 3, &inserted));
    return (size_t)inserted == n ? ERR_OK : ERR_RETRY;
}

void clear_row(int64_t member, const struct clear_profile *clear, struct db_value row[CLEAR_COLS])
{
    const bool has_birth = clear->birth_on != INT32_MIN;
    const struct civil birth = civil_of_day(has_birth ? clear->birth_on : 0);
    const struct db_value values[CLEAR_COLS] = {
        db_int(member),
        db_int_or_null(birth.year, has_birth),
        db_int_or_null(birth.month, has_birth),
        db_int_or_null(birth.day, has_birth),
        text_or_null(clear->gender),
        text_or_null(clear->country),
        text_or_null(clear->city),
        text_or_null(clear->language),
        db_text(clear->tags),
        db_text(clear->attributes),
        db_int_or_null(clear->birth_entered_at, has_birth && clear->birth_entered_at != AT_MIN),
        db_int(clear->birth_changes),
    };
    memcpy(row, values, sizeof values);
}

static enum err apply_clear(struct store *store, struct arena *arena,
                            const struct batch_effects *effects)
{
    struct db_value *rows = arena_new(arena, struct db_value, effects->enrolments_n * CLEAR_COLS);
    for (size_t i = 0; i < effects->enrolments_n; i++) {
        clear_row(effects->enrolments[i].member, &effects->enrolments[i].clear,
                  &rows[i * CLEAR_COLS]);
    }
    return db_exec_rows(store->db, Q_MEMBER_CLEARS_WRITE, rows, effects->enrolments_n, CLEAR_COLS,
                        NULL);
}

static enum err apply_members(struct store *store, struct arena *arena,
                              const struct batch_effects *effects)
{
    enum { COLS = 3, WORD_COLS = 2 };
    size_t words_n = 0;
    struct db_value *rows = arena_new(arena, struct db_value, effects->enrolments_n * COLS);
    for (size_t i = 0; i < effects->enrolments_n; i++) {
        const struct enrolment *enrolment = &effects->enrolments[i];
        const struct str sealed =
            vault_seal(arena, &enrolment->facts->key, PROFILE_PLACE(enrolment->member),
                       enrolment->sealed_profile);
        rows[i * COLS] = db_int(enrolment->member);
        rows[i * COLS + 1] = db_int(enrolment->enrolled_at);
        rows[i * COLS + 2] = db_blob(sealed.p, sealed.n);
        words_n += enrolment->name_words_n;
    }
    try(db_exec_rows(store->db, Q_MEMBERS_INSERT, rows, effects->enrolments_n, COLS, NULL));
    struct db_value *words = arena_new(arena, struct db_value, words_n * WORD_COLS);
    size_t at = 0;
    for (size_t i = 0; i < effects->enrolments_n; i++) {
        const struct enrolment *enrolment = &effects->enrolments[i];
        for (size_t k = 0; k < enrolment->name_words_n; k++) {
            unsigned char *hash = arena_bytes(arena, VAULT_HASH_BYTES);
            vault_blind(store->base->vault, VAULT_NAME, enrolment->name_words[k], hash);
            words[at++] = db_blob(hash, VAULT_HASH_BYTES);
            words[at++] = db_int(enrolment->member);
        }
    }
    return db_exec_rows(store->db, Q_NAME_WORDS_INSERT, words, words_n, WORD_COLS, NULL);
}

/* Natural keys of everything, in one statement; fewer back than sent means that another process was
 * faster. */
static int hash_order(const void *a, const void *b)
{
    const struct db_value *x = a;
    const struct db_value *y = b;
    return memcmp(x->s.p, y->s.p, VAULT_HASH_BYTES);
}

static enum err apply_keys(struct store *store, struct arena *arena,
                           const struct batch_effects *effects)
{
    enum { COLS = 4 };
    const size_t max = effects->events_n + effects->sales_n + effects->held_n;
    struct db_value *rows = arena_new(arena, struct db_value, max * COLS);
    size_t n = 0;
    int64_t inserted = 0;
#define KEY_ROW(hash_, fingerprint_, member_, id_)                                                 \
    do {                                                                                           \
        rows[n * COLS] = db_blob((hash_), VAULT_HASH_BYTES);                                       \
        rows[n * COLS + 1] = db_blob((fingerprint_), VAULT_FINGERPRINT_BYTES);                     \
        rows[n * COLS + 2] = db_int(member_);                                                      \
        rows[n * COLS + 3] = db_int(id_);                                                          \
        n++;                                                                                       \
    } while (0)
    for (size_t i = 0; i < effects->events_n; i++) {
        const struct applied_event *e = &effects->events[i];
        if (e->has_key) {
            KEY_ROW(e->hash, e->fingerprint, e->decision->member, e->decision->event_id);
        }
    }
    for (size_t i = 0; i < effects->sales_n; i++) {
        const struct applied_sale *s = &effects->sales[i];
        KEY_ROW(s->hash, s->fingerprint, EVENT_OF_SALE, s->id);
    }
    for (size_t i = 0; i < effects->held_n; i++) {
        const struct applied_held *h = &effects->held[i];
        if (h->has_key) {
            KEY_ROW(h->hash, h->fingerprint, EVENT_OF_HELD, h->held.id);
        }
    }
#undef KEY_ROW
    if (n >
        1) { // in one order, so that two transactions with the same events wait for each other once
        qsort(rows, n, sizeof *rows * COLS, hash_order);
    }
    try(db_exec_rows(store->db, Q_EVENT_KEYS_INSERT, rows, n, COLS, &inserted));
    return (size_t)inserted == n ? ERR_OK : ERR_RETRY;
}

static enum err apply_events(struct store *store, struct arena *arena,
                             const struct batch_effects *effects)
{
    enum { COLS = 12 };
    struct db_value *rows = arena_new(arena, struct db_value, effects->events_n * COLS);
    for (size_t i = 0; i < effects->events_n; i++) {
        const struct applied_event *e = &effects->events[i];
        const struct decision *d = e->decision;
        struct buf answer;
        buf_open(&answer, arena, EVENT_RECORD_BYTES_MAX);
        answer_pack(&answer, &d->answer);
        const struct str content = event_row_content(arena, d);
        const struct str sealed = event_row_sealed(arena, &e->member->key, d);
        const struct db_value row[COLS] = {
            db_int(d->event_id),
            db_int(d->member),
            db_int(d->previous_event),
            db_int(d->event.kind),
            db_int(d->event.time),
            db_int(effects->now),
            db_int(d->has_inputs ? d->inputs.program->version : d->answer.version),
            db_int(d->answer.outcome),
            db_int(e->credential),
            db_blob(content.p, content.n),
            db_blob(sealed.p, sealed.n),
            db_blob(answer.p, answer.n),
        };
        memcpy(&rows[i * COLS], row, sizeof row);
    }
    return db_exec_rows(store->db, Q_EVENTS_INSERT, rows, effects->events_n, COLS, NULL);
}

static enum err apply_transfers(struct store *store, struct arena *arena,
                                const struct batch_effects *effects)
{
    enum { COLS = 16 };
    static const unsigned char NONE[HASH_BYTES];
    size_t n = 0;
    for (size_t i = 0; i < effects->events_n; i++) {
        n += effects->events[i].decision->transfers_n;
    }
    struct db_value *rows = arena_new(arena, struct db_value, n * COLS);
    size_t at = 0;
    for (size_t i = 0; i < effects->events_n; i++) {
        const struct decision *d = effects->events[i].decision;
        for (size_t k = 0; k < d->transfers_n; k++, at++) {
            const struct transfer *t = &d->transfers[k];
            const bool has_reason = memcmp(t->reason_commitment, NONE, HASH_BYTES) != 0;
            const struct db_value row[COLS] = {
                db_int(t->id),
                db_int(d->member),
                db_int(t->previous),
                db_int(t->event),
                db_int(t->lot),
                db_int(t->at),
                db_int(t->booked_at),
                db_int(t->wallet),
                db_int(t->rule),
                db_int(t->version),
                db_int(t->kind),
                db_int(t->from),
                db_int(t->to),
                db_int(t->points),
                has_reason ? db_blob(t->reason_commitment, HASH_BYTES) : db_null(),
                db_blob(t->hash, HASH_BYTES),
            };
            memcpy(&rows[at * COLS], row, sizeof row);
        }
    }
    return db_exec_rows(store->db, Q_TRANSFERS_INSERT, rows, n, COLS, NULL);
}

/* The last state of a purchase in the batch is the one that is kept. */
static bool is_last_of(const struct batch_effects *effects, size_t i)
{
    const int64_t id = effects->events[i].decision->purchase->id;
    for (size_t k = i + 1; k < effects->events_n; k++) {
        const struct purchase *later = effects->events[k].decision->purchase;
        if (later != NULL && later->id == id) {
            return false;
        }
    }
    return true;
}

static enum err apply_purchases(struct store *store, struct arena *arena,
                                const struct batch_effects *effects)
{
    enum { COLS = 4 };
    struct db_value *rows = arena_new(arena, struct db_value, effects->events_n * COLS);
    size_t n = 0;
    for (size_t i = 0; i < effects->events_n; i++) {
        const struct purchase *purchase = effects->events[i].decision->purchase;
        if (purchase == NULL || !is_last_of(effects, i)) {
            continue;
        }
        struct buf data;
        buf_open(&data, arena, EVENT_RECORD_BYTES_MAX);
        purchase_pack(&data, purchase);
        rows[n * COLS] = db_int(effects->events[i].decision->member);
        rows[n * COLS + 1] = db_int(purchase->id);
        rows[n * COLS + 2] = db_int(purchase->content_event);
        rows[n * COLS + 3] = db_blob(data.p, data.n);
        n++;
    }
    return db_exec_rows(store->db, Q_PURCHASES_WRITE, rows, n, COLS, NULL);
}

static enum err apply_waiting(struct store *store, struct arena *arena,
                              const struct batch_effects *effects)
{
    enum { COLS = 3 };
    struct db_value *rows = arena_new(arena, struct db_value, effects->waiting_n * COLS);
    for (size_t i = 0; i < effects->waiting_n; i++) {
        const struct held_event *held = &effects->waiting[i];
        ensure(held->waits_for_purchase);
        const struct db_value row[COLS] = {
            db_int(held->id), db_blob(held->wait_hash, VAULT_HASH_BYTES), db_int(held->member)};
        memcpy(&rows[i * COLS], row, sizeof row);
    }
    return db_exec_rows(store->db, Q_HELD_WAIT_ON, rows, effects->waiting_n, COLS, NULL);
}

static enum err apply_released(struct store *store, struct arena *arena,
                               const struct batch_effects *effects)
{
    enum { COLS = 3 };
    struct db_value *gone = arena_new(arena, struct db_value, effects->released_n);
    struct db_value *named = arena_new(arena, struct db_value, effects->released_n * COLS);
    size_t gone_n = 0;
    size_t named_n = 0;
    for (size_t i = 0; i < effects->released_n; i++) {
        const struct released_event *released = &effects->released[i];
        if (!released->was_refused) {
            gone[gone_n++] = db_int(released->held);
        }
        if (released->is_named || released->was_refused) {
            const struct db_value row[COLS] = {db_int(released->held), db_int(released->member),
                                               db_int(released->event)};
            memcpy(&named[named_n++ * COLS], row, sizeof row);
        }
    }
    try(apply_waiting(store, arena, effects));
    try(db_exec_rows(store->db, Q_HELD_DELETE, gone, gone_n, 1, NULL));
    return db_exec_rows(store->db, Q_RELEASED_INSERT, named, named_n, COLS, NULL);
}

static enum err apply_held(struct store *store, struct arena *arena,
                           const struct batch_effects *effects)
{
    enum { COLS = 9 };
    struct db_value *rows = arena_new(arena, struct db_value, effects->held_n * COLS);
    for (size_t i = 0; i < effects->held_n; i++) {
        const struct held_event *held = &effects->held[i].held;
        struct buf clear;
        struct buf content;
        buf_open(&clear, arena, EVENT_RECORD_BYTES_MAX);
        buf_open(&content, arena, EVENT_RECORD_BYTES_MAX);
        event_pack_clear(&clear, &held->event);
        pack_i(&content, held->event.time);
        pack_str(&content, buf_view(&clear));
        const struct str sealed =
            held_row_sealed(arena, &effects->held[i].key, held->id, &held->event);
        const struct db_value row[COLS] = {
            db_int(held->id),
            db_int(held->waits_for_purchase),
            db_blob(held->wait_hash, VAULT_HASH_BYTES),
            db_int(held->member),
            db_int(held->received_at),
            db_int(held->expires_at),
            db_int(held->credential),
            db_blob(content.p, content.n),
            db_blob(sealed.p, sealed.n),
        };
        memcpy(&rows[i * COLS], row, sizeof row);
    }
    try(db_exec_rows(store->db, Q_HELD_INSERT, rows, effects->held_n, COLS, NULL));
    return apply_released(store, arena, effects);
}

static enum err apply_sales(struct store *store, struct arena *arena,
                            const struct batch_effects *effects)
{
    enum { COLS = 9 };
    const struct vault_key *key = vault_instance_key(store->base->vault, VAULT_SALES);
    struct db_value *rows = arena_new(arena, struct db_value, effects->sales_n * COLS);
    for (size_t i = 0; i < effects->sales_n; i++) {
        const struct applied_sale *sale = &effects->sales[i];
        struct buf clear;
        struct buf sealed;
        buf_open(&clear, arena, EVENT_RECORD_BYTES_MAX);
        buf_open(&sealed, arena, EVENT_RECORD_BYTES_MAX);
        event_pack_clear(&clear, sale->event);
        event_pack_sealed(&sealed, sale->event);
        const struct vault_place place = {
            .table = "sale", .column = "sealed", .owner_id = sale->id};
        const struct str box = vault_seal(arena, key, place, buf_view(&sealed));
        const struct db_value row[COLS] = {
            db_int(sale->id),
            db_int(sale->event->time),
            db_int(sale->booked_at),
            db_int(sale->credential),
            db_int(sale->event->amount),
            db_text(sale->event->currency),
            db_text(sale->event->store),
            db_blob(clear.p, clear.n),
            db_blob(box.p, box.n),
        };
        memcpy(&rows[i * COLS], row, sizeof row);
    }
    return db_exec_rows(store->db, Q_SALES_INSERT, rows, effects->sales_n, COLS, NULL);
}

/* How far ahead an idle member's timer is armed: so far that no purchase of this program has
 * anything due earlier, so that a first purchase need not arm one (two random pages). At enrolment
 * the rows are appended. 0: there is no such time. */
static int64_t idle_ahead(const struct program *program)
{
    enum { IDLE_DAYS = 300, DAYS_PER_MONTH_MIN = 28 };
    for (size_t i = 0; i < program->wallets_n; i++) {
        const struct wallet *wallet = &program->wallets[i];
        const enum expiry_kind kind = wallet->expiry.kind;
        const int days =
            kind == EXPIRY_DAYS ? wallet->expiry.n : wallet->expiry.n * DAYS_PER_MONTH_MIN;
        if (wallet->pending.kind != PENDING_NONE || kind == EXPIRY_DATES ||
            (kind != EXPIRY_NEVER && kind != EXPIRY_AT && days <= IDLE_DAYS)) {
            return 0;
        }
    }
    return IDLE_DAYS * MS_PER_DAY;
}

/* A member's row in the timer table moves only to an earlier instant, or when what it stood for is
 * over. */
static enum err apply_timers(struct store *store, struct arena *arena,
                             const struct batch_effects *effects)
{
    struct db_value *writes = arena_new(arena, struct db_value, effects->members_n * 3);
    struct db_value *deletes = arena_new(arena, struct db_value, effects->members_n * 2);
    size_t writes_n = 0;
    size_t deletes_n = 0;
    for (size_t i = 0; i < effects->members_n; i++) {
        struct state *state = effects->members[i]->state;
        const struct program *program = NULL;
        if (effects->members[i]->key.version == 0) {
            continue; // nothing waits for a forgotten member
        }
        try(store_program_at(store, effects->now, &program));
        const bool has_fired = state->timer_at <= effects->now;
        const int64_t ahead = idle_ahead(program);
        int64_t due = state_next_due(state, program);
        if (ahead > 0 && (has_fired || effects->members[i]->is_new)) {
            due = int64_min(due, effects->now + ahead);
        }
        if (due < state->timer_at || (has_fired && due != AT_NEVER)) {
            writes[writes_n * 3] = db_int(state->member);
            writes[writes_n * 3 + 1] = db_int(TIMER_LEDGER);
            writes[writes_n * 3 + 2] = db_int(due);
            writes_n++;
            state->timer_at = due;
        } else if (has_fired) {
            deletes[deletes_n * 2] = db_int(state->member);
            deletes[deletes_n * 2 + 1] = db_int(TIMER_LEDGER);
            deletes_n++;
            state->timer_at = AT_NEVER;
        }
    }
    try(db_exec_rows(store->db, Q_TIMERS_WRITE, writes, writes_n, 3, NULL));
    return db_exec_rows(store->db, Q_TIMERS_DELETE, deletes, deletes_n, 2, NULL);
}

static enum err apply_states(struct store *store, struct arena *arena,
                             const struct batch_effects *effects)
{
    struct db_value *news = arena_new(arena, struct db_value, effects->members_n * 2);
    struct db_value *changes = arena_new(arena, struct db_value, effects->members_n * 3);
    size_t news_n = 0;
    size_t changes_n = 0;
    int64_t changed = 0;
    for (size_t i = 0; i < effects->members_n; i++) {
        const struct state *state = effects->members[i]->state;
        struct buf bytes;
        buf_open(&bytes, arena, STATE_BYTES_MAX);
        state_pack(&bytes, state);
        ensure(!bytes.is_full);
        if (effects->members[i]->is_new) {
            news[news_n * 2] = db_int(state->member);
            news[news_n * 2 + 1] = db_blob(bytes.p, bytes.n);
            news_n++;
        } else {
            changes[changes_n * 3] = db_int(state->member);
            changes[changes_n * 3 + 1] = db_int(state->version);
            changes[changes_n * 3 + 2] = db_blob(bytes.p, bytes.n);
            changes_n++;
        }
    }
    try(db_exec_rows(store->db, Q_MEMBER_STATES_INSERT, news, news_n, 2, NULL));
    try(db_exec_rows(store->db, Q_MEMBER_STATES_UPDATE, changes, changes_n, 3, &changed));
    return (size_t)changed == changes_n ? ERR_OK : ERR_RETRY;
}

static void chunk_row(struct arena *arena, const struct state *state, enum chunk_kind kind,
                      int32_t number, struct db_value *row)
{
    struct buf data;
    buf_open(&data, arena, STATE_BYTES_MAX);
    state_chunk_pack(&data, state, kind, number);
    row[0] = db_int(state->member);
    row[1] = db_int(kind);
    row[2] = db_int(number);
    row[3] = db_blob(data.p, data.n);
}

static enum err apply_chunks(struct store *store, struct arena *arena,
                             const struct batch_effects *effects)
{
    size_t max = 0;
    for (size_t i = 0; i < effects->members_n; i++) {
        const struct state *state = effects->members[i]->state;
        max += state->lot_chunks_touched_n + state->counter_chunks_touched_n;
    }
    struct db_value *rows = arena_new(arena, struct db_value, max * 4);
    size_t n = 0;
    for (size_t i = 0; i < effects->members_n; i++) {
        struct state *state = effects->members[i]->state;
        for (size_t k = 0; k < state->lot_chunks_touched_n; k++) {
            chunk_row(arena, state, CHUNK_LOTS, state->lot_chunks[k].number, &rows[n++ * 4]);
        }
        for (size_t k = 0; k < state->counter_chunks_touched_n; k++) {
            chunk_row(arena, state, CHUNK_COUNTERS, state->counter_chunks[k].number,
                      &rows[n++ * 4]);
        }
    }
    return db_exec_rows(store->db, Q_MEMBER_CHUNKS_WRITE, rows, n, 4, NULL);
}

static enum err apply_shared(struct store *store, struct arena *arena,
                             const struct batch_effects *effects)
{
    struct db_value *rows = arena_new(arena, struct db_value, effects->shared_n * 3);
    for (size_t i = 0; i < effects->shared_n; i++) {
        rows[i * 3] = db_int(effects->shared[i].symbol);
        rows[i * 3 + 1] = db_int(effects->shared[i].day);
        rows[i * 3 + 2] = db_int(effects->shared[i].points);
    }
    return db_exec_rows(store->db, Q_SHARED_COUNTERS_WRITE, rows, effects->shared_n, 3, NULL);
}

static enum err apply_codes(struct store *store, struct arena *arena,
                            const struct batch_effects *effects)
{
    struct db_value *rows = arena_new(arena, struct db_value, effects->codes_n * 2);
    int64_t changed = 0;
    for (size_t i = 0; i < effects->codes_n; i++) {
        rows[i * 2] = db_blob(effects->codes[i].hash, VAULT_HASH_BYTES);
        rows[i * 2 + 1] = db_int(effects->codes[i].used);
    }
    // One by one: a code may be used several times in a batch, each time from where the one before
    // has left it.
    for (size_t i = 0; i < effects->codes_n; i++) {
        try(db_exec_rows(store->db, Q_REDEMPTION_CODES_USE, &rows[i * 2], 1, 2, &changed));
        if (changed != 1) {
            return ERR_RETRY;
        }
    }
    return ERR_OK;
}

enum err store_apply(struct store *store, struct arena *arena, struct batch_effects *effects)
{
    ensure(db_in_transaction(store->db));
    try(apply_identifiers(store, arena, effects));
    try(apply_keys(store, arena, effects));
    try(apply_members(store, arena, effects));
    try(apply_clear(store, arena, effects));
    try(apply_timers(store, arena, effects));
    try(apply_states(store, arena, effects));
    try(apply_chunks(store, arena, effects));
    try(apply_purchases(store, arena, effects));
    try(apply_events(store, arena, effects));
    try(apply_transfers(store, arena, effects));
    try(apply_held(store, arena, effects));
    try(apply_sales(store, arena, effects));
    try(store_rewards_apply(store, arena, effects));
    try(apply_codes(store, arena, effects));
    try(store_referrals_apply(store, arena, effects));
    try(store_reviews_apply(store, arena, effects));
    try(store_relays_apply(store, arena, effects));
    try(store_contests_apply(store, arena, effects));
    return apply_shared(store, arena, effects);
}
