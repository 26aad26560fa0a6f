/* Payment card numbers (PANs): what must never stand in a name, note, reason or other free text
 * (PCI DSS).
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  none.
 * Errors:  none.
 * Limits:  -
 */
#ifndef LOYALD_PAN_H
#define LOYALD_PAN_H

#include "base/str.h"

enum { PAN_DIGITS_MIN = 13, PAN_DIGITS_MAX = 19 };

/* True for exactly the digits of a payment card: a network's prefix and length, and a valid check
 * digit. */
bool pan_is(struct str digits);

/* True when the text holds such a number, also in groups set apart by blanks, dashes or dots. To be
 * asked about names, notes and reasons only: a tenth of all ordinary ids pass the check digit. */
bool pan_is_in(struct str text);

#endif
