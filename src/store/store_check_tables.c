/* The self-check's passes over whole tables: each row belongs where it says. */
#include "base/base.h"
#include "store/check.h"

#include "store/check_internal.h"
#include "store/members_internal.h"

struct str check_hex(struct arena *arena, struct str bytes)
{
    struct buf buf;
    buf_open(&buf, arena, 256);
    for (size_t i = 0; i < bytes.n && i < VAULT_COMMITMENT_BYTES; i++) {
        buf_printf(&buf, "%02x", (unsigned char)bytes.p[i]);
    }
    return buf_view(&buf);
}

enum err check_in_snapshot(struct store *store, struct arena *arena, struct check_cursor *cursor,
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
static enum err load_indexes(struct store *store, struct arena *arena, const int64_t *members,
                             size_t n, struct map *out)
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
                   member_profile_unseal(arena, key, id, db_at_str(&rows, i, 4), &profile) ==
                       ERR_OK &&
                   member_index_make(arena, store->base->vault, &profile, NULL, &indexed->index) ==
                       ERR_OK) {
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

static bool index_has_word(const struct vault *vault, const struct member_index *index,
                           struct str hash)
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

static void tell_index(struct arena *arena, const struct check_listener *listener,
                       const char *table, const struct indexed *indexed, bool is_there,
                       struct str hash)
{
    const struct str row = check_hex(arena, hash);
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

static enum err identifiers_slice(struct store *store, struct arena *arena,
                                  struct check_cursor *cursor,
                                  const struct check_listener *listener)
{
    struct db_result rows;
    struct map members;
    const struct db_value params[] = {db_int(cursor->kind), db_blob(cursor->hash, VAULT_HASH_BYTES),
                                      db_int(CHECK_MEMBERS)};
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
        tell_index(arena, listener, "identifier", indexed,
                   index_has(&indexed->index, cursor->kind, hash), hash);
        memset(cursor->hash, 0, VAULT_HASH_BYTES);
        if (hash.n > 0) {
            memcpy(cursor->hash, hash.p, hash.n < VAULT_HASH_BYTES ? hash.n : VAULT_HASH_BYTES);
        }
    }
    cursor->rows_n += (int64_t)rows.rows_n;
    cursor->is_end = rows.rows_n < CHECK_MEMBERS;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_check_identifiers(struct store *store, struct arena *arena,
                                 struct check_cursor *cursor, const struct check_listener *listener)
{
    return check_in_snapshot(store, arena, cursor, listener, identifiers_slice);
}

static enum err words_slice(struct store *store, struct arena *arena, struct check_cursor *cursor,
                            const struct check_listener *listener)
{
    struct db_result rows;
    struct map members;
    const struct db_value params[] = {db_blob(cursor->hash, VAULT_HASH_BYTES),
                                      db_int(cursor->member), db_int(CHECK_MEMBERS)};
    try(db_query(store->db, arena, Q_VERIFY_WORDS, params, ARRAY_N(params), &rows));
    int64_t *ids = arena_new(arena, int64_t, rows.rows_n);
    for (size_t i = 0; i < rows.rows_n; i++) {
        ids[i] = db_at_int(&rows, i, 1);
    }
    try(load_indexes(store, arena, ids, rows.rows_n, &members));
    for (size_t i = 0; i < rows.rows_n; i++) {
        const struct indexed *indexed = map_find_int(&members, ids[i]);
        const struct str hash = db_at_str(&rows, i, 0);
        tell_index(arena, listener, "name_word", indexed,
                   index_has_word(store->base->vault, &indexed->index, hash), hash);
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
    return check_in_snapshot(store, arena, cursor, listener, words_slice);
}

/* ---- purchases ---- */

static enum err purchases_slice(struct store *store, struct arena *arena,
                                struct check_cursor *cursor, const struct check_listener *listener)
{
    struct db_result rows;
    const struct db_value params[] = {db_int(cursor->member), db_int(cursor->id),
                                      db_int(CHECK_MEMBERS)};
    try(db_query(store->db, arena, Q_VERIFY_PURCHASES, params, ARRAY_N(params), &rows));
    for (size_t i = 0; i < rows.rows_n; i++) {
        struct purchase purchase;
        struct member_facts member = {.member = db_at_int(&rows, i, 0)};
        cursor->member = member.member;
        cursor->id = db_at_int(&rows, i, 1);
        enum err err = vault_keys_load(store->keys, &member.member, 1, &member.key);
        if (err == ERR_OK && member.key.version != 0) {
            err = store_purchase_load(store, arena, &member, cursor->id, &purchase);
            if (err == ERR_OK && purchase.content.kind != EVENT_PURCHASE &&
                purchase.content.kind != EVENT_PURCHASE_CHANGED) {
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

enum err store_check_purchases(struct store *store, struct arena *arena,
                               struct check_cursor *cursor, const struct check_listener *listener)
{
    return check_in_snapshot(store, arena, cursor, listener, purchases_slice);
}

/* ---- the database's own check ---- */

enum err store_check_database(struct store *store, struct arena *arena, size_t index,
                              const struct check_listener *listener, bool *is_end)
{
    static const char *const TABLES[] = {"instance",
                                         "symbol",
                                         "program_version",
                                         "program_draft",
                                         "shared_counter",
                                         "member",
                                         "member_clear",
                                         "identifier",
                                         "name_word",
                                         "member_state",
                                         "member_chunk",
                                         "event_key",
                                         "event",
                                         "transfer",
                                         "purchase",
                                         "timer",
                                         "held",
                                         "sale",
                                         "api_key",
                                         "idempotency",
                                         "audit",
                                         "schema_migration",
                                         "released",
                                         "frozen",
                                         "issued_reward",
                                         "reward_code",
                                         "coupon",
                                         "coupon_hash",
                                         "redemption_code",
                                         "relay",
                                         "contest_entry",
                                         "contest_draw",
                                         "arming",
                                         "referral_code",
                                         "referral_code_hash",
                                         "likeness",
                                         "referral",
                                         "review"};
    struct db_result rows;
    *is_end = index >= ARRAY_N(TABLES);
    if (*is_end) {
        return ERR_OK;
    }
    const struct db_value param = db_text(str_c(TABLES[index]));
    const enum err err = db_query(store->db, arena, Q_DATABASE_CHECK, &param, 1, &rows);
    if (err == ERR_INTEGRITY) {
        TELL(listener, INV_DATABASE, TABLES[index], STR("*"),
             "the database cannot read this table");
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

enum err store_check_bytes(struct store *store, struct arena *arena, int64_t *bytes)
{
    struct db_result row;
    const struct db_value one = db_int(1);
    try(db_one(store->db, arena, Q_DATABASE_BYTES, &one, 1, &row));
    *bytes = db_at_int(&row, 0, 0);
    return row.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_check_newest(struct store *store, struct arena *arena, size_t max, int64_t *members,
                            size_t *n)
{
    struct db_result rows;
    const struct db_value param = db_int((int64_t)max);
    try(db_query(store->db, arena, Q_VERIFY_NEWEST, &param, 1, &rows));
    ensure(rows.rows_n <= max);
    for (size_t i = 0; i < rows.rows_n; i++) {
        members[i] = db_at_int(&rows, i, 0);
    }
    *n = rows.rows_n;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
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

void store_check_chain_open(struct chain_pass *pass, enum chain_kind kind, int64_t part,
                            int64_t parts)
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
    const struct db_value params[] = {db_int(cursor->member), db_int(cursor->id),
                                      db_int(CHECK_SLICE)};
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
            TELL(listener, INV_CHAINS, chain_table(pass),
                 check_row(arena, chain_prefix(pass), cursor->id),
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
            TELL(listener, INV_CHAINS, chain_table(pass),
                 check_row(arena, chain_prefix(pass), last->id),
                 "the row lies beyond the newest one that its member knows of");
        }
    }
    *is_end = rows.rows_n < CHECK_MEMBERS;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

static void chain_orphans(struct arena *arena, const struct chain_pass *pass,
                          const struct check_listener *listener)
{
    for (size_t i = 0; i < pass->last.room; i++) {
        const struct last_row *last = pass->last.slots[i].value;
        if (last != NULL && !last->has_state) {
            TELL(listener, INV_CHAINS, chain_table(pass),
                 check_row(arena, chain_prefix(pass), last->id),
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
