/* The engine against its yardsticks: durable purchases in batches, beside bare SQLite writing the
 * same rows through the same statements, and an append-only file. `bench_engine MEMBERS EVENTS [DIR
 * [PROGRAM [PAGES]]]`; the directory is kept and used again. With BENCH_BARE in the environment
 * only bare SQLite runs, at the sizes of batches named there ("64 256 512"), and before it the
 * append-only file with a sync for each record ("sync" and microseconds). With PAGES it counts
 * dirty pages only and fails above that limit; the books then have a clock of their own, since what
 * a purchase is due, and so what is written, depends on the hour and the day of the week.
 *
 * Every ratio printed is of this one run. */
#include "base/base.h"

#include "base/log.h"
#include "engine/batch.h"
#include "engine/checkpoint.h"
#include "engine/engine.h"
#include "queries.h"

#include <fcntl.h>
#include <semaphore.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENROL_PER_TICKET = 4096, LINE_N = 2, BATCH_MS = 4, RUNS = 3, SYNCS_N = 5000 };

#define COUNTING_FROM ((int64_t)1794996000000) // 2026-11-18T10:00:00Z, a Wednesday

struct bench {
    struct arena arena;
    struct fail fail;
    struct store_base *base;
    struct store *store;
    struct str dir;
    int64_t members;
    uint64_t random;
    int64_t events; // sent so far: event ids
    int64_t now;    // of the books' own clock; 0: they have none
    bool is_new;    // made by this run
};

static void must(struct bench *b, enum err err, const char *what)
{
    if (err != ERR_OK) {
        (void)fprintf(stderr, "bench: %s: %s: %.*s\n", what, err_code(err),
                      b->fail.items_n ? (int)b->fail.items[0].detail.n : 0,
                      b->fail.items_n ? b->fail.items[0].detail.p : "");
        exit(1);
    }
}

static int64_t bench_now(const struct bench *b)
{
    return b->now > 0 ? b->now : clock_now_ms();
}

/* Moves the books' clock, where they have one. */
static void clock_turn(struct bench *b, int64_t now)
{
    if (b->now == 0) {
        return;
    }
    must(b, db_begin(store_db(b->store), DB_WRITE), "begin");
    must(b, store_clock_set(b->store, now, &b->fail), "clock");
    must(b, db_commit(store_db(b->store)), "commit");
    b->now = now;
}

static uint64_t next_random(struct bench *b)
{
    // xorshift64* (Vigna): good enough to spread keys.
    b->random ^= b->random >> 12;
    b->random ^= b->random << 25;
    b->random ^= b->random >> 27;
    return b->random * 2685821657736338717u;
}

static struct str read_file(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    char *text = arena_bytes(arena, 1024 * 1024);
    const size_t n = fread(text, 1, 1024 * 1024, file);
    (void)fclose(file);
    return (struct str){.p = text, .n = n};
}

static void publish(struct bench *b, const char *path)
{
    const struct json *document = NULL;
    int version = 0;
    must(b, json_read(&b->arena, read_file(&b->arena, path), &b->fail, &document), path);
    must(b, db_begin(store_db(b->store), DB_WRITE), "begin");
    must(b,
         store_program_publish(b->store, &b->arena, document, AT_MIN, bench_now(b), STR("bench"),
                               STR("bench"), &b->fail, &version),
         "publish");
    must(b, db_commit(store_db(b->store)), "commit");
}

static void checkpoint(struct bench *b)
{
    int64_t left = 0;
    must(b, db_checkpoint(store_db(b->store), DB_CHECKPOINT_TRUNCATE, &left), "checkpoint");
}

/* Moves the rest of the log, which belongs to the run as much as what was moved meanwhile: a server
 * that goes on pays for every page. Each run begins with an empty log. Returns the time. */
static int64_t finish_moving(struct bench *b, struct checkpointer *checkpointer)
{
    const int64_t start = clock_monotonic_us();
    checkpointer_close(checkpointer);
    checkpoint(b);
    return clock_monotonic_us() - start;
}

static void enrol(struct bench *b, int64_t from, int64_t n)
{
    struct arena arena;
    struct arena batch;
    arena_open(&arena, (size_t)1 << 32);
    arena_open(&batch, (size_t)1 << 32);
    struct submission *list = arena_new(&arena, struct submission, (size_t)n);
    struct submission **pointers = arena_new(&arena, struct submission *, (size_t)n);
    for (int64_t i = 0; i < n; i++) {
        struct identifier *identifier = arena_new(&arena, struct identifier, 1);
        must(b,
             identifier_make(&arena, store_vault(b->store), IDENT_EXTERNAL,
                             str_fmt(&arena, "M%" PRId64, from + i), &b->fail, "", identifier),
             "identifier");
        list[i] = (struct submission){
            .kind = SUBMIT_ENROL,
            .arena = &arena,
            .subject = *identifier,
            .event = {.kind = EVENT_ENROLLED,
                      .type = STR("member.enrolled"),
                      .source = STR("bench"),
                      .external_id = str_fmt(&arena, "enrol-%" PRId64, from + i),
                      .time = bench_now(b)},
            .enrolment =
                {.identifiers = identifier,
                 .identifiers_n = 1,
                 .sealed_profile = str_fmt(&arena, "{\"external_id\":\"M%" PRId64 "\"}", from + i),
                 .clear = {.birth_on = INT32_MIN, .tags = STR("[]"), .attributes = STR("{}")}},
        };
        submission_hash(&list[i], store_vault(b->store), NULL);
        pointers[i] = &list[i];
    }
    must(b, batch_run(b->store, &batch, pointers, (size_t)n, BATCH_APPLY), "enrol");
    arena_close(&batch);
    arena_close(&arena);
}

/* One purchase of two lines by a random member (or always the same). */
static void purchase(struct bench *b, struct arena *arena, bool one_member, struct submission *s)
{
    const uint64_t r = next_random(b);
    const int64_t member = one_member ? 0 : (int64_t)(r % (uint64_t)b->members);
    const int64_t amount = (int64_t)(r >> 40 & 8191) + 100;
    struct line *lines = arena_new(arena, struct line, LINE_N);
    lines[0] = (struct line){.id = STR("1"),
                             .sku = STR("SKU-1"),
                             .name = STR("Beans 1kg"),
                             .category = STR("coffee"),
                             .quantity_milli = 2000,
                             .amount = amount / 2,
                             .tax = amount / 20};
    lines[1] = (struct line){.id = STR("2"),
                             .sku = STR("SKU-2"),
                             .name = STR("Filter"),
                             .category = STR("supplies"),
                             .quantity_milli = 1000,
                             .amount = amount - amount / 2,
                             .tax = 0};
    struct payment *payment = arena_new(arena, struct payment, 1);
    *payment = (struct payment){.method = STR("card"), .amount = amount};
    *s = (struct submission){
        .kind = SUBMIT_EVENT,
        .arena = arena,
        .event = {.kind = EVENT_PURCHASE,
                  .type = STR("purchase"),
                  .source = STR("pos/7"),
                  .external_id =
                      str_fmt(arena, "order-%" PRId64 "-%" PRId64, bench_now(b), ++b->events),
                  .subject = str_fmt(arena, "ext:M%" PRId64, member),
                  .time = bench_now(b),
                  .amount = amount,
                  .currency = STR("EUR"),
                  .store = STR("ams-1"),
                  .channel = STR("store"),
                  .lines = lines,
                  .lines_n = LINE_N,
                  .payments = payment,
                  .payments_n = 1},
    };
    must(b,
         identifier_read(arena, store_vault(b->store), s->event.subject, &b->fail, "", &s->subject),
         "subject");
    submission_hash(s, store_vault(b->store), NULL);
}

struct rate {
    double per_s;
    double pages;
};

/* Events in batches of `size`, each durable when its batch returns, beside a checkpointer as in the
 * server. */
static struct rate run_engine(struct bench *b, int64_t events, size_t size, bool one_member)
{
    struct arena batch;
    struct arena arena;
    arena_open(&batch, (size_t)1 << 32);
    arena_open(&arena, (size_t)1 << 32);
    int64_t pages = 0;
    struct checkpointer *checkpointer = checkpointer_open(b->base, store_db(b->store));
    int64_t spent_us = 0;
    int64_t batch_us = 0;
    int64_t done = 0;
    while (done < events) {
        clock_turn(b, b->now + BATCH_MS);
        struct submission *list = arena_new(&arena, struct submission, size);
        struct submission **pointers = arena_new(&arena, struct submission *, size);
        for (size_t i = 0; i < size; i++) {
            purchase(b, &arena, one_member, &list[i]);
            pointers[i] = &list[i];
        }
        const int64_t before = db_pages_written(store_db(b->store));
        const int64_t start = clock_monotonic_us();
        checkpointer_turn(checkpointer, batch_us);
        const int64_t turned = clock_monotonic_us();
        must(b, batch_run(b->store, &batch, pointers, size, BATCH_APPLY_NEW), "batch");
        batch_us = clock_monotonic_us() - turned;
        spent_us += turned - start + batch_us;
        pages += db_pages_written(store_db(b->store)) - before;
        for (size_t i = 0; i < size; i++) {
            must(b, list[i].err, "event");
        }
        done += (int64_t)size;
        arena_reset(&batch);
        arena_reset(&arena);
    }
    spent_us += finish_moving(b, checkpointer);
    const struct rate rate = {
        .per_s = (double)done * 1e6 / (double)spent_us,
        .pages = (double)pages / (double)done,
    };
    arena_close(&batch);
    arena_close(&arena);
    return rate;
}

/* How the log's pages come into the file. The yardstick is the faster of the first two; what is not
 * counted tells what the moving costs. */
enum moved {
    MOVED_BESIDE,   // by a thread, as the server does it
    MOVED_BETWEEN,  // by the writer itself, each 20,000 pages
    MOVED_UNCOUNTED // the same, not counted
};

/* Bare SQLite: the reads and writes of that batch through the same statements, with bytes that were
 * made before; on SQLite's own files (`vfs`) or on ours (NULL), which write the log in larger
 * pieces. */
static struct rate run_bare(struct bench *b, int64_t events, size_t size, const char *vfs,
                            enum moved moved)
{
    struct arena arena;
    struct db *db = NULL;
    const struct db_config config = {.url = str_fmt(&b->arena, "%.*s/loyald.db", STR_ARG(b->dir)),
                                     .role = DB_WRITER,
                                     .queries = &QUERIES,
                                     .vfs = vfs};
    must(b, db_open(&config, &b->fail, &db), "open");
    char body[1024];
    char state[1024];
    memset(body, 7, sizeof body);
    memset(state, 8, sizeof state);
    arena_open(&arena, (size_t)1 << 32);
    struct db_result rows;
    // Members of the books, and the mean sizes of what the engine wrote for them.
    must(b,
         db_query_text(db, &arena,
                       STR("SELECT CAST(avg(length(content)) AS integer), CAST(avg(length(sealed)) "
                           "AS integer), "
                           "CAST(avg(length(answer)) AS integer) FROM (SELECT content, sealed, "
                           "answer FROM event WHERE kind = 1 "
                           "ORDER BY event_id DESC LIMIT 2000)"),
                       NULL, 0, &rows),
         "sizes");
    const int64_t content_n = db_at_int(&rows, 0, 0);
    const int64_t sealed_n = db_at_int(&rows, 0, 1);
    const int64_t answer_n = db_at_int(&rows, 0, 2);
    must(b,
         db_query_text(db, &arena,
                       STR("SELECT member_id, length(state) FROM member_state ORDER BY member_id "
                           "LIMIT 1000000"),
                       NULL, 0, &rows),
         "members");
    const size_t members_n = rows.rows_n;
    const int64_t pages = db_pages_written(db);
    struct checkpointer *checkpointer =
        moved == MOVED_BESIDE ? checkpointer_open(b->base, db) : NULL;
    int64_t spent_us = 0;
    int64_t batch_us = 0;
    int64_t done = 0;
    struct arena scratch;
    arena_open(&scratch, (size_t)1 << 32);
    while (done < events) {
        const int64_t start = clock_monotonic_us();
        checkpointer_turn(checkpointer, batch_us);
        const int64_t turned = clock_monotonic_us();
        must(b, db_begin(db, DB_WRITE_OVER), "begin");
        must(b, store_ids_sync(b->store, &scratch), "ids");
        struct db_value *keys = arena_new(&scratch, struct db_value, size * 4);
        struct db_value *ids = arena_new(&scratch, struct db_value, size);
        struct db_value *states = arena_new(&scratch, struct db_value, size * 3);
        struct db_value *events_rows = arena_new(&scratch, struct db_value, size * 12);
        struct db_value *transfers = arena_new(&scratch, struct db_value, size * 2 * 16);
        struct db_result found;
        for (size_t i = 0; i < size; i++) {
            const size_t at = (size_t)(next_random(b) % members_n);
            uint64_t *hash = arena_new(&scratch, uint64_t, 2);
            hash[0] = next_random(b);
            hash[1] = next_random(b);
            const int64_t id = id_next(store_ids(b->store), clock_now_ms());
            ids[i] = rows.values[at * 2];
            keys[i * 4] = db_blob(hash, 16);
            keys[i * 4 + 1] = db_blob(body, VAULT_FINGERPRINT_BYTES);
            keys[i * 4 + 2] = ids[i];
            keys[i * 4 + 3] = db_int(id);
            states[i * 3] = ids[i];
            states[i * 3 + 1] = db_int(0);
            states[i * 3 + 2] = db_blob(state, (size_t)rows.values[at * 2 + 1].i + 40);
            const struct db_value event[12] = {db_int(id),
                                               ids[i],
                                               db_int(0),
                                               db_int(1),
                                               db_int(1700000000000),
                                               db_int(1700000000000),
                                               db_int(1),
                                               db_int(0),
                                               db_int(0),
                                               db_blob(body, (size_t)content_n),
                                               db_blob(body, (size_t)sealed_n),
                                               db_blob(body, (size_t)answer_n)};
            memcpy(&events_rows[i * 12], event, sizeof event);
            for (size_t k = 0; k < 2; k++) {
                const int64_t transfer_id = id_next(store_ids(b->store), clock_now_ms());
                const struct db_value transfer[16] = {db_int(transfer_id),
                                                      ids[i],
                                                      db_int(0),
                                                      db_int(id),
                                                      db_int(transfer_id),
                                                      db_int(1700000000000),
                                                      db_int(1700000000000),
                                                      db_int(3),
                                                      db_int(4),
                                                      db_int(1),
                                                      db_int(1),
                                                      db_int(1),
                                                      db_int(3),
                                                      db_int(20),
                                                      db_null(),
                                                      db_blob(body, 32)};
                memcpy(&transfers[(i * 2 + k) * 16], transfer, sizeof transfer);
            }
        }
        // Reads as the batch has them: states (versions are asked for so that the update hits).
        must(b, db_query_rows(db, &scratch, Q_MEMBER_STATES_READ, ids, size, 1, &found), "states");
        for (size_t i = 0; i < size; i++) {
            states[i * 3 + 1] = found.values[i * 3 + 1];
            states[i * 3 + 2] =
                found.values[i * 3 + 2]; // the books stay sound: the same bytes again
        }
        must(b, db_exec_rows(db, Q_EVENT_KEYS_INSERT, keys, size, 4, NULL), "insert");
        must(b, db_exec_rows(db, Q_MEMBER_STATES_UPDATE, states, size, 3, NULL), "update");
        must(b, db_exec_rows(db, Q_EVENTS_INSERT, events_rows, size, 12, NULL), "insert");
        must(b, db_exec_rows(db, Q_TRANSFERS_INSERT, transfers, size * 2, 16, NULL), "insert");
        must(b, db_commit(db), "commit");
        if (moved == MOVED_BETWEEN && db_wal_pages(db) > 20000) {
            must(b, db_checkpoint(db, DB_CHECKPOINT_PASSIVE, NULL), "checkpoint");
        }
        batch_us = clock_monotonic_us() - turned;
        spent_us += turned - start + batch_us;
        done += (int64_t)size;
        arena_reset(&scratch);
        if (moved == MOVED_UNCOUNTED && db_wal_pages(db) > 20000) {
            must(b, db_checkpoint(db, DB_CHECKPOINT_PASSIVE, NULL), "checkpoint");
        }
    }
    const int64_t moving_us = finish_moving(b, checkpointer);
    spent_us += moved == MOVED_UNCOUNTED ? 0 : moving_us;
    const struct rate rate = {
        .per_s = (double)done * 1e6 / (double)spent_us,
        .pages = (double)(db_pages_written(db) - pages) / (double)done,
    };
    arena_close(&scratch);
    arena_close(&arena);
    db_close(db);
    return rate;
}

/* An append-only file with fdatasync after each batch of 700-byte records. */
static double run_append(struct bench *b, int64_t events, size_t size)
{
    const char *path = str_fmt(&b->arena, "%.*s/append.bin", STR_ARG(b->dir)).p;
    const int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    char *bytes = arena_bytes(&b->arena, size * 700);
    const int64_t start = clock_monotonic_us();
    for (int64_t done = 0; done < events; done += (int64_t)size) {
        if (write(fd, bytes, size * 700) != (ssize_t)(size * 700) || fdatasync(fd) != 0) {
            perror(path);
            exit(1);
        }
    }
    const int64_t us = clock_monotonic_us() - start;
    (void)close(fd);
    (void)unlink(path);
    return (double)events * 1e6 / (double)us;
}

enum { IN_FLIGHT = 4 };

static void answered(struct ticket *ticket)
{
    ensure(sem_post(ticket->owner) == 0);
}

/* Through the engine's door: tickets of `size` events, IN_FLIGHT of them at a time, made before. */
static double run_tickets(struct bench *b, int64_t events, size_t size)
{
    struct engine *engine = NULL;
    struct arena arena;
    sem_t room;
    arena_open(&arena, (size_t)1 << 33);
    const size_t n = (size_t)events / size;
    struct ticket *tickets = arena_new(&arena, struct ticket, n);
    struct arena *arenas = arena_new(&arena, struct arena, n); // answers are written there
    for (size_t i = 0; i < n; i++) {
        arena_open(&arenas[i], (size_t)1 << 28);
        struct submission *list = arena_new(&arenas[i], struct submission, size);
        for (size_t k = 0; k < size; k++) {
            purchase(b, &arenas[i], false, &list[k]);
        }
        tickets[i] = (struct ticket){.list = list, .n = size, .done = answered, .owner = &room};
    }
    ensure(sem_init(&room, 0, IN_FLIGHT) == 0);
    must(b, engine_open(&(struct engine_config){.base = b->base}, &b->fail, &engine), "engine");
    const int64_t start = clock_monotonic_us();
    for (size_t i = 0; i < n; i++) {
        ensure(sem_wait(&room) == 0);
        must(b, engine_submit(engine, &tickets[i]), "submit");
    }
    engine_close(engine); // answers all
    const int64_t us = clock_monotonic_us() - start;
    for (size_t i = 0; i < n * size; i++) {
        must(b, tickets[i / size].list[i % size].err, "event");
    }
    for (size_t i = 0; i < n; i++) {
        arena_close(&arenas[i]);
    }
    arena_close(&arena);
    return (double)(n * size) * 1e6 / (double)us;
}

/* Into memory in single pages, as the server itself reads (decision 16): the system gives its cache
 * away now and then, and a cold file halves everything. */
static void read_in(struct bench *b, const char *name)
{
    enum { PIECE = 128 * 1024 };
    char *piece = arena_bytes(&b->arena, PIECE);
    const int fd = open(str_fmt(&b->arena, "%.*s/%s", STR_ARG(b->dir), name).p, O_RDONLY);
    if (fd < 0) {
        return; // on PostgreSQL there is none
    }
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
    while (read(fd, piece, PIECE) > 0) {
    }
    (void)close(fd);
}

static void open_bench(struct bench *b, const char *program, bool with_clock)
{
    const char *url = getenv("BENCH_DATABASE"); // a PostgreSQL URL; the keys stay in the directory
    const struct store_config config = {
        .database = url ? str_c(url) : str_fmt(&b->arena, "%.*s/loyald.db", STR_ARG(b->dir)),
        .keys = str_fmt(&b->arena, "%.*s/keys.db", STR_ARG(b->dir)),
        .key_file = str_fmt(&b->arena, "%.*s/master.key", STR_ARG(b->dir)),
    };
    (void)mkdir(b->dir.p, 0700);
    read_in(b, "loyald.db"); // before SQLite has it open: closing a file drops its locks
    read_in(b, "keys.db");
    must(b, store_init(&config, with_clock, clock_now_ms(), &b->fail), "init");
    must(b, store_base_open(&config, &b->fail, &b->base), "open");
    must(b, store_open(b->base, DB_WRITER, &b->fail, &b->store), "open");
    struct instance instance;
    must(b, store_instance_read(b->store, &b->arena, &instance), "instance");
    must(b, store_programs_refresh(b->store, instance.epoch), "programs");
    b->now = instance.has_test_clock ? instance.test_now : 0;
    clock_turn(b, int64_max(b->now + BATCH_MS, COUNTING_FROM));
    if (store_programs_n(b->store) == 0) {
        publish(b, program);
    }
    struct db_result count;
    must(b, db_one(store_db(b->store), &b->arena, Q_MEMBERS_COUNT, NULL, 0, &count), "count");
    int64_t have = db_at_int(&count, 0, 0);
    const int64_t start = clock_monotonic_us();
    const int64_t first = have;
    while (have < b->members) {
        const int64_t n = int64_min(ENROL_PER_TICKET, b->members - have);
        enrol(b, have, n);
        have += n;
        checkpoint(b);
    }
    b->is_new = have > first;
    if (b->is_new) {
        (void)printf("enrolled %" PRId64 " members at %.0f/s\n", have - first,
                     (double)(have - first) * 1e6 / (double)(clock_monotonic_us() - start));
    }
}

/* The cost that limits events and does not depend on load: dirty pages per purchase at batch 64,
 * median of three. */
static int check_pages(struct bench *b, double limit)
{
    double pages[3];
    for (size_t i = 0; i < ARRAY_N(pages); i++) {
        pages[i] = run_engine(b, 6400, 64, false).pages;
    }
    const double high = pages[0] > pages[1] ? pages[0] : pages[1];
    const double low = pages[0] > pages[1] ? pages[1] : pages[0];
    const double median = pages[2] > high ? high : pages[2] < low ? low : pages[2];
    (void)printf("dirty pages per purchase at batch 64: %.2f, limit %.2f\n", median, limit);
    return median <= limit ? 0 : 1;
}

/* The yardstick: the faster of its two ways of moving the log's pages. */
static double bare_of(const struct rate *beside, const struct rate *between)
{
    return beside->per_s > between->per_s ? beside->per_s : between->per_s;
}

static void print_bare(struct bench *b, int64_t events, const char *sizes)
{
    struct str left = str_c(sizes);
    struct str word = {0};
    bool done = false;
    (void)printf("sync %.0f\n", 1e6 / run_append(b, SYNCS_N, 1));
    while (str_split(&left, ' ', &word, &done)) {
        int64_t size = 0;
        if (!str_int64(word, &size) || size < 1 || size > events) {
            (void)fprintf(stderr, "bench: BENCH_BARE has sizes of batches: \"64 256 512\"\n");
            exit(2);
        }
        const struct rate beside = run_bare(b, events, (size_t)size, "unix", MOVED_BESIDE);
        const struct rate between = run_bare(b, events, (size_t)size, "unix", MOVED_BETWEEN);
        (void)printf("%" PRId64 " %.0f\n", size, bare_of(&beside, &between));
    }
}

int main(int argc, char **argv)
{
    struct bench b = {0};
    arena_start();
    log_level_set(LOG_WARN);
    arena_open(&b.arena, (size_t)1 << 33);
    b.fail.arena = &b.arena;
    b.members = argc > 1 ? atoll(argv[1]) : 20000;
    const int64_t events = argc > 2 ? atoll(argv[2]) : 20000;
    b.dir = str_c(argc > 3 ? argv[3] : "build/bench-engine");
    open_bench(&b, argc > 4 ? argv[4] : "test/bench/bench.json", argc > 5);
    // A database that an earlier run has used holds that run's keys: the same ones again would be
    // found and cost no page.
    b.random = 88172645463325252u ^ (uint64_t)bench_now(&b);
    if (argc > 5) {
        (void)run_engine(&b, events, 512,
                         false); // every member has bought, so that their timers are armed
        const int code = check_pages(&b, atof(argv[5]));
        store_close(b.store);
        store_base_close(b.base);
        return code;
    }
    for (int64_t n = 0; b.is_new && n < b.members; n += events) { // as many events as members
        (void)run_tickets(&b, events, 512);
    }
    (void)run_engine(&b, int64_min(events, 10000), 64, false); // warm
    if (getenv("BENCH_BARE") != NULL) {
        print_bare(&b, events, getenv("BENCH_BARE"));
        store_close(b.store);
        store_base_close(b.base);
        return 0;
    }
    if (db_dialect(store_db(b.store)) == DB_POSTGRES) {
        for (int i = 0; i < RUNS; i++) {
            const double large = run_tickets(&b, events, 512);
            const double small = run_tickets(&b, events, 64);
            (void)printf("PostgreSQL engine, 4 tickets of 512 at a time: %.0f/s, of 64: %.0f/s\n",
                         large, small);
        }
        return 0;
    }
    static const size_t SIZES[] = {1, 8, 64, 256, 512};
    (void)printf("%8s %10s %12s %6s %12s %12s %10s %10s %14s\n", "batch", "engine/s", "bare SQLite",
                 "ratio", "uncounted", "our log", "pages/ev", "bare pages", "append file/s");
    for (size_t i = 0; i < ARRAY_N(SIZES); i++) {
        const int64_t n = SIZES[i] < 64 ? events / 10 : events;
        const struct rate engine = run_engine(&b, n, SIZES[i], false);
        const struct rate beside = run_bare(&b, n, SIZES[i], "unix", MOVED_BESIDE);
        const struct rate between = run_bare(&b, n, SIZES[i], "unix", MOVED_BETWEEN);
        const struct rate uncounted = run_bare(&b, n, SIZES[i], "unix", MOVED_UNCOUNTED);
        const struct rate ours = run_bare(&b, n, SIZES[i], NULL, MOVED_BESIDE);
        const double append = run_append(&b, n, SIZES[i]);
        const double bare = bare_of(&beside, &between);
        (void)printf("%8zu %10.0f %12.0f %6.2f %12.0f %12.0f %10.2f %10.2f %14.0f\n", SIZES[i],
                     engine.per_s, bare, engine.per_s / bare, uncounted.per_s, ours.per_s,
                     engine.pages, beside.pages, append);
    }
    const struct rate many = run_engine(&b, events, 64, false);
    const struct rate one = run_engine(&b, events, 64, true);
    (void)printf("all on one member / spread: %.2f (%.0f/s against %.0f/s)\n",
                 one.per_s / many.per_s, one.per_s, many.per_s);
    store_close(b.store);
    store_base_close(b.base);
    arena_close(&b.arena);
    return 0;
}
