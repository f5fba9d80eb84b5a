/*
 * Exports: an image that the loader takes, whatever made it, becomes a recipe
 * and XGBoost's JSON, or a reason why not.  Length and checksum are put right
 * first, so that the structure behind them is reached.
 */

#include "mlops_export.h"
#include "mlops_hash.h"

#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);


int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char                  *image, *text;
    size_t                 text_len;
    mlops_err_t            err;
    mlops_model_t         *model;
    mlops_image_header_t  *h;

    if (len < sizeof(*h)) {
        return 0;
    }

    image = aligned_alloc(64, mlops_align(len, 64));

    if (image == NULL) {
        return 0;
    }

    memcpy(image, bytes, len);

    h = (mlops_image_header_t *) image;
    memcpy(h->magic, MLOPS_IMAGE_MAGIC, sizeof(h->magic));
    h->abi = MLOPS_IMAGE_ABI;
    h->header_len = sizeof(*h);
    h->file_len = len;
    h->checksum = mlops_hash(&h->section_n, len - 32, 0);

    model = mlops_model_open(image, len, &err);

    if (model != NULL) {
        (void) mlops_export_recipe(model, &text, &text_len, NULL, &err);
        free(text);

        (void) mlops_export_xgboost(model, NULL, &text, &text_len, NULL,
                                    &err);
        free(text);

        mlops_model_destroy(model);
    }

    free(image);

    return 0;
}
