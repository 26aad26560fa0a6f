/* Tests inside a program document: given events and passing time, what comes of them. Red tests
 * block publishing.
 *
 * A test is run by the same decide() as everything else, on one member that lives in memory only.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  the arena given.
 * Errors:  ERR_TESTS_FAILED with the pointer of each expectation that does not hold; ERR_INVALID
 *          where a step cannot be read.
 * Limits:  TEST_STEPS_MAX, TEST_DAYS_MAX.
 */
#ifndef LOYALD_API_PROGRAM_TESTS_H
#define LOYALD_API_PROGRAM_TESTS_H

#include "store/store.h"

enum { TEST_STEPS_MAX = 1000, TEST_DAYS_MAX = 36525 };

/* Runs the document's "tests" against its compiled program; *run counts those that were run. */
enum err program_tests_run(struct arena *arena, const struct program *program,
                           const struct json *document, struct fail *f, size_t *run) MUST_USE;

/* The same for a document that is checked first, which makes *program. `store` may be NULL: nothing
 * stored is needed. */
enum err program_tests_check(struct store *store, struct arena *arena, const struct json *document,
                             struct fail *f, const struct program **program, size_t *run) MUST_USE;

#endif
