/* What keys.c and erase.c share.
 *
 * Owns:    see keys.h.
 * Threads: see keys.h.
 * Memory:  see keys.h.
 * Errors:  see keys.h.
 * Limits:  see keys.h.
 */
#ifndef LOYALD_VAULT_KEYS_INTERNAL_H
#define LOYALD_VAULT_KEYS_INTERNAL_H

#include "vault/keys.h"

#include "base/recent.h"
#include "vault/vault_internal.h"

#include "key_queries.h"

struct vault_keys {
    struct arena own;     // holds this very struct
    struct arena scratch; // of one call
    const struct vault *vault;
    struct db *db;
    bool remembers;
    struct recent recent; // keys by owner
};

/* Forgets what was remembered of these owners: before their keys are deleted. */
void keys_forget(struct vault_keys *keys, const int64_t *owner_ids, size_t n);

/* Runs `write` inside a transaction of the key store. */
enum err keys_transaction(struct vault_keys *keys,
                          enum err (*write)(struct vault_keys *keys, void *context),
                          void *context) MUST_USE;

/* Ids as rows of one parameter, in the scratch arena. */
struct db_value *keys_id_rows(struct vault_keys *keys, const int64_t *owner_ids, size_t n);

/* Appends a line for each owner to erasures.log and syncs it; ERR_DISK_FULL and ERR_IO leave the
 * file as it was. */
enum err erasure_log_append(const char *path, struct arena *arena, const int64_t *owner_ids,
                            size_t n, int64_t now_ms) MUST_USE;

#endif
