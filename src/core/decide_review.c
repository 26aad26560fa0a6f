/* Reviews: once per purchased line, published or waiting for staff, and what they bring. */
#include "base/base.h"
#include "core/decide.h"

#include "core/award_vars.h"
#include "core/decide_internal.h"
#include "core/reward.h"

static const char *const STATES[] = {"none", "pending", "published", "rejected"};
_Static_assert(ARRAY_N(STATES) == REVIEW_STATES_N, "one slug per state");

struct str review_state_slug(enum review_state state)
{
    ensure((size_t)state < ARRAY_N(STATES));
    return str_c(STATES[state]);
}

bool review_state_read(struct str slug, enum review_state *out)
{
    for (size_t i = REVIEW_PENDING; i < ARRAY_N(STATES); i++) {
        if (str_eq(slug, str_c(STATES[i]))) {
            *out = (enum review_state)i;
            return true;
        }
    }
    return false;
}

/* ---- what is reviewed ---- */

static const struct review *review_of(const struct purchase *purchase, int32_t line)
{
    for (size_t i = 0; i < purchase->reviews_n; i++) {
        if (purchase->reviews[i].line == line) {
            return &purchase->reviews[i];
        }
    }
    return NULL;
}

/* The first line of that id or sku that was not reviewed. */
static enum reason find_line(const struct purchase *purchase, struct str id, struct str sku,
                             int32_t *out)
{
    enum reason reason = REASON_UNKNOWN_LINE;
    for (size_t i = 0; i < purchase->content.lines_n; i++) {
        const struct line *line = &purchase->content.lines[i];
        const bool is_meant = line->sku.n > 0 && (id.n == 0 || str_eq(id, line->id)) &&
                              (sku.n == 0 || str_eq(sku, line->sku));
        if (is_meant && review_of(purchase, (int32_t)i) == NULL) {
            *out = (int32_t)i;
            return REASON_NONE;
        }
        reason = is_meant ? REASON_ALREADY_REVIEWED : reason;
    }
    return reason;
}

static enum reason find_subject(const struct deciding *d, const struct purchase *purchase,
                                int32_t *line)
{
    const struct str id = json_str(json_at(d->event->data, "line"));
    const struct str sku = json_str(json_at(d->event->data, "sku"));
    if (!d->program->reviews.is_there) {
        return REASON_CLOSED;
    }
    for (size_t i = 0; i < d->out->state->orders_n; i++) {
        if (d->out->state->orders[i].event == purchase->id) {
            return REASON_NOT_COMPLETED; // who has only ordered knows nothing of it yet
        }
    }
    if (purchase->reviews_n >= REVIEWS_PER_PURCHASE_MAX) {
        return REASON_LIMIT_REACHED;
    }
    if (id.n > 0 || sku.n > 0) {
        return find_line(purchase, id, sku, line);
    }
    *line = REVIEW_OF_STORE;
    if (!str_eq(d->event->store, purchase->content.store)) {
        return REASON_OTHER_STORE;
    }
    return review_of(purchase, REVIEW_OF_STORE) != NULL ? REASON_ALREADY_REVIEWED : REASON_NONE;
}

static struct str sku_of(const struct purchase *purchase, const struct review *review)
{
    return review->line >= 0 ? purchase->content.lines[review->line].sku : (struct str){0};
}

/* Nothing is left of what was reviewed. */
static bool is_returned(const struct review *review, const struct content *left)
{
    if (review->line == REVIEW_OF_LINE_GONE || left->is_empty) {
        return true;
    }
    ensure(review->line < (int32_t)left->lines_n);
    return review->line >= 0 && !left->lines[review->line].is_left;
}

/* Reviews of a purchase to change, with room for one more. */
static struct review *own_reviews(struct deciding *d, struct purchase *purchase)
{
    struct review *list = arena_new(d->arena, struct review, purchase->reviews_n + 1);
    if (purchase->reviews_n > 0) {
        memcpy(list, purchase->reviews, purchase->reviews_n * sizeof *list);
    }
    purchase->reviews = list;
    return list;
}

/* ---- what it brings ---- */

static void describe(struct about *about, const struct review *review, struct str sku,
                     bool returned)
{
    about_number(about, "stars", review->stars);
    about_number(about, "characters", review->characters);
    about_text(about, "sku", sku);
    about_text(about, "of", review->line == REVIEW_OF_STORE ? STR("store") : STR("product"));
    about_text(about, "returned", returned ? STR("yes") : STR("no"));
}

static enum err award(struct deciding *d, const struct about *about)
{
    struct content content;
    content_open(d->arena, d->event, &content);
    return deciding_award(d, &content, about);
}

static void note(struct deciding *d, struct purchase *purchase, const struct review *review,
                 bool is_new)
{
    d->out->purchase = purchase;
    d->out->review = (struct review_note){
        .review = *review,
        .is_new = is_new,
        .purchase = purchase->id,
        .sku = sku_of(purchase, review),
        .store = purchase->content.store,
        .at = d->event->time,
    };
    d->out->answer.review = (struct answer_review){.id = review->id, .state = review->state};
}

enum err decide_review_submitted(struct deciding *d)
{
    struct purchase *purchase = NULL;
    enum reason reason = REASON_NONE;
    struct content left;
    struct about about = {0};
    int32_t line = 0;
    try(deciding_take_original(d, &purchase, &reason));
    if (reason == REASON_NONE) {
        reason = find_subject(d, purchase, &line);
    }
    if (reason != REASON_NONE) {
        return deciding_refuse(d, reason);
    }
    content_left(d->arena, purchase, &left);
    struct review *review = &own_reviews(d, purchase)[purchase->reviews_n++];
    *review = (struct review){
        .id = d->booking.event,
        .line = line,
        .state = d->program->reviews.is_moderated ? REVIEW_PENDING : REVIEW_PUBLISHED,
        .stars = (int32_t)json_integer_value(json_at(d->event->data, "stars")),
        .characters = (int32_t)str_characters(json_str(json_at(d->event->data, "text"))),
    };
    ensure(review->stars >= 1 && review->stars <= REVIEW_STARS_MAX);
    describe(&about, review, sku_of(purchase, review), is_returned(review, &left));
    if (review->state == REVIEW_PUBLISHED) {
        struct occasion published = {
            .type = STR("review.published"), .level = 1, .times = 1, .fields_n = about.fields_n};
        memcpy(published.fields, about.fields, sizeof about.fields);
        about.follows[about.follows_n++] = published;
        review->gave = review->id;
    }
    note(d, purchase, review, true);
    try(deciding_note_activity(d));
    return award(d, &about);
}

/* ---- staff ---- */

static enum err take_review(struct deciding *d, struct purchase **purchase, struct review **review)
{
    int64_t purchase_id = 0;
    int64_t id = 0;
    *review = NULL;
    if (!id_read("evt_", json_str(json_at(d->event->data, "purchase")), &purchase_id) ||
        !id_read("rvw_", json_str(json_at(d->event->data, "review")), &id)) {
        return ERR_OK;
    }
    const struct purchase *original = deciding_purchase(d->facts, purchase_id);
    if (original == NULL) {
        d->needs->purchase = purchase_id;
        return ERR_RETRY;
    }
    *purchase = arena_new(d->arena, struct purchase, 1);
    **purchase = *original;
    struct review *list = own_reviews(d, *purchase);
    for (size_t i = 0; i < (*purchase)->reviews_n; i++) {
        *review = list[i].id == id ? &list[i] : *review;
    }
    return ERR_OK;
}

static enum err publish(struct deciding *d, struct purchase *purchase, struct review *review)
{
    struct content left;
    struct about about = {0};
    content_left(d->arena, purchase, &left);
    review->state = REVIEW_PUBLISHED;
    review->gave = d->booking.event;
    describe(&about, review, sku_of(purchase, review), is_returned(review, &left));
    note(d, purchase, review, false);
    return award(d, &about);
}

/* The event that gave what a review brings; NULL with ERR_RETRY while it, or a reward that it gave,
 * is not loaded. */
static enum err take_given(struct deciding *d, const struct review *review,
                           const struct purchase **given)
{
    *given = deciding_purchase(d->facts, review->gave);
    if (*given == NULL) {
        d->needs->purchase = review->gave;
        return ERR_RETRY;
    }
    return reward_lacks(d->arena, d->facts, *given, d->needs) ? ERR_RETRY : ERR_OK;
}

static enum err reject(struct deciding *d, struct purchase *purchase, struct review *review)
{
    if (review->gave != 0) {
        const struct purchase *given = NULL;
        try(take_given(d, review, &given));
        try(book_undone(&d->booking, d->facts, given, d->program));
        d->undone = given;
        review->gave = 0;
    }
    review->state = REVIEW_REJECTED;
    note(d, purchase, review, false);
    return ERR_OK;
}

enum err decide_review_judged(struct deciding *d)
{
    struct purchase *purchase = NULL;
    struct review *review = NULL;
    const bool publishes = d->event->kind == EVENT_REVIEW_PUBLISHED;
    try(take_review(d, &purchase, &review));
    if (review == NULL || review->state == REVIEW_REJECTED ||
        (publishes && review->state == REVIEW_PUBLISHED)) {
        return deciding_refuse(d, REASON_REVIEW_DECIDED);
    }
    return publishes ? publish(d, purchase, review) : reject(d, purchase, review);
}

/* ---- refunds and changes of the purchase ---- */

enum err deciding_return_reviews(struct deciding *d, struct purchase *purchase,
                                 const struct content *left)
{
    struct review *list = purchase->reviews_n > 0 ? own_reviews(d, purchase) : NULL;
    for (size_t i = 0; i < purchase->reviews_n; i++) {
        if (list[i].gave != 0 && is_returned(&list[i], left)) {
            const struct purchase *given = NULL;
            try(take_given(d, &list[i], &given));
            try(book_undone(&d->booking, d->facts, given, d->program));
            list[i].gave = 0;
        }
    }
    return ERR_OK;
}

/* The nth line of its sku. */
static size_t ordinal_of(const struct event *content, size_t line)
{
    size_t n = 0;
    for (size_t i = 0; i < line; i++) {
        n += str_eq(content->lines[i].sku, content->lines[line].sku);
    }
    return n;
}

static int32_t line_now(const struct event *before, const struct event *now, int32_t line)
{
    const struct line *was = &before->lines[line];
    for (size_t i = 0; i < now->lines_n; i++) {
        const bool is_it = was->id.n > 0
                               ? str_eq(now->lines[i].id, was->id)
                               : str_eq(now->lines[i].sku, was->sku) &&
                                     ordinal_of(now, i) == ordinal_of(before, (size_t)line);
        if (is_it) {
            return (int32_t)i;
        }
    }
    return REVIEW_OF_LINE_GONE;
}

void deciding_follow_reviews(struct deciding *d, struct purchase *purchase,
                             const struct event *before)
{
    struct review *list = purchase->reviews_n > 0 ? own_reviews(d, purchase) : NULL;
    for (size_t i = 0; i < purchase->reviews_n; i++) {
        if (list[i].line >= 0) {
            ensure(list[i].line < (int32_t)before->lines_n);
            list[i].line = line_now(before, &purchase->content, list[i].line);
        }
    }
}
