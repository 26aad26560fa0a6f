/* Keys of members: made, loaded and deleted in batches. */
#include "base/base.h"
#include "vault/keys_internal.h"

enum { WAL_PAGES_MAX = 4000, INSERT_COLS = 4 };

static const char *owner_aad(int64_t owner_id, int64_t version, char out[AAD_BYTES_MAX])
{
    (void)snprintf(out, AAD_BYTES_MAX, "dek|%" PRId64 "|%" PRId64, owner_id,
                   version); // short by construction
    return out;
}

enum err vault_keys_open(const struct vault *vault, enum db_role role, struct fail *f,
                         struct vault_keys **out)
{
    struct arena own;
    arena_open(&own, (size_t)64 * 1024);
    struct vault_keys *keys = arena_new(&own, struct vault_keys, 1);
    keys->own = own;
    keys->vault = vault;
    recent_open(&keys->recent, sizeof(struct vault_key), VAULT_KEYS_RECENT_MAX);
    arena_open(&keys->scratch, (size_t)256 * 1024 * 1024);
    const struct db_config config = {
        .url = vault->config.keys_url, .role = role, .queries = &KEY_QUERIES};
    enum err err = db_open(&config, f, &keys->db);
    if (err == ERR_OK) {
        err = db_prepare(keys->db, f);
    }
    if (err != ERR_OK) {
        vault_keys_close(keys);
        return err;
    }
    *out = keys;
    return ERR_OK;
}

void vault_keys_close(struct vault_keys *keys)
{
    if (keys == NULL) {
        return;
    }
    db_close(keys->db);
    arena_close(&keys->scratch);
    recent_clear(&keys->recent);
    struct arena own = keys->own;
    arena_close(&own);
}

struct db_value *keys_id_rows(struct vault_keys *keys, const int64_t *owner_ids, size_t n)
{
    struct db_value *rows = arena_new(&keys->scratch, struct db_value, n);
    for (size_t i = 0; i < n; i++) {
        rows[i] = db_int(owner_ids[i]);
    }
    return rows;
}

enum err keys_transaction(struct vault_keys *keys,
                          enum err (*write)(struct vault_keys *keys, void *context), void *context)
{
    try(db_begin(keys->db, DB_WRITE));
    enum err err = write(keys, context);
    if (err == ERR_OK) {
        err = db_commit(keys->db);
    }
    db_rollback(keys->db); // nothing to do after a commit
    return err;
}

/* Nobody else empties the key store's WAL. Passive: moves what no reader holds, waits for nobody.
 * What fails is tried again at the next batch, but for a disk that does not confirm. */
static enum err wal_keep_small(struct vault_keys *keys)
{
    if (db_wal_pages(keys->db) <= WAL_PAGES_MAX) {
        return ERR_OK;
    }
    const enum err err = db_checkpoint(keys->db, DB_CHECKPOINT_PASSIVE, NULL);
    return err == ERR_FSYNC ? err : ERR_OK;
}

/* ---- loading ---- */

struct owner_place {
    int64_t owner_id;
    size_t at; // in the caller's list
};

static int owner_order(const void *a, const void *b)
{
    const int64_t left = ((const struct owner_place *)a)->owner_id;
    const int64_t right = ((const struct owner_place *)b)->owner_id;
    return (left > right) - (left < right);
}

/* The first place of an owner in the ascending list, or n. */
static size_t owner_find(const struct owner_place *places, size_t n, int64_t owner_id)
{
    size_t low = 0;
    size_t high = n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (places[middle].owner_id < owner_id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static enum err key_read(const struct vault_keys *keys, struct db_result *rows, size_t row,
                         struct vault_key *out)
{
    char aad[AAD_BYTES_MAX];
    const int64_t version = db_at_int(rows, row, 1);
    if (version < 1 || version > UINT8_MAX ||
        !key_unwrap(keys->vault->secrets->master, owner_aad(db_at_int(rows, row, 0), version, aad),
                    db_at_str(rows, row, 2), out->bytes)) {
        return ERR_INTEGRITY;
    }
    out->version = (uint8_t)version;
    return ERR_OK;
}

static enum err load_run(struct vault_keys *keys, const int64_t *owner_ids, size_t n,
                         struct vault_key *out)
{
    struct owner_place *places = arena_new(&keys->scratch, struct owner_place, n);
    for (size_t i = 0; i < n; i++) {
        places[i] = (struct owner_place){.owner_id = owner_ids[i], .at = i};
    }
    qsort(places, n, sizeof *places, owner_order);
    struct db_value *rows = arena_new(&keys->scratch, struct db_value, n);
    size_t rows_n = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || places[i].owner_id != places[i - 1].owner_id) {
            rows[rows_n++] = db_int(places[i].owner_id);
        }
    }
    struct db_result found = {0};
    try(db_query_rows(keys->db, &keys->scratch, KQ_DATA_KEYS_READ, rows, rows_n, 1, &found));
    memset(out, 0, n * sizeof *out);
    for (size_t row = 0; row < found.rows_n; row++) {
        const int64_t owner_id = db_at_int(&found, row, 0);
        size_t i = owner_find(places, n, owner_id);
        struct vault_key key = {0};
        try(key_read(keys, &found, row, &key));
        for (; i < n && places[i].owner_id == owner_id; i++) {
            out[places[i].at] = key;
        }
        sodium_memzero(&key, sizeof key);
    }
    return found.is_bad ? ERR_INTEGRITY : ERR_OK;
}

/* ---- remembering ---- */

struct owner_key {
    unsigned char bytes[RECENT_KEY_BYTES];
};

static struct owner_key owner_key(int64_t owner_id)
{
    struct owner_key key = {{0}};
    memcpy(key.bytes, &owner_id, sizeof owner_id);
    key.bytes[RECENT_KEY_BYTES - 1] = 1; // none is all zeros
    return key;
}

void vault_keys_remember(struct vault_keys *keys)
{
    keys->remembers = db_dialect(keys->db) == DB_SQLITE;
}

void keys_forget(struct vault_keys *keys, const int64_t *owner_ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        recent_forget(&keys->recent, owner_key(owner_ids[i]).bytes);
    }
}

/* Those that are not remembered are read, and are remembered then. */
static enum err load_rest(struct vault_keys *keys, const int64_t *owner_ids, size_t n,
                          struct vault_key *out)
{
    int64_t *ids = arena_new(&keys->scratch, int64_t, n);
    size_t *places = arena_new(&keys->scratch, size_t, n);
    size_t rest = 0;
    int64_t version = 0;
    try(db_others_version(keys->db, &version));
    recent_follow(&keys->recent, version);
    for (size_t i = 0; i < n; i++) {
        const struct vault_key *known = recent_find(&keys->recent, owner_key(owner_ids[i]).bytes);
        if (known != NULL) {
            out[i] = *known;
        } else {
            ids[rest] = owner_ids[i];
            places[rest++] = i;
        }
    }
    struct vault_key *loaded = arena_new(&keys->scratch, struct vault_key, rest);
    enum err err = rest > 0 ? load_run(keys, ids, rest, loaded) : ERR_OK;
    for (size_t i = 0; i < rest && err == ERR_OK; i++) {
        out[places[i]] = loaded[i];
        if (loaded[i].version != 0) {
            recent_note(&keys->recent, owner_key(ids[i]).bytes, &loaded[i]);
        }
    }
    sodium_memzero(loaded, rest * sizeof *loaded);
    return err;
}

enum err vault_keys_load(struct vault_keys *keys, const int64_t *owner_ids, size_t n,
                         struct vault_key *out)
{
    ensure(n <= VAULT_KEYS_BATCH_MAX);
    if (n == 0) {
        return ERR_OK;
    }
    const enum err err =
        keys->remembers ? load_rest(keys, owner_ids, n, out) : load_run(keys, owner_ids, n, out);
    arena_reset(&keys->scratch);
    if (err != ERR_OK) {
        sodium_memzero(out, n * sizeof *out);
    }
    return err;
}

/* ---- making ---- */

struct create {
    const struct db_value *rows;
    size_t n;
    int64_t changed_n;
};

static enum err create_write(struct vault_keys *keys, void *context)
{
    struct create *create = context;
    return db_exec_rows(keys->db, KQ_DATA_KEYS_INSERT, create->rows, create->n, INSERT_COLS,
                        &create->changed_n);
}

static enum err create_run(struct vault_keys *keys, const int64_t *owner_ids, size_t n,
                           int64_t now_ms, struct vault_key *out)
{
    struct db_value *rows = arena_new(&keys->scratch, struct db_value, n * INSERT_COLS);
    for (size_t i = 0; i < n; i++) {
        char aad[AAD_BYTES_MAX];
        unsigned char *wrapped = arena_bytes(&keys->scratch, WRAPPED_BYTES);
        out[i].version = 1;
        randombytes_buf(out[i].bytes, sizeof out[i].bytes);
        key_wrap(keys->vault->secrets->master, owner_aad(owner_ids[i], 1, aad), out[i].bytes,
                 wrapped);
        rows[i * INSERT_COLS] = db_int(owner_ids[i]);
        rows[i * INSERT_COLS + 1] = db_int(1);
        rows[i * INSERT_COLS + 2] = db_blob(wrapped, WRAPPED_BYTES);
        rows[i * INSERT_COLS + 3] = db_int(now_ms);
    }
    struct create create = {.rows = rows, .n = n};
    try(keys_transaction(keys, create_write, &create));
    ensure(create.changed_n <= (int64_t)n);
    if (create.changed_n < (int64_t)n) { // a batch that runs again: the keys of the first run count
        return load_run(keys, owner_ids, n, out);
    }
    return ERR_OK;
}

enum err vault_keys_create(struct vault_keys *keys, const int64_t *owner_ids, size_t n,
                           int64_t now_ms, struct vault_key *out)
{
    ensure(n <= VAULT_KEYS_BATCH_MAX);
    if (n == 0) {
        return ERR_OK;
    }
    enum err err = create_run(keys, owner_ids, n, now_ms, out);
    arena_reset(&keys->scratch);
    if (err == ERR_OK) {
        err = wal_keep_small(keys);
    }
    if (err != ERR_OK) {
        sodium_memzero(out, n * sizeof *out);
    }
    return err;
}

/* ---- orphans ---- */

enum err vault_keys_list_old(struct vault_keys *keys, int64_t after, int64_t before,
                             int64_t *owner_ids, size_t max, size_t *n)
{
    ensure(max <= VAULT_KEYS_BATCH_MAX);
    struct db_result rows = {0};
    const struct db_value params[] = {db_int(after), db_int(before), db_int((int64_t)max)};
    enum err err =
        db_query(keys->db, &keys->scratch, KQ_DATA_KEY_LIST_OLD, params, ARRAY_N(params), &rows);
    for (size_t i = 0; err == ERR_OK && i < rows.rows_n; i++) {
        owner_ids[i] = db_at_int(&rows, i, 0);
    }
    if (err == ERR_OK) {
        *n = rows.rows_n;
        err = rows.is_bad ? ERR_INTEGRITY : ERR_OK;
    }
    arena_reset(&keys->scratch);
    return err;
}

static enum err delete_write(struct vault_keys *keys, void *context)
{
    const struct create *ids = context;
    return db_exec_rows(keys->db, KQ_DATA_KEYS_DELETE, ids->rows, ids->n, 1, NULL);
}

enum err vault_keys_delete(struct vault_keys *keys, const int64_t *owner_ids, size_t n)
{
    ensure(n <= VAULT_KEYS_BATCH_MAX);
    struct create ids = {.rows = keys_id_rows(keys, owner_ids, n), .n = n};
    keys_forget(keys, owner_ids, n);
    const enum err err = keys_transaction(keys, delete_write, &ids);
    arena_reset(&keys->scratch);
    try(err);
    return db_checkpoint(keys->db, DB_CHECKPOINT_TRUNCATE, NULL); // old frames still hold the keys
}
