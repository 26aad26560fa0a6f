/* Counting requests, and the text that Prometheus reads. */
#include "base/base.h"
#include "api/api_internal.h"
#include "api/handlers.h"
#include "store/clock.h"
#include "store/frozen.h"

static const int64_t BUCKETS_US[BUCKETS_N] = {500,     1000,    2500,    5000,    10000,
                                              25000,   50000,   100000,  250000,  500000,
                                              1000000, 2500000, 5000000, 10000000};
static const char *const BUCKETS_TEXT[BUCKETS_N] = {"0.0005", "0.001", "0.0025", "0.005", "0.01",
                                                    "0.025",  "0.05",  "0.1",    "0.25",  "0.5",
                                                    "1",      "2.5",   "5",      "10"};

void metrics_note(struct api_call *call)
{
    const size_t index = call->route == NULL ? API_ROUTES_N : (size_t)(call->route - API_ROUTES);
    struct api_route_stats *stats = &call->api->stats[index];
    const int64_t us = call_us() - call->started_us;
    size_t bucket = 0;
    while (bucket < BUCKETS_N && us > BUCKETS_US[bucket]) {
        bucket++;
    }
    atomic_fetch_add(&stats->statuses[call->response.status / 100 % 6], 1);
    atomic_fetch_add(&stats->us_sum, us);
    atomic_fetch_add(&stats->buckets[bucket], 1);
}

static const char *route_text(size_t i)
{
    return i < API_ROUTES_N ? API_ROUTES[i].pattern : "other";
}

static const char *method_text(size_t i)
{
    return i < API_ROUTES_N ? http_method_text(API_ROUTES[i].method) : "other";
}

static void requests_write(struct buf *out, const struct api *api)
{
    buf_str(out, STR("# HELP loyald_http_requests_total Requests answered, by route and hundreds "
                     "of the status.\n"
                     "# TYPE loyald_http_requests_total counter\n"));
    for (size_t i = 0; i <= API_ROUTES_N; i++) {
        for (size_t s = 1; s < 6; s++) {
            const long long n = atomic_load(&api->stats[i].statuses[s]);
            if (n > 0) {
                buf_printf(out,
                           "loyald_http_requests_total{method=\"%s\",route=\"%s\",status=\"%zuxx\"}"
                           " %lld\n",
                           method_text(i), route_text(i), s, n);
            }
        }
    }
}

static void latencies_write(struct buf *out, const struct api *api)
{
    buf_str(out,
            STR("# HELP loyald_http_request_seconds Time from the request's head to its answer.\n"
                "# TYPE loyald_http_request_seconds histogram\n"));
    for (size_t i = 0; i <= API_ROUTES_N; i++) {
        const struct api_route_stats *stats = &api->stats[i];
        long long n = 0;
        for (size_t b = 0; b <= BUCKETS_N; b++) {
            n += atomic_load(&stats->buckets[b]);
        }
        long long below = 0;
        for (size_t b = 0; n > 0 && b < BUCKETS_N; b++) {
            below += atomic_load(&stats->buckets[b]);
            buf_printf(
                out,
                "loyald_http_request_seconds_bucket{method=\"%s\",route=\"%s\",le=\"%s\"} %lld\n",
                method_text(i), route_text(i), BUCKETS_TEXT[b], below);
        }
        if (n > 0) {
            const long long us = atomic_load(&stats->us_sum);
            buf_printf(
                out,
                "loyald_http_request_seconds_bucket{method=\"%s\",route=\"%s\",le=\"+Inf\"} %lld\n",
                method_text(i), route_text(i), n);
            buf_printf(out,
                       "loyald_http_request_seconds_sum{method=\"%s\",route=\"%s\"} %lld.%06lld\n",
                       method_text(i), route_text(i), us / 1000000, us % 1000000);
            buf_printf(out, "loyald_http_request_seconds_count{method=\"%s\",route=\"%s\"} %lld\n",
                       method_text(i), route_text(i), n);
        }
    }
}

static void number_write(struct buf *out, const char *name, const char *type, const char *help,
                         int64_t value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRId64 "\n", name, help, name, type, name,
               value);
}

static void watch_write(struct buf *out, const struct watch *watch)
{
    struct watch_stats stats;
    if (watch == NULL) {
        return;
    }
    watch_stats_read(watch, &stats);
    number_write(out, "loyald_verify_passes_total", "counter",
                 "Passes of the self-check finished since the start.", stats.passes);
    number_write(out, "loyald_verify_violations_total", "counter",
                 "Violations that the self-check found since the start.", stats.violations);
    number_write(out, "loyald_verify_members", "gauge", "Members looked at in the running pass.",
                 stats.members);
    number_write(out, "loyald_verify_last_milliseconds", "gauge", "How long the last pass took.",
                 stats.last_ms);
}

static enum err arming_write(struct api_call *call, struct store *store, struct buf *out)
{
    struct arming arming;
    try(store_arming_read(store, call->arena, &arming));
    number_write(out, "loyald_arming_version", "gauge", "Version whose clock members are given.",
                 arming.version);
    number_write(out, "loyald_arming_members", "gauge", "Members who were looked at for it.",
                 arming.members);
    number_write(out, "loyald_arming_running", "gauge", "1 while there are more.",
                 arming.version != 0 && arming.finished_at == AT_NEVER);
    return ERR_OK;
}

enum err api_metrics_get(struct api_call *call, struct store *store, struct json_out *w)
{
    struct engine_stats stats;
    struct buf *out = w->buf;
    int64_t parked = 0;
    int64_t frozen = 0;
    engine_stats_read(call->api->config.engine, &stats);
    try(store_timers_parked(store, call->arena, &parked));
    try(store_frozen_count(store, call->arena, &frozen));
    requests_write(out, call->api);
    latencies_write(out, call->api);
    number_write(out, "loyald_batches_total", "counter", "Batches committed or given up.",
                 stats.batches);
    number_write(out, "loyald_events_total", "counter", "Submissions taken by the lane.",
                 stats.submissions);
    number_write(out, "loyald_retries_total", "counter", "Batches run again.", stats.retries);
    number_write(out, "loyald_parked_total", "counter", "Submissions that failed by themselves.",
                 stats.parked);
    number_write(out, "loyald_waiting", "gauge", "Submissions in the queue.", stats.waiting);
    number_write(out, "loyald_pages_written_total", "counter", "Dirty pages written (SQLite).",
                 stats.pages_written);
    number_write(out, "loyald_wal_pages", "gauge", "Pages in the write-ahead log (SQLite).",
                 stats.wal_pages);
    number_write(out, "loyald_batch_longest_microseconds", "gauge",
                 "The longest batch since the start.", stats.batch_us_max);
    number_write(out, "loyald_timers_parked", "gauge",
                 "Timers that were given up after five attempts.", parked);
    number_write(out, "loyald_members_frozen", "gauge",
                 "Members whose books are damaged and may not be written.", frozen);
    try(arming_write(call, store, out));
    watch_write(out, call->api->config.watch);
    call->content_type = STR("text/plain; version=0.0.4; charset=utf-8");
    return ERR_OK;
}
