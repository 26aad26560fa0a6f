/* A hash map from 16-byte keys (or integers) to pointers, in an arena.
 *
 * Owns:    its table, in the arena given.
 * Threads: one thread at a time per map.
 * Memory:  the arena; growing doubles.
 * Errors:  none.
 * Limits:  those of the arena. Keys are keyed hashes or ids of ours, so nobody can choose colliding
 * ones.
 */
#ifndef LOYALD_MAP_H
#define LOYALD_MAP_H

#include "base/arena.h"

enum { MAP_KEY_BYTES = 16 };

struct map_slot {
    unsigned char key[MAP_KEY_BYTES];
    void *value; // NULL: free
};

struct map {
    struct arena *arena;
    struct map_slot *slots;
    size_t room; // power of two, or 0
    size_t n;
};

static inline void map_open(struct map *map, struct arena *arena)
{
    *map = (struct map){.arena = arena};
}

/* The value of a key, or NULL. */
void *map_find(const struct map *map, const unsigned char key[MAP_KEY_BYTES]);

/* Sets the value (not NULL) of a key. */
void map_set(struct map *map, const unsigned char key[MAP_KEY_BYTES], void *value);

/* The same by integer. */
void *map_find_int(const struct map *map, int64_t key);
void map_set_int(struct map *map, int64_t key, void *value);

#endif
