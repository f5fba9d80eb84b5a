/*
 * An XGBoost model as a whole image: one input a feature, the signature
 * "default" with the output "prediction" and the signature "margin" with the
 * output "margin", which is the sum before the objective's link.
 */

#include "mlops_import_job.h"
#include "mlops_xgboost.h"

#include <stdio.h>
#include <stdlib.h>


#define MLOPS_IMPORT_PREDICTION  0x01
#define MLOPS_IMPORT_MARGIN      0x02


static int mlops_import_xgboost_names(mlops_import_job_t *job,
    mlops_xgboost_t *model);
static int mlops_import_xgboost_outputs(mlops_import_job_t *job,
    const mlops_xgboost_t *model, uint32_t *wanted);
static void mlops_import_xgboost_report(mlops_import_job_t *job,
    const mlops_xgboost_t *model);
static int mlops_import_xgboost_emit(mlops_import_job_t *job,
    mlops_builder_t *builder);
static void mlops_import_xgboost_signature(mlops_import_job_t *job,
    mlops_builder_t *builder, const char *name, uint32_t first,
    uint32_t width);
static void mlops_import_xgboost_facts(mlops_import_job_t *job,
    const mlops_xgboost_t *model);


int
mlops_import_xgboost(mlops_import_job_t *job, const mlops_doc_t *doc)
{
    uint32_t          i, wanted;
    mlops_field_t     field;
    mlops_xgboost_t  *model;

    model = mlops_arena_calloc(job->arena, 1, sizeof(mlops_xgboost_t));
    if (model == NULL) {
        return mlops_err_set(job->err, "out of memory");
    }

    mlops_field_init(&field, job->arena, job->err);

    if (mlops_xgboost_read(model, doc, job->options->iterations, job->len,
                           &field)
        != MLOPS_OK
        || mlops_import_xgboost_names(job, model) != MLOPS_OK
        || mlops_import_xgboost_outputs(job, model, &wanted) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    job->cells_n = model->features_n;
    job->cells = mlops_arena_alloc(job->arena,
                                   job->cells_n * sizeof(uint32_t));
    if (job->cells == NULL) {
        return mlops_err_set(job->err, "out of memory");
    }

    for (i = 0; i < job->cells_n; i++) {
        job->cells[i] = i;
    }

    job->kind = model;
    job->emit = mlops_import_xgboost_emit;
    job->tol_abs = 1e-6;
    job->tol_rel = 1e-5;

    mlops_import_xgboost_report(job, model);

    return MLOPS_OK;
}


static int
mlops_import_xgboost_names(mlops_import_job_t *job, mlops_xgboost_t *model)
{
    uint32_t                       i;
    const mlops_import_options_t  *options;

    options = job->options;

    if (options->features == NULL) {
        return MLOPS_OK;
    }

    if (options->features_n != model->features_n) {
        return mlops_err_set(job->err, "features: expected %u names, got %u",
                             model->features_n, options->features_n);
    }

    for (i = 0; i < model->features_n; i++) {
        model->features[i].name = options->features[i];
    }

    return MLOPS_OK;
}


static int
mlops_import_xgboost_outputs(mlops_import_job_t *job,
    const mlops_xgboost_t *model, uint32_t *wanted)
{
    size_t       len;
    const char  *p, *end;

    *wanted = 0;
    p = job->options->outputs;

    if (p == NULL) {
        p = "prediction,margin";
    }

    for (/* void */ ; *p != '\0'; p = (*end == ',') ? end + 1 : end) {
        end = strchrnul(p, ',');
        len = (size_t) (end - p);

        if (len == sizeof("prediction") - 1 && memcmp(p, "prediction", len)
            == 0)
        {
            *wanted |= MLOPS_IMPORT_PREDICTION;

        } else if (len == sizeof("margin") - 1 && memcmp(p, "margin", len)
                   == 0)
        {
            *wanted |= MLOPS_IMPORT_MARGIN;

        } else {
            return mlops_err_set(job->err, "outputs: expected prediction, "
                                 "margin, or both with a comma, got \"%.40s\"",
                                 p);
        }
    }

    if (*wanted == 0) {
        return mlops_err_set(job->err, "outputs: expected prediction, margin, "
                             "or both with a comma, got nothing");
    }

    if ((*wanted & MLOPS_IMPORT_PREDICTION) && !model->link_known) {
        return mlops_err_set(job->err, "learner.objective.name: expected an "
                             "objective known here, got \"%.*s\"; its margins "
                             "alone can be imported (outputs: margin)",
                             (int) (model->objective.len < 40
                                    ? model->objective.len : 40),
                             model->objective.data);
    }

    return MLOPS_OK;
}


static void
mlops_import_xgboost_report(mlops_import_job_t *job,
    const mlops_xgboost_t *model)
{
    int    n;
    char  *p, *end;

    p = job->report->what;
    end = p + sizeof(job->report->what);

    n = snprintf(p, (size_t) (end - p), "xgboost %d.%d.%d, %s, %.*s, ",
                 model->version[0], model->version[1], model->version[2],
                 model->booster,
                 (int) (model->objective.len < 40 ? model->objective.len
                                                  : 40),
                 model->objective.data);
    p += n;

    if (model->linear) {
        (void) snprintf(p, (size_t) (end - p), "%u features",
                        model->features_n);
        return;
    }

    n = snprintf(p, (size_t) (end - p), "%u trees",
                 model->forest.trees_n);
    p += n;

    if (model->iteration_end - model->iteration_first
        != model->iterations_n)
    {
        (void) snprintf(p, (size_t) (end - p), " (rounds %u to %u of %u)",
                        model->iteration_first, model->iteration_end - 1,
                        model->iterations_n);
    }
}


static int
mlops_import_xgboost_emit(mlops_import_job_t *job, mlops_builder_t *builder)
{
    uint32_t          i, wanted, margin, prediction;
    mlops_column_t    column;
    mlops_xgboost_t  *model;

    model = job->kind;

    if (mlops_import_xgboost_outputs(job, model, &wanted) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < model->features_n; i++) {
        mlops_xgboost_column(model, i, &column);
        (void) mlops_import_input(job, builder, &column);
    }

    mlops_xgboost_steps(model, builder, job->cells, &margin,
                        (wanted & MLOPS_IMPORT_PREDICTION) ? &prediction
                                                           : NULL);

    mlops_import_xgboost_facts(job, model);

    if (wanted & MLOPS_IMPORT_PREDICTION) {
        mlops_import_xgboost_signature(job, builder, "prediction", prediction,
                                       mlops_xgboost_width(model));
    }

    if (wanted & MLOPS_IMPORT_MARGIN) {
        mlops_import_xgboost_signature(job, builder, "margin", margin,
                                       model->groups_n);
    }

    return MLOPS_OK;
}


/* The signature of the prediction is called default.  What goes wrong sticks
 * to the builder, and finish tells it. */

static void
mlops_import_xgboost_signature(mlops_import_job_t *job,
    mlops_builder_t *builder, const char *name, uint32_t first,
    uint32_t width)
{
    uint32_t                 i, *cells;
    mlops_builder_output_t   output;

    cells = malloc(width * sizeof(uint32_t));

    for (i = 0; cells != NULL && i < width; i++) {
        cells[i] = (first == MLOPS_BUILDER_ERROR) ? first : first + i;
    }

    memset(&output, 0, sizeof(output));

    output.name.data = name;
    output.name.len = strlen(name);
    output.type = job->options->type ? job->options->type : MLOPS_TYPE_FP32;
    output.width = width;
    output.cells = cells;

    (void) mlops_builder_signature(builder, strcmp(name, "prediction") == 0
                                            ? "default" : name,
                                   job->cells, job->cells_n, &output,
                                   cells ? 1 : 0);
    free(cells);
}


static void
mlops_import_xgboost_facts(mlops_import_job_t *job,
    const mlops_xgboost_t *model)
{
    mlops_import_text_t  *facts;

    facts = &job->facts;

    mlops_import_text(facts, "\"source\":{\"format\":\"xgboost\",");
    mlops_import_digest(facts, job->path, job->data, job->len);
    mlops_import_text(facts, ",\"version\":\"%d.%d.%d\",\"booster\":\"%s\","
                      "\"objective\":", model->version[0], model->version[1],
                      model->version[2], model->booster);
    mlops_import_quote(facts, model->objective.data, model->objective.len);

    if (!model->linear) {
        mlops_import_text(facts, ",\"trees\":%u,\"rounds\":[%u,%u],"
                          "\"rounds_of\":%u", model->forest.trees_n,
                          model->iteration_first, model->iteration_end,
                          model->iterations_n);
    }

    mlops_import_text(facts, "}");
}
