/*
 * What the targets of model images share: a copy as the loader wants it, with
 * its head put right, so that the structure behind it is reached.
 */

#ifndef MLOPS_FUZZ_IMAGES_H
#define MLOPS_FUZZ_IMAGES_H


#include "fuzz.h"

#include "mlops_hash.h"
#include "mlops_model.h"


/* The caller frees it. */

static inline void *
fuzz_image_copy(const uint8_t *data, size_t size)
{
    void  *image;

    image = aligned_alloc(64, mlops_align(size ? size : 1, 64));
    check(image != NULL);

    if (size != 0) {
        memcpy(image, data, size);
    }

    return image;
}


/* Magic, abi, lengths and checksum; false where there is no room for them. */

static inline int
fuzz_image_seal(void *image, size_t size)
{
    mlops_image_header_t  *h;

    if (size < sizeof(*h)) {
        return 0;
    }

    h = image;
    memcpy(h->magic, MLOPS_IMAGE_MAGIC, sizeof(h->magic));
    h->abi = MLOPS_IMAGE_ABI;
    h->header_len = sizeof(*h);
    h->file_len = size;
    h->checksum = mlops_hash(&h->section_n, size - 32, 0);

    return 1;
}


/* Uses the model of a sealed copy, if the loader takes it. */

static inline void
fuzz_image_use(const uint8_t *data, size_t size,
    void (*use)(const mlops_model_t *model))
{
    void           *image;
    mlops_err_t     err;
    mlops_model_t  *model;

    image = fuzz_image_copy(data, size);

    if (fuzz_image_seal(image, size)) {
        model = mlops_model_open(image, size, &err);

        if (model != NULL) {
            use(model);
            mlops_model_destroy(model);
        }
    }

    free(image);
}


#endif /* MLOPS_FUZZ_IMAGES_H */
