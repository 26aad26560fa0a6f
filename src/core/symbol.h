/* Symbols: small permanent numbers for the names under which a member's counters are kept.
 *
 * A counter outlives the program version that made it, so its name ("cap:base/0:member:day") gets a
 * number once per instance and keeps it. The store loads and saves the table; here it is a list.
 *
 * Owns:    the names, in its arena.
 * Threads: one thread at a time.
 * Memory:  the arena given at opening.
 * Errors:  none.
 * Limits:  SYMBOLS_MAX.
 */
#ifndef LOYALD_SYMBOL_H
#define LOYALD_SYMBOL_H

#include "base/str.h"

enum { SYMBOLS_MAX = 100000 };

struct symbols {
    struct arena *arena;
    struct str *names; // symbol s is names[s - 1]; 0 is no symbol
    size_t n;
    size_t max;
};

void symbols_open(struct symbols *symbols, struct arena *arena);

/* The number of a name, or 0. */
int32_t symbol_find(const struct symbols *symbols, struct str name);

/* The number of a name, new when it has none. */
int32_t symbol_take(struct symbols *symbols, struct str name);

/* The name of a number; ensures that it exists. */
struct str symbol_name(const struct symbols *symbols, int32_t symbol);

#endif
