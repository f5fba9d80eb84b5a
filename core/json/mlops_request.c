/*
 * The way in: which dialect a body speaks, and what all dialects do first
 * and last.
 */

#include "mlops_reader.h"


static const char *mlops_request_json(mlops_reader_t *r, mlops_door_t door,
    const char *p);
static const char *mlops_request_detect(mlops_reader_t *r, const char *p,
    mlops_dialect_t *dialect);
static int mlops_request_is_v2(mlops_reader_t *r, const char *p);
static const char *mlops_request_plain(mlops_reader_t *r, const char *p);


int
mlops_request_parse(mlops_request_t *req, const mlops_interface_t *face,
    mlops_door_t door, int partial, const mlops_limits_t *limits,
    const char *body, size_t len, mlops_arena_t *arena, mlops_err_t *err)
{
    const char      *p;
    mlops_reader_t   r;

    if (mlops_reader_init(&r, req, face, partial, limits, body, len, arena,
                          err) != MLOPS_OK)
    {
        return r.rc;
    }

    p = mlops_read_ws(&r, body);

    if (p == r.end) {
        return mlops_err_set(err, "expected a JSON text, got an empty body");
    }

    p = mlops_request_json(&r, door, p);

    if (mlops_unlikely(p == NULL)) {
        return r.rc;
    }

    p = mlops_read_ws(&r, p);

    if (mlops_unlikely(p != r.end)) {
        (void) mlops_read_syntax(&r, p, "the end of the text");
        return r.rc;
    }

    req->rows.text = (r.text != NULL) ? r.text : body;

    return MLOPS_OK;
}


int
mlops_reader_init(mlops_reader_t *r, mlops_request_t *req,
    const mlops_interface_t *face, int partial, const mlops_limits_t *limits,
    const char *body, size_t len, mlops_arena_t *arena, mlops_err_t *err)
{
    memset(req, 0, sizeof(*req));

    r->body = body;
    r->end = body + len;
    r->arena = arena;
    r->err = err;
    r->limits = limits;
    r->face = face;
    r->req = req;
    r->schema = NULL;
    r->inputs_n = 0;
    r->width = 0;
    r->rows_max = 0;
    r->bulk = MLOPS_BULK_UNKNOWN;
    r->partial = partial;
    r->rc = MLOPS_ERROR;
    r->text = NULL;
    r->seen = NULL;
    r->depth = 0;
    r->input.data = NULL;
    r->input.len = 0;
    r->tensor = -1;
    r->column = NULL;
    r->row = MLOPS_NO_ROW;

    /* string cells have 32-bit offsets */

    if (len >= UINT32_MAX) {
        (void) mlops_read_limit(r, "expected a body of less than 4 GiB");
        return MLOPS_ERROR;
    }

    if (face->n == 1 || face->alike) {
        return mlops_read_choose(r, &face->signatures[0]);
    }

    return MLOPS_OK;
}


static const char *
mlops_request_json(mlops_reader_t *r, mlops_door_t door, const char *p)
{
    mlops_dialect_t  dialect;

    switch (door) {

    case MLOPS_DOOR_V2:
        dialect = MLOPS_DIALECT_V2;
        break;

    case MLOPS_DOOR_V1:
        dialect = MLOPS_DIALECT_V1_ROWS;
        break;

    case MLOPS_DOOR_MLFLOW:
        dialect = MLOPS_DIALECT_MLFLOW;
        break;

    default:

        if (*p == '[') {
            r->req->dialect = MLOPS_DIALECT_PLAIN_LIST;
            return mlops_read_list(r, p, MLOPS_ROWS_OBJECTS);
        }

        if (*p != '{') {
            return mlops_read_expected(r, p, "a JSON object or a list");
        }

        if (mlops_request_detect(r, p, &dialect) == NULL) {
            return NULL;
        }
    }

    if (*p != '{') {
        return mlops_read_expected(r, p, "a JSON object");
    }

    r->req->dialect = dialect;

    switch (dialect) {

    case MLOPS_DIALECT_V2:
        return mlops_read_v2(r, p);

    case MLOPS_DIALECT_V1_ROWS:
        return mlops_read_v1(r, p);

    case MLOPS_DIALECT_MLFLOW:
        return mlops_read_mlflow(r, p);

    default:
        return mlops_request_plain(r, p);
    }
}


/*
 * The first key that only one dialect can have decides; a column's name
 * decides for a plain object, unless a protocol has a key of that name.
 */

static const char *
mlops_request_detect(mlops_reader_t *r, const char *p,
    mlops_dialect_t *dialect)
{
    int           done;
    mlops_str_t   key;

    *dialect = MLOPS_DIALECT_PLAIN;
    r->depth = 1;

    p = mlops_read_ws(r, p + 1);

    if (mlops_read_is(r, p, '}')) {
        return p;
    }

    do {
        p = mlops_read_key(r, p, &key);

        if (p == NULL) {
            return NULL;
        }

        if (mlops_str_is(&key, "inputs") || mlops_str_is(&key, "instances")) {

            /* a value of its own is a feature that has this name */

            if (!mlops_read_is(r, p, '[') && !mlops_read_is(r, p, '{')
                && mlops_read_is_column(r, &key))
            {
                return p;
            }

            *dialect = (key.len == 6 && mlops_request_is_v2(r, p))
                       ? MLOPS_DIALECT_V2 : MLOPS_DIALECT_V1_ROWS;
            return p;
        }

        if (mlops_str_is(&key, "dataframe_split")
            || mlops_str_is(&key, "dataframe_records"))
        {
            *dialect = MLOPS_DIALECT_MLFLOW;
            return p;
        }

        if (!mlops_str_is(&key, "id") && !mlops_str_is(&key, "parameters")
            && !mlops_str_is(&key, "outputs")
            && !mlops_str_is(&key, "signature_name")
            && !mlops_str_is(&key, "params")
            && mlops_read_is_column(r, &key))
        {
            return p;
        }

        p = mlops_read_skip(r, p);

        if (p == NULL) {
            return NULL;
        }

        p = mlops_read_next(r, p, '}', &done);

    } while (p != NULL && !done);

    return p;
}


/* Elements that are objects with a name. */

static int
mlops_request_is_v2(mlops_reader_t *r, const char *p)
{
    int           done;
    mlops_str_t   key;

    if (!mlops_read_is(r, p, '[')) {
        return 0;
    }

    p = mlops_read_ws(r, p + 1);

    if (!mlops_read_is(r, p, '{')) {
        return 0;
    }

    p = mlops_read_ws(r, p + 1);

    do {
        p = mlops_read_key(r, p, &key);

        if (p == NULL) {
            return 0;
        }

        if (mlops_str_is(&key, "name")) {
            return 1;
        }

        p = mlops_read_skip(r, p);

        if (p != NULL) {
            p = mlops_read_next(r, p, '}', &done);
        }

    } while (p != NULL && !done);

    return 0;
}


static const char *
mlops_request_plain(mlops_reader_t *r, const char *p)
{
    uint32_t      n;
    mlops_str_t  *names;

    if (r->schema == NULL) {
        r->depth = 1;

        if (mlops_read_names(r, p, &names, &n) != MLOPS_OK
            || mlops_read_choose(r, mlops_read_by_names(r, names, n))
               != MLOPS_OK)
        {
            return NULL;
        }
    }

    if (mlops_read_rows_take(r, 1) != MLOPS_OK) {
        return NULL;
    }

    r->depth = 1;

    return mlops_read_object_row(r, p, 0);
}
