/* Rules as sentences, for the resources that show them.
 *
 * Owns:    nothing.
 * Threads: that of the store.
 * Memory:  the arena given.
 * Errors:  ERR_INVALID for a language without sentences; ERR_INTERNAL where ICU lacks its data.
 * Limits:  those of words.h.
 */
#ifndef LOYALD_API_SENTENCES_H
#define LOYALD_API_SENTENCES_H

#include "api/api_internal.h"

/* ?language=, empty without one. */
enum err call_language(struct api_call *call, struct str *out) MUST_USE;

/* An array with the sentences of n rules from one on, in the order in which they are judged. */
enum err sentences_write(struct json_out *w, struct arena *arena, const struct program *program,
                         struct str language, size_t from, size_t n) MUST_USE;

#endif
