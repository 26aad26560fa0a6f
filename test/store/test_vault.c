/* The vault: its master key, sealing, hashes, the process, on both databases. */
#include "base/base.h"

#include "vault_home.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* ---- the master key ---- */

static void a_key_file_others_can_read_is_refused(void **state)
{
    struct both *both = *state;
    const struct vault_config config = config_of(both);
    struct vault *vault = vault_made(both);
    vault_close(vault);
    static const struct {
        mode_t mode;
        bool is_fine;
    } MODES[] = {{0400, true},  {0600, true},  {0440, false}, {0404, false},
                 {0644, false}, {0700, false}, {0666, false}};
    for (size_t i = 0; i < ARRAY_N(MODES); i++) {
        struct fail why = {.arena = &both->arena};
        assert_int_equal(chmod(config.master_path, MODES[i].mode), 0);
        assert_err(vault_open(&config, STR("instance-1"), &why, &vault),
                   MODES[i].is_fine ? ERR_OK : ERR_CONFIG);
        if (MODES[i].is_fine) {
            vault_close(vault);
        } else {
            assert_non_null(strstr(why.items[0].detail.p, "chmod 0400"));
        }
    }
}

static void a_key_file_of_another_size_or_kind_is_refused(void **state)
{
    struct both *both = *state;
    struct vault_config config = config_of(both);
    struct vault *vault = NULL;
    const int fd = open(config.master_path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "0123456789abcdef0123456789abcdef0", 33), 33);
    assert_int_equal(close(fd), 0);
    assert_err(vault_init(&config, STR("instance-1"), NOW_MS, &both->fail), ERR_CONFIG);
    assert_int_equal(truncate(config.master_path, 31), 0);
    assert_err(vault_init(&config, STR("instance-1"), NOW_MS, &both->fail), ERR_CONFIG);
    assert_err(vault_master_create(config.master_path, &both->fail),
               ERR_CONFIG); // never overwritten
    config.master_path = both->dir;
    assert_err(vault_open(&config, STR("instance-1"), &both->fail, &vault), ERR_CONFIG);
    config.master_path = "/nonexistent/key";
    assert_err(vault_open(&config, STR("instance-1"), &both->fail, &vault), ERR_CONFIG);
}

/* Everything in the key store, as text. */
static struct str store_dump(struct both *both)
{
    struct db *db = both_open(both, DB_READER, NULL);
    struct db_result rows = {0};
    const char *sql =
        both->dialect == DB_SQLITE
            ? "SELECT group_concat(name || hex(wrapped) || created_at) FROM (SELECT * FROM "
              "instance_key"
              " ORDER BY name)"
            : "SELECT string_agg(name || encode(wrapped, 'hex') || created_at, ',' ORDER BY name)"
              " FROM instance_key";
    assert_ok(db_query_text(db, &both->arena, str_c(sql), NULL, 0, &rows));
    both_close(both, db);
    return db_at_str(&rows, 0, 0);
}

static void another_master_key_is_refused_and_changes_nothing(void **state)
{
    struct both *both = *state;
    struct vault_config config = config_of(both);
    vault_close(vault_made(both));
    const struct str before = store_dump(both);
    config.master_path = str_fmt(&both->arena, "%s/other.key", both->dir).p;
    assert_ok(vault_master_create(config.master_path, &both->fail));
    struct vault *vault = NULL;

    assert_err(vault_open(&config, STR("instance-1"), &both->fail, &vault), ERR_CONFIG);
    assert_err(vault_init(&config, STR("instance-1"), NOW_MS + 1, &both->fail), ERR_CONFIG);

    assert_true(str_eq(before, store_dump(both)));
    assert_true(before.n > 16 * 144);
}

static void another_instance_is_refused(void **state)
{
    struct both *both = *state;
    const struct vault_config config = config_of(both);
    struct vault *vault = vault_made(both);
    assert_true(str_eq(vault_instance_id(vault), STR("instance-1")));
    vault_close(vault);
    assert_err(vault_open(&config, STR("instance-2"), &both->fail, &vault), ERR_CONFIG);
    assert_err(vault_init(&config, STR("instance-2"), NOW_MS, &both->fail), ERR_CONFIG);
    assert_ok(vault_open(&config, (struct str){0}, &both->fail, &vault));
    vault_close(vault);
}

static void init_may_be_repeated_and_keeps_the_keys(void **state)
{
    struct both *both = *state;
    const struct vault_config config = config_of(both);
    unsigned char first[VAULT_HASH_BYTES];
    unsigned char second[VAULT_HASH_BYTES];
    struct vault *vault = vault_made(both);
    vault_natural_key(vault, STR("shop"), STR("1"), first);
    vault_close(vault);
    assert_ok(vault_init(&config, STR("instance-1"), NOW_MS + 5, &both->fail));
    assert_ok(vault_open(&config, STR("instance-1"), &both->fail, &vault));
    vault_natural_key(vault, STR("shop"), STR("1"), second);
    assert_memory_equal(first, second, sizeof first);
    vault_close(vault);
}

static void a_store_without_init_is_refused(void **state)
{
    struct both *both = *state;
    const struct vault_config config = config_of(both);
    struct vault *vault = NULL;
    assert_ok(vault_master_create(config.master_path, &both->fail));
    assert_err(vault_open(&config, STR("instance-1"), &both->fail, &vault), ERR_CONFIG);
}

static void a_schema_newer_than_the_binary_is_refused(void **state)
{
    struct both *both = *state;
    const struct vault_config config = config_of(both);
    struct vault *vault = vault_made(both);
    vault_close(vault);
    struct db *db = both_open(both, DB_WRITER, NULL);
    struct db_migration_report report = {0};
    struct fail why = {.arena = &both->arena};
    assert_ok(db_schema_check(db, "sql/keys/migrations/", &why, &report));
    assert_int_equal(report.version, report.newest);
    assert_ok(db_migrate(db, "sql/keys/migrations/", NOW_MS, NULL, &why, &report));
    assert_int_equal(report.applied_n, 0);

    both_run(both, db, "UPDATE schema_migration SET checksum = 'another' WHERE version = 1");
    assert_err(vault_open(&config, STR("instance-1"), &why, &vault), ERR_CONFIG);
    assert_err(db_migrate(db, "sql/keys/migrations/", NOW_MS, NULL, &why, &report), ERR_CONFIG);
    both_run(both, db, "UPDATE schema_migration SET version = 9999");
    why = (struct fail){.arena = &both->arena};
    assert_err(vault_open(&config, STR("instance-1"), &why, &vault), ERR_CONFIG);
    assert_non_null(strstr(why.items[0].detail.p, "9999"));
    assert_err(db_migrate(db, "sql/keys/migrations/", NOW_MS, NULL, &why, &report), ERR_CONFIG);
    assert_false(db_in_transaction(db));
}

static void processes_that_start_together_migrate_once(void **state)
{
    struct both *both = *state;
    enum { PROCESSES = 4 };
    pid_t children[PROCESSES];
    for (size_t i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            struct db *db = NULL;
            struct db_migration_report report = {0};
            const struct db_config config = {.url = both->url, .role = DB_WRITER};
            enum err err = db_open(&config, &both->fail, &db);
            err = err == ERR_OK
                      ? db_migrate(db, "sql/keys/migrations/", NOW_MS, NULL, &both->fail, &report)
                      : err;
            if (err != ERR_OK) {
                print_error("%.*s\n", STR_ARG(both->fail.items[0].detail));
            }
            _exit(err == ERR_OK && report.version == report.newest ? (int)report.applied_n : 100);
        }
    }
    int applied_n = 0;
    for (size_t i = 0; i < PROCESSES; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        applied_n += WEXITSTATUS(status);
    }
    assert_int_equal(applied_n, 1);
}

/* ---- sealing ---- */

static const struct vault_place PLACE = {.table = "member", .column = "profile", .owner_id = 7};

static void a_sealed_value_opens_in_its_place_only(void **state)
{
    struct both *both = *state;
    struct vault *vault = vault_made(both);
    const struct vault_key *key = vault_instance_key(vault, VAULT_SECRET);
    const struct str sealed = vault_seal(&both->arena, key, PLACE, STR("Ann Example"));
    struct str plain = {0};

    assert_int_equal(sealed.n, 11 + VAULT_SEAL_BYTES);
    assert_false(bytes_are_in(sealed, STR("Ann")));
    assert_ok(vault_unseal(&both->arena, key, PLACE, sealed, &plain));
    assert_true(str_eq(plain, STR("Ann Example")));

    struct vault_place other = PLACE;
    other.owner_id = 8;
    assert_err(vault_unseal(&both->arena, key, other, sealed, &plain), ERR_INTEGRITY);
    other = PLACE;
    other.column = "note";
    assert_err(vault_unseal(&both->arena, key, other, sealed, &plain), ERR_INTEGRITY);
    other = PLACE;
    other.table = "event";
    assert_err(vault_unseal(&both->arena, key, other, sealed, &plain), ERR_INTEGRITY);
    assert_err(
        vault_unseal(&both->arena, vault_instance_key(vault, VAULT_ANSWER), PLACE, sealed, &plain),
        ERR_INTEGRITY);
    vault_close(vault);
}

static void a_changed_or_cut_value_does_not_open(void **state)
{
    struct both *both = *state;
    struct vault *vault = vault_made(both);
    const struct vault_key *key = vault_instance_key(vault, VAULT_SECRET);
    const struct str sealed = vault_seal(&both->arena, key, PLACE, STR("Ann"));
    struct str plain = {0};
    for (size_t i = 0; i < sealed.n; i++) {
        struct str changed = str_dup(&both->arena, sealed);
        ((char *)(uintptr_t)changed.p)[i] ^= 1;
        assert_err(vault_unseal(&both->arena, key, PLACE, changed, &plain), ERR_INTEGRITY);
        changed = (struct str){.p = sealed.p, .n = i};
        assert_err(vault_unseal(&both->arena, key, PLACE, changed, &plain), ERR_INTEGRITY);
    }
    const struct vault_key gone = {0};
    assert_err(vault_unseal(&both->arena, &gone, PLACE, sealed, &plain), ERR_NOT_FOUND);
    const struct str empty = vault_seal(&both->arena, key, PLACE, (struct str){0});
    assert_ok(vault_unseal(&both->arena, key, PLACE, empty, &plain));
    assert_int_equal(plain.n, 0);
    vault_close(vault);
}

static int bytes_order(const void *a, const void *b)
{
    return memcmp(a, b, 24);
}

static void every_write_has_a_nonce_of_its_own(void **state)
{
    struct both *both = *state;
    struct vault *vault = vault_made(both);
    const struct vault_key *key = vault_instance_key(vault, VAULT_SECRET);
    enum { N = 10000 };
    char(*nonces)[24] = (void *)arena_bytes(&both->arena, N * 24);
    for (size_t i = 0; i < N; i++) {
        memcpy(nonces[i], vault_seal(&both->arena, key, PLACE, STR("same")).p + 2, 24);
    }
    qsort(nonces, N, 24, bytes_order);
    for (size_t i = 1; i < N; i++) {
        assert_int_not_equal(memcmp(nonces[i - 1], nonces[i], 24), 0);
    }
    vault_close(vault);
}

/* ---- keyed hashes ---- */

static void a_blind_index_differs_by_field_and_by_instance(void **state)
{
    struct both *both = *state;
    struct vault *vault = vault_made(both);
    static const enum vault_instance_key FIELDS[] = {VAULT_EXTERNAL_ID, VAULT_EMAIL, VAULT_PHONE,
                                                     VAULT_CARD, VAULT_NAME};
    unsigned char index[ARRAY_N(FIELDS)][VAULT_HASH_BYTES];
    unsigned char again[VAULT_HASH_BYTES];
    unsigned char unkeyed[VAULT_HASH_BYTES];
    for (size_t i = 0; i < ARRAY_N(FIELDS); i++) {
        vault_blind(vault, FIELDS[i], STR("ann@example.org"), index[i]);
        vault_blind(vault, FIELDS[i], STR("ann@example.org"), again);
        assert_memory_equal(index[i], again, sizeof again);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(index[i], index[j], sizeof again);
        }
    }
    (void)crypto_generichash(unkeyed, sizeof unkeyed, (const unsigned char *)"ann@example.org", 15,
                             NULL, 0);
    assert_memory_not_equal(index[1], unkeyed, sizeof unkeyed);
    vault_close(vault);
}

static void a_natural_key_tells_its_parts_apart(void **state)
{
    struct both *both = *state;
    struct vault *vault = vault_made(both);
    unsigned char a[VAULT_HASH_BYTES];
    unsigned char b[VAULT_HASH_BYTES];
    vault_natural_key(vault, STR("shop"), STR("1-1"), a);
    vault_natural_key(vault, STR("shop1"), STR("-1"), b);
    assert_memory_not_equal(a, b, sizeof a);
    vault_natural_key(vault, STR(""), STR("shop1-1"), b);
    assert_memory_not_equal(a, b, sizeof a);
    vault_natural_key(vault, STR("shop"), STR("1-1"), b);
    assert_memory_equal(a, b, sizeof a);
    // Whatever stands between the parts can stand in them as well: only their lengths tell.
    vault_natural_key(vault, STR("a\0\0\0\0\0\0\0\0b"), STR("c"), a);
    vault_natural_key(vault, STR("a"), STR("b\0\0\0\0\0\0\0\0c"), b);
    assert_memory_not_equal(a, b, sizeof a);
    vault_close(vault);
}

static void derived_keys_and_commitments_follow_their_secret(void **state)
{
    struct both *both = *state;
    struct vault *vault = vault_made(both);
    const struct vault_key first = vault_key_derive(vault, VAULT_ANSWER, STR("key-1"));
    const struct vault_key again = vault_key_derive(vault, VAULT_ANSWER, STR("key-1"));
    const struct vault_key other = vault_key_derive(vault, VAULT_ANSWER, STR("key-2"));
    unsigned char a[VAULT_COMMITMENT_BYTES];
    unsigned char b[VAULT_COMMITMENT_BYTES];
    assert_memory_equal(first.bytes, again.bytes, sizeof first.bytes);
    assert_memory_not_equal(first.bytes, other.bytes, sizeof first.bytes);
    vault_commit(&first, PLACE, STR("reason"), a);
    vault_commit(&again, PLACE, STR("reason"), b);
    assert_memory_equal(a, b, sizeof a);
    vault_commit(&other, PLACE, STR("reason"), b);
    assert_memory_not_equal(a, b, sizeof a);
    vault_close(vault);
}

static void a_token_is_random_and_known_by_its_hash(void **state)
{
    (void)state;
    char first[VAULT_TOKEN_BYTES + 1];
    char second[VAULT_TOKEN_BYTES + 1];
    unsigned char hash[VAULT_TOKEN_HASH_BYTES];
    unsigned char found[VAULT_TOKEN_HASH_BYTES];
    unsigned char expected[VAULT_TOKEN_HASH_BYTES];
    vault_token_create(first, hash);
    vault_token_create(second, found);
    assert_int_equal(strlen(first), VAULT_TOKEN_BYTES);
    assert_memory_equal(first, "lk_", 3);
    assert_string_not_equal(first, second);
    assert_true(vault_token_hash(str_c(first), found));
    assert_true(vault_equal(hash, found, sizeof hash));
    (void)crypto_hash_sha256(expected, (const unsigned char *)first, VAULT_TOKEN_BYTES);
    assert_memory_equal(expected, hash, sizeof hash);
    assert_true(vault_token_hash(str_c(second), found));
    assert_false(vault_equal(hash, found, sizeof hash));
    assert_false(vault_token_hash(STR("lk_"), found));
    assert_false(vault_token_hash((struct str){.p = first, .n = VAULT_TOKEN_BYTES - 1}, found));
    first[10] = 'U';
    assert_false(vault_token_hash(str_c(first), found));
    first[10] = 0;
    assert_false(vault_token_hash((struct str){.p = first, .n = VAULT_TOKEN_BYTES}, found));
}

/* ---- the process ---- */

static void a_hardened_process_leaves_no_core(void **state)
{
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        struct rlimit limit;
        const bool is_fine = vault_process_harden() == ERR_OK &&
                             getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0 &&
                             limit.rlim_max == 0;
        _exit(is_fine ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void the_master_key_is_in_no_file_of_the_store(void **state)
{
    struct both *both = *state;
    struct vault *vault = vault_made(both);
    const struct str master = file_read(both, config_of(both).master_path);
    unsigned char check[VAULT_HASH_BYTES];
    vault_master_check(vault, check);
    assert_int_equal(master.n, 32);
    assert_int_equal(traces_below(both->dir, master), 1); // the key file itself
    assert_int_equal(
        traces_below(both->dir,
                     (struct str){.p = (const char *)vault_instance_key(vault, VAULT_EMAIL)->bytes,
                                  .n = 32}),
        0);
    vault_close(vault);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_key_file_others_can_read_is_refused),
        ONLY_SQLITE(a_key_file_of_another_size_or_kind_is_refused),
        BOTH(another_master_key_is_refused_and_changes_nothing),
        BOTH(another_instance_is_refused),
        BOTH(init_may_be_repeated_and_keeps_the_keys),
        BOTH(a_store_without_init_is_refused),
        BOTH(a_schema_newer_than_the_binary_is_refused),
        BOTH(processes_that_start_together_migrate_once),
        ONLY_SQLITE(a_sealed_value_opens_in_its_place_only),
        ONLY_SQLITE(a_changed_or_cut_value_does_not_open),
        ONLY_SQLITE(every_write_has_a_nonce_of_its_own),
        ONLY_SQLITE(a_blind_index_differs_by_field_and_by_instance),
        ONLY_SQLITE(a_natural_key_tells_its_parts_apart),
        ONLY_SQLITE(derived_keys_and_commitments_follow_their_secret),
        ONLY_SQLITE(a_token_is_random_and_known_by_its_hash),
        ONLY_SQLITE(a_hardened_process_leaves_no_core),
        BOTH(the_master_key_is_in_no_file_of_the_store),
    };
    return cmocka_run_group_tests_name("vault", tests, NULL, NULL);
}
