/*
 * Judgements: an image that the loader takes, whatever made it and whatever
 * its facts say of its training, is judged by a few rows, and against itself.
 * Length and checksum are put right first, as in fuzz_export.
 */

#include "fuzz.h"

#include "mlops_evaluate.h"
#include "mlops_hash.h"
#include "mlops_model.h"

#include <sys/mman.h>


static const char  fuzz_rows[] =
    "x,y,s,t\n"
    "1,2,red,0\n"
    "2,1.5,blue,1\n"
    "3,,red,1\n"
    "4,-1,,0\n"
    "5,0.25,green,1\n"
    "6,1e30,blue,0\n"
    "1000007,2,red,1\n"
    "1000008,3,red,0\n";


static void
fuzz_judge(const mlops_model_t *model, const char *rows)
{
    mlops_err_t               err;
    mlops_evaluated_t         evaluated;
    mlops_evaluate_options_t  options;
    static const char *const  slices[] = { "x", "s" };

    memset(&options, 0, sizeof(options));

    options.model = model;
    options.against = model;
    options.rows = rows;
    options.slices = slices;
    options.slices_n = 2;

    if (mlops_evaluate(&options, &evaluated, &err) != MLOPS_OK) {
        check(err.text[0] != '\0');
        return;
    }

    check(evaluated.judged_n <= evaluated.rows_n);
    mlops_evaluated_free(&evaluated);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                   path[64], *image;
    mlops_err_t            err;
    mlops_model_t         *model;
    mlops_image_header_t  *h;
    static int             fd = -1;

    if (size < sizeof(*h)) {
        return 0;
    }

    if (fd == -1) {
        fd = memfd_create("rows", 0);
        check(fd != -1);
        check(write(fd, fuzz_rows, sizeof(fuzz_rows) - 1)
              == (ssize_t) sizeof(fuzz_rows) - 1);
    }

    (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);

    image = aligned_alloc(64, mlops_align(size, 64));
    check(image != NULL);
    memcpy(image, data, size);

    h = (mlops_image_header_t *) image;
    memcpy(h->magic, MLOPS_IMAGE_MAGIC, sizeof(h->magic));
    h->abi = MLOPS_IMAGE_ABI;
    h->header_len = sizeof(*h);
    h->file_len = size;
    h->checksum = mlops_hash(&h->section_n, size - 32, 0);

    model = mlops_model_open(image, size, &err);

    if (model != NULL) {
        fuzz_judge(model, path);
        mlops_model_destroy(model);
    }

    free(image);

    return 0;
}
