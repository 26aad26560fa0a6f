/* How a thread of the engine's begins and sleeps: for a while, or until it is told to end. By the
 * monotonic clock, so that setting the machine's clock wakes nobody and keeps nobody asleep.
 *
 * Owns:    a mutex and a condition.
 * Threads: pause_begin() and pause_ms() the sleeper's; pause_end() and pause_is_over() any.
 * Memory:  -
 * Errors:  -
 * Limits:  -
 */
#ifndef LOYALD_PAUSE_H
#define LOYALD_PAUSE_H

#include "base/base.h"

#include <pthread.h>

struct pause {
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    bool is_over; // guarded by mutex
};

void pause_open(struct pause *pause);

/* Names the calling thread, for top and perf, and lets others go before it: by 0 (none) to 19 steps
 * below the process's own priority. Where the machine is busy, work that can wait does. */
void pause_begin(const char *name, int steps);

/* Sleeps; false when the thread is to end, which wakes it early. */
bool pause_ms(struct pause *pause, int64_t ms);

/* From now on nobody sleeps. */
void pause_end(struct pause *pause);

bool pause_is_over(struct pause *pause);

#endif
