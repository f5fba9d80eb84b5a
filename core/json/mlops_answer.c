/*
 * Result rows to the bytes of an answer.
 *
 *     V2             {"model_name":…,"model_version":…,"id":…,"outputs":
 *                    [{"name":…,"datatype":…,"shape":[n,width],
 *                    "data":[flat]},…]}
 *     V1_ROWS        {"predictions":[row,…]}
 *     MLFLOW         the same
 *     V1_COLUMNS     {"outputs":[value,…]}, or with several outputs
 *                    {"outputs":{"name":[value,…],…}}
 *     PLAIN          {"name":value,…}
 *     PLAIN_LIST     [{"name":value,…},…]
 *     CSV            name,… or name_0,name_1,…, then a line a row, LF ends
 *
 * A value is bare where its output has width 1 and a list elsewhere; one that
 * does not exist is null, in CSV an empty cell.  A row is the value of the
 * only output, or an object of all.  model_version is
 * left out where it is empty, id where the request had none.
 */

#include "mlops_num.h"
#include "mlops_request.h"
#include "mlops_scan.h"


/* The longest of a number, "-Infinity" in quotes, and a comma. */

#define MLOPS_ANSWER_NUMBER  (MLOPS_DOUBLE_LEN + 1)

/* Braces, keys and shape around one output. */

#define MLOPS_ANSWER_OUTPUT  128


typedef struct {
    const mlops_request_t    *req;
    const mlops_signature_t  *signature;
    const mlops_results_t    *results;
    mlops_nonfinite_t         nonfinite;
    uint32_t                  n;            /* outputs to write */
} mlops_answer_t;


static inline char *
mlops_answer_text(char *p, const char *text, size_t len)
{
    memcpy(p, text, len);

    return p + len;
}

#define mlops_answer_put(p, literal)                                          \
    mlops_answer_text(p, literal, sizeof(literal) - 1)


static inline const mlops_output_t *
mlops_answer_output(const mlops_answer_t *a, uint32_t i)
{
    if (a->req->wanted != NULL) {
        i = a->req->wanted[i];
    }

    return &a->signature->outputs[i];
}


char *
mlops_json_quote(char *p, const char *text, size_t len)
{
    size_t                i, n;
    unsigned char         c;
    static const char     hex[] = "0123456789abcdef";
    const unsigned char  *s;

    s = (const unsigned char *) text;
    i = 0;

    *p++ = '"';

    while (i < len) {

        while (len - i >= 8
               && mlops_scan_special(mlops_scan_load(text + i)) == 0)
        {
            memcpy(p, text + i, 8);
            p += 8;
            i += 8;
        }

        if (i == len) {
            break;
        }

        c = s[i];

        if (c >= 0x80) {
            n = (c < 0xe0) ? 2 : (c < 0xf0) ? 3 : 4;

            if (n > len - i || !mlops_utf8_valid(text + i, n)) {
                p = mlops_answer_put(p, "\xef\xbf\xbd");
                i++;
                continue;
            }

            p = mlops_answer_text(p, text + i, n);
            i += n;
            continue;
        }

        i++;

        if (c >= 0x20 && c != '"' && c != '\\') {
            *p++ = (char) c;
            continue;
        }

        *p++ = '\\';

        switch (c) {

        case '"':
        case '\\':
            *p++ = (char) c;
            break;

        case '\b':
            *p++ = 'b';
            break;

        case '\f':
            *p++ = 'f';
            break;

        case '\n':
            *p++ = 'n';
            break;

        case '\r':
            *p++ = 'r';
            break;

        case '\t':
            *p++ = 't';
            break;

        default:
            p = mlops_answer_put(p, "u00");
            *p++ = hex[c >> 4];
            *p++ = hex[c & 15];
        }
    }

    *p++ = '"';

    return p;
}


/* Quoted only where it has to be. */

static char *
mlops_csv_quote(char *p, const char *text, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (text[i] == '"' || text[i] == ',' || text[i] == '\n'
            || text[i] == '\r')
        {
            break;
        }
    }

    if (i == len && len != 0) {
        return mlops_answer_text(p, text, len);
    }

    *p++ = '"';

    for (i = 0; i < len; i++) {

        if (text[i] == '"') {
            *p++ = '"';
        }

        *p++ = text[i];
    }

    *p++ = '"';

    return p;
}


static char *
mlops_answer_nonfinite(const mlops_answer_t *a, char *p, double value)
{
    int  csv, quoted;

    csv = (a->req->dialect == MLOPS_DIALECT_CSV);

    if (a->nonfinite == MLOPS_NONFINITE_NULL) {
        return csv ? p : mlops_answer_put(p, "null");
    }

    quoted = (a->nonfinite == MLOPS_NONFINITE_STRING && !csv);

    if (quoted) {
        *p++ = '"';
    }

    p = isnan(value) ? mlops_answer_put(p, "NaN")
        : (value < 0) ? mlops_answer_put(p, "-Infinity")
        : mlops_answer_put(p, "Infinity");

    if (quoted) {
        *p++ = '"';
    }

    return p;
}


/* Does this result not exist?  Asked of integers and strings alone. */

static int
mlops_answer_missing(const mlops_answer_t *a, const mlops_cell_t *cell)
{
    size_t  i, n;

    n = a->signature->cells_n;
    i = (size_t) (cell - a->results->cells);

    return mlops_bit(a->results->missing + i / n * mlops_row_words(n), i % n);
}


static inline char *
mlops_answer_cell(const mlops_answer_t *a, char *p, mlops_type_t type,
    const mlops_cell_t *at)
{
    const char    *text;
    mlops_cell_t   cell;

    cell = *at;

    if (mlops_unlikely(a->results->missing != NULL)
        && mlops_answer_missing(a, at))
    {
        return (a->req->dialect == MLOPS_DIALECT_CSV)
               ? p : mlops_answer_put(p, "null");
    }

    switch (type) {

    case MLOPS_TYPE_FP32:
        return mlops_likely(isfinite(cell.f))
               ? mlops_print_float(p, (float) cell.f)
               : mlops_answer_nonfinite(a, p, cell.f);

    case MLOPS_TYPE_FP64:
        return mlops_likely(isfinite(cell.f))
               ? mlops_print_double(p, cell.f)
               : mlops_answer_nonfinite(a, p, cell.f);

    case MLOPS_TYPE_INT8:
    case MLOPS_TYPE_INT16:
    case MLOPS_TYPE_INT32:
    case MLOPS_TYPE_INT64:
        return mlops_print_int64(p, cell.i);

    case MLOPS_TYPE_BOOL:
        return cell.u ? mlops_answer_put(p, "true")
                      : mlops_answer_put(p, "false");

    case MLOPS_TYPE_BYTES:
        text = (cell.s.len != 0) ? a->results->text + cell.s.off : "";

        return (a->req->dialect == MLOPS_DIALECT_CSV)
               ? mlops_csv_quote(p, text, cell.s.len)
               : mlops_json_quote(p, text, cell.s.len);

    default:
        return mlops_print_uint64(p, cell.u);
    }
}


/* One output of one row: bare or a list. */

static inline char *
mlops_answer_value(const mlops_answer_t *a, char *p,
    const mlops_output_t *output, uint32_t row)
{
    uint32_t             i;
    const mlops_cell_t  *cells;

    cells = a->results->cells + (size_t) row * a->signature->cells_n
            + output->first;

    if (output->width == 1) {
        return mlops_answer_cell(a, p, output->type, cells);
    }

    *p++ = '[';

    for (i = 0; i < output->width; i++) {

        if (i != 0) {
            *p++ = ',';
        }

        p = mlops_answer_cell(a, p, output->type, &cells[i]);
    }

    *p++ = ']';

    return p;
}


static char *
mlops_answer_object(const mlops_answer_t *a, char *p, uint32_t row)
{
    uint32_t               i;
    const mlops_output_t  *output;

    *p++ = '{';

    for (i = 0; i < a->n; i++) {
        output = mlops_answer_output(a, i);

        if (i != 0) {
            *p++ = ',';
        }

        p = mlops_json_quote(p, output->name.data, output->name.len);
        *p++ = ':';
        p = mlops_answer_value(a, p, output, row);
    }

    *p++ = '}';

    return p;
}


static char *
mlops_answer_v2(const mlops_answer_t *a, char *p, const mlops_str_t *model,
    const mlops_str_t *version)
{
    uint32_t               i, j, row;
    const char            *type;
    const mlops_cell_t    *cells;
    const mlops_output_t  *output;

    p = mlops_answer_put(p, "{\"model_name\":");
    p = mlops_json_quote(p, model->data, model->len);

    if (version->len != 0) {
        p = mlops_answer_put(p, ",\"model_version\":");
        p = mlops_json_quote(p, version->data, version->len);
    }

    if (a->req->id.len != 0) {
        p = mlops_answer_put(p, ",\"id\":");
        p = mlops_answer_text(p, a->req->id.data, a->req->id.len);
    }

    p = mlops_answer_put(p, ",\"outputs\":[");

    for (i = 0; i < a->n; i++) {
        output = mlops_answer_output(a, i);
        type = mlops_type_name(output->type);

        if (i != 0) {
            *p++ = ',';
        }

        p = mlops_answer_put(p, "{\"name\":");
        p = mlops_json_quote(p, output->name.data, output->name.len);
        p = mlops_answer_put(p, ",\"datatype\":\"");
        p = mlops_answer_text(p, type, strlen(type));
        p = mlops_answer_put(p, "\",\"shape\":[");
        p = mlops_print_uint64(p, a->results->n);
        *p++ = ',';
        p = mlops_print_uint64(p, output->width);
        p = mlops_answer_put(p, "],\"data\":[");

        for (row = 0; row < a->results->n; row++) {
            cells = a->results->cells
                    + (size_t) row * a->signature->cells_n + output->first;

            for (j = 0; j < output->width; j++) {

                if (row != 0 || j != 0) {
                    *p++ = ',';
                }

                p = mlops_answer_cell(a, p, output->type, &cells[j]);
            }
        }

        p = mlops_answer_put(p, "]}");
    }

    return mlops_answer_put(p, "]}");
}


static char *
mlops_answer_rows(const mlops_answer_t *a, char *p)
{
    uint32_t  row;

    p = mlops_answer_put(p, "{\"predictions\":[");

    for (row = 0; row < a->results->n; row++) {

        if (row != 0) {
            *p++ = ',';
        }

        p = (a->n == 1)
            ? mlops_answer_value(a, p, mlops_answer_output(a, 0), row)
            : mlops_answer_object(a, p, row);
    }

    return mlops_answer_put(p, "]}");
}


static char *
mlops_answer_column(const mlops_answer_t *a, char *p,
    const mlops_output_t *output)
{
    uint32_t  row;

    *p++ = '[';

    for (row = 0; row < a->results->n; row++) {

        if (row != 0) {
            *p++ = ',';
        }

        p = mlops_answer_value(a, p, output, row);
    }

    *p++ = ']';

    return p;
}


static char *
mlops_answer_columns(const mlops_answer_t *a, char *p)
{
    uint32_t               i;
    const mlops_output_t  *output;

    p = mlops_answer_put(p, "{\"outputs\":");

    if (a->n == 1) {
        p = mlops_answer_column(a, p, mlops_answer_output(a, 0));
        *p++ = '}';

        return p;
    }

    *p++ = '{';

    for (i = 0; i < a->n; i++) {
        output = mlops_answer_output(a, i);

        if (i != 0) {
            *p++ = ',';
        }

        p = mlops_json_quote(p, output->name.data, output->name.len);
        *p++ = ':';
        p = mlops_answer_column(a, p, output);
    }

    return mlops_answer_put(p, "}}");
}


static char *
mlops_answer_list(const mlops_answer_t *a, char *p)
{
    uint32_t  row;

    *p++ = '[';

    for (row = 0; row < a->results->n; row++) {

        if (row != 0) {
            *p++ = ',';
        }

        p = mlops_answer_object(a, p, row);
    }

    *p++ = ']';

    return p;
}


static char *
mlops_answer_csv(const mlops_answer_t *a, char *p)
{
    char                  *name;
    uint32_t               i, j, row;
    const mlops_cell_t    *cells;
    const mlops_output_t  *output;

    for (i = 0; i < a->n; i++) {
        output = mlops_answer_output(a, i);

        for (j = 0; j < output->width; j++) {

            if (i != 0 || j != 0) {
                *p++ = ',';
            }

            name = p;
            p = mlops_csv_quote(p, output->name.data, output->name.len);

            if (output->width == 1) {
                continue;
            }

            /* the number goes inside the quotes */

            if (*name == '"') {
                p--;
            }

            *p++ = '_';
            p = mlops_print_uint64(p, j);

            if (*name == '"') {
                *p++ = '"';
            }
        }
    }

    *p++ = '\n';

    for (row = 0; row < a->results->n; row++) {
        cells = a->results->cells + (size_t) row * a->signature->cells_n;

        for (i = 0; i < a->n; i++) {
            output = mlops_answer_output(a, i);

            for (j = 0; j < output->width; j++) {

                if (i != 0 || j != 0) {
                    *p++ = ',';
                }

                p = mlops_answer_cell(a, p, output->type,
                                      &cells[output->first + j]);
            }
        }

        *p++ = '\n';
    }

    return p;
}


static void
mlops_answer_init(mlops_answer_t *a, const mlops_request_t *req,
    const mlops_results_t *results, mlops_nonfinite_t nonfinite)
{
    a->req = req;
    a->signature = results->signature;
    a->results = results;
    a->nonfinite = nonfinite;
    a->n = (req->wanted != NULL) ? req->wanted_n
                                 : results->signature->outputs_n;
}


/* Each row may repeat the names; each string may be all escapes. */

size_t
mlops_answer_bound(const mlops_request_t *req, const mlops_results_t *results,
    const mlops_str_t *model, const mlops_str_t *version)
{
    size_t                 size, names, numbers, times;
    uint32_t               i, j, row;
    mlops_answer_t         a;
    const mlops_cell_t    *cells;
    const mlops_output_t  *output;

    mlops_answer_init(&a, req, results, MLOPS_NONFINITE_NULL);

    size = 128 + 6 * model->len + 6 * version->len + req->id.len;
    names = 0;
    numbers = 2;

    for (i = 0; i < a.n; i++) {
        output = mlops_answer_output(&a, i);

        /* a CSV header has the name for each element */

        times = (req->dialect == MLOPS_DIALECT_CSV) ? output->width : 1;

        size += MLOPS_ANSWER_OUTPUT
                + times * (6 * output->name.len + 4 + MLOPS_INT_LEN);
        names += 6 * output->name.len + 4;

        if (output->type != MLOPS_TYPE_BYTES) {
            numbers += (size_t) output->width * MLOPS_ANSWER_NUMBER + 2;
            continue;
        }

        numbers += 2;

        for (row = 0; row < results->n; row++) {
            cells = results->cells + (size_t) row * results->signature->cells_n
                    + output->first;

            for (j = 0; j < output->width; j++) {
                size += 6 * (size_t) cells[j].s.len + 5;
            }
        }
    }

    if (req->dialect != MLOPS_DIALECT_V2 && a.n == 1
        && req->dialect != MLOPS_DIALECT_PLAIN
        && req->dialect != MLOPS_DIALECT_PLAIN_LIST)
    {
        names = 2;
    }

    if (req->dialect == MLOPS_DIALECT_V2) {
        names = 0;
    }

    return size + results->n * (names + numbers + 4);
}


char *
mlops_answer_write(char *p, const mlops_request_t *req,
    const mlops_results_t *results, const mlops_str_t *model,
    const mlops_str_t *version, mlops_nonfinite_t nonfinite)
{
    mlops_answer_t  a;

    mlops_answer_init(&a, req, results, nonfinite);

    switch (req->dialect) {

    case MLOPS_DIALECT_V2:
        return mlops_answer_v2(&a, p, model, version);

    case MLOPS_DIALECT_V1_ROWS:
    case MLOPS_DIALECT_MLFLOW:
        return mlops_answer_rows(&a, p);

    case MLOPS_DIALECT_V1_COLUMNS:
        return mlops_answer_columns(&a, p);

    case MLOPS_DIALECT_PLAIN:
        return mlops_answer_object(&a, p, 0);

    case MLOPS_DIALECT_PLAIN_LIST:
        return mlops_answer_list(&a, p);

    default:
        return mlops_answer_csv(&a, p);
    }
}
