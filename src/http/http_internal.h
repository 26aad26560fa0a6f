/* What the files of the HTTP module share: slots, connections, the server.
 *
 * Owns:    nothing.
 * Threads: said at each field.
 * Memory:  the server's own arena, made at start.
 * Errors:  as http.h.
 * Limits:  as http.h.
 */
#ifndef LOYALD_HTTP_INTERNAL_H
#define LOYALD_HTTP_INTERNAL_H

#include "base/id.h"
#include "base/time.h"
#include "http/http.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include <microhttpd.h>

enum {
    LOOPBACK_RESERVE = 32, // connections that only loopback may take
    DROP_BYTES_MAX =
        64 * 1024, // a refused body that small is read, so that the connection can go on
    OVER_BYTES_MAX =
        16 * 1024 * 1024, // a chunked body over its limit is read and dropped for so long, then cut
    LINGER_N = 64,        // closed connections whose unread bytes are dropped at a time
    LINGER_MS = 2000,
    SWEEP_MS = 250,
    NETWORKS_MAX = 32,
};

/* Where a request is between handle() and its answer. */
enum http_state {
    STATE_READING,   // not with the handler
    STATE_WORKING,   // with the handler, the HTTP thread is looking
    STATE_SUSPENDED, // with the handler, the HTTP thread has moved on
    STATE_READY,     // answered
    STATE_EXPIRED,   // not answered in time: an answer that comes now is dropped
};

struct http_connection;

/* A request and what the server knows about it. The request comes first: http_reply() finds the
 * slot by it. */
struct http_slot {
    struct http_request request;
    struct http_server *server; // NULL: http_call()
    struct http_caller *caller; // of http_call(), else NULL
    struct MHD_Connection *mhd;
    struct http_connection *connection;
    struct arena arena;
    _Atomic int state;             // enum http_state
    _Atomic int refs;              // the HTTP thread's, and the handler's until http_reply()
    struct http_response response; // written before the state becomes READY
    struct str target;             // path and query as sent
    struct http_admission admission;
    bool is_started; // the head was read
    bool is_refused; // `response` waits for the end of the body, which is dropped
    bool is_handled; // counted in server->active_n
    char *body;
    size_t body_n;
    size_t body_room;
    size_t read_n; // body bytes that came, dropped ones included
    int64_t body_from_ms;
    size_t reserved_n;      // of server->bodies_n
    struct http_slot *next; // in the list of free ones
};

/* Who waits in http_call(). */
struct http_caller {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    bool is_answered; // guarded by lock
};

/* An address as 16 bytes, IPv4 mapped into IPv6. */
struct http_address {
    uint8_t bytes[16];
};

struct http_network {
    struct http_address address;
    int bits; // of 128
};

/* A connection, from its acceptance to its end. All fields are guarded by server->lock but the
 * atomic one. */
struct http_connection {
    bool is_used;
    int fd;
    bool lingers;   // closed while its client was still sending
    bool is_exempt; // loopback or a declared proxy
    bool is_proxy;
    struct http_address address;
    _Atomic int64_t deadline_ms; // monotonic; 0: none. Written by the HTTP thread
    struct http_slot *suspended; // the request that waits for its answer
    int64_t work_until_ms;
    struct MHD_Connection *mhd;          // while it is suspended
    struct http_connection *resume_next; // in the list of those to be resumed
};

/* A closed connection whose client is let finish, so that it can read the answer before it meets a
 * reset. */
struct http_linger {
    int fd; // -1: free
    int64_t until_ms;
};

struct http_server {
    struct arena memory;
    struct http_callbacks callbacks;
    struct http_limits limits;
    struct http_network proxies[NETWORKS_MAX];
    size_t proxies_n;
    int port;
    struct MHD_Daemon *daemon;
    pthread_t loop; // the HTTP thread
    _Atomic bool loop_runs;
    int loop_fd;                               // eventfd that wakes it
    _Atomic bool loop_is_woken;                // by a knock that it has not heard yet
    _Atomic(struct http_connection *) resumes; // answered; the HTTP thread resumes them
    struct arena scratch;    // the HTTP thread's, for answers whose request cannot be touched
    struct id_source ids;    // the HTTP thread's
    _Atomic size_t bodies_n; // bytes of bodies held
    _Atomic bool is_stopping;
    _Atomic bool expires_all; // do not wait for handlers any longer
    pthread_mutex_t lock;     // guards what follows
    pthread_cond_t quiet;     // active_n went down, or a slot is free
    struct http_connection *connections;
    size_t connections_n;
    size_t open_n;
    struct http_slot *slots_free;
    size_t slots_n;
    size_t slots_free_n;
    size_t active_n; // requests with handle() called and not completed
    bool is_closed;  // no handler is called any more
    struct http_linger lingers[LINGER_N];
    pthread_t sweeper;
    int wake_fd; // eventfd that wakes the sweeper
    bool sweeper_runs;
};

static inline int64_t http_now_ms(void)
{
    return clock_monotonic_us() / 1000;
}

/* --- loop.c: the HTTP thread --- */

/* Before requests are looked for. */
static inline void http_turn(const struct http_callbacks *callbacks)
{
    if (callbacks->turn != NULL) {
        callbacks->turn(callbacks->self);
    }
}

/* Starts it; false when no thread or descriptor can be had. */
bool http_loop_start(struct http_server *server) MUST_USE;

/* Lets the HTTP thread resume a suspended connection; wakes it, once for many. Any thread, once for
 * each suspension. */
void http_resume(struct http_server *server, struct http_connection *connection);

/* Ends the thread, before libmicrohttpd is stopped; and what woke it, when nobody resumes any more.
 */
void http_loop_stop(struct http_server *server);
void http_loop_close(struct http_server *server);

/* --- request.c: pure, but for the arena --- */

/* Splits the target into path, segments and query. */
enum err http_target_read(struct http_request *request, struct str target, struct fail *f) MUST_USE;

/* Percent-decodes in the arena; refuses bad escapes, NUL and what is not UTF-8. `plus_is_blank` for
 * queries. */
enum err http_decode(struct arena *arena, struct str text, bool plus_is_blank, struct fail *f,
                     struct str *out) MUST_USE;

/* The method of a token; false for all but the listed ones. */
bool http_method_read(struct str token, enum http_method *out);

/* Checks sizes, control characters and headers that may come once only. */
enum err http_headers_check(const struct http_request *request, struct fail *f) MUST_USE;

/* --- address.c: pure --- */

/* The address of a socket address; false for an unknown family. */
bool http_address_of(const struct sockaddr *socket_address, struct http_address *out);

/* Reads "10.0.0.0/8,::1" into at most NETWORKS_MAX networks. */
bool http_networks_read(struct str text, struct http_network *out, size_t *n);

bool http_address_is_loopback(const struct http_address *address);
bool http_address_is_within(const struct http_address *address, const struct http_network *networks,
                            size_t n);

/* The same host as the limit counts it: IPv4 whole, IPv6 by its first 64 bits. */
bool http_address_same_host(const struct http_address *a, const struct http_address *b);

/* Numeric text in the arena. */
struct str http_address_text(const struct http_address *address, struct arena *arena);

/* The client that the X-Forwarded-For of a proxy names: from the right, the first that is no proxy.
 * `peer` when there is none. */
struct http_address http_address_forwarded(struct str header, const struct http_address *peer,
                                           const struct http_network *proxies, size_t proxies_n);

/* --- server.c: libmicrohttpd's callbacks for requests --- */

/* Called with the raw target before anything is decoded; what it returns comes back as
 * *request_context. */
void *http_on_target(void *cls, const char *target, struct MHD_Connection *mhd);

/* Called for the head, each piece of the body, its end, and when a suspended request goes on. */
enum MHD_Result http_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *data_n, void **request_context);

/* Called when a request is over, answered or not. */
void http_on_completed(void *cls, struct MHD_Connection *mhd, void **request_context,
                       enum MHD_RequestTerminationCode code);

/* --- limits.c --- */

/* libmicrohttpd's callbacks for connections. */
enum MHD_Result http_on_accept(void *cls, const struct sockaddr *address, socklen_t bytes_n);
void http_on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode code);

enum err http_sweeper_start(struct http_server *server, struct fail *f) MUST_USE;
void http_sweeper_stop(struct http_server *server);
void http_sweeper_wake(struct http_server *server);

/* --- call.c --- */

void http_caller_wake(struct http_caller *caller);

/* --- slot.c --- */

/* A free slot with an empty request, or NULL. */
struct http_slot *http_slot_take(struct http_server *server);

/* Gives up one reference; the last one makes the slot free. */
void http_slot_release(struct http_slot *slot);

#endif
