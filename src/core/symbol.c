/* Symbols. Looked up while a program compiles only, hence a plain search. */
#include "base/base.h"
#include "core/symbol.h"

void symbols_open(struct symbols *symbols, struct arena *arena)
{
    *symbols = (struct symbols){.arena = arena};
}

int32_t symbol_find(const struct symbols *symbols, struct str name)
{
    for (size_t i = 0; i < symbols->n; i++) {
        if (str_eq(symbols->names[i], name)) {
            return (int32_t)i + 1;
        }
    }
    return 0;
}

int32_t symbol_take(struct symbols *symbols, struct str name)
{
    const int32_t known = symbol_find(symbols, name);
    if (known != 0) {
        return known;
    }
    ensure(symbols->n < SYMBOLS_MAX);
    arena_room(symbols->arena, symbols->names, symbols->n, symbols->max);
    symbols->names[symbols->n++] = str_dup(symbols->arena, name);
    return (int32_t)symbols->n;
}

struct str symbol_name(const struct symbols *symbols, int32_t symbol)
{
    ensure(symbol > 0 && (size_t)symbol <= symbols->n);
    return symbols->names[symbol - 1];
}
