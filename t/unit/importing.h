/*
 * What the tests of importers share: import, load, evaluate a row, and the
 * library's answers from a CSV file, read by strtod.
 */

#ifndef MLOPS_UNIT_IMPORTING_H
#define MLOPS_UNIT_IMPORTING_H


#include "unit.h"
#include "mlops_import.h"
#include "mlops_model.h"

#include <math.h>


typedef struct {
    void           *image;
    size_t          len;
    mlops_model_t  *model;
} unit_model_t;


static inline void
unit_model_free(unit_model_t *m)
{
    mlops_model_destroy(m->model);
    free(m->image);
}


static inline void
unit_model_load(unit_model_t *m)
{
    mlops_err_t  err;

    m->model = mlops_model_open(m->image, m->len, &err);
    unit_ok(m->model != NULL, "%s", err.text);
}


static inline void
unit_import(unit_model_t *m, const char *path,
    const mlops_import_options_t *options)
{
    int          rc;
    mlops_err_t  err;

    rc = mlops_import_file(path, options, &m->image, &m->len, NULL, &err);
    unit_ok(rc == MLOPS_OK, "%s", rc == MLOPS_OK ? "" : err.text);

    unit_model_load(m);
}


static inline void
unit_import_text(unit_model_t *m, const char *text,
    const mlops_import_options_t *options)
{
    int          rc;
    mlops_err_t  err;

    rc = mlops_import_data(text, strlen(text), NULL, options, &m->image,
                           &m->len, NULL, &err);
    unit_ok(rc == MLOPS_OK, "%s\n%s", rc == MLOPS_OK ? "" : err.text, text);

    unit_model_load(m);
}


/* The import is refused, and the reason holds this text. */

static inline void
unit_refused(const char *data, size_t len,
    const mlops_import_options_t *options, const char *reason)
{
    int           rc;
    void         *image;
    size_t        image_len;
    mlops_err_t   err;

    rc = mlops_import_data(data, len, NULL, options, &image, &image_len, NULL,
                           &err);

    unit_ok(rc == MLOPS_ERROR, "accepted, expected: %s\n%.300s", reason,
            data);
    unit_ok(strstr(err.text, reason) != NULL, "expected: %s\ngot:      %s",
            reason, err.text);
    assert_null(image);
}


static inline uint32_t
unit_signature(const unit_model_t *m, const char *name)
{
    uint32_t                  i;
    const mlops_interface_t  *face;

    face = mlops_model_interface(m->model);

    for (i = 0; i < face->n; i++) {
        if (mlops_str_eq(&face->signatures[i].name, name, strlen(name))) {
            return i;
        }
    }

    unit_ok(0, "no signature %s", name);

    return 0;
}


/* Evaluates numbers, NaN is missing; out has the signature's cells. */

static inline void
unit_eval(const unit_model_t *m, const char *signature, const double *x,
    double *out)
{
    void                     *scratch;
    uint32_t                  i, s;
    uint64_t                 *present;
    mlops_cell_t             *cells, *results;
    const mlops_output_t     *output;
    const mlops_signature_t  *face;

    s = unit_signature(m, signature);
    face = &mlops_model_interface(m->model)->signatures[s];

    cells = calloc(face->inputs.n, sizeof(mlops_cell_t));
    present = calloc(mlops_row_words(face->inputs.n), sizeof(uint64_t));
    results = calloc(face->cells_n, sizeof(mlops_cell_t));
    scratch = aligned_alloc(64, mlops_align(
                                mlops_model_scratch_size(m->model) + 1, 64));

    for (i = 0; i < face->inputs.n; i++) {
        cells[i].f = x[i];

        if (isnan(x[i])) {
            continue;
        }

        mlops_bit_set(present, i);

        if (face->inputs.columns[i].kind == MLOPS_CELL_INT) {
            cells[i].i = (int64_t) x[i];
        }
    }

    mlops_model_eval(m->model, s, cells, present, NULL, scratch, results,
                     NULL);

    for (output = face->outputs; output < face->outputs + face->outputs_n;
         output++)
    {
        for (i = output->first; i < output->first + output->width; i++) {
            out[i] = (mlops_type_kind(output->type) == MLOPS_CELL_INT)
                     ? (double) results[i].i : results[i].f;
        }
    }

    free(cells);
    free(present);
    free(results);
    free(scratch);
}


/* Units in the last place of float32 between two floats. */

static inline double
unit_ulps(double a, double b)
{
    float  x, y;

    x = (float) a;
    y = (float) b;

    if (x == y || (isnan(x) && isnan(y))) {
        return 0;
    }

    return fabs((double) x - (double) y)
           / (double) (nextafterf(fabsf(y), INFINITY) - fabsf(y));
}


/*
 * Compares a model with a CSV file of inputs in the model's order, then
 * predK, then marginK: margins have to be the same bits, predictions within
 * ulps.  Returns the number of rows.
 */

static inline uint32_t
unit_rows(const unit_model_t *m, const char *path, double ulps)
{
    char                     *text, *line, *p, *end;
    double                   *x, *out, want;
    uint32_t                  i, k, inputs, row, width[2];
    const char               *names[2] = { "default", "margin" };
    const mlops_interface_t  *face;

    text = unit_slurp(path, NULL);
    unit_ok(text != NULL, "cannot read %s", path);

    face = mlops_model_interface(m->model);
    inputs = face->signatures[0].inputs.n;
    width[0] = face->signatures[0].cells_n;
    width[1] = face->signatures[1].cells_n;

    x = malloc(inputs * sizeof(double));
    out = malloc((width[0] + width[1]) * sizeof(double));
    line = strchr(text, '\n') + 1;

    for (row = 0; *line != '\0'; row++) {
        p = line;

        for (i = 0; i < inputs; i++) {
            x[i] = strtod(p, &end);
            x[i] = (end == p) ? NAN : x[i];
            p = end + 1;
        }

        for (k = 0; k < 2; k++) {
            unit_eval(m, names[k], x, out);

            for (i = 0; i < width[k]; i++) {
                want = strtod(p, &end);
                assert_true(end > p);
                p = end + 1;

                unit_ok(unit_ulps(out[i], want) <= (k ? 0 : ulps),
                        "%s, row %u, %s %u: expected %.9g, got %.9g", path,
                        row, names[k], i, want, out[i]);
            }
        }

        line = p;
        assert_true(p[-1] == '\n');
    }

    free(x);
    free(out);
    free(text);

    return row;
}


#endif /* MLOPS_UNIT_IMPORTING_H */
