/* Forgetting members whose points are still in the books, and what is still said of them
 * afterwards. */
#include "base/base.h"

#include "shop.h"

#include "engine/engine.h"
#include "engine/verify.h"

static void forget(struct shop *shop, int64_t member)
{
    bool is_final = false;
    assert_ok(db_begin(store_db(shop->store), DB_WRITE));
    assert_ok(engine_forget(shop->store, shop->arena, member, 0, shop->now, &is_final));
    assert_ok(db_commit(store_db(shop->store)));
    assert_true(is_final);
}

static void assert_sound(struct shop *shop)
{
    const struct verify_report *report = shop_verify(shop);
    for (size_t i = 0; i < report->n; i++) {
        print_error("%.*s %.*s: %.*s\n", STR_ARG(report->list[i].table),
                    STR_ARG(report->list[i].row), STR_ARG(report->list[i].detail));
    }
    assert_int_equal(report->violations, 0);
}

static struct state *state_of(struct shop *shop, int64_t member)
{
    struct member_facts facts = {.member = member};
    assert_ok(store_facts_load(shop->store, shop->arena, &facts, 1, false));
    assert_true(facts.exists);
    return facts.state;
}

static void assert_void(struct shop *shop, int64_t member)
{
    const struct state *state = state_of(shop, member);
    assert_true(state->balances_n > 0);
    for (size_t i = 0; i < state->balances_n; i++) {
        assert_int_equal(state->balances[i].active, 0);
        assert_int_equal(state->balances[i].pending, 0);
        assert_int_equal(state->balances[i].debt, 0);
    }
    assert_int_equal(state->orders_n, 0);
}

/* What is said about the purchase "p-1". */
static struct submission said(enum event_kind kind, const char *id)
{
    return (struct submission){
        .event = {.kind = kind,
                  .original = {.source = STR("till/1"), .id = STR("p-1")},
                  .currency = STR("EUR"),
                  .amount = kind == EVENT_PURCHASE_CHANGED ? 9900 : 0,
                  .source = STR("till/1"),
                  .external_id = str_c(id)},
    };
}

static void active_pending_and_owed_points_are_void_and_the_books_balance(void **state)
{
    struct shop *shop = shop_open(*state);
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    const int64_t bob = shop_enrol(shop, "{\"external_id\":\"BOB\"}");
    (void)shop_purchase(shop, "ext:ANN", 12345, "p-1"); // active points and pending stars
    (void)shop_purchase(shop, "ext:BOB", 20000, "b-1");
    struct submission spend = {.event = {.kind = EVENT_ADJUSTED,
                                         .wallet = STR("points"),
                                         .points = -200,
                                         .reason = STR("x"),
                                         .actor = STR("test")}};
    assert_ok(shop_event(shop, "ext:BOB", &spend));
    shop_refund(shop, "ext:BOB", "b-1");
    assert_true(
        state_balance_find(state_of(shop, bob), state_of(shop, bob)->balances[0].wallet)->debt > 0);
    assert_true(state_of(shop, ann)->balances[0].active > 0);

    forget(shop, ann);
    forget(shop, bob);

    assert_void(shop, ann);
    assert_void(shop, bob);
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM event WHERE kind = 14"), 2);
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM timer"), 0);
    const int64_t transfers = shop_number(shop, "SELECT count(*) FROM transfer");
    forget(shop, ann); // again: nothing more is booked
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM transfer"), transfers);
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM event WHERE kind = 14"), 2);
    assert_sound(shop);
    shop_close(shop);
}

static void an_erasure_cut_short_after_the_key_voids_the_points_at_the_next_start(void **state)
{
    struct shop *shop = shop_open(*state);
    bool is_final = false;
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    (void)shop_purchase(shop, "ext:ANN", 12345, "p-1");
    assert_ok(db_begin(store_db(shop->store), DB_WRITE));
    assert_ok(engine_forget(shop->store, shop->arena, ann, 0, shop->now, &is_final));
    db_rollback(store_db(shop->store)); // the process ends between the key store and the books
    assert_true(state_of(shop, ann)->balances[0].active > 0);
    store_close(shop->store);

    struct engine *engine = NULL;
    assert_ok(engine_open(&(struct engine_config){.base = shop->base}, &shop->both->fail, &engine));
    engine_close(engine);

    assert_ok(store_open(shop->base, DB_WRITER, &shop->both->fail, &shop->store));
    assert_void(shop, ann);
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM identifier"), 0);
    assert_sound(shop);
    shop_close(shop);
}

static void what_is_said_of_a_forgotten_members_purchase_is_accepted_without_effect(void **state)
{
    static const enum event_kind KINDS[] = {EVENT_REFUND, EVENT_PURCHASE_CHANGED,
                                            EVENT_PURCHASE_COMPLETED, EVENT_PURCHASE_CANCELLED};
    struct shop *shop = shop_open(*state);
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    (void)shop_purchase(shop, "ext:ANN", 12345, "p-1");
    forget(shop, ann);
    const int64_t transfers = shop_number(shop, "SELECT count(*) FROM transfer");

    for (size_t i = 0; i < ARRAY_N(KINDS) * 2; i++) {
        const char *subject = i % 2 == 0 ? "ext:ANN" : shop_mbr(shop, ann);
        const char *id = str_fmt(shop->arena, "said-%zu", i).p;
        struct submission first = said(KINDS[i / 2], id);
        struct submission again = said(KINDS[i / 2], id);
        struct submission other = said(KINDS[i / 2], id);
        assert_ok(shop_event(shop, subject, &first));
        assert_int_equal(first.answer.outcome, OUTCOME_APPLIED);
        assert_int_equal(first.answer.reason, REASON_NONE);
        assert_int_equal(first.member, ann);
        shop_clock(shop, shop->now + MS_PER_DAY);
        again.event.time = first.event.time;
        assert_ok(shop_event(shop, subject, &again));
        assert_true(again.is_replay);
        assert_int_equal(again.event_id, first.event_id);
        assert_int_equal(again.answer.outcome, OUTCOME_APPLIED);
        other.event.time = first.event.time + 1;
        assert_err(shop_event(shop, subject, &other), ERR_EVENT_CONFLICT);
    }
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM transfer"), transfers);
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM held"), 0);
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM timer"), 0);
    assert_int_equal(
        shop_number(shop,
                    "SELECT count(*) FROM event WHERE kind IN (2, 3, 4, 5) AND length(sealed) > 0"),
        0);
    assert_void(shop, ann);
    assert_sound(shop);
    shop_close(shop);
}

static void other_events_of_a_forgotten_member_are_those_of_a_stranger(void **state)
{
    struct shop *shop = shop_open(*state);
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    (void)shop_purchase(shop, "ext:ANN", 12345, "p-1");
    forget(shop, ann);
    struct submission visit = {.event = {.kind = EVENT_VISIT}};
    assert_err(shop_event(shop, shop_mbr(shop, ann), &visit), ERR_UNKNOWN_MEMBER);
    struct submission by_name = {.event = {.kind = EVENT_VISIT}};
    assert_ok(shop_event(shop, "ext:ANN", &by_name));
    assert_int_equal(by_name.answer.outcome, OUTCOME_HELD);
    // A refund of what nobody has bought yet waits as a stranger's does.
    struct submission unknown = said(EVENT_REFUND, "said-x");
    unknown.event.original.id = STR("p-2");
    assert_ok(shop_event(shop, "ext:ANN", &unknown));
    assert_int_equal(unknown.answer.outcome, OUTCOME_HELD);
    // The same person, enrolled anew, is another member; their old purchase stays the forgotten
    // one's.
    const int64_t anew = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    const int64_t before = state_of(shop, anew)->last_event;
    struct submission refund = said(EVENT_REFUND, "said-y");
    assert_ok(shop_event(shop, "ext:ANN", &refund));
    assert_int_equal(refund.answer.outcome, OUTCOME_APPLIED);
    assert_int_equal(refund.member, ann);
    assert_int_equal(state_of(shop, anew)->last_event, before);
    assert_sound(shop);
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(active_pending_and_owed_points_are_void_and_the_books_balance),
        BOTH(an_erasure_cut_short_after_the_key_voids_the_points_at_the_next_start),
        BOTH(what_is_said_of_a_forgotten_members_purchase_is_accepted_without_effect),
        BOTH(other_events_of_a_forgotten_member_are_those_of_a_stranger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
