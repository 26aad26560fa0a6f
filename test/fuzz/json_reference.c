/* JSON as jansson reads and writes it. */
#include "base/base.h"
#include "json_reference.h"

#include <jansson.h>

enum { DEPTH_MAX = 32 };

static bool is_shallow(struct str text)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.n; i++) {
        const char c = text.p[i];
        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > DEPTH_MAX) {
                return false;
            }
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return true;
}

bool json_reference_read(struct str text, struct buf *out)
{
    if (!str_is_utf8(text) || !is_shallow(text)) {
        return false;
    }
    json_error_t error;
    json_t *value =
        json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (value == NULL) {
        return false;
    }
    char *written = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    ensure(written != NULL);
    buf_str(out, str_c(written));
    free(written);
    json_decref(value);
    return true;
}
