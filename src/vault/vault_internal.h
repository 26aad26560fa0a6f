/* What the files of vault/ share.
 *
 * Owns:    see vault.h.
 * Threads: see vault.h.
 * Memory:  see vault.h.
 * Errors:  see vault.h.
 * Limits:  see vault.h.
 */
#ifndef LOYALD_VAULT_INTERNAL_H
#define LOYALD_VAULT_INTERNAL_H

#include "vault/vault.h"

#include <sodium.h>

enum {
    WRAP_NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    WRAP_TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    WRAPPED_BYTES = WRAP_NONCE_BYTES + VAULT_KEY_BYTES + WRAP_TAG_BYTES, // 72, as the schema says
    AAD_BYTES_MAX = 200,
    INSTANCE_ID_BYTES_MAX = 64,
};
_Static_assert(WRAPPED_BYTES == 72, "sql/keys/migrations has CHECKs with this number");
_Static_assert(VAULT_SEAL_BYTES == 2 + WRAP_NONCE_BYTES + WRAP_TAG_BYTES,
               "vault.h states what sealing adds");
_Static_assert(VAULT_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "one size of key");

/* What must never be swapped or dumped: lives in sodium_malloc()'d memory, read-only after start.
 */
struct vault_secrets {
    unsigned char master[VAULT_KEY_BYTES];
    struct vault_key instance[VAULT_INSTANCE_KEY_N];
};

struct vault {
    struct arena own; // holds this very struct and the strings of its configuration
    struct vault_config config;
    struct str instance_id;
    struct vault_secrets *secrets;
};

/* Checks the key file's owner, mode and size and reads it into locked memory of 32 bytes. */
enum err master_load(const struct vault_config *config, struct fail *f,
                     unsigned char out[VAULT_KEY_BYTES]) MUST_USE;

/* Makes the directory of a file remember its names: a new file can be lost with the power
 * otherwise. */
enum err directory_sync(const char *path) MUST_USE;

void master_check_make(const unsigned char master[VAULT_KEY_BYTES],
                       unsigned char out[VAULT_HASH_BYTES]);

/* Wraps a key under the master key; the additional data says whose it is. */
void key_wrap(const unsigned char master[VAULT_KEY_BYTES], const char *aad,
              const unsigned char key[VAULT_KEY_BYTES], unsigned char out[WRAPPED_BYTES]);
MUST_USE bool key_unwrap(const unsigned char master[VAULT_KEY_BYTES], const char *aad,
                         struct str wrapped, unsigned char out[VAULT_KEY_BYTES]);

#endif
