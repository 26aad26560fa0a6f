/* Golden scenarios: a program, events and passing time, and what must come of them, in JSON that a
 * product manager can read (test/golden/README.md). Run through the whole engine on both databases.
 *
 * Owns:    an instance in the test's directory, and the engine on it.
 * Threads: main thread only.
 * Memory:  both->arena.
 * Errors:  a test fails, naming the scenario and the step.
 * Limits:  one member per scenario unless steps name others by "subject".
 */
#ifndef LOYALD_TEST_SCENARIO_H
#define LOYALD_TEST_SCENARIO_H

#include "both.h"
#include "base/log.h"
#include "core/subscription.h"
#include "engine/engine.h"
#include "store/referrals.h"
#include "store/reviews.h"

struct scenario {
    struct both *both;
    struct store_base *base;
    struct engine *engine;
    struct store *reader;
    struct str name;
    size_t step;
    int64_t now;
    size_t made;             // events without an id get one
    struct submission *last; // the last event's
    struct {
        struct str slug;
        int64_t id;
    } issued[1000]; // rewards, in the order of their issue
    size_t issued_n;
    struct {
        struct str event;
        int64_t id;
    } reviews[100]; // by the ids of their events
    size_t reviews_n;
};

#define scenario_check(s, condition, ...)                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            print_error("%.*s, step %zu: ", STR_ARG((s)->name), (s)->step);                        \
            print_error(__VA_ARGS__);                                                              \
            print_error("\n");                                                                     \
            fail();                                                                                \
        }                                                                                          \
    } while (0)

/* Opens an instance with a test clock and an empty engine. */
static inline void scenario_open(struct both *both, struct scenario *s)
{
    // Books and keys need tables apart: on PostgreSQL the key store is a file here.
    const struct store_config config = {
        .database = both->url,
        .keys = str_fmt(&both->arena, "%s/keys.db", both->dir),
        .key_file = str_fmt(&both->arena, "%s/master.key", both->dir),
    };
    *s = (struct scenario){.both = both, .name = STR("setup")};
    both->fail.items_n = 0;
    enum err err = store_init(&config, true, 1700000000000, &both->fail);
    scenario_check(s, err == ERR_OK, "init: %.*s", STR_ARG(both->fail.items[0].detail));
    assert_ok(store_base_open(&config, &both->fail, &s->base));
    assert_ok(engine_open(&(struct engine_config){.base = s->base}, &both->fail, &s->engine));
    assert_ok(store_open(s->base, DB_READER, &both->fail, &s->reader));
    struct instance instance;
    assert_ok(store_instance_read(s->reader, &both->arena, &instance));
    s->now = instance.test_now;
}

static inline void scenario_close(struct scenario *s)
{
    engine_close(s->engine);
    store_close(s->reader);
    store_base_close(s->base);
}

struct scenario_publish {
    const struct json *document;
    int64_t effective_at;
    int64_t now;
    bool is_of_before; // earlier releases let wallets go: their versions are still read
    struct fail *f;
};

/* Publishes the newest version once more and puts the document in its place. */
static inline enum err scenario_publish_of_before(struct store *store, struct arena *arena,
                                                  const struct scenario_publish *p)
{
    struct db_result rows;
    struct buf text;
    const struct json *newest = NULL;
    int version = 0;
    try(db_query_text(store_db(store), arena,
                      STR("SELECT document FROM program_version ORDER BY version DESC LIMIT 1"),
                      NULL, 0, &rows));
    try(json_read(arena, db_at_str(&rows, 0, 0), p->f, &newest));
    try(store_program_publish(store, arena, newest, p->effective_at, p->now, STR(""), STR("test"),
                              p->f, &version));
    buf_open(&text, arena, 1 << 20);
    json_write_canonical(&text, p->document); // without single quotes
    const struct str sql = str_fmt(
        arena, "UPDATE program_version SET document = '%.*s', sum = NULL WHERE version = %d",
        STR_ARG(buf_view(&text)), version);
    return db_query_text(store_db(store), arena, sql, NULL, 0, &rows);
}

static inline enum err scenario_publish_job(struct store *store, struct arena *arena, void *self)
{
    struct scenario_publish *p = self;
    int version = 0;
    if (p->is_of_before) {
        return scenario_publish_of_before(store, arena, p);
    }
    return store_program_publish(store, arena, p->document, p->effective_at, p->now, STR(""),
                                 STR("test"), p->f, &version);
}

static inline void scenario_publish(struct scenario *s, const struct json *document,
                                    int64_t effective_at, bool is_of_before)
{
    s->both->fail.items_n = 0;
    struct scenario_publish publish = {.document = document,
                                       .effective_at = effective_at,
                                       .now = s->now,
                                       .is_of_before = is_of_before,
                                       .f = &s->both->fail};
    struct ticket ticket = {.job = scenario_publish_job, .job_self = &publish};
    const enum err err = engine_run(s->engine, &ticket);
    scenario_check(s, err == ERR_OK, "publish: %s %.*s: %.*s", err_code(err),
                   STR_ARG(s->both->fail.items[0].pointer), STR_ARG(s->both->fail.items[0].detail));
}

static inline int64_t scenario_int(const struct json *object, const char *name, int64_t otherwise)
{
    const struct json *value = json_at(object, name);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static inline struct str scenario_str(const struct json *object, const char *name)
{
    return json_str(json_at(object, name));
}

static inline int64_t scenario_milli(const struct json *object)
{
    const struct json *value = json_at(object, "quantity");
    struct decimal d = {0};
    int64_t milli = json_is_integer(value) ? json_integer_value(value) * 1000 : 0;
    if (json_is_string(value) && decimal_read(json_str(value), 3, &d)) {
        assert_true(decimal_rescale(d, 3, &milli));
    }
    return milli;
}

/* Rewards are named by the steps that issued them: "coffee" is the last one of that slug,
 * "coffee/2" the one before it. */
static inline int64_t scenario_reward(struct scenario *s, struct str name)
{
    const size_t cut = str_find(name, '/', 0);
    const struct str slug = {.p = name.p, .n = cut};
    int64_t back = 1;
    if (cut < name.n) {
        assert_true(str_int64(str_after(name, cut + 1), &back));
    }
    for (size_t i = s->issued_n; i-- > 0;) {
        if (str_eq(s->issued[i].slug, slug) && --back == 0) {
            return s->issued[i].id;
        }
    }
    scenario_check(s, false, "no reward %.*s was issued", STR_ARG(name));
    return 0;
}

/* Lenient: the strict reader of requests is api/'s and has tests of its own. */
static inline void scenario_event(struct scenario *s, const struct json *json, struct event *event)
{
    static const char *const KINDS[] = {"goods", "service",   "shipping", "fee",
                                        "tip",   "gift_card", "deposit",  "donation"};
    struct arena *arena = &s->both->arena;
    const struct json *data = json_at(json, "data");
    *event = (struct event){
        .type = scenario_str(json, "type"),
        .source = json_at(json, "source") ? scenario_str(json, "source") : STR("pos"),
        .external_id =
            json_at(json, "id") ? scenario_str(json, "id") : str_fmt(arena, "made-%zu", ++s->made),
        .subject = json_at(json, "subject") ? scenario_str(json, "subject") : STR("ext:m"),
        .time = s->now,
        .amount = scenario_int(data, "amount", 0),
        .currency = json_at(data, "currency") ? scenario_str(data, "currency") : STR("EUR"),
        .store = scenario_str(data, "store"),
        .channel = scenario_str(data, "channel"),
        .is_placed = str_eq(scenario_str(data, "status"), STR("placed")),
        .original = {.source = scenario_str(json_at(data, "original"), "source"),
                     .id = scenario_str(json_at(data, "original"), "id")},
        .wallet = scenario_str(data, "wallet"),
        .points = scenario_int(data, "points", 0),
        .reason = scenario_str(data, "reason"),
        .data = data,
    };
    event->kind = event_kind_of(event->type);
    if (json_at(json, "time") != NULL) {
        scenario_check(s, instant_read(scenario_str(json, "time"), &event->time), "bad time");
    }
    const struct json *lines = json_at(data, "lines");
    if (event->kind == EVENT_REFUND) {
        event->has_refund_amount = json_at(data, "amount") != NULL;
        event->refund_amount = event->amount;
        event->amount = 0;
        event->refund_lines_n = json_array_size(lines);
        event->refund_lines = arena_new(arena, struct refund_line, event->refund_lines_n);
        for (size_t i = 0; i < event->refund_lines_n; i++) {
            const struct json *line = json_array_get(lines, i);
            event->refund_lines[i] = (struct refund_line){.id = scenario_str(line, "id"),
                                                          .sku = scenario_str(line, "sku"),
                                                          .quantity_milli = scenario_milli(line)};
        }
        return;
    }
    event->lines_n = json_array_size(lines);
    event->lines = arena_new(arena, struct line, event->lines_n);
    for (size_t i = 0; i < event->lines_n; i++) {
        const struct json *line = json_array_get(lines, i);
        event->lines[i] = (struct line){
            .id = scenario_str(line, "id"),
            .sku = scenario_str(line, "sku"),
            .category = scenario_str(line, "category"),
            .quantity_milli = json_at(line, "quantity") ? scenario_milli(line) : 1000,
            .amount = scenario_int(line, "amount", 0),
            .tax = scenario_int(line, "tax", 0),
        };
        for (size_t k = 0; k < ARRAY_N(KINDS); k++) {
            if (str_eq(scenario_str(line, "kind"), str_c(KINDS[k]))) {
                event->lines[i].kind = (enum line_kind)k;
            }
        }
    }
    const struct json *rewards = json_at(data, "rewards");
    event->rewards_n = json_array_size(rewards);
    event->rewards = arena_new(arena, struct reward_ref, event->rewards_n);
    for (size_t i = 0; i < event->rewards_n; i++) {
        event->rewards[i].id = scenario_reward(s, json_str(json_array_get(rewards, i)));
    }
    event->reward = scenario_str(data, "reward");
    event->count = scenario_int(data, "quantity", 1);
    event->expected_price = scenario_int(data, "expected_price", -1);
    event->fulfilment = (int)scenario_int(data, "fulfilment", 0);
    const struct json *payments = json_at(data, "payments");
    event->payments_n = json_array_size(payments);
    event->payments = arena_new(arena, struct payment, event->payments_n);
    for (size_t i = 0; i < event->payments_n; i++) {
        const struct json *payment = json_array_get(payments, i);
        event->payments[i] = (struct payment){
            .method = scenario_str(payment, "method"),
            .wallet = scenario_str(payment, "wallet"),
            .points = scenario_int(payment, "points", 0),
            .amount = scenario_int(payment, "amount", 0),
            .reward = (int)scenario_int(payment, "reward", 0), // index in "rewards"
        };
    }
}

/* The slug of a symbol, as the reader's programs have it now. */
static inline struct str scenario_slug(struct scenario *s, int32_t symbol)
{
    struct instance instance;
    assert_ok(db_begin(store_db(s->reader), DB_READ));
    assert_ok(store_instance_read(s->reader, &s->both->arena, &instance));
    assert_ok(store_programs_refresh(s->reader, instance.epoch));
    db_rollback(store_db(s->reader));
    return store_symbol_slug(s->reader, symbol);
}

static inline void scenario_submit(struct scenario *s, struct submission *submission)
{
    struct ticket ticket = {.list = submission, .n = 1};
    const enum err err = engine_run(s->engine, &ticket);
    scenario_check(s, err == ERR_OK, "submit: %s", err_code(err));
    s->last = submission;
    if (submission->event.kind == EVENT_REVIEW_SUBMITTED && submission->answer.review.id != 0) {
        assert_true(s->reviews_n < ARRAY_N(s->reviews));
        s->reviews[s->reviews_n].event = submission->event.external_id;
        s->reviews[s->reviews_n++].id = submission->answer.review.id;
    }
    for (size_t i = 0; i < submission->answer.rewards_n; i++) {
        const struct answer_reward *reward = &submission->answer.rewards[i];
        bool is_known = false;
        for (size_t k = 0; k < s->issued_n; k++) {
            is_known |= s->issued[k].id == reward->id;
        }
        if (!is_known && s->issued_n < ARRAY_N(s->issued)) {
            s->issued[s->issued_n].slug =
                str_dup(&s->both->arena, scenario_slug(s, reward->reward));
            s->issued[s->issued_n++].id = reward->id;
        }
    }
}

/* Staff name a review by the id of the event that brought it. */
static inline const struct json *scenario_review_data(struct scenario *s, struct str event)
{
    struct review_row row = {0};
    char review[ID_TEXT_BYTES + 1];
    char purchase[ID_TEXT_BYTES + 1];
    for (size_t i = 0; i < s->reviews_n; i++) {
        row.id = str_eq(s->reviews[i].event, event) ? s->reviews[i].id : row.id;
    }
    scenario_check(s, row.id != 0, "no review came with %.*s", STR_ARG(event));
    assert_ok(db_begin(store_db(s->reader), DB_READ));
    assert_ok(store_review_read(s->reader, &s->both->arena, row.id, &row));
    db_rollback(store_db(s->reader));
    id_write("rvw_", row.id, review);
    id_write("evt_", row.purchase, purchase);
    struct json *data = json_object_new(&s->both->arena);
    json_set_text(&s->both->arena, data, "review", str_c(review));
    json_set_text(&s->both->arena, data, "purchase", str_c(purchase));
    return data;
}

/* Runs a statement of the test's own in a transaction of the lane. */
static inline enum err scenario_sql_job(struct store *store, struct arena *arena, void *self)
{
    struct db_result rows;
    return db_query_text(store_db(store), arena, str_c(self), NULL, 0, &rows);
}

static inline void scenario_sql(struct scenario *s, const char *sql)
{
    struct ticket ticket = {.job = scenario_sql_job, .job_self = (void *)sql};
    const enum err err = engine_run(s->engine, &ticket);
    scenario_check(s, err == ERR_OK, "%s: %s", sql, err_code(err));
}

/* The server sleeps: time passes, nothing is run. */
static inline enum err scenario_sleep_job(struct store *store, struct arena *arena, void *self)
{
    struct fail f = {.arena = arena};
    return store_clock_set(store, *(const int64_t *)self, &f);
}

static inline void scenario_sleep(struct scenario *s, int64_t now)
{
    struct ticket ticket = {.job = scenario_sleep_job, .job_self = &now};
    const enum err err = engine_run(s->engine, &ticket);
    scenario_check(s, err == ERR_OK, "sleep: %s", err_code(err));
    s->now = now;
}

/* A member's referral code. */
static inline struct str scenario_code(struct scenario *s, struct str subject)
{
    struct arena *arena = &s->both->arena;
    struct identifier identifier;
    struct member_facts facts = {0};
    struct str code = {0};
    assert_ok(identifier_read(arena, store_base_vault(s->base), subject, &s->both->fail, "",
                              &identifier));
    assert_ok(db_begin(store_db(s->reader), DB_READ));
    assert_ok(store_members_find(s->reader, arena, &identifier, 1, &facts.member));
    assert_ok(store_facts_load(s->reader, arena, &facts, 1, false));
    assert_ok(store_referral_code_read(s->reader, arena, &facts, &code));
    db_rollback(store_db(s->reader));
    scenario_check(s, code.n > 0, "%.*s has no referral code", STR_ARG(subject));
    return code;
}

/* {"NAME": CODE} of a member. */
static inline const struct json *scenario_code_data(struct scenario *s, const char *name,
                                                    struct str subject)
{
    const struct str code = scenario_code(s, subject);
    return json_object_of(&s->both->arena, name, json_text_new(&s->both->arena, code));
}

static inline void scenario_prepare(struct scenario *s, const struct json *json,
                                    struct submission *submission)
{
    struct arena *arena = &s->both->arena;
    submission->arena = arena;
    submission->may_import = true;
    submission->wants_explain = true;
    scenario_event(s, json, &submission->event);
    if (submission->event.kind == EVENT_REFERRAL) {
        submission->event.data =
            scenario_code_data(s, "code", scenario_str(json_at(json, "data"), "code_of"));
    }
    if (submission->event.kind == EVENT_REVIEW_PUBLISHED ||
        submission->event.kind == EVENT_REVIEW_REJECTED) {
        submission->event.data =
            scenario_review_data(s, scenario_str(json_at(json, "data"), "review_of"));
    }
    submission->refusal_is_error = submission->event.kind == EVENT_ADJUSTED ||
                                   event_kind_class(submission->event.kind) == EVENT_CLASS_REWARD;
    if (submission->event.subject.n > 0) {
        assert_ok(identifier_read(arena, store_base_vault(s->base), submission->event.subject,
                                  &s->both->fail, "/subject", &submission->subject));
    }
    submission_hash(submission, store_base_vault(s->base), json_at(json, "data"));
}

static inline struct submission *scenario_send(struct scenario *s, const struct json *json)
{
    struct submission *submission = arena_new(&s->both->arena, struct submission, 1);
    scenario_prepare(s, json, submission);
    scenario_submit(s, submission);
    return submission;
}

/* Several events in one batch: [{"event": {…}, "repeat": 60}, …]. */
static inline void scenario_together(struct scenario *s, const struct json *list)
{
    enum { TOGETHER_MAX = 1000 };
    struct submission *submissions = arena_new(&s->both->arena, struct submission, TOGETHER_MAX);
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const struct json *step = json_array_get(list, i);
        for (int64_t k = scenario_int(step, "repeat", 1); k > 0; k--) {
            assert_true(n < TOGETHER_MAX);
            scenario_prepare(s, json_at(step, "event"), &submissions[n++]);
        }
    }
    struct ticket ticket = {.list = submissions, .n = n};
    const enum err err = engine_run(s->engine, &ticket);
    scenario_check(s, err == ERR_OK, "submit: %s", err_code(err));
    s->last = &submissions[n - 1];
}

/* `profile`: the clear fields of theirs that the scenario gives, birth_date and attributes, and
 * their timezone; or NULL.; `advocate` is whose code they name, or empty. */
static inline struct submission *scenario_enrol(struct scenario *s, struct str external_id,
                                                const struct json *profile, struct str advocate)
{
    struct buf attributes;
    const struct str timezone = scenario_str(profile, "timezone");
    int32_t birth_on = INT32_MIN;
    struct arena *arena = &s->both->arena;
    struct submission *submission = arena_new(arena, struct submission, 1);
    struct identifier *identifier = arena_new(arena, struct identifier, 1);
    assert_ok(identifier_make(arena, store_base_vault(s->base), IDENT_EXTERNAL, external_id,
                              &s->both->fail, "", identifier));
    scenario_check(s,
                   json_at(profile, "birth_date") == NULL ||
                       day_read(scenario_str(profile, "birth_date"), &birth_on),
                   "bad birth_date");
    buf_open(&attributes, arena, 4096);
    if (json_at(profile, "attributes") != NULL) {
        json_write_canonical(&attributes, json_at(profile, "attributes"));
    }
    *submission = (struct submission){
        .kind = SUBMIT_ENROL,
        .arena = arena,
        .subject = *identifier,
        .event = {.kind = EVENT_ENROLLED,
                  .type = STR("member.enrolled"),
                  .source = STR("test"),
                  .external_id = str_fmt(arena, "enrol-%.*s", STR_ARG(external_id)),
                  .time = s->now},
        .enrolment = {.identifiers = identifier,
                      .identifiers_n = 1,
                      .sealed_profile =
                          timezone.n > 0
                              ? str_fmt(arena, "{\"external_id\":\"%.*s\",\"timezone\":\"%.*s\"}",
                                        STR_ARG(external_id), STR_ARG(timezone))
                              : str_fmt(arena, "{\"external_id\":\"%.*s\"}", STR_ARG(external_id)),
                      .clear = {.birth_on = birth_on,
                                .birth_entered_at = s->now,
                                .tags = STR("[]"),
                                .attributes =
                                    attributes.n > 0 ? buf_view(&attributes) : STR("{}")}},
    };
    if (advocate.n > 0) {
        submission->event.data = scenario_code_data(s, "referral_code", advocate);
    }
    submission_hash(submission, store_base_vault(s->base), NULL);
    scenario_submit(s, submission);
    return submission;
}

static inline void scenario_clock(struct scenario *s, int64_t now)
{
    s->both->fail.items_n = 0;
    const enum err err = engine_clock_set(s->engine, STR("test"), now, &s->both->fail);
    scenario_check(s, err == ERR_OK, "clock: %s", err_code(err));
    s->now = now;
}

/* The member's state as stored now. */
static inline struct state *scenario_state(struct scenario *s, struct str subject)
{
    struct arena *arena = &s->both->arena;
    struct identifier identifier;
    struct member_facts *facts = arena_new(arena, struct member_facts, 1);
    assert_ok(identifier_read(arena, store_base_vault(s->base), subject, &s->both->fail, "",
                              &identifier));
    assert_ok(db_begin(store_db(s->reader), DB_READ));
    struct instance instance;
    assert_ok(store_instance_read(s->reader, arena, &instance));
    assert_ok(store_programs_refresh(s->reader, instance.epoch));
    assert_ok(store_members_find(s->reader, arena, &identifier, 1, &facts->member));
    assert_ok(store_facts_load(s->reader, arena, facts, 1, false));
    scenario_check(s, facts->exists, "no member %.*s", STR_ARG(subject));
    assert_ok(store_state_load_lots(s->reader, arena, facts->state));
    assert_ok(store_state_load_counters(s->reader, arena, facts->state));
    db_rollback(store_db(s->reader));
    return facts->state;
}

static inline void scenario_expect_balances(struct scenario *s, const struct json *wanted,
                                            const struct state *state)
{
    struct str slug = {0};
    const struct json *value = NULL;
    json_object_foreach(wanted, slug, value)
    {
        struct balance is = {0};
        for (size_t i = 0; i < state->balances_n; i++) {
            if (str_eq(store_symbol_slug(s->reader, state->balances[i].wallet), slug)) {
                is = state->balances[i];
            }
        }
        scenario_check(s, is.active == scenario_int(value, "active", is.active),
                       "%s active is %" PRId64, slug.p, is.active);
        scenario_check(s, is.pending == scenario_int(value, "pending", is.pending),
                       "%s pending is %" PRId64, slug.p, is.pending);
        scenario_check(s, is.debt == scenario_int(value, "debt", is.debt), "%s debt is %" PRId64,
                       slug.p, is.debt);
    }
}

static inline void scenario_expect_until(struct scenario *s, const struct json *until,
                                         int64_t valid_until)
{
    char at[INSTANT_BYTES + 1] = "null";
    if (valid_until != AT_NEVER) {
        instant_write(valid_until, at);
    }
    const bool is_right =
        json_is_null(until) ? strcmp(at, "null") == 0 : str_eq(str_c(at), json_str(until));
    scenario_check(s, is_right, "valid_until is %s", at);
}

/* What an answer to the next event would say of a tier set. */
static inline struct answer_tier scenario_tier(struct scenario *s, const struct state *state,
                                               const char *set)
{
    struct answer answer = {0};
    const struct program *program = NULL;
    assert_ok(store_program_at(s->reader, s->now, &program));
    answer_open(&s->both->arena, program, NULL, state, s->now, &answer);
    for (size_t i = 0; i < answer.tiers_n; i++) {
        if (set == NULL || str_eq(store_symbol_slug(s->reader, answer.tiers[i].set), str_c(set))) {
            return answer.tiers[i];
        }
    }
    scenario_check(s, false, "no tier set %s", set ? set : "at all");
    return (struct answer_tier){0};
}

/* {"main": "silver"}, and "valid_until" of the first set, or of each: {"main": INSTANT}. */
static inline void scenario_expect_tiers(struct scenario *s, const struct json *wanted,
                                         const struct json *until, const struct state *state)
{
    struct str set = {0};
    const struct json *value = NULL;
    json_object_foreach(wanted, set, value)
    {
        const struct str is = store_symbol_slug(s->reader, scenario_tier(s, state, set.p).tier);
        scenario_check(s, str_eq(is, json_str(value)), "tier of %s is %.*s", set.p, STR_ARG(is));
    }
    if (until != NULL && !json_is_object(until)) {
        scenario_expect_until(s, until, scenario_tier(s, state, NULL).valid_until);
    }
    json_object_foreach(until, set, value)
    {
        scenario_expect_until(s, value, scenario_tier(s, state, set.p).valid_until);
    }
}

static inline void scenario_expect_answer(struct scenario *s, const struct json *wanted)
{
    static const char *const OUTCOMES[] = {"applied", "refused", "held"};
    const struct submission *last = s->last;
    struct str key = {0};
    const struct json *value = NULL;
    const struct str error = scenario_str(wanted, "error");
    scenario_check(s, error.n > 0 || last->err == ERR_OK, "error %s %.*s", err_code(last->err),
                   STR_ARG(last->fail.items[0].detail));
    scenario_check(s, error.n == 0 || str_eq(error, str_c(err_code(last->err))), "error is %s",
                   err_code(last->err));
    if (error.n > 0) {
        return;
    }
    if (json_at(wanted, "outcome") != NULL) {
        scenario_check(
            s, str_eq(scenario_str(wanted, "outcome"), str_c(OUTCOMES[last->answer.outcome])),
            "outcome is %s, %.*s", OUTCOMES[last->answer.outcome],
            STR_ARG(reason_slug(last->answer.reason)));
    }
    if (json_at(wanted, "reason") != NULL) {
        scenario_check(s, str_eq(scenario_str(wanted, "reason"), reason_slug(last->answer.reason)),
                       "reason is %.*s", STR_ARG(reason_slug(last->answer.reason)));
    }
    if (json_at(wanted, "replayed") != NULL) {
        scenario_check(s, json_is_true(json_at(wanted, "replayed")) == last->is_replay,
                       "replayed is %d", last->is_replay);
    }
    json_object_foreach(json_at(wanted, "balances"), key, value)
    {
        int64_t active = 0;
        for (size_t i = 0; i < last->answer.balances_n; i++) {
            const struct answer_balance *b = &last->answer.balances[i];
            active = str_eq(store_symbol_slug(s->reader, b->wallet), key) ? b->active : active;
        }
        scenario_check(s, active == scenario_int(value, "active", active),
                       "%s active is %" PRId64 " in the answer", key.p, active);
    }
    json_object_foreach(json_at(wanted, "points"), key, value)
    {
        for (size_t i = 0; i < last->answer.points_n; i++) {
            const struct answer_points *p = &last->answer.points[i];
            if (!str_eq(store_symbol_slug(s->reader, p->wallet), key)) {
                continue;
            }
            scenario_check(s, p->earned == scenario_int(value, "earned", p->earned),
                           "%s earned is %" PRId64, key.p, p->earned);
            scenario_check(s, p->pending == scenario_int(value, "pending", p->pending),
                           "%s pending is %" PRId64, key.p, p->pending);
            scenario_check(s, p->spent == scenario_int(value, "spent", p->spent),
                           "%s spent is %" PRId64, key.p, p->spent);
            scenario_check(s, p->revoked == scenario_int(value, "revoked", p->revoked),
                           "%s revoked is %" PRId64, key.p, p->revoked);
        }
    }
    if (json_at(wanted, "rewards") != NULL) {
        // ["coffee issued", "mug used"]: those that the event issued or changed, in order.
        struct buf all;
        buf_open(&all, &s->both->arena, 4096);
        static const char *const STATES[] = {"",     "issued",    "reserved",
                                             "used", "cancelled", "expired"};
        for (size_t i = 0; i < last->answer.rewards_n; i++) {
            const struct answer_reward *r = &last->answer.rewards[i];
            buf_printf(&all, "%s%.*s %s", i > 0 ? ", " : "",
                       STR_ARG(store_symbol_slug(s->reader, r->reward)), STATES[r->state]);
        }
        scenario_check(s, str_eq(buf_view(&all), json_str(json_at(wanted, "rewards"))),
                       "rewards are \"%.*s\"", STR_ARG(buf_view(&all)));
    }
    if (json_at(wanted, "not_recovered") != NULL) {
        scenario_check(s,
                       (int64_t)last->answer.not_recovered_n ==
                           json_integer_value(json_at(wanted, "not_recovered")),
                       "not recovered are %zu", last->answer.not_recovered_n);
    }
    json_object_foreach(json_at(wanted, "achievements"), key, value)
    {
        struct answer_achievement is = {.value = -1, .completed = -1};
        for (size_t i = 0; i < last->answer.achievements_n; i++) {
            if (str_eq(store_symbol_slug(s->reader, last->answer.achievements[i].achievement),
                       key)) {
                is = last->answer.achievements[i];
            }
        }
        scenario_check(s, is.value == scenario_int(value, "value", is.value),
                       "%s value is %" PRId64, key.p, is.value);
        scenario_check(s, is.completed == scenario_int(value, "completed", is.completed),
                       "%s completed is %" PRId64, key.p, is.completed);
    }
    json_object_foreach(json_at(wanted, "missing"), key, value)
    {
        bool is_right = false;
        const struct program *program = NULL;
        assert_ok(store_program_version(s->reader, last->rules_version, &program));
        for (size_t i = 0; i < last->explain_n; i++) {
            is_right |= str_eq(program->rules[last->explain[i].rule].slug, key) &&
                        str_eq(last->explain[i].gap, json_str(value));
        }
        scenario_check(s, is_right, "%s lacked something else", key.p);
    }
    json_object_foreach(json_at(wanted, "not_fired"), key, value)
    {
        bool is_right = false;
        const struct program *program = NULL;
        assert_ok(store_program_version(s->reader, last->rules_version, &program));
        for (size_t i = 0; i < last->explain_n; i++) {
            is_right |= str_eq(program->rules[last->explain[i].rule].slug, key) &&
                        !last->explain[i].fired && str_eq(last->explain[i].stage, json_str(value));
        }
        scenario_check(s, is_right, "%s fired, or for another reason", key.p);
    }
}

/* What the last event changed: ["main: bronze -> silver, entered", …]. */
static inline void scenario_expect_changes(struct scenario *s, const struct json *wanted)
{
    const struct answer *answer = &s->last->answer;
    scenario_check(s, answer->tier_changes_n == json_array_size(wanted), "changes of tiers are %zu",
                   answer->tier_changes_n);
    for (size_t i = 0; i < json_array_size(wanted); i++) {
        const struct tier_change *c = &answer->tier_changes[i];
        const struct str is =
            str_fmt(&s->both->arena, "%.*s: %.*s -> %.*s, %.*s",
                    STR_ARG(store_symbol_slug(s->reader, c->set)),
                    STR_ARG(store_symbol_slug(s->reader, c->from)),
                    STR_ARG(store_symbol_slug(s->reader, c->to)), STR_ARG(tier_why_slug(c->why)));
        scenario_check(s, str_eq(is, json_str(json_array_get(wanted, i))), "change is %.*s",
                       STR_ARG(is));
    }
}

/* The member's events, newest first. */
static inline struct event_row *scenario_events(struct scenario *s, struct str subject, size_t *n)
{
    struct arena *arena = &s->both->arena;
    struct identifier identifier;
    struct member_facts facts = {0};
    struct event_row *rows = NULL;
    assert_ok(identifier_read(arena, store_base_vault(s->base), subject, &s->both->fail, "",
                              &identifier));
    assert_ok(db_begin(store_db(s->reader), DB_READ));
    assert_ok(store_members_find(s->reader, arena, &identifier, 1, &facts.member));
    assert_ok(store_facts_load(s->reader, arena, &facts, 1, false));
    assert_ok(store_events_list(s->reader, arena, &facts, facts.state->last_event, 1000, &rows, n));
    db_rollback(store_db(s->reader));
    return rows;
}

/* Events of the member that speak of tiers, newest first, as many as given: {"type", "time",
 * "changes": [as above], and parts of its data such as "set" and "next"}. */
static inline void scenario_expect_timeline(struct scenario *s, struct str subject,
                                            const struct json *wanted)
{
    size_t n = 0;
    size_t at = 0;
    const struct event_row *rows = scenario_events(s, subject, &n);
    for (size_t i = 0; i < json_array_size(wanted); i++, at++) {
        const struct json *w = json_array_get(wanted, i);
        char time[INSTANT_BYTES + 1] = "";
        while (at < n && rows[at].answer.tier_changes_n == 0 &&
               !str_starts(rows[at].event.type, STR("tier."))) {
            at++;
        }
        scenario_check(s, at < n, "the timeline has only %zu events about tiers", i);
        instant_write(rows[at].event.time, time);
        scenario_check(s, str_eq(rows[at].event.type, scenario_str(w, "type")),
                       "event %zu is %.*s of %s", i, STR_ARG(rows[at].event.type), time);
        scenario_check(s,
                       json_at(w, "time") == NULL || str_eq(str_c(time), scenario_str(w, "time")),
                       "event %zu is of %s", i, time);
        struct submission *last = s->last;
        struct submission shown = {.answer = rows[at].answer};
        s->last = &shown;
        if (json_at(w, "changes") != NULL) {
            scenario_expect_changes(s, json_at(w, "changes"));
        }
        s->last = last;
        struct str key = {0};
        const struct json *value = NULL;
        json_object_foreach(json_at(w, "data"), key, value)
        {
            scenario_check(s, json_is_same(value, json_find(rows[at].event.data, key)),
                           "event %zu has another %s", i, key.p);
        }
    }
}

/* What the clock has made of the member, oldest first, as many as there are: ["birthday
 * 2026-05-01T07:00:00.000Z {\"age\":30}"]. */
static inline void scenario_expect_clock(struct scenario *s, struct str subject,
                                         const struct json *wanted)
{
    struct arena *arena = &s->both->arena;
    size_t n = 0;
    size_t seen = 0;
    const struct event_row *rows = scenario_events(s, subject, &n);
    for (size_t i = n; i-- > 0;) {
        char time[INSTANT_BYTES + 1];
        struct buf data;
        const bool is_ledger = event_kind_class(rows[i].event.kind) == EVENT_CLASS_CLOCK &&
                               !event_kind_is_moment(rows[i].event.kind);
        if (!str_eq(rows[i].event.source, STR("loyald/clock")) || is_ledger) {
            continue;
        }
        buf_open(&data, arena, 4096);
        json_write_canonical(&data, rows[i].event.data);
        instant_write(rows[i].event.time, time);
        const struct str is = str_fmt(arena, "%.*s %s %.*s%s", STR_ARG(rows[i].event.type), time,
                                      STR_ARG(buf_view(&data)),
                                      rows[i].answer.outcome == OUTCOME_REFUSED ? " refused" : "");
        const struct str should = json_str(json_array_get(wanted, seen++));
        scenario_check(s, str_eq(is, should), "the clock's event %zu is %.*s", seen, STR_ARG(is));
    }
    scenario_check(s, seen == json_array_size(wanted), "the clock made %zu events", seen);
}

/* Whom a member has brought, newest first: "rewarded, capped". */
static inline void scenario_expect_brought(struct scenario *s, int64_t member,
                                           const struct json *wanted)
{
    struct referral_line *lines = NULL;
    struct buf all;
    size_t n = 0;
    buf_open(&all, &s->both->arena, 4096);
    assert_ok(db_begin(store_db(s->reader), DB_READ));
    assert_ok(store_referrals_list(s->reader, &s->both->arena, member, INT64_MAX, 100, &lines, &n));
    db_rollback(store_db(s->reader));
    for (size_t i = 0; i < n; i++) {
        buf_printf(&all, "%s%.*s", i > 0 ? ", " : "",
                   STR_ARG(referral_state_slug(lines[i].note.referral.state)));
    }
    scenario_check(s, str_eq(buf_view(&all), json_str(wanted)), "brought are \"%.*s\"",
                   STR_ARG(buf_view(&all)));
}

/* The member's subscriptions in the order in which they came up: ["S1 fibre active kept 2"]; "-":
 * no plan. */
static inline void scenario_expect_subscriptions(struct scenario *s, struct str subject,
                                                 const struct json *wanted)
{
    struct arena *arena = &s->both->arena;
    struct identifier identifier;
    struct member_facts facts = {0};
    assert_ok(identifier_read(arena, store_base_vault(s->base), subject, &s->both->fail, "",
                              &identifier));
    assert_ok(db_begin(store_db(s->reader), DB_READ));
    assert_ok(store_members_find(s->reader, arena, &identifier, 1, &facts.member));
    assert_ok(store_facts_load(s->reader, arena, &facts, 1, false));
    scenario_check(s, facts.state->subscriptions_n == json_array_size(wanted),
                   "subscriptions are %zu", facts.state->subscriptions_n);
    for (size_t i = 0; i < facts.state->subscriptions_n; i++) {
        const struct subscription *known = &facts.state->subscriptions[i];
        struct event_row row;
        assert_ok(store_events_read(s->reader, arena, &facts.member, &known->opened_by, 1,
                                    &facts.key, &row));
        const struct str is = str_fmt(arena, "%.*s %.*s %.*s kept %d",
                                      STR_ARG(json_str(json_at(row.event.data, "subscription"))),
                                      STR_ARG(known->plan.n > 0 ? known->plan : STR("-")),
                                      STR_ARG(subscription_state_slug(known->state)), known->kept);
        scenario_check(s, str_eq(is, json_str(json_array_get(wanted, i))),
                       "subscription %zu is %.*s", i, STR_ARG(is));
    }
    db_rollback(store_db(s->reader));
}

/* A member's reviews, newest first: "published 5 LATTE, pending 3 ams-1". */
static inline void scenario_expect_reviews(struct scenario *s, int64_t member,
                                           const struct json *wanted)
{
    const struct review_filter filter = {.member = member, .before = INT64_MAX, .n = 100};
    struct review_row *rows = NULL;
    struct buf all;
    size_t n = 0;
    buf_open(&all, &s->both->arena, 4096);
    assert_ok(db_begin(store_db(s->reader), DB_READ));
    assert_ok(store_reviews_list(s->reader, &s->both->arena, &filter, &rows, &n));
    db_rollback(store_db(s->reader));
    for (size_t i = 0; i < n; i++) {
        buf_printf(&all, "%s%.*s %d %.*s", i > 0 ? ", " : "",
                   STR_ARG(review_state_slug(rows[i].state)), rows[i].stars,
                   STR_ARG(rows[i].sku.n > 0 ? rows[i].sku : rows[i].store));
    }
    scenario_check(s, str_eq(buf_view(&all), json_str(wanted)), "reviews are \"%.*s\"",
                   STR_ARG(buf_view(&all)));
}

static inline void scenario_expect(struct scenario *s, const struct json *wanted)
{
    const struct str subject =
        json_at(wanted, "subject") ? scenario_str(wanted, "subject") : STR("ext:m");
    const struct state *state = scenario_state(s, subject);
    scenario_expect_balances(s, json_at(wanted, "balances"), state);
    scenario_expect_tiers(s, json_at(wanted, "tiers"), json_at(wanted, "valid_until"), state);
    if (json_at(wanted, "changes") != NULL) {
        scenario_expect_changes(s, json_at(wanted, "changes"));
    }
    if (json_at(wanted, "timeline") != NULL) {
        scenario_expect_timeline(s, subject, json_at(wanted, "timeline"));
    }
    if (json_at(wanted, "clock") != NULL) {
        scenario_expect_clock(s, subject, json_at(wanted, "clock"));
    }
    if (json_at(wanted, "subscriptions") != NULL) {
        scenario_expect_subscriptions(s, subject, json_at(wanted, "subscriptions"));
    }
    if (json_at(wanted, "moments") != NULL) {
        scenario_check(s,
                       (int64_t)state->moments_n == json_integer_value(json_at(wanted, "moments")),
                       "moments are %zu", state->moments_n);
    }
    if (json_at(wanted, "answer") != NULL) {
        scenario_expect_answer(s, json_at(wanted, "answer"));
    }
    if (json_at(wanted, "brought") != NULL) {
        scenario_expect_brought(s, state->member, json_at(wanted, "brought"));
    }
    if (json_at(wanted, "reviews") != NULL) {
        scenario_expect_reviews(s, state->member, json_at(wanted, "reviews"));
    }
    if (json_at(wanted, "referral") != NULL) {
        const struct str is = referral_state_slug(state->referral.state);
        scenario_check(s, str_eq(is, scenario_str(wanted, "referral")), "the referral is %.*s",
                       STR_ARG(is));
    }
    if (json_at(wanted, "open_rewards") != NULL) {
        scenario_check(
            s, (int64_t)state->rewards_n == json_integer_value(json_at(wanted, "open_rewards")),
            "open rewards are %zu", state->rewards_n);
    }
    if (json_at(wanted, "lots") != NULL) {
        scenario_check(s, (int64_t)state->lots_n == json_integer_value(json_at(wanted, "lots")),
                       "lots are %zu", state->lots_n);
    }
    struct str slug = {0};
    const struct json *value = NULL;
    json_object_foreach(json_at(wanted, "next_expiry"), slug, value)
    {
        char at[INSTANT_BYTES + 1] = "null";
        for (size_t i = 0; i < state->next_expiries_n; i++) {
            if (str_eq(store_symbol_slug(s->reader, state->next_expiries[i].wallet), slug)) {
                instant_write(state->next_expiries[i].at, at);
            }
        }
        scenario_check(s, str_eq(str_c(at), json_str(value)), "%s next expiry is %s", slug.p, at);
    }
}

static inline void scenario_step(struct scenario *s, const struct json *step)
{
    if (json_at(step, "event") != NULL) {
        (void)scenario_send(s, json_at(step, "event"));
    } else if (json_at(step, "together") != NULL) {
        scenario_together(s, json_at(step, "together"));
    } else if (json_at(step, "enrol") != NULL) {
        (void)scenario_enrol(s, scenario_str(step, "enrol"), json_at(step, "profile"),
                             scenario_str(step, "brought_by"));
    } else if (json_at(step, "advance") != NULL) {
        const struct json *by = json_at(step, "advance");
        scenario_clock(s, s->now + scenario_int(by, "days", 0) * MS_PER_DAY +
                              scenario_int(by, "hours", 0) * MS_PER_HOUR +
                              scenario_int(by, "minutes", 0) * MS_PER_MIN);
    } else if (json_at(step, "asleep") != NULL) {
        scenario_sleep(s, s->now + scenario_int(json_at(step, "asleep"), "days", 0) * MS_PER_DAY);
    } else if (json_at(step, "now") != NULL) {
        int64_t now = 0;
        scenario_check(s, instant_read(scenario_str(step, "now"), &now), "bad now");
        scenario_clock(s, now);
    } else if (json_at(step, "publish") != NULL) {
        int64_t at = s->now;
        if (json_at(step, "effective_at") != NULL) {
            scenario_check(s, instant_read(scenario_str(step, "effective_at"), &at),
                           "bad effective_at");
        }
        scenario_publish(s, json_at(step, "publish"), at,
                         json_is_true(json_at(step, "by_an_earlier_release")));
    } else {
        scenario_check(s, json_at(step, "expect") != NULL,
                       "a step is event, enrol, advance, now, publish or expect");
        scenario_expect(s, json_at(step, "expect"));
    }
}

/* The base program with the scenario's fields put over it. */
static inline const struct json *scenario_program(struct scenario *s, const struct json *base,
                                                  const struct json *over)
{
    struct json *document = json_object_copy(&s->both->arena, base);
    struct str name = {0};
    const struct json *value = NULL;
    json_object_foreach(over, name, value)
    {
        json_set(&s->both->arena, document, name.p, value);
    }
    return document;
}

static inline void scenario_run(struct scenario *s, const struct json *base,
                                const struct json *json)
{
    s->name = scenario_str(json, "name");
    s->step = 0;
    const struct str start = scenario_str(json, "start");
    int64_t now = 0;
    if (start.n > 0) {
        scenario_check(s, instant_read(start, &now), "bad start");
        scenario_clock(s, now);
    }
    scenario_publish(s, scenario_program(s, base, json_at(json, "program")), AT_MIN, false);
    if (!json_is_false(json_at(json, "enrolled"))) {
        (void)scenario_enrol(s, STR("m"), json_at(json, "profile"), (struct str){0});
    }
    const struct json *steps = json_at(json, "steps");
    for (size_t i = 0; i < json_array_size(steps); i++) {
        s->step = i;
        scenario_step(s, json_array_get(steps, i));
    }
}

#endif
