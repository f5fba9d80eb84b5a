/*
 * mlopsctl predict: a CSV file through the model, by the functions that
 * answer requests.
 *
 * The input is cut into batches at line ends outside quotes; each is put
 * behind a copy of the header and read as one request.  A batch that is
 * refused is read again record by record, so that the error names the line.
 */

#include "mlopsctl.h"
#include "mlops_request.h"

#include <errno.h>


#define MLOPSCTL_READ    (256 * 1024)           /* bytes of input a batch */
#define MLOPSCTL_RECORD  (64 * 1024 * 1024)     /* the longest record */


typedef struct {
    mlops_interface_t      face;
    const mlops_model_t   *model;

    char                  *data;        /* header, then records */
    size_t                 len;
    size_t                 size;
    size_t                 header_len;  /* 0: not yet complete */
    uint64_t               header_lines;
    uint64_t               line;        /* of the first record, from 1 on */
    int                    answered;    /* the header of the output is out */
    int                    eof;
} mlopsctl_predict_t;


static int mlopsctl_predict_signature(mlopsctl_predict_t *predict,
    const char *name);
static int mlopsctl_predict_stream(mlopsctl_predict_t *predict);
static int mlopsctl_predict_fill(mlopsctl_predict_t *predict);
static size_t mlopsctl_predict_cut(const mlopsctl_predict_t *predict,
    size_t from, int first);
static uint64_t mlopsctl_predict_lines(const char *p, size_t len);
static int mlopsctl_predict_batch(mlopsctl_predict_t *predict, size_t end,
    int complete);
static int mlopsctl_predict_rows(mlopsctl_predict_t *predict,
    const char *data, size_t len, int write, mlops_err_t *err);
static int mlopsctl_predict_write(mlopsctl_predict_t *predict,
    const mlops_request_t *request, const mlops_results_t *results,
    mlops_arena_t *arena, mlops_err_t *err);
static int mlopsctl_predict_blame(mlopsctl_predict_t *predict, size_t end,
    const mlops_err_t *batch);
static void mlopsctl_predict_trim(mlops_err_t *err, const char *what);


int
mlopsctl_predict(int argc, char **argv)
{
    int                         c, rc;
    const char                 *signature;
    mlops_err_t                 err;
    mlopsctl_model_t            file;
    mlopsctl_predict_t          predict;
    static const struct option  options[] = {
        { "signature", required_argument, NULL, 's' },
        { NULL, 0, NULL, 0 }
    };

    signature = NULL;

    while ((c = mlopsctl_option(argc, argv, "s:", options)) != -1) {

        if (c != 's') {
            return MLOPSCTL_USAGE;
        }

        signature = optarg;
    }

    if (argc - optind != 1) {
        return mlopsctl_misused("expected one model image, got %d",
                                argc - optind);
    }

    if (mlopsctl_model_open(&file, argv[optind], &err) != MLOPS_OK) {
        return mlopsctl_failed("%s", err.text);
    }

    memset(&predict, 0, sizeof(predict));

    predict.model = file.model;
    predict.face = *mlops_model_interface(file.model);
    predict.line = 1;

    rc = mlopsctl_predict_signature(&predict, signature);

    if (rc == MLOPSCTL_DONE) {
        rc = mlopsctl_predict_stream(&predict);
    }

    free(predict.data);
    mlopsctl_model_close(&file);

    return rc;
}


static int
mlopsctl_predict_signature(mlopsctl_predict_t *predict, const char *name)
{
    uint32_t            i;
    mlops_signature_t  *all;

    if (name == NULL) {
        return MLOPSCTL_DONE;
    }

    all = predict->face.signatures;

    for (i = 0; i < predict->face.n; i++) {
        if (mlops_str_eq(&all[i].name, name, strlen(name))) {
            predict->face.signatures = &all[i];
            predict->face.n = 1;
            return MLOPSCTL_DONE;
        }
    }

    return mlopsctl_failed("there is no signature \"%s\", the first is "
                           "\"%.*s\"", name, mlops_fmt(&all[0].name));
}


static int
mlopsctl_predict_stream(mlopsctl_predict_t *predict)
{
    int     rc;
    size_t  end;

    do {
        rc = mlopsctl_predict_fill(predict);

        if (rc != MLOPSCTL_DONE) {
            return rc;
        }

        if (predict->header_len == 0) {
            end = mlopsctl_predict_cut(predict, 0, 1);

            if (end == 0) {

                if (!predict->eof) {
                    continue;
                }

                end = predict->len;
            }

            predict->header_len = end;
            predict->header_lines = mlopsctl_predict_lines(predict->data,
                                                           end);
            predict->line += predict->header_lines;
        }

        end = predict->eof ? predict->len
                           : mlopsctl_predict_cut(predict,
                                                  predict->header_len, 0);

        if (end > predict->header_len || predict->eof) {
            rc = mlopsctl_predict_batch(predict, end, predict->eof);

            if (rc != MLOPSCTL_DONE) {
                return rc;
            }
        }

    } while (!predict->eof);

    return mlopsctl_flush();
}


/* Reads more input behind what is there. */

static int
mlopsctl_predict_fill(mlopsctl_predict_t *predict)
{
    char    *data;
    size_t   n;

    if (predict->size - predict->len < MLOPSCTL_READ) {

        if (predict->len > MLOPSCTL_RECORD) {
            return mlopsctl_failed("line %llu: the record is longer than %d "
                                   "bytes",
                                   (unsigned long long) predict->line,
                                   MLOPSCTL_RECORD);
        }

        predict->size = predict->size * 2 + MLOPSCTL_READ;
        data = realloc(predict->data, predict->size);

        if (data == NULL) {
            return mlopsctl_failed("out of memory");
        }

        predict->data = data;
    }

    n = fread(predict->data + predict->len, 1, MLOPSCTL_READ, stdin);
    predict->len += n;

    if (n < MLOPSCTL_READ) {

        if (ferror(stdin)) {
            return mlopsctl_failed("cannot read: %s", strerror(errno));
        }

        predict->eof = 1;
    }

    return MLOPSCTL_DONE;
}


/* Behind the first or the last line end outside quotes; from where there is
 * none.  Leading empty lines belong to what follows. */

static size_t
mlopsctl_predict_cut(const mlopsctl_predict_t *predict, size_t from,
    int first)
{
    int     quoted, seen;
    size_t  i, end;

    quoted = 0;
    seen = 0;
    end = from;

    for (i = from; i < predict->len; i++) {

        if (predict->data[i] == '"') {
            quoted = !quoted;
        }

        if (predict->data[i] == '\n' && !quoted) {

            end = i + 1;

            if (first && seen) {
                return end;
            }

        } else if (predict->data[i] != '\r') {
            seen = 1;
        }
    }

    return (first && !seen) ? from : end;
}


static uint64_t
mlopsctl_predict_lines(const char *p, size_t len)
{
    uint64_t     n;
    const char  *end;

    n = 0;
    end = p + len;

    while (p < end && (p = memchr(p, '\n', (size_t) (end - p))) != NULL) {
        n++;
        p++;
    }

    return n;
}


/* Answers the records up to end and moves what is behind them. */

static int
mlopsctl_predict_batch(mlopsctl_predict_t *predict, size_t end, int complete)
{
    size_t       i;
    mlops_err_t  err;

    /* at the end of the input there may be nothing but empty lines */

    for (i = predict->header_len; i < end; i++) {
        if (predict->data[i] != '\n' && predict->data[i] != '\r') {
            break;
        }
    }

    if (i < end || (complete && !predict->answered)) {

        if (mlopsctl_predict_rows(predict, predict->data, end, 1, &err)
            != MLOPS_OK)
        {
            return mlopsctl_predict_blame(predict, end, &err);
        }
    }

    predict->line += mlopsctl_predict_lines(predict->data
                                            + predict->header_len,
                                            end - predict->header_len);

    memmove(predict->data + predict->header_len, predict->data + end,
            predict->len - end);
    predict->len -= end - predict->header_len;

    return MLOPSCTL_DONE;
}


static int
mlopsctl_predict_rows(mlopsctl_predict_t *predict, const char *data,
    size_t len, int write, mlops_err_t *err)
{
    int              rc;
    mlops_arena_t    arena;
    mlops_notice_t   notice;
    mlops_limits_t   limits;
    mlops_request_t  request;
    mlops_results_t  results;

    limits.rows = UINT32_MAX;
    limits.elements = UINT32_MAX;
    limits.depth = 64;
    limits.inputs = UINT32_MAX;
    limits.nonfinite = 1;

    mlops_arena_init(&arena, NULL, NULL);

    rc = mlops_request_csv(&request, &predict->face, 0, &limits, data, len,
                           &arena, err);

    if (rc == MLOPS_OK) {
        rc = mlops_rows_complete(&request.rows, MLOPS_RANGE_FLAG, &notice,
                                 &arena, err);
    }

    if (rc == MLOPS_OK && write) {
        rc = mlops_model_predict(predict->model, request.signature,
                                 &request.rows, &results, &arena, err);

        if (rc == MLOPS_OK) {
            rc = mlopsctl_predict_write(predict, &request, &results, &arena,
                                        err);
        }
    }

    mlops_arena_destroy(&arena);

    return (rc == MLOPS_OK) ? MLOPS_OK : MLOPS_ERROR;
}


/* The answer begins with its header, which only the first batch prints. */

static int
mlopsctl_predict_write(mlopsctl_predict_t *predict,
    const mlops_request_t *request, const mlops_results_t *results,
    mlops_arena_t *arena, mlops_err_t *err)
{
    char              *answer, *start, *end;
    mlops_str_t        none;
    mlops_results_t    empty;

    none.data = "";
    none.len = 0;
    empty = *results;
    empty.n = 0;

    answer = mlops_arena_alloc(arena, mlops_answer_bound(request, results,
                                                         &none, &none));

    if (answer == NULL) {
        return mlops_err_set(err, "out of memory for %u rows", results->n);
    }

    start = answer;

    if (predict->answered) {
        start = mlops_answer_write(answer, request, &empty, &none, &none,
                                   MLOPS_NONFINITE_TOKEN);
    }

    predict->answered = 1;

    end = mlops_answer_write(answer, request, results, &none, &none,
                             MLOPS_NONFINITE_TOKEN);

    if (fwrite(start, 1, (size_t) (end - start), stdout)
        != (size_t) (end - start))
    {
        return mlops_err_set(err, "cannot write: %s", strerror(errno));
    }

    return MLOPS_OK;
}


/* Which record of this batch is to blame?  An error that the header alone
 * makes is the header's. */

static int
mlopsctl_predict_blame(mlopsctl_predict_t *predict, size_t end,
    const mlops_err_t *batch)
{
    char         *one;
    size_t        at, next;
    uint64_t      line;
    mlops_err_t   err, alone;

    one = malloc(end + 1);

    if (one == NULL) {
        return mlopsctl_failed("%s", batch->text);
    }

    memcpy(one, predict->data, predict->header_len);
    alone.text[0] = '\0';

    (void) mlopsctl_predict_rows(predict, one, predict->header_len, 0,
                                 &alone);

    if (strcmp(alone.text, batch->text) == 0) {
        free(one);
        return mlopsctl_failed("line 1: %s", batch->text);
    }

    line = predict->line;
    predict->len = end;

    for (at = predict->header_len; at < end; at = next) {
        next = mlopsctl_predict_cut(predict, at, 1);
        next = (next > at) ? next : end;

        memcpy(one + predict->header_len, predict->data + at, next - at);

        if (mlopsctl_predict_rows(predict, one,
                                  predict->header_len + next - at, 0, &err)
            != MLOPS_OK
            && strcmp(err.text, alone.text) != 0)
        {
            while (predict->data[at] == '\n' || predict->data[at] == '\r') {
                line += (predict->data[at] == '\n');
                at++;
            }

            free(one);

            mlopsctl_predict_trim(&err, ", row 0");
            mlopsctl_predict_trim(&err, "row 0: ");

            return mlopsctl_failed("line %llu: %s",
                                   (unsigned long long) line, err.text);
        }

        line += mlopsctl_predict_lines(predict->data + at, next - at);
    }

    free(one);

    return mlopsctl_failed("from line %llu on: %s",
                           (unsigned long long) predict->line, batch->text);
}


/* The line says it better. */

static void
mlopsctl_predict_trim(mlops_err_t *err, const char *what)
{
    char    *at;
    size_t   len;

    at = strstr(err->text, what);
    len = strlen(what);

    if (at) {
        memmove(at, at + len, strlen(at + len) + 1);
    }
}
