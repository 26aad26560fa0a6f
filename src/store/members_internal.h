/* What the files about members share. Private to store/.
 *
 * Owns:    see members.h.
 * Threads: see members.h.
 * Memory:  see members.h.
 * Errors:  see members.h.
 * Limits:  see members.h.
 */
#ifndef LOYALD_STORE_MEMBERS_INTERNAL_H
#define LOYALD_STORE_MEMBERS_INTERNAL_H

#include "store/members.h"
#include "store/store_internal.h"

#include "base/map.h"

enum { MEMBER_IDENTIFIERS_MAX = 4 };

/* Opens a sealed profile: ERR_NOT_FOUND without a key, ERR_INTEGRITY when it does not open or does
 * not read. */
enum err member_profile_unseal(struct arena *arena, const struct vault_key *key, int64_t member,
                               struct str sealed, struct member_profile *out) MUST_USE;

/* Blind indexes of everything a member is found by. */
struct member_index {
    struct identifier identifiers[MEMBER_IDENTIFIERS_MAX];
    size_t identifiers_n;
    struct str words[ARRAY_N(((struct enrolment *)0)->name_words)];
    size_t words_n;
};
enum err member_index_make(struct arena *arena, const struct vault *vault,
                           const struct member_profile *profile, struct fail *f,
                           struct member_index *out) MUST_USE;

#endif
