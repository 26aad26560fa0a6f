/* The vault: instance keys, sealing of personal data, blind indexes, keyed hashes.
 *
 * The master key wraps the other keys and does nothing else. A struct vault holds it and the
 * instance keys in locked memory; it is made once at start and read by all threads. Members' keys
 * are in keys.h.
 *
 * Owns:    the locked memory.
 * Threads: any thread, after vault_open().
 * Memory:  sodium_malloc() (guard pages, not swapped, not dumped); results in the arena given.
 * Errors:  ERR_CONFIG the key file or key store is not usable, or the master key is another one (f
 *          says what to do) ERR_INTEGRITY a sealed value does not open: changed, moved to another
 *          place, or another key
 * Limits:  VAULT_PLAIN_BYTES_MAX bytes sealed at once.
 */
#ifndef LOYALD_VAULT_H
#define LOYALD_VAULT_H

#include "base/err.h"
#include "db/db.h"

enum {
    VAULT_KEY_BYTES = 32,
    VAULT_HASH_BYTES = 16, // blind indexes, natural keys
    VAULT_FINGERPRINT_BYTES = 8,
    VAULT_COMMITMENT_BYTES = 32,
    VAULT_SEAL_BYTES = 2 + 24 + 16, // format and key version, nonce, tag: what sealing adds
    VAULT_PLAIN_BYTES_MAX = 16 * 1024 * 1024,
};

/* A data key: a member's, a held event's, or an instance key. Wipe copies with vault_wipe(). */
struct vault_key {
    unsigned char bytes[VAULT_KEY_BYTES];
    uint8_t version; // 1..255, 0: there is no such key (forgotten, or never made)
};

/* Instance keys: random, made at init, never changed, stored wrapped by name. */
enum vault_instance_key {
    VAULT_NATURAL,     // natural keys of events (source and id)
    VAULT_FINGERPRINT, // content of events
    VAULT_EXTERNAL_ID, // blind indexes …
    VAULT_EMAIL,
    VAULT_PHONE,
    VAULT_CARD,
    VAULT_NAME,
    VAULT_CODE,   // … to here: redemption codes, coupons, referral codes
    VAULT_SALES,  // unidentified sales, found by receipt, date and amount
    VAULT_DRAW,   // holdouts and splits
    VAULT_ANSWER, // stored answers of idempotent requests
    VAULT_SECRET, // seals the instance's own secrets: webhooks, senders, staff
    VAULT_PEPPER, // passwords
    VAULT_AUDIT,
    VAULT_BACKUP,
    VAULT_TOMBSTONE, // identifiers of forgotten members, so that no welcome bonus comes twice
    VAULT_INSTANCE_KEY_N
};

struct vault;

/* ---- start ---- */

/* Keeps secrets out of core dumps and other processes: PR_SET_DUMPABLE 0, RLIMIT_CORE 0, libsodium
 * ready. Call first thing in main(). */
enum err vault_process_harden(void) MUST_USE;

struct vault_config {
    const char *master_path;   // 32 bytes, mode 0400 or 0600, owned by the user who runs loyald
    bool is_credential;        // the file comes from systemd's credentials directory: its mode is
                               // systemd's business
    struct str keys_url;       // LOYALD_KEYS: path of an SQLite file or a PostgreSQL URL
    const char *erasures_path; // erasures.log, or NULL: no file copy
};

/* Writes a new random master key with mode 0400, durably; never over a file that exists
 * (ERR_CONFIG). */
enum err vault_master_create(const char *path, struct fail *f) MUST_USE;

/* Brings the key store up to date: its schema, its line with the instance's id, and the instance
 * keys that are missing. At init and at migrating; safe to repeat. ERR_CONFIG when the store
 * belongs to another instance or another master key: then nothing is changed. instance_id is 1 to
 * 64 bytes. */
enum err vault_init(const struct vault_config *config, struct str instance_id, int64_t now_ms,
                    struct fail *f) MUST_USE;

/* Loads the keys. Writes nothing, and refuses what vault_init() refuses. instance_id: from the
 * books; empty when it is not known yet. */
enum err vault_open(const struct vault_config *config, struct str instance_id, struct fail *f,
                    struct vault **out) MUST_USE;

/* Wipes and releases. NULL is allowed. */
void vault_close(struct vault *vault);

/* A value to store in the books and compare at start: made from the master key, says nothing about
 * it. */
void vault_master_check(const struct vault *vault, unsigned char out[VAULT_HASH_BYTES]);

/* The instance id the key store was made for, borrowed. */
struct str vault_instance_id(const struct vault *vault);

const struct vault_key *vault_instance_key(const struct vault *vault,
                                           enum vault_instance_key which);

/* ---- sealing ---- */

/* Where a sealed value lives; bound into it, so that it opens nowhere else. Names are ours and hold
 * no '|'. */
struct vault_place {
    const char *table;
    const char *column;
    int64_t owner_id; // member, or the row's own id where there is no member
};

/* XChaCha20-Poly1305 with a fresh random nonce: format 1 (one byte), key version (one byte), nonce,
 * ciphertext and tag; additional data is "table|column|owner|v1". key->version must not be 0. */
struct str vault_seal(struct arena *arena, const struct vault_key *key, struct vault_place place,
                      struct str plain);

/* The plain bytes, zero-terminated after their length. ERR_INTEGRITY, or ERR_NOT_FOUND when
 * key->version is 0: the member was forgotten. */
enum err vault_unseal(struct arena *arena, const struct vault_key *key, struct vault_place place,
                      struct str sealed, struct str *out) MUST_USE;

/* A key made from a secret that is not stored (an Idempotency-Key): the same secret gives the same
 * key. */
struct vault_key vault_key_derive(const struct vault *vault, enum vault_instance_key which,
                                  struct str secret);

/* Binds to a content without telling it: keyed with the member's key, so it says nothing once that
 * is gone. */
void vault_commit(const struct vault_key *key, struct vault_place place, struct str content,
                  unsigned char out[VAULT_COMMITMENT_BYTES]);

/* ---- keyed hashes ---- */

/* BLAKE2b over the parts, each preceded by its length, so that ("ab", "c") and ("a", "bc") differ.
 */
void vault_hash(const struct vault *vault, enum vault_instance_key which, const struct str *parts,
                size_t parts_n, unsigned char out[VAULT_HASH_BYTES]);

/* Blind index of one normalised value (normal.h): the same value gives the same index within a
 * field. */
void vault_blind(const struct vault *vault, enum vault_instance_key field, struct str normal,
                 unsigned char out[VAULT_HASH_BYTES]);

/* The natural key of an event, and the fingerprint of its canonical content: the first bytes of a
 * hash. It is asked only whether an event that is sent again is the same, so it need not be longer,
 * and rows of natural keys lie in random places, where every byte costs pages. */
void vault_natural_key(const struct vault *vault, struct str source, struct str id,
                       unsigned char out[VAULT_HASH_BYTES]);
void vault_fingerprint(const struct vault *vault, struct str content,
                       unsigned char out[VAULT_FINGERPRINT_BYTES]);

/* ---- tokens ---- */

enum { VAULT_TOKEN_BYTES = 3 + 52, VAULT_TOKEN_HASH_BYTES = 32 };

/* A new API key: "lk_" and 256 random bits in Crockford base32; shown once. Only its SHA-256 is
 * stored: with that much randomness nothing slower is needed. */
void vault_token_create(char out[VAULT_TOKEN_BYTES + 1],
                        unsigned char hash[VAULT_TOKEN_HASH_BYTES]);

/* The hash to look a presented token up by; false when it cannot be one. */
MUST_USE bool vault_token_hash(struct str token, unsigned char hash[VAULT_TOKEN_HASH_BYTES]);

/* Compares in the same time whatever differs: stops guessing byte by byte. */
MUST_USE bool vault_equal(const void *a, const void *b, size_t n);

void vault_random(void *out, size_t n);
void vault_wipe(void *bytes, size_t n);

#endif
