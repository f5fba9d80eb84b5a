/*
 * What the targets of importers share: import any bytes; what is taken is
 * loaded and answers rows of ordinary and extreme numbers.
 */

#ifndef MLOPS_FUZZ_IMPORTING_H
#define MLOPS_FUZZ_IMPORTING_H


#include "fuzz.h"

#include "mlops_import.h"
#include "mlops_model.h"

#include <math.h>


static void
fuzz_answer(const mlops_model_t *model, uint32_t signature, uint32_t row)
{
    uint32_t                  i;
    mlops_err_t               err;
    mlops_rows_t              rows;
    mlops_arena_t             arena;
    mlops_notice_t            notice;
    mlops_results_t           results;
    const mlops_column_t     *column;
    const mlops_signature_t  *face;
    static const double       numbers[] = {
        0, 1, -1, 0.5, 1e30, -1e30, INFINITY, -INFINITY, 16777216, 1e-40
    };

    face = &mlops_model_interface(model)->signatures[signature];
    mlops_arena_init(&arena, NULL, NULL);

    check(mlops_rows_alloc(&rows, &face->inputs, 1, &arena, &err)
          == MLOPS_OK);
    rows.text = "red";

    for (i = 0; i < face->inputs.n; i++) {
        column = &face->inputs.columns[i];

        if ((i + row) % 4 == 3) {
            continue;
        }

        mlops_bit_set(rows.present, i);

        switch (column->kind) {

        case MLOPS_CELL_DOUBLE:
            rows.cells[i].f = numbers[(i + row * 3) % mlops_nitems(numbers)];
            break;

        case MLOPS_CELL_STRING:
            rows.cells[i].s.off = 0;
            rows.cells[i].s.len = row % 4;
            break;

        default:
            rows.cells[i].u = row & 1;
        }
    }

    if (mlops_rows_complete(&rows, MLOPS_RANGE_FLAG, &notice, &arena, &err)
        == MLOPS_OK)
    {
        check(mlops_model_predict(model, face, &rows, &results, &arena, &err)
              == MLOPS_OK);
    }

    mlops_arena_destroy(&arena);
}


static void
fuzz_import(const char *data, size_t size,
    const mlops_import_options_t *options)
{
    void                   *image;
    size_t                  len;
    uint32_t                i, row;
    mlops_err_t             err;
    mlops_model_t          *model;
    mlops_import_report_t   report;

    err.text[0] = '\0';

    if (mlops_import_data(data, size, NULL, options, &image, &len, &report,
                          &err)
        != MLOPS_OK)
    {
        check(err.text[0] != '\0');
        check(image == NULL);
        return;
    }

    check(report.what[0] != '\0');

    model = mlops_model_open(image, len, &err);
    check(model != NULL);

    for (i = 0; i < mlops_model_interface(model)->n && i < 4; i++) {
        for (row = 0; row < 6; row++) {
            fuzz_answer(model, i, row);
        }
    }

    mlops_model_destroy(model);
    free(image);
}


#endif /* MLOPS_FUZZ_IMPORTING_H */
