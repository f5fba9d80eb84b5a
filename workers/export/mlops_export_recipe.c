/*
 * An image as a recipe: inputs, steps, signatures.
 *
 * Cells have no names in an image.  An input is called by its name, or
 * "name#cell" where several inputs share it; a computed cell by the output
 * that it alone is, by NAME_i where it is one of several, otherwise c and
 * its number.
 */

#include "mlops_export_job.h"
#include "mlops_hash.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>


#define MLOPS_EXPORT_INPUTS  32767      /* of a recipe */


/* The names that are taken. */

typedef struct {
    uint32_t  *slots;                   /* cell + 1, 0 is empty */
    uint32_t   mask;
} mlops_export_taken_t;


static int mlops_export_cells(mlops_export_t *job);
static void mlops_export_outputs_named(mlops_export_t *job,
    mlops_export_taken_t *taken);
static int mlops_export_take(mlops_export_t *job,
    mlops_export_taken_t *taken, uint32_t cell, const mlops_str_t *name);
static int mlops_export_name(mlops_export_t *job,
    mlops_export_taken_t *taken, uint32_t cell, const char *fmt, ...)
    mlops_printf(4, 5);
static int mlops_export_inputs(mlops_export_t *job);
static int mlops_export_input(mlops_export_t *job, uint32_t cell);
static int mlops_export_default(mlops_export_t *job,
    const mlops_image_cell_t *input);
static double mlops_export_bound(double value);
static void mlops_export_strings(mlops_export_t *job, const char *key,
    const mlops_image_run_t *run);
static void mlops_export_signature(mlops_export_t *job,
    const mlops_image_signature_t *signature);
static void mlops_export_facts(mlops_export_t *job);


int
mlops_export_recipe(const mlops_model_t *model, char **data, size_t *len,
    mlops_export_report_t *report, mlops_err_t *err)
{
    int             rc;
    uint32_t        i;
    mlops_export_t  job;

    rc = mlops_export_open(&job, model, report, err);

    if (rc == MLOPS_OK) {
        rc = mlops_export_cells(&job);
    }

    if (rc == MLOPS_OK) {
        mlops_import_text(&job.out, "{\"recipe\":1,");
        mlops_export_facts(&job);
        rc = mlops_export_inputs(&job);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_export_steps(&job);
    }

    if (rc == MLOPS_OK) {
        mlops_import_text(&job.out, "],\n\"signatures\":[");

        for (i = 0; i < job.signatures_n; i++) {
            mlops_import_text(&job.out, i ? ",\n" : "\n");
            mlops_export_signature(&job, &job.signatures[i]);
        }

        mlops_import_text(&job.out, "]}\n");

        rc = mlops_export_check_recipe(&job);
    }

    (void) snprintf(job.report->what, sizeof(job.report->what),
                    "recipe, %u input%s, %u step%s, %u signature%s",
                    job.image->input_n, job.image->input_n == 1 ? "" : "s",
                    job.steps_n, job.steps_n == 1 ? "" : "s",
                    job.signatures_n, job.signatures_n == 1 ? "" : "s");

    return mlops_export_close(&job, rc, data, len);
}


/* Gives all cells their names. */

static int
mlops_export_cells(mlops_export_t *job)
{
    uint32_t              i, n, slots_n;
    mlops_str_t           name;
    mlops_export_taken_t  taken;

    n = job->image->cell_n;

    if (job->image->input_n > MLOPS_EXPORT_INPUTS) {
        return mlops_err_set(job->err, "a recipe has at most %u inputs, the "
                             "image %u", MLOPS_EXPORT_INPUTS,
                             job->image->input_n);
    }

    for (slots_n = 64; slots_n < 2 * n; slots_n *= 2) {
        /* void */
    }

    taken.mask = slots_n - 1;
    taken.slots = mlops_arena_calloc(&job->arena, slots_n, sizeof(uint32_t));
    job->names = mlops_arena_calloc(&job->arena, (size_t) n + 1,
                                    sizeof(mlops_str_t));

    if (taken.slots == NULL || job->names == NULL) {
        return mlops_err_set(job->err, "out of memory");
    }

    for (i = 0; i < job->image->input_n; i++) {
        name = mlops_export_str(job, &job->cells[i].name);
        (void) mlops_export_take(job, &taken, i, &name);
    }

    mlops_export_outputs_named(job, &taken);

    for (i = 0; i < n; i++) {

        if (job->names[i].data != NULL) {
            continue;
        }

        name = (i < job->image->input_n)
               ? mlops_export_str(job, &job->cells[i].name) : name;

        if (i < job->image->input_n
            && mlops_export_name(job, &taken, i, "%.*s#%u", mlops_fmt(&name),
                                 i)
               == MLOPS_OK)
        {
            continue;
        }

        if (mlops_export_name(job, &taken, i, "c%u", i) != MLOPS_OK
            && mlops_export_name(job, &taken, i, "cell #%u", i) != MLOPS_OK)
        {
            return mlops_err_set(job->err, "cell %u: the names of inputs and "
                                 "outputs leave none for it", i);
        }
    }

    return MLOPS_OK;
}


static void
mlops_export_outputs_named(mlops_export_t *job, mlops_export_taken_t *taken)
{
    uint32_t                        i, j, k;
    mlops_str_t                     name;
    const uint32_t                 *cells;
    const mlops_image_output_t     *output;
    const mlops_image_signature_t  *signature;

    for (i = 0; i < job->signatures_n; i++) {
        signature = &job->signatures[i];

        for (j = 0; j < signature->output_n; j++) {
            output = &job->outputs[signature->output + j];
            cells = job->lists + output->cells.first;
            name = mlops_export_str(job, &output->name);

            for (k = 0; k < output->width; k++) {

                if (job->names[cells[k]].data != NULL) {
                    continue;
                }

                if (output->width == 1) {
                    (void) mlops_export_take(job, taken, cells[k], &name);

                } else {
                    (void) mlops_export_name(job, taken, cells[k], "%.*s_%u",
                                             mlops_fmt(&name), k);
                }
            }
        }
    }
}


/* Names the cell, unless the name is another one's. */

static int
mlops_export_take(mlops_export_t *job, mlops_export_taken_t *taken,
    uint32_t cell, const mlops_str_t *name)
{
    uint32_t  slot, other;

    slot = (uint32_t) mlops_hash(name->data, name->len, 0) & taken->mask;

    while (taken->slots[slot] != 0) {
        other = taken->slots[slot] - 1;

        if (mlops_str_eq(&job->names[other], name->data, name->len)) {
            return MLOPS_ERROR;
        }

        slot = (slot + 1) & taken->mask;
    }

    taken->slots[slot] = cell + 1;
    job->names[cell] = *name;

    return MLOPS_OK;
}


static int
mlops_export_name(mlops_export_t *job, mlops_export_taken_t *taken,
    uint32_t cell, const char *fmt, ...)
{
    int          n;
    char         text[MLOPS_IMAGE_MAX_NAME + 32];
    va_list      args;
    mlops_str_t  name;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    if (n < 0 || (size_t) n >= sizeof(text)) {
        return MLOPS_ERROR;
    }

    name.len = (size_t) n;
    name.data = mlops_arena_copy(&job->arena, text, name.len);

    if (name.data == NULL) {
        job->out.failed = 1;
        return MLOPS_ERROR;
    }

    return mlops_export_take(job, taken, cell, &name);
}


static void
mlops_export_facts(mlops_export_t *job)
{
    const mlops_doc_t  *name, *metadata;

    name = mlops_doc_get(job->facts, "name");
    metadata = mlops_doc_get(job->facts, "metadata");

    if (name != NULL && name->type == MLOPS_DOC_STRING) {
        mlops_import_text(&job->out, "\"name\":");
        mlops_export_quote(job, &name->v.text);
        mlops_import_text(&job->out, ",");
    }

    if (metadata != NULL && metadata->type == MLOPS_DOC_OBJECT) {
        mlops_import_text(&job->out, "\n\"metadata\":");
        mlops_import_doc(&job->out, metadata);
        mlops_import_text(&job->out, ",");
    }
}


static int
mlops_export_inputs(mlops_export_t *job)
{
    uint32_t  i;

    mlops_import_text(&job->out, "\n\"inputs\":[");

    for (i = 0; i < job->image->input_n; i++) {
        mlops_import_text(&job->out, i ? ",\n" : "\n");

        if (mlops_export_input(job, i) != MLOPS_OK) {
            return mlops_err_prefix(job->err, "input \"%.*s\"",
                                    mlops_fmt(&job->names[i]));
        }
    }

    mlops_import_text(&job->out, "]");

    return MLOPS_OK;
}


static int
mlops_export_input(mlops_export_t *job, uint32_t cell)
{
    mlops_str_t                name;
    const mlops_image_cell_t  *input;

    input = &job->cells[cell];
    name = mlops_export_str(job, &input->name);

    mlops_import_text(&job->out, "{\"name\":");
    mlops_export_quote(job, &name);

    if (!mlops_str_eq(&job->names[cell], name.data, name.len)) {
        mlops_import_text(&job->out, ",\"id\":");
        mlops_export_quote(job, &job->names[cell]);
    }

    mlops_import_text(&job->out, ",\"type\":\"%s\"",
                      mlops_type_name((mlops_type_t) input->type));

    if (input->flags & MLOPS_COLUMN_DEFAULT) {

        /* goes before required, where an image has both */

        if (mlops_export_default(job, input) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

    } else if (input->flags & MLOPS_COLUMN_REQUIRED) {
        mlops_import_text(&job->out, ",\"required\":true");
    }

    if (input->flags & MLOPS_COLUMN_RANGE) {
        mlops_import_text(&job->out, ",\"range\":[");

        (void) mlops_export_number(job, mlops_export_bound(input->lo), "");
        mlops_import_text(&job->out, ",");
        (void) mlops_export_number(job, mlops_export_bound(input->hi), "");

        mlops_import_text(&job->out, "]");
    }

    if (input->categories.n != 0) {
        mlops_export_strings(job, "categories", &input->categories);
    }

    mlops_import_text(&job->out, "}");

    return MLOPS_OK;
}


static int
mlops_export_default(mlops_export_t *job, const mlops_image_cell_t *input)
{
    mlops_str_t   text;
    mlops_cell_t  def;

    def.u = input->def;
    mlops_import_text(&job->out, ",\"default\":");

    switch (mlops_type_kind((mlops_type_t) input->type)) {

    case MLOPS_CELL_STRING:
        text = mlops_export_str(job, &input->def_text);
        mlops_export_quote(job, &text);
        return MLOPS_OK;

    case MLOPS_CELL_INT:
        mlops_import_text(&job->out, "%lld", (long long) def.i);
        return MLOPS_OK;

    case MLOPS_CELL_UINT:

        if (input->type == MLOPS_TYPE_BOOL) {
            mlops_import_text(&job->out, def.u ? "true" : "false");
            return MLOPS_OK;
        }

        mlops_import_text(&job->out, "%llu", (unsigned long long) def.u);
        return MLOPS_OK;

    default:

        if (input->type == MLOPS_TYPE_FP32 && isfinite(def.f)) {
            mlops_export_float(job, def.f);
            return MLOPS_OK;
        }

        return mlops_export_number(job, def.f, "default");
    }
}


/* A side without bound is at the largest number. */

static double
mlops_export_bound(double value)
{
    if (isinf(value)) {
        return (value < 0) ? -1.7976931348623157e308 : 1.7976931348623157e308;
    }

    return value;
}


static void
mlops_export_strings(mlops_export_t *job, const char *key,
    const mlops_image_run_t *run)
{
    uint32_t     i;
    mlops_str_t  text;

    mlops_import_text(&job->out, ",\"%s\":[", key);

    for (i = 0; i < run->n; i++) {
        text = mlops_export_str(job, &job->strings[run->first + i]);
        mlops_import_text(&job->out, i ? "," : "");
        mlops_export_quote(job, &text);
    }

    mlops_import_text(&job->out, "]");
}


static void
mlops_export_signature(mlops_export_t *job,
    const mlops_image_signature_t *signature)
{
    uint32_t                     i;
    mlops_str_t                  name;
    const uint32_t              *cells;
    const mlops_image_output_t  *output;

    name = mlops_export_str(job, &signature->name);

    mlops_import_text(&job->out, "{\"name\":");
    mlops_export_quote(job, &name);
    mlops_import_text(&job->out, ",");
    mlops_export_names(job, "inputs", job->lists + signature->inputs.first, 0,
                       signature->inputs.n);
    mlops_import_text(&job->out, ",\n \"outputs\":[");

    for (i = 0; i < signature->output_n; i++) {
        output = &job->outputs[signature->output + i];
        cells = job->lists + output->cells.first;
        name = mlops_export_str(job, &output->name);

        mlops_import_text(&job->out, i ? ",\n  {\"name\":" : "{\"name\":");
        mlops_export_quote(job, &name);
        mlops_import_text(&job->out, ",");

        if (output->width == 1) {
            mlops_import_text(&job->out, "\"from\":");
            mlops_export_quote(job, &job->names[cells[0]]);

        } else {
            mlops_export_names(job, "from", cells, 0, output->width);
        }

        mlops_import_text(&job->out, ",\"type\":\"%s\"",
                          mlops_type_name((mlops_type_t) output->type));

        if (output->labels.n != 0) {
            mlops_export_strings(job, "labels", &output->labels);
        }

        mlops_import_text(&job->out, "}");
    }

    mlops_import_text(&job->out, "]}");
}
