/* loyald key create | list | revoke. */
#include "base/base.h"
#include "cli/cli.h"

#include "cli/command.h"
#include "store/credentials.h"

enum { PRINT_BYTES_MAX = 16 * 1024 * 1024 };

struct key_work {
    struct api_key key;
    char token[VAULT_TOKEN_BYTES + 1];
};

static struct str key_json(struct cli *cli, const struct api_key *key)
{
    struct buf buf;
    buf_open(&buf, &cli->arena, PRINT_BYTES_MAX);
    api_key_write(&buf, key);
    return buf_view(&buf);
}

static struct str key_name(struct cli *cli, int64_t id)
{
    char text[ID_TEXT_BYTES + 1];
    id_write("key_", id, text);
    return str_dup(&cli->arena, str_c(text));
}

/* "2027-01-31" is through the end of that day in UTC; or an instant. */
static bool read_expiry(struct str text, int64_t *out)
{
    int32_t day = 0;
    if (day_read(text, &day)) {
        *out = ((int64_t)day + 1) * MS_PER_DAY;
        return true;
    }
    return instant_read(text, out);
}

/* ---- create ---- */

static enum err create_work(struct desk *desk, void *self)
{
    struct key_work *work = self;
    struct cli *cli = desk->cli;
    work->key.created_at = desk->now;
    try(store_key_create(desk->store, &cli->arena, &work->key, &cli->fail, work->token));
    return desk_audit(desk, "key.create", key_name(cli, work->key.id), (struct str){0},
                      key_json(cli, &work->key));
}

/* The one time that the key itself is shown. */
static int create_print(struct cli *cli, const struct key_work *work)
{
    struct buf buf;
    buf_open(&buf, &cli->arena, PRINT_BYTES_MAX);
    if (!cli->json) {
        (void)fprintf(stderr, "loyald: this is shown once; keep it safe\n");
        buf_str(&buf, str_c(work->token));
        return desk_print(&buf);
    }
    struct json_out w = json_out(&buf);
    json_open(&w, '{');
    json_key(&w, "id");
    json_put_id(&w, "key_", work->key.id);
    json_key(&w, "key");
    json_put_str(&w, str_c(work->token));
    json_key(&w, "name");
    json_put_str(&w, work->key.name);
    json_key(&w, "scopes");
    json_open(&w, '[');
    for (enum scope scope = 0; scope < SCOPES_N; scope++) {
        if (scope_is_in(work->key.scopes, scope)) {
            json_put_str(&w, str_c(scope_text(scope)));
        }
    }
    json_close(&w, ']');
    json_key(&w, "expires_at");
    json_put_instant(&w, work->key.expires_at);
    json_close(&w, '}');
    return desk_print(&buf);
}

static const char CREATE_HELP[] =
    "Usage: loyald key create --name NAME --scopes SCOPES [--expires DATE] [--json]\n\n"
    "Makes an API key and prints it, once. SCOPES are names set apart by commas, or all:\n";

static int create_options(struct cli *cli, struct key_work *work)
{
    struct str scopes = {0};
    struct str expires = {0};
    (void)cli_option(cli, "--name", &work->key.name);
    (void)cli_option(cli, "--scopes", &scopes);
    work->key.expires_at = AT_NEVER;
    if (cli_option(cli, "--expires", &expires) && !read_expiry(expires, &work->key.expires_at)) {
        (void)fprintf(stderr, "loyald: --expires takes a date such as 2027-01-31, or an instant\n");
        return 2;
    }
    if (work->key.name.n == 0 ||
        scope_set_read(scopes, &cli->fail, "", &work->key.scopes) != ERR_OK) {
        if (work->key.name.n == 0) {
            (void)fprintf(stderr, "loyald: --name is needed\n");
            return 2;
        }
        (void)cli_complain(cli, ERR_INVALID); // the exit code is that of wrong options
        return 2;
    }
    return cli_done(cli, 0);
}

int cli_key_create(int argc, char **argv)
{
    struct cli cli;
    struct key_work work = {0};
    int code = cli_open(&cli, argc, argv, CREATE_HELP);
    if (code == CLI_HELP) {
        for (enum scope scope = 0; scope < SCOPES_N; scope++) {
            (void)printf("  %-16s %s\n", scope_text(scope), scope_help(scope));
        }
        return 0;
    }
    code = code != 0 ? code : create_options(&cli, &work);
    if (code == 0) {
        struct desk desk;
        enum err err = desk_open(&desk, &cli, DB_MAINTAINER);
        if (err == ERR_OK) {
            err = desk_write(&desk, create_work, &work);
            desk_close(&desk);
        }
        code = err == ERR_OK ? create_print(&cli, &work) : cli_complain(&cli, err);
    }
    vault_wipe(&work, sizeof work);
    cli_close(&cli);
    return code;
}

/* ---- list ---- */

static int print_keys(struct cli *cli, struct desk *desk)
{
    int64_t before = INT64_MAX;
    size_t n = CREDENTIALS_PAGE_MAX;
    while (n == CREDENTIALS_PAGE_MAX) {
        struct api_key *list = NULL;
        const enum err err =
            store_keys_list(desk->store, &cli->arena, before, CREDENTIALS_PAGE_MAX, &list, &n);
        if (err != ERR_OK) {
            return cli_complain(cli, err);
        }
        for (size_t i = 0; i < n; i++) {
            struct buf buf;
            buf_open(&buf, &cli->arena, PRINT_BYTES_MAX);
            api_key_write(&buf, &list[i]);
            const int code = desk_print(&buf);
            if (code != 0) {
                return code;
            }
            before = list[i].id;
        }
    }
    return 0;
}

int cli_key_list(int argc, char **argv)
{
    struct cli cli;
    int code = cli_open(
        &cli, argc, argv,
        "Usage: loyald key list\n\nPrints every API key, newest first, a line of JSON each.\n");
    if (code != 0) {
        return code == CLI_HELP ? 0 : code;
    }
    code = cli_done(&cli, 0);
    if (code == 0) {
        struct desk desk;
        const enum err err = desk_open(&desk, &cli, DB_READER);
        code = err == ERR_OK ? print_keys(&cli, &desk) : cli_complain(&cli, err);
        if (err == ERR_OK) {
            desk_close(&desk);
        }
    }
    cli_close(&cli);
    return code;
}

/* ---- revoke ---- */

static enum err revoke_work(struct desk *desk, void *self)
{
    const int64_t *id = self;
    struct cli *cli = desk->cli;
    struct api_key key;
    if (store_key_read(desk->store, &cli->arena, *id, &key) == ERR_NOT_FOUND) {
        return fail(&cli->fail, ERR_NOT_FOUND, "", "There is no such key.");
    }
    const struct str before = key_json(cli, &key);
    try(store_key_revoke(desk->store, &cli->arena, *id, desk->now));
    try(store_key_read(desk->store, &cli->arena, *id, &key));
    return desk_audit(desk, "key.revoke", key_name(cli, *id), before, key_json(cli, &key));
}

int cli_key_revoke(int argc, char **argv)
{
    struct cli cli;
    int64_t id = 0;
    int code =
        cli_open(&cli, argc, argv,
                 "Usage: loyald key revoke ID\n\nThe key is refused from its next request on.\n");
    if (code != 0) {
        return code == CLI_HELP ? 0 : code;
    }
    code = cli_done(&cli, 1);
    if (code == 0 && (cli.argc != 2 || !id_read("key_", str_c(cli.argv[1]), &id))) {
        (void)fprintf(stderr,
                      "loyald: the id of a key is expected, as \"loyald key list\" prints it\n");
        code = 2;
    }
    if (code == 0) {
        struct desk desk;
        enum err err = desk_open(&desk, &cli, DB_MAINTAINER);
        if (err == ERR_OK) {
            err = desk_write(&desk, revoke_work, &id);
            desk_close(&desk);
        }
        code = err == ERR_OK ? 0 : cli_complain(&cli, err);
    }
    cli_close(&cli);
    return code;
}
