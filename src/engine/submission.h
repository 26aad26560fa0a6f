/* A submission: one event (or enrolment, or a member's due timers) on its way through the engine,
 * and its answer.
 *
 * Owns:    nothing; everything is borrowed from whoever submits, who keeps it until the answer.
 * Threads: handed over to the lane and back.
 * Memory:  results are copied into `arena`, which belongs to the submitter.
 * Errors:  in `err` and `fail`.
 * Limits:  SUBMISSIONS_MAX per ticket.
 */
#ifndef LOYALD_SUBMISSION_H
#define LOYALD_SUBMISSION_H

#include "store/relays.h"

enum { SUBMISSIONS_MAX = 10000 };

enum submission_kind {
    SUBMIT_EVENT,  // an event of a member, a sale without subject, an adjustment
    SUBMIT_ENROL,  // a new member: `enrolment` and `event` (member.enrolled)
    SUBMIT_TIMERS, // what is due for `member`
};

struct submission {
    enum submission_kind kind;
    struct arena *arena;
    // What is asked.
    struct event event;
    struct identifier subject;                          // IDENT_NONE: none
    unsigned char hash[VAULT_HASH_BYTES];               // natural key
    unsigned char fingerprint[VAULT_FINGERPRINT_BYTES]; // of the content
    unsigned char original_hash[VAULT_HASH_BYTES];      // natural key of event.original
    int64_t credential; // API key id, 0: the command line or the clock
    bool may_import;    // events older than 90 days are allowed
    bool wants_explain;
    bool refusal_is_error;      // adjustments: "not enough points" is a 422 and nothing is stored
    struct enrolment enrolment; // SUBMIT_ENROL
    // SUBMIT_EVENT, of a changed member: what they are found by from now on. Events held for any of
    // it are decided with it.
    const struct identifier *found_by;
    size_t found_by_n;
    const struct relay_row *relay; // the row of work that this event does, or NULL
    // SUBMIT_EVENT, of a member who is resumed, alone in its batch: what the suspension has refused
    // is decided with it.
    bool decides_refused;
    int64_t member; // SUBMIT_TIMERS; else the answer's
    // The answer.
    enum err err;
    struct fail fail;
    bool is_replay;
    bool has_answer;
    int64_t event_id;
    int64_t epoch; // of the programs that `answer` speaks of
    struct answer answer;
    int rules_version; // the version whose rules were judged
    struct explain_rule *explain;
    size_t explain_n;
    bool more_is_due;      // SUBMIT_TIMERS: not everything fitted
    bool relay_is_settled; // what becomes of `relay` was noted
    struct {
        int64_t decided_n; // of the events that the suspension has refused
        int64_t passed_n;  // not decided: they have asked for something at once
        int64_t left_n;    // beyond what one batch decides: the member stays suspended until then
    } lifted;              // of `decides_refused`
};

/* Fills in hash, fingerprint and original_hash from the event. `data` is the envelope's data as
 * sent, or NULL. */
void submission_hash(struct submission *submission, const struct vault *vault,
                     const struct json *data);

#endif
