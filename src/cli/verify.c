/* loyald verify: the books, proved. */
#include "base/base.h"
#include "cli/cli.h"

#include <unistd.h>

#include "cli/command.h"
#include "engine/verify.h"
#include "store/frozen.h"

enum { EXIT_DAMAGE = 1, EXIT_UNCHECKED = 2, REPORT_BYTES_MAX = 16 * 1024 * 1024 };

static const char HELP[] =
    "Usage: loyald verify [--json] [--release MEMBER]\n\n"
    "Proves the ten invariants of the books on a live database: double entry, balances, lots, "
    "nothing negative,\n"
    "redemptions, natural keys, hash chains, sealed data, blind indexes, and the database's own "
    "check. Exit code 0:\n"
    "sound, 1: damage, each line naming a table and a row, 2: it could not be checked.\n\n"
    "--release checks one member (mbr_…) that the server has frozen, and lets their books be "
    "written again if they are sound.\n";

/* A line that counts on a terminal. */
static bool progress(void *self, const struct verify_report *so_far, int64_t members_all)
{
    (void)self; // nothing but the terminal is told
    if (isatty(STDERR_FILENO)) {
        (void)fprintf(stderr,
                      "\rloyald: %" PRId64 " of %" PRId64 " members, %" PRId64 " violations ",
                      so_far->members, members_all, so_far->violations);
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
        (void)printf("%s: %.*s %.*s: %.*s\n", invariant_name(v->invariant), STR_ARG(v->table),
                     STR_ARG(v->row), STR_ARG(v->detail));
    }
    if (report->violations > (int64_t)report->n) {
        (void)printf("and %" PRId64 " more\n", report->violations - (int64_t)report->n);
    }
    (void)fprintf(stderr,
                  "loyald: %" PRId64 " members, %" PRId64 " events, %" PRId64
                  " points transfers, %" PRId64 " audit entries: %s\n",
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

/* ---- --release ---- */

struct release {
    int64_t member;
    struct str name;
    bool was_frozen;
};

static enum err release(struct desk *desk, void *self)
{
    struct release *r = self;
    try(store_member_unfreeze(desk->store, r->member, &r->was_frozen));
    return r->was_frozen
               ? desk_audit(desk, "member.release", r->name, (struct str){0}, (struct str){0})
               : ERR_OK;
}

/* A clean check first, then the release with its audit entry. */
static int release_member(struct cli *cli, struct str name)
{
    struct desk desk;
    struct release r = {.name = name};
    struct verify_report *report = arena_new(&cli->arena, struct verify_report, 1);
    report->arena = &cli->arena;
    if (!id_read("mbr_", name, &r.member)) {
        (void)fprintf(stderr, "loyald: --release takes the id of a member: mbr_…\n");
        return EXIT_UNCHECKED;
    }
    enum err err = desk_open(&desk, cli, DB_WRITER);
    if (err != ERR_OK) {
        return complain(cli, err);
    }
    err = verify_one(desk.store, r.member, report);
    if (err == ERR_OK && report->violations == 0) {
        err = desk_write(&desk, release, &r);
    }
    desk_close(&desk);
    if (err != ERR_OK) {
        return complain(cli, err);
    }
    if (report->violations == 0) {
        (void)fprintf(stderr, "loyald: %.*s %s\n", STR_ARG(name),
                      r.was_frozen ? "is released" : "was not frozen");
    }
    return print(cli, report);
}

int cli_verify(int argc, char **argv)
{
    struct cli cli;
    struct desk desk;
    struct str member = {0};
    int code = cli_open(&cli, argc, argv, HELP);
    if (code != 0) {
        return code == CLI_HELP ? 0 : EXIT_UNCHECKED;
    }
    const bool releases = cli_option(&cli, "--release", &member);
    code = cli_done(&cli, 0);
    if (code == 0 && releases) {
        code = release_member(&cli, member);
    } else if (code == 0) {
        struct verify_report *report = arena_new(&cli.arena, struct verify_report, 1);
        const struct verify_options options = {.progress = progress};
        report->arena = &cli.arena;
        db_files_read_ahead();
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
