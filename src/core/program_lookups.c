/* Compiling the program's sets and look-up tables. */
#include "base/base.h"
#include "core/program.h"

#include "core/program_internal.h"

static void compile_sets(struct compile *c, const struct json *document)
{
    const struct json *sets = json_at(document, "sets");
    struct program *p = c->program;
    struct text_set *list = arena_new(c->arena, struct text_set, json_object_size(sets));
    struct str name = {0};
    const struct json *items = NULL;
    json_object_foreach(sets, name, items)
    {
        text_set_make(c->arena, name, items, &list[p->sets_n++]);
    }
    p->sets = list;
}

static enum err compile_tables(struct compile *c, const struct json *document)
{
    const struct json *tables = json_at(document, "tables");
    struct program *p = c->program;
    struct table *list = arena_new(c->arena, struct table, json_object_size(tables));
    struct str name = {0};
    const struct json *json = NULL;
    json_object_foreach(tables, name, json)
    {
        const struct str pointer = pointer_key(c->arena, STR("/tables"), name);
        try(table_compile(c->arena, name, json, pointer, c->f, &list[p->tables_n++]));
    }
    p->tables = list;
    return ERR_OK;
}

enum err compile_lookups(struct compile *c, const struct json *document)
{
    compile_sets(c, document);
    return compile_tables(c, document);
}

const struct text_set *program_set(const struct program *program, struct str name)
{
    for (size_t i = 0; i < program->sets_n; i++) {
        if (str_eq(program->sets[i].name, name)) {
            return &program->sets[i];
        }
    }
    return NULL;
}

const struct table *program_table(const struct program *program, struct str name)
{
    for (size_t i = 0; i < program->tables_n; i++) {
        if (str_eq(program->tables[i].name, name)) {
            return &program->tables[i];
        }
    }
    return NULL;
}
