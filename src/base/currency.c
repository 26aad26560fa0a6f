/* Decimals of currencies, as ISO 4217 lists them. */
#include "base/base.h"
#include "base/currency.h"

int currency_decimals(struct str currency)
{
    static const struct {
        int decimals;
        const char *currencies;
    } OTHERS[] = {
        {0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"},
        {3, "BHD IQD JOD KWD LYD OMR TND"},
        {4, "CLF UYW"},
    };
    for (size_t i = 0; i < ARRAY_N(OTHERS) && currency.n == 3; i++) {
        const char *list = OTHERS[i].currencies;
        for (size_t at = 0; at < strlen(list); at += 4) {
            if (memcmp(list + at, currency.p, 3) == 0) {
                return OTHERS[i].decimals;
            }
        }
    }
    return 2;
}
