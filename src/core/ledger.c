/* Bookings. Each public function here leaves balances, lots and transfers in agreement. */
#include "base/base.h"
#include "core/ledger.h"

#include <sodium.h>

enum { TRANSFER_BYTES_MAX = 512, TRANSFER_FORMAT = 1 };

uint64_t match_hash(struct str text)
{
    // Fowler-Noll-Vo 1a, 64 bits (RFC 9923).
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < text.n; i++) {
        hash = (hash ^ (unsigned char)text.p[i]) * 1099511628211u;
    }
    return hash;
}

static void put_u64(unsigned char *out, uint64_t value)
{
    for (int i = 7; i >= 0; i--) {
        out[i] = (unsigned char)value;
        value >>= 8;
    }
}

void transfer_hash(const struct transfer *t, int64_t member, const unsigned char before[HASH_BYTES],
                   unsigned char out[HASH_BYTES])
{
    // docs/ledger.md: fixed width, big endian, in this order.
    unsigned char bytes[1 + HASH_BYTES + 13 * 8 + HASH_BYTES];
    unsigned char *p = bytes;
    *p++ = TRANSFER_FORMAT;
    memcpy(p, before, HASH_BYTES);
    p += HASH_BYTES;
    const int64_t fields[] = {member,       t->id,     t->event, t->lot,     t->at,
                              t->booked_at, t->wallet, t->rule,  t->version, t->kind,
                              t->from,      t->to,     t->points};
    _Static_assert(ARRAY_N(fields) == 13, "bytes above has room for 13 fields");
    for (size_t i = 0; i < ARRAY_N(fields); i++, p += 8) {
        put_u64(p, (uint64_t)fields[i]);
    }
    memcpy(p, t->reason_commitment, HASH_BYTES);
    p += HASH_BYTES;
    ensure(p == bytes + sizeof bytes);
    (void)crypto_hash_sha256(out, bytes, sizeof bytes); // always 0
}

static enum err add(int64_t *to, int64_t points)
{
    return whole_add(*to, points, to) ? ERR_OK : ERR_OVERFLOW;
}

/* Moves points between two accounts and notes the transfer. Lots are the caller's. */
static enum err move(struct booking *b, enum transfer_kind kind, enum account from, enum account to,
                     int32_t wallet, int64_t lot, int64_t points)
{
    ensure(points > 0);
    ensure(from != to);
    if (points > TRANSFER_POINTS_MAX) {
        return ERR_OVERFLOW;
    }
    struct balance *balance = state_balance(b->arena, b->state, wallet);
    const enum account sides[] = {from, to};
    for (int i = 0; i < 2; i++) {
        const int64_t change = i == 0 ? -points : points;
        if (sides[i] == ACCOUNT_ACTIVE) {
            try(add(&balance->active, change));
        } else if (sides[i] == ACCOUNT_PENDING) {
            try(add(&balance->pending, change));
        } else if (sides[i] == ACCOUNT_DEBT) {
            try(add(&balance->debt,
                    -change)); // what the member owes grows when points leave the account
        }
    }
    ensure(balance->active >= 0);
    ensure(balance->pending >= 0);
    ensure(balance->debt >= 0);
    struct decision *d = b->decision;
    arena_room(b->arena, d->transfers, d->transfers_n, d->transfers_max);
    struct transfer *t = &d->transfers[d->transfers_n++];
    *t = (struct transfer){
        .id = id_next(b->ids, b->booked_at),
        .previous = b->state->last_transfer,
        .event = b->event,
        .lot = lot,
        .at = b->at,
        .booked_at = b->booked_at,
        .wallet = wallet,
        .rule = b->rule,
        .version = b->program->version,
        .kind = kind,
        .from = from,
        .to = to,
        .points = points,
    };
    if (lot == -1) {
        t->lot = t->id; // the transfer that makes a lot names it
    }
    if (b->reason_commitment != NULL) {
        memcpy(t->reason_commitment, b->reason_commitment, HASH_BYTES);
    }
    transfer_hash(t, b->state->member, b->state->chain, t->hash);
    memcpy(b->state->chain, t->hash, HASH_BYTES);
    b->state->last_transfer = t->id;
    b->state->transfers_n++;
    return ERR_OK;
}

static int64_t last_transfer(const struct booking *b)
{
    return b->decision->transfers[b->decision->transfers_n - 1].id;
}

static int32_t round_day(int32_t day, enum expiry_round round)
{
    struct civil c = civil_of_day(day);
    switch (round) {
    case ROUND_NONE:
        return day;
    case ROUND_MONTH_END:
        break;
    case ROUND_QUARTER_END:
        c.month = (c.month + 2) / 3 * 3;
        break;
    case ROUND_YEAR_END:
        c.month = 12;
        break;
    }
    c.day = days_in_month(c.year, c.month);
    return day_of_civil(c);
}

/* The next of the fixed dates, on the day itself included; 29 February falls on the 28th in other
 * years. */
static int32_t next_date(const struct wallet *wallet, int32_t day)
{
    const int year = civil_of_day(day).year;
    for (int y = year; y <= year + 1; y++) {
        for (size_t i = 0; i < wallet->expiry.dates_n; i++) {
            struct civil c = wallet->expiry.dates[i];
            c.year = y;
            c.day = c.day < days_in_month(y, c.month) ? c.day : days_in_month(y, c.month);
            if (day_of_civil(c) >= day) {
                return day_of_civil(c);
            }
        }
    }
    return day;
}

int64_t wallet_expires_at(const struct zone *zone, const struct wallet *wallet, int64_t at)
{
    const int32_t day = zone_day(zone, at);
    int32_t last = day; // the last local day on which the points are valid
    switch (wallet->expiry.kind) {
    case EXPIRY_NEVER:
    case EXPIRY_INACTIVITY:
        return AT_NEVER;
    case EXPIRY_AT:
        return wallet->expiry.at;
    case EXPIRY_DAYS:
        last = round_day(day + wallet->expiry.n, wallet->expiry.round);
        break;
    case EXPIRY_MONTHS:
        last = round_day(day_add_months(day, wallet->expiry.n), wallet->expiry.round);
        break;
    case EXPIRY_DATES:
        last = next_date(wallet, day);
        break;
    }
    return zone_midnight(zone, last + 1);
}

void ledger_terms(const struct program *program, const struct wallet *wallet, int64_t earned_at,
                  bool is_order, struct lot_terms *out)
{
    const struct zone *zone = program->zone;
    const int32_t day = zone_day(zone, earned_at);
    const int64_t after_days = zone_midnight(zone, day + wallet->pending.days + 1);
    *out = (struct lot_terms){
        .activates_at = AT_MIN,
        .voids_at = AT_NEVER,
        .own_end_at = AT_NEVER,
        .expires_at = wallet_expires_at(zone, wallet, earned_at),
        .sliding_months = wallet->expiry.kind == EXPIRY_INACTIVITY ? wallet->expiry.n : 0,
        .is_order = is_order,
    };
    switch (wallet->pending.kind) {
    case PENDING_NONE:
        break;
    case PENDING_DAYS:
        out->activates_at = after_days;
        break;
    case PENDING_DATE:
        out->activates_at = zone_midnight(zone, wallet->pending.date);
        break;
    case PENDING_EVENT:
        out->activates_at = wallet->pending.then_activate ? after_days : AT_NEVER;
        out->voids_at = wallet->pending.then_activate ? AT_NEVER : after_days;
        break;
    }
    if (is_order) {
        out->own_end_at = out->activates_at == AT_MIN ? earned_at : out->activates_at;
        out->activates_at = AT_NEVER;
    }
}

/* Points that enter active pay what is owed first. */
static enum err repay(struct booking *b, struct lot *lot)
{
    const struct balance *balance = state_balance(b->arena, b->state, lot->wallet);
    const int64_t points = int64_min(balance->debt, lot->active);
    if (points == 0) {
        return ERR_OK;
    }
    lot->active -= points;
    return move(b, TRANSFER_REPAY, ACCOUNT_ACTIVE, ACCOUNT_DEBT, lot->wallet, lot->id, points);
}

static struct next_expiry *next_of(struct arena *arena, struct state *state, int32_t wallet)
{
    for (size_t i = 0; i < state->next_expiries_n; i++) {
        if (state->next_expiries[i].wallet == wallet) {
            return &state->next_expiries[i];
        }
    }
    arena_room(arena, state->next_expiries, state->next_expiries_n, state->next_expiries_max);
    state->next_expiries[state->next_expiries_n] =
        (struct next_expiry){.wallet = wallet, .at = AT_NEVER};
    return &state->next_expiries[state->next_expiries_n++];
}

static void note_next(struct arena *arena, struct state *state, int32_t wallet, int64_t at,
                      int64_t points)
{
    if (at == AT_NEVER || points == 0) {
        return;
    }
    struct next_expiry *next = next_of(arena, state, wallet);
    if (at < next->at) {
        next->at = at;
        next->points = points;
    } else if (at == next->at) {
        next->points += points;
    }
}

void ledger_next_expiries(struct arena *arena, struct state *state, const struct zone *zone)
{
    ensure(state->lots_loaded);
    state->next_expiries_n = 0;
    for (size_t i = 0; i < state->lots_n; i++) {
        const struct lot *lot = &state->lots[i];
        if (lot->active > 0) {
            note_next(arena, state, lot->wallet, lot_expires_at(state, zone, lot), lot->active);
        }
    }
}

enum err ledger_expire(struct booking *b, struct lot *lot)
{
    const int64_t pending = lot->pending;
    const int64_t active = lot->active;
    state_lot_touch(b->arena, b->state, lot);
    lot->pending = 0;
    lot->active = 0;
    lot->expired += pending + active;
    if (pending > 0) {
        try(move(b, TRANSFER_EXPIRE, ACCOUNT_PENDING, ACCOUNT_EXPIRED, lot->wallet, lot->id,
                 pending));
    }
    if (active > 0) {
        try(move(b, TRANSFER_EXPIRE, ACCOUNT_ACTIVE, ACCOUNT_EXPIRED, lot->wallet, lot->id,
                 active));
    }
    return ERR_OK;
}

/* A new or grown lot whose expiry has passed already expires together with its booking (domain.md
 * 4). */
static enum err settle(struct booking *b, struct lot *lot, int64_t active_before)
{
    const int64_t expires_at = lot_expires_at(b->state, b->program->zone, lot);
    if (expires_at <= b->booked_at) {
        return ledger_expire(b, lot);
    }
    try(repay(b, lot));
    if (!b->state->lots_loaded && lot->active > active_before) {
        note_next(b->arena, b->state, lot->wallet, expires_at, lot->active - active_before);
    }
    return ERR_OK;
}

enum err ledger_earn(struct booking *b, const struct wallet *wallet, const struct lot_terms *terms,
                     int64_t origin, int64_t earned_at, int32_t version, int64_t points,
                     int64_t *lot_id)
{
    const bool is_active = terms->activates_at <= b->booked_at;
    const enum account to = is_active ? ACCOUNT_ACTIVE : ACCOUNT_PENDING;
    try(move(b, TRANSFER_EARN, ACCOUNT_ISSUED, to, wallet->symbol, *lot_id == 0 ? -1 : *lot_id,
             points));
    struct lot *lot = *lot_id == 0 ? NULL : state_lot_find(b->state, *lot_id);
    if (lot == NULL) {
        ensure(*lot_id == 0);
        *lot_id = last_transfer(b);
        lot = state_lot_add(b->arena, b->state,
                            (struct lot){
                                .id = *lot_id,
                                .event = origin,
                                .earned_at = earned_at,
                                .wallet = wallet->symbol,
                                .version = version,
                                .activates_at = is_active ? AT_NEVER : terms->activates_at,
                                .voids_at = is_active ? AT_NEVER : terms->voids_at,
                                .own_end_at = is_active ? AT_NEVER : terms->own_end_at,
                                .expires_at = terms->expires_at,
                                .sliding_months = terms->sliding_months,
                                .is_order = terms->is_order,
                                .match = terms->match,
                                .match_type = terms->match_type,
                            });
    }
    const int64_t active_before = lot->active;
    if (is_active) {
        lot->active += points;
    } else {
        lot->pending += points;
    }
    return settle(b, lot, active_before);
}

enum err ledger_activate(struct booking *b, struct lot *lot)
{
    const int64_t points = lot->pending;
    ensure(points > 0);
    state_lot_touch(b->arena, b->state, lot);
    const int64_t active_before = lot->active;
    lot->pending = 0;
    lot->active += points;
    lot->activates_at = lot->voids_at = lot->own_end_at = AT_NEVER;
    lot->is_order = false;
    lot->match_type = 0;
    lot->match = 0;
    try(move(b, TRANSFER_ACTIVATE, ACCOUNT_PENDING, ACCOUNT_ACTIVE, lot->wallet, lot->id, points));
    return settle(b, lot, active_before);
}

enum err ledger_void(struct booking *b, struct lot *lot)
{
    const int64_t points = lot->pending;
    state_lot_touch(b->arena, b->state, lot);
    lot->pending = 0;
    return points == 0 ? ERR_OK
                       : move(b, TRANSFER_REVOKE, ACCOUNT_PENDING, ACCOUNT_REVOKED, lot->wallet,
                              lot->id, points);
}

/* Earliest expiry, then the earning event's time, then booking (domain.md 11). */
static bool spends_before(const struct booking *b, const struct lot *x, const struct lot *y)
{
    const int64_t x_at = lot_expires_at(b->state, b->program->zone, x);
    const int64_t y_at = lot_expires_at(b->state, b->program->zone, y);
    if (x_at != y_at) {
        return x_at < y_at;
    }
    if (x->earned_at != y->earned_at) {
        return x->earned_at < y->earned_at;
    }
    return x->id < y->id;
}

/* The next lot in spending order with active points; lots of event `not_of` are passed over (0:
 * none). */
static struct lot *next_to_spend(const struct booking *b, int32_t wallet, int64_t not_of)
{
    ensure(b->state->lots_loaded);
    struct lot *best = NULL;
    for (size_t i = 0; i < b->state->lots_n; i++) {
        struct lot *lot = &b->state->lots[i];
        if (lot->wallet != wallet || lot->active == 0 || (not_of != 0 && lot->event == not_of)) {
            continue;
        }
        if (best == NULL || spends_before(b, lot, best)) {
            best = lot;
        }
    }
    return best;
}

enum err ledger_spend(struct booking *b, int32_t wallet, int64_t points)
{
    while (points > 0) {
        struct lot *lot = next_to_spend(b, wallet, 0);
        ensure(lot != NULL);
        const int64_t take = int64_min(points, lot->active);
        struct decision *d = b->decision;
        state_lot_touch(b->arena, b->state, lot);
        lot->active -= take;
        points -= take;
        arena_room(b->arena, d->spent, d->spent_n, d->spent_max);
        d->spent[d->spent_n++] = (struct spent_lot){
            .lot = lot->id,
            .event = lot->event,
            .earned_at = lot->earned_at,
            .wallet = wallet,
            .version = lot->version,
            .expires_at = lot->expires_at,
            .sliding_months = lot->sliding_months,
            .points = take,
        };
        try(move(b, TRANSFER_SPEND, ACCOUNT_ACTIVE, ACCOUNT_SPENT, wallet, lot->id, take));
    }
    return ERR_OK;
}

enum err ledger_restore(struct booking *b, const struct wallet *wallet,
                        const struct spent_lot *spent, int64_t points)
{
    const struct zone *zone = b->program->zone;
    const int64_t lives_until =
        zone_midnight(zone, zone_day(zone, b->booked_at) + wallet->returned_min_days + 1);
    struct lot lot = {
        .event = spent->event,
        .earned_at = spent->earned_at,
        .wallet = spent->wallet,
        .version = spent->version,
        .active = points,
        .activates_at = AT_NEVER,
        .voids_at = AT_NEVER,
        .own_end_at = AT_NEVER,
        .expires_at =
            spent->expires_at == AT_NEVER ? AT_NEVER : int64_max(spent->expires_at, lives_until),
        .sliding_months = spent->sliding_months,
    };
    if (lot.sliding_months > 0 && lot_expires_at(b->state, zone, &lot) < lives_until) {
        lot.sliding_months = 0; // they live their 30 days even if the member does nothing
        lot.expires_at = lives_until;
    }
    try(move(b, TRANSFER_RESTORE, ACCOUNT_SPENT, ACCOUNT_ACTIVE, spent->wallet, -1, points));
    lot.id = last_transfer(b);
    return settle(b, state_lot_add(b->arena, b->state, lot), 0);
}

/* Takes up to *points from one side of a lot. */
static enum err take(struct booking *b, struct lot *lot, int64_t *held, enum account from,
                     int64_t *points)
{
    const int64_t n = int64_min(*held, *points);
    if (n == 0) {
        return ERR_OK;
    }
    state_lot_touch(b->arena, b->state, lot);
    *held -= n;
    *points -= n;
    return move(b, TRANSFER_REVOKE, from, ACCOUNT_REVOKED, lot->wallet, lot->id, n);
}

static enum err take_own(struct booking *b, const struct wallet *wallet, int64_t origin,
                         enum account from, int64_t *points)
{
    for (size_t i = 0; i<b->state->lots_n && * points> 0; i++) {
        struct lot *lot = &b->state->lots[i];
        if (lot->event == origin && lot->wallet == wallet->symbol) {
            try(take(b, lot, from == ACCOUNT_PENDING ? &lot->pending : &lot->active, from, points));
        }
    }
    return ERR_OK;
}

/* What expired counts as returned, each unit once. */
static void count_own_expired(struct booking *b, const struct wallet *wallet, int64_t origin,
                              int64_t *points)
{
    for (size_t i = 0; i<b->state->lots_n && * points> 0; i++) {
        struct lot *lot = &b->state->lots[i];
        const int64_t n = int64_min(lot->expired, *points);
        if (lot->event == origin && lot->wallet == wallet->symbol && n > 0) {
            state_lot_touch(b->arena, b->state, lot);
            lot->expired -= n;
            *points -= n;
        }
    }
}

enum err ledger_revoke(struct booking *b, const struct wallet *wallet, int64_t origin,
                       int64_t points, int64_t *forgiven)
{
    ensure(b->state->lots_loaded);
    *forgiven = 0;
    try(take_own(b, wallet, origin, ACCOUNT_PENDING, &points));
    if (wallet->returns == RETURNS_PENDING_ONLY) {
        *forgiven = points;
        return ERR_OK;
    }
    try(take_own(b, wallet, origin, ACCOUNT_ACTIVE, &points));
    count_own_expired(b, wallet, origin, &points);
    for (struct lot *lot = NULL;
         points > 0 && (lot = next_to_spend(b, wallet->symbol, origin)) != NULL;) {
        try(take(b, lot, &lot->active, ACCOUNT_ACTIVE, &points));
    }
    if (points > 0 && wallet->returns == RETURNS_DEBT) {
        return move(b, TRANSFER_REVOKE, ACCOUNT_DEBT, ACCOUNT_REVOKED, wallet->symbol, 0, points);
    }
    *forgiven = points;
    return ERR_OK;
}

/* One side of a lot, in transfers of a legal size. */
static enum err take_all(struct booking *b, struct lot *lot, int64_t *held, enum account from)
{
    while (*held > 0) {
        int64_t points = int64_min(*held, TRANSFER_POINTS_MAX);
        try(take(b, lot, held, from, &points));
    }
    return ERR_OK;
}

enum err ledger_void_all(struct booking *b)
{
    struct state *state = b->state;
    ensure(state->lots_loaded);
    for (size_t i = 0; i < state->lots_n; i++) {
        try(take_all(b, &state->lots[i], &state->lots[i].pending, ACCOUNT_PENDING));
        try(take_all(b, &state->lots[i], &state->lots[i].active, ACCOUNT_ACTIVE));
    }
    for (size_t i = 0; i < state->balances_n; i++) {
        while (state->balances[i].debt > 0) {
            const int64_t points = int64_min(state->balances[i].debt, TRANSFER_POINTS_MAX);
            try(move(b, TRANSFER_ADJUST, ACCOUNT_ADJUSTED, ACCOUNT_DEBT, state->balances[i].wallet,
                     0, points));
        }
        ensure(state->balances[i].active == 0);
        ensure(state->balances[i].pending == 0);
    }
    return ERR_OK;
}

enum err ledger_adjust(struct booking *b, const struct wallet *wallet, int64_t points)
{
    ensure(points != 0);
    if (points > 0) {
        const struct lot lot = {
            .event = b->event,
            .earned_at = b->booked_at,
            .wallet = wallet->symbol,
            .version = b->program->version,
            .active = points,
            .activates_at = AT_NEVER,
            .voids_at = AT_NEVER,
            .own_end_at = AT_NEVER,
            .expires_at = wallet_expires_at(b->program->zone, wallet, b->booked_at),
            .sliding_months = wallet->expiry.kind == EXPIRY_INACTIVITY ? wallet->expiry.n : 0,
        };
        try(move(b, TRANSFER_ADJUST, ACCOUNT_ADJUSTED, ACCOUNT_ACTIVE, wallet->symbol, -1, points));
        struct lot *added = state_lot_add(b->arena, b->state, lot);
        added->id = last_transfer(b);
        return settle(b, added, 0);
    }
    for (int64_t rest = -points; rest > 0;) {
        struct lot *lot = next_to_spend(b, wallet->symbol, 0);
        ensure(lot != NULL);
        const int64_t n = int64_min(rest, lot->active);
        state_lot_touch(b->arena, b->state, lot);
        lot->active -= n;
        rest -= n;
        try(move(b, TRANSFER_ADJUST, ACCOUNT_ACTIVE, ACCOUNT_ADJUSTED, wallet->symbol, lot->id, n));
    }
    return ERR_OK;
}
