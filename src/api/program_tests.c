/* Running the tests of a program document. */
#include "base/base.h"
#include "api/program_tests_internal.h"

#include "api/event_read.h"
#include "api/read.h"
#include "core/achievement.h"
#include "core/award.h"
#include "core/tier.h"

enum { POOL_CODES_ASSUMED = 1000, MEMBER = 1, ADVOCATE = 2, REFEREE = 3 };

static const char TEST_SOURCE[] = "test";

static enum err bad(struct trial *t, const char *at, const char *text)
{
    return fail_at(t->f, ERR_INVALID, str_fmt(t->arena, "%.*s%s", STR_ARG(t->pointer), at), "%s",
                   text);
}

/* ---- deciding in memory ---- */

static void note_shared(struct trial *t, const struct shared_use *use)
{
    for (size_t i = 0; i < t->shared_n; i++) {
        if (t->shared[i].symbol == use->symbol && t->shared[i].day == use->day) {
            t->shared[i].points = int64_max(0, t->shared[i].points + use->points);
            return;
        }
    }
    arena_room(t->arena, t->shared, t->shared_n, t->shared_max);
    t->shared[t->shared_n++] = *use;
}

static void note_issued(struct trial *t, const struct issued *issued)
{
    for (size_t i = 0; i < t->issued_n; i++) {
        if (t->issued[i].id == issued->id) {
            t->issued[i] = *issued;
            return;
        }
    }
    arena_room(t->arena, t->issued, t->issued_n, t->issued_max);
    t->issued[t->issued_n++] = *issued;
}

static void note(struct trial *t, struct decision *decision)
{
    t->state = decision->state;
    t->last = decision;
    for (size_t i = 0; i < decision->shared_n; i++) {
        note_shared(t, &decision->shared[i]);
    }
    for (size_t i = 0; i < decision->issued_n; i++) {
        note_issued(t, &decision->issued[i]);
    }
    for (size_t i = 0; i < t->purchases_n && decision->purchase != NULL; i++) {
        if (t->purchases[i].purchase->id == decision->purchase->id) {
            t->purchases[i].purchase = decision->purchase;
        }
    }
    if (event_kind_is_subscription(decision->event.kind)) {
        arena_room(t->arena, t->openings, t->openings_n, t->openings_max);
        t->openings[t->openings_n++] =
            (struct opening){.event = decision->event_id,
                             .id = json_str(json_at(decision->event.data, "subscription"))};
    }
    if (decision->event.kind != EVENT_PURCHASE && !event_kind_can_be_undone(decision->event.kind)) {
        return; // nothing takes it back
    }
    struct purchase *purchase = arena_new(t->arena, struct purchase, 1);
    *purchase = (struct purchase){
        .id = decision->event_id,
        .program = t->program,
        .content = decision->event,
        .inputs = decision->inputs,
        .booked_at = t->now,
        .outcome = decision->answer.outcome,
        .spent = decision->spent,
        .spent_n = decision->spent_n,
        .rewards = decision->answer.rewards,
        .rewards_n = decision->answer.rewards_n,
        .content_event = decision->event_id,
    };
    arena_room(t->arena, t->purchases, t->purchases_n, t->purchases_max);
    t->purchases[t->purchases_n++] = (struct trial_purchase){
        .source = decision->event.source, .id = decision->event.external_id, .purchase = purchase};
}

/* Everything there is: a test's member is small. */
static struct facts facts_of(struct trial *t, const struct event *event)
{
    const struct purchase **purchases =
        arena_new(t->arena, const struct purchase *, t->purchases_n);
    const struct issued **issued = arena_new(t->arena, const struct issued *, t->issued_n);
    struct facts facts = {
        .state = t->state,
        .profile = &t->profile,
        .segments = t->segments,
        .purchases = purchases,
        .purchases_n = t->purchases_n,
        .shared = t->shared,
        .shared_n = t->shared_n,
        .issued = issued,
        .issued_n = t->issued_n,
        .booked_at = t->now,
        .knows_zone = true,
        .knows_likeness = true, // a friend of theirs is somebody else
        .openings = t->openings,
        .openings_n = t->openings_n,
        .wants_explain = true,
        .program_now = t->program,
        .advocate = {.is_named = event != NULL && event->kind == EVENT_REFERRAL,
                     .member = ADVOCATE}, // any code is somebody's
    };
    for (size_t i = 0; i < t->purchases_n; i++) {
        purchases[i] = t->purchases[i].purchase;
        const struct str source =
            event && event->original.source.n > 0 ? event->original.source : str_c(TEST_SOURCE);
        if (event != NULL && event->original.id.n > 0 &&
            str_eq(t->purchases[i].id, event->original.id) &&
            str_eq(t->purchases[i].source, source)) {
            facts.original = t->purchases[i].purchase->id;
            facts.original_member = t->state->member;
        }
    }
    for (size_t i = 0; i < t->issued_n; i++) {
        issued[i] = &t->issued[i];
    }
    if (event != NULL && event_kind_is_subscription(event->kind)) {
        facts.subscription_key = match_hash(json_str(json_at(event->data, "subscription")));
    }
    return facts;
}

static enum err run_timers(struct trial *t)
{
    for (int i = 0; i < TIMERS_PER_EVENT_MAX && state_next_due(t->state, t->program) <= t->now;
         i++) {
        const struct facts facts = facts_of(t, NULL);
        struct needs needs;
        struct decision *decision = arena_new(t->arena, struct decision, 1);
        try(decide_timer(t->arena, &facts, &t->ids, &needs, decision));
        if (decision->is_silent) {
            t->state = decision->state;
        } else {
            note(t, decision);
        }
    }
    return ERR_OK;
}

static enum err submit(struct trial *t, const struct event *event)
{
    try(run_timers(t));
    const struct facts facts = facts_of(t, event);
    struct needs needs;
    struct decision *decision = arena_new(t->arena, struct decision, 1);
    try(decide(t->arena, t->program, &facts, event, &t->ids, &needs, decision));
    note(t, decision);
    return ERR_OK;
}

/* ---- steps ---- */

static void fill(struct trial *t, struct json *object, const char *name, struct str text)
{
    if (json_at(object, name) == NULL) {
        json_set_text(t->arena, object, name, text);
    }
}

/* An event as a test writes it: what goes without saying is filled in, then it is read like any
 * other. */
static enum err read_event(struct trial *t, const struct json *json, struct event *out)
{
    char at[INSTANT_BYTES + 1];
    struct submission s;
    struct json *event = json_object_copy(t->arena, json);
    instant_write(t->now, at);
    fill(t, event, "specversion", STR("1.0"));
    fill(t, event, "source", STR(TEST_SOURCE));
    fill(t, event, "id", str_fmt(t->arena, "made-%zu", ++t->made));
    fill(t, event, "time", str_c(at));
    fill(t, event, "subject", STR("ext:test"));
    const struct str type = json_str(json_at(event, "type"));
    if (json_is_object(json_at(event, "data")) &&
        (str_eq(type, STR("purchase")) || str_eq(type, STR("purchase.changed")))) {
        struct json *data = json_object_copy(t->arena, json_at(event, "data"));
        fill(t, data, "currency", t->program->currency);
        json_set(t->arena, event, "data", data);
    }
    struct fail f = {.arena = t->arena};
    enum err err = event_read(t->arena, NULL, event, NULL, &f, &s);
    if (err != ERR_OK) {
        for (size_t i = 0; i < f.items_n; i++) {
            const struct str pointer = str_fmt(t->arena, "%.*s/event%.*s", STR_ARG(t->pointer),
                                               STR_ARG(f.items[i].pointer));
            err = fail_at(t->f, f.items[i].err, pointer, "%.*s", STR_ARG(f.items[i].detail));
        }
        return err;
    }
    *out = s.event;
    return ERR_OK;
}

/* Rewards that a test's purchase names are slugs: the member's newest open one of each. */
static void find_rewards(struct trial *t, struct event *event)
{
    for (size_t i = 0; i < event->rewards_n; i++) {
        const struct reward *reward = program_reward(t->program, event->rewards[i].text);
        for (size_t k = 0; reward != NULL && k < t->issued_n; k++) {
            const bool is_open =
                t->issued[k].state == ISSUED_OPEN || t->issued[k].state == ISSUED_RESERVED;
            if (t->issued[k].reward == reward->symbol && is_open) {
                event->rewards[i].id = t->issued[k].id;
            }
        }
    }
}

static enum err step_event(struct trial *t, const struct json *json)
{
    struct event *event = arena_new(t->arena, struct event, 1);
    try(read_event(t, json, event));
    find_rewards(t, event);
    if (event->time > t->now) {
        t->now = event->time; // a test's time goes with its events
    }
    return submit(t, event);
}

static struct event made_event(struct trial *t, enum event_kind kind)
{
    return (struct event){
        .kind = kind,
        .type = event_kind_type(kind),
        .source = STR("api/test"),
        .external_id = str_fmt(t->arena, "made-%zu", ++t->made),
        .time = t->now,
        .count = 1,
        .expected_price = -1,
    };
}

/* {"buy": "free-coffee"} and {"use": "free-coffee"}. */
static enum err step_reward(struct trial *t, struct str slug, enum event_kind kind)
{
    struct event *event = arena_new(t->arena, struct event, 1);
    *event = made_event(t, kind);
    event->reward = slug;
    if (program_reward(t->program, slug) == NULL) {
        return bad(t, "", "The program has no such reward.");
    }
    if (kind != EVENT_REWARD_BOUGHT) {
        event->count = 0;
        event->rewards = arena_new(t->arena, struct reward_ref, 1);
        event->rewards[0].text = slug;
        event->rewards_n = 1;
        find_rewards(t, event);
    }
    return submit(t, event);
}

/* {"adjust": {"wallet", "points"}}. */
static enum err step_adjust(struct trial *t, const struct json *json)
{
    struct event *event = arena_new(t->arena, struct event, 1);
    *event = made_event(t, EVENT_ADJUSTED);
    event->wallet = json_str(json_at(json, "wallet"));
    event->points = json_integer_value(json_at(json, "points"));
    event->reason = STR("test");
    if (program_wallet(t->program, event->wallet) < 0 || event->points == 0) {
        return bad(t, "/adjust", "An adjustment has a \"wallet\" of the program and \"points\".");
    }
    return submit(t, event);
}

/* {"brings": "friend"}: a friend of the member's has done what it takes. */
static enum err step_brings(struct trial *t, struct str slug)
{
    char id[ID_TEXT_BYTES + 1];
    char referee[ID_TEXT_BYTES + 1];
    struct event *event = arena_new(t->arena, struct event, 1);
    *event = made_event(t, EVENT_REFERRAL_REWARDED);
    if (program_referral(t->program, slug) == NULL) {
        return bad(t, "/brings", "The program has no such referral.");
    }
    id_write("evt_", (int64_t)t->made, id);
    id_write("mbr_", REFEREE, referee);
    struct json *data = json_object_new(t->arena);
    json_set_text(t->arena, data, "referral", slug);
    json_set_text(t->arena, data, "id", str_c(id));
    json_set_text(t->arena, data, "referee", str_c(referee));
    event->data = data;
    return submit(t, event);
}

/* {"approve": "r1"}: staff publish the review that came with that event; "reject" takes it down. */
static enum err step_review(struct trial *t, struct str id, enum event_kind kind)
{
    char review[ID_TEXT_BYTES + 1];
    char purchase[ID_TEXT_BYTES + 1];
    const struct trial_purchase *submitted = NULL;
    for (size_t i = 0; i < t->purchases_n; i++) {
        const bool is_it = t->purchases[i].purchase->content.kind == EVENT_REVIEW_SUBMITTED &&
                           str_eq(t->purchases[i].id, id);
        submitted = is_it ? &t->purchases[i] : submitted;
    }
    for (size_t i = 0; submitted != NULL && i < t->purchases_n; i++) {
        const struct purchase *p = t->purchases[i].purchase;
        for (size_t k = 0; k < p->reviews_n; k++) {
            if (p->reviews[k].id == submitted->purchase->id) {
                struct event *event = arena_new(t->arena, struct event, 1);
                *event = made_event(t, kind);
                id_write("rvw_", p->reviews[k].id, review);
                id_write("evt_", p->id, purchase);
                struct json *data = json_object_new(t->arena);
                json_set_text(t->arena, data, "review", str_c(review));
                json_set_text(t->arena, data, "purchase", str_c(purchase));
                event->data = data;
                return submit(t, event);
            }
        }
    }
    return bad(t, "", "No review came with an event of this id.");
}

static enum err step_advance(struct trial *t, const struct json *json)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } UNITS[] = {{"days", MS_PER_DAY}, {"hours", 60 * MS_PER_MIN}, {"minutes", MS_PER_MIN}};
    for (size_t i = 0; i < ARRAY_N(UNITS); i++) {
        const struct json *value = json_at(json, UNITS[i].unit);
        if (value != NULL &&
            (json_integer_value(value) < 0 || json_integer_value(value) > TEST_DAYS_MAX)) {
            return bad(t, "/advance", "Time goes on, by a hundred years at most.");
        }
        t->now += json_integer_value(value) * UNITS[i].ms;
    }
    return run_timers(t);
}

static enum err run_step(struct trial *t, const struct json *step)
{
    if (json_at(step, "event") != NULL) {
        return step_event(t, json_at(step, "event"));
    }
    if (json_at(step, "expect") != NULL) {
        return trial_expect(t, json_at(step, "expect"));
    }
    if (json_at(step, "advance") != NULL) {
        return step_advance(t, json_at(step, "advance"));
    }
    if (json_at(step, "buy") != NULL) {
        return step_reward(t, json_str(json_at(step, "buy")), EVENT_REWARD_BOUGHT);
    }
    if (json_at(step, "use") != NULL) {
        return step_reward(t, json_str(json_at(step, "use")), EVENT_REWARD_USED);
    }
    if (json_at(step, "approve") != NULL) {
        return step_review(t, json_str(json_at(step, "approve")), EVENT_REVIEW_PUBLISHED);
    }
    if (json_at(step, "reject") != NULL) {
        return step_review(t, json_str(json_at(step, "reject")), EVENT_REVIEW_REJECTED);
    }
    if (json_at(step, "brings") != NULL) {
        return step_brings(t, json_str(json_at(step, "brings")));
    }
    return step_adjust(t, json_at(step, "adjust"));
}

/* ---- tests ---- */

/* The member that a test begins with. */
static enum err open_member(struct trial *t, const struct json *member)
{
    const struct json *segments = json_at(member, "segments");
    const struct json *tags = json_at(member, "tags");
    t->state = arena_new(t->arena, struct state, 1);
    state_open(t->arena, MEMBER, t->now, t->state);
    t->profile = (struct profile){
        .birth_on = INT32_MIN,
        .birth_entered_at = AT_MIN,
        .country = json_str(json_at(member, "country")),
        .city = json_str(json_at(member, "city")),
        .language = json_str(json_at(member, "language")),
        .gender = json_str(json_at(member, "gender")),
        .attributes = json_at(member, "attributes"),
    };
    if (!day_read(json_str(json_at(member, "birth_date")), &t->profile.birth_on)) {
        t->profile.birth_on = INT32_MIN;
    }
    t->profile.tags = arena_new(t->arena, struct str, json_array_size(tags));
    for (size_t i = 0; i < json_array_size(tags); i++) {
        t->profile.tags[t->profile.tags_n++] = json_str(json_array_get(tags, i));
    }
    for (size_t i = 0; segments != NULL && i < t->program->segments_n; i++) {
        t->segments =
            t->segments ? t->segments : arena_new(t->arena, int8_t, t->program->segments_n);
        for (size_t k = 0; k < json_array_size(segments); k++) {
            t->segments[i] |=
                str_eq(t->program->segments[i].slug, json_str(json_array_get(segments, k)));
        }
    }
    struct str key = {0};
    const struct json *value = NULL;
    json_object_foreach(json_at(member, "tiers"), key, value)
    {
        const struct tier_set *set = program_tier_set(t->program, key);
        const int rank = set ? tier_set_rank(set, json_str(value)) : -1;
        if (rank < 0) {
            return bad(t, "/member/tiers", "The program has no such tier.");
        }
        if (rank > 0) {
            tier_begin_at(t->arena, t->program, set, t->state, (size_t)rank,
                          zone_day(t->program->zone, t->now));
        }
    }
    return ERR_OK;
}

/* Pools hold codes that are not uploaded yet while a program is only drafted. */
static void fill_pools(struct trial *t)
{
    for (size_t i = 0; i < t->program->rewards_n; i++) {
        for (size_t k = 0; k < t->program->rewards[i].pools_n; k++) {
            note_shared(t, &(struct shared_use){.symbol = t->program->rewards[i].pools[k].uploaded,
                                                .day = DAY_TOTAL,
                                                .points = POOL_CODES_ASSUMED});
        }
    }
}

/* A test begins at its first event's time, else at the first instant of 2026. */
static int64_t first_instant(const struct json *steps)
{
    int64_t at = 0;
    for (size_t i = 0; i < json_array_size(steps); i++) {
        if (instant_read(json_str(json_at(json_at(json_array_get(steps, i), "event"), "time")),
                         &at)) {
            return at;
        }
    }
    const bool is_read = instant_read(STR("2026-01-01T00:00:00Z"), &at);
    ensure(is_read);
    return at;
}

static enum err run_test(struct trial *t, const struct json *test, struct str pointer)
{
    const struct json *steps = json_at(test, "steps");
    t->now = first_instant(steps);
    t->pointer = pointer;
    fill_pools(t);
    try(open_member(t, json_at(test, "member")));
    for (size_t i = 0; i < json_array_size(steps); i++) {
        t->pointer = str_fmt(t->arena, "%.*s/steps/%zu", STR_ARG(pointer), i);
        enum err err = run_step(t, json_array_get(steps, i));
        if (err != ERR_OK && t->f->items_n == 0) {
            err = fail_at(t->f, ERR_TESTS_FAILED, t->pointer, "This step cannot be decided: %s.",
                          err_title(err));
        }
        try(err);
    }
    return ERR_OK;
}

enum err program_tests_run(struct arena *arena, const struct program *program,
                           const struct json *document, struct fail *f, size_t *run)
{
    const struct json *tests = json_at(document, "tests");
    const size_t before = f->items_n;
    *run = json_array_size(tests);
    for (size_t i = 0; i < json_array_size(tests); i++) {
        struct trial t = {.arena = arena, .program = program, .f = f};
        try(run_test(&t, json_array_get(tests, i), str_fmt(arena, "/tests/%zu", i)));
    }
    return f->items_n > before ? ERR_TESTS_FAILED : ERR_OK;
}

enum err program_tests_check(struct store *store, struct arena *arena, const struct json *document,
                             struct fail *f, const struct program **program, size_t *run)
{
    *run = 0;
    try(store_program_check(store, arena, document, f, program));
    return program_tests_run(arena, *program, document, f, run);
}
