/* The arithmetic of a purchase's lines. Everything is cumulative, so that the order and number of
 * partial refunds do not matter. */
#include "base/base.h"
#include "core/content.h"

static int64_t lines_sum(const struct event *event)
{
    int64_t sum = 0;
    for (size_t i = 0; i < event->lines_n; i++) {
        sum +=
            event->lines[i].amount; // each and their sum are within WHOLE_MAX, checked at the door
    }
    return sum;
}

static void set_sold(struct content_line *out, const struct line *line, int64_t amount)
{
    out->line = *line;
    if (amount != line->amount) {
        int64_t tax = 0;
        if (line->amount > 0 && mul_ratio_half_up(line->tax, amount, line->amount, &tax)) {
            out->line.tax = tax;
        }
    }
    out->line.amount = amount;
    out->sold_amount = amount;
    out->is_left = true;
}

static int64_t points_payments(const struct event *event)
{
    int64_t sum = 0;
    for (size_t i = 0; i < event->payments_n; i++) {
        const bool is_points = str_eq(event->payments[i].method, STR("points")) ||
                               str_eq(event->payments[i].method, STR("reward"));
        sum += is_points ? event->payments[i].amount : 0;
    }
    return sum;
}

/* Payments by points reduce all lines in proportion. */
static void take_points_off(struct arena *arena, struct content *content)
{
    const size_t n = content->lines_n;
    int64_t *weights = arena_new(arena, int64_t, n + 1);
    int64_t *shares = arena_new(arena, int64_t, n + 1);
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        weights[i] = content->lines[i].line.amount;
        sum += weights[i];
    }
    if (n > 0) {
        spread(int64_min(content->points_amount, sum), weights, n, shares);
    }
    for (size_t i = 0; i < n; i++) {
        content->lines[i].unpaid_amount = content->lines[i].line.amount - shares[i];
    }
}

void content_open(struct arena *arena, const struct event *event, struct content *out)
{
    static const struct line NAMELESS = {.quantity_milli = 1000};
    *out = (struct content){.event = event, .amount = event->amount};
    if (event->kind != EVENT_PURCHASE && event->kind != EVENT_PURCHASE_CHANGED) {
        return;
    }
    const size_t n = event->lines_n;
    const int64_t sum = lines_sum(event);
    out->lines = arena_new(arena, struct content_line, n + 1);
    int64_t *shares = arena_new(arena, int64_t, n + 1);
    int64_t *weights = arena_new(arena, int64_t, n + 1);
    for (size_t i = 0; i < n; i++) {
        weights[i] = event->lines[i].amount;
        shares[i] = weights[i];
    }
    if (sum > event->amount) {
        spread(event->amount, weights, n, shares);
    }
    for (size_t i = 0; i < n; i++) {
        set_sold(&out->lines[out->lines_n++], &event->lines[i], shares[i]);
    }
    if (n == 0 || sum < event->amount) {
        struct line rest = NAMELESS;
        rest.kind = n == 0 ? LINE_GOODS : LINE_FEE;
        set_sold(&out->lines[out->lines_n++], &rest, n == 0 ? event->amount : event->amount - sum);
    }
    out->points_amount = int64_min(points_payments(event), event->amount);
    take_points_off(arena, out);
}

static void reduce_line(struct content_line *line, int64_t refunded_milli, int64_t amount)
{
    const int64_t sold = line->sold_amount;
    int64_t tax = 0;
    if (sold > 0 && mul_ratio_half_up(line->line.tax, amount, sold, &tax)) {
        line->line.tax = tax;
    }
    line->line.amount = amount;
    line->line.quantity_milli -= refunded_milli;
    line->is_left = line->line.quantity_milli > 0 && (amount > 0 || sold == 0);
}

void content_left(struct arena *arena, const struct purchase *purchase, struct content *out)
{
    content_open(arena, &purchase->content, out);
    if (purchase->is_cancelled) {
        *out = (struct content){.event = &purchase->content, .is_empty = true};
        return;
    }
    if (purchase->refunded_milli == NULL) {
        return;
    }
    const size_t n = out->lines_n;
    const int64_t points_sold = out->points_amount;
    const int64_t sold = out->amount;
    int64_t *left = arena_new(arena, int64_t, n);
    int64_t *shares = arena_new(arena, int64_t, n);
    bool is_touched = purchase->refunded_total > 0;
    for (size_t i = 0; i < n; i++) {
        left[i] = out->lines[i].sold_amount - purchase->refunded_amount[i];
        is_touched |= purchase->refunded_amount[i] > 0 || purchase->refunded_milli[i] > 0;
    }
    if (!is_touched) {
        return;
    }
    spread(purchase->refunded_total, left, n, shares);
    out->amount = 0;
    out->is_empty = true;
    for (size_t i = 0; i < n; i++) {
        reduce_line(&out->lines[i], purchase->refunded_milli[i], left[i] - shares[i]);
        out->amount += out->lines[i].line.amount;
        out->is_empty &= !out->lines[i].is_left;
    }
    int64_t points_left = 0;
    if (sold > 0 && mul_ratio_half_up(points_sold, out->amount, sold, &points_left)) {
        out->points_amount = points_left;
    }
    take_points_off(arena, out);
}

/* The line a refund means: by id, else the first of that sku with quantity left. */
static size_t find_line(const struct content *left, const struct refund_line *wanted)
{
    for (size_t i = 0; i < left->lines_n; i++) {
        const struct line *line = &left->lines[i].line;
        if (wanted->id.n > 0 && str_eq(line->id, wanted->id)) {
            return i;
        }
        if (wanted->id.n == 0 && wanted->sku.n > 0 && str_eq(line->sku, wanted->sku) &&
            line->quantity_milli > 0) {
            return i;
        }
    }
    return left->lines_n;
}

/* One line's cumulative quantity and amount: amount as sold × quantity refunded / quantity sold,
 * half up. */
static enum reason refund_line(struct purchase *purchase, const struct content *sold, size_t i,
                               int64_t milli)
{
    const struct content_line *line = &sold->lines[i];
    const int64_t quantity = line->line.quantity_milli;
    const int64_t before = purchase->refunded_milli[i];
    const int64_t cumulative = milli == 0 ? quantity : before + milli;
    if (cumulative > quantity || before == quantity) {
        return REASON_REFUND_EXCEEDS;
    }
    int64_t amount = 0;
    if (!mul_ratio_half_up(line->sold_amount, cumulative, quantity, &amount)) {
        return REASON_OVERFLOW;
    }
    purchase->refunded_milli[i] = cumulative;
    purchase->refunded_amount[i] = int64_max(amount, purchase->refunded_amount[i]);
    return REASON_NONE;
}

/* A sku may need several lines: quantity goes to them in line order. */
static enum reason refund_lines(struct purchase *purchase, const struct content *sold,
                                struct content *left, const struct refund_line *wanted)
{
    int64_t rest = wanted->quantity_milli;
    for (;;) {
        const size_t i = find_line(left, wanted);
        if (i == left->lines_n) {
            return rest == wanted->quantity_milli ? REASON_UNKNOWN_LINE : REASON_REFUND_EXCEEDS;
        }
        const int64_t there = left->lines[i].line.quantity_milli;
        const bool is_by_sku = wanted->id.n == 0;
        const int64_t take = rest == 0 ? 0 : is_by_sku ? int64_min(rest, there) : rest;
        const enum reason reason = refund_line(purchase, sold, i, take);
        if (reason != REASON_NONE) {
            return reason;
        }
        left->lines[i].line.quantity_milli = take == 0 ? 0 : there - take;
        rest -= take;
        if (rest == 0) {
            return REASON_NONE;
        }
    }
}

enum reason content_refund(struct arena *arena, struct purchase *purchase,
                           const struct event *refund)
{
    struct content sold;
    struct content left;
    content_open(arena, &purchase->content, &sold);
    content_left(arena, purchase, &left);
    if (left.is_empty) {
        return purchase->is_cancelled ? REASON_ORIGINAL_CANCELLED : REASON_REFUND_EXCEEDS;
    }
    struct purchase after = *purchase;
    const size_t n = sold.lines_n;
    const size_t room = purchase->content.lines_n + 1; // as purchase_pack() stores them
    after.refunded_milli = arena_new(arena, int64_t, room);
    after.refunded_amount = arena_new(arena, int64_t, room);
    if (purchase->refunded_milli != NULL) {
        memcpy(after.refunded_milli, purchase->refunded_milli, n * sizeof(int64_t));
        memcpy(after.refunded_amount, purchase->refunded_amount, n * sizeof(int64_t));
    }
    for (size_t i = 0; i < refund->refund_lines_n; i++) {
        const enum reason reason = refund_lines(&after, &sold, &left, &refund->refund_lines[i]);
        if (reason != REASON_NONE) {
            return reason;
        }
    }
    int64_t by_line = 0;
    for (size_t i = 0; i < n; i++) {
        by_line += after.refunded_amount[i];
    }
    if (refund->has_refund_amount) {
        after.refunded_total += refund->refund_amount;
    } else if (refund->refund_lines_n == 0) {
        // All that is left: every line's quantity, and its amount by what was sold.
        for (size_t i = 0; i < n; i++) {
            after.refunded_milli[i] = sold.lines[i].line.quantity_milli;
        }
        after.refunded_total = sold.amount - by_line;
    }
    if (after.refunded_total > sold.amount - by_line) {
        return REASON_REFUND_EXCEEDS;
    }
    *purchase = after;
    return REASON_NONE;
}
