/*
 * Model images: the bytes as they are; then with length and checksum put
 * right, so that the structure behind them is reached.  What is let in
 * evaluates a row, in slices and in one go alike.
 */

#include "images.h"


static void
fuzz_eval(const mlops_model_t *model, uint32_t signature, int missing)
{
    char                     *text;
    void                     *scratch;
    uint32_t                  i, n;
    mlops_err_t               err;
    mlops_rows_t              rows;
    mlops_cell_t             *out;
    mlops_arena_t             arena;
    mlops_results_t           results;
    const mlops_signature_t  *face;

    face = &mlops_model_interface(model)->signatures[signature];
    n = face->inputs.n;
    mlops_arena_init(&arena, NULL, NULL);

    scratch = aligned_alloc(64, mlops_model_scratch_size(model));
    out = malloc(face->cells_n * sizeof(*out));
    text = malloc(3);

    check(scratch != NULL && out != NULL && text != NULL);
    check(mlops_rows_alloc(&rows, &face->inputs, 2, &arena, &err)
          == MLOPS_OK);

    memcpy(text, "red", 3);
    rows.text = text;

    for (i = 0; i < 2 * n; i++) {

        if (missing) {
            break;
        }

        switch (face->inputs.columns[i % n].kind) {

        case MLOPS_CELL_STRING:
            rows.cells[i].s.off = 0;
            rows.cells[i].s.len = 3;
            break;

        case MLOPS_CELL_DOUBLE:
            rows.cells[i].f = (double) i / 3;
            break;

        default:
            rows.cells[i].i = (int64_t) i;
        }

        mlops_bit_set(rows.present + i / n * rows.words, i % n);
    }

    mlops_model_eval(model, signature, rows.cells, rows.present, text,
                     scratch, out, NULL);

    check(mlops_model_predict(model, face, &rows, &results, &arena, &err)
          == MLOPS_OK);

    for (i = 0; i < face->outputs_n; i++) {
        check(face->outputs[i].type == MLOPS_TYPE_BYTES
              || out[face->outputs[i].first].u
                 == results.cells[face->outputs[i].first].u);
    }

    free(text);
    free(out);
    free(scratch);
    mlops_arena_destroy(&arena);
}


static int
fuzz_load(const void *data, size_t len, size_t budget)
{
    int             rc;
    uint32_t        i;
    mlops_err_t     err;
    mlops_load_t   *load;
    mlops_model_t  *model;

    load = mlops_load_create(data, len, &err);

    if (load == NULL) {
        return 0;
    }

    do {
        rc = mlops_load_step(load, budget, &model, &err);
    } while (rc == MLOPS_AGAIN);

    if (rc != MLOPS_OK) {
        return 0;
    }

    for (i = 0; i < mlops_model_interface(model)->n; i++) {
        fuzz_eval(model, i, 0);
        fuzz_eval(model, i, 1);
    }

    mlops_model_destroy(model);

    return 1;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void  *image;

    image = fuzz_image_copy(data, size);
    (void) fuzz_load(image, size, SIZE_MAX);

    if (fuzz_image_seal(image, size)) {
        check(fuzz_load(image, size, SIZE_MAX)
              == fuzz_load(image, size, 512));
    }

    free(image);

    return 0;
}
