/* What a suspension has refused, and what has become of it. */
#include "base/base.h"
#include "store/store.h"

#include "store/store_internal.h"

enum {
    WALK_PAGE = 32, // events read at once: each may be as large as a request
    READ_PAGE = 16
};
#define WALK_BYTES_MAX ((size_t)1024 * 1024 * 1024) // of one page

enum err store_released_read(struct store *store, struct arena *arena, const int64_t *ids, size_t n,
                             int64_t *out)
{
    struct db_value *params = arena_new(arena, struct db_value, n);
    struct db_result rows;
    for (size_t i = 0; i < n; i++) {
        params[i] = db_int(ids[i]);
        out[i] = 0;
    }
    if (n == 0) {
        return ERR_OK;
    }
    try(db_query_rows(store->db, arena, Q_RELEASED_FIND, params, n, 1, &rows));
    for (size_t row = 0; row < rows.rows_n; row++) {
        for (size_t i = 0; i < n; i++) {
            out[i] = ids[i] == db_at_int(&rows, row, 0) ? db_at_int(&rows, row, 2) : out[i];
        }
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

/* A member's way back to where their suspension began. */
struct walk {
    int64_t *ids; // of what can be decided, newest first
    size_t ids_n, ids_max;
    int64_t passed;
    bool is_over;
};

/* Before the last time that the member was resumed begins another suspension, if any: staff have
 * said then what becomes of what it refused. */
static bool is_resumption(const struct event *event)
{
    return event->kind == EVENT_MEMBER_CHANGED && str_eq(event->reason, STR("resume"));
}

/* Sent by somebody, and refused for nothing but the suspension. */
static bool is_refused(const struct event_row *row)
{
    return row->answer.outcome == OUTCOME_REFUSED && row->answer.reason == REASON_SUSPENDED &&
           event_kind_is_public(row->event.kind) && !event_is_of_clock(&row->event) &&
           !row->is_sealed;
}

static enum err walk_page(struct store *store, struct arena *arena, struct arena *page,
                          const struct event_row *rows, size_t n, struct walk *walk)
{
    int64_t *ids = arena_new(page, int64_t, n);
    int64_t *decided = arena_new(page, int64_t, n);
    size_t ids_n = 0;
    for (size_t i = 0; i < n && !walk->is_over; i++) {
        if (is_resumption(&rows[i].event)) {
            walk->is_over = true;
        } else if (is_refused(&rows[i]) && event_asks_at_once(&rows[i].event)) {
            walk->passed++;
        } else if (is_refused(&rows[i])) {
            ids[ids_n++] = rows[i].id;
        }
    }
    try(store_released_read(store, page, ids, ids_n, decided));
    for (size_t i = 0; i < ids_n; i++) {
        if (decided[i] == 0) {
            arena_room(arena, walk->ids, walk->ids_n, walk->ids_max);
            walk->ids[walk->ids_n++] = ids[i];
        }
    }
    return ERR_OK;
}

static enum err walk_back(struct store *store, struct arena *arena,
                          const struct member_facts *member, struct arena *page, struct walk *walk)
{
    int64_t from = member->state->last_event;
    for (int seen = 0; from > 0 && !walk->is_over; seen += WALK_PAGE) {
        struct event_row *rows = NULL;
        size_t n = 0;
        if (seen >= REFUSED_WALK_MAX) {
            return ERR_TOO_LARGE;
        }
        arena_reset(page);
        try(store_events_list(store, page, member, from, WALK_PAGE, &rows, &n));
        try(walk_page(store, arena, page, rows, n, walk));
        from = n > 0 ? rows[n - 1].previous : 0;
    }
    return ERR_OK;
}

/* The oldest of them, as many as one batch can decide. */
static enum err read_oldest(struct store *store, struct arena *arena,
                            const struct member_facts *member, const struct walk *walk,
                            struct refused_events *out)
{
    const size_t max =
        walk->ids_n < REFUSED_PER_RESUME_MAX ? walk->ids_n : (size_t)REFUSED_PER_RESUME_MAX;
    const size_t used = arena->used;
    int64_t members[READ_PAGE];
    int64_t ids[READ_PAGE];
    struct vault_key keys[READ_PAGE];
    out->rows = arena_new(arena, struct event_row, max);
    enum err err = ERR_OK;
    while (err == ERR_OK && out->n < max && arena->used - used < REFUSED_BYTES_MAX) {
        const size_t n = max - out->n < READ_PAGE ? max - out->n : READ_PAGE;
        for (size_t i = 0; i < n; i++) {
            members[i] = member->member;
            ids[i] = walk->ids[walk->ids_n - 1 - out->n - i];
            keys[i] = member->key;
        }
        err = store_events_read(store, arena, members, ids, n, keys, &out->rows[out->n]);
        out->n += n;
    }
    vault_wipe(keys, sizeof keys);
    return err;
}

enum err store_refused_load(struct store *store, struct arena *arena,
                            const struct member_facts *member, struct refused_events *out)
{
    ensure(db_in_transaction(store->db));
    ensure(member->state != NULL);
    struct arena page;
    struct walk walk = {0};
    struct refused_events found = {0};
    arena_open(&page, WALK_BYTES_MAX);
    enum err err = walk_back(store, arena, member, &page, &walk);
    arena_close(&page);
    if (err == ERR_OK) {
        err = read_oldest(store, arena, member, &walk, &found);
    }
    if (err == ERR_OK) {
        found.left = (int64_t)(walk.ids_n - found.n);
        found.passed = walk.passed;
        *out = found;
        ensure(out->n > 0 || out->left == 0);
    }
    return err;
}
