/* What the files of a program's tests share: one test at work, on a member in memory.
 *
 * Owns:    nothing.
 * Threads: one thread at a time.
 * Memory:  the trial's arena.
 * Errors:  see program_tests.h.
 * Limits:  none of its own.
 */
#ifndef LOYALD_API_PROGRAM_TESTS_INTERNAL_H
#define LOYALD_API_PROGRAM_TESTS_INTERNAL_H

#include "api/program_tests.h"
#include "engine/submission.h"

/* One purchase of the test, to be refunded, or what a referral brought, to be revoked with it. */
struct trial_purchase {
    struct str source, id;
    struct purchase *purchase;
};

/* One test at work: a member in memory. */
struct trial {
    struct arena *arena;
    const struct program *program;
    struct fail *f;
    struct str pointer; // of the step at hand
    int64_t now;
    size_t made; // events that the test gave no id
    struct id_source ids;
    struct state *state;
    struct profile profile;
    int8_t *segments; // NULL: judged as they are
    struct trial_purchase *purchases;
    size_t purchases_n, purchases_max;
    struct issued *issued;
    size_t issued_n, issued_max;
    struct shared_use *shared;
    size_t shared_n, shared_max;
    struct opening *openings; // what the member's subscriptions are called
    size_t openings_n, openings_max;
    struct decision *last; // NULL: nothing was decided yet
};

/* Compares what a step expects with how the member stands; what does not hold is noted, and the
 * test goes on. */
enum err trial_expect(struct trial *t, const struct json *expect) MUST_USE;

#endif
