/* Errors: one table (err.def), one way to say the detail.
 *
 * Owns:    nothing.
 * Threads: a struct fail belongs to one thread at a time.
 * Memory:  details live in the arena of the struct fail.
 * Errors:  -
 * Limits:  FAIL_ITEMS_MAX pointers in one answer; more are counted only.
 */
#ifndef LOYALD_ERR_H
#define LOYALD_ERR_H

#include "base/str.h"

enum err {
#define ERR(name, code, status, title) name,
#include "base/err.def"
#undef ERR
    ERR_N
};

enum { FAIL_ITEMS_MAX = 50 };

/* One thing that is wrong with the input. */
struct fail_item {
    enum err err;       // what kind of fault this one is
    struct str pointer; // RFC 6901 pointer into the request body, or empty
    struct str detail;  // what to do about it, in English
};

/* Where a failing function says why. `err` is the first failure's. */
struct fail {
    struct arena *arena;
    enum err err;
    struct fail_item *items; // in the arena; NULL while there are none, which is most of the time
    size_t items_n;
    size_t items_max;
};

/* The public slug, HTTP status and English title of an error. */
const char *err_code(enum err err);
int err_status(enum err err);
const char *err_title(enum err err);

/* Notes the detail and returns err, so that `return fail(...)` reads in one line. `pointer` is ""
 * where no place in the body is at fault. With f == NULL the detail is dropped. */
enum err fail(struct fail *f, enum err err, const char *pointer, const char *fmt, ...)
    PRINTF(4, 5) MUST_USE;

/* The same for a pointer that is a str. */
enum err fail_at(struct fail *f, enum err err, struct str pointer, const char *fmt, ...)
    PRINTF(4, 5) MUST_USE;

/* Goes on from an error: `try(expression)` returns it from the calling function. */
#define try(expression)                                                                            \
    do {                                                                                           \
        const enum err try_err_ = (expression);                                                    \
        if (try_err_ != ERR_OK) {                                                                  \
            return try_err_;                                                                       \
        }                                                                                          \
    } while (0)

#endif
