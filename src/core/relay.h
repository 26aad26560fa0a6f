/* Relays: work for another member that follows from a decision.
 *
 * A decision books one member. What it means for another (an advocate, a contest's winners) is a
 * row of work, written in the transaction of the decision, that becomes an event of the other
 * member right after: by the same door, with a natural key of its own, so that nothing is lost and
 * nothing is done twice. Members are never locked in the order in which they come up.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  the arena given.
 * Errors:  none.
 * Limits:  RELAYS_MAX per decision.
 */
#ifndef LOYALD_RELAY_H
#define LOYALD_RELAY_H

#include "core/event.h"

enum { RELAYS_MAX = 1000, RELAY_DATA_BYTES_MAX = 4096 };
#define RELAY_SOURCE STR("loyald/relay") // of the events that they become

struct relay {
    int64_t member;       // whose the work is
    enum event_kind kind; // of the event that it becomes
    int64_t time;         // of that event
    struct str data; // JSON text of its data. Stored in clear: ids and slugs, nothing about people
    struct str original; // the id of an earlier relayed event that it is about, or empty
};

/* The external id of the event that the position-th relay of a decision becomes:
 * "TYPE/evt_CAUSE/POSITION". */
struct str relay_external_id(struct arena *arena, enum event_kind kind, int64_t cause,
                             size_t position);

struct decision;

/* Adds to what a decision leaves for others; returns its position. */
size_t relay_add(struct arena *arena, struct decision *decision, const struct relay *relay);

#endif
