/* Migrations: assets applied in order, each with its line in schema_migration, in one transaction.
 * Beside NNNN_name.sql stands NNNN_name.check.sql, one query that counts what is not as the
 * migration should have left it. */
#include "base/base.h"
#include "db/db_internal.h"

#include "base/assets.h"
#include "base/buf.h"
#include "base/log.h"

#include "db_queries.h"

#include <sodium.h>

enum { CHECKSUM_BYTES = 64, NAME_BYTES_MAX = 200, MIGRATIONS_MAX = 10000 };

#define SCRIPT_END ".sql"
#define CHECK_END  ".check.sql"

struct migration {
    int64_t version; // the number that its name begins with
    struct str name; // without the directory
    struct str text;
    struct str check;                  // empty: none
    char checksum[CHECKSUM_BYTES + 1]; // SHA-256 in hex
};

struct migrations {
    struct migration *list; // ascending
    size_t n;
};

/* ---- the files ---- */

static void checksum_write(struct str text, char out[CHECKSUM_BYTES + 1])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(hash, (const unsigned char *)text.p, text.n); // never fails
    (void)sodium_bin2hex(out, CHECKSUM_BYTES + 1, hash, sizeof hash);
}

static bool is_check(struct str name)
{
    const struct str end = STR(CHECK_END);
    return name.n > end.n && str_eq(str_after(name, name.n - end.n), end);
}

static enum err migrations_find(struct arena *arena, const char *dir, struct fail *f,
                                struct migrations *out)
{
    const struct str prefix = str_c(dir);
    size_t room = 0;
    for (size_t i = 0; asset_name(i) != NULL; i++) {
        const struct str path = str_c(asset_name(i));
        const struct str name = str_after(path, prefix.n);
        if (!str_starts(path, prefix) || str_find(name, '/', 0) < name.n || is_check(name)) {
            continue;
        }
        const struct str check =
            str_fmt(arena, "%.*s" CHECK_END, (int)(path.n - strlen(SCRIPT_END)), path.p);
        struct migration one = {.name = name, .text = asset_find(path), .check = asset_find(check)};
        const struct str number = {.p = name.p, .n = str_find(name, '_', 0)};
        const int64_t before = out->n == 0 ? 0 : out->list[out->n - 1].version;
        if (!str_int64(number, &one.version) || one.version <= before) {
            return fail(f, ERR_CONFIG, "", "%s is not numbered after the migration before it",
                        asset_name(i));
        }
        checksum_write(one.text, one.checksum);
        arena_room(arena, out->list, out->n, room);
        out->list[out->n++] = one;
    }
    return ERR_OK;
}

/* The lines of the sections for one database; the others stay as empty lines, so that numbers of
 * lines agree. */
static const char *migration_text(struct arena *arena, struct str script, enum db_dialect dialect)
{
    struct buf text;
    buf_open(&text, arena, script.n + 2);
    struct str rest = script;
    struct str line = {0};
    bool done = false;
    bool is_ours = true;
    while (str_split(&rest, '\n', &line, &done)) {
        if (str_starts(line, STR("-- both:"))) {
            is_ours = true;
        } else if (str_starts(line, STR("-- sqlite:"))) {
            is_ours = dialect == DB_SQLITE;
        } else if (str_starts(line, STR("-- postgres:"))) {
            is_ours = dialect == DB_POSTGRES;
        } else if (is_ours) {
            buf_str(&text, line);
        }
        buf_char(&text, '\n');
    }
    ensure(!text.is_full);
    return str_z(arena, buf_view(&text));
}

/* ---- the table ---- */

static enum err applied_read(struct db *db, struct arena *arena, struct db_result *out)
{
    struct db_result exists = {0};
    try(db_own(db, arena, DQ_SCHEMA_TABLE_EXISTS, NULL, 0, &exists));
    *out = (struct db_result){0};
    if (exists.rows_n == 1 && db_at_int(&exists, 0, 0) > 0) {
        return db_own(db, arena, DQ_SCHEMA_MIGRATION_LIST, NULL, 0, out);
    }
    return ERR_OK;
}

/* What is applied must be a beginning of what this binary knows. */
static enum err applied_check(const struct migrations *known, struct db_result *applied,
                              struct fail *f, struct db_migration_report *out)
{
    *out = (struct db_migration_report){.newest =
                                            known->n == 0 ? 0 : known->list[known->n - 1].version};
    for (size_t i = 0; i < applied->rows_n; i++) {
        const int64_t version = db_at_int(applied, i, 0);
        const struct str checksum = db_at_str(applied, i, 2);
        if (version > out->newest) {
            return fail(f, ERR_CONFIG, "",
                        "The database has schema %" PRId64
                        ", this loyald knows schemas up to %" PRId64 ": install the newer loyald",
                        version, out->newest);
        }
        if (i >= known->n || known->list[i].version != version ||
            !str_eq(checksum, str_c(known->list[i].checksum))) {
            return fail(f, ERR_CONFIG, "",
                        "Migration %" PRId64
                        " of the database is not the one this loyald knows: the database "
                        "was made by another build",
                        version);
        }
        out->version = version;
    }
    return applied->is_bad ? fail(f, ERR_INTEGRITY, "", "The table schema_migration is damaged")
                           : ERR_OK;
}

static enum err database_failed(const struct db *db, struct fail *f, enum err err)
{
    return fail(f, err == ERR_INTERNAL ? ERR_CONFIG : err, "",
                "The schema cannot be brought up to date: %s", db->error_text);
}

/* Zero, or the migration has not done what it should. */
static enum err result_check(struct db *db, struct arena *arena, const struct migration *migration,
                             struct fail *f)
{
    struct db_result rows = {0};
    if (migration->check.n == 0) {
        return ERR_OK;
    }
    const char *text = migration_text(arena, migration->check, db->dialect);
    if (db_query_text(db, arena, str_c(text), NULL, 0, &rows) != ERR_OK) {
        return fail(f, ERR_CONFIG, "", "The check of migration %.*s failed: %s",
                    STR_ARG(migration->name), db->error_text);
    }
    if (rows.rows_n != 1 || db_at_int(&rows, 0, 0) != 0 || rows.is_bad) {
        return fail(f, ERR_CONFIG, "",
                    "Migration %.*s was not applied: afterwards its check found something amiss",
                    STR_ARG(migration->name));
    }
    return ERR_OK;
}

/* Inside a transaction: reads what is applied under the lock and applies the next one, if any. */
static enum err step_apply(struct db *db, struct arena *arena, const struct migrations *known,
                           int64_t now_ms, const struct db_migration_hook *hook, struct fail *f,
                           struct db_migration_report *out)
{
    struct db_result ignored = {0};
    struct db_result applied = {0};
    enum err err =
        db_own(db, arena, DQ_SCHEMA_LOCK, (struct db_value[]){db_int(DB_LOCK_CLASS)}, 1, &ignored);
    if (err == ERR_OK) {
        err = db_own(db, NULL, DQ_SCHEMA_TABLE_CREATE, NULL, 0, NULL);
    }
    if (err == ERR_OK) {
        err = applied_read(db, arena, &applied);
    }
    if (err != ERR_OK) {
        return database_failed(db, f, err);
    }
    try(applied_check(known, &applied, f, out));
    if (applied.rows_n == known->n) {
        return ERR_OK;
    }
    const struct migration *next = &known->list[applied.rows_n];
    err = db->backend->script(db, migration_text(arena, next->text, db->dialect));
    if (err == ERR_OK) {
        err = db_own(db, NULL, DQ_SCHEMA_MIGRATION_INSERT,
                     (struct db_value[]){db_int(next->version), db_text(next->name),
                                         db_text(str_c(next->checksum)), db_int(now_ms)},
                     4, NULL);
    }
    if (err != ERR_OK) {
        return fail(f, err == ERR_INTERNAL ? ERR_CONFIG : err, "", "The migration %.*s failed: %s",
                    STR_ARG(next->name), db->error_text);
    }
    try(result_check(db, arena, next, f));
    if (hook != NULL && hook->applied(hook->self, db, arena, next->version) != ERR_OK) {
        return fail(f, ERR_CONFIG, "", "Migration %.*s could not be noted: %s", STR_ARG(next->name),
                    db->error_text);
    }
    out->version = next->version;
    out->applied_n = 1;
    return ERR_OK;
}

static enum err step_run(struct db *db, const struct migrations *known, int64_t now_ms,
                         const struct db_migration_hook *hook, struct fail *f,
                         struct db_migration_report *out)
{
    struct arena arena;
    arena_open(&arena, (size_t)64 * 1024 * 1024);
    enum err err = db_begin(db, DB_WRITE);
    if (err != ERR_OK) {
        err = database_failed(db, f, err);
    } else {
        err = step_apply(db, &arena, known, now_ms, hook, f, out);
        if (err == ERR_OK) {
            err = db_commit(db);
            err = err == ERR_OK ? ERR_OK : database_failed(db, f, err);
        }
        db_rollback(db); // nothing to do after a commit
    }
    arena_close(&arena);
    return err;
}

enum err db_migrate(struct db *db, const char *dir, int64_t now_ms,
                    const struct db_migration_hook *hook, struct fail *f,
                    struct db_migration_report *out)
{
    ensure(!db->in_transaction);
    struct migrations known = {0};
    try(migrations_find(&db->own, dir, f, &known));
    struct db_migration_report report = {0};
    size_t applied_n = 0;
    for (size_t i = 0; i <= known.n; i++) {
        try(step_run(db, &known, now_ms, hook, f, &report));
        applied_n += report.applied_n;
        if (report.applied_n == 0) {
            break;
        }
        log_line(LOG_INFO, "migrate", "schema=%" PRId64, report.version);
    }
    report.applied_n = applied_n;
    *out = report;
    return ERR_OK;
}

enum err db_schema_check(struct db *db, const char *dir, struct fail *f,
                         struct db_migration_report *out)
{
    struct migrations known = {0};
    try(migrations_find(&db->own, dir, f, &known));
    struct arena arena;
    arena_open(&arena, (size_t)16 * 1024 * 1024);
    struct db_result applied = {0};
    enum err err = applied_read(db, &arena, &applied);
    if (err != ERR_OK) {
        err = database_failed(db, f, err);
    } else {
        err = applied_check(&known, &applied, f, out);
    }
    if (err == ERR_OK && out->version < out->newest) {
        err = fail(f, ERR_CONFIG, "",
                   "The database has schema %" PRId64 ", this loyald needs %" PRId64
                   ": run loyald migrate",
                   out->version, out->newest);
    }
    arena_close(&arena);
    return err;
}
