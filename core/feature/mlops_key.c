/*
 * Entity keys: their hash, and reading them from text.
 */

#include "mlops_table.h"
#include "mlops_hash.h"
#include "mlops_num.h"


/* The texts of errors show at most so much of a key. */

#define MLOPS_KEY_SHOWN  64


static int mlops_key_parse_number(const mlops_str_t *text, mlops_key_t *key,
    mlops_err_t *err);


uint64_t
mlops_key_hash(mlops_type_t type, const mlops_key_t *key)
{
    if (type == MLOPS_TYPE_INT64) {
        return mlops_hash(&key->number, sizeof(key->number), 0);
    }

    return mlops_hash(key->text.data, key->text.len, 0);
}


int
mlops_key_parse(mlops_type_t type, const mlops_str_t *text, uint32_t max,
    mlops_key_t *key, mlops_err_t *err)
{
    key->number = 0;
    key->text = *text;

    if (type == MLOPS_TYPE_INT64) {
        return mlops_key_parse_number(text, key, err);
    }

    if (text->len == 0) {
        return mlops_err_set(err, "expected a key of 1 to %u bytes, got an "
                             "empty one", (unsigned) max);
    }

    if (text->len > max) {
        return mlops_err_set(err, "expected a key of 1 to %u bytes, got %zu",
                             (unsigned) max, text->len);
    }

    return MLOPS_OK;
}


static int
mlops_key_parse_number(const mlops_str_t *text, mlops_key_t *key,
    mlops_err_t *err)
{
    int          overflow;
    size_t       shown;
    const char  *end, *p;

    if (text->len != 0) {
        end = text->data + text->len;
        p = mlops_parse_int64(text->data, end, &key->number, &overflow);

        if (p == end && !overflow) {
            return MLOPS_OK;
        }
    }

    shown = text->len < MLOPS_KEY_SHOWN ? text->len : MLOPS_KEY_SHOWN;

    return mlops_err_set(err, "expected a key of type int64, got \"%.*s\"",
                         (int) shown, text->data);
}
