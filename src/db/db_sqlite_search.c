/* Looking for bytes in SQLite's files: the proof that a deleted key is gone. */
#include "base/base.h"
#include "db/db_internal.h"

enum {
    CHUNK_BYTES = 1024 * 1024,
    NEEDLE_BYTES_MIN = 4,
    NEEDLE_BYTES_MAX = 4096,
    FIRST_TWO_N = 65536
};

struct search {
    const struct str *needles;
    size_t needles_n;
    size_t longest;
    unsigned char
        *first_two; // one bit for each pair of first bytes: most places are passed by one look
    char *chunk;    // CHUNK_BYTES and before them what the needles may straddle
};

static size_t pair_of(const char *p)
{
    return (size_t)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}

static void search_open(struct search *search, struct arena *arena, const struct str *needles,
                        size_t needles_n)
{
    *search = (struct search){
        .needles = needles,
        .needles_n = needles_n,
        .first_two = arena_bytes(arena, FIRST_TWO_N / 8),
        .chunk = arena_bytes(arena, CHUNK_BYTES + NEEDLE_BYTES_MAX),
    };
    for (size_t i = 0; i < needles_n; i++) {
        ensure(needles[i].n >= NEEDLE_BYTES_MIN && needles[i].n <= NEEDLE_BYTES_MAX);
        const size_t pair = pair_of(needles[i].p);
        search->first_two[pair / 8] |= (unsigned char)(1u << pair % 8);
        search->longest = needles[i].n > search->longest ? needles[i].n : search->longest;
    }
}

static bool is_here(const struct search *search, const char *p, size_t left)
{
    for (size_t i = 0; i < search->needles_n; i++) {
        const struct str needle = search->needles[i];
        if (needle.n <= left && memcmp(needle.p, p, needle.n) == 0) {
            return true;
        }
    }
    return false;
}

static bool chunk_search(const struct search *search, size_t n)
{
    for (size_t i = 0; i + NEEDLE_BYTES_MIN <= n; i++) {
        const size_t pair = pair_of(search->chunk + i);
        if ((search->first_two[pair / 8] >> pair % 8 & 1) != 0 &&
            is_here(search, search->chunk + i, n - i)) {
            return true;
        }
    }
    return false;
}

static enum err file_search(const struct search *search, sqlite3_file *file, bool *found)
{
    sqlite3_int64 size = 0;
    size_t kept = 0; // bytes of the chunk before, in front
    if (file == NULL || file->pMethods == NULL) {
        return ERR_OK; // there is no such file now
    }
    if (file->pMethods->xFileSize(file, &size) != SQLITE_OK) {
        return ERR_IO;
    }
    for (sqlite3_int64 at = 0; at < size && !*found;) {
        const size_t n = size - at < CHUNK_BYTES ? (size_t)(size - at) : (size_t)CHUNK_BYTES;
        if (file->pMethods->xRead(file, search->chunk + kept, (int)n, at) != SQLITE_OK) {
            return ERR_IO;
        }
        *found = chunk_search(search, kept + n);
        const size_t all = kept + n;
        kept = all < search->longest - 1 ? all : search->longest - 1;
        memmove(search->chunk, search->chunk + all - kept, kept);
        at += (sqlite3_int64)n;
    }
    return ERR_OK;
}

enum err sqlite_search(struct db *db, const struct str *needles, size_t needles_n, bool *found)
{
    static const int FILES[] = {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER};
    struct search search;
    search_open(&search, &db->scratch, needles, needles_n);
    for (size_t i = 0; needles_n > 0 && !*found && i < ARRAY_N(FILES); i++) {
        sqlite3_file *file = NULL;
        if (sqlite3_file_control(db->sqlite, "main", FILES[i], &file) != SQLITE_OK) {
            return ERR_IO;
        }
        try(file_search(&search, file, found));
    }
    return ERR_OK;
}
