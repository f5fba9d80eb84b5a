/*
 * The scan.  Included by mlops_gbdt_scan.c once for each SIMD level, with
 * its MLOPS_GBDT_TARGET and MLOPS_GBDT_NAME.
 */


static MLOPS_GBDT_TARGET void
MLOPS_GBDT_NAME(mlops_gbdt_scan)(const mlops_gbdt_scan_t *scan,
    double *gains)
{
    double              min_rows;
    uint32_t            b;
    long long           g[MLOPS_GBDT_STRIDE + 8], h[MLOPS_GBDT_STRIDE + 8];
    mlops_gbdt_v8d_t    gl, hl, gr, hr, cl, cr, gain;
    mlops_gbdt_v8l_t    left, right, fits;
    mlops_gbdt_pair_t   sum;

    sum = scan->base;

    for (b = 0; b < scan->n; b++) {
        sum += scan->histogram[b];
        g[b] = sum[0];
        h[b] = sum[1];
    }

    for ( /* void */ ; b % 8 != 0; b++) {
        g[b] = sum[0];
        h[b] = sum[1];
    }

    min_rows = scan->min_rows;

    for (b = 0; b < scan->n; b += 8) {
        left = *(const mlops_gbdt_a8l_t *) (h + b);
        right = scan->total[1] - left;

        hl = __builtin_convertvector(left & ~scan->mask, mlops_gbdt_v8d_t)
             * scan->scale[1];
        hr = __builtin_convertvector(right & ~scan->mask, mlops_gbdt_v8d_t)
             * scan->scale[1];

        fits = (mlops_gbdt_v8l_t) (hl >= scan->min_hessian)
               & (mlops_gbdt_v8l_t) (hr >= scan->min_hessian)
               & (mlops_gbdt_v8l_t) (hl + scan->l2 > 0)
               & (mlops_gbdt_v8l_t) (hr + scan->l2 > 0);

        if (min_rows > 1) {

            if (scan->mask) {
                cl = __builtin_convertvector(left & scan->mask,
                                             mlops_gbdt_v8d_t);
                cr = __builtin_convertvector(right & scan->mask,
                                             mlops_gbdt_v8d_t);

            } else {
                cl = hl / scan->unit_h;
                cr = hr / scan->unit_h;
            }

            fits &= (mlops_gbdt_v8l_t) (cl >= min_rows)
                    & (mlops_gbdt_v8l_t) (cr >= min_rows);
        }

        left = *(const mlops_gbdt_a8l_t *) (g + b);
        right = scan->total[0] - left;

        gl = __builtin_convertvector(left, mlops_gbdt_v8d_t)
             * scan->scale[0];
        gr = __builtin_convertvector(right, mlops_gbdt_v8d_t)
             * scan->scale[0];

        if (scan->l1 > 0) {
            MLOPS_GBDT_SHRINK(gl, scan->l1);
            MLOPS_GBDT_SHRINK(gr, scan->l1);
        }

        gain = gl * gl / (hl + scan->l2) + gr * gr / (hr + scan->l2);

        *(mlops_gbdt_a8d_t *) (gains + b) =
                        (mlops_gbdt_v8d_t) (fits & (mlops_gbdt_v8l_t) gain);
    }
}
