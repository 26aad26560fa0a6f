/* Codes: uploading them to coupon pools and as redemption codes, generating redemption codes,
 * counting. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/handlers.h"
#include "store/audit.h"
#include "store/rewards.h"
#include "vault/code.h"

enum { LINES_SHOWN_MAX = 1000, UPLOAD_LINES_MAX = 2000000 };

/* The pool that a path and ?pool= name. */
static enum err pool_find(struct api_call *call, struct store *store, struct pool_symbols *out)
{
    const struct program *program = NULL;
    struct str name;
    try(store_program_at(store, call->now, &program));
    const struct reward *reward = program_reward(program, call->params[0]);
    if (reward == NULL || reward->pools_n == 0) {
        return fail(&call->fail, ERR_NOT_FOUND, "",
                    "The program has no reward of the kind \"coupon\" with this name.");
    }
    const struct str wanted =
        http_query(call->request, "pool", &name)
            ? str_fmt(call->arena, "%.*s/%.*s", STR_ARG(reward->slug), STR_ARG(name))
            : reward->slug;
    for (size_t i = 0; i < reward->pools_n; i++) {
        if (str_eq(reward->pools[i].pool, wanted)) {
            *out = reward->pools[i];
            return ERR_OK;
        }
    }
    return fail(&call->fail, ERR_NOT_FOUND, "",
                "The reward has no coupon pool of this name: see its \"markets\".");
}

static enum err counts_write(struct api_call *call, struct store *store,
                             const struct pool_symbols *pool, struct json_out *w)
{
    int64_t uploaded = 0;
    int64_t taken = 0;
    try(store_shared_value(store, call->arena, pool->uploaded, &uploaded));
    try(store_shared_value(store, call->arena, pool->taken, &taken));
    json_key(w, "uploaded");
    json_put_int(w, uploaded);
    json_key(w, "taken");
    json_put_int(w, taken);
    json_key(w, "left");
    json_put_int(w, uploaded - taken);
    return ERR_OK;
}

enum err api_codes_get(struct api_call *call, struct store *store, struct json_out *w)
{
    struct pool_symbols pool;
    try(pool_find(call, store, &pool));
    json_open(w, '{');
    json_key(w, "pool");
    json_put_str(w, str_dup(call->arena, pool.pool));
    try(counts_write(call, store, &pool, w));
    json_close(w, '}');
    return ERR_OK;
}

/* ---- uploading ---- */

/* A code of an upload. All are put in the order of their blind index before they are written: each
 * write then touches neighbouring pages only, which makes a million codes a matter of seconds. */
struct code_line {
    unsigned char hash[VAULT_HASH_BYTES];
    const char *text; // in the body
    uint32_t line;
    uint8_t n;
    bool is_duplicate;
};
_Static_assert(CODE_BYTES_MAX <= UINT8_MAX, "a code's length fits");

struct upload {
    struct api_call *call;
    struct pool_symbols pool; // of coupons
    int32_t definition;       // of redemption codes; 0: coupons
    bool is_generated;
    struct code_line *list;
    size_t list_n;
    // The codes at hand.
    struct str codes[COUPONS_PER_WRITE];
    bool is_duplicate[COUPONS_PER_WRITE];
    size_t n;
    int64_t added; // by the last write
    // In all.
    int64_t added_n, duplicates_n, rejected_n;
    int64_t *duplicates; // their lines, the first LINES_SHOWN_MAX
    int64_t *rejected;
};

static bool is_code(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if ((unsigned char)text.p[i] <= ' ' || text.p[i] == 127) {
            return false;
        }
    }
    return text.n > 0 && text.n <= CODE_BYTES_MAX;
}

static void note(int64_t *lines, int64_t *n, int64_t line)
{
    if (*n < LINES_SHOWN_MAX) {
        lines[*n] = line;
    }
    ++*n;
}

/* The first column of a line, without quotes around it. */
static struct str first_column(struct str line)
{
    struct str text = str_trim(line);
    const size_t end =
        text.n > 0 && text.p[0] == '"' ? str_find(str_after(text, 1), '"', 0) + 1 : 0;
    if (end > 0 && end < text.n) {
        return (struct str){.p = text.p + 1, .n = end - 1};
    }
    text.n = str_find(text, ',', 0);
    return str_trim(text);
}

static void add_code(struct upload *u, struct arena *scratch, struct str code, uint32_t line)
{
    struct code_line *added = &u->list[u->list_n++];
    *added = (struct code_line){.text = code.p, .n = (uint8_t)code.n, .line = line};
    code_hash(scratch, store_base_vault(u->call->api->config.base), code, added->hash);
    arena_reset(scratch);
}

static size_t count_lines(struct str text)
{
    size_t n = 1;
    for (size_t i = 0; i < text.n; i++) {
        n += text.p[i] == '\n';
    }
    return n;
}

static enum err read_codes(struct upload *u)
{
    struct arena scratch;
    struct str rest = u->call->request->body;
    const size_t lines = count_lines(rest);
    if (lines > UPLOAD_LINES_MAX) {
        return fail(&u->call->fail, ERR_TOO_LARGE, "",
                    "An upload has at most %d lines: send the rest in a second one.",
                    UPLOAD_LINES_MAX);
    }
    u->list = arena_new(u->call->arena, struct code_line, lines);
    arena_open(&scratch, ARENA_BLOCK_BYTES);
    for (uint32_t line = 1; rest.n > 0; line++) {
        const size_t end = str_find(rest, '\n', 0);
        const struct str code = first_column((struct str){.p = rest.p, .n = end});
        rest = str_after(rest, end < rest.n ? end + 1 : end);
        if (code.n == 0 || (line == 1 && str_eq(code, STR("code")))) {
            continue; // an empty line, the heading of a file
        }
        if (is_code(code)) {
            add_code(u, &scratch, code, line);
        } else {
            note(u->rejected, &u->rejected_n, line);
        }
    }
    arena_close(&scratch);
    return ERR_OK;
}

static int hash_order(const void *a, const void *b)
{
    const struct code_line *x = a;
    const struct code_line *y = b;
    const int order = memcmp(x->hash, y->hash, VAULT_HASH_BYTES);
    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static int line_order(const void *a, const void *b)
{
    const struct code_line *x = a;
    const struct code_line *y = b;
    return (x->line > y->line) - (x->line < y->line);
}

static enum err write_coupons(struct store *store, struct arena *arena, struct upload *u)
{
    int64_t uploaded = 0;
    struct shared_use *locked = NULL;
    size_t locked_n = 0;
    try(store_shared_read(store, arena, &locked, &locked_n)); // locks: numbers are without gaps
    try(store_shared_value(store, arena, u->pool.uploaded, &uploaded));
    if (uploaded + (int64_t)u->n > POOL_CODES_MAX) {
        return ERR_OVERFLOW;
    }
    try(store_coupons_add(store, arena, u->pool.taken, uploaded, u->codes, u->n, u->is_duplicate,
                          &u->added));
    return store_shared_set(store, arena, u->pool.uploaded, uploaded + u->added);
}

/* A job on the lane: the codes, their counter, the audit entry. */
static enum err write_codes(struct store *store, struct arena *arena, void *self)
{
    struct upload *u = self;
    struct instance instance;
    try(store_instance_read(store, arena, &instance));
    try(u->definition == 0 ? write_coupons(store, arena, u)
                           : store_redemptions_add(store, arena, u->definition, u->codes, u->n,
                                                   u->is_duplicate, &u->added));
    const struct audit_entry entry = {
        .actor = call_actor(u->call),
        .action = u->is_generated ? STR("codes.generate") : STR("codes.upload"),
        .object = str_fmt(arena, "%s/%.*s", u->definition == 0 ? "reward" : "redemption_code",
                          STR_ARG(u->pool.pool)),
        .after = str_fmt(arena, "{\"added\":%" PRId64 "}", u->added),
        .at = store_now(&instance),
    };
    return u->added > 0 ? store_audit_write(store, arena, &entry) : ERR_OK;
}

static void lines_write(struct json_out *w, const char *name, const int64_t *lines, int64_t n)
{
    json_key(w, name);
    json_open(w, '[');
    for (int64_t i = 0; i < n && i < LINES_SHOWN_MAX; i++) {
        json_put_int(w, lines[i]);
    }
    json_close(w, ']');
}

/* Writes the codes from..from + n of the list. */
static enum err write_part(struct upload *u, size_t from, size_t n)
{
    struct ticket ticket = {.job = write_codes, .job_self = u};
    qsort(u->list + from, n, sizeof *u->list,
          line_order); // given out in the order of the file, as far as that goes
    for (u->n = 0; u->n < n; u->n++) {
        u->codes[u->n] = (struct str){.p = u->list[from + u->n].text, .n = u->list[from + u->n].n};
    }
    try(engine_run(u->call->api->config.engine, &ticket));
    http_working(u->call->request);
    u->added_n += u->added;
    for (size_t i = 0; i < n; i++) {
        u->list[from + i].is_duplicate = u->is_duplicate[i];
    }
    return ERR_OK;
}

static enum err upload_all(struct upload *u)
{
    try(read_codes(u));
    qsort(u->list, u->list_n, sizeof *u->list, hash_order);
    for (size_t at = 0; at < u->list_n; at += COUPONS_PER_WRITE) {
        const size_t left = u->list_n - at;
        try(write_part(u, at, left < COUPONS_PER_WRITE ? left : COUPONS_PER_WRITE));
    }
    qsort(u->list, u->list_n, sizeof *u->list, line_order);
    for (size_t i = 0; i < u->list_n; i++) {
        if (u->list[i].is_duplicate) {
            note(u->duplicates, &u->duplicates_n, u->list[i].line);
        }
    }
    return ERR_OK;
}

/* The redemption code that a path names; of a fixed one there is nothing to add. */
static enum err definition_find(struct api_call *call, struct store *store, struct upload *u)
{
    const struct program *program = NULL;
    try(store_program_at(store, call->now, &program));
    const struct redemption_code *code = program_redemption_code(program, call->params[0]);
    if (code == NULL || code->fixed.n > 0) {
        return fail(
            &call->fail, ERR_NOT_FOUND, "",
            "The program has no redemption code of this name that is uploaded or generated.");
    }
    u->definition = code->symbol;
    u->pool.pool = code->slug;
    return ERR_OK;
}

static enum err upload(struct api_call *call, struct store *store, struct upload *u)
{
    try(call_snapshot(call, store));
    const enum err err =
        u->definition != 0 ? definition_find(call, store, u) : pool_find(call, store, &u->pool);
    u->pool.pool = str_dup(call->arena, u->pool.pool);
    db_rollback(store_db(store));
    try(err);
    try(upload_all(u));
    struct json_out *w = &call->w;
    json_open(w, '{');
    json_key(w, "pool");
    json_put_str(w, u->pool.pool);
    json_key(w, "added");
    json_put_int(w, u->added_n);
    json_key(w, "duplicates");
    json_put_int(w, u->duplicates_n);
    json_key(w, "rejected");
    json_put_int(w, u->rejected_n);
    lines_write(w, "duplicate_lines", u->duplicates, u->duplicates_n);
    lines_write(w, "rejected_lines", u->rejected, u->rejected_n);
    json_close(w, '}');
    return ERR_OK;
}

static struct upload *upload_open(struct api_call *call, bool is_redemption)
{
    struct upload *u = arena_new(call->arena, struct upload, 1);
    u->call = call;
    u->definition = is_redemption ? -1 : 0; // known once the program is
    u->duplicates = arena_new(call->arena, int64_t, LINES_SHOWN_MAX);
    u->rejected = arena_new(call->arena, int64_t, LINES_SHOWN_MAX);
    return u;
}

static void finish(struct api_call *call, enum err err)
{
    if (err != ERR_OK) {
        call_refuse(call, err, NULL);
        return;
    }
    call->status = 201;
    call_answer(call);
}

static void work(struct api_task *task, struct store *store)
{
    finish(task->call, upload(task->call, store, upload_open(task->call, false)));
}

static void redemption_work(struct api_task *task, struct store *store)
{
    finish(task->call, upload(task->call, store, upload_open(task->call, true)));
}

void api_redemption_codes_post(struct api_call *call)
{
    call_work(call, redemption_work);
}

/* ---- generating ---- */

static enum err generate(struct api_call *call, struct store *store, struct upload *u)
{
    static const char *const FIELDS[] = {"count"};
    struct reader r = {.arena = call->arena, .f = &call->fail};
    int64_t count = 0;
    u->is_generated = true;
    if (read_object(&r, call->body, NULL, FIELDS, ARRAY_N(FIELDS))) {
        read_whole(&r, call->body, NULL, "count", READ_REQUIRED, 1, COUPONS_PER_WRITE, &count);
    }
    try(read_done(&r));
    try(call_snapshot(call, store));
    const enum err err = definition_find(call, store, u);
    u->pool.pool = str_dup(call->arena, u->pool.pool);
    db_rollback(store_db(store));
    try(err);
    for (u->n = 0; (int64_t)u->n < count; u->n++) {
        u->codes[u->n] = code_draw(call->arena);
    }
    struct ticket ticket = {.job = write_codes, .job_self = u};
    try(engine_run(call->api->config.engine, &ticket));
    struct json_out *w = &call->w;
    json_open(w, '{');
    json_key(w, "codes");
    json_open(w, '[');
    for (size_t i = 0; i < u->n; i++) {
        if (!u->is_duplicate[i]) { // of two to the power of 80 one was drawn twice
            json_put_str(w, u->codes[i]);
        }
    }
    json_close(w, ']');
    json_close(w, '}');
    return ERR_OK;
}

static void generate_work(struct api_task *task, struct store *store)
{
    finish(task->call, generate(task->call, store, upload_open(task->call, true)));
}

void api_redemption_codes_generate_post(struct api_call *call)
{
    call_work(call, generate_work);
}

void api_codes_post(struct api_call *call)
{
    call_work(call, work);
}
