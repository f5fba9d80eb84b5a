/*
 * The builder's own golden rows.
 *
 * They go where programs tend to differ: every category and an unknown one,
 * missing values, the thresholds of trees, tables and bounds and one unit in
 * the last place to both sides, the ends of the training range and beyond.
 * The choice depends on row and column alone, so that the same calls give
 * the same rows.
 */

#include "mlops_builder.h"

#include <math.h>
#include <stdlib.h>


#define MLOPS_OWN_ROWS   64         /* of all signatures together */
#define MLOPS_OWN_CELLS  65536      /* inputs and results, likewise */


typedef struct {
    uint32_t         n;
    const double    *values;
} mlops_probes_t;


static int mlops_own_signature(mlops_builder_t *builder,
    const mlops_model_t *model, uint32_t signature, uint32_t rows,
    const mlops_probes_t *probes, void *scratch);
static int mlops_own_cell(mlops_builder_t *builder,
    const mlops_column_t *column, const mlops_probes_t *probes, uint32_t row,
    uint32_t number, mlops_cell_t *cell);
static void mlops_own_string(mlops_builder_t *builder,
    const mlops_column_t *column, uint32_t row, mlops_cell_t *cell);
static double mlops_own_number(const mlops_column_t *column,
    const mlops_probes_t *probes, uint32_t row);
static double mlops_own_nudge(const mlops_column_t *column, double value,
    uint32_t turn);
static void mlops_own_convert(const mlops_column_t *column, double value,
    mlops_cell_t *cell);


int
mlops_builder_own_golden(mlops_builder_t *builder,
    const mlops_model_t *model)
{
    int                   rc;
    void                 *scratch;
    double               *values;
    uint32_t              i, rows, n, all, *next;
    mlops_probe_t        *probe;
    mlops_probes_t       *probes;
    const mlops_column_t *columns;

    n = mlops_builder_n(&builder->probes, mlops_probe_t);
    probe = (mlops_probe_t *) builder->probes.data;

    scratch = aligned_alloc(64, mlops_model_scratch_size(model));
    values = calloc((size_t) n + 1, sizeof(double));
    probes = calloc(builder->input_n, sizeof(mlops_probes_t));
    next = calloc(builder->input_n, sizeof(uint32_t));

    rc = MLOPS_ERROR;

    if (scratch == NULL || values == NULL || probes == NULL || next == NULL) {
        (void) mlops_builder_fail(builder, "out of memory");
        goto done;
    }

    /* values of one cell side by side */

    for (i = 0, all = 0; i < builder->input_n; i++) {
        probes[i].values = values + all;
        next[i] = all;
        all += ((uint32_t *) builder->probes_n.data)[i];
    }

    for (i = 0; i < n; i++) {
        values[next[probe[i].cell]++] = probe[i].value;
        probes[probe[i].cell].n++;
    }

    for (i = 0; i < model->face.n; i++) {
        columns = model->face.signatures[i].inputs.columns;
        rows = 24;

        for (n = 0; n < model->face.signatures[i].inputs.n; n++) {
            if (columns[n].categories_n + 3 > rows) {
                rows = columns[n].categories_n + 3;
            }
        }

        n = model->face.signatures[i].inputs.n
            + model->face.signatures[i].cells_n;
        all = MLOPS_OWN_CELLS / model->face.n / n + 1;

        rows = (rows < all) ? rows : all;
        all = MLOPS_OWN_ROWS / model->face.n;
        rows = (rows < all) ? rows : all;

        if (mlops_own_signature(builder, model, i, rows, probes, scratch)
            != MLOPS_OK)
        {
            goto done;
        }
    }

    rc = MLOPS_OK;

done:

    free(scratch);
    free(values);
    free(probes);
    free(next);

    return rc;
}


static int
mlops_own_signature(mlops_builder_t *builder, const mlops_model_t *model,
    uint32_t signature, uint32_t rows, const mlops_probes_t *probes,
    void *scratch)
{
    int                       rc;
    uint32_t                  i, j;
    uint64_t                 *present;
    mlops_cell_t             *inputs, *results;
    const mlops_program_t    *program;
    const mlops_signature_t  *face;

    face = &model->face.signatures[signature];
    program = &model->programs[signature];

    inputs = calloc(face->inputs.n, sizeof(mlops_cell_t));
    present = calloc(mlops_row_words(face->inputs.n), sizeof(uint64_t));
    results = calloc(face->cells_n, sizeof(mlops_cell_t));

    rc = MLOPS_ERROR;

    if (inputs == NULL || present == NULL || results == NULL) {
        (void) mlops_builder_fail(builder, "out of memory");
        goto done;
    }

    for (i = 0; i < rows && builder->golden_n < MLOPS_IMAGE_MAX_GOLDEN; i++) {

        for (j = 0; j < face->inputs.n; j++) {
            if (mlops_own_cell(builder, &face->inputs.columns[j],
                               &probes[program->inputs[j]], i, j, &inputs[j]))
            {
                mlops_bit_set(present, j);

            } else {
                mlops_bit_clear(present, j);
            }
        }

        if (builder->failed) {
            goto done;
        }

        mlops_model_eval(model, signature, inputs, present,
                         builder->sections[MLOPS_SECTION_TEXT].data, scratch,
                         results, NULL);

        mlops_builder_golden(builder, signature, inputs, present, NULL,
                             results, NULL);
    }

    rc = builder->failed ? MLOPS_ERROR : MLOPS_OK;

done:

    free(inputs);
    free(present);
    free(results);

    return rc;
}


/* Returns 0 where the value is missing. */

static int
mlops_own_cell(mlops_builder_t *builder, const mlops_column_t *column,
    const mlops_probes_t *probes, uint32_t row, uint32_t number,
    mlops_cell_t *cell)
{
    cell->u = 0;

    if (row == 1 || (row > 2 && (row * 7 + number * 3) % 11 == 0)) {

        if (column->kind == MLOPS_CELL_DOUBLE) {
            cell->f = NAN;
        }

        return 0;
    }

    if (column->kind == MLOPS_CELL_STRING) {
        mlops_own_string(builder, column, row, cell);

    } else {
        mlops_own_convert(column, mlops_own_number(column, probes,
                                                   row + number % 5), cell);
    }

    return 1;
}


static void
mlops_own_string(mlops_builder_t *builder, const mlops_column_t *column,
    uint32_t row, mlops_cell_t *cell)
{
    const mlops_str_t   *text;
    mlops_image_text_t   ref;

    if (row == 2 || column->categories_n == 0) {
        ref = mlops_builder_text(builder, "?unknown", 8);

    } else {
        text = &column->categories[row % column->categories_n];
        ref = mlops_builder_text(builder, text->data, text->len);
    }

    cell->s.off = ref.off;
    cell->s.len = ref.len;
}


static double
mlops_own_number(const mlops_column_t *column, const mlops_probes_t *probes,
    uint32_t row)
{
    int     ranged;
    double  lo, hi;

    ranged = (column->flags & MLOPS_COLUMN_RANGE) && isfinite(column->lo)
             && isfinite(column->hi);
    lo = ranged ? column->lo : -1;
    hi = ranged ? column->hi : 3;

    if (row >= 6 && probes->n > 0 && row % 8 != 7) {
        return mlops_own_nudge(column, probes->values[row / 3 % probes->n],
                               row % 3);
    }

    switch (row % 6) {

    case 0:
        return lo / 2 + hi / 2;

    case 1:
        return lo;

    case 2:
        return hi;

    case 3:
        return hi + (hi - lo) * (1 + row / 6);

    case 4:
        return lo - (hi - lo) * (1 + row / 6);

    default:
        return lo + (hi - lo) * (row / 6 % 7) / 7;
    }
}


static double
mlops_own_nudge(const mlops_column_t *column, double value, uint32_t turn)
{
    double  to;

    if (turn == 0) {
        return value;
    }

    to = (turn == 1) ? -INFINITY : INFINITY;

    if (mlops_type_kind(column->type) != MLOPS_CELL_DOUBLE) {
        return value + (turn == 1 ? -1 : 1);
    }

    return (column->type == MLOPS_TYPE_FP32)
           ? (double) nextafterf((float) value, (float) to)
           : nextafter(value, to);
}


static void
mlops_own_convert(const mlops_column_t *column, double value,
    mlops_cell_t *cell)
{
    int64_t   lo;
    uint64_t  hi;

    mlops_type_limits(column->type, &lo, &hi);

    switch (column->kind) {

    case MLOPS_CELL_INT:
        value = floor(value);
        cell->i = !(value > (double) lo) ? lo
                  : (value >= (double) hi) ? (int64_t) hi : (int64_t) value;
        break;

    case MLOPS_CELL_UINT:
        value = floor(value);
        cell->u = !(value > 0) ? 0
                  : (value >= (double) hi) ? hi : (uint64_t) value;
        break;

    default:
        cell->f = (column->type == MLOPS_TYPE_FP32) ? (float) value : value;
    }
}
