/* Identifiers: from text to blind index to member. */
#include "base/base.h"
#include "store/store.h"

#include "store/store_internal.h"
#include "vault/card.h"
#include "vault/normal.h"

static enum vault_instance_key index_key(enum identifier_kind kind)
{
    switch (kind) {
    case IDENT_EXTERNAL:
        return VAULT_EXTERNAL_ID;
    case IDENT_EMAIL:
        return VAULT_EMAIL;
    case IDENT_PHONE:
        return VAULT_PHONE;
    case IDENT_CARD:
        return VAULT_CARD;
    case IDENT_NONE:
    case IDENT_MEMBER:
        break;
    }
    ensure(!"only natural identifiers have an index");
    return VAULT_EXTERNAL_ID;
}

static bool normalise(struct arena *arena, enum identifier_kind kind, struct str value,
                      struct str *out)
{
    switch (kind) {
    case IDENT_EXTERNAL:
        return normal_external_id(value, out);
    case IDENT_EMAIL:
        return normal_email(arena, value, out);
    case IDENT_PHONE:
        return normal_phone(arena, value, out);
    case IDENT_CARD:
        return normal_card(arena, value, out);
    case IDENT_NONE:
    case IDENT_MEMBER:
        break;
    }
    return false;
}

enum err identifier_make(struct arena *arena, const struct vault *vault, enum identifier_kind kind,
                         struct str value, struct fail *f, const char *pointer,
                         struct identifier *out)
{
    static const char *const HELP[] = {
        "",
        "an external id is 1 to 254 bytes of text",
        "an e-mail address looks like ann@example.org",
        "a phone number starts with + and its country code",
        "a card number is printable text",
    };
    struct identifier identifier = {.kind = kind};
    if (!normalise(arena, kind, value, &identifier.normal)) {
        return fail(f, ERR_INVALID, pointer, "This is not what was expected: %s.", HELP[kind]);
    }
    vault_blind(vault, index_key(kind), identifier.normal, identifier.hash);
    *out = identifier;
    return ERR_OK;
}

bool card_code_read(struct str text, int64_t *member, struct str *code)
{
    const struct str prefix = STR("code:");
    const struct str rest = str_starts(text, prefix) ? str_after(text, prefix.n) : (struct str){0};
    size_t dot = 0;
    while (dot < rest.n && rest.p[dot] != '.') {
        dot++;
    }
    if (dot == rest.n || !id_read("mbr_", (struct str){.p = rest.p, .n = dot}, member)) {
        return false;
    }
    *code = str_after(rest, dot + 1);
    bool is_digits = code->n == CARD_DIGITS;
    for (size_t i = 0; i < code->n; i++) {
        is_digits &= code->p[i] >= '0' && code->p[i] <= '9';
    }
    return is_digits;
}

enum err identifier_read(struct arena *arena, const struct vault *vault, struct str text,
                         struct fail *f, const char *pointer, struct identifier *out)
{
    static const struct {
        const char *prefix;
        enum identifier_kind kind;
    } PREFIXES[] = {{"ext:", IDENT_EXTERNAL},
                    {"email:", IDENT_EMAIL},
                    {"phone:", IDENT_PHONE},
                    {"card:", IDENT_CARD}};
    struct str code;
    int64_t member = 0;
    if (id_read("mbr_", text, &member) || card_code_read(text, &member, &code)) {
        *out = (struct identifier){.kind = IDENT_MEMBER, .member = member};
        return ERR_OK;
    }
    for (size_t i = 0; i < ARRAY_N(PREFIXES); i++) {
        const struct str prefix = str_c(PREFIXES[i].prefix);
        if (str_starts(text, prefix)) {
            return identifier_make(arena, vault, PREFIXES[i].kind, str_after(text, prefix.n), f,
                                   pointer, out);
        }
    }
    return fail(f, ERR_INVALID, pointer,
                "A member is named by mbr_…, ext:VALUE, email:VALUE, phone:VALUE, card:VALUE or "
                "code:mbr_….DIGITS.");
}

enum err store_members_find(struct store *store, struct arena *arena, const struct identifier *list,
                            size_t n, int64_t *out)
{
    struct db_value *keys = arena_new(arena, struct db_value, n * 2);
    size_t keys_n = 0;
    struct db_result rows;
    for (size_t i = 0; i < n; i++) {
        out[i] = list[i].kind == IDENT_MEMBER ? list[i].member : 0;
        if (identifier_is_natural(&list[i])) {
            keys[keys_n * 2] = db_int(list[i].kind);
            keys[keys_n * 2 + 1] = db_blob(list[i].hash, VAULT_HASH_BYTES);
            keys_n++;
        }
    }
    if (keys_n == 0) {
        return ERR_OK;
    }
    try(db_query_rows(store->db, arena, Q_IDENTIFIERS_FIND, keys, keys_n, 2, &rows));
    // SQLite answers in the order of the keys, so one walk usually finds each at once.
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t tried = 0; identifier_is_natural(&list[i]) && tried < rows.rows_n; tried++) {
            const size_t row = (at + tried) % rows.rows_n;
            const struct str hash = db_at_str(&rows, row, 1);
            if (db_at_int(&rows, row, 0) == (int64_t)list[i].kind && hash.n == VAULT_HASH_BYTES &&
                memcmp(hash.p, list[i].hash, VAULT_HASH_BYTES) == 0) {
                out[i] = db_at_int(&rows, row, 2);
                at = row + 1;
                break;
            }
        }
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

/* ---- remembering ---- */

struct identifier_key {
    unsigned char bytes[RECENT_KEY_BYTES];
};
_Static_assert((int)VAULT_HASH_BYTES == (int)RECENT_KEY_BYTES, "a blind index is a key");

/* Equal values have other hashes in other fields; the kind makes it sure. */
static struct identifier_key identifier_key(const struct identifier *identifier)
{
    struct identifier_key key;
    memcpy(key.bytes, identifier->hash, sizeof key.bytes);
    key.bytes[0] ^= (unsigned char)identifier->kind;
    return key;
}

/* Fills in whom is remembered; `rest` and `places` are the others. */
static size_t recall(const struct store *store, const struct identifier *list, size_t n,
                     int64_t *out, struct identifier *rest, size_t *places)
{
    size_t rest_n = 0;
    for (size_t i = 0; i < n; i++) {
        const struct identifier_key key = identifier_key(&list[i]);
        const int64_t *member =
            identifier_is_natural(&list[i]) ? recent_find(&store->members, key.bytes) : NULL;
        if (member != NULL) {
            memcpy(&out[i], member, sizeof out[i]);
        } else {
            rest[rest_n] = list[i];
            places[rest_n++] = i;
        }
    }
    return rest_n;
}

/* Whom they led to is remembered no more, whatever becomes of the transaction. */
enum err identifiers_delete(struct store *store, const struct db_value *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct db_value *row = &rows[i * IDENTIFIER_COLS];
        struct identifier identifier = {.kind = (enum identifier_kind)row[0].i};
        memcpy(identifier.hash, row[1].s.p, sizeof identifier.hash);
        recent_forget(&store->members, identifier_key(&identifier).bytes);
    }
    return db_exec_rows(store->db, Q_IDENTIFIERS_DELETE, rows, n, IDENTIFIER_COLS, NULL);
}

enum err identifiers_delete_of(struct store *store, int64_t member)
{
    const struct db_value param = db_int(member);
    recent_clear(&store->members); // nobody knows which were theirs
    return db_exec(store->db, Q_MEMBER_IDENTIFIERS_DELETE, &param, 1, NULL);
}

enum err store_members_meet(struct store *store, struct arena *arena, const struct identifier *list,
                            size_t n, int64_t *out)
{
    ensure(db_in_transaction(store->db));
    if (!store->remembers) {
        return store_members_find(store, arena, list, n, out);
    }
    int64_t version = 0;
    try(db_others_version(store->db, &version));
    recent_follow(&store->members, version);
    struct identifier *rest = arena_new(arena, struct identifier, n);
    size_t *places = arena_new(arena, size_t, n);
    const size_t rest_n = recall(store, list, n, out, rest, places);
    int64_t *found = arena_new(arena, int64_t, rest_n);
    try(store_members_find(store, arena, rest, rest_n, found));
    for (size_t i = 0; i < rest_n; i++) {
        out[places[i]] = found[i];
        if (found[i] != 0 && identifier_is_natural(&rest[i])) {
            recent_note(&store->members, identifier_key(&rest[i]).bytes, &found[i]);
        }
    }
    return ERR_OK;
}
