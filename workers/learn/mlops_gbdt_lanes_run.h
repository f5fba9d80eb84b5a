/*
 * Exponentials and logistic gradients, eight rows at once.  Included by
 * mlops_gbdt_lanes.c once for each SIMD level, with its MLOPS_GBDT_TARGET
 * and MLOPS_GBDT_NAME; n is a multiple of 8.
 */


static MLOPS_GBDT_TARGET void
MLOPS_GBDT_NAME(mlops_gbdt_exp)(const double *x, double *out, uint32_t n)
{
    uint32_t           i;
    mlops_gbdt_v8d_t   v, e;
    mlops_gbdt_v8l_t   k;

    for (i = 0; i < n; i += 8) {
        v = *(const mlops_gbdt_a8d_t *) (x + i);

        MLOPS_GBDT_EXP(e, v, k);

        *(mlops_gbdt_a8d_t *) (out + i) = e;
    }
}


static MLOPS_GBDT_TARGET void
MLOPS_GBDT_NAME(mlops_gbdt_logistic)(const float *margin,
    const float *target, const float *weight, float *pairs, uint32_t n)
{
    uint32_t           i;
    mlops_gbdt_v8d_t   v, e, p, g, h, w;
    mlops_gbdt_v8f_t   gf, hf;
    mlops_gbdt_v8l_t   k;

    for (i = 0; i < n; i += 8) {
        v = -__builtin_convertvector(*(const mlops_gbdt_a8f_t *) (margin + i),
                                     mlops_gbdt_v8d_t);

        MLOPS_GBDT_EXP(e, v, k);

        p = 1.0 / (1.0 + e);
        g = p - __builtin_convertvector(*(const mlops_gbdt_a8f_t *)
                                        (target + i), mlops_gbdt_v8d_t);
        h = p * (1.0 - p);

        /* at least 1e-16 */

        v = (mlops_gbdt_v8d_t) { 1e-16, 1e-16, 1e-16, 1e-16, 1e-16, 1e-16,
                                 1e-16, 1e-16 };
        k = (mlops_gbdt_v8l_t) (h < v);
        h = (mlops_gbdt_v8d_t) ((k & (mlops_gbdt_v8l_t) v)
                                | (~k & (mlops_gbdt_v8l_t) h));

        if (weight != NULL) {
            w = __builtin_convertvector(*(const mlops_gbdt_a8f_t *)
                                        (weight + i), mlops_gbdt_v8d_t);
            g *= w;
            h *= w;
        }

        gf = __builtin_convertvector(g, mlops_gbdt_v8f_t);
        hf = __builtin_convertvector(h, mlops_gbdt_v8f_t);

        *(mlops_gbdt_a8f_t *) (pairs + 2 * i) =
            __builtin_shufflevector(gf, hf, 0, 8, 1, 9, 2, 10, 3, 11);
        *(mlops_gbdt_a8f_t *) (pairs + 2 * i + 8) =
            __builtin_shufflevector(gf, hf, 4, 12, 5, 13, 6, 14, 7, 15);
    }
}
