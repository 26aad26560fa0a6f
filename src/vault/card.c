/* Codes of members' cards. */
#include "base/base.h"
#include "vault/card.h"

#include <liboath/oath.h>
#include <sodium.h>

static void secret_of(struct vault_key *key, const struct vault *vault, int64_t member,
                      int64_t generation)
{
    char context[64];
    const int n =
        snprintf(context, sizeof context, "card v1|%" PRId64 "|%" PRId64, member, generation);
    *key = vault_key_derive(vault, VAULT_CODE, (struct str){.p = context, .n = (size_t)n});
}

enum err card_secret_text(struct arena *arena, const struct vault *vault, int64_t member,
                          int64_t generation, struct str *out)
{
    struct vault_key key;
    char *text = NULL;
    size_t n = 0;
    secret_of(&key, vault, member, generation);
    const int made = oath_base32_encode((const char *)key.bytes, CARD_SECRET_BYTES, &text, &n);
    vault_wipe(&key, sizeof key);
    if (made != OATH_OK) {
        return ERR_INTERNAL;
    }
    *out = str_dup(arena, (struct str){.p = text, .n = n});
    vault_wipe(text, n);
    free(text); // liboath's
    return ERR_OK;
}

enum err card_code_step(const struct vault *vault, int64_t member, int64_t generation,
                        struct str code, int64_t now, int64_t *step)
{
    struct vault_key key;
    char made[CARD_DIGITS + 1];
    int failed = OATH_OK;
    *step = 0;
    if (code.n != CARD_DIGITS) {
        return ERR_OK;
    }
    secret_of(&key, vault, member, generation);
    const int64_t at = now / 1000 / CARD_STEP_SECONDS;
    for (int64_t i = at > 1 ? at - 1 : 1; i <= at + 1 && failed == OATH_OK; i++) {
        failed = oath_totp_generate2((const char *)key.bytes, CARD_SECRET_BYTES,
                                     (time_t)(i * CARD_STEP_SECONDS), CARD_STEP_SECONDS, 0,
                                     CARD_DIGITS, 0, made);
        if (failed == OATH_OK && sodium_memcmp(made, code.p, CARD_DIGITS) == 0) {
            *step = i;
        }
    }
    vault_wipe(&key, sizeof key);
    return failed == OATH_OK ? ERR_OK : ERR_INTERNAL;
}
