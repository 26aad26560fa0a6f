/* The log: one line per event on standard error, key=value, no personal data, ever.
 *
 * Owns:    the level, the only mutable variable of this file.
 * Threads: any thread; a line is written by one write().
 * Memory:  none.
 * Errors:  none; a line that cannot be written is lost.
 * Limits:  LOG_LINE_BYTES_MAX per line, the rest is cut.
 */
#ifndef LOYALD_LOG_H
#define LOYALD_LOG_H

#include "base/base.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum { LOG_LINE_BYTES_MAX = 1024 };

void log_level_set(enum log_level level);

/* log_line(LOG_INFO, "lane", "batch=%zu ms=%d", n, ms): `topic` names the module. Control
 * characters in the text become '?', so that nobody can forge a line. */
void log_line(enum log_level level, const char *topic, const char *fmt, ...) PRINTF(3, 4);

#endif
