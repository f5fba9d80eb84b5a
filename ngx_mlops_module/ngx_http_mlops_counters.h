/*
 * Counters in an nginx zone: shared by all workers, kept across reloads.
 *
 * The zone holds one table of series.  A series belongs to (model, version);
 * version "" counts what no version answered, and "_other" what versions did
 * whose own series was recycled.  Model "_unknown" is all names that are not
 * served.  A model has at most 16 series of versions: a 17th takes the oldest
 * one that no living worker uses, whose counts move to "_other" first, so
 * sums never go back.
 *
 * Views have series of their own, by name; they come from the configuration
 * and are few.
 *
 * Counting is atomic adds; finding, making and recycling a series is under
 * the zone's mutex, which is taken when a worker counts for a version for the
 * first time, when it lets go of one, and by the pages.  So it is versions
 * that are asked for that share the places, however many are mapped.
 */

#ifndef NGX_HTTP_MLOPS_COUNTERS_H
#define NGX_HTTP_MLOPS_COUNTERS_H


#include "ngx_http_mlops_module.h"


#define NGX_HTTP_MLOPS_SERIES_N     1024
#define NGX_HTTP_MLOPS_WORKERS_N    256
#define NGX_HTTP_MLOPS_VERSIONS_N   16
#define NGX_HTTP_MLOPS_VIEWS_N      256

#define NGX_HTTP_MLOPS_CODES_N      13      /* the last one: all others */
#define NGX_HTTP_MLOPS_BUCKETS_N    18      /* the last one: +Inf */


struct ngx_http_mlops_series_s {
    /* written by every request of this series */
    ngx_atomic_t   codes[NGX_HTTP_MLOPS_CODES_N];
    ngx_atomic_t   rows;
    ngx_atomic_t   range_rows;
    ngx_atomic_t   default_rows;
    ngx_atomic_t   missing_rows;
    ngx_atomic_t   stale_rows;
    ngx_atomic_t   warming_rows;
    ngx_atomic_t   buckets[NGX_HTTP_MLOPS_BUCKETS_N];   /* not cumulative */
    ngx_atomic_t   sum_ns;
    ngx_atomic_t   swaps;
    ngx_atomic_t   refused;
    ngx_atomic_t   sets[2];                 /* mlops_set: failed, done */

    /* written under the mutex */
    uint64_t       users[NGX_HTTP_MLOPS_WORKERS_N / 64];
    ngx_uint_t     kept;                    /* a worker without a place has
                                               it */
    ngx_uint_t     made;                    /* order of making; 0: free */
    u_char         model[MLOPS_NAME_LEN + 1];
    u_char         version[MLOPS_VERSION_LEN + 1];
};


/* Of a view.  The last place of the table is "_other"'s. */

struct ngx_http_mlops_view_series_s {
    ngx_atomic_t   lookups[MLOPS_STATUS_N];
    ngx_atomic_t   reopened;
    u_char         name[MLOPS_NAME_LEN + 1];            /* "": free */
};


/* Codes by index; 0 for the last. */
extern const ngx_uint_t  ngx_http_mlops_codes[NGX_HTTP_MLOPS_CODES_N];
/* Upper bounds in nanoseconds, and as Prometheus' le. */
extern const uint64_t    ngx_http_mlops_bounds[NGX_HTTP_MLOPS_BUCKETS_N - 1];
extern const char       *ngx_http_mlops_bound_names[NGX_HTTP_MLOPS_BUCKETS_N];


/* A copy of all series in use, sorted by model and version, from the pool;
 * *n of them.  NULL: memory. */
ngx_http_mlops_series_t *ngx_http_mlops_series_snapshot(ngx_pool_t *pool,
    ngx_uint_t *n);

/* The same of views, by name. */
ngx_http_mlops_view_series_t *ngx_http_mlops_view_series_snapshot(
    ngx_pool_t *pool, ngx_uint_t *n);

/* Living workers that have taken a place in the zone. */
ngx_uint_t ngx_http_mlops_workers(void);


#endif /* NGX_HTTP_MLOPS_COUNTERS_H */
