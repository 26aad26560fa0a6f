/* Writes that are events: POST, decide, answer with the event's answer. Private to api/.
 *
 * Owns:    nothing.
 * Threads: as calls: HTTP thread, then a worker, then the lane.
 * Memory:  the request's arena.
 * Errors:  those of `prepare`, of the engine, of deciding.
 * Limits:  those of the engine.
 */
#ifndef LOYALD_API_EVENT_CALL_H
#define LOYALD_API_EVENT_CALL_H

#include "api/api_internal.h"

/* Reads the request into a submission, in a read snapshot. */
typedef enum err event_prepare(struct api_call *call, struct store *store, struct submission *s);

/* Runs `prepare` on a worker, then decides (or only tries, with ?dry_run=true) and answers 201 (or
 * 200). */
void event_call(struct api_call *call, event_prepare *prepare);

/* Ends what `prepare` has read: the fingerprint is that of what was sent; the instant is the
 * server's and no part of it. */
void event_call_ready(struct api_call *call, struct store *store, struct submission *s);

#endif
