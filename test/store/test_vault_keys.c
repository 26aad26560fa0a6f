/* Members' keys, and forgetting them, on both databases. */
#include "base/base.h"

#include "vault_home.h"

#include "vault/keys_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* ---- members' keys ---- */

enum { MANY = 1000 };

static void keys_come_back_in_the_order_asked(void **state)
{
    struct both *both = *state;
    struct vault *vault = vault_made(both);
    struct vault_keys *keys = keys_made(both, vault, DB_MAINTAINER);
    struct vault_keys *reader = keys_made(both, vault, DB_READER);
    int64_t ids[MANY];
    struct vault_key made[MANY];
    struct vault_key found[MANY];
    for (size_t i = 0; i < MANY; i++) {
        ids[i] = ((int64_t)1 << 50) + (int64_t)((i * 7919) % MANY) * 3;
    }
    assert_ok(vault_keys_create(keys, ids, MANY, NOW_MS, made));
    assert_ok(vault_keys_load(reader, ids, MANY, found));
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(found[i].version, 1);
        assert_memory_equal(found[i].bytes, made[i].bytes, VAULT_KEY_BYTES);
        assert_true(i == 0 || memcmp(made[i].bytes, made[i - 1].bytes, VAULT_KEY_BYTES) != 0);
    }
    const int64_t some[] = {ids[3], 5, ids[9], ids[3], -1};
    assert_ok(vault_keys_load(reader, some, ARRAY_N(some), found));
    assert_memory_equal(found[0].bytes, made[3].bytes, VAULT_KEY_BYTES);
    assert_memory_equal(found[2].bytes, made[9].bytes, VAULT_KEY_BYTES);
    assert_memory_equal(found[3].bytes, made[3].bytes, VAULT_KEY_BYTES);
    assert_int_equal(found[1].version, 0);
    assert_int_equal(found[4].version, 0);
    vault_keys_close(reader);
    vault_keys_close(keys);
    vault_close(vault);
}

static void making_a_key_again_keeps_the_first(void **state)
{
    struct both *both = *state;
    struct vault *vault = vault_made(both);
    struct vault_keys *keys = keys_made(both, vault, DB_MAINTAINER);
    struct vault_key first[2];
    struct vault_key second[3];
    assert_ok(vault_keys_create(keys, (const int64_t[]){1, 2}, 2, NOW_MS, first));
    assert_ok(vault_keys_create(keys, (const int64_t[]){2, 3, 1}, 3, NOW_MS, second));
    assert_memory_equal(second[0].bytes, first[1].bytes, VAULT_KEY_BYTES);
    assert_memory_equal(second[2].bytes, first[0].bytes, VAULT_KEY_BYTES);
    assert_memory_not_equal(second[1].bytes, first[0].bytes, VAULT_KEY_BYTES);
    vault_keys_close(keys);
    vault_close(vault);
}

static void a_key_moved_to_another_member_does_not_open(void **state)
{
    struct both *both = *state;
    struct vault *vault = vault_made(both);
    struct vault_keys *keys = keys_made(both, vault, DB_MAINTAINER);
    struct vault_key made[2];
    assert_ok(vault_keys_create(keys, (const int64_t[]){1, 2}, 2, NOW_MS, made));
    struct db *db = both_open(both, DB_WRITER, NULL);
    both_run(both, db,
             "UPDATE data_key SET wrapped = (SELECT d.wrapped FROM data_key d WHERE d.owner_id = 1)"
             " WHERE owner_id = 2");
    assert_ok(vault_keys_load(keys, (const int64_t[]){1}, 1, made));
    assert_err(vault_keys_load(keys, (const int64_t[]){1, 2}, 2, made), ERR_INTEGRITY);
    assert_int_equal(made[0].version, 0);
    vault_keys_close(keys);
    vault_close(vault);
}

static uint8_t version_of(struct vault_keys *keys, int64_t owner)
{
    struct vault_key key;
    assert_ok(vault_keys_load(keys, &owner, 1, &key));
    return key.version;
}

static void remembered_keys_are_those_that_were_read(void **state)
{
    struct both *both = *state;
    struct vault *vault = vault_made(both);
    struct vault_keys *keys = keys_made(both, vault, DB_MAINTAINER);
    struct vault_key made[3];
    struct vault_key found[5];
    vault_keys_remember(keys);
    assert_ok(vault_keys_create(keys, (const int64_t[]){1, 2, 3}, 3, NOW_MS, made));
    for (int time = 0; time < 3; time++) {
        const int64_t ids[] = {time, 3, 9, time, 2}; // nobody, and more of them known each time
        assert_ok(vault_keys_load(keys, ids, ARRAY_N(ids), found));
        for (size_t i = 0; i < ARRAY_N(ids); i++) {
            const bool is_there = ids[i] >= 1 && ids[i] <= 3;
            assert_int_equal(found[i].version, is_there);
            if (is_there) {
                assert_memory_equal(found[i].bytes, made[ids[i] - 1].bytes, VAULT_KEY_BYTES);
            }
        }
    }
    assert_int_equal(keys->recent.used_n, db_dialect(keys->db) == DB_SQLITE ? 3 : 0);
    vault_keys_close(keys);
    vault_close(vault);
}

static void a_remembered_key_that_is_erased_or_deleted_is_gone(void **state)
{
    struct both *both = *state;
    struct vault *vault = vault_made(both);
    struct vault_keys *keys = keys_made(both, vault, DB_MAINTAINER);
    struct vault_keys *other = keys_made(both, vault, DB_MAINTAINER);
    struct vault_key made[5];
    bool is_final = false;
    vault_keys_remember(keys);
    assert_ok(vault_keys_create(keys, (const int64_t[]){1, 2, 3, 4, 5}, 5, NOW_MS, made));
    assert_ok(vault_keys_load(keys, (const int64_t[]){1, 2, 3, 4, 5}, 5, made));
    assert_ok(vault_keys_erase(keys, (const int64_t[]){1}, 1, NOW_MS, &is_final));
    assert_int_equal(version_of(keys, 1), 0);
    assert_ok(vault_keys_delete(keys, (const int64_t[]){2}, 1));
    assert_int_equal(version_of(keys, 2), 0);
    assert_int_equal(version_of(keys, 3), 1);
    // By another process.
    assert_ok(vault_keys_erase(other, (const int64_t[]){3}, 1, NOW_MS, &is_final));
    assert_int_equal(version_of(keys, 3), 0);
    assert_int_equal(version_of(keys, 4), 1);
    assert_ok(vault_keys_delete(other, (const int64_t[]){4}, 1));
    assert_int_equal(version_of(keys, 4), 0);
    assert_int_equal(version_of(keys, 5), 1);
    vault_keys_close(other);
    vault_keys_close(keys);
    vault_close(vault);
}

static void old_keys_are_listed_and_deleted(void **state)
{
    struct both *both = *state;
    struct vault *vault = vault_made(both);
    struct vault_keys *keys = keys_made(both, vault, DB_MAINTAINER);
    struct vault_key made[3];
    int64_t old[10];
    size_t n = 0;
    assert_ok(vault_keys_create(keys, (const int64_t[]){1, 2, 3}, 3, NOW_MS, made));
    assert_ok(vault_keys_create(keys, (const int64_t[]){4}, 1, NOW_MS + 1000, made));
    assert_ok(vault_keys_list_old(keys, 1, NOW_MS + 1000, old, 10, &n));
    assert_int_equal(n, 2);
    assert_int_equal(old[0], 2);
    assert_int_equal(old[1], 3);
    assert_ok(vault_keys_delete(keys, old, n));
    assert_ok(vault_keys_load(keys, (const int64_t[]){1, 2, 4}, 3, made));
    assert_int_equal(made[0].version, 1);
    assert_int_equal(made[1].version, 0);
    assert_int_equal(made[2].version, 1);
    struct vault_erasure erasures[10];
    assert_ok(vault_erasures_list(keys, 0, erasures, 10, &n));
    assert_int_equal(n, 0);
    vault_keys_close(keys);
    vault_close(vault);
}

/* ---- forgetting ---- */

static void a_forgotten_key_leaves_no_trace_in_the_files(void **state)
{
    struct both *both = *state;
    struct vault *vault = vault_made(both);
    struct vault_keys *keys = keys_made(both, vault, DB_MAINTAINER);
    int64_t ids[MANY];
    struct vault_key made[MANY];
    for (size_t i = 0; i < MANY; i++) {
        ids[i] = 1 + (int64_t)((i * 7919) % MANY); // not ascending: pages are split in their middle
    }
    for (size_t i = 0; i < MANY; i += 50) {
        assert_ok(vault_keys_create(keys, ids + i, 50, NOW_MS, made + i));
    }
    const int64_t victims[] = {17, 400, 999};
    struct str wrapped[ARRAY_N(victims)];
    for (size_t i = 0; i < ARRAY_N(victims); i++) {
        wrapped[i] = wrapped_read(both, victims[i]);
        assert_int_equal(wrapped[i].n, 72);
        assert_true(both->dialect == DB_POSTGRES || traces_below(both->dir, wrapped[i]) > 0);
    }
    bool is_final = false;

    assert_ok(vault_keys_erase(keys, victims, ARRAY_N(victims), NOW_MS, &is_final));

    assert_int_equal(is_final, both->dialect == DB_SQLITE);
    char *dir = both->dir;
    char pg_data[] =
        "build/pg/data/base"; // the tables; the WAL is recycled by the server in its own time
    if (both->dialect == DB_POSTGRES) {
        assert_ok(vault_keys_settle(keys, &is_final));
        both_admin(both, "CHECKPOINT");
        dir = pg_data;
    }
    for (size_t i = 0; i < ARRAY_N(victims); i++) {
        assert_int_equal(traces_below(dir, wrapped[i]), 0);
    }
    assert_true(traces_below(dir, wrapped_read(both, 18)) >
                0); // the search works, and others are still there
    assert_ok(vault_keys_load(keys, victims, ARRAY_N(victims), made));
    for (size_t i = 0; i < ARRAY_N(victims); i++) {
        assert_int_equal(made[i].version, 0);
    }
    vault_keys_close(keys);
    vault_close(vault);
}

static void a_trace_left_in_a_page_makes_the_file_be_rebuilt(void **state)
{
    struct both *both = *state;
    struct vault *vault = vault_made(both);
    struct vault_keys *keys = keys_made(both, vault, DB_MAINTAINER);
    struct vault_key made[3];
    assert_ok(vault_keys_create(keys, (const int64_t[]){1, 2, 3}, 3, NOW_MS, made));
    const struct str wrapped = wrapped_read(both, 2);
    // What a moved row can leave behind: a copy in space that SQLite no longer owns up to.
    struct db *db = NULL;
    const struct db_config careless = {.url = both->url, .role = DB_MAINTAINER};
    assert_ok(db_open(&careless, &both->fail, &db));
    both_run(both, db, "PRAGMA secure_delete=OFF");
    both_run(both, db, "CREATE TABLE scrap (wrapped BLOB)");
    both_run(both, db, "INSERT INTO scrap SELECT wrapped FROM data_key WHERE owner_id = 2");
    both_run(both, db, "DELETE FROM scrap");
    db_close(db);
    bool is_final = false;

    assert_ok(vault_keys_erase(keys, (const int64_t[]){2}, 1, NOW_MS, &is_final));

    assert_true(is_final);
    assert_int_equal(traces_below(both->dir, wrapped), 0);
    assert_ok(vault_keys_load(keys, (const int64_t[]){1, 3}, 2, made));
    assert_int_equal(made[1].version, 1);
    vault_keys_close(keys);
    vault_close(vault);
}

static void forgetting_says_when_a_reader_is_in_the_way(void **state)
{
    struct both *both = *state;
    struct vault *vault = vault_made(both);
    struct vault_keys *keys = keys_made(both, vault, DB_MAINTAINER);
    struct vault_key made[1];
    struct db_result row = {0};
    bool is_final = true;
    assert_ok(vault_keys_create(keys, (const int64_t[]){1}, 1, NOW_MS, made));
    const struct str wrapped = wrapped_read(both, 1);
    struct db *reader = both_open(both, DB_READER, NULL);
    assert_ok(db_begin(reader, DB_READ));
    assert_ok(
        db_query_text(reader, &both->arena, STR("SELECT count(*) FROM data_key"), NULL, 0, &row));

    assert_ok(vault_keys_erase(keys, (const int64_t[]){1}, 1, NOW_MS, &is_final));

    assert_false(is_final);
    assert_ok(db_commit(reader));
    assert_ok(vault_keys_settle(keys, &is_final));
    assert_true(is_final);
    assert_int_equal(traces_below(both->dir, wrapped), 0);
    vault_keys_close(keys);
    vault_close(vault);
}

static void forgetting_is_written_down_twice(void **state)
{
    struct both *both = *state;
    struct vault *vault = vault_made(both);
    struct vault_keys *keys = keys_made(both, vault, DB_MAINTAINER);
    struct vault_key made[2];
    bool is_final = false;
    size_t n = 0;
    assert_ok(vault_keys_create(keys, (const int64_t[]){1, 2}, 2, NOW_MS, made));
    assert_ok(vault_keys_erase(keys, (const int64_t[]){2, 77}, 2, NOW_MS, &is_final));
    assert_ok(vault_keys_erase(keys, (const int64_t[]){2}, 1, NOW_MS + 9000, &is_final));

    struct vault_erasure list[10];
    assert_ok(vault_erasures_list(keys, 0, list, 10, &n));
    assert_int_equal(n, 2);
    assert_int_equal(list[0].owner_id, 2);
    assert_int_equal(list[0].erased_at, NOW_MS); // the first time counts
    assert_int_equal(list[1].owner_id, 77);
    assert_ok(vault_erasures_list(keys, 2, list, 10, &n));
    assert_int_equal(n, 1);

    struct str rest = file_read(both, config_of(both).erasures_path);
    struct str line = {0};
    struct vault_erasure read = {0};
    bool done = false;
    int64_t found[4] = {0};
    for (n = 0; n < 4 && str_split(&rest, '\n', &line, &done) && line.n > 0; n++) {
        assert_true(vault_erasure_read(line, &read));
        found[n] = read.owner_id;
    }
    assert_int_equal(n, 3);
    assert_int_equal(found[0], 2);
    assert_int_equal(found[1], 77);
    assert_int_equal(read.erased_at, NOW_MS + 9000);
    assert_false(vault_erasure_read(STR("v2 1 2026-11-21T10:00:00.000Z"), &read));
    assert_false(vault_erasure_read(STR("v1 1"), &read));
    assert_false(vault_erasure_read(STR("v1 1 2026-11-21T10:00:00.000Z x"), &read));
    vault_keys_close(keys);
    vault_close(vault);
}

static void no_log_no_forgetting(void **state)
{
    struct both *both = *state;
    const struct vault_config good = config_of(both);
    vault_close(vault_made(both));
    struct vault_config config = good;
    config.erasures_path = "/nonexistent/erasures.log";
    struct vault *vault = NULL;
    assert_ok(vault_open(&config, STR("instance-1"), &both->fail, &vault));
    struct vault_keys *keys = keys_made(both, vault, DB_MAINTAINER);
    struct vault_key made[1];
    bool is_final = false;
    size_t n = 9;
    struct vault_erasure list[1];
    assert_ok(vault_keys_create(keys, (const int64_t[]){1}, 1, NOW_MS, made));

    assert_err(vault_keys_erase(keys, (const int64_t[]){1}, 1, NOW_MS, &is_final), ERR_IO);

    assert_ok(vault_keys_load(keys, (const int64_t[]){1}, 1, made));
    assert_int_equal(made[0].version, 1);
    assert_ok(vault_erasures_list(keys, 0, list, 1, &n));
    assert_int_equal(n, 0);
    vault_keys_close(keys);
    vault_close(vault);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(keys_come_back_in_the_order_asked),
        BOTH(making_a_key_again_keeps_the_first),
        BOTH(a_key_moved_to_another_member_does_not_open),
        BOTH(remembered_keys_are_those_that_were_read),
        BOTH(a_remembered_key_that_is_erased_or_deleted_is_gone),
        BOTH(old_keys_are_listed_and_deleted),
        BOTH(a_forgotten_key_leaves_no_trace_in_the_files),
        ONLY_SQLITE(a_trace_left_in_a_page_makes_the_file_be_rebuilt),
        ONLY_SQLITE(forgetting_says_when_a_reader_is_in_the_way),
        BOTH(forgetting_is_written_down_twice),
        BOTH(no_log_no_forgetting),
    };
    return cmocka_run_group_tests_name("vault keys", tests, NULL, NULL);
}
