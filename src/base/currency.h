/* Currencies: how many decimals of ISO 4217 make the minor unit.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  none.
 * Errors:  none.
 * Limits:  currencies that ISO 4217 lists with other than two decimals are listed here; every other
 * one has two.
 */
#ifndef LOYALD_CURRENCY_H
#define LOYALD_CURRENCY_H

#include "base/str.h"

/* Decimals of an amount in a currency of three capitals: 2 for EUR, 0 for JPY, 3 for KWD. */
int currency_decimals(struct str currency);

#endif
