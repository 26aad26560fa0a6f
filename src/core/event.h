/* Events: what happened, as the engine sees it after the envelope was checked.
 *
 * Owns:    nothing; all strings and JSON values are borrowed.
 * Threads: a value belongs to one thread at a time.
 * Memory:  the caller's arena.
 * Errors:  the unpacking functions return ERR_INTEGRITY on bytes they did not write.
 * Limits:  EVENT_LINES_MAX, EVENT_PAYMENTS_MAX.
 */
#ifndef LOYALD_EVENT_H
#define LOYALD_EVENT_H

#include "base/err.h"
#include "base/json.h"
#include "base/pack.h"
#include "core/program.h"

enum {
    EVENT_LINES_MAX = 10000,
    EVENT_PAYMENTS_MAX = 50,
    EVENT_REWARDS_MAX = 20,
    EVENT_TEXT_BYTES_MAX = 256
};

/* What happened, by type: event_kinds.def. */
enum event_kind {
    EVENT_CUSTOM = 0, // a type that the program declares
#define KIND(name, number, type, class, is_public) EVENT_##name = number,
#include "core/event_kinds.def"
#undef KIND
};

/* How a kind is decided. */
enum event_class {
    EVENT_CLASS_PLAIN, // rules and achievements look at it, nothing else
    EVENT_CLASS_PURCHASE,
    EVENT_CLASS_AFTER_PURCHASE, // names a purchase and books what becomes of it
    EVENT_CLASS_ADJUSTMENT,
    EVENT_CLASS_TIER,    // a tier given by hand
    EVENT_CLASS_CLOCK,   // made by the clock: decide_timer()
    EVENT_CLASS_MEMBER,  // in the timeline only
    EVENT_CLASS_REWARD,  // a reward is bought, used, reserved, released, cancelled, sent
    EVENT_CLASS_ERASURE, // the member is forgotten: their points void
};
enum event_class event_kind_class(enum event_kind kind);

struct line {
    struct str id;
    struct str sku;
    struct str name;
    struct str category;
    enum line_kind kind;
    int64_t quantity_milli;        // thousandths, > 0
    int64_t amount;                // minor units, >= 0, after discounts
    int64_t tax;                   // of that, tax
    const struct json *attributes; // NULL: none
};

struct payment {
    struct str method;
    struct str wallet; // of method "points"
    int64_t points;
    int64_t amount; // minor units
    int reward;     // of method "reward": index in the event's rewards
};

/* An issued reward that an event names, by id or by code. */
struct reward_ref {
    struct str text; // as sent
    int64_t id;      // 0: not known yet, or nobody's
};

struct original {
    struct str source;
    struct str id;
};

struct refund_line {
    struct str id;          // or
    struct str sku;         // the first line with quantity left
    int64_t quantity_milli; // 0: all that is left
};

struct event {
    enum event_kind kind;
    struct str type; // as in the envelope
    struct str source;
    struct str external_id; // the envelope's id
    struct str subject;     // as sent, empty: none
    int64_t time;           // instant
    // purchase, purchase.changed
    int64_t amount;
    struct str currency;
    struct str store; // also visit
    struct str channel;
    bool is_placed; // status "placed": pending until completed
    struct line *lines;
    size_t lines_n;
    struct payment *payments;
    size_t payments_n;
    struct reward_ref *rewards; // also of reward.used and so on, where it is one
    size_t rewards_n;
    bool named_rewards; // as read from the books: it named some; which is not kept there
    // reward.bought
    struct str reward;      // slug
    int64_t count;          // how many
    int64_t expected_price; // of each, -1: whatever it is
    // reward.used: `amount` of it, 0: all
    // reward.fulfilled
    int fulfilment; // enum fulfilment
    // refund, purchase.changed, .completed, .cancelled
    struct original original;
    bool has_refund_amount;
    int64_t refund_amount;
    struct refund_line *refund_lines;
    size_t refund_lines_n;
    // points.adjusted
    struct str wallet;
    int64_t points; // +-
    struct str reason;
    struct str actor;
    // all
    const struct json *data; // free content for conditions: `attributes` of built-in types, all of
                             // custom ones; or NULL
    bool is_import;          // older than 90 days is allowed
};

/* The name of a kind's type; for EVENT_CUSTOM the event's own type is to be used. */
struct str event_kind_type(enum event_kind kind);

/* The kind of a type; EVENT_CUSTOM for one that is not built in. */
enum event_kind event_kind_of(struct str type);

/* The kind of that number, false when there is none: for what was stored. */
bool event_kind_known(uint64_t number);

/* True for types that callers may post. */
bool event_kind_is_public(enum event_kind kind);

/* True for what the clock makes of a member's moments: moment.h. */
bool event_kind_is_moment(enum event_kind kind);

/* True for what is about one subscription. */
bool event_kind_is_subscription(enum event_kind kind);

/* True for a review and what staff say of it. */
bool event_kind_is_review(enum event_kind kind);

/* True for what may have to be taken back whole, beside purchases: the event is kept as purchases
 * are. */
bool event_kind_can_be_undone(enum event_kind kind);

/* True for whatever the clock has made: its own kinds, and what schedules emit. */
bool event_is_of_clock(const struct event *event);

/* True where the event asks for something at once: what is paid with points or rewards, a code that
 * is entered. It was done or not when it came, and nobody waits for it later. */
bool event_asks_at_once(const struct event *event);

/* The part of an event that is stored in clear (type, amounts, currency, sku, category, quantity,
 * store, channel) and the part that is sealed (source, id, subject, names, attributes, reason,
 * custom data). Format 1, frozen: written bytes can be read for ever. */
void event_pack_clear(struct buf *out, const struct event *event);
void event_pack_sealed(struct buf *out, const struct event *event);
enum err event_unpack(struct arena *arena, int64_t time, struct str clear, struct str sealed,
                      struct event *out) MUST_USE;

#endif
