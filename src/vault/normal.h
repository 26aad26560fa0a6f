/* Normal forms of identifiers, so that one person is found however the value is spelled.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  the arena given.
 * Errors:  false where the value cannot be one of its kind; *out is left alone.
 * Limits:  NORMAL_BYTES_MAX bytes in, NORMAL_WORDS_MAX words of a name.
 */
#ifndef LOYALD_VAULT_NORMAL_H
#define LOYALD_VAULT_NORMAL_H

#include "base/str.h"

enum { NORMAL_BYTES_MAX = 254, NORMAL_WORDS_MAX = 16 };

/* Trimmed, NFC, lower case, the domain as ASCII (IDNA, UTS 46): " Ann@EXAMPLE.org" is
 * "ann@example.org". One @, a domain with a dot, no blanks or control characters. */
MUST_USE bool normal_email(struct arena *arena, struct str value, struct str *out);

/* "+" and 7 to 15 digits (E.164), without blanks, dots, dashes, slashes and brackets; a leading 00
 * is a plus. A number without its country is refused. */
MUST_USE bool normal_phone(struct arena *arena, struct str value, struct str *out);

/* Trimmed, not empty, printable. */
MUST_USE bool normal_card(struct arena *arena, struct str value, struct str *out);

/* As it is; not empty. */
MUST_USE bool normal_external_id(struct str value, struct str *out);

/* The whole words of a name, without case and accents, each once: "Łukasz  SØRENSEN-Groß" is
 * lukasz, sorensen, gross. False when the text is no UTF-8 or too long; a text without words gives
 * none. */
MUST_USE bool normal_name(struct arena *arena, struct str value, struct str words[NORMAL_WORDS_MAX],
                          size_t *n);

#endif
