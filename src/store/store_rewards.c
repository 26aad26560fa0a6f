/* Rows of issued rewards, codes and coupon pools. */
#include "base/base.h"
#include "store/rewards.h"

#include "base/map.h"
#include "store/store_internal.h"
#include "vault/code.h"

enum { ISSUED_COLS = 7 };

#define CODE_PLACE(owner)                                                                          \
    ((struct vault_place){.table = "issued_reward", .column = "sealed", .owner_id = (owner)})
#define COUPON_PLACE(owner)                                                                        \
    ((struct vault_place){.table = "coupon", .column = "sealed", .owner_id = (owner)})

/* ---- reading ---- */

static enum err read_row(struct arena *arena, struct db_result *rows, size_t i,
                         const struct vault_key *key, struct issued *out)
{
    const int64_t state = db_at_int(rows, i, 5);
    struct issued issued = {
        .id = db_at_int(rows, i, 0),
        .member = db_at_int(rows, i, 1),
        .previous = db_at_int(rows, i, 2),
        .row_version = db_at_int(rows, i, 3),
        .reward = (int32_t)db_at_int(rows, i, 4),
        .state = state > 0 && state < ISSUED_STATES_N ? (enum issued_state)state : ISSUED_CANCELLED,
    };
    try(issued_unpack(arena, db_at_str(rows, i, 6), &issued));
    const enum err err =
        vault_unseal(arena, key, CODE_PLACE(issued.id), db_at_str(rows, i, 7), &issued.code);
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return err; // of a forgotten member the code is gone, the rest stays
    }
    *out = issued;
    return rows->is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_issued_load(struct store *store, struct arena *arena,
                           const struct member_facts *member, const int64_t *ids, size_t n,
                           struct issued **out, size_t *out_n)
{
    struct db_value *values = arena_new(arena, struct db_value, n * 2);
    struct db_result rows;
    *out_n = 0;
    if (n == 0) {
        return ERR_OK;
    }
    for (size_t i = 0; i < n; i++) {
        values[i * 2] = db_int(member->member);
        values[i * 2 + 1] = db_int(ids[i]);
    }
    try(db_query_rows(store->db, arena, Q_ISSUED_READ, values, n, 2, &rows));
    *out = arena_new(arena, struct issued, rows.rows_n);
    for (size_t i = 0; i < rows.rows_n; i++) {
        try(read_row(arena, &rows, i, &member->key, &(*out)[i]));
    }
    *out_n = rows.rows_n;
    return ERR_OK;
}

enum err store_issued_list(struct store *store, struct arena *arena,
                           const struct member_facts *member, int64_t from_id, size_t n,
                           struct issued **out, size_t *out_n)
{
    struct db_result rows;
    const struct db_value values[] = {db_int(member->member), db_int(from_id), db_int((int64_t)n)};
    *out_n = 0;
    if (from_id == 0) {
        return ERR_OK;
    }
    try(db_query(store->db, arena, Q_ISSUED_OF_MEMBER, values, ARRAY_N(values), &rows));
    *out = arena_new(arena, struct issued, rows.rows_n);
    for (size_t i = 0; i < rows.rows_n; i++) {
        try(read_row(arena, &rows, i, &member->key, &(*out)[i]));
    }
    *out_n = rows.rows_n;
    return ERR_OK;
}

enum err store_issued_owner(struct store *store, struct arena *arena, int64_t id, int64_t *member)
{
    struct db_result rows;
    const struct db_value value = db_int(id);
    try(db_query(store->db, arena, Q_ISSUED_OWNER, &value, 1, &rows));
    *member = rows.rows_n > 0 ? db_at_int(&rows, 0, 0) : 0;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_codes_find(struct store *store, struct arena *arena, const struct str *codes,
                          size_t n, int64_t *ids, int64_t *members)
{
    struct db_value *values = arena_new(arena, struct db_value, n);
    unsigned char(*hashes)[VAULT_HASH_BYTES] = arena_bytes(arena, arena_size(VAULT_HASH_BYTES, n));
    struct db_result rows;
    for (size_t i = 0; i < n; i++) {
        code_hash(arena, store->base->vault, codes[i], hashes[i]);
        values[i] = db_blob(hashes[i], VAULT_HASH_BYTES);
        ids[i] = members[i] = 0;
    }
    if (n == 0) {
        return ERR_OK;
    }
    try(db_query_rows(store->db, arena, Q_REWARD_CODES_FIND, values, n, 1, &rows));
    for (size_t r = 0; r < rows.rows_n; r++) {
        const struct str hash = db_at_str(&rows, r, 0);
        for (size_t i = 0; i < n && hash.n == VAULT_HASH_BYTES; i++) {
            if (memcmp(hash.p, hashes[i], VAULT_HASH_BYTES) == 0) {
                members[i] = db_at_int(&rows, r, 1);
                ids[i] = db_at_int(&rows, r, 2);
            }
        }
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

/* ---- coupon pools ---- */

enum err store_coupon_read(struct store *store, struct arena *arena, int32_t pool, int64_t number,
                           struct str *code)
{
    struct db_result rows;
    const struct db_value values[] = {db_int(pool), db_int(number)};
    try(db_query_rows(store->db, arena, Q_COUPONS_READ, values, 1, 2, &rows));
    if (rows.rows_n != 1) {
        return ERR_INTEGRITY; // the counters say that there are codes left
    }
    const struct vault_key *key = vault_instance_key(store->base->vault, VAULT_SECRET);
    return vault_unseal(arena, key, COUPON_PLACE(number), db_at_str(&rows, 0, 2), code);
}

/* Marks codes that the pool has, and those that come twice in the list. */
static enum err find_duplicates(struct store *store, struct arena *arena, int32_t pool,
                                unsigned char (*hashes)[VAULT_HASH_BYTES], size_t n,
                                bool *is_duplicate)
{
    struct db_value *values = arena_new(arena, struct db_value, n * 2);
    struct db_result rows;
    struct map known;
    map_open(&known, arena);
    for (size_t i = 0; i < n; i++) {
        values[i * 2] = db_int(pool);
        values[i * 2 + 1] = db_blob(hashes[i], VAULT_HASH_BYTES);
    }
    try(db_query_rows(store->db, arena, Q_COUPON_HASHES_FIND, values, n, 2, &rows));
    for (size_t r = 0; r < rows.rows_n; r++) {
        const struct str hash = db_at_str(&rows, r, 0);
        if (hash.n != VAULT_HASH_BYTES) {
            return ERR_INTEGRITY;
        }
        map_set(&known, (const unsigned char *)hash.p, &known);
    }
    for (size_t i = 0; i < n; i++) {
        is_duplicate[i] = map_find(&known, hashes[i]) != NULL;
        map_set(&known, hashes[i], &known);
    }
    return ERR_OK;
}

enum err store_coupons_add(struct store *store, struct arena *arena, int32_t pool, int64_t uploaded,
                           const struct str *codes, size_t n, bool *is_duplicate, int64_t *added)
{
    ensure(db_in_transaction(store->db));
    ensure(n <= COUPONS_PER_WRITE);
    const struct vault_key *key = vault_instance_key(store->base->vault, VAULT_SECRET);
    unsigned char(*hashes)[VAULT_HASH_BYTES] = arena_bytes(arena, arena_size(VAULT_HASH_BYTES, n));
    struct db_value *coupons = arena_new(arena, struct db_value, n * 3);
    struct db_value *news = arena_new(arena, struct db_value, n * 2);
    size_t at = 0;
    *added = 0;
    if (n == 0) {
        return ERR_OK;
    }
    for (size_t i = 0; i < n; i++) {
        code_hash(arena, store->base->vault, codes[i], hashes[i]);
    }
    try(find_duplicates(store, arena, pool, hashes, n, is_duplicate));
    for (size_t i = 0; i < n; i++) {
        if (is_duplicate[i]) {
            continue;
        }
        const int64_t number = uploaded + (int64_t)at + 1;
        const struct str sealed = vault_seal(arena, key, COUPON_PLACE(number), codes[i]);
        coupons[at * 3] = db_int(pool);
        coupons[at * 3 + 1] = db_int(number);
        coupons[at * 3 + 2] = db_blob(sealed.p, sealed.n);
        news[at * 2] = db_int(pool);
        news[at * 2 + 1] = db_blob(hashes[i], VAULT_HASH_BYTES);
        at++;
    }
    *added = (int64_t)at;
    try(db_exec_rows(store->db, Q_COUPONS_INSERT, coupons, at, 3, NULL));
    return db_exec_rows(store->db, Q_COUPON_HASHES_INSERT, news, at, 2, NULL);
}

enum err store_issued_counts(struct store *store, struct arena *arena, struct issued_count **out,
                             size_t *n)
{
    struct db_result rows;
    try(db_query(store->db, arena, Q_ISSUED_COUNTS, NULL, 0, &rows));
    *out = arena_new(arena, struct issued_count, rows.rows_n);
    *n = rows.rows_n;
    for (size_t i = 0; i < rows.rows_n; i++) {
        (*out)[i] = (struct issued_count){.reward = (int32_t)db_at_int(&rows, i, 0),
                                          .n = db_at_int(&rows, i, 1)};
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_shared_value(struct store *store, struct arena *arena, int32_t symbol, int64_t *out)
{
    struct shared_use *list = NULL;
    size_t n = 0;
    try(store_shared_list(store, arena, &list, &n));
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        *out = list[i].symbol == symbol && list[i].day == DAY_TOTAL ? list[i].points : *out;
    }
    return ERR_OK;
}

enum err store_shared_set(struct store *store, struct arena *arena, int32_t symbol, int64_t value)
{
    (void)arena; // like its sister
    const struct db_value row[] = {db_int(symbol), db_int(DAY_TOTAL), db_int(value)};
    return db_exec_rows(store->db, Q_SHARED_COUNTERS_WRITE, row, 1, ARRAY_N(row), NULL);
}

/* ---- the batch ---- */

/* The last that a batch made of a reward is the one that is kept. */
static bool is_last(const struct batch_effects *effects, size_t event, int64_t id)
{
    for (size_t k = event + 1; k < effects->events_n; k++) {
        const struct decision *later = effects->events[k].decision;
        for (size_t i = 0; i < later->issued_n; i++) {
            if (later->issued[i].id == id) {
                return false;
            }
        }
    }
    return true;
}

static void issued_row(struct arena *arena, const struct vault_key *key,
                       const struct issued *issued, struct db_value *row)
{
    struct buf data;
    buf_open(&data, arena, EVENT_RECORD_BYTES_MAX);
    issued_pack(&data, issued);
    ensure(!data.is_full);
    const struct str sealed = vault_seal(arena, key, CODE_PLACE(issued->id), issued->code);
    const struct db_value values[ISSUED_COLS] = {
        db_int(issued->id),          db_int(issued->member), db_int(issued->previous),
        db_int(issued->reward),      db_int(issued->state),  db_blob(data.p, data.n),
        db_blob(sealed.p, sealed.n),
    };
    memcpy(row, values, sizeof values);
}

enum err store_rewards_apply(struct store *store, struct arena *arena,
                             const struct batch_effects *effects)
{
    size_t max = 0;
    for (size_t e = 0; e < effects->events_n; e++) {
        max += effects->events[e].decision->issued_n;
    }
    if (max == 0) {
        return ERR_OK;
    }
    struct db_value *rows = arena_new(arena, struct db_value, max * ISSUED_COLS);
    struct db_value *codes = arena_new(arena, struct db_value, max * 3);
    size_t rows_n = 0;
    size_t codes_n = 0;
    int64_t inserted = 0;
    for (size_t e = 0; e < effects->events_n; e++) {
        const struct applied_event *applied = &effects->events[e];
        for (size_t i = 0; i < applied->decision->issued_n; i++) {
            const struct issued *issued = &applied->decision->issued[i];
            const bool is_new =
                issued->row_version == 0 && issued->event == applied->decision->event_id;
            if (is_last(effects, e, issued->id)) {
                issued_row(arena, &applied->member->key, issued, &rows[rows_n++ * ISSUED_COLS]);
            }
            if (is_new && issued->code.n > 0) {
                unsigned char *hash = arena_bytes(arena, VAULT_HASH_BYTES);
                code_hash(arena, store->base->vault, issued->code, hash);
                codes[codes_n * 3] = db_blob(hash, VAULT_HASH_BYTES);
                codes[codes_n * 3 + 1] = db_int(issued->member);
                codes[codes_n++ * 3 + 2] = db_int(issued->id);
            }
        }
    }
    try(db_exec_rows(store->db, Q_ISSUED_WRITE, rows, rows_n, ISSUED_COLS, NULL));
    try(db_exec_rows(store->db, Q_REWARD_CODES_INSERT, codes, codes_n, 3, &inserted));
    return (size_t)inserted == codes_n ? ERR_OK : ERR_RETRY;
}
