/*
 * Loading an image: the phases that turn cells, steps and signatures into an
 * interface and programs, and prove those safe to run.
 *
 * A program is safe when each of its steps reads cells that are inputs of
 * its signature or were written before, of the kind it expects, and writes
 * cells that have no origin yet.
 */

#include "mlops_load.h"

#include <math.h>
#include <stdlib.h>


#define MLOPS_COLUMN_FLAGS                                                    \
    (MLOPS_COLUMN_REQUIRED|MLOPS_COLUMN_DEFAULT|MLOPS_COLUMN_RANGE)


static int mlops_load_cell(mlops_load_t *load,
    const mlops_image_cell_t *cell, mlops_err_t *err);
static int mlops_load_range(const mlops_image_cell_t *cell,
    mlops_err_t *err);
static int mlops_load_default(mlops_load_t *load,
    const mlops_image_cell_t *cell, mlops_err_t *err);
static int mlops_load_op(mlops_load_t *load, mlops_op_t *op,
    const mlops_image_step_t *step, const mlops_step_def_t *def,
    mlops_err_t *err);
static int mlops_load_op_cells(mlops_load_t *load, mlops_op_t *op,
    size_t *budget, mlops_err_t *err);
static int mlops_load_signature(mlops_load_t *load, uint32_t number,
    mlops_err_t *err);
static int mlops_load_use(mlops_load_t *load, uint32_t number, uint32_t i,
    mlops_err_t *err);
static int mlops_load_column(mlops_load_t *load, uint32_t number, uint32_t i,
    mlops_err_t *err);
static int mlops_load_program(mlops_load_t *load, size_t *budget,
    mlops_err_t *err);
static int mlops_load_origins(mlops_load_t *load,
    const mlops_program_t *program, mlops_err_t *err);
static int mlops_load_proof(mlops_load_t *load,
    const mlops_program_t *program, size_t *budget, mlops_err_t *err);
static int mlops_load_prove(mlops_load_t *load,
    const mlops_program_t *program, const mlops_op_t *op, size_t *budget,
    mlops_err_t *err);


int
mlops_load_cells(mlops_load_t *load, size_t *budget, mlops_err_t *err)
{
    uint64_t                   i;
    const mlops_section_t     *section;
    const mlops_image_cell_t  *cells;

    section = &load->model->sections[MLOPS_SECTION_CELLS];
    cells = (const mlops_image_cell_t *) section->data;

    if (section->n != load->model->image->input_n) {
        return mlops_err_set(err, "section CELLS: expected %u elements, got "
                             "%u", load->model->image->input_n, section->n);
    }

    for (i = load->cursor; i < section->n; i++) {

        if (*budget == 0) {
            load->cursor = i;
            return MLOPS_AGAIN;
        }

        if (mlops_load_cell(load, &cells[i], err) != MLOPS_OK) {
            return mlops_err_prefix(err, "input cell %llu",
                                    (unsigned long long) i);
        }

        mlops_load_spend(budget, sizeof(mlops_image_cell_t)
                                 + MLOPS_LOAD_JUMP);
    }

    return MLOPS_OK;
}


static int
mlops_load_cell(mlops_load_t *load, const mlops_image_cell_t *cell,
    mlops_err_t *err)
{
    if (cell->type == MLOPS_TYPE_NONE || cell->type >= MLOPS_TYPE_N) {
        return mlops_err_set(err, "type: expected 1 to %d, got %u",
                             MLOPS_TYPE_N - 1, cell->type);
    }

    if (cell->flags & ~(uint32_t) MLOPS_COLUMN_FLAGS) {
        return mlops_err_set(err, "flags: expected some of %d, got %u",
                             MLOPS_COLUMN_FLAGS, cell->flags);
    }

    if (cell->reserved != 0) {
        return mlops_err_set(err, "reserved: expected 0");
    }

    if (mlops_load_text(load, &cell->name, MLOPS_IMAGE_MAX_NAME, "name", err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (mlops_load_strings_run(load, &cell->categories, "categories", err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (cell->categories.n != 0 && cell->type != MLOPS_TYPE_BYTES) {
        return mlops_err_set(err, "categories: expected none of a column of "
                             "type %s", mlops_type_name(cell->type));
    }

    if (mlops_load_range(cell, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    return mlops_load_default(load, cell, err);
}


static int
mlops_load_range(const mlops_image_cell_t *cell, mlops_err_t *err)
{
    if ((cell->flags & MLOPS_COLUMN_RANGE) == 0) {

        if (cell->lo != 0 || cell->hi != 0) {
            return mlops_err_set(err, "range: expected 0 and 0 where there "
                                 "is none, got %g and %g", cell->lo,
                                 cell->hi);
        }

        return MLOPS_OK;
    }

    if (cell->type == MLOPS_TYPE_BYTES) {
        return mlops_err_set(err, "range: expected none of a column of type "
                             "BYTES");
    }

    if (!(cell->lo <= cell->hi)) {
        return mlops_err_set(err, "range: expected two numbers in order, got "
                             "%g and %g", cell->lo, cell->hi);
    }

    return MLOPS_OK;
}


static int
mlops_load_default(mlops_load_t *load, const mlops_image_cell_t *cell,
    mlops_err_t *err)
{
    int64_t       lo;
    uint64_t      hi;
    mlops_cell_t  def;

    if ((cell->flags & MLOPS_COLUMN_DEFAULT) == 0
        || cell->type == MLOPS_TYPE_BYTES)
    {
        if (cell->def != 0) {
            return mlops_err_set(err, "default: expected 0 where there is "
                                 "none");
        }
    }

    if ((cell->flags & MLOPS_COLUMN_DEFAULT) == 0
        || cell->type != MLOPS_TYPE_BYTES)
    {
        if (cell->def_text.off != 0 || cell->def_text.len != 0) {
            return mlops_err_set(err, "default: expected no text");
        }
    }

    if ((cell->flags & MLOPS_COLUMN_DEFAULT) == 0) {
        return MLOPS_OK;
    }

    def.u = cell->def;
    mlops_type_limits(cell->type, &lo, &hi);

    switch (mlops_type_kind(cell->type)) {

    case MLOPS_CELL_DOUBLE:

        if (isnan(def.f)
            || (cell->type == MLOPS_TYPE_FP32 && (float) def.f != def.f))
        {
            return mlops_err_set(err, "default: expected a number of type "
                                 "%s, got %.17g",
                                 mlops_type_name(cell->type), def.f);
        }

        return MLOPS_OK;

    case MLOPS_CELL_INT:

        if (def.i < lo || (def.i > 0 && (uint64_t) def.i > hi)) {
            return mlops_err_set(err, "default: expected a number of type "
                                 "%s, got %lld",
                                 mlops_type_name(cell->type),
                                 (long long) def.i);
        }

        return MLOPS_OK;

    case MLOPS_CELL_UINT:

        if (def.u > hi) {
            return mlops_err_set(err, "default: expected a number of type "
                                 "%s, got %llu",
                                 mlops_type_name(cell->type),
                                 (unsigned long long) def.u);
        }

        return MLOPS_OK;

    default:
        return mlops_load_text(load, &cell->def_text, MLOPS_IMAGE_MAX_KEY,
                               "default", err);
    }
}


/* Counts and places of all steps; their parameters come in the next phase.
 * cursor: step; part: 0 before it, then cells that it reads, done + 1. */

int
mlops_load_steps(mlops_load_t *load, size_t *budget, mlops_err_t *err)
{
    int                        rc;
    uint64_t                   i;
    mlops_model_t             *model;
    const mlops_section_t     *section, *weights;
    const mlops_step_def_t    *def;
    const mlops_image_step_t  *steps;

    model = load->model;
    section = &model->sections[MLOPS_SECTION_STEPS];
    weights = &model->sections[MLOPS_SECTION_WEIGHTS];
    steps = (const mlops_image_step_t *) section->data;

    if (section->n > MLOPS_IMAGE_MAX_STEPS) {
        return mlops_err_set(err, "section STEPS: expected at most %u "
                             "elements, got %u", MLOPS_IMAGE_MAX_STEPS,
                             section->n);
    }

    if (model->ops == NULL && section->n != 0) {
        model->ops = mlops_arena_alloc(&model->arena, section->n
                                                      * sizeof(mlops_op_t));

        if (model->ops == NULL) {
            return mlops_load_no_memory(err);
        }
    }

    for (i = load->cursor; i < section->n; i++) {

        load->cursor = i;

        if (*budget == 0) {
            return MLOPS_AGAIN;
        }

        def = mlops_step_def(steps[i].kind);

        if (def == NULL || def->bind == NULL) {
            return mlops_err_set(err, "step %llu: kind %u (%s) is not known "
                                 "to abi %d", (unsigned long long) i,
                                 steps[i].kind, def ? def->name : "?",
                                 MLOPS_IMAGE_ABI);
        }

        rc = MLOPS_OK;

        if (load->part == 0) {
            rc = mlops_load_op(load, &model->ops[i], &steps[i], def, err);
            load->part = 1;
        }

        if (rc == MLOPS_OK) {
            rc = mlops_load_op_cells(load, &model->ops[i], budget, err);
        }

        if (rc == MLOPS_ERROR) {
            return mlops_err_prefix(err, "step %llu (%s)",
                                    (unsigned long long) i, def->name);
        }

        if (rc == MLOPS_AGAIN) {
            return MLOPS_AGAIN;
        }

        load->part = 0;
        mlops_load_spend(budget, sizeof(mlops_op_t));
    }

    if (load->weighed != weights->len) {
        return mlops_err_set(err, "section WEIGHTS: expected %llu bytes for "
                             "the steps, got %llu",
                             (unsigned long long) load->weighed,
                             (unsigned long long) weights->len);
    }

    return MLOPS_OK;
}


static int
mlops_load_op(mlops_load_t *load, mlops_op_t *op,
    const mlops_image_step_t *step, const mlops_step_def_t *def,
    mlops_err_t *err)
{
    uint64_t                     off, len;
    mlops_section_t             *weights;
    const mlops_image_header_t  *h;

    h = load->model->image;
    weights = &load->model->sections[MLOPS_SECTION_WEIGHTS];

    if (step->flags & ~def->flags) {
        return mlops_err_set(err, "flags: expected some of %u, got %u",
                             def->flags, step->flags);
    }

    if (step->op >= def->codes_n) {
        return mlops_err_set(err, "op: expected less than %u, got %u",
                             def->codes_n, step->op);
    }

    if (step->reserved != 0) {
        return mlops_err_set(err, "reserved: expected 0");
    }

    if (mlops_load_run(load, &step->in, "inputs", err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if ((step->in.n == 0 && step->kind != MLOPS_STEP_AFFINE)
        || step->in.n > MLOPS_IMAGE_MAX_CELLS)
    {
        return mlops_err_set(err, "inputs: expected 1 to %u, got %u",
                             MLOPS_IMAGE_MAX_CELLS, step->in.n);
    }

    if (step->out_n == 0 || (uint64_t) step->out + step->out_n > h->cell_n) {
        return mlops_err_set(err, "outputs: expected at least 1, within %u "
                             "cells, got [%u, +%u)", h->cell_n, step->out,
                             step->out_n);
    }

    off = mlops_align(load->weighed, MLOPS_IMAGE_ALIGN);

    if (step->param != (step->param_len ? off : 0)
        || (step->param_len != 0
            && (off > weights->len || step->param_len > weights->len - off)))
    {
        return mlops_err_set(err, "parameters: expected them at %llu, within "
                             "%llu bytes, got %llu bytes at %llu",
                             (unsigned long long) off,
                             (unsigned long long) weights->len,
                             (unsigned long long) step->param_len,
                             (unsigned long long) step->param);
    }

    if (step->param_len != 0) {

        for ( /* void */ ; load->weighed < off; load->weighed++) {
            if (weights->data[load->weighed] != 0) {
                return mlops_err_set(err, "parameters: expected 0 before "
                                     "them");
            }
        }

        load->weighed = off + step->param_len;
    }

    memset(op, 0, sizeof(*op));

    op->in = mlops_load_list(load, &step->in);
    op->in_n = step->in.n;
    op->first = (op->in_n != 0) ? op->in[0] : 0;
    op->out = step->out;
    op->out_n = step->out_n;
    op->flags = step->flags;
    op->kind = step->kind;
    op->code = step->op;
    op->param = weights->data + step->param;
    op->param_len = step->param_len;
    op->text.data = load->model->sections[MLOPS_SECTION_TEXT].data;
    op->text.len = load->model->sections[MLOPS_SECTION_TEXT].len;

    if (def->size(op, &len, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (len != MLOPS_OP_ANY_SIZE && len != op->param_len) {
        return mlops_err_set(err, "parameters: expected %llu bytes, got %llu",
                             (unsigned long long) len,
                             (unsigned long long) op->param_len);
    }

    return MLOPS_OK;
}


static int
mlops_load_op_cells(mlops_load_t *load, mlops_op_t *op, size_t *budget,
    mlops_err_t *err)
{
    uint32_t  cell_n;
    uint64_t  i, end;

    cell_n = load->model->image->cell_n;
    i = load->part - 1;
    end = op->in_n;

    if (end - i > *budget / sizeof(uint32_t)) {
        end = i + *budget / sizeof(uint32_t) + 1;
    }

    mlops_load_spend(budget, (end - i) * sizeof(uint32_t));

    for ( /* void */ ; i < end; i++) {

        if (op->in[i] >= cell_n) {
            return mlops_err_set(err, "input %llu: expected a cell below %u, "
                                 "got %u", (unsigned long long) i, cell_n,
                                 op->in[i]);
        }

        if (op->in[i] != op->first + i) {
            op->first = MLOPS_OP_SCATTERED;
        }
    }

    load->part = end + 1;

    if (end < op->in_n) {
        return MLOPS_AGAIN;
    }

    if (op->first == MLOPS_OP_SCATTERED) {
        op->x_size = mlops_align((size_t) op->in_n * sizeof(double), 64);
    }

    return MLOPS_OK;
}


int
mlops_load_weights(mlops_load_t *load, size_t *budget, mlops_err_t *err)
{
    int                      rc;
    size_t                   size;
    uint64_t                 i;
    mlops_op_t              *op;
    mlops_model_t           *model;
    const mlops_step_def_t  *def;

    model = load->model;

    for (i = load->cursor; i < model->sections[MLOPS_SECTION_STEPS].n; i++) {

        load->cursor = i;

        if (*budget == 0) {
            return MLOPS_AGAIN;
        }

        op = &model->ops[i];
        def = mlops_step_def(op->kind);

        if (def->check) {
            rc = def->check(op, &load->inner, budget, err);

            if (rc == MLOPS_ERROR) {
                return mlops_err_prefix(err, "step %llu (%s)",
                                        (unsigned long long) i, def->name);
            }

            if (rc == MLOPS_AGAIN) {
                return MLOPS_AGAIN;
            }
        }

        def->bind(op, model->simd);

        size = op->x_size + mlops_align(op->scratch_size, 64);

        if (size > model->ops_size) {
            model->ops_size = size;
        }

        load->inner = 0;
        mlops_load_spend(budget, sizeof(mlops_op_t));
    }

    model->cells_size = mlops_align(((size_t) model->image->cell_n + 16)
                                    * sizeof(double), 64);

    return MLOPS_OK;
}


/* cursor: signature; inner: 0 before it, then steps and columns done + 1. */

int
mlops_load_signatures(mlops_load_t *load, size_t *budget, mlops_err_t *err)
{
    uint32_t                i, steps_n;
    uint64_t                n;
    mlops_model_t          *model;
    const mlops_section_t  *section;

    model = load->model;
    section = &model->sections[MLOPS_SECTION_SIGNATURES];

    if (section->n == 0 || section->n > MLOPS_IMAGE_MAX_SIGNATURES) {
        return mlops_err_set(err, "section SIGNATURES: expected 1 to %d "
                             "elements, got %u", MLOPS_IMAGE_MAX_SIGNATURES,
                             section->n);
    }

    if (model->programs == NULL) {
        model->programs = mlops_arena_calloc(&model->arena, section->n,
                                             sizeof(mlops_program_t));
        model->face.signatures = mlops_arena_calloc(&model->arena,
                                     section->n, sizeof(mlops_signature_t));

        if (model->programs == NULL || model->face.signatures == NULL) {
            return mlops_load_no_memory(err);
        }

        model->face.n = section->n;
        model->face.alike = 1;
    }

    for ( /* void */ ; load->cursor < section->n; load->cursor++) {
        i = (uint32_t) load->cursor;

        if (load->inner == 0) {

            if (*budget == 0) {
                return MLOPS_AGAIN;
            }

            if (mlops_load_signature(load, i, err) != MLOPS_OK) {
                return mlops_err_prefix(err, "signature %u", i);
            }

            load->inner = 1;
            mlops_load_spend(budget, (i + 1) * MLOPS_LOAD_JUMP);
        }

        steps_n = model->programs[i].ops_n;
        n = (uint64_t) steps_n + model->programs[i].inputs_n;

        for ( /* void */ ; load->inner <= n; load->inner++) {

            if (*budget == 0) {
                return MLOPS_AGAIN;
            }

            if (load->inner <= steps_n) {

                if (mlops_load_use(load, i, (uint32_t) load->inner - 1, err)
                    != MLOPS_OK)
                {
                    return mlops_err_prefix(err, "signature %u", i);
                }

                mlops_load_spend(budget, 2 * sizeof(mlops_op_t *));
                continue;
            }

            if (mlops_load_column(load, i,
                                  (uint32_t) (load->inner - 1 - steps_n),
                                  err)
                != MLOPS_OK)
            {
                return mlops_err_prefix(err, "signature %u", i);
            }

            mlops_load_spend(budget, sizeof(mlops_column_t)
                                     + 3 * MLOPS_LOAD_JUMP);
        }

        load->inner = 0;
    }

    return MLOPS_OK;
}


/* A signature without its steps and columns, for which it takes memory. */

static int
mlops_load_signature(mlops_load_t *load, uint32_t number, mlops_err_t *err)
{
    uint32_t                        i, n, step_n;
    mlops_model_t                  *model;
    mlops_program_t                *program;
    mlops_signature_t              *to;
    const mlops_image_signature_t  *from;

    model = load->model;
    program = &model->programs[number];
    to = &model->face.signatures[number];
    from = (const mlops_image_signature_t *)
               model->sections[MLOPS_SECTION_SIGNATURES].data + number;
    step_n = model->sections[MLOPS_SECTION_STEPS].n;

    if (mlops_load_text(load, &from->name, MLOPS_IMAGE_MAX_NAME, "name", err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    to->name = mlops_model_str(model, &from->name);

    if (to->name.len == 0) {
        return mlops_err_set(err, "name: expected one");
    }

    for (i = 0; i < number; i++) {
        if (mlops_str_eq(&model->face.signatures[i].name, to->name.data,
                         to->name.len))
        {
            return mlops_err_set(err, "name: \"%.*s\" is there already",
                                 mlops_fmt(&to->name));
        }
    }

    if (mlops_load_run(load, &from->inputs, "inputs", err) != MLOPS_OK
        || mlops_load_run(load, &from->steps, "steps", err) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (from->inputs.n == 0
        || from->inputs.n > MLOPS_IMAGE_MAX_INPUTS
        || from->steps.n > step_n)
    {
        return mlops_err_set(err, "expected 1 to %d inputs and at most %u "
                             "steps, got %u and %u", MLOPS_IMAGE_MAX_INPUTS,
                             step_n, from->inputs.n, from->steps.n);
    }

    n = from->inputs.n;

    if (number != 0 && n != model->programs[0].inputs_n) {
        model->face.alike = 0;
    }

    program->ops_n = from->steps.n;
    program->ops = mlops_arena_alloc(&model->arena, from->steps.n
                                                    * sizeof(mlops_op_t *));

    program->inputs_n = n;
    program->inputs = mlops_load_list(load, &from->inputs);
    program->first = program->inputs[0];
    program->kinds = mlops_arena_alloc(&model->arena, n);

    to->inputs.n = n;
    to->inputs.columns = mlops_arena_alloc(&model->arena,
                                           n * sizeof(mlops_column_t));

    if (program->ops == NULL || program->kinds == NULL
        || to->inputs.columns == NULL)
    {
        return mlops_load_no_memory(err);
    }

    return mlops_schema_index_start(&to->inputs, &model->arena, err);
}


/* Step i of a signature. */

static int
mlops_load_use(mlops_load_t *load, uint32_t number, uint32_t i,
    mlops_err_t *err)
{
    uint32_t                        step, n;
    mlops_model_t                  *model;
    const mlops_image_signature_t  *from;

    model = load->model;
    from = (const mlops_image_signature_t *)
               model->sections[MLOPS_SECTION_SIGNATURES].data + number;
    step = mlops_load_list(load, &from->steps)[i];
    n = model->sections[MLOPS_SECTION_STEPS].n;

    if (step >= n) {
        return mlops_err_set(err, "steps[%u]: expected a step below %u, got "
                             "%u", i, n, step);
    }

    model->programs[number].ops[i] = &model->ops[step];

    return MLOPS_OK;
}


/* Input i of a signature. */

static int
mlops_load_column(mlops_load_t *load, uint32_t number, uint32_t i,
    mlops_err_t *err)
{
    mlops_model_t             *model;
    mlops_column_t            *column;
    mlops_schema_t            *schema;
    mlops_program_t           *program;
    const mlops_image_cell_t  *cell;

    model = load->model;
    program = &model->programs[number];
    schema = &model->face.signatures[number].inputs;
    column = &schema->columns[i];

    if (program->inputs[i] >= model->image->input_n) {
        return mlops_err_set(err, "inputs[%u]: expected an input cell below "
                             "%u, got %u", i, model->image->input_n,
                             program->inputs[i]);
    }

    cell = (const mlops_image_cell_t *)
               model->sections[MLOPS_SECTION_CELLS].data
           + program->inputs[i];

    memset(column, 0, sizeof(*column));

    column->name = mlops_model_str(model, &cell->name);
    column->type = cell->type;
    column->kind = mlops_type_kind(cell->type);
    column->flags = cell->flags;
    column->def.u = cell->def;
    column->lo = cell->lo;
    column->hi = cell->hi;

    if (cell->def_text.len != 0) {
        column->def_text = mlops_model_str(model, &cell->def_text);
    }

    if (cell->categories.n != 0) {
        column->categories_n = cell->categories.n;
        column->categories = model->strings + cell->categories.first;
    }

    program->kinds[i] = (uint8_t) column->kind;

    if (model->face.alike
        && program->inputs[i] != model->programs[0].inputs[i])
    {
        model->face.alike = 0;
    }

    if (program->inputs[i] != program->first + i
        || column->kind != MLOPS_CELL_DOUBLE)
    {
        program->first = MLOPS_OP_SCATTERED;
    }

    return mlops_schema_index_add(schema, i, err);
}


/* cursor: signature; stage: what it is at; inner and part: how far. */

int
mlops_load_programs(mlops_load_t *load, size_t *budget, mlops_err_t *err)
{
    int             rc;
    mlops_model_t  *model;

    model = load->model;

    if (load->origins == NULL) {
        load->origins = malloc(model->image->cell_n * sizeof(uint32_t));

        if (load->origins == NULL) {
            return mlops_load_no_memory(err);
        }
    }

    while (load->cursor < model->face.n) {

        if (*budget == 0) {
            return MLOPS_AGAIN;
        }

        rc = mlops_load_program(load, budget, err);

        if (rc == MLOPS_AGAIN) {
            return MLOPS_AGAIN;
        }

        if (rc == MLOPS_ERROR) {
            return mlops_err_prefix(err, "signature %llu",
                                    (unsigned long long) load->cursor);
        }

        load->inner = 0;
        load->part = 0;

        if (load->stage == MLOPS_LOAD_STORES) {
            load->stage = MLOPS_LOAD_ORIGINS;
            load->cursor++;

        } else {
            load->stage++;
        }
    }

    return mlops_load_outputs_end(load, err);
}


/* One stage of it. */

static int
mlops_load_program(mlops_load_t *load, size_t *budget, mlops_err_t *err)
{
    uint32_t                number;
    const mlops_program_t  *program;

    number = (uint32_t) load->cursor;
    program = &load->model->programs[number];

    switch (load->stage) {

    case MLOPS_LOAD_ORIGINS:
        mlops_load_spend(budget, load->model->image->cell_n
                                 + program->inputs_n * sizeof(uint64_t));
        return mlops_load_origins(load, program, err);

    case MLOPS_LOAD_PROOF:
        return mlops_load_proof(load, program, budget, err);

    case MLOPS_LOAD_OUTPUTS:
        return mlops_load_outputs(load, number, budget, err);

    default:        /* MLOPS_LOAD_STORES */
        return mlops_load_stores(load, number, budget, err);
    }
}


static int
mlops_load_origins(mlops_load_t *load, const mlops_program_t *program,
    mlops_err_t *err)
{
    uint32_t  i, *origin;

    memset(load->origins, 0,
           load->model->image->cell_n * sizeof(uint32_t));

    for (i = 0; i < program->inputs_n; i++) {
        origin = &load->origins[program->inputs[i]];

        if (*origin != MLOPS_ORIGIN_NONE) {
            return mlops_err_set(err, "inputs[%u]: cell %u is an input "
                                 "already", i, program->inputs[i]);
        }

        *origin = i + 1;
    }

    return MLOPS_OK;
}


/* inner: step; part: its cells read and written. */

static int
mlops_load_proof(mlops_load_t *load, const mlops_program_t *program,
    size_t *budget, mlops_err_t *err)
{
    int                rc;
    const mlops_op_t  *op;

    for ( /* void */ ; load->inner < program->ops_n; load->inner++) {

        if (*budget == 0) {
            return MLOPS_AGAIN;
        }

        op = program->ops[load->inner];
        rc = mlops_load_prove(load, program, op, budget, err);

        if (rc == MLOPS_ERROR) {
            return mlops_err_prefix(err, "step %llu", (unsigned long long)
                                                      (op
                                                       - load->model->ops));
        }

        if (rc == MLOPS_AGAIN) {
            return MLOPS_AGAIN;
        }

        load->part = 0;
        mlops_load_spend(budget, MLOPS_LOAD_JUMP);
    }

    return MLOPS_OK;
}


static int
mlops_load_prove(mlops_load_t *load, const mlops_program_t *program,
    const mlops_op_t *op, size_t *budget, mlops_err_t *err)
{
    int        want, got;
    uint32_t   cell, *origin;
    uint64_t   i, n, end;

    want = mlops_op_reads_string(op);
    n = (uint64_t) op->in_n + op->out_n;
    i = load->part;
    end = n;

    /* a cell may be anywhere: four times the bytes of its number */

    if (end - i > *budget / 16) {
        end = i + *budget / 16 + 1;
    }

    mlops_load_spend(budget, (end - i) * 16);

    for ( /* void */ ; i < end && i < op->in_n; i++) {
        cell = op->in[i];
        origin = &load->origins[cell];

        if (*origin == MLOPS_ORIGIN_NONE) {
            return mlops_err_set(err, "cell %u: it is read before it is "
                                 "computed", cell);
        }

        got = *origin != MLOPS_ORIGIN_COMPUTED
              && program->kinds[*origin - 1] == MLOPS_CELL_STRING;

        if (got != want) {
            return mlops_err_set(err, "cell %u: expected a %s, got a %s",
                                 cell, want ? "string" : "number",
                                 got ? "string" : "number");
        }
    }

    for ( /* void */ ; i < end; i++) {
        cell = op->out + (uint32_t) (i - op->in_n);
        origin = &load->origins[cell];

        if (*origin != MLOPS_ORIGIN_NONE) {
            return mlops_err_set(err, "cell %u has a value already", cell);
        }

        *origin = MLOPS_ORIGIN_COMPUTED;
    }

    load->part = end;

    return (end == n) ? MLOPS_OK : MLOPS_AGAIN;
}
