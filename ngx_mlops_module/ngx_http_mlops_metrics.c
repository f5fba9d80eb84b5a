/*
 * mlops_metrics: the Prometheus page.  docs/metrics.md fixes names and
 * labels.
 */

#include "ngx_http_mlops_module.h"
#include "ngx_http_mlops_counters.h"
#include "ngx_http_mlops_families.h"
#include "ngx_http_mlops_rooms.h"
#include "ngx_http_mlops_version.h"
#include "ngx_http_mlops_views.h"


typedef void (*ngx_http_mlops_sample_pt)(ngx_http_mlops_text_t *text,
    ngx_http_mlops_series_t *series);

typedef struct {
    ngx_str_t                   name;
    ngx_str_t                   type;
    ngx_str_t                   help;
    ngx_http_mlops_sample_pt    sample;
    size_t                      off;        /* of a plain counter */
} ngx_http_mlops_metric_t;


static void ngx_http_mlops_metrics_own(ngx_http_mlops_families_t *families);
static void ngx_http_mlops_metrics_single(
    ngx_http_mlops_families_t *families);
static void ngx_http_mlops_metrics_models(
    ngx_http_mlops_families_t *families);
static void ngx_http_mlops_metrics_views(
    ngx_http_mlops_families_t *families);
static void ngx_http_mlops_metrics_tables(
    ngx_http_mlops_families_t *families);
static void ngx_http_mlops_metrics_view(ngx_http_mlops_families_t *families,
    ngx_uint_t gauge, ngx_http_mlops_view_t *view,
    ngx_http_mlops_view_state_t *state);
static void ngx_http_mlops_metrics_errors(
    ngx_http_mlops_families_t *families);
static void ngx_http_mlops_metrics_page(void *data, ngx_str_t *process,
    ngx_str_t *content);
static void ngx_http_mlops_metrics_requests(ngx_http_mlops_text_t *text,
    ngx_http_mlops_series_t *series);
static void ngx_http_mlops_metrics_duration(ngx_http_mlops_text_t *text,
    ngx_http_mlops_series_t *series);
static void ngx_http_mlops_metrics_sets(ngx_http_mlops_text_t *text,
    ngx_http_mlops_series_t *series);
static void ngx_http_mlops_metrics_labels(ngx_http_mlops_text_t *text,
    ngx_http_mlops_series_t *series);


static ngx_http_mlops_metric_t  ngx_http_mlops_metric_table[] = {

    { ngx_string("mlops_requests_total"), ngx_string("counter"),
      ngx_string("Requests that asked for a model, by status code."),
      ngx_http_mlops_metrics_requests, 0 },

    { ngx_string("mlops_request_duration_seconds"), ngx_string("histogram"),
      ngx_string("From the whole request body to the whole answer."),
      ngx_http_mlops_metrics_duration, 0 },

    { ngx_string("mlops_set_total"), ngx_string("counter"),
      ngx_string("Evaluations of mlops_set, by result."),
      ngx_http_mlops_metrics_sets, 0 },

    { ngx_string("mlops_rows_total"), ngx_string("counter"),
      ngx_string("Rows answered."),
      NULL, offsetof(ngx_http_mlops_series_t, rows) },

    { ngx_string("mlops_out_of_range_rows_total"), ngx_string("counter"),
      ngx_string("Rows with a value outside the training range."),
      NULL, offsetof(ngx_http_mlops_series_t, range_rows) },

    { ngx_string("mlops_defaulted_rows_total"), ngx_string("counter"),
      ngx_string("Rows with a default filled in."),
      NULL, offsetof(ngx_http_mlops_series_t, default_rows) },

    { ngx_string("mlops_missing_rows_total"), ngx_string("counter"),
      ngx_string("Rows that a join left without a value and a default."),
      NULL, offsetof(ngx_http_mlops_series_t, missing_rows) },

    { ngx_string("mlops_stale_rows_total"), ngx_string("counter"),
      ngx_string("Rows with a joined value that is stale."),
      NULL, offsetof(ngx_http_mlops_series_t, stale_rows) },

    { ngx_string("mlops_warming_rows_total"), ngx_string("counter"),
      ngx_string("Rows with a joined value that is warming."),
      NULL, offsetof(ngx_http_mlops_series_t, warming_rows) },

    { ngx_string("mlops_swaps_total"), ngx_string("counter"),
      ngx_string("Versions taken into service, counted by each worker."),
      NULL, offsetof(ngx_http_mlops_series_t, swaps) },

    { ngx_string("mlops_refused_total"), ngx_string("counter"),
      ngx_string("Model images refused, counted by each worker."),
      NULL, offsetof(ngx_http_mlops_series_t, refused) },

    { ngx_null_string, ngx_null_string, ngx_null_string, NULL, 0 }
};


/* Of the worker that answers. */

#define NGX_HTTP_MLOPS_VIEW_AGE  offsetof(ngx_http_mlops_view_state_t, age_us)

static ngx_http_mlops_metric_t  ngx_http_mlops_view_gauges[] = {

    { ngx_string("mlops_view_shards_open"), ngx_string("gauge"),
      ngx_string("Feature tables that are mapped."),
      NULL, offsetof(ngx_http_mlops_view_state_t, open) },

    { ngx_string("mlops_view_rows"), ngx_string("gauge"),
      ngx_string("Entities in the feature tables."),
      NULL, offsetof(ngx_http_mlops_view_state_t, rows) },

    { ngx_string("mlops_view_capacity"), ngx_string("gauge"),
      ngx_string("Entities that the feature tables have room for."),
      NULL, offsetof(ngx_http_mlops_view_state_t, capacity) },

    { ngx_string("mlops_view_bytes"), ngx_string("gauge"),
      ngx_string("Bytes of the feature tables."),
      NULL, offsetof(ngx_http_mlops_view_state_t, bytes) },

    { ngx_string("mlops_view_evicted"), ngx_string("gauge"),
      ngx_string("Entities given up for room since the tables were made."),
      NULL, offsetof(ngx_http_mlops_view_state_t, evicted) },

    { ngx_string("mlops_view_beat_age_seconds"), ngx_string("gauge"),
      ngx_string("Since the writer of the oldest table was last alive."),
      NULL, NGX_HTTP_MLOPS_VIEW_AGE },

    { ngx_null_string, ngx_null_string, ngx_null_string, NULL, 0 }
};


static ngx_str_t  ngx_http_mlops_metrics_type =
    ngx_string("text/plain; version=0.0.4; charset=utf-8");
static ngx_str_t  ngx_http_mlops_gauge = ngx_string("gauge");
static ngx_str_t  ngx_http_mlops_allow = ngx_string("GET, HEAD");


ngx_int_t
ngx_http_mlops_metrics_handler(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_http_mlops_text_t       text;
    ngx_http_mlops_families_t   families;

    if (ngx_http_mlops_begin(r) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_http_mlops_not_allowed(r, &ngx_http_mlops_allow);
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_mlops_families_init(&families, r->pool);

    ngx_http_mlops_metrics_single(&families);
    ngx_http_mlops_metrics_own(&families);
    ngx_http_mlops_metrics_models(&families);
    ngx_http_mlops_metrics_views(&families);
    ngx_http_mlops_metrics_tables(&families);

    families.errors += ngx_http_mlops_room_read(r, "metrics", ".prom",
                                                ngx_http_mlops_metrics_page,
                                                &families);
    ngx_http_mlops_metrics_errors(&families);

    ngx_http_mlops_text_init(&text, r->pool, 16384);
    ngx_http_mlops_families_print(&families, &text);

    if (text.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_mlops_send_text(r, NGX_HTTP_OK,
                                    &ngx_http_mlops_metrics_type, text.start,
                                    text.pos - text.start);
}


static void
ngx_http_mlops_metrics_single(ngx_http_mlops_families_t *families)
{
    ngx_str_t                 name, help;
    ngx_http_mlops_family_t  *family;

    ngx_str_set(&name, "mlops_build_info");
    ngx_str_set(&help, "The version of ngx_mlops.");

    family = ngx_http_mlops_family(families, &name, &ngx_http_mlops_gauge,
                                   &help);
    if (family == NULL) {
        return;
    }

    ngx_http_mlops_text_lit(&family->samples,
                            "mlops_build_info{version=\""
                            NGX_HTTP_MLOPS_VERSION "\"} 1\n");

    ngx_str_set(&name, "mlops_workers");
    ngx_str_set(&help, "Worker processes alive.");

    family = ngx_http_mlops_family(families, &name, &ngx_http_mlops_gauge,
                                   &help);
    if (family == NULL) {
        return;
    }

    ngx_http_mlops_text_printf(&family->samples, "mlops_workers %ui\n",
                               ngx_http_mlops_workers());
}


static void
ngx_http_mlops_metrics_own(ngx_http_mlops_families_t *families)
{
    ngx_uint_t                i, n;
    ngx_atomic_uint_t         value;
    ngx_http_mlops_family_t  *family;
    ngx_http_mlops_metric_t  *metric;
    ngx_http_mlops_series_t  *series;

    series = ngx_http_mlops_series_snapshot(families->pool, &n);

    if (series == NULL) {
        return;
    }

    for (metric = ngx_http_mlops_metric_table; metric->name.len; metric++) {

        family = ngx_http_mlops_family(families, &metric->name, &metric->type,
                                       &metric->help);
        if (family == NULL) {
            return;
        }

        for (i = 0; i < n; i++) {

            if (metric->sample != NULL) {
                metric->sample(&family->samples, &series[i]);
                continue;
            }

            value = *(ngx_atomic_t *) ((u_char *) &series[i] + metric->off);

            /* of what a series cannot have, or has not had, nothing */

            if (value == 0) {
                continue;
            }

            ngx_http_mlops_text_add(&family->samples, metric->name.data,
                                    metric->name.len);
            ngx_http_mlops_text_lit(&family->samples, "{");
            ngx_http_mlops_metrics_labels(&family->samples, &series[i]);
            ngx_http_mlops_text_printf(&family->samples, "} %uA\n", value);
        }
    }
}


static void
ngx_http_mlops_metrics_requests(ngx_http_mlops_text_t *text,
    ngx_http_mlops_series_t *series)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_MLOPS_CODES_N; i++) {

        if (series->codes[i] == 0) {
            continue;
        }

        ngx_http_mlops_text_lit(text, "mlops_requests_total{");
        ngx_http_mlops_metrics_labels(text, series);

        if (ngx_http_mlops_codes[i] != 0) {
            ngx_http_mlops_text_printf(text, ",code=\"%ui\"} %uA\n",
                                       ngx_http_mlops_codes[i],
                                       series->codes[i]);

        } else {
            ngx_http_mlops_text_printf(text, ",code=\"other\"} %uA\n",
                                       series->codes[i]);
        }
    }
}


static void
ngx_http_mlops_metrics_duration(ngx_http_mlops_text_t *text,
    ngx_http_mlops_series_t *series)
{
    ngx_uint_t         i;
    ngx_atomic_uint_t  n;

    n = 0;

    for (i = 0; i < NGX_HTTP_MLOPS_BUCKETS_N; i++) {
        n += series->buckets[i];
    }

    if (n == 0) {
        return;
    }

    n = 0;

    for (i = 0; i < NGX_HTTP_MLOPS_BUCKETS_N; i++) {
        n += series->buckets[i];

        ngx_http_mlops_text_lit(text,
                                "mlops_request_duration_seconds_bucket{");
        ngx_http_mlops_metrics_labels(text, series);
        ngx_http_mlops_text_printf(text, ",le=\"%s\"} %uA\n",
                                   ngx_http_mlops_bound_names[i], n);
    }

    ngx_http_mlops_text_lit(text, "mlops_request_duration_seconds_sum{");
    ngx_http_mlops_metrics_labels(text, series);
    ngx_http_mlops_text_lit(text, "} ");
    ngx_http_mlops_text_double(text, (double) series->sum_ns / 1e9);

    ngx_http_mlops_text_lit(text,
                            "\nmlops_request_duration_seconds_count{");
    ngx_http_mlops_metrics_labels(text, series);
    ngx_http_mlops_text_printf(text, "} %uA\n", n);
}


static void
ngx_http_mlops_metrics_sets(ngx_http_mlops_text_t *text,
    ngx_http_mlops_series_t *series)
{
    ngx_uint_t  i;

    static const char *const  results[] = { "failed", "ok" };

    for (i = 0; i < 2; i++) {

        if (series->sets[i] == 0) {
            continue;
        }

        ngx_http_mlops_text_lit(text, "mlops_set_total{");
        ngx_http_mlops_metrics_labels(text, series);
        ngx_http_mlops_text_printf(text, ",result=\"%s\"} %uA\n", results[i],
                                   series->sets[i]);
    }
}


static void
ngx_http_mlops_metrics_labels(ngx_http_mlops_text_t *text,
    ngx_http_mlops_series_t *series)
{
    ngx_http_mlops_text_lit(text, "model=");
    ngx_http_mlops_label(text, series->model, ngx_strlen(series->model));
    ngx_http_mlops_text_lit(text, ",version=");
    ngx_http_mlops_label(text, series->version, ngx_strlen(series->version));
}


static void
ngx_http_mlops_metrics_models(ngx_http_mlops_families_t *families)
{
    ngx_str_t                  name, help;
    ngx_uint_t                 i;
    ngx_http_mlops_text_t     *text;
    ngx_http_mlops_model_t    *model;
    ngx_http_mlops_alias_t    *alias;
    ngx_http_mlops_family_t   *family;

    ngx_str_set(&name, "mlops_model_info");
    ngx_str_set(&help, "1 for every alias that serves.");

    family = ngx_http_mlops_family(families, &name, &ngx_http_mlops_gauge,
                                   &help);
    if (family == NULL) {
        return;
    }

    text = &family->samples;

    for (model = ngx_http_mlops_models_first();
         model != NULL;
         model = model->next)
    {
        for (i = 0; i < model->aliases_n; i++) {
            alias = &model->aliases[i];

            if (alias->version == NULL) {
                continue;
            }

            ngx_http_mlops_text_lit(text, "mlops_model_info{model=");
            ngx_http_mlops_label(text, model->name.data, model->name.len);
            ngx_http_mlops_text_lit(text, ",version=");
            ngx_http_mlops_label(text, alias->version->name.data,
                                 alias->version->name.len);
            ngx_http_mlops_text_lit(text, ",alias=");
            ngx_http_mlops_label(text, alias->name.data, alias->name.len);
            ngx_http_mlops_text_printf(text, ",platform=\"%s\"} 1\n",
                                       mlops_model_platform(
                                           alias->version->model));
        }
    }
}


/* Counters of views, of all workers. */

static void
ngx_http_mlops_metrics_views(ngx_http_mlops_families_t *families)
{
    ngx_str_t                       name, help, type;
    ngx_uint_t                      i, k, n;
    ngx_http_mlops_text_t          *text;
    ngx_http_mlops_family_t        *family;
    ngx_http_mlops_view_series_t   *series;

    series = ngx_http_mlops_view_series_snapshot(families->pool, &n);

    if (series == NULL || n == 0) {
        return;
    }

    ngx_str_set(&type, "counter");
    ngx_str_set(&name, "mlops_view_lookups_total");
    ngx_str_set(&help, "Rows of feature tables looked up, by status.");

    family = ngx_http_mlops_family(families, &name, &type, &help);
    if (family == NULL) {
        return;
    }

    text = &family->samples;

    for (i = 0; i < n; i++) {
        for (k = 0; k < MLOPS_STATUS_N; k++) {

            if (series[i].lookups[k] == 0) {
                continue;
            }

            ngx_http_mlops_text_lit(text, "mlops_view_lookups_total{view=");
            ngx_http_mlops_label(text, series[i].name,
                                 ngx_strlen(series[i].name));
            ngx_http_mlops_text_printf(text, ",status=\"%s\"} %uA\n",
                                       mlops_status_name(k),
                                       series[i].lookups[k]);
        }
    }

    ngx_str_set(&name, "mlops_view_reopened_total");
    ngx_str_set(&help, "Feature tables replaced by newer files, counted by "
                       "each worker.");

    family = ngx_http_mlops_family(families, &name, &type, &help);
    if (family == NULL) {
        return;
    }

    for (i = 0; i < n; i++) {
        ngx_http_mlops_text_lit(&family->samples,
                                "mlops_view_reopened_total{view=");
        ngx_http_mlops_label(&family->samples, series[i].name,
                             ngx_strlen(series[i].name));
        ngx_http_mlops_text_printf(&family->samples, "} %uA\n",
                                   series[i].reopened);
    }
}


/* What the tables of this worker's plan hold. */

static void
ngx_http_mlops_metrics_tables(ngx_http_mlops_families_t *families)
{
    ngx_uint_t                    i, k, n;
    ngx_http_mlops_view_t        *views;
    ngx_http_mlops_view_state_t   state;

    views = ngx_http_mlops_views(&n);

    for (k = 0; ngx_http_mlops_view_gauges[k].name.len; k++) {
        for (i = 0; i < n; i++) {
            ngx_http_mlops_view_state(&views[i], &state);
            ngx_http_mlops_metrics_view(families, k, &views[i], &state);
        }
    }
}


static void
ngx_http_mlops_metrics_view(ngx_http_mlops_families_t *families,
    ngx_uint_t gauge, ngx_http_mlops_view_t *view,
    ngx_http_mlops_view_state_t *state)
{
    uint64_t                   value;
    ngx_http_mlops_text_t     *text;
    ngx_http_mlops_family_t   *family;
    ngx_http_mlops_metric_t   *metric;

    metric = &ngx_http_mlops_view_gauges[gauge];

    family = ngx_http_mlops_family(families, &metric->name, &metric->type,
                                   &metric->help);

    /* nobody has written yet, or does so only when there is a file */

    if (family == NULL || (metric->off == NGX_HTTP_MLOPS_VIEW_AGE
                           && (state->open == 0
                               || view->plan->kafka_name.len == 0)))
    {
        return;
    }

    text = &family->samples;

    ngx_http_mlops_text_add(text, metric->name.data, metric->name.len);
    ngx_http_mlops_text_lit(text, "{view=");
    ngx_http_mlops_label(text, view->plan->name.data, view->plan->name.len);
    ngx_http_mlops_text_lit(text, "} ");

    if (metric->off == NGX_HTTP_MLOPS_VIEW_AGE) {
        ngx_http_mlops_text_double(text, (double) state->age_us / 1e6);
        ngx_http_mlops_text_lit(text, "\n");
        return;
    }

    value = *(uint64_t *) ((u_char *) state + metric->off);

    ngx_http_mlops_text_printf(text, "%uL\n", value);
}


static void
ngx_http_mlops_metrics_errors(ngx_http_mlops_families_t *families)
{
    ngx_str_t                 name, help;
    ngx_http_mlops_family_t  *family;

    ngx_str_set(&name, "mlops_metrics_errors");
    ngx_str_set(&help, "Metric pages of sidecars that could not be read.");

    family = ngx_http_mlops_family(families, &name, &ngx_http_mlops_gauge,
                                   &help);
    if (family != NULL) {
        ngx_http_mlops_text_printf(&family->samples,
                                   "mlops_metrics_errors %ui\n",
                                   families->errors);
    }
}


static void
ngx_http_mlops_metrics_page(void *data, ngx_str_t *process,
    ngx_str_t *content)
{
    ngx_http_mlops_families_merge(data, process, content->data, content->len);
}
