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

/* A balance on its way back to the beginning. */
struct running {
    int32_t wallet;
    int64_t active, pending, debt;
};

struct balances_then {
    struct running *list;
    size_t n;
};

/* Events about one purchase booked at one instant, and the balances after each of them. The first
 * of them may have waited for it: they were applied with it, and its answer shows it after them. */
struct follow_up {
    unsigned char purchase[VAULT_HASH_BYTES]; // its natural key
    int64_t booked_at;
    struct balances_then *then; // newest first
    size_t then_n, then_max;    // 0: no such events
};

/* verify_answer.c: whether an event's answer has the balances after it, or those after what has
 * waited for it. Events come newest first; `after` begins as zeros, grows from the arena, and is
 * begun anew (then_n 0) behind an event that cannot be read. */
bool verify_answer(struct store *store, struct arena *arena, const struct balances_then *now,
                   const struct event_row *row, struct follow_up *after);

/* verify_stock.c: what counters say was given out is what was issued. */
enum err verify_stock(struct store *store, struct arena *arena,
                      const struct check_listener *listener) MUST_USE;

#endif
