/* What was read lately: values of one size by 16-byte keys, as many as there is room for. A value
 * that finds no room takes the place of another; nothing is ever missed but time.
 *
 * Owns:    its table.
 * Threads: one thread at a time per struct recent.
 * Memory:  begins with nothing and doubles up to slots_max slots of 16 bytes and a value; while it
 *          grows it has one and a half times that. What is forgotten is overwritten, since keys of
 *          people are among what is kept.
 * Errors:  none: running out of memory ends the process with a clear line, as arenas do.
 * Limits:  slots_max, given at opening, a power of two. Keys are keyed hashes or ids of ours, so
 *          nobody can choose colliding ones; none is all zeros.
 */
#ifndef LOYALD_RECENT_H
#define LOYALD_RECENT_H

#include "base/base.h"

enum { RECENT_KEY_BYTES = 16 };

struct recent_table {
    unsigned char *slots;
    size_t slots_n; // a power of two, or 0
};

struct recent {
    size_t value_bytes;
    size_t slots_max;
    struct recent_table now;
    struct recent_table before; // moves into `now`, a few slots at every note
    size_t moved_n;             // of its slots
    size_t used_n;              // of `now`
    size_t turn;                // which of a full set goes next
    int64_t version;            // of what was read
};

void recent_open(struct recent *recent, size_t value_bytes, size_t slots_max);

/* Forgets everything; it may be used again. */
void recent_clear(struct recent *recent);

/* Forgets everything where what it was read from has another version now. */
void recent_follow(struct recent *recent, int64_t version);

/* The value of a key, until anything is noted or forgotten; NULL. */
const void *recent_find(const struct recent *recent, const unsigned char key[RECENT_KEY_BYTES]);

/* Notes the value of a key, which has value_bytes. */
void recent_note(struct recent *recent, const unsigned char key[RECENT_KEY_BYTES],
                 const void *value);

void recent_forget(struct recent *recent, const unsigned char key[RECENT_KEY_BYTES]);

#endif
