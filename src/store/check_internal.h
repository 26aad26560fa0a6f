/* What the files of the self-check share. Private to store/.
 *
 * Owns:    see check.h.
 * Threads: see check.h.
 * Memory:  see check.h.
 * Errors:  see check.h.
 * Limits:  see check.h.
 */
#ifndef LOYALD_STORE_CHECK_INTERNAL_H
#define LOYALD_STORE_CHECK_INTERNAL_H

#include "store/check.h"

#define TELL(listener, invariant, table, row, text)                                                \
    (listener)->fault((listener)->self, (invariant), (table), (row), (text))

/* The first bytes of a key as hex, to name a row by. */
struct str check_hex(struct arena *arena, struct str bytes);

/* Runs the body of a slice in a snapshot of its own. */
enum err check_in_snapshot(struct store *store, struct arena *arena, struct check_cursor *cursor,
                           const struct check_listener *listener,
                           enum err (*body)(struct store *, struct arena *, struct check_cursor *,
                                            const struct check_listener *)) MUST_USE;

#endif
