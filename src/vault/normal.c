/* Normal forms of identifiers, by ICU. */
#include "base/base.h"
#include "vault/normal.h"

#include "base/buf.h"

#include <unicode/uchar.h>
#include <unicode/uidna.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

enum {
    WIDE_MAX = 8192, // a compatibility character decomposes into at most 18, twice over
    LOCAL_BYTES_MAX = 64,
    PHONE_DIGITS_MIN = 7,
    PHONE_DIGITS_MAX = 15,
    CARD_BYTES_MAX = 64,
};

/* UTF-16 text on the way. */
struct wide {
    UChar text[WIDE_MAX];
    int32_t n;
};

static bool wide_read(struct str value, struct wide *out)
{
    UErrorCode status = U_ZERO_ERROR;
    if (value.n > NORMAL_BYTES_MAX || !str_is_utf8(value)) {
        return false;
    }
    (void)u_strFromUTF8(out->text, WIDE_MAX, &out->n, value.p, (int32_t)value.n, &status);
    return U_SUCCESS(status);
}

static bool wide_write(struct arena *arena, const UChar *text, int32_t n, struct str *out)
{
    UErrorCode status = U_ZERO_ERROR;
    const int32_t room = n * 3 + 1; // a UTF-16 unit has at most three bytes in UTF-8
    int32_t bytes_n = 0;
    char *bytes = arena_bytes(arena, (size_t)room);
    (void)u_strToUTF8(bytes, room, &bytes_n, text, n, &status);
    if (U_FAILURE(status)) {
        return false;
    }
    *out = (struct str){.p = bytes, .n = (size_t)bytes_n};
    return true;
}

static bool wide_normalize(const UNormalizer2 *form, struct wide *wide)
{
    UChar before[WIDE_MAX];
    UErrorCode status = U_ZERO_ERROR;
    u_memcpy(before, wide->text, wide->n);
    wide->n = unorm2_normalize(form, before, wide->n, wide->text, WIDE_MAX, &status);
    return U_SUCCESS(status);
}

/* ---- e-mail ---- */

static bool has_blank_or_control(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        const unsigned char c = (unsigned char)s.p[i];
        if (c <= ' ' || c == 0x7F) {
            return true; // stops header injection as well
        }
    }
    return false;
}

static bool lower_nfc(struct arena *arena, struct str value, struct str *out)
{
    struct wide wide;
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *nfc = unorm2_getNFCInstance(&status);
    if (U_FAILURE(status) || !wide_read(value, &wide) || !wide_normalize(nfc, &wide)) {
        return false;
    }
    struct wide lower;
    lower.n = u_strToLower(lower.text, WIDE_MAX, wide.text, wide.n, "", &status);
    return U_SUCCESS(status) && wide_normalize(nfc, &lower) &&
           wide_write(arena, lower.text, lower.n, out);
}

/* The domain as it goes over the wire; false for what no resolver would take. */
static bool domain_ascii(struct arena *arena, struct str domain, struct str *out)
{
    UErrorCode status = U_ZERO_ERROR;
    UIDNAInfo info = UIDNA_INFO_INITIALIZER;
    const uint32_t options = UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_CHECK_BIDI |
                             UIDNA_CHECK_CONTEXTJ | UIDNA_USE_STD3_RULES;
    UIDNA *idna = uidna_openUTS46(options, &status);
    if (U_FAILURE(status)) {
        return false;
    }
    char *ascii = arena_bytes(arena, NORMAL_BYTES_MAX + 1);
    const int32_t n = uidna_nameToASCII_UTF8(idna, domain.p, (int32_t)domain.n, ascii,
                                             NORMAL_BYTES_MAX, &info, &status);
    uidna_close(idna);
    if (U_FAILURE(status) || info.errors != 0 || n <= 0) {
        return false;
    }
    *out = (struct str){.p = ascii, .n = (size_t)n};
    const size_t dot = str_find(*out, '.', 0);
    return dot > 0 && dot + 1 < out->n && out->p[out->n - 1] != '.';
}

bool normal_email(struct arena *arena, struct str value, struct str *out)
{
    struct str lower = {0};
    struct str domain = {0};
    const struct str trimmed = str_trim(value);
    if (!lower_nfc(arena, trimmed, &lower) || has_blank_or_control(lower)) {
        return false;
    }
    const size_t at = str_find(lower, '@', 0);
    if (at == 0 || at > LOCAL_BYTES_MAX || at == lower.n ||
        str_find(lower, '@', at + 1) < lower.n) {
        return false;
    }
    if (!domain_ascii(arena, str_after(lower, at + 1), &domain) ||
        at + 1 + domain.n > NORMAL_BYTES_MAX) {
        return false;
    }
    *out = str_fmt(arena, "%.*s@%.*s", (int)at, lower.p, STR_ARG(domain));
    return true;
}

/* ---- phone, card, external id ---- */

bool normal_phone(struct arena *arena, struct str value, struct str *out)
{
    const struct str trimmed = str_trim(value);
    const bool has_plus = str_starts(trimmed, STR("+"));
    const bool has_zeros = str_starts(trimmed, STR("00"));
    const struct str rest = str_after(trimmed, has_plus ? 1 : has_zeros ? 2 : 0);
    char digits[1 + PHONE_DIGITS_MAX];
    size_t n = 0;
    digits[n++] = '+';
    if (!has_plus && !has_zeros) {
        return false;
    }
    for (size_t i = 0; i < rest.n; i++) {
        const char c = rest.p[i];
        if (c != 0 && strchr(" .-/()", c) != NULL) {
            continue;
        }
        if (c < '0' || c > '9' || n == sizeof digits) {
            return false;
        }
        digits[n++] = c;
    }
    if (n < 1 + PHONE_DIGITS_MIN || digits[1] == '0') { // no country code begins with 0
        return false;
    }
    *out = str_dup(arena, (struct str){.p = digits, .n = n});
    return true;
}

bool normal_card(struct arena *arena, struct str value, struct str *out)
{
    const struct str trimmed = str_trim(value);
    if (trimmed.n == 0 || trimmed.n > CARD_BYTES_MAX || !str_is_utf8(trimmed)) {
        return false;
    }
    for (size_t i = 0; i < trimmed.n; i++) {
        if ((unsigned char)trimmed.p[i] < ' ' || trimmed.p[i] == 0x7F) {
            return false;
        }
    }
    *out = str_dup(arena, trimmed);
    return true;
}

bool normal_external_id(struct str value, struct str *out)
{
    if (value.n == 0 || value.n > NORMAL_BYTES_MAX || !str_is_utf8(value)) {
        return false;
    }
    *out = value;
    return true;
}

/* ---- names ---- */

/* Letters with a stroke and ligatures do not decompose: this is how people type them without. */
static const char *plain_letters(UChar32 c)
{
    static const struct {
        UChar32 c;
        const char *plain;
    } LETTERS[] = {{0x142, "l"}, {0xF8, "o"},  {0x111, "d"}, {0xF0, "d"},  {0x127, "h"},
                   {0x131, "i"}, {0x167, "t"}, {0xFE, "th"}, {0xE6, "ae"}, {0x153, "oe"}};
    for (size_t i = 0; i < ARRAY_N(LETTERS); i++) {
        if (LETTERS[i].c == c) {
            return LETTERS[i].plain;
        }
    }
    return NULL;
}

static bool is_apostrophe(UChar32 c)
{
    return c == '\'' || c == 0x2019 || c == 0x2BC || c == 0x60 || c == 0xB4;
}

/* Decomposed, case folded, decomposed again. */
static bool name_fold(struct str value, struct wide *wide)
{
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *nfkd = unorm2_getNFKDInstance(&status);
    if (U_FAILURE(status) || !wide_read(value, wide) || !wide_normalize(nfkd, wide)) {
        return false;
    }
    UChar before[WIDE_MAX];
    u_memcpy(before, wide->text, wide->n);
    wide->n = u_strFoldCase(wide->text, WIDE_MAX, before, wide->n, U_FOLD_CASE_DEFAULT, &status);
    return U_SUCCESS(status) && wide_normalize(nfkd, wide);
}

/* Adds a character to the word; marks and apostrophes vanish. False where the word ends. */
static bool word_add(struct wide *word, UChar32 c)
{
    const char *plain = plain_letters(c);
    if (u_charType(c) == U_NON_SPACING_MARK || is_apostrophe(c)) {
        return true;
    }
    for (; plain != NULL && *plain != 0 && word->n < WIDE_MAX - 2; plain++) {
        word->text[word->n++] = (UChar)*plain;
    }
    if (plain != NULL) {
        return true;
    }
    if (!u_isalnum(c) || word->n >= WIDE_MAX - 2) {
        return false;
    }
    U16_APPEND_UNSAFE(word->text, word->n, c);
    return true;
}

static bool word_keep(struct arena *arena, struct wide *word, struct str words[NORMAL_WORDS_MAX],
                      size_t *n)
{
    UErrorCode status = U_ZERO_ERROR;
    struct str text = {0};
    if (word->n == 0 || *n == NORMAL_WORDS_MAX) {
        return true;
    }
    const bool is_made = wide_normalize(unorm2_getNFCInstance(&status), word) &&
                         wide_write(arena, word->text, word->n, &text);
    word->n = 0;
    for (size_t i = 0; is_made && i < *n; i++) {
        if (str_eq(words[i], text)) {
            return true;
        }
    }
    if (is_made) {
        words[(*n)++] = text;
    }
    return is_made;
}

bool normal_name(struct arena *arena, struct str value, struct str words[NORMAL_WORDS_MAX],
                 size_t *n)
{
    struct wide folded;
    struct wide word;
    word.n = 0;
    size_t found_n = 0;
    if (!name_fold(value, &folded)) {
        return false;
    }
    for (int32_t i = 0; i < folded.n;) {
        UChar32 c = 0;
        U16_NEXT(folded.text, i, folded.n, c);
        if (!word_add(&word, c) && !word_keep(arena, &word, words, &found_n)) {
            return false;
        }
    }
    if (!word_keep(arena, &word, words, &found_n)) {
        return false;
    }
    *n = found_n;
    return true;
}
