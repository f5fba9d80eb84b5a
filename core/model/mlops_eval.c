/*
 * Evaluating rows: inputs into cells, the ops in order, cells into results.
 *
 * What a request costs here beside its kernels is a copy of the inputs, a
 * call for each op and a conversion for each result.
 */

#include "mlops_program.h"

#include <math.h>


/* Rows of a batch from which on it pays to have its own kernels. */
#define MLOPS_EVAL_MANY  8


static inline void mlops_eval_row(const mlops_model_t *model,
    uint32_t signature, int many, const mlops_cell_t *inputs,
    const uint64_t *present, const char *text, void *scratch,
    mlops_cell_t *out, uint64_t *missing);
static void mlops_eval_inputs(const mlops_program_t *program,
    const mlops_cell_t *inputs, const uint64_t *present, double *cells);
static int mlops_eval_store_one(const mlops_store_t *store,
    const double *cells, const mlops_cell_t *inputs, const uint64_t *present,
    mlops_cell_t *out);
static int mlops_predict_strings(const mlops_model_t *model,
    uint32_t signature, const mlops_rows_t *rows, mlops_results_t *results,
    mlops_arena_t *arena, mlops_err_t *err);


void
mlops_model_eval(const mlops_model_t *model, uint32_t signature,
    const mlops_cell_t *inputs, const uint64_t *present, const char *text,
    void *scratch, mlops_cell_t *out, uint64_t *missing)
{
    mlops_eval_row(model, signature, 0, inputs, present, text, scratch, out,
                   missing);
}


static inline void
mlops_eval_row(const mlops_model_t *model, uint32_t signature, int many,
    const mlops_cell_t *inputs, const uint64_t *present, const char *text,
    void *scratch, mlops_cell_t *out, uint64_t *missing)
{
    char                   *buffer;
    double                 *cells;
    uint32_t                i;
    const mlops_op_t       *op;
    const mlops_program_t  *program;

    program = &model->programs[signature];
    cells = scratch;
    buffer = (char *) scratch + model->cells_size;

    mlops_eval_start(program, inputs, present, cells);

    for (i = 0; i < program->ops_n; i++) {
        op = program->ops[i];

        if (mlops_unlikely(many && op->run_many != NULL)) {
            op->run_many(op, cells, text, buffer);

        } else {
            op->run(op, cells, text, buffer);
        }
    }

    mlops_eval_end(program, cells, inputs, present, out, missing);
}


void
mlops_eval_start(const mlops_program_t *program, const mlops_cell_t *inputs,
    const uint64_t *present, double *cells)
{
    if (mlops_likely(program->first != MLOPS_OP_SCATTERED)) {
        memcpy(cells + program->first, inputs,
               program->inputs_n * sizeof(double));

    } else {
        mlops_eval_inputs(program, inputs, present, cells);
    }
}


static void
mlops_eval_inputs(const mlops_program_t *program, const mlops_cell_t *inputs,
    const uint64_t *present, double *cells)
{
    uint32_t       i;
    mlops_cell_t   cell;

    for (i = 0; i < program->inputs_n; i++) {
        cell = inputs[i];

        if (program->kinds[i] == MLOPS_CELL_STRING) {

            if (!mlops_bit(present, i)) {
                cell.u = MLOPS_CELL_NOTHING;
            }

        } else if (program->kinds[i] != MLOPS_CELL_DOUBLE) {
            cell.f = mlops_cell_number(program->kinds[i], cell,
                                       mlops_bit(present, i));
        }

        memcpy(&cells[program->inputs[i]], &cell, sizeof(cell));
    }
}


void
mlops_eval_end(const mlops_program_t *program, const double *cells,
    const mlops_cell_t *inputs, const uint64_t *present, mlops_cell_t *out,
    uint64_t *missing)
{
    double                v;
    uint32_t              i;
    const mlops_store_t  *store;

    if (missing) {
        memset(missing, 0,
               mlops_row_words(program->stores_n) * sizeof(uint64_t));
    }

    store = program->stores;

    if (mlops_likely(program->floats)) {

        for (i = 0; i < program->stores_n; i++) {
            v = cells[store[i].cell];
            out[i].f = (store[i].kind == MLOPS_STORE_FP64) ? v : (float) v;
        }

        return;
    }

    for (i = 0; i < program->stores_n; i++) {
        if (!mlops_eval_store_one(&store[i], cells, inputs, present, &out[i]))
        {
            out[i].u = 0;

            if (missing) {
                mlops_bit_set(missing, i);
            }
        }
    }
}


/* Truncated toward zero, held within [lo, hi]. */

static inline int64_t
mlops_eval_int(double v, int64_t lo, uint64_t hi)
{
    if (v <= (double) lo) {
        return lo;
    }

    return (v >= (double) hi) ? (int64_t) hi : (int64_t) v;
}


static inline uint64_t
mlops_eval_uint(double v, uint64_t hi)
{
    if (v <= 0) {
        return 0;
    }

    return (v >= (double) hi) ? hi : (uint64_t) v;
}


/* 0 where the result does not exist. */

static int
mlops_eval_store_one(const mlops_store_t *store, const double *cells,
    const mlops_cell_t *inputs, const uint64_t *present, mlops_cell_t *out)
{
    double        v;
    mlops_cell_t  in;

    if (store->kind >= MLOPS_STORE_INT_INT
        && store->kind <= MLOPS_STORE_STRING)
    {
        if (!mlops_bit(present, store->column)) {
            return 0;
        }

        in = inputs[store->column];

        switch ((mlops_store_kind_t) store->kind) {

        case MLOPS_STORE_INT_INT:
            out->i = (in.i < store->lo) ? store->lo
                     : (in.i > (int64_t) store->hi) ? (int64_t) store->hi
                                                    : in.i;
            return 1;

        case MLOPS_STORE_INT_UINT:
            out->u = (in.i < 0) ? 0
                     : ((uint64_t) in.i > store->hi) ? store->hi
                                                     : (uint64_t) in.i;
            return 1;

        case MLOPS_STORE_UINT_INT:
        case MLOPS_STORE_UINT_UINT:
            out->u = (in.u > store->hi) ? store->hi : in.u;
            return 1;

        case MLOPS_STORE_INT_BOOL:
        case MLOPS_STORE_UINT_BOOL:
            out->u = (in.u != 0);
            return 1;

        default:
            *out = in;
            return 1;
        }
    }

    v = cells[store->cell];

    switch ((mlops_store_kind_t) store->kind) {

    case MLOPS_STORE_FP64:
        out->f = v;
        return 1;

    case MLOPS_STORE_FP32:
        out->f = (float) v;
        return 1;

    case MLOPS_STORE_INT:
        out->i = isnan(v) ? 0 : mlops_eval_int(v, store->lo, store->hi);
        return !isnan(v);

    case MLOPS_STORE_UINT:
        out->u = isnan(v) ? 0 : mlops_eval_uint(v, store->hi);
        return !isnan(v);

    case MLOPS_STORE_BOOL:
        out->u = (v != 0);
        return !isnan(v);

    default:        /* MLOPS_STORE_LABEL */

        if (!(v > -1 && v < store->labels_n)) {
            return 0;
        }

        out->s.off = store->labels[(uint32_t) v].off;
        out->s.len = store->labels[(uint32_t) v].len;
        return 1;
    }
}


const double *
mlops_model_cells(const void *scratch)
{
    return scratch;
}


size_t
mlops_model_scratch_size(const mlops_model_t *model)
{
    return model->cells_size + model->ops_size;
}


const char *
mlops_model_text(const mlops_model_t *model, uint32_t signature,
    uint32_t output, const char *text)
{
    uint32_t                  first;
    const mlops_signature_t  *face;

    face = &model->face.signatures[signature];
    first = face->outputs[output].first;

    if (model->programs[signature].stores[first].kind == MLOPS_STORE_LABEL) {
        return model->sections[MLOPS_SECTION_TEXT].data;
    }

    return text;
}


int
mlops_model_predict(const mlops_model_t *model,
    const mlops_signature_t *signature, const mlops_rows_t *rows,
    mlops_results_t *results, mlops_arena_t *arena, mlops_err_t *err)
{
    char                   *scratch;
    size_t                  n;
    uint32_t                i, number, words;
    const mlops_program_t  *program;

    number = (uint32_t) (signature - model->face.signatures);
    program = &model->programs[number];
    words = mlops_row_words(signature->cells_n);
    n = (size_t) rows->n * signature->cells_n;

    results->signature = signature;
    results->n = rows->n;
    results->text = NULL;
    results->missing = NULL;
    results->cells = mlops_arena_alloc(arena, n * sizeof(mlops_cell_t));
    scratch = mlops_arena_alloc(arena, mlops_model_scratch_size(model) + 63);

    if (results->cells == NULL || scratch == NULL) {
        return mlops_err_set(err, "out of memory for %u rows", rows->n);
    }

    if (!program->floats) {
        results->missing = mlops_arena_calloc(arena, (size_t) rows->n * words,
                                              sizeof(uint64_t));

        if (results->missing == NULL) {
            return mlops_err_set(err, "out of memory for %u rows", rows->n);
        }
    }

    scratch = (char *) mlops_align((uintptr_t) scratch, 64);

    for (i = 0; i < rows->n; i++) {
        mlops_eval_row(model, number, rows->n >= MLOPS_EVAL_MANY,
                       rows->cells + (size_t) i * rows->schema->n,
                       rows->present + (size_t) i * rows->words,
                       rows->text, scratch,
                       results->cells + (size_t) i * signature->cells_n,
                       results->missing
                           ? results->missing + (size_t) i * words : NULL);
    }

    if (program->strings) {
        return mlops_predict_strings(model, number, rows, results, arena,
                                     err);
    }

    return MLOPS_OK;
}


/* Copies the strings into one text, so that the results need neither the
 * rows nor the image. */

static int
mlops_predict_strings(const mlops_model_t *model, uint32_t signature,
    const mlops_rows_t *rows, mlops_results_t *results, mlops_arena_t *arena,
    mlops_err_t *err)
{
    char                   *text, *p;
    size_t                  total;
    uint32_t                i, j, n;
    const char             *from;
    mlops_cell_t           *cell;
    const mlops_program_t  *program;

    program = &model->programs[signature];
    n = program->stores_n;
    total = 0;

    for (i = 0; i < results->n; i++) {
        for (j = 0; j < n; j++) {
            if (program->stores[j].kind >= MLOPS_STORE_STRING) {
                total += results->cells[(size_t) i * n + j].s.len;
            }
        }
    }

    text = (total <= UINT32_MAX) ? mlops_arena_alloc(arena, total + 1) : NULL;

    if (text == NULL) {
        return mlops_err_set(err, "out of memory for %zu bytes of strings",
                             total);
    }

    p = text;

    for (i = 0; i < results->n; i++) {
        for (j = 0; j < n; j++) {

            if (program->stores[j].kind < MLOPS_STORE_STRING) {
                continue;
            }

            cell = &results->cells[(size_t) i * n + j];
            from = (program->stores[j].kind == MLOPS_STORE_LABEL)
                   ? model->sections[MLOPS_SECTION_TEXT].data : rows->text;

            if (cell->s.len == 0) {
                cell->s.off = 0;
                continue;
            }

            memcpy(p, from + cell->s.off, cell->s.len);
            cell->s.off = (uint32_t) (p - text);
            p += cell->s.len;
        }
    }

    results->text = text;

    return MLOPS_OK;
}
