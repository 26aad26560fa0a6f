/* Compiling schemas. Recursion is bounded by DEPTH_MAX. */
#include "base/base.h"
#include "core/schema_internal.h"

enum { DEPTH_MAX = 64 };

struct compile {
    struct arena *arena;
    struct fail *f;
    const struct json *defs;   // "$defs" of the root, or NULL
    struct schema_node *named; // one per entry of defs, in its order
    size_t nodes_n;
    int depth;
};

static enum err node_compile(struct compile *c, const struct json *json, struct str pointer,
                             struct schema_node *node) MUST_USE;

static struct str below(struct compile *c, struct str pointer, struct str keyword)
{
    return pointer_key(c->arena, pointer, keyword);
}

static enum err refuse(struct compile *c, struct str pointer, const char *what)
{
    return fail_at(c->f, ERR_INVALID, pointer, "%s", what);
}

static enum err part_compile(struct compile *c, const struct json *json, struct str pointer,
                             const struct schema_node **out)
{
    struct schema_node *node = arena_new(c->arena, struct schema_node, 1);
    try(node_compile(c, json, pointer, node));
    *out = node;
    return ERR_OK;
}

static uint32_t type_bit(struct str name)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } TYPES[] = {
        {"null", SCHEMA_NULL},     {"boolean", SCHEMA_BOOLEAN}, {"integer", SCHEMA_INTEGER},
        {"number", SCHEMA_NUMBER}, {"string", SCHEMA_STRING},   {"array", SCHEMA_ARRAY},
        {"object", SCHEMA_OBJECT},
    };
    for (size_t i = 0; i < ARRAY_N(TYPES); i++) {
        if (str_eq(name, str_c(TYPES[i].name))) {
            return TYPES[i].bit;
        }
    }
    return 0;
}

static enum err types_compile(struct compile *c, const struct json *json, struct str pointer,
                              struct schema_node *node)
{
    const size_t n = json_is_array(json) ? json_array_size(json) : 1;
    for (size_t i = 0; i < n; i++) {
        const uint32_t bit =
            type_bit(json_str(json_is_array(json) ? json_array_get(json, i) : json));
        if (bit == 0) {
            return refuse(c, pointer,
                          "\"type\" is null, boolean, integer, number, string, array or object, or "
                          "a list of these.");
        }
        node->types |= bit;
    }
    return n > 0 ? ERR_OK : refuse(c, pointer, "\"type\" needs at least one type.");
}

static enum err properties_compile(struct compile *c, const struct json *json, struct str pointer,
                                   struct schema_node *node)
{
    if (!json_is_object(json)) {
        return refuse(c, pointer, "\"properties\" is an object of schemas.");
    }
    node->properties = arena_new(c->arena, struct schema_property, json_object_size(json));
    struct str key = {0};
    const struct json *value = NULL;
    json_object_foreach(json, key, value)
    {
        struct schema_property *property = &node->properties[node->properties_n];
        property->name = key;
        try(part_compile(c, value, below(c, pointer, key), &property->node));
        node->properties_n++;
    }
    return ERR_OK;
}

static enum err required_compile(struct compile *c, const struct json *json, struct str pointer,
                                 struct schema_node *node)
{
    for (size_t i = 0; i < json_array_size(json); i++) {
        if (!json_is_string(json_array_get(json, i))) {
            return refuse(c, pointer, "\"required\" is a list of names.");
        }
    }
    node->required = json;
    return json_is_array(json) ? ERR_OK : refuse(c, pointer, "\"required\" is a list of names.");
}

static enum err additional_compile(struct compile *c, const struct json *json, struct str pointer,
                                   struct schema_node *node)
{
    if (json_is_boolean(json)) {
        node->is_closed = json_is_false(json);
        return ERR_OK;
    }
    return part_compile(c, json, pointer, &node->additional);
}

static enum err names_compile(struct compile *c, const struct json *json, struct str pointer,
                              struct schema_node *node)
{
    const struct str format = json_str(json_at(json, "format"));
    if (json_object_size(json) != 1 || schema_format_text(format) == NULL) {
        return refuse(c, pointer, "\"propertyNames\" is {\"format\": …} with a known format.");
    }
    node->names_format = format;
    return ERR_OK;
}

static enum err choices_compile(struct compile *c, const struct json *json, struct str pointer,
                                struct schema_node *node)
{
    const size_t n = json_array_size(json);
    if (n == 0 || node->choices_n > 0) {
        return refuse(c, pointer,
                      "One of \"anyOf\" and \"oneOf\" with at least one schema is allowed.");
    }
    const struct schema_node **choices = arena_new(c->arena, const struct schema_node *, n);
    for (size_t i = 0; i < n; i++) {
        try(part_compile(c, json_array_get(json, i), pointer_index(c->arena, pointer, i),
                         &choices[i]));
    }
    node->choices = choices;
    node->choices_n = n;
    return ERR_OK;
}

static enum err ref_compile(struct compile *c, const struct json *json, struct str pointer,
                            struct schema_node *node)
{
    const struct str ref = json_str(json);
    struct str key = {0};
    const struct json *value = NULL;
    size_t i = 0;
    json_object_foreach(c->defs, key, value)
    {
        if (str_starts(ref, STR("#/$defs/")) && str_eq(str_after(ref, 8), key)) {
            node->target = &c->named[i];
            return ERR_OK;
        }
        i++;
    }
    return refuse(c, pointer,
                  "\"$ref\" is \"#/$defs/NAME\" with a NAME that the root's \"$defs\" has.");
}

static enum err values_compile(struct compile *c, const struct json *json, struct str pointer,
                               struct schema_node *node)
{
    node->values = json;
    return json_array_size(json) > 0
               ? ERR_OK
               : refuse(c, pointer, "\"enum\" is a list of at least one value.");
}

static enum err constant_compile(struct compile *c, const struct json *json, struct str pointer,
                                 struct schema_node *node)
{
    (void)c; // any value will do
    (void)pointer;
    node->constant = json;
    return ERR_OK;
}

static enum err items_compile(struct compile *c, const struct json *json, struct str pointer,
                              struct schema_node *node)
{
    return part_compile(c, json, pointer, &node->items);
}

static enum err format_compile(struct compile *c, const struct json *json, struct str pointer,
                               struct schema_node *node)
{
    node->format = json_str(json);
    return schema_format_text(node->format) != NULL
               ? ERR_OK
               : refuse(c, pointer, "This \"format\" is not known: docs/schema.md lists them.");
}

static enum err support_compile(struct compile *c, const struct json *json, struct str pointer,
                                struct schema_node *node)
{
    node->is_not_supported = json_is_true(json);
    return json_is_boolean(json) ? ERR_OK
                                 : refuse(c, pointer, "\"x-not-supported\" is true or false.");
}

/* Keywords that are schemas, lists or names. */
static const struct {
    const char *name;
    enum err (*compile)(struct compile *c, const struct json *json, struct str pointer,
                        struct schema_node *node);
} KEYWORDS[] = {
    {"type", types_compile},
    {"properties", properties_compile},
    {"required", required_compile},
    {"additionalProperties", additional_compile},
    {"propertyNames", names_compile},
    {"items", items_compile},
    {"enum", values_compile},
    {"const", constant_compile},
    {"format", format_compile},
    {"anyOf", choices_compile},
    {"oneOf", choices_compile},
    {"$ref", ref_compile},
    {"x-not-supported", support_compile},
};

static const char *const ANNOTATIONS[] = {"title",    "description", "default",
                                          "examples", "$comment",    "deprecated"};
static const char *const ROOT_ONLY[] = {"$schema", "$id", "$defs"};

static bool is_among(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Keywords that are a number: the field that takes it, or false when there is no such keyword. */
static bool number_keyword(struct schema_node *node, const char *name, double **real, bool **has,
                           int64_t **whole)
{
    const struct {
        const char *name;
        double *real;
        bool *has;
        int64_t *whole;
    } numbers[] = {
        {"minimum", &node->minimum, &node->has_minimum, NULL},
        {"maximum", &node->maximum, &node->has_maximum, NULL},
        {"exclusiveMinimum", &node->exclusive_minimum, &node->has_exclusive_minimum, NULL},
        {"exclusiveMaximum", &node->exclusive_maximum, &node->has_exclusive_maximum, NULL},
        {"minLength", NULL, NULL, &node->length_min},
        {"maxLength", NULL, NULL, &node->length_max},
        {"minItems", NULL, NULL, &node->items_min},
        {"maxItems", NULL, NULL, &node->items_max},
        {"minProperties", NULL, NULL, &node->properties_min},
        {"maxProperties", NULL, NULL, &node->properties_max},
    };
    for (size_t i = 0; i < ARRAY_N(numbers); i++) {
        if (strcmp(numbers[i].name, name) == 0) {
            *real = numbers[i].real;
            *has = numbers[i].has;
            *whole = numbers[i].whole;
            return true;
        }
    }
    return false;
}

static enum err number_compile(struct compile *c, const struct json *json, struct str pointer,
                               double *real, bool *has, int64_t *whole)
{
    if (whole != NULL) {
        if (!json_is_integer(json) || json_integer_value(json) < 0) {
            return refuse(c, pointer, "A whole number of at least 0 is needed.");
        }
        *whole = json_integer_value(json);
        return ERR_OK;
    }
    if (!json_is_number(json)) {
        return refuse(c, pointer, "A number is needed.");
    }
    *real = json_number_value(json);
    *has = true;
    return ERR_OK;
}

static enum err keyword_compile(struct compile *c, const char *name, const struct json *json,
                                struct str pointer, struct schema_node *node)
{
    double *real = NULL;
    bool *has = NULL;
    int64_t *whole = NULL;
    for (size_t i = 0; i < ARRAY_N(KEYWORDS); i++) {
        if (strcmp(KEYWORDS[i].name, name) == 0) {
            node->is_one_of = node->is_one_of || strcmp(name, "oneOf") == 0;
            return KEYWORDS[i].compile(c, json, pointer, node);
        }
    }
    if (number_keyword(node, name, &real, &has, &whole)) {
        return number_compile(c, json, pointer, real, has, whole);
    }
    const bool is_root = c->depth == 1;
    if (is_among(name, ANNOTATIONS, ARRAY_N(ANNOTATIONS)) || strncmp(name, "x-", 2) == 0 ||
        (is_root && is_among(name, ROOT_ONLY, ARRAY_N(ROOT_ONLY)))) {
        return ERR_OK;
    }
    return fail_at(c->f, ERR_INVALID, pointer,
                   "The keyword \"%s\" is not supported here: docs/schema.md lists those that are.",
                   name);
}

static enum err node_compile(struct compile *c, const struct json *json, struct str pointer,
                             struct schema_node *node)
{
    *node = (struct schema_node){.length_max = -1, .items_max = -1, .properties_max = -1};
    if (json_is_boolean(json)) {
        node->is_never = json_is_false(json);
        return ERR_OK;
    }
    if (!json_is_object(json)) {
        return refuse(c, pointer, "A schema is an object.");
    }
    if (++c->nodes_n > SCHEMA_NODES_MAX || c->depth >= DEPTH_MAX) {
        return refuse(c, pointer, "The schema is too large or too deep.");
    }
    c->depth++;
    enum err err = ERR_OK;
    struct str key = {0};
    const struct json *value = NULL;
    json_object_foreach(json, key, value)
    {
        err = keyword_compile(c, key.p, value, below(c, pointer, key), node);
        if (err != ERR_OK) {
            break;
        }
    }
    c->depth--;
    return err;
}

static enum err defs_compile(struct compile *c, struct str pointer)
{
    const struct str at = below(c, pointer, STR("$defs"));
    if (c->defs != NULL && !json_is_object(c->defs)) {
        return refuse(c, at, "\"$defs\" is an object of schemas.");
    }
    const size_t n = json_object_size(c->defs);
    if (n > SCHEMA_NODES_MAX) {
        return refuse(c, at, "The schema is too large.");
    }
    c->named = arena_new(c->arena, struct schema_node, n);
    struct str key = {0};
    const struct json *value = NULL;
    size_t i = 0;
    c->depth = 1; // a definition is no root
    json_object_foreach(c->defs, key, value)
    {
        try(node_compile(c, value, below(c, at, key), &c->named[i++]));
    }
    c->depth = 0;
    return ERR_OK;
}

enum err schema_compile(struct arena *arena, const struct json *json, struct str pointer,
                        struct fail *f, const struct schema **out)
{
    ensure(json != NULL);
    struct compile c = {.arena = arena, .f = f, .defs = json_at(json, "$defs")};
    struct schema *schema = arena_new(arena, struct schema, 1);
    try(defs_compile(&c, pointer));
    try(part_compile(&c, json, pointer, &schema->root));
    ensure(c.depth == 0);
    *out = schema;
    return ERR_OK;
}
