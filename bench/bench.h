/*
 * What the benchmarks in C share: a clock, medians, memory, numbers that are
 * the same in every run.
 */

#ifndef MLOPS_BENCH_H
#define MLOPS_BENCH_H


#include "mlops_base.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>


/* The end of the program. */

static inline void __attribute__((noreturn))
bench_fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
    exit(1);
}


/* xorshift64* (Vigna, 2016); the state is not 0. */

static inline uint64_t
bench_random(uint64_t *state)
{
    uint64_t  x;

    x = *state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;

    *state = x;

    return x * 2685821657736338717ull;
}


/* Uniform in (-1, 1), a float32 number. */

static inline double
bench_number(uint64_t *state)
{
    return (double) (int32_t) (bench_random(state) >> 40) / 8388608 - 1;
}


/* Zeroed, aligned to 64 bytes, with 64 readable ones behind; or the end of
 * the program. */

static inline void *
bench_alloc(size_t size)
{
    void  *p;

    size = mlops_align(size + 64, 64);
    p = aligned_alloc(64, size);

    if (p == NULL) {
        fprintf(stderr, "bench: no memory for %zu bytes\n", size);
        exit(1);
    }

    memset(p, 0, size);

    return p;
}


static inline double
bench_clock_ns(clockid_t clock)
{
    struct timespec  ts;

    (void) clock_gettime(clock, &ts);

    return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}


static inline double
bench_now_ns(void)
{
    return bench_clock_ns(CLOCK_MONOTONIC);
}


/* Of this thread. */

static inline double
bench_cpu_s(void)
{
    return bench_clock_ns(CLOCK_THREAD_CPUTIME_ID) / 1e9;
}


static inline int
bench_compare(const void *one, const void *two)
{
    double  a, b;

    a = *(const double *) one;
    b = *(const double *) two;

    return (a > b) - (a < b);
}


/* Sorts them. */

static inline double
bench_median(double *values, size_t n)
{
    qsort(values, n, sizeof(*values), bench_compare);

    return values[n / 2];
}


#endif /* MLOPS_BENCH_H */
