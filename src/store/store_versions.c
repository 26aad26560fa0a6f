/* Published versions and the draft. */
#include "base/base.h"
#include "store/versions.h"

#include "store/store_internal.h"

static struct program_version read_version(struct db_result *rows, size_t i)
{
    return (struct program_version){
        .version = (int)db_at_int(rows, i, 0),
        .effective_at = db_at_int(rows, i, 1),
        .published_at = db_at_int(rows, i, 2),
        .comment = db_at_str(rows, i, 3),
        .actor = db_at_str(rows, i, 4),
        .document = rows->cols_n > 5 ? db_at_str(rows, i, 5) : (struct str){0},
    };
}

enum err store_version_read(struct store *store, struct arena *arena, int version,
                            struct program_version *out)
{
    struct db_result row;
    const struct db_value param = db_int(version);
    try(db_one(store->db, arena, Q_VERSION_READ, &param, 1, &row));
    if (row.rows_n == 0) {
        return ERR_NOT_FOUND;
    }
    *out = read_version(&row, 0);
    return row.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_versions_list(struct store *store, struct arena *arena, int before, size_t limit,
                             struct program_version **out, size_t *n)
{
    ensure(limit <= VERSIONS_PAGE_MAX);
    struct db_result rows;
    const struct db_value params[] = {db_int(before), db_int((int64_t)limit)};
    try(db_query(store->db, arena, Q_VERSIONS_LIST, params, ARRAY_N(params), &rows));
    *out = arena_new(arena, struct program_version, rows.rows_n);
    *n = rows.rows_n;
    for (size_t i = 0; i < rows.rows_n; i++) {
        (*out)[i] = read_version(&rows, i);
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_draft_read(struct store *store, struct arena *arena, struct program_draft *out)
{
    struct db_result row;
    *out = (struct program_draft){0};
    try(db_one(store->db, arena, Q_DRAFT_READ, NULL, 0, &row));
    if (row.rows_n > 0) {
        *out = (struct program_draft){
            .revision = db_at_int(&row, 0, 0),
            .document = db_at_str(&row, 0, 1),
            .changed_at = db_at_int(&row, 0, 2),
        };
    }
    return row.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_draft_write(struct store *store, struct arena *arena, int64_t revision,
                           const struct json *document, int64_t now, struct fail *f)
{
    ensure(db_in_transaction(store->db));
    struct buf text;
    int64_t changed = 0;
    buf_open(&text, arena, DRAFT_BYTES_MAX);
    json_write_canonical(&text, document);
    if (text.is_full) {
        return fail(f, ERR_TOO_LARGE, "", "A program document may have %d bytes.", DRAFT_BYTES_MAX);
    }
    const struct db_value values[] = {db_text(buf_view(&text)), db_int(now), db_int(revision)};
    if (revision == 0) {
        try(db_exec(store->db, Q_DRAFT_INSERT, values, 2, &changed));
    } else {
        try(db_exec(store->db, Q_DRAFT_UPDATE, values, ARRAY_N(values), &changed));
    }
    return changed == 1
               ? ERR_OK
               : fail(f, ERR_PRECONDITION, "", "The draft was changed meanwhile: read it again.");
}
