/* One member: state, lots, transfers and events against each other, from the newest row back to the
 * first. */
#include "base/base.h"
#include "engine/verify.h"

#include "engine/verify_internal.h"

#include "core/award.h"

enum { MEMBER_ARENA_BYTES_MAX = 512 * 1024 * 1024 };

static const unsigned char ZERO_HASH[HASH_BYTES];

/* What the transfers of a lot that the state still holds leave in it. */
struct lot_tally {
    int64_t pending;
    int64_t active;
};

/* What one event moved in one wallet. */
struct moved {
    int32_t wallet;
    int64_t earned, pending, spent, revoked;
    int64_t awarded; // of `earned`: by rules, not as entries that a reward brought
    int64_t paid;    // of `spent`: on the purchase itself, not for a reward
};

struct walk {
    struct store *store;
    struct arena *arena; // of the member
    struct arena page;   // of a page of events, reset between pages
    struct arena transfer_page;
    const struct check_member *member;
    const struct check_listener *listener;
    struct state state;
    bool has_lots;   // all lots are loaded
    struct map lots; // id -> struct lot_tally
    struct running *running;
    size_t running_n, running_max;
    // The stream of transfers, newest first.
    struct transfer *transfers;
    size_t transfers_n, transfers_at;
    int64_t next_transfer;              // id to go on from, 0: the end
    unsigned char expected[HASH_BYTES]; // of the next transfer
    int64_t transfers_seen;
    int64_t events_seen;
    bool is_stopped;
    struct follow_up after;
    // Of the event at hand.
    struct moved moved[PROGRAM_WALLETS_MAX * 4];
    size_t moved_n;
};

static void tell(const struct walk *w, enum invariant invariant, const char *table, struct str row,
                 const char *text)
{
    w->listener->fault(w->listener->self, invariant, table, row, text);
}

static void tell_member(const struct walk *w, enum invariant invariant, const char *text)
{
    tell(w, invariant, "member_state", check_row(w->arena, "mbr_", w->member->id), text);
}

static void tell_transfer(const struct walk *w, enum invariant invariant, int64_t id,
                          const char *text)
{
    tell(w, invariant, "transfer", check_row(w->arena, "trf_", id), text);
}

static void tell_event(const struct walk *w, enum invariant invariant, int64_t id, const char *text)
{
    tell(w, invariant, "event", check_row(w->arena, "evt_", id), text);
}

/* ---- the state ---- */

static bool load_chunks(struct walk *w)
{
    int32_t lots_n = 0;
    int32_t counters_n = 0;
    for (size_t i = 0; i < w->member->chunks_n; i++) {
        const struct check_chunk *chunk = &w->member->chunks[i];
        const bool is_lots = chunk->kind == CHUNK_LOTS;
        if ((!is_lots && chunk->kind != CHUNK_COUNTERS) || chunk->number < 1 ||
            chunk->number > INT32_MAX) {
            return false;
        }
        if (state_chunk_unpack(w->arena, &w->state, is_lots ? CHUNK_LOTS : CHUNK_COUNTERS,
                               (int32_t)chunk->number, chunk->data) != ERR_OK) {
            return false;
        }
        lots_n += is_lots;
        counters_n += !is_lots;
    }
    w->state.lots_loaded = w->state.counters_loaded = true;
    return lots_n == w->state.lot_chunks_n && counters_n == w->state.counter_chunks_n;
}

static struct running *running_of(struct walk *w, int32_t wallet)
{
    for (size_t i = 0; i < w->running_n; i++) {
        if (w->running[i].wallet == wallet) {
            return &w->running[i];
        }
    }
    arena_room(w->arena, w->running, w->running_n, w->running_max);
    w->running[w->running_n] = (struct running){.wallet = wallet};
    return &w->running[w->running_n++];
}

static void check_balances(struct walk *w)
{
    for (size_t i = 0; i < w->state.balances_n; i++) {
        const struct balance *balance = &w->state.balances[i];
        int64_t active = 0;
        int64_t pending = 0;
        for (size_t k = 0; k < w->state.lots_n; k++) {
            active += w->state.lots[k].wallet == balance->wallet ? w->state.lots[k].active : 0;
            pending += w->state.lots[k].wallet == balance->wallet ? w->state.lots[k].pending : 0;
        }
        if (w->has_lots && active != balance->active) {
            tell_member(w, INV_LOTS, "the lots do not hold as much as is active");
        }
        if (w->has_lots && pending != balance->pending) {
            tell_member(w, INV_LOTS, "the lots do not hold as much as is pending");
        }
        if (balance->active < 0 || balance->pending < 0 || balance->debt < 0) {
            tell_member(w, INV_NEGATIVE, "a balance is below zero");
        }
        if (balance->active > 0 && balance->debt > 0) {
            tell_member(w, INV_NEGATIVE, "points are active while there is debt");
        }
        struct running *running = running_of(w, balance->wallet);
        running->active = balance->active;
        running->pending = balance->pending;
        running->debt = balance->debt;
    }
}

/* Lots of wallets that have no balance, lots named twice; and the tally that transfers will fill.
 */
static void open_lots(struct walk *w)
{
    for (size_t i = 0; i < w->state.lots_n; i++) {
        const struct lot *lot = &w->state.lots[i];
        if (state_balance_find(&w->state, lot->wallet) == NULL) {
            tell_member(w, INV_LOTS, "a lot belongs to a wallet without a balance");
        }
        if (map_find_int(&w->lots, lot->id) != NULL) {
            tell_member(w, INV_LOTS, "a lot is there twice");
            continue;
        }
        map_set_int(&w->lots, lot->id, arena_new(w->arena, struct lot_tally, 1));
    }
}

static void check_timer(const struct walk *w)
{
    const bool should = w->state.timer_at != AT_NEVER;
    if (should != w->member->has_timer || (should && w->state.timer_at != w->member->timer_at)) {
        tell(w, INV_DATABASE, "timer", check_row(w->arena, "mbr_", w->member->id),
             "the timer is not where the member's state says");
    }
}

/* ---- transfers ---- */

static bool is_move(const struct transfer *t, enum account from, enum account to)
{
    return t->from == from && t->to == to;
}

/* The accounts that each kind of transfer moves between (domain.md 4). */
static bool is_legal(const struct transfer *t)
{
    switch (t->kind) {
    case TRANSFER_EARN:
        return is_move(t, ACCOUNT_ISSUED, ACCOUNT_PENDING) ||
               is_move(t, ACCOUNT_ISSUED, ACCOUNT_ACTIVE);
    case TRANSFER_ACTIVATE:
        return is_move(t, ACCOUNT_PENDING, ACCOUNT_ACTIVE);
    case TRANSFER_SPEND:
        return is_move(t, ACCOUNT_ACTIVE, ACCOUNT_SPENT);
    case TRANSFER_RESTORE:
        return is_move(t, ACCOUNT_SPENT, ACCOUNT_ACTIVE);
    case TRANSFER_EXPIRE:
        return is_move(t, ACCOUNT_PENDING, ACCOUNT_EXPIRED) ||
               is_move(t, ACCOUNT_ACTIVE, ACCOUNT_EXPIRED);
    case TRANSFER_REVOKE:
        return is_move(t, ACCOUNT_PENDING, ACCOUNT_REVOKED) ||
               is_move(t, ACCOUNT_ACTIVE, ACCOUNT_REVOKED) ||
               is_move(t, ACCOUNT_DEBT, ACCOUNT_REVOKED);
    case TRANSFER_REPAY:
        return is_move(t, ACCOUNT_ACTIVE, ACCOUNT_DEBT);
    case TRANSFER_ADJUST:
        return is_move(t, ACCOUNT_ADJUSTED, ACCOUNT_ACTIVE) ||
               is_move(t, ACCOUNT_ACTIVE, ACCOUNT_ADJUSTED) ||
               is_move(t, ACCOUNT_ADJUSTED, ACCOUNT_DEBT);
    case TRANSFER_MOVE:
        return false; // between members: not in this release
    }
    return false;
}

static bool is_sound(const struct transfer *t)
{
    const bool is_debt =
        t->from == ACCOUNT_DEBT || (t->from == ACCOUNT_ADJUSTED && t->to == ACCOUNT_DEBT);
    return is_legal(t) && t->points >= 1 && t->points <= TRANSFER_POINTS_MAX &&
           (t->lot == 0) == is_debt && t->wallet > 0 && t->lot <= t->id;
}

static int64_t change(const struct transfer *t, enum account account)
{
    return t->points * ((t->to == account) - (t->from == account));
}

static struct moved *moved_of(struct walk *w, int32_t wallet)
{
    for (size_t i = 0; i < w->moved_n; i++) {
        if (w->moved[i].wallet == wallet) {
            return &w->moved[i];
        }
    }
    if (w->moved_n == ARRAY_N(w->moved)) {
        return NULL; // more wallets than any program has: their balances will not come out either
    }
    w->moved[w->moved_n] = (struct moved){.wallet = wallet};
    return &w->moved[w->moved_n++];
}

/* Takes a transfer back: from the balances, and into the tallies of lot and event. */
static void take_back(struct walk *w, const struct program *program, const struct transfer *t)
{
    struct running *running = running_of(w, t->wallet);
    struct lot_tally *tally = map_find_int(&w->lots, t->lot);
    struct moved *moved = moved_of(w, t->wallet);
    running->active -= change(t, ACCOUNT_ACTIVE);
    running->pending -= change(t, ACCOUNT_PENDING);
    running->debt += change(t, ACCOUNT_DEBT); // what is owed grows when points leave that account
    if (tally != NULL) {
        tally->active += change(t, ACCOUNT_ACTIVE);
        tally->pending += change(t, ACCOUNT_PENDING);
    }
    if (moved != NULL) {
        const bool is_reward =
            program != NULL && program_reward_by_symbol(program, t->rule) != NULL;
        moved->awarded += t->kind == TRANSFER_EARN && !is_reward ? t->points : 0;
        moved->earned += t->kind == TRANSFER_EARN ? t->points : 0;
        moved->pending += t->kind == TRANSFER_EARN && t->to == ACCOUNT_PENDING ? t->points : 0;
        moved->spent += t->kind == TRANSFER_SPEND ? t->points : 0;
        moved->paid += t->kind == TRANSFER_SPEND && t->rule == 0 ? t->points : 0;
        moved->revoked += t->kind == TRANSFER_REVOKE ? t->points : 0;
    }
}

/* The next transfer without taking it, or NULL at the end. */
static enum err peek(struct walk *w, const struct transfer **out)
{
    *out = NULL;
    if (w->transfers_at == w->transfers_n && w->next_transfer > 0) {
        const int64_t from = w->next_transfer;
        arena_reset(&w->transfer_page);
        w->transfers_at = w->transfers_n = 0;
        w->next_transfer = 0;
        try(store_check_transfers(w->store, &w->transfer_page, w->member, from, w->listener,
                                  &w->transfers, &w->transfers_n));
        if (w->transfers_n == 0 || w->transfers[0].id != from) {
            tell_transfer(w, INV_CHAINS, from,
                          "the points transfer that the next one (or the state) names is missing");
            w->transfers_n = 0;
            return ERR_OK;
        }
        const struct transfer *last = &w->transfers[w->transfers_n - 1];
        w->next_transfer = last->previous < last->id ? last->previous : 0;
    }
    *out = w->transfers_at < w->transfers_n ? &w->transfers[w->transfers_at] : NULL;
    return ERR_OK;
}

/* The stored hash of the transfer before this one; zeros for the first. */
static enum err hash_before(struct walk *w, const struct transfer *t, unsigned char out[HASH_BYTES])
{
    memset(out, 0, HASH_BYTES);
    if (t->previous == 0) {
        return ERR_OK;
    }
    const struct transfer copy = *t; // its page may go when the next one comes
    const struct transfer *before = NULL;
    w->transfers_at++;
    try(peek(w, &before));
    if (before == NULL || before->id != copy.previous) {
        tell_transfer(w, INV_CHAINS, copy.id,
                      "the points transfer names one before it that is not there");
        w->next_transfer = before == NULL ? 0 : w->next_transfer;
    }
    if (before != NULL) {
        memcpy(out, before->hash, HASH_BYTES);
    }
    return ERR_OK;
}

static enum err take_transfer(struct walk *w, const struct transfer *t)
{
    const struct transfer transfer = *t;
    unsigned char before[HASH_BYTES];
    unsigned char made[HASH_BYTES];
    const struct program *program = NULL;
    w->transfers_seen++;
    if (!is_sound(&transfer)) {
        tell_transfer(w, INV_DOUBLE_ENTRY, transfer.id,
                      "the accounts, the lot or the amount do not fit the kind of transfer");
    }
    if (store_program_version(w->store, transfer.version, &program) != ERR_OK) {
        tell_transfer(w, INV_DATABASE, transfer.id,
                      "the transfer names a program version that does not exist");
    }
    if (memcmp(transfer.hash, w->expected, HASH_BYTES) != 0) {
        tell_transfer(w, INV_CHAINS, transfer.id,
                      "the hash is not the one that the next transfer (or the state) builds on");
    }
    take_back(w, program, &transfer);
    try(hash_before(w, &transfer, before));
    transfer_hash(&transfer, w->member->id, before, made);
    if (memcmp(made, transfer.hash, HASH_BYTES) != 0) {
        tell_transfer(w, INV_CHAINS, transfer.id,
                      "the hash does not follow from the transfer and the one before it");
    }
    memcpy(w->expected, before, HASH_BYTES);
    if (transfer.previous == 0) {
        w->transfers_at++;
    }
    return ERR_OK;
}

/* ---- events ---- */

static bool answer_is_of(const struct walk *w, const struct answer_points *p)
{
    for (size_t i = 0; i < w->moved_n; i++) {
        const struct moved *m = &w->moved[i];
        if (m->wallet == p->wallet) {
            return m->earned == p->earned && m->pending == p->pending && m->spent == p->spent &&
                   m->revoked == p->revoked;
        }
    }
    return p->earned == 0 && p->pending == 0 && p->spent == 0 && p->revoked == 0;
}

/* The points that an answer speaks of are those that were moved. */
static void check_answer_points(const struct walk *w, const struct check_event *event)
{
    const struct answer *answer = &event->row.answer;
    for (size_t i = 0; i < answer->points_n; i++) {
        if (!answer_is_of(w, &answer->points[i])) {
            tell_event(w, INV_BALANCES, event->row.id,
                       "the answer's points are not those of the event's transfers");
            return;
        }
    }
}

/* Called before the event's transfers are taken back: the balances are those after it, or those
 * after what has waited for it. */
static void check_answer_balances(struct walk *w, const struct check_event *event)
{
    const struct balances_then now = {.list = w->running, .n = w->running_n};
    if (!verify_answer(w->store, w->arena, &now, &event->row, &w->after)) {
        tell_event(w, INV_BALANCES, event->row.id,
                   "the answer's balances are not those after the event");
    }
}

/* Points spent are those that the event's record names. */
static void check_spent(const struct walk *w, const struct check_event *event)
{
    for (size_t i = 0; i < w->moved_n; i++) {
        int64_t spent = 0;
        for (size_t k = 0; k < event->row.spent_n; k++) {
            spent +=
                event->row.spent[k].wallet == w->moved[i].wallet ? event->row.spent[k].points : 0;
        }
        if (spent != w->moved[i].paid) {
            tell_event(w, INV_REDEMPTIONS, event->row.id,
                       "the points spent are not those that the event's record names");
        }
    }
    for (size_t k = 0; k < event->row.spent_n && w->moved_n == 0; k++) {
        tell_event(w, INV_REDEMPTIONS, event->row.id,
                   "the event's record names points that were never spent");
        break;
    }
}

/* Decides again from the stored inputs: the awards earn what was booked. */
static enum err check_again(struct walk *w, const struct check_event *event)
{
    const struct program *program = NULL;
    struct inputs inputs;
    struct content content;
    struct award_list list;
    int64_t due[PROGRAM_WALLETS_MAX] = {0};
    if (event->row.inputs.n == 0 || event->row.answer.outcome != OUTCOME_APPLIED) {
        return ERR_OK;
    }
    if (store_program_version(w->store, event->row.version, &program) != ERR_OK) {
        tell_event(w, INV_DATABASE, event->row.id,
                   "the event names a program version that does not exist");
        return ERR_OK;
    }
    if (inputs_unpack(&w->page, program, event->row.inputs, &inputs) != ERR_OK) {
        tell_event(w, INV_DATABASE, event->row.id, "the stored inputs cannot be read");
        return ERR_OK;
    }
    content_open(&w->page, &event->row.event, &content);
    const struct award_view view = {.program = program,
                                    .content = &content,
                                    .inputs = &inputs,
                                    .booked_at = event->row.booked_at};
    if (award_run(&w->page, &view, &list) != ERR_OK) {
        tell_event(w, INV_DATABASE, event->row.id, "the event cannot be decided again");
        return ERR_OK;
    }
    for (size_t i = 0; i < list.n; i++) {
        due[list.awards[i].wallet] += list.awards[i].points;
    }
    for (size_t i = 0; i < program->wallets_n; i++) {
        int64_t earned = 0;
        for (size_t k = 0; k < w->moved_n; k++) {
            earned += w->moved[k].wallet == program->wallets[i].symbol ? w->moved[k].awarded : 0;
        }
        if (earned != due[i]) {
            tell_event(w, INV_DATABASE, event->row.id,
                       "decided again from its stored inputs, the event earns something else");
            return ERR_OK;
        }
    }
    return ERR_OK;
}

static enum err check_event(struct walk *w, const struct check_event *event)
{
    const struct transfer *t = NULL;
    w->moved_n = 0;
    if (event->is_readable) {
        check_answer_balances(w, event);
    } else {
        w->after.then_n = 0;
    }
    try(peek(w, &t));
    while (t != NULL && t->event >= event->row.id) {
        if (t->event > event->row.id) {
            tell_transfer(w, INV_CHAINS, t->id,
                          "the points transfer names an event that is not the member's");
        }
        try(take_transfer(w, t));
        try(peek(w, &t));
    }
    if (!event->is_readable) {
        return ERR_OK;
    }
    if ((int64_t)event->row.answer.outcome != event->outcome ||
        (int64_t)event->row.event.kind != event->kind) {
        tell_event(w, INV_DATABASE, event->row.id,
                   "kind or outcome are not those of the event's record");
    }
    check_answer_points(w, event);
    check_spent(w, event);
    return event->row.is_sealed ? ERR_OK : check_again(w, event);
}

static enum err walk_events(struct walk *w)
{
    int64_t next = w->state.last_event;
    while (next > 0) {
        struct check_event *events = NULL;
        size_t n = 0;
        arena_reset(&w->page);
        try(store_check_events(w->store, &w->page, w->member, next, w->listener, &events, &n));
        if (n == 0 || events[0].row.id != next) {
            tell_event(w, INV_CHAINS, next,
                       "the event that the next one (or the state) names is missing");
            return ERR_OK;
        }
        for (size_t i = 0; i < n; i++) {
            const struct event_row *row = &events[i].row;
            if (i > 0 && events[i - 1].row.previous != row->id) {
                tell_event(w, INV_CHAINS, events[i - 1].row.id,
                           "the event before this one is not the one that it names");
            }
            w->events_seen++;
            try(check_event(w, &events[i]));
        }
        const struct event_row *last = &events[n - 1].row;
        if (last->previous >= last->id) {
            tell_event(w, INV_CHAINS, last->id, "the event names a later one as the one before it");
            return ERR_OK;
        }
        next = last->previous;
        w->is_stopped = next > 0 && !w->listener->pause(w->listener->self);
        if (w->is_stopped) {
            return ERR_OK;
        }
    }
    return ERR_OK;
}

/* Transfers older than the first event; then everything has to be zero. */
static enum err finish(struct walk *w)
{
    const struct transfer *t = NULL;
    w->moved_n = 0;
    try(peek(w, &t));
    while (t != NULL) {
        tell_transfer(w, INV_CHAINS, t->id,
                      "the points transfer names an event that is not the member's");
        try(take_transfer(w, t));
        try(peek(w, &t));
    }
    if (w->transfers_seen != w->state.transfers_n) {
        tell_member(w, INV_CHAINS,
                    "there are not as many points transfers as the state has counted");
    }
    for (size_t i = 0; i < w->running_n; i++) {
        if (w->running[i].active != 0 || w->running[i].pending != 0 || w->running[i].debt != 0) {
            tell_member(w, INV_BALANCES, "a balance is not the sum of its transfers");
            break;
        }
    }
    for (size_t i = 0; i < w->state.lots_n && w->has_lots; i++) {
        const struct lot *lot = &w->state.lots[i];
        const struct lot_tally *tally = map_find_int(&w->lots, lot->id);
        if (tally != NULL && (tally->active != lot->active || tally->pending != lot->pending)) {
            tell_member(w, INV_LOTS, "a lot does not hold what its transfers left in it");
            break;
        }
    }
    return ERR_OK;
}

static enum err walk(struct walk *w)
{
    if (state_unpack(w->arena, w->member->id, w->member->state_version, w->member->state,
                     &w->state) != ERR_OK) {
        tell_member(w, INV_DATABASE, "the state cannot be read");
        return ERR_OK;
    }
    w->has_lots = load_chunks(w);
    if (!w->has_lots) {
        tell(w, INV_DATABASE, "member_chunk", check_row(w->arena, "mbr_", w->member->id),
             "the cold lots and counters are not those that the state has put away");
    }
    open_lots(w);
    check_balances(w);
    if (w->member->key.version != 0) { // nothing waits for a forgotten member
        check_timer(w);
    }
    memcpy(w->expected, w->state.transfers_n > 0 ? w->state.chain : ZERO_HASH, HASH_BYTES);
    w->next_transfer = w->state.last_transfer;
    try(walk_events(w));
    return w->is_stopped ? ERR_OK : finish(w);
}

enum err verify_member(struct store *store, struct arena *arena, const struct check_member *member,
                       const struct check_listener *listener, int64_t *events, int64_t *transfers)
{
    struct walk *w = arena_new(arena, struct walk, 1);
    *w = (struct walk){.store = store, .arena = arena, .member = member, .listener = listener};
    if (!member->has_state) {
        return ERR_OK; // told with the slice
    }
    map_open(&w->lots, arena);
    arena_open(&w->page, MEMBER_ARENA_BYTES_MAX);
    arena_open(&w->transfer_page, MEMBER_ARENA_BYTES_MAX);
    const enum err err = walk(w);
    *events += w->events_seen;
    *transfers += w->transfers_seen;
    arena_close(&w->transfer_page);
    arena_close(&w->page);
    return err;
}
