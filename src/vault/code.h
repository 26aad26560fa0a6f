/* Codes that people carry and type: of rewards, of coupons.
 *
 * A drawn code is 80 random bits in Crockford base32 and a check character, in groups of four and a
 * last one of five:
 * XXXX-XXXX-XXXX-XXXXC. Whoever types one may leave the dashes out, write small letters, and take O
 * for 0, I and L for 1.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  the arena given.
 * Errors:  none.
 * Limits:  CODE_BYTES_MAX.
 */
#ifndef LOYALD_CODE_H
#define LOYALD_CODE_H

#include "vault/vault.h"

enum {
    CODE_BYTES_MAX = 100,         // of a code that somebody else made
    CODE_TEXT_BYTES = 16 + 1 + 3, // of one that was drawn
};

/* Draws a code from the CSPRNG. */
struct str code_draw(struct arena *arena);

/* What two ways of writing a code have in common: upper case, without dashes and blanks, ambiguous
 * letters as digits. Empty where nothing is left. */
struct str code_normal(struct arena *arena, struct str text);

/* False where the check character of a drawn code is wrong: a mistyped one. Codes of other forms
 * are not checked. */
MUST_USE bool code_is_plausible(struct str normal);

/* The blind index of a code. */
void code_hash(struct arena *arena, const struct vault *vault, struct str text,
               unsigned char out[VAULT_HASH_BYTES]);

#endif
