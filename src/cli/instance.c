/* `loyald init`, `loyald migrate`, `loyald clock set`: the instance itself. */
#include "base/base.h"
#include "cli/cli.h"

#include <sys/stat.h>

#include "base/assets.h"
#include "cli/session.h"

static const char INIT_HELP[] =
    "Usage: loyald init [--preset NAME] [--test-clock]\n\n"
    "Makes what is missing: database, master key, key store, and the preset's program published. Twice is\n"
    "harmless. --test-clock makes an instance whose clock stands still until it is set, for tests.\n";

/* The directory of a database file, made when it is missing. */
static void make_directory(struct cli *cli)
{
    size_t slash = cli->store.database.n;
    while (slash > 0 && cli->store.database.p[slash - 1] != '/') {
        slash--;
    }
    if (slash > 1 && !str_starts(cli->store.database, STR("postgres"))) {
        const struct str dir = {.p = cli->store.database.p, .n = slash - 1};
        (void)mkdir(str_z(&cli->arena, dir), 0700); // where it cannot be made, opening the file says why
    }
}

struct publish_job {
    struct fail *f;
    struct str name;
    struct str text;
};

/* Publishes the preset where no program is in force yet. */
static enum err publish_preset(struct store *store, struct arena *arena, void *self)
{
    struct publish_job *job = self;
    struct instance instance;
    json_t *document = NULL;
    int version = 0;
    try(store_instance_read(store, arena, &instance));
    try(store_programs_refresh(store, instance.epoch));
    if (store_programs_n(store) > 0) {
        return ERR_OK;
    }
    try(json_read(arena, job->text, job->f, &document));
    struct arena *before = json_arena_set(arena);
    const enum err err = store_program_publish(store, arena, document, AT_MIN, store_now(&instance), job->name, STR("cli"),
                                               job->f, &version);
    (void)json_arena_set(before);
    try(err);
    return cli_audit(store, arena, "program.publish", STR("program/1"), job->text);
}

static enum err init_preset(struct cli *cli, struct str preset)
{
    struct cli_session session;
    struct publish_job job = {
        .f = &cli->fail,
        .name = str_fmt(&cli->arena, "preset %.*s", STR_ARG(preset)),
        .text = asset_find(str_fmt(&cli->arena, "presets/%.*s.json", STR_ARG(preset))),
    };
    if (job.text.n == 0) {
        return fail(&cli->fail, ERR_INVALID, "--preset", "There is no preset \"%.*s\".", STR_ARG(preset));
    }
    try(cli_session_open(cli, &session));
    const enum err err = cli_session_job(&session, publish_preset, &job);
    cli_session_close(&session);
    return err;
}

int cli_init(int argc, char **argv)
{
    struct cli cli;
    struct str preset = {0};
    const int opened = cli_open(&cli, argc, argv, INIT_HELP);
    if (opened != 0) {
        return opened == CLI_HELP ? 0 : opened;
    }
    const bool with_test_clock = cli_switch(&cli, "--test-clock");
    (void)cli_option(&cli, "--preset", &preset);
    if (cli_done(&cli, 0) != 0) {
        return 2;
    }
    make_directory(&cli);
    enum err err = store_init(&cli.store, with_test_clock, clock_now_ms(), &cli.fail);
    if (err == ERR_OK && preset.n > 0) {
        err = init_preset(&cli, preset);
    }
    const int code = err == ERR_OK ? 0 : cli_complain(&cli, err);
    cli_close(&cli);
    return code;
}

int cli_migrate(int argc, char **argv)
{
    struct cli cli;
    size_t applied = 0;
    const int opened = cli_open(&cli, argc, argv, "Usage: loyald migrate\n\nBrings the database's schema up to date.\n");
    if (opened != 0) {
        return opened == CLI_HELP ? 0 : opened;
    }
    if (cli_done(&cli, 0) != 0) {
        return 2;
    }
    const enum err err = store_migrate(&cli.store, clock_now_ms(), &cli.fail, &applied);
    if (err == ERR_OK) {
        (void)printf("{\"applied\":%zu}\n", applied);
    }
    const int code = err == ERR_OK ? 0 : cli_complain(&cli, err);
    cli_close(&cli);
    return code;
}

int cli_clock_set(int argc, char **argv)
{
    struct cli cli;
    struct cli_session session;
    int64_t now = 0;
    const int opened = cli_open(&cli, argc, argv, "Usage: loyald clock set INSTANT\n\nMoves the clock of an instance made with --test-clock.\n");
    if (opened != 0) {
        return opened == CLI_HELP ? 0 : opened;
    }
    if (cli_done(&cli, 1) != 0 || cli.argc != 2 || !instant_read(str_c(cli.argv[1]), &now)) {
        (void)fputs("loyald: clock set takes one instant such as 2026-01-31T12:00:00Z\n", stderr);
        return 2;
    }
    enum err err = cli_session_open(&cli, &session);
    if (err == ERR_OK) {
        err = engine_clock_set(session.engine, now, &cli.fail);
        cli_session_close(&session);
    }
    const int code = err == ERR_OK ? 0 : cli_complain(&cli, err);
    cli_close(&cli);
    return code;
}
