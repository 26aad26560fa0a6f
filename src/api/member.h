/* What the resources of a member share. Private to api/.
 *
 * Owns:    nothing.
 * Threads: that of the store.
 * Memory:  the call's arena.
 * Errors:  ERR_NOT_FOUND with the reason in call->fail; the others are the store's.
 * Limits:  those of the store.
 */
#ifndef LOYALD_API_MEMBER_H
#define LOYALD_API_MEMBER_H

#include "api/handlers.h"
#include "store/audit.h"
#include "store/members.h"

/* The member that a path's part names; from then on the call is about them. */
enum err member_find(struct api_call *call, struct store *store, struct str text,
                     int64_t *out) MUST_USE;

/* The member's state with all lots and counters, and their key. */
enum err member_facts_read(struct api_call *call, struct store *store, int64_t member,
                           struct member_facts *out) MUST_USE;

/* The same with their clear profile: for what depends on segments. */
enum err member_eligibility_read(struct api_call *call, struct store *store, int64_t member,
                                 struct member_facts *out) MUST_USE;

/* Balances and tiers as they are now. */
enum err member_answer_read(struct api_call *call, struct store *store, int64_t member, int64_t now,
                            struct answer *out) MUST_USE;

/* The fields of a member that a list shows, into an open object. Their referral code may be empty.
 */
void member_row_write(struct json_out *w, const struct member_row *row, struct str referral_code);

/* What a member has, into an open object. */
void member_account_write(struct json_out *w, const struct store *store,
                          const struct answer *answer, bool has_auto_rewards);

/* What is shown of a member. */
struct member_view {
    struct member_row row;
    struct str code; // for referrals
    struct answer answer;
    bool has_auto_rewards;
};
enum err member_read(struct api_call *call, struct store *store, int64_t member, int64_t now,
                     struct member_view *out) MUST_USE;
void member_view_write(struct json_out *w, const struct store *store,
                       const struct member_view *view); // into an open object

/* A member whole. */
enum err member_write(struct api_call *call, struct store *store, int64_t member, int64_t now,
                      struct json_out *w) MUST_USE;

/* "mbr_…". */
struct str member_id_text(struct arena *arena, int64_t member);

/* An entry in the audit log about a member. Call it last in a transaction. */
enum err member_audit(struct api_call *call, struct store *store, struct arena *arena,
                      const char *action, int64_t member, struct str before,
                      struct str after) MUST_USE;

/* Refuses any field in the body of a write that takes none; no body is fine too. */
enum err member_no_fields(struct api_call *call) MUST_USE;

/* A line of the member's timeline, in the transaction of the change itself: `what` it was (decide.c
 * knows those that change the state); `profile`, where it is another one now. */
enum err member_book_change(struct api_call *call, struct store *store, struct arena *arena,
                            int64_t member, const char *what,
                            const struct member_profile *profile) MUST_USE;

/* The same in two steps, for who wants more than the line: the event, ready to be booked; booking
 * it. */
void member_change_open(struct api_call *call, struct store *store, struct arena *arena,
                        int64_t member, const char *what, struct submission *out);
enum err member_change_book(struct api_call *call, struct store *store, struct arena *arena,
                            struct submission *submission) MUST_USE;

/* A random id for an event that the caller gave none. */
struct str api_event_id(struct api_call *call);

/* An event made by this call: source "api/KEY_ID", the Idempotency-Key (or a random id) as id.
 * member 0: none. */
void api_event_open(struct api_call *call, struct submission *s, enum event_kind kind,
                    int64_t member);

/* The error as the caller of a write knows it: for them an event's key is their Idempotency-Key. */
enum err api_event_error(enum err err);

#endif
