/* loyald audit verify | checkpoint | export. */
#include "base/base.h"
#include "cli/cli.h"

#include <sodium.h>

#include "cli/command.h"

enum { EXIT_DAMAGE = 1, EXIT_UNCHECKED = 2, LINE_BYTES_MAX = 64 * 1024 };

/* ---- verify ---- */

struct tally {
    struct cli *cli;
    int64_t faults_n;
    struct json_out w;
};

static void note_fault(void *self, int64_t seq, const char *text)
{
    struct tally *tally = self;
    tally->faults_n++;
    if (!tally->cli->json) {
        (void)fprintf(stderr, "loyald: audit seq %" PRId64 ": %s\n", seq, text);
        return;
    }
    json_open(&tally->w, '{');
    json_key(&tally->w, "seq");
    json_put_int(&tally->w, seq);
    json_key(&tally->w, "detail");
    json_put_str(&tally->w, str_c(text));
    json_close(&tally->w, '}');
}

/* Saved checkpoints, one a line. */
static enum err read_saved(struct cli *cli, struct str path, struct audit_checkpoint **out,
                           size_t *n)
{
    struct str file;
    struct str line;
    bool done = false;
    *n = 0;
    if (path.n == 0) {
        return ERR_OK;
    }
    *out = arena_new(&cli->arena, struct audit_checkpoint, AUDIT_CHECKPOINTS_MAX);
    try(cli_file_read(cli, path.p, &file));
    while (str_split(&file, '\n', &line, &done)) {
        line = str_trim(line);
        if (line.n > 0 && *n == AUDIT_CHECKPOINTS_MAX) {
            return fail(&cli->fail, ERR_TOO_LARGE, "", "There are more than %d checkpoints.",
                        AUDIT_CHECKPOINTS_MAX);
        }
        if (line.n > 0) {
            try(audit_checkpoint_read(&cli->arena, line, &cli->fail, &(*out)[(*n)++]));
        }
    }
    return ERR_OK;
}

static enum err verify(struct cli *cli, struct str since, struct tally *tally, int64_t *entries)
{
    struct desk desk;
    struct audit_checkpoint *saved = NULL;
    size_t saved_n = 0;
    const struct audit_listener listener = {.self = tally, .fault = note_fault};
    try(read_saved(cli, since, &saved, &saved_n));
    try(desk_open(&desk, cli, DB_READER));
    const enum err err = store_audit_verify(desk.store, saved, saved_n, &listener, entries);
    desk_close(&desk);
    return err;
}

static int verify_print(struct tally *tally, struct buf *buf, int64_t entries)
{
    const int code = tally->faults_n == 0 ? 0 : EXIT_DAMAGE;
    if (tally->cli->json) {
        json_close(&tally->w, ']');
        json_key(&tally->w, "entries");
        json_put_int(&tally->w, entries);
        json_key(&tally->w, "sound");
        json_put_bool(&tally->w, code == 0);
        json_close(&tally->w, '}');
        return desk_print(buf) == 0 ? code : EXIT_UNCHECKED;
    }
    (void)fprintf(stderr, "loyald: %" PRId64 " audit entries, %" PRId64 " faults\n", entries,
                  tally->faults_n);
    return code;
}

int cli_audit_verify(int argc, char **argv)
{
    struct cli cli;
    struct str since = {0};
    struct buf buf;
    int64_t entries = 0;
    int code = cli_open(&cli, argc, argv,
                        "Usage: loyald audit verify [--since FILE] [--json]\n\n"
                        "Checks the audit log, and that each checkpoint saved in FILE is still a "
                        "part of it. Exit code 0: sound,\n"
                        "1: damage, named by seq, 2: it could not be checked.\n");
    if (code != 0) {
        return code == CLI_HELP ? 0 : EXIT_UNCHECKED;
    }
    buf_open(&buf, &cli.arena, CLI_FILE_BYTES_MAX);
    struct tally tally = {.cli = &cli, .w = json_out(&buf)};
    (void)cli_option(&cli, "--since", &since);
    code = cli_done(&cli, 0);
    if (code == 0) {
        json_open(&tally.w, '{');
        json_key(&tally.w, "faults");
        json_open(&tally.w, '[');
        const enum err err = verify(&cli, since, &tally, &entries);
        if (err == ERR_OK) {
            code = verify_print(&tally, &buf, entries);
        } else {
            (void)cli_complain(&cli, err); // the exit code says that nothing was checked
            code = EXIT_UNCHECKED;
        }
    }
    cli_close(&cli);
    return code;
}

/* ---- checkpoint ---- */

int cli_audit_checkpoint(int argc, char **argv)
{
    struct cli cli;
    int code = cli_open(
        &cli, argc, argv,
        "Usage: loyald audit checkpoint\n\n"
        "Prints a signed line that says what the audit log is now: keep it on another machine.\n");
    if (code != 0) {
        return code == CLI_HELP ? 0 : code;
    }
    code = cli_done(&cli, 0);
    if (code == 0) {
        struct desk desk;
        struct buf buf;
        struct audit_checkpoint checkpoint;
        buf_open(&buf, &cli.arena, LINE_BYTES_MAX);
        enum err err = desk_open(&desk, &cli, DB_READER);
        if (err == ERR_OK) {
            err = store_audit_checkpoint(desk.store, &cli.arena, desk.now, &checkpoint);
            if (err == ERR_OK) {
                audit_checkpoint_write(
                    &buf, &checkpoint); // its instance is the vault's, so before closing
            }
            desk_close(&desk);
        }
        code = err == ERR_OK ? desk_print(&buf) : cli_complain(&cli, err);
    }
    cli_close(&cli);
    return code;
}

/* ---- export ---- */

static void put_hex(struct json_out *w, const char *name, bool has, const unsigned char *bytes)
{
    char hex[AUDIT_HASH_BYTES * 2 + 1];
    json_key(w, name);
    if (has) {
        json_put_str(w, str_c(sodium_bin2hex(hex, sizeof hex, bytes, AUDIT_HASH_BYTES)));
    } else {
        json_put_null(w);
    }
}

static int print_row(struct arena *arena, const struct audit_row *row)
{
    struct buf buf;
    buf_open(&buf, arena, LINE_BYTES_MAX);
    struct json_out w = json_out(&buf);
    json_open(&w, '{');
    json_key(&w, "seq");
    json_put_int(&w, row->seq);
    json_key(&w, "at");
    json_put_instant(&w, row->at);
    json_key(&w, "actor");
    json_put_str(&w, row->actor);
    json_key(&w, "action");
    json_put_str(&w, row->action);
    json_key(&w, "object");
    json_put_str(&w, row->object);
    put_hex(&w, "before", row->has_before, row->before);
    put_hex(&w, "after", row->has_after, row->after);
    put_hex(&w, "hash", true, row->hash);
    json_close(&w, '}');
    return desk_print(&buf);
}

static int print_all(struct cli *cli, struct desk *desk)
{
    int code = 0;
    int64_t after = 0;
    struct arena arena;
    arena_open(&arena, (size_t)256 * 1024 * 1024);
    for (size_t n = AUDIT_PAGE_MAX; n == AUDIT_PAGE_MAX && code == 0;) {
        struct audit_row *rows = NULL;
        arena_reset(&arena);
        const enum err err =
            store_audit_list_after(desk->store, &arena, after, AUDIT_PAGE_MAX, &rows, &n);
        if (err != ERR_OK) {
            code = cli_complain(cli, err);
            break;
        }
        for (size_t i = 0; i < n && code == 0; i++) {
            after = rows[i].seq;
            code = print_row(&arena, &rows[i]);
        }
    }
    arena_close(&arena);
    return code;
}

int cli_audit_export(int argc, char **argv)
{
    struct cli cli;
    int code = cli_open(&cli, argc, argv,
                        "Usage: loyald audit export\n\nPrints the audit log, oldest first, a line "
                        "of JSON each: see docs/audit.md.\n");
    if (code != 0) {
        return code == CLI_HELP ? 0 : code;
    }
    code = cli_done(&cli, 0);
    if (code == 0) {
        struct desk desk;
        const enum err err = desk_open(&desk, &cli, DB_READER);
        code = err == ERR_OK ? print_all(&cli, &desk) : cli_complain(&cli, err);
        if (err == ERR_OK) {
            desk_close(&desk);
        }
    }
    cli_close(&cli);
    return code;
}
