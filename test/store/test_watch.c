/* The self-check beside the server: what it finds freezes a member, and only a clean check releases
 * them. */
#include "base/base.h"

#include "shop.h"

#include "engine/verify.h"
#include "engine/watch.h"
#include "store/frozen.h"

/* A shop with an engine and a watch without a thread. */
struct watched {
    struct shop *shop;
    struct engine *engine;
    struct watch *watch;
    int64_t ann, bob;
};

static void run_sql(struct shop *shop, const char *sql)
{
    both_run(shop->both, store_db(shop->store), sql);
}

static const char *sql(struct shop *shop, const char *fmt, int64_t id)
{
    char text[512];
    (void)snprintf(text, sizeof text, fmt, id); // the formats below take one id
    return str_dup(shop->arena, str_c(text)).p;
}

static struct watched *watched_open(struct both *both)
{
    struct watched *w = arena_new(&both->arena, struct watched, 1);
    w->shop = shop_open(both);
    w->ann = shop_enrol(w->shop, "{\"external_id\":\"ANN\"}");
    w->bob = shop_enrol(w->shop, "{\"external_id\":\"BOB\"}");
    (void)shop_purchase(w->shop, "ext:ANN", 12345, "a-1");
    (void)shop_purchase(w->shop, "ext:ANN", 5000, "a-2");
    (void)shop_purchase(w->shop, "ext:BOB", 2000, "b-1");
    return w;
}

static void start(struct watched *w)
{
    struct fail *f = &w->shop->both->fail;
    assert_ok(engine_open(&(struct engine_config){.base = w->shop->base}, f, &w->engine));
    assert_ok(watch_open(&(struct watch_config){.base = w->shop->base, .engine = w->engine}, f,
                         &w->watch));
}

static void stop(struct watched *w)
{
    watch_close(w->watch);
    engine_close(w->engine);
}

static enum err visit(struct watched *w, const char *subject)
{
    struct submission s = {.event = {.kind = EVENT_VISIT}};
    return shop_event(w->shop, subject, &s);
}

static void sound_books_freeze_nobody(void **state)
{
    struct watched *w = watched_open(*state);
    struct watch_stats stats;
    start(w);
    assert_ok(watch_pass(w->watch));
    watch_stats_read(w->watch, &stats);
    assert_int_equal(stats.passes, 1);
    assert_int_equal(stats.violations, 0);
    assert_int_equal(stats.members, 2);
    assert_int_equal(shop_number(w->shop, "SELECT count(*) FROM frozen"), 0);
    stop(w);
    shop_close(w->shop);
}

static void damage_freezes_its_member_and_nobody_else_until_a_clean_check(void **state)
{
    struct watched *w = watched_open(*state);
    struct shop *shop = w->shop;
    bool was_frozen = false;
    start(w);
    assert_ok(visit(w, "ext:ANN"));
    run_sql(shop, sql(shop,
                      "UPDATE transfer SET points = points + 1 WHERE transfer_id = (SELECT "
                      "min(transfer_id) FROM transfer WHERE member_id = %" PRId64 ")",
                      w->ann));
    assert_ok(watch_pass(w->watch));
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM frozen"), 1);
    assert_int_equal(
        shop_number(shop,
                    sql(shop, "SELECT count(*) FROM frozen WHERE member_id = %" PRId64, w->ann)),
        1);
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM audit WHERE action = 'member.freeze'"),
                     1);

    // Nothing is written of Ann, whoever asks; Bob is served; what was known is still answered.
    assert_err(visit(w, "ext:ANN"), ERR_MEMBER_FROZEN);
    assert_err(visit(w, shop_mbr(shop, w->ann)), ERR_MEMBER_FROZEN);
    assert_ok(visit(w, "ext:BOB"));
    assert_int_equal(shop_purchase(shop, "ext:ANN", 5000, "a-2") > 0, true);
    const int64_t transfers = shop_number(shop, "SELECT count(*) FROM transfer");
    shop_clock(shop, shop->now + 400 * MS_PER_DAY); // everything would expire
    struct submission timers = {.kind = SUBMIT_TIMERS, .member = w->ann};
    assert_ok(shop_run(shop, &timers));
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM transfer"), transfers);

    // The next pass says it again and freezes nobody twice; the freeze outlives the process.
    assert_ok(watch_pass(w->watch));
    stop(w);
    start(w);
    assert_err(visit(w, "ext:ANN"), ERR_MEMBER_FROZEN);
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM audit WHERE action = 'member.freeze'"),
                     1);

    // Released by a clean check only.
    struct verify_report *report = arena_new(shop->arena, struct verify_report, 1);
    report->arena = shop->arena;
    assert_ok(verify_one(shop->store, w->ann, report));
    assert_true(report->violations > 0);
    assert_ok(verify_one(shop->store, w->bob, report));
    assert_int_equal(report->violations, 0);
    run_sql(shop, sql(shop,
                      "UPDATE transfer SET points = points - 1 WHERE transfer_id = (SELECT "
                      "min(transfer_id) FROM transfer WHERE member_id = %" PRId64 ")",
                      w->ann));
    assert_ok(verify_one(shop->store, w->ann, report));
    assert_int_equal(report->violations, 0);
    assert_err(verify_one(shop->store, w->ann + 1, report), ERR_NOT_FOUND);
    assert_ok(db_begin(store_db(shop->store), DB_WRITE));
    assert_ok(store_member_unfreeze(shop->store, w->ann, &was_frozen));
    assert_ok(db_commit(store_db(shop->store)));
    assert_true(was_frozen);
    assert_ok(visit(w, "ext:ANN"));
    assert_ok(watch_pass(w->watch));
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM frozen"), 0);
    stop(w);
    shop_close(shop);
}

static void a_head_that_is_wrong_is_seen_before_anything_is_served(void **state)
{
    struct watched *w = watched_open(*state);
    struct shop *shop = w->shop;
    run_sql(shop, sql(shop,
                      "UPDATE transfer SET points = points + 1 WHERE transfer_id = (SELECT "
                      "max(transfer_id) FROM transfer WHERE member_id = %" PRId64 ")",
                      w->bob));
    start(w);
    assert_err(visit(w, "ext:BOB"), ERR_MEMBER_FROZEN);
    assert_ok(visit(w, "ext:ANN"));
    stop(w);
    shop_close(shop);
}

static void a_frozen_member_may_be_forgotten(void **state)
{
    struct watched *w = watched_open(*state);
    struct shop *shop = w->shop;
    bool is_final = false;
    run_sql(shop, sql(shop,
                      "UPDATE transfer SET points = points + 1 WHERE transfer_id = (SELECT "
                      "max(transfer_id) FROM transfer WHERE member_id = %" PRId64 ")",
                      w->bob));
    start(w);
    stop(w);
    const int64_t transfers = shop_number(shop, "SELECT count(*) FROM transfer");
    (void)shop_program(shop);
    assert_ok(db_begin(store_db(shop->store), DB_WRITE));
    assert_ok(engine_forget(shop->store, shop->arena, w->bob, 0, shop->now, &is_final));
    assert_ok(db_commit(store_db(shop->store)));
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM transfer"), transfers);
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM member WHERE status = 0"), 1);
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(sound_books_freeze_nobody),
        BOTH(damage_freezes_its_member_and_nobody_else_until_a_clean_check),
        BOTH(a_head_that_is_wrong_is_seen_before_anything_is_served),
        BOTH(a_frozen_member_may_be_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
