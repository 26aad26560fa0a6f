/* Ed25519 with keys derived from instance keys. */
#include "base/base.h"
#include "vault/sign.h"

#include <sodium.h>

_Static_assert(VAULT_SIGNATURE_BYTES == crypto_sign_BYTES, "sign.h states the sizes");
_Static_assert(VAULT_PUBLIC_BYTES == crypto_sign_PUBLICKEYBYTES, "sign.h states the sizes");
_Static_assert(VAULT_KEY_BYTES == crypto_sign_SEEDBYTES, "a derived key is a seed");

void vault_sign(const struct vault *vault, enum vault_instance_key which, struct str message,
                unsigned char signature[VAULT_SIGNATURE_BYTES],
                unsigned char public_key[VAULT_PUBLIC_BYTES])
{
    unsigned char secret[crypto_sign_SECRETKEYBYTES];
    struct vault_key seed = vault_key_derive(vault, which, STR("signature v1"));
    (void)crypto_sign_seed_keypair(public_key, secret, seed.bytes); // cannot fail, nor can the next
    (void)crypto_sign_detached(signature, NULL, (const unsigned char *)message.p, message.n,
                               secret);
    sodium_memzero(secret, sizeof secret);
    vault_wipe(&seed, sizeof seed);
}

bool vault_signature_is_right(const unsigned char public_key[VAULT_PUBLIC_BYTES],
                              struct str message,
                              const unsigned char signature[VAULT_SIGNATURE_BYTES])
{
    return crypto_sign_verify_detached(signature, (const unsigned char *)message.p, message.n,
                                       public_key) == 0;
}
