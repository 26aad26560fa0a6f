/* Codes: drawing, reading, checking. */
#include "base/base.h"
#include "vault/code.h"

enum { CODE_RANDOM_BYTES = 10, CODE_DIGITS = 16, CODE_GROUP = 4, CHECK_MODULUS = 37 };

/* Crockford's base32, and the symbols that only a check character may be
 * (https://www.crockford.com/base32.html). */
static const char SYMBOLS[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U";
_Static_assert(sizeof SYMBOLS - 1 == CHECK_MODULUS, "one symbol per remainder");

static int symbol_of(char c)
{
    for (int i = 0; i < CHECK_MODULUS; i++) {
        if (SYMBOLS[i] == c) {
            return i;
        }
    }
    return -1;
}

/* The number that the digits write, modulo 37. */
static char check_of(struct str digits)
{
    int rest = 0;
    for (size_t i = 0; i < digits.n; i++) {
        rest = (rest * 32 + symbol_of(digits.p[i])) % CHECK_MODULUS;
    }
    return SYMBOLS[rest];
}

static void draw_digits(char digits[CODE_DIGITS])
{
    unsigned char random[CODE_RANDOM_BYTES];
    uint32_t bits = 0;
    int bits_n = 0;
    size_t at = 0;
    vault_random(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++) {
        bits = bits << 8 | random[i];
        for (bits_n += 8; bits_n >= 5; bits_n -= 5) {
            digits[at++] = SYMBOLS[bits >> (bits_n - 5) & 31];
        }
    }
    ensure(at == CODE_DIGITS);
    vault_wipe(random, sizeof random);
}

struct str code_draw(struct arena *arena)
{
    char digits[CODE_DIGITS];
    char check = 0;
    do { // a check character that is no letter and no digit is awkward to say and to type
        draw_digits(digits);
        check = check_of((struct str){.p = digits, .n = CODE_DIGITS});
    } while (symbol_of(check) >= 32 && check != 'U');
    char *text = arena_bytes(arena, CODE_TEXT_BYTES + 1);
    size_t at = 0;
    for (size_t i = 0; i < CODE_DIGITS; i++) {
        if (i > 0 && i % CODE_GROUP == 0) {
            text[at++] = '-';
        }
        text[at++] = digits[i];
    }
    text[at++] = check;
    ensure(at == CODE_TEXT_BYTES);
    return (struct str){.p = text, .n = CODE_TEXT_BYTES};
}

struct str code_normal(struct arena *arena, struct str text)
{
    char *out = arena_bytes(arena, text.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        const char c = text.p[i];
        const char upper = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        if (upper == '-' || upper == ' ') {
            continue;
        }
        out[n++] = upper == 'O' ? '0' : upper == 'I' || upper == 'L' ? '1' : upper;
    }
    return (struct str){.p = out, .n = n};
}

bool code_is_plausible(struct str normal)
{
    if (normal.n != CODE_DIGITS + 1) {
        return true;
    }
    for (size_t i = 0; i < CODE_DIGITS; i++) {
        const int symbol = symbol_of(normal.p[i]);
        if (symbol < 0 || symbol >= 32) {
            return true; // somebody else's
        }
    }
    return normal.p[CODE_DIGITS] == check_of((struct str){.p = normal.p, .n = CODE_DIGITS});
}

void code_hash(struct arena *arena, const struct vault *vault, struct str text,
               unsigned char out[VAULT_HASH_BYTES])
{
    vault_blind(vault, VAULT_CODE, code_normal(arena, text), out);
}
