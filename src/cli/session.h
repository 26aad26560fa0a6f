/* A command at work on an instance: its engine, and jobs that leave an audit row in the same
 * transaction.
 *
 * Owns:    store base, engine, reader.
 * Threads: main thread only.
 * Memory:  the cli's arena.
 * Errors:  noted in cli->fail.
 * Limits:  -
 */
#ifndef LOYALD_CLI_SESSION_H
#define LOYALD_CLI_SESSION_H

#include "cli/config.h"
#include "engine/engine.h"
#include "store/audit.h"

struct cli_session {
    struct cli *cli;
    struct store_base *base;
    struct engine *engine;
    struct store *reader;
};

enum err cli_session_open(struct cli *cli, struct cli_session *out) MUST_USE;
void cli_session_close(struct cli_session *session);

/* Runs a job on the lane: in one transaction, which commits when it returns ERR_OK. */
enum err cli_session_job(struct cli_session *session,
                         enum err (*job)(struct store *store, struct arena *arena, void *self),
                         void *self) MUST_USE;

/* An audit entry by the command line, inside a job, last. `after` is JSON text. */
enum err cli_audit(struct store *store, struct arena *arena, const char *action, struct str object,
                   struct str after) MUST_USE;

#endif
