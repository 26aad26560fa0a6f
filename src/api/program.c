/* The program: its draft, its versions, its schema. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/program_tests.h"

#include "api/handlers.h"
#include "api/sentences.h"
#include "base/assets.h"
#include "store/audit.h"
#include "store/versions.h"

enum { COMMENT_BYTES_MAX = 1000 };

/* ---- writing ---- */

static void version_fields(struct json_out *w, const struct program_version *row)
{
    json_key(w, "version");
    json_put_int(w, row->version);
    json_key(w, "effective_at");
    json_put_instant(w, row->effective_at);
    json_key(w, "published_at");
    json_put_instant(w, row->published_at);
    json_key(w, "comment");
    json_put_str(w, row->comment);
    json_key(w, "actor");
    json_put_str(w, row->actor);
}

static void version_write(struct json_out *w, const struct program_version *row)
{
    json_open(w, '{');
    version_fields(w, row);
    json_key(w, "program");
    json_put_raw(w, row->document);
    json_close(w, '}');
}

static void etag(struct api_call *call, int64_t number)
{
    call_header(call, STR("ETag"), str_fmt(call->arena, "\"%" PRId64 "\"", number));
}

static enum err program_audit(struct api_call *call, struct store *store, struct arena *arena,
                              const char *action, struct str object, struct str before,
                              struct str after)
{
    const struct audit_entry entry = {
        .actor = call_actor(call),
        .action = str_c(action),
        .object = object,
        .before = before,
        .after = after,
        .at = call->now,
    };
    return store_audit_write(store, arena, &entry);
}

/* ---- in force, versions, schema ---- */

enum err api_program_get(struct api_call *call, struct store *store, struct json_out *w)
{
    const struct program *program = NULL;
    struct program_version row;
    if (store_programs_n(store) == 0) {
        return fail(&call->fail, ERR_NOT_FOUND, "", "No program has been published yet.");
    }
    try(store_program_at(store, call->now, &program));
    try(store_version_read(store, call->arena, program->version, &row));
    etag(call, row.version);
    version_write(w, &row);
    return ERR_OK;
}

enum err api_program_schema_get(struct api_call *call, struct store *store, struct json_out *w)
{
    (void)store; // the schema travels in the binary
    call->content_type = STR("application/schema+json");
    json_put_raw(w, asset_find(STR("schema/program.schema.json")));
    return ERR_OK;
}

/* Versions have numbers for cursors. */
static enum err read_cursor(struct api_call *call, int64_t *before)
{
    struct str text;
    *before = INT32_MAX;
    if (http_query(call->request, "cursor", &text) &&
        (!str_int64(text, before) || *before < 1 || *before > INT32_MAX)) {
        return fail(&call->fail, ERR_INVALID, "",
                    "The parameter \"cursor\" is the next_cursor of an answer to the same list.");
    }
    return ERR_OK;
}

enum err api_versions_get(struct api_call *call, struct store *store, struct json_out *w)
{
    int64_t before = 0;
    int64_t limit = 0;
    struct program_version *list = NULL;
    size_t n = 0;
    try(call_limit(call, &limit));
    try(read_cursor(call, &before));
    try(store_versions_list(store, call->arena, (int)before, (size_t)limit, &list, &n));
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        json_open(w, '{');
        version_fields(w, &list[i]);
        json_close(w, '}');
    }
    json_close(w, ']');
    json_key(w, "next_cursor");
    if (n == (size_t)limit && list[n - 1].version > 1) {
        json_put_str(w, str_fmt(call->arena, "%d", list[n - 1].version));
    } else {
        json_put_null(w);
    }
    json_close(w, '}');
    return ERR_OK;
}

static enum err read_version(struct api_call *call, struct store *store, int64_t number,
                             struct program_version *out)
{
    enum err err = ERR_NOT_FOUND;
    if (number >= 1 && number <= INT32_MAX) {
        err = store_version_read(store, call->arena, (int)number, out);
    }
    return err == ERR_NOT_FOUND
               ? fail(&call->fail, err, "", "There is no such version of the program.")
               : err;
}

enum err api_version_get(struct api_call *call, struct store *store, struct json_out *w)
{
    int64_t number = 0;
    struct program_version row;
    (void)str_int64(call->params[0], &number); // 0 is no version
    try(read_version(call, store, number, &row));
    etag(call, row.version);
    version_write(w, &row);
    return ERR_OK;
}

/* ---- the draft ---- */

/* Where nobody has begun a draft, it is the program in force, at revision 0; without one an empty
 * document. */
static enum err read_draft(struct api_call *call, struct store *store, struct program_draft *out)
{
    const struct program *program = NULL;
    struct program_version row;
    try(store_draft_read(store, call->arena, out));
    if (out->revision > 0) {
        return ERR_OK;
    }
    out->document = STR("{}");
    if (store_programs_n(store) > 0) {
        try(store_program_at(store, call->now, &program));
        try(store_version_read(store, call->arena, program->version, &row));
        out->document = row.document;
    }
    return ERR_OK;
}

enum err api_draft_get(struct api_call *call, struct store *store, struct json_out *w)
{
    struct program_draft draft;
    try(read_draft(call, store, &draft));
    etag(call, draft.revision);
    json_put_raw(w, draft.document);
    return ERR_OK;
}

/* If-Match names the revision that was read. It is needed, but for the first draft of all. */
static enum err check_match(struct api_call *call, int64_t revision, bool is_needed)
{
    const struct str match = http_header(call->request, "if-match");
    if (match.n == 0) {
        return is_needed && revision > 0
                   ? fail(&call->fail, ERR_PRECONDITION, "",
                          "Send If-Match with the ETag of the draft that was read.")
                   : ERR_OK;
    }
    const struct str expected = str_fmt(call->arena, "\"%" PRId64 "\"", revision);
    bool matches = false;
    if (!http_tags_match(match, expected, &matches)) {
        return fail(&call->fail, ERR_BAD_REQUEST, "",
                    "If-Match takes * or a list of entity tags in double quotes.");
    }
    return matches ? ERR_OK
                   : fail(&call->fail, ERR_PRECONDITION, "",
                          "The draft was changed meanwhile: read it again.");
}

enum err api_draft_put(struct api_call *call, struct store *store, struct arena *arena,
                       struct json_out *w)
{
    struct program_draft draft;
    struct str before = {0};
    if (!json_is_object(call->body)) {
        return fail(&call->fail, ERR_INVALID, "", "A program is an object.");
    }
    try(store_draft_read(store, arena, &draft));
    try(check_match(call, draft.revision, true));
    before = draft.document;
    try(store_draft_write(store, arena, draft.revision, call->body, call->now, &call->fail));
    try(store_draft_read(store, call->arena, &draft));
    etag(call, draft.revision);
    json_put_raw(w, draft.document);
    return program_audit(call, store, arena, "program.draft", STR("program/draft"), before,
                         draft.document);
}

enum err api_draft_validate_post(struct api_call *call, struct store *store, struct json_out *w)
{
    struct program_draft draft;
    const struct json *stored = NULL;
    const struct json *document = call->body;
    // A document may be sent along, so that an editor can check what is not saved yet.
    if (document == NULL) {
        try(read_draft(call, store, &draft));
        try(json_read(call->arena, draft.document, &call->fail, &stored));
        document = stored;
    }
    const struct program *program = NULL;
    size_t tests = 0;
    struct str language;
    try(call_language(call, &language));
    try(program_tests_check(store, call->arena, document, &call->fail, &program, &tests));
    try(store_program_keeps(store, call->arena, document, program, call->now, call->now,
                            &call->fail));
    json_open(w, '{');
    json_key(w, "valid");
    json_put_bool(w, true);
    json_key(w, "tests");
    json_put_int(w, (int64_t)tests);
    if (language.n > 0) { // an editor asks what the rules would say
        json_key(w, "rules");
        try(sentences_write(w, call->arena, program, language, 0, program->rules_n));
    }
    json_close(w, '}');
    return ERR_OK;
}

/* ---- publishing ---- */

struct publish {
    const struct json *document;
    int64_t effective_at;
    struct str comment;
};

static enum err publish(struct api_call *call, struct store *store, struct arena *arena,
                        const struct publish *p, const char *action, struct json_out *w)
{
    const struct program *program = NULL;
    int version = 0;
    size_t tests = 0;
    struct program_version row;
    try(program_tests_check(store, arena, p->document, &call->fail, &program, &tests));
    try(store_program_publish(store, arena, p->document, p->effective_at, call->now, p->comment,
                              call_actor(call), &call->fail, &version));
    try(store_version_read(store, call->arena, version, &row));
    json_open(w, '{');
    version_fields(w, &row);
    json_close(w, '}');
    call->status = 201;
    etag(call, version);
    return program_audit(call, store, arena, action, str_fmt(arena, "program/%d", version),
                         (struct str){0}, row.document);
}

/* Reads {"effective_at"?, "comment"?} and, where `version` is given, that number; an empty body is
 * {}. */
static enum err read_publish(struct api_call *call, struct publish *out, int64_t *version)
{
    static const char *const FIELDS[] = {"effective_at", "comment", "version"};
    struct reader r = {.arena = call->arena, .f = &call->fail};
    out->effective_at = call->now;
    if (call->body == NULL && version == NULL) {
        return ERR_OK;
    }
    if (read_object(&r, call->body, NULL, FIELDS, version != NULL ? 3 : 2)) {
        read_instant(&r, call->body, NULL, "effective_at", READ_OPTIONAL, &out->effective_at);
        if (json_at(call->body, "comment") != NULL &&
            json_str(json_at(call->body, "comment")).n > 0) {
            read_text(&r, call->body, NULL, "comment", READ_OPTIONAL, COMMENT_BYTES_MAX,
                      &out->comment);
        }
        if (version != NULL) {
            read_whole(&r, call->body, NULL, "version", READ_REQUIRED, 1, INT32_MAX, version);
        }
    }
    return read_done(&r);
}

enum err api_program_publish_post(struct api_call *call, struct store *store, struct arena *arena,
                                  struct json_out *w)
{
    struct publish p = {.comment = STR("")};
    struct program_draft draft;
    try(read_publish(call, &p, NULL));
    try(store_draft_read(store, arena, &draft));
    if (draft.revision == 0) {
        return fail(&call->fail, ERR_CONFLICT, "",
                    "There is no draft to publish: PUT /v1/program/draft first.");
    }
    try(check_match(call, draft.revision, false));
    try(json_read(arena, draft.document, &call->fail, &p.document));
    return publish(call, store, arena, &p, "program.publish", w);
}

/* A rollback publishes an older version's document again: history is never taken back. */
enum err api_program_rollback_post(struct api_call *call, struct store *store, struct arena *arena,
                                   struct json_out *w)
{
    struct publish p = {.comment = STR("")};
    struct program_version row;
    int64_t version = 0;
    try(read_publish(call, &p, &version));
    try(read_version(call, store, version, &row));
    try(json_read(arena, row.document, &call->fail, &p.document));
    if (p.comment.n == 0) {
        p.comment = str_fmt(call->arena, "Back to version %d", row.version);
    }
    return publish(call, store, arena, &p, "program.rollback", w);
}
