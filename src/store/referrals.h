/* Referral codes, what tells that two members are one person, and the lists of advocates.
 *
 * Owns:    nothing.
 * Threads: that of the store.
 * Memory:  the arena given.
 * Errors:  those of the store.
 * Limits:  LIKENESSES_MAX per profile, LIKENESSES_READ_MAX of one member over time,
 * REFERRAL_CHAIN_MAX members above one.
 */
#ifndef LOYALD_STORE_REFERRALS_H
#define LOYALD_STORE_REFERRALS_H

#include "store/members.h"

enum { LIKENESSES_READ_MAX = 1000, REFERRAL_CHAIN_MAX = 16 };

/* What a profile has that another one of the same person would have too: the e-mail without tags
 * (and without dots where its domain ignores them), phone, card, and the attributes "address",
 * "device" and "payment_token". Values that have no normal form are left out. */
size_t likeness_make(struct arena *arena, const struct vault *vault,
                     const struct member_profile *profile, struct likeness out[LIKENESSES_MAX]);
bool likeness_meets(const struct likeness *a, size_t a_n, const struct likeness *b, size_t b_n);

/* What was ever noted of a member; where nothing was, what their profile says now. */
enum err store_likeness_read(struct store *store, struct arena *arena, int64_t member,
                             struct likeness **out, size_t *n) MUST_USE;

/* Adds what a changed profile says, in a transaction of the caller's. */
enum err store_likeness_add(struct store *store, struct arena *arena, int64_t member,
                            const struct member_profile *profile) MUST_USE;

/* Advocates by hashes of codes: members[i] is 0 where there is none. */
enum err store_advocates_find(struct store *store, struct arena *arena,
                              const unsigned char (*hashes)[VAULT_HASH_BYTES], size_t n,
                              int64_t *members) MUST_USE;

/* A member's code, opened; empty where there is none yet. */
enum err store_referral_code_read(struct store *store, struct arena *arena,
                                  const struct member_facts *member, struct str *code) MUST_USE;

/* Opens what the row of a member's code holds. */
enum err store_referral_code_open(struct arena *arena, const struct vault_key *key, int64_t member,
                                  struct str sealed, struct str *code) MUST_USE;

/* The same; one is drawn where there is none, in a transaction of the caller's. */
enum err store_referral_code_make(struct store *store, struct arena *arena,
                                  const struct member_facts *member, struct str *code) MUST_USE;

/* Naming has one writer at a time from here to the end of the transaction; members are locked
 * before. */
enum err store_referrals_lock(struct store *store, struct arena *arena) MUST_USE;

/* Who has brought a member, 0: nobody. */
enum err store_advocate_of(struct store *store, struct arena *arena, int64_t member,
                           int64_t *advocate) MUST_USE;

/* Lines of one advocate's list, of everybody's (member 0); newest first, those before an id
 * (INT64_MAX: from the start). */
struct referral_line {
    int64_t advocate;
    struct referral_note note;
};
enum err store_referrals_list(struct store *store, struct arena *arena, int64_t member,
                              int64_t before, size_t n, struct referral_line **out,
                              size_t *out_n) MUST_USE;

/* The same of all in the order of their ids, after one: for the self-check. */
enum err store_referrals_after(struct store *store, struct arena *arena, int64_t after, size_t n,
                               struct referral_line **out, size_t *out_n) MUST_USE;

/* Writes what a batch has enrolled and noted. */
enum err store_referrals_apply(struct store *store, struct arena *arena,
                               const struct batch_effects *effects) MUST_USE;

/* A forgotten member's code and likenesses go; in lists of others their id stays, which is nobody's
 * any more. */
enum err store_referrals_forget(struct store *store, struct arena *arena, int64_t member) MUST_USE;

#endif
