/* What was due for a member, and what the clock waits for next. */
#include "base/base.h"
#include "engine/batch.h"

#include "engine/batch_internal.h"

#include "core/moment.h"
#include "core/profile.h"
#include "store/clock.h"

/* The member's own time zone: sealed with their profile, so it is opened only when something is to
 * be computed with it. */
enum err batch_supply_zone(struct batch *b, const struct member_facts *member, struct facts *facts)
{
    struct str name = {0};
    facts->knows_zone = true;
    if (!member->is_new) {
        try(store_member_timezone(b->store, b->arena, member->member, &name));
    }
    for (size_t i = 0; member->is_new && i < b->effects.enrolments_n; i++) {
        struct member_profile profile;
        if (b->effects.enrolments[i].member == member->member) {
            try(profile_sealed_read(b->arena, b->effects.enrolments[i].sealed_profile, &profile));
            name = profile.timezone;
        }
    }
    facts->zone = store_zone(b->store, name);
    return ERR_OK;
}

enum err batch_supply_opening(struct batch *b, const struct member_facts *member,
                              struct facts *facts, int64_t event)
{
    struct opening *openings = arena_new(b->arena, struct opening, facts->openings_n + 1);
    struct event_row row = {0};
    const struct event *opened = NULL;
    for (size_t i = 0; i < b->effects.events_n; i++) {
        const struct decision *decision = b->effects.events[i].decision;
        opened = decision->event_id == event ? &decision->event : opened;
    }
    if (opened == NULL) {
        try(store_events_read(b->store, b->arena, &member->member, &event, 1, &member->key, &row));
        opened = &row.event;
    }
    for (size_t i = 0; i < facts->openings_n; i++) {
        openings[i] = facts->openings[i];
    }
    openings[facts->openings_n++] =
        (struct opening){.event = event, .id = json_str(json_at(opened->data, "subscription"))};
    facts->openings = openings;
    return ERR_OK;
}

/* What is due comes first, in order, in the same batch. */
enum err batch_timers_run(struct batch *b, struct member_facts *member, int64_t until, bool *more)
{
    ensure(until <= b->now);
    *more = false;
    for (int i = 0; i < TIMERS_PER_EVENT_MAX; i++) {
        const int64_t due = state_next_due(member->state, b->program_now);
        if (due > until) {
            return ERR_OK;
        }
        const struct program *program = NULL;
        struct needs needs;
        struct decision *decision = arena_new(b->arena, struct decision, 1);
        b->timers_n++;
        try(store_program_at(b->store, due, &program));
        if (moments_forget(member->state, program, due)) {
            batch_mark_dirty(b, member); // the version that was in force then does not ask for it
            continue;
        }
        struct facts facts = {.state = member->state,
                              .profile = member->profile,
                              .shared = b->shared,
                              .shared_n = b->shared_n,
                              .booked_at = b->now,
                              .program_now = program};
        // Judged by the version in force when it was due; where that one sees nothing due yet, by
        // today's.
        if (state_next_due(member->state, program) > due) {
            facts.program_now = b->program_now;
        }
        enum err err = ERR_RETRY;
        for (int round = 0; err == ERR_RETRY && round < NEEDS_ROUNDS_MAX; round++) {
            if (state_next_due(member->state, facts.program_now) > due) {
                break; // loading the cold part showed that nothing is due then after all
            }
            batch_follow_ids(b, member);
            err = decide_timer(b->arena, &facts, store_ids(b->store), &needs, decision);
            if (err == ERR_RETRY) {
                try(batch_supply(b, member, &facts, &needs));
                batch_mark_dirty(b, member); // its bound of what is due among cold lots is rebuilt
            }
        }
        if (err == ERR_RETRY) {
            continue;
        }
        try(err);
        if (decision->is_silent) {
            decision->state->version = member->state->version;
            member->state = decision->state;
            batch_mark_dirty(b, member);
            continue;
        }
        try(batch_note_decision(b, member, decision, NULL, 0));
    }
    *more = true;
    return ERR_OK;
}

/* What the clock waits for, by the version in force now: what has run may have been judged by an
 * older one. */
enum err batch_arm(struct batch *b, struct member_facts *member)
{
    struct facts facts = {.state = member->state,
                          .profile = member->profile,
                          .booked_at = b->now,
                          .program_now = b->program_now};
    struct needs needs = {0};
    bool is_changed = false;
    enum err err =
        moments_arm(b->arena, b->program_now, &facts, false, member->state, &needs, &is_changed);
    if (err == ERR_RETRY) {
        try(batch_supply(b, member, &facts, &needs));
        err = moments_arm(b->arena, b->program_now, &facts, false, member->state, &needs,
                          &is_changed);
    }
    if (is_changed) {
        batch_mark_dirty(b, member);
    }
    return err;
}
