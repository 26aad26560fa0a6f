/* problem+json (RFC 9457): the one place that makes it. */
#include "base/base.h"
#include "http/http.h"

#include "base/json.h"

enum { PROBLEM_BYTES_MAX = 256 * 1024 };

static void items_write(struct json_out *w, const struct fail *f)
{
    json_key(w, "errors");
    json_open(w, '[');
    for (size_t i = 0; i < f->items_n; i++) {
        json_open(w, '{');
        json_key(w, "pointer");
        json_put_str(w, f->items[i].pointer);
        json_key(w, "detail");
        json_put_str(w, f->items[i].detail);
        json_key(w, "code");
        json_put_str(w, str_c(err_code(f->items[i].err)));
        json_close(w, '}');
    }
    json_close(w, ']');
}

static bool has_pointers(const struct fail *f)
{
    for (size_t i = 0; f != NULL && i < f->items_n; i++) {
        if (f->items[i].pointer.n > 0 || f->items_n > 1) {
            return true;
        }
    }
    return false;
}

void http_problem(struct http_request *request, enum err err, const struct fail *f,
                  struct http_response *out)
{
    static const struct http_pair RETRY_SOON[] = {
        {{.p = "Retry-After", .n = 11}, {.p = "1", .n = 1}}};
    const int status = err_status(err);
    // What went wrong on our side is no business of the caller's: it may hold paths or SQL.
    const bool is_ours = status == 500;
    const struct str detail =
        f != NULL && f->items_n > 0 && !is_ours ? f->items[0].detail : str_c(err_title(err));
    struct buf buf;
    buf_open(&buf, request->arena, PROBLEM_BYTES_MAX);
    struct json_out w = json_out(&buf);
    json_open(&w, '{');
    json_key(&w, "type");
    json_put_str(&w, str_fmt(request->arena, "urn:loyald:error:%s", err_code(err)));
    json_key(&w, "title");
    json_put_str(&w, str_c(err_title(err)));
    json_key(&w, "status");
    json_put_int(&w, status);
    json_key(&w, "detail");
    json_put_str(&w, detail);
    json_key(&w, "code");
    json_put_str(&w, str_c(err_code(err)));
    json_key(&w, "request_id");
    json_put_str(&w, request->id);
    if (has_pointers(f) && !is_ours) {
        items_write(&w, f);
    }
    json_close(&w, '}');
    const bool may_retry = status == 503 || status == 429;
    *out = (struct http_response){
        .status = status,
        .content_type = STR("application/problem+json"),
        .body = buf_view(&buf),
        .headers = may_retry ? RETRY_SOON : NULL,
        .headers_n = may_retry ? ARRAY_N(RETRY_SOON) : 0,
    };
}
