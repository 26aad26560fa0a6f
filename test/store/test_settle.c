/* Whoever is told of a commit is told when the disk has it, and the lane goes on meanwhile. */
#include "fault_vfs.h"
#include "shop.h"

#include "engine/settle.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

enum { LONG_ENOUGH_US = 30000, TICKETS_MAX = 8 };

/* ---- a disk that syncs when it is let ---- */

static struct {
    atomic_bool is_slow;
    sem_t permits;
    sem_t begun; // a sync has come to the gate
} disk;

static void wait_at_the_gate(void)
{
    if (atomic_load(&disk.is_slow)) {
        assert_int_equal(sem_post(&disk.begun), 0);
        assert_int_equal(sem_wait(&disk.permits), 0);
    }
}

static void disk_becomes_slow(void)
{
    assert_int_equal(sem_init(&disk.permits, 0, 0), 0);
    assert_int_equal(sem_init(&disk.begun, 0, 0), 0);
    fault.sync_hook = wait_at_the_gate;
    atomic_store(&disk.is_slow, true);
}

static void disk_syncs(void)
{
    assert_int_equal(sem_post(&disk.permits), 0);
}

static void disk_is_fast_again(void)
{
    atomic_store(&disk.is_slow, false);
    for (int i = 0; i < TICKETS_MAX; i++) {
        disk_syncs(); // whoever stands at the gate
    }
}

/* ---- a lane ---- */

struct bench {
    struct shop *shop;
    struct settler *settler;
    struct ticket tickets[TICKETS_MAX];
    atomic_int answered_n;
};

static void answered(struct ticket *ticket)
{
    atomic_fetch_add((atomic_int *)ticket->owner, 1);
}

static struct bench bench_open(void **state)
{
    struct bench bench = {.shop = shop_open(*state)};
    both_run(bench.shop->both, store_db(bench.shop->store), "CREATE TABLE note (n INTEGER)");
    assert_ok(
        settler_open(bench.shop->base, bench.shop->store, &bench.shop->both->fail, &bench.settler));
    return bench;
}

static void bench_close(struct bench *bench)
{
    settler_close(bench->settler);
    fault.sync_hook = NULL;
    shop_close(bench->shop);
}

/* What the lane does for a batch: a commit, then its ticket. */
static void run_ticket(struct bench *bench, size_t i, bool is_idle)
{
    struct db *db = store_db(bench->shop->store);
    struct db_result rows = {0};
    assert_ok(db_begin(db, DB_WRITE));
    assert_ok(
        db_query_text(db, bench->shop->arena, STR("INSERT INTO note VALUES (1)"), NULL, 0, &rows));
    assert_ok(db_commit(db));
    bench->tickets[i] = (struct ticket){.n = 1, .done = answered, .owner = &bench->answered_n};
    settler_hand_over(bench->settler, &bench->tickets[i], NULL, 1, is_idle);
}

static void until_answered(struct bench *bench, int n)
{
    while (atomic_load(&bench->answered_n) < n) {
        (void)usleep(1000);
    }
}

static void a_ticket_is_answered_when_the_disk_has_it(void **state)
{
    struct bench bench = bench_open(state);
    run_ticket(&bench, 0, true); // nothing else waits: at once
    assert_int_equal(atomic_load(&bench.answered_n), 1);
    disk_becomes_slow();
    run_ticket(&bench, 1, false); // the lane is not held up
    run_ticket(&bench, 2, false);
    assert_int_equal(sem_wait(&disk.begun), 0);
    run_ticket(&bench, 3, true); // idle, but those before are not settled: behind them
    (void)usleep(LONG_ENOUGH_US);
    assert_int_equal(atomic_load(&bench.answered_n), 1);
    disk_is_fast_again();
    until_answered(&bench, 4);
    bench_close(&bench);
}

static void a_reader_tells_when_the_disk_has_what_it_saw(void **state)
{
    struct bench bench = bench_open(state);
    struct db *db = store_db(bench.shop->store);
    struct ticket readers[3];
    for (size_t i = 0; i < ARRAY_N(readers); i++) {
        readers[i] = (struct ticket){.done = answered, .owner = &bench.answered_n};
    }
    settler_answer(bench.settler, &readers[0]); // nothing was committed: at once
    assert_int_equal(atomic_load(&bench.answered_n), 1);
    disk_becomes_slow();
    assert_ok(db_begin(db, DB_WRITE));
    assert_ok(db_commit(db)); // and its ticket is not handed over yet
    settler_answer(bench.settler, &readers[1]);
    settler_answer(bench.settler, &readers[2]); // whoever read goes on meanwhile
    assert_int_equal(sem_wait(&disk.begun), 0); // a reader's wish is enough for a sync
    (void)usleep(LONG_ENOUGH_US);
    assert_int_equal(atomic_load(&bench.answered_n), 1);
    disk_is_fast_again();
    until_answered(&bench, 3);
    bench_close(&bench);
}

static struct bench *committing; // write_hook takes no argument
static struct ticket early_reader;

/* In the middle of a commit a reader asks, and the settler syncs for it. */
static void read_meanwhile(void)
{
    fault.write_hook = NULL;
    early_reader = (struct ticket){.done = answered, .owner = &committing->answered_n};
    settler_answer(committing->settler, &early_reader);
    until_answered(committing, 1);
}

static void a_sync_that_began_before_a_commit_ended_is_not_its_sync(void **state)
{
    struct bench bench = bench_open(state);
    run_ticket(&bench, 0, true); // the log's head is on disk from here on
    atomic_store(&bench.answered_n, 0);
    committing = &bench;
    fault.write_hook = read_meanwhile;
    const int64_t before = fault.counts[FAULT_SYNC];
    run_ticket(&bench, 0, true);
    assert_int_equal(atomic_load(&bench.answered_n), 2);
    assert_int_equal(fault.counts[FAULT_SYNC] - before, 2); // the reader's, and the ticket's own
    bench_close(&bench);
}

enum { ROUNDS = 3000 };

struct reading {
    struct bench *bench;
    atomic_int told_n;
};

static void *read_again_and_again(void *self)
{
    struct reading *reading = self;
    for (int i = 0; i < ROUNDS; i++) {
        struct ticket ticket = {.done = answered, .owner = &reading->told_n};
        settler_answer(reading->bench->settler, &ticket);
        while (atomic_load(&reading->told_n) <= i) {
            (void)sched_yield();
        }
    }
    return NULL;
}

/* Whether the lane settles by itself meanwhile or not. */
static void no_reader_is_forgotten(void **state)
{
    struct bench bench = bench_open(state);
    struct reading readings[2] = {{.bench = &bench}, {.bench = &bench}};
    pthread_t readers[2];
    for (size_t i = 0; i < ARRAY_N(readers); i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, read_again_and_again, &readings[i]), 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        run_ticket(&bench, 0, true);
        until_answered(&bench, i + 1);
    }
    for (size_t i = 0; i < ARRAY_N(readers); i++) {
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    }
    bench_close(&bench);
}

static void closing_answers_what_is_left(void **state)
{
    struct bench bench = bench_open(state);
    disk_becomes_slow();
    run_ticket(&bench, 0, false);
    run_ticket(&bench, 1, false);
    disk_is_fast_again();
    bench_close(&bench);
    assert_int_equal(atomic_load(&bench.answered_n), 2);
}

static void on_postgres_tickets_are_answered_beside_the_lane(void **state)
{
    struct bench bench = bench_open(state);
    run_ticket(&bench, 0, true);
    run_ticket(&bench, 1, false);
    until_answered(&bench, 2);
    bench_close(&bench);
}

int main(void)
{
    fault_install();
    fault.is_powersafe = true; // elsewhere commits are durable by themselves
    const struct CMUnitTest tests[] = {
        ONLY_SQLITE(a_ticket_is_answered_when_the_disk_has_it),
        ONLY_SQLITE(a_reader_tells_when_the_disk_has_what_it_saw),
        ONLY_SQLITE(a_sync_that_began_before_a_commit_ended_is_not_its_sync),
        BOTH(no_reader_is_forgotten),
        ONLY_SQLITE(closing_answers_what_is_left),
        ONLY_POSTGRES(on_postgres_tickets_are_answered_beside_the_lane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
