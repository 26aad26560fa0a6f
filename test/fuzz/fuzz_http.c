/* Request targets, header values and addresses in: nothing crashes, nothing decoded holds a NUL. */
#include "base/base.h"
#include "http/http_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct arena arena;
    if (arena.bytes_max == 0) {
        arena_open(&arena, (size_t)64 << 20);
    }
    const struct str text = {.p = (const char *)data, .n = n};
    struct fail f = {.arena = &arena};
    struct http_request request = {.arena = &arena};
    if (http_target_read(&request, text, &f) == ERR_OK) {
        ensure(request.segments_n > 0 && request.segments_n <= HTTP_SEGMENTS_MAX);
        for (size_t i = 0; i < request.segments_n; i++) {
            ensure(str_is_utf8(request.segments[i]));
        }
        for (size_t i = 0; i < request.query_n; i++) {
            ensure(str_is_utf8(request.query[i].name) && str_is_utf8(request.query[i].value));
        }
    }
    struct http_network networks[NETWORKS_MAX];
    size_t networks_n = 0;
    const struct http_address peer = {.bytes = {[15] = 1}};
    if (http_networks_read(text, networks, &networks_n)) {
        ensure(networks_n <= NETWORKS_MAX);
        (void)http_address_is_within(&peer, networks, networks_n); // any answer will do
    }
    const struct http_address client = http_address_forwarded(text, &peer, networks, networks_n);
    ensure(http_address_text(&client, &arena).n > 0);
    arena_reset(&arena);
    return 0;
}
