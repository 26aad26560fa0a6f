/* The table of routes. */
#include "base/base.h"
#include "api/api_internal.h"

#include "api/handlers.h"

#define OPEN SCOPES_N
#define ROW(m, p, s, b, c, r, q, k)                                                                \
    .method = HTTP_##m, .pattern = (p), .scope = (s), .body_bytes_max = (b), .media = (c),         \
    .rate = (r), .query = (q), .kind = (k)

const struct api_route API_ROUTES[] = {
#define OWN(m, p, s, b, c, r, q, handler) {ROW(m, p, s, b, c, r, q, ROUTE_OWN), .own = (handler)},
#define READ(m, p, s, b, c, r, q, handler)                                                         \
    {ROW(m, p, s, b, c, r, q, ROUTE_READ), .read = (handler)},
#define WRITE(m, p, s, b, c, r, q, handler)                                                        \
    {ROW(m, p, s, b, c, r, q, ROUTE_WRITE), .write = (handler)},
#define TRIED(m, p, s, b, c, r, q, handler, trial)                                                 \
    {ROW(m, p, s, b, c, r, q, ROUTE_WRITE), .write = (handler), .read = (trial)},
#include "api/routes.def"
#undef TRIED
#undef OWN
#undef READ
#undef WRITE
};
const size_t API_ROUTES_N = ARRAY_N(API_ROUTES);
