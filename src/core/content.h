/* What is left of a purchase: its lines after scaling, refunds and payments in points.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  the arena given.
 * Errors:  content_refund() tells by enum reason.
 * Limits:  those of struct event.
 */
#ifndef LOYALD_CONTENT_H
#define LOYALD_CONTENT_H

#include "core/decide.h"

struct content_line {
    struct line line;      // amount, tax and quantity as they stand now
    int64_t sold_amount;   // as sold, scaled to the purchase's amount
    int64_t unpaid_amount; // amount less the share paid in points
    bool is_left;          // false once everything of it went back
};

struct content {
    const struct event *event;
    int64_t amount;        // event.amount: as paid, after a refund the sum of the lines left
    int64_t points_amount; // the part of `amount` that was paid in points
    struct content_line *lines;
    size_t lines_n;
    bool is_empty; // nothing is left: nothing is due
};

/* As sold: lines exceeding the amount are scaled down, what they fall short of is a nameless fee,
 * no lines are one line of goods (domain.md 11). For events other than purchases: no lines. */
void content_open(struct arena *arena, const struct event *event, struct content *out);

/* As left after the purchase's refunds so far. */
void content_left(struct arena *arena, const struct purchase *purchase, struct content *out);

/* Adds one refund event to the purchase's cumulative refunds. Leaves the purchase alone on a
 * refusal. */
enum reason content_refund(struct arena *arena, struct purchase *purchase,
                           const struct event *refund) MUST_USE;

#endif
