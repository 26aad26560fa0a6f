/* Forgetting: the line, the key, and the proof that its bytes are gone. */
#include "base/base.h"
#include "vault/keys_internal.h"

#include "base/buf.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 64, TRACE_BYTES = 18, TRACES_PER_KEY = WRAPPED_BYTES / TRACE_BYTES };
_Static_assert(WRAPPED_BYTES % TRACE_BYTES == 0, "the whole of a wrapped key is looked for");

/* ---- erasures.log ---- */

static struct str lines_make(struct arena *arena, const int64_t *owner_ids, size_t n,
                             int64_t now_ms)
{
    struct buf lines;
    char instant[INSTANT_BYTES + 1];
    instant_write(now_ms, instant);
    buf_open(&lines, arena, n * LINE_BYTES_MAX);
    for (size_t i = 0; i < n; i++) {
        buf_str(&lines, STR("v1 "));
        buf_int(&lines, owner_ids[i]);
        buf_char(&lines, ' ');
        buf_add(&lines, instant, INSTANT_BYTES);
        buf_char(&lines, '\n');
    }
    ensure(!lines.is_full);
    return buf_view(&lines);
}

static enum err lines_write(int fd, struct str lines)
{
    struct stat before;
    if (fstat(fd, &before) != 0) {
        return ERR_IO;
    }
    size_t at = 0;
    while (at < lines.n) {
        const ssize_t written = write(fd, lines.p + at, lines.n - at);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            const enum err err = errno == ENOSPC || errno == EDQUOT ? ERR_DISK_FULL : ERR_IO;
            (void)!ftruncate(fd, before.st_size); // no half line; what failed is returned
            return err;
        }
        at += (size_t)written;
    }
    return fsync(fd) == 0 ? ERR_OK : ERR_FSYNC;
}

enum err erasure_log_append(const char *path, struct arena *arena, const int64_t *owner_ids,
                            size_t n, int64_t now_ms)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno == ENOSPC ? ERR_DISK_FULL : ERR_IO;
    }
    // Another process may append too: whole blocks, one after the other.
    enum err err = flock(fd, LOCK_EX) == 0 ? ERR_OK : ERR_IO;
    if (err == ERR_OK) {
        err = lines_write(fd, lines_make(arena, owner_ids, n, now_ms));
    }
    if (close(fd) != 0 && err == ERR_OK) {
        err = ERR_IO;
    }
    return err == ERR_OK ? directory_sync(path) : err;
}

bool vault_erasure_read(struct str line, struct vault_erasure *out)
{
    struct vault_erasure erasure = {0};
    struct str word[3] = {{0}};
    bool done = false;
    for (size_t i = 0; i < ARRAY_N(word); i++) {
        if (!str_split(&line, ' ', &word[i], &done)) {
            return false;
        }
    }
    if (!done || !str_eq(word[0], STR("v1")) || !str_int64(word[1], &erasure.owner_id) ||
        !instant_read(word[2], &erasure.erased_at)) {
        return false;
    }
    *out = erasure;
    return true;
}

/* ---- the key ---- */

struct erase {
    const int64_t *owner_ids;
    size_t n;
    int64_t now_ms;
    bool is_noted;      // erasures.log has them already
    struct str *traces; // pieces of the wrapped keys deleted
    size_t traces_n;
};

static enum err traces_take(struct vault_keys *keys, struct erase *erase,
                            const struct db_value *ids)
{
    struct db_result rows = {0};
    try(db_query_rows(keys->db, &keys->scratch, KQ_DATA_KEYS_READ, ids, erase->n, 1, &rows));
    erase->traces = arena_new(&keys->scratch, struct str, rows.rows_n * TRACES_PER_KEY);
    for (size_t row = 0; row < rows.rows_n; row++) {
        const struct str wrapped = db_at_str(&rows, row, 2);
        for (size_t i = 0; i < TRACES_PER_KEY && wrapped.n == WRAPPED_BYTES; i++) {
            erase->traces[erase->traces_n++] =
                (struct str){.p = wrapped.p + i * TRACE_BYTES, .n = TRACE_BYTES};
        }
    }
    return ERR_OK;
}

static enum err erase_write(struct vault_keys *keys, void *context)
{
    struct erase *erase = context;
    const struct db_value *ids = keys_id_rows(keys, erase->owner_ids, erase->n);
    struct db_value *lines = arena_new(&keys->scratch, struct db_value, erase->n * 2);
    for (size_t i = 0; i < erase->n; i++) {
        lines[i * 2] = ids[i];
        lines[i * 2 + 1] = db_int(erase->now_ms);
    }
    try(traces_take(keys, erase, ids));
    try(db_exec_rows(keys->db, KQ_ERASURES_INSERT, lines, erase->n, 2, NULL));
    try(db_exec_rows(keys->db, KQ_DATA_KEYS_DELETE, ids, erase->n, 1, NULL));
    // Before the commit: the file has every line the table has, and at worst one too many, which is
    // asked for anyway.
    const char *path = keys->vault->config.erasures_path;
    return path == NULL || erase->is_noted
               ? ERR_OK
               : erasure_log_append(path, &keys->scratch, erase->owner_ids, erase->n,
                                    erase->now_ms);
}

/* Not empty: readers keep old frames in it. */
static enum err wal_empty(struct vault_keys *keys, bool *is_empty)
{
    int64_t left = 0;
    try(db_checkpoint(keys->db, DB_CHECKPOINT_TRUNCATE, &left));
    *is_empty = left == 0;
    return ERR_OK;
}

enum err vault_keys_settle(struct vault_keys *keys, bool *is_final)
{
    *is_final = false;
    try(db_exec(keys->db, KQ_DATA_KEY_REBUILD, NULL, 0, NULL));
    bool is_empty = false;
    try(wal_empty(keys, &is_empty));
    *is_final = is_empty && db_dialect(keys->db) == DB_SQLITE;
    return ERR_OK;
}

/* SQLite overwrites what it deletes, but moving rows between pages can leave a copy behind in a
 * page's gap: so look, and rebuild the file where something is found. */
static enum err traces_remove(struct vault_keys *keys, const struct erase *erase, bool *is_final)
{
    bool is_empty = false;
    // Where a key was gone already, an earlier call may have been cut short: nothing to look for,
    // so rebuild.
    bool is_found = erase->traces_n < erase->n * TRACES_PER_KEY;
    *is_final = false;
    try(wal_empty(keys, &is_empty));
    if (db_dialect(keys->db) != DB_SQLITE || !is_empty) {
        return ERR_OK;
    }
    if (!is_found) {
        try(db_file_search(keys->db, erase->traces, erase->traces_n, &is_found));
    }
    if (is_found) {
        try(vault_keys_settle(keys, &is_empty));
        try(db_file_search(keys->db, erase->traces, erase->traces_n, &is_found));
    }
    *is_final = is_empty && !is_found;
    return ERR_OK;
}

static enum err erase_run(struct vault_keys *keys, struct erase *erase, bool *is_final)
{
    keys_forget(keys, erase->owner_ids, erase->n);
    enum err err = keys_transaction(keys, erase_write, erase);
    if (err == ERR_OK) {
        err = traces_remove(keys, erase, is_final);
    }
    arena_reset(&keys->scratch);
    return err;
}

enum err vault_keys_erase(struct vault_keys *keys, const int64_t *owner_ids, size_t n,
                          int64_t now_ms, bool *is_final)
{
    ensure(n > 0 && n <= VAULT_ERASE_MAX);
    struct erase erase = {.owner_ids = owner_ids, .n = n, .now_ms = now_ms};
    return erase_run(keys, &erase, is_final);
}

/* ---- after a restore ---- */

/* The next whole line; false at the end. What a crash left without a line's end was never
 * committed. */
static bool line_next(FILE *file, char line[LINE_BYTES_MAX + 1], struct str *out)
{
    if (fgets(line, LINE_BYTES_MAX + 1, file) == NULL) {
        return false;
    }
    *out = str_c(line);
    return out->n > 0 && out->p[--out->n] == '\n';
}

/* Erases those of a page of lines whom the table does not have. */
static enum err replay_page(struct vault_keys *keys, const struct vault_erasure *list, size_t n,
                            size_t *replayed_n)
{
    int64_t ids[VAULT_ERASE_MAX] = {0};
    bool is_erased[VAULT_ERASE_MAX] = {false};
    bool is_final = false;
    for (size_t i = 0; i < n; i++) {
        ids[i] = list[i].owner_id;
    }
    try(vault_erasures_find(keys, ids, n, is_erased));
    for (size_t i = 0; i < n; i++) {
        struct erase erase = {
            .owner_ids = &ids[i], .n = 1, .now_ms = list[i].erased_at, .is_noted = true};
        if (!is_erased[i]) {
            try(erase_run(keys, &erase, &is_final));
            (*replayed_n)++;
        }
    }
    return ERR_OK;
}

enum err vault_erasures_replay(struct vault_keys *keys, struct fail *f, size_t *replayed_n)
{
    struct vault_erasure list[VAULT_ERASE_MAX];
    char text[LINE_BYTES_MAX + 1];
    struct str line;
    size_t n = 0;
    enum err err = ERR_OK;
    *replayed_n = 0;
    const char *path = keys->vault->config.erasures_path;
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    if (file == NULL) {
        return path == NULL || errno == ENOENT ? ERR_OK : ERR_IO;
    }
    while (err == ERR_OK && line_next(file, text, &line)) {
        if (!vault_erasure_read(line, &list[n])) {
            err = fail(f, ERR_INTEGRITY, "",
                       "%s has a line that is none of loyald's (\"v1 OWNER INSTANT\"): compare it "
                       "with its copy elsewhere and mend it.",
                       path);
        } else if (++n == ARRAY_N(list)) {
            err = replay_page(keys, list, n, replayed_n);
            n = 0;
        }
    }
    if (err == ERR_OK && ferror(file) != 0) {
        err = ERR_IO;
    }
    if (err == ERR_OK) {
        err = replay_page(keys, list, n, replayed_n);
    }
    (void)fclose(file); // only read
    return err;
}

enum err vault_erasures_list(struct vault_keys *keys, int64_t after, struct vault_erasure *list,
                             size_t max, size_t *n)
{
    ensure(max <= VAULT_KEYS_BATCH_MAX);
    struct db_result rows = {0};
    const struct db_value params[] = {db_int(after), db_int((int64_t)max)};
    enum err err =
        db_query(keys->db, &keys->scratch, KQ_ERASURE_LIST, params, ARRAY_N(params), &rows);
    for (size_t i = 0; err == ERR_OK && i < rows.rows_n; i++) {
        list[i] = (struct vault_erasure){.owner_id = db_at_int(&rows, i, 0),
                                         .erased_at = db_at_int(&rows, i, 1)};
    }
    if (err == ERR_OK) {
        *n = rows.rows_n;
        err = rows.is_bad ? ERR_INTEGRITY : ERR_OK;
    }
    arena_reset(&keys->scratch);
    return err;
}

static int id_order(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a;
    const int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

enum err vault_erasures_find(struct vault_keys *keys, const int64_t *owner_ids, size_t n,
                             bool *is_erased)
{
    ensure(n <= VAULT_KEYS_BATCH_MAX);
    struct db_result rows = {0};
    if (n == 0) {
        return ERR_OK;
    }
    enum err err = db_query_rows(keys->db, &keys->scratch, KQ_ERASURES_READ,
                                 keys_id_rows(keys, owner_ids, n), n, 1, &rows);
    if (err == ERR_OK) {
        int64_t *found = arena_new(&keys->scratch, int64_t, rows.rows_n);
        for (size_t row = 0; row < rows.rows_n; row++) {
            found[row] = db_at_int(&rows, row, 0);
        }
        qsort(found, rows.rows_n, sizeof *found, id_order);
        for (size_t i = 0; i < n; i++) {
            is_erased[i] =
                bsearch(&owner_ids[i], found, rows.rows_n, sizeof *found, id_order) != NULL;
        }
        err = rows.is_bad ? ERR_INTEGRITY : ERR_OK;
    }
    arena_reset(&keys->scratch);
    return err;
}
