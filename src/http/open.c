/* Opening and closing the server. */
#include "base/base.h"
#include "http/http_internal.h"

#include "base/log.h"

#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    // libmicrohttpd's, per connection: the longest head that is allowed, or a piece of a body.
    // Zeros go over it twice a request: with 48 KiB a tenth of this thread's time.
    CONNECTION_POOL_BYTES = 20 * 1024,
    LISTEN_BACKLOG = 1024,
    SCRATCH_BYTES_MAX = 64 * 1024,
};

static size_t no_unescape(void *cls, struct MHD_Connection *mhd, char *text)
{
    (void)cls;
    (void)mhd;
    return strlen(text); // decoding is ours: after splitting, once
}

static void on_log(void *cls, const char *fmt, va_list args) PRINTF(2, 0);

static void on_log(void *cls, const char *fmt, va_list args)
{
    (void)cls;
    char text[512];
    (void)vsnprintf(text, sizeof text, fmt, args); // a longer text is cut
    log_line(LOG_DEBUG, "http", "library=\"%s\"", text);
}

static void limits_default(struct http_limits *limits)
{
    limits->connections_max = limits->connections_max > 0 ? limits->connections_max : 1024;
    limits->per_address_max = limits->per_address_max > 0 ? limits->per_address_max : 64;
    limits->head_ms = limits->head_ms > 0 ? limits->head_ms : 30000;
    limits->body_ms = limits->body_ms > 0 ? limits->body_ms : 30000;
    limits->work_ms = limits->work_ms > 0 ? limits->work_ms : 10000;
    limits->answer_ms = limits->answer_ms > 0 ? limits->answer_ms : 30000;
    limits->bodies_bytes_max =
        limits->bodies_bytes_max > 0 ? limits->bodies_bytes_max : (size_t)256 << 20;
    limits->arena_bytes_max =
        limits->arena_bytes_max > 0 ? limits->arena_bytes_max : (size_t)512 << 20;
    limits->connections_max += LOOPBACK_RESERVE;
}

/* "127.0.0.1:8080" or "[::1]:8080" as a socket address. */
static enum err listen_address(struct arena *arena, struct str text, struct fail *f,
                               struct addrinfo **out)
{
    size_t colon = text.n;
    while (colon > 0 && text.p[colon - 1] != ':') {
        colon--;
    }
    struct str host = {.p = text.p, .n = colon > 0 ? colon - 1 : 0};
    const bool is_bracketed = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
    host = is_bracketed ? (struct str){.p = host.p + 1, .n = host.n - 2} : host;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    if (host.n == 0 ||
        getaddrinfo(str_z(arena, host), str_z(arena, str_after(text, colon)), &hints, out) != 0) {
        return fail(f, ERR_CONFIG, "",
                    "\"%.*s\" is no address to listen on: write 127.0.0.1:8080 or [::1]:8080.",
                    STR_ARG(text));
    }
    return ERR_OK;
}

static enum err listen_open(struct arena *arena, struct str text, struct fail *f, int *out,
                            int *port)
{
    struct addrinfo *address = NULL;
    try(listen_address(arena, text, f, &address));
    const int one = 1;
    struct sockaddr_storage bound;
    socklen_t bound_n = sizeof bound;
    const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const bool is_open =
        fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
        bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, LISTEN_BACKLOG) == 0 &&
        getsockname(fd, (struct sockaddr *)&bound, &bound_n) == 0;
    const int reason = errno;
    freeaddrinfo(address);
    if (!is_open) {
        if (fd >= 0) {
            (void)close(fd); // nothing was written to it
        }
        return fail(f, ERR_IO, "", "Cannot listen on %.*s: %s.", STR_ARG(text), strerror(reason));
    }
    *port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                              : ((struct sockaddr_in *)&bound)->sin_port);
    *out = fd;
    return ERR_OK;
}

static void slots_make(struct http_server *server)
{
    server->connections_n = (size_t)server->limits.connections_max;
    server->connections = arena_new(&server->memory, struct http_connection, server->connections_n);
    // More slots than connections: a handler that was given up keeps its own until it answers.
    server->slots_n = server->connections_n + server->connections_n / 4;
    server->slots_free_n = server->slots_n;
    struct http_slot *slots = arena_new(&server->memory, struct http_slot, server->slots_n);
    for (size_t i = 0; i < server->slots_n; i++) {
        arena_open(&slots[i].arena, server->limits.arena_bytes_max);
        slots[i].next = server->slots_free;
        server->slots_free = &slots[i];
    }
}

static struct http_server *server_make(const struct http_config *config)
{
    struct arena memory;
    arena_open(&memory, (size_t)256 << 20);
    struct http_server *server = arena_new(&memory, struct http_server, 1);
    server->memory = memory;
    server->callbacks = config->callbacks;
    server->limits = config->limits;
    limits_default(&server->limits);
    arena_open(&server->scratch, SCRATCH_BYTES_MAX);
    pthread_condattr_t attributes;
    ensure(pthread_mutex_init(&server->lock, NULL) == 0);
    ensure(pthread_condattr_init(&attributes) == 0);
    ensure(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    ensure(pthread_cond_init(&server->quiet, &attributes) == 0);
    (void)pthread_condattr_destroy(&attributes); // cannot fail
    slots_make(server);
    return server;
}

static void server_free(struct http_server *server)
{
    for (struct http_slot *slot = server->slots_free; slot != NULL; slot = slot->next) {
        arena_close(&slot->arena);
    }
    arena_close(&server->scratch);
    (void)pthread_cond_destroy(&server->quiet);
    (void)pthread_mutex_destroy(&server->lock);
    struct arena memory = server->memory;
    arena_close(&memory);
}

static enum err daemon_start(struct http_server *server, int listen_fd, struct fail *f)
{
    const unsigned int flags =
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG;
    server->daemon = MHD_start_daemon(
        flags, 0, http_on_accept, server, http_on_request, server, MHD_OPTION_EXTERNAL_LOGGER,
        on_log, NULL, // first, so that it gets what the others say
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_URI_LOG_CALLBACK, http_on_target, server,
        MHD_OPTION_UNESCAPE_CALLBACK, no_unescape, NULL, MHD_OPTION_NOTIFY_COMPLETED,
        http_on_completed, server, MHD_OPTION_NOTIFY_CONNECTION, http_on_connection, server,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned int)server->limits.connections_max,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_POOL_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, 0u, // ours are absolute
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (server->daemon == NULL) {
        return fail(f, ERR_IO, "",
                    "The HTTP server could not be started: raise the limit of open files.");
    }
    if (!http_loop_start(server)) {
        (void)MHD_quiesce_daemon(server->daemon); // the caller closes the socket
        MHD_stop_daemon(server->daemon);
        return fail(f, ERR_IO, "",
                    "No thread could be started: raise the limits of processes and of open files.");
    }
    return ERR_OK;
}

enum err http_open(const struct http_config *config, struct fail *f, struct http_server **out)
{
    ensure(config->callbacks.admit != NULL && config->callbacks.handle != NULL);
    struct http_server *server = server_make(config);
    int fd = -1;
    enum err err = ERR_OK;
    if (!http_networks_read(config->proxies, server->proxies, &server->proxies_n)) {
        err = fail(f, ERR_CONFIG, "",
                   "\"%.*s\" is no list of addresses or networks, such as 10.0.0.0/8,::1.",
                   STR_ARG(config->proxies));
    }
    err = err != ERR_OK ? err : listen_open(&server->memory, config->listen, f, &fd, &server->port);
    err = err != ERR_OK ? err : http_sweeper_start(server, f);
    if (err == ERR_OK) {
        err = daemon_start(server, fd, f);
        if (err != ERR_OK) {
            http_sweeper_stop(server);
        }
    }
    if (err != ERR_OK) {
        if (fd >= 0) {
            (void)close(fd); // nothing was written to it
        }
        server_free(server);
        return err;
    }
    *out = server;
    return ERR_OK;
}

int http_port(const struct http_server *server)
{
    return server->port;
}

static struct timespec instant_after(int64_t wait_ms)
{
    const int64_t until_ms = http_now_ms() + wait_ms;
    return (struct timespec){.tv_sec = until_ms / MS_PER_S,
                             .tv_nsec = until_ms % MS_PER_S * 1000000};
}

/* Waits until no request is with a handler, at most that long. From then on none gets there:
 * libmicrohttpd must not be stopped with a connection suspended, and open connections may bring
 * another request at any time. */
static bool quiet_wait(struct http_server *server, int64_t wait_ms)
{
    const struct timespec until = instant_after(wait_ms);
    ensure(pthread_mutex_lock(&server->lock) == 0);
    int result = 0;
    while (server->active_n > 0 && result == 0) {
        result = pthread_cond_timedwait(&server->quiet, &server->lock, &until);
    }
    const bool is_quiet = server->active_n == 0;
    server->is_closed = is_quiet;
    ensure(pthread_mutex_unlock(&server->lock) == 0);
    return is_quiet;
}

/* Waits until whoever answered last has let go of its request, at most that long. */
static bool slots_wait(struct http_server *server, int64_t wait_ms)
{
    const struct timespec until = instant_after(wait_ms);
    ensure(pthread_mutex_lock(&server->lock) == 0);
    int result = 0;
    while (server->slots_free_n < server->slots_n && result == 0) {
        result = pthread_cond_timedwait(&server->quiet, &server->lock, &until);
    }
    const bool all_free = server->slots_free_n == server->slots_n;
    ensure(pthread_mutex_unlock(&server->lock) == 0);
    return all_free;
}

void http_close(struct http_server *server, int64_t drain_ms)
{
    enum { LAST_WAIT_MS = 5000, RELEASE_WAIT_MS = 1000 };
    atomic_store(&server->is_stopping, true);
    const int fd = MHD_quiesce_daemon(server->daemon);
    if (fd >= 0) {
        (void)close(fd); // nobody is accepted from here on
    }
    if (!quiet_wait(server, drain_ms)) {
        atomic_store(&server->expires_all, true);
        http_sweeper_wake(server);
        if (!quiet_wait(server, LAST_WAIT_MS)) {
            log_line(LOG_WARN, "http", "closing=unclean why=clients_do_not_read");
        }
    }
    http_loop_stop(server);
    MHD_stop_daemon(server->daemon);
    http_sweeper_stop(server);
    if (slots_wait(server, RELEASE_WAIT_MS)) {
        http_loop_close(server);
        server_free(server);
    } else {
        log_line(
            LOG_WARN, "http",
            "closing=unclean why=handlers_still_work"); // they may still answer: keep their memory
    }
}
