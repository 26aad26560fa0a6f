/* POST /v1/members/{id}/suspend and /resume. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/answer_write.h"
#include "api/member.h"
#include "api/read.h"
#include "engine/engine.h"

enum err api_member_suspend_post(struct api_call *call, struct store *store, struct arena *arena,
                                 struct json_out *w)
{
    int64_t member = 0;
    try(member_no_fields(call));
    try(member_find(call, store, call->params[0], &member));
    try(store_member_status_set(store, arena, member, MEMBER_SUSPENDED));
    try(member_book_change(call, store, arena, member, "suspend", NULL));
    try(member_write(call, store, member, call->now, w));
    return member_audit(call, store, arena, "member.suspend", member, (struct str){0},
                        (struct str){0});
}

/* ---- resuming ---- */

/* Whether what the suspension has refused is to be decided: nothing is, unless it is asked for. */
static enum err read_choice(struct api_call *call, bool *decides)
{
    static const char *const FIELDS[] = {"decide_refused"};
    struct reader r = {.arena = call->arena, .f = &call->fail};
    *decides = false;
    if (call->body != NULL && read_object(&r, call->body, NULL, FIELDS, ARRAY_N(FIELDS))) {
        read_bool(&r, call->body, NULL, FIELDS[0], decides);
    }
    return read_done(&r);
}

/* What became of what was refused, into an open object. */
static void lifted_write(struct json_out *w, const struct submission *s)
{
    json_key(w, "refused");
    json_open(w, '{');
    json_key(w, "decided");
    json_put_int(w, s->lifted.decided_n);
    json_key(w, "passed_over");
    json_put_int(w, s->lifted.passed_n);
    json_key(w, "left");
    json_put_int(w, s->lifted.left_n);
    json_close(w, '}');
}

static void resumed_write(struct json_out *w, const struct store *store,
                          const struct member_view *view, const struct submission *s)
{
    json_open(w, '{');
    member_view_write(w, store, view);
    if (s->decides_refused) {
        lifted_write(w, s);
    }
    json_close(w, '}');
}

/* The log says what staff have chosen, and what came of it. */
static struct str choice_text(struct arena *arena, const struct submission *s)
{
    struct buf text;
    struct json_out w;
    if (!s->decides_refused) {
        return (struct str){0};
    }
    buf_open(&text, arena, 1024);
    w = json_out(&text);
    json_open(&w, '{');
    lifted_write(&w, s);
    json_close(&w, '}');
    return buf_view(&text);
}

enum err api_member_resume_post(struct api_call *call, struct store *store, struct arena *arena,
                                struct json_out *w)
{
    struct submission *s = arena_new(arena, struct submission, 1);
    struct member_view view;
    int64_t member = 0;
    bool decides = false;
    try(read_choice(call, &decides));
    try(member_find(call, store, call->params[0], &member));
    try(store_member_status_set(store, arena, member, MEMBER_ACTIVE));
    member_change_open(call, store, arena, member, "resume", s);
    s->decides_refused = decides;
    try(member_change_book(call, store, arena, s));
    if (s->lifted.left_n > 0) {
        try(store_member_status_set(store, arena, member, MEMBER_SUSPENDED));
    }
    try(member_read(call, store, member, call->now, &view));
    resumed_write(w, store, &view, s);
    return member_audit(call, store, arena, "member.resume", member, (struct str){0},
                        choice_text(arena, s));
}

enum err api_member_resume_try(struct api_call *call, struct store *store, struct json_out *w)
{
    struct submission *s = arena_new(call->arena, struct submission, 1);
    struct member_view view;
    int64_t member = 0;
    bool decides = false;
    try(read_choice(call, &decides));
    try(member_find(call, store, call->params[0], &member));
    try(member_read(call, store, member, call->now, &view));
    if (view.row.status == MEMBER_ERASED) {
        return fail(&call->fail, ERR_NOT_FOUND, "", "This member was erased.");
    }
    member_change_open(call, store, call->arena, member, "resume", s);
    s->decides_refused = decides;
    db_rollback(store_db(store)); // the dry run has a snapshot of its own
    try(engine_dry_run(store, call->arena, s, 1));
    if (s->err != ERR_OK) {
        call->fail = s->fail;
        return s->err;
    }
    try(programs_follow(store, s->epoch));
    view.answer = s->answer;
    view.row.status = s->lifted.left_n > 0 ? MEMBER_SUSPENDED : MEMBER_ACTIVE;
    resumed_write(w, store, &view, s);
    return ERR_OK;
}
