/* Words: what a rule does, and why it gave nothing, as a sentence in English, Spanish, Dutch,
 * Indonesian or Polish.
 *
 * Phrases are data, one file per language; plural forms, numbers, dates and lists are ICU's for
 * that language. A sentence names members' and the program's things by the names that the program
 * gives them.
 *
 * Owns:    the ICU formats opened, until words_close().
 * Threads: one thread at a time per struct words.
 * Memory:  the arena given.
 * Errors:  none: what cannot be said is said in general words.
 * Limits:  WORDS_BYTES_MAX for a sentence, WORDS_WORK_BYTES_MAX of memory for making one; what goes
 * beyond is cut.
 */
#ifndef LOYALD_WORDS_H
#define LOYALD_WORDS_H

#include "core/decide.h"

enum { WORDS_BYTES_MAX = 16 * 1024, WORDS_WORK_BYTES_MAX = 8 * 1024 * 1024 };

/* Languages in which sentences are made. */
enum words_language { WORDS_EN, WORDS_ES, WORDS_NL, WORDS_ID, WORDS_PL, WORDS_LANGUAGES_N };

struct words;

/* The language of a tag ("nl-BE" is Dutch); false for one without phrases. */
bool words_language_of(struct str tag, enum words_language *out);

/* The tag of a language: "nl". */
struct str words_tag(enum words_language language);

/* Opens sentences about a program: in `language`, where there are phrases for it, else in the
 * program's first language, else in English. NULL only where ICU lacks its data. */
struct words *words_open(struct arena *arena, const struct program *program, struct str language);
void words_close(struct words *words);

/* The language chosen. */
enum words_language words_language(const struct words *words);

/* What a rule does: "For a purchase of 10.00 EUR or more, members earn 5 points." */
struct str words_rule(struct words *words, int rule);

/* What became of a rule: what it gave, or why it gave nothing. */
struct str words_explain(struct words *words, const struct explain_rule *explain);

/* A condition, as a clause without full stop; for tests and editors. */
struct str words_condition(struct words *words, const struct json *condition);

/* A text per language of the document ({"en": …}) in the language chosen, else the program's first,
 * else `otherwise`. */
struct str words_text(const struct words *words, const struct json *texts, struct str otherwise);

#endif
