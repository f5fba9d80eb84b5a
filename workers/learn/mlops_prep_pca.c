/*
 * The fitter of affine "pca": principal components.
 *
 * Inputs are centred, and with "standardize" divided by their deviations;
 * components are right singular vectors, by descending variance, each with
 * its largest weight positive (as scikit-learn has them).  "components" says
 * how many, or "variance" which share of the variance they are to have; with
 * "whiten" each is divided by its standard deviation (n - 1).
 */

#include "mlops_linear.h"
#include "mlops_prep.h"
#include "mlops_fitters.h"
#include "mlops_svd.h"

#include <math.h>
#include <stdlib.h>


typedef struct {
    int64_t          components;    /* 0: by variance */
    double           variance;
    int              standardize;
    int              whiten;
    int              skip;
    mlops_design_t   design;
    double          *s;             /* singular values */
    double          *v;             /* rows: vectors over active columns */
    uint32_t         k;             /* components taken */
} mlops_prep_pca_t;


static int mlops_prep_pca_keys(mlops_fit_t *fit, mlops_prep_pca_t *pca);
static int mlops_prep_pca_check(mlops_fit_t *fit);
static int mlops_prep_pca_run(mlops_fit_t *fit);
static int mlops_prep_pca_find(mlops_fit_t *fit, mlops_prep_pca_t *pca);
static int mlops_prep_pca_choose(mlops_fit_t *fit, mlops_prep_pca_t *pca);
static int mlops_prep_pca_write(mlops_fit_t *fit, mlops_prep_pca_t *pca);


static const char *const  mlops_prep_pca_names[] = {
    "components", "variance", "standardize", "whiten", "missing", NULL
};


const mlops_fitter_t  mlops_fit_affine_pca = {
    "affine", "pca", MLOPS_FIT_VARYING, mlops_prep_pca_names,
    mlops_prep_pca_check, mlops_prep_pca_run, NULL
};


static int
mlops_prep_pca_keys(mlops_fit_t *fit, mlops_prep_pca_t *pca)
{
    static const char *const  words[] = { "error", "skip", NULL };

    pca->components = fit->outputs_n;

    if (mlops_doc_get(fit->step, "components") != NULL
        && mlops_field_int(fit->field, fit->step, "components", 1,
                           MLOPS_QR_COLUMNS, 1, &pca->components)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (mlops_field_number(fit->field, fit->step, "variance", 0, 1, 1,
                           &pca->variance)
        != MLOPS_OK
        || mlops_fit_flag(fit, "standardize", 0, &pca->standardize)
           != MLOPS_OK
        || mlops_fit_flag(fit, "whiten", 0, &pca->whiten) != MLOPS_OK
        || mlops_field_word(fit->field, fit->step, "missing", words, 0,
                            &pca->skip)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (pca->components > 0
        && mlops_doc_get(fit->step, "variance") != NULL)
    {
        return mlops_field_error(fit->field, "expected components or "
                                 "variance, got both");
    }

    if (fit->train == NULL) {
        return MLOPS_OK;
    }

    if (pca->components > (int64_t) fit->train->columns_n
        || fit->train->columns_n > MLOPS_QR_COLUMNS - 2)
    {
        return mlops_field_error(fit->field, "components: expected at most "
                                 "the number of inputs, %u, got %lld",
                                 fit->train->columns_n,
                                 (long long) pca->components);
    }

    return MLOPS_OK;
}


static int
mlops_prep_pca_check(mlops_fit_t *fit)
{
    mlops_prep_pca_t  pca;

    return mlops_prep_pca_keys(fit, &pca);
}


static int
mlops_prep_pca_run(mlops_fit_t *fit)
{
    int               rc;
    mlops_prep_pca_t  pca;

    if (mlops_prep_pca_keys(fit, &pca) != MLOPS_OK
        || mlops_design_init(&pca.design, fit, MLOPS_DESIGN_CENTRE
                             | (pca.skip ? MLOPS_DESIGN_SKIP : 0))
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    pca.s = NULL;
    pca.v = NULL;

    rc = mlops_prep_pca_find(fit, &pca);

    if (rc == MLOPS_OK) {
        rc = mlops_prep_pca_choose(fit, &pca);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_prep_pca_write(fit, &pca);
    }

    free(pca.s);
    free(pca.v);
    mlops_design_free(&pca.design);

    return rc;
}


/* The triangle of the scaled columns, scaled back unless standardised: its
 * singular vectors are those of the rows. */

static int
mlops_prep_pca_find(mlops_fit_t *fit, mlops_prep_pca_t *pca)
{
    int         rc;
    double     *a, scale;
    size_t      stride;
    uint32_t    i, j, n, p;
    uint64_t    first;
    mlops_qr_t  qr;

    p = pca->design.active_n;

    if (p == 0) {
        return mlops_field_error(fit->field, "inputs: all %u are constant in "
                                 "the training rows", pca->design.p);
    }

    if (mlops_qr_init(&qr, p) != MLOPS_OK) {
        return mlops_field_memory(fit->field);
    }

    for (first = 0; first < pca->design.n; first += n) {
        n = pca->design.n - first < qr.height
            ? (uint32_t) (pca->design.n - first) : qr.height;

        mlops_design_block(&pca->design, first, n, qr.block, qr.height);
        mlops_qr_add(&qr, n);
    }

    stride = mlops_lanes_pad(p);
    a = mlops_lanes_alloc(p, stride);
    pca->s = malloc(p * sizeof(double));
    pca->v = malloc((size_t) p * p * sizeof(double));

    if (a == NULL || pca->s == NULL || pca->v == NULL) {
        mlops_qr_free(&qr);
        free(a);
        return mlops_field_memory(fit->field);
    }

    for (j = 0; j < p; j++) {
        scale = pca->standardize ? 1
                                 : pca->design.scale[pca->design.active[j]];

        for (i = 0; i <= j; i++) {
            a[j * stride + i] = qr.r[i * qr.stride + j] * scale;
        }
    }

    rc = mlops_svd(a, p, stride, pca->s, pca->v);

    mlops_qr_free(&qr);
    free(a);

    if (rc == MLOPS_ERROR) {
        return mlops_field_memory(fit->field);
    }

    if (rc != MLOPS_OK) {
        return mlops_field_error(fit->field, "the components were not found: "
                                 "scales of the inputs are too different; "
                                 "set standardize");
    }

    return MLOPS_OK;
}


static int
mlops_prep_pca_choose(mlops_fit_t *fit, mlops_prep_pca_t *pca)
{
    double    all, sum;
    uint32_t  i, p, most;

    p = pca->design.active_n;
    most = pca->design.n < p ? (uint32_t) pca->design.n : p;

    for (i = 0, all = 0; i < p; i++) {
        all += pca->s[i] * pca->s[i];
    }

    pca->k = (uint32_t) pca->components;

    for (sum = 0; pca->components == 0 && pca->k < most; /* void */) {
        sum += pca->s[pca->k] * pca->s[pca->k];
        pca->k++;

        if (sum >= pca->variance * all) {
            break;
        }
    }

    if (pca->k > most) {
        return mlops_field_error(fit->field, "components: expected at most "
                                 "%u (%u inputs that are not constant, %llu "
                                 "rows), got %u", most, p,
                                 (unsigned long long) pca->design.n, pca->k);
    }

    mlops_fit_report(fit, "variance");

    for (i = 0; i < pca->k; i++) {
        mlops_import_text(fit->report, i ? "," : "[");
        mlops_fit_write_number(fit->report,
                               pca->s[i] * pca->s[i] / all);
    }

    mlops_import_text(fit->report, "]");

    return MLOPS_OK;
}


static int
mlops_prep_pca_write(mlops_fit_t *fit, mlops_prep_pca_t *pca)
{
    double           *row, *weights, scale;
    uint32_t          i, j, n;
    mlops_str_t      *inputs, *centred, *names;
    mlops_design_t   *design;

    design = &pca->design;
    n = design->p;

    names = mlops_arena_alloc(fit->field->arena,
                              pca->k * sizeof(mlops_str_t));
    weights = mlops_arena_calloc(fit->field->arena, (size_t) pca->k * n,
                                 sizeof(double));
    inputs = mlops_fit_inputs(fit);

    if (names == NULL || weights == NULL || inputs == NULL) {
        return mlops_field_memory(fit->field);
    }

    for (i = 0; i < pca->k; i++) {
        names[i] = fit->outputs_n > 0 ? fit->outputs[i]
                   : mlops_fit_name(fit, "%.*s%u", mlops_fmt(&fit->prefix),
                                    i + 1);
        if (names[i].data == NULL) {
            return MLOPS_ERROR;
        }

        row = weights + (size_t) i * n;
        scale = 1;

        if (pca->whiten) {
            scale = pca->s[i] / sqrt((double) design->n - 1);

            if (!(scale > 0) || !isfinite(1 / scale)) {
                return mlops_field_error(fit->field, "whiten: component %u "
                                         "has no variance", i + 1);
            }
        }

        for (j = 0; j < design->active_n; j++) {
            row[design->active[j]] =
                pca->v[(size_t) i * design->active_n + j] / scale
                / (pca->standardize ? design->scale[design->active[j]] : 1);
        }
    }

    centred = mlops_prep_names(fit, names, "centred", n);
    if (centred == NULL) {
        return MLOPS_ERROR;
    }

    mlops_prep_binary(fit, "sub", inputs, centred, n, design->mean);

    mlops_fit_step(fit, "affine", centred, n, names, pca->k);
    mlops_import_text(fit->steps, ",\"weights\":[");

    for (i = 0; i < pca->k; i++) {
        mlops_import_text(fit->steps, i ? "," : "");
        mlops_fit_write_numbers(fit->steps, weights + (size_t) i * n, n);
    }

    mlops_import_text(fit->steps, "]");
    mlops_fit_end(fit);

    return mlops_prep_done(fit);
}
