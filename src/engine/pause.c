/* Sleeping until told to end. */
#include "base/base.h"
#include "engine/pause.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

void pause_open(struct pause *pause)
{
    pthread_condattr_t attributes;
    ensure(pthread_mutex_init(&pause->mutex, NULL) == 0);
    ensure(pthread_condattr_init(&attributes) == 0);
    ensure(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    ensure(pthread_cond_init(&pause->ended, &attributes) == 0);
    ensure(pthread_condattr_destroy(&attributes) == 0);
    pause->is_over = false;
}

void pause_begin(const char *name, int steps)
{
    (void)pthread_setname_np(pthread_self(), name); // only a long name fails
    (void)!nice(steps);                             // a thread's own on Linux; a hint
}

bool pause_ms(struct pause *pause, int64_t ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until); // cannot fail for this clock
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    ensure(pthread_mutex_lock(&pause->mutex) == 0);
    while (!pause->is_over &&
           pthread_cond_timedwait(&pause->ended, &pause->mutex, &until) != ETIMEDOUT) {
    }
    const bool goes_on = !pause->is_over;
    ensure(pthread_mutex_unlock(&pause->mutex) == 0);
    return goes_on;
}

void pause_end(struct pause *pause)
{
    ensure(pthread_mutex_lock(&pause->mutex) == 0);
    pause->is_over = true;
    ensure(pthread_cond_broadcast(&pause->ended) == 0);
    ensure(pthread_mutex_unlock(&pause->mutex) == 0);
}

bool pause_is_over(struct pause *pause)
{
    ensure(pthread_mutex_lock(&pause->mutex) == 0);
    const bool is_over = pause->is_over;
    ensure(pthread_mutex_unlock(&pause->mutex) == 0);
    return is_over;
}
