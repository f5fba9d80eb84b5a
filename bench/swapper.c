/*
 * swapper: moves an alias to and fro at a fixed rate.
 *
 *     swapper registry store model alias version version rate seconds
 *
 * Each move goes the whole way that "mlopsctl alias" goes, without the cost
 * of a process.  Prints moves, and the longest one in microseconds.
 */

#include "mlops_clock.h"
#include "mlops_registry.h"
#include "mlops_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>


static int swapper_move(const char *path, mlops_store_t *store,
    const char *name, const char *alias, const char *version,
    mlops_err_t *err);


int
main(int argc, char **argv)
{
    double            rate;
    uint64_t          start, now, due, took, longest, n, end;
    mlops_err_t       err;
    mlops_store_t     store;
    struct timespec   pause;

    if (argc != 9) {
        fprintf(stderr, "usage: swapper registry store model alias version "
                        "version rate seconds\n");
        return 2;
    }

    rate = atof(argv[7]);
    n = 0;
    longest = 0;

    if (mlops_store_open(&store, argv[2], 1, &err) != MLOPS_OK) {
        fprintf(stderr, "swapper: %s\n", err.text);
        return 1;
    }

    start = mlops_clock_ns();
    end = start + (uint64_t) (atof(argv[8]) * 1e9);

    for ( ;; ) {
        due = start + (uint64_t) ((double) n / rate * 1e9);
        now = mlops_clock_ns();

        if (now >= end) {
            break;
        }

        if (due > now) {
            pause.tv_sec = (time_t) ((due - now) / 1000000000);
            pause.tv_nsec = (long) ((due - now) % 1000000000);
            (void) nanosleep(&pause, NULL);
            continue;
        }

        if (swapper_move(argv[1], &store, argv[3], argv[4],
                         argv[5 + (n & 1)], &err)
            != MLOPS_OK)
        {
            fprintf(stderr, "swapper: %s\n", err.text);
            return 1;
        }

        n++;
        took = mlops_clock_ns() - now;

        if (took > longest) {
            longest = took;
        }
    }

    printf("moves=%llu longest_us=%.0f\n", (unsigned long long) n,
           (double) longest / 1000);

    mlops_store_close(&store);

    return 0;
}


static int
swapper_move(const char *path, mlops_store_t *store, const char *name,
    const char *alias, const char *version, mlops_err_t *err)
{
    int               rc;
    mlops_registry_t  registry;

    if (mlops_registry_open(&registry, path, 0, 1, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    rc = mlops_registry_alias(&registry, name, alias, version, NULL, err);

    mlops_registry_close(&registry);

    if (rc != MLOPS_OK) {
        return rc;
    }

    return mlops_sync(path, store, name, 0, 5000, NULL, err);
}
