/*
 * Short ways to a loaded model, for tests: build, open, evaluate a row.
 */

#ifndef MLOPS_UNIT_MODELS_H
#define MLOPS_UNIT_MODELS_H


#include "unit.h"
#include "toys.h"
#include "mlops_model.h"

#include <math.h>


typedef struct {
    void           *data;
    size_t          len;
    mlops_model_t  *model;
    void           *scratch;
} unit_model_t;


static inline void
unit_model_load(unit_model_t *m)
{
    mlops_err_t  err;

    m->model = mlops_model_open(m->data, m->len, &err);
    unit_ok(m->model != NULL, "%s", err.text);

    m->scratch = aligned_alloc(64, mlops_model_scratch_size(m->model));
    assert_non_null(m->scratch);
}


/* Finishes and destroys the builder. */

static inline void
unit_model_finish(unit_model_t *m, mlops_builder_t *b)
{
    mlops_err_t  err;

    err.text[0] = '\0';

    unit_ok(mlops_builder_finish(b, &m->data, &m->len, &err) == MLOPS_OK,
            "%s", err.text);

    mlops_builder_destroy(b);
    unit_model_load(m);
}


static inline void
unit_model_toy(unit_model_t *m, const char *name)
{
    mlops_err_t  err;

    err.text[0] = '\0';

    unit_ok(toy_build(name, &m->data, &m->len, &err) == MLOPS_OK, "%s: %s",
            name, err.text);
    unit_model_load(m);
}


static inline void
unit_model_close(unit_model_t *m)
{
    free(m->scratch);
    mlops_model_destroy(m->model);
    free(m->data);
}


/* A row of doubles, NaN for missing, by signature number. */

static inline void
unit_model_eval(unit_model_t *m, uint32_t signature, const double *x,
    double *y)
{
    uint32_t                  i, n;
    uint64_t                 *present;
    mlops_cell_t             *in, *out;
    const mlops_signature_t  *face;

    face = &mlops_model_interface(m->model)->signatures[signature];
    n = face->inputs.n;

    /* exact sizes, so that a sanitizer sees what is beyond */

    in = calloc(n, sizeof(*in));
    present = calloc(mlops_row_words(n), sizeof(*present));
    out = calloc(face->cells_n, sizeof(*out));

    for (i = 0; i < n; i++) {
        in[i].f = x[i];

        if (!isnan(x[i])) {
            mlops_bit_set(present, i);
        }
    }

    mlops_model_eval(m->model, signature, in, present, "", m->scratch, out,
                     NULL);

    for (i = 0; i < face->cells_n; i++) {
        y[i] = out[i].f;
    }

    free(in);
    free(present);
    free(out);
}


/* The same number: the same bits, or both NaN. */

static inline int
unit_same(double a, double b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof(a)) == 0;
}


static inline int
unit_near(double a, double b, double rel)
{
    return unit_same(a, b) || fabs(a - b) <= rel * fabs(b);
}


#endif /* MLOPS_UNIT_MODELS_H */
