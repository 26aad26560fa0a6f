/* Files of rows in, through the reader and a mapping. Nothing crashes, every row comes out once. */
#include "base/base.h"
#include "cli/import.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char MAP[] =
    "{\"format\":\"csv\",\"columns\":[\"a\",\"b\",\"c\",\"d\"],\"event\":{\"type\":\"purchase\","
    "\"source\":\"s\",\"subject\":\"ext:{b}\","
    "\"time\":\"2026-01-01T00:00:00Z\"},\"group_by\":\"a\",\"line\":{\"sku\":\"{b}\",\"quantity\":{"
    "\"column\":\"c\"},"
    "\"price\":{\"column\":\"d\",\"decimals\":2}},\"cancel\":{\"column\":\"a\",\"prefix\":\"C\"}}";

/* Keyed hashes need a vault; the mapper only ever sees this one. */
static struct vault *test_vault(struct arena *arena)
{
    struct fail f = {.arena = arena};
    struct vault *vault = NULL;
    const char *dir = str_fmt(arena, "/tmp/fuzz-csv-%d", (int)getpid()).p;
    const struct vault_config config = {
        .master_path = str_fmt(arena, "%s.key", dir).p,
        .keys_url = str_fmt(arena, "%s.db", dir),
    };
    const bool is_open = vault_process_harden() == ERR_OK &&
                         vault_master_create(config.master_path, &f) == ERR_OK &&
                         vault_init(&config, STR("fuzz"), 1, &f) == ERR_OK &&
                         vault_open(&config, STR("fuzz"), &f, &vault) == ERR_OK;
    ensure(is_open);
    (void)unlink(config.master_path);
    (void)unlink(config.keys_url.p);
    return vault;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct arena once;
    static struct vault *vault;
    static struct arena arena;
    if (vault == NULL) {
        arena_open(&once, (size_t)64 << 20);
        arena_open(&arena, (size_t)900 << 20);
        vault = test_vault(&once);
    }
    struct fail f = {.arena = &arena};
    const struct json *document = NULL;
    struct import_map *map = NULL;
    struct import_source *source = NULL;
    struct import_event *events = NULL;
    size_t events_n = 0;
    size_t events_max = 0;
    int64_t rows = 0;
    int64_t named = 0;
    const int fd = memfd_create("fuzz", 0);
    ensure(fd >= 0);
    const bool is_written = write(fd, data, n) == (ssize_t)n;
    ensure(is_written);
    enum err err = json_read(&arena, str_c(MAP), &f, &document);
    ensure(err == ERR_OK);
    err = import_map_read(&arena, document, vault, &f, &map);
    ensure(err == ERR_OK);
    err = import_source_open(str_fmt(&arena, "/proc/self/fd/%d", fd).p, &f, &source);
    ensure(err == ERR_OK);
    for (bool is_end = false; !is_end && err == ERR_OK;) {
        struct import_row row;
        err = import_source_next(source, IMPORT_CSV, &arena, &row, &is_end);
        if (err == ERR_OK) {
            rows += !is_end;
            err = import_map_row(map, &arena, is_end ? NULL : &row, &events, &events_n, &events_max,
                                 &f);
        }
    }
    for (size_t i = 0; i < events_n; i++) {
        named += (int64_t)events[i].numbers_n;
    }
    ensure(err != ERR_OK || named == rows);
    import_map_close(map);
    import_source_close(source);
    (void)close(fd);
    arena_reset(&arena);
    return 0;
}
