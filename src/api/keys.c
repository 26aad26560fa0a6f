/* API keys. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/handlers.h"
#include "store/audit.h"

enum { SCOPES_TEXT_BYTES_MAX = 1000, KEY_JSON_BYTES_MAX = 16 * 1024 };

static struct str key_text(struct arena *arena, const struct api_key *key)
{
    struct buf buf;
    buf_open(&buf, arena, KEY_JSON_BYTES_MAX);
    api_key_write(&buf, key);
    return buf_view(&buf);
}

static struct str key_name(struct arena *arena, int64_t id)
{
    char text[ID_TEXT_BYTES + 1];
    id_write("key_", id, text);
    return str_dup(arena, str_c(text));
}

static enum err read_key(struct api_call *call, struct store *store, struct api_key *out)
{
    int64_t id = 0;
    enum err err = ERR_NOT_FOUND;
    if (id_read("key_", call->params[0], &id)) {
        err = store_key_read(store, call->arena, id, out);
    }
    return err == ERR_NOT_FOUND ? fail(&call->fail, err, "", "There is no such key.") : err;
}

enum err api_key_get(struct api_call *call, struct store *store, struct json_out *w)
{
    struct api_key key;
    try(read_key(call, store, &key));
    json_put_raw(w, key_text(call->arena, &key));
    return ERR_OK;
}

enum err api_keys_get(struct api_call *call, struct store *store, struct json_out *w)
{
    int64_t before = 0;
    int64_t limit = 0;
    struct api_key *list = NULL;
    size_t n = 0;
    try(call_page(call, "key_", &before, &limit));
    try(store_keys_list(store, call->arena, before, (size_t)limit, &list, &n));
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        json_put_raw(w, key_text(call->arena, &list[i]));
    }
    json_close(w, ']');
    call_page_end(w, "key_", n == (size_t)limit ? list[n - 1].id : 0);
    json_close(w, '}');
    return ERR_OK;
}

/* Scopes as a list of names, or one text with blanks between. */
static enum err read_scopes(struct api_call *call, scope_set *out)
{
    const struct json *value = json_at(call->body, "scopes");
    struct buf text;
    buf_open(&text, call->arena, SCOPES_TEXT_BYTES_MAX);
    for (size_t i = 0; i < json_array_size(value); i++) {
        buf_str(&text, json_str(json_array_get(value, i)));
        buf_char(&text, ' ');
    }
    const struct str names = json_is_array(value) ? str_trim(buf_view(&text)) : json_str(value);
    if (text.is_full || names.n == 0) {
        return fail(&call->fail, ERR_INVALID, "/scopes",
                    "Name the scopes of the key, such as [\"events:write\"].");
    }
    try(scope_set_read(names, &call->fail, "/scopes", out));
    if ((*out & ~call->credential.scopes) != 0) {
        return fail(&call->fail, ERR_FORBIDDEN, "/scopes",
                    "A key can only give scopes that it has itself.");
    }
    return ERR_OK;
}

static enum err read_new_key(struct api_call *call, struct api_key *out)
{
    static const char *const FIELDS[] = {"name", "scopes", "expires_at"};
    static const struct place EXPIRES = {.name = "expires_at"};
    struct reader r = {.arena = call->arena, .f = &call->fail};
    *out =
        (struct api_key){.created_at = call->now, .expires_at = AT_NEVER, .revoked_at = AT_NEVER};
    if (read_object(&r, call->body, NULL, FIELDS, ARRAY_N(FIELDS))) {
        read_text(&r, call->body, NULL, "name", READ_REQUIRED, CREDENTIAL_NAME_BYTES_MAX,
                  &out->name);
        if (json_at(call->body, "expires_at") != NULL &&
            !json_is_null(json_at(call->body, "expires_at"))) {
            read_instant(&r, call->body, NULL, "expires_at", READ_OPTIONAL, &out->expires_at);
        }
        if (out->expires_at <= call->now) {
            read_fault(&r, ERR_INVALID, &EXPIRES, "This instant is over already.");
        }
    }
    try(read_done(&r));
    return read_scopes(call, &out->scopes);
}

static enum err audit_key(struct api_call *call, struct store *store, struct arena *arena,
                          const char *action, int64_t id, struct str before, struct str after)
{
    const struct audit_entry entry = {
        .actor = call_actor(call),
        .action = str_c(action),
        .object = key_name(arena, id),
        .before = before,
        .after = after,
        .at = call->now,
    };
    return store_audit_write(store, arena, &entry);
}

enum err api_keys_post(struct api_call *call, struct store *store, struct arena *arena,
                       struct json_out *w)
{
    struct api_key key;
    char token[VAULT_TOKEN_BYTES + 1];
    try(read_new_key(call, &key));
    try(store_key_create(store, arena, &key, &call->fail, token));
    // The one time that the key itself is shown.
    const struct str shown = key_text(call->arena, &key);
    json_put_raw(w, (struct str){.p = shown.p, .n = shown.n - 1});
    json_key(w, "key");
    json_put_str(w, str_c(token));
    json_close(w, '}');
    vault_wipe(token, sizeof token);
    call->status = 201;
    return audit_key(call, store, arena, "key.create", key.id, (struct str){0}, shown);
}

enum err api_key_delete(struct api_call *call, struct store *store, struct arena *arena,
                        struct json_out *w)
{
    struct api_key before;
    struct api_key after;
    try(read_key(call, store, &before));
    try(store_key_revoke(store, arena, before.id, call->now));
    try(store_key_read(store, call->arena, before.id, &after));
    json_put_raw(w, key_text(call->arena, &after));
    return audit_key(call, store, arena, "key.revoke", before.id, key_text(arena, &before),
                     key_text(arena, &after));
}
