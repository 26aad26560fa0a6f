/* Contests: what is on, who is in, and the draw that anyone can recompute. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/member.h"
#include "engine/contest.h"

static int32_t symbol_of(const struct program *program, const struct contest *contest)
{
    return program->wallets[contest->wallet].symbol;
}

static enum err find(struct api_call *call, struct store *store, const struct program **program,
                     const struct contest **out)
{
    try(store_program_at(store, call->now, program));
    *out = program_contest(*program, call->params[0]);
    return *out != NULL
               ? ERR_OK
               : fail(&call->fail, ERR_NOT_FOUND, "", "The program has no contest of this name.");
}

static void hex_write(struct json_out *w, const char *name, const unsigned char *bytes, size_t n,
                      bool is_known)
{
    char text[CONTEST_HASH_BYTES * 2 + 1];
    json_key(w, name);
    if (!is_known) {
        json_put_null(w);
        return;
    }
    contest_hex(bytes, n, text);
    json_put_str(w, str_c(text));
}

static const char *state_of(const struct contest *contest, const struct contest_row *row,
                            int64_t now)
{
    return row->drawn_at != 0          ? "drawn"
           : now >= contest->closes_at ? "closed"
           : now >= contest->opens_at  ? "open"
                                       : "upcoming";
}

/* The seed's hash is there from the start, that of the entries from the close, the seed and the
 * winners from the draw. */
static enum err published_write(struct api_call *call, const struct store *store,
                                const struct contest *contest, const struct contest_row *row,
                                struct json_out *w)
{
    unsigned char seed[CONTEST_HASH_BYTES];
    unsigned char seed_hash[CONTEST_HASH_BYTES];
    store_contest_seed(store, contest->slug, seed);
    contest_seed_hash(seed, seed_hash);
    hex_write(w, "seed_hash", seed_hash, sizeof seed_hash, true);
    json_key(w, "entries");
    row->exists ? json_put_int(w, row->entries) : json_put_null(w);
    json_key(w, "tickets");
    row->exists ? json_put_int(w, row->tickets) : json_put_null(w);
    hex_write(w, "entries_hash", row->entries_hash, sizeof row->entries_hash, row->exists);
    hex_write(w, "seed", seed, sizeof seed, row->drawn_at != 0);
    json_key(w, "drawn_at");
    json_put_instant(w, row->drawn_at != 0 ? row->drawn_at : AT_NEVER);
    const struct json *result = NULL;
    if (row->drawn_at != 0) {
        try(json_read(call->arena, row->result, &call->fail, &result));
    }
    part_write(w, result, "winners");
    part_write(w, result, "withdrawn");
    return ERR_OK;
}

static enum err contest_write(struct api_call *call, struct store *store,
                              const struct program *program, const struct contest *contest,
                              struct json_out *w)
{
    struct contest_row row;
    try(store_contest_read(store, call->arena, symbol_of(program, contest), &row));
    json_open(w, '{');
    json_key(w, "slug");
    json_put_str(w, contest->slug);
    json_key(w, "state");
    json_put_str(w, str_c(state_of(contest, &row, call->now)));
    part_write(w, contest->json, "name");
    part_write(w, contest->json, "terms");
    json_key(w, "opens_at");
    json_put_instant(w, contest->opens_at == INT64_MIN ? AT_NEVER : contest->opens_at);
    json_key(w, "closes_at");
    json_put_instant(w, contest->closes_at);
    json_key(w, "places");
    json_put_int(w, contest->winners);
    part_write(w, contest->json, "countries");
    part_write(w, contest->json, "min_age");
    try(published_write(call, store, contest, &row, w));
    json_close(w, '}');
    return ERR_OK;
}

enum err api_contests_get(struct api_call *call, struct store *store, struct json_out *w)
{
    const struct program *program = NULL;
    try(store_program_at(store, call->now, &program));
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = 0; i < program->contests_n; i++) {
        try(contest_write(call, store, program, &program->contests[i], w));
    }
    json_close(w, ']');
    json_close(w, '}');
    return ERR_OK;
}

enum err api_contest_get(struct api_call *call, struct store *store, struct json_out *w)
{
    const struct program *program = NULL;
    const struct contest *contest = NULL;
    try(find(call, store, &program, &contest));
    return contest_write(call, store, program, contest, w);
}

/* Oldest first: the order in which they are hashed. The cursor is the last entry that was shown. */
enum err api_contest_entries_get(struct api_call *call, struct store *store, struct json_out *w)
{
    const struct program *program = NULL;
    const struct contest *contest = NULL;
    struct contest_entry *list = NULL;
    size_t n = 0;
    int64_t after = 0;
    int64_t limit = 0;
    try(find(call, store, &program, &contest));
    if (call->now < contest->closes_at) {
        return fail(&call->fail, ERR_CLOSED, "",
                    "Entries are listed once the contest has closed: until then they can change.");
    }
    try(call_page(call, "lot_", &after, &limit));
    after = after == INT64_MAX ? 0 : after;
    try(store_contest_entries(store, call->arena, contest, symbol_of(program, contest), after,
                              (size_t)limit + 1, &list, &n));
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    const size_t shown = n > (size_t)limit ? (size_t)limit : n;
    for (size_t i = 0; i < shown; i++) {
        json_open(w, '{');
        json_key(w, "entry");
        json_put_id(w, "lot_", list[i].lot);
        hex_write(w, "alias", list[i].alias, CONTEST_ALIAS_BYTES, true);
        json_key(w, "tickets");
        json_put_int(w, list[i].tickets);
        json_close(w, '}');
    }
    json_close(w, ']');
    call_page_end(w, "lot_", n > shown ? list[shown - 1].lot : 0);
    json_close(w, '}');
    return ERR_OK;
}

/* Drawn once; asked again, the same answer. */
enum err api_contest_draw_post(struct api_call *call, struct store *store, struct arena *arena,
                               struct json_out *w)
{
    const struct program *program = NULL;
    const struct contest *contest = NULL;
    struct contest_job job = {.slug = call->params[0], .actor = call_actor(call), .f = &call->fail};
    try(contest_draw_job(store, arena, &job));
    try(find(call, store, &program, &contest));
    return contest_write(call, store, program, contest, w);
}

/* Their tickets and those that wait: live until the close, then what the list and the draw have,
 * whatever is booked later. */
static enum err tickets_of(struct api_call *call, struct store *store,
                           const struct contest *contest, int32_t symbol,
                           const struct member_facts *facts, struct balance *out)
{
    const struct balance *balance = state_balance_find(facts->state, symbol);
    *out = balance != NULL ? *balance : (struct balance){0};
    if (call->now < contest->closes_at) {
        return ERR_OK;
    }
    out->pending = 0;
    return store_contest_tickets(store, call->arena, contest, symbol, facts->member, &out->active);
}

static enum err member_contest_write(struct api_call *call, struct store *store,
                                     const struct program *program, const struct contest *contest,
                                     const struct member_facts *facts, struct json_out *w)
{
    struct contest_row row;
    unsigned char alias[CONTEST_ALIAS_BYTES];
    struct balance balance;
    const int32_t symbol = symbol_of(program, contest);
    try(tickets_of(call, store, contest, symbol, facts, &balance));
    try(store_contest_read(store, call->arena, symbol, &row));
    store_contest_alias(store, contest->slug, facts->member, alias);
    json_open(w, '{');
    json_key(w, "contest");
    json_put_str(w, contest->slug);
    json_key(w, "state");
    json_put_str(w, str_c(state_of(contest, &row, call->now)));
    json_key(w, "closes_at");
    json_put_instant(w, contest->closes_at);
    json_key(w, "tickets");
    json_put_int(w, balance.active);
    json_key(w, "pending");
    json_put_int(w, balance.pending);
    hex_write(w, "alias", alias, sizeof alias, true);
    json_close(w, '}');
    return ERR_OK;
}

enum err api_member_contests_get(struct api_call *call, struct store *store, struct json_out *w)
{
    int64_t member = 0;
    struct member_facts facts;
    const struct program *program = NULL;
    try(member_find(call, store, call->params[0], &member));
    try(member_facts_read(call, store, member, &facts));
    try(store_program_at(store, call->now, &program));
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = 0; i < program->contests_n; i++) {
        try(member_contest_write(call, store, program, &program->contests[i], &facts, w));
    }
    json_close(w, ']');
    json_close(w, '}');
    return ERR_OK;
}
