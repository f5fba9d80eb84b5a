/*
 * CSV files of the importer, by the server's own reader (core/json).
 */

#include "mlops_import_job.h"
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


/* The first line is taken apart at its commas; a name in quotes may hold
 * them, and line ends. */

int
mlops_import_csv_names(mlops_import_job_t *job, const char *data, size_t len,
    mlops_str_t **names, uint32_t *n)
{
    char         *to;
    uint32_t      max;
    const char   *p, *end;

    p = data;
    end = data + len;

    if (len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
        p += 3;
    }

    while (p < end && (*p == '\n' || *p == '\r')) {
        p++;
    }

    end = memchr(p, '\n', (size_t) (end - p));
    end = end ? end : data + len;

    if (memchr(p, '"', (size_t) (end - p)) != NULL) {
        end = data + len;
    }

    for (max = 1, to = (char *) p; to < end; to++) {
        max += (*to == ',');
    }

    *n = 0;
    *names = mlops_arena_alloc(job->arena, max * sizeof(mlops_str_t));
    to = mlops_arena_alloc(job->arena, (size_t) (end - p) + 1);

    if (*names == NULL || to == NULL) {
        return mlops_err_set(job->err, "out of memory");
    }

    for ( ;; ) {
        (*names)[*n].data = to;

        if (p < end && *p == '"') {

            for (p++; p < end; p++) {

                if (*p == '"') {
                    p++;

                    if (p == end || *p != '"') {
                        break;
                    }
                }

                *to++ = *p;
            }

        } else {

            while (p < end && *p != ',' && *p != '\n' && *p != '\r') {
                *to++ = *p++;
            }
        }

        (*names)[*n].len = (size_t) (to - (*names)[*n].data);
        (*n)++;

        if (p == end || *p != ',') {
            return MLOPS_OK;
        }

        p++;
    }
}
