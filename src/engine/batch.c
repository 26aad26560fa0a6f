/* A batch from beginning to commit. */
#include "base/base.h"
#include "engine/batch.h"

#include "engine/batch_internal.h"

/* A dry run's ids stand for rows that nobody keeps: drawn above all that were ever given out, they
 * meet none of a real row. */
static const int64_t DRY_RUN_IDS = INT64_C(1) << 62;

struct member_facts *batch_member(const struct batch *b, int64_t member)
{
    return map_find_int(&b->members, member);
}

static enum err begin(struct batch *b)
{
    struct instance instance;
    if (b->mode != BATCH_WITHIN) {
        try(db_begin(store_db(b->store), b->mode == BATCH_DRY_RUN ? DB_READ : DB_WRITE_OVER));
    }
    try(store_instance_read(b->store, b->arena, &instance));
    try(store_programs_refresh(b->store, instance.epoch));
    if (b->mode != BATCH_DRY_RUN) {
        try(store_ids_sync(b->store, b->arena));
    }
    b->epoch = instance.epoch;
    b->now = store_now(&instance);
    if (b->mode == BATCH_DRY_RUN) {
        store_ids(b->store)->last = DRY_RUN_IDS;
        return store_program_at(b->store, b->now, &b->program_now);
    }
    // Wall time never runs backward in the books: an id carries the instant of its booking.
    const int64_t last =
        (store_ids(b->store)->last >> (ID_PROCESS_BITS + ID_COUNTER_BITS)) + ID_EPOCH_MS;
    if (!instance.has_test_clock && store_ids(b->store)->last > 0) {
        b->now = int64_max(b->now, last);
    }
    return store_program_at(b->store, b->now, &b->program_now);
}

static enum err run(struct batch *b)
{
    try(begin(b));
    try(batch_load(b));
    for (size_t i = 0; i < b->n; i++) {
        try(batch_decide(b, i));
    }
    if (b->mode == BATCH_DRY_RUN) {
        return ERR_OK;
    }
    if (!batch_will_tell(b)) {
        return ERR_RETRY;
    }
    b->effects.now = b->now;
    b->effects.relay_lease_until =
        clock_now_ms() + RELAY_LEASE_MS; // leases go by the machine's clock
    if (b->has_shared) {
        b->effects.shared = b->shared;
        b->effects.shared_n = b->shared_n;
    }
    try(store_apply(b->store, b->arena, &b->effects));
    return b->mode == BATCH_WITHIN ? ERR_OK : db_commit(store_db(b->store));
}

enum err batch_run(struct store *store, struct arena *arena, struct submission **list, size_t n,
                   enum batch_mode mode)
{
    struct batch b = {
        .store = store,
        .arena = arena,
        .mode = mode == BATCH_APPLY_NEW ? BATCH_APPLY : mode,
        .supposes_new = mode == BATCH_APPLY_NEW,
        .list = list,
        .n = n,
    };
    map_open(&b.members, arena);
    map_open(&b.identifiers, arena);
    map_open(&b.known, arena);
    map_open(&b.issued, arena);
    map_open(&b.codes, arena);
    map_open(&b.advocates, arena);
    map_open(&b.purchases, arena);
    map_open(&b.replays, arena);
    for (size_t i = 0; i < n; i++) {
        list[i]->err = ERR_OK;
        list[i]->fail = (struct fail){.arena = list[i]->arena};
        list[i]->has_answer = false;
        list[i]->is_replay = false;
        list[i]->relay_is_settled = false;
        memset(&list[i]->lifted, 0, sizeof list[i]->lifted);
    }
    const enum err err = run(&b);
    if ((err != ERR_OK || mode == BATCH_DRY_RUN) && mode != BATCH_WITHIN) {
        db_rollback(store_db(store));
    }
    return err;
}
