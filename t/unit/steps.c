/*
 * Each kind of step against values worked out by hand, or taken from tables
 * of the functions.
 */

#include "models.h"


#define STEPS_N  8


/* n FP64 inputs, and then one step whose m outputs are the result. */

typedef struct {
    mlops_builder_t  *b;
    uint32_t          in[STEPS_N];
    uint32_t          n;
} steps_t;


static steps_t
steps_begin(uint32_t n)
{
    char      name[16];
    steps_t   s;

    memset(&s, 0, sizeof(s));

    s.b = mlops_builder_create();
    s.n = n;

    for (n = 0; n < s.n; n++) {
        snprintf(name, sizeof(name), "x%u", n);
        s.in[n] = toy_input(s.b, name, MLOPS_TYPE_FP64);
    }

    return s;
}


static void
steps_end(steps_t *s, unit_model_t *m, uint32_t out, uint32_t out_n)
{
    uint32_t  i, cells[STEPS_N];

    for (i = 0; i < out_n; i++) {
        cells[i] = out + i;
    }

    toy_signature(s->b, s->in, s->n, "y", MLOPS_TYPE_FP64, cells, out_n);
    unit_model_finish(m, s->b);
}


static void
steps_expect(unit_model_t *m, const double *x, const double *want, uint32_t n,
    double rel, const char *what)
{
    double    y[STEPS_N];
    uint32_t  i;

    unit_model_eval(m, 0, x, y);

    for (i = 0; i < n; i++) {
        unit_ok(unit_near(y[i], want[i], rel), "%s, y[%u]: expected %.17g, "
                "got %.17g", what, i, want[i], y[i]);
    }
}


static void
test_affine(void **state)
{
    steps_t              s;
    uint32_t             out;
    unit_model_t         m;
    static const double  bias[5] = { 1, -2, 0.5, 0, 1e16 };
    static const double  w[15] = {
        1, 0, 0,
        1, 2, 3,
        -1, 0.25, 8,
        0, 0, 0,
        1, -1e16, 1
    };
    static const double  x[3] = { 1, 1, 2 };
    static const double  x_nan[3] = { 1, NAN, 2 };

    /* the last: 1e16 + 1 is 1e16, so that only this order gives 2 */
    static const double  y[5] = { 2, 7, 15.75, 0, 2 };
    static const double  y_nan[5] = { NAN, NAN, NAN, NAN, NAN };
    static const double  y_skip[5] = { 2, 5, 15.5, 0, 1e16 + 2 };

    (void) state;

    s = steps_begin(3);
    out = mlops_builder_affine(s.b, 0, s.in, 3, MLOPS_BUILDER_NEW, 5, bias,
                               w);
    steps_end(&s, &m, out, 5);
    steps_expect(&m, x, y, 5, 0, "affine");
    steps_expect(&m, x_nan, y_nan, 5, 0, "affine of NaN");
    unit_model_close(&m);

    s = steps_begin(3);
    out = mlops_builder_affine(s.b, MLOPS_STEP_SKIP_MISSING, s.in, 3,
                               MLOPS_BUILDER_NEW, 5, bias, w);
    steps_end(&s, &m, out, 5);
    steps_expect(&m, x, y, 5, 0, "affine, skipping");
    steps_expect(&m, x_nan, y_skip, 5, 0, "affine, skipping NaN");
    unit_model_close(&m);
}


static void
test_affine_f32(void **state)
{
    steps_t              s;
    uint32_t             out;
    unit_model_t         m;
    static const double  bias[2] = { 16777216, 0 };
    static const double  w[4] = { 1, 1, 0.1, 0.2 };
    static const double  x[2] = { 1, 1 };
    static const double  x_nan[2] = { NAN, 3 };

    /* 2^24 + 1 is a tie that goes to 2^24; 0.1f + 0.2f is 0.3f and an ulp */
    static const double  y[2] = { 16777216, 0x1.333334p-2 };
    static const double  y_skip[2] = { 16777220, 0x1.333334p-1 };
    static const double  y_nan[2] = { NAN, NAN };

    (void) state;

    s = steps_begin(2);
    out = mlops_builder_affine(s.b, MLOPS_STEP_F32, s.in, 2,
                               MLOPS_BUILDER_NEW, 2, bias, w);
    steps_end(&s, &m, out, 2);
    steps_expect(&m, x, y, 2, 0, "affine in float32");
    steps_expect(&m, x_nan, y_nan, 2, 0, "affine of NaN in float32");
    unit_model_close(&m);

    s = steps_begin(2);
    out = mlops_builder_affine(s.b, MLOPS_STEP_F32|MLOPS_STEP_SKIP_MISSING,
                               s.in, 2, MLOPS_BUILDER_NEW, 2, bias, w);
    steps_end(&s, &m, out, 2);
    steps_expect(&m, x_nan, y_skip, 2, 0, "affine, skipping in float32");
    unit_model_close(&m);
}


static void
test_affine_constant(void **state)
{
    double         one, y;
    steps_t        s;
    uint32_t       out;
    unit_model_t   m;

    (void) state;

    one = 1;
    s = steps_begin(1);
    out = mlops_builder_affine(s.b, 0, NULL, 0, MLOPS_BUILDER_NEW, 1, &one,
                               NULL);
    steps_end(&s, &m, out, 1);
    y = 77;
    unit_model_eval(&m, 0, &y, &y);
    assert_true(y == 1);
    unit_model_close(&m);
}


static void
test_clip_impute(void **state)
{
    steps_t              s;
    uint32_t             out;
    unit_model_t         m;
    static const double  lo[4] = { 0, -INFINITY, 5, 0 };
    static const double  hi[4] = { 1, 3, INFINITY, 0 };
    static const double  x[4] = { -0.5, -1e300, 4, 9 };
    static const double  y[4] = { 0, -1e300, 5, 0 };
    static const double  x2[4] = { 1.5, 4, 6, NAN };
    static const double  y2[4] = { 1, 3, 6, NAN };
    static const double  value[4] = { 7, 8, -1, INFINITY };
    static const double  x3[4] = { NAN, 2, NAN, NAN };
    static const double  y3[4] = { 7, 2, -1, INFINITY };

    (void) state;

    s = steps_begin(4);
    out = mlops_builder_clip(s.b, s.in, 4, MLOPS_BUILDER_NEW, lo, hi);
    steps_end(&s, &m, out, 4);
    steps_expect(&m, x, y, 4, 0, "clip");
    steps_expect(&m, x2, y2, 4, 0, "clip");
    unit_model_close(&m);

    s = steps_begin(4);
    out = mlops_builder_impute(s.b, s.in, 4, MLOPS_BUILDER_NEW, value);
    steps_end(&s, &m, out, 4);
    steps_expect(&m, x3, y3, 4, 0, "impute");
    unit_model_close(&m);
}


static void
test_map_numbers(void **state)
{
    steps_t              s;
    uint32_t             i, out;
    unit_model_t         m;
    static const double  keys[3] = { 7, -1.5, 0 };
    static const double  values[6] = { 70, 71, -15, -14, 1, 2 };
    static const double  other[2] = { -9, NAN };
    static const double  missing[2] = { 3, 4 };

    static const struct {
        double  x;
        double  y[2];
    } cases[] = {
        { 7, { 70, 71 } },
        { -1.5, { -15, -14 } },
        { 0, { 1, 2 } },
        { -0.0, { 1, 2 } },
        { 7.000000000000001, { -9, NAN } },
        { INFINITY, { -9, NAN } },
        { -1e300, { -9, NAN } },
        { NAN, { 3, 4 } }
    };

    (void) state;

    s = steps_begin(1);
    out = mlops_builder_map(s.b, s.in[0], MLOPS_BUILDER_NEW, 3, 2, NULL,
                            keys, values, other, missing);
    steps_end(&s, &m, out, 2);

    for (i = 0; i < mlops_nitems(cases); i++) {
        steps_expect(&m, &cases[i].x, cases[i].y, 2, 0, "map");
    }

    unit_model_close(&m);
}


/* One-hot by strings; keys come unsorted, one is empty, two share a start. */

static void
test_map_strings(void **state)
{
    uint32_t                  i, j, x, y, cells[3];
    uint64_t                  present;
    mlops_cell_t              in, out[3];
    unit_model_t              m;
    mlops_builder_t          *b;
    static const mlops_str_t  keys[4] = {
        mlops_str("red"), mlops_str(""), mlops_str("re"),
        mlops_str("gr\xc3\xbcn")
    };
    static const double       values[12] = {
        1, 0, 0, 0, 1, 0, 0, 0, 1, 5, 6, 7
    };
    static const double       other[3] = { 0, 0, 0 };
    static const double       missing[3] = { NAN, NAN, NAN };

    static const struct {
        const char  *x;
        double       y[3];
    } cases[] = {
        { "red", { 1, 0, 0 } },
        { "", { 0, 1, 0 } },
        { "re", { 0, 0, 1 } },
        { "gr\xc3\xbcn", { 5, 6, 7 } },
        { "r", { 0, 0, 0 } },
        { "redd", { 0, 0, 0 } },
        { "zzz", { 0, 0, 0 } },
        { NULL, { NAN, NAN, NAN } }
    };

    (void) state;

    b = mlops_builder_create();
    x = toy_input(b, "x", MLOPS_TYPE_BYTES);
    y = mlops_builder_map(b, x, MLOPS_BUILDER_NEW, 4, 3, keys, NULL, values,
                          other, missing);

    for (i = 0; i < 3; i++) {
        cells[i] = y + i;
    }

    toy_signature(b, &x, 1, "y", MLOPS_TYPE_FP64, cells, 3);
    unit_model_finish(&m, b);

    for (i = 0; i < mlops_nitems(cases); i++) {
        present = (cases[i].x != NULL);
        in.u = 0;
        in.s.len = present ? (uint32_t) strlen(cases[i].x) : 0;

        mlops_model_eval(m.model, 0, &in, &present, cases[i].x, m.scratch,
                         out, NULL);

        for (j = 0; j < 3; j++) {
            unit_ok(unit_same(out[j].f, cases[i].y[j]), "\"%s\"[%u]: "
                    "expected %g, got %g", cases[i].x ? cases[i].x : "-", j,
                    cases[i].y[j], out[j].f);
        }
    }

    unit_model_close(&m);
}


typedef struct {
    uint32_t  op;
    double    a;
    double    b;
    double    y;        /* in double */
    double    f;        /* with F32 */
    double    rel;      /* 0: the same bits */
} steps_case_t;


#define STEPS_ULP  2.3e-16


static void
test_unary(void **state)
{
    double                y;
    steps_t               s;
    uint32_t              i, f32, out;
    unit_model_t          m;
    const steps_case_t   *c;

    /* values of the functions: Abramowitz and Stegun, or bc -l */

    static const steps_case_t  cases[] = {
        { MLOPS_UNARY_IDENTITY, 0.1, 0, 0.1, 0.1f, 0 },
        { MLOPS_UNARY_IDENTITY, 1e300, 0, 1e300, INFINITY, 0 },
        { MLOPS_UNARY_IDENTITY, NAN, 0, NAN, NAN, 0 },
        { MLOPS_UNARY_NEG, 2.5, 0, -2.5, -2.5, 0 },
        { MLOPS_UNARY_ABS, -2.5, 0, 2.5, 2.5, 0 },
        { MLOPS_UNARY_SQUARE, -3, 0, 9, 9, 0 },
        { MLOPS_UNARY_SQUARE, 4097, 0, 16785409, 16785408, 0 },
        { MLOPS_UNARY_SQRT, 2, 0, 1.4142135623730951, 1.41421354f, 0 },
        { MLOPS_UNARY_SQRT, -1, 0, NAN, NAN, 0 },
        { MLOPS_UNARY_EXP, 1, 0, 2.718281828459045, 2.7182817f, STEPS_ULP },
        { MLOPS_UNARY_EXP, 0, 0, 1, 1, 0 },
        { MLOPS_UNARY_EXP, 1000, 0, INFINITY, INFINITY, 0 },
        { MLOPS_UNARY_LOG, 10, 0, 2.302585092994046, 2.3025851f, STEPS_ULP },
        { MLOPS_UNARY_LOG, 0, 0, -INFINITY, -INFINITY, 0 },
        { MLOPS_UNARY_LOG, -1, 0, NAN, NAN, 0 },
        { MLOPS_UNARY_LOG1P, 1e-10, 0, 9.9999999995e-11, 1e-10f, STEPS_ULP },
        { MLOPS_UNARY_EXPM1, 1e-10, 0, 1.00000000005e-10, 1e-10f,
          STEPS_ULP },
        { MLOPS_UNARY_RECIPROCAL, 3, 0, 0.3333333333333333, 0.33333334f, 0 },
        { MLOPS_UNARY_RECIPROCAL, 0, 0, INFINITY, INFINITY, 0 },
        { MLOPS_UNARY_SIGMOID, 0, 0, 0.5, 0.5, 0 },
        { MLOPS_UNARY_SIGMOID, 2, 0, 0.8807970779778823, 0.880797076f,
          STEPS_ULP },
        { MLOPS_UNARY_SIGMOID, -1000, 0, 0, 0, 0 },
        { MLOPS_UNARY_TANH, 0.5, 0, 0.46211715726000973, 0.46211717f,
          STEPS_ULP },
        { MLOPS_UNARY_RELU, -1, 0, 0, 0, 0 },
        { MLOPS_UNARY_RELU, 1.5, 0, 1.5, 1.5, 0 },
        { MLOPS_UNARY_RELU, NAN, 0, NAN, NAN, 0 },
        { MLOPS_UNARY_SIGN, -7, 0, -1, -1, 0 },
        { MLOPS_UNARY_SIGN, 1e-300, 0, 1, 0, 0 },
        { MLOPS_UNARY_SIGN, NAN, 0, NAN, NAN, 0 },
        { MLOPS_UNARY_FLOOR, -1.5, 0, -2, -2, 0 },
        { MLOPS_UNARY_CEIL, -1.5, 0, -1, -1, 0 },
        { MLOPS_UNARY_ROUND, 2.5, 0, 2, 2, 0 },
        { MLOPS_UNARY_ROUND, 3.5, 0, 4, 4, 0 },
        { MLOPS_UNARY_SIN, 1, 0, 0.8414709848078965, 0.84147096f,
          STEPS_ULP },
        { MLOPS_UNARY_COS, 1, 0, 0.5403023058681398, 0.5403023f,
          STEPS_ULP },
        { MLOPS_UNARY_STEP, 0, 0, 0, 0, 0 },
        { MLOPS_UNARY_STEP, 1e-9, 0, 1, 1, 0 },
        { MLOPS_UNARY_STEP, NAN, 0, NAN, NAN, 0 },
        { MLOPS_UNARY_XGB_SIGMOID, 0, 0, 0.5, 0.5, 0 },
        { MLOPS_UNARY_XGB_SIGMOID, 2, 0, 0.880797076f, 0.880797076f, 1e-7 },
        { MLOPS_UNARY_XGB_SIGMOID, 200, 0, 1, 1, 0 },
        { MLOPS_UNARY_XGB_SIGMOID, -200, 0, 3.0057e-39, 3.0057e-39, 1e-3 },
        { MLOPS_UNARY_XGB_SIGMOID, NAN, 0, NAN, NAN, 0 },
        { MLOPS_UNARY_ISNAN, NAN, 0, 1, 1, 0 },
        { MLOPS_UNARY_ISNAN, 5, 0, 0, 0, 0 }
    };

    (void) state;

    for (i = 0; i < mlops_nitems(cases); i++) {
        c = &cases[i];

        for (f32 = 0; f32 < 2; f32++) {
            s = steps_begin(1);
            out = mlops_builder_unary(s.b, c->op, f32 ? MLOPS_STEP_F32 : 0,
                                      s.in, 1, MLOPS_BUILDER_NEW);
            steps_end(&s, &m, out, 1);

            y = f32 ? c->f : c->y;
            steps_expect(&m, &c->a, &y, 1,
                         (f32 && c->rel > 0) ? 1.3e-7 + c->rel : c->rel,
                         mlops_unary_name(c->op));
            unit_model_close(&m);
        }
    }
}


/* By cells, by constants, and by constants on the left. */

static void
test_binary(void **state)
{
    double                x[2], y;
    steps_t               s;
    uint32_t              i, form, f32, flags, out;
    unit_model_t          m;
    const steps_case_t   *c;

    static const steps_case_t  cases[] = {
        { MLOPS_BINARY_ADD, 0.1, 0.2, 0.30000000000000004, 0.3f, 0 },
        { MLOPS_BINARY_ADD, 16777216, 1, 16777217, 16777216, 0 },
        { MLOPS_BINARY_SUB, 5, 7, -2, -2, 0 },
        { MLOPS_BINARY_MUL, 0.1, 3, 0.30000000000000004, 0.3f, 0 },
        { MLOPS_BINARY_DIV, 1, 3, 0.3333333333333333, 0.33333334f, 0 },
        { MLOPS_BINARY_DIV, 1, 0, INFINITY, INFINITY, 0 },
        { MLOPS_BINARY_MIN, 2, -3, -3, -3, 0 },
        { MLOPS_BINARY_MIN, NAN, -3, NAN, NAN, 0 },
        { MLOPS_BINARY_MAX, 2, -3, 2, 2, 0 },
        { MLOPS_BINARY_MAX, -3, 2, 2, 2, 0 },
        { MLOPS_BINARY_POW, 2, 10, 1024, 1024, 0 },
        { MLOPS_BINARY_POW, 2, 0.5, 1.4142135623730951, 1.4142135f,
          STEPS_ULP },
        { MLOPS_BINARY_MOD, 1971, 100, 71, 71, 0 },
        { MLOPS_BINARY_MOD, -1, 24, 23, 23, 0 },
        { MLOPS_BINARY_LT, 1, 2, 1, 1, 0 },
        { MLOPS_BINARY_LT, 2, 2, 0, 0, 0 },
        { MLOPS_BINARY_LT, NAN, 2, NAN, NAN, 0 },
        { MLOPS_BINARY_LE, 2, 2, 1, 1, 0 },
        { MLOPS_BINARY_LE, 3, 2, 0, 0, 0 },
        { MLOPS_BINARY_EQ, 2, 2, 1, 1, 0 },
        { MLOPS_BINARY_EQ, 2, 2.5, 0, 0, 0 },
        { MLOPS_BINARY_EQ, NAN, 2.5, NAN, NAN, 0 }
    };

    (void) state;

    for (i = 0; i < mlops_nitems(cases); i++) {
        c = &cases[i];

        for (form = 0; form < 6; form++) {
            f32 = form & 1;
            flags = f32 ? MLOPS_STEP_F32 : 0;
            x[0] = c->a;
            x[1] = c->b;

            if (form / 2 == 2 && isnan(c->a)) {
                continue;           /* a constant is never NaN */
            }

            s = steps_begin(2);

            if (form / 2 == 0) {
                out = mlops_builder_binary(s.b, c->op, flags, s.in,
                                           s.in + 1, NULL, 1,
                                           MLOPS_BUILDER_NEW);

            } else if (form / 2 == 1) {
                out = mlops_builder_binary(s.b, c->op, flags, s.in, NULL,
                                           &c->b, 1, MLOPS_BUILDER_NEW);

            } else {
                out = mlops_builder_binary(s.b, c->op,
                                           flags | MLOPS_STEP_REVERSED,
                                           s.in + 1, NULL, &c->a, 1,
                                           MLOPS_BUILDER_NEW);
            }

            steps_end(&s, &m, out, 1);

            y = f32 ? c->f : c->y;
            steps_expect(&m, x, &y, 1,
                         (f32 && c->rel > 0) ? 1.3e-7 : c->rel,
                         mlops_binary_name(c->op));
            unit_model_close(&m);
        }
    }
}


static void
test_piecewise(void **state)
{
    steps_t              s;
    uint32_t             i, out;
    unit_model_t         m;
    static const double  x[4] = { 0, 1, 3, 10 };
    static const double  y[4] = { 5, 7, 3, 3 };

    static const double  cases[][2] = {
        { -1e9, 5 }, { 0, 5 }, { 0.5, 6 }, { 1, 7 }, { 2, 5 }, { 3, 3 },
        { 5, 3 }, { 10, 3 }, { INFINITY, 3 }, { -INFINITY, 5 }, { NAN, NAN }
    };

    (void) state;

    s = steps_begin(1);
    out = mlops_builder_piecewise(s.b, s.in[0], MLOPS_BUILDER_NEW, 4, x, y);
    steps_end(&s, &m, out, 1);

    for (i = 0; i < mlops_nitems(cases); i++) {
        steps_expect(&m, &cases[i][0], &cases[i][1], 1, 0, "piecewise");
    }

    unit_model_close(&m);

    s = steps_begin(1);
    out = mlops_builder_piecewise(s.b, s.in[0], MLOPS_BUILDER_NEW, 1, x + 1,
                                  y + 1);
    steps_end(&s, &m, out, 1);
    steps_expect(&m, x, y + 1, 1, 0, "piecewise of one knot");
    unit_model_close(&m);
}


/* 3 inputs, 2 outputs; 0.1f * 3 needs rounding at each step. */

static void
test_dense(void **state)
{
    float                f, want[2];
    steps_t              s;
    uint32_t             i, j, out;
    double               y[2];
    unit_model_t         m;
    static const float   bias[2] = { 0.1f, -0.3f };
    static const float   w[6] = { 0.1f, 1, 0.7f, -2, -0.3f, 0.5f };
    static const double  x[3] = { 3, 0.1, 7 };
    static const double  x_nan[3] = { 3, NAN, 7 };

    static const mlops_unary_t  acts[] = {
        MLOPS_UNARY_IDENTITY, MLOPS_UNARY_RELU, MLOPS_UNARY_SIGMOID,
        MLOPS_UNARY_TANH
    };

    (void) state;

    for (i = 0; i < mlops_nitems(acts); i++) {
        s = steps_begin(3);
        out = mlops_builder_dense(s.b, acts[i], s.in, 3, MLOPS_BUILDER_NEW,
                                  2, bias, w);
        steps_end(&s, &m, out, 2);
        unit_model_eval(&m, 0, x, y);

        for (j = 0; j < 2; j++) {
            f = bias[j];
            f += w[j] * (float) x[0];
            f += w[2 + j] * (float) x[1];
            f += w[4 + j] * (float) x[2];

            want[j] = (i == 0) ? f
                      : (i == 1) ? (f > 0 ? f : 0)
                      : (i == 2) ? (float) (1 / (1 + exp(-(double) f)))
                                 : (float) tanh(f);

            unit_ok(unit_near(y[j], want[j], i < 2 ? 0 : 2e-7),
                    "%s: expected %.9g, got %.9g", mlops_unary_name(acts[i]),
                    want[j], y[j]);
        }

        unit_model_eval(&m, 0, x_nan, y);
        assert_true(isnan(y[0]) && isnan(y[1]));
        unit_model_close(&m);
    }
}


static void
test_softmax(void **state)
{
    steps_t              s;
    uint32_t             f32, out;
    unit_model_t         m;
    static const double  equal[3] = { 1000, 1000, 1000 };
    static const double  third[3] = {
        0.3333333333333333, 0.3333333333333333, 0.3333333333333333
    };
    static const double  x[3] = { 1, 2, 3 };
    static const double  y[3] = {
        0.09003057317038046, 0.24472847105479764, 0.6652409557748218
    };
    static const double  far[3] = { 0, 1e30, -1e30 };
    static const double  one[3] = { 0, 1, 0 };
    static const double  x_nan[3] = { 1, NAN, 3 };
    static const double  y_nan[3] = { NAN, NAN, NAN };

    (void) state;

    for (f32 = 0; f32 < 2; f32++) {
        s = steps_begin(3);
        out = mlops_builder_softmax(s.b, f32 ? MLOPS_STEP_F32 : 0, s.in, 3,
                                    MLOPS_BUILDER_NEW);
        steps_end(&s, &m, out, 3);
        steps_expect(&m, x, y, 3, f32 ? 2e-7 : 3e-16, "softmax");
        steps_expect(&m, equal, third, 3, f32 ? 1e-7 : 0, "softmax, large");
        steps_expect(&m, far, one, 3, 0, "softmax, far");
        steps_expect(&m, x_nan, y_nan, 3, 0, "softmax of NaN");
        unit_model_close(&m);
    }
}


static void
test_argmax(void **state)
{
    steps_t              s;
    uint32_t             i, out;
    unit_model_t         m;

    static const struct {
        double  x[4];
        double  y;
    } cases[] = {
        { { 1, 5, 5, 2 }, 1 },
        { { 0, 0, 0, 0 }, 0 },
        { { -4, -3, -2, -1 }, 3 },
        { { -INFINITY, -INFINITY, -INFINITY, -INFINITY }, 0 },
        { { 1, 2, 3, NAN }, NAN }
    };

    (void) state;

    s = steps_begin(4);
    out = mlops_builder_argmax(s.b, s.in, 4, MLOPS_BUILDER_NEW);
    steps_end(&s, &m, out, 1);

    for (i = 0; i < mlops_nitems(cases); i++) {
        steps_expect(&m, cases[i].x, &cases[i].y, 1, 0, "argmax");
    }

    unit_model_close(&m);
}


static void
test_cumulative(void **state)
{
    steps_t              s;
    uint32_t             f32, out;
    unit_model_t         m;
    static const double  x[6] = { 3, NAN, -1, 3, -INFINITY, 0.5 };
    static const double  y[6] = { -INFINITY, -1, 0.5, 3, 3, NAN };
    static const double  x2[4] = { 1, 0, 0, -50 };

    /* ln 2 = 0.6931471805599453; softplus(-50) = 1.9e-22 */
    static const double  y2[4] = {
        1, 1.6931481805599453, 2.3862963611198906, 2.3862973611198906
    };

    (void) state;

    for (f32 = 0; f32 < 2; f32++) {
        s = steps_begin(6);
        out = mlops_builder_cumulative(s.b, MLOPS_CUMULATIVE_SORT,
                                       f32 ? MLOPS_STEP_F32 : 0, s.in, 6,
                                       MLOPS_BUILDER_NEW);
        steps_end(&s, &m, out, 6);
        steps_expect(&m, x, y, 6, 0, "sort");
        unit_model_close(&m);

        s = steps_begin(4);
        out = mlops_builder_cumulative(s.b, MLOPS_CUMULATIVE_SOFTPLUS,
                                       f32 ? MLOPS_STEP_F32 : 0, s.in, 4,
                                       MLOPS_BUILDER_NEW);
        steps_end(&s, &m, out, 4);
        steps_expect(&m, x2, y2, 4, f32 ? 3e-7 : 4e-16, "softplus");
        unit_model_close(&m);
    }
}


/* Inputs that do not lie side by side, in another order, and twice. */

static void
test_scattered(void **state)
{
    double               bias;
    steps_t              s;
    uint32_t             in[4], out;
    unit_model_t         m;
    static const double  w[4] = { 1, 10, 100, 1000 };
    static const double  x[3] = { 1, 2, 3 };
    static const double  y = 3 + 10 + 300 + 2000;

    (void) state;

    s = steps_begin(3);
    in[0] = s.in[2];
    in[1] = s.in[0];
    in[2] = s.in[2];
    in[3] = s.in[1];
    bias = 0;
    out = mlops_builder_affine(s.b, 0, in, 4, MLOPS_BUILDER_NEW, 1, &bias, w);
    steps_end(&s, &m, out, 1);
    steps_expect(&m, x, &y, 1, 0, "scattered");
    unit_model_close(&m);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_affine),
        cmocka_unit_test(test_affine_f32),
        cmocka_unit_test(test_affine_constant),
        cmocka_unit_test(test_clip_impute),
        cmocka_unit_test(test_map_numbers),
        cmocka_unit_test(test_map_strings),
        cmocka_unit_test(test_unary),
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_piecewise),
        cmocka_unit_test(test_dense),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_argmax),
        cmocka_unit_test(test_cumulative),
        cmocka_unit_test(test_scattered)
    };

    return unit_run(tests);
}
