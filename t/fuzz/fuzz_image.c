/*
 * Model images: the bytes as they are; then with length and checksum put
 * right, so that the structure behind them is reached.  What is let in
 * evaluates a row, in slices and in one go alike.
 */

#include "mlops_hash.h"
#include "mlops_model.h"

#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);


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

    if (scratch == NULL || out == NULL || text == NULL
        || mlops_rows_alloc(&rows, &face->inputs, 2, &arena, &err)
           != MLOPS_OK)
    {
        abort();
    }

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

    if (mlops_model_predict(model, face, &rows, &results, &arena, &err)
        != MLOPS_OK)
    {
        abort();
    }

    for (i = 0; i < face->outputs_n; i++) {
        if (face->outputs[i].type != MLOPS_TYPE_BYTES
            && out[face->outputs[i].first].u
               != results.cells[face->outputs[i].first].u)
        {
            abort();
        }
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
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char                  *data;
    mlops_image_header_t  *h;

    data = aligned_alloc(64, mlops_align(len + 1, 64));

    if (data == NULL) {
        return 0;
    }

    memcpy(data, bytes, len);
    (void) fuzz_load(data, len, SIZE_MAX);

    if (len >= sizeof(*h)) {
        h = (mlops_image_header_t *) data;
        memcpy(h->magic, MLOPS_IMAGE_MAGIC, sizeof(h->magic));
        h->abi = MLOPS_IMAGE_ABI;
        h->header_len = sizeof(*h);
        h->file_len = len;
        h->checksum = mlops_hash(&h->section_n, len - 32, 0);

        if (fuzz_load(data, len, SIZE_MAX) != fuzz_load(data, len, 512)) {
            abort();
        }
    }

    free(data);

    return 0;
}
