/* Changing and forgetting members. */
#include "base/base.h"
#include "store/members.h"

#include "store/members_internal.h"
#include "store/referrals.h"
#include "store/reviews.h"
#include "vault/normal.h"

enum { WORD_COLS = 2, ERASURES_PAGE = 1000 };

/* ---- what a member is found by ---- */

/* Adds the words that are not there yet. */
static void add_words(struct member_index *index, const struct str *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool is_known = false;
        for (size_t k = 0; k < index->words_n; k++) {
            is_known |= str_eq(index->words[k], words[i]);
        }
        if (!is_known && index->words_n < ARRAY_N(index->words)) {
            index->words[index->words_n++] = words[i];
        }
    }
}

enum err member_index_make(struct arena *arena, const struct vault *vault,
                           const struct member_profile *profile, struct fail *f,
                           struct member_index *out)
{
    const struct {
        enum identifier_kind kind;
        struct str value;
        const char *pointer;
    } fields[MEMBER_IDENTIFIERS_MAX] = {
        {IDENT_EXTERNAL, profile->external_id, "/external_id"},
        {IDENT_EMAIL, profile->email, "/email"},
        {IDENT_PHONE, profile->phone, "/phone"},
        {IDENT_CARD, profile->card, "/card"},
    };
    const struct str names[] = {profile->given, profile->family};
    *out = (struct member_index){0};
    for (size_t i = 0; i < ARRAY_N(fields); i++) {
        if (fields[i].value.n > 0) {
            try(identifier_make(arena, vault, fields[i].kind, fields[i].value, f, fields[i].pointer,
                                &out->identifiers[out->identifiers_n]));
            out->identifiers_n++;
        }
    }
    for (size_t i = 0; i < ARRAY_N(names); i++) {
        struct str words[NORMAL_WORDS_MAX];
        size_t words_n = 0;
        if (names[i].n > 0 && !normal_name(arena, names[i], words, &words_n)) {
            return fail(f, ERR_INVALID, i == 0 ? "/name/given" : "/name/family",
                        "A name has at most %d words.", NORMAL_WORDS_MAX);
        }
        add_words(out, words, words_n);
    }
    return ERR_OK;
}

static void clear_of(struct arena *arena, const struct program *program,
                     const struct member_profile *profile, struct clear_profile *out)
{
    *out = (struct clear_profile){
        .birth_on = profile->birth_on,
        .birth_entered_at = profile->birth_entered_at,
        .birth_changes = profile->birth_changes,
        .gender = profile->gender,
        .country = profile->country,
        .city = profile->city,
        .language = profile->language,
        .tags = profile_clear_tags(arena, profile),
        .attributes = profile_clear_attributes(arena, program, profile),
    };
}

enum err store_enrolment_make(struct store *store, struct arena *arena,
                              const struct program *program, const struct member_profile *profile,
                              struct fail *f, struct enrolment *out)
{
    struct member_index *index = arena_new(arena, struct member_index, 1);
    try(member_index_make(arena, store->base->vault, profile, f, index));
    out->identifiers = index->identifiers;
    out->identifiers_n = index->identifiers_n;
    out->sealed_profile = profile_sealed_text(arena, program, profile);
    clear_of(arena, program, profile, &out->clear);
    memcpy(out->name_words, index->words, sizeof out->name_words);
    out->name_words_n = index->words_n;
    out->likenesses_n = likeness_make(arena, store->base->vault, profile, out->likenesses);
    return ERR_OK;
}

/* ---- changing ---- */

static bool has_identifier(const struct member_index *index, const struct identifier *one)
{
    for (size_t i = 0; i < index->identifiers_n; i++) {
        if (index->identifiers[i].kind == one->kind &&
            memcmp(index->identifiers[i].hash, one->hash, VAULT_HASH_BYTES) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_word(const struct member_index *index, struct str word)
{
    for (size_t i = 0; i < index->words_n; i++) {
        if (str_eq(index->words[i], word)) {
            return true;
        }
    }
    return false;
}

/* Rows for the identifiers of `of` that `not_in` lacks (NULL: all). */
static size_t identifier_rows(const struct member_index *of, const struct member_index *not_in,
                              int64_t member, struct db_value *rows)
{
    size_t n = 0;
    for (size_t i = 0; i < of->identifiers_n; i++) {
        if (not_in == NULL || !has_identifier(not_in, &of->identifiers[i])) {
            rows[n * IDENTIFIER_COLS] = db_int(of->identifiers[i].kind);
            rows[n * IDENTIFIER_COLS + 1] = db_blob(of->identifiers[i].hash, VAULT_HASH_BYTES);
            rows[n * IDENTIFIER_COLS + 2] = db_int(member);
            n++;
        }
    }
    return n;
}

static size_t word_rows(struct arena *arena, const struct vault *vault,
                        const struct member_index *of, const struct member_index *not_in,
                        int64_t member, struct db_value *rows)
{
    size_t n = 0;
    for (size_t i = 0; i < of->words_n; i++) {
        if (not_in == NULL || !has_word(not_in, of->words[i])) {
            unsigned char *hash = arena_bytes(arena, VAULT_HASH_BYTES);
            vault_blind(vault, VAULT_NAME, of->words[i], hash);
            rows[n * WORD_COLS] = db_blob(hash, VAULT_HASH_BYTES);
            rows[n * WORD_COLS + 1] = db_int(member);
            n++;
        }
    }
    return n;
}

/* Says which of the new identifiers is another member's. */
static enum err identifier_is_taken(struct store *store, struct arena *arena,
                                    const struct member_index *index, int64_t member,
                                    struct fail *f)
{
    static const char *const POINTERS[] = {"", "/external_id", "/email", "/phone", "/card"};
    int64_t owners[MEMBER_IDENTIFIERS_MAX];
    try(store_members_find(store, arena, index->identifiers, index->identifiers_n, owners));
    for (size_t i = 0; i < index->identifiers_n; i++) {
        if (owners[i] != 0 && owners[i] != member) {
            return fail(f, ERR_IDENTIFIER_TAKEN, POINTERS[index->identifiers[i].kind],
                        "Another member has this identifier.");
        }
    }
    return ERR_OK;
}

static enum err write_index(struct store *store, struct arena *arena, int64_t member,
                            const struct member_index *was, const struct member_index *is,
                            struct fail *f)
{
    struct db_value identifiers[MEMBER_IDENTIFIERS_MAX * IDENTIFIER_COLS];
    struct db_value words[ARRAY_N(was->words) * WORD_COLS];
    const struct vault *vault = store->base->vault;
    int64_t inserted = 0;
    try(identifier_is_taken(store, arena, is, member, f));
    size_t n = identifier_rows(was, is, member, identifiers);
    try(identifiers_delete(store, identifiers, n));
    n = identifier_rows(is, was, member, identifiers);
    try(db_exec_rows(store->db, Q_IDENTIFIERS_INSERT, identifiers, n, IDENTIFIER_COLS, &inserted));
    if ((size_t)inserted != n) {
        return ERR_RETRY; // another process was faster: the next run says which
    }
    n = word_rows(arena, vault, was, is, member, words);
    try(db_exec_rows(store->db, Q_NAME_WORDS_DELETE, words, n, WORD_COLS, NULL));
    n = word_rows(arena, vault, is, was, member, words);
    return db_exec_rows(store->db, Q_NAME_WORDS_INSERT, words, n, WORD_COLS, NULL);
}

enum err store_member_update(struct store *store, struct arena *arena,
                             const struct program *program, int64_t member, int64_t revision,
                             const struct member_profile *profile, struct fail *f)
{
    ensure(db_in_transaction(store->db));
    struct member_row row;
    struct member_index was;
    struct member_index is;
    struct vault_key key;
    struct clear_profile clear;
    struct db_value clear_values[CLEAR_COLS];
    int64_t changed = 0;
    try(store_members_lock(store, arena, &member, 1));
    try(store_member_read(store, arena, member, &row));
    if (row.status == MEMBER_ERASED) {
        return ERR_NOT_FOUND;
    }
    if (revision != 0 && revision != row.revision) {
        return fail(f, ERR_PRECONDITION, "", "The member was changed meanwhile: read them again.");
    }
    try(member_index_make(arena, store->base->vault, &row.profile, NULL, &was));
    try(member_index_make(arena, store->base->vault, profile, f, &is));
    try(write_index(store, arena, member, &was, &is, f));
    try(store_member_key(store, member, &key));
    if (key.version == 0) {
        return ERR_NOT_FOUND;
    }
    const struct str sealed = vault_seal(arena, &key, PROFILE_PLACE(member),
                                         profile_sealed_text(arena, program, profile));
    vault_wipe(&key, sizeof key);
    const struct db_value values[] = {db_blob(sealed.p, sealed.n), db_int(member),
                                      db_int(row.revision)};
    try(db_exec(store->db, Q_MEMBER_UPDATE, values, ARRAY_N(values), &changed));
    clear_of(arena, program, profile, &clear);
    clear_row(member, &clear, clear_values);
    try(db_exec_rows(store->db, Q_MEMBER_CLEARS_WRITE, clear_values, 1, CLEAR_COLS, NULL));
    return changed == 1 ? ERR_OK : ERR_RETRY;
}

enum err store_member_identifiers(struct store *store, struct arena *arena,
                                  const struct member_profile *profile,
                                  const struct identifier **out, size_t *n)
{
    struct member_index *index = arena_new(arena, struct member_index, 1);
    try(member_index_make(arena, store->base->vault, profile, NULL, index));
    *out = index->identifiers;
    *n = index->identifiers_n;
    return ERR_OK;
}

enum err store_member_status_set(struct store *store, struct arena *arena, int64_t member,
                                 enum member_status status)
{
    ensure(db_in_transaction(store->db));
    ensure(status != MEMBER_ERASED);
    const struct db_value values[] = {db_int(status), db_int(member)};
    int64_t changed = 0;
    try(store_members_lock(store, arena, &member, 1));
    try(db_exec(store->db, Q_MEMBER_STATUS_SET, values, ARRAY_N(values), &changed));
    return changed == 1 ? ERR_OK : ERR_NOT_FOUND;
}

/* ---- forgetting ---- */

/* The member and whatever of theirs has a key of its own, ended in rounds that the key store
 * admits. */
static enum err end_keys(struct store *store, struct arena *arena, int64_t member, int64_t now,
                         bool *is_final)
{
    struct db_result rows;
    const struct db_value param = db_int(member);
    try(db_query(store->db, arena, Q_HELD_OF_MEMBER, &param, 1, &rows));
    int64_t *owners = arena_new(arena, int64_t, rows.rows_n + 1);
    owners[0] = member;
    for (size_t i = 0; i < rows.rows_n; i++) {
        owners[i + 1] = db_at_int(&rows, i, 0);
    }
    *is_final = true;
    for (size_t from = 0; from < rows.rows_n + 1; from += VAULT_ERASE_MAX) {
        const size_t left = rows.rows_n + 1 - from;
        bool is_gone = false;
        try(vault_keys_erase(store->keys, owners + from,
                             left < VAULT_ERASE_MAX ? left : VAULT_ERASE_MAX, now, &is_gone));
        *is_final = *is_final && is_gone;
    }
    struct db_value *held = arena_new(arena, struct db_value, rows.rows_n);
    for (size_t i = 0; i < rows.rows_n; i++) {
        held[i] = db_int(owners[i + 1]);
    }
    return db_exec_rows(store->db, Q_HELD_DELETE, held, rows.rows_n, 1, NULL);
}

/* Without the profile nobody knows the indexes: then the whole tables are looked through. */
static enum err delete_index(struct store *store, struct arena *arena, int64_t member,
                             const struct member_index *index)
{
    const struct db_value param = db_int(member);
    if (index == NULL) {
        try(identifiers_delete_of(store, member));
        return db_exec(store->db, Q_MEMBER_WORDS_DELETE, &param, 1, NULL);
    }
    struct db_value identifiers[MEMBER_IDENTIFIERS_MAX * IDENTIFIER_COLS];
    struct db_value words[ARRAY_N(index->words) * WORD_COLS];
    size_t n = identifier_rows(index, NULL, member, identifiers);
    try(identifiers_delete(store, identifiers, n));
    n = word_rows(arena, store->base->vault, index, NULL, member, words);
    return db_exec_rows(store->db, Q_NAME_WORDS_DELETE, words, n, WORD_COLS, NULL);
}

static enum err forget_rows(struct store *store, struct arena *arena, int64_t member,
                            const struct member_index *index)
{
    const struct db_value param = db_int(member);
    try(delete_index(store, arena, member, index));
    try(db_exec(store->db, Q_MEMBER_CLEAR_DELETE, &param, 1, NULL));
    try(db_exec(store->db, Q_MEMBER_TIMERS_DELETE, &param, 1, NULL));
    return db_exec(store->db, Q_MEMBER_ERASE, &param, 1, NULL);
}

/* What the member is found by, while it can still be known; NULL when it cannot. */
static enum err index_before(struct store *store, struct arena *arena, int64_t member,
                             const struct member_index **out)
{
    struct member_row row;
    struct member_index *index = arena_new(arena, struct member_index, 1);
    const enum err err = store_member_read(store, arena, member, &row);
    *out = NULL;
    if (err != ERR_OK && err != ERR_INTEGRITY) {
        return err; // a damaged profile keeps nobody from being forgotten
    }
    if (err == ERR_OK && row.status != MEMBER_ERASED &&
        member_index_make(arena, store->base->vault, &row.profile, NULL, index) == ERR_OK) {
        *out = index;
    }
    return ERR_OK;
}

enum err store_member_erase(struct store *store, struct arena *arena, int64_t member, int64_t now,
                            bool *is_final)
{
    ensure(db_in_transaction(store->db));
    const struct member_index *index = NULL;
    try(store_members_lock(store, arena, &member, 1));
    try(index_before(store, arena, member, &index));
    try(end_keys(store, arena, member, now, is_final));
    const struct db_value owner = db_int(member);
    try(db_exec(store->db, Q_REWARD_CODES_FORGET, &owner, 1, NULL));
    try(db_exec(store->db, Q_RELAYS_FORGET, &owner, 1, NULL));
    try(store_referrals_forget(store, arena, member));
    try(store_reviews_forget(store, member));
    return forget_rows(store, arena, member, index);
}

/* Those of a page of erasures whom the books do not know as forgotten. */
static enum err unmarked(struct store *store, struct arena *arena, const struct vault_erasure *list,
                         size_t n, struct vault_erasure *out, size_t *out_n)
{
    struct db_value *params = arena_new(arena, struct db_value, n);
    struct db_result rows;
    *out_n = 0;
    if (n == 0) {
        return ERR_OK;
    }
    for (size_t i = 0; i < n; i++) {
        params[i] = db_int(list[i].owner_id);
    }
    try(db_query_rows(store->db, arena, Q_MEMBERS_READ, params, n, 1, &rows));
    for (size_t i = 0; i < rows.rows_n; i++) {
        for (size_t k = 0; k < n && db_at_int(&rows, i, 2) != MEMBER_ERASED; k++) {
            if (list[k].owner_id == db_at_int(&rows, i, 0)) {
                out[(*out_n)++] = list[k];
            }
        }
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

static enum err forget_all(struct store *store, struct arena *arena,
                           const struct vault_erasure *list, size_t n,
                           enum err (*forget)(struct store *store, struct arena *arena,
                                              int64_t member, int64_t erased_at))
{
    try(db_begin(store->db, DB_WRITE));
    enum err err = ERR_OK;
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        err = forget(store, arena, list[i].owner_id,
                     list[i].erased_at); // with a key that a restored backup has brought back
    }
    if (err == ERR_OK) {
        err = db_commit(store->db);
    }
    db_rollback(store->db); // nothing to do after a commit
    return err;
}

enum err store_erasures_finish(struct store *store,
                               enum err (*forget)(struct store *store, struct arena *arena,
                                                  int64_t member, int64_t erased_at),
                               struct fail *f, size_t *forgotten_n)
{
    struct arena arena;
    enum err err = ERR_OK;
    int64_t after = INT64_MIN;
    size_t n = ERASURES_PAGE;
    size_t replayed_n = 0;
    *forgotten_n = 0;
    ensure(!db_in_transaction(store->db));
    err = vault_erasures_replay(store->keys, f, &replayed_n);
    arena_open(&arena, (size_t)256 * 1024 * 1024);
    while (err == ERR_OK && n == ERASURES_PAGE) {
        size_t left_n = 0;
        arena_reset(&arena);
        struct vault_erasure *list = arena_new(&arena, struct vault_erasure, ERASURES_PAGE);
        struct vault_erasure *left = arena_new(&arena, struct vault_erasure, ERASURES_PAGE);
        err = vault_erasures_list(store->keys, after, list, ERASURES_PAGE, &n);
        after = err == ERR_OK && n > 0 ? list[n - 1].owner_id : after;
        if (err == ERR_OK) {
            err = unmarked(store, &arena, list, n, left, &left_n);
        }
        if (err == ERR_OK && left_n > 0) {
            err = forget_all(store, &arena, left, left_n, forget);
            *forgotten_n += left_n;
        }
    }
    arena_close(&arena);
    return err;
}
