/* Ids: int64 inside (milliseconds, process, counter), a prefix and 13 characters of Crockford
 * base32 outside.
 *
 * Layout from the high end: 42 bits of milliseconds since 2020-01-01T00:00:00Z (negative never
 * occurs: earlier clocks count as 0), 6 bits of process, 15 bits of counter. Ids of one process
 * only grow.
 *
 * Owns:    nothing.
 * Threads: id_next() one thread at a time per generator.
 * Memory:  none.
 * Errors:  id_read() returns false.
 * Limits:  32,768 ids a millisecond and process, then the next millisecond is borrowed; 64
 * processes.
 */
#ifndef LOYALD_ID_H
#define LOYALD_ID_H

#include "base/str.h"

#define ID_EPOCH_MS ((int64_t)1577836800000)
enum { ID_COUNTER_BITS = 15, ID_PROCESS_BITS = 6, ID_CHARS = 13, ID_PREFIX_CHARS = 4 };
enum { ID_TEXT_BYTES = ID_PREFIX_CHARS + ID_CHARS };

struct id_source {
    int64_t last; // the newest id given out
    int process;  // 0..63
};

/* The next id at an instant; larger than every earlier one of this source. */
int64_t id_next(struct id_source *source, int64_t now_ms);

/* Makes the next id larger than one that another process gave out: within a millisecond, ids of
 * different processes are ordered by process and not by time. */
void id_beyond(struct id_source *source, int64_t floor);

/* Writes e.g. "mbr_" and 13 characters and a zero byte. */
void id_write(const char prefix[ID_PREFIX_CHARS], int64_t id, char out[ID_TEXT_BYTES + 1]);

/* Reads exactly what id_write wrote; upper or lower case. */
MUST_USE bool id_read(const char prefix[ID_PREFIX_CHARS], struct str text, int64_t *out);

#endif
