/*
 * From the bytes of a request to rows, and from results to the bytes of an
 * answer, in the dialects of DESIGN: one scanner, directed by the schema of
 * the model that is asked, with no tree in between.
 *
 * The text is RFC 8259 exactly: one value, UTF-8, no trailing bytes, unique
 * keys where a key means something to us; unknown keys are checked for
 * syntax and skipped.  With nonfinite set, the tokens NaN, Infinity and
 * -Infinity (and the strings of that spelling) are numbers of FP columns.
 * null is a missing value for every column type.
 *
 * The dialects
 *
 *     V2         {"id":…, "inputs":[{"name","shape","datatype","data"},…],
 *                "outputs":[{"name"},…], "parameters":{…}}
 *     V1         {"instances":[…]} rows: scalars, arrays, or objects;
 *                {"inputs":…} columns: an array as instances, or an object
 *                of arrays; "signature_name" chooses a signature
 *     MLFLOW     exactly one of dataframe_split {columns,index,data},
 *                dataframe_records, instances, inputs; and params
 *     PLAIN      {"feature":value,…} or a list of those
 *     CSV        a header row of names, an empty cell is missing
 *
 * A key that comes before those that explain it ("data" before "shape") is
 * skipped and read again.
 *
 * What the protocols leave open
 *
 *     - A body has to bring every column that has no default, if only as
 *       null: a misspelt name must not become a missing value.  A name that
 *       no column has is ignored while nothing else lacks; otherwise the
 *       error names it where it comes close.  In V2 it is an error always.
 *     - A column that a join fills may be left out.  The key of a join that
 *       is no input of the model may be left out where all inputs are there.
 *       A row of bare values has the inputs alone, or the keys behind them.
 *     - V2: under a name that is no column's, the only tensor holds all
 *       columns, [n,F] in schema order ([n] too where F is 1).  Data is flat
 *       or nested exactly as the shape.  null stands for no "id",
 *       "parameters", "outputs"; an empty "outputs" asks for all.
 *     - V1, MLflow: a list of bare values is rows of one column; an object
 *       of columns whose only name is no column's holds rows.
 *     - FP32 and FP64 stand for each other and are read at the column's own
 *       precision; FP columns take integers; integer columns take neither
 *       1.0 nor 1e3; a number beyond the type's range is an error.
 *     - No request has zero rows.  Rows are counted from 0, as the arrays
 *       that hold them.
 *     - Several signatures: the one whose columns are all named, then the
 *       one with most columns named; or the first of the width sent; V1's
 *       "signature_name" decides where a signature has that name
 *       ("serving_default" decides nothing otherwise).
 *     - Nesting beyond limits.depth is malformed (400), other limits are
 *       MLOPS_LIMIT (413).
 *     - MLOPS_DOOR_ANY: "inputs" whose elements are objects with "name" is
 *       V2; "instances" or other "inputs" is V1; "dataframe_*" is MLflow;
 *       all else is plain.  The first such key, or the first name of a
 *       column, decides.
 */

#ifndef MLOPS_REQUEST_H
#define MLOPS_REQUEST_H


#include "mlops_base.h"
#include "mlops_row.h"


/* Where the request came in: this bounds the dialects it may speak. */

typedef enum {
    MLOPS_DOOR_V2 = 0,          /* …/infer */
    MLOPS_DOOR_V1,              /* …:predict */
    MLOPS_DOOR_MLFLOW,          /* /invocations, a JSON body */
    MLOPS_DOOR_ANY              /* mlops_predict: the body says */
} mlops_door_t;


typedef enum {
    MLOPS_DIALECT_V2 = 0,
    MLOPS_DIALECT_V1_ROWS,      /* answered with "predictions" */
    MLOPS_DIALECT_V1_COLUMNS,   /* answered with "outputs" */
    MLOPS_DIALECT_MLFLOW,       /* answered with "predictions" */
    MLOPS_DIALECT_PLAIN,        /* one object: {"output":value} */
    MLOPS_DIALECT_PLAIN_LIST,   /* a list of such objects */
    MLOPS_DIALECT_CSV
} mlops_dialect_t;


typedef struct {
    uint32_t  rows;
    uint32_t  elements;         /* cells of all rows together; names of an */
                                /* object, a header, a list of columns */
    uint32_t  depth;
    uint32_t  inputs;           /* tensors of a V2 request */
    unsigned  nonfinite:1;      /* read NaN and Infinity tokens */
} mlops_limits_t;

#define MLOPS_LIMITS_DEFAULT  { 1024, 1048576, 64, 1024, 0 }


typedef struct {
    mlops_dialect_t           dialect;
    const mlops_signature_t  *signature;
    mlops_rows_t              rows;

    mlops_str_t               id;           /* V2: the JSON text with its */
                                            /* quotes, to echo; or len 0 */
    uint32_t                  wanted_n;     /* V2: requested outputs */
    uint32_t                 *wanted;       /* output numbers in order; */
                                            /* NULL: all */
    unsigned                  field:1;      /* refused, and the error's text */
                                            /* begins with a column's name */
} mlops_request_t;


/*
 * Reads a whole body.  The result and all it points to live in the arena or
 * in body, which stays untouched and has to outlive the request (so that it
 * can still be forwarded).
 *
 *     MLOPS_OK
 *     MLOPS_ERROR   the client's fault: 400 with err's text, which names
 *                   field and row, expected and got:
 *                       input "x", row 3, column "b": expected …, got …
 *                       b, row 3: expected …, got …
 *                       malformed JSON at byte 17: expected …, got …
 *     MLOPS_LIMIT   413 with err's text, which names the limit
 *
 * With partial set, columns that the body does not bring are left missing
 * instead of being refused.
 */
int mlops_request_parse(mlops_request_t *req, const mlops_interface_t *face,
    mlops_door_t door, int partial, const mlops_limits_t *limits,
    const char *body, size_t len, mlops_arena_t *arena, mlops_err_t *err);

/* The same for a CSV body. */
int mlops_request_csv(mlops_request_t *req, const mlops_interface_t *face,
    int partial, const mlops_limits_t *limits, const char *body, size_t len,
    mlops_arena_t *arena, mlops_err_t *err);


/* What to print for a result that is not finite. */

typedef enum {
    MLOPS_NONFINITE_NULL = 0,
    MLOPS_NONFINITE_STRING,     /* "NaN", "Infinity", "-Infinity" */
    MLOPS_NONFINITE_TOKEN       /* the same without quotes: not RFC 8259 */
} mlops_nonfinite_t;


/*
 * The answer to a request, in its dialect.  FP32 prints as the shortest text
 * of the float, FP64 of the double, integers exactly.  Writes at most
 * mlops_answer_bound() bytes and returns the end.
 */
size_t mlops_answer_bound(const mlops_request_t *req,
    const mlops_results_t *results, const mlops_str_t *model,
    const mlops_str_t *version);
char *mlops_answer_write(char *p, const mlops_request_t *req,
    const mlops_results_t *results, const mlops_str_t *model,
    const mlops_str_t *version, mlops_nonfinite_t nonfinite);

/* "text" with JSON escapes, quotes included: at most 6 * len + 2 bytes.
 * Bytes that are not UTF-8 are replaced by U+FFFD. */
char *mlops_json_quote(char *p, const char *text, size_t len);


#endif /* MLOPS_REQUEST_H */
