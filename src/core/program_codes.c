/* Compiling redemption codes. */
#include "base/base.h"
#include "core/program.h"

#include "core/program_internal.h"

static enum err compile_one(struct compile *c, const struct json *json, struct str pointer,
                            struct redemption_code *code)
{
    const bool is_fixed = str_eq(read_str(json, "codes"), STR("fixed"));
    code->slug = read_str(json, "slug");
    code->symbol = take_symbol(c, "code", code->slug);
    code->member_symbol = take_symbol(c, "redeemed", code->slug);
    code->fixed = read_str(json, "code");
    code->uses = read_int(json, "uses", is_fixed ? 0 : 1);
    code->per_member = read_int(json, "per_member", is_fixed ? 1 : 0);
    if (is_fixed != (code->fixed.n > 0)) {
        return fail_at(c->f, ERR_INVALID, pointer,
                       "\"code\" is the code itself where \"codes\" is \"fixed\", and only there.");
    }
    c->program->has_shared |= is_fixed && code->uses > 0;
    try(compile_window(c, json_at(json, "window"), pointer, &code->window));
    const struct section_rule rule = {
        .section = "redemption_code",
        .slug = code->slug,
        .trigger = STR("code.entered"),
        .matches = {{.field = STR("redemption_code"), .value = code->slug}},
        .matches_n = 1,
        .pointer = pointer,
    };
    return compile_section_rule(c, json, &rule);
}

enum err compile_codes(struct compile *c, const struct json *document)
{
    const struct json *list = json_at(document, "redemption_codes");
    struct program *p = c->program;
    p->redemption_codes_n = json_array_size(list);
    if (p->redemption_codes_n > 0) {
        p->wrong_codes_symbol = take_symbol(c, "stat", STR("wrong_codes"));
    }
    p->redemption_codes = arena_new(c->arena, struct redemption_code, p->redemption_codes_n);
    for (size_t i = 0; i < p->redemption_codes_n; i++) {
        const struct str pointer = pointer_index(c->arena, STR("/redemption_codes"), i);
        try(check_unique(c, list, i, pointer));
        try(compile_one(c, json_array_get(list, i), pointer, &p->redemption_codes[i]));
    }
    return ERR_OK;
}
