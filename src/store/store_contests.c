/* Rows of contests. */
#include "base/base.h"
#include "store/contests.h"

#include "store/check_internal.h"
#include "store/members.h"
#include "store/store_internal.h"

enum { ENTRY_COLS = 6 };

/* ---- entries ---- */

static bool holds_entries(const struct store *store, int32_t wallet)
{
    return str_starts(store_symbol_slug(store, wallet), STR(CONTEST_WALLET));
}

/* What a transfer adds to its lot's active points. */
static int64_t added(enum account from, enum account to, int64_t points)
{
    return to == ACCOUNT_ACTIVE ? points : from == ACCOUNT_ACTIVE ? -points : 0;
}

enum err store_contests_apply(struct store *store, struct arena *arena,
                              const struct batch_effects *effects)
{
    struct db_value *rows = NULL;
    size_t n = 0;
    size_t max = 0;
    for (size_t i = 0; i < effects->events_n; i++) {
        const struct decision *d = effects->events[i].decision;
        for (size_t k = 0; k < d->transfers_n; k++) {
            const struct transfer *t = &d->transfers[k];
            const int64_t points = added(t->from, t->to, t->points);
            if (points == 0 || !holds_entries(store, t->wallet)) {
                continue;
            }
            const struct db_value row[ENTRY_COLS] = {db_int(t->wallet),    db_int(t->lot),
                                                     db_int(t->id),        db_int(d->member),
                                                     db_int(t->booked_at), db_int(points)};
            for (size_t c = 0; c < ENTRY_COLS; c++) {
                arena_room(arena, rows, n, max);
                rows[n++] = row[c];
            }
        }
    }
    return db_exec_rows(store->db, Q_CONTEST_ENTRIES_INSERT, rows, n / ENTRY_COLS, ENTRY_COLS,
                        NULL);
}

enum err store_contest_entries(struct store *store, struct arena *arena,
                               const struct contest *contest, int32_t symbol, int64_t after,
                               size_t max, struct contest_entry **out, size_t *n)
{
    struct db_result rows;
    const struct db_value params[] = {db_int(symbol), db_int(after), db_int(contest->closes_at),
                                      db_int((int64_t)max)};
    try(db_query(store->db, arena, Q_CONTEST_ENTRIES_LIST, params, ARRAY_N(params), &rows));
    *n = rows.rows_n;
    *out = arena_new(arena, struct contest_entry, rows.rows_n);
    for (size_t i = 0; i < rows.rows_n; i++) {
        struct contest_entry *entry = &(*out)[i];
        *entry = (struct contest_entry){
            .lot = db_at_int(&rows, i, 0),
            .member = db_at_int(&rows, i, 1),
            .tickets = db_at_int(&rows, i, 2),
            .is_withdrawn = db_at_int(&rows, i, 3) == MEMBER_ERASED,
        };
        store_contest_alias(store, contest->slug, entry->member, entry->alias);
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_contest_tickets(struct store *store, struct arena *arena,
                               const struct contest *contest, int32_t symbol, int64_t member,
                               int64_t *out)
{
    struct db_result row;
    const struct db_value params[] = {db_int(symbol), db_int(member), db_int(contest->closes_at)};
    try(db_one(store->db, arena, Q_CONTEST_TICKETS_OF, params, ARRAY_N(params), &row));
    ensure(row.rows_n == 1);
    *out = db_at_int(&row, 0, 0);
    return row.is_bad || *out < 0 ? ERR_INTEGRITY : ERR_OK;
}

/* ---- what is published ---- */

enum err store_contest_read(struct store *store, struct arena *arena, int32_t contest,
                            struct contest_row *out)
{
    struct db_result row;
    const struct db_value param = db_int(contest);
    *out = (struct contest_row){0};
    try(db_one(store->db, arena, Q_CONTEST_DRAW_READ, &param, 1, &row));
    if (row.rows_n == 0) {
        return ERR_OK;
    }
    const struct str hash = db_at_str(&row, 0, 4);
    *out = (struct contest_row){
        .exists = true,
        .slug = db_at_str(&row, 0, 0),
        .closes_at = db_at_int(&row, 0, 1),
        .entries = db_at_int(&row, 0, 2),
        .tickets = db_at_int(&row, 0, 3),
        .drawn_at = db_is_null(&row, 0, 5) ? 0 : db_at_int(&row, 0, 5),
        .result = db_is_null(&row, 0, 6) ? (struct str){0} : db_at_str(&row, 0, 6),
    };
    if (hash.n != CONTEST_HASH_BYTES || row.is_bad) {
        return ERR_INTEGRITY;
    }
    memcpy(out->entries_hash, hash.p, CONTEST_HASH_BYTES);
    return ERR_OK;
}

enum err store_contest_close(struct store *store, int32_t contest, const struct contest_row *row,
                             bool *is_first)
{
    int64_t n = 0;
    const struct db_value params[] = {
        db_int(contest),      db_text(row->slug),   db_int(row->closes_at),
        db_int(row->entries), db_int(row->tickets), db_blob(row->entries_hash, CONTEST_HASH_BYTES),
    };
    ensure(db_in_transaction(store->db));
    try(db_exec(store->db, Q_CONTEST_CLOSE, params, ARRAY_N(params), &n));
    *is_first = n == 1;
    return ERR_OK;
}

enum err store_contest_drawn(struct store *store, int32_t contest, int64_t now, struct str result,
                             bool *is_first)
{
    int64_t n = 0;
    const struct db_value params[] = {db_int(now), db_text(result), db_int(contest)};
    ensure(db_in_transaction(store->db));
    try(db_exec(store->db, Q_CONTEST_DRAWN, params, ARRAY_N(params), &n));
    *is_first = n == 1;
    return ERR_OK;
}

/* ---- names ---- */

void store_contest_seed(const struct store *store, struct str slug,
                        unsigned char out[CONTEST_HASH_BYTES])
{
    _Static_assert(CONTEST_HASH_BYTES == 2 * VAULT_HASH_BYTES, "two halves");
    for (size_t half = 0; half < 2; half++) {
        const struct str parts[] = {STR("contest-seed"), half == 0 ? STR("0") : STR("1"), slug};
        vault_hash(store->base->vault, VAULT_DRAW, parts, ARRAY_N(parts),
                   out + half * VAULT_HASH_BYTES);
    }
}

void store_contest_alias(const struct store *store, struct str slug, int64_t member,
                         unsigned char out[CONTEST_ALIAS_BYTES])
{
    unsigned char hash[VAULT_HASH_BYTES];
    char id[ID_TEXT_BYTES + 1];
    id_write("mbr_", member, id);
    const struct str parts[] = {STR("contest-member"), slug, str_c(id)};
    vault_hash(store->base->vault, VAULT_DRAW, parts, ARRAY_N(parts), hash);
    memcpy(out, hash, CONTEST_ALIAS_BYTES);
}

/* ---- the self-check ---- */

/* Every row of the index is what its points transfer says. */
static enum err contests_slice(struct store *store, struct arena *arena,
                               struct check_cursor *cursor, const struct check_listener *listener)
{
    struct db_result rows;
    const struct db_value params[] = {db_int(cursor->id), db_int(CHECK_SLICE)};
    try(db_query(store->db, arena, Q_VERIFY_CONTEST_ENTRIES, params, ARRAY_N(params), &rows));
    for (size_t i = 0; i < rows.rows_n; i++) {
        cursor->id = db_at_int(&rows, i, 2);
        bool is_same = !db_is_null(&rows, i, 6);
        static const int PAIRS[][2] = {{0, 6}, {1, 7}, {3, 8}, {4, 9}};
        for (size_t k = 0; is_same && k < ARRAY_N(PAIRS); k++) {
            is_same = db_at_int(&rows, i, PAIRS[k][0]) == db_at_int(&rows, i, PAIRS[k][1]);
        }
        const int64_t points =
            is_same ? added((enum account)db_at_int(&rows, i, 10),
                            (enum account)db_at_int(&rows, i, 11), db_at_int(&rows, i, 12))
                    : 0;
        if (!is_same || points != db_at_int(&rows, i, 5)) {
            TELL(listener, INV_INDEXES, "contest_entry", str_fmt(arena, "%" PRId64, cursor->id),
                 "the entry is not what its points transfer says");
        }
    }
    cursor->rows_n += (int64_t)rows.rows_n;
    cursor->is_end = rows.rows_n < CHECK_SLICE;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_check_contests(struct store *store, struct arena *arena, struct check_cursor *cursor,
                              const struct check_listener *listener)
{
    return check_in_snapshot(store, arena, cursor, listener, contests_slice);
}

/* ---- what a new program keeps ---- */

/* A contest that was not drawn, and what a version makes of its window at the time from which on
 * that version counts. */
static enum err check_window(struct arena *arena, const struct contest *before,
                             const struct program *after, const struct contest *kept,
                             bool is_closed, int64_t at, struct fail *f)
{
    const size_t index = (size_t)(kept - after->contests);
    enum err err = ERR_OK;
    if (kept->opens_at >= at) {
        err = fail(f, ERR_IN_USE, str_fmt(arena, "/contests/%zu/window/from", index).p,
                   "The contest \"%.*s\" will have opened when this version is effective: leave "
                   "its \"from\" as it is.",
                   STR_ARG(before->slug));
    }
    if (is_closed || kept->closes_at == before->closes_at) {
        return err;
    }
    const char *pointer = str_fmt(arena, "/contests/%zu/window/until", index).p;
    if (before->closes_at <= at) {
        err = fail(f, ERR_IN_USE, pointer,
                   "The contest \"%.*s\" will have closed when this version is effective: leave "
                   "its \"until\" as it is.",
                   STR_ARG(before->slug));
    } else if (kept->closes_at <= at) {
        err = fail(f, ERR_IN_USE, pointer,
                   "The contest \"%.*s\" is open until this version is effective, and who has "
                   "entered by then would be left out: close it at a time after that.",
                   STR_ARG(before->slug));
    }
    return err;
}

enum err contests_keep(struct store *store, struct arena *arena, const struct program *before,
                       const struct program *after, int64_t at, struct fail *f)
{
    enum err err = ERR_OK;
    for (size_t i = 0; i < before->contests_n; i++) {
        const struct contest *contest = &before->contests[i];
        const struct contest *kept = program_contest(after, contest->slug);
        struct contest_row row;
        if (contest->opens_at >= at) {
            continue; // nobody can have entered
        }
        try(store_contest_read(store, arena, before->wallets[contest->wallet].symbol, &row));
        if (row.drawn_at != 0) {
            continue;
        }
        const enum err one =
            kept != NULL
                ? check_window(arena, contest, after, kept, row.exists, at, f)
                : fail(f, ERR_IN_USE, "/contests",
                       "The contest \"%.*s\" of version %d has opened and is missing: keep it "
                       "until it is drawn. To end it early, bring its window's \"until\" forward, "
                       "to a time that is to come.",
                       STR_ARG(contest->slug), before->version);
        err = one != ERR_OK ? one : err;
    }
    return err;
}
