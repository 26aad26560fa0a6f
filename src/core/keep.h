/* What a new version of a program may not change any more once something was booked: stored points
 * and amounts would mean something else.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  the arena given; the documents are borrowed.
 * Errors:  ERR_IN_USE with the pointer of each of these.
 * Limits:  -
 */
#ifndef LOYALD_KEEP_H
#define LOYALD_KEEP_H

#include "base/err.h"
#include "base/json.h"

/* `before` is a version by which something may have been booked, and its number; `after` fits the
 * schema. The currency stays, a wallet stays with its scale; everything else may change: what lots
 * need is frozen in them, and a wallet that shall end can stop earning and spending. */
enum err program_keeps(struct arena *arena, const struct json *before, int version,
                       const struct json *after, struct fail *f) MUST_USE;

#endif
