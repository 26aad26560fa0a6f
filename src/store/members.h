/* Members one by one: reading, listing, finding, changing, forgetting.
 *
 * Owns:    nothing.
 * Threads: that of the store.
 * Memory:  the arena given.
 * Errors:  ERR_NOT_FOUND for a member that was never enrolled; ERR_INTEGRITY where stored bytes do
 *          not open.
 * Limits:  MEMBERS_PAGE_MAX per page, MEMBER_WORDS_MAX words in a search.
 */
#ifndef LOYALD_STORE_MEMBERS_H
#define LOYALD_STORE_MEMBERS_H

#include "core/profile.h"
#include "store/store.h"

enum { MEMBERS_PAGE_MAX = 1000, MEMBER_WORDS_MAX = 4 };

/* Numbers are stored. */
enum member_status { MEMBER_ERASED = 0, MEMBER_ACTIVE = 1, MEMBER_SUSPENDED = 2 };
const char *member_status_text(enum member_status status);

struct member_row {
    int64_t id;
    int64_t enrolled_at;
    int64_t revision;
    enum member_status status;
    struct member_profile profile; // of an erased member: nothing
};

/* One member, forgotten ones too. ERR_NOT_FOUND. */
enum err store_member_read(struct store *store, struct arena *arena, int64_t member,
                           struct member_row *out) MUST_USE;

/* Several, in the order of the ids; those that are not there have id 0. */
enum err store_members_read(struct store *store, struct arena *arena, const int64_t *members,
                            size_t n, struct member_row *out) MUST_USE;

/* The member's key; version 0 when it is gone. */
enum err store_member_key(struct store *store, int64_t member, struct vault_key *out) MUST_USE;

/* Those of many, who may repeat. */
enum err store_member_keys(struct store *store, const int64_t *members, size_t n,
                           struct vault_key *out) MUST_USE;

/* Newest first, those before an id (INT64_MAX: from the start), at most limit; forgotten members
 * are listed too. */
enum err store_members_list(struct store *store, struct arena *arena, int64_t before, size_t limit,
                            struct member_row **out, size_t *n) MUST_USE;

/* The same for a search: an exact identifier ("ext:…", "mbr_…", or the value alone), else whole
 * words of the name, all of them, at most MEMBER_WORDS_MAX (ERR_INVALID). */
enum err store_members_search(struct store *store, struct arena *arena, struct str query,
                              int64_t before, size_t limit, struct fail *f, struct member_row **out,
                              size_t *n) MUST_USE;

/* What an enrolment needs from a profile that profile_read() and profile_check() have accepted.
 * `program` is the one in force. ERR_INVALID for an identifier without a normal form. member, facts
 * and enrolled_at are left alone. */
enum err store_enrolment_make(struct store *store, struct arena *arena,
                              const struct program *program, const struct member_profile *profile,
                              struct fail *f, struct enrolment *out) MUST_USE;

/* Writes a changed profile in the running transaction, with identifiers and words of the name.
 * `revision` is the one the change was made from: ERR_PRECONDITION when it is no longer that (0:
 * whatever is there). ERR_IDENTIFIER_TAKEN with the field's pointer. ERR_NOT_FOUND for a forgotten
 * member. */
enum err store_member_update(struct store *store, struct arena *arena,
                             const struct program *program, int64_t member, int64_t revision,
                             const struct member_profile *profile, struct fail *f) MUST_USE;

/* What a member with this profile is found by; a profile that store_member_update() has taken. */
enum err store_member_identifiers(struct store *store, struct arena *arena,
                                  const struct member_profile *profile,
                                  const struct identifier **out, size_t *n) MUST_USE;

/* Notes in the member's row that they are suspended, or active again; the state's flag is the
 * engine's. ERR_NOT_FOUND for a forgotten member. */
enum err store_member_status_set(struct store *store, struct arena *arena, int64_t member,
                                 enum member_status status) MUST_USE;

/* Forgets a member in the running transaction, in this order (security.md 3): their line among the
 * erasures and the end of their keys (durable at once, whatever becomes of the transaction), then
 * identifiers, words, clear profile, timers, held events, and the row's mark. Harmless to repeat,
 * and to be repeated when the commit fails. *is_final as in vault_keys_erase(). ERR_NOT_FOUND. */
enum err store_member_erase(struct store *store, struct arena *arena, int64_t member, int64_t now,
                            bool *is_final) MUST_USE;

/* Forgets in the books whoever the key store has forgotten already: after a crash between the two,
 * and after a restore, of the books or of the key store (erasures.log is replayed first). `forget`
 * does it for one member and calls store_member_erase(). Begins and commits by itself; to be called
 * before anything else is done with the books. *forgotten_n is how many members were not marked
 * yet. */
enum err store_erasures_finish(struct store *store,
                               enum err (*forget)(struct store *store, struct arena *arena,
                                                  int64_t member, int64_t erased_at),
                               struct fail *f, size_t *forgotten_n) MUST_USE;

#endif
