/* Events in: what is accepted is within every bound that deciding relies on, can be stored and read
 * back, and has the same fingerprint however its JSON is spelled. */
#include "base/base.h"
#include "api/event_read.h"

#include <unistd.h>

#include "base/num.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A vault of its own in a directory that the process leaves behind in /tmp. */
static struct vault *make_vault(struct arena *arena)
{
    char dir[] = "/tmp/loyald-fuzz-XXXXXX";
    struct vault *vault = NULL;
    struct fail f = {.arena = arena};
    ensure(mkdtemp(dir) != NULL);
    const struct vault_config config = {
        .master_path = str_z(arena, str_fmt(arena, "%s/master.key", dir)),
        .keys_url = str_fmt(arena, "%s/keys.db", dir),
    };
    ensure(vault_process_harden() == ERR_OK);
    ensure(vault_master_create(config.master_path, &f) == ERR_OK);
    ensure(vault_init(&config, STR("fuzz"), 1, &f) == ERR_OK);
    ensure(vault_open(&config, STR("fuzz"), &f, &vault) == ERR_OK);
    return vault;
}

static void check_bounds(const struct event *event)
{
    int64_t amount = 0;
    ensure(event_kind_is_public(event->kind));
    ensure(event->source.n > 0 && event->source.n <= EVENT_TEXT_BYTES_MAX);
    ensure(event->external_id.n > 0 && event->external_id.n <= EVENT_TEXT_BYTES_MAX);
    ensure(!str_starts(event->source, STR("api/")) && !str_starts(event->source, STR("loyald/")));
    ensure(event->amount >= 0 && event->amount <= WHOLE_MAX);
    for (size_t i = 0; i < event->lines_n; i++) {
        const struct line *line = &event->lines[i];
        ensure(line->amount >= 0 && line->tax >= 0 && line->tax <= line->amount);
        ensure(line->quantity_milli > 0 && line->quantity_milli <= WHOLE_MAX);
        ensure(whole_add(amount, line->amount, &amount));
    }
    for (size_t i = 0; i < event->payments_n; i++) {
        const bool is_points = str_eq(event->payments[i].method, STR("points"));
        ensure(event->payments[i].amount >= 0);
        ensure(is_points == (event->payments[i].wallet.n > 0));
        ensure(is_points == (event->payments[i].points > 0));
    }
}

static void check_stored(struct arena *arena, const struct event *event)
{
    struct buf clear;
    struct buf sealed;
    struct event again;
    buf_open(&clear, arena, 1 << 24);
    buf_open(&sealed, arena, 1 << 24);
    event_pack_clear(&clear, event);
    event_pack_sealed(&sealed, event);
    ensure(event_unpack(arena, event->time, buf_view(&clear), buf_view(&sealed), &again) == ERR_OK);
    ensure(again.kind == event->kind && again.amount == event->amount &&
           again.lines_n == event->lines_n);
    ensure(str_eq(again.external_id, event->external_id) && str_eq(again.subject, event->subject));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct arena arena;
    static struct arena lasting;
    static struct vault *vault;
    if (vault == NULL) {
        arena_open(&lasting, (size_t)1 << 24);
        arena_open(&arena, (size_t)512 << 20);
        vault = make_vault(&lasting);
    }
    struct fail f = {.arena = &arena};
    struct submission s;
    struct submission again;
    const struct json *json = NULL;
    if (json_read(&arena, (struct str){.p = (const char *)data, .n = n}, &f, &json) == ERR_OK) {
        if (event_read(&arena, vault, json, NULL, &f, &s) == ERR_OK) {
            struct buf text;
            check_bounds(&s.event);
            check_stored(&arena, &s.event);
            buf_open(&text, &arena, 1 << 24);
            json_write_canonical(&text, json);
            ensure(json_read(&arena, buf_view(&text), &f, &json) == ERR_OK);
            ensure(event_read(&arena, vault, json, NULL, &f, &again) == ERR_OK);
            ensure(memcmp(s.fingerprint, again.fingerprint, VAULT_FINGERPRINT_BYTES) == 0);
            ensure(memcmp(s.hash, again.hash, VAULT_HASH_BYTES) == 0);
        } else {
            ensure(f.items_n > 0 && f.err != ERR_OK);
        }
    }
    arena_reset(&arena);
    return 0;
}
