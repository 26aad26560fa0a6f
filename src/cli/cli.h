/* The command line: one file per command, one table of commands.
 *
 * Owns:    nothing.
 * Threads: main thread only.
 * Memory:  each command has its own arena.
 * Errors:  exit code 0 only on success; talk on standard error, data on standard output.
 * Limits:  -
 */
#ifndef LOYALD_CLI_H
#define LOYALD_CLI_H

#include "base/base.h"

/* Runs the command named by argv[1]; returns the exit code. */
int cli_main(int argc, char **argv) MUST_USE;

/* One command: argv[0] is its last word. Each returns the exit code. */
int cli_version(int argc, char **argv) MUST_USE;
int cli_init(int argc, char **argv) MUST_USE;
int cli_migrate(int argc, char **argv) MUST_USE;
int cli_clock_set(int argc, char **argv) MUST_USE;
int cli_key_create(int argc, char **argv) MUST_USE;
int cli_import_events(int argc, char **argv) MUST_USE;
int cli_demo(int argc, char **argv) MUST_USE;
int cli_rule_eval(int argc, char **argv) MUST_USE;
int cli_key_list(int argc, char **argv) MUST_USE;
int cli_key_revoke(int argc, char **argv) MUST_USE;
int cli_program_validate(int argc, char **argv) MUST_USE;
int cli_program_diff(int argc, char **argv) MUST_USE;
int cli_program_test(int argc, char **argv) MUST_USE;
int cli_program_publish(int argc, char **argv) MUST_USE;
int cli_program_show(int argc, char **argv) MUST_USE;
int cli_verify(int argc, char **argv) MUST_USE;
int cli_audit_verify(int argc, char **argv) MUST_USE;
int cli_audit_checkpoint(int argc, char **argv) MUST_USE;
int cli_audit_export(int argc, char **argv) MUST_USE;
int cli_serve(int argc, char **argv) MUST_USE;

#endif
