/* Importing events from files: rows, the mapping of their columns, and the way into the engine.
 *
 * A row of CSV becomes the same CloudEvent that a caller would post, so one reader checks both.
 *
 * Owns:    the source's file; what the mapper remembers of purchases, for cancellations.
 * Threads: main thread only.
 * Memory:  arenas given; the mapper's memory grows with customers × articles of a file with
 *          cancellations.
 * Errors:  ERR_IO, ERR_INVALID with what is wrong with the mapping; faults of rows are rejects, not
 *          errors.
 * Limits:  IMPORT_LINE_BYTES_MAX, IMPORT_COLUMNS_MAX, IMPORT_GROUP_LINES_MAX.
 */
#ifndef LOYALD_CLI_IMPORT_H
#define LOYALD_CLI_IMPORT_H

#include "base/map.h"
#include "engine/engine.h"

enum {
    IMPORT_LINE_BYTES_MAX = 1024 * 1024,
    IMPORT_COLUMNS_MAX = 256,
    IMPORT_GROUP_LINES_MAX = EVENT_LINES_MAX,
};

/* ---- rows ---- */

enum import_format { IMPORT_CSV, IMPORT_BLANKS, IMPORT_NDJSON };

struct import_source;

/* Opens a file, plain or gzip, or "-" for standard input. */
enum err import_source_open(const char *path, struct fail *f, struct import_source **out) MUST_USE;
void import_source_close(struct import_source *source);

/* One row. `number` is the line it begins on, from 1. A row that is malformed has fields_n == 0 and
 * is_bad. */
struct import_row {
    int64_t number;
    bool is_bad;
    struct str text; // NDJSON: the line
    struct str fields[IMPORT_COLUMNS_MAX];
    size_t fields_n;
};

/* The next row; its strings live in the arena. *is_end at the end of the file. */
enum err import_source_next(struct import_source *source, enum import_format format,
                            struct arena *arena, struct import_row *row, bool *is_end) MUST_USE;

/* How much of the file was read, 0..1; negative when that is not known. */
double import_source_share(struct import_source *source);

/* ---- the mapping ---- */

struct import_map;

/* What the mapper makes of rows: one event, as JSON text, from one or more rows. Or a reject. */
struct import_event {
    struct str json;  // empty: rejected
    const char *code; // why rejected
    int64_t *numbers; // rows that it was made of
    size_t numbers_n;
};

/* Reads a mapping document (docs/import.md). `memory` keeps what must live as long as the import.
 */
enum err import_map_read(struct arena *memory, const struct json *document,
                         const struct vault *vault, struct fail *f,
                         struct import_map **out) MUST_USE;
/* Releases what it holds beyond `memory`. NULL is allowed. */
void import_map_close(struct import_map *map);

enum import_format import_map_format(const struct import_map *map);

/* True while the next row is the one that names the columns. */
bool import_map_wants_header(const struct import_map *map);

/* Takes a row (the first names the columns where the mapping does not), or NULL at the end. Events
 * that are complete are appended to *events, in order. */
enum err import_map_row(struct import_map *map, struct arena *arena, const struct import_row *row,
                        struct import_event **events, size_t *n, size_t *max,
                        struct fail *f) MUST_USE;

#endif
