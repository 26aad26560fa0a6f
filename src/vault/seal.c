/* Sealing, wrapping, keyed hashes, tokens: libsodium with our formats around it. */
#include "base/base.h"
#include "vault/vault_internal.h"

enum { FORMAT_V1 = 1, TOKEN_CHARS = 52, TOKEN_PREFIX_CHARS = 3 };

static const char TOKEN_PREFIX[] = "lk_";
static const char TOKEN_ALPHABET[] =
    "0123456789abcdefghjkmnpqrstvwxyz"; // Crockford base32, lower case

/* ---- wrapping ---- */

void key_wrap(const unsigned char master[VAULT_KEY_BYTES], const char *aad,
              const unsigned char key[VAULT_KEY_BYTES], unsigned char out[WRAPPED_BYTES])
{
    randombytes_buf(out, WRAP_NONCE_BYTES);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(out + WRAP_NONCE_BYTES, NULL, key,
                                                     VAULT_KEY_BYTES, (const unsigned char *)aad,
                                                     strlen(aad), NULL, out,
                                                     master); // cannot fail at this size
}

bool key_unwrap(const unsigned char master[VAULT_KEY_BYTES], const char *aad, struct str wrapped,
                unsigned char out[VAULT_KEY_BYTES])
{
    if (wrapped.n != WRAPPED_BYTES) {
        return false;
    }
    const unsigned char *bytes = (const unsigned char *)wrapped.p;
    return crypto_aead_xchacha20poly1305_ietf_decrypt(
               out, NULL, NULL, bytes + WRAP_NONCE_BYTES, WRAPPED_BYTES - WRAP_NONCE_BYTES,
               (const unsigned char *)aad, strlen(aad), bytes, master) == 0;
}

/* ---- sealing ---- */

static size_t place_write(struct vault_place place, char out[AAD_BYTES_MAX])
{
    ensure(strchr(place.table, '|') == NULL);
    ensure(strchr(place.column, '|') == NULL);
    const int n = snprintf(out, AAD_BYTES_MAX, "%s|%s|%" PRId64 "|v1", place.table, place.column,
                           place.owner_id);
    ensure(n > 0 && n < AAD_BYTES_MAX);
    return (size_t)n;
}

struct str vault_seal(struct arena *arena, const struct vault_key *key, struct vault_place place,
                      struct str plain)
{
    ensure(key->version != 0);
    ensure(plain.n <= VAULT_PLAIN_BYTES_MAX);
    char aad[AAD_BYTES_MAX];
    const size_t aad_n = place_write(place, aad);
    unsigned char *sealed = arena_bytes(arena, plain.n + VAULT_SEAL_BYTES);
    sealed[0] = FORMAT_V1;
    sealed[1] = key->version;
    unsigned char *nonce = sealed + 2;
    randombytes_buf(nonce, WRAP_NONCE_BYTES);
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + WRAP_NONCE_BYTES, NULL,
                                                     (const unsigned char *)plain.p, plain.n,
                                                     (const unsigned char *)aad, aad_n, NULL, nonce,
                                                     key->bytes); // cannot fail at these sizes
    return (struct str){.p = (const char *)sealed, .n = plain.n + VAULT_SEAL_BYTES};
}

enum err vault_unseal(struct arena *arena, const struct vault_key *key, struct vault_place place,
                      struct str sealed, struct str *out)
{
    if (key->version == 0) {
        return ERR_NOT_FOUND;
    }
    const unsigned char *bytes = (const unsigned char *)sealed.p;
    if (sealed.n < VAULT_SEAL_BYTES || sealed.n > VAULT_PLAIN_BYTES_MAX + VAULT_SEAL_BYTES ||
        bytes[0] != FORMAT_V1 || bytes[1] != key->version) {
        return ERR_INTEGRITY;
    }
    char aad[AAD_BYTES_MAX];
    const size_t aad_n = place_write(place, aad);
    const size_t plain_n = sealed.n - VAULT_SEAL_BYTES;
    unsigned char *plain = arena_bytes(arena, plain_n + 1);
    const unsigned char *nonce = bytes + 2;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            plain, NULL, NULL, nonce + WRAP_NONCE_BYTES, plain_n + WRAP_TAG_BYTES,
            (const unsigned char *)aad, aad_n, nonce, key->bytes) != 0) {
        return ERR_INTEGRITY;
    }
    *out = (struct str){.p = (const char *)plain, .n = plain_n};
    return ERR_OK;
}

/* ---- keyed hashes ---- */

/* Each part is preceded by its length in eight bytes, little end first. */
static void part_add(crypto_generichash_state *state, struct str part)
{
    unsigned char length[8];
    for (size_t i = 0; i < sizeof length; i++) {
        length[i] = (unsigned char)((uint64_t)part.n >> (8 * i));
    }
    (void)crypto_generichash_update(state, length,
                                    sizeof length); // fails for wrong sizes only, as do the others
    (void)crypto_generichash_update(state, (const unsigned char *)part.p, part.n);
}

static void parts_hash(const unsigned char key[VAULT_KEY_BYTES], const struct str *parts,
                       size_t parts_n, unsigned char *out, size_t out_n)
{
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, key, VAULT_KEY_BYTES, out_n);
    for (size_t i = 0; i < parts_n; i++) {
        part_add(&state, parts[i]);
    }
    (void)crypto_generichash_final(&state, out, out_n);
    sodium_memzero(&state, sizeof state);
}

void vault_hash(const struct vault *vault, enum vault_instance_key which, const struct str *parts,
                size_t parts_n, unsigned char out[VAULT_HASH_BYTES])
{
    parts_hash(vault_instance_key(vault, which)->bytes, parts, parts_n, out, VAULT_HASH_BYTES);
}

void vault_blind(const struct vault *vault, enum vault_instance_key field, struct str normal,
                 unsigned char out[VAULT_HASH_BYTES])
{
    vault_hash(vault, field, &normal, 1, out);
}

void vault_natural_key(const struct vault *vault, struct str source, struct str id,
                       unsigned char out[VAULT_HASH_BYTES])
{
    vault_hash(vault, VAULT_NATURAL, (const struct str[]){source, id}, 2, out);
}

void vault_fingerprint(const struct vault *vault, struct str content,
                       unsigned char out[VAULT_FINGERPRINT_BYTES])
{
    unsigned char hash[VAULT_HASH_BYTES];
    vault_hash(vault, VAULT_FINGERPRINT, &content, 1, hash);
    memcpy(out, hash, VAULT_FINGERPRINT_BYTES);
}

struct vault_key vault_key_derive(const struct vault *vault, enum vault_instance_key which,
                                  struct str secret)
{
    struct vault_key key = {.version = 1};
    const struct str parts[] = {STR("derived key v1"), secret};
    parts_hash(vault_instance_key(vault, which)->bytes, parts, ARRAY_N(parts), key.bytes,
               sizeof key.bytes);
    return key;
}

void vault_commit(const struct vault_key *key, struct vault_place place, struct str content,
                  unsigned char out[VAULT_COMMITMENT_BYTES])
{
    ensure(key->version != 0);
    char where[AAD_BYTES_MAX];
    const struct str at = {.p = where, .n = place_write(place, where)};
    const struct str parts[] = {STR("commitment v1"), at, content};
    parts_hash(key->bytes, parts, ARRAY_N(parts), out, VAULT_COMMITMENT_BYTES);
}

/* ---- tokens ---- */

void vault_token_create(char out[VAULT_TOKEN_BYTES + 1], unsigned char hash[VAULT_TOKEN_HASH_BYTES])
{
    unsigned char random[VAULT_KEY_BYTES];
    randombytes_buf(random, sizeof random);
    memcpy(out, TOKEN_PREFIX, TOKEN_PREFIX_CHARS);
    for (size_t i = 0; i < TOKEN_CHARS; i++) {
        const size_t bit = i * 5;
        const unsigned high = random[bit / 8];
        // cppcheck-suppress arrayIndexOutOfBounds ; the condition is what keeps it inside
        const unsigned low = bit / 8 + 1 < sizeof random ? random[bit / 8 + 1] : 0;
        out[TOKEN_PREFIX_CHARS + i] = TOKEN_ALPHABET[((high << 8 | low) >> (11 - bit % 8)) & 31];
    }
    out[VAULT_TOKEN_BYTES] = 0;
    sodium_memzero(random, sizeof random);
    (void)crypto_hash_sha256(hash, (const unsigned char *)out, VAULT_TOKEN_BYTES); // cannot fail
}

bool vault_token_hash(struct str token, unsigned char hash[VAULT_TOKEN_HASH_BYTES])
{
    if (token.n != VAULT_TOKEN_BYTES || memcmp(token.p, TOKEN_PREFIX, TOKEN_PREFIX_CHARS) != 0) {
        return false;
    }
    for (size_t i = TOKEN_PREFIX_CHARS; i < token.n; i++) {
        if (token.p[i] == 0 || strchr(TOKEN_ALPHABET, token.p[i]) == NULL) {
            return false;
        }
    }
    (void)crypto_hash_sha256(hash, (const unsigned char *)token.p, token.n); // cannot fail
    return true;
}

bool vault_equal(const void *a, const void *b, size_t n)
{
    return sodium_memcmp(a, b, n) == 0;
}

void vault_random(void *out, size_t n)
{
    randombytes_buf(out, n);
}

void vault_wipe(void *bytes, size_t n)
{
    sodium_memzero(bytes, n);
}
