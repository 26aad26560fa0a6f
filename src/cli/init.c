/* loyald init, loyald migrate, loyald clock set: making an instance and keeping it. */
#include "base/base.h"
#include "cli/cli.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/assets.h"
#include "cli/command.h"
#include "engine/engine.h"

#define PRESET_PREFIX "presets/"
#define PRESET_SUFFIX ".json"

/* ---- init ---- */

struct init {
    struct str preset; // its name, empty: none
    const struct json *document;
    int version; // published by this call, 0: none
};

/* The directories on the way to a file, open to nobody else. */
static enum err make_directories(struct cli *cli, struct str file)
{
    for (size_t i = 1; i < file.n; i++) {
        if (file.p[i] != '/') {
            continue;
        }
        const char *path = str_z(&cli->arena, (struct str){.p = file.p, .n = i});
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            return fail(&cli->fail, ERR_IO, "", "The directory %s cannot be made: %s.", path,
                        strerror(errno));
        }
    }
    return ERR_OK;
}

static bool is_url(struct str s)
{
    return str_starts(s, STR("postgresql://")) || str_starts(s, STR("postgres://"));
}

static void list_presets(struct cli *cli, struct buf *out)
{
    buf_open(out, &cli->arena, 4096);
    const char *name = NULL;
    for (size_t i = 0; (name = asset_name(i)) != NULL; i++) {
        const struct str asset = str_c(name);
        if (str_starts(asset, STR(PRESET_PREFIX))) {
            const struct str slug = str_after(asset, strlen(PRESET_PREFIX));
            buf_printf(out, "%s%.*s", out->n > 0 ? ", " : "", (int)(slug.n - strlen(PRESET_SUFFIX)),
                       slug.p);
        }
    }
}

static enum err find_preset(struct cli *cli, struct init *init)
{
    struct buf names;
    const struct json *document = NULL;
    if (init->preset.n == 0) {
        return ERR_OK;
    }
    const struct str path =
        str_fmt(&cli->arena, PRESET_PREFIX "%.*s" PRESET_SUFFIX, STR_ARG(init->preset));
    const struct str text = asset_find(path);
    if (text.n == 0) {
        list_presets(cli, &names);
        return fail(&cli->fail, ERR_CONFIG, "", "There is no preset \"%.*s\"; there are: %.*s.",
                    STR_ARG(init->preset), STR_ARG(buf_view(&names)));
    }
    try(json_read(&cli->arena, text, &cli->fail, &document));
    init->document = document;
    return ERR_OK;
}

static enum err first_entries(struct desk *desk, void *self)
{
    struct init *init = self;
    struct arena *arena = &desk->cli->arena;
    struct buf document;
    if (desk->instance.audit_seq == 0) {
        try(desk_audit(desk, "instance.init",
                       str_fmt(arena, "instance/%.*s", STR_ARG(desk->instance.instance_id)),
                       (struct str){0}, (struct str){0}));
    }
    if (init->document == NULL || store_programs_n(desk->store) > 0) {
        return ERR_OK;
    }
    try(store_program_publish(desk->store, arena, init->document, desk->now, desk->now,
                              str_fmt(arena, "Preset %.*s", STR_ARG(init->preset)), STR("cli"),
                              &desk->cli->fail, &init->version));
    buf_open(&document, arena, CLI_FILE_BYTES_MAX);
    json_write_canonical(&document, init->document);
    return desk_audit(desk, "program.publish", str_fmt(arena, "program/%d", init->version),
                      (struct str){0}, buf_view(&document));
}

static enum err init_run(struct cli *cli, struct init *init, bool with_test_clock)
{
    struct desk desk;
    try(find_preset(cli, init));
    if (!is_url(cli->store.database)) {
        try(make_directories(cli, cli->store.database));
    }
    if (!is_url(cli->store.keys)) {
        try(make_directories(cli, cli->store.keys));
    }
    try(make_directories(cli, cli->store.key_file));
    try(store_init(&cli->store, with_test_clock, clock_now_ms(), &cli->fail));
    try(desk_open(&desk, cli, DB_MAINTAINER));
    enum err err = desk_write(&desk, first_entries, init);
    if (err == ERR_OK && with_test_clock && !desk.instance.has_test_clock) {
        err = fail(&cli->fail, ERR_CONFIG, "",
                   "This instance was made without a test clock; that cannot be changed.");
    }
    if (err == ERR_OK) {
        // A URL may hold a password.
        const struct str place =
            is_url(cli->store.database) ? STR("PostgreSQL") : cli->store.database;
        (void)fprintf(stderr, "loyald: instance %.*s is ready in %.*s\n",
                      STR_ARG(desk.instance.instance_id), STR_ARG(place));
    }
    desk_close(&desk);
    return err;
}

int cli_init(int argc, char **argv)
{
    struct cli cli;
    struct init init = {0};
    int code = cli_open(&cli, argc, argv,
                        "Usage: loyald init [--preset NAME] [--test-clock]\n\n"
                        "Makes the database, the master key and the key store, and publishes the "
                        "preset when no program\n"
                        "was published yet. Twice is harmless.\n");
    if (code != 0) {
        return code == CLI_HELP ? 0 : code;
    }
    (void)cli_option(&cli, "--preset", &init.preset);
    const bool with_test_clock = cli_switch(&cli, "--test-clock");
    code = cli_done(&cli, 0);
    if (code == 0) {
        const enum err err = init_run(&cli, &init, with_test_clock);
        code = err == ERR_OK ? 0 : cli_complain(&cli, err);
    }
    cli_close(&cli);
    return code;
}

/* ---- migrate ---- */

int cli_migrate(int argc, char **argv)
{
    struct cli cli;
    size_t applied = 0;
    int code = cli_open(&cli, argc, argv,
                        "Usage: loyald migrate\n\nBrings the schema of the database up to this "
                        "release. Twice is harmless.\n");
    if (code != 0) {
        return code == CLI_HELP ? 0 : code;
    }
    code = cli_done(&cli, 0);
    if (code == 0) {
        const enum err err = store_migrate(&cli.store, clock_now_ms(), &cli.fail, &applied);
        code = err == ERR_OK ? 0 : cli_complain(&cli, err);
    }
    if (code == 0) {
        (void)fprintf(stderr, "loyald: %zu migrations applied\n", applied);
    }
    cli_close(&cli);
    return code;
}

/* ---- clock set ---- */

/* The clock moves by the engine, which runs every timer due by then. */
static enum err clock_set(struct cli *cli, int64_t now)
{
    struct store_base *base = NULL;
    struct engine *engine = NULL;
    try(store_base_open(&cli->store, &cli->fail, &base));
    const struct engine_config config = {.base = base};
    enum err err = engine_open(&config, &cli->fail, &engine);
    if (err == ERR_OK) {
        err = engine_clock_set(engine, STR("cli"), now, &cli->fail);
        engine_close(engine);
    }
    store_base_close(base);
    return err;
}

int cli_clock_set(int argc, char **argv)
{
    struct cli cli;
    int64_t now = 0;
    int code =
        cli_open(&cli, argc, argv,
                 "Usage: loyald clock set INSTANT\n\nMoves the clock of an instance made with "
                 "--test-clock, for example to\n"
                 "2026-02-01T00:00:00Z, and runs every timer due by then. It never goes back.\n");
    if (code != 0) {
        return code == CLI_HELP ? 0 : code;
    }
    code = cli_done(&cli, 1);
    if (code == 0 && (cli.argc != 2 || !instant_read(str_c(cli.argv[1]), &now))) {
        (void)fprintf(stderr, "loyald: an instant is expected, such as 2026-02-01T00:00:00Z\n");
        code = 2;
    }
    if (code == 0) {
        const enum err err = clock_set(&cli, now);
        code = err == ERR_OK ? 0 : cli_complain(&cli, err);
    }
    cli_close(&cli);
    return code;
}
