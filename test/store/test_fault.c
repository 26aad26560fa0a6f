/* Full disks, failing disks and power cuts under SQLite: nothing acknowledged is lost, nothing half
 * is kept. */
#include "base/base.h"

#include "base/log.h"
#include "both.h"
#include "fault_vfs.h"
#include "test_queries.h"
#include "vault/keys.h"

enum { OPERATIONS_MAX = 200, CUTS = 200 };

static struct db *open_with_table(struct both *both)
{
    struct db *db = both_open(both, DB_WRITER, &TEST_QUERIES);
    both_run(both, db,
             "CREATE TABLE thing (member_id INTEGER PRIMARY KEY, version INTEGER NOT NULL,"
             " small INTEGER CHECK (small >= 0), name TEXT, body BLOB) STRICT");
    return db;
}

/* n rows of about 300 bytes in one transaction. */
static enum err things_insert(struct both *both, struct db *db, int64_t first, size_t n)
{
    struct db_value *rows = arena_new(&both->arena, struct db_value, n * 5);
    for (size_t i = 0; i < n; i++) {
        rows[i * 5] = db_int(first + (int64_t)i);
        rows[i * 5 + 1] = db_int(1);
        rows[i * 5 + 4] = db_blob(arena_bytes(&both->arena, 300), 300);
    }
    try(db_begin(db, DB_WRITE));
    enum err err = db_exec_rows(db, TQ_THINGS_INSERT, rows, n, 5, NULL);
    err = err == ERR_OK ? db_commit(db) : err;
    db_rollback(db);
    return err;
}

static int64_t things_count(struct both *both, struct db *db)
{
    struct db_result row = {0};
    assert_ok(db_one(db, &both->arena, TQ_THING_SUM, NULL, 0, &row));
    return db_at_int(&row, 0, 2);
}

static void assert_sound(struct both *both, struct db *db)
{
    struct db_result row = {0};
    assert_ok(db_query_text(db, &both->arena, STR("PRAGMA integrity_check"), NULL, 0, &row));
    assert_true(str_eq(db_at_str(&row, 0, 0), STR("ok")));
}

static void a_full_disk_refuses_writes_and_lets_reads_go_on(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    struct db *reader = both_open(both, DB_READER, &TEST_QUERIES);
    int64_t count = 0;
    size_t failures_n = 0;
    for (int64_t n = 1; n <= OPERATIONS_MAX; n++) {
        fault_arm(FAULT_WRITE, n, SQLITE_FULL, true);
        const enum err err = things_insert(both, db, n * 1000, 20);
        const bool has_struck = fault.failed_n > 0;
        assert_err(err, has_struck ? ERR_DISK_FULL : ERR_OK);
        count += has_struck ? 0 : 20;
        assert_int_equal(things_count(both, reader), count); // while the disk is still full
        assert_int_equal(things_count(both, db), count);
        fault_heal();
        failures_n += has_struck;
        if (!has_struck) {
            break;
        }
    }
    assert_true(failures_n > (fault.is_powersafe ? 0 : 5)); // there the log is written at once
    assert_ok(things_insert(both, db, 1, 20));              // by itself, once there is room
    assert_int_equal(things_count(both, reader), count + 20);
    assert_sound(both, db);
}

static void a_checkpoint_on_a_full_disk_loses_nothing(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    struct db *checkpointer = both_open(both, DB_MAINTAINER, NULL);
    int64_t count = 0;
    for (int64_t n = 1; n <= 5; n++) {
        assert_ok(things_insert(both, db, n * 1000, 20));
        count += 20;
        fault_arm(FAULT_WRITE, n, SQLITE_FULL, true);
        assert_err(db_checkpoint(checkpointer, DB_CHECKPOINT_PASSIVE, NULL), ERR_DISK_FULL);
        fault_heal();
        assert_int_equal(things_count(both, db), count);
    }
    assert_ok(db_checkpoint(checkpointer, DB_CHECKPOINT_TRUNCATE, NULL));
    assert_sound(both, db);
    assert_int_equal(things_count(both, db), count);
}

static void a_write_that_fails_is_an_outage(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    fault_arm(FAULT_WRITE, fault.is_powersafe ? 1 : 2, SQLITE_IOERR_WRITE, true);
    assert_err(things_insert(both, db, 1, 20), ERR_DATABASE);
    fault_heal();
    assert_int_equal(things_count(both, db), 0);
    assert_ok(things_insert(both, db, 1, 20));
    assert_sound(both, db);
}

static void a_failed_sync_is_told_apart(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    assert_ok(things_insert(both, db, 1, 20));
    fault_arm(FAULT_SYNC, 1, SQLITE_IOERR_FSYNC, true);
    assert_err(things_insert(both, db, 1000, 20), ERR_FSYNC);
    assert_int_equal(fault.failed_n, 1);
    fault_heal();

    // The process stops; the next one finds all of that batch or nothing of it.
    both_close(both, db);
    db = both_open(both, DB_WRITER, &TEST_QUERIES);
    assert_sound(both, db);
    const int64_t count = things_count(both, db);
    assert_true(count == 20 || count == 40);
}

static void a_failed_sync_of_a_checkpoint_is_told_apart(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    struct db *checkpointer = both_open(both, DB_MAINTAINER, NULL);
    assert_ok(things_insert(both, db, 1, 20));
    for (int64_t n = 1; n <= 2; n++) { // the WAL's sync, then the file's
        fault_arm(FAULT_SYNC, n, SQLITE_IOERR_FSYNC, true);
        assert_err(db_checkpoint(checkpointer, DB_CHECKPOINT_PASSIVE, NULL), ERR_FSYNC);
        fault_heal();
    }
    fault_arm(FAULT_SYNC, 1, SQLITE_IOERR_FSYNC, true);
    assert_err(db_file_sync(checkpointer), ERR_FSYNC); // of what a checkpoint has moved so far
    fault_heal();
    assert_ok(db_file_sync(checkpointer));
    assert_int_equal(things_count(both, db), 20);
}

static void damage_is_told_apart(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    assert_ok(things_insert(both, db, 1, 200));
    assert_ok(db_checkpoint(db, DB_CHECKPOINT_TRUNCATE, NULL));
    both_close(both, db);
    FILE *file = fopen(str_z(&both->arena, both->url), "r+b");
    assert_non_null(file);
    static const char JUNK[2048] = "junk";
    for (long page = 2; page < 20; page++) {
        assert_int_equal(fseek(file, page * 2048, SEEK_SET), 0);
        assert_int_equal(fwrite(JUNK, 1, sizeof JUNK, file), sizeof JUNK);
    }
    (void)fclose(file);
    db = both_open(both, DB_READER, &TEST_QUERIES);
    struct db_result rows = {0};
    const struct db_value params[] = {db_int(0), db_int(1000)};
    assert_err(db_query(db, &both->arena, TQ_THING_LIST, params, 2, &rows), ERR_INTEGRITY);
}

static void what_was_committed_survives_a_power_cut(void **state)
{
    struct both *both = *state;
    fault.keeps_images = true;
    struct db *db = open_with_table(both);
    struct db *checkpointer = both_open(both, DB_MAINTAINER, NULL);
    const char *path = str_z(&both->arena, both->url);
    const char *copy_path = str_fmt(&both->arena, "%s/copy.db", both->dir).p;
    int64_t count = 0;
    for (uint64_t seed = 1; seed <= CUTS; seed++) {
        assert_ok(things_insert(both, db, (int64_t)seed * 1000, seed % 7 + 1));
        count += (int64_t)(seed % 7) + 1;
        int64_t in_doubt = 0;
        if (seed % 5 == 0) { // cut in the middle of a checkpoint: its n-th write, not synced yet
            fault_arm(FAULT_WRITE, (int64_t)seed % 9 + 1, SQLITE_IOERR_WRITE, true);
            (void)!db_checkpoint(checkpointer, DB_CHECKPOINT_PASSIVE, NULL);
            fault_heal();
        } else if (seed % 3 ==
                   0) { // cut in the middle of a commit: its frames written in part, not synced
            fault_arm(FAULT_WRITE, (int64_t)seed % 6 + 1, SQLITE_IOERR_WRITE, true);
            // Where only the padding behind its last frame failed it is refused here and found at a
            // restart: nobody knows.
            in_doubt = things_insert(both, db, (int64_t)seed * 1000 + 500, 1) == ERR_OK ? 0 : 1;
            fault_heal();
            count = things_count(both, db); // a small one may have got through before
        } else if (seed % 11 == 0) {
            assert_ok(db_checkpoint(checkpointer, DB_CHECKPOINT_TRUNCATE, NULL));
        } else if (seed % 4 ==
                   0) { // the checkpointer's pass, and the lane's end of it: the log begins anew
            assert_ok(db_checkpoint(checkpointer, DB_CHECKPOINT_PASSIVE, NULL));
            assert_ok(db_file_sync(checkpointer));
            assert_ok(things_insert(both, db, (int64_t)seed * 1000 + 500, 2));
            assert_ok(db_checkpoint(db, DB_CHECKPOINT_PASSIVE, NULL));
            assert_ok(things_insert(both, db, (int64_t)seed * 1000 + 600, 2));
            count += 4;
        }
        fault_power_cut(path, copy_path, seed);
        struct db *found = both_open_url(both, str_c(copy_path), DB_WRITER, &TEST_QUERIES);
        const int64_t more = things_count(both, found) - count;
        if (more != 0 && more != in_doubt) {
            print_error("seed %" PRIu64 "\n", seed);
        }
        assert_true(more == 0 || more == in_doubt);
        assert_sound(both, found);
        both_close(both, found);
        both->open_n--;
    }
    fault.keeps_images = false;
}

static void an_early_commit_is_seen_at_once_and_syncs_nothing(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    struct db *reader = both_open(both, DB_READER, &TEST_QUERIES);
    struct db *settler = both_open(both, DB_MAINTAINER, NULL);
    db_commit_early(db);
    assert_ok(things_insert(both, db, 1000, 3));
    fault_heal();
    const int64_t commits = db_commits_done(db);
    assert_ok(things_insert(both, db, 2000, 3));
    assert_int_equal(things_count(both, reader), 6);
    assert_int_equal(db_commits_begun(db), commits + 1);
    assert_int_equal(db_commits_done(db), commits + 1);
    assert_int_equal(fault.counts[FAULT_SYNC], fault.is_powersafe ? 0 : 1);
    assert_ok(db_log_sync(settler));
    assert_int_equal(fault.counts[FAULT_SYNC], fault.is_powersafe ? 1 : 2);
    fault_arm(FAULT_SYNC, 1, SQLITE_IOERR_FSYNC, true);
    assert_err(db_log_sync(settler), ERR_FSYNC);
    fault_heal();
    fault_arm(FAULT_WRITE, 1, SQLITE_FULL, true); // a full disk is told at the commit, not later
    assert_err(things_insert(both, db, 3000, 3), ERR_DISK_FULL);
    fault_heal();
    assert_ok(things_insert(both, db, 3000, 3));
    assert_int_equal(things_count(both, reader), 9);

    // The head of a log that begins anew is on disk before any frame, or old frames would count.
    assert_ok(db_checkpoint(db, DB_CHECKPOINT_PASSIVE, NULL));
    fault_heal();
    assert_ok(things_insert(both, db, 4000, 3));
    assert_int_equal(fault.counts[FAULT_SYNC], fault.is_powersafe ? 1 : 2);
}

/* Of early commits the disk has all that were synced, of the others the first few or none, and
 * nothing by halves: also where the log began anew in between. */
static void what_was_settled_survives_a_power_cut(void **state)
{
    struct both *both = *state;
    fault.keeps_images = true;
    struct db *db = open_with_table(both);
    struct db *checkpointer = both_open(both, DB_MAINTAINER, NULL);
    struct db *settler = both_open(both, DB_MAINTAINER, NULL);
    const char *path = str_z(&both->arena, both->url);
    const char *copy_path = str_fmt(&both->arena, "%s/copy.db", both->dir).p;
    int64_t count = 0;
    int64_t settled = 0;
    size_t lost_n = 0;
    db_commit_early(db);
    for (uint64_t seed = 1; seed <= CUTS; seed++) {
        int64_t allowed[3] = {count, count, count};
        if (seed % 7 == 0) { // the lane begins the log anew with its next commit
            assert_ok(
                db_checkpoint(seed % 2 == 0 ? db : checkpointer, DB_CHECKPOINT_PASSIVE, NULL));
            settled = count;
        }
        for (size_t i = 0; i < 2; i++) { // two commits, each of as many rows as the seed says
            const size_t n = seed % 5 + 1;
            assert_ok(things_insert(both, db, (int64_t)(seed * 1000 + i * 100), n));
            allowed[i + 1] = allowed[i] + (int64_t)n;
        }
        count = allowed[2];
        if (seed % 3 == 0) {
            assert_ok(db_log_sync(settler));
            settled = count;
        } else if (seed % 11 == 0) { // cut in the middle of a checkpoint
            fault_arm(FAULT_WRITE, (int64_t)seed % 4 + 1, SQLITE_IOERR_WRITE, true);
            (void)!db_checkpoint(checkpointer, DB_CHECKPOINT_PASSIVE, NULL);
            fault_heal();
            settled = count; // it syncs the log before anything else
        }
        fault_power_cut(path, copy_path, seed);
        struct db *found = both_open_url(both, str_c(copy_path), DB_WRITER, &TEST_QUERIES);
        const int64_t n = things_count(both, found);
        assert_true(n >= settled && n <= count);
        // Commits of this seed are whole or absent; those of seeds before may be lost as well.
        assert_true(n <= allowed[0] || n == allowed[1] || n == allowed[2]);
        assert_sound(both, found);
        lost_n += n < count;
        both_close(both, found);
        both->open_n--;
    }
    assert_true(fault.is_powersafe ? lost_n > 0 : lost_n == 0); // the cuts did meet something
    fault.keeps_images = false;
}

static void keys_are_not_made_on_a_full_disk(void **state)
{
    struct both *both = *state;
    const struct vault_config config = {
        .master_path = str_fmt(&both->arena, "%s/master.key", both->dir).p,
        .keys_url = both->url,
        .erasures_path = str_fmt(&both->arena, "%s/erasures.log", both->dir).p,
    };
    struct vault *vault = NULL;
    struct vault_keys *keys = NULL;
    struct vault_key made[2];
    bool is_final = false;
    assert_ok(vault_master_create(config.master_path, &both->fail));
    fault_arm(FAULT_WRITE, fault.is_powersafe ? 2 : 5, SQLITE_FULL, true);
    assert_err(vault_init(&config, STR("instance-1"), 0, &both->fail), ERR_DISK_FULL);
    fault_heal();
    assert_ok(vault_init(&config, STR("instance-1"), 0, &both->fail)); // goes on where it stopped
    assert_ok(vault_open(&config, STR("instance-1"), &both->fail, &vault));
    assert_ok(vault_keys_open(vault, DB_MAINTAINER, &both->fail, &keys));
    assert_ok(vault_keys_create(keys, (const int64_t[]){1}, 1, 0, made));
    fault_arm(FAULT_WRITE, 1, SQLITE_FULL, true);

    assert_err(vault_keys_create(keys, (const int64_t[]){2, 3}, 2, 0, made), ERR_DISK_FULL);
    assert_int_equal(made[0].version, 0);
    assert_err(vault_keys_erase(keys, (const int64_t[]){1}, 1, 0, &is_final), ERR_DISK_FULL);
    assert_ok(vault_keys_load(keys, (const int64_t[]){1, 2}, 2, made));
    assert_int_equal(made[0].version, 1);
    assert_int_equal(made[1].version, 0);

    fault_heal();
    assert_ok(vault_keys_create(keys, (const int64_t[]){2, 3}, 2, 0, made));
    fault_arm(FAULT_SYNC, 1, SQLITE_IOERR_FSYNC, true);
    assert_err(vault_keys_create(keys, (const int64_t[]){4}, 1, 0, made), ERR_FSYNC);
    fault_heal();
    vault_keys_close(keys);
    vault_close(vault);
}

static void no_memory_is_an_outage_and_loses_nothing(void **state)
{
    struct both *both = *state;
    struct db *db = open_with_table(both);
    struct db *checker = both_open(both, DB_READER, &TEST_QUERIES);
    int64_t count = 0;
    size_t failures_n = 0;
    for (int64_t n = 1; n <= 20 * OPERATIONS_MAX; n++) {
        struct db *fresh = NULL; // prepares its statements anew: that is where SQLite allocates
        const struct db_config config = {
            .url = both->url, .role = DB_WRITER, .queries = &TEST_QUERIES};
        fault_memory_arm(n);
        enum err err = db_open(&config, NULL, &fresh);
        if (err == ERR_OK) {
            err = things_insert(both, fresh, n * 1000, 20);
        }
        fault_memory_arm(0);
        const bool has_row = things_count(both, checker) == count + 20;
        assert_true(has_row || things_count(both, checker) == count);
        assert_true(err == ERR_OK || err == ERR_DATABASE);
        assert_int_equal(err == ERR_OK, has_row);
        count += has_row ? 20 : 0;
        failures_n += err != ERR_OK;
        db_close(fresh);
        if (n > 50 && err == ERR_OK && failures_n > 20 && n > (int64_t)failures_n + 200) {
            break; // well behind the last allocation
        }
    }
    assert_true(failures_n > 20);
    assert_sound(both, db);
}

static void a_migration_cut_at_any_write_is_whole_or_absent(void **state)
{
    struct both *both = *state;
    struct db_migration_report report = {0};
    size_t failures_n = 0;
    for (int64_t n = 1; n <= OPERATIONS_MAX; n++) {
        const struct str url = str_fmt(&both->arena, "%s/migrate-%" PRId64 ".db", both->dir, n);
        struct db *db = both_open_url(both, url, DB_WRITER, NULL);
        fault_arm(FAULT_WRITE, n, SQLITE_IOERR_WRITE, true);
        const enum err err = db_migrate(db, "sql/keys/migrations/", 1, NULL, NULL, &report);
        const bool has_struck = fault.failed_n > 0;
        fault_heal();
        assert_false(db_in_transaction(db));
        assert_int_equal(err == ERR_OK, !has_struck);
        both_close(both, db);
        both->open_n--;
        db = both_open_url(both, url, DB_WRITER, NULL);
        assert_ok(db_migrate(db, "sql/keys/migrations/", 1, NULL, &both->fail, &report));
        assert_int_equal(report.version, report.newest);
        assert_sound(both, db);
        both_close(both, db);
        both->open_n--;
        failures_n += has_struck;
        if (!has_struck) {
            break;
        }
    }
    assert_true(failures_n > (fault.is_powersafe ? 1 : 5));
}

int main(void)
{
    fault_install();
    log_level_set((enum log_level) - 1); // hundreds of errors, all wanted
    const struct CMUnitTest tests[] = {
        ONLY_SQLITE(a_full_disk_refuses_writes_and_lets_reads_go_on),
        ONLY_SQLITE(a_checkpoint_on_a_full_disk_loses_nothing),
        ONLY_SQLITE(a_write_that_fails_is_an_outage),
        ONLY_SQLITE(a_failed_sync_is_told_apart),
        ONLY_SQLITE(a_failed_sync_of_a_checkpoint_is_told_apart),
        ONLY_SQLITE(damage_is_told_apart),
        ONLY_SQLITE(what_was_committed_survives_a_power_cut),
        ONLY_SQLITE(an_early_commit_is_seen_at_once_and_syncs_nothing),
        ONLY_SQLITE(what_was_settled_survives_a_power_cut),
        ONLY_SQLITE(keys_are_not_made_on_a_full_disk),
        ONLY_SQLITE(no_memory_is_an_outage_and_loses_nothing),
        ONLY_SQLITE(a_migration_cut_at_any_write_is_whole_or_absent),
    };
    int failed = cmocka_run_group_tests_name("fault", tests, NULL, NULL);
    fault.is_powersafe = true; // the log is gathered and written in large pieces
    failed += cmocka_run_group_tests_name("fault, whole sectors", tests, NULL, NULL);
    return failed;
}
