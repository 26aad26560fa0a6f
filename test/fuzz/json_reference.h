/* What jansson makes of a JSON text when it is as strict as base/json.h: the reference of
 * fuzz_json. It lives in a file of its own, for some of its names are ours too. */
#ifndef LOYALD_JSON_REFERENCE_H
#define LOYALD_JSON_REFERENCE_H

#include "base/buf.h"

/* Appends jansson's text of the value; false where it is refused. */
bool json_reference_read(struct str text, struct buf *out);

#endif
