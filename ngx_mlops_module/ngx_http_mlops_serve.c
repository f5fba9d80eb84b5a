/*
 * mlops_serve: what is below its prefix.
 *
 * A route is a pattern of the path behind the prefix, the methods it takes,
 * and a handler.  '*' in a pattern stands for one name: one or more bytes
 * but '/' and ':'.  The first name is a model, the second a version or a
 * label.  In an exact location the whole URI is the path, and so it is where
 * rewrite has taken the URI from below the prefix.
 *
 *     V2       inference, metadata, health of the Open Inference Protocol
 *     V1       KServe's and TensorFlow Serving's, both in one object
 *     MLflow   /invocations, /ping, /health, /version
 */

#include "ngx_http_mlops_module.h"
#include "ngx_http_mlops_text.h"
#include "ngx_http_mlops_pages.h"


typedef struct ngx_http_mlops_route_s  ngx_http_mlops_route_t;

struct ngx_http_mlops_route_s {
    ngx_str_t     pattern;
    ngx_uint_t    methods;
    ngx_int_t   (*handler)(ngx_http_request_t *r, ngx_http_mlops_ctx_t *ctx,
                           const ngx_http_mlops_route_t *route,
                           ngx_str_t *names);
    ngx_uint_t    door;             /* mlops_door_t of an inference route */
    ngx_uint_t    exact;            /* the second name is a version */
};


static ngx_str_t ngx_http_mlops_serve_path(ngx_http_request_t *r);
static const ngx_http_mlops_route_t *ngx_http_mlops_serve_route(
    ngx_str_t *path, ngx_str_t *names);
static ngx_uint_t ngx_http_mlops_serve_match(const ngx_str_t *pattern,
    ngx_str_t *path, ngx_str_t *names);
static ngx_int_t ngx_http_mlops_serve_pin(ngx_http_mlops_ctx_t *ctx,
    const ngx_http_mlops_route_t *route, ngx_str_t *names);
static ngx_int_t ngx_http_mlops_serve_infer(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx, const ngx_http_mlops_route_t *route,
    ngx_str_t *names);
static ngx_int_t ngx_http_mlops_serve_invocations(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx, const ngx_http_mlops_route_t *route,
    ngx_str_t *names);
static ngx_int_t ngx_http_mlops_serve_page(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx, const ngx_http_mlops_route_t *route,
    ngx_str_t *names);
static ngx_int_t ngx_http_mlops_serve_only(ngx_http_request_t *r,
    ngx_str_t *name);


#define NGX_HTTP_MLOPS_GET   (NGX_HTTP_GET|NGX_HTTP_HEAD)


static const ngx_http_mlops_route_t  ngx_http_mlops_routes[] = {

    { ngx_string("v2/models/*/infer"), NGX_HTTP_POST,
      ngx_http_mlops_serve_infer, MLOPS_DOOR_V2, 0 },

    { ngx_string("v2/models/*/versions/*/infer"), NGX_HTTP_POST,
      ngx_http_mlops_serve_infer, MLOPS_DOOR_V2, 1 },

    { ngx_string("v1/models/*:predict"), NGX_HTTP_POST,
      ngx_http_mlops_serve_infer, MLOPS_DOOR_V1, 0 },

    { ngx_string("v1/models/*/versions/*:predict"), NGX_HTTP_POST,
      ngx_http_mlops_serve_infer, MLOPS_DOOR_V1, 1 },

    { ngx_string("v1/models/*/labels/*:predict"), NGX_HTTP_POST,
      ngx_http_mlops_serve_infer, MLOPS_DOOR_V1, 0 },

    { ngx_string("invocations"), NGX_HTTP_POST,
      ngx_http_mlops_serve_invocations, MLOPS_DOOR_MLFLOW, 0 },

    { ngx_string("v2"), NGX_HTTP_MLOPS_GET,
      ngx_http_mlops_serve_page, NGX_HTTP_MLOPS_PAGE_SERVER, 0 },

    { ngx_string("v2/health/live"), NGX_HTTP_MLOPS_GET,
      ngx_http_mlops_serve_page, NGX_HTTP_MLOPS_PAGE_LIVE, 0 },

    { ngx_string("v2/health/ready"), NGX_HTTP_MLOPS_GET,
      ngx_http_mlops_serve_page, NGX_HTTP_MLOPS_PAGE_READY, 0 },

    { ngx_string("v2/models"), NGX_HTTP_MLOPS_GET,
      ngx_http_mlops_serve_page, NGX_HTTP_MLOPS_PAGE_LIST, 0 },

    { ngx_string("v2/models/*"), NGX_HTTP_MLOPS_GET,
      ngx_http_mlops_serve_page, NGX_HTTP_MLOPS_PAGE_METADATA, 0 },

    { ngx_string("v2/models/*/versions/*"), NGX_HTTP_MLOPS_GET,
      ngx_http_mlops_serve_page, NGX_HTTP_MLOPS_PAGE_METADATA, 1 },

    { ngx_string("v2/models/*/ready"), NGX_HTTP_MLOPS_GET,
      ngx_http_mlops_serve_page, NGX_HTTP_MLOPS_PAGE_MODEL_READY, 0 },

    { ngx_string("v2/models/*/versions/*/ready"), NGX_HTTP_MLOPS_GET,
      ngx_http_mlops_serve_page, NGX_HTTP_MLOPS_PAGE_MODEL_READY, 1 },

    { ngx_string("v1/models"), NGX_HTTP_MLOPS_GET,
      ngx_http_mlops_serve_page, NGX_HTTP_MLOPS_PAGE_LIST, 0 },

    { ngx_string("v1/models/*"), NGX_HTTP_MLOPS_GET,
      ngx_http_mlops_serve_page, NGX_HTTP_MLOPS_PAGE_STATUS, 0 },

    { ngx_string("v1/models/*/versions/*"), NGX_HTTP_MLOPS_GET,
      ngx_http_mlops_serve_page, NGX_HTTP_MLOPS_PAGE_STATUS, 1 },

    { ngx_string("v1/models/*/labels/*"), NGX_HTTP_MLOPS_GET,
      ngx_http_mlops_serve_page, NGX_HTTP_MLOPS_PAGE_STATUS, 0 },

    { ngx_string("ping"), NGX_HTTP_MLOPS_GET,
      ngx_http_mlops_serve_page, NGX_HTTP_MLOPS_PAGE_PING, 0 },

    { ngx_string("health"), NGX_HTTP_MLOPS_GET,
      ngx_http_mlops_serve_page, NGX_HTTP_MLOPS_PAGE_PING, 0 },

    { ngx_string("version"), NGX_HTTP_MLOPS_GET,
      ngx_http_mlops_serve_page, NGX_HTTP_MLOPS_PAGE_VERSION, 0 },

    { ngx_string(""), NGX_HTTP_MLOPS_GET,
      ngx_http_mlops_serve_page, NGX_HTTP_MLOPS_PAGE_ROOT, 0 },

    { ngx_null_string, 0, NULL, 0, 0 }
};


static ngx_str_t  ngx_http_mlops_allow_post = ngx_string("POST");
static ngx_str_t  ngx_http_mlops_allow_get = ngx_string("GET, HEAD");


ngx_int_t
ngx_http_mlops_serve_handler(ngx_http_request_t *r)
{
    ngx_str_t                      path, names[2];
    ngx_http_mlops_ctx_t          *ctx;
    const ngx_http_mlops_route_t  *route;

    ctx = ngx_http_mlops_begin(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    path = ngx_http_mlops_serve_path(r);
    route = ngx_http_mlops_serve_route(&path, names);

    if (route == NULL) {
        return NGX_HTTP_NOT_FOUND;
    }

    if (!(r->method & route->methods)) {
        return ngx_http_mlops_not_allowed(r, (route->methods & NGX_HTTP_POST)
                                             ? &ngx_http_mlops_allow_post
                                             : &ngx_http_mlops_allow_get);
    }

    return route->handler(r, ctx, route, names);
}


static ngx_str_t
ngx_http_mlops_serve_path(ngx_http_request_t *r)
{
    ngx_str_t                   path;
    ngx_http_mlops_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_mlops_module);

    path = r->uri;

    if (path.len >= mlcf->prefix.len
        && ngx_filename_cmp(path.data, mlcf->prefix.data, mlcf->prefix.len)
           == 0)
    {
        path.data += mlcf->prefix.len;
        path.len -= mlcf->prefix.len;
    }

    if (path.len != 0 && path.data[0] == '/') {
        path.data++;
        path.len--;
    }

    return path;
}


static const ngx_http_mlops_route_t *
ngx_http_mlops_serve_route(ngx_str_t *path, ngx_str_t *names)
{
    const ngx_http_mlops_route_t  *route;

    for (route = ngx_http_mlops_routes; route->handler != NULL; route++) {

        if (ngx_http_mlops_serve_match(&route->pattern, path, names)) {
            return route;
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_http_mlops_serve_match(const ngx_str_t *pattern, ngx_str_t *path,
    ngx_str_t *names)
{
    u_char  *p, *last, *s, *end;

    ngx_str_null(&names[0]);
    ngx_str_null(&names[1]);

    s = pattern->data;
    end = s + pattern->len;
    p = path->data;
    last = p + path->len;

    for ( /* void */ ; s < end; s++) {

        if (*s != '*') {
            if (p == last || *p != *s) {
                return 0;
            }

            p++;
            continue;
        }

        names->data = p;

        while (p < last && *p != '/' && *p != ':') {
            p++;
        }

        names->len = p - names->data;

        if (names->len == 0) {
            return 0;
        }

        names++;
    }

    return p == last;
}


/* NGX_OK, or a status: ctx->error says why. */

static ngx_int_t
ngx_http_mlops_serve_pin(ngx_http_mlops_ctx_t *ctx,
    const ngx_http_mlops_route_t *route, ngx_str_t *names)
{
    if (!ngx_http_mlops_served(ctx->request, &names[0])) {
        return ngx_http_mlops_unknown(ctx, &names[0]);
    }

    return ngx_http_mlops_pin(ctx, &names[0], &names[1], route->exact);
}


static ngx_int_t
ngx_http_mlops_serve_infer(ngx_http_request_t *r, ngx_http_mlops_ctx_t *ctx,
    const ngx_http_mlops_route_t *route, ngx_str_t *names)
{
    ngx_int_t  rc;

    ctx->asked = 1;
    ctx->door = route->door;

    rc = ngx_http_mlops_serve_pin(ctx, route, names);

    if (rc != NGX_OK) {
        return ngx_http_mlops_absent(ctx, rc);
    }

    return ngx_http_mlops_predict(r, ctx);
}


static ngx_int_t
ngx_http_mlops_serve_invocations(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx, const ngx_http_mlops_route_t *route,
    ngx_str_t *names)
{
    ngx_int_t  rc;

    rc = ngx_http_mlops_serve_only(r, &names[0]);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_discard_request_body(r);

        if (rc != NGX_OK) {
            return rc;
        }

        return ngx_http_mlops_send_error(r, NGX_HTTP_BAD_REQUEST,
                                         "several models are served here: "
                                         "/invocations needs a location "
                                         "that names one");
    }

    return ngx_http_mlops_serve_infer(r, ctx, route, names);
}


static ngx_int_t
ngx_http_mlops_serve_page(ngx_http_request_t *r, ngx_http_mlops_ctx_t *ctx,
    const ngx_http_mlops_route_t *route, ngx_str_t *names)
{
    ngx_int_t  rc;

    switch (route->door) {

    case NGX_HTTP_MLOPS_PAGE_METADATA:
        rc = ngx_http_mlops_serve_pin(ctx, route, names);

        if (rc != NGX_OK) {
            return ngx_http_mlops_absent(ctx, rc);
        }

        break;

    case NGX_HTTP_MLOPS_PAGE_MODEL_READY:
    case NGX_HTTP_MLOPS_PAGE_STATUS:
        rc = ngx_http_mlops_serve_pin(ctx, route, names);

        /* a model on its way has a page that says so */

        if (rc != NGX_OK && rc != NGX_HTTP_SERVICE_UNAVAILABLE) {
            return ngx_http_mlops_absent(ctx, rc);
        }

        break;

    case NGX_HTTP_MLOPS_PAGE_PING:
        (void) ngx_http_mlops_serve_only(r, &names[0]);
        break;

    default:
        break;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_mlops_page(r, ctx, route->door, names);
}


/* The one model of this location: NGX_OK; NGX_DECLINED where there are more;
 * without any, NGX_OK with an empty name. */

static ngx_int_t
ngx_http_mlops_serve_only(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_http_mlops_model_t  *model;

    ngx_str_set(name, "");

    for (model = ngx_http_mlops_models_first();
         model != NULL;
         model = model->next)
    {
        if (model->aliases_n == 0
            || !ngx_http_mlops_served(r, &model->name))
        {
            continue;
        }

        if (name->len != 0) {
            return NGX_DECLINED;
        }

        *name = model->name;
    }

    return NGX_OK;
}
