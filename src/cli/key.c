/* `loyald key create`: an API key, shown once. */
#include "base/base.h"
#include "cli/cli.h"

#include "cli/session.h"
#include "store/credentials.h"

static const char HELP[] =
    "Usage: loyald key create --name NAME --scopes SCOPES [--expires DATE] [--json]\n\n"
    "Makes an API key and prints it once; only its hash is kept. SCOPES are names with commas between, or\n"
    "\"all\":\n";

struct key_job {
    struct fail *f;
    struct api_key key;
    char token[VAULT_TOKEN_BYTES + 1];
};

static enum err create_key(struct store *store, struct arena *arena, void *self)
{
    struct key_job *job = self;
    struct instance instance;
    struct buf text;
    char id[ID_TEXT_BYTES + 1];
    try(store_instance_read(store, arena, &instance));
    job->key.created_at = store_now(&instance);
    try(store_key_create(store, arena, &job->key, job->f, job->token));
    id_write("key_", job->key.id, id);
    buf_open(&text, arena, 16 * 1024);
    api_key_write(&text, &job->key);
    return cli_audit(store, arena, "key.create", str_c(id), buf_view(&text));
}

static enum err read_options(struct cli *cli, struct key_job *job)
{
    struct str name = {0};
    struct str scopes = {0};
    struct str expires = {0};
    int32_t day = 0;
    (void)cli_option(cli, "--name", &name);
    (void)cli_option(cli, "--scopes", &scopes);
    job->f = &cli->fail;
    job->key = (struct api_key){.name = name, .expires_at = AT_NEVER, .revoked_at = AT_NEVER};
    if (name.n == 0 || scopes.n == 0) {
        return fail(&cli->fail, ERR_INVALID, "", "--name and --scopes are needed.");
    }
    if (cli_option(cli, "--expires", &expires)) {
        if (day_read(expires, &day)) {
            job->key.expires_at = (int64_t)(day + 1) * MS_PER_DAY; // through the end of that day, UTC
        } else if (!instant_read(expires, &job->key.expires_at)) {
            return fail(&cli->fail, ERR_INVALID, "--expires", "A date such as 2027-01-31 is needed.");
        }
    }
    return scope_set_read(scopes, &cli->fail, "--scopes", &job->key.scopes);
}

static struct str help_text(struct arena *arena)
{
    struct buf text;
    buf_open(&text, arena, 16 * 1024);
    buf_str(&text, str_c(HELP));
    for (enum scope scope = 0; scope < SCOPES_N; scope++) {
        buf_printf(&text, "  %-16s %s\n", scope_text(scope), scope_help(scope));
    }
    buf_char(&text, 0);
    return buf_view(&text);
}

int cli_key_create(int argc, char **argv)
{
    struct arena help;
    struct cli cli;
    struct cli_session session;
    struct key_job job = {0};
    arena_open(&help, 64 * 1024);
    const int opened = cli_open(&cli, argc, argv, help_text(&help).p);
    arena_close(&help);
    if (opened != 0) {
        return opened == CLI_HELP ? 0 : opened;
    }
    enum err err = read_options(&cli, &job);
    if (err != ERR_OK || cli_done(&cli, 0) != 0) {
        (void)cli_complain(&cli, err != ERR_OK ? err : ERR_INVALID);
        return 2;
    }
    err = cli_session_open(&cli, &session);
    if (err == ERR_OK) {
        err = cli_session_job(&session, create_key, &job);
        cli_session_close(&session);
    }
    if (err == ERR_OK) {
        char id[ID_TEXT_BYTES + 1];
        id_write("key_", job.key.id, id);
        (void)printf(cli.json ? "{\"id\":\"%s\",\"key\":\"%s\"}\n" : "id  %s\nkey %s\n", id, job.token);
    }
    vault_wipe(job.token, sizeof job.token);
    const int code = err == ERR_OK ? 0 : cli_complain(&cli, err);
    cli_close(&cli);
    return code;
}
