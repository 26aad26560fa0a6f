/* Program documents in. Nothing crashes; what is refused says where; what compiles decides a
 * purchase. */
#include "base/base.h"
#include "store/store.h"

#include "core/award.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void judge(struct arena *arena, const struct program *program)
{
    struct line line = {
        .sku = STR("A"), .category = STR("coffee"), .quantity_milli = 2000, .amount = 1000};
    const struct event event = {.kind = EVENT_PURCHASE,
                                .type = STR("purchase"),
                                .time = 1700000000000,
                                .amount = 1000,
                                .currency = STR("EUR"),
                                .lines = &line,
                                .lines_n = 1};
    struct inputs inputs;
    struct content content;
    struct award_list list;
    struct buf packed;
    struct inputs again;
    inputs_open(arena, program, &inputs);
    content_open(arena, &event, &content);
    const struct award_view view = {
        .program = program, .content = &content, .inputs = &inputs, .wants_explain = true};
    (void)!award_run(arena, &view, &list); // an overflow is an answer
    buf_open(&packed, arena, 1 << 20);
    inputs_pack(&packed, &inputs);
    const enum err err = inputs_unpack(arena, program, buf_view(&packed), &again);
    ensure(err == ERR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct arena arena;
    if (arena.bytes_max == 0) {
        arena_open(&arena, (size_t)512 << 20);
    }
    const struct json *json = NULL;
    const struct program *program = NULL;
    struct fail f = {.arena = &arena};
    if (json_read(&arena, (struct str){.p = (const char *)data, .n = n}, NULL, &json) == ERR_OK) {
        const enum err err = store_program_check(NULL, &arena, json, &f, &program);
        ensure((err == ERR_OK) == (f.items_n == 0));
        if (err == ERR_OK) {
            judge(&arena, program);
        }
    }
    arena_reset(&arena);
    return 0;
}
