/* Reading a request's head: target, method, headers. Pure but for the arena. */
#include "base/base.h"
#include "http/http_internal.h"

static const char *const METHODS[] = {
    [HTTP_GET] = "GET",         [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",
    [HTTP_PUT] = "PUT",         [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE",
    [HTTP_OPTIONS] = "OPTIONS",
};
_Static_assert(ARRAY_N(METHODS) == HTTP_METHOD_N, "one text per method");

const char *http_method_text(enum http_method method)
{
    ensure((size_t)method < HTTP_METHOD_N);
    return METHODS[method];
}

bool http_method_read(struct str token, enum http_method *out)
{
    for (size_t i = 0; i < HTTP_METHOD_N; i++) {
        if (str_eq(token, str_c(METHODS[i]))) {
            *out = (enum http_method)i;
            return true;
        }
    }
    return false;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

enum err http_decode(struct arena *arena, struct str text, bool plus_is_blank, struct fail *f,
                     struct str *out)
{
    char *decoded = arena_bytes(arena, text.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '+' && plus_is_blank) {
            decoded[n++] = ' ';
        } else if (text.p[i] != '%') {
            decoded[n++] = text.p[i];
        } else {
            const int high = text.n - i > 2 ? hex_digit(text.p[i + 1]) : -1;
            const int low = text.n - i > 2 ? hex_digit(text.p[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return fail(f, ERR_BAD_REQUEST, "",
                            "A %% in the address is not followed by two hexadecimal digits.");
            }
            decoded[n++] = (char)(high * 16 + low);
            i += 2;
        }
    }
    const struct str result = {.p = decoded, .n = n};
    if (!str_is_utf8(result)) { // refuses NUL too, which would cut names short further down
        return fail(f, ERR_BAD_REQUEST, "",
                    "The address holds a NUL or is not UTF-8 when decoded.");
    }
    *out = result;
    return ERR_OK;
}

static enum err segments_read(struct http_request *request, struct fail *f)
{
    struct str *segments = arena_new(request->arena, struct str, HTTP_SEGMENTS_MAX);
    struct str rest = str_after(request->path, 1);
    struct str part = {0};
    bool is_done = false;
    size_t n = 0;
    while (str_split(&rest, '/', &part, &is_done)) {
        if (n == HTTP_SEGMENTS_MAX) {
            return fail(f, ERR_BAD_REQUEST, "", "The address has more than %d parts.",
                        HTTP_SEGMENTS_MAX);
        }
        try(http_decode(request->arena, part, false, f, &segments[n]));
        n++;
    }
    request->segments = segments;
    request->segments_n = n;
    return ERR_OK;
}

static enum err query_read(struct http_request *request, struct str query, struct fail *f)
{
    struct http_pair *pairs = NULL;
    struct str rest = query;
    struct str part = {0};
    bool is_done = query.n == 0;
    size_t n = 0;
    size_t room = 0;
    while (str_split(&rest, '&', &part, &is_done)) {
        if (part.n == 0) {
            continue;
        }
        if (n == HTTP_QUERY_MAX) {
            return fail(f, ERR_BAD_REQUEST, "", "The address has more than %d parameters.",
                        HTTP_QUERY_MAX);
        }
        arena_room(request->arena, pairs, n, room);
        const size_t equals = str_find(part, '=', 0);
        const struct str name = {.p = part.p, .n = equals};
        try(http_decode(request->arena, name, true, f, &pairs[n].name));
        try(http_decode(request->arena, str_after(part, equals + 1), true, f, &pairs[n].value));
        n++;
    }
    request->query = pairs;
    request->query_n = n;
    return ERR_OK;
}

enum err http_target_read(struct http_request *request, struct str target, struct fail *f)
{
    if (target.n > HTTP_URL_BYTES_MAX) {
        return fail(f, ERR_URI_TOO_LONG, "", "The address is longer than %d bytes.",
                    HTTP_URL_BYTES_MAX);
    }
    if (target.n == 0 || target.p[0] != '/') {
        return fail(f, ERR_BAD_REQUEST, "", "The address must begin with a slash.");
    }
    const size_t mark = str_find(target, '?', 0);
    request->path = (struct str){.p = target.p, .n = mark};
    try(segments_read(request, f));
    return query_read(request, str_after(target, mark + 1), f);
}

/* Headers whose meaning would depend on which of two is taken. */
static bool comes_once(struct str name)
{
    static const char *const NAMES[] = {"host", "authorization", "content-type", "content-length",
                                        "idempotency-key"};
    for (size_t i = 0; i < ARRAY_N(NAMES); i++) {
        if (str_eq(name, str_c(NAMES[i]))) {
            return true;
        }
    }
    return false;
}

static bool has_control(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        const unsigned char c = (unsigned char)text.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F) {
            return true;
        }
    }
    return false;
}

/* A name with a space before the colon is read as another header here and as the same one elsewhere
 * (RFC 9112, 5.1). */
static bool is_token(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        const unsigned char c = (unsigned char)text.p[i];
        if (c <= 0x20 || c >= 0x7F || strchr("\"(),/:;<=>?@[\\]{}", c) != NULL) {
            return false;
        }
    }
    return text.n > 0;
}

enum err http_headers_check(const struct http_request *request, struct fail *f)
{
    size_t bytes_n = 0;
    for (size_t i = 0; i < request->headers_n; i++) {
        const struct http_pair *header = &request->headers[i];
        bytes_n += header->name.n + header->value.n + 4; // ": " and the end of the line
        if (!is_token(header->name)) {
            return fail(f, ERR_BAD_REQUEST, "",
                        "The name of a header holds a space or a sign that names do not have.");
        }
        if (has_control(header->value)) {
            return fail(f, ERR_BAD_REQUEST, "", "A header holds a control character.");
        }
        for (size_t earlier = 0; comes_once(header->name) && earlier < i; earlier++) {
            if (str_eq(request->headers[earlier].name, header->name)) {
                return fail(f, ERR_BAD_REQUEST, "", "The header \"%.*s\" may come once only.",
                            STR_ARG(header->name));
            }
        }
    }
    if (bytes_n > HTTP_HEADER_BYTES_MAX) {
        return fail(f, ERR_HEADERS_TOO_LARGE, "", "The headers are larger than %d bytes.",
                    HTTP_HEADER_BYTES_MAX);
    }
    return ERR_OK;
}

struct str http_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->headers_n; i++) {
        if (str_eq(request->headers[i].name, str_c(name))) {
            return request->headers[i].value;
        }
    }
    return (struct str){0};
}

bool http_query(const struct http_request *request, const char *name, struct str *out)
{
    for (size_t i = 0; i < request->query_n; i++) {
        if (str_eq(request->query[i].name, str_c(name))) {
            *out = request->query[i].value;
            return true;
        }
    }
    return false;
}

/* The end of one opaque tag that begins with a double quote, or 0. */
static size_t tag_end(struct str text)
{
    if (text.n < 2 || text.p[0] != '"') {
        return 0;
    }
    const size_t end = str_find(text, '"', 1);
    return end < text.n ? end + 1 : 0;
}

bool http_tags_match(struct str field, struct str tag, bool *matches)
{
    struct str rest = str_trim(field);
    *matches = false;
    if (str_eq(rest, STR("*"))) {
        *matches = true;
        return true;
    }
    while (rest.n > 0) {
        const bool is_weak = str_starts(rest, STR("W/"));
        rest = is_weak ? str_after(rest, 2) : rest;
        const size_t end = tag_end(rest);
        if (end == 0) {
            return false;
        }
        *matches |= !is_weak && str_eq((struct str){.p = rest.p, .n = end}, tag);
        rest = str_trim(str_after(rest, end));
        if (rest.n > 0 && rest.p[0] != ',') {
            return false;
        }
        // A recipient takes empty elements: "a", , "b".
        while (rest.n > 0 && rest.p[0] == ',') {
            rest = str_trim(str_after(rest, 1));
        }
    }
    return true;
}
