/* Reviews: what members say of what they bought, in stars and words.
 *
 * A review is of a line of a purchase, once, or of the store of a purchase, once; so the purchase's
 * own record says what was reviewed and which event has given for it. Its words stay in the event,
 * sealed.
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  -
 * Errors:  none.
 * Limits:  REVIEWS_PER_PURCHASE_MAX.
 */
#ifndef LOYALD_REVIEW_H
#define LOYALD_REVIEW_H

#include "base/str.h"

enum { REVIEWS_PER_PURCHASE_MAX = 50, REVIEW_STARS_MAX = 5 };

/* Numbers are stored: append only. */
enum review_state {
    REVIEW_NONE = 0,
    REVIEW_PENDING = 1, // waits for staff
    REVIEW_PUBLISHED = 2,
    REVIEW_REJECTED = 3,
    REVIEW_STATES_N
};
struct str review_state_slug(enum review_state state);

/* False where there is no such state. */
bool review_state_read(struct str slug, enum review_state *out);

enum { REVIEW_OF_STORE = -1, REVIEW_OF_LINE_GONE = -2 }; // instead of a line's index

struct review {
    int64_t id;   // the event that has brought it
    int32_t line; // index in the purchase's content, or one of the above
    enum review_state state;
    int32_t stars;      // 1 to 5
    int32_t characters; // of its text, 0: none
    int64_t gave;       // the event that has given what it brings, 0: none, or it was taken back
};

/* What a decision says of a review, for the list of all. */
struct review_note {
    struct review review; // state NONE: nothing
    bool is_new;
    int64_t purchase; // event id
    struct str sku;   // empty: of a store
    struct str store; // the purchase's, empty: none
    int64_t at;       // the event's time
};

#endif
