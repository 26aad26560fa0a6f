/* Commands on an instance. */
#include "base/base.h"
#include "cli/command.h"

#include "base/log.h"

static enum err read_instance(struct desk *desk)
{
    struct cli *cli = desk->cli;
    try(store_instance_read(desk->store, &cli->arena, &desk->instance));
    desk->now = store_now(&desk->instance);
    return store_programs_refresh(desk->store, desk->instance.epoch);
}

enum err desk_open(struct desk *desk, struct cli *cli, enum db_role role)
{
    *desk = (struct desk){.cli = cli};
    log_level_set(LOG_WARN); // a command talks by itself
    try(store_base_open(&cli->store, &cli->fail, &desk->base));
    enum err err = store_open(desk->base, role, &cli->fail, &desk->store);
    if (err == ERR_OK) {
        err = read_instance(desk);
    }
    if (err != ERR_OK) {
        desk_close(desk);
    }
    return err;
}

void desk_close(struct desk *desk)
{
    store_close(desk->store);
    store_base_close(desk->base);
    desk->store = NULL;
    desk->base = NULL;
}

static enum err write_once(struct desk *desk, enum err (*work)(struct desk *desk, void *self),
                           void *self)
{
    struct db *db = store_db(desk->store);
    try(db_begin(db, DB_WRITE));
    enum err err = read_instance(desk);
    if (err == ERR_OK) {
        err = work(desk, self);
    }
    if (err == ERR_OK) {
        err = db_commit(db);
    }
    db_rollback(db); // nothing to do after a commit
    return err;
}

enum err desk_write(struct desk *desk, enum err (*work)(struct desk *desk, void *self), void *self)
{
    enum err err = ERR_RETRY;
    for (int run = 0; err == ERR_RETRY && run < COMMAND_RETRIES_MAX; run++) {
        err = write_once(desk, work, self);
    }
    return err;
}

enum err desk_audit(struct desk *desk, const char *action, struct str object, struct str before,
                    struct str after)
{
    const struct audit_entry entry = {
        .actor = STR("cli"),
        .action = str_c(action),
        .object = object,
        .before = before,
        .after = after,
        .at = desk->now,
    };
    return store_audit_write(desk->store, &desk->cli->arena, &entry);
}

int desk_print(const struct buf *buf)
{
    const bool is_written = !buf->is_full && fwrite(buf->p, 1, buf->n, stdout) == buf->n &&
                            fputc('\n', stdout) == '\n' && fflush(stdout) == 0;
    if (!is_written) {
        (void)fprintf(stderr, "loyald: standard output cannot be written\n");
    }
    return is_written ? 0 : 1;
}
