/* The table of commands. */
#include "base/base.h"
#include "cli/cli.h"

#include "base/json.h"

struct command {
    const char *words; // one or two words
    int (*run)(int argc, char **argv);
    const char *help;
};

static const struct command COMMANDS[] = {
    {"init", cli_init, "make an instance: database, keys, a preset"},
    {"migrate", cli_migrate, "bring the database's schema up to this release"},
    {"import events", cli_import_events, "book the events of a CSV or NDJSON file"},
    {"demo", cli_demo, "book the generated life of a shop"},
    {"key create", cli_key_create, "make an API key, shown once"},
    {"key list", cli_key_list, "list API keys"},
    {"key revoke", cli_key_revoke, "end an API key"},
    {"program validate", cli_program_validate, "check a program document and run its tests"},
    {"program diff", cli_program_diff, "say what has changed between two program documents"},
    {"program test", cli_program_test, "run the tests inside a program document"},
    {"program publish", cli_program_publish, "publish a program document"},
    {"program show", cli_program_show, "print the program in force"},
    {"clock set", cli_clock_set, "move a test clock"},
    {"verify", cli_verify, "prove the books: 0 sound, 1 damage, 2 could not check"},
    {"audit verify", cli_audit_verify, "check the audit log"},
    {"audit checkpoint", cli_audit_checkpoint, "sign what the audit log is now"},
    {"audit export", cli_audit_export, "print the audit log"},
    {"version", cli_version, "print the version"},
    {"serve", cli_serve, "serve the API until SIGTERM, which drains"},
    {"rule eval", cli_rule_eval,
     "a line {\"rule\",\"data\"} in, a line {\"result\"} or {\"error\"} out"},
};

static int usage(FILE *out, int code)
{
    (void)fprintf(out, "Usage: loyald COMMAND [OPTIONS]\n\n");
    for (size_t i = 0; i < ARRAY_N(COMMANDS); i++) {
        (void)fprintf(out, "  %-20s %s\n", COMMANDS[i].words, COMMANDS[i].help);
    }
    return code;
}

/* How many of the words given make up the command, or 0. */
static int words_matched(const char *words, int argc, char **argv)
{
    const char *blank = strchr(words, ' ');
    if (blank == NULL) {
        return strcmp(words, argv[1]) == 0 ? 1 : 0;
    }
    const bool is_first =
        strncmp(words, argv[1], (size_t)(blank - words)) == 0 && argv[1][blank - words] == 0;
    return is_first && argc > 2 && strcmp(blank + 1, argv[2]) == 0 ? 2 : 0;
}

int cli_main(int argc, char **argv)
{
    arena_start();
    if (argc < 2) {
        return usage(stderr, 2);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        return usage(stdout, 0);
    }
    for (size_t i = 0; i < ARRAY_N(COMMANDS); i++) {
        const int n = words_matched(COMMANDS[i].words, argc, argv);
        if (n > 0) {
            return COMMANDS[i].run(argc - n, argv + n);
        }
    }
    (void)fprintf(stderr, "loyald: there is no command \"%s\"; see loyald --help\n", argv[1]);
    return 2;
}

int cli_version(int argc, char **argv)
{
    (void)argc; // takes no options
    (void)argv;
    (void)printf("loyald %s\n", LOYALD_VERSION);
    return 0;
}
