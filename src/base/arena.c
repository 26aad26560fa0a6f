/* Arenas by bump allocation in a list of blocks. */
#include "base/base.h"
#include "base/arena.h"

#include "base/log.h"

#include <malloc.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n)   ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
enum { ARENA_GAP_BYTES = 16 }; // poisoned between pieces, so that an overrun is caught
#else
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
enum { ARENA_GAP_BYTES = 0 };
#endif

enum { ARENA_ALIGN = 16 };

struct arena_block {
    struct arena_block *older;
    size_t bytes_n; // usable bytes after the header
};
_Static_assert(sizeof(struct arena_block) % ARENA_ALIGN == 0, "the first piece is aligned");

void arena_start(void)
{
    enum { KEEP_BYTES = 64 << 20, MAPPED_BYTES = 4 << 20 };
    (void)mallopt(M_TRIM_THRESHOLD, KEEP_BYTES); // a hint; nothing depends on it
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
}

void arena_open(struct arena *arena, size_t bytes_max)
{
    *arena = (struct arena){.bytes_max = bytes_max};
}

static NORETURN void arena_exhausted(const char *why, size_t n)
{
    log_line(LOG_ERROR, "memory", "why=%s bytes=%zu", why, n);
    exit(3);
}

size_t arena_size(size_t size, size_t n)
{
    size_t bytes_n = 0;
    if (__builtin_mul_overflow(size, n, &bytes_n)) {
        arena_exhausted("size_overflow", n);
    }
    return bytes_n;
}

static void block_use(struct arena *arena, struct arena_block *block)
{
    arena->block = block;
    arena->next = (unsigned char *)(block + 1);
    arena->left = block->bytes_n;
    POISON(arena->next, arena->left);
}

static void block_add(struct arena *arena, size_t n)
{
    const size_t bytes_n = n > ARENA_BLOCK_BYTES ? n : (size_t)ARENA_BLOCK_BYTES;
    struct arena_block *block = malloc(sizeof *block + bytes_n);
    if (block == NULL) {
        arena_exhausted("malloc", bytes_n);
    }
    block->older = arena->block;
    block->bytes_n = bytes_n;
    block_use(arena, block);
}

void *arena_bytes(struct arena *arena, size_t n)
{
    if (n > SIZE_MAX / 2) {
        arena_exhausted("piece", n);
    }
    const size_t take = (n + ARENA_GAP_BYTES + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (arena->used + take > arena->bytes_max) {
        arena_exhausted("arena_limit", arena->bytes_max);
    }
    if (arena->block == NULL || take > arena->left) {
        block_add(arena, take);
    }
    unsigned char *piece = arena->next;
    arena->next += take;
    arena->left -= take;
    arena->used += take;
    if (arena->used > arena->used_max) {
        arena->used_max = arena->used;
    }
    UNPOISON(piece, n);
    memset(piece, 0, n);
    return piece;
}

void *arena_grow(struct arena *arena, void *old, size_t old_n, size_t new_n)
{
    ensure(new_n >= old_n);
    void *piece = arena_bytes(arena, new_n);
    if (old_n > 0) {
        memcpy(piece, old, old_n);
    }
    return piece;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *block = arena->block;
    while (block != NULL && block->older != NULL) {
        struct arena_block *older = block->older;
        UNPOISON(block + 1, block->bytes_n);
        free(block);
        block = older;
    }
    arena->used = 0;
    if (block != NULL) {
        block_use(arena, block);
    }
}

void arena_close(struct arena *arena)
{
    arena_reset(arena);
    if (arena->block != NULL) {
        UNPOISON(arena->block + 1, arena->block->bytes_n);
        free(arena->block);
    }
    *arena = (struct arena){.bytes_max = arena->bytes_max};
}
