/*
 * Rows with the answers of the library that made the model: what the image
 * answers is compared with them, and some are kept as golden rows.
 */

#include "mlops_import_job.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


#define MLOPS_IMPORT_GOLDEN  32     /* rows kept */


/* The rows of one signature, and where its answers stand in them. */

typedef struct {
    const mlops_signature_t  *signature;
    uint32_t                  number;
    mlops_str_t              *names;        /* of the file */
    uint32_t                  names_n;
    mlops_schema_t            schema;       /* inputs, then answers */
    uint32_t                 *cell;         /* of an answer: the result */
    mlops_type_t             *type;
    uint32_t                  answers_n;
    mlops_rows_t              rows;
    mlops_results_t           results;
    uint8_t                  *equal;        /* of a row */
} mlops_import_check_t;


static int mlops_import_check(mlops_import_job_t *job,
    const mlops_model_t *model, mlops_import_check_t *check, const char *data,
    size_t len);
static int mlops_import_columns(mlops_import_job_t *job,
    mlops_import_check_t *check, int *usable);
static void mlops_import_answers(mlops_import_check_t *check,
    const mlops_output_t *output);
static const mlops_str_t *mlops_import_name(const mlops_import_check_t *check,
    const char *name, size_t len, uint32_t guess);
static int mlops_import_predict(mlops_import_job_t *job,
    const mlops_model_t *model, mlops_import_check_t *check,
    const mlops_rows_t *file);
static int mlops_import_compare(mlops_import_job_t *job,
    mlops_import_check_t *check, const mlops_rows_t *file, uint32_t row);
static int mlops_import_answer(mlops_import_job_t *job,
    mlops_import_check_t *check, const mlops_rows_t *file, uint32_t row,
    uint32_t i, int *equal);
static int mlops_import_keep(mlops_import_job_t *job,
    mlops_import_check_t *check, const mlops_rows_t *file);


int
mlops_import_rows(mlops_import_job_t *job, const mlops_model_t *model)
{
    int                        rc;
    char                      *data, *copy;
    size_t                     len;
    uint32_t                   i, n;
    const mlops_interface_t   *face;
    mlops_import_check_t       check;

    if (mlops_import_read(job->options->rows, &data, &len, job->err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    /* strings of golden rows are used until the end */

    copy = mlops_arena_copy(job->arena, data, len);
    free(data);

    if (copy == NULL) {
        return mlops_err_set(job->err, "out of memory");
    }

    memset(&check, 0, sizeof(check));

    rc = mlops_import_csv_names(job, copy, len, &check.names, &check.names_n);
    face = mlops_model_interface(model);

    for (i = 0; i < face->n && rc == MLOPS_OK; i++) {
        check.signature = &face->signatures[i];
        check.number = i;

        rc = mlops_import_check(job, model, &check, copy, len);
    }

    if (rc == MLOPS_OK && job->report->compared_n == 0) {
        rc = mlops_err_set(job->err, "expected columns of all inputs and an "
                           "output of \"%.*s\" (%.*s), got none of its "
                           "answers", mlops_fmt(&face->signatures[0].name),
                           mlops_fmt(&face->signatures[0].outputs[0].name));
    }

    if (rc != MLOPS_OK) {
        return mlops_err_prefix(job->err, "%s", job->options->rows);
    }

    for (i = 0, n = 0; i < job->report->rows_n; i++) {
        n += check.equal[i];
    }

    job->report->equal_n = n;

    return MLOPS_OK;
}


static int
mlops_import_check(mlops_import_job_t *job, const mlops_model_t *model,
    mlops_import_check_t *check, const char *data, size_t len)
{
    int           usable;
    uint32_t      i;
    mlops_rows_t  file;

    if (mlops_import_columns(job, check, &usable) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (!usable) {
        return MLOPS_OK;
    }

    if (mlops_import_csv(job, data, len, &check->schema, &file) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (check->equal == NULL) {
        check->equal = mlops_arena_alloc(job->arena, file.n);
        if (check->equal == NULL) {
            return mlops_err_set(job->err, "out of memory");
        }

        memset(check->equal, 1, file.n);
        job->report->rows_n = file.n;
    }

    job->report->compared_n += check->answers_n;

    if (mlops_import_predict(job, model, check, &file) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < file.n; i++) {

        if (mlops_import_compare(job, check, &file, i) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    return mlops_import_keep(job, check, &file);
}


/* The schema of the file for this signature: usable where the file has all
 * inputs and at least one answer. */

static int
mlops_import_columns(mlops_import_job_t *job, mlops_import_check_t *check,
    int *usable)
{
    uint32_t                i;
    const mlops_column_t   *column;
    const mlops_schema_t   *inputs;

    *usable = 0;
    inputs = &check->signature->inputs;

    for (i = 0; i < inputs->n; i++) {
        column = &inputs->columns[i];

        if (!(column->flags & MLOPS_COLUMN_DEFAULT)
            && mlops_import_name(check, column->name.data, column->name.len,
                                 i)
               == NULL)
        {
            return MLOPS_OK;
        }
    }

    i = inputs->n + check->signature->cells_n;

    memset(&check->schema, 0, sizeof(mlops_schema_t));
    check->schema.columns = mlops_arena_calloc(job->arena, i,
                                               sizeof(mlops_column_t));
    check->cell = mlops_arena_alloc(job->arena, i * sizeof(uint32_t));
    check->type = mlops_arena_alloc(job->arena, i * sizeof(mlops_type_t));
    check->answers_n = 0;

    if (check->schema.columns == NULL || check->cell == NULL
        || check->type == NULL)
    {
        return mlops_err_set(job->err, "out of memory");
    }

    memcpy(check->schema.columns, inputs->columns,
           inputs->n * sizeof(mlops_column_t));
    check->schema.n = inputs->n;

    for (i = 0; i < check->signature->outputs_n; i++) {

        mlops_import_answers(check, &check->signature->outputs[i]);
    }

    *usable = (check->answers_n != 0);

    return MLOPS_OK;
}


/* An output's columns: "name" where it has one value, "name0" or "name_0"
 * where it is one of several (or of one). */

static void
mlops_import_answers(mlops_import_check_t *check,
    const mlops_output_t *output)
{
    int                 n;
    char                buf[256];
    uint32_t            k, form;
    mlops_column_t     *column;
    const mlops_str_t  *name;
    static const char  *forms[] = { "%.*s%u", "%.*s_%u", "%.*s" };

    if (output->name.len > 128) {
        return;
    }

    for (k = 0; k < output->width; k++) {
        name = NULL;

        for (form = 0; form < 2 * mlops_nitems(forms); form++) {

            if (form % 3 == 2 && output->width > 1) {
                continue;
            }

            if (form < 3) {
                n = snprintf(buf, sizeof(buf), forms[form],
                             mlops_fmt(&output->name), k);

            } else if (mlops_str_is(&output->name, "prediction")) {
                n = snprintf(buf, sizeof(buf), forms[form - 3], 4, "pred", k);

            } else {
                break;
            }

            name = mlops_import_name(check, buf, (size_t) n,
                                     check->schema.n);

            if (name != NULL) {
                break;
            }
        }

        if (name == NULL) {
            continue;
        }

        column = &check->schema.columns[check->schema.n];

        column->name = *name;
        column->type = output->type;
        column->kind = mlops_type_kind(output->type);

        check->cell[check->answers_n] = output->first + k;
        check->type[check->answers_n] = output->type;
        check->answers_n++;
        check->schema.n++;
    }
}


/* Files mostly have the columns in the order of the model. */

static const mlops_str_t *
mlops_import_name(const mlops_import_check_t *check, const char *name,
    size_t len, uint32_t guess)
{
    uint32_t  i;

    if (guess < check->names_n
        && mlops_str_eq(&check->names[guess], name, len))
    {
        return &check->names[guess];
    }

    for (i = 0; i < check->names_n; i++) {
        if (mlops_str_eq(&check->names[i], name, len)) {
            return &check->names[i];
        }
    }

    return NULL;
}


/* Through the same steps as a request: completed, then evaluated. */

static int
mlops_import_predict(mlops_import_job_t *job, const mlops_model_t *model,
    mlops_import_check_t *check, const mlops_rows_t *file)
{
    uint32_t          i, j, n;
    mlops_notice_t    notice;
    const uint64_t   *from;

    n = check->signature->inputs.n;

    if (mlops_rows_alloc(&check->rows, &check->signature->inputs, file->n,
                         job->arena, job->err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    check->rows.text = file->text;

    for (i = 0; i < file->n; i++) {
        memcpy(check->rows.cells + (size_t) i * n,
               file->cells + (size_t) i * file->schema->n,
               n * sizeof(mlops_cell_t));

        from = file->present + (size_t) i * file->words;

        for (j = 0; j < n; j++) {
            if (mlops_bit(from, j)) {
                mlops_bit_set(check->rows.present
                              + (size_t) i * check->rows.words, j);
            }
        }
    }

    if (mlops_rows_complete(&check->rows, MLOPS_RANGE_FLAG, &notice,
                            job->arena, job->err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return mlops_model_predict(model, check->signature, &check->rows,
                               &check->results, job->arena, job->err);
}


static int
mlops_import_compare(mlops_import_job_t *job, mlops_import_check_t *check,
    const mlops_rows_t *file, uint32_t row)
{
    int       equal;
    uint32_t  i;

    for (i = 0; i < check->answers_n; i++) {
        equal = 0;

        if (mlops_import_answer(job, check, file, row, i, &equal)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        if (!equal) {
            check->equal[row] = 0;
        }
    }

    return MLOPS_OK;
}


static int
mlops_import_answer(mlops_import_job_t *job, mlops_import_check_t *check,
    const mlops_rows_t *file, uint32_t row, uint32_t i, int *equal)
{
    int                      there, here;
    double                   want, got, d;
    uint32_t                 column;
    mlops_cell_t             a, b;
    mlops_cell_kind_t        kind;
    const mlops_results_t   *results;

    results = &check->results;
    column = check->signature->inputs.n + i;
    kind = mlops_type_kind(check->type[i]);

    a = file->cells[(size_t) row * file->schema->n + column];
    b = results->cells[(size_t) row * check->signature->cells_n
                       + check->cell[i]];

    there = mlops_bit(file->present + (size_t) row * file->words, column);
    here = (results->missing == NULL
            || !mlops_bit(results->missing
                          + (size_t) row
                            * mlops_row_words(check->signature->cells_n),
                          check->cell[i]));

    if (kind == MLOPS_CELL_STRING) {
        *equal = (there == here)
                 && (!there || (a.s.len == b.s.len
                                && memcmp(file->text + a.s.off,
                                          results->text + b.s.off, a.s.len)
                                   == 0));

        if (*equal) {
            return MLOPS_OK;
        }

        return mlops_err_set(job->err, "row %u: %.*s: expected \"%.*s\", got "
                             "\"%.*s\"", row + 1,
                             mlops_fmt(&check->schema.columns[column].name),
                             (int) (there ? a.s.len : 0),
                             file->text + a.s.off,
                             (int) (here ? b.s.len : 0),
                             results->text + b.s.off);
    }

    want = mlops_cell_number(kind, a, there);
    got = mlops_cell_number(kind, b, here);

    if (isnan(want) && isnan(got)) {
        *equal = 1;
        return MLOPS_OK;
    }

    *equal = (there && here && a.u == b.u);
    d = fabs(got - want);

    if (d > job->report->worst) {
        job->report->worst = d;
    }

    if (*equal || d <= job->tol_abs || d <= job->tol_rel * fabs(want)) {
        return MLOPS_OK;
    }

    return mlops_err_set(job->err, "row %u: %.*s: expected %.17g, got %.17g",
                         row + 1,
                         mlops_fmt(&check->schema.columns[column].name), want,
                         got);
}


mlops_import_golden_t *
mlops_import_golden(mlops_import_job_t *job, uint32_t n)
{
    mlops_import_golden_t  *golden;

    golden = mlops_arena_alloc(job->arena, ((size_t) job->golden_n + n)
                                           * sizeof(mlops_import_golden_t));
    if (golden == NULL) {
        (void) mlops_err_set(job->err, "out of memory");
        return NULL;
    }

    if (job->golden_n != 0) {
        memcpy(golden, job->golden,
               job->golden_n * sizeof(mlops_import_golden_t));
    }

    job->golden = golden;

    return golden + job->golden_n;
}


/* Keeps rows in even distances, where the file has all outputs. */

static int
mlops_import_keep(mlops_import_job_t *job, mlops_import_check_t *check,
    const mlops_rows_t *file)
{
    uint32_t                i, j, k, n, row, cells_n, inputs_n;
    mlops_cell_t           *results;
    mlops_import_golden_t  *golden;

    cells_n = check->signature->cells_n;
    inputs_n = check->signature->inputs.n;

    if (check->answers_n != cells_n) {
        return MLOPS_OK;
    }

    for (i = 0; i < cells_n; i++) {
        if (check->type[i] == MLOPS_TYPE_BYTES) {
            return MLOPS_OK;
        }
    }

    n = (file->n < MLOPS_IMPORT_GOLDEN) ? file->n : MLOPS_IMPORT_GOLDEN;

    golden = mlops_import_golden(job, n);
    if (golden == NULL) {
        return MLOPS_ERROR;
    }

    results = mlops_arena_alloc(job->arena, (size_t) n * cells_n
                                            * sizeof(mlops_cell_t));
    if (results == NULL) {
        return mlops_err_set(job->err, "out of memory");
    }

    for (i = 0; i < n; i++, results += cells_n) {
        row = (uint32_t) ((uint64_t) i * file->n / n);

        for (j = 0, k = 0; j < cells_n; j++) {
            results[check->cell[j]] = file->cells[(size_t) row
                                                  * file->schema->n
                                                  + inputs_n + j];

            k += !mlops_bit(file->present + (size_t) row * file->words,
                            inputs_n + j);
        }

        if (k != 0) {
            continue;
        }

        golden->signature = check->number;
        golden->cells = check->rows.cells + (size_t) row * inputs_n;
        golden->present = check->rows.present
                          + (size_t) row * check->rows.words;
        golden->text = check->rows.text;
        golden->results = results;
        golden->results_text = NULL;
        golden++;

        job->golden_n++;
        job->golden_loose |= !check->equal[row];
    }

    job->report->golden_n = job->golden_n;

    return MLOPS_OK;
}
