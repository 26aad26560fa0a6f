/* What has changed between two program documents, in words.
 *
 * Lists of things that have a slug (or a name, a type) are compared by it, so that moving one is no
 * change; other lists and values as wholes.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  the arena given; the documents are borrowed.
 * Errors:  ERR_TOO_LARGE beyond DIFF_CHANGES_MAX changes.
 * Limits:  DIFF_CHANGES_MAX, DIFF_DEPTH_MAX; values are shown up to DIFF_VALUE_BYTES.
 */
#ifndef LOYALD_DIFF_H
#define LOYALD_DIFF_H

#include "base/err.h"
#include "base/json.h"

enum { DIFF_CHANGES_MAX = 5000, DIFF_DEPTH_MAX = 16, DIFF_VALUE_BYTES = 200 };

enum change_kind { CHANGE_ADDED, CHANGE_REMOVED, CHANGE_CHANGED };

struct change {
    enum change_kind kind;
    struct str
        pointer; // in the document where it is: the newer one, of what was removed the older one
    const struct json *before; // NULL: was not there
    const struct json *after;  // NULL: is not there any more
    struct str text;           // "Earning rule \"base\", effect 1: points changed from 1 to 2."
};

enum err program_diff(struct arena *arena, const struct json *before, const struct json *after,
                      struct change **out, size_t *n) MUST_USE;

#endif
