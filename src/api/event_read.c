/* The only place that knows the JSON of events. */
#include "base/base.h"
#include "api/event_read.h"

#include "api/event_read_internal.h"
#include "vault/code.h"

enum { STAY_NIGHTS_MAX = 1000, PAID_MONTHS_MAX = 120 };

/* ---- data by type ---- */

void event_read_attributes(struct work *w, const struct json *data, const struct place *at)
{
    const struct place here = {.parent = at, .name = "attributes"};
    const struct json *attributes = read_child(w->r, data, at, "attributes", READ_OPTIONAL);
    if (attributes == NULL || json_object_size(attributes) == 0) {
        return;
    }
    read_free(w->r, attributes, &here);
    w->event->data = json_object_of(w->r->arena, "attributes", attributes);
}

static void check_original(struct work *w, const struct place *at)
{
    const struct place id = {.parent = at, .name = "id"};
    const struct event *event = w->event;
    const bool is_same_source =
        event->original.source.n == 0 || str_eq(event->original.source, event->source);
    if (event->original.id.n > 0 && is_same_source &&
        str_eq(event->original.id, event->external_id)) {
        read_fault(w->r, ERR_INVALID, &id,
                   "This is the event's own id: name the purchase that it is about.");
    }
}

void event_read_original(struct work *w, const struct json *data, const struct place *at)
{
    static const char *const FIELDS[] = {"source", "id"};
    const struct place here = {.parent = at, .name = "original"};
    const struct json *original = read_child(w->r, data, at, "original", READ_REQUIRED);
    if (original != NULL && read_object(w->r, original, &here, FIELDS, ARRAY_N(FIELDS))) {
        read_text(w->r, original, &here, "source", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX,
                  &w->event->original.source);
        read_text(w->r, original, &here, "id", READ_REQUIRED, EVENT_TEXT_BYTES_MAX,
                  &w->event->original.id);
        check_original(w, &here);
    }
}

static void read_visit(struct work *w, const struct json *data, const struct place *at)
{
    static const char *const FIELDS[] = {"store", "channel", "attributes"};
    if (data == NULL || !read_object(w->r, data, at, FIELDS, ARRAY_N(FIELDS))) {
        return; // a visit needs no data
    }
    read_text(w->r, data, at, "store", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &w->event->store);
    read_text(w->r, data, at, "channel", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &w->event->channel);
    event_read_attributes(w, data, at);
}

static void read_date(struct work *w, const struct json *data, const struct place *at,
                      const char *name, int32_t *day)
{
    const struct place here = {.parent = at, .name = name};
    const struct json *value = json_at(data, name);
    *day = INT32_MIN;
    if (value != NULL && !day_read(json_str(value), day)) {
        read_fault(w->r, ERR_INVALID, &here, "A date is written as 2026-11-21.");
    }
}

/* A stay at a hotel: nights, and what the house says of them. */
static void read_stay(struct work *w, const struct json *data, const struct place *at)
{
    static const char *const FIELDS[] = {"nights", "check_in", "check_out", "room",
                                         "rate",   "store",    "channel",   "attributes"};
    const struct place out = {.parent = at, .name = "check_out"};
    int64_t nights = 0;
    struct str text;
    int32_t check_in = INT32_MIN;
    int32_t check_out = INT32_MIN;
    if (!read_object(w->r, data, at, FIELDS, ARRAY_N(FIELDS))) {
        return;
    }
    read_whole(w->r, data, at, "nights", READ_REQUIRED, 0, STAY_NIGHTS_MAX, &nights);
    read_date(w, data, at, "check_in", &check_in);
    read_date(w, data, at, "check_out", &check_out);
    read_text(w->r, data, at, "room", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &text);
    read_text(w->r, data, at, "rate", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &text);
    read_text(w->r, data, at, "store", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &w->event->store);
    read_text(w->r, data, at, "channel", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &w->event->channel);
    if (check_in != INT32_MIN && check_out != INT32_MIN && check_out < check_in) {
        read_fault(w->r, ERR_INVALID, &out, "Nobody checks out before they check in.");
    }
    event_read_attributes(w, data, at);
    w->event->data = data;
}

static void read_offer(struct work *w, const struct json *data, const struct place *at)
{
    static const char *const FIELDS[] = {"offer", "channel", "attributes"};
    struct str offer;
    if (!read_object(w->r, data, at, FIELDS, ARRAY_N(FIELDS))) {
        return;
    }
    read_text(w->r, data, at, "offer", READ_REQUIRED, SLUG_BYTES_MAX, &offer);
    read_text(w->r, data, at, "channel", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &w->event->channel);
    event_read_attributes(w, data, at);
    w->event->data = data;
}

static void read_contest(struct work *w, const struct json *data, const struct place *at)
{
    static const char *const FIELDS[] = {"contest", "channel", "attributes"};
    struct str contest;
    if (!read_object(w->r, data, at, FIELDS, ARRAY_N(FIELDS))) {
        return;
    }
    read_text(w->r, data, at, "contest", READ_REQUIRED, SLUG_BYTES_MAX, &contest);
    read_text(w->r, data, at, "channel", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &w->event->channel);
    event_read_attributes(w, data, at);
    w->event->data = data;
}

static void read_code(struct work *w, const struct json *data, const struct place *at)
{
    static const char *const FIELDS[] = {"code", "channel", "attributes"};
    struct str code;
    if (!read_object(w->r, data, at, FIELDS, ARRAY_N(FIELDS))) {
        return;
    }
    read_text(w->r, data, at, "code", READ_REQUIRED, CODE_BYTES_MAX, &code);
    read_text(w->r, data, at, "channel", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &w->event->channel);
    event_read_attributes(w, data, at);
    w->event->data = data;
}

static void read_referral(struct work *w, const struct json *data, const struct place *at)
{
    static const char *const FIELDS[] = {"code", "referral", "channel", "attributes"};
    struct str code;
    struct str slug;
    if (!read_object(w->r, data, at, FIELDS, ARRAY_N(FIELDS))) {
        return;
    }
    read_text(w->r, data, at, "code", READ_REQUIRED, CODE_BYTES_MAX, &code);
    read_text(w->r, data, at, "referral", READ_OPTIONAL, SLUG_BYTES_MAX, &slug);
    read_text(w->r, data, at, "channel", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &w->event->channel);
    event_read_attributes(w, data, at);
    w->event->data = data;
}

/* What goes on by the month: a plan where it starts or changes, a "start" where it starts, "months"
 * where it is paid. */
static void read_subscription(struct work *w, const struct json *data, const struct place *at)
{
    static const char *const FIELDS[] = {"subscription", "channel", "attributes", "plan", "start"};
    static const char *const PAID[] = {"subscription", "channel", "attributes", "months"};
    const bool starts = w->event->kind == EVENT_SUBSCRIPTION_STARTED;
    const bool changes = w->event->kind == EVENT_SUBSCRIPTION_CHANGED;
    const bool is_payment = w->event->kind == EVENT_SUBSCRIPTION_PAID;
    struct str text;
    int32_t start = INT32_MIN;
    int64_t months = 1;
    if (!read_object(w->r, data, at, is_payment ? PAID : FIELDS,
                     is_payment ? ARRAY_N(PAID)
                     : starts   ? 5
                     : changes  ? 4
                                : 3)) {
        return;
    }
    read_text(w->r, data, at, "subscription", READ_REQUIRED, EVENT_TEXT_BYTES_MAX, &text);
    read_text(w->r, data, at, "plan", changes ? READ_REQUIRED : READ_OPTIONAL, SLUG_BYTES_MAX,
              &text);
    read_date(w, data, at, "start", &start);
    read_whole(w->r, data, at, "months", READ_OPTIONAL, 1, PAID_MONTHS_MAX, &months);
    read_text(w->r, data, at, "channel", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &w->event->channel);
    event_read_attributes(w, data, at);
    w->event->data = data;
}

/* Answers are checked against the program's questions once it is known which program. */
static void read_answers(struct work *w, const struct json *data, const struct place *at)
{
    static const char *const QUIZ[] = {"quiz", "answers", "channel", "attributes"};
    static const char *const SURVEY[] = {"survey", "answers", "channel", "attributes"};
    const bool is_quiz = w->event->kind == EVENT_QUIZ_COMPLETED;
    struct str slug;
    if (!read_object(w->r, data, at, is_quiz ? QUIZ : SURVEY, ARRAY_N(QUIZ))) {
        return;
    }
    read_text(w->r, data, at, is_quiz ? "quiz" : "survey", READ_REQUIRED, SLUG_BYTES_MAX, &slug);
    (void)read_child(w->r, data, at, "answers", READ_REQUIRED); // noted as a fault where it is none
    read_text(w->r, data, at, "channel", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX, &w->event->channel);
    event_read_attributes(w, data, at);
    w->event->data = data;
}

static void read_custom(struct work *w, const struct json *data, const struct place *at)
{
    if (data != NULL && !json_is_object(data)) {
        read_fault(w->r, ERR_INVALID, at, "The data of an event is an object.");
        return;
    }
    if (data != NULL) {
        read_free(w->r, data, at);
    }
    w->event->data = data;
}

/* Kinds that nobody may post have no reader. */
static const struct {
    enum event_kind kind;
    void (*read)(struct work *w, const struct json *data, const struct place *at);
} READERS[] = {
    {EVENT_CUSTOM, read_custom},
    {EVENT_PURCHASE, event_read_purchase},
    {EVENT_PURCHASE_CHANGED, event_read_purchase_changed},
    {EVENT_PURCHASE_COMPLETED, event_read_order},
    {EVENT_PURCHASE_CANCELLED, event_read_order},
    {EVENT_REFUND, event_read_refund},
    {EVENT_VISIT, read_visit},
    {EVENT_STAY_COMPLETED, read_stay},
    {EVENT_OFFER_ACCEPTED, read_offer},
    {EVENT_CODE_ENTERED, read_code},
    {EVENT_CONTEST_ENTERED, read_contest},
    {EVENT_REFERRAL, read_referral},
    {EVENT_REVIEW_SUBMITTED, event_read_review},
    {EVENT_SUBSCRIPTION_STARTED, read_subscription},
    {EVENT_SUBSCRIPTION_CHANGED, read_subscription},
    {EVENT_SUBSCRIPTION_PAUSED, read_subscription},
    {EVENT_SUBSCRIPTION_RESUMED, read_subscription},
    {EVENT_SUBSCRIPTION_CANCELLED, read_subscription},
    {EVENT_SUBSCRIPTION_PAID, read_subscription},
    {EVENT_QUIZ_COMPLETED, read_answers},
    {EVENT_SURVEY_COMPLETED, read_answers},
};

static void read_data(struct work *w, const struct json *data, const struct place *at)
{
    for (size_t i = 0; i < ARRAY_N(READERS); i++) {
        if (READERS[i].kind == w->event->kind) {
            READERS[i].read(w, data, at);
        }
    }
}

/* ---- the envelope ---- */

/* Names of sources that the server's own events have. */
static bool is_reserved(struct str source)
{
    return str_starts(source, STR("loyald/")) || str_starts(source, STR("api/"));
}

static void check_specversion(struct reader *r, const struct json *json, const struct place *base)
{
    const struct place here = {.parent = base, .name = "specversion"};
    const struct place base64 = {.parent = base, .name = "data_base64"};
    const struct place type = {.parent = base, .name = "datacontenttype"};
    if (!str_eq(json_str(json_at(json, "specversion")), STR("1.0"))) {
        read_fault(r, ERR_INVALID, &here, "Events are CloudEvents of version \"1.0\".");
    }
    if (json_at(json, "data_base64") != NULL) {
        read_fault(r, ERR_INVALID, &base64, "Events carry JSON in \"data\".");
    }
    const struct json *media = json_at(json, "datacontenttype");
    if (media != NULL && !str_starts(json_str(media), STR("application/json"))) {
        read_fault(r, ERR_INVALID, &type, "Events carry application/json.");
    }
}

static void read_envelope(struct work *w, const struct json *json, const struct place *base)
{
    struct event *event = w->event;
    const struct place type = {.parent = base, .name = "type"};
    const struct place source = {.parent = base, .name = "source"};
    check_specversion(w->r, json, base);
    read_text(w->r, json, base, "id", READ_REQUIRED, EVENT_TEXT_BYTES_MAX, &event->external_id);
    read_text(w->r, json, base, "source", READ_REQUIRED, EVENT_TEXT_BYTES_MAX, &event->source);
    read_text(w->r, json, base, "type", READ_REQUIRED, EVENT_TEXT_BYTES_MAX, &event->type);
    read_text(w->r, json, base, "subject", READ_OPTIONAL, EVENT_TEXT_BYTES_MAX + 8,
              &event->subject);
    read_instant(w->r, json, base, "time", READ_REQUIRED, &event->time);
    event->kind = event_kind_of(event->type);
    if (!event_kind_is_public(event->kind)) {
        read_fault(w->r, ERR_UNKNOWN_TYPE, &type,
                   "Events of this type are made by the server itself.");
    }
    if (is_reserved(event->source)) {
        read_fault(w->r, ERR_INVALID, &source,
                   "Sources that begin with \"loyald/\" or \"api/\" are the server's own.");
    }
}

static void read_subject(struct work *w, const struct vault *vault, const struct place *base,
                         struct submission *out)
{
    const struct place here = {.parent = base, .name = "subject"};
    if (w->event->subject.n == 0) {
        if (w->event->kind != EVENT_PURCHASE) {
            read_fault(w->r, ERR_NO_SUBJECT, &here,
                       "Only a purchase may come without a subject: name the member.");
        }
        return;
    }
    struct fail f = {.arena = w->r->arena};
    if (vault == NULL) {
        return; // only read, and nobody's: the events of a program's tests
    }
    if (identifier_read(w->r->arena, vault, w->event->subject, &f, "", &out->subject) != ERR_OK) {
        read_fault(w->r, ERR_INVALID, &here, "%.*s", STR_ARG(f.items[0].detail));
    }
}

enum err event_read(struct arena *arena, const struct vault *vault, const struct json *json,
                    const struct place *base, struct fail *f, struct submission *out)
{
    struct reader r = {.arena = arena, .f = f};
    struct submission s = {.kind = SUBMIT_EVENT, .arena = arena};
    struct work w = {.r = &r, .event = &s.event};
    const struct place at = {.parent = base, .name = "data"};
    if (!json_is_object(json)) {
        read_fault(&r, ERR_INVALID, base, "An event is an object.");
        return read_done(&r);
    }
    const struct json *data = json_at(json, "data");
    read_envelope(&w, json, base);
    if (event_kind_is_public(s.event.kind)) {
        read_data(&w, data, &at);
        read_subject(&w, vault, base, &s);
    }
    try(read_done(&r));
    if (vault != NULL) {
        submission_hash(&s, vault, data);
    }
    *out = s;
    return ERR_OK;
}
