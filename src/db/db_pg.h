/* Values on PostgreSQL's wire, in binary: parameters one by one or as arrays, and rows.
 *
 * Owns:    nothing.
 * Threads: see db.h.
 * Memory:  parameters live in the connection's scratch arena until the call ends.
 * Errors:  ERR_INTERNAL where a value does not fit the type the server found for it.
 * Limits:  see db.h.
 */
#ifndef LOYALD_DB_PG_H
#define LOYALD_DB_PG_H

#include "db/db_internal.h"

/* What PQexecPrepared() takes. */
struct pg_params {
    const char *values[DB_PARAMS_MAX];
    int lengths[DB_PARAMS_MAX];
    int formats[DB_PARAMS_MAX]; // 1 binary, 0 text
};

/* The one row of the call. */
enum err pg_params_scalars(struct db *db, const struct db_call *call, const Oid *types,
                           struct pg_params *out) MUST_USE;

/* One array for each column over all rows of the call. */
enum err pg_params_arrays(struct db *db, const struct db_call *call, const Oid *types,
                          struct pg_params *out) MUST_USE;

/* Copies all rows into the call's arena. */
enum err pg_rows_read(struct db *db, struct db_call *call, const PGresult *result) MUST_USE;

/* Maps, keeps and logs an error; result may be NULL. */
enum err pg_failed(struct db *db, const PGresult *result, const char *name) MUST_USE;

#endif
