/* The balances that stored answers show, against those that the walk back through a member's books
 * arrives at. */
#include "base/base.h"
#include "engine/verify.h"

#include "engine/verify_internal.h"

static bool answer_has(const struct answer *answer, const struct balances_then *then)
{
    static const struct running NOTHING = {0};
    for (size_t i = 0; i < answer->balances_n; i++) {
        const struct answer_balance *b = &answer->balances[i];
        const struct running *r = &NOTHING;
        for (size_t k = 0; k < then->n; k++) {
            r = then->list[k].wallet == b->wallet ? &then->list[k] : r;
        }
        if (b->active != r->active || b->pending != r->pending || b->debt != r->debt) {
            return false;
        }
    }
    return true;
}

/* Whether the answer has the balances after an event that has waited for this purchase. */
static bool answer_follows(struct store *store, const struct event_row *row,
                           const struct follow_up *after)
{
    unsigned char key[VAULT_HASH_BYTES];
    if (after->then_n == 0 || row->event.kind != EVENT_PURCHASE ||
        after->booked_at != row->booked_at) {
        return false;
    }
    vault_natural_key(store_vault(store), row->event.source, row->event.external_id, key);
    bool is_one = false;
    for (size_t i = 0; i < after->then_n && memcmp(key, after->purchase, sizeof key) == 0; i++) {
        is_one |= answer_has(&row->answer, &after->then[i]);
    }
    return is_one;
}

/* Remembers the balances after an event about a purchase. */
static void follow(struct store *store, struct arena *arena, const struct balances_then *now,
                   const struct event_row *row, struct follow_up *after)
{
    const struct event *event = &row->event;
    unsigned char key[VAULT_HASH_BYTES];
    if (event_kind_class(event->kind) != EVENT_CLASS_AFTER_PURCHASE) {
        after->then_n = 0;
        return;
    }
    vault_natural_key(store_vault(store),
                      event->original.source.n > 0 ? event->original.source : event->source,
                      event->original.id, key);
    if (after->booked_at != row->booked_at || memcmp(key, after->purchase, sizeof key) != 0) {
        after->then_n = 0;
    }
    memcpy(after->purchase, key, sizeof key);
    after->booked_at = row->booked_at;
    arena_room(arena, after->then, after->then_n, after->then_max);
    struct balances_then *then = &after->then[after->then_n++];
    then->list = arena_new(arena, struct running, now->n);
    then->n = now->n;
    if (now->n > 0) {
        memcpy(then->list, now->list, now->n * sizeof *now->list);
    }
}

bool verify_answer(struct store *store, struct arena *arena, const struct balances_then *now,
                   const struct event_row *row, struct follow_up *after)
{
    const bool shows = answer_has(&row->answer, now) || answer_follows(store, row, after);
    follow(store, arena, now, row, after);
    return shows;
}
