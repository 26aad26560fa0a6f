/* Opening stores, the instance row, the clock. */
#include "base/base.h"
#include "store/store.h"

#include "store/audit.h"
#include "store/store_internal.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/log.h"

enum { BASE_BYTES_MAX = 1024 * 1024, INSTANCE_ID_BYTES = 16 };

#define TEST_CLOCK_START ((int64_t)1767225600000) // 2026-01-01T00:00:00Z

static bool is_postgres(struct str url)
{
    return str_starts(url, STR("postgresql://")) || str_starts(url, STR("postgres://"));
}

/* "dir/loyald.db" and "keys.db" give "dir/keys.db"; a database URL gives the working directory. */
static struct str beside(struct arena *arena, struct str database, const char *name)
{
    size_t slash = database.n;
    while (slash > 0 && database.p[slash - 1] != '/') {
        slash--;
    }
    const bool is_url = is_postgres(database);
    return str_fmt(arena, "%.*s%s", is_url ? 0 : (int)slash, database.p, name);
}

enum err store_config_resolve(struct arena *arena, const struct store_config *config,
                              struct store_config *out, struct vault_config *vault_config)
{
    *out = (struct store_config){
        .database = str_dup(arena, config->database),
        .keys = config->keys.n ? str_dup(arena, config->keys)
                               : beside(arena, config->database, "keys.db"),
        .key_file = config->key_file.n ? str_dup(arena, config->key_file)
                                       : beside(arena, config->database, "master.key"),
        .is_credential = config->is_credential,
    };
    *vault_config = (struct vault_config){
        .master_path = str_z(arena, out->key_file),
        .is_credential = out->is_credential,
        .keys_url = out->keys,
        .erasures_path =
            is_postgres(out->keys) ? NULL : str_z(arena, beside(arena, out->keys, "erasures.log")),
    };
    return ERR_OK;
}

static enum err open_db(const struct store_config *config, enum db_role role, struct fail *f,
                        struct db **out)
{
    const struct db_config db_config = {.url = config->database, .role = role, .queries = &QUERIES};
    return db_open(&db_config, f, out);
}

/* Reads the instance id before the vault is open. */
static enum err read_instance_id(const struct store_config *config, struct arena *arena,
                                 struct fail *f, struct str *out)
{
    struct db *db = NULL;
    struct db_result row;
    struct db_migration_report report;
    try(open_db(config, DB_READER, f, &db));
    enum err err = db_schema_check(db, "sql/migrations/", f, &report);
    if (err == ERR_OK) {
        err = db_one(db, arena, Q_INSTANCE_READ, NULL, 0, &row);
    }
    if (err == ERR_OK && row.rows_n == 0) {
        err =
            fail(f, ERR_CONFIG, "", "This database holds no instance: run \"loyald init\" first.");
    }
    if (err == ERR_OK) {
        *out = db_at_str(&row, 0, 0);
    }
    db_close(db);
    return err;
}

enum err store_base_open(const struct store_config *config, struct fail *f, struct store_base **out)
{
    struct arena arena;
    arena_open(&arena, BASE_BYTES_MAX);
    struct store_base *base = arena_new(&arena, struct store_base, 1);
    struct str instance_id = {0};
    enum err err = store_config_resolve(&arena, config, &base->config, &base->vault_config);
    if (err == ERR_OK) {
        err = read_instance_id(&base->config, &arena, f, &instance_id);
    }
    if (err == ERR_OK) {
        err = vault_open(&base->vault_config, instance_id, f, &base->vault);
    }
    if (err != ERR_OK) {
        arena_close(&arena);
        return err;
    }
    base->arena = arena;
    *out = base;
    return ERR_OK;
}

void store_base_close(struct store_base *base)
{
    if (base != NULL) {
        vault_close(base->vault);
        struct arena arena = base->arena; // holds the base itself
        arena_close(&arena);
    }
}

const struct vault *store_base_vault(const struct store_base *base)
{
    return base->vault;
}

static enum err init_instance(struct db *db, struct arena *arena,
                              const struct vault_config *vault_config, bool with_test_clock,
                              int64_t now, struct fail *f)
{
    struct db_result row;
    try(db_one(db, arena, Q_INSTANCE_READ, NULL, 0, &row));
    struct str instance_id = row.rows_n > 0 ? db_at_str(&row, 0, 0) : (struct str){0};
    if (row.rows_n == 0) {
        unsigned char random[INSTANCE_ID_BYTES];
        struct buf text;
        vault_random(random, sizeof random);
        buf_open(&text, arena, INSTANCE_ID_BYTES * 2 + 1);
        for (size_t i = 0; i < sizeof random; i++) {
            buf_printf(&text, "%02x", random[i]);
        }
        instance_id = buf_view(&text);
    }
    try(vault_init(vault_config, instance_id, now, f));
    if (row.rows_n > 0) {
        return ERR_OK;
    }
    const struct db_value values[] = {
        db_text(instance_id),
        db_text(STR("")),
        db_int(now),
        db_int_or_null(TEST_CLOCK_START, with_test_clock),
    };
    return db_exec(db, Q_INSTANCE_INSERT, values, ARRAY_N(values), NULL);
}

/* An instance's audit log has each migration; before there is an instance there is nobody to tell.
 */
static enum err note_migration(void *self, struct db *db, struct arena *arena, int64_t version)
{
    const int64_t *now_ms = self;
    struct db_result row;
    try(db_one(db, arena, Q_INSTANCE_READ, NULL, 0, &row));
    if (row.rows_n == 0) {
        return ERR_OK;
    }
    const struct audit_entry entry = {
        .actor = STR("cli"),
        .action = STR("schema.migrate"),
        .object = str_fmt(arena, "schema/%" PRId64, version),
        .at = db_at_int_or(&row, 0, 3, *now_ms), // by the instance's clock, as all entries
    };
    return audit_append(db, NULL, arena, &entry);
}

enum err store_init(const struct store_config *config, bool with_test_clock, int64_t now_ms,
                    struct fail *f)
{
    struct arena arena;
    struct store_config full;
    struct vault_config vault_config;
    struct db *db = NULL;
    struct db_migration_report report;
    arena_open(&arena, BASE_BYTES_MAX);
    enum err err = store_config_resolve(&arena, config, &full, &vault_config);
    if (err == ERR_OK) {
        err = open_db(&full, DB_WRITER, f, &db);
    }
    if (err == ERR_OK) {
        err = db_migrate(db, "sql/migrations/", now_ms,
                         &(struct db_migration_hook){.self = &now_ms, .applied = note_migration}, f,
                         &report);
    }
    if (err == ERR_OK && access(vault_config.master_path, F_OK) != 0 && !full.is_credential) {
        err = vault_master_create(vault_config.master_path, f);
    }
    if (err == ERR_OK) {
        err = init_instance(db, &arena, &vault_config, with_test_clock, now_ms, f);
    }
    db_close(db);
    arena_close(&arena);
    return err;
}

/* The key store follows, where there is an instance already. */
static enum err migrate_keys(struct db *db, struct arena *arena,
                             const struct vault_config *vault_config, int64_t now_ms,
                             struct fail *f)
{
    struct db_result row;
    try(db_one(db, arena, Q_INSTANCE_READ, NULL, 0, &row));
    return row.rows_n == 0 ? ERR_OK : vault_init(vault_config, db_at_str(&row, 0, 0), now_ms, f);
}

enum err store_migrate(const struct store_config *config, int64_t now_ms, struct fail *f,
                       size_t *applied_n)
{
    struct arena arena;
    struct store_config full;
    struct vault_config vault_config;
    struct db *db = NULL;
    struct db_migration_report report = {0};
    arena_open(&arena, BASE_BYTES_MAX);
    enum err err = store_config_resolve(&arena, config, &full, &vault_config);
    if (err == ERR_OK) {
        err = open_db(&full, DB_WRITER, f, &db);
    }
    if (err == ERR_OK) {
        err = db_migrate(db, "sql/migrations/", now_ms,
                         &(struct db_migration_hook){.self = &now_ms, .applied = note_migration}, f,
                         &report);
    }
    if (err == ERR_OK) {
        err = migrate_keys(db, &arena, &vault_config, now_ms, f);
    }
    *applied_n = report.applied_n;
    db_close(db);
    arena_close(&arena);
    return err;
}

enum err store_open(struct store_base *base, enum db_role role, struct fail *f, struct store **out)
{
    struct store *store = calloc(1, sizeof *store); // start-up code
    ensure(store != NULL);
    store->base = base;
    vault_random(&store->relay_owner, sizeof store->relay_owner);
    store->relay_owner = (store->relay_owner & INT64_MAX) | 1; // 0 is nobody
    arena_open(&store->programs_arena, STORE_PROGRAMS_BYTES_MAX);
    arena_open(&store->zones_arena, STORE_ZONES_BYTES_MAX);
    recent_open(&store->members, sizeof(int64_t), STORE_MEMBERS_RECENT_MAX);
    enum err err = open_db(&base->config, role, f, &store->db);
    if (err == ERR_OK) {
        err = db_prepare(store->db, f);
    }
    if (err == ERR_OK) {
        err = vault_keys_open(base->vault, role == DB_READER ? DB_READER : DB_MAINTAINER, f,
                              &store->keys);
    }
    if (err == ERR_OK && role == DB_WRITER) {
        store->remembers = db_dialect(store->db) == DB_SQLITE;
        vault_keys_remember(store->keys);
    }
    if (err == ERR_OK && role != DB_READER) {
        err = db_slot_take(store->db, &store->ids.process);
    }
    if (err != ERR_OK) {
        store_close(store);
        return err;
    }
    *out = store;
    return ERR_OK;
}

void store_close(struct store *store)
{
    if (store != NULL) {
        vault_keys_close(store->keys);
        db_close(store->db);
        arena_close(&store->programs_arena);
        arena_close(&store->zones_arena);
        recent_clear(&store->members);
        free(store);
    }
}

struct db *store_db(struct store *store)
{
    return store->db;
}

const struct vault *store_vault(struct store *store)
{
    return store->base->vault;
}

struct id_source *store_ids(struct store *store)
{
    return &store->ids;
}

enum err store_instance_read(struct store *store, struct arena *arena, struct instance *out)
{
    struct db_result row;
    try(db_one(store->db, arena, Q_INSTANCE_READ, NULL, 0, &row));
    if (row.rows_n == 0) {
        return ERR_CONFIG;
    }
    *out = (struct instance){
        .instance_id = db_at_str(&row, 0, 0),
        .epoch = db_at_int(&row, 0, 2),
        .has_test_clock = !db_is_null(&row, 0, 3),
        .test_now = db_at_int_or(&row, 0, 3, 0),
        .audit_seq = db_at_int(&row, 0, 4),
        .created_at = db_at_int(&row, 0, 6),
    };
    return row.is_bad ? ERR_INTEGRITY : ERR_OK;
}

int64_t store_now(const struct instance *instance)
{
    return instance->has_test_clock ? instance->test_now : clock_now_ms();
}

enum err store_clock_set(struct store *store, int64_t now, struct fail *f)
{
    int64_t changed = 0;
    const struct db_value values[] = {db_int(now)};
    try(db_exec(store->db, Q_INSTANCE_CLOCK_SET, values, ARRAY_N(values), &changed));
    if (changed == 0) {
        return fail(f, ERR_CLOCK, "/now",
                    "The clock only goes forward, and only on an instance made with --test-clock.");
    }
    return ERR_OK;
}

/* Where the newest id may be another process's, the next is of a later millisecond: its process
 * bits are ours. */
static void ids_go_beyond(struct id_source *ids, int64_t newest)
{
    const int64_t ms = (newest >> (ID_PROCESS_BITS + ID_COUNTER_BITS)) + 1;
    ids->last = int64_max(ids->last, ms << (ID_PROCESS_BITS + ID_COUNTER_BITS) |
                                         (int64_t)ids->process << ID_COUNTER_BITS);
}

static enum err ids_sync_by_process(struct store *store, struct arena *arena)
{
    struct db_result row;
    const int slot = db_slot(store->db);
    if (store->ids_are_synced && slot == store->ids.process) {
        return ERR_OK;
    }
    store->ids.process = slot;
    try(db_one(store->db, arena, Q_IDS_NEWEST, NULL, 0, &row));
    const int64_t newest = row.rows_n > 0 ? db_at_int_or(&row, 0, 0, 0) : 0;
    if (newest > 0) {
        ids_go_beyond(&store->ids, newest);
    }
    store->ids_are_synced = true;
    return ERR_OK;
}

void store_ids_share(struct store *store, _Atomic int64_t *floor)
{
    store->ids_floor = floor;
}

void store_ids_tell(struct store *store)
{
    int64_t newest = atomic_load(store->ids_floor);
    while (newest < store->ids.last &&
           !atomic_compare_exchange_weak(store->ids_floor, &newest, store->ids.last)) {
    }
}

enum err store_ids_sync(struct store *store, struct arena *arena)
{
    struct db_result row;
    if (db_dialect(store->db) != DB_SQLITE) {
        try(ids_sync_by_process(store, arena));
        if (store->ids_floor != NULL) {
            id_beyond(&store->ids, atomic_load(store->ids_floor));
        }
        return ERR_OK;
    }
    try(db_one(store->db, arena, Q_IDS_NEWEST, NULL, 0, &row));
    for (size_t i = 0; i < row.cols_n; i++) {
        store->ids.last = int64_max(store->ids.last, db_at_int_or(&row, 0, i, 0));
    }
    return ERR_OK;
}
