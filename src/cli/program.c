/* loyald program validate | publish | show. */
#include "base/base.h"
#include "cli/cli.h"

#include "api/program_tests.h"
#include "cli/command.h"
#include "core/diff.h"
#include "store/versions.h"

struct publish {
    const struct json *document;
    struct str comment;
    int64_t effective_at; // AT_NEVER: now
    int version;
};

static enum err read_document(struct cli *cli, const char *path, const struct json **out)
{
    struct str text;
    try(cli_file_read(cli, path, &text));
    return json_read(&cli->arena, text, &cli->fail, out);
}

/* ---- validate ---- */

/* What publishing it now would refuse because of what was booked. */
static enum err published_check(struct cli *cli, const struct json *document,
                                const struct program *program)
{
    struct desk desk;
    try(desk_open(&desk, cli, DB_READER));
    const enum err err = store_program_keeps(desk.store, &cli->arena, document, program, desk.now,
                                             desk.now, &cli->fail);
    desk_close(&desk);
    return err;
}

int cli_program_validate(int argc, char **argv)
{
    struct cli cli;
    const struct json *document = NULL;
    const struct program *program = NULL;
    int code = cli_open(
        &cli, argc, argv,
        "Usage: loyald program validate FILE [--published]\n\n"
        "Checks a program document (\"-\" for standard input) and runs its tests; needs no "
        "database.\n"
        "--published also holds it against the instance's published program, as publishing "
        "would:\n"
        "the currency and each wallet with its scale stay once something was booked.\n");
    if (code != 0) {
        return code == CLI_HELP ? 0 : code;
    }
    const bool with_published = cli_switch(&cli, "--published");
    code = cli_done(&cli, 1);
    if (code == 0 && cli.argc != 2) {
        (void)fprintf(stderr, "loyald: a file is expected\n");
        code = 2;
    }
    if (code == 0) {
        enum err err = read_document(&cli, cli.argv[1], &document);
        if (err == ERR_OK) {
            size_t tests = 0;
            err = program_tests_check(NULL, &cli.arena, document, &cli.fail, &program, &tests);
        }
        if (err == ERR_OK && with_published) {
            err = published_check(&cli, document, program);
        }
        code = err == ERR_OK ? 0 : cli_complain(&cli, err);
    }
    cli_close(&cli);
    return code;
}

/* ---- test ---- */

int cli_program_test(int argc, char **argv)
{
    struct cli cli;
    const struct json *document = NULL;
    const struct program *program = NULL;
    size_t tests = 0;
    int code = cli_open(&cli, argc, argv,
                        "Usage: loyald program test FILE\n\n"
                        "Runs the tests inside a program document (\"-\" for standard input); "
                        "needs no database.\n");
    if (code != 0) {
        return code == CLI_HELP ? 0 : code;
    }
    code = cli_done(&cli, 1);
    if (code == 0 && cli.argc != 2) {
        (void)fprintf(stderr, "loyald: a file is expected\n");
        code = 2;
    }
    if (code == 0) {
        enum err err = read_document(&cli, cli.argv[1], &document);
        if (err == ERR_OK) {
            err = program_tests_check(NULL, &cli.arena, document, &cli.fail, &program, &tests);
        }
        if (err == ERR_OK) {
            (void)printf("%zu tests passed\n", tests); // standard output that is gone is nobody's
        }
        code = err == ERR_OK ? 0 : cli_complain(&cli, err);
    }
    cli_close(&cli);
    return code;
}

/* ---- diff ---- */

static enum err diff_print(struct cli *cli, const char *before_path, const char *after_path)
{
    const struct json *before = NULL;
    const struct json *after = NULL;
    struct change *changes = NULL;
    size_t n = 0;
    try(read_document(cli, before_path, &before));
    try(read_document(cli, after_path, &after));
    try(program_diff(&cli->arena, before, after, &changes, &n));
    for (size_t i = 0; i < n; i++) {
        (void)printf("%.*s\n",
                     STR_ARG(changes[i].text)); // standard output that is gone is nobody's
    }
    return ERR_OK;
}

int cli_program_diff(int argc, char **argv)
{
    struct cli cli;
    int code = cli_open(
        &cli, argc, argv,
        "Usage: loyald program diff BEFORE AFTER\n\n"
        "Says in words what has changed between two program documents; needs no database.\n");
    if (code != 0) {
        return code == CLI_HELP ? 0 : code;
    }
    code = cli_done(&cli, 2);
    if (code == 0 && cli.argc != 3) {
        (void)fprintf(stderr, "loyald: two files are expected\n");
        code = 2;
    }
    if (code == 0) {
        const enum err err = diff_print(&cli, cli.argv[1], cli.argv[2]);
        code = err == ERR_OK ? 0 : cli_complain(&cli, err);
    }
    cli_close(&cli);
    return code;
}

/* ---- publish ---- */

static enum err publish_work(struct desk *desk, void *self)
{
    struct publish *publish = self;
    struct arena *arena = &desk->cli->arena;
    struct buf text;
    struct program_version before = {0};
    const size_t n = store_programs_n(desk->store);
    if (n > 0) {
        struct program_version *newest = NULL;
        size_t newest_n = 0;
        try(store_versions_list(desk->store, arena, INT32_MAX, 1, &newest, &newest_n));
        ensure(newest_n == 1);
        try(store_version_read(desk->store, arena, newest->version, &before));
    }
    const struct program *program = NULL;
    size_t tests = 0;
    try(program_tests_check(desk->store, arena, publish->document, &desk->cli->fail, &program,
                            &tests));
    const int64_t effective_at =
        publish->effective_at == AT_NEVER ? desk->now : publish->effective_at;
    try(store_program_publish(desk->store, arena, publish->document, effective_at, desk->now,
                              publish->comment, STR("cli"), &desk->cli->fail, &publish->version));
    buf_open(&text, arena, CLI_FILE_BYTES_MAX);
    json_write_canonical(&text, publish->document);
    return desk_audit(desk, "program.publish", str_fmt(arena, "program/%d", publish->version),
                      before.document, buf_view(&text));
}

static int publish_print(struct cli *cli, const struct publish *publish)
{
    struct buf buf;
    buf_open(&buf, &cli->arena, 4096);
    if (cli->json) {
        buf_printf(&buf, "{\"version\":%d}", publish->version);
    } else {
        buf_printf(&buf, "version %d", publish->version);
    }
    return desk_print(&buf);
}

static int publish_options(struct cli *cli, struct publish *publish)
{
    struct str effective = {0};
    (void)cli_option(cli, "--comment", &publish->comment);
    publish->effective_at = AT_NEVER;
    if (cli_option(cli, "--effective-at", &effective) &&
        !instant_read(effective, &publish->effective_at)) {
        (void)fprintf(stderr,
                      "loyald: --effective-at takes an instant such as 2026-11-21T00:00:00Z\n");
        return 2;
    }
    if (cli_done(cli, 1) != 0) {
        return 2;
    }
    if (cli->argc != 2) {
        (void)fprintf(stderr, "loyald: a file is expected\n");
        return 2;
    }
    return 0;
}

int cli_program_publish(int argc, char **argv)
{
    struct cli cli;
    struct publish publish = {0};
    int code = cli_open(
        &cli, argc, argv,
        "Usage: loyald program publish FILE [--comment TEXT] [--effective-at INSTANT] [--json]\n\n"
        "Publishes a program document (\"-\" for standard input) as the next version.\n");
    if (code != 0) {
        return code == CLI_HELP ? 0 : code;
    }
    code = publish_options(&cli, &publish);
    if (code == 0) {
        struct desk desk;
        enum err err = read_document(&cli, cli.argv[1], &publish.document);
        if (err == ERR_OK) {
            err = desk_open(&desk, &cli, DB_MAINTAINER);
        }
        if (err == ERR_OK) {
            err = desk_write(&desk, publish_work, &publish);
            desk_close(&desk);
        }
        code = err == ERR_OK ? publish_print(&cli, &publish) : cli_complain(&cli, err);
    }
    cli_close(&cli);
    return code;
}

/* ---- show ---- */

static enum err show(struct cli *cli, struct desk *desk, int64_t version, struct buf *out)
{
    struct program_version found;
    if (version == 0) {
        const struct program *program = NULL;
        try(store_program_at(desk->store, desk->now, &program));
        version = program->version;
    }
    const enum err err = store_version_read(desk->store, &cli->arena, (int)version, &found);
    if (err == ERR_NOT_FOUND) {
        return fail(&cli->fail, err, "", "There is no version %" PRId64 ".", version);
    }
    try(err);
    buf_open(out, &cli->arena, CLI_FILE_BYTES_MAX);
    buf_str(out, found.document);
    return ERR_OK;
}

int cli_program_show(int argc, char **argv)
{
    struct cli cli;
    int64_t version = 0;
    int code = cli_open(&cli, argc, argv,
                        "Usage: loyald program show [VERSION]\n\nPrints the program in force, or a "
                        "version, as JSON.\n");
    if (code != 0) {
        return code == CLI_HELP ? 0 : code;
    }
    code = cli_done(&cli, 1);
    if (code == 0 && cli.argc == 2 &&
        (!str_int64(str_c(cli.argv[1]), &version) || version < 1 || version > INT32_MAX)) {
        (void)fprintf(stderr, "loyald: the number of a version is expected\n");
        code = 2;
    }
    if (code == 0) {
        struct desk desk;
        struct buf text;
        enum err err = desk_open(&desk, &cli, DB_READER);
        if (err == ERR_OK) {
            err = show(&cli, &desk, version, &text);
            code = err == ERR_OK ? desk_print(&text) : 0;
            desk_close(&desk);
        }
        code = err == ERR_OK ? code : cli_complain(&cli, err);
    }
    cli_close(&cli);
    return code;
}
