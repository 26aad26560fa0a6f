/* API keys and the scopes they carry; stored answers of idempotent requests.
 *
 * Owns:    nothing.
 * Threads: that of the store.
 * Memory:  the arena given.
 * Errors:  ERR_UNAUTHENTICATED, ERR_KEY_REUSED, ERR_IN_PROGRESS and those of the database.
 * Limits:  CREDENTIAL_NAME_BYTES_MAX, IDEMPOTENCY_KEY_BYTES_MAX, IDEMPOTENCY_DAYS.
 */
#ifndef LOYALD_STORE_CREDENTIALS_H
#define LOYALD_STORE_CREDENTIALS_H

#include "store/store.h"

enum {
    CREDENTIAL_NAME_BYTES_MAX = 200,
    CREDENTIALS_PAGE_MAX = 1000,
    IDEMPOTENCY_KEY_BYTES_MAX = 255,
    IDEMPOTENCY_DAYS = 7,
};

/* ---- scopes ---- */

enum scope {
#define SCOPE(name, text, help) name,
#include "store/scopes.def"
#undef SCOPE
    SCOPES_N
};
_Static_assert(SCOPES_N <= 64, "a scope_set has 64 bits");

typedef uint64_t scope_set; // bit n is enum scope n
#define SCOPE_SET_ALL ((scope_set)((UINT64_C(1) << SCOPES_N) - 1))

static inline bool scope_is_in(scope_set set, enum scope scope)
{
    return (set >> scope & 1) != 0;
}

const char *scope_text(enum scope scope);
const char *scope_help(enum scope scope);

/* Reads names set apart by commas or blanks; "all" is every scope of this release. ERR_INVALID
 * names the wrong one. */
enum err scope_set_read(struct str text, struct fail *f, const char *pointer,
                        scope_set *out) MUST_USE;

/* The names with a blank between, or "all". */
struct str scope_set_text(struct arena *arena, scope_set set);

/* ---- API keys ---- */

struct api_key {
    int64_t id;
    struct str name;
    scope_set scopes;
    int64_t created_at;
    int64_t expires_at; // AT_NEVER: no end
    int64_t revoked_at; // AT_NEVER: it holds
};

/* Makes a key in the running transaction. *token is what is shown once; only its hash is stored.
 * Fills in key->id. */
enum err store_key_create(struct store *store, struct arena *arena, struct api_key *key,
                          struct fail *f, char token[VAULT_TOKEN_BYTES + 1]) MUST_USE;

/* The key of a token presented. ERR_UNAUTHENTICATED when there is none, or it is revoked or over.
 * Reads the database every time: what is revoked is refused at the next request. */
enum err store_key_find(struct store *store, struct arena *arena, struct str token, int64_t now,
                        struct api_key *out) MUST_USE;

/* One key by id, revoked ones too. ERR_NOT_FOUND. */
enum err store_key_read(struct store *store, struct arena *arena, int64_t id,
                        struct api_key *out) MUST_USE;

/* Newest first, those before an id (INT64_MAX: from the start). */
enum err store_keys_list(struct store *store, struct arena *arena, int64_t before, size_t limit,
                         struct api_key **out, size_t *n) MUST_USE;

/* From the next request on. ERR_NOT_FOUND when there is no such key; revoking twice keeps the first
 * instant. */
enum err store_key_revoke(struct store *store, struct arena *arena, int64_t id,
                          int64_t now) MUST_USE;

/* The key as JSON, without anything secret: for answers and audit entries. */
void api_key_write(struct buf *out, const struct api_key *key);

/* ---- idempotent requests ---- */

/* One request with its Idempotency-Key. An answer about one member is sealed under the member's
 * key, so that it ends with them; every other with a key made from the Idempotency-Key itself,
 * which is not stored: a thief of the database cannot open it. Wipe with idempotency_close(). */
struct idempotency {
    unsigned char hash[VAULT_HASH_BYTES];        // of credential, route and key
    unsigned char fingerprint[VAULT_HASH_BYTES]; // of method, path and body
    struct vault_key key;
    int64_t member; // whom the answer is about, 0: nobody; set before it is stored
};
void idempotency_open(const struct vault *vault, int64_t credential, struct str route,
                      struct str key, struct str method, struct str path, struct str body,
                      struct idempotency *out);
void idempotency_close(struct idempotency *idempotency);

struct stored_answer {
    int status; // HTTP
    struct str body;
    struct str extra; // opaque to the store: headers to repeat, or empty
};

/* The answer that was given before: *has_answer false when the key is new (or over). ERR_KEY_REUSED
 * for another request under the same key; ERR_IN_PROGRESS while the first one still runs;
 * ERR_NOT_FOUND when it was about a member who was forgotten since. */
enum err store_idempotency_find(struct store *store, struct arena *arena,
                                const struct idempotency *idempotency, int64_t now,
                                bool *has_answer, struct stored_answer *out) MUST_USE;

/* Takes the key for this request in the running transaction: for work that commits before its
 * answer is known. ERR_CONFLICT: somebody else has it; look again with store_idempotency_find()
 * after rolling back. */
enum err store_idempotency_reserve(struct store *store, struct arena *arena,
                                   const struct idempotency *idempotency, int64_t now) MUST_USE;

/* Keeps the answer, in the transaction of the write itself (or after a reservation). ERR_CONFLICT
 * as above. About a member who was forgotten meanwhile nothing is kept. */
enum err store_idempotency_store(struct store *store, struct arena *arena,
                                 const struct idempotency *idempotency, int64_t now,
                                 const struct stored_answer *answer) MUST_USE;

/* Gives a reservation back: the request failed on our side and may be sent again. */
enum err store_idempotency_release(struct store *store,
                                   const struct idempotency *idempotency) MUST_USE;

/* Forgets answers older than IDEMPOTENCY_DAYS. */
enum err store_idempotency_expire(struct store *store, int64_t now, int64_t *forgotten_n) MUST_USE;

#endif
