/* The files that travel in the binary: migrations, presets, the program's schema, the API's
 * description.
 *
 * Owns:    nothing; the bytes are part of the program.
 * Threads: any thread.
 * Memory:  static.
 * Errors:  an unknown name gives an empty str.
 * Limits:  -
 */
#ifndef LOYALD_ASSETS_H
#define LOYALD_ASSETS_H

#include "base/str.h"

/* The content of a file by its path in the source tree, e.g. "presets/retail.json". */
struct str asset_find(struct str name);

/* The index-th path in ascending order, or NULL after the last. */
const char *asset_name(size_t index);

#endif
