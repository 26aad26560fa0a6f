/* The arming pass: when a version comes into force, members who exist already are given what its
 * clock waits for.
 *
 * It goes over all members in the order of their ids, run by run through the lane, so that others'
 * events come in between; what it has seen is in the table `arming`, so a restart goes on where it
 * stopped. Seeing a member twice changes nothing.
 *
 * Owns:    nothing.
 * Threads: any thread that may wait for the lane.
 * Memory:  an arena for each run.
 * Errors:  those of the lane.
 * Limits:  ARMING_RUN members at a time.
 */
#ifndef LOYALD_ENGINE_ARMING_H
#define LOYALD_ENGINE_ARMING_H

#include "engine/engine.h"

enum { ARMING_RUN = 512 };

/* The next run of members, if the pass of the version in force is not finished. *is_done: nothing
 * is left to do. */
enum err arming_run(struct engine *engine, bool *is_done) MUST_USE;

#endif
