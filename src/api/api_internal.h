/* What the files of api/ share: routes, calls, the workers. Private to api/.
 *
 * Owns:    nothing.
 * Threads: a call is with one thread at a time: HTTP thread -> worker or lane -> whoever answers.
 * Memory:  a call lives in its request's arena.
 * Errors:  a handler returns enum err and says why in call->fail.
 * Limits:  below.
 */
#ifndef LOYALD_API_INTERNAL_H
#define LOYALD_API_INTERNAL_H

#include "api/api.h"

#include <pthread.h>
#include <stdatomic.h>

#include "api/read.h"
#include "store/credentials.h"

enum {
    ROUTE_PARAMS_MAX = 2,
    CALL_HEADERS_MAX = 8,
    BODY_NONE =
        1024, // room for an empty object, which many callers send where nothing is asked for
    BODY_JSON = 1024 * 1024,
    BODY_BATCH = 16 * 1024 * 1024,
    BODY_CODES = 64 * 1024 * 1024,
    ANSWER_BYTES_MAX = 256 * 1024 * 1024,
    PART_BYTES_MAX = 256 * 1024, // of a document, as it is shown
    LIST_LIMIT_DEFAULT = 100,
    LIST_LIMIT_MAX = 1000,
    BUCKETS_N = 14, // of the latency histogram
};

struct api_call;

/* How a route runs. */
enum route_kind {
    ROUTE_OWN,   // on the HTTP thread; the handler answers by itself, then or later
    ROUTE_READ,  // on a worker, in a read snapshot; writes JSON, answered 200
    ROUTE_WRITE, // on the lane, in a transaction that is committed on ERR_OK; writes JSON
};

enum rate_class { RATE_OPEN, RATE_EVENTS, RATE_READS, RATE_WRITES, RATE_HEAVY, RATE_CLASS_N };

enum media { MEDIA_NONE, MEDIA_JSON, MEDIA_EVENT, MEDIA_BATCH, MEDIA_CODES };

struct api_route {
    enum http_method method;
    const char *pattern; // "/v1/members/{id}/lots"
    enum scope scope;    // SCOPES_N: open
    size_t body_bytes_max;
    enum media media;
    enum rate_class rate;
    const char *query; // "limit cursor": the parameters that it takes, with a blank between
    enum route_kind kind;
    void (*own)(struct api_call *call);
    enum err (*read)(struct api_call *call, struct store *store,
                     struct json_out *w); // of ROUTE_WRITE: its dry run, NULL: it has none
    enum err (*write)(struct api_call *call, struct store *store, struct arena *arena,
                      struct json_out *w);
};
extern const struct api_route API_ROUTES[];
extern const size_t API_ROUTES_N;

/* A piece of work for the workers. */
struct api_task {
    void (*run)(struct api_task *task, struct store *reader);
    struct api_call *call;
    struct api_task *next; // the pool's
};

/* The idempotency of one call. */
struct api_keep {
    bool is_on;
    bool is_stored; // in the transaction of the write itself
    struct idempotency record;
};

struct api_call {
    struct api *api;
    struct http_request *request;
    struct arena *arena; // the request's
    const struct api_route *route;
    struct str params[ROUTE_PARAMS_MAX];
    struct api_key credential; // id 0: the route is open
    struct fail fail;
    const struct json *body; // of MEDIA_JSON and MEDIA_EVENT; an empty body is NULL
    // The answer.
    int status; // 200 unless the handler says otherwise
    struct buf out;
    struct json_out w;
    struct str content_type;
    struct http_pair headers[CALL_HEADERS_MAX];
    size_t headers_n;
    struct http_response response;
    // Of ROUTE_READ and ROUTE_WRITE.
    int64_t now;
    struct instance instance;
    int64_t member; // whom the call turned out to be about: the stored answer is sealed under their
                    // key; 0: nobody
    struct api_keep keep;
    int64_t started_us;
    struct ticket ticket;
    struct api_task task;
    bool is_read; // on a worker: what the answer shows may not be on disk yet
    void *work;   // the handler's
};

/* Counters of one route. */
struct api_route_stats {
    atomic_llong statuses[6]; // by hundreds
    atomic_llong us_sum;
    atomic_llong buckets[BUCKETS_N + 1];
};

struct last_key;    // authorize.c
struct api_rates;   // rate.c
struct api_running; // keep.c

struct api {
    struct api_config config;
    struct arena memory;           // long-lived, written at opening only
    struct store *http_store;      // the HTTP thread's reader
    struct store *lane_store;      // the reader of done(), which one thread at a time calls
    struct last_key *last_key;     // HTTP thread
    struct api_rates *rates;       // HTTP thread
    struct api_route_stats *stats; // by route, and one more for what has none
    atomic_bool is_ready;
    atomic_llong test_now; // where the test clock stands
    // Idempotent requests that are running.
    pthread_mutex_t running_mutex;
    struct api_running *running;
    // The workers.
    pthread_t workers[API_WORKERS];
    struct store *worker_stores[API_WORKERS];
    size_t workers_n;
    pthread_mutex_t pool_mutex; // guards what follows
    pthread_cond_t pool_filled;
    struct api_task *pool_first;
    struct api_task *pool_last;
    size_t pool_n;
    bool pool_is_closed;
};

/* ---- call.c: answering ---- */

/* Makes call->response of what the handler wrote: call->out with call->status. */
void call_respond(struct api_call *call);

/* Sends it. */
void call_answer(struct api_call *call);

/* Sends a problem; `f` NULL: call->fail. */
void call_refuse(struct api_call *call, enum err err, const struct fail *f);

/* Gives call->response the headers of the problem and those of the call together. */
void call_merge_headers(struct api_call *call);

/* Adds a header to the answer. */
void call_header(struct api_call *call, struct str name, struct str value);

/* A part of a document as it is there, or null: texts, windows, lists. */
void part_write(struct json_out *w, const struct json *json, const char *name);

/* Empties what was written, to be written again. */
void call_out_reset(struct api_call *call);

/* Sends call->response as it is, past idempotency. */
void call_send(struct api_call *call);

/* True when the query has the flag with the value "true"; anything but true and false is a fault.
 */
enum err call_flag(struct api_call *call, const char *name, bool *out) MUST_USE;

/* ?limit= */
enum err call_limit(struct api_call *call, int64_t *limit) MUST_USE;

/* ?limit= and ?cursor= (an id of that prefix; without one INT64_MAX). */
enum err call_page(struct api_call *call, const char *prefix, int64_t *before,
                   int64_t *limit) MUST_USE;

/* Ends a list: `"next_cursor": …`; 0: there is no more. */
void call_page_end(struct json_out *w, const char *prefix, int64_t next);

/* "key_…" of the credential. */
struct str call_actor(struct api_call *call);

/* A clock that only runs, for limits and metrics. */
int64_t call_us(void);

/* The instance's clock, for keys and stored answers: no database is asked. */
int64_t api_now(const struct api *api);

/* ---- router.c ---- */

bool api_admit(void *self, struct http_request *request, struct http_admission *admission,
               struct http_response *refusal);
void api_handle(void *self, struct http_request *request);

/* Begins a read snapshot: instance, now and programs. db_rollback() ends it, also after an error.
 */
enum err call_snapshot(struct api_call *call, struct store *store) MUST_USE;

/* ---- authorize.c ---- */

struct last_key *last_key_open(struct arena *arena);

/* The HTTP thread begins to work off requests. */
void api_turn(void *self);

/* Finds the request's key and asks it for the route's scope. */
enum err call_authorize(struct api_call *call) MUST_USE;

/* ---- pool.c ---- */

enum err pool_open(struct api *api, struct fail *f) MUST_USE;

/* Hands call->ticket to the engine; on an error it was not taken. */
enum err ticket_submit(struct api_call *call) MUST_USE;

/* ERR_BUSY when the queue is full. */
enum err pool_add(struct api *api, struct api_task *task) MUST_USE;

/* Runs fn on a worker, or refuses the call. */
void call_work(struct api_call *call, void (*run)(struct api_task *task, struct store *reader));

/* Hands the call's ticket to the engine, or refuses the call. */
void call_submit(struct api_call *call);

/* Dry-runs a list; members who are not enrolled get no id. */
enum err call_dry_run(struct api_call *call, struct store *reader, struct submission *list,
                      size_t n) MUST_USE;

/* ---- rate.c ---- */

struct api_rates *rates_open(struct arena *arena, int64_t percent);

/* Takes one token; ERR_RATE_LIMIT with the headers on the call. */
enum err rate_take(struct api_call *call) MUST_USE;

/* ---- keep.c: idempotency ---- */

struct api_running *running_open(struct arena *arena);

/* Before the handler: true when the call was answered here (a replay, a conflict). */
bool keep_begin(struct api_call *call);

/* In the transaction of a write: stores what call->out holds. */
enum err keep_store(struct api_call *call, struct store *store, struct arena *arena) MUST_USE;

/* After the handler, with call->response made: stores it where that is due, then sends. */
void keep_end(struct api_call *call);

/* ---- metrics.c ---- */

void metrics_note(struct api_call *call);

#endif
