/* Rows of referrals. */
#include "base/base.h"
#include "store/referrals.h"

#include "store/store_internal.h"
#include "vault/code.h"
#include "vault/normal.h"

#define CODE_PLACE(owner)                                                                          \
    ((struct vault_place){.table = "referral_code", .column = "sealed", .owner_id = (owner)})

/* Numbers are stored: append only. */
enum likeness_kind {
    LIKE_EMAIL = 1,
    LIKE_PHONE = 2,
    LIKE_CARD = 3,
    LIKE_ADDRESS = 4,
    LIKE_DEVICE = 5,
    LIKE_PAYMENT = 6
};

/* ---- likenesses ---- */

/* "a.n.n+shop@googlemail.com" is "ann@gmail.com": tags are cut off, dots where the domain ignores
 * them. */
static struct str plain_email(struct arena *arena, struct str normal)
{
    const size_t at = str_find(normal, '@', 0);
    const size_t plus = str_find(normal, '+', 0);
    const size_t tag = plus == 0 ? at : plus; // a name that is nothing but a tag is a name
    struct str domain = str_after(normal, at + 1);
    const bool ignores_dots =
        str_eq(domain, STR("gmail.com")) || str_eq(domain, STR("googlemail.com"));
    struct buf plain;
    buf_open(&plain, arena, NORMAL_BYTES_MAX + 1);
    for (size_t i = 0; i < at && i < tag; i++) {
        if (!ignores_dots || normal.p[i] != '.') {
            buf_add(&plain, &normal.p[i], 1);
        }
    }
    domain = ignores_dots ? STR("gmail.com") : domain;
    return str_fmt(arena, "%.*s@%.*s", STR_ARG(buf_view(&plain)), STR_ARG(domain));
}

/* Words without case, accents and punctuation, and without what is between them: "1012 AB" is
 * "1012ab". */
static bool plain_words(struct arena *arena, struct str value, struct str *out)
{
    struct str words[NORMAL_WORDS_MAX];
    size_t n = 0;
    if (value.n == 0 || !normal_name(arena, value, words, &n) || n == 0) {
        return false;
    }
    *out = words[0];
    for (size_t i = 1; i < n; i++) {
        *out = str_fmt(arena, "%.*s%.*s", STR_ARG(*out), STR_ARG(words[i]));
    }
    return true;
}

static void add(struct arena *arena, const struct vault *vault, enum likeness_kind kind,
                struct str value, struct likeness *out, size_t *n)
{
    // Told apart from the indexes of identifiers, which members are found by: these only say "the
    // same".
    const struct str named = str_fmt(arena, "likeness/%d/%.*s", (int)kind, STR_ARG(value));
    ensure(*n < LIKENESSES_MAX);
    out[*n].kind = kind;
    vault_blind(vault, VAULT_EMAIL, named, out[(*n)++].hash);
}

size_t likeness_make(struct arena *arena, const struct vault *vault,
                     const struct member_profile *profile, struct likeness out[LIKENESSES_MAX])
{
    size_t n = 0;
    struct str normal;
    if (profile->email.n > 0 && normal_email(arena, profile->email, &normal)) {
        add(arena, vault, LIKE_EMAIL, plain_email(arena, normal), out, &n);
    }
    if (profile->phone.n > 0 && normal_phone(arena, profile->phone, &normal)) {
        add(arena, vault, LIKE_PHONE, normal, out, &n);
    }
    if (profile->card.n > 0 && normal_card(arena, profile->card, &normal)) {
        add(arena, vault, LIKE_CARD, normal, out, &n);
    }
    if (plain_words(arena, json_str(json_at(profile->attributes, "address")), &normal)) {
        add(arena, vault, LIKE_ADDRESS, normal, out, &n);
    }
    const struct str device = str_trim(json_str(json_at(profile->attributes, "device")));
    const struct str payment = str_trim(json_str(json_at(profile->attributes, "payment_token")));
    if (device.n > 0) {
        add(arena, vault, LIKE_DEVICE, device, out, &n);
    }
    if (payment.n > 0) {
        add(arena, vault, LIKE_PAYMENT, payment, out, &n);
    }
    return n;
}

bool likeness_meets(const struct likeness *a, size_t a_n, const struct likeness *b, size_t b_n)
{
    for (size_t i = 0; i < a_n; i++) {
        for (size_t k = 0; k < b_n; k++) {
            if (a[i].kind == b[k].kind && memcmp(a[i].hash, b[k].hash, VAULT_HASH_BYTES) == 0) {
                return true;
            }
        }
    }
    return false;
}

enum err store_likeness_read(struct store *store, struct arena *arena, int64_t member,
                             struct likeness **out, size_t *n)
{
    struct db_result rows;
    struct member_row row;
    const struct db_value param = db_int(member);
    try(db_query(store->db, arena, Q_LIKENESSES_OF, &param, 1, &rows));
    *out = arena_new(arena, struct likeness, rows.rows_n + LIKENESSES_MAX);
    *n = 0;
    for (size_t i = 0; i < rows.rows_n; i++) {
        const struct str hash = db_at_str(&rows, i, 1);
        if (hash.n == VAULT_HASH_BYTES) {
            (*out)[*n].kind = (int)db_at_int(&rows, i, 0);
            memcpy((*out)[(*n)++].hash, hash.p, VAULT_HASH_BYTES);
        }
    }
    if (rows.is_bad) {
        return ERR_INTEGRITY;
    }
    if (*n > 0) {
        return ERR_OK;
    }
    // Enrolled before the program had referrals.
    const enum err err = store_member_read(store, arena, member, &row);
    if (err == ERR_OK && row.status != MEMBER_ERASED) {
        *n = likeness_make(arena, store->base->vault, &row.profile, *out);
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err insert_likenesses(struct store *store, struct arena *arena, int64_t member,
                                  const struct likeness *list, size_t n)
{
    enum { COLS = 3 };
    struct db_value *rows = arena_new(arena, struct db_value, n * COLS);
    for (size_t i = 0; i < n; i++) {
        rows[i * COLS] = db_int(member);
        rows[i * COLS + 1] = db_int(list[i].kind);
        rows[i * COLS + 2] = db_blob(list[i].hash, VAULT_HASH_BYTES);
    }
    return db_exec_rows(store->db, Q_LIKENESSES_INSERT, rows, n, COLS, NULL);
}

enum err store_likeness_add(struct store *store, struct arena *arena, int64_t member,
                            const struct member_profile *profile)
{
    ensure(db_in_transaction(store->db));
    struct likeness *list = arena_new(arena, struct likeness, LIKENESSES_MAX);
    return insert_likenesses(store, arena, member, list,
                             likeness_make(arena, store->base->vault, profile, list));
}

/* ---- codes ---- */

enum err store_advocates_find(struct store *store, struct arena *arena,
                              const unsigned char (*hashes)[VAULT_HASH_BYTES], size_t n,
                              int64_t *members)
{
    struct db_value *values = arena_new(arena, struct db_value, n);
    struct db_result rows;
    for (size_t i = 0; i < n; i++) {
        values[i] = db_blob(hashes[i], VAULT_HASH_BYTES);
        members[i] = 0;
    }
    if (n == 0) {
        return ERR_OK;
    }
    try(db_query_rows(store->db, arena, Q_REFERRAL_CODES_FIND, values, n, 1, &rows));
    for (size_t r = 0; r < rows.rows_n; r++) {
        const struct str hash = db_at_str(&rows, r, 0);
        for (size_t i = 0; i < n && hash.n == VAULT_HASH_BYTES; i++) {
            if (memcmp(hash.p, hashes[i], VAULT_HASH_BYTES) == 0) {
                members[i] = db_at_int(&rows, r, 1);
            }
        }
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_referral_code_open(struct arena *arena, const struct vault_key *key, int64_t member,
                                  struct str sealed, struct str *code)
{
    return vault_unseal(arena, key, CODE_PLACE(member), sealed, code);
}

enum err store_referral_code_read(struct store *store, struct arena *arena,
                                  const struct member_facts *member, struct str *code)
{
    struct db_result rows;
    const struct db_value param = db_int(member->member);
    *code = (struct str){0};
    try(db_query(store->db, arena, Q_REFERRAL_CODE_READ, &param, 1, &rows));
    if (rows.rows_n == 0 || member->key.version == 0) {
        return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
    }
    return store_referral_code_open(arena, &member->key, member->member, db_at_str(&rows, 0, 1),
                                    code);
}

static enum err insert_code(struct store *store, struct arena *arena,
                            const struct member_facts *member, struct str code)
{
    unsigned char hash[VAULT_HASH_BYTES];
    int64_t inserted = 0;
    code_hash(arena, store->base->vault, code, hash);
    const struct str sealed = vault_seal(arena, &member->key, CODE_PLACE(member->member), code);
    const struct db_value row[] = {db_int(member->member), db_blob(hash, VAULT_HASH_BYTES),
                                   db_blob(sealed.p, sealed.n)};
    const struct db_value found_by[] = {db_blob(hash, VAULT_HASH_BYTES), db_int(member->member)};
    try(db_exec_rows(store->db, Q_REFERRAL_CODES_INSERT, row, 1, ARRAY_N(row), &inserted));
    if (inserted != 1) {
        return ERR_RETRY; // another process was faster: the next run reads its code
    }
    return db_exec_rows(store->db, Q_REFERRAL_HASHES_INSERT, found_by, 1, ARRAY_N(found_by), NULL);
}

enum err store_referral_code_make(struct store *store, struct arena *arena,
                                  const struct member_facts *member, struct str *code)
{
    struct member_row row;
    ensure(db_in_transaction(store->db));
    try(store_referral_code_read(store, arena, member, code));
    if (code->n > 0 || member->key.version == 0) {
        return ERR_OK;
    }
    *code = code_draw(arena);
    try(store_member_read(store, arena, member->member, &row));
    try(store_likeness_add(store, arena, member->member, &row.profile));
    return insert_code(store, arena, member, *code);
}

/* ---- chains ---- */

enum err store_referrals_lock(struct store *store, struct arena *arena)
{
    struct db_result row;
    const struct db_value zero = db_int(0);
    ensure(db_in_transaction(store->db));
    return db_one(store->db, arena, Q_REFERRALS_LOCK, &zero, 1, &row);
}

enum err store_advocate_of(struct store *store, struct arena *arena, int64_t member,
                           int64_t *advocate)
{
    struct member_facts facts = {.member = member};
    try(store_facts_load(store, arena, &facts, 1, false));
    *advocate = facts.exists ? facts.state->referral.advocate : 0;
    return ERR_OK;
}

/* ---- lists ---- */

static enum err read_lines(struct arena *arena, struct db_result *rows, struct referral_line **out,
                           size_t *out_n)
{
    *out = arena_new(arena, struct referral_line, rows->rows_n);
    for (size_t i = 0; i < rows->rows_n; i++) {
        const int64_t state = db_at_int(rows, i, 4);
        if (state <= REFERRAL_NONE || state >= REFERRAL_STATES_N) {
            return ERR_INTEGRITY;
        }
        (*out)[i] = (struct referral_line){
            .advocate = db_at_int(rows, i, 0),
            .note =
                {
                    .referee = db_at_int(rows, i, 2),
                    .referral =
                        {
                            .id = db_at_int(rows, i, 1),
                            .definition = (int32_t)db_at_int(rows, i, 3),
                            .state = (enum referral_state)state,
                            .named_at = db_at_int(rows, i, 5),
                            .qualified_at = db_at_int(rows, i, 6),
                            .held_until = db_at_int(rows, i, 7),
                            .rewarded_at = db_at_int(rows, i, 8),
                            .revoked_at = db_at_int(rows, i, 9),
                        },
                },
        };
    }
    *out_n = rows->rows_n;
    return rows->is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_referrals_list(struct store *store, struct arena *arena, int64_t member,
                              int64_t before, size_t n, struct referral_line **out, size_t *out_n)
{
    struct db_result rows;
    const struct db_value of_member[] = {db_int(member), db_int(before), db_int((int64_t)n)};
    const struct db_value of_all[] = {db_int(before), db_int((int64_t)n)};
    if (member != 0) {
        try(db_query(store->db, arena, Q_REFERRALS_OF_MEMBER, of_member, ARRAY_N(of_member),
                     &rows));
    } else {
        try(db_query(store->db, arena, Q_REFERRALS_NEWEST, of_all, ARRAY_N(of_all), &rows));
    }
    return read_lines(arena, &rows, out, out_n);
}

enum err store_referrals_after(struct store *store, struct arena *arena, int64_t after, size_t n,
                               struct referral_line **out, size_t *out_n)
{
    struct db_result rows;
    const struct db_value params[] = {db_int(after), db_int((int64_t)n)};
    try(db_query(store->db, arena, Q_VERIFY_REFERRALS, params, ARRAY_N(params), &rows));
    return read_lines(arena, &rows, out, out_n);
}

/* ---- the batch ---- */

/* The last line of a referral in the batch is the one that is kept. */
static bool is_last_of(const struct batch_effects *effects, size_t i)
{
    const struct decision *d = effects->events[i].decision;
    for (size_t k = i + 1; k < effects->events_n; k++) {
        const struct decision *later = effects->events[k].decision;
        if (later->member == d->member && later->referral.referral.state != REFERRAL_NONE &&
            later->referral.referral.id == d->referral.referral.id) {
            return false;
        }
    }
    return true;
}

static enum err apply_lines(struct store *store, struct arena *arena,
                            const struct batch_effects *effects)
{
    enum { COLS = 10 };
    struct db_value *rows = arena_new(arena, struct db_value, effects->events_n * COLS);
    size_t n = 0;
    for (size_t i = 0; i < effects->events_n; i++) {
        const struct decision *d = effects->events[i].decision;
        const struct referral *r = &d->referral.referral;
        if (r->state == REFERRAL_NONE || !is_last_of(effects, i)) {
            continue;
        }
        const struct db_value row[COLS] = {
            db_int(d->member),       db_int(r->id),         db_int(d->referral.referee),
            db_int(r->definition),   db_int(r->state),      db_int(r->named_at),
            db_int(r->qualified_at), db_int(r->held_until), db_int(r->rewarded_at),
            db_int(r->revoked_at),
        };
        memcpy(&rows[n++ * COLS], row, sizeof row);
    }
    return db_exec_rows(store->db, Q_REFERRALS_WRITE, rows, n, COLS, NULL);
}

enum err store_referrals_apply(struct store *store, struct arena *arena,
                               const struct batch_effects *effects)
{
    for (size_t i = 0; i < effects->enrolments_n; i++) {
        const struct enrolment *enrolment = &effects->enrolments[i];
        if (enrolment->referral_code.n > 0) {
            try(insert_code(store, arena, enrolment->facts, enrolment->referral_code));
            try(insert_likenesses(store, arena, enrolment->member, enrolment->likenesses,
                                  enrolment->likenesses_n));
        }
    }
    return apply_lines(store, arena, effects);
}

enum err store_referrals_forget(struct store *store, struct arena *arena, int64_t member)
{
    struct db_result rows;
    const struct db_value param = db_int(member);
    try(db_query(store->db, arena, Q_REFERRAL_CODE_READ, &param, 1, &rows));
    if (rows.rows_n > 0) {
        const struct str hash = db_at_str(&rows, 0, 0);
        const struct db_value key = db_blob(hash.p, hash.n);
        try(db_exec(store->db, Q_REFERRAL_HASH_DELETE, &key, 1, NULL));
    }
    try(db_exec(store->db, Q_REFERRAL_CODE_DELETE, &param, 1, NULL));
    return db_exec(store->db, Q_LIKENESSES_DELETE, &param, 1, NULL);
}
