/* Phrases: finding them, putting nouns in, joining lists. */
#include "base/base.h"
#include "words/words_internal.h"

#include <unicode/uchar.h>
#include <unicode/ustring.h>

enum { NOUNS_MAX = 6, LIST_MAX = 1000 };

static const char *const TAGS[] = {"en", "es", "nl", "id", "pl"};
_Static_assert(ARRAY_N(TAGS) == WORDS_LANGUAGES_N, "one tag per language");

static const char *const PHRASES[WORDS_LANGUAGES_N][PHRASES_N] = {
#define TEXT(id, text) [P_##id] = (text),
    [WORDS_EN] =
        {
#include "words/en.def"
        },
    [WORDS_ES] =
        {
#include "words/es.def"
        },
    [WORDS_NL] =
        {
#include "words/nl.def"
        },
    [WORDS_ID] =
        {
#include "words/id.def"
        },
    [WORDS_PL] =
        {
#include "words/pl.def"
        },
#undef TEXT
};

bool words_language_of(struct str tag, enum words_language *out)
{
    for (size_t i = 0; i < ARRAY_N(TAGS); i++) {
        const bool is_same =
            tag.n >= 2 && (tag.p[0] | 0x20) == TAGS[i][0] && (tag.p[1] | 0x20) == TAGS[i][1];
        if (is_same && (tag.n == 2 || tag.p[2] == '-')) {
            *out = (enum words_language)i;
            return true;
        }
    }
    return false;
}

struct str words_tag(enum words_language language)
{
    return str_c(TAGS[language]);
}

enum words_language words_language(const struct words *words)
{
    return words->language;
}

struct words *words_open(struct arena *arena, const struct program *program, struct str language)
{
    struct words *w = arena_new(arena, struct words, 1);
    const struct str first = json_str(json_array_get(json_at(program->document, "languages"), 0));
    *w = (struct words){
        .home = arena, .program = program, .fallback = first.n > 0 ? first : STR("en")};
    w->arena = &w->scratch;
    arena_open(&w->scratch,
               (size_t)WORDS_WORK_BYTES_MAX * 8); // far above what has_room() lets pass
    if (!words_language_of(language, &w->language) &&
        !words_language_of(w->fallback, &w->language)) {
        w->language = WORDS_EN;
    }
    const char *tag = TAGS[w->language];
    static const UChar WEEKDAY[] = {'E', 'E', 'E', 'E', 0};
    static const UChar UTC[] = {'U', 'T', 'C', 0};
    UErrorCode status = U_ZERO_ERROR;
    w->number = unum_open(UNUM_DECIMAL, NULL, 0, tag, NULL, &status);
    w->plural = uplrules_open(tag, &status);
    w->and_list = ulistfmt_openForType(tag, ULISTFMT_TYPE_AND, ULISTFMT_WIDTH_WIDE, &status);
    w->or_list = ulistfmt_openForType(tag, ULISTFMT_TYPE_OR, ULISTFMT_WIDTH_WIDE, &status);
    w->date = udat_open(UDAT_NONE, UDAT_LONG, tag, UTC, -1, NULL, 0, &status);
    w->weekday = udat_open(UDAT_PATTERN, UDAT_PATTERN, tag, UTC, -1, WEEKDAY, -1, &status);
    if (U_FAILURE(status)) {
        words_close(w);
        return NULL;
    }
    return w;
}

void words_close(struct words *w)
{
    if (w == NULL) {
        return;
    }
    arena_close(&w->scratch);
    udat_close(w->weekday);
    udat_close(w->date);
    ulistfmt_close(w->or_list);
    ulistfmt_close(w->and_list);
    uplrules_close(w->plural);
    unum_close(w->number);
}

bool has_room(const struct words *w)
{
    return w->scratch.used < WORDS_WORK_BYTES_MAX;
}

void sentence_begin(struct words *w)
{
    arena_reset(&w->scratch);
}

/* Without a character that was cut in two at the end. */
static struct str whole_characters(struct str text)
{
    while (text.n > 0 && !str_is_utf8(text)) {
        text.n--;
    }
    return text;
}

struct str sentence_keep(const struct words *w, struct str text)
{
    return str_dup(w->home, text);
}

struct str words_text(const struct words *words, const struct json *texts, struct str otherwise)
{
    struct str text = json_str(json_at(texts, TAGS[words->language]));
    if (text.n == 0) {
        text = json_str(json_find(texts, words->fallback));
    }
    return text.n > 0 ? text : otherwise;
}

struct str phrase_form(const struct words *w, enum phrase id, bool second)
{
    const char *text = PHRASES[w->language][id];
    const struct str whole = str_c(text);
    const size_t bar = str_find(whole, '|', 0);
    return second && bar < whole.n ? str_after(whole, bar + 1)
                                   : (struct str){.p = whole.p, .n = bar};
}

/* The verb that agrees with the first noun. */
static struct str verb(const struct words *w, enum phrase id, const struct noun *nouns, size_t n)
{
    return phrase_form(w, id, n > 0 && nouns[0].is_plural);
}

static struct str expand(const struct words *w, struct str pattern, const struct noun *nouns,
                         size_t n)
{
    struct buf out;
    buf_open(&out, w->arena, WORDS_BYTES_MAX);
    for (size_t i = 0; i < pattern.n; i++) {
        const size_t end = str_find(pattern, '}', i);
        if (pattern.p[i] != '{' || end == pattern.n) {
            buf_char(&out, pattern.p[i]);
            continue;
        }
        const struct str name = {.p = pattern.p + i + 1, .n = end - i - 1};
        const size_t index = (size_t)(name.p[0] - '0');
        if (str_eq(name, STR("is"))) {
            buf_str(&out, verb(w, P_IS, nouns, n));
        } else if (str_eq(name, STR("was"))) {
            buf_str(&out, verb(w, P_WAS, nouns, n));
        } else if (index < n) {
            buf_str(&out, name.n > 1 ? nouns[index].genitive : nouns[index].text);
        }
        i = end;
    }
    return out.is_full ? whole_characters(buf_view(&out)) : buf_view(&out);
}

struct noun phrase_noun(const struct words *w, enum phrase id, const struct noun *nouns, size_t n)
{
    ensure(n <= NOUNS_MAX);
    return (struct noun){
        .text = expand(w, phrase_form(w, id, false), nouns, n),
        .genitive = expand(w, phrase_form(w, id, true), nouns, n),
    };
}

struct str phrase_of(const struct words *w, enum phrase id, const struct noun *nouns, size_t n)
{
    return expand(w, phrase_form(w, id, false), nouns, n);
}

struct str phrase_1(const struct words *w, enum phrase id, struct str a)
{
    const struct noun noun = {.text = a, .genitive = a};
    return phrase_of(w, id, &noun, 1);
}

struct str phrase_2(const struct words *w, enum phrase id, struct str a, struct str b)
{
    const struct noun nouns[] = {{.text = a, .genitive = a}, {.text = b, .genitive = b}};
    return phrase_of(w, id, nouns, 2);
}

struct noun noun_of(const struct words *w, struct str text)
{
    return (struct noun){.text = text, .genitive = phrase_1(w, P_GENITIVE, text)};
}

struct str text_list(const struct words *w, const struct str *texts, size_t n, bool is_or)
{
    const UChar *wide[LIST_MAX];
    int32_t lengths[LIST_MAX];
    UErrorCode status = U_ZERO_ERROR;
    n = n < LIST_MAX ? n : LIST_MAX;
    if (n < 2) {
        return n == 1 ? texts[0] : STR("");
    }
    size_t bytes_n = 0;
    for (size_t i = 0; i < n; i++) {
        bytes_n += texts[i].n + 64; // the word between is shorter
        UChar *item = (UChar *)(void *)arena_new(w->arena, uint16_t, texts[i].n + 1);
        (void)u_strFromUTF8(item, (int32_t)texts[i].n + 1, &lengths[i], texts[i].p,
                            (int32_t)texts[i].n, &status);
        wide[i] = item;
    }
    UChar *joined = (UChar *)(void *)arena_new(w->arena, uint16_t, bytes_n);
    const int32_t joined_n = ulistfmt_format(is_or ? w->or_list : w->and_list, wide, lengths,
                                             (int32_t)n, joined, (int32_t)bytes_n, &status);
    char *out = arena_bytes(w->arena, bytes_n * 3);
    int32_t out_n = 0;
    (void)u_strToUTF8(out, (int32_t)bytes_n * 3, &out_n, joined, joined_n, &status);
    return U_FAILURE(status) || out_n > WORDS_BYTES_MAX
               ? STR("…")
               : (struct str){.p = out, .n = (size_t)out_n};
}

struct noun noun_list(const struct words *w, const struct noun *nouns, size_t n, bool is_or)
{
    struct str *texts = arena_new(w->arena, struct str, n);
    struct str *genitives = arena_new(w->arena, struct str, n);
    for (size_t i = 0; i < n; i++) {
        texts[i] = nouns[i].text;
        genitives[i] = nouns[i].genitive;
    }
    return (struct noun){
        .text = text_list(w, texts, n, is_or),
        .genitive = text_list(w, genitives, n, is_or),
        .is_plural = n > 1 || (n == 1 && nouns[0].is_plural),
        .kind = n > 0 ? nouns[0].kind : KIND_ANY,
    };
}

struct str capitalised(const struct words *w, struct str text)
{
    size_t first_n = 1;
    while (first_n < text.n && ((unsigned char)text.p[first_n] & 0xC0) == 0x80) {
        first_n++; // the bytes of one character
    }
    UChar wide[4];
    char large[8];
    int32_t n = 0;
    UErrorCode status = U_ZERO_ERROR;
    (void)u_strFromUTF8(wide, ARRAY_N(wide), &n, text.p, (int32_t)(first_n <= text.n ? first_n : 0),
                        &status);
    for (int32_t i = 0; i < n && n == 1; i++) {
        wide[i] = (UChar)u_toupper(wide[i]); // letters beyond the first plane stay as they are
    }
    (void)u_strToUTF8(large, sizeof large, &n, wide, n, &status);
    return U_FAILURE(status)
               ? text
               : str_fmt(w->arena, "%.*s%.*s", (int)n, large, STR_ARG(str_after(text, first_n)));
}
