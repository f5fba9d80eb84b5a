/*
 * Linear models of random rows: what they find meets the conditions of a
 * minimum, computed here from the weights in the steps.
 *
 *     g_j = 1/Σw Σ w x_j (mean - y) + alpha (1 - l1_ratio) b_j
 *     b_j != 0: g_j = -alpha l1_ratio sign(b_j);  else |g_j| <= that
 *     intercept: Σ w (mean - y) = 0
 */

#include "fits.h"


#define RANDOM_ROWS     60
#define RANDOM_COLUMNS  7
#define RANDOM_CLASSES  4


typedef enum {
    RANDOM_LINEAR = 0,
    RANDOM_ELASTIC,
    RANDOM_LOGISTIC,
    RANDOM_POISSON,
    RANDOM_MULTINOMIAL,
    RANDOM_KINDS
} random_kind_t;


typedef struct {
    random_kind_t   kind;
    uint32_t        n;
    uint32_t        p;
    uint32_t        k;              /* margins */
    double          alpha;
    double          l1_ratio;
    int             intercept;
    int             weighted;
    double          x[RANDOM_COLUMNS][RANDOM_ROWS];
    double          y[RANDOM_ROWS];
    double          w[RANDOM_ROWS];
    char            json[512];
} random_problem_t;


static const char *const  random_fits[] = {
    "linear", "elastic_net", "logistic", "poisson", "multinomial"
};


static double
random_unit(uint64_t *seed)
{
    return (double) (unit_random(seed) >> 11) * 0x1p-53;
}


static void
random_target(random_problem_t *r, uint64_t *seed)
{
    double    z;
    uint32_t  i, j;

    for (i = 0; i < r->n; i++) {
        z = random_unit(seed) * 2 - 1;

        for (j = 0; j < r->p; j++) {
            z += r->x[j][i] * (j % 3 - 0.7);
        }

        z = fmin(z / r->p, 6);

        switch (r->kind) {

        case RANDOM_LOGISTIC:
            r->y[i] = z + random_unit(seed) > 0.5;
            break;

        case RANDOM_POISSON:
            r->y[i] = floor(exp(z) * 4 * random_unit(seed));
            break;

        case RANDOM_MULTINOMIAL:
            r->y[i] = floor(fmin(fmax(z + 2 * random_unit(seed), 0), 1.99)
                            * r->k / 2);
            break;

        default:
            r->y[i] = 10 * z + random_unit(seed);
            break;
        }
    }

    /* a row of each class, and something to count */

    for (i = 0; i < (r->k > 1 ? r->k : 2); i++) {
        r->y[i] = r->kind >= RANDOM_LOGISTIC ? i : r->y[i];
    }
}


static void
random_problem(random_problem_t *r, uint64_t *seed)
{
    double       scale, shift;
    uint32_t     i, j;
    static const double  alphas[] = { 1e-6, 1e-3, 0.05, 0.5 };
    static const double  scales[] = { 1, 1, 1, 1e-3, 30 };

    r->kind = (random_kind_t) (unit_random(seed) % RANDOM_KINDS);
    r->n = 8 + (uint32_t) (unit_random(seed) % (RANDOM_ROWS - 8));
    r->p = 1 + (uint32_t) (unit_random(seed) % RANDOM_COLUMNS);
    r->k = r->kind == RANDOM_MULTINOMIAL
           ? 2 + (uint32_t) (unit_random(seed) % (RANDOM_CLASSES - 1)) : 1;
    r->alpha = alphas[unit_random(seed) % 4];
    r->l1_ratio = r->kind == RANDOM_LINEAR ? 0
                  : (double) (unit_random(seed) % 5) / 4;
    r->l1_ratio = r->kind == RANDOM_ELASTIC && r->l1_ratio == 0
                  ? 0.3 : r->l1_ratio;

    /* what the loss does not decide between classes, columns nearly alike
     * and a penalty of next to nothing together need more steps */

    if (r->kind == RANDOM_MULTINOMIAL && r->l1_ratio > 0) {
        r->alpha = fmax(r->alpha, 1e-3);
    }

    r->intercept = unit_random(seed) % 4 != 0;
    r->weighted = unit_random(seed) % 2;

    for (j = 0; j < r->p; j++) {
        scale = scales[unit_random(seed) % 5];
        shift = (double) (unit_random(seed) % 3);

        for (i = 0; i < r->n; i++) {
            r->x[j][i] = scale * (random_unit(seed) * 4 - 2 + shift);

            /* two columns nearly alike */

            if (j == 2) {
                r->x[j][i] = r->x[1][i] * 2 + 1e-3 * r->x[j][i];
            }
        }
    }

    for (i = 0; i < r->n; i++) {
        r->w[i] = r->weighted ? floor(random_unit(seed) * 4) + (i < 4) : 1;
    }

    random_target(r, seed);

    snprintf(r->json, sizeof(r->json), "{\"kind\":\"model\",\"fit\":\"%s\","
             "\"alpha\":%.17g,%s%.17g%s\"intercept\":%s,\"inputs\":[],"
             "\"outputs\":[%s]}", random_fits[r->kind], r->alpha,
             r->kind == RANDOM_LINEAR ? "\"comment\":\"" : "\"l1_ratio\":",
             r->l1_ratio, r->kind == RANDOM_LINEAR ? "\"," : ",",
             r->intercept ? "true" : "false",
             r->k == 1 ? "\"p\"" : r->k == 2 ? "\"p\",\"q\""
             : r->k == 3 ? "\"p\",\"q\",\"r\""
             : "\"p\",\"q\",\"r\",\"s\"");
}


/* The means of margin k, one for each row. */

static void
random_means(const random_problem_t *r, const double *b, const double *b0,
    double m[RANDOM_CLASSES][RANDOM_ROWS])
{
    double    z[RANDOM_CLASSES], sum, most;
    uint32_t  i, j, k;

    for (i = 0; i < r->n; i++) {
        most = -INFINITY;

        for (k = 0; k < r->k; k++) {
            z[k] = b0[k];

            for (j = 0; j < r->p; j++) {
                z[k] += b[k * r->p + j] * r->x[j][i];
            }

            most = z[k] > most ? z[k] : most;
        }

        if (r->kind == RANDOM_MULTINOMIAL) {

            for (k = 0, sum = 0; k < r->k; k++) {
                sum += exp(z[k] - most);
            }

            for (k = 0; k < r->k; k++) {
                m[k][i] = exp(z[k] - most) / sum;
            }

            continue;
        }

        m[0][i] = r->kind == RANDOM_LOGISTIC ? 1 / (1 + exp(-z[0]))
                  : r->kind == RANDOM_POISSON ? exp(z[0]) : z[0];
    }
}


static void
random_check(const random_problem_t *r, const fits_t *fits)
{
    double    b[RANDOM_CLASSES * RANDOM_COLUMNS], b0[RANDOM_CLASSES];
    double    m[RANDOM_CLASSES][RANDOM_ROWS], g, scale, all, d, limit;
    uint32_t  i, j, k;

    for (k = 0; k < r->k; k++) {
        b0[k] = fits_at(fits_step(fits, 0), "bias", k);

        for (j = 0; j < r->p; j++) {
            b[k * r->p + j] = fits_at(fits_step(fits, 0), "weights",
                                      k * r->p + j);
        }
    }

    random_means(r, b, b0, m);

    for (k = 0; k < r->k; k++) {

        for (j = 0; j <= r->p; j++) {

            for (i = 0, g = 0, scale = 0, all = 0; i < r->n; i++) {
                d = m[k][i] - (r->kind == RANDOM_MULTINOMIAL
                               ? r->y[i] == k : r->y[i]);
                d *= r->w[i] * (j < r->p ? r->x[j][i] : 1);
                g += d;
                scale += r->w[i] * (j < r->p ? fabs(r->x[j][i]) : 1)
                         * (1 + fabs(m[k][i]) + fabs(r->y[i]));
                all += r->w[i];
            }

            g /= all;
            limit = 1e-8 * scale / all;

            if (j == r->p) {
                unit_ok(!r->intercept || fabs(g) <= limit, "%s\nintercept "
                        "%u: %.3g, expected 0", r->json, k, g);
                continue;
            }

            d = b[k * r->p + j];
            g += r->alpha * (1 - r->l1_ratio) * d;
            g += d > 0 ? r->alpha * r->l1_ratio
                 : d < 0 ? -r->alpha * r->l1_ratio : 0;
            limit += d == 0 ? r->alpha * r->l1_ratio : 0;

            unit_ok(fabs(g) <= limit, "%s\n%u rows, %s: weight %u of margin "
                    "%u, %.9g, has %.3g, expected within %.3g\n%.*s",
                    r->json, r->n, r->weighted ? "weighted" : "unweighted",
                    j, k, d, g, limit, (int) fits->report.len,
                    fits->report.data);
        }
    }
}


static void
test_conditions(void **state)
{
    int                rounds;
    fits_t             fits;
    uint32_t           j, i;
    uint64_t           seed;
    random_problem_t   r;

    static const char *const  names[] = {
        "x0", "x1", "x2", "x3", "x4", "x5", "x6"
    };

    (void) state;

    seed = 2026;
    rounds = unit_quick() ? 100 : 1000;

    for (i = 0; i < (uint32_t) rounds; i++) {
        random_problem(&r, &seed);
        fits_init(&fits);

        for (j = 0; j < r.p; j++) {
            fits_column(&fits, names[j], r.x[j], r.n);
        }

        fits.matrix.target = r.y;
        fits.matrix.weight = r.weighted ? r.w : NULL;
        fits.classes_n = r.kind == RANDOM_LOGISTIC ? 2
                         : r.kind == RANDOM_MULTINOMIAL ? r.k : 0;

        fits_well(&fits, r.json);

        if (strstr(fits.report.data, "\"converged\":false") != NULL) {
            unit_ok(0, "%s\n%.*s", r.json, (int) fits.report.len,
                    fits.report.data);
        }

        random_check(&r, &fits);
        fits_done(&fits);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_conditions)
    };

    return unit_run(tests);
}
