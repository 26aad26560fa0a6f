/* The audit log: what staff, keys and the command line do to members and configuration.
 * docs/audit.md has every byte.
 *
 * Owns:    nothing.
 * Threads: that of the store.
 * Memory:  the arena given.
 * Errors:  ERR_INTEGRITY where a row is not one of ours; the others are the database's.
 * Limits:  AUDIT_TEXT_BYTES_MAX bytes in actor, action and object; AUDIT_PAGE_MAX rows a page.
 */
#ifndef LOYALD_STORE_AUDIT_H
#define LOYALD_STORE_AUDIT_H

#include "store/store.h"
#include "vault/sign.h"

enum {
    AUDIT_TEXT_BYTES_MAX = 200,
    AUDIT_PAGE_MAX = 1000,
    AUDIT_HASH_BYTES = 32,
    AUDIT_CHECKPOINTS_MAX = 10000
};

/* One thing that was done. No personal data but in before and after, of which only commitments are
 * kept. */
struct audit_entry {
    struct str actor;  // "key_…", "stf_…", "cli"
    struct str action; // "member.patch", "program.publish", …
    struct str object; // "mbr_…", "key_…", "program/3", …
    struct str before; // JSON text, empty: there was nothing
    struct str after;
    int64_t member; // whose key the commitments are made with; 0: the instance's
    const struct vault_key
        *key; // that member's key (version 0: the commitments say nothing); NULL with member 0
    int64_t at;
};

/* Adds an entry in the running transaction. Call it last: the head row is locked until the commit,
 * so that seq has no gaps and everyone who writes audited changes queues here (security.md 3). */
enum err store_audit_write(struct store *store, struct arena *arena,
                           const struct audit_entry *entry) MUST_USE;

struct audit_row {
    int64_t seq;
    int64_t at;
    struct str actor, action, object;
    bool has_before, has_after;
    unsigned char before[VAULT_COMMITMENT_BYTES];
    unsigned char after[VAULT_COMMITMENT_BYTES];
    unsigned char hash[AUDIT_HASH_BYTES];
};

/* Newest first, those before a seq (INT64_MAX: from the end); or oldest first, those after a seq.
 */
enum err store_audit_list(struct store *store, struct arena *arena, int64_t before, size_t limit,
                          struct audit_row **out, size_t *n) MUST_USE;
enum err store_audit_list_after(struct store *store, struct arena *arena, int64_t after,
                                size_t limit, struct audit_row **out, size_t *n) MUST_USE;

/* The hash of a row from that of the row before it (32 zero bytes for the first). */
void audit_hash(const struct audit_row *row, const unsigned char before[AUDIT_HASH_BYTES],
                unsigned char out[AUDIT_HASH_BYTES]);

/* Whether a text is what an entry was made from: for showing that a record kept elsewhere is the
 * one of then. */
MUST_USE bool audit_commits_to(const struct vault *vault, const struct vault_key *key,
                               int64_t member, bool is_after, struct str text,
                               const unsigned char commitment[VAULT_COMMITMENT_BYTES]);

/* ---- checkpoints: the witness to be kept off the host ---- */

struct audit_checkpoint {
    struct str instance;
    int64_t size; // entries
    unsigned char head[AUDIT_HASH_BYTES];
    int64_t at;
    unsigned char public_key[VAULT_PUBLIC_BYTES];
    unsigned char signature[VAULT_SIGNATURE_BYTES];
};

/* Signs what the log is now. */
enum err store_audit_checkpoint(struct store *store, struct arena *arena, int64_t now,
                                struct audit_checkpoint *out) MUST_USE;

/* One line of JSON, and back. ERR_INVALID with what is wrong; the signature is not checked here. */
void audit_checkpoint_write(struct buf *out, const struct audit_checkpoint *checkpoint);
enum err audit_checkpoint_read(struct arena *arena, struct str line, struct fail *f,
                               struct audit_checkpoint *out) MUST_USE;

/* ---- verifying ---- */

/* Told of every fault: seq of the entry concerned (0: the log as a whole). */
struct audit_listener {
    void *self;
    void (*fault)(void *self, int64_t seq, const char *text);
};

/* Checks seq, hashes and head, and that each of the checkpoints is this instance's and still a
 * prefix. Reads in slices, none longer than AUDIT_PAGE_MAX rows; new entries may be added
 * meanwhile. Faults go to the listener, an error means that it could not be checked. *entries is
 * how many there were. */
enum err store_audit_verify(struct store *store, const struct audit_checkpoint *checkpoints,
                            size_t checkpoints_n, const struct audit_listener *listener,
                            int64_t *entries) MUST_USE;

#endif
