/* What a suspension has refused, decided when it ends: once, in order, and never by itself. */
#include "base/base.h"

#include "shop.h"

enum { POINTS_AT_ENROLMENT = 50 };

static int64_t active(struct shop *shop, int64_t member)
{
    struct member_facts facts = {.member = member};
    assert_ok(store_facts_load(shop->store, shop->arena, &facts, 1, false));
    return facts.state->balances_n > 0 ? facts.state->balances[0].active : 0;
}

static bool is_suspended(struct shop *shop, int64_t member)
{
    struct member_facts facts = {.member = member};
    assert_ok(store_facts_load(shop->store, shop->arena, &facts, 1, false));
    return facts.state->is_suspended;
}

static struct submission change(struct shop *shop, int64_t member, const char *what, bool decides,
                                enum batch_mode mode)
{
    struct submission s = {
        .event = {.kind = EVENT_MEMBER_CHANGED, .reason = str_c(what), .actor = STR("test")},
        .decides_refused = decides,
    };
    struct submission *list = &s;
    if (mode == BATCH_DRY_RUN) {
        s.kind = SUBMIT_EVENT;
        s.arena = shop->arena;
        s.event.type = event_kind_type(s.event.kind);
        s.event.source = STR("test/try");
        s.event.external_id = STR("1");
        s.event.time = shop->now;
        s.subject = (struct identifier){.kind = IDENT_MEMBER, .member = member};
        submission_hash(&s, store_vault(shop->store), NULL);
        assert_ok(batch_run(shop->store, shop->arena, &list, 1, mode));
        assert_ok(s.err);
    } else {
        assert_ok(shop_event(shop, shop_mbr(shop, member), &s));
    }
    return s;
}

static void suspend(struct shop *shop, int64_t member)
{
    (void)change(shop, member, "suspend", false, BATCH_APPLY);
}

static struct submission resume(struct shop *shop, int64_t member, bool decides)
{
    return change(shop, member, "resume", decides, BATCH_APPLY);
}

static enum outcome refund(struct shop *shop, const char *original)
{
    struct submission s = {
        .event = {.kind = EVENT_REFUND,
                  .original = {.source = STR("till/1"), .id = str_c(original)}},
    };
    assert_ok(shop_event(shop, "ext:ANN", &s));
    return s.answer.outcome;
}

static void assert_books(struct shop *shop)
{
    const struct verify_report *report = shop_verify(shop);
    for (size_t i = 0; i < report->n; i++) {
        print_error("%.*s\n", STR_ARG(report->list[i].detail));
    }
    assert_int_equal(report->violations, 0);
}

static void what_was_refused_is_decided_in_order_by_its_own_time(void **state)
{
    struct shop *shop = shop_open(*state);
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    shop_clock(shop, shop->now + 10 * MS_PER_DAY);
    const int64_t then = shop->now;
    suspend(shop, ann);
    (void)shop_purchase(shop, "ext:ANN", 1000, "p-1");
    shop_refund(shop, "ext:ANN", "p-1");
    (void)shop_purchase(shop, "ext:ANN", 2500, "p-2");
    shop_clock(shop, shop->now + 20 * MS_PER_DAY);
    assert_int_equal(active(shop, ann), POINTS_AT_ENROLMENT);
    const struct submission s = resume(shop, ann, true);
    assert_int_equal(s.lifted.decided_n, 3);
    assert_int_equal(s.lifted.passed_n, 0);
    assert_int_equal(s.lifted.left_n, 0);
    assert_int_equal(active(shop, ann), POINTS_AT_ENROLMENT + 25);
    assert_false(is_suspended(shop, ann));
    // By the time of the purchase: pending stars of then are active by now, and lots are as old.
    assert_int_equal(shop_number(shop, str_fmt(shop->arena,
                                               "SELECT count(*) FROM transfer WHERE at = %" PRId64
                                               " AND booked_at = %" PRId64 " AND kind = 1",
                                               then, shop->now)
                                           .p) > 0,
                     1);
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM event WHERE outcome = 1"), 3);
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM released"), 3);
    assert_books(shop);
    shop_close(shop);
}

static void nothing_is_decided_unless_it_is_asked_for_and_nothing_later(void **state)
{
    struct shop *shop = shop_open(*state);
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    suspend(shop, ann);
    (void)shop_purchase(shop, "ext:ANN", 1000, "p-1");
    assert_int_equal(resume(shop, ann, false).lifted.decided_n, 0);
    assert_int_equal(active(shop, ann), POINTS_AT_ENROLMENT);
    assert_int_equal(resume(shop, ann, true).lifted.decided_n, 0); // staff have said no
    suspend(shop, ann);
    (void)shop_purchase(shop, "ext:ANN", 2000, "p-2");
    suspend(shop, ann); // again: one suspension
    (void)shop_purchase(shop, "ext:ANN", 4000, "p-3");
    assert_int_equal(resume(shop, ann, true).lifted.decided_n, 2);
    assert_int_equal(resume(shop, ann, true).lifted.decided_n, 0);
    suspend(shop, ann);
    assert_int_equal(resume(shop, ann, true).lifted.decided_n, 0); // what was decided stays so
    assert_int_equal(active(shop, ann), POINTS_AT_ENROLMENT + 60);
    assert_books(shop);
    shop_close(shop);
}

static void a_refund_finds_the_purchase_that_was_decided(void **state)
{
    struct shop *shop = shop_open(*state);
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    suspend(shop, ann);
    (void)shop_purchase(shop, "ext:ANN", 1000, "p-1");
    (void)resume(shop, ann, true);
    assert_int_equal(active(shop, ann), POINTS_AT_ENROLMENT + 10);
    assert_int_equal(refund(shop, "p-1"), OUTCOME_APPLIED);
    assert_int_equal(active(shop, ann), POINTS_AT_ENROLMENT);
    assert_int_equal(refund(shop, "p-1"), OUTCOME_REFUSED); // it has come back already
    assert_books(shop);
    shop_close(shop);
}

static void its_replay_stays_the_refusal(void **state)
{
    struct shop *shop = shop_open(*state);
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    suspend(shop, ann);
    const int64_t refused = shop_purchase(shop, "ext:ANN", 1000, "p-1");
    (void)resume(shop, ann, true);
    assert_int_equal(shop_purchase(shop, "ext:ANN", 1000, "p-1"), refused);
    assert_int_equal(active(shop, ann), POINTS_AT_ENROLMENT + 10);
    shop_close(shop);
}

static void a_refund_that_came_before_its_purchase_waits_for_it(void **state)
{
    struct shop *shop = shop_open(*state);
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    suspend(shop, ann);
    assert_int_equal(refund(shop, "p-1"), OUTCOME_REFUSED);
    assert_int_equal(refund(shop, "p-2"), OUTCOME_REFUSED);
    (void)shop_purchase(shop, "ext:ANN", 1000, "p-1");
    assert_int_equal(resume(shop, ann, true).lifted.decided_n, 3);
    assert_int_equal(active(shop, ann), POINTS_AT_ENROLMENT);
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM held"), 1); // for p-2
    assert_books(shop);
    (void)shop_purchase(shop, "ext:ANN", 1000, "p-2");
    assert_int_equal(active(shop, ann), POINTS_AT_ENROLMENT);
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM held"), 0);
    assert_books(shop);
    shop_close(shop);
}

static void a_refund_that_has_waited_is_decided_with_its_purchase(void **state)
{
    struct shop *shop = shop_open(*state);
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    assert_int_equal(refund(shop, "p-1"), OUTCOME_HELD);
    suspend(shop, ann);
    (void)shop_purchase(shop, "ext:ANN", 1000, "p-1");
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM held"), 1);
    assert_int_equal(resume(shop, ann, true).lifted.decided_n, 1);
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM held"), 0);
    assert_int_equal(active(shop, ann), POINTS_AT_ENROLMENT);
    assert_books(shop);
    shop_close(shop);
}

/* Held for a stranger, whom a suspended member turns out to be, refused then, and decided. */
static void what_was_held_first_and_refused_then_is_found_too(void **state)
{
    struct shop *shop = shop_open(*state);
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    (void)shop_purchase(shop, "ext:NEW", 1000, "p-1");
    suspend(shop, ann);
    struct identifier found;
    assert_ok(identifier_read(shop->arena, store_vault(shop->store), STR("ext:NEW"),
                              &shop->both->fail, "", &found));
    struct submission patch = {
        .event = {.kind = EVENT_MEMBER_CHANGED, .reason = STR("patch"), .actor = STR("test")},
        .found_by = &found,
        .found_by_n = 1,
    };
    assert_ok(shop_event(shop, shop_mbr(shop, ann), &patch));
    assert_int_equal(active(shop, ann), POINTS_AT_ENROLMENT);
    assert_int_equal(resume(shop, ann, true).lifted.decided_n, 1);
    assert_int_equal(active(shop, ann), POINTS_AT_ENROLMENT + 10);
    assert_books(shop);
    assert_int_equal(refund(shop, "p-1"), OUTCOME_APPLIED);
    assert_int_equal(active(shop, ann), POINTS_AT_ENROLMENT);
    assert_books(shop);
    shop_close(shop);
}

static void what_was_asked_at_once_is_not_done_later(void **state)
{
    struct shop *shop = shop_open(*state);
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    suspend(shop, ann);
    struct payment payment = {.method = STR("points"), .wallet = STR("points"), .amount = 10};
    struct reward_ref reward = {.text = STR("rwd_x")};
    struct submission pays = {.event = {.kind = EVENT_PURCHASE,
                                        .amount = 1000,
                                        .currency = STR("EUR"),
                                        .payments = &payment,
                                        .payments_n = 1}};
    struct submission names = {.event = {.kind = EVENT_PURCHASE,
                                         .amount = 1000,
                                         .currency = STR("EUR"),
                                         .rewards = &reward,
                                         .rewards_n = 1}};
    struct submission code = {
        .event = {.kind = EVENT_CODE_ENTERED, .data = shop_json(shop, "{\"code\":\"SUMMER\"}")}};
    struct submission visit = {.event = {.kind = EVENT_VISIT}};
    assert_ok(shop_event(shop, "ext:ANN", &pays));
    assert_ok(shop_event(shop, "ext:ANN", &names));
    assert_ok(shop_event(shop, "ext:ANN", &code));
    assert_ok(shop_event(shop, "ext:ANN", &visit));
    assert_int_equal(visit.answer.reason, REASON_SUSPENDED);
    const struct submission s = resume(shop, ann, true);
    assert_int_equal(s.lifted.decided_n, 1);
    assert_int_equal(s.lifted.passed_n, 3);
    assert_int_equal(active(shop, ann), POINTS_AT_ENROLMENT);
    assert_books(shop);
    shop_close(shop);
}

static void a_dry_run_says_what_would_come_and_leaves_nothing(void **state)
{
    struct shop *shop = shop_open(*state);
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    suspend(shop, ann);
    (void)shop_purchase(shop, "ext:ANN", 1000, "p-1");
    assert_int_equal(refund(shop, "p-9"), OUTCOME_REFUSED);
    const struct submission tried = change(shop, ann, "resume", true, BATCH_DRY_RUN);
    assert_int_equal(tried.lifted.decided_n, 2);
    assert_int_equal(tried.answer.balances[0].active, POINTS_AT_ENROLMENT + 10);
    assert_true(is_suspended(shop, ann));
    assert_int_equal(active(shop, ann), POINTS_AT_ENROLMENT);
    assert_int_equal(resume(shop, ann, true).lifted.decided_n, 2);
    assert_int_equal(active(shop, ann), POINTS_AT_ENROLMENT + 10);
    assert_books(shop);
    shop_close(shop);
}

/* A refund beyond the first batch may have come before its purchase, or after one that was decided.
 */
static void more_than_a_batch_is_decided_by_and_by_and_the_member_stays_suspended(void **state)
{
    enum { MORE = 3 };
    struct shop *shop = shop_open(*state);
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    suspend(shop, ann);
    assert_int_equal(refund(shop, "last"), OUTCOME_REFUSED);
    for (int i = 1; i < REFUSED_PER_RESUME_MAX + MORE - 2; i++) {
        (void)shop_purchase(shop, "ext:ANN", 100, str_fmt(shop->arena, "p-%d", i).p);
    }
    assert_int_equal(refund(shop, "p-1"), OUTCOME_REFUSED);
    (void)shop_purchase(shop, "ext:ANN", 100, "last");
    struct submission s = resume(shop, ann, true);
    assert_int_equal(s.lifted.decided_n, REFUSED_PER_RESUME_MAX);
    assert_int_equal(s.lifted.left_n, MORE);
    assert_true(is_suspended(shop, ann));
    assert_int_equal(active(shop, ann), POINTS_AT_ENROLMENT + REFUSED_PER_RESUME_MAX - 1);
    assert_books(shop);
    (void)shop_purchase(shop, "ext:ANN", 700, "meanwhile"); // refused like those before
    s = resume(shop, ann, true);
    assert_int_equal(s.lifted.decided_n, MORE + 1);
    assert_int_equal(s.lifted.left_n, 0);
    assert_false(is_suspended(shop, ann));
    // One purchase was refunded after it, and one before it.
    assert_int_equal(active(shop, ann),
                     POINTS_AT_ENROLMENT + REFUSED_PER_RESUME_MAX + MORE - 3 - 1 + 7);
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM held"), 0);
    assert_books(shop);
    shop_close(shop);
}

static void the_self_check_finds_what_was_decided_twice(void **state)
{
    static const char *const DAMAGES[] = {
        "DELETE FROM released", // the one that was decided is nobody's any more
        "UPDATE released SET event_id = event_id + 1",
        "UPDATE released SET held_id = event_id, event_id = held_id",
    };
    struct shop *shop = shop_open(*state);
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    suspend(shop, ann);
    (void)shop_purchase(shop, "ext:ANN", 1000, "p-1");
    (void)resume(shop, ann, true);
    assert_books(shop);
    struct db_result rows;
    for (size_t i = 0; i < ARRAY_N(DAMAGES); i++) {
        assert_ok(db_begin(store_db(shop->store), DB_WRITE));
        assert_ok(db_query_text(store_db(shop->store), shop->arena,
                                STR("CREATE TABLE kept AS SELECT held_id, member_id, event_id "
                                    "FROM released"),
                                NULL, 0, &rows));
        assert_ok(
            db_query_text(store_db(shop->store), shop->arena, str_c(DAMAGES[i]), NULL, 0, &rows));
        assert_ok(db_commit(store_db(shop->store)));
        assert_true(shop_verify(shop)->violations > 0);
        assert_ok(db_begin(store_db(shop->store), DB_WRITE));
        assert_ok(db_query_text(store_db(shop->store), shop->arena, STR("DELETE FROM released"),
                                NULL, 0, &rows));
        assert_ok(db_query_text(store_db(shop->store), shop->arena,
                                STR("INSERT INTO released (held_id, member_id, event_id) SELECT "
                                    "held_id, member_id, event_id FROM kept"),
                                NULL, 0, &rows));
        assert_ok(db_query_text(store_db(shop->store), shop->arena, STR("DROP TABLE kept"), NULL, 0,
                                &rows));
        assert_ok(db_commit(store_db(shop->store)));
    }
    assert_books(shop);
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(what_was_refused_is_decided_in_order_by_its_own_time),
        BOTH(nothing_is_decided_unless_it_is_asked_for_and_nothing_later),
        BOTH(a_refund_finds_the_purchase_that_was_decided),
        BOTH(its_replay_stays_the_refusal),
        BOTH(a_refund_that_came_before_its_purchase_waits_for_it),
        BOTH(a_refund_that_has_waited_is_decided_with_its_purchase),
        BOTH(what_was_held_first_and_refused_then_is_found_too),
        BOTH(what_was_asked_at_once_is_not_done_later),
        BOTH(a_dry_run_says_what_would_come_and_leaves_nothing),
        BOTH(more_than_a_batch_is_decided_by_and_by_and_the_member_stays_suspended),
        BOTH(the_self_check_finds_what_was_decided_twice),
    };
    return cmocka_run_group_tests_name("lift", tests, NULL, NULL);
}
