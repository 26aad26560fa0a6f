/* A table of sets of four slots: a key lies in its set or nowhere. A table that has become too
 * small is moved into a larger one a few slots at a time, so that nobody waits for all of it. */
#include "base/base.h"
#include "base/recent.h"

#include "base/log.h"

enum { WAYS = 4, SLOTS_FIRST = 1024, MOVED_AT_ONCE = 16 };

static const unsigned char NOTHING[RECENT_KEY_BYTES];

void recent_open(struct recent *recent, size_t value_bytes, size_t slots_max)
{
    ensure(slots_max >= SLOTS_FIRST && (slots_max & (slots_max - 1)) == 0);
    *recent = (struct recent){.value_bytes = value_bytes, .slots_max = slots_max};
}

static size_t slot_bytes(const struct recent *recent)
{
    return RECENT_KEY_BYTES + recent->value_bytes;
}

static bool is_free(const unsigned char *slot)
{
    return memcmp(slot, NOTHING, RECENT_KEY_BYTES) == 0;
}

static unsigned char *set_of(const struct recent *recent, const struct recent_table *table,
                             const unsigned char *key)
{
    uint64_t a = 0;
    uint64_t b = 0;
    memcpy(&a, key, sizeof a);
    memcpy(&b, key + sizeof a, sizeof b);
    // Of a product by an odd number the upper bits depend on all of the key's.
    const uint64_t mixed = (a ^ b) * 0x9E3779B97F4A7C15u >> 24;
    return table->slots + (size_t)(mixed & (table->slots_n / WAYS - 1)) * WAYS * slot_bytes(recent);
}

static unsigned char *slot_in(const struct recent *recent, const struct recent_table *table,
                              const unsigned char *key)
{
    if (table->slots_n == 0) {
        return NULL;
    }
    unsigned char *slot = set_of(recent, table, key);
    for (size_t i = 0; i < WAYS; i++, slot += slot_bytes(recent)) {
        if (memcmp(slot, key, RECENT_KEY_BYTES) == 0) {
            return slot;
        }
    }
    return NULL;
}

/* The slot of a key, or NULL. A key is in one of the two tables at most. */
static unsigned char *slot_of(const struct recent *recent, const unsigned char *key)
{
    ensure(!is_free(key));
    unsigned char *slot = slot_in(recent, &recent->now, key);
    return slot != NULL ? slot : slot_in(recent, &recent->before, key);
}

const void *recent_find(const struct recent *recent, const unsigned char key[RECENT_KEY_BYTES])
{
    const unsigned char *slot = slot_of(recent, key);
    return slot != NULL ? slot + RECENT_KEY_BYTES : NULL;
}

static void table_clear(const struct recent *recent, struct recent_table *table)
{
    if (table->slots != NULL) {
        explicit_bzero(table->slots, table->slots_n * slot_bytes(recent));
        free(table->slots);
    }
    *table = (struct recent_table){0};
}

/* Puts a key that is not there into its set. */
static void put(struct recent *recent, const unsigned char *key, const void *value)
{
    unsigned char *set = set_of(recent, &recent->now, key);
    unsigned char *slot = NULL;
    for (size_t i = 0; i < WAYS && slot == NULL; i++) {
        if (is_free(set + i * slot_bytes(recent))) {
            slot = set + i * slot_bytes(recent);
            recent->used_n++;
        }
    }
    if (slot == NULL) {
        slot = set + recent->turn++ % WAYS * slot_bytes(recent);
    }
    memcpy(slot, key, RECENT_KEY_BYTES);
    memcpy(slot + RECENT_KEY_BYTES, value, recent->value_bytes);
}

/* Moves the next few slots of the smaller table. */
static void move_some(struct recent *recent)
{
    for (size_t i = 0; i < MOVED_AT_ONCE && recent->moved_n < recent->before.slots_n; i++) {
        unsigned char *slot = recent->before.slots + recent->moved_n++ * slot_bytes(recent);
        if (!is_free(slot)) {
            put(recent, slot, slot + RECENT_KEY_BYTES);
            explicit_bzero(slot, slot_bytes(recent));
        }
    }
    if (recent->before.slots != NULL && recent->moved_n == recent->before.slots_n) {
        free(recent->before.slots);
        recent->before = (struct recent_table){0};
    }
}

static void grow(struct recent *recent)
{
    struct recent_table larger = {.slots_n = recent->now.slots_n > 0 ? recent->now.slots_n * 2
                                                                     : (size_t)SLOTS_FIRST};
    larger.slots = calloc(larger.slots_n, slot_bytes(recent)); // pages come as they are touched
    if (larger.slots == NULL) {
        log_line(LOG_ERROR, "memory", "why=calloc bytes=%zu", larger.slots_n * slot_bytes(recent));
        exit(3);
    }
    recent->before = recent->now;
    recent->now = larger;
    recent->moved_n = 0;
    recent->used_n = 0;
}

void recent_note(struct recent *recent, const unsigned char key[RECENT_KEY_BYTES],
                 const void *value)
{
    move_some(recent);
    if (recent->used_n >= recent->now.slots_n / 4 * 3 && recent->now.slots_n < recent->slots_max &&
        recent->before.slots == NULL) {
        grow(recent);
    }
    unsigned char *slot = slot_of(recent, key);
    if (slot == NULL) {
        put(recent, key, value);
    } else {
        memcpy(slot + RECENT_KEY_BYTES, value, recent->value_bytes);
    }
}

void recent_forget(struct recent *recent, const unsigned char key[RECENT_KEY_BYTES])
{
    unsigned char *slot = slot_of(recent, key);
    if (slot != NULL) {
        recent->used_n -= slot == slot_in(recent, &recent->now, key);
        explicit_bzero(slot, slot_bytes(recent));
    }
}

void recent_clear(struct recent *recent)
{
    table_clear(recent, &recent->now);
    table_clear(recent, &recent->before);
    recent_open(recent, recent->value_bytes, recent->slots_max);
}

void recent_follow(struct recent *recent, int64_t version)
{
    if (recent->version != version) {
        recent_clear(recent);
        recent->version = version;
    }
}
