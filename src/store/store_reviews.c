/* Rows of reviews. */
#include "base/base.h"
#include "store/reviews.h"

#include "store/store_internal.h"

static enum err read_row(struct db_result *rows, size_t i, struct review_row *out)
{
    const int64_t state = db_at_int(rows, i, 6);
    *out = (struct review_row){
        .member = db_at_int(rows, i, 0),
        .id = db_at_int(rows, i, 1),
        .purchase = db_at_int(rows, i, 2),
        .sku = db_at_str(rows, i, 3),
        .store = db_at_str(rows, i, 4),
        .stars = (int)db_at_int(rows, i, 5),
        .submitted_at = db_at_int(rows, i, 7),
        .decided_at = db_at_int(rows, i, 8),
    };
    if (state <= REVIEW_NONE || state >= REVIEW_STATES_N || rows->is_bad) {
        return ERR_INTEGRITY;
    }
    out->state = (enum review_state)state;
    return ERR_OK;
}

enum err store_review_read(struct store *store, struct arena *arena, int64_t id,
                           struct review_row *out)
{
    struct db_result rows;
    const struct db_value param = db_int(id);
    try(db_query(store->db, arena, Q_REVIEW_READ, &param, 1, &rows));
    return rows.rows_n == 0 ? ERR_NOT_FOUND : read_row(&rows, 0, out);
}

/* By what narrows it down most; the rest is looked at row by row. */
static enum err query(struct store *store, struct arena *arena, const struct review_filter *f,
                      struct db_result *rows)
{
    enum { FILTERS = 8 };
    const int stars_min = f->stars > 0 ? f->stars : 1;
    const int stars_max = f->stars > 0 ? f->stars : REVIEW_STARS_MAX;
    const int state_min = f->state != REVIEW_NONE ? (int)f->state : REVIEW_PENDING;
    const int state_max = f->state != REVIEW_NONE ? (int)f->state : REVIEW_REJECTED;
    const struct db_value filters[FILTERS] = {
        db_int(f->before), db_text(f->sku),   db_text(f->store), db_int(stars_min),
        db_int(stars_max), db_int(state_min), db_int(state_max), db_int((int64_t)f->n)};
    struct db_value values[FILTERS + 1];
    memcpy(&values[1], filters, sizeof filters);
    if (f->member != 0) {
        values[0] = db_int(f->member);
        return db_query(store->db, arena, Q_REVIEWS_OF_MEMBER, values, ARRAY_N(values), rows);
    }
    if (f->sku.n > 0) {
        values[0] = db_text(f->sku);
        return db_query(store->db, arena, Q_REVIEWS_OF_SKU, values, ARRAY_N(values), rows);
    }
    if (f->store.n > 0) {
        values[0] = db_text(f->store);
        return db_query(store->db, arena, Q_REVIEWS_OF_STORE, values, ARRAY_N(values), rows);
    }
    if (f->state != REVIEW_NONE) {
        values[0] = db_int(f->state);
        return db_query(store->db, arena, Q_REVIEWS_OF_STATE, values, ARRAY_N(values), rows);
    }
    return db_query(store->db, arena, Q_REVIEWS_NEWEST, filters, ARRAY_N(filters), rows);
}

static enum err read_rows(struct arena *arena, struct db_result *rows, struct review_row **out,
                          size_t *n)
{
    *out = arena_new(arena, struct review_row, rows->rows_n);
    for (size_t i = 0; i < rows->rows_n; i++) {
        try(read_row(rows, i, &(*out)[i]));
    }
    *n = rows->rows_n;
    return ERR_OK;
}

enum err store_reviews_list(struct store *store, struct arena *arena,
                            const struct review_filter *filter, struct review_row **out, size_t *n)
{
    struct db_result rows;
    try(query(store, arena, filter, &rows));
    return read_rows(arena, &rows, out, n);
}

enum err store_reviews_after(struct store *store, struct arena *arena, int64_t after, size_t n,
                             struct review_row **out, size_t *out_n)
{
    struct db_result rows;
    const struct db_value params[] = {db_int(after), db_int((int64_t)n)};
    try(db_query(store->db, arena, Q_VERIFY_REVIEWS, params, ARRAY_N(params), &rows));
    return read_rows(arena, &rows, out, out_n);
}

enum err store_review_sums(struct store *store, struct arena *arena, bool of_stores, struct str one,
                           struct str after, size_t n, struct review_sum **out, size_t *out_n)
{
    struct db_result rows;
    const struct db_value named[] = {db_text(one)};
    const struct db_value page[] = {db_text(after), db_int((int64_t)n)};
    if (one.n > 0) {
        try(db_query(store->db, arena,
                     of_stores ? Q_REVIEW_SUMS_OF_STORE : Q_REVIEW_SUMS_OF_PRODUCT, named,
                     ARRAY_N(named), &rows));
    } else {
        try(db_query(store->db, arena,
                     of_stores ? Q_REVIEW_SUMS_OF_STORES : Q_REVIEW_SUMS_OF_PRODUCTS, page,
                     ARRAY_N(page), &rows));
    }
    *out = arena_new(arena, struct review_sum, rows.rows_n);
    for (size_t i = 0; i < rows.rows_n; i++) {
        struct review_sum *sum = &(*out)[i];
        sum->of = db_at_str(&rows, i, 0);
        sum->count = db_at_int(&rows, i, 1);
        sum->stars_total = db_at_int(&rows, i, 2);
        for (size_t k = 0; k < REVIEW_STARS_MAX; k++) {
            sum->by_stars[k] = db_at_int(&rows, i, 3 + k);
        }
    }
    *out_n = rows.rows_n;
    return rows.is_bad ? ERR_INTEGRITY : ERR_OK;
}

/* ---- the batch ---- */

static enum err insert_new(struct store *store, struct arena *arena,
                           const struct batch_effects *effects)
{
    enum { COLS = 9 };
    struct db_value *rows = arena_new(arena, struct db_value, effects->events_n * COLS);
    size_t n = 0;
    for (size_t i = 0; i < effects->events_n; i++) {
        const struct decision *d = effects->events[i].decision;
        const struct review *review = &d->review.review;
        if (review->state == REVIEW_NONE || !d->review.is_new) {
            continue;
        }
        const struct db_value row[COLS] = {
            db_int(d->member),      db_int(review->id),       db_int(d->review.purchase),
            db_text(d->review.sku), db_text(d->review.store), db_int(review->stars),
            db_int(review->state),  db_int(d->review.at),     db_int(0),
        };
        memcpy(&rows[n++ * COLS], row, sizeof row);
    }
    return db_exec_rows(store->db, Q_REVIEWS_INSERT, rows, n, COLS, NULL);
}

/* A review that is decided on twice in a batch is as the second one leaves it. */
static bool is_last_of(const struct batch_effects *effects, size_t i)
{
    const struct decision *d = effects->events[i].decision;
    for (size_t k = i + 1; k < effects->events_n; k++) {
        const struct decision *later = effects->events[k].decision;
        if (later->member == d->member && later->review.review.state != REVIEW_NONE &&
            later->review.review.id == d->review.review.id) {
            return false;
        }
    }
    return true;
}

static enum err update_decided(struct store *store, struct arena *arena,
                               const struct batch_effects *effects)
{
    enum { COLS = 4 };
    struct db_value *rows = arena_new(arena, struct db_value, effects->events_n * COLS);
    size_t n = 0;
    for (size_t i = 0; i < effects->events_n; i++) {
        const struct decision *d = effects->events[i].decision;
        const struct review *review = &d->review.review;
        if (review->state == REVIEW_NONE || d->review.is_new || !is_last_of(effects, i)) {
            continue;
        }
        const struct db_value row[COLS] = {db_int(d->member), db_int(review->id),
                                           db_int(review->state), db_int(d->review.at)};
        memcpy(&rows[n++ * COLS], row, sizeof row);
    }
    return db_exec_rows(store->db, Q_REVIEWS_DECIDE, rows, n, COLS, NULL);
}

enum err store_reviews_apply(struct store *store, struct arena *arena,
                             const struct batch_effects *effects)
{
    try(insert_new(store, arena, effects));
    return update_decided(store, arena, effects);
}

enum err store_reviews_forget(struct store *store, int64_t member)
{
    const struct db_value param = db_int(member);
    return db_exec(store->db, Q_REVIEWS_FORGET, &param, 1, NULL);
}
