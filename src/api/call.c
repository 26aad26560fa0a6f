/* Answering a call, and what handlers share. */
#include "base/base.h"
#include "api/api_internal.h"

#include "base/log.h"

int64_t call_us(void)
{
    return clock_monotonic_us();
}

int64_t api_now(const struct api *api)
{
    return api->config.has_test_clock ? (int64_t)atomic_load(&((struct api *)api)->test_now)
                                      : clock_now_ms();
}

void call_out_reset(struct api_call *call)
{
    buf_open(&call->out, call->arena, ANSWER_BYTES_MAX);
    call->w = json_out(&call->out);
    call->headers_n = 0;
    call->status = 200;
    call->content_type = STR("application/json");
    call->fail = (struct fail){.arena = call->arena};
}

void call_header(struct api_call *call, struct str name, struct str value)
{
    ensure(call->headers_n < CALL_HEADERS_MAX);
    call->headers[call->headers_n++] = (struct http_pair){.name = name, .value = value};
}

static void send_now(struct api_call *call)
{
    metrics_note(call);
    http_reply(call->request, &call->response);
}

static void settled(struct ticket *ticket)
{
    send_now(ticket->owner);
}

/* The worker goes on with other requests while the disk is waited for. */
void call_send(struct api_call *call)
{
    if (!call->is_read) {
        send_now(call);
        return;
    }
    call->ticket = (struct ticket){.done = settled, .owner = call};
    engine_answer(call->api->config.engine, &call->ticket);
}

void call_respond(struct api_call *call)
{
    ensure(!call->out.is_full); // pages, batches and documents are all bounded below it
    call->response = (struct http_response){
        .status = call->status,
        .content_type = call->out.n > 0 ? call->content_type : (struct str){0},
        .body = buf_view(&call->out),
        .headers = call->headers,
        .headers_n = call->headers_n,
    };
}

void call_answer(struct api_call *call)
{
    call_respond(call);
    keep_end(call);
}

/* The headers of a problem and those of the call together. */
void call_merge_headers(struct api_call *call)
{
    for (size_t i = 0; i < call->response.headers_n && call->headers_n < CALL_HEADERS_MAX; i++) {
        bool is_there = false;
        for (size_t k = 0; k < call->headers_n; k++) {
            is_there |= str_eq(call->headers[k].name, call->response.headers[i].name);
        }
        if (!is_there) {
            call->headers[call->headers_n++] = call->response.headers[i];
        }
    }
    call->response.headers = call->headers;
    call->response.headers_n = call->headers_n;
}

void call_refuse(struct api_call *call, enum err err, const struct fail *f)
{
    http_problem(call->request, err, f != NULL ? f : &call->fail, &call->response);
    call_merge_headers(call);
    if (call->response.status >= 500) { // the route's pattern, never the path: paths name people
        log_line(call->response.status == 500 ? LOG_ERROR : LOG_WARN, "api",
                 "request=%.*s route=\"%s\" error=%s", STR_ARG(call->request->id),
                 call->route->pattern, err_code(err));
    }
    keep_end(call);
}

enum err call_flag(struct api_call *call, const char *name, bool *out)
{
    struct str value;
    *out = false;
    if (!http_query(call->request, name, &value)) {
        return ERR_OK;
    }
    *out = str_eq(value, STR("true"));
    if (!*out && !str_eq(value, STR("false"))) {
        return fail(&call->fail, ERR_INVALID, "", "The parameter \"%s\" is true or false.", name);
    }
    return ERR_OK;
}

enum err call_limit(struct api_call *call, int64_t *limit)
{
    struct str text;
    *limit = LIST_LIMIT_DEFAULT;
    if (http_query(call->request, "limit", &text) &&
        (!str_int64(text, limit) || *limit < 1 || *limit > LIST_LIMIT_MAX)) {
        return fail(&call->fail, ERR_INVALID, "",
                    "The parameter \"limit\" is a whole number from 1 to %d.", LIST_LIMIT_MAX);
    }
    return ERR_OK;
}

enum err call_page(struct api_call *call, const char *prefix, int64_t *before, int64_t *limit)
{
    struct str text;
    *before = INT64_MAX;
    try(call_limit(call, limit));
    if (http_query(call->request, "cursor", &text) && !id_read(prefix, text, before)) {
        return fail(&call->fail, ERR_INVALID, "",
                    "The parameter \"cursor\" is the next_cursor of an answer to the same list.");
    }
    return ERR_OK;
}

void call_page_end(struct json_out *w, const char *prefix, int64_t next)
{
    json_key(w, "next_cursor");
    json_put_id(w, prefix, next);
}

struct str call_actor(struct api_call *call)
{
    char text[ID_TEXT_BYTES + 1];
    id_write("key_", call->credential.id, text);
    return str_dup(call->arena, str_c(text));
}

void part_write(struct json_out *w, const struct json *json, const char *name)
{
    const struct json *value = json_at(json, name);
    struct buf text;
    buf_open(&text, w->buf->arena, PART_BYTES_MAX);
    json_key(w, name);
    if (value == NULL) {
        json_put_null(w);
        return;
    }
    json_write_canonical(&text, value);
    json_put_raw(w, text.is_full ? STR("null") : buf_view(&text));
}
