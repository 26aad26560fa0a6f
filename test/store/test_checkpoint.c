/* The checkpointer beside a lane that goes on writing. */
#include "shop.h"

#include "engine/checkpoint.h"

#include <sched.h>
#include <unistd.h>

enum {
    COMMITS_MAX = 20000,
    LIMIT_PAGES = 20000,
    FILLED_PAGES = 22000,
    FAR_TOO_MANY_PAGES = 100000,
    WHILE_US = 500000
};

/* The log passes its limit: 45 rows of a megabyte each. */
static void fill_log(struct shop *shop)
{
    struct db *db = store_db(shop->store);
    both_run(shop->both, db, "CREATE TABLE filler (id INTEGER PRIMARY KEY, body BLOB)");
    both_run(shop->both, db,
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 45)"
             " INSERT INTO filler SELECT i, zeroblob(1000000) FROM n");
    assert_true(db_wal_pages(db) > FILLED_PAGES - 1000);
}

/* Commits as the lane does until the log has begun anew; how many commits that took. */
static int commit_until_anew(struct shop *shop, struct checkpointer *checkpointer)
{
    struct db *db = store_db(shop->store);
    for (int i = 1; i <= COMMITS_MAX; i++) {
        checkpointer_turn(checkpointer, 0);
        const struct str text =
            str_fmt(shop->arena, "UPDATE filler SET body = x'%08x' WHERE id = 1", (unsigned)i);
        both_run(shop->both, db,
                 str_z(shop->arena, text)); // the same bytes again would write nothing
        if (db_wal_pages(db) < LIMIT_PAGES) {
            return i;
        }
        (void)sched_yield(); // the checkpointer's thread goes on
    }
    return 0;
}

static void the_log_begins_anew_while_the_lane_goes_on(void **state)
{
    struct shop *shop = shop_open(*state);
    struct db *db = store_db(shop->store);
    struct checkpointer *checkpointer = checkpointer_open(shop->base, store_db(shop->store));
    assert_non_null(checkpointer);
    for (int round = 0; round < 2; round++) {
        fill_log(shop);
        assert_true(commit_until_anew(shop, checkpointer) > 0);
        assert_true(db_wal_pages(db) < 1000); // over the old pages, from the front
        struct db_result row = {0};
        assert_ok(db_query_text(
            db, shop->arena, STR("SELECT count(*), sum(length(body)) FROM filler"), NULL, 0, &row));
        assert_int_equal(db_at_int(&row, 0, 0), 45);
        assert_int_equal(db_at_int(&row, 0, 1), 44000004);
        both_run(shop->both, db, "DROP TABLE filler");
    }
    checkpointer_close(checkpointer);
    struct db_result row = {0};
    assert_ok(db_query_text(db, shop->arena, STR("PRAGMA integrity_check"), NULL, 0, &row));
    assert_true(str_eq(db_at_str(&row, 0, 0), STR("ok")));
    shop_close(shop);
}

/* Beyond twice its limit the log waits for readers. To the lane that is no change by others: what
 * it has in memory it need not read again. */
static void a_far_too_long_log_begins_anew_and_the_lane_forgets_nothing(void **state)
{
    struct shop *shop = shop_open(*state);
    struct db *db = store_db(shop->store);
    int64_t before = 0;
    int64_t after = 0;
    fill_log(shop);
    both_run(shop->both, db, "INSERT INTO filler SELECT id + 45, body FROM filler");
    assert_true(db_wal_pages(db) > 2 * LIMIT_PAGES);
    assert_ok(db_others_version(db, &before));
    struct checkpointer *checkpointer = checkpointer_open(shop->base, db);
    assert_true(commit_until_anew(shop, checkpointer) > 0);
    both_run(shop->both, db, "UPDATE filler SET body = x'00' WHERE id = 2");
    checkpointer_close(checkpointer);
    assert_true(db_wal_pages(db) < 1000);
    assert_ok(db_others_version(db, &after));
    assert_int_equal(after, before);
    shop_close(shop);
}

/* A reader that keeps the log from beginning anew. */
static struct store *reader_in_snapshot(struct shop *shop)
{
    struct store *reader = NULL;
    struct db_result row = {0};
    assert_ok(store_open(shop->base, DB_READER, &shop->both->fail, &reader));
    assert_ok(db_begin(store_db(reader), DB_READ));
    assert_ok(db_query_text(store_db(reader), shop->arena, STR("SELECT count(*) FROM member"), NULL,
                            0, &row));
    return reader;
}

/* A reader keeps the log from beginning anew; once it has gone, it does. */
static void a_reader_only_puts_it_off(void **state)
{
    struct shop *shop = shop_open(*state);
    struct db *db = store_db(shop->store);
    struct store *reader = reader_in_snapshot(shop);
    struct checkpointer *checkpointer = checkpointer_open(shop->base, store_db(shop->store));
    fill_log(shop);
    checkpointer_turn(checkpointer, 0);
    both_run(shop->both, db, "UPDATE filler SET body = x'00' WHERE id = 2");
    assert_true(db_wal_pages(db) > LIMIT_PAGES);
    db_rollback(store_db(reader));
    both_run(shop->both, db,
             "UPDATE filler SET body = zeroblob(9000000) WHERE id = 3"); // the next try is after so
                                                                         // much more
    assert_true(commit_until_anew(shop, checkpointer) > 0);
    checkpointer_close(checkpointer);
    store_close(reader);
    shop_close(shop);
}

/* As far as the lane knows the log is far too long, and a reader keeps it so. */
static void the_lane_waits_only_while_pages_move(void **state)
{
    struct shop *shop = shop_open(*state);
    struct db *db = store_db(shop->store);
    struct store *reader = reader_in_snapshot(shop);
    both_run(shop->both, db, "CREATE TABLE filler (id INTEGER PRIMARY KEY)");
    db_wal_pages_set(db, FAR_TOO_MANY_PAGES);
    struct checkpointer *checkpointer = checkpointer_open(shop->base, db);
    int64_t waited_us = 0;
    for (int i = 0; i < 4; i++) { // it may be at it for the first turns
        const int64_t from_us = clock_monotonic_us();
        checkpointer_turn(checkpointer, 0);
        waited_us = clock_monotonic_us() - from_us;
        (void)usleep(WHILE_US);
    }
    assert_true(waited_us < WHILE_US);
    assert_int_equal(db_wal_pages(db), FAR_TOO_MANY_PAGES);
    checkpointer_close(checkpointer);
    store_close(reader);
    shop_close(shop);
}

/* Slower and slower, and never still for long before the log is as long as it may become. */
static void the_lane_slows_down_before_it_stops(void **state)
{
    enum { BATCH_US = 2000, SLOW_PAGES = 60000, FULL_PAGES = 80000, STEP_PAGES = 100 };
    (void)state;
    assert_int_equal(checkpointer_wait_us(0, BATCH_US), 0);
    assert_int_equal(checkpointer_wait_us(SLOW_PAGES, BATCH_US), 0);
    assert_int_equal(checkpointer_wait_us(70000, BATCH_US), BATCH_US);
    assert_int_equal(checkpointer_wait_us(75000, BATCH_US), 3 * BATCH_US);
    assert_int_equal(checkpointer_wait_us(FULL_PAGES - 1, 1000000), 100000);
    assert_int_equal(checkpointer_wait_us(FULL_PAGES, 0), 1000000);
    int64_t before = 0;
    for (int64_t pages = SLOW_PAGES; pages <= 2 * FULL_PAGES; pages += STEP_PAGES) {
        const int64_t now = checkpointer_wait_us(pages, BATCH_US);
        assert_true(now >= before);
        before = now;
    }
}

static void postgres_has_its_own(void **state)
{
    struct shop *shop = shop_open(*state);
    assert_null(checkpointer_open(shop->base, store_db(shop->store)));
    checkpointer_turn(NULL, 0);
    checkpointer_close(NULL);
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONLY_SQLITE(the_log_begins_anew_while_the_lane_goes_on),
        ONLY_SQLITE(a_far_too_long_log_begins_anew_and_the_lane_forgets_nothing),
        ONLY_SQLITE(a_reader_only_puts_it_off),
        ONLY_SQLITE(the_lane_waits_only_while_pages_move),
        cmocka_unit_test(the_lane_slows_down_before_it_stops),
        ONLY_POSTGRES(postgres_has_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
