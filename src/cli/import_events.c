/* `loyald import events FILE [--map MAP] [--rejects FILE]`: every row is booked, or rejected with a
 * reason. */
#include "base/base.h"
#include "cli/cli.h"

#include <unistd.h>

#include "api/event_read.h"
#include "base/log.h"
#include "cli/config.h"
#include "cli/import.h"

enum { IMPORT_PER_TICKET = 2048, REJECT_CODES_MAX = 64, PROGRESS_EVERY_US = 1000000 };
#define TICKET_BYTES_MAX ((size_t)4 * 1024 * 1024 * 1024)

static const char HELP[] =
    "Usage: loyald import events FILE [--map MAP] [--rejects FILE] [--json]\n\n"
    "Books the events of a CSV or NDJSON file, plain or gzip, \"-\" for standard input. MAP is a "
    "small\n"
    "JSON document that says what the columns are (docs/import.md); without it the file is "
    "NDJSON.\n"
    "Rows that cannot be booked go to the rejects file (default FILE.rejects.csv) by line number, "
    "code\n"
    "and pointer. The same file twice changes nothing: after an interruption run the command "
    "again.\n";

struct reject_count {
    const char *code;
    int64_t lines;
};

struct import {
    struct cli *cli;
    struct engine *engine;
    const struct vault *vault;
    struct import_source *source;
    struct import_map *map;
    FILE *rejects;
    struct arena arena; // of one ticket
    struct import_event *events;
    size_t events_n, events_max;
    int64_t lines, booked, rejected;                 // rows
    int64_t applied, refused, held, sales, replayed; // events
    struct reject_count counts[REJECT_CODES_MAX];
    size_t counts_n;
    int64_t started_us, shown_us;
};

static void reject(struct import *import, const struct import_event *event, const char *code,
                   struct str pointer)
{
    for (size_t i = 0; i < event->numbers_n; i++) {
        // Line, code and pointer only: a rejects file never holds what the line said.
        (void)fprintf(import->rejects, "%" PRId64 ",%s,\"%.*s\"\n", event->numbers[i], code,
                      STR_ARG(pointer));
    }
    import->rejected += (int64_t)event->numbers_n;
    for (size_t i = 0; i < import->counts_n; i++) {
        if (strcmp(import->counts[i].code, code) == 0) {
            import->counts[i].lines += (int64_t)event->numbers_n;
            return;
        }
    }
    if (import->counts_n < REJECT_CODES_MAX) {
        import->counts[import->counts_n++] =
            (struct reject_count){.code = code, .lines = (int64_t)event->numbers_n};
    }
}

static struct str fail_pointer(const struct fail *f)
{
    return f->items_n > 0 ? f->items[0].pointer : (struct str){0};
}

/* Counts what became of one event. */
static void count_answer(struct import *import, const struct submission *s,
                         const struct import_event *event)
{
    if (s->err != ERR_OK) {
        reject(import, event, err_code(s->err), fail_pointer(&s->fail));
        return;
    }
    import->booked += (int64_t)event->numbers_n;
    import->replayed += s->is_replay;
    import->sales += s->member == 0 && s->answer.outcome == OUTCOME_APPLIED;
    switch (s->answer.outcome) {
    case OUTCOME_APPLIED:
        import->applied++;
        break;
    case OUTCOME_REFUSED:
        import->refused++;
        break;
    case OUTCOME_HELD:
        import->held++;
        break;
    }
}

/* An error here stops the import: the database's. What concerns one event is a reject. */
static enum err flush(struct import *import)
{
    struct submission *list = arena_new(&import->arena, struct submission, import->events_n);
    const struct import_event **of =
        arena_new(&import->arena, const struct import_event *, import->events_n);
    size_t n = 0;
    for (size_t i = 0; i < import->events_n; i++) {
        const struct import_event *event = &import->events[i];
        struct fail f = {.arena = &import->arena};
        const struct json *json = NULL;
        if (event->json.n == 0) {
            reject(import, event, event->code ? event->code : "malformed", (struct str){0});
            continue;
        }
        enum err err = json_read(&import->arena, event->json, &f, &json);
        if (err == ERR_OK) {
            err = event_read(&import->arena, import->vault, json, NULL, &f, &list[n]);
        }
        if (err != ERR_OK) {
            reject(import, event, err_code(err), fail_pointer(&f));
            continue;
        }
        list[n].may_import = true;
        of[n++] = event;
    }
    struct ticket ticket = {.list = list, .n = n};
    enum err err = n == 0 ? ERR_OK : engine_run(import->engine, &ticket);
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        if (err_status(list[i].err) >= 500) {
            err = fail(&import->cli->fail, list[i].err, "",
                       "%s Run the same command again: what is booked stays booked.",
                       err_title(list[i].err));
        } else {
            count_answer(import, &list[i], of[i]);
        }
    }
    import->events = NULL;
    import->events_n = import->events_max = 0;
    arena_reset(&import->arena);
    return err;
}

static void show_progress(struct import *import, bool is_last)
{
    const int64_t now = clock_monotonic_us();
    if (!isatty(STDERR_FILENO) || (!is_last && now - import->shown_us < PROGRESS_EVERY_US)) {
        return;
    }
    const double seconds = (double)(now - import->started_us) / 1e6;
    const double share = import_source_share(import->source);
    import->shown_us = now;
    (void)fprintf(stderr, "\r%" PRId64 " lines, %" PRId64 " rejected, %.0f lines/s", import->lines,
                  import->rejected, seconds > 0 ? (double)import->lines / seconds : 0);
    if (share > 0 && !is_last) {
        (void)fprintf(stderr, ", %.0f %%, %.0f s left ", share * 100, seconds / share - seconds);
    }
    (void)fputs(is_last ? "          \n" : "   ", stderr);
}

static enum err run(struct import *import)
{
    bool is_end = false;
    while (!is_end) {
        struct import_row row;
        try(import_source_next(import->source, import_map_format(import->map), &import->arena, &row,
                               &is_end));
        import->lines += !is_end && !import_map_wants_header(import->map);
        try(import_map_row(import->map, &import->arena, is_end ? NULL : &row, &import->events,
                           &import->events_n, &import->events_max, &import->cli->fail));
        if (is_end || import->events_n >= IMPORT_PER_TICKET) {
            try(flush(import));
            show_progress(import, is_end);
        }
    }
    return ERR_OK;
}

static void print_summary(const struct import *import)
{
    struct buf text;
    buf_open(&text, &import->cli->arena, 64 * 1024);
    struct json_out w = json_out(&text);
    const struct {
        const char *name;
        int64_t value;
    } fields[] = {
        {"lines", import->lines},       {"booked", import->booked},
        {"rejected", import->rejected}, {"applied", import->applied},
        {"refused", import->refused},   {"held", import->held},
        {"sales", import->sales},       {"replayed", import->replayed},
    };
    json_open(&w, '{');
    for (size_t i = 0; i < ARRAY_N(fields); i++) {
        json_key(&w, fields[i].name);
        json_put_int(&w, fields[i].value);
    }
    json_key(&w, "rejects");
    json_open(&w, '{');
    for (size_t i = 0; i < import->counts_n; i++) {
        json_key(&w, import->counts[i].code);
        json_put_int(&w, import->counts[i].lines);
    }
    json_close(&w, '}');
    json_close(&w, '}');
    (void)printf("%.*s\n", STR_ARG(buf_view(&text)));
}

static enum err read_map(struct import *import, struct str path)
{
    struct cli *cli = import->cli;
    struct str text = STR("{\"format\":\"ndjson\"}");
    const struct json *document = NULL;
    if (path.n > 0) {
        try(cli_file_read(cli, path.p, &text));
    }
    try(json_read(&cli->arena, text, &cli->fail, &document));
    return import_map_read(&cli->arena, document, import->vault, &cli->fail, &import->map);
}

static enum err import_file(struct import *import, const char *path, struct str map_path,
                            struct str rejects_path)
{
    struct cli *cli = import->cli;
    const bool is_input = strcmp(path, "-") == 0;
    const char *rejects = rejects_path.n > 0 ? rejects_path.p
                          : is_input         ? "rejects.csv"
                                             : str_fmt(&cli->arena, "%s.rejects.csv", path).p;
    try(read_map(import, map_path));
    try(import_source_open(path, &cli->fail, &import->source));
    import->rejects = fopen(rejects, "w");
    if (import->rejects == NULL) {
        return fail(&cli->fail, ERR_IO, "",
                    "%s cannot be written: name another file with --rejects.", rejects);
    }
    (void)fputs("line,code,pointer\n", import->rejects);
    import->started_us = import->shown_us = clock_monotonic_us();
    enum err err = run(import);
    if (fclose(import->rejects) != 0 && err == ERR_OK) {
        err = fail(&cli->fail, ERR_IO, "", "%s could not be written whole.", rejects);
    }
    return err;
}

int cli_import_events(int argc, char **argv)
{
    struct cli cli;
    struct str map_path = {0};
    struct str rejects_path = {0};
    struct store_base *base = NULL;
    struct import import = {.cli = &cli};
    const int opened = cli_open(&cli, argc, argv, HELP);
    if (opened != 0) {
        return opened == CLI_HELP ? 0 : opened;
    }
    (void)cli_option(&cli, "--map", &map_path);
    (void)cli_option(&cli, "--rejects", &rejects_path);
    if (cli_done(&cli, 1) != 0 || cli.argc != 2) {
        (void)fputs(HELP, stderr);
        return 2;
    }
    log_level_set(LOG_WARN);
    arena_open(&import.arena, TICKET_BYTES_MAX);
    enum err err = store_base_open(&cli.store, &cli.fail, &base);
    if (err == ERR_OK) {
        import.vault = store_base_vault(base);
        err = engine_open(&(struct engine_config){.base = base}, &cli.fail, &import.engine);
    }
    if (err == ERR_OK) {
        err = import_file(&import, cli.argv[1], map_path, rejects_path);
        print_summary(&import);
    }
    import_map_close(import.map);
    import_source_close(import.source);
    engine_close(import.engine);
    store_base_close(base);
    const int code = err == ERR_OK ? 0 : cli_complain(&cli, err);
    arena_close(&import.arena);
    cli_close(&cli);
    return code;
}
