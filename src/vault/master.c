/* The master key's file, and the process around it. */
#include "base/base.h"
#include "vault/vault_internal.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum err vault_process_harden(void)
{
    // Stops other processes of the user from reading our memory, and cores from being written.
    const struct rlimit none = {0};
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0 ||
        sodium_init() < 0) {
        log_line(LOG_ERROR, "vault", "failed=harden os=%d", errno);
        return ERR_INTERNAL;
    }
    return ERR_OK;
}

enum err directory_sync(const char *path)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const int n = slash == NULL ? snprintf(directory, sizeof directory, ".")
                                : snprintf(directory, sizeof directory, "%.*s",
                                           (int)(slash - path) + 1, path);
    if (n < 0 || (size_t)n >= sizeof directory) {
        return ERR_IO;
    }
    const int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return ERR_IO;
    }
    const enum err err = fsync(fd) == 0 ? ERR_OK : ERR_FSYNC;
    (void)close(fd); // only read
    return err;
}

static enum err master_write(int fd)
{
    unsigned char key[VAULT_KEY_BYTES];
    randombytes_buf(key, sizeof key);
    const ssize_t written = write(fd, key, sizeof key);
    sodium_memzero(key, sizeof key);
    if (written != (ssize_t)sizeof key) {
        return written < 0 && errno != ENOSPC ? ERR_IO : ERR_DISK_FULL;
    }
    return fsync(fd) == 0 ? ERR_OK : ERR_FSYNC;
}

enum err vault_master_create(const char *path, struct fail *f)
{
    ensure(sodium_init() >= 0);
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
    if (fd < 0 && errno == EEXIST) {
        return fail(f, ERR_CONFIG, "", "The key file %s exists already: it is never overwritten",
                    path);
    }
    if (fd < 0) {
        return fail(f, ERR_CONFIG, "", "The key file %s cannot be created: %s", path,
                    strerror(errno));
    }
    enum err err = master_write(fd);
    if (close(fd) != 0 && err == ERR_OK) {
        err = ERR_IO;
    }
    if (err == ERR_OK) {
        err = directory_sync(path);
    }
    if (err != ERR_OK) {
        (void)unlink(path); // half a key is worse than none; what failed is said below
        return fail(f, err, "", "The key file %s cannot be written: %s", path, err_title(err));
    }
    return ERR_OK;
}

static enum err master_check_file(const struct vault_config *config, int fd, struct fail *f)
{
    const char *path = config->master_path;
    struct stat found;
    if (fstat(fd, &found) != 0 || !S_ISREG(found.st_mode)) {
        return fail(f, ERR_CONFIG, "", "The key file %s is not a regular file", path);
    }
    const unsigned mode = (unsigned)found.st_mode & 07777;
    if (!config->is_credential && mode != 0400 && mode != 0600) {
        return fail(f, ERR_CONFIG, "", "The key file %s has mode %04o: run chmod 0400 %s", path,
                    mode, path);
    }
    if (!config->is_credential && found.st_uid != geteuid()) {
        return fail(f, ERR_CONFIG, "", "The key file %s belongs to another user: run chown %u %s",
                    path, (unsigned)geteuid(), path);
    }
    if (found.st_size != VAULT_KEY_BYTES) {
        return fail(f, ERR_CONFIG, "",
                    "The key file %s has %lld bytes instead of 32: restore it from its backup",
                    path, (long long)found.st_size);
    }
    return ERR_OK;
}

enum err master_load(const struct vault_config *config, struct fail *f,
                     unsigned char out[VAULT_KEY_BYTES])
{
    const char *path = config->master_path;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a FIFO must not hang the start
    if (fd < 0) {
        return fail(f, ERR_CONFIG, "", "The key file %s cannot be opened: %s", path,
                    strerror(errno));
    }
    enum err err = master_check_file(config, fd, f);
    if (err == ERR_OK && read(fd, out, VAULT_KEY_BYTES) != VAULT_KEY_BYTES) {
        err = fail(f, ERR_IO, "", "The key file %s cannot be read", path);
    }
    (void)close(fd); // only read
    return err;
}

void master_check_make(const unsigned char master[VAULT_KEY_BYTES],
                       unsigned char out[VAULT_HASH_BYTES])
{
    static const char TEXT[] = "loyald master key check v1";
    (void)crypto_generichash(out, VAULT_HASH_BYTES, (const unsigned char *)TEXT, sizeof TEXT - 1,
                             master,
                             VAULT_KEY_BYTES); // fails for wrong sizes only
}
