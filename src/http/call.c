/* A request without a socket, for tests of handlers. */
#include "base/base.h"
#include "http/http_internal.h"

void http_caller_wake(struct http_caller *caller)
{
    ensure(pthread_mutex_lock(&caller->lock) == 0);
    caller->is_answered = true;
    (void)pthread_cond_signal(&caller->answered); // cannot fail
    ensure(pthread_mutex_unlock(&caller->lock) == 0);
}

static void caller_wait(struct http_caller *caller)
{
    ensure(pthread_mutex_lock(&caller->lock) == 0);
    while (!caller->is_answered) {
        ensure(pthread_cond_wait(&caller->answered, &caller->lock) == 0);
    }
    ensure(pthread_mutex_unlock(&caller->lock) == 0);
}

/* The head as the server would read it, and the body as far as it is admitted. */
static enum err call_read(const struct http_callbacks *callbacks, const struct http_call *call,
                          struct http_slot *slot, bool *is_refused, struct fail *f)
{
    struct http_request *request = &slot->request;
    struct http_admission admission = {0};
    request->headers = call->headers;
    request->headers_n = call->headers_n;
    request->body_bytes = (int64_t)call->body.n;
    try(http_headers_check(request, f));
    try(http_target_read(request, str_c(call->target), f));
    if (!http_method_read(str_c(call->method), &request->method)) {
        return fail(f, ERR_METHOD, "", "This method is not known here.");
    }
    http_turn(callbacks);
    *is_refused = !callbacks->admit(callbacks->self, request, &admission, &slot->response);
    if (*is_refused) {
        return ERR_OK;
    }
    if (call->body.n > admission.body_bytes_max) {
        return fail(f, ERR_TOO_LARGE, "", "At most %zu bytes are read here.",
                    admission.body_bytes_max);
    }
    if (admission.consume == NULL) {
        request->body = call->body;
    } else if (call->body.n > 0) {
        request->body_is_cut = !admission.consume(request, call->body);
    }
    return ERR_OK;
}

void http_call(const struct http_callbacks *callbacks, const struct http_call *call,
               struct arena *arena, struct http_response *out)
{
    struct http_caller caller = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                 .answered = PTHREAD_COND_INITIALIZER};
    struct http_slot slot = {.caller = &caller};
    slot.request = (struct http_request){
        .arena = arena, .id = STR("req_0000000000000"), .address = STR("127.0.0.1")};
    struct fail f = {.arena = arena};
    bool is_refused = false;
    const enum err err = call_read(callbacks, call, &slot, &is_refused, &f);
    if (err != ERR_OK) {
        http_problem(&slot.request, err, &f, &slot.response);
    } else if (!is_refused) {
        callbacks->handle(callbacks->self, &slot.request);
        caller_wait(&caller);
    }
    *out = slot.response;
}
