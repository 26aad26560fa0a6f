/* Awards: which rules fire on a content and what they are due, from given inputs.
 *
 * The same function serves a first decision (inputs come from the facts and are recorded) and every
 * later one (refunds, changes, explain: inputs are the recorded ones).
 *
 * Owns:    nothing.
 * Threads: any thread.
 * Memory:  the arena given.
 * Errors:  ERR_OVERFLOW when points do not fit, ERR_CHAIN when more follows than the limits allow.
 * Limits:  AWARDS_MAX per event; CHAIN_LEVELS_MAX, CHAIN_EFFECTS_MAX.
 */
#ifndef LOYALD_AWARD_H
#define LOYALD_AWARD_H

#include "core/content.h"

enum {
    AWARDS_MAX = 5000,
    CHAIN_LEVELS_MAX = 8,    // occasions that follow from occasions
    CHAIN_EFFECTS_MAX = 100, // effects of all occasions of one event
};

/* What a content adds to an achievement. */
struct progress {
    int achievement;        // index
    int32_t day;            // its period, or DAY_TOTAL
    int64_t added;          // to the counter; DISTINCT: new values; STREAK: events in the step
    int64_t completed;      // times that this content completes it
    const uint64_t *values; // DISTINCT: the values it brings
    size_t values_n;
};

/* What one effect is due. */
struct award {
    int rule;             // index
    int effect;           // index
    int wallet;           // index
    int64_t points;       // after caps
    int64_t raw;          // before caps
    int64_t numerator;    // what the remainder grows by, before whole points are taken out
    int64_t ratio_points; // the remainder's ratio; ratio_per 0: no remainder (fixed points)
    int64_t ratio_per;
    int32_t remainder_symbol;
    int64_t base; // the earning base it saw, minor units
    bool is_qualifying;
    int multiplies;        // the rule whose base is multiplied, or -1
    struct str clipped_by; // where the cap stands that left less than `raw`, or empty
};

/* Rewards that one effect is due. */
struct grant {
    int rule, effect; // indexes
    int reward;       // index
    int64_t wanted;   // by the rule
    int64_t count;    // that there were
    int64_t more;     // of them for the first time: all, or what a new content adds
};

static inline bool grant_is_same(const struct grant *a, const struct grant *b)
{
    return a->rule == b->rule && a->effect == b->effect;
}

/* A tier that one effect gives. */
struct tier_grant {
    int rule, effect; // indexes
};

struct award_list {
    struct award *awards;
    size_t n, max;
    int64_t *caps_used;           // by cap index: points of this event that the cap counted
    struct explain_rule *explain; // of each triggered rule; none unless asked for
    size_t explain_n, explain_max;
    struct grant *grants;
    size_t grants_n, grants_max;
    struct tier_grant *tiers;
    size_t tiers_n, tiers_max;
    size_t first; // awards before this one are of earlier occasions
    struct progress *progress;
    size_t progress_n, progress_max;
    struct occasion *occasions; // the first is the event itself
    size_t occasions_n, occasions_max;
    size_t chained_effects_n;
    int64_t *metrics; // by metric of all tier sets: what this content adds to sums and counts
};

/* Everything the evaluation may look at. With facts == NULL nothing but the recorded inputs is
 * read. */
struct award_view {
    const struct program *program;
    const struct content *content;
    struct inputs *inputs;
    const struct facts *facts;
    int64_t booked_at; // of the event
    bool wants_explain;
    bool without_tiers; // nothing that follows from changes of tiers: it is undone by itself
    // Of a new content, NULL of everything else: as of this instant, and what the content before
    // was due. What rules want beyond that is given as far as there is any now.
    const struct award_view *now;
    const struct award_list *was;
};

/* The ratio of the remainder with this symbol; false where no rule of the program has one. */
bool award_remainder_ratio(const struct program *program, int32_t symbol, int64_t *points,
                           int64_t *per);

/* Computes what is due; deciding again, with what followed from changes of tiers. */
enum err award_run(struct arena *arena, const struct award_view *view,
                   struct award_list *out) MUST_USE;

/* Of one effect in a list, which may have fired several times: what it wanted, what it was given,
 * and what of that for the first time. */
struct grant award_grants_of(const struct award_list *list, const struct grant *like);

/* Notes how many of a reward an effect gives in all, at most, when its event is decided again. */
void inputs_note_grant(struct arena *arena, struct inputs *inputs, const struct grant *grant,
                       int64_t count);

/* A list that is due nothing. */
void award_list_open(struct arena *arena, const struct program *program, struct award_list *out);

/* Adds what follows from a change of a tier. */
enum err award_follow_tier(struct arena *arena, const struct award_view *view,
                           struct award_list *list, const struct tier_follow *follow) MUST_USE;

/* How an offer stands for the member of the view at the instant of its event. */
enum offer_standing { OFFER_OPEN, OFFER_ACCEPTED, OFFER_CLOSED, OFFER_NOT_FOR_MEMBER };
enum offer_standing award_offer_standing(struct arena *arena, const struct award_view *view,
                                         const struct offer *offer);

/* The value of a counter for all members together. */
int64_t shared_value(const struct facts *facts, int32_t symbol, int32_t day);

/* First local day of a cap's period around an instant, in the program's zone. */
int32_t cap_day(const struct program *program, const struct cap *cap, int64_t at);

/* The zone of the event's store, else the program's. */
const struct zone *event_zone(const struct program *program, const struct event *event);

/* The value at a dotted path of the event's free data, or NULL. */
const struct json *event_data_at(const struct event *event, struct str path);

/* The field that a wallet's pending event is matched by: of `data`, else of its `attributes`; NULL:
 * none. */
const struct json *event_match_at(const struct event *event, struct str name);

#endif
