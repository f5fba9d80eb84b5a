/*
 * mlops_set $variable MODEL[@ALIAS][.OUTPUT] column=value …;
 *
 * One row of values becomes one value, in the PRECONTENT phase: behind the
 * checks of access, before try_files and the content.  The values are text,
 * so the row is read as a line of CSV below a header of the columns, by the
 * reader of CSV bodies: an empty value is missing, types, defaults and
 * training ranges count as they do everywhere.
 *
 * Names of models, aliases and outputs may hold dots.  What is known wins:
 * "a.b" is the model "a.b" where there is one, otherwise output "b" of "a".
 */

#include "ngx_http_mlops_module.h"

#include "mlops_num.h"


typedef struct {
    mlops_str_t                name;
    ngx_http_complex_value_t   value;
} ngx_http_mlops_column_t;


typedef struct {
    ngx_int_t                  index;       /* of the variable */
    ngx_http_set_variable_pt   set_handler; /* of one such as $args */
    uintptr_t                  data;        /* its */
    ngx_str_t                  name;        /* its name, for texts */
    ngx_http_complex_value_t   target;
    ngx_array_t                columns;     /* ngx_http_mlops_column_t */
    ngx_str_t                  header;      /* of CSV, with its line end */
} ngx_http_mlops_set_t;


/* A target, taken apart. */

typedef struct {
    ngx_str_t                  model;
    ngx_str_t                  alias;
    ngx_str_t                  output;
} ngx_http_mlops_target_t;


static char *ngx_http_mlops_set_column(ngx_conf_t *cf,
    ngx_http_mlops_set_t *set, ngx_str_t *arg);
static ngx_int_t ngx_http_mlops_set_header(ngx_conf_t *cf,
    ngx_http_mlops_set_t *set);
static ngx_int_t ngx_http_mlops_set_value(ngx_conf_t *cf, ngx_str_t *text,
    ngx_http_complex_value_t *value);
static ngx_int_t ngx_http_mlops_set_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_mlops_set_eval(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx, ngx_http_mlops_set_t *set, ngx_str_t *result,
    mlops_err_t *err);
static void ngx_http_mlops_set_target(ngx_str_t *text,
    ngx_http_mlops_target_t *target);
static ngx_int_t ngx_http_mlops_set_row(ngx_http_request_t *r,
    ngx_http_mlops_set_t *set, ngx_str_t *csv);
static u_char *ngx_http_mlops_set_cell(u_char *p, ngx_str_t *text);
static ngx_int_t ngx_http_mlops_set_known(ngx_http_mlops_set_t *set,
    const mlops_schema_t *schema, mlops_err_t *err);
static const mlops_output_t *ngx_http_mlops_set_output(
    const mlops_signature_t *signature, ngx_str_t *name, mlops_err_t *err);
static ngx_int_t ngx_http_mlops_set_print(ngx_http_request_t *r,
    mlops_results_t *results, const mlops_output_t *output,
    mlops_nonfinite_t nonfinite, ngx_str_t *text);
static u_char *ngx_http_mlops_set_number(u_char *p, mlops_type_t type,
    mlops_cell_t cell, mlops_nonfinite_t nonfinite);


char *
ngx_http_mlops_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_mlops_loc_conf_t *mlcf = conf;

    ngx_str_t                   *value;
    ngx_uint_t                   i;
    ngx_http_variable_t         *v;
    ngx_http_mlops_set_t        *set;
    ngx_http_mlops_main_conf_t  *mmcf;

    value = cf->args->elts;

    if (value[1].len < 2 || value[1].data[0] != '$') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid variable name \"%V\" in \"mlops_set\": "
                           "expected a name behind \"$\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts < 4) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of arguments in \"mlops_set\": "
                           "expected a variable, a model and column=value, "
                           "got no column");
        return NGX_CONF_ERROR;
    }

    if (mlcf->sets == NULL) {
        mlcf->sets = ngx_array_create(cf->pool, 2,
                                      sizeof(ngx_http_mlops_set_t));
        if (mlcf->sets == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    set = ngx_array_push(mlcf->sets);
    if (set == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(set, sizeof(ngx_http_mlops_set_t));

    set->name.data = value[1].data + 1;
    set->name.len = value[1].len - 1;

    v = ngx_http_add_variable(cf, &set->name, NGX_HTTP_VAR_CHANGEABLE);
    if (v == NULL) {
        return NGX_CONF_ERROR;
    }

    set->index = ngx_http_get_variable_index(cf, &set->name);
    if (set->index == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    if (v->get_handler == NULL) {
        v->get_handler = ngx_http_mlops_set_variable;
    }

    /* known here only, not where the variable has an index */

    set->set_handler = v->set_handler;
    set->data = v->data;

    if (value[2].len == 0) {
        return "has an empty model name";
    }

    if (ngx_http_mlops_set_value(cf, &value[2], &set->target) != NGX_OK
        || ngx_array_init(&set->columns, cf->pool, cf->args->nelts - 3,
                          sizeof(ngx_http_mlops_column_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 3; i < cf->args->nelts; i++) {
        if (ngx_http_mlops_set_column(cf, set, &value[i]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_mlops_set_header(cf, set) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_mlops_module);
    mmcf->sets = 1;

    ngx_http_mlops_use(cf);

    return NGX_CONF_OK;
}


/* "column=value" */

static char *
ngx_http_mlops_set_column(ngx_conf_t *cf, ngx_http_mlops_set_t *set,
    ngx_str_t *arg)
{
    u_char                   *equals;
    ngx_str_t                 text;
    ngx_uint_t                i;
    ngx_http_mlops_column_t  *column, *columns;

    equals = ngx_strlchr(arg->data, arg->data + arg->len, '=');

    if (equals == NULL || equals == arg->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"mlops_set\": "
                           "expected column=value", arg);
        return NGX_CONF_ERROR;
    }

    text.data = equals + 1;
    text.len = arg->data + arg->len - text.data;

    if (text.len != 0 && (text.data[0] == '"' || text.data[0] == '\'')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a quote inside the word %V: expected the whole "
                           "word in quotes, as in \"column=value\"", arg);
        return NGX_CONF_ERROR;
    }

    column = ngx_array_push(&set->columns);
    if (column == NULL) {
        return NGX_CONF_ERROR;
    }

    column->name.data = (char *) arg->data;
    column->name.len = equals - arg->data;

    if (!mlops_utf8_valid(column->name.data, column->name.len)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the column in \"%V\" of \"mlops_set\" is not "
                           "UTF-8", arg);
        return NGX_CONF_ERROR;
    }

    columns = set->columns.elts;

    for (i = 0; i < set->columns.nelts - 1; i++) {
        if (mlops_str_eq(&columns[i].name, column->name.data,
                         column->name.len))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "column \"%*s\" is duplicate in \"mlops_set\"",
                               column->name.len, column->name.data);
            return NGX_CONF_ERROR;
        }
    }

    return (ngx_http_mlops_set_value(cf, &text, &column->value) == NGX_OK)
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_mlops_set_header(ngx_conf_t *cf, ngx_http_mlops_set_t *set)
{
    size_t                    size;
    u_char                   *p;
    ngx_str_t                 name;
    ngx_uint_t                i;
    ngx_http_mlops_column_t  *columns;

    columns = set->columns.elts;
    size = 0;

    for (i = 0; i < set->columns.nelts; i++) {
        size += 2 * columns[i].name.len + 3;
    }

    p = ngx_pnalloc(cf->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    set->header.data = p;

    for (i = 0; i < set->columns.nelts; i++) {
        name.data = (u_char *) columns[i].name.data;
        name.len = columns[i].name.len;

        p = ngx_http_mlops_set_cell(p, &name);
        *p++ = (i + 1 == set->columns.nelts) ? '\n' : ',';
    }

    set->header.len = p - set->header.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_mlops_set_value(ngx_conf_t *cf, ngx_str_t *text,
    ngx_http_complex_value_t *value)
{
    ngx_http_compile_complex_value_t  ccv;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = text;
    ccv.complex_value = value;

    return ngx_http_compile_complex_value(&ccv);
}


/* Before the PRECONTENT phase. */

static ngx_int_t
ngx_http_mlops_set_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    v->not_found = 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_mlops_set_handler(ngx_http_request_t *r)
{
    u_char                     *p;
    ngx_int_t                   rc;
    ngx_str_t                   result;
    ngx_uint_t                  i, failed;
    mlops_err_t                 err;
    ngx_http_mlops_set_t       *sets;
    ngx_http_mlops_ctx_t       *ctx;
    ngx_http_variable_value_t  *v;
    ngx_http_mlops_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_mlops_module);

    if (mlcf->sets == NULL) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_mlops_ctx_create(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* what a prediction said before error_page led here stays */

    if (!ctx->began) {
        ngx_str_set(&ctx->status, "ok");
    }

    sets = mlcf->sets->elts;
    failed = 0;

    for (i = 0; i < mlcf->sets->nelts; i++) {

        rc = ngx_http_mlops_set_eval(r, ctx, &sets[i], &result, &err);

        if (rc == NGX_ERROR) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (rc == NGX_DECLINED) {
            ngx_str_null(&result);

            ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                          "mlops: $%V stays empty: %s", &sets[i].name,
                          err.text);

            /* the first reason is the one that is told */

            if (!failed) {
                failed = 1;

                p = ngx_pnalloc(r->pool, ngx_strlen(err.text));
                if (p == NULL) {
                    return NGX_HTTP_INTERNAL_SERVER_ERROR;
                }

                ctx->status.len = ngx_strlen(err.text);
                ctx->status.data = p;
                ngx_memcpy(p, err.text, ctx->status.len);
            }
        }

        v = &r->variables[sets[i].index];

        v->valid = 1;
        v->no_cacheable = 0;
        v->not_found = 0;
        v->len = result.len;
        v->data = result.data;

        if (sets[i].set_handler != NULL) {
            sets[i].set_handler(r, v, sets[i].data);
        }
    }

    return NGX_DECLINED;
}


/* NGX_OK; NGX_DECLINED: err says why there is no value; NGX_ERROR. */

static ngx_int_t
ngx_http_mlops_set_eval(ngx_http_request_t *r, ngx_http_mlops_ctx_t *ctx,
    ngx_http_mlops_set_t *set, ngx_str_t *result, mlops_err_t *err)
{
    ngx_int_t                  rc;
    ngx_str_t                  text, csv;
    mlops_limits_t             limits = MLOPS_LIMITS_DEFAULT;
    mlops_notice_t             notice;
    mlops_join_notice_t        joined;
    mlops_request_t            req;
    mlops_results_t            results;
    const mlops_output_t      *output;
    ngx_http_mlops_ctx_t       scratch;
    ngx_http_mlops_target_t    target;
    ngx_http_mlops_version_t  *version;
    const mlops_interface_t   *face;
    const mlops_plan_model_t  *settings;

    if (ngx_http_complex_value(r, &set->target, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_mlops_set_target(&text, &target);

    ngx_memzero(&scratch, sizeof(ngx_http_mlops_ctx_t));
    scratch.request = r;

    rc = ngx_http_mlops_choose(&scratch, &target.model, &target.alias, 0,
                               &version);

    if (rc == NGX_HTTP_NOT_FOUND || rc == NGX_HTTP_SERVICE_UNAVAILABLE) {
        (void) mlops_err_set(err, "%.*s", (int) scratch.error.len,
                             scratch.error.data);
        ngx_http_mlops_count_set(scratch.model, NULL, NULL, NULL, 0);
        return NGX_DECLINED;
    }

    if (rc != NGX_OK || ngx_http_mlops_set_row(r, set, &csv) != NGX_OK) {
        return NGX_ERROR;
    }

    /* for $mlops_version; a prediction that is to be logged comes first */

    if (ctx->model_name.len == 0
        && ngx_http_mlops_hold(ctx, version) != NGX_OK)
    {
        return NGX_ERROR;
    }

    settings = version->owner->settings;
    limits.nonfinite = (settings != NULL && settings->nonfinite_in);

    face = ngx_http_mlops_join_face(version, r->connection->log);

    if (face == NULL) {
        return NGX_ERROR;
    }

    if (mlops_request_csv(&req, face, 0, &limits, (char *) csv.data, csv.len,
                          &ctx->arena, err)
        != MLOPS_OK
        || ngx_http_mlops_set_known(set, req.rows.schema, err) != NGX_OK)
    {
        goto failed;
    }

    rc = ngx_http_mlops_join(r, version, &req, csv.len, &joined, &ctx->arena,
                             err);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        goto failed;
    }

    output = ngx_http_mlops_set_output(req.signature, &target.output, err);

    if (output == NULL
        || mlops_rows_complete(&req.rows, (settings != NULL)
                                          ? settings->range
                                          : MLOPS_RANGE_FLAG,
                               &notice, &ctx->arena, err)
           != MLOPS_OK
        || mlops_model_predict(version->model, req.signature, &req.rows,
                               &results, &ctx->arena, err)
           != MLOPS_OK)
    {
        goto failed;
    }

    ngx_http_mlops_count_set(version->owner, version, &notice, &joined, 1);

    return ngx_http_mlops_set_print(r, &results, output,
                                    (settings != NULL)
                                    ? (mlops_nonfinite_t)
                                          settings->nonfinite_out
                                    : MLOPS_NONFINITE_NULL,
                                    result);

failed:

    ngx_http_mlops_count_set(version->owner, version, NULL, NULL, 0);

    (void) mlops_err_prefix(err, "%.*s", (int) target.model.len,
                            target.model.data);

    return NGX_DECLINED;
}


/* MODEL[@ALIAS][.OUTPUT]: the longest names that are known; where none is,
 * the whole text is the name that the error will tell. */

static void
ngx_http_mlops_set_target(ngx_str_t *text, ngx_http_mlops_target_t *target)
{
    u_char                  *at, *dot, *start, *end;
    ngx_uint_t               known;
    ngx_http_mlops_model_t  *model;

    ngx_memzero(target, sizeof(ngx_http_mlops_target_t));

    start = text->data;
    end = text->data + text->len;
    model = NULL;

    target->model = *text;

    at = ngx_strlchr(start, end, '@');

    if (at != NULL) {
        target->model.len = at - start;
        start = at + 1;
        target->alias.data = start;
        target->alias.len = end - start;

        model = ngx_http_mlops_model_find(target->model.data,
                                          target->model.len);
        if (model == NULL) {
            return;
        }
    }

    for (dot = end; dot > start; dot--) {

        if (dot != end && *dot != '.') {
            continue;
        }

        known = (at != NULL)
                ? ngx_http_mlops_model_alias(model, start, dot - start)
                  != NULL
                : ngx_http_mlops_model_find(start, dot - start) != NULL;

        if (!known) {
            continue;
        }

        if (at != NULL) {
            target->alias.len = dot - start;

        } else {
            target->model.len = dot - start;
        }

        if (dot != end) {
            target->output.data = dot + 1;
            target->output.len = end - dot - 1;
        }

        return;
    }
}


/* The header and one line of values. */

static ngx_int_t
ngx_http_mlops_set_row(ngx_http_request_t *r, ngx_http_mlops_set_t *set,
    ngx_str_t *csv)
{
    size_t                    size;
    u_char                   *p;
    ngx_str_t                *values;
    ngx_uint_t                i;
    ngx_http_mlops_column_t  *columns;

    columns = set->columns.elts;

    values = ngx_palloc(r->pool, set->columns.nelts * sizeof(ngx_str_t));
    if (values == NULL) {
        return NGX_ERROR;
    }

    size = set->header.len;

    for (i = 0; i < set->columns.nelts; i++) {
        if (ngx_http_complex_value(r, &columns[i].value, &values[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        size += 2 * values[i].len + 3;
    }

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    csv->data = p;

    p = ngx_cpymem(p, set->header.data, set->header.len);

    for (i = 0; i < set->columns.nelts; i++) {

        if (i != 0) {
            *p++ = ',';
        }

        p = ngx_http_mlops_set_cell(p, &values[i]);
    }

    /* a line of one empty cell would be no line */

    if (set->columns.nelts == 1 && values[0].len == 0) {
        *p++ = '"';
        *p++ = '"';
    }

    csv->len = p - csv->data;

    return NGX_OK;
}


/* In quotes unless it is empty, which means missing. */

static u_char *
ngx_http_mlops_set_cell(u_char *p, ngx_str_t *text)
{
    size_t  i;

    if (text->len == 0) {
        return p;
    }

    *p++ = '"';

    for (i = 0; i < text->len; i++) {

        if (text->data[i] == '"') {
            *p++ = '"';
        }

        *p++ = text->data[i];
    }

    *p++ = '"';

    return p;
}


/* The reader of CSV skips columns that it does not know; here they are
 * mistakes. */

static ngx_int_t
ngx_http_mlops_set_known(ngx_http_mlops_set_t *set,
    const mlops_schema_t *schema, mlops_err_t *err)
{
    ngx_uint_t                i;
    ngx_http_mlops_column_t  *columns;

    columns = set->columns.elts;

    for (i = 0; i < set->columns.nelts; i++) {
        if (mlops_schema_find(schema, columns[i].name.data,
                              columns[i].name.len, i)
            == -1)
        {
            (void) mlops_err_set(err, "no input is named \"%.*s\"",
                                 mlops_fmt(&columns[i].name));
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static const mlops_output_t *
ngx_http_mlops_set_output(const mlops_signature_t *signature, ngx_str_t *name,
    mlops_err_t *err)
{
    uint32_t  i;

    if (name->len == 0) {
        return &signature->outputs[0];
    }

    for (i = 0; i < signature->outputs_n; i++) {
        if (mlops_str_eq(&signature->outputs[i].name, (char *) name->data,
                         name->len))
        {
            return &signature->outputs[i];
        }
    }

    (void) mlops_err_set(err, "no output is named \"%.*s\": expected \"%.*s\""
                         "%s", (int) name->len, name->data,
                         mlops_fmt(&signature->outputs[0].name),
                         (signature->outputs_n > 1) ? " or another" : "");

    return NULL;
}


/* Values of an output wider than one are joined by commas. */

static ngx_int_t
ngx_http_mlops_set_print(ngx_http_request_t *r, mlops_results_t *results,
    const mlops_output_t *output, mlops_nonfinite_t nonfinite,
    ngx_str_t *text)
{
    size_t         size;
    u_char        *p;
    uint32_t       i;
    mlops_cell_t  *cells;

    cells = results->cells + output->first;
    size = output->width;

    for (i = 0; i < output->width; i++) {
        size += (output->type == MLOPS_TYPE_BYTES) ? cells[i].s.len
                                                   : MLOPS_DOUBLE_LEN;
    }

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    for (i = 0; i < output->width; i++) {

        if (i != 0) {
            *p++ = ',';
        }

        if (results->missing != NULL
            && mlops_bit(results->missing, output->first + i))
        {
            continue;
        }

        if (output->type == MLOPS_TYPE_BYTES) {
            p = ngx_cpymem(p, results->text + cells[i].s.off,
                           cells[i].s.len);
            continue;
        }

        p = ngx_http_mlops_set_number(p, output->type, cells[i], nonfinite);
    }

    text->len = p - text->data;

    return NGX_OK;
}


static u_char *
ngx_http_mlops_set_number(u_char *p, mlops_type_t type, mlops_cell_t cell,
    mlops_nonfinite_t nonfinite)
{
    switch (mlops_type_kind(type)) {

    case MLOPS_CELL_DOUBLE:
        if (!isfinite(cell.f)) {

            if (nonfinite == MLOPS_NONFINITE_NULL) {
                return p;
            }

            return ngx_sprintf(p, isnan(cell.f) ? "NaN"
                                  : (cell.f < 0) ? "-Infinity" : "Infinity");
        }

        if (type == MLOPS_TYPE_FP32) {
            return (u_char *) mlops_print_float((char *) p, cell.f);
        }

        return (u_char *) mlops_print_double((char *) p, cell.f);

    case MLOPS_CELL_INT:
        return (u_char *) mlops_print_int64((char *) p, cell.i);

    default:
        if (type == MLOPS_TYPE_BOOL) {
            return ngx_sprintf(p, cell.u ? "true" : "false");
        }

        return (u_char *) mlops_print_uint64((char *) p, cell.u);
    }
}
