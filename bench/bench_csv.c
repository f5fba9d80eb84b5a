/*
 * CSV into columns, for the comparison with pandas (bench/run csv).
 *
 *     bench_csv write FILE ROWS KIND   28 columns of normal numbers as text:
 *                                      6 digits, float32 or double, the last
 *                                      two as short as they read back
 *     bench_csv read FILE [sha256]     prints seconds of CPU time to columns
 *                                      of doubles, and MB of memory
 */

#include "mlops_frame.h"
#include "mlops_math.h"
#include "mlops_num.h"
#include "mlops_random.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>


#define COLUMNS  28


static double
cpu_s(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec * 1e-9;
}


/* Box and Muller. */

static double
normal(uint64_t i)
{
    double  u, v;

    u = 1 - mlops_random_double(1, 0, i);
    v = mlops_random_double(1, 1, i);

    return __builtin_sqrt(-2 * mlops_log(u)) * mlops_cos(6.283185307179586
                                                         * v);
}


static int
write_file(const char *path, uint64_t rows, const char *kind)
{
    int        c;
    char       line[COLUMNS * (MLOPS_DOUBLE_LEN + 1) + 16], *p;
    FILE      *f;
    double     x;
    uint64_t   i;

    f = fopen(path, "wb");

    if (f == NULL) {
        perror(path);
        return 1;
    }

    for (c = 0; c < COLUMNS; c++) {
        fprintf(f, "f%d%c", c, (c + 1 < COLUMNS) ? ',' : '\n');
    }

    for (i = 0; i < rows; i++) {
        p = line;

        for (c = 0; c < COLUMNS; c++) {
            x = normal(i * COLUMNS + (uint64_t) c);

            if (strcmp(kind, "float32") == 0) {
                p = mlops_print_float(p, (float) x);

            } else if (strcmp(kind, "double") == 0) {
                p = mlops_print_double(p, x);

            } else {
                p += sprintf(p, "%.6g", x);
            }

            *p++ = ',';
        }

        p[-1] = '\n';

        if (fwrite(line, 1, (size_t) (p - line), f) != (size_t) (p - line)) {
            perror(path);
            fclose(f);
            return 1;
        }
    }

    if (fclose(f) != 0) {
        perror(path);
        return 1;
    }

    return 0;
}


static int
read_file(const char *path, int digest)
{
    double                  start, s;
    mlops_err_t             err;
    mlops_frame_t           frame;
    struct rusage           usage;
    mlops_frame_options_t   options;

    memset(&options, 0, sizeof(options));
    options.undigested = !digest;

    start = cpu_s();

    if (mlops_frame_read(&frame, path, &options, &err) != MLOPS_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }

    s = cpu_s() - start;

    (void) getrusage(RUSAGE_SELF, &usage);

    printf("%.4f s %.0f MB in memory, %.0f MB at most\n", s,
           (double) frame.memory / 1e6, (double) usage.ru_maxrss / 1e3);
    mlops_frame_free(&frame);

    return 0;
}


int
main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "write") == 0) {
        return write_file(argv[2], strtoull(argv[3], NULL, 10), argv[4]);
    }

    if (argc >= 3 && strcmp(argv[1], "read") == 0) {
        return read_file(argv[2], argc > 3);
    }

    fprintf(stderr, "usage: bench_csv write FILE ROWS KIND\n"
            "       bench_csv read FILE [sha256]\n");

    return 2;
}
