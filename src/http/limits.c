/* Connections and their limits: who is accepted, how long they may take, how they end. */
#include "base/base.h"
#include "http/http_internal.h"

#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EXPIRED_PER_SWEEP = 64, LINGER_READS_MAX = 64 };

static void lock(struct http_server *server)
{
    ensure(pthread_mutex_lock(&server->lock) == 0);
}

static void unlock(struct http_server *server)
{
    ensure(pthread_mutex_unlock(&server->lock) == 0);
}

static bool is_exempt(const struct http_server *server, const struct http_address *address)
{
    return http_address_is_loopback(address) ||
           http_address_is_within(address, server->proxies, server->proxies_n);
}

/* How many connections a host has; a walk over at most connections_max entries per accept. */
static size_t connections_of_host(const struct http_server *server,
                                  const struct http_address *address)
{
    size_t n = 0;
    for (size_t i = 0; i < server->connections_n; i++) {
        const struct http_connection *connection = &server->connections[i];
        n += connection->is_used && http_address_same_host(address, &connection->address);
    }
    return n;
}

enum MHD_Result http_on_accept(void *cls, const struct sockaddr *socket_address, socklen_t bytes_n)
{
    (void)bytes_n; // the family tells
    struct http_server *server = cls;
    struct http_address address;
    if (!http_address_of(socket_address, &address)) {
        return MHD_NO;
    }
    lock(server);
    // One client must not take all connections, and none may lock the operator out.
    const bool is_loopback = http_address_is_loopback(&address);
    const bool is_full =
        server->open_n + (is_loopback ? 0 : LOOPBACK_RESERVE) >= server->connections_n;
    const bool is_greedy =
        !is_exempt(server, &address) &&
        connections_of_host(server, &address) >= (size_t)server->limits.per_address_max;
    unlock(server);
    if (is_full || is_greedy) {
        log_line(LOG_DEBUG, "http", "refused=connection why=%s", is_full ? "total" : "address");
        return MHD_NO;
    }
    return MHD_YES;
}

static void connection_open(struct http_server *server, struct MHD_Connection *mhd, void **context)
{
    const union MHD_ConnectionInfo *fd =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *peer =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    ensure(fd != NULL && peer != NULL);
    *context = NULL;
    lock(server);
    for (size_t i = 0; i < server->connections_n; i++) {
        struct http_connection *connection = &server->connections[i];
        if (connection->is_used) {
            continue;
        }
        *connection = (struct http_connection){.is_used = true, .fd = fd->connect_fd};
        (void)http_address_of(peer->client_addr,
                              &connection->address); // checked when it was accepted
        connection->is_proxy =
            http_address_is_within(&connection->address, server->proxies, server->proxies_n);
        connection->is_exempt = is_exempt(server, &connection->address);
        atomic_init(&connection->deadline_ms, http_now_ms() + server->limits.head_ms);
        server->open_n++;
        *context = connection;
        break;
    }
    unlock(server);
}

/* Keeps a copy of the socket for a while, so that closing it does not reset the client before it
 * has read. */
static void linger_add(struct http_server *server, int fd)
{
    for (size_t i = 0; i < LINGER_N; i++) {
        struct http_linger *linger = &server->lingers[i];
        if (linger->fd < 0) {
            linger->fd = dup(fd);
            linger->until_ms = http_now_ms() + LINGER_MS;
            if (linger->fd >= 0) {
                (void)shutdown(linger->fd, SHUT_WR); // the client sees the end of the answer
            }
            return;
        }
    }
}

static void connection_close(struct http_server *server, struct http_connection *connection)
{
    if (connection == NULL) {
        return;
    }
    lock(server);
    // From here on the sweeper does not touch the descriptor, which libmicrohttpd closes next.
    ensure(connection->is_used && connection->suspended == NULL);
    if (connection->lingers) {
        linger_add(server, connection->fd);
    }
    const bool lingers = connection->lingers;
    connection->is_used = false;
    server->open_n--;
    unlock(server);
    if (lingers) {
        http_sweeper_wake(server);
    }
}

void http_on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connection_open(cls, mhd, context);
    } else {
        connection_close(cls, *context);
    }
}

/* Takes the request from its handler; its answer will be 503. */
static bool slot_expire(struct http_slot *slot)
{
    int expected = STATE_SUSPENDED;
    return atomic_compare_exchange_strong(&slot->state, &expected, STATE_EXPIRED);
}

/* Shuts what is over its deadline; collects the connections whose handler is. */
static size_t connections_sweep(struct http_server *server, struct http_connection **expired)
{
    const int64_t now = http_now_ms();
    const bool expires_all = atomic_load(&server->expires_all);
    size_t n = 0;
    lock(server);
    for (size_t i = 0; i < server->connections_n; i++) {
        struct http_connection *connection = &server->connections[i];
        if (!connection->is_used) {
            continue;
        }
        const int64_t deadline = atomic_load(&connection->deadline_ms);
        if (deadline != 0 && now > deadline) {
            atomic_store(&connection->deadline_ms, 0);
            (void)shutdown(connection->fd, SHUT_RDWR); // libmicrohttpd sees the end and closes it
        }
        struct http_slot *slot = connection->suspended;
        const bool is_late = slot != NULL && (expires_all || now > connection->work_until_ms);
        if (is_late && n < EXPIRED_PER_SWEEP && slot_expire(slot)) {
            expired[n++] = connection;
        }
    }
    unlock(server);
    return n;
}

/* Reads and drops what a client still sends; true when it is over. */
static bool linger_is_over(const struct http_linger *linger, int64_t now)
{
    char dropped[16 * 1024];
    for (int i = 0; i < LINGER_READS_MAX; i++) {
        const ssize_t n = recv(linger->fd, dropped, sizeof dropped, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            return true;
        }
        if (n < 0) {
            break;
        }
    }
    return now > linger->until_ms;
}

static void lingers_sweep(struct http_server *server)
{
    const int64_t now = http_now_ms();
    for (size_t i = 0; i < LINGER_N; i++) {
        lock(server);
        const struct http_linger linger = server->lingers[i];
        unlock(server);
        if (linger.fd >= 0 && linger_is_over(&linger, now)) {
            (void)close(linger.fd); // nothing was written to it
            lock(server);
            server->lingers[i].fd = -1;
            unlock(server);
        }
    }
}

/* Waits for the next sweep, a wake-up, or something to drop. */
static void sweeper_wait(struct http_server *server)
{
    struct pollfd fds[LINGER_N + 1] = {{.fd = server->wake_fd, .events = POLLIN}};
    nfds_t n = 1;
    lock(server);
    for (size_t i = 0; i < LINGER_N; i++) {
        if (server->lingers[i].fd >= 0) {
            fds[n++] = (struct pollfd){.fd = server->lingers[i].fd, .events = POLLIN};
        }
    }
    unlock(server);
    (void)poll(fds, n, SWEEP_MS); // whatever it says, the sweep looks at everything
    uint64_t count = 0;
    (void)!read(server->wake_fd, &count, sizeof count); // non-blocking
}

static void *sweeper_run(void *cls)
{
    struct http_server *server = cls;
    (void)pthread_setname_np(pthread_self(), "http-sweeper"); // for top and perf
    for (;;) {
        sweeper_wait(server);
        lock(server);
        const bool runs = server->sweeper_runs;
        unlock(server);
        if (!runs) {
            return NULL;
        }
        size_t n = EXPIRED_PER_SWEEP;
        while (n == EXPIRED_PER_SWEEP) {
            struct http_connection *expired[EXPIRED_PER_SWEEP];
            n = connections_sweep(server, expired);
            for (size_t i = 0; i < n; i++) {
                http_resume(server,
                            expired[i]); // alive until then: only the winner of the state resumes
            }
        }
        lingers_sweep(server);
    }
}

enum err http_sweeper_start(struct http_server *server, struct fail *f)
{
    for (size_t i = 0; i < LINGER_N; i++) {
        server->lingers[i].fd = -1;
    }
    server->sweeper_runs = true;
    server->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (server->wake_fd < 0) {
        return fail(f, ERR_IO, "", "No event descriptor: raise the limit of open files.");
    }
    if (pthread_create(&server->sweeper, NULL, sweeper_run, server) != 0) {
        (void)close(server->wake_fd); // nothing was written to it
        return fail(f, ERR_IO, "", "No thread could be started: raise the limit of processes.");
    }
    return ERR_OK;
}

void http_sweeper_wake(struct http_server *server)
{
    const uint64_t one = 1;
    (void)!write(server->wake_fd, &one, sizeof one); // full means that it is awake already
}

void http_sweeper_stop(struct http_server *server)
{
    lock(server);
    server->sweeper_runs = false;
    unlock(server);
    http_sweeper_wake(server);
    ensure(pthread_join(server->sweeper, NULL) == 0);
    for (size_t i = 0; i < LINGER_N; i++) {
        if (server->lingers[i].fd >= 0) {
            (void)close(server->lingers[i].fd); // nothing was written to it
        }
    }
    (void)close(server->wake_fd);
}
