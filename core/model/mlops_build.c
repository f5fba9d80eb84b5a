/*
 * The builder: its life, texts, inputs, signatures, facts, golden rows.
 * The steps are added in mlops_build_steps.c.
 */

#include "mlops_builder.h"
#include "mlops_hash.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>


/* The state of a step while a signature is put together. */

#define MLOPS_VISIT_NEW   0
#define MLOPS_VISIT_OPEN  1
#define MLOPS_VISIT_DONE  2


typedef struct {
    mlops_builder_t  *builder;
    const char       *name;         /* of the signature */
    uint8_t          *taken;        /* of each cell: it is an input */
    uint8_t          *visits;       /* of each step */
    uint32_t         *stack;        /* steps */
    uint32_t         *next;         /* the input each goes on with */
    uint32_t         *order;
    uint32_t          order_n;
} mlops_resolve_t;


static uint32_t *mlops_builder_slot(mlops_builder_t *builder,
    const char *data, size_t len);
static void mlops_builder_rehash(mlops_builder_t *builder);
static void mlops_builder_default(mlops_builder_t *builder,
    mlops_image_cell_t *cell, const mlops_column_t *column);
static mlops_image_run_t mlops_builder_list(mlops_builder_t *builder,
    const uint32_t *items, uint32_t n);
static mlops_image_run_t mlops_builder_strings(mlops_builder_t *builder,
    const mlops_str_t *items, uint32_t n);
static int mlops_builder_resolve(mlops_resolve_t *resolve, uint32_t cell);
static int mlops_builder_enter(mlops_resolve_t *resolve, uint32_t cell,
    uint32_t *depth);
static void mlops_builder_output(mlops_builder_t *builder,
    const mlops_builder_output_t *output);
static mlops_cell_t mlops_builder_cell(mlops_builder_t *builder,
    mlops_type_t type, mlops_cell_t cell, int present, const char *text);


mlops_builder_t *
mlops_builder_create(void)
{
    return calloc(1, sizeof(mlops_builder_t));
}


void
mlops_builder_destroy(mlops_builder_t *builder)
{
    uint32_t  i;

    if (builder == NULL) {
        return;
    }

    for (i = 0; i < MLOPS_SECTION_N; i++) {
        free(builder->sections[i].data);
    }

    free(builder->writers.data);
    free(builder->slots.data);
    free(builder->texts.data);
    free(builder->histograms.data);
    free(builder->bins.data);
    free(builder->golden_of.data);
    free(builder->golden_rows.data);
    free(builder->probes.data);
    free(builder->probes_n.data);
    free(builder);
}


uint32_t
mlops_builder_fail(mlops_builder_t *builder, const char *fmt, ...)
{
    char     text[MLOPS_ERR_SIZE];
    va_list  args;

    if (!builder->failed) {
        va_start(args, fmt);
        (void) vsnprintf(text, sizeof(text), fmt, args);
        va_end(args);

        (void) mlops_err_set(&builder->err, "%s", text);
        builder->failed = 1;
    }

    return MLOPS_BUILDER_ERROR;
}


void *
mlops_builder_more(mlops_builder_t *builder, mlops_buffer_t *buffer,
    size_t len)
{
    char    *data;
    size_t   size;

    if (builder->failed) {
        return NULL;
    }

    if (len > MLOPS_IMAGE_MAX - buffer->len) {
        (void) mlops_builder_fail(builder, "the image would be larger than "
                                  "%u bytes", MLOPS_IMAGE_MAX);
        return NULL;
    }

    if (buffer->data == NULL || len > buffer->size - buffer->len) {
        size = buffer->size ? buffer->size : 64;

        while (size < buffer->len + len) {
            size *= 2;
        }

        data = realloc(buffer->data, size);

        if (data == NULL) {
            (void) mlops_builder_fail(builder, "out of memory");
            return NULL;
        }

        buffer->data = data;
        buffer->size = size;
    }

    data = buffer->data + buffer->len;
    memset(data, 0, len);
    buffer->len += len;

    return data;
}


mlops_image_text_t
mlops_builder_text(mlops_builder_t *builder, const char *data, size_t len)
{
    char                *p;
    uint32_t            *slot;
    mlops_buffer_t      *text;
    mlops_image_text_t   ref, *added;

    memset(&ref, 0, sizeof(ref));

    if (len == 0 || builder->failed) {
        return ref;
    }

    if (!mlops_utf8_valid(data, len)) {
        (void) mlops_builder_fail(builder, "expected UTF-8, got \"%.*s\"",
                                  (int) (len < 40 ? len : 40), data);
        return ref;
    }

    if (builder->texts_n * 2 >= builder->slots.len / sizeof(uint32_t)) {
        mlops_builder_rehash(builder);
    }

    slot = mlops_builder_slot(builder, data, len);

    if (slot == NULL) {
        return ref;
    }

    if (*slot != 0) {
        return ((mlops_image_text_t *) builder->texts.data)[*slot - 1];
    }

    text = &builder->sections[MLOPS_SECTION_TEXT];
    ref.off = (uint32_t) text->len;
    ref.len = (uint32_t) len;

    p = mlops_builder_more(builder, text, len);
    added = mlops_builder_more(builder, &builder->texts, sizeof(ref));

    if (p == NULL || added == NULL) {
        return ref;
    }

    memcpy(p, data, len);
    *added = ref;
    *slot = ++builder->texts_n;

    return ref;
}


/* Where this text's number stands, or where it would; NULL after an error. */

static uint32_t *
mlops_builder_slot(mlops_builder_t *builder, const char *data, size_t len)
{
    uint32_t             *slots, mask, i;
    const char           *text;
    mlops_image_text_t   *ref;

    if (builder->failed) {
        return NULL;
    }

    slots = (uint32_t *) builder->slots.data;
    mask = (uint32_t) (builder->slots.len / sizeof(uint32_t)) - 1;
    text = builder->sections[MLOPS_SECTION_TEXT].data;

    for (i = (uint32_t) mlops_hash(data, len, 0) & mask;
         slots[i] != 0;
         i = (i + 1) & mask)
    {
        ref = (mlops_image_text_t *) builder->texts.data + (slots[i] - 1);

        if (ref->len == len && memcmp(text + ref->off, data, len) == 0) {
            break;
        }
    }

    return &slots[i];
}


static void
mlops_builder_rehash(mlops_builder_t *builder)
{
    size_t               size;
    uint32_t             i, *slot;
    mlops_image_text_t  *ref;

    size = builder->slots.len ? builder->slots.len * 2
                              : 64 * sizeof(uint32_t);
    builder->slots.len = 0;

    if (mlops_builder_more(builder, &builder->slots, size) == NULL) {
        return;
    }

    ref = (mlops_image_text_t *) builder->texts.data;

    for (i = 0; i < builder->texts_n; i++) {
        slot = mlops_builder_slot(builder,
                                  builder->sections[MLOPS_SECTION_TEXT].data
                                  + ref[i].off, ref[i].len);

        if (slot) {
            *slot = i + 1;
        }
    }
}


uint32_t
mlops_builder_input(mlops_builder_t *builder, const mlops_column_t *column)
{
    uint32_t            *writer, *probes_n;
    mlops_image_cell_t   cell, *to;

    if (builder->step_n != 0) {
        return mlops_builder_fail(builder, "input \"%.*s\": inputs come "
                                  "before all steps",
                                  mlops_fmt(&column->name));
    }

    if (column->name.len == 0 || column->name.len > MLOPS_IMAGE_MAX_NAME) {
        return mlops_builder_fail(builder, "input \"%.*s\": expected a name "
                                  "of 1 to %d bytes, got %zu",
                                  mlops_fmt(&column->name),
                                  MLOPS_IMAGE_MAX_NAME, column->name.len);
    }

    if (builder->input_n == MLOPS_IMAGE_MAX_INPUTS) {
        return mlops_builder_fail(builder, "input \"%.*s\": expected at most "
                                  "%d inputs", mlops_fmt(&column->name),
                                  MLOPS_IMAGE_MAX_INPUTS);
    }

    memset(&cell, 0, sizeof(cell));

    cell.name = mlops_builder_text(builder, column->name.data,
                                   column->name.len);
    cell.type = column->type;
    cell.flags = column->flags;
    cell.categories = mlops_builder_strings(builder, column->categories,
                                            column->categories_n);

    if (column->flags & MLOPS_COLUMN_RANGE) {
        cell.lo = column->lo;
        cell.hi = column->hi;
    }

    if (column->flags & MLOPS_COLUMN_DEFAULT) {
        mlops_builder_default(builder, &cell, column);
    }

    to = mlops_builder_more(builder, &builder->sections[MLOPS_SECTION_CELLS],
                            sizeof(cell));
    writer = mlops_builder_more(builder, &builder->writers, sizeof(*writer));
    probes_n = mlops_builder_more(builder, &builder->probes_n,
                                  sizeof(*probes_n));

    if (to == NULL || writer == NULL || probes_n == NULL) {
        return MLOPS_BUILDER_ERROR;
    }

    *to = cell;
    *writer = MLOPS_BUILDER_NOBODY;
    builder->cell_n++;

    return builder->input_n++;
}


static void
mlops_builder_default(mlops_builder_t *builder, mlops_image_cell_t *cell,
    const mlops_column_t *column)
{
    if (column->type == MLOPS_TYPE_BYTES) {
        cell->def_text = mlops_builder_text(builder, column->def_text.data,
                                            column->def_text.len);
        return;
    }

    cell->def = column->def.u;
}


static mlops_image_run_t
mlops_builder_list(mlops_builder_t *builder, const uint32_t *items,
    uint32_t n)
{
    uint32_t           *to;
    mlops_buffer_t     *lists;
    mlops_image_run_t   run;

    lists = &builder->sections[MLOPS_SECTION_LISTS];
    run.first = mlops_builder_n(lists, uint32_t);
    run.n = n;

    to = mlops_builder_more(builder, lists, n * sizeof(uint32_t));

    if (to && n) {
        memcpy(to, items, n * sizeof(uint32_t));
    }

    return run;
}


static mlops_image_run_t
mlops_builder_strings(mlops_builder_t *builder, const mlops_str_t *items,
    uint32_t n)
{
    uint32_t             i;
    mlops_buffer_t      *strings;
    mlops_image_run_t    run;
    mlops_image_text_t   ref, *to;

    run.first = 0;
    run.n = n;

    if (n == 0) {
        return run;
    }

    strings = &builder->sections[MLOPS_SECTION_STRINGS];
    run.first = mlops_builder_n(strings, mlops_image_text_t);

    for (i = 0; i < n; i++) {
        ref = mlops_builder_text(builder, items[i].data, items[i].len);
        to = mlops_builder_more(builder, strings, sizeof(ref));

        if (to) {
            *to = ref;
        }
    }

    return run;
}


uint32_t
mlops_builder_step(mlops_builder_t *builder, mlops_image_step_t *step,
    const uint32_t *in, uint32_t in_n, uint32_t out, uint32_t out_n)
{
    uint32_t             i, *writers;
    const char          *name;
    mlops_image_step_t  *to;

    name = mlops_step_name(step->kind);

    for (i = 0; i < in_n; i++) {
        if (in[i] >= builder->cell_n) {
            return mlops_builder_fail(builder, "step %u (%s), input %u: "
                                      "expected a cell below %u, got %u",
                                      builder->step_n, name, i,
                                      builder->cell_n, in[i]);
        }
    }

    if (builder->step_n == MLOPS_IMAGE_MAX_STEPS || out_n == 0
        || out_n > MLOPS_IMAGE_MAX_CELLS - builder->cell_n)
    {
        return mlops_builder_fail(builder, "step %u (%s): expected at most "
                                  "%u steps and %u cells", builder->step_n,
                                  name, MLOPS_IMAGE_MAX_STEPS,
                                  MLOPS_IMAGE_MAX_CELLS);
    }

    if (out == MLOPS_BUILDER_NEW) {
        out = builder->cell_n;

        if (mlops_builder_more(builder, &builder->writers,
                               out_n * sizeof(uint32_t))
            == NULL)
        {
            return MLOPS_BUILDER_ERROR;
        }

        builder->cell_n += out_n;
        writers = (uint32_t *) builder->writers.data;

    } else {

        if (out >= builder->input_n || out_n > builder->input_n - out) {
            return mlops_builder_fail(builder, "step %u (%s): expected new "
                                      "outputs or input cells, got [%u, "
                                      "+%u)", builder->step_n, name, out,
                                      out_n);
        }

        writers = (uint32_t *) builder->writers.data;

        for (i = out; i < out + out_n; i++) {
            if (writers[i] != MLOPS_BUILDER_NOBODY) {
                return mlops_builder_fail(builder, "step %u (%s): step %u "
                                          "computes cell %u already",
                                          builder->step_n, name, writers[i],
                                          i);
            }
        }
    }

    for (i = out; i < out + out_n; i++) {
        writers[i] = builder->step_n;
    }

    step->in = mlops_builder_list(builder, in, in_n);
    step->out = out;
    step->out_n = out_n;

    to = mlops_builder_more(builder, &builder->sections[MLOPS_SECTION_STEPS],
                            sizeof(*step));

    if (to == NULL) {
        return MLOPS_BUILDER_ERROR;
    }

    *to = *step;
    builder->step_n++;

    if (mlops_step_uses_libm(step->kind, step->op)) {

        if ((step->flags & MLOPS_STEP_F32) || step->kind == MLOPS_STEP_DENSE
            || (step->kind == MLOPS_STEP_UNARY
                && step->op == MLOPS_UNARY_XGB_SIGMOID))
        {
            builder->libm_f32 = 1;

        } else {
            builder->libm_f64 = 1;
        }
    }

    return out;
}


void *
mlops_builder_param(mlops_builder_t *builder, mlops_image_step_t *step,
    uint64_t len)
{
    size_t           gap;
    mlops_buffer_t  *weights;

    weights = &builder->sections[MLOPS_SECTION_WEIGHTS];
    gap = mlops_align(weights->len, MLOPS_IMAGE_ALIGN) - weights->len;

    if (len > MLOPS_IMAGE_MAX
        || mlops_builder_more(builder, weights, gap) == NULL)
    {
        (void) mlops_builder_fail(builder, "the image would be larger than "
                                  "%u bytes", MLOPS_IMAGE_MAX);
        return NULL;
    }

    step->param = weights->len;
    step->param_len = len;

    return mlops_builder_more(builder, weights, (size_t) len);
}


int
mlops_builder_signature(mlops_builder_t *builder, const char *name,
    const uint32_t *inputs, uint32_t inputs_n,
    const mlops_builder_output_t *outputs, uint32_t outputs_n)
{
    int                       rc;
    uint32_t                  i, j;
    mlops_resolve_t           resolve;
    mlops_image_signature_t   signature, *to;

    if (builder->failed) {
        return MLOPS_ERROR;
    }

    memset(&signature, 0, sizeof(signature));
    memset(&resolve, 0, sizeof(resolve));

    resolve.builder = builder;
    resolve.name = name;
    resolve.taken = calloc(1, builder->cell_n + 1);
    resolve.visits = calloc(1, builder->step_n + 1);
    resolve.stack = calloc(builder->step_n + 1, sizeof(uint32_t));
    resolve.next = calloc(builder->step_n + 1, sizeof(uint32_t));
    resolve.order = calloc(builder->step_n + 1, sizeof(uint32_t));

    rc = MLOPS_ERROR;

    if (resolve.taken == NULL || resolve.visits == NULL
        || resolve.stack == NULL || resolve.next == NULL
        || resolve.order == NULL)
    {
        (void) mlops_builder_fail(builder, "out of memory");
        goto done;
    }

    for (i = 0; i < inputs_n; i++) {

        if (inputs[i] >= builder->input_n || resolve.taken[inputs[i]]) {
            (void) mlops_builder_fail(builder, "signature \"%s\", input %u: "
                                      "expected an input cell that is not "
                                      "there yet, got cell %u", name, i,
                                      inputs[i]);
            goto done;
        }

        resolve.taken[inputs[i]] = 1;
    }

    signature.name = mlops_builder_text(builder, name, strlen(name));
    signature.inputs = mlops_builder_list(builder, inputs, inputs_n);
    signature.output = mlops_builder_n(
                           &builder->sections[MLOPS_SECTION_OUTPUTS],
                           mlops_image_output_t);
    signature.output_n = outputs_n;

    for (i = 0; i < outputs_n; i++) {

        for (j = 0; j < outputs[i].width; j++) {
            if (mlops_builder_resolve(&resolve, outputs[i].cells[j])
                != MLOPS_OK)
            {
                goto done;
            }
        }

        mlops_builder_output(builder, &outputs[i]);
    }

    signature.steps = mlops_builder_list(builder, resolve.order,
                                         resolve.order_n);

    to = mlops_builder_more(builder,
                            &builder->sections[MLOPS_SECTION_SIGNATURES],
                            sizeof(signature));

    if (to != NULL && !builder->failed) {
        *to = signature;
        builder->signature_n++;
        rc = MLOPS_OK;
    }

done:

    free(resolve.taken);
    free(resolve.visits);
    free(resolve.stack);
    free(resolve.next);
    free(resolve.order);

    return rc;
}


/* Puts the steps that this cell needs into the order, each behind those it
 * depends on: a depth-first walk with a stack of its own. */

static int
mlops_builder_resolve(mlops_resolve_t *resolve, uint32_t cell)
{
    uint32_t                   depth, step, input;
    const uint32_t            *lists;
    const mlops_image_step_t  *steps;

    steps = (const mlops_image_step_t *)
                resolve->builder->sections[MLOPS_SECTION_STEPS].data;
    depth = 0;

    if (mlops_builder_enter(resolve, cell, &depth) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    while (depth > 0) {
        step = resolve->stack[depth - 1];
        input = resolve->next[depth - 1]++;

        if (input == steps[step].in.n) {
            resolve->visits[step] = MLOPS_VISIT_DONE;
            resolve->order[resolve->order_n++] = step;
            depth--;
            continue;
        }

        lists = (const uint32_t *)
                    resolve->builder->sections[MLOPS_SECTION_LISTS].data;

        if (mlops_builder_enter(resolve, lists[steps[step].in.first + input],
                                &depth)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static int
mlops_builder_enter(mlops_resolve_t *resolve, uint32_t cell, uint32_t *depth)
{
    uint32_t                   step;
    mlops_str_t                name;
    mlops_builder_t           *builder;
    const mlops_image_cell_t  *cells;

    builder = resolve->builder;

    if (cell < builder->cell_n && resolve->taken[cell]) {
        return MLOPS_OK;
    }

    step = (cell < builder->cell_n)
           ? ((uint32_t *) builder->writers.data)[cell]
           : MLOPS_BUILDER_NOBODY;

    if (step == MLOPS_BUILDER_NOBODY) {
        name.len = 0;
        name.data = "";

        if (cell < builder->input_n) {
            cells = (const mlops_image_cell_t *)
                        builder->sections[MLOPS_SECTION_CELLS].data;
            name.data = builder->sections[MLOPS_SECTION_TEXT].data
                        + cells[cell].name.off;
            name.len = cells[cell].name.len;
        }

        (void) mlops_builder_fail(builder, "signature \"%s\": cell %u "
                                  "(\"%.*s\") is neither an input of it nor "
                                  "computed by a step", resolve->name, cell,
                                  mlops_fmt(&name));
        return MLOPS_ERROR;
    }

    if (resolve->visits[step] == MLOPS_VISIT_DONE) {
        return MLOPS_OK;
    }

    if (resolve->visits[step] == MLOPS_VISIT_OPEN) {
        (void) mlops_builder_fail(builder, "signature \"%s\": step %u "
                                  "depends on itself by cell %u",
                                  resolve->name, step, cell);
        return MLOPS_ERROR;
    }

    resolve->visits[step] = MLOPS_VISIT_OPEN;
    resolve->stack[*depth] = step;
    resolve->next[*depth] = 0;
    (*depth)++;

    return MLOPS_OK;
}


static void
mlops_builder_output(mlops_builder_t *builder,
    const mlops_builder_output_t *output)
{
    mlops_image_output_t  to, *added;

    memset(&to, 0, sizeof(to));

    to.name = mlops_builder_text(builder, output->name.data,
                                 output->name.len);
    to.type = output->type;
    to.width = output->width;
    to.cells = mlops_builder_list(builder, output->cells, output->width);

    if (output->labels != NULL) {
        to.labels = mlops_builder_strings(builder, output->labels,
                                          output->labels_n);
    }

    added = mlops_builder_more(builder,
                               &builder->sections[MLOPS_SECTION_OUTPUTS],
                               sizeof(to));

    if (added) {
        *added = to;
    }
}


void
mlops_builder_facts(mlops_builder_t *builder, const char *json, size_t len)
{
    char            *p;
    mlops_buffer_t  *facts;

    facts = &builder->sections[MLOPS_SECTION_FACTS];
    facts->len = 0;

    p = mlops_builder_more(builder, facts, len);

    if (p && len) {
        memcpy(p, json, len);
    }
}


void
mlops_builder_histogram(mlops_builder_t *builder, uint32_t cell,
    uint32_t bins_n, const double *edges, const double *counts,
    double missing, double rows)
{
    double                   *bins;
    size_t                    edges_n;
    mlops_image_histogram_t   histogram, *to;

    edges_n = (edges != NULL) ? (size_t) bins_n + 1 : 0;

    histogram.cell = cell;
    histogram.bins_n = bins_n;
    histogram.edges = edges ? builder->bins.len / sizeof(double) : UINT64_MAX;
    histogram.counts = builder->bins.len / sizeof(double) + edges_n;
    histogram.missing = missing;
    histogram.rows = rows;

    bins = mlops_builder_more(builder, &builder->bins,
                              (edges_n + bins_n) * sizeof(double));
    to = mlops_builder_more(builder, &builder->histograms,
                            sizeof(histogram));

    if (bins == NULL || to == NULL) {
        return;
    }

    if (edges) {
        memcpy(bins, edges, edges_n * sizeof(double));
    }

    memcpy(bins + edges_n, counts, bins_n * sizeof(double));
    *to = histogram;
}


void
mlops_builder_tolerance(mlops_builder_t *builder, double tol_abs,
    double tol_rel)
{
    builder->tol_abs = tol_abs;
    builder->tol_rel = tol_rel;
}


void
mlops_builder_golden(mlops_builder_t *builder, uint32_t signature,
    const mlops_cell_t *inputs, const uint64_t *present, const char *text,
    const mlops_cell_t *results, const char *results_text)
{
    char                           *row;
    uint32_t                        i, j, n, words, width;
    uint64_t                       *of, *bits;
    mlops_cell_t                   *to;
    const uint32_t                 *lists;
    const mlops_image_cell_t       *cells;
    const mlops_image_output_t     *outputs;
    const mlops_image_signature_t  *from;

    if (builder->failed) {
        return;
    }

    if (signature >= builder->signature_n) {
        (void) mlops_builder_fail(builder, "golden row %u: there is no "
                                  "signature %u", builder->golden_n,
                                  signature);
        return;
    }

    if (builder->golden_n == MLOPS_IMAGE_MAX_GOLDEN) {
        (void) mlops_builder_fail(builder, "expected at most %d golden rows",
                                  MLOPS_IMAGE_MAX_GOLDEN);
        return;
    }

    from = (const mlops_image_signature_t *)
               builder->sections[MLOPS_SECTION_SIGNATURES].data + signature;
    cells = (const mlops_image_cell_t *)
                builder->sections[MLOPS_SECTION_CELLS].data;
    lists = (const uint32_t *) builder->sections[MLOPS_SECTION_LISTS].data;
    outputs = (const mlops_image_output_t *)
                  builder->sections[MLOPS_SECTION_OUTPUTS].data
              + from->output;

    n = from->inputs.n;
    words = mlops_row_words(n);
    width = 0;

    for (i = 0; i < from->output_n; i++) {
        width += outputs[i].width;
    }

    of = mlops_builder_more(builder, &builder->golden_of, sizeof(*of));
    row = mlops_builder_more(builder, &builder->golden_rows,
                             ((size_t) n + words + width) * 8);

    if (of == NULL || row == NULL) {
        return;
    }

    *of = signature;
    builder->golden_n++;

    to = (mlops_cell_t *) row;
    bits = (uint64_t *) (to + n);

    for (i = 0; i < n; i++) {
        to[i] = mlops_builder_cell(builder,
                                   cells[lists[from->inputs.first + i]].type,
                                   inputs[i], mlops_bit(present, i), text);

        if (mlops_bit(present, i)) {
            mlops_bit_set(bits, i);
        }
    }

    to += n + words;

    for (i = 0; i < from->output_n; i++) {
        for (j = 0; j < outputs[i].width; j++) {
            *to++ = mlops_builder_cell(builder, outputs[i].type, *results++,
                                       1, results_text);
        }
    }
}


/* A string cell refers to TEXT from here on; a missing cell is NaN or 0. */

static mlops_cell_t
mlops_builder_cell(mlops_builder_t *builder, mlops_type_t type,
    mlops_cell_t cell, int present, const char *text)
{
    mlops_cell_kind_t    kind;
    mlops_image_text_t   ref;

    kind = mlops_type_kind(type);

    if (!present) {
        cell.u = 0;

        if (kind == MLOPS_CELL_DOUBLE) {
            cell.f = NAN;
        }

        return cell;
    }

    if (kind == MLOPS_CELL_STRING && text != NULL) {
        ref = mlops_builder_text(builder, text + cell.s.off, cell.s.len);
        cell.s.off = ref.off;
        cell.s.len = ref.len;
    }

    return cell;
}


void
mlops_builder_probe(mlops_builder_t *builder, uint32_t cell, double value)
{
    uint32_t       *n;
    mlops_probe_t  *probe;

    if (cell >= builder->input_n || builder->failed) {
        return;
    }

    n = (uint32_t *) builder->probes_n.data + cell;

    if (*n == MLOPS_PROBES_PER_CELL) {
        return;
    }

    probe = mlops_builder_more(builder, &builder->probes, sizeof(*probe));

    if (probe) {
        probe->cell = cell;
        probe->value = value;
        (*n)++;
    }
}
