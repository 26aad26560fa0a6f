/* Rows of work for other members: taken, done, or left waiting. */
#include "base/base.h"
#include "engine/relay.h"

#include "base/log.h"
#include "engine/batch_internal.h"

static enum err submission_of(struct store *store, struct arena *arena, const struct relay_row *row,
                              struct submission *out)
{
    const struct relay *relay = &row->relay;
    const struct json *data = NULL;
    struct fail f = {.arena = arena};
    try(json_read(arena, relay->data, &f, &data));
    *out = (struct submission){
        .kind = SUBMIT_EVENT,
        .arena = arena,
        .event =
            {
                .kind = relay->kind,
                .type = event_kind_type(relay->kind),
                .source = RELAY_SOURCE,
                .external_id = relay_external_id(arena, relay->kind, row->cause, row->position),
                .time = relay->time,
                .data = data,
            },
        .subject = {.kind = IDENT_MEMBER, .member = relay->member},
        .may_import = true, // however long it has waited
        .relay = row,
    };
    if (relay->original.n > 0) {
        out->event.original = (struct original){.source = RELAY_SOURCE, .id = relay->original};
    }
    submission_hash(out, store_vault(store), data);
    return ERR_OK;
}

enum err relays_take(struct store *store, struct arena *arena, struct submission ***list, size_t *n)
{
    struct relay_row *rows = NULL;
    size_t rows_n = 0;
    *n = 0;
    try(db_begin(store_db(store), DB_READ));
    const enum err err = store_relays_read(store, arena, &rows, &rows_n);
    db_rollback(store_db(store));
    try(err);
    struct submission *submissions = arena_new(arena, struct submission, rows_n);
    *list = arena_new(arena, struct submission *, rows_n);
    for (size_t i = 0; i < rows_n; i++) {
        if (submission_of(store, arena, &rows[i], &submissions[*n]) == ERR_OK) {
            (*list)[*n] = &submissions[*n];
            (*n)++;
        } // a damaged row keeps no other from being done: the self-check tells of it
    }
    return ERR_OK;
}

enum err relays_claim(struct store *store, struct arena *arena, void *self)
{
    (void)self; // the store says all
    return store_relays_claim(store, arena, clock_now_ms());
}

static void end(struct batch *b, struct submission *s, int64_t wait_until)
{
    ensure(!s->relay_is_settled);
    arena_room(b->arena, b->effects.relays, b->effects.relays_n, b->effects.relays_max);
    b->effects.relays[b->effects.relays_n++] = (struct relay_end){
        .id = s->relay->id, .member = s->relay->relay.member, .wait_until = wait_until};
    s->relay_is_settled = true;
}

bool relay_may_be_booked(struct batch *b, struct submission *s, const struct decision *decision)
{
    if (s->relay == NULL) {
        return true;
    }
    if (decision->answer.outcome == OUTCOME_HELD) {
        end(b, s,
            clock_now_ms() +
                relay_wait_ms(s->relay->attempts)); // another process is at the row before it
        return false;
    }
    if (decision->answer.outcome == OUTCOME_REFUSED &&
        decision->answer.reason == REASON_SUSPENDED) {
        end(b, s, AT_NEVER); // whoever is resumed wakes it
        return false;
    }
    return true;
}

void relay_settle(struct batch *b, struct submission *s)
{
    if (s->relay == NULL || s->relay_is_settled) {
        return;
    }
    if (s->has_answer || s->err == ERR_UNKNOWN_MEMBER) {
        end(b, s, 0); // in the books, or there is nobody left to do it for
        return;
    }
    log_line(LOG_WARN, "relay", "waits=1 error=%s kind=%d member=%" PRId64, err_code(s->err),
             (int)s->event.kind, s->relay->relay.member);
    end(b, s, clock_now_ms() + relay_wait_ms(s->relay->attempts));
}
