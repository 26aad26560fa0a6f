/* What a request costs: 64 connections on loopback, a handler that answers at once and one that
 * answers from another thread. The client shares the machine. */
#include "base/base.h"
#include "base/time.h"
#include "http/http.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 64, SECONDS = 2, QUEUE_MAX = 1024 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct http_request *waiting[QUEUE_MAX];
    size_t n;
    bool is_over;
} lane = {.lock = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER};

static void answer(struct http_request *request)
{
    const struct http_response response = {.status = 201,
                                           .content_type = STR("application/json"),
                                           .body = STR("{\"outcome\":\"applied\"}")};
    http_reply(request, &response);
}

static bool admit(void *self, struct http_request *request, struct http_admission *admission,
                  struct http_response *refusal)
{
    (void)self;
    (void)request;
    (void)refusal;
    admission->body_bytes_max = 1 << 20;
    return true;
}

static void handle(void *self, struct http_request *request)
{
    (void)self;
    if (str_eq(request->segments[0], STR("now"))) {
        answer(request);
        return;
    }
    (void)pthread_mutex_lock(&lane.lock);
    ensure(lane.n < QUEUE_MAX);
    lane.waiting[lane.n++] = request;
    (void)pthread_cond_signal(&lane.filled);
    (void)pthread_mutex_unlock(&lane.lock);
}

/* Takes what is waiting and answers all of it, as the lane does. */
static void *lane_run(void *cls)
{
    struct http_request *batch[QUEUE_MAX];
    (void)cls;
    for (;;) {
        (void)pthread_mutex_lock(&lane.lock);
        while (lane.n == 0 && !lane.is_over) {
            (void)pthread_cond_wait(&lane.filled, &lane.lock);
        }
        const size_t n = lane.n;
        memcpy(batch, lane.waiting, n * sizeof *batch);
        lane.n = 0;
        (void)pthread_mutex_unlock(&lane.lock);
        if (n == 0) {
            return NULL;
        }
        for (size_t i = 0; i < n; i++) {
            answer(batch[i]);
        }
    }
}

static int dial(int port)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ensure(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

static void measure(int port, const char *path)
{
    static char request[1024];
    char body[401];
    char heard[4096];
    memset(body, 'x', 400);
    body[400] = 0;
    const int request_n = snprintf(request, sizeof request,
                                   "POST /%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                                   "0123456789abcdef\r\nContent-Type: application/json\r\n"
                                   "Content-Length: 400\r\n\r\n%s",
                                   path, body);
    struct pollfd fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = (struct pollfd){.fd = dial(port), .events = POLLIN};
        ensure(send(fds[i].fd, request, (size_t)request_n, MSG_NOSIGNAL) == request_n);
    }
    size_t answers_n = 0;
    const int64_t from_us = clock_monotonic_us();
    while (clock_monotonic_us() - from_us < SECONDS * INT64_C(1000000)) {
        ensure(poll(fds, CLIENTS, 1000) > 0);
        for (int i = 0; i < CLIENTS; i++) {
            if ((fds[i].revents & POLLIN) != 0) {
                ensure(recv(fds[i].fd, heard, sizeof heard, 0) >
                       0); // an answer is one small packet
                ensure(send(fds[i].fd, request, (size_t)request_n, MSG_NOSIGNAL) == request_n);
                answers_n++;
            }
        }
    }
    const double seconds = (double)(clock_monotonic_us() - from_us) / 1e6;
    (void)printf("http: %.0f requests/s answered %s, %d connections\n", (double)answers_n / seconds,
                 path, CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        (void)close(fds[i].fd);
    }
}

int main(void)
{
    struct arena arena;
    arena_open(&arena, 1 << 20);
    struct fail f = {.arena = &arena};
    const struct http_config config = {.listen = STR("127.0.0.1:0"),
                                       .callbacks = {.admit = admit, .handle = handle}};
    struct http_server *server = NULL;
    if (http_open(&config, &f, &server) != ERR_OK) {
        (void)printf("%s\n", f.items[0].detail.p);
        return 1;
    }
    pthread_t thread;
    ensure(pthread_create(&thread, NULL, lane_run, NULL) == 0);
    measure(http_port(server), "now");
    measure(http_port(server), "later");
    http_close(server, 1000);
    (void)pthread_mutex_lock(&lane.lock);
    lane.is_over = true;
    (void)pthread_cond_signal(&lane.filled);
    (void)pthread_mutex_unlock(&lane.lock);
    (void)pthread_join(thread, NULL);
    arena_close(&arena);
    return 0;
}
