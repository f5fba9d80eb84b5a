/*
 * Recipes of any bytes.  They have no folder, so that no file is opened.
 */

#include "importing.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_import((const char *) data, size, NULL);

    return 0;
}
