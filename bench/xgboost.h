/*
 * The C functions of the XGBoost library that is installed, for benchmarks
 * that compare with it.
 */

#ifndef MLOPS_BENCH_XGBOOST_H
#define MLOPS_BENCH_XGBOOST_H


#include "bench.h"

#include <dlfcn.h>


typedef void  *bench_handle_t;


typedef struct {
    int  (*matrix)(const float *values, uint64_t rows, uint64_t columns,
             float missing, bench_handle_t *matrix);
    int  (*info)(bench_handle_t matrix, const char *field,
             const float *values, uint64_t n);
    int  (*create)(const bench_handle_t matrices[], uint64_t n,
             bench_handle_t *booster);
    int  (*load)(bench_handle_t booster, const char *path);
    int  (*set)(bench_handle_t booster, const char *name,
             const char *value);
    int  (*update)(bench_handle_t booster, int iteration,
             bench_handle_t matrix);
    int  (*predict)(bench_handle_t booster, bench_handle_t matrix, int mask,
             unsigned limit, int training, uint64_t *n,
             const float **result);
    int  (*predict_dense)(bench_handle_t booster, const char *values,
             const char *config, bench_handle_t matrix,
             const uint64_t **shape, uint64_t *dim, const float **result);
    int  (*free_matrix)(bench_handle_t matrix);
    int  (*free_booster)(bench_handle_t booster);
    const char  *(*error)(void);
    void  (*version)(int *major, int *minor, int *patch);
} bench_library_t;


/* The functions of the library, all or none. */

static inline int
bench_library(bench_library_t *library, const char *path)
{
    void    *so;
    size_t   i;

    const struct {
        const char  *name;
        void        *to;
    } symbols[] = {
        { "XGDMatrixCreateFromMat", &library->matrix },
        { "XGDMatrixSetFloatInfo", &library->info },
        { "XGBoosterCreate", &library->create },
        { "XGBoosterLoadModel", &library->load },
        { "XGBoosterSetParam", &library->set },
        { "XGBoosterUpdateOneIter", &library->update },
        { "XGBoosterPredict", &library->predict },
        { "XGBoosterPredictFromDense", &library->predict_dense },
        { "XGDMatrixFree", &library->free_matrix },
        { "XGBoosterFree", &library->free_booster },
        { "XGBGetLastError", &library->error },
        { "XGBoostVersion", &library->version }
    };

    so = dlopen(path, RTLD_NOW|RTLD_LOCAL);

    if (so == NULL) {
        return 0;
    }

    for (i = 0; i < mlops_nitems(symbols); i++) {
        *(void **) symbols[i].to = dlsym(so, symbols[i].name);

        if (*(void **) symbols[i].to == NULL) {
            bench_fail(path, symbols[i].name);
        }
    }

    return 1;
}


/* The library at path, or where it is NULL that of the system; or the end of
 * the program. */

static inline void
bench_find_library(bench_library_t *library, const char *path)
{
    size_t  i;

    static const char *const  paths[] = {
        "libxgboost.so.0", "libxgboost.so",
        "/usr/lib/python3/dist-packages/xgboost/lib/libxgboost.so"
    };

    if (path != NULL) {

        if (!bench_library(library, path)) {
            bench_fail(path, dlerror());
        }

        return;
    }

    for (i = 0; i < mlops_nitems(paths); i++) {
        if (bench_library(library, paths[i])) {
            return;
        }
    }

    bench_fail("libxgboost", "not installed (Debian: python3-xgboost)");
}


#endif /* MLOPS_BENCH_XGBOOST_H */
