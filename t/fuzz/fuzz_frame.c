/*
 * CSV of any bytes as a frame: no read beyond it, and one thread, several
 * with small chunks, and the parser without SIMD agree on every cell, or on
 * the sentence.
 *
 * The first byte chooses what is asked for; the rest is the file.
 */

#include "fuzz.h"

#include "mlops_frame.h"


static const mlops_frame_want_t  wants[] = {
    { mlops_str("a"), MLOPS_TYPE_FP64, 1 },
    { mlops_str("b"), MLOPS_TYPE_FP32, 1 },
    { mlops_str("c"), MLOPS_TYPE_BYTES, 1 },
    { mlops_str("d"), MLOPS_TYPE_INT16, 1 },
    { mlops_str("e"), MLOPS_TYPE_UINT64, 1 },
    { mlops_str("f"), MLOPS_TYPE_BOOL, 1 },
    { mlops_str("g"), MLOPS_TYPE_NONE, 1 }
};

static const mlops_str_t  header[] = {
    mlops_str("a"), mlops_str("c"), mlops_str("g"), mlops_str("d")
};

/* A number among them turns the vector form off. */

static const mlops_str_t  missing[] = {
    mlops_str("?"), mlops_str("NA"), mlops_str("1.2345678912345678e-300")
};


static void
fuzz_same(const mlops_frame_t *a, const mlops_frame_t *b)
{
    size_t                        size;
    uint32_t                      i, j;
    const mlops_matrix_column_t  *x, *y;

    check(a->rows_n == b->rows_n);
    check(a->columns_n == b->columns_n);

    for (i = 0; i < a->rows_n; i++) {
        check(mlops_frame_line(a, i) == mlops_frame_line(b, i));
    }

    for (i = 0; i < a->columns_n; i++) {
        x = &a->columns[i].view;
        y = &b->columns[i].view;

        check(mlops_str_eq(&x->name, y->name.data, y->name.len));
        check(x->kind == y->kind);
        check(x->categories_n == y->categories_n);
        check(a->columns[i].missing_n == b->columns[i].missing_n);

        size = (x->kind == MLOPS_MATRIX_DOUBLE) ? 8 : 4;
        check(memcmp(x->data, y->data, a->rows_n * size) == 0);

        for (j = 0; j < x->categories_n; j++) {
            check(mlops_str_eq(&x->categories[j], y->categories[j].data,
                               y->categories[j].len));
            check(mlops_utf8_valid(x->categories[j].data,
                                   x->categories[j].len));
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                     rc, i;
    char                   *copy;
    mlops_err_t             err[3];
    mlops_frame_t           frames[3];
    mlops_frame_options_t   options;

    if (size == 0) {
        return 0;
    }

    memset(&options, 0, sizeof(options));
    options.undigested = (data[0] & 8) != 0;

    if (data[0] & 1) {
        options.want = wants;
        options.want_n = mlops_nitems(wants);
    }

    if (data[0] & 2) {
        options.header = header;
        options.header_n = mlops_nitems(header);
    }

    options.missing = missing;
    options.missing_n = 2;

    size--;
    copy = fuzz_copy(data + 1, size);

    for (i = 0, rc = 0; i < 3; i++) {

        if (i == 1) {
            options.threads = 2;
            options.chunk_bytes = 1 + (data[0] >> 4) * 5;

        } else if (i == 2) {
            options.threads = 1;
            options.chunk_bytes = 0;
            options.missing_n = 3;
        }

        if (mlops_frame_parse(&frames[i], "rows.csv", copy, size, &options,
                              &err[i])
            == MLOPS_OK)
        {
            rc |= 1 << i;
        }
    }

    check(rc == 0 || rc == 7);

    for (i = 1; i < 3; i++) {

        if (rc == 0) {
            check(strcmp(err[0].text, err[i].text) == 0);

        } else {
            fuzz_same(&frames[0], &frames[i]);
        }
    }

    for (i = 0; i < 3 && rc != 0; i++) {
        mlops_frame_free(&frames[i]);
    }

    free(copy);

    return 0;
}
