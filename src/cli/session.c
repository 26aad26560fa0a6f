/* Opening and closing an instance for a command. */
#include "base/base.h"
#include "cli/session.h"

#include "base/log.h"

enum err cli_session_open(struct cli *cli, struct cli_session *out)
{
    struct cli_session session = {.cli = cli};
    log_level_set(LOG_WARN);
    enum err err = store_base_open(&cli->store, &cli->fail, &session.base);
    if (err == ERR_OK) {
        err =
            engine_open(&(struct engine_config){.base = session.base}, &cli->fail, &session.engine);
    }
    if (err == ERR_OK) {
        err = store_open(session.base, DB_READER, &cli->fail, &session.reader);
    }
    if (err != ERR_OK) {
        cli_session_close(&session);
        return err;
    }
    *out = session;
    return ERR_OK;
}

void cli_session_close(struct cli_session *session)
{
    store_close(session->reader);
    engine_close(session->engine);
    store_base_close(session->base);
    *session = (struct cli_session){0};
}

enum err cli_session_job(struct cli_session *session,
                         enum err (*job)(struct store *store, struct arena *arena, void *self),
                         void *self)
{
    struct ticket ticket = {.job = job, .job_self = self};
    return engine_run(session->engine, &ticket);
}

enum err cli_audit(struct store *store, struct arena *arena, const char *action, struct str object,
                   struct str after)
{
    struct instance instance;
    try(store_instance_read(store, arena, &instance));
    const struct audit_entry entry = {
        .actor = STR("cli"),
        .action = str_c(action),
        .object = object,
        .after = after,
        .at = store_now(&instance),
    };
    return store_audit_write(store, arena, &entry);
}
