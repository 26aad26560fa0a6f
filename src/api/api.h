/* The API: requests to core types, decisions to JSON. The only folder that knows the JSON of
 * requests.
 *
 * Owns:    reader stores, worker threads, rate limits, metrics.
 * Threads: requests arrive on the HTTP thread, which never blocks on a write: reads run on the
 *          workers, writes on the engine's lane.
 * Memory:  each request's arena; what is long-lived is made by api_open().
 * Errors:  problem+json, made by http_problem().
 * Limits:  API_WORKERS, API_QUEUE_MAX; per route in routes.def.
 */
#ifndef LOYALD_API_H
#define LOYALD_API_H

#include "engine/engine.h"
#include "engine/watch.h"
#include "http/http.h"

enum { API_WORKERS = 2, API_QUEUE_MAX = 256 };

struct api_config {
    struct store_base *base;
    struct engine *engine;
    const struct watch *watch; // NULL: the books are not verified in the background
    bool has_test_clock;
    int64_t test_now;     // where the test clock stands at opening
    int64_t rate_percent; // of the rates in api/rate.c; 0: 100
};

struct api;

/* Opens reader stores and starts the workers. */
enum err api_open(const struct api_config *config, struct fail *f, struct api **out) MUST_USE;

/* Stops the workers: after http_close(), before engine_close(), which they wait for. What the
 * engine answers after this answers itself. NULL is allowed. */
void api_workers_stop(struct api *api);

/* After engine_close(). NULL is allowed. */
void api_close(struct api *api);

/* For http_open(). */
struct http_callbacks api_callbacks(struct api *api);

/* Until it is called /readyz answers 503. */
void api_ready_set(struct api *api, bool is_ready);

#endif
