/* The member's changing card: codes made on the member's device from a secret that is given to it
 * once (TOTP, RFC 6238: SHA-1, eight digits, 30 seconds).
 *
 * The secret is not stored: it follows from a key of the instance, the member and a generation,
 * which grows whenever the card is given to another device.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  the arena given.
 * Errors:  ERR_INTERNAL where liboath fails.
 * Limits:  -
 */
#ifndef LOYALD_VAULT_CARD_H
#define LOYALD_VAULT_CARD_H

#include "vault/vault.h"

enum { CARD_DIGITS = 8, CARD_STEP_SECONDS = 30, CARD_SECRET_BYTES = 20 };

/* The secret in base32, as devices take it. */
enum err card_secret_text(struct arena *arena, const struct vault *vault, int64_t member,
                          int64_t generation, struct str *out) MUST_USE;

/* The step (seconds / 30) that a code of eight digits belongs to, in [step of `now` - 1, + 1]; 0:
 * to none of them. */
enum err card_code_step(const struct vault *vault, int64_t member, int64_t generation,
                        struct str code, int64_t now, int64_t *step) MUST_USE;

#endif
