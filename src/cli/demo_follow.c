/* What follows in a life from what was answered: rewards that are bought and used, reviews that
 * staff judge. */
#include "base/base.h"
#include "cli/demo_internal.h"

#include "store/reviews.h"

/* ---- noting ---- */

static bool is_used(const struct life *life, struct str reward)
{
    for (size_t i = 0; i < DEMO_WANTS_MAX && life->wants[i].reward != NULL; i++) {
        if (str_eq(reward, str_c(life->wants[i].reward))) {
            return life->wants[i].is_used;
        }
    }
    return false;
}

static void note(struct demo *demo, const struct submission *s, enum event_kind kind, int64_t id)
{
    if (demo->followed_n < ARRAY_N(demo->followed)) {
        struct demo_followed *followed = &demo->followed[demo->followed_n++];
        *followed =
            (struct demo_followed){.kind = kind, .id = id, .at = s->event.time + MS_PER_DAY};
        (void)snprintf(followed->subject, sizeof followed->subject, "%.*s",
                       STR_ARG(s->event.subject)); // the ticket's arena goes
    }
}

/* From the event's own name: ids of the database are other ones in each instance. */
static double roll_of(const struct demo *demo, const struct submission *s)
{
    int64_t name = 0;
    for (size_t i = 0; i < s->event.external_id.n; i++) {
        name = (name * 31 + s->event.external_id.p[i]) % INT32_MAX;
    }
    struct dice dice = demo_dice(demo, name, TOPIC_FOLLOW);
    return demo_roll(&dice);
}

/* Four of five that were bought are used, and one review in eight is rejected. */
void demo_follow_note(struct demo *demo, const struct submission *s)
{
    const double roll = roll_of(demo, s);
    for (size_t i = 0; s->event.kind == EVENT_REWARD_BOUGHT && i < s->answer.rewards_n; i++) {
        if (roll < 0.8 && is_used(demo->life, s->event.reward)) {
            note(demo, s, EVENT_REWARD_USED, s->answer.rewards[i].id);
        }
    }
    if (s->event.kind == EVENT_REVIEW_SUBMITTED && s->answer.review.state == REVIEW_PENDING) {
        note(demo, s, roll < 0.125 ? EVENT_REVIEW_REJECTED : EVENT_REVIEW_PUBLISHED,
             s->answer.review.id);
    }
}

/* ---- doing ---- */

static enum err start(struct demo *demo, struct str subject, enum event_kind kind, struct str id,
                      int64_t at, struct submission **out)
{
    struct submission *s = demo_next(demo);
    *out = s;
    s->event.kind = kind;
    s->event.type = event_kind_type(kind);
    s->event.source = str_fmt(&demo->arena, "demo/%" PRId64, demo->seed);
    s->event.subject = subject;
    s->event.external_id = id;
    s->event.time = at;
    s->event.expected_price = -1;
    return identifier_read(&demo->arena, demo->vault, subject, &demo->cli->fail, "", &s->subject);
}

static void name_reward(struct demo *demo, struct submission *s, int64_t id)
{
    s->event.rewards = arena_new(&demo->arena, struct reward_ref, 1);
    s->event.rewards[0].id = id;
    s->event.rewards_n = 1;
}

/* Reviews are judged by the member that they are of, and name their purchase. */
struct review_look {
    struct arena *arena;
    int64_t id;
    struct review_row row;
};

static enum err look_up_review(struct store *store, struct arena *arena, void *self)
{
    struct review_look *look = self;
    (void)arena;
    return store_review_read(store, look->arena, look->id, &look->row);
}

static enum err name_review(struct demo *demo, struct submission *s,
                            const struct demo_followed *followed)
{
    char review[ID_TEXT_BYTES + 1];
    char purchase[ID_TEXT_BYTES + 1];
    struct review_look look = {.arena = &demo->arena, .id = followed->id};
    struct ticket ticket = {.job = look_up_review, .job_self = &look};
    try(engine_run(demo->engine, &ticket));
    id_write("rvw_", look.row.id, review);
    id_write("evt_", look.row.purchase, purchase);
    struct json *data = json_object_new(&demo->arena);
    json_set_text(&demo->arena, data, "review", str_c(review));
    json_set_text(&demo->arena, data, "purchase", str_c(purchase));
    s->event.data = data;
    return ERR_OK;
}

static enum err do_one(struct demo *demo, const struct demo_followed *followed)
{
    struct submission *s = NULL;
    const bool is_reward = followed->kind == EVENT_REWARD_USED;
    const struct str subject = str_dup(&demo->arena, str_c(followed->subject));
    const struct str id =
        str_fmt(&demo->arena, "%s-%" PRId64, is_reward ? "use" : "judge", followed->id);
    try(start(demo, subject, followed->kind, id, followed->at, &s));
    if (is_reward) {
        name_reward(demo, s, followed->id);
    } else {
        try(name_review(demo, s, followed));
    }
    submission_hash(s, demo->vault, s->event.data);
    return ERR_OK;
}

enum err demo_follow(struct demo *demo)
{
    const size_t n = demo->followed_n;
    for (size_t i = 0; i < n; i++) {
        if (demo->followed[i].at < demo->now) {
            try(demo_make_room(demo));
            try(do_one(demo, &demo->followed[i]));
        }
    }
    demo->followed_n -= n; // a flush meanwhile may have noted more
    memmove(demo->followed, demo->followed + n, demo->followed_n * sizeof *demo->followed);
    return ERR_OK;
}

/* ---- buying ---- */

static struct dice dice_of(const struct demo *demo, const struct demo_day *day, size_t want)
{
    return demo_dice(demo, day->member,
                     want == 0 ? TOPIC_REWARD - (int64_t)day->day
                               : TOPIC_WANT * (int64_t)want - day->day);
}

enum err demo_buy(struct demo *demo, const struct demo_day *day)
{
    static const char *const PREFIXES[DEMO_WANTS_MAX] = {"buy", "buy-2", "buy-3"};
    const double came = (day->day - day->joined) * demo_kind_per_day(day->kind) * demo->life->pace;
    for (size_t i = 0; i < DEMO_WANTS_MAX && demo->life->wants[i].reward != NULL; i++) {
        const struct demo_want *want = &demo->life->wants[i];
        const int64_t at = day->at + (int64_t)(i + 1) * MS_PER_HOUR;
        struct submission *s = NULL;
        struct dice dice = dice_of(demo, day, i);
        if (!day->is_there || came < want->days || demo_roll(&dice) > 1.0 / want->days ||
            at >= demo->now) {
            continue;
        }
        const struct str subject = str_fmt(&demo->arena, "ext:C-%" PRId64, day->member);
        try(start(demo, subject, EVENT_REWARD_BOUGHT,
                  demo_id(demo, PREFIXES[i], day->member, day->day), at, &s));
        s->event.reward = str_c(want->reward);
        s->event.count = 1;
        submission_hash(s, demo->vault, NULL);
    }
    return ERR_OK;
}
