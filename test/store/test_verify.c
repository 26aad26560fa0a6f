/* Every kind of damage, planted one at a time, is found and named. */
#include "base/base.h"

#include "shop.h"

#include "base/log.h"
#include "engine/verify.h"
#include "store/audit.h"

enum { PLACE_BYTES = 256 };

/* An instance with some of everything in it. */
struct books {
    struct shop *shop;
    struct db *raw;  // a connection of the test's own, for planting
    struct db *keys; // to the key store
    int64_t ann, bob, eve, gone, many;
    int64_t latte; // a purchase of ann's that a refund has touched
    int64_t paid;  // a purchase of ann's paid in points
    struct verify_report *report;
};

static void run_sql(struct books *b, const char *sql)
{
    both_run(b->shop->both, b->raw, sql);
}

static const char *sql(struct books *b, const char *fmt, ...) PRINTF(2, 3);
static const char *sql(struct books *b, const char *fmt, ...)
{
    char text[4096];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return str_dup(b->shop->arena, str_c(text)).p;
}

static int64_t number(struct books *b, const char *text)
{
    struct db_result rows;
    assert_ok(db_query_text(b->raw, b->shop->arena, str_c(text), NULL, 0, &rows));
    assert_int_equal(rows.rows_n, 1);
    return db_at_int(&rows, 0, 0);
}

static struct str blob(struct books *b, const char *text)
{
    struct db_result rows;
    assert_ok(db_query_text(b->raw, b->shop->arena, str_c(text), NULL, 0, &rows));
    assert_true(rows.rows_n > 0);
    return str_dup(b->shop->arena, db_at_str(&rows, 0, 0));
}

/* "UPDATE t SET c = %s WHERE …" with the bytes. */
static void set_blob(struct books *b, const char *table, const char *column, const char *where,
                     struct str bytes)
{
    struct db_result rows;
    const struct db_value value = db_blob(bytes.p, bytes.n);
    const char *mark = b->shop->both->dialect == DB_SQLITE ? "?1" : "CAST($1 AS bytea)";
    assert_ok(
        db_query_text(b->raw, b->shop->arena,
                      str_c(sql(b, "UPDATE %s SET %s = %s WHERE %s", table, column, mark, where)),
                      &value, 1, &rows));
}

static void flip(struct books *b, const char *table, const char *column, const char *where)
{
    const struct str bytes = blob(b, sql(b, "SELECT %s FROM %s WHERE %s", column, table, where));
    char *changed = arena_bytes(b->shop->arena, bytes.n);
    memcpy(changed, bytes.p, bytes.n);
    changed[bytes.n / 2] ^= 1;
    set_blob(b, table, column, where, (struct str){.p = changed, .n = bytes.n});
}

static const char *TABLES[] = {
    "instance",   "symbol",    "program_version", "member",       "member_clear",
    "identifier", "name_word", "member_state",    "member_chunk", "event_key",
    "event",      "transfer",  "purchase",        "timer",        "held",
    "sale",       "audit",     "released"};

/* ---- the books ---- */

static void pay_with_points(struct shop *shop, const char *subject, const char *id, int64_t *event)
{
    struct payment payment = {.method = STR("points"), .wallet = STR("points"), .amount = 30};
    struct submission s = {
        .event = {.kind = EVENT_PURCHASE,
                  .amount = 3000,
                  .currency = STR("EUR"),
                  .payments = &payment,
                  .payments_n = 1,
                  .source = STR("till/1"),
                  .external_id = str_c(id)},
    };
    assert_ok(shop_event(shop, subject, &s));
    assert_int_equal(s.answer.outcome, OUTCOME_APPLIED);
    *event = s.event_id;
}

static void adjust(struct shop *shop, const char *subject, int64_t points)
{
    struct submission s = {
        .event = {.kind = EVENT_ADJUSTED,
                  .wallet = STR("points"),
                  .points = points,
                  .reason = STR("goodwill"),
                  .actor = STR("test")},
    };
    assert_ok(shop_event(shop, subject, &s));
}

static void fill(struct books *b)
{
    struct shop *shop = b->shop;
    bool is_final = false;
    b->ann = shop_enrol(shop, "{\"external_id\":\"ANN\",\"email\":\"ann@example.org\",\"name\":{"
                              "\"given\":\"Ann Marie\",\"family\":\"Groß\"}}");
    b->bob = shop_enrol(shop, "{\"external_id\":\"BOB\",\"name\":{\"given\":\"Bob\"},\"city\":"
                              "\"Delft\",\"tags\":[\"vip\"]}");
    b->eve = shop_enrol(shop, "{\"external_id\":\"EVE\",\"card\":\"12\"}");
    b->gone = shop_enrol(shop, "{\"external_id\":\"GONE\",\"name\":{\"given\":\"Gone\"}}");
    b->many = shop_enrol(shop, "{\"external_id\":\"MANY\"}");
    b->latte = shop_purchase(shop, "ext:ANN", 12345, "ann-1");
    (void)shop_purchase(shop, "ext:ANN", 5000, "ann-2");
    shop_refund(shop, "ext:ANN", "ann-1");
    (void)shop_purchase(shop, "ext:ANN", 20000, "ann-3");
    pay_with_points(shop, "ext:ANN", "ann-4", &b->paid);
    adjust(shop, "ext:ANN", 7);
    // Bob owes: he earns, spends it, and brings the goods back.
    (void)shop_purchase(shop, "ext:BOB", 20000, "bob-1");
    adjust(shop, "ext:BOB", -200);
    shop_refund(shop, "ext:BOB", "bob-1");
    (void)shop_purchase(shop, "ext:GONE", 7000, "gone-1");
    for (int i = 0; i < 60; i++) { // more lots than fit into the state
        shop_clock(shop, shop->now + MS_PER_DAY);
        (void)shop_purchase(shop, "ext:MANY", 1000 + i, sql(b, "many-%d", i));
    }
    (void)shop_purchase(shop, "", 999, "nobody-1");
    (void)shop_purchase(shop, "ext:STRANGER", 999, "stranger-1");
    shop_refund(shop, "ext:EVE", "eve-not-yet");
    // What was held and then decided is sound too.
    shop_refund(shop, "ext:EVE", "eve-1");
    (void)shop_purchase(shop, "ext:EVE", 4000, "eve-1");
    (void)shop_purchase(shop, "ext:LATER", 2500, "later-1");
    (void)shop_enrol(shop, "{\"external_id\":\"LATER\"}");
    assert_ok(db_begin(store_db(shop->store), DB_WRITE));
    assert_ok(store_member_erase(shop->store, shop->arena, b->gone, shop->now, &is_final));
    for (int i = 0; i < 3; i++) {
        const struct audit_entry entry = {
            .actor = STR("cli"), .action = STR("test.do"), .object = STR("x"), .at = shop->now};
        assert_ok(store_audit_write(shop->store, shop->arena, &entry));
    }
    assert_ok(db_commit(store_db(shop->store)));
}

static void keep(struct books *b)
{
    for (size_t i = 0; i < ARRAY_N(TABLES); i++) {
        run_sql(b, sql(b, "CREATE TABLE kept_%s AS SELECT * FROM %s", TABLES[i], TABLES[i]));
    }
}

static void restore(struct books *b)
{
    assert_ok(db_begin(b->raw, DB_WRITE));
    for (size_t i = 0; i < ARRAY_N(TABLES); i++) {
        run_sql(b, sql(b, "DELETE FROM %s", TABLES[i]));
        run_sql(b, sql(b, "INSERT INTO %s SELECT * FROM kept_%s", TABLES[i], TABLES[i]));
    }
    assert_ok(db_commit(b->raw));
}

/* A new reading store each time, as the command has. */
static int64_t verify(struct books *b)
{
    struct store *reader = NULL;
    b->report->arena = b->shop->arena;
    assert_ok(store_open(b->shop->base, DB_READER, &b->shop->both->fail, &reader));
    assert_ok(verify_run(reader, NULL, b->report));
    store_close(reader);
    return b->report->violations;
}

static void print_report(const struct books *b)
{
    for (size_t i = 0; i < b->report->n; i++) {
        const struct violation *v = &b->report->list[i];
        print_error("  %s: %.*s %.*s: %.*s\n", invariant_name(v->invariant), STR_ARG(v->table),
                    STR_ARG(v->row), STR_ARG(v->detail));
    }
}

static struct books *books_open(void **state)
{
    struct both *both = *state;
    struct books *b = arena_new(&both->arena, struct books, 1);
    log_level_set(LOG_ERROR);
    b->shop = shop_open(both);
    b->report = arena_new(&both->arena, struct verify_report, 1);
    fill(b);
    b->raw = both_open(both, DB_MAINTAINER, NULL);
    b->keys = both_open_url(both, b->shop->config.keys, DB_MAINTAINER, NULL);
    keep(b);
    if (verify(b) != 0) {
        print_report(b);
    }
    assert_int_equal(b->report->violations, 0);
    return b;
}

/* Damage must be found under this invariant, in this table; then everything is put back. */
static void expect(struct books *b, const char *what, enum invariant invariant, const char *table,
                   const char *row)
{
    bool is_found = false;
    (void)verify(b); // what it has counted is in the report
    for (size_t i = 0; i < b->report->n; i++) {
        const struct violation *v = &b->report->list[i];
        is_found |= v->invariant == invariant && str_eq(v->table, str_c(table)) &&
                    (row == NULL || str_eq(v->row, str_c(row)));
    }
    if (!is_found) {
        print_error("%s: expected %s in %s%s%s, found:\n", what, invariant_name(invariant), table,
                    row ? " " : "", row ? row : "");
        print_report(b);
    }
    assert_true(is_found);
    restore(b);
}

static const char *name_of(struct books *b, const char *prefix, int64_t id)
{
    return check_row(b->shop->arena, prefix, id).p;
}

/* ---- damage by SQL alone ---- */

static void damage_that_sql_can_do_is_found_and_named(void **state)
{
    struct books *b = books_open(state);
    const int64_t ann = b->ann;
    const int64_t middle =
        number(b, sql(b,
                      "SELECT transfer_id FROM transfer WHERE member_id = %" PRId64
                      " ORDER BY transfer_id LIMIT 1 OFFSET 3",
                      ann));
    const int64_t newest =
        number(b, sql(b, "SELECT max(transfer_id) FROM transfer WHERE member_id = %" PRId64, ann));
    const int64_t event = number(b, sql(b,
                                        "SELECT event_id FROM event WHERE member_id = %" PRId64
                                        " ORDER BY event_id LIMIT 1 OFFSET 2",
                                        ann));
    const int64_t last_event =
        number(b, sql(b, "SELECT max(event_id) FROM event WHERE member_id = %" PRId64, ann));
    const int64_t sale = number(b, "SELECT sale_id FROM sale");
    const int64_t held = number(b, "SELECT min(held_id) FROM held WHERE member_id = 0");
    const char *trf = name_of(b, "trf_", middle);
    const char *mbr = name_of(b, "mbr_", ann);
    const char *evt = name_of(b, "evt_", event);
    const char *many = name_of(b, "mbr_", b->many);
    const char *blob16 = b->shop->both->dialect == DB_SQLITE
                             ? "x'000102030405060708090a0b0c0d0e0f'"
                             : "decode('000102030405060708090a0b0c0d0e0f', 'hex')";
    const struct {
        const char *sql;
        enum invariant invariant;
        const char *table;
        const char *row;
    } list[] = {
        // 1 double entry
        {sql(b, "UPDATE transfer SET kind = 3 WHERE transfer_id = %" PRId64, middle),
         INV_DOUBLE_ENTRY, "transfer", trf},
        {sql(b, "UPDATE transfer SET from_account = 4 WHERE transfer_id = %" PRId64, middle),
         INV_DOUBLE_ENTRY, "transfer", trf},
        {sql(b, "UPDATE transfer SET to_account = 8 WHERE transfer_id = %" PRId64, middle),
         INV_DOUBLE_ENTRY, "transfer", trf},
        {sql(b, "UPDATE transfer SET lot = 0 WHERE transfer_id = %" PRId64, middle),
         INV_DOUBLE_ENTRY, "transfer", trf},
        // 2 balances
        {sql(b, "UPDATE transfer SET points = points + 1 WHERE transfer_id = %" PRId64, middle),
         INV_BALANCES, "member_state", mbr},
        {sql(b, "DELETE FROM transfer WHERE transfer_id = %" PRId64, newest), INV_BALANCES,
         "member_state", mbr},
        // 6 natural keys
        {sql(b, "DELETE FROM event_key WHERE event_id = %" PRId64, event), INV_NATURAL_KEYS,
         "event", evt},
        {sql(b, "UPDATE event_key SET hash = %s WHERE event_id = %" PRId64, blob16, event),
         INV_NATURAL_KEYS, "event", evt},
        {sql(b, "UPDATE event_key SET hash = %s WHERE event_id = %" PRId64, blob16, event),
         INV_NATURAL_KEYS, "event_key", "000102030405060708090a0b0c0d0e0f"},
        {sql(b, "UPDATE event_key SET event_id = %" PRId64 " WHERE event_id = %" PRId64, last_event,
             event),
         INV_NATURAL_KEYS, "event", evt},
        {sql(b, "UPDATE event_key SET member_id = %" PRId64 " WHERE event_id = %" PRId64, b->bob,
             event),
         INV_NATURAL_KEYS, "event", evt},
        {sql(b,
             "INSERT INTO event_key SELECT %s, fingerprint, member_id, event_id FROM event_key "
             "WHERE event_id = %" PRId64,
             blob16, event),
         INV_NATURAL_KEYS, "event_key", "000102030405060708090a0b0c0d0e0f"},
        {sql(b, "INSERT INTO event_key VALUES (%s, %s, 0, 77)", blob16, blob16), INV_NATURAL_KEYS,
         "event_key", NULL},
        {sql(b, "DELETE FROM event_key WHERE event_id = %" PRId64, sale), INV_NATURAL_KEYS, "sale",
         name_of(b, "evt_", sale)},
        {sql(b, "DELETE FROM sale"), INV_NATURAL_KEYS, "event_key", NULL},
        {sql(b, "DELETE FROM event_key WHERE event_id = %" PRId64, held), INV_NATURAL_KEYS, "held",
         name_of(b, "evt_", held)},
        {"UPDATE released SET event_id = event_id + 1", INV_NATURAL_KEYS, "released", NULL},
        {"UPDATE released SET event_id = event_id + 1", INV_NATURAL_KEYS, "event", NULL},
        // 7 chains
        {sql(b, "UPDATE transfer SET at = at + 1 WHERE transfer_id = %" PRId64, middle), INV_CHAINS,
         "transfer", trf},
        {sql(b, "UPDATE transfer SET booked_at = booked_at - 1 WHERE transfer_id = %" PRId64,
             middle),
         INV_CHAINS, "transfer", trf},
        {sql(b, "UPDATE transfer SET rule = rule + 1 WHERE transfer_id = %" PRId64, middle),
         INV_CHAINS, "transfer", trf},
        {sql(b, "UPDATE transfer SET wallet = 2 WHERE transfer_id = %" PRId64, middle), INV_CHAINS,
         "transfer", trf},
        {sql(b, "UPDATE transfer SET event_id = %" PRId64 " WHERE transfer_id = %" PRId64,
             last_event, middle),
         INV_CHAINS, "transfer", trf},
        {sql(b, "UPDATE transfer SET reason = hash WHERE transfer_id = %" PRId64, middle),
         INV_CHAINS, "transfer", trf},
        {sql(b, "UPDATE transfer SET previous = 0 WHERE transfer_id = %" PRId64, middle),
         INV_CHAINS, "transfer", trf},
        {sql(b, "UPDATE transfer SET previous = transfer_id WHERE transfer_id = %" PRId64, middle),
         INV_CHAINS, "transfer", trf},
        {sql(b, "DELETE FROM transfer WHERE transfer_id = %" PRId64, middle), INV_CHAINS,
         "transfer", NULL},
        {sql(b, "DELETE FROM transfer WHERE member_id = %" PRId64, ann), INV_CHAINS, "transfer",
         NULL},
        {sql(b, "UPDATE transfer SET member_id = %" PRId64 " WHERE transfer_id = %" PRId64, b->bob,
             middle),
         INV_CHAINS, "transfer", NULL},
        {sql(b,
             "INSERT INTO transfer SELECT transfer_id + 1000000, member_id, transfer_id, event_id, "
             "lot, at, booked_at, wallet, rule, version,"
             " kind, from_account, to_account, points, reason, hash FROM transfer WHERE "
             "transfer_id = %" PRId64,
             newest),
         INV_CHAINS, "transfer", name_of(b, "trf_", newest + 1000000)},
        {sql(b,
             "INSERT INTO transfer SELECT transfer_id + 1, member_id, previous, event_id, lot, at, "
             "booked_at, wallet, rule, version,"
             " kind, from_account, to_account, points, reason, hash FROM transfer WHERE "
             "transfer_id = %" PRId64
             " AND NOT EXISTS (SELECT 1 FROM transfer t WHERE t.transfer_id = %" PRId64 ")",
             newest, newest + 1),
         INV_CHAINS, "transfer", NULL},
        {sql(b,
             "INSERT INTO transfer SELECT 5, 4, 0, event_id, lot, at, booked_at, wallet, rule, "
             "version,"
             " kind, from_account, to_account, points, reason, hash FROM transfer WHERE "
             "transfer_id = %" PRId64,
             newest),
         INV_CHAINS, "transfer", NULL},
        {sql(b, "UPDATE event SET previous = 0 WHERE event_id = %" PRId64, event), INV_CHAINS,
         "event", evt},
        {sql(b, "DELETE FROM event WHERE event_id = %" PRId64, event), INV_CHAINS, "event", NULL},
        {sql(b, "DELETE FROM event WHERE event_id = %" PRId64, last_event), INV_CHAINS, "event",
         name_of(b, "evt_", last_event)},
        {sql(b,
             "INSERT INTO event SELECT event_id + 1000000, member_id, event_id, kind, time, "
             "booked_at, version, outcome, credential, content,"
             " sealed, answer FROM event WHERE event_id = %" PRId64,
             last_event),
         INV_CHAINS, "event", name_of(b, "evt_", last_event + 1000000)},
        {"UPDATE audit SET action = 'nothing' WHERE seq = 2", INV_CHAINS, "audit", "2"},
        {"DELETE FROM audit WHERE seq = 1", INV_CHAINS, "audit", "1"},
        {"DELETE FROM audit WHERE seq = 3", INV_CHAINS, "audit", "3"},
        // 8 sealed
        {sql(b,
             "UPDATE member SET sealed = (SELECT m.sealed FROM member m WHERE m.member_id = "
             "%" PRId64 ") WHERE member_id = %" PRId64,
             b->bob, ann),
         INV_SEALED, "member", mbr},
        {sql(b, "UPDATE member SET sealed = NULL WHERE member_id = %" PRId64, ann), INV_SEALED,
         "member", mbr},
        {sql(b, "UPDATE member SET status = 0 WHERE member_id = %" PRId64, ann), INV_SEALED,
         "member", mbr},
        {sql(b, "UPDATE member SET status = 1 WHERE member_id = %" PRId64, b->gone), INV_SEALED,
         "member", name_of(b, "mbr_", b->gone)},
        {sql(b,
             "INSERT INTO member_clear (member_id, birth_year, birth_month, birth_day, gender, "
             "country, city, language, tags, attributes)"
             " SELECT %" PRId64 ", birth_year, birth_month, birth_day, gender, country, city, "
             "language, tags, attributes"
             " FROM member_clear WHERE member_id = %" PRId64,
             b->gone, ann),
         INV_SEALED, "member_clear", name_of(b, "mbr_", b->gone)},
        {sql(b,
             "UPDATE event SET sealed = (SELECT e.sealed FROM event e WHERE e.event_id = %" PRId64
             ") WHERE event_id = %" PRId64,
             number(b,
                    sql(b, "SELECT max(event_id) FROM event WHERE member_id = %" PRId64, b->bob)),
             event),
         INV_SEALED, "event", evt},
        // 9 indexes
        {sql(b, "DELETE FROM identifier WHERE member_id = %" PRId64 " AND kind = 2", ann),
         INV_INDEXES, "identifier", mbr},
        {sql(b,
             "UPDATE identifier SET member_id = %" PRId64 " WHERE member_id = %" PRId64
             " AND kind = 2",
             b->bob, ann),
         INV_INDEXES, "identifier", mbr},
        {sql(b, "INSERT INTO identifier VALUES (2, %s, %" PRId64 ")", blob16, ann), INV_INDEXES,
         "identifier", "000102030405060708090a0b0c0d0e0f"},
        {sql(b, "INSERT INTO identifier VALUES (2, %s, %" PRId64 ")", blob16, b->gone), INV_INDEXES,
         "identifier", "000102030405060708090a0b0c0d0e0f"},
        {sql(b, "INSERT INTO identifier VALUES (2, %s, 12345)", blob16), INV_INDEXES, "identifier",
         "000102030405060708090a0b0c0d0e0f"},
        {sql(b, "DELETE FROM name_word WHERE member_id = %" PRId64, b->bob), INV_INDEXES,
         "name_word", name_of(b, "mbr_", b->bob)},
        {sql(b, "INSERT INTO name_word VALUES (%s, %" PRId64 ")", blob16, ann), INV_INDEXES,
         "name_word", "000102030405060708090a0b0c0d0e0f"},
        {sql(b, "UPDATE held SET wait_hash = %s WHERE held_id = %" PRId64, blob16, held),
         INV_INDEXES, "held", name_of(b, "evt_", held)},
        // 10 records and what belongs together
        {sql(b, "DELETE FROM member_state WHERE member_id = %" PRId64, ann), INV_DATABASE,
         "member_state", mbr},
        {sql(b, "UPDATE member_state SET state = %s WHERE member_id = %" PRId64, blob16, ann),
         INV_DATABASE, "member_state", mbr},
        {sql(b,
             "INSERT INTO member_state SELECT 4, version, state FROM member_state WHERE member_id "
             "= %" PRId64,
             ann),
         INV_DATABASE, "member_state", NULL},
        {sql(b, "DELETE FROM member WHERE member_id = %" PRId64, ann), INV_DATABASE, "member_state",
         mbr},
        {sql(b, "DELETE FROM member_chunk WHERE member_id = %" PRId64, b->many), INV_DATABASE,
         "member_chunk", many},
        {sql(b, "UPDATE member_chunk SET data = %s WHERE member_id = %" PRId64, blob16, b->many),
         INV_DATABASE, "member_chunk", many},
        {sql(b, "UPDATE member_chunk SET kind = 9 WHERE kind = 1 AND member_id = %" PRId64,
             b->many),
         INV_DATABASE, "member_chunk", many},
        {sql(b, "DELETE FROM timer WHERE member_id = %" PRId64, ann), INV_DATABASE, "timer", mbr},
        {sql(b, "UPDATE timer SET due_at = due_at + 1 WHERE member_id = %" PRId64, ann),
         INV_DATABASE, "timer", mbr},
        {sql(b, "UPDATE timer SET kind = 5 WHERE member_id = %" PRId64, ann), INV_DATABASE, "timer",
         mbr},
        {"INSERT INTO timer VALUES (4, 0, 4, 0)", INV_DATABASE, "timer", NULL},
        {sql(b, "DELETE FROM member_clear WHERE member_id = %" PRId64, ann), INV_DATABASE,
         "member_clear", mbr},
        {sql(b, "UPDATE member_clear SET tags = 'no json' WHERE member_id = %" PRId64, ann),
         INV_DATABASE, "member_clear", mbr},
        {sql(b, "UPDATE purchase SET data = %s WHERE event_id = %" PRId64, blob16, b->latte),
         INV_DATABASE, "purchase", name_of(b, "evt_", b->latte)},
        {sql(b, "UPDATE purchase SET content_event = 5 WHERE event_id = %" PRId64, b->latte),
         INV_DATABASE, "purchase", name_of(b, "evt_", b->latte)},
        {sql(b, "UPDATE event SET outcome = 1 WHERE event_id = %" PRId64, event), INV_DATABASE,
         "event", evt},
        {sql(b, "UPDATE event SET kind = 6 WHERE event_id = %" PRId64, event), INV_DATABASE,
         "event", evt},
        {sql(b, "UPDATE event SET content = %s WHERE event_id = %" PRId64, blob16, event),
         INV_DATABASE, "event", evt},
        {sql(b, "UPDATE event SET answer = %s WHERE event_id = %" PRId64, blob16, event),
         INV_DATABASE, "event", evt},
        {sql(b, "UPDATE event SET version = 9 WHERE event_id = %" PRId64, event), INV_DATABASE,
         "event", evt},
        {"UPDATE sale SET amount = amount + 1", INV_DATABASE, "sale", name_of(b, "evt_", sale)},
        {"UPDATE program_version SET document = replace(document, '\"per_amount\":100,', "
         "'\"per_amount\":50,')",
         INV_DATABASE, "program_version", "1"},
        {"UPDATE program_version SET document = '{}'", INV_DATABASE, "program_version", "1"},
        {"DELETE FROM program_version", INV_DATABASE, "event", NULL},
        {"UPDATE symbol SET name = 'wallet:coins' WHERE name = 'wallet:points'", INV_DATABASE,
         "program_version", "1"},
        {"DELETE FROM symbol WHERE id = 2", INV_DATABASE, "symbol", NULL},
    };
    for (size_t i = 0; i < ARRAY_N(list); i++) {
        run_sql(b, list[i].sql);
        expect(b, list[i].sql, list[i].invariant, list[i].table, list[i].row);
    }
    assert_int_equal(verify(b), 0);
    shop_close(b->shop);
}

/* ---- damage inside records ---- */

static void a_flipped_bit_in_sealed_bytes_is_found(void **state)
{
    struct books *b = books_open(state);
    const char *where = sql(b, "member_id = %" PRId64, b->ann);
    flip(b, "member", "sealed", where);
    expect(b, "member.sealed", INV_SEALED, "member", name_of(b, "mbr_", b->ann));
    flip(b, "event", "sealed", sql(b, "event_id = %" PRId64, b->latte));
    expect(b, "event.sealed", INV_SEALED, "event", name_of(b, "evt_", b->latte));
    flip(b, "sale", "sealed", "sale_id > 0");
    expect(b, "sale.sealed", INV_SEALED, "sale", NULL);
    flip(b, "held", "sealed", "member_id = 0");
    expect(b, "held.sealed", INV_SEALED, "held", NULL);
    flip(b, "transfer", "hash",
         sql(b, "transfer_id = (SELECT max(transfer_id) FROM transfer WHERE %s)", where));
    expect(b, "transfer.hash", INV_CHAINS, "transfer", NULL);
    shop_close(b->shop);
}

static void a_key_that_is_gone_without_an_erasure_is_found(void **state)
{
    struct books *b = books_open(state);
    both_run(b->shop->both, b->keys, "CREATE TABLE kept AS SELECT * FROM data_key");
    both_run(b->shop->both, b->keys,
             sql(b, "DELETE FROM data_key WHERE owner_id = %" PRId64, b->ann));
    expect(b, "key deleted", INV_SEALED, "member", name_of(b, "mbr_", b->ann));
    both_run(b->shop->both, b->keys,
             sql(b, "INSERT INTO data_key SELECT * FROM kept WHERE owner_id = %" PRId64, b->ann));
    both_run(b->shop->both, b->keys,
             sql(b,
                 "UPDATE data_key SET wrapped = (SELECT k.wrapped FROM kept k WHERE k.owner_id = "
                 "%" PRId64 ") WHERE owner_id = %" PRId64,
                 b->bob, b->ann));
    expect(b, "key swapped", INV_SEALED, "data_key", name_of(b, "mbr_", b->ann));
    both_run(b->shop->both, b->keys,
             sql(b, "DELETE FROM data_key WHERE owner_id = %" PRId64, b->ann));
    both_run(b->shop->both, b->keys,
             sql(b, "INSERT INTO data_key SELECT * FROM kept WHERE owner_id = %" PRId64, b->ann));
    both_run(b->shop->both, b->keys,
             sql(b,
                 "DELETE FROM data_key WHERE owner_id IN (SELECT owner_id FROM data_key WHERE "
                 "owner_id = %" PRId64 ")",
                 number(b, "SELECT min(held_id) FROM held WHERE member_id = 0")));
    expect(b, "held key deleted", INV_SEALED, "held", NULL);
    both_run(b->shop->both, b->keys, "INSERT OR IGNORE INTO data_key SELECT * FROM kept");
    both_run(b->shop->both, b->keys,
             sql(b, "DELETE FROM erasure WHERE owner_id = %" PRId64, b->gone));
    expect(b, "erasure deleted", INV_SEALED, "member", name_of(b, "mbr_", b->gone));
    shop_close(b->shop);
}

static struct state read_state(struct books *b, int64_t member)
{
    struct state s;
    const struct str bytes =
        blob(b, sql(b, "SELECT state FROM member_state WHERE member_id = %" PRId64, member));
    assert_ok(state_unpack(b->shop->arena, member, 1, bytes, &s));
    return s;
}

static void write_state(struct books *b, const struct state *s)
{
    struct buf bytes;
    buf_open(&bytes, b->shop->arena, 1024 * 1024);
    state_pack(&bytes, s);
    set_blob(b, "member_state", "state", sql(b, "member_id = %" PRId64, s->member),
             buf_view(&bytes));
}

static void a_state_that_does_not_add_up_is_found(void **state)
{
    struct books *b = books_open(state);
    const char *mbr = name_of(b, "mbr_", b->ann);
    struct state s = read_state(b, b->ann);
    struct lot *lot = &s.lots[s.lots_n - 1];
    assert_true(lot->active > 0);
    lot->active += 5;
    write_state(b, &s);
    expect(b, "lot raised", INV_LOTS, "member_state", mbr);

    s = read_state(b, b->ann);
    s.lots[s.lots_n - 1].active += 5;
    state_balance(b->shop->arena, &s, s.lots[s.lots_n - 1].wallet)->active += 5;
    write_state(b, &s);
    expect(b, "lot and balance raised", INV_BALANCES, "member_state", mbr);

    s = read_state(b, b->ann); // the sum stays, but the lots have changed places
    s.lots[s.lots_n - 1].active += 5;
    size_t other = 0;
    while (s.lots[other].wallet != s.lots[s.lots_n - 1].wallet || s.lots[other].active < 5) {
        other++;
    }
    assert_true(other < s.lots_n - 1);
    s.lots[other].active -= 5;
    write_state(b, &s);
    expect(b, "points moved between lots", INV_LOTS, "member_state", mbr);

    s = read_state(b, b->ann);
    state_balance(b->shop->arena, &s, s.lots[s.lots_n - 1].wallet)->debt = 5;
    write_state(b, &s);
    expect(b, "debt beside active points", INV_NEGATIVE, "member_state", mbr);

    s = read_state(b, b->ann);
    s.chain[7] ^= 1;
    write_state(b, &s);
    expect(b, "head changed", INV_CHAINS, "transfer", NULL);

    s = read_state(b, b->ann);
    s.transfers_n++;
    write_state(b, &s);
    expect(b, "count changed", INV_CHAINS, "member_state", mbr);

    s = read_state(b, b->ann);
    s.timer_at = AT_NEVER;
    write_state(b, &s);
    expect(b, "timer forgotten", INV_DATABASE, "timer", mbr);

    s = read_state(b, b->ann); // rolled back to an older head: rows beyond it are on no chain
    s.last_event = b->latte;
    write_state(b, &s);
    expect(b, "timeline cut", INV_CHAINS, "event", NULL);

    s = read_state(b, b->bob);
    assert_true(state_balance_find(&s, s.balances[0].wallet)->debt > 0);
    s.balances[0].debt -= 1;
    write_state(b, &s);
    expect(b, "debt forgiven", INV_BALANCES, "member_state", name_of(b, "mbr_", b->bob));
    shop_close(b->shop);
}

static struct event_row read_event(struct books *b, int64_t member, int64_t event)
{
    struct event_row row;
    struct vault_key key;
    assert_ok(store_member_key(b->shop->store, member, &key));
    assert_ok(store_events_read(b->shop->store, b->shop->arena, &member, &event, 1, &key, &row));
    return row;
}

static void write_content(struct books *b, const struct event_row *row)
{
    struct buf clear;
    struct buf content;
    buf_open(&clear, b->shop->arena, 1024 * 1024);
    buf_open(&content, b->shop->arena, 1024 * 1024);
    event_pack_clear(&clear, &row->event);
    pack_str(&content, buf_view(&clear));
    spent_pack(&content, row->spent, row->spent_n);
    set_blob(b, "event", "content", sql(b, "event_id = %" PRId64, row->id), buf_view(&content));
}

static void write_answer(struct books *b, const struct event_row *row)
{
    struct buf answer;
    buf_open(&answer, b->shop->arena, 1024 * 1024);
    answer_pack(&answer, &row->answer);
    set_blob(b, "event", "answer", sql(b, "event_id = %" PRId64, row->id), buf_view(&answer));
}

static void an_event_that_says_something_else_is_found(void **state)
{
    struct books *b = books_open(state);
    const char *latte = name_of(b, "evt_", b->latte);
    const char *paid = name_of(b, "evt_", b->paid);
    struct event_row row = read_event(b, b->ann, b->latte);
    row.event.amount = row.event.lines[0].amount = 99900;
    write_content(b, &row);
    expect(b, "amount changed", INV_DATABASE, "event", latte);

    row = read_event(b, b->ann, b->latte);
    row.answer.points[0].earned += 1;
    write_answer(b, &row);
    expect(b, "answer's points changed", INV_BALANCES, "event", latte);

    row = read_event(b, b->ann, b->latte);
    row.answer.balances[0].active += 1;
    write_answer(b, &row);
    expect(b, "answer's balance changed", INV_BALANCES, "event", latte);

    row = read_event(b, b->ann, b->paid);
    assert_true(row.spent_n > 0);
    row.spent[0].points += 1;
    write_content(b, &row);
    expect(b, "spent lots changed", INV_REDEMPTIONS, "event", paid);

    row = read_event(b, b->ann, b->paid);
    row.spent_n = 0;
    write_content(b, &row);
    expect(b, "spent lots dropped", INV_REDEMPTIONS, "event", paid);
    shop_close(b->shop);
}

/* ---- around it ---- */

static bool stop_at_once(void *self, const struct verify_report *so_far, int64_t members_all)
{
    int *calls = self;
    assert_int_equal(so_far->violations, 0);
    assert_true(members_all > 0);
    return ++*calls < 3;
}

static void a_check_can_be_stopped_between_slices(void **state)
{
    struct books *b = books_open(state);
    int calls = 0;
    const struct verify_options options = {.self = &calls, .progress = stop_at_once};
    assert_ok(verify_run(b->shop->store, &options, b->report));
    assert_true(b->report->is_cancelled);
    shop_close(b->shop);
}

static bool stop_in_the_second_pause(void *self)
{
    int *calls = self;
    return ++*calls < 2;
}

static void a_long_history_is_left_between_its_pages(void **state)
{
    enum { VISITS = 3 * CHECK_PAGE };
    struct shop *shop = shop_open(*state);
    struct verify_report *report = arena_new(shop->arena, struct verify_report, 1);
    int calls = 0;
    const struct verify_options options = {.self = &calls, .pause = stop_in_the_second_pause};
    report->arena = shop->arena;
    (void)shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    for (size_t i = 0; i < VISITS; i++) {
        struct submission s = {.event = {.kind = EVENT_VISIT}};
        assert_ok(shop_event(shop, "ext:ANN", &s));
    }
    assert_ok(verify_run(shop->store, &options, report));
    assert_true(report->is_cancelled);
    assert_int_equal(calls, 2);
    assert_true(report->events >= CHECK_PAGE && report->events < VISITS);
    assert_int_equal(report->violations, 0);
    shop_close(shop);
}

static void the_report_is_json(void **state)
{
    struct books *b = books_open(state);
    struct buf text;
    const struct json *json = NULL;
    run_sql(b, sql(b, "DELETE FROM timer WHERE member_id = %" PRId64, b->ann));
    assert_int_equal(verify(b), 1);
    buf_open(&text, b->shop->arena, 1024 * 1024);
    verify_report_write(&text, b->report);
    assert_ok(json_read(b->shop->arena, buf_view(&text), &b->shop->both->fail, &json));
    assert_true(json_is_false(json_at(json, "sound")));
    const struct json *first = json_array_get(json_at(json, "violations"), 0);
    assert_true(str_eq(json_str(json_at(first, "table")), STR("timer")));
    assert_int_equal(json_integer_value(json_at(first, "invariant")), INV_DATABASE);
    assert_int_equal(json_array_size(json_at(json, "invariants")), 10);
    shop_close(b->shop);
}

/* Whatever becomes of the file's pages, the check ends and says so, or they held nothing. */
static void overwritten_pages_never_pass_for_sound_books(void **state)
{
    enum { PAGE_BYTES = 2048 };
    struct books *b = books_open(state);
    struct shop *shop = b->shop;
    char page[PAGE_BYTES];
    struct stat before;
    for (size_t i = 0; i < ARRAY_N(TABLES); i++) {
        run_sql(b, sql(b, "DROP TABLE kept_%s", TABLES[i]));
    }
    run_sql(b, "VACUUM"); // no free pages: every one of them matters
    both_close(shop->both, b->raw);
    shop_close(shop);
    const char *path = str_z(shop->arena, shop->config.database);
    assert_int_equal(stat(path, &before), 0);
    for (off_t at = PAGE_BYTES; at < before.st_size; at += PAGE_BYTES * 3) {
        FILE *file = fopen(path, "r+b");
        assert_non_null(file);
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        assert_int_equal(fread(page, 1, PAGE_BYTES, file), PAGE_BYTES);
        char damaged[PAGE_BYTES];
        memset(damaged, (int)(at / PAGE_BYTES % 251), PAGE_BYTES);
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        assert_int_equal(fwrite(damaged, 1, PAGE_BYTES, file), PAGE_BYTES);
        assert_int_equal(fflush(file), 0);
        shop->both->fail.items_n = 0;
        enum err err = store_base_open(&shop->config, &shop->both->fail, &shop->base);
        if (err == ERR_OK) {
            err = store_open(shop->base, DB_READER, &shop->both->fail, &shop->store);
            if (err == ERR_OK) {
                b->report->arena = shop->arena;
                err = verify_run(shop->store, NULL, b->report);
                assert_true(err != ERR_OK || b->report->violations > 0);
                store_close(shop->store);
            }
            store_base_close(shop->base);
        }
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        assert_int_equal(fwrite(page, 1, PAGE_BYTES, file), PAGE_BYTES);
        assert_int_equal(fclose(file), 0);
    }
    shop_reopen(shop);
    assert_int_equal(verify(b), 0);
    shop_close(shop);
}

/* A version is published and events are decided by it while the check is under way. */
static bool publish_meanwhile(void *self, const struct verify_report *so_far, int64_t members_all)
{
    struct shop *shop = self;
    (void)members_all;
    if (so_far->members == 0 && shop->events_n < 10) {
        shop->events_n = 10; // once
        shop_publish(shop, SHOP_PROGRAM);
        (void)shop_purchase(shop, "ext:ANN", 700, "after");
    }
    return true;
}

static void versions_published_meanwhile_are_no_damage(void **state)
{
    struct shop *shop = shop_open(*state);
    struct verify_report *report = arena_new(shop->arena, struct verify_report, 1);
    const struct verify_options options = {.self = shop, .progress = publish_meanwhile};
    struct store *reader = NULL;
    (void)shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    (void)shop_purchase(shop, "ext:ANN", 500, "before");
    report->arena = shop->arena;
    assert_ok(store_open(shop->base, DB_READER, &shop->both->fail, &reader));
    assert_ok(verify_run(reader, &options, report));
    for (size_t i = 0; i < report->n; i++) {
        print_error("%.*s: %.*s\n", STR_ARG(report->list[i].row), STR_ARG(report->list[i].detail));
    }
    assert_int_equal(report->violations, 0);
    assert_int_equal(report->members, 1);
    store_close(reader);
    shop_close(shop);
}

/* ---- stock ---- */

static void buy_mug(struct shop *shop, int64_t count)
{
    struct submission s = {.event = {.kind = EVENT_REWARD_BOUGHT,
                                     .reward = STR("mug"),
                                     .count = count,
                                     .expected_price = -1}};
    assert_ok(shop_event(shop, "ext:ANN", &s));
    assert_int_equal(s.answer.outcome, OUTCOME_APPLIED);
}

static int64_t stock_faults(struct books *b)
{
    int64_t n = 0;
    (void)verify(b);
    for (size_t i = 0; i < b->report->n; i++) {
        const struct violation *v = &b->report->list[i];
        n += v->invariant == INV_REDEMPTIONS && str_eq(v->table, STR("shared_counter")) &&
             str_eq(v->row, STR("mug"));
    }
    return n;
}

static void stock_that_was_not_counted_is_found(void **state)
{
    static const char STOCKED[] =
        "{\"format\":\"loyald.program/1\",\"name\":\"Corner "
        "shop\",\"currency\":\"EUR\",\"wallets\":[{\"slug\":\"points\"},{\"slug\":\"stars\"}],"
        "\"rewards\":[{\"slug\":\"mug\","
        "\"kind\":\"physical\",\"price\":[{\"wallet\":\"points\","
        "\"points\":1}],\"available\":{\"stock\":{\"total\":5}}}]}";
    struct both *both = *state;
    struct books *b = arena_new(&both->arena, struct books, 1);
    b->shop = shop_open(both);
    b->report = arena_new(&both->arena, struct verify_report, 1);
    shop_publish(b->shop, STOCKED);
    (void)shop_enrol(b->shop, "{\"external_id\":\"ANN\"}");
    adjust(b->shop, "ext:ANN", 10);
    buy_mug(b->shop, 3);
    b->raw = both_open(both, DB_MAINTAINER, NULL);
    assert_int_equal(stock_faults(b), 0);
    assert_int_equal(b->report->violations, 0);
    const char *mug = "symbol = (SELECT id FROM symbol WHERE name = 'stock:mug')";
    assert_int_equal(number(b, sql(b, "SELECT points FROM shared_counter WHERE %s", mug)), 3);
    run_sql(b, sql(b, "UPDATE shared_counter SET points = 2 WHERE %s", mug));
    assert_int_equal(stock_faults(b), 1);
    run_sql(b, sql(b, "UPDATE shared_counter SET points = 3 WHERE %s", mug));
    run_sql(b, "UPDATE issued_reward SET state = 4");
    assert_int_equal(stock_faults(b), 1);
    run_sql(b, "UPDATE issued_reward SET state = 1");
    assert_int_equal(verify(b), 0);
    // A version without the stock: from then on the counter may say less.
    shop_publish(b->shop, SHOP_PROGRAM);
    shop_publish(b->shop, STOCKED);
    run_sql(b, sql(b, "UPDATE shared_counter SET points = 2 WHERE %s", mug));
    assert_int_equal(stock_faults(b), 0);
    shop_close(b->shop);
}

/* ---- issued rewards ---- */

static int64_t reward_faults(struct books *b, enum invariant invariant, const char *table)
{
    int64_t n = 0;
    (void)verify(b);
    for (size_t i = 0; i < b->report->n; i++) {
        const struct violation *v = &b->report->list[i];
        n += v->invariant == invariant && str_eq(v->table, str_c(table));
    }
    return n;
}

static void rewards_that_are_not_those_of_the_member_are_found(void **state)
{
    static const char MUGS[] =
        "{\"format\":\"loyald.program/1\",\"name\":\"Corner "
        "shop\",\"currency\":\"EUR\",\"wallets\":[{\"slug\":\"points\"},{\"slug\":\"stars\"}],"
        "\"rewards\":[{\"slug\":\"mug\",\"kind\":\"physical\",\"price\":[{\"wallet\":\"points\","
        "\"points\":1}]}]}";
    struct both *both = *state;
    struct books *b = arena_new(&both->arena, struct books, 1);
    b->shop = shop_open(both);
    b->report = arena_new(&both->arena, struct verify_report, 1);
    shop_publish(b->shop, MUGS);
    (void)shop_enrol(b->shop, "{\"external_id\":\"ANN\"}");
    adjust(b->shop, "ext:ANN", 400);
    buy_mug(b->shop, 10);
    for (int i = 0; i < 29; i++) {
        buy_mug(b->shop, 10); // more than a page of the chain
    }
    b->raw = both_open(both, DB_MAINTAINER, NULL);
    assert_int_equal(verify(b), 0);
    const char *oldest = "reward_id = (SELECT min(reward_id) FROM issued_reward)";
    // Another state than the member's books say, or another reward.
    run_sql(b, sql(b, "UPDATE issued_reward SET state = 3 WHERE %s", oldest));
    assert_int_equal(reward_faults(b, INV_REDEMPTIONS, "issued_reward"), 1);
    run_sql(b, sql(b, "UPDATE issued_reward SET state = 1, reward = reward + 1 WHERE %s", oldest));
    assert_int_equal(reward_faults(b, INV_REDEMPTIONS, "issued_reward"), 1);
    run_sql(b, sql(b, "UPDATE issued_reward SET reward = reward - 1 WHERE %s", oldest));
    assert_int_equal(verify(b), 0);
    // A chain that names a later one, or one that is not there.
    run_sql(b, sql(b, "UPDATE issued_reward SET previous = reward_id WHERE %s", oldest));
    assert_int_equal(reward_faults(b, INV_CHAINS, "issued_reward"), 1);
    run_sql(b, sql(b, "UPDATE issued_reward SET previous = 0 WHERE %s", oldest));
    assert_int_equal(verify(b), 0);
    run_sql(b, sql(b, "DELETE FROM issued_reward WHERE %s", oldest));
    assert_int_equal(reward_faults(b, INV_CHAINS, "issued_reward"), 1);
    assert_int_equal(reward_faults(b, INV_REDEMPTIONS, "member_state"), 1);
    shop_close(b->shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(damage_that_sql_can_do_is_found_and_named),
        BOTH(a_flipped_bit_in_sealed_bytes_is_found),
        BOTH(a_key_that_is_gone_without_an_erasure_is_found),
        BOTH(a_state_that_does_not_add_up_is_found),
        BOTH(an_event_that_says_something_else_is_found),
        BOTH(a_check_can_be_stopped_between_slices),
        BOTH(a_long_history_is_left_between_its_pages),
        BOTH(stock_that_was_not_counted_is_found),
        BOTH(rewards_that_are_not_those_of_the_member_are_found),
        BOTH(versions_published_meanwhile_are_no_damage),
        BOTH(the_report_is_json),
        ONLY_SQLITE(overwritten_pages_never_pass_for_sound_books),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
