/*
 * Loading an image: the outputs of a signature, and how each of their cells
 * becomes a result.
 */

#include "mlops_load.h"


static int mlops_load_outputs_start(mlops_load_t *load, uint32_t number,
    mlops_err_t *err);
static int mlops_load_output(mlops_load_t *load, uint32_t number,
    const mlops_image_output_t *from, mlops_output_t *all,
    mlops_err_t *err);
static int mlops_load_labels(mlops_load_t *load,
    const mlops_image_output_t *from, mlops_output_t *to, mlops_err_t *err);
static int mlops_load_store(mlops_load_t *load,
    const mlops_program_t *program, const mlops_image_output_t *from,
    uint32_t cell, mlops_store_t *store, mlops_err_t *err);
static uint32_t mlops_load_store_kind(mlops_type_t to, int from);


/* Of a signature, where its elements of OUTPUTS stand. */

static const mlops_image_output_t *
mlops_load_outputs_of(mlops_load_t *load, uint32_t number)
{
    mlops_model_t                  *model;
    const mlops_image_signature_t  *from;

    model = load->model;
    from = (const mlops_image_signature_t *)
               model->sections[MLOPS_SECTION_SIGNATURES].data + number;

    return (const mlops_image_output_t *)
               model->sections[MLOPS_SECTION_OUTPUTS].data + from->output;
}


/* inner: 0 before them, then outputs done + 1. */

int
mlops_load_outputs(mlops_load_t *load, uint32_t number, size_t *budget,
    mlops_err_t *err)
{
    uint32_t                     i;
    mlops_output_t              *output;
    mlops_program_t             *program;
    mlops_signature_t           *to;
    const mlops_image_output_t  *out;

    program = &load->model->programs[number];
    to = &load->model->face.signatures[number];

    if (load->inner == 0) {

        if (mlops_load_outputs_start(load, number, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        load->inner = 1;
    }

    out = mlops_load_outputs_of(load, number);

    for ( /* void */ ; load->inner <= to->outputs_n; load->inner++) {

        if (*budget == 0) {
            return MLOPS_AGAIN;
        }

        i = (uint32_t) load->inner - 1;
        output = &to->outputs[i];

        if (mlops_load_output(load, i, &out[i], to->outputs, err)
            != MLOPS_OK)
        {
            return mlops_err_prefix(err, "output %u", i);
        }

        output->first = to->cells_n;

        if (output->width > MLOPS_IMAGE_MAX_RESULTS - to->cells_n) {
            return mlops_err_set(err, "outputs: expected at most %d cells",
                                 MLOPS_IMAGE_MAX_RESULTS);
        }

        to->cells_n += output->width;

        /* the name was compared with all before */

        mlops_load_spend(budget, (i + 4) * 64);
    }

    program->floats = 1;
    program->stores_n = to->cells_n;
    program->stores = mlops_arena_alloc(&load->model->arena, to->cells_n
                                                      * sizeof(mlops_store_t));

    return program->stores ? MLOPS_OK : mlops_load_no_memory(err);
}


static int
mlops_load_outputs_start(mlops_load_t *load, uint32_t number,
    mlops_err_t *err)
{
    uint32_t                        n, all;
    mlops_model_t                  *model;
    mlops_signature_t              *to;
    const mlops_image_signature_t  *from;

    model = load->model;
    to = &model->face.signatures[number];
    from = (const mlops_image_signature_t *)
               model->sections[MLOPS_SECTION_SIGNATURES].data + number;
    all = model->sections[MLOPS_SECTION_OUTPUTS].n;
    n = from->output_n;

    if (n == 0 || n > MLOPS_IMAGE_MAX_OUTPUTS) {
        return mlops_err_set(err, "expected 1 to %d outputs, got %u",
                             MLOPS_IMAGE_MAX_OUTPUTS, n);
    }

    if (from->output != load->outputs || n > all - load->outputs) {
        return mlops_err_set(err, "outputs: expected them at %u, within %u "
                             "elements of OUTPUTS, got [%u, +%u)",
                             load->outputs, all, from->output, n);
    }

    load->outputs += n;

    to->outputs_n = n;
    to->outputs = mlops_arena_calloc(&model->arena, n,
                                     sizeof(mlops_output_t));

    return to->outputs ? MLOPS_OK : mlops_load_no_memory(err);
}


/* inner: output; part: its cells done. */

int
mlops_load_stores(mlops_load_t *load, uint32_t number, size_t *budget,
    mlops_err_t *err)
{
    uint32_t                     cell;
    mlops_store_t               *store;
    mlops_output_t              *output;
    mlops_program_t             *program;
    mlops_signature_t           *to;
    const mlops_image_output_t  *out;

    program = &load->model->programs[number];
    to = &load->model->face.signatures[number];
    out = mlops_load_outputs_of(load, number);

    for ( /* void */ ; load->inner < to->outputs_n; load->inner++) {
        output = &to->outputs[load->inner];

        for ( /* void */ ; load->part < output->width; load->part++) {

            if (*budget == 0) {
                return MLOPS_AGAIN;
            }

            store = &program->stores[output->first + load->part];
            cell = mlops_load_list(load, &out[load->inner].cells)
                       [load->part];

            if (mlops_load_store(load, program, &out[load->inner], cell,
                                 store, err)
                != MLOPS_OK)
            {
                return mlops_err_prefix(err, "output \"%.*s\"",
                                        mlops_fmt(&output->name));
            }

            program->floats &= (store->kind <= MLOPS_STORE_FP32);
            program->strings |= (store->kind >= MLOPS_STORE_STRING);

            mlops_load_spend(budget, 2 * sizeof(mlops_store_t));
        }

        load->part = 0;
    }

    return MLOPS_OK;
}


int
mlops_load_outputs_end(mlops_load_t *load, mlops_err_t *err)
{
    uint32_t  n;

    n = load->model->sections[MLOPS_SECTION_OUTPUTS].n;

    if (load->outputs != n) {
        return mlops_err_set(err, "section OUTPUTS: expected %u elements for "
                             "the signatures, got %u", load->outputs, n);
    }

    return MLOPS_OK;
}


static int
mlops_load_output(mlops_load_t *load, uint32_t number,
    const mlops_image_output_t *from, mlops_output_t *all, mlops_err_t *err)
{
    uint32_t         i;
    mlops_output_t  *to;

    to = &all[number];

    if (mlops_load_text(load, &from->name, MLOPS_IMAGE_MAX_NAME, "name", err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    to->name = mlops_model_str(load->model, &from->name);

    if (to->name.len == 0) {
        return mlops_err_set(err, "name: expected one");
    }

    for (i = 0; i < number; i++) {
        if (mlops_str_eq(&all[i].name, to->name.data, to->name.len)) {
            return mlops_err_set(err, "name: \"%.*s\" is there already",
                                 mlops_fmt(&to->name));
        }
    }

    if (from->type == MLOPS_TYPE_NONE || from->type >= MLOPS_TYPE_N) {
        return mlops_err_set(err, "type: expected 1 to %d, got %u",
                             MLOPS_TYPE_N - 1, from->type);
    }

    if (from->width == 0 || from->width != from->cells.n) {
        return mlops_err_set(err, "expected as many cells as the width, and "
                             "at least 1, got %u and %u", from->cells.n,
                             from->width);
    }

    if (mlops_load_run(load, &from->cells, "cells", err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    to->type = from->type;
    to->width = from->width;

    return mlops_load_labels(load, from, to, err);
}


static int
mlops_load_labels(mlops_load_t *load, const mlops_image_output_t *from,
    mlops_output_t *to, mlops_err_t *err)
{
    if (mlops_load_strings_run(load, &from->labels, "labels", err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (from->labels.n == 0 || from->type == MLOPS_TYPE_BYTES) {
        return MLOPS_OK;
    }

    if (from->labels.n != from->width) {
        return mlops_err_set(err, "labels: expected %u, got %u", from->width,
                             from->labels.n);
    }

    to->labels = load->model->strings + from->labels.first;

    return MLOPS_OK;
}


static int
mlops_load_store(mlops_load_t *load, const mlops_program_t *program,
    const mlops_image_output_t *from, uint32_t cell, mlops_store_t *store,
    mlops_err_t *err)
{
    int             kind;
    uint32_t        origin;
    mlops_model_t  *model;

    model = load->model;
    origin = (cell < model->image->cell_n) ? load->origins[cell]
                                           : MLOPS_ORIGIN_NONE;

    if (origin == MLOPS_ORIGIN_NONE) {
        return mlops_err_set(err, "cell %u is neither an input nor computed",
                             cell);
    }

    kind = (origin == MLOPS_ORIGIN_COMPUTED) ? MLOPS_CELL_DOUBLE
                                             : program->kinds[origin - 1];

    if (kind == MLOPS_CELL_STRING && from->labels.n != 0) {
        return mlops_err_set(err, "labels: expected none of a string input");
    }

    if ((kind == MLOPS_CELL_STRING && from->type != MLOPS_TYPE_BYTES)
        || (kind != MLOPS_CELL_STRING && from->type == MLOPS_TYPE_BYTES
            && from->labels.n == 0))
    {
        return mlops_err_set(err, "cell %u: expected a %s for type %s", cell,
                             kind == MLOPS_CELL_STRING ? "number" : "string "
                             "input or labels", mlops_type_name(from->type));
    }

    memset(store, 0, sizeof(*store));

    store->kind = mlops_load_store_kind(from->type, kind);
    store->cell = cell;
    store->column = (origin == MLOPS_ORIGIN_COMPUTED) ? 0 : origin - 1;

    if (store->kind == MLOPS_STORE_LABEL) {
        store->labels_n = from->labels.n;
        store->labels = (const mlops_image_text_t *)
                            model->sections[MLOPS_SECTION_STRINGS].data
                        + from->labels.first;
    }

    mlops_type_limits(from->type, &store->lo, &store->hi);

    return MLOPS_OK;
}


static uint32_t
mlops_load_store_kind(mlops_type_t to, int from)
{
    switch (mlops_type_kind(to)) {

    case MLOPS_CELL_DOUBLE:
        return (to == MLOPS_TYPE_FP32) ? MLOPS_STORE_FP32 : MLOPS_STORE_FP64;

    case MLOPS_CELL_STRING:
        return (from == MLOPS_CELL_STRING) ? MLOPS_STORE_STRING
                                           : MLOPS_STORE_LABEL;

    case MLOPS_CELL_INT:
        return (from == MLOPS_CELL_INT) ? MLOPS_STORE_INT_INT
               : (from == MLOPS_CELL_UINT) ? MLOPS_STORE_UINT_INT
                                           : MLOPS_STORE_INT;

    default:

        if (to == MLOPS_TYPE_BOOL) {
            return (from == MLOPS_CELL_INT) ? MLOPS_STORE_INT_BOOL
                   : (from == MLOPS_CELL_UINT) ? MLOPS_STORE_UINT_BOOL
                                               : MLOPS_STORE_BOOL;
        }

        return (from == MLOPS_CELL_INT) ? MLOPS_STORE_INT_UINT
               : (from == MLOPS_CELL_UINT) ? MLOPS_STORE_UINT_UINT
                                           : MLOPS_STORE_UINT;
    }
}
