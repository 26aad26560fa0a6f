/* GET /v1/audit. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/handlers.h"
#include "store/audit.h"

static void hex_write(struct json_out *w, const char *name, const unsigned char *bytes, size_t n,
                      bool is_there)
{
    char text[AUDIT_HASH_BYTES * 2 + 1];
    ensure(n * 2 < sizeof text);
    json_key(w, name);
    if (!is_there) {
        json_put_null(w);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(text + i * 2, 3, "%02x", bytes[i]); // two digits and a zero
    }
    json_put_str(w, str_c(text));
}

static void row_write(struct json_out *w, const struct audit_row *row)
{
    json_open(w, '{');
    json_key(w, "seq");
    json_put_int(w, row->seq);
    json_key(w, "at");
    json_put_instant(w, row->at);
    json_key(w, "actor");
    json_put_str(w, row->actor);
    json_key(w, "action");
    json_put_str(w, row->action);
    json_key(w, "object");
    json_put_str(w, row->object);
    hex_write(w, "before", row->before, VAULT_COMMITMENT_BYTES, row->has_before);
    hex_write(w, "after", row->after, VAULT_COMMITMENT_BYTES, row->has_after);
    hex_write(w, "hash", row->hash, AUDIT_HASH_BYTES, true);
    json_close(w, '}');
}

/* Newest first; the cursor is a seq. */
enum err api_audit_get(struct api_call *call, struct store *store, struct json_out *w)
{
    struct str text;
    struct audit_row *list = NULL;
    size_t n = 0;
    int64_t before = INT64_MAX;
    int64_t limit = 0;
    try(call_limit(call, &limit));
    if (http_query(call->request, "cursor", &text) && (!str_int64(text, &before) || before < 1)) {
        return fail(&call->fail, ERR_INVALID, "",
                    "The parameter \"cursor\" is the next_cursor of an answer to the same list.");
    }
    try(store_audit_list(store, call->arena, before, (size_t)limit, &list, &n));
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        row_write(w, &list[i]);
    }
    json_close(w, ']');
    json_key(w, "next_cursor");
    if (n == (size_t)limit && list[n - 1].seq > 1) {
        json_put_str(w, str_fmt(call->arena, "%" PRId64, list[n - 1].seq));
    } else {
        json_put_null(w);
    }
    json_close(w, '}');
    return ERR_OK;
}
