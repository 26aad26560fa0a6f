/* Random bytes of the database turned over: whatever is damaged is refused or named, nothing
 * crashes, and nobody is answered with balances that are not theirs. Run it in the flavour asan
 * too. */
#include "base/base.h"

#include "shop.h"

#include <sys/stat.h>

#include "base/log.h"
#include "engine/watch.h"

enum {
    ROUNDS = 100,
    MEMBERS = 8,
    PURCHASES = 12,
    FLIPS_MAX = 8,
    PASS_EVERY = 5,
    HEADER_BYTES = 100
};

/* The database as it was, and what everybody has. */
struct flipping {
    struct shop *shop;
    const char *path;
    char *bytes;
    size_t bytes_n;
    int64_t active[MEMBERS];
    int64_t pending[MEMBERS];
    uint64_t random;
    int answered, refused;
};

/* xorshift64*: a seed makes the same damage again. */
static uint64_t draw(struct flipping *t, uint64_t below)
{
    t->random ^= t->random >> 12;
    t->random ^= t->random << 25;
    t->random ^= t->random >> 27;
    return (t->random * 2685821657736338717u >> 33) % below;
}

static void write_file(const char *path, const char *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static const char *name_of(struct flipping *t, int member)
{
    return str_fmt(t->shop->arena, "ext:M-%d", member).p;
}

static const struct answer_balance *balance_of(const struct answer *answer, size_t wallet)
{
    return wallet < answer->balances_n ? &answer->balances[wallet] : NULL;
}

static void fill(struct flipping *t)
{
    struct submission last = {0};
    for (int m = 0; m < MEMBERS; m++) {
        (void)shop_enrol(
            t->shop,
            str_fmt(t->shop->arena, "{\"external_id\":\"M-%d\",\"name\":{\"given\":\"Member\"}}", m)
                .p);
        for (int i = 0; i < PURCHASES; i++) {
            (void)shop_purchase(t->shop, name_of(t, m), 1000 * (m + 1),
                                str_fmt(t->shop->arena, "p-%d-%d", m, i).p);
        }
        last = (struct submission){.event = {.kind = EVENT_VISIT}};
        assert_ok(shop_event(t->shop, name_of(t, m), &last));
        t->active[m] = balance_of(&last.answer, 0)->active;
        t->pending[m] = balance_of(&last.answer, 1)->pending;
        assert_true(t->active[m] > 0);
        assert_true(t->pending[m] > 0);
    }
}

/* The file with some of its bytes turned over; the header's first bytes too, now and then. */
static void damage(struct flipping *t)
{
    char *copy = arena_bytes(t->shop->arena, t->bytes_n);
    const uint64_t flips = 1 + draw(t, FLIPS_MAX);
    memcpy(copy, t->bytes, t->bytes_n);
    for (uint64_t i = 0; i < flips; i++) {
        const size_t at =
            draw(t, 20) == 0 ? (size_t)draw(t, HEADER_BYTES) : (size_t)draw(t, t->bytes_n);
        copy[at] ^= (char)(1u << draw(t, 8));
    }
    (void)remove(str_fmt(t->shop->arena, "%s-wal", t->path).p); // neither need be there
    (void)remove(str_fmt(t->shop->arena, "%s-shm", t->path).p);
    write_file(t->path, copy, t->bytes_n);
}

/* A visit moves no points: whoever is answered is answered with what they had. */
static void ask(struct flipping *t, struct engine *engine, int member, int round)
{
    struct shop *shop = t->shop;
    struct submission s = {
        .kind = SUBMIT_EVENT,
        .arena = shop->arena,
        .event = {.kind = EVENT_VISIT,
                  .type = STR("visit"),
                  .source = STR("till/1"),
                  .time = shop->now,
                  .external_id = str_fmt(shop->arena, "ask-%d-%d", round, member),
                  .subject = str_c(name_of(t, member))},
    };
    struct ticket ticket = {.list = &s, .n = 1};
    assert_ok(identifier_read(shop->arena, store_base_vault(shop->base), s.event.subject,
                              &shop->both->fail, "", &s.subject));
    submission_hash(&s, store_base_vault(shop->base), NULL);
    assert_ok(engine_run(engine, &ticket));
    if (s.err != ERR_OK ||
        s.answer.outcome == OUTCOME_HELD) { // who is not found in a damaged index is a stranger
        t->refused++;
        return;
    }
    t->answered++;
    if (balance_of(&s.answer, 0)->active != t->active[member] ||
        balance_of(&s.answer, 1)->pending != t->pending[member]) {
        print_error("round %d, member %d: active %" PRId64 " pending %" PRId64 "\n", round, member,
                    balance_of(&s.answer, 0)->active, balance_of(&s.answer, 1)->pending);
        fail();
    }
}

static void run_round(struct flipping *t, int round)
{
    struct shop *shop = t->shop;
    struct engine *engine = NULL;
    struct watch *watch = NULL;
    shop->both->fail.items_n = 0;
    if (store_base_open(&shop->config, &shop->both->fail, &shop->base) != ERR_OK) {
        t->refused += MEMBERS;
        return;
    }
    const struct engine_config config = {.base = shop->base};
    if (engine_open(&config, &shop->both->fail, &engine) == ERR_OK) {
        if (watch_open(&(struct watch_config){.base = shop->base, .engine = engine},
                       &shop->both->fail, &watch) == ERR_OK) {
            if (round % PASS_EVERY == 0) {
                (void)!watch_pass(watch); // what cannot be finished is no crash either
            }
        }
        for (int m = 0; m < MEMBERS; m++) {
            ask(t, engine, m, round);
        }
        watch_close(watch);
        engine_close(engine);
    }
    store_base_close(shop->base);
}

static void turned_bytes_are_refused_and_never_answered_for(void **state)
{
    struct both *both = *state;
    struct flipping *t = arena_new(&both->arena, struct flipping, 1);
    struct stat file;
    t->shop = shop_open(both);
    const char *seed = getenv("LOYALD_TEST_SEED"); // to make other damage, or the same again
    t->random = seed != NULL ? strtoull(seed, NULL, 10) : 20260101;
    print_message("seed %llu\n", (unsigned long long)t->random);
    fill(t);
    t->path = str_z(t->shop->arena, t->shop->config.database);
    shop_close(t->shop);
    assert_int_equal(stat(t->path, &file), 0);
    t->bytes_n = (size_t)file.st_size;
    t->bytes = arena_bytes(t->shop->arena, t->bytes_n);
    FILE *whole = fopen(t->path, "rb");
    assert_non_null(whole);
    assert_int_equal(fread(t->bytes, 1, t->bytes_n, whole), t->bytes_n);
    assert_int_equal(fclose(whole), 0);
    log_level_set(LOG_ERROR);
    for (int round = 0; round < ROUNDS; round++) {
        damage(t);
        run_round(t, round);
    }
    print_message("%d answered, %d refused\n", t->answered, t->refused);
    assert_true(t->answered > 0);
    assert_true(t->refused > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONLY_SQLITE(turned_bytes_are_refused_and_never_answered_for)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
