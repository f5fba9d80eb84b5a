/*
 * Nanoseconds per number, in and out, against the C library and yajl.
 *
 * Texts of one kind stand in an array as in a request; the time of one pass
 * is divided by their number.  The median of many passes is printed, and how
 * many times longer than ours the others take.  The programs alternate, so
 * that a slow moment of the machine meets all of them.
 */

#include "bench.h"

#include "mlops_clock.h"
#include "mlops_num.h"

#include <yajl/yajl_gen.h>
#include <yajl/yajl_parse.h>


#define NUMBERS  2000
#define PASSES   301
#define WAYS     4


typedef struct {
    const char  *name;
    const char  *format;
    int          is_float;
    double       scale;         /* 0: of every size up to 10^5 */
    size_t       len;
    char         text[NUMBERS * 32 + 64];
    double       values[NUMBERS];
} set_t;


typedef double (*pass_pt)(const set_t *set);


typedef struct {
    const char  *name;
    pass_pt      pass;
} way_t;


static volatile double  sink;


static double
parse_double(const set_t *set)
{
    double       sum, x;
    const char  *p, *end;

    sum = 0;
    end = set->text + set->len;

    for (p = set->text + 1; *p != ' '; p++) {
        p = mlops_parse_double(p, end, &x);
        sum += x;
    }

    return sum;
}


static double
parse_float(const set_t *set)
{
    float        x;
    double       sum;
    const char  *p, *end;

    sum = 0;
    end = set->text + set->len;

    for (p = set->text + 1; *p != ' '; p++) {
        p = mlops_parse_float(p, end, &x);
        sum += x;
    }

    return sum;
}


static double
parse_strtod(const set_t *set)
{
    char        *end;
    double       sum;
    const char  *p;

    sum = 0;

    for (p = set->text + 1; *p != ' '; p = end + 1) {
        sum += strtod(p, &end);
    }

    return sum;
}


static int
yajl_sum(void *ctx, double value)
{
    *(double *) ctx += value;

    return 1;
}


static int
yajl_sum_int(void *ctx, long long value)
{
    *(double *) ctx += (double) value;

    return 1;
}


static double
parse_yajl(const set_t *set)
{
    double       sum;
    yajl_handle  h;

    static const yajl_callbacks  callbacks = {
        .yajl_integer = yajl_sum_int,
        .yajl_double = yajl_sum
    };

    sum = 0;
    h = yajl_alloc(&callbacks, NULL, &sum);

    if (yajl_parse(h, (const unsigned char *) set->text, set->len)
        != yajl_status_ok)
    {
        sum = 0;
    }

    yajl_free(h);

    return sum;
}


static double
print_ours(const set_t *set)
{
    int     i;
    char    text[MLOPS_DOUBLE_LEN], *end;
    double  sum;

    sum = 0;

    for (i = 0; i < NUMBERS; i++) {
        end = set->is_float ? mlops_print_float(text, (float) set->values[i])
                            : mlops_print_double(text, set->values[i]);
        sum += (double) (end - text) + text[0];
    }

    return sum;
}


static double
print_printf(const set_t *set)
{
    int     i;
    char    text[64];
    double  sum;

    sum = 0;

    for (i = 0; i < NUMBERS; i++) {
        sum += snprintf(text, sizeof(text), set->is_float ? "%.9g" : "%.17g",
                        set->values[i]);
        sum += text[0];
    }

    return sum;
}


static double
print_yajl(const set_t *set)
{
    int                   i;
    size_t                len;
    yajl_gen              g;
    const unsigned char  *text;

    g = yajl_gen_alloc(NULL);
    yajl_gen_array_open(g);

    for (i = 0; i < NUMBERS; i++) {
        yajl_gen_double(g, set->values[i]);
    }

    yajl_gen_array_close(g);
    yajl_gen_get_buf(g, &text, &len);
    yajl_gen_free(g);

    return (double) len;
}


/* Numbers of a fixed seed; behind the array is room, as in a body. */

static void
fill(set_t *set)
{
    int       i;
    char     *p, *number;
    double    x;
    uint64_t  r;

    static const double  scales[] = { 1e-1, 1e0, 1e1, 1e2, 1e3, 1e4, 1e5 };

    r = 88172645463325252ull;
    p = set->text;
    *p++ = '[';

    for (i = 0; i < NUMBERS; i++) {
        r ^= r << 13;
        r ^= r >> 7;
        r ^= r << 17;

        x = (double) (r >> 11) / 9007199254740992.0;
        x *= (set->scale != 0) ? set->scale
                               : scales[r % mlops_nitems(scales)];

        number = p;
        p += sprintf(p, set->format, x);

        x = strtod(number, NULL);
        set->values[i] = set->is_float ? (float) x : x;

        *p++ = ',';
    }

    p[-1] = ']';
    memset(p, ' ', 40);
    set->len = (size_t) (p - set->text) + 40;
}


static void
run(const char *what, const set_t *set, const way_t *ways, int n)
{
    int       i, pass;
    char      name[64];
    double    ns[WAYS][PASSES], median[WAYS];
    uint64_t  start;

    for (pass = 0; pass < PASSES; pass++) {
        for (i = 0; i < n; i++) {
            start = mlops_clock_ns();
            sink = ways[i].pass(set);
            ns[i][pass] = (double) (mlops_clock_ns() - start) / NUMBERS;
        }
    }

    for (i = 0; i < n; i++) {
        median[i] = bench_median(ns[i], PASSES);

        snprintf(name, sizeof(name), "%s %s, %s", what, set->name,
                 ways[i].name);
        printf("%-40s %8.1f ns/number %6.1fx\n", name, median[i],
               median[i] / median[0]);
    }
}


int
main(void)
{
    int  i;

    static set_t  sets[] = {
        { .name = "6 digits", .format = "%.6g" },
        { .name = "9 digits", .format = "%.9g", .is_float = 1 },
        { .name = "17 digits", .format = "%.17g" },
        { .name = "17 digits 0..1", .format = "%.17g", .scale = 1 }
    };

    static const way_t  doubles[] = {
        { "double", parse_double },
        { "float", parse_float },
        { "strtod", parse_strtod },
        { "yajl", parse_yajl }
    };

    static const way_t  prints[] = {
        { "shortest", print_ours },
        { "printf", print_printf },
        { "yajl", print_yajl }
    };

    printf("%-40s %8s %s %s\n", "name", "value", "unit", "ratio");

    for (i = 0; i < (int) mlops_nitems(sets); i++) {
        fill(&sets[i]);
        run("parse", &sets[i], doubles, mlops_nitems(doubles));
    }

    for (i = 1; i < (int) mlops_nitems(sets); i++) {
        run("print", &sets[i], prints, mlops_nitems(prints));
    }

    return 0;
}
