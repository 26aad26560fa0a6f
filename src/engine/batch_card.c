/* What members' changing cards prove. */
#include "base/base.h"
#include "engine/batch.h"

#include "engine/batch_internal.h"
#include "vault/card.h"

enum err batch_know_proof(const struct batch *b, const struct member_facts *member,
                          struct str subject, struct facts *facts)
{
    int64_t named = 0;
    struct str code;
    facts->proof = str_starts(subject, STR("card:")) ? PROOF_STATIC : PROOF_NOT_NEEDED;
    if (!card_code_read(subject, &named, &code)) {
        return ERR_OK;
    }
    facts->proof = PROOF_WRONG;
    if (member->state->card.generation > 0) {
        try(card_code_step(store_vault(b->store), member->member, member->state->card.generation,
                           code, b->now, &facts->proof_step));
        facts->proof = facts->proof_step > 0 ? PROOF_FRESH : PROOF_WRONG;
    }
    return ERR_OK;
}

void batch_note_wrong_code(struct batch *b, struct member_facts *facts,
                           const struct decision *decision)
{
    const struct card_state *before = &facts->state->card;
    const struct card_state *after = &decision->state->card;
    if (before->wrong_on != after->wrong_on || before->wrong_n != after->wrong_n) {
        facts->state->card = *after; // nothing else: the refused event is not stored
        batch_mark_dirty(b, facts);
    }
}
