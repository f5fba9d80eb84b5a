/*
 * From a model image to a model file: the way back of workers/import.
 *
 *     recipe           docs/recipe.md: any image
 *     XGBoost's JSON   trees in float32 with a link that XGBoost has; read by
 *                      releases from 1.7 on
 *
 * What is written is imported again and has to give the answers of the image
 * for all its golden rows, the same bits, before it is handed out; a
 * prediction of XGBoost's format may differ by the float32 of its link.
 */

#ifndef MLOPS_EXPORT_H
#define MLOPS_EXPORT_H


#include "mlops_base.h"
#include "mlops_model.h"


typedef struct {
    const char  *signature;     /* NULL: any */
    const char  *output;        /* NULL: the first that can be exported */
} mlops_export_options_t;


typedef struct {
    char      what[160];        /* "price, xgboost, reg:squarederror, …" */
    uint32_t  rows_n;           /* golden rows compared */
    char      categories[320];  /* "", or a warning of what the library does */
    char      names[320];       /* with its categories, and with names */
} mlops_export_report_t;


/*
 * *data is malloc'ed JSON, *len bytes; the caller frees it.  An image that
 * the format cannot hold is an error that says what and why.  options (which
 * only XGBoost's format reads) and report may be NULL.
 */
int mlops_export_recipe(const mlops_model_t *model, char **data, size_t *len,
    mlops_export_report_t *report, mlops_err_t *err);
int mlops_export_xgboost(const mlops_model_t *model,
    const mlops_export_options_t *options, char **data, size_t *len,
    mlops_export_report_t *report, mlops_err_t *err);


#endif /* MLOPS_EXPORT_H */
