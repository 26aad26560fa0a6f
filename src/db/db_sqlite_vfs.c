/* A VFS before SQLite's own. Of the write-ahead log it gathers what follows on itself and writes it
 * at once, where SQLite writes pieces of 24 and of 2048 bytes (decision 12); of a database file it
 * tells the system that it is read here and there (decision 16), and writes back what a checkpoint
 * moves a little at a time (decision 17). All else is the VFS behind it.
 *
 * In the log nothing that counts waits here: with synchronous=FULL a commit syncs the log before
 * anybody is told of its frames, and before a sync, a reading, a truncation or a question for the
 * size everything goes out. What a write finds wrong then (a full disk) is told by the sync, and
 * the commit fails as it would have. What is never synced belongs to no commit, but for those that
 * are early (db.h): they are written at their commit, and synced by whoever tells of them.
 *
 * Where the device does not promise that an interrupted write leaves the bytes before it alone,
 * SQLite fills the sector and writes on after the sync; there nothing is gathered. */
#include "base/base.h"
#include "db/db_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum {
    GATHER_BYTES = 120 * 1024, // SQLite's own files take at most 0x1ffff bytes a call
    PIECE_PAGES = 256,         // written back at a time
};

struct log_file {
    sqlite3_file base;
    sqlite3_file *real;   // behind this struct
    unsigned char *bytes; // GATHER_BYTES, from the first write on
    int n;
    sqlite3_int64 from; // where bytes belong in the file
    bool gathers;
    bool is_anew; // its first bytes were written since the last sync
    bool holds;   // between sqlite_log_hold() and its end
};

static struct log_file *log_of(sqlite3_file *file)
{
    return (struct log_file *)(void *)file;
}

/* Whatever happens, nothing waits any more: after an error SQLite writes those frames again. */
static int log_flush(struct log_file *log)
{
    const int n = log->n;
    log->n = 0;
    return n == 0 ? SQLITE_OK : log->real->pMethods->xWrite(log->real, log->bytes, n, log->from);
}

static int log_close(sqlite3_file *file)
{
    struct log_file *log = log_of(file);
    sqlite3_free(log->bytes);
    log->bytes = NULL;
    return log->real->pMethods->xClose(log->real);
}

static int log_read(sqlite3_file *file, void *bytes, int n, sqlite3_int64 at)
{
    const int code = log_flush(log_of(file));
    return code != SQLITE_OK
               ? code
               : log_of(file)->real->pMethods->xRead(log_of(file)->real, bytes, n, at);
}

static int log_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
    struct log_file *log = log_of(file);
    log->is_anew |= at == 0;
    if (log->bytes == NULL && log->gathers) {
        log->bytes = sqlite3_malloc(GATHER_BYTES);
    }
    if (log->bytes == NULL || n > GATHER_BYTES) {
        const int code = log_flush(log);
        return code != SQLITE_OK ? code : log->real->pMethods->xWrite(log->real, bytes, n, at);
    }
    if (log->n > 0 && (at != log->from + log->n || n > GATHER_BYTES - log->n)) {
        const int code = log_flush(log);
        if (code != SQLITE_OK) {
            return code;
        }
    }
    if (log->n == 0) {
        log->from = at;
    }
    memcpy(log->bytes + log->n, bytes, (size_t)n);
    log->n += n;
    return SQLITE_OK;
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    const int code = log_flush(log_of(file));
    return code != SQLITE_OK ? code
                             : log_of(file)->real->pMethods->xTruncate(log_of(file)->real, size);
}

/* A log that begins anew is written over the old one, whose frames are in the file by then. Had the
 * disk the new frames without the new head, it would take old frames before them for the last ones.
 */
static int log_sync(sqlite3_file *file, int flags)
{
    struct log_file *log = log_of(file);
    int code = log_flush(log);
    if (code == SQLITE_OK && (!log->holds || log->is_anew)) {
        code = log->real->pMethods->xSync(log->real, flags);
        log->is_anew &= code != SQLITE_OK;
    }
    return code;
}

static int log_size(sqlite3_file *file, sqlite3_int64 *size)
{
    const int code = log_flush(log_of(file));
    return code != SQLITE_OK ? code
                             : log_of(file)->real->pMethods->xFileSize(log_of(file)->real, size);
}

static int log_lock(sqlite3_file *file, int level)
{
    return log_of(file)->real->pMethods->xLock(log_of(file)->real, level);
}

static int log_unlock(sqlite3_file *file, int level)
{
    return log_of(file)->real->pMethods->xUnlock(log_of(file)->real, level);
}

static int log_is_reserved(sqlite3_file *file, int *out)
{
    return log_of(file)->real->pMethods->xCheckReservedLock(log_of(file)->real, out);
}

static int log_control(sqlite3_file *file, int what, void *value)
{
    return log_of(file)->real->pMethods->xFileControl(log_of(file)->real, what, value);
}

static int log_sector(sqlite3_file *file)
{
    return log_of(file)->real->pMethods->xSectorSize(log_of(file)->real);
}

static int log_device(sqlite3_file *file)
{
    return log_of(file)->real->pMethods->xDeviceCharacteristics(log_of(file)->real);
}

static const sqlite3_io_methods LOG_METHODS = {
    .iVersion = 1, // the log is neither mapped nor shared
    .xClose = log_close,
    .xRead = log_read,
    .xWrite = log_write,
    .xTruncate = log_truncate,
    .xSync = log_sync,
    .xFileSize = log_size,
    .xLock = log_lock,
    .xUnlock = log_unlock,
    .xCheckReservedLock = log_is_reserved,
    .xFileControl = log_control,
    .xSectorSize = log_sector,
    .xDeviceCharacteristics = log_device,
};

/* ---- opening ---- */

static sqlite3_vfs our_vfs;
static bool is_registered;
static pthread_once_t vfs_once = PTHREAD_ONCE_INIT;
static atomic_bool reads_ahead;
static _Thread_local bool is_database; // what this thread opens just now
static _Thread_local int database_fd;

void sqlite_files_read_ahead(void)
{
    atomic_store(&reads_ahead, true);
}

/* open(2) as SQLite calls it: the one place that sees the file's descriptor. */
static int open_file(const char *path, int flags, int mode)
{
    const int fd = open(path, flags, mode);
    if (fd >= 0 && is_database) {
        database_fd = fd;
        if (!atomic_load(&reads_ahead)) {
            (void)posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM); // a hint; nothing depends on it
        }
    }
    return fd;
}

int sqlite_opened_fd(void)
{
    return database_fd;
}

/* ---- writing back what a checkpoint moves ---- */

struct piece {
    off_t from;
    off_t to;
};

/* Of this thread's checkpoint. Pages come in the order of the file. A checkpoint that left all to
 * its sync would fill the device's queue, and each sync of the log would wait behind it. */
static _Thread_local struct {
    int fd; // 0: none is running
    int pages_n;
    struct piece now;
    struct piece before; // on its way
    bool is_lost;
} moving;

/* No piece starts before the last but one has arrived. False where the system tells of pages that
 * it could not write: it tells once, and the sync at the end would not hear of it. */
static bool piece_go(void)
{
    int code = sync_file_range(moving.fd, moving.now.from, moving.now.to - moving.now.from,
                               SYNC_FILE_RANGE_WRITE);
    if (code == 0 && moving.before.to > 0) {
        code = sync_file_range(moving.fd, moving.before.from, moving.before.to - moving.before.from,
                               SYNC_FILE_RANGE_WAIT_BEFORE);
    }
    moving.before = moving.now;
    moving.pages_n = 0;
    moving.is_lost |= code != 0 && errno != EINVAL && errno != ENOSYS && errno != ESPIPE;
    return !moving.is_lost;
}

/* pwrite(2) as SQLite calls it. What is lost fails here, so that SQLite does not believe the log
 * moved. */
static ssize_t write_file(int fd, const void *bytes, size_t n, off_t at)
{
    const ssize_t written = pwrite(fd, bytes, n, at);
    if (moving.fd == 0 || fd != moving.fd || written <= 0) {
        return written;
    }
    moving.now.from = moving.pages_n == 0 ? at : moving.now.from;
    moving.now.to = at + written;
    if (++moving.pages_n >= PIECE_PAGES && !piece_go()) {
        errno = EIO;
        return -1;
    }
    return written;
}

void sqlite_moving_begin(int fd)
{
    memset(&moving, 0, sizeof moving);
    moving.fd = fd;
}

bool sqlite_moving_end(void)
{
    moving.fd = 0;
    return !moving.is_lost;
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                    int *out_flags)
{
    sqlite3_vfs *real = vfs->pAppData;
    if ((flags & SQLITE_OPEN_WAL) == 0) {
        is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
        if (is_database) {
            database_fd = 0; // SQLite may have one left to use again
        }
        const int code = real->xOpen(real, path, file, flags, out_flags);
        is_database = false;
        return code;
    }
    struct log_file *log = log_of(file);
    *log = (struct log_file){.real = (sqlite3_file *)(void *)(log + 1)};
    const int code = real->xOpen(real, path, log->real, flags, out_flags);
    if (log->real->pMethods != NULL) {
        log->base.pMethods = &LOG_METHODS;
        log->gathers = (log_device(file) & SQLITE_IOCAP_POWERSAFE_OVERWRITE) != 0;
    }
    return code;
}

static void vfs_register(void)
{
    // Without the count of bytes, which nobody asks for, no lock is taken at every allocation.
    // Refused where somebody has used SQLite before; then it counts.
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    our_vfs = *real; // its other methods know nothing of files
    our_vfs.zName = "loyald";
    our_vfs.pNext = NULL;
    our_vfs.pAppData = real;
    our_vfs.szOsFile = real->szOsFile + (int)sizeof(struct log_file);
    our_vfs.xOpen = vfs_open;
    is_registered = sqlite3_vfs_register(&our_vfs, 0) == SQLITE_OK;
    // SQLite knows them by these names, one of the last two by its build.
    (void)real->xSetSystemCall(real, "open", (sqlite3_syscall_ptr)open_file);
    (void)real->xSetSystemCall(real, "pwrite", (sqlite3_syscall_ptr)write_file);
    (void)real->xSetSystemCall(real, "pwrite64", (sqlite3_syscall_ptr)write_file);
}

void sqlite_log_hold(sqlite3 *sqlite, bool holds)
{
    sqlite3_file *file = NULL;
    const int code = sqlite3_file_control(sqlite, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
    if (code == SQLITE_OK && file != NULL && file->pMethods == &LOG_METHODS) {
        log_of(file)->holds = holds && log_of(file)->gathers;
    }
}

const char *sqlite_vfs_name(void)
{
    (void)pthread_once(&vfs_once, vfs_register); // only a wrong argument fails
    return is_registered ? our_vfs.zName : NULL;
}
