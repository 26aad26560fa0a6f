/* The clock's thread: twice a second it asks the engine to do what is due by now, what another
 * process has left for other members, and once a minute to forget what has expired. What it runs
 * (engine_timers_run(), engine_clock_set()) is declared in engine.h.
 *
 * Owns:    one thread.
 * Threads: whoever owns the engine.
 * Memory:  -
 * Errors:  logged, and tried again at the next tick.
 * Limits:  TIMERS_PER_ROUND timers a ticket.
 */
#ifndef LOYALD_TICKER_H
#define LOYALD_TICKER_H

#include "engine/engine.h"

struct ticker;

/* `runs_timers`: not on instances with a test clock, where only engine_clock_set() does. */
struct ticker *ticker_open(struct engine *engine, bool runs_timers);

/* Stops the thread; before the engine refuses tickets. NULL does nothing. */
void ticker_close(struct ticker *ticker);

#endif
