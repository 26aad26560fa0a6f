/* A table of sets of four slots: a key lies in its set or nowhere. */
#include "base/base.h"
#include "base/recent.h"

#include "base/log.h"

enum { WAYS = 4, SLOTS_FIRST = 1024 };

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

static unsigned char *set_of(const struct recent *recent, const unsigned char *key)
{
    uint64_t a = 0;
    uint64_t b = 0;
    memcpy(&a, key, sizeof a);
    memcpy(&b, key + sizeof a, sizeof b);
    // Of a product by an odd number the upper bits depend on all of the key's.
    const uint64_t mixed = (a ^ b) * 0x9E3779B97F4A7C15u >> 24;
    return recent->slots +
           (size_t)(mixed & (recent->slots_n / WAYS - 1)) * WAYS * slot_bytes(recent);
}

/* The slot of a key, or NULL. */
static unsigned char *slot_of(const struct recent *recent, const unsigned char *key)
{
    ensure(!is_free(key));
    if (recent->slots_n == 0) {
        return NULL;
    }
    unsigned char *slot = set_of(recent, key);
    for (size_t i = 0; i < WAYS; i++, slot += slot_bytes(recent)) {
        if (memcmp(slot, key, RECENT_KEY_BYTES) == 0) {
            return slot;
        }
    }
    return NULL;
}

const void *recent_find(const struct recent *recent, const unsigned char key[RECENT_KEY_BYTES])
{
    const unsigned char *slot = slot_of(recent, key);
    return slot != NULL ? slot + RECENT_KEY_BYTES : NULL;
}

static void grow(struct recent *recent)
{
    struct recent old = *recent;
    recent->slots_n = old.slots_n > 0 ? old.slots_n * 2 : (size_t)SLOTS_FIRST;
    recent->used_n = 0;
    recent->slots = calloc(recent->slots_n, slot_bytes(recent)); // pages come as they are touched
    if (recent->slots == NULL) {
        log_line(LOG_ERROR, "memory", "why=calloc bytes=%zu", recent->slots_n * slot_bytes(recent));
        exit(3);
    }
    for (size_t i = 0; i < old.slots_n; i++) {
        const unsigned char *slot = old.slots + i * slot_bytes(recent);
        if (!is_free(slot)) {
            recent_note(recent, slot, slot + RECENT_KEY_BYTES);
        }
    }
    recent_clear(&old);
}

void recent_note(struct recent *recent, const unsigned char key[RECENT_KEY_BYTES],
                 const void *value)
{
    if (recent->used_n >= recent->slots_n / 4 * 3 && recent->slots_n < recent->slots_max) {
        grow(recent);
    }
    unsigned char *slot = slot_of(recent, key);
    unsigned char *set = set_of(recent, key);
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

void recent_forget(struct recent *recent, const unsigned char key[RECENT_KEY_BYTES])
{
    unsigned char *slot = slot_of(recent, key);
    if (slot != NULL) {
        explicit_bzero(slot, slot_bytes(recent));
        recent->used_n--;
    }
}

void recent_clear(struct recent *recent)
{
    if (recent->slots != NULL) {
        explicit_bzero(recent->slots, recent->slots_n * slot_bytes(recent));
        free(recent->slots);
    }
    *recent = (struct recent){.value_bytes = recent->value_bytes,
                              .slots_max = recent->slots_max,
                              .version = recent->version};
}

void recent_follow(struct recent *recent, int64_t version)
{
    if (recent->version != version) {
        recent_clear(recent);
        recent->version = version;
    }
}
