/* POST /v1/events/batch: an array, or a line each. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/answer_write.h"
#include "api/event_read.h"
#include "api/handlers.h"

/* One event of a batch: what it asks, or why it could not be read. */
struct item {
    struct submission *submission; // NULL: could not be read
    enum err err;
    struct fail *fail; // NULL: none
    int64_t line;      // of NDJSON, when the line is no JSON; 0: none
};

struct batch_work {
    struct item *items;
    size_t n;
    struct submission *list;
    size_t list_n;
    struct fail *spare; // not used yet
    bool is_dry;
    bool wants_explain;
};

/* ---- writing ---- */

static void problem_write(struct json_out *w, struct api_call *call, const struct item *item,
                          enum err err, const struct fail *f)
{
    struct http_response problem;
    http_problem(call->request, err, f, &problem);
    json_key(w, "status");
    json_put_int(w, problem.status);
    json_key(w, "replayed");
    json_put_bool(w, false);
    if (item->line > 0) {
        json_key(w, "line");
        json_put_int(w, item->line);
    }
    json_key(w, "body");
    json_put_raw(w, problem.body);
}

static enum err item_write(struct json_out *w, struct api_call *call, struct store *store,
                           const struct batch_work *work, const struct item *item)
{
    const struct submission *s = item->submission;
    json_open(w, '{');
    if (s == NULL) {
        problem_write(w, call, item, item->err, item->fail);
    } else if (s->err != ERR_OK) {
        problem_write(w, call, item, s->err, &s->fail);
    } else {
        json_key(w, "status");
        json_put_int(w, s->is_replay || work->is_dry ? 200 : 201);
        json_key(w, "replayed");
        json_put_bool(w, s->is_replay);
        json_key(w, "body");
        try(answer_write(w, store, s, work->is_dry));
    }
    json_close(w, '}');
    return ERR_OK;
}

/* The world's fault, which is the whole request's: the caller sends all again. */
static enum err world_fault(const struct batch_work *work)
{
    for (size_t i = 0; i < work->list_n; i++) {
        if (work->list[i].err != ERR_OK && err_status(work->list[i].err) > 500) {
            return work->list[i].err;
        }
    }
    return ERR_OK;
}

static void answer(struct api_task *task, struct store *store)
{
    struct api_call *call = task->call;
    const struct batch_work *work = call->work;
    enum err err = world_fault(work);
    json_open(&call->w, '{');
    json_key(&call->w, "results");
    json_open(&call->w, '[');
    for (size_t i = 0; i < work->n && err == ERR_OK; i++) {
        err = item_write(&call->w, call, store, work, &work->items[i]);
    }
    json_close(&call->w, ']');
    json_close(&call->w, '}');
    if (err != ERR_OK) {
        call_refuse(call, err, NULL);
        return;
    }
    call_answer(call);
}

/* On the lane, which has better things to do than to write thousands of answers. */
static void decided(struct ticket *ticket)
{
    struct api_call *call = ticket->owner;
    if (ticket->err != ERR_OK) {
        call_refuse(call, ticket->err, NULL);
        return;
    }
    call->task = (struct api_task){.run = answer, .call = call};
    if (pool_add(call->api, &call->task) != ERR_OK) {
        answer(&call->task, call->api->lane_store);
    }
}

/* ---- reading ---- */

/* Most events have no fault, so one place for faults serves until one is found. */
static struct fail *spare_fail(struct api_call *call, struct batch_work *work)
{
    if (work->spare == NULL) {
        work->spare = arena_new(call->arena, struct fail, 1);
        work->spare->arena = call->arena;
    }
    return work->spare;
}

static void item_fails(struct batch_work *work, struct item *item)
{
    item->fail = work->spare;
    work->spare = NULL;
}

static void item_read(struct api_call *call, struct batch_work *work, const struct json *json,
                      struct item *item)
{
    struct submission *s = &work->list[work->list_n];
    struct fail *f = spare_fail(call, work);
    item->err = event_read(call->arena, store_base_vault(call->api->config.base), json, NULL, f, s);
    if (item->err != ERR_OK) {
        item_fails(work, item);
        return;
    }
    s->credential = call->credential.id;
    s->may_import = scope_is_in(call->credential.scopes, SCOPE_IMPORT);
    s->wants_explain = work->wants_explain;
    item->submission = s;
    work->list_n++;
}

static enum err too_many(struct api_call *call)
{
    return fail(&call->fail, ERR_INVALID, "", "A batch has at most %d events: send more of them.",
                SUBMISSIONS_MAX);
}

static void work_open(struct api_call *call, struct batch_work *work, size_t n)
{
    work->items = arena_new(call->arena, struct item, n);
    work->list = arena_new(call->arena, struct submission, n);
}

static enum err read_array_body(struct api_call *call, struct batch_work *work)
{
    const struct json *array = NULL;
    try(json_read(call->arena, call->request->body, &call->fail, &array));
    if (!json_is_array(array)) {
        return fail(&call->fail, ERR_INVALID, "",
                    "A batch is an array of events, or one event a line as application/x-ndjson.");
    }
    if (json_array_size(array) > SUBMISSIONS_MAX) {
        return too_many(call);
    }
    work_open(call, work, json_array_size(array));
    for (work->n = 0; work->n < json_array_size(array); work->n++) {
        item_read(call, work, json_array_get(array, work->n), &work->items[work->n]);
    }
    return ERR_OK;
}

static size_t count_lines(struct str body)
{
    size_t n = 1;
    for (size_t at = str_find(body, '\n', 0); at < body.n && n <= SUBMISSIONS_MAX * 2;
         at = str_find(body, '\n', at + 1)) {
        n++;
    }
    return n;
}

static enum err read_lines_body(struct api_call *call, struct batch_work *work)
{
    const size_t room = int64_min((int64_t)count_lines(call->request->body), SUBMISSIONS_MAX);
    struct str rest = call->request->body;
    struct str line;
    bool is_done = false;
    work_open(call, work, room);
    for (int64_t number = 1; str_split(&rest, '\n', &line, &is_done); number++) {
        line = str_trim(line);
        if (line.n == 0) {
            continue; // the end, or a blank line between
        }
        if (work->n == SUBMISSIONS_MAX) {
            return too_many(call);
        }
        struct item *item = &work->items[work->n++];
        const struct json *json = NULL;
        item->err = json_read(call->arena, line, spare_fail(call, work), &json);
        if (item->err != ERR_OK) {
            item_fails(work, item);
            item->line = number;
            continue;
        }
        item_read(call, work, json, item);
    }
    return ERR_OK;
}

static enum err read_batch(struct api_call *call, struct batch_work *work)
{
    const struct str type = http_header(call->request, "content-type");
    if (call->request->body.n == 0) {
        return fail(&call->fail, ERR_NOT_JSON, "", "The body is empty: send an array of events.");
    }
    return type.n >= 20 && strncasecmp(type.p, "application/x-ndjson", 20) == 0
               ? read_lines_body(call, work)
               : read_array_body(call, work);
}

/* Reading thousands of events takes a while: the HTTP thread goes on meanwhile. */
static void read_and_submit(struct api_task *task, struct store *reader)
{
    struct api_call *call = task->call;
    struct batch_work *work = call->work;
    enum err err = read_batch(call, work);
    if (err == ERR_OK && work->is_dry && work->list_n > 0) {
        err = call_dry_run(call, reader, work->list, work->list_n);
    }
    if (err != ERR_OK) {
        call_refuse(call, err, NULL);
        return;
    }
    if (work->is_dry || work->list_n == 0) {
        answer(task, reader);
        return;
    }
    call->ticket =
        (struct ticket){.list = work->list, .n = work->list_n, .done = decided, .owner = call};
    call_submit(call);
}

void api_events_batch_post(struct api_call *call)
{
    struct batch_work *work = arena_new(call->arena, struct batch_work, 1);
    enum err err = call_flag(call, "dry_run", &work->is_dry);
    if (err == ERR_OK) {
        err = call_flag(call, "explain", &work->wants_explain);
    }
    if (err != ERR_OK) {
        call_refuse(call, err, NULL);
        return;
    }
    call->work = work;
    call_work(call, read_and_submit);
}
