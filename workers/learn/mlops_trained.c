/*
 * The facts of a trained image, read back.  mlops_learn_facts.h has them.
 */

#include "mlops_trained.h"
#include "mlops_field.h"


static int mlops_trained_parts(mlops_trained_t *trained,
    mlops_field_t *field);
static int mlops_trained_settings(mlops_trained_t *trained,
    mlops_field_t *field, const mlops_doc_t *list);


int
mlops_trained_read(mlops_trained_t *trained, const mlops_model_t *model,
    mlops_arena_t *arena, mlops_err_t *err)
{
    mlops_str_t     facts;
    mlops_doc_t    *doc;
    mlops_field_t   field;

    memset(trained, 0, sizeof(mlops_trained_t));

    facts = mlops_model_facts(model);
    doc = mlops_doc_parse(facts.data, facts.len, 0, arena, err);

    if (doc == NULL) {
        return mlops_err_prefix(err, "facts");
    }

    trained->training = mlops_doc_get(mlops_doc_get(doc, "metadata"),
                                      "training");

    if (trained->training == NULL
        || trained->training->type != MLOPS_DOC_OBJECT)
    {
        trained->training = NULL;
        return MLOPS_AGAIN;
    }

    mlops_field_init(&field, arena, err);
    (void) mlops_field_push(&field, "facts.metadata.training");

    return mlops_trained_parts(trained, &field);
}


static int
mlops_trained_parts(mlops_trained_t *trained, mlops_field_t *field)
{
    int64_t             seed, rows;
    const mlops_doc_t  *recipe, *list, *data, *sha256;

    recipe = mlops_field_get(field, trained->training, "recipe",
                             MLOPS_DOC_STRING);
    list = recipe ? mlops_field_get(field, trained->training, "settings",
                                    MLOPS_DOC_ARRAY) : NULL;
    data = list ? mlops_field_get(field, trained->training, "data",
                                  MLOPS_DOC_OBJECT) : NULL;
    sha256 = data ? mlops_field_get(field, data, "sha256", MLOPS_DOC_STRING)
                  : NULL;

    if (sha256 == NULL
        || mlops_field_int(field, trained->training, "seed", 0, INT64_MAX,
                           -1, &seed)
           != MLOPS_OK
        || mlops_field_int(field, data, "rows", 0, INT64_MAX, -1, &rows)
           != MLOPS_OK
        || mlops_field_find(field, trained->training, "classes",
                            MLOPS_DOC_ARRAY, &trained->classes)
           != MLOPS_OK
        || mlops_field_find(field, trained->training, "prediction",
                            MLOPS_DOC_ARRAY, &trained->prediction)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    trained->recipe = recipe->v.text;
    trained->seed = (uint64_t) seed;
    trained->rows_n = (uint64_t) rows;
    trained->rows_sha256 = sha256->v.text;

    return mlops_trained_settings(trained, field, list);
}


static int
mlops_trained_settings(mlops_trained_t *trained, mlops_field_t *field,
    const mlops_doc_t *list)
{
    uint32_t            i;
    const mlops_doc_t  *doc;

    trained->set = mlops_arena_alloc(field->arena,
                                     list->n * sizeof(char *));
    if (trained->set == NULL) {
        return mlops_field_memory(field);
    }

    for (i = 0, doc = list->v.child; doc != NULL; i++, doc = doc->next) {

        if (doc->type != MLOPS_DOC_STRING) {
            (void) mlops_field_push(field, "settings");
            (void) mlops_field_push_i(field, i);
            return mlops_field_fail(field, doc, "a string");
        }

        trained->set[i] = mlops_arena_copy(field->arena, doc->v.text.data,
                                           doc->v.text.len);
        if (trained->set[i] == NULL) {
            return mlops_field_memory(field);
        }
    }

    trained->set_n = list->n;

    return MLOPS_OK;
}
