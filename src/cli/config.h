/* What every command shares: its arena, its configuration, its options, and how it complains.
 *
 * Configuration: flags > environment LOYALD_* > the file named by --config (default loyald.conf,
 * key=value lines).
 *
 * Owns:    the arena.
 * Threads: main thread only.
 * Memory:  everything in cli->arena.
 * Errors:  exit code 2 for wrong options and an unusable configuration, 1 for what failed.
 * Limits:  CLI_FILE_BYTES_MAX for files read whole.
 */
#ifndef LOYALD_CLI_CONFIG_H
#define LOYALD_CLI_CONFIG_H

#include "store/store.h"

enum { CLI_FILE_BYTES_MAX = 64 * 1024 * 1024 };

struct cli {
    struct arena arena;
    struct fail fail;
    int argc; // words that were no option yet, argv[0] the command's last word
    char **argv;
    struct store_config store; // --database, --keys, --key-file
    struct str listen;         // --listen
    struct str public_url;     // --public-url
    struct str proxies;        // --proxies: networks whose X-Forwarded-For is believed
    bool behind_proxy;         // --behind-proxy
    bool json;                 // --json
};

/* Reads configuration and common options; hardens the process. Returns 0, or the exit code after a
 * complaint.
 * --help prints `help` and returns CLI_HELP. */
enum { CLI_HELP = -1 };
int cli_open(struct cli *cli, int argc, char **argv, const char *help) MUST_USE;
void cli_close(struct cli *cli);

/* Takes an option with a value, or a switch, out of argv; false when it is not there. */
bool cli_option(struct cli *cli, const char *name, struct str *value);
bool cli_switch(struct cli *cli, const char *name);

/* An option that is a whole number in a range, or the default. Complains and exits with 2 when it
 * is not. */
int64_t cli_option_int(struct cli *cli, const char *name, int64_t missing, int64_t min,
                       int64_t max);

/* After all options were taken: complains about words that are left over beyond `words_max`;
 * returns 0 or 2. */
int cli_done(struct cli *cli, int words_max) MUST_USE;

/* Prints what is in cli->fail (or the error's title) on standard error; returns the exit code: 2
 * when the configuration is not usable, else 1. */
int cli_complain(const struct cli *cli, enum err err);

/* A whole file, "-" for standard input. */
enum err cli_file_read(struct cli *cli, const char *path, struct str *out) MUST_USE;

#endif
