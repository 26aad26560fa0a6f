/* Rows of CSV (RFC 4180), of columns between blanks, and of NDJSON; plain or gzip. */
#include "base/base.h"
#include "cli/import.h"

#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { SOURCE_BUFFER_BYTES = 256 * 1024 };

struct import_source {
    struct arena arena;
    gzFile file;     // zlib reads plain files as they are
    int64_t bytes_n; // size of the file, 0: not known
    int64_t line;    // lines read so far
    unsigned char *buffer;
    size_t at;
    size_t n;
    bool is_end;
};

enum err import_source_open(const char *path, struct fail *f, struct import_source **out)
{
    struct arena arena;
    struct stat stat_;
    arena_open(&arena, 1024 * 1024);
    struct import_source *source = arena_new(&arena, struct import_source, 1);
    const bool is_input = strcmp(path, "-") == 0;
    source->file = is_input ? gzdopen(dup(STDIN_FILENO), "rb") : gzopen(path, "rb");
    if (source->file == NULL) {
        arena_close(&arena);
        return fail(f, ERR_IO, "", "%s cannot be opened.", path);
    }
    source->bytes_n = !is_input && stat(path, &stat_) == 0 ? stat_.st_size : 0;
    source->buffer = arena_bytes(&arena, SOURCE_BUFFER_BYTES);
    (void)gzbuffer(source->file, SOURCE_BUFFER_BYTES); // a smaller buffer is only slower
    source->arena = arena;
    *out = source;
    return ERR_OK;
}

void import_source_close(struct import_source *source)
{
    if (source != NULL) {
        (void)gzclose(source->file); // was read only
        struct arena arena = source->arena;
        arena_close(&arena);
    }
}

double import_source_share(struct import_source *source)
{
    return source->bytes_n > 0 ? (double)gzoffset(source->file) / (double)source->bytes_n : -1;
}

/* The next byte, or -1 at the end; *err where reading failed. */
static int next_byte(struct import_source *source, enum err *err)
{
    if (source->at == source->n) {
        if (source->is_end) {
            return -1;
        }
        const int got = gzread(source->file, source->buffer, SOURCE_BUFFER_BYTES);
        if (got < 0) {
            *err = ERR_IO;
        }
        source->n = got > 0 ? (size_t)got : 0;
        source->at = 0;
        source->is_end = source->n == 0;
        if (source->n == 0) {
            return -1;
        }
    }
    return source->buffer[source->at++];
}

/* A logical line: for CSV, line ends inside quotes belong to it. *is_long: it was cut. */
static enum err read_line(struct import_source *source, bool with_quotes, struct buf *line,
                          bool *is_end)
{
    enum err err = ERR_OK;
    bool in_quotes = false;
    bool any = false;
    for (int c = next_byte(source, &err); c >= 0; c = next_byte(source, &err)) {
        any = true;
        if (c == '"' && with_quotes) {
            in_quotes = !in_quotes;
        }
        if (c == '\n') {
            source->line++;
            if (!in_quotes || line->is_full) {
                *is_end = false;
                return ERR_OK;
            }
        }
        buf_char(line, (char)c);
    }
    *is_end = !any;
    source->line += any;
    return err;
}

static bool split_csv(struct arena *arena, struct str line, struct import_row *row)
{
    size_t at = 0;
    for (;;) {
        if (row->fields_n == IMPORT_COLUMNS_MAX) {
            return false;
        }
        struct buf field;
        buf_open(&field, arena, IMPORT_LINE_BYTES_MAX);
        if (at < line.n && line.p[at] == '"') {
            for (at++;; at++) {
                if (at >= line.n) {
                    return false; // the quote is not closed
                }
                if (line.p[at] == '"') {
                    if (at + 1 < line.n && line.p[at + 1] == '"') {
                        at++;
                    } else {
                        break;
                    }
                }
                buf_char(&field, line.p[at]);
            }
            at++;
        } else {
            for (; at < line.n && line.p[at] != ','; at++) {
                if (line.p[at] == '"') {
                    return false; // a quote inside a field that is not quoted
                }
                buf_char(&field, line.p[at]);
            }
        }
        row->fields[row->fields_n++] = buf_view(&field);
        if (at >= line.n) {
            return true;
        }
        if (line.p[at] != ',') {
            return false;
        }
        at++;
    }
}

static bool split_blanks(struct str line, struct import_row *row)
{
    size_t at = 0;
    while (at < line.n) {
        while (at < line.n && (line.p[at] == ' ' || line.p[at] == '\t')) {
            at++;
        }
        const size_t from = at;
        while (at < line.n && line.p[at] != ' ' && line.p[at] != '\t') {
            at++;
        }
        if (at > from) {
            if (row->fields_n == IMPORT_COLUMNS_MAX) {
                return false;
            }
            row->fields[row->fields_n++] = (struct str){.p = line.p + from, .n = at - from};
        }
    }
    return true;
}

enum err import_source_next(struct import_source *source, enum import_format format,
                            struct arena *arena, struct import_row *row, bool *is_end)
{
    for (;;) {
        struct buf line;
        buf_open(&line, arena, IMPORT_LINE_BYTES_MAX);
        *row = (struct import_row){.number = source->line + 1};
        try(read_line(source, format == IMPORT_CSV, &line, is_end));
        if (*is_end) {
            return ERR_OK;
        }
        struct str text = buf_view(&line);
        if (row->number == 1 && str_starts(text, STR("\xEF\xBB\xBF"))) {
            text = str_after(text, 3); // a byte order mark, as spreadsheets write it
        }
        while (text.n > 0 && text.p[text.n - 1] == '\r') {
            text.n--;
        }
        if (text.n == 0 && !line.is_full) {
            continue; // an empty line is no row
        }
        row->text = text;
        row->is_bad = line.is_full || !str_is_utf8(text);
        if (!row->is_bad && format != IMPORT_NDJSON) {
            row->is_bad =
                !(format == IMPORT_CSV ? split_csv(arena, text, row) : split_blanks(text, row));
        }
        if (row->is_bad) {
            row->fields_n = 0;
        }
        return ERR_OK;
    }
}
