/* Shared by the files that read events. Private to api/.
 *
 * Owns:    nothing.
 * Threads: one thread at a time.
 * Memory:  that of the reader.
 * Errors:  faults are noted in the reader.
 * Limits:  those of event_read.h.
 */
#ifndef LOYALD_API_EVENT_READ_INTERNAL_H
#define LOYALD_API_EVENT_READ_INTERNAL_H

#include "api/event_read.h"

enum { SLUG_BYTES_MAX = 64 }; // of what an event names in the program

/* What reading an event needs beside the reader. */
struct work {
    struct reader *r;
    struct event *event;
};

/* {"original": {"source", "id"}}, required. */
void event_read_original(struct work *w, const struct json *data, const struct place *at);

/* The free object, for conditions: event.attributes.x. */
void event_read_attributes(struct work *w, const struct json *data, const struct place *at);

/* Purchases, what becomes of them, and refunds: event_read_purchase.c. */
void event_read_purchase(struct work *w, const struct json *data, const struct place *at);
void event_read_purchase_changed(struct work *w, const struct json *data, const struct place *at);
void event_read_order(struct work *w, const struct json *data, const struct place *at);
void event_read_refund(struct work *w, const struct json *data, const struct place *at);

/* review.submitted: event_read_review.c. */
void event_read_review(struct work *w, const struct json *data, const struct place *at);

#endif
