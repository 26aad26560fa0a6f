/* Opening the vault: the master key, the key store's line, the instance keys. */
#include "base/base.h"
#include "vault/vault_internal.h"

#include "base/log.h"

#include "key_queries.h"

#include <liboath/oath.h>
#include <unistd.h>

#define KEYS_MIGRATIONS "sql/keys/migrations/"

/* Names in the key store: never change one. */
static const char *const INSTANCE_KEY_NAMES[] = {
    "natural", "fingerprint", "external_id", "email",  "phone",  "card",  "name",   "code",
    "sales",   "draw",        "answer",      "secret", "pepper", "audit", "backup", "tombstone",
};
_Static_assert(ARRAY_N(INSTANCE_KEY_NAMES) == VAULT_INSTANCE_KEY_N, "one name each");

static const char *instance_aad(enum vault_instance_key which, char out[AAD_BYTES_MAX])
{
    (void)snprintf(out, AAD_BYTES_MAX, "instance|%s|v1",
                   INSTANCE_KEY_NAMES[which]); // short by construction
    return out;
}

/* ---- memory ---- */

static enum err vault_new(const struct vault_config *config, struct fail *f, struct vault **out)
{
    ensure(sodium_init() >= 0 && oath_init() == OATH_OK);
    struct arena own;
    arena_open(&own, (size_t)1024 * 1024);
    struct vault *vault = arena_new(&own, struct vault, 1);
    vault->config = *config;
    vault->config.keys_url = str_dup(&own, config->keys_url);
    vault->config.master_path = str_z(&own, str_c(config->master_path));
    if (config->erasures_path != NULL) {
        vault->config.erasures_path = str_z(&own, str_c(config->erasures_path));
    }
    vault->own = own;
    vault->secrets = sodium_malloc(sizeof *vault->secrets);
    if (vault->secrets == NULL) {
        vault_close(vault);
        return fail(f, ERR_CONFIG, "",
                    "No locked memory for the keys: raise the limit of locked memory (ulimit -l)");
    }
    memset(vault->secrets, 0, sizeof *vault->secrets);
    if (sodium_mlock(vault->secrets, sizeof *vault->secrets) != 0) {
        log_line(LOG_WARN, "vault", "keys=swappable raise=memlock");
    }
    *out = vault;
    return ERR_OK;
}

void vault_close(struct vault *vault)
{
    if (vault == NULL) {
        return;
    }
    if (vault->secrets != NULL) {
        sodium_free(vault->secrets); // wipes
    }
    struct arena own = vault->own;
    arena_close(&own);
}

/* ---- the key store's line ---- */

static enum err store_failed(const struct db *db, struct fail *f, enum err err)
{
    return fail(f, err, "", "The key store cannot be read: %s", db_error_text(db));
}

/* Refuses another instance's keys and another master key. Fills vault->instance_id. */
static enum err identity_check(struct vault *vault, struct db *db, struct str instance_id,
                               struct fail *f)
{
    struct db_result row = {0};
    const enum err err = db_one(db, &vault->own, KQ_KEY_STORE_READ, NULL, 0, &row);
    if (err != ERR_OK) {
        return store_failed(db, f, err);
    }
    if (row.rows_n == 0) {
        return fail(f, ERR_CONFIG, "", "The key store is empty: run loyald init");
    }
    const struct str stored_id = db_at_str(&row, 0, 0);
    const struct str stored_check = db_at_str(&row, 0, 1);
    unsigned char check[VAULT_HASH_BYTES];
    vault_master_check(vault, check);
    if (stored_check.n != sizeof check || !vault_equal(stored_check.p, check, sizeof check)) {
        return fail(f, ERR_CONFIG, "",
                    "The master key in %s is not the one of this key store: nothing was changed; "
                    "restore the right "
                    "key file",
                    vault->config.master_path);
    }
    if (instance_id.n > 0 && !str_eq(instance_id, stored_id)) {
        return fail(f, ERR_CONFIG, "",
                    "The key store belongs to another instance than the database: nothing was "
                    "changed; check "
                    "LOYALD_KEYS and LOYALD_DATABASE");
    }
    vault->instance_id = stored_id;
    return ERR_OK;
}

/* ---- instance keys ---- */

static enum err instance_keys_load(struct vault *vault, struct db *db, struct fail *f)
{
    struct db_result rows = {0};
    const enum err err = db_query(db, &vault->own, KQ_INSTANCE_KEY_LIST, NULL, 0, &rows);
    if (err != ERR_OK) {
        return store_failed(db, f, err);
    }
    for (size_t row = 0; row < rows.rows_n; row++) {
        const struct str name = db_at_str(&rows, row, 0);
        for (int which = 0; which < VAULT_INSTANCE_KEY_N; which++) {
            char aad[AAD_BYTES_MAX];
            struct vault_key *key = &vault->secrets->instance[which];
            if (!str_eq(name, str_c(INSTANCE_KEY_NAMES[which]))) {
                continue;
            }
            if (!key_unwrap(vault->secrets->master,
                            instance_aad((enum vault_instance_key)which, aad),
                            db_at_str(&rows, row, 1), key->bytes)) {
                return fail(f, ERR_INTEGRITY, "",
                            "The instance key %s does not open: restore the key store",
                            INSTANCE_KEY_NAMES[which]);
            }
            key->version = 1;
        }
    }
    return ERR_OK;
}

static enum err instance_keys_create(struct vault *vault, struct db *db, int64_t now_ms)
{
    for (int which = 0; which < VAULT_INSTANCE_KEY_N; which++) {
        char aad[AAD_BYTES_MAX];
        unsigned char key[VAULT_KEY_BYTES];
        unsigned char wrapped[WRAPPED_BYTES];
        if (vault->secrets->instance[which].version != 0) {
            continue;
        }
        randombytes_buf(key, sizeof key);
        key_wrap(vault->secrets->master, instance_aad((enum vault_instance_key)which, aad), key,
                 wrapped);
        sodium_memzero(key, sizeof key);
        const struct db_value params[] = {db_text(str_c(INSTANCE_KEY_NAMES[which])),
                                          db_blob(wrapped, sizeof wrapped), db_int(now_ms)};
        try(db_exec(db, KQ_INSTANCE_KEY_INSERT, params, ARRAY_N(params), NULL));
    }
    return ERR_OK;
}

/* ---- init ---- */

/* Is there a key store already? Asked without creating one. */
static bool store_exists(const struct vault_config *config)
{
    const struct str url = config->keys_url;
    char path[PATH_MAX];
    if (str_starts(url, STR("postgres://")) || str_starts(url, STR("postgresql://"))) {
        return true; // the server tells
    }
    const int n = snprintf(path, sizeof path, "%.*s", STR_ARG(url));
    return n > 0 && (size_t)n < sizeof path && access(path, F_OK) == 0;
}

/* Before anything is written: a store that is there must be ours. */
static enum err init_look(struct vault *vault, struct str instance_id, struct fail *f)
{
    if (!store_exists(&vault->config)) {
        return ERR_OK;
    }
    struct db *db = NULL;
    const struct db_config config = {
        .url = vault->config.keys_url, .role = DB_READER, .queries = &KEY_QUERIES};
    try(db_open(&config, f, &db));
    struct db_migration_report report = {0};
    const bool has_tables =
        db_schema_check(db, KEYS_MIGRATIONS, NULL, &report) == ERR_OK || report.version > 0;
    enum err err = ERR_OK; // db_migrate() says what is wrong with the schema, if anything
    struct db_result row = {0};
    if (has_tables) {
        err = db_one(db, &vault->own, KQ_KEY_STORE_READ, NULL, 0, &row);
        err = err == ERR_OK ? ERR_OK : store_failed(db, f, err);
    }
    if (err == ERR_OK &&
        row.rows_n > 0) { // none when an init was killed between the tables and their line
        err = identity_check(vault, db, instance_id, f);
    }
    db_close(db);
    return err;
}

/* Inside a transaction. */
static enum err init_write(struct vault *vault, struct db *db, struct str instance_id,
                           int64_t now_ms, struct fail *f)
{
    struct db_result row = {0};
    enum err err = db_one(db, &vault->own, KQ_KEY_STORE_READ, NULL, 0, &row);
    if (err == ERR_OK && row.rows_n == 0) {
        unsigned char check[VAULT_HASH_BYTES];
        vault_master_check(vault, check);
        const struct db_value params[] = {db_text(instance_id), db_blob(check, sizeof check),
                                          db_int(now_ms)};
        err = db_exec(db, KQ_KEY_STORE_INSERT, params, ARRAY_N(params), NULL);
    }
    if (err == ERR_OK) {
        try(identity_check(vault, db, instance_id, f));
        try(instance_keys_load(vault, db, f));
        err = instance_keys_create(vault, db, now_ms);
    }
    return err == ERR_OK ? ERR_OK : store_failed(db, f, err);
}

static enum err init_run(struct vault *vault, struct db *db, struct str instance_id, int64_t now_ms,
                         struct fail *f)
{
    struct db_migration_report report = {0};
    try(db_migrate(db, KEYS_MIGRATIONS, now_ms, NULL, f, &report));
    enum err err = db_begin(db, DB_WRITE);
    if (err != ERR_OK) {
        return store_failed(db, f, err);
    }
    err = init_write(vault, db, instance_id, now_ms, f);
    if (err == ERR_OK) {
        err = db_commit(db);
        err = err == ERR_OK ? ERR_OK : store_failed(db, f, err);
    }
    db_rollback(db); // nothing to do after a commit
    return err;
}

enum err vault_init(const struct vault_config *config, struct str instance_id, int64_t now_ms,
                    struct fail *f)
{
    ensure(instance_id.n > 0 && instance_id.n <= INSTANCE_ID_BYTES_MAX);
    struct vault *vault = NULL;
    struct db *db = NULL;
    try(vault_new(config, f, &vault));
    enum err err = master_load(config, f, vault->secrets->master);
    if (err == ERR_OK) {
        err = init_look(vault, instance_id, f);
    }
    if (err == ERR_OK) {
        const struct db_config writer = {
            .url = config->keys_url, .role = DB_MAINTAINER, .queries = &KEY_QUERIES};
        err = db_open(&writer, f, &db);
    }
    if (err == ERR_OK) {
        err = init_run(vault, db, instance_id, now_ms, f);
    }
    db_close(db);
    vault_close(vault);
    return err;
}

/* ---- open ---- */

static enum err open_run(struct vault *vault, struct db *db, struct str instance_id, struct fail *f)
{
    struct db_migration_report report = {0};
    try(db_schema_check(db, KEYS_MIGRATIONS, f, &report));
    try(identity_check(vault, db, instance_id, f));
    try(instance_keys_load(vault, db, f));
    for (int which = 0; which < VAULT_INSTANCE_KEY_N; which++) {
        if (vault->secrets->instance[which].version == 0) {
            return fail(f, ERR_CONFIG, "",
                        "The key store lacks the instance key %s: run loyald migrate",
                        INSTANCE_KEY_NAMES[which]);
        }
    }
    return ERR_OK;
}

enum err vault_open(const struct vault_config *config, struct str instance_id, struct fail *f,
                    struct vault **out)
{
    struct vault *vault = NULL;
    struct db *db = NULL;
    const struct db_config reader = {
        .url = config->keys_url, .role = DB_READER, .queries = &KEY_QUERIES};
    try(vault_new(config, f, &vault));
    enum err err = master_load(config, f, vault->secrets->master);
    if (err == ERR_OK) {
        err = db_open(&reader, f, &db);
    }
    if (err == ERR_OK) {
        err = open_run(vault, db, instance_id, f);
    }
    db_close(db);
    if (err == ERR_OK && sodium_mprotect_readonly(vault->secrets) != 0) {
        err = fail(f, ERR_INTERNAL, "", "The memory of the keys cannot be protected");
    }
    if (err != ERR_OK) {
        vault_close(vault);
        return err;
    }
    *out = vault;
    return ERR_OK;
}

void vault_master_check(const struct vault *vault, unsigned char out[VAULT_HASH_BYTES])
{
    master_check_make(vault->secrets->master, out);
}

struct str vault_instance_id(const struct vault *vault)
{
    return vault->instance_id;
}

const struct vault_key *vault_instance_key(const struct vault *vault, enum vault_instance_key which)
{
    const struct vault_key *key = &vault->secrets->instance[which];
    ensure(key->version != 0);
    return key;
}
