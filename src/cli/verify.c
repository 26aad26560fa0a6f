/* loyald verify: the books, proved. */
#include "base/base.h"
#include "cli/cli.h"

#include <unistd.h>

#include "cli/command.h"
#include "engine/verify.h"

enum { EXIT_DAMAGE = 1, EXIT_UNCHECKED = 2, REPORT_BYTES_MAX = 16 * 1024 * 1024 };

static const char HELP[] =
    "Usage: loyald verify [--json]\n\n"
    "Proves the ten invariants of the books on a live database: double entry, balances, lots, nothing negative,\n"
    "redemptions, natural keys, hash chains, sealed data, blind indexes, and the database's own check. Exit code 0:\n"
    "sound, 1: damage, each line naming a table and a row, 2: it could not be checked.\n";

/* A line that counts on a terminal. */
static bool progress(void *self, const struct verify_report *so_far, int64_t members_all)
{
    (void)self; // nothing but the terminal is told
    if (isatty(STDERR_FILENO)) {
        (void)fprintf(stderr, "\rloyald: %" PRId64 " of %" PRId64 " members, %" PRId64 " violations ", so_far->members,
                      members_all, so_far->violations);
    }
    return true;
}

static int print(struct cli *cli, const struct verify_report *report)
{
    const int code = report->violations == 0 ? 0 : EXIT_DAMAGE;
    if (isatty(STDERR_FILENO)) {
        (void)fprintf(stderr, "\n");
    }
    if (cli->json) {
        struct buf buf;
        buf_open(&buf, &cli->arena, REPORT_BYTES_MAX);
        verify_report_write(&buf, report);
        return desk_print(&buf) == 0 ? code : EXIT_UNCHECKED;
    }
    for (size_t i = 0; i < report->n; i++) {
        const struct violation *v = &report->list[i];
        (void)printf("%s: %.*s %.*s: %.*s\n", invariant_name(v->invariant), STR_ARG(v->table), STR_ARG(v->row),
                     STR_ARG(v->detail));
    }
    if (report->violations > (int64_t)report->n) {
        (void)printf("and %" PRId64 " more\n", report->violations - (int64_t)report->n);
    }
    (void)fprintf(stderr,
                  "loyald: %" PRId64 " members, %" PRId64 " events, %" PRId64 " points transfers, %" PRId64
                  " audit entries: %s\n",
                  report->members, report->events, report->transfers, report->audit_entries,
                  code == 0 ? "sound" : "DAMAGE");
    return code;
}

/* A database too damaged to be opened is damage; one that is not there could not be checked. */
static int complain(struct cli *cli, enum err err)
{
    (void)cli_complain(cli, err); // the exit code is verify's own
    return err == ERR_INTEGRITY ? EXIT_DAMAGE : EXIT_UNCHECKED;
}

int cli_verify(int argc, char **argv)
{
    struct cli cli;
    struct desk desk;
    int code = cli_open(&cli, argc, argv, HELP);
    if (code != 0) {
        return code == CLI_HELP ? 0 : EXIT_UNCHECKED;
    }
    code = cli_done(&cli, 0);
    if (code == 0) {
        struct verify_report *report = arena_new(&cli.arena, struct verify_report, 1);
        const struct verify_options options = {.progress = progress};
        report->arena = &cli.arena;
        enum err err = desk_open(&desk, &cli, DB_READER);
        if (err == ERR_OK) {
            err = verify_run(desk.store, &options, report);
            desk_close(&desk);
        }
        code = err == ERR_OK ? print(&cli, report) : complain(&cli, err);
    }
    cli_close(&cli);
    return code;
}
