/* Generated lives: what a trade's customers do, day by day. Private to cli/demo*.c.
 *
 * Every member has a kind (regular, occasional, rare, lost) drawn from the seed. A day of a member
 * is drawn from (seed, member, day) alone, so nothing is kept between days and a return finds its
 * purchase by drawing its day again. Planted effect: members whose number is no multiple of 20 come
 * 15 % more often than the others, who stand for people without a program (docs/demo.md).
 *
 * Owns:    nothing.
 * Threads: one.
 * Memory:  the ticket's arena, reset with each ticket.
 * Errors:  those of reading events and of the engine, with the event's type.
 * Limits:  DEMO_DATA_BYTES_MAX per event.
 */
#ifndef LOYALD_CLI_DEMO_H
#define LOYALD_CLI_DEMO_H

#include "engine/engine.h"

enum {
    DEMO_DATA_BYTES_MAX = 8192,
    DEMO_WANTS_MAX = 3,
    DEMO_QUESTIONS_MAX = 3,
    DEMO_COMPLAINTS_N = 4
};

struct demo;
struct dice {
    uint64_t state;
};

/* Evenly distributed in [0, 1). */
double demo_roll(struct dice *dice);

/* A whole number in [0, n). */
int64_t demo_roll_below(struct dice *dice, int64_t n);

/* The same for the same seed, member and topic: what holds of the member on all days. Topics are
 * negative; days are not. */
struct dice demo_dice(const struct demo *demo, int64_t member, int64_t topic);

/* A member on one day. */
struct demo_day {
    int64_t member;
    int32_t day, joined;
    int kind;         // 0 regular, 1 occasional, 2 rare, 3 lost
    bool is_there;    // they come today
    bool is_lost;     // they will not come any more
    int64_t at;       // the instant they come
    struct dice dice; // for the rest of what is drawn
};

/* Draws any day of the same member again. */
struct demo_day demo_day_of(const struct demo *demo, int64_t member, int32_t day);

/* Posts an event of the day, with `id` unique for the source and data as JSON text. What lies after
 * now is left out. */
enum err demo_post(struct demo *demo, const struct demo_day *day, const char *type, struct str id,
                   int64_t at, const char *data, ...) PRINTF(6, 7) MUST_USE;

/* True of days before the first program was published. What was ordered and ended then is told of
 * as it ended: an order that is only placed would be void before its completion is booked. */
bool demo_is_history(const struct demo *demo, int32_t day);

/* "p-MEMBER-DAY". */
struct str demo_id(struct demo *demo, const char *prefix, int64_t member, int32_t day);

/* What they buy with points, once so many days of coming should have earned them. */
struct demo_want {
    const char *reward; // NULL: no more
    int days;
    bool is_used; // at a till; others are fulfilled by somebody else
};

struct demo_quiz {
    const char *slug; // NULL: none
    int pass, attempts;
    struct {
        const char *slug, *right, *wrong;
    } questions[DEMO_QUESTIONS_MAX];
};

/* Codes in packs and letters: the life uploads its own, "PREFIX-SEED-MEMBER", for those who will
 * enter one. */
struct demo_codes {
    const char *slug; // of the redemption code, NULL: none
    const char *prefix;
    double share;      // of the members
    const char *fixed; // one for everybody, NULL: none
};

/* The life of one trade; its preset has the same name. */
struct life {
    const char *name;
    double pace;       // how often they come, against a café's customers
    double months[12]; // the seasons
    struct demo_want wants[DEMO_WANTS_MAX];
    const char *survey;
    const char *survey_csat;                   // its question about one thing, NULL: none
    int survey_days;                           // at least so many between two answers
    const char *complaints[DEMO_COMPLAINTS_N]; // what who gives a low mark is told to say
    struct demo_quiz quiz;
    struct demo_codes codes;
    struct str (*attributes)(struct demo *demo, int64_t member,
                             int32_t joined); // of the profile; NULL: none
    enum err (*live)(struct demo *demo, const struct demo_day *day);
};
extern const struct life LIFE_RETAIL, LIFE_COMMERCE, LIFE_HOSPITALITY, LIFE_AIRLINE, LIFE_BANKING,
    LIFE_TELECOM;

/* For attributes and data: lives as long as the ticket. */
struct arena *demo_arena(struct demo *demo);

#endif
