/*
 * From a model file to a model image.
 *
 *     XGBoost JSON and UBJSON     mlops_xgboost.h
 *     recipe                      mlops_recipe.h, docs/recipe.md
 *
 * The kind is told from the bytes.  Nothing of the file is executed, and no
 * memory is asked for that the file's length does not account for.  Image
 * and report are the same for the same files and options.
 */

#ifndef MLOPS_IMPORT_H
#define MLOPS_IMPORT_H


#include "mlops_base.h"
#include "mlops_row.h"


typedef struct {
    const char         *name;           /* kept in the facts, or NULL */

    /* of XGBoost's files; a recipe says these itself */
    const char         *iterations;     /* mlops_xgboost_read, or NULL */
    const char         *outputs;        /* "prediction" and "margin": */
                                        /* "prediction,margin" where NULL */
    mlops_type_t        type;           /* of outputs; NONE: FP32 */
    const mlops_str_t  *features;       /* names in place of the file's */
    uint32_t            features_n;

    /*
     * CSV of inputs with the answers of the library that made the model:
     * compared, and some kept as golden rows.  A column is called by its
     * output (one of several values: output0 or output_0, …); "pred" stands
     * for "prediction" too.  At least one output has to be there.
     */
    const char         *rows;

    /* CSV of held-out inputs: training ranges and reference histograms */
    const char         *reference;
} mlops_import_options_t;


typedef struct {
    char      what[160];        /* "xgboost 1.7.4, gbtree, …" */
    uint32_t  rows_n;           /* of options->rows */
    uint32_t  equal_n;          /* with the same bits in all answers */
    uint32_t  compared_n;       /* answers a row */
    uint32_t  golden_n;         /* rows kept */
    double    worst;            /* largest difference of an answer */
    uint32_t  reference_n;      /* rows of options->reference */
} mlops_import_report_t;


/*
 * Reads the file at path.  *image is malloc'ed, 64-byte aligned, *len bytes,
 * loaded once by the production loader; the caller frees it.  Rows that
 * differ from the library's answers by more than the image's tolerance (1e-5
 * of the value for XGBoost) are an error.  The error names file, path in the
 * file, expected and got.  options and report may be NULL.
 */
int mlops_import_file(const char *path, const mlops_import_options_t *options,
    void **image, size_t *len, mlops_import_report_t *report,
    mlops_err_t *err);

/* The same for bytes in memory; path is for errors, facts, and the folder of
 * a recipe's model files: NULL refuses those. */
int mlops_import_data(const char *data, size_t data_len, const char *path,
    const mlops_import_options_t *options, void **image, size_t *len,
    mlops_import_report_t *report, mlops_err_t *err);


#endif /* MLOPS_IMPORT_H */
