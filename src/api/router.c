/* A request's way to its handler: route, key, scope, content type, rate; then the thread it runs
 * on. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/member.h"

enum {
    READ_TRIES = 3,
    ALLOW_BYTES_MAX = 128,
    CLOCK_WORK_MS =
        3600 * 1000, // moving the test clock over years runs every timer before it is answered
};

/* ---- matching ---- */

/* True when the pattern's parts are the request's; "{…}" takes any part that is not empty. */
static bool matches(const struct api_route *route, const struct http_request *request,
                    struct str params[ROUTE_PARAMS_MAX])
{
    struct str rest = str_c(route->pattern + 1);
    struct str part;
    bool is_done = false;
    size_t at = 0;
    size_t params_n = 0;
    while (str_split(&rest, '/', &part, &is_done)) {
        if (at == request->segments_n) {
            return false;
        }
        const struct str given = request->segments[at++];
        if (part.n > 0 && part.p[0] == '{') {
            if (given.n == 0) {
                return false;
            }
            ensure(params_n < ROUTE_PARAMS_MAX);
            params[params_n++] = given;
        } else if (!str_eq(part, given)) {
            return false;
        }
    }
    return at == request->segments_n;
}

static enum err refuse_method(struct api_call *call, const bool *allowed)
{
    struct buf buf;
    buf_open(&buf, call->arena, ALLOW_BYTES_MAX);
    for (int m = 0; m < HTTP_METHOD_N; m++) {
        if (allowed[m]) {
            buf_printf(&buf, "%s%s", buf.n > 0 ? ", " : "", http_method_text((enum http_method)m));
        }
    }
    call_header(call, STR("Allow"), buf_view(&buf));
    return fail(&call->fail, ERR_METHOD, "", "This address takes %.*s.", STR_ARG(buf_view(&buf)));
}

/* HEAD is GET without the body. */
static enum err find_route(struct api_call *call)
{
    const enum http_method method =
        call->request->method == HTTP_HEAD ? HTTP_GET : call->request->method;
    bool allowed[HTTP_METHOD_N] = {false};
    bool is_known = false;
    for (size_t i = 0; i < API_ROUTES_N; i++) {
        struct str params[ROUTE_PARAMS_MAX] = {{0}};
        const struct api_route *route = &API_ROUTES[i];
        if (!matches(route, call->request, params)) {
            continue;
        }
        if (route->method == method) {
            call->route = route;
            memcpy(call->params, params, sizeof params);
            return ERR_OK;
        }
        is_known = true;
        allowed[route->method] = true;
        allowed[HTTP_HEAD] |= route->method == HTTP_GET;
    }
    return is_known ? refuse_method(call, allowed)
                    : fail(&call->fail, ERR_NOT_FOUND, "", "There is nothing at this address.");
}

/* ---- what is sent ---- */

static bool is_word(struct str s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static bool media_is(struct str type, const char *name)
{
    const struct str bare = str_trim((struct str){.p = type.p, .n = str_find(type, ';', 0)});
    return is_word(bare, name);
}

/* A text in quotes or a token. */
static struct str parameter_value(struct str value)
{
    const bool is_quoted = value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"';
    return is_quoted ? (struct str){.p = value.p + 1, .n = value.n - 2} : value;
}

/* Bodies are read as UTF-8, so one that says that it is something else would be misread. */
static bool charset_is_utf8(struct str type)
{
    struct str rest = type;
    struct str part;
    bool is_done = false;
    for (size_t i = 0; str_split(&rest, ';', &part, &is_done); i++) {
        const size_t equals = str_find(part, '=', 0);
        const struct str name = str_trim((struct str){.p = part.p, .n = equals});
        if (i == 0 || equals == part.n || !is_word(name, "charset")) {
            continue;
        }
        const struct str value = parameter_value(str_trim(str_after(part, equals + 1)));
        if (!is_word(value, "utf-8") && !is_word(value, "utf8")) {
            return false;
        }
    }
    return true;
}

static bool media_is_accepted(enum media media, struct str type)
{
    switch (media) {
    case MEDIA_NONE:
        return true; // nothing is read but an empty object
    case MEDIA_JSON:
        return media_is(type, "application/json");
    case MEDIA_EVENT:
        return media_is(type, "application/json") || media_is(type, "application/cloudevents+json");
    case MEDIA_BATCH:
        return media_is(type, "application/json") ||
               media_is(type, "application/cloudevents-batch+json") ||
               media_is(type, "application/x-ndjson");
    case MEDIA_CODES:
        return media_is(type, "text/plain") || media_is(type, "text/csv");
    }
    return false;
}

static enum err check_media(struct api_call *call)
{
    static const char *const NAMES[] = {
        [MEDIA_NONE] = "",
        [MEDIA_JSON] = "application/json",
        [MEDIA_EVENT] = "application/json or application/cloudevents+json",
        [MEDIA_BATCH] =
            "application/json, application/cloudevents-batch+json or application/x-ndjson",
        [MEDIA_CODES] = "text/plain or text/csv, one code a line",
    };
    const struct str type = http_header(call->request, "content-type");
    if (call->request->body_bytes == 0) {
        return ERR_OK;
    }
    if (!media_is_accepted(call->route->media, type)) {
        return fail(&call->fail, ERR_MEDIA_TYPE, "", "Send %s.", NAMES[call->route->media]);
    }
    return charset_is_utf8(type) ? ERR_OK
                                 : fail(&call->fail, ERR_MEDIA_TYPE, "",
                                        "Bodies are read as UTF-8: send it so, with charset=utf-8 "
                                        "or without charset.");
}

bool api_admit(void *self, struct http_request *request, struct http_admission *admission,
               struct http_response *refusal)
{
    struct api *api = self;
    struct api_call *call = arena_new(request->arena, struct api_call, 1);
    *call = (struct api_call){
        .api = api, .request = request, .arena = request->arena, .started_us = call_us()};
    call_out_reset(call);
    request->self = call;
    enum err err = find_route(call);
    if (err == ERR_OK) {
        err = call_authorize(call);
    }
    if (err == ERR_OK) {
        err = rate_take(call);
    }
    if (err == ERR_OK) {
        err = check_media(call);
    }
    if (err == ERR_OK) {
        admission->body_bytes_max = call->route->body_bytes_max;
        admission->work_ms = call->route->scope == SCOPE_TEST ? CLOCK_WORK_MS : 0;
        return true;
    }
    if (err == ERR_UNAUTHENTICATED) {
        call_header(call, STR("WWW-Authenticate"), STR("Bearer"));
    }
    http_problem(request, err, &call->fail, &call->response);
    call_merge_headers(call);
    metrics_note(call);
    *refusal = call->response;
    return false;
}

/* ---- running ---- */

enum err call_snapshot(struct api_call *call, struct store *store)
{
    try(db_begin(store_db(store), DB_READ));
    try(store_instance_read(store, call->arena, &call->instance));
    call->now = store_now(&call->instance);
    return store_programs_refresh(store, call->instance.epoch);
}

static enum err read_in_snapshot(struct api_call *call, struct store *store)
{
    enum err err = call_snapshot(call, store);
    if (err == ERR_OK) {
        err = call->route->read(call, store, &call->w);
    }
    db_rollback(store_db(store)); // nothing was written
    return err;
}

static void run_read(struct api_task *task, struct store *store)
{
    struct api_call *call = task->call;
    enum err err = ERR_RETRY;
    for (int i = 0; i < READ_TRIES && (err == ERR_RETRY || err == ERR_DATABASE); i++) {
        call_out_reset(call);
        err = read_in_snapshot(call, store);
    }
    if (err != ERR_OK) {
        call_refuse(call, err, NULL);
    } else {
        call_answer(call);
    }
}

static enum err run_write(struct store *store, struct arena *arena, void *self)
{
    struct api_call *call = self;
    call_out_reset(call); // a job may run again
    try(store_instance_read(store, arena, &call->instance));
    call->now = store_now(&call->instance);
    try(store_programs_refresh(store, call->instance.epoch));
    try(call->route->write(call, store, arena, &call->w));
    return keep_store(call, store, arena);
}

static void write_done(struct ticket *ticket)
{
    struct api_call *call = ticket->owner;
    if (ticket->err != ERR_OK) {
        call_refuse(call, ticket->err, NULL);
        return;
    }
    call_answer(call);
}

/* A route that takes no body takes an empty object for none: the same request for the
 * Idempotency-Key too. */
static enum err read_body(struct api_call *call)
{
    const struct json *body = NULL;
    const enum media media = call->route->media;
    if (media == MEDIA_BATCH || media == MEDIA_CODES || call->request->body.n == 0) {
        return ERR_OK;
    }
    try(json_read(call->arena, call->request->body, &call->fail, &body));
    call->body = body;
    if (media == MEDIA_NONE) {
        try(member_no_fields(call));
        call->body = NULL;
    }
    return ERR_OK;
}

static bool takes_parameter(const struct api_route *route, struct str name)
{
    struct str rest = str_c(route->query);
    struct str known;
    bool is_done = false;
    while (str_split(&rest, ' ', &known, &is_done)) {
        if (known.n > 0 && str_eq(known, name)) {
            return true;
        }
    }
    return false;
}

/* A mistyped parameter would be an answer to another question: the default page, or done in earnest
 * what should have been tried. */
static enum err refuse_unknown(struct api_call *call, struct str name)
{
    const struct api_route *route = call->route;
    const struct str pointer = pointer_key(call->arena, (struct str){0}, name);
    if (route->kind != ROUTE_READ && str_eq(name, STR("dry_run"))) {
        return fail_at(&call->fail, ERR_NOT_SUPPORTED, pointer,
                       "This cannot be tried with dry_run: leave it out.");
    }
    if (route->query[0] == 0) {
        return fail_at(&call->fail, ERR_UNKNOWN_PARAMETER, pointer,
                       "There is no parameter \"%.*s\" here: this address takes none.",
                       STR_ARG(name));
    }
    return fail_at(&call->fail, ERR_UNKNOWN_PARAMETER, pointer,
                   "There is no parameter \"%.*s\" here. This address takes: %s.", STR_ARG(name),
                   route->query);
}

/* Which of the two would count is a guess that nobody should have to make. */
static enum err refuse_repeated(struct api_call *call, struct str name)
{
    return fail_at(&call->fail, ERR_INVALID, pointer_key(call->arena, (struct str){0}, name),
                   "The parameter \"%.*s\" is given more than once.", STR_ARG(name));
}

static enum err check_query(struct api_call *call)
{
    const struct http_request *request = call->request;
    const bool is_open = call->route->scope == SCOPES_N; // probes add what they like
    for (size_t i = 0; i < request->query_n && !is_open; i++) {
        const struct str name = request->query[i].name;
        if (!takes_parameter(call->route, name)) {
            return refuse_unknown(call, name);
        }
        for (size_t k = 0; k < i; k++) {
            if (str_eq(request->query[k].name, name)) {
                return refuse_repeated(call, name);
            }
        }
    }
    return ERR_OK;
}

static enum err check_head(struct api_call *call, bool *is_dry)
{
    try(check_query(call));
    try(call_flag(call, "dry_run", is_dry)); // what is not understood is not done in earnest
    // The key becomes part of events and answers, which are UTF-8.
    return str_is_utf8(http_header(call->request, "idempotency-key"))
               ? ERR_OK
               : fail(&call->fail, ERR_INVALID, "", "The Idempotency-Key is not UTF-8.");
}

void api_handle(void *self, struct http_request *request)
{
    (void)self; // the call has it
    struct api_call *call = request->self;
    bool is_dry = false;
    enum err err = check_head(call, &is_dry);
    if (err == ERR_OK) {
        err = read_body(call);
    }
    if (err != ERR_OK) {
        call_refuse(call, err, NULL);
        return;
    }
    if (keep_begin(call)) {
        return;
    }
    switch (call->route->kind) {
    case ROUTE_OWN:
        call->route->own(call);
        return;
    case ROUTE_READ:
        call_work(call, run_read);
        return;
    case ROUTE_WRITE:
        if (is_dry) {
            call_work(call, run_read);
            return;
        }
        call->ticket =
            (struct ticket){.job = run_write, .job_self = call, .done = write_done, .owner = call};
        call_submit(call);
        return;
    }
}
