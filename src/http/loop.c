/* The HTTP thread: waits for sockets and lets libmicrohttpd work them off.
 *
 * The wait is ours, not libmicrohttpd's (0.9.75): its own loop takes at most 128 sockets at once,
 * and where exactly so many are ready it waits for more before it looks at them. With some hundred
 * busy connections that happens within seconds, and all of them stand still until something new
 * arrives. MHD_run() takes what is ready and never waits. */
#include "base/base.h"
#include "http/http_internal.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    LOOP_WAIT_MS = 250
}; // the longest wait, so that the thread sees the end even if no socket wakes it

static int wait_ms(struct http_server *server)
{
    MHD_UNSIGNED_LONG_LONG ms = LOOP_WAIT_MS;
    if (MHD_get_timeout(server->daemon, &ms) != MHD_YES || ms > LOOP_WAIT_MS) {
        return LOOP_WAIT_MS;
    }
    return (int)ms;
}

static void wait_for_work(struct http_server *server, int epoll_fd)
{
    struct pollfd ready[] = {{.fd = epoll_fd, .events = POLLIN},
                             {.fd = server->loop_fd, .events = POLLIN}};
    const int ms = wait_ms(server);
    if (ms > 0) {
        (void)poll(ready, ARRAY_N(ready), ms); // whatever it says, MHD_run() looks at everything
    }
    if ((ready[1].revents & POLLIN) != 0) {
        uint64_t count = 0;
        (void)!read(server->loop_fd, &count, sizeof count); // non-blocking
        atomic_store(&server->loop_is_woken, false);        // who resumes from here on writes again
    }
}

/* Here and not where the answer is ready: libmicrohttpd takes a lock and writes to a descriptor for
 * each, and whoever answers many at once would wait for this thread every time. */
static void resume_all(struct http_server *server)
{
    struct http_connection *connection = atomic_exchange(&server->resumes, NULL);
    while (connection != NULL) {
        struct http_connection *next =
            connection->resume_next; // resumed, it may be suspended again at once
        MHD_resume_connection(connection->mhd);
        connection = next;
    }
}

static void *loop_run(void *cls)
{
    struct http_server *server = cls;
    const union MHD_DaemonInfo *epoll =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    (void)pthread_setname_np(pthread_self(), "http"); // for top and perf
    ensure(epoll != NULL);
    while (atomic_load(&server->loop_runs)) {
        wait_for_work(server, epoll->epoll_fd);
        resume_all(server);
        http_turn(&server->callbacks);
        const enum MHD_Result result = MHD_run(server->daemon);
        ensure(result == MHD_YES);
    }
    return NULL;
}

void http_resume(struct http_server *server, struct http_connection *connection)
{
    connection->resume_next = atomic_load(&server->resumes);
    while (!atomic_compare_exchange_weak(&server->resumes, &connection->resume_next, connection)) {
    }
    if (!atomic_exchange(&server->loop_is_woken, true)) {
        const uint64_t one = 1;
        (void)!write(server->loop_fd, &one, sizeof one); // full means that it is awake already
    }
}

bool http_loop_start(struct http_server *server)
{
    server->loop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (server->loop_fd < 0) {
        return false;
    }
    atomic_store(&server->loop_runs, true);
    if (pthread_create(&server->loop, NULL, loop_run, server) != 0) {
        (void)close(server->loop_fd); // nothing was written to it
        return false;
    }
    return true;
}

void http_loop_stop(struct http_server *server)
{
    atomic_store(&server->loop_runs, false);
    ensure(pthread_join(server->loop, NULL) == 0);
    resume_all(server); // libmicrohttpd is not stopped with one suspended
}

void http_loop_close(struct http_server *server)
{
    (void)close(server->loop_fd); // what was written to it was a knock
}
