/* Checking values against compiled schemas. Recursion is bounded by the depth of the value and by
 * steps. */
#include "base/base.h"
#include "core/schema_internal.h"

#include "base/num.h"

enum {
    DEPTH_MAX = 256,             // schemas within schemas at one check, references included
    LISTED_BYTES_MAX = 300,      // of the allowed values that a message lists
    FORMAT_SHOWN_BYTES_MAX = 64, // of a text without its format that a message repeats
};

struct check {
    struct fail *f; // NULL: only whether it fits is wanted
    enum err err;   // the first failure
    size_t steps_left;
    int depth;
};

/* Where a value stands: built only when something is wrong, so that checking a good value allocates
 * nothing. */
struct place {
    const struct place *up; // NULL: the root
    struct str base;        // of the root
    struct str name;        // of a field; name.p NULL: an item
    size_t index;
};

static void node_check(struct check *c, const struct schema_node *node, const struct json *value,
                       const struct place *place);

static struct str pointer_of(const struct place *place, struct arena *arena)
{
    if (place->up == NULL) {
        return place->base;
    }
    const struct str up = pointer_of(place->up, arena); // as deep as the value
    return place->name.p != NULL ? pointer_key(arena, up, place->name)
                                 : pointer_index(arena, up, place->index);
}

static void note(struct check *c, enum err err, const struct place *place, const char *fmt, ...)
    PRINTF(4, 5);

static void note(struct check *c, enum err err, const struct place *place, const char *fmt, ...)
{
    c->err = c->err == ERR_OK ? err : c->err;
    if (c->f == NULL) {
        return;
    }
    char text[600];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args); // a longer text is cut
    va_end(args);
    const enum err noted = fail_at(c->f, err, pointer_of(place, c->f->arena), "%s", text);
    ensure(noted == err);
}

static uint32_t types_of(const struct json *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return SCHEMA_OBJECT;
    case JSON_ARRAY:
        return SCHEMA_ARRAY;
    case JSON_STRING:
        return SCHEMA_STRING;
    case JSON_INTEGER:
        return SCHEMA_INTEGER | SCHEMA_NUMBER;
    case JSON_REAL:
        return SCHEMA_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE:
        return SCHEMA_BOOLEAN;
    case JSON_NULL:
        return SCHEMA_NULL;
    }
    return 0;
}

static void beyond_note(struct check *c, const struct place *place)
{
    note(c, ERR_OVERFLOW, place, "This number is beyond 9007199254740991.");
}

static void types_note(struct check *c, const struct schema_node *node, const struct json *value,
                       const struct place *place)
{
    static const struct {
        uint32_t bit;
        const char *text;
    } TYPES[] = {
        {SCHEMA_OBJECT, "an object"}, {SCHEMA_ARRAY, "a list"},
        {SCHEMA_STRING, "a text"},    {SCHEMA_INTEGER, "a whole number"},
        {SCHEMA_NUMBER, "a number"},  {SCHEMA_BOOLEAN, "true or false"},
        {SCHEMA_NULL, "null"},
    };
    if ((node->types & SCHEMA_INTEGER) != 0 && json_is_beyond_whole(value)) {
        beyond_note(c, place);
        return;
    }
    char wanted[200] = "";
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_N(TYPES); i++) {
        if ((node->types & TYPES[i].bit) != 0) {
            n += (size_t)snprintf(wanted + n, sizeof wanted - n, "%s%s", n > 0 ? " or " : "",
                                  TYPES[i].text);
        }
    }
    note(c, ERR_INVALID, place, "This must be %s, but is %s.", wanted, json_kind_text(value));
}

static void number_check(struct check *c, const struct schema_node *node, const struct json *value,
                         const struct place *place)
{
    const double number = json_number_value(value);
    if (json_is_integer(value) && json_is_beyond_whole(value)) {
        beyond_note(c, place);
        return;
    }
    if (node->has_minimum && number < node->minimum) {
        note(c, ERR_INVALID, place, "This must be at least %.15g.", node->minimum);
    } else if (node->has_maximum && number > node->maximum) {
        note(c, ERR_INVALID, place, "This must be at most %.15g.", node->maximum);
    } else if (node->has_exclusive_minimum && number <= node->exclusive_minimum) {
        note(c, ERR_INVALID, place, "This must be more than %.15g.", node->exclusive_minimum);
    } else if (node->has_exclusive_maximum && number >= node->exclusive_maximum) {
        note(c, ERR_INVALID, place, "This must be less than %.15g.", node->exclusive_maximum);
    }
}

/* A short text is said again: the fault may be one letter. */
static void format_note(struct check *c, const struct schema_node *node, struct str text,
                        const struct place *place)
{
    const char *looks = schema_format_text(node->format);
    if (text.n > 0 && text.n <= FORMAT_SHOWN_BYTES_MAX) {
        note(c, ERR_INVALID, place, "This must be %s, not \"%.*s\".", looks, STR_ARG(text));
    } else {
        note(c, ERR_INVALID, place, "This must be %s.", looks);
    }
}

static void text_check(struct check *c, const struct schema_node *node, const struct json *value,
                       const struct place *place)
{
    const struct str text = json_str(value);
    const int64_t length =
        node->length_min > 0 || node->length_max >= 0 ? (int64_t)str_characters(text) : 0;
    if (length < node->length_min) {
        note(c, ERR_INVALID, place,
             node->length_min == 1 ? "This must not be empty."
                                   : "This must have at least %" PRId64 " characters.",
             node->length_min);
    } else if (node->length_max >= 0 && length > node->length_max) {
        note(c, ERR_INVALID, place, "This must have at most %" PRId64 " characters.",
             node->length_max);
    } else if (node->format.n > 0 && !schema_format_fits(node->format, text)) {
        format_note(c, node, text, place);
    }
}

static void array_check(struct check *c, const struct schema_node *node, const struct json *value,
                        const struct place *place)
{
    const int64_t n = (int64_t)json_array_size(value);
    if (n < node->items_min) {
        note(c, ERR_INVALID, place, "This list must have at least %" PRId64 " item%s.",
             node->items_min, node->items_min == 1 ? "" : "s");
    } else if (node->items_max >= 0 && n > node->items_max) {
        note(c, ERR_INVALID, place, "This list must have at most %" PRId64 " item%s.",
             node->items_max, node->items_max == 1 ? "" : "s");
        return;
    }
    for (size_t i = 0; node->items != NULL && i < (size_t)n; i++) {
        const struct place item = {.up = place, .index = i};
        node_check(c, node->items, json_array_get(value, i), &item);
    }
}

static const struct schema_property *property_find(const struct schema_node *node, struct str name)
{
    for (size_t i = 0; i < node->properties_n; i++) {
        if (str_eq(node->properties[i].name, name)) {
            return &node->properties[i];
        }
    }
    return NULL;
}

static void field_check(struct check *c, const struct schema_node *node, struct str name,
                        const struct json *value, const struct place *place)
{
    const struct place field = {.up = place, .name = name};
    const struct schema_property *property = property_find(node, name);
    if (node->names_format.n > 0 && !schema_format_fits(node->names_format, name)) {
        note(c, ERR_INVALID, &field, "The name \"%.*s\" must be %s.", STR_ARG(name),
             schema_format_text(node->names_format));
    } else if (property != NULL) {
        node_check(c, property->node, value, &field);
    } else if (node->additional != NULL) {
        node_check(c, node->additional, value, &field);
    } else if (node->is_closed) {
        note(c, ERR_UNKNOWN_FIELD, &field, "There is no field \"%.*s\" here.", STR_ARG(name));
    }
}

static void object_check(struct check *c, const struct schema_node *node, const struct json *value,
                         const struct place *place)
{
    const int64_t n = (int64_t)json_object_size(value);
    if (n < node->properties_min) {
        note(c, ERR_INVALID, place, "This object must have at least %" PRId64 " field%s.",
             node->properties_min, node->properties_min == 1 ? "" : "s");
    } else if (node->properties_max >= 0 && n > node->properties_max) {
        note(c, ERR_INVALID, place, "This object must have at most %" PRId64 " field%s.",
             node->properties_max, node->properties_max == 1 ? "" : "s");
        return;
    }
    for (size_t i = 0; i < json_array_size(node->required); i++) {
        const struct str name = json_str(json_array_get(node->required, i));
        if (json_find(value, name) == NULL) {
            const struct place field = {.up = place, .name = name};
            note(c, ERR_INVALID, &field, "\"%.*s\" is missing.", STR_ARG(name));
        }
    }
    const bool is_open = !node->is_closed && node->properties_n == 0 && node->additional == NULL &&
                         node->names_format.n == 0;
    if (is_open) {
        return;
    }
    struct str key = {0};
    const struct json *field = NULL;
    json_object_foreach(value, key, field)
    {
        field_check(c, node, key, field, place);
    }
}

/* The schema behind references. */
static const struct schema_node *resolved(const struct schema_node *node)
{
    for (int i = 0; node->target != NULL && i < DEPTH_MAX; i++) {
        node = node->target;
    }
    return node;
}

/* The constant that a choice asks for: of the value itself (name empty) or of its field. */
static const struct json *choice_constant(const struct schema_node *choice, struct str name)
{
    const struct schema_node *node = resolved(choice);
    if (name.n > 0) {
        const struct schema_property *property = property_find(node, name);
        node = property != NULL ? resolved(property->node) : NULL;
    }
    return node != NULL && json_is_string(node->constant) ? node->constant : NULL;
}

/* Where all choices are told apart by the constant of one field (its name), or are constants
 * themselves (""). False when they are not. */
static bool choices_are_told_apart(const struct schema_node *node, struct str *name)
{
    *name = STR("");
    const struct schema_node *first = resolved(node->choices[0]);
    if (first->constant == NULL) {
        size_t i = 0;
        while (i < first->properties_n &&
               choice_constant(first, first->properties[i].name) == NULL) {
            i++;
        }
        if (i == first->properties_n) {
            return false;
        }
        *name = first->properties[i].name;
    }
    for (size_t i = 0; i < node->choices_n; i++) {
        if (choice_constant(node->choices[i], *name) == NULL) {
            return false;
        }
    }
    return true;
}

/* Chooses by the constant and checks that one, so that the faults named are those of what was
 * meant. */
static void told_choice_check(struct check *c, const struct schema_node *node, struct str name,
                              const struct json *value, const struct place *place)
{
    if (name.n > 0 && !json_is_object(value)) {
        note(c, ERR_INVALID, place, "This must be an object, but is %s.", json_kind_text(value));
        return;
    }
    const struct place field = {.up = place, .name = name};
    const struct place *at = name.n > 0 ? &field : place;
    const struct json *told = name.n > 0 ? json_find(value, name) : value;
    char listed[LISTED_BYTES_MAX] = "";
    size_t n = 0;
    for (size_t i = 0; i < node->choices_n; i++) {
        const struct str constant = json_str(choice_constant(node->choices[i], name));
        if (json_is_string(told) && str_eq(json_str(told), constant)) {
            node_check(c, node->choices[i], value, place);
            return;
        }
        if (n < sizeof listed) {
            n += (size_t)snprintf(listed + n, sizeof listed - n, "%s\"%.*s\"", i > 0 ? ", " : "",
                                  STR_ARG(constant));
        }
    }
    note(c, ERR_INVALID, at, "%s %s.",
         told == NULL ? "This is missing: it must be one of" : "This must be one of", listed);
}

static bool fits(struct check *c, const struct schema_node *node, const struct json *value)
{
    struct check quiet = {.steps_left = c->steps_left, .depth = c->depth};
    node_check(&quiet, node, value, NULL);
    c->steps_left = quiet.steps_left;
    return quiet.err == ERR_OK;
}

static void choices_check(struct check *c, const struct schema_node *node, const struct json *value,
                          const struct place *place)
{
    struct str name = {0};
    if (choices_are_told_apart(node, &name)) {
        told_choice_check(c, node, name, value, place);
        return;
    }
    size_t fits_n = 0;
    const struct schema_node *only = NULL; // the one choice whose type is the value's
    size_t typed_n = 0;
    for (size_t i = 0; i < node->choices_n; i++) {
        const uint32_t types = resolved(node->choices[i])->types;
        fits_n += fits(c, node->choices[i], value);
        if (types == 0 || (types & types_of(value)) != 0) {
            only = node->choices[i];
            typed_n++;
        }
    }
    if (fits_n == 0 && typed_n == 1) {
        node_check(c, only, value, place);
    } else if (fits_n == 0) {
        note(c, ERR_INVALID, place, "This fits none of the forms that are allowed here.");
    } else if (fits_n > 1 && node->is_one_of) {
        note(c, ERR_INVALID, place, "This fits more than one of the forms that are allowed here.");
    }
}

static void values_note(struct check *c, const struct schema_node *node, const struct place *place)
{
    char listed[LISTED_BYTES_MAX] = "";
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(node->values) && n < sizeof listed; i++) {
        const struct str text = json_str(json_array_get(node->values, i));
        n += (size_t)snprintf(listed + n, sizeof listed - n, "%s\"%.*s\"", i > 0 ? ", " : "",
                              STR_ARG(text));
    }
    const bool are_texts = json_is_string(json_array_get(node->values, 0));
    note(c, ERR_INVALID, place,
         are_texts ? "This must be one of %s." : "This is none of the allowed values.", listed);
}

static bool is_listed(const struct schema_node *node, const struct json *value)
{
    for (size_t i = 0; i < json_array_size(node->values); i++) {
        if (json_is_same(json_array_get(node->values, i), value)) {
            return true;
        }
    }
    return false;
}

/* An empty list or object asks for nothing, so it is no use of what is not supported. */
static bool is_empty(const struct json *value)
{
    return (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

static void value_check(struct check *c, const struct schema_node *node, const struct json *value,
                        const struct place *place)
{
    if (node->is_never) {
        note(c, ERR_INVALID, place, "Nothing is allowed here.");
        return;
    }
    if (node->types != 0 && (node->types & types_of(value)) == 0) {
        types_note(c, node, value, place);
        return;
    }
    if (node->constant != NULL && !json_is_same(node->constant, value)) {
        const struct str text = json_str(node->constant);
        note(c, ERR_INVALID, place,
             text.n > 0 ? "This must be \"%.*s\"." : "This is not the value that is expected here.",
             STR_ARG(text));
    }
    if (node->values != NULL && !is_listed(node, value)) {
        values_note(c, node, place);
        return;
    }
    if (json_is_number(value)) {
        number_check(c, node, value, place);
    } else if (json_is_string(value)) {
        text_check(c, node, value, place);
    } else if (json_is_array(value)) {
        array_check(c, node, value, place);
    } else if (json_is_object(value)) {
        object_check(c, node, value, place);
    }
}

static void node_check(struct check *c, const struct schema_node *node, const struct json *value,
                       const struct place *place)
{
    if (c->steps_left == 0 || c->depth >= DEPTH_MAX) {
        note(c, ERR_INVALID, place, "This is too large or too deep to be checked.");
        return;
    }
    c->steps_left--;
    if (node->is_not_supported && !is_empty(value)) {
        note(c, ERR_NOT_SUPPORTED, place, "This release does not support this yet: leave it out.");
        return;
    }
    c->depth++;
    value_check(c, node, value, place);
    if (node->target != NULL) {
        node_check(c, node->target, value, place);
    }
    if (node->choices_n > 0) {
        choices_check(c, node, value, place);
    }
    c->depth--;
}

enum err schema_check(const struct schema *schema, const struct json *value, struct str pointer,
                      struct fail *f)
{
    ensure(f != NULL);
    struct check c = {.f = f, .steps_left = SCHEMA_STEPS_MAX};
    const struct place root = {.base = pointer};
    node_check(&c, schema->root, value, &root);
    return c.err;
}
