/*
 * Loading an image: histograms, then the golden rows, which are evaluated as
 * requests will be.  This is the last proof that the file does on this
 * machine what it did where it was made.
 *
 * A row may take long: it can be left after any step.
 */

#include "mlops_load.h"
#include "mlops_clock.h"

#include <math.h>
#include <stdlib.h>


#define MLOPS_GOLDEN_PART  64       /* inputs or results between two looks */
                                    /* at the clock */


/* A row of the section, and the program that answers it. */

typedef struct {
    uint32_t               signature;
    uint64_t               size;        /* bytes */
    const mlops_cell_t    *inputs;
    const uint64_t        *present;
    const mlops_cell_t    *results;
} mlops_golden_row_t;


static int mlops_load_histogram(mlops_load_t *load,
    const mlops_image_histogram_t *histogram, size_t *budget,
    mlops_err_t *err);
static int mlops_load_bins(mlops_load_t *load,
    const mlops_image_histogram_t *histogram, mlops_err_t *err);
static int mlops_load_count(double count, const char *name, uint64_t i,
    mlops_err_t *err);
static int mlops_golden_start(mlops_load_t *load, mlops_err_t *err);
static int mlops_golden_row(mlops_load_t *load, uint64_t row,
    uint64_t deadline, mlops_err_t *err);
static int mlops_golden_find(mlops_load_t *load, uint64_t number,
    mlops_golden_row_t *row, mlops_err_t *err);
static int mlops_golden_input(mlops_load_t *load,
    const mlops_golden_row_t *row, uint32_t i, mlops_err_t *err);
static int mlops_golden_where(const mlops_signature_t *face, uint32_t i,
    mlops_err_t *err);
static int mlops_golden_result(mlops_load_t *load,
    const mlops_store_t *store, mlops_cell_t expected, mlops_cell_t got,
    mlops_err_t *err);
static int mlops_golden_string(mlops_load_t *load, mlops_cell_t expected,
    mlops_cell_t got, mlops_err_t *err);


/* cursor: histogram; inner: where its numbers stand; part: 0 before them,
 * then edges and counts done + 1. */

int
mlops_load_histograms(mlops_load_t *load, size_t *budget, mlops_err_t *err)
{
    int                             rc;
    uint64_t                        i;
    const mlops_section_t          *section;
    const mlops_image_histogram_t  *all;

    section = &load->model->sections[MLOPS_SECTION_HISTOGRAMS];
    all = (const mlops_image_histogram_t *) section->data;

    if (load->inner == 0) {
        load->inner = section->n * sizeof(*all);
    }

    for (i = load->cursor; i < section->n; i++) {

        load->cursor = i;

        if (*budget == 0) {
            return MLOPS_AGAIN;
        }

        if ((i > 0 && all[i].cell <= all[i - 1].cell)
            || all[i].cell >= load->model->image->input_n)
        {
            return mlops_err_set(err, "histogram %llu: expected ascending "
                                 "input cells below %u, got %u",
                                 (unsigned long long) i,
                                 load->model->image->input_n, all[i].cell);
        }

        rc = mlops_load_histogram(load, &all[i], budget, err);

        if (rc == MLOPS_ERROR) {
            return mlops_err_prefix(err, "histogram %llu",
                                    (unsigned long long) i);
        }

        if (rc == MLOPS_AGAIN) {
            return MLOPS_AGAIN;
        }

        load->part = 0;
        mlops_load_spend(budget, MLOPS_LOAD_JUMP);
    }

    if (load->inner != section->len) {
        return mlops_err_set(err, "section HISTOGRAMS: expected %llu bytes, "
                             "got %llu", (unsigned long long) load->inner,
                             (unsigned long long) section->len);
    }

    return MLOPS_OK;
}


static int
mlops_load_histogram(mlops_load_t *load,
    const mlops_image_histogram_t *histogram, size_t *budget,
    mlops_err_t *err)
{
    uint64_t       i, n, end, edges;
    const double  *x;

    if (load->part == 0) {

        if (mlops_load_bins(load, histogram, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        load->part = 1;
    }

    x = (const double *) (load->model->sections[MLOPS_SECTION_HISTOGRAMS].data
                          + load->inner);
    edges = histogram->edges ? (uint64_t) histogram->bins_n + 1 : 0;
    n = edges + histogram->bins_n;
    i = load->part - 1;
    end = n;

    if (end - i > *budget / sizeof(double)) {
        end = i + *budget / sizeof(double) + 1;
    }

    mlops_load_spend(budget, (end - i) * sizeof(double));

    for ( /* void */ ; i < end && i < edges; i++) {
        if (!isfinite(x[i]) || (i > 0 && x[i] <= x[i - 1])) {
            return mlops_err_set(err, "edges[%llu]: expected finite numbers "
                                 "in ascending order, got %g",
                                 (unsigned long long) i, x[i]);
        }
    }

    for ( /* void */ ; i < end; i++) {
        if (mlops_load_count(x[i], "counts", i - edges, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    load->part = end + 1;

    if (end < n) {
        return MLOPS_AGAIN;
    }

    load->inner += n * sizeof(double);

    return MLOPS_OK;
}


/* A histogram without its edges and counts. */

static int
mlops_load_bins(mlops_load_t *load, const mlops_image_histogram_t *histogram,
    mlops_err_t *err)
{
    uint64_t                   edges, off;
    const mlops_section_t     *section;
    const mlops_image_cell_t  *cell;

    section = &load->model->sections[MLOPS_SECTION_HISTOGRAMS];
    cell = (const mlops_image_cell_t *)
               load->model->sections[MLOPS_SECTION_CELLS].data
           + histogram->cell;
    off = load->inner;
    edges = 0;

    if (cell->type != MLOPS_TYPE_BYTES) {
        edges = (uint64_t) histogram->bins_n + 1;

    } else if (histogram->bins_n != (uint64_t) cell->categories.n + 1) {
        return mlops_err_set(err, "bins_n: expected one for each of %u "
                             "categories and one more, got %u",
                             cell->categories.n, histogram->bins_n);
    }

    if (histogram->bins_n == 0
        || histogram->edges != (edges ? off : 0)
        || histogram->counts != off + edges * sizeof(double)
        || (edges + histogram->bins_n) * sizeof(double) > section->len - off)
    {
        return mlops_err_set(err, "expected at least one bin, at %llu, "
                             "within %llu bytes, got %u at %llu and %llu",
                             (unsigned long long) off,
                             (unsigned long long) section->len,
                             histogram->bins_n,
                             (unsigned long long) histogram->edges,
                             (unsigned long long) histogram->counts);
    }

    if (mlops_load_count(histogram->missing, "missing", 0, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    return mlops_load_count(histogram->rows, "rows", 0, err);
}


static int
mlops_load_count(double count, const char *name, uint64_t i,
    mlops_err_t *err)
{
    if (mlops_likely(isfinite(count) && count >= 0)) {
        return MLOPS_OK;
    }

    return mlops_err_set(err, "%s[%llu]: expected a number from 0 on, got "
                         "%g", name, (unsigned long long) i, count);
}


/* cursor: row; inner: 0 while its inputs are looked at, then steps done + 1;
 * part: inputs, then results. */

int
mlops_load_golden(mlops_load_t *load, size_t *budget, mlops_err_t *err)
{
    int                     rc;
    uint64_t                i, start, deadline;
    const mlops_section_t  *section;

    section = &load->model->sections[MLOPS_SECTION_GOLDEN];

    if (section->n == 0) {
        return MLOPS_OK;
    }

    if (load->golden.memory == NULL
        && mlops_golden_start(load, err) != MLOPS_OK)
    {
        return mlops_err_prefix(err, "section GOLDEN");
    }

    start = mlops_clock_ns();
    deadline = (*budget < UINT64_MAX - start) ? start + *budget : UINT64_MAX;

    for (i = load->cursor; i < section->n; i++) {

        load->cursor = i;

        rc = mlops_golden_row(load, i, deadline, err);

        if (rc == MLOPS_ERROR) {
            return mlops_err_prefix(err, "golden row %llu",
                                    (unsigned long long) i);
        }

        if (rc == MLOPS_AGAIN) {
            *budget = 0;
            return MLOPS_AGAIN;
        }

        load->inner = 0;
        load->part = 0;
    }

    if (load->golden.off != section->len) {
        return mlops_err_set(err, "section GOLDEN: expected %llu bytes, got "
                             "%llu", (unsigned long long) load->golden.off,
                             (unsigned long long) section->len);
    }

    return MLOPS_OK;
}


static int
mlops_golden_start(mlops_load_t *load, mlops_err_t *err)
{
    size_t                       size, out, missing;
    uint32_t                     i, cells;
    mlops_model_t               *model;
    const mlops_section_t       *section;
    const mlops_image_golden_t  *golden;

    model = load->model;
    section = &model->sections[MLOPS_SECTION_GOLDEN];
    golden = (const mlops_image_golden_t *) section->data;

    if (golden->rows_n != section->n || section->n > MLOPS_IMAGE_MAX_GOLDEN
        || golden->reserved != 0)
    {
        return mlops_err_set(err, "expected %u rows, at most %d, got %u",
                             section->n, MLOPS_IMAGE_MAX_GOLDEN,
                             golden->rows_n);
    }

    if (!(golden->tol_abs >= 0) || !(golden->tol_rel >= 0)
        || isinf(golden->tol_abs) || isinf(golden->tol_rel))
    {
        return mlops_err_set(err, "tolerance: expected numbers from 0 on, "
                             "got %g and %g", golden->tol_abs,
                             golden->tol_rel);
    }

    cells = 0;

    for (i = 0; i < model->face.n; i++) {
        if (model->face.signatures[i].cells_n > cells) {
            cells = model->face.signatures[i].cells_n;
        }
    }

    size = mlops_model_scratch_size(model);
    out = mlops_align(cells * sizeof(mlops_cell_t), 64);
    missing = mlops_align(mlops_row_words(cells) * sizeof(uint64_t), 64);

    load->golden.memory = aligned_alloc(64, size + out + missing);

    if (load->golden.memory == NULL) {
        return mlops_load_no_memory(err);
    }

    load->golden.scratch = load->golden.memory;
    load->golden.out = (void *) ((char *) load->golden.memory + size);
    load->golden.missing = (void *) ((char *) load->golden.out + out);
    load->golden.off = sizeof(*golden) + section->n * sizeof(uint64_t);

    return MLOPS_OK;
}


/* The time is looked at behind what was done, so that each call gets on.
 * Where a batch has kernels of its own, every other row goes through them. */

static int
mlops_golden_row(mlops_load_t *load, uint64_t number, uint64_t deadline,
    mlops_err_t *err)
{
    double                     *cells;
    mlops_model_t              *model;
    mlops_op_run_pt             run;
    const mlops_op_t           *op;
    mlops_golden_row_t          row;
    const mlops_store_t        *store;
    const mlops_program_t      *program;
    const mlops_interface_t    *face;

    model = load->model;
    face = &model->face;

    memset(&row, 0, sizeof(row));

    if (mlops_golden_find(load, number, &row, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    program = &model->programs[row.signature];
    cells = load->golden.scratch;

    if (load->inner == 0) {

        while (load->part < program->inputs_n) {

            if (mlops_golden_input(load, &row, (uint32_t) load->part, err)
                != MLOPS_OK)
            {
                return MLOPS_ERROR;
            }

            load->part++;

            if (load->part % MLOPS_GOLDEN_PART == 0
                && mlops_clock_ns() >= deadline)
            {
                return MLOPS_AGAIN;
            }
        }

        mlops_eval_start(program, row.inputs, row.present, cells);

        load->inner = 1;
        load->part = 0;
    }

    while (load->inner <= program->ops_n) {
        op = program->ops[load->inner - 1];
        run = (op->run_many != NULL && number % 2) ? op->run_many : op->run;

        run(op, cells, model->sections[MLOPS_SECTION_TEXT].data,
            (char *) cells + model->cells_size);

        load->inner++;

        if (mlops_clock_ns() >= deadline) {
            return MLOPS_AGAIN;
        }
    }

    if (load->part == 0) {
        mlops_eval_end(program, cells, row.inputs, row.present,
                       load->golden.out, load->golden.missing);
    }

    while (load->part < program->stores_n) {
        store = &program->stores[load->part];

        if (mlops_golden_result(load, store, row.results[load->part],
                                load->golden.out[load->part], err)
            != MLOPS_OK)
        {
            return mlops_golden_where(&face->signatures[row.signature],
                                      (uint32_t) load->part, err);
        }

        load->part++;

        if (load->part % MLOPS_GOLDEN_PART == 0
            && load->part < program->stores_n
            && mlops_clock_ns() >= deadline)
        {
            return MLOPS_AGAIN;
        }
    }

    load->golden.off += row.size;

    return MLOPS_OK;
}


static int
mlops_golden_find(mlops_load_t *load, uint64_t number,
    mlops_golden_row_t *row, mlops_err_t *err)
{
    uint64_t                signature;
    const mlops_section_t  *section;
    const mlops_program_t  *program;

    section = &load->model->sections[MLOPS_SECTION_GOLDEN];

    memcpy(&signature, section->data + sizeof(mlops_image_golden_t)
                       + number * sizeof(uint64_t), sizeof(signature));

    if (signature >= load->model->face.n) {
        return mlops_err_set(err, "signature: expected a number below %u, "
                             "got %llu", load->model->face.n,
                             (unsigned long long) signature);
    }

    program = &load->model->programs[signature];
    row->size = sizeof(uint64_t) * ((uint64_t) program->inputs_n
                                + mlops_row_words(program->inputs_n)
                                + program->stores_n);

    if (row->size > section->len - load->golden.off) {
        return mlops_err_set(err, "expected %llu bytes of section GOLDEN, "
                             "got %llu", (unsigned long long) row->size,
                             (unsigned long long)
                             (section->len - load->golden.off));
    }

    row->signature = (uint32_t) signature;
    row->inputs = (const mlops_cell_t *) (section->data + load->golden.off);
    row->present = (const uint64_t *) (row->inputs + program->inputs_n);
    row->results = (const mlops_cell_t *)
                       (row->present + mlops_row_words(program->inputs_n));

    return MLOPS_OK;
}


static int
mlops_golden_input(mlops_load_t *load, const mlops_golden_row_t *row,
    uint32_t i, mlops_err_t *err)
{
    uint32_t                j;
    mlops_image_text_t      text;
    const mlops_program_t  *program;

    program = &load->model->programs[row->signature];

    if (i == 0) {
        for (j = program->inputs_n; j % 64 != 0; j++) {
            if (mlops_bit(row->present, j)) {
                return mlops_err_set(err, "presence: there is no input %u",
                                     j);
            }
        }
    }

    switch (program->kinds[i]) {

    case MLOPS_CELL_DOUBLE:

        if (!mlops_bit(row->present, i) && !isnan(row->inputs[i].f)) {
            return mlops_err_set(err, "input %u: expected NaN where it is "
                                 "missing, got %g", i, row->inputs[i].f);
        }

        return MLOPS_OK;

    case MLOPS_CELL_STRING:
        text.off = row->inputs[i].s.off;
        text.len = row->inputs[i].s.len;

        if (mlops_load_text(load, &text, MLOPS_IMAGE_MAX_KEY, "text", err)
            != MLOPS_OK)
        {
            return mlops_err_prefix(err, "input %u", i);
        }
    }

    return MLOPS_OK;
}


/* Says of which output result i is. */

static int
mlops_golden_where(const mlops_signature_t *face, uint32_t i,
    mlops_err_t *err)
{
    const mlops_output_t  *output;

    output = face->outputs;

    while (i >= output->first + output->width) {
        output++;
    }

    return mlops_err_prefix(err, "output \"%.*s\", element %u",
                            mlops_fmt(&output->name), i - output->first);
}


static int
mlops_golden_result(mlops_load_t *load, const mlops_store_t *store,
    mlops_cell_t expected, mlops_cell_t got, mlops_err_t *err)
{
    double                       diff;
    const mlops_image_golden_t  *golden;

    if (store->kind >= MLOPS_STORE_STRING) {
        return mlops_golden_string(load, expected, got, err);
    }

    if (expected.u == got.u) {
        return MLOPS_OK;
    }

    if (store->kind > MLOPS_STORE_FP32) {
        return mlops_err_set(err, "expected %lld, got %lld",
                             (long long) expected.i, (long long) got.i);
    }

    if (isnan(expected.f) && isnan(got.f)) {
        return MLOPS_OK;
    }

    golden = (const mlops_image_golden_t *)
                 load->model->sections[MLOPS_SECTION_GOLDEN].data;
    diff = fabs(got.f - expected.f);

    if ((golden->tol_abs > 0 && diff <= golden->tol_abs)
        || (golden->tol_rel > 0
            && diff <= golden->tol_rel * fabs(expected.f)
            && isfinite(expected.f)))
    {
        return MLOPS_OK;
    }

    return mlops_err_set(err, "expected %.17g, got %.17g", expected.f, got.f);
}


static int
mlops_golden_string(mlops_load_t *load, mlops_cell_t expected,
    mlops_cell_t got, mlops_err_t *err)
{
    const char          *text;
    mlops_image_text_t   ref;

    ref.off = expected.s.off;
    ref.len = expected.s.len;

    if (mlops_load_text(load, &ref, MLOPS_IMAGE_MAX_KEY, "text", err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    /* labels and the strings of golden rows alike lie in TEXT */

    text = load->model->sections[MLOPS_SECTION_TEXT].data;

    if (expected.s.len != got.s.len
        || memcmp(text + expected.s.off, text + got.s.off, got.s.len) != 0)
    {
        return mlops_err_set(err, "expected \"%.*s\", got \"%.*s\"",
                             (int) expected.s.len, text + expected.s.off,
                             (int) got.s.len, text + got.s.off);
    }

    return MLOPS_OK;
}
