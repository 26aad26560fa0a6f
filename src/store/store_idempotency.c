/* Stored answers of idempotent requests. */
#include "base/base.h"
#include "store/credentials.h"

#include "store/store_internal.h"

#include "base/pack.h"

enum { STATUS_RUNNING = 0, ANSWER_FORMAT = 1, ANSWER_BYTES_MAX = 16 * 1024 * 1024 };

void idempotency_open(const struct vault *vault, int64_t credential, struct str route,
                      struct str key, struct str method, struct str path, struct str body,
                      struct idempotency *out)
{
    const struct str who = {.p = (const char *)&credential, .n = sizeof credential};
    const struct str identity[] = {STR("idempotency"), who, route, key};
    const struct str content[] = {STR("request"), method, path, body};
    vault_hash(vault, VAULT_ANSWER, identity, ARRAY_N(identity), out->hash);
    vault_hash(vault, VAULT_FINGERPRINT, content, ARRAY_N(content), out->fingerprint);
    out->key = vault_key_derive(vault, VAULT_ANSWER, key);
    out->member = 0;
}

void idempotency_close(struct idempotency *idempotency)
{
    vault_wipe(idempotency, sizeof *idempotency);
}

/* An answer opens in its own row only. */
static struct vault_place place_of(const struct idempotency *idempotency)
{
    int64_t row = 0;
    memcpy(&row, idempotency->hash, sizeof row);
    return (struct vault_place){.table = "idempotency", .column = "sealed", .owner_id = row};
}

enum err store_idempotency_find(struct store *store, struct arena *arena,
                                const struct idempotency *idempotency, int64_t now,
                                bool *has_answer, struct stored_answer *out)
{
    struct db_result row;
    struct str plain;
    const struct db_value hash = db_blob(idempotency->hash, VAULT_HASH_BYTES);
    *has_answer = false;
    try(db_one(store->db, arena, Q_IDEMPOTENCY_FIND, &hash, 1, &row));
    if (row.rows_n == 0 || db_at_int(&row, 0, 3) <= now) {
        return ERR_OK;
    }
    const struct str fingerprint = db_at_str(&row, 0, 0);
    const int64_t status = db_at_int(&row, 0, 1);
    if (fingerprint.n != VAULT_HASH_BYTES || row.is_bad) {
        return ERR_INTEGRITY;
    }
    if (!vault_equal(fingerprint.p, idempotency->fingerprint, VAULT_HASH_BYTES)) {
        return ERR_KEY_REUSED;
    }
    if (status == STATUS_RUNNING) {
        return ERR_IN_PROGRESS;
    }
    const int64_t member = db_at_int(&row, 0, 4);
    struct vault_key key = idempotency->key;
    if (member != 0) {
        try(vault_keys_load(store->keys, &member, 1,
                            &key)); // of a forgotten member: version 0, which opens nothing
    }
    const enum err err =
        vault_unseal(arena, &key, place_of(idempotency), db_at_str(&row, 0, 2), &plain);
    vault_wipe(&key, sizeof key);
    try(err);
    struct unpack in = unpack_open(plain);
    in.is_bad |= unpack_u(&in) != ANSWER_FORMAT;
    const struct stored_answer answer = {
        .status = (int)status,
        .body = unpack_str(&in),
        .extra = unpack_str(&in),
    };
    if (!unpack_done(&in)) {
        return ERR_INTEGRITY;
    }
    *out = answer;
    *has_answer = true;
    return ERR_OK;
}

static enum err insert(struct store *store, const struct idempotency *idempotency, int64_t now,
                       int status, struct db_value sealed)
{
    int64_t changed = 0;
    const struct db_value values[] = {
        db_blob(idempotency->hash, VAULT_HASH_BYTES),
        db_blob(idempotency->fingerprint, VAULT_HASH_BYTES),
        db_int(now + IDEMPOTENCY_DAYS * MS_PER_DAY),
        db_int(status),
        sealed,
        db_int(idempotency->member),
        db_int(now),
    };
    try(db_exec(store->db, Q_IDEMPOTENCY_INSERT, values, ARRAY_N(values), &changed));
    return changed == 1 ? ERR_OK : ERR_CONFLICT;
}

enum err store_idempotency_reserve(struct store *store, struct arena *arena,
                                   const struct idempotency *idempotency, int64_t now)
{
    (void)arena; // nothing is read
    return insert(store, idempotency, now, STATUS_RUNNING, db_null());
}

enum err store_idempotency_store(struct store *store, struct arena *arena,
                                 const struct idempotency *idempotency, int64_t now,
                                 const struct stored_answer *answer)
{
    ensure(answer->status > STATUS_RUNNING);
    struct buf plain;
    int64_t changed = 0;
    buf_open(&plain, arena, ANSWER_BYTES_MAX);
    pack_u(&plain, ANSWER_FORMAT);
    pack_str(&plain, answer->body);
    pack_str(&plain, answer->extra);
    if (plain.is_full) {
        return ERR_TOO_LARGE;
    }
    struct vault_key key = idempotency->key;
    if (idempotency->member != 0) {
        try(vault_keys_load(store->keys, &idempotency->member, 1, &key));
        if (key.version == 0) {
            return ERR_OK;
        }
    }
    const struct str sealed = vault_seal(arena, &key, place_of(idempotency), buf_view(&plain));
    vault_wipe(&key, sizeof key);
    const struct db_value values[] = {
        db_int(answer->status),
        db_blob(sealed.p, sealed.n),
        db_int(idempotency->member),
        db_blob(idempotency->hash, VAULT_HASH_BYTES),
        db_blob(idempotency->fingerprint, VAULT_HASH_BYTES),
    };
    try(db_exec(store->db, Q_IDEMPOTENCY_ANSWER, values, ARRAY_N(values), &changed));
    return changed == 1
               ? ERR_OK
               : insert(store, idempotency, now, answer->status, db_blob(sealed.p, sealed.n));
}

enum err store_idempotency_release(struct store *store, const struct idempotency *idempotency)
{
    const struct db_value hash = db_blob(idempotency->hash, VAULT_HASH_BYTES);
    return db_exec(store->db, Q_IDEMPOTENCY_DELETE, &hash, 1, NULL);
}

enum err store_idempotency_expire(struct store *store, int64_t now, int64_t *forgotten_n)
{
    const struct db_value value = db_int(now);
    return db_exec(store->db, Q_IDEMPOTENCY_EXPIRE, &value, 1, forgotten_n);
}
