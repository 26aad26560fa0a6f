/* Currencies: which there are in ISO 4217, and how many decimals make the minor unit.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  none.
 * Errors:  none.
 * Limits:  codes without a minor unit are not listed: nothing is paid in them (XXX, XTS, metals,
 * special drawing rights).
 */
#ifndef LOYALD_CURRENCY_H
#define LOYALD_CURRENCY_H

#include "base/str.h"

/* Whether it is a code of ISO 4217 that amounts are in, in capitals: EUR is, ZZZ is not. */
bool currency_is_known(struct str currency);

/* Decimals of an amount in a currency: 2 for EUR, 0 for JPY, 3 for KWD; 2 for what is not known. */
int currency_decimals(struct str currency);

#endif
