/* Rows of work for other members. */
#include "base/base.h"
#include "store/relays.h"

#include "store/check_internal.h"
#include "store/store_internal.h"

int64_t relay_wait_ms(int64_t attempts)
{
    enum { DOUBLINGS_MAX = 16 };
    ensure(attempts >= 0);
    return int64_min(RELAY_WAIT_MS_MAX,
                     (int64_t)RELAY_LEASE_MS << int64_min(attempts, DOUBLINGS_MAX));
}

enum err store_relays_add(struct store *store, struct arena *arena, struct relay_row *rows,
                          size_t n, int64_t now, int64_t lease_until)
{
    enum { COLS = 10 };
    ensure(db_in_transaction(store->db));
    struct db_value *values = arena_new(arena, struct db_value, n * COLS);
    for (size_t i = 0; i < n; i++) {
        const struct relay *relay = &rows[i].relay;
        rows[i].id = id_next(&store->ids, now);
        const struct db_value row[COLS] = {
            db_int(rows[i].id),         db_int(relay->member),
            db_int(rows[i].cause),      db_int((int64_t)rows[i].position),
            db_int(relay->kind),        db_int(relay->time),
            db_text(relay->original),   db_text(relay->data),
            db_int(store->relay_owner), db_int(lease_until),
        };
        memcpy(&values[i * COLS], row, sizeof row);
    }
    store->has_relays |= n > 0;
    return db_exec_rows(store->db, Q_RELAYS_INSERT, values, n, COLS, NULL);
}

static enum err apply_new(struct store *store, struct arena *arena,
                          const struct batch_effects *effects)
{
    size_t n = 0;
    for (size_t i = 0; i < effects->events_n; i++) {
        n += effects->events[i].decision->relays_n;
    }
    struct relay_row *rows = arena_new(arena, struct relay_row, n);
    n = 0;
    for (size_t i = 0; i < effects->events_n; i++) {
        const struct decision *d = effects->events[i].decision;
        for (size_t k = 0; k < d->relays_n; k++) {
            rows[n++] =
                (struct relay_row){.cause = d->event_id, .position = k, .relay = d->relays[k]};
        }
    }
    return n == 0
               ? ERR_OK
               : store_relays_add(store, arena, rows, n, effects->now, effects->relay_lease_until);
}

static enum err apply_ended(struct store *store, struct arena *arena,
                            const struct batch_effects *effects)
{
    struct db_value *done = arena_new(arena, struct db_value, effects->relays_n * 2);
    struct db_value *waiting = arena_new(arena, struct db_value, effects->relays_n * 3);
    size_t done_n = 0;
    size_t waiting_n = 0;
    for (size_t i = 0; i < effects->relays_n; i++) {
        const struct relay_end *end = &effects->relays[i];
        if (end->wait_until == 0) {
            done[done_n * 2] = db_int(end->id);
            done[done_n++ * 2 + 1] = db_int(end->member);
            continue;
        }
        waiting[waiting_n * 3] = db_int(end->id);
        waiting[waiting_n * 3 + 1] = db_int(end->member);
        waiting[waiting_n++ * 3 + 2] = db_int(end->wait_until);
    }
    try(db_exec_rows(store->db, Q_RELAYS_DELETE, done, done_n, 2, NULL));
    return db_exec_rows(store->db, Q_RELAYS_WAIT, waiting, waiting_n, 3, NULL);
}

/* What waited for a member to be resumed is done right after this batch. */
static enum err apply_woken(struct store *store, struct arena *arena,
                            const struct batch_effects *effects)
{
    enum { COLS = 4 };
    for (size_t i = 0; i < effects->events_n; i++) {
        const struct decision *d = effects->events[i].decision;
        if (d->event.kind != EVENT_MEMBER_CHANGED || !str_eq(d->event.reason, STR("resume"))) {
            continue;
        }
        const struct db_value row[COLS] = {db_int(d->member), db_int(store->relay_owner),
                                           db_int(effects->relay_lease_until), db_int(AT_NEVER)};
        int64_t woken = 0;
        try(db_exec_rows(store->db, Q_RELAYS_WAKE, row, 1, COLS, &woken));
        store->has_relays |= woken > 0;
    }
    (void)arena; // members are resumed one by one
    return ERR_OK;
}

enum err store_relays_apply(struct store *store, struct arena *arena,
                            const struct batch_effects *effects)
{
    try(apply_new(store, arena, effects));
    try(apply_ended(store, arena, effects));
    return apply_woken(store, arena, effects);
}

bool store_relays_leased(struct store *store)
{
    const bool leased = store->has_relays;
    store->has_relays = false;
    return leased;
}

/* Row i of relays_of and verify_relays; false where it is none that was written. */
static bool read_row(struct db_result *rows, size_t i, struct relay_row *out)
{
    const int64_t kind = db_at_int(rows, i, 4);
    *out = (struct relay_row){
        .id = db_at_int(rows, i, 0),
        .cause = db_at_int(rows, i, 2),
        .position = (size_t)db_at_int(rows, i, 3),
        .attempts = db_at_int(rows, i, 8),
        .relay =
            {
                .member = db_at_int(rows, i, 1),
                .time = db_at_int(rows, i, 5),
                .original = db_at_str(rows, i, 6),
                .data = db_at_str(rows, i, 7),
            },
    };
    if (kind <= 0 || !event_kind_known((uint64_t)kind) || out->relay.member <= 0 ||
        out->cause <= 0 || out->position >= RELAYS_MAX || out->attempts < 0) {
        return false;
    }
    out->relay.kind = (enum event_kind)kind;
    return true;
}

enum err store_relays_read(struct store *store, struct arena *arena, struct relay_row **out,
                           size_t *n)
{
    struct db_result rows;
    const struct db_value params[] = {db_int(store->relay_owner), db_int(RELAYS_PER_ROUND)};
    try(db_query(store->db, arena, Q_RELAYS_OF, params, ARRAY_N(params), &rows));
    *out = arena_new(arena, struct relay_row, rows.rows_n);
    *n = 0;
    for (size_t i = 0; i < rows.rows_n; i++) {
        *n += read_row(&rows, i, &(*out)[*n]); // a damaged row keeps no other from being done: the
                                               // self-check tells of it
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_relays_claim(struct store *store, struct arena *arena, int64_t now)
{
    enum { COLS = 5 };
    ensure(db_in_transaction(store->db));
    struct db_result rows;
    int64_t claimed = 0;
    const struct db_value params[] = {db_int(now), db_int(RELAYS_PER_ROUND)};
    try(db_query(store->db, arena, Q_RELAYS_DUE, params, ARRAY_N(params), &rows));
    struct db_value *values = arena_new(arena, struct db_value, rows.rows_n * COLS);
    for (size_t i = 0; i < rows.rows_n; i++) {
        const int64_t attempts = db_at_int(&rows, i, 2);
        const struct db_value row[COLS] = {
            db_int(db_at_int(&rows, i, 0)),
            db_int(db_at_int(&rows, i, 1)),
            db_int(attempts),
            db_int(store->relay_owner),
            db_int(now + relay_wait_ms(int64_max(0, attempts))),
        };
        memcpy(&values[i * COLS], row, sizeof row);
    }
    try(db_exec_rows(store->db, Q_RELAYS_CLAIM, values, rows.rows_n, COLS, &claimed));
    store->has_relays |= claimed > 0;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

/* ---- the self-check ---- */

/* Every row is of a cause that is in the books, and not done yet. */
static enum err relays_slice(struct store *store, struct arena *arena, struct check_cursor *cursor,
                             const struct check_listener *listener)
{
    struct db_result rows;
    struct fail f = {.arena = arena};
    const struct db_value params[] = {db_int(cursor->id), db_int(CHECK_SLICE)};
    try(db_query(store->db, arena, Q_VERIFY_RELAYS, params, ARRAY_N(params), &rows));
    unsigned char(*hashes)[VAULT_HASH_BYTES] =
        arena_bytes(arena, arena_size(VAULT_HASH_BYTES, rows.rows_n));
    struct relay_row *list = arena_new(arena, struct relay_row, rows.rows_n);
    size_t n = 0;
    for (size_t i = 0; i < rows.rows_n; i++) {
        const struct json *data = NULL;
        cursor->id = db_at_int(&rows, i, 0);
        if (!read_row(&rows, i, &list[n]) ||
            json_read(arena, list[n].relay.data, &f, &data) != ERR_OK || !json_is_object(data)) {
            TELL(listener, INV_DATABASE, "relay", str_fmt(arena, "%" PRId64, cursor->id),
                 "the row is none that was written");
            continue;
        }
        const struct str id =
            relay_external_id(arena, list[n].relay.kind, list[n].cause, list[n].position);
        vault_natural_key(store->base->vault, RELAY_SOURCE, id, hashes[n]);
        n++;
    }
    struct known_event *known = NULL;
    size_t known_n = 0;
    try(store_events_known(store, arena, (const unsigned char(*)[VAULT_HASH_BYTES])hashes, n,
                           &known, &known_n));
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < known_n; k++) {
            if (memcmp(known[k].hash, hashes[i], VAULT_HASH_BYTES) == 0) {
                TELL(listener, INV_NATURAL_KEYS, "relay", str_fmt(arena, "%" PRId64, list[i].id),
                     "the work was done, and its row is still there");
            }
        }
    }
    cursor->rows_n += (int64_t)rows.rows_n;
    cursor->is_end = rows.rows_n < CHECK_SLICE;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_check_relays(struct store *store, struct arena *arena, struct check_cursor *cursor,
                            const struct check_listener *listener)
{
    return check_in_snapshot(store, arena, cursor, listener, relays_slice);
}
