/* Currencies and their decimals, as ISO 4217 lists them. */
#include "base/base.h"
#include "base/currency.h"

enum { DECIMALS_MOST = 2 }; // of nearly all

static const struct {
    int decimals;
    const char *currencies;
} LISTED[] = {
    {DECIMALS_MOST,
     "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD "
     "CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS "
     "GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD "
     "LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB "
     "PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP "
     "SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW "
     "ZWG"},
    {DECIMALS_MOST,
     "ANG BGN CUC HRK SLL ZWL"}, // withdrawn since 2020: programs may still run in them
    {0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"},
    {3, "BHD IQD JOD KWD LYD OMR TND"},
    {4, "CLF UYW"},
};

/* The decimals of what is listed, else -1. */
static int listed_decimals(struct str currency)
{
    for (size_t i = 0; i < ARRAY_N(LISTED) && currency.n == 3; i++) {
        const char *list = LISTED[i].currencies;
        for (size_t at = 0; at < strlen(list); at += 4) {
            if (memcmp(list + at, currency.p, 3) == 0) {
                return LISTED[i].decimals;
            }
        }
    }
    return -1;
}

bool currency_is_known(struct str currency)
{
    return listed_decimals(currency) >= 0;
}

int currency_decimals(struct str currency)
{
    const int decimals = listed_decimals(currency);
    return decimals >= 0 ? decimals : DECIMALS_MOST;
}
