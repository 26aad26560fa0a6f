/* Checking an event's envelope against the program, and hashing what identifies it. */
#include "base/base.h"
#include "engine/batch.h"

#include "core/answers.h"
#include "core/schema.h"

enum { FUTURE_MS_MAX = 5 * 60 * 1000, OLD_DAYS_MAX = 90, CONTENT_BYTES_MAX = 16 * 1024 * 1024 };

static enum err check_type(const struct program *program, const struct event *event, struct fail *f)
{
    if (event->kind != EVENT_CUSTOM) {
        return ERR_OK;
    }
    const struct event_type *type = program_event_type(program, event->type);
    if (type == NULL) {
        return fail(f, ERR_UNKNOWN_TYPE, "/type",
                    "\"%.*s\" is neither built in nor declared in the program's event_types.",
                    STR_ARG(event->type));
    }
    return type->schema == NULL || event->data == NULL
               ? ERR_OK
               : schema_check(type->schema, event->data, STR("/data"), f);
}

/* A tier that is given by hand is one of the program's, and ends in the future. */
static enum err check_tier(const struct program *program, const struct event *event, int64_t now,
                           struct fail *f)
{
    const struct str slug = json_str(json_at(event->data, "set"));
    const struct str tier = json_str(json_at(event->data, "tier"));
    const struct tier_set *set = program_tier_set(program, slug);
    int64_t until = AT_NEVER;
    if (set == NULL) {
        return fail(f, ERR_INVALID, "/set", "The program has no tier set \"%.*s\".", STR_ARG(slug));
    }
    if (tier_set_rank(set, tier) < 0) {
        return fail(f, ERR_INVALID, "/tier", "The tier set \"%.*s\" has no tier \"%.*s\".",
                    STR_ARG(slug), STR_ARG(tier));
    }
    if (json_at(event->data, "until") != NULL &&
        (!instant_read(json_str(json_at(event->data, "until")), &until) || until <= now)) {
        return fail(
            f, ERR_INVALID, "/until",
            "A tier is given until an instant or a day that lies ahead; leave it out for no end.");
    }
    return ERR_OK;
}

static enum err check_referral(const struct program *program, const struct event *event,
                               struct fail *f)
{
    const struct str slug = json_str(json_at(event->data, "referral"));
    if (program->referrals_n == 0) {
        return fail(f, ERR_INVALID, "/type",
                    "The program has no referrals: add them before members name each other.");
    }
    if (slug.n > 0 && program_referral(program, slug) == NULL) {
        return fail(f, ERR_INVALID, "/data/referral", "The program has no referral \"%.*s\".",
                    STR_ARG(slug));
    }
    return ERR_OK;
}

enum err event_check(const struct program *program, const struct event *event, int64_t now,
                     bool may_import, struct fail *f)
{
    if (event->time > now + FUTURE_MS_MAX) {
        return fail(f, ERR_FUTURE_TIME, "/time",
                    "An event may lie 5 minutes ahead at most: check the sender's clock.");
    }
    if (event->time < now - OLD_DAYS_MAX * MS_PER_DAY && !may_import &&
        event_kind_is_public(event->kind)) {
        return fail(f, ERR_TOO_OLD, "/time",
                    "Events older than %d days need a key with the scope \"import\".",
                    OLD_DAYS_MAX);
    }
    try(check_type(program, event, f));
    const bool is_purchase = event->kind == EVENT_PURCHASE || event->kind == EVENT_PURCHASE_CHANGED;
    if (is_purchase && !str_eq(event->currency, program->currency)) {
        return fail(f, ERR_UNKNOWN_CURRENCY, "/data/currency",
                    "This program's currency is %.*s and it has no rate for %.*s.",
                    STR_ARG(program->currency), STR_ARG(event->currency));
    }
    if (event->store.n > 0 && program->stores_n > 0 &&
        program_store(program, event->store) == NULL) {
        return fail(f, ERR_UNKNOWN_STORE, "/data/store",
                    "The program has no store \"%.*s\": add it, or leave the field out.",
                    STR_ARG(event->store));
    }
    const struct str offer = event->kind == EVENT_OFFER_ACCEPTED
                                 ? json_str(json_at(event->data, "offer"))
                                 : (struct str){0};
    if (offer.n > 0 && program_offer(program, offer) == NULL) {
        return fail(f, ERR_INVALID, "/data/offer", "The program has no offer \"%.*s\".",
                    STR_ARG(offer));
    }
    const struct str contest = event->kind == EVENT_CONTEST_ENTERED
                                   ? json_str(json_at(event->data, "contest"))
                                   : (struct str){0};
    if (contest.n > 0 && program_contest(program, contest) == NULL) {
        return fail(f, ERR_INVALID, "/data/contest", "The program has no contest \"%.*s\".",
                    STR_ARG(contest));
    }
    if (event->kind == EVENT_REVIEW_SUBMITTED && !program->reviews.is_there) {
        return fail(f, ERR_INVALID, "/type",
                    "The program has no reviews: add the section before members send some.");
    }
    if (event->kind == EVENT_REFERRAL) {
        try(check_referral(program, event, f));
    }
    if (event->kind == EVENT_TIER_GRANTED) {
        return check_tier(program, event, now, f);
    }
    if (event->kind == EVENT_QUIZ_COMPLETED || event->kind == EVENT_SURVEY_COMPLETED) {
        try(answers_check(f->arena, program, event, f));
    }
    if (event->kind == EVENT_ADJUSTED && (program_wallet(program, event->wallet) < 0 ||
                                          str_starts(event->wallet, STR(CONTEST_WALLET)))) {
        return fail(f, ERR_INVALID, "/wallet", "The program has no wallet \"%.*s\".",
                    STR_ARG(event->wallet));
    }
    return ERR_OK;
}

void submission_hash(struct submission *s, const struct vault *vault, const struct json *data)
{
    const struct event *event = &s->event;
    struct buf content;
    char at[INSTANT_BYTES + 1];
    instant_write(event->time, at);
    buf_open(&content, s->arena, CONTENT_BYTES_MAX);
    // Each part is closed by a NUL, which none of them holds.
    buf_printf(&content, "%.*s%c%s%c%.*s%c", STR_ARG(event->type), 0, at, 0,
               STR_ARG(event->subject), 0);
    if (data != NULL) {
        json_write_canonical(&content, data);
    }
    ensure(!content.is_full);
    vault_natural_key(vault, event->source, event->external_id, s->hash);
    vault_fingerprint(vault, buf_view(&content), s->fingerprint);
    memset(s->original_hash, 0, VAULT_HASH_BYTES);
    if (event->original.id.n > 0) {
        const struct str source =
            event->original.source.n > 0 ? event->original.source : event->source;
        vault_natural_key(vault, source, event->original.id, s->original_hash);
    }
}
