/* What has changed between two versions of the program, or between one and the draft. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/handlers.h"
#include "core/diff.h"
#include "store/versions.h"

enum { VALUE_BYTES_MAX = 1024 * 1024 };

/* The document that ?from= or ?to= names: the number of a version, or "draft". */
static enum err read_document(struct api_call *call, struct store *store, const char *name,
                              struct str otherwise, struct str in_force, const struct json **out)
{
    struct str text = otherwise;
    int64_t version = 0;
    (void)http_query(call->request, name, &text); // left out, it is the usual one
    if (str_eq(text, STR("draft"))) {
        struct program_draft draft;
        try(store_draft_read(store, call->arena, &draft));
        if (draft.revision == 0) {
            return json_read(call->arena, in_force, &call->fail,
                             out); // a draft begins as the version in force
        }
        return json_read(call->arena, draft.document, &call->fail, out);
    }
    if (!str_int64(text, &version) || version < 1 || version > INT32_MAX) {
        return fail(&call->fail, ERR_INVALID, "",
                    "The parameter \"%s\" is the number of a version, or \"draft\".", name);
    }
    struct program_version row;
    const enum err err = store_version_read(store, call->arena, (int)version, &row);
    if (err == ERR_NOT_FOUND) {
        return fail(&call->fail, ERR_NOT_FOUND, "", "There is no version %" PRId64 ".", version);
    }
    try(err);
    return json_read(call->arena, row.document, &call->fail, out);
}

static void side_write(struct json_out *w, const char *name, const struct json *value)
{
    struct buf text;
    buf_open(&text, w->buf->arena, VALUE_BYTES_MAX);
    json_key(w, name);
    if (value == NULL) {
        json_put_null(w);
        return;
    }
    json_write_canonical(&text, value);
    json_put_raw(w, text.is_full ? STR("null") : buf_view(&text));
}

enum err api_program_diff_get(struct api_call *call, struct store *store, struct json_out *w)
{
    static const char *const KINDS[] = {"added", "removed", "changed"};
    const struct program *program = NULL;
    const struct json *before = NULL;
    const struct json *after = NULL;
    struct change *changes = NULL;
    size_t n = 0;
    try(store_program_at(store, call->now, &program));
    struct program_version now;
    try(store_version_read(store, call->arena, program->version, &now));
    try(read_document(call, store, "from", str_fmt(call->arena, "%d", program->version),
                      now.document, &before));
    try(read_document(call, store, "to", STR("draft"), now.document, &after));
    try(program_diff(call->arena, before, after, &changes, &n));
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        json_open(w, '{');
        json_key(w, "change");
        json_put_str(w, str_c(KINDS[changes[i].kind]));
        json_key(w, "pointer");
        json_put_str(w, changes[i].pointer);
        side_write(w, "before", changes[i].before);
        side_write(w, "after", changes[i].after);
        json_key(w, "text");
        json_put_str(w, changes[i].text);
        json_close(w, '}');
    }
    json_close(w, ']');
    json_close(w, '}');
    return ERR_OK;
}
