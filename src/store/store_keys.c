/* API keys. */
#include "base/base.h"
#include "store/credentials.h"

#include "store/store_internal.h"

#include "core/pan.h"

enum { SCOPES_TEXT_BYTES_MAX = 2048 };

/* ---- scopes ---- */

static const struct {
    const char *text;
    const char *help;
} SCOPES[] = {
#define SCOPE(name, text, help) {text, help},
#include "store/scopes.def"
#undef SCOPE
};
_Static_assert(ARRAY_N(SCOPES) == SCOPES_N, "one row per scope");

const char *scope_text(enum scope scope)
{
    ensure((size_t)scope < SCOPES_N);
    return SCOPES[scope].text;
}

const char *scope_help(enum scope scope)
{
    ensure((size_t)scope < SCOPES_N);
    return SCOPES[scope].help;
}

static scope_set scope_named(struct str name)
{
    if (str_eq(name, STR("all"))) {
        return SCOPE_SET_ALL;
    }
    for (size_t i = 0; i < SCOPES_N; i++) {
        if (str_eq(name, str_c(SCOPES[i].text))) {
            return (scope_set)1 << i;
        }
    }
    return 0;
}

static bool is_gap(char c)
{
    return c == ' ' || c == ',';
}

enum err scope_set_read(struct str text, struct fail *f, const char *pointer, scope_set *out)
{
    scope_set set = 0;
    for (size_t from = 0; from < text.n;) {
        size_t end = from;
        while (end < text.n && !is_gap(text.p[end])) {
            end++;
        }
        const struct str name = {.p = text.p + from, .n = end - from};
        if (name.n > 0 && scope_named(name) == 0) {
            return fail(f, ERR_INVALID, pointer, "There is no scope \"%.*s\".",
                        name.n > 64 ? 64 : (int)name.n, name.p);
        }
        set |= scope_named(name);
        from = end + 1;
    }
    if (set == 0) {
        return fail(f, ERR_INVALID, pointer,
                    "A key needs at least one scope, such as events:write, or all.");
    }
    *out = set;
    return ERR_OK;
}

struct str scope_set_text(struct arena *arena, scope_set set)
{
    struct buf buf;
    if (set == SCOPE_SET_ALL) {
        return STR("all");
    }
    buf_open(&buf, arena, SCOPES_TEXT_BYTES_MAX);
    for (size_t i = 0; i < SCOPES_N; i++) {
        if (scope_is_in(set, (enum scope)i)) {
            buf_printf(&buf, "%s%s", buf.n > 0 ? " " : "", SCOPES[i].text);
        }
    }
    ensure(!buf.is_full);
    return buf_view(&buf);
}

/* ---- keys ---- */

enum err store_key_create(struct store *store, struct arena *arena, struct api_key *key,
                          struct fail *f, char token[VAULT_TOKEN_BYTES + 1])
{
    ensure(db_in_transaction(store->db));
    ensure(key->scopes != 0);
    unsigned char hash[VAULT_TOKEN_HASH_BYTES];
    struct instance instance;
    const struct str name = str_trim(key->name);
    if (name.n == 0 || name.n > CREDENTIAL_NAME_BYTES_MAX || !str_is_utf8(name) ||
        pan_is_in(name)) {
        return fail(f, ERR_INVALID, "/name", "A key has a name of 1 to %d bytes.",
                    CREDENTIAL_NAME_BYTES_MAX);
    }
    if (key->expires_at <= key->created_at) {
        return fail(f, ERR_INVALID, "/expires_at", "A key expires in the future.");
    }
    try(store_instance_read(store, arena, &instance));
    try(store_ids_sync(store, arena));
    key->id = id_next(&store->ids, store_now(&instance));
    key->revoked_at = AT_NEVER;
    vault_token_create(token, hash);
    const struct db_value values[] = {
        db_int(key->id),
        db_text(name),
        db_blob(hash, sizeof hash),
        db_text(scope_set_text(arena, key->scopes)),
        db_int(key->created_at),
        db_int_or_null(key->expires_at, key->expires_at != AT_NEVER),
    };
    return db_exec(store->db, Q_KEY_INSERT, values, ARRAY_N(values), NULL);
}

static enum err read_key(struct db_result *rows, size_t i, struct api_key *out)
{
    struct api_key key = {
        .id = db_at_int(rows, i, 0),
        .name = db_at_str(rows, i, 1),
        .created_at = db_at_int(rows, i, 3),
        .expires_at = db_at_int_or(rows, i, 4, AT_NEVER),
        .revoked_at = db_at_int_or(rows, i, 5, AT_NEVER),
    };
    if (scope_set_read(db_at_str(rows, i, 2), NULL, "", &key.scopes) != ERR_OK || rows->is_bad) {
        return ERR_INTEGRITY;
    }
    *out = key;
    return ERR_OK;
}

enum err store_key_find(struct store *store, struct arena *arena, struct str token, int64_t now,
                        struct api_key *out)
{
    unsigned char hash[VAULT_TOKEN_HASH_BYTES];
    struct db_result row;
    struct api_key key;
    if (!vault_token_hash(token, hash)) {
        return ERR_UNAUTHENTICATED;
    }
    const struct db_value value = db_blob(hash, sizeof hash);
    try(db_one(store->db, arena, Q_KEY_FIND, &value, 1, &row));
    if (row.rows_n == 0) {
        return ERR_UNAUTHENTICATED;
    }
    try(read_key(&row, 0, &key));
    if (key.revoked_at != AT_NEVER || key.expires_at <= now) {
        return ERR_UNAUTHENTICATED;
    }
    *out = key;
    return ERR_OK;
}

enum err store_key_read(struct store *store, struct arena *arena, int64_t id, struct api_key *out)
{
    struct db_result row;
    const struct db_value value = db_int(id);
    try(db_one(store->db, arena, Q_KEY_READ, &value, 1, &row));
    return row.rows_n == 0 ? ERR_NOT_FOUND : read_key(&row, 0, out);
}

enum err store_keys_list(struct store *store, struct arena *arena, int64_t before, size_t limit,
                         struct api_key **out, size_t *n)
{
    ensure(limit <= CREDENTIALS_PAGE_MAX);
    struct db_result rows;
    const struct db_value params[] = {db_int(before), db_int((int64_t)limit)};
    try(db_query(store->db, arena, Q_KEYS_LIST, params, ARRAY_N(params), &rows));
    *out = arena_new(arena, struct api_key, rows.rows_n);
    *n = rows.rows_n;
    for (size_t i = 0; i < rows.rows_n; i++) {
        try(read_key(&rows, i, &(*out)[i]));
    }
    return ERR_OK;
}

enum err store_key_revoke(struct store *store, struct arena *arena, int64_t id, int64_t now)
{
    ensure(db_in_transaction(store->db));
    struct api_key key;
    const struct db_value values[] = {db_int(now), db_int(id)};
    try(store_key_read(store, arena, id, &key));
    return db_exec(store->db, Q_KEY_REVOKE, values, ARRAY_N(values), NULL);
}

void api_key_write(struct buf *out, const struct api_key *key)
{
    struct json_out w = json_out(out);
    json_open(&w, '{');
    json_key(&w, "id");
    json_put_id(&w, "key_", key->id);
    json_key(&w, "name");
    json_put_str(&w, key->name);
    json_key(&w, "scopes");
    json_open(&w, '[');
    for (size_t i = 0; i < SCOPES_N; i++) {
        if (scope_is_in(key->scopes, (enum scope)i)) {
            json_put_str(&w, str_c(SCOPES[i].text));
        }
    }
    json_close(&w, ']');
    json_key(&w, "created_at");
    json_put_instant(&w, key->created_at);
    json_key(&w, "expires_at");
    json_put_instant(&w, key->expires_at);
    json_key(&w, "revoked_at");
    json_put_instant(&w, key->revoked_at);
    json_close(&w, '}');
}
