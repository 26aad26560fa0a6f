/* The self-check's view of members and their history. */
#include "base/base.h"
#include "store/check.h"

#include "store/check_internal.h"
#include "store/members_internal.h"

struct str check_row(struct arena *arena, const char prefix[ID_PREFIX_CHARS], int64_t id)
{
    char text[ID_TEXT_BYTES + 1];
    if (id < 0) {
        return str_fmt(arena, "%" PRId64, id);
    }
    id_write(prefix, id, text);
    return str_dup(arena, str_c(text));
}

/* ---- one slice of members ---- */

struct slicing {
    struct store *store;
    struct arena *arena;
    const struct check_listener *listener;
    struct check_slice *slice;
    struct map by_id; // id -> struct check_member
    int64_t after;
    bool *is_erased; // by member
    bool *has_clear;
    struct str *sealed;
    struct member_profile *profiles; // of those that open
    struct member_index *indexes;    // of those that open
    bool *has_index;
};

static struct str row_of(const struct slicing *s, int64_t member)
{
    return check_row(s->arena, "mbr_", member);
}

static enum err range_query(struct slicing *s, int query, struct db_result *rows)
{
    const struct db_value params[] = {db_int(s->after), db_int(s->slice->last)};
    return db_query(s->store->db, s->arena, query, params, ARRAY_N(params), rows);
}

static enum err load_rows(struct slicing *s)
{
    struct db_result rows;
    const struct db_value params[] = {db_int(s->after), db_int(CHECK_MEMBERS)};
    try(db_query(s->store->db, s->arena, Q_VERIFY_MEMBERS, params, ARRAY_N(params), &rows));
    struct check_slice *slice = s->slice;
    slice->n = rows.rows_n;
    slice->members = arena_new(s->arena, struct check_member, slice->n);
    slice->is_end = slice->n < CHECK_MEMBERS;
    s->is_erased = arena_new(s->arena, bool, slice->n);
    s->has_clear = arena_new(s->arena, bool, slice->n);
    s->sealed = arena_new(s->arena, struct str, slice->n);
    s->profiles = arena_new(s->arena, struct member_profile, slice->n);
    s->indexes = arena_new(s->arena, struct member_index, slice->n);
    s->has_index = arena_new(s->arena, bool, slice->n);
    for (size_t i = 0; i < slice->n; i++) {
        slice->members[i] =
            (struct check_member){.id = db_at_int(&rows, i, 0), .status = db_at_int(&rows, i, 2)};
        s->sealed[i] = db_at_str(&rows, i, 4);
        map_set_int(&s->by_id, slice->members[i].id, &slice->members[i]);
    }
    slice->last = slice->is_end ? INT64_MAX : slice->members[slice->n - 1].id;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

/* The member of row i; a row of nobody is told. */
static struct check_member *owner_of(struct slicing *s, struct db_result *rows, size_t i,
                                     const char *table)
{
    const int64_t id = db_at_int(rows, i, 0);
    struct check_member *member = map_find_int(&s->by_id, id);
    if (member == NULL) {
        TELL(s->listener, INV_DATABASE, table, row_of(s, id),
             "the row belongs to a member that does not exist");
    }
    return member;
}

static enum err load_states(struct slicing *s)
{
    struct db_result rows;
    try(range_query(s, Q_VERIFY_STATES, &rows));
    for (size_t i = 0; i < rows.rows_n; i++) {
        struct check_member *member = owner_of(s, &rows, i, "member_state");
        if (member != NULL) {
            member->has_state = true;
            member->state_version = db_at_int(&rows, i, 1);
            member->state = db_at_str(&rows, i, 2);
        }
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

static enum err load_chunks(struct slicing *s)
{
    struct db_result rows;
    try(range_query(s, Q_VERIFY_CHUNKS, &rows));
    struct check_chunk *chunks = arena_new(s->arena, struct check_chunk, rows.rows_n);
    for (size_t i = 0; i < rows.rows_n; i++) {
        struct check_member *member = owner_of(s, &rows, i, "member_chunk");
        chunks[i] = (struct check_chunk){.kind = db_at_int(&rows, i, 1),
                                         .number = db_at_int(&rows, i, 2),
                                         .data = db_at_str(&rows, i, 3)};
        if (member !=
            NULL) { // rows are in the order of members, so a member's chunks stand together
            member->chunks = member->chunks_n == 0 ? &chunks[i] : member->chunks;
            member->chunks_n++;
        }
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

static enum err load_timers(struct slicing *s)
{
    struct db_result rows;
    try(range_query(s, Q_VERIFY_TIMERS, &rows));
    for (size_t i = 0; i < rows.rows_n; i++) {
        struct check_member *member = owner_of(s, &rows, i, "timer");
        if (member != NULL && db_at_int(&rows, i, 1) == 0) {
            member->has_timer = true;
            member->timer_at = db_at_int(&rows, i, 2);
        } else if (member != NULL) {
            TELL(s->listener, INV_DATABASE, "timer", row_of(s, member->id),
                 "no timer has this kind");
        }
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

static bool is_json(struct arena *arena, struct str text, bool is_array)
{
    const struct json *json = NULL;
    return json_read(arena, text, NULL, &json) == ERR_OK &&
           (is_array ? json_is_array(json) : json_is_object(json));
}

static enum err load_clears(struct slicing *s)
{
    struct db_result rows;
    try(range_query(s, Q_VERIFY_CLEARS, &rows));
    for (size_t i = 0; i < rows.rows_n; i++) {
        const struct check_member *member = owner_of(s, &rows, i, "member_clear");
        if (member == NULL) {
            continue;
        }
        s->has_clear[member - s->slice->members] = true;
        const bool has_year = !db_is_null(&rows, i, 1);
        const bool has_day = !db_is_null(&rows, i, 2) && !db_is_null(&rows, i, 3);
        if (has_year != has_day || !is_json(s->arena, db_at_str(&rows, i, 8), true) ||
            !is_json(s->arena, db_at_str(&rows, i, 9), false)) {
            TELL(s->listener, INV_DATABASE, "member_clear", row_of(s, member->id),
                 "the clear profile cannot be read");
        }
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

/* Keys after the books: a member forgotten in between is among the erasures by now. */
static enum err load_keys(struct slicing *s)
{
    const size_t n = s->slice->n;
    int64_t *ids = arena_new(s->arena, int64_t, n);
    struct vault_key *keys = arena_new(s->arena, struct vault_key, n);
    for (size_t i = 0; i < n; i++) {
        ids[i] = s->slice->members[i].id;
    }
    enum err err = vault_keys_load(s->store->keys, ids, n, keys);
    if (err == ERR_INTEGRITY) {
        err = ERR_OK;
        for (size_t i = 0; i < n && err == ERR_OK; i++) { // one of them does not unwrap: which?
            const enum err one = vault_keys_load(s->store->keys, &ids[i], 1, &keys[i]);
            if (one == ERR_INTEGRITY) {
                TELL(s->listener, INV_SEALED, "data_key", row_of(s, ids[i]),
                     "the member's key does not unwrap");
            }
            err = one == ERR_INTEGRITY ? ERR_OK : one;
        }
    }
    for (size_t i = 0; i < n; i++) {
        s->slice->members[i].key = keys[i];
    }
    vault_wipe(keys, n * sizeof *keys);
    try(err);
    return vault_erasures_find(s->store->keys, ids, n, s->is_erased);
}

/* ---- what a member's rows say by themselves ---- */

static void check_forgotten(struct slicing *s, size_t i)
{
    const struct check_member *member = &s->slice->members[i];
    if (!s->is_erased[i]) {
        TELL(s->listener, INV_SEALED, "member", row_of(s, member->id),
             member->status == MEMBER_ERASED
                 ? "the member is marked as forgotten but is not among the erasures"
                 : "the member's key is gone and they are not among the erasures");
    } else if (member->status != MEMBER_ERASED) {
        TELL(s->listener, INV_SEALED, "member", row_of(s, member->id),
             "the member's key is gone but the books do not say so: the erasure was cut short");
    } else if (s->has_clear[i]) {
        TELL(s->listener, INV_SEALED, "member_clear", row_of(s, member->id),
             "a forgotten member still has a clear profile");
    } else if (s->sealed[i].n > 0) {
        TELL(s->listener, INV_SEALED, "member", row_of(s, member->id),
             "a forgotten member still has a sealed profile");
    }
}

static void check_profile(struct slicing *s, size_t i)
{
    const struct check_member *member = &s->slice->members[i];
    struct str plain;
    if (member->status == MEMBER_ERASED) {
        TELL(s->listener, INV_SEALED, "member", row_of(s, member->id),
             "the member is marked as forgotten but has a key");
        return;
    }
    if (s->is_erased[i]) {
        TELL(s->listener, INV_SEALED, "data_key", row_of(s, member->id),
             "the member is among the erasures but has a key");
    }
    if (!s->has_clear[i]) {
        TELL(s->listener, INV_DATABASE, "member_clear", row_of(s, member->id),
             "the member has no clear profile");
    }
    if (vault_unseal(s->arena, &member->key, PROFILE_PLACE(member->id), s->sealed[i], &plain) !=
        ERR_OK) {
        TELL(s->listener, INV_SEALED, "member", row_of(s, member->id),
             "the sealed profile does not open");
    } else if (profile_sealed_read(s->arena, plain, &s->profiles[i]) != ERR_OK) {
        TELL(s->listener, INV_DATABASE, "member", row_of(s, member->id),
             "the profile cannot be read");
    } else if (member_index_make(s->arena, s->store->base->vault, &s->profiles[i], NULL,
                                 &s->indexes[i]) != ERR_OK) {
        TELL(s->listener, INV_INDEXES, "member", row_of(s, member->id),
             "an identifier of the profile has no normal form");
    } else {
        s->has_index[i] = true;
    }
}

/* Each identifier of a profile is in the index, as this member's. */
static enum err check_identifiers(struct slicing *s)
{
    static const char *const TEXTS[] = {
        "", "the external id is not in the index", "the e-mail is not in the index",
        "the phone is not in the index", "the card is not in the index"};
    for (size_t i = 0; i < s->slice->n; i++) {
        int64_t owners[MEMBER_IDENTIFIERS_MAX];
        const struct member_index *index = &s->indexes[i];
        if (!s->has_index[i]) {
            continue;
        }
        try(store_members_find(s->store, s->arena, index->identifiers, index->identifiers_n,
                               owners));
        for (size_t k = 0; k < index->identifiers_n; k++) {
            if (owners[k] != s->slice->members[i].id) {
                TELL(s->listener, INV_INDEXES, "identifier", row_of(s, s->slice->members[i].id),
                     TEXTS[index->identifiers[k].kind]);
            }
        }
    }
    return ERR_OK;
}

static enum err check_words(struct slicing *s)
{
    enum { COLS = 2 };
    size_t n = 0;
    struct db_result rows;
    for (size_t i = 0; i < s->slice->n; i++) {
        n += s->has_index[i] ? s->indexes[i].words_n : 0;
    }
    struct db_value *keys = arena_new(s->arena, struct db_value, n * COLS);
    int64_t *expected = arena_new(s->arena, int64_t, s->slice->n);
    n = 0;
    for (size_t i = 0; i < s->slice->n; i++) {
        for (size_t k = 0; s->has_index[i] && k < s->indexes[i].words_n; k++) {
            unsigned char *hash = arena_bytes(s->arena, VAULT_HASH_BYTES);
            vault_blind(s->store->base->vault, VAULT_NAME, s->indexes[i].words[k], hash);
            keys[n * COLS] = db_blob(hash, VAULT_HASH_BYTES);
            keys[n * COLS + 1] = db_int(s->slice->members[i].id);
            expected[i]++;
            n++;
        }
    }
    if (n == 0) {
        return ERR_OK;
    }
    try(db_query_rows(s->store->db, s->arena, Q_NAME_WORDS_FIND, keys, n, COLS, &rows));
    for (size_t i = 0; i < rows.rows_n; i++) {
        const struct check_member *member = map_find_int(&s->by_id, db_at_int(&rows, i, 1));
        if (member != NULL) {
            expected[member - s->slice->members]--;
        }
    }
    for (size_t i = 0; i < s->slice->n; i++) {
        if (expected[i] != 0) {
            TELL(s->listener, INV_INDEXES, "name_word", row_of(s, s->slice->members[i].id),
                 "a word of the member's name is not in the index");
        }
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

static enum err read_slice(struct slicing *s)
{
    try(load_rows(s));
    try(load_states(s));
    try(load_chunks(s));
    try(load_clears(s));
    try(load_timers(s));
    try(load_keys(s));
    for (size_t i = 0; i < s->slice->n; i++) {
        const struct check_member *member = &s->slice->members[i];
        if (!member->has_state) {
            TELL(s->listener, INV_DATABASE, "member_state", row_of(s, member->id),
                 "the member has no state");
        }
        if (member->key.version == 0) {
            check_forgotten(s, i);
        } else {
            check_profile(s, i);
        }
    }
    try(check_identifiers(s));
    return check_words(s);
}

enum err store_check_members(struct store *store, struct arena *arena, int64_t after,
                             const struct check_listener *listener, struct check_slice *out)
{
    struct slicing s = {
        .store = store, .arena = arena, .listener = listener, .slice = out, .after = after};
    *out = (struct check_slice){0};
    map_open(&s.by_id, arena);
    try(db_begin(store->db, DB_READ));
    const enum err err = read_slice(&s);
    db_rollback(store->db);
    if (err != ERR_OK) {
        store_check_wipe(out);
    }
    return err;
}

void store_check_wipe(struct check_slice *slice)
{
    for (size_t i = 0; i < slice->n; i++) {
        vault_wipe(&slice->members[i].key, sizeof slice->members[i].key);
    }
}

/* ---- history ---- */

static enum err read_page(struct store *store, struct arena *arena, int query, int64_t member,
                          int64_t from_id, struct db_result *rows)
{
    const struct db_value params[] = {db_int(member), db_int(from_id), db_int(CHECK_PAGE)};
    return db_query(store->db, arena, query, params, ARRAY_N(params), rows);
}

static bool is_refused(const struct event_row *row)
{
    return row->answer.outcome == OUTCOME_REFUSED && row->answer.reason == REASON_SUSPENDED;
}

/* What stands before an event under the same natural key: it was held, or refused because of a
 * suspension and then became `decided`. */
static enum err may_come_after(struct store *store, struct arena *arena,
                               const struct check_member *member, int64_t before, bool is_decided,
                               bool *may)
{
    bool opens = false;
    struct db_result rows;
    struct event_row first = {.answer.outcome = OUTCOME_APPLIED};
    const struct db_value params[] = {db_int(member->id), db_int(before)};
    try(db_query_rows(store->db, arena, Q_EVENTS_READ, params, 1, 2, &rows));
    *may = rows.rows_n == 1 &&
           event_row_check(arena, &rows, 0, &member->key, &opens, &first) == ERR_OK &&
           (first.answer.outcome == OUTCOME_HELD || (is_decided && is_refused(&first)));
    return ERR_OK;
}

/* An event is applied once. One that was held for its purchase, or refused because of a suspension,
 * and decided then stands there twice, or three times where it was both: the key stays with the
 * first of them. */
static enum err check_once(struct store *store, struct arena *arena,
                           const struct check_member *member, const struct known_event *key,
                           const struct event_row *event, bool *is_right)
{
    const int64_t first = key->member == member->id ? key->event : key->refused_event;
    *is_right = true;
    if (event->id == first) {
        *is_right = key->decided_event == 0 || is_refused(event);
    } else if (key->decided_event == event->id) {
        return first == 0 ? ERR_OK : may_come_after(store, arena, member, first, true, is_right);
    } else if (key->decided_event != 0) {
        return may_come_after(store, arena, member, key->decided_event, false, is_right);
    } else if (first != 0) {
        return may_come_after(store, arena, member, first, false, is_right);
    }
    return ERR_OK;
}

/* Natural keys of one page of events: each is there and names this event, or the one it was held as
 * before. */
static enum err check_keys(struct store *store, struct arena *arena,
                           const struct check_member *member, const struct check_listener *listener,
                           const struct check_event *events, size_t n)
{
    unsigned char(*hashes)[VAULT_HASH_BYTES] = arena_bytes(arena, arena_size(VAULT_HASH_BYTES, n));
    struct known_event *known = NULL;
    size_t known_n = 0;
    size_t hashes_n = 0;
    size_t *of = arena_new(arena, size_t, n);
    struct map by_hash;
    map_open(&by_hash, arena);
    for (size_t i = 0; i < n; i++) {
        const struct event *event = &events[i].row.event;
        const bool is_ours =
            event_is_of_clock(event) || str_eq(event->source, STR("loyald/enrolment"));
        if (events[i].is_readable && !events[i].row.is_sealed && !is_ours) {
            vault_natural_key(store->base->vault, event->source, event->external_id,
                              hashes[hashes_n]);
            of[hashes_n++] = i;
        }
    }
    try(store_events_known(store, arena, (const unsigned char(*)[VAULT_HASH_BYTES])hashes, hashes_n,
                           &known, &known_n));
    for (size_t i = 0; i < known_n; i++) {
        map_set(&by_hash, known[i].hash, &known[i]);
    }
    for (size_t i = 0; i < hashes_n; i++) {
        const struct known_event *key = map_find(&by_hash, hashes[i]);
        const int64_t event = events[of[i]].row.id;
        bool is_right = true;
        if (key == NULL) {
            TELL(listener, INV_NATURAL_KEYS, "event", check_row(arena, "evt_", event),
                 "the event's natural key is not stored");
        } else if (key->member != EVENT_OF_HELD &&
                   !(key->member == member->id && (key->event == event || key->event < event))) {
            TELL(listener, INV_NATURAL_KEYS, "event", check_row(arena, "evt_", event),
                 "the event's natural key belongs to another event");
        } else {
            try(check_once(store, arena, member, key, &events[of[i]].row, &is_right));
        }
        if (!is_right) {
            TELL(listener, INV_NATURAL_KEYS, "event", check_row(arena, "evt_", event),
                 "the event was applied twice");
        }
    }
    return ERR_OK;
}

enum err store_check_events(struct store *store, struct arena *arena,
                            const struct check_member *member, int64_t from_id,
                            const struct check_listener *listener, struct check_event **out,
                            size_t *n)
{
    struct db_result rows;
    try(read_page(store, arena, Q_EVENTS_OF_MEMBER, member->id, from_id, &rows));
    *out = arena_new(arena, struct check_event, rows.rows_n);
    *n = rows.rows_n;
    for (size_t i = 0; i < rows.rows_n; i++) {
        struct check_event *event = &(*out)[i];
        bool opens = false;
        event->kind = db_at_int(&rows, i, 3);
        event->outcome = db_at_int(&rows, i, 7);
        if (event_row_check(arena, &rows, i, &member->key, &opens, &event->row) == ERR_OK) {
            event->is_readable = true;
        } else {
            event->row = (struct event_row){.id = db_at_int(&rows, i, 0),
                                            .member = db_at_int(&rows, i, 1),
                                            .previous = db_at_int(&rows, i, 2)};
            TELL(listener, opens ? INV_DATABASE : INV_SEALED, "event",
                 check_row(arena, "evt_", event->row.id),
                 opens ? "the event cannot be read" : "the sealed part does not open");
        }
    }
    return rows.is_bad ? ERR_INTEGRITY : check_keys(store, arena, member, listener, *out, *n);
}

enum err store_check_transfers(struct store *store, struct arena *arena,
                               const struct check_member *member, int64_t from_id,
                               const struct check_listener *listener, struct transfer **out,
                               size_t *n)
{
    struct db_result rows;
    try(read_page(store, arena, Q_TRANSFERS_OF_MEMBER, member->id, from_id, &rows));
    *out = arena_new(arena, struct transfer, rows.rows_n);
    *n = rows.rows_n;
    for (size_t i = 0; i < rows.rows_n; i++) {
        if (!transfer_row_read(&rows, i, &(*out)[i])) {
            TELL(listener, INV_DATABASE, "transfer", check_row(arena, "trf_", (*out)[i].id),
                 "the points transfer cannot be read");
        }
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}
