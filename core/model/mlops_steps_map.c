/*
 * The step map: a string or a number looked up in a sorted table.
 *
 * Its parameters are laid out in mlops_steps.h.  The look-up is a binary
 * search; a string key is compared by its bytes.
 */

#include "mlops_program.h"

#include <math.h>


#define MLOPS_MAP_TEXT  256         /* bytes of budget for a look at TEXT */


typedef struct {
    uint32_t                   n;
    uint32_t                   m;
    const mlops_image_text_t  *strings;
    const double              *numbers;
    const double              *values;      /* n + 2 rows of m */
} mlops_map_view_t;


static void mlops_map_view(const mlops_op_t *op, mlops_map_view_t *view);
static int mlops_map_compare(const char *a, size_t a_len, const char *b,
    size_t b_len);
static int mlops_map_check_key(const mlops_op_t *op,
    const mlops_map_view_t *view, uint32_t i, size_t *cost,
    mlops_err_t *err);
static void mlops_map_run_strings(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);
static void mlops_map_run_numbers(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);


int
mlops_map_size(const mlops_op_t *op, uint64_t *len, mlops_err_t *err)
{
    uint64_t            n;
    const mlops_map_t  *map;

    if (op->in_n != 1) {
        return mlops_err_set(err, "expected 1 input, got %u", op->in_n);
    }

    if (op->param_len < sizeof(mlops_map_t)) {
        return mlops_err_set(err, "expected a table, got %llu bytes",
                             (unsigned long long) op->param_len);
    }

    map = (const mlops_map_t *) op->param;
    n = map->n;

    if (map->strings > 1) {
        return mlops_err_set(err, "kind of keys: expected 0 or 1, got %u",
                             map->strings);
    }

    *len = sizeof(mlops_map_t) + n * 8 + (n + 2) * op->out_n * sizeof(double);

    return MLOPS_OK;
}


int
mlops_map_check(const mlops_op_t *op, uint64_t *cursor, size_t *budget,
    mlops_err_t *err)
{
    size_t            cost;
    uint64_t          i;
    mlops_map_view_t  view;

    mlops_map_view(op, &view);

    for (i = *cursor; i < view.n; i++) {

        if (*budget == 0) {
            *cursor = i;
            return MLOPS_AGAIN;
        }

        if (mlops_map_check_key(op, &view, (uint32_t) i, &cost, err)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        *budget -= (cost < *budget) ? cost : *budget;
    }

    return MLOPS_OK;
}


void
mlops_map_bind(mlops_op_t *op, int simd)
{
    (void) simd;

    op->run = mlops_op_reads_string(op) ? mlops_map_run_strings
                                        : mlops_map_run_numbers;
}


static void
mlops_map_view(const mlops_op_t *op, mlops_map_view_t *view)
{
    const char         *p;
    const mlops_map_t  *map;

    map = (const mlops_map_t *) op->param;
    p = op->param + sizeof(mlops_map_t);

    view->n = map->n;
    view->m = op->out_n;
    view->strings = (const mlops_image_text_t *) p;
    view->numbers = (const double *) p;
    view->values = (const double *) (p + (size_t) map->n * 8);
}


static int
mlops_map_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int  rc;

    rc = memcmp(a, b, a_len < b_len ? a_len : b_len);

    if (rc != 0) {
        return rc;
    }

    return (a_len < b_len) ? -1 : a_len > b_len;
}


static int
mlops_map_check_key(const mlops_op_t *op, const mlops_map_view_t *view,
    uint32_t i, size_t *cost, mlops_err_t *err)
{
    const mlops_image_text_t  *a, *b;

    *cost = 8 * (1 + (size_t) view->m);

    if (!mlops_op_reads_string(op)) {

        if (isnan(view->numbers[i])
            || (i > 0 && view->numbers[i] <= view->numbers[i - 1]))
        {
            return mlops_err_set(err, "key %u: expected keys in ascending "
                                 "order, got %g", i, view->numbers[i]);
        }

        return MLOPS_OK;
    }

    b = &view->strings[i];

    if (b->len > MLOPS_IMAGE_MAX_KEY || b->off > op->text.len
        || b->len > op->text.len - b->off)
    {
        return mlops_err_set(err, "key %u: expected text within the image, "
                             "got [%u, +%u)", i, b->off, b->len);
    }

    if (i > 0) {
        a = b - 1;

        if (mlops_map_compare(op->text.data + a->off, a->len,
                              op->text.data + b->off, b->len)
            >= 0)
        {
            return mlops_err_set(err, "key %u: expected keys in ascending "
                                 "order, got \"%.*s\"", i,
                                 (int) (b->len < 40 ? b->len : 40),
                                 op->text.data + b->off);
        }

        *cost += 2 * MLOPS_MAP_TEXT + b->len;
    }

    return MLOPS_OK;
}


static void
mlops_map_put(double *cells, const mlops_op_t *op,
    const mlops_map_view_t *view, size_t row)
{
    memcpy(cells + op->out, view->values + row * view->m,
           view->m * sizeof(double));
}


static void
mlops_map_run_strings(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    int                        rc;
    size_t                     lo, hi, mid;
    uint64_t                   bits;
    mlops_cell_t               cell;
    mlops_map_view_t           view;
    const mlops_image_text_t  *key;

    (void) scratch;

    mlops_map_view(op, &view);
    memcpy(&bits, &cells[op->in[0]], sizeof(bits));

    if (bits == MLOPS_CELL_NOTHING) {
        mlops_map_put(cells, op, &view, (size_t) view.n + 1);
        return;
    }

    cell.u = bits;
    lo = 0;
    hi = view.n;

    while (lo < hi) {
        mid = lo + (hi - lo) / 2;
        key = &view.strings[mid];

        rc = mlops_map_compare(op->text.data + key->off, key->len,
                               text + cell.s.off, cell.s.len);

        if (rc == 0) {
            mlops_map_put(cells, op, &view, mid);
            return;
        }

        if (rc < 0) {
            lo = mid + 1;

        } else {
            hi = mid;
        }
    }

    mlops_map_put(cells, op, &view, view.n);
}


static void
mlops_map_run_numbers(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    double            v;
    size_t            lo, hi, mid;
    mlops_map_view_t  view;

    (void) text;
    (void) scratch;

    mlops_map_view(op, &view);
    v = cells[op->in[0]];

    if (isnan(v)) {
        mlops_map_put(cells, op, &view, (size_t) view.n + 1);
        return;
    }

    lo = 0;
    hi = view.n;

    while (lo < hi) {
        mid = lo + (hi - lo) / 2;

        if (view.numbers[mid] < v) {
            lo = mid + 1;

        } else {
            hi = mid;
        }
    }

    mlops_map_put(cells, op, &view,
                  (lo < view.n && view.numbers[lo] == v) ? lo : view.n);
}
