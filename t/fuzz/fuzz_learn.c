/*
 * Training recipes of any bytes, with a few rows: what stands before the
 * first NUL is the recipe, what stands behind it the file of rows (or rows
 * that are always the same).
 *
 * Recipes have no folder, so that no file is opened, and may run no commands.
 * Steps that leave a state are not tried: it would be written.
 */

#include "rows.h"

#include "mlops_learn.h"
#include "mlops_model.h"


static const char  fuzz_rows[] =
    FUZZ_ROWS
    "6,1e3,blue,0\n"
    "7,2,red,1\n"
    "8,3,red,0\n";


static int
fuzz_stop(void *ctx)
{
    uint32_t  *left;

    left = ctx;

    return *left == 0 || --*left == 0;
}


static int
fuzz_writes(const char *data, size_t size)
{
    return memmem(data, size, "state", 5) != NULL
           || memmem(data, size, "\\u", 2) != NULL;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t                left;
    const char             *end, *rows;
    size_t                  rows_len;
    mlops_err_t             err;
    mlops_model_t          *model;
    mlops_learned_t         learned;
    mlops_learn_options_t   options;

    if (fuzz_writes((const char *) data, size) || size > 65536) {
        return 0;
    }

    end = memchr(data, '\0', size);
    rows = end ? end + 1 : fuzz_rows;
    rows_len = end ? size - (size_t) (rows - (const char *) data)
                   : sizeof(fuzz_rows) - 1;

    memset(&options, 0, sizeof(options));
    left = 300;

    options.text = (const char *) data;
    options.text_len = end ? (size_t) (end - (const char *) data) : size;
    options.rows = fuzz_rows_file(rows, rows_len);
    options.work = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    options.no_exec = 1;
    options.stop = fuzz_stop;
    options.ctx = &left;

    if (mlops_learn(&options, &learned, &err) != MLOPS_OK) {
        check(err.text[0] != '\0');
        return 0;
    }

    /* what was made is taken by a server */

    model = mlops_model_open(learned.image, learned.image_len, &err);
    check(model != NULL);
    mlops_model_destroy(model);
    mlops_learned_free(&learned);

    return 0;
}
