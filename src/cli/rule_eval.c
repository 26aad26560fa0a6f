/* loyald rule eval: one JsonLogic rule a line. */
#include "base/base.h"
#include "cli/cli.h"

#include "core/rule.h"

enum {
    LINE_BYTES_MAX = 1024 * 1024,
    ARENA_BYTES_MAX = 256 * 1024 * 1024, // a line, its JSON, its rule and its result
};

static void error_write(struct buf *buf, const struct fail *f, enum err err)
{
    struct json_out w = json_out(buf);
    json_open(&w, '{');
    json_key(&w, "error");
    json_open(&w, '{');
    json_key(&w, "code");
    json_put_str(&w, str_c(err_code(err)));
    json_key(&w, "pointer");
    json_put_str(&w, f->items_n > 0 ? f->items[0].pointer : STR(""));
    json_key(&w, "detail");
    json_put_str(&w, f->items_n > 0 ? f->items[0].detail : str_c(err_title(err)));
    json_close(&w, '}');
    json_close(&w, '}');
}

static enum err line_eval(struct arena *arena, struct str line, struct fail *f, struct buf *buf)
{
    const struct json *json = NULL;
    try(json_read(arena, line, f, &json));
    const struct json *logic = json_at(json, "rule");
    if (logic == NULL) {
        return fail(f, ERR_INVALID, "/rule", "Each line is an object {\"rule\": …, \"data\": …}.");
    }
    const struct rule *rule = NULL;
    try(rule_compile(arena, logic, STR("/rule"), NULL, RULE_ANY, f, &rule));
    const struct value data = value_of_json(json_at(json, "data"), arena);
    const struct rule_env env = {.data = &data, .arena = arena};
    struct value result;
    rule_run(rule, &env, &result);
    struct json_out w = json_out(buf);
    json_open(&w, '{');
    json_key(&w, "result");
    value_write(&result, &w);
    json_close(&w, '}');
    return ERR_OK;
}

/* Answers one line; false when standard output is gone. */
static bool line_answer(struct arena *arena, struct str line)
{
    struct fail f = {.arena = arena};
    struct buf buf;
    buf_open(&buf, arena, LINE_BYTES_MAX * 8);
    enum err err = line_eval(arena, line, &f, &buf);
    if (err == ERR_OK && buf.is_full) {
        err =
            fail(&f, ERR_TOO_LARGE, "", "The result is larger than %d bytes.", LINE_BYTES_MAX * 8);
    }
    if (err != ERR_OK) {
        buf_open(&buf, arena, LINE_BYTES_MAX * 8);
        error_write(&buf, &f, err);
    }
    buf_char(&buf, '\n');
    return fwrite(buf.p, 1, buf.n, stdout) == buf.n && fflush(stdout) == 0;
}

int cli_rule_eval(int argc, char **argv)
{
    (void)argc; // takes no options
    (void)argv;
    struct arena arena;
    arena_open(&arena, ARENA_BYTES_MAX);
    char *text = NULL; // getline's own
    size_t room = 0;
    bool is_fine = true;
    for (ssize_t n = getline(&text, &room, stdin); n >= 0 && is_fine;
         n = getline(&text, &room, stdin)) {
        const struct str line = str_trim((struct str){.p = text, .n = (size_t)n});
        if (line.n > LINE_BYTES_MAX) {
            (void)fprintf(stderr, "loyald: a line is longer than %d bytes\n", LINE_BYTES_MAX);
            is_fine = false;
        } else if (line.n > 0) {
            is_fine = line_answer(&arena, line);
        }
        arena_reset(&arena);
    }
    free(text); // the one piece that is not the arena's: getline wants it from malloc
    arena_close(&arena);
    return is_fine && ferror(stdin) == 0 ? 0 : 1;
}
