/* Addresses and networks. */
#include "base/base.h"
#include "http/http_internal.h"

#include <arpa/inet.h>

static const uint8_t MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}; // ::ffff:0:0/96

static struct http_address mapped(const void *four_bytes)
{
    struct http_address address;
    memcpy(address.bytes, MAPPED, sizeof MAPPED);
    memcpy(address.bytes + sizeof MAPPED, four_bytes, 4);
    return address;
}

static bool is_mapped(const struct http_address *address)
{
    return memcmp(address->bytes, MAPPED, sizeof MAPPED) == 0;
}

bool http_address_of(const struct sockaddr *socket_address, struct http_address *out)
{
    if (socket_address->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)socket_address;
        *out = mapped(&four->sin_addr);
        return true;
    }
    if (socket_address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)socket_address;
        memcpy(out->bytes, &six->sin6_addr, sizeof out->bytes);
        return true;
    }
    return false;
}

static bool address_read(struct str text, struct http_address *out)
{
    char zero_terminated[INET6_ADDRSTRLEN];
    uint8_t four[4];
    if (text.n == 0 || text.n >= sizeof zero_terminated) {
        return false;
    }
    memcpy(zero_terminated, text.p, text.n);
    zero_terminated[text.n] = 0;
    if (inet_pton(AF_INET, zero_terminated, four) == 1) {
        *out = mapped(four);
        return true;
    }
    return inet_pton(AF_INET6, zero_terminated, out->bytes) == 1;
}

static bool network_read(struct str text, struct http_network *out)
{
    const size_t slash = str_find(text, '/', 0);
    if (!address_read((struct str){.p = text.p, .n = slash}, &out->address)) {
        return false;
    }
    const int width = is_mapped(&out->address) ? 32 : 128;
    int64_t bits = width;
    if (slash < text.n &&
        (!str_int64(str_after(text, slash + 1), &bits) || bits < 0 || bits > width)) {
        return false;
    }
    out->bits = (int)bits + 128 - width;
    return true;
}

bool http_networks_read(struct str text, struct http_network *out, size_t *n)
{
    struct str rest = text;
    struct str part = {0};
    bool is_done = str_trim(text).n == 0;
    size_t found_n = 0;
    while (str_split(&rest, ',', &part, &is_done)) {
        if (found_n == NETWORKS_MAX || !network_read(str_trim(part), &out[found_n])) {
            return false;
        }
        found_n++;
    }
    *n = found_n;
    return true;
}

bool http_address_is_loopback(const struct http_address *address)
{
    static const struct http_address ONE = {.bytes = {[15] = 1}};
    return memcmp(address, &ONE, sizeof ONE) == 0 ||
           (is_mapped(address) && address->bytes[12] == 127);
}

static bool is_within(const struct http_address *address, const struct http_network *network)
{
    const size_t whole = (size_t)network->bits / 8;
    const int rest = network->bits % 8;
    if (memcmp(address->bytes, network->address.bytes, whole) != 0) {
        return false;
    }
    const uint8_t mask = (uint8_t)(0xFF00 >> rest);
    return rest == 0 || ((address->bytes[whole] ^ network->address.bytes[whole]) & mask) == 0;
}

bool http_address_is_within(const struct http_address *address, const struct http_network *networks,
                            size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is_within(address, &networks[i])) {
            return true;
        }
    }
    return false;
}

bool http_address_same_host(const struct http_address *a, const struct http_address *b)
{
    const size_t n = is_mapped(a) ? sizeof a->bytes : 8;
    return memcmp(a->bytes, b->bytes, n) == 0;
}

struct str http_address_text(const struct http_address *address, struct arena *arena)
{
    char text[INET6_ADDRSTRLEN];
    const bool is_four = is_mapped(address);
    const void *bytes = is_four ? address->bytes + sizeof MAPPED : address->bytes;
    ensure(inet_ntop(is_four ? AF_INET : AF_INET6, bytes, text, sizeof text) != NULL);
    return str_dup(arena, str_c(text));
}

struct http_address http_address_forwarded(struct str header, const struct http_address *peer,
                                           const struct http_network *proxies, size_t proxies_n)
{
    struct str left = header;
    while (left.n > 0) {
        size_t at = left.n;
        while (at > 0 && left.p[at - 1] != ',') {
            at--;
        }
        struct http_address client;
        if (!address_read(str_trim(str_after(left, at)), &client)) {
            return *peer; // what is left of it was written by anybody
        }
        if (!http_address_is_within(&client, proxies, proxies_n)) {
            return client;
        }
        left.n = at > 0 ? at - 1 : 0;
    }
    return *peer;
}
