/* The self-check of referrals and reviews: codes open and find their members, lists say what states
 * and purchases say. */
#include "base/base.h"
#include "store/check.h"

#include "store/check_internal.h"
#include "store/referrals.h"
#include "store/reviews.h"
#include "store/store_internal.h"
#include "vault/code.h"

static struct str member_row(struct arena *arena, int64_t member)
{
    return check_row(arena, "mbr_", member);
}

/* Whether the books of this snapshot know that the member was forgotten: keys go before that is
 * committed. */
static enum err is_forgotten(struct store *store, struct arena *arena, int64_t member, bool *is)
{
    struct db_result rows;
    const struct db_value param = db_int(member);
    try(db_query(store->db, arena, Q_MEMBER_READ, &param, 1, &rows));
    *is = rows.rows_n == 0 || db_at_int(&rows, 0, 2) == MEMBER_ERASED;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

/* ---- codes ---- */

/* A row of the slice, with what its code should find. */
struct code_row {
    int64_t member;
    unsigned char hash[VAULT_HASH_BYTES]; // of the code as it opens
};

static bool code_opens(struct store *store, struct arena *arena, struct db_result *rows, size_t i,
                       const struct vault_key *key, struct code_row *out,
                       const struct check_listener *listener)
{
    const struct str hash = db_at_str(rows, i, 1);
    const struct str name = member_row(arena, out->member);
    struct str code = {0};
    if (store_referral_code_open(arena, key, out->member, db_at_str(rows, i, 2), &code) != ERR_OK) {
        TELL(listener, INV_SEALED, "referral_code", name, "the code does not open");
        return false;
    }
    code_hash(arena, store->base->vault, code, out->hash);
    if (hash.n != VAULT_HASH_BYTES || memcmp(hash.p, out->hash, VAULT_HASH_BYTES) != 0) {
        TELL(listener, INV_INDEXES, "referral_code", name, "the hash is not the code's");
        return false;
    }
    return true;
}

static enum err check_codes(struct store *store, struct arena *arena, struct db_result *rows,
                            const struct check_listener *listener)
{
    struct code_row *codes = arena_new(arena, struct code_row, rows->rows_n);
    int64_t *members = arena_new(arena, int64_t, rows->rows_n);
    struct vault_key *keys = arena_new(arena, struct vault_key, rows->rows_n);
    unsigned char(*hashes)[VAULT_HASH_BYTES] =
        arena_bytes(arena, arena_size(VAULT_HASH_BYTES, rows->rows_n));
    size_t n = 0;
    for (size_t i = 0; i < rows->rows_n; i++) {
        members[i] = db_at_int(rows, i, 0);
    }
    try(store_member_keys(store, members, rows->rows_n, keys));
    for (size_t i = 0; i < rows->rows_n; i++) {
        codes[n].member = members[i];
        if (keys[i].version == 0) {
            bool is_left = false;
            try(is_forgotten(store, arena, members[i], &is_left));
            if (is_left) {
                TELL(listener, INV_SEALED, "referral_code", member_row(arena, members[i]),
                     "the member is forgotten, their code is left");
            }
        } else if (code_opens(store, arena, rows, i, &keys[i], &codes[n], listener)) {
            memcpy(hashes[n], codes[n].hash, VAULT_HASH_BYTES);
            n++;
        }
    }
    vault_wipe(keys, rows->rows_n * sizeof *keys);
    try(store_advocates_find(store, arena, (const unsigned char(*)[VAULT_HASH_BYTES])hashes, n,
                             members));
    for (size_t i = 0; i < n; i++) {
        if (members[i] != codes[i].member) {
            TELL(listener, INV_INDEXES, "referral_code", member_row(arena, codes[i].member),
                 "the code does not find its member");
        }
    }
    return ERR_OK;
}

static enum err codes_slice(struct store *store, struct arena *arena, struct check_cursor *cursor,
                            const struct check_listener *listener)
{
    struct db_result rows;
    const struct db_value params[] = {db_int(cursor->member), db_int(CHECK_PAGE)};
    try(db_query(store->db, arena, Q_VERIFY_REFERRAL_CODES, params, ARRAY_N(params), &rows));
    try(check_codes(store, arena, &rows, listener));
    if (rows.rows_n > 0) {
        cursor->member = db_at_int(&rows, rows.rows_n - 1, 0);
    }
    cursor->rows_n += (int64_t)rows.rows_n;
    cursor->is_end = rows.rows_n < CHECK_PAGE;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_check_referral_codes(struct store *store, struct arena *arena,
                                    struct check_cursor *cursor,
                                    const struct check_listener *listener)
{
    return check_in_snapshot(store, arena, cursor, listener, codes_slice);
}

/* What finds a member is the hash of their own code: else friends would be somebody else's. */
static enum err hashes_slice(struct store *store, struct arena *arena, struct check_cursor *cursor,
                             const struct check_listener *listener)
{
    struct db_result rows;
    struct db_result codes = {0};
    struct map by_member;
    const struct db_value params[] = {db_blob(cursor->hash, VAULT_HASH_BYTES), db_int(CHECK_PAGE)};
    try(db_query(store->db, arena, Q_VERIFY_REFERRAL_HASHES, params, ARRAY_N(params), &rows));
    struct db_value *members = arena_new(arena, struct db_value, rows.rows_n);
    for (size_t i = 0; i < rows.rows_n; i++) {
        members[i] = db_int(db_at_int(&rows, i, 1));
    }
    if (rows.rows_n > 0) {
        try(db_query_rows(store->db, arena, Q_VERIFY_REFERRAL_CODES_OF, members, rows.rows_n, 1,
                          &codes));
    }
    map_open(&by_member, arena);
    for (size_t i = 0; i < codes.rows_n; i++) {
        struct str *hash = arena_new(arena, struct str, 1);
        *hash = db_at_str(&codes, i, 1);
        map_set_int(&by_member, db_at_int(&codes, i, 0), hash);
    }
    for (size_t i = 0; i < rows.rows_n; i++) {
        const struct str hash = db_at_str(&rows, i, 0);
        const struct str *own = map_find_int(&by_member, db_at_int(&rows, i, 1));
        if (hash.n != VAULT_HASH_BYTES) {
            return ERR_INTEGRITY;
        }
        memcpy(cursor->hash, hash.p, VAULT_HASH_BYTES);
        if (own == NULL || !str_eq(*own, hash)) {
            TELL(listener, INV_INDEXES, "referral_code_hash", check_hex(arena, hash),
                 "the member it finds has another code");
        }
    }
    cursor->rows_n += (int64_t)rows.rows_n;
    cursor->is_end = rows.rows_n < CHECK_PAGE;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_check_referral_hashes(struct store *store, struct arena *arena,
                                     struct check_cursor *cursor,
                                     const struct check_listener *listener)
{
    return check_in_snapshot(store, arena, cursor, listener, hashes_slice);
}

/* ---- lists of advocates ---- */

/* The list may be behind the referee, whose work for the advocate waits, but never ahead. */
static bool may_say(enum referral_state line, enum referral_state is)
{
    const int order[] = {[REFERRAL_NAMED] = 1,
                         [REFERRAL_QUALIFIED] = 2,
                         [REFERRAL_REWARDED] = 3,
                         [REFERRAL_CAPPED] = 3,
                         [REFERRAL_REVOKED] = 4};
    return is != REFERRAL_NONE && order[line] <= order[is];
}

static enum err referrals_slice(struct store *store, struct arena *arena,
                                struct check_cursor *cursor, const struct check_listener *listener)
{
    struct referral_line *lines = NULL;
    size_t n = 0;
    try(store_referrals_after(store, arena, cursor->id, CHECK_PAGE, &lines, &n));
    for (size_t i = 0; i < n; i++) {
        const struct referral *line = &lines[i].note.referral;
        struct member_facts referee = {.member = lines[i].note.referee};
        cursor->id = line->id;
        try(store_facts_load(store, arena, &referee, 1, false));
        vault_wipe(&referee.key, sizeof referee.key);
        const struct referral *is = referee.exists ? &referee.state->referral : NULL;
        if (is == NULL || is->id != line->id || is->advocate != lines[i].advocate ||
            !may_say(line->state, is->state)) {
            TELL(listener, INV_INDEXES, "referral", check_row(arena, "evt_", line->id),
                 "the line is not what the referee's state says");
        }
    }
    cursor->rows_n += (int64_t)n;
    cursor->is_end = n < CHECK_PAGE;
    return ERR_OK;
}

enum err store_check_referrals(struct store *store, struct arena *arena,
                               struct check_cursor *cursor, const struct check_listener *listener)
{
    return check_in_snapshot(store, arena, cursor, listener, referrals_slice);
}

/* ---- reviews ---- */

static bool is_of(const struct purchase *purchase, const struct review_row *row)
{
    for (size_t i = 0; i < purchase->reviews_n; i++) {
        const struct review *r = &purchase->reviews[i];
        const bool is_named = r->line < 0 || str_eq(purchase->content.lines[r->line].sku, row->sku);
        if (r->id == row->id) {
            return r->state == row->state && r->stars == row->stars && is_named &&
                   (r->line != REVIEW_OF_STORE || row->sku.n == 0);
        }
    }
    return false;
}

static enum err check_review(struct store *store, struct arena *arena, const struct review_row *row,
                             const struct check_listener *listener)
{
    struct member_facts facts = {.member = row->member};
    struct purchase purchase;
    const struct str name = check_row(arena, "rvw_", row->id);
    try(store_member_key(store, row->member, &facts.key));
    if (facts.key.version == 0) {
        bool is_left = false;
        try(is_forgotten(store, arena, row->member, &is_left));
        if (is_left && row->state != REVIEW_PUBLISHED) {
            TELL(listener, INV_SEALED, "review", name,
                 "the member is forgotten, what was not published is left");
        }
        return ERR_OK; // of the rest nothing can be read any more
    }
    const enum err err = store_purchase_load(store, arena, &facts, row->purchase, &purchase);
    vault_wipe(&facts.key, sizeof facts.key);
    if (err != ERR_OK && err != ERR_INTEGRITY && err != ERR_NOT_FOUND) {
        return err;
    }
    if (err != ERR_OK || !is_of(&purchase, row)) {
        TELL(listener, INV_INDEXES, "review", name, "the review is not what its purchase says");
    }
    return ERR_OK;
}

static enum err reviews_slice(struct store *store, struct arena *arena, struct check_cursor *cursor,
                              const struct check_listener *listener)
{
    struct review_row *rows = NULL;
    size_t n = 0;
    try(store_reviews_after(store, arena, cursor->id, CHECK_PAGE, &rows, &n));
    for (size_t i = 0; i < n; i++) {
        cursor->id = rows[i].id;
        try(check_review(store, arena, &rows[i], listener));
    }
    cursor->rows_n += (int64_t)n;
    cursor->is_end = n < CHECK_PAGE;
    return ERR_OK;
}

enum err store_check_reviews(struct store *store, struct arena *arena, struct check_cursor *cursor,
                             const struct check_listener *listener)
{
    return check_in_snapshot(store, arena, cursor, listener, reviews_slice);
}
