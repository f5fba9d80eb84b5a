/*
 * What all exports share: the image's tables, JSON text, and the comparison
 * of what was written with the image.
 */

#include "mlops_export_job.h"
#include "mlops_num.h"

#include <math.h>
#include <stdlib.h>


/* A model that was made of what was written, and the working memory of
 * both. */

typedef struct {
    void           *image;
    mlops_model_t  *model;
    void           *scratch[2];
    mlops_cell_t   *out[2];
    uint64_t       *missing[2];
    mlops_cell_t   *inputs;
    uint64_t       *present;
} mlops_export_twin_t;


/* A golden row of the image. */

typedef struct {
    uint32_t             signature;
    const mlops_cell_t  *inputs;
    const uint64_t      *present;
} mlops_export_row_t;


static int mlops_export_twin(mlops_export_t *job, mlops_export_twin_t *twin);
static void mlops_export_twin_free(mlops_export_twin_t *twin);
static const char *mlops_export_row(const mlops_export_t *job,
    const mlops_image_golden_t *golden, uint32_t i, const char *p,
    mlops_export_row_t *row);
static int mlops_export_same(const mlops_export_t *job,
    const mlops_export_twin_t *twin, uint32_t signature);
static void mlops_export_convert(const mlops_schema_t *from,
    const mlops_export_row_t *row, const mlops_schema_t *to,
    mlops_export_twin_t *twin);
static int mlops_export_close_to(const mlops_cell_t *got,
    const mlops_cell_t *want, const mlops_output_t *output);


int
mlops_export_open(mlops_export_t *job, const mlops_model_t *model,
    mlops_export_report_t *report, mlops_err_t *err)
{
    uint32_t     n;
    mlops_str_t  facts;

    memset(job, 0, sizeof(*job));
    mlops_arena_init(&job->arena, NULL, NULL);

    job->model = model;
    job->err = err;
    job->report = report ? report : &job->unread;
    memset(job->report, 0, sizeof(*job->report));

    job->image = mlops_model_image(model);
    job->face = mlops_model_interface(model);
    job->cells = mlops_model_section(model, MLOPS_SECTION_CELLS, &n);
    job->signatures = mlops_model_section(model, MLOPS_SECTION_SIGNATURES,
                                          &job->signatures_n);
    job->outputs = mlops_model_section(model, MLOPS_SECTION_OUTPUTS, &n);
    job->steps = mlops_model_section(model, MLOPS_SECTION_STEPS,
                                     &job->steps_n);
    job->lists = mlops_model_section(model, MLOPS_SECTION_LISTS, &n);
    job->strings = mlops_model_section(model, MLOPS_SECTION_STRINGS, &n);
    job->weights = mlops_model_section(model, MLOPS_SECTION_WEIGHTS, &n);
    job->text = mlops_model_section(model, MLOPS_SECTION_TEXT, &n);

    facts = mlops_model_facts(model);
    job->facts = mlops_doc_parse(facts.data, facts.len, MLOPS_DOC_TOKENS,
                                 &job->arena, err);

    return job->facts ? MLOPS_OK : mlops_err_prefix(err, "facts");
}


int
mlops_export_close(mlops_export_t *job, int rc, char **data, size_t *len)
{
    *data = NULL;
    *len = 0;

    if (rc == MLOPS_OK && job->out.failed) {
        rc = mlops_err_set(job->err, "out of memory");
    }

    if (rc == MLOPS_OK) {
        *data = job->out.data;
        *len = job->out.len;

    } else {
        free(job->out.data);
    }

    mlops_arena_destroy(&job->arena);

    return rc;
}


mlops_str_t
mlops_export_str(const mlops_export_t *job, const mlops_image_text_t *text)
{
    mlops_str_t  s;

    s.data = job->text + text->off;
    s.len = text->len;

    return s;
}


void
mlops_export_quote(mlops_export_t *job, const mlops_str_t *text)
{
    mlops_import_quote(&job->out, text->data, text->len);
}


int
mlops_export_number(mlops_export_t *job, double value, const char *what)
{
    char  text[MLOPS_DOUBLE_LEN], *end;

    if (isinf(value)) {
        return mlops_err_set(job->err, "%s is infinite, which a recipe "
                             "cannot write", what);
    }

    end = mlops_print_double(text, value);

    if (end - text > 2 && end[-1] == '0' && end[-2] == '.') {
        end -= 2;
    }

    mlops_import_bytes(&job->out, text, (size_t) (end - text));

    return MLOPS_OK;
}


/* A reader may take the decimal to a double first and round that: where this
 * gives another float, the text is that of the double. */

void
mlops_export_float(mlops_export_t *job, double value)
{
    char    text[MLOPS_DOUBLE_LEN], *end;
    double  again;

    end = mlops_print_float(text, (float) value);

    if (mlops_parse_double(text, end, &again) != end
        || (float) again != (float) value)
    {
        end = mlops_print_double(text, value);
    }

    mlops_import_bytes(&job->out, text, (size_t) (end - text));
}


int
mlops_export_numbers(mlops_export_t *job, const double *values, uint32_t n,
    const char *what)
{
    uint32_t  i;

    for (i = 1; i < n; i++) {
        if (memcmp(&values[i], &values[0], sizeof(double)) != 0) {
            break;
        }
    }

    if (i >= n) {
        return mlops_export_number(job, values[0], what);
    }

    for (i = 0; i < n; i++) {
        mlops_import_bytes(&job->out, i ? "," : "[", 1);

        if (mlops_export_number(job, values[i], what) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    mlops_import_bytes(&job->out, "]", 1);

    return MLOPS_OK;
}


void
mlops_export_names(mlops_export_t *job, const char *key,
    const uint32_t *cells, uint32_t first, uint32_t n)
{
    uint32_t  i;

    mlops_import_text(&job->out, "\"%s\":[", key);

    for (i = 0; i < n; i++) {

        if (i != 0) {
            mlops_import_bytes(&job->out, ",", 1);
        }

        mlops_export_quote(job, &job->names[cells ? cells[i] : first + i]);
    }

    mlops_import_bytes(&job->out, "]", 1);
}


/* Imports what was written, and takes memory for a row of either model. */

static int
mlops_export_twin(mlops_export_t *job, mlops_export_twin_t *twin)
{
    size_t                    len;
    uint32_t                  i, s, n;
    const mlops_model_t      *model[2];
    const mlops_interface_t  *face;

    memset(twin, 0, sizeof(*twin));

    if (job->out.failed) {
        return mlops_err_set(job->err, "out of memory");
    }

    if (mlops_import_data(job->out.data, job->out.len, NULL, NULL,
                          &twin->image, &len, NULL, job->err)
        != MLOPS_OK)
    {
        return mlops_err_prefix(job->err, "what was written cannot be "
                                "imported");
    }

    twin->model = mlops_model_open(twin->image, len, job->err);

    if (twin->model == NULL) {
        return MLOPS_ERROR;
    }

    model[0] = job->model;
    model[1] = twin->model;
    n = 1;

    for (i = 0; i < 2; i++) {
        face = mlops_model_interface(model[i]);

        for (s = 0; s < face->n; s++) {
            n = (face->signatures[s].cells_n > n)
                ? face->signatures[s].cells_n : n;
            n = (face->signatures[s].inputs.n > n)
                ? face->signatures[s].inputs.n : n;
        }
    }

    for (i = 0; i < 2; i++) {
        twin->out[i] = mlops_arena_calloc(&job->arena, n,
                                          sizeof(mlops_cell_t));
        twin->missing[i] = mlops_arena_calloc(&job->arena,
                                              mlops_row_words(n),
                                              sizeof(uint64_t));

        if (posix_memalign(&twin->scratch[i], 64,
                           mlops_model_scratch_size(model[i]) + 64)
            != 0)
        {
            twin->scratch[i] = NULL;
        }
    }

    twin->inputs = mlops_arena_calloc(&job->arena, n, sizeof(mlops_cell_t));
    twin->present = mlops_arena_calloc(&job->arena, mlops_row_words(n),
                                       sizeof(uint64_t));

    if (twin->out[0] == NULL || twin->out[1] == NULL
        || twin->missing[0] == NULL || twin->missing[1] == NULL
        || twin->scratch[0] == NULL || twin->scratch[1] == NULL
        || twin->inputs == NULL || twin->present == NULL)
    {
        return mlops_err_set(job->err, "out of memory");
    }

    return MLOPS_OK;
}


static void
mlops_export_twin_free(mlops_export_twin_t *twin)
{
    mlops_model_destroy(twin->model);
    free(twin->image);
    free(twin->scratch[0]);
    free(twin->scratch[1]);
}


/* Row i stands at p; returns where the next one does. */

static const char *
mlops_export_row(const mlops_export_t *job,
    const mlops_image_golden_t *golden, uint32_t i, const char *p,
    mlops_export_row_t *row)
{
    const uint64_t           *of;
    const mlops_signature_t  *signature;

    of = (const uint64_t *) (golden + 1);

    if (p == NULL) {
        p = (const char *) (of + golden->rows_n);
    }

    row->signature = (uint32_t) of[i];
    signature = &job->face->signatures[row->signature];

    row->inputs = (const mlops_cell_t *) p;
    row->present = (const uint64_t *) (row->inputs + signature->inputs.n);

    return (const char *) (row->present + mlops_row_words(signature->inputs.n)
                           + signature->cells_n);
}


int
mlops_export_check_recipe(mlops_export_t *job)
{
    int                          rc;
    uint32_t                     i, n;
    const char                  *p;
    mlops_export_row_t           row;
    mlops_export_twin_t          twin;
    const mlops_image_golden_t  *golden;

    rc = mlops_export_twin(job, &twin);
    golden = mlops_model_section(job->model, MLOPS_SECTION_GOLDEN, &n);
    n = golden ? golden->rows_n : 0;
    p = NULL;

    for (i = 0; i < n && rc == MLOPS_OK; i++) {
        p = mlops_export_row(job, golden, i, p, &row);

        mlops_model_eval(job->model, row.signature, row.inputs, row.present,
                         job->text, twin.scratch[0], twin.out[0],
                         twin.missing[0]);
        mlops_model_eval(twin.model, row.signature, row.inputs, row.present,
                         job->text, twin.scratch[1], twin.out[1],
                         twin.missing[1]);

        if (!mlops_export_same(job, &twin, row.signature)) {
            rc = mlops_err_set(job->err, "the recipe does not give the "
                               "image's answer for golden row %u", i);
        }
    }

    job->report->rows_n = n;
    mlops_export_twin_free(&twin);

    return rc;
}


static int
mlops_export_same(const mlops_export_t *job, const mlops_export_twin_t *twin,
    uint32_t signature)
{
    uint32_t                  i, j;
    const char               *text[2];
    const mlops_cell_t       *a, *b;
    const mlops_output_t     *output;
    const mlops_signature_t  *s;

    s = &job->face->signatures[signature];

    for (i = 0; i < s->outputs_n; i++) {
        output = &s->outputs[i];

        text[0] = mlops_model_text(job->model, signature, i, job->text);
        text[1] = mlops_model_text(twin->model, signature, i, job->text);

        for (j = output->first; j < output->first + output->width; j++) {
            a = &twin->out[0][j];
            b = &twin->out[1][j];

            if (mlops_bit(twin->missing[0], j)
                != mlops_bit(twin->missing[1], j))
            {
                return 0;
            }

            if (mlops_bit(twin->missing[0], j)) {
                continue;
            }

            if (output->type == MLOPS_TYPE_BYTES) {

                if (a->s.len != b->s.len
                    || memcmp(text[0] + a->s.off, text[1] + b->s.off,
                              a->s.len)
                       != 0)
                {
                    return 0;
                }

            } else if (a->u != b->u
                       && !(mlops_type_kind(output->type)
                            == MLOPS_CELL_DOUBLE
                            && isnan(a->f) && isnan(b->f)))
            {
                return 0;
            }
        }
    }

    return 1;
}


int
mlops_export_check_xgboost(mlops_export_t *job, uint32_t signature,
    uint32_t output)
{
    int                          rc;
    uint32_t                     i, j, n;
    const char                  *p;
    mlops_export_row_t           row;
    mlops_export_twin_t          twin;
    const mlops_output_t        *o;
    const mlops_signature_t     *from, *to;
    const mlops_image_golden_t  *golden;

    rc = mlops_export_twin(job, &twin);
    golden = mlops_model_section(job->model, MLOPS_SECTION_GOLDEN, &n);
    n = golden ? golden->rows_n : 0;
    p = NULL;

    from = &job->face->signatures[signature];
    o = &from->outputs[output];
    to = (rc == MLOPS_OK) ? mlops_model_interface(twin.model)->signatures
                          : NULL;

    for (i = 0; i < n && rc == MLOPS_OK; i++) {
        p = mlops_export_row(job, golden, i, p, &row);

        if (row.signature != signature) {
            continue;
        }

        mlops_export_convert(&from->inputs, &row, &to->inputs, &twin);

        mlops_model_eval(job->model, signature, row.inputs, row.present,
                         job->text, twin.scratch[0], twin.out[0], NULL);
        mlops_model_eval(twin.model, 0, twin.inputs, twin.present, job->text,
                         twin.scratch[1], twin.out[1], NULL);

        for (j = 0; j < o->width; j++) {
            if (!mlops_export_close_to(&twin.out[1][j],
                                       &twin.out[0][o->first + j], o))
            {
                rc = mlops_err_set(job->err, "XGBoost's model does not give "
                                   "the image's answer for golden row %u: "
                                   "expected %.9g, got %.9g", i,
                                   twin.out[0][o->first + j].f,
                                   twin.out[1][j].f);
                break;
            }
        }

        job->report->rows_n++;
    }

    mlops_export_twin_free(&twin);

    return rc;
}


/* A row of the image as one of the written model, by the names of its
 * inputs. */

static void
mlops_export_convert(const mlops_schema_t *from,
    const mlops_export_row_t *row, const mlops_schema_t *to,
    mlops_export_twin_t *twin)
{
    int                    at;
    double                 value;
    uint32_t               i;
    const mlops_cell_t    *cell;
    const mlops_column_t  *column;

    memset(twin->present, 0, mlops_row_words(to->n) * sizeof(uint64_t));

    for (i = 0; i < to->n; i++) {
        column = &to->columns[i];
        at = mlops_schema_find(from, column->name.data, column->name.len, i);

        twin->inputs[i].u = 0;

        if (column->kind == MLOPS_CELL_DOUBLE) {
            twin->inputs[i].f = NAN;
        }

        if (at < 0 || !mlops_bit(row->present, (uint32_t) at)) {
            continue;
        }

        mlops_bit_set(twin->present, i);
        cell = &row->inputs[at];

        if (column->kind == MLOPS_CELL_INT
            && from->columns[at].kind == MLOPS_CELL_DOUBLE)
        {
            /* a category that is a number */

            if (!(fabs(cell->f) < 0x1p53) || cell->f != floor(cell->f)) {
                mlops_bit_clear(twin->present, i);
                continue;
            }

            twin->inputs[i].i = (int64_t) cell->f;
            continue;
        }

        if (column->kind != MLOPS_CELL_DOUBLE) {
            twin->inputs[i] = *cell;
            continue;
        }

        value = (from->columns[at].kind == MLOPS_CELL_INT)
                ? (double) cell->i
                : (from->columns[at].kind == MLOPS_CELL_UINT)
                  ? (double) cell->u : cell->f;

        twin->inputs[i].f = (double) (float) value;
    }
}


/* As far as a link in float32, or in double, may be from one another. */

static int
mlops_export_close_to(const mlops_cell_t *got, const mlops_cell_t *want,
    const mlops_output_t *output)
{
    double  g, w;

    g = got->f;
    w = (mlops_type_kind(output->type) == MLOPS_CELL_INT) ? (double) want->i
        : (mlops_type_kind(output->type) == MLOPS_CELL_UINT)
          ? (double) want->u : want->f;

    return g == w || (isnan(g) && isnan(w)) || fabs(g - w) <= 1e-6
           || fabs(g - w) <= 1e-5 * fabs(w);
}
