/* Writing and reading the audit log. */
#include "base/base.h"
#include "store/audit.h"

#include "store/store_internal.h"

#include <sodium.h>

enum { AUDIT_FORMAT = 1, RECORD_BYTES_MAX = 2048, ROW_COLS = 8, CHECKPOINT_BYTES_MAX = 1024 };

/* ---- the record ---- */

static void put_be(struct buf *out, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--) {
        buf_char(out, (char)(value >> (8 * i)));
    }
}

static void put_text(struct buf *out, struct str text)
{
    put_be(out, text.n, 4);
    buf_str(out, text);
}

static void put_commitment(struct buf *out, bool has,
                           const unsigned char commitment[VAULT_COMMITMENT_BYTES])
{
    put_be(out, has, 1);
    if (has) {
        buf_add(out, commitment, VAULT_COMMITMENT_BYTES);
    }
}

void audit_hash(const struct audit_row *row, const unsigned char before[AUDIT_HASH_BYTES],
                unsigned char out[AUDIT_HASH_BYTES])
{
    struct arena arena;
    struct buf bytes;
    arena_open(&arena, (size_t)64 * 1024);
    buf_open(&bytes, &arena, RECORD_BYTES_MAX);
    put_be(&bytes, AUDIT_FORMAT, 1);
    buf_add(&bytes, before, AUDIT_HASH_BYTES);
    put_be(&bytes, (uint64_t)row->seq, 8);
    put_be(&bytes, (uint64_t)row->at, 8);
    put_text(&bytes, row->actor);
    put_text(&bytes, row->action);
    put_text(&bytes, row->object);
    put_commitment(&bytes, row->has_before, row->before);
    put_commitment(&bytes, row->has_after, row->after);
    ensure(!bytes.is_full);
    (void)crypto_hash_sha256(out, (const unsigned char *)bytes.p, bytes.n); // always 0
    arena_close(&arena);
}

static void commit_to(const struct vault *vault, const struct vault_key *key, int64_t member,
                      bool is_after, struct str text, unsigned char out[VAULT_COMMITMENT_BYTES])
{
    const struct vault_place place = {
        .table = "audit", .column = is_after ? "after" : "before", .owner_id = member};
    vault_commit(key != NULL ? key : vault_instance_key(vault, VAULT_AUDIT), place, text, out);
}

bool audit_commits_to(const struct vault *vault, const struct vault_key *key, int64_t member,
                      bool is_after, struct str text,
                      const unsigned char commitment[VAULT_COMMITMENT_BYTES])
{
    unsigned char made[VAULT_COMMITMENT_BYTES];
    if (key != NULL && key->version == 0) {
        return false; // forgotten: nobody can tell any more
    }
    commit_to(vault, key, member, is_after, text, made);
    return vault_equal(made, commitment, sizeof made);
}

/* ---- the head ---- */

static enum err head_read(struct db *db, struct arena *arena, int query, int64_t *seq,
                          unsigned char hash[AUDIT_HASH_BYTES])
{
    struct db_result row;
    const struct db_value one = db_int(1);
    size_t n = 0;
    try(db_one(db, arena, query, &one, 1, &row));
    if (row.rows_n == 0) {
        return ERR_CONFIG;
    }
    const struct str hex = db_at_str(&row, 0, 1);
    *seq = db_at_int(&row, 0, 0);
    memset(hash, 0, AUDIT_HASH_BYTES);
    if (*seq == 0 && hex.n == 0) {
        return ERR_OK; // nothing was written yet
    }
    const bool is_hex = sodium_hex2bin(hash, AUDIT_HASH_BYTES, hex.p, hex.n, NULL, &n, NULL) == 0;
    return is_hex && n == AUDIT_HASH_BYTES && *seq > 0 ? ERR_OK : ERR_INTEGRITY;
}

static struct db_value commitment_value(bool has,
                                        const unsigned char commitment[VAULT_COMMITMENT_BYTES])
{
    return has ? db_blob(commitment, VAULT_COMMITMENT_BYTES) : db_null();
}

enum err audit_append(struct db *db, const struct vault *vault, struct arena *arena,
                      const struct audit_entry *entry)
{
    ensure(db_in_transaction(db));
    ensure(entry->actor.n > 0 && entry->actor.n <= AUDIT_TEXT_BYTES_MAX);
    ensure(entry->action.n > 0 && entry->action.n <= AUDIT_TEXT_BYTES_MAX);
    ensure(entry->object.n <= AUDIT_TEXT_BYTES_MAX);
    ensure((entry->member == 0) == (entry->key == NULL));
    const bool can_commit = entry->key == NULL || entry->key->version != 0;
    unsigned char head[AUDIT_HASH_BYTES];
    char hex[AUDIT_HASH_BYTES * 2 + 1];
    struct audit_row row = {
        .at = entry->at,
        .actor = entry->actor,
        .action = entry->action,
        .object = entry->object,
        .has_before = can_commit && entry->before.n > 0,
        .has_after = can_commit && entry->after.n > 0,
    };
    if (row.has_before) {
        commit_to(vault, entry->key, entry->member, false, entry->before, row.before);
    }
    if (row.has_after) {
        commit_to(vault, entry->key, entry->member, true, entry->after, row.after);
    }
    try(head_read(db, arena, Q_AUDIT_HEAD_READ, &row.seq, head));
    row.seq++;
    audit_hash(&row, head, row.hash);
    const struct db_value values[ROW_COLS] = {
        db_int(row.seq),
        db_int(row.at),
        db_text(row.actor),
        db_text(row.action),
        db_text(row.object),
        commitment_value(row.has_before, row.before),
        commitment_value(row.has_after, row.after),
        db_blob(row.hash, AUDIT_HASH_BYTES),
    };
    try(db_exec(db, Q_AUDIT_INSERT, values, ROW_COLS, NULL));
    (void)sodium_bin2hex(hex, sizeof hex, row.hash, AUDIT_HASH_BYTES); // returns hex
    const struct db_value new_head[] = {db_int(row.seq), db_text(str_c(hex))};
    return db_exec(db, Q_AUDIT_HEAD_WRITE, new_head, ARRAY_N(new_head), NULL);
}

enum err store_audit_write(struct store *store, struct arena *arena,
                           const struct audit_entry *entry)
{
    return audit_append(store->db, store->base->vault, arena, entry);
}

/* ---- reading ---- */

static bool read_commitment(struct db_result *rows, size_t i, size_t col, bool *has,
                            unsigned char *out)
{
    *has = !db_is_null(rows, i, col);
    const struct str bytes = *has ? db_at_str(rows, i, col) : (struct str){0};
    if (*has && bytes.n == VAULT_COMMITMENT_BYTES) {
        memcpy(out, bytes.p, VAULT_COMMITMENT_BYTES);
    }
    return !*has || bytes.n == VAULT_COMMITMENT_BYTES;
}

static enum err read_rows(struct store *store, struct arena *arena, int query, int64_t bound,
                          size_t limit, struct audit_row **out, size_t *n)
{
    ensure(limit <= AUDIT_PAGE_MAX);
    struct db_result rows;
    const struct db_value params[] = {db_int(bound), db_int((int64_t)limit)};
    try(db_query(store->db, arena, query, params, ARRAY_N(params), &rows));
    *out = arena_new(arena, struct audit_row, rows.rows_n);
    *n = rows.rows_n;
    for (size_t i = 0; i < rows.rows_n; i++) {
        struct audit_row *row = &(*out)[i];
        const struct str hash = db_at_str(&rows, i, 7);
        row->seq = db_at_int(&rows, i, 0);
        row->at = db_at_int(&rows, i, 1);
        row->actor = db_at_str(&rows, i, 2);
        row->action = db_at_str(&rows, i, 3);
        row->object = db_at_str(&rows, i, 4);
        const bool is_fine = read_commitment(&rows, i, 5, &row->has_before, row->before) &&
                             read_commitment(&rows, i, 6, &row->has_after, row->after) &&
                             hash.n == AUDIT_HASH_BYTES && row->actor.n <= AUDIT_TEXT_BYTES_MAX &&
                             row->action.n <= AUDIT_TEXT_BYTES_MAX &&
                             row->object.n <= AUDIT_TEXT_BYTES_MAX;
        if (!is_fine) {
            row->has_before = row->has_after =
                false; // its hash cannot come out right, which names it
            row->actor = row->action = row->object = (struct str){0};
        } else {
            memcpy(row->hash, hash.p, AUDIT_HASH_BYTES);
        }
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_audit_list(struct store *store, struct arena *arena, int64_t before, size_t limit,
                          struct audit_row **out, size_t *n)
{
    return read_rows(store, arena, Q_AUDIT_LIST_NEWEST, before, limit, out, n);
}

enum err store_audit_list_after(struct store *store, struct arena *arena, int64_t after,
                                size_t limit, struct audit_row **out, size_t *n)
{
    return read_rows(store, arena, Q_AUDIT_LIST, after, limit, out, n);
}

/* ---- checkpoints ---- */

static struct str signed_text(struct arena *arena, const struct audit_checkpoint *c)
{
    char head[AUDIT_HASH_BYTES * 2 + 1];
    char at[INSTANT_BYTES + 1];
    (void)sodium_bin2hex(head, sizeof head, c->head, AUDIT_HASH_BYTES); // returns head
    instant_write(c->at, at);
    return str_fmt(arena, "loyald.audit.checkpoint/1\n%.*s\n%" PRId64 "\n%s\n%s\n",
                   STR_ARG(c->instance), c->size, head, at);
}

enum err store_audit_checkpoint(struct store *store, struct arena *arena, int64_t now,
                                struct audit_checkpoint *out)
{
    struct audit_checkpoint c = {.instance = vault_instance_id(store->base->vault), .at = now};
    try(head_read(store->db, arena, Q_AUDIT_HEAD_PEEK, &c.size, c.head));
    vault_sign(store->base->vault, VAULT_AUDIT, signed_text(arena, &c), c.signature, c.public_key);
    *out = c;
    return ERR_OK;
}

static void put_hex(struct json_out *w, const char *name, const unsigned char *bytes, size_t n)
{
    char hex[VAULT_SIGNATURE_BYTES * 2 + 1];
    json_key(w, name);
    json_put_str(w, str_c(sodium_bin2hex(hex, sizeof hex, bytes, n)));
}

void audit_checkpoint_write(struct buf *out, const struct audit_checkpoint *c)
{
    struct json_out w = json_out(out);
    json_open(&w, '{');
    json_key(&w, "format");
    json_put_str(&w, STR("loyald.audit.checkpoint/1"));
    json_key(&w, "instance");
    json_put_str(&w, c->instance);
    json_key(&w, "size");
    json_put_int(&w, c->size);
    put_hex(&w, "head", c->head, AUDIT_HASH_BYTES);
    json_key(&w, "at");
    json_put_instant(&w, c->at);
    put_hex(&w, "public_key", c->public_key, VAULT_PUBLIC_BYTES);
    put_hex(&w, "signature", c->signature, VAULT_SIGNATURE_BYTES);
    json_close(&w, '}');
}

static bool read_hex(const struct json *json, const char *name, unsigned char *out, size_t bytes)
{
    const struct str hex = json_str(json_at(json, name));
    size_t n = 0;
    return sodium_hex2bin(out, bytes, hex.p, hex.n, NULL, &n, NULL) == 0 && n == bytes &&
           hex.n == bytes * 2;
}

enum err audit_checkpoint_read(struct arena *arena, struct str line, struct fail *f,
                               struct audit_checkpoint *out)
{
    const struct json *json = NULL;
    struct audit_checkpoint c = {0};
    if (line.n > CHECKPOINT_BYTES_MAX) {
        return fail(f, ERR_INVALID, "", "A checkpoint is one line of at most %d bytes.",
                    CHECKPOINT_BYTES_MAX);
    }
    try(json_read(arena, line, f, &json));
    c.instance = json_str(json_at(json, "instance"));
    c.size = json_integer_value(json_at(json, "size"));
    if (!str_eq(json_str(json_at(json, "format")), STR("loyald.audit.checkpoint/1")) ||
        c.instance.n == 0 || c.size < 0 || !json_is_integer(json_at(json, "size")) ||
        !instant_read(json_str(json_at(json, "at")), &c.at) ||
        !read_hex(json, "head", c.head, AUDIT_HASH_BYTES) ||
        !read_hex(json, "public_key", c.public_key, VAULT_PUBLIC_BYTES) ||
        !read_hex(json, "signature", c.signature, VAULT_SIGNATURE_BYTES)) {
        return fail(f, ERR_INVALID, "",
                    "This is no checkpoint as \"loyald audit checkpoint\" prints it.");
    }
    *out = c;
    return ERR_OK;
}

/* ---- verifying ---- */

struct verifying {
    struct store *store;
    struct arena arena; // of one slice
    const struct audit_checkpoint *checkpoints;
    size_t checkpoints_n;
    const struct audit_listener *listener;
    int64_t head_seq;
    unsigned char head[AUDIT_HASH_BYTES];
    int64_t seq; // of the last row seen
    unsigned char hash[AUDIT_HASH_BYTES];
};

static void fault(const struct verifying *v, int64_t seq, const char *text)
{
    v->listener->fault(v->listener->self, seq, text);
}

/* A checkpoint of this size must have seen this hash. */
static void check_prefixes(const struct verifying *v, int64_t size,
                           const unsigned char hash[AUDIT_HASH_BYTES])
{
    for (size_t i = 0; i < v->checkpoints_n; i++) {
        if (v->checkpoints[i].size == size &&
            memcmp(v->checkpoints[i].head, hash, AUDIT_HASH_BYTES) != 0) {
            fault(v, size, "the log up to here is not the one that a saved checkpoint has seen");
        }
    }
}

static void check_signatures(struct verifying *v)
{
    unsigned char signature[VAULT_SIGNATURE_BYTES];
    unsigned char public_key[VAULT_PUBLIC_BYTES];
    const struct vault *vault = v->store->base->vault;
    vault_sign(vault, VAULT_AUDIT, STR(""), signature, public_key);
    for (size_t i = 0; i < v->checkpoints_n; i++) {
        const struct audit_checkpoint *c = &v->checkpoints[i];
        if (!str_eq(c->instance, vault_instance_id(vault))) {
            fault(v, c->size, "a saved checkpoint is of another instance");
        } else if (memcmp(c->public_key, public_key, VAULT_PUBLIC_BYTES) != 0 ||
                   !vault_signature_is_right(c->public_key, signed_text(&v->arena, c),
                                             c->signature)) {
            fault(v, c->size, "a saved checkpoint has a wrong signature");
        }
    }
    check_prefixes(v, 0, v->hash); // zeros
}

static void check_row(struct verifying *v, const struct audit_row *row)
{
    unsigned char made[AUDIT_HASH_BYTES];
    if (row->seq != v->seq + 1) {
        fault(v, v->seq + 1, "an entry is missing");
    }
    audit_hash(row, v->hash, made);
    if (memcmp(made, row->hash, AUDIT_HASH_BYTES) != 0) {
        fault(v, row->seq, "the hash does not follow from the entry and the one before it");
    }
    check_prefixes(v, row->seq, row->hash);
    v->seq = row->seq;
    memcpy(v->hash, row->hash, AUDIT_HASH_BYTES);
}

static enum err run_slices(struct verifying *v)
{
    for (size_t n = AUDIT_PAGE_MAX; n == AUDIT_PAGE_MAX;) {
        struct audit_row *rows = NULL;
        arena_reset(&v->arena);
        // The head is read before the rows: it may only have grown since.
        try(db_begin(v->store->db, DB_READ));
        enum err err = head_read(v->store->db, &v->arena, Q_AUDIT_HEAD_PEEK, &v->head_seq, v->head);
        if (err == ERR_INTEGRITY) {
            fault(v, 0, "the head in instance is no hash");
            err = ERR_OK;
        }
        if (err == ERR_OK) {
            err = store_audit_list_after(v->store, &v->arena, v->seq, AUDIT_PAGE_MAX, &rows, &n);
        }
        db_rollback(v->store->db);
        if (err == ERR_INTEGRITY) {
            fault(v, v->seq + 1, "an entry from here on cannot be read");
            return ERR_OK;
        }
        try(err);
        for (size_t i = 0; i < n; i++) {
            check_row(v, &rows[i]);
        }
    }
    return ERR_OK;
}

enum err store_audit_verify(struct store *store, const struct audit_checkpoint *checkpoints,
                            size_t checkpoints_n, const struct audit_listener *listener,
                            int64_t *entries)
{
    struct verifying v = {
        .store = store,
        .checkpoints = checkpoints,
        .checkpoints_n = checkpoints_n,
        .listener = listener,
    };
    arena_open(&v.arena, (size_t)64 * 1024 * 1024);
    check_signatures(&v);
    const enum err err = run_slices(&v);
    if (err == ERR_OK && v.seq < v.head_seq) {
        fault(&v, v.seq + 1, "the last entries are missing: the head in instance knows of more");
    } else if (err == ERR_OK &&
               (v.seq > v.head_seq || memcmp(v.hash, v.head, AUDIT_HASH_BYTES) != 0)) {
        fault(&v, v.seq, "the head in instance is not the last entry");
    }
    for (size_t i = 0; err == ERR_OK && i < checkpoints_n; i++) {
        if (checkpoints[i].size > v.seq) {
            fault(&v, v.seq + 1, "the last entries are missing: a saved checkpoint knows of more");
        }
    }
    arena_close(&v.arena);
    *entries = v.seq;
    return err;
}
