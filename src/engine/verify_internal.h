/* What the files of verify share. Private to engine/verify*.c.
 *
 * Owns:    see verify.h.
 * Threads: see verify.h.
 * Memory:  see verify.h.
 * Errors:  see verify.h.
 * Limits:  see verify.h.
 */
#ifndef LOYALD_ENGINE_VERIFY_INTERNAL_H
#define LOYALD_ENGINE_VERIFY_INTERNAL_H

#include "engine/verify.h"

/* Checks one member's state against their history. *events and *transfers count what was looked at.
 */
enum err verify_member(struct store *store, struct arena *arena, const struct check_member *member,
                       const struct check_listener *listener, int64_t *events,
                       int64_t *transfers) MUST_USE;

/* verify_stock.c: what counters say was given out is what was issued. */
enum err verify_stock(struct store *store, struct arena *arena,
                      const struct check_listener *listener) MUST_USE;

#endif
