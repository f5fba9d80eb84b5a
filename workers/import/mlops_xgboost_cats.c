/*
 * The category encoder that XGBoost writes from 3.1 on:
 *
 *     enc                one object a feature
 *         offsets        strings: where each begins in values, and the end
 *         values         strings: their bytes, as signed integers
 *         type           integers: the width, 9 i8, 10 u8, 11 i16, 12 u16,
 *                        13 i32, 14 u32, 15 i64, 16 u64
 *         values         integers
 *     feature_segments   running sum of their numbers of categories
 *
 * The code of a category is its position.  A feature without categories is
 * numerical.
 *
 * Releases 3.1 to 3.3 counted offsets in characters where they took names
 * from pandas, and cut the bytes to that length.  Names that are not ASCII
 * cannot be told in their files, which are refused: the wrong category would
 * be a wrong answer.
 */

#include "mlops_xgboost.h"


#define MLOPS_XGBOOST_CAT_I8   9
#define MLOPS_XGBOOST_CAT_U64  16


static int mlops_xgboost_cat_strings(mlops_xgboost_t *model, uint32_t f,
    const mlops_doc_t *enc, mlops_field_t *field);
static int mlops_xgboost_cat_ints(mlops_xgboost_feature_t *feature,
    const mlops_doc_t *enc, mlops_field_t *field);


int
mlops_xgboost_cats(mlops_xgboost_t *model, const mlops_doc_t *cats,
    mlops_field_t *field)
{
    int                 rc;
    size_t              old, here;
    uint32_t            i;
    const mlops_doc_t  *enc, *doc;

    old = mlops_field_push(field, "cats");

    enc = mlops_field_get(field, cats, "enc", MLOPS_DOC_ARRAY);
    if (enc == NULL) {
        return MLOPS_ERROR;
    }

    (void) mlops_field_push(field, "enc");

    if (enc->n != 0 && (enc->type != MLOPS_DOC_ARRAY
                        || enc->n != model->features_n))
    {
        return mlops_field_fail(field, enc, "an array of %u objects",
                                model->features_n);
    }

    doc = enc->n ? enc->v.child : NULL;

    for (i = 0; doc != NULL; i++, doc = doc->next) {
        here = mlops_field_push_i(field, i);

        if (doc->type != MLOPS_DOC_OBJECT) {
            return mlops_field_fail(field, doc, "an object");
        }

        rc = mlops_doc_get(doc, "offsets")
             ? mlops_xgboost_cat_strings(model, i, doc, field)
             : mlops_xgboost_cat_ints(&model->features[i], doc, field);

        if (rc != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        mlops_field_pop(field, here);
    }

    mlops_field_pop(field, old);

    return MLOPS_OK;
}


static int
mlops_xgboost_cat_strings(mlops_xgboost_t *model, uint32_t f,
    const mlops_doc_t *enc, mlops_field_t *field)
{
    int           characters;
    char         *text;
    int64_t      *offsets, *values;
    uint32_t      i, n, len;
    mlops_str_t  *strings;

    if (mlops_field_ints(field, enc, "offsets", MLOPS_FIELD_ANY, &offsets, &n)
        != MLOPS_OK
        || mlops_field_ints(field, enc, "values", MLOPS_FIELD_ANY, &values,
                            &len)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (n < 2) {
        return MLOPS_OK;
    }

    text = mlops_arena_alloc(field->arena, len + 1);
    strings = mlops_arena_alloc(field->arena, n * sizeof(mlops_str_t));

    if (text == NULL || strings == NULL) {
        return mlops_field_memory(field);
    }

    characters = (model->version[0] == 3 && model->version[1] >= 1
                  && model->version[1] < 4);

    for (i = 0; i < len; i++) {

        if (characters && (values[i] < 0 || values[i] > 127)) {
            return mlops_field_error(field, "expected names in ASCII, got "
                                     "others in a file of release %d.%d, "
                                     "which counts characters as bytes: train "
                                     "it with 3.4 or later",
                                     model->version[0], model->version[1]);
        }

        if (values[i] < -128 || values[i] > 255) {
            (void) mlops_field_push(field, "values");
            (void) mlops_field_push_i(field, i);

            return mlops_field_error(field, "expected a byte, got %lld",
                                     (long long) values[i]);
        }

        text[i] = (char) (unsigned char) values[i];
    }

    for (i = 0; i < n; i++) {

        if (offsets[i] < (i ? offsets[i - 1] : 0) || offsets[i] > len) {
            (void) mlops_field_push(field, "offsets");
            (void) mlops_field_push_i(field, i);

            return mlops_field_error(field, "expected an ascending number up "
                                     "to %u, got %lld", len,
                                     (long long) offsets[i]);
        }

        if (i > 0) {
            strings[i - 1].data = text + offsets[i - 1];
            strings[i - 1].len = (size_t) (offsets[i] - offsets[i - 1]);
        }
    }

    model->features[f].categories_n = n - 1;
    model->features[f].strings = strings;

    return MLOPS_OK;
}


/* UBJSON has no unsigned numbers of more than 8 bits: there they are written
 * as the signed ones of the same bits. */

static int
mlops_xgboost_cat_ints(mlops_xgboost_feature_t *feature,
    const mlops_doc_t *enc, mlops_field_t *field)
{
    int64_t   type, *values, *copy;
    uint32_t  i, n, bits;

    if (mlops_field_int(field, enc, "type", MLOPS_XGBOOST_CAT_I8,
                        MLOPS_XGBOOST_CAT_U64, -1, &type)
        != MLOPS_OK
        || mlops_field_ints(field, enc, "values", MLOPS_FIELD_ANY, &values,
                            &n)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (n == 0) {
        return MLOPS_OK;
    }

    copy = mlops_arena_alloc(field->arena, n * sizeof(int64_t));
    if (copy == NULL) {
        return mlops_field_memory(field);
    }

    bits = 8u << ((type - MLOPS_XGBOOST_CAT_I8) / 2);

    for (i = 0; i < n; i++) {
        copy[i] = values[i];

        if (values[i] >= 0 || (type - MLOPS_XGBOOST_CAT_I8) % 2 == 0) {
            continue;
        }

        if (bits == 64 || values[i] < -((int64_t) 1 << (bits - 1))) {
            (void) mlops_field_push(field, "values");
            (void) mlops_field_push_i(field, i);

            return mlops_field_error(field, "expected an unsigned integer of "
                                     "at most 63 bits, got %lld",
                                     (long long) values[i]);
        }

        copy[i] = values[i] + ((int64_t) 1 << bits);
    }

    feature->categories_n = n;
    feature->ints = copy;

    return MLOPS_OK;
}
