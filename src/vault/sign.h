/* Signatures by the instance: what lets a stranger check that something came from here.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  none; the secret key lives on the stack and is wiped.
 * Errors:  false for a signature that is not right.
 * Limits:  -
 */
#ifndef LOYALD_VAULT_SIGN_H
#define LOYALD_VAULT_SIGN_H

#include "vault/vault.h"

enum { VAULT_SIGNATURE_BYTES = 64, VAULT_PUBLIC_BYTES = 32 };

/* Ed25519 (RFC 8032) with a key made from the instance key, one for each purpose; *public_key is
 * what to check with. */
void vault_sign(const struct vault *vault, enum vault_instance_key which, struct str message,
                unsigned char signature[VAULT_SIGNATURE_BYTES],
                unsigned char public_key[VAULT_PUBLIC_BYTES]);

MUST_USE bool vault_signature_is_right(const unsigned char public_key[VAULT_PUBLIC_BYTES],
                                       struct str message,
                                       const unsigned char signature[VAULT_SIGNATURE_BYTES]);

#endif
