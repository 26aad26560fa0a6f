/* Opening and closing. */
#include "base/base.h"
#include "api/api_internal.h"

enum { MEMORY_BYTES_MAX = 16 * 1024 * 1024 };

static enum err open_stores(struct api *api, struct fail *f)
{
    try(store_open(api->config.base, DB_READER, f, &api->http_store));
    try(store_open(api->config.base, DB_READER, f, &api->lane_store));
    return pool_open(api, f);
}

enum err api_open(const struct api_config *config, struct fail *f, struct api **out)
{
    struct api *api = calloc(1, sizeof *api); // start-up code
    ensure(api != NULL);
    api->config = *config;
    atomic_store(&api->test_now, config->test_now);
    arena_open(&api->memory, MEMORY_BYTES_MAX);
    api->last_key = last_key_open(&api->memory);
    api->rates = rates_open(&api->memory, config->rate_percent);
    api->running = running_open(&api->memory);
    api->stats = arena_new(&api->memory, struct api_route_stats, API_ROUTES_N + 1);
    ensure(pthread_mutex_init(&api->running_mutex, NULL) == 0);
    ensure(pthread_mutex_init(&api->pool_mutex, NULL) == 0);
    ensure(pthread_cond_init(&api->pool_filled, NULL) == 0);
    const enum err err = open_stores(api, f);
    if (err != ERR_OK) {
        api_close(api);
        return err;
    }
    *out = api;
    return ERR_OK;
}

void api_close(struct api *api)
{
    if (api == NULL) {
        return;
    }
    api_workers_stop(api);
    store_close(api->http_store);
    store_close(api->lane_store);
    arena_close(&api->memory);
    free(api); // made by start-up code
}

struct http_callbacks api_callbacks(struct api *api)
{
    return (struct http_callbacks){
        .self = api, .turn = api_turn, .admit = api_admit, .handle = api_handle};
}

void api_ready_set(struct api *api, bool is_ready)
{
    atomic_store(&api->is_ready, is_ready);
}
