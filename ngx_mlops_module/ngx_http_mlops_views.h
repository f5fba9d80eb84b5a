/*
 * The worker's feature tables, for what reads them and for the pages.
 */

#ifndef NGX_HTTP_MLOPS_VIEWS_H
#define NGX_HTTP_MLOPS_VIEWS_H


#include "ngx_http_mlops_module.h"

#include "mlops_join.h"


/* Where a shard's file stood when it was looked at. */

typedef struct {
    dev_t                         dev;
    ino_t                         ino;          /* 0: nowhere */
    struct timespec               ctime;
} ngx_http_mlops_shard_t;


typedef struct {
    const mlops_plan_view_t      *plan;
    mlops_tables_t                tables;
    size_t                        text_size;    /* of tables.text */
    ngx_http_mlops_shard_t       *open;         /* by shard: what is mapped */
    ngx_http_mlops_shard_t       *refused;      /* and what is not */
    u_char                        error[MLOPS_ERR_SIZE];
                                                /* why; "" where all is well */
    ngx_http_mlops_view_series_t *series;
} ngx_http_mlops_view_t;


/* The views of the worker's plan, in its order; *n of them. */
ngx_http_mlops_view_t *ngx_http_mlops_views(ngx_uint_t *n);
/* One that stands in the plan; NULL: this worker has another plan, or no
 * memory. */
ngx_http_mlops_view_t *ngx_http_mlops_view(const mlops_plan_view_t *plan);

/* What the mapped tables say of themselves, together. */

typedef struct {
    uint64_t                      open;
    uint64_t                      rows;
    uint64_t                      capacity;
    uint64_t                      bytes;
    uint64_t                      evicted;
    int64_t                       beat_us;      /* the oldest; INT64_MIN: no
                                                   table */
    int64_t                       age_us;       /* since then */
} ngx_http_mlops_view_state_t;

void ngx_http_mlops_view_state(ngx_http_mlops_view_t *view,
    ngx_http_mlops_view_state_t *state);
/* Is a column of it warming in some shard? */
ngx_uint_t ngx_http_mlops_view_warming(ngx_http_mlops_view_t *view,
    ngx_uint_t column);

/* Moves the lookups that tables has counted to the counters. */
void ngx_http_mlops_view_count(ngx_http_mlops_view_t *view);

/* The time of views with clock wall, in microseconds: nginx's own, so that
 * no request asks the system. */
int64_t ngx_http_mlops_now_us(void);


#endif /* NGX_HTTP_MLOPS_VIEWS_H */
