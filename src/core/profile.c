/* Profiles: JSON in, checks, JSON out. */
#include "base/base.h"
#include "core/profile.h"

#include "core/pan.h"
#include "core/schema.h"

enum { YEAR_MIN = 1900 };

/* Reading one document; faults are collected, the first one counts. */
struct reading {
    struct arena *arena;
    struct fail *f;
    enum err err;
    struct member_profile *out;
};

static void fault(struct reading *r, enum err err, struct str pointer, const char *text)
{
    const enum err noted = fail_at(r->f, err, pointer, "%s", text);
    r->err = r->err == ERR_OK ? noted : r->err;
}

void profile_open(struct member_profile *out)
{
    *out = (struct member_profile){.birth_on = INT32_MIN, .birth_entered_at = AT_MIN};
}

/* ---- texts ---- */

static bool is_printable(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool any_text(struct str s)
{
    (void)s; // what the reader checks anyway is enough
    return true;
}

static bool is_gender(struct str s)
{
    return s.n <= 32 && str_is_slug(s);
}

static bool is_country(struct str s)
{
    return schema_format_fits(STR("country"), s);
}

static bool is_language(struct str s)
{
    return schema_format_fits(STR("language"), s);
}

static bool is_timezone(struct str s)
{
    return schema_format_fits(STR("timezone"), s);
}

/* The fields that are plain texts. */
static const struct text_field {
    const char *name;
    size_t offset;
    bool is_free; // people write into it: no payment card numbers
    bool is_clear;
    bool (*fits)(struct str s);
    const char *looks;
} TEXTS[] = {
#define FIELD(name_) #name_, offsetof(struct member_profile, name_)
    {FIELD(external_id), false, false, any_text, ""},
    {FIELD(email), false, false, any_text, ""},
    {FIELD(phone), false, false, any_text, ""},
    {FIELD(card), false, false, any_text, ""},
    {FIELD(gender), false, true, is_gender, "a word such as female, male or other"},
    {FIELD(language), false, true, is_language, "a language tag such as en or pt-BR"},
    {FIELD(country), false, true, is_country, "an ISO 3166 code of two capitals, such as NL"},
    {FIELD(city), true, true, any_text, ""},
    {FIELD(timezone), false, false, is_timezone, "an IANA time zone such as Europe/Amsterdam"},
    {FIELD(given), true, false, any_text, ""},
    {FIELD(family), true, false, any_text, ""},
#undef FIELD
};

/* given and family stand inside "name". */
enum { NAME_FIELDS_N = 2, PLAIN_FIELDS_N = ARRAY_N(TEXTS) - NAME_FIELDS_N };

static struct str *text_of(struct member_profile *profile, const struct text_field *field)
{
    return (struct str *)(void *)((char *)profile + field->offset);
}

static struct str text_in(const struct member_profile *profile, const struct text_field *field)
{
    return *(const struct str *)(const void *)((const char *)profile + field->offset);
}

static void read_text(struct reading *r, const struct json *value, struct str pointer,
                      const struct text_field *field)
{
    if (json_is_null(value)) {
        *text_of(r->out, field) = (struct str){0};
        return;
    }
    const struct str text = str_trim(json_str(value));
    if (!json_is_string(value)) {
        fault(r, ERR_INVALID, pointer, "This is a text.");
    } else if (text.n == 0 || text.n > PROFILE_TEXT_BYTES_MAX || !is_printable(text)) {
        fault(r, ERR_INVALID, pointer,
              "This is 1 to 254 bytes of printable text: use null to take it away.");
    } else if (!field->fits(text)) {
        fault(r, ERR_INVALID, pointer, str_fmt(r->arena, "This is %s.", field->looks).p);
    } else if (field->is_free && pan_is_in(text)) {
        fault(r, ERR_INVALID, pointer,
              "This looks like a payment card number: those must not be stored here.");
    } else {
        *text_of(r->out, field) = text;
    }
}

static const struct text_field *text_named(struct str name, size_t from, size_t until)
{
    for (size_t i = from; i < until; i++) {
        if (str_eq(str_c(TEXTS[i].name), name)) {
            return &TEXTS[i];
        }
    }
    return NULL;
}

static void read_name(struct reading *r, const struct json *value, struct str pointer)
{
    struct str key = {0};
    const struct json *part = NULL;
    if (json_is_null(value)) {
        r->out->given = r->out->family = (struct str){0};
        return;
    }
    if (!json_is_object(value)) {
        fault(r, ERR_INVALID, pointer, "A name is an object {\"given\", \"family\"}.");
        return;
    }
    json_object_foreach(value, key, part)
    {
        const struct text_field *field = text_named(key, PLAIN_FIELDS_N, ARRAY_N(TEXTS));
        const struct str at = pointer_key(r->arena, pointer, key);
        if (field == NULL) {
            fault(r, ERR_UNKNOWN_FIELD, at, "A name has \"given\" and \"family\".");
        } else {
            read_text(r, part, at, field);
        }
    }
}

static void read_birth(struct reading *r, const struct json *value, struct str pointer, int64_t now)
{
    int32_t day = INT32_MIN;
    const int32_t before = r->out->birth_on;
    if (json_is_null(value)) {
        r->out->birth_on = INT32_MIN;
    } else if (!json_is_string(value) || !day_read(json_str(value), &day) ||
               civil_of_day(day).year < YEAR_MIN || (int64_t)day * MS_PER_DAY > now) {
        fault(r, ERR_INVALID, pointer,
              "A birth date is a day since 1900 that is not in the future, as in 1990-12-31.");
    } else {
        r->out->birth_on = day;
    }
    if (r->out->birth_on != before) {
        r->out->birth_entered_at = now;
        r->out->birth_changes += before != INT32_MIN;
    }
}

/* ---- lists ---- */

static void read_tags(struct reading *r, const struct json *value, struct str pointer)
{
    const size_t n = json_array_size(value);
    if (!json_is_array(value) && !json_is_null(value)) {
        fault(r, ERR_INVALID, pointer, "Tags are a list of texts.");
        return;
    }
    if (n > PROFILE_TAGS_MAX) {
        fault(r, ERR_INVALID, pointer, "A member has at most 100 tags.");
        return;
    }
    r->out->tags = arena_new(r->arena, struct str, n);
    r->out->tags_n = 0;
    for (size_t i = 0; i < n; i++) {
        const struct str tag = json_str(json_array_get(value, i));
        bool is_known = false;
        if (!str_is_slug(tag)) {
            fault(r, ERR_INVALID, pointer_index(r->arena, pointer, i),
                  "A tag is 1 to 64 characters of a-z, 0-9 and -.");
        }
        for (size_t k = 0; k < r->out->tags_n; k++) {
            is_known |= str_eq(r->out->tags[k], tag);
        }
        if (!is_known) {
            r->out->tags[r->out->tags_n++] = tag;
        }
    }
}

static bool is_one_of(struct str text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(text, str_c(words[i]))) {
            return true;
        }
    }
    return false;
}

static struct consent *consent_of(struct member_profile *profile, struct str purpose,
                                  struct str channel)
{
    for (size_t i = 0; i < profile->consents_n; i++) {
        if (str_eq(profile->consents[i].purpose, purpose) &&
            str_eq(profile->consents[i].channel, channel)) {
            return &profile->consents[i];
        }
    }
    return NULL;
}

static void read_consent(struct reading *r, const struct json *value, struct str pointer,
                         int64_t now)
{
    static const char *const PURPOSES[] = {"marketing", "feedback"};
    static const char *const CHANNELS[] = {"email", "sms", "push", "webhook", "inbox"};
    static const char *const FIELDS[] = {"purpose", "channel", "granted", "at"};
    struct str key = {0};
    const struct json *part = NULL;
    if (!json_is_object(value)) {
        fault(r, ERR_INVALID, pointer,
              "A consent is an object {\"purpose\", \"channel\", \"granted\"}.");
        return;
    }
    json_object_foreach(value, key, part)
    {
        if (!is_one_of(key, FIELDS, ARRAY_N(FIELDS))) {
            fault(r, ERR_UNKNOWN_FIELD, pointer_key(r->arena, pointer, key),
                  "A consent has \"purpose\", \"channel\" and \"granted\".");
        }
    }
    const struct str purpose = json_str(json_at(value, "purpose"));
    const struct str channel = json_str(json_at(value, "channel"));
    const struct json *granted = json_at(value, "granted");
    const struct json *at = json_at(value, "at");
    if (!is_one_of(purpose, PURPOSES, ARRAY_N(PURPOSES))) {
        fault(r, ERR_INVALID, pointer_key(r->arena, pointer, STR("purpose")),
              "A purpose is marketing or feedback.");
    } else if (!is_one_of(channel, CHANNELS, ARRAY_N(CHANNELS))) {
        fault(r, ERR_INVALID, pointer_key(r->arena, pointer, STR("channel")),
              "A channel is email, sms, push, webhook or inbox.");
    } else if (!json_is_boolean(granted)) {
        fault(r, ERR_INVALID, pointer_key(r->arena, pointer, STR("granted")),
              "This is true or false.");
    } else {
        struct consent *consent = consent_of(r->out, purpose, channel);
        int64_t when = now;
        if (consent == NULL) {
            ensure(r->out->consents_n < PROFILE_CONSENTS_MAX);
            consent = &r->out->consents[r->out->consents_n++];
            *consent = (struct consent){
                .purpose = purpose, .channel = channel, .is_granted = !json_is_true(granted)};
        }
        if (at != NULL && (!instant_read(json_str(at), &when) || when > now)) {
            fault(r, ERR_INVALID, pointer_key(r->arena, pointer, STR("at")),
                  "This is an instant that has been.");
        }
        consent->at = consent->is_granted == json_is_true(granted) ? consent->at : when;
        consent->is_granted = json_is_true(granted);
    }
}

static void read_consents(struct reading *r, const struct json *value, struct str pointer,
                          int64_t now)
{
    // All purposes on all channels are ten: the room below is never short.
    struct consent *merged = arena_new(r->arena, struct consent, PROFILE_CONSENTS_MAX);
    if (!json_is_array(value) || json_array_size(value) > PROFILE_CONSENTS_MAX) {
        fault(r, ERR_INVALID, pointer,
              "Consents are a list of at most 50: each is withdrawn by \"granted\": false.");
        return;
    }
    if (r->out->consents_n > 0) {
        memcpy(merged, r->out->consents, r->out->consents_n * sizeof *merged);
    }
    r->out->consents = merged;
    for (size_t i = 0; i < json_array_size(value); i++) {
        read_consent(r, json_array_get(value, i), pointer_index(r->arena, pointer, i), now);
    }
}

static bool is_attribute_value(const struct json *value)
{
    return json_is_number(value) || json_is_boolean(value) ||
           (json_is_string(value) && json_str(value).n <= PROFILE_VALUE_BYTES_MAX);
}

static void read_attributes(struct reading *r, const struct json *value, struct str pointer)
{
    struct str key = {0};
    const struct json *item = NULL;
    if (json_is_null(value)) {
        r->out->attributes = NULL;
        return;
    }
    if (!json_is_object(value)) {
        fault(r, ERR_INVALID, pointer, "Attributes are an object of texts, numbers and booleans.");
        return;
    }
    struct json *merged = r->out->attributes ? json_object_copy(r->arena, r->out->attributes)
                                             : json_object_new(r->arena);
    size_t given_n = 0; // what is given stays, so more than a member has need not be merged
    json_object_foreach(value, key, item)
    {
        const struct str at = pointer_key(r->arena, pointer, key);
        if (!schema_format_fits(STR("name"), key)) {
            fault(r, ERR_INVALID, at,
                  "An attribute's name is 1 to 64 characters of a-z, 0-9 and _, beginning with a "
                  "letter.");
        } else if (json_is_null(item)) {
            json_remove(merged, key);
        } else if (!is_attribute_value(item)) {
            fault(r, ERR_INVALID, at,
                  "An attribute is a text of at most 1,000 bytes, a number or a boolean.");
        } else if (json_is_string(item) && pan_is_in(json_str(item))) {
            fault(r, ERR_INVALID, at,
                  "This looks like a payment card number: those must not be stored here.");
        } else if (++given_n <= PROFILE_ATTRIBUTES_MAX) {
            json_set(r->arena, merged, key.p, item);
        }
    }
    if (given_n > PROFILE_ATTRIBUTES_MAX || json_object_size(merged) > PROFILE_ATTRIBUTES_MAX) {
        fault(r, ERR_INVALID, pointer, "A member has at most 100 attributes.");
    }
    r->out->attributes = merged;
}

static bool is_named(const char *const *names, struct str name)
{
    for (; names != NULL && *names != NULL; names++) {
        if (str_eq(str_c(*names), name)) {
            return true;
        }
    }
    return false;
}

enum err profile_read(struct arena *arena, const struct json *json,
                      const struct member_profile *base, const char *const *also, int64_t now,
                      struct fail *f, struct member_profile *out)
{
    struct member_profile profile;
    struct reading r = {.arena = arena, .f = f, .out = &profile};
    struct str key = {0};
    const struct json *value = NULL;
    profile_open(&profile);
    if (base != NULL) {
        profile = *base;
    }
    if (!json_is_object(json)) {
        return fail(f, ERR_INVALID, "", "A member is a JSON object.");
    }
    json_object_foreach(json, key, value)
    {
        const struct text_field *field = text_named(key, 0, PLAIN_FIELDS_N);
        const struct str pointer = pointer_key(arena, (struct str){0}, key);
        if (field != NULL) {
            read_text(&r, value, pointer, field);
        } else if (str_eq(key, STR("name"))) {
            read_name(&r, value, pointer);
        } else if (str_eq(key, STR("birth_date"))) {
            read_birth(&r, value, pointer, now);
        } else if (str_eq(key, STR("attributes"))) {
            read_attributes(&r, value, pointer);
        } else if (str_eq(key, STR("tags"))) {
            read_tags(&r, value, pointer);
        } else if (str_eq(key, STR("consents"))) {
            read_consents(&r, value, pointer, now);
        } else if (!is_named(also, key)) {
            fault(&r, ERR_UNKNOWN_FIELD, pointer, "A member has no such field.");
        }
    }
    if (r.err == ERR_OK) {
        *out = profile;
    }
    return r.err;
}

/* ---- against the program ---- */

static bool attribute_fits(const struct attribute *declared, const struct json *value)
{
    int32_t day = 0;
    switch (declared->type) {
    case ATTRIBUTE_TEXT:
        return json_is_string(value);
    case ATTRIBUTE_NUMBER:
        return json_is_number(value);
    case ATTRIBUTE_DATE:
        return json_is_string(value) && day_read(json_str(value), &day);
    case ATTRIBUTE_BOOLEAN:
        return json_is_boolean(value);
    }
    return false;
}

static const char *attribute_text(enum attribute_type type)
{
    switch (type) {
    case ATTRIBUTE_TEXT:
        return "a text";
    case ATTRIBUTE_NUMBER:
        return "a number";
    case ATTRIBUTE_DATE:
        return "a date such as 2026-11-21";
    case ATTRIBUTE_BOOLEAN:
        return "true or false";
    }
    return "";
}

static const struct json *attribute_in(const struct member_profile *profile, struct str name)
{
    return profile->attributes == NULL ? NULL : json_find(profile->attributes, name);
}

static bool is_given(const struct member_profile *profile, struct str name)
{
    for (size_t i = 0; i < ARRAY_N(TEXTS); i++) {
        if (str_eq(name, str_c(TEXTS[i].name))) {
            return text_in(profile, &TEXTS[i]).n > 0;
        }
    }
    if (str_eq(name, STR("name"))) {
        return profile->given.n > 0 || profile->family.n > 0;
    }
    if (str_eq(name, STR("birth_date"))) {
        return profile->birth_on != INT32_MIN;
    }
    return attribute_in(profile, name) != NULL;
}

enum err profile_check(const struct program *program, const struct member_profile *profile,
                       struct fail *f)
{
    enum err err = ERR_OK;
    for (size_t i = 0; i < program->required_n; i++) {
        const struct str name = program->required[i];
        if (!is_given(profile, name)) {
            err = fail_at(f, ERR_INVALID, str_fmt(f->arena, "/%.*s", STR_ARG(name)),
                          "The program requires this field.");
        }
    }
    for (size_t i = 0; i < program->attributes_n; i++) {
        const struct attribute *declared = &program->attributes[i];
        const struct json *value = attribute_in(profile, declared->name);
        if (value != NULL && !attribute_fits(declared, value)) {
            err = fail_at(
                f, ERR_INVALID, str_fmt(f->arena, "/attributes/%.*s", STR_ARG(declared->name)),
                "The program declares this attribute as %s.", attribute_text(declared->type));
        }
    }
    return err;
}

/* ---- writing ---- */

static void put_text(struct json_out *w, const char *name, struct str text)
{
    json_key(w, name);
    if (text.n > 0) {
        json_put_str(w, text);
    } else {
        json_put_null(w);
    }
}

static void put_consents(struct json_out *w, const struct member_profile *profile)
{
    json_key(w, "consents");
    json_open(w, '[');
    for (size_t i = 0; i < profile->consents_n; i++) {
        const struct consent *consent = &profile->consents[i];
        json_open(w, '{');
        json_key(w, "purpose");
        json_put_str(w, consent->purpose);
        json_key(w, "channel");
        json_put_str(w, consent->channel);
        json_key(w, "granted");
        json_put_bool(w, consent->is_granted);
        json_key(w, "at");
        json_put_instant(w, consent->at);
        json_close(w, '}');
    }
    json_close(w, ']');
}

static void put_name(struct json_out *w, const struct member_profile *profile)
{
    json_key(w, "name");
    json_open(w, '{');
    put_text(w, "given", profile->given);
    put_text(w, "family", profile->family);
    json_close(w, '}');
}

void profile_write(struct json_out *w, const struct member_profile *profile)
{
    char day[DAY_BYTES + 1] = "";
    for (size_t i = 0; i < PLAIN_FIELDS_N; i++) {
        put_text(w, TEXTS[i].name, text_in(profile, &TEXTS[i]));
    }
    put_name(w, profile);
    if (profile->birth_on != INT32_MIN) {
        day_write(profile->birth_on, day);
    }
    put_text(w, "birth_date", str_c(day));
    json_key(w, "attributes");
    if (profile->attributes != NULL) {
        json_put_value(w, profile->attributes);
    } else {
        json_open(w, '{');
        json_close(w, '}');
    }
    json_key(w, "tags");
    json_open(w, '[');
    for (size_t i = 0; i < profile->tags_n; i++) {
        json_put_str(w, profile->tags[i]);
    }
    json_close(w, ']');
    put_consents(w, profile);
}

static bool is_segment_attribute(const struct program *program, struct str name)
{
    for (size_t i = 0; program != NULL && i < program->attributes_n; i++) {
        if (program->attributes[i].is_segment && str_eq(program->attributes[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* The attributes on one side of the line between clear and sealed. */
static void put_attributes(struct json_out *w, const struct program *program,
                           const struct member_profile *profile, bool clear)
{
    struct str key = {0};
    const struct json *value = NULL;
    json_open(w, '{');
    json_object_foreach(profile->attributes, key, value)
    {
        if (is_segment_attribute(program, key) == clear) {
            json_key_str(w, key);
            json_put_value(w, value);
        }
    }
    json_close(w, '}');
}

struct str profile_sealed_text(struct arena *arena, const struct program *program,
                               const struct member_profile *profile)
{
    struct buf buf;
    buf_open(&buf, arena, PROFILE_JSON_BYTES_MAX);
    struct json_out w = json_out(&buf);
    json_open(&w, '{');
    for (size_t i = 0; i < PLAIN_FIELDS_N; i++) {
        const struct str text = text_in(profile, &TEXTS[i]);
        if (!TEXTS[i].is_clear && text.n > 0) {
            json_key(&w, TEXTS[i].name);
            json_put_str(&w, text);
        }
    }
    if (profile->given.n > 0 || profile->family.n > 0) {
        put_name(&w, profile);
    }
    if (profile->attributes != NULL) {
        json_key(&w, "attributes");
        put_attributes(&w, program, profile, false);
    }
    if (profile->consents_n > 0) {
        put_consents(&w, profile);
    }
    json_close(&w, '}');
    ensure(!buf.is_full); // every field has its limit
    return buf_view(&buf);
}

enum err profile_sealed_read(struct arena *arena, struct str text, struct member_profile *out)
{
    const struct json *json = NULL;
    if (json_read(arena, text, NULL, &json) != ERR_OK ||
        profile_read(arena, json, NULL, NULL, AT_MAX, NULL, out) != ERR_OK) {
        return ERR_INTEGRITY;
    }
    return ERR_OK;
}

struct str profile_clear_attributes(struct arena *arena, const struct program *program,
                                    const struct member_profile *profile)
{
    struct buf buf;
    buf_open(&buf, arena, PROFILE_JSON_BYTES_MAX);
    struct json_out w = json_out(&buf);
    put_attributes(&w, program, profile, true);
    ensure(!buf.is_full);
    return buf_view(&buf);
}

struct str profile_clear_tags(struct arena *arena, const struct member_profile *profile)
{
    struct buf buf;
    buf_open(&buf, arena, PROFILE_JSON_BYTES_MAX);
    struct json_out w = json_out(&buf);
    json_open(&w, '[');
    for (size_t i = 0; i < profile->tags_n; i++) {
        json_put_str(&w, profile->tags[i]);
    }
    json_close(&w, ']');
    ensure(!buf.is_full);
    return buf_view(&buf);
}
