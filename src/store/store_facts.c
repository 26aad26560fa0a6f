/* Reading facts for a batch. */
#include "base/base.h"
#include "store/store.h"

#include "store/store_internal.h"

enum { LOCK_TEXT_BYTES_MAX = 1024 * 1024 };

/* "1,2,3" */
static struct str numbers_text(struct arena *arena, const int64_t *list, size_t n)
{
    struct buf text;
    buf_open(&text, arena, LOCK_TEXT_BYTES_MAX);
    for (size_t i = 0; i < n; i++) {
        if (i > 0) {
            buf_char(&text, ',');
        }
        buf_int(&text, list[i]);
    }
    ensure(!text.is_full);
    return buf_view(&text);
}

enum err store_members_lock(struct store *store, struct arena *arena, const int64_t *members,
                            size_t n)
{
    struct db_result row;
    const struct db_value zero = db_int(0);
    try(db_one(store->db, arena, Q_INSTANCE_SHARE, &zero, 1, &row));
    if (n == 0 || db_dialect(store->db) == DB_SQLITE) {
        return ERR_OK;
    }
    const struct db_value value = db_text(numbers_text(arena, members, n));
    return db_one(store->db, arena, Q_MEMBERS_LOCK, &value, 1, &row);
}

enum err store_strangers_lock(struct store *store, struct arena *arena,
                              const unsigned char (*hashes)[VAULT_HASH_BYTES], size_t n,
                              bool *may_have_come)
{
    struct db_result row;
    int64_t *locks = arena_new(arena, int64_t, n);
    *may_have_come = n > 0 && db_dialect(store->db) != DB_SQLITE;
    if (!*may_have_come) {
        return ERR_OK;
    }
    for (size_t i = 0; i < n; i++) {
        int32_t lock = 0;
        memcpy(&lock, hashes[i], sizeof lock);
        locks[i] = lock;
    }
    const struct db_value value = db_text(numbers_text(arena, locks, n));
    return db_one(store->db, arena, Q_STRANGERS_LOCK, &value, 1, &row);
}

/* One step further on the way of what was held or refused: what each has become. */
static enum err follow_decided(struct store *store, struct arena *arena, struct known_event *known,
                               size_t n)
{
    struct db_value *ids = arena_new(arena, struct db_value, n);
    struct db_result rows;
    size_t ids_n = 0;
    for (size_t i = 0; i < n; i++) {
        if (known[i].member != EVENT_OF_SALE) {
            ids[ids_n++] =
                db_int(known[i].decided_event != 0 ? known[i].decided_event : known[i].event);
        }
    }
    if (ids_n == 0) {
        return ERR_OK;
    }
    try(db_query_rows(store->db, arena, Q_RELEASED_FIND, ids, ids_n, 1, &rows));
    for (size_t row = 0; row < rows.rows_n; row++) {
        const int64_t from = db_at_int(&rows, row, 0);
        for (size_t i = 0; i < n; i++) {
            const bool was_decided = known[i].decided_event != 0;
            if (known[i].member != EVENT_OF_SALE &&
                from == (was_decided ? known[i].decided_event : known[i].event)) {
                known[i].refused_event = was_decided ? known[i].decided_event : 0;
                known[i].decided_member = db_at_int(&rows, row, 1);
                known[i].decided_event = db_at_int(&rows, row, 2);
            }
        }
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

/* What became of those that were held, or refused because of a suspension. What was held can have
 * been refused then; the other way round ends with what is held: it is no purchase. */
static enum err find_decided(struct store *store, struct arena *arena, struct known_event *known,
                             size_t n)
{
    bool any_held = false;
    try(follow_decided(store, arena, known, n));
    for (size_t i = 0; i < n; i++) {
        any_held |= known[i].member == EVENT_OF_HELD && known[i].decided_event != 0;
    }
    return any_held ? follow_decided(store, arena, known, n) : ERR_OK;
}

enum err store_events_known(struct store *store, struct arena *arena,
                            const unsigned char (*hashes)[VAULT_HASH_BYTES], size_t n,
                            struct known_event **out, size_t *out_n)
{
    struct db_value *keys = arena_new(arena, struct db_value, n);
    struct db_result rows;
    *out_n = 0;
    if (n == 0) {
        return ERR_OK;
    }
    for (size_t i = 0; i < n; i++) {
        keys[i] = db_blob(hashes[i], VAULT_HASH_BYTES);
    }
    try(db_query_rows(store->db, arena, Q_EVENT_KEYS_FIND, keys, n, 1, &rows));
    *out = arena_new(arena, struct known_event, rows.rows_n);
    *out_n = rows.rows_n;
    for (size_t i = 0; i < rows.rows_n; i++) {
        const struct str hash = db_at_str(&rows, i, 0);
        const struct str fingerprint = db_at_str(&rows, i, 1);
        if (hash.n != VAULT_HASH_BYTES || !fingerprint_is_whole(fingerprint)) {
            return ERR_INTEGRITY;
        }
        memcpy((*out)[i].hash, hash.p, VAULT_HASH_BYTES);
        memcpy((*out)[i].fingerprint, fingerprint.p, VAULT_FINGERPRINT_BYTES);
        (*out)[i].member = db_at_int(&rows, i, 2);
        (*out)[i].event = db_at_int(&rows, i, 3);
    }
    return rows.is_bad ? ERR_INTEGRITY : find_decided(store, arena, *out, *out_n);
}

/* List is ascending by member, so rows find theirs by bisection. */
static struct member_facts *facts_of(struct member_facts *list, size_t n, int64_t member)
{
    size_t low = 0;
    size_t high = n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (list[middle].member < member) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < n && list[low].member == member ? &list[low] : NULL;
}

static enum err load_states(struct store *store, struct arena *arena, const struct db_value *keys,
                            struct member_facts *list, size_t n)
{
    struct db_result rows;
    try(db_query_rows(store->db, arena, Q_MEMBER_STATES_READ, keys, n, 1, &rows));
    for (size_t i = 0; i < rows.rows_n; i++) {
        struct member_facts *facts = facts_of(list, n, db_at_int(&rows, i, 0));
        ensure(facts != NULL);
        facts->state = arena_new(arena, struct state, 1);
        try(state_unpack(arena, facts->member, db_at_int(&rows, i, 1), db_at_str(&rows, i, 2),
                         facts->state));
        if (!state_is_balanced(facts->state)) {
            return ERR_INTEGRITY; // nobody is answered with balances that are not theirs
        }
        facts->exists = true;
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_profile_lists(struct arena *arena, struct str tags_text, struct str attributes_text,
                             struct profile *out)
{
    const struct json *tags = NULL;
    const struct json *attributes = NULL;
    try(json_read(arena, tags_text, NULL, &tags));
    try(json_read(arena, attributes_text, NULL, &attributes));
    out->attributes = attributes;
    out->tags_n = json_array_size(tags);
    out->tags = arena_new(arena, struct str, out->tags_n);
    for (size_t t = 0; t < out->tags_n; t++) {
        out->tags[t] = json_str(json_array_get(tags, t));
    }
    return ERR_OK;
}

static enum err read_profile(struct arena *arena, struct db_result *rows, size_t i,
                             struct profile *out)
{
    out->birth_on = INT32_MIN;
    out->birth_entered_at = db_is_null(rows, i, 10) ? AT_MIN : db_at_int(rows, i, 10);
    if (!db_is_null(rows, i, 1) && !db_is_null(rows, i, 2) && !db_is_null(rows, i, 3)) {
        out->birth_on = day_of_civil((struct civil){
            .year = (int)db_at_int(rows, i, 1),
            .month = (int)db_at_int(rows, i, 2),
            .day = (int)db_at_int(rows, i, 3),
        });
    }
    out->gender = db_at_str(rows, i, 4);
    out->country = db_at_str(rows, i, 5);
    out->city = db_at_str(rows, i, 6);
    out->language = db_at_str(rows, i, 7);
    try(store_profile_lists(arena, db_at_str(rows, i, 8), db_at_str(rows, i, 9), out));
    return rows->is_bad ? ERR_INTEGRITY : ERR_OK;
}

static enum err load_profiles(struct store *store, struct arena *arena, const struct db_value *keys,
                              struct member_facts *list, size_t n)
{
    struct db_result rows;
    try(db_query_rows(store->db, arena, Q_MEMBER_CLEARS_READ, keys, n, 1, &rows));
    for (size_t i = 0; i < rows.rows_n; i++) {
        struct member_facts *facts = facts_of(list, n, db_at_int(&rows, i, 0));
        ensure(facts != NULL);
        facts->profile = arena_new(arena, struct profile, 1);
        try(read_profile(arena, &rows, i, facts->profile));
    }
    return ERR_OK;
}

enum err store_member_language(struct store *store, struct arena *arena, int64_t member,
                               struct str *out)
{
    const struct db_value key = db_int(member);
    struct member_facts facts = {.member = member};
    try(load_profiles(store, arena, &key, &facts, 1));
    *out = facts.profile != NULL ? facts.profile->language : (struct str){0};
    return ERR_OK;
}

enum err store_facts_load(struct store *store, struct arena *arena, struct member_facts *list,
                          size_t n, bool with_profiles)
{
    struct db_value *keys = arena_new(arena, struct db_value, n);
    int64_t *ids = arena_new(arena, int64_t, n);
    struct vault_key *deks = arena_new(arena, struct vault_key, n);
    if (n == 0) {
        return ERR_OK;
    }
    for (size_t i = 0; i < n; i++) {
        ensure(i == 0 || list[i - 1].member < list[i].member);
        keys[i] = db_int(list[i].member);
        ids[i] = list[i].member;
    }
    try(load_states(store, arena, keys, list, n));
    if (with_profiles) {
        try(load_profiles(store, arena, keys, list, n));
    }
    try(vault_keys_load(store->keys, ids, n, deks));
    for (size_t i = 0; i < n; i++) {
        list[i].key = deks[i];
    }
    return ERR_OK;
}

static enum err load_chunks(struct store *store, struct arena *arena, struct state *state,
                            enum chunk_kind kind)
{
    struct db_result rows;
    const struct db_value keys[] = {db_int(state->member), db_int(kind)};
    // Statements of kind :many take parameters in the order of first appearance: member_id, kind.
    try(db_query(store->db, arena, Q_MEMBER_CHUNKS_READ, keys, ARRAY_N(keys), &rows));
    // Chunks that this batch has made are in memory only.
    const bool is_lots = kind == CHUNK_LOTS;
    const struct chunk_note *notes = is_lots ? state->lot_chunks : state->counter_chunks;
    const size_t notes_n = is_lots ? state->lot_chunks_touched_n : state->counter_chunks_touched_n;
    size_t expected = (size_t)(is_lots ? state->lot_chunks_n : state->counter_chunks_n);
    for (size_t i = 0; i < notes_n; i++) {
        expected -= notes[i].is_new;
    }
    if (rows.rows_n != expected) {
        return ERR_INTEGRITY;
    }
    for (size_t i = 0; i < rows.rows_n; i++) {
        try(state_chunk_unpack(arena, state, kind, (int32_t)db_at_int(&rows, i, 0),
                               db_at_str(&rows, i, 1)));
    }
    return ERR_OK;
}

enum err store_state_load_lots(struct store *store, struct arena *arena, struct state *state)
{
    if (!state->lots_loaded) {
        try(load_chunks(store, arena, state, CHUNK_LOTS));
        state->lots_loaded = true;
    }
    return ERR_OK;
}

enum err store_state_load_counters(struct store *store, struct arena *arena, struct state *state)
{
    if (!state->counters_loaded) {
        try(load_chunks(store, arena, state, CHUNK_COUNTERS));
        state->counters_loaded = true;
    }
    return ERR_OK;
}

enum err store_shared_read(struct store *store, struct arena *arena, struct shared_use **out,
                           size_t *n)
{
    struct db_result rows;
    const struct db_value zero = db_int(0);
    try(db_one(store->db, arena, Q_SHARED_COUNTERS_LOCK, &zero, 1, &rows));
    return store_shared_list(store, arena, out, n);
}

enum err store_shared_list(struct store *store, struct arena *arena, struct shared_use **out,
                           size_t *n)
{
    struct db_result rows;
    const struct db_value most = db_int(DB_ROWS_MAX);
    try(db_query(store->db, arena, Q_SHARED_COUNTERS_READ, &most, 1, &rows));
    *out = arena_new(arena, struct shared_use, rows.rows_n);
    *n = rows.rows_n;
    for (size_t i = 0; i < rows.rows_n; i++) {
        (*out)[i] = (struct shared_use){
            .symbol = (int32_t)db_at_int(&rows, i, 0),
            .day = (int32_t)db_at_int(&rows, i, 1),
            .points = db_at_int(&rows, i, 2),
        };
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_timers_due(struct store *store, struct arena *arena, int64_t now, size_t max,
                          struct due_timer **out, size_t *n)
{
    struct db_result rows;
    const struct db_value values[] = {db_int(now), db_int((int64_t)max)};
    try(db_query(store->db, arena, Q_TIMERS_DUE, values, ARRAY_N(values), &rows));
    *out = arena_new(arena, struct due_timer, rows.rows_n);
    *n = rows.rows_n;
    for (size_t i = 0; i < rows.rows_n; i++) {
        (*out)[i] = (struct due_timer){
            .member = db_at_int(&rows, i, 0),
            .due_at = db_at_int(&rows, i, 2),
            .attempts = db_at_int(&rows, i, 3),
        };
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum { TIMER_LEDGER = 0 };

enum err store_timers_attempt(struct store *store, struct arena *arena,
                              const struct due_timer *list, size_t n)
{
    struct db_value *rows = arena_new(arena, struct db_value, n * 3);
    for (size_t i = 0; i < n; i++) {
        rows[i * 3] = db_int(list[i].member);
        rows[i * 3 + 1] = db_int(TIMER_LEDGER);
        rows[i * 3 + 2] = db_int(list[i].attempts);
    }
    return db_exec_rows(store->db, Q_TIMERS_ATTEMPT, rows, n, 3, NULL);
}

enum err store_timers_parked(struct store *store, struct arena *arena, int64_t *n)
{
    struct db_result row;
    try(db_one(store->db, arena, Q_TIMERS_PARKED, NULL, 0, &row));
    *n = db_at_int(&row, 0, 0);
    return row.is_bad ? ERR_INTEGRITY : ERR_OK;
}
