/*
 * Loading an image: histograms, then the golden rows, which are evaluated as
 * requests will be.  This is the last proof that the file does on this
 * machine what it did where it was made.
 */

#include "mlops_load.h"
#include "mlops_clock.h"

#include <math.h>
#include <stdlib.h>


static int mlops_load_histogram(mlops_load_t *load,
    const mlops_image_histogram_t *histogram, uint64_t *off,
    mlops_err_t *err);
static int mlops_load_counts(const double *counts, uint32_t n,
    mlops_err_t *err);
static int mlops_golden_start(mlops_load_t *load, mlops_err_t *err);
static int mlops_golden_row(mlops_load_t *load, uint64_t row,
    mlops_err_t *err);
static int mlops_golden_inputs(mlops_load_t *load,
    const mlops_program_t *program, const mlops_cell_t *cells,
    const uint64_t *present, mlops_err_t *err);
static int mlops_golden_results(mlops_load_t *load, uint32_t signature,
    const mlops_cell_t *expected, mlops_err_t *err);
static int mlops_golden_result(mlops_load_t *load,
    const mlops_store_t *store, mlops_cell_t expected, mlops_cell_t got,
    mlops_err_t *err);
static int mlops_golden_string(mlops_load_t *load, mlops_cell_t expected,
    mlops_cell_t got, mlops_err_t *err);


int
mlops_load_histograms(mlops_load_t *load, size_t *budget, mlops_err_t *err)
{
    uint64_t                        i;
    const mlops_section_t          *section;
    const mlops_image_histogram_t  *all;

    section = &load->model->sections[MLOPS_SECTION_HISTOGRAMS];
    all = (const mlops_image_histogram_t *) section->data;

    if (load->cursor == 0) {
        load->inner = section->n * sizeof(*all);
    }

    for (i = load->cursor; i < section->n; i++) {

        if (*budget == 0) {
            load->cursor = i;
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

        if (mlops_load_histogram(load, &all[i], &load->inner, err)
            != MLOPS_OK)
        {
            return mlops_err_prefix(err, "histogram %llu",
                                    (unsigned long long) i);
        }

        mlops_load_spend(budget, sizeof(*all)
                                 + (size_t) all[i].bins_n * 16);
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
    const mlops_image_histogram_t *histogram, uint64_t *off,
    mlops_err_t *err)
{
    uint32_t                   i;
    uint64_t                   edges;
    const double              *x;
    const mlops_section_t     *section;
    const mlops_image_cell_t  *cell;

    section = &load->model->sections[MLOPS_SECTION_HISTOGRAMS];
    cell = (const mlops_image_cell_t *)
               load->model->sections[MLOPS_SECTION_CELLS].data
           + histogram->cell;

    edges = 0;

    if (cell->type != MLOPS_TYPE_BYTES) {
        edges = (uint64_t) histogram->bins_n + 1;

    } else if (histogram->bins_n != (uint64_t) cell->categories.n + 1) {
        return mlops_err_set(err, "bins_n: expected one for each of %u "
                             "categories and one more, got %u",
                             cell->categories.n, histogram->bins_n);
    }

    if (histogram->bins_n == 0
        || histogram->edges != (edges ? *off : 0)
        || histogram->counts != *off + edges * sizeof(double)
        || (edges + histogram->bins_n) * sizeof(double)
           > section->len - *off)
    {
        return mlops_err_set(err, "expected at least one bin, at %llu, "
                             "within %llu bytes, got %u at %llu and %llu",
                             (unsigned long long) *off,
                             (unsigned long long) section->len,
                             histogram->bins_n,
                             (unsigned long long) histogram->edges,
                             (unsigned long long) histogram->counts);
    }

    x = (const double *) (section->data + *off);

    for (i = 0; i < edges; i++) {
        if (!isfinite(x[i]) || (i > 0 && x[i] <= x[i - 1])) {
            return mlops_err_set(err, "edges[%u]: expected finite numbers in "
                                 "ascending order, got %g", i, x[i]);
        }
    }

    *off += (edges + histogram->bins_n) * sizeof(double);

    if (mlops_load_counts(&histogram->missing, 2, err) != MLOPS_OK) {
        return mlops_err_prefix(err, "missing and rows");
    }

    return mlops_load_counts(x + edges, histogram->bins_n, err);
}


static int
mlops_load_counts(const double *counts, uint32_t n, mlops_err_t *err)
{
    uint32_t  i;

    for (i = 0; i < n; i++) {
        if (!isfinite(counts[i]) || counts[i] < 0) {
            return mlops_err_set(err, "counts[%u]: expected a number from 0 "
                                 "on, got %g", i, counts[i]);
        }
    }

    return MLOPS_OK;
}


int
mlops_load_golden(mlops_load_t *load, size_t *budget, mlops_err_t *err)
{
    uint64_t                i, start, spent;
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

    for (i = load->cursor; i < section->n; i++) {

        if (mlops_golden_row(load, i, err) != MLOPS_OK) {
            return mlops_err_prefix(err, "golden row %llu",
                                    (unsigned long long) i);
        }

        load->cursor = i + 1;
        spent = mlops_clock_ns() - start;

        if (spent >= *budget && load->cursor < section->n) {
            *budget = 0;
            return MLOPS_AGAIN;
        }
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


static int
mlops_golden_row(mlops_load_t *load, uint64_t row, mlops_err_t *err)
{
    uint64_t                     number, size;
    const char                  *p;
    mlops_model_t               *model;
    const uint64_t              *present;
    const mlops_cell_t          *inputs, *results;
    const mlops_section_t       *section;
    const mlops_program_t       *program;

    model = load->model;
    section = &model->sections[MLOPS_SECTION_GOLDEN];

    memcpy(&number, section->data + sizeof(mlops_image_golden_t)
                    + row * sizeof(uint64_t), sizeof(number));

    if (number >= model->face.n) {
        return mlops_err_set(err, "signature: expected a number below %u, "
                             "got %llu", model->face.n,
                             (unsigned long long) number);
    }

    program = &model->programs[number];
    size = sizeof(uint64_t) * ((uint64_t) program->inputs_n
                               + mlops_row_words(program->inputs_n)
                               + program->stores_n);

    if (size > section->len - load->golden.off) {
        return mlops_err_set(err, "expected %llu bytes of section GOLDEN, "
                             "got %llu", (unsigned long long) size,
                             (unsigned long long)
                             (section->len - load->golden.off));
    }

    p = section->data + load->golden.off;
    inputs = (const mlops_cell_t *) p;
    present = (const uint64_t *) (inputs + program->inputs_n);
    results = (const mlops_cell_t *)
                  (present + mlops_row_words(program->inputs_n));

    if (mlops_golden_inputs(load, program, inputs, present, err) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    mlops_model_eval(model, (uint32_t) number, inputs, present,
                     model->sections[MLOPS_SECTION_TEXT].data,
                     load->golden.scratch, load->golden.out,
                     load->golden.missing);

    load->golden.off += size;

    return mlops_golden_results(load, (uint32_t) number, results, err);
}


static int
mlops_golden_inputs(mlops_load_t *load, const mlops_program_t *program,
    const mlops_cell_t *cells, const uint64_t *present, mlops_err_t *err)
{
    uint32_t            i;
    mlops_image_text_t  text;

    for (i = program->inputs_n; i % 64 != 0; i++) {
        if (mlops_bit(present, i)) {
            return mlops_err_set(err, "presence: there is no input %u", i);
        }
    }

    for (i = 0; i < program->inputs_n; i++) {

        switch (program->kinds[i]) {

        case MLOPS_CELL_DOUBLE:

            if (!mlops_bit(present, i) && !isnan(cells[i].f)) {
                return mlops_err_set(err, "input %u: expected NaN where it "
                                     "is missing, got %g", i, cells[i].f);
            }

            break;

        case MLOPS_CELL_STRING:
            text.off = cells[i].s.off;
            text.len = cells[i].s.len;

            if (mlops_load_text(load, &text, MLOPS_IMAGE_MAX_KEY, "text",
                                err)
                != MLOPS_OK)
            {
                return mlops_err_prefix(err, "input %u", i);
            }

            break;
        }
    }

    return MLOPS_OK;
}


static int
mlops_golden_results(mlops_load_t *load, uint32_t signature,
    const mlops_cell_t *expected, mlops_err_t *err)
{
    uint32_t                  i;
    const mlops_output_t     *output;
    const mlops_program_t    *program;
    const mlops_signature_t  *face;

    program = &load->model->programs[signature];
    face = &load->model->face.signatures[signature];
    output = face->outputs;

    for (i = 0; i < program->stores_n; i++) {

        if (i == output->first + output->width) {
            output++;
        }

        if (mlops_golden_result(load, &program->stores[i], expected[i],
                                load->golden.out[i], err)
            != MLOPS_OK)
        {
            return mlops_err_prefix(err, "output \"%.*s\", element %u",
                                    mlops_fmt(&output->name),
                                    i - output->first);
        }
    }

    return MLOPS_OK;
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
