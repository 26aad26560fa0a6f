/* Payment card numbers in text. */
#include "base/base.h"
#include "core/pan.h"

enum { GROUPS_MAX = 64 };

/* Issuer ranges by their first digits, with the lengths that the network uses. */
static const struct {
    int from, to; // first digits, as many as the numbers have
    int digits;
    int min, max;
} NETWORKS[] = {
    {4, 4, 1, 13, 19},                              // Visa: 13, 16, 19
    {51, 55, 2, 16, 16},                            // Mastercard
    {2221, 2720, 4, 16, 16},                        // Mastercard
    {34, 34, 2, 15, 15},                            // American Express
    {37, 37, 2, 15, 15},     {300, 305, 3, 14, 19}, // Diners Club
    {3095, 3095, 4, 14, 19}, {36, 36, 2, 14, 19},
    {38, 39, 2, 14, 19},     {6011, 6011, 4, 16, 19}, // Discover
    {644, 649, 3, 16, 19},   {65, 65, 2, 16, 19},     // Discover, RuPay, Troy
    {3528, 3589, 4, 16, 19},                          // JCB
    {62, 62, 2, 16, 19},                              // UnionPay
    {81, 82, 2, 16, 19},                              // UnionPay, RuPay
    {50, 50, 2, 13, 19},                              // Maestro, Verve, Elo
    {56, 58, 2, 13, 19},                              // Maestro
    {60, 61, 2, 13, 19},                              // Maestro, RuPay
    {63, 63, 2, 13, 19},                              // Maestro
    {66, 69, 2, 13, 19},                              // Maestro
    {2200, 2204, 4, 16, 19},                          // Mir
    {9792, 9792, 4, 16, 16},                          // Troy
};

static bool has_check_digit(struct str digits)
{
    int sum = 0;
    for (size_t i = 0; i < digits.n; i++) {
        const int digit = digits.p[digits.n - 1 - i] - '0';
        const int doubled = i % 2 == 0 ? digit : digit * 2;
        sum += doubled > 9 ? doubled - 9 : doubled;
    }
    return sum % 10 == 0;
}

static bool has_network(struct str digits)
{
    const int n = (int)digits.n;
    for (size_t i = 0; i < ARRAY_N(NETWORKS); i++) {
        int prefix = 0;
        for (int k = 0; k < NETWORKS[i].digits; k++) {
            prefix = prefix * 10 + (digits.p[k] - '0');
        }
        const bool is_visa = NETWORKS[i].from == 4;
        if (prefix >= NETWORKS[i].from && prefix <= NETWORKS[i].to && n >= NETWORKS[i].min &&
            n <= NETWORKS[i].max && (!is_visa || n == 13 || n == 16 || n == 19)) {
            return true;
        }
    }
    return false;
}

bool pan_is(struct str digits)
{
    if (digits.n < PAN_DIGITS_MIN || digits.n > PAN_DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9') {
            return false;
        }
    }
    return has_network(digits) && has_check_digit(digits);
}

/* Bytes of one separator at p that may stand between groups of a card number, or 0. */
static size_t separator(struct str text, size_t at)
{
    static const char *const MARKS[] = {" ",
                                        "-",
                                        ".",
                                        "\t",
                                        "\xc2\xa0",
                                        "\xe2\x80\x90",
                                        "\xe2\x80\x91",
                                        "\xe2\x80\x93",
                                        "\xe2\x80\xaf",
                                        "\xe2\x80\x89"};
    for (size_t i = 0; i < ARRAY_N(MARKS); i++) {
        if (str_starts(str_after(text, at), str_c(MARKS[i]))) {
            return strlen(MARKS[i]);
        }
    }
    return 0;
}

/* Digits in groups, one separator between two groups. */
struct run {
    char digits[GROUPS_MAX * PAN_DIGITS_MAX];
    size_t ends[GROUPS_MAX]; // of each group in `digits`
    size_t groups_n;
};

/* Any row of neighbouring groups may be a card number: "order 12 4111 1111 1111 1111". */
static bool run_holds(const struct run *run)
{
    for (size_t first = 0; first < run->groups_n; first++) {
        const size_t from = first == 0 ? 0 : run->ends[first - 1];
        for (size_t last = first; last < run->groups_n; last++) {
            if (pan_is((struct str){.p = run->digits + from, .n = run->ends[last] - from})) {
                return true;
            }
        }
    }
    return false;
}

/* Reads one group at *at; false when it is longer than any card number, which ends the run. */
static bool group_read(struct str text, size_t *at, struct run *run)
{
    const size_t from = *at;
    while (*at < text.n && text.p[*at] >= '0' && text.p[*at] <= '9') {
        (*at)++;
    }
    const size_t n = *at - from;
    if (n == 0 || n > PAN_DIGITS_MAX || run->groups_n == GROUPS_MAX) {
        return false;
    }
    const size_t end = run->groups_n == 0 ? 0 : run->ends[run->groups_n - 1];
    memcpy(run->digits + end, text.p + from, n);
    run->ends[run->groups_n++] = end + n;
    return true;
}

bool pan_is_in(struct str text)
{
    size_t at = 0;
    while (at < text.n) {
        struct run run = {.groups_n = 0};
        const size_t from = at;
        while (group_read(text, &at, &run)) {
            at += separator(text, at);
        }
        if (run_holds(&run)) {
            return true;
        }
        at = at == from ? at + 1 : at; // no digit here
    }
    return false;
}
