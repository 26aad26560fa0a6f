/* Event rows: what is clear, what is sealed, and back. */
#include "base/base.h"
#include "store/store.h"

#include "store/store_internal.h"

#define EVENT_PLACE(owner)                                                                         \
    ((struct vault_place){.table = "event", .column = "sealed", .owner_id = (owner)})
#define HELD_PLACE(owner)                                                                          \
    ((struct vault_place){.table = "held", .column = "sealed", .owner_id = (owner)})

struct str event_row_content(struct arena *arena, const struct decision *decision)
{
    struct buf clear;
    struct buf out;
    buf_open(&clear, arena, EVENT_RECORD_BYTES_MAX);
    buf_open(&out, arena, EVENT_RECORD_BYTES_MAX);
    event_pack_clear(&clear, &decision->event);
    pack_str(&out, buf_view(&clear));
    spent_pack(&out, decision->spent, decision->spent_n);
    ensure(!out.is_full);
    return buf_view(&out);
}

/* Codes of the answer's rewards, one after the other; nothing where there are none. */
static void pack_codes(struct buf *out, const struct answer *answer)
{
    for (size_t i = 0; i < answer->rewards_n; i++) {
        pack_str(out, answer->rewards[i].code);
    }
}

static void unpack_codes(struct unpack *in, struct answer *answer)
{
    for (size_t i = 0; i < answer->rewards_n; i++) {
        answer->rewards[i].code = unpack_str(in);
    }
}

struct str event_row_sealed(struct arena *arena, const struct vault_key *key,
                            const struct decision *decision)
{
    struct buf sealed;
    struct buf packed;
    struct buf out;
    if (key->version == 0) {
        return STR(""); // of a forgotten member nothing is kept that their key would have to open
    }
    buf_open(&sealed, arena, EVENT_RECORD_BYTES_MAX);
    buf_open(&packed, arena, EVENT_RECORD_BYTES_MAX);
    buf_open(&out, arena, EVENT_RECORD_BYTES_MAX);
    event_pack_sealed(&sealed, &decision->event);
    if (decision->has_inputs) {
        inputs_pack(&packed, &decision->inputs);
    }
    pack_str(&out, buf_view(&sealed));
    pack_str(&out, buf_view(&packed));
    pack_codes(&out, &decision->answer);
    ensure(!out.is_full);
    return vault_seal(arena, key, EVENT_PLACE(decision->member), buf_view(&out));
}

static enum err read_content(struct arena *arena, struct str content, struct str *clear,
                             struct spent_lot **spent, size_t *n)
{
    struct unpack in = unpack_open(content);
    *clear = unpack_str(&in);
    spent_unpack(arena, &in, spent, n);
    return unpack_done(&in) ? ERR_OK : ERR_INTEGRITY;
}

static enum err read_row(struct arena *arena, struct db_result *rows, size_t i,
                         const struct vault_key *key, struct event_row *out)
{
    struct event_row row = {
        .id = db_at_int(rows, i, 0),
        .member = db_at_int(rows, i, 1),
        .previous = db_at_int(rows, i, 2),
        .booked_at = db_at_int(rows, i, 5),
        .version = (int)db_at_int(rows, i, 6),
        .credential = db_at_int(rows, i, 8),
    };
    const int64_t time = db_at_int(rows, i, 4);
    struct str clear;
    struct str plain;
    try(read_content(arena, db_at_str(rows, i, 9), &clear, &row.spent, &row.spent_n));
    try(answer_unpack(arena, db_at_str(rows, i, 11), &row.answer));
    const enum err err =
        vault_unseal(arena, key, EVENT_PLACE(row.member), db_at_str(rows, i, 10), &plain);
    if (err == ERR_NOT_FOUND) {
        // The member was forgotten: of the event its kind, time and answer are left to show.
        row.event.kind = (enum event_kind)db_at_int(rows, i, 3);
        row.event.type = event_kind_type(row.event.kind);
        row.event.time = time;
        row.is_sealed = true;
        *out = row;
        return ERR_OK;
    }
    try(err);
    struct unpack in = unpack_open(plain);
    const struct str sealed = unpack_str(&in);
    row.inputs = unpack_str(&in);
    unpack_codes(&in, &row.answer);
    if (!unpack_done(&in) || rows->is_bad) {
        return ERR_INTEGRITY;
    }
    try(event_unpack(arena, time, clear, sealed, &row.event));
    *out = row;
    return ERR_OK;
}

enum err store_events_read(struct store *store, struct arena *arena, const int64_t *members,
                           const int64_t *events, size_t n, const struct vault_key *keys,
                           struct event_row *out)
{
    struct db_value *values = arena_new(arena, struct db_value, n * 2);
    struct db_result rows;
    for (size_t i = 0; i < n; i++) {
        values[i * 2] = db_int(members[i]);
        values[i * 2 + 1] = db_int(events[i]);
    }
    if (n == 0) {
        return ERR_OK;
    }
    try(db_query_rows(store->db, arena, Q_EVENTS_READ, values, n, 2, &rows));
    for (size_t i = 0; i < n; i++) {
        size_t row = 0;
        while (row < rows.rows_n && db_at_int(&rows, row, 0) != events[i]) {
            row++;
        }
        if (row == rows.rows_n) {
            return ERR_INTEGRITY; // a natural key without its event
        }
        try(read_row(arena, &rows, row, &keys[i], &out[i]));
    }
    return ERR_OK;
}

enum err store_purchase_load(struct store *store, struct arena *arena,
                             const struct member_facts *member, int64_t event, struct purchase *out)
{
    struct event_row row;
    struct db_result rows;
    const struct db_value key[] = {db_int(member->member), db_int(event)};
    const struct program *program = NULL;
    try(store_events_read(store, arena, &member->member, &event, 1, &member->key, &row));
    try(store_program_version(store, row.version, &program));
    struct purchase purchase = {
        .id = event,
        .program = program,
        .content = row.event,
        .booked_at = row.booked_at,
        .outcome = row.answer.outcome,
        .spent = row.spent,
        .spent_n = row.spent_n,
        .rewards = row.answer.rewards,
        .rewards_n = row.answer.rewards_n,
        .content_event = event,
    };
    if (row.inputs.n > 0) {
        try(inputs_unpack(arena, program, row.inputs, &purchase.inputs));
    } else {
        inputs_open(arena, program, &purchase.inputs);
    }
    try(db_query_rows(store->db, arena, Q_PURCHASES_READ, key, 1, 2, &rows));
    if (rows.rows_n > 0) {
        purchase.row_version = db_at_int(&rows, 0, 2);
        purchase.content_event = db_at_int(&rows, 0, 3);
        if (purchase.content_event != event) {
            struct event_row changed;
            const int64_t time = purchase.content.time;
            try(store_events_read(store, arena, &member->member, &purchase.content_event, 1,
                                  &member->key, &changed));
            purchase.content = changed.event;
            purchase.content.time = time;
            purchase.content.is_placed = false;
        }
        try(purchase_unpack(arena, db_at_str(&rows, 0, 4), &purchase));
    }
    *out = purchase;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

/* ---- history ---- */

enum err store_events_list(struct store *store, struct arena *arena,
                           const struct member_facts *member, int64_t from_id, size_t n,
                           struct event_row **out, size_t *out_n)
{
    struct db_result rows;
    const struct db_value values[] = {db_int(member->member), db_int(from_id), db_int((int64_t)n)};
    try(db_query(store->db, arena, Q_EVENTS_OF_MEMBER, values, ARRAY_N(values), &rows));
    struct event_row *list = arena_new(arena, struct event_row, rows.rows_n);
    for (size_t i = 0; i < rows.rows_n; i++) {
        try(read_row(arena, &rows, i, &member->key, &list[i]));
    }
    *out = list;
    *out_n = rows.rows_n;
    return ERR_OK;
}

bool transfer_row_read(struct db_result *rows, size_t i, struct transfer *out)
{
    const struct str reason = db_at_str(rows, i, 13);
    const struct str hash = db_at_str(rows, i, 14);
    const int64_t kind = db_at_int(rows, i, 9);
    const int64_t from = db_at_int(rows, i, 10);
    const int64_t to = db_at_int(rows, i, 11);
    *out = (struct transfer){
        .id = db_at_int(rows, i, 0),
        .previous = db_at_int(rows, i, 1),
        .event = db_at_int(rows, i, 2),
        .lot = db_at_int(rows, i, 3),
        .at = db_at_int(rows, i, 4),
        .booked_at = db_at_int(rows, i, 5),
        .wallet = (int32_t)db_at_int(rows, i, 6),
        .rule = (int32_t)db_at_int(rows, i, 7),
        .version = (int32_t)db_at_int(rows, i, 8),
        .points = db_at_int(rows, i, 12),
    };
    const bool is_fine = hash.n == HASH_BYTES && (reason.n == 0 || reason.n == HASH_BYTES) &&
                         kind >= TRANSFER_EARN && kind <= TRANSFER_MOVE && from >= ACCOUNT_ISSUED &&
                         from <= ACCOUNT_DEBT && to >= ACCOUNT_ISSUED && to <= ACCOUNT_DEBT &&
                         !rows->is_bad;
    out->kind = is_fine ? (enum transfer_kind)kind : TRANSFER_MOVE;
    out->from = is_fine ? (enum account)from : ACCOUNT_ISSUED;
    out->to = is_fine ? (enum account)to : ACCOUNT_ISSUED;
    if (hash.n == HASH_BYTES) {
        memcpy(out->hash, hash.p, HASH_BYTES);
    }
    if (reason.n == HASH_BYTES) {
        memcpy(out->reason_commitment, reason.p, HASH_BYTES);
    }
    return is_fine;
}

enum err store_transfers_list(struct store *store, struct arena *arena, int64_t member,
                              int64_t from_id, size_t n, struct transfer **out, size_t *out_n)
{
    struct db_result rows;
    const struct db_value values[] = {db_int(member), db_int(from_id), db_int((int64_t)n)};
    try(db_query(store->db, arena, Q_TRANSFERS_OF_MEMBER, values, ARRAY_N(values), &rows));
    struct transfer *list = arena_new(arena, struct transfer, rows.rows_n);
    for (size_t i = 0; i < rows.rows_n; i++) {
        if (!transfer_row_read(&rows, i, &list[i])) {
            return ERR_INTEGRITY;
        }
    }
    *out = list;
    *out_n = rows.rows_n;
    return ERR_OK;
}

/* ---- held events ---- */

struct str held_row_sealed(struct arena *arena, const struct vault_key *key, int64_t held_id,
                           const struct event *event)
{
    struct buf sealed;
    buf_open(&sealed, arena, EVENT_RECORD_BYTES_MAX);
    event_pack_sealed(&sealed, event);
    ensure(!sealed.is_full);
    return vault_seal(arena, key, HELD_PLACE(held_id), buf_view(&sealed));
}

static enum err read_held(struct arena *arena, struct db_result *rows, size_t i,
                          const struct vault_key *key, struct held_event *out)
{
    const struct str hash = db_at_str(rows, i, 2);
    struct str plain;
    struct unpack in = unpack_open(db_at_str(rows, i, 7));
    const int64_t time = unpack_i(&in);
    const struct str clear = unpack_str(&in);
    *out = (struct held_event){
        .id = db_at_int(rows, i, 0),
        .waits_for_purchase = db_at_int(rows, i, 1) == 1,
        .member = db_at_int(rows, i, 3),
        .received_at = db_at_int(rows, i, 4),
        .expires_at = db_at_int(rows, i, 5),
        .credential = db_at_int(rows, i, 6),
    };
    if (hash.n != VAULT_HASH_BYTES || !unpack_done(&in)) {
        return ERR_INTEGRITY;
    }
    memcpy(out->wait_hash, hash.p, VAULT_HASH_BYTES);
    try(vault_unseal(arena, key, HELD_PLACE(out->id), db_at_str(rows, i, 8), &plain));
    return event_unpack(arena, time, clear, plain, &out->event);
}

enum err store_held_find(struct store *store, struct arena *arena,
                         const unsigned char (*hashes)[VAULT_HASH_BYTES], size_t n,
                         struct held_event **out, size_t *out_n)
{
    struct db_result rows;
    *out_n = 0;
    try(db_one(store->db, arena, Q_HELD_ANY, NULL, 0, &rows));
    if (n == 0 || db_at_int(&rows, 0, 0) == 0) {
        return ERR_OK;
    }
    struct db_value *values = arena_new(arena, struct db_value, n);
    for (size_t i = 0; i < n; i++) {
        values[i] = db_blob(hashes[i], VAULT_HASH_BYTES);
    }
    try(db_query_rows(store->db, arena, Q_HELD_FIND, values, n, 1, &rows));
    int64_t *ids = arena_new(arena, int64_t, rows.rows_n);
    struct vault_key *keys = arena_new(arena, struct vault_key, rows.rows_n);
    *out = arena_new(arena, struct held_event, rows.rows_n);
    for (size_t i = 0; i < rows.rows_n; i++) {
        ids[i] = db_at_int(&rows, i, 0);
    }
    if (rows.rows_n > 0) {
        try(vault_keys_load(store->keys, ids, rows.rows_n, keys));
    }
    for (size_t i = 0; i < rows.rows_n; i++) {
        if (keys[i].version == 0) {
            continue; // over: its key is gone, the row goes with the next sweep
        }
        try(read_held(arena, &rows, i, &keys[i], &(*out)[(*out_n)++]));
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_keys_make(struct store *store, const int64_t *ids, size_t n, int64_t now,
                         struct vault_key *out)
{
    return n == 0 ? ERR_OK : vault_keys_create(store->keys, ids, n, now, out);
}

enum err store_held_expired(struct store *store, struct arena *arena, int64_t now, size_t max,
                            int64_t **ids, size_t *n)
{
    struct db_result rows;
    const struct db_value values[] = {db_int(now), db_int((int64_t)max)};
    try(db_query(store->db, arena, Q_HELD_EXPIRED, values, ARRAY_N(values), &rows));
    *n = rows.rows_n;
    *ids = arena_new(arena, int64_t, rows.rows_n);
    for (size_t i = 0; i < rows.rows_n; i++) {
        (*ids)[i] = db_at_int(&rows, i, 0);
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_held_forget(struct store *store, struct arena *arena, const int64_t *ids, size_t n)
{
    struct db_value *rows = arena_new(arena, struct db_value, n);
    for (size_t i = 0; i < n; i++) {
        rows[i] = db_int(ids[i]);
    }
    try(db_exec_rows(store->db, Q_HELD_DELETE, rows, n, 1, NULL));
    return n == 0 ? ERR_OK : vault_keys_delete(store->keys, ids, n);
}

/* ---- for the self-check ---- */

enum err event_row_check(struct arena *arena, struct db_result *rows, size_t i,
                         const struct vault_key *key, bool *opens, struct event_row *out)
{
    struct str plain;
    const enum err err = vault_unseal(arena, key, EVENT_PLACE(db_at_int(rows, i, 1)),
                                      db_at_str(rows, i, 10), &plain);
    *opens = err == ERR_OK || err == ERR_NOT_FOUND;
    return *opens ? read_row(arena, rows, i, key, out) : ERR_INTEGRITY;
}

enum err held_row_check(struct arena *arena, struct db_result *rows, size_t i,
                        const struct vault_key *key, struct held_event *out)
{
    return read_held(arena, rows, i, key, out);
}
