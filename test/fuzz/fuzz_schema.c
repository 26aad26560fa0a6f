/* Schemas in: {"schema", "value"}. Nothing crashes; a refusal says where. */
#include "base/base.h"
#include "core/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct arena arena;
    if (arena.bytes_max == 0) {
        arena_open(&arena, (size_t)256 << 20);
    }
    const struct json *json = NULL;
    const struct schema *schema = NULL;
    struct fail f = {.arena = &arena};
    if (json_read(&arena, (struct str){.p = (const char *)data, .n = n}, NULL, &json) == ERR_OK) {
        const struct json *definition = json_at(json, "schema");
        const struct json *value = json_at(json, "value");
        if (definition != NULL &&
            schema_compile(&arena, definition, STR("/schema"), &f, &schema) == ERR_OK) {
            ensure(f.items_n == 0);
            const enum err err =
                schema_check(schema, value != NULL ? value : json, STR("/value"), &f);
            ensure((err == ERR_OK) == (f.items_n == 0));
            ensure(f.items_n == 0 || str_starts(f.items[0].pointer, STR("/value")));
        }
    }
    arena_reset(&arena);
    return 0;
}
