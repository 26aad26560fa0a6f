/* What db.h promises, on both databases. */
#include "base/base.h"

#include "both.h"
#include "test_queries.h"

static struct db *open_with_table(struct both *both)
{
    struct db *db = both_open(both, DB_WRITER, &TEST_QUERIES);
    both_run(both, db,
             both->dialect == DB_SQLITE
                 ? "CREATE TABLE thing (member_id INTEGER PRIMARY KEY, version INTEGER NOT NULL,"
                   " small INTEGER CHECK (small >= 0), name TEXT, body BLOB) STRICT"
                 : "CREATE TABLE thing (member_id bigint PRIMARY KEY, version bigint NOT NULL,"
                   " small int CHECK (small >= 0), name text, body bytea)");
    return db;
}

static enum err thing_insert(struct db *db, int64_t id, const char *name)
{
    const struct db_value params[] = {db_int(id), db_int(1), db_int(7), db_text(str_c(name)),
                                      db_null()};
    return db_exec(db, TQ_THING_INSERT, params, 5, NULL);
}

static struct db_result thing_read(struct both *both, struct db *db, int64_t id)
{
    struct db_result row = {0};
    assert_ok(db_one(db, &both->arena, TQ_THING_READ, (struct db_value[]){db_int(id)}, 1, &row));
    return row;
}

static int64_t things_count(struct both *both, struct db *db)
{
    struct db_result row = {0};
    assert_ok(db_one(db, &both->arena, TQ_THING_SUM, NULL, 0, &row));
    return db_at_int(&row, 0, 2);
}

static void values_come_back_as_they_went_in(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    static const char BYTES[] = {0, 1, '\'', '"', '\\', (char)0xFF, 0};
    const struct db_value params[] = {db_int(INT64_MIN), db_int(INT64_MAX), db_int(INT32_MAX),
                                      db_text(STR("L\xC3\xB6yal '; --\n")),
                                      db_blob(BYTES, sizeof BYTES)};
    int64_t changed_n = 0;

    assert_ok(db_exec(db, TQ_THING_INSERT, params, 5, &changed_n));

    assert_int_equal(changed_n, 1);
    struct db_result row = thing_read(both, db, INT64_MIN);
    assert_int_equal(row.rows_n, 1);
    assert_int_equal(row.cols_n, 5);
    assert_true(db_at_int(&row, 0, 0) == INT64_MIN);
    assert_true(db_at_int(&row, 0, 1) == INT64_MAX);
    assert_int_equal(db_at_int(&row, 0, 2), INT32_MAX);
    assert_true(str_eq(db_at_str(&row, 0, 3), STR("L\xC3\xB6yal '; --\n")));
    assert_int_equal(db_at(&row, 0, 3)->kind, DB_TEXT);
    assert_int_equal(db_at(&row, 0, 4)->kind, DB_BLOB);
    assert_true(str_eq(db_at_str(&row, 0, 4), (struct str){.p = BYTES, .n = sizeof BYTES}));
    assert_false(row.is_bad);
}

static void null_and_empty_are_told_apart(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    const struct db_value nulls[] = {db_int(1), db_int(1), db_null(), db_null(), db_null()};
    const struct db_value empties[] = {db_int(2), db_int(1), db_int(0), db_text((struct str){0}),
                                       db_blob(NULL, 0)};

    assert_ok(db_exec(db, TQ_THING_INSERT, nulls, 5, NULL));
    assert_ok(db_exec(db, TQ_THING_INSERT, empties, 5, NULL));

    struct db_result first = thing_read(both, db, 1);
    struct db_result second = thing_read(both, db, 2);
    for (size_t col = 2; col < 5; col++) {
        assert_true(db_is_null(&first, 0, col));
        assert_false(db_is_null(&second, 0, col));
    }
    assert_int_equal(db_at_int_or(&first, 0, 2, 42), 42);
    assert_int_equal(db_at_str(&second, 0, 3).n, 0);
}

static void a_value_of_another_kind_is_noticed(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    assert_ok(thing_insert(db, 1, "a"));
    struct db_result row = thing_read(both, db, 1);

    assert_int_equal(db_at_int(&row, 0, 3), 0);

    assert_true(row.is_bad);
}

static void no_row_is_no_error(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    struct db_result row = thing_read(both, db, 99);
    assert_int_equal(row.rows_n, 0);
    int64_t changed_n = -1;
    assert_ok(db_exec(db, TQ_THING_DELETE, (struct db_value[]){db_int(99)}, 1, &changed_n));
    assert_int_equal(changed_n, 0);
}

static void a_list_comes_in_order_with_all_its_rows(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    for (int64_t id = 1; id <= 50; id++) {
        assert_ok(thing_insert(db, 51 - id, "x"));
    }
    struct db_result rows = {0};

    assert_ok(db_query(db, &both->arena, TQ_THING_LIST, (struct db_value[]){db_int(10), db_int(30)},
                       2, &rows));

    assert_int_equal(rows.rows_n, 30);
    for (size_t i = 0; i < rows.rows_n; i++) {
        assert_int_equal(db_at_int(&rows, i, 0), 11 + (int64_t)i);
    }
}

static void a_sum_is_an_integer(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    struct db_result row = {0};
    assert_ok(db_one(db, &both->arena, TQ_THING_SUM, NULL, 0, &row));
    assert_true(db_is_null(&row, 0, 0));
    const int64_t versions[] = {4611686018427387904, 4611686018427387903, -10000, 9999, 1};
    for (size_t i = 0; i < ARRAY_N(versions); i++) {
        const struct db_value params[] = {db_int((int64_t)i), db_int(versions[i]), db_null(),
                                          db_null(), db_null()};
        assert_ok(db_exec(db, TQ_THING_INSERT, params, 5, NULL));
    }

    assert_ok(db_one(db, &both->arena, TQ_THING_SUM, NULL, 0, &row));

    assert_true(db_at_int(&row, 0, 0) == INT64_MAX);
    assert_true(str_eq(db_at_str(&row, 0, 1), STR(":not_a_parameter")));
    assert_int_equal(db_at_int(&row, 0, 2), 5);
}

static void integers_of_every_size_are_read(void **state)
{
    struct both *both = *state;
    struct db *db = both_open(both, DB_WRITER, NULL);
    static const int64_t CASES[] = {
        0,     1,         -1,        9999,          10000,     -10000,    123456789, 100000000,
        65536, INT32_MIN, INT32_MAX, INT64_MIN + 1, INT64_MAX, INT64_MIN, -99999999};
    for (size_t i = 0; i < ARRAY_N(CASES); i++) {
        struct db_result row = {0};
        const char *sql =
            both->dialect == DB_SQLITE ? "SELECT CAST(?1 AS INTEGER)" : "SELECT $1::numeric";
        const struct db_value params[] = {db_int(CASES[i])};
        assert_ok(db_query_text(db, &both->arena, str_c(sql), params, 1, &row));
        assert_true(db_at_int(&row, 0, 0) == CASES[i]);
        assert_false(row.is_bad);
    }
}

static void floating_point_is_refused(void **state)
{
    struct both *both = *state;
    struct db *db = both_open(both, DB_WRITER, NULL);
    struct db_result row = {0};
    const char *sql = both->dialect == DB_SQLITE ? "SELECT 0.5" : "SELECT 0.5::float8";
    assert_err(db_query_text(db, &both->arena, str_c(sql), NULL, 0, &row), ERR_INTERNAL);
}

static void a_taken_key_is_a_conflict(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    assert_ok(thing_insert(db, 1, "a"));
    assert_err(thing_insert(db, 1, "b"), ERR_CONFLICT);
    assert_ok(thing_insert(db, 2, "c"));
    struct db_result row = thing_read(both, db, 1);
    assert_true(str_eq(db_at_str(&row, 0, 3), STR("a")));
}

static void a_refused_check_is_our_mistake(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    assert_ok(thing_insert(db, 1, "a"));
    assert_err(db_exec(db, TQ_THING_BROKEN, (struct db_value[]){db_int(1)}, 1, NULL), ERR_INTERNAL);
    struct db_result row = thing_read(both, db, 1);
    assert_int_equal(db_at_int(&row, 0, 2), 7);
}

static void rolling_back_leaves_nothing(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    assert_ok(db_begin(db, DB_WRITE));
    assert_true(db_in_transaction(db));
    assert_ok(thing_insert(db, 1, "a"));
    db_rollback(db);
    db_rollback(db); // harmless
    assert_false(db_in_transaction(db));
    assert_int_equal(things_count(both, db), 0);

    assert_ok(db_begin(db, DB_WRITE));
    assert_ok(thing_insert(db, 1, "a"));
    assert_err(thing_insert(db, 1, "b"), ERR_CONFLICT);
    db_rollback(db);
    assert_int_equal(things_count(both, db), 0);
}

static void a_commit_is_seen_by_others_and_nothing_before(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    struct db *reader = both_open(both, DB_READER, &TEST_QUERIES);
    assert_ok(db_begin(db, DB_WRITE));
    assert_ok(thing_insert(db, 1, "a"));
    assert_int_equal(things_count(both, reader), 0);
    assert_ok(db_commit(db));
    assert_int_equal(things_count(both, reader), 1);
}

static void a_read_transaction_sees_one_snapshot(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    struct db *reader = both_open(both, DB_READER, &TEST_QUERIES);
    assert_ok(db_begin(reader, DB_READ));
    assert_int_equal(things_count(both, reader), 0);
    assert_ok(thing_insert(db, 1, "a"));
    assert_int_equal(things_count(both, reader), 0);
    assert_ok(db_commit(reader));
    assert_int_equal(things_count(both, reader), 1);
}

static void a_reader_cannot_write(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    struct db *reader = both_open(both, DB_READER, &TEST_QUERIES);
    assert_err(thing_insert(reader, 1, "a"), ERR_DATABASE);
    assert_int_equal(things_count(both, db), 0);
}

/* n rows: ids from first on, NULL names and bodies in every third row. */
static struct db_value *rows_make(struct both *both, int64_t first, size_t n)
{
    struct db_value *rows = arena_new(&both->arena, struct db_value, n * 5);
    for (size_t i = 0; i < n; i++) {
        struct db_value *row = &rows[i * 5];
        const bool has_null = i % 3 == 0;
        row[0] = db_int(first + (int64_t)i);
        row[1] = db_int((int64_t)i * 1000000007);
        row[2] = has_null ? db_null() : db_int((int64_t)i);
        row[3] = has_null ? db_null() : db_text(str_fmt(&both->arena, "name %zu", i));
        row[4] = has_null ? db_null() : db_blob(str_fmt(&both->arena, "\xFF%zu", i).p, i % 4);
    }
    return rows;
}

static void a_thousand_rows_go_in_and_come_out(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    struct db_value *rows = rows_make(both, 1, 1000);
    int64_t changed_n = 0;

    assert_ok(db_begin(db, DB_WRITE));
    assert_ok(db_exec_rows(db, TQ_THINGS_INSERT, rows, 1000, 5, &changed_n));
    assert_ok(db_commit(db));

    assert_int_equal(changed_n, 1000);
    struct db_value keys[1002];
    for (size_t i = 0; i < 1002; i++) {
        keys[i] = db_int((int64_t)i); // 0 and 1001 do not exist
    }
    struct db_result out = {0};
    assert_ok(db_query_rows(db, &both->arena, TQ_THINGS_READ, keys, 1002, 1, &out));
    assert_int_equal(out.rows_n, 1000);
    bool seen[1001] = {false};
    for (size_t i = 0; i < out.rows_n; i++) {
        const int64_t id = db_at_int(&out, i, 0);
        const struct db_value *sent = &rows[(id - 1) * 5];
        assert_true(id >= 1 && id <= 1000 && !seen[id]);
        seen[id] = true;
        for (size_t col = 0; col < 5; col++) {
            const struct db_value *got = db_at(&out, i, col);
            assert_int_equal(got->kind, sent[col].kind);
            assert_true(got->i == sent[col].i);
            assert_true(str_eq(got->s, sent[col].s));
        }
    }
    assert_false(out.is_bad);
}

static void rows_that_are_there_already_are_not_counted(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    int64_t changed_n = 0;
    assert_ok(db_begin(db, DB_WRITE));
    assert_ok(db_exec_rows(db, TQ_THINGS_INSERT, rows_make(both, 1, 10), 10, 5, NULL));
    assert_ok(db_exec_rows(db, TQ_THINGS_INSERT, rows_make(both, 6, 10), 10, 5, &changed_n));
    assert_int_equal(changed_n, 5);
    assert_ok(db_exec_rows(db, TQ_THINGS_INSERT, NULL, 0, 5, &changed_n));
    assert_int_equal(changed_n, 0);
    assert_ok(db_commit(db));
    assert_int_equal(things_count(both, db), 15);
}

static void many_updates_touch_only_the_versions_that_were_read(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    for (int64_t id = 1; id <= 3; id++) {
        assert_ok(thing_insert(db, id, "old"));
    }
    const struct db_value rows[] = {
        db_int(1),           db_int(1), db_text(STR("new")), db_int(2), db_int(99),
        db_text(STR("new")), db_int(3), db_int(1),           db_null(),
    };
    int64_t changed_n = 0;
    assert_ok(db_begin(db, DB_WRITE));
    assert_ok(db_exec_rows(db, TQ_THINGS_UPDATE, rows, 3, 3, &changed_n));
    assert_ok(db_commit(db));

    assert_int_equal(changed_n, 2);
    struct db_result second = thing_read(both, db, 2);
    struct db_result third = thing_read(both, db, 3);
    assert_true(str_eq(db_at_str(&second, 0, 3), STR("old")));
    assert_int_equal(db_at_int(&second, 0, 1), 1);
    assert_true(db_is_null(&third, 0, 3));
    assert_int_equal(db_at_int(&third, 0, 1), 2);
}

static void columns_of_nothing_but_null_are_sent(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    const struct db_value rows[] = {db_int(1), db_int(1), db_null(), db_null(), db_null(),
                                    db_int(2), db_int(1), db_null(), db_null(), db_null()};
    int64_t changed_n = 0;
    assert_ok(db_begin(db, DB_WRITE));
    assert_ok(db_exec_rows(db, TQ_THINGS_INSERT, rows, 2, 5, &changed_n));
    assert_ok(db_commit(db));
    assert_int_equal(changed_n, 2);
}

static void a_batch_beyond_the_limit_is_refused_whole(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    const struct db_value *rows = rows_make(both, 1, 1);
    assert_ok(db_begin(db, DB_WRITE));
    assert_err(db_exec_rows(db, TQ_THINGS_INSERT, rows, DB_ROWS_MAX + 1, 5, NULL), ERR_TOO_LARGE);
    assert_ok(db_commit(db));
    assert_int_equal(things_count(both, db), 0);
}

static void every_statement_is_prepared_or_named(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    assert_ok(db_prepare(db, &both->fail));
    assert_ok(db_prepare(db, &both->fail)); // again
    assert_ok(thing_insert(db, 1, "a"));
    assert_int_equal(things_count(both, db), 1);

    both_run(both, db, "DROP TABLE thing");
    struct db *other = both_open(both, DB_WRITER, &TEST_QUERIES);
    assert_err(db_prepare(other, &both->fail), ERR_CONFIG);
    assert_non_null(strstr(both->fail.items[0].detail.p, "thing_insert"));
}

static void two_writers_wait_for_each_other(void **state)
{
    struct both *both = *state;
    struct db *first = open_with_table(both);
    struct db *second = both_open(both, DB_WRITER, &TEST_QUERIES);
    for (int64_t id = 0; id < 10; id++) {
        struct db *db = id % 2 ? first : second;
        assert_ok(db_begin(db, DB_WRITE));
        assert_ok(thing_insert(db, id, "a"));
        assert_ok(db_commit(db));
    }
    assert_int_equal(things_count(both, first), 10);
}

static void processes_get_numbers_of_their_own(void **state)
{
    struct both *both = *state;
    struct db *first = both_open(both, DB_WRITER, NULL);
    int slot = -1;
    assert_ok(db_slot_take(first, &slot));
    assert_int_equal(db_slot(first), slot);
    assert_in_range(slot, 0, 63);
    if (both->dialect == DB_SQLITE) {
        assert_int_equal(slot, 0);
        return;
    }
    struct db *second = both_open(both, DB_WRITER, NULL);
    int other = -1;
    assert_ok(db_slot_take(second, &other));
    assert_int_not_equal(slot, other);
    both_close(both, first);
    for (int tries = 0; tries < 1000 && other != slot;
         tries++) { // the server lets go a moment later
        struct db *next = both_open(both, DB_WRITER, NULL);
        assert_ok(db_slot_take(next, &other));
        both_close(both, next);
        both->open_n--;
    }
    assert_int_equal(other, slot);
}

static void the_wal_is_counted_and_emptied(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    struct db *checkpointer = both_open(both, DB_MAINTAINER, NULL);
    const int64_t written_before = db_pages_written(db);
    assert_ok(db_begin(db, DB_WRITE));
    assert_ok(db_exec_rows(db, TQ_THINGS_INSERT, rows_make(both, 1, 1000), 1000, 5, NULL));
    assert_ok(db_commit(db));
    assert_true(db_wal_pages(db) >= 10);
    assert_true(db_pages_written(db) - written_before >= 10);
    assert_true(db_pages_written(db) - written_before < 100);

    int64_t left = -1;
    assert_ok(db_checkpoint(checkpointer, DB_CHECKPOINT_PASSIVE, &left));
    assert_int_equal(left, 0);
    assert_ok(db_checkpoint(checkpointer, DB_CHECKPOINT_TRUNCATE, &left));
    assert_int_equal(left, 0);
    FILE *wal = fopen(str_fmt(&both->arena, "%.*s-wal", STR_ARG(both->url)).p, "rb");
    assert_non_null(wal);
    assert_int_equal(fseek(wal, 0, SEEK_END), 0);
    assert_int_equal(ftell(wal), 0);
    (void)fclose(wal);
    assert_ok(thing_insert(db, 5000, "a"));
    assert_in_range(db_wal_pages(db), 1, 9);
}

static void a_reader_in_the_way_leaves_pages_in_the_wal(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    struct db *reader = both_open(both, DB_READER, &TEST_QUERIES);
    assert_ok(db_begin(reader, DB_READ));
    assert_int_equal(things_count(both, reader), 0);
    assert_ok(thing_insert(db, 1, "a"));
    int64_t left = 0;
    assert_ok(db_checkpoint(db, DB_CHECKPOINT_PASSIVE, &left));
    assert_true(left > 0);
    assert_ok(db_commit(reader));
    assert_ok(db_checkpoint(db, DB_CHECKPOINT_PASSIVE, &left));
    assert_int_equal(left, 0);
}

static void the_file_is_private_and_set_up(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    struct stat found;
    assert_int_equal(stat(both->url.p, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    static const struct {
        const char *pragma;
        int64_t expected;
    } PRAGMAS[] = {{"PRAGMA page_size", 2048},      {"PRAGMA synchronous", 2},
                   {"PRAGMA cache_size", -65536},   {"PRAGMA foreign_keys", 1},
                   {"PRAGMA trusted_schema", 0},    {"PRAGMA temp_store", 2},
                   {"PRAGMA wal_autocheckpoint", 0}};
    for (size_t i = 0; i < ARRAY_N(PRAGMAS); i++) {
        struct db_result row = {0};
        assert_ok(db_query_text(db, &both->arena, str_c(PRAGMAS[i].pragma), NULL, 0, &row));
        assert_int_equal(db_at_int(&row, 0, 0), PRAGMAS[i].expected);
    }
}

static bool file_has(struct db *db, struct str needle)
{
    bool found = false;
    int64_t left = -1;
    assert_ok(db_checkpoint(db, DB_CHECKPOINT_TRUNCATE, &left));
    assert_ok(db_file_search(db, &needle, 1, &found));
    return found;
}

/* Bookings leave what they delete; whatever else deletes does not, also on the same connection. */
static void deleted_bytes_are_overwritten_but_by_bookings(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    assert_ok(db_begin(db, DB_WRITE_OVER));
    assert_ok(thing_insert(db, 1, "Anna-of-the-bookings"));
    assert_ok(thing_insert(db, 2, "Berta-of-the-office"));
    assert_ok(thing_insert(db, 3, "Carla-of-no-transaction"));
    assert_ok(thing_insert(db, 4, "stays"));
    assert_ok(db_commit(db));
    assert_true(file_has(db, STR("Anna-of-the-bookings")));
    assert_true(file_has(db, STR("Berta-of-the-office")));
    assert_ok(db_begin(db, DB_WRITE_OVER));
    both_run(both, db, "DELETE FROM thing WHERE member_id = 1");
    assert_ok(db_commit(db));
    assert_true(file_has(db, STR("Anna-of-the-bookings"))); // or nothing was saved by it
    assert_ok(db_exec(db, TQ_THING_DELETE, (struct db_value[]){db_int(3)}, 1, NULL));
    assert_false(file_has(db, STR("Carla-of-no-transaction")));
    assert_ok(db_begin(db, DB_WRITE));
    both_run(both, db, "DELETE FROM thing WHERE member_id = 2");
    assert_ok(db_commit(db));
    assert_false(file_has(db, STR("Berta-of-the-office")));
}

static void what_is_no_database_is_refused(void **state)
{
    struct both *both = *state;
    const char *path = str_fmt(&both->arena, "%s/text.db", both->dir).p;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++) {
        assert_true(fputs("This is a letter and no database.\n", file) >= 0);
    }
    (void)fclose(file);
    struct db *db = NULL;
    struct db_config config = {.url = str_c(path), .role = DB_WRITER};
    assert_err(db_open(&config, &both->fail, &db), ERR_CONFIG);
    config.url = STR("/nonexistent/loyald.db");
    assert_err(db_open(&config, &both->fail, &db), ERR_CONFIG);
    config.role = DB_READER;
    config.url = str_fmt(&both->arena, "%s/missing.db", both->dir);
    assert_err(db_open(&config, &both->fail, &db), ERR_CONFIG);
}

static void a_password_is_never_repeated(void **state)
{
    struct both *both = *state;
    struct db *db = NULL;
    static const char *const URLS[] = {"postgresql://u:hunter2@127.0.0.1:1/x?sslmode=disable",
                                       "postgresql://u@127.0.0.1/x?password=hunter2&nonsense=1",
                                       "postgresql://u@127.0.0.1/x?hunter2"};
    for (size_t i = 0; i < ARRAY_N(URLS); i++) {
        struct fail why = {.arena = &both->arena};
        const struct db_config config = {.url = str_c(URLS[i]), .role = DB_WRITER};
        assert_int_not_equal(db_open(&config, &why, &db), ERR_OK);
        assert_int_equal(why.items_n, 1);
        assert_null(strstr(why.items[0].detail.p, "hunter2"));
    }
}

/* Ends the server's side of a connection, as a restart of the server does. */
static void connection_cut(struct both *both, struct db *db)
{
    struct db_result row = {0};
    assert_ok(db_query_text(db, &both->arena, STR("SELECT pg_backend_pid()"), NULL, 0, &row));
    both_admin(both, str_fmt(&both->arena, "SELECT pg_terminate_backend(%" PRId64 ", 5000)",
                             db_at_int(&row, 0, 0))
                         .p);
}

static void a_lost_connection_is_opened_again(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    struct db *reader = both_open(both, DB_READER, &TEST_QUERIES);
    int slot = -1;
    assert_ok(db_slot_take(db, &slot));
    assert_int_equal(things_count(both, reader), 0);
    assert_ok(thing_insert(db, 1, "a"));

    connection_cut(both, db);
    assert_ok(db_begin(db, DB_WRITE));
    assert_in_range(db_slot(db), 0, 63);
    assert_ok(thing_insert(db, 2, "b"));
    connection_cut(both, db);
    assert_err(thing_insert(db, 3, "c"), ERR_DATABASE);
    assert_err(thing_insert(db, 3, "c"), ERR_DATABASE); // not outside the transaction by mistake
    db_rollback(db);

    connection_cut(both, reader);
    assert_int_equal(things_count(both, reader), 1);
    assert_ok(db_begin(db, DB_WRITE));
    assert_ok(thing_insert(db, 3, "c"));
    assert_ok(db_commit(db));
    assert_int_equal(things_count(both, reader), 2);
}

static void a_deadlock_asks_to_retry(void **state)
{
    struct both *both = *state;
    struct db *first = open_with_table(both);
    assert_ok(thing_insert(first, 1, "a"));
    struct db_result ignored = {0};
    assert_ok(db_begin(first, DB_WRITE));
    const char *sql = "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$";
    assert_err(db_query_text(first, &both->arena, str_c(sql), NULL, 0, &ignored), ERR_RETRY);
    assert_err(thing_insert(first, 2, "b"), ERR_INTERNAL); // the transaction has failed
    db_rollback(first);
    static const struct {
        const char *state;
        enum err expected;
    } STATES[] = {{"40001", ERR_RETRY},    {"53100", ERR_DISK_FULL}, {"23505", ERR_CONFLICT},
                  {"57P03", ERR_DATABASE}, {"08006", ERR_DATABASE},  {"55P03", ERR_RETRY},
                  {"22003", ERR_INTERNAL}, {"25006", ERR_DATABASE},  {"XX001", ERR_INTEGRITY}};
    for (size_t i = 0; i < ARRAY_N(STATES); i++) {
        const struct str text =
            str_fmt(&both->arena, "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '%s'; END $$",
                    STATES[i].state);
        assert_err(db_query_text(first, &both->arena, text, NULL, 0, &ignored), STATES[i].expected);
    }
}

static void a_failed_transaction_does_not_commit(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    assert_ok(db_begin(db, DB_WRITE));
    assert_ok(thing_insert(db, 1, "a"));
    assert_err(thing_insert(db, 1, "b"), ERR_CONFLICT);
    assert_int_not_equal(db_commit(db), ERR_OK);
    db_rollback(db);
    assert_int_equal(things_count(both, db), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(values_come_back_as_they_went_in),
        BOTH(null_and_empty_are_told_apart),
        BOTH(a_value_of_another_kind_is_noticed),
        BOTH(no_row_is_no_error),
        BOTH(a_list_comes_in_order_with_all_its_rows),
        BOTH(a_sum_is_an_integer),
        BOTH(integers_of_every_size_are_read),
        BOTH(floating_point_is_refused),
        BOTH(a_taken_key_is_a_conflict),
        BOTH(a_refused_check_is_our_mistake),
        BOTH(rolling_back_leaves_nothing),
        BOTH(a_commit_is_seen_by_others_and_nothing_before),
        BOTH(a_read_transaction_sees_one_snapshot),
        BOTH(a_reader_cannot_write),
        BOTH(a_thousand_rows_go_in_and_come_out),
        BOTH(rows_that_are_there_already_are_not_counted),
        BOTH(many_updates_touch_only_the_versions_that_were_read),
        BOTH(columns_of_nothing_but_null_are_sent),
        BOTH(a_batch_beyond_the_limit_is_refused_whole),
        BOTH(every_statement_is_prepared_or_named),
        BOTH(two_writers_wait_for_each_other),
        BOTH(processes_get_numbers_of_their_own),
        ONLY_SQLITE(the_wal_is_counted_and_emptied),
        ONLY_SQLITE(a_reader_in_the_way_leaves_pages_in_the_wal),
        ONLY_SQLITE(the_file_is_private_and_set_up),
        ONLY_SQLITE(deleted_bytes_are_overwritten_but_by_bookings),
        ONLY_SQLITE(what_is_no_database_is_refused),
        ONLY_POSTGRES(a_password_is_never_repeated),
        ONLY_POSTGRES(a_lost_connection_is_opened_again),
        ONLY_POSTGRES(a_deadlock_asks_to_retry),
        ONLY_POSTGRES(a_failed_transaction_does_not_commit),
    };
    return cmocka_run_group_tests_name("db", tests, NULL, NULL);
}
