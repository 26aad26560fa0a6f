/* Work for another member that follows from a decision. */
#include "base/base.h"
#include "core/relay.h"

#include "core/decide.h"

struct str relay_external_id(struct arena *arena, enum event_kind kind, int64_t cause,
                             size_t position)
{
    char id[ID_TEXT_BYTES + 1];
    ensure(cause > 0);
    ensure(kind != EVENT_CUSTOM);
    id_write("evt_", cause, id);
    return str_fmt(arena, "%.*s/%s/%zu", STR_ARG(event_kind_type(kind)), id, position);
}

size_t relay_add(struct arena *arena, struct decision *decision, const struct relay *relay)
{
    ensure(relay->member > 0);
    ensure(relay->data.n <= RELAY_DATA_BYTES_MAX);
    ensure(decision->relays_n < RELAYS_MAX);
    arena_room(arena, decision->relays, decision->relays_n, decision->relays_max);
    decision->relays[decision->relays_n] = *relay;
    return decision->relays_n++;
}
