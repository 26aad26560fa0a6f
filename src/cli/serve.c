/* loyald serve: until SIGTERM, which drains; a second one ends it at once. */
#include "base/base.h"
#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "api/api.h"
#include "base/log.h"
#include "cli/config.h"
#include "base/time.h"
#include "engine/watch.h"

enum { DRAIN_MS = 20000, EXIT_CONFIG = 2 };

/* What is open while serving, in the order of opening. */
struct serving {
    struct store_base *base;
    struct engine *engine;
    struct watch *watch;
    struct api *api;
    struct http_server *http;
};

struct serve_options {
    int64_t rate_percent;
    int64_t verify_hours; // between two passes of the self-check; 0: none
};

static bool is_loopback(struct str listen)
{
    return str_starts(listen, STR("127.")) || str_starts(listen, STR("[::1]")) ||
           str_starts(listen, STR("localhost:"));
}

static enum err read_instance(struct store_base *base, struct arena *arena, struct fail *f,
                              struct instance *out)
{
    struct store *store = NULL;
    try(store_open(base, DB_READER, f, &store));
    const enum err err = store_instance_read(store, arena, out);
    store_close(store);
    return err;
}

static enum err open_all(struct cli *cli, const struct serve_options *options, struct fail *f,
                         struct serving *s)
{
    struct instance instance;
    try(store_base_open(&cli->store, f, &s->base));
    try(read_instance(s->base, &cli->arena, f, &instance));
    const struct engine_config engine = {
        .base = s->base, .with_clock = !instance.has_test_clock, .with_relays = true};
    try(engine_open(&engine, f, &s->engine));
    if (options->verify_hours > 0) {
        const struct watch_config watch = {
            .base = s->base, .engine = s->engine, .every_ms = options->verify_hours * MS_PER_HOUR};
        try(watch_open(&watch, f, &s->watch));
    }
    const struct api_config api = {
        .base = s->base,
        .engine = s->engine,
        .watch = s->watch,
        .has_test_clock = instance.has_test_clock,
        .test_now = instance.test_now,
        .rate_percent = options->rate_percent,
    };
    try(api_open(&api, f, &s->api));
    const struct http_config http = {
        .listen = cli->listen,
        .proxies = cli->proxies,
        .callbacks = api_callbacks(s->api),
    };
    return http_open(&http, f, &s->http);
}

static void close_all(struct serving *s)
{
    if (s->api != NULL) {
        api_ready_set(s->api, false);
    }
    if (s->http != NULL) {
        http_close(s->http, DRAIN_MS);
    }
    watch_close(s->watch);
    api_workers_stop(s->api);
    engine_close(s->engine);
    api_close(s->api);
    store_base_close(s->base);
}

/* Signals are taken by this thread alone; the others are started with them blocked. */
static void block_signals(sigset_t *set)
{
    (void)sigemptyset(set); // cannot fail, nor do the others
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGHUP);
    ensure(pthread_sigmask(SIG_BLOCK, set, NULL) == 0);
    (void)signal(SIGPIPE, SIG_IGN);
}

static void wait_for_end(const sigset_t *set)
{
    int number = 0;
    do {
        while (sigwait(set, &number) != 0) {
        }
        if (number == SIGHUP) {
            log_line(LOG_INFO, "serve", "signal=hup action=none");
        }
    } while (number == SIGHUP);
}

static const char HELP[] =
    "Usage: loyald serve [--listen ADDRESS:PORT] [--behind-proxy] [--proxies NETWORKS] "
    "[--rate-percent N]\n"
    "                    [--verify-hours N]\n\n"
    "Serves the API until SIGTERM, which lets running requests end; a second one ends it at once. "
    "Other addresses than loopback "
    "need\n"
    "--behind-proxy: this release serves no TLS itself. NETWORKS are the proxies whose "
    "X-Forwarded-For is believed.\n"
    "--rate-percent raises or lowers how many requests a second a key may send (docs/api.md).\n"
    "The books are verified in the background from the start and again every --verify-hours (24; "
    "0: not at all).\n";

static int serve(struct cli *cli, const struct serve_options *options)
{
    struct serving s = {0};
    sigset_t signals;
    block_signals(&signals);
    const enum err err = open_all(cli, options, &cli->fail, &s);
    if (err == ERR_OK) {
        api_ready_set(s.api, true);
        (void)printf("loyald %s serves on %.*s, port %d\n", LOYALD_VERSION, STR_ARG(cli->listen),
                     http_port(s.http));
        (void)fflush(stdout); // whoever started us may wait for this line
        wait_for_end(&signals);
        log_line(LOG_INFO, "serve", "action=drain");
        // Whoever cannot wait, as for a database that hangs, ends it as a crash would: what was
        // answered is on disk.
        ensure(pthread_sigmask(SIG_UNBLOCK, &signals, NULL) == 0);
    } else {
        (void)cli_complain(cli,
                           err); // the exit code is that of a configuration that cannot be served
    }
    close_all(&s);
    return err == ERR_OK ? 0 : EXIT_CONFIG;
}

int cli_serve(int argc, char **argv)
{
    struct cli cli;
    int code = cli_open(&cli, argc, argv, HELP);
    if (code != 0) {
        return code == CLI_HELP ? 0 : code;
    }
    const struct serve_options options = {
        .rate_percent = cli_option_int(&cli, "--rate-percent", 100, 1, 1000000),
        .verify_hours = cli_option_int(&cli, "--verify-hours", 24, 0, 24 * 365),
    };
    code = cli_done(&cli, 0);
    if (code == 0 && !is_loopback(cli.listen) && !cli.behind_proxy) {
        (void)fprintf(stderr,
                      "loyald: %.*s is no loopback address and this release serves no TLS: put a "
                      "proxy in front "
                      "and say --behind-proxy\n",
                      STR_ARG(cli.listen));
        code = EXIT_CONFIG;
    }
    code = code == 0 ? serve(&cli, &options) : code;
    cli_close(&cli);
    return code;
}
