/* What the files of db/ share: the connection and the functions each database provides.
 *
 * Owns:    see db.h.
 * Threads: see db.h.
 * Memory:  see db.h.
 * Errors:  see db.h.
 * Limits:  see db.h.
 */
#ifndef LOYALD_DB_INTERNAL_H
#define LOYALD_DB_INTERNAL_H

#include "db/db.h"

#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdatomic.h>

enum { DB_ERROR_TEXT_BYTES = 512, DB_STATEMENT_ONCE = -1 };

/* Class of the two-int advisory locks of db/ ("loya"); the one-bigint form belongs to members. */
#define DB_LOCK_CLASS ((int64_t)0x6C6F7961)

/* One call of a statement: `rows` of parameters in, rows and a count out. */
struct db_call {
    const struct db_statement *statement;
    int index;                   // in the set, or DB_STATEMENT_ONCE
    const struct db_value *rows; // rows_n * cols_n
    size_t rows_n;
    int cols_n;
    struct arena *arena;   // NULL when no rows are wanted
    struct db_result *out; // NULL likewise
    int64_t changed_n;     // rows changed, or returned
};

struct db_backend {
    enum err (*run)(struct db *db, struct db_call *call);
    enum err (*begin)(struct db *db, enum db_access access);
    enum err (*commit)(struct db *db);
    void (*rollback)(struct db *db);
    enum err (*others_version)(struct db *db, int64_t *out); // NULL: there is none
    enum err (*prepare)(struct db *db, int *failed_index);   // all statements
    enum err (*script)(struct db *db, const char *sql);      // several statements, zero-terminated
    enum err (*checkpoint)(struct db *db, enum db_checkpoint mode, int64_t *wal_pages_left);
    enum err (*file_sync)(struct db *db);
    enum err (*log_sync)(struct db *db);
    enum err (*search)(struct db *db, const struct str *needles, size_t needles_n, bool *found);
    void (*close)(struct db *db);
};

struct pg_statement {
    bool is_prepared;
    Oid *types; // of the parameters; NULL before the first preparation
};

struct db {
    struct arena own;     // holds this very struct
    struct arena scratch; // parameters and rows of one call
    struct db_config config;
    const struct db_backend *backend;
    enum db_dialect dialect;
    bool in_transaction;
    int depth; // calls running: 1, or 2 while a lost connection is set up again
    int slot;  // 0..63, or -1 before db_slot_take()
    char error_text[DB_ERROR_TEXT_BYTES];
    _Atomic int64_t wal_pages;
    _Atomic int64_t commits_begun;
    _Atomic int64_t commits_done;
    bool commits_early; // SQLite
    bool leaves_bytes;  // SQLite: of deleted rows, as the last transaction asked for

    sqlite3 *sqlite;
    int sqlite_fd; // SQLite's own of the database file, or 0: to write back, never to close
    sqlite3_stmt **sqlite_statements; // NULL until prepared; one for each of the set, then those of
                                      // transactions

    PGconn *pg;
    bool is_session_ready; // its settings are made and its slot is taken
    struct pg_statement *pg_statements;
};

/* db_sqlite_vfs.c: the name of our VFS, NULL when it could not be registered. Needs
 * synchronous=FULL. */
const char *sqlite_vfs_name(void);

/* What SQLite opened last for this thread as a database file, 0 where it took one that it had. */
int sqlite_opened_fd(void);

/* Between the two calls pages that this thread writes to that file are written back piece by piece
 * while the next ones come. The end says false where the system told of pages that it could not
 * write. */
void sqlite_moving_begin(int fd);
bool sqlite_moving_end(void) MUST_USE;

/* db_files_read_ahead(). */
void sqlite_files_read_ahead(void);

/* Between the two calls the connection's log does not sync what it is asked to, unless the log has
 * begun anew: what counts then must be on disk before what follows. Does nothing where nothing is
 * gathered. */
void sqlite_log_hold(sqlite3 *sqlite, bool holds);

/* db_sqlite_search.c */
enum err sqlite_search(struct db *db, const struct str *needles, size_t needles_n,
                       bool *found) MUST_USE;

enum err sqlite_open(struct db *db, struct fail *f) MUST_USE;
enum err pg_open(struct db *db, struct fail *f) MUST_USE;

/* Takes slots again after a lost connection; pg only. */
enum err db_slot_retake(struct db *db) MUST_USE;

/* Runs a statement of db/'s own set. */
enum err db_own(struct db *db, struct arena *arena, int query, const struct db_value *params,
                int params_n, struct db_result *out) MUST_USE;

/* Keeps what the database said. */
void db_error_keep(struct db *db, const char *text);

/* Rows gathered in the scratch arena and moved to the caller's at the end. */
struct db_rows {
    struct db_value *values;
    size_t n;
    size_t room;
};

static inline void db_rows_add(struct db *db, struct db_rows *rows, struct db_value value)
{
    arena_room(&db->scratch, rows->values, rows->n, rows->room);
    rows->values[rows->n++] = value;
}

/* Fills *call->out. */
void db_rows_finish(struct db_call *call, const struct db_rows *rows, size_t cols_n);

#endif
