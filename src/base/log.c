/* The log sink. */
#include "base/base.h"
#include "base/log.h"

#include <stdatomic.h>
#include <unistd.h>

static _Atomic int log_level_now = LOG_INFO;

void log_level_set(enum log_level level)
{
    atomic_store(&log_level_now, (int)level);
}

static size_t log_head(char *line, size_t room, enum log_level level, const char *topic)
{
    static const char *const NAMES[] = {"error", "warn", "info", "debug"};
    struct timespec now;
    struct tm parts;
    (void)clock_gettime(CLOCK_REALTIME, &now); // cannot fail for this clock
    (void)gmtime_r(&now.tv_sec, &parts);
    const int n = snprintf(line, room, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ level=%s topic=%s ",
                           parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                           parts.tm_min, parts.tm_sec, now.tv_nsec / 1000000, NAMES[level], topic);
    return n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

void log_line(enum log_level level, const char *topic, const char *fmt, ...)
{
    if ((int)level > atomic_load(&log_level_now)) {
        return;
    }
    char line[LOG_LINE_BYTES_MAX];
    size_t n = log_head(line, sizeof line - 1, level, topic);
    va_list args;
    va_start(args, fmt);
    const int more = vsnprintf(line + n, sizeof line - 1 - n, fmt, args);
    va_end(args);
    if (more > 0) {
        n += (size_t)more < sizeof line - 1 - n ? (size_t)more : sizeof line - 2 - n;
    }
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7F) {
            line[i] = '?'; // stops log injection
        }
    }
    line[n++] = '\n';
    (void)!write(STDERR_FILENO, line, n); // a lost log line must not stop the work
}

void ensure_failed(const char *condition, const char *file, int line)
{
    log_line(LOG_ERROR, "ensure", "failed=\"%s\" at=%s:%d", condition, file, line);
    abort();
}
