/* A vault and its key store for tests, and a look for bytes in all files.
 *
 * Owns:    nothing; what is opened the test closes.
 * Threads: main thread only.
 * Memory:  both->arena.
 * Errors:  a test fails.
 * Limits:  -
 */
#ifndef LOYALD_TEST_VAULT_HOME_H
#define LOYALD_TEST_VAULT_HOME_H

#include "both.h"

#include <fts.h>

#include "vault/keys.h"

enum { NOW = 1700000000 };
#define NOW_MS ((int64_t)NOW * 1000)

static inline bool bytes_are_in(struct str content, struct str piece)
{
    const char *p = content.p;
    while (p != NULL && piece.n <= (size_t)(content.p + content.n - p)) {
        p = memchr(p, piece.p[0], (size_t)(content.p + content.n - p) - piece.n + 1);
        if (p == NULL || memcmp(p, piece.p, piece.n) == 0) {
            return p != NULL;
        }
        p++;
    }
    return false;
}

static inline struct vault_config config_of(struct both *both)
{
    return (struct vault_config){
        .master_path = str_fmt(&both->arena, "%s/master.key", both->dir).p,
        .keys_url = both->url,
        .erasures_path = str_fmt(&both->arena, "%s/erasures.log", both->dir).p,
    };
}

static inline struct vault *vault_made(struct both *both)
{
    const struct vault_config config = config_of(both);
    struct vault *vault = NULL;
    assert_ok(vault_master_create(config.master_path, &both->fail));
    assert_ok(vault_init(&config, STR("instance-1"), NOW_MS, &both->fail));
    assert_ok(vault_open(&config, STR("instance-1"), &both->fail, &vault));
    return vault;
}

static inline struct vault_keys *keys_made(struct both *both, const struct vault *vault,
                                           enum db_role role)
{
    struct vault_keys *keys = NULL;
    const enum err err = vault_keys_open(vault, role, &both->fail, &keys);
    if (err != ERR_OK) {
        print_error("%.*s\n", STR_ARG(both->fail.items[0].detail));
    }
    assert_ok(err);
    return keys;
}

static inline struct str file_read_into(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return (struct str){0};
    }
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    const size_t n = (size_t)ftell(file);
    rewind(file);
    char *bytes = arena_bytes(arena, n + 1);
    assert_int_equal(fread(bytes, 1, n, file), n);
    (void)fclose(file);
    return (struct str){.p = bytes, .n = n};
}

static inline struct str file_read(struct both *both, const char *path)
{
    return file_read_into(&both->arena, path);
}

/* How many files below a directory hold any 16 bytes of a wrapped key. */
static inline int traces_below(char *dir, struct str wrapped)
{
    int hits = 0;
    struct arena file; // one at a time: a server's files may be many
    arena_open(&file, (size_t)2 << 30);
    FTS *walk = fts_open((char *[]){dir, NULL}, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    assert_non_null(walk);
    FTSENT *entry = NULL;
    while ((entry = fts_read(walk)) != NULL) {
        if (entry->fts_info != FTS_F) {
            continue;
        }
        arena_reset(&file);
        const struct str content = file_read_into(&file, entry->fts_accpath);
        for (size_t i = 0; i + 16 <= wrapped.n; i += 8) {
            if (bytes_are_in(content, (struct str){.p = wrapped.p + i, .n = 16})) {
                hits++;
                break;
            }
        }
    }
    (void)fts_close(walk);
    arena_close(&file);
    return hits;
}

static inline struct str wrapped_read(struct both *both, int64_t id)
{
    struct db *db = both_open(both, DB_READER, NULL);
    struct db_result row = {0};
    const char *sql = both->dialect == DB_SQLITE
                          ? "SELECT wrapped FROM data_key WHERE owner_id = ?1"
                          : "SELECT wrapped FROM data_key WHERE owner_id = $1";
    assert_ok(
        db_query_text(db, &both->arena, str_c(sql), (struct db_value[]){db_int(id)}, 1, &row));
    both_close(both, db);
    assert_int_equal(row.rows_n, 1);
    return db_at_str(&row, 0, 0);
}

#endif
