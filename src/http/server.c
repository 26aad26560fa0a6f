/* A request's way through libmicrohttpd's callbacks: head, body, handler, answer. All on the HTTP
 * thread but http_reply(); a request is suspended while its handler works. */
#include "base/base.h"
#include "http/http_internal.h"

#include "base/log.h"

enum {
    RATE_BYTES_PER_S = 1024, // slower bodies and answers are given up after their time
    SMALL_BODY_BYTES = 16 * 1024,
};

/* --- the answer --- */

static void header_add(struct MHD_Response *response, struct arena *arena, struct str name,
                       struct str value)
{
    // libmicrohttpd refuses line ends here: nobody can smuggle a header into an answer.
    if (MHD_add_response_header(response, str_z(arena, name), str_z(arena, value)) != MHD_YES) {
        log_line(LOG_ERROR, "http", "dropped=header name=%.*s", STR_ARG(name));
    }
}

static bool response_has(const struct http_response *response, const char *name)
{
    for (size_t i = 0; i < response->headers_n; i++) {
        const struct str given = response->headers[i].name;
        if (given.n == strlen(name) && strncasecmp(given.p, name, given.n) == 0) {
            return true;
        }
    }
    return false;
}

static void headers_add(const struct http_server *server, struct MHD_Response *out,
                        struct arena *arena, const struct http_response *response)
{
    for (size_t i = 0; i < response->headers_n; i++) {
        header_add(out, arena, response->headers[i].name, response->headers[i].value);
    }
    if (response->content_type.n > 0) {
        header_add(out, arena, STR("Content-Type"), response->content_type);
    }
    header_add(out, arena, STR("X-Content-Type-Options"), STR("nosniff"));
    if (!response_has(response, "Cache-Control")) {
        header_add(out, arena, STR("Cache-Control"), STR("no-store"));
    }
    if (!response_has(response, "Referrer-Policy")) {
        header_add(out, arena, STR("Referrer-Policy"), STR("no-referrer"));
    }
    if (!response_has(response, "Content-Security-Policy")) {
        header_add(out, arena, STR("Content-Security-Policy"),
                   STR("default-src 'none'; frame-ancestors 'none'"));
    }
    if (atomic_load(&server->is_stopping)) {
        header_add(out, arena, STR("Connection"), STR("close"));
    }
}

/* Gives the answer to libmicrohttpd. The body stays in the request's arena until
 * http_on_completed(). */
static enum MHD_Result response_queue(struct http_server *server, struct MHD_Connection *mhd,
                                      struct http_connection *connection, struct arena *arena,
                                      const struct http_response *response,
                                      enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *out = MHD_create_response_from_buffer(
        response->body.n, (void *)(uintptr_t)response->body.p, mode);
    if (out == NULL) {
        return MHD_NO; // out of memory: the connection is closed
    }
    headers_add(server, out, arena, response);
    if (connection != NULL) {
        const int64_t slow_ms = (int64_t)(response->body.n / RATE_BYTES_PER_S) * MS_PER_S;
        atomic_store(&connection->deadline_ms, http_now_ms() + server->limits.answer_ms + slow_ms);
    }
    const enum MHD_Result result = MHD_queue_response(mhd, (unsigned int)response->status, out);
    MHD_destroy_response(out);
    return result;
}

static enum MHD_Result slot_answer(struct http_slot *slot)
{
    return response_queue(slot->server, slot->mhd, slot->connection, &slot->arena, &slot->response,
                          MHD_RESPMEM_PERSISTENT);
}

/* An answer where the request cannot be used: it has none, or its handler still has it. */
static enum MHD_Result busy_answer(struct http_server *server, struct MHD_Connection *mhd,
                                   struct http_connection *connection, enum err err)
{
    arena_reset(&server->scratch);
    struct http_request request = {.arena = &server->scratch};
    char id[ID_TEXT_BYTES + 1];
    id_write("req_", id_next(&server->ids, clock_now_ms()), id);
    request.id = str_c(id);
    struct http_response response;
    http_problem(&request, err, NULL, &response);
    return response_queue(server, mhd, connection, &server->scratch, &response,
                          MHD_RESPMEM_MUST_COPY);
}

/* --- the head --- */

static enum MHD_Result header_take(void *cls, enum MHD_ValueKind kind, const char *name,
                                   size_t name_n, const char *value, size_t value_n)
{
    (void)kind; // only headers were asked for
    struct http_slot *slot = cls;
    struct http_request *request = &slot->request;
    struct http_pair *pair = (struct http_pair *)(uintptr_t)&request->headers[request->headers_n++];
    // Copied, since libmicrohttpd may drop the connection while the handler still reads.
    char *bytes = arena_bytes(request->arena, name_n + value_n);
    for (size_t i = 0; i < name_n; i++) {
        bytes[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i];
    }
    if (value_n > 0) {
        memcpy(bytes + name_n, value, value_n);
    }
    *pair = (struct http_pair){{.p = bytes, .n = name_n}, {.p = bytes + name_n, .n = value_n}};
    return MHD_YES;
}

static enum err headers_read(struct http_slot *slot, struct fail *f)
{
    struct http_request *request = &slot->request;
    const int n = MHD_get_connection_values_n(slot->mhd, MHD_HEADER_KIND, NULL, NULL);
    if (n > HTTP_HEADERS_MAX) {
        return fail(f, ERR_HEADERS_TOO_LARGE, "", "There are more than %d headers.",
                    HTTP_HEADERS_MAX);
    }
    request->headers = arena_new(request->arena, struct http_pair, (size_t)n);
    const int taken = MHD_get_connection_values_n(slot->mhd, MHD_HEADER_KIND, header_take, slot);
    ensure(taken == n);
    try(http_headers_check(request, f));
    const struct str length = http_header(request, "content-length");
    const bool is_chunked = http_header(request, "transfer-encoding").n > 0;
    if (length.n > 0 &&
        (is_chunked || !str_int64(length, &request->body_bytes) || request->body_bytes < 0)) {
        return fail(f, ERR_BAD_REQUEST, "", "The length of the body is given in no clear way.");
    }
    request->body_bytes = is_chunked ? -1 : request->body_bytes;
    return ERR_OK;
}

static void client_find(struct http_slot *slot)
{
    const struct http_server *server = slot->server;
    const struct http_connection *connection = slot->connection;
    struct http_request *request = &slot->request;
    struct http_address client = connection->address;
    if (connection->is_proxy) {
        client = http_address_forwarded(http_header(request, "x-forwarded-for"),
                                        &connection->address, server->proxies, server->proxies_n);
        request->is_encrypted = str_eq(http_header(request, "x-forwarded-proto"), STR("https"));
    }
    request->address = http_address_text(&client, request->arena);
}

static enum err head_read(struct http_slot *slot, const char *method, struct fail *f)
{
    struct http_request *request = &slot->request;
    try(headers_read(slot, f)); // first: whether there is a body decides how to refuse
    client_find(slot);
    try(http_target_read(request, slot->target, f));
    if (!http_method_read(str_c(method), &request->method)) {
        return fail(f, ERR_METHOD, "", "This method is not known here.");
    }
    return ERR_OK;
}

/* Keeps the answer until the body was read and dropped, where it is small; else answers now and
 * closes. */
static enum MHD_Result slot_refuse(struct http_slot *slot, bool is_head_read)
{
    const struct http_request *request = &slot->request;
    const bool waits = http_header(request, "expect").n > 0;
    const bool is_small =
        request->body_bytes >= 0 && request->body_bytes <= DROP_BYTES_MAX && !waits;
    if (is_head_read && (request->body_bytes == 0 || is_small)) {
        slot->is_refused = true;
        return MHD_YES;
    }
    slot->connection->lingers = !waits;
    return slot_answer(slot);
}

static enum MHD_Result head_take(struct http_slot *slot, const char *method)
{
    static const struct http_pair ALLOW[] = {
        {{.p = "Allow", .n = 5}, {.p = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS", .n = 44}}};
    struct http_server *server = slot->server;
    struct http_request *request = &slot->request;
    struct fail f = {.arena = request->arena};
    slot->is_started = true;
    slot->body_from_ms = http_now_ms();
    const enum err err = head_read(slot, method, &f);
    if (err != ERR_OK) {
        http_problem(request, err, &f, &slot->response);
        slot->response.headers = err == ERR_METHOD ? ALLOW : slot->response.headers;
        slot->response.headers_n = err == ERR_METHOD ? ARRAY_N(ALLOW) : slot->response.headers_n;
        return slot_refuse(slot, err == ERR_METHOD);
    }
    if (!server->callbacks.admit(server->callbacks.self, request, &slot->admission,
                                 &slot->response)) {
        return slot_refuse(slot, true);
    }
    if (request->body_bytes > 0 && (uint64_t)request->body_bytes > slot->admission.body_bytes_max) {
        (void)(fail(&f, ERR_TOO_LARGE, "", "At most %zu bytes are read here.",
                    slot->admission.body_bytes_max) == ERR_OK); // goes into the problem
        http_problem(request, ERR_TOO_LARGE, &f, &slot->response);
        return slot_refuse(slot, true);
    }
    atomic_store(&slot->connection->deadline_ms, slot->body_from_ms + server->limits.body_ms);
    return MHD_YES;
}

/* --- the body --- */

static void body_refuse(struct http_slot *slot, enum err err, const char *detail)
{
    struct fail f = {.arena = slot->request.arena};
    (void)(fail(&f, err, "", "%s", detail) == ERR_OK); // goes into the problem
    http_problem(&slot->request, err, &f, &slot->response);
    slot->is_refused = true;
}

/* Room for n more bytes; false when all bodies together would be too many. */
static bool body_room(struct http_slot *slot, size_t n)
{
    struct http_server *server = slot->server;
    if (slot->body_n + n <= slot->body_room) {
        return true;
    }
    const size_t declared = slot->request.body_bytes > 0 ? (size_t)slot->request.body_bytes : 0;
    // Of a declared length exactly that is taken: most bodies then fit into the arena's first
    // block.
    size_t room = slot->body_room > 0 ? slot->body_room * 2 : SMALL_BODY_BYTES;
    room = slot->body_room == 0 && declared > 0 ? declared : room;
    room = room < slot->body_n + n ? slot->body_n + n : room;
    const size_t before = atomic_fetch_add(&server->bodies_n, room);
    slot->reserved_n += room;
    if (before + room > server->limits.bodies_bytes_max) {
        return false;
    }
    slot->body = arena_grow(slot->request.arena, slot->body, slot->body_room, room);
    slot->body_room = room;
    return true;
}

static void body_keep(struct http_slot *slot, struct str piece)
{
    if (slot->read_n > slot->admission.body_bytes_max) {
        body_refuse(slot, ERR_TOO_LARGE, "The body is larger than what is read here.");
    } else if (slot->admission.consume != NULL) {
        slot->request.body_is_cut =
            slot->request.body_is_cut || !slot->admission.consume(&slot->request, piece);
    } else if (!body_room(slot, piece.n)) {
        body_refuse(slot, ERR_BUSY, "Too many large requests at once: try again in a moment.");
    } else {
        memcpy(slot->body + slot->body_n, piece.p, piece.n);
        slot->body_n += piece.n;
    }
}

static enum MHD_Result body_take(struct http_slot *slot, struct str piece)
{
    const struct http_limits *limits = &slot->server->limits;
    slot->read_n += piece.n;
    const int64_t slow_ms = (int64_t)(slot->read_n / RATE_BYTES_PER_S) * MS_PER_S;
    const int64_t allowed_ms = slow_ms > limits->body_ms ? slow_ms : limits->body_ms;
    atomic_store(&slot->connection->deadline_ms, slot->body_from_ms + allowed_ms);
    if (!slot->is_refused && !slot->request.body_is_cut) {
        body_keep(slot, piece);
    }
    const size_t over_n = slot->admission.body_bytes_max + OVER_BYTES_MAX;
    if (slot->is_refused && slot->read_n > over_n) {
        slot->connection->lingers = true;
        return MHD_NO; // it was read for long enough; libmicrohttpd cannot answer in the middle of
                       // a body
    }
    return MHD_YES;
}

/* --- the handler --- */

static int64_t work_until_ms(const struct http_slot *slot)
{
    const int64_t granted_ms = slot->admission.work_ms;
    return http_now_ms() + (granted_ms > 0 ? granted_ms : slot->server->limits.work_ms);
}

/* Hands the connection to whoever answers. */
static enum MHD_Result slot_suspend(struct http_slot *slot)
{
    struct http_server *server = slot->server;
    ensure(pthread_mutex_lock(&server->lock) == 0);
    slot->connection->suspended = slot;
    slot->connection->mhd = slot->mhd;
    slot->connection->work_until_ms = work_until_ms(slot);
    ensure(pthread_mutex_unlock(&server->lock) == 0);
    MHD_suspend_connection(slot->mhd);
    int expected = STATE_WORKING;
    if (!atomic_compare_exchange_strong(&slot->state, &expected, STATE_SUSPENDED)) {
        http_resume(server, slot->connection); // it was answered meanwhile
    }
    return MHD_YES;
}

static enum MHD_Result slot_handle(struct http_slot *slot)
{
    struct http_server *server = slot->server;
    slot->request.body = (struct str){.p = slot->body, .n = slot->body_n};
    atomic_store(&slot->connection->deadline_ms, 0); // the sweeper watches the handler's own time
    ensure(pthread_mutex_lock(&server->lock) == 0);
    slot->is_handled = !server->is_closed;
    server->active_n += slot->is_handled;
    ensure(pthread_mutex_unlock(&server->lock) == 0);
    if (!slot->is_handled) {
        return busy_answer(server, slot->mhd, slot->connection, ERR_STOPPING);
    }
    atomic_store(&slot->state, STATE_WORKING);
    (void)atomic_fetch_add(&slot->refs, 1); // the handler's, until it answers
    server->callbacks.handle(server->callbacks.self, &slot->request);
    return atomic_load(&slot->state) == STATE_READY ? slot_answer(slot) : slot_suspend(slot);
}

void http_working(struct http_request *request)
{
    struct http_slot *slot = (struct http_slot *)request;
    struct http_server *server = slot->server;
    if (slot->caller != NULL) {
        return; // a call from inside waits as long as it takes
    }
    ensure(pthread_mutex_lock(&server->lock) == 0);
    if (slot->connection->suspended == slot) {
        slot->connection->work_until_ms = work_until_ms(slot);
    }
    ensure(pthread_mutex_unlock(&server->lock) == 0);
}

void http_reply(struct http_request *request, const struct http_response *response)
{
    struct http_slot *slot = (struct http_slot *)request;
    ensure(response->status >= 100 && response->status <= 599);
    slot->response = *response;
    if (slot->caller != NULL) {
        http_caller_wake(slot->caller);
        return;
    }
    int expected = STATE_WORKING;
    if (!atomic_compare_exchange_strong(&slot->state, &expected, STATE_READY)) {
        expected = STATE_SUSPENDED;
        if (atomic_compare_exchange_strong(&slot->state, &expected, STATE_READY)) {
            http_resume(slot->server, slot->connection);
        } else {
            ensure(expected == STATE_EXPIRED); // answered twice otherwise
        }
    }
    http_slot_release(slot);
}

/* --- libmicrohttpd's callbacks --- */

/* Called with the raw target before anything is decoded; what it returns comes back as
 * *request_context. */
void *http_on_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
    struct http_server *server = cls;
    const union MHD_ConnectionInfo *context =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (context == NULL || context->socket_context == NULL) {
        return NULL;
    }
    struct http_slot *slot = http_slot_take(server);
    if (slot == NULL) {
        return NULL;
    }
    char id[ID_TEXT_BYTES + 1];
    id_write("req_", id_next(&server->ids, clock_now_ms()), id);
    slot->mhd = mhd;
    slot->connection = context->socket_context;
    slot->request.id = str_dup(&slot->arena, str_c(id));
    slot->target = str_dup(&slot->arena, str_c(target));
    return slot;
}

enum MHD_Result http_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *data_n, void **request_context)
{
    (void)url; // decoded by libmicrohttpd; http_on_target() has it raw
    (void)version;
    struct http_server *server = cls;
    struct http_slot *slot = *request_context;
    if (slot == NULL) {
        return busy_answer(server, mhd, NULL, ERR_BUSY);
    }
    const int state = atomic_load(&slot->state);
    if (state == STATE_READY) {
        return slot_answer(slot);
    }
    if (state == STATE_EXPIRED) {
        return busy_answer(server, mhd, slot->connection,
                           atomic_load(&server->is_stopping) ? ERR_STOPPING : ERR_BUSY);
    }
    if (!slot->is_started) {
        return head_take(slot, method);
    }
    if (*data_n > 0) {
        const struct str piece = {.p = data, .n = *data_n};
        *data_n = 0;
        return body_take(slot, piece);
    }
    return slot->is_refused ? slot_answer(slot) : slot_handle(slot);
}

void http_on_completed(void *cls, struct MHD_Connection *mhd, void **request_context,
                       enum MHD_RequestTerminationCode code)
{
    (void)mhd; // the slot has what is needed
    (void)code;
    struct http_server *server = cls;
    struct http_slot *slot = *request_context;
    if (slot == NULL) {
        return;
    }
    atomic_store(&slot->connection->deadline_ms, http_now_ms() + server->limits.head_ms);
    ensure(pthread_mutex_lock(&server->lock) == 0);
    slot->connection->suspended = NULL;
    if (slot->is_handled) {
        server->active_n--;
        (void)pthread_cond_broadcast(&server->quiet); // cannot fail
    }
    ensure(pthread_mutex_unlock(&server->lock) == 0);
    *request_context = NULL;
    http_slot_release(slot);
}
