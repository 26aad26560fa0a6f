/* The self-check of natural keys, and of sales and held events, which have no member to be checked
 * with. */
#include "base/base.h"
#include "store/check.h"

#include "store/check_internal.h"
#include "store/store_internal.h"

/* ---- sales and held events ---- */

/* Reads a sale; its natural key goes to hash. */
static bool sale_opens(struct store *store, struct arena *arena, struct db_result *rows, size_t i,
                       struct event *event, unsigned char hash[VAULT_HASH_BYTES])
{
    struct str plain;
    const struct vault_place place = {
        .table = "sale", .column = "sealed", .owner_id = db_at_int(rows, i, 0)};
    if (vault_unseal(arena, vault_instance_key(store->base->vault, VAULT_SALES), place,
                     db_at_str(rows, i, 7), &plain) != ERR_OK ||
        event_unpack(arena, db_at_int(rows, i, 1), db_at_str(rows, i, 6), plain, event) != ERR_OK) {
        return false;
    }
    vault_natural_key(store->base->vault, event->source, event->external_id, hash);
    return true;
}

/* The one key that a hash has; false when it has none. */
static enum err find_key(struct store *store, struct arena *arena,
                         const unsigned char hash[VAULT_HASH_BYTES], bool *has,
                         struct known_event *out)
{
    struct known_event *known = NULL;
    size_t n = 0;
    try(store_events_known(
        store, arena, (const unsigned char(*)[VAULT_HASH_BYTES])(const void *)hash, 1, &known, &n));
    *has = n == 1;
    if (*has) {
        *out = known[0];
    }
    return ERR_OK;
}

static enum err check_sale(struct store *store, struct arena *arena, struct db_result *rows,
                           size_t i, const struct check_listener *listener)
{
    struct event event;
    struct known_event known;
    unsigned char hash[VAULT_HASH_BYTES];
    bool has = false;
    const int64_t id = db_at_int(rows, i, 0);
    const struct str row = check_row(arena, "evt_", id);
    if (!sale_opens(store, arena, rows, i, &event, hash)) {
        TELL(listener, INV_SEALED, "sale", row, "the sale does not open");
        return ERR_OK;
    }
    if (event.amount != db_at_int(rows, i, 3) || !str_eq(event.currency, db_at_str(rows, i, 4)) ||
        !str_eq(event.store, db_at_str(rows, i, 5))) {
        TELL(listener, INV_DATABASE, "sale", row,
             "amount, currency or store are not those of the content");
    }
    try(find_key(store, arena, hash, &has, &known));
    if (!has || known.member != EVENT_OF_SALE || known.event != id) {
        TELL(listener, INV_NATURAL_KEYS, "sale", row,
             has ? "the sale's natural key belongs to another event"
                 : "the sale's natural key is not stored");
    }
    return ERR_OK;
}

static enum err sales_slice(struct store *store, struct arena *arena, struct check_cursor *cursor,
                            const struct check_listener *listener)
{
    struct db_result rows;
    const struct db_value params[] = {db_int(cursor->id), db_int(CHECK_MEMBERS)};
    try(db_query(store->db, arena, Q_VERIFY_SALES, params, ARRAY_N(params), &rows));
    for (size_t i = 0; i < rows.rows_n; i++) {
        cursor->id = db_at_int(&rows, i, 0);
        try(check_sale(store, arena, &rows, i, listener));
    }
    cursor->rows_n += (int64_t)rows.rows_n;
    cursor->is_end = rows.rows_n < CHECK_MEMBERS;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_check_sales(struct store *store, struct arena *arena, struct check_cursor *cursor,
                           const struct check_listener *listener)
{
    return check_in_snapshot(store, arena, cursor, listener, sales_slice);
}

/* Whether a held event waits for what it says it waits for. */
static bool waits_rightly(struct store *store, struct arena *arena, const struct held_event *held)
{
    unsigned char hash[VAULT_HASH_BYTES];
    struct identifier subject;
    const struct vault *vault = store->base->vault;
    if (held->waits_for_purchase) {
        const struct original *original = &held->event.original;
        vault_natural_key(vault, original->source.n > 0 ? original->source : held->event.source,
                          original->id, hash);
        return memcmp(hash, held->wait_hash, VAULT_HASH_BYTES) == 0;
    }
    return identifier_read(arena, vault, held->event.subject, NULL, "", &subject) == ERR_OK &&
           memcmp(subject.hash, held->wait_hash, VAULT_HASH_BYTES) == 0;
}

static enum err check_held(struct store *store, struct arena *arena, struct db_result *rows,
                           size_t i, int64_t now, const struct check_listener *listener)
{
    struct held_event held;
    struct known_event known;
    struct vault_key key;
    unsigned char hash[VAULT_HASH_BYTES];
    bool has = false;
    bool is_erased = false;
    const int64_t id = db_at_int(rows, i, 0);
    const struct str row = check_row(arena, "evt_", id);
    enum err err = vault_keys_load(store->keys, &id, 1, &key);
    if (err == ERR_OK && key.version == 0) {
        try(vault_erasures_find(store->keys, &id, 1, &is_erased));
        if (!is_erased && db_at_int(rows, i, 5) > now) {
            TELL(listener, INV_SEALED, "held", row, "the held event's key is gone before its time");
        }
        return ERR_OK;
    }
    err = err == ERR_OK ? held_row_check(arena, rows, i, &key, &held) : err;
    vault_wipe(&key, sizeof key);
    if (err == ERR_INTEGRITY) {
        TELL(listener, INV_SEALED, "held", row, "the held event does not open");
        return ERR_OK;
    }
    try(err);
    if (!waits_rightly(store, arena, &held)) {
        TELL(listener, INV_INDEXES, "held", row, "the event waits for something else than it says");
    }
    vault_natural_key(store->base->vault, held.event.source, held.event.external_id, hash);
    try(find_key(store, arena, hash, &has, &known));
    const bool is_right =
        has && (held.member == 0 ? known.member == EVENT_OF_HELD && known.event == id
                                 : known.member == held.member || known.member == EVENT_OF_HELD);
    if (!is_right) {
        TELL(listener, INV_NATURAL_KEYS, "held", row,
             has ? "the held event's natural key belongs to another event"
                 : "the held event's natural key is not stored");
    }
    return ERR_OK;
}

static enum err held_slice(struct store *store, struct arena *arena, struct check_cursor *cursor,
                           const struct check_listener *listener)
{
    struct db_result rows;
    const struct db_value params[] = {db_int(cursor->id), db_int(CHECK_MEMBERS)};
    try(db_query(store->db, arena, Q_VERIFY_HELD, params, ARRAY_N(params), &rows));
    for (size_t i = 0; i < rows.rows_n; i++) {
        cursor->id = db_at_int(&rows, i, 0);
        try(check_held(store, arena, &rows, i, cursor->now, listener));
    }
    cursor->rows_n += (int64_t)rows.rows_n;
    cursor->is_end = rows.rows_n < CHECK_MEMBERS;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_check_held(struct store *store, struct arena *arena, struct check_cursor *cursor,
                          const struct check_listener *listener)
{
    return check_in_snapshot(store, arena, cursor, listener, held_slice);
}

/* ---- natural keys: each names what is there ---- */

struct keyed {
    struct str hash;
    int64_t member;
    int64_t event;
};

static void tell_key(struct arena *arena, const struct check_listener *listener,
                     const struct keyed *key, const char *text)
{
    TELL(listener, INV_NATURAL_KEYS, "event_key", check_hex(arena, key->hash), text);
}

/* Keys of members' events: the events' own source and id give this hash. */
static enum err check_member_keys(struct store *store, struct arena *arena,
                                  const struct keyed *list, size_t n,
                                  const struct check_listener *listener)
{
    struct db_value *params = arena_new(arena, struct db_value, n * 2);
    int64_t *members = arena_new(arena, int64_t, n);
    struct vault_key *keys = arena_new(arena, struct vault_key, n);
    struct db_result rows;
    struct map by_event;
    if (n == 0) {
        return ERR_OK;
    }
    map_open(&by_event, arena);
    for (size_t i = 0; i < n; i++) {
        params[i * 2] = db_int(list[i].member);
        params[i * 2 + 1] = db_int(list[i].event);
        members[i] = list[i].member;
    }
    try(db_query_rows(store->db, arena, Q_EVENTS_READ, params, n, 2, &rows));
    size_t *places = arena_new(arena, size_t, rows.rows_n);
    for (size_t i = 0; i < rows.rows_n; i++) {
        places[i] = i;
        map_set_int(&by_event, db_at_int(&rows, i, 0), &places[i]);
    }
    const enum err err = vault_keys_load(store->keys, members, n, keys);
    for (size_t i = 0; i < n && (err == ERR_OK || err == ERR_INTEGRITY); i++) {
        struct event_row row;
        unsigned char hash[VAULT_HASH_BYTES];
        bool opens = false;
        const size_t *place = map_find_int(&by_event, list[i].event);
        if (place == NULL) {
            tell_key(arena, listener, &list[i],
                     "the natural key names an event that does not exist");
        } else if (err == ERR_OK &&
                   event_row_check(arena, &rows, *place, &keys[i], &opens, &row) == ERR_OK &&
                   !row.is_sealed) {
            vault_natural_key(store->base->vault, row.event.source, row.event.external_id, hash);
            if (list[i].hash.n != VAULT_HASH_BYTES ||
                memcmp(hash, list[i].hash.p, VAULT_HASH_BYTES) != 0) {
                tell_key(arena, listener, &list[i], "the natural key is not that of its event");
            }
        }
    }
    vault_wipe(keys, n * sizeof *keys);
    return err == ERR_INTEGRITY ? ERR_OK
                                : err; // a key that does not unwrap is told with its member
}

/* Keys of sales, and of events that are still held: what was held and is over leaves its key
 * behind. */
static enum err check_other_keys(struct store *store, struct arena *arena, const struct keyed *list,
                                 size_t n, bool is_sale, const struct check_listener *listener)
{
    struct db_value *params = arena_new(arena, struct db_value, n);
    struct db_result rows;
    struct map found;
    if (n == 0) {
        return ERR_OK;
    }
    for (size_t i = 0; i < n; i++) {
        params[i] = db_int(list[i].event);
    }
    map_open(&found, arena);
    try(db_query_rows(store->db, arena, is_sale ? Q_SALES_READ : Q_HELD_READ, params, n, 1, &rows));
    size_t *places = arena_new(arena, size_t, rows.rows_n);
    for (size_t i = 0; i < rows.rows_n; i++) {
        places[i] = i;
        map_set_int(&found, db_at_int(&rows, i, 0), &places[i]);
    }
    for (size_t i = 0; i < n; i++) {
        struct event event;
        unsigned char hash[VAULT_HASH_BYTES];
        const size_t *place = map_find_int(&found, list[i].event);
        if (is_sale && place == NULL) {
            tell_key(arena, listener, &list[i], "the natural key names a sale that does not exist");
        } else if (is_sale && sale_opens(store, arena, &rows, *place, &event, hash) &&
                   (list[i].hash.n != VAULT_HASH_BYTES ||
                    memcmp(hash, list[i].hash.p, VAULT_HASH_BYTES) != 0)) {
            tell_key(arena, listener, &list[i], "the natural key is not that of its sale");
        }
    }
    return ERR_OK;
}

static enum err keys_slice(struct store *store, struct arena *arena, struct check_cursor *cursor,
                           const struct check_listener *listener)
{
    struct db_result rows;
    const struct db_value params[] = {db_blob(cursor->hash, VAULT_HASH_BYTES), db_int(CHECK_SLICE)};
    try(db_query(store->db, arena, Q_VERIFY_KEYS, params, ARRAY_N(params), &rows));
    struct keyed *lists[3]; // of members, of sales, of held events
    size_t n[3] = {0};
    for (size_t k = 0; k < ARRAY_N(lists); k++) {
        lists[k] = arena_new(arena, struct keyed, rows.rows_n);
    }
    for (size_t i = 0; i < rows.rows_n; i++) {
        const struct keyed key = {.hash = db_at_str(&rows, i, 0),
                                  .member = db_at_int(&rows, i, 2),
                                  .event = db_at_int(&rows, i, 3)};
        const size_t k = key.member > 0 ? 0 : key.member == EVENT_OF_SALE ? 1 : 2;
        lists[k][n[k]++] = key;
        if (key.hash.n != VAULT_HASH_BYTES || !fingerprint_is_whole(db_at_str(&rows, i, 1)) ||
            key.member < EVENT_OF_HELD) {
            tell_key(arena, listener, &key, "the natural key cannot be read");
        }
        memset(cursor->hash, 0, VAULT_HASH_BYTES);
        if (key.hash.n > 0) {
            memcpy(cursor->hash, key.hash.p,
                   key.hash.n < VAULT_HASH_BYTES ? key.hash.n : VAULT_HASH_BYTES);
        }
    }
    try(check_member_keys(store, arena, lists[0], n[0], listener));
    try(check_other_keys(store, arena, lists[1], n[1], true, listener));
    try(check_other_keys(store, arena, lists[2], n[2], false, listener));
    cursor->rows_n += (int64_t)rows.rows_n;
    cursor->is_end = rows.rows_n < CHECK_SLICE;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_check_keys(struct store *store, struct arena *arena, struct check_cursor *cursor,
                          const struct check_listener *listener)
{
    return check_in_snapshot(store, arena, cursor, listener, keys_slice);
}

/* ---- what became of held events ---- */

/* Each names an event that is there, of the member that it names. */
static enum err released_slice(struct store *store, struct arena *arena,
                               struct check_cursor *cursor, const struct check_listener *listener)
{
    enum { COLS = 2 };
    struct db_result rows;
    struct db_result events;
    struct map found;
    const struct db_value params[] = {db_int(cursor->id), db_int(CHECK_SLICE)};
    try(db_query(store->db, arena, Q_VERIFY_RELEASED, params, ARRAY_N(params), &rows));
    struct db_value *keys = arena_new(arena, struct db_value, rows.rows_n * COLS);
    for (size_t i = 0; i < rows.rows_n; i++) {
        keys[i * COLS] = db_int(db_at_int(&rows, i, 1));
        keys[i * COLS + 1] = db_int(db_at_int(&rows, i, 2));
    }
    map_open(&found, arena);
    if (rows.rows_n > 0) {
        try(db_query_rows(store->db, arena, Q_VERIFY_EVENT_IDS, keys, rows.rows_n, COLS, &events));
        for (size_t i = 0; i < events.rows_n; i++) {
            map_set_int(&found, db_at_int(&events, i, 0), &events);
        }
    }
    for (size_t i = 0; i < rows.rows_n; i++) {
        cursor->id = db_at_int(&rows, i, 0);
        if (map_find_int(&found, db_at_int(&rows, i, 2)) == NULL) {
            TELL(listener, INV_NATURAL_KEYS, "released", check_row(arena, "evt_", cursor->id),
                 "the event that the held one became does not exist");
        }
    }
    cursor->rows_n += (int64_t)rows.rows_n;
    cursor->is_end = rows.rows_n < CHECK_SLICE;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_check_released(struct store *store, struct arena *arena, struct check_cursor *cursor,
                              const struct check_listener *listener)
{
    return check_in_snapshot(store, arena, cursor, listener, released_slice);
}
