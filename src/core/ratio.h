/* Exact numbers: ratios of two 128-bit whole numbers, in lowest terms. Points are computed with
 * them, never with doubles.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  none.
 * Errors:  a function returning bool gives false on overflow and leaves *out alone.
 * Limits:  numerators and denominators of 127 bits.
 */
#ifndef LOYALD_RATIO_H
#define LOYALD_RATIO_H

#include "base/num.h"

/* Zeroed it is no number: make one by ratio_whole() or ratio_decimal(). */
struct ratio {
    __int128 n;
    __int128 d; // > 0, no divisor in common with n
};

static inline struct ratio ratio_whole(int64_t whole)
{
    return (struct ratio){.n = whole, .d = 1};
}

struct ratio ratio_decimal(struct decimal decimal);

MUST_USE bool ratio_add(struct ratio a, struct ratio b, struct ratio *out);
MUST_USE bool ratio_subtract(struct ratio a, struct ratio b, struct ratio *out);
MUST_USE bool ratio_multiply(struct ratio a, struct ratio b, struct ratio *out);

/* a / b; b is not zero. */
MUST_USE bool ratio_divide(struct ratio a, struct ratio b, struct ratio *out);

/* What is left of a after taking b out a whole number of times, with the sign of a, as in
 * JavaScript; b is not zero. */
MUST_USE bool ratio_rest(struct ratio a, struct ratio b, struct ratio *out);

/* Negative, zero or positive as a is less than, equal to or more than b. */
MUST_USE bool ratio_compare(struct ratio a, struct ratio b, int *out);

enum ratio_round { RATIO_DOWN, RATIO_HALF_UP, RATIO_UP };

/* To a whole number: down is towards minus infinity, up towards plus infinity, of halves the upper
 * one. */
MUST_USE bool ratio_round(struct ratio a, enum ratio_round how, int64_t *out);

#endif
