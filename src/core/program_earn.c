/* Compiling points by formula and by table. */
#include "base/base.h"
#include "core/program.h"

#include "core/program_internal.h"

/* {"var": path} or {"var": [path, otherwise]}. */
static const struct json *variable(struct compile *c, struct str path, const struct json *otherwise)
{
    const struct json *name = json_text_new(c->arena, path);
    if (otherwise == NULL) {
        return json_object_of(c->arena, "var", name);
    }
    struct json *both = json_array_new(c->arena);
    json_append(c->arena, both, name);
    json_append(c->arena, both, otherwise);
    return json_object_of(c->arena, "var", both);
}

/* A key names a field of the line, where there is one, or of the event: "fare" is event.fare, or
 * else event.attributes.fare. A name with a dot is that of a variable. */
static const struct json *key_expression(struct compile *c, struct str key, enum scope scope,
                                         struct str trigger)
{
    static const char *const PLACES[] = {"line.", "event.", "event.attributes."};
    const struct json *found = NULL;
    if (str_find(key, '.', 0) < key.n) {
        return program_has_var(c, scope, trigger, key) ? variable(c, key, NULL) : NULL;
    }
    for (size_t i = ARRAY_N(PLACES); i-- > 0;) { // each is the default of the one before it
        const struct str path = str_fmt(c->arena, "%s%.*s", PLACES[i], STR_ARG(key));
        if (program_has_var(c, scope, trigger, path)) {
            found = variable(c, path, found);
        }
    }
    return found;
}

/* {"table": "fares"} says {"table": ["fares", key, …]}. */
static enum err compile_table_of(struct compile *c, const struct json *json, struct str pointer,
                                 const struct earning_rule *rule, struct effect *effect)
{
    const struct str at = pointer_key(c->arena, pointer, STR("table"));
    const struct str name = read_str(json, "table");
    const struct table *table = program_table(c->program, name);
    const enum scope scope = json_at(json, "lines") != NULL ? SCOPE_LINE : SCOPE_EVENT;
    if (table == NULL) {
        return fail_at(c->f, ERR_INVALID, at,
                       "There is no table \"%.*s\" in the program's \"tables\".", STR_ARG(name));
    }
    struct json *args = json_array_new(c->arena);
    json_append(c->arena, args, json_text_new(c->arena, name));
    struct str unknown = {0};
    for (size_t i = 0; i < table->keys_n; i++) {
        const struct json *key = key_expression(c, table->keys[i], scope, rule->trigger);
        if (key == NULL) {
            unknown = table->keys[i];
        } else {
            json_append(c->arena, args, key);
        }
    }
    const struct json *formula = json_object_of(c->arena, "table", args);
    if (unknown.n > 0) {
        return fail_at(c->f, ERR_INVALID, at,
                       "The key \"%.*s\" of the table is no variable of \"%.*s\": use a formula.",
                       STR_ARG(unknown), STR_ARG(rule->trigger));
    }
    // The formula stands nowhere in the document: its faults are told at the table's name.
    struct fail f = {.arena = c->arena};
    struct fail *of_document = c->f;
    c->f = &f;
    const enum err err = compile_formula(c, formula, at, scope, rule->trigger, &effect->formula);
    c->f = of_document;
    return err == ERR_OK ? ERR_OK : fail_at(c->f, err, at, "%.*s", STR_ARG(f.items[0].detail));
}

enum err compile_formula_of(struct compile *c, const struct json *json, struct str pointer,
                            const struct earning_rule *rule, struct effect *effect)
{
    static const char *const ROUNDS[] = {"down", "half_up", "up"};
    const struct json *formula = json_at(json, "formula");
    const struct json *table = json_at(json, "table");
    const int ways_n = (json_at(json, "points") != NULL) + (formula != NULL) + (table != NULL);
    const bool is_computed = formula != NULL || table != NULL;
    effect->round =
        (enum ratio_round)read_choice(read_str(json, "round"), ROUNDS, ARRAY_N(ROUNDS), RATIO_DOWN);
    if (ways_n != 1) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("points")),
                       "Give \"points\", a \"formula\" or a \"table\": exactly one of them.");
    }
    if (is_computed && effect->per_amount > 0) {
        return fail_at(
            c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("per_amount")),
            "\"per_amount\" goes with \"points\": a formula reads \"event.amount\" itself.");
    }
    if (!is_computed && effect->round != RATIO_DOWN) {
        return fail_at(c->f, ERR_INVALID, pointer_key(c->arena, pointer, STR("round")),
                       "Only points of a formula or table are rounded up: what per_amount leaves "
                       "over is carried on.");
    }
    if (table != NULL) {
        return compile_table_of(c, json, pointer, rule, effect);
    }
    return formula == NULL
               ? ERR_OK
               : compile_formula(c, formula, pointer_key(c->arena, pointer, STR("formula")),
                                 json_at(json, "lines") != NULL ? SCOPE_LINE : SCOPE_EVENT,
                                 rule->trigger, &effect->formula);
}
