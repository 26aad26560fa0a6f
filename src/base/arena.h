/* Arenas: memory that is released all at once, with a named maximum.
 *
 * Owns:    the blocks it hands pieces of out.
 * Threads: one thread at a time per arena.
 * Memory:  malloc'd blocks; pieces are zeroed and aligned to 16 bytes.
 * Errors:  none. Reaching bytes_max or running out of memory ends the process with a clear line:
 *          every input that can grow an arena is bounded before it is read.
 * Limits:  bytes_max, given at opening.
 */
#ifndef LOYALD_ARENA_H
#define LOYALD_ARENA_H

#include "base/base.h"

struct arena_block;

struct arena {
    struct arena_block *block; // newest block first; NULL before the first allocation
    unsigned char *next;       // first free byte of the newest block
    size_t left;               // free bytes in the newest block
    size_t used;               // bytes handed out since the last reset
    size_t used_max;           // high-water mark of `used`, for tests and metrics
    size_t bytes_max;          // limit of `used`
};

enum { ARENA_BLOCK_BYTES = 16 * 1024 };

/* Makes an empty arena in place. Nothing is allocated until the first arena_bytes(). */
void arena_open(struct arena *arena, size_t bytes_max);

/* Once, at start: what arenas of a batch or request give back stays with the process (up to 64 MiB
 * of each thread's heap), so that the next one does not ask the system for the same pages again,
 * cleared. */
void arena_start(void);

/* Releases every piece but keeps the first block for reuse, so that a request loop does not malloc.
 */
void arena_reset(struct arena *arena);

/* Releases everything. The arena may be opened again. */
void arena_close(struct arena *arena);

/* Returns n zeroed bytes (n may be 0), valid until reset or close. Never NULL. */
void *arena_bytes(struct arena *arena, size_t n);

/* Like realloc for the arena: copies old_n bytes into a piece of new_n when it cannot grow in
 * place. */
void *arena_grow(struct arena *arena, void *old, size_t old_n, size_t new_n);

/* arena_new(arena, struct lot, 4) is an array of four zeroed lots. */
#define arena_new(arena, type, n) ((type *)arena_bytes((arena), arena_size(sizeof(type), (n))))

/* size * n, or the end of the process when it overflows. */
size_t arena_size(size_t size, size_t n);

/* Room for one more item in a growing array kept in an arena: doubles *max when n has reached it.
 */
#define arena_room(arena, items, n, max)                                                           \
    do {                                                                                           \
        if ((n) == (max)) {                                                                        \
            const size_t room_ = (max) ? (size_t)(max)*2 : 8;                                      \
            (items) = arena_grow((arena), (items), arena_size(sizeof *(items), (max)),             \
                                 arena_size(sizeof *(items), room_));                              \
            (max) = room_;                                                                         \
        }                                                                                          \
    } while (0)

#endif
