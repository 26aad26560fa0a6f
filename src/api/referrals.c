/* Referrals: a member's code and link, and whom they have brought. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/answer_write.h"
#include "api/member.h"
#include "store/referrals.h"

enum { LINK_BYTES_MAX = 4096 };

static void instant_write_or_null(struct json_out *w, const char *name, int64_t at)
{
    json_key(w, name);
    json_put_instant(w, at == 0 ? AT_NEVER : at);
}

static void referral_write(struct json_out *w, const struct store *store, const struct referral *r)
{
    json_key(w, "referral");
    if (r->definition != 0) {
        json_put_str(w, store_symbol_slug(store, r->definition));
    } else {
        json_put_null(w);
    }
    json_key(w, "state");
    json_put_str(w, referral_state_slug(r->state));
    instant_write_or_null(w, "named_at", r->named_at);
    instant_write_or_null(w, "qualified_at", r->qualified_at);
    instant_write_or_null(w, "held_until", r->held_until);
    instant_write_or_null(w, "rewarded_at", r->rewarded_at);
    instant_write_or_null(w, "revoked_at", r->revoked_at);
}

/* ---- GET /v1/members/{id}/referral ---- */

/* The first referral with a link says how one looks. Codes have no characters that a URL would
 * write otherwise. */
static void link_write(struct json_out *w, struct arena *arena, const struct program *program,
                       struct str code)
{
    const struct str place = STR("{{code}}");
    for (size_t i = 0; i < program->referrals_n; i++) {
        const struct str link = program->referrals[i].link;
        struct buf text;
        buf_open(&text, arena, LINK_BYTES_MAX);
        for (size_t k = 0; k < link.n; k++) {
            const bool is_place = str_starts(str_after(link, k), place);
            buf_add(&text, is_place ? code.p : &link.p[k], is_place ? code.n : 1);
            k += is_place ? place.n - 1 : 0;
        }
        if (link.n > 0) {
            ensure(!text.is_full);
            json_put_str(w, buf_view(&text));
            return;
        }
    }
    json_put_null(w);
}

static void brought_by_write(struct json_out *w, const struct store *store,
                             const struct state *state)
{
    if (state->referral.state == REFERRAL_NONE) {
        json_put_null(w);
        return;
    }
    json_open(w, '{');
    json_key(w, "advocate");
    json_put_id(w, "mbr_", state->referral.advocate);
    referral_write(w, store, &state->referral);
    json_close(w, '}');
}

enum err api_referral_get(struct api_call *call, struct store *store, struct arena *arena,
                          struct json_out *w)
{
    int64_t member = 0;
    struct str code;
    const struct program *program = NULL;
    try(member_find(call, store, call->params[0], &member));
    try(store_program_at(store, call->now, &program));
    if (program->referrals_n == 0) {
        return fail(&call->fail, ERR_NOT_FOUND, "", "The program has no referrals.");
    }
    try(store_members_lock(store, arena, &member, 1));
    struct member_facts facts = {.member = member};
    try(store_facts_load(store, arena, &facts, 1, false));
    if (facts.key.version == 0) {
        return fail(&call->fail, ERR_NOT_FOUND, "", "This member was erased.");
    }
    try(store_referral_code_make(store, call->arena, &facts,
                                 &code)); // who joined before there were referrals has none yet
    json_open(w, '{');
    json_key(w, "code");
    json_put_str(w, code);
    json_key(w, "link");
    link_write(w, call->arena, program, code);
    json_key(w, "brought_by");
    brought_by_write(w, store, facts.state);
    json_close(w, '}');
    return ERR_OK;
}

/* ---- lists ---- */

static void line_write(struct json_out *w, const struct store *store,
                       const struct referral_line *line)
{
    json_open(w, '{');
    json_key(w, "id");
    json_put_id(w, "evt_", line->note.referral.id);
    json_key(w, "advocate");
    json_put_id(w, "mbr_", line->advocate);
    json_key(w, "referee");
    json_put_id(w, "mbr_", line->note.referee);
    referral_write(w, store, &line->note.referral);
    json_close(w, '}');
}

static enum err list_write(struct api_call *call, struct store *store, int64_t member,
                           struct json_out *w)
{
    struct referral_line *lines = NULL;
    int64_t before = 0;
    int64_t limit = 0;
    size_t n = 0;
    try(call_page(call, "evt_", &before, &limit));
    try(store_referrals_list(store, call->arena, member, before, (size_t)limit + 1, &lines, &n));
    const size_t shown = n > (size_t)limit ? (size_t)limit : n;
    json_open(w, '{');
    json_key(w, "data");
    json_open(w, '[');
    for (size_t i = 0; i < shown; i++) {
        line_write(w, store, &lines[i]);
    }
    json_close(w, ']');
    call_page_end(w, "evt_", n > shown ? lines[shown - 1].note.referral.id : 0);
    json_close(w, '}');
    return ERR_OK;
}

enum err api_member_referrals_get(struct api_call *call, struct store *store, struct json_out *w)
{
    int64_t member = 0;
    try(member_find(call, store, call->params[0], &member));
    return list_write(call, store, member, w);
}

enum err api_referrals_get(struct api_call *call, struct store *store, struct json_out *w)
{
    return list_write(call, store, 0, w);
}
