/* Tickets that wait together are booked once each and in full, whichever lane takes them. */
#include "shop.h"

#include "base/id.h"
#include "engine/engine.h"

#include <semaphore.h>

enum { MEMBERS = 8, EVENTS = 40, TICKETS = 12, ROUNDS = 5, AMOUNT = 1000, POINTS = AMOUNT / 100 };

struct delivery {
    struct ticket ticket;
    struct arena arena; // the ticket's own: two lanes write answers at once
    sem_t *answered;
};

static void answered(struct ticket *ticket)
{
    assert_int_equal(sem_post(ticket->owner), 0);
}

/* The round's events, one for each member in turn, backwards in every other ticket. */
static void delivery_make(struct shop *shop, struct delivery *d, int round, bool is_backwards)
{
    struct submission *list = arena_new(&d->arena, struct submission, EVENTS);
    for (size_t i = 0; i < EVENTS; i++) {
        const size_t which = is_backwards ? EVENTS - 1 - i : i;
        struct line *line = arena_new(&d->arena, struct line, 1);
        *line = (struct line){.id = STR("1"), .quantity_milli = 1000, .amount = AMOUNT};
        list[i] = (struct submission){
            .kind = SUBMIT_EVENT,
            .arena = &d->arena,
            .event = {.kind = EVENT_PURCHASE,
                      .type = STR("purchase"),
                      .source = STR("test"),
                      .external_id = str_fmt(&d->arena, "order-%d-%zu", round, which),
                      .subject = str_fmt(&d->arena, "ext:L-%zu", which % MEMBERS),
                      .time = shop->now,
                      .amount = AMOUNT,
                      .currency = STR("EUR"),
                      .lines = line,
                      .lines_n = 1},
        };
        assert_ok(identifier_read(&d->arena, store_vault(shop->store), list[i].event.subject, NULL,
                                  "", &list[i].subject));
        submission_hash(&list[i], store_vault(shop->store), NULL);
    }
    d->ticket = (struct ticket){.list = list, .n = EVENTS, .done = answered, .owner = d->answered};
}

static void enrol_all(struct shop *shop)
{
    for (int i = 0; i < MEMBERS; i++) {
        (void)shop_enrol(shop, str_fmt(shop->arena, "{\"external_id\":\"L-%d\"}", i).p);
    }
}

/* Every event is sent in each of the tickets: one of them books it, the others replay. */
static void the_same_events_in_many_tickets_are_booked_once(void **state)
{
    struct shop *shop = shop_open(*state);
    struct engine *engine = NULL;
    struct delivery deliveries[TICKETS];
    sem_t done;
    enrol_all(shop);
    const int64_t earned_before = shop_number(shop, "SELECT count(*) FROM event");
    assert_ok(engine_open(&(struct engine_config){.base = shop->base}, &shop->both->fail, &engine));
    for (int round = 0; round < ROUNDS; round++) {
        int64_t booked_n = 0;
        assert_int_equal(sem_init(&done, 0, 0), 0);
        for (size_t i = 0; i < TICKETS; i++) {
            deliveries[i].answered = &done;
            arena_open(&deliveries[i].arena, (size_t)1 << 28);
            delivery_make(shop, &deliveries[i], round, i % 2 == 1);
        }
        for (size_t i = 0; i < TICKETS; i++) {
            assert_ok(engine_submit(engine, &deliveries[i].ticket));
        }
        for (size_t i = 0; i < TICKETS; i++) {
            assert_int_equal(sem_wait(&done), 0);
        }
        for (size_t i = 0; i < TICKETS; i++) {
            for (size_t k = 0; k < EVENTS; k++) {
                const struct submission *s = &deliveries[i].ticket.list[k];
                assert_ok(s->err);
                booked_n += !s->is_replay;
            }
            arena_close(&deliveries[i].arena);
        }
        assert_int_equal(booked_n, EVENTS);
    }
    engine_close(engine);
    assert_int_equal(shop_number(shop, "SELECT count(*) FROM event") - earned_before,
                     ROUNDS * EVENTS);
    assert_int_equal(
        shop_number(shop,
                    "SELECT CAST(sum(points) AS bigint) FROM transfer WHERE kind = 1 AND rule IN"
                    " (SELECT id FROM symbol WHERE name = 'rule:base')"),
        (int64_t)ROUNDS * EVENTS * POINTS);
    shop_close(shop);
}

/* A job that holds its lane until it is let go. */
struct holding {
    struct ticket ticket;
    sem_t begun;
    sem_t may_end;
    sem_t ended;
};

static enum err hold(struct store *store, struct arena *arena, void *self)
{
    struct holding *holding = self;
    (void)store;
    (void)arena;
    assert_int_equal(sem_post(&holding->begun), 0);
    assert_int_equal(sem_wait(&holding->may_end), 0);
    return ERR_OK;
}

static void lane_hold(struct engine *engine, struct holding *holding)
{
    *holding = (struct holding){
        .ticket = {.job = hold, .job_self = holding, .done = answered, .owner = &holding->ended}};
    assert_int_equal(sem_init(&holding->begun, 0, 0), 0);
    assert_int_equal(sem_init(&holding->may_end, 0, 0), 0);
    assert_int_equal(sem_init(&holding->ended, 0, 0), 0);
    assert_ok(engine_submit(engine, &holding->ticket));
    assert_int_equal(sem_wait(&holding->begun), 0);
}

static void lane_let_go(struct holding *holding)
{
    assert_int_equal(sem_post(&holding->may_end), 0);
    assert_int_equal(sem_wait(&holding->ended), 0);
}

/* The clock stands still: only the order of the requests tells which id is larger. While one lane
 * is held the other one books, now this and now that. */
static void what_is_asked_after_an_answer_has_a_larger_id(void **state)
{
    struct shop *shop = shop_open(*state);
    struct engine *engine = NULL;
    int64_t last = 0;
    int64_t process = -1;
    size_t changes_n = 0;
    enrol_all(shop);
    assert_ok(engine_open(&(struct engine_config){.base = shop->base}, &shop->both->fail, &engine));
    for (int round = 0; round < 20; round++) {
        struct delivery d = {.answered = NULL};
        struct holding holding;
        lane_hold(engine, &holding);
        arena_open(&d.arena, (size_t)1 << 28);
        delivery_make(shop, &d, round, false);
        d.ticket.list += round % MEMBERS; // of one member they grow in any case
        d.ticket.n = 1;
        assert_ok(engine_run(engine, &d.ticket));
        assert_ok(d.ticket.list[0].err);
        const int64_t id = d.ticket.list[0].event_id;
        const int64_t process_now = id >> ID_COUNTER_BITS & ((1 << ID_PROCESS_BITS) - 1);
        assert_true(id > last);
        changes_n += process != -1 && process_now != process;
        process = process_now;
        last = id;
        arena_close(&d.arena);
        lane_let_go(&holding);
    }
    assert_true(changes_n > 0); // both lanes have booked
    engine_close(engine);
    shop_close(shop);
}

/* Submissions that do nothing. */
static struct delivery *idle_delivery(struct shop *shop, int64_t member, size_t n, sem_t *done)
{
    struct delivery *d = arena_new(shop->arena, struct delivery, 1);
    d->answered = done;
    arena_open(&d->arena, (size_t)1 << 28);
    struct submission *list = arena_new(&d->arena, struct submission, n);
    for (size_t i = 0; i < n; i++) {
        list[i] = (struct submission){.kind = SUBMIT_TIMERS, .arena = &d->arena, .member = member};
    }
    d->ticket = (struct ticket){.list = list, .n = n, .done = answered, .owner = done};
    return d;
}

/* The largest batch that is allowed gets in beside others, and a full queue stays full. */
static void the_largest_batch_enters_a_queue_that_is_half_full(void **state)
{
    struct shop *shop = shop_open(*state);
    struct engine *engine = NULL;
    struct holding holding;
    sem_t done;
    enrol_all(shop);
    const int64_t member = shop_number(shop, "SELECT min(member_id) FROM member");
    assert_int_equal(sem_init(&done, 0, 0), 0);
    assert_ok(engine_open(&(struct engine_config){.base = shop->base}, &shop->both->fail, &engine));
    lane_hold(engine, &holding);
    struct delivery *list[] = {idle_delivery(shop, member, QUEUE_MAX / 2, &done),
                               idle_delivery(shop, member, SUBMISSIONS_MAX, &done),
                               idle_delivery(shop, member, 1, &done)};
    assert_ok(engine_submit(engine, &list[0]->ticket));
    assert_ok(engine_submit(engine, &list[1]->ticket));
    assert_err(engine_submit(engine, &list[2]->ticket), ERR_BUSY);
    lane_let_go(&holding);
    assert_int_equal(sem_wait(&done), 0);
    assert_int_equal(sem_wait(&done), 0);
    engine_close(engine);
    for (size_t i = 0; i < ARRAY_N(list); i++) {
        arena_close(&list[i]->arena);
    }
    shop_close(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(the_same_events_in_many_tickets_are_booked_once),
        ONLY_SQLITE(the_largest_batch_enters_a_queue_that_is_half_full), // its one lane is held
        ONLY_POSTGRES(what_is_asked_after_an_answer_has_a_larger_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
