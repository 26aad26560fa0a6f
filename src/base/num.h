/* Checked arithmetic for points and money: 64-bit whole units, named rounding, exact ratios.
 *
 * Points and money are int64_t here and not one-field structs: most of the engine's arithmetic
 * crosses them by ratio, and names carry the unit instead (docs/decisions/0002).
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  none.
 * Errors:  a function returning bool gives false on overflow or bad text and leaves *out alone.
 * Limits:  WHOLE_MAX for what enters or leaves by JSON.
 */
#ifndef LOYALD_NUM_H
#define LOYALD_NUM_H

#include "base/str.h"

/* Integers outside stay within what every JSON reader keeps exactly. */
#define WHOLE_MAX ((int64_t)9007199254740991)

/* The largest amount one points transfer may move. */
#define TRANSFER_POINTS_MAX ((int64_t)1000000000000)

static inline bool whole_add(int64_t a, int64_t b, int64_t *out)
{
    int64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum) || sum > WHOLE_MAX || sum < -WHOLE_MAX) {
        return false;
    }
    *out = sum;
    return true;
}

static inline int64_t int64_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t int64_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Division that rounds towards minus infinity; d > 0. */
int64_t div_floor(int64_t n, int64_t d);

/* n * by / over, rounded down (towards minus infinity), over > 0, computed in 128 bits. */
MUST_USE bool mul_ratio_down(int64_t n, int64_t by, int64_t over, int64_t *out);

/* The same, rounded half up (half away from zero for negative n). */
MUST_USE bool mul_ratio_half_up(int64_t n, int64_t by, int64_t over, int64_t *out);

/* A decimal kept exactly: value = digits / 10^scale, e.g. "1.25" is {125, 2}. */
struct decimal {
    int64_t digits;
    int scale; // 0..9
};

enum { DECIMAL_SCALE_MAX = 9 };

/* Reads "12", "-0.5", "1.250" with at most scale_max decimals; no exponent, no blanks, no plus
 * sign. */
MUST_USE bool decimal_read(struct str s, int scale_max, struct decimal *out);

/* digits / 10^scale brought to another scale, exactly; false when digits would be lost or overflow.
 */
MUST_USE bool decimal_rescale(struct decimal d, int scale, int64_t *out);

/* 10^n for n in 0..18. */
int64_t power_of_ten(int n);

/* Spreads `total` over the weights in proportion by largest remainder, earlier index first on a
 * tie. weights are >= 0 and not all zero (when all are zero everything goes to index 0); total >=
 * 0. shares[i] add up to total exactly. */
void spread(int64_t total, const int64_t *weights, size_t n, int64_t *shares);

#endif
