/* A member's state: access to its lists. */
#include "base/base.h"
#include "core/state.h"

void state_open(struct arena *arena, int64_t member, int64_t enrolled_at, struct state *out)
{
    (void)arena; // nothing is needed yet; the lists grow in the arena of whoever adds to them
    *out = (struct state){
        .member = member,
        .enrolled_at = enrolled_at,
        .activity_at = AT_MIN,
        .timer_at = AT_NEVER,
        .cold_due_at = AT_NEVER,
        .cold_through_day = DAY_TOTAL,
        .lots_loaded = true,
        .counters_loaded = true,
    };
}

#define COPY(arena, out, from, list)                                                               \
    do {                                                                                           \
        (out)->list =                                                                              \
            arena_bytes((arena), arena_size(sizeof *(from)->list, (from)->list##_n + 2));          \
        (out)->list##_max = (from)->list##_n + 2;                                                  \
        if ((from)->list##_n > 0) {                                                                \
            memcpy((out)->list, (from)->list, (from)->list##_n * sizeof *(from)->list);            \
        }                                                                                          \
    } while (0)

void state_copy(struct arena *arena, const struct state *from, struct state *out)
{
    *out = *from;
    COPY(arena, out, from, balances);
    COPY(arena, out, from, lots);
    COPY(arena, out, from, remainders);
    COPY(arena, out, from, counters);
    COPY(arena, out, from, tiers);
    COPY(arena, out, from, floors);
    COPY(arena, out, from, kept);
    COPY(arena, out, from, warned);
    COPY(arena, out, from, tiers_before);
    COPY(arena, out, from, gifts);
    COPY(arena, out, from, moments);
    COPY(arena, out, from, stays);
    COPY(arena, out, from, subscriptions);
    COPY(arena, out, from, orders);
    COPY(arena, out, from, distincts);
    COPY(arena, out, from, rewards);
    COPY(arena, out, from, next_expiries);
    out->lot_chunks =
        arena_grow(arena, from->lot_chunks, from->lot_chunks_touched_n * sizeof *from->lot_chunks,
                   from->lot_chunks_max * sizeof *from->lot_chunks);
    out->counter_chunks = arena_grow(arena, from->counter_chunks,
                                     from->counter_chunks_touched_n * sizeof *from->counter_chunks,
                                     from->counter_chunks_max * sizeof *from->counter_chunks);
}

const struct balance *state_balance_find(const struct state *state, int32_t wallet)
{
    for (size_t i = 0; i < state->balances_n; i++) {
        if (state->balances[i].wallet == wallet) {
            return &state->balances[i];
        }
    }
    return NULL;
}

struct balance *state_balance(struct arena *arena, struct state *state, int32_t wallet)
{
    ensure(wallet > 0);
    for (size_t i = 0; i < state->balances_n; i++) {
        if (state->balances[i].wallet == wallet) {
            return &state->balances[i];
        }
    }
    arena_room(arena, state->balances, state->balances_n, state->balances_max);
    state->balances[state->balances_n] = (struct balance){.wallet = wallet};
    return &state->balances[state->balances_n++];
}

int64_t state_counter(const struct state *state, int32_t symbol, int32_t day)
{
    int64_t sum = 0;
    for (size_t i = 0; i < state->counters_n; i++) {
        if (state->counters[i].symbol == symbol && state->counters[i].day == day) {
            sum += state->counters[i].value;
        }
    }
    return sum;
}

int64_t state_counter_sum(const struct state *state, int32_t symbol, int32_t from, int32_t through)
{
    ensure(from != DAY_TOTAL);
    int64_t sum = 0;
    for (size_t i = 0; i < state->counters_n; i++) {
        const struct counter *counter = &state->counters[i];
        if (counter->symbol == symbol && counter->day >= from && counter->day <= through) {
            sum += counter->value;
        }
    }
    return sum;
}

void state_counter_add(struct arena *arena, struct state *state, int32_t symbol, int32_t day,
                       int64_t value)
{
    ensure(symbol > 0);
    if (value == 0) {
        return;
    }
    // From the newest backwards, since that is where today is. Cold entries are left alone: entries
    // of the same day simply add up.
    for (size_t i = state->counters_n; i-- > 0;) {
        struct counter *counter = &state->counters[i];
        if (counter->symbol == symbol && counter->day == day && counter->chunk == 0) {
            counter->value += value;
            if (counter->value == 0) {
                memmove(counter, counter + 1, (state->counters_n - i - 1) * sizeof *counter);
                state->counters_n--;
            }
            return;
        }
    }
    arena_room(arena, state->counters, state->counters_n, state->counters_max);
    state->counters[state->counters_n++] =
        (struct counter){.symbol = symbol, .day = day, .value = value};
}

int64_t state_remainder(const struct state *state, int32_t symbol, int64_t points,
                        int64_t per_amount)
{
    for (size_t i = 0; i < state->remainders_n; i++) {
        const struct remainder *r = &state->remainders[i];
        if (r->symbol == symbol) {
            return r->points == points && r->per_amount == per_amount ? r->value : 0;
        }
    }
    return 0;
}

void state_remainder_set(struct arena *arena, struct state *state, int32_t symbol, int64_t value,
                         int64_t points, int64_t per_amount)
{
    ensure(value >= 0);
    ensure(value < per_amount);
    const struct remainder wanted = {
        .symbol = symbol, .value = value, .points = points, .per_amount = per_amount};
    for (size_t i = 0; i < state->remainders_n; i++) {
        if (state->remainders[i].symbol == symbol) {
            state->remainders[i] = wanted;
            return;
        }
    }
    if (value > 0) {
        arena_room(arena, state->remainders, state->remainders_n, state->remainders_max);
        state->remainders[state->remainders_n++] = wanted;
    }
}

static struct distinct *find_distinct(const struct state *state, int32_t symbol, int32_t day,
                                      uint64_t value)
{
    for (size_t i = 0; i < state->distincts_n; i++) {
        struct distinct *d = &state->distincts[i];
        if (d->symbol == symbol && d->day == day && d->value == value) {
            return d;
        }
    }
    return NULL;
}

int64_t state_distinct(const struct state *state, int32_t symbol, int32_t day, uint64_t value)
{
    const struct distinct *known = find_distinct(state, symbol, day, value);
    return known ? known->n : 0;
}

int64_t state_distincts(const struct state *state, int32_t symbol, int32_t day)
{
    int64_t n = 0;
    for (size_t i = 0; i < state->distincts_n; i++) {
        n += state->distincts[i].symbol == symbol && state->distincts[i].day == day;
    }
    return n;
}

bool state_distinct_add(struct arena *arena, struct state *state, struct distinct added)
{
    struct distinct *known = find_distinct(state, added.symbol, added.day, added.value);
    if (known == NULL && added.n > 0) {
        if (state->distincts_n >= STATE_DISTINCTS_MAX) {
            return false;
        }
        arena_room(arena, state->distincts, state->distincts_n, state->distincts_max);
        state->distincts[state->distincts_n++] = added;
    } else if (known != NULL) {
        known->n += added.n;
        if (known->n <= 0) {
            *known = state->distincts[--state->distincts_n];
        }
    }
    return true;
}

int64_t lot_expires_at(const struct state *state, const struct zone *zone, const struct lot *lot)
{
    if (lot->sliding_months == 0) {
        return lot->expires_at;
    }
    // At the end of the local day N months after the latest activity; points given since then, by
    // an adjustment, count from their own day (domain.md 11).
    const int64_t latest = int64_max(state->activity_at, lot->earned_at);
    return zone_midnight(zone, day_add_months(zone_day(zone, latest), lot->sliding_months) + 1);
}

struct lot *state_lot_add(struct arena *arena, struct state *state, struct lot lot)
{
    ensure(lot.wallet > 0);
    arena_room(arena, state->lots, state->lots_n, state->lots_max);
    state->lots[state->lots_n] = lot;
    return &state->lots[state->lots_n++];
}

struct lot *state_lot_find(struct state *state, int64_t id)
{
    for (size_t i = 0; i < state->lots_n; i++) {
        if (state->lots[i].id == id) {
            return &state->lots[i];
        }
    }
    return NULL;
}

static void chunk_touch(struct arena *arena, struct chunk_note **list, size_t *n, size_t *max,
                        int32_t number, bool is_new)
{
    for (size_t i = 0; i < *n; i++) {
        if ((*list)[i].number == number) {
            (*list)[i].is_dirty = true;
            return;
        }
    }
    arena_room(arena, *list, *n, *max);
    (*list)[(*n)++] = (struct chunk_note){.number = number, .is_dirty = true, .is_new = is_new};
}

void state_lot_touch(struct arena *arena, struct state *state, const struct lot *lot)
{
    if (lot->chunk > 0) {
        chunk_touch(arena, &state->lot_chunks, &state->lot_chunks_touched_n, &state->lot_chunks_max,
                    lot->chunk, false);
    }
}

/* Lots that still matter to timers come back by this bound. */
static int64_t lot_due(const struct state *state, const struct zone *zone, const struct lot *lot)
{
    int64_t due = AT_NEVER;
    if (lot->pending > 0) {
        due = int64_min(due, int64_min(lot->activates_at, lot->voids_at));
    }
    if (lot->pending > 0 || lot->active > 0) {
        due = int64_min(due, lot_expires_at(state, zone, lot));
    }
    return due;
}

static void spill_lots(struct arena *arena, struct state *state, const struct zone *zone)
{
    size_t inline_n = 0;
    for (size_t i = 0; i < state->lots_n; i++) {
        inline_n += state->lots[i].chunk == 0;
    }
    if (inline_n > STATE_LOTS_INLINE + CHUNK_ITEMS / 2) {
        // The oldest go, in the order of booking, which is that of the list.
        size_t to_move = inline_n - STATE_LOTS_INLINE / 2;
        for (size_t i = 0; i < state->lots_n && to_move > 0; i++) {
            if (state->lots[i].chunk != 0) {
                continue;
            }
            if (to_move % CHUNK_ITEMS == 0 || state->lot_chunks_n == 0 ||
                inline_n - STATE_LOTS_INLINE / 2 == to_move) {
                state->lot_chunks_n++;
                chunk_touch(arena, &state->lot_chunks, &state->lot_chunks_touched_n,
                            &state->lot_chunks_max, state->lot_chunks_n, true);
            }
            state->lots[i].chunk = state->lot_chunks_n;
            to_move--;
        }
    }
    if (state->lots_loaded) {
        state->cold_due_at = AT_NEVER; // rebuilt below from all of them
    }
    for (size_t i = 0; i < state->lots_n; i++) {
        if (state->lots[i].chunk != 0) {
            state->cold_due_at =
                int64_min(state->cold_due_at, lot_due(state, zone, &state->lots[i]));
        }
    }
}

static int counter_order(const void *a, const void *b)
{
    const struct counter *x = a;
    const struct counter *y = b;
    if (x->day != y->day) {
        return x->day < y->day ? -1 : 1;
    }
    return x->symbol - y->symbol;
}

/* Totals (DAY_TOTAL sorts first) stay; of the days the oldest go. */
static void spill_counters(struct arena *arena, struct state *state)
{
    size_t inline_n = 0;
    for (size_t i = 0; i < state->counters_n; i++) {
        inline_n += state->counters[i].chunk == 0 && state->counters[i].day != DAY_TOTAL;
    }
    if (inline_n <= STATE_COUNTERS_INLINE + CHUNK_ITEMS) {
        return;
    }
    qsort(state->counters, state->counters_n, sizeof *state->counters, counter_order);
    state->counter_chunks_n++;
    chunk_touch(arena, &state->counter_chunks, &state->counter_chunks_touched_n,
                &state->counter_chunks_max, state->counter_chunks_n, true);
    size_t to_move = CHUNK_ITEMS;
    for (size_t i = 0; i < state->counters_n && to_move > 0; i++) {
        struct counter *counter = &state->counters[i];
        if (counter->chunk == 0 && counter->day != DAY_TOTAL) {
            counter->chunk = state->counter_chunks_n;
            state->cold_through_day =
                counter->day > state->cold_through_day ? counter->day : state->cold_through_day;
            to_move--;
        }
    }
}

/* A lot that holds nothing and of which nothing expired has nothing to say any more. */
static void drop_empty_lots(struct state *state)
{
    size_t kept = 0;
    for (size_t i = 0; i < state->lots_n; i++) {
        const struct lot *lot = &state->lots[i];
        if (lot->chunk != 0 || lot->pending > 0 || lot->active > 0 || lot->expired > 0) {
            state->lots[kept++] = *lot;
        }
    }
    state->lots_n = kept;
}

void state_spill(struct arena *arena, struct state *state, const struct zone *zone)
{
    drop_empty_lots(state);
    spill_lots(arena, state, zone);
    spill_counters(arena, state);
}

bool state_is_balanced(const struct state *state)
{
    for (size_t i = 0; i < state->balances_n; i++) {
        const struct balance *balance = &state->balances[i];
        int64_t active = 0;
        int64_t pending = 0;
        for (size_t k = 0; k < state->lots_n; k++) {
            const struct lot *lot = &state->lots[k];
            if (lot->active < 0 || lot->pending < 0) {
                return false;
            }
            if (lot->wallet == balance->wallet && (!whole_add(active, lot->active, &active) ||
                                                   !whole_add(pending, lot->pending, &pending))) {
                return false;
            }
        }
        const bool is_whole = state->lots_loaded
                                  ? active == balance->active && pending == balance->pending
                                  : active <= balance->active && pending <= balance->pending;
        if (!is_whole || balance->debt < 0 || (balance->debt > 0 && balance->active > 0)) {
            return false;
        }
    }
    return true;
}
