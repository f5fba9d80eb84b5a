/*
 * The builder: one function for each kind of step, which lays out its
 * parameters as mlops_steps.h says.
 */

#include "mlops_builder.h"

#include <math.h>
#include <stdlib.h>


typedef struct {
    const char  *data;
    size_t       len;
    double       number;
    uint32_t     row;
} mlops_build_key_t;


static void mlops_builder_start(mlops_image_step_t *step,
    mlops_step_kind_t kind, uint32_t op, uint32_t flags);
static uint32_t mlops_builder_doubles(mlops_builder_t *builder,
    mlops_image_step_t *step, const uint32_t *in, uint32_t n, uint32_t out,
    const double *a, const double *b);
static int mlops_build_key_strings(const void *a, const void *b);
static int mlops_build_key_numbers(const void *a, const void *b);
static void mlops_builder_map_keys(mlops_builder_t *builder, char *param,
    const mlops_build_key_t *keys, uint32_t n, int strings);
static void mlops_builder_probe_trees(mlops_builder_t *builder,
    const uint32_t *in, const mlops_forest_t *forest);


static void
mlops_builder_start(mlops_image_step_t *step, mlops_step_kind_t kind,
    uint32_t op, uint32_t flags)
{
    memset(step, 0, sizeof(*step));

    step->kind = (uint16_t) kind;
    step->op = (uint16_t) op;
    step->flags = flags;
}


/* A step of n inputs and n outputs with n doubles a, and n doubles b unless
 * that is NULL. */

static uint32_t
mlops_builder_doubles(mlops_builder_t *builder, mlops_image_step_t *step,
    const uint32_t *in, uint32_t n, uint32_t out, const double *a,
    const double *b)
{
    size_t   size;
    double  *to;

    size = (size_t) n * sizeof(double);
    to = mlops_builder_param(builder, step, b ? size * 2 : size);

    if (to == NULL) {
        return MLOPS_BUILDER_ERROR;
    }

    memcpy(to, a, size);

    if (b) {
        memcpy(to + n, b, size);
    }

    return mlops_builder_step(builder, step, in, n, out, n);
}


uint32_t
mlops_builder_affine(mlops_builder_t *builder, uint32_t flags,
    const uint32_t *in, uint32_t in_n, uint32_t out, uint32_t out_n,
    const double *bias, const double *w)
{
    size_t               n;
    double              *to;
    mlops_image_step_t   step;

    n = (size_t) in_n * out_n;

    mlops_builder_start(&step, MLOPS_STEP_AFFINE, 0, flags);

    to = mlops_builder_param(builder, &step, (n + out_n) * sizeof(double));

    if (to == NULL) {
        return MLOPS_BUILDER_ERROR;
    }

    memcpy(to, bias, out_n * sizeof(double));

    if (n != 0) {
        memcpy(to + out_n, w, n * sizeof(double));
    }

    return mlops_builder_step(builder, &step, in, in_n, out, out_n);
}


uint32_t
mlops_builder_clip(mlops_builder_t *builder, const uint32_t *in, uint32_t n,
    uint32_t out, const double *lo, const double *hi)
{
    uint32_t            i;
    mlops_image_step_t  step;

    for (i = 0; i < n; i++) {
        mlops_builder_probe(builder, in[i], lo[i]);
        mlops_builder_probe(builder, in[i], hi[i]);
    }

    mlops_builder_start(&step, MLOPS_STEP_CLIP, 0, 0);

    return mlops_builder_doubles(builder, &step, in, n, out, lo, hi);
}


uint32_t
mlops_builder_impute(mlops_builder_t *builder, const uint32_t *in, uint32_t n,
    uint32_t out, const double *value)
{
    mlops_image_step_t  step;

    mlops_builder_start(&step, MLOPS_STEP_IMPUTE, 0, 0);

    return mlops_builder_doubles(builder, &step, in, n, out, value, NULL);
}


uint32_t
mlops_builder_map(mlops_builder_t *builder, uint32_t in, uint32_t out,
    uint32_t n, uint32_t m, const mlops_str_t *keys, const double *numbers,
    const double *values, const double *other, const double *missing)
{
    char                *param;
    double              *to;
    size_t               row;
    uint32_t             i;
    mlops_image_step_t   step;
    mlops_build_key_t   *sorted;

    if (builder->failed) {
        return MLOPS_BUILDER_ERROR;
    }

    sorted = calloc((size_t) n + 1, sizeof(mlops_build_key_t));

    if (sorted == NULL) {
        return mlops_builder_fail(builder, "out of memory");
    }

    for (i = 0; i < n; i++) {
        sorted[i].row = i;

        if (keys) {
            sorted[i].data = keys[i].len ? keys[i].data : "";
            sorted[i].len = keys[i].len;

        } else {
            sorted[i].number = numbers[i];
            mlops_builder_probe(builder, in, numbers[i]);
        }
    }

    qsort(sorted, n, sizeof(mlops_build_key_t),
          keys ? mlops_build_key_strings : mlops_build_key_numbers);

    mlops_builder_start(&step, MLOPS_STEP_MAP, 0, 0);

    row = m * sizeof(double);
    param = mlops_builder_param(builder, &step,
                                sizeof(mlops_map_t) + (uint64_t) n * 8
                                + ((uint64_t) n + 2) * row);

    if (param != NULL) {
        mlops_builder_map_keys(builder, param, sorted, n, keys != NULL);

        to = (double *) (param + sizeof(mlops_map_t) + (size_t) n * 8);

        for (i = 0; i < n; i++) {
            memcpy(to, values + (size_t) sorted[i].row * m, row);
            to += m;
        }

        memcpy(to, other, row);
        memcpy(to + m, missing, row);
    }

    free(sorted);

    return mlops_builder_step(builder, &step, &in, 1, out, m);
}


static int
mlops_build_key_strings(const void *a, const void *b)
{
    int                       rc;
    const mlops_build_key_t  *x, *y;

    x = a;
    y = b;
    rc = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);

    if (rc != 0) {
        return rc;
    }

    return (x->len < y->len) ? -1 : x->len > y->len;
}


static int
mlops_build_key_numbers(const void *a, const void *b)
{
    const mlops_build_key_t  *x, *y;

    x = a;
    y = b;

    return (x->number < y->number) ? -1 : x->number > y->number;
}


static void
mlops_builder_map_keys(mlops_builder_t *builder, char *param,
    const mlops_build_key_t *keys, uint32_t n, int strings)
{
    uint32_t             i;
    mlops_map_t         *map;
    mlops_image_text_t   ref;

    map = (mlops_map_t *) param;
    map->n = n;
    map->strings = (strings != 0);
    param += sizeof(mlops_map_t);

    for (i = 0; i < n; i++) {

        if (strings) {
            ref = mlops_builder_text(builder, keys[i].data, keys[i].len);
            memcpy(param + (size_t) i * 8, &ref, 8);

        } else {
            memcpy(param + (size_t) i * 8, &keys[i].number, 8);
        }
    }
}


uint32_t
mlops_builder_unary(mlops_builder_t *builder, mlops_unary_t op,
    uint32_t flags, const uint32_t *in, uint32_t n, uint32_t out)
{
    mlops_image_step_t  step;

    mlops_builder_start(&step, MLOPS_STEP_UNARY, op, flags);

    return mlops_builder_step(builder, &step, in, n, out, n);
}


uint32_t
mlops_builder_binary(mlops_builder_t *builder, mlops_binary_t op,
    uint32_t flags, const uint32_t *a, const uint32_t *b, const double *c,
    uint32_t n, uint32_t out)
{
    uint32_t             i, *in;
    mlops_image_step_t   step;

    if (b == NULL) {

        for (i = 0; i < n; i++) {
            mlops_builder_probe(builder, a[i], c[i]);
        }

        mlops_builder_start(&step, MLOPS_STEP_BINARY, op,
                            flags | MLOPS_STEP_CONST);

        return mlops_builder_doubles(builder, &step, a, n, out, c, NULL);
    }

    in = calloc((size_t) n * 2 + 1, sizeof(uint32_t));

    if (in == NULL) {
        return mlops_builder_fail(builder, "out of memory");
    }

    memcpy(in, a, n * sizeof(uint32_t));
    memcpy(in + n, b, n * sizeof(uint32_t));

    mlops_builder_start(&step, MLOPS_STEP_BINARY, op, flags);

    out = mlops_builder_step(builder, &step, in, n * 2, out, n);

    free(in);

    return out;
}


uint32_t
mlops_builder_piecewise(mlops_builder_t *builder, uint32_t in, uint32_t out,
    uint32_t k, const double *x, const double *y)
{
    double              *to;
    uint32_t             i;
    mlops_image_step_t   step;

    mlops_builder_start(&step, MLOPS_STEP_PIECEWISE, 0, 0);

    to = mlops_builder_param(builder, &step,
                             (uint64_t) k * 2 * sizeof(double));

    if (to == NULL) {
        return MLOPS_BUILDER_ERROR;
    }

    for (i = 0; i < k; i++) {
        to[i] = x[i];
        to[(size_t) k + i] = y[i];
        mlops_builder_probe(builder, in, x[i]);
    }

    return mlops_builder_step(builder, &step, &in, 1, out, 1);
}


uint32_t
mlops_builder_dense(mlops_builder_t *builder, mlops_unary_t act,
    const uint32_t *in, uint32_t k, uint32_t out, uint32_t m,
    const float *bias, const float *w)
{
    float               *to;
    size_t               padded;
    uint32_t             i;
    mlops_image_step_t   step;

    mlops_builder_start(&step, MLOPS_STEP_DENSE, act, 0);

    padded = mlops_dense_padded((size_t) m);
    to = mlops_builder_param(builder, &step,
                             ((uint64_t) k + 1) * padded * sizeof(float));

    if (to == NULL) {
        return MLOPS_BUILDER_ERROR;
    }

    memcpy(to, bias, m * sizeof(float));

    for (i = 0; i < k; i++) {
        to += padded;
        memcpy(to, w + (size_t) i * m, m * sizeof(float));
    }

    return mlops_builder_step(builder, &step, in, k, out, m);
}


uint32_t
mlops_builder_trees(mlops_builder_t *builder, const uint32_t *in,
    uint32_t out, const mlops_forest_t *forest)
{
    void                *data, *to;
    size_t               len;
    mlops_err_t          err;
    mlops_image_step_t   step;

    if (builder->failed) {
        return MLOPS_BUILDER_ERROR;
    }

    if (mlops_forest_check(forest, &err) != MLOPS_OK
        || mlops_trees_build(forest, &data, &len, &err) != MLOPS_OK)
    {
        return mlops_builder_fail(builder, "step %u (trees): %s",
                                  builder->step_n, err.text);
    }

    mlops_builder_probe_trees(builder, in, forest);

    mlops_builder_start(&step, MLOPS_STEP_TREES, 0, 0);

    to = mlops_builder_param(builder, &step, len);

    if (to != NULL) {
        memcpy(to, data, len);
    }

    free(data);

    return mlops_builder_step(builder, &step, in, forest->features_n, out,
                              forest->groups_n);
}


/* Thresholds of each feature, evenly over the nodes that ask for it. */

static void
mlops_builder_probe_trees(mlops_builder_t *builder, const uint32_t *in,
    const mlops_forest_t *forest)
{
    uint32_t             i, j, stride, *counts, *seen;
    mlops_forest_node_t  *node;

    counts = calloc((size_t) forest->features_n + 1, sizeof(uint32_t));
    seen = calloc((size_t) forest->features_n + 1, sizeof(uint32_t));

    if (counts == NULL || seen == NULL) {
        (void) mlops_builder_fail(builder, "out of memory");
        goto done;
    }

    for (i = 0; i < forest->nodes_n; i++) {
        if (forest->nodes[i].feature < forest->features_n) {
            counts[forest->nodes[i].feature]++;
        }
    }

    for (i = 0; i < forest->nodes_n; i++) {
        node = &forest->nodes[i];

        if (node->feature >= forest->features_n) {
            continue;
        }

        stride = counts[node->feature] / MLOPS_PROBES_PER_CELL + 1;

        if (seen[node->feature]++ % stride != 0) {
            continue;
        }

        if (!node->categorical) {
            mlops_builder_probe(builder, in[node->feature], node->threshold);
            continue;
        }

        for (j = 0; j < node->set_n && j < 3; j++) {
            mlops_builder_probe(builder, in[node->feature],
                                forest->set_codes[node->set_first + j]);
        }
    }

done:

    free(counts);
    free(seen);
}


uint32_t
mlops_builder_softmax(mlops_builder_t *builder, uint32_t flags,
    const uint32_t *in, uint32_t n, uint32_t out)
{
    mlops_image_step_t  step;

    mlops_builder_start(&step, MLOPS_STEP_SOFTMAX, 0, flags);

    return mlops_builder_step(builder, &step, in, n, out, n);
}


uint32_t
mlops_builder_argmax(mlops_builder_t *builder, const uint32_t *in, uint32_t n,
    uint32_t out)
{
    mlops_image_step_t  step;

    mlops_builder_start(&step, MLOPS_STEP_ARGMAX, 0, 0);

    return mlops_builder_step(builder, &step, in, n, out, 1);
}


uint32_t
mlops_builder_cumulative(mlops_builder_t *builder, mlops_cumulative_t op,
    uint32_t flags, const uint32_t *in, uint32_t n, uint32_t out)
{
    mlops_image_step_t  step;

    mlops_builder_start(&step, MLOPS_STEP_CUMULATIVE, op, flags);

    return mlops_builder_step(builder, &step, in, n, out, n);
}
