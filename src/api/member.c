/* Finding the member that a path names, and showing one. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/answer_write.h"
#include "api/member.h"
#include "store/referrals.h"

enum err member_find(struct api_call *call, struct store *store, struct str text, int64_t *out)
{
    struct identifier identifier;
    int64_t member = 0;
    if (identifier_read(call->arena, store_vault(store), text, &call->fail, "", &identifier) !=
        ERR_OK) {
        return ERR_NOT_FOUND; // nobody is named like that; the detail says how members are named
    }
    try(store_members_find(store, call->arena, &identifier, 1, &member));
    struct member_facts facts = {.member = member};
    if (member != 0) {
        try(store_facts_load(store, call->arena, &facts, 1, false));
    }
    if (!facts.exists) {
        return fail(&call->fail, ERR_NOT_FOUND, "", "No member has this identifier.");
    }
    call->member = member;
    *out = member;
    return ERR_OK;
}

static enum err facts_read(struct api_call *call, struct store *store, int64_t member,
                           bool with_profile, struct member_facts *out)
{
    *out = (struct member_facts){.member = member};
    try(store_facts_load(store, call->arena, out, 1, with_profile));
    if (!out->exists) {
        return ERR_INTEGRITY; // a member without a state
    }
    try(store_state_load_lots(store, call->arena, out->state));
    return store_state_load_counters(store, call->arena, out->state);
}

enum err member_facts_read(struct api_call *call, struct store *store, int64_t member,
                           struct member_facts *out)
{
    return facts_read(call, store, member, false, out);
}

enum err member_eligibility_read(struct api_call *call, struct store *store, int64_t member,
                                 struct member_facts *out)
{
    return facts_read(call, store, member, true, out);
}

enum err member_answer_read(struct api_call *call, struct store *store, int64_t member, int64_t now,
                            struct answer *out)
{
    struct member_facts facts;
    const struct program *program = NULL;
    try(member_facts_read(call, store, member, &facts));
    try(store_program_at(store, now, &program));
    *out = (struct answer){0};
    answer_open(call->arena, program, NULL, facts.state, now, out);
    return ERR_OK;
}

void member_row_write(struct json_out *w, const struct member_row *row, struct str referral_code)
{
    json_key(w, "id");
    json_put_id(w, "mbr_", row->id);
    json_key(w, "status");
    json_put_str(w, str_c(member_status_text(row->status)));
    json_key(w, "enrolled_at");
    json_put_instant(w, row->enrolled_at);
    json_key(w, "referral_code");
    if (referral_code.n > 0) {
        json_put_str(w, referral_code);
    } else {
        json_put_null(w);
    }
    if (row->status != MEMBER_ERASED) {
        profile_write(w, &row->profile);
    }
}

void member_account_write(struct json_out *w, const struct store *store,
                          const struct answer *answer, bool has_auto_rewards)
{
    json_key(w, "auto_rewards");
    json_put_bool(w, has_auto_rewards);
    json_key(w, "balances");
    balances_write(w, store, answer);
    json_key(w, "tiers");
    tiers_write(w, store, answer, false);
}

enum err member_read(struct api_call *call, struct store *store, int64_t member, int64_t now,
                     struct member_view *out)
{
    struct member_facts facts;
    const struct program *program = NULL;
    struct member_view view = {0};
    try(store_member_read(store, call->arena, member, &view.row));
    try(member_facts_read(call, store, member, &facts));
    try(store_program_at(store, now, &program));
    answer_open(call->arena, program, NULL, facts.state, now, &view.answer);
    view.has_auto_rewards = !facts.state->is_auto_off;
    try(store_member_key(store, member, &facts.key));
    const enum err err = store_referral_code_read(store, call->arena, &facts, &view.code);
    vault_wipe(&facts.key, sizeof facts.key);
    try(err);
    *out = view;
    return ERR_OK;
}

void member_view_write(struct json_out *w, const struct store *store,
                       const struct member_view *view)
{
    member_row_write(w, &view->row, view->code);
    member_account_write(w, store, &view->answer, view->has_auto_rewards);
}

enum err member_write(struct api_call *call, struct store *store, int64_t member, int64_t now,
                      struct json_out *w)
{
    struct member_view view;
    try(member_read(call, store, member, now, &view));
    json_open(w, '{');
    member_view_write(w, store, &view);
    json_close(w, '}');
    return ERR_OK;
}

struct str member_id_text(struct arena *arena, int64_t member)
{
    char text[ID_TEXT_BYTES + 1];
    id_write("mbr_", member, text);
    return str_dup(arena, str_c(text));
}

enum err member_audit(struct api_call *call, struct store *store, struct arena *arena,
                      const char *action, int64_t member, struct str before, struct str after)
{
    struct vault_key key;
    try(store_member_key(store, member, &key));
    const struct audit_entry entry = {
        .actor = call_actor(call),
        .action = str_c(action),
        .object = member_id_text(arena, member),
        .before = before,
        .after = after,
        .member = member,
        .key = &key,
        .at = call->now,
    };
    const enum err err = store_audit_write(store, arena, &entry);
    vault_wipe(&key, sizeof key);
    return err;
}

struct str api_event_id(struct api_call *call)
{
    char id[ID_TEXT_BYTES + 1];
    int64_t random = 0;
    vault_random(&random, sizeof random);
    id_write("evt_", random & INT64_MAX, id);
    return str_dup(call->arena, str_c(id));
}

void api_event_open(struct api_call *call, struct submission *s, enum event_kind kind,
                    int64_t member)
{
    const struct str given = http_header(call->request, "idempotency-key");
    *s = (struct submission){
        .kind = kind == EVENT_ENROLLED ? SUBMIT_ENROL : SUBMIT_EVENT,
        .arena = call->arena,
        .event =
            {
                .kind = kind,
                .type = event_kind_type(kind),
                .source = str_fmt(call->arena, "api/%.*s", STR_ARG(call_actor(call))),
                .external_id = given.n > 0 ? given : api_event_id(call),
            },
        .credential = call->credential.id,
    };
    if (member != 0) {
        s->event.subject = member_id_text(call->arena, member);
        s->subject = (struct identifier){.kind = IDENT_MEMBER, .member = member};
    }
}

enum err api_event_error(enum err err)
{
    return err == ERR_EVENT_CONFLICT ? ERR_KEY_REUSED : err;
}

enum err member_no_fields(struct api_call *call)
{
    static const char *const NONE[] = {""};
    struct reader r = {.arena = call->arena, .f = &call->fail};
    if (call->body != NULL) {
        (void)read_object(&r, call->body, NULL, NONE, 0);
    }
    return read_done(&r);
}

void member_change_open(struct api_call *call, struct store *store, struct arena *arena,
                        int64_t member, const char *what, struct submission *s)
{
    api_event_open(call, s, EVENT_MEMBER_CHANGED, member);
    s->event.external_id = api_event_id(
        call); // one key may stand for one event only, and the change's answer is kept under it
    s->event.reason = str_c(what);
    s->event.actor = call_actor(call);
    s->event.time = call->now;
    s->arena = arena;
    submission_hash(s, store_vault(store), NULL);
}

enum err member_book_change(struct api_call *call, struct store *store, struct arena *arena,
                            int64_t member, const char *what, const struct member_profile *profile)
{
    struct submission *s = arena_new(arena, struct submission, 1);
    member_change_open(call, store, arena, member, what, s);
    if (profile != NULL) {
        try(store_member_identifiers(store, arena, profile, &s->found_by, &s->found_by_n));
    }
    return member_change_book(call, store, arena, s);
}

enum err member_change_book(struct api_call *call, struct store *store, struct arena *arena,
                            struct submission *s)
{
    const enum err err = engine_book(store, arena, s);
    if (s->err != ERR_OK) {
        call->fail = s->fail;
    }
    return err;
}
