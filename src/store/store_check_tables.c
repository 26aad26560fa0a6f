/* The self-check's passes over whole tables: each row belongs where it says. */
#include "base/base.h"
#include "store/check.h"

#include "store/members_internal.h"

#define TELL(listener, invariant, table, row, text)                                                \
    (listener)->fault((listener)->self, (invariant), (table), (row), (text))

static struct str hex_of(struct arena *arena, struct str bytes)
{
    struct buf buf;
    buf_open(&buf, arena, 256);
    for (size_t i = 0; i < bytes.n && i < VAULT_COMMITMENT_BYTES; i++) {
        buf_printf(&buf, "%02x", (unsigned char)bytes.p[i]);
    }
    return buf_view(&buf);
}

/* Runs the body of a slice in a snapshot of its own. */
static enum err in_snapshot(struct store *store, struct arena *arena, struct check_cursor *cursor,
                            const struct check_listener *listener,
                            enum err (*body)(struct store *, struct arena *, struct check_cursor *,
                                             const struct check_listener *))
{
    try(db_begin(store->db, DB_READ));
    const enum err err = body(store, arena, cursor, listener);
    db_rollback(store->db);
    return err;
}

/* ---- blind indexes: each row is in its member's profile ---- */

enum index_state { INDEX_OPEN, INDEX_NOBODY, INDEX_FORGOTTEN, INDEX_CLOSED };

struct indexed {
    enum index_state state;
    struct member_index index;
};

/* What the members of a slice are found by, each once. */
static enum err load_indexes(struct store *store, struct arena *arena, const int64_t *members, size_t n, struct map *out)
{
    struct db_value *params = arena_new(arena, struct db_value, n);
    int64_t *ids = arena_new(arena, int64_t, n);
    size_t ids_n = 0;
    struct db_result rows;
    map_open(out, arena);
    for (size_t i = 0; i < n; i++) {
        if (map_find_int(out, members[i]) == NULL) {
            struct indexed *indexed = arena_new(arena, struct indexed, 1);
            indexed->state = INDEX_NOBODY;
            map_set_int(out, members[i], indexed);
            ids[ids_n] = members[i];
            params[ids_n++] = db_int(members[i]);
        }
    }
    struct vault_key *keys = arena_new(arena, struct vault_key, ids_n);
    struct map key_of;
    map_open(&key_of, arena);
    try(db_query_rows(store->db, arena, Q_MEMBERS_READ, params, ids_n, 1, &rows));
    const enum err keys_err = vault_keys_load(store->keys, ids, ids_n, keys);
    for (size_t i = 0; i < ids_n; i++) {
        map_set_int(&key_of, ids[i], &keys[i]);
    }
    for (size_t i = 0; i < rows.rows_n; i++) {
        struct member_profile profile;
        const int64_t id = db_at_int(&rows, i, 0);
        struct indexed *indexed = map_find_int(out, id);
        const struct vault_key *key = map_find_int(&key_of, id);
        ensure(indexed != NULL && key != NULL);
        indexed->state = INDEX_CLOSED; // its own check has told
        if (db_at_int(&rows, i, 2) == MEMBER_ERASED) {
            indexed->state = INDEX_FORGOTTEN;
        } else if (keys_err == ERR_OK && key->version != 0 &&
                   member_profile_unseal(arena, key, id, db_at_str(&rows, i, 4), &profile) == ERR_OK &&
                   member_index_make(arena, store->base->vault, &profile, NULL, &indexed->index) == ERR_OK) {
            indexed->state = INDEX_OPEN;
        }
    }
    vault_wipe(keys, ids_n * sizeof *keys);
    return keys_err == ERR_OK || keys_err == ERR_INTEGRITY ? ERR_OK : keys_err;
}

static bool index_has(const struct member_index *index, int64_t kind, struct str hash)
{
    for (size_t i = 0; i < index->identifiers_n; i++) {
        if ((int64_t)index->identifiers[i].kind == kind && hash.n == VAULT_HASH_BYTES &&
            memcmp(index->identifiers[i].hash, hash.p, VAULT_HASH_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static bool index_has_word(const struct vault *vault, const struct member_index *index, struct str hash)
{
    for (size_t i = 0; i < index->words_n; i++) {
        unsigned char word[VAULT_HASH_BYTES];
        vault_blind(vault, VAULT_NAME, index->words[i], word);
        if (hash.n == VAULT_HASH_BYTES && memcmp(word, hash.p, VAULT_HASH_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static void tell_index(struct arena *arena, const struct check_listener *listener, const char *table,
                       const struct indexed *indexed, bool is_there, struct str hash)
{
    const struct str row = hex_of(arena, hash);
    switch (indexed->state) {
    case INDEX_OPEN:
        if (!is_there) {
            TELL(listener, INV_INDEXES, table, row, "the entry is not in its member's profile");
        }
        break;
    case INDEX_NOBODY:
        TELL(listener, INV_INDEXES, table, row, "the entry names a member that does not exist");
        break;
    case INDEX_FORGOTTEN:
        TELL(listener, INV_INDEXES, table, row, "the entry is left of a forgotten member");
        break;
    case INDEX_CLOSED:
        break;
    }
}

static enum err identifiers_slice(struct store *store, struct arena *arena, struct check_cursor *cursor,
                                  const struct check_listener *listener)
{
    struct db_result rows;
    struct map members;
    const struct db_value params[] = {
        db_int(cursor->kind), db_blob(cursor->hash, VAULT_HASH_BYTES), db_int(CHECK_MEMBERS)};
    try(db_query(store->db, arena, Q_VERIFY_IDENTIFIERS, params, ARRAY_N(params), &rows));
    int64_t *ids = arena_new(arena, int64_t, rows.rows_n);
    for (size_t i = 0; i < rows.rows_n; i++) {
        ids[i] = db_at_int(&rows, i, 2);
    }
    try(load_indexes(store, arena, ids, rows.rows_n, &members));
    for (size_t i = 0; i < rows.rows_n; i++) {
        const struct indexed *indexed = map_find_int(&members, ids[i]);
        const struct str hash = db_at_str(&rows, i, 1);
        cursor->kind = db_at_int(&rows, i, 0);
        tell_index(arena, listener, "identifier", indexed, index_has(&indexed->index, cursor->kind, hash), hash);
        memset(cursor->hash, 0, VAULT_HASH_BYTES);
        if (hash.n > 0) {
            memcpy(cursor->hash, hash.p, hash.n < VAULT_HASH_BYTES ? hash.n : VAULT_HASH_BYTES);
        }
    }
    cursor->rows_n += (int64_t)rows.rows_n;
    cursor->is_end = rows.rows_n < CHECK_MEMBERS;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_check_identifiers(struct store *store, struct arena *arena, struct check_cursor *cursor,
                                 const struct check_listener *listener)
{
    return in_snapshot(store, arena, cursor, listener, identifiers_slice);
}

static enum err words_slice(struct store *store, struct arena *arena, struct check_cursor *cursor,
                            const struct check_listener *listener)
{
    struct db_result rows;
    struct map members;
    const struct db_value params[] = {
        db_blob(cursor->hash, VAULT_HASH_BYTES), db_int(cursor->member), db_int(CHECK_MEMBERS)};
    try(db_query(store->db, arena, Q_VERIFY_WORDS, params, ARRAY_N(params), &rows));
    int64_t *ids = arena_new(arena, int64_t, rows.rows_n);
    for (size_t i = 0; i < rows.rows_n; i++) {
        ids[i] = db_at_int(&rows, i, 1);
    }
    try(load_indexes(store, arena, ids, rows.rows_n, &members));
    for (size_t i = 0; i < rows.rows_n; i++) {
        const struct indexed *indexed = map_find_int(&members, ids[i]);
        const struct str hash = db_at_str(&rows, i, 0);
        tell_index(arena, listener, "name_word", indexed, index_has_word(store->base->vault, &indexed->index, hash), hash);
        cursor->member = ids[i];
        memset(cursor->hash, 0, VAULT_HASH_BYTES);
        if (hash.n > 0) {
            memcpy(cursor->hash, hash.p, hash.n < VAULT_HASH_BYTES ? hash.n : VAULT_HASH_BYTES);
        }
    }
    cursor->rows_n += (int64_t)rows.rows_n;
    cursor->is_end = rows.rows_n < CHECK_MEMBERS;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_check_words(struct store *store, struct arena *arena, struct check_cursor *cursor,
                           const struct check_listener *listener)
{
    return in_snapshot(store, arena, cursor, listener, words_slice);
}

/* ---- sales and held events ---- */

/* Reads a sale; its natural key goes to hash. */
static bool sale_opens(struct store *store, struct arena *arena, struct db_result *rows, size_t i, struct event *event,
                       unsigned char hash[VAULT_HASH_BYTES])
{
    struct str plain;
    const struct vault_place place = {.table = "sale", .column = "sealed", .owner_id = db_at_int(rows, i, 0)};
    if (vault_unseal(arena, vault_instance_key(store->base->vault, VAULT_SALES), place, db_at_str(rows, i, 7), &plain) !=
            ERR_OK ||
        event_unpack(arena, db_at_int(rows, i, 1), db_at_str(rows, i, 6), plain, event) != ERR_OK) {
        return false;
    }
    vault_natural_key(store->base->vault, event->source, event->external_id, hash);
    return true;
}

/* The one key that a hash has; false when it has none. */
static enum err find_key(struct store *store, struct arena *arena, const unsigned char hash[VAULT_HASH_BYTES], bool *has,
                         struct known_event *out)
{
    struct known_event *known = NULL;
    size_t n = 0;
    try(store_events_known(store, arena, (const unsigned char(*)[VAULT_HASH_BYTES])(const void *)hash, 1, &known, &n));
    *has = n == 1;
    if (*has) {
        *out = known[0];
    }
    return ERR_OK;
}

static enum err check_sale(struct store *store, struct arena *arena, struct db_result *rows, size_t i,
                           const struct check_listener *listener)
{
    struct event event;
    struct known_event known;
    unsigned char hash[VAULT_HASH_BYTES];
    bool has = false;
    const int64_t id = db_at_int(rows, i, 0);
    const struct str row = check_row(arena, "evt_", id);
    if (!sale_opens(store, arena, rows, i, &event, hash)) {
        TELL(listener, INV_SEALED, "sale", row, "the sale does not open");
        return ERR_OK;
    }
    if (event.amount != db_at_int(rows, i, 3) || !str_eq(event.currency, db_at_str(rows, i, 4)) ||
        !str_eq(event.store, db_at_str(rows, i, 5))) {
        TELL(listener, INV_DATABASE, "sale", row, "amount, currency or store are not those of the content");
    }
    try(find_key(store, arena, hash, &has, &known));
    if (!has || known.member != EVENT_OF_SALE || known.event != id) {
        TELL(listener, INV_NATURAL_KEYS, "sale", row, has ? "the sale's natural key belongs to another event"
                                                           : "the sale's natural key is not stored");
    }
    return ERR_OK;
}

static enum err sales_slice(struct store *store, struct arena *arena, struct check_cursor *cursor,
                            const struct check_listener *listener)
{
    struct db_result rows;
    const struct db_value params[] = {db_int(cursor->id), db_int(CHECK_MEMBERS)};
    try(db_query(store->db, arena, Q_VERIFY_SALES, params, ARRAY_N(params), &rows));
    for (size_t i = 0; i < rows.rows_n; i++) {
        cursor->id = db_at_int(&rows, i, 0);
        try(check_sale(store, arena, &rows, i, listener));
    }
    cursor->rows_n += (int64_t)rows.rows_n;
    cursor->is_end = rows.rows_n < CHECK_MEMBERS;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_check_sales(struct store *store, struct arena *arena, struct check_cursor *cursor,
                           const struct check_listener *listener)
{
    return in_snapshot(store, arena, cursor, listener, sales_slice);
}

/* Whether a held event waits for what it says it waits for. */
static bool waits_rightly(struct store *store, struct arena *arena, const struct held_event *held)
{
    unsigned char hash[VAULT_HASH_BYTES];
    struct identifier subject;
    const struct vault *vault = store->base->vault;
    if (held->waits_for_purchase) {
        const struct original *original = &held->event.original;
        vault_natural_key(vault, original->source.n > 0 ? original->source : held->event.source, original->id, hash);
        return memcmp(hash, held->wait_hash, VAULT_HASH_BYTES) == 0;
    }
    return identifier_read(arena, vault, held->event.subject, NULL, "", &subject) == ERR_OK &&
           memcmp(subject.hash, held->wait_hash, VAULT_HASH_BYTES) == 0;
}

static enum err check_held(struct store *store, struct arena *arena, struct db_result *rows, size_t i, int64_t now,
                           const struct check_listener *listener)
{
    struct held_event held;
    struct known_event known;
    struct vault_key key;
    unsigned char hash[VAULT_HASH_BYTES];
    bool has = false;
    bool is_erased = false;
    const int64_t id = db_at_int(rows, i, 0);
    const struct str row = check_row(arena, "evt_", id);
    enum err err = vault_keys_load(store->keys, &id, 1, &key);
    if (err == ERR_OK && key.version == 0) {
        try(vault_erasures_find(store->keys, &id, 1, &is_erased));
        if (!is_erased && db_at_int(rows, i, 5) > now) {
            TELL(listener, INV_SEALED, "held", row, "the held event's key is gone before its time");
        }
        return ERR_OK;
    }
    err = err == ERR_OK ? held_row_check(arena, rows, i, &key, &held) : err;
    vault_wipe(&key, sizeof key);
    if (err == ERR_INTEGRITY) {
        TELL(listener, INV_SEALED, "held", row, "the held event does not open");
        return ERR_OK;
    }
    try(err);
    if (!waits_rightly(store, arena, &held)) {
        TELL(listener, INV_INDEXES, "held", row, "the event waits for something else than it says");
    }
    vault_natural_key(store->base->vault, held.event.source, held.event.external_id, hash);
    try(find_key(store, arena, hash, &has, &known));
    const bool is_right = has && (held.member == 0 ? known.member == EVENT_OF_HELD && known.event == id
                                                   : known.member == held.member || known.member == EVENT_OF_HELD);
    if (!is_right) {
        TELL(listener, INV_NATURAL_KEYS, "held", row, has ? "the held event's natural key belongs to another event"
                                                           : "the held event's natural key is not stored");
    }
    return ERR_OK;
}

static enum err held_slice(struct store *store, struct arena *arena, struct check_cursor *cursor,
                           const struct check_listener *listener)
{
    struct db_result rows;
    const struct db_value params[] = {db_int(cursor->id), db_int(CHECK_MEMBERS)};
    try(db_query(store->db, arena, Q_VERIFY_HELD, params, ARRAY_N(params), &rows));
    for (size_t i = 0; i < rows.rows_n; i++) {
        cursor->id = db_at_int(&rows, i, 0);
        try(check_held(store, arena, &rows, i, cursor->now, listener));
    }
    cursor->rows_n += (int64_t)rows.rows_n;
    cursor->is_end = rows.rows_n < CHECK_MEMBERS;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_check_held(struct store *store, struct arena *arena, struct check_cursor *cursor,
                          const struct check_listener *listener)
{
    return in_snapshot(store, arena, cursor, listener, held_slice);
}

/* ---- natural keys: each names what is there ---- */

struct keyed {
    struct str hash;
    int64_t member;
    int64_t event;
};

static void tell_key(struct arena *arena, const struct check_listener *listener, const struct keyed *key, const char *text)
{
    TELL(listener, INV_NATURAL_KEYS, "event_key", hex_of(arena, key->hash), text);
}

/* Keys of members' events: the events' own source and id give this hash. */
static enum err check_member_keys(struct store *store, struct arena *arena, const struct keyed *list, size_t n,
                                  const struct check_listener *listener)
{
    struct db_value *params = arena_new(arena, struct db_value, n * 2);
    int64_t *members = arena_new(arena, int64_t, n);
    struct vault_key *keys = arena_new(arena, struct vault_key, n);
    struct db_result rows;
    struct map by_event;
    if (n == 0) {
        return ERR_OK;
    }
    map_open(&by_event, arena);
    for (size_t i = 0; i < n; i++) {
        params[i * 2] = db_int(list[i].member);
        params[i * 2 + 1] = db_int(list[i].event);
        members[i] = list[i].member;
    }
    try(db_query_rows(store->db, arena, Q_EVENTS_READ, params, n, 2, &rows));
    size_t *places = arena_new(arena, size_t, rows.rows_n);
    for (size_t i = 0; i < rows.rows_n; i++) {
        places[i] = i;
        map_set_int(&by_event, db_at_int(&rows, i, 0), &places[i]);
    }
    const enum err err = vault_keys_load(store->keys, members, n, keys);
    for (size_t i = 0; i < n && (err == ERR_OK || err == ERR_INTEGRITY); i++) {
        struct event_row row;
        unsigned char hash[VAULT_HASH_BYTES];
        bool opens = false;
        const size_t *place = map_find_int(&by_event, list[i].event);
        if (place == NULL) {
            tell_key(arena, listener, &list[i], "the natural key names an event that does not exist");
        } else if (err == ERR_OK && event_row_check(arena, &rows, *place, &keys[i], &opens, &row) == ERR_OK && !row.is_sealed) {
            vault_natural_key(store->base->vault, row.event.source, row.event.external_id, hash);
            if (list[i].hash.n != VAULT_HASH_BYTES || memcmp(hash, list[i].hash.p, VAULT_HASH_BYTES) != 0) {
                tell_key(arena, listener, &list[i], "the natural key is not that of its event");
            }
        }
    }
    vault_wipe(keys, n * sizeof *keys);
    return err == ERR_INTEGRITY ? ERR_OK : err; // a key that does not unwrap is told with its member
}

/* Keys of sales, and of events that are still held: what was held and is over leaves its key behind. */
static enum err check_other_keys(struct store *store, struct arena *arena, const struct keyed *list, size_t n, bool is_sale,
                                 const struct check_listener *listener)
{
    struct db_value *params = arena_new(arena, struct db_value, n);
    struct db_result rows;
    struct map found;
    if (n == 0) {
        return ERR_OK;
    }
    for (size_t i = 0; i < n; i++) {
        params[i] = db_int(list[i].event);
    }
    map_open(&found, arena);
    try(db_query_rows(store->db, arena, is_sale ? Q_SALES_READ : Q_HELD_READ, params, n, 1, &rows));
    size_t *places = arena_new(arena, size_t, rows.rows_n);
    for (size_t i = 0; i < rows.rows_n; i++) {
        places[i] = i;
        map_set_int(&found, db_at_int(&rows, i, 0), &places[i]);
    }
    for (size_t i = 0; i < n; i++) {
        struct event event;
        unsigned char hash[VAULT_HASH_BYTES];
        const size_t *place = map_find_int(&found, list[i].event);
        if (is_sale && place == NULL) {
            tell_key(arena, listener, &list[i], "the natural key names a sale that does not exist");
        } else if (is_sale && sale_opens(store, arena, &rows, *place, &event, hash) &&
                   (list[i].hash.n != VAULT_HASH_BYTES || memcmp(hash, list[i].hash.p, VAULT_HASH_BYTES) != 0)) {
            tell_key(arena, listener, &list[i], "the natural key is not that of its sale");
        }
    }
    return ERR_OK;
}

static enum err keys_slice(struct store *store, struct arena *arena, struct check_cursor *cursor,
                           const struct check_listener *listener)
{
    struct db_result rows;
    const struct db_value params[] = {db_blob(cursor->hash, VAULT_HASH_BYTES), db_int(CHECK_SLICE)};
    try(db_query(store->db, arena, Q_VERIFY_KEYS, params, ARRAY_N(params), &rows));
    struct keyed *lists[3]; // of members, of sales, of held events
    size_t n[3] = {0};
    for (size_t k = 0; k < ARRAY_N(lists); k++) {
        lists[k] = arena_new(arena, struct keyed, rows.rows_n);
    }
    for (size_t i = 0; i < rows.rows_n; i++) {
        const struct keyed key = {
            .hash = db_at_str(&rows, i, 0), .member = db_at_int(&rows, i, 2), .event = db_at_int(&rows, i, 3)};
        const size_t k = key.member > 0 ? 0 : key.member == EVENT_OF_SALE ? 1 : 2;
        lists[k][n[k]++] = key;
        if (key.hash.n != VAULT_HASH_BYTES || db_at_str(&rows, i, 1).n != VAULT_HASH_BYTES || key.member < EVENT_OF_HELD) {
            tell_key(arena, listener, &key, "the natural key cannot be read");
        }
        memset(cursor->hash, 0, VAULT_HASH_BYTES);
        if (key.hash.n > 0) {
            memcpy(cursor->hash, key.hash.p, key.hash.n < VAULT_HASH_BYTES ? key.hash.n : VAULT_HASH_BYTES);
        }
    }
    try(check_member_keys(store, arena, lists[0], n[0], listener));
    try(check_other_keys(store, arena, lists[1], n[1], true, listener));
    try(check_other_keys(store, arena, lists[2], n[2], false, listener));
    cursor->rows_n += (int64_t)rows.rows_n;
    cursor->is_end = rows.rows_n < CHECK_SLICE;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_check_keys(struct store *store, struct arena *arena, struct check_cursor *cursor,
                          const struct check_listener *listener)
{
    return in_snapshot(store, arena, cursor, listener, keys_slice);
}

/* ---- purchases ---- */

static enum err purchases_slice(struct store *store, struct arena *arena, struct check_cursor *cursor,
                                const struct check_listener *listener)
{
    struct db_result rows;
    const struct db_value params[] = {db_int(cursor->member), db_int(cursor->id), db_int(CHECK_MEMBERS)};
    try(db_query(store->db, arena, Q_VERIFY_PURCHASES, params, ARRAY_N(params), &rows));
    for (size_t i = 0; i < rows.rows_n; i++) {
        struct purchase purchase;
        struct member_facts member = {.member = db_at_int(&rows, i, 0)};
        cursor->member = member.member;
        cursor->id = db_at_int(&rows, i, 1);
        enum err err = vault_keys_load(store->keys, &member.member, 1, &member.key);
        if (err == ERR_OK && member.key.version != 0) {
            err = store_purchase_load(store, arena, &member, cursor->id, &purchase);
            if (err == ERR_OK && purchase.content.kind != EVENT_PURCHASE && purchase.content.kind != EVENT_PURCHASE_CHANGED) {
                err = ERR_INTEGRITY;
            }
        }
        vault_wipe(&member.key, sizeof member.key);
        if (err == ERR_INTEGRITY || err == ERR_NOT_FOUND) {
            TELL(listener, INV_DATABASE, "purchase", check_row(arena, "evt_", cursor->id),
                 "the row does not fit a purchase that can be read");
        } else {
            try(err);
        }
    }
    cursor->rows_n += (int64_t)rows.rows_n;
    cursor->is_end = rows.rows_n < CHECK_MEMBERS;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_check_purchases(struct store *store, struct arena *arena, struct check_cursor *cursor,
                               const struct check_listener *listener)
{
    return in_snapshot(store, arena, cursor, listener, purchases_slice);
}

/* ---- the database's own check ---- */

enum err store_check_database(struct store *store, struct arena *arena, size_t index, const struct check_listener *listener,
                              bool *is_end)
{
    static const char *const TABLES[] = {
        "instance", "symbol", "program_version", "program_draft", "shared_counter", "member", "member_clear", "identifier",
        "name_word", "member_state", "member_chunk", "event_key", "event", "transfer", "purchase", "timer", "held", "sale",
        "api_key", "idempotency", "audit", "schema_migration"};
    struct db_result rows;
    *is_end = index >= ARRAY_N(TABLES);
    if (*is_end) {
        return ERR_OK;
    }
    const struct db_value param = db_text(str_c(TABLES[index]));
    const enum err err = db_query(store->db, arena, Q_DATABASE_CHECK, &param, 1, &rows);
    if (err == ERR_INTEGRITY) {
        TELL(listener, INV_DATABASE, TABLES[index], STR("*"), "the database cannot read this table");
        return ERR_OK;
    }
    try(err);
    for (size_t i = 0; i < rows.rows_n; i++) {
        const struct str text = db_at_str(&rows, i, 0);
        if (!str_eq(text, STR("ok"))) {
            TELL(listener, INV_DATABASE, TABLES[index], STR("*"), str_dup(arena, text).p);
        }
    }
    return ERR_OK;
}

enum err store_members_count(struct store *store, struct arena *arena, int64_t *n)
{
    struct db_result row;
    try(db_one(store->db, arena, Q_MEMBERS_COUNT, NULL, 0, &row));
    *n = db_at_int(&row, 0, 0);
    return row.is_bad ? ERR_INTEGRITY : ERR_OK;
}

/* ---- chains ---- */

struct last_row {
    int64_t member;
    int64_t id;
    bool has_state;
};

void store_check_chain_open(struct chain_pass *pass, enum chain_kind kind, int64_t part, int64_t parts)
{
    ensure(part < parts);
    *pass = (struct chain_pass){.kind = kind, .part = part, .parts = parts};
    arena_open(&pass->arena, (size_t)CHECK_CHAIN_MEMBERS_MAX * 512);
    map_open(&pass->last, &pass->arena);
}

void store_check_chain_close(struct chain_pass *pass)
{
    arena_close(&pass->arena);
}

static const char *chain_table(const struct chain_pass *pass)
{
    return pass->kind == CHAIN_EVENTS ? "event" : "transfer";
}

static const char *chain_prefix(const struct chain_pass *pass)
{
    return pass->kind == CHAIN_EVENTS ? "evt_" : "trf_";
}

static enum err chain_rows(struct store *store, struct arena *arena, struct chain_pass *pass,
                           const struct check_listener *listener)
{
    struct db_result rows;
    struct check_cursor *cursor = &pass->cursor;
    const struct db_value params[] = {db_int(cursor->member), db_int(cursor->id), db_int(CHECK_SLICE)};
    const int query = pass->kind == CHAIN_EVENTS ? Q_VERIFY_EVENT_CHAIN : Q_VERIFY_TRANSFER_CHAIN;
    try(db_query(store->db, arena, query, params, ARRAY_N(params), &rows));
    for (size_t i = 0; i < rows.rows_n; i++) {
        cursor->member = db_at_int(&rows, i, 0);
        cursor->id = db_at_int(&rows, i, 1);
        if ((int64_t)((uint64_t)cursor->member % (uint64_t)pass->parts) != pass->part) {
            continue;
        }
        struct last_row *last = map_find_int(&pass->last, cursor->member);
        if (db_at_int(&rows, i, 2) != (last == NULL ? 0 : last->id)) {
            TELL(listener, INV_CHAINS, chain_table(pass), check_row(arena, chain_prefix(pass), cursor->id),
                 "the row does not follow the member's row before it");
        }
        if (last == NULL) {
            last = arena_new(&pass->arena, struct last_row, 1);
            last->member = cursor->member;
            map_set_int(&pass->last, cursor->member, last);
        }
        last->id = cursor->id;
    }
    cursor->rows_n += (int64_t)rows.rows_n;
    pass->rows_done = rows.rows_n < CHECK_SLICE;
    if (pass->rows_done) {
        cursor->member = 0;
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

/* Heads only grow, so a row beyond one that is read later belongs to no chain. */
static enum err chain_heads(struct store *store, struct arena *arena, struct chain_pass *pass,
                            const struct check_listener *listener, bool *is_end)
{
    struct db_result rows;
    const struct db_value params[] = {db_int(pass->cursor.member), db_int(CHECK_MEMBERS)};
    try(db_query(store->db, arena, Q_VERIFY_HEADS, params, ARRAY_N(params), &rows));
    for (size_t i = 0; i < rows.rows_n; i++) {
        struct state state;
        pass->cursor.member = db_at_int(&rows, i, 0);
        struct last_row *last = map_find_int(&pass->last, pass->cursor.member);
        if (last == NULL) {
            continue;
        }
        last->has_state = true;
        if (state_unpack(arena, pass->cursor.member, 1, db_at_str(&rows, i, 1), &state) != ERR_OK) {
            continue; // its own check has told
        }
        const int64_t head = pass->kind == CHAIN_EVENTS ? state.last_event : state.last_transfer;
        if (last->id > head) {
            TELL(listener, INV_CHAINS, chain_table(pass), check_row(arena, chain_prefix(pass), last->id),
                 "the row lies beyond the newest one that its member knows of");
        }
    }
    *is_end = rows.rows_n < CHECK_MEMBERS;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

static void chain_orphans(struct arena *arena, const struct chain_pass *pass, const struct check_listener *listener)
{
    for (size_t i = 0; i < pass->last.room; i++) {
        const struct last_row *last = pass->last.slots[i].value;
        if (last != NULL && !last->has_state) {
            TELL(listener, INV_CHAINS, chain_table(pass), check_row(arena, chain_prefix(pass), last->id),
                 "the row belongs to a member without a state");
        }
    }
}

enum err store_check_chain(struct store *store, struct arena *arena, struct chain_pass *pass,
                           const struct check_listener *listener, bool *is_end)
{
    *is_end = false;
    if (!pass->rows_done) {
        return chain_rows(store, arena, pass, listener);
    }
    try(chain_heads(store, arena, pass, listener, is_end));
    if (*is_end) {
        chain_orphans(arena, pass, listener);
    }
    return ERR_OK;
}
