/*
 * Directives that give a location its content, and their limits.
 *
 * A location has one content handler, and nginx lets the last directive that
 * sets it win in silence.  Here that is an error: a prediction that became a
 * proxy by the order of two lines is hard to find.  "if" and limit_except
 * blocks inherit the content of their location, as with proxy_pass.
 */

#include "ngx_http_mlops_module.h"


typedef struct {
    ngx_str_t   name;
    ngx_uint_t  max;
    size_t      offset;
} ngx_http_mlops_limit_t;


static char *ngx_http_mlops_content(ngx_conf_t *cf,
    ngx_http_mlops_loc_conf_t *mlcf, ngx_http_handler_pt handler);
static char *ngx_http_mlops_features_views(ngx_conf_t *cf,
    ngx_http_mlops_loc_conf_t *conf);
static char *ngx_http_mlops_name_check(ngx_conf_t *cf, ngx_str_t *name,
    const char *what);


static ngx_http_mlops_limit_t  ngx_http_mlops_limits[] = {

    { ngx_string("rows"), 16777216,
      offsetof(ngx_http_mlops_loc_conf_t, limit_rows) },

    { ngx_string("elements"), 268435456,
      offsetof(ngx_http_mlops_loc_conf_t, limit_elements) },

    { ngx_string("depth"), 512,
      offsetof(ngx_http_mlops_loc_conf_t, limit_depth) },

    { ngx_string("inputs"), 1048576,
      offsetof(ngx_http_mlops_loc_conf_t, limit_inputs) }
};


char *
ngx_http_mlops_serve_at(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_mlops_loc_conf_t *mlcf = conf;

    ngx_str_t                 *value, *name;
    ngx_uint_t                 i, j;
    ngx_http_core_loc_conf_t  *clcf;

    if (mlcf->serve) {
        return "is duplicate";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->named) {
        return "mounts paths below a prefix: expected a prefix location,"
               " got a named one";
    }

#if (NGX_PCRE)
    if (clcf->regex != NULL) {
        return "mounts paths below a prefix: expected a prefix location,"
               " got a regular expression";
    }
#endif

    value = cf->args->elts;

    if (cf->args->nelts > 1) {
        mlcf->names = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                       sizeof(ngx_str_t));
        if (mlcf->names == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_mlops_name_check(cf, &value[i], "model")
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }

        for (j = 1; j < i; j++) {
            if (value[i].len == value[j].len
                && ngx_strncmp(value[i].data, value[j].data, value[i].len)
                   == 0)
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "model \"%V\" is named twice in "
                                   "\"mlops_serve\"", &value[i]);
                return NGX_CONF_ERROR;
            }
        }

        name = ngx_array_push(mlcf->names);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    if (!clcf->exact_match) {
        mlcf->prefix = clcf->name;
    }

    mlcf->serve = 1;

    return ngx_http_mlops_content(cf, mlcf, ngx_http_mlops_serve_handler);
}


char *
ngx_http_mlops_predict_at(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_mlops_loc_conf_t *mlcf = conf;

    u_char                            *at;
    ngx_str_t                         *value, part;
    ngx_http_compile_complex_value_t   ccv;

    if (mlcf->predict != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_script_variables_count(&value[1]) == 0) {
        part = value[1];
        at = ngx_strlchr(part.data, part.data + part.len, '@');

        if (at != NULL) {
            part.len = at - part.data;
        }

        if (ngx_http_mlops_name_check(cf, &part, "model") != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }

        if (at != NULL) {
            part.data = at + 1;
            part.len = value[1].data + value[1].len - part.data;

            if (ngx_http_mlops_name_check(cf, &part, "alias")
                != NGX_CONF_OK)
            {
                return NGX_CONF_ERROR;
            }
        }
    }

    mlcf->predict = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (mlcf->predict == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = mlcf->predict;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_mlops_content(cf, mlcf, ngx_http_mlops_predict_handler);
}


/* Views may stand behind the location: they are looked up at the merge. */

char *
ngx_http_mlops_features_at(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_mlops_loc_conf_t *mlcf = conf;

    ngx_str_t   *value, *name;
    ngx_uint_t   i, j;

    if (mlcf->features != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    mlcf->features = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                      sizeof(ngx_str_t));
    if (mlcf->features == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_mlops_name_check(cf, &value[i], "view") != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }

        for (j = 1; j < i; j++) {
            if (value[i].len == value[j].len
                && ngx_strncmp(value[i].data, value[j].data, value[i].len)
                   == 0)
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "view \"%V\" is named twice in "
                                   "\"mlops_features\"", &value[i]);
                return NGX_CONF_ERROR;
            }
        }

        name = ngx_array_push(mlcf->features);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    return ngx_http_mlops_content(cf, mlcf, ngx_http_mlops_features_handler);
}


static char *
ngx_http_mlops_features_views(ngx_conf_t *cf, ngx_http_mlops_loc_conf_t *conf)
{
    ngx_str_t                   *names;
    ngx_uint_t                   i;
    ngx_http_mlops_main_conf_t  *mmcf;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_mlops_module);

    conf->views = ngx_palloc(cf->pool, conf->features->nelts
                                       * sizeof(mlops_plan_view_t *));
    if (conf->views == NULL) {
        return NGX_CONF_ERROR;
    }

    names = conf->features->elts;

    for (i = 0; i < conf->features->nelts; i++) {
        conf->views[i] = mlops_plan_view(&mmcf->plan, (char *) names[i].data,
                                         names[i].len);

        if (conf->views[i] == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown view \"%V\" in \"mlops_features\": "
                          "expected one that an \"mlops_view\" declares in "
                          "%V:%ui", &names[i], &conf->file, conf->line);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* mlops_metrics, mlops_status: cmd->offset is the flag, cmd->post what makes
 * the page. */

char *
ngx_http_mlops_page_at(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_flag_t                 *flag;
    ngx_http_mlops_loc_conf_t  *mlcf;

    mlcf = conf;
    flag = (ngx_flag_t *) ((u_char *) conf + cmd->offset);

    if (*flag) {
        return "is duplicate";
    }

    *flag = 1;

    return ngx_http_mlops_content(cf, mlcf,
                                  (ngx_http_handler_pt) cmd->post);
}


static char *
ngx_http_mlops_content(ngx_conf_t *cf, ngx_http_mlops_loc_conf_t *mlcf,
    ngx_http_handler_pt handler)
{
    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    value = cf->args->elts;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (mlcf->content.len != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" cannot share a location with \"%V\" of "
                           "line %ui", &value[0], &mlcf->content,
                           mlcf->line);
        return NGX_CONF_ERROR;
    }

    if (clcf->handler != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" cannot share a location with the "
                           "directive above that makes its content "
                           "already (such as proxy_pass)", &value[0]);
        return NGX_CONF_ERROR;
    }

    clcf->handler = handler;

    mlcf->content = value[0];
    mlcf->file = cf->conf_file->file.name;
    mlcf->line = cf->conf_file->line;

    ngx_http_mlops_use(cf);

    return NGX_CONF_OK;
}


char *
ngx_http_mlops_content_merge(ngx_conf_t *cf, ngx_http_mlops_loc_conf_t *prev,
    ngx_http_mlops_loc_conf_t *conf)
{
    ngx_http_handler_pt        handler;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->noname && clcf->handler == NULL && prev->content.len != 0) {
        conf->serve = prev->serve;
        conf->names = prev->names;
        conf->prefix = prev->prefix;
        conf->predict = prev->predict;
        conf->metrics = prev->metrics;
        conf->status = prev->status;
        conf->features = prev->features;
        conf->content = prev->content;
        conf->file = prev->file;
        conf->line = prev->line;
    }

    if (conf->content.len == 0) {
        return NGX_CONF_OK;
    }

    if (conf->features != NULL
        && ngx_http_mlops_features_views(cf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    handler = conf->serve ? ngx_http_mlops_serve_handler
              : conf->predict != NULL ? ngx_http_mlops_predict_handler
              : conf->features != NULL ? ngx_http_mlops_features_handler
              : conf->metrics ? ngx_http_mlops_metrics_handler
              : ngx_http_mlops_status_handler;

    if (clcf->handler != NULL && clcf->handler != handler) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%V\" cannot share a location with the directive "
                      "below it that makes its content too (such as "
                      "proxy_pass) in %V:%ui", &conf->content, &conf->file,
                      conf->line);
        return NGX_CONF_ERROR;
    }

    clcf->handler = handler;

    return NGX_CONF_OK;
}


void
ngx_http_mlops_use(ngx_conf_t *cf)
{
    ngx_str_t                   *value;
    ngx_http_mlops_main_conf_t  *mmcf;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_mlops_module);

    value = cf->args->elts;

    if (mmcf->used_name.len == 0) {
        mmcf->used_name = value[0];
        mmcf->used_file = cf->conf_file->file.name;
        mmcf->used_line = cf->conf_file->line;
    }

    mmcf->used = 1;
}


static char *
ngx_http_mlops_name_check(ngx_conf_t *cf, ngx_str_t *name, const char *what)
{
    if (mlops_name_valid((char *) name->data, name->len)) {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid %s name \"%V\": expected 1 to 64 letters, "
                       "digits, \"_\", \"-\" and \".\", the first not a "
                       "dot", what, name);

    return NGX_CONF_ERROR;
}


char *
ngx_http_mlops_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t                n;
    ngx_str_t               *value;
    ngx_uint_t               i, k, *field;
    ngx_http_mlops_limit_t  *limit;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        limit = NULL;

        for (k = 0; k < mlops_nitems(ngx_http_mlops_limits); k++) {
            limit = &ngx_http_mlops_limits[k];

            if (value[i].len > limit->name.len
                && value[i].data[limit->name.len] == '='
                && ngx_strncmp(value[i].data, limit->name.data,
                               limit->name.len)
                   == 0)
            {
                break;
            }

            limit = NULL;
        }

        if (limit == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"mlops_limit\":"
                               " expected rows=, elements=, depth= or "
                               "inputs= and a number", &value[i]);
            return NGX_CONF_ERROR;
        }

        field = (ngx_uint_t *) ((u_char *) conf + limit->offset);

        if (*field != NGX_CONF_UNSET_UINT) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V=\" of \"mlops_limit\" is duplicate",
                               &limit->name);
            return NGX_CONF_ERROR;
        }

        n = ngx_atoi(value[i].data + limit->name.len + 1,
                     value[i].len - limit->name.len - 1);

        if (n == NGX_ERROR || n == 0 || (ngx_uint_t) n > limit->max) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value in \"%V\" of \"mlops_limit\":"
                               " expected a whole number from 1 to %ui",
                               &value[i], limit->max);
            return NGX_CONF_ERROR;
        }

        *field = n;
    }

    return NGX_CONF_OK;
}
