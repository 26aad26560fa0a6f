/* Reading, listing and finding members. */
#include "base/base.h"
#include "store/members.h"

#include "store/members_internal.h"
#include "vault/normal.h"

const char *member_status_text(enum member_status status)
{
    switch (status) {
    case MEMBER_ERASED:
        return "erased";
    case MEMBER_ACTIVE:
        return "active";
    case MEMBER_SUSPENDED:
        return "suspended";
    }
    return "";
}

/* ---- rows ---- */

/* Adds those that stand in clear to those that were sealed. */
static void attributes_add(struct arena *arena, const struct json *clear,
                           struct member_profile *out)
{
    if (json_object_size(clear) == 0 || out->attributes == NULL) {
        out->attributes = json_object_size(clear) > 0 ? clear : out->attributes;
        return;
    }
    struct json *all = json_object_copy(arena, out->attributes);
    struct str name = {0};
    const struct json *value = NULL;
    json_object_foreach(clear, name, value)
    {
        json_set(arena, all, name.p, value);
    }
    out->attributes = all;
}

static enum err read_clear(struct arena *arena, struct db_result *rows, size_t i,
                           struct member_profile *out)
{
    const struct json *tags = NULL;
    const struct json *attributes = NULL;
    if (!db_is_null(rows, i, 1)) {
        out->birth_on = day_of_civil((struct civil){
            .year = (int)db_at_int(rows, i, 1),
            .month = (int)db_at_int(rows, i, 2),
            .day = (int)db_at_int(rows, i, 3),
        });
    }
    out->birth_entered_at = db_is_null(rows, i, 10) ? AT_MIN : db_at_int(rows, i, 10);
    out->birth_changes = (int)db_at_int(rows, i, 11);
    out->gender = db_at_str(rows, i, 4);
    out->country = db_at_str(rows, i, 5);
    out->city = db_at_str(rows, i, 6);
    out->language = db_at_str(rows, i, 7);
    if (json_read(arena, db_at_str(rows, i, 8), NULL, &tags) != ERR_OK ||
        json_read(arena, db_at_str(rows, i, 9), NULL, &attributes) != ERR_OK || rows->is_bad) {
        return ERR_INTEGRITY;
    }
    out->tags_n = json_array_size(tags);
    out->tags = arena_new(arena, struct str, out->tags_n);
    for (size_t t = 0; t < out->tags_n; t++) {
        out->tags[t] = json_str(json_array_get(tags, t));
    }
    attributes_add(arena, attributes, out);
    return ERR_OK;
}

static enum err read_cold(struct db_result *rows, size_t i, struct member_row *out)
{
    const int64_t status = db_at_int(rows, i, 2);
    *out = (struct member_row){
        .id = db_at_int(rows, i, 0),
        .enrolled_at = db_at_int(rows, i, 1),
        .revision = db_at_int(rows, i, 3),
        .status = status >= MEMBER_ERASED && status <= MEMBER_SUSPENDED ? (enum member_status)status
                                                                        : MEMBER_ERASED,
    };
    profile_open(&out->profile);
    return rows->is_bad || status < MEMBER_ERASED || status > MEMBER_SUSPENDED ? ERR_INTEGRITY
                                                                               : ERR_OK;
}

enum err member_profile_unseal(struct arena *arena, const struct vault_key *key, int64_t member,
                               struct str sealed, struct member_profile *out)
{
    struct str plain;
    const enum err err = vault_unseal(arena, key, PROFILE_PLACE(member), sealed, &plain);
    return err == ERR_OK ? profile_sealed_read(arena, plain, out) : err;
}

/* Opens the profiles of rows as they come from the table; a row keeps its place. */
static enum err open_rows(struct store *store, struct arena *arena, struct db_result *rows,
                          struct member_row *out)
{
    const size_t n = rows->rows_n;
    int64_t *ids = arena_new(arena, int64_t, n);
    struct vault_key *keys = arena_new(arena, struct vault_key, n);
    struct db_value *params = arena_new(arena, struct db_value, n);
    struct db_result clears;
    struct map by_id;
    map_open(&by_id, arena);
    if (n == 0) {
        return ERR_OK;
    }
    for (size_t i = 0; i < n; i++) {
        try(read_cold(rows, i, &out[i]));
        ids[i] = out[i].id;
        params[i] = db_int(ids[i]);
        map_set_int(&by_id, ids[i], &out[i]);
    }
    try(vault_keys_load(store->keys, ids, n, keys));
    for (size_t i = 0; i < n; i++) {
        if (keys[i].version == 0) {
            out[i].status = MEMBER_ERASED; // their key went first; the mark follows
        } else if (out[i].status != MEMBER_ERASED) {
            try(member_profile_unseal(arena, &keys[i], ids[i], db_at_str(rows, i, 4),
                                      &out[i].profile));
        }
    }
    vault_wipe(keys, n * sizeof *keys);
    try(db_query_rows(store->db, arena, Q_MEMBER_CLEARS_READ, params, n, 1, &clears));
    for (size_t i = 0; i < clears.rows_n; i++) {
        struct member_row *row = map_find_int(&by_id, db_at_int(&clears, i, 0));
        ensure(row != NULL);
        if (row->status != MEMBER_ERASED) {
            try(read_clear(arena, &clears, i, &row->profile));
        }
    }
    return ERR_OK;
}

enum err store_members_read(struct store *store, struct arena *arena, const int64_t *members,
                            size_t n, struct member_row *out)
{
    struct db_value *params = arena_new(arena, struct db_value, n);
    struct db_result rows;
    struct map by_id;
    map_open(&by_id, arena);
    if (n == 0) {
        return ERR_OK;
    }
    for (size_t i = 0; i < n; i++) {
        params[i] = db_int(members[i]);
    }
    try(db_query_rows(store->db, arena, Q_MEMBERS_READ, params, n, 1, &rows));
    struct member_row *found = arena_new(arena, struct member_row, rows.rows_n);
    try(open_rows(store, arena, &rows, found));
    for (size_t i = 0; i < rows.rows_n; i++) {
        map_set_int(&by_id, found[i].id, &found[i]);
    }
    for (size_t i = 0; i < n; i++) {
        const struct member_row *row = map_find_int(&by_id, members[i]);
        out[i] = row != NULL ? *row : (struct member_row){0};
    }
    return ERR_OK;
}

enum err store_member_read(struct store *store, struct arena *arena, int64_t member,
                           struct member_row *out)
{
    struct member_row row;
    try(store_members_read(store, arena, &member, 1, &row));
    if (row.id == 0) {
        return ERR_NOT_FOUND;
    }
    *out = row;
    return ERR_OK;
}

enum err store_member_key(struct store *store, int64_t member, struct vault_key *out)
{
    return vault_keys_load(store->keys, &member, 1, out);
}

enum err store_member_keys(struct store *store, const int64_t *members, size_t n,
                           struct vault_key *out)
{
    return n == 0 ? ERR_OK : vault_keys_load(store->keys, members, n, out);
}

/* ---- lists ---- */

enum err store_members_list(struct store *store, struct arena *arena, int64_t before, size_t limit,
                            struct member_row **out, size_t *n)
{
    ensure(limit <= MEMBERS_PAGE_MAX);
    struct db_result rows;
    const struct db_value params[] = {db_int(before), db_int((int64_t)limit)};
    try(db_query(store->db, arena, Q_MEMBERS_LIST, params, ARRAY_N(params), &rows));
    *out = arena_new(arena, struct member_row, rows.rows_n);
    *n = rows.rows_n;
    return open_rows(store, arena, &rows, *out);
}

static enum err find_words(struct store *store, struct arena *arena, const struct str *words,
                           size_t words_n, int64_t before, size_t limit, struct member_row **out,
                           size_t *n)
{
    struct db_value params[MEMBER_WORDS_MAX + 2];
    struct db_result rows;
    for (size_t i = 0; i < MEMBER_WORDS_MAX; i++) {
        unsigned char *hash = arena_bytes(arena, VAULT_HASH_BYTES);
        vault_blind(store->base->vault, VAULT_NAME, words[i < words_n ? i : 0], hash);
        params[i] = db_blob(hash, VAULT_HASH_BYTES);
    }
    params[MEMBER_WORDS_MAX] = db_int(before);
    params[MEMBER_WORDS_MAX + 1] = db_int((int64_t)limit);
    try(db_query(store->db, arena, Q_MEMBERS_BY_WORDS, params, ARRAY_N(params), &rows));
    int64_t *ids = arena_new(arena, int64_t, rows.rows_n);
    for (size_t i = 0; i < rows.rows_n; i++) {
        ids[i] = db_at_int(&rows, i, 0);
    }
    *out = arena_new(arena, struct member_row, rows.rows_n);
    *n = rows.rows_n;
    return rows.is_bad ? ERR_INTEGRITY : store_members_read(store, arena, ids, rows.rows_n, *out);
}

/* The identifiers that a text may be. */
static size_t guess_identifiers(struct arena *arena, const struct vault *vault, struct str query,
                                struct identifier *list)
{
    static const enum identifier_kind KINDS[] = {IDENT_EXTERNAL, IDENT_EMAIL, IDENT_PHONE,
                                                 IDENT_CARD};
    size_t n = 0;
    if (identifier_read(arena, vault, query, NULL, "", &list[0]) == ERR_OK) {
        return 1;
    }
    for (size_t i = 0; i < ARRAY_N(KINDS); i++) {
        n += identifier_make(arena, vault, KINDS[i], query, NULL, "", &list[n]) == ERR_OK;
    }
    return n;
}

static enum err find_exact(struct store *store, struct arena *arena, struct str query,
                           int64_t before, size_t limit, struct member_row **out, size_t *n)
{
    struct identifier list[4];
    int64_t found[4];
    const size_t guesses = guess_identifiers(arena, store->base->vault, query, list);
    try(store_members_find(store, arena, list, guesses, found));
    *out = arena_new(arena, struct member_row, guesses);
    *n = 0;
    for (size_t i = 0; i < guesses && *n < limit; i++) {
        bool is_known = found[i] == 0 || found[i] >= before;
        for (size_t k = 0; k < i; k++) {
            is_known |= found[k] == found[i];
        }
        const enum err err =
            is_known ? ERR_NOT_FOUND : store_member_read(store, arena, found[i], &(*out)[*n]);
        if (err == ERR_OK) {
            (*n)++;
        } else if (err != ERR_NOT_FOUND) {
            return err;
        }
    }
    return ERR_OK;
}

enum err store_members_search(struct store *store, struct arena *arena, struct str query,
                              int64_t before, size_t limit, struct fail *f, struct member_row **out,
                              size_t *n)
{
    ensure(limit <= MEMBERS_PAGE_MAX);
    struct str words[NORMAL_WORDS_MAX];
    size_t words_n = 0;
    query = str_trim(query);
    try(find_exact(store, arena, query, before, limit, out, n));
    if (*n > 0) {
        return ERR_OK;
    }
    if (!normal_name(arena, query, words, &words_n)) {
        return fail(f, ERR_INVALID, "", "A search is an identifier, or at most %d words of a name.",
                    MEMBER_WORDS_MAX);
    }
    if (words_n > MEMBER_WORDS_MAX) {
        return fail(f, ERR_INVALID, "", "Search for at most %d words of a name.", MEMBER_WORDS_MAX);
    }
    return words_n == 0 ? ERR_OK : find_words(store, arena, words, words_n, before, limit, out, n);
}
