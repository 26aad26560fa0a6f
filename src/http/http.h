/* The HTTP server: bytes in, struct http_request out, struct http_response back. Knows no loyalty.
 *
 * A request passes two callbacks, both on the HTTP thread. admit() sees method, path, query and
 * headers, and either grants a number of body bytes or refuses; "Expect: 100-continue" is answered
 * only after it. handle() sees the whole request and calls http_reply() exactly once, at once or
 * later from any thread.
 *
 * Owns:    the listening socket, the HTTP thread, the sweeper thread, the memory of requests.
 * Threads: admit() and handle() run on the HTTP thread and must not block; http_reply() any thread.
 * Memory:  everything of a request lives in request->arena, until http_reply() is called. Request
 *          slots are made at start; their arenas keep their first block.
 * Errors:  what is refused here gets problem+json (http_problem). Answers that libmicrohttpd makes
 *          before we see the request (a malformed request line, header or chunk) are its own:
 *          docs/http.md lists them.
 * Limits:  struct http_limits.
 */
#ifndef LOYALD_HTTP_H
#define LOYALD_HTTP_H

#include "base/buf.h"
#include "base/err.h"

enum {
    HTTP_URL_BYTES_MAX = 4 * 1024,    // longer: 414
    HTTP_HEADER_BYTES_MAX = 8 * 1024, // names and values of all headers; longer: 431
    HTTP_HEADERS_MAX = 64,
    HTTP_QUERY_MAX = 64,    // parameters
    HTTP_SEGMENTS_MAX = 32, // of a path
};

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_METHOD_N
};

/* A header or a query parameter. */
struct http_pair {
    struct str name;
    struct str value;
};

struct http_request {
    struct arena *arena; // for everything about this request
    enum http_method method;
    struct str path; // as sent, still encoded, without the query
    const struct str
        *segments; // the path split at '/', then each percent-decoded once: "/v1/x" is "v1", "x"
    size_t segments_n;             // a slash at the end makes an empty last segment
    const struct http_pair *query; // decoded, '+' is a blank
    size_t query_n;
    const struct http_pair *headers; // names in lower case
    size_t headers_n;
    struct str body;    // whole; empty in admit() and where it was consumed in pieces
    int64_t body_bytes; // Content-Length; -1: chunked; 0: none
    bool body_is_cut;   // the consumer did not want the rest
    struct str address; // of the client, numeric; behind a declared proxy the one that it names
    bool is_encrypted;  // TLS, here or by X-Forwarded-Proto of a declared proxy
    struct str id;      // "req_…", for logs and problems
    void *self;         // the callbacks' own: what admit() found out, for handle()
};

struct http_response {
    int status;
    struct str content_type; // empty: no body
    struct str body;         // in the request's arena, or static
    const struct http_pair
        *headers; // more headers; neither names nor values may hold control characters
    size_t headers_n;
};

/* What admit() grants. */
struct http_admission {
    size_t body_bytes_max; // more: 413, before reading where Content-Length tells
    /* Where set, the body goes there in pieces and is never held whole; false: the rest is read and
     * dropped. */
    bool (*consume)(struct http_request *request, struct str piece);
    int64_t work_ms; // 0: that of the limits
};

struct http_callbacks {
    void *self;
    /* Before the HTTP thread looks for requests: once for all that it finds then. NULL: nothing to
     * do.
     */
    void (*turn)(void *self);
    /* True: go on with what was granted (nothing, if left alone). False: answer *refusal at once.
     */
    bool (*admit)(void *self, struct http_request *request, struct http_admission *admission,
                  struct http_response *refusal);
    void (*handle)(void *self, struct http_request *request);
};

/* Zero: the default in brackets. */
struct http_limits {
    int connections_max; // [1024]; the last 32 are kept for loopback
    int per_address_max; // [64]; none for loopback and declared proxies; IPv6 counts by /64
    int64_t head_ms; // [30,000] idle and header together, from accept or the end of the last answer
    int64_t body_ms; // [30,000] longer only at 1 KiB/s or more
    int64_t work_ms; // [10,000] from handle() to http_reply(); then 503
    int64_t answer_ms;       // [30,000] longer only at 1 KiB/s or more
    size_t bodies_bytes_max; // [256 MiB] of all bodies held at once; beyond: 503
    size_t arena_bytes_max;  // [512 MiB] of one request
};

struct http_config {
    struct str listen;  // "127.0.0.1:8080", "[::1]:8080", "0.0.0.0:80"; port 0 takes a free one
    struct str proxies; // addresses or networks "10.0.0.0/8,::1" whose X-Forwarded-For is believed;
                        // may be empty
    struct http_limits limits;
    struct http_callbacks callbacks;
};

struct http_server;

/* Listens and serves. ERR_CONFIG or ERR_IO with a sentence when the address cannot be used. */
enum err http_open(const struct http_config *config, struct fail *f,
                   struct http_server **out) MUST_USE;

/* The port that is listened on. */
int http_port(const struct http_server *server);

/* Stops accepting, lets running requests end for at most drain_ms, answers 503 to those that do
 * not, closes. */
void http_close(struct http_server *server, int64_t drain_ms);

/* Says that the handler is still at work and gets on: its time begins anew. Any thread, between
 * handle() and http_reply(). */
void http_working(struct http_request *request);

/* Answers a request; afterwards nothing of it may be touched. The response's strings must live in
 * the request's arena or be static. */
void http_reply(struct http_request *request, const struct http_response *response);

/* The first header of that name (lower case), empty when there is none. A second Host,
 * Authorization, Content-Type, Content-Length or Idempotency-Key has been refused before. */
struct str http_header(const struct http_request *request, const char *name);

/* If-Match (RFC 9110, 13.1.1): whether `tag`, as sent in ETag, is in the list, or the list is "*",
 * which matches whatever is there. A weak tag (W/"…") never matches. False when the field is
 * neither. */
bool http_tags_match(struct str field, struct str tag, bool *matches);

/* The first query parameter of that name; false when there is none. */
bool http_query(const struct http_request *request, const char *name, struct str *out);

/* "GET". */
const char *http_method_text(enum http_method method);

/* The one place that makes problem+json (RFC 9457). `f` may be NULL or without items; the first
 * item's detail becomes the problem's. */
void http_problem(struct http_request *request, enum err err, const struct fail *f,
                  struct http_response *out);

/* Runs a request through the callbacks without a socket and waits for its answer, for tests of
 * handlers. The response lives in the arena given. */
struct http_call {
    const char *method;              // "GET"
    const char *target;              // "/v1/members/ext%3AC-1?limit=2"
    const struct http_pair *headers; // names in lower case
    size_t headers_n;
    struct str body;
};
void http_call(const struct http_callbacks *callbacks, const struct http_call *call,
               struct arena *arena, struct http_response *out);

#endif
