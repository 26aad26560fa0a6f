/* Slots of requests: taken when a request begins, free again when both the HTTP thread and the
 * handler are done. */
#include "base/base.h"
#include "http/http_internal.h"

#include <unistd.h>

struct http_slot *http_slot_take(struct http_server *server)
{
    (void)pthread_mutex_lock(&server->lock); // fails only by our mistake
    struct http_slot *slot = server->slots_free;
    if (slot != NULL) {
        server->slots_free = slot->next;
        server->slots_free_n--;
    }
    (void)pthread_mutex_unlock(&server->lock);
    if (slot == NULL) {
        return NULL;
    }
    const struct arena arena = slot->arena;
    *slot = (struct http_slot){.server = server, .arena = arena};
    slot->request.arena = &slot->arena;
    atomic_init(&slot->state, STATE_READING);
    atomic_init(&slot->refs, 1);
    return slot;
}

void http_slot_release(struct http_slot *slot)
{
    struct http_server *server = slot->server;
    const int before = atomic_fetch_sub(&slot->refs, 1);
    ensure(before > 0);
    if (before > 1 || server == NULL) {
        return;
    }
    (void)atomic_fetch_sub(&server->bodies_n, slot->reserved_n);
    arena_reset(&slot->arena);
    (void)pthread_mutex_lock(&server->lock);
    slot->next = server->slots_free;
    server->slots_free = slot;
    server->slots_free_n++;
    (void)pthread_cond_broadcast(&server->quiet); // for http_close(); cannot fail
    (void)pthread_mutex_unlock(&server->lock);
}
