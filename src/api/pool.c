/* The workers: reads, checks and dry runs, so that the HTTP thread never waits for a database's
 * answer. */
#include "base/base.h"
#include "api/api_internal.h"

struct worker {
    struct api *api;
    struct store *store;
};

static struct api_task *take(struct api *api)
{
    ensure(pthread_mutex_lock(&api->pool_mutex) == 0);
    while (api->pool_first == NULL && !api->pool_is_closed) {
        ensure(pthread_cond_wait(&api->pool_filled, &api->pool_mutex) == 0);
    }
    struct api_task *task = api->pool_first;
    if (task != NULL) {
        api->pool_first = task->next;
        api->pool_last = task->next == NULL ? NULL : api->pool_last;
        api->pool_n--;
    }
    ensure(pthread_mutex_unlock(&api->pool_mutex) == 0);
    return task;
}

static void *worker_main(void *self)
{
    struct worker *worker = self;
    (void)pthread_setname_np(pthread_self(), "worker"); // for top and perf
    for (struct api_task *task = take(worker->api); task != NULL; task = take(worker->api)) {
        task->call->is_read = true;
        task->run(task, worker->store);
    }
    return NULL;
}

enum err pool_add(struct api *api, struct api_task *task)
{
    enum err err = ERR_OK;
    task->next = NULL;
    ensure(pthread_mutex_lock(&api->pool_mutex) == 0);
    if (api->pool_is_closed) {
        err = ERR_STOPPING;
    } else if (api->pool_n == API_QUEUE_MAX) {
        err = ERR_BUSY;
    } else {
        if (api->pool_last == NULL) {
            api->pool_first = task;
        } else {
            api->pool_last->next = task;
        }
        api->pool_last = task;
        api->pool_n++;
        ensure(pthread_cond_signal(&api->pool_filled) == 0);
    }
    ensure(pthread_mutex_unlock(&api->pool_mutex) == 0);
    return err;
}

void call_work(struct api_call *call, void (*run)(struct api_task *task, struct store *reader))
{
    call->task = (struct api_task){.run = run, .call = call};
    const enum err err = pool_add(call->api, &call->task);
    if (err != ERR_OK) {
        call_refuse(call, err, NULL);
    }
}

enum err ticket_submit(struct api_call *call)
{
    const bool is_read = call->is_read;
    call->is_read = false; // the engine answers once all that was read before is on disk
    const enum err err = engine_submit(call->api->config.engine, &call->ticket);
    if (err != ERR_OK) {
        call->is_read = is_read; // the ticket was not taken: the call is ours still
    }
    return err;
}

void call_submit(struct api_call *call)
{
    const enum err err = ticket_submit(call);
    if (err != ERR_OK) {
        call_refuse(call, err, NULL);
    }
}

enum err pool_open(struct api *api, struct fail *f)
{
    for (size_t i = 0; i < API_WORKERS; i++) {
        struct worker *worker = arena_new(&api->memory, struct worker, 1);
        try(store_open(api->config.base, DB_READER, f, &api->worker_stores[i]));
        *worker = (struct worker){.api = api, .store = api->worker_stores[i]};
        ensure(pthread_create(&api->workers[i], NULL, worker_main, worker) == 0);
        api->workers_n++;
    }
    return ERR_OK;
}

void api_workers_stop(struct api *api)
{
    if (api == NULL) {
        return;
    }
    ensure(pthread_mutex_lock(&api->pool_mutex) == 0);
    api->pool_is_closed = true;
    ensure(pthread_cond_broadcast(&api->pool_filled) == 0);
    ensure(pthread_mutex_unlock(&api->pool_mutex) == 0);
    for (size_t i = 0; i < api->workers_n; i++) {
        ensure(pthread_join(api->workers[i], NULL) == 0);
    }
    api->workers_n = 0;
    for (size_t i = 0; i < API_WORKERS; i++) {
        store_close(api->worker_stores[i]);
        api->worker_stores[i] = NULL;
    }
}
