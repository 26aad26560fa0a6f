/* The driver: slice after slice, faults into the report. */
#include "base/base.h"
#include "engine/verify.h"

#include "engine/verify_internal.h"
#include "store/audit.h"

#define SLICE_ARENA_BYTES_MAX ((size_t)1024 * 1024 * 1024)
enum {
    LOOKS_MAX = 8,
    SEEN_MAX = 4096,
    LOOK_AGAIN_MS = 100
}; // at one slice; faults that the first look remembers

static const char *const NAMES[INVARIANTS_N] = {
    "",       "double_entry", "balances", "lots",     "negative", "redemptions", "natural_keys",
    "chains", "sealed",       "indexes",  "database",
};

const char *invariant_name(enum invariant invariant)
{
    ensure(invariant > 0 && invariant < INVARIANTS_N);
    return NAMES[invariant];
}

struct verifying {
    struct store *store;
    struct arena arena; // of one slice
    const struct verify_options *options;
    struct verify_report *report;
    int64_t members_all;
    int64_t now;
    int64_t member; // whose history is being walked, 0: none
    int64_t only;   // nobody else's faults count; 0: all count
    struct check_listener listener;
    int looks;               // at this slice so far, with this one; 0: it is looked at once
    uint64_t seen[SEEN_MAX]; // what the first look found
    size_t seen_n;           // SEEN_MAX: more than are remembered
};

static uint64_t fingerprint(enum invariant invariant, const char *table, struct str row,
                            const char *text)
{
    const struct str parts[] = {str_c(table), row, str_c(text)};
    uint64_t hash = UINT64_C(14695981039346656037) + (uint64_t)invariant; // FNV-1a
    for (size_t i = 0; i < ARRAY_N(parts); i++) {
        for (size_t k = 0; k < parts[i].n; k++) {
            hash = (hash ^ (unsigned char)parts[i].p[k]) * UINT64_C(1099511628211);
        }
    }
    return hash;
}

/* Damage is there every time one looks; what only a later look finds is a commit of that moment,
 * half seen. */
static bool is_news(struct verifying *v, uint64_t fault)
{
    if (v->looks == 1 && v->seen_n < SEEN_MAX) {
        v->seen[v->seen_n++] = fault;
    }
    for (size_t i = 0; v->looks > 1 && v->seen_n < SEEN_MAX && i < v->seen_n; i++) {
        if (v->seen[i] == fault) {
            return false;
        }
    }
    return v->looks > 1 && v->seen_n < SEEN_MAX;
}

static void note(void *self, enum invariant invariant, const char *table, struct str row,
                 const char *text)
{
    struct verifying *v = self;
    struct verify_report *report = v->report;
    int64_t member = v->member;
    (void)!id_read("mbr_", row, &member); // most rows are not named by their member
    if ((v->only != 0 && member != v->only) ||
        is_news(v, fingerprint(invariant, table, row, text))) {
        return;
    }
    report->violations++;
    report->by_invariant[invariant]++;
    if (report->n < VIOLATIONS_MAX) {
        report->list[report->n++] = (struct violation){
            .invariant = invariant,
            .table = str_dup(report->arena, str_c(table)),
            .row = str_dup(report->arena, row),
            .detail = str_dup(report->arena, str_c(text)),
            .member = member,
        };
    }
}

/* What a slice is measured against, so that it can be looked at again: what an erasure or another
 * commit of this very moment has left half seen is whole the second time, and versions that were
 * published meanwhile are known. */
struct mark {
    size_t n;
    int64_t violations;
    int64_t by_invariant[INVARIANTS_N];
};

static struct mark mark_of(const struct verify_report *report)
{
    struct mark mark = {.n = report->n, .violations = report->violations};
    memcpy(mark.by_invariant, report->by_invariant, sizeof mark.by_invariant);
    return mark;
}

static void back_to(struct verifying *v, int looks, const struct mark *mark)
{
    struct verify_report *report = v->report;
    v->looks = looks;
    v->seen_n = looks == 1 ? 0 : v->seen_n;
    report->n = mark->n;
    report->violations = mark->violations;
    memcpy(report->by_invariant, mark->by_invariant, sizeof mark->by_invariant);
}

/* False: the caller wants to stop. */
static bool go_on(struct verifying *v)
{
    if (v->report->is_cancelled || v->options == NULL || v->options->progress == NULL) {
        return !v->report->is_cancelled;
    }
    v->report->is_cancelled = !v->options->progress(v->options->self, v->report, v->members_all);
    return !v->report->is_cancelled;
}

static bool pause_in(void *self)
{
    struct verifying *v = self;
    if (v->report->is_cancelled || v->options == NULL || v->options->pause == NULL) {
        return !v->report->is_cancelled;
    }
    v->report->is_cancelled = !v->options->pause(v->options->self);
    return !v->report->is_cancelled;
}

/* Damage that keeps the database from reading on is damage all the same. */
static enum err or_damage(struct verifying *v, enum err err, const char *table, struct str row)
{
    if (err != ERR_INTEGRITY) {
        return err;
    }
    note(v, INV_DATABASE, table, row, "the table cannot be read on from here");
    return ERR_OK;
}

/* ---- the passes ---- */

/* Without a transaction: the history below the heads that the slice has read never changes, however
 * long it is. */
static enum err check_one(struct verifying *v, const struct check_member *member)
{
    struct arena arena;
    arena_open(&arena, SLICE_ARENA_BYTES_MAX);
    v->member = member->id;
    enum err err = verify_member(v->store, &arena, member, &v->listener, &v->report->events,
                                 &v->report->transfers);
    arena_close(&arena);
    err = or_damage(v, err, "transfer", check_row(&v->arena, "mbr_", member->id));
    v->member = 0;
    return err;
}

static enum err members_slice(struct verifying *v, int64_t after, struct check_slice *slice)
{
    arena_reset(&v->arena);
    const enum err err = store_check_members(v->store, &v->arena, after, &v->listener, slice);
    if (err == ERR_INTEGRITY) {
        slice->is_end = true;
        return or_damage(v, err, "member", check_row(&v->arena, "mbr_", after));
    }
    try(err);
    for (size_t i = 0; i < slice->n && !v->report->is_cancelled; i++) {
        const bool is_wanted = v->only == 0 || v->only == slice->members[i].id;
        const enum err one = is_wanted ? check_one(v, &slice->members[i]) : ERR_OK;
        if (one != ERR_OK) {
            store_check_wipe(slice);
            return one;
        }
    }
    store_check_wipe(slice);
    return ERR_OK;
}

/* An erasure takes the key first and commits then: it has ended before one looks again. No snapshot
 * is held meanwhile. */
static void let_others_end(void)
{
    const struct timespec pause = {.tv_nsec = (long)LOOK_AGAIN_MS * 1000000};
    (void)nanosleep(&pause,
                    NULL); // shorter where a signal comes: the fault is looked at all the same
}

/* Whether what was found is looked at once more: a second time always, then as long as versions go
 * on being published. */
static enum err looks_again(struct verifying *v, int looks, const struct mark *mark, bool *again)
{
    struct instance instance;
    *again = false;
    if (v->report->violations == mark->violations || looks == LOOKS_MAX) {
        return ERR_OK;
    }
    enum err err = store_instance_read(v->store, &v->arena, &instance);
    if (err == ERR_OK) {
        if (looks == 1) {
            let_others_end();
        }
        *again = looks == 1 || !store_programs_are_of(v->store, instance.epoch);
        err = store_programs_refresh(v->store, instance.epoch);
    }
    return err == ERR_INTEGRITY ? ERR_OK
                                : err; // damage that was noted when the versions were opened
}

static enum err run_members(struct verifying *v)
{
    struct check_slice slice = {0};
    for (int64_t after = INT64_MIN; !slice.is_end && go_on(v); after = slice.last) {
        const struct mark mark = mark_of(v->report);
        const int64_t events = v->report->events;
        const int64_t transfers = v->report->transfers;
        bool again = true;
        for (int looks = 1; again; looks++) {
            back_to(v, looks, &mark);
            v->report->events = events;
            v->report->transfers = transfers;
            try(members_slice(v, after, &slice));
            if (v->report->is_cancelled) {
                back_to(v, looks, &mark); // what was found is not looked at again
                return ERR_OK;
            }
            try(looks_again(v, looks, &mark, &again));
        }
        v->looks = 0;
        v->report->members += (int64_t)slice.n;
    }
    return ERR_OK;
}

static enum err run_table(struct verifying *v, const char *table, int64_t *counted,
                          enum err (*pass)(struct store *, struct arena *, struct check_cursor *,
                                           const struct check_listener *))
{
    struct check_cursor cursor = {.now = v->now, .member = INT64_MIN, .id = INT64_MIN};
    while (!cursor.is_end && go_on(v)) {
        const struct mark mark = mark_of(v->report);
        const struct check_cursor before = cursor;
        enum err err = ERR_OK;
        bool again = true;
        for (int looks = 1; again; looks++) {
            back_to(v, looks, &mark);
            cursor = before;
            arena_reset(&v->arena);
            err = pass(v->store, &v->arena, &cursor, &v->listener);
            again = false;
            if (err == ERR_OK) {
                try(looks_again(v, looks, &mark, &again));
            }
        }
        v->looks = 0;
        cursor.is_end |= err == ERR_INTEGRITY;
        try(or_damage(v, err, table, str_fmt(&v->arena, "after row %" PRId64, cursor.rows_n)));
    }
    *counted = cursor.rows_n;
    return ERR_OK;
}

static enum err run_chain(struct verifying *v, enum chain_kind kind, int64_t part, int64_t parts)
{
    struct chain_pass pass;
    bool is_end = false;
    enum err err = ERR_OK;
    store_check_chain_open(&pass, kind, part, parts);
    while (!is_end && err == ERR_OK && go_on(v)) {
        arena_reset(&v->arena);
        err = store_check_chain(v->store, &v->arena, &pass, &v->listener, &is_end);
        if (err == ERR_INTEGRITY) {
            err = or_damage(v, err, kind == CHAIN_EVENTS ? "event" : "transfer",
                            str_fmt(&v->arena, "after row %" PRId64, pass.cursor.rows_n));
            is_end = true;
        }
    }
    store_check_chain_close(&pass);
    return err;
}

static enum err run_chains(struct verifying *v)
{
    const int64_t parts = 1 + v->members_all / CHECK_CHAIN_MEMBERS_MAX;
    for (int64_t part = 0; part < parts; part++) {
        try(run_chain(v, CHAIN_EVENTS, part, parts));
        try(run_chain(v, CHAIN_TRANSFERS, part, parts));
    }
    return ERR_OK;
}

static void note_audit(void *self, int64_t seq, const char *text)
{
    struct verifying *v = self;
    note(v, INV_CHAINS, "audit", str_fmt(&v->arena, "%" PRId64, seq), text);
}

static enum err run_audit(struct verifying *v)
{
    const struct audit_listener listener = {.self = v, .fault = note_audit};
    arena_reset(&v->arena);
    const enum err err =
        store_audit_verify(v->store, NULL, 0, &listener, &v->report->audit_entries);
    return or_damage(v, err, "audit", STR("*"));
}

static enum err run_database(struct verifying *v)
{
    bool is_end = false;
    int64_t bytes = 0;
    if (v->options != NULL && v->options->is_light) {
        try(or_damage(v, store_check_bytes(v->store, &v->arena, &bytes), "*", STR("*")));
        is_end = bytes > LIGHT_BYTES_MAX;
    }
    for (size_t i = 0; !is_end && go_on(v); i++) {
        arena_reset(&v->arena);
        try(store_check_database(v->store, &v->arena, i, &v->listener, &is_end));
    }
    return ERR_OK;
}

/* The versions that the books were decided by: all of them still compile to the same symbols. */
static enum err open_programs(struct verifying *v)
{
    struct instance instance;
    enum err err = store_instance_read(v->store, &v->arena, &instance);
    if (err != ERR_OK) {
        return or_damage(v, err, "instance", STR("1"));
    }
    v->now = store_now(&instance);
    err = store_programs_refresh(v->store, 0); // what is cached is not what is checked
    if (err == ERR_OK) {
        err = store_programs_refresh(v->store, instance.epoch);
    }
    if (err != ERR_OK) {
        return or_damage(v, err, "symbol", STR("*"));
    }
    for (size_t i = 0; i < store_programs_n(v->store); i++) {
        const struct program *program = NULL;
        err = store_program_version(v->store, (int)i + 1, &program);
        if (err == ERR_NOT_FOUND || err == ERR_INTEGRITY) {
            note(v, INV_DATABASE, "program_version", str_fmt(&v->arena, "%zu", i + 1),
                 err == ERR_NOT_FOUND ? "the version is missing"
                                      : "the version does not compile as it did");
        } else if (err != ERR_OK) {
            return err;
        }
    }
    return store_members_count(v->store, &v->arena, &v->members_all);
}

/* Members who bring members, and what members say of what they bought. */
static enum err run_brought(struct verifying *v)
{
    int64_t rows = 0;
    try(run_table(v, "referral_code", &rows, store_check_referral_codes));
    try(run_table(v, "referral_code_hash", &rows, store_check_referral_hashes));
    try(run_table(v, "referral", &rows, store_check_referrals));
    return run_table(v, "review", &rows, store_check_reviews);
}

static enum err run(struct verifying *v)
{
    try(open_programs(v));
    try(run_database(v));
    try(run_members(v));
    if (v->options == NULL || !v->options->is_light) {
        try(run_chains(v));
    }
    try(run_table(v, "event_key", &v->report->keys, store_check_keys));
    try(run_table(v, "sale", &v->report->sales, store_check_sales));
    try(run_table(v, "held", &v->report->held, store_check_held));
    try(run_table(v, "purchase", &v->report->purchases, store_check_purchases));
    int64_t released = 0;
    int64_t relays = 0;
    int64_t contests = 0;
    int64_t rewards = 0;
    int64_t words = 0;
    try(run_table(v, "issued_reward", &rewards, store_check_rewards));
    try(run_table(v, "released", &released, store_check_released));
    try(run_table(v, "relay", &relays, store_check_relays));
    try(run_table(v, "contest_entry", &contests, store_check_contests));
    try(run_brought(v));
    arena_reset(&v->arena);
    try(or_damage(v, verify_stock(v->store, &v->arena, &v->listener), "shared_counter", STR("*")));
    try(run_table(v, "identifier", &v->report->identifiers, store_check_identifiers));
    try(run_table(v, "name_word", &words, store_check_words));
    return run_audit(v);
}

/* Runs `work` with everything that a check needs. */
static enum err with_report(struct store *store, const struct verify_options *options, int64_t only,
                            struct verify_report *report, enum err (*work)(struct verifying *v))
{
    struct verifying *v = arena_new(report->arena, struct verifying, 1);
    *report = (struct verify_report){.arena = report->arena};
    *v = (struct verifying){.store = store, .options = options, .report = report, .only = only};
    v->listener = (struct check_listener){.self = v, .fault = note, .pause = pause_in};
    arena_open(&v->arena, SLICE_ARENA_BYTES_MAX);
    const enum err err = work(v);
    arena_close(&v->arena);
    return err;
}

enum err verify_run(struct store *store, const struct verify_options *options,
                    struct verify_report *report)
{
    return with_report(store, options, 0, report, run);
}

static enum err run_one(struct verifying *v)
{
    struct check_slice slice = {0};
    try(open_programs(v));
    try(members_slice(v, v->only - 1, &slice));
    v->report->members = 1;
    return slice.n > 0 && slice.members[0].id == v->only ? ERR_OK : ERR_NOT_FOUND;
}

enum err verify_one(struct store *store, int64_t member, struct verify_report *report)
{
    ensure(member > 0);
    return with_report(store, NULL, member, report, run_one);
}

/* The newest transfer hashes to the head that the state has. */
static enum err check_head(struct verifying *v, int64_t id)
{
    struct member_facts facts = {.member = id};
    struct transfer *transfers = NULL;
    size_t n = 0;
    unsigned char hash[HASH_BYTES] = {0};
    static const unsigned char NONE[HASH_BYTES];
    enum err err = store_facts_load(v->store, &v->arena, &facts, 1, false);
    vault_wipe(&facts.key, sizeof facts.key);
    if (err == ERR_OK && facts.exists && facts.state->transfers_n > 0) {
        err = store_transfers_list(v->store, &v->arena, id, facts.state->last_transfer, 2,
                                   &transfers, &n);
    }
    if (err != ERR_OK) {
        return or_damage(v, err, "member_state", check_row(&v->arena, "mbr_", id));
    }
    if (n > 0) {
        transfer_hash(&transfers[0], id, n > 1 ? transfers[1].hash : NONE, hash);
    }
    if (!facts.exists ||
        (facts.state->transfers_n > 0 && memcmp(hash, facts.state->chain, HASH_BYTES) != 0)) {
        note(v, INV_CHAINS, "member_state", check_row(&v->arena, "mbr_", id),
             "the newest points transfer is not the head of the chain");
    }
    v->report->members++;
    return ERR_OK;
}

static enum err run_heads(struct verifying *v)
{
    enum { HEADS = 64 };
    int64_t members[HEADS];
    size_t n = 0;
    try(db_begin(store_db(v->store), DB_READ));
    enum err err = or_damage(v, store_check_newest(v->store, &v->arena, HEADS, members, &n),
                             "transfer", STR("*"));
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        err = check_head(v, members[i]);
    }
    db_rollback(store_db(v->store));
    return err;
}

enum err verify_heads(struct store *store, struct verify_report *report)
{
    return with_report(store, NULL, 0, report, run_heads);
}

/* ---- the report ---- */

static void put_counts(struct json_out *w, const struct verify_report *report)
{
    const struct {
        const char *name;
        int64_t n;
    } counts[] = {
        {"members", report->members},
        {"events", report->events},
        {"transfers", report->transfers},
        {"natural_keys", report->keys},
        {"sales", report->sales},
        {"held", report->held},
        {"purchases", report->purchases},
        {"identifiers", report->identifiers},
        {"audit_entries", report->audit_entries},
    };
    json_key(w, "checked");
    json_open(w, '{');
    for (size_t i = 0; i < ARRAY_N(counts); i++) {
        json_key(w, counts[i].name);
        json_put_int(w, counts[i].n);
    }
    json_close(w, '}');
}

void verify_report_write(struct buf *out, const struct verify_report *report)
{
    struct json_out w = json_out(out);
    json_open(&w, '{');
    json_key(&w, "sound");
    json_put_bool(&w, report->violations == 0 && !report->is_cancelled);
    put_counts(&w, report);
    json_key(&w, "invariants");
    json_open(&w, '[');
    for (int i = 1; i < INVARIANTS_N; i++) {
        json_open(&w, '{');
        json_key(&w, "number");
        json_put_int(&w, i);
        json_key(&w, "name");
        json_put_str(&w, str_c(NAMES[i]));
        json_key(&w, "violations");
        json_put_int(&w, report->by_invariant[i]);
        json_close(&w, '}');
    }
    json_close(&w, ']');
    json_key(&w, "violations");
    json_open(&w, '[');
    for (size_t i = 0; i < report->n; i++) {
        const struct violation *violation = &report->list[i];
        json_open(&w, '{');
        json_key(&w, "invariant");
        json_put_int(&w, violation->invariant);
        json_key(&w, "name");
        json_put_str(&w, str_c(NAMES[violation->invariant]));
        json_key(&w, "table");
        json_put_str(&w, violation->table);
        json_key(&w, "row");
        json_put_str(&w, violation->row);
        json_key(&w, "detail");
        json_put_str(&w, violation->detail);
        json_close(&w, '}');
    }
    json_close(&w, ']');
    json_key(&w, "more");
    json_put_int(&w, report->violations - (int64_t)report->n);
    json_close(&w, '}');
}
