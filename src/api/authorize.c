/* Who asks, and whether they may: keys and their scopes. */
#include "base/base.h"
#include "api/api_internal.h"

#include "vault/vault.h"

enum { USES_MAX = 64 }; // requests of one turn of the HTTP thread; a long one looks again

/* The key that the last request came with. Where many requests are waiting they come with the same,
 * and it is read once for those that the HTTP thread works off in one turn: whoever revokes a key
 * is answered in a later turn than that of the last request which came with it in time. */
struct last_key {
    char token[VAULT_TOKEN_BYTES]; // as sent
    struct api_key key;            // without its name
    int uses_left;
};

struct last_key *last_key_open(struct arena *arena)
{
    return arena_new(arena, struct last_key, 1);
}

void api_turn(void *self)
{
    ((struct api *)self)->last_key->uses_left = 0;
}

static bool is_last(const struct last_key *last, struct str token)
{
    return last->uses_left > 0 && token.n == sizeof last->token &&
           vault_equal(token.p, last->token, token.n);
}

static enum err find_key(struct api_call *call)
{
    struct last_key *last = call->api->last_key;
    const struct str header = http_header(call->request, "authorization");
    if (header.n < 7 || strncasecmp(header.p, "Bearer ", 7) != 0) {
        return fail(&call->fail, ERR_UNAUTHENTICATED, "",
                    "Send a key: \"Authorization: Bearer lk_…\".");
    }
    const struct str token = str_trim(str_after(header, 7));
    if (is_last(last, token)) {
        last->uses_left--;
        call->credential = last->key;
        return ERR_OK;
    }
    try(store_key_find(call->api->http_store, call->arena, token, api_now(call->api),
                       &call->credential));
    ensure(token.n == sizeof last->token);
    memcpy(last->token, token.p, token.n);
    last->key = call->credential;
    last->key.name = (struct str){0}; // lives as long as its request
    last->uses_left = USES_MAX;
    return ERR_OK;
}

enum err call_authorize(struct api_call *call)
{
    const struct http_request *request = call->request;
    unsigned char hash[VAULT_TOKEN_HASH_BYTES];
    // Addresses end up in logs, histories and referrers: a key in one is as good as published.
    for (size_t i = 0; i < request->query_n; i++) {
        if (vault_token_hash(request->query[i].value, hash)) {
            return fail(&call->fail, ERR_UNAUTHENTICATED, "",
                        "A key belongs into the Authorization header, never into the address.");
        }
    }
    if (call->route->scope == SCOPES_N) {
        return ERR_OK;
    }
    try(find_key(call));
    if (!scope_is_in(call->credential.scopes, call->route->scope)) {
        return fail(&call->fail, ERR_FORBIDDEN, "", "This needs a key with the scope \"%s\".",
                    scope_text(call->route->scope));
    }
    return ERR_OK;
}
