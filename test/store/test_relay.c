/* Work for other members: done right after the batch that left it, once, whatever ends in between.
 */
#include "base/base.h"

#include "shop.h"

#include "engine/engine.h"
#include "engine/relay.h"

enum { WAIT_MS_MAX = 20000 };

static int64_t named_n(struct shop *shop)
{
    return shop_number(shop, "SELECT count(*) FROM event WHERE kind = 51");
}

static int64_t waiting_n(struct shop *shop)
{
    return shop_number(shop, "SELECT count(*) FROM relay");
}

static struct engine *engine_of(struct shop *shop, bool with_relays)
{
    struct engine *engine = NULL;
    assert_ok(engine_open(&(struct engine_config){.base = shop->base, .with_relays = with_relays},
                          &shop->both->fail, &engine));
    return engine;
}

/* A row of work as a decision about `cause` would have left it. */
struct leaving {
    int64_t member;
    int64_t cause;
    int64_t lease_until;
    int64_t now;
};

static enum err leave(struct store *store, struct arena *arena, void *self)
{
    const struct leaving *leaving = self;
    struct relay_row row = {
        .cause = leaving->cause,
        .relay = {.member = leaving->member,
                  .kind = EVENT_REFERRAL_NAMED,
                  .time = leaving->now,
                  .data = STR("{}")},
    };
    return store_relays_add(store, arena, &row, 1, leaving->now, leaving->lease_until);
}

static void leave_by(struct shop *shop, struct engine *engine, int64_t member, int64_t cause)
{
    struct leaving leaving = {member, cause, clock_now_ms() + RELAY_LEASE_MS, shop->now};
    struct ticket ticket = {.job = leave, .job_self = &leaving};
    assert_ok(engine_run(engine, &ticket));
}

/* The same by a process that ends before it has done anything; its lease is over. */
static void leave_undone(struct shop *shop, int64_t member, int64_t cause)
{
    struct leaving leaving = {member, cause, clock_now_ms() - 1, shop->now};
    assert_ok(db_begin(store_db(shop->store), DB_WRITE));
    assert_ok(leave(shop->store, shop->arena, &leaving));
    assert_ok(db_commit(store_db(shop->store)));
}

static void wait_for_none(struct shop *shop)
{
    const int64_t until = clock_monotonic_us() / 1000 + WAIT_MS_MAX;
    while (waiting_n(shop) > 0) {
        assert_true(clock_monotonic_us() / 1000 < until);
        (void)usleep(20000);
    }
}

static void set_status(struct shop *shop, int64_t member, const char *word)
{
    struct submission s = {
        .event = {.kind = EVENT_MEMBER_CHANGED, .reason = str_c(word), .actor = STR("test")},
    };
    assert_ok(shop_event(shop, shop_mbr(shop, member), &s));
}

static void work_is_done_before_anybody_is_answered(void **state)
{
    struct shop *shop = shop_open(*state);
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    const int64_t cause = shop_purchase(shop, "ext:ANN", 1000, "p-1");
    struct engine *engine = engine_of(shop, false);
    leave_by(shop, engine, ann, cause);
    assert_int_equal(named_n(shop), 1);
    assert_int_equal(waiting_n(shop), 0);
    leave_by(shop, engine, ann, cause); // the same work again: it is known
    assert_int_equal(named_n(shop), 1);
    assert_int_equal(waiting_n(shop), 0);
    engine_close(engine);
    assert_int_equal(shop_verify(shop)->violations, 0);
    shop_close(shop);
}

static void work_of_a_process_that_ended_is_done_by_another(void **state)
{
    struct shop *shop = shop_open(*state);
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    leave_undone(shop, ann, shop_purchase(shop, "ext:ANN", 1000, "p-1"));
    assert_int_equal(shop_verify(shop)->violations, 0); // what waits is no damage
    struct engine *engine = engine_of(shop, true);
    wait_for_none(shop);
    assert_int_equal(named_n(shop), 1);
    engine_close(engine);
    shop_close(shop);
}

static void several_processes_do_it_once(void **state)
{
    enum { ROWS = 40, PROCESSES = 3 };
    struct shop *shop = shop_open(*state);
    struct engine *engines[PROCESSES];
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    const int64_t bob = shop_enrol(shop, "{\"external_id\":\"BOB\"}");
    for (int i = 0; i < ROWS; i++) {
        leave_undone(shop, i % 2 == 0 ? ann : bob,
                     shop_purchase(shop, "ext:ANN", 1000, str_fmt(shop->arena, "p-%d", i).p));
    }
    for (int i = 0; i < PROCESSES; i++) {
        engines[i] = engine_of(shop, true);
    }
    wait_for_none(shop);
    for (int i = 0; i < PROCESSES; i++) {
        engine_close(engines[i]);
    }
    assert_int_equal(named_n(shop), ROWS);
    assert_int_equal(shop_verify(shop)->violations, 0);
    shop_close(shop);
}

static void work_for_a_suspended_member_waits_until_they_are_resumed(void **state)
{
    struct shop *shop = shop_open(*state);
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    const int64_t cause = shop_purchase(shop, "ext:ANN", 1000, "p-1");
    struct engine *engine = engine_of(shop, true);
    set_status(shop, ann, "suspend");
    leave_by(shop, engine, ann, cause);
    assert_int_equal(named_n(shop), 0);
    assert_int_equal(waiting_n(shop), 1);
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM relay WHERE owner = 0"), 1);
    set_status(shop, ann, "resume");
    wait_for_none(
        shop); // this process's lease, taken with the event, runs out unless it does the work
    assert_int_equal(named_n(shop), 1);
    engine_close(engine);
    shop_close(shop);
}

static void work_for_a_forgotten_member_goes(void **state)
{
    struct shop *shop = shop_open(*state);
    bool is_final = false;
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    const int64_t cause = shop_purchase(shop, "ext:ANN", 1000, "p-1");
    leave_undone(shop, ann, cause);
    assert_ok(db_begin(store_db(shop->store), DB_WRITE));
    assert_ok(engine_forget(shop->store, shop->arena, ann, 0, shop->now, &is_final));
    assert_ok(db_commit(store_db(shop->store)));
    assert_int_equal(waiting_n(shop), 0);
    struct engine *engine = engine_of(shop, false);
    leave_by(shop, engine, ann, cause); // left by a batch that ran beside
    assert_int_equal(waiting_n(shop), 0);
    assert_int_equal(named_n(shop), 0);
    engine_close(engine);
    assert_int_equal(shop_verify(shop)->violations, 0);
    shop_close(shop);
}

static void the_self_check_finds_work_that_was_done_and_rows_that_nobody_wrote(void **state)
{
    struct shop *shop = shop_open(*state);
    const int64_t ann = shop_enrol(shop, "{\"external_id\":\"ANN\"}");
    const int64_t cause = shop_purchase(shop, "ext:ANN", 1000, "p-1");
    struct engine *engine = engine_of(shop, false);
    leave_by(shop, engine, ann, cause);
    engine_close(engine);
    leave_undone(shop, ann, cause);
    assert_int_equal(shop_verify(shop)->violations, 1);
    struct db_result rows;
    assert_ok(db_query_text(store_db(shop->store), shop->arena, STR("UPDATE relay SET kind = 9999"),
                            NULL, 0, &rows));
    assert_int_equal(shop_verify(shop)->violations, 1);
    shop_close(shop);
}

static void waits_grow_to_an_hour(void **state)
{
    (void)state; // arithmetic
    assert_int_equal(relay_wait_ms(0), RELAY_LEASE_MS);
    assert_int_equal(relay_wait_ms(3), 8 * RELAY_LEASE_MS);
    assert_int_equal(relay_wait_ms(1000000), RELAY_WAIT_MS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(work_is_done_before_anybody_is_answered),
        BOTH(work_of_a_process_that_ended_is_done_by_another),
        BOTH(several_processes_do_it_once),
        BOTH(work_for_a_suspended_member_waits_until_they_are_resumed),
        BOTH(work_for_a_forgotten_member_goes),
        BOTH(the_self_check_finds_work_that_was_done_and_rows_that_nobody_wrote),
        cmocka_unit_test(waits_grow_to_an_hour),
    };
    return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
