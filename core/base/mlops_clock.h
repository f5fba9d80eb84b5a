/*
 * The clocks.  Durations are taken from the monotonic one, event times are
 * wall time since 1970-01-01 UTC.  Both are read without a system call.
 */

#ifndef MLOPS_CLOCK_H
#define MLOPS_CLOCK_H


#include <stdint.h>
#include <time.h>


static inline uint64_t
mlops_clock_ns(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


static inline int64_t
mlops_wall_us(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


static inline int64_t
mlops_wall_ms(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


/* The sum of a time and a span; it stops at the ends of time. */

static inline int64_t
mlops_us_add(int64_t us, int64_t span_us)
{
    int64_t  sum;

    if (__builtin_add_overflow(us, span_us, &sum)) {
        return (span_us > 0) ? INT64_MAX : INT64_MIN;
    }

    return sum;
}


#endif /* MLOPS_CLOCK_H */
