/*
 * Notes of a fit.
 */

#include "mlops_fit_note.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>


#define MLOPS_FIT_NAMED  60         /* bytes of a name */
#define MLOPS_FIT_ROWS   4096

/* Doubles nearer than this, relatively, are one value that was computed in
 * two ways. */
#define MLOPS_FIT_SAME   0x1p-48


static uint32_t mlops_fit_narrow(double *values, uint32_t n,
    uint32_t *distinct);


void
mlops_fit_note(mlops_fit_t *fit, const char *fmt, ...)
{
    char                    text[MLOPS_ERR_SIZE];
    va_list                 args;
    const mlops_fit_env_t  *env;

    env = fit->env;

    if (env == NULL || env->note == NULL) {
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    env->note(env->ctx, text);
}


void
mlops_fit_named(mlops_fit_named_t *named, const mlops_str_t *name,
    const char *behind)
{
    int     n;
    size_t  len;

    named->n++;

    /* there is room for one name more and for the number of the others */

    if (named->shown + 1 != named->n
        || named->len + 2 * MLOPS_FIT_NAMED > sizeof(named->text))
    {
        return;
    }

    len = (name->len < MLOPS_FIT_NAMED) ? name->len : MLOPS_FIT_NAMED;

    n = snprintf(named->text + named->len, sizeof(named->text) - named->len,
                 "%s\"%.*s\"%s", named->shown ? ", " : "", (int) len,
                 name->data, behind);

    named->len += (size_t) n;
    named->shown++;
}


const char *
mlops_fit_named_text(mlops_fit_named_t *named)
{
    if (named->n > named->shown) {
        (void) snprintf(named->text + named->len,
                        sizeof(named->text) - named->len, " and %u more",
                        named->n - named->shown);
    }

    return named->text;
}


static int
mlops_fit_double_cmp(const void *one, const void *two)
{
    double  a, b;

    a = *(const double *) one;
    b = *(const double *) two;

    return (a > b) - (a < b);
}


void
mlops_fit_note_float(mlops_fit_t *fit)
{
    char                          behind[48];
    double                       *values, v;
    uint32_t                      j, k, n, narrow, distinct;
    uint64_t                      step, i;
    mlops_fit_named_t             named;
    const mlops_matrix_t         *train;
    const mlops_matrix_column_t  *column;

    train = fit->train;
    values = malloc(MLOPS_FIT_ROWS * sizeof(double));

    if (values == NULL) {
        return;
    }

    memset(&named, 0, sizeof(named));
    step = (train->n + MLOPS_FIT_ROWS - 1) / MLOPS_FIT_ROWS;

    for (j = 0; j < train->columns_n; j++) {
        column = &train->columns[j];

        if (column->kind != MLOPS_MATRIX_DOUBLE) {
            continue;
        }

        for (i = 0, n = 0, k = 0; i < train->n; i += step) {
            v = mlops_matrix_value(column, mlops_matrix_row(train, i));

            if (isfinite(v)) {
                values[n++] = v;
                k += (v != (double) (float) v);
            }
        }

        if (k == 0) {
            continue;
        }

        narrow = mlops_fit_narrow(values, n, &distinct);

        if ((uint64_t) narrow * 10 < (uint64_t) distinct * 9) {
            (void) snprintf(behind, sizeof(behind), " (%u of %u values)",
                            narrow, distinct);
            mlops_fit_named(&named, &column->name, behind);
        }
    }

    free(values);

    if (named.n != 0) {
        mlops_fit_note(fit, "float32, as which inputs are taken, cannot tell "
                       "apart the values of %u of them: %s; subtract an "
                       "offset by a step before", named.n,
                       mlops_fit_named_text(&named));
    }
}


/* How many values are left as float32, and how many there are; sorts them. */

static uint32_t
mlops_fit_narrow(double *values, uint32_t n, uint32_t *distinct)
{
    uint32_t  i, narrow;

    qsort(values, n, sizeof(double), mlops_fit_double_cmp);

    *distinct = 0;
    narrow = 0;

    for (i = 0; i < n; i++) {
        *distinct += (i == 0 || values[i] - values[i - 1]
                                > MLOPS_FIT_SAME * fabs(values[i]));
        narrow += (i == 0 || (float) values[i] != (float) values[i - 1]);
    }

    return narrow;
}


int
mlops_fit_target_float(mlops_fit_t *fit)
{
    double                 y, first, d, sum, squares, lost;
    uint64_t               i, n, step;
    const mlops_matrix_t  *train;

    train = fit->train;
    step = (train->n + MLOPS_FIT_ROWS - 1) / MLOPS_FIT_ROWS;

    first = train->n ? train->target[mlops_matrix_row(train, 0)] : 0;
    sum = 0;
    squares = 0;
    lost = 0;

    for (i = 0, n = 0; i < train->n; i += step, n++) {
        y = train->target[mlops_matrix_row(train, i)];

        d = y - (double) (float) y;
        lost += d * d;

        d = y - first;
        sum += d;
        squares += d * d;
    }

    if (n == 0 || !isfinite(squares)) {
        return MLOPS_OK;
    }

    squares -= sum * sum / (double) n;

    if (!(lost > 1e-4 * squares) || squares <= 0) {
        return MLOPS_OK;
    }

    return mlops_field_error(fit->field, "float32 rounds the target by %.3g, "
                             "where its deviation is %.3g: subtract an offset "
                             "from it by a step of train.rows.steps, which a "
                             "step behind this one may add again",
                             sqrt(lost / (double) n),
                             sqrt(squares / (double) n));
}
