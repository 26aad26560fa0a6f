/* Members: enrol, read, find, change, forget. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/answer_write.h"
#include "api/member.h"
#include "store/clock.h"
#include "store/referrals.h"
#include "vault/code.h"

enum { PROFILE_TEXT_MAX = 1024 * 1024 };

/* ---- POST /v1/members ---- */

struct enrol_work {
    struct submission submission;
    struct member_profile profile;
    bool has_auto_rewards;
};

/* A member as enrolled: what the call answers, first and again. */
static void enrol_answer(struct api_task *task, struct store *store)
{
    struct api_call *call = task->call;
    const struct enrol_work *work = call->work;
    enum err err = call_snapshot(call, store);
    if (err == ERR_OK) {
        err = member_write(call, store, work->submission.member, call->now, &call->w);
    }
    db_rollback(store_db(store));
    if (err != ERR_OK) {
        call_refuse(call, err, NULL);
        return;
    }
    call->status = 201;
    call_answer(call);
}

static void enrolled(struct ticket *ticket)
{
    struct api_call *call = ticket->owner;
    const struct submission *s = &ticket->list[0];
    const enum err err = ticket->err != ERR_OK ? ticket->err : s->err;
    if (err != ERR_OK) {
        call_refuse(call, api_event_error(err), &s->fail);
        return;
    }
    call->member = s->member;
    if (s->is_replay) {
        call_header(call, STR("Idempotency-Replayed"), STR("true"));
    }
    call->task = (struct api_task){.run = enrol_answer, .call = call};
    if (pool_add(call->api, &call->task) != ERR_OK) {
        enrol_answer(&call->task, call->api->lane_store);
    }
}

/* A dry run has no member to read: the profile as sent, and what the decision would leave. */
static enum err enrol_dry_run(struct api_call *call, struct store *store, struct enrol_work *work)
{
    struct submission *s = &work->submission;
    struct json_out *w = &call->w;
    try(engine_dry_run(store, call->arena, s, 1));
    if (s->err != ERR_OK) {
        call->fail = s->fail;
        return s->err;
    }
    try(programs_follow(store, s->epoch));
    json_open(w, '{');
    const struct member_row row = {
        .status = MEMBER_ACTIVE, .enrolled_at = s->event.time, .profile = work->profile};
    member_row_write(w, &row, (struct str){0}); // id 0 is null
    member_account_write(w, store, &s->answer, work->has_auto_rewards);
    json_close(w, '}');
    return ERR_OK;
}

/* Whether rewards may be bought by themselves is the member's choice; NULL: nothing is said of it.
 */
static enum err read_choice(struct api_call *call, const struct json **out)
{
    *out = json_at(call->body, "auto_rewards");
    return *out == NULL || json_is_boolean(*out)
               ? ERR_OK
               : fail(&call->fail, ERR_INVALID, "/auto_rewards", "This must be true or false.");
}

/* What the decision needs beside the profile: whom the member was brought by (the batch finds out
 * who that is), and their choice. */
static enum err read_terms(struct api_call *call, struct submission *s, bool *has_auto_rewards)
{
    struct str code = {0};
    const struct json *choice = NULL;
    struct reader r = {.arena = call->arena, .f = &call->fail};
    read_text(&r, call->body, NULL, "referral_code", READ_OPTIONAL, CODE_BYTES_MAX, &code);
    try(read_done(&r));
    try(read_choice(call, &choice));
    *has_auto_rewards = !json_is_false(choice);
    struct json *data = json_object_new(call->arena);
    if (code.n > 0) {
        json_set_text(call->arena, data, "referral_code", code);
    }
    if (!*has_auto_rewards) {
        json_set(call->arena, data, "auto_rewards", choice);
    }
    s->event.data = json_object_size(data) > 0 ? data : NULL;
    return ERR_OK;
}

/* The zone must be one that the clock can compute with. What stood there before may stay. */
static enum err check_zone(struct api_call *call, struct store *store,
                           const struct member_profile *before,
                           const struct member_profile *profile)
{
    const struct str name = profile->timezone;
    if (name.n == 0 || (before != NULL && str_eq(name, before->timezone)) ||
        store_zone(store, name) != NULL) {
        return ERR_OK;
    }
    return fail(&call->fail, ERR_INVALID, "/timezone",
                "\"%.*s\" is no time zone: use an IANA name such as Europe/Amsterdam.",
                STR_ARG(name));
}

/* What the lane needs, from a snapshot: the program in force says what must be given. */
static enum err enrol_prepare(struct api_call *call, struct store *store, struct enrol_work *work)
{
    struct submission *s = &work->submission;
    struct member_profile *profile = &work->profile;
    static const char *const TERMS[] = {"referral_code", "auto_rewards", NULL};
    const struct program *program = NULL;
    try(store_program_at(store, call->now, &program));
    try(profile_read(call->arena, call->body, NULL, TERMS, call->now, &call->fail, profile));
    try(profile_check(program, profile, &call->fail));
    try(check_zone(call, store, NULL, profile));
    api_event_open(call, s, EVENT_ENROLLED, 0);
    try(read_terms(call, s, &work->has_auto_rewards));
    try(store_enrolment_make(store, call->arena, program, profile, &call->fail, &s->enrolment));
    submission_hash(s, store_vault(store), call->body);
    return ERR_OK;
}

static void enrol_work(struct api_task *task, struct store *store)
{
    struct api_call *call = task->call;
    struct enrol_work *work = arena_new(call->arena, struct enrol_work, 1);
    bool is_dry = false;
    call->work = work;
    enum err err = call_flag(call, "dry_run", &is_dry);
    if (err == ERR_OK) {
        err = call_snapshot(call, store);
    }
    if (err == ERR_OK) {
        err = enrol_prepare(call, store, work);
    }
    db_rollback(store_db(store));
    if (err == ERR_OK && is_dry) {
        err = enrol_dry_run(call, store, work);
    }
    if (err != ERR_OK) {
        call_refuse(call, err, NULL);
        return;
    }
    if (is_dry) {
        call_answer(call);
        return;
    }
    call->ticket =
        (struct ticket){.list = &work->submission, .n = 1, .done = enrolled, .owner = call};
    call_submit(call);
}

void api_members_post(struct api_call *call)
{
    call_work(call, enrol_work);
}

/* ---- reading ---- */

enum err api_member_get(struct api_call *call, struct store *store, struct json_out *w)
{
    int64_t member = 0;
    try(member_find(call, store, call->params[0], &member));
    return member_write(call, store, member, call->now, w);
}

enum err api_members_lookup_post(struct api_call *call, struct store *store, struct json_out *w)
{
    static const char *const FIELDS[] = {"external_id", "email", "phone", "card", "id"};
    static const char *const PREFIXES[] = {"ext:", "email:", "phone:", "card:", ""};
    struct reader r = {.arena = call->arena, .f = &call->fail};
    struct str name = {0};
    int64_t member = 0;
    if (read_object(&r, call->body, NULL, FIELDS, ARRAY_N(FIELDS)) &&
        json_object_size(call->body) != 1) {
        read_fault(&r, ERR_INVALID, NULL,
                   "Name exactly one of external_id, email, phone, card and id.");
    }
    for (size_t i = 0; i < ARRAY_N(FIELDS); i++) {
        struct str value = {0};
        read_text(&r, call->body, NULL, FIELDS[i], READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &value);
        if (value.n > 0) {
            name = str_fmt(call->arena, "%s%.*s", PREFIXES[i], STR_ARG(value));
        }
    }
    try(read_done(&r));
    try(member_find(call, store, name, &member));
    return member_write(call, store, member, call->now, w);
}

static enum err refuse_filters(struct api_call *call)
{
    static const char *const NAMES[] = {"segment", "tier"};
    struct str value;
    for (size_t i = 0; i < ARRAY_N(NAMES); i++) {
        if (http_query(call->request, NAMES[i], &value)) {
            return fail(&call->fail, ERR_NOT_SUPPORTED, "",
                        "This release cannot list members by %s yet.", NAMES[i]);
        }
    }
    return ERR_OK;
}

enum err api_members_get(struct api_call *call, struct store *store, struct json_out *w)
{
    struct str query;
    struct member_row *rows = NULL;
    size_t n = 0;
    int64_t before = 0;
    int64_t limit = 0;
    try(refuse_filters(call));
    try(call_page(call, "mbr_", &before, &limit));
    const size_t wanted =
        (size_t)limit + 1 > MEMBERS_PAGE_MAX ? MEMBERS_PAGE_MAX : (size_t)limit + 1;
    if (http_query(call->request, "query", &query)) {
        try(store_members_search(store, call->arena, query, before, wanted, &call->fail, &rows,
                                 &n));
    } else {
        try(store_members_list(store, call->arena, before, wanted, &rows, &n));
    }
    const bool has_more = n > (size_t)limit || (n == MEMBERS_PAGE_MAX && limit == MEMBERS_PAGE_MAX);
    const size_t shown = n > (size_t)limit ? (size_t)limit : n;
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = 0; i < shown; i++) {
        json_open(w, '{');
        member_row_write(w, &rows[i], (struct str){0}); // each is read with their member
        json_close(w, '}');
    }
    json_close(w, ']');
    call_page_end(w, "mbr_", has_more ? rows[shown - 1].id : 0);
    json_close(w, '}');
    return ERR_OK;
}

/* ---- changing ---- */

static struct str profile_text(struct arena *arena, const struct member_profile *profile)
{
    struct buf buf;
    buf_open(&buf, arena, PROFILE_TEXT_MAX);
    struct json_out w = json_out(&buf);
    json_open(&w, '{');
    profile_write(&w, profile);
    json_close(&w, '}');
    ensure(!buf.is_full);
    return buf_view(&buf);
}

/* Whoever could move their birthday at will would have one every month: after one correction people
 * must look at it. */
static enum err check_birth(struct api_call *call, const struct member_profile *before,
                            const struct member_profile *after)
{
    if (after->birth_changes == before->birth_changes || after->birth_changes < 2 ||
        scope_is_in(call->credential.scopes, SCOPE_MEMBERS_CORRECT)) {
        return ERR_OK;
    }
    return fail(&call->fail, ERR_BIRTH_DATE_CHANGED, "/birth_date",
                "This birth date was corrected once already: a second change needs a key with the "
                "scope \"%s\".",
                scope_text(SCOPE_MEMBERS_CORRECT));
}

static enum err choose_auto(struct api_call *call, struct store *store, struct arena *arena,
                            int64_t member)
{
    const struct json *choice = NULL;
    try(read_choice(call, &choice));
    if (choice == NULL) {
        return ERR_OK;
    }
    return member_book_change(call, store, arena, member,
                              json_is_true(choice) ? "auto_rewards_on" : "auto_rewards_off", NULL);
}

enum err api_member_patch(struct api_call *call, struct store *store, struct arena *arena,
                          struct json_out *w)
{
    static const char *const TERMS[] = {"auto_rewards", NULL};
    int64_t member = 0;
    struct member_row row;
    struct member_profile profile;
    const struct program *program = NULL;
    try(member_find(call, store, call->params[0], &member));
    try(store_members_lock(store, arena, &member, 1));
    try(store_member_read(store, call->arena, member, &row));
    if (row.status == MEMBER_ERASED) {
        return fail(&call->fail, ERR_NOT_FOUND, "", "This member was erased.");
    }
    try(store_program_at(store, call->now, &program));
    try(profile_read(call->arena, call->body, &row.profile, TERMS, call->now, &call->fail,
                     &profile));
    try(profile_check(program, &profile, &call->fail));
    try(check_zone(call, store, &row.profile, &profile));
    try(check_birth(call, &row.profile, &profile));
    try(store_member_update(store, arena, program, member, row.revision, &profile, &call->fail));
    if (program->referrals_n > 0) {
        try(store_likeness_add(store, arena, member,
                               &row.profile)); // of who enrolled before there were referrals
        try(store_likeness_add(store, arena, member, &profile));
    }
    try(member_book_change(call, store, arena, member, "patch", &profile));
    try(choose_auto(call, store, arena, member));
    try(member_write(call, store, member, call->now, w));
    return member_audit(call, store, arena, "member.patch", member,
                        profile_text(arena, &row.profile), profile_text(arena, &profile));
}

enum err api_member_delete(struct api_call *call, struct store *store, struct arena *arena,
                           struct json_out *w)
{
    int64_t member = 0;
    bool is_final = false;
    try(member_find(call, store, call->params[0], &member));
    try(engine_forget(store, arena, member, call->credential.id, call->now, &is_final));
    call->member = 0; // nobody's any more, and the answer says nothing of them
    json_open(w, '{');
    json_key(w, "id");
    json_put_id(w, "mbr_", member);
    json_key(w, "status");
    json_put_str(w, STR("erased"));
    json_key(w, "final");
    json_put_bool(w, is_final);
    json_close(w, '}');
    return member_audit(call, store, arena, "member.erase", member, (struct str){0},
                        (struct str){0});
}
