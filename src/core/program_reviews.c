/* Compiling reviews. */
#include "base/base.h"
#include "core/program.h"

#include "core/program_internal.h"

/* What a published review brings is a rule on the occasion of publishing. */
enum err compile_reviews(struct compile *c, const struct json *document)
{
    const struct json *json = json_at(document, "reviews");
    struct program *p = c->program;
    const struct section_rule rule = {
        .section = "review",
        .slug = STR("published"),
        .trigger = STR("review.published"),
        .pointer = STR("/reviews"),
    };
    if (json == NULL) {
        return ERR_OK;
    }
    p->reviews = (struct review_program){.is_there = true,
                                         .is_moderated = read_bool(json, "moderated", false)};
    try(compile_section_rule(c, json, &rule));
    for (size_t i = 0; i < p->rules_n; i++) {
        p->rules[i].heeds_refusal |= str_eq(p->rules[i].trigger, rule.trigger);
    }
    return ERR_OK;
}
