/* A disk that fails on purpose: an SQLite VFS in front of the real one that can fail the N-th write
 * or sync, and can say what would be on disk if the power failed now.
 *
 *     fault_install();                          // becomes the default VFS of the process
 *     fault_arm(FAULT_WRITE, 3, SQLITE_FULL, true);  // the third write from now on, and all after
 * it … fault_heal(); fault_power_cut(db_path, copy_path, seed); // the copy is what a restart would
 * find
 *
 *     fault_memory_arm(5);                      // SQLite's fifth allocation from now on fails,
 * once
 *
 * A power cut keeps what was synced; of what was written since, each 512-byte sector is there or
 * not, by the seed. fault.is_powersafe says whether SQLite may know that whole sectors go over.
 *
 * Owns:    one VFS and its counters for the process.
 * Threads: main thread only, but for the hooks.
 * Memory:  malloc'd images of the synced files, for tests of a few megabytes.
 * Errors:  -
 * Limits:  FAULT_FILES_MAX files tracked.
 */
#ifndef LOYALD_TEST_FAULT_VFS_H
#define LOYALD_TEST_FAULT_VFS_H

#include "base/base.h"

#include <sqlite3.h>

enum fault_operation { FAULT_NONE, FAULT_WRITE, FAULT_SYNC, FAULT_TRUNCATE, FAULT_READ };
enum { FAULT_FILES_MAX = 32, FAULT_PATH_MAX = 256, FAULT_SECTOR = 512 };

/* A file as it was at its last sync. */
struct fault_image {
    char path[FAULT_PATH_MAX];
    unsigned char *bytes;
    size_t n;
};

static struct {
    enum fault_operation operation;
    int64_t countdown; // the operation that brings it to 0 fails
    int code;
    bool is_persistent;
    int64_t failed_n;
    _Atomic int64_t counts[FAULT_READ + 1]; // operations seen since fault_heal()
    bool keeps_images;
    bool is_powersafe;        // what the disk promises of files opened from now on
    void (*sync_hook)(void);  // called before each sync, on the syncing thread; NULL
    void (*write_hook)(void); // the same of writes
    struct fault_image images[FAULT_FILES_MAX];
    sqlite3_vfs *real;
    sqlite3_vfs vfs;
    int64_t memory_countdown; // the allocation that brings it to 0 fails
    bool has_memory_failed;
    sqlite3_mem_methods memory;
} fault;

struct fault_file {
    sqlite3_file base;
    sqlite3_file *real; // behind this struct
    const char *path;   // NULL for temporary files
    bool is_tracked;    // the database or its WAL
};

static inline struct fault_file *fault_of(sqlite3_file *file)
{
    return (struct fault_file *)(void *)file;
}

static inline void fault_arm(enum fault_operation operation, int64_t countdown, int code,
                             bool is_persistent)
{
    fault.operation = operation;
    fault.countdown = countdown;
    fault.code = code;
    fault.is_persistent = is_persistent;
    fault.failed_n = 0;
}

static inline void fault_heal(void)
{
    fault_arm(FAULT_NONE, 0, SQLITE_OK, false);
    for (size_t i = 0; i < ARRAY_N(fault.counts); i++) {
        fault.counts[i] = 0;
    }
}

/* SQLITE_OK, or the error to return instead of doing it. */
static inline int fault_strike(const struct fault_file *file, enum fault_operation operation)
{
    if (!file->is_tracked) {
        return SQLITE_OK;
    }
    fault.counts[operation]++;
    if (fault.operation != operation) {
        return SQLITE_OK;
    }
    fault.countdown--;
    if (fault.countdown == 0 || (fault.countdown < 0 && fault.is_persistent)) {
        fault.failed_n++;
        return fault.code;
    }
    return SQLITE_OK;
}

/* ---- images ---- */

static inline struct fault_image *fault_image_find(const char *path)
{
    for (size_t i = 0; i < FAULT_FILES_MAX; i++) {
        struct fault_image *image = &fault.images[i];
        if (image->path[0] == 0) {
            (void)snprintf(image->path, sizeof image->path, "%s", path);
        }
        if (strcmp(image->path, path) == 0) {
            return image;
        }
    }
    abort();
}

static inline unsigned char *fault_file_read(sqlite3_file *real, size_t *n)
{
    sqlite3_int64 size = 0;
    if (real->pMethods->xFileSize(real, &size) != SQLITE_OK) {
        abort();
    }
    unsigned char *bytes = calloc((size_t)size + 1, 1);
    if (bytes == NULL ||
        (size > 0 && real->pMethods->xRead(real, bytes, (int)size, 0) != SQLITE_OK)) {
        abort();
    }
    *n = (size_t)size;
    return bytes;
}

static inline void fault_image_keep(const struct fault_file *file)
{
    if (fault.keeps_images && file->is_tracked) {
        struct fault_image *image = fault_image_find(file->path);
        free(image->bytes);
        image->bytes = fault_file_read(file->real, &image->n);
    }
}

static inline uint64_t fault_random(uint64_t *state)
{
    *state += 0x9E3779B97F4A7C15u; // splitmix64
    uint64_t z = *state;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* Writes what a restart would find of one file. */
static inline void fault_cut_one(const char *path, const char *copy_path, uint64_t *random)
{
    const struct fault_image *synced = fault_image_find(path);
    FILE *file = fopen(path, "rb");
    FILE *copy = NULL;
    static unsigned char sector[FAULT_SECTOR];
    static const unsigned char ZEROS[FAULT_SECTOR];
    (void)remove(copy_path);
    if (file == NULL) {
        return;
    }
    copy = fopen(copy_path, "wb");
    if (copy == NULL) {
        abort();
    }
    size_t at = 0;
    size_t n = 0;
    const bool grows = (fault_random(random) & 1) != 0; // has the new length reached the disk?
    while ((n = fread(sector, 1, sizeof sector, file)) > 0) {
        const bool is_new = (fault_random(random) & 1) != 0;
        const bool was_there = at < synced->n;
        const size_t old_n = !was_there ? 0 : synced->n - at < n ? synced->n - at : n;
        if (!was_there && !grows) {
            break;
        }
        if (!is_new) {
            memcpy(sector, ZEROS, sizeof sector);
            if (old_n > 0) {
                memcpy(sector, synced->bytes + at, old_n);
            }
        }
        if (fwrite(sector, 1, n, copy) != n) {
            abort();
        }
        at += n;
    }
    (void)fclose(file);
    (void)fclose(copy);
}

/* What a restart after a power cut would find of a database, at another path. */
static inline void fault_power_cut(const char *path, const char *copy_path, uint64_t seed)
{
    char wal[FAULT_PATH_MAX + 8];
    char wal_copy[FAULT_PATH_MAX + 8];
    char shm_copy[FAULT_PATH_MAX + 8];
    char full[FAULT_PATH_MAX];
    uint64_t random = seed;
    if (fault.real->xFullPathname(fault.real, path, sizeof full, full) != SQLITE_OK) {
        abort();
    }
    (void)snprintf(wal, sizeof wal, "%s-wal", full);
    (void)snprintf(wal_copy, sizeof wal_copy, "%s-wal", copy_path);
    (void)snprintf(shm_copy, sizeof shm_copy, "%s-shm", copy_path);
    (void)remove(shm_copy);
    fault_cut_one(full, copy_path, &random);
    fault_cut_one(wal, wal_copy, &random);
}

/* ---- the methods ---- */

static inline int fault_close(sqlite3_file *file)
{
    return fault_of(file)->real->pMethods->xClose(fault_of(file)->real);
}

static inline int fault_read(sqlite3_file *file, void *bytes, int n, sqlite3_int64 at)
{
    const int code = fault_strike(fault_of(file), FAULT_READ);
    return code != SQLITE_OK
               ? code
               : fault_of(file)->real->pMethods->xRead(fault_of(file)->real, bytes, n, at);
}

static inline int fault_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
    if (fault.write_hook != NULL && fault_of(file)->is_tracked) {
        fault.write_hook();
    }
    const int code = fault_strike(fault_of(file), FAULT_WRITE);
    return code != SQLITE_OK
               ? code
               : fault_of(file)->real->pMethods->xWrite(fault_of(file)->real, bytes, n, at);
}

static inline int fault_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    const int code = fault_strike(fault_of(file), FAULT_TRUNCATE);
    return code != SQLITE_OK
               ? code
               : fault_of(file)->real->pMethods->xTruncate(fault_of(file)->real, size);
}

static inline int fault_sync(sqlite3_file *file, int flags)
{
    if (fault.sync_hook != NULL && fault_of(file)->is_tracked) {
        fault.sync_hook();
    }
    int code = fault_strike(fault_of(file), FAULT_SYNC);
    if (code == SQLITE_OK) {
        // Tests do not wait for a real disk: what counts is what SQLite asked for.
        (void)flags;
        fault_image_keep(fault_of(file));
    }
    return code;
}

static inline int fault_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return fault_of(file)->real->pMethods->xFileSize(fault_of(file)->real, size);
}

static inline int fault_lock(sqlite3_file *file, int level)
{
    return fault_of(file)->real->pMethods->xLock(fault_of(file)->real, level);
}

static inline int fault_unlock(sqlite3_file *file, int level)
{
    return fault_of(file)->real->pMethods->xUnlock(fault_of(file)->real, level);
}

static inline int fault_reserved(sqlite3_file *file, int *out)
{
    return fault_of(file)->real->pMethods->xCheckReservedLock(fault_of(file)->real, out);
}

static inline int fault_control(sqlite3_file *file, int what, void *value)
{
    return fault_of(file)->real->pMethods->xFileControl(fault_of(file)->real, what, value);
}

static inline int fault_sector(sqlite3_file *file)
{
    return fault_of(file)->real->pMethods->xSectorSize(fault_of(file)->real);
}

static inline int fault_device(sqlite3_file *file)
{
    (void)file;
    // Never atomic writes or safe append.
    return fault.is_powersafe ? SQLITE_IOCAP_POWERSAFE_OVERWRITE : 0;
}

static inline int fault_shm_map(sqlite3_file *file, int page, int size, int extend,
                                void volatile **out)
{
    return fault_of(file)->real->pMethods->xShmMap(fault_of(file)->real, page, size, extend, out);
}

static inline int fault_shm_lock(sqlite3_file *file, int at, int n, int flags)
{
    return fault_of(file)->real->pMethods->xShmLock(fault_of(file)->real, at, n, flags);
}

static inline void fault_shm_barrier(sqlite3_file *file)
{
    fault_of(file)->real->pMethods->xShmBarrier(fault_of(file)->real);
}

static inline int fault_shm_unmap(sqlite3_file *file, int is_delete)
{
    return fault_of(file)->real->pMethods->xShmUnmap(fault_of(file)->real, is_delete);
}

static const sqlite3_io_methods FAULT_METHODS = {
    .iVersion = 2,
    .xClose = fault_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = fault_size,
    .xLock = fault_lock,
    .xUnlock = fault_unlock,
    .xCheckReservedLock = fault_reserved,
    .xFileControl = fault_control,
    .xSectorSize = fault_sector,
    .xDeviceCharacteristics = fault_device,
    .xShmMap = fault_shm_map,
    .xShmLock = fault_shm_lock,
    .xShmBarrier = fault_shm_barrier,
    .xShmUnmap = fault_shm_unmap,
};

static inline int fault_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                             int *out_flags)
{
    struct fault_file *wrapped = fault_of(file);
    (void)vfs;
    wrapped->real = (sqlite3_file *)(void *)(wrapped + 1);
    wrapped->path = path;
    wrapped->is_tracked = path != NULL && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0;
    const int code = fault.real->xOpen(fault.real, path, wrapped->real, flags, out_flags);
    wrapped->base.pMethods = wrapped->real->pMethods != NULL ? &FAULT_METHODS : NULL;
    return code;
}

/* ---- memory ---- */

static inline void fault_memory_arm(int64_t countdown)
{
    fault.memory_countdown = countdown;
    fault.has_memory_failed = false;
}

static inline bool fault_memory_strike(void)
{
    const bool strikes = fault.memory_countdown > 0 && --fault.memory_countdown == 0;
    fault.has_memory_failed = fault.has_memory_failed || strikes;
    return strikes;
}

static inline void *fault_malloc(int n)
{
    return fault_memory_strike() ? NULL : fault.memory.xMalloc(n);
}

static inline void *fault_realloc(void *old, int n)
{
    return fault_memory_strike() ? NULL : fault.memory.xRealloc(old, n);
}

/* Makes the failing disk the default for every connection opened from now on. Once per process. */
static inline void fault_install(void)
{
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &fault.memory) != SQLITE_OK) {
        abort(); // SQLite was used before
    }
    sqlite3_mem_methods memory = fault.memory;
    memory.xMalloc = fault_malloc;
    memory.xRealloc = fault_realloc;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &memory) != SQLITE_OK ||
        sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK) {
        abort();
    }
    fault.real = sqlite3_vfs_find(NULL);
    fault.vfs = *fault.real;
    fault.vfs.zName = "fault";
    fault.vfs.szOsFile = (int)sizeof(struct fault_file) + fault.real->szOsFile;
    fault.vfs.xOpen = fault_open;
    if (sqlite3_vfs_register(&fault.vfs, 1) != SQLITE_OK) {
        abort();
    }
    fault_heal();
}

#endif
