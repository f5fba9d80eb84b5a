/*
 * mlops_features VIEW…: rows of feature tables as JSON.
 *
 *     GET  /features?driver_id=1001&driver_id=1002
 *     POST /features   {"driver_id": [1001, "1002"]}
 *
 *     {"views":{"rides":{"entity":"driver_id","rows":[
 *         {"key":1001,"event_time":"2026-01-31T12:00:00.5Z",
 *          "values":{"rides_1h":3,"last_fare":null},
 *          "statuses":{"rides_1h":"PRESENT","last_fare":"NULL_VALUE"}},…]}}}
 *
 * Rows stand in the order of the keys.  A row that is not there has a null
 * event time, null values and NOT_FOUND.  docs/http.md fixes the object.
 */

#include "ngx_http_mlops_views.h"
#include "ngx_http_mlops_text.h"

#include "mlops_keys.h"
#include "mlops_num.h"

#include <time.h>


#define NGX_HTTP_MLOPS_FEATURES_GROUP  32   /* keys looked up together */


typedef struct {
    mlops_key_t                 key;
    uint64_t                    hash;
    const mlops_table_t        *table;
} ngx_http_mlops_lookup_t;


static void ngx_http_mlops_features_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_mlops_features_args(ngx_http_request_t *r,
    mlops_keys_list_t *list, mlops_arena_t *arena, mlops_err_t *err);
static ngx_uint_t ngx_http_mlops_features_encoded(u_char *p, u_char *last);
static ngx_int_t ngx_http_mlops_features_decode(ngx_pool_t *pool, u_char *p,
    u_char *last, mlops_str_t *text);
static ngx_int_t ngx_http_mlops_features_answer(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx, mlops_keys_list_t *list);
static ngx_int_t ngx_http_mlops_features_known(
    ngx_http_mlops_loc_conf_t *mlcf, mlops_keys_list_t *list,
    mlops_err_t *err);
static ngx_int_t ngx_http_mlops_features_view(ngx_http_mlops_view_t *view,
    mlops_keys_t *keys, ngx_http_mlops_text_t *text, mlops_err_t *err);
static ngx_int_t ngx_http_mlops_features_keys(ngx_http_mlops_view_t *view,
    mlops_keys_t *keys, ngx_uint_t start, ngx_uint_t n,
    ngx_http_mlops_lookup_t *lookups, mlops_err_t *err);
static void ngx_http_mlops_features_row(ngx_http_mlops_view_t *view,
    ngx_http_mlops_lookup_t *lookup, ngx_http_mlops_text_t *text);
static void ngx_http_mlops_features_value(mlops_tables_t *tables,
    ngx_uint_t column, ngx_http_mlops_text_t *text);
static void ngx_http_mlops_features_time(int64_t us,
    ngx_http_mlops_text_t *text);
static ngx_int_t ngx_http_mlops_features_refuse(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx, int rc, mlops_err_t *err);


static ngx_str_t  ngx_http_mlops_features_allow =
    ngx_string("GET, HEAD, POST");


#define ngx_http_mlops_view_entity(plan)                                      \
    (&(plan)->event.columns[(plan)->entity].name)


ngx_int_t
ngx_http_mlops_features_handler(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    mlops_err_t                 err;
    mlops_keys_list_t           list;
    ngx_http_mlops_ctx_t       *ctx;
    ngx_http_mlops_loc_conf_t  *mlcf;

    ctx = ngx_http_mlops_begin(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->method == NGX_HTTP_POST) {
        rc = ngx_http_mlops_body_plain(r, ctx);

        if (rc != NGX_OK) {
            return rc;
        }

        r->request_body_in_single_buf = 1;

        rc = ngx_http_read_client_request_body(r,
                                               ngx_http_mlops_features_body);

        return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_http_mlops_not_allowed(r, &ngx_http_mlops_features_allow);
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_mlops_module);

    mlops_keys_init(&list, mlcf->limit_inputs, mlcf->limit_rows);

    rc = ngx_http_mlops_features_args(r, &list, &ctx->arena, &err);

    if (rc != MLOPS_OK) {
        return ngx_http_mlops_features_refuse(r, ctx, rc, &err);
    }

    return ngx_http_mlops_features_answer(r, ctx, &list);
}


static void
ngx_http_mlops_features_body(ngx_http_request_t *r)
{
    int                         code;
    ngx_int_t                   rc;
    ngx_str_t                   body;
    mlops_err_t                 err;
    mlops_keys_list_t           list;
    ngx_http_mlops_ctx_t       *ctx;
    ngx_http_mlops_loc_conf_t  *mlcf;

    ctx = ngx_http_mlops_ctx(r);
    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_mlops_module);

    rc = ngx_http_mlops_body(r, &body);

    if (rc == NGX_OK) {
        mlops_keys_init(&list, mlcf->limit_inputs, mlcf->limit_rows);

        code = mlops_keys_parse(&list, (char *) body.data, body.len,
                                &ctx->arena, &err);

        rc = (code == MLOPS_OK)
             ? ngx_http_mlops_features_answer(r, ctx, &list)
             : ngx_http_mlops_features_refuse(r, ctx, code, &err);
    }

    ngx_http_finalize_request(r, rc);
}


/* "a=1&a=2&b=x", percent-encoded.  MLOPS_OK, MLOPS_ERROR, MLOPS_LIMIT. */

static ngx_int_t
ngx_http_mlops_features_args(ngx_http_request_t *r, mlops_keys_list_t *list,
    mlops_arena_t *arena, mlops_err_t *err)
{
    int            rc;
    u_char        *p, *last, *end, *equals;
    mlops_str_t    name, value;
    mlops_keys_t  *keys;

    p = r->args.data;
    last = p + r->args.len;

    for ( /* void */ ; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, '&');

        if (end == NULL) {
            end = last;
        }

        if (end == p) {
            continue;
        }

        equals = ngx_strlchr(p, end, '=');

        if (equals == NULL) {
            return mlops_err_set(err, "invalid argument \"%.*s\": expected "
                                 "entity=key", (int) ngx_min(end - p, 64), p);
        }

        if (!ngx_http_mlops_features_encoded(p, end)) {
            return mlops_err_set(err, "invalid argument \"%.*s\": expected "
                                 "two hexadecimal digits behind \"%%\"",
                                 (int) ngx_min(end - p, 64), p);
        }

        if (ngx_http_mlops_features_decode(r->pool, p, equals, &name)
            != NGX_OK
            || ngx_http_mlops_features_decode(r->pool, equals + 1, end,
                                              &value)
               != NGX_OK)
        {
            return mlops_err_set(err, "out of memory");
        }

        if (!mlops_utf8_valid(name.data, name.len)
            || !mlops_utf8_valid(value.data, value.len))
        {
            return mlops_err_set(err, "invalid argument \"%.*s\": expected "
                                 "UTF-8", (int) ngx_min(end - p, 64), p);
        }

        rc = mlops_keys_name(list, &name, &keys, arena, err);

        if (rc == MLOPS_OK) {
            rc = mlops_keys_add(list, keys, &value, arena, err);
        }

        if (rc != MLOPS_OK) {
            return rc;
        }
    }

    return MLOPS_OK;
}


/* nginx passes over what is no escape: the key would be another one. */

static ngx_uint_t
ngx_http_mlops_features_encoded(u_char *p, u_char *last)
{
    for ( /* void */ ; p < last; p++) {

        if (*p == '%'
            && (last - p < 3 || ngx_hextoi(p + 1, 2) == NGX_ERROR))
        {
            return 0;
        }
    }

    return 1;
}


/* As browsers encode forms: "+" is a space. */

static ngx_int_t
ngx_http_mlops_features_decode(ngx_pool_t *pool, u_char *p, u_char *last,
    mlops_str_t *text)
{
    u_char      *out, *dst, *src;
    ngx_uint_t   plain;

    text->data = (char *) p;
    text->len = last - p;

    plain = 1;

    for (src = p; src < last; src++) {
        plain &= (*src != '%' && *src != '+');
    }

    if (plain) {
        return NGX_OK;
    }

    out = ngx_pnalloc(pool, last - p);
    if (out == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(out, p, last - p);

    for (src = out; src < out + (last - p); src++) {
        if (*src == '+') {
            *src = ' ';
        }
    }

    dst = out;
    src = out;

    ngx_unescape_uri(&dst, &src, last - p, 0);

    text->data = (char *) out;
    text->len = dst - out;

    return NGX_OK;
}


static ngx_int_t
ngx_http_mlops_features_answer(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx, mlops_keys_list_t *list)
{
    ngx_int_t                   rc;
    ngx_uint_t                  i;
    mlops_err_t                 err;
    mlops_keys_t               *keys;
    ngx_http_mlops_text_t       text;
    ngx_http_mlops_view_t      *view;
    ngx_http_mlops_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_mlops_module);

    rc = ngx_http_mlops_features_known(mlcf, list, &err);

    if (rc != MLOPS_OK) {
        return ngx_http_mlops_features_refuse(r, ctx, rc, &err);
    }

    ngx_http_mlops_text_init(&text, r->pool, 1024);
    ngx_http_mlops_text_lit(&text, "{\"views\":{");

    for (i = 0; i < mlcf->features->nelts; i++) {

        view = ngx_http_mlops_view(mlcf->views[i]);

        if (view == NULL) {
            return NGX_HTTP_SERVICE_UNAVAILABLE;
        }

        if (i) {
            ngx_http_mlops_text_lit(&text, ",");
        }

        keys = mlops_keys_find(list, ngx_http_mlops_view_entity(view->plan));

        rc = ngx_http_mlops_features_view(view, keys, &text, &err);

        ngx_http_mlops_view_count(view);

        if (rc != NGX_OK) {
            return ngx_http_mlops_features_refuse(r, ctx, MLOPS_ERROR, &err);
        }
    }

    ngx_http_mlops_text_lit(&text, "}}\n");

    if (text.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&ctx->status, "ok");

    return ngx_http_mlops_send_json(r, NGX_HTTP_OK, text.start,
                                    text.pos - text.start);
}


/* Every name has to be an entity of a view here, and what is asked for has
 * its limit. */

static ngx_int_t
ngx_http_mlops_features_known(ngx_http_mlops_loc_conf_t *mlcf,
    mlops_keys_list_t *list, mlops_err_t *err)
{
    uint64_t                  cells;
    ngx_uint_t                i, k;
    mlops_keys_t             *keys;
    const mlops_str_t        *entity;
    const mlops_plan_view_t  *plan;

    entity = ngx_http_mlops_view_entity(mlcf->views[0]);

    for (i = 0; i < list->n; i++) {
        keys = &list->names[i];

        for (k = 0; k < mlcf->features->nelts; k++) {
            plan = mlcf->views[k];

            if (mlops_str_eq(ngx_http_mlops_view_entity(plan),
                             keys->name.data, keys->name.len))
            {
                break;
            }
        }

        if (k == mlcf->features->nelts) {
            return mlops_err_set(err, "no view here has the entity \"%.*s\": "
                                 "expected \"%.*s\"%s",
                                 (int) ngx_min(keys->name.len, 64),
                                 keys->name.data, mlops_fmt(entity),
                                 (k > 1) ? " or that of another view" : "");
        }
    }

    cells = 0;

    for (k = 0; k < mlcf->features->nelts; k++) {
        plan = mlcf->views[k];
        keys = mlops_keys_find(list, ngx_http_mlops_view_entity(plan));

        if (keys != NULL) {
            cells += (uint64_t) keys->n * plan->row.n;
        }
    }

    if (cells == 0) {
        return mlops_err_set(err, "expected keys of \"%.*s\", got none",
                             mlops_fmt(entity));
    }

    if (cells > mlcf->limit_elements) {
        (void) mlops_err_set(err, "expected at most %lu values, got %llu",
                             (unsigned long) mlcf->limit_elements,
                             (unsigned long long) cells);
        return MLOPS_LIMIT;
    }

    return MLOPS_OK;
}


static ngx_int_t
ngx_http_mlops_features_view(ngx_http_mlops_view_t *view, mlops_keys_t *keys,
    ngx_http_mlops_text_t *text, mlops_err_t *err)
{
    ngx_uint_t                i, start, n, total;
    const mlops_str_t        *entity;
    ngx_http_mlops_lookup_t   lookups[NGX_HTTP_MLOPS_FEATURES_GROUP];

    entity = ngx_http_mlops_view_entity(view->plan);

    ngx_http_mlops_text_quote(text, view->plan->name.data,
                              view->plan->name.len);
    ngx_http_mlops_text_lit(text, ":{\"entity\":");
    ngx_http_mlops_text_quote(text, entity->data, entity->len);
    ngx_http_mlops_text_lit(text, ",\"rows\":[");

    total = (keys != NULL) ? keys->n : 0;

    for (start = 0; start < total; start += n) {

        n = ngx_min(total - start, NGX_HTTP_MLOPS_FEATURES_GROUP);

        if (ngx_http_mlops_features_keys(view, keys, start, n, lookups, err)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        for (i = 0; i < n; i++) {

            if (start + i) {
                ngx_http_mlops_text_lit(text, ",");
            }

            ngx_http_mlops_features_row(view, &lookups[i], text);
        }
    }

    ngx_http_mlops_text_lit(text, "]}");

    return NGX_OK;
}


/* Keys of a group, and the first steps of their way through memory. */

static ngx_int_t
ngx_http_mlops_features_keys(ngx_http_mlops_view_t *view, mlops_keys_t *keys,
    ngx_uint_t start, ngx_uint_t n, ngx_http_mlops_lookup_t *lookups,
    mlops_err_t *err)
{
    ngx_uint_t                i;
    const mlops_plan_view_t  *plan;
    ngx_http_mlops_lookup_t  *lookup;

    plan = view->plan;

    for (i = 0; i < n; i++) {
        lookup = &lookups[i];

        if (mlops_key_parse(plan->entity_type, &keys->values[start + i],
                            plan->entity_bytes, &lookup->key, err)
            != MLOPS_OK)
        {
            (void) mlops_err_prefix(err, "%.*s", mlops_fmt(&keys->name));
            return NGX_ERROR;
        }

        lookup->hash = mlops_key_hash(plan->entity_type, &lookup->key);
        lookup->table = view->tables.shards[mlops_key_shard(lookup->hash,
                                                            plan->shards)];

        if (lookup->table != NULL) {
            mlops_table_prefetch(lookup->table, lookup->hash);
        }
    }

    for (i = 0; i < n; i++) {
        if (lookups[i].table != NULL) {
            mlops_table_prefetch_row(lookups[i].table, lookups[i].hash);
        }
    }

    return NGX_OK;
}


static void
ngx_http_mlops_features_row(ngx_http_mlops_view_t *view,
    ngx_http_mlops_lookup_t *lookup, ngx_http_mlops_text_t *text)
{
    u_char               *p;
    ngx_uint_t            i, found;
    mlops_status_t        status, worst;
    mlops_tables_t       *tables;
    mlops_table_found_t   row;
    const mlops_schema_t *schema;

    tables = &view->tables;
    schema = &view->plan->row;

    found = (lookup->table != NULL
             && mlops_table_get(lookup->table, &lookup->key, lookup->hash,
                                ngx_http_mlops_now_us(), INT64_MIN,
                                tables->cells, tables->present, tables->text,
                                &row)
                == MLOPS_OK);

    ngx_http_mlops_text_lit(text, "{\"key\":");

    if (view->plan->entity_type == MLOPS_TYPE_INT64) {
        p = ngx_http_mlops_text_room(text, MLOPS_INT_LEN);

        if (p != NULL) {
            text->pos = (u_char *) mlops_print_int64((char *) p,
                                                     lookup->key.number);
        }

    } else {
        ngx_http_mlops_text_quote(text, lookup->key.text.data,
                                  lookup->key.text.len);
    }

    ngx_http_mlops_text_lit(text, ",\"event_time\":");

    if (found) {
        ngx_http_mlops_features_time(row.event_us, text);

    } else {
        ngx_http_mlops_text_lit(text, "null");
    }

    ngx_http_mlops_text_lit(text, ",\"values\":{");

    for (i = 0; i < schema->n; i++) {

        if (i) {
            ngx_http_mlops_text_lit(text, ",");
        }

        ngx_http_mlops_text_quote(text, schema->columns[i].name.data,
                                  schema->columns[i].name.len);
        ngx_http_mlops_text_lit(text, ":");

        if (found && mlops_bit(tables->present, i)) {
            ngx_http_mlops_features_value(tables, i, text);

        } else {
            ngx_http_mlops_text_lit(text, "null");
        }
    }

    ngx_http_mlops_text_lit(text, "},\"statuses\":{");

    worst = found ? MLOPS_STATUS_PRESENT : MLOPS_STATUS_NOT_FOUND;

    for (i = 0; i < schema->n; i++) {

        status = found ? mlops_table_status(lookup->table, &row,
                                            tables->present, i, 0)
                       : MLOPS_STATUS_NOT_FOUND;

        if (status > worst) {
            worst = status;
        }

        if (i) {
            ngx_http_mlops_text_lit(text, ",");
        }

        ngx_http_mlops_text_quote(text, schema->columns[i].name.data,
                                  schema->columns[i].name.len);
        ngx_http_mlops_text_printf(text, ":\"%s\"",
                                   mlops_status_name(status));
    }

    ngx_http_mlops_text_lit(text, "}}");

    /* of a row, not of one of its columns */

    tables->counts[(worst == MLOPS_STATUS_NULL_VALUE) ? MLOPS_STATUS_PRESENT
                                                      : worst]++;
}


static void
ngx_http_mlops_features_value(mlops_tables_t *tables, ngx_uint_t column,
    ngx_http_mlops_text_t *text)
{
    u_char        *p;
    mlops_cell_t   cell;

    cell = tables->cells[column];

    switch (tables->view->row.columns[column].type) {

    case MLOPS_TYPE_BYTES:
        ngx_http_mlops_text_quote(text, tables->text + cell.s.off,
                                  cell.s.len);
        break;

    case MLOPS_TYPE_INT64:
        p = ngx_http_mlops_text_room(text, MLOPS_INT_LEN);

        if (p != NULL) {
            text->pos = (u_char *) mlops_print_int64((char *) p, cell.i);
        }

        break;

    default:
        ngx_http_mlops_text_double(text, cell.f);
    }
}


/* RFC 3339 with 0, 3 or 6 digits, the fewest that are exact. */

static void
ngx_http_mlops_features_time(int64_t us, ngx_http_mlops_text_t *text)
{
    time_t     sec;
    int64_t    part;
    struct tm  tm;

    part = us % 1000000;

    if (part < 0) {
        part += 1000000;
    }

    sec = (us - part) / 1000000;

    if (gmtime_r(&sec, &tm) == NULL || tm.tm_year + 1900 > 9999
        || tm.tm_year + 1900 < 0)
    {
        ngx_http_mlops_text_lit(text, "null");
        return;
    }

    ngx_http_mlops_text_printf(text, "\"%04d-%02d-%02dT%02d:%02d:%02d",
                               tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                               tm.tm_hour, tm.tm_min, tm.tm_sec);

    if (part % 1000 != 0) {
        ngx_http_mlops_text_printf(text, ".%06L", part);

    } else if (part != 0) {
        ngx_http_mlops_text_printf(text, ".%03L", part / 1000);
    }

    ngx_http_mlops_text_lit(text, "Z\"");
}


static ngx_int_t
ngx_http_mlops_features_refuse(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx, int rc, mlops_err_t *err)
{
    size_t  len;

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "mlops: features are refused: %s", err->text);

    if (rc != MLOPS_LIMIT) {
        ngx_str_set(&ctx->status, "bad_request");

        return ngx_http_mlops_send_error(r, NGX_HTTP_BAD_REQUEST, "%s",
                                         err->text);
    }

    len = ngx_strlen(err->text);

    ctx->error.data = ngx_pnalloc(r->pool, len);
    if (ctx->error.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(ctx->error.data, err->text, len);
    ctx->error.len = len;

    ngx_str_set(&ctx->status, "limit");

    return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
}
