/* SQLite behind db.h: pragmas of docs/performance, statements in a loop, errors mapped. */
#include "base/base.h"
#include "db/db_internal.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { WRITER_WAIT_MS = 30000, READER_WAIT_MS = 5000, CHECKPOINT_WAIT_MS = 1000 };

/* Statements of our own behind those of the set. */
enum own_statement {
    OWN_BEGIN_READ,
    OWN_BEGIN_WRITE,
    OWN_COMMIT,
    OWN_ROLLBACK,
    OWN_OTHERS_VERSION,
    OWN_N
};
static const char *const OWN_TEXT[] = {"BEGIN", "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK",
                                       "PRAGMA data_version"};
_Static_assert(ARRAY_N(OWN_TEXT) == OWN_N, "one text each");

static size_t queries_n(const struct db *db)
{
    return db->config.queries == NULL ? 0 : db->config.queries->n;
}

/* ---- errors ---- */

static enum err ioerr_map(int extended)
{
    // After a failed fsync nobody knows what is on disk: PostgreSQL learned in 2018 that going on
    // loses data.
    const bool is_fsync = extended == SQLITE_IOERR_FSYNC || extended == SQLITE_IOERR_DIR_FSYNC;
    return is_fsync ? ERR_FSYNC : ERR_DATABASE;
}

static enum err constraint_map(int extended)
{
    const bool is_taken = extended == SQLITE_CONSTRAINT_UNIQUE ||
                          extended == SQLITE_CONSTRAINT_PRIMARYKEY ||
                          extended == SQLITE_CONSTRAINT_ROWID;
    return is_taken ? ERR_CONFLICT : ERR_INTERNAL;
}

static enum err sqlite_map(int extended)
{
    switch (extended & 0xFF) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ERR_OK;
    case SQLITE_BUSY:
        return extended == SQLITE_BUSY_SNAPSHOT ? ERR_RETRY : ERR_DATABASE;
    case SQLITE_LOCKED:
        return ERR_RETRY;
    case SQLITE_FULL:
        return ERR_DISK_FULL;
    case SQLITE_IOERR:
        return ioerr_map(extended);
    case SQLITE_CONSTRAINT:
        return constraint_map(extended);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
        return ERR_INTEGRITY;
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_INTERRUPT:
    case SQLITE_PROTOCOL:
        return ERR_DATABASE;
    default:
        return ERR_INTERNAL;
    }
}

/* Notes and logs an error of the connection. The log gets numbers and our own names only. */
static enum err sqlite_failed(struct db *db, int code, const char *name)
{
    const int extended = sqlite3_extended_errcode(db->sqlite);
    const enum err err = sqlite_map((extended & 0xFF) == (code & 0xFF) ? extended : code);
    ensure(err != ERR_OK);
    db_error_keep(db, sqlite3_errmsg(db->sqlite));
    if (err != ERR_CONFLICT && err != ERR_RETRY) {
        log_line(LOG_ERROR, "db", "statement=%s sqlite=%d os=%d error=%s", name, extended,
                 sqlite3_system_errno(db->sqlite), err_code(err));
    }
    return err;
}

/* ---- statements ---- */

static enum err statement_get(struct db *db, int index, const char *name, const char *text,
                              sqlite3_stmt **out)
{
    sqlite3_stmt **place = index >= 0 ? &db->sqlite_statements[index] : out;
    if (index < 0 || *place == NULL) {
        const unsigned flags = index >= 0 ? SQLITE_PREPARE_PERSISTENT : 0;
        const char *tail = NULL;
        const int code = sqlite3_prepare_v3(db->sqlite, text, -1, flags, place, &tail);
        if (code != SQLITE_OK) {
            return sqlite_failed(db, code, name);
        }
        ensure(*place != NULL);
        ensure(tail[strspn(tail, " \t\n;")] == 0); // one statement each
    }
    *out = *place;
    return ERR_OK;
}

static enum err sqlite_prepare(struct db *db, int *failed_index)
{
    for (size_t i = 0; i < queries_n(db); i++) {
        const struct db_statement *statement = &db->config.queries->list[i];
        sqlite3_stmt *prepared = NULL;
        *failed_index = (int)i;
        try(statement_get(db, (int)i, statement->name, statement->text[DB_SQLITE], &prepared));
        ensure(sqlite3_bind_parameter_count(prepared) == statement->params_n);
    }
    return ERR_OK;
}

static enum err own_run(struct db *db, enum own_statement own)
{
    sqlite3_stmt *prepared = NULL;
    try(statement_get(db, (int)(queries_n(db) + own), OWN_TEXT[own], OWN_TEXT[own], &prepared));
    const int code = sqlite3_step(prepared);
    const enum err err = code == SQLITE_DONE ? ERR_OK : sqlite_failed(db, code, OWN_TEXT[own]);
    (void)sqlite3_reset(prepared); // says the same again
    return err;
}

static int value_bind(sqlite3_stmt *prepared, int at, const struct db_value *value)
{
    const char *bytes = value->s.p != NULL ? value->s.p : ""; // NULL would bind NULL
    switch (value->kind) {
    case DB_NULL:
        return sqlite3_bind_null(prepared, at);
    case DB_INT:
        return sqlite3_bind_int64(prepared, at, value->i);
    case DB_TEXT:
        return sqlite3_bind_text64(prepared, at, bytes, value->s.n, SQLITE_STATIC, SQLITE_UTF8);
    case DB_BLOB:
        return sqlite3_bind_blob64(prepared, at, bytes, value->s.n, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

/* False when the column holds floating point. */
static bool value_read(struct arena *arena, sqlite3_stmt *prepared, int col, struct db_value *out)
{
    const int type = sqlite3_column_type(prepared, col);
    if (type == SQLITE_INTEGER) {
        *out = db_int(sqlite3_column_int64(prepared, col));
    } else if (type == SQLITE_TEXT || type == SQLITE_BLOB) {
        const char *bytes = type == SQLITE_TEXT ? (const char *)sqlite3_column_text(prepared, col)
                                                : sqlite3_column_blob(prepared, col);
        const struct str borrowed = {.p = bytes, .n = (size_t)sqlite3_column_bytes(prepared, col)};
        *out = (struct db_value){
            .kind = type == SQLITE_TEXT ? DB_TEXT : DB_BLOB,
            .s = str_dup(arena, bytes != NULL ? borrowed : (struct str){0}),
        };
    } else {
        *out = db_null();
    }
    return type != SQLITE_FLOAT;
}

static enum err row_read(struct db *db, struct db_call *call, sqlite3_stmt *prepared,
                         struct db_rows *rows)
{
    const int cols_n = sqlite3_column_count(prepared);
    for (int col = 0; call->out != NULL && col < cols_n; col++) {
        struct db_value value;
        if (!value_read(call->arena, prepared, col, &value)) {
            db_error_keep(db, "a column is floating point");
            log_line(LOG_ERROR, "db", "statement=%s error=float", call->statement->name);
            return ERR_INTERNAL;
        }
        db_rows_add(db, rows, value);
    }
    return ERR_OK;
}

/* Runs the prepared statement for one row of parameters. */
static enum err row_run(struct db *db, struct db_call *call, sqlite3_stmt *prepared,
                        const struct db_value *params, struct db_rows *rows)
{
    for (int i = 0; i < call->cols_n; i++) {
        const int code = value_bind(prepared, i + 1, &params[i]);
        if (code != SQLITE_OK) {
            return sqlite_failed(db, code, call->statement->name);
        }
    }
    int code = 0;
    while ((code = sqlite3_step(prepared)) == SQLITE_ROW) {
        call->changed_n++;
        try(row_read(db, call, prepared, rows));
    }
    if (code != SQLITE_DONE) {
        return sqlite_failed(db, code, call->statement->name);
    }
    const bool has_rows = sqlite3_column_count(prepared) > 0;
    if (!has_rows && !sqlite3_stmt_readonly(prepared)) {
        call->changed_n += sqlite3_changes64(db->sqlite);
    }
    return ERR_OK;
}

static enum err rows_run(struct db *db, struct db_call *call, sqlite3_stmt *prepared,
                         struct db_rows *rows)
{
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < call->rows_n; i++) {
        // A statement without parameters has no row of them.
        const struct db_value *row = call->rows ? call->rows + i * (size_t)call->cols_n : NULL;
        err = row_run(db, call, prepared, row, rows);
        (void)sqlite3_reset(prepared); // says the same again
    }
    return err;
}

static enum err sqlite_script(struct db *db, const char *sql)
{
    const int code = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? ERR_OK : sqlite_failed(db, code, "script");
}

/* Whether deleted bytes stay until they are needed again; in force from the next statement on. */
static enum err leave_bytes(struct db *db, bool leaves)
{
    if (db->leaves_bytes != leaves) {
        try(sqlite_script(db, leaves ? "PRAGMA secure_delete=OFF;" : "PRAGMA secure_delete=ON;"));
        db->leaves_bytes = leaves;
    }
    return ERR_OK;
}

/* Outside a transaction, many rows make one: all or none, as on PostgreSQL, and one taking of locks
 * instead of one a row. */
static enum err rows_run_at_once(struct db *db, struct db_call *call, sqlite3_stmt *prepared,
                                 struct db_rows *rows)
{
    if (sqlite3_get_autocommit(db->sqlite) == 0) {
        return rows_run(db, call, prepared, rows);
    }
    const bool reads = sqlite3_stmt_readonly(prepared) != 0;
    if (!reads) {
        try(leave_bytes(db, false)); // a booking has its transaction
    }
    if (call->rows_n < 2) {
        return rows_run(db, call, prepared, rows);
    }
    try(own_run(db, reads ? OWN_BEGIN_READ : OWN_BEGIN_WRITE));
    enum err err = rows_run(db, call, prepared, rows);
    if (err == ERR_OK) {
        err = own_run(db, OWN_COMMIT);
    }
    if (sqlite3_get_autocommit(db->sqlite) == 0) {
        (void)own_run(db, OWN_ROLLBACK); // logged there
    }
    return err;
}

static enum err sqlite_run(struct db *db, struct db_call *call)
{
    sqlite3_stmt *prepared = NULL;
    try(statement_get(db, call->index, call->statement->name, call->statement->text[DB_SQLITE],
                      &prepared));
    ensure(sqlite3_bind_parameter_count(prepared) <= call->cols_n);
    struct db_rows rows = {0};
    const enum err err = rows_run_at_once(db, call, prepared, &rows);
    const size_t cols_n = (size_t)sqlite3_column_count(prepared);
    (void)sqlite3_clear_bindings(prepared); // the values belong to the caller
    if (call->index == DB_STATEMENT_ONCE) {
        (void)sqlite3_finalize(prepared); // says the same again
    }
    if (err == ERR_OK) {
        db_rows_finish(call, &rows, cols_n);
    }
    return err;
}

/* ---- transactions ---- */

static enum err sqlite_begin(struct db *db, enum db_access access)
{
    ensure(sqlite3_get_autocommit(db->sqlite) != 0);
    if (access != DB_READ) {
        try(leave_bytes(db, access == DB_WRITE_OVER));
    }
    return own_run(db, access == DB_READ ? OWN_BEGIN_READ : OWN_BEGIN_WRITE);
}

static enum err sqlite_commit(struct db *db)
{
    if (sqlite3_get_autocommit(db->sqlite) != 0) {
        return ERR_DATABASE; // an error before has rolled back by itself
    }
    if (!db->commits_early) {
        return own_run(db, OWN_COMMIT);
    }
    sqlite_log_hold(db->sqlite, true);
    const enum err err = own_run(db, OWN_COMMIT);
    sqlite_log_hold(db->sqlite, false);
    return err;
}

static void sqlite_rollback(struct db *db)
{
    if (sqlite3_get_autocommit(db->sqlite) == 0) {
        (void)own_run(db, OWN_ROLLBACK); // logged there; the next begin fails if it did not work
    }
}

static enum err sqlite_others_version(struct db *db, int64_t *out)
{
    const char *text = OWN_TEXT[OWN_OTHERS_VERSION];
    sqlite3_stmt *prepared = NULL;
    try(statement_get(db, (int)(queries_n(db) + OWN_OTHERS_VERSION), text, text, &prepared));
    const int code = sqlite3_step(prepared);
    *out = code == SQLITE_ROW ? sqlite3_column_int64(prepared, 0) : 0;
    const enum err err = code == SQLITE_ROW ? ERR_OK : sqlite_failed(db, code, text);
    (void)sqlite3_reset(prepared); // says the same again
    return err;
}

/* ---- the file ---- */

static enum err sqlite_checkpoint(struct db *db, enum db_checkpoint mode, int64_t *wal_pages_left)
{
    static const int MODES[] = {
        [DB_CHECKPOINT_PASSIVE] = SQLITE_CHECKPOINT_PASSIVE,
        [DB_CHECKPOINT_RESTART] = SQLITE_CHECKPOINT_RESTART,
        [DB_CHECKPOINT_TRUNCATE] = SQLITE_CHECKPOINT_TRUNCATE,
    };
    const bool waits = mode != DB_CHECKPOINT_PASSIVE;
    int in_wal = 0;
    int moved = 0;
    if (waits) {
        (void)sqlite3_busy_timeout(db->sqlite, CHECKPOINT_WAIT_MS);
    }
    sqlite_moving_begin(db->config.role == DB_MAINTAINER ? db->sqlite_fd : 0);
    const int code = sqlite3_wal_checkpoint_v2(db->sqlite, "main", MODES[mode], &in_wal, &moved);
    const bool is_lost = !sqlite_moving_end();
    if (waits) {
        (void)sqlite3_busy_timeout(db->sqlite, WRITER_WAIT_MS);
    }
    if (is_lost) {
        log_line(LOG_ERROR, "db", "statement=checkpoint sqlite=%d lost=1", code);
        return ERR_FSYNC;
    }
    if (code != SQLITE_OK && (code & 0xFF) != SQLITE_BUSY && (code & 0xFF) != SQLITE_LOCKED) {
        return sqlite_failed(db, code, "checkpoint");
    }
    // But for TRUNCATE the frames stay in the file until the writer starts over; what counts is
    // what is not moved.
    *wal_pages_left = in_wal < 0 ? 0 : mode == DB_CHECKPOINT_TRUNCATE ? in_wal : in_wal - moved;
    return ERR_OK;
}

/* Not SQLite's own call, so the connection does not know the error. */
static enum err file_sync(struct db *db, int which)
{
    sqlite3_file *file = NULL;
    int code = sqlite3_file_control(db->sqlite, "main", which, &file);
    if (code == SQLITE_OK && file->pMethods == NULL) {
        code = SQLITE_IOERR_FSYNC; // a log that this connection has not opened is not synced by it
    }
    if (code == SQLITE_OK) {
        code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
    }
    if (code != SQLITE_OK) {
        log_line(LOG_ERROR, "db", "statement=sync sqlite=%d", code);
    }
    return sqlite_map(code);
}

static enum err sqlite_file_sync(struct db *db)
{
    return file_sync(db, SQLITE_FCNTL_FILE_POINTER);
}

static enum err sqlite_log_sync(struct db *db)
{
    return file_sync(db, SQLITE_FCNTL_JOURNAL_POINTER);
}

static int wal_hook(void *context, sqlite3 *sqlite, const char *name, int pages)
{
    (void)sqlite; // one database
    (void)name;
    atomic_store(&((struct db *)context)->wal_pages, pages);
    return SQLITE_OK;
}

static void sqlite_close(struct db *db)
{
    for (size_t i = 0; db->sqlite_statements != NULL && i < queries_n(db) + OWN_N; i++) {
        (void)sqlite3_finalize(db->sqlite_statements[i]); // repeats the last error
    }
    const int code = sqlite3_close(db->sqlite);
    ensure(code == SQLITE_OK); // every statement is ours
    db->sqlite = NULL;
}

/* Makes the file readable by its owner alone, and makes the directory remember it (power may fail).
 */
static enum err file_create(struct db *db, struct fail *f, const char *path)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) {
        return ERR_OK;
    }
    if (fd < 0) {
        return fail(f, errno == ENOSPC ? ERR_DISK_FULL : ERR_CONFIG, "",
                    "The database %s cannot be created: %s", path, strerror(errno));
    }
    (void)close(fd); // nothing was written
    const char *slash = strrchr(path, '/');
    const char *directory =
        slash == NULL ? "."
                      : str_z(&db->own, (struct str){.p = path, .n = (size_t)(slash - path) + 1});
    const int directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool is_synced = directory_fd >= 0 && fsync(directory_fd) == 0;
    if (directory_fd >= 0) {
        (void)close(directory_fd); // only read
    }
    return is_synced ? ERR_OK
                     : fail(f, ERR_FSYNC, "", "The directory of %s cannot be synced", path);
}

static const char PRAGMAS_ALL[] =
    "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY;"
    "PRAGMA mmap_size=0; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
    "PRAGMA secure_delete=ON;";

static const char *role_pragmas(enum db_role role)
{
    switch (role) {
    case DB_WRITER:
        return "PRAGMA page_size=2048; PRAGMA journal_mode=WAL; PRAGMA cache_size=-65536;";
    case DB_READER:
        return "PRAGMA query_only=ON; PRAGMA cache_size=-8192;";
    case DB_MAINTAINER:
        return "PRAGMA page_size=2048; PRAGMA journal_mode=WAL; PRAGMA cache_size=-2048;";
    }
    return "";
}

/* The first to come turns the file to its write-ahead log, and SQLite tells whoever comes at that
 * moment that it is busy without waiting: the busy handler is not asked. */
static enum err sqlite_become(struct db *db)
{
    enum { STEP_MS = 10 };
    int code = SQLITE_BUSY;
    for (int waited_ms = 0; (code & 0xff) == SQLITE_BUSY && waited_ms < WRITER_WAIT_MS;
         waited_ms += STEP_MS) {
        if (waited_ms > 0) {
            (void)sqlite3_sleep(STEP_MS);
        }
        code = sqlite3_exec(db->sqlite, role_pragmas(db->config.role), NULL, NULL, NULL);
    }
    return code == SQLITE_OK ? ERR_OK : sqlite_failed(db, code, "script");
}

static enum err sqlite_configure(struct db *db, struct fail *f)
{
    sqlite3 *sqlite = db->sqlite;
    (void)sqlite3_extended_result_codes(sqlite, 1);
    (void)sqlite3_busy_timeout(sqlite,
                               db->config.role == DB_READER ? READER_WAIT_MS : WRITER_WAIT_MS);
    (void)sqlite3_db_config(sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(sqlite, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    (void)sqlite3_db_config(sqlite, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    (void)sqlite3_db_config(sqlite, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    enum err err = sqlite_become(db);
    if (err == ERR_OK) {
        err = sqlite_script(db, PRAGMAS_ALL);
    }
    const char *path = str_z(&db->own, db->config.url);
    if (err == ERR_INTEGRITY) {
        return fail(f, ERR_CONFIG, "", "%s is not an SQLite database, or it is damaged: %s", path,
                    db->error_text);
    }
    const bool is_for_reading = db->config.role == DB_READER;
    const bool may_write = access(path, W_OK) == 0;
    if (err != ERR_OK && (may_write || (is_for_reading && errno != EROFS))) {
        return fail(f, err, "", "The database %s cannot be used: %s", path, db->error_text);
    }
    if (err != ERR_OK || (!is_for_reading && sqlite3_db_readonly(sqlite, "main") != 0)) {
        return fail(f, ERR_CONFIG, "",
                    "The database %s cannot be written: check the owner and the mode of the "
                    "file and its directory, and whether the disk is mounted read-only",
                    path);
    }
    return ERR_OK;
}

static const struct db_backend SQLITE_BACKEND = {
    .run = sqlite_run,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .others_version = sqlite_others_version,
    .prepare = sqlite_prepare,
    .script = sqlite_script,
    .checkpoint = sqlite_checkpoint,
    .file_sync = sqlite_file_sync,
    .log_sync = sqlite_log_sync,
    .search = sqlite_search,
    .close = sqlite_close,
};

enum err sqlite_open(struct db *db, struct fail *f)
{
    const char *path = str_z(&db->own, db->config.url);
    if (db->config.role != DB_READER) {
        try(file_create(db, f, path));
    }
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    const int code = sqlite3_open_v2(path, &db->sqlite, flags,
                                     db->config.vfs != NULL ? db->config.vfs : sqlite_vfs_name());
    db->sqlite_fd = db->config.vfs == NULL ? sqlite_opened_fd() : 0;
    db->backend = &SQLITE_BACKEND; // closes what sqlite3_open_v2() leaves even when it fails
    if (code != SQLITE_OK) {
        const enum err err = (code & 0xFF) == SQLITE_CANTOPEN ? ERR_CONFIG : ERR_DATABASE;
        return fail(f, err, "", "The database %s cannot be opened: %s", path,
                    sqlite3_errmsg(db->sqlite));
    }
    db->sqlite_statements = arena_new(&db->own, sqlite3_stmt *, queries_n(db) + OWN_N);
    try(sqlite_configure(db, f));
    (void)sqlite3_wal_hook(db->sqlite, wal_hook, db); // replaces the automatic checkpoint
    return ERR_OK;
}
