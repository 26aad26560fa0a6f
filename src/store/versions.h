/* Program documents as they are kept: published versions, and the draft.
 *
 * Owns:    nothing.
 * Threads: that of the store.
 * Memory:  the arena given.
 * Errors:  ERR_NOT_FOUND, ERR_PRECONDITION, ERR_TOO_LARGE.
 * Limits:  VERSIONS_PAGE_MAX rows a page, DRAFT_BYTES_MAX.
 */
#ifndef LOYALD_STORE_VERSIONS_H
#define LOYALD_STORE_VERSIONS_H

#include "store/store.h"

enum { VERSIONS_PAGE_MAX = 1000, DRAFT_BYTES_MAX = 8 * 1024 * 1024 };

struct program_version {
    int version;
    int64_t effective_at;
    int64_t published_at;
    struct str comment;
    struct str actor;
    struct str document; // canonical JSON text; empty in lists
};

/* One version whole. ERR_NOT_FOUND. */
enum err store_version_read(struct store *store, struct arena *arena, int version,
                            struct program_version *out) MUST_USE;

/* Newest first, those before a version (INT32_MAX: from the newest), without documents. */
enum err store_versions_list(struct store *store, struct arena *arena, int before, size_t limit,
                             struct program_version **out, size_t *n) MUST_USE;

struct program_draft {
    int64_t revision; // 0: there is none
    struct str document;
    int64_t changed_at;
};

/* The draft; revision 0 when nobody has written one. */
enum err store_draft_read(struct store *store, struct arena *arena,
                          struct program_draft *out) MUST_USE;

/* Writes it over the revision that was read (0: there was none), in the running transaction.
 * ERR_PRECONDITION when it has changed since. */
enum err store_draft_write(struct store *store, struct arena *arena, int64_t revision,
                           const struct json *document, int64_t now, struct fail *f) MUST_USE;

#endif
