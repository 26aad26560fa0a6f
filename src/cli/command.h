/* What commands that work on an instance share: an open store, and a transaction with its audit
 * entry.
 *
 * Owns:    the store_base and store of a struct desk.
 * Threads: main thread only.
 * Memory:  cli->arena.
 * Errors:  exit codes, after a complaint on standard error.
 * Limits:  COMMAND_RETRIES_MAX runs of a transaction.
 */
#ifndef LOYALD_CLI_COMMAND_H
#define LOYALD_CLI_COMMAND_H

#include "cli/config.h"
#include "store/audit.h"

enum { COMMAND_RETRIES_MAX = 5 };

/* A command at work on an instance. */
struct desk {
    struct cli *cli;
    struct store_base *base;
    struct store *store;
    struct instance instance; // as read last
    int64_t now;              // the booking instant: the test clock, or the machine's
};

/* Opens the instance. ERR_CONFIG when there is none, or its schema is older or newer than this
 * binary. */
enum err desk_open(struct desk *desk, struct cli *cli, enum db_role role) MUST_USE;
void desk_close(struct desk *desk);

/* Runs `work` in a write transaction, again when the database asks for it, and commits. */
enum err desk_write(struct desk *desk, enum err (*work)(struct desk *desk, void *self),
                    void *self) MUST_USE;

/* The audit entry of a change of configuration by the command line; call last inside `work`. */
enum err desk_audit(struct desk *desk, const char *action, struct str object, struct str before,
                    struct str after) MUST_USE;

/* Prints a buffer and a line's end on standard output; returns the exit code: 1 when it is gone. */
int desk_print(const struct buf *buf) MUST_USE;

#endif
