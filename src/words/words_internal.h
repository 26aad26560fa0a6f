/* What the files of words share. Private to src/words.
 *
 * Owns:    nothing.
 * Threads: as words.h.
 * Memory:  as words.h.
 * Errors:  as words.h.
 * Limits:  as words.h.
 */
#ifndef LOYALD_WORDS_INTERNAL_H
#define LOYALD_WORDS_INTERNAL_H

#include "words/words.h"

#include <unicode/udat.h>
#include <unicode/ulistformatter.h>
#include <unicode/unum.h>
#include <unicode/upluralrules.h>

enum phrase {
#define PHRASE(id) P_##id,
#include "words/phrases.def"
#undef PHRASE
#define VARIABLE(path, phrase, number, kind) P_##phrase,
#include "words/variables.def"
#undef VARIABLE
    PHRASES_N
};

/* Operators, from the list of all. */
enum words_op {
#define RULE_OP(id, name, fewest, most, evaluate, check) W_##id,
#include "core/rule.def"
#undef RULE_OP
    W_OPS_N
};

/* What a value is, for how it is written. */
enum noun_kind {
    KIND_ANY,
    KIND_NUMBER,
    KIND_MONEY,
    KIND_TEXT,
    KIND_DATE,
    KIND_INSTANT,
    KIND_WEEKDAY,
    KIND_STORE,
    KIND_LIST,
    KIND_SEGMENTS,
    KIND_TIER,
    KIND_BOOL,
    KIND_YEAR,
};

/* A thing in a sentence. */
struct noun {
    struct str text; // nominative
    struct str genitive;
    bool is_plural;
    enum noun_kind kind;
    struct str tier_set; // of KIND_TIER
};

struct words {
    struct arena *arena; // &scratch: emptied before each sentence
    struct arena scratch;
    struct arena *home; // where sentences go
    const struct program *program;
    enum words_language language;
    struct str fallback; // the program's first language
    UNumberFormat *number;
    UPluralRules *plural;
    UListFormatter *and_list;
    UListFormatter *or_list;
    UDateFormat *date;
    UDateFormat *weekday;
};

/* ---- words.c ---- */

/* False once a sentence has taken more work than it is worth: what is left of it is "…". */
bool has_room(const struct words *w);

/* Begins a sentence, and keeps it. */
void sentence_begin(struct words *w);
struct str sentence_keep(const struct words *w, struct str text);

/* A phrase as it stands in the language's file, one form of it. */
struct str phrase_form(const struct words *w, enum phrase id, bool second);

/* A phrase with nouns put in; its genitive too. */
struct noun phrase_noun(const struct words *w, enum phrase id, const struct noun *nouns, size_t n);

/* The same as a text. */
struct str phrase_of(const struct words *w, enum phrase id, const struct noun *nouns, size_t n);

/* With one, two or three texts. */
struct str phrase_1(const struct words *w, enum phrase id, struct str a);
struct str phrase_2(const struct words *w, enum phrase id, struct str a, struct str b);

/* A noun of a value, whose genitive follows the language. */
struct noun noun_of(const struct words *w, struct str text);

/* a, b and c; or with `or`. */
struct noun noun_list(const struct words *w, const struct noun *nouns, size_t n, bool is_or);
struct str text_list(const struct words *w, const struct str *texts, size_t n, bool is_or);

/* The first letter made large. */
struct str capitalised(const struct words *w, struct str text);

/* ---- words_value.c ---- */

struct str number_text(const struct words *w, struct decimal number);
struct str money_text(const struct words *w, int64_t minor);
struct str date_text(const struct words *w, int32_t day);
struct str weekday_text(const struct words *w, int weekday); // 0 = Monday

/* "5 points" of a wallet; unit_text() without the number, as after "a number of". */
struct str points_text(const struct words *w, int wallet, int64_t points);
struct str unit_text(const struct words *w, int wallet);

/* "3 months", from MONTHS_ONE and those after it. */
struct str counted_text(const struct words *w, enum phrase one, int64_t n);

/* The names that the program gives: of a segment, store, tier, reward, campaign, offer, by slug. */
struct str segment_name(const struct words *w, struct str slug);
struct str store_name(const struct words *w, struct str slug);
struct str tier_name(const struct words *w, struct str set, struct str slug);
struct str named(const struct words *w, const char *section, struct str slug, const char *field);

/* A text of a rule or an event: as it is where it reads as one word, else in quotation marks. */
struct str text_quoted(const struct words *w, struct str text);

/* A JSON value as it is said of a thing of that kind. */
struct noun value_noun(const struct words *w, const struct json *value, const struct noun *of);

/* ---- words_noun.c ---- */

/* The operator and its arguments (made an array where there is one); W_OPS_N for what is none. */
enum words_op op_of(const struct words *w, const struct json *json, const struct json **args);

/* An expression as a noun. `of` (or NULL) is what it stands beside: how constants are written. */
struct noun expression_noun(const struct words *w, const struct json *json, const struct noun *of);

bool is_constant(const struct words *w, const struct json *json);

/* ---- words_rule.c ---- */

/* What an effect gives: "5 points for each line". */
struct str words_effect(const struct words *w, const struct effect *effect);

/* ---- words_clause.c ---- */

/* A condition as a clause, or its opposite. */
struct str clause_of(const struct words *w, const struct json *condition, bool is_negated);

/* A comparison with its thing first: x ≥ 5. False for what compares otherwise than one thing with
 * constants. */
struct comparison {
    enum words_op op; // from == to >=
    const struct json *thing;
    const struct json *from;  // the constant, or the lower end of a range
    const struct json *until; // the upper end, or NULL
};
bool comparison_read(const struct words *w, const struct json *condition, struct comparison *out);

/* The operator of the opposite: < for >=. */
enum words_op comparison_negated(enum words_op op);

#endif
