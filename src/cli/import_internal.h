/* What the files of the mapper share. Private to cli/import_*.c. */
#ifndef LOYALD_CLI_IMPORT_INTERNAL_H
#define LOYALD_CLI_IMPORT_INTERNAL_H

#include "cli/import.h"

enum { EVENT_TEXT_MAX = 4 * 1024 * 1024 };

/* Quantity left of an article that a customer bought, newest first: what a cancellation refunds. */
struct bought {
    struct bought *older;
    struct str invoice;
    int64_t line; // ordinal in the invoice
    int64_t left_milli;
};

/* The rows of one basket. */
struct basket {
    struct str key;
    struct import_row *rows;
    size_t n, max;
};

struct import_map {
    struct arena *memory;
    const struct vault *vault;
    enum import_format format;
    const struct json *event;
    const struct json *data;
    const struct json *line;
    struct str group_by; // column; empty: a row is an event
    struct str cancel_column;
    struct str cancel_prefix;
    bool keeps_sales; // rows without a subject become sales
    struct str columns[IMPORT_COLUMNS_MAX];
    size_t columns_n;
    bool has_header;
    struct zone zone;
    struct basket basket;
    struct arena basket_arena;
    struct map ordinals; // hash of a row -> how many there were
    struct map invoices; // hash of a basket's key -> how many there were
    struct map bought;   // hash of customer and article -> struct bought
};

/* Parts of the mapping, filled in from a row (import_map.c). */
struct str map_text_at(const struct json *object, const char *name);
struct str map_column(const struct import_map *map, const struct import_row *row, struct str name);
struct str map_filled(const struct import_map *map, struct arena *arena,
                      const struct import_row *row, struct str text);
bool map_row_quantity(const struct import_map *map, const struct import_row *row, int64_t *milli);
int64_t map_count_up(struct import_map *map, struct map *counts,
                     const unsigned char hash[VAULT_HASH_BYTES]);
struct import_event *map_event_add(struct arena *arena, struct import_event **events, size_t *n,
                                   size_t *max, const int64_t *numbers, size_t numbers_n);
bool map_put_envelope(const struct import_map *map, struct arena *arena,
                      const struct import_row *row, struct str id, struct str type,
                      struct json_out *w, const char **code);
bool map_put_data(const struct import_map *map, struct arena *arena, const struct import_row *row,
                  struct json_out *w);

/* Baskets (import_basket.c): rows that follow each other become one purchase, or cancellations of
 * earlier ones. */
void basket_keep(struct import_map *map, const struct import_row *row);
void basket_close(struct import_map *map, struct arena *arena, struct import_event **events,
                  size_t *n, size_t *max);

#endif
