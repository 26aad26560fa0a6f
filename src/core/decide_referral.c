/* Referrals: naming an advocate, qualifying, what both sides get and what is taken back. */
#include "base/base.h"
#include "core/decide.h"

#include "core/decide_internal.h"
#include "core/reward.h"

static const char *const STATES[] = {"none", "named", "qualified", "rewarded", "revoked", "capped"};
_Static_assert(ARRAY_N(STATES) == REFERRAL_STATES_N, "one slug per state");

struct str referral_state_slug(enum referral_state state)
{
    ensure((size_t)state < ARRAY_N(STATES));
    return str_c(STATES[state]);
}

/* ---- telling the advocate ---- */

static void put_instant(struct json_out *w, const char *name, int64_t at)
{
    if (at != 0) {
        json_key(w, name);
        json_put_instant(w, at);
    }
}

/* Ids, a slug and instants: it is stored in clear. */
static struct str told(struct deciding *d)
{
    const struct referral *r = &d->out->state->referral;
    const struct referral_program *program = program_referral_by_symbol(d->program, r->definition);
    struct buf text;
    buf_open(&text, d->arena, RELAY_DATA_BYTES_MAX);
    struct json_out w = json_out(&text);
    json_open(&w, '{');
    json_key(&w, "referral");
    json_put_str(&w, program != NULL ? program->slug : STR(""));
    json_key(&w, "id");
    json_put_id(&w, "evt_", r->id);
    json_key(&w, "referee");
    json_put_id(&w, "mbr_", d->out->member);
    put_instant(&w, "named_at", r->named_at);
    put_instant(&w, "qualified_at", r->qualified_at);
    put_instant(&w, "held_until", r->held_until);
    put_instant(&w, "rewarded_at", r->rewarded_at);
    put_instant(&w, "revoked_at", r->revoked_at);
    json_close(&w, '}');
    ensure(!text.is_full);
    return buf_view(&text);
}

static size_t tell_advocate(struct deciding *d, enum event_kind kind, struct str original)
{
    const struct relay relay = {
        .member = d->out->state->referral.advocate,
        .kind = kind,
        .time = d->event->time,
        .data = told(d),
        .original = original,
    };
    return relay_add(d->arena, d->out, &relay);
}

/* ---- the referee ---- */

/* The effects come with the event itself: what follows from it is decided again with it when it is
 * refunded. */
static void reward_at_once(struct deciding *d, const struct referral_program *program,
                           struct about *about)
{
    struct referral *r = &d->out->state->referral;
    ensure(about->follows_n < FOLLOWS_MAX);
    about->follows[about->follows_n++] = (struct occasion){
        .type = STR("referral.rewarded"),
        .level = 1,
        .times = 1,
        .fields = {{.name = STR("referral"), .text = program->slug},
                   {.name = STR("side"), .text = STR("referee")},
                   {.name = STR("min_amount"), .is_number = true, .number = r->min_amount}},
        .fields_n = d->event->kind == EVENT_PURCHASE ? 3 : 2, // others are undone whole
    };
    r->state = REFERRAL_REWARDED;
    r->rewarded = d->booking.event;
    r->rewarded_at = d->event->time;
    r->rewarded_position = (int64_t)tell_advocate(d, EVENT_REFERRAL_REWARDED, (struct str){0});
}

static int64_t hold_end(const struct deciding *d, const struct referral_program *program)
{
    return zone_midnight(d->program->zone,
                         zone_day(d->program->zone, d->event->time) + program->hold_days + 1);
}

static void qualify(struct deciding *d, const struct referral_program *program, int64_t min_amount,
                    struct about *about)
{
    struct referral *r = &d->out->state->referral;
    r->state = REFERRAL_QUALIFIED;
    r->qualified_at = d->event->time;
    r->purchase = d->booking.event;
    r->min_amount = min_amount;
    if (program->hold_days == 0 && !d->event->is_placed) {
        reward_at_once(d, program, about);
        return;
    }
    r->held_until = d->event->is_placed
                        ? AT_NEVER
                        : hold_end(d, program); // who has only ordered has brought nothing yet
    (void)tell_advocate(d, EVENT_REFERRAL_QUALIFIED,
                        (struct str){0}); // nothing is undone by its place
}

static enum reason naming_refusal(const struct deciding *d, const struct referral_program *program)
{
    const struct state *state = d->out->state;
    const struct advocate_facts *named = &d->facts->advocate;
    if (program == NULL || named->member == 0) {
        return REASON_UNKNOWN_CODE;
    }
    if (state->referral.state != REFERRAL_NONE) {
        return REASON_ALREADY_REFERRED;
    }
    if (named->member == state->member || named->is_self) {
        return REASON_SELF_REFERRAL;
    }
    if (named->is_circular) {
        return REASON_CIRCULAR_REFERRAL;
    }
    return state_counter(state, d->program->standard.purchases, DAY_TOTAL) > 0 ? REASON_TOO_LATE
                                                                               : REASON_NONE;
}

void decide_referral_named(struct deciding *d, struct about *about)
{
    const struct str slug = json_str(json_at(d->event->data, "referral"));
    const struct referral_program *first =
        d->program->referrals_n > 0 ? &d->program->referrals[0] : NULL;
    const struct referral_program *program =
        slug.n > 0 ? program_referral(d->program, slug) : first;
    const enum reason reason = naming_refusal(d, program);
    if (reason != REASON_NONE) {
        (void)deciding_refuse(d, reason); // always ERR_OK
        return;
    }
    d->out->state->referral = (struct referral){
        .state = REFERRAL_NAMED,
        .definition = program->symbol,
        .id = d->booking.event,
        .advocate = d->facts->advocate.member,
        .named_at = d->event->time,
    };
    (void)tell_advocate(d, EVENT_REFERRAL_NAMED, (struct str){0});
    if (program->on_enrolment) {
        qualify(d, program, 0, about);
    }
}

/* Nothing was given yet, and nothing will be. */
static void call_off(struct deciding *d)
{
    struct referral *r = &d->out->state->referral;
    r->state = REFERRAL_REVOKED;
    r->revoked_at = d->event->time;
    (void)tell_advocate(d, EVENT_REFERRAL_REVOKED, (struct str){0});
}

/* Nobody refers themself: what both have was compared when the advocate was named, and may have
 * changed on either side since. It is compared again before anything is given; who is found so is
 * called off. */
static enum err call_off_self(struct deciding *d, bool *is_self)
{
    if (!d->facts->knows_likeness) {
        d->needs->likeness = true;
        return ERR_RETRY;
    }
    *is_self = d->facts->is_alike;
    if (*is_self) {
        call_off(d);
    }
    return ERR_OK;
}

enum err decide_referral_purchase(struct deciding *d, struct about *about)
{
    const struct referral *r = &d->out->state->referral;
    const struct referral_program *program = program_referral_by_symbol(d->program, r->definition);
    const int64_t min_amount =
        program != NULL ? int64_max(program->min_amount, 1) : 0; // what is free is no purchase
    bool is_self = false;
    if (r->state != REFERRAL_NAMED || program == NULL || program->on_enrolment ||
        d->event->amount < min_amount) {
        return ERR_OK;
    }
    try(call_off_self(d, &is_self));
    if (!is_self) {
        qualify(d, program, min_amount, about);
    }
    return ERR_OK;
}

enum err deciding_complete_referral(struct deciding *d, const struct purchase *purchase,
                                    struct about *about, bool *gives)
{
    struct referral *r = &d->out->state->referral;
    const struct referral_program *program = program_referral_by_symbol(d->program, r->definition);
    bool is_self = false;
    *gives = false;
    if (r->state != REFERRAL_QUALIFIED || r->purchase != purchase->id ||
        r->held_until != AT_NEVER || program == NULL) {
        return ERR_OK;
    }
    if (program->hold_days > 0) {
        r->held_until = hold_end(d, program);
        return ERR_OK;
    }
    try(call_off_self(d, &is_self));
    if (!is_self) {
        r->held_until = 0;
        reward_at_once(d, program, about);
        *gives = true;
    }
    return ERR_OK;
}

int64_t deciding_referral_due(const struct state *state)
{
    // What a suspended member waits for comes when they are resumed.
    return state->referral.state == REFERRAL_QUALIFIED && !state->is_suspended
               ? state->referral.held_until
               : AT_NEVER;
}

/* The end of the hold. */
enum err deciding_run_referral(struct deciding *d, struct event *event)
{
    struct referral *r = &d->out->state->referral;
    const struct referral_program *program = program_referral_by_symbol(d->now, r->definition);
    bool is_self = false;
    ensure(r->state == REFERRAL_QUALIFIED);
    const struct str slug = program != NULL ? program->slug : STR("retired");
    struct json *data = json_object_new(d->arena);
    json_set_text(d->arena, data, "referral", slug);
    json_set_text(d->arena, data, "side", STR("referee"));
    event->data = data;
    event->kind = EVENT_REFERRAL_REWARDED;
    try(call_off_self(d, &is_self));
    if (is_self) {
        return deciding_refuse(d, REASON_SELF_REFERRAL);
    }
    r->state = REFERRAL_REWARDED;
    r->rewarded = d->booking.event;
    r->rewarded_at = event->time;
    r->rewarded_position = (int64_t)tell_advocate(d, EVENT_REFERRAL_REWARDED, (struct str){0});
    return ERR_OK;
}

enum err deciding_revoke_referral(struct deciding *d, const struct purchase *purchase,
                                  const struct content *left)
{
    struct referral *r = &d->out->state->referral;
    const bool stands = r->state == REFERRAL_QUALIFIED || r->state == REFERRAL_REWARDED;
    struct str original = {0};
    if (!stands || r->purchase != purchase->id ||
        (!left->is_empty && left->amount >= r->min_amount)) {
        return ERR_OK;
    }
    if (r->state == REFERRAL_REWARDED) {
        original = relay_external_id(d->arena, EVENT_REFERRAL_REWARDED, r->rewarded,
                                     (size_t)r->rewarded_position);
    }
    if (r->state == REFERRAL_REWARDED &&
        r->rewarded != purchase->id) { // what came with the purchase went with it
        const struct purchase *given = deciding_purchase(d->facts, r->rewarded);
        if (given == NULL) {
            d->needs->purchase = r->rewarded;
            return ERR_RETRY;
        }
        if (reward_lacks(d->arena, d->facts, given, d->needs)) {
            return ERR_RETRY;
        }
        try(book_undone(&d->booking, d->facts, given, d->program));
    }
    r->state = REFERRAL_REVOKED;
    r->revoked_at = d->event->time;
    (void)tell_advocate(d, EVENT_REFERRAL_REVOKED, original);
    return ERR_OK;
}

void deciding_forget_referral(struct deciding *d)
{
    const struct referral *r = &d->out->state->referral;
    if (r->state == REFERRAL_NAMED || r->state == REFERRAL_QUALIFIED) {
        call_off(d);
    }
}

/* ---- the advocate ---- */

static int64_t instant_at(const struct json *data, const char *name)
{
    int64_t at = 0;
    return instant_read(json_str(json_at(data, name)), &at) ? at : 0;
}

/* The line of the list as the referee's side has told it; state NONE where the row of work is
 * damaged. */
static struct referral_note read_note(const struct deciding *d, enum referral_state state)
{
    const struct json *data = d->event->data;
    const struct referral_program *program =
        program_referral(d->program, json_str(json_at(data, "referral")));
    struct referral_note note = {
        .referral =
            {
                .state = state,
                .definition = program != NULL ? program->symbol : 0,
                .advocate = d->out->member,
                .named_at = instant_at(data, "named_at"),
                .qualified_at = instant_at(data, "qualified_at"),
                .held_until = instant_at(data, "held_until"),
                .rewarded_at = instant_at(data, "rewarded_at"),
                .revoked_at = instant_at(data, "revoked_at"),
            },
    };
    const bool has_ids = id_read("evt_", json_str(json_at(data, "id")), &note.referral.id) &&
                         id_read("mbr_", json_str(json_at(data, "referee")), &note.referee);
    if (!has_ids) {
        note.referral.state = REFERRAL_NONE;
    }
    return note;
}

static int32_t cap_day_of(const struct program *program, const struct referral_program *referral,
                          int64_t at)
{
    return period_first_day(referral->cap_period, zone_day(program->zone, at));
}

/* Whether the advocate has brought as many as count; where not, this one counts. */
static bool is_capped(struct deciding *d, const struct referral_program *referral)
{
    if (referral == NULL || referral->cap == 0) {
        return false;
    }
    const int32_t day = cap_day_of(d->program, referral, d->event->time);
    if (state_counter(d->out->state, referral->cap_symbol, day) >= referral->cap) {
        return true;
    }
    state_counter_add(d->arena, d->out->state, referral->cap_symbol, day, 1);
    return false;
}

void decide_referral_told(struct deciding *d, struct about *about)
{
    const enum event_kind kind = d->event->kind;
    struct referral_note note =
        read_note(d, kind == EVENT_REFERRAL_NAMED       ? REFERRAL_NAMED
                     : kind == EVENT_REFERRAL_QUALIFIED ? REFERRAL_QUALIFIED
                                                        : REFERRAL_REWARDED);
    const struct referral_program *program =
        program_referral_by_symbol(d->program, note.referral.definition);
    if (note.referral.state == REFERRAL_NONE) {
        program = NULL; // nothing is known of it, so nothing comes of it
    } else if (kind == EVENT_REFERRAL_REWARDED && is_capped(d, program)) {
        note.referral.state = REFERRAL_CAPPED;
    }
    about_text(about, "referral", program != NULL ? program->slug : STR(""));
    about_text(about, "side", STR("advocate"));
    about_text(about, "refused",
               note.referral.state == REFERRAL_CAPPED ? referral_state_slug(REFERRAL_CAPPED)
                                                      : STR(""));
    d->out->referral = note;
}

static bool was_refused(const struct purchase *given)
{
    const struct about *about = &given->inputs.about;
    for (size_t i = 0; i < about->fields_n; i++) {
        if (str_eq(about->fields[i].name, STR("refused")) && about->fields[i].text.n > 0) {
            return true;
        }
    }
    return false;
}

enum err decide_referral_revoked(struct deciding *d)
{
    const struct purchase *given = NULL;
    d->out->referral = read_note(d, REFERRAL_REVOKED);
    if (d->event->original.id.n == 0) {
        return ERR_OK; // it was held: nothing was given
    }
    ensure(d->facts->original_member == d->out->member);
    given = deciding_purchase(d->facts, d->facts->original);
    if (given == NULL) {
        d->needs->purchase = d->facts->original;
        return ERR_RETRY;
    }
    if (reward_lacks(d->arena, d->facts, given, d->needs)) {
        return ERR_RETRY;
    }
    if (given->outcome != OUTCOME_APPLIED) {
        return ERR_OK;
    }
    try(book_undone(&d->booking, d->facts, given, d->program));
    const struct referral_program *referral =
        program_referral_by_symbol(given->program, d->out->referral.referral.definition);
    if (referral != NULL && referral->cap > 0 && !was_refused(given)) {
        const int32_t day = cap_day_of(given->program, referral, given->content.time);
        state_counter_add(d->arena, d->out->state, referral->cap_symbol, day,
                          -1); // freed room counts from now on
    }
    d->undone = given;
    return ERR_OK;
}
