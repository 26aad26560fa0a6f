/* The table of errors. */
#include "base/base.h"
#include "base/err.h"

static const struct {
    const char *code;
    int status;
    const char *title;
} ERRORS[] = {
#define ERR(name, code, status, title) {code, status, title},
#include "base/err.def"
#undef ERR
};
_Static_assert(ARRAY_N(ERRORS) == ERR_N, "one row per error");

const char *err_code(enum err err)
{
    ensure((size_t)err < ERR_N);
    return ERRORS[err].code;
}

int err_status(enum err err)
{
    ensure((size_t)err < ERR_N);
    return ERRORS[err].status;
}

const char *err_title(enum err err)
{
    ensure((size_t)err < ERR_N);
    return ERRORS[err].title;
}

static void fail_note(struct fail *f, enum err err, struct str pointer, const char *fmt,
                      va_list args)
{
    if (f->items_n == 0) {
        f->err = err;
    }
    if (f->items_n == FAIL_ITEMS_MAX) {
        return;
    }
    char text[1024];
    const int n = vsnprintf(text, sizeof text, fmt, args);
    const size_t kept = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    arena_room(f->arena, f->items, f->items_n, f->items_max);
    f->items[f->items_n++] = (struct fail_item){
        .err = err,
        .pointer = str_dup(f->arena, pointer),
        .detail = str_dup(f->arena, (struct str){.p = text, .n = kept}),
    };
}

enum err fail(struct fail *f, enum err err, const char *pointer, const char *fmt, ...)
{
    ensure(err != ERR_OK);
    if (f != NULL) {
        va_list args;
        va_start(args, fmt);
        fail_note(f, err, str_c(pointer), fmt, args);
        va_end(args);
    }
    return err;
}

enum err fail_at(struct fail *f, enum err err, struct str pointer, const char *fmt, ...)
{
    ensure(err != ERR_OK);
    if (f != NULL) {
        va_list args;
        va_start(args, fmt);
        fail_note(f, err, pointer, fmt, args);
        va_end(args);
    }
    return err;
}
