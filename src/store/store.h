/* The store: facts in, decisions out. Every query is called from here; nothing above knows a table.
 *
 * Owns:    a connection to the books, one to the key store, and a cache of compiled programs.
 * Threads: one thread at a time per struct store; the lane has a writing one, each reader its own.
 * Memory:  what functions return lives in the arena given; programs live in the store until their
 *          epoch ends.
 * Errors:  those of db/ and vault/; ERR_INTEGRITY where stored bytes are not what was written.
 * Limits:  those of db/.
 */
#ifndef LOYALD_STORE_H
#define LOYALD_STORE_H

#include "core/decide.h"
#include "db/db.h"
#include "vault/keys.h"

struct store;

struct store_config {
    struct str database; // path or postgresql:// URL
    struct str keys;     // the same for the key store; empty: keys.db beside the database
    struct str key_file; // master key; empty: beside the database
    bool is_credential;  // the key file comes from systemd
};

/* What every process needs before stores: the vault, opened once. The config's strings are copied.
 */
struct store_base;
enum err store_base_open(const struct store_config *config, struct fail *f,
                         struct store_base **out) MUST_USE;
void store_base_close(struct store_base *base);
const struct vault *store_base_vault(const struct store_base *base);

/* Creates what is missing: master key, key store, schema, instance row. Twice is harmless. */
enum err store_init(const struct store_config *config, bool with_test_clock, int64_t now_ms,
                    struct fail *f) MUST_USE;

/* Brings the schema up to date. */
enum err store_migrate(const struct store_config *config, int64_t now_ms, struct fail *f,
                       size_t *applied_n) MUST_USE;

/* Opens a store for one thread. */
enum err store_open(struct store_base *base, enum db_role role, struct fail *f,
                    struct store **out) MUST_USE;
void store_close(struct store *store);
struct db *store_db(struct store *store);
const struct vault *store_vault(struct store *store);

/* ---- instance, programs ---- */

struct instance {
    struct str instance_id;
    int64_t created_at;
    int64_t epoch;
    bool has_test_clock;
    int64_t test_now;
    int64_t audit_seq;
};
enum err store_instance_read(struct store *store, struct arena *arena,
                             struct instance *out) MUST_USE;

/* The booking instant: the test clock, or the machine's. */
int64_t store_now(const struct instance *instance);

/* Moves the test clock; ERR_CLOCK when there is none or it would go back. */
enum err store_clock_set(struct store *store, int64_t now, struct fail *f) MUST_USE;

/* Loads versions and symbols when the epoch has changed. Call in every transaction that decides. */
enum err store_programs_refresh(struct store *store, int64_t epoch) MUST_USE;

/* True when the versions loaded are those of the epoch. */
bool store_programs_are_of(const struct store *store, int64_t epoch);

/* The version in force at an instant: the last published of those effective by then; the first for
 * older instants. ERR_NO_PROGRAM when none was published. */
enum err store_program_at(struct store *store, int64_t at, const struct program **out) MUST_USE;
enum err store_program_version(struct store *store, int version,
                               const struct program **out) MUST_USE;
size_t store_programs_n(const struct store *store);

/* False when no version's conditions read the clear profile, so that a batch need not load it. */
bool store_programs_read_profiles(const struct store *store);

/* The part of a symbol's name after its prefix and set: "points" of "wallet:points", "gold" of
 * "tier:main/gold". */
struct str store_symbol_slug(const struct store *store, int32_t symbol);

/* Validates a document: the JSON Schema, then everything that compiling finds. Faults go to *f.
 * *out may be NULL. */
enum err store_program_check(struct store *store, struct arena *arena, const struct json *document,
                             struct fail *f, const struct program **out) MUST_USE;

/* Holds a document that was checked, and what was made of it, against the versions that are or will
 * be in force until it would be: ERR_IN_USE for what it may not change once something was booked.
 * In a transaction in which the programs are loaded. */
enum err store_program_keeps(struct store *store, struct arena *arena, const struct json *document,
                             const struct program *program, int64_t effective_at, int64_t now,
                             struct fail *f) MUST_USE;

/* Publishes in a transaction of its own. */
enum err store_program_publish(struct store *store, struct arena *arena,
                               const struct json *document, int64_t effective_at, int64_t now,
                               struct str comment, struct str actor, struct fail *f,
                               int *version) MUST_USE;

/* ---- identifiers ---- */

enum identifier_kind {
    IDENT_NONE = 0,
    IDENT_EXTERNAL = 1,
    IDENT_EMAIL = 2,
    IDENT_PHONE = 3,
    IDENT_CARD = 4,
    IDENT_MEMBER = 9
};

struct identifier {
    enum identifier_kind kind;
    int64_t member;                       // IDENT_MEMBER
    unsigned char hash[VAULT_HASH_BYTES]; // the others: blind index
    struct str normal;                    // the others: normalised value
};

/* Named by a value of the merchant's, not by an id of ours. */
static inline bool identifier_is_natural(const struct identifier *identifier)
{
    return identifier->kind != IDENT_MEMBER && identifier->kind != IDENT_NONE;
}

/* What the member's changing card shows, "code:mbr_….DIGITS": it names the member, whatever its
 * digits are worth. */
MUST_USE bool card_code_read(struct str text, int64_t *member, struct str *code);

/* Reads "mbr_…", "ext:…", "email:…", "phone:…", "card:…", "code:…". ERR_INVALID with what is wrong.
 */
enum err identifier_read(struct arena *arena, const struct vault *vault, struct str text,
                         struct fail *f, const char *pointer, struct identifier *out) MUST_USE;

/* An identifier of a known kind. */
enum err identifier_make(struct arena *arena, const struct vault *vault, enum identifier_kind kind,
                         struct str value, struct fail *f, const char *pointer,
                         struct identifier *out) MUST_USE;

/* Tags and clear attributes of a profile, from the JSON texts that are stored of them. */
enum err store_profile_lists(struct arena *arena, struct str tags_text, struct str attributes_text,
                             struct profile *out) MUST_USE;

enum { STORE_MEMBERS_RECENT_MAX = 1024 * 1024 };

/* store_members_find() as the first read of a write transaction, before it has written: on SQLite
 * whom the last of these have found is remembered, up to STORE_MEMBERS_RECENT_MAX identifiers,
 * until an identifier is deleted here or another connection changes the database. */
enum err store_members_meet(struct store *store, struct arena *arena, const struct identifier *list,
                            size_t n, int64_t *out) MUST_USE;

/* Members by identifier: out[i] is 0 where there is none (or, for IDENT_MEMBER, what was given). */
enum err store_members_find(struct store *store, struct arena *arena, const struct identifier *list,
                            size_t n, int64_t *out) MUST_USE;

/* ---- the batch ---- */

/* Locks identifiers, by their hashes, until the transaction ends: whoever takes one and whoever
 * holds an event for one that nobody has come one after the other. *may_have_come: others may have
 * taken some just before; look them up again. Nothing to do on SQLite. */
enum err store_strangers_lock(struct store *store, struct arena *arena,
                              const unsigned char (*hashes)[VAULT_HASH_BYTES], size_t n,
                              bool *may_have_come) MUST_USE;

/* Locks members until the transaction ends, in id order; SQLite has its one write lock. */
enum err store_members_lock(struct store *store, struct arena *arena, const int64_t *members,
                            size_t n) MUST_USE;

/* Whose a known event is, when it is no member's: a sale without subject, or held for an unknown
 * person. */
enum { EVENT_OF_SALE = 0, EVENT_OF_HELD = -1 };

struct known_event {
    unsigned char hash[VAULT_HASH_BYTES];
    unsigned char fingerprint[VAULT_FINGERPRINT_BYTES];
    int64_t member;
    int64_t event;
    // Of what was held, or refused because of a suspension and decided when it was lifted: whose it
    // has become, and as which event; 0: not decided yet.
    int64_t decided_member;
    int64_t decided_event;
    int64_t refused_event; // between the two, of what was held first and refused then; or 0
};
/* Whose it is, 0: nobody's (yet); and the event that it is in the books, 0: none (yet). */
static inline int64_t known_owner(const struct known_event *known)
{
    return known->decided_event != 0 || known->member == EVENT_OF_HELD ? known->decided_member
                                                                       : known->member;
}
static inline int64_t known_id(const struct known_event *known)
{
    return known->decided_event != 0 || known->member == EVENT_OF_HELD ? known->decided_event
                                                                       : known->event;
}
/* Those of the hashes that are known; in no order. */
enum err store_events_known(struct store *store, struct arena *arena,
                            const unsigned char (*hashes)[VAULT_HASH_BYTES], size_t n,
                            struct known_event **out, size_t *out_n) MUST_USE;

/* The facts of one member in a batch. */
struct member_facts {
    int64_t member;
    bool exists;
    bool is_new; // enrolled in this batch
    bool is_dirty;
    struct vault_key key; // version 0: forgotten
    struct state *state;
    struct profile *profile; // NULL: not asked for
};
/* Loads state, key and (if asked) clear profile of members; list[i].member is set by the caller. */
enum err store_facts_load(struct store *store, struct arena *arena, struct member_facts *list,
                          size_t n, bool with_profiles) MUST_USE;

/* The language that a member has asked for, empty where they have not, or where there is no such
 * member. */
enum err store_member_language(struct store *store, struct arena *arena, int64_t member,
                               struct str *out) MUST_USE;

/* Loads the cold parts into a state. */
enum err store_state_load_lots(struct store *store, struct arena *arena,
                               struct state *state) MUST_USE;
enum err store_state_load_counters(struct store *store, struct arena *arena,
                                   struct state *state) MUST_USE;

/* A purchase with its inputs and what has become of it. ERR_NOT_FOUND when that event is not there.
 */
enum err store_purchase_load(struct store *store, struct arena *arena,
                             const struct member_facts *member, int64_t event,
                             struct purchase *out) MUST_USE;

/* An event as stored. */
struct event_row {
    int64_t id;
    int64_t member;
    int64_t previous;
    int64_t booked_at;
    int version;
    int64_t credential;
    struct event event; // `source` etc. only when the key was there
    struct answer answer;
    struct str inputs; // packed
    struct spent_lot *spent;
    size_t spent_n;
    bool is_sealed; // the member was forgotten: what was sealed is empty
};
enum err store_events_read(struct store *store, struct arena *arena, const int64_t *members,
                           const int64_t *events, size_t n, const struct vault_key *keys,
                           struct event_row *out) MUST_USE;

/* What became of events, by the ids under which they were held, or refused because of a suspension:
 * out[i] is 0 where nothing did. */
enum err store_released_read(struct store *store, struct arena *arena, const int64_t *ids, size_t n,
                             int64_t *out) MUST_USE;

/* What a suspension that lasts has refused and its end can decide: oldest first, what was decided
 * before left out. */
enum {
    REFUSED_PER_RESUME_MAX = 512, // as many as a batch has
    REFUSED_WALK_MAX = 100000     // events since the member was suspended
};
#define REFUSED_BYTES_MAX ((size_t)64 * 1024 * 1024) // of those of one resume, beyond the first few
struct refused_events {
    struct event_row *rows;
    size_t n;
    int64_t left;   // how many more there are
    int64_t passed; // how many have asked for something at once, and are not decided later
};
/* ERR_TOO_LARGE: more than REFUSED_WALK_MAX. */
enum err store_refused_load(struct store *store, struct arena *arena,
                            const struct member_facts *member, struct refused_events *out) MUST_USE;

/* The timeline: at most n events of a member, newest first from an event on (0: none). The member's
 * key may be of version 0. */
enum err store_events_list(struct store *store, struct arena *arena,
                           const struct member_facts *member, int64_t from_id, size_t n,
                           struct event_row **out, size_t *out_n) MUST_USE;

/* The ledger: at most n points transfers of a member, newest first from one on (0: none). */
enum err store_transfers_list(struct store *store, struct arena *arena, int64_t member,
                              int64_t from_id, size_t n, struct transfer **out,
                              size_t *out_n) MUST_USE;

/* An event that waits: for a person (by blind index) or for a purchase (by natural key). */
struct held_event {
    int64_t id;
    bool waits_for_purchase;
    unsigned char wait_hash[VAULT_HASH_BYTES];
    int64_t member; // whose, where known
    int64_t received_at;
    int64_t expires_at;
    int64_t credential;
    struct event event;
};
enum err store_held_find(struct store *store, struct arena *arena,
                         const unsigned char (*hashes)[VAULT_HASH_BYTES], size_t n,
                         struct held_event **out, size_t *out_n) MUST_USE;
/* Keys for events about to be held; before the transaction. */
enum err store_keys_make(struct store *store, const int64_t *ids, size_t n, int64_t now,
                         struct vault_key *out) MUST_USE;

/* Something that tells two members to be one person, as a keyed hash: store/referrals.h. */
enum { LIKENESSES_MAX = 6 };
struct likeness {
    int kind;
    unsigned char hash[VAULT_HASH_BYTES];
};

/* A new member's cold rows. */
struct enrolment {
    int64_t member;
    const struct member_facts *facts; // holds the member's key
    int64_t enrolled_at;
    const struct identifier *identifiers;
    size_t identifiers_n;
    struct str sealed_profile; // JSON text to be sealed
    struct clear_profile {
        int32_t birth_on;         // INT32_MIN: none
        int64_t birth_entered_at; // when it was, AT_MIN: not known
        int birth_changes;        // how often it was another one before
        struct str gender, country, city, language;
        struct str tags;       // JSON text, an array
        struct str attributes; // JSON text, an object
    } clear;
    struct str name_words[2 * 16];
    size_t name_words_n;
    struct likeness likenesses[LIKENESSES_MAX];
    size_t likenesses_n;
    struct str
        referral_code; // drawn when the batch is decided; empty: the program has no referrals
};

/* Everything a batch writes. Lists may be empty. */
struct applied_event {
    const struct decision *decision;
    const struct member_facts *member;
    int64_t credential;
    bool has_key; // false for the clock's and for events that were held before
    unsigned char hash[VAULT_HASH_BYTES];
    unsigned char fingerprint[VAULT_FINGERPRINT_BYTES];
};
struct applied_sale {
    int64_t id;
    const struct event *event;
    int64_t booked_at;
    int64_t credential;
    unsigned char hash[VAULT_HASH_BYTES];
    unsigned char fingerprint[VAULT_FINGERPRINT_BYTES];
};
struct applied_held {
    struct held_event held;
    struct vault_key key;
    bool has_key; // a natural key to note: the event's own
    unsigned char hash[VAULT_HASH_BYTES];
    unsigned char fingerprint[VAULT_FINGERPRINT_BYTES];
};
struct batch_effects {
    struct enrolment *enrolments;
    size_t enrolments_n, enrolments_max;
    struct applied_event *events;
    size_t events_n, events_max;
    struct applied_sale *sales;
    size_t sales_n, sales_max;
    struct applied_held *held;
    size_t held_n, held_max;
    struct released_event {
        int64_t held; // its id while it waited
        int64_t member;
        int64_t event;
        bool is_named;    // a purchase: events to come name it by the natural key that it was held
                          // under
        bool was_refused; // not held, but refused because of a suspension that is over
    } * released;         // held and refused events that were decided
    size_t released_n, released_max;
    struct held_event *waiting; // held already, now for their purchase: the person became known
    size_t waiting_n, waiting_max;
    struct member_facts **members; // those with a changed state
    size_t members_n, members_max;
    const struct shared_use *shared; // absolute values
    size_t shared_n;
    struct code_use { // redemption codes used: how often each was before
        unsigned char hash[VAULT_HASH_BYTES];
        int64_t used;
    } * codes;
    size_t codes_n, codes_max;
    struct relay_end { // rows of work that were looked at
        int64_t id;
        int64_t member;
        int64_t
            wait_until; // 0: done; else nobody's until then, AT_NEVER: until the member is resumed
    } * relays;
    size_t relays_n, relays_max;
    int64_t relay_lease_until; // of new rows of work, by the machine's clock
    int64_t now;
};
/* Writes all; the caller commits. ERR_RETRY: another process was faster. ERR_IDENTIFIER_TAKEN. */
enum err store_apply(struct store *store, struct arena *arena,
                     struct batch_effects *effects) MUST_USE;

/* Counters for all members together; _read locks them until the transaction ends. */
enum err store_shared_list(struct store *store, struct arena *arena, struct shared_use **out,
                           size_t *n) MUST_USE;
enum err store_shared_read(struct store *store, struct arena *arena, struct shared_use **out,
                           size_t *n) MUST_USE;

/* Members whose timers are due, earliest first. */
struct due_timer {
    int64_t member;
    int64_t due_at;
    int64_t attempts;
};
enum err store_timers_due(struct store *store, struct arena *arena, int64_t now, size_t max,
                          struct due_timer **out, size_t *n) MUST_USE;
enum err store_timers_attempt(struct store *store, struct arena *arena,
                              const struct due_timer *list, size_t n) MUST_USE;
/* How many timers were given up. */
enum err store_timers_parked(struct store *store, struct arena *arena, int64_t *n) MUST_USE;
enum err store_held_expired(struct store *store, struct arena *arena, int64_t now, size_t max,
                            int64_t **ids, size_t *n) MUST_USE;
enum err store_held_forget(struct store *store, struct arena *arena, const int64_t *ids,
                           size_t n) MUST_USE;

/* On SQLite, where processes share one number: makes ids grow beyond those of other processes. In a
 * transaction. */
enum err store_ids_sync(struct store *store, struct arena *arena) MUST_USE;

/* The id source of this process: ids only grow, also over restarts. Call after
 * store_members_lock(). */
struct id_source *store_ids(struct store *store);

/* Stores of one process that book beside each other draw ids with process bits of their own. What
 * is asked for after an answer has larger ids than the answer all the same: store_ids_tell() before
 * answering notes the newest in `floor`, and store_ids_sync() goes beyond it. */
void store_ids_share(struct store *store, _Atomic int64_t *floor);
void store_ids_tell(struct store *store);

#endif
