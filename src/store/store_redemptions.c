/* Rows of redemption codes. */
#include "base/base.h"
#include "store/rewards.h"

#include "store/store_internal.h"
#include "vault/code.h"

enum err store_redemptions_find(struct store *store, struct arena *arena, struct redemption *list,
                                size_t n)
{
    struct db_value *values = arena_new(arena, struct db_value, n);
    struct db_result rows;
    for (size_t i = 0; i < n; i++) {
        values[i] = db_blob(list[i].hash, VAULT_HASH_BYTES);
        list[i].definition = 0;
        list[i].used = 0;
    }
    if (n == 0) {
        return ERR_OK;
    }
    try(db_query_rows(store->db, arena, Q_REDEMPTION_CODES_FIND, values, n, 1, &rows));
    for (size_t r = 0; r < rows.rows_n; r++) {
        const struct str hash = db_at_str(&rows, r, 0);
        for (size_t i = 0; i < n && hash.n == VAULT_HASH_BYTES; i++) {
            if (memcmp(hash.p, list[i].hash, VAULT_HASH_BYTES) == 0) {
                list[i].definition = (int32_t)db_at_int(&rows, r, 1);
                list[i].used = db_at_int(&rows, r, 2);
            }
        }
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

static int hash_order(const void *a, const void *b)
{
    const struct redemption *const *x = a;
    const struct redemption *const *y = b;
    const int order = memcmp((*x)->hash, (*y)->hash, VAULT_HASH_BYTES);
    return order != 0 ? order : (*x > *y) - (*x < *y);
}

/* Marks codes that come twice in the list: the later ones. */
static void mark_repeated(struct arena *arena, const struct redemption *list, size_t n,
                          bool *is_known)
{
    const struct redemption **sorted = arena_new(arena, const struct redemption *, n);
    for (size_t i = 0; i < n; i++) {
        sorted[i] = &list[i];
    }
    qsort(sorted, n, sizeof *sorted, hash_order);
    for (size_t i = 1; i < n; i++) {
        if (memcmp(sorted[i - 1]->hash, sorted[i]->hash, VAULT_HASH_BYTES) == 0) {
            is_known[sorted[i] - list] = true;
        }
    }
}

enum err store_redemptions_add(struct store *store, struct arena *arena, int32_t definition,
                               const struct str *codes, size_t n, bool *is_known, int64_t *added)
{
    ensure(db_in_transaction(store->db));
    ensure(n <= COUPONS_PER_WRITE);
    struct redemption *list = arena_new(arena, struct redemption, n);
    struct db_value *rows = arena_new(arena, struct db_value, n * 2);
    size_t at = 0;
    *added = 0;
    if (n == 0) {
        return ERR_OK;
    }
    for (size_t i = 0; i < n; i++) {
        code_hash(arena, store->base->vault, codes[i], list[i].hash);
    }
    try(store_redemptions_find(store, arena, list, n));
    for (size_t i = 0; i < n; i++) {
        is_known[i] = list[i].definition != 0;
    }
    mark_repeated(arena, list, n, is_known);
    for (size_t i = 0; i < n; i++) {
        if (!is_known[i]) {
            rows[at * 2] = db_blob(list[i].hash, VAULT_HASH_BYTES);
            rows[at * 2 + 1] = db_int(definition);
            at++;
        }
    }
    try(db_exec_rows(store->db, Q_REDEMPTION_CODES_INSERT, rows, at, 2, added));
    return (size_t)*added == at ? ERR_OK : ERR_RETRY;
}
