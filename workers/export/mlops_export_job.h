/*
 * One export under way.  Internal to workers/export.
 *
 * The image was checked by the loader: what its offsets refer to is there.
 */

#ifndef MLOPS_EXPORT_JOB_H
#define MLOPS_EXPORT_JOB_H


#include "mlops_export.h"
#include "mlops_import_job.h"
#include "mlops_doc.h"


#define MLOPS_EXPORT_NOBODY  UINT32_MAX


typedef struct {
    const mlops_model_t            *model;
    const mlops_image_header_t     *image;
    const mlops_interface_t        *face;
    const mlops_image_cell_t       *cells;          /* of inputs */
    const mlops_image_signature_t  *signatures;
    uint32_t                        signatures_n;
    const mlops_image_output_t     *outputs;
    const mlops_image_step_t       *steps;
    uint32_t                        steps_n;
    const uint32_t                 *lists;
    const mlops_image_text_t       *strings;
    const char                     *weights;
    const char                     *text;
    const mlops_doc_t              *facts;

    mlops_str_t                    *names;          /* of a recipe's cells */
    mlops_arena_t                   arena;
    mlops_err_t                    *err;
    mlops_import_text_t             out;
    mlops_export_report_t          *report;
    mlops_export_report_t           unread;
} mlops_export_t;


int mlops_export_open(mlops_export_t *job, const mlops_model_t *model,
    mlops_export_report_t *report, mlops_err_t *err);
/* Hands the text out if rc is MLOPS_OK, and frees the rest.  Returns rc. */
int mlops_export_close(mlops_export_t *job, int rc, char **data,
    size_t *len);

/* Does what was written give the image's answers?  signature: of the image,
 * or MLOPS_EXPORT_NOBODY for all of them, each by its number; output: of the
 * signature; margin: is the written model's "margin" meant? */
int mlops_export_check_recipe(mlops_export_t *job);
int mlops_export_check_xgboost(mlops_export_t *job, uint32_t signature,
    uint32_t output);

mlops_str_t mlops_export_str(const mlops_export_t *job,
    const mlops_image_text_t *text);
/* A JSON string; a number (NaN is null, an infinity is an error that what
 * names); a float32 as short as both ways of reading it allow. */
void mlops_export_quote(mlops_export_t *job, const mlops_str_t *text);
int mlops_export_number(mlops_export_t *job, double value, const char *what);
void mlops_export_float(mlops_export_t *job, double value);
/* The same of n numbers: one alone where all are alike, else a list. */
int mlops_export_numbers(mlops_export_t *job, const double *values,
    uint32_t n, const char *what);

/* Steps of a recipe, with the commas between. */
int mlops_export_steps(mlops_export_t *job);
int mlops_export_trees(mlops_export_t *job, const mlops_image_step_t *step,
    uint32_t number);
/* "inputs":["a",…] or any other list of the names of cells. */
void mlops_export_names(mlops_export_t *job, const char *key,
    const uint32_t *cells, uint32_t first, uint32_t n);


#define mlops_export_param(job, step)  ((job)->weights + (step)->param)


#endif /* MLOPS_EXPORT_JOB_H */
