/*
 * The V1 protocol of KServe and TensorFlow Serving, and MLflow's: a top-level
 * key says in which form the rows come.
 */

#include "mlops_reader.h"


typedef enum {
    MLOPS_FORM_NONE = 0,
    MLOPS_FORM_INSTANCES,
    MLOPS_FORM_INPUTS,
    MLOPS_FORM_RECORDS,
    MLOPS_FORM_SPLIT
} mlops_form_t;


static const char *mlops_read_form(mlops_reader_t *r, mlops_form_t form,
    const char *p);
static int mlops_read_signature_name(mlops_reader_t *r,
    const mlops_str_t *name);
static const char *mlops_read_split(mlops_reader_t *r, const char *p);
static int mlops_read_split_columns(mlops_reader_t *r, const char *p,
    int32_t **map, uint32_t *n);
static const char *mlops_read_split_data(mlops_reader_t *r, const char *p,
    const int32_t *map, uint32_t n);


const char *
mlops_read_v1(mlops_reader_t *r, const char *p)
{
    int            done, named;
    const char    *value;
    mlops_str_t    key, name;
    mlops_raw_t    raw;
    mlops_form_t   form, found;

    form = MLOPS_FORM_NONE;
    value = NULL;
    named = 0;
    r->depth = 1;

    p = mlops_read_ws(r, p + 1);
    done = mlops_read_is(r, p, '}');

    if (done) {
        p++;
    }

    while (!done) {
        p = mlops_read_key(r, p, &key);

        if (p == NULL) {
            return NULL;
        }

        found = mlops_str_is(&key, "instances") ? MLOPS_FORM_INSTANCES
                : mlops_str_is(&key, "inputs") ? MLOPS_FORM_INPUTS
                : MLOPS_FORM_NONE;

        if (found != MLOPS_FORM_NONE) {

            if (form != MLOPS_FORM_NONE) {
                return mlops_read_error(r, "expected \"instances\" or "
                                        "\"inputs\" once, got another");
            }

            form = found;

            if (r->schema != NULL) {
                p = mlops_read_form(r, form, p);

            } else {
                /* signature_name may follow */
                value = p;
                p = mlops_read_skip(r, p);
            }

        } else if (mlops_str_is(&key, "signature_name")) {

            if (named) {
                return mlops_read_error(r, "\"signature_name\" is there "
                                        "twice");
            }

            if (!mlops_read_is(r, p, '"')) {
                return mlops_read_member(r, p, "signature_name", "a string");
            }

            p = mlops_read_raw(r, p, &raw);

            if (p == NULL || mlops_read_text(r, &raw, &name) != MLOPS_OK) {
                return NULL;
            }

            named = 1;

        } else {
            p = mlops_read_skip(r, p);
        }

        if (p == NULL) {
            return NULL;
        }

        p = mlops_read_next(r, p, '}', &done);

        if (p == NULL) {
            return NULL;
        }
    }

    if (form == MLOPS_FORM_NONE) {
        return mlops_read_error(r, "expected \"instances\" or \"inputs\", got "
                                "none");
    }

    r->req->dialect = (form == MLOPS_FORM_INSTANCES)
                      ? MLOPS_DIALECT_V1_ROWS : MLOPS_DIALECT_V1_COLUMNS;

    if (named && mlops_read_signature_name(r, &name) != MLOPS_OK) {
        return NULL;
    }

    if (value != NULL && mlops_read_form(r, form, value) == NULL) {
        return NULL;
    }

    return p;
}


/* The name that every TensorFlow model has by default chooses nothing here,
 * unless a signature is called so. */

static int
mlops_read_signature_name(mlops_reader_t *r, const mlops_str_t *name)
{
    uint32_t                  i;
    const mlops_signature_t  *s;

    for (i = 0; i < r->face->n; i++) {
        s = &r->face->signatures[i];

        if (!mlops_str_eq(name, s->name.data, s->name.len)) {
            continue;
        }

        if (r->schema == NULL) {
            return mlops_read_choose(r, s);
        }

        mlops_read_switch(r, s);

        return MLOPS_OK;
    }

    if (mlops_str_is(name, "serving_default")) {
        return MLOPS_OK;
    }

    (void) mlops_read_error(r, "signature_name: the model has no signature "
                            "\"%.*s\"", mlops_read_cut(name), name->data);
    return MLOPS_ERROR;
}


const char *
mlops_read_mlflow(mlops_reader_t *r, const char *p)
{
    int            done, params;
    mlops_str_t    key;
    mlops_form_t   form, found;

    form = MLOPS_FORM_NONE;
    params = 0;
    r->depth = 1;

    p = mlops_read_ws(r, p + 1);
    done = mlops_read_is(r, p, '}');

    if (done) {
        p++;
    }

    while (!done) {
        p = mlops_read_key(r, p, &key);

        if (p == NULL) {
            return NULL;
        }

        found = mlops_str_is(&key, "dataframe_split") ? MLOPS_FORM_SPLIT
                : mlops_str_is(&key, "dataframe_records")
                ? MLOPS_FORM_RECORDS
                : mlops_str_is(&key, "instances") ? MLOPS_FORM_INSTANCES
                : mlops_str_is(&key, "inputs") ? MLOPS_FORM_INPUTS
                : MLOPS_FORM_NONE;

        if (found != MLOPS_FORM_NONE) {

            if (form != MLOPS_FORM_NONE) {
                return mlops_read_error(r, "expected exactly one of "
                                        "\"dataframe_split\", "
                                        "\"dataframe_records\", "
                                        "\"instances\" and \"inputs\", got "
                                        "another");
            }

            form = found;
            p = mlops_read_form(r, form, p);

        } else if (mlops_str_is(&key, "params")) {

            if (params) {
                return mlops_read_error(r, "\"params\" is there twice");
            }

            params = 1;

            if (!mlops_read_is(r, p, '{') && !mlops_read_is(r, p, 'n')) {
                return mlops_read_member(r, p, "params", "an object");
            }

            p = mlops_read_skip(r, p);

        } else {
            p = mlops_read_skip(r, p);
        }

        if (p == NULL) {
            return NULL;
        }

        p = mlops_read_next(r, p, '}', &done);

        if (p == NULL) {
            return NULL;
        }
    }

    if (form == MLOPS_FORM_NONE) {
        return mlops_read_error(r, "expected \"dataframe_split\", "
                                "\"dataframe_records\", \"instances\" or "
                                "\"inputs\", got none");
    }

    return p;
}


static const char *
mlops_read_form(mlops_reader_t *r, mlops_form_t form, const char *p)
{
    switch (form) {

    case MLOPS_FORM_SPLIT:

        if (!mlops_read_is(r, p, '{')) {
            return mlops_read_member(r, p, "dataframe_split", "an object");
        }

        return mlops_read_split(r, p);

    case MLOPS_FORM_RECORDS:

        if (!mlops_read_is(r, p, '[')) {
            return mlops_read_member(r, p, "dataframe_records",
                                     "a list of objects");
        }

        return mlops_read_list(r, p, MLOPS_ROWS_OBJECTS);

    case MLOPS_FORM_INPUTS:

        if (mlops_read_is(r, p, '{')) {
            return mlops_read_columns(r, p);
        }

        if (!mlops_read_is(r, p, '[')) {
            return mlops_read_member(r, p, "inputs", "a list or an object");
        }

        return mlops_read_list(r, p, MLOPS_ROWS_ANY);

    default:

        if (!mlops_read_is(r, p, '[')) {
            return mlops_read_member(r, p, "instances", "a list of rows");
        }

        return mlops_read_list(r, p, MLOPS_ROWS_ANY);
    }
}


/* {"columns": [names], "index": [...], "data": [rows]}: the index is the
 * caller's own affair; without columns, rows are in schema order. */

static const char *
mlops_read_split(mlops_reader_t *r, const char *p)
{
    int           done;
    const char   *columns, *data;
    int32_t      *map;
    uint32_t      n;
    mlops_str_t   key;

    columns = NULL;
    data = NULL;
    r->depth = 2;

    p = mlops_read_ws(r, p + 1);
    done = mlops_read_is(r, p, '}');

    if (done) {
        p++;
    }

    while (!done) {
        p = mlops_read_key(r, p, &key);

        if (p == NULL) {
            return NULL;
        }

        if ((mlops_str_is(&key, "columns") && columns != NULL)
            || (mlops_str_is(&key, "data") && data != NULL))
        {
            return mlops_read_error(r, "dataframe_split: \"%.*s\" is there "
                                    "twice", mlops_fmt(&key));
        }

        if (mlops_str_is(&key, "columns")) {
            columns = p;
            p = mlops_read_skip(r, p);

        } else if (mlops_str_is(&key, "data")) {
            data = p;

            if (columns == NULL) {
                p = mlops_read_skip(r, p);

            } else {

                if (mlops_read_split_columns(r, columns, &map, &n)
                    != MLOPS_OK)
                {
                    return NULL;
                }

                p = mlops_read_split_data(r, p, map, n);
            }

        } else {
            p = mlops_read_skip(r, p);
        }

        if (p == NULL) {
            return NULL;
        }

        p = mlops_read_next(r, p, '}', &done);

        if (p == NULL) {
            return NULL;
        }
    }

    if (data == NULL) {
        return mlops_read_error(r, "dataframe_split: expected \"data\", got "
                                "none");
    }

    if (r->rows_max == 0) {

        if (mlops_read_split_columns(r, columns, &map, &n) != MLOPS_OK
            || mlops_read_split_data(r, data, map, n) == NULL)
        {
            return NULL;
        }
    }

    r->depth = 1;

    return p;
}


/* Names to column numbers; *map is NULL where none were given. */

static int
mlops_read_split_columns(mlops_reader_t *r, const char *p, int32_t **map,
    uint32_t *n)
{
    int           done, c;
    uint32_t      i;
    mlops_raw_t   raw;
    mlops_str_t  *names;

    *map = NULL;
    *n = 0;

    if (p == NULL || (r->end - p >= 4 && memcmp(p, "null", 4) == 0)) {
        return MLOPS_OK;
    }

    if (!mlops_read_is(r, p, '[')) {
        (void) mlops_read_member(r, p, "dataframe_split: columns",
                                 "a list of names");
        return MLOPS_ERROR;
    }

    if (mlops_read_count(r, p, n) == NULL) {
        return MLOPS_ERROR;
    }

    if (*n == 0) {
        (void) mlops_read_error(r, "dataframe_split: columns: expected at "
                                "least one, got none");
        return MLOPS_ERROR;
    }

    if (mlops_read_names_check(r, *n) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    names = mlops_arena_alloc(r->arena, *n * sizeof(mlops_str_t));
    *map = mlops_arena_alloc(r->arena, *n * sizeof(int32_t));

    if (names == NULL || *map == NULL) {
        (void) mlops_read_memory(r);
        return MLOPS_ERROR;
    }

    p = mlops_read_ws(r, p + 1);

    for (i = 0; i < *n; i++) {

        if (!mlops_read_is(r, p, '"')) {
            (void) mlops_read_member(r, p, "dataframe_split: columns",
                                     "names");
            return MLOPS_ERROR;
        }

        p = mlops_read_raw(r, p, &raw);

        if (p == NULL || mlops_read_text(r, &raw, &names[i]) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        p = mlops_read_next(r, p, ']', &done);

        if (p == NULL) {
            return MLOPS_ERROR;
        }
    }

    if (r->schema == NULL
        && mlops_read_choose(r, mlops_read_by_names(r, names, *n))
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    for (i = 0; i < *n; i++) {
        c = mlops_schema_find(r->schema, names[i].data, names[i].len, i);
        (*map)[i] = c;

        if (c < 0) {
            continue;
        }

        if (mlops_bit(r->seen, (uint32_t) c)) {
            r->column = &r->schema->columns[c];
            (void) mlops_read_error(r, "the name is there twice");
            return MLOPS_ERROR;
        }

        mlops_bit_set(r->seen, (uint32_t) c);
    }

    return mlops_read_all_seen(r, names, *n);
}


static const char *
mlops_read_split_data(mlops_reader_t *r, const char *p, const int32_t *map,
    uint32_t n)
{
    int          done;
    uint32_t     i;
    const char  *start;

    if (!mlops_read_is(r, p, '[')) {
        return mlops_read_member(r, p, "dataframe_split: data",
                                 "a list of rows");
    }

    if (map == NULL) {
        return mlops_read_list(r, p, MLOPS_ROWS_ARRAYS);
    }

    p = mlops_read_ws(r, p + 1);

    if (mlops_read_is(r, p, ']')) {
        return mlops_read_error(r, "expected at least one row, got none");
    }

    start = p;
    done = 0;
    r->depth += 2;

    for (i = 0; !done; i++) {

        if (mlops_read_rows_grow(r, i, start, p) != MLOPS_OK) {
            return NULL;
        }

        r->row = i;

        if (mlops_read_is(r, p, '[')) {
            p = mlops_read_array_row(r, p, i, map, n);

        } else if (n == 1 && map[0] == 0 && r->inputs_n == 1) {
            r->width = 1;
            p = mlops_read_values(r, p, i);
            r->width = 0;

        } else {
            p = mlops_read_expected(r, p, "an array");
        }

        if (p == NULL) {
            return NULL;
        }

        r->column = NULL;
        p = mlops_read_next(r, p, ']', &done);

        if (p == NULL) {
            return NULL;
        }
    }

    r->req->rows.n = i;
    r->row = MLOPS_NO_ROW;
    r->depth -= 2;

    return p;
}
