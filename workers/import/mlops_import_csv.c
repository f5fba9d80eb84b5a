/*
 * CSV files of the importer, by the server's own reader (core/json).
 */

#include "mlops_import_job.h"
#include "mlops_csv.h"
#include "mlops_request.h"


int
mlops_import_csv(mlops_import_job_t *job, const char *data, size_t len,
    mlops_schema_t *schema, mlops_rows_t *rows)
{
    int                 rc;
    mlops_limits_t      limits;
    mlops_request_t     request;
    mlops_interface_t   face;
    mlops_signature_t   signature;

    if (mlops_schema_index(schema, job->arena, job->err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    memset(&signature, 0, sizeof(signature));
    signature.inputs = *schema;

    face.n = 1;
    face.signatures = &signature;

    limits.rows = UINT32_MAX;
    limits.elements = UINT32_MAX;
    limits.depth = 64;
    limits.inputs = UINT32_MAX;
    limits.nonfinite = 1;

    rc = mlops_request_csv(&request, &face, 0, &limits, data, len, job->arena,
                           job->err);

    *rows = request.rows;
    rows->schema = schema;

    return (rc == MLOPS_OK) ? MLOPS_OK : MLOPS_ERROR;
}


/* The first line that is not empty: once to count, once to keep. */

int
mlops_import_csv_names(mlops_import_job_t *job, const char *data, size_t len,
    mlops_str_t **names, uint32_t *n)
{
    char              *to;
    uint32_t           i;
    const char        *p, *start, *end;
    mlops_csv_cell_t   cell;

    end = data + len;
    start = mlops_csv_start(data, end);

    while (start < end && (*start == '\n' || *start == '\r')) {
        start++;
    }

    *n = 0;

    for (p = start; *n == 0 || (p < end && *p == ','); (*n)++) {
        p = mlops_csv_cell(data, p + (*n != 0), end, &cell, job->err);

        if (p == NULL) {
            return MLOPS_ERROR;
        }
    }

    *names = mlops_arena_alloc(job->arena, *n * sizeof(mlops_str_t));
    to = mlops_arena_alloc(job->arena, (size_t) (p - start) + 1);

    if (*names == NULL || to == NULL) {
        return mlops_err_set(job->err, "out of memory");
    }

    for (i = 0, p = start; i < *n; i++) {
        p = mlops_csv_cell(data, p + (i != 0), end, &cell, job->err);

        (*names)[i].data = to;
        (*names)[i].len = mlops_csv_unquote(to, cell.p, cell.len);

        to += (*names)[i].len;
    }

    return MLOPS_OK;
}
