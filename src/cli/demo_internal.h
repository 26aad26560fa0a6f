/* What the parts of `loyald demo` share: the run itself, and the way into the engine. Private to
 * cli/demo.c, demo_beside.c and demo_follow.c; the lives of the trades know demo.h only.
 *
 * Owns:    struct demo: its arena, which lives as long as a ticket; the engine is the command's.
 * Threads: one.
 * Memory:  the ticket's arena, reset by demo_flush().
 * Errors:  those of reading events and of the engine, with the event's type.
 * Limits:  DEMO_PER_TICKET submissions per ticket, DEMO_FOLLOWED_MAX followed up per round.
 */
#ifndef LOYALD_CLI_DEMO_INTERNAL_H
#define LOYALD_CLI_DEMO_INTERNAL_H

#include "cli/cli.h"
#include "cli/config.h"
#include "cli/demo.h"

enum { DEMO_PER_TICKET = 2048, DEMO_FOLLOWED_MAX = 2048, DEMO_KINDS_N = 4 };

/* What holds of a member on all days, one each; a day's own are these less a multiple of the day.
 */
enum {
    TOPIC_KIND = -1,
    TOPIC_JOINED = -2,
    TOPIC_PERSON = -3,
    TOPIC_SURVEY = -4,
    TOPIC_REWARD = -5,
    TOPIC_FRIEND = -6,
    TOPIC_QUIZ = -7,
    TOPIC_CODE = -8,
    TOPIC_FOLLOW = -9,
    TOPIC_WANT = -3000000, // less a multiple of TOPIC_WANT for each further want, and the day
};

/* A reward that was bought and will be used, a review that staff will judge. */
struct demo_followed {
    enum event_kind kind;
    char subject[32];
    int64_t id;
    int64_t at;
};

struct demo {
    struct cli *cli;
    struct engine *engine;
    const struct vault *vault;
    const struct life *life;
    struct arena arena;
    struct submission *list;
    size_t n;
    struct demo_followed followed[DEMO_FOLLOWED_MAX];
    size_t followed_n;
    int64_t members;
    int64_t seed;
    int32_t first, today; // days of the life: [first, today)
    int32_t day;          // that is lived
    int32_t booked;       // what lies before this day is booked
    int64_t now;
    int64_t published_at; // the first program, 0: none
    bool is_forward;
    bool is_rehearsal; // tried only, nothing is booked
    int64_t applied, replayed, refused;
};

/* How often a kind of member comes, per day, in a café. */
double demo_kind_per_day(int kind);
int demo_kind_of(const struct demo *demo, int64_t member);

/* The day on which a member joins, within the first nine tenths of the time shown. */
int32_t demo_joined_on(const struct demo *demo, int64_t member);

/* A place for one more submission: demo_make_room() has seen to it that there is one. */
struct submission *demo_next(struct demo *demo);

/* Between two members' days: what is on its way there still lies in the arena. */
enum err demo_make_room(struct demo *demo) MUST_USE;

/* Sends what waits: all before is booked then, and the ticket's arena is empty. */
enum err demo_flush(struct demo *demo) MUST_USE;

/* What is wrong, whether anything was booked, and what to do about it. */
enum err demo_misfit(struct demo *demo, const char *type, enum err err, struct str why) MUST_USE;

/* ---- what members do beside buying (demo_beside.c) ---- */

/* Once, before the life: the codes that will be entered. ERR_CONFIG where the program knows no such
 * codes. */
enum err demo_codes_upload(struct demo *demo) MUST_USE;

/* Whether a member who joins names somebody. */
bool demo_is_brought(const struct demo *demo, int64_t member);

/* The code of whom a member who joins names, empty where they name nobody. May flush: ask before
 * anything of the member's day is on its way. */
enum err demo_friend_code(struct demo *demo, int64_t member, struct str *code) MUST_USE;

/* Most name their friend as they join; others later the same day, some of them mistyped. */
bool demo_names_at_enrolment(const struct demo *demo, int64_t member);
enum err demo_name_later(struct demo *demo, const struct demo_day *day, struct str code) MUST_USE;

/* Answers, attempts and codes of one day. */
enum err demo_live_beside(struct demo *demo, const struct demo_day *day) MUST_USE;

/* ---- rewards and reviews, which are followed up by their ids (demo_follow.c) ---- */

/* Buys what should be earned by now. Who is wrong is refused. */
enum err demo_buy(struct demo *demo, const struct demo_day *day) MUST_USE;

/* Looks at a decided submission: what it issued will be used, what it submitted be judged, a day
 * later. */
void demo_follow_note(struct demo *demo, const struct submission *s);

/* Does what was noted. */
enum err demo_follow(struct demo *demo) MUST_USE;

#endif
