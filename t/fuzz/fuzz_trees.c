/*
 * Fuzzing of laid-out trees: bytes that the check passes are walked by every
 * kernel, which have to agree, and read back.
 *
 * The magic, the abi and the length are put right first, so that inputs get
 * past them; features and sums are those that the bytes say.
 */

#include "fuzz.h"

#include "mlops_simd.h"
#include "mlops_trees.h"
#include "mlops_trees_layout.h"


#define FUZZ_ROWS      4
#define FUZZ_FEATURES  512
#define FUZZ_GROUPS    256


static const float  fuzz_values[] = {
    0.0f, -0.0f, 1.0f, -1.0f, 0.5f, 3.0f, 100.0f, 1e-42f, 16777216.0f,
    -__builtin_inff(), __builtin_inff(), __builtin_nanf("")
};


static void *
fuzz_alloc(size_t size)
{
    void  *p;

    p = aligned_alloc(64, mlops_align(size + 1, 64));
    check(p != NULL);

    return p;
}


static void
fuzz_row(const mlops_trees_head_t *head, int row, void *x)
{
    float     value;
    uint32_t  f;

    for (f = 0; f < mlops_align(head->features_n, 16); f++) {
        value = fuzz_values[(f * 7 + (uint32_t) row * 5)
                            % mlops_nitems(fuzz_values)];

        if (row % 2 == 0 && value != value) {
            value = 2;
        }

        if (head->flags & MLOPS_TREES_F32) {
            ((float *) x)[f] = value;

        } else {
            ((double *) x)[f] = value;
        }
    }
}


static int
fuzz_equal(const mlops_trees_head_t *head, const void *one, const void *two)
{
    double    a, b;
    uint32_t  g;

    for (g = 0; g < head->groups_n; g++) {
        a = mlops_trees_f32(head) ? ((const float *) one)[g]
                                  : ((const double *) one)[g];
        b = mlops_trees_f32(head) ? ((const float *) two)[g]
                                  : ((const double *) two)[g];

        if (memcmp(&a, &b, sizeof(a)) != 0 && (a == a || b == b)) {
            return 0;
        }
    }

    return 1;
}


static void
fuzz_walk(const mlops_trees_head_t *head)
{
    int     row, level;
    void   *x, *want, *got, *scratch;

    x = fuzz_alloc(mlops_align(head->features_n, 16) * sizeof(double));
    want = fuzz_alloc(head->groups_n * sizeof(double));
    got = fuzz_alloc(head->groups_n * sizeof(double));

    for (row = 0; row < FUZZ_ROWS; row++) {
        fuzz_row(head, row, x);

        for (level = 0; level <= mlops_simd_level(); level++) {
            scratch = fuzz_alloc(mlops_trees_scratch(head));

            mlops_trees_kernel(head, level)(head, x, level ? got : want,
                                            scratch);
            free(scratch);

            if (level != 0 && !fuzz_equal(head, got, want)) {
                fprintf(stderr, "%s differs\n", mlops_simd_name(level));
                abort();
            }
        }
    }

    free(x);
    free(want);
    free(got);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                  rc;
    void                *again;
    size_t               len;
    uint64_t             cursor;
    mlops_err_t          err;
    mlops_arena_t        arena;
    mlops_forest_t       forest;
    mlops_trees_head_t  *head;

    if (size < sizeof(mlops_trees_head_t)) {
        return 0;
    }

    head = fuzz_alloc(size);

    memcpy(head, data, size);

    head->magic = MLOPS_TREES_MAGIC;
    head->abi = MLOPS_TREES_ABI;
    head->len = size;

    cursor = 0;

    do {
        rc = mlops_trees_check(head, size, head->features_n, head->groups_n,
                               &cursor, 700, &err);
    } while (rc == MLOPS_AGAIN);

    if (rc == MLOPS_OK && head->features_n <= FUZZ_FEATURES
        && head->groups_n <= FUZZ_GROUPS)
    {
        fuzz_walk(head);

        mlops_arena_init(&arena, NULL, NULL);

        if (mlops_trees_forest(head, &forest, &arena, &err) == MLOPS_OK
            && mlops_forest_check(&forest, &err) == MLOPS_OK)
        {
            /* what was read back can be laid out again */

            if (mlops_trees_build(&forest, &again, &len, &err) == MLOPS_OK) {
                free(again);
            }
        }

        mlops_arena_destroy(&arena);
    }

    free(head);

    return 0;
}
