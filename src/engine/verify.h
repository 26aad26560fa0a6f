/* Verify: the ten invariants of the books, proved on a live database, member by member.
 *
 *  1 double entry   each points transfer moves a legal amount between the accounts that its kind
 * allows 2 balances       each balance is the sum of the member's transfers, and so is each balance
 * in a stored answer 3 lots           what lots hold is what is active and pending, and what their
 * own transfers left in them 4 negative       nothing is below zero, nothing is active while there
 * is debt 5 redemptions    points spent are those that the event's record names (issued rewards,
 * once there are any) 6 natural keys   each event has its natural key and the other way round, and
 * none was applied twice 7 chains         transfers and audit entries hash from the first to the
 * head, events and transfers name the one before 8 sealed         each ciphertext opens, or its
 * owner is among the erasures 9 indexes        each blind index is in its member's profile and the
 * other way round 10 database       the database's own check; every record unpacks; timers are
 * where states say; purchases decided again from their stored inputs earn what was booked
 *
 * Owns:    nothing.
 * Threads: that of the store, which should be a reading one of its own.
 * Memory:  an arena of its own, reset after every slice; the report's in the arena given.
 * Errors:  an error means that it could not be checked; damage is a violation, never an error.
 * Limits:  VIOLATIONS_MAX kept, more are counted. No read transaction lives longer than one slice.
 */
#ifndef LOYALD_ENGINE_VERIFY_H
#define LOYALD_ENGINE_VERIFY_H

#include "store/check.h"

enum { VIOLATIONS_MAX = 1000, LIGHT_BYTES_MAX = 256 * 1024 * 1024 };

struct violation {
    enum invariant invariant;
    struct str table;
    struct str row; // "mbr_…", "evt_…", "trf_…", a seq, or hex
    struct str detail;
    int64_t member; // whose row it is, 0: nobody's, or it cannot be told
};

struct verify_report {
    struct arena *arena;
    struct violation list[VIOLATIONS_MAX];
    size_t n;           // in the list
    int64_t violations; // all of them
    int64_t by_invariant[INVARIANTS_N];
    // What was looked at.
    int64_t members, events, transfers, keys, sales, held, identifiers, purchases, audit_entries;
    bool is_cancelled;
};

/* The name of an invariant, as in the JSON: "double_entry". */
const char *invariant_name(enum invariant invariant);

struct verify_options {
    void *self;
    /* Called between slices, never inside a transaction: a place to print, to sleep, or to stop by
     * returning false. `members` of `members_all` are done. NULL: no calls. */
    bool (*progress)(void *self, const struct verify_report *so_far, int64_t members_all);
    /* Called between two pages of one member's history, which may be long: a place to sleep, or to
     * stop by returning false. NULL: no calls. */
    bool (*pause)(void *self);
    /* Bounded work for a server: without what cannot be done in slices or in little memory, which
     * is the database's own check of a file of more than LIGHT_BYTES_MAX and the search for rows on
     * no chain. */
    bool is_light;
};

/* Checks everything. report->arena is set by the caller. */
enum err verify_run(struct store *store, const struct verify_options *options,
                    struct verify_report *report) MUST_USE;

/* Checks one member's rows: profile, index, state, lots, history. ERR_NOT_FOUND. */
enum err verify_one(struct store *store, int64_t member, struct verify_report *report) MUST_USE;

/* What a server looks at before it serves: whether the chains of those whose books were written
 * last end where their states say. Takes milliseconds. */
enum err verify_heads(struct store *store, struct verify_report *report) MUST_USE;

/* {"sound":true,"members":…,"violations":[…]} */
void verify_report_write(struct buf *out, const struct verify_report *report);

#endif
