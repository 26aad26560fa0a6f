/* The settler's thread, and the lane's and the readers' part in it. */
#include "base/base.h"
#include "engine/settle.h"

#include <pthread.h>
#include <stdatomic.h>

#include "engine/checkpoint.h"

struct settler {
    struct store
        *store;      // the thread's; NULL on PostgreSQL, where commits are durable by themselves
    struct db *db;   // the store's, or NULL
    struct db *lane; // its counts from any thread, all else the lane's thread
    pthread_t thread;
    _Atomic int64_t settled; // commits of the lane that the disk has
    pthread_mutex_t mutex;   // guards what follows
    pthread_cond_t wanted;   // the thread sleeps on it
    pthread_cond_t advanced; // the lane sleeps on it
    struct ticket *first;    // of the lane and of readers
    struct ticket *last;
    size_t unsettled_n; // submissions handed over and not answered
    bool is_stopping;
};

static void lock(struct settler *s)
{
    ensure(pthread_mutex_lock(&s->mutex) == 0);
}

static void unlock(struct settler *s)
{
    ensure(pthread_mutex_unlock(&s->mutex) == 0);
}

/* Syncs through a connection of the calling thread. */
static void settle(struct settler *s, struct db *db)
{
    if (s->db == NULL) {
        return;
    }
    const int64_t done = db_commits_done(s->lane); // a commit that is on its way may miss the sync
    if (atomic_load(&s->settled) >= db_commits_begun(s->lane)) {
        return; // another has
    }
    stop_if_lost(db_log_sync(db));
    int64_t settled = atomic_load(&s->settled);
    while (settled < done && !atomic_compare_exchange_weak(&s->settled, &settled, done)) {
    }
}

static void answer_all(struct ticket *first, const struct ticket *end)
{
    while (first != end) {
        struct ticket *next = first->next;
        first->done(first); // the ticket is gone now
        first = next;
    }
}

/* ---- the thread ---- */

/* One turn: a sync, then the answers of all that was handed over before it. */
static void take_turn(struct settler *s)
{
    struct ticket *list = s->first;
    const size_t n = s->unsettled_n;
    s->first = s->last = NULL;
    unlock(s);
    settle(s, s->db);
    answer_all(list, NULL);
    lock(s);
    s->unsettled_n -= n;
    ensure(pthread_cond_broadcast(&s->advanced) == 0);
}

static void *thread_main(void *self)
{
    struct settler *s = self;
    (void)pthread_setname_np(pthread_self(), "settle"); // for top and perf
    lock(s);
    for (;;) {
        if (s->first != NULL) {
            take_turn(s);
        } else if (!s->is_stopping) {
            ensure(pthread_cond_wait(&s->wanted, &s->mutex) == 0);
        } else {
            break;
        }
    }
    unlock(s);
    return NULL;
}

/* Tickets from `first` to before `end`, for the next turn. */
static void add(struct settler *s, struct ticket *first, const struct ticket *end)
{
    if (s->first == NULL) {
        s->first = first;
    } else {
        s->last->next = first;
    }
    for (s->last = first; s->last->next != end; s->last = s->last->next) {
    }
    s->last->next = NULL;
    ensure(pthread_cond_signal(&s->wanted) == 0);
}

/* ---- the lane ---- */

void settler_hand_over(struct settler *s, struct ticket *first, struct ticket *end, size_t n,
                       bool is_idle)
{
    lock(s);
    if (is_idle && s->unsettled_n == 0) {
        unlock(s); // the only lane hands over: it stays so
        settle(s, s->lane);
        answer_all(first, end);
        return;
    }
    add(s, first, end);
    s->unsettled_n += n;
    while (s->unsettled_n > UNSETTLED_MAX) {
        ensure(pthread_cond_wait(&s->advanced, &s->mutex) == 0);
    }
    unlock(s);
}

/* ---- readers ---- */

void settler_answer(struct settler *s, struct ticket *ticket)
{
    const int64_t seen = db_commits_begun(s->lane);
    const bool is_settled = s->db == NULL || atomic_load(&s->settled) >= seen;
    if (is_settled) {
        ticket->done(ticket);
        return;
    }
    ticket->next = NULL;
    lock(s);
    add(s, ticket, NULL);
    unlock(s);
}

/* ---- opening and closing ---- */

enum err settler_open(struct store_base *base, struct store *lane, struct fail *f,
                      struct settler **out)
{
    struct settler *s = calloc(1, sizeof *s); // start-up code
    ensure(s != NULL);
    const bool syncs = db_dialect(store_db(lane)) == DB_SQLITE;
    const enum err err = syncs ? store_open(base, DB_MAINTAINER, f, &s->store) : ERR_OK;
    if (err != ERR_OK) {
        free(s); // start-up code
        return err;
    }
    s->db = s->store != NULL ? store_db(s->store) : NULL;
    s->lane = store_db(lane);
    atomic_store(&s->settled, db_commits_done(s->lane)); // those were durable
    db_commit_early(s->lane);
    ensure(pthread_mutex_init(&s->mutex, NULL) == 0);
    ensure(pthread_cond_init(&s->wanted, NULL) == 0);
    ensure(pthread_cond_init(&s->advanced, NULL) == 0);
    ensure(pthread_create(&s->thread, NULL, thread_main, s) == 0);
    *out = s;
    return ERR_OK;
}

void settler_close(struct settler *s)
{
    if (s == NULL) {
        return;
    }
    lock(s);
    s->is_stopping = true;
    ensure(pthread_cond_signal(&s->wanted) == 0);
    unlock(s);
    ensure(pthread_join(s->thread, NULL) == 0);
    settle(s, s->lane);
    store_close(s->store);
    free(s); // made at start-up, released at the close
}
