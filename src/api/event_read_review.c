/* The data of reviews. */
#include "base/base.h"
#include "api/event_read.h"

#include "api/event_read_internal.h"
#include "core/pan.h"

enum { REVIEW_CHARACTERS_MAX = 4000 };

/* Lines may be broken and indented; other control characters are nobody's opinion. */
static bool is_prose(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        const unsigned char c = (unsigned char)text.p[i];
        if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

static void read_prose(struct work *w, const struct json *data, const struct place *at)
{
    const struct place here = {.parent = at, .name = "text"};
    const struct json *value = json_at(data, "text");
    const struct str text = json_str(value);
    if (value == NULL) {
        return;
    }
    if (!json_is_string(value) || text.n == 0 || str_characters(text) > REVIEW_CHARACTERS_MAX ||
        !is_prose(text)) {
        read_fault(w->r, ERR_INVALID, &here,
                   "The text has 1 to %d characters, without control characters.",
                   REVIEW_CHARACTERS_MAX);
    } else if (pan_is_in(text)) {
        read_fault(w->r, ERR_INVALID, &here,
                   "This looks like the number of a payment card, which is not kept here.");
    }
}

void event_read_review(struct work *w, const struct json *data, const struct place *at)
{
    static const char *const FIELDS[] = {"original", "sku",  "line",    "store",
                                         "stars",    "text", "channel", "attributes"};
    const struct place store = {.parent = at, .name = "store"};
    struct str text;
    int64_t stars = 0;
    if (!read_object(w->r, data, at, FIELDS, ARRAY_N(FIELDS))) {
        return;
    }
    event_read_original(w, data, at);
    read_whole(w->r, data, at, "stars", READ_REQUIRED, 1, REVIEW_STARS_MAX, &stars);
    read_text(w->r, data, at, "sku", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &text);
    read_text(w->r, data, at, "line", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &text);
    read_text(w->r, data, at, "store", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &w->event->store);
    read_text(w->r, data, at, "channel", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &w->event->channel);
    read_prose(w, data, at);
    const bool is_of_product = json_at(data, "sku") != NULL || json_at(data, "line") != NULL;
    if (is_of_product == (json_at(data, "store") != NULL)) {
        read_fault(w->r, ERR_INVALID, &store,
                   "A review is of a product, by its \"sku\" or \"line\", or of the \"store\".");
    }
    event_read_attributes(w, data, at);
    w->event->data = data;
}
