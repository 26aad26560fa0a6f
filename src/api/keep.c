/* Idempotency, once, in front of all writes but events, which have a key of their own.
 *
 * What a write answered is stored in the write's own transaction; a refusal is stored after it. The
 * stored answer is sealed under the key of the member that it is about, and ends with it; where it
 * is about nobody, under a key that is derived from the Idempotency-Key, which is not stored: only
 * who sent it can open it. */
#include "base/base.h"
#include "api/api_internal.h"

#include "base/log.h"

enum { RUNNING_MAX = 1024 };

struct api_running {
    size_t n;
    unsigned char hashes[RUNNING_MAX][VAULT_HASH_BYTES];
};

struct api_running *running_open(struct arena *arena)
{
    return arena_new(arena, struct api_running, 1);
}

static size_t running_find(const struct api_running *running,
                           const unsigned char hash[VAULT_HASH_BYTES])
{
    size_t i = 0;
    while (i < running->n && memcmp(running->hashes[i], hash, VAULT_HASH_BYTES) != 0) {
        i++;
    }
    return i;
}

static enum err running_add(struct api *api, const unsigned char hash[VAULT_HASH_BYTES])
{
    struct api_running *running = api->running;
    enum err err = ERR_OK;
    ensure(pthread_mutex_lock(&api->running_mutex) == 0);
    if (running_find(running, hash) < running->n) {
        err = ERR_IN_PROGRESS;
    } else if (running->n == RUNNING_MAX) {
        err = ERR_BUSY;
    } else {
        memcpy(running->hashes[running->n++], hash, VAULT_HASH_BYTES);
    }
    ensure(pthread_mutex_unlock(&api->running_mutex) == 0);
    return err;
}

static void running_remove(struct api *api, const unsigned char hash[VAULT_HASH_BYTES])
{
    struct api_running *running = api->running;
    ensure(pthread_mutex_lock(&api->running_mutex) == 0);
    const size_t i = running_find(running, hash);
    ensure(i < running->n);
    memcpy(running->hashes[i], running->hashes[--running->n], VAULT_HASH_BYTES);
    ensure(pthread_mutex_unlock(&api->running_mutex) == 0);
}

/* ---- before ---- */

/* Events have a key of their own; reading and looking up changes nothing. */
static bool applies(const struct api_call *call)
{
    struct str dry;
    if (http_query(call->request, "dry_run", &dry) && str_eq(dry, STR("true"))) {
        return false;
    }
    return call->request->method != HTTP_GET && call->request->method != HTTP_HEAD &&
           call->route->scope < SCOPES_N && call->route->rate != RATE_EVENTS &&
           call->route->media != MEDIA_BATCH && call->route->kind != ROUTE_READ;
}

static enum err open_keep(struct api_call *call)
{
    struct api_keep *keep = &call->keep;
    const struct http_request *request = call->request;
    const struct str key = http_header(request, "idempotency-key");
    if (key.n > IDEMPOTENCY_KEY_BYTES_MAX) {
        return fail(&call->fail, ERR_INVALID, "", "An Idempotency-Key has at most %d bytes.",
                    IDEMPOTENCY_KEY_BYTES_MAX);
    }
    struct buf body; // as a JSON value, so that spacing and the order of keys don't matter
    buf_open(&body, call->arena, BODY_JSON * 8);
    for (size_t i = 0; i < request->query_n; i++) {
        pack_str(&body, request->query[i].name);
        pack_str(&body, request->query[i].value);
    }
    if (call->body != NULL) {
        json_write_canonical(&body, call->body);
    }
    idempotency_open(store_base_vault(call->api->config.base), call->credential.id,
                     str_c(call->route->pattern), key, str_c(http_method_text(request->method)),
                     request->path, buf_view(&body), &keep->record);
    return running_add(call->api, keep->record.hash);
}

/* The extra of a stored answer: its headers. */
static struct str pack_headers(struct api_call *call)
{
    struct buf buf;
    buf_open(&buf, call->arena, 64 * 1024);
    pack_str(&buf, call->response.content_type);
    pack_u(&buf, call->headers_n);
    for (size_t i = 0; i < call->headers_n; i++) {
        pack_str(&buf, call->headers[i].name);
        pack_str(&buf, call->headers[i].value);
    }
    return buf_view(&buf);
}

static enum err replay(struct api_call *call, const struct stored_answer *stored)
{
    struct unpack in = unpack_open(stored->extra);
    call->response = (struct http_response){.status = stored->status, .body = stored->body};
    call->response.content_type = unpack_str(&in);
    call->headers_n = unpack_count(&in, CALL_HEADERS_MAX - 1);
    for (size_t i = 0; i < call->headers_n; i++) {
        call->headers[i].name = unpack_str(&in);
        call->headers[i].value = unpack_str(&in);
    }
    if (!unpack_done(&in)) {
        return ERR_INTEGRITY;
    }
    call_header(call, STR("Idempotency-Replayed"), STR("true"));
    call->response.headers = call->headers;
    call->response.headers_n = call->headers_n;
    return ERR_OK;
}

/* True when a stored answer was found and is now the response. */
static enum err find_answer(struct api_call *call, bool *is_found)
{
    struct stored_answer stored;
    const enum err err =
        store_idempotency_find(call->api->http_store, call->arena, &call->keep.record,
                               api_now(call->api), is_found, &stored);
    if (err == ERR_NOT_FOUND) {
        return fail(&call->fail, err, "",
                    "The answer to this Idempotency-Key was about a member who was erased since.");
    }
    try(err);
    return *is_found ? replay(call, &stored) : ERR_OK;
}

bool keep_begin(struct api_call *call)
{
    bool is_found = false;
    if (!applies(call) || http_header(call->request, "idempotency-key").n == 0) {
        return false;
    }
    enum err err = open_keep(call);
    if (err != ERR_OK) {
        call_refuse(call, err, NULL);
        return true;
    }
    err = find_answer(call, &is_found);
    if (err == ERR_OK && !is_found) {
        call->keep.is_on = true;
        return false;
    }
    running_remove(call->api, call->keep.record.hash);
    idempotency_close(&call->keep.record);
    if (err != ERR_OK) {
        call_refuse(call, err, NULL);
    } else {
        call_send(call);
    }
    return true;
}

/* ---- after ---- */

static enum err store_response(struct api_call *call, struct store *store, struct arena *arena)
{
    const struct stored_answer answer = {
        .status = call->response.status,
        .body = call->response.body,
        .extra = pack_headers(call),
    };
    call->keep.record.member = call->member;
    const enum err err =
        store_idempotency_store(store, arena, &call->keep.record, api_now(call->api), &answer);
    return err == ERR_CONFLICT ? ERR_IN_PROGRESS : err; // another process was faster
}

enum err keep_store(struct api_call *call, struct store *store, struct arena *arena)
{
    if (!call->keep.is_on) {
        return ERR_OK;
    }
    call_respond(call);
    try(store_response(call, store, arena));
    call->keep.is_stored = true;
    return ERR_OK;
}

static void end(struct api_call *call)
{
    running_remove(call->api, call->keep.record.hash);
    idempotency_close(&call->keep.record);
    call->keep.is_on = false;
    call_send(call);
}

static enum err store_job(struct store *store, struct arena *arena, void *self)
{
    return store_response(self, store, arena);
}

static void stored(struct ticket *ticket)
{
    // The work itself is done: an answer that could not be kept is still the answer.
    if (ticket->err != ERR_OK) {
        log_line(LOG_WARN, "api", "idempotency=lost error=%s", err_code(ticket->err));
    }
    end(ticket->owner);
}

void keep_end(struct api_call *call)
{
    const int status = call->response.status;
    if (!call->keep.is_on) {
        call_send(call);
        return;
    }
    if (call->keep.is_stored || status >= 500 || status == 429) {
        end(call);
        return;
    }
    call->ticket =
        (struct ticket){.job = store_job, .job_self = call, .done = stored, .owner = call};
    if (ticket_submit(call) != ERR_OK) {
        end(call);
    }
}
