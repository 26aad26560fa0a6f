/* What the files of the batch share. Private to engine/batch*.c. */
#ifndef LOYALD_BATCH_INTERNAL_H
#define LOYALD_BATCH_INTERNAL_H

#include "engine/batch.h"

#include "base/map.h"

/* The work of one batch. */
/* How often a decision may ask for more; a refund asks for what each review of the purchase has
 * given, and for its rewards. */
enum { NEEDS_ROUNDS_MAX = 8 + 2 * REVIEWS_PER_PURCHASE_MAX };

/* Due things in one batch: its memory is one arena. Members for whom nothing else is asked wait for
 * the next batch beyond. */
enum { TIMERS_PER_BATCH_MAX = 8192 };

struct batch {
    struct store *store;
    struct arena *arena;
    enum batch_mode mode; // BATCH_APPLY_NEW is BATCH_APPLY with
    bool supposes_new;
    bool *is_supposed; // by submission: new, and not looked up
    struct submission **list;
    size_t n;
    int64_t now; // booking instant
    int64_t epoch;
    const struct program *program_now;
    struct map members;         // id -> struct member_facts
    struct map identifiers;     // blind index -> struct member_facts, of this batch's enrolments
    struct map known;           // natural key -> struct known_event
    struct map issued;          // reward id -> struct issued, loaded or changed
    struct map codes;           // hash of a redemption code -> struct redemption
    struct map advocates;       // hash of a referral code -> struct advocate (batch_referral.c)
    struct map purchases;       // event id -> struct purchase, loaded or changed
    struct map replays;         // event id -> struct event_row
    struct held_event *waiting; // held events that something in this batch may release
    size_t waiting_n;
    struct refused_events refused;  // of the one that `decides_refused`
    bool refused_is_beyond;         // so many that they cannot be looked for
    int64_t *refused_ids;           // by its place in `refused`: an id to be held under, 0: none
    struct vault_key *refused_keys; // and the key of that id
    struct shared_use *shared;
    size_t shared_n, shared_max;
    bool has_shared;
    struct batch_effects effects;
    int64_t *new_ids; // ids drawn for members to be enrolled, by submission index; 0: none
    struct vault_key *new_keys;
    size_t timers_n; // due things that were run so far
};

/* batch_load.c: everything the decisions may need, in few statements. */
enum err batch_load(struct batch *b) MUST_USE;

/* Once all is decided: will inserting natural keys tell of every event that was supposed to be new?
 */
bool batch_will_tell(struct batch *b) MUST_USE;

/* batch_decide.c: one submission. An error concerns the whole batch; the submission's own stands in
 * it. */
enum err batch_decide(struct batch *b, size_t index) MUST_USE;

/* A forgotten member's key is gone; one whom a dry run enrols never had one. */
static inline bool batch_is_forgotten(const struct member_facts *member)
{
    return member->key.version == 0 && !member->is_new;
}

/* batch_event.c: decides one event of a member from the facts at hand, loading what the decision
 * asks for. */
enum err batch_decide_event(struct batch *b, struct member_facts *member, const struct event *event,
                            const unsigned char original_hash[VAULT_HASH_BYTES], bool wants_explain,
                            struct decision *out) MUST_USE;

/* The submission's natural key is known from now on. */
void batch_note_known(struct batch *b, const struct submission *s, int64_t member, int64_t event);

/* Takes a decision over into the batch: the member's next event sees it. `s` NULL: the clock's or a
 * released one. */
enum err batch_note_decision(struct batch *b, struct member_facts *facts, struct decision *decision,
                             const struct submission *s, int64_t credential) MUST_USE;

/* Loads what a decision has asked for into the batch and its facts. */
enum err batch_supply(struct batch *b, struct member_facts *member, struct facts *facts,
                      const struct needs *needs) MUST_USE;

/* The member's state is to be written. */
void batch_mark_dirty(struct batch *b, struct member_facts *facts);

/* batch_card.c: what the way in which an event names its member proves; wrong codes count though
 * they are refused. */
enum err batch_know_proof(const struct batch *b, const struct member_facts *member,
                          struct str subject, struct facts *facts) MUST_USE;
void batch_note_wrong_code(struct batch *b, struct member_facts *facts,
                           const struct decision *decision);

/* batch_refusal.c: a refused decision as the error of its request. */
void batch_fail_refusal(struct submission *s, enum reason reason);

/* A member's events and transfers are numbered in the order of booking, whichever process booked
 * the ones before. */
void batch_follow_ids(struct batch *b, const struct member_facts *member);

/* batch_timers.c: what is due for the member by an instant, not later than now, comes first, in
 * order; *more: there is more than one round does. */
enum err batch_timers_run(struct batch *b, struct member_facts *member, int64_t until,
                          bool *more) MUST_USE;

/* What the clock waits for from now on, by the version in force now. */
enum err batch_arm(struct batch *b, struct member_facts *member) MUST_USE;
enum err batch_supply_zone(struct batch *b, const struct member_facts *member,
                           struct facts *facts) MUST_USE;

/* What a subscription is called: the event that opened it says so, in this batch or in the books.
 */
enum err batch_supply_opening(struct batch *b, const struct member_facts *member,
                              struct facts *facts, int64_t event) MUST_USE;

/* A purchase decided in this batch can be refunded in it. */
void batch_note_purchase(struct batch *b, const struct decision *decision,
                         const struct program *program);

/* batch_held.c: keeps a submission's event until the person or the purchase behind the hash is
 * known. */
void batch_hold(struct batch *b, size_t index, bool waits_for_purchase,
                const unsigned char wait_hash[VAULT_HASH_BYTES], int64_t member, bool has_key);

/* Decides what waited for this hash, in the order of arrival; from the database and from this
 * batch. */
enum err batch_release(struct batch *b, struct member_facts *member,
                       const unsigned char hash[VAULT_HASH_BYTES]) MUST_USE;

/* Decides what the member's suspension has refused, in the order of booking. Where there is more
 * than one batch decides they stay suspended. */
enum err batch_lift(struct batch *b, struct member_facts *member,
                    struct submission *submission) MUST_USE;

/* Whether a refused event is about a purchase that is not known, or was refused after it and is not
 * decided yet: it waits for that, as if it came now. */
bool batch_is_early(const struct batch *b, const struct event_row *row);

/* The keyed hash of the code that an event has entered. */
void batch_code_hash(const struct batch *b, const struct event *event,
                     unsigned char hash[VAULT_HASH_BYTES]);

/* batch_referral.c: advocates by the codes that events name. */
enum err batch_load_advocates(struct batch *b) MUST_USE;
enum err batch_supply_likeness(struct batch *b, const struct member_facts *member,
                               struct facts *facts) MUST_USE;
enum err batch_know_advocate(struct batch *b, const struct member_facts *member,
                             const struct event *event, struct facts *facts) MUST_USE;

/* False where an enrolment names an advocate who may not be named: its error says why. */
bool batch_may_be_brought(struct batch *b, struct submission *submission);

/* The member's facts, or NULL. */
struct member_facts *batch_member(const struct batch *b, int64_t member);

/* Copies what the submitter wants to know out of the batch's arena. */
void batch_answer(struct batch *b, struct submission *submission, const struct decision *decision);

/* batch_explain.c: decides again from stored inputs, for explain on a replay. */
enum err batch_explain_again(struct batch *b, struct submission *submission,
                             const struct event_row *row) MUST_USE;
void explain_copy(struct arena *arena, const struct explain_rule *from, size_t n,
                  struct submission *to);

#endif
