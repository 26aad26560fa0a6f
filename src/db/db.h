/* The seam to databases: one connection to SQLite or PostgreSQL, named statements, values,
 * transactions. Knows no table. Nothing above this folder asks which database it is, but for SQL
 * made at run time.
 *
 * Statements come from sql/ by tools/sqlgen.awk as sets (struct db_queries): `QUERIES` with enum
 * query for the books, `KEY_QUERIES` for the key store. Every call names a statement by its number
 * in the set.
 *
 * Owns:    the connection and its prepared statements.
 * Threads: one thread at a time per struct db; give every thread its own. Only db_wal_pages() is
 *          for any thread.
 * Memory:  an arena of its own, sized by the largest batch; results are copied into the caller's
 *          arena.
 * Errors:  ERR_CONFLICT a UNIQUE or primary key says no ERR_RETRY roll back and run the transaction
 *          again (deadlock, serialization, stale snapshot) ERR_DATABASE not reachable, busy for too
 *          long, read-only: may be tried again later. After a failed commit the outcome is unknown
 *          on PostgreSQL; the natural keys tell. ERR_DISK_FULL nothing was changed; reads go on
 *          ERR_FSYNC it is not known what is on disk: answer nobody, stop the process ERR_INTEGRITY
 *          the file is damaged, or a value is not of the kind expected ERR_INTERNAL a CHECK, NOT
 *          NULL or type said no, or the statement is wrong: our mistake After any error inside a
 *          transaction call db_rollback(); until then everything else may fail.
 * Limits:  DB_PARAMS_MAX columns, DB_ROWS_MAX rows and DB_BATCH_BYTES_MAX bytes per call
 *          (ERR_TOO_LARGE).
 */
#ifndef LOYALD_DB_H
#define LOYALD_DB_H

#include "base/err.h"

enum { DB_PARAMS_MAX = 64, DB_ROWS_MAX = 65536, DB_BATCH_BYTES_MAX = 256 * 1024 * 1024 };

enum db_dialect { DB_SQLITE, DB_POSTGRES, DB_DIALECT_N };

/* ---- statements ---- */

enum db_kind {
    DB_ONE,  // at most one row, read by db_one()
    DB_MANY, // rows, read by db_query()
    DB_EXEC, // no rows wanted, run by db_exec()
    DB_EACH, // once for each row of parameters, by db_exec_rows() or db_query_rows()
};

/* One named statement, as sqlgen.awk writes it. */
struct db_statement {
    const char *name; // "member_state_read"
    enum db_kind kind;
    int params_n;       // columns of parameters
    const char *params; // their names in order, with a blank between, for messages and tests
    const char *text[DB_DIALECT_N]; // with ?1 … and $1 …
};

/* The statements of one schema. */
struct db_queries {
    const struct db_statement *list;
    size_t n;
};

/* ---- values ---- */

enum db_value_kind { DB_NULL, DB_INT, DB_TEXT, DB_BLOB };

struct db_value {
    enum db_value_kind kind;
    int64_t i;    // DB_INT
    struct str s; // DB_TEXT (UTF-8 without NUL), DB_BLOB
};

static inline struct db_value db_null(void)
{
    return (struct db_value){.kind = DB_NULL};
}

static inline struct db_value db_int(int64_t i)
{
    return (struct db_value){.kind = DB_INT, .i = i};
}

static inline struct db_value db_text(struct str s)
{
    return (struct db_value){.kind = DB_TEXT, .s = s};
}

static inline struct db_value db_blob(const void *bytes, size_t n)
{
    return (struct db_value){.kind = DB_BLOB, .s = {.p = bytes, .n = n}};
}

/* NULL when the condition for a value does not hold: db_int_or_null(at, at != AT_NEVER). */
static inline struct db_value db_int_or_null(int64_t i, bool is_there)
{
    return is_there ? db_int(i) : db_null();
}

/* Rows copied into the caller's arena. Booleans of PostgreSQL are 0 and 1, `void` is NULL, sums of
 * bigint (numeric) are integers. Floating point is refused: cast in SQL. */
struct db_result {
    size_t rows_n;
    size_t cols_n;
    struct db_value *values; // rows_n * cols_n, row by row
    bool is_bad;             // an accessor below met another kind than it expected: ERR_INTEGRITY
};

static inline const struct db_value *db_at(const struct db_result *result, size_t row, size_t col)
{
    ensure(row < result->rows_n && col < result->cols_n);
    return &result->values[row * result->cols_n + col];
}

static inline bool db_is_null(const struct db_result *result, size_t row, size_t col)
{
    return db_at(result, row, col)->kind == DB_NULL;
}

/* An integer; NULL and other kinds give 0 and set is_bad. Check is_bad once after reading
 * everything. */
static inline int64_t db_at_int(struct db_result *result, size_t row, size_t col)
{
    const struct db_value *value = db_at(result, row, col);
    result->is_bad = result->is_bad || value->kind != DB_INT;
    return value->kind == DB_INT ? value->i : 0;
}

/* An integer, or `otherwise` where it is NULL. */
static inline int64_t db_at_int_or(struct db_result *result, size_t row, size_t col,
                                   int64_t otherwise)
{
    return db_is_null(result, row, col) ? otherwise : db_at_int(result, row, col);
}

/* Text or blob; NULL gives an empty str (p == NULL). Zero-terminated after its length. */
static inline struct str db_at_str(struct db_result *result, size_t row, size_t col)
{
    const struct db_value *value = db_at(result, row, col);
    result->is_bad = result->is_bad || value->kind == DB_INT;
    return value->kind == DB_TEXT || value->kind == DB_BLOB ? value->s : (struct str){0};
}

/* ---- connections ---- */

enum db_role {
    DB_WRITER,     // 64 MiB cache, full durability, waits 30 s for another writer; creates the file
                   // (mode 0600)
    DB_READER,     // 8 MiB cache, cannot write
    DB_MAINTAINER, // small cache, may write: checkpoints in a thread of their own, command line,
                   // key store
};

struct db_config {
    struct str url; // "postgresql://…" or "postgres://…", otherwise the path of an SQLite file
    enum db_role role;
    const struct db_queries *queries; // NULL when only db_migrate() will be called
    const char *vfs; // SQLite: a registered VFS instead of our own, for yardsticks; NULL
};

struct db;

/* Connects. ERR_DATABASE (f: why, without password), ERR_CONFIG when a file exists that is no
 * database. */
enum err db_open(const struct db_config *config, struct fail *f, struct db **out) MUST_USE;

/* Releases the connection; an open transaction is rolled back. NULL is allowed. */
void db_close(struct db *db);

/* Prepares every statement of the set, so that a wrong one is found at start and not by a customer.
 * Without it statements are prepared at first use. ERR_CONFIG names the statement. Call after
 * migrating. */
enum err db_prepare(struct db *db, struct fail *f) MUST_USE;

enum db_dialect db_dialect(const struct db *db);

/* What the database said about the last error, for the operator's eyes at start-up; never for a
 * client, never for the log (it may quote data). */
const char *db_error_text(const struct db *db);

/* ---- transactions ---- */

enum db_access {
    DB_READ,  // one snapshot for several reads
    DB_WRITE, // SQLite: BEGIN IMMEDIATE, one writer at a time; PostgreSQL: READ COMMITTED
    // As DB_WRITE, for bookings, which delete no key and nothing in clear about a person: elsewhere
    // SQLite overwrites with zeros what was deleted.
    DB_WRITE_OVER,
};

/* A lost PostgreSQL connection is opened again here (and by statements outside a transaction). */
enum err db_begin(struct db *db, enum db_access access) MUST_USE;

/* ERR_OK: durable, but for db_commit_early(). Any error: roll back; nothing is applied (PostgreSQL,
 * ERR_DATABASE: unknown). */
enum err db_commit(struct db *db) MUST_USE;

/* From now on this connection's commits return when other connections see them, before the disk has
 * them: nobody may be told of one, or of what was read after it, until a db_log_sync() that began
 * later has returned. SQLite only, and only where the device spares the bytes before an interrupted
 * write; elsewhere commits stay durable. */
void db_commit_early(struct db *db);

/* Commits that this connection has begun, and those of them that have returned, whatever became of
 * them. Any thread. What a reader has seen before it asks is of the begun ones; a db_log_sync()
 * puts on disk those that had returned before it began. */
int64_t db_commits_begun(const struct db *db);
int64_t db_commits_done(const struct db *db);

/* Syncs the log: what was committed before the call, by any connection, is on disk after it.
 * ERR_FSYNC as for a commit. Not inside a transaction. Nothing to do on PostgreSQL. */
enum err db_log_sync(struct db *db) MUST_USE;

/* Never fails: a connection that cannot roll back is given up, which rolls back. Harmless outside a
 * transaction. */
void db_rollback(struct db *db);

bool db_in_transaction(const struct db *db);

/* A number that is another one once any other connection has changed the database, of whatever
 * process: while it stays, what this connection has read is as it was, but for its own changes. In
 * a write transaction it stays. SQLite only. */
enum err db_others_version(struct db *db, int64_t *out) MUST_USE;

/* ---- one row of parameters ---- */

/* Runs a DB_EXEC statement. changed_n: rows inserted, updated or deleted, or returned where it has
 * RETURNING; may be NULL. */
enum err db_exec(struct db *db, int query, const struct db_value *params, int params_n,
                 int64_t *changed_n) MUST_USE;

/* Reads at most one row of a DB_ONE statement: *out->rows_n is 0 or 1. */
enum err db_one(struct db *db, struct arena *arena, int query, const struct db_value *params,
                int params_n, struct db_result *out) MUST_USE;

/* Reads all rows of a DB_MANY (or DB_ONE) statement. */
enum err db_query(struct db *db, struct arena *arena, int query, const struct db_value *params,
                  int params_n, struct db_result *out) MUST_USE;

/* Reads with SQL made at run time (segments, bookkeeping of db/): placeholders ?1 … or $1 … by
 * dialect. The text is made by our code alone, values travel as parameters: no injection. */
enum err db_query_text(struct db *db, struct arena *arena, struct str sql,
                       const struct db_value *params, int params_n, struct db_result *out) MUST_USE;

/* ---- many rows of parameters: SQLite loops, PostgreSQL sends one statement with arrays ---- */

/* Runs a DB_EACH statement for rows_n rows of cols_n values, row by row in `rows`. In a column,
 * kinds may be mixed with NULL only. changed_n as in db_exec(), summed; may be NULL. rows_n == 0
 * does nothing. Only inside db_begin(db, DB_WRITE): SQLite's loop would leave the rows before a
 * failure otherwise. */
enum err db_exec_rows(struct db *db, int query, const struct db_value *rows, size_t rows_n,
                      int cols_n, int64_t *changed_n) MUST_USE;

/* Reads with a DB_EACH statement: the rows for all keys in one result, in no order to rely on. */
enum err db_query_rows(struct db *db, struct arena *arena, int query, const struct db_value *keys,
                       size_t keys_n, int cols_n, struct db_result *out) MUST_USE;

/* ---- care of the file (SQLite; on PostgreSQL these do nothing and count 0) ---- */

enum db_checkpoint {
    DB_CHECKPOINT_PASSIVE, // what can be done without waiting
    DB_CHECKPOINT_RESTART, // waits up to 1 s for readers; then the next commit begins the WAL anew
    DB_CHECKPOINT_TRUNCATE // the same, and the WAL file is empty; others read all their pages again
};

/* Moves pages from the WAL into the file. *wal_pages_left (may be NULL) is what stays in the WAL; a
 * RESTART or TRUNCATE that readers held up is ERR_OK with pages left. Not inside a transaction. */
enum err db_checkpoint(struct db *db, enum db_checkpoint mode, int64_t *wal_pages_left) MUST_USE;

/* Writes back and syncs what checkpoints have moved into the file so far, without any lock. A
 * checkpoint that ends the log syncs by itself; this leaves it little to do. ERR_FSYNC as for a
 * commit. */
enum err db_file_sync(struct db *db) MUST_USE;

/* This process reads databases from end to end (a check of all there is): files that it opens from
 * now on are read ahead by the system, which is told not to otherwise. Any thread, at start. */
void db_files_read_ahead(void);

/* Looks for any of the byte strings in the database file and its WAL as they are on disk; all are 4
 * bytes or longer. Through SQLite's own handles: opening the file beside SQLite would drop its
 * locks when closed. Not inside a transaction. On PostgreSQL *found is false: its files are not
 * ours to read. */
enum err db_file_search(struct db *db, const struct str *needles, size_t needles_n,
                        bool *found) MUST_USE;

/* Pages in the WAL after this connection's last commit. Any thread. */
int64_t db_wal_pages(const struct db *db);

/* Tells the writer that another connection has emptied the WAL (the next commit tells anyway). Any
 * thread. */
void db_wal_pages_set(struct db *db, int64_t pages);

/* Dirty pages written by this connection since it was opened: the cost that limits events. */
int64_t db_pages_written(const struct db *db);

/* ---- processes ---- */

/* Takes a number 0..63 that no other process of this database has while the connection lives: for
 * ids. SQLite: 0. ERR_BUSY when all are taken. After a lost connection another number may be held:
 * ask db_slot() after every db_begin(). */
enum err db_slot_take(struct db *db, int *slot) MUST_USE;
int db_slot(const struct db *db);

/* ---- migrations ---- */

struct db_migration_report {
    int64_t version;  // of the schema now
    int64_t newest;   // known to this binary
    size_t applied_n; // migrations applied by this call
};

/* Called in the transaction of each migration, after it; an error takes the migration back. */
struct db_migration_hook {
    void *self;
    enum err (*applied)(void *self, struct db *db, struct arena *arena, int64_t version);
};

/* Brings the schema up to the newest of the assets "<dir>NNNN_name.sql" (dir e.g.
 * "sql/migrations/"), each in a transaction of its own with its line in schema_migration; safe to
 * kill and run again, safe in two processes at once. In a file, lines after "-- sqlite:" or "--
 * postgres:" are for one database, after
 * "-- both:" (and before any mark) for both. now_ms is written as applied_at. `hook` may be NULL.
 * ERR_CONFIG: the schema is newer than this binary, or an applied migration was changed. */
enum err db_migrate(struct db *db, const char *dir, int64_t now_ms,
                    const struct db_migration_hook *hook, struct fail *f,
                    struct db_migration_report *out) MUST_USE;

/* Changes nothing: ERR_CONFIG when migrations are missing ("run loyald migrate"), or as above. */
enum err db_schema_check(struct db *db, const char *dir, struct fail *f,
                         struct db_migration_report *out) MUST_USE;

#endif
