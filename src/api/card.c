/* The member's changing card: its secret goes to one device, once. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/member.h"
#include "vault/card.h"

enum err api_member_card_get(struct api_call *call, struct store *store, struct json_out *w)
{
    int64_t member = 0;
    struct member_facts facts;
    try(member_find(call, store, call->params[0], &member));
    try(member_facts_read(call, store, member, &facts));
    const struct card_state *card = &facts.state->card;
    json_open(w, '{');
    json_key(w, "member");
    json_put_id(w, "mbr_", member);
    json_key(w, "generation");
    json_put_int(w, card->generation);
    json_key(w, "last_spent_at");
    json_put_instant(w, card->step > 0 ? card->step * CARD_STEP_SECONDS * MS_PER_S : AT_NEVER);
    json_close(w, '}');
    return ERR_OK;
}

/* The key URI that authenticator apps and libraries read: label and issuer percent-encoded. */
static struct str uri_of(struct api_call *call, const struct program *program, struct str member,
                         struct str secret)
{
    const struct str issuer = str_percent(call->arena, program->name);
    return str_fmt(
        call->arena,
        "otpauth://totp/%.*s:%.*s?secret=%.*s&issuer=%.*s&algorithm=SHA1&digits=%d&period=%d",
        STR_ARG(issuer), STR_ARG(member), STR_ARG(secret), STR_ARG(issuer), CARD_DIGITS,
        CARD_STEP_SECONDS);
}

enum err api_member_card_post(struct api_call *call, struct store *store, struct arena *arena,
                              struct json_out *w)
{
    struct member_facts facts;
    struct str secret;
    const struct program *program = NULL;
    int64_t member = 0;
    try(member_no_fields(call));
    if (str_starts(call->params[0], STR("card:")) || str_starts(call->params[0], STR("code:"))) {
        return fail(&call->fail, ERR_FRESH_CODE_NEEDED, "",
                    "What a card shows gives no other card: name the member by mbr_…, ext:, email: "
                    "or phone:.");
    }
    try(member_find(call, store, call->params[0], &member));
    try(store_program_at(store, call->now, &program));
    try(member_book_change(call, store, arena, member, "card", NULL));
    try(member_facts_read(call, store, member, &facts));
    const int64_t generation = facts.state->card.generation;
    const struct str id = member_id_text(call->arena, member);
    try(card_secret_text(call->arena, store_vault(store), member, generation, &secret));
    json_open(w, '{');
    json_key(w, "member");
    json_put_str(w, id);
    json_key(w, "generation");
    json_put_int(w, generation);
    json_key(w, "secret");
    json_put_str(w, secret);
    json_key(w, "algorithm");
    json_put_str(w, STR("SHA1"));
    json_key(w, "digits");
    json_put_int(w, CARD_DIGITS);
    json_key(w, "period");
    json_put_int(w, CARD_STEP_SECONDS);
    json_key(w, "uri");
    json_put_str(w, uri_of(call, program, id, secret));
    json_key(w, "shows");
    json_put_str(w, str_fmt(call->arena, "code:%.*s.DIGITS", STR_ARG(id)));
    json_close(w, '}');
    return member_audit(call, store, arena, "member.card", member, (struct str){0},
                        (struct str){0});
}
