/* Members' time zones, and how far the arming pass is. */
#include "base/base.h"
#include "store/clock.h"

#include "store/members.h"
#include "store/store_internal.h"

const struct zone *store_zone(struct store *store, struct str name)
{
    if (name.n == 0) {
        return NULL;
    }
    for (size_t i = 0; i < store->zones_n; i++) {
        if (str_eq(store->zones[i]->name, name)) {
            return store->zones[i];
        }
    }
    if (store->zones_n >= ARRAY_N(store->zones)) {
        return NULL;
    }
    struct zone loaded;
    if (!zone_load(&store->zones_arena, name, &loaded)) {
        return NULL; // names that nobody knows take no room, however many are sent
    }
    struct zone *zone = arena_new(&store->zones_arena, struct zone, 1);
    *zone = loaded;
    store->zones[store->zones_n++] = zone;
    return zone;
}

enum err store_member_timezone(struct store *store, struct arena *arena, int64_t member,
                               struct str *out)
{
    struct member_row row;
    try(store_member_read(store, arena, member, &row));
    *out = row.profile.timezone;
    return ERR_OK;
}

enum err store_arming_read(struct store *store, struct arena *arena, struct arming *out)
{
    struct db_result row;
    *out = (struct arming){.finished_at = AT_NEVER};
    try(db_query(store->db, arena, Q_ARMING_READ, NULL, 0, &row));
    if (row.rows_n == 0) {
        return ERR_OK;
    }
    *out = (struct arming){
        .version = (int)db_at_int(&row, 0, 0),
        .through = db_at_int(&row, 0, 1),
        .members = db_at_int(&row, 0, 2),
        .begun_at = db_at_int(&row, 0, 3),
        .finished_at = db_is_null(&row, 0, 4) ? AT_NEVER : db_at_int(&row, 0, 4),
    };
    return row.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_arming_begin(struct store *store, int version, int64_t now, bool is_needed)
{
    const struct db_value values[] = {db_int(version), db_int(now),
                                      db_int_or_null(now, !is_needed)};
    return db_exec(store->db, Q_ARMING_BEGIN, values, ARRAY_N(values), NULL);
}

enum err store_arming_members(struct store *store, struct arena *arena, const struct arming *arming,
                              size_t max, int64_t **out, size_t *n)
{
    struct db_result rows;
    const struct db_value values[] = {db_int(arming->through), db_int((int64_t)max)};
    try(db_query(store->db, arena, Q_ARMING_MEMBERS, values, ARRAY_N(values), &rows));
    *out = arena_new(arena, int64_t, rows.rows_n);
    *n = rows.rows_n;
    for (size_t i = 0; i < rows.rows_n; i++) {
        (*out)[i] = db_at_int(&rows, i, 0);
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_arming_advance(struct store *store, const struct arming *arming, int64_t through,
                              size_t n)
{
    const struct db_value values[] = {db_int(through), db_int((int64_t)n), db_int(arming->version),
                                      db_int(arming->through)};
    return db_exec(store->db, Q_ARMING_ADVANCE, values, ARRAY_N(values), NULL);
}

enum err store_arming_finish(struct store *store, const struct arming *arming, int64_t now)
{
    const struct db_value values[] = {db_int(now), db_int(arming->version)};
    return db_exec(store->db, Q_ARMING_FINISH, values, ARRAY_N(values), NULL);
}
