/* Contests: the close and the draw. */
#include "base/base.h"
#include "engine/contest.h"

#include "base/time.h"
#include "engine/relay.h"
#include "store/audit.h"

enum { RESULT_BYTES_MAX = 1024 * 1024, DATA_BYTES_MAX = 512 };

static int32_t symbol_of(const struct program *program, const struct contest *contest)
{
    return program->wallets[contest->wallet].symbol;
}

static enum err audit(struct store *store, struct arena *arena, struct str actor,
                      const char *action, struct str slug, struct str after, int64_t now)
{
    const struct audit_entry entry = {
        .actor = actor,
        .action = str_c(action),
        .object = str_fmt(arena, "contest/%.*s", STR_ARG(slug)),
        .after = after,
        .at = now,
    };
    return store_audit_write(store, arena, &entry);
}

static enum err entries_of(struct store *store, struct arena *arena, const struct contest *contest,
                           int32_t symbol, struct contest_entry **list, size_t *n)
{
    try(store_contest_entries(store, arena, contest, symbol, 0, CONTEST_ENTRIES_ALL_MAX + 1, list,
                              n));
    return *n > CONTEST_ENTRIES_ALL_MAX ? ERR_OVERFLOW : ERR_OK;
}

static enum err close_one(struct store *store, struct arena *arena, const struct contest *contest,
                          int32_t symbol, int64_t now)
{
    struct contest_row row = {.slug = contest->slug, .closes_at = contest->closes_at};
    struct contest_entry *list = NULL;
    size_t n = 0;
    bool is_first = false;
    try(entries_of(store, arena, contest, symbol, &list, &n));
    row.entries = (int64_t)n;
    for (size_t i = 0; i < n; i++) {
        row.tickets += list[i].tickets;
    }
    contest_entries_hash(list, n, row.entries_hash);
    try(store_contest_close(store, symbol, &row, &is_first));
    char hash[CONTEST_HASH_BYTES * 2 + 1];
    contest_hex(row.entries_hash, CONTEST_HASH_BYTES, hash);
    const struct str after =
        str_fmt(arena, "{\"entries\":%" PRId64 ",\"entries_hash\":\"%s\",\"tickets\":%" PRId64 "}",
                row.entries, hash, row.tickets);
    return is_first ? audit(store, arena, STR("loyald/clock"), "contest.close", contest->slug,
                            after, now)
                    : ERR_OK;
}

enum err contests_close(struct store *store, struct arena *arena, int64_t now)
{
    const struct program *program = NULL;
    const enum err err = store_program_at(store, now, &program);
    if (err == ERR_NO_PROGRAM) {
        return ERR_OK;
    }
    try(err);
    for (size_t i = 0; i < program->contests_n; i++) {
        const struct contest *contest = &program->contests[i];
        struct contest_row row = {.exists = true};
        if (contest->closes_at <= now) {
            try(store_contest_read(store, arena, symbol_of(program, contest), &row));
        }
        if (!row.exists) {
            try(close_one(store, arena, contest, symbol_of(program, contest), now));
        }
    }
    return ERR_OK;
}

/* ---- the draw ---- */

static void id_put(struct json_out *w, const char *name, const char *prefix, int64_t id)
{
    json_key(w, name);
    json_put_id(w, prefix, id);
}

static void alias_put(struct json_out *w, const unsigned char alias[CONTEST_ALIAS_BYTES])
{
    char text[CONTEST_ALIAS_BYTES * 2 + 1];
    contest_hex(alias, CONTEST_ALIAS_BYTES, text);
    json_put_str(w, str_c(text));
}

static struct str result_text(struct arena *arena, const struct contest_winner *winners, size_t n,
                              const struct contest_entry *list, size_t list_n)
{
    struct buf text;
    const struct contest_entry *before = NULL;
    buf_open(&text, arena, RESULT_BYTES_MAX);
    struct json_out w = json_out(&text);
    json_open(&w, '{');
    json_key(&w, "winners");
    json_open(&w, '[');
    for (size_t i = 0; i < n; i++) {
        json_open(&w, '{');
        json_key(&w, "place");
        json_put_int(&w, (int64_t)i + 1);
        id_put(&w, "entry", "lot_", winners[i].lot);
        json_key(&w, "alias");
        alias_put(&w, winners[i].alias);
        id_put(&w, "member", "mbr_", winners[i].member);
        json_close(&w, '}');
    }
    json_close(&w, ']');
    json_key(&w, "withdrawn");
    json_open(&w, '[');
    for (size_t i = 0; i < list_n; i++) {
        if (list[i].is_withdrawn && (before == NULL || before->member != list[i].member)) {
            alias_put(&w, list[i].alias);
            before = &list[i];
        }
    }
    json_close(&w, ']');
    json_close(&w, '}');
    return text.is_full ? (struct str){0} : buf_view(&text);
}

/* Each winner's event, by the door for work that one event leaves for others: the entry's lot
 * stands for the cause. */
static enum err tell_winners(struct store *store, struct arena *arena, struct str slug,
                             const struct contest_winner *winners, size_t n, int64_t now)
{
    struct relay_row *rows = arena_new(arena, struct relay_row, n);
    for (size_t i = 0; i < n; i++) {
        struct buf text;
        buf_open(&text, arena, DATA_BYTES_MAX);
        struct json_out w = json_out(&text);
        json_open(&w, '{');
        json_key(&w, "contest");
        json_put_str(&w, slug);
        id_put(&w, "entry", "lot_", winners[i].lot);
        json_key(&w, "place");
        json_put_int(&w, (int64_t)i + 1);
        json_close(&w, '}');
        ensure(!text.is_full);
        rows[i] = (struct relay_row){
            .cause = winners[i].lot,
            .relay = {.member = winners[i].member,
                      .kind = EVENT_CONTEST_WON,
                      .time = now,
                      .data = buf_view(&text)},
        };
    }
    return n == 0 ? ERR_OK
                  : store_relays_add(store, arena, rows, n, now, clock_now_ms() + RELAY_LEASE_MS);
}

static enum err draw(struct store *store, struct arena *arena, struct contest_job *job,
                     const struct contest *contest, int32_t symbol, int64_t now)
{
    unsigned char seed[CONTEST_HASH_BYTES];
    unsigned char hash[CONTEST_HASH_BYTES];
    struct contest_entry *list = NULL;
    size_t n = 0;
    try(entries_of(store, arena, contest, symbol, &list, &n));
    contest_entries_hash(list, n, hash);
    if (memcmp(hash, job->row.entries_hash, CONTEST_HASH_BYTES) != 0) {
        return fail(job->f, ERR_INTEGRITY, "",
                    "The entries are not those of the contest's close: run loyald verify.");
    }
    struct contest_winner *winners =
        arena_new(arena, struct contest_winner, (size_t)contest->winners);
    struct contest_entry *all = arena_new(arena, struct contest_entry, n);
    memcpy(all, list, n * sizeof *list);
    store_contest_seed(store, contest->slug, seed);
    const size_t winners_n = contest_draw(seed, hash, list, n, winners, (size_t)contest->winners);
    const struct str result = result_text(arena, winners, winners_n, all, n);
    if (result.n == 0) {
        return ERR_OVERFLOW;
    }
    try(store_contest_drawn(store, symbol, now, result, &job->is_first));
    if (!job->is_first) {
        return ERR_OK;
    }
    try(tell_winners(store, arena, contest->slug, winners, winners_n, now));
    job->row.drawn_at = now;
    job->row.result = result;
    return audit(store, arena, job->actor, "contest.draw", contest->slug, result, now);
}

enum err contest_draw_job(struct store *store, struct arena *arena, void *self)
{
    struct contest_job *job = self;
    struct instance instance;
    const struct program *program = NULL;
    try(store_instance_read(store, arena, &instance));
    try(store_programs_refresh(store, instance.epoch));
    const int64_t now = store_now(&instance);
    try(store_program_at(store, now, &program));
    const struct contest *contest = program_contest(program, job->slug);
    if (contest == NULL) {
        return fail(job->f, ERR_NOT_FOUND, "", "The program has no contest of this name.");
    }
    if (now < contest->closes_at) {
        return fail(job->f, ERR_CLOSED, "",
                    "The contest is still open: draw it once its window is over.");
    }
    const int32_t symbol = symbol_of(program, contest);
    try(contests_close(store, arena, now));
    try(store_contest_read(store, arena, symbol, &job->row));
    return job->row.drawn_at != 0 ? ERR_OK : draw(store, arena, job, contest, symbol, now);
}
