/* Advocates that events name by their codes: who they are, and whether they may be named. */
#include "base/base.h"
#include "engine/batch.h"

#include "engine/batch_internal.h"
#include "store/referrals.h"
#include "vault/code.h"

/* An advocate by the hash of their code. */
struct advocate {
    int64_t member; // 0: nobody has the code
    struct likeness *likenesses;
    size_t likenesses_n;
};

/* The code that an event names an advocate by, empty where it names none. */
static struct str code_of(const struct event *event)
{
    if (event->kind == EVENT_REFERRAL) {
        return json_str(json_at(event->data, "code"));
    }
    return event->kind == EVENT_ENROLLED ? json_str(json_at(event->data, "referral_code"))
                                         : (struct str){0};
}

static enum err load_advocates(struct batch *b, const struct str *codes, size_t n)
{
    unsigned char(*hashes)[VAULT_HASH_BYTES] =
        arena_bytes(b->arena, arena_size(VAULT_HASH_BYTES, n));
    int64_t *members = arena_new(b->arena, int64_t, n);
    struct advocate *list = arena_new(b->arena, struct advocate, n);
    for (size_t i = 0; i < n; i++) {
        code_hash(b->arena, store_vault(b->store), codes[i], hashes[i]);
    }
    try(store_advocates_find(b->store, b->arena, (const unsigned char(*)[VAULT_HASH_BYTES])hashes,
                             n, members));
    for (size_t i = 0; i < n; i++) {
        list[i].member = members[i];
        if (members[i] != 0 && map_find(&b->advocates, hashes[i]) == NULL) {
            try(store_likeness_read(b->store, b->arena, members[i], &list[i].likenesses,
                                    &list[i].likenesses_n));
            map_set(&b->advocates, hashes[i], &list[i]);
        }
    }
    return ERR_OK;
}

enum err batch_load_advocates(struct batch *b)
{
    const size_t waiting_end = b->n + b->waiting_n;
    struct str *codes = arena_new(b->arena, struct str, waiting_end + b->refused.n);
    size_t n = 0;
    for (size_t i = 0; i < waiting_end + b->refused.n; i++) {
        const struct str code =
            code_of(i < b->n          ? &b->list[i]->event
                    : i < waiting_end ? &b->waiting[i - b->n].event
                                      : &b->refused.rows[i - waiting_end].event);
        if (code.n > 0) {
            codes[n++] = code;
        }
    }
    if (n == 0) {
        return ERR_OK;
    }
    if (b->mode != BATCH_DRY_RUN) {
        try(store_referrals_lock(b->store, b->arena));
    }
    return load_advocates(b, codes, n);
}

static const struct advocate *advocate_of(const struct batch *b, const struct event *event)
{
    unsigned char hash[VAULT_HASH_BYTES];
    code_hash(b->arena, store_vault(b->store), code_of(event), hash);
    return map_find(&b->advocates, hash);
}

/* What a member has: of somebody who joins in this batch, what they joined with. */
static enum err likenesses_of(struct batch *b, int64_t member, const struct likeness **out,
                              size_t *n)
{
    struct likeness *read = NULL;
    for (size_t i = 0; i < b->effects.enrolments_n; i++) {
        if (b->effects.enrolments[i].member == member) {
            *out = b->effects.enrolments[i].likenesses;
            *n = b->effects.enrolments[i].likenesses_n;
            return ERR_OK;
        }
    }
    try(store_likeness_read(b->store, b->arena, member, &read, n));
    *out = read;
    return ERR_OK;
}

enum err batch_supply_likeness(struct batch *b, const struct member_facts *member,
                               struct facts *facts)
{
    const struct likeness *own = NULL;
    const struct likeness *theirs = NULL;
    size_t own_n = 0;
    size_t theirs_n = 0;
    try(likenesses_of(b, member->member, &own, &own_n));
    try(likenesses_of(b, member->state->referral.advocate, &theirs, &theirs_n));
    facts->knows_likeness = true;
    facts->is_alike = likeness_meets(own, own_n, theirs, theirs_n);
    return ERR_OK;
}

/* Whether `member` is among those who have brought `from`, or brought who brought them, as this
 * batch has left them so far. */
static enum err is_brought_by(struct batch *b, int64_t from, int64_t member, bool *is)
{
    int64_t at = from;
    *is = false;
    for (int i = 0; i < REFERRAL_CHAIN_MAX && at != 0 && !*is; i++) {
        const struct member_facts *known = batch_member(b, at);
        if (known != NULL && known->exists) {
            at = known->state->referral.advocate;
        } else {
            try(store_advocate_of(b->store, b->arena, at, &at));
        }
        *is = at == member;
    }
    return ERR_OK;
}

enum err batch_know_advocate(struct batch *b, const struct member_facts *member,
                             const struct event *event, struct facts *facts)
{
    const struct likeness *own = NULL;
    size_t own_n = 0;
    if (code_of(event).n == 0) {
        return ERR_OK;
    }
    facts->advocate.is_named = true;
    const struct advocate *advocate = advocate_of(b, event);
    if (advocate == NULL) {
        return ERR_OK;
    }
    try(likenesses_of(b, member->member, &own, &own_n));
    facts->advocate.member = advocate->member;
    facts->advocate.is_self =
        likeness_meets(own, own_n, advocate->likenesses, advocate->likenesses_n);
    if (member->is_new) {
        return ERR_OK; // nobody was brought by them yet
    }
    return is_brought_by(b, advocate->member, member->member, &facts->advocate.is_circular);
}

bool batch_may_be_brought(struct batch *b, struct submission *s)
{
    const struct advocate *advocate = NULL;
    if (code_of(&s->event).n == 0) {
        return true;
    }
    if (b->program_now->referrals_n == 0) {
        s->err = fail(&s->fail, ERR_INVALID, "/referral_code",
                      "The program has no referrals: leave the code out.");
        return false;
    }
    advocate = advocate_of(b, &s->event);
    if (advocate == NULL) {
        s->err = fail(&s->fail, ERR_UNKNOWN_REFERRAL_CODE, "/referral_code",
                      "No member has this code: check it, or enrol without one.");
        return false;
    }
    if (likeness_meets(s->enrolment.likenesses, s->enrolment.likenesses_n, advocate->likenesses,
                       advocate->likenesses_n)) {
        s->err = fail(&s->fail, ERR_SELF_REFERRAL, "/referral_code",
                      "The code's owner has the same e-mail, phone, card, address or device: "
                      "nobody refers themself. Enrol without it.");
        return false;
    }
    return true;
}
