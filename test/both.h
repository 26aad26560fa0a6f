/* Tests that hold on both databases: every test gets an empty SQLite file, then an empty PostgreSQL
 * schema.
 *
 *     static void a_row_comes_back(void **state)
 *     {
 *         struct both *both = *state;
 *         struct db *db = both_open(both, DB_WRITER, &QUERIES);
 *     …
 *     const struct CMUnitTest tests[] = {BOTH(a_row_comes_back)};
 *
 * Run by `make store-tests`, which starts a private PostgreSQL (test/pg.sh) and names it in
 * LOYALD_TEST_PG.
 *
 * Owns:    a directory or a schema, and the connections opened by both_open(); released after each
 *          test.
 * Threads: main thread only.
 * Memory:  both->arena, released after each test.
 * Errors:  a test fails.
 * Limits:  BOTH_CONNECTIONS_MAX connections in one test.
 */
#ifndef LOYALD_TEST_BOTH_H
#define LOYALD_TEST_BOTH_H

#include "base/base.h"

#include "db/db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { BOTH_CONNECTIONS_MAX = 16 };

struct both {
    enum db_dialect dialect;
    struct arena arena;
    struct fail fail;
    char dir[64];    // a directory of its own, on both databases; no slash at the end
    char schema[64]; // PostgreSQL only
    struct str url;
    struct db *open[BOTH_CONNECTIONS_MAX];
    size_t open_n;
};

#define BOTH(test)                                                                                 \
    {#test " (sqlite)", test, both_setup_sqlite, both_teardown, NULL}, /* the same test, twice */  \
    {                                                                                              \
#test " (postgresql)", test, both_setup_postgres, both_teardown, NULL                      \
    }
#define ONLY_SQLITE(test)                                                                          \
    {                                                                                              \
#test " (sqlite)", test, both_setup_sqlite, both_teardown, NULL                            \
    }
#define ONLY_POSTGRES(test)                                                                        \
    {                                                                                              \
#test " (postgresql)", test, both_setup_postgres, both_teardown, NULL                      \
    }

#define assert_ok(expression) assert_string_equal(err_code(expression), "ok")
#define assert_err(expression, expected)                                                           \
    assert_string_equal(err_code(expression), err_code(expected))

/* A connection by any URL, closed after the test. */
static inline struct db *both_open_url(struct both *both, struct str url, enum db_role role,
                                       const struct db_queries *queries)
{
    struct db *db = NULL;
    const struct db_config config = {.url = url, .role = role, .queries = queries};
    const enum err err = db_open(&config, &both->fail, &db);
    if (err != ERR_OK) {
        print_error("%.*s\n", STR_ARG(both->fail.items[0].detail));
    }
    assert_ok(err);
    assert_true(both->open_n < BOTH_CONNECTIONS_MAX);
    both->open[both->open_n++] = db;
    return db;
}

/* A connection to the test's own database, closed after the test. */
static inline struct db *both_open(struct both *both, enum db_role role,
                                   const struct db_queries *queries)
{
    return both_open_url(both, both->url, role, queries);
}

/* Closes it before the end of the test. */
static inline void both_close(struct both *both, struct db *db)
{
    for (size_t i = 0; i < both->open_n; i++) {
        if (both->open[i] == db) {
            both->open[i] = NULL;
        }
    }
    db_close(db);
}

/* Runs one SQL text made by the test, e.g. CREATE TABLE. */
static inline void both_run(struct both *both, struct db *db, const char *sql)
{
    struct db_result ignored;
    const enum err err = db_query_text(db, &both->arena, str_c(sql), NULL, 0, &ignored);
    if (err != ERR_OK) {
        print_error("%s: %s\n", sql, db_error_text(db));
    }
    assert_ok(err);
}

/* Makes the database's tables with the product's own migrations. */
static inline void both_migrate(struct both *both, struct db *db, const char *dir)
{
    struct db_migration_report report;
    const enum err err = db_migrate(db, dir, 1700000000000, NULL, &both->fail, &report);
    if (err != ERR_OK) {
        print_error("%.*s\n", STR_ARG(both->fail.items[0].detail));
    }
    assert_ok(err);
}

static inline struct both *both_new(enum db_dialect dialect)
{
    static int count = 0;
    struct both *both = calloc(1, sizeof *both);
    assert_non_null(both);
    both->dialect = dialect;
    arena_open(&both->arena, (size_t)1024 * 1024 * 1024);
    both->fail.arena = &both->arena;
    (void)snprintf(both->dir, sizeof both->dir, "build/tmp-XXXXXX");
    assert_non_null(mkdtemp(both->dir));
    (void)snprintf(both->schema, sizeof both->schema, "t_%d_%d", (int)getpid(), ++count);
    return both;
}

static inline int both_setup_sqlite(void **state)
{
    struct both *both = both_new(DB_SQLITE);
    both->url = str_fmt(&both->arena, "%s/loyald.db", both->dir);
    *state = both;
    return 0;
}

/* Runs SQL outside the test's schema. */
static inline void both_admin(struct both *both, const char *sql)
{
    struct db *admin = NULL;
    const struct db_config config = {.url = str_c(getenv("LOYALD_TEST_PG")), .role = DB_WRITER};
    assert_ok(db_open(&config, &both->fail, &admin));
    both_run(both, admin, sql);
    db_close(admin);
}

static inline int both_setup_postgres(void **state)
{
    const char *url = getenv("LOYALD_TEST_PG");
    if (url == NULL) {
        print_error("LOYALD_TEST_PG is not set: run these tests by `make store-tests`\n");
        return -1;
    }
    struct both *both = both_new(DB_POSTGRES);
    both->url = str_fmt(&both->arena, "%s?options=-csearch_path%%3D%s", url, both->schema);
    both_admin(both, str_fmt(&both->arena, "CREATE SCHEMA %s", both->schema).p);
    *state = both;
    return 0;
}

/* Removes a directory and everything in it. */
static inline void both_remove(char *dir)
{
    FTS *walk = fts_open((char *[]){dir, NULL}, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    assert_non_null(walk);
    FTSENT *entry = NULL;
    while ((entry = fts_read(walk)) != NULL) {
        if (entry->fts_info != FTS_D) { // a directory comes again after its content
            (void)remove(entry->fts_accpath);
        }
    }
    (void)fts_close(walk);
}

static inline int both_teardown(void **state)
{
    struct both *both = *state;
    for (size_t i = 0; i < both->open_n; i++) {
        db_close(both->open[i]);
    }
    if (both->dialect == DB_POSTGRES) {
        both_admin(both, str_fmt(&both->arena, "DROP SCHEMA %s CASCADE", both->schema).p);
    }
    both_remove(both->dir);
    arena_close(&both->arena);
    free(both);
    return 0;
}

#endif
