/*
 * What an image says of its training, and rows of a run as a model's inputs.
 */

#include "mlops_learn_facts.h"
#include "mlops_num.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>


static void mlops_learn_facts_recipe(mlops_learn_run_t *run,
    mlops_import_text_t *text);
static void mlops_learn_facts_data(const mlops_learn_run_t *run,
    mlops_import_text_t *text);
static void mlops_learn_facts_classes(const mlops_learn_run_t *run,
    mlops_import_text_t *text);
static void mlops_learn_facts_metrics(const mlops_learn_run_t *run,
    mlops_import_text_t *text);
static void mlops_learn_hex(mlops_import_text_t *text,
    const unsigned char *bytes, size_t n);
static int mlops_learn_cells_fit(const mlops_columns_t *columns,
    const mlops_str_t *names, const mlops_schema_t *schema,
    mlops_err_t *err);
static int mlops_learn_cell_text(const mlops_columns_t *columns,
    const mlops_str_t *names, const uint32_t *numbers, uint32_t n,
    mlops_rows_t *rows, mlops_arena_t *arena, mlops_err_t *err);


int
mlops_learn_facts(mlops_learn_run_t *run, const mlops_import_text_t *reports,
    const uint32_t *cell, mlops_import_text_t *text)
{
    uint32_t  i;

    mlops_import_text(text, "{");
    mlops_learn_facts_recipe(run, text);
    mlops_learn_facts_data(run, text);
    mlops_learn_facts_classes(run, text);

    if (cell[0] == MLOPS_LEARN_NO_CELL) {
        mlops_import_text(text, ",\"prediction\":null");

    } else {
        mlops_import_text(text, ",\"prediction\":[");

        for (i = 0; i < run->prediction_n; i++) {
            mlops_import_text(text, "%s%u", i ? "," : "", cell[i]);
        }

        mlops_import_text(text, "]");
    }

    mlops_learn_facts_metrics(run, text);

    if (reports == NULL) {
        mlops_import_text(text, ",\"steps\":null}");

    } else {
        mlops_import_text(text, ",\"steps\":[");
        mlops_import_bytes(text, reports->data, reports->len);
        mlops_import_text(text, "]}");
    }

    return text->failed ? mlops_err_set(run->err, "out of memory") : MLOPS_OK;
}


static void
mlops_learn_facts_recipe(mlops_learn_run_t *run, mlops_import_text_t *text)
{
    uint32_t                      i;
    unsigned int                  n;
    unsigned char                 md[EVP_MAX_MD_SIZE];
    const mlops_learn_options_t  *options;

    options = run->options;
    n = 0;

    if (EVP_Digest(options->text, options->text_len, md, &n, EVP_sha256(),
                   NULL)
        != 1)
    {
        text->failed = 1;
        return;
    }

    mlops_import_text(text, "\"recipe\":");
    mlops_import_quote(text, options->text, options->text_len);
    mlops_import_text(text, ",\"recipe_sha256\":\"");
    mlops_learn_hex(text, md, n);
    mlops_import_text(text, "\",\"settings\":[");

    for (i = 0; i < options->set_n; i++) {
        mlops_import_text(text, i ? "," : "");
        mlops_import_quote(text, options->set[i], strlen(options->set[i]));
    }

    mlops_import_text(text, "],\"seed\":%llu",
                      (unsigned long long) run->recipe.seed);
}


static void
mlops_learn_facts_data(const mlops_learn_run_t *run,
    mlops_import_text_t *text)
{
    uint32_t  i;

    mlops_import_text(text, ",\"data\":{\"sha256\":\"");
    mlops_learn_hex(text, run->frame.sha256, sizeof(run->frame.sha256));
    mlops_import_text(text, "\",\"bytes\":%llu,\"rows\":%llu},\"rows\":{",
                      (unsigned long long) run->frame.bytes,
                      (unsigned long long) run->frame.rows_n);

    for (i = 0; i < MLOPS_PART_N; i++) {
        mlops_import_text(text, "%s\"%s\":%llu", i ? "," : "",
                          mlops_part_names[i],
                          (unsigned long long) run->parts[i].n);
    }

    if (run->keep != NULL) {
        mlops_import_text(text, ",\"sampled\":%llu",
                          (unsigned long long)
                          run->fit[MLOPS_PART_TRAIN].n);
    }

    mlops_import_text(text, ",\"without_target\":%llu,\"filtered\":%llu,"
                      "\"purged\":%llu,\"unused\":%llu}",
                      (unsigned long long) run->gone_target_n,
                      (unsigned long long) run->gone_filter_n,
                      (unsigned long long) run->purged_n,
                      (unsigned long long) run->unused_n);
}


static void
mlops_learn_facts_classes(const mlops_learn_run_t *run,
    mlops_import_text_t *text)
{
    uint32_t  i;

    if (run->classes_n == 0) {
        return;
    }

    mlops_import_text(text, ",\"classes\":[");

    for (i = 0; i < run->classes_n; i++) {
        mlops_import_text(text, i ? "," : "");

        if (run->class_numbers != NULL) {
            mlops_learn_facts_number(text, run->class_numbers[i]);

        } else {
            mlops_import_quote(text, run->classes[i].data,
                               run->classes[i].len);
        }
    }

    mlops_import_text(text, "]");
}


static void
mlops_learn_facts_metrics(const mlops_learn_run_t *run,
    mlops_import_text_t *text)
{
    uint32_t                    i;
    const mlops_learn_score_t  *score;

    mlops_import_text(text, ",\"metrics\":{");

    for (i = 0; i < run->learned->scores_n; i++) {
        score = &run->learned->scores[i];

        mlops_import_text(text, "%s\"%s\":{", i ? "," : "", score->name);
        mlops_learn_facts_values(score, text);
        mlops_import_text(text, "}");
    }

    mlops_import_text(text, "}");
}


void
mlops_learn_facts_values(const mlops_learn_score_t *score,
    mlops_import_text_t *text)
{
    uint32_t                     i;
    const mlops_metric_value_t  *value;

    for (i = 0; i < score->metrics_n; i++) {
        value = &score->values[i];

        mlops_import_text(text, "%s\"%s\":{\"value\":", i ? "," : "",
                          mlops_metric_name(score->metrics[i]));
        mlops_learn_facts_number(text, value->value);
        mlops_import_text(text, ",\"lo\":");
        mlops_learn_facts_number(text, value->lo);
        mlops_import_text(text, ",\"hi\":");
        mlops_learn_facts_number(text, value->hi);
        mlops_import_text(text, "}");
    }
}


void
mlops_learn_facts_number(mlops_import_text_t *text, double value)
{
    char   buf[MLOPS_DOUBLE_LEN];
    char  *end;

    if (!isfinite(value)) {
        mlops_import_text(text, "null");
        return;
    }

    end = mlops_doc_print(buf, value);
    mlops_import_bytes(text, buf, (size_t) (end - buf));
}


static void
mlops_learn_hex(mlops_import_text_t *text, const unsigned char *bytes,
    size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        mlops_import_text(text, "%02x", bytes[i]);
    }
}


int
mlops_learn_cells_of(const mlops_columns_t *columns, const mlops_str_t *names,
    const uint32_t *numbers, uint32_t n, mlops_rows_t *rows,
    mlops_arena_t *arena, mlops_err_t *err)
{
    double                      v;
    uint32_t                    i, k, code;
    mlops_cell_t               *cell;
    const mlops_column_t       *column;
    const mlops_columns_one_t  *one;

    if (mlops_learn_cells_fit(columns, names, rows->schema, err) != MLOPS_OK
        || mlops_learn_cell_text(columns, names, numbers, n, rows, arena, err)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    for (k = 0; k < rows->schema->n; k++) {
        one = mlops_columns_find(columns, names[k].data, names[k].len);
        column = &rows->schema->columns[k];

        for (i = 0; i < n; i++) {
            cell = &rows->cells[(size_t) i * rows->schema->n + k];

            if (column->kind == MLOPS_CELL_STRING) {
                code = ((const uint32_t *) one->view.data)[numbers[i]];

                if (code != MLOPS_MATRIX_NONE) {
                    mlops_bit_set(rows->present + (size_t) i * rows->words,
                                  k);
                }

                continue;
            }

            v = mlops_columns_value(one, numbers[i]);

            if (isnan(v)) {
                continue;
            }

            if (column->kind != MLOPS_CELL_DOUBLE
                && (column->kind == MLOPS_CELL_INT
                    ? !(v >= -0x1p63 && v < 0x1p63)
                    : !(v > -1 && v < 0x1p64)))
            {
                return mlops_err_set(err, "the input \"%.*s\" is %s, and the "
                                     "rows have %g for it",
                                     mlops_fmt(&column->name),
                                     mlops_type_name(column->type), v);
            }

            if (column->kind == MLOPS_CELL_DOUBLE) {
                cell->f = v;

            } else if (column->kind == MLOPS_CELL_INT) {
                cell->i = (int64_t) v;

            } else {
                cell->u = (uint64_t) v;
            }

            mlops_bit_set(rows->present + (size_t) i * rows->words, k);
        }
    }

    return MLOPS_OK;
}


/* Is each input there, as strings or as numbers as the image has it?  Names
 * come from a recipe that may be of another image. */

static int
mlops_learn_cells_fit(const mlops_columns_t *columns,
    const mlops_str_t *names, const mlops_schema_t *schema, mlops_err_t *err)
{
    int                         strings;
    uint32_t                    k;
    const mlops_column_t       *column;
    const mlops_columns_one_t  *one;

    for (k = 0; k < schema->n; k++) {
        column = &schema->columns[k];
        strings = (column->kind == MLOPS_CELL_STRING);
        one = mlops_columns_find(columns, names[k].data, names[k].len);

        if (one == NULL || one->view.data == NULL) {
            return mlops_err_set(err, "the rows have no \"%.*s\", which is "
                                 "the input \"%.*s\"", mlops_fmt(&names[k]),
                                 mlops_fmt(&column->name));
        }

        if ((one->view.kind == MLOPS_MATRIX_CODES) != strings) {
            return mlops_err_set(err, "the input \"%.*s\" is a %s in the "
                                 "image, and a %s in the recipe",
                                 mlops_fmt(&column->name),
                                 strings ? "string" : "number",
                                 strings ? "number" : "string");
        }
    }

    return MLOPS_OK;
}


/* The strings of those rows, one behind the other. */

static int
mlops_learn_cell_text(const mlops_columns_t *columns,
    const mlops_str_t *names, const uint32_t *numbers, uint32_t n,
    mlops_rows_t *rows, mlops_arena_t *arena, mlops_err_t *err)
{
    int                         pass;
    char                       *text;
    size_t                      len;
    uint32_t                    i, k, code;
    mlops_cell_t               *cell;
    const mlops_str_t          *from;
    const mlops_columns_one_t  *one;

    text = NULL;

    for (pass = 0; pass < 2; pass++) {
        len = 0;

        for (k = 0; k < rows->schema->n; k++) {
            one = mlops_columns_find(columns, names[k].data, names[k].len);

            if (rows->schema->columns[k].kind != MLOPS_CELL_STRING) {
                continue;
            }

            for (i = 0; i < n; i++) {
                code = ((const uint32_t *) one->view.data)[numbers[i]];

                if (code == MLOPS_MATRIX_NONE) {
                    continue;
                }

                from = &one->view.categories[code];

                if (pass == 1) {
                    memcpy(text + len, from->data, from->len);

                    cell = &rows->cells[(size_t) i * rows->schema->n + k];
                    cell->s.off = (uint32_t) len;
                    cell->s.len = (uint32_t) from->len;
                }

                len += from->len;
            }
        }

        if (pass == 0) {
            text = (len < UINT32_MAX) ? mlops_arena_alloc(arena, len + 1)
                                      : NULL;
            if (text == NULL) {
                return mlops_err_set(err, "out of memory for %zu bytes of "
                                     "strings", len);
            }
        }
    }

    rows->text = text;

    return MLOPS_OK;
}


mlops_str_t *
mlops_learn_input_names(const mlops_learn_recipe_t *recipe, uint32_t n,
    mlops_arena_t *arena, mlops_err_t *err)
{
    uint32_t            i;
    mlops_str_t        *names;
    const mlops_doc_t  *list, *doc;

    names = mlops_arena_alloc(arena, n * sizeof(mlops_str_t));

    if (names == NULL) {
        (void) mlops_err_set(err, "out of memory");
        return NULL;
    }

    list = mlops_doc_get(recipe->signatures->v.child, "inputs");
    doc = (list != NULL && list->type == MLOPS_DOC_ARRAY) ? list->v.child
                                                          : NULL;

    if (doc != NULL ? list->n != n : recipe->inputs_n != n) {
        (void) mlops_err_set(err, "the recipe's default signature has other "
                             "inputs than the image's");
        return NULL;
    }

    for (i = 0; i < n; i++) {

        if (doc == NULL) {
            names[i] = recipe->names[i];
            continue;
        }

        if (doc->type != MLOPS_DOC_STRING) {
            (void) mlops_err_set(err, "the recipe's default signature: "
                                 "expected names of inputs");
            return NULL;
        }

        names[i] = doc->v.text;
        doc = doc->next;

        if (doc == NULL && i + 1 < n) {
            (void) mlops_err_set(err, "the recipe's default signature has "
                                 "other inputs than the image's");
            return NULL;
        }
    }

    return names;
}


int
mlops_learn_computes(const mlops_model_t *model, uint32_t cell)
{
    uint32_t                         i, n;
    const uint32_t                  *lists;
    const mlops_image_step_t        *steps;
    const mlops_image_signature_t   *signature;

    signature = mlops_model_section(model, MLOPS_SECTION_SIGNATURES, &n);
    lists = mlops_model_section(model, MLOPS_SECTION_LISTS, &n);
    steps = mlops_model_section(model, MLOPS_SECTION_STEPS, &n);

    for (i = 0; i < signature->steps.n; i++) {
        n = lists[signature->steps.first + i];

        if (cell >= steps[n].out && cell - steps[n].out < steps[n].out_n) {
            return 1;
        }
    }

    return 0;
}
