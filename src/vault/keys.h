/* The key store: one key per member (and per held event), wrapped by the master key, in a database
 * of its own. Destroying a row here forgets a person in the books and in every copy of them.
 *
 * Owns:    a connection to the key store.
 * Threads: one thread at a time per struct vault_keys: the lane opens one to write, each reader
 *          thread its own.
 * Memory:  an arena of its own, reset at every call. Keys are copied to the caller, who wipes them;
 *          those that are remembered are wiped here.
 * Errors:  those of db.h; ERR_INTEGRITY when a stored key does not unwrap.
 * Limits:  VAULT_KEYS_BATCH_MAX owners per call, VAULT_ERASE_MAX when erasing.
 */
#ifndef LOYALD_VAULT_KEYS_H
#define LOYALD_VAULT_KEYS_H

#include "vault/vault.h"

enum { VAULT_KEYS_BATCH_MAX = 16384, VAULT_ERASE_MAX = 256, VAULT_KEYS_RECENT_MAX = 1024 * 1024 };

struct vault_keys;

/* role: DB_MAINTAINER for the lane and the command line, DB_READER for readers. The vault outlives
 * it. */
enum err vault_keys_open(const struct vault *vault, enum db_role role, struct fail *f,
                         struct vault_keys **out) MUST_USE;
void vault_keys_close(struct vault_keys *keys);

/* From now on vault_keys_load() keeps the keys of up to VAULT_KEYS_RECENT_MAX owners in memory and
 * reads them no more, until they are erased or deleted here or any other connection changes the key
 * store. Does nothing on PostgreSQL. */
void vault_keys_remember(struct vault_keys *keys);

/* Makes keys for new owners in one transaction of the key store; durable when it returns, so call
 * it before the transaction that inserts the members. An owner who has a key keeps it. out: one for
 * each id, in order. */
enum err vault_keys_create(struct vault_keys *keys, const int64_t *owner_ids, size_t n,
                           int64_t now_ms, struct vault_key *out) MUST_USE;

/* Loads the keys of a batch by one query. An owner without a key gets version 0. Ids may repeat. */
enum err vault_keys_load(struct vault_keys *keys, const int64_t *owner_ids, size_t n,
                         struct vault_key *out) MUST_USE;

/* Forgets: a line for each in the table of erasures and in erasures.log (synced), the keys deleted,
 * committed, and the bytes gone from the files. *is_final tells whether they are: on SQLite the
 * files are searched, and rebuilt where a trace is found; it is false while another connection
 * keeps the WAL busy (call vault_keys_settle() later). On PostgreSQL it is always false: traces go
 * with VACUUM FULL and with the server's recycling of its WAL. Ids without a key get their line all
 * the same. Not to be called inside a transaction. */
enum err vault_keys_erase(struct vault_keys *keys, const int64_t *owner_ids, size_t n,
                          int64_t now_ms, bool *is_final) MUST_USE;

/* Rebuilds the file (SQLite: VACUUM and an empty WAL; PostgreSQL: VACUUM FULL of the table), so
 * that no deleted key has left a trace in it. Takes about a second per million keys and keeps
 * writers waiting. */
enum err vault_keys_settle(struct vault_keys *keys, bool *is_final) MUST_USE;

/* Deletes keys without a line: of held events that were never claimed, and of members never
 * written. */
enum err vault_keys_delete(struct vault_keys *keys, const int64_t *owner_ids, size_t n) MUST_USE;

/* Owners above `after` whose key is older than `before`, ascending, at most max: candidates for
 * deleting when the books know no such member. */
enum err vault_keys_list_old(struct vault_keys *keys, int64_t after, int64_t before,
                             int64_t *owner_ids, size_t max, size_t *n) MUST_USE;

/* One line of the erasures. */
struct vault_erasure {
    int64_t owner_id;
    int64_t erased_at;
};

/* Erasures of owners above `after`, ascending, at most max: what a restore replays. */
enum err vault_erasures_list(struct vault_keys *keys, int64_t after, struct vault_erasure *list,
                             size_t max, size_t *n) MUST_USE;

/* Erases whom erasures.log names and the table of erasures does not: a restored backup of the key
 * store knows them still. ERR_INTEGRITY: the file has a line that loyald did not write. */
enum err vault_erasures_replay(struct vault_keys *keys, struct fail *f,
                               size_t *replayed_n) MUST_USE;

/* Which of these owners were forgotten; at most VAULT_KEYS_BATCH_MAX. */
enum err vault_erasures_find(struct vault_keys *keys, const int64_t *owner_ids, size_t n,
                             bool *is_erased) MUST_USE;

/* Reads one line of erasures.log, "v1 OWNER INSTANT" without the line's end. */
MUST_USE bool vault_erasure_read(struct str line, struct vault_erasure *out);

#endif
