/* Events that jobs book inside their own transactions. */
#include "base/base.h"
#include "engine/engine.h"

#include "engine/batch.h"
#include "store/frozen.h"
#include "store/members.h"

enum err engine_book(struct store *store, struct arena *arena, struct submission *submission)
{
    ensure(db_in_transaction(store_db(store)));
    try(batch_run(store, arena, &submission, 1, BATCH_WITHIN));
    return submission->err;
}

/* The natural key is the member's own, so that a second run changes nothing. */
static enum err book_erasure(struct store *store, struct arena *arena, int64_t member,
                             int64_t credential)
{
    char id[ID_TEXT_BYTES + 1];
    struct instance instance;
    try(store_instance_read(store, arena, &instance));
    id_write("mbr_", member, id);
    struct submission *s = arena_new(arena, struct submission, 1);
    *s = (struct submission){
        .kind = SUBMIT_EVENT,
        .arena = arena,
        .event =
            {
                .kind = EVENT_MEMBER_ERASED,
                .type = event_kind_type(EVENT_MEMBER_ERASED),
                .source = STR("loyald/erasure"),
                .external_id = str_dup(arena, str_c(id)),
            },
        .subject = {.kind = IDENT_MEMBER, .member = member},
        .credential = credential,
    };
    submission_hash(s, store_vault(store), NULL);
    s->event.time = store_now(&instance); // the server's, and no part of what identifies the event
    return engine_book(store, arena, s);
}

enum err engine_forget(struct store *store, struct arena *arena, int64_t member, int64_t credential,
                       int64_t now, bool *is_final)
{
    // Damaged books are evidence and stay as they are; that keeps nobody from being forgotten.
    if (!store_member_is_frozen(store, member)) {
        try(book_erasure(store, arena, member, credential));
    }
    return store_member_erase(store, arena, member, now, is_final);
}
