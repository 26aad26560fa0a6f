/* Program versions: frozen zones, compiling, publishing. */
#include "base/base.h"
#include "store/store.h"

#include "store/frozen.h"
#include "store/contests.h"
#include "store/store_internal.h"

#include "base/assets.h"
#include "core/keep.h"
#include "core/schema.h"

enum { ZONES_TEXT_BYTES_MAX = 16 * 1024 * 1024, DOCUMENT_BYTES_MAX = 8 * 1024 * 1024 };

/* ---- zones ---- */

/* Zones met while a document compiles: read from ICU, to be frozen with the version. */
struct zone_list {
    struct arena *arena;
    const struct zone *zones[1024];
    size_t n;
    const struct json *frozen; // NULL: from ICU
};

static const struct zone *thaw_zone(struct arena *arena, const struct json *frozen, struct str name)
{
    const struct json *json = json_find(frozen, name);
    if (json == NULL) {
        return NULL;
    }
    const struct json *list = json_at(json, "transitions");
    const size_t n = json_array_size(list);
    struct zone_transition *transitions = arena_new(arena, struct zone_transition, n);
    for (size_t i = 0; i < n; i++) {
        const struct json *pair = json_array_get(list, i);
        transitions[i] = (struct zone_transition){
            .at_s = json_integer_value(json_array_get(pair, 0)),
            .offset_s = (int32_t)json_integer_value(json_array_get(pair, 1)),
        };
    }
    struct zone *zone = arena_new(arena, struct zone, 1);
    *zone = (struct zone){
        .name = str_dup(arena, name),
        .offset_first_s = (int32_t)json_integer_value(json_at(json, "first")),
        .transitions = transitions,
        .transitions_n = n,
    };
    return zone;
}

static const struct zone *find_zone(void *self, struct arena *arena, struct str name)
{
    struct zone_list *list = self;
    for (size_t i = 0; i < list->n; i++) {
        if (str_eq(list->zones[i]->name, name)) {
            return list->zones[i];
        }
    }
    struct zone *zone = arena_new(arena, struct zone, 1);
    const struct zone *found = zone;
    if (list->frozen != NULL) {
        found = thaw_zone(arena, list->frozen, name);
    } else if (!zone_load(arena, name, zone)) {
        found = NULL;
    }
    if (found != NULL && list->n < ARRAY_N(list->zones)) {
        list->zones[list->n++] = found;
    }
    return found;
}

static struct str freeze_zones(struct arena *arena, const struct zone_list *list)
{
    struct buf buf;
    buf_open(&buf, arena, ZONES_TEXT_BYTES_MAX);
    struct json_out w = json_out(&buf);
    json_open(&w, '{');
    for (size_t i = 0; i < list->n; i++) {
        const struct zone *zone = list->zones[i];
        json_key_str(&w, zone->name);
        json_open(&w, '{');
        json_key(&w, "first");
        json_put_int(&w, zone->offset_first_s);
        json_key(&w, "transitions");
        json_open(&w, '[');
        for (size_t t = 0; t < zone->transitions_n; t++) {
            json_open(&w, '[');
            json_put_int(&w, zone->transitions[t].at_s);
            json_put_int(&w, zone->transitions[t].offset_s);
            json_close(&w, ']');
        }
        json_close(&w, ']');
        json_close(&w, '}');
    }
    json_close(&w, '}');
    ensure(!buf.is_full);
    return buf_view(&buf);
}

/* ---- sums ---- */

/* Programs decide about points, so a bit turned over in one must not decide. */
static void sum_of(const struct store *store, int64_t number, int64_t at, struct str first,
                   struct str second, unsigned char out[VAULT_HASH_BYTES])
{
    const struct str parts[] = {{.p = (const char *)&number, .n = sizeof number},
                                {.p = (const char *)&at, .n = sizeof at},
                                first,
                                second};
    vault_hash(store->base->vault, VAULT_FINGERPRINT, parts, ARRAY_N(parts), out);
}

/* False for a row whose sum is another; rows from before have none. */
static bool sum_holds(const struct store *store, struct str sum, int64_t number, int64_t at,
                      struct str first, struct str second)
{
    unsigned char wanted[VAULT_HASH_BYTES];
    sum_of(store, number, at, first, second, wanted);
    return sum.n == 0 ||
           (sum.n == VAULT_HASH_BYTES && memcmp(sum.p, wanted, VAULT_HASH_BYTES) == 0);
}

/* ---- the cache ---- */

static enum err load_symbols(struct store *store, struct arena *scratch)
{
    struct db_result rows;
    symbols_open(&store->symbols, &store->programs_arena);
    store->symbols_are_damaged = false;
    try(db_query(store->db, scratch, Q_SYMBOLS_LIST, NULL, 0, &rows));
    for (size_t i = 0; i < rows.rows_n; i++) {
        const struct str name = db_at_str(&rows, i, 1);
        const int32_t symbol = symbol_take(&store->symbols, name);
        const struct str sum = db_is_null(&rows, i, 2) ? (struct str){0} : db_at_str(&rows, i, 2);
        if (symbol != db_at_int(&rows, i, 0)) {
            return ERR_INTEGRITY;
        }
        store->symbols_are_damaged |= !sum_holds(store, sum, symbol, 0, name, (struct str){0});
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

static enum err load_versions(struct store *store, struct arena *scratch)
{
    struct db_result rows;
    try(db_query(store->db, scratch, Q_VERSIONS_ALL, NULL, 0, &rows));
    store->programs = arena_new(&store->programs_arena, struct program_entry, rows.rows_n);
    store->programs_n = rows.rows_n;
    for (size_t i = 0; i < rows.rows_n; i++) {
        store->programs[i] = (struct program_entry){
            .version = (int)db_at_int(&rows, i, 0),
            .effective_at = db_at_int(&rows, i, 1),
            .document = str_dup(&store->programs_arena, db_at_str(&rows, i, 2)),
            .zones = str_dup(&store->programs_arena, db_at_str(&rows, i, 3)),
            .published_at = db_at_int(&rows, i, 5),
        };
        struct program_entry *entry = &store->programs[i];
        const struct str sum = db_is_null(&rows, i, 4) ? (struct str){0} : db_at_str(&rows, i, 4);
        entry->is_damaged = !sum_holds(store, sum, entry->version, entry->effective_at,
                                       entry->document, entry->zones);
    }
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

enum err store_programs_refresh(struct store *store, int64_t epoch)
{
    if (store->programs_epoch == epoch) {
        return ERR_OK;
    }
    struct arena scratch;
    arena_open(&scratch, STORE_PROGRAMS_BYTES_MAX);
    store->programs_epoch = 0;
    store->programs_n = 0;
    store->frozen_n = 0;
    arena_reset(&store->programs_arena);
    enum err err = load_symbols(store, &scratch);
    if (err == ERR_OK) {
        err = load_versions(store, &scratch);
    }
    if (err == ERR_OK) {
        err = store_frozen_refresh(store, &scratch);
    }
    if (err == ERR_OK) {
        store->programs_epoch = epoch;
    }
    arena_close(&scratch);
    return err;
}

bool store_programs_are_of(const struct store *store, int64_t epoch)
{
    return store->programs_epoch == epoch;
}

static enum err compile_entry(struct store *store, struct program_entry *entry)
{
    if (entry->program != NULL) {
        return ERR_OK;
    }
    if (entry->is_damaged || store->symbols_are_damaged) {
        return ERR_INTEGRITY;
    }
    struct arena *arena = &store->programs_arena;
    struct zone_list *list = arena_new(arena, struct zone_list, 1);
    const struct json *document = NULL;
    const struct json *frozen = NULL;
    const size_t symbols_n = store->symbols.n;
    const struct program *program = NULL;
    try(json_read(arena, entry->document, NULL, &document));
    try(json_read(arena, entry->zones, NULL, &frozen));
    *list = (struct zone_list){.arena = arena, .frozen = frozen};
    const struct zone_finder finder = {.self = list, .find = find_zone};
    struct fail f = {.arena = arena};
    if (program_compile(arena, document, &store->symbols, &finder, &f, &program) != ERR_OK ||
        store->symbols.n != symbols_n) {
        return ERR_INTEGRITY; // what was published compiles, and its symbols are stored
    }
    struct program *numbered = (struct program *)program; // made in this arena a moment ago
    numbered->version = entry->version;
    numbered->effective_at = entry->effective_at;
    numbered->starts_at = int64_max(entry->effective_at, entry->published_at);
    entry->program = program;
    return ERR_OK;
}

size_t store_programs_n(const struct store *store)
{
    return store->programs_n;
}

bool store_programs_read_profiles(const struct store *store)
{
    for (size_t i = 0; i < store->programs_n; i++) {
        // A version that is not compiled yet may be needed by a late event of this very batch.
        if (store->programs[i].program == NULL || store->programs[i].program->reads_profile) {
            return true;
        }
    }
    return false;
}

static size_t index_at(const struct store *store, int64_t at)
{
    size_t best = 0;
    for (size_t i = 0; i < store->programs_n; i++) {
        if (store->programs[i].effective_at <= at) {
            best = i; // ascending by version, so the last published one stays
        }
    }
    return best;
}

enum err store_program_at(struct store *store, int64_t at, const struct program **out)
{
    if (store->programs_n == 0) {
        return ERR_NO_PROGRAM;
    }
    const size_t best = index_at(store, at);
    try(compile_entry(store, &store->programs[best]));
    *out = store->programs[best].program;
    return ERR_OK;
}

enum err store_program_version(struct store *store, int version, const struct program **out)
{
    for (size_t i = 0; i < store->programs_n; i++) {
        if (store->programs[i].version == version) {
            try(compile_entry(store, &store->programs[i]));
            *out = store->programs[i].program;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

struct str store_symbol_slug(const struct store *store, int32_t symbol)
{
    if (symbol == 0) {
        return (struct str){0};
    }
    const struct str name = symbol_name(&store->symbols, symbol);
    size_t from = str_find(name, ':', 0) + 1;
    for (size_t i = from; i < name.n; i++) {
        if (name.p[i] == '/') {
            from = i + 1;
        }
    }
    return str_after(name, from);
}

/* ---- checking and publishing ---- */

static enum err check(struct arena *arena, const struct json *document, struct symbols *symbols,
                      struct zone_list *zones, struct fail *f, const struct program **out)
{
    const struct json *schema_json = NULL;
    const struct schema *schema = NULL;
    try(json_read(arena, asset_find(STR("schema/program.schema.json")), f, &schema_json));
    try(schema_compile(arena, schema_json, (struct str){0}, f, &schema));
    try(schema_check(schema, document, (struct str){0}, f));
    const struct zone_finder finder = {.self = zones, .find = find_zone};
    return program_compile(arena, document, symbols, &finder, f, out);
}

enum err store_program_check(struct store *store, struct arena *arena, const struct json *document,
                             struct fail *f, const struct program **out)
{
    (void)store; // a check needs nothing stored, but whoever has no store has no business checking
    struct symbols symbols;
    struct zone_list *zones = arena_new(arena, struct zone_list, 1);
    const struct program *program = NULL;
    symbols_open(&symbols, arena);
    zones->arena = arena;
    try(check(arena, document, &symbols, zones, f, &program));
    if (out != NULL) {
        *out = program;
    }
    return ERR_OK;
}

static enum err insert_symbols(struct store *store, const struct symbols *symbols, size_t known)
{
    for (size_t i = known; i < symbols->n; i++) {
        unsigned char sum[VAULT_HASH_BYTES];
        sum_of(store, (int64_t)i + 1, 0, symbols->names[i], (struct str){0}, sum);
        const struct db_value values[] = {db_int((int64_t)i + 1), db_text(symbols->names[i]),
                                          db_blob(sum, sizeof sum)};
        try(db_exec(store->db, Q_SYMBOL_INSERT, values, ARRAY_N(values), NULL));
    }
    return ERR_OK;
}

/* A contest that has closed stays as it was: its seed and its list are published under its name.
 * The program may have been compiled with symbols of its own. */
static enum err check_contests(struct store *store, struct arena *arena,
                               const struct program *program, struct fail *f)
{
    for (size_t i = 0; i < program->contests_n; i++) {
        const struct contest *contest = &program->contests[i];
        const struct str wallet = program->wallets[contest->wallet].slug;
        const int32_t symbol =
            symbol_find(&store->symbols, str_fmt(arena, "wallet:%.*s", STR_ARG(wallet)));
        struct contest_row row;
        try(store_contest_read(store, arena, symbol, &row));
        if (row.exists && row.closes_at != contest->closes_at) {
            return fail(f, ERR_INVALID, str_fmt(arena, "/contests/%zu/slug", i).p,
                        "The contest \"%.*s\" has closed: give the next one another slug.",
                        STR_ARG(contest->slug));
        }
    }
    return ERR_OK;
}

/* Whether events are judged by a version from now on and before another one is effective. Those of
 * the past need not be asked: each kept what those before it had. */
static bool is_in_force(const struct store *store, size_t i, int64_t until, int64_t now)
{
    const int64_t at = int64_max(now, store->programs[i].effective_at);
    return (at == now || at < until) && index_at(store, at) == i;
}

/* Contests against the version that is in force until this one is. It has kept what those before it
 * had, and an earlier one that was to come at that very time, or after it, never will. */
static enum err check_open_contests(struct store *store, struct arena *arena,
                                    const struct program *program, int64_t at, int64_t now,
                                    struct fail *f)
{
    struct program_entry *before = &store->programs[index_at(store, at > now ? at - 1 : now)];
    if (before->is_damaged) {
        return ERR_OK; // nothing could be published any more
    }
    try(compile_entry(store, before));
    return contests_keep(store, arena, before->program, program, at, f);
}

enum err store_program_keeps(struct store *store, struct arena *arena, const struct json *document,
                             const struct program *program, int64_t effective_at, int64_t now,
                             struct fail *f)
{
    const int64_t at = int64_max(now, effective_at);
    struct db_result row;
    enum err err = ERR_OK;
    if (store->programs_n == 0) {
        return ERR_OK;
    }
    try(check_contests(store, arena, program, f));
    try(db_one(store->db, arena, Q_BOOKED_ANY, NULL, 0, &row));
    if (db_at_int(&row, 0, 0) == 0 && at == now) {
        return ERR_OK; // a version that is to come finds what is booked until then
    }
    for (size_t i = 0; i < store->programs_n && err == ERR_OK; i++) {
        const struct program_entry *entry = &store->programs[i];
        const struct json *before = NULL;
        if (!is_in_force(store, i, effective_at, now) || entry->is_damaged) {
            continue;
        }
        try(json_read(arena, entry->document, NULL, &before));
        err = program_keeps(arena, before, entry->version, document, f);
    }
    const enum err contests = check_open_contests(store, arena, program, at, now, f);
    return err == ERR_OK ? contests : err;
}

enum err store_program_publish(struct store *store, struct arena *arena,
                               const struct json *document, int64_t effective_at, int64_t now,
                               struct str comment, struct str actor, struct fail *f, int *version)
{
    const struct program *program = NULL;
    struct zone_list *zones = arena_new(arena, struct zone_list, 1);
    struct db_result row;
    struct buf text;
    const struct db_value zero = db_int(0);
    const struct db_value one = db_int(1);
    zones->arena = arena;
    ensure(db_in_transaction(store->db));
    try(db_one(store->db, arena, Q_INSTANCE_OWN, &zero, 1, &row));
    store->programs_epoch =
        0; // whatever comes of this, the symbols below are no longer those of the cache
    store->frozen_n = 0;
    arena_reset(&store->programs_arena);
    store->programs_n = 0;
    try(load_symbols(store, arena));
    try(load_versions(store, arena));
    if (store->symbols_are_damaged) {
        return ERR_INTEGRITY;
    }
    const size_t known = store->symbols.n;
    try(check(arena, document, &store->symbols, zones, f, &program));
    try(store_program_keeps(store, arena, document, program, effective_at, now, f));
    *version = store->programs_n == 0 ? 1 : store->programs[store->programs_n - 1].version + 1;
    buf_open(&text, arena, DOCUMENT_BYTES_MAX);
    json_write_canonical(&text, document);
    if (text.is_full) {
        return fail(f, ERR_TOO_LARGE, "", "A program document may have %d bytes.",
                    DOCUMENT_BYTES_MAX);
    }
    const struct str frozen = freeze_zones(arena, zones);
    unsigned char sum[VAULT_HASH_BYTES];
    sum_of(store, *version, effective_at, buf_view(&text), frozen, sum);
    const struct db_value values[] = {
        db_int(*version), db_int(effective_at),     db_int(now),     db_text(comment),
        db_text(actor),   db_text(buf_view(&text)), db_text(frozen), db_blob(sum, sizeof sum),
    };
    try(insert_symbols(store, &store->symbols, known));
    try(db_exec(store->db, Q_VERSION_INSERT, values, ARRAY_N(values), NULL));
    return db_exec(store->db, Q_INSTANCE_EPOCH_RAISE, &one, 1, NULL);
}
