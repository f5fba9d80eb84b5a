/*
 * The builder: from buffers to the bytes of an image, and the proof that
 * those serve.
 */

#include "mlops_builder.h"
#include "mlops_hash.h"

#include <stdlib.h>


static int mlops_builder_histograms(mlops_builder_t *builder,
    mlops_buffer_t *section);
static int mlops_histogram_compare(const void *a, const void *b);
static int mlops_builder_golden_section(mlops_builder_t *builder,
    mlops_buffer_t *section);
static uint32_t mlops_builder_elements(const mlops_builder_t *builder,
    uint32_t kind, const mlops_buffer_t *section);
static int mlops_builder_prove(mlops_builder_t *builder, void *data,
    size_t len);


int
mlops_builder_finish(mlops_builder_t *builder, void **data, size_t *len,
    mlops_err_t *err)
{
    void           *first;
    size_t          first_len;
    mlops_err_t     why;
    mlops_load_t   *load;
    mlops_model_t  *model;

    first = NULL;
    *data = NULL;
    *len = 0;

    if (builder->sections[MLOPS_SECTION_FACTS].len == 0) {
        mlops_builder_facts(builder, "{}", 2);
    }

    if (builder->signature_n == 0) {
        (void) mlops_builder_fail(builder, "expected at least one signature");
    }

    /* without golden rows and with portable kernels: it answers our own */

    if (mlops_builder_write(builder, 0, &first, &first_len) != MLOPS_OK) {
        return mlops_err_set(err, "%s", builder->err.text);
    }

    load = mlops_load_create_simd(first, first_len, MLOPS_SIMD_PORTABLE,
                                  &why);
    model = NULL;

    if (load == NULL
        || mlops_load_step(load, SIZE_MAX, &model, &why) != MLOPS_OK)
    {
        free(first);
        (void) mlops_builder_fail(builder, "%s", why.text);
        return mlops_err_set(err, "%s", builder->err.text);
    }

    (void) mlops_builder_own_golden(builder, model);

    mlops_model_destroy(model);
    free(first);

    if (mlops_builder_write(builder, 1, data, len) != MLOPS_OK
        || mlops_builder_prove(builder, *data, *len) != MLOPS_OK)
    {
        *data = NULL;
        return mlops_err_set(err, "%s", builder->err.text);
    }

    return MLOPS_OK;
}


static int
mlops_builder_prove(mlops_builder_t *builder, void *data, size_t len)
{
    mlops_err_t     err;
    mlops_model_t  *model;

    model = mlops_model_open(data, len, &err);

    if (model == NULL) {
        free(data);
        (void) mlops_builder_fail(builder, "%s", err.text);
        return MLOPS_ERROR;
    }

    mlops_model_destroy(model);

    return MLOPS_OK;
}


int
mlops_builder_write(mlops_builder_t *builder, int with_golden, void **data,
    size_t *len)
{
    char                   *p;
    size_t                  off;
    uint32_t                i, n;
    mlops_buffer_t         *section;
    mlops_buffer_t          histograms, golden;
    mlops_image_header_t   *h;
    const mlops_buffer_t   *all[MLOPS_SECTION_N];
    mlops_image_section_t  *table;

    memset(&histograms, 0, sizeof(histograms));
    memset(&golden, 0, sizeof(golden));
    memset(all, 0, sizeof(all));

    *data = NULL;

    if (builder->failed
        || mlops_builder_histograms(builder, &histograms) != MLOPS_OK
        || (with_golden && mlops_builder_golden_section(builder, &golden)
                           != MLOPS_OK))
    {
        goto failed;
    }

    n = 0;

    for (i = 1; i < MLOPS_SECTION_N; i++) {
        section = (i == MLOPS_SECTION_HISTOGRAMS) ? &histograms
                  : (i == MLOPS_SECTION_GOLDEN) ? &golden
                                                : &builder->sections[i];

        if (section->len != 0 || i == MLOPS_SECTION_TEXT
            || i == MLOPS_SECTION_STEPS || i == MLOPS_SECTION_WEIGHTS)
        {
            all[i] = section;
            n++;
        }
    }

    off = sizeof(*h) + n * sizeof(*table);

    for (i = 1; i < MLOPS_SECTION_N; i++) {
        if (all[i]) {
            off = mlops_align(off, MLOPS_IMAGE_ALIGN) + all[i]->len;
        }
    }

    *len = mlops_align(off, MLOPS_IMAGE_ALIGN);

    if (*len > MLOPS_IMAGE_MAX) {
        (void) mlops_builder_fail(builder, "the image would have %zu bytes, "
                                  "more than %u", *len, MLOPS_IMAGE_MAX);
        goto failed;
    }

    p = aligned_alloc(MLOPS_IMAGE_ALIGN, *len);

    if (p == NULL) {
        (void) mlops_builder_fail(builder, "out of memory");
        goto failed;
    }

    memset(p, 0, *len);

    h = (mlops_image_header_t *) p;
    table = (mlops_image_section_t *) (h + 1);
    off = sizeof(*h) + n * sizeof(*table);

    for (i = 1; i < MLOPS_SECTION_N; i++) {

        if (all[i] == NULL) {
            continue;
        }

        off = mlops_align(off, MLOPS_IMAGE_ALIGN);

        table->kind = i;
        table->n = mlops_builder_elements(builder, i, all[i]);
        table->off = off;
        table->len = all[i]->len;
        table++;

        if (all[i]->len != 0) {
            memcpy(p + off, all[i]->data, all[i]->len);
            off += all[i]->len;
        }
    }

    memcpy(h->magic, MLOPS_IMAGE_MAGIC, sizeof(h->magic));
    h->abi = MLOPS_IMAGE_ABI;
    h->header_len = sizeof(*h);
    h->file_len = *len;
    h->section_n = n;
    h->input_n = builder->input_n;
    h->cell_n = builder->cell_n;
    h->checksum = mlops_hash(&h->section_n,
                             *len - offsetof(mlops_image_header_t,
                                             section_n), 0);

    *data = p;

failed:

    free(histograms.data);
    free(golden.data);

    return (*data != NULL) ? MLOPS_OK : MLOPS_ERROR;
}


static uint32_t
mlops_builder_elements(const mlops_builder_t *builder, uint32_t kind,
    const mlops_buffer_t *section)
{
    switch (kind) {

    case MLOPS_SECTION_CELLS:
        return builder->input_n;

    case MLOPS_SECTION_SIGNATURES:
        return builder->signature_n;

    case MLOPS_SECTION_OUTPUTS:
        return mlops_builder_n(section, mlops_image_output_t);

    case MLOPS_SECTION_STEPS:
        return builder->step_n;

    case MLOPS_SECTION_LISTS:
        return mlops_builder_n(section, uint32_t);

    case MLOPS_SECTION_STRINGS:
        return mlops_builder_n(section, mlops_image_text_t);

    case MLOPS_SECTION_HISTOGRAMS:
        return mlops_builder_n(&builder->histograms, mlops_image_histogram_t);

    case MLOPS_SECTION_GOLDEN:
        return builder->golden_n;

    default:
        return (uint32_t) section->len;
    }
}


/* In order of the cells, and the bins in the same order. */

static int
mlops_builder_histograms(mlops_builder_t *builder, mlops_buffer_t *section)
{
    char                     *p;
    size_t                    off, edges, counts;
    uint32_t                  i, n;
    const double             *bins;
    mlops_image_histogram_t  *all, *to;

    n = mlops_builder_n(&builder->histograms, mlops_image_histogram_t);

    if (n == 0) {
        return MLOPS_OK;
    }

    off = n * sizeof(*all);
    p = mlops_builder_more(builder, section, off + builder->bins.len);

    if (p == NULL) {
        return MLOPS_ERROR;
    }

    all = (mlops_image_histogram_t *) builder->histograms.data;
    to = (mlops_image_histogram_t *) p;
    bins = (const double *) builder->bins.data;

    qsort(all, n, sizeof(*all), mlops_histogram_compare);

    for (i = 0; i < n; i++) {
        to[i] = all[i];
        to[i].edges = 0;
        counts = all[i].bins_n * sizeof(double);

        if (all[i].edges != UINT64_MAX) {
            edges = counts + sizeof(double);
            memcpy(p + off, bins + all[i].edges, edges);
            to[i].edges = off;
            off += edges;
        }

        memcpy(p + off, bins + all[i].counts, counts);
        to[i].counts = off;
        off += counts;
    }

    return MLOPS_OK;
}


static int
mlops_histogram_compare(const void *a, const void *b)
{
    const mlops_image_histogram_t  *x, *y;

    x = a;
    y = b;

    return (x->cell < y->cell) ? -1 : x->cell > y->cell;
}


static int
mlops_builder_golden_section(mlops_builder_t *builder,
    mlops_buffer_t *section)
{
    char                  *p;
    double                 floor;
    mlops_image_golden_t  *golden;

    if (builder->golden_n == 0) {
        return MLOPS_OK;
    }

    p = mlops_builder_more(builder, section,
                           sizeof(*golden) + builder->golden_of.len
                           + builder->golden_rows.len);

    if (p == NULL) {
        return MLOPS_ERROR;
    }

    floor = builder->libm_f32 ? 1e-6 : builder->libm_f64 ? 1e-9 : 0;

    golden = (mlops_image_golden_t *) p;
    golden->rows_n = builder->golden_n;
    golden->tol_abs = (builder->tol_abs > floor) ? builder->tol_abs : floor;
    golden->tol_rel = (builder->tol_rel > floor) ? builder->tol_rel : floor;

    p += sizeof(*golden);
    memcpy(p, builder->golden_of.data, builder->golden_of.len);

    p += builder->golden_of.len;
    memcpy(p, builder->golden_rows.data, builder->golden_rows.len);

    return MLOPS_OK;
}
