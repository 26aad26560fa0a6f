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
    struct shop *shop = shop_open(*state);
    (void)shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    struct submission first = purchase(1000);
    first.event.time = SHOP_OPENED;
    assert_ok(shop_event(shop, "ext:ANN", &first));
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
    struct shop *shop = shop_open(*state);
    (void)shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    struct submission first = purchase(1000);
    struct db_result rows;
    char hex[2 * VAULT_HASH_BYTES + 1];
    first.event.time = SHOP_OPENED;
    assert_ok(shop_event(shop, "ext:ANN", &first));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(an_event_that_is_sent_again_is_known_by_its_content),
        BOTH(an_event_of_an_earlier_release_is_known_too),
    };
    return cmocka_run_group_tests_name("resent", tests, NULL, NULL);
}
