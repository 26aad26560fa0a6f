/* Options and configuration. */
#include "base/base.h"
#include "cli/config.h"

#define CLI_ARENA_BYTES_MAX ((size_t)2 * 1024 * 1024 * 1024)

static void take_words(struct cli *cli, int at, int n)
{
    for (int i = at; i + n < cli->argc; i++) {
        cli->argv[i] = cli->argv[i + n];
    }
    cli->argc -= n;
}

bool cli_option(struct cli *cli, const char *name, struct str *value)
{
    const size_t name_n = strlen(name);
    for (int i = 1; i < cli->argc; i++) {
        const char *word = cli->argv[i];
        if (strcmp(word, name) == 0 && i + 1 < cli->argc) {
            *value = str_c(cli->argv[i + 1]);
            take_words(cli, i, 2);
            return true;
        }
        if (strncmp(word, name, name_n) == 0 && word[name_n] == '=') {
            *value = str_c(word + name_n + 1);
            take_words(cli, i, 1);
            return true;
        }
    }
    return false;
}

bool cli_switch(struct cli *cli, const char *name)
{
    for (int i = 1; i < cli->argc; i++) {
        if (strcmp(cli->argv[i], name) == 0) {
            take_words(cli, i, 1);
            return true;
        }
    }
    return false;
}

int64_t cli_option_int(struct cli *cli, const char *name, int64_t missing, int64_t min, int64_t max)
{
    struct str text;
    int64_t value = missing;
    if (cli_option(cli, name, &text) && (!str_int64(text, &value) || value < min || value > max)) {
        (void)fprintf(stderr, "loyald: %s takes a whole number from %" PRId64 " to %" PRId64 "\n",
                      name, min, max);
        exit(2);
    }
    return value;
}

int cli_done(struct cli *cli, int words_max)
{
    for (int i = 1; i < cli->argc; i++) {
        if (i > words_max || (cli->argv[i][0] == '-' && cli->argv[i][1] != 0)) {
            (void)fprintf(stderr, "loyald: \"%s\" is not expected here; see --help\n",
                          cli->argv[i]);
            return 2;
        }
    }
    return 0;
}

int cli_complain(const struct cli *cli, enum err err)
{
    if (cli->fail.items_n == 0) {
        (void)fprintf(stderr, "loyald: %s: %s\n", err_code(err), err_title(err));
    }
    for (size_t i = 0; i < cli->fail.items_n; i++) {
        const struct fail_item *item = &cli->fail.items[i];
        (void)fprintf(stderr, "loyald: %s%s%.*s: %.*s\n", err_code(item->err),
                      item->pointer.n ? " " : "", STR_ARG(item->pointer), STR_ARG(item->detail));
    }
    return err == ERR_CONFIG ? 2 : 1;
}

enum err cli_file_read(struct cli *cli, const char *path, struct str *out)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    struct buf buf;
    char piece[65536];
    if (file == NULL) {
        return fail(&cli->fail, ERR_IO, "", "%s cannot be opened.", path);
    }
    buf_open(&buf, &cli->arena, CLI_FILE_BYTES_MAX);
    for (size_t n = fread(piece, 1, sizeof piece, file); n > 0;
         n = fread(piece, 1, sizeof piece, file)) {
        buf_add(&buf, piece, n);
    }
    const bool is_read = ferror(file) == 0;
    if (file != stdin) {
        (void)fclose(file); // was read only
    }
    if (!is_read || buf.is_full) {
        return fail(&cli->fail, ERR_IO, "", "%s cannot be read, or is larger than %d bytes.", path,
                    CLI_FILE_BYTES_MAX);
    }
    *out = buf_view(&buf);
    return ERR_OK;
}

/* The value of a key in "key=value" lines, '#' begins a comment. */
static struct str file_value(struct str file, const char *key)
{
    struct str line;
    bool done = false;
    while (str_split(&file, '\n', &line, &done)) {
        line = str_trim(line);
        const size_t equal = str_find(line, '=', 0);
        const struct str name = str_trim((struct str){.p = line.p, .n = equal});
        if (line.n > 0 && line.p[0] != '#' && equal < line.n && str_eq(name, str_c(key))) {
            return str_trim(str_after(line, equal + 1));
        }
    }
    return (struct str){0};
}

/* "key-file" is --key-file, LOYALD_KEY_FILE and key_file. */
static struct str setting(struct cli *cli, struct str file, const char *name, const char *missing)
{
    struct str value;
    char flag[64] = "--";
    char environment[64] = "LOYALD_";
    char key[64] = "";
    for (size_t i = 0; i < strlen(name); i++) {
        const char c = name[i];
        const size_t at = strlen(flag);
        flag[at] = c;
        environment[strlen("LOYALD_") + i] = c == '-' ? '_' : (char)(c - 'a' + 'A');
        key[i] = c == '-' ? '_' : c;
    }
    if (cli_option(cli, flag, &value)) {
        return value;
    }
    const char *from_environment = getenv(environment);
    if (from_environment != NULL && from_environment[0] != 0) {
        return str_c(from_environment);
    }
    value = file_value(file, key);
    return value.n > 0 ? value : str_c(missing);
}

int cli_open(struct cli *cli, int argc, char **argv, const char *help)
{
    *cli = (struct cli){.argc = argc, .argv = argv};
    struct str path;
    struct str file = {0};
    arena_open(&cli->arena, CLI_ARENA_BYTES_MAX);
    cli->fail.arena = &cli->arena;
    if (cli_switch(cli, "--help")) {
        (void)fputs(help, stdout);
        return CLI_HELP;
    }
    if (vault_process_harden() != ERR_OK) {
        return cli_complain(cli, ERR_CONFIG);
    }
    if (cli_option(cli, "--config", &path)) {
        const enum err err = cli_file_read(cli, path.p, &file);
        if (err != ERR_OK) {
            return cli_complain(cli, err);
        }
    } else if (cli_file_read(cli, "loyald.conf", &file) != ERR_OK) {
        cli->fail.items_n = 0; // the default file need not exist
    }
    cli->store.database = setting(cli, file, "database", "var/loyald.db");
    cli->store.keys = setting(cli, file, "keys", "");
    cli->store.key_file = setting(cli, file, "key-file", "");
    cli->listen = setting(cli, file, "listen", "127.0.0.1:8080");
    cli->public_url = setting(cli, file, "public-url", "");
    cli->proxies = setting(cli, file, "proxies", "");
    cli->behind_proxy = cli_switch(cli, "--behind-proxy") || file_value(file, "behind_proxy").n > 0;
    cli->json = cli_switch(cli, "--json");
    return 0;
}

void cli_close(struct cli *cli)
{
    arena_close(&cli->arena);
}
