/* Exact arithmetic with ratios. Divisors in common are taken out before multiplying, so that
 * overflow comes late. */
#include "base/base.h"
#include "core/ratio.h"

static __int128 divisor(__int128 a, __int128 b)
{
    a = a < 0 ? -a : a;
    b = b < 0 ? -b : b;
    while (b != 0) {
        const __int128 rest = a % b;
        a = b;
        b = rest;
    }
    return a == 0 ? 1 : a;
}

static struct ratio lowest(__int128 n, __int128 d)
{
    ensure(d > 0);
    const __int128 common = divisor(n, d);
    return (struct ratio){.n = n / common, .d = d / common};
}

struct ratio ratio_decimal(struct decimal decimal)
{
    return lowest(decimal.digits, power_of_ten(decimal.scale));
}

bool ratio_add(struct ratio a, struct ratio b, struct ratio *out)
{
    ensure(a.d > 0);
    ensure(b.d > 0);
    const __int128 common = divisor(a.d, b.d);
    __int128 left = 0;
    __int128 right = 0;
    __int128 sum = 0;
    __int128 d = 0;
    if (__builtin_mul_overflow(a.n, b.d / common, &left) ||
        __builtin_mul_overflow(b.n, a.d / common, &right) ||
        __builtin_add_overflow(left, right, &sum) ||
        __builtin_mul_overflow(a.d, b.d / common, &d)) {
        return false;
    }
    *out = lowest(sum, d);
    return true;
}

bool ratio_subtract(struct ratio a, struct ratio b, struct ratio *out)
{
    __int128 negative = 0;
    if (__builtin_sub_overflow((__int128)0, b.n, &negative)) {
        return false;
    }
    return ratio_add(a, (struct ratio){.n = negative, .d = b.d}, out);
}

bool ratio_multiply(struct ratio a, struct ratio b, struct ratio *out)
{
    ensure(a.d > 0);
    ensure(b.d > 0);
    const struct ratio left = lowest(a.n, b.d);
    const struct ratio right = lowest(b.n, a.d);
    __int128 n = 0;
    __int128 d = 0;
    if (__builtin_mul_overflow(left.n, right.n, &n) ||
        __builtin_mul_overflow(left.d, right.d, &d)) {
        return false;
    }
    *out = (struct ratio){.n = n, .d = d};
    return true;
}

bool ratio_divide(struct ratio a, struct ratio b, struct ratio *out)
{
    ensure(b.n != 0);
    __int128 n = b.d;
    __int128 d = b.n;
    if (d < 0 && (__builtin_sub_overflow((__int128)0, n, &n) ||
                  __builtin_sub_overflow((__int128)0, d, &d))) {
        return false;
    }
    return ratio_multiply(a, (struct ratio){.n = n, .d = d}, out);
}

bool ratio_rest(struct ratio a, struct ratio b, struct ratio *out)
{
    struct ratio times;
    if (!ratio_divide(a, b, &times)) {
        return false;
    }
    times = (struct ratio){.n = times.n / times.d, .d = 1}; // towards zero
    return ratio_multiply(times, b, &times) && ratio_subtract(a, times, out);
}

bool ratio_compare(struct ratio a, struct ratio b, int *out)
{
    struct ratio difference;
    if (!ratio_subtract(a, b, &difference)) {
        return false;
    }
    *out = (difference.n > 0) - (difference.n < 0);
    return true;
}

static __int128 floor_of(__int128 n, __int128 d)
{
    const __int128 q = n / d;
    return n % d < 0 ? q - 1 : q;
}

bool ratio_round(struct ratio a, enum ratio_round how, int64_t *out)
{
    ensure(a.d > 0);
    const __int128 below = floor_of(a.n, a.d);
    const __int128 rest = a.n - below * a.d; // 0 ≤ rest < d
    const bool is_up = how == RATIO_UP ? rest > 0 : how == RATIO_HALF_UP && rest >= a.d - rest;
    const __int128 whole = below + is_up;
    if (whole > INT64_MAX || whole < INT64_MIN) {
        return false;
    }
    *out = (int64_t)whole;
    return true;
}
