/*
 * Many numbers at once: the same cells as the C library's strtod and strtof
 * give, whatever stands between and behind the numbers.
 *
 * The program runs itself again with MLOPS_SIMD=portable, for the form that
 * has no newer instructions.
 */

#include "request.h"

#include <math.h>


#define COLUMNS  23
#define ROWS     9


static char  *self;


/* Numbers of all kinds; most of the kind that the fast way takes. */

static char *
number(char *p, uint64_t *seed)
{
    double    d;
    uint64_t  x;

    x = unit_random(seed);

    switch (x % 16) {

    case 0:
        return p + sprintf(p, "%d", (int) (x >> 40) % 100);

    case 1:
        return p + sprintf(p, "%lld", (long long) (x >> 8) - (1ll << 55));

    case 2:
        d = (double) (x >> 11) / 9007199254740992.0;
        return p + sprintf(p, "%.17g", d * 3e30 - 1e30);

    case 3:
        return p + sprintf(p, "%.3e", (double) (int32_t) (x >> 20) * 1e-3);

    case 4:
        return stpcpy(p, (x >> 20) % 2 ? "-0" : "-0.0");

    case 5:
        return p + sprintf(p, "%u", (unsigned) (x >> 32));

    case 6:
        return p + sprintf(p, "-%u.%07u", (unsigned) (x >> 40) % 100000000,
                           (unsigned) (x >> 20) % 10000000);

    case 7:
        return p + sprintf(p, "%u.%08u", (unsigned) (x >> 40) % 100000000,
                           (unsigned) (x >> 20) % 100000000);

    case 8:
        return p + sprintf(p, "0.%0*d%d", (int) (x >> 20 & 15), 0,
                           (int) (x >> 40) % 1000);

    case 9:
        /* halves of a float's last place */
        return p + sprintf(p, "%u.5", 8388608 + (unsigned) (x >> 20)
                                                % 8388608);

    case 10:
        return p + sprintf(p, "%u", 16777217 + 2 * ((unsigned) (x >> 20)
                                                    % 8000000));

    default:
        return p + sprintf(p, "%.6g", (double) (int32_t) (x >> 32) * 1e-5);
    }
}


static char *
space(char *p, uint64_t *seed, int style)
{
    static const char  *spaces[] = { " ", "\n", "\t", "\r\n", "  ", "\n    " };

    switch (style) {

    case 0:
        return p;

    case 1:
        return stpcpy(p, " ");

    default:
        return (unit_random(seed) % 2)
               ? p : stpcpy(p, spaces[unit_random(seed)
                                      % mlops_nitems(spaces)]);
    }
}


static void
check_cells(request_t *t, int is_float, double (*expected)[COLUMNS],
    uint32_t rows, uint32_t columns, const char *body)
{
    double    got, want;
    uint32_t  i, j;

    unit_ok(t->rc == MLOPS_OK, "%.300s\n%s", body, t->err.text);
    assert_int_equal(t->req.rows.n, rows);

    for (i = 0; i < rows; i++) {
        for (j = 0; j < columns; j++) {
            got = t->req.rows.cells[i * columns + j].f;
            want = expected[i][j];

            unit_ok(memcmp(&got, &want, 8) == 0 || (isnan(got)
                                                    && isnan(want)),
                    "row %u column %u float %d: %.17g, expected %.17g", i, j,
                    is_float, got, want);
            assert_int_equal(mlops_bit(t->req.rows.present
                                       + i * t->req.rows.words, j),
                             !isnan(want));
        }
    }
}


static void
test_matrix(void **state)
{
    int         style, nested, is_float, round, rounds;
    char       *body, *p, *start, inputs[COLUMNS * 16];
    double      expected[ROWS][COLUMNS];
    uint32_t    i, j, rows, columns;
    uint64_t    seed;
    request_t   t;

    (void) state;

    seed = 31;
    body = malloc(65536);
    rounds = unit_quick() ? 2000 : 20000;

    for (round = 0; round < rounds; round++) {
        is_float = (int) (unit_random(&seed) % 2);
        style = (int) (unit_random(&seed) % 3);
        nested = (int) (unit_random(&seed) % 2);
        rows = 1 + (uint32_t) (unit_random(&seed) % ROWS);
        columns = 1 + (uint32_t) (unit_random(&seed) % COLUMNS);

        p = inputs;

        for (j = 0; j < columns; j++) {
            p += sprintf(p, "%sc%u:%s", j ? " " : "", j,
                         is_float ? "FP32" : "FP64");
        }

        request_open(&t, inputs, "y:FP64:1");

        p = body + sprintf(body, "{\"inputs\":[{\"name\":\"x\",\"shape\":[%u,"
                           "%u],\"datatype\":\"FP64\",\"data\":[", rows,
                           columns);

        for (i = 0; i < rows; i++) {

            if (i != 0) {
                *p++ = ',';
            }

            p = space(p, &seed, style);

            if (nested) {
                *p++ = '[';
                p = space(p, &seed, style);
            }

            for (j = 0; j < columns; j++) {

                if (j != 0) {

                    if (style == 2) {
                        p = space(p, &seed, style);
                    }

                    *p++ = ',';
                    p = space(p, &seed, style);
                }

                start = p;

                if (unit_random(&seed) % 64 == 0) {
                    p = stpcpy(p, "null");
                    expected[i][j] = NAN;
                    continue;
                }

                p = number(p, &seed);
                expected[i][j] = is_float ? strtof(start, NULL)
                                          : strtod(start, NULL);
            }

            if (nested) {
                *p++ = ']';
            }
        }

        p = space(p, &seed, style);
        p = stpcpy(p, "]}]");

        /* near the end of the text, and far from it */

        for (i = (uint32_t) (unit_random(&seed) % 4) * 40; i > 0; i--) {
            *p++ = ' ';
        }

        (void) stpcpy(p, "}");

        (void) request_read(&t, MLOPS_DOOR_V2, body);
        check_cells(&t, is_float, expected, rows, columns, body);

        request_close(&t);
    }

    free(body);
}


/* One tensor a column: the cells lie a row apart. */

static void
test_columns(void **state)
{
    int         style, round, rounds;
    char       *body, *p, *start;
    double      expected[40][COLUMNS];
    uint32_t    i, j, rows;
    uint64_t    seed;
    request_t   t;

    (void) state;

    seed = 77;
    body = malloc(65536);
    rounds = unit_quick() ? 500 : 5000;

    for (round = 0; round < rounds; round++) {
        style = (int) (unit_random(&seed) % 3);
        rows = 1 + (uint32_t) (unit_random(&seed) % 40);

        request_open(&t, "a:FP64 b:FP32", "y:FP64:1");

        p = stpcpy(body, "{\"inputs\":[");

        for (j = 0; j < 2; j++) {
            p += sprintf(p, "%s{\"name\":\"%c\",\"shape\":[%u],\"datatype\":"
                         "\"FP32\",\"data\":[", j ? "," : "", 'a' + (int) j,
                         rows);

            for (i = 0; i < rows; i++) {

                if (i != 0) {
                    *p++ = ',';
                    p = space(p, &seed, style);
                }

                start = p;

                if (unit_random(&seed) % 64 == 0) {
                    p = stpcpy(p, "null");
                    expected[i][j] = NAN;
                    continue;
                }

                p = number(p, &seed);
                expected[i][j] = j ? strtof(start, NULL)
                                   : strtod(start, NULL);
            }

            p = stpcpy(p, "]}");
        }

        (void) stpcpy(p, "]}");

        (void) request_read(&t, MLOPS_DOOR_V2, body);
        unit_ok(t.rc == MLOPS_OK, "%.300s\n%s", body, t.err.text);

        for (i = 0; i < rows; i++) {
            for (j = 0; j < 2; j++) {
                unit_ok(isnan(expected[i][j])
                        ? isnan(t.req.rows.cells[2 * i + j].f)
                        : memcmp(&t.req.rows.cells[2 * i + j], &expected[i][j],
                                 8) == 0, "row %u column %u", i, j);
                assert_int_equal(mlops_bit(t.req.rows.present + i, j),
                                 !isnan(expected[i][j]));
            }
        }

        request_close(&t);
    }

    free(body);
}


/* One byte of a row changed to any other: either it is refused, or it is a
 * number that strtod reads so too. */

static void
test_spoilt(void **state)
{
    int         c;
    char        body[400], good[400], *at, *end;
    double      d;
    size_t      i, from, to, len;
    uint32_t    j, k;
    request_t   t;

    (void) state;

    for (k = 0; k < 2; k++) {
        request_open(&t, "a:FP64 b:FP64 c:FP64 d:FP64 e:FP64 f:FP64",
                     "y:FP64:1");

        (void) sprintf(good, "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,6],"
                       "\"datatype\":\"FP64\",\"data\":[12.5,-7,0.25,100,"
                       "-0.125,99999999]}]%*s}", k ? 200 : 0, "");
        len = strlen(good);
        from = (size_t) (strstr(good, "[12.5") + 1 - good);
        to = (size_t) (strstr(good, "]}]") - good);

        for (i = from; i < to; i++) {
            for (c = 0; c < 256; c++) {
                memcpy(body, good, len + 1);
                body[i] = (char) c;

                if (request_read_len(&t, MLOPS_DOOR_V2, body, len)
                    != MLOPS_OK)
                {
                    assert_true(t.err.text[0] != '\0');
                    continue;
                }

                assert_true((c >= '0' && c <= '9') || c == '-' || c == '.'
                            || c == 'e' || c == 'E' || c == ','
                            || body[i] == good[i] || c == ' ' || c == '\t'
                            || c == '\n' || c == '\r');

                at = body + from;

                for (j = 0; j < 6; j++) {
                    d = strtod(at, &end);
                    at = end + strspn(end, " \t\r\n") + 1;

                    unit_ok(d == t.req.rows.cells[j].f, "%.150s",
                            body + from);
                }
            }

            mlops_arena_destroy(&t.arena);
            t.face.n = 0;
            request_signature(&t, "default",
                              "a:FP64 b:FP64 c:FP64 d:FP64 e:FP64 f:FP64",
                              "y:FP64:1");
        }

        request_close(&t);
    }
}


static void
test_portable(void **state)
{
    char  command[UNIT_PATH_SIZE];

    (void) state;

    if (getenv("MLOPS_SIMD") != NULL) {
        unit_skip("this is the portable run");
    }

    (void) snprintf(command, sizeof(command),
                    "MLOPS_SIMD=portable '%s' > /dev/null", self);
    assert_int_equal(system(command), 0);
}


int
main(int argc, char **argv)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_matrix),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_spoilt),
        cmocka_unit_test(test_portable)
    };

    (void) argc;

    self = argv[0];

    return unit_run(tests);
}
