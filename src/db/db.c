/* What both databases have in common: checking calls and handing them on. */
#include "base/base.h"
#include "db/db_internal.h"

#include "db_queries.h"

#define DB_SCRATCH_BYTES_MAX ((size_t)4 * 1024 * 1024 * 1024)

static bool is_postgres_url(struct str url)
{
    return str_starts(url, STR("postgresql://")) || str_starts(url, STR("postgres://"));
}

enum err db_open(const struct db_config *config, struct fail *f, struct db **out)
{
    struct arena own;
    arena_open(&own, (size_t)16 * 1024 * 1024);
    struct db *db = arena_new(&own, struct db, 1);
    db->config = *config;
    db->config.url = str_dup(&own, config->url);
    db->dialect = is_postgres_url(config->url) ? DB_POSTGRES : DB_SQLITE;
    db->slot = -1;
    arena_open(&db->scratch, DB_SCRATCH_BYTES_MAX);
    db->own = own; // from here on allocations go through db->own
    const enum err err = db->dialect == DB_SQLITE ? sqlite_open(db, f) : pg_open(db, f);
    if (err != ERR_OK) {
        db_close(db);
        return err;
    }
    *out = db;
    return ERR_OK;
}

void db_close(struct db *db)
{
    if (db == NULL) {
        return;
    }
    if (db->backend != NULL) {
        db->backend->close(db);
    }
    arena_close(&db->scratch);
    struct arena own = db->own;
    arena_close(&own);
}

enum err db_prepare(struct db *db, struct fail *f)
{
    ensure(db->config.queries != NULL);
    int failed = 0;
    const enum err err = db->backend->prepare(db, &failed);
    if (err == ERR_INTERNAL || err == ERR_CONFIG) {
        return fail(f, ERR_CONFIG, "", "The statement %s does not fit the database's schema: %s",
                    db->config.queries->list[failed].name, db->error_text);
    }
    if (err != ERR_OK) {
        return fail(f, err, "", "The statements cannot be prepared: %s", db->error_text);
    }
    return ERR_OK;
}

enum db_dialect db_dialect(const struct db *db)
{
    return db->dialect;
}

const char *db_error_text(const struct db *db)
{
    return db->error_text;
}

void db_error_keep(struct db *db, const char *text)
{
    (void)snprintf(db->error_text, sizeof db->error_text, "%s", text); // cut where too long
    for (char *p = db->error_text; *p != 0; p++) {
        if ((unsigned char)*p < 0x20) {
            *p = ' ';
        }
    }
}

enum err db_begin(struct db *db, enum db_access access)
{
    ensure(!db->in_transaction);
    ensure(access == DB_READ || db->config.role != DB_READER);
    try(db->backend->begin(db, access));
    db->in_transaction = true;
    return ERR_OK;
}

enum err db_commit(struct db *db)
{
    ensure(db->in_transaction);
    atomic_fetch_add(&db->commits_begun, 1); // before anybody can see it
    const enum err err = db->backend->commit(db);
    atomic_fetch_add(&db->commits_done, 1);
    try(err);
    db->in_transaction = false;
    return ERR_OK;
}

void db_commit_early(struct db *db)
{
    db->commits_early = true;
}

int64_t db_commits_begun(const struct db *db)
{
    return atomic_load(&((struct db *)db)->commits_begun);
}

int64_t db_commits_done(const struct db *db)
{
    return atomic_load(&((struct db *)db)->commits_done);
}

void db_rollback(struct db *db)
{
    if (db->in_transaction) {
        db->backend->rollback(db);
        db->in_transaction = false;
    }
}

bool db_in_transaction(const struct db *db)
{
    return db->in_transaction;
}

static size_t values_bytes(const struct db_value *values, size_t n)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        const bool has_bytes = values[i].kind == DB_TEXT || values[i].kind == DB_BLOB;
        sum += has_bytes ? values[i].s.n : sizeof(int64_t);
        if (sum > DB_BATCH_BYTES_MAX) {
            break; // before it can overflow
        }
    }
    return sum;
}

static enum err call_run(struct db *db, struct db_call *call)
{
    ensure(call->cols_n == call->statement->params_n);
    ensure(call->cols_n <= DB_PARAMS_MAX);
    if (call->rows_n > DB_ROWS_MAX ||
        values_bytes(call->rows, call->rows_n * (size_t)call->cols_n) > DB_BATCH_BYTES_MAX) {
        db_error_keep(db, "too many rows or bytes in one statement");
        return ERR_TOO_LARGE;
    }
    db->depth++; // connecting again inside a call runs a call of its own
    const enum err err = db->backend->run(db, call);
    db->depth--;
    if (db->depth == 0) {
        arena_reset(&db->scratch);
    }
    return err;
}

static const struct db_statement *statement_find(const struct db *db, int query)
{
    ensure(db->config.queries != NULL);
    ensure(query >= 0 && (size_t)query < db->config.queries->n);
    return &db->config.queries->list[query];
}

enum err db_exec(struct db *db, int query, const struct db_value *params, int params_n,
                 int64_t *changed_n)
{
    struct db_call call = {
        .statement = statement_find(db, query),
        .index = query,
        .rows = params,
        .rows_n = 1,
        .cols_n = params_n,
    };
    ensure(call.statement->kind == DB_EXEC);
    try(call_run(db, &call));
    if (changed_n != NULL) {
        *changed_n = call.changed_n;
    }
    return ERR_OK;
}

enum err db_query(struct db *db, struct arena *arena, int query, const struct db_value *params,
                  int params_n, struct db_result *out)
{
    struct db_call call = {
        .statement = statement_find(db, query),
        .index = query,
        .rows = params,
        .rows_n = 1,
        .cols_n = params_n,
        .arena = arena,
        .out = out,
    };
    ensure(call.statement->kind == DB_MANY || call.statement->kind == DB_ONE);
    return call_run(db, &call);
}

enum err db_one(struct db *db, struct arena *arena, int query, const struct db_value *params,
                int params_n, struct db_result *out)
{
    ensure(statement_find(db, query)->kind == DB_ONE);
    struct db_result result = {0};
    try(db_query(db, arena, query, params, params_n, &result));
    ensure(result.rows_n <= 1);
    *out = result;
    return ERR_OK;
}

enum err db_query_text(struct db *db, struct arena *arena, struct str sql,
                       const struct db_value *params, int params_n, struct db_result *out)
{
    const char *text = str_z(&db->scratch, sql);
    const struct db_statement once = {
        .name = "text", .kind = DB_MANY, .params_n = params_n, .text = {text, text}};
    struct db_call call = {
        .statement = &once,
        .index = DB_STATEMENT_ONCE,
        .rows = params,
        .rows_n = 1,
        .cols_n = params_n,
        .arena = arena,
        .out = out,
    };
    return call_run(db, &call);
}

enum err db_own(struct db *db, struct arena *arena, int query, const struct db_value *params,
                int params_n, struct db_result *out)
{
    struct db_call call = {
        .statement = &DB_QUERIES.list[query],
        .index = DB_STATEMENT_ONCE,
        .rows = params,
        .rows_n = 1,
        .cols_n = params_n,
        .arena = arena,
        .out = out,
    };
    return call_run(db, &call);
}

enum err db_exec_rows(struct db *db, int query, const struct db_value *rows, size_t rows_n,
                      int cols_n, int64_t *changed_n)
{
    struct db_call call = {
        .statement = statement_find(db, query),
        .index = query,
        .rows = rows,
        .rows_n = rows_n,
        .cols_n = cols_n,
    };
    ensure(call.statement->kind == DB_EACH);
    ensure(db->in_transaction); // in SQLite's loop the rows before a failure would stay otherwise
    if (rows_n > 0) {
        try(call_run(db, &call));
    }
    if (changed_n != NULL) {
        *changed_n = call.changed_n;
    }
    return ERR_OK;
}

enum err db_query_rows(struct db *db, struct arena *arena, int query, const struct db_value *keys,
                       size_t keys_n, int cols_n, struct db_result *out)
{
    struct db_call call = {
        .statement = statement_find(db, query),
        .index = query,
        .rows = keys,
        .rows_n = keys_n,
        .cols_n = cols_n,
        .arena = arena,
        .out = out,
    };
    ensure(call.statement->kind == DB_EACH);
    if (keys_n == 0) {
        *out = (struct db_result){0};
        return ERR_OK;
    }
    return call_run(db, &call);
}

void db_rows_finish(struct db_call *call, const struct db_rows *rows, size_t cols_n)
{
    if (call->out == NULL) {
        return;
    }
    struct db_value *values = arena_new(call->arena, struct db_value, rows->n);
    if (rows->n > 0) {
        memcpy(values, rows->values, rows->n * sizeof *values);
    }
    *call->out = (struct db_result){
        .rows_n = cols_n > 0 ? rows->n / cols_n : 0,
        .cols_n = cols_n,
        .values = values,
    };
}

enum err db_checkpoint(struct db *db, enum db_checkpoint mode, int64_t *wal_pages_left)
{
    ensure(!db->in_transaction);
    int64_t left = 0;
    try(db->backend->checkpoint(db, mode, &left));
    if (wal_pages_left != NULL) {
        *wal_pages_left = left;
    }
    return ERR_OK;
}

enum err db_file_sync(struct db *db)
{
    ensure(!db->in_transaction);
    return db->backend->file_sync(db);
}

enum err db_log_sync(struct db *db)
{
    ensure(!db->in_transaction);
    return db->backend->log_sync == NULL ? ERR_OK : db->backend->log_sync(db);
}

enum err db_file_search(struct db *db, const struct str *needles, size_t needles_n, bool *found)
{
    ensure(!db->in_transaction);
    *found = false;
    const enum err err = db->backend->search(db, needles, needles_n, found);
    arena_reset(&db->scratch);
    return err;
}

enum err db_others_version(struct db *db, int64_t *out)
{
    ensure(db->backend->others_version != NULL);
    return db->backend->others_version(db, out);
}

int64_t db_wal_pages(const struct db *db)
{
    return atomic_load(&db->wal_pages);
}

void db_wal_pages_set(struct db *db, int64_t pages)
{
    atomic_store(&db->wal_pages, pages);
}

void db_files_read_ahead(void)
{
    sqlite_files_read_ahead(); // PostgreSQL knows best
}

int64_t db_pages_written(const struct db *db)
{
    int written = 0;
    int high = 0;
    if (db->sqlite != NULL) { // what spills out of the cache early is in this count as well
        (void)sqlite3_db_status(db->sqlite, SQLITE_DBSTATUS_CACHE_WRITE, &written, &high, 0);
    }
    return written;
}

enum err db_slot_retake(struct db *db)
{
    struct arena arena;
    arena_open(&arena, (size_t)1024 * 1024);
    struct db_result row = {0};
    enum err err = db_own(db, &arena, DQ_PROCESS_SLOT_TAKE,
                          (struct db_value[]){db_int(DB_LOCK_CLASS)}, 1, &row);
    if (err == ERR_OK && row.rows_n == 0) {
        db_error_keep(db, "64 processes are using this database already");
        err = ERR_BUSY;
    }
    if (err == ERR_OK) {
        db->slot = (int)db_at_int(&row, 0, 0);
    }
    arena_close(&arena);
    return err;
}

enum err db_slot_take(struct db *db, int *slot)
{
    if (db->slot < 0) {
        try(db_slot_retake(db));
    }
    *slot = db->slot;
    return ERR_OK;
}

int db_slot(const struct db *db)
{
    ensure(db->slot >= 0);
    return db->slot;
}
