/*
 * What a loaded model tells of itself.
 */

#include "mlops_program.h"

#include <stdlib.h>


void
mlops_model_destroy(mlops_model_t *model)
{
    if (model == NULL) {
        return;
    }

    mlops_arena_destroy(&model->arena);
    free(model);
}


const mlops_interface_t *
mlops_model_interface(const mlops_model_t *model)
{
    return &model->face;
}


mlops_str_t
mlops_model_facts(const mlops_model_t *model)
{
    mlops_str_t  facts;

    facts.data = model->sections[MLOPS_SECTION_FACTS].data;
    facts.len = model->sections[MLOPS_SECTION_FACTS].len;

    return facts;
}


const char *
mlops_model_platform(const mlops_model_t *model)
{
    uint32_t  i, n, kinds;

    n = model->sections[MLOPS_SECTION_STEPS].n;
    kinds = 0;

    for (i = 0; i < n; i++) {
        kinds |= 1u << model->ops[i].kind;
    }

    if (kinds & (1u << MLOPS_STEP_TREES)) {
        return "trees";
    }

    if (kinds & (1u << MLOPS_STEP_DENSE)) {
        return "dense";
    }

    return (kinds & (1u << MLOPS_STEP_AFFINE)) ? "linear" : "pipeline";
}


const mlops_image_header_t *
mlops_model_image(const mlops_model_t *model)
{
    return model->image;
}


const void *
mlops_model_section(const mlops_model_t *model, mlops_image_kind_t kind,
    uint32_t *n)
{
    *n = model->sections[kind].n;

    return model->sections[kind].data;
}


int
mlops_model_histogram(const mlops_model_t *model, uint32_t signature,
    uint32_t column, mlops_histogram_t *histogram)
{
    uint32_t                        lo, hi, mid, cell;
    const mlops_section_t          *section;
    const mlops_image_histogram_t  *all;

    section = &model->sections[MLOPS_SECTION_HISTOGRAMS];
    all = (const mlops_image_histogram_t *) section->data;
    cell = model->programs[signature].inputs[column];
    lo = 0;
    hi = section->n;

    while (lo < hi) {
        mid = lo + (hi - lo) / 2;

        if (all[mid].cell < cell) {
            lo = mid + 1;

        } else {
            hi = mid;
        }
    }

    if (lo == section->n || all[lo].cell != cell) {
        return MLOPS_ERROR;
    }

    histogram->bins_n = all[lo].bins_n;
    histogram->edges = all[lo].edges
                       ? (const double *) (section->data + all[lo].edges)
                       : NULL;
    histogram->counts = (const double *) (section->data + all[lo].counts);
    histogram->missing = all[lo].missing;
    histogram->rows = all[lo].rows;

    return MLOPS_OK;
}
