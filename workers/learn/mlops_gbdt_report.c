/*
 * What is told of boosted trees: rounds, losses, and what each feature
 * gained, in order of the inputs.  A later fit finds the names of features
 * here (mlops_gbdt_image.c).
 */

#include "mlops_gbdt_fit.h"
#include "mlops_fit_note.h"

#include <math.h>


#define MLOPS_GBDT_TOLD  (128 * 1024)       /* bytes; facts are bounded */


static void mlops_gbdt_notes(mlops_fit_t *fit,
    const mlops_gbdt_options_t *options, const mlops_gbdt_model_t *model);
static void mlops_gbdt_report_loss(mlops_import_text_t *text,
    const char *key, double value);


void
mlops_gbdt_report(mlops_fit_t *fit, const mlops_gbdt_options_t *options,
    const mlops_gbdt_model_t *model)
{
    size_t                      begun;
    uint32_t                    i;
    mlops_import_text_t        *text;
    const mlops_gbdt_column_t  *column;

    text = fit->report;

    mlops_fit_report(fit, "objective");
    mlops_import_text(text, "\"%s\",\"rounds\":%u,\"grown\":%u,\"trees\":%u,"
                      "\"rows\":%llu",
                      mlops_gbdt_objective_name(options->objective),
                      model->rounds, model->grown, model->forest.trees_n,
                      (unsigned long long) model->rows_n);

    if (model->stopped != NULL) {
        mlops_import_text(text, ",\"stopped\":\"%s\"", model->stopped);
    }

    mlops_import_text(text, ",\"loss\":\"%s\",\"losses\":[",
                      mlops_gbdt_loss_name(options->objective));

    for (i = 0; i < model->losses_n; i++) {
        mlops_import_text(text, "%s{\"round\":%u", i > 0 ? "," : "",
                          model->losses[i].round);
        mlops_gbdt_report_loss(text, "train", model->losses[i].train);
        mlops_gbdt_report_loss(text, "tune", model->losses[i].tune);
        mlops_import_text(text, "}");
    }

    mlops_import_text(text, "],\"features\":[");
    begun = text->len;

    for (i = 0; i < model->columns_n; i++) {
        column = &model->columns[i];

        mlops_import_text(text, "%s{\"name\":", i > 0 ? "," : "");
        mlops_import_quote(text, fit->train->columns[i].name.data,
                           fit->train->columns[i].name.len);
        mlops_import_text(text, ",\"bins\":%u,\"splits\":%llu,\"gain\":",
                          column->bins_n,
                          (unsigned long long) column->splits);
        mlops_fit_write_number(text, column->gain);
        mlops_import_text(text, "}");

        if (text->len - begun > MLOPS_GBDT_TOLD) {
            break;
        }
    }

    mlops_import_text(text, "]");

    mlops_gbdt_notes(fit, options, model);
}


static void
mlops_gbdt_notes(mlops_fit_t *fit, const mlops_gbdt_options_t *options,
    const mlops_gbdt_model_t *model)
{
    uint32_t            i;
    mlops_fit_named_t   same, idle;

    memset(&same, 0, sizeof(same));
    memset(&idle, 0, sizeof(idle));

    for (i = 0; i < model->columns_n; i++) {

        if (model->columns[i].bins_n < 2) {
            mlops_fit_named(&same, &fit->train->columns[i].name, "");

        } else if (model->columns[i].splits == 0) {
            mlops_fit_named(&idle, &fit->train->columns[i].name, "");
        }
    }

    if (same.n == model->columns_n) {
        mlops_fit_note(fit, "no input has two values: no tree splits");

    } else if (same.n != 0) {
        mlops_fit_note(fit, "%u %s fewer than two values: %s", same.n,
                       same.n == 1 ? "input has" : "inputs have",
                       mlops_fit_named_text(&same));
    }

    if (idle.n != 0) {
        mlops_fit_note(fit, "no tree splits by %u of the inputs: %s", idle.n,
                       mlops_fit_named_text(&idle));
    }

    if (model->stopped == NULL || same.n == model->columns_n) {
        return;
    }

    if (strcmp(model->stopped, "early") == 0) {
        mlops_fit_note(fit, "stopped after %u of %u rounds, as the loss of "
                       "tune did not fall; %u are kept", model->grown,
                       options->trees, model->rounds);

    } else {
        mlops_fit_note(fit, "stopped after %u of %u rounds: %s",
                       model->grown, options->trees, model->stopped);
    }
}


static void
mlops_gbdt_report_loss(mlops_import_text_t *text, const char *key,
    double value)
{
    if (!isnan(value)) {
        mlops_fit_put_number(text, key, value);
    }
}
