/* The HTTP server over loopback, with raw sockets: answers, limits, deadlines, refusals, stopping.
 */
#include "base/base.h"
#include "http/http_internal.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>

enum { ANSWER_BYTES_MAX = 4 << 20, WAIT_MS = 5000 };

static char answer[ANSWER_BYTES_MAX];
static struct http_request *_Atomic kept; // what /never was asked
static _Atomic bool is_at_gate;           // /gate is being handled
static _Atomic bool is_gate_open;
static _Atomic size_t consumed_n; // bytes that /stream was sent

static void reply_text(struct http_request *request, int status, struct str text)
{
    const struct http_response response = {
        .status = status, .content_type = STR("text/plain"), .body = text};
    http_reply(request, &response);
}

static void *reply_later(void *cls)
{
    reply_text(cls, 200, STR("later"));
    return NULL;
}

static bool consume(struct http_request *request, struct str piece)
{
    (void)request;
    (void)atomic_fetch_add(&consumed_n, piece.n);
    return true;
}

static bool path_is(const struct http_request *request, const char *segment)
{
    return request->segments_n > 0 && str_eq(request->segments[0], str_c(segment));
}

static bool admit(void *self, struct http_request *request, struct http_admission *admission,
                  struct http_response *refusal)
{
    (void)self;
    if (path_is(request, "closed")) {
        http_problem(request, ERR_UNAUTHENTICATED, NULL, refusal);
        return false;
    }
    admission->body_bytes_max = path_is(request, "small") ? 10 : 2 << 20;
    admission->work_ms = path_is(request, "patient") ? 60000 : 0;
    admission->consume = path_is(request, "stream") ? consume : NULL;
    return true;
}

static void handle(void *self, struct http_request *request)
{
    (void)self;
    struct str value = {0};
    if (path_is(request, "later")) {
        pthread_t thread;
        ensure(pthread_create(&thread, NULL, reply_later, request) == 0);
        ensure(pthread_detach(thread) == 0);
    } else if (path_is(request, "never") || path_is(request, "patient")) {
        atomic_store(&kept, request);
    } else if (path_is(request, "gate")) {
        atomic_store(&is_at_gate, true);
        while (!atomic_load(&is_gate_open)) {
            (void)sched_yield();
        }
        reply_text(request, 200, STR("passed"));
    } else if (path_is(request, "big")) {
        reply_text(request, 200,
                   (struct str){.p = arena_bytes(request->arena, 1 << 20), .n = 1 << 20});
    } else if (http_query(request, "q", &value)) {
        reply_text(request, 200, str_fmt(request->arena, "q=%.*s", STR_ARG(value)));
    } else {
        reply_text(request, 200,
                   str_fmt(request->arena, "%s %zu [%.*s] %zu from %.*s",
                           http_method_text(request->method), request->segments_n,
                           STR_ARG(request->segments[request->segments_n - 1]), request->body.n,
                           STR_ARG(request->address)));
    }
}

static struct http_server *server_open(struct http_limits limits)
{
    static struct arena arena;
    arena_open(&arena, 1 << 20);
    struct fail f = {.arena = &arena};
    const struct http_config config = {.listen = STR("127.0.0.1:0"),
                                       .proxies = STR(""),
                                       .limits = limits,
                                       .callbacks = {.admit = admit, .handle = handle}};
    struct http_server *server = NULL;
    if (http_open(&config, &f, &server) != ERR_OK) {
        fail_msg("%s", f.items[0].detail.p);
    }
    arena_close(&arena);
    return server;
}

static int dial(const struct http_server *server)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_port(server))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void say_bytes(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        const ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0) {
            return; // the server has had enough, which the test looks at next
        }
        bytes += sent;
        n -= (size_t)sent;
    }
}

static void say(int fd, const char *text)
{
    say_bytes(fd, text, strlen(text));
}

/* Reads until the text has come or the connection ends; the answer so far is in `answer`. */
static bool hear(int fd, const char *text)
{
    size_t n = 0;
    answer[0] = 0;
    for (;;) {
        struct pollfd poller = {.fd = fd, .events = POLLIN};
        if (poll(&poller, 1, WAIT_MS) <= 0) {
            return false;
        }
        const ssize_t got = recv(fd, answer + n, sizeof answer - 1 - n, 0);
        if (got <= 0) {
            return text == NULL;
        }
        n += (size_t)got;
        answer[n] = 0;
        if (text != NULL && strstr(answer, text) != NULL) {
            return true;
        }
    }
}

static void assert_hears(int fd, const char *text)
{
    if (!hear(fd, text)) {
        fail_msg("expected \"%s\", heard \"%.300s\"", text, answer);
    }
}

/* One request on a connection of its own. */
static void assert_answer(const struct http_server *server, const char *request, const char *text)
{
    const int fd = dial(server);
    say(fd, request);
    assert_hears(fd, text);
    (void)close(fd);
}

#define HOST "Host: x\r\n"

static void a_connection_carries_one_request_after_the_other(void **state)
{
    (void)state;
    struct http_server *server = server_open((struct http_limits){0});
    const int fd = dial(server);
    say(fd, "GET /v1/ext%3AC-1%2F2?x=1 HTTP/1.1\r\n" HOST "\r\n");
    assert_hears(fd, "GET 2 [ext:C-1/2] 0 from 127.0.0.1");
    assert_non_null(strstr(answer, "HTTP/1.1 200"));
    assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff"));
    assert_non_null(strstr(answer, "Cache-Control: no-store"));
    say(fd, "POST /v1/ HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
    assert_hears(fd, "POST 2 [] 5 from");
    say(fd, "PUT /a HTTP/1.1\r\n" HOST
            "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n");
    assert_hears(fd, "PUT 1 [a] 7 from");
    say(fd, "GET /later HTTP/1.1\r\n" HOST "\r\n");
    assert_hears(fd, "later");
    say(fd, "GET /x?q=a%20b+c%26 HTTP/1.1\r\n" HOST "\r\n");
    assert_hears(fd, "q=a b c&");
    (void)close(fd);
    http_close(server, 1000);
}

/* libmicrohttpd asks the kernel for 128 ready sockets at a time. */
static void as_many_requests_at_once_as_the_kernel_reports_in_one_go(void **state)
{
    (void)state;
    enum { TOGETHER = 128 };
    struct http_server *server = server_open((struct http_limits){0});
    int fds[TOGETHER];
    const int gate = dial(server);
    for (size_t i = 0; i < TOGETHER; i++) {
        fds[i] = dial(server);
        say(fds[i], "GET /x HTTP/1.1\r\n" HOST "\r\n");
        assert_hears(fds[i], "GET 1 [x]");
    }
    say(gate, "GET /gate HTTP/1.1\r\n" HOST "\r\n");
    while (!atomic_load(&is_at_gate)) {
        (void)sched_yield();
    }
    for (size_t i = 0; i < TOGETHER; i++) {
        say(fds[i], "GET /y HTTP/1.1\r\n" HOST "\r\n");
    }
    atomic_store(&is_gate_open, true); // the HTTP thread finds them all at once
    assert_hears(gate, "passed");
    for (size_t i = 0; i < TOGETHER; i++) {
        assert_hears(fds[i], "GET 1 [y]");
        (void)close(fds[i]);
    }
    (void)close(gate);
    http_close(server, 1000);
}

static void a_large_body_and_a_large_answer_pass(void **state)
{
    (void)state;
    struct http_server *server = server_open((struct http_limits){0});
    static char body[1 << 20];
    memset(body, 'x', sizeof body);
    const int fd = dial(server);
    say(fd, "POST /v1 HTTP/1.1\r\n" HOST "Content-Length: 1048576\r\n\r\n");
    say_bytes(fd, body, sizeof body);
    assert_hears(fd, "POST 1 [v1] 1048576");
    say(fd, "POST /stream HTTP/1.1\r\n" HOST "Content-Length: 1048576\r\n\r\n");
    say_bytes(fd, body, sizeof body);
    assert_hears(fd, "POST 1 [stream] 0");
    assert_int_equal(atomic_load(&consumed_n), 1 << 20);
    say(fd, "GET /big HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    assert_true(hear(fd, NULL));
    assert_non_null(strstr(answer, "Content-Length: 1048576"));
    (void)close(fd);
    http_close(server, 1000);
}

static void what_is_too_large_is_refused_before_it_is_read(void **state)
{
    (void)state;
    struct http_server *server = server_open((struct http_limits){0});
    assert_answer(server, "POST /v1 HTTP/1.1\r\n" HOST "Content-Length: 9000000000\r\n\r\n",
                  "HTTP/1.1 413");
    assert_answer(server,
                  "POST /small HTTP/1.1\r\n" HOST
                  "Content-Length: 11\r\nExpect: 100-continue\r\n\r\n",
                  "HTTP/1.1 413");
    assert_null(strstr(answer, "100 Continue"));
    assert_answer(server,
                  "POST /closed HTTP/1.1\r\n" HOST
                  "Content-Length: 11\r\nExpect: 100-continue\r\n\r\n",
                  "HTTP/1.1 401");
    assert_null(strstr(answer, "100 Continue"));
    assert_answer(server,
                  "POST /small HTTP/1.1\r\n" HOST
                  "Content-Length: 10\r\nExpect: 100-continue\r\n\r\n",
                  "HTTP/1.1 100 Continue");
    assert_answer(server,
                  "POST /small HTTP/1.1\r\n" HOST
                  "Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n",
                  "HTTP/1.1 413");
    assert_answer(server, "POST /small HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\n0123456789",
                  "POST 1 [small] 10");
    http_close(server, 1000);
}

static void a_client_that_sends_on_can_still_read_why_it_was_refused(void **state)
{
    (void)state;
    struct http_server *server = server_open((struct http_limits){0});
    static char body[3 << 20];
    const int fd = dial(server);
    say(fd, "POST /v1 HTTP/1.1\r\n" HOST "Content-Length: 3145728\r\n\r\n");
    say_bytes(fd, body, sizeof body);
    assert_hears(fd, "\"code\":\"too_large\"");
    (void)close(fd);
    http_close(server, 1000);
}

static void a_small_refused_request_keeps_its_connection(void **state)
{
    (void)state;
    struct http_server *server = server_open((struct http_limits){0});
    const int fd = dial(server);
    say(fd, "POST /closed HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
    assert_hears(fd, "\"code\":\"unauthenticated\"");
    say(fd, "GET /closed HTTP/1.1\r\n" HOST "\r\n");
    assert_hears(fd, "\"request_id\":\"req_");
    say(fd, "GET /v1 HTTP/1.1\r\n" HOST "\r\n");
    assert_hears(fd, "GET 1 [v1]");
    (void)close(fd);
    http_close(server, 1000);
}

static void malformed_requests_get_a_problem(void **state)
{
    (void)state;
    struct http_server *server = server_open((struct http_limits){0});
    assert_answer(server, "TRACE / HTTP/1.1\r\n" HOST "\r\n",
                  "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n");
    assert_non_null(strstr(answer, "HTTP/1.1 405"));
    assert_answer(server, "GET /a%00b HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 400");
    assert_answer(server, "GET /a%2 HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 400");
    assert_answer(server, "GET /a%ff HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 400");
    assert_answer(server, "GET /?q=%zz HTTP/1.1\r\n" HOST "\r\n", "application/problem+json");
    assert_answer(server, "GET http://x/ HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 400");
    assert_answer(server,
                  "GET / HTTP/1.1\r\n" HOST
                  "Authorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n",
                  "HTTP/1.1 400");
    http_close(server, 1000);
}

static void the_longest_head_that_is_allowed_is_served(void **state)
{
    (void)state;
    struct http_server *server = server_open((struct http_limits){0});
    static char request[64 * 1024];
    static char text[HTTP_URL_BYTES_MAX];
    memset(text, 'a', sizeof text);
    const int each = HTTP_HEADER_BYTES_MAX / HTTP_HEADERS_MAX - 3 - 4; // "X01: ", end of line
    size_t n = (size_t)snprintf(request, sizeof request, "GET /%.*s HTTP/1.1\r\n" HOST,
                                HTTP_URL_BYTES_MAX - 1, text);
    for (int i = 1; i < HTTP_HEADERS_MAX; i++) { // beside Host
        n += (size_t)snprintf(request + n, sizeof request - n, "X%02d: %.*s\r\n", i, each, text);
    }
    (void)snprintf(request + n, sizeof request - n, "\r\n");
    assert_answer(server, request, "HTTP/1.1 200");
    http_close(server, 1000);
}

static void long_addresses_and_headers_are_refused(void **state)
{
    (void)state;
    struct http_server *server = server_open((struct http_limits){0});
    static char request[64 * 1024];
    memset(request, 'a', sizeof request);
    memcpy(request, "GET /", 5);
    memcpy(request + HTTP_URL_BYTES_MAX + 4, " HTTP/1.1\r\n" HOST "\r\n",
           sizeof " HTTP/1.1\r\n" HOST "\r\n");
    assert_answer(server, request, "HTTP/1.1 200"); // as long as allowed
    memset(request, 'a', sizeof request);
    memcpy(request, "GET /", 5);
    memcpy(request + HTTP_URL_BYTES_MAX + 5, " HTTP/1.1\r\n" HOST "\r\n",
           sizeof " HTTP/1.1\r\n" HOST "\r\n");
    assert_answer(server, request, "HTTP/1.1 414");
    memset(request, 'a', sizeof request);
    memcpy(request, "GET / HTTP/1.1\r\n" HOST "X: ", 25 + 3);
    memcpy(request + HTTP_HEADER_BYTES_MAX + 1024, "\r\n\r\n", 5);
    assert_answer(server, request, "HTTP/1.1 431");
    size_t n = (size_t)snprintf(request, sizeof request, "GET / HTTP/1.1\r\n" HOST);
    for (int i = 0; i < HTTP_HEADERS_MAX; i++) {
        n += (size_t)snprintf(request + n, sizeof request - n, "X%d: y\r\n", i);
    }
    (void)snprintf(request + n, sizeof request - n, "\r\n");
    assert_answer(server, request, "HTTP/1.1 431");
    http_close(server, 1000);
}

static void slow_heads_and_bodies_are_given_up_however_busy_they_look(void **state)
{
    (void)state;
    struct http_server *server = server_open((struct http_limits){.head_ms = 300, .body_ms = 300});
    for (int with_body = 0; with_body < 2; with_body++) {
        const int fd = dial(server);
        const int64_t from_ms = clock_monotonic_us() / 1000;
        say(fd, with_body ? "POST /v1 HTTP/1.1\r\n" HOST "Content-Length: 10000\r\n\r\n"
                          : "GET / HTTP/1.1\r\nX: ");
        struct pollfd poller = {.fd = fd, .events = POLLIN};
        while (poll(&poller, 1, 40) == 0 && clock_monotonic_us() / 1000 - from_ms < WAIT_MS) {
            say(fd, "a"); // one byte at a time, never idle
        }
        const int64_t took_ms = clock_monotonic_us() / 1000 - from_ms;
        assert_true(took_ms >= 290 && took_ms < 3000);
        assert_true(recv(fd, answer, sizeof answer, 0) <= 0);
        (void)close(fd);
    }
    http_close(server, 1000);
}

static void a_handler_that_takes_too_long_is_answered_for(void **state)
{
    (void)state;
    struct http_server *server = server_open((struct http_limits){.work_ms = 100});
    assert_answer(server, "POST /never HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi",
                  "HTTP/1.1 503");
    assert_non_null(strstr(answer, "Retry-After: 1"));
    assert_true(str_eq(atomic_load(&kept)->body, STR("hi"))); // still the handler's
    reply_text(atomic_load(&kept), 200, STR("too late"));
    assert_answer(server, "GET /v1 HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 200");
    http_close(server, 1000);
}

static void a_route_may_be_granted_more_time_than_others(void **state)
{
    (void)state;
    struct http_server *server = server_open((struct http_limits){.work_ms = 100});
    const int fd = dial(server);
    atomic_store(&kept, NULL);
    say(fd, "GET /patient HTTP/1.1\r\n" HOST "\r\n");
    while (atomic_load(&kept) == NULL) {
        (void)sched_yield(); // until the handler has it
    }
    struct http_request *patient = atomic_load(&kept);
    assert_answer(server, "GET /never HTTP/1.1\r\n" HOST "\r\n",
                  "HTTP/1.1 503"); // that long ago it was handed over
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&poller, 1, 0), 0);
    http_working(patient); // as much as was granted again, not as little as others have
    assert_int_equal(poll(&poller, 1, 300), 0);
    reply_text(atomic_load(&kept), 200, STR("never")); // its connection was answered for
    reply_text(patient, 200, STR("at last"));
    assert_true(poll(&poller, 1, WAIT_MS) == 1 && recv(fd, answer, sizeof answer, 0) > 0);
    assert_memory_equal(answer, "HTTP/1.1 200", 12);
    (void)close(fd);
    http_close(server, 1000);
}

static void a_client_that_leaves_does_no_harm(void **state)
{
    (void)state;
    struct http_server *server = server_open((struct http_limits){0});
    for (int i = 0; i < 50; i++) {
        const int fd = dial(server);
        say(fd, i % 3 == 0   ? "GET /later HTTP/1.1\r\n" HOST "\r\n"
                : i % 3 == 1 ? "POST /v1 HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc"
                             : "GET /la");
        (void)close(fd);
    }
    assert_answer(server, "GET /later HTTP/1.1\r\n" HOST "\r\n", "later");
    http_close(server, 1000);
}

static void *close_server(void *cls)
{
    http_close(cls, 3000);
    return NULL;
}

static void stopping_lets_running_requests_end(void **state)
{
    (void)state;
    struct http_server *server = server_open((struct http_limits){0});
    const int fd = dial(server);
    atomic_store(&kept, NULL);
    say(fd, "GET /never HTTP/1.1\r\n" HOST "\r\n");
    while (atomic_load(&kept) == NULL) {
        (void)sched_yield(); // until the handler has it
    }
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, close_server, server), 0);
    while (!atomic_load(&server->is_stopping)) {
        (void)sched_yield();
    }
    reply_text(atomic_load(&kept), 200, STR("in time"));
    assert_hears(fd, "in time");
    assert_non_null(strstr(answer, "Connection: close"));
    (void)close(fd);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void one_address_gets_so_many_connections_but_loopback_all(void **state)
{
    (void)state;
    struct http_server *server =
        server_open((struct http_limits){.per_address_max = 2, .connections_max = 10});
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(0xC0000201);
    struct sockaddr *peer = (struct sockaddr *)&address;
    assert_int_equal(http_on_accept(server, peer, sizeof address), MHD_YES);
    for (size_t i = 0; i < 2; i++) {
        server->connections[i].is_used = true;
        server->connections[i].fd = -1;
        assert_true(http_address_of(peer, &server->connections[i].address));
    }
    assert_int_equal(http_on_accept(server, peer, sizeof address), MHD_NO);
    address.sin_addr.s_addr = htonl(0xC0000202);
    assert_int_equal(http_on_accept(server, peer, sizeof address), MHD_YES);
    server->open_n = 10; // all but the reserve are taken
    assert_int_equal(http_on_accept(server, peer, sizeof address), MHD_NO);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(http_on_accept(server, peer, sizeof address), MHD_YES);
    server->open_n = 0;
    server->connections[0].is_used = false;
    server->connections[1].is_used = false;
    http_close(server, 1000);
}

static void a_proxy_is_believed_from_the_right_only(void **state)
{
    (void)state;
    struct arena arena;
    arena_open(&arena, 1 << 16);
    struct http_network proxies[NETWORKS_MAX];
    size_t n = 0;
    assert_true(http_networks_read(STR("10.0.0.0/8, ::1"), proxies, &n));
    assert_int_equal(n, 2);
    assert_false(http_networks_read(STR("10.0.0.0/33"), proxies, &n));
    assert_false(http_networks_read(STR("proxy"), proxies, &n));
    struct sockaddr_in socket_address = {.sin_family = AF_INET};
    socket_address.sin_addr.s_addr = htonl(0x0A010203);
    struct http_address peer;
    assert_true(http_address_of((struct sockaddr *)&socket_address, &peer));
    static const struct {
        const char *header;
        const char *client;
    } CASES[] = {{"", "10.1.2.3"},
                 {"1.2.3.4", "1.2.3.4"},
                 {"9.9.9.9, 1.2.3.4", "1.2.3.4"},
                 {"1.2.3.4, 10.9.9.9", "1.2.3.4"},
                 {"1.2.3.4, evil", "10.1.2.3"},
                 {"2001:db8::7, ::1", "2001:db8::7"}};
    for (size_t i = 0; i < ARRAY_N(CASES); i++) {
        const struct http_address client =
            http_address_forwarded(str_c(CASES[i].header), &peer, proxies, n);
        assert_string_equal(http_address_text(&client, &arena).p, CASES[i].client);
    }
    arena_close(&arena);
}

static void handlers_can_be_called_without_a_socket(void **state)
{
    (void)state;
    struct arena arena;
    arena_open(&arena, 16 << 20);
    const struct http_callbacks callbacks = {.admit = admit, .handle = handle};
    struct http_response response;
    http_call(&callbacks,
              &(struct http_call){.method = "POST", .target = "/v1/a%20b", .body = STR("12345")},
              &arena, &response);
    assert_int_equal(response.status, 200);
    assert_true(str_eq(response.body, STR("POST 2 [a b] 5 from 127.0.0.1")));
    http_call(&callbacks, &(struct http_call){.method = "GET", .target = "/later"}, &arena,
              &response);
    assert_true(str_eq(response.body, STR("later")));
    http_call(&callbacks,
              &(struct http_call){.method = "POST", .target = "/small", .body = STR("12345678901")},
              &arena, &response);
    assert_int_equal(response.status, 413);
    http_call(&callbacks, &(struct http_call){.method = "BREW", .target = "/"}, &arena, &response);
    assert_int_equal(response.status, 405);
    arena_close(&arena);
}

static void an_address_that_cannot_be_used_is_said_so(void **state)
{
    (void)state;
    struct arena arena;
    arena_open(&arena, 1 << 20);
    struct fail f = {.arena = &arena};
    struct http_server *server = NULL;
    struct http_config config = {.listen = STR("nowhere"),
                                 .callbacks = {.admit = admit, .handle = handle}};
    assert_int_equal(http_open(&config, &f, &server), ERR_CONFIG);
    config.listen = STR("192.0.2.1:80");
    assert_int_equal(http_open(&config, &f, &server), ERR_IO);
    config.listen = STR("127.0.0.1:0");
    config.proxies = STR("x");
    assert_int_equal(http_open(&config, &f, &server), ERR_CONFIG);
    arena_close(&arena);
}

static void if_match_is_read_as_the_standard_says(void **state)
{
    (void)state; // cmocka's
    static const struct {
        const char *field;
        bool is_read, matches;
    } CASES[] = {
        {"\"3\"", true, true},
        {"\"2\"", true, false},
        {"*", true, true},
        {" * ", true, true},
        {"W/\"3\"", true, false},
        {"\"1\", \"3\"", true, true},
        {"\"1\",\"3\" , \"4\"", true, true},
        {"W/\"3\", \"2\"", true, false},
        {"\"2\", W/\"9\", \"3\"", true, true},
        {"\"1\", , \"3\"", true, true},
        {"\"\"", true, false},
        {"\"3", false, false},
        {"3", false, false},
        {"\"1\" \"3\"", false, false},
        {"*, \"3\"", false, false},
        {"w/\"3\"", false, false},
        {"\"3,\"", true, false},
    };
    for (size_t i = 0; i < ARRAY_N(CASES); i++) {
        bool matches = false;
        const bool is_read = http_tags_match(str_c(CASES[i].field), STR("\"3\""), &matches);
        if (is_read != CASES[i].is_read || (is_read && matches != CASES[i].matches)) {
            print_error("%s\n", CASES[i].field);
            fail();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_carries_one_request_after_the_other),
        cmocka_unit_test(as_many_requests_at_once_as_the_kernel_reports_in_one_go),
        cmocka_unit_test(a_large_body_and_a_large_answer_pass),
        cmocka_unit_test(what_is_too_large_is_refused_before_it_is_read),
        cmocka_unit_test(a_client_that_sends_on_can_still_read_why_it_was_refused),
        cmocka_unit_test(a_small_refused_request_keeps_its_connection),
        cmocka_unit_test(malformed_requests_get_a_problem),
        cmocka_unit_test(the_longest_head_that_is_allowed_is_served),
        cmocka_unit_test(long_addresses_and_headers_are_refused),
        cmocka_unit_test(slow_heads_and_bodies_are_given_up_however_busy_they_look),
        cmocka_unit_test(a_handler_that_takes_too_long_is_answered_for),
        cmocka_unit_test(a_route_may_be_granted_more_time_than_others),
        cmocka_unit_test(a_client_that_leaves_does_no_harm),
        cmocka_unit_test(stopping_lets_running_requests_end),
        cmocka_unit_test(one_address_gets_so_many_connections_but_loopback_all),
        cmocka_unit_test(a_proxy_is_believed_from_the_right_only),
        cmocka_unit_test(handlers_can_be_called_without_a_socket),
        cmocka_unit_test(an_address_that_cannot_be_used_is_said_so),
        cmocka_unit_test(if_match_is_read_as_the_standard_says),
    };
    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
