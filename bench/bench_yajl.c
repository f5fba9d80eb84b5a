/*
 * The peer of large requests: a body parsed by yajl and nothing more, no
 * tree, numbers as its stock double callback gives them.
 *
 *     bench_yajl body.json
 *
 * Prints us=median of 301 parses.
 */

#include "bench.h"

#include "mlops_clock.h"

#include <yajl/yajl_parse.h>


#define BENCH_ROUNDS  301


static int bench_double(void *ctx, double value);
static int bench_integer(void *ctx, long long value);


int
main(int argc, char **argv)
{
    int               i;
    FILE             *file;
    char             *data;
    size_t            len;
    double            sum, times[BENCH_ROUNDS];
    uint64_t          start;
    yajl_handle       handle;
    yajl_callbacks    callbacks;

    file = (argc == 2) ? fopen(argv[1], "r") : NULL;
    data = malloc(64 * 1024 * 1024);

    if (file == NULL || data == NULL) {
        fprintf(stderr, "usage: bench_yajl body.json\n");
        return 2;
    }

    len = fread(data, 1, 64 * 1024 * 1024, file);
    fclose(file);

    memset(&callbacks, 0, sizeof(callbacks));
    callbacks.yajl_double = bench_double;
    callbacks.yajl_integer = bench_integer;
    sum = 0;

    for (i = 0; i < BENCH_ROUNDS; i++) {
        start = mlops_clock_ns();

        handle = yajl_alloc(&callbacks, NULL, &sum);

        if (yajl_parse(handle, (unsigned char *) data, len) != yajl_status_ok
            || yajl_complete_parse(handle) != yajl_status_ok)
        {
            fprintf(stderr, "bench_yajl: not JSON\n");
            return 1;
        }

        yajl_free(handle);

        times[i] = (double) (mlops_clock_ns() - start) / 1000;
    }

    printf("us=%.1f sum=%g\n", bench_median(times, BENCH_ROUNDS), sum);

    return 0;
}


static int
bench_double(void *ctx, double value)
{
    *(double *) ctx += value;

    return 1;
}


static int
bench_integer(void *ctx, long long value)
{
    *(double *) ctx += (double) value;

    return 1;
}
