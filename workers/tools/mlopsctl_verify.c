/*
 * mlopsctl verify: would a server take this image?
 */

#include "mlopsctl.h"


int
mlopsctl_verify(int argc, char **argv)
{
    int                         i, rc;
    uint32_t                    rows;
    mlops_err_t                 err;
    mlopsctl_model_t            file;
    static const struct option  options[] = { { NULL, 0, NULL, 0 } };

    if (mlopsctl_option(argc, argv, "", options) != -1) {
        return MLOPSCTL_USAGE;
    }

    if (optind == argc) {
        return mlopsctl_misused("expected a model image");
    }

    rc = MLOPSCTL_DONE;

    for (i = optind; i < argc; i++) {

        if (mlopsctl_model_open(&file, argv[i], &err) != MLOPS_OK) {
            rc = mlopsctl_failed("%s", err.text);
            continue;
        }

        (void) mlops_model_section(file.model, MLOPS_SECTION_GOLDEN, &rows);

        printf("%s: OK, %s, %zu bytes, %u golden rows\n", argv[i],
               mlops_model_platform(file.model), file.map.len, rows);

        mlopsctl_model_close(&file);
    }

    return (mlopsctl_flush() == MLOPSCTL_DONE) ? rc : MLOPSCTL_FAILED;
}
