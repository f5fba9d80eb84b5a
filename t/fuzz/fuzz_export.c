/*
 * Exports: an image that the loader takes, whatever made it, becomes a recipe
 * and XGBoost's JSON, or a reason why not.  Length and checksum are put right
 * first, so that the structure behind them is reached.
 */

#include "images.h"

#include "mlops_export.h"


static void
fuzz_export(const mlops_model_t *model)
{
    char         *text;
    size_t        text_len;
    mlops_err_t   err;

    (void) mlops_export_recipe(model, &text, &text_len, NULL, &err);
    free(text);

    (void) mlops_export_xgboost(model, NULL, &text, &text_len, NULL, &err);
    free(text);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_image_use(data, size, fuzz_export);

    return 0;
}
