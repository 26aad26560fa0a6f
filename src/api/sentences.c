/* The rules of a program as sentences, in a language. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/handlers.h"
#include "api/sentences.h"
#include "words/words.h"

/* ?language=; the program's first language where there is none. One without sentences is refused
 * rather than replaced. */
enum err call_language(struct api_call *call, struct str *out)
{
    enum words_language known = WORDS_EN;
    *out = (struct str){0};
    if (http_query(call->request, "language", out) && !words_language_of(*out, &known)) {
        return fail(&call->fail, ERR_INVALID, "",
                    "The parameter \"language\" is one of en, es, nl, id and pl.");
    }
    return ERR_OK;
}

enum err sentences_write(struct json_out *w, struct arena *arena, const struct program *program,
                         struct str language, size_t from, size_t n)
{
    struct words *words = words_open(arena, program, language);
    if (words == NULL) {
        return ERR_INTERNAL;
    }
    json_open(w, '[');
    for (size_t i = from; i < program->rules_n && i < from + n; i++) {
        json_open(w, '{');
        json_key(w, "rule");
        json_put_str(w, program->rules[i].slug);
        json_key(w, "language");
        json_put_str(w, words_tag(words_language(words)));
        json_key(w, "text");
        json_put_str(w, words_rule(words, (int)i));
        json_close(w, '}');
    }
    json_close(w, ']');
    words_close(words);
    return ERR_OK;
}

/* In the order in which rules are judged; the cursor is the number of the next. */
enum err api_program_rules_get(struct api_call *call, struct store *store, struct json_out *w)
{
    const struct program *program = NULL;
    struct str language;
    struct str text;
    int64_t limit = 0;
    int64_t from = 0;
    try(call_limit(call, &limit));
    try(call_language(call, &language));
    if (http_query(call->request, "cursor", &text) && (!str_int64(text, &from) || from < 0)) {
        return fail(&call->fail, ERR_INVALID, "",
                    "The parameter \"cursor\" is the next_cursor of an answer to the same list.");
    }
    if (store_programs_n(store) == 0) {
        return fail(&call->fail, ERR_NOT_FOUND, "", "No program has been published yet.");
    }
    try(store_program_at(store, call->now, &program));
    json_open(w, '{');
    json_key(w, "data");
    try(sentences_write(w, call->arena, program, language, (size_t)from, (size_t)limit));
    json_key(w, "next_cursor");
    if ((size_t)from < program->rules_n && (size_t)limit < program->rules_n - (size_t)from) {
        json_put_str(w, str_fmt(call->arena, "%" PRId64, from + limit));
    } else {
        json_put_null(w);
    }
    json_close(w, '}');
    return ERR_OK;
}
