/*
 * The steps of an image as those of a recipe.
 *
 * Each kind of the image is a kind of the recipe, and its parameters are
 * written so that reading them gives the same bits.  A clip with bounds on
 * one side for some cells only becomes two steps; a map that is a one-hot
 * row is written as one.
 */

#include "mlops_export_job.h"
#include "mlops_dense.h"

#include <math.h>
#include <stdio.h>


#define MLOPS_EXPORT_ONE_HOT  1024      /* of a recipe */


/* A map's parameters. */

typedef struct {
    uint32_t                   n;
    uint32_t                   m;
    const mlops_image_text_t  *strings;     /* or NULL */
    const double              *numbers;
    const double              *values;      /* n + 2 rows of m */
} mlops_export_map_t;


static int mlops_export_order(mlops_export_t *job, uint32_t number,
    uint8_t *written);
static int mlops_export_step(mlops_export_t *job, uint32_t number);
static int mlops_export_params(mlops_export_t *job,
    const mlops_image_step_t *step, uint32_t number);
static int mlops_export_affine(mlops_export_t *job,
    const mlops_image_step_t *step);
static int mlops_export_clip(mlops_export_t *job,
    const mlops_image_step_t *step);
static int mlops_export_clip_some(mlops_export_t *job,
    const mlops_image_step_t *step, int bounds);
static int mlops_export_map(mlops_export_t *job,
    const mlops_image_step_t *step);
static int mlops_export_map_entries(mlops_export_t *job,
    const mlops_export_map_t *map);
static int mlops_export_map_values(mlops_export_t *job,
    const mlops_export_map_t *map, uint32_t row);
static const double *mlops_export_one_hot(mlops_export_t *job,
    const mlops_export_map_t *map);
static int mlops_export_categories(mlops_export_t *job,
    const mlops_export_map_t *map, const double *order);
static int mlops_export_dense(mlops_export_t *job,
    const mlops_image_step_t *step);
static int mlops_export_list(mlops_export_t *job, const char *key,
    const double *values, uint32_t n);
static void mlops_export_head(mlops_export_t *job, const char *kind);
static void mlops_export_io(mlops_export_t *job,
    const mlops_image_step_t *step);


int
mlops_export_steps(mlops_export_t *job)
{
    uint32_t   i;
    uint8_t   *written;

    written = mlops_arena_calloc(&job->arena, (size_t) job->image->cell_n + 1,
                                 1);
    if (written == NULL) {
        return mlops_err_set(job->err, "out of memory");
    }

    mlops_import_text(&job->out, ",\n\"steps\":[");

    for (i = 0; i < job->steps_n; i++) {

        if (mlops_export_order(job, i, written) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        mlops_import_text(&job->out, i ? ",\n" : "\n");

        if (mlops_export_step(job, i) != MLOPS_OK) {
            return mlops_err_prefix(job->err, "step %u %s", i,
                                    mlops_step_name(job->steps[i].kind));
        }
    }

    return MLOPS_OK;
}


/* A recipe's steps are computed in the order of the file, and each cell by
 * one of them. */

static int
mlops_export_order(mlops_export_t *job, uint32_t number, uint8_t *written)
{
    uint32_t                   c;
    const uint32_t            *in;
    const mlops_image_step_t  *step;

    step = &job->steps[number];
    in = job->lists + step->in.first;

    for (c = 0; c < step->in.n; c++) {
        if (in[c] >= job->image->input_n && !written[in[c]]) {
            return mlops_err_set(job->err, "step %u: it reads cell %u, which "
                                 "only a later step writes: a recipe has its "
                                 "steps in order", number, in[c]);
        }
    }

    for (c = step->out; c < step->out + step->out_n; c++) {

        if (written[c]) {
            return mlops_err_set(job->err, "step %u: it writes cell %u, as "
                                 "another step does, which a recipe cannot "
                                 "say", number, c);
        }

        written[c] = 1;
    }

    return MLOPS_OK;
}


static int
mlops_export_step(mlops_export_t *job, uint32_t number)
{
    const mlops_image_step_t  *step;

    step = &job->steps[number];

    switch (step->kind) {

    case MLOPS_STEP_CLIP:
        return mlops_export_clip(job, step);

    case MLOPS_STEP_MAP:
        return mlops_export_map(job, step);

    default:
        break;
    }

    mlops_export_head(job, mlops_step_name(step->kind));
    mlops_export_io(job, step);

    if (step->flags & MLOPS_STEP_F32) {
        mlops_import_text(&job->out, ",\"f32\":true");
    }

    if (mlops_export_params(job, step, number) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    mlops_import_text(&job->out, "}");

    return MLOPS_OK;
}


static int
mlops_export_params(mlops_export_t *job, const mlops_image_step_t *step,
    uint32_t number)
{
    uint32_t       k;
    const double  *param;

    param = (const double *) mlops_export_param(job, step);

    switch (step->kind) {

    case MLOPS_STEP_AFFINE:
        return mlops_export_affine(job, step);

    case MLOPS_STEP_IMPUTE:
        mlops_import_text(&job->out, ",\"value\":");
        return mlops_export_numbers(job, param, step->out_n, "a value");

    case MLOPS_STEP_UNARY:
        mlops_import_text(&job->out, ",\"op\":\"%s\"",
                          mlops_unary_name(step->op));
        return MLOPS_OK;

    case MLOPS_STEP_BINARY:
        mlops_import_text(&job->out, ",\"op\":\"%s\"",
                          mlops_binary_name(step->op));

        if (!(step->flags & MLOPS_STEP_CONST)) {
            return MLOPS_OK;
        }

        if (step->flags & MLOPS_STEP_REVERSED) {
            mlops_import_text(&job->out, ",\"reversed\":true");
        }

        mlops_import_text(&job->out, ",\"constant\":");
        return mlops_export_numbers(job, param, step->out_n, "a constant");

    case MLOPS_STEP_PIECEWISE:
        k = (uint32_t) (step->param_len / (2 * sizeof(double)));

        if (mlops_export_list(job, "x", param, k) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        return mlops_export_list(job, "y", param + k, k);

    case MLOPS_STEP_DENSE:
        return mlops_export_dense(job, step);

    case MLOPS_STEP_TREES:
        return mlops_export_trees(job, step, number);

    case MLOPS_STEP_CUMULATIVE:
        mlops_import_text(&job->out, ",\"op\":\"%s\"",
                          step->op == MLOPS_CUMULATIVE_SORT ? "sort"
                                                            : "softplus");
        return MLOPS_OK;

    case MLOPS_STEP_SOFTMAX:
    case MLOPS_STEP_ARGMAX:
        return MLOPS_OK;

    default:
        return mlops_err_set(job->err, "a recipe has no such step");
    }
}


static int
mlops_export_affine(mlops_export_t *job, const mlops_image_step_t *step)
{
    uint32_t       j, n, m;
    const double  *bias, *w;

    n = step->in.n;
    m = step->out_n;
    bias = (const double *) mlops_export_param(job, step);
    w = bias + m;

    if (step->flags & MLOPS_STEP_SKIP_MISSING) {
        mlops_import_text(&job->out, ",\"skip_missing\":true");
    }

    mlops_import_text(&job->out, ",\"bias\":");

    if (mlops_export_numbers(job, bias, m, "a bias") != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (m == 1) {
        return mlops_export_list(job, "weights", w, n);
    }

    mlops_import_text(&job->out, ",\"weights\":[");

    for (j = 0; j < m; j++) {
        mlops_import_text(&job->out, j ? ",\n  " : "");

        if (mlops_export_list(job, NULL, w + (size_t) j * n, n) != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    mlops_import_text(&job->out, "]");

    return MLOPS_OK;
}


/* Cells with both bounds, with one, and with none, a step each. */

static int
mlops_export_clip(mlops_export_t *job, const mlops_image_step_t *step)
{
    int            bounds, first;
    uint32_t       i, n;
    const double  *lo, *hi;

    n = step->out_n;
    lo = (const double *) mlops_export_param(job, step);
    hi = lo + n;
    first = 1;

    for (i = 0; i < n; i++) {
        if (lo[i] == INFINITY || hi[i] == -INFINITY) {
            return mlops_err_set(job->err, "a bound is infinite on its wrong "
                                 "side, which a recipe cannot write");
        }
    }

    for (bounds = 3; bounds >= 0; bounds--) {

        for (i = 0; i < n; i++) {
            if (isfinite(lo[i]) + 2 * isfinite(hi[i]) == bounds) {
                break;
            }
        }

        if (i == n) {
            continue;
        }

        mlops_import_text(&job->out, first ? "" : ",\n");
        first = 0;

        if (mlops_export_clip_some(job, step, bounds) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static int
mlops_export_clip_some(mlops_export_t *job, const mlops_image_step_t *step,
    int bounds)
{
    double         *some[2];
    uint32_t        i, k, n, *in, *out;
    const double   *lo, *hi;
    const uint32_t *cells;

    n = step->out_n;
    lo = (const double *) mlops_export_param(job, step);
    hi = lo + n;
    cells = job->lists + step->in.first;

    some[0] = mlops_arena_alloc(&job->arena, n * sizeof(double));
    some[1] = mlops_arena_alloc(&job->arena, n * sizeof(double));
    in = mlops_arena_alloc(&job->arena, n * sizeof(uint32_t));
    out = mlops_arena_alloc(&job->arena, n * sizeof(uint32_t));

    if (some[0] == NULL || some[1] == NULL || in == NULL || out == NULL) {
        return mlops_err_set(job->err, "out of memory");
    }

    for (i = 0, k = 0; i < n; i++) {

        if (isfinite(lo[i]) + 2 * isfinite(hi[i]) != bounds) {
            continue;
        }

        some[0][k] = lo[i];
        some[1][k] = hi[i];
        in[k] = cells[i];
        out[k] = step->out + i;
        k++;
    }

    mlops_export_head(job, bounds ? "clip" : "unary");
    mlops_export_names(job, "inputs", in, 0, k);
    mlops_import_text(&job->out, ",");
    mlops_export_names(job, "outputs", out, 0, k);

    if (bounds == 0) {
        mlops_import_text(&job->out, ",\"op\":\"identity\"");
    }

    if (bounds & 1) {
        mlops_import_text(&job->out, ",\"lo\":");
        (void) mlops_export_numbers(job, some[0], k, "a bound");
    }

    if (bounds & 2) {
        mlops_import_text(&job->out, ",\"hi\":");
        (void) mlops_export_numbers(job, some[1], k, "a bound");
    }

    mlops_import_text(&job->out, "}");

    return MLOPS_OK;
}


static int
mlops_export_map(mlops_export_t *job, const mlops_image_step_t *step)
{
    uint32_t             i;
    const char          *p;
    const double        *order;
    const mlops_map_t   *head;
    mlops_export_map_t   map;
    static const char   *keys[] = { "other", "missing" };

    p = mlops_export_param(job, step);
    head = (const mlops_map_t *) p;
    p += sizeof(*head);

    map.n = head->n;
    map.m = step->out_n;
    map.strings = head->strings ? (const mlops_image_text_t *) p : NULL;
    map.numbers = (const double *) p;
    map.values = (const double *) (p + (size_t) head->n * 8);

    order = mlops_export_one_hot(job, &map);

    mlops_export_head(job, order ? "one_hot" : "map");
    mlops_export_io(job, step);

    if (order != NULL) {
        return mlops_export_categories(job, &map, order);
    }

    if (mlops_export_map_entries(job, &map) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < 2; i++) {
        mlops_import_text(&job->out, ",\"%s\":", keys[i]);

        if (mlops_export_map_values(job, &map, map.n + i) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    mlops_import_text(&job->out, "}");

    return MLOPS_OK;
}


/* A table of nothing gets an entry that becomes what all others do. */

static int
mlops_export_map_entries(mlops_export_t *job, const mlops_export_map_t *map)
{
    uint32_t     i;
    mlops_str_t  text;

    mlops_import_text(&job->out, map->strings ? ",\"entries\":{"
                                              : ",\"entries\":[");

    if (map->n == 0) {
        mlops_import_text(&job->out, map->strings ? "\"\":" : "[0,");

        if (mlops_export_map_values(job, map, 0) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        mlops_import_text(&job->out, map->strings ? "" : "]");
    }

    for (i = 0; i < map->n; i++) {
        mlops_import_text(&job->out, i ? ",\n  " : "");

        if (map->strings != NULL) {
            text = mlops_export_str(job, &map->strings[i]);
            mlops_export_quote(job, &text);
            mlops_import_text(&job->out, ":");

        } else {
            mlops_import_text(&job->out, "[");

            if (mlops_export_number(job, map->numbers[i], "a key")
                != MLOPS_OK)
            {
                return MLOPS_ERROR;
            }

            mlops_import_text(&job->out, ",");
        }

        if (mlops_export_map_values(job, map, i) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        mlops_import_text(&job->out, map->strings ? "" : "]");
    }

    mlops_import_text(&job->out, map->strings ? "}" : "]");

    return MLOPS_OK;
}


static int
mlops_export_map_values(mlops_export_t *job, const mlops_export_map_t *map,
    uint32_t row)
{
    const double  *values;

    values = map->values + (size_t) row * map->m;

    if (map->m == 1) {
        return mlops_export_number(job, values[0], "a value");
    }

    return mlops_export_list(job, NULL, values, map->m);
}


/* Where the values are those of a one-hot row: for each output the number of
 * its key, or NULL. */

static const double *
mlops_export_one_hot(mlops_export_t *job, const mlops_export_map_t *map)
{
    double        *order;
    uint32_t       i, j, at;
    const double  *row;

    if (map->n != map->m || map->n == 0 || map->n > MLOPS_EXPORT_ONE_HOT) {
        return NULL;
    }

    order = mlops_arena_alloc(&job->arena, map->n * sizeof(double));
    if (order == NULL) {
        return NULL;
    }

    for (j = 0; j < map->m; j++) {
        order[j] = -1;
    }

    for (i = 0; i < map->n + 2; i++) {
        row = map->values + (size_t) i * map->m;
        at = map->m;

        for (j = 0; j < map->m; j++) {

            if (row[j] == 1 && at == map->m && i < map->n && order[j] < 0) {
                at = j;
                order[j] = i;

            } else if (row[j] != 0 || signbit(row[j])) {
                return NULL;
            }
        }

        if (i < map->n && at == map->m) {
            return NULL;
        }
    }

    return order;
}


static int
mlops_export_categories(mlops_export_t *job, const mlops_export_map_t *map,
    const double *order)
{
    uint32_t     j;
    mlops_str_t  text;

    mlops_import_text(&job->out, ",\"categories\":[");

    for (j = 0; j < map->m; j++) {
        mlops_import_text(&job->out, j ? "," : "");

        if (map->strings != NULL) {
            text = mlops_export_str(job, &map->strings[(uint32_t) order[j]]);
            mlops_export_quote(job, &text);

        } else if (mlops_export_number(job,
                                       map->numbers[(uint32_t) order[j]],
                                       "a category")
                   != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    mlops_import_text(&job->out, "]}");

    return MLOPS_OK;
}


/* The image has the weights of an input together, in rows of a multiple of
 * 16. */

static int
mlops_export_dense(mlops_export_t *job, const mlops_image_step_t *step)
{
    size_t        width;
    uint32_t      i, j;
    const float  *bias, *w;

    width = mlops_dense_padded(step->out_n);
    bias = (const float *) mlops_export_param(job, step);
    w = bias + width;

    for (j = 0; j < step->out_n; j++) {
        if (!isfinite(bias[j])) {
            return mlops_err_set(job->err, "a bias is infinite, which a "
                                 "recipe cannot write");
        }
    }

    mlops_import_text(&job->out, ",\"activation\":\"%s\",\"bias\":[",
                      mlops_unary_name(step->op));

    for (j = 0; j < step->out_n; j++) {
        mlops_import_text(&job->out, j ? "," : "");
        mlops_export_float(job, (double) bias[j]);
    }

    mlops_import_text(&job->out, "],\"weights\":[");

    for (j = 0; j < step->out_n; j++) {
        mlops_import_text(&job->out, j ? ",\n  [" : "[");

        for (i = 0; i < step->in.n; i++) {
            mlops_import_text(&job->out, i ? "," : "");
            mlops_export_float(job, (double) w[i * width + j]);
        }

        mlops_import_text(&job->out, "]");
    }

    mlops_import_text(&job->out, "]");

    return MLOPS_OK;
}


/* A list even where all are alike; key NULL: the list alone. */

static int
mlops_export_list(mlops_export_t *job, const char *key, const double *values,
    uint32_t n)
{
    uint32_t  i;

    if (key != NULL) {
        mlops_import_text(&job->out, ",\"%s\":", key);
    }

    mlops_import_text(&job->out, "[");

    for (i = 0; i < n; i++) {

        if (i != 0) {
            mlops_import_bytes(&job->out, ",", 1);
        }

        if (mlops_export_number(job, values[i], "a number") != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    mlops_import_text(&job->out, "]");

    return MLOPS_OK;
}


static void
mlops_export_head(mlops_export_t *job, const char *kind)
{
    mlops_import_text(&job->out, "{\"kind\":\"%s\",", kind);
}


static void
mlops_export_io(mlops_export_t *job, const mlops_image_step_t *step)
{
    mlops_export_names(job, "inputs", job->lists + step->in.first, 0,
                       step->in.n);
    mlops_import_text(&job->out, ",");
    mlops_export_names(job, "outputs", NULL, step->out, step->out_n);
}
