/* Checked arithmetic. */
#include "base/base.h"
#include "base/num.h"

typedef __int128
    wide; // products of two 64-bit numbers; the only typedef, since ISO C has no name for it

int64_t div_floor(int64_t n, int64_t d)
{
    ensure(d > 0);
    const int64_t q = n / d;
    return n % d < 0 ? q - 1 : q;
}

static bool wide_fits(wide value, int64_t *out)
{
    if (value > INT64_MAX || value < INT64_MIN) {
        return false;
    }
    *out = (int64_t)value;
    return true;
}

bool mul_ratio_down(int64_t n, int64_t by, int64_t over, int64_t *out)
{
    ensure(over > 0);
    const wide product = (wide)n * by;
    wide q = product / over;
    if (product % over < 0) {
        q -= 1;
    }
    return wide_fits(q, out);
}

bool mul_ratio_half_up(int64_t n, int64_t by, int64_t over, int64_t *out)
{
    ensure(over > 0);
    const wide product = (wide)n * by;
    const wide half = product < 0 ? -(wide)over : (wide)over;
    return wide_fits((product * 2 + half) / ((wide)over * 2), out);
}

int64_t power_of_ten(int n)
{
    ensure(n >= 0 && n <= 18);
    int64_t value = 1;
    for (int i = 0; i < n; i++) {
        value *= 10;
    }
    return value;
}

bool decimal_read(struct str s, int scale_max, struct decimal *out)
{
    ensure(scale_max <= DECIMAL_SCALE_MAX);
    const size_t dot = str_find(s, '.', 0);
    const struct str whole = {.p = s.p, .n = dot};
    const struct str part = str_after(s, dot + 1);
    int64_t high = 0;
    if (!str_int64(whole, &high) || (dot < s.n && part.n == 0) || part.n > (size_t)scale_max) {
        return false;
    }
    int64_t low = 0;
    if (part.n > 0 && (part.p[0] == '-' || !str_int64(part, &low))) {
        return false;
    }
    const bool is_negative = s.p[0] == '-';
    int64_t digits = 0;
    if (__builtin_mul_overflow(high, power_of_ten((int)part.n), &digits) ||
        __builtin_add_overflow(digits, is_negative ? -low : low, &digits)) {
        return false;
    }
    *out = (struct decimal){.digits = digits, .scale = (int)part.n};
    return true;
}

bool decimal_rescale(struct decimal d, int scale, int64_t *out)
{
    ensure(scale >= 0 && scale <= DECIMAL_SCALE_MAX);
    if (scale >= d.scale) {
        return !__builtin_mul_overflow(d.digits, power_of_ten(scale - d.scale), out);
    }
    const int64_t over = power_of_ten(d.scale - scale);
    if (d.digits % over != 0) {
        return false;
    }
    *out = d.digits / over;
    return true;
}

void spread(int64_t total, const int64_t *weights, size_t n, int64_t *shares)
{
    ensure(total >= 0);
    ensure(n > 0);
    wide sum = 0;
    for (size_t i = 0; i < n; i++) {
        ensure(weights[i] >= 0);
        sum += weights[i];
    }
    if (sum == 0) {
        memset(shares, 0, n * sizeof *shares);
        shares[0] = total;
        return;
    }
    int64_t given = 0;
    for (size_t i = 0; i < n; i++) {
        shares[i] = (int64_t)((wide)total * weights[i] / sum);
        given += shares[i];
    }
    // What rounding left over, less than n units, goes to the largest remainders, one unit each. A
    // remainder is recomputed rather than stored; taken ones are marked by having grown beyond the
    // quotient.
    for (; given < total; given++) {
        size_t best = n;
        wide best_remainder = -1;
        for (size_t i = 0; i < n; i++) {
            const wide exact = (wide)total * weights[i];
            const bool is_taken = shares[i] > (int64_t)(exact / sum);
            if (!is_taken && exact % sum > best_remainder) {
                best = i;
                best_remainder = exact % sum;
            }
        }
        ensure(best < n);
        shares[best]++;
    }
}
