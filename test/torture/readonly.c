/* A disk that has become read-only: preloaded by readonly.test.mjs. While the file that
 * LOYALD_READ_ONLY names exists, what writes to a regular file answers EROFS, as it does once a
 * file system was mounted anew for reading only. */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuses(int fd)
{
    const char *flag = getenv("LOYALD_READ_ONLY");
    struct stat file;
    return flag && access(flag, F_OK) == 0 && fstat(fd, &file) == 0 && S_ISREG(file.st_mode);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
    if (refuses(fd)) {
        errno = EROFS;
        return -1;
    }
    return ((ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64"))(fd, bytes,
                                                                                          n, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    if (refuses(fd)) {
        errno = EROFS;
        return -1;
    }
    return ((ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite"))(fd, bytes, n,
                                                                                      at);
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    if (refuses(fd)) {
        errno = EROFS;
        return -1;
    }
    return ((ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write"))(fd, bytes, n);
}

int ftruncate64(int fd, off64_t n)
{
    if (refuses(fd)) {
        errno = EROFS;
        return -1;
    }
    return ((int (*)(int, off64_t))dlsym(RTLD_NEXT, "ftruncate64"))(fd, n);
}
