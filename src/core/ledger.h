/* The ledger: every movement of points inside a decision. Balances, lots and transfers change here
 * and nowhere else.
 *
 * Owns:    nothing.
 * Threads: one thread at a time per booking.
 * Memory:  the booking's arena.
 * Errors:  ERR_OVERFLOW where a balance would leave its range; the whole decision is then given up.
 * Limits:  TRANSFER_POINTS_MAX per transfer.
 */
#ifndef LOYALD_LEDGER_H
#define LOYALD_LEDGER_H

#include "core/decide.h"

/* What all bookings of one decision share. */
struct booking {
    struct arena *arena;
    const struct program *program; // whose zone and wallets hold
    struct state *state;           // changed
    struct decision *decision;     // transfers are appended
    struct id_source *ids;
    int64_t event; // id
    int64_t at;    // the event's time
    int64_t booked_at;
    int32_t rule;                           // symbol of the rule that is being booked, 0: none
    const unsigned char *reason_commitment; // NULL: none
};

/* A lot's terms for points of a wallet earned at an instant. */
struct lot_terms {
    int64_t activates_at; // AT_MIN: at once
    int64_t voids_at;
    int64_t own_end_at;
    int64_t expires_at;
    int32_t sliding_months;
    bool is_order;
    uint64_t match;
    int32_t match_type;
};

/* Terms as the wallet's policy says; `order` true for a placed purchase. `symbols` only matter to
 * PENDING_EVENT. */
void ledger_terms(const struct program *program, const struct wallet *wallet, int64_t earned_at,
                  bool is_order, struct lot_terms *out);

/* When points of a wallet expire that are earned (or adjusted) at an instant; AT_NEVER for never
 * and sliding. */
int64_t wallet_expires_at(const struct zone *zone, const struct wallet *wallet, int64_t at);

/* Earns points into a lot: into *lot_id when it is not 0, else into a new lot, whose id is put
 * there. What is due by the terms already is active at once; what is past its expiry is expired at
 * once. Active points repay debt. */
enum err ledger_earn(struct booking *b, const struct wallet *wallet, const struct lot_terms *terms,
                     int64_t origin, int64_t earned_at, int32_t version, int64_t points,
                     int64_t *lot_id) MUST_USE;

/* Moves all pending points of a lot to active. */
enum err ledger_activate(struct booking *b, struct lot *lot) MUST_USE;

/* Expires all points of a lot. */
enum err ledger_expire(struct booking *b, struct lot *lot) MUST_USE;

/* Spends active points in spending order; notes the lots in decision->spent. The caller has checked
 * the balance. */
enum err ledger_spend(struct booking *b, int32_t wallet, int64_t points) MUST_USE;

/* Gives spent points back as a lot of the same origin that lives at least the wallet's
 * returned_min_days more. */
enum err ledger_restore(struct booking *b, const struct wallet *wallet,
                        const struct spent_lot *spent, int64_t points) MUST_USE;

/* Takes points back that an event had earned: own pending, own active, own expired, others' active,
 * then by policy (domain.md 11). *forgiven is what nobody paid. */
enum err ledger_revoke(struct booking *b, const struct wallet *wallet, int64_t origin,
                       int64_t points, int64_t *forgiven) MUST_USE;

/* Revokes all pending points of a lot (a wait for an event that never came). */
enum err ledger_void(struct booking *b, struct lot *lot) MUST_USE;

/* Ends all that a member has (they are forgotten): every lot is revoked, what is owed is forgiven.
 */
enum err ledger_void_all(struct booking *b) MUST_USE;

/* A manual adjustment: positive into a new active lot, negative out of active in spending order. */
enum err ledger_adjust(struct booking *b, const struct wallet *wallet, int64_t points) MUST_USE;

/* Derives next_expiries of all wallets from the lots; only when all lots are loaded. */
void ledger_next_expiries(struct arena *arena, struct state *state, const struct zone *zone);

/* FNV-1a of 64 bits: the matched field of a lot that waits for an event. */
uint64_t match_hash(struct str text);

/* Adds to a counter for all members together: book.c. */
void booking_share(struct booking *b, int32_t symbol, int32_t day, int64_t n);

#endif
