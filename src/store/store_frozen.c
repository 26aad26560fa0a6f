/* The table of frozen members, and the list of them that each batch looks at. */
#include "base/base.h"
#include "store/frozen.h"

#include "store/store_internal.h"

enum { TEXT_BYTES_MAX = 500 };

enum err store_frozen_list(struct store *store, struct arena *arena, size_t max,
                           struct frozen_member **out, size_t *n)
{
    struct db_result rows;
    const struct db_value param = db_int((int64_t)max);
    try(db_query(store->db, arena, Q_FROZEN_LIST, &param, 1, &rows));
    struct frozen_member *list = arena_new(arena, struct frozen_member, rows.rows_n);
    for (size_t i = 0; i < rows.rows_n; i++) {
        list[i] = (struct frozen_member){
            .member = db_at_int(&rows, i, 0),
            .at = db_at_int(&rows, i, 1),
            .invariant = (int)db_at_int(&rows, i, 2),
            .place = db_at_str(&rows, i, 3),
            .detail = db_at_str(&rows, i, 4),
        };
    }
    *out = list;
    *n = rows.rows_n;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_frozen_refresh(struct store *store, struct arena *scratch)
{
    struct frozen_member *list = NULL;
    size_t n = 0;
    try(store_frozen_list(store, scratch, FROZEN_MAX, &list, &n));
    store->frozen = arena_new(&store->programs_arena, int64_t, n);
    store->frozen_n = n;
    for (size_t i = 0; i < n; i++) {
        ensure(i == 0 || list[i].member > list[i - 1].member); // by id, for the bisection below
        store->frozen[i] = list[i].member;
    }
    return ERR_OK;
}

bool store_member_is_frozen(const struct store *store, int64_t member)
{
    size_t low = 0;
    size_t high = store->frozen_n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (store->frozen[middle] < member) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < store->frozen_n && store->frozen[low] == member;
}

static struct str cut(struct str text)
{
    return (struct str){.p = text.p, .n = text.n < TEXT_BYTES_MAX ? text.n : TEXT_BYTES_MAX};
}

/* What every process knows of the frozen is over. */
static enum err raise_epoch(struct store *store)
{
    const struct db_value one = db_int(1);
    return db_exec(store->db, Q_INSTANCE_EPOCH_RAISE, &one, 1, NULL);
}

enum err store_member_freeze(struct store *store, const struct frozen_member *frozen, bool *is_new)
{
    ensure(db_in_transaction(store->db));
    ensure(frozen->member > 0);
    int64_t inserted = 0;
    const struct db_value values[] = {
        db_int(frozen->member),      db_int(frozen->at),           db_int(frozen->invariant),
        db_text(cut(frozen->place)), db_text(cut(frozen->detail)),
    };
    try(db_exec(store->db, Q_FROZEN_INSERT, values, ARRAY_N(values), &inserted));
    *is_new = inserted == 1;
    return *is_new ? raise_epoch(store) : ERR_OK;
}

enum err store_member_unfreeze(struct store *store, int64_t member, bool *was_frozen)
{
    ensure(db_in_transaction(store->db));
    int64_t deleted = 0;
    const struct db_value param = db_int(member);
    try(db_exec(store->db, Q_FROZEN_DELETE, &param, 1, &deleted));
    *was_frozen = deleted == 1;
    if (!*was_frozen) {
        return ERR_OK;
    }
    try(db_exec(store->db, Q_TIMERS_FORGIVE, &param, 1, NULL));
    return raise_epoch(store);
}

enum err store_frozen_count(struct store *store, struct arena *arena, int64_t *n)
{
    struct db_result row;
    try(db_one(store->db, arena, Q_FROZEN_COUNT, NULL, 0, &row));
    *n = db_at_int(&row, 0, 0);
    return row.is_bad ? ERR_INTEGRITY : ERR_OK;
}
