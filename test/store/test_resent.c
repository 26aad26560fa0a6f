/* Events that are sent again: the same answer, a refusal where their content is another, and the
 * same for what earlier releases stored. */
#include "base/base.h"

#include "shop.h"

static struct submission purchase(int64_t amount)
{
    return (struct submission){.event = {.kind = EVENT_PURCHASE,
                                         .amount = amount,
                                         .currency = STR("EUR"),
                                         .source = STR("till/1"),
                                         .external_id = STR("p-1")}};
}

/* A shop in which Ann has bought once. */
static struct shop *open_with_purchase(struct both *both, struct submission *first)
{
    struct shop *shop = shop_open(both);
    (void)shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    *first = purchase(1000);
    first->event.time = SHOP_OPENED;
    assert_ok(shop_event(shop, "ext:ANN", first));
    return shop;
}

static void assert_resent(struct shop *shop, int64_t event)
{
    struct submission again = purchase(1000);
    struct submission other = purchase(1000);
    again.event.time = other.event.time = SHOP_OPENED;
    assert_ok(shop_event(shop, "ext:ANN", &again));
    assert_true(again.is_replay);
    assert_int_equal(again.event_id, event);
    other.event.time += 1;
    assert_err(shop_event(shop, "ext:ANN", &other), ERR_EVENT_CONFLICT);
}

static void an_event_that_is_sent_again_is_known_by_its_content(void **state)
{
    struct submission first;
    struct shop *shop = open_with_purchase(*state, &first);
    assert_false(first.is_replay);
    assert_int_equal(shop_number(shop, "SELECT max(length(fingerprint)) FROM event_key"),
                     VAULT_FINGERPRINT_BYTES);
    assert_resent(shop, first.event_id);
    assert_int_equal(shop_verify(shop)->violations, 0);
    shop_close(shop);
}

/* Sixteen bytes of a fingerprint were kept, of which the first are ours. */
static void an_event_of_an_earlier_release_is_known_too(void **state)
{
    struct submission first;
    struct shop *shop = open_with_purchase(*state, &first);
    struct db_result rows;
    char hex[2 * VAULT_HASH_BYTES + 1];
    for (size_t i = 0; i < VAULT_HASH_BYTES; i++) {
        const unsigned char byte = i < VAULT_FINGERPRINT_BYTES ? first.fingerprint[i] : 0xEE;
        (void)snprintf(hex + 2 * i, 3, "%02x", byte);
    }
    const struct str sql =
        str_fmt(shop->arena, "UPDATE event_key SET fingerprint = %s%s' WHERE event_id = %" PRId64,
                shop->both->dialect == DB_SQLITE ? "x'" : "'\\x", hex, first.event_id);
    assert_ok(db_query_text(store_db(shop->store), shop->arena, sql, NULL, 0, &rows));
    assert_int_equal(shop_number(shop, "SELECT max(length(fingerprint)) FROM event_key"),
                     VAULT_HASH_BYTES);
    assert_resent(shop, first.event_id);
    assert_int_equal(shop_verify(shop)->violations, 0);
    shop_close(shop);
}

/* What the books say of points and events; nothing of it may move. */
static int64_t books(struct shop *shop)
{
    return shop_number(shop, "SELECT count(*) * 1000000 FROM event") +
           shop_number(shop, "SELECT count(*) * 1000 FROM transfer") +
           shop_number(shop, "SELECT count(*) FROM event_key");
}

static void what_was_wrongly_supposed_to_be_new_changes_nothing(void **state)
{
    struct submission first;
    struct shop *shop = open_with_purchase(*state, &first);
    const int64_t before = books(shop);
    struct submission again = first;
    struct submission *list[] = {&again};
    assert_err(batch_run(shop->store, shop->arena, list, 1, BATCH_APPLY_NEW), ERR_RETRY);
    assert_true(books(shop) == before);
    assert_ok(batch_run(shop->store, shop->arena, list, 1, BATCH_APPLY));
    assert_true(again.is_replay);
    assert_true(books(shop) == before);
    shop_close(shop);
}

/* A held event names the purchase that is sent again in the batch that enrols whom it waits for. */
static void a_purchase_that_a_waiting_event_names_is_looked_up(void **state)
{
    struct submission first;
    struct shop *shop = open_with_purchase(*state, &first);
    struct submission waiting = {
        .event = {.kind = EVENT_REFUND, .original = {.source = STR("till/1"), .id = STR("p-1")}}};
    assert_ok(shop_event(shop, "ext:BOB", &waiting));
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM held"), 1);
    struct submission bob = shop_enrolment(shop, "{\"external_id\":\"BOB\"}");
    struct submission again = first;
    struct submission *list[] = {&bob, &again};
    assert_err(batch_run(shop->store, shop->arena, list, 2, BATCH_APPLY_NEW), ERR_RETRY);
    assert_ok(batch_run(shop->store, shop->arena, list, 2, BATCH_APPLY));
    assert_true(again.is_replay);
    assert_int_equal(shop_verify(shop)->violations, 0);
    shop_close(shop);
}

/* The points are spent, so that the same again would be refused if it were new: the answer is that
 * of the first time. */
static void what_would_be_refused_now_is_answered_as_it_was(void **state)
{
    struct shop *shop = shop_open(*state);
    (void)shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    (void)shop_purchase(shop, "ext:ANN", 10000, "p-1");
    struct submission spent = {.refusal_is_error = true,
                               .event = {.kind = EVENT_ADJUSTED,
                                         .source = STR("test"),
                                         .external_id = STR("a-1"),
                                         .wallet = STR("points"),
                                         .points = -100,
                                         .reason = STR("prize"),
                                         .actor = STR("test")}};
    struct submission again = spent;
    struct submission other = spent;
    other.event.external_id = STR("a-2");
    assert_ok(shop_event(shop, "ext:ANN", &spent));
    assert_ok(shop_event(shop, "ext:ANN", &again));
    assert_true(again.is_replay);
    assert_int_equal(again.event_id, spent.event_id);
    assert_err(shop_event(shop, "ext:ANN", &other), ERR_NOT_ENOUGH_POINTS);
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(an_event_that_is_sent_again_is_known_by_its_content),
        BOTH(an_event_of_an_earlier_release_is_known_too),
        BOTH(what_was_wrongly_supposed_to_be_new_changes_nothing),
        BOTH(a_purchase_that_a_waiting_event_names_is_looked_up),
        BOTH(what_would_be_refused_now_is_answered_as_it_was),
    };
    return cmocka_run_group_tests_name("resent", tests, NULL, NULL);
}
