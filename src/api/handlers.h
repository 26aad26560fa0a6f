/* The handlers that routes.def names, one file per resource. Private to api/.
 *
 * Owns:    nothing.
 * Threads: see enum route_kind.
 * Memory:  the call's arena.
 * Errors:  returned, with the reason in call->fail; handlers of ROUTE_OWN answer by themselves.
 * Limits:  those of their route.
 */
#ifndef LOYALD_API_HANDLERS_H
#define LOYALD_API_HANDLERS_H

#include "api/api_internal.h"

#define OWN(method, pattern, scope, body, media, rate, query, handler)                             \
    void handler(struct api_call *call);
#define READ(method, pattern, scope, body, media, rate, query, handler)                            \
    enum err handler(struct api_call *call, struct store *store, struct json_out *w) MUST_USE;
#define WRITE(method, pattern, scope, body, media, rate, query, handler)                           \
    enum err handler(struct api_call *call, struct store *store, struct arena *arena,              \
                     struct json_out *w) MUST_USE;
#define TRIED(method, pattern, scope, body, media, rate, query, handler, trial)                    \
    WRITE(method, pattern, scope, body, media, rate, query, handler)                               \
    READ(method, pattern, scope, body, media, rate, query, trial)
#include "api/routes.def"
#undef TRIED
#undef OWN
#undef READ
#undef WRITE

#endif
