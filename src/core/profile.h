/* A member's profile: reading it from JSON with every check that needs no database, and writing it
 * again.
 *
 * The same JSON is the API's, and (less what is clear, domain.md 8) the text that is sealed in the
 * member's row.
 *
 * Owns:    nothing; strings and values are borrowed from the JSON they were read from.
 * Threads: one thread at a time.
 * Memory:  the arena given.
 * Errors:  every fault goes to the struct fail with its pointer; the first is returned.
 * Limits:  the constants below.
 */
#ifndef LOYALD_PROFILE_H
#define LOYALD_PROFILE_H

#include "core/decide.h"

enum {
    PROFILE_TEXT_BYTES_MAX = 254,   // identifiers, names, city
    PROFILE_VALUE_BYTES_MAX = 1000, // one attribute
    PROFILE_ATTRIBUTES_MAX = 100,
    PROFILE_TAGS_MAX = 100,
    PROFILE_CONSENTS_MAX = 50,
    PROFILE_JSON_BYTES_MAX = 512 * 1024,
};

/* A consent for one purpose on one channel; what is not listed is not granted. */
struct consent {
    struct str purpose; // marketing | feedback
    struct str channel; // email | sms | push | webhook | inbox
    bool is_granted;
    int64_t at; // when it was last given or withdrawn
};

/* Empty strings are fields that were not given. */
struct member_profile {
    struct str external_id, email, phone,
        card; // as sent; their normal forms are the vault's business
    struct str given, family;
    int32_t birth_on;         // INT32_MIN: unknown
    int64_t birth_entered_at; // when that date was entered; AT_MIN: not known
    int birth_changes;        // how often another date stood there before
    struct str gender, language, country, city, timezone;
    const struct json *attributes; // an object of texts, numbers and booleans; NULL: none
    struct str *tags;
    size_t tags_n;
    struct consent *consents;
    size_t consents_n;
};

/* No field given. */
void profile_open(struct member_profile *out);

/* Reads a profile from the body of an enrolment (`base` NULL) or of a PATCH over `base` (RFC 7396:
 * what is absent stays, null takes away; attributes are merged by name, consents by purpose and
 * channel, tags replaced). Unknown fields are faults, but for `also` (ends with NULL; may be NULL),
 * fields that the caller reads itself. `now` stamps consents and bounds the birth date. Payment
 * card numbers in free text are refused (security.md IN-8). */
enum err profile_read(struct arena *arena, const struct json *json,
                      const struct member_profile *base, const char *const *also, int64_t now,
                      struct fail *f, struct member_profile *out) MUST_USE;

/* What the program asks of a profile: required fields and the types of declared attributes. */
enum err profile_check(const struct program *program, const struct member_profile *profile,
                       struct fail *f) MUST_USE;

/* Writes the fields into an open object, all of them, as the API shows them. */
void profile_write(struct json_out *w, const struct member_profile *profile);

/* The text to be sealed: every field but those that stand in clear. */
struct str profile_sealed_text(struct arena *arena, const struct program *program,
                               const struct member_profile *profile);

/* Reads that text back. ERR_INTEGRITY for anything this file did not write. */
enum err profile_sealed_read(struct arena *arena, struct str text,
                             struct member_profile *out) MUST_USE;

/* The attributes that stand in clear (segment: true) as JSON text, an object; and the tags, an
 * array. */
struct str profile_clear_attributes(struct arena *arena, const struct program *program,
                                    const struct member_profile *profile);
struct str profile_clear_tags(struct arena *arena, const struct member_profile *profile);

#endif
