/* Every scenario of test/golden/, through the whole engine, on both databases. */
#include "base/base.h"

#include "engine/verify.h"
#include "scenario.h"

#include <glob.h>

static struct str read_file(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = arena_bytes(arena, 4 * 1024 * 1024);
    const size_t n = fread(text, 1, 4 * 1024 * 1024, file);
    assert_int_equal(fclose(file), 0);
    return (struct str){.p = text, .n = n};
}

struct golden {
    const char *path;
    size_t index;
};

/* Set before each test runs: cmocka has no room for it beside the database. */
static struct golden golden_now;

/* Whatever a scenario did, its books are sound afterwards. */
static void the_books_are_sound(struct scenario *s)
{
    struct verify_report *report = arena_new(&s->both->arena, struct verify_report, 1);
    report->arena = &s->both->arena;
    assert_ok(verify_run(s->reader, NULL, report));
    for (size_t i = 0; i < report->n; i++) {
        const struct violation *v = &report->list[i];
        print_error("%.*s: %.*s %.*s: %.*s\n", STR_ARG(s->name), STR_ARG(v->table), STR_ARG(v->row),
                    STR_ARG(v->detail));
    }
    assert_int_equal(report->violations, 0);
}

static void a_scenario_comes_out_as_written(void **state)
{
    struct both *both = *state;
    struct golden *g = &golden_now;
    const struct json *document = NULL;
    struct scenario s;
    assert_ok(json_read(&both->arena, read_file(&both->arena, g->path), &both->fail, &document));
    scenario_open(both, &s);
    scenario_run(&s, json_at(document, "program"),
                 json_array_get(json_at(document, "scenarios"), g->index));
    the_books_are_sound(&s);
    scenario_close(&s);
}

static size_t count_scenarios(const char *path)
{
    struct arena arena;
    const struct json *document = NULL;
    struct fail f = {.arena = &arena};
    arena_open(&arena, 64 * 1024 * 1024);
    const enum err err = json_read(&arena, read_file(&arena, path), &f, &document);
    if (err != ERR_OK) {
        print_error("%s: %.*s\n", path, STR_ARG(f.items[0].detail));
        exit(1);
    }
    const size_t n = json_array_size(json_at(document, "scenarios"));
    arena_close(&arena);
    return n;
}

int main(void)
{
    glob_t files;
    int failed = 0;
    log_level_set(LOG_ERROR);
    const char *only = getenv("GOLDEN"); // GOLDEN=refunds runs one file
    assert_int_equal(glob("test/golden/*.json", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        if (only != NULL && strstr(files.gl_pathv[i], only) == NULL) {
            continue;
        }
        const size_t n = count_scenarios(files.gl_pathv[i]);
        for (size_t k = 0; k < n; k++) {
            golden_now = (struct golden){.path = files.gl_pathv[i], .index = k};
            const struct CMUnitTest tests[] = {BOTH(a_scenario_comes_out_as_written)};
            failed += cmocka_run_group_tests_name(files.gl_pathv[i], tests, NULL, NULL) != 0;
        }
    }
    globfree(&files);
    return failed != 0;
}
