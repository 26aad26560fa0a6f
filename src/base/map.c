/* Hash map with linear probing. */
#include "base/base.h"
#include "base/map.h"

enum { MAP_ROOM_FIRST = 64 };

static size_t slot_of(const unsigned char key[MAP_KEY_BYTES], size_t room)
{
    uint64_t a = 0;
    uint64_t b = 0;
    memcpy(&a, key, sizeof a);
    memcpy(&b, key + sizeof a, sizeof b);
    return (size_t)((a ^ b) * 0x9E3779B97F4A7C15u >> 17) & (room - 1);
}

static struct map_slot *probe(const struct map *map, const unsigned char key[MAP_KEY_BYTES])
{
    size_t at = slot_of(key, map->room);
    while (map->slots[at].value != NULL && memcmp(map->slots[at].key, key, MAP_KEY_BYTES) != 0) {
        at = (at + 1) & (map->room - 1);
    }
    return &map->slots[at];
}

void *map_find(const struct map *map, const unsigned char key[MAP_KEY_BYTES])
{
    return map->room == 0 ? NULL : probe(map, key)->value;
}

static void map_grow(struct map *map)
{
    const struct map old = *map;
    map->room = old.room ? old.room * 2 : (size_t)MAP_ROOM_FIRST;
    map->slots = arena_new(map->arena, struct map_slot, map->room);
    for (size_t i = 0; i < old.room; i++) {
        if (old.slots[i].value != NULL) {
            *probe(map, old.slots[i].key) = old.slots[i];
        }
    }
}

void map_set(struct map *map, const unsigned char key[MAP_KEY_BYTES], void *value)
{
    ensure(value != NULL);
    if ((map->n + 1) * 4 > map->room * 3) {
        map_grow(map);
    }
    struct map_slot *slot = probe(map, key);
    map->n += slot->value == NULL;
    memcpy(slot->key, key, MAP_KEY_BYTES);
    slot->value = value;
}

static void int_key(int64_t key, unsigned char out[MAP_KEY_BYTES])
{
    memset(out, 0, MAP_KEY_BYTES);
    memcpy(out, &key, sizeof key);
}

void *map_find_int(const struct map *map, int64_t key)
{
    unsigned char bytes[MAP_KEY_BYTES];
    int_key(key, bytes);
    return map_find(map, bytes);
}

void map_set_int(struct map *map, int64_t key, void *value)
{
    unsigned char bytes[MAP_KEY_BYTES];
    int_key(key, bytes);
    map_set(map, bytes, value);
}
