/*
 * The rows of a matrix as CSV for a command: a line of names, then the
 * step's inputs, the target, the weight.
 *
 * Numbers are the shortest decimals that read back the same; a missing one is
 * an empty cell.  A category is its text, or its number where codes are asked
 * for; an empty text is "" and a missing one nothing.
 */

#include "mlops_exec.h"
#include "mlops_num.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


static void mlops_exec_cell(mlops_exec_t *ex, FILE *f,
    const mlops_matrix_column_t *column, uint64_t row);
static void mlops_exec_number(FILE *f, double value, int f32);
static void mlops_exec_string(FILE *f, const mlops_str_t *text);
static char *mlops_exec_unlike(mlops_exec_t *ex, const mlops_matrix_t *matrix,
    const char *name);


int
mlops_exec_rows(mlops_exec_t *ex, const mlops_matrix_t *matrix,
    const char *path)
{
    int           bad;
    FILE         *f;
    uint32_t      c;
    uint64_t      i, row;
    mlops_str_t   name;

    ex->target = mlops_exec_unlike(ex, matrix, "target");
    ex->weight = mlops_exec_unlike(ex, matrix, "weight");

    if (ex->target == NULL || ex->weight == NULL) {
        return MLOPS_ERROR;
    }

    f = fopen(path, "wxe");

    if (f == NULL) {
        return mlops_field_error(ex->fit->field, "%s: %s", path,
                                 strerror(errno));
    }

    for (c = 0; c < matrix->columns_n; c++) {
        mlops_exec_string(f, &matrix->columns[c].name);
        (void) fputc(',', f);
    }

    name.data = ex->target;
    name.len = strlen(ex->target);
    mlops_exec_string(f, &name);
    (void) fprintf(f, ",%s\n", ex->weight);

    for (i = 0; i < matrix->n && !ferror(f); i++) {
        row = mlops_matrix_row(matrix, i);

        for (c = 0; c < matrix->columns_n; c++) {
            mlops_exec_cell(ex, f, &matrix->columns[c], row);
            (void) fputc(',', f);
        }

        if (matrix->target != NULL) {
            mlops_exec_number(f, matrix->target[row], 0);
        }

        (void) fputc(',', f);
        mlops_exec_number(f, mlops_matrix_weight(matrix, row), 0);
        (void) fputc('\n', f);
    }

    bad = ferror(f);
    bad |= (fclose(f) != 0);

    if (bad || chmod(path, 0400) == -1) {
        return mlops_field_error(ex->fit->field, "%s: %s", path,
                                 strerror(errno));
    }

    return MLOPS_OK;
}


static void
mlops_exec_cell(mlops_exec_t *ex, FILE *f,
    const mlops_matrix_column_t *column, uint64_t row)
{
    uint32_t  code;

    if (column->kind == MLOPS_MATRIX_CODES) {
        code = ((const uint32_t *) column->data)[row];

        if (code == MLOPS_MATRIX_NONE) {
            return;
        }

        if (ex->codes) {
            (void) fprintf(f, "%u", code);

        } else {
            mlops_exec_string(f, &column->categories[code]);
        }

        return;
    }

    mlops_exec_number(f, mlops_matrix_value(column, row),
                      column->kind == MLOPS_MATRIX_FLOAT);
}


static void
mlops_exec_number(FILE *f, double value, int f32)
{
    char  text[MLOPS_DOUBLE_LEN], *end;

    if (isnan(value)) {
        return;
    }

    if (isinf(value)) {
        (void) fputs(value < 0 ? "-inf" : "inf", f);
        return;
    }

    end = f32 ? mlops_print_float(text, (float) value)
              : mlops_print_double(text, value);

    (void) fwrite(text, 1, (size_t) (end - text), f);
}


static void
mlops_exec_string(FILE *f, const mlops_str_t *text)
{
    size_t  i;
    int     quote;

    quote = (text->len == 0);

    for (i = 0; i < text->len && !quote; i++) {
        quote = (strchr("\",\r\n", text->data[i]) != NULL);
    }

    if (!quote) {
        (void) fwrite(text->data, 1, text->len, f);
        return;
    }

    (void) fputc('"', f);

    for (i = 0; i < text->len; i++) {

        if (text->data[i] == '"') {
            (void) fputc('"', f);
        }

        (void) fputc(text->data[i], f);
    }

    (void) fputc('"', f);
}


/* A name that no column has: with underscores in front. */

static char *
mlops_exec_unlike(mlops_exec_t *ex, const mlops_matrix_t *matrix,
    const char *name)
{
    char      *text;
    uint32_t   c;

    text = mlops_exec_text(ex, "%s", name);

    for (c = 0; text != NULL && c < matrix->columns_n; /* void */ ) {

        if (mlops_str_eq(&matrix->columns[c].name, text, strlen(text))) {
            text = mlops_exec_text(ex, "_%s", text);
            c = 0;
            continue;
        }

        c++;
    }

    return text;
}
