/*
 * The table of step kinds, and what they share.
 */

#include "mlops_program.h"

#include <math.h>


static const mlops_step_def_t  mlops_step_defs[MLOPS_STEP_KIND_N] = {

    [MLOPS_STEP_AFFINE] = {
        "affine", MLOPS_STEP_F32|MLOPS_STEP_SKIP_MISSING, 1,
        mlops_affine_size, mlops_affine_check, mlops_affine_bind
    },

    [MLOPS_STEP_CLIP] = {
        "clip", 0, 1,
        mlops_clip_size, mlops_clip_check, mlops_clip_bind
    },

    [MLOPS_STEP_IMPUTE] = {
        "impute", 0, 1,
        mlops_impute_size, mlops_impute_check, mlops_impute_bind
    },

    [MLOPS_STEP_MAP] = {
        "map", 0, 1,
        mlops_map_size, mlops_map_check, mlops_map_bind
    },

    [MLOPS_STEP_UNARY] = {
        "unary", MLOPS_STEP_F32, MLOPS_UNARY_N,
        mlops_same_size, NULL, mlops_unary_bind
    },

    [MLOPS_STEP_BINARY] = {
        "binary", MLOPS_STEP_F32|MLOPS_STEP_CONST|MLOPS_STEP_REVERSED,
        MLOPS_BINARY_N,
        mlops_binary_size, mlops_binary_check, mlops_binary_bind
    },

    [MLOPS_STEP_PIECEWISE] = {
        "piecewise", 0, 1,
        mlops_piecewise_size, mlops_piecewise_check, mlops_piecewise_bind
    },

    [MLOPS_STEP_DENSE] = {
        "dense", 0, MLOPS_UNARY_N,
        mlops_dense_size, mlops_dense_check, mlops_dense_bind
    },

    [MLOPS_STEP_TREES] = {
        "trees", 0, 1,
        mlops_trees_step_size, mlops_trees_step_check, mlops_trees_step_bind
    },

    [MLOPS_STEP_SOFTMAX] = {
        "softmax", MLOPS_STEP_F32, 1,
        mlops_same_size, NULL, mlops_softmax_bind
    },

    [MLOPS_STEP_ARGMAX] = {
        "argmax", 0, 1,
        mlops_argmax_size, NULL, mlops_argmax_bind
    },

    [MLOPS_STEP_CUMULATIVE] = {
        "cumulative", MLOPS_STEP_F32, 2,
        mlops_cumulative_size, NULL, mlops_cumulative_bind
    },

    [MLOPS_STEP_LUA] = { "lua", 0, 1, NULL, NULL, NULL }
};


static const char  *mlops_unary_names[MLOPS_UNARY_N] = {
    [MLOPS_UNARY_IDENTITY] = "identity",
    [MLOPS_UNARY_NEG] = "neg",
    [MLOPS_UNARY_ABS] = "abs",
    [MLOPS_UNARY_SQUARE] = "square",
    [MLOPS_UNARY_SQRT] = "sqrt",
    [MLOPS_UNARY_EXP] = "exp",
    [MLOPS_UNARY_LOG] = "log",
    [MLOPS_UNARY_LOG1P] = "log1p",
    [MLOPS_UNARY_EXPM1] = "expm1",
    [MLOPS_UNARY_RECIPROCAL] = "reciprocal",
    [MLOPS_UNARY_SIGMOID] = "sigmoid",
    [MLOPS_UNARY_TANH] = "tanh",
    [MLOPS_UNARY_RELU] = "relu",
    [MLOPS_UNARY_SIGN] = "sign",
    [MLOPS_UNARY_FLOOR] = "floor",
    [MLOPS_UNARY_CEIL] = "ceil",
    [MLOPS_UNARY_ROUND] = "round",
    [MLOPS_UNARY_SIN] = "sin",
    [MLOPS_UNARY_COS] = "cos",
    [MLOPS_UNARY_STEP] = "step",
    [MLOPS_UNARY_XGB_SIGMOID] = "xgb_sigmoid",
    [MLOPS_UNARY_ISNAN] = "isnan"
};


static const char  *mlops_binary_names[MLOPS_BINARY_N] = {
    [MLOPS_BINARY_ADD] = "add",
    [MLOPS_BINARY_SUB] = "sub",
    [MLOPS_BINARY_MUL] = "mul",
    [MLOPS_BINARY_DIV] = "div",
    [MLOPS_BINARY_MIN] = "min",
    [MLOPS_BINARY_MAX] = "max",
    [MLOPS_BINARY_POW] = "pow",
    [MLOPS_BINARY_MOD] = "mod",
    [MLOPS_BINARY_LT] = "lt",
    [MLOPS_BINARY_LE] = "le",
    [MLOPS_BINARY_EQ] = "eq"
};


const mlops_step_def_t *
mlops_step_def(uint32_t kind)
{
    if (kind >= MLOPS_STEP_KIND_N || mlops_step_defs[kind].name == NULL) {
        return NULL;
    }

    return &mlops_step_defs[kind];
}


const char *
mlops_step_name(uint32_t kind)
{
    const mlops_step_def_t  *def;

    def = mlops_step_def(kind);

    return def ? def->name : NULL;
}


const char *
mlops_unary_name(uint32_t op)
{
    return (op < MLOPS_UNARY_N) ? mlops_unary_names[op] : NULL;
}


const char *
mlops_binary_name(uint32_t op)
{
    return (op < MLOPS_BINARY_N) ? mlops_binary_names[op] : NULL;
}


int
mlops_op_reads_string(const mlops_op_t *op)
{
    return op->kind == MLOPS_STEP_MAP
           && ((const mlops_map_t *) op->param)->strings;
}


int
mlops_step_uses_libm(uint32_t kind, uint32_t code)
{
    switch (kind) {

    case MLOPS_STEP_UNARY:
    case MLOPS_STEP_DENSE:
        switch (code) {

        case MLOPS_UNARY_EXP:
        case MLOPS_UNARY_LOG:
        case MLOPS_UNARY_LOG1P:
        case MLOPS_UNARY_EXPM1:
        case MLOPS_UNARY_SIGMOID:
        case MLOPS_UNARY_TANH:
        case MLOPS_UNARY_SIN:
        case MLOPS_UNARY_COS:
        case MLOPS_UNARY_XGB_SIGMOID:
            return 1;

        default:
            return 0;
        }

    case MLOPS_STEP_BINARY:
        return code == MLOPS_BINARY_POW;

    case MLOPS_STEP_SOFTMAX:
        return 1;

    case MLOPS_STEP_CUMULATIVE:
        return code == MLOPS_CUMULATIVE_SOFTPLUS;

    default:
        return 0;
    }
}


int
mlops_same_counts(const mlops_op_t *op, mlops_err_t *err)
{
    if (op->in_n != op->out_n) {
        return mlops_err_set(err, "expected as many outputs as inputs, got "
                             "%u inputs and %u outputs", op->in_n,
                             op->out_n);
    }

    return MLOPS_OK;
}


int
mlops_same_size(const mlops_op_t *op, uint64_t *len, mlops_err_t *err)
{
    *len = 0;

    return mlops_same_counts(op, err);
}


int
mlops_argmax_size(const mlops_op_t *op, uint64_t *len, mlops_err_t *err)
{
    *len = 0;

    if (op->out_n != 1) {
        return mlops_err_set(err, "expected 1 output, got %u", op->out_n);
    }

    return MLOPS_OK;
}


int
mlops_check_doubles(const mlops_op_t *op, const char *name, uint64_t first,
    uint64_t n, int finite, uint64_t *cursor, size_t *budget,
    mlops_err_t *err)
{
    uint64_t       i, end;
    const double  *x;

    x = (const double *) op->param;
    i = *cursor;
    end = first + n;

    if (i < first || i >= end) {
        return MLOPS_OK;
    }

    if (end - i > *budget / sizeof(double)) {
        end = i + *budget / sizeof(double) + 1;
    }

    for ( /* void */ ; i < end; i++) {
        if (mlops_unlikely(finite ? !isfinite(x[i]) : isnan(x[i]))) {
            return mlops_err_set(err, "%s[%llu]: expected a %s, got %g", name,
                                 (unsigned long long) (i - first),
                                 finite ? "finite number" : "number", x[i]);
        }
    }

    end = (i - *cursor) * sizeof(double);
    *budget -= (end < *budget) ? end : *budget;
    *cursor = i;

    return (i == first + n) ? MLOPS_OK : MLOPS_AGAIN;
}
