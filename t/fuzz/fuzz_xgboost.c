/*
 * Model files of any bytes, JSON or UBJSON; with their margins alone, too,
 * where the objective is of no known name.
 */

#include "importing.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mlops_import_options_t  options;

    memset(&options, 0, sizeof(options));

    fuzz_import((const char *) data, size, NULL);

    options.outputs = "margin";
    options.iterations = "1";
    fuzz_import((const char *) data, size, &options);

    return 0;
}
