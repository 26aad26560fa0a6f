/* A disk that fails: preloaded by fsync.test.mjs. While the file that LOYALD_FSYNC_FAILS names
 * exists, fsync and fdatasync answer EIO; while the one of LOYALD_WRITE_BACK_FAILS does, pages
 * cannot be written back. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int fails(const char *name)
{
    const char *flag = getenv(name);
    return flag && access(flag, F_OK) == 0;
}

int fsync(int fd)
{
    if (fails("LOYALD_FSYNC_FAILS")) {
        errno = EIO;
        return -1;
    }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}

int fdatasync(int fd)
{
    if (fails("LOYALD_FSYNC_FAILS")) {
        errno = EIO;
        return -1;
    }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}

int sync_file_range(int fd, off64_t from, off64_t n, unsigned int what)
{
    if (fails("LOYALD_WRITE_BACK_FAILS")) {
        errno = EIO;
        return -1;
    }
    return ((int (*)(int, off64_t, off64_t, unsigned int))dlsym(RTLD_NEXT, "sync_file_range"))(
        fd, from, n, what);
}
