/*
 * Judgements: an image that the loader takes, whatever made it and whatever
 * its facts say of its training, is judged by a few rows, and against itself.
 * Length and checksum are put right first, as in fuzz_export.
 */

#include "images.h"
#include "rows.h"

#include "mlops_evaluate.h"


static const char  fuzz_rows[] =
    FUZZ_ROWS
    "6,1e30,blue,0\n"
    "1000007,2,red,1\n"
    "1000008,3,red,0\n";


static void
fuzz_judge(const mlops_model_t *model)
{
    mlops_err_t               err;
    mlops_evaluated_t         evaluated;
    mlops_evaluate_options_t  options;
    static const char *const  slices[] = { "x", "s" };

    memset(&options, 0, sizeof(options));

    options.model = model;
    options.against = model;
    options.rows = fuzz_rows_file(fuzz_rows, sizeof(fuzz_rows) - 1);
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
    fuzz_image_use(data, size, fuzz_judge);

    return 0;
}
