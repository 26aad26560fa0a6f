/* PostgreSQL behind db.h: connecting, statements, transactions, errors by SQLSTATE. */
#include "base/base.h"
#include "db/db_pg.h"

#include "base/log.h"

enum { PREPARE_CHUNK = 16, STATEMENT_NAME_BYTES = 16 };

/* ---- errors ---- */

static bool state_is(const char *state, const char *prefix)
{
    return strncmp(state, prefix, strlen(prefix)) == 0;
}

static enum err state_map(const char *state)
{
    if (state_is(state, "40") || state_is(state, "55P03")) {
        return ERR_RETRY;
    }
    if (state_is(state, "23505")) {
        return ERR_CONFLICT;
    }
    if (state_is(state, "53100")) {
        return ERR_DISK_FULL;
    }
    if (state_is(state, "XX001") || state_is(state, "XX002")) {
        return ERR_INTEGRITY;
    }
    // No connection, no resources, shutting down, I/O, or a standby that only reads.
    const bool is_world = state_is(state, "08") || state_is(state, "53") || state_is(state, "57") ||
                          state_is(state, "58") || state_is(state, "25006") || state[0] == 0;
    return is_world ? ERR_DATABASE : ERR_INTERNAL;
}

enum err pg_failed(struct db *db, const PGresult *result, const char *name)
{
    const char *state = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    state = state == NULL ? "" : state;
    db_error_keep(db, text != NULL ? text : PQerrorMessage(db->pg));
    enum err err = state_map(state);
    if (PQstatus(db->pg) != CONNECTION_OK) {
        err = ERR_DATABASE;
    }
    if (err != ERR_CONFLICT && err != ERR_RETRY) {
        log_line(LOG_ERROR, "db", "statement=%s sqlstate=%s error=%s", name, state, err_code(err));
    }
    return err;
}

/* Takes the result's error, if any, and clears it. */
static enum err result_check(struct db *db, PGresult *result, const char *name)
{
    const ExecStatusType status = PQresultStatus(result);
    // A migration may have something to do in the other database only.
    const bool is_ok =
        status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
    const enum err err = is_ok ? ERR_OK : pg_failed(db, result, name);
    PQclear(result);
    return err;
}

static enum err pg_script(struct db *db, const char *sql)
{
    return result_check(db, PQexec(db->pg, sql), "script");
}

/* ---- connecting ---- */

static void notice_drop(void *context, const PGresult *notice)
{
    (void)context; // notices may quote data: they are not logged
    (void)notice;
}

static const char *session_settings(enum db_role role)
{
    return role == DB_READER
               ? "SET client_min_messages=error; SET timezone='UTC'; SET lock_timeout='5s';"
                 "SET default_transaction_read_only=on"
               : "SET client_min_messages=error; SET timezone='UTC'; SET lock_timeout='30s';"
                 "SET synchronous_commit=on; SET default_transaction_isolation='read committed';"
                 "SET default_transaction_read_only=off";
}

/* A session whose settings failed is not used: the next call connects again. */
static enum err session_start(struct db *db)
{
    db->is_session_ready = false;
    (void)PQsetNoticeReceiver(db->pg, notice_drop, NULL);
    for (size_t i = 0; db->config.queries != NULL && i < db->config.queries->n; i++) {
        db->pg_statements[i].is_prepared = false;
    }
    try(pg_script(db, session_settings(db->config.role)));
    db->is_session_ready = true; // db_slot_retake() runs a statement in it
    const enum err err = db->slot >= 0 ? db_slot_retake(db) : ERR_OK;
    db->is_session_ready = err == ERR_OK;
    return err;
}

/* Outside a transaction a lost connection is opened again. */
static enum err connection_ensure(struct db *db)
{
    if (PQstatus(db->pg) == CONNECTION_OK && db->is_session_ready) {
        return ERR_OK;
    }
    if (db->in_transaction) {
        return ERR_DATABASE; // what was done in it is gone: the caller must roll back and start
                             // over
    }
    PQreset(db->pg);
    if (PQstatus(db->pg) != CONNECTION_OK) {
        return pg_failed(db, NULL, "connect");
    }
    log_line(LOG_WARN, "db", "reconnected=1");
    return session_start(db);
}

/* ---- preparing ---- */

static const char *statement_name(int index, char out[STATEMENT_NAME_BYTES])
{
    if (index < 0) {
        return ""; // the unnamed statement: overwritten by the next one
    }
    (void)snprintf(out, STATEMENT_NAME_BYTES, "q%d", index);
    return out;
}

/* Keeps the types that the server found for the parameters. */
static enum err types_keep(struct db *db, const struct db_statement *statement,
                           const PGresult *described, struct arena *arena, struct pg_statement *out)
{
    const int n = PQnparams(described);
    if (n != statement->params_n) {
        db_error_keep(db, "another number of parameters than the statement declares");
        return ERR_INTERNAL;
    }
    if (out->types == NULL) {
        out->types = arena_new(arena, Oid, (size_t)n);
    }
    for (int i = 0; i < n; i++) {
        out->types[i] = PQparamtype(described, i);
    }
    out->is_prepared = true;
    return ERR_OK;
}

static enum err prepare_one(struct db *db, int index, const struct db_statement *statement,
                            struct pg_statement *out)
{
    char room[STATEMENT_NAME_BYTES];
    const char *name = statement_name(index, room);
    try(result_check(db, PQprepare(db->pg, name, statement->text[DB_POSTGRES], 0, NULL),
                     statement->name));
    PGresult *described = PQdescribePrepared(db->pg, name);
    const enum err err =
        PQresultStatus(described) == PGRES_COMMAND_OK
            ? types_keep(db, statement, described, index < 0 ? &db->scratch : &db->own, out)
            : pg_failed(db, described, statement->name);
    PQclear(described);
    return err;
}

/* Reads the answers to one prepare and one describe out of the pipeline. */
static enum err pipeline_read(struct db *db, int index)
{
    const struct db_statement *statement = &db->config.queries->list[index];
    enum err err = ERR_OK;
    for (int step = 0; step < 2; step++) {
        PGresult *result = PQgetResult(db->pg);
        if (PQresultStatus(result) == PGRES_PIPELINE_ABORTED) {
            err = err == ERR_OK ? ERR_DATABASE : err; // a statement before this one has said why
        } else if (PQresultStatus(result) != PGRES_COMMAND_OK) {
            err = err == ERR_OK ? pg_failed(db, result, statement->name) : err;
        } else if (step == 1) {
            err = types_keep(db, statement, result, &db->own, &db->pg_statements[index]);
        }
        PQclear(result);
        (void)PQgetResult(db->pg); // the NULL between two answers
    }
    return err;
}

static enum err pipeline_chunk(struct db *db, int first, int end, int *failed_index)
{
    int sent = 0;
    for (int i = first; i < end; i++) {
        char room[STATEMENT_NAME_BYTES];
        const char *name = statement_name(i, room);
        const char *text = db->config.queries->list[i].text[DB_POSTGRES];
        if (db->pg_statements[i].is_prepared) {
            continue;
        }
        sent += PQsendPrepare(db->pg, name, text, 0, NULL) == 1 &&
                PQsendDescribePrepared(db->pg, name) == 1;
    }
    const bool is_synced = PQpipelineSync(db->pg) == 1;
    enum err err = is_synced ? ERR_OK : pg_failed(db, NULL, "prepare");
    for (int i = first; is_synced && i < end && sent > 0; i++) {
        if (db->pg_statements[i].is_prepared) {
            continue;
        }
        const enum err one = pipeline_read(db, i);
        sent--;
        if (one != ERR_OK && err == ERR_OK) {
            err = one;
            *failed_index = i;
        }
    }
    PQclear(PQgetResult(db->pg)); // the answer to the sync
    return err;
}

/* All statements in few round trips; in chunks, so that neither side waits for the other to read.
 */
static enum err pg_prepare(struct db *db, int *failed_index)
{
    ensure(!db->in_transaction);
    try(connection_ensure(db));
    if (PQenterPipelineMode(db->pg) != 1) {
        return pg_failed(db, NULL, "prepare");
    }
    enum err err = ERR_OK;
    const int n = (int)db->config.queries->n;
    for (int first = 0; err == ERR_OK && first < n; first += PREPARE_CHUNK) {
        err = pipeline_chunk(db, first, first + PREPARE_CHUNK < n ? first + PREPARE_CHUNK : n,
                             failed_index);
    }
    if (PQexitPipelineMode(db->pg) != 1 && err == ERR_OK) {
        err = pg_failed(db, NULL, "prepare");
    }
    return err;
}

/* ---- running ---- */

static int64_t changed_count(PGresult *result)
{
    // Rows are counted where there are any: on Citus the command tag of ON CONFLICT is not to be
    // trusted.
    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        return PQntuples(result);
    }
    int64_t n = 0;
    const struct str tag = str_c(PQcmdTuples(result));
    return str_int64(tag, &n) ? n : 0;
}

static enum err statement_send(struct db *db, struct db_call *call)
{
    struct pg_statement once = {0};
    struct pg_statement *prepared = call->index >= 0 ? &db->pg_statements[call->index] : &once;
    if (!prepared->is_prepared) {
        try(prepare_one(db, call->index, call->statement, prepared));
    }
    struct pg_params params = {0};
    if (call->statement->kind == DB_EACH) {
        try(pg_params_arrays(db, call, prepared->types, &params));
    } else {
        try(pg_params_scalars(db, call, prepared->types, &params));
    }
    char room[STATEMENT_NAME_BYTES];
    PGresult *result = PQexecPrepared(db->pg, statement_name(call->index, room), call->cols_n,
                                      params.values, params.lengths, params.formats, 1);
    const ExecStatusType status = PQresultStatus(result);
    enum err err = ERR_OK;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        err = pg_failed(db, result, call->statement->name);
    } else {
        call->changed_n = changed_count(result);
        err = call->out != NULL ? pg_rows_read(db, call, result) : ERR_OK;
    }
    PQclear(result);
    return err;
}

static enum err pg_run(struct db *db, struct db_call *call)
{
    try(connection_ensure(db));
    const enum err err = statement_send(db, call);
    // A reader's statement outside a transaction can be repeated without harm: customers do not see
    // a restart of the database that happened while this connection was idle.
    const bool is_lost = err == ERR_DATABASE && PQstatus(db->pg) != CONNECTION_OK;
    if (is_lost && !db->in_transaction && db->config.role == DB_READER) {
        try(connection_ensure(db));
        return statement_send(db, call);
    }
    return err;
}

/* ---- transactions ---- */

static enum err pg_begin(struct db *db, enum db_access access)
{
    const char *text =
        access == DB_READ ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" : "BEGIN";
    try(connection_ensure(db));
    const enum err err = pg_script(db, text);
    if (err == ERR_DATABASE && PQstatus(db->pg) != CONNECTION_OK) {
        try(connection_ensure(db)); // nothing was done yet: once more
        return pg_script(db, text);
    }
    return err;
}

static enum err pg_commit(struct db *db)
{
    PGresult *result = PQexec(db->pg, "COMMIT");
    // COMMIT of a transaction with an error in it is answered "ROLLBACK", and is no error for
    // libpq.
    const bool is_rolled_back =
        PQresultStatus(result) == PGRES_COMMAND_OK && strcmp(PQcmdStatus(result), "COMMIT") != 0;
    const enum err err = result_check(db, result, "COMMIT");
    if (err == ERR_OK && is_rolled_back) {
        db_error_keep(db, "the transaction had failed before its commit");
        return ERR_RETRY;
    }
    return err;
}

static void pg_rollback(struct db *db)
{
    if (PQstatus(db->pg) == CONNECTION_OK && PQtransactionStatus(db->pg) != PQTRANS_IDLE) {
        // When it fails the connection is lost, and the server rolls back.
        const enum err err = pg_script(db, "ROLLBACK");
        db->is_session_ready = err == ERR_OK;
    }
}

static enum err pg_checkpoint(struct db *db, enum db_checkpoint mode, int64_t *wal_pages_left)
{
    (void)db; // the server has a checkpointer of its own
    (void)mode;
    *wal_pages_left = 0;
    return ERR_OK;
}

static enum err pg_file_sync(struct db *db)
{
    (void)db; // the server's files are its own
    return ERR_OK;
}

static enum err pg_search(struct db *db, const struct str *needles, size_t needles_n, bool *found)
{
    (void)db; // the files are the server's
    (void)needles;
    (void)needles_n;
    *found = false;
    return ERR_OK;
}

static void pg_close(struct db *db)
{
    PQfinish(db->pg);
    db->pg = NULL;
}

static const struct db_backend PG_BACKEND = {
    .run = pg_run,
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .prepare = pg_prepare,
    .script = pg_script,
    .checkpoint = pg_checkpoint,
    .file_sync = pg_file_sync,
    .search = pg_search,
    .close = pg_close,
};

/* The URL is parsed first on its own, since libpq's message about a bad one quotes it, password
 * included. */
static bool url_is_sound(const char *url)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    PQconninfoFree(options);
    return options != NULL;
}

enum err pg_open(struct db *db, struct fail *f)
{
    const char *url = str_z(&db->own, db->config.url);
    if (!url_is_sound(url)) {
        return fail(f, ERR_CONFIG, "",
                    "The database's URL cannot be read: expected postgresql://USER@HOST/NAME");
    }
    // What stands before dbname can be overridden by the URL, what stands behind it cannot.
    const char *const names[] = {"connect_timeout",
                                 "keepalives_idle",
                                 "tcp_user_timeout",
                                 "dbname",
                                 "application_name",
                                 "client_encoding",
                                 NULL};
    const char *const values[] = {"10", "30", "30000", url, "loyald", "UTF8", NULL};
    const size_t n = db->config.queries == NULL ? 0 : db->config.queries->n;
    db->pg_statements = arena_new(&db->own, struct pg_statement, n);
    db->pg = PQconnectdbParams(names, values, 1);
    db->backend = &PG_BACKEND;
    enum err err = PQstatus(db->pg) == CONNECTION_OK ? ERR_OK : pg_failed(db, NULL, "connect");
    if (err == ERR_OK) {
        err = session_start(db);
    }
    if (err != ERR_OK) {
        return fail(f, ERR_DATABASE, "", "PostgreSQL cannot be used: %s", db->error_text);
    }
    return ERR_OK;
}
