/* JSON -> struct event: the envelope (CloudEvents 1.0) and the data of every built-in type.
 *
 * Owns:    nothing.
 * Threads: one thread at a time.
 * Memory:  the arena given; texts borrow from the JSON value, which must live as long as the
 *          submission.
 * Errors:  every fault found, with its pointer; the first one's enum err is returned.
 * Limits:  EVENT_LINES_MAX, EVENT_PAYMENTS_MAX, EVENT_TEXT_BYTES_MAX.
 */
#ifndef LOYALD_API_EVENT_READ_H
#define LOYALD_API_EVENT_READ_H

#include "api/read.h"
#include "engine/submission.h"

/* Fills in kind, arena, event, subject, hash, fingerprint and original_hash of a submission. `base`
 * NULL: the event is the whole document; else its place in it. What the program says (types,
 * currency, stores) is checked by the engine. */
enum err event_read(struct arena *arena, const struct vault *vault, const struct json *json,
                    const struct place *base, struct fail *f, struct submission *out) MUST_USE;

#endif
