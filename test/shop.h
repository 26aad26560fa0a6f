/* A small instance for tests of the store and the engine, on both databases: a published program,
 * members, events.
 *
 * Owns:    a store_base and a writing store; shop_close() before the test ends.
 * Threads: main thread only.
 * Memory:  both->arena.
 * Errors:  a test fails.
 * Limits:  -
 */
#ifndef LOYALD_TEST_SHOP_H
#define LOYALD_TEST_SHOP_H

#include "both.h"

#include "base/json.h"
#include "engine/batch.h"
#include "engine/verify.h"
#include "store/members.h"

#define SHOP_OPENED ((int64_t)1767225600000) // 2026-01-01T00:00:00Z, where test clocks start

struct shop {
    struct both *both;
    struct arena *arena;
    struct store_config config;
    struct store_base *base;
    struct store *store;
    int64_t now;
    int events_n;
};

static const char SHOP_PROGRAM[] =
    "{\"format\":\"loyald.program/1\",\"name\":\"Corner "
    "shop\",\"currency\":\"EUR\",\"timezone\":\"Europe/Amsterdam\","
    "\"unknown_members\":\"hold\",\"hold_days\":90,"
    "\"attributes\":[{\"name\":\"contract_end\",\"type\":\"date\",\"segment\":true},{\"name\":"
    "\"shoe_size\",\"type\":\"number\"}],"
    "\"wallets\":[{\"slug\":\"points\",\"expiry\":{\"kind\":\"months\",\"months\":12},\"returns\":"
    "\"debt\","
    "\"pay\":{\"points\":100,\"amount\":100}},"
    "{\"slug\":\"stars\",\"pending\":{\"kind\":\"days\",\"days\":14}}],"
    "\"earning_rules\":["
    "{\"slug\":\"base\",\"trigger\":\"purchase\",\"effects\":[{\"kind\":\"earn\",\"wallet\":"
    "\"points\",\"points\":1,\"per_amount\":100}]},"
    "{\"slug\":\"stars\",\"trigger\":\"purchase\",\"effects\":[{\"kind\":\"earn\",\"wallet\":"
    "\"stars\",\"points\":1,\"per_amount\":1000}]},"
    "{\"slug\":\"hello\",\"trigger\":\"member.enrolled\",\"effects\":[{\"kind\":\"earn\","
    "\"wallet\":\"points\",\"points\":50}]}],"
    "\"tier_sets\":[{\"slug\":\"main\",\"metrics\":{\"spend\":{\"kind\":\"spend\"}},\"period\":{"
    "\"kind\":\"rolling_months\",\"months\":12},"
    "\"tiers\":[{\"slug\":\"bronze\"},{\"slug\":\"silver\",\"enter\":{\"any_of\":[{\"spend\":"
    "100000}]}}]}]}";

static inline const struct json *shop_json(struct shop *shop, const char *text)
{
    const struct json *json = NULL;
    assert_ok(json_read(shop->arena, str_c(text), &shop->both->fail, &json));
    return json;
}

static inline void shop_publish(struct shop *shop, const char *document)
{
    int version = 0;
    struct fail f = {.arena = shop->arena};
    assert_ok(db_begin(store_db(shop->store), DB_WRITE));
    const enum err err =
        store_program_publish(shop->store, shop->arena, shop_json(shop, document), shop->now,
                              shop->now, STR("test"), STR("test"), &f, &version);
    for (size_t i = 0; i < f.items_n; i++) {
        print_error("%.*s %.*s\n", STR_ARG(f.items[i].pointer), STR_ARG(f.items[i].detail));
    }
    assert_ok(err);
    assert_ok(db_commit(store_db(shop->store)));
}

/* Opens what is there already. */
static inline void shop_reopen(struct shop *shop)
{
    assert_ok(store_base_open(&shop->config, &shop->both->fail, &shop->base));
    assert_ok(store_open(shop->base, DB_WRITER, &shop->both->fail, &shop->store));
}

static inline void shop_close(struct shop *shop)
{
    store_close(shop->store);
    store_base_close(shop->base);
    shop->store = NULL;
    shop->base = NULL;
}

/* A new instance with a test clock, and a program in force. The key store is a file on both
 * databases. */
static inline struct shop *shop_open(struct both *both)
{
    struct shop *shop = arena_new(&both->arena, struct shop, 1);
    *shop = (struct shop){
        .both = both,
        .arena = &both->arena,
        .now = SHOP_OPENED,
        .config =
            {
                .database = both->url,
                .keys = str_fmt(&both->arena, "%s/keys.db", both->dir),
                .key_file = str_fmt(&both->arena, "%s/master.key", both->dir),
            },
    };
    const enum err err = store_init(&shop->config, true, SHOP_OPENED, &both->fail);
    if (err != ERR_OK && both->fail.items_n > 0) {
        print_error("%.*s\n", STR_ARG(both->fail.items[0].detail));
    }
    assert_ok(err);
    shop_reopen(shop);
    shop_publish(shop, SHOP_PROGRAM);
    return shop;
}

/* The one number that a query gives. */
static inline int64_t shop_number(struct shop *shop, const char *sql)
{
    struct db_result rows;
    assert_ok(db_query_text(store_db(shop->store), shop->arena, str_c(sql), NULL, 0, &rows));
    return db_at_int(&rows, 0, 0);
}

/* What the self-check says of the books. */
static inline const struct verify_report *shop_verify(struct shop *shop)
{
    struct verify_report *report = arena_new(shop->arena, struct verify_report, 1);
    struct store *reader = NULL;
    report->arena = shop->arena;
    assert_ok(store_open(shop->base, DB_READER, &shop->both->fail, &reader));
    assert_ok(verify_run(reader, NULL, report));
    store_close(reader);
    return report;
}

static inline const struct program *shop_program(struct shop *shop)
{
    struct instance instance;
    const struct program *program = NULL;
    assert_ok(store_instance_read(shop->store, shop->arena, &instance));
    assert_ok(store_programs_refresh(shop->store, instance.epoch));
    assert_ok(store_program_at(shop->store, shop->now, &program));
    return program;
}

static inline struct member_profile shop_profile(struct shop *shop, const char *json)
{
    struct member_profile profile;
    struct fail f = {.arena = shop->arena};
    const enum err err =
        profile_read(shop->arena, shop_json(shop, json), NULL, NULL, shop->now, &f, &profile);
    if (err != ERR_OK) {
        print_error("%.*s: %.*s\n", STR_ARG(f.items[0].pointer), STR_ARG(f.items[0].detail));
    }
    assert_ok(err);
    return profile;
}

/* Moves the clock; nothing runs by itself. */
static inline void shop_clock(struct shop *shop, int64_t now)
{
    shop->now = now;
    assert_ok(db_begin(store_db(shop->store), DB_WRITE));
    assert_ok(store_clock_set(shop->store, now, &shop->both->fail));
    assert_ok(db_commit(store_db(shop->store)));
}

/* Runs one submission as the engine does: supposed to be new, and looked up where that was wrong.
 * The batch must work; the submission's own error is returned. */
static inline enum err shop_run(struct shop *shop, struct submission *s)
{
    s->arena = shop->arena;
    enum err err = batch_run(shop->store, shop->arena, &s, 1, BATCH_APPLY_NEW);
    if (err == ERR_RETRY) {
        err = batch_run(shop->store, shop->arena, &s, 1, BATCH_APPLY);
    }
    if (err != ERR_OK) {
        print_error("batch: %s\n", db_error_text(store_db(shop->store)));
    }
    assert_ok(err);
    return s->err;
}

/* An enrolment that was not run yet. */
static inline struct submission shop_enrolment(struct shop *shop, const char *json)
{
    const struct member_profile profile = shop_profile(shop, json);
    struct submission s = {
        .kind = SUBMIT_ENROL,
        .arena = shop->arena,
        .event =
            {
                .kind = EVENT_ENROLLED,
                .type = STR("member.enrolled"),
                .source = STR("test/enrol"),
                .external_id = str_fmt(shop->arena, "%d", ++shop->events_n),
                .time = shop->now,
            },
    };
    assert_ok(store_enrolment_make(shop->store, shop->arena, shop_program(shop), &profile,
                                   &shop->both->fail, &s.enrolment));
    submission_hash(&s, store_vault(shop->store), NULL);
    return s;
}

static inline int64_t shop_enrol(struct shop *shop, const char *json)
{
    struct submission s = shop_enrolment(shop, json);
    assert_ok(shop_run(shop, &s));
    return s.member;
}

/* An event of `subject` ("mbr_…", "ext:…"; empty: none) with a natural key of its own unless
 * s->event has one. */
static inline enum err shop_event(struct shop *shop, const char *subject, struct submission *s)
{
    s->kind = SUBMIT_EVENT;
    s->arena = shop->arena;
    s->event.type = event_kind_type(s->event.kind);
    s->event.subject = str_c(subject);
    s->event.time = s->event.time != 0 ? s->event.time : shop->now;
    if (s->event.external_id.n == 0) {
        s->event.source = STR("till/1");
        s->event.external_id = str_fmt(shop->arena, "%d", ++shop->events_n);
    }
    if (subject[0] != 0) {
        assert_ok(identifier_read(shop->arena, store_vault(shop->store), str_c(subject),
                                  &shop->both->fail, "", &s->subject));
    }
    submission_hash(s, store_vault(shop->store), NULL);
    return shop_run(shop, s);
}

/* A purchase of one line; returns its event id. */
static inline int64_t shop_purchase(struct shop *shop, const char *subject, int64_t amount,
                                    const char *id)
{
    struct line line = {
        .id = STR("1"),
        .sku = STR("BEANS"),
        .name = STR("Beans"),
        .category = STR("coffee"),
        .quantity_milli = 1000,
        .amount = amount,
    };
    struct submission s = {
        .event =
            {
                .kind = EVENT_PURCHASE,
                .amount = amount,
                .currency = STR("EUR"),
                .lines = &line,
                .lines_n = 1,
                .source = STR("till/1"),
                .external_id = str_c(id),
            },
    };
    assert_ok(shop_event(shop, subject, &s));
    return s.event_id;
}

static inline void shop_refund(struct shop *shop, const char *subject, const char *original)
{
    struct submission s = {
        .event = {.kind = EVENT_REFUND,
                  .original = {.source = STR("till/1"), .id = str_c(original)}},
    };
    assert_ok(shop_event(shop, subject, &s));
}

static inline const char *shop_mbr(struct shop *shop, int64_t member)
{
    char *text = arena_bytes(shop->arena, ID_TEXT_BYTES + 1);
    id_write("mbr_", member, text);
    return text;
}

#endif
