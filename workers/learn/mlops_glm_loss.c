/*
 * Losses of generalised linear models and their derivatives.
 */

#include "mlops_glm.h"
#include "mlops_math.h"

#include <math.h>


static double mlops_glm_loss(const mlops_glm_t *glm, uint64_t first,
    uint32_t n, double t);
static double mlops_glm_log_sum(const mlops_glm_t *glm, uint64_t row,
    double t);


double
mlops_glm_objective(const mlops_glm_t *glm, double t, double *bare)
{
    double    b, loss, penalty;
    uint32_t  i, n;
    uint64_t  first;

    for (first = 0, loss = 0; first < glm->design.n; first += n) {
        n = mlops_design_chunk(&glm->design, first);
        loss += mlops_glm_loss(glm, first, n, t);
    }

    for (i = glm->free_n, penalty = 0; i < glm->n; i++) {
        b = glm->b[i] + t * glm->step[i];
        penalty += glm->l1[(i - glm->free_n) % glm->p] * fabs(b)
                   + 0.5 * glm->l2[i] * b * b;
    }

    *bare = loss / (double) glm->design.n;

    return *bare + penalty / (double) glm->design.n;
}


static double
mlops_glm_loss(const mlops_glm_t *glm, uint64_t first, uint32_t n, double t)
{
    double    loss, z, w[MLOPS_DESIGN_CHUNK], y[MLOPS_DESIGN_CHUNK];
    uint32_t  i;
    uint64_t  at;

    mlops_design_weight(&glm->design, first, n, w);
    mlops_design_raw(&glm->design, glm->design.p, first, n, y);

    for (i = 0, loss = 0; i < n; i++) {

        switch (glm->kind) {

        case MLOPS_GLM_LOGISTIC:
            z = glm->z[first + i] + t * glm->dz[first + i];
            loss += w[i] * mlops_softplus(y[i] > 0 ? -z : z);
            break;

        case MLOPS_GLM_POISSON:
            z = glm->z[first + i] + t * glm->dz[first + i];
            loss += w[i] * (mlops_exp(z) - y[i] * z);
            break;

        case MLOPS_GLM_MULTINOMIAL:
            at = (uint64_t) y[i] * glm->design.n + first + i;
            z = glm->z[at] + t * glm->dz[at];
            loss += w[i] * (mlops_glm_log_sum(glm, first + i, t) - z);
            break;
        }
    }

    return loss;
}


/* log Σ exp(z_k), the largest taken out. */

static double
mlops_glm_log_sum(const mlops_glm_t *glm, uint64_t row, double t)
{
    double    most, sum, z;
    uint32_t  k;
    uint64_t  n;

    n = glm->design.n;
    most = -INFINITY;

    for (k = 0; k < glm->margins; k++) {
        z = glm->z[k * n + row] + t * glm->dz[k * n + row];
        most = z > most ? z : most;
    }

    for (k = 0, sum = 0; k < glm->margins; k++) {
        z = glm->z[k * n + row] + t * glm->dz[k * n + row];
        sum += mlops_exp(z - most);
    }

    return most + mlops_log(sum);
}


void
mlops_glm_rows(const mlops_glm_t *glm, uint64_t first, uint32_t n,
    double *slope, double *curve)
{
    double         p, y[MLOPS_DESIGN_CHUNK];
    uint32_t       i;
    const double  *z;

    z = glm->z + first;

    mlops_design_weight(&glm->design, first, n, curve);
    mlops_design_raw(&glm->design, glm->design.p, first, n, y);

    for (i = 0; i < n; i++) {

        if (glm->kind == MLOPS_GLM_POISSON) {
            p = mlops_exp(z[i]);
            slope[i] = curve[i] * (y[i] - p);
            curve[i] *= p;
            continue;
        }

        /* y - p and p (1 - p) keep their digits where p is close to 1 */

        p = mlops_sigmoid(-fabs(z[i]));
        slope[i] = curve[i] * ((z[i] > 0) == (y[i] > 0)
                               ? (y[i] > 0 ? p : -p)
                               : (y[i] > 0 ? 1 - p : p - 1));
        curve[i] *= p * (1 - p);
    }
}


void
mlops_glm_softmax(const mlops_glm_t *glm, uint64_t first, uint32_t n,
    double *out)
{
    double    most, sum, z;
    uint32_t  i, k;
    uint64_t  rows;

    rows = glm->design.n;

    for (i = 0; i < n; i++) {
        most = -INFINITY;

        for (k = 0; k < glm->margins; k++) {
            z = glm->z[k * rows + first + i];
            most = z > most ? z : most;
        }

        for (k = 0, sum = 0; k < glm->margins; k++) {
            z = mlops_exp(glm->z[k * rows + first + i] - most);
            out[k * MLOPS_DESIGN_CHUNK + i] = z;
            sum += z;
        }

        for (k = 0; k < glm->margins; k++) {
            out[k * MLOPS_DESIGN_CHUNK + i] /= sum;
        }
    }
}
